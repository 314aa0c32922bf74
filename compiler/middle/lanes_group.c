/* lanes_group.c - one group: where each of its lanes takes its elements from, slot by slot; see lanes.h. */
#include "middle/lanes_view.h"

#include <string.h>

struct coordinates {
    int64_t at[POOL_MAX_RANK];
};

static struct coordinates coordinates_of(const struct lanes_view *v, int64_t out) {
    return (struct coordinates){{out / v->plane, out % v->plane / v->row, out % v->row}};
}

/* Which element a lane takes, as far as it is known: by the slots of the first axes. */
struct element {
    int64_t at;
    int32_t number;
    int64_t divisor;
};

/* By the slot of one axis more; false: there is none. */
static inline bool find_along(const struct lanes_view *v, int a, int64_t position, int slot, struct element *e) {
    const struct pc_lane_map *map = v->shape->map[a];
    const struct pc_lane_slot *s = &map->slot[position * map->slots + slot];
    if (s->at < 0)
        return false;
    e->at = e->at * v->shape->from[a] + s->at;
    e->number += (int32_t)(s->tap * v->shape->tap_stride[a]);
    e->divisor *= v->shape->divides ? s->divisor : 1;
    return true;
}

/* The elements of a group's lanes; `active`: of those that have one. */
struct elements {
    uint32_t active;
    struct element lane[PC_LANES_MAX];
};

/* By the slot of axis a too, of those known by the axes before it. */
static struct elements elements_along(const struct lanes_view *v, int a, int slot, const struct coordinates *c,
                                      const struct elements *before) {
    struct elements all;
    all.active = 0;
    for (int l = 0; l < v->shape->lanes; l++) {
        all.lane[l] = before->lane[l];
        if ((before->active >> l & 1) && find_along(v, a, c[l].at[a], slot, &all.lane[l]))
            all.active |= (uint32_t)1 << l;
    }
    return all;
}

/* Of a vector that begins there, the lanes that may be loaded. */
static uint32_t inside(const struct lanes_view *v, int64_t at) {
    const int64_t lanes = v->shape->lanes, before = -v->shape->slack - at, left = v->from + v->shape->slack - at;
    const int64_t first = before > 0 ? before : 0, end = left < lanes ? left : lanes;
    return first < end ? (uint32_t)((((uint64_t)1 << (end - first)) - 1) << first) : 0;
}

/* Whether the active lanes are neighbours in memory, as lanes are. */
static bool is_row(const struct lanes_view *v, const struct pc_lane_tap *tap, const int64_t *at, int64_t *begin) {
    bool found = false;
    for (int l = 0; l < v->shape->lanes; l++) {
        if (!(tap->active >> l & 1))
            continue;
        if (found && at[l] - l != *begin)
            return false;
        *begin = at[l] - l;
        found = true;
    }
    return true;
}

/* From the first element that is missing, as many loads as it takes. */
static bool load_apart(const struct lanes_view *v, struct pc_lane_tap *tap, const int64_t *at) {
    const int lanes = v->shape->lanes;
    uint32_t missing = tap->active;
    while (missing) {
        int64_t first = INT64_MAX;
        for (int l = 0; l < lanes; l++)
            if ((missing >> l & 1) && at[l] < first)
                first = at[l];
        first -= first % v->shape->align;
        if (tap->load_count == PC_LANE_LOADS_MAX)
            return false;
        tap->loads[tap->load_count] = (struct pc_lane_load){first, inside(v, first)};
        for (int l = 0; l < lanes; l++) {
            if (!(missing >> l & 1) || at[l] >= first + lanes)
                continue;
            tap->load[l] = (uint8_t)tap->load_count;
            tap->lane[l] = (uint8_t)(at[l] - first);
            missing &= ~((uint32_t)1 << l);
        }
        tap->load_count++;
    }
    return true;
}

/* The load of a tap that brings an element; load_count: none. */
static int load_with(const struct pc_lane_tap *tap, int64_t at) {
    int i = 0;
    while (i < tap->load_count && (at < tap->loads[i].at || at - tap->loads[i].at >= PC_LANES_MAX ||
                                   !(tap->loads[i].mask >> (at - tap->loads[i].at) & 1)))
        i++;
    return i;
}

/* note [one element more]
 * A vector that is as long as a cache line and begins anywhere lies in two of them, and takes as long as two.  Where windows
 * overlap by less than all but one element, a slot wants, but for one element, what the loads of the slot before it have
 * brought: 3 x 3 windows of stride 2 take 0, 2 .. 30 of a row, then 1, 3 .. 31, then 2, 4 .. 32.  The last is loaded by
 * itself, instead of two more vectors: rows of odd length take a tenth to a fifth less (Zen 4). */
static bool load_one_more(const struct lanes_view *v, const struct pc_lane_tap *before, struct pc_lane_tap *tap,
                          const int64_t *at) {
    int ones = 0;
    for (int l = 0; l < v->shape->lanes; l++) {
        if (!(tap->active >> l & 1))
            continue;
        int i = load_with(tap, at[l]);
        if (i == tap->load_count) {
            const int old = load_with(before, at[l]);
            if ((old == before->load_count && ++ones > 1) || tap->load_count == PC_LANE_LOADS_MAX)
                return false;
            tap->loads[tap->load_count++] = old < before->load_count ? before->loads[old] : (struct pc_lane_load){at[l], 1};
        }
        tap->load[l] = (uint8_t)i;
        tap->lane[l] = (uint8_t)(at[l] - tap->loads[i].at);
    }
    return true;
}

/* The slot at a position that is nearest to this one and has an element; -1: none. */
static int nearest_slot(const struct pc_lane_map *map, int64_t position, int slot) {
    const struct pc_lane_slot *slots = &map->slot[position * map->slots];
    for (int away = 0; away < map->slots; away++) {
        if (slot - away >= 0 && slots[slot - away].at >= 0)
            return slot - away;
        if (slot + away < map->slots && slots[slot + away].at >= 0)
            return slot + away;
    }
    return -1;
}

static const int32_t *count_before(const struct pc_lane_map *map, struct pc_arena *arena) {
    int32_t *before = PC_NEW_ARRAY(arena, (size_t)(map->to * (map->slots + 1)), int32_t);
    for (int64_t to = 0; to < map->to; to++)
        for (int k = 0; k < map->slots; k++)
            before[to * (map->slots + 1) + k + 1] =
                before[to * (map->slots + 1) + k] + (map->slot[to * map->slots + k].at >= 0);
    return before;
}

void lanes_count_slots(struct lanes_view *v) {
    for (int a = 0; a < POOL_MAX_RANK && v->shape->repeats; a++)
        v->before[a] = count_before(v->shape->map[a], v->arena);
}

/* How many elements a lane takes before that of the slot. */
static int64_t rank_of(const struct lanes_view *v, const struct coordinates *c, const int *slot) {
    int64_t rank = 0;
    for (int a = 0; a < POOL_MAX_RANK; a++) {
        const int slots = v->shape->map[a]->slots;
        const int32_t *before = &v->before[a][c->at[a] * (slots + 1)];
        rank = rank * before[slots] + before[slot[a]];
    }
    return rank;
}

/* Where elements may be combined twice, lanes that have none in this slot may take that of another slot: a choice instead of
 * a choice and a mask, where it takes no more loads.  But none comes before another that is ahead of it, for of equal ones
 * (-0 and +0) the first wins: `reached` is how many of its elements each lane has met, in their order. */
static void repeat_elements(const struct lanes_view *v, const struct pc_lane_group *group, const struct coordinates *c,
                            const int64_t *at, int64_t *reached, struct pc_lane_tap *tap) {
    int64_t all[PC_LANES_MAX], next[PC_LANES_MAX];
    struct pc_lane_tap repeating = *tap;
    repeating.active = group->valid;
    repeating.is_row = false;
    repeating.load_count = 0;
    for (int l = 0; l < v->shape->lanes; l++) {
        int slot[POOL_MAX_RANK];
        struct element other = {.divisor = 1};
        if (!(group->valid >> l & 1))
            continue;
        for (int a = 0; a < POOL_MAX_RANK; a++) {
            slot[a] = nearest_slot(v->shape->map[a], c[l].at[a], tap->slot[a]);
            if (slot[a] < 0)
                return;
        }
        next[l] = rank_of(v, &c[l], slot);
        if (next[l] > reached[l])
            return;
        for (int a = 0; a < POOL_MAX_RANK && !(tap->active >> l & 1); a++)
            find_along(v, a, c[l].at[a], slot[a], &other);
        all[l] = tap->active >> l & 1 ? at[l] : other.at;
    }
    if (!load_apart(v, &repeating, all) || repeating.load_count > tap->load_count)
        return;
    *tap = repeating;
    for (int l = 0; l < v->shape->lanes; l++)
        reached[l] += (group->valid >> l & 1) && next[l] == reached[l];
}

/* `before`: the tap before it in its row, NULL if there is none. */
static bool make_tap(const struct lanes_view *v, const struct pc_lane_group *group, const struct coordinates *c,
                     int64_t *reached, const struct elements *elements, const struct pc_lane_tap *before,
                     struct pc_lane_tap *tap) {
    int64_t at[PC_LANES_MAX], begin = 0;
    tap->active = elements->active;
    for (int l = 0; l < PC_LANES_MAX; l++) {
        const bool active = tap->active >> l & 1;
        tap->number[l] = active ? elements->lane[l].number : -1;
        tap->divisor[l] = active ? elements->lane[l].divisor : 1;
        at[l] = active ? elements->lane[l].at : 0;
    }
    tap->is_row = is_row(v, tap, at, &begin);
    if (tap->is_row)
        tap->row = (struct pc_lane_load){begin, inside(v, begin)};
    if (!tap->is_row || begin % v->shape->align) {
        if (!(v->shape->one_more && before && load_one_more(v, before, tap, at))) {
            tap->load_count = 0;
            if (!load_apart(v, tap, at))
                return false;
        }
    } else {
        tap->load_count = 1;
        tap->loads[0] = tap->row;
        for (int l = 0; l < v->shape->lanes; l++)
            tap->lane[l] = (uint8_t)l;
    }
    if (!v->shape->repeats)
        return true;
    const uint32_t own = tap->active;
    if (own != group->valid)
        repeat_elements(v, group, c, at, reached, tap);
    for (int l = 0; l < v->shape->lanes; l++)
        if ((own >> l & 1) && rank_of(v, &c[l], tap->slot) == reached[l])
            reached[l]++;
    return true;
}

const struct pc_lane_group *lanes_make_group(const struct lanes_view *v, int64_t out, int64_t end) {
    const struct pc_lane_map *const *map = v->shape->map;
    struct coordinates c[PC_LANES_MAX];
    int64_t reached[PC_LANES_MAX] = {0};
    struct pc_lane_group *group = PC_NEW(v->arena, struct pc_lane_group);
    struct elements all = {0};
    size_t capacity = 0, count = 0;
    group->out = out;
    for (int l = 0; l < v->shape->lanes && out + l * v->shape->phases < end; l++) {
        c[l] = coordinates_of(v, out + l * v->shape->phases);
        if (c[l].at[POOL_MAX_RANK - 1] >= map[POOL_MAX_RANK - 1]->used)
            continue;
        group->valid |= (uint32_t)1 << l;
        group->divisor[l] = 1;
        all.lane[l].divisor = 1;
        for (int a = 0; a < POOL_MAX_RANK; a++) {
            group->divisor[l] *= map[a]->divisor ? map[a]->divisor[c[l].at[a]] : 1;
            group->index[l] += map[a]->index ? map[a]->index[c[l].at[a]] : 0;
        }
    }
    all.active = group->valid;
    for (int d = 0; d < map[0]->slots; d++) {
        const struct elements planes = elements_along(v, 0, d, c, &all);
        for (int h = 0; h < map[1]->slots && planes.active; h++) {
            const struct elements rows = elements_along(v, 1, h, c, &planes);
            const size_t first = count;
            for (int w = 0; w < map[2]->slots && rows.active; w++) {
                const struct elements elements = elements_along(v, 2, w, c, &rows);
                if (!elements.active)
                    continue;
                PC_GROW(v->arena, group->taps, count, capacity);
                struct pc_lane_tap *tap = &group->taps[count];
                memcpy(tap->slot, (int[POOL_MAX_RANK]){d, h, w}, sizeof tap->slot); /* the rest is 0 */
                if (!make_tap(v, group, c, reached, &elements, count > first ? tap - 1 : NULL, tap))
                    return NULL;
                count++;
            }
        }
    }
    group->tap_count = (int)count;
    return group;
}
