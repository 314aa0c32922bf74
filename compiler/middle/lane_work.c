/* lane_work.c - how much work a candidate is, in operations of vectors: see lane_candidate.h.
 *
 * What is counted is counted from the groups themselves.  The weights were found by measuring every plan of some sixty
 * layers in both layouts on Zen 5, of 28 again on Zen 4, there also for narrower vectors, and of 380 on Granite Rapids: the
 * plan with the least work takes 1 to 2 % longer on the mean than the best of them. */
#include "middle/lane_candidate.h"

/* Constant choices of lanes that registers keep, beside what is worked with; and that use up the first level cache. */
static const int64_t CHOICES_GOOD = 20, CHOICES_MANY = 150;
/* Pixels that a loop over channels reads side by side: more streams than the processor fetches ahead cost twice and more,
 * and very many it does not try to. */
static const int64_t STREAMS_GOOD = 16, STREAMS_POOR = 20, STREAMS_MANY = 64, PIXELS_MANY = 40;
/* Pixels of a tile whose lines want one set of the first level, for each line that it has room for: found by measuring. */
static const double PIXELS_OF_WAY = 1.8;

/* A division of a vector takes as long as so many additions; by products (note [reciprocals]), as it is by nearly all divisors
 * that windows have, it is five and their constants. */
static const double DIVISION = 8, PRODUCTS = 6;

static double division(const struct candidate *c) {
    return c->plan->options.fused ? PRODUCTS : DIVISION;
}

/* Operations of a pass for each tap it combines, each vector it loads or chooses, and each group it finishes. */
struct weights {
    double tap, load, shuffle, group;
};

/* Whether vectors are shorter than a cache line: loads seldom lie across two, and instructions that choose from two vectors
 * are AVX-512's. */
static bool is_narrow(const struct candidate *c) {
    return c->result->lanes * ir_elements[c->plan->real].bytes < PC_CACHE_LINE;
}

/* From a tap number to an index: two operations for each row of the window but the first, and three. */
static double index_work(const struct candidate *c) {
    const struct pc_axis *axis = c->layer->axis;
    return c->layer->desc.indices > POOL_INDICES_WINDOW ? 2 * (double)(axis[0].kernel * axis[1].kernel) + 1 : 0;
}

/* Whether more windows cover an input than those of 3 x 3 do. */
static bool covered_by_many(const struct candidate *c) {
    double windows = 1;
    for (int a = 0; a < POOL_MAX_RANK; a++)
        windows *= (double)c->layer->axis[a].kernel / (double)candidate_stride_of(&c->layer->axis[a]);
    return windows > 9;
}

/* Whether sums are long and alone, so that each addition waits for the one before it (lanes_select). */
static bool waits(const struct candidate *c) {
    return c->tile_rows == 1 && covered_by_many(c);
}

static struct weights weights_of(const struct candidate *c, const struct pc_lane_pass *pass) {
    const bool propagates = c->layer->desc.nan == POOL_NAN_PROPAGATE;
    const double divides = pc_layer_divides_by_window(c->layer) ? division(c) : 0;
    const bool shortest = !candidate_lanes_are_channels(c) && c->result->lanes * ir_elements[c->plan->real].bytes == 16;
    switch (pass->kind) {
    case PC_LANE_REDUCE:
        if (!c->picks) /* channels-last, what lies between passes is stored as well */
            return (struct weights){1, 1, 1, (pass->last ? 1 + divides : 1) + (c->apart && candidate_lanes_are_channels(c))};
        if (c->tracked)
            return (struct weights){propagates ? 4 : 3, pass->first ? 1 : 2, pass->first ? 1 : 2,
                                    3 + (pass->last ? index_work(c) : 0)};
        if (pass->lines) /* each result is looked at for NaN */
            return (struct weights){propagates ? 3 : 1, 1, 1, 1};
        return propagates ? (struct weights){1.5, 1, 1, 2} : (struct weights){1, 1, 1, 1};
    case PC_LANE_WEIGH: return (struct weights){1, 1, 1, 1 + divides};
    case PC_LANE_SUM: return (struct weights){1, 1, 1, 1 + (pass->last && c->result->divides_last ? division(c) : 0)};
    case PC_LANE_SELECT: /* vectors of 16 bytes: a tap number becomes as wide as a value in two steps */
        return (struct weights){shortest ? 4.8 : waits(c) ? 4.5 : 3, 2, 4, 1};
    }
    return (struct weights){0, 0, 0, 0};
}

/* How much longer the parts of a line take that windows share where they are few: channels-last 5 x 5 maxima, 20 x 20 x 256,
 * take 28 us in lines and 21 as whole windows, 9 x 9 ones 29 and 42 (Granite Rapids). */
static double work_of_short_line(const struct candidate *c, int a) {
    const bool is_short = candidate_lanes_are_channels(c) && c->picks && !c->tracked && !is_narrow(c) &&
                          c->layer->axis[a].kernel <= 5;
    return is_short ? 1.4 : 1;
}

/* Taps that are combined: whole windows share the results of their rows, so beyond the taps that are new only rows are
 * combined, window by window. */
static double combined(const struct candidate *c, const struct pc_lane_pass *pass, const struct pc_lane_cost *cost) {
    if (pass->lines)
        return cost->groups * candidate_line_work(c, pass->line_axis, pass->line_length) *
               work_of_short_line(c, pass->line_axis);
    const double kernel = (double)(c->layer->axis[2].kernel);
    const double rows = cost->new_taps + cost->taps / kernel;
    return pass->kind == PC_LANE_REDUCE && rows < cost->taps ? rows : cost->taps;
}

/* Channels-last, pixels that a tile reads and writes. */
static double pixels_of_tile(const struct candidate *c, const struct pc_lane_cost *cost) {
    const int64_t period = candidate_period_of(c, 1);
    const int64_t groups = (c->tile_rows + period - 1) / period * period * candidate_period_of(c, 2);
    return (cost->new_taps / cost->groups + 1) * (double)groups;
}

/* What comes from memory is best walked through straight on, which bands do not, and boxes of slices even less.  Whole
 * windows of 3 x 3 x 3 in a 28 x 28 x 192 map, 27 taps each, take 6.1 ms for training, boxes of a third of the
 * operations 8.0; of 5 x 5 in a 112 x 112 x 256 map 1.8 ms, lines 2.9, and 2.3 and 6.6 for training.  Gradients of the
 * former row by row take 7.1 ms, as in tiles, which load half as much and have four times the code.  Forward tiles gain:
 * 480 x 16 x 14 x 14 0.9 ms, rows 1.5 (all on Zen 4). */
static const double SLICES_FROM_AFAR = 3.3, BANDS_FROM_AFAR = 2.2, TILE_FROM_MEMORY = 1.4, ROWS_FROM_AFAR = 1.25;

/* Bytes that fill the sets of the first level: of lines so far apart as many as a set has room for. */
static int64_t first_level_sets(const struct candidate *c) {
    return c->plan->options.caches.first_ways * CANDIDATE_PAGE;
}

/* Whether the rows that a tile reads side by side, and those that it writes, lie so that a set of the first
 * level cache should hold more of their lines than it has room for: 5 x 5 averages of stride 3, 14 x 14 x 512, take 9.7 us
 * in tiles of all rows, 7.4 row by row; with 528 channels 5.6 and 7.5.  Gradients of 3 x 3 by 2, 112 x 112 x 64, take 84 us
 * in tiles of 8 rows, 54 of 4 (Zen 4). */
static bool rows_share_sets(const struct candidate *c) {
    const int last = POOL_MAX_RANK - 1;
    const int64_t all = candidate_size_written(c, 1), tile = c->tile_rows < all ? c->tile_rows : all;
    const int64_t read = (int64_t)candidate_reads_for(c, 1, (double)tile);
    const int64_t bytes = read * candidate_rows_apart(c, candidate_size_read(c, last)) +
                          (c->apart ? 0 : tile * candidate_rows_apart(c, candidate_size_written(c, last)));
    return tile > 1 && bytes > first_level_sets(c);
}

/* A plane as one straight line: the longer the windows are, the more results are alive at a time, those with tap numbers
 * twice, but where the next window begins two elements on and half of them are done, or all where windows lie apart; that
 * constants are many matters less, for each is used where the plane is. */
static double walk_unrolled(const struct candidate *c, const struct pc_lane_pass *pass) {
    const bool strides = c->layer->axis[2].stride > 1;
    const bool apart = !candidate_windows_overlap(&c->layer->axis[1]) && !candidate_windows_overlap(&c->layer->axis[2]);
    if (pass->kind == PC_LANE_SELECT)
        return c->layer->axis[1].stride > 1 ? 1.3 : covered_by_many(c) ? 1 : 0.8;
    if (c->picks && c->halves) /* choices are all there is: of two vectors one instruction, two and a blend, or one for half */
        return !is_narrow(c) ? 0.7 : c->result->lanes * ir_elements[c->plan->real].bytes == 32 ? 1.45 : 1.1;
    if (apart && !c->backward && !c->halves && !(c->picks && is_narrow(c)))
        return c->picks ? 0.75 : 0.9;
    if (!c->picks || c->halves)
        return !c->backward && strides ? is_narrow(c) ? 1.3 : 1.15 : is_narrow(c) ? 1.1 : 0.95;
    if (covered_by_many(c))
        return 1.3;
    if (c->tracked)
        return strides ? 1 : 1.2;
    return strides ? 1.15 : 1;
}

/* Whether windows are a row apart. */
static bool slides(const struct candidate *c) {
    return c->layer->axis[1].stride == 1;
}

/* Tiles of more rows than registers hold; windows that slide share many loads, which matters where there is much to do for
 * each vector.  3 x 3 maxima by 2 of 27 x 27 x 256 take 13.4 us in tiles of 4 rows, 12.1 of 8, and 22 and 19 for training;
 * those of 35 x 35 x 288 39.9 and 44.2 (Granite Rapids). */
static double walk_of_tall_tiles(const struct candidate *c, const struct pc_lane_pass *pass) {
    const bool selects = pass->kind == PC_LANE_SELECT;
    if (!c->tracked && (covered_by_many(c) || (slides(c) && !selects) || (!c->picks && !c->backward)))
        return 1.15;
    return slides(c) ? 1.05 : c->tracked ? 1.02 : !c->backward ? 1.03 : 1.08;
}

/* How much longer a pass takes than its operations say, because of how it walks through memory; all found by measuring.
 * Elements in the order of memory: stores in many places; more rows than registers hold; rows with a rest by a mask; loads
 * that are neither in place nor of rows. */
static double walk_of_planes(const struct candidate *c, const struct pc_lane_pass *pass) {
    if (c->form.unrolled)
        return walk_unrolled(c, pass);
    if (c->form.phases > 1)
        return c->tile_rows > 4 ? 1.2 : 1.25; /* little but stores */
    if (is_narrow(c) && !c->apart && !c->backward && c->picks)
        return 1.3; /* there are 16 registers, not 32, for tiles of 4 rows as of 8 */
    const bool long_rows = candidate_size_written(c, POOL_MAX_RANK - 1) > c->result->lanes;
    const bool rests = c->form.padded && long_rows && !c->backward && !c->tracked;
    if (rests)
        return 1.15;
    if (c->tile_rows > 4)
        return walk_of_tall_tiles(c, pass);
    return c->form.one_more && c->tile_rows == 0 ? 1.1 : 1;
}

/* Gradients write more than they read, pieces into lines that nobody fetches ahead: 3 x 3 averages by 2, 28 x 28 x 256, take
 * 33 us in pieces of half a pixel one axis at a time, 16 as whole windows (Granite Rapids). */
static const double GRADIENT_IN_PIECES = 1.4;

/* Blocks of few channels are pieces of pixels: of one or two cache lines anywhere, of more where they do not come from the
 * second level cache. */
static double walk_of_pieces(const struct candidate *c, bool selects) {
    const int64_t vectors = c->result->block / c->result->lanes;
    if (c->result->block == c->layer->desc.channels)
        return 1;
    if (vectors < CANDIDATE_PIECE_GOOD)
        return c->lines ? 1.4 : c->picks ? 1.5 : 2;
    const double near = (double)(selects ? CANDIDATE_THIRD_LEVEL : CANDIDATE_SECOND_LEVEL);
    if (vectors < CANDIDATE_PIECE_LONG && candidate_bytes_of_larger_side(c) > near)
        return 2;
    return c->backward && c->apart ? GRADIENT_IN_PIECES : 1;
}

/* Whether slices are read again for each window that a pixel is in, which slides along H. */
static bool reads_often(const struct candidate *c) {
    const struct pc_axis *axis = c->layer->axis;
    return !c->backward && !c->apart && axis[0].kernel == 1 && axis[1].kernel > 1 && candidate_stride_of(&axis[1]) == 1;
}

/* Whether a slice is one window, so that slices are walked through straight on: averages of 2 x 7 x 7, 8 x 7 x 7 x 1024, take
 * 17.8 us so, 27.0 window by window (Granite Rapids). */
static bool slices_are_windows(const struct candidate *c) {
    return pc_axis_is_whole(&c->layer->axis[1]) && pc_axis_is_whole(&c->layer->axis[2]);
}

/* The same for pixels, whose lanes are channels. */
static double walk_of_pixels(const struct candidate *c, const struct pc_lane_pass *pass, const struct pc_lane_cost *cost) {
    const bool selects = pass->kind == PC_LANE_SELECT, many = covered_by_many(c), afar = candidate_comes_from_afar(c);
    const double side = candidate_bytes_of_larger_side(c);
    const bool straight = !c->apart || (c->slices && slices_are_windows(c));
    const double apart = straight || !afar ? 1 : c->slices ? SLICES_FROM_AFAR : BANDS_FROM_AFAR;
    if (c->form.boxes)
        return apart * candidate_box_penalty(c, c->result->block);
    double times = walk_of_pieces(c, selects);
    if (c->apart && c->tile_rows > 1 && !candidate_is_outermost_first(c))
        times *= 1.25;
    if (c->apart)
        return times * apart * (pass->first && rows_share_sets(c) ? 1.5 : 1);
    if (selects && side > (double)CANDIDATE_THIRD_LEVEL && c->tile_rows > 1 && many)
        times *= TILE_FROM_MEMORY;
    if (!c->backward && c->tile_rows == 1 && many && afar)
        times *= ROWS_FROM_AFAR;
    const bool spreads = pass->kind == PC_LANE_SUM && c->layer->axis[1].stride >= c->layer->axis[1].kernel;
    const double pixels = pixels_of_tile(c, cost);
    const double sets = pixels * (double)candidate_places_apart(c) / (double)first_level_sets(c);
    if (rows_share_sets(c) && (spreads || (selects && sets <= PIXELS_OF_WAY))) /* beyond it pixels do, anyhow */
        times *= 1.4;
    if (sets > 1 && reads_often(c) && side > (double)CANDIDATE_SECOND_LEVEL)
        return times * 3; /* 3 x 3 windows in a map of 14 x 14 x 2048 take 145 us, one axis at a time 93 */
    if (sets > PIXELS_OF_WAY)
        return times * (selects ? 1.4 : 2.5);
    if (!c->backward && c->tile_rows > 4 && rows_share_sets(c))
        times *= 1.2;
    return pixels > (double)PIXELS_MANY ? times * 1.2 : times;
}

/* A store of a part of a vector, by a mask or in pieces, takes as long as so many more operations; as so many where windows
 * do not overlap, so that there is little else to do. */
static const double STORE_OF_PART = 1.2, PART_ALONE = 5;

/* A pass begins with what the pass before it has hardly stored; of whole planes the next plane's is done meanwhile. */
static const double AFTER_PASS = 10;

/* A load of a pass beside an operation.  Channels-first, planes rarely begin at multiples of the lanes, so that most vectors
 * lie in two cache lines; and what was just stored piece by piece cannot be loaded across its pieces before it has left the
 * processor's store queue; choosing tap numbers beside values leaves time for that. */
static double crossing(const struct candidate *c, const struct pc_lane_pass *pass) {
    if (candidate_lanes_are_channels(c))
        return 1;
    if (!pass->first && c->form.unrolled)
        return 0; /* registers */
    if (is_narrow(c))
        return pass->first ? 1.5 : c->picks ? 1.2 : 2.2;
    if (!pass->first && !c->backward && candidate_is_outermost_first(c))
        return c->tile_rows > 0 ? 1.5 : 5; /* rows of sums are few; elements in the order of memory are pieces of them */
    if (!pass->first)
        return c->form.padded ? 1.2 : c->form.aligned && c->tile_rows == 0 ? 1 : c->tracked ? 1.4 : 3.7;
    if (c->form.unrolled && !c->form.padded && c->form.planes * pc_layer_inputs(c->layer) % c->result->lanes == 0)
        return 1; /* all begin where cache lines do */
    return !c->form.aligned && c->tile_rows == 0 ? 2.5 : 2;
}

/* To put a vector together of the phases' sums. */
static const double INTERLEAVE = 1.2;

static bool stands_alone(const struct candidate *c) {
    bool alone = c->backward && !c->apart && candidate_bytes_of_larger_side(c) <= (double)CANDIDATE_THIRD_LEVEL;
    for (int a = 0; a < POOL_MAX_RANK; a++)
        alone &= c->layer->axis[a].kernel <= candidate_stride_of(&c->layer->axis[a]);
    return alone;
}

/* What storing the vectors that end a row, which are not full, adds to each vector of a pass. */
static double storing_parts(const struct candidate *c, const struct pc_lane_pass *pass) {
    const int64_t row = candidate_size_written(c, POOL_MAX_RANK - 1), lanes = c->result->lanes;
    if (candidate_lanes_are_channels(c) || c->tile_rows == 0 || row % lanes == 0 || (c->form.padded && !pass->last))
        return 0;
    const double each = c->apart ? STORE_OF_PART : stands_alone(c) ? PART_ALONE : 0;
    return each / (double)((row + lanes - 1) / lanes);
}

/* How much longer a choice among lanes takes: it is a constant vector, of which few stay in registers; the others are
 * loaded, for which gradients of averages, which do little but store, and choices of tap numbers too have time. */
static double constants(const struct candidate *c, const struct pc_lane_pass *pass) {
    const bool few = candidate_lanes_are_channels(c) || (c->form.unrolled && (pass->kind == PC_LANE_SELECT || c->halves));
    const int64_t choices = few ? 0 : pc_lanes_choices(pass->groups, c->arena);
    if (choices > CHOICES_MANY)
        return 5;
    if (pass->kind == PC_LANE_SUM)
        return 1;
    return choices <= CHOICES_GOOD ? 1.2 : c->tracked ? 2 : 2.5;
}

/* Channels-last, pixels that a loop over channels reads side by side, but for what lies in the first level cache. */
static double streams(const struct candidate *c, const struct pc_lane_pass *pass, const struct pc_lane_cost *cost) {
    const double each = cost->taps / cost->groups;
    if (c->result->abreast > 1 || pass->lines || candidate_bytes_of_larger_side(c) <= CANDIDATE_FIRST_LEVEL)
        return 1;
    if (each > (double)STREAMS_POOR && each <= (double)STREAMS_MANY)
        return pass->kind == PC_LANE_SELECT ? 1.4 : 2; /* comparing takes as long as waiting */
    return each <= (double)STREAMS_GOOD                                                ? 1
           : each > (double)STREAMS_MANY && 2 * candidate_pitch_of(c) < CANDIDATE_PAGE ? 1.5
                                                                                       : 2;
}

/* Rows along an axis that a tile reads, or writes, which the one before it did not, and which it does not leave out. */
static int64_t new_rows(const struct candidate *c, int a) {
    const int64_t tile = a == 1 && c->tile_rows > 1 ? c->tile_rows : 1, period = candidate_period_of(c, a);
    if (!pc_axis_is_reduced(&c->layer->axis[a]))
        return tile;
    const int64_t stride = candidate_stride_of(&c->layer->axis[a]), kernel = c->layer->axis[a].kernel;
    if (!c->backward)
        return tile * (kernel < stride ? kernel : stride);
    return c->tile_rows > 0 && tile < period ? period : tile;
}

/* In which order a plane comes from memory, and goes there: note [order of memory] in lane_sizes.c.  Rows of a slice that is
 * no longer than a page may be read in any order. */
static double order_of_memory(const struct candidate *c) {
    static const double ROWS_1 = 1.1, ROWS_2 = 1.4, ROWS_MANY = 1.5, UNROLLED = 1.4; /* whole windows; a plane as one line */
    static const double TILES = 2.1, BANDS = 1.3, SLICES = 1.5, TRACKED = 1.7;       /* one axis at a time */
    static const double TILES_OF_SLICES = 1.4; /* of a few cache lines, which are near by when the next tile wants them */
    static const int64_t BYTES_NEAR = 512, SLICE_NEAR = 1024; /* several short rows are as good as one */
    const int64_t row = (c->backward ? candidate_size_written : candidate_size_read)(c, POOL_MAX_RANK - 1);
    const int64_t slice = candidate_size_read(c, 1) * candidate_size_read(c, 2) * ir_elements[c->plan->real].bytes;
    const bool is_page = !c->backward && candidate_slices_of(c->layer) > 1 && slice <= CANDIDATE_PAGE;
    int64_t rows = new_rows(c, 1);
    if (c->halves)
        return 1;
    if (c->form.unrolled) /* the bands of long planes */
        return pc_layer_inputs(c->layer) * ir_elements[c->plan->real].bytes <= CANDIDATE_PAGE ? 1 : UNROLLED;
    if (c->slices && c->tile_rows > 1 && slice <= (c->tracked && slides(c) ? CANDIDATE_PAGE : SLICE_NEAR))
        return TILES_OF_SLICES;
    if (c->apart)
        return c->tile_rows > 1 ? TILES : c->outer == 1 && candidate_can_band(c) ? BANDS : c->tracked ? TRACKED : SLICES;
    if (rows * row * ir_elements[c->plan->real].bytes <= BYTES_NEAR || is_page)
        rows = 1;
    rows *= new_rows(c, 0);
    return rows == 1 ? ROWS_1 : rows == 2 ? ROWS_2 : ROWS_MANY;
}

void candidate_count_work(struct candidate *c) {
    struct pc_lane_plan *p = c->result;
    const bool channels = candidate_lanes_are_channels(c);
    for (size_t b = 0; b < p->band_count; b++) {
        const struct pc_lane_band *band = &p->bands[b];
        const double bands = (double)pc_lane_band_count(band);
        for (int i = 0; i < band->pass_count; i++) {
            const struct pc_lane_pass *pass = &band->pass[i];
            const struct pc_lane_cost cost = pc_lanes_cost(pass->groups, c->arena);
            struct weights w = weights_of(c, pass);
            w.load *= crossing(c, pass);
            w.shuffle *= constants(c, pass) * (is_narrow(c) ? 2 : 1); /* two loads, two choices and a blend */
            w.load *= channels ? streams(c, pass, &cost) : 1;
            w.group += storing_parts(c, pass) + INTERLEAVE * (double)(pass->phases - 1);
            p->work += bands * (channels ? walk_of_pixels(c, pass, &cost) : walk_of_planes(c, pass)) *
                       (cost.loads * w.load + cost.shuffles * w.shuffle + cost.blends + combined(c, pass, &cost) * w.tap +
                        cost.groups * w.group + cost.divisions * division(c));
            p->work += pass->first || c->halves || c->form.unrolled ? 0 : bands * AFTER_PASS;
            p->code += (pass->lines ? cost.code * combined(c, pass, &cost) / cost.taps : cost.code) * (1 + w.tap);
        }
    }
    p->work /= (double)c->form.planes;
    candidate_wait_for_memory(c->plan, order_of_memory(c), &p->work);
}
