/* layers.c - random layers as C for a target, with inputs and what the interpreter makes of them: for a machine that is not
 * this one, and so for tests/simd/harness.c there.
 *
 *     layers TARGET SEED BATCH COUNT FOLDER
 *
 * Writes kernels.c and kernels.h as `build` would, cases.c with the harness's table, and data, to the folder. */
#include "batch.h"

#include "back/frame.h"
#include "front/diag.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HARD_SETS = 2 /* beside plain inputs */ };

static const char prefix[] = "k";

struct job {
    struct batch *batch;
    struct pc_module module;
    struct pc_kernel_options options;
    struct pc_targets targets;
    struct pc_diags diags;
    struct pc_text table, calls;
    FILE *data;
};

static bool write_text(const char *folder, const char *name, const struct pc_text *text) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    bool good = file && fwrite(pc_text_string(text), 1, text->size, file) == text->size;
    if (file && fclose(file) != 0)
        good = false;
    if (!good)
        perror(path);
    return good;
}

/* What the harness calls, and the buffers that it calls it with. */
static void add_call(struct job *job, const struct pc_kernel *kernel) {
    const struct pc_parameters parameters = pc_parameters_of(kernel->layer, kernel->kind);
    struct pc_text *text = &job->calls;
    pc_text_printf(text, "\nstatic void %s_call(void *const *buffers) {\n    %s(", kernel->ir->name, kernel->ir->name);
    for (int i = 0; i < parameters.count; i++)
        pc_text_printf(text, "%s(%s%s *)buffers[%d]", i ? ", " : "", parameters.items[i].output ? "" : "const ",
                       ir_elements[parameters.items[i].element].c_type, i);
    pc_text_printf(text, ");\n}\nstatic const struct case_buffer %s_buffers[] = {\n", kernel->ir->name);
    for (int i = 0; i < parameters.count; i++) {
        const struct pc_parameter *p = &parameters.items[i];
        pc_text_printf(text, "    {\"%s\", %d, %lld, %d, %d},\n", tensor_names[p->tensor], ir_elements[p->element].bytes,
                       (long long)p->elements, ir_elements[p->element].real, p->output);
    }
    pc_text_add(text, "};\n");
}

/* The kernel's row for one set of inputs, and the tensors before and after it. */
static bool add_row(struct job *job, const struct pc_kernel *kernel, struct tensors *set) {
    const struct pc_parameters parameters = pc_parameters_of(kernel->layer, kernel->kind);
    const struct pc_tensors tensors = tensors_between(set, set, kernel->kind);
    if (!pc_interpret(kernel, &tensors, &job->diags))
        return false;
    pc_text_printf(&job->table, "    {\"%s\", %s_call, %s_buffers, %d},\n", kernel->ir->name, kernel->ir->name,
                   kernel->ir->name, parameters.count);
    for (int i = 0; i < parameters.count; i++) { /* no kernel changes what it reads */
        const enum pc_tensor tensor = parameters.items[i].tensor;
        if (fwrite(set->buffer[tensor].data, 1, set->bytes[tensor], job->data) != set->bytes[tensor])
            return false;
    }
    return true;
}

static bool add_layer(struct job *job, size_t number) {
    const struct pc_layer *layer = &job->batch->layers[number];
    struct pc_kernel *kernels[PC_KERNEL_COUNT] = {NULL};
    bool ok = true;
    for (int kind = 0; ok && kind < PC_KERNEL_COUNT; kind++) {
        if (!pc_layer_has_kernel(layer, (enum pc_kernel_kind)kind))
            continue;
        kernels[kind] =
            pc_kernel_build(layer, (enum pc_kernel_kind)kind, &job->options, &job->batch->arena, &job->diags);
        ok = kernels[kind] != NULL;
        if (ok)
            add_call(job, kernels[kind]);
    }
    for (int i = 0; ok && i <= HARD_SETS; i++) {
        const int hard = (int)((job->batch->seed + HARD_SETS * number + (size_t)i) % POOL_HARD_COUNT);
        struct tensors set = {0};
        ok = tensors_open(&set, layer, PC_FLUSH_END);
        if (ok)
            tensors_fill(&set, job->batch->seed, i ? hard : -1);
        for (int kind = 0; ok && kind < PC_KERNEL_COUNT; kind++)
            ok = !kernels[kind] || add_row(job, kernels[kind], &set);
        tensors_close(&set);
    }
    return ok;
}

static bool write_sources(struct job *job, const char *folder) {
    const struct pc_frame_options frame = {
        .spec_name = "kernels.pool", .base_name = "kernels", .kernel = job->options, .targets = job->targets};
    struct pc_text header = {0}, source = {0}, cases = {0};
    const struct pc_frame_texts texts = {.header = &header, .source = &source};
    bool ok = pc_frame_write(&job->module, &frame, &texts, &job->diags);
    pc_text_printf(&cases, "#include \"cases.h\"\n#include \"kernels.h\"\n%s\nconst struct case_row case_rows[] = {\n%s};\n"
                           "const int case_count = (int)(sizeof case_rows / sizeof *case_rows);\n",
                   pc_text_string(&job->calls), pc_text_string(&job->table));
    ok = ok && write_text(folder, "kernels.h", &header) && write_text(folder, "kernels.c", &source) &&
         write_text(folder, "cases.c", &cases);
    pc_text_release(&header);
    pc_text_release(&source);
    pc_text_release(&cases);
    return ok;
}

static enum pc_target target_of(const char *name) {
    int target = 0;
    while (target < PC_TARGET_COUNT && strcmp(pc_target_row((enum pc_target)target)->name, name) != 0)
        target++;
    return (enum pc_target)target;
}

int main(int argc, char **argv) {
    const enum pc_target target = argc == 6 ? target_of(argv[1]) : PC_TARGET_COUNT;
    if (target == PC_TARGET_COUNT) {
        fprintf(stderr, "usage: layers TARGET SEED BATCH COUNT FOLDER\n");
        return 2;
    }
    char path[4096];
    snprintf(path, sizeof path, "%s/data", argv[5]);
    struct batch *batch = batch_random(strtoull(argv[2], NULL, 0), atol(argv[3]), strtoul(argv[4], NULL, 0), target);
    struct job job = {.batch = batch,
                      .module = {.name = "random", .layers = batch->layers, .count = batch->count},
                      .options = {.prefix = prefix, .plan = batch->plan},
                      .targets = {.items = {target}, .count = 1},
                      .data = fopen(path, "wb")};
    pc_diags_init(&job.diags, &batch->arena);
    bool ok = job.data != NULL;
    for (size_t i = 0; ok && i < batch->count; i++)
        ok = add_layer(&job, i);
    if (job.data && fclose(job.data) != 0)
        ok = false;
    ok = ok && write_sources(&job, argv[5]);
    if (!ok)
        fprintf(stderr, "layers: batch %s of seed %s failed\n", argv[3], argv[2]);
    pc_text_release(&job.table);
    pc_text_release(&job.calls);
    batch_free(batch);
    return !ok;
}
