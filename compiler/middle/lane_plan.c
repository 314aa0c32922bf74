/* lane_plan.c - see lane_plan.h. */
#include "middle/lane_plan.h"

#include "middle/lower.h"

#include <inttypes.h>

/* Local arrays share the first level cache, 32 or 48 KiB on most processors, with what streams through; the most that may lie
 * on somebody's stack. */
static const int64_t LOCAL_GOOD = 24 * 1024, LOCAL_MOST = 64 * 1024;
/* Vectors of channels that a pass takes at a time, so that memory is read in longer pieces than a vector. */
static const int64_t CHANNEL_VECTORS = 8;
static const struct way {
    const char *name;
    bool apart;
    int64_t rows;
    const char *line;
} ways[PC_PLAN_COUNT] = {
#define PLAN(id, name, apart, rows, line) {name, apart, rows, line},
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
    bool weighs;    /* dy is weighted first */
    int outer;      /* the outermost axis that is reduced */
    int64_t rows;   /* of a band */
    int64_t tile_rows;
};

/* ---- facts ---- */

static bool is_last(const struct candidate *c) {
    return c->layer->desc.layout == POOL_CHANNELS_LAST;
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

/* Whether a part of the outermost reduced axis is one piece of memory. */
static bool can_band(const struct candidate *c) {
    int64_t outside = 1;
    for (int a = 0; a < c->outer; a++)
        outside *= size_read(c, a) * size_written(c, a);
    return outside == 1;
}

static bool divides_by_position(const struct candidate *c) {
    const struct pool_desc *desc = &c->layer->desc;
    return pc_mode_of(desc->mode)->finish == PC_FINISH_DIVIDE &&
           (desc->adaptive || desc->divisor != POOL_DIVISOR_OVERRIDE);
}

/* Whether every window has the same divisor. */
static bool divides_alike(const struct candidate *c) {
    for (int a = 0; a < POOL_MAX_RANK; a++)
        for (int64_t out = 1; out < c->layer->axis[a].out; out++)
            if (pc_axis_count(&c->layer->axis[a], out) != pc_axis_count(&c->layer->axis[a], 0))
                return false;
    return true;
}

/* ---- one pass ---- */

static const struct pc_lane_map *map_of(const struct candidate *c, int a, int64_t begin, int64_t count, int64_t origin) {
    return (c->backward ? pc_lane_map_backward : pc_lane_map_forward)(&c->layer->axis[a], begin, count, origin, c->arena);
}

static struct pc_lane_shape new_shape(const struct candidate *c) {
    struct pc_lane_shape shape = {.lanes = is_last(c) ? 1 : c->result->lanes,
                                  .rows = c->tile_rows,
                                  .align = 1,
                                  .code_max = c->plan->budget.loop_budget / 4};
    int64_t stride = 1;
    for (int a = POOL_MAX_RANK - 1; a >= 0; a--) {
        shape.period[a] = 1;
        shape.tap_stride[a] = stride;
        stride *= c->layer->axis[a].kernel;
    }
    return shape;
}

/* The axis is reduced in this pass. */
static void reduce_axis(const struct candidate *c, struct pc_lane_shape *shape, int a, const struct pc_lane_map *map) {
    const struct pc_axis *axis = &c->layer->axis[a];
    shape->map[a] = map;
    if (axis->adaptive)
        return;
    if (c->backward)
        shape->period[a] = axis->stride;
    if (is_last(c) || axis->kernel == 1)
        return;
    if (axis->stride < axis->kernel)
        shape->align = c->result->lanes;
    else if (a == POOL_MAX_RANK - 1 && shape->align < axis->stride)
        shape->align = axis->stride;
}

static bool add_pass(const struct candidate *c, struct pc_lane_band *band, enum pc_lane_work work, const char *words,
                     struct pc_lane_shape *shape) {
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

/* A pass along one axis, or (axis < 0) along all that are reduced. `size` are the sizes of its source and becomes those of its
 * destination; position `first` of the outermost reduced axis is position 0 of the source; divisors are those of the windows
 * where the pass finishes averages. */
static bool pass_along(const struct candidate *c, struct pc_lane_band *band, int axis, const struct pc_lane_map *outer,
                       int64_t begin, bool finishes, int64_t *size) {
    static const char *const words[] = {"along D", "along H", "along W"};
    struct pc_lane_shape shape = new_shape(c);
    const bool divides = finishes && !c->backward && divides_by_position(c);
    for (int a = 0; a < POOL_MAX_RANK; a++) {
        shape.from[a] = size[a];
        if (!is_reduced_here(c, a, axis))
            shape.map[a] = pc_lane_map_identity(size[a], c->arena);
        else
            reduce_axis(c, &shape, a, a == c->outer ? outer : map_of(c, a, 0, size_written(c, a), 0));
        if (divides)
            shape.map[a] = pc_lane_map_dividing(shape.map[a], &c->layer->axis[a], a == c->outer ? begin : 0, c->arena);
        size[a] = shape.map[a]->to;
    }
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

/* Forward the innermost axis comes first, which keeps the first of equal maxima; backward the outermost, whose rows are
 * smaller before they are spread out. */
static bool passes_of(const struct candidate *c, struct pc_lane_band *band, const struct pc_lane_map *outer, int64_t begin,
                      int64_t *size) {
    if (!c->apart)
        return pass_along(c, band, -1, outer, begin, true, size);
    int left = 0;
    for (int a = 0; a < POOL_MAX_RANK; a++)
        left += pc_is_reduced(&c->layer->axis[a]);
    for (int i = 0; i < POOL_MAX_RANK; i++) {
        const int a = c->backward ? i : POOL_MAX_RANK - 1 - i;
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
    if (!can_band(c)) {
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
    double read = c->backward ? (written + reach) / (double)o->stride + 1 : (written - 1) * (double)o->stride + reach;
    read = read < (double)size_read(c, c->outer) ? read : (double)size_read(c, c->outer);
    double values = 0, size = 1;
    for (int a = 0; a < POOL_MAX_RANK; a++)
        size *= a == c->outer ? read : (double)size_read(c, a);
    values += c->weighs ? size : 0;
    for (int i = 0; c->apart && i < POOL_MAX_RANK; i++) {
        const int a = c->backward ? i : POOL_MAX_RANK - 1 - i;
        if (!pc_is_reduced(&c->layer->axis[a]) || a == (c->backward ? POOL_MAX_RANK - 1 : c->outer))
            continue;
        size = size / (a == c->outer ? read : (double)size_read(c, a)) * (a == c->outer ? written : (double)size_written(c, a));
        values += size;
    }
    return values * (double)bytes_of_value(c);
}

/* Channels of a block and rows of a band, so that local arrays stay small. */
static void choose_sizes(struct candidate *c) {
    struct pc_lane_plan *p = c->result;
    const int64_t height = size_written(c, c->outer), channels = c->layer->desc.channels;
    c->rows = height;
    p->block = is_last(c) ? channels : 1;
    if (!c->apart && !c->weighs)
        return;
    if (is_last(c)) {
        int64_t vectors = CHANNEL_VECTORS;
        while (vectors > 1 && local_estimate(c, height) * (double)(vectors * p->lanes) > (double)LOCAL_GOOD)
            vectors /= 2;
        p->block = vectors * p->lanes < channels ? vectors * p->lanes : channels;
    }
    const int64_t period = c->backward && !c->layer->axis[c->outer].adaptive ? c->layer->axis[c->outer].stride : 1;
    while (can_band(c) && c->rows > period && local_estimate(c, c->rows) * (double)p->block > (double)LOCAL_GOOD)
        c->rows = (c->rows / 2 + period - 1) / period * period;
}

/* Each array is as large as the largest band needs it; channels-first a vector may reach beyond either end. */
static void count_locals(struct candidate *c) {
    struct pc_lane_plan *p = c->result;
    const int64_t beyond = is_last(c) ? 0 : 2 * p->lanes;
    for (int i = 0; i < PC_LANE_PASSES_MAX - 1; i++) {
        for (size_t b = 0; b < p->band_count; b++) {
            const struct pc_lane_band *band = &p->bands[b];
            const int64_t count = i + 1 < band->pass_count ? band->pass[i].to_count * p->block + beyond : 0;
            p->local_count[i] = count > p->local_count[i] ? count : p->local_count[i];
        }
        p->local_bytes += p->local_count[i] * bytes_of_value(c);
    }
}

/* ---- work ---- */

/* Operations of a pass for each tap it combines, each vector it loads or chooses, and each group it finishes. */
struct weights {
    double tap, load, shuffle, group;
};

static struct weights weights_of(const struct candidate *c, const struct pc_lane_pass *pass) {
    const bool propagates = c->layer->desc.nan == POOL_NAN_PROPAGATE;
    const double divides = divides_by_position(c) ? 4 : 0;
    switch (pass->work) {
    case PC_LANE_REDUCE:
        if (!c->picks)
            return (struct weights){1, 1, 1, pass->last ? 1 + divides : 1};
        if (c->tracked)
            return (struct weights){propagates ? 5 : 3, pass->first ? 1 : 2, pass->first ? 1 : 2, 3};
        return propagates ? (struct weights){1.5, 1, 1, 2} : (struct weights){1, 1, 1, 1};
    case PC_LANE_WEIGH:
        return (struct weights){1, 1, 1, 1 + divides};
    case PC_LANE_SUM:
        return (struct weights){1, 1, 1, 1};
    case PC_LANE_SPLIT:
        return (struct weights){7, 2.5, 2, 2};
    case PC_LANE_SELECT:
        return (struct weights){2, 2, 2, 1};
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

static void count_work(struct candidate *c) {
    struct pc_lane_plan *p = c->result;
    for (size_t b = 0; b < p->band_count; b++) {
        const struct pc_lane_band *band = &p->bands[b];
        for (int i = 0; i < band->pass_count; i++) {
            const struct pc_lane_pass *pass = &band->pass[i];
            const struct pc_lane_cost cost = pc_lanes_cost(pass->groups, c->arena);
            const struct weights w = weights_of(c, pass);
            p->work += (double)band->count * (cost.loads * w.load + cost.shuffles * w.shuffle + cost.blends +
                                              combined(c, pass, &cost) * w.tap + cost.groups * w.group);
            p->code += cost.code * (1 + w.tap);
        }
    }
}

/* ---- candidates ---- */

static bool build(struct candidate *c) {
    const int64_t height = size_written(c, c->outer);
    choose_sizes(c);
    for (int64_t begin = 0; begin < height; begin += c->rows) {
        struct pc_lane_band band;
        if (!make_band(c, begin, begin + c->rows < height ? c->rows : height - begin, &band))
            return false;
        add_band(c, &band);
    }
    count_work(c);
    count_locals(c);
    return c->result->code <= (double)c->plan->budget.loop_budget && c->result->local_bytes <= LOCAL_MOST;
}

static struct candidate new_candidate(const struct pc_plan *plan, int lanes, const struct way *way, struct pc_arena *arena) {
    const struct pc_layer *layer = plan->layer;
    const struct pc_mode *mode = pc_mode_of(layer->desc.mode);
    struct candidate c = {.plan = plan,
                          .layer = layer,
                          .arena = arena,
                          .result = PC_NEW(arena, struct pc_lane_plan),
                          .backward = plan->kind == PC_KERNEL_BACKWARD,
                          .picks = mode->combine != PC_COMBINE_ADD,
                          .apart = way->apart,
                          .tile_rows = way->rows};
    c.result->lanes = lanes;
    c.result->why = way->line;
    c.tracked = plan->kind == PC_KERNEL_TRAIN || layer->desc.indices != POOL_INDICES_NONE;
    while (c.outer < POOL_MAX_RANK - 1 && !pc_is_reduced(&layer->axis[c.outer]))
        c.outer++;
    if (c.backward && !c.picks) {
        c.result->divides_last = divides_by_position(&c) ? divides_alike(&c) : mode->finish == PC_FINISH_DIVIDE;
        c.weighs = mode->lift == PC_LIFT_ABS_POW || (divides_by_position(&c) && !c.result->divides_last);
    }
    return c;
}

static int reduced_axes(const struct pc_layer *layer) {
    int axes = 0;
    for (int a = 0; a < POOL_MAX_RANK; a++)
        axes += pc_is_reduced(&layer->axis[a]);
    return axes;
}

const struct pc_lane_plan *pc_lane_plan_build(const struct pc_plan *plan, int lanes, struct pc_arena *arena) {
    const struct pc_layer *layer = plan->layer;
    const struct pc_lane_plan *best = NULL;
    const bool last = layer->desc.layout == POOL_CHANNELS_LAST;
    int64_t written = 1;
    for (int a = 0; a < POOL_MAX_RANK; a++)
        written *= plan->kind == PC_KERNEL_BACKWARD ? layer->axis[a].in : layer->axis[a].out;
    if (layer->desc.indices > POOL_INDICES_WINDOW || 2 * (last ? layer->desc.channels : written) < lanes)
        return NULL;
    for (int i = 0; i < PC_PLAN_COUNT; i++) {
        if ((ways[i].apart && reduced_axes(layer) < 2) || (last && ways[i].rows == 0) ||
            (plan->budget.forced && plan->budget.choice != (enum pc_plan_choice)i))
            continue;
        struct candidate c = new_candidate(plan, lanes, &ways[i], arena);
        if (build(&c) && (!best || c.result->work < best->work))
            best = c.result;
    }
    return best;
}
