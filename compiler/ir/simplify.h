/* simplify.h - local rewriting of the kernel IR; the last pass before the consumers.
 *
 * Requires a verified function; keeps it one, and keeps every bit of every result:
 *   x / 2^k            -> x * 2^-k      (both round the same real number)
 *   x * 1, x / 1       -> x
 *   select(m, x, x)    -> x; a constant mask decides; or(m, false), and(m, true) -> m
 *   values nobody uses -> gone, and loops that do nothing with them */
#ifndef PC_SIMPLIFY_H
#define PC_SIMPLIFY_H

#include "ir/ir.h"

void pc_simplify(struct ir_function *function);

#endif
