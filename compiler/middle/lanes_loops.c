/* lanes_loops.c - nodes that differ only in where they stand become loops: see lanes.h. */
#include "middle/lanes_view.h"

#include <string.h>

/* ---- equal neighbours ---- */

/* How far b is from a; a step is set by the first pair of places that is compared. */
struct distance {
    bool in_known, out_known, index_known;
    struct pc_lane_steps step;
};

static bool agrees(bool *known, int64_t *step, int64_t between) {
    if (*known && *step != between)
        return false;
    *step = between;
    *known = true;
    return true;
}

static bool same_tap(const struct pc_lane_tap *a, const struct pc_lane_tap *b, struct distance *d) {
    if (memcmp(a->slot, b->slot, sizeof a->slot) != 0 || a->active != b->active || a->load_count != b->load_count ||
        a->row.mask != b->row.mask || memcmp(a->load, b->load, sizeof a->load) != 0 ||
        memcmp(a->lane, b->lane, sizeof a->lane) != 0 || memcmp(a->number, b->number, sizeof a->number) != 0 ||
        memcmp(a->divisor, b->divisor, sizeof a->divisor) != 0)
        return false;
    for (int i = 0; i < a->load_count; i++)
        if (a->loads[i].mask != b->loads[i].mask || !agrees(&d->in_known, &d->step.in, b->loads[i].at - a->loads[i].at))
            return false;
    return true;
}

static bool same_group(const struct pc_lane_group *a, const struct pc_lane_group *b, struct distance *d) {
    if (a->valid != b->valid || a->tap_count != b->tap_count || memcmp(a->divisor, b->divisor, sizeof a->divisor) != 0 ||
        !agrees(&d->out_known, &d->step.out, b->out - a->out))
        return false;
    for (int l = 0; l < PC_LANES_MAX; l++)
        if ((a->valid >> l & 1) && !agrees(&d->index_known, &d->step.index, b->index[l] - a->index[l]))
            return false;
    for (int i = 0; i < a->tap_count; i++)
        if (!same_tap(&a->taps[i], &b->taps[i], d))
            return false;
    return true;
}

static bool same_steps(const struct pc_lane_steps *a, const struct pc_lane_steps *b) {
    return a->in == b->in && a->out == b->out && a->index == b->index;
}

static bool same_node(const struct pc_lane_node *a, const struct pc_lane_node *b, struct distance *d) {
    if (a->count != b->count || !same_steps(&a->step, &b->step) || !a->group != !b->group ||
        a->child_count != b->child_count)
        return false;
    if (a->group)
        return same_group(a->group, b->group, d);
    for (size_t i = 0; i < a->child_count; i++)
        if (!same_node(&a->children[i], &b->children[i], d))
            return false;
    return true;
}

/* Whether b does what a does, so much further. */
static bool equal_nodes(const struct pc_lane_node *a, const struct pc_lane_node *b, struct pc_lane_steps *step) {
    struct distance d = {0};
    const bool same = same_node(a, b, &d);
    *step = d.step;
    return same;
}

/* Where the last of `count` turns is. */
static struct pc_lane_steps times(struct pc_lane_steps step, int64_t count) {
    return (struct pc_lane_steps){step.in * count, step.out * count, step.index * count};
}

/* ---- loops ---- */

void lanes_append(const struct lanes_view *v, struct pc_lane_node *parent, const struct pc_lane_node *child,
                  struct pc_arena_mark mark) {
    struct pc_lane_node *last = parent->child_count ? &parent->children[parent->child_count - 1] : NULL;
    if (last) {
        struct pc_lane_node first = *last, next = *child;
        struct pc_lane_steps step;
        if (next.count == 1) { /* compared as if they stood alone */
            first.count = 1;
            first.step = (struct pc_lane_steps){0};
        }
        const struct pc_lane_steps end = times(last->step, last->count);
        if (next.count == 1 && equal_nodes(&first, &next, &step) && (last->count == 1 || same_steps(&step, &end))) {
            last->step = last->count == 1 ? step : last->step;
            last->count++;
            pc_arena_rewind(v->arena, mark);
            return;
        }
    }
    PC_GROW(v->arena, parent->children, parent->child_count, parent->child_capacity);
    parent->children[parent->child_count++] = *child;
}

/* ---- what need not be worked out again ---- */

/* Behind the last element of the source that a node loads; -1: some load leaves out elements, which another place would
 * have. */
static int64_t end_of_loads(const struct lanes_view *v, const struct pc_lane_node *node) {
    const uint32_t all = (uint32_t)(((uint64_t)1 << v->shape->lanes) - 1);
    int64_t end = 0;
    for (int t = 0; node->group && t < node->group->tap_count; t++) {
        const struct pc_lane_tap *tap = &node->group->taps[t];
        if (tap->is_row && tap->row.mask != all)
            return -1;
        end = tap->is_row && tap->row.at + v->shape->lanes > end ? tap->row.at + v->shape->lanes : end;
        for (int i = 0; i < tap->load_count; i++) {
            if (pc_lane_is_one(tap, i)) /* an active lane's, which has a counterpart wherever slots repeat */
                continue;
            if (tap->loads[i].mask != all)
                return -1;
            end = tap->loads[i].at + v->shape->lanes > end ? tap->loads[i].at + v->shape->lanes : end;
        }
    }
    for (size_t i = 0; i < node->child_count; i++) {
        const int64_t child = end_of_loads(v, &node->children[i]);
        if (child < 0)
            return -1;
        end = child > end ? child : end;
    }
    return end + (node->count - 1) * node->step.in;
}

bool lanes_repeat_last(const struct lanes_view *v, struct pc_lane_node *parent, struct pc_lane_steps step) {
    struct pc_lane_node *last = parent->child_count ? &parent->children[parent->child_count - 1] : NULL;
    if (!last || step.in % v->shape->align || (last->count > 1 && !same_steps(&last->step, &step)))
        return false;
    const int64_t end = end_of_loads(v, last);
    if (end < 0 || end + step.in > v->from + v->shape->slack)
        return false;
    last->step = step;
    last->count++;
    return true;
}
