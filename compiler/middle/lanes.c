/* lanes.c - see lanes.h. Every group is worked out by itself; a group that repeats the one before it becomes a turn of a
 * loop, and so do rows of groups, and planes of rows. */
#include "middle/lanes_view.h"

#include <assert.h>

enum {
    GROUPS_MAX = 8,      /* in a block of whole rows */
    ROWS_LOOKED_AT = 3,  /* of a window, for how many rows make a block */
    LOOKS_MAX = 1 << 22, /* lanes times slots that are looked at, whole: more takes too long */
};

/* ---- blocks of rows ---- */

static bool append_group(const struct lanes_view *v, struct pc_lane_node *parent, int64_t out, int64_t end) {
    const struct pc_arena_mark mark = pc_arena_mark(v->arena);
    const struct pc_lane_node leaf = {.count = 1, .group = lanes_make_group(v, out, end)};
    if (leaf.group)
        lanes_append(v, parent, &leaf, mark);
    return leaf.group != NULL;
}

/* Rows of one plane, the elements in the order of memory. */
static bool make_block(const struct lanes_view *v, int64_t begin, int64_t end, struct pc_lane_node *block) {
    *block = (struct pc_lane_node){.count = 1};
    for (int64_t out = begin; out < end; out += v->shape->lanes)
        if (!append_group(v, block, out, end < out + v->shape->lanes ? end : out + v->shape->lanes))
            return false;
    return true;
}

/* The same rows column by column: a tile, which is all rows and as many columns as a vector has lanes, times phases
 * (channels-last: after as many as slots repeat), is one straight line, so that its windows share what they load and the
 * results of their rows. */
static bool make_tiles(const struct lanes_view *v, int64_t begin, int64_t end, struct pc_lane_node *block) {
    const int64_t lanes = v->shape->lanes, phases = v->shape->phases;
    const int64_t width = lanes == 1 ? v->shape->period[2] : lanes * phases;
    *block = (struct pc_lane_node){.count = 1};
    for (int64_t w = 0; w < v->shape->map[2]->used; w += width) {
        int64_t shift, index;
        if (pc_lane_map_repeats(v->shape->map[2], w, width, &shift, &index) &&
            lanes_repeat_last(v, block, (struct pc_lane_steps){shift, width, index}))
            continue;
        const struct pc_arena_mark mark = pc_arena_mark(v->arena);
        struct pc_lane_node tile = {.count = 1};
        const int64_t next = w + width < v->row ? w + width : v->row;
        const int64_t groups = lanes == 1 ? next - w : phases;
        for (int64_t row = begin; row < end; row += v->row)
            for (int64_t i = 0; i < groups; i++) {
                const struct pc_lane_node leaf = {.count = 1, .group = lanes_make_group(v, row + w + i, row + next)};
                if (!leaf.group)
                    return false;
                PC_GROW(v->arena, tile.children, tile.child_count, tile.child_capacity);
                tile.children[tile.child_count++] = leaf;
            }
        lanes_append(v, block, &tile, mark);
    }
    return true;
}

/* ---- how many rows make a block ---- */

static double weight(const struct pc_lane_cost *cost) {
    return cost->loads + cost->shuffles + cost->blends + cost->taps + 2 * cost->groups; /* a store, and what finishes it */
}

/* The number of rows whose block in the middle of the plane takes the least work for each element.  Rows of a window differ
 * in little but where they are, so that a few of them tell. */
static int64_t best_rows(const struct lanes_view *whole) {
    struct pc_lane_shape few = *whole->shape;
    struct lanes_view few_rows = *whole, *const v = &few_rows;
    const int64_t height = v->plane / v->row, period = v->shape->period[1];
    int64_t best = period;
    double least = 0;
    for (int a = 0; a < POOL_MAX_RANK - 1; a++)
        few.map[a] = pc_lane_map_middle(few.map[a], ROWS_LOOKED_AT, v->arena);
    v->shape = &few;
    lanes_count_slots(v);
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
static bool make_plane(const struct lanes_view *v, int64_t first, int64_t rows, struct pc_lane_node *plane) {
    double code = 0;
    for (int64_t row = 0; row < v->shape->map[1]->used; row += rows) {
        struct pc_lane_node block;
        const int64_t begin = first + row * v->row;
        const int64_t left = v->shape->map[1]->used - row;
        const int64_t end = begin + (rows < left ? rows : left) * v->row;
        int64_t shift, index;
        if (pc_lane_map_repeats(v->shape->map[1], row, rows, &shift, &index) &&
            lanes_repeat_last(v, plane, (struct pc_lane_steps){shift * v->shape->from[2], rows * v->row, index}))
            continue;
        const struct pc_arena_mark mark = pc_arena_mark(v->arena);
        if (!(v->shape->rows > 0 ? make_tiles : make_block)(v, begin, end, &block))
            return false;
        const size_t blocks = plane->child_count;
        lanes_append(v, plane, &block, mark);
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
static bool make_unrolled(const struct lanes_view *v, struct pc_lane_node *root) {
    for (int64_t out = 0; out < v->count; out += v->shape->lanes) {
        const struct pc_lane_node leaf = {.count = 1, .group = lanes_make_group(v, out, v->count)};
        if (!leaf.group)
            return false;
        PC_GROW(v->arena, root->children, root->child_count, root->child_capacity);
        root->children[root->child_count++] = leaf;
    }
    return true;
}

const struct pc_lane_node *pc_lanes_build(const struct pc_lane_shape *shape, struct pc_arena *arena) {
    struct lanes_view v = {.shape = shape, .from = 1, .arena = arena};
    double looks = 1;
    assert(shape->lanes >= 1 && shape->lanes <= PC_LANES_MAX);
    assert(shape->phases == 1 || (shape->phases > 1 && shape->rows > 0 && shape->lanes > 1));
    for (int a = 0; a < POOL_MAX_RANK; a++) {
        v.from *= shape->from[a];
        looks *= (double)shape->map[a]->to * shape->map[a]->slots;
    }
    if (looks > LOOKS_MAX || is_hopeless(shape))
        return NULL;
    lanes_count_slots(&v);
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
            lanes_repeat_last(&v, root, (struct pc_lane_steps){shift * shape->from[1] * shape->from[2], end - begin, index}))
            continue;
        const struct pc_arena_mark mark = pc_arena_mark(arena);
        for (int64_t first = begin; first < end; first += v.plane)
            if (!make_plane(&v, first, rows, &planes))
                return NULL;
        lanes_append(&v, root, &planes, mark);
    }
    return pc_lanes_code(root) <= (double)shape->code_max ? root : NULL;
}
