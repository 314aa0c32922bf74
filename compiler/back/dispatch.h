/* dispatch.h - what a file for several targets has besides its kernels.
 *
 * Each kernel is there once for each target, static, between lines that allow the compiler the target's instructions, so
 * that the file needs no flags.  The public function calls the first target that the processor has.  It asks at every call:
 * a test of a variable that the compiler's own runtime fills in before main().  So no state is ours, and any number of
 * threads may call first. */
#ifndef PC_DISPATCH_H
#define PC_DISPATCH_H

#include "back/target.h"
#include "support/text.h"

/* Lines that check machine and compiler and, with `vectors`, include what vocabularies of these targets need. */
void pc_dispatch_includes(const struct pc_targets *targets, bool vectors, struct pc_text *text);

/* The lines around the functions of one target. */
void pc_dispatch_open(enum pc_target target, struct pc_text *text);
void pc_dispatch_close(enum pc_target target, struct pc_text *text);

/* What names of the target's own functions and types end in: "_avx2". */
const char *pc_dispatch_suffix(enum pc_target target, struct pc_arena *arena);

/* Macros PREFIX_HAS_AVX2, which the public functions ask. */
void pc_dispatch_tests(const struct pc_targets *targets, const char *prefix, struct pc_arena *arena, struct pc_text *text);

/* The public function that runs a part, with the words of pc_emit_c_part_signature(). */
void pc_dispatch_part(const struct ir_function *function, const struct pc_targets *targets, const char *prefix,
                      const char *restrict_word, struct pc_arena *arena, struct pc_text *text);

#endif
