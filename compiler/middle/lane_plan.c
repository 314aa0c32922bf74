/* lane_plan.c - see lane_plan.h: the ways there are, and which of them is the least work. */
#include "middle/lane_plan.h"

#include "middle/lane_candidate.h"
#include "middle/lane_lookup.h"
#include "middle/lane_pixels.h"
#include "middle/lane_scatter.h"

#include <string.h>

/* Vectors of planes that are taken as one, at most.  Where they begin anywhere in a vector each vector has its own code,
 * which is worth it for so many taps of vectors, and where vectors become so many fewer. */
static const int64_t GROUPS_TOGETHER = 64, TAPS_TOGETHER = 300;
static const double MUCH_FEWER = 0.9;

enum steps_of_way {
    STEPS_WHOLE,
    STEPS_AXES,
    STEPS_SLICES,
    STEPS_UNROLLED,
    STEPS_LINES,
    STEPS_HALVES,
    STEPS_PIXELS,
    STEPS_SCATTER,
    STEPS_LOOKUP
};

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

/* ---- candidates ---- */

/* Nodes of pixels of one vector, between which there is no loop over channels, so that all kinds of them are one straight
 * line: LLVM takes the square of its stores (43 x 22 to 3 x 1, gradients: 6,000 nodes, more than a minute). */
static const double LINE_MOST = 6000;

/* Nodes of a plane as one straight line, of which compilers and processors make as much as of loops: 16 x 14 x 14 planes,
 * 3,900 nodes, take LLVM 230 ms. */
static const double UNROLLED_MOST = 2500;

/* Whether a kernel has no more code than can be read, and compiled. */
static bool is_short(const struct candidate *c) {
    if (c->form.unrolled && c->result->code > UNROLLED_MOST)
        return false;
    const bool one_line = c->backward && candidate_lanes_are_channels(c) && c->result->block < 2 * c->result->lanes;
    return c->result->code <= (double)c->plan->options.loop_budget && (!one_line || c->result->code <= LINE_MOST);
}

static bool build(struct candidate *c) {
    if (!(c->halves ? candidate_build_halves : candidate_build_bands)(c))
        return false;
    candidate_choose_abreast(c);
    candidate_count_work(c);
    candidate_count_locals(c);
    return is_short(c) && c->result->local_bytes <= PC_LOCAL_MOST;
}

/* Whether axes are reduced by passes of their own. */
static bool takes_apart(const struct way *way) {
    return way->steps == STEPS_AXES || way->steps == STEPS_SLICES || way->steps == STEPS_LINES;
}

/* Whether it is a gradient of maxima, which is added up in ascending order of the outputs. */
static bool selects(const struct pc_plan *plan) {
    return plan->kind == PC_KERNEL_BACKWARD && pc_layer_picks(plan->layer);
}

/* Whether dividing is cheaper where dy is read than where dx is written: there are fewer windows than inputs, and the
 * divisor is no power of two, which would be a product. */
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

bool pc_lane_leaves_first_level(const struct pc_plan *plan) {
    return (plan->layer->x_count + plan->layer->y_count) * ir_elements[plan->real].bytes > plan->options.fetch_bytes;
}

static struct candidate new_candidate(const struct pc_plan *plan, int lanes, const struct way *way,
                                      const struct lane_form *form, struct pc_arena *arena) {
    const struct pc_layer *layer = plan->layer;
    const struct pc_mode *mode = pc_mode_of(layer->desc.mode);
    struct candidate c = {.plan = plan,
                          .layer = layer,
                          .arena = arena,
                          .result = PC_NEW(arena, struct pc_lane_plan),
                          .form = *form,
                          .backward = plan->kind == PC_KERNEL_BACKWARD,
                          .picks = pc_layer_picks(layer),
                          .apart = takes_apart(way) || (way->steps == STEPS_UNROLLED && !selects(plan)),
                          .lines = way->steps == STEPS_LINES,
                          .slices = way->steps == STEPS_SLICES,
                          .halves = way->steps == STEPS_HALVES,
                          .tile_rows = way->rows};
    c.form.planes = form->planes ? form->planes : 1;
    c.form.phases = form->phases ? form->phases : 1;
    c.result->lanes = lanes;
    c.result->is_flat = form->flat;
    c.result->is_padded = form->padded;
    c.result->in_registers = form->unrolled;
    c.result->unit = layer->desc.layout != POOL_CHANNELS_LAST ? "plane"
                     : layer->desc.channels < lanes           ? "image"
                                                              : "vector of channels";
    c.result->why = way->line;
    c.tracked = pc_plan_tracks(plan);
    while (c.outer < POOL_MAX_RANK - 1 && !pc_axis_is_reduced(&layer->axis[c.outer]))
        c.outer++;
    c.result->fetches = c.backward && !form->unrolled && layer->x_count > layer->y_count && pc_lane_leaves_first_level(plan);
    if (c.backward && !c.picks) {
        c.result->divides_last =
            pc_layer_divides_by_window(layer) ? divides_alike(&c) && !divides_early(&c) : mode->finish == PC_FINISH_DIVIDE;
        /* Whole windows may be summed by divisor; what one axis leaves has none left. */
        c.weighs = mode->lift == PC_LIFT_ABS_POW ||
                   (pc_layer_divides_by_window(layer) && !c.result->divides_last && (c.apart || divides_early(&c)));
    }
    return c;
}

/* Vectors that so many elements fill, the last perhaps in part. */
static int64_t vectors_of(int64_t elements, int lanes) {
    return (elements + lanes - 1) / lanes;
}

/* Channels-first, how many planes are taken as one: as many as are a multiple of the lanes, so that no vector is partly
 * empty and none begins inside a cache line; or all of them, where these are few vectors, and much fewer so; of planes that
 * do not fill a vector as many as there may be, unless windows are long: 500 planes of 5 outputs take 0.16 us, one by one 1.1;
 * 1: of others, and where none of this divides them all. */
static int64_t planes_together(const struct pc_plan *plan, int lanes, const struct way *way) {
    const struct pc_layer *layer = plan->layer;
    const int64_t planes = layer->desc.batch * layer->desc.channels;
    const int64_t in = layer->axis[1].in * layer->axis[2].in, out = layer->axis[1].out * layer->axis[2].out;
    const int64_t written = plan->kind == PC_KERNEL_BACKWARD ? in : out, most = GROUPS_TOGETHER * lanes / written;
    if (layer->desc.layout == POOL_CHANNELS_LAST || layer->axis[0].in > 1 || layer->axis[0].out > 1 || way->rows > 0 ||
        way->steps == STEPS_HALVES)
        return 1;
    const int64_t few = TAPS_TOGETHER * lanes / written / pc_layer_taps(layer), all = most < few ? most : few;
    int64_t together = 1;
    while (together * written % lanes)
        together *= 2;
    if (planes % together == 0 && together <= (2 * written < lanes ? all : most))
        return together;
    int64_t part = planes < all ? planes : written < lanes ? all : 1;
    while (part > 1 && planes % part)
        part--;
    const double fewer = (double)vectors_of(part * written, lanes) / (double)(part * vectors_of(written, lanes));
    return part > 1 && fewer <= MUCH_FEWER ? part : 1;
}

/* Vectors of planes that become numbers in one straight line, and with tap numbers; and of a slice beyond which that is little
 * beside loading it where it is a sum, whose lanes are combined only in the end. */
static const int64_t VECTORS_UNROLLED = 256, VECTORS_TRACKED = 100, VECTORS_SUMMED = 16;

/* How many planes, whose windows are whole planes or slices, have their results in one vector; 0: a plane is too long. */
static int64_t planes_of_vector(const struct pc_plan *plan, int lanes) {
    const struct pc_layer *layer = plan->layer;
    const int64_t planes = layer->desc.batch * layer->desc.channels, inputs = pc_layer_inputs(layer);
    const int64_t slices = candidate_slices_of(layer);
    const int64_t most = pc_plan_tracks(plan) ? VECTORS_TRACKED : VECTORS_UNROLLED;
    int64_t together = lanes;
    if (inputs > most * lanes || (!pc_layer_picks(layer) && inputs > slices * VECTORS_SUMMED * lanes))
        return 0;
    while (together > 1 && (planes % together || together * slices > lanes || together * inputs > most * lanes))
        together /= 2;
    return together;
}

/* Channels-last, vectors of channels that are at least half full; or else of pixels and channels as one row. */
static bool fills_vectors(const struct pc_layer *layer, int lanes) {
    return 2 * layer->desc.channels >= lanes;
}

enum { FORMS_MAX = 8 };

/* Loads begin at multiples of the lanes, or where slots do, which may want one element more; rows of local arrays are as
 * long as they are, or as vectors; small planes come alone or several at a time; lanes of a gradient are neighbours or a
 * stride apart; few channels are lanes or not; bands are boxes.  Returns how many forms there are. */
static int list_forms(const struct pc_plan *plan, int lanes, const struct way *way, struct lane_form *forms) {
    const struct pc_layer *layer = plan->layer;
    const int64_t planes = planes_together(plan, lanes, way);
    const bool last = layer->desc.layout == POOL_CHANNELS_LAST;
    const struct pc_axis *across = &layer->axis[POOL_MAX_RANK - 1];
    const bool crosses = !last && lanes * ir_elements[plan->real].bytes == PC_CACHE_LINE; /* from line to line */
    int count = 0;
    if (way->steps == STEPS_UNROLLED) {
        forms[count++] = (struct lane_form){.aligned = true, .unrolled = true, .flat = last};
        if (!last && !selects(plan)) /* 5 x 5 averages by 3, 14 x 14 x 512: 6.5 us, rows as vectors 4.7 (Granite Rapids) */
            forms[count++] = (struct lane_form){.aligned = true, .unrolled = true, .padded = true};
        if (planes > 1)
            forms[count++] = (struct lane_form){.aligned = true, .unrolled = true, .planes = planes};
        return count;
    }
    if (way->steps == STEPS_HALVES && planes_of_vector(plan, lanes) > 0)
        forms[count++] = (struct lane_form){.aligned = true, .unrolled = true, .planes = planes_of_vector(plan, lanes)};
    if (last && way->rows > 0 && fills_vectors(layer, lanes))
        forms[count++] = (struct lane_form){.aligned = true};
    if (last && way->rows > 0 && way->steps == STEPS_SLICES && fills_vectors(layer, lanes) &&
        plan->kind != PC_KERNEL_BACKWARD)
        forms[count++] = (struct lane_form){.aligned = true, .boxes = true};
    if (planes > 1) {
        forms[count++] = (struct lane_form){.aligned = true, .planes = planes};
        forms[count++] = (struct lane_form){.aligned = false, .planes = planes};
    }
    if (!last || layer->desc.channels < lanes) {
        forms[count++] = (struct lane_form){.aligned = true, .flat = last};
        forms[count++] = (struct lane_form){.aligned = false, .one_more = crosses && way->rows > 0, .flat = last};
    }
    if (crosses && way->rows == 0)
        forms[count++] = (struct lane_form){.one_more = true};
    if (!last && way->rows > 0 && selects(plan) && across->stride > 1 && across->stride <= PC_LANE_PHASES_MAX &&
        candidate_windows_overlap(across))
        forms[count++] = (struct lane_form){.phases = across->stride};
    if (!last && way->rows > 0 && takes_apart(way))
        forms[count++] = (struct lane_form){.aligned = true, .padded = true};
    return count;
}

/* The form that is the least work; blocks have fewer channels where local arrays are too large. NULL: none fits. */
static const struct pc_lane_plan *build_way(const struct pc_plan *plan, int lanes, const struct way *way,
                                            struct pc_arena *arena) {
    struct lane_form forms[FORMS_MAX];
    if (way->steps == STEPS_SCATTER)
        return pc_lane_scatter_build(plan, lanes, way->line, arena);
    if (way->steps == STEPS_LOOKUP)
        return pc_lane_lookup_build(plan, lanes, way->line, arena);
    if (way->steps == STEPS_PIXELS)
        return pc_lane_pixels_build(plan, lanes, way->line, arena);
    const int count = list_forms(plan, lanes, way, forms);
    for (int64_t vectors = INT64_MAX;;) {
        const struct pc_lane_plan *best = NULL;
        int64_t too_large = 0; /* channels of the largest block whose local arrays are */
        for (int i = 0; i < count; i++) {
            const struct pc_arena_mark mark = pc_arena_mark(arena);
            struct candidate c = new_candidate(plan, lanes, way, &forms[i], arena);
            c.vectors_most = vectors;
            const bool better = build(&c) && (!best || c.result->work < best->work);
            if (candidate_lanes_are_channels(&c) && c.result->local_bytes > PC_LOCAL_MOST && c.result->block > too_large)
                too_large = c.result->block;
            if (better)
                best = c.result;
            else
                pc_arena_rewind(arena, mark);
        }
        if (best || too_large <= lanes)
            return best;
        vectors = (too_large + lanes - 1) / lanes / 2; /* the last of them may be part of a vector */
    }
}

/* Whether lines are more than one axis at a time. */
static bool has_lines(const struct pc_plan *plan, int lanes) {
    const struct candidate c = {.layer = plan->layer,
                                .backward = plan->kind == PC_KERNEL_BACKWARD,
                                .form.flat = !fills_vectors(plan->layer, lanes),
                                .lines = true};
    bool has = false;
    for (int a = 0; a < POOL_MAX_RANK; a++)
        has |= candidate_has_lines(&c, a);
    return has;
}

static int reduced_axes(const struct pc_layer *layer) {
    int axes = 0;
    for (int a = 0; a < POOL_MAX_RANK; a++)
        axes += pc_axis_is_reduced(&layer->axis[a]);
    return axes;
}

/* Entries of the tables of an axis (lane_map.h), of which every form and band of a way has its own: more take seconds and a
 * gigabyte. Real layers have a thousandth of it. */
static const double TABLE_MOST = 1 << 20;

static bool has_long_tables(const struct pc_plan *plan, const struct way *way, int lanes) {
    const struct pc_layer *layer = plan->layer;
    const bool flat = layer->desc.layout == POOL_CHANNELS_LAST && layer->desc.channels < lanes; /* one of its forms */
    const int64_t channels = flat ? layer->desc.channels : 1;
    if (way->steps == STEPS_HALVES && (double)pc_layer_inputs(layer) > TABLE_MOST)
        return true;
    const int axes = way->steps == STEPS_HALVES ? 1 : POOL_MAX_RANK; /* what is halved needs none */
    for (int a = 0; a < axes; a++) {
        const struct pc_axis *axis = &layer->axis[a];
        const int64_t covers = axis->adaptive ? axis->out / axis->in + 2 : (axis->kernel - 1) / axis->stride + 1;
        const double slots =
            plan->kind == PC_KERNEL_BACKWARD ? (double)axis->in * (double)covers : (double)axis->out * (double)axis->kernel;
        const double row = a == POOL_MAX_RANK - 1 ? (double)channels : 1;
        if (row * (slots + (double)axis->in + (double)axis->out) > TABLE_MOST)
            return true;
    }
    return false;
}

/* Windows that are whole planes, or, where nobody asks which tap it is, whole slices. */
static bool is_whole(const struct pc_plan *plan) {
    const bool tracked = pc_plan_tracks(plan);
    bool whole = plan->kind != PC_KERNEL_BACKWARD && plan->layer->desc.indices <= POOL_INDICES_WINDOW;
    for (int a = tracked ? 0 : 1; a < POOL_MAX_RANK; a++)
        whole &= pc_axis_is_whole(&plan->layer->axis[a]);
    return whole;
}

/* Whether no element is in two windows. */
static bool windows_lie_apart(const struct pc_layer *layer) {
    bool apart = true;
    for (int a = 0; a < POOL_MAX_RANK; a++)
        apart &= !candidate_windows_overlap(&layer->axis[a]);
    return apart;
}

/* Windows that lie apart leave their passes no elements to share.  Still, of a straight line each vector is loaded where a
 * cache line begins, once, which rows that are no whole vectors are not otherwise: maxima 2 x 2 of 14 x 14 x 512 take 6.0 us
 * row by row and 4.2 so, of 8 x 8 x 1024 10 and 2.8 (Granite Rapids).  What gradients store begins there anyhow, and short
 * ones are done before a loop has begun. */
static bool gains_by_one_line(const struct pc_plan *plan, int lanes) {
    const struct pc_layer *layer = plan->layer;
    if (!windows_lie_apart(layer))
        return true;
    return plan->kind == PC_KERNEL_BACKWARD ? !pc_lane_leaves_first_level(plan)
                                            : layer->axis[POOL_MAX_RANK - 1].out % lanes != 0;
}

/* Why a way does not fit; NULL: it does. */
static const char *why_not(const struct pc_plan *plan, const struct way *way, int lanes) {
    const struct pc_layer *layer = plan->layer;
    const bool last = layer->desc.layout == POOL_CHANNELS_LAST;
    int64_t elements = 1;
    if (way->steps == STEPS_SCATTER)
        return pc_lane_scatter_misfit(plan);
    if (way->steps == STEPS_LOOKUP)
        return pc_lane_lookup_misfit(plan, lanes);
    if (lanes < 2)
        return "the target has no vectors";
    if (ir_elements[plan->track].bytes > ir_elements[plan->real].bytes)
        return "indices are wider than values";
    for (int a = 0; a < POOL_MAX_RANK; a++)
        elements *= plan->kind == PC_KERNEL_BACKWARD || way->steps == STEPS_HALVES ? layer->axis[a].in : layer->axis[a].out;
    if (way->steps == STEPS_HALVES && (last || !is_whole(plan)))
        return "it is for windows that are whole planes, channels-first, or whole slices without tap numbers";
    if (last && layer->desc.channels < lanes)
        elements *= layer->desc.channels; /* of the row that they are with the pixels */
    elements *= planes_together(plan, lanes, way);
    if (2 * elements < lanes && !(last && fills_vectors(layer, lanes)))
        return last ? "an image has not half as many elements as a vector"
                    : "a plane has not half as many elements as a vector";
    if (takes_apart(way) && selects(plan))
        return "gradients of maxima are added in ascending order of the outputs, which one axis at a time would not";
    if (way->steps == STEPS_LINES && !has_lines(plan, lanes))
        return "windows are too short, or too far apart, to share more than their ends";
    if ((way->steps == STEPS_AXES || way->steps == STEPS_UNROLLED) && reduced_axes(layer) < 2)
        return "windows lie along one axis, there are no others to take apart";
    if (way->steps == STEPS_UNROLLED && !gains_by_one_line(plan, lanes))
        return "windows lie apart, so that passes have nothing to share, and rows are whole vectors or a gradient's";
    if (way->steps == STEPS_SLICES && reduced_axes(layer) < POOL_MAX_RANK)
        return "windows do not lie along three axes";
    /* One window to all rows of it. */
    const bool spreads = plan->kind == PC_KERNEL_BACKWARD && !selects(plan) && layer->axis[1].in > 1;
    if (way->steps == STEPS_WHOLE && way->rows > 1 && !spreads && !candidate_windows_overlap(&layer->axis[1]))
        return "windows of different rows lie apart, so that rows have nothing to share";
    if (way->steps == STEPS_PIXELS)
        return pc_lane_pixels_misfit(plan);
    if (last && way->rows == 0 && layer->desc.channels >= lanes)
        return "channels-last, vectors are of channels and not of elements in the order of memory";
    if (has_long_tables(plan, way, lanes))
        return "an axis has too many positions or taps to look at each of them";
    return NULL;
}

/* Candidates stay in the order of their work; the least of those with equal work is the first of plans.def. */
static void add_candidate(struct pc_plan *plan, enum pc_plan_choice choice, double work) {
    int at = plan->candidate_count++;
    for (; at > 0 && plan->candidates[at - 1].work > work; at--)
        plan->candidates[at] = plan->candidates[at - 1];
    plan->candidates[at] = (struct pc_plan_candidate){choice, work};
}

/* ---- transposed planes ---- */

/* To load, rotate, blend, rotate again and store a vector of a plane, or of what comes out of it, and how much longer all of
 * it takes where it leaves the first level cache: with tap numbers, whose choice leaves time for that; of planes that begin
 * anywhere in a cache line, of which each store waits for two; of others.  Found by measuring windows of 5 x 5 to 13 x 13 on
 * 13 x 13 to 20 x 20 planes (Zen 4; where lines stay in place, and for vectors of 32 bytes, Granite Rapids). */
struct transposing {
    double vector, far_tracked, far_crossing, far;
};

static struct transposing transposing_of(const struct pc_lane_plan *p, const struct pc_plan *plan) {
    const struct transposing plain = {10, 1.1, 1.25, 1.25}, of_32_bytes = {8, 1.1, 1.25, 1.25},
                             in_place = {8, 1.15, 1.6, 1.38};
    const int bytes = p->lanes * ir_elements[plan->real].bytes;
    return bytes == 16 ? plain : p->lines_in_place ? in_place : bytes == 32 ? of_32_bytes : plain;
}

static double farther(const struct pc_lane_plan *p, const struct pc_plan *plan) {
    const struct transposing times = transposing_of(p, plan);
    const int64_t bytes = ir_elements[plan->real].bytes, plane = pc_layer_outputs(plan->layer) * bytes;
    /* Else what lies between passes is as large. */
    const int64_t written = p->lines_in_place ? p->transposed->y_count * bytes : 0;
    if (p->local_bytes + written <= CANDIDATE_FIRST_LEVEL)
        return 1;
    const bool crosses = p->lanes * bytes == PC_CACHE_LINE && plane % PC_CACHE_LINE;
    return pc_plan_tracks(plan) ? times.far_tracked : crosses ? times.far_crossing : times.far;
}

/* Whether planes can be transposed for a kernel: enough of them, and nobody asks where in the image a tap is.  Whole images
 * pixel by pixel are another lowering; other ways that are not for channels say so themselves. */
static bool may_transpose(const struct pc_plan *plan, int lanes, const struct way *way) {
    const struct pool_desc *desc = &plan->layer->desc;
    const bool has_bands = way->steps != STEPS_PIXELS && way->steps != STEPS_LOOKUP;
    return desc->layout != POOL_CHANNELS_LAST && plan->kind != PC_KERNEL_BACKWARD && has_bands && lanes > 1 &&
           desc->indices <= POOL_INDICES_WINDOW && 2 * desc->batch * desc->channels >= lanes;
}

/* The layer whose channels are as many planes of this one as there are lanes. */
static const struct pc_layer *layer_of_planes(const struct pc_layer *layer, int lanes, struct pc_arena *arena) {
    struct pc_layer *planes = PC_NEW(arena, struct pc_layer);
    const int64_t count = layer->desc.batch * layer->desc.channels;
    *planes = *layer;
    planes->desc.layout = POOL_CHANNELS_LAST;
    planes->desc.batch = 1;
    planes->desc.channels = lanes;
    planes->x_count = layer->x_count / count * lanes;
    planes->y_count = layer->y_count / count * lanes;
    return planes;
}

/* Nodes of the code that transposes what has so many positions: of as many as lanes in a loop, and of what is left. */
static double code_of_tiles(int64_t positions, int64_t lanes) {
    int64_t steps = 4; /* to load, rotate, rotate again and store a vector */
    for (int64_t bit = 1; bit < lanes; bit *= 2)
        steps++;
    return (double)(steps * lanes * ((positions >= lanes) + (positions % lanes > 0)));
}

/* Whether each pass may write where it reads: a line takes the place of itself, and the result of a window that of an
 * element which that window, or one before it, has loaded, for every window has taps. */
static bool stays_in_lines(const struct pc_lane_band *band, const struct pc_layer *layer) {
    bool stays = true;
    for (int i = 0; i < band->pass_count; i++) {
        const struct pc_lane_pass *pass = &band->pass[i];
        const struct pc_axis *axis = &layer->axis[pass->line_axis];
        stays &= pass->lines && pass->line_length == axis->out && axis->out == axis->in;
    }
    return stays;
}

/* What transposing adds to a plan for the planes as channels; work becomes that of a plane of `layer`. */
static void add_transposing(struct pc_lane_plan *p, const struct pc_plan *plan) {
    const struct pc_lane_band *band = &p->bands[0];
    const int64_t lanes = p->lanes, in = p->transposed->x_count, out = p->transposed->y_count;
    const int64_t count = plan->layer->desc.batch * plan->layer->desc.channels, blocks = (count + lanes - 1) / lanes;
    const bool tracked = pc_plan_tracks(plan);
    const int64_t arrays = tracked ? 2 : 1; /* that come out */
    const int64_t tiles = (in / lanes + lanes - 1) / lanes + arrays * ((out / lanes + lanes - 1) / lanes);
    /* The first of several passes has read all that went in. */
    p->in_place = p->band_count == 1 && pc_lane_band_count(band) == 1 && band->pass_count > 1 && out <= in;
    p->fetches = pc_lane_leaves_first_level(plan);
    p->lines_in_place = p->in_place && stays_in_lines(band, p->transposed);
    if (p->lines_in_place)
        p->local_bytes = 0;
    p->local_bytes += (in + (arrays - p->in_place) * out) * ir_elements[plan->real].bytes;
    p->work += transposing_of(p, plan).vector * (double)(tiles * lanes);
    p->work *= farther(p, plan);
    p->work *= (double)blocks / (double)count;
    candidate_wait_for_memory(plan, 1, &p->work);
    p->code += code_of_tiles(in / lanes, lanes) + (double)arrays * code_of_tiles(out / lanes, lanes);
    p->code *= count > lanes && count % lanes ? 2 : 1; /* the planes that are left */
    p->unit = "plane";
}

/* A way of the layer whose channels the planes become, if it is less work than `best`. */
static const struct pc_lane_plan *build_transposed(const struct pc_plan *plan, int lanes, const struct way *way,
                                                   const struct pc_lane_plan *best, struct pc_arena *arena) {
    if (!may_transpose(plan, lanes, way))
        return best;
    const struct pc_arena_mark mark = pc_arena_mark(arena);
    struct pc_lane_plan *p = PC_NEW(arena, struct pc_lane_plan);
    struct pc_plan planes = *plan;
    planes.layer = layer_of_planes(plan->layer, lanes, arena);
    const struct pc_lane_plan *built = why_not(&planes, way, lanes) ? NULL : build_way(&planes, lanes, way, arena);
    if (built) {
        *p = *built;
        p->transposed = planes.layer;
        add_transposing(p, plan);
        if (p->local_bytes <= PC_LOCAL_MOST && p->code <= (double)plan->options.loop_budget &&
            (!best || p->work < best->work))
            return p;
    }
    pc_arena_rewind(arena, mark);
    return best;
}

/* ---- the plan ---- */

const struct pc_lane_plan *pc_lane_plan_build(struct pc_plan *plan, int lanes, struct pc_arena *arena) {
    const struct pc_plan_options *options = &plan->options;
    const struct pc_lane_plan *built[PC_PLAN_COUNT] = {NULL};
    const char *misfit = NULL;
    for (int i = 0; i < PC_PLAN_COUNT; i++) {
        const char *reason = why_not(plan, &ways[i], lanes);
        const struct pc_lane_plan *plain = reason ? NULL : build_way(plan, lanes, &ways[i], arena);
        built[i] = build_transposed(plan, lanes, &ways[i], plain, arena);
        if (built[i]) {
            reason = NULL;
            add_candidate(plan, (enum pc_plan_choice)i, built[i]->work);
        } else if (!reason) {
            reason = "it would take too much code or too large local arrays";
        }
        if (options->forced && options->choice == (enum pc_plan_choice)i)
            misfit = reason;
    }
    plan->misfit = options->forced ? misfit : NULL;
    if (plan->candidate_count == 0)
        return NULL;
    const enum pc_plan_choice taken = options->forced && !misfit ? options->choice : plan->candidates[0].choice;
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
