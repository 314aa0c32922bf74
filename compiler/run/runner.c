/* runner.c - see runner.h: which backend does what, and the two that need nothing but the kernels' IR: the interpreter and
 * the JIT. */
#include "run/runner.h"

#include "llvm/codegen.h"
#include "llvm/jit.h"
#include "run/backend.h"
#include "run/team.h"

#include <stdlib.h>

struct pc_runner {
    enum pc_backend backend;
    const struct pc_module *module;
    struct pc_plan_options plan;
    int threads;
    struct pc_cc *cc;           /* cc */
    struct pc_arena arena;      /* eval: the kernels */
    struct pc_kernel **kernels; /* eval: PC_KERNEL_COUNT for each layer, NULL where a layer has no such kernel */
    struct pc_jit *jit;         /* jit */
    struct pc_jit_code **code;  /* jit: as many, NULL until a kernel first runs */
};

/* ---- kernels and their memory ---- */

struct pc_parameters pc_parameters_of(const struct pc_layer *layer, enum pc_kernel_kind kind) {
    const struct pc_mode *mode = pc_mode_of(layer->desc.mode);
    const enum ir_element real = layer->desc.dtype == POOL_F64 ? IR_F64 : IR_F32;
    const bool backward = kind == PC_KERNEL_BACKWARD, weighs = mode->lift == PC_LIFT_ABS_POW;
    const bool selects = mode->gradient == PC_GRADIENT_SELECT;
    const struct {
        bool wanted;
        struct pc_parameter parameter;
    } rows[] = {
        {backward, {PC_TENSOR_DY, real, layer->y_count, false}},
        {backward && selects, {PC_TENSOR_STATE, pc_state_element(layer), layer->y_count, false}},
        {!backward || weighs, {PC_TENSOR_X, real, layer->x_count, false}},
        {!backward || weighs, {PC_TENSOR_Y, real, layer->y_count, !backward}},
        {!backward && layer->desc.indices != POOL_INDICES_NONE,
         {PC_TENSOR_INDICES, pc_index_element(layer), layer->y_count, true}},
        {kind == PC_KERNEL_TRAIN, {PC_TENSOR_STATE, pc_state_element(layer), layer->y_count, true}},
        {backward, {PC_TENSOR_DX, real, layer->x_count, true}},
    };
    struct pc_parameters parameters = {0};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].wanted)
            parameters.items[parameters.count++] = rows[i].parameter;
    return parameters;
}

void *pc_tensor_memory(const struct pc_tensors *tensors, enum pc_tensor tensor) {
    switch (tensor) {
    case PC_TENSOR_X: return (void *)(uintptr_t)tensors->x;
    case PC_TENSOR_Y: return tensors->y;
    case PC_TENSOR_INDICES: return tensors->indices;
    case PC_TENSOR_STATE: return tensors->state;
    case PC_TENSOR_DY: return (void *)(uintptr_t)tensors->dy;
    case PC_TENSOR_DX: return tensors->dx;
    case PC_TENSOR_COUNT: break;
    }
    abort();
}

/* ---- the interpreter ---- */

static bool build_kernels(struct pc_runner *runner, struct pc_diags *diags) {
    const struct pc_kernel_options kernel = {.prefix = runner->module->name, .plan = runner->plan};
    bool ok = true;
    runner->kernels = PC_NEW_ARRAY(&runner->arena, runner->module->count * PC_KERNEL_COUNT, struct pc_kernel *);
    for (size_t i = 0; i < runner->module->count; i++) {
        for (int kind = 0; kind < PC_KERNEL_COUNT; kind++) {
            if (!pc_layer_has_kernel(&runner->module->layers[i], (enum pc_kernel_kind)kind))
                continue;
            struct pc_kernel **place = &runner->kernels[i * PC_KERNEL_COUNT + (size_t)kind];
            *place = pc_kernel_build(&runner->module->layers[i], (enum pc_kernel_kind)kind, &kernel, &runner->arena, diags);
            ok &= *place != NULL;
        }
    }
    return ok;
}

bool pc_interpret(const struct pc_kernel *kernel, const struct pc_tensors *tensors, struct pc_diags *diags) {
    const struct ir_function *f = kernel->ir;
    const struct pc_parameters parameters = pc_parameters_of(kernel->layer, kernel->kind);
    void **buffers = calloc(f->buffer_count, sizeof *buffers);
    bool ok = buffers != NULL;
    int next = 0;
    for (size_t i = 0; ok && i < f->buffer_count; i++)
        if (f->buffers[i].role != IR_LOCAL && next < parameters.count)
            buffers[i] = pc_tensor_memory(tensors, parameters.items[next++].tensor);
    ok = ok && ir_eval(f, buffers);
    free(buffers);
    if (!ok)
        PC_BACKEND_ERROR(diags, "out of memory while interpreting %s of '%s'", pc_kernel_suffix[kernel->kind],
                         kernel->layer->name);
    return ok;
}

/* ---- the JIT ---- */

static bool start_jit(struct pc_runner *runner, struct pc_diags *diags) {
    runner->code = PC_NEW_ARRAY(&runner->arena, runner->module->count * PC_KERNEL_COUNT, struct pc_jit_code *);
    runner->jit = pc_jit_open(diags);
    return runner->jit != NULL;
}

/* Compiles a kernel when it is first run: who wants one of a hundred layers does not wait for the others. */
static bool compile_jit(struct pc_runner *runner, size_t layer, enum pc_kernel_kind kind, struct pc_diags *diags) {
    struct pc_jit_code **code = &runner->code[layer * PC_KERNEL_COUNT + (size_t)kind];
    if (!*code) {
        const struct pc_kernel_options options = {.prefix = runner->module->name, .plan = runner->plan};
        struct pc_arena arena = {.out_of_memory = runner->arena.out_of_memory};
        const struct pc_kernel *kernel =
            pc_kernel_build(&runner->module->layers[layer], kind, &options, &arena, diags);
        if (kernel)
            *code = pc_jit_compile(runner->jit, kernel->ir, diags);
        pc_arena_release(&arena);
    }
    return *code != NULL;
}

static void stop_jit(struct pc_runner *runner) {
    for (size_t i = 0; runner->code && i < runner->module->count * PC_KERNEL_COUNT; i++)
        pc_jit_release(runner->code[i]);
    pc_jit_close(runner->jit);
}

/* ---- the runner ---- */

/* The plans of the interpreter and of the JIT, which need not be able to run the target that they are for. */
static struct pc_plan_options plan_of(enum pc_backend backend, const struct pc_runner_options *options) {
    struct pc_plan_options plan = options->plan;
    const enum pc_target here = pc_targets_here(&options->targets);
    if (options->targets.count)
        pc_target_plan(here < PC_TARGET_COUNT ? here : options->targets.items[0], &plan);
    else if (backend == PC_BACKEND_JIT && !plan.vector_bytes)
        pc_target_plan_native(&plan);
    return plan;
}

bool pc_backend_is_there(enum pc_backend backend) {
    return backend != PC_BACKEND_JIT || pc_llvm_is_there();
}

enum pc_backend pc_backend_default(void) {
    return pc_llvm_is_there() ? PC_BACKEND_JIT : PC_BACKEND_CC;
}

struct pc_runner *pc_runner_open(enum pc_backend backend, const struct pc_module *module,
                                 const struct pc_runner_options *options, struct pc_diags *diags) {
    static const struct pc_runner_options none = {0};
    struct pc_runner *runner = calloc(1, sizeof *runner);
    if (!runner) {
        PC_BACKEND_ERROR(diags, "out of memory");
        return NULL;
    }
    options = options ? options : &none;
    *runner = (struct pc_runner){.backend = backend,
                                 .module = module,
                                 .plan = plan_of(backend, options),
                                 .threads = options->threads,
                                 .arena = {.out_of_memory = diags->arena->out_of_memory}};
    bool ok = true;
    switch (backend) {
    case PC_BACKEND_JIT:
        ok = start_jit(runner, diags);
        break;
    case PC_BACKEND_CC:
        runner->cc = pc_cc_open(module, options, diags);
        ok = runner->cc != NULL;
        break;
    case PC_BACKEND_EVAL:
        ok = build_kernels(runner, diags);
        break;
    case PC_BACKEND_REF:
        break;
    case PC_BACKEND_COUNT:
        abort();
    }
    if (ok)
        return runner;
    pc_runner_close(runner);
    return NULL;
}

/* A run of a kernel that is compiled. */
struct call {
    const struct pc_runner *runner;
    size_t layer;
    enum pc_kernel_kind kind;
    void *memory[PC_PARAMETERS_MAX];
};

static void call_whole(const struct call *call) {
    const struct pc_runner *runner = call->runner;
    if (runner->backend == PC_BACKEND_JIT)
        pc_jit_call(runner->code[call->layer * PC_KERNEL_COUNT + (size_t)call->kind], call->memory);
    else
        pc_cc_call(runner->cc, call->layer, call->kind, call->memory);
}

static void call_part(const void *context, size_t part, size_t parts) {
    const struct call *call = context;
    const struct pc_runner *runner = call->runner;
    if (runner->backend == PC_BACKEND_JIT)
        pc_jit_call_part(runner->code[call->layer * PC_KERNEL_COUNT + (size_t)call->kind], call->memory, part, parts);
    else
        pc_cc_call_part(runner->cc, call->layer, call->kind, call->memory, part, parts);
}

static bool get_call(struct pc_runner *runner, size_t layer, enum pc_kernel_kind kind, const struct pc_tensors *tensors,
                     struct call *call, struct pc_diags *diags) {
    if (layer >= runner->module->count) {
        PC_BACKEND_ERROR(diags, "there is no layer number %zu", layer);
        return false;
    }
    const struct pc_layer *facts = &runner->module->layers[layer];
    if (!pc_layer_has_kernel(facts, kind)) {
        PC_BACKEND_ERROR(diags, "pool '%s' has no kernel %s", facts->name, pc_kernel_suffix[kind]);
        return false;
    }
    const struct pc_parameters parameters = pc_parameters_of(facts, kind);
    *call = (struct call){.runner = runner, .layer = layer, .kind = kind};
    for (int i = 0; i < parameters.count; i++) {
        call->memory[i] = pc_tensor_memory(tensors, parameters.items[i].tensor);
        if (!call->memory[i] && runner->backend != PC_BACKEND_REF) {
            PC_BACKEND_ERROR(diags, "a tensor that %s of pool '%s' needs was not given", pc_kernel_suffix[kind],
                             facts->name);
            return false;
        }
    }
    return runner->backend != PC_BACKEND_JIT || compile_jit(runner, layer, kind, diags);
}

static bool run_uncompiled(struct pc_runner *runner, size_t layer, enum pc_kernel_kind kind,
                           const struct pc_tensors *tensors, struct pc_diags *diags) {
    if (runner->backend == PC_BACKEND_EVAL)
        return pc_interpret(runner->kernels[layer * PC_KERNEL_COUNT + (size_t)kind], tensors, diags);
    return pc_reference_run(&runner->module->layers[layer], kind, tensors, diags);
}

static bool is_compiled(const struct pc_runner *runner) {
    return runner->backend == PC_BACKEND_JIT || runner->backend == PC_BACKEND_CC;
}

bool pc_runner_run(struct pc_runner *runner, size_t layer, enum pc_kernel_kind kind, const struct pc_tensors *tensors,
                   struct pc_diags *diags) {
    struct call call;
    if (!get_call(runner, layer, kind, tensors, &call, diags))
        return false;
    if (!is_compiled(runner))
        return run_uncompiled(runner, layer, kind, tensors, diags);
    if (runner->threads > 1)
        pc_team_run(call_part, &call, (size_t)runner->threads);
    else
        call_whole(&call);
    return true;
}

bool pc_runner_run_part(struct pc_runner *runner, size_t layer, enum pc_kernel_kind kind, const struct pc_tensors *tensors,
                        size_t part, size_t parts, struct pc_diags *diags) {
    struct call call;
    if (!get_call(runner, layer, kind, tensors, &call, diags))
        return false;
    if (!is_compiled(runner))
        return part > 0 || run_uncompiled(runner, layer, kind, tensors, diags);
    call_part(&call, part, parts);
    return true;
}

void pc_runner_close(struct pc_runner *runner) {
    if (!runner)
        return;
    stop_jit(runner);
    pc_cc_close(runner->cc);
    pc_arena_release(&runner->arena);
    free(runner);
}
