/* lane_sizes.c - how large blocks of channels, bands of rows and local arrays are: see lane_candidate.h. */
#include "middle/lane_candidate.h"

/* Local arrays share the first level cache, 32 or 48 KiB on most processors, with what streams through. */
static const int64_t LOCAL_GOOD = 24 * 1024;
/* Taps along an axis beyond which local arrays had better stay there. */
static const int64_t READS_MOST = 8;
/* Vectors that are written in one straight line: of a whole plane, and of a band of a larger one. */
static const int64_t UNROLLED_WHOLE = 80, UNROLLED_BAND = 40;

static int64_t bytes_of_value(const struct candidate *c) {
    return ir_elements[c->plan->real].bytes + (c->apart && c->tracked ? ir_elements[c->plan->track].bytes : 0);
}

/* Positions along an axis that a band needs, about. */
static double positions_read(const struct candidate *c, int a) {
    const double read = candidate_reads_for(c, a, (double)c->rows[a]), all = (double)candidate_size_read(c, a);
    const bool is_band = a == c->outer || c->rows[a] < candidate_size_written(c, a);
    return is_band && read < all ? read : all;
}

/* An estimate of what a band leaves, bytes for each channel, without its groups. */
static double local_estimate(const struct candidate *c) {
    double values = 0, size = 1;
    unsigned axes[POOL_MAX_RANK];
    for (int a = 0; a < POOL_MAX_RANK; a++)
        size *= positions_read(c, a);
    values += c->weighs ? size : 0;
    const int passes = candidate_list_passes(c, axes);
    for (int i = 0; i + 1 < passes; i++) {
        for (int a = 0; a < POOL_MAX_RANK; a++)
            if (axes[i] >> a & 1)
                size = size / positions_read(c, a) * (double)c->rows[a];
        values += size;
    }
    const int64_t row = candidate_size_written(c, POOL_MAX_RANK - 1);
    const double longer = c->form.padded ? (double)candidate_padded(c, row) / (double)row : 1;
    return values * longer * (double)bytes_of_value(c);
}

/* Bytes of one channel that a tile reads, and its neighbours read again. */
static double read_by_tile(const struct candidate *c) {
    double bytes = ir_elements[c->plan->real].bytes;
    for (int a = 0; a < POOL_MAX_RANK; a++) {
        const struct pc_axis *axis = &c->layer->axis[a];
        const int64_t all = candidate_size_written(c, a), tile = a == 1 ? (c->tile_rows < all ? c->tile_rows : all) : 1;
        bytes *= a == 2 && candidate_stride_of(axis) >= axis->kernel ? 1 : candidate_reads_for(c, a, (double)tile);
    }
    return bytes;
}

/* Whether a pass reads local arrays so often that they had better stay in the first level cache: maxima whose taps are
 * wanted are not made from those of shorter windows. */
static bool reads_again(const struct candidate *c) {
    bool again = false;
    for (int a = 0; a < POOL_MAX_RANK; a++)
        again |= c->tracked && !c->backward && c->layer->axis[a].kernel > READS_MOST && !candidate_has_lines(c, a);
    return again;
}

/* Whether local arrays of so many bytes a channel are little beside what is read, so that only its order matters. */
static bool is_small(const struct candidate *c, double bytes) {
    double read = ir_elements[c->plan->real].bytes;
    for (int a = 0; a < POOL_MAX_RANK; a++)
        read *= (double)candidate_size_read(c, a);
    return 4 * bytes <= read;
}

/* note [vectors abreast]
 * Where few pixels meet, a loop over their channels does little but wait for the second level cache: each load walks through
 * a pixel, and what it fetches ahead is not what comes next.  With half of the pixel in one turn of the loop, 2 x 2 windows
 * of 14 x 14 pixels of 2 KiB take 2.6 us instead of 4.1 (Zen 5; the limit is 2.1), in every direction; with a sixth of it
 * there is no gain, nor where windows have more than 9 taps.  Windows that slide by one meet too many pixels. */
static const int64_t ABREAST_TAPS = 104, TURNS_MOST = 3;

/* Whether the candidate may have vectors abreast at all. */
static bool may_be_abreast(const struct candidate *c) {
    bool strides = candidate_lanes_are_channels(c) && c->tile_rows == 1 && !c->apart && !c->weighs;
    for (int a = 0; a < POOL_MAX_RANK; a++)
        strides &= !pc_axis_is_reduced(&c->layer->axis[a]) || candidate_stride_of(&c->layer->axis[a]) > 1;
    return strides;
}

/* ---- blocks and bands ----
 *
 * Each chooses c->rows and returns how many vectors of channels are a block, at most `vectors`; channels-first there is one
 * of one lane. */

static int64_t lanes_of_block(const struct candidate *c) {
    return candidate_lanes_are_channels(c) ? c->result->lanes : 1;
}

/* Nothing is worked out twice, so that bands are as low as a tile. */
static int64_t choose_low_bands(struct candidate *c, int64_t vectors, int64_t wide, double good) {
    int64_t *rows = &c->rows[c->outer];
    *rows = c->tile_rows < *rows ? c->tile_rows : *rows;
    const double low = local_estimate(c) * (double)lanes_of_block(c);
    while (vectors > c->vectors_most || (vectors > wide && low * (double)vectors > good))
        vectors = (vectors + 1) / 2;
    *rows = low * (double)vectors <= (double)PC_LOCAL_MOST ? *rows : 1;
    return vectors;
}

/* note [order of memory]
 * Channels-first, rows of what comes from memory had better be read one after the other: two of them in turn take 1.4 times
 * as long, four and more 1.5 (Granite Rapids; 1.65 and 2.1 on Zen 4, where fewer planes are memory's, for its third level is
 * near), since a processor fetches ahead what follows, page by page. So bands are so low that what they read is about a
 * page, row by row, before anything is written: 3 x 3 windows of stride 2, 188 x 150 x 150, take 1.1 ms in bands of 4 rows,
 * 1.6 in bands of 16, and 2.6 as whole windows in tiles of 4 rows; the limit is 1.0 (Zen 4). */
/* Of what is read; of a gradient as many rows are written, which is the larger side. */
static int64_t rows_of_page(const struct candidate *c) {
    const int64_t row = candidate_size_read(c, POOL_MAX_RANK - 1) * ir_elements[c->plan->real].bytes;
    const int64_t period = candidate_period_of(c, c->outer), stride = c->backward ? 1 : candidate_stride_of(&c->layer->axis[1]);
    const int64_t rows = CANDIDATE_PAGE / (row * stride) / period * period;
    return rows > period ? rows : period;
}

/* Rows that two bands need are worked out twice, so that low bands cost more than a slower cache. */
static int64_t choose_bands(struct candidate *c, int64_t vectors, int64_t wide, double good) {
    const struct pc_axis *outer = &c->layer->axis[c->outer];
    const int64_t period = candidate_period_of(c, c->outer), scale = lanes_of_block(c);
    const int64_t overlap = (outer->kernel - 1) * outer->dilation / (c->backward ? candidate_stride_of(outer) : 1),
                  low = 8 * overlap;
    int64_t *rows = &c->rows[c->outer];
    while (vectors > c->vectors_most || (vectors > wide && local_estimate(c) * (double)(vectors * scale) > good))
        vectors = (vectors + 1) / 2;
    while (candidate_can_band(c) && *rows > period) {
        const double local = local_estimate(c) * (double)scale;
        if (local * (double)vectors <= (*rows >= low ? good : (double)PC_LOCAL_MOST))
            break;
        if (*rows < low && vectors > 1)
            vectors = (vectors + 1) / 2;
        else
            *rows = (*rows / 2 + period - 1) / period * period;
    }
    if (pc_lane_comes_from_memory(c->plan) && c->outer == 1 && candidate_can_band(c) && rows_of_page(c) < *rows)
        *rows = rows_of_page(c);
    return vectors;
}

/* note [boxes]
 * Windows of three axes begin with whole slices, and bands along D alone work out two slices too many each.  Boxes are low
 * along H, which the first pass reduces, so that nothing is worked out twice there, and deep: all of D if it fits.  What has
 * to fit is not the stack but the second level cache, with the rows of x that the next boxes read again: local arrays of
 * 140 KiB took twice as long as of 70 (14 x 14 x 480, Zen 5). */
static const double BOX_LOCAL_MOST = 96 * 1024, BOX_READ_MOST = 0.75 * CANDIDATE_SECOND_LEVEL;
/* Blocks that leave a rest, which is code of its own. */
static const double BLOCK_WITH_REST = 1.05;

double candidate_box_penalty(const struct candidate *c, int64_t block) {
    return block < c->layer->desc.channels && c->layer->desc.channels % block ? BLOCK_WITH_REST : 1;
}

/* Whether the rows that the next box reads again are still in the second level cache: pixels that lie a power of two apart
 * have their pieces in the same few sets of it. */
static bool stays_near(const struct candidate *c, int64_t block) {
    const int64_t piece = block * lanes_of_block(c) * ir_elements[c->plan->real].bytes;
    const int64_t apart = candidate_places_apart(c);
    double bytes = (double)(piece > apart ? piece : apart);
    for (int a = 0; a < POOL_MAX_RANK; a++)
        bytes *= positions_read(c, a);
    return bytes <= BOX_READ_MOST;
}

/* Rows along D, halved until a block of so many vectors fits. */
static int64_t rows_of_box(struct candidate *c, int64_t depth, int64_t block) {
    int64_t *rows = &c->rows[c->outer];
    for (*rows = depth; *rows > 1; *rows = (*rows + 1) / 2)
        if (local_estimate(c) * (double)(block * lanes_of_block(c)) <= BOX_LOCAL_MOST && stays_near(c, block))
            break;
    return *rows;
}

static int64_t choose_boxes(struct candidate *c, int64_t vectors) {
    const struct pc_axis *outer = &c->layer->axis[c->outer];
    const double overlap = (double)((outer->kernel - 1) * outer->dilation) / (double)candidate_stride_of(outer);
    const int64_t depth = c->rows[c->outer];
    c->rows[1] = c->tile_rows < c->rows[1] ? c->tile_rows : c->rows[1];
    c->rows[c->outer] = 1;
    const double most = BOX_LOCAL_MOST / (local_estimate(c) * (double)lanes_of_block(c));
    int64_t best = 1, block = (double)vectors <= most ? vectors : most >= 1 ? (int64_t)most : 1;
    double least = 0;
    for (; block >= 1; block--) {
        const int64_t rows = rows_of_box(c, depth, block);
        const double twice = rows < depth ? overlap / (double)rows : 0;
        const double work = (1 + twice) * candidate_box_penalty(c, block * lanes_of_block(c));
        if (block <= c->vectors_most && (least == 0 || work < least)) {
            least = work;
            best = block;
        }
    }
    rows_of_box(c, depth, best);
    return best;
}

/* Planes that are too long for one straight line come in bands of rows; two of them need some rows twice. */
static void choose_unrolled_bands(struct candidate *c) {
    int64_t *rows = &c->rows[c->outer], row = 1;
    for (int a = c->outer + 1; a < POOL_MAX_RANK; a++)
        row *= candidate_size_written(c, a);
    if (*rows * row <= UNROLLED_WHOLE * c->result->lanes || !candidate_can_band(c))
        return;
    const int64_t period = candidate_period_of(c, c->outer), fit = UNROLLED_BAND * c->result->lanes / row / period * period;
    *rows = fit > period ? fit : period;
}

void candidate_choose_sizes(struct candidate *c) {
    struct pc_lane_plan *p = c->result;
    const int64_t channels = c->layer->desc.channels;
    const bool has_local = (c->apart || c->weighs) && !c->form.unrolled;
    int64_t vectors = candidate_lanes_are_channels(c) ? (channels + p->lanes - 1) / p->lanes : 1;
    for (int a = 0; a < POOL_MAX_RANK; a++)
        c->rows[a] = candidate_size_written(c, a);
    const double bytes = !candidate_lanes_are_channels(c) ? 0 : has_local ? local_estimate(c) : read_by_tile(c);
    const int64_t wide = candidate_lanes_are_channels(c) && !reads_again(c) ? CANDIDATE_PIECE_GOOD : 1;
    const double good = (double)(has_local && is_small(c, bytes) ? PC_LOCAL_MOST : LOCAL_GOOD);
    if (c->form.unrolled)
        choose_unrolled_bands(c);
    else if (c->form.boxes)
        vectors = choose_boxes(c, vectors);
    else if (has_local && candidate_lanes_are_channels(c) && !c->backward && candidate_is_outermost_first(c))
        vectors = choose_low_bands(c, vectors, wide, good);
    else if (has_local)
        vectors = choose_bands(c, vectors, wide, good);
    else
        while (vectors > c->vectors_most ||
               (vectors > wide && !candidate_comes_from_afar(c) && bytes * (double)(vectors * lanes_of_block(c)) > good))
            vectors = (vectors + 1) / 2;
    p->block = c->form.flat                             ? channels
               : !candidate_lanes_are_channels(c)       ? c->form.planes
               : vectors * lanes_of_block(c) < channels ? vectors * lanes_of_block(c)
                                                        : channels;
}

void candidate_choose_abreast(struct candidate *c) {
    const int64_t vectors = c->result->block / c->result->lanes, taps = pc_layer_taps(c->layer);
    int64_t abreast = ABREAST_TAPS / taps;
    abreast = abreast < vectors / 2 ? abreast : vectors / 2;
    while (abreast > 1 && vectors % abreast)
        abreast--;
    const bool few = taps <= (c->backward || c->tracked ? 8 : 9) && abreast > 1 && vectors / abreast <= TURNS_MOST;
    const bool whole = c->result->block == c->layer->desc.channels;
    c->result->abreast = may_be_abreast(c) && whole && few ? abreast : 1;
}

/* Each array is as large as the largest band needs it; channels-first a vector may reach beyond either end. */
void candidate_count_locals(struct candidate *c) {
    struct pc_lane_plan *p = c->result;
    const int64_t beyond = candidate_lanes_are_channels(c) ? 0 : 2 * p->lanes;
    for (size_t b = 0; b < p->band_count && !c->form.unrolled; b++) {
        const struct pc_lane_band *band = &p->bands[b];
        for (int i = 0; i + 1 < band->pass_count; i++) {
            const int64_t count = band->pass[i].to_count * (candidate_lanes_are_channels(c) ? p->block : 1) + beyond;
            int64_t *most = &p->local_count[i % 2];
            *most = count > *most ? count : *most;
        }
    }
    p->local_bytes = (p->local_count[0] + p->local_count[1]) * bytes_of_value(c);
}
