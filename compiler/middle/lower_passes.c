/* lower_passes.c - a forward kernel that goes along one axis at a time.
 *
 * note [passes]
 * Windows near a border differ from the others, along each axis on its own.  A kernel that unrolls whole windows has code
 * for every combination: 13 kinds of windows along two axes make 169 regions.  Reducing along W into a local array, then
 * along H, then along D needs 13 + 13, and fewer combinations per output too.  W comes first: a row is reduced before rows
 * are compared, which keeps the first of equal maxima in row-major order, and the last of several NaN.
 *
 * Each pass is an ordinary forward nest whose other axes have windows of one tap; what differs is where it reads and writes.
 */
#include "middle/lower_nest.h"

/* Windows of one tap at every position of an axis that a pass does not reduce. The last pass divides, so there they carry
 * the divisors of the axes that were reduced before it, which may differ along the axis. */
static struct pc_plan_axis identity_axis(struct nest *nest, const struct pc_plan_axis *reduced, int64_t size) {
    const bool divides = nest->pass.last && nest->mode->finish == PC_FINISH_DIVIDE;
    struct pc_segment *segments = PC_NEW_ARRAY(nest->arena, (size_t)reduced->count, struct pc_segment);
    struct pc_plan_axis axis = {.segments = segments, .tile = 1};
    for (int i = 0; i < reduced->count; i++) {
        const struct pc_segment *from = &reduced->segments[i];
        struct pc_segment *last = axis.count ? &segments[axis.count - 1] : NULL;
        if (last && (!divides || last->divisor == from->divisor))
            last->count += from->count;
        else
            segments[axis.count++] = (struct pc_segment){.out = from->out,
                                                         .count = from->count,
                                                         .in = from->out,
                                                         .in_step = 1,
                                                         .taps = 1,
                                                         .divisor = divides ? from->divisor : 1};
    }
    if (!divides)
        segments[0].count = size; /* an axis that is reduced later still has its input size */
    return axis;
}

static int local_array(struct nest *nest, const char *what, int axis, enum ir_element element, int64_t count) {
    static const char *const names[] = {"d", "h", "w"};
    return nest_local(nest, pc_arena_printf(nest->arena, "%s_%s", what, names[axis]), element, count);
}

static void run_pass(struct nest *nest, const struct pc_plan *whole, struct pc_plan *plan, const int64_t *in,
                     const int64_t *out, int64_t channels) {
    /* The arrays are made for a full block; a last block with fewer channels leaves the rest of each pixel unused. */
    int64_t local_in[POOL_MAX_RANK], local_out[POOL_MAX_RANK];
    nest_local_strides(in, whole->block, local_in);
    nest_local_strides(out, whole->block, local_out);
    *plan = *whole;
    for (int a = 0; a < POOL_MAX_RANK; a++) {
        if (a != nest->pass.axis)
            plan->axis[a] = identity_axis(nest, &whole->axis[a], in[a]);
        if (!nest->pass.first)
            nest->stride[a].wide = local_in[a];
        if (!nest->pass.last)
            nest->stride[a].narrow = local_out[a];
    }
    nest->plan = plan;
    if (!nest->pass.first)
        nest->at.wide = nest_local_place(&nest->at.wide);
    if (!nest->pass.last)
        nest->at.narrow = nest_local_place(&nest->at.narrow);
    nest->level_count = 0;
    for (int a = 0; a < POOL_MAX_RANK; a++)
        nest->level[nest->level_count++] = (struct level){.kind = LEVEL_AXIS, .axis = a};
    if (whole->layer->desc.layout == POOL_CHANNELS_LAST)
        nest->level[nest->level_count++] =
            (struct level){.kind = LEVEL_PLAIN, .name = "c", .trip = channels, .steps = {.wide = 1, .narrow = 1}};
    lower_forward(nest);
}

static void block_body(struct nest *nest, int64_t channels) {
    const struct pc_plan *whole = nest->plan;
    const struct pc_layer *layer = nest->layer;
    int64_t in[POOL_MAX_RANK], out[POOL_MAX_RANK];
    int outermost = POOL_MAX_RANK - 1; /* the last axis that is reduced */
    for (int a = POOL_MAX_RANK - 1; a >= 0; a--) {
        out[a] = in[a] = layer->axis[a].in;
        if (pc_axis_is_reduced(&layer->axis[a]))
            outermost = a;
    }
    struct nest before = *nest;
    const int x = nest->buffer.x, y = nest->buffer.y;
    struct pass pass = {.active = true, .first = true, .in_tap = -1, .in_index = -1};
    int source = x;
    for (int a = POOL_MAX_RANK - 1; a >= outermost; a--) {
        if (!pc_axis_is_reduced(&layer->axis[a]))
            continue;
        struct pc_plan plan;
        out[a] = layer->axis[a].out;
        pass.axis = a;
        pass.last = a == outermost;
        pass.out_tap = pass.out_index = -1;
        int target = y;
        if (!pass.last) {
            const int64_t count = nest_local_count(out, whole->block);
            target = local_array(nest, "row", a, whole->real, count);
            if (forward_tracks_tap(nest))
                pass.out_tap = local_array(nest, "tap", a, whole->track, count);
            if (forward_tracks_index(nest))
                pass.out_index = local_array(nest, "index", a, whole->track, count);
        }
        static const char *const comments[] = {"along D", "along H", "along W"};
        ir_comment(&nest->b, comments[a]);
        nest->pass = pass;
        nest->buffer.x = source;
        nest->buffer.y = target;
        run_pass(nest, whole, &plan, in, out, channels);
        /* Everything but the builder is as before the pass. */
        const struct ir_builder builder = nest->b;
        *nest = before;
        nest->b = builder;
        in[a] = out[a];
        source = target;
        pass.first = false;
        pass.in_tap = pass.out_tap;
        pass.in_index = pass.out_index;
    }
}

void lower_forward_passes(struct nest *nest) {
    nest_each_block(nest, block_body);
}
