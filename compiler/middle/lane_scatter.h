/* lane_scatter.h - the plan of a gradient that goes window by window (lower_scatter.c). */
#ifndef PC_LANE_SCATTER_H
#define PC_LANE_SCATTER_H

#include "middle/lane_plan.h"

/* Why the kernel cannot be made so; NULL: it can, unless its sums are too many for a local array. */
const char *pc_lane_scatter_misfit(const struct pc_plan *plan);

/* The plan for vectors of `lanes` values, which may be one; NULL where the sums of a plane are too many. `why` is its line.
 */
const struct pc_lane_plan *pc_lane_scatter_build(const struct pc_plan *plan, int lanes, const char *why,
                                                 struct pc_arena *arena);

#endif
