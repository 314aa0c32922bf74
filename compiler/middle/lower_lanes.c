/* lower_lanes.c - kernels made of vectors: the passes of a lane plan (lane_plan.h), group by group.
 *
 * A group's elements of a slot are one vector: loads, put together by constant shuffles.  Slots are combined in their order,
 * lane by lane as other kernels combine them one by one.
 *
 * note [lanes without a slot]
 * Where a slot lies outside the source for some lanes only, these lanes get what changes nothing: the identity of the
 * combination, a tap number that no state holds.  Lanes that are no elements of the destination hold anything and are not
 * stored, except in local arrays that are written in order. */
#include "middle/lane_plan.h"
#include "middle/lower_line.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Sums of a tile that are added up side by side. */
enum { SELECTS_MAX = 4 };

/* Taps that are combined one after the other. */
enum { CHAIN_MOST = 12 };

/* Where a pass reads or writes: values, and beside them tap numbers; elements are `scale` apart. */
struct side {
    int values, taps; /* buffers; -1: no tap numbers */
    enum ir_element tap_element;
    int64_t scale;
    struct place *place;
    bool is_local;
};

struct lanes_nest {
    struct nest *nest;
    struct ir_builder *b;
    const struct pc_lane_plan *plan;
    const struct pc_lane_pass *pass;
    struct side read, write;
    int lanes;
    bool channels_last;                   /* lanes are channels */
    int64_t pixel;                        /* elements from one to the next */
    bool of_tensor;                       /* indices count elements of the tensor; else of the plane */
    int64_t channels;                     /* channels-last: of the block at hand */
    struct line *line;                    /* of a pass by lines: the one at hand */
    const struct pc_lane_tap **line_taps; /* what brings its elements */
    uint32_t tail;                        /* channels-last: channels of the last vector; 0: all lanes */
};

static uint32_t all_lanes(const struct lanes_nest *n) {
    return ((uint32_t)1 << n->lanes) - 1;
}

static ir_ref mask_of(struct lanes_nest *n, uint32_t lanes) {
    return lanes == all_lanes(n) ? 0 : ir_mask(n->b, n->lanes, lanes);
}

/* The lanes that a group's lanes stand for: channels-last its only one is all channels. */
static uint32_t spread(const struct lanes_nest *n, uint32_t lanes) {
    return n->channels_last ? n->tail ? n->tail : all_lanes(n) : lanes;
}

/* `yes` in the lanes of the mask, else `no`. */
static ir_ref blend(struct lanes_nest *n, uint32_t lanes, uint32_t wanted, ir_ref yes, ir_ref no) {
    if ((lanes & wanted) == wanted)
        return yes;
    return ir_select(n->b, ir_mask(n->b, n->lanes, lanes), yes, no);
}

/* One instruction where instructions have masks; the bits of adding 0 elsewhere, since a sum that began with +0 is never -0.
 */
static ir_ref add_where(struct lanes_nest *n, ir_ref hit, ir_ref sum, ir_ref value) {
    return ir_select(n->b, hit, ir_op2(n->b, IR_ADD, sum, value), sum);
}

/* ---- constants that differ from lane to lane ---- */

/* values[l] in lane l of the wanted ones; the others repeat one of these. */
static ir_ref lane_constants(struct lanes_nest *n, const int64_t *values, uint32_t wanted, struct ir_type type) {
    int64_t all[PC_LANES_MAX];
    int first = 0;
    while (!(wanted >> first & 1))
        first++;
    for (int l = 0; l < n->lanes; l++)
        all[l] = values[wanted >> l & 1 ? l : first];
    return ir_lanes(n->b, type, all);
}

/* The slot's tap number in each lane, `none` where it has none. */
static ir_ref tap_numbers(struct lanes_nest *n, const struct pc_lane_group *group, const struct pc_lane_tap *tap,
                          struct ir_type type, int64_t none) {
    int64_t values[PC_LANES_MAX] = {0};
    if (n->channels_last)
        return ir_integer(n->b, type, tap->number[0]);
    for (int l = 0; l < n->lanes; l++)
        values[l] = tap->active >> l & 1 ? tap->number[l] : none;
    return lane_constants(n, values, group->valid, type);
}

static ir_ref divisors(struct lanes_nest *n, const struct pc_lane_group *group) {
    const int64_t factor = fold_divisor_factor(n->nest);
    if (n->channels_last || factor != 1)
        return ir_real(n->b, n->nest->real, (double)(group->divisor[0] * factor));
    return lane_constants(n, group->divisor, group->valid, n->nest->real);
}

/* ---- memory ---- */

static ir_ref load(struct lanes_nest *n, int buffer, const struct pc_lane_load *l) {
    const struct ir_type type = {(uint8_t)n->b->function->buffers[buffer].element, (uint8_t)n->lanes};
    return nest_load(n->nest, buffer, type, n->read.place, l->at * n->read.scale, mask_of(n, spread(n, l->mask)));
}

/* One element, in every lane. */
static ir_ref load_one(struct lanes_nest *n, int buffer, const struct pc_lane_load *l) {
    const struct ir_type type = {(uint8_t)n->b->function->buffers[buffer].element, 1};
    return ir_splat(n->b, n->lanes, nest_load(n->nest, buffer, type, n->read.place, l->at * n->read.scale, 0));
}

/* Vectors of bytes rarely cross a cache line, and choosing from two of them takes three instructions on most processors. */
static bool is_short(const struct lanes_nest *n, int buffer) {
    return ir_elements[n->b->function->buffers[buffer].element].bytes < 4;
}

/* The lanes that take their element from load i. */
static uint32_t lanes_of_load(const struct lanes_nest *n, const struct pc_lane_tap *tap, int i) {
    uint32_t lanes = 0;
    for (int l = 0; l < n->lanes; l++)
        lanes |= (uint32_t)((tap->active >> l & 1) && tap->load[l] == i) << l;
    return lanes;
}

/* The slot's element in each active lane: the loads, put together two by two. */
static ir_ref gather(struct lanes_nest *n, const struct pc_lane_tap *tap, int buffer) {
    uint8_t list[PC_LANES_MAX];
    bool moved = false;
    if (n->channels_last || (tap->is_row && is_short(n, buffer)))
        return load(n, buffer, &tap->row);
    ir_ref value = load(n, buffer, &tap->loads[0]);
    for (int l = 0; l < n->lanes; l++) {
        list[l] = (tap->active >> l & 1) && tap->load[l] == 0 ? tap->lane[l] : (uint8_t)l;
        moved |= list[l] != l;
    }
    if (tap->load_count == 1)
        return moved ? ir_shuffle(n->b, value, value, n->lanes, list) : value;
    for (int i = 1; i < tap->load_count; i++) {
        if (pc_lane_is_one(tap, i)) {
            value = i == 1 && moved ? ir_shuffle(n->b, value, value, n->lanes, list) : value;
            value = ir_select(n->b, ir_mask(n->b, n->lanes, lanes_of_load(n, tap, i)), load_one(n, buffer, &tap->loads[i]),
                              value);
            continue;
        }
        for (int l = 0; l < n->lanes; l++) {
            if (i > 1 && tap->load[l] < i)
                list[l] = (uint8_t)l; /* in place since the last step */
            else if ((tap->active >> l & 1) && tap->load[l] == i)
                list[l] = (uint8_t)(n->lanes + tap->lane[l]);
        }
        value = ir_shuffle(n->b, value, load(n, buffer, &tap->loads[i]), n->lanes, list);
    }
    return value;
}

static ir_ref gather_values(struct lanes_nest *n, const struct pc_lane_tap *tap) {
    return gather(n, tap, n->read.values);
}

/* As wide as the values. */
static ir_ref gather_taps(struct lanes_nest *n, const struct pc_lane_tap *tap) {
    return ir_convert(n->b, n->nest->plan->track, gather(n, tap, n->read.taps));
}

static void store(struct lanes_nest *n, int buffer, const struct pc_lane_group *group, ir_ref value) {
    const ir_ref mask = n->write.is_local && n->pass->in_order ? 0 : mask_of(n, spread(n, group->valid));
    nest_store(n->nest, buffer, n->write.place, group->out * n->write.scale, value, mask);
}

/* An element of a kernel's input at the place that a group writes: x beside dx. */
static ir_ref load_beside(struct lanes_nest *n, int buffer, const struct pc_lane_group *group) {
    return nest_load(n->nest, buffer, n->nest->real, n->write.place, group->out * n->write.scale,
                     mask_of(n, spread(n, group->valid)));
}

static bool has_tap_numbers(const struct lanes_nest *n) {
    return n->nest->buffer.state >= 0 || n->nest->buffer.indices >= 0;
}

/* ---- forward: windows ---- */

static struct fold tap_of(struct lanes_nest *n, const struct pc_lane_group *group, const struct pc_lane_tap *tap) {
    struct fold fold = {.raw = true, .missing = group->valid & ~tap->active};
    fold.value = gather_values(n, tap);
    if (n->pass->first)
        fold.value = fold_lift(n->nest, fold.value);
    fold.value = blend(n, tap->active, group->valid, fold.value, fold_identity(n->nest));
    if (!has_tap_numbers(n))
        return fold;
    fold.tap = n->pass->first ? ir_integer(n->b, n->nest->track, 0) : gather_taps(n, tap);
    return fold;
}

/* To the number of the fold's tap. */
static void add_to_tap(struct lanes_nest *n, struct fold *fold, int64_t number) {
    if (!fold->tap || !number)
        return;
    const struct ir_node *node = ir_at(n->b->function, fold->tap);
    fold->tap = node->op == IR_CONST ? ir_integer(n->b, n->nest->track, node->u.integer + number)
                                     : ir_op2(n->b, IR_ADD, fold->tap, ir_integer(n->b, n->nest->track, number));
}

/* The first tap behind `first` that has another slot along the axis. */
static int next_slot(const struct pc_lane_group *group, int first, int end, int axis) {
    int next = first + 1;
    while (next < end && group->taps[next].slot[axis] == group->taps[first].slot[axis])
        next++;
    return next;
}

/* Where taps first .. end - 1 are cut in two; `end` where they are no long chain along the axis. */
static int middle_of(const struct pc_lane_group *group, int first, int end, int axis) {
    int slots = 0, middle = first;
    for (int t = first; t < end; t = next_slot(group, t, end, axis))
        slots++;
    if (slots <= CHAIN_MOST)
        return end;
    for (int i = 0; i < slots / 2; i++)
        middle = next_slot(group, middle, end, axis);
    return middle;
}

/* Taps first .. end - 1, which agree on the axes before `axis`.  Rows come first, so that windows share the results of their
 * rows, tap numbers included: those of a row count from its begin.  Each combination waits for the one before it, so that
 * long chains are cut in two, which a processor works on at the same time. */
static struct fold reduce(struct lanes_nest *n, const struct pc_lane_group *group, int first, int end, int axis) {
    struct fold sum = {0};
    if (axis == POOL_MAX_RANK)
        return tap_of(n, group, &group->taps[first]);
    const int middle = middle_of(group, first, end, axis);
    if (middle < end) {
        const struct fold left = reduce(n, group, first, middle, axis), right = reduce(n, group, middle, end, axis);
        return fold_combine(n->nest, &left, &right);
    }
    for (int t = first, next; t < end; t = next) {
        next = next_slot(group, t, end, axis);
        struct fold part = reduce(n, group, t, next, axis + 1);
        fold_put_nan(n->nest, &part);
        add_to_tap(n, &part, group->taps[t].slot[axis] * n->pass->tap_stride[axis]); /* the same tap in every lane */
        sum = t == first ? part : fold_combine(n->nest, &sum, &part);
    }
    return sum;
}

/* An element of the line at hand, as if it were a tap whose number is its place in the line. */
static struct fold element_of_line(void *of, int64_t i) {
    struct lanes_nest *n = of;
    if (n->pass->work == PC_LANE_SUM)
        return (struct fold){.value = gather_values(n, n->line_taps[i])};
    const struct pc_lane_group group = {.valid = n->line_taps[i]->active};
    struct fold fold = tap_of(n, &group, n->line_taps[i]);
    add_to_tap(n, &fold, i * n->pass->tap_stride[n->pass->line_axis]);
    return fold;
}

static int64_t place_in_line(const struct lanes_nest *n, const struct pc_lane_tap *first, const struct pc_lane_tap *tap) {
    return (tap->row.at - first->row.at) / n->pass->line_step;
}

/* The windows of a tile are a line. */
static void begin_line(struct lanes_nest *n, const struct pc_lane_node *tile, size_t count) {
    const struct pc_lane_group *end = tile[count - 1].group;
    const struct pc_lane_tap *first = &tile[0].group->taps[0];
    const int64_t length = place_in_line(n, first, &end->taps[end->tap_count - 1]) + 1;
    n->line_taps = PC_NEW_ARRAY(n->nest->arena, (size_t)length, const struct pc_lane_tap *);
    for (size_t i = 0; i < count; i++)
        for (int t = 0; t < tile[i].group->tap_count; t++)
            n->line_taps[place_in_line(n, first, &tile[i].group->taps[t])] = &tile[i].group->taps[t];
    n->line = line_new(n->nest, length, n->pass->line_block, element_of_line, n);
}

static struct fold reduce_by_line(struct lanes_nest *n, const struct pc_lane_group *group) {
    const struct pc_lane_tap *first = &group->taps[0];
    const int64_t begin = place_in_line(n, n->line_taps[0], first);
    struct fold fold = line_window(n->line, begin, begin + group->tap_count - 1);
    const int axis = n->pass->line_axis;
    add_to_tap(n, &fold, (first->slot[axis] - begin) * n->pass->tap_stride[axis]);
    return fold;
}

/* How far taps of a number lie behind the first of their window, in elements of the plane or the tensor: taps of a row are
 * equally far apart, and each row that begins adds what lies between rows. */
static ir_ref offset_of_tap(struct lanes_nest *n, ir_ref tap) {
    const struct nest *nest = n->nest;
    const struct pc_axis *axis = nest->layer->axis;
    int64_t apart[POOL_MAX_RANK];
    for (int a = 0; a < POOL_MAX_RANK; a++)
        apart[a] = axis[a].dilation * (n->of_tensor ? nest->stride[a].wide : nest->stride[a].plane);
    const ir_ref each = ir_integer(n->b, nest->track, apart[2]);
    ir_ref offset = apart[2] == 1 || axis[2].kernel == 1 ? tap : ir_op2(n->b, IR_MUL, tap, each);
    for (int64_t row = 1; row < axis[0].kernel * axis[1].kernel; row++) {
        const int64_t to_row = row % axis[1].kernel ? apart[1] : apart[0] - (axis[1].kernel - 1) * apart[1];
        const int64_t more = to_row - axis[2].kernel * (axis[2].kernel == 1 ? 1 : apart[2]);
        const ir_ref begun = ir_op2(n->b, IR_GT, tap, ir_integer(n->b, nest->track, row * axis[2].kernel - 1));
        if (more)
            offset = add_where(n, begun, offset, ir_integer(n->b, nest->track, more));
    }
    return offset;
}

/* The element that a tap number is of, as the layer counts them. */
static ir_ref index_of(struct lanes_nest *n, const struct pc_lane_group *group, ir_ref tap) {
    const struct place *place = &n->nest->at.plane;
    int64_t apart[PC_LANES_MAX] = {0};
    if (n->nest->layer->desc.indices == POOL_INDICES_WINDOW)
        return tap;
    for (int l = 0; l < n->lanes; l++)
        apart[l] = n->channels_last ? (n->of_tensor ? l : 0) : group->index[l] - group->index[0];
    const ir_ref first = ir_affine(n->b, n->nest->track, &place->affine, place->constant + group->index[0]);
    const ir_ref window = ir_op2(n->b, IR_ADD, first, lane_constants(n, apart, spread(n, group->valid), n->nest->track));
    return ir_op2(n->b, IR_ADD, window, offset_of_tap(n, tap));
}

static void emit_reduce(struct lanes_nest *n, const struct pc_lane_group *group) {
    struct nest *nest = n->nest;
    struct fold fold = n->pass->lines ? reduce_by_line(n, group) : reduce(n, group, 0, group->tap_count, 0);
    ir_ref value = fold.value;
    if (nest->mode->finish == PC_FINISH_DIVIDE && n->pass->last)
        value = ir_op2(n->b, IR_DIV, value, divisors(n, group));
    else if (fold_picks(nest) || n->pass->last)
        value = fold_finish(nest, &fold);
    store(n, n->write.values, group, value);
    if (!fold.tap)
        return;
    if (n->write.taps >= 0)
        store(n, n->write.taps, group, ir_convert(n->b, n->write.tap_element, fold.tap));
    if (n->pass->last && nest->buffer.indices >= 0)
        store(n, nest->buffer.indices, group, ir_convert(n->b, nest->plan->index, index_of(n, group, fold.tap)));
}

/* ---- backward ---- */

static void emit_weigh(struct lanes_nest *n, const struct pc_lane_group *group) {
    struct nest *nest = n->nest;
    ir_ref dy = gather_values(n, &group->taps[0]);
    if (nest->buffer.y >= 0)
        dy = backward_weigh(nest, dy, gather(n, &group->taps[0], nest->buffer.y));
    if (nest->mode->finish == PC_FINISH_DIVIDE)
        dy = ir_op2(n->b, IR_DIV, dy, divisors(n, group));
    store(n, n->write.values, group, dy);
}

/* The sum of the slots whose windows have this divisor (0: those where lanes differ, each divided by its own), and `sum`. */
static ir_ref add_slots(struct lanes_nest *n, const struct pc_lane_group *group, int64_t divisor, ir_ref sum) {
    struct nest *nest = n->nest;
    ir_ref part = 0;
    for (int t = 0; t < group->tap_count; t++) {
        const struct pc_lane_tap *tap = &group->taps[t];
        if (pc_lane_divisor(tap) != divisor)
            continue;
        ir_ref value = gather_values(n, tap);
        if (divisor == 0)
            value = ir_op2(n->b, IR_DIV, value, lane_constants(n, tap->divisor, group->valid, nest->real));
        /* The gradient of an input that no window covers is +0. */
        value = blend(n, tap->active, group->valid, value, part || sum ? fold_identity(nest) : ir_real(n->b, nest->real, 0));
        part = part ? ir_op2(n->b, IR_ADD, part, value) : value;
    }
    if (divisor > 1)
        part = ir_op2(n->b, IR_DIV, part, ir_real(n->b, nest->real, (double)divisor));
    return sum ? ir_op2(n->b, IR_ADD, sum, part) : part;
}

static void emit_sum(struct lanes_nest *n, const struct pc_lane_group *group) {
    struct nest *nest = n->nest;
    ir_ref sum = n->pass->lines ? reduce_by_line(n, group).value : 0;
    for (int t = 0; t < group->tap_count && !n->pass->lines; t++) { /* each divisor when it is met first */
        const int64_t divisor = pc_lane_divisor(&group->taps[t]);
        bool met = false;
        for (int i = 0; i < t; i++)
            met |= pc_lane_divisor(&group->taps[i]) == divisor;
        if (!met)
            sum = add_slots(n, group, divisor, sum);
    }
    if (!sum)
        sum = ir_real(n->b, nest->real, 0);
    if (n->pass->last && n->plan->divides_last)
        sum = ir_op2(n->b, IR_DIV, sum, fold_divisor(n->nest));
    if (n->pass->last && nest->buffer.x >= 0)
        sum = backward_times_lift_derivative(nest, sum, load_beside(n, nest->buffer.x, group));
    store(n, n->write.values, group, sum);
}

/* Whether the slot's window selected the element. Tap numbers are compared as they are stored, which needs no conversion,
 * and lanes that have no such slot ask for a number that is none. */
static ir_ref is_selected(struct lanes_nest *n, const struct pc_lane_group *group, const struct pc_lane_tap *tap) {
    const int64_t taps = pc_layer_taps(n->nest->layer);
    const struct ir_type type = {(uint8_t)n->read.tap_element, (uint8_t)n->lanes};
    const ir_ref state = gather(n, tap, n->read.taps);
    if (taps <= (type.element == IR_U8 ? UINT8_MAX : type.element == IR_U16 ? UINT16_MAX : INT32_MAX))
        return ir_op2(n->b, IR_EQ, state, tap_numbers(n, group, tap, type, taps));
    const ir_ref hit = ir_op2(n->b, IR_EQ, state, tap_numbers(n, group, tap, type, 0)); /* every number is some tap's */
    return ir_op2(n->b, IR_AND, hit, ir_mask(n->b, n->lanes, spread(n, tap->active)));
}

/* Vector `which` of what lies side by side, of the sums of its phases. */
static ir_ref interleave(struct lanes_nest *n, const ir_ref *sum, int phases, int which) {
    ir_ref value = sum[0];
    for (int phase = 1; phase < phases; phase++) {
        uint8_t list[PC_LANES_MAX];
        for (int l = 0; l < n->lanes; l++) {
            const int at = which * n->lanes + l;
            list[l] = (uint8_t)(at % phases == phase             ? n->lanes + at / phases
                                : phase == 1 && at % phases == 0 ? at / phases
                                                                 : l);
        }
        value = ir_shuffle(n->b, value, sum[phase], n->lanes, list);
    }
    return value;
}

/* The sums of as many groups as there are phases. */
static void store_phases(struct lanes_nest *n, const struct pc_lane_node *nodes, const ir_ref *sum, int phases) {
    int64_t count = 0;
    for (int i = 0; i < phases; i++)
        count += __builtin_popcount(nodes[i].group->valid);
    for (int which = 0; which * n->lanes < count; which++) {
        const int64_t left = count - which * n->lanes;
        const struct pc_lane_group part = {.out = nodes[0].group->out + which * n->lanes,
                                           .valid = left < n->lanes ? ((uint32_t)1 << left) - 1 : all_lanes(n)};
        store(n, n->write.values, &part, interleave(n, sum, phases, which));
    }
}

/* Sums of several groups, a tap of each in turn: an addition waits three cycles and more for the one before it, and a
 * processor that met one sum after the other would not look far enough ahead to work on several. */
static void emit_selects(struct lanes_nest *n, const struct pc_lane_node *nodes, int count) {
    ir_ref sum[SELECTS_MAX];
    int most = 0;
    for (int i = 0; i < count; i++) {
        sum[i] = ir_real(n->b, n->nest->real, 0);
        most = nodes[i].group->tap_count > most ? nodes[i].group->tap_count : most;
    }
    for (int t = 0; t < most; t++)
        for (int i = 0; i < count; i++) {
            const struct pc_lane_group *group = nodes[i].group;
            if (t >= group->tap_count)
                continue;
            const ir_ref hit = is_selected(n, group, &group->taps[t]);
            sum[i] = add_where(n, hit, sum[i], gather_values(n, &group->taps[t]));
        }
    for (int i = 0; i < count; i += (int)n->pass->phases)
        store_phases(n, &nodes[i], &sum[i], (int)n->pass->phases);
}

static void emit_select(struct lanes_nest *n, const struct pc_lane_group *group) {
    const struct pc_lane_node node = {.count = 1, .group = group};
    emit_selects(n, &node, 1);
}

/* ---- groups and loops ---- */

static void emit_group(struct lanes_nest *n, const struct pc_lane_group *group) {
    switch (n->pass->work) {
    case PC_LANE_REDUCE: emit_reduce(n, group); return;
    case PC_LANE_WEIGH: emit_weigh(n, group); return;
    case PC_LANE_SUM: emit_sum(n, group); return;
    case PC_LANE_SELECT: emit_select(n, group); return;
    }
    abort();
}

static struct steps steps_of(const struct lanes_nest *n, int64_t in, int64_t out, int64_t index) {
    const bool backward = n->nest->plan->kind == PC_KERNEL_BACKWARD;
    return backward ? (struct steps){.wide = out, .narrow = in} : (struct steps){.wide = in, .narrow = out, .plane = index};
}

/* So many neighbouring values further. */
static struct steps steps_along(const struct lanes_nest *n, int64_t values) {
    return steps_of(n, values, values, n->of_tensor ? values : 0);
}

/* The groups that begin a sequence of nodes and are one straight line, side by side where that is worth while; returns how
 * many these are. */
static size_t emit_line(struct lanes_nest *n, const struct pc_lane_node *nodes, size_t count) {
    size_t run = 0;
    while (run < count && nodes[run].group && nodes[run].count == 1)
        run++;
    if (run > 0 && n->pass->lines)
        begin_line(n, nodes, run);
    for (size_t i = 0, side; i < run; i += side) {
        assert(n->pass->phases <= SELECTS_MAX && run % (size_t)n->pass->phases == 0); /* see list_forms and make_tiles */
        const size_t most = SELECTS_MAX - SELECTS_MAX % (size_t)n->pass->phases;
        side = run - i < most ? run - i : most;
        if (n->pass->work == PC_LANE_SELECT) {
            emit_selects(n, &nodes[i], (int)side);
        } else {
            emit_group(n, nodes[i].group);
            side = 1;
        }
    }
    return run;
}

static void emit_tile(struct lanes_nest *n, const struct pc_lane_node *tile) {
    emit_line(n, tile->children, tile->child_count);
}

/* The pixels of a tile, for `count` neighbouring values: channels, or pixels and channels as one. */
static void emit_vectors(struct lanes_nest *n, const struct pc_lane_node *tile, const char *name, int64_t count) {
    const int64_t vectors = count / n->lanes, run = vectors % n->plan->run ? 1 : n->plan->run;
    const struct steps steps = steps_along(n, n->lanes);
    const struct places before = n->nest->at;
    if (vectors > 0) {
        const uint32_t loop = nest_open_turns(n->nest, name, vectors / run, steps_along(n, n->lanes * run));
        for (int64_t i = 0; i < run; i++) {
            emit_tile(n, tile);
            nest_move(n->nest, steps, 1);
        }
        nest_close(n->nest, loop);
        n->nest->at = before;
    }
    n->tail = ((uint32_t)1 << count % n->lanes) - 1;
    if (n->tail) {
        nest_move(n->nest, steps, vectors);
        emit_tile(n, tile);
    }
    n->tail = 0;
    n->nest->at = before;
}

static bool is_tile(const struct lanes_nest *n, const struct pc_lane_node *node) {
    return n->channels_last && node->child_count > 0 && node->children[0].group;
}

/* Whether neighbouring pixels of a loop are neighbours in memory on both sides, and for indices. */
static bool is_flat(const struct lanes_nest *n, const struct pc_lane_node *node) {
    return is_tile(n, node) && node->count > 1 && node->step.in == 1 && node->step.out == 1 &&
           n->read.scale == n->channels && n->write.scale == n->channels &&
           node->step.index == (n->of_tensor ? n->channels : 0);
}

/* `depth`: of the tree, which is planes, rows, groups. */
static void emit_node(struct lanes_nest *n, const struct pc_lane_node *node, int depth) {
    static const char *const names[] = {"all", "p", "r", "v"};
    if (is_flat(n, node)) {
        emit_vectors(n, node, "i", node->count * n->channels);
        return;
    }
    const struct steps steps = steps_of(n, node->step.in * n->read.scale, node->step.out * n->write.scale, node->step.index);
    const uint32_t loop = nest_open_turns(n->nest, names[depth], node->count, steps);
    if (node->group)
        emit_group(n, node->group);
    else if (is_tile(n, node))
        emit_vectors(n, node, "c", n->channels);
    else
        for (size_t i = 0, run; i < node->child_count; i += run) {
            run = emit_line(n, &node->children[i], node->child_count - i);
            if (!run) {
                emit_node(n, &node->children[i], depth + 1);
                run = 1;
            }
        }
    nest_close(n->nest, loop);
}

/* ---- passes ---- */

/* The local arrays between pass `number` and the next; channels-first, a vector of room before the first element. */
static struct side local_side(struct lanes_nest *n, int number, struct place *place) {
    struct nest *nest = n->nest;
    *place = nest_local_place(place);
    place->constant = n->channels_last ? 0 : n->lanes;
    const int which = number % 2;
    const int64_t count = n->plan->local_count[which];
    struct side side = {.taps = -1, .scale = n->channels_last ? n->plan->block : 1, .place = place, .is_local = true};
    side.values = nest_local(nest, pc_arena_printf(nest->arena, "value%d", which), nest->plan->real, count);
    side.tap_element = nest->plan->track;
    if (has_tap_numbers(n))
        side.taps = nest_local(nest, pc_arena_printf(nest->arena, "tap%d", which), side.tap_element, count);
    return side;
}

static void emit_pass(struct lanes_nest *n, const struct pc_lane_band *band, int number) {
    struct nest *nest = n->nest;
    const bool backward = nest->plan->kind == PC_KERNEL_BACKWARD;
    const struct places before = nest->at;
    struct place *read = backward ? &nest->at.narrow : &nest->at.wide, *write = backward ? &nest->at.wide : &nest->at.narrow;
    const int64_t scale = n->channels_last ? n->pixel : 1;
    n->pass = &band->pass[number];
    if (n->pass->first) {
        n->read = (struct side){.values = backward ? nest->buffer.dy : nest->buffer.x,
                                .taps = nest->buffer.state,
                                .tap_element = nest->plan->state,
                                .scale = scale,
                                .place = read};
    } else {
        n->read = local_side(n, number - 1, read);
    }
    if (n->pass->last) {
        n->write = (struct side){.values = backward ? nest->buffer.dx : nest->buffer.y,
                                 .taps = backward ? -1 : nest->buffer.state,
                                 .tap_element = nest->plan->state,
                                 .scale = scale,
                                 .place = write};
    } else {
        n->write = local_side(n, number, write);
    }
    if (band->pass_count > 1)
        ir_comment(n->b, n->pass->words);
    emit_node(n, n->pass->groups, 0);
    nest->at = before;
}

static void emit_band(struct lanes_nest *n, const struct pc_lane_band *band) {
    const struct places before = n->nest->at;
    const int64_t each = n->of_tensor ? n->pixel : 1;
    nest_move(n->nest, steps_of(n, band->in * n->pixel, band->out * n->pixel, band->in * each), 1);
    static const char *const names[] = {"band_d", "band_h", "band_w"};
    uint32_t loop[POOL_MAX_RANK];
    for (int a = 0; a < POOL_MAX_RANK; a++) {
        const struct pc_lane_turns *turns = &band->turns[a];
        const struct steps steps = steps_of(n, turns->in * n->pixel, turns->out * n->pixel, turns->in * each);
        loop[a] = nest_open_turns(n->nest, names[a], turns->count, steps);
    }
    for (int i = 0; i < band->pass_count; i++)
        emit_pass(n, band, i);
    for (int a = POOL_MAX_RANK - 1; a >= 0; a--)
        nest_close(n->nest, loop[a]);
    n->nest->at = before;
}

void lower_lane_bands(struct nest *nest, int64_t channels) {
    const struct pc_lane_plan *plan = nest->plan->lanes;
    struct lanes_nest n = {.nest = nest,
                           .b = &nest->b,
                           .plan = plan,
                           .lanes = plan->lanes,
                           .channels_last = nest->layer->desc.layout == POOL_CHANNELS_LAST && !plan->is_flat,
                           .pixel = nest->layer->desc.layout == POOL_CHANNELS_LAST ? nest->layer->desc.channels : 1,
                           .channels = channels,
                           .of_tensor = nest->layer->desc.indices == POOL_INDICES_TENSOR};
    if (n.of_tensor)
        nest->at.plane = nest->at.wide; /* as far as the block; local arrays will have no part in it */
    for (size_t b = 0; b < plan->band_count; b++)
        emit_band(&n, &plan->bands[b]);
}

void lower_lanes(struct nest *nest) {
    nest->real.lanes = (uint8_t)nest->plan->lanes->lanes;
    nest->track.lanes = (uint8_t)nest->plan->lanes->lanes;
    nest_each_block(nest, nest->plan->lanes->transposed ? lower_transposed : lower_lane_bands);
}
