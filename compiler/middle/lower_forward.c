/* lower_forward.c - windows become values.
 *
 * A window is reduced axis by axis, the innermost first: taps of a row, rows of a plane, planes of a volume.  Each partial
 * result is an expression of input positions only, so windows of one tile that share taps share the results, through value
 * numbering.  The order of the taps is kept throughout: ties and NaN depend on it.
 */
#include "middle/lower_fold.h"

#include <assert.h>
#include <inttypes.h>

/* Where a reduction stands: input positions relative to the tile, and tap numbers, per axis. */
struct cursor {
    int64_t at[POOL_MAX_RANK], tap[POOL_MAX_RANK];
};

/* ---- what a kernel wants ---- */

bool forward_tracks_tap(const struct nest *nest) {
    return nest->buffer.state >= 0 || nest->layer->desc.indices == POOL_INDICES_WINDOW;
}

bool forward_tracks_index(const struct nest *nest) {
    return nest->layer->desc.indices > POOL_INDICES_WINDOW;
}

/* ---- taps ---- */

/* So many steps along each axis. */
static struct steps steps_to(const struct nest *nest, const int64_t *count) {
    struct steps sum = {0};
    for (int a = 0; a < POOL_MAX_RANK; a++) {
        sum.wide += count[a] * nest->stride[a].wide;
        sum.plane += count[a] * nest->stride[a].plane;
        sum.narrow += count[a] * nest->stride[a].narrow;
        sum.tap += count[a] * nest->stride[a].tap;
    }
    return sum;
}

static int64_t tap_number(const struct nest *nest, const struct cursor *c) {
    return steps_to(nest, c->tap).tap;
}

/* Relative to the tile, so that windows of the tile agree on it. Loops over taps add their part. */
static ir_ref relative_index(struct nest *nest, const struct cursor *c) {
    const bool tensor = nest->layer->desc.indices == POOL_INDICES_TENSOR;
    const struct steps steps = steps_to(nest, c->at);
    struct ir_affine affine = {.buffer = -1};
    for (int i = 0; i < nest->at.tap.affine.count; i++) {
        if (nest->at.tap.affine.term[i].stride == 0)
            continue; /* a loop around the tile, not over taps */
        affine.term[affine.count++] = tensor ? nest->at.wide.affine.term[i] : nest->at.plane.affine.term[i];
    }
    return ir_affine(&nest->b, nest->track, &affine, tensor ? steps.wide : steps.plane);
}

/* What an earlier pass left: a combined value, and where it came from. */
static struct fold partial(struct nest *nest, const struct cursor *c) {
    const int64_t offset = steps_to(nest, c->at).wide;
    struct fold item = {.raw = true};
    item.value = nest_load(nest, nest->buffer.x, nest->real, &nest->at.wide, offset, 0);
    if (forward_tracks_tap(nest)) {
        const ir_ref outer = ir_affine(&nest->b, nest->track, &nest->at.tap.affine, tap_number(nest, c));
        const ir_ref inner = nest_load(nest, nest->pass.in_tap, nest->track, &nest->at.wide, offset, 0);
        item.tap = ir_op2(&nest->b, IR_ADD, inner, outer);
    }
    if (forward_tracks_index(nest))
        item.index = nest_load(nest, nest->pass.in_index, nest->track, &nest->at.wide, offset, 0);
    return item;
}

static struct fold leaf(struct nest *nest, const struct cursor *c) {
    if (nest->pass.active && !nest->pass.first)
        return partial(nest, c);
    struct fold item = {.raw = true};
    item.value = nest_load(nest, nest->buffer.x, nest->real, &nest->at.wide, steps_to(nest, c->at).wide, 0);
    item.value = fold_lift(nest, item.value);
    if (forward_tracks_tap(nest))
        item.tap = ir_affine(&nest->b, nest->track, &nest->at.tap.affine, tap_number(nest, c));
    if (forward_tracks_index(nest))
        item.index = relative_index(nest, c);
    return item;
}

/* ---- reducing an axis ----
 *
 * note [flat windows]
 * Partial results of rows are worth sharing between windows, except where tap numbers are tracked: those differ from window
 * to window.  There a window is one flat fold, each tap combined with all `seen` before it; C compilers make vectors of
 * that, but not of a tree of conditional tap numbers. */

static struct fold reduce_window(struct nest *nest, int axis, const int64_t *output, struct cursor cursor,
                                 const struct fold *seen);

static bool is_flat(const struct nest *nest) {
    return forward_tracks_tap(nest) || forward_tracks_index(nest);
}

/* One tap position of `axis`, with all that lies at it on the axes inside. */
static struct fold reduce_one(struct nest *nest, int axis, const int64_t *output, struct cursor *c, int64_t tap,
                              const struct fold *seen) {
    const struct pc_segment *segment = nest->segment[axis];
    c->at[axis] = output[axis] * segment->in_step + tap * nest->layer->axis[axis].dilation;
    c->tap[axis] = segment->tap + tap;
    return reduce_window(nest, axis + 1, output, *c, seen);
}

/* Taps first .. first + count - 1 of the current segment along `axis`. */
static struct fold reduce_taps(struct nest *nest, int axis, const int64_t *output, struct cursor *c, int64_t first,
                               int64_t count, const struct fold *seen) {
    const struct pc_segment *segment = nest->segment[axis];
    const int64_t dilation = nest->layer->axis[axis].dilation;
    const enum pc_scheme scheme = nest->plan->axis[axis].scheme;
    if (count == 1 || scheme == PC_SCHEME_DIRECT) {
        struct fold sum = reduce_one(nest, axis, output, c, first, seen);
        for (int64_t t = first + 1; t < first + count; t++) {
            const struct fold next = reduce_one(nest, axis, output, c, t, is_flat(nest) ? &sum : NULL);
            sum = is_flat(nest) ? next : fold_combine(nest, &sum, &next);
        }
        return sum;
    }
    /* Windows a whole number of taps apart agree on tap positions. */
    const int64_t base = output[axis] * segment->in_step;
    const int64_t position = segment->in_step % dilation == 0 ? base / dilation + first : first;
    const int64_t split = pc_scheme_split(scheme, position, count);
    const int64_t rest = scheme == PC_SCHEME_DOUBLING ? split : count - split;
    const struct fold left = reduce_taps(nest, axis, output, c, first, split, NULL);
    const struct fold right = reduce_taps(nest, axis, output, c, first + count - rest, rest, NULL);
    return fold_combine(nest, &left, &right);
}

/* What a loop over taps starts with when nothing was seen: the identity. Where no tap beats it, the first one is the
 * answer to where the maximum is. */
static struct fold nothing_seen(struct nest *nest, int axis, const int64_t *output, const struct cursor *c) {
    struct cursor start = *c;
    for (int a = axis; a < POOL_MAX_RANK; a++) {
        start.at[a] = output[a] * nest->segment[a]->in_step;
        start.tap[a] = nest->segment[a]->tap;
    }
    struct fold seen = {.value = fold_identity(nest)};
    if (fold_picks(nest) && fold_propagates_nan(nest) && !is_flat(nest))
        seen.nan = ir_mask(&nest->b, nest->real.lanes, 0);
    if (nest->pass.active && !nest->pass.first) {
        const struct fold first = partial(nest, &start);
        seen.tap = first.tap;
        seen.index = first.index;
        return seen;
    }
    if (forward_tracks_tap(nest))
        seen.tap = ir_affine(&nest->b, nest->track, &nest->at.tap.affine, tap_number(nest, &start));
    if (forward_tracks_index(nest))
        seen.index = relative_index(nest, &start);
    return seen;
}

/* All taps of the segment by a loop that carries what was seen. */
static struct fold reduce_loop(struct nest *nest, int axis, const int64_t *output, struct cursor *c,
                               const struct fold *before) {
    const struct pc_segment *segment = nest->segment[axis];
    const int64_t dilation = nest->layer->axis[axis].dilation;
    const struct steps *stride = &nest->stride[axis];
    struct fold seen = before ? *before : nothing_seen(nest, axis, output, c);
    if (seen.raw) {
        seen.value = fold_without_nan(nest, &seen); /* the loop carries no doubt about it */
        seen.raw = false;
    }
    const uint32_t loop = nest_open(nest, nest_tap_names[axis], segment->taps,
                                    (struct steps){.wide = dilation * stride->wide,
                                                   .plane = dilation * stride->plane,
                                                   .tap = stride->tap});
    struct carried carried = {.count = 0};
    carry_fold(&carried, &seen);
    begin_carrying(nest, &carried, loop);
    struct fold next = reduce_one(nest, axis, output, c, 0, is_flat(nest) ? &seen : NULL);
    if (!is_flat(nest)) {
        next = fold_combine(nest, &seen, &next);
        fold_settle(nest, &next); /* the loop carries masks, no values */
    }
    assert(!seen.tap == !next.tap && !seen.index == !next.index && !seen.nan == !next.nan);
    seen.value = next.value;
    seen.tap = next.tap;
    seen.index = next.index;
    seen.nan = next.nan;
    end_carrying(nest, &carried, loop);
    return seen;
}

/* The part of an output's window that lies at `cursor` on the axes before `axis`, after the taps `seen` (or NULL). */
static struct fold reduce_window(struct nest *nest, int axis, const int64_t *output, struct cursor cursor,
                                 const struct fold *seen) {
    if (axis == POOL_MAX_RANK) {
        const struct fold tap = leaf(nest, &cursor);
        return seen ? fold_combine(nest, seen, &tap) : tap;
    }
    const int64_t taps = nest->segment[axis]->taps;
    if (nest->plan->axis[axis].roll && taps > 1)
        return reduce_loop(nest, axis, output, &cursor, seen);
    return reduce_taps(nest, axis, output, &cursor, 0, taps, seen);
}

/* ---- finishing ---- */

static ir_ref finish(struct nest *nest, struct fold *item) {
    const bool is_partial = nest->pass.active && !nest->pass.last;
    if (!fold_picks(nest) && is_partial)
        return item->value;
    return nest->mode->finish == PC_FINISH_DIVIDE ? fold_divide(nest, item->value) : fold_finish(nest, item);
}

/* The position in the plane or the tensor itself: the first pass knows it, later ones load it. */
static ir_ref absolute_index(struct nest *nest, const struct fold *item) {
    if (nest->pass.active && !nest->pass.first)
        return item->index;
    const struct place *base = nest->layer->desc.indices == POOL_INDICES_TENSOR ? &nest->at.wide : &nest->at.plane;
    const ir_ref tile = ir_affine(&nest->b, nest->track, &base->affine, base->constant);
    return ir_op2(&nest->b, IR_ADD, tile, item->index);
}

static void store_state(struct nest *nest, int64_t offset, ir_ref tap) {
    struct place place = nest->at.narrow;
    for (int i = 0; i < nest->state_outer; i++)
        place.affine.term[i].stride = 0;
    const enum ir_element element = nest->b.function->buffers[nest->buffer.state].element;
    nest_store(nest, nest->buffer.state, &place, offset, ir_convert(&nest->b, element, tap), 0);
}

static void output_body(struct nest *nest, const int64_t *output) {
    const int64_t offset = steps_to(nest, output).narrow;
    nest_cut(nest);
    struct fold item = reduce_window(nest, 0, output, (struct cursor){0}, NULL);
    nest_store(nest, nest->buffer.y, &nest->at.narrow, offset, finish(nest, &item), 0);
    if (item.index)
        item.index = absolute_index(nest, &item);
    if (nest->pass.active && !nest->pass.last) {
        if (item.tap)
            nest_store(nest, nest->pass.out_tap, &nest->at.narrow, offset, item.tap, 0);
        if (item.index)
            nest_store(nest, nest->pass.out_index, &nest->at.narrow, offset, item.index, 0);
        return;
    }
    if (nest->buffer.indices >= 0)
        nest_store(nest, nest->buffer.indices, &nest->at.narrow, offset,
                   ir_convert(&nest->b, nest->plan->index, item.index ? item.index : item.tap), 0);
    if (nest->buffer.state >= 0)
        store_state(nest, offset, item.tap);
}

static void tile_body(struct nest *nest) {
    int64_t output[POOL_MAX_RANK];
    for (output[0] = 0; output[0] < nest->tile[0]; output[0]++)
        for (output[1] = 0; output[1] < nest->tile[1]; output[1]++)
            for (output[2] = 0; output[2] < nest->tile[2]; output[2]++)
                output_body(nest, output);
}

/* ---- segments ---- */

/* What the reader of a kernel sees above the code for one kind of windows. */
static void describe(struct nest *nest, int axis, const struct pc_segment *s) {
    const int64_t last = s->out + s->count - 1, kernel = nest->layer->axis[axis].kernel;
    const char *outputs = s->count == 1
                              ? pc_arena_printf(nest->arena, "%s %" PRId64, nest_out_names[axis], s->out)
                              : pc_arena_printf(nest->arena, "%s %" PRId64 " .. %" PRId64, nest_out_names[axis], s->out, last);
    const char *taps = s->taps == kernel ? "all taps"
                       : s->taps == 1 ? pc_arena_printf(nest->arena, "%s %" PRId64, nest_tap_names[axis], s->tap)
                                      : pc_arena_printf(nest->arena, "%s %" PRId64 " .. %" PRId64, nest_tap_names[axis], s->tap,
                                                        s->tap + s->taps - 1);
    ir_comment(&nest->b, pc_arena_printf(nest->arena, "%s: %s", outputs, taps));
}

static void axis_level(struct nest *nest, int level, int axis) {
    const struct pc_plan_axis *plan = &nest->plan->axis[axis];
    const struct steps stride = nest->stride[axis];
    const struct places before = nest->at;
    for (int i = 0; i < plan->count; i++) {
        const struct pc_segment *s = &plan->segments[i];
        const struct steps output = {
            .wide = s->in_step * stride.wide, .narrow = stride.narrow, .plane = s->in_step * stride.plane};
        nest->segment[axis] = s;
        if (plan->count > 1 && nest->plan->form != PC_FORM_STRAIGHT)
            describe(nest, axis, s);
        nest_move(
            nest,
            (struct steps){.wide = s->in * stride.wide, .narrow = s->out * stride.narrow, .plane = s->in * stride.plane}, 1);
        /* A straight line is one tile; elsewhere equal tiles, then what is left over. */
        const int64_t tile = nest->plan->form == PC_FORM_STRAIGHT || s->count < plan->tile ? s->count : plan->tile;
        const int64_t tiles = s->count / tile;
        nest->tile[axis] = tile;
        nest_repeat(
            nest, level + 1, nest_out_names[axis], tiles,
            (struct steps){.wide = output.wide * tile, .narrow = output.narrow * tile, .plane = output.plane * tile});
        if (s->count % tile) {
            nest_move(nest, output, tiles * tile);
            nest->tile[axis] = s->count % tile;
            nest_descend(nest, level + 1);
        }
        nest->at = before;
    }
}

/* note [wide state]
 * Channels-first, a row of the state is a few dozen bytes while a row of y is as many words; a C compiler that makes vectors
 * of both at once needs rows of 64.  So tap numbers go to a local plane as wide as the values first, and become bytes in a
 * loop of their own. */
static void plane_with_wide_state(struct nest *nest, int64_t channels) {
    (void)channels; /* one: the form is for channels-first */
    const int64_t count = pc_layer_outputs(nest->layer);
    const int state = nest->buffer.state, wide = nest_local(nest, "state_plane", nest->plan->track, count);
    nest->buffer.state = wide;
    nest->state_outer = nest->at.narrow.affine.count;
    nest_descend(nest, 1);
    nest->buffer.state = state;
    nest->state_outer = 0;

    const struct place before = nest->at.narrow;
    struct place plane = nest_local_place(&nest->at.narrow);
    const uint32_t loop = nest_open(nest, "i", count, (struct steps){.narrow = 1});
    plane.affine.term[plane.affine.count++] = (struct ir_term){loop, 1};
    const ir_ref tap = nest_load(nest, wide, nest->track, &plane, 0, 0);
    nest_store(nest, state, &nest->at.narrow, 0, ir_convert(&nest->b, nest->plan->state, tap), 0);
    nest_close(nest, loop);
    nest->at.narrow = before;
}

void lower_forward(struct nest *nest) {
    nest->axis_level = axis_level;
    nest->tile_body = tile_body;
    if (nest->plan->wide_state)
        nest_each_block(nest, plane_with_wide_state);
    else
        nest_descend(nest, 0);
}
