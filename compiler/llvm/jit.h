/* jit.h - kernels as machine code in this process.
 *
 * Any number of threads may use one pc_jit: code is generated in each by itself (codegen.h), and only linking, by ORC's
 * LLJIT, takes turns.  Memory is never writable and executable at once. */
#ifndef PC_JIT_H
#define PC_JIT_H

#include "ir/ir.h"

struct pc_diags;

struct pc_jit;
struct pc_jit_code; /* one function, whole and in parts, and the memory it is in */

/* NULL with an error in diags; always so without LLVM (pc_llvm_is_there). */
struct pc_jit *pc_jit_open(struct pc_diags *diags);

/* All code must have been released. NULL is allowed. */
void pc_jit_close(struct pc_jit *jit);

/* Compiles the function for the processor that runs. NULL with an error in diags. The function is not needed afterwards. */
struct pc_jit_code *pc_jit_compile(struct pc_jit *jit, const struct ir_function *function, struct pc_diags *diags);

/* The code: cast it to the type of the generated prototype, one pointer for each input and output. */
typedef void pc_jit_function(void);
pc_jit_function *pc_jit_address(const struct pc_jit_code *code);

/* The code that runs one part, which has size_t part, size_t parts behind the pointers: see ir_parts.h. */
pc_jit_function *pc_jit_part_address(const struct pc_jit_code *code);

/* Calls them; `buffers` are the inputs and outputs in order, 1 to 6 of them; part < parts. */
void pc_jit_call(const struct pc_jit_code *code, void *const *buffers);
void pc_jit_call_part(const struct pc_jit_code *code, void *const *buffers, size_t part, size_t parts);

/* Returns the memory; nobody may be running the code. NULL is allowed. */
void pc_jit_release(struct pc_jit_code *code);

#endif
