/* plan_schemes.h - how the taps of windows along an axis are associated, in kernels of single elements.  A part of the
 * planner, private to plan*.c. */
#ifndef PC_PLAN_SCHEMES_H
#define PC_PLAN_SCHEMES_H

#include "middle/plan.h"

/* Of each axis the scheme that takes the fewest combinations. */
void pc_plan_choose_schemes(struct pc_plan *plan, struct pc_arena *arena);

/* Adds a line to the plan's reasons. */
void pc_plan_explain(struct pc_plan *plan, const char *reason);

#endif
