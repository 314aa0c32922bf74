/* lower_lookup.c - windows of many kinds: where their taps lie is looked up.
 *
 * note [lookup]
 * Adaptive windows, and wide borders along several axes, fall into more kinds than anybody wants code for: 100 x 100 to 33 x
 * 33 into a thousand.  Here one loop nest is for all of them.  Along each axis the taps of the windows lie in one list after
 * the other (struct pc_axis_table): a loop over the windows looks up which part of the list is its window's, a loop inside
 * walks through as many entries as the longest window has.  A shorter one meets its last tap again, which changes no
 * maximum; to a sum such a tap adds nothing.  The other direction is the same: the windows that cover an input lie in a list
 * too.
 *
 * What is looked up is the same for all channels, and for all planes: a block of them shares it.  Channels-last, blocks are
 * taken one after the other in each pixel, so that memory is walked through in its order. */
#include "middle/lane_plan.h"
#include "middle/lower_block.h"

#include <assert.h>

/* An entry of the table of each axis, added up: all integers of one lane. */
struct entry {
    ir_ref offset; /* elements to its tap, or window; 0: none */
    ir_ref plane;  /* the same in the plane, where the kernel asks for it */
    ir_ref tap;    /* its number */
    ir_ref count;  /* backward: the product of its window's counts */
    ir_ref beyond; /* entries behind the last one of the row, at most along any axis: above 0 it does not count */
};

struct lookup {
    struct nest *nest;
    struct block block;
    /* Per axis; NULL: windows lie at equal distances, or are the inputs themselves. */
    const struct pc_axis_table *table[POOL_MAX_RANK];
    ir_ref first[POOL_MAX_RANK], last[POOL_MAX_RANK]; /* entries of the row at hand; last only where rows differ in length */
    ir_ref divisor;                                   /* forward: the product of the row's counts; 0: none */
};

static bool is_backward(const struct nest *nest) {
    return nest->plan->kind == PC_KERNEL_BACKWARD;
}

static struct ir_type one_integer(const struct nest *nest) {
    return (struct ir_type){nest->track.element, 1};
}

/* ---- integers ---- */

static ir_ref add(struct nest *nest, ir_ref a, ir_ref b) {
    return a && b ? ir_op2(&nest->b, IR_ADD, a, b) : a ? a : b;
}

static ir_ref multiply(struct nest *nest, ir_ref a, ir_ref b) {
    if (!a || !b)
        return a ? a : b;
    const struct ir_node *x = ir_at(nest->b.function, a), *y = ir_at(nest->b.function, b);
    if (x->op == IR_CONST && y->op == IR_CONST)
        return ir_integer(&nest->b, one_integer(nest), x->u.integer * y->u.integer);
    return y->op == IR_CONST && y->u.integer == 1 ? a : ir_op2(&nest->b, IR_MUL, a, b);
}

/* Number `at` of a list whose numbers are so many times as large. */
static ir_ref number(struct nest *nest, ir_ref at, const int64_t *list, int64_t count, int64_t times) {
    int64_t *numbers = PC_NEW_ARRAY(nest->arena, (size_t)count, int64_t);
    bool same = true;
    for (int64_t i = 0; i < count; i++) {
        numbers[i] = list[i] * times;
        same &= numbers[i] == numbers[0];
    }
    return same ? ir_integer(&nest->b, one_integer(nest), numbers[0])
                : ir_lookup(&nest->b, (enum ir_element)nest->track.element, at, numbers, count);
}

static ir_ref variable(struct nest *nest, uint32_t loop) {
    const struct ir_affine turn = {.buffer = -1, .count = 1, .term = {{loop, 1}}};
    return loop == NEST_NO_LOOP ? ir_integer(&nest->b, one_integer(nest), 0)
                                : ir_affine(&nest->b, one_integer(nest), &turn, 0);
}

/* In all lanes of a vector. */
static ir_ref spread(struct nest *nest, ir_ref a) {
    return nest->real.lanes > 1 ? ir_splat(&nest->b, nest->real.lanes, a) : a;
}

/* ---- entries ---- */

/* `entry`, and number k of the row along axis a. */
static struct entry add_entry(struct lookup *l, struct entry entry, int a, ir_ref k) {
    struct nest *nest = l->nest;
    const struct pc_axis_table *t = l->table[a];
    const struct steps stride = nest->stride[a];
    const ir_ref raw = ir_op2(&nest->b, IR_ADD, l->first[a], k);
    const ir_ref at = t->is_even ? raw : ir_op2(&nest->b, IR_PICK_LT, raw, l->last[a]);
    entry.offset =
        add(nest, entry.offset, number(nest, at, t->at, t->entries, is_backward(nest) ? stride.narrow : stride.wide));
    entry.tap = add(nest, entry.tap, number(nest, at, t->tap, t->entries, stride.tap));
    if (!is_backward(nest))
        entry.plane = add(nest, entry.plane, number(nest, at, t->at, t->entries, stride.plane));
    else
        entry.count = multiply(nest, entry.count, number(nest, at, t->count, t->entries, 1));
    if (!t->is_even) {
        const ir_ref beyond = ir_op2(&nest->b, IR_SUB, raw, l->last[a]);
        entry.beyond = entry.beyond ? ir_op2(&nest->b, IR_PICK_GT, entry.beyond, beyond) : beyond;
    }
    return entry;
}

/* What lies `entry` further than the place, of vector v. */
static ir_ref load(struct lookup *l, int buffer, const struct place *place, const struct entry *entry, int64_t apart,
                   int64_t v) {
    struct nest *nest = l->nest;
    const struct ir_type type = {(uint8_t)nest->b.function->buffers[buffer].element, nest->real.lanes};
    struct ir_affine affine = place->affine;
    affine.buffer = buffer;
    const ir_ref offset = entry->offset ? entry->offset : ir_integer(&nest->b, one_integer(nest), 0);
    return ir_load_at(&nest->b, type, &affine, place->constant + v * apart, offset, block_mask(&l->block, v));
}

/* `value` where the entry counts, else `otherwise`. */
static ir_ref where_it_counts(struct lookup *l, const struct entry *entry, ir_ref value, ir_ref otherwise) {
    struct nest *nest = l->nest;
    if (!entry->beyond)
        return value;
    const ir_ref zero = ir_integer(&nest->b, nest->track, 0);
    return ir_select(&nest->b, ir_op2(&nest->b, IR_LE, spread(nest, entry->beyond), zero), value, otherwise);
}

/* What windows are divided by: what their axes count, those with a table (0: there are none) and the others; 0: nothing. */
static ir_ref divisor_of(struct nest *nest, ir_ref count, int64_t others) {
    if (nest->mode->finish != PC_FINISH_DIVIDE)
        return 0;
    const ir_ref factor = ir_integer(&nest->b, one_integer(nest), others * fold_divisor_factor(nest));
    const ir_ref divisor = ir_convert(&nest->b, nest->plan->real, multiply(nest, count, factor));
    return ir_at(nest->b.function, divisor)->op == IR_CONST
               ? ir_real(&nest->b, nest->real, ir_at(nest->b.function, divisor)->u.real)
               : spread(nest, divisor);
}

/* ---- loops ---- */

/* The rows of the table of an axis, one after the other. */
static uint32_t open_rows(struct lookup *l, int a, const char *name) {
    struct nest *nest = l->nest;
    const struct pc_axis_table *t = l->table[a];
    const struct steps *stride = &nest->stride[a];
    const uint32_t loop =
        nest_open_turns(nest, name, t->rows,
                        is_backward(nest) ? (struct steps){.wide = stride->wide} : (struct steps){.narrow = stride->narrow});
    const ir_ref row = variable(nest, loop);
    l->first[a] = number(nest, row, t->first, t->rows, 1);
    if (!t->is_even)
        l->last[a] = ir_op2(&nest->b, IR_SUB, number(nest, row, t->first + 1, t->rows, 1),
                            ir_integer(&nest->b, one_integer(nest), 1));
    if (!is_backward(nest) && nest->mode->finish == PC_FINISH_DIVIDE) {
        int64_t *counts = PC_NEW_ARRAY(nest->arena, (size_t)t->rows, int64_t);
        for (int64_t r = 0; r < t->rows; r++)
            counts[r] = t->count[t->first[r]];
        l->divisor = multiply(nest, l->divisor, number(nest, row, counts, t->rows, 1));
    }
    return loop;
}

static void forward_window(struct lookup *l);
static void backward_input(struct lookup *l);

/* One window, or input. */
static void each_channel(struct nest *nest, int64_t channels) {
    struct lookup *l = nest->lookup;
    l->block = block_of(nest, channels);
    (is_backward(nest) ? backward_input : forward_window)(l);
}

/* The same: of the planes at hand, or of one block of channels after the other. */
static void each_block(struct lookup *l) {
    if (l->nest->layer->desc.layout == POOL_CHANNELS_LAST)
        nest_each_block_of_channels(l->nest, each_channel);
    else
        (is_backward(l->nest) ? backward_input : forward_window)(l);
}

/* ---- forward ---- */

/* Where a tap is, as far as the kernel wants to know it. */
static void set_place(struct lookup *l, const struct entry *entry, struct fold *fold) {
    struct nest *nest = l->nest;
    const bool tensor = nest->layer->desc.indices == POOL_INDICES_TENSOR;
    const struct place *place = tensor ? &nest->at.wide : &nest->at.plane;
    const struct ir_type type = one_integer(nest);
    if (forward_tracks_tap(nest))
        fold->tap =
            spread(nest, add(nest, ir_affine(&nest->b, type, &nest->at.tap.affine, nest->at.tap.constant), entry->tap));
    if (forward_tracks_index(nest))
        fold->index = spread(nest, add(nest, ir_affine(&nest->b, type, &place->affine, place->constant),
                                       tensor ? entry->offset : entry->plane));
}

static void add_tap(struct lookup *l, const struct entry *entry, struct fold *results) {
    struct nest *nest = l->nest;
    struct fold tap = {.raw = true};
    set_place(l, entry, &tap);
    for (int64_t v = 0; v < l->block.vectors; v++) {
        const ir_ref x = load(l, nest->buffer.x, &nest->at.wide, entry, l->block.apart.wide, v);
        tap.value = fold_lift(nest, x);
        if (!fold_picks(nest))
            tap.value = where_it_counts(l, entry, tap.value, fold_identity(nest));
        results[v] = fold_append(nest, results[v], tap);
    }
}

/* The taps along axis `a` and inside. */
static void reduce(struct lookup *l, int a, struct entry entry, struct fold *results) {
    struct nest *nest = l->nest;
    if (a == POOL_MAX_RANK) {
        add_tap(l, &entry, results);
        return;
    }
    const struct pc_axis_table *t = l->table[a];
    const int64_t apart = nest->layer->axis[a].dilation;
    const struct steps steps = {
        .wide = apart * nest->stride[a].wide, .plane = apart * nest->stride[a].plane, .tap = nest->stride[a].tap};
    struct carried carried = {.count = 0};
    for (int64_t v = 0; v < l->block.vectors; v++)
        carry_fold(&carried, &results[v]);
    const uint32_t loop =
        nest_open_turns(nest, nest_tap_names[a], t ? t->most : nest->segment[a]->taps, t ? (struct steps){0} : steps);
    begin_carrying(nest, &carried, loop);
    reduce(l, a + 1, t ? add_entry(l, entry, a, variable(nest, loop)) : entry, results);
    end_carrying(nest, &carried, loop);
}

/* No tap yet: what the first one, which is the first of each row, would have to beat. */
static void begin(struct lookup *l, struct fold *results) {
    struct nest *nest = l->nest;
    struct entry entry = {0};
    for (int a = 0; a < POOL_MAX_RANK; a++)
        if (l->table[a] && pc_plan_tracks(nest->plan))
            entry = add_entry(l, entry, a, ir_integer(&nest->b, one_integer(nest), 0));
    for (int64_t v = 0; v < l->block.vectors; v++) {
        results[v] = (struct fold){.value = fold_identity(nest)};
        set_place(l, &entry, &results[v]);
    }
}

static void forward_window(struct lookup *l) {
    struct nest *nest = l->nest;
    struct fold results[BLOCK_MAX];
    begin(l, results);
    reduce(l, 0, (struct entry){0}, results);
    int64_t regular = 1;
    for (int a = 0; a < POOL_MAX_RANK; a++)
        regular *= l->table[a] ? 1 : nest->segment[a]->divisor;
    const ir_ref divisor = divisor_of(nest, l->divisor, regular);
    for (int64_t v = 0; v < l->block.vectors; v++)
        block_finish(&l->block, v, &results[v],
                     divisor ? ir_op2(&nest->b, IR_DIV, results[v].value, divisor) : fold_finish(nest, &results[v]));
}

/* ---- backward ---- */

/* dy where the window selected this input. */
static ir_ref selected(struct lookup *l, const struct entry *entry, ir_ref dy, int64_t v) {
    struct nest *nest = l->nest;
    struct ir_builder *b = &nest->b;
    const ir_ref state = load(l, nest->buffer.state, &nest->at.narrow, entry, l->block.apart.narrow, v);
    const ir_ref tap = entry->tap ? entry->tap : ir_integer(b, one_integer(nest), 0);
    const ir_ref is_here = ir_op2(b, IR_EQ, ir_convert(b, nest->plan->track, state), spread(nest, tap));
    return ir_select(b, is_here, dy, ir_real(b, nest->real, 0));
}

/* dy times what depends on the window alone. */
static ir_ref weighted(struct lookup *l, const struct entry *entry, ir_ref divisor, ir_ref dy, int64_t v) {
    struct nest *nest = l->nest;
    if (nest->buffer.y >= 0)
        return backward_weigh(nest, dy, load(l, nest->buffer.y, &nest->at.narrow, entry, l->block.apart.narrow, v));
    return divisor ? ir_op2(&nest->b, IR_DIV, dy, divisor) : dy;
}

static void add_window(struct lookup *l, const struct entry *entry, ir_ref *sums) {
    struct nest *nest = l->nest;
    const bool selects = nest->mode->gradient == PC_GRADIENT_SELECT;
    const ir_ref divisor = selects ? 0 : divisor_of(nest, entry->count, 1);
    for (int64_t v = 0; v < l->block.vectors; v++) {
        const ir_ref dy = load(l, nest->buffer.dy, &nest->at.narrow, entry, l->block.apart.narrow, v);
        const ir_ref part = selects ? selected(l, entry, dy, v) : weighted(l, entry, divisor, dy, v);
        sums[v] = ir_op2(&nest->b, IR_ADD, sums[v], where_it_counts(l, entry, part, ir_real(&nest->b, nest->real, 0)));
    }
}

/* The windows that cover the input along axis `a` and inside. */
static void gather(struct lookup *l, int a, struct entry entry, ir_ref *sums) {
    struct nest *nest = l->nest;
    if (a == POOL_MAX_RANK) {
        add_window(l, &entry, sums);
        return;
    }
    struct carried carried = {.count = 0};
    for (int64_t v = 0; v < l->block.vectors; v++)
        carry(&carried, &sums[v]);
    const uint32_t loop = nest_open_turns(nest, nest_out_names[a], l->table[a] ? l->table[a]->most : 1, (struct steps){0});
    begin_carrying(nest, &carried, loop);
    gather(l, a + 1, l->table[a] ? add_entry(l, entry, a, variable(nest, loop)) : entry, sums);
    end_carrying(nest, &carried, loop);
}

static void backward_input(struct lookup *l) {
    struct nest *nest = l->nest;
    ir_ref sums[BLOCK_MAX];
    for (int64_t v = 0; v < l->block.vectors; v++)
        sums[v] = ir_real(&nest->b, nest->real, 0);
    gather(l, 0, (struct entry){0}, sums);
    for (int64_t v = 0; v < l->block.vectors; v++) {
        if (nest->mode->lift == PC_LIFT_ABS_POW)
            sums[v] = backward_times_lift_derivative(nest, sums[v], block_load_wide(&l->block, nest->buffer.x, 0, v));
        block_store_wide(&l->block, nest->buffer.dx, v, sums[v]);
    }
}

/* ---- the kernel ---- */

/* An axis without a table: windows at equal distances, or, backward, inputs that are the windows. */
static uint32_t open_regular(struct nest *nest, int a, const char *name) {
    const struct steps *stride = &nest->stride[a];
    if (is_backward(nest))
        return nest_open_turns(nest, name, nest->layer->axis[a].in,
                               (struct steps){.wide = stride->wide, .narrow = stride->narrow});
    const struct pc_segment *s = nest->segment[a] = nest->plan->axis[a].segments;
    nest_move(nest,
              (struct steps){.wide = s->in * stride->wide, .plane = s->in * stride->plane, .tap = s->tap * stride->tap}, 1);
    return nest_open_turns(
        nest, name, s->count,
        (struct steps){.wide = s->in_step * stride->wide, .narrow = stride->narrow, .plane = s->in_step * stride->plane});
}

/* All windows, or inputs, along axis `a` and inside. */
static void walk(struct lookup *l, int a) {
    struct nest *nest = l->nest;
    if (a == POOL_MAX_RANK) {
        each_block(l);
        return;
    }
    const struct places before = nest->at;
    const char *name = (is_backward(nest) ? nest_in_names : nest_out_names)[a];
    const ir_ref divisor = l->divisor;
    const uint32_t loop = l->table[a] ? open_rows(l, a, name) : open_regular(nest, a, name);
    walk(l, a + 1);
    nest_close(nest, loop);
    nest->at = before;
    l->divisor = divisor;
}

static void planes_body(struct nest *nest, int64_t planes) {
    nest->lookup->block = block_of(nest, planes);
    walk(nest->lookup, 0);
}

void lower_lookup(struct nest *nest) {
    struct lookup l = {.nest = nest};
    for (int a = 0; a < POOL_MAX_RANK; a++)
        l.table[a] = nest->plan->lanes->table[a];
    nest->real.lanes = (uint8_t)nest->plan->lanes->lanes;
    nest->track.lanes = (uint8_t)nest->plan->lanes->lanes;
    nest->lookup = &l;
    if (nest->layer->desc.layout != POOL_CHANNELS_LAST) {
        nest_each_block(nest, planes_body);
        return;
    }
    const struct level images = nest->level[0];
    const uint32_t loop = nest_open_turns(nest, images.name, images.trip, images.steps);
    walk(&l, 0);
    nest_close(nest, loop);
}
