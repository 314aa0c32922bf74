/* lower_lane_windows.c - the windows of a group become values: see lower_lanes.h.  Slots are combined in their order, lane
 * by lane as other kernels combine them one by one. */
#include "middle/lower_lanes.h"

/* Taps that are combined one after the other. */
enum { CHAIN_MOST = 12 };

/* As wide as the values. */
static ir_ref gather_taps(struct lanes_nest *n, const struct pc_lane_tap *tap) {
    return ir_convert(n->b, n->nest->plan->track, lanes_gather(n, tap, n->read.taps));
}

/* Where lanes are elements of one window: a number of its own for each. */
static ir_ref numbers_of(struct lanes_nest *n, const struct pc_lane_tap *tap) {
    int64_t numbers[PC_LANES_MAX];
    for (int l = 0; l < n->lanes; l++)
        numbers[l] = tap->number[l];
    return lanes_constants(n, numbers, tap->active, n->nest->track);
}

static struct fold tap_of(struct lanes_nest *n, const struct pc_lane_group *group, const struct pc_lane_tap *tap) {
    struct fold fold = {.raw = true, .missing = group->valid & ~tap->active};
    fold.value = lanes_gather_values(n, tap);
    if (n->pass->first)
        fold.value = fold_lift(n->nest, fold.value);
    fold.value = lanes_blend(n, tap->active, group->valid, fold.value, fold_identity(n->nest));
    if (!lanes_have_tap_numbers(n))
        return fold;
    fold.tap = !n->pass->first      ? gather_taps(n, tap)
               : n->pass->lane_taps ? numbers_of(n, tap)
                                    : ir_integer(n->b, n->nest->track, 0);
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
    if (n->pass->kind == PC_LANE_SUM)
        return (struct fold){.value = lanes_gather_values(n, n->line_taps[i])};
    const struct pc_lane_group group = {.valid = n->line_taps[i]->active};
    struct fold fold = tap_of(n, &group, n->line_taps[i]);
    add_to_tap(n, &fold, i * n->pass->tap_stride[n->pass->line_axis]);
    return fold;
}

static int64_t place_in_line(const struct lanes_nest *n, const struct pc_lane_tap *first, const struct pc_lane_tap *tap) {
    return (tap->row.at - first->row.at) / n->pass->line_step;
}

/* The windows of a tile are a line. */
void lanes_begin_line(struct lanes_nest *n, const struct pc_lane_node *tile, size_t count) {
    const struct pc_lane_group *end = tile[count - 1].group;
    const struct pc_lane_tap *first = &tile[0].group->taps[0];
    const int64_t length = place_in_line(n, first, &end->taps[end->tap_count - 1]) + 1;
    n->line_taps = PC_NEW_ARRAY(n->nest->arena, (size_t)length, const struct pc_lane_tap *);
    for (size_t i = 0; i < count; i++)
        for (int t = 0; t < tile[i].group->tap_count; t++)
            n->line_taps[place_in_line(n, first, &tile[i].group->taps[t])] = &tile[i].group->taps[t];
    n->line = line_new(n->nest, length, n->pass->line_block, element_of_line, n);
}

struct fold lanes_reduce_by_line(struct lanes_nest *n, const struct pc_lane_group *group) {
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
            offset = lanes_add_where(n, begun, offset, ir_integer(n->b, nest->track, more));
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
    const ir_ref window =
        ir_op2(n->b, IR_ADD, first, lanes_constants(n, apart, lanes_spread(n, group->valid), n->nest->track));
    return ir_op2(n->b, IR_ADD, window, offset_of_tap(n, tap));
}

void lanes_reduce(struct lanes_nest *n, const struct pc_lane_group *group) {
    struct nest *nest = n->nest;
    struct fold fold = n->pass->lines ? lanes_reduce_by_line(n, group) : reduce(n, group, 0, group->tap_count, 0);
    ir_ref value = fold.value;
    if (nest->mode->finish == PC_FINISH_DIVIDE && n->pass->last)
        value = ir_op2(n->b, IR_DIV, value, lanes_divisors(n, group));
    else if (fold_picks(nest) || n->pass->last)
        value = fold_finish(nest, &fold);
    lanes_store(n, n->write.values, group, value);
    if (!fold.tap)
        return;
    if (n->write.taps >= 0)
        lanes_store(n, n->write.taps, group, ir_convert(n->b, n->write.tap_element, fold.tap));
    if (n->pass->last && nest->buffer.indices >= 0)
        lanes_store(n, nest->buffer.indices, group, ir_convert(n->b, nest->plan->index, index_of(n, group, fold.tap)));
}
