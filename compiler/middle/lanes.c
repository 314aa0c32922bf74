/* lanes.c - see lanes.h. Every group is worked out by itself; a group that repeats the one before it becomes a turn of a
 * loop, and so do rows of groups, and planes of rows. */
#include "middle/lanes.h"

#include <assert.h>
#include <string.h>

enum {
    GROUPS_MAX = 8,      /* in a block of whole rows */
    ROWS_LOOKED_AT = 3,  /* of a window, for how many rows make a block */
    LOOKS_MAX = 1 << 22, /* lanes times slots that are looked at, whole: more takes too long */
};

struct view {
    const struct pc_lane_shape *shape;
    int64_t row, plane, count;            /* elements of the destination: of a row, a plane, all */
    int64_t from;                         /* elements of the source */
    const int32_t *before[POOL_MAX_RANK]; /* [to][slots + 1]: how many slots of a position before this one have an element;
                                             NULL: nobody asks */
    struct pc_arena *arena;
};

/* ---- one group ---- */

struct coordinates {
    int64_t at[POOL_MAX_RANK];
};

static struct coordinates coordinates_of(const struct view *v, int64_t out) {
    return (struct coordinates){{out / v->plane, out % v->plane / v->row, out % v->row}};
}

/* Which element a lane takes, as far as it is known: by the slots of the first axes. */
struct element {
    int64_t at;
    int32_t number;
    int64_t divisor;
};

/* By the slot of one axis more; false: there is none. */
static inline bool find_along(const struct view *v, int a, int64_t position, int slot, struct element *e) {
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
static struct elements elements_along(const struct view *v, int a, int slot, const struct coordinates *c,
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
static uint32_t inside(const struct view *v, int64_t at) {
    const int64_t lanes = v->shape->lanes, before = -v->shape->slack - at, left = v->from + v->shape->slack - at;
    const int64_t first = before > 0 ? before : 0, end = left < lanes ? left : lanes;
    return first < end ? (uint32_t)((((uint64_t)1 << (end - first)) - 1) << first) : 0;
}

/* Whether the active lanes are neighbours in memory, as lanes are. */
static bool is_row(const struct view *v, const struct pc_lane_tap *tap, const int64_t *at, int64_t *begin) {
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
static bool load_apart(const struct view *v, struct pc_lane_tap *tap, const int64_t *at) {
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
static bool load_one_more(const struct view *v, const struct pc_lane_tap *before, struct pc_lane_tap *tap,
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

/* How many elements a lane takes before that of the slot. */
static int64_t rank_of(const struct view *v, const struct coordinates *c, const int *slot) {
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
static void repeat_elements(const struct view *v, const struct pc_lane_group *group, const struct coordinates *c,
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
static bool make_tap(const struct view *v, const struct pc_lane_group *group, const struct coordinates *c, int64_t *reached,
                     const struct elements *elements, const struct pc_lane_tap *before, struct pc_lane_tap *tap) {
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

/* The group of the elements from `out` on, `phases` apart, before `end`: at most a vector of them, or none. */
static const struct pc_lane_group *make_group(const struct view *v, int64_t out, int64_t end) {
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

/* Adds the child behind the others; or one more turn to the last of them, and what was allocated for the child, from the
 * mark on, is released. */
static void append(const struct view *v, struct pc_lane_node *parent, const struct pc_lane_node *child,
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

static bool append_group(const struct view *v, struct pc_lane_node *parent, int64_t out, int64_t end) {
    const struct pc_arena_mark mark = pc_arena_mark(v->arena);
    const struct pc_lane_node leaf = {.count = 1, .group = make_group(v, out, end)};
    if (leaf.group)
        append(v, parent, &leaf, mark);
    return leaf.group != NULL;
}

/* ---- what need not be worked out again ---- */

/* Behind the last element of the source that a node loads; -1: some load leaves out elements, which another place would
 * have. */
static int64_t end_of_loads(const struct view *v, const struct pc_lane_node *node) {
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

/* One more turn of the parent's last child, so much further; false: it would not be the same. */
static bool repeat_last(const struct view *v, struct pc_lane_node *parent, struct pc_lane_steps step) {
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

/* ---- blocks of rows ---- */

/* Rows of one plane, the elements in the order of memory. */
static bool make_block(const struct view *v, int64_t begin, int64_t end, struct pc_lane_node *block) {
    *block = (struct pc_lane_node){.count = 1};
    for (int64_t out = begin; out < end; out += v->shape->lanes)
        if (!append_group(v, block, out, end < out + v->shape->lanes ? end : out + v->shape->lanes))
            return false;
    return true;
}

/* The same rows column by column: a tile, which is all rows and as many columns as a vector has lanes, times phases
 * (channels-last: after as many as slots repeat), is one straight line, so that its windows share what they load and the
 * results of their rows. */
static bool make_tiles(const struct view *v, int64_t begin, int64_t end, struct pc_lane_node *block) {
    const int64_t lanes = v->shape->lanes, phases = v->shape->phases;
    const int64_t width = lanes == 1 ? v->shape->period[2] : lanes * phases;
    *block = (struct pc_lane_node){.count = 1};
    for (int64_t w = 0; w < v->shape->map[2]->used; w += width) {
        int64_t shift, index;
        if (pc_lane_map_repeats(v->shape->map[2], w, width, &shift, &index) &&
            repeat_last(v, block, (struct pc_lane_steps){shift, width, index}))
            continue;
        const struct pc_arena_mark mark = pc_arena_mark(v->arena);
        struct pc_lane_node tile = {.count = 1};
        const int64_t next = w + width < v->row ? w + width : v->row;
        const int64_t groups = lanes == 1 ? next - w : phases;
        for (int64_t row = begin; row < end; row += v->row)
            for (int64_t i = 0; i < groups; i++) {
                const struct pc_lane_node leaf = {.count = 1, .group = make_group(v, row + w + i, row + next)};
                if (!leaf.group)
                    return false;
                PC_GROW(v->arena, tile.children, tile.child_count, tile.child_capacity);
                tile.children[tile.child_count++] = leaf;
            }
        append(v, block, &tile, mark);
    }
    return true;
}

/* ---- how many rows make a block ---- */

static double weight(const struct pc_lane_cost *cost) {
    return cost->loads + cost->shuffles + cost->blends + cost->taps + 2 * cost->groups; /* a store, and what finishes it */
}

static void count_slots(struct view *v) {
    for (int a = 0; a < POOL_MAX_RANK && v->shape->repeats; a++)
        v->before[a] = count_before(v->shape->map[a], v->arena);
}

/* The number of rows whose block in the middle of the plane takes the least work for each element.  Rows of a window differ
 * in little but where they are, so that a few of them tell. */
static int64_t best_rows(const struct view *whole) {
    struct pc_lane_shape few = *whole->shape;
    struct view few_rows = *whole, *const v = &few_rows;
    const int64_t height = v->plane / v->row, period = v->shape->period[1];
    int64_t best = period;
    double least = 0;
    for (int a = 0; a < POOL_MAX_RANK - 1; a++)
        few.map[a] = pc_lane_map_middle(few.map[a], ROWS_LOOKED_AT, v->arena);
    v->shape = &few;
    count_slots(v);
    for (int64_t rows = period; rows <= height; rows += period) {
        struct pc_lane_node block;
        const int64_t groups = (rows * v->row + v->shape->lanes - 1) / v->shape->lanes;
        if (rows > period && groups > GROUPS_MAX)
            break;
        const int64_t begin = height / 2 / rows * rows * v->row;
        const int64_t end = begin + rows * v->row < v->plane ? begin + rows * v->row : v->plane;
        const struct pc_arena_mark mark = pc_arena_mark(v->arena);
        const bool made = make_block(v, begin, end, &block);
        const struct pc_lane_cost cost = made ? pc_lanes_cost(&block, v->arena) : (struct pc_lane_cost){0};
        pc_arena_rewind(v->arena, mark);
        if (!made)
            continue;
        const double each = weight(&cost) / (double)(end - begin);
        if (least > 0 && each > 0.97 * least) /* a little better is not worth more code */
            continue;
        least = each;
        best = rows;
    }
    return best;
}

/* Adds the rows of a plane to the node. */
static bool make_plane(const struct view *v, int64_t first, int64_t rows, struct pc_lane_node *plane) {
    double code = 0;
    for (int64_t row = 0; row < v->shape->map[1]->used; row += rows) {
        struct pc_lane_node block;
        const int64_t begin = first + row * v->row;
        const int64_t left = v->shape->map[1]->used - row;
        const int64_t end = begin + (rows < left ? rows : left) * v->row;
        int64_t shift, index;
        if (pc_lane_map_repeats(v->shape->map[1], row, rows, &shift, &index) &&
            repeat_last(v, plane, (struct pc_lane_steps){shift * v->shape->from[2], rows * v->row, index}))
            continue;
        const struct pc_arena_mark mark = pc_arena_mark(v->arena);
        if (!(v->shape->rows > 0 ? make_tiles : make_block)(v, begin, end, &block))
            return false;
        const size_t blocks = plane->child_count;
        append(v, plane, &block, mark);
        if (plane->child_count > blocks)
            code += pc_lanes_code(&block);
        if (code > (double)v->shape->code_max)
            return false;
    }
    return true;
}

/* Slots that bring something, of positions that do not repeat those before them. */
static double taps_along(const struct pc_lane_map *map, int64_t period) {
    double taps = 0;
    for (int64_t i = 0; i < map->used; i += period) {
        int64_t shift, index;
        if (pc_lane_map_repeats(map, i, period, &shift, &index))
            continue;
        const int64_t end = i + period < map->used ? i + period : map->used;
        for (int64_t slot = i * map->slots; slot < end * map->slots; slot++)
            taps += map->slot[slot].at >= 0;
    }
    return taps;
}

/* Whether there would be too much code however it is divided, which need not be made to see: a group has all taps of a
 * position in the middle, and pixels are groups. */
static bool is_hopeless(const struct pc_lane_shape *shape) {
    double taps = 1;
    for (int a = 0; a < POOL_MAX_RANK; a++) {
        const struct pc_lane_map *map = shape->map[a];
        double middle = 0;
        for (int k = 0; k < map->slots; k++)
            middle += map->slot[map->used / 2 * map->slots + k].at >= 0;
        taps *= shape->lanes == 1 ? taps_along(map, shape->period[a]) : middle;
    }
    return taps > (double)shape->code_max;
}

/* All groups one after the other, each with its own code. */
static bool make_unrolled(const struct view *v, struct pc_lane_node *root) {
    for (int64_t out = 0; out < v->count; out += v->shape->lanes) {
        const struct pc_lane_node leaf = {.count = 1, .group = make_group(v, out, v->count)};
        if (!leaf.group)
            return false;
        PC_GROW(v->arena, root->children, root->child_count, root->child_capacity);
        root->children[root->child_count++] = leaf;
    }
    return true;
}

const struct pc_lane_node *pc_lanes_build(const struct pc_lane_shape *shape, struct pc_arena *arena) {
    struct view v = {.shape = shape, .from = 1, .arena = arena};
    double looks = 1;
    assert(shape->lanes >= 1 && shape->lanes <= PC_LANES_MAX);
    assert(shape->phases == 1 || (shape->phases > 1 && shape->rows > 0 && shape->lanes > 1));
    for (int a = 0; a < POOL_MAX_RANK; a++) {
        v.from *= shape->from[a];
        looks *= (double)shape->map[a]->to * shape->map[a]->slots;
    }
    if (looks > LOOKS_MAX || is_hopeless(shape))
        return NULL;
    count_slots(&v);
    v.row = shape->map[2]->to;
    v.plane = v.row * shape->map[1]->to;
    v.count = v.plane * shape->map[0]->to;
    struct pc_lane_node *root = PC_NEW(arena, struct pc_lane_node);
    root->count = 1;
    if (shape->unrolled)
        return make_unrolled(&v, root) ? root : NULL;
    const int64_t period = shape->period[1];
    const int64_t rows = shape->rows > 0 ? (shape->rows + period - 1) / period * period : best_rows(&v);
    for (int64_t begin = 0, end; begin < v.count; begin = end) { /* as many planes as slots take to repeat */
        struct pc_lane_node planes = {.count = 1};
        int64_t shift, index;
        end = begin + shape->period[0] * v.plane < v.count ? begin + shape->period[0] * v.plane : v.count;
        if (pc_lane_map_repeats(shape->map[0], begin / v.plane, shape->period[0], &shift, &index) &&
            repeat_last(&v, root, (struct pc_lane_steps){shift * shape->from[1] * shape->from[2], end - begin, index}))
            continue;
        const struct pc_arena_mark mark = pc_arena_mark(arena);
        for (int64_t first = begin; first < end; first += v.plane)
            if (!make_plane(&v, first, rows, &planes))
                return NULL;
        append(&v, root, &planes, mark);
    }
    return pc_lanes_code(root) <= (double)shape->code_max ? root : NULL;
}
