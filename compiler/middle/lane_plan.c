/* lane_plan.c - see lane_plan.h. */
#include "middle/lane_plan.h"

#include "middle/lower.h"

#include <inttypes.h>
#include <string.h>

/* Local arrays share the first level cache, 32 or 48 KiB on most processors, with what streams through; the most that may lie
 * on somebody's stack. */
static const int64_t LOCAL_GOOD = 24 * 1024, LOCAL_MOST = 144 * 1024;
/* Channels-last, vectors of a pixel that are taken together although local arrays leave the first level cache for it: pixels
 * may be a multiple of a page apart, and then every piece of a cache line that is stored waits for the second level, 2.2 ns
 * each on Zen 5; of four lines it is 0.5. */
static const int64_t PIECE_GOOD = 4;
/* So many that they may as well come from the third level. */
static const int64_t PIECE_LONG = 8;
/* Vectors of planes that are taken as one. */
static const int64_t GROUPS_TOGETHER = 64;
static const int64_t READS_MOST = 8;
/* Constant choices of lanes that registers keep, beside what is worked with; and that use up the first level cache. */
static const int64_t CHOICES_GOOD = 20, CHOICES_MANY = 150;
/* Inputs side by side in code because windows repeat only after as many; beyond it a straight line would be long, and its
 * stores far apart. */
static const int64_t PERIOD_MOST = 4;

/* Pixels that a loop over channels reads side by side: more streams than the processor fetches ahead cost twice, and very many
 * it does not try to. */
static const int64_t STREAMS_GOOD = 12, STREAMS_MANY = 64, PIXELS_MANY = 40;
/* Of the caches: sets repeat after a page, and most first levels have 8 or 12 ways. */
static const int64_t PAGE = 4096, WAYS = 16, SECOND_LEVEL = 1024 * 1024;

enum steps_of_way { STEPS_WHOLE, STEPS_AXES, STEPS_HALVES };

static const struct way {
    const char *name;
    enum steps_of_way steps;
    int64_t rows;
    const char *line;
} ways[PC_PLAN_COUNT] = {
#define PLAN(id, name, apart, rows, line) {name, STEPS_##apart, rows, line},
#include "plans.def"
#undef PLAN
};

const char *pc_plan_name(enum pc_plan_choice choice) {
    return ways[choice].name;
}

const char *pc_plan_line(enum pc_plan_choice choice) {
    return ways[choice].line;
}

struct candidate {
    const struct pc_plan *plan;
    const struct pc_layer *layer;
    struct pc_arena *arena;
    struct pc_lane_plan *result;
    bool backward, picks, tracked;
    bool apart;     /* one axis at a time */
    int64_t planes; /* channels-first: that are taken as one, of two spatial axes */
    int64_t pieces; /* channels-last: vectors of a block, at most */
    bool aligned;   /* loads begin at multiples of the lanes, which slots share; but rows whose length is none differ in them */
    bool halves;    /* the plane is one row, which is one window */
    bool weighs;    /* dy is weighted first */
    int outer;      /* the outermost axis that is reduced */
    int64_t rows;   /* of a band */
    int64_t tile_rows;
};

/* ---- facts ---- */

static bool is_last(const struct candidate *c) {
    return c->layer->desc.layout == POOL_CHANNELS_LAST;
}

static int64_t pitch_of(const struct candidate *c) {
    return c->layer->desc.channels * ir_elements[c->plan->real].bytes;
}

/* Sizes of the side that the kernel reads, and of the one that it writes. */
static int64_t size_read(const struct candidate *c, int a) {
    return c->backward ? c->layer->axis[a].out : c->layer->axis[a].in;
}

static int64_t size_written(const struct candidate *c, int a) {
    return c->backward ? c->layer->axis[a].in : c->layer->axis[a].out;
}

static int64_t elements_inside(const struct candidate *c, int axis, int64_t (*size)(const struct candidate *, int)) {
    int64_t count = 1;
    for (int a = axis + 1; a < POOL_MAX_RANK; a++)
        count *= size(c, a);
    return count;
}

/* Of adaptive windows about. */
static int64_t stride_of(const struct pc_axis *axis) {
    return !axis->adaptive ? axis->stride : axis->in > axis->out ? axis->in / axis->out : 1;
}

/* Whether a part of the outermost reduced axis is one piece of memory. */
static bool can_band(const struct candidate *c) {
    int64_t outside = 1;
    for (int a = 0; a < c->outer; a++)
        outside *= size_read(c, a) * size_written(c, a);
    return outside == 1;
}

/* Whether a tap may be combined twice. */
static bool may_repeat(const struct candidate *c) {
    return !c->backward && !c->tracked && pc_mode_of(c->layer->desc.mode)->idempotent;
}

/* Length of the short windows from whose maxima those of `slots` taps are made; 0: taps are combined one by one, because a
 * second pass, which loads and stores, would not pay, or a tap may not be combined twice. */
static int split_length(const struct candidate *c, int64_t slots) {
    int length = 2;
    while (length * length < slots)
        length++;
    const bool pays = length + (slots + length - 1) / length + 2 < slots;
    return pays && may_repeat(c) ? length : 0;
}

/* Which axis the passes begin with.  Of equal maxima, -0 and +0 among them, the first is kept if the innermost comes first.  Backward, rows are smaller
 * before they are spread out.  Channels-last, what the outermost leaves of a band is just the band, so that bands may be low,
 * blocks wide, and nothing is worked out twice; unless its windows are split, or another axis leaves less.  Rows of which one output is left are many streams at once, which
 * pays only where pixels are as far apart. */
static bool is_outermost_first(const struct candidate *c) {
    const struct pc_axis *outer = &c->layer->axis[c->outer];
    bool most = outer->out > 1 || 2 * pitch_of(c) >= PAGE;
    for (int a = c->outer + 1; a < POOL_MAX_RANK; a++)
        most &= outer->in * c->layer->axis[a].out >= outer->out * c->layer->axis[a].in;
    return c->backward || (is_last(c) && !c->picks && can_band(c) && most && !split_length(c, outer->kernel));
}

static bool divides_by_position(const struct candidate *c) {
    const struct pool_desc *desc = &c->layer->desc;
    return pc_mode_of(desc->mode)->finish == PC_FINISH_DIVIDE &&
           (desc->adaptive || desc->divisor != POOL_DIVISOR_OVERRIDE);
}

/* Whether dividing is cheaper where dy is read than where dx is written: there are fewer windows than inputs, and the divisor
 * is no power of two, which would be a product. */
static bool divides_early(const struct candidate *c) {
    int64_t divisor = 1;
    for (int a = 0; a < POOL_MAX_RANK; a++)
        divisor *= pc_axis_count(&c->layer->axis[a], 0);
    return c->layer->y_count < c->layer->x_count && (divisor & (divisor - 1)) != 0;
}

/* Whether every window has the same divisor. */
static bool divides_alike(const struct candidate *c) {
    for (int a = 0; a < POOL_MAX_RANK; a++)
        for (int64_t out = 1; out < c->layer->axis[a].out; out++)
            if (pc_axis_count(&c->layer->axis[a], out) != pc_axis_count(&c->layer->axis[a], 0))
                return false;
    return true;
}

/* Positions of the side that is written after which slots repeat. */
static int64_t period_of(const struct candidate *c, int a) {
    const struct pc_axis *axis = &c->layer->axis[a];
    return c->backward && !axis->adaptive && axis->stride <= PERIOD_MOST ? axis->stride : 1;
}

/* ---- one pass ---- */

static const struct pc_lane_map *map_of(const struct candidate *c, int a, int64_t begin, int64_t count, int64_t origin) {
    return (c->backward ? pc_lane_map_backward : pc_lane_map_forward)(&c->layer->axis[a], begin, count, origin, c->arena);
}

static struct pc_lane_shape new_shape(const struct candidate *c) {
    struct pc_lane_shape shape = {.lanes = is_last(c) ? 1 : c->result->lanes,
                                  .rows = c->tile_rows,
                                  .align = 1,
                                  .repeats = c->aligned && may_repeat(c),
                                  .code_max = c->plan->budget.loop_budget / 4};
    int64_t stride = 1;
    for (int a = POOL_MAX_RANK - 1; a >= 0; a--) {
        shape.period[a] = 1;
        shape.tap_stride[a] = c->picks || !c->backward ? stride : 0; /* sums do not ask which tap it is */
        stride *= c->layer->axis[a].kernel;
    }
    return shape;
}

/* The axis is reduced in this pass. */
static void reduce_axis(const struct candidate *c, struct pc_lane_shape *shape, int a, const struct pc_lane_map *map) {
    const struct pc_axis *axis = &c->layer->axis[a];
    shape->map[a] = map;
    shape->period[a] = period_of(c, a);
    if (axis->adaptive || is_last(c) || axis->kernel == 1)
        return;
    if (axis->stride < axis->kernel && c->aligned)
        shape->align = c->result->lanes;
    else if (a == POOL_MAX_RANK - 1 && shape->align < axis->stride)
        shape->align = axis->stride;
}

static bool add_pass(const struct candidate *c, struct pc_lane_band *band, enum pc_lane_work work, const char *words,
                     struct pc_lane_shape *shape) {
    if (c->planes > 1) {
        shape->map[1] = pc_lane_map_stack(shape->map[1], c->planes, shape->from[1], c->arena);
        shape->from[1] *= c->planes;
    }
    shape->slack = band->pass_count > 0 && !is_last(c) ? c->result->lanes : 0;
    struct pc_lane_pass *pass = &band->pass[band->pass_count++];
    *pass = (struct pc_lane_pass){.work = work,
                                  .words = words,
                                  .groups = pc_lanes_build(shape, c->arena),
                                  .in_order = shape->rows == 0,
                                  .to_count = 1};
    for (int a = 0; a < POOL_MAX_RANK; a++)
        pass->to_count *= shape->map[a]->to;
    return pass->groups != NULL;
}

/* ---- one band ---- */

static bool is_reduced_here(const struct candidate *c, int a, int axis) {
    return axis < 0 ? pc_is_reduced(&c->layer->axis[a]) : a == axis;
}

/* Long windows of a mode that may combine a tap twice: their maxima from those of short windows, which overlap. */
static bool split_axis(const struct candidate *c, struct pc_lane_band *band, struct pc_lane_shape *shape, int axis,
                       int64_t *size) {
    const struct pc_lane_map *inner, *outer;
    const int slots = shape->map[axis]->slots;
    const int length = split_length(c, slots);
    if (!length || !pc_lane_map_split(shape->map[axis], shape->from[axis], length, &inner, &outer, c->arena))
        return true;
    struct pc_lane_shape first = *shape;
    for (int a = 0; a < POOL_MAX_RANK; a++)
        first.map[a] = a == axis ? inner : pc_lane_map_identity(shape->from[a], c->arena);
    if (!add_pass(c, band, PC_LANE_REDUCE, pc_arena_printf(c->arena, "%d neighbours along %c", length, "DHW"[axis]), &first))
        return false;
    size[axis] = shape->from[axis] = inner->to;
    shape->map[axis] = outer;
    return true;
}

/* A pass along one axis, or (axis < 0) along all that are reduced. `size` are the sizes of its source and becomes those of its
 * destination; position `first` of the outermost reduced axis is position 0 of the source; divisors are those of the windows
 * where the pass finishes averages. */
static bool pass_along(const struct candidate *c, struct pc_lane_band *band, int axis, const struct pc_lane_map *outer,
                       int64_t begin, bool finishes, int64_t *size) {
    static const char *const words[] = {"along D", "along H", "along W"};
    struct pc_lane_shape shape = new_shape(c);
    const bool divides = finishes && !c->backward && divides_by_position(c);
    for (int a = 0; a < POOL_MAX_RANK; a++)
        shape.from[a] = size[a];
    for (int a = 0; a < POOL_MAX_RANK; a++) {
        if (!is_reduced_here(c, a, axis))
            shape.map[a] = pc_lane_map_identity(size[a], c->arena);
        else
            reduce_axis(c, &shape, a, a == c->outer ? outer : map_of(c, a, 0, size_written(c, a), 0));
        if (a == axis && !split_axis(c, band, &shape, axis, size))
            return false;
        if (divides)
            shape.map[a] = pc_lane_map_dividing(shape.map[a], &c->layer->axis[a], a == c->outer ? begin : 0, c->arena);
        size[a] = shape.map[a]->to;
    }
    shape.divides = c->backward && !c->picks && divides_by_position(c) && !c->weighs && !c->result->divides_last;
    const bool splits = c->backward && c->picks && axis >= 0 && axis < POOL_MAX_RANK - 1 && !finishes;
    const enum pc_lane_work work = !c->backward ? PC_LANE_REDUCE
                                   : splits     ? PC_LANE_SPLIT
                                   : c->picks   ? PC_LANE_SELECT
                                                : PC_LANE_SUM;
    if (!add_pass(c, band, work, axis < 0 ? "whole windows" : words[axis], &shape))
        return false;
    struct pc_lane_pass *pass = &band->pass[band->pass_count - 1];
    pass->row_taps = axis < 0 ? 1 : shape.tap_stride[axis];
    for (int a = 0; a < POOL_MAX_RANK; a++)
        pass->tap_stride[a] = shape.tap_stride[a];
    return true;
}

/* dy times what depends on the window, into a local array of the same shape; dy's part begins at window `first`. */
static bool weigh(const struct candidate *c, struct pc_lane_band *band, int64_t first, const int64_t *size) {
    struct pc_lane_shape shape = new_shape(c);
    for (int a = 0; a < POOL_MAX_RANK; a++) {
        shape.from[a] = size[a];
        shape.map[a] = pc_lane_map_identity(size[a], c->arena);
        if (divides_by_position(c))
            shape.map[a] =
                pc_lane_map_dividing(shape.map[a], &c->layer->axis[a], a == c->outer ? first : 0, c->arena);
    }
    return add_pass(c, band, PC_LANE_WEIGH, "dy over the divisors of its windows", &shape);
}

static bool passes_of(const struct candidate *c, struct pc_lane_band *band, const struct pc_lane_map *outer, int64_t begin,
                      int64_t *size) {
    if (!c->apart)
        return pass_along(c, band, -1, outer, begin, true, size);
    int left = 0;
    for (int a = 0; a < POOL_MAX_RANK; a++)
        left += pc_is_reduced(&c->layer->axis[a]);
    for (int i = 0; i < POOL_MAX_RANK; i++) {
        const int a = is_outermost_first(c) ? i : POOL_MAX_RANK - 1 - i;
        if (pc_is_reduced(&c->layer->axis[a]) && !pass_along(c, band, a, outer, begin, --left == 0, size))
            return false;
    }
    return true;
}

/* Rows begin .. begin + count - 1, along the outermost reduced axis, of what is written. */
static bool make_band(const struct candidate *c, int64_t begin, int64_t count, struct pc_lane_band *band) {
    int64_t first, last, size[POOL_MAX_RANK];
    const struct pc_lane_map *outer = map_of(c, c->outer, begin, count, 0);
    pc_lane_map_extent(outer, &first, &last);
    if (last < first) /* inputs that no window covers: one row to stand on */
        last = first;
    if (!can_band(c) || c->planes > 1) {
        first = 0;
        last = size_read(c, c->outer) - 1;
    }
    outer = map_of(c, c->outer, begin, count, first);
    for (int a = 0; a < POOL_MAX_RANK; a++)
        size[a] = a == c->outer ? last - first + 1 : size_read(c, a);
    *band = (struct pc_lane_band){.count = 1,
                                  .in = first * elements_inside(c, c->outer, size_read),
                                  .out = begin * elements_inside(c, c->outer, size_written)};
    if ((c->weighs && !weigh(c, band, first, size)) || !passes_of(c, band, outer, begin, size))
        return false;
    band->pass[0].first = true;
    band->pass[band->pass_count - 1].last = true;
    return true;
}

static bool same_band(const struct pc_lane_band *a, const struct pc_lane_band *b) {
    int64_t in, out;
    bool same = a->pass_count == b->pass_count;
    for (int i = 0; same && i < a->pass_count; i++)
        same = pc_lanes_equal(a->pass[i].groups, b->pass[i].groups, &in, &out) && in == 0 && out == 0;
    return same;
}

static void add_band(const struct candidate *c, const struct pc_lane_band *band) {
    struct pc_lane_plan *p = c->result;
    struct pc_lane_band *last = p->band_count ? &p->bands[p->band_count - 1] : NULL;
    if (last && same_band(last, band)) {
        const int64_t in = band->in - last->in, out = band->out - last->out;
        if (last->count == 1 || (in == last->in_step * last->count && out == last->out_step * last->count)) {
            last->in_step = last->count == 1 ? in : last->in_step;
            last->out_step = last->count == 1 ? out : last->out_step;
            last->count++;
            return;
        }
    }
    PC_GROW(c->arena, p->bands, p->band_count, p->band_capacity);
    p->bands[p->band_count++] = *band;
}

/* ---- local arrays ---- */

static int64_t bytes_of_value(const struct candidate *c) {
    const bool numbers = c->apart && (c->tracked || (c->backward && c->picks));
    return ir_elements[c->plan->real].bytes + (numbers ? ir_elements[c->plan->track].bytes : 0);
}

/* An estimate of what a band of `rows` leaves, without its groups. */
static double local_estimate(const struct candidate *c, int64_t rows) {
    const struct pc_axis *o = &c->layer->axis[c->outer];
    const double written = (double)rows, reach = (double)(o->kernel - 1) * (double)o->dilation + 1;
    double read = c->backward ? (written + reach) / (double)stride_of(o) + 1 : (written - 1) * (double)stride_of(o) + reach;
    read = read < (double)size_read(c, c->outer) ? read : (double)size_read(c, c->outer);
    double values = 0, size = 1;
    for (int a = 0; a < POOL_MAX_RANK; a++)
        size *= a == c->outer ? read : (double)size_read(c, a);
    values += c->weighs ? size : 0;
    for (int i = 0; c->apart && i < POOL_MAX_RANK; i++) {
        const int a = is_outermost_first(c) ? i : POOL_MAX_RANK - 1 - i;
        if (!pc_is_reduced(&c->layer->axis[a]) || a == (is_outermost_first(c) ? POOL_MAX_RANK - 1 : c->outer))
            continue;
        size = size / (a == c->outer ? read : (double)size_read(c, a)) * (a == c->outer ? written : (double)size_written(c, a));
        values += size;
    }
    return values * (double)bytes_of_value(c);
}

/* Bytes of one channel that a tile reads, and its neighbours read again. */
static double read_by_tile(const struct candidate *c) {
    double bytes = ir_elements[c->plan->real].bytes;
    for (int a = 0; a < POOL_MAX_RANK; a++) {
        const struct pc_axis *axis = &c->layer->axis[a];
        const double tile = a == 1 ? (double)(c->tile_rows < size_written(c, 1) ? c->tile_rows : size_written(c, 1)) : 1;
        const double reach = (double)(axis->kernel - 1) * (double)axis->dilation + 1;
        const double read = c->backward ? (tile + reach - 2) / (double)stride_of(axis) + 1
                                        : (tile - 1) * (double)stride_of(axis) + reach;
        bytes *= stride_of(axis) >= axis->kernel && a == 2 ? 1 : read;
    }
    return bytes;
}

/* Whether a pass reads local arrays so often that they had better stay in the first level cache: maxima whose taps are wanted
 * are not made from those of shorter windows. */
static bool reads_again(const struct candidate *c) {
    bool again = false;
    for (int a = 0; a < POOL_MAX_RANK; a++)
        again |= c->tracked && !c->backward && c->layer->axis[a].kernel > READS_MOST;
    return again;
}

/* Whether local arrays of so many bytes a channel are little beside what is read, so that only its order matters. */
static bool is_small(const struct candidate *c, double bytes) {
    double read = ir_elements[c->plan->real].bytes;
    for (int a = 0; a < POOL_MAX_RANK; a++)
        read *= (double)size_read(c, a);
    return 4 * bytes <= read;
}

/* Channels of a block and rows of a band, so that local arrays stay small. */
static void choose_sizes(struct candidate *c) {
    struct pc_lane_plan *p = c->result;
    const int64_t height = size_written(c, c->outer), channels = c->layer->desc.channels;
    const bool has_local = c->apart || c->weighs;
    int64_t vectors = is_last(c) ? (channels + p->lanes - 1) / p->lanes : 1;
    const int64_t scale = is_last(c) ? p->lanes : 1;
    const double bytes = is_last(c) ? has_local ? local_estimate(c, height) : read_by_tile(c) : 0;
    const int64_t wide = is_last(c) && !reads_again(c) ? PIECE_GOOD : 1;
    const double good = (double)(has_local && is_small(c, bytes) ? LOCAL_MOST : LOCAL_GOOD);
    c->rows = height;
    if (has_local && !c->backward && is_outermost_first(c)) {
        const int64_t rows = c->tile_rows < height ? c->tile_rows : height;
        const double low = local_estimate(c, rows);
        while (vectors > c->pieces || (vectors > wide && low * (double)(vectors * scale) > good))
            vectors = (vectors + 1) / 2;
        c->rows = low * (double)(vectors * scale) <= (double)LOCAL_MOST ? rows : 1;
        p->block = vectors * scale < channels ? vectors * scale : channels;
        return;
    }
    while (vectors > c->pieces || (vectors > wide && bytes * (double)(vectors * scale) > good))
        vectors = (vectors + 1) / 2;
    if (has_local) {
        const struct pc_axis *outer = &c->layer->axis[c->outer];
        const int64_t period = period_of(c, c->outer);
        /* Rows that two bands need are worked out twice, so that low bands cost more than a slower cache. */
        const int64_t overlap = (outer->kernel - 1) * outer->dilation / (c->backward ? stride_of(outer) : 1), low = 8 * overlap;
        while (can_band(c) && c->rows > period) {
            const double local = local_estimate(c, c->rows) * (double)scale;
            if (local * (double)vectors <= (c->rows >= low ? good : (double)LOCAL_MOST))
                break;
            if (c->rows < low && vectors > 1)
                vectors = (vectors + 1) / 2;
            else
                c->rows = (c->rows / 2 + period - 1) / period * period;
        }
    }
    p->block = !is_last(c) ? c->planes : vectors * scale < channels ? vectors * scale : channels;
}

/* Each array is as large as the largest band needs it; channels-first a vector may reach beyond either end. */
static void count_locals(struct candidate *c) {
    struct pc_lane_plan *p = c->result;
    const int64_t beyond = is_last(c) ? 0 : 2 * p->lanes;
    for (size_t b = 0; b < p->band_count; b++) {
        const struct pc_lane_band *band = &p->bands[b];
        for (int i = 0; i + 1 < band->pass_count; i++) {
            const int64_t count = band->pass[i].to_count * (is_last(c) ? p->block : 1) + beyond;
            int64_t *most = &p->local_count[i % 2];
            *most = count > *most ? count : *most;
        }
    }
    p->local_bytes = (p->local_count[0] + p->local_count[1]) * bytes_of_value(c);
}

/* ---- work ---- */

/* A division of a vector takes as long as so many additions. */
static const double DIVISION = 8;

/* Operations of a pass for each tap it combines, each vector it loads or chooses, and each group it finishes. */
struct weights {
    double tap, load, shuffle, group;
};

static struct weights weights_of(const struct candidate *c, const struct pc_lane_pass *pass) {
    const bool propagates = c->layer->desc.nan == POOL_NAN_PROPAGATE;
    const double divides = divides_by_position(c) ? DIVISION : 0;
    switch (pass->work) {
    case PC_LANE_REDUCE:
        if (!c->picks)
            return (struct weights){1, 1, 1, pass->last ? 1 + divides : 1};
        if (c->tracked)
            return (struct weights){propagates ? 4 : 3, pass->first ? 1 : 2, pass->first ? 1 : 2, 3};
        return propagates ? (struct weights){1.5, 1, 1, 2} : (struct weights){1, 1, 1, 1};
    case PC_LANE_WEIGH:
        return (struct weights){1, 1, 1, 1 + divides};
    case PC_LANE_SUM:
        return (struct weights){1, 1, 1, 1 + (pass->last && c->result->divides_last ? DIVISION : 0)};
    case PC_LANE_SPLIT:
        return (struct weights){7, 2.5, 2, 2};
    case PC_LANE_SELECT:
        return (struct weights){3, 2, 4, 1};
    }
    return (struct weights){0, 0, 0, 0};
}

/* Taps that are combined: whole windows share the results of their rows, so beyond the taps that are new only rows are
 * combined, window by window. */
static double combined(const struct candidate *c, const struct pc_lane_pass *pass, const struct pc_lane_cost *cost) {
    const double kernel = (double)(c->layer->axis[2].kernel);
    const double rows = cost->new_taps + cost->taps / kernel;
    return pass->work == PC_LANE_REDUCE && rows < cost->taps ? rows : cost->taps;
}

static int64_t common_divisor(int64_t a, int64_t b) {
    return b ? common_divisor(b, a % b) : a;
}

static double bytes_of_larger_side(const struct candidate *c) {
    const int64_t count = c->layer->x_count > c->layer->y_count ? c->layer->x_count : c->layer->y_count;
    return (double)(count / c->layer->desc.batch * ir_elements[c->plan->real].bytes);
}

/* Channels-last, pixels that a tile reads and writes. */
static double pixels_of_tile(const struct candidate *c, const struct pc_lane_cost *cost) {
    const int64_t period = period_of(c, 1);
    const int64_t groups = (c->tile_rows + period - 1) / period * period * period_of(c, 2);
    return (cost->new_taps / cost->groups + 1) * (double)groups;
}

/* How much longer a pass takes than its operations say, because of how it walks through memory; all found by measuring.
 * Channels-last, blocks of few channels are pieces of pixels: of one or two cache lines anywhere, of more where they do not come
 * from the second level cache. */
static double scattered(const struct candidate *c, const struct pc_lane_cost *cost) {
    const int64_t vectors = c->result->block / c->result->lanes;
    if (!is_last(c))
        return c->tile_rows > 4 ? 1.15 : 1; /* more than registers hold */
    const bool in_pieces = c->result->block < c->layer->desc.channels;
    double times = c->apart && c->tile_rows > 1 && !is_outermost_first(c) ? 1.25 : 1;
    if (in_pieces && vectors < PIECE_GOOD)
        times *= c->picks ? 1.5 : 2;
    else if (in_pieces && vectors < PIECE_LONG && bytes_of_larger_side(c) > (double)SECOND_LEVEL)
        times *= 2;
    if (c->apart)
        return times;
    /* Pixels that lie a multiple of a page apart have their lines in the same set of the first level cache. */
    const double pixels = pixels_of_tile(c, cost);
    if (pixels * (double)common_divisor(pitch_of(c), PAGE) > (double)(WAYS * PAGE))
        return times * 2.5;
    return pixels > (double)PIXELS_MANY ? times * 1.2 : times;
}

/* A pass begins with what the pass before it has hardly stored. */
static const double AFTER_PASS = 20;

/* How much longer a load of a pass takes than one of a vector that lies in one cache line.  Channels-first, planes rarely begin
 * at multiples of the lanes; and what was just stored piece by piece cannot be loaded across its pieces before it has left the
 * processor's store queue. */
static double crossing(const struct candidate *c, const struct pc_lane_pass *pass) {
    int64_t plane = 1;
    for (int a = 0; a < POOL_MAX_RANK; a++)
        plane *= size_read(c, a);
    plane *= c->planes;
    if (is_last(c))
        return 1;
    if (!pass->first)
        return c->aligned && c->tile_rows == 0 ? 1 : 8;
    return !c->aligned ? c->tile_rows == 0 ? 4 : 3 : plane % c->result->lanes ? 2 : 1;
}

/* How much longer a choice among lanes takes: it is a constant vector, of which few stay in registers. */
static double constants(const struct candidate *c, const struct pc_lane_pass *pass) {
    const int64_t choices = is_last(c) ? 0 : pc_lanes_choices(pass->groups, c->arena);
    return choices <= CHOICES_GOOD ? 1 : choices <= CHOICES_MANY ? 3 : 5;
}

/* Channels-last, pixels that a loop over channels reads side by side. */
static double streams(const struct candidate *c, const struct pc_lane_cost *cost) {
    const double each = cost->taps / cost->groups;
    return each <= (double)STREAMS_GOOD ? 1 : each > (double)STREAMS_MANY && 2 * pitch_of(c) < PAGE ? 1.5 : 2;
}

static void count_work(struct candidate *c) {
    struct pc_lane_plan *p = c->result;
    for (size_t b = 0; b < p->band_count; b++) {
        const struct pc_lane_band *band = &p->bands[b];
        for (int i = 0; i < band->pass_count; i++) {
            const struct pc_lane_pass *pass = &band->pass[i];
            const struct pc_lane_cost cost = pc_lanes_cost(pass->groups, c->arena);
            struct weights w = weights_of(c, pass);
            w.load *= crossing(c, pass);
            w.shuffle *= constants(c, pass);
            if (is_last(c))
                w.load *= streams(c, &cost);
            p->work += (double)band->count * scattered(c, &cost) * (cost.loads * w.load + cost.shuffles * w.shuffle + cost.blends +
                                              combined(c, pass, &cost) * w.tap + cost.groups * w.group +
                                              cost.divisions * DIVISION);
            p->work += pass->first ? 0 : (double)band->count * AFTER_PASS;
            p->code += cost.code * (1 + w.tap);
        }
    }
    p->work /= (double)c->planes;
}

/* ---- sums of planes ---- */

/* Vectors that one partial sum takes, so that their additions are no long chain. */
static const int64_t CHAIN_MOST = 32;

/* Positions 0 .. to - 1, each from `slots` positions of `from`, `step` apart; positions of a block are neighbours. */
static const struct pc_lane_map *strided_map(const struct candidate *c, int64_t from, int64_t to, int slots, int64_t block) {
    struct pc_lane_map *map = PC_NEW(c->arena, struct pc_lane_map);
    struct pc_lane_slot *slot = PC_NEW_ARRAY(c->arena, (size_t)(to * slots), struct pc_lane_slot);
    for (int64_t i = 0; i < to; i++)
        for (int k = 0; k < slots; k++) {
            const int64_t at = (i / block * slots + k) * block + i % block;
            slot[i * slots + k] = (struct pc_lane_slot){at < from ? (int32_t)at : -1, 0, 1};
        }
    *map = (struct pc_lane_map){.to = to, .slots = slots, .slot = slot};
    return map;
}

static bool add_row(const struct candidate *c, struct pc_lane_band *band, int64_t *from, int64_t to, int slots, int64_t block,
                    bool last) {
    struct pc_lane_shape shape = new_shape(c);
    shape.align = c->result->lanes; /* what was stored as a vector is loaded as that vector, which need not wait for memory */
    for (int a = 0; a < POOL_MAX_RANK; a++) {
        shape.from[a] = a == POOL_MAX_RANK - 1 ? *from : 1;
        shape.map[a] = a == POOL_MAX_RANK - 1 ? strided_map(c, *from, to, slots, block) : pc_lane_map_identity(1, c->arena);
        if (last && divides_by_position(c))
            shape.map[a] = pc_lane_map_dividing(shape.map[a], &c->layer->axis[a], 0, c->arena);
    }
    *from = to;
    return add_pass(c, band, PC_LANE_REDUCE, last ? "their sum" : pc_arena_printf(c->arena, "%" PRId64 " partial sums", to), &shape);
}

static bool build_halves(struct candidate *c) {
    const int64_t lanes = c->result->lanes;
    int64_t from = 1;
    for (int a = 0; a < POOL_MAX_RANK; a++)
        from *= c->layer->axis[a].in;
    const int64_t vectors = (from + lanes - 1) / lanes, sums = (vectors + CHAIN_MOST - 1) / CHAIN_MOST;
    const int chain = (int)((vectors + sums - 1) / sums);
    struct pc_lane_band band = {.count = 1};
    if (from < lanes || sums > CHAIN_MOST || !add_row(c, &band, &from, sums * lanes, chain, lanes, false) ||
        (sums > 1 && !add_row(c, &band, &from, lanes, (int)sums, lanes, false)))
        return false;
    for (int64_t half = lanes / 2; half >= 1; half /= 2)
        if (!add_row(c, &band, &from, half, 2, half, half == 1))
            return false;
    band.pass[0].first = true;
    band.pass[band.pass_count - 1].last = true;
    c->result->block = c->planes;
    add_band(c, &band);
    return true;
}

/* ---- candidates ---- */

static bool build_bands(struct candidate *c) {
    const int64_t height = size_written(c, c->outer);
    choose_sizes(c);
    if (c->planes > 1 && c->rows < height)
        return false;
    for (int64_t begin = 0; begin < height; begin += c->rows) {
        struct pc_lane_band band;
        if (!make_band(c, begin, begin + c->rows < height ? c->rows : height - begin, &band))
            return false;
        add_band(c, &band);
    }
    return true;
}

static bool build(struct candidate *c) {
    if (!(c->halves ? build_halves : build_bands)(c))
        return false;
    count_work(c);
    count_locals(c);
    return c->result->code <= (double)c->plan->budget.loop_budget && c->result->local_bytes <= LOCAL_MOST;
}

static struct candidate new_candidate(const struct pc_plan *plan, int lanes, const struct way *way, bool aligned,
                                      struct pc_arena *arena) {
    const struct pc_layer *layer = plan->layer;
    const struct pc_mode *mode = pc_mode_of(layer->desc.mode);
    struct candidate c = {.plan = plan,
                          .layer = layer,
                          .arena = arena,
                          .result = PC_NEW(arena, struct pc_lane_plan),
                          .planes = 1,
                          .backward = plan->kind == PC_KERNEL_BACKWARD,
                          .picks = mode->combine != PC_COMBINE_ADD,
                          .apart = way->steps == STEPS_AXES,
                          .aligned = aligned,
                          .halves = way->steps == STEPS_HALVES,
                          .tile_rows = way->rows};
    c.result->lanes = lanes;
    c.result->why = way->line;
    c.tracked = plan->kind == PC_KERNEL_TRAIN || layer->desc.indices != POOL_INDICES_NONE;
    while (c.outer < POOL_MAX_RANK - 1 && !pc_is_reduced(&layer->axis[c.outer]))
        c.outer++;
    if (c.backward && !c.picks) {
        c.result->divides_last = divides_by_position(&c) ? divides_alike(&c) && !divides_early(&c)
                                                         : mode->finish == PC_FINISH_DIVIDE;
        /* Whole windows may be summed by divisor; what one axis leaves has none left. */
        c.weighs = mode->lift == PC_LIFT_ABS_POW ||
                   (divides_by_position(&c) && !c.result->divides_last && (c.apart || divides_early(&c)));
    }
    return c;
}

/* Channels-first, how many small planes are together a multiple of the lanes, so that no vector is partly empty and none of
 * them begins inside a cache line; 1: none or too many. */
static int64_t planes_together(const struct pc_plan *plan, int lanes, const struct way *way) {
    const struct pc_layer *layer = plan->layer;
    const int64_t planes = layer->desc.batch * layer->desc.channels;
    const int64_t in = layer->axis[1].in * layer->axis[2].in, out = layer->axis[1].out * layer->axis[2].out;
    const int64_t written = plan->kind == PC_KERNEL_BACKWARD ? in : out;
    if (layer->desc.layout == POOL_CHANNELS_LAST || layer->axis[0].in > 1 || layer->axis[0].out > 1 || way->rows > 0 ||
        way->steps == STEPS_HALVES)
        return 1;
    int64_t together = 1;
    while (together * written % lanes)
        together *= 2;
    return planes % together == 0 && together * written <= GROUPS_TOGETHER * lanes ? together : 1;
}

/* Loads begin at multiples of the lanes, or where slots do, whatever is less work, and blocks have fewer channels where local
 * arrays are too large. NULL: it does not fit. */
static const struct pc_lane_plan *build_way(const struct pc_plan *plan, int lanes, const struct way *way,
                                            struct pc_arena *arena) {
    const int64_t planes = planes_together(plan, lanes, way);
    for (int64_t pieces = INT64_MAX;;) {
        const struct pc_lane_plan *best = NULL, *p = NULL;
        for (int i = planes > 1 ? 3 : 1; i >= 0; i--) {
            struct candidate c = new_candidate(plan, lanes, way, i % 2 == 1, arena);
            c.pieces = pieces;
            c.planes = i > 1 ? planes : 1;
            if (build(&c) && (!best || c.result->work < best->work))
                best = c.result;
            p = c.result;
        }
        if (best || p->local_bytes <= LOCAL_MOST || p->block <= lanes)
            return best;
        pieces = p->block / lanes / 2;
    }
}

static int reduced_axes(const struct pc_layer *layer) {
    int axes = 0;
    for (int a = 0; a < POOL_MAX_RANK; a++)
        axes += pc_is_reduced(&layer->axis[a]);
    return axes;
}

/* Why the layer has no kernel of vectors at all; NULL: it has. */
static const char *why_none(const struct pc_plan *plan) {
    return plan->layer->desc.indices > POOL_INDICES_WINDOW ? "indices are of the plane or the tensor, which vectors do not count"
                                                           : NULL;
}

/* A window that is the whole plane, whose sum may be taken in any order. */
static bool sums_planes(const struct pc_plan *plan) {
    bool whole = plan->kind == PC_KERNEL_FORWARD && pc_mode_of(plan->layer->desc.mode)->combine == PC_COMBINE_ADD &&
                 plan->layer->desc.layout == POOL_CHANNELS_FIRST;
    for (int a = 0; a < POOL_MAX_RANK; a++) {
        const struct pc_axis *axis = &plan->layer->axis[a];
        const struct pc_window w = pc_axis_window(axis, 0);
        whole &= axis->out == 1 && w.tap_end - w.tap_begin == axis->in;
    }
    return whole;
}

static bool rows_overlap(const struct pc_axis *axis) {
    return axis->adaptive || axis->stride < (axis->kernel - 1) * axis->dilation + 1;
}

/* Why a way does not fit; NULL: it does. */
static const char *why_not(const struct pc_plan *plan, const struct way *way, int lanes) {
    const struct pc_layer *layer = plan->layer;
    const bool last = layer->desc.layout == POOL_CHANNELS_LAST;
    int64_t elements = 1;
    for (int a = 0; a < POOL_MAX_RANK; a++)
        elements *= plan->kind == PC_KERNEL_BACKWARD || way->steps == STEPS_HALVES ? layer->axis[a].in : layer->axis[a].out;
    if (way->steps == STEPS_HALVES && !sums_planes(plan))
        return "it is for sums of whole planes, channels-first";
    if (2 * (last ? layer->desc.channels : elements) < lanes)
        return last ? "there are not half as many channels as lanes" : "a plane has not half as many elements as a vector";
    if (way->steps == STEPS_AXES && reduced_axes(layer) < 2)
        return "windows lie along one axis, there are no others to take apart";
    if (way->steps == STEPS_WHOLE && way->rows > 1 && !rows_overlap(&layer->axis[1]))
        return "windows of different rows lie apart, so that rows have nothing to share";
    if (last && way->rows == 0)
        return "channels-last, vectors are of channels and not of elements in the order of memory";
    return NULL;
}

/* Candidates stay in the order of their work; the least of those with equal work is the first of plans.def. */
static void add_candidate(struct pc_plan *plan, enum pc_plan_choice choice, double work) {
    int at = plan->candidate_count++;
    for (; at > 0 && plan->candidates[at - 1].work > work; at--)
        plan->candidates[at] = plan->candidates[at - 1];
    plan->candidates[at] = (struct pc_plan_candidate){choice, work};
}

const struct pc_lane_plan *pc_lane_plan_build(struct pc_plan *plan, int lanes, struct pc_arena *arena) {
    const struct pc_plan_options *budget = &plan->budget;
    const struct pc_lane_plan *built[PC_PLAN_COUNT] = {NULL};
    const char *none = why_none(plan), *misfit = none;
    for (int i = 0; !none && i < PC_PLAN_COUNT; i++) {
        const char *reason = why_not(plan, &ways[i], lanes);
        if (!reason) {
            built[i] = build_way(plan, lanes, &ways[i], arena);
            if (built[i])
                add_candidate(plan, (enum pc_plan_choice)i, built[i]->work);
            else
                reason = "it would take too much code or too large local arrays";
        }
        if (budget->forced && budget->choice == (enum pc_plan_choice)i)
            misfit = reason;
    }
    plan->misfit = budget->forced ? misfit : NULL;
    if (plan->candidate_count == 0)
        return NULL;
    const enum pc_plan_choice taken = budget->forced && !misfit ? budget->choice : plan->candidates[0].choice;
    for (int i = plan->candidate_count - 1; i > 0; i--) { /* the one that is taken comes first */
        if (plan->candidates[i].choice != taken)
            continue;
        const struct pc_plan_candidate first = plan->candidates[i];
        memmove(&plan->candidates[1], plan->candidates, (size_t)i * sizeof first);
        plan->candidates[0] = first;
        break;
    }
    return built[taken];
}
