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

/* Whether a tap may be combined twice. */
static bool may_repeat(const struct candidate *c) {
    return !c->backward && !c->tracked && pc_mode_of(c->layer->desc.mode)->idempotent;
}

static const struct pc_lane_map *map_of(const struct candidate *c, int a, int64_t begin, int64_t count, int64_t origin) {
    return (c->backward ? pc_lane_map_backward : pc_lane_map_forward)(&c->layer->axis[a], begin, count, origin, c->arena);
}

static struct pc_lane_shape new_shape(const struct candidate *c) {
    struct pc_lane_shape shape = {.lanes = candidate_lanes_are_channels(c) ? 1 : c->result->lanes,
                                  .rows = c->tile_rows,
                                  .phases = c->form.phases,
                                  .align = 1,
                                  .unrolled = c->form.unrolled,
                                  .one_more = c->form.one_more,
                                  .repeats = c->form.aligned && may_repeat(c),
                                  .code_max = c->plan->options.loop_budget / 4};
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
    if (axis->adaptive || candidate_lanes_are_channels(c) || axis->kernel == 1)
        return;
    if ((axis->stride < axis->kernel || c->form.unrolled) && c->form.aligned &&
        !(c->form.padded && first)) /* rows of a kernel's input begin anywhere */
        shape->align = c->result->lanes;
    else if (a == POOL_MAX_RANK - 1 && shape->align < axis->stride && !shape->one_more && c->form.phases == 1)
        shape->align = axis->stride;
}

static bool add_pass(const struct candidate *c, struct pc_lane_band *band, enum pc_lane_pass_kind kind, const char *words,
                     struct pc_lane_shape *shape, bool finishes) {
    const int last = POOL_MAX_RANK - 1;
    if (c->form.padded && band->pass_count > 0)
        shape->from[last] = candidate_padded(c, shape->from[last]);
    if (c->form.padded && !finishes)
        shape->map[last] = pc_lane_map_pad(shape->map[last], c->result->lanes, c->arena);
    if (c->form.planes > 1 && !shape->is_stacked) {
        const int64_t plane = c->layer->axis[1].in * c->layer->axis[2].in;
        const int64_t index = c->layer->desc.indices == POOL_INDICES_TENSOR ? plane : 0;
        shape->map[1] = pc_lane_map_stack(shape->map[1], c->form.planes, shape->from[1], index, c->arena);
        shape->from[1] *= c->form.planes;
    }
    if (c->form.flat) {
        const int64_t channels = c->layer->desc.channels;
        const int64_t index = c->layer->desc.indices == POOL_INDICES_TENSOR ? 1 : 0;
        shape->map[last] = pc_lane_map_spread(shape->map[last], channels, index, c->arena);
        shape->from[last] *= channels;
    }
    if (c->form.unrolled && band->pass_count > 0)
        shape->align = c->result->lanes; /* registers have no other places */
    shape->slack = band->pass_count > 0 && !candidate_lanes_are_channels(c) ? c->result->lanes : 0;
    struct pc_lane_pass *pass = &band->pass[band->pass_count++];
    *pass = (struct pc_lane_pass){.kind = kind,
                                  .words = words,
                                  .groups = pc_lanes_build(shape, c->arena),
                                  .phases = shape->phases,
                                  .in_order = shape->rows == 0 || c->form.padded,
                                  .to_count = 1};
    for (int a = 0; a < POOL_MAX_RANK; a++)
        pass->to_count *= shape->map[a]->to;
    return pass->groups != NULL;
}

/* ---- one band ---- */

/* Length of the short windows from whose maxima those of `slots` taps are made; 0: taps are combined one by one, because a
 * second pass, which loads and stores, would not pay, or a tap may not be combined twice. */
static int split_length(const struct candidate *c, int64_t slots) {
    int length = 2;
    while (length * length < slots)
        length++;
    const bool pays = length + (slots + length - 1) / length + 2 < slots;
    return pays && may_repeat(c) ? length : 0;
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
    const char *words = pc_arena_printf(c->arena, "%d neighbours along %c", length, pc_axis_names[axis]);
    if (!add_pass(c, band, PC_LANE_REDUCE, words, &first, false))
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

/* What a band is along one axis: positions begin .. begin + count - 1 of what is written, and first .. first + read - 1 of
 * what is read for them. */
struct extent {
    int64_t begin, count, first, read;
    const struct pc_lane_map *map; /* its windows; position `first` is position 0 */
};

static struct extent make_extent(const struct candidate *c, int a, int64_t begin, int64_t count) {
    struct extent extent = {.begin = begin, .count = count, .read = candidate_size_read(c, a)};
    const bool whole = count == candidate_size_written(c, a);
    if (c->form.planes == 1 && (a == c->outer ? candidate_can_band(c) : !whole)) {
        int64_t last;
        pc_lane_map_extent(map_of(c, a, begin, count, 0), &extent.first, &last);
        extent.read = last < extent.first ? 1 : last - extent.first + 1; /* where no window reads: one row to stand on */
    }
    extent.map = map_of(c, a, begin, count, extent.first);
    return extent;
}

/* Sizes of the array that a band's first pass reads; the outermost axis ends with the band, so that nothing behind it is
 * loaded. */
static void source_sizes(const struct candidate *c, const struct extent *extent, int64_t *from) {
    for (int a = 0; a < POOL_MAX_RANK; a++)
        from[a] = a <= c->outer ? extent[a].read : candidate_size_read(c, a);
}

/* Elements from pixel to pixel, and from row to row, of what a pass writes. */
static int64_t pixel_stored(const struct candidate *c, bool finishes) {
    return c->layer->desc.layout != POOL_CHANNELS_LAST ? 1
           : finishes || c->form.flat                  ? c->layer->desc.channels
                                                       : c->result->block;
}

static int64_t row_stored(const struct candidate *c, int64_t pixels, bool finishes) {
    return pixel_stored(c, finishes) * (c->form.padded && !finishes ? candidate_padded(c, pixels) : pixels);
}

/* A pass along `axes` (axis a is bit a). `size` are the sizes of its source and becomes those of its destination; divisors
 * are those of the windows where the pass finishes averages. */
static bool pass_along(const struct candidate *c, struct pc_lane_band *band, unsigned axes, const struct extent *extent,
                       bool finishes, int64_t *size) {
    static const char *const words[] = {"whole windows", "along D", "along H", "", "along W", "", "along H and W"};
    struct pc_lane_shape shape = new_shape(c);
    int line = -1;
    const bool divides = finishes && !c->backward && pc_layer_divides_by_window(c->layer);
    const bool indexes = finishes && !c->backward && c->layer->desc.indices > POOL_INDICES_WINDOW;
    for (int a = 0; a < POOL_MAX_RANK; a++)
        shape.from[a] = size[a];
    if (band->pass_count == 0)
        source_sizes(c, extent, shape.from);
    for (int a = 0; a < POOL_MAX_RANK; a++) {
        if (!(axes >> a & 1))
            shape.map[a] = pc_lane_map_identity(size[a], c->arena);
        else
            reduce_axis(c, &shape, a, extent[a].map, band->pass_count == 0);
        if (axes == 1u << a && candidate_has_lines(c, a))
            line = a;
        else if (axes == 1u << a && c->apart && !split_axis(c, band, &shape, a, size))
            return false;
        if (divides)
            shape.map[a] = pc_lane_map_dividing(shape.map[a], &c->layer->axis[a], extent[a].begin, c->arena);
        if (indexes)
            shape.map[a] = pc_lane_map_indexing(shape.map[a], extent[a].map, index_stride(c, a), c->arena);
        size[a] = shape.map[a]->to;
        if (finishes && a > c->outer && extent[a].count < candidate_size_written(c, a)) /* rows of other bands lie between */
            shape.map[a] = pc_lane_map_pad(shape.map[a], candidate_size_written(c, a), c->arena);
    }
    shape.divides =
        c->backward && !c->picks && pc_layer_divides_by_window(c->layer) && !c->weighs && !c->result->divides_last;
    if (line == 1)
        shape.rows = candidate_line_length(c, size[1], row_stored(c, size[2], finishes));
    else if (line == 2)
        shape.period[2] = candidate_line_length(c, size[2], pixel_stored(c, finishes));
    if (line >= 0) /* windows of a line are not made of all their taps */
        shape.code_max = (int64_t)((double)shape.code_max * (double)c->layer->axis[line].kernel /
                                   candidate_line_work(c, line, line == 1 ? shape.rows : shape.period[2]));
    const enum pc_lane_pass_kind kind = !c->backward ? PC_LANE_REDUCE : c->picks ? PC_LANE_SELECT : PC_LANE_SUM;
    if (!add_pass(c, band, kind, words[c->apart ? axes : 0], &shape, finishes))
        return false;
    struct pc_lane_pass *pass = &band->pass[band->pass_count - 1];
    for (int a = 0; a < POOL_MAX_RANK; a++)
        pass->tap_stride[a] = shape.tap_stride[a];
    if (line < 0)
        return true;
    pass->lines = true;
    pass->line_axis = line;
    pass->line_block = c->layer->axis[line].kernel;
    pass->line_length = line == 1 ? shape.rows : shape.period[2];
    pass->line_step = line == 1 ? shape.from[2] : 1;
    return true;
}

/* dy times what depends on the window, into a local array of the same shape. */
static bool weigh(const struct candidate *c, struct pc_lane_band *band, const struct extent *extent) {
    struct pc_lane_shape shape = new_shape(c);
    source_sizes(c, extent, shape.from);
    for (int a = 0; a < POOL_MAX_RANK; a++) {
        shape.map[a] = pc_lane_map_identity(extent[a].read, c->arena);
        if (pc_layer_divides_by_window(c->layer))
            shape.map[a] = pc_lane_map_dividing(shape.map[a], &c->layer->axis[a], extent[a].first, c->arena);
    }
    return add_pass(c, band, PC_LANE_WEIGH, "dy over the divisors of its windows", &shape, false);
}

static bool make_passes(const struct candidate *c, struct pc_lane_band *band, const struct extent *extent) {
    int64_t size[POOL_MAX_RANK];
    unsigned axes[POOL_MAX_RANK];
    const int count = candidate_list_passes(c, axes);
    for (int a = 0; a < POOL_MAX_RANK; a++)
        size[a] = extent[a].read;
    if (c->weighs && !weigh(c, band, extent))
        return false;
    for (int i = 0; i < count; i++)
        if (!pass_along(c, band, axes[i], extent, i == count - 1, size))
            return false;
    band->pass[0].first = true;
    band->pass[band->pass_count - 1].last = true;
    return true;
}

/* ---- all bands ---- */

/* Bands that follow each other along an axis and do the same. */
struct stretch {
    int64_t begin, count; /* of what is written: the first of them */
    struct pc_lane_turns turns;
};

/* The stretches of an axis; returns how many there are. */
static size_t list_stretches(const struct candidate *c, int a, struct stretch **stretches) {
    const int64_t written = candidate_size_written(c, a), rows = c->rows[a];
    const int64_t in = elements_inside(c, a, candidate_size_read), out = elements_inside(c, a, candidate_size_written);
    const struct pc_lane_map *whole =
        rows < written ? pc_lane_map_dividing(map_of(c, a, 0, written, 0), &c->layer->axis[a], 0, c->arena) : NULL;
    size_t count = 0, capacity = 0;
    *stretches = NULL;
    for (int64_t begin = 0; begin < written; begin += rows) {
        int64_t shift, index;
        if (begin > 0 && pc_lane_map_repeats(whole, begin, rows, &shift, &index)) {
            struct pc_lane_turns *turns = &(*stretches)[count - 1].turns;
            if (turns->count == 1 || turns->in == shift * in) {
                *turns = (struct pc_lane_turns){turns->count + 1, shift * in, rows * out};
                continue;
            }
        }
        PC_GROW(c->arena, *stretches, count, capacity);
        (*stretches)[count++] = (struct stretch){begin, begin + rows < written ? rows : written - begin, {.count = 1}};
    }
    return count;
}

static bool add_band(const struct candidate *c, const struct stretch *const *along) {
    struct pc_lane_plan *p = c->result;
    struct pc_lane_band band = {0};
    struct extent extent[POOL_MAX_RANK];
    for (int a = 0; a < POOL_MAX_RANK; a++) {
        extent[a] = make_extent(c, a, along[a]->begin, along[a]->count);
        band.in += extent[a].first * elements_inside(c, a, candidate_size_read);
        band.out += extent[a].begin * elements_inside(c, a, candidate_size_written);
        band.turns[a] = along[a]->turns;
    }
    if (!make_passes(c, &band, extent))
        return false;
    PC_GROW(c->arena, p->bands, p->band_count, p->band_capacity);
    p->bands[p->band_count++] = band;
    return true;
}

bool candidate_build_bands(struct candidate *c) {
    struct stretch *list[POOL_MAX_RANK];
    size_t count[POOL_MAX_RANK];
    candidate_choose_sizes(c);
    if (c->form.planes > 1 && c->rows[c->outer] < candidate_size_written(c, c->outer))
        return false;
    for (int a = 0; a < POOL_MAX_RANK; a++)
        count[a] = list_stretches(c, a, &list[a]);
    for (size_t d = 0; d < count[0]; d++)
        for (size_t h = 0; h < count[1]; h++)
            for (size_t w = 0; w < count[2]; w++)
                if (!add_band(c, (const struct stretch *[]){&list[0][d], &list[1][h], &list[2][w]}))
                    return false;
    return true;
}

int64_t pc_lane_band_count(const struct pc_lane_band *band) {
    return band->turns[0].count * band->turns[1].count * band->turns[2].count;
}

/* ---- whole planes ----
 *
 * Where windows are whole slices, but not all of them, a slice is what a plane is otherwise, and a last pass is along D.
 *
 * A sum may be taken in any order: lane l gets every element that is l in its vector, and then the upper half of the lanes
 * is added to the lower.  Of equal maxima the first is kept, -0 and +0 among them: lane l gets neighbours, and then lanes
 * are combined with their neighbours (planes of 14 x 14, 512 of them, by fours through local arrays 10 us, by twos in
 * registers 5.5; Granite Rapids). */

/* Vectors that one partial sum takes, so that their additions are no long chain. */
static const int64_t CHAIN_MOST = 32;
/* Neighbours that a lane gets: each is from a vector of its own. */
enum { NEIGHBOURS = 4 };

/* The tap of a window that is a whole slice, or plane, that stands on an element of it. */
static int32_t tap_of_element(const struct candidate *c, int64_t element) {
    int64_t tap = 0, stride = 1;
    for (int a = POOL_MAX_RANK - 1; a >= 0; a--) {
        const struct pc_axis *axis = &c->layer->axis[a];
        tap += (element % axis->in - pc_axis_window(axis, 0).start) / axis->dilation * stride;
        element /= axis->in;
        stride *= axis->kernel;
    }
    return (int32_t)tap;
}

/* Positions 0 .. to - 1, each from `slots` positions of `from`, a block apart; positions of a block are neighbours. `taps`:
 * these are elements of the window, else what became of them. */
static const struct pc_lane_map *strided_map(const struct candidate *c, int64_t from, int64_t to, int slots, int64_t block,
                                             bool taps) {
    struct pc_lane_map *map = PC_NEW(c->arena, struct pc_lane_map);
    struct pc_lane_slot *slot = PC_NEW_ARRAY(c->arena, (size_t)(to * slots), struct pc_lane_slot);
    for (int64_t i = 0; i < to; i++)
        for (int k = 0; k < slots; k++) {
            const int64_t at = (i / block * slots + k) * block + i % block;
            slot[i * slots + k] = (struct pc_lane_slot){at < from ? (int32_t)at : -1, taps ? tap_of_element(c, at) : 0, 1};
        }
    *map = (struct pc_lane_map){.to = to, .used = to, .slots = slots, .slot = slot};
    return map;
}

/* Whether windows are not all of D, so that what becomes a number is a slice, be there one. */
static bool has_slices(const struct candidate *c) {
    return !pc_axis_is_whole(&c->layer->axis[0]);
}

static const struct pc_lane_map *dividing(const struct candidate *c, const struct pc_lane_map *map, int axis) {
    return pc_layer_divides_by_window(c->layer) ? pc_lane_map_dividing(map, &c->layer->axis[axis], 0, c->arena) : map;
}

static bool add_row(const struct candidate *c, struct pc_lane_band *band, int64_t *from, int64_t to, int slots,
                    int64_t block, bool last) {
    struct pc_lane_shape shape = new_shape(c);
    if (band->pass_count == PC_LANE_PASSES_MAX)
        return false;
    /* What was stored as a vector is loaded as that vector, which need not wait for memory. */
    shape.align = c->form.unrolled && !c->picks && band->pass_count == 0 ? 1 : c->result->lanes;
    for (int a = 0; a < POOL_MAX_RANK; a++) {
        shape.from[a] = a == POOL_MAX_RANK - 1 ? *from : a == 1 ? candidate_slices_of(c->layer) : 1;
        shape.map[a] = a == POOL_MAX_RANK - 1
                           ? strided_map(c, *from, to, slots, block, c->tracked && band->pass_count == 0)
                           : pc_lane_map_identity(shape.from[a], c->arena);
        if (last)
            shape.map[a] = dividing(c, shape.map[a], a);
    }
    *from = to;
    return add_pass(c, band, PC_LANE_REDUCE,
                    last      ? "what is left of them"
                    : to == 1 ? "a number for each slice"
                              : pc_arena_printf(c->arena, "%" PRId64 " partial results", to),
                    &shape, last);
}

/* The numbers of slices along D, which are rows now. */
static bool add_slices(const struct candidate *c, struct pc_lane_band *band) {
    const struct pc_axis *axis = &c->layer->axis[0];
    struct pc_lane_shape shape = new_shape(c);
    shape.align = c->result->lanes;
    shape.from[0] = shape.from[2] = 1;
    shape.from[1] = axis->in;
    shape.map[0] = dividing(c, pc_lane_map_identity(1, c->arena), 1);
    shape.map[1] = dividing(c, pc_lane_map_forward(axis, 0, axis->out, 0, c->arena), 0);
    shape.map[2] = dividing(c, pc_lane_map_identity(1, c->arena), 2);
    return band->pass_count < PC_LANE_PASSES_MAX && add_pass(c, band, PC_LANE_REDUCE, "along D", &shape, true);
}

/* As many partial sums of each plane as lanes.  Vectors are those of all planes that are taken together, one after the
 * other: of a plane of odd length by itself hardly a vector lies in one cache line.  A plane's first and last vector are
 * also its neighbours', and which element of a plane a lane begins with does not matter. */
static bool add_aligned_sums(const struct candidate *c, struct pc_lane_band *band, int64_t *from) {
    const int64_t lanes = c->result->lanes, planes = c->form.planes * candidate_slices_of(c->layer), count = *from;
    const int slots = (int)((lanes - 1 + count + lanes - 1) / lanes);
    struct pc_lane_map *map = PC_NEW(c->arena, struct pc_lane_map);
    struct pc_lane_slot *slot = PC_NEW_ARRAY(c->arena, (size_t)(planes * lanes * slots), struct pc_lane_slot), *next = slot;
    for (int64_t i = 0; i < planes * lanes; i++)
        for (int k = 0; k < slots; k++) {
            const int64_t begin = i / lanes * count, at = (begin / lanes + k) * lanes + i % lanes;
            *next++ = (struct pc_lane_slot){at >= begin && at < begin + count ? (int32_t)at : -1, 0, 1};
        }
    *map = (struct pc_lane_map){.to = planes * lanes, .used = planes * lanes, .slots = slots, .slot = slot};
    struct pc_lane_shape shape = new_shape(c);
    shape.align = lanes;
    shape.is_stacked = true;
    for (int a = 0; a < POOL_MAX_RANK; a++) {
        shape.from[a] = a == POOL_MAX_RANK - 1 ? planes * count : 1;
        shape.map[a] = a == POOL_MAX_RANK - 1 ? map : pc_lane_map_identity(1, c->arena);
    }
    *from = lanes;
    return add_pass(c, band, PC_LANE_REDUCE, pc_arena_printf(c->arena, "%" PRId64 " partial results", lanes), &shape, false);
}

/* As many partial sums as lanes, in chains of equal length. */
static bool add_sums(const struct candidate *c, struct pc_lane_band *band, int64_t *from) {
    const int64_t lanes = c->result->lanes, vectors = (*from + lanes - 1) / lanes;
    if (c->form.unrolled && c->form.planes * candidate_slices_of(c->layer) > 1 && *from % lanes != 0 && vectors < CHAIN_MOST)
        return add_aligned_sums(c, band, from);
    const int64_t sums = (vectors + CHAIN_MOST - 1) / CHAIN_MOST;
    return sums <= CHAIN_MOST && add_row(c, band, from, sums * lanes, (int)((vectors + sums - 1) / sums), lanes, false) &&
           (sums == 1 || add_row(c, band, from, lanes, (int)sums, lanes, false));
}

/* As many partial maxima as lanes, of neighbours. */
static bool add_maxima(const struct candidate *c, struct pc_lane_band *band, int64_t *from) {
    const int64_t lanes = c->result->lanes;
    while (*from > lanes * NEIGHBOURS)
        if (!add_row(c, band, from, (*from + NEIGHBOURS - 1) / NEIGHBOURS, NEIGHBOURS, 1, false))
            return false;
    return add_row(c, band, from, lanes, (int)((*from + lanes - 1) / lanes), 1, false);
}

bool candidate_build_halves(struct candidate *c) {
    struct pc_lane_band band = {.turns = {{1, 0, 0}, {1, 0, 0}, {1, 0, 0}}};
    /* In registers maxima are those of two neighbours at once: what is chosen from two vectors is one instruction. */
    const bool by_two = c->picks && c->form.unrolled;
    int64_t from = pc_layer_inputs(c->layer) / candidate_slices_of(c->layer);
    if (c->tracked && !by_two) /* constants for all of a plane */
        return false;
    if (from < c->result->lanes || (!by_two && !(c->picks ? add_maxima : add_sums)(c, &band, &from)))
        return false;
    while (from > 1)
        if (!add_row(c, &band, &from, (from + 1) / 2, 2, c->picks ? 1 : from / 2, from == 2 && !has_slices(c)))
            return false;
    if (has_slices(c) && !add_slices(c, &band))
        return false;
    band.pass[0].first = true;
    band.pass[0].lane_taps = c->tracked;
    band.pass[band.pass_count - 1].last = true;
    c->result->block = c->form.planes;
    PC_GROW(c->arena, c->result->bands, c->result->band_count, c->result->band_capacity);
    c->result->bands[c->result->band_count++] = band;
    return true;
}
