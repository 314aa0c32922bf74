/* loop_hints.h - what LLVM's vectorizers are told: metadata for loops whose cost they misjudge, and whether it is worth
 * looking for vectors outside of loops.
 *
 * Private to llvm/. */
#ifndef PC_LOOP_HINTS_H
#define PC_LOOP_HINTS_H

#include "ir/ir.h"

struct LLVMOpaqueValue; /* LLVMValueRef points to it */

/* Hints for a loop whose body is one basic block; `branch` is the one back to its begin. A hint changes how fast the code
 * is, never what it computes. */
void pc_add_loop_hints(const struct ir_function *function, uint32_t loop, struct LLVMOpaqueValue *branch);

/* Whether the plan has chosen lanes, so that LLVM need not look for any. */
bool pc_has_lanes(const struct ir_function *function);

/* Whether memory is accessed where the loop vectorizer makes no vectors: beside loops, or with a stride. */
bool pc_leaves_scalars(const struct ir_function *function);

#endif
