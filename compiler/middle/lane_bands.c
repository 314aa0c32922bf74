/* lane_bands.c - passes, bands of them, and sums of planes: see lane_candidate.h. */
#include "middle/lane_candidate.h"

#include <inttypes.h>

static int64_t elements_inside(const struct candidate *c, int axis, int64_t (*size)(const struct candidate *, int)) {
    int64_t count = 1;
    for (int a = axis + 1; a < POOL_MAX_RANK; a++)
        count *= size(c, a);
    return count;
}

/* ---- one pass ---- */

static const struct pc_lane_map *map_of(const struct candidate *c, int a, int64_t begin, int64_t count, int64_t origin) {
    return (c->backward ? pc_lane_map_backward : pc_lane_map_forward)(&c->layer->axis[a], begin, count, origin, c->arena);
}

static struct pc_lane_shape new_shape(const struct candidate *c) {
    struct pc_lane_shape shape = {.lanes = candidate_is_last(c) ? 1 : c->result->lanes,
                                  .rows = c->tile_rows,
                                  .align = 1,
                                  .repeats = c->aligned && candidate_may_repeat(c),
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
static void reduce_axis(const struct candidate *c, struct pc_lane_shape *shape, int a, const struct pc_lane_map *map,
                        bool first) {
    const struct pc_axis *axis = &c->layer->axis[a];
    shape->map[a] = map;
    shape->period[a] = candidate_period_of(c, a);
    if (axis->adaptive || candidate_is_last(c) || axis->kernel == 1)
        return;
    if (axis->stride < axis->kernel && c->aligned && !(c->padded && first)) /* rows of a kernel's input begin anywhere */
        shape->align = c->result->lanes;
    else if (a == POOL_MAX_RANK - 1 && shape->align < axis->stride)
        shape->align = axis->stride;
}

static bool add_pass(const struct candidate *c, struct pc_lane_band *band, enum pc_lane_work work, const char *words,
                     struct pc_lane_shape *shape, bool finishes) {
    const int last = POOL_MAX_RANK - 1;
    if (c->padded && band->pass_count > 0)
        shape->from[last] = candidate_padded(c, shape->from[last]);
    if (c->padded && !finishes)
        shape->map[last] = pc_lane_map_pad(shape->map[last], c->result->lanes, c->arena);
    if (c->planes > 1) {
        const int64_t plane = c->layer->axis[1].in * c->layer->axis[2].in;
        const int64_t index = c->layer->desc.indices == POOL_INDICES_TENSOR ? plane : 0;
        shape->map[1] = pc_lane_map_stack(shape->map[1], c->planes, shape->from[1], index, c->arena);
        shape->from[1] *= c->planes;
    }
    if (c->flat) {
        const int64_t channels = c->layer->desc.channels;
        const int64_t index = c->layer->desc.indices == POOL_INDICES_TENSOR ? 1 : 0;
        shape->map[last] = pc_lane_map_spread(shape->map[last], channels, index, c->arena);
        shape->from[last] *= channels;
    }
    shape->slack = band->pass_count > 0 && !candidate_is_last(c) ? c->result->lanes : 0;
    struct pc_lane_pass *pass = &band->pass[band->pass_count++];
    *pass = (struct pc_lane_pass){.work = work,
                                  .words = words,
                                  .groups = pc_lanes_build(shape, c->arena),
                                  .in_order = shape->rows == 0 || c->padded,
                                  .to_count = 1};
    for (int a = 0; a < POOL_MAX_RANK; a++)
        pass->to_count *= shape->map[a]->to;
    return pass->groups != NULL;
}

/* ---- one band ---- */

/* Long windows of a mode that may combine a tap twice: their maxima from those of short windows, which overlap. */
static bool split_axis(const struct candidate *c, struct pc_lane_band *band, struct pc_lane_shape *shape, int axis,
                       int64_t *size) {
    const struct pc_lane_map *inner, *outer;
    const int slots = shape->map[axis]->slots;
    const int length = candidate_split_length(c, slots);
    if (!length || !pc_lane_map_split(shape->map[axis], shape->from[axis], length, &inner, &outer, c->arena))
        return true;
    struct pc_lane_shape first = *shape;
    for (int a = 0; a < POOL_MAX_RANK; a++)
        first.map[a] = a == axis ? inner : pc_lane_map_identity(shape->from[a], c->arena);
    if (!add_pass(c, band, PC_LANE_REDUCE, pc_arena_printf(c->arena, "%d neighbours along %c", length, "DHW"[axis]), &first,
                  false))
        return false;
    size[axis] = shape->from[axis] = inner->to;
    shape->map[axis] = outer;
    return true;
}

/* How much a step along an axis adds to an index. */
static int64_t index_stride(const struct candidate *c, int axis) {
    const struct pool_desc *desc = &c->layer->desc;
    const bool pixels = desc->indices == POOL_INDICES_TENSOR && desc->layout == POOL_CHANNELS_LAST;
    return (pixels ? desc->channels : 1) * elements_inside(c, axis, candidate_size_read);
}

/* A pass along `axes` (axis a is bit a). `size` are the sizes of its source and becomes those of its destination; position
 * `first` of the outermost reduced axis is position 0 of the source; divisors are those of the windows where the pass
 * finishes averages. */
static bool pass_along(const struct candidate *c, struct pc_lane_band *band, unsigned axes, const struct pc_lane_map *outer,
                       int64_t begin, bool finishes, int64_t *size) {
    static const char *const words[] = {"whole windows", "along D", "along H", "", "along W", "", "along H and W"};
    struct pc_lane_shape shape = new_shape(c);
    const bool divides = finishes && !c->backward && candidate_divides_by_position(c);
    const bool indexes = finishes && !c->backward && c->layer->desc.indices > POOL_INDICES_WINDOW;
    for (int a = 0; a < POOL_MAX_RANK; a++)
        shape.from[a] = size[a];
    for (int a = 0; a < POOL_MAX_RANK; a++) {
        if (!(axes >> a & 1))
            shape.map[a] = pc_lane_map_identity(size[a], c->arena);
        else
            reduce_axis(c, &shape, a, a == c->outer ? outer : map_of(c, a, 0, candidate_size_written(c, a), 0),
                        band->pass_count == 0);
        if (axes == 1u << a && c->apart && !split_axis(c, band, &shape, a, size))
            return false;
        if (divides)
            shape.map[a] = pc_lane_map_dividing(shape.map[a], &c->layer->axis[a], a == c->outer ? begin : 0, c->arena);
        if (indexes) {
            const struct pc_lane_map *windows = a == c->outer ? outer : map_of(c, a, 0, candidate_size_written(c, a), 0);
            shape.map[a] = pc_lane_map_indexing(shape.map[a], windows, index_stride(c, a), c->arena);
        }
        size[a] = shape.map[a]->to;
    }
    shape.divides = c->backward && !c->picks && candidate_divides_by_position(c) && !c->weighs && !c->result->divides_last;
    const enum pc_lane_work work = !c->backward ? PC_LANE_REDUCE : c->picks ? PC_LANE_SELECT : PC_LANE_SUM;
    if (!add_pass(c, band, work, words[c->apart ? axes : 0], &shape, finishes))
        return false;
    struct pc_lane_pass *pass = &band->pass[band->pass_count - 1];
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
        if (candidate_divides_by_position(c))
            shape.map[a] = pc_lane_map_dividing(shape.map[a], &c->layer->axis[a], a == c->outer ? first : 0, c->arena);
    }
    return add_pass(c, band, PC_LANE_WEIGH, "dy over the divisors of its windows", &shape, false);
}

static bool passes_of(const struct candidate *c, struct pc_lane_band *band, const struct pc_lane_map *outer, int64_t begin,
                      int64_t *size) {
    unsigned axes[POOL_MAX_RANK];
    const int count = candidate_list_passes(c, axes);
    for (int i = 0; i < count; i++)
        if (!pass_along(c, band, axes[i], outer, begin, i == count - 1, size))
            return false;
    return true;
}

/* Rows begin .. begin + count - 1, along the outermost reduced axis, of what is written. */
static bool make_band(const struct candidate *c, int64_t begin, int64_t count, struct pc_lane_band *band) {
    int64_t first, last, size[POOL_MAX_RANK];
    const struct pc_lane_map *outer = map_of(c, c->outer, begin, count, 0);
    pc_lane_map_extent(outer, &first, &last);
    if (last < first) /* inputs that no window covers: one row to stand on */
        last = first;
    if (!candidate_can_band(c) || c->planes > 1) {
        first = 0;
        last = candidate_size_read(c, c->outer) - 1;
    }
    outer = map_of(c, c->outer, begin, count, first);
    for (int a = 0; a < POOL_MAX_RANK; a++)
        size[a] = a == c->outer ? last - first + 1 : candidate_size_read(c, a);
    *band = (struct pc_lane_band){.count = 1,
                                  .in = first * elements_inside(c, c->outer, candidate_size_read),
                                  .out = begin * elements_inside(c, c->outer, candidate_size_written)};
    if ((c->weighs && !weigh(c, band, first, size)) || !passes_of(c, band, outer, begin, size))
        return false;
    band->pass[0].first = true;
    band->pass[band->pass_count - 1].last = true;
    return true;
}

static bool same_band(const struct pc_lane_band *a, const struct pc_lane_band *b) {
    struct pc_lane_steps step;
    bool same = a->pass_count == b->pass_count;
    for (int i = 0; same && i < a->pass_count; i++)
        same = pc_lanes_equal(a->pass[i].groups, b->pass[i].groups, &step) && !step.in && !step.out && !step.index;
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

/* ---- all bands ---- */

bool candidate_build_bands(struct candidate *c) {
    const int64_t height = candidate_size_written(c, c->outer);
    candidate_choose_sizes(c);
    if (c->planes > 1 && c->rows < height)
        return false;
    const struct pc_lane_map *whole =
        pc_lane_map_dividing(map_of(c, c->outer, 0, height, 0), &c->layer->axis[c->outer], 0, c->arena);
    for (int64_t begin = 0; begin < height; begin += c->rows) {
        struct pc_lane_band band;
        int64_t shift, index;
        if (pc_lane_map_repeats(whole, begin, c->rows, &shift, &index)) { /* need not be worked out again */
            const struct pc_lane_band *last = &c->result->bands[c->result->band_count - 1];
            band = *last;
            band.count = 1;
            band.in += (last->count - 1) * last->in_step + shift * elements_inside(c, c->outer, candidate_size_read);
            band.out += (last->count - 1) * last->out_step + c->rows * elements_inside(c, c->outer, candidate_size_written);
            band.in_step = band.out_step = 0;
            add_band(c, &band);
            continue;
        }
        if (!make_band(c, begin, begin + c->rows < height ? c->rows : height - begin, &band))
            return false;
        add_band(c, &band);
    }
    return true;
}

/* ---- whole planes ----
 *
 * A sum may be taken in any order: lane l gets every element that is l in its vector, and then the upper half of the lanes
 * is added to the lower.  Of equal maxima the first is kept, -0 and +0 among them: lane l gets neighbours, and then lanes
 * are combined with their neighbours. */

/* Vectors that one partial sum takes, so that their additions are no long chain. */
static const int64_t CHAIN_MOST = 32;
/* Neighbours that a lane gets: each is from a vector of its own. */
enum { NEIGHBOURS = 4 };

/* Positions 0 .. to - 1, each from `slots` positions of `from`, `step` apart; positions of a block are neighbours. */
static const struct pc_lane_map *strided_map(const struct candidate *c, int64_t from, int64_t to, int slots, int64_t block) {
    struct pc_lane_map *map = PC_NEW(c->arena, struct pc_lane_map);
    struct pc_lane_slot *slot = PC_NEW_ARRAY(c->arena, (size_t)(to * slots), struct pc_lane_slot);
    for (int64_t i = 0; i < to; i++)
        for (int k = 0; k < slots; k++) {
            const int64_t at = (i / block * slots + k) * block + i % block;
            slot[i * slots + k] = (struct pc_lane_slot){at < from ? (int32_t)at : -1, 0, 1};
        }
    *map = (struct pc_lane_map){.to = to, .used = to, .slots = slots, .slot = slot};
    return map;
}

static bool add_row(const struct candidate *c, struct pc_lane_band *band, int64_t *from, int64_t to, int slots,
                    int64_t block, bool last) {
    struct pc_lane_shape shape = new_shape(c);
    shape.align =
        c->result->lanes; /* what was stored as a vector is loaded as that vector, which need not wait for memory */
    for (int a = 0; a < POOL_MAX_RANK; a++) {
        shape.from[a] = a == POOL_MAX_RANK - 1 ? *from : 1;
        shape.map[a] = a == POOL_MAX_RANK - 1 ? strided_map(c, *from, to, slots, block) : pc_lane_map_identity(1, c->arena);
        if (last && candidate_divides_by_position(c))
            shape.map[a] = pc_lane_map_dividing(shape.map[a], &c->layer->axis[a], 0, c->arena);
    }
    *from = to;
    return add_pass(c, band, PC_LANE_REDUCE,
                    last ? "what is left of them" : pc_arena_printf(c->arena, "%" PRId64 " partial results", to), &shape,
                    last);
}

/* As many partial sums as lanes, in chains of equal length. */
static bool add_sums(const struct candidate *c, struct pc_lane_band *band, int64_t *from) {
    const int64_t lanes = c->result->lanes, vectors = (*from + lanes - 1) / lanes;
    const int64_t sums = (vectors + CHAIN_MOST - 1) / CHAIN_MOST;
    return sums <= CHAIN_MOST && add_row(c, band, from, sums * lanes, (int)((vectors + sums - 1) / sums), lanes, false) &&
           (sums == 1 || add_row(c, band, from, lanes, (int)sums, lanes, false));
}

/* As many partial maxima as lanes, of neighbours. */
static bool add_maxima(const struct candidate *c, struct pc_lane_band *band, int64_t *from) {
    const int64_t lanes = c->result->lanes;
    int passes = 1;
    for (int64_t half = lanes / 2; half >= 1; half /= 2)
        passes++;
    for (; *from > lanes * NEIGHBOURS; passes++)
        if (passes == PC_LANE_PASSES_MAX ||
            !add_row(c, band, from, (*from + NEIGHBOURS - 1) / NEIGHBOURS, NEIGHBOURS, 1, false))
            return false;
    return add_row(c, band, from, lanes, (int)((*from + lanes - 1) / lanes), 1, false);
}

bool candidate_build_halves(struct candidate *c) {
    const int64_t lanes = c->result->lanes;
    struct pc_lane_band band = {.count = 1};
    int64_t from = 1;
    for (int a = 0; a < POOL_MAX_RANK; a++)
        from *= c->layer->axis[a].in;
    if (from < lanes || !(c->picks ? add_maxima : add_sums)(c, &band, &from))
        return false;
    for (int64_t half = lanes / 2; half >= 1; half /= 2)
        if (!add_row(c, &band, &from, half, 2, c->picks ? 1 : half, half == 1))
            return false;
    band.pass[0].first = true;
    band.pass[band.pass_count - 1].last = true;
    c->result->block = c->planes;
    add_band(c, &band);
    return true;
}
