/* planned.h - kernels of layers that are written as text, for tests of what is planned. */
#ifndef PLANNED_H
#define PLANNED_H

#include "front/diag.h"
#include "front/parse.h"
#include "middle/kernel.h"

#include <criterion/criterion.h>
#include <string.h>

/* Of a straight line, of loops, of whole windows; bytes of a vector. */
#define BUDGET(straight, loops, whole, bytes)                                                                               \
    { .unroll_budget = straight, .loop_budget = loops, .whole_budget = whole, .vector_bytes = bytes }

struct front {
    struct pc_arena arena;
    struct pc_diags diags;
    struct pc_layer *layer;
};

static inline void open_text(struct front *front, const char *attributes) {
    *front = (struct front){0};
    pc_diags_init(&front->diags, &front->arena);
    const char *text = pc_arena_printf(&front->arena, "pool p { %s }\n", attributes);
    const struct pc_source *source = pc_source_from_string("p.pool", text, strlen(text), &front->arena);
    const struct pc_module *module =
        pc_layers_build(pc_parse(source, &front->arena, &front->diags), source, &front->arena, &front->diags);
    cr_assert_eq(pc_diags_error_count(&front->diags), 0, "%s: %s", attributes, front->diags.first->text);
    front->layer = &module->layers[0];
}

static inline void close_front(struct front *front) {
    pc_arena_release(&front->arena);
}

/* NULL with a diagnostic; a kernel that fails its verification is never accepted. */
static inline const struct pc_kernel *build(struct front *front, enum pc_kernel_kind kind, struct pc_plan_options budget) {
    const struct pc_kernel_options options = {.prefix = "t", .plan = budget, .verify = true};
    const struct pc_kernel *kernel = pc_kernel_build(front->layer, kind, &options, &front->arena, &front->diags);
    const struct pc_diag *last = front->diags.last;
    cr_assert(kernel || (last && last->id != PC_DIAG_INTERNAL), "%s", last ? last->text : "no kernel and no reason");
    return kernel;
}

static inline const struct pc_kernel *must_build(struct front *front, enum pc_kernel_kind kind,
                                                 struct pc_plan_options budget) {
    const struct pc_kernel *kernel = build(front, kind, budget);
    cr_assert_not_null(kernel, "%s", front->diags.last->text);
    return kernel;
}

#endif
