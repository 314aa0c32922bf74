/* cmd_run.c - poolc run: one pass of one layer on files or random numbers.
 *
 * The layer is narrowed to the kernels that this takes, so that nothing else is compiled: forward needs itself; the backward
 * pass of max and min first runs forward_train on x, that of lp first needs y. */
#include "cli/filling.h"
#include "cli/output.h"
#include "cli/tensor.h"
#include "run/runner.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    ALL_SHOWN = 64,  /* a summary shows a tensor of up to this many elements completely, */
    FIRST_SHOWN = 8, /* and this many of a larger one */
    MESSAGE_MAX = 512,
};

struct run {
    struct pc_cli *cli;
    struct pc_layer layer; /* with only the passes that are run */
    bool used[PC_T_COUNT]; /* takes part */
    struct pc_tensor_facts facts[PC_T_COUNT];
    struct pool_npy files[PC_T_COUNT]; /* read; else data is from pc_tensor_new() */
    void *data[PC_T_COUNT];
    struct pc_filling *filling; /* of data, until the kernels are compiled */
};

/* ---- which tensors ---- */

static bool is_input(const struct run *r, enum pc_tensor_id tensor) {
    return tensor == PC_T_X || (tensor == PC_T_DY && r->cli->options.backward);
}

static bool is_output(const struct run *r, enum pc_tensor_id tensor) {
    if (r->cli->options.backward)
        return tensor == PC_T_DX;
    return tensor == PC_T_Y || (tensor == PC_T_INDICES && pc_layer_has_tensor(&r->layer, PC_T_INDICES));
}

/* "x and dy" */
static const char *names_of(const struct run *r, bool (*which)(const struct run *, enum pc_tensor_id)) {
    const char *text = "";
    for (int t = 0; t < PC_T_COUNT; t++)
        if (which(r, (enum pc_tensor_id)t))
            text = pc_arena_printf(&r->cli->arena, "%s%s%s", text, *text ? " and " : "", pc_tensor_names[t]);
    return text;
}

/* The tensor that a file of -i or -o belongs to; PC_T_COUNT, reported, if it is none of this run. */
static enum pc_tensor_id tensor_of(const struct run *r, const struct pc_tensor_file *file, bool output) {
    bool (*const which)(const struct run *, enum pc_tensor_id) = output ? is_output : is_input;
    const char *name = file->tensor ? file->tensor : !output ? "x" : r->cli->options.backward ? "dx" : "y";
    for (int t = 0; t < PC_T_COUNT; t++)
        if (strcmp(name, pc_tensor_names[t]) == 0 && which(r, (enum pc_tensor_id)t))
            return (enum pc_tensor_id)t;
    pc_cli_fail(r->cli, PC_EXIT_USAGE, "'%s' is no %s of this run; there is %s", name, output ? "output" : "input",
                names_of(r, which));
    return PC_T_COUNT;
}

/* Every name is one of this run's, and none is given twice. */
static bool files_are_sound(const struct run *r, const struct pc_tensor_file *files, bool output) {
    bool seen[PC_T_COUNT] = {false};
    for (const struct pc_tensor_file *file = files; file; file = file->next) {
        const enum pc_tensor_id tensor = tensor_of(r, file, output);
        if (tensor == PC_T_COUNT)
            return false;
        if (seen[tensor]) {
            pc_cli_fail(r->cli, PC_EXIT_USAGE, "%s is given twice", pc_tensor_names[tensor]);
            return false;
        }
        seen[tensor] = true;
    }
    return true;
}

/* What takes part, and which kernels of the layer. */
static bool prepare(struct run *r) {
    const struct pc_options *options = &r->cli->options;
    struct pc_layer *layer = &r->layer;
    if (options->backward ? !layer->backward : !layer->forward) {
        pc_cli_fail(r->cli, PC_EXIT_INPUT, "pool '%s' has no %s pass: its spec says 'passes %s'", layer->name,
                    options->backward ? "backward" : "forward", options->backward ? "forward" : "backward");
        return false;
    }
    if (!files_are_sound(r, options->inputs, false) || !files_are_sound(r, options->outputs, true))
        return false;
    const bool picks = pc_layer_has_tensor(layer, PC_T_STATE), needs_y = layer->desc.mode == POOL_LP;
    layer->backward = options->backward;
    layer->forward = !options->backward || picks || needs_y;
    r->used[PC_T_X] = true;
    r->used[PC_T_Y] = layer->forward;
    r->used[PC_T_INDICES] = layer->forward && pc_layer_has_tensor(layer, PC_T_INDICES);
    r->used[PC_T_STATE] = options->backward && picks;
    r->used[PC_T_DY] = r->used[PC_T_DX] = options->backward;
    int64_t bytes = 0;
    for (int t = 0; t < PC_T_COUNT; t++) {
        r->facts[t] = pc_tensor_facts_of(layer, (enum pc_tensor_id)t);
        bytes += r->used[t] ? pc_tensor_bytes(&r->facts[t]) : 0;
    }
    return pc_memory_suffices(r->cli, layer, bytes);
}

/* ---- inputs ---- */

/* What NumPy would do about a wrong shape or type; "" where nothing obvious helps. */
static const char *remedy(const struct pc_tensor_facts *want, const struct pool_npy *got, struct pc_arena *arena) {
    const char *text = "";
    if (got->count != want->count)
        return text;
    if (got->type != want->type)
        text = pc_arena_printf(arena, ".astype(\"%s\")", pool_npy_name(want->type));
    bool same = got->rank == want->rank;
    for (int i = 0; same && i < want->rank; i++)
        same = got->shape[i] == want->shape[i];
    if (!same) {
        text = pc_arena_printf(arena, "%s.reshape(", text);
        for (int i = 0; i < want->rank; i++)
            text = pc_arena_printf(arena, "%s%s%" PRId64, text, i ? ", " : "", want->shape[i]);
        text = pc_arena_printf(arena, "%s)", text);
    }
    return pc_arena_printf(arena, "; in NumPy: array%s", text);
}

static bool read_input(struct run *r, enum pc_tensor_id tensor, const char *path) {
    struct pc_arena *arena = &r->cli->arena;
    const struct pc_tensor_facts *want = &r->facts[tensor];
    struct pool_npy npy;
    char message[MESSAGE_MAX];
    if (!pool_npy_read(path, &npy, message, sizeof message)) {
        pc_cli_fail(r->cli, PC_EXIT_INPUT, "%s", message);
        return false;
    }
    bool same = npy.type == want->type && npy.rank == want->rank;
    for (int i = 0; same && i < want->rank; i++)
        same = npy.shape[i] == want->shape[i];
    if (!same) {
        pc_cli_fail(r->cli, PC_EXIT_INPUT, "%s: %s of pool '%s' is %s, but the file holds %s%s", path,
                    pc_tensor_names[tensor], r->layer.name, pc_tensor_describe(want->type, want->rank, want->shape, arena),
                    pc_tensor_describe(npy.type, npy.rank, npy.shape, arena), remedy(want, &npy, arena));
        pool_npy_release(&npy);
        return false;
    }
    r->files[tensor] = npy;
    r->data[tensor] = npy.data;
    return true;
}

static bool get_tensors(struct run *r) {
    for (const struct pc_tensor_file *file = r->cli->options.inputs; file; file = file->next)
        if (!read_input(r, tensor_of(r, file, false), file->path))
            return false;
    struct pc_filled filled[PC_T_COUNT] = {{0}};
    for (int t = 0; t < PC_T_COUNT; t++) {
        if (!r->used[t] || r->data[t])
            continue;
        r->data[t] = pc_tensor_new(&r->facts[t]);
        if (!r->data[t])
            longjmp(*r->cli->arena.out_of_memory, 1);
        filled[t] = (struct pc_filled){.data = r->data[t],
                                       .bytes = pc_tensor_bytes(&r->facts[t]),
                                       .stream = is_input(r, (enum pc_tensor_id)t) ? pc_tensor_names[t] : NULL};
    }
    r->filling = pc_filling_begin(filled, PC_T_COUNT, r->cli->options.seed, r->layer.desc.dtype);
    if (!r->filling)
        longjmp(*r->cli->arena.out_of_memory, 1);
    return true;
}

/* ---- the run ---- */

static bool compute(struct run *r) {
    const struct pc_options *options = &r->cli->options;
    const struct pc_module module = {.name = r->layer.name, .layers = &r->layer, .count = 1};
    struct pc_runner_options runner_options = {.plan = r->cli->plan, .targets = options->targets,
                                               .threads = options->threads};
    const struct pc_tensors tensors = {.x = r->data[PC_T_X],
                                       .y = r->data[PC_T_Y],
                                       .indices = r->data[PC_T_INDICES],
                                       .state = r->data[PC_T_STATE],
                                       .dy = r->data[PC_T_DY],
                                       .dx = r->data[PC_T_DX]};
    enum pc_backend backend = pc_backend_default();
    for (int i = 0; i < PC_BACKEND_COUNT; i++)
        if (options->backends >> i & 1)
            backend = (enum pc_backend)i;
    if (backend != PC_BACKEND_JIT) /* which knows this machine's vectors itself, and where C has none */
        runner_options.targets = pc_options_targets_or_native(options);
    if (backend == PC_BACKEND_CC || backend == PC_BACKEND_JIT)
        pc_cli_progress(r->cli, 1, 2, "compiling %s", r->layer.name);
    struct pc_runner *runner = pc_runner_open(backend, &module, &runner_options, &r->cli->diags);
    pc_filling_end(r->filling);
    if (!runner)
        return false;
    pc_cli_progress(r->cli, 2, 2, "running %s", r->layer.name);
    bool good = true;
    if (r->layer.forward)
        good = pc_runner_run(runner, 0, r->used[PC_T_STATE] ? PC_KERNEL_TRAIN : PC_KERNEL_FORWARD, &tensors, &r->cli->diags);
    if (good && options->backward)
        good = pc_runner_run(runner, 0, PC_KERNEL_BACKWARD, &tensors, &r->cli->diags);
    pc_runner_close(runner);
    return good;
}

/* ---- results ---- */

static void add_values(const struct pc_tensor_facts *facts, const void *data, struct pc_text *text) {
    const int64_t row = facts->shape[facts->rank - 1];
    const bool all = facts->count <= ALL_SHOWN;
    const int64_t count = all ? facts->count : FIRST_SHOWN;
    for (int64_t i = 0; i < count; i++) {
        const bool begins = i == 0 || (all && i % row == 0);
        pc_text_printf(text, "%s%s%g", begins && i ? "\n" : "", begins ? "  " : " ", pc_tensor_value(facts, data, i));
    }
    pc_text_add(text, all ? "\n" : " ...\n");
}

struct summary {
    double least, greatest, sum;
    int64_t nans; /* which are neither the least nor the greatest */
};

static struct summary summarise(const struct pc_tensor_facts *facts, const void *data) {
    enum { CHUNK = 512 }; /* elements: few enough for the stack, enough for loops of one type */
    struct summary s = {.least = INFINITY, .greatest = -INFINITY};
    double values[CHUNK];
    for (int64_t from = 0; from < facts->count; from += CHUNK) {
        const int64_t count = facts->count - from < CHUNK ? facts->count - from : CHUNK;
        pc_tensor_values(facts, data, from, count, values);
        for (int64_t i = 0; i < count; i++) {
            s.nans += isnan(values[i]);
            s.least = values[i] < s.least ? values[i] : s.least;
            s.greatest = values[i] > s.greatest ? values[i] : s.greatest;
            s.sum += values[i];
        }
    }
    return s;
}

/* Shape, least, greatest, mean and some values. */
static void add_summary(struct run *r, enum pc_tensor_id tensor, struct pc_text *text) {
    const struct pc_tensor_facts *facts = &r->facts[tensor];
    const struct summary s = summarise(facts, r->data[tensor]);
    pc_text_printf(text, "%s %s", pc_tensor_names[tensor],
                   pc_tensor_describe(facts->type, facts->rank, facts->shape, &r->cli->arena));
    if (s.nans < facts->count)
        pc_text_printf(text, ": min %g, max %g, mean %g", s.least, s.greatest, s.sum / (double)facts->count);
    if (s.nans)
        pc_text_printf(text, "%s %" PRId64 " NaN", s.nans < facts->count ? "," : ":", s.nans);
    pc_text_add_char(text, '\n');
    add_values(facts, r->data[tensor], text);
}

static void print_summaries(struct run *r) {
    struct pc_text text = pc_cli_text(r->cli);
    for (int t = 0; t < PC_T_COUNT; t++)
        if (is_output(r, (enum pc_tensor_id)t))
            add_summary(r, (enum pc_tensor_id)t, &text);
    pc_cli_print(r->cli, &text);
    pc_text_release(&text);
}

static void write_results(struct run *r) {
    struct pc_outputs outputs;
    bool good = true;
    pc_outputs_open(&outputs, r->cli);
    for (const struct pc_tensor_file *file = r->cli->options.outputs; good && file; file = file->next) {
        const enum pc_tensor_id tensor = tensor_of(r, file, true);
        const struct pc_tensor_facts *facts = &r->facts[tensor];
        const char *path = pc_outputs_reserve(&outputs, file->path);
        char message[MESSAGE_MAX];
        good = path != NULL;
        if (good &&
            !pool_npy_write(path, facts->type, facts->rank, facts->shape, r->data[tensor], message, sizeof message)) {
            /* The message begins with the temporary name, which means nothing to the user. */
            const size_t name = strlen(path);
            pc_cli_fail(r->cli, PC_EXIT_FAILURE, "%s%s", file->path,
                        strncmp(message, path, name) == 0 ? message + name : message);
            good = false;
        }
    }
    pc_outputs_commit(&outputs, good);
}

/* Whether one of the files is this one. */
static bool is_among(const char *path, const struct pc_tensor_file *files) {
    while (files && !pc_same_file(path, files->path))
        files = files->next;
    return files;
}

/* False, reported, where one file would be written for two tensors, or over what was read. */
static bool outputs_differ(struct run *r) {
    const char *problem = NULL;
    for (const struct pc_tensor_file *a = r->cli->options.outputs; a && !problem; a = a->next) {
        if (!pc_output_is_apart(r->cli, a->path))
            return false;
        problem = is_among(a->path, a->next)                  ? "two outputs have this name"
                  : is_among(a->path, r->cli->options.inputs) ? "would be written over an input"
                                                              : NULL;
        if (problem)
            pc_cli_fail(r->cli, PC_EXIT_USAGE, "%s: %s", a->path, problem);
    }
    return !problem;
}

void pc_cmd_run(struct pc_cli *cli) {
    struct pc_module *module = pc_cli_load(cli);
    module = module ? pc_cli_select(cli, module) : NULL;
    if (!module)
        return;
    if (module->count > 1) {
        pc_cli_fail(cli, PC_EXIT_USAGE, "%s holds %zu pools; name one: %s", cli->source->name, module->count,
                    pc_cli_layer_names(cli, module));
        return;
    }
    struct run r = {.cli = cli, .layer = module->layers[0]};
    const struct pc_targets targets = pc_options_targets_or_native(&cli->options);
    if (pc_cli_plan(cli, module, &targets) && prepare(&r) && outputs_differ(&r) && get_tensors(&r) && compute(&r)) {
        if (cli->options.outputs)
            write_results(&r);
        else
            print_summaries(&r);
    }
    for (int t = 0; t < PC_T_COUNT; t++) {
        if (!r.files[t].data)
            free(r.data[t]);
        pool_npy_release(&r.files[t]);
    }
}
