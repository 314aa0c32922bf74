/* loop_hints.h - metadata that tells LLVM's loop vectorizer what its cost model gets wrong about pooling kernels.
 *
 * Private to llvm/. */
#ifndef PC_LOOP_HINTS_H
#define PC_LOOP_HINTS_H

#include "middle/ir.h"

struct LLVMOpaqueValue; /* LLVMValueRef points to it */

/* Hints for a loop whose body is one basic block; `branch` is the one back to its begin. A hint changes how fast the code is,
 * never what it computes. */
void pc_add_loop_hints(const struct ir_function *function, uint32_t loop, struct LLVMOpaqueValue *branch);

#endif
