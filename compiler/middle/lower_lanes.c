/* lower_lanes.c - maxima and minima, channels-first, a vector of outputs at a time.
 *
 * The groups of middle/lanes.h say which elements feed which lane.  Each tap of a group is a vector; taps are combined in
 * their order, lane by lane as lower_forward.c combines them one by one, so the bits are the same.
 *
 * note [lanes without a tap]
 * Where a tap lies outside the input for some lanes only, the combination is kept in the other lanes by a select with a
 * constant mask.  Lanes that are no outputs hold anything and are never stored. */
#include "middle/lanes.h"
#include "middle/lower_nest.h"

#include <math.h>

struct lanes_nest {
    struct nest *nest;
    struct ir_builder *b;
    struct ir_type real, track; /* vectors */
    int lanes;
    bool tracked, propagate; /* tap numbers wanted; NaN win */
    enum ir_op pick, compare;
};

/* What the taps so far came to. */
struct folded {
    ir_ref value, tap; /* 0: no tap yet; tap only where tracked */
    ir_ref nan, pending; /* as in lower_forward.c; not where tracked */
};

static uint64_t all_lanes(const struct lanes_nest *n) {
    return n->lanes == PC_LANES_MAX ? UINT64_MAX : ((uint64_t)1 << n->lanes) - 1;
}

static ir_ref load(struct lanes_nest *n, const struct pc_lane_load *l) {
    struct ir_affine affine = n->nest->at.wide.affine;
    affine.buffer = n->nest->buffer.x;
    const ir_ref mask = l->mask == all_lanes(n) ? 0 : ir_mask(n->b, n->lanes, l->mask);
    return ir_load(n->b, n->real, &affine, n->nest->at.wide.constant + l->at, mask);
}

/* The tap's element in each active lane: the loads, put together two by two. */
static ir_ref gather(struct lanes_nest *n, const struct pc_lane_tap *tap) {
    ir_ref value = load(n, &tap->loads[0]);
    uint8_t list[PC_LANES_MAX];
    bool moved = false;
    for (int l = 0; l < n->lanes; l++) {
        list[l] = tap->load[l] == 0 ? tap->lane[l] : (uint8_t)l;
        moved |= (tap->active >> l & 1) && list[l] != l;
    }
    if (tap->load_count == 1)
        return moved ? ir_shuffle(n->b, value, value, n->lanes, list) : value;
    for (int i = 1; i < tap->load_count; i++) {
        for (int l = 0; l < n->lanes; l++) {
            if (i > 1 && tap->load[l] < i)
                list[l] = (uint8_t)l; /* in place since the last step */
            else if (tap->load[l] == i)
                list[l] = (uint8_t)(n->lanes + tap->lane[l]);
        }
        value = ir_shuffle(n->b, value, load(n, &tap->loads[i]), n->lanes, list);
    }
    return value;
}

/* `yes` in the lanes of the mask, else `no`. */
static ir_ref blend(struct lanes_nest *n, uint64_t lanes, uint64_t wanted, ir_ref yes, ir_ref no) {
    if ((lanes & wanted) == wanted)
        return yes;
    return ir_select(n->b, ir_mask(n->b, n->lanes, lanes), yes, no);
}

static ir_ref both(struct lanes_nest *n, ir_ref a, ir_ref b) {
    return a && b ? ir_op2(n->b, IR_OR, a, b) : a ? a : b;
}

/* ---- values alone: note [NaN without a second compare] in lower_forward.c ---- */

static void look_for_nan(struct lanes_nest *n, struct folded *f, ir_ref value, uint64_t active, uint64_t wanted) {
    if (!n->propagate)
        return;
    if ((active & wanted) != wanted) {
        const ir_ref here = ir_op2(n->b, IR_UNORDERED, value, value);
        f->nan = both(n, f->nan, ir_op2(n->b, IR_AND, here, ir_mask(n->b, n->lanes, active)));
    } else if (f->pending) {
        f->nan = both(n, f->nan, ir_op2(n->b, IR_UNORDERED, f->pending, value));
        f->pending = 0;
    } else {
        f->pending = value;
    }
}

static void fold_value(struct lanes_nest *n, struct folded *f, const struct pc_lane_tap *tap, uint64_t wanted,
                       ir_ref identity) {
    const ir_ref value = gather(n, tap);
    const bool everywhere = (tap->active & wanted) == wanted;
    look_for_nan(n, f, value, tap->active, wanted);
    if (!f->value && everywhere && n->propagate) {
        f->value = value;
        return;
    }
    const ir_ref before = f->value ? f->value : identity;
    f->value = blend(n, tap->active, wanted, ir_op2(n->b, n->pick, value, before), before);
}

static ir_ref finished(struct lanes_nest *n, struct folded *f) {
    if (f->pending)
        f->nan = both(n, f->nan, ir_op2(n->b, IR_UNORDERED, f->pending, f->pending));
    return f->nan ? ir_select(n->b, f->nan, ir_real(n->b, n->real, NAN), f->value) : f->value;
}

/* ---- values and where they came from ---- */

/* In each lane the number of its first tap: the answer where no tap beats the identity. */
static ir_ref first_taps(struct lanes_nest *n, const struct pc_lane_group *group) {
    ir_ref first = ir_integer(n->b, n->track, group->taps[group->tap_count - 1].number);
    for (int t = group->tap_count - 2; t >= 0; t--)
        first = blend(n, group->taps[t].active, group->valid, ir_integer(n->b, n->track, group->taps[t].number), first);
    return first;
}

static void fold_tracked(struct lanes_nest *n, struct folded *f, const struct pc_lane_tap *tap, uint64_t wanted) {
    const ir_ref value = gather(n, tap), number = ir_integer(n->b, n->track, tap->number);
    ir_ref later = ir_op2(n->b, n->compare, value, f->value);
    if (n->propagate)
        later = ir_op2(n->b, IR_OR, later, ir_op2(n->b, IR_UNORDERED, value, value));
    if ((tap->active & wanted) != wanted)
        later = ir_op2(n->b, IR_AND, later, ir_mask(n->b, n->lanes, tap->active));
    f->value = ir_select(n->b, later, value, f->value);
    f->tap = ir_select(n->b, later, number, f->tap);
}

/* ---- groups ---- */

static void store(struct lanes_nest *n, int buffer, int64_t at, ir_ref value, uint64_t valid) {
    struct ir_affine affine = n->nest->at.narrow.affine;
    affine.buffer = buffer;
    ir_store(n->b, &affine, n->nest->at.narrow.constant + at, value,
             valid == all_lanes(n) ? 0 : ir_mask(n->b, n->lanes, valid));
}

static void emit_group(struct lanes_nest *n, const struct pc_lane_group *group) {
    const struct buffers *buffer = &n->nest->buffer;
    const ir_ref identity = ir_real(n->b, n->real, n->pick == IR_PICK_GT ? -INFINITY : INFINITY);
    struct folded f = {0};
    if (!n->tracked) {
        for (int t = 0; t < group->tap_count; t++)
            fold_value(n, &f, &group->taps[t], group->valid, identity);
        store(n, buffer->y, group->out, finished(n, &f), group->valid);
        return;
    }
    int t = 0;
    f.value = identity;
    f.tap = first_taps(n, group);
    if (n->propagate && (group->taps[0].active & group->valid) == group->valid) {
        f.value = gather(n, &group->taps[0]); /* the first tap of every lane, NaN or not */
        t = 1;
    }
    for (; t < group->tap_count; t++)
        fold_tracked(n, &f, &group->taps[t], group->valid);
    store(n, buffer->y, group->out, f.value, group->valid);
    store(n, buffer->state, group->out, ir_convert(n->b, n->nest->plan->state, f.tap), group->valid);
}

static void emit_run(struct lanes_nest *n, const struct pc_lane_run *run) {
    if (run->count == 1) {
        emit_group(n, &run->group);
        return;
    }
    const uint32_t loop = nest_open(n->nest, "v", run->count, (struct steps){.wide = run->in_step, .narrow = run->out_step});
    emit_group(n, &run->group);
    nest_close(n->nest, loop);
}

static void emit_block(struct lanes_nest *n, const struct pc_lane_block *block) {
    const struct steps steps = {.wide = block->in_step, .narrow = block->out_step};
    const uint32_t loop = block->count > 1 ? nest_open(n->nest, "r", block->count, steps) : 0;
    for (int r = 0; r < block->run_count; r++)
        emit_run(n, &block->runs[r]);
    if (block->count > 1)
        nest_close(n->nest, loop);
}

static void emit_plane(struct nest *nest, int64_t channels) {
    (void)channels; /* one: channels-first */
    const struct pc_lanes *lanes = nest->plan->lanes;
    const bool max = nest->mode->combine == PC_COMBINE_PICK_GT;
    struct lanes_nest n = {
        .nest = nest,
        .b = &nest->b,
        .real = {nest->real.element, (uint8_t)lanes->lanes},
        .track = {nest->track.element, (uint8_t)lanes->lanes},
        .lanes = lanes->lanes,
        .tracked = nest->buffer.state >= 0,
        .propagate = nest->layer->desc.nan == POOL_NAN_PROPAGATE,
        .pick = max ? IR_PICK_GT : IR_PICK_LT,
        .compare = max ? IR_GT : IR_LT,
    };
    for (int b = 0; b < lanes->block_count; b++)
        emit_block(&n, &lanes->blocks[b]);
}

void lower_forward_lanes(struct nest *nest) {
    nest_each_block(nest, emit_plane);
}
