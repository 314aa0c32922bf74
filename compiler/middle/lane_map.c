/* lane_map.c - see lane_map.h. */
#include "middle/lane_map.h"

#include <string.h>

static struct pc_lane_slot *new_slots(int64_t count, int slots, struct pc_arena *arena) {
    struct pc_lane_slot *slot = PC_NEW_ARRAY(arena, (size_t)(count * slots), struct pc_lane_slot);
    for (int64_t i = 0; i < count * slots; i++)
        slot[i] = (struct pc_lane_slot){-1, -1, 1};
    return slot;
}

static const struct pc_lane_map *new_map(int64_t to, int slots, const struct pc_lane_slot *slot, struct pc_arena *arena) {
    struct pc_lane_map *map = PC_NEW(arena, struct pc_lane_map);
    *map = (struct pc_lane_map){.to = to, .used = to, .slots = slots, .slot = slot};
    return map;
}

const struct pc_lane_map *pc_lane_map_identity(int64_t count, struct pc_arena *arena) {
    struct pc_lane_slot *slot = new_slots(count, 1, arena);
    for (int64_t i = 0; i < count; i++)
        slot[i] = (struct pc_lane_slot){(int32_t)i, 0, 1};
    return new_map(count, 1, slot, arena);
}

const struct pc_lane_map *pc_lane_map_forward(const struct pc_axis *axis, int64_t begin, int64_t count, int64_t origin,
                                              struct pc_arena *arena) {
    const int slots = (int)axis->kernel;
    struct pc_lane_slot *slot = new_slots(count, slots, arena);
    int64_t *start = PC_NEW_ARRAY(arena, (size_t)count, int64_t);
    for (int64_t i = 0; i < count; i++) {
        const struct pc_window w = pc_axis_window(axis, begin + i);
        start[i] = w.start - origin;
        for (int64_t tap = w.tap_begin; tap < w.tap_end; tap++)
            slot[i * slots + tap] =
                (struct pc_lane_slot){(int32_t)(w.start + tap * axis->dilation - origin), (int32_t)tap, 1};
    }
    struct pc_lane_map *map = PC_NEW(arena, struct pc_lane_map);
    *map = (struct pc_lane_map){.to = count, .used = count, .slots = slots, .slot = slot, .start = start};
    return map;
}

/* ---- windows that cover a position ----
 *
 * Windows that cover a position follow each other, unless taps are dilated.  Then each has the slot that it would have if
 * there were windows on both sides without end, so that neighbouring positions have the same tap in the same slot also where
 * windows are missing.  Other windows are just counted. */

struct covers {
    const struct pc_axis *axis;
    int64_t begin, count, origin;
    int *met; /* [count]: windows so far */
    int most;
    struct pc_lane_slot *slot; /* [count][most]; NULL while they are counted */
};

static bool is_regular(const struct pc_axis *axis) {
    return !axis->adaptive && axis->dilation == 1;
}

static int slot_of(const struct covers *c, int64_t in, int64_t out) {
    const struct pc_axis *axis = c->axis;
    if (!is_regular(axis))
        return c->met[in];
    const int64_t reach = c->begin + in + axis->pad_begin - (axis->kernel - 1); /* the first window begins here or later */
    return (int)(out - (reach >= 0 ? (reach + axis->stride - 1) / axis->stride : -(-reach / axis->stride)));
}

static void visit(struct covers *c) {
    for (int64_t i = 0; i < c->count; i++)
        c->met[i] = 0;
    for (int64_t out = 0; out < c->axis->out; out++) {
        const struct pc_window w = pc_axis_window(c->axis, out);
        for (int64_t tap = w.tap_begin; tap < w.tap_end; tap++) {
            const int64_t in = w.start + tap * c->axis->dilation - c->begin;
            if (in < 0 || in >= c->count)
                continue;
            const int which = slot_of(c, in, out);
            c->met[in]++;
            if (c->slot)
                c->slot[in * c->most + which] =
                    (struct pc_lane_slot){(int32_t)(out - c->origin), (int32_t)tap, (int32_t)pc_axis_count(c->axis, out)};
            else if (which >= c->most)
                c->most = which + 1;
        }
    }
}

const struct pc_lane_map *pc_lane_map_backward(const struct pc_axis *axis, int64_t begin, int64_t count, int64_t origin,
                                               struct pc_arena *arena) {
    struct covers c = {axis, begin, count, origin, PC_NEW_ARRAY(arena, (size_t)count, int), 1, NULL};
    visit(&c);
    c.slot = new_slots(count, c.most, arena);
    visit(&c);
    return new_map(count, c.most, c.slot, arena);
}

/* What each position has, once for each of `times` neighbours or planes; NULL for NULL. */
static int64_t *repeated(const int64_t *values, int64_t count, int64_t times, bool neighbours, struct pc_arena *arena) {
    int64_t *all = values ? PC_NEW_ARRAY(arena, (size_t)(times * count), int64_t) : NULL;
    for (int64_t i = 0; all && i < times * count; i++)
        all[i] = values[neighbours ? i / times : i % count];
    return all;
}

const struct pc_lane_map *pc_lane_map_stack(const struct pc_lane_map *map, int64_t times, int64_t from, int64_t index,
                                            struct pc_arena *arena) {
    struct pc_lane_map *stack = PC_NEW(arena, struct pc_lane_map);
    struct pc_lane_slot *slot = new_slots(times * map->to, map->slots, arena);
    int64_t *indices = repeated(map->index, map->to, times, false, arena);
    const int64_t slots = map->to * map->slots;
    for (int64_t i = 0; i < times * slots; i++) {
        slot[i] = map->slot[i % slots];
        slot[i].at += slot[i].at >= 0 ? (int32_t)(i / slots * from) : 0;
    }
    for (int64_t i = 0; indices && i < times * map->to; i++)
        indices[i] += i / map->to * index;
    *stack = (struct pc_lane_map){.to = times * map->to,
                                  .used = times * map->used,
                                  .slots = map->slots,
                                  .slot = slot,
                                  .divisor = repeated(map->divisor, map->to, times, false, arena),
                                  .index = indices};
    return stack;
}

const struct pc_lane_map *pc_lane_map_spread(const struct pc_lane_map *map, int64_t times, int64_t index,
                                             struct pc_arena *arena) {
    struct pc_lane_map *wide = PC_NEW(arena, struct pc_lane_map);
    struct pc_lane_slot *slot = new_slots(times * map->to, map->slots, arena);
    int64_t *indices = repeated(map->index, map->to, times, true, arena);
    for (int64_t i = 0; i < times * map->to; i++) {
        for (int k = 0; k < map->slots; k++) {
            struct pc_lane_slot *s = &slot[i * map->slots + k];
            *s = map->slot[i / times * map->slots + k];
            s->at = s->at >= 0 ? (int32_t)(s->at * times + i % times) : s->at;
        }
        if (indices)
            indices[i] += i % times * index;
    }
    *wide = (struct pc_lane_map){.to = times * map->to,
                                 .used = times * map->used,
                                 .slots = map->slots,
                                 .slot = slot,
                                 .divisor = repeated(map->divisor, map->to, times, true, arena),
                                 .index = indices};
    return wide;
}

const struct pc_lane_map *pc_lane_map_pad(const struct pc_lane_map *map, int64_t multiple, struct pc_arena *arena) {
    const int64_t to = (map->to + multiple - 1) / multiple * multiple;
    struct pc_lane_map *padded = PC_NEW(arena, struct pc_lane_map);
    struct pc_lane_slot *slot = new_slots(to, map->slots, arena);
    memcpy(slot, map->slot, (size_t)(map->to * map->slots) * sizeof *slot);
    *padded = *map;
    padded->to = to; /* what is known of positions is asked for the used ones only */
    padded->slot = slot;
    return padded;
}

const struct pc_lane_map *pc_lane_map_middle(const struct pc_lane_map *map, int slots, struct pc_arena *arena) {
    if (map->slots <= slots)
        return map;
    struct pc_lane_map *middle = PC_NEW(arena, struct pc_lane_map);
    struct pc_lane_slot *slot = new_slots(map->to, slots, arena);
    const int first = (map->slots - slots) / 2;
    for (int64_t i = 0; i < map->to; i++)
        memcpy(&slot[i * slots], &map->slot[i * map->slots + first], (size_t)slots * sizeof *slot);
    *middle = *map;
    middle->slots = slots;
    middle->slot = slot;
    return middle;
}

const struct pc_lane_map *pc_lane_map_dividing(const struct pc_lane_map *map, const struct pc_axis *axis, int64_t begin,
                                               struct pc_arena *arena) {
    struct pc_lane_map *dividing = PC_NEW(arena, struct pc_lane_map);
    int64_t *divisor = PC_NEW_ARRAY(arena, (size_t)map->to, int64_t);
    for (int64_t i = 0; i < map->to; i++)
        divisor[i] = pc_axis_count(axis, begin + i);
    *dividing = *map;
    dividing->divisor = divisor;
    return dividing;
}

const struct pc_lane_map *pc_lane_map_indexing(const struct pc_lane_map *map, const struct pc_lane_map *windows,
                                               int64_t stride, struct pc_arena *arena) {
    struct pc_lane_map *indexing = PC_NEW(arena, struct pc_lane_map);
    int64_t *index = PC_NEW_ARRAY(arena, (size_t)map->to, int64_t);
    for (int64_t i = 0; i < map->to; i++)
        index[i] = windows->start[i] * stride;
    *indexing = *map;
    indexing->index = index;
    return indexing;
}

/* The interval of source positions that a position takes; false if they are none of at least `length`. */
static bool find_interval(const struct pc_lane_map *map, int64_t to, int length, int64_t *first, int64_t *last) {
    int64_t count = 0;
    for (int k = 0; k < map->slots; k++) {
        const int32_t at = map->slot[to * map->slots + k].at;
        if (at < 0)
            continue;
        if (count && at != *last + 1)
            return false;
        *first = count ? *first : at;
        *last = at;
        count++;
    }
    return count >= length;
}

bool pc_lane_map_split(const struct pc_lane_map *map, int64_t from, int length, const struct pc_lane_map **inner,
                       const struct pc_lane_map **outer, struct pc_arena *arena) {
    const int slots = (map->slots + length - 1) / length;
    struct pc_lane_slot *outer_slot = new_slots(map->to, slots, arena);
    for (int64_t to = 0; to < map->to; to++) {
        int64_t first = 0, last = 0;
        if (!find_interval(map, to, length, &first, &last))
            return false;
        int k = 0;
        for (int64_t at = first; at <= last; at += length, k++)
            outer_slot[to * slots + k].at = (int32_t)(at < last - length + 1 ? at : last - length + 1);
    }
    struct pc_lane_slot *inner_slot = new_slots(from - length + 1, length, arena);
    for (int64_t i = 0; i < (from - length + 1) * length; i++)
        inner_slot[i].at = (int32_t)(i / length + i % length);
    *inner = new_map(from - length + 1, length, inner_slot, arena);
    *outer = new_map(map->to, slots, outer_slot, arena);
    return true;
}

void pc_lane_map_extent(const struct pc_lane_map *map, int64_t *first, int64_t *last) {
    *first = INT64_MAX;
    *last = -1;
    for (int64_t i = 0; i < map->to * map->slots; i++) {
        if (map->slot[i].at < 0)
            continue;
        *first = map->slot[i].at < *first ? map->slot[i].at : *first;
        *last = map->slot[i].at > *last ? map->slot[i].at : *last;
    }
    if (*last < 0)
        *first = 0;
}

/* Whether a position takes what another takes, *shift positions of the source further; the first pair of places sets it. */
static bool same_slots(const struct pc_lane_map *map, int64_t a, int64_t b, int64_t *shift, bool *known) {
    if (map->divisor && map->divisor[a] != map->divisor[b])
        return false;
    for (int k = 0; k < map->slots; k++) {
        const struct pc_lane_slot *x = &map->slot[a * map->slots + k], *y = &map->slot[b * map->slots + k];
        if ((x->at < 0) != (y->at < 0) || x->tap != y->tap || x->divisor != y->divisor)
            return false;
        if (x->at < 0)
            continue;
        if (*known && *shift != y->at - x->at)
            return false;
        *shift = y->at - x->at;
        *known = true;
    }
    return true;
}

bool pc_lane_map_repeats(const struct pc_lane_map *map, int64_t begin, int64_t count, int64_t *shift, int64_t *index) {
    bool known = false;
    if (begin < count || begin + count > map->used)
        return false;
    *index = map->index ? map->index[begin] - map->index[begin - count] : 0;
    for (int64_t i = begin; i < begin + count; i++)
        if (!same_slots(map, i - count, i, shift, &known) || (map->index && map->index[i] - map->index[i - count] != *index))
            return false;
    return known && *shift >= 0;
}
