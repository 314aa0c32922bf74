/* emit_llvm.h - the kernel IR as LLVM IR.
 *
 * A translator, as emit_c is a printer: it knows the IR and nothing of layers, modes or plans.  No fast-math flag is ever
 * set, so LLVM may not contract, reassociate or take a comparison and a select for a `max`: the bits are those of C and of
 * the interpreter.  Every operation, element and lane count of the IR is covered, whether a plan uses it or not.
 *
 * LLVM's own headers stay inside the .c files of this folder; here its types are only named. */
#ifndef PC_EMIT_LLVM_H
#define PC_EMIT_LLVM_H

#include "ir/ir.h"

struct LLVMOpaqueModule; /* LLVMModuleRef points to it, LLVMBuilderRef to the next */
struct LLVMOpaqueBuilder;

/* Adds the function to a module whose data layout is set: `void name(ptr, ...)`, one pointer for each input and output in
 * the order of the buffers, as the generated header declares it, and name_part(), which has two integers of a pointer's size
 * behind them (ir_parts.h).  Pieces of a long straight line become functions of their own.  Names of values and blocks are
 * those of the IR's dump, unless the module's context discards names.  has_avx512: the module's machine has AVX-512 F.
 * The builder is the caller's, of the module's context: where memory ends, this function is left by a jump. */
void pc_emit_llvm(const struct ir_function *function, struct LLVMOpaqueModule *module, struct LLVMOpaqueBuilder *builder,
                  bool has_avx512);

#endif
