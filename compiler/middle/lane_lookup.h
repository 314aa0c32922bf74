/* lane_lookup.h - the plan of windows of many kinds, where their taps lie is looked up (lower_lookup.c). */
#ifndef PC_LANE_LOOKUP_H
#define PC_LANE_LOOKUP_H

#include "middle/lane_plan.h"

/* Why the kernel had better not be made so while code for each kind of windows is not too long; NULL: it may. */
const char *pc_lane_lookup_misfit(const struct pc_plan *plan, int lanes);

/* Why the taps of the kernel's windows cannot be listed, with what would help; NULL: they can. */
const char *pc_lane_lookup_limit(const struct pc_plan *plan);

/* The plan for vectors of `lanes` values, which may be 1, of a kernel within these limits. `why` is its line. */
const struct pc_lane_plan *pc_lane_lookup_build(const struct pc_plan *plan, int lanes, const char *why,
                                                struct pc_arena *arena);

#endif
