/* lanes_cost.c - what running groups takes: see lanes.h. */
#include "middle/lanes.h"

/* Groups that stand side by side are one straight line, in which equal loads, equal choices and, where windows are reduced
 * row by row, equal rows are one. */

/* Loading one element beside loading a vector. */
static const double ONE = 0.5;

struct seen {
    int64_t *keys; /* open addressing; 0 is empty */
    size_t size;
};

static struct seen new_seen(size_t keys, struct pc_arena *arena) {
    return (struct seen){PC_NEW_ARRAY(arena, 2 * keys + 1, int64_t), 2 * keys + 1};
}

/* Whether the key is met for the first time. */
static bool is_new(struct seen *seen, int64_t key) {
    size_t at = (size_t)((uint64_t)key * UINT64_C(0x9e3779b97f4a7c15) >> 33) % seen->size;
    key = key >= 0 ? key + 1 : key; /* none is 0 */
    while (seen->keys[at] && seen->keys[at] != key)
        at = at + 1 == seen->size ? 0 : at + 1;
    const bool found = seen->keys[at] == key;
    seen->keys[at] = key;
    return !found;
}

int64_t pc_lane_divisor(const struct pc_lane_tap *tap) {
    int64_t divisor = 0;
    for (int l = 0; l < PC_LANES_MAX; l++) {
        if (!(tap->active >> l & 1))
            continue;
        if (divisor && tap->divisor[l] != divisor)
            return 0;
        divisor = tap->divisor[l];
    }
    return divisor;
}

/* One for each divisor that all lanes have, one for each slot where they differ. */
static int count_divisions(const struct pc_lane_group *group) {
    int count = 0;
    for (int t = 0; t < group->tap_count; t++) {
        const int64_t divisor = pc_lane_divisor(&group->taps[t]);
        bool met = divisor == 1;
        for (int i = 0; i < t && divisor && !met; i++)
            met = pc_lane_divisor(&group->taps[i]) == divisor;
        count += !met;
    }
    return count;
}

/* Which element each lane takes, as a number; where from does not matter. */
static int64_t elements_of(const struct pc_lane_tap *tap) {
    uint64_t key = 0;
    for (int l = 0; l < PC_LANES_MAX; l++) {
        const int64_t at = tap->active >> l & 1 ? tap->loads[tap->load[l]].at + tap->lane[l] + 1 : 0;
        key = (key ^ (uint64_t)at) * UINT64_C(0x9e3779b97f4a7c15);
        key ^= key >> 29; /* the high bits are the mixed ones */
    }
    return (int64_t)(key >> 2);
}

static void add_group(const struct pc_lane_group *group, struct seen *loads, struct seen *taps, struct pc_lane_cost *cost) {
    cost->groups++;
    cost->taps += group->tap_count;
    cost->divisions += count_divisions(group);
    for (int t = 0; t < group->tap_count; t++) {
        const struct pc_lane_tap *tap = &group->taps[t];
        bool moved = false;
        for (int l = 0; l < PC_LANES_MAX; l++)
            moved |= (tap->active >> l & 1) && tap->lane[l] != l;
        int ones = 0;
        for (int i = 0; i < tap->load_count; i++) {
            const bool one = pc_lane_is_one(tap, i);
            ones += one;
            cost->loads += is_new(loads, 2 * tap->loads[i].at + one) ? one ? ONE : 1 : 0;
        }
        if (!is_new(taps, elements_of(tap)))
            continue;
        cost->new_taps++;
        cost->shuffles += tap->load_count - ones > 1 ? tap->load_count - ones - 1 : moved;
        cost->blends += ones + ((tap->active & group->valid) != group->valid);
    }
}

/* Of a group, which may be none. */
static void count_group(const struct pc_lane_group *group, size_t *taps, size_t *loads) {
    for (int t = 0; group && t < group->tap_count; t++)
        *loads += (size_t)group->taps[t].load_count;
    *taps += group ? (size_t)group->tap_count : 0;
}

static void add_cost(struct pc_lane_cost *sum, const struct pc_lane_cost *cost, double times) {
    sum->loads += times * cost->loads;
    sum->shuffles += times * cost->shuffles;
    sum->blends += times * cost->blends;
    sum->taps += times * cost->taps;
    sum->new_taps += times * cost->new_taps;
    sum->groups += times * cost->groups;
    sum->divisions += times * cost->divisions;
}

struct pc_lane_cost pc_lanes_cost(const struct pc_lane_node *node, struct pc_arena *arena) {
    struct pc_lane_cost once = {0}, all = {0};
    size_t tap_count = 0, load_count = 0;
    count_group(node->group, &tap_count, &load_count);
    for (size_t i = 0; i < node->child_count; i++)
        count_group(node->children[i].group, &tap_count, &load_count);
    const struct pc_arena_mark mark = pc_arena_mark(arena);
    struct seen loads = new_seen(load_count, arena), choices = new_seen(tap_count, arena);
    if (node->group)
        add_group(node->group, &loads, &choices, &once);
    for (size_t i = 0; i < node->child_count; i++) {
        const struct pc_lane_node *child = &node->children[i];
        if (child->group && child->count == 1) {
            add_group(child->group, &loads, &choices, &once);
            continue;
        }
        const struct pc_lane_cost cost = pc_lanes_cost(child, arena);
        add_cost(&once, &cost, 1);
    }
    pc_arena_rewind(arena, mark);
    add_cost(&all, &once, (double)node->count);
    all.code = pc_lanes_code(node);
    return all;
}

double pc_lanes_code(const struct pc_lane_node *node) {
    double code = node->group ? (double)node->group->tap_count + 1 : 0;
    for (size_t i = 0; i < node->child_count; i++)
        code += pc_lanes_code(&node->children[i]);
    return code;
}

/* ---- choices ---- */

/* Of the lanes that a tap takes from where, as a number; 0 where each lane is in place. */
static int64_t choice_of(const struct pc_lane_tap *tap) {
    uint64_t key = 0;
    bool moved = tap->load_count > 1;
    for (int l = 0; l < PC_LANES_MAX; l++) {
        const bool active = tap->active >> l & 1;
        moved |= active && tap->lane[l] != l;
        key = (key + (active ? (uint64_t)tap->load[l] * PC_LANES_MAX + tap->lane[l] + 1 : 0)) * UINT64_C(0x9e3779b97f4a7c15);
    }
    return moved ? (int64_t)(key >> 2 | 1) : 0;
}

static size_t count_all_taps(const struct pc_lane_node *node) {
    size_t taps = node->group ? (size_t)node->group->tap_count : 0;
    for (size_t i = 0; i < node->child_count; i++)
        taps += count_all_taps(&node->children[i]);
    return taps;
}

static int64_t add_choices(const struct pc_lane_node *node, struct seen *seen) {
    int64_t count = 0;
    for (int t = 0; node->group && t < node->group->tap_count; t++) {
        const int64_t choice = choice_of(&node->group->taps[t]);
        count += choice && is_new(seen, choice);
    }
    for (size_t i = 0; i < node->child_count; i++)
        count += add_choices(&node->children[i], seen);
    return count;
}

int64_t pc_lanes_choices(const struct pc_lane_node *node, struct pc_arena *arena) {
    const struct pc_arena_mark mark = pc_arena_mark(arena);
    struct seen seen = new_seen(count_all_taps(node), arena);
    const int64_t count = add_choices(node, &seen);
    pc_arena_rewind(arena, mark);
    return count;
}
