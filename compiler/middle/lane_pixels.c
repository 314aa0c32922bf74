/* lane_pixels.c - the plan of windows pixel by pixel: see lane_pixels.h. */
#include "middle/lane_pixels.h"

#include "middle/lane_candidate.h"

/* Registers of results, with room for what comes: of one each, or with their tap numbers, which leave less room, but pieces
 * of pixels should not be short, either (512 x 14 x 14 of 4 results 5.7 us, of 8 4.8; Granite Rapids).  49 pixels of 8 KiB: 8
 * of them at a time 4.0 us, 16 or 32 of them 3.9 (Zen 4). */
static const int64_t RESULTS_MOST = 12, RESULTS_TRACKED = 16;
/* What comes from afar is walked through in pieces as long as may be: a page of each pixel at a time, whose results the
 * first level has, takes 287 us for averages of 16 x 32, 32 x 64 x 1024, in registers 366; maxima of 1 x 15000 x 1024 2.6 ms
 * and 3.0 (Granite Rapids). */
static const int64_t RESULTS_FROM_AFAR = PC_LANE_RESULTS_MAX;
/* Results of which an addition need not wait for the one before it; a block has so many of RESULTS_MOST at least. */
static const int64_t RESULTS_GOOD = 8, RESULTS_FEW = 6;
/* Bytes of a pixel that are not worth a walk through all pixels: 128 take a tenth longer than two passes. */
static const int64_t PIECE_LEAST = 256;
static const double SHORT_PIECE = 1.5;
/* Taps of a window that make it worth loops of its own. */
static const int64_t TAPS_LEAST = 10;

/* Operations for each tap and vector, as those of whole windows (lane_work.c), and for each window and vector: to begin and
 * end its loops. */
static const double TAP = 2, TAP_PICKED = 2.5, TAP_TRACKED = 5, TAP_SELECTED = 3, WINDOW = 8;
/* Where windows share most of their taps, others find what they load again in a nearer cache: 3 x 3 x 3 windows of stride 1,
 * 480 x 16 x 14 x 14, take 1.8 ms, in tiles 1.0 (Zen 4). */
static const double SHARED = 2;

/* Whether no input is in two windows. */
static bool windows_lie_apart(const struct pc_plan *plan) {
    for (int a = 0; a < POOL_MAX_RANK; a++)
        for (int i = 0; i < plan->axis[a].count; i++)
            for (int k = 0; k < plan->axis[a].cells[i].phase_count; k++) {
                const struct pc_phase *phase = &plan->axis[a].cells[i].phases[k];
                if (phase->cover_count > 1 || (phase->cover_count == 1 && phase->covers[0].count > 1))
                    return false;
            }
    return true;
}

const char *pc_lane_pixels_misfit(const struct pc_plan *plan) {
    const bool backward = plan->kind == PC_KERNEL_BACKWARD;
    if (plan->layer->desc.layout != POOL_CHANNELS_LAST)
        return "it is for channels-last";
    if (backward && !pc_layer_picks(plan->layer))
        return "of gradients it is for those of maxima and minima";
    if (pc_layer_taps(plan->layer) < TAPS_LEAST)
        return "windows have few taps";
    return backward && !windows_lie_apart(plan) ? "windows overlap" : NULL;
}

/* Vectors of a block: as many as fit the registers, without a rest where that is not for few. */
static int64_t choose_block(int64_t vectors, int64_t most) {
    if (vectors <= most)
        return vectors;
    for (int64_t block = most; block >= most * RESULTS_FEW / RESULTS_MOST; block--)
        if (vectors % block == 0)
            return block;
    const int64_t blocks = (vectors + most - 1) / most;
    return (vectors + blocks - 1) / blocks;
}

/* Registers that a vector of a block takes. */
static int64_t registers(const struct pc_plan *plan) {
    const bool indices = plan->layer->desc.indices > POOL_INDICES_WINDOW;
    if (plan->kind == PC_KERNEL_BACKWARD)
        return 2; /* dy and the tap number */
    return 1 + (plan->kind == PC_KERNEL_TRAIN || plan->layer->desc.indices == POOL_INDICES_WINDOW) + indices;
}

/* Kinds of windows, or of inputs, each of which has code. */
static double kinds(const struct pc_plan *plan) {
    double all = 1;
    for (int a = 0; a < POOL_MAX_RANK; a++) {
        int phases = 0;
        for (int i = 0; i < plan->axis[a].count; i++)
            phases += plan->kind == PC_KERNEL_BACKWARD ? plan->axis[a].cells[i].phase_count : 1;
        all *= phases;
    }
    return all;
}

/* Nodes of a tap of a vector in the code, of each kind of windows: in the loop, behind it, and to finish. */
static const double CODE_OF_TAP = 5;

static double code_of(const struct pc_plan *plan, int64_t vectors, int64_t parts) {
    return kinds(plan) * (double)(vectors * (parts + 2)) * CODE_OF_TAP;
}

/* Vectors of a block. */
static int64_t vectors_of_block(const struct pc_plan *plan, int lanes) {
    const struct candidate c = {.plan = plan, .layer = plan->layer};
    const int64_t all = (plan->layer->desc.channels + lanes - 1) / lanes, each = registers(plan);
    const int64_t piece = choose_block(all, RESULTS_FROM_AFAR);
    if (each == 1 && candidate_comes_from_afar(&c) && code_of(plan, piece, 1) <= (double)plan->options.loop_budget)
        return piece;
    return choose_block(all, each > 1 ? RESULTS_TRACKED / each : RESULTS_MOST);
}

const struct pc_lane_plan *pc_lane_pixels_build(const struct pc_plan *plan, int lanes, const char *why,
                                                struct pc_arena *arena) {
    const struct pc_layer *layer = plan->layer;
    const int64_t channels = layer->desc.channels, each = registers(plan);
    const int64_t vectors = vectors_of_block(plan, lanes);
    const double outputs = (double)pc_layer_outputs(layer), taps = outputs * (double)pc_layer_taps(layer);
    struct pc_lane_plan *p = PC_NEW(arena, struct pc_lane_plan);
    *p = (struct pc_lane_plan){.lanes = lanes, .abreast = 1, .unit = "vector of channels", .why = why, .pixel_parts = 1};
    p->block = vectors * lanes < channels ? vectors * lanes : channels;
    p->whole_pixels = plan->kind == PC_KERNEL_BACKWARD && pc_lane_leaves_first_level(plan);
    if (vectors * each < RESULTS_GOOD && plan->kind != PC_KERNEL_BACKWARD)
        p->pixel_parts = RESULTS_GOOD / (vectors * each);
    p->work = plan->kind == PC_KERNEL_BACKWARD ? (double)pc_layer_inputs(layer) * TAP_SELECTED
              : pc_plan_tracks(plan)           ? taps * TAP_TRACKED
                                               : taps * (pc_layer_picks(layer) ? TAP_PICKED : TAP);
    p->work *= taps > 2 * (double)pc_layer_inputs(layer) ? SHARED : 1;
    p->work += outputs * WINDOW;
    if (p->block < channels && p->block * ir_elements[plan->real].bytes < PIECE_LEAST)
        p->work *= SHORT_PIECE;
    p->code = code_of(plan, vectors, p->pixel_parts);
    return p->code <= (double)plan->options.loop_budget ? p : NULL;
}
