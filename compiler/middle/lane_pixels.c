/* lane_pixels.c - the plan of a window that is the whole image, pixel by pixel: see lane_pixels.h. */
#include "middle/lane_pixels.h"

#include "middle/lane_candidate.h"

/* Results that are in registers, with room for what comes; and of how many an addition need not wait for the one before it.
 * 49 pixels of 8 KiB: 8 of them at a time 4.0 us, 16 or 32 of them 3.9 (Zen 4). */
static const int64_t RESULTS_MOST = 12, RESULTS_GOOD = 8, RESULTS_FEW = 6;
/* Bytes of a pixel that are not worth a walk through all pixels: 128 take a tenth longer than two passes. */
static const int64_t PIECE_LEAST = 256;
static const double SHORT_PIECE = 1.5;
/* Pixels of a part of the image that make it worth a part. */
static const int64_t PART_LEAST = 4;

const char *pc_lane_pixels_misfit(const struct pc_plan *plan) {
    if (plan->layer->desc.layout != POOL_CHANNELS_LAST || !candidate_is_whole(plan))
        return "it is for windows that are the whole image, channels-last, without tap numbers";
    return pc_layer_inputs(plan->layer) < 2 * PART_LEAST ? "an image has few pixels" : NULL;
}

/* Vectors of a block: as many as fit the registers, without a rest where that is not for few. */
static int64_t choose_block(int64_t vectors) {
    if (vectors <= RESULTS_MOST)
        return vectors;
    for (int64_t block = RESULTS_MOST; block >= RESULTS_FEW; block--)
        if (vectors % block == 0)
            return block;
    const int64_t blocks = (vectors + RESULTS_MOST - 1) / RESULTS_MOST;
    return (vectors + blocks - 1) / blocks;
}

const struct pc_lane_plan *pc_lane_pixels_build(const struct pc_plan *plan, int lanes, const char *why,
                                                struct pc_arena *arena) {
    const struct pc_layer *layer = plan->layer;
    const int64_t channels = layer->desc.channels;
    const int64_t pixels = pc_layer_inputs(layer);
    const int64_t vectors = choose_block((channels + lanes - 1) / lanes);
    const bool picks = pc_layer_picks(layer);
    struct pc_lane_plan *p = PC_NEW(arena, struct pc_lane_plan);
    *p = (struct pc_lane_plan){.lanes = lanes, .run = 1, .unit = "vector of channels", .why = why};
    p->block = vectors * lanes < channels ? vectors * lanes : channels;
    p->pixel_parts = RESULTS_GOOD / vectors;
    if (p->pixel_parts > pixels / PART_LEAST)
        p->pixel_parts = pixels / PART_LEAST;
    if (p->pixel_parts < 1)
        p->pixel_parts = 1;
    p->work = (double)pixels * (picks ? 2.5 : 2); /* as whole windows, of which each load is one operation */
    if (p->block < channels && p->block * ir_elements[plan->real].bytes < PIECE_LEAST)
        p->work *= SHORT_PIECE;
    p->code = (double)(vectors * (2 * p->pixel_parts + pixels % p->pixel_parts)) * 3;
    return p;
}
