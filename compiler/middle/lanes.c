/* lanes.c - see lanes.h. Every group is worked out by itself; then neighbours are compared, and equal ones become one. */
#include "middle/lanes.h"

#include <assert.h>
#include <string.h>

enum {
    GROUPS_MAX = 8,      /* in a block of whole rows */
    LOOKS_MAX = 1 << 20, /* taps of all outputs of a plane */
    BLOCKS_MAX = 64,     /* that differ */
};

struct view {
    const struct pc_axis *height, *width;
    int64_t in, out; /* elements of a plane */
    int lanes;
    struct pc_arena *arena;
};

/* ---- one group ---- */

/* Where tap (kh, kw) of each lane lies in the plane; -1: outside of it, or no output. */
static uint64_t find_inputs(const struct view *v, const struct pc_lane_group *group, int64_t kh, int64_t kw, int64_t *at) {
    uint64_t active = 0;
    for (int l = 0; l < v->lanes; l++) {
        at[l] = -1;
        if (!(group->valid >> l & 1))
            continue;
        const int64_t out = group->out + l;
        const struct pc_window h = pc_axis_window(v->height, out / v->width->out);
        const struct pc_window w = pc_axis_window(v->width, out % v->width->out);
        if (kh < h.tap_begin || kh >= h.tap_end || kw < w.tap_begin || kw >= w.tap_end)
            continue;
        at[l] = (h.start + kh * v->height->dilation) * v->width->in + w.start + kw * v->width->dilation;
        active |= (uint64_t)1 << l;
    }
    return active;
}

static uint64_t inside(const struct view *v, int64_t at) {
    uint64_t mask = 0;
    for (int l = 0; l < v->lanes; l++)
        if (at + l >= 0 && at + l < v->in)
            mask |= (uint64_t)1 << l;
    return mask;
}

static bool is_row(const struct view *v, const struct pc_lane_tap *tap, const int64_t *at, int64_t *begin) {
    bool found = false;
    for (int l = 0; l < v->lanes; l++) {
        if (!(tap->active >> l & 1))
            continue;
        if (found && at[l] - l != *begin)
            return false;
        *begin = at[l] - l;
        found = true;
    }
    return true;
}

/* Neighbouring elements: the load is the value. */
static void load_row(const struct view *v, struct pc_lane_tap *tap, int64_t begin) {
    tap->load_count = 1;
    tap->loads[0] = (struct pc_lane_load){begin, inside(v, begin)};
    for (int l = 0; l < v->lanes; l++)
        tap->lane[l] = (uint8_t)l;
}

/* Others: from the first element that is missing, as many loads as it takes. They begin at multiples of the stride, so that
 * the taps of a window find each other's. */
static bool load_apart(const struct view *v, struct pc_lane_tap *tap, const int64_t *at) {
    const int64_t step = v->width->adaptive ? 1 : v->width->stride;
    uint64_t missing = tap->active;
    while (missing) {
        int64_t first = INT64_MAX;
        for (int l = 0; l < v->lanes; l++)
            if ((missing >> l & 1) && at[l] < first)
                first = at[l];
        first -= first % step;
        if (tap->load_count == PC_LANE_LOADS_MAX)
            return false;
        tap->loads[tap->load_count] = (struct pc_lane_load){first, inside(v, first)};
        for (int l = 0; l < v->lanes; l++) {
            if (!(missing >> l & 1) || at[l] >= first + v->lanes)
                continue;
            tap->load[l] = (uint8_t)tap->load_count;
            tap->lane[l] = (uint8_t)(at[l] - first);
            missing &= ~((uint64_t)1 << l);
        }
        tap->load_count++;
    }
    return true;
}

static bool make_group(const struct view *v, int64_t out, int64_t end, struct pc_lane_group *group) {
    const int64_t taps = v->height->kernel * v->width->kernel;
    int64_t at[PC_LANES_MAX], begin = 0;
    *group = (struct pc_lane_group){.out = out, .taps = PC_NEW_ARRAY(v->arena, (size_t)taps, struct pc_lane_tap)};
    for (int l = 0; l < v->lanes && out + l < end; l++)
        group->valid |= (uint64_t)1 << l;
    for (int64_t number = 0; number < taps; number++) {
        struct pc_lane_tap *tap = &group->taps[group->tap_count];
        tap->number = number;
        tap->active = find_inputs(v, group, number / v->width->kernel, number % v->width->kernel, at);
        if (!tap->active)
            continue;
        if (is_row(v, tap, at, &begin))
            load_row(v, tap, begin);
        else if (!load_apart(v, tap, at))
            return false;
        group->tap_count++;
    }
    return true;
}

/* ---- equal neighbours ---- */

/* Whether b is a, *step elements of the input further; *step is set by the first pair of loads that is compared. */
static bool same_tap(const struct pc_lane_tap *a, const struct pc_lane_tap *b, bool *known, int64_t *step) {
    if (a->number != b->number || a->active != b->active || a->load_count != b->load_count ||
        memcmp(a->load, b->load, sizeof a->load) != 0 || memcmp(a->lane, b->lane, sizeof a->lane) != 0)
        return false;
    for (int i = 0; i < a->load_count; i++) {
        const int64_t between = b->loads[i].at - a->loads[i].at;
        if (a->loads[i].mask != b->loads[i].mask || (*known && between != *step))
            return false;
        *step = between;
        *known = true;
    }
    return true;
}

static bool same_group(const struct pc_lane_group *a, const struct pc_lane_group *b, bool *known, int64_t *step) {
    bool same = a->valid == b->valid && a->tap_count == b->tap_count;
    for (int i = 0; same && i < a->tap_count; i++)
        same = same_tap(&a->taps[i], &b->taps[i], known, step);
    return same;
}

static bool same_block(const struct pc_lane_block *a, const struct pc_lane_block *b, bool *known, int64_t *step) {
    bool same = a->run_count == b->run_count;
    for (int i = 0; same && i < a->run_count; i++) {
        const struct pc_lane_run *x = &a->runs[i], *y = &b->runs[i];
        same = x->count == y->count && x->in_step == y->in_step && x->out_step == y->out_step &&
               same_group(&x->group, &y->group, known, step);
    }
    return same;
}

/* Whether the next of a series, `step` and `out` after the last of `count`, goes on with it. */
static bool goes_on(int64_t count, int64_t in_step, int64_t out_step, int64_t step, int64_t out) {
    return count == 1 || (step == in_step * count && out == out_step * count);
}

/* ---- rows ---- */

static void add_group(struct pc_lane_block *block, const struct pc_lane_group *group) {
    struct pc_lane_run *last = block->run_count ? &block->runs[block->run_count - 1] : NULL;
    bool known = false;
    int64_t step = 0;
    const int64_t out = last ? group->out - last->group.out : 0;
    if (last && same_group(&last->group, group, &known, &step) &&
        goes_on(last->count, last->in_step, last->out_step, step, out)) {
        last->in_step = last->count == 1 ? step : last->in_step;
        last->out_step = last->count == 1 ? out : last->out_step;
        last->count++;
        return;
    }
    block->runs[block->run_count++] = (struct pc_lane_run){.group = *group, .count = 1};
}

static bool make_block(const struct view *v, int64_t begin, int64_t end, struct pc_lane_block *block) {
    const int64_t groups = (end - begin + v->lanes - 1) / v->lanes;
    *block = (struct pc_lane_block){.runs = PC_NEW_ARRAY(v->arena, (size_t)groups, struct pc_lane_run), .count = 1};
    for (int64_t out = begin; out < end; out += v->lanes) {
        struct pc_lane_group group;
        if (!make_group(v, out, end, &group))
            return false;
        add_group(block, &group);
    }
    return true;
}

static bool add_block(struct pc_lanes *lanes, const struct pc_lane_block *block) {
    struct pc_lane_block *last = lanes->block_count ? &lanes->blocks[lanes->block_count - 1] : NULL;
    bool known = false;
    int64_t step = 0;
    const int64_t out = last ? block->runs[0].group.out - last->runs[0].group.out : 0;
    if (last && same_block(last, block, &known, &step) && goes_on(last->count, last->in_step, last->out_step, step, out)) {
        last->in_step = last->count == 1 ? step : last->in_step;
        last->out_step = last->count == 1 ? out : last->out_step;
        last->count++;
        return true;
    }
    if (lanes->block_count == BLOCKS_MAX)
        return false;
    lanes->blocks[lanes->block_count++] = *block;
    return true;
}

/* Rows that are taken together: the fewest that fill their vectors best. */
static int64_t rows_of_block(const struct view *v) {
    int64_t best = 1;
    double best_fill = 0;
    for (int64_t rows = 1; rows <= v->height->out; rows++) {
        const int64_t outputs = rows * v->width->out, groups = (outputs + v->lanes - 1) / v->lanes;
        const double fill = (double)outputs / (double)(groups * v->lanes);
        if (rows > 1 && groups > GROUPS_MAX)
            break;
        if (fill > best_fill + 0.02) { /* a little better is not worth more code */
            best_fill = fill;
            best = rows;
        }
    }
    return best;
}

static int64_t count_operations(const struct pc_lanes *lanes) {
    int64_t operations = 0;
    for (int b = 0; b < lanes->block_count; b++)
        for (int r = 0; r < lanes->blocks[b].run_count; r++) {
            const struct pc_lane_group *group = &lanes->blocks[b].runs[r].group;
            for (int t = 0; t < group->tap_count; t++)
                operations += 2 * group->taps[t].load_count + 2;
        }
    return operations;
}

const struct pc_lanes *pc_lanes_build(const struct pc_layer *layer, int lanes, struct pc_arena *arena) {
    const struct view v = {
        .height = &layer->axis[1],
        .width = &layer->axis[2],
        .in = layer->axis[1].in * layer->axis[2].in,
        .out = layer->axis[1].out * layer->axis[2].out,
        .lanes = lanes,
        .arena = arena,
    };
    assert(lanes >= 1 && lanes <= PC_LANES_MAX);
    if (layer->axis[0].in != 1 || layer->axis[0].out != 1 || layer->axis[0].kernel != 1 || v.in > LOOKS_MAX ||
        v.out > LOOKS_MAX || v.height->kernel > LOOKS_MAX || v.width->kernel > LOOKS_MAX ||
        v.out * v.height->kernel > LOOKS_MAX || v.out * v.height->kernel * v.width->kernel > LOOKS_MAX)
        return NULL;
    struct pc_lanes *result = PC_NEW(arena, struct pc_lanes);
    *result = (struct pc_lanes){.lanes = lanes, .blocks = PC_NEW_ARRAY(arena, BLOCKS_MAX, struct pc_lane_block)};
    const int64_t outputs = rows_of_block(&v) * v.width->out;
    for (int64_t begin = 0; begin < v.out; begin += outputs) {
        struct pc_lane_block block;
        const int64_t end = begin + outputs < v.out ? begin + outputs : v.out;
        if (!make_block(&v, begin, end, &block) || !add_block(result, &block))
            return NULL;
    }
    result->operations = count_operations(result);
    return result;
}
