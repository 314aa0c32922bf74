/* plan_loops.h - the plan of a kernel of single elements.  A part of the planner, private to plan*.c and lane_*.c. */
#ifndef PC_PLAN_LOOPS_H
#define PC_PLAN_LOOPS_H

#include "middle/plan.h"

/* How many nodes the code would have as one straight line. */
double pc_plan_code_of_line(const struct pc_plan *plan);

/* How many it has as loops over equal windows, as far as the plan is made. */
double pc_plan_code_of_loops(const struct pc_plan *plan);

/* Chooses between loops, passes and staging; what is looped, which windows are a tile.  Sets plan->form and plan->estimate. */
void pc_plan_choose_loops(struct pc_plan *plan, struct pc_arena *arena);

#endif
