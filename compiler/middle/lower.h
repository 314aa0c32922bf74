/* lower.h - from a plan to the kernel IR. Everything that decides what is computed is spelled out here: which taps in which
 * order, NaN, ties, divisors, borders, gradients. */
#ifndef PC_LOWER_H
#define PC_LOWER_H

#include "ir/ir.h"
#include "middle/plan.h"

/* The kernel that the plan describes. `name` is the function's name; it and the plan must live as
 * long as the result, which lives in `arena`. Buffers come in the order of the generated interface:
 *   forward x, y [, indices]; forward_train x, y [, indices], state; backward dy, state, dx (max, min), dy, dx (avg, sum) or
 *   dy, x, y, dx (lp). */
struct ir_function *pc_lower(const struct pc_plan *plan, const char *name, struct pc_arena *arena);

#endif
