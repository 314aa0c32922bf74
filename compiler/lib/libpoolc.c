/* libpoolc.c - the public functions of pool/compiler.h: compilers, modules, layers and kernels.
 *
 * A module is one block of memory, with its layers, names, parameters and a copy of its text, which messages about kernels
 * that are compiled later show.  Code belongs to the cache; a module holds an entry for each of its layers. */
#include "front/layer.h"
#include "front/parse.h"
#include "lib/cache.h"
#include "poolc_version.h"
#include "run/backend.h"

#include <stdlib.h>
#include <string.h>

struct poolc {
    atomic_size_t holders; /* the user and each module */
    struct pc_cache cache;
};

struct kernel {
    struct poolc_kernel facts; /* what the user sees; first, so that a pointer to it is one to all */
    const struct poolc_layer *layer;
    struct poolc_parameter parameters[PC_PARAMETERS_MAX];
};

struct poolc_layer {
    const struct poolc_module *module;
    struct pc_layer layer;
    struct pc_entry *entry; /* held; NULL while the module is made */
    struct kernel kernels[PC_KERNEL_COUNT];
};

struct poolc_module {
    struct poolc *poolc; /* held */
    struct pc_source source;
    bool has_text;
    size_t count;
    struct poolc_layer layers[];
};

_Static_assert((int)POOLC_FORWARD == PC_KERNEL_FORWARD && (int)POOLC_FORWARD_TRAIN == PC_KERNEL_TRAIN &&
                   (int)POOLC_BACKWARD == PC_KERNEL_BACKWARD && PC_KERNEL_COUNT == 3,
               "kernels are numbered alike");
_Static_assert((int)POOLC_F32 == IR_F32 && (int)POOLC_F64 == IR_F64 && (int)POOLC_U8 == IR_U8 && (int)POOLC_U16 == IR_U16 &&
                   (int)POOLC_I32 == IR_I32 && (int)POOLC_I64 == IR_I64,
               "elements are numbered alike");

/* ---- compilers ---- */

const char *poolc_version(void) {
    return POOLC_VERSION_FULL;
}

static void drop_poolc(struct poolc *poolc) {
    if (atomic_fetch_sub(&poolc->holders, 1) != 1)
        return;
    pc_cache_close(&poolc->cache);
    free(poolc);
}

/* The fields that the caller's version of the options has; those that it lacks keep their defaults. */
static struct poolc_options read_options(const struct poolc_options *given) {
    struct poolc_options options = {.idle_layers = POOLC_IDLE_LAYERS};
    if (given)
        memcpy(&options, given, given->size < sizeof options ? given->size : sizeof options);
    return options;
}

static void refuse_budget(struct pc_task *task, void *context) {
    (void)context;
    pc_diag_add(&task->diags, PC_DIAG_BAD_VALUE, (struct pc_span){0, 0}, "unroll_budget is 0 or from 1 to %d",
                PC_UNROLL_BUDGET_MOST);
}

struct poolc *poolc_open(const struct poolc_options *given, struct poolc_problems **problems) {
    const struct poolc_options options = read_options(given);
    struct pc_task task;
    pc_task_begin(&task);
    if (options.unroll_budget < 0 || options.unroll_budget > PC_UNROLL_BUDGET_MOST) {
        pc_task_run(&task, refuse_budget, NULL);
        pc_task_end(&task, problems);
        return NULL;
    }
    struct poolc *poolc = calloc(1, sizeof *poolc);
    if (poolc) {
        atomic_init(&poolc->holders, 1);
        poolc->cache.idle_max = options.idle_layers;
        poolc->cache.plan.unroll_budget = options.unroll_budget;
        pc_target_plan_native(&poolc->cache.plan);
        if (!pc_cache_open(&poolc->cache, &task)) {
            drop_poolc(poolc);
            poolc = NULL;
        }
    } else {
        task.without_memory = true;
    }
    pc_task_end(&task, problems);
    return poolc;
}

void poolc_close(struct poolc *poolc) {
    if (!poolc)
        return;
    pc_cache_limit(&poolc->cache, 0); /* nobody will ask again */
    drop_poolc(poolc);
}

struct poolc_statistics poolc_statistics(struct poolc *poolc) {
    return pc_cache_statistics(&poolc->cache);
}

/* ---- facts ---- */

static struct poolc_parameter parameter_of(const struct pc_parameter *parameter) {
    static const char *const names[PC_TENSOR_COUNT] = {
        [PC_TENSOR_X] = "x",         [PC_TENSOR_Y] = "y",   [PC_TENSOR_INDICES] = "indices",
        [PC_TENSOR_STATE] = "state", [PC_TENSOR_DY] = "dy", [PC_TENSOR_DX] = "dx",
    };
    return (struct poolc_parameter){
        .name = names[parameter->tensor],
        .element = (enum poolc_element)parameter->element,
        .written = parameter->output,
        .count = parameter->elements,
        .bytes = parameter->elements * ir_elements[parameter->element].bytes, /* tensors are below 2^40 elements */
    };
}

static void set_kernels(struct poolc_layer *layer) {
    for (int kind = 0; kind < PC_KERNEL_COUNT; kind++) {
        struct kernel *kernel = &layer->kernels[kind];
        const struct pc_parameters parameters = pc_parameters_of(&layer->layer, (enum pc_kernel_kind)kind);
        kernel->layer = layer;
        for (int i = 0; i < parameters.count; i++)
            kernel->parameters[i] = parameter_of(&parameters.items[i]);
        kernel->facts = (struct poolc_kernel){
            .kind = (enum poolc_kernel_kind)kind,
            .parameter_count = parameters.count,
            .parameters = kernel->parameters,
        };
    }
}

/* ---- making modules ---- */

struct request {
    struct poolc *poolc;
    const char *name, *text;
    size_t size;
    const struct pool_desc *desc;
    struct poolc_module *module; /* the result */
};

/* Copies to *at, which moves behind it. */
static char *store(char **at, const char *bytes, size_t size) {
    char *copy = *at;
    memcpy(copy, bytes, size);
    copy[size] = '\0';
    *at += size + 1;
    return copy;
}

static void make_module(struct pc_task *task, struct request *request, const struct pc_layer *layers, size_t count) {
    const struct pc_source *source = task->source;
    size_t bytes = source ? strlen(source->name) + source->size + 2 : 0; /* far from overflow: sources are below 16 MiB */
    for (size_t i = 0; i < count; i++)
        bytes += strlen(layers[i].name) + 1;
    struct poolc_module *module = calloc(1, sizeof *module + count * sizeof *module->layers + bytes);
    if (!module)
        longjmp(task->out_of_memory, 1);
    request->module = module;
    module->poolc = request->poolc;
    atomic_fetch_add(&module->poolc->holders, 1);
    char *at = (char *)&module->layers[count];
    if (source) {
        module->has_text = true;
        module->source.name = store(&at, source->name, strlen(source->name));
        module->source.text = store(&at, source->text, source->size);
        module->source.size = source->size;
    }
    for (; module->count < count; module->count++) {
        struct poolc_layer *layer = &module->layers[module->count];
        layer->module = module;
        layer->layer = layers[module->count];
        layer->layer.name = store(&at, layer->layer.name, strlen(layer->layer.name));
        set_kernels(layer);
        layer->entry = pc_cache_hold(&module->poolc->cache, &layer->layer, task);
    }
}

static void compile_text(struct pc_task *task, void *context) {
    struct request *request = context;
    const char *name = request->name ? request->name : "<text>";
    /* One byte above the limit is as wrong as all of them, and need not be copied. */
    const size_t size = request->size > PC_SOURCE_MAX ? (size_t)PC_SOURCE_MAX + 1 : request->size;
    const struct pc_source *source = pc_source_from_string(name, request->text, size, &task->scratch);
    task->source = source;
    const struct pc_ast_file *tree = pc_parse(source, &task->scratch, &task->diags);
    const struct pc_module *module = pc_layers_build(tree, source, &task->scratch, &task->diags);
    if (pc_diags_error_count(&task->diags) == 0)
        make_module(task, request, module->layers, module->count);
}

static void compile_desc(struct pc_task *task, void *context) {
    struct request *request = context;
    const char *name = request->name ? request->name : "layer";
    const struct pc_layer *layer = pc_layer_from_desc(name, request->desc, &task->scratch, &task->diags);
    if (layer)
        make_module(task, request, layer, 1);
}

static struct poolc_module *perform(struct request *request, void (*step)(struct pc_task *task, void *context),
                                    struct poolc_problems **problems) {
    struct pc_task task;
    pc_task_begin(&task);
    if (!pc_task_run(&task, step, request)) {
        poolc_release(request->module); /* the part that was made */
        request->module = NULL;
    }
    pc_task_end(&task, problems);
    return request->module;
}

struct poolc_module *poolc_compile_text(struct poolc *poolc, const char *name, const char *text, size_t size,
                                        struct poolc_problems **problems) {
    struct request request = {.poolc = poolc, .name = name, .text = text, .size = size};
    return perform(&request, compile_text, problems);
}

struct poolc_module *poolc_compile_desc(struct poolc *poolc, const char *name, const struct pool_desc *desc,
                                        struct poolc_problems **problems) {
    struct request request = {.poolc = poolc, .name = name, .desc = desc};
    return perform(&request, compile_desc, problems);
}

void poolc_release(struct poolc_module *module) {
    if (!module)
        return;
    for (size_t i = 0; i < module->count; i++)
        pc_cache_drop(&module->poolc->cache, module->layers[i].entry);
    drop_poolc(module->poolc);
    free(module);
}

/* ---- layers ---- */

size_t poolc_layer_count(const struct poolc_module *module) {
    return module->count;
}

const struct poolc_layer *poolc_layer_at(const struct poolc_module *module, size_t number) {
    return number < module->count ? &module->layers[number] : NULL;
}

const struct poolc_layer *poolc_layer_named(const struct poolc_module *module, const char *name) {
    for (size_t i = 0; i < module->count; i++)
        if (strcmp(module->layers[i].layer.name, name) == 0)
            return &module->layers[i];
    return NULL;
}

const char *poolc_layer_name(const struct poolc_layer *layer) {
    return layer->layer.name;
}

const struct pool_desc *poolc_layer_desc(const struct poolc_layer *layer) {
    return &layer->layer.desc;
}

/* ---- kernels ---- */

const struct poolc_kernel *poolc_layer_kernel(const struct poolc_layer *layer, enum poolc_kernel_kind kind) {
    if ((unsigned)kind >= PC_KERNEL_COUNT || !pc_layer_has_kernel(&layer->layer, (enum pc_kernel_kind)kind))
        return NULL;
    return &layer->kernels[kind].facts;
}

static struct pc_jit_code *code_of(const struct poolc_kernel *facts, struct poolc_problems **problems) {
    const struct poolc_layer *layer = ((const struct kernel *)facts)->layer;
    const struct poolc_module *module = layer->module;
    struct pc_jit_code *code = pc_cache_ready(layer->entry, (enum pc_kernel_kind)facts->kind);
    if (code) {
        if (problems)
            *problems = NULL;
        return code;
    }
    struct pc_task task;
    pc_task_begin(&task);
    task.source = module->has_text ? &module->source : NULL;
    code = pc_cache_code(&module->poolc->cache, layer->entry, &layer->layer, (enum pc_kernel_kind)facts->kind, &task);
    pc_task_end(&task, problems);
    return code;
}

poolc_function *poolc_kernel_function(const struct poolc_kernel *kernel, struct poolc_problems **problems) {
    const struct pc_jit_code *code = code_of(kernel, problems);
    return code ? pc_jit_address(code) : NULL;
}

bool poolc_call(const struct poolc_kernel *kernel, void *const *buffers, struct poolc_problems **problems) {
    const struct pc_jit_code *code = code_of(kernel, problems);
    if (code)
        pc_jit_call(code, buffers);
    return code != NULL;
}
