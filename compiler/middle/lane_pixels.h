/* lane_pixels.h - the plan of windows channels-last, pixel by pixel (lower_pixels.c). */
#ifndef PC_LANE_PIXELS_H
#define PC_LANE_PIXELS_H

#include "middle/lane_plan.h"

/* Why the kernel cannot be made so; NULL: it can. */
const char *pc_lane_pixels_misfit(const struct pc_plan *plan);

/* The plan for vectors of `lanes` values. `why` is its line. */
const struct pc_lane_plan *pc_lane_pixels_build(const struct pc_plan *plan, int lanes, const char *why,
                                                struct pc_arena *arena);

#endif
