/* kernel.h - one kernel of one layer through the middle of the compiler: plan, lower, simplify, verify.
 *
 * Everything of a kernel lives in one arena, which is released when the kernel was emitted, so a file of a thousand layers
 * needs the memory of its largest. */
#ifndef PC_KERNEL_H
#define PC_KERNEL_H

#include "ir/ir.h"
#include "middle/plan.h"

struct pc_kernel {
    const struct pc_layer *layer;
    enum pc_kernel_kind kind;
    const struct pc_plan *plan;
    struct ir_function *ir; /* simplified */
    struct ir_cost cost;
};

struct pc_kernel_options {
    const char *prefix; /* of the function names */
    struct pc_plan_options plan;
    bool verify; /* check the IR after lowering and after simplifying (always done in debug builds) */
};

/* Builds the kernel, or NULL with an error in diags; a failed verification is an error too (PC_DIAG_INTERNAL). The layer
 * must have the kernel (pc_layer_has_kernel). */
struct pc_kernel *pc_kernel_build(const struct pc_layer *layer, enum pc_kernel_kind kind,
                                  const struct pc_kernel_options *options, struct pc_arena *arena, struct pc_diags *diags);

/* <prefix>_<layer>_<suffix>: the one rule of function names. */
const char *pc_kernel_name(const char *prefix, const struct pc_layer *layer, enum pc_kernel_kind kind,
                           struct pc_arena *arena);

#endif
