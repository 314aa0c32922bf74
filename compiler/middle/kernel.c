/* kernel.c - see kernel.h. */
#include "middle/kernel.h"

#include "front/diag.h"
#include "middle/lane_plan.h"
#include "middle/lower.h"
#include "ir/simplify.h"

const char *pc_kernel_name(const char *prefix, const struct pc_layer *layer, enum pc_kernel_kind kind,
                           struct pc_arena *arena) {
    return pc_arena_printf(arena, "%s_%s_%s", prefix, layer->name, pc_kernel_suffix[kind]);
}

static bool verified(const struct pc_kernel *kernel, const char *after, struct pc_diags *diags) {
    const char *problem = ir_verify(kernel->ir, kernel->plan->lanes ? kernel->plan->lanes->lanes : 1);
    if (problem)
        pc_diag_add(diags, PC_DIAG_INTERNAL, kernel->layer->name_span, "after %s: %s; this is a bug in poolc", after,
                    problem);
    return !problem;
}

struct pc_kernel *pc_kernel_build(const struct pc_layer *layer, enum pc_kernel_kind kind,
                                  const struct pc_kernel_options *options, struct pc_arena *arena, struct pc_diags *diags) {
    bool verify = options->verify;
#ifndef NDEBUG
    verify = true;
#endif
    struct pc_kernel *kernel = PC_NEW(arena, struct pc_kernel);
    kernel->layer = layer;
    kernel->kind = kind;
    kernel->plan = pc_plan_build(layer, kind, &options->plan, arena, diags);
    if (!kernel->plan)
        return NULL;
    kernel->ir = pc_lower(kernel->plan, pc_kernel_name(options->prefix, layer, kind, arena), arena);
    if (verify && !verified(kernel, "lowering", diags))
        return NULL;
    pc_simplify(kernel->ir);
    if (verify && !verified(kernel, "simplifying", diags))
        return NULL;
    kernel->cost = ir_cost_of(kernel->ir);
    return kernel;
}
