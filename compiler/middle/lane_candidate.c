/* lane_candidate.c - see lane_candidate.h. */
#include "middle/lane_candidate.h"

/* Inputs side by side in code because windows repeat only after as many; beyond it a straight line would be long, and its
 * stores far apart. */
static const int64_t PERIOD_MOST = 4;

static int64_t common_divisor(int64_t a, int64_t b) {
    return b ? common_divisor(b, a % b) : a;
}

int64_t candidate_places_apart(const struct candidate *c) {
    return common_divisor(candidate_pitch_of(c), CANDIDATE_PAGE);
}

int64_t candidate_rows_apart(const struct candidate *c, int64_t pixels) {
    return common_divisor(candidate_pitch_of(c) * pixels, CANDIDATE_PAGE);
}

bool candidate_lanes_are_channels(const struct candidate *c) {
    return c->layer->desc.layout == POOL_CHANNELS_LAST && !c->form.flat;
}

int64_t candidate_pitch_of(const struct candidate *c) {
    return c->layer->desc.channels * ir_elements[c->plan->real].bytes;
}

int64_t candidate_size_read(const struct candidate *c, int a) {
    return c->backward ? c->layer->axis[a].out : c->layer->axis[a].in;
}

int64_t candidate_size_written(const struct candidate *c, int a) {
    return c->backward ? c->layer->axis[a].in : c->layer->axis[a].out;
}

double candidate_reads_for(const struct candidate *c, int a, double written) {
    const struct pc_axis *axis = &c->layer->axis[a];
    const double stride = (double)candidate_stride_of(axis), extent = (double)pc_axis_extent(axis);
    return c->backward ? (written + extent - 2) / stride + 1 : (written - 1) * stride + extent;
}

int64_t candidate_padded(const struct candidate *c, int64_t length) {
    return (length + c->result->lanes - 1) / c->result->lanes * c->result->lanes;
}

int64_t candidate_slices_of(const struct pc_layer *layer) {
    return pc_axis_is_whole(&layer->axis[0]) ? 1 : layer->axis[0].in;
}

int64_t candidate_stride_of(const struct pc_axis *axis) {
    return !axis->adaptive ? axis->stride : axis->in > axis->out ? axis->in / axis->out : 1;
}

bool candidate_windows_overlap(const struct pc_axis *axis) {
    return axis->adaptive || axis->stride < pc_axis_extent(axis);
}

/* The time of a cache line from memory, in operations; of working and waiting, the share of the shorter that is not done
 * during the longer. */
static const double LINE_FROM_MEMORY = 12, APART = 0.4;

bool pc_lane_comes_from_memory(const struct pc_plan *plan) {
    const struct pc_layer *layer = plan->layer;
    const double bytes = (double)(layer->x_count + layer->y_count) * ir_elements[plan->real].bytes;
    return layer->desc.layout != POOL_CHANNELS_LAST && bytes > 1.5 * (double)plan->options.caches.near_bytes;
}

void candidate_wait_for_memory(const struct pc_plan *plan, double times, double *work) {
    const double values = (double)(pc_layer_inputs(plan->layer) + pc_layer_outputs(plan->layer));
    const double lines = values * ir_elements[plan->real].bytes / PC_CACHE_LINE;
    const double wait = lines * LINE_FROM_MEMORY * times;
    if (pc_lane_comes_from_memory(plan))
        *work = *work > wait ? *work + APART * wait : wait + APART * *work;
}

bool candidate_can_band(const struct candidate *c) {
    int64_t outside = 1;
    for (int a = 0; a < c->outer; a++)
        outside *= candidate_size_read(c, a) * candidate_size_written(c, a);
    return outside == 1;
}

/* Combinations of an element where windows share their parts, without its window's own (lower_line.h). */
static const int64_t PARTS = 2;
/* Windows of a line, which is straight code. */
static const int64_t LINE_MOST = 32;

bool candidate_has_lines(const struct candidate *c, int a) {
    const struct pc_axis *axis = &c->layer->axis[a];
    const bool across_lanes = !candidate_lanes_are_channels(c) && a == POOL_MAX_RANK - 1;
    return c->lines && a > 0 && !across_lanes && !axis->adaptive && axis->dilation == 1 && axis->out > 1 &&
           axis->kernel - 1 > PARTS * axis->stride + 1 && (!c->backward || axis->stride == 1);
}

double candidate_line_work(const struct candidate *c, int a, int64_t length) {
    const double stride = (double)candidate_stride_of(&c->layer->axis[a]);
    const double suffixes = (double)c->layer->axis[a].kernel / (double)length;
    return stride + (suffixes > stride ? suffixes : stride) + 1;
}

/* Results that are stored a multiple of a page apart share one set of the first level cache: more of them than it has ways
 * take twice as long (20 rows of 40 KiB, 38 us, and padded rows 24; Zen 4). */
int64_t candidate_line_length(const struct candidate *c, int64_t windows, int64_t apart) {
    const int64_t bytes = apart * ir_elements[c->plan->real].bytes;
    const int64_t near = c->plan->options.caches.first_ways * CANDIDATE_PAGE / common_divisor(bytes, CANDIDATE_PAGE);
    const int64_t most = near < LINE_MOST ? near : LINE_MOST;
    const int64_t lines = (windows + most - 1) / most;
    return (windows + lines - 1) / lines;
}

/* Which axis the passes begin with.  Of equal maxima, -0 and +0 among them, the first is kept if the innermost comes first.
 * Backward, rows are smaller before they are spread out.  Sums begin where most is left out: channels-first rows are added
 * without a choice among lanes, and fewer are left for those (5 x 5 of stride 3 in 14 x 14 planes 11 to 6.9 us, Zen 4).
 * Of one straight line across rows the innermost leaves whole vectors, whatever rows these are of (2 x 2 averages, 28 x 28
 * planes, 9.4 to 8.0 us, Granite Rapids).  Channels-last, what the outermost leaves of a band is just the band, so that bands
 * may be low, blocks wide, and nothing is worked out twice.  What comes from memory is read row by row, and so is added along
 * rows first.  Rows of which one output is left are many streams at once, which pays only where pixels are as far apart. */
bool candidate_is_outermost_first(const struct candidate *c) {
    const struct pc_axis *outer = &c->layer->axis[c->outer];
    bool most = true;
    for (int a = c->outer + 1; a < POOL_MAX_RANK; a++)
        most &= outer->in * c->layer->axis[a].out >= outer->out * c->layer->axis[a].in;
    if (c->backward)
        return true;
    if (c->picks || c->lines || !most || (c->form.unrolled && !c->form.padded))
        return false;
    if (!candidate_lanes_are_channels(c))
        return outer->in > outer->out && !pc_lane_comes_from_memory(c->plan);
    return !c->form.boxes && candidate_can_band(c) && (outer->out > 1 || 2 * candidate_pitch_of(c) >= CANDIDATE_PAGE);
}

int candidate_list_passes(const struct candidate *c, unsigned axes[POOL_MAX_RANK]) {
    const unsigned plane = 1u << (POOL_MAX_RANK - 1) | 1u << (POOL_MAX_RANK - 2);
    const bool outermost_first = candidate_is_outermost_first(c);
    unsigned left = 0;
    int count = 0;
    for (int a = 0; a < POOL_MAX_RANK; a++)
        left |= pc_axis_is_reduced(&c->layer->axis[a]) ? 1u << a : 0;
    if (!c->apart) { /* also where none is */
        axes[0] = left;
        return 1;
    }
    for (int i = 0; i < POOL_MAX_RANK; i++) {
        const int a = outermost_first ? i : POOL_MAX_RANK - 1 - i;
        const unsigned all = left & (c->slices && (plane >> a & 1) ? plane : 1u << a);
        if (!(all >> a & 1))
            continue;
        axes[count++] = all;
        left &= ~all;
    }
    return count;
}

double candidate_bytes_of_larger_side(const struct candidate *c) {
    const int64_t count = c->layer->x_count > c->layer->y_count ? c->layer->x_count : c->layer->y_count;
    return (double)(count / c->layer->desc.batch * ir_elements[c->plan->real].bytes);
}

bool candidate_comes_from_afar(const struct candidate *c) {
    return candidate_bytes_of_larger_side(c) > 0.5 * (double)c->plan->options.caches.near_bytes;
}

int64_t candidate_period_of(const struct candidate *c, int a) {
    const struct pc_axis *axis = &c->layer->axis[a];
    return c->backward && !axis->adaptive && axis->stride <= PERIOD_MOST ? axis->stride : 1;
}
