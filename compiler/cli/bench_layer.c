/* bench_layer.c - see bench.h. The program is templates/bench.c.in with the layer's constants; it lies with the generated
 * files in a private temporary folder that is removed when it has run. */
#include "cli/bench.h"

#include "back/emit_c.h"
#include "back/frame.h"
#include "back/template.h"
#include "cli/output.h"
#include "cli/tensor.h"
#include "llvm/codegen.h"
#include "llvm/jit.h"
#include "poolc_version.h"
#include "run/process.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char base_name[] = "layer";
static const char jit_prefix[] = "jit"; /* of the names of LLVM's kernels; "bench" is that of C's */

/* ---- the program ---- */

static const char *const mode_words[] = {
#define MODE(id, name, lift, combine, finish, gradient, idempotent, keys, line) [POOL_##id] = "MODE_" #id,
#include "modes.def"
#undef MODE
};
static const char *const divisor_words[] = {
    [POOL_DIVISOR_TAPS] = "DIVISOR_TAPS",
    [POOL_DIVISOR_PADDED] = "DIVISOR_PADDED",
    [POOL_DIVISOR_WINDOW] = "DIVISOR_WINDOW",
    [POOL_DIVISOR_OVERRIDE] = "DIVISOR_OVERRIDE",
};
static const char *const indices_words[] = {
    [POOL_INDICES_NONE] = "INDICES_NONE",
    [POOL_INDICES_WINDOW] = "INDICES_WINDOW",
    [POOL_INDICES_PLANE] = "INDICES_PLANE",
    [POOL_INDICES_TENSOR] = "INDICES_TENSOR",
};

static void add_number(struct pc_text *text, const char *name, const char *axis, int64_t value) {
    pc_text_printf(text, "#define %s%s INT64_C(%" PRId64 ")\n", name, axis, value);
}

static void add_constants(const struct pc_layer *layer, struct pc_text *text) {
    static const char *const axes[POOL_MAX_RANK] = {"D", "H", "W"};
    const struct pool_desc *desc = &layer->desc;
    pc_text_printf(text, "#define MODE %s\n#define EXPONENT ((double)%.17g)\n", mode_words[desc->mode],
                   desc->mode == POOL_LP ? desc->p : 1);
    pc_text_printf(text, "#define DIVISOR %s\n#define INDICES %s\n", divisor_words[desc->divisor],
                   indices_words[desc->indices]);
    pc_text_printf(text, "#define NAN_IGNORE %d\n#define CHANNELS_LAST %d\n", desc->nan == POOL_NAN_IGNORE,
                   desc->layout == POOL_CHANNELS_LAST);
    add_number(text, "DIVISOR_VALUE", "", desc->divisor == POOL_DIVISOR_OVERRIDE ? desc->divisor_override : 1);
    add_number(text, "BATCH", "", desc->batch);
    add_number(text, "CHANNELS", "", desc->channels);
    add_number(text, "X_COUNT", "", layer->x_count);
    add_number(text, "Y_COUNT", "", layer->y_count);
    for (int a = 0; a < POOL_MAX_RANK; a++) {
        const struct pc_axis *axis = &layer->axis[a];
        add_number(text, "IN_", axes[a], axis->in);
        add_number(text, "OUT_", axes[a], axis->out);
        add_number(text, "KERNEL_", axes[a], axis->kernel);
        add_number(text, "STRIDE_", axes[a], axis->adaptive ? 1 : axis->stride);
        add_number(text, "DILATION_", axes[a], axis->adaptive ? 1 : axis->dilation);
        add_number(text, "PAD_", axes[a], axis->adaptive ? 0 : axis->pad_begin);
        add_number(text, "PAD_END_", axes[a], axis->adaptive ? 0 : axis->pad_end);
        add_number(text, "ADAPTIVE_", axes[a], axis->adaptive);
    }
}

/* The function NAME_SUFFIX() of the program, which makes the call, or, of several threads, each its part of it. */
static void add_caller(const char *name, const char *suffix, int threads, const char *call, struct pc_text *text) {
    if (threads <= 1) {
        pc_text_printf(text, "static void %s_%s(void) {\n    %s);\n}\n", name, suffix, call);
        return;
    }
    pc_text_printf(text, "static void %s_%s_part(size_t part) {\n    %s, part, THREADS);\n}\n", name, suffix, call);
    pc_text_printf(text, "static void %s_%s(void) {\n    run_parts(%s_%s_part);\n}\n", name, suffix, name, suffix);
}

/* A call of the kernel; the program's variables are called as the parameters are. `suffix` is that of the caller. */
static void add_call(const struct pc_kernel *kernel, const char *suffix, const char *function, int threads,
                     struct pc_arena *arena, struct pc_text *text) {
    const char *call = pc_arena_printf(arena, "%s%s(", function, threads > 1 ? "_part" : ""), *separator = "";
    for (size_t i = 0; i < kernel->ir->buffer_count; i++) {
        if (kernel->ir->buffers[i].role == IR_LOCAL)
            continue;
        call = pc_arena_printf(arena, "%s%s%s", call, separator, kernel->ir->buffers[i].name);
        separator = ", ";
    }
    add_caller(pc_kernel_suffix[kernel->kind], suffix, threads, call, text);
}

/* The kernel of the JIT is in an object of its own, under another name. */
static void add_jit_call(const struct pc_kernel *kernel, int threads, struct pc_arena *arena, struct pc_text *text) {
    struct ir_function renamed = *kernel->ir;
    renamed.name = pc_kernel_name(jit_prefix, kernel->layer, kernel->kind, arena);
    (threads > 1 ? pc_emit_c_part_signature : pc_emit_c_signature)(&renamed, "", text);
    pc_text_add(text, ";\n");
    add_call(kernel, "jit", renamed.name, threads, arena, text);
}

static void add_subject(const struct pc_kernel *kernel, int threads, struct pc_arena *arena, struct pc_text *calls,
                        struct pc_text *subjects) {
    static const char *const nests[PC_KERNEL_COUNT] = {
        [PC_KERNEL_FORWARD] = "nest_forward(x, nest_y, nest_indices, NULL)",
        [PC_KERNEL_TRAIN] = "nest_forward(x, nest_y, nest_indices, nest_state)",
        [PC_KERNEL_BACKWARD] = "nest_backward(x, y, dy, state, nest_dx)",
    };
    const char *name = pc_kernel_suffix[kernel->kind];
    const struct ir_cost *cost = &kernel->cost;
    const bool jit = pc_llvm_is_there();
    add_call(kernel, "kernel", kernel->ir->name, threads, arena, calls);
    if (jit)
        add_jit_call(kernel, threads, arena, calls);
    pc_text_printf(calls, "static void %s_nest(void) {\n    %s;\n}\n", name, nests[kernel->kind]);
    const char *move = pc_arena_printf(arena, "%s(from, wides(INT64_C(%" PRId64 ")), to, wides(INT64_C(%" PRId64 "))",
                                       threads > 1 ? "move_part" : "move", cost->bytes_in, cost->bytes_out);
    add_caller(name, "limit", threads, move, calls);
    pc_text_printf(subjects,
                   "    {\"%s\", %s_kernel, %s_nest, %s_limit, %s%s, %d, INT64_C(%" PRId64 "), INT64_C(%" PRId64 ")},\n",
                   name, name, name, name, jit ? name : "NULL", jit ? "_jit" : "", kernel->kind == PC_KERNEL_BACKWARD,
                   cost->bytes_in, cost->bytes_out);
}

struct program {
    struct pc_text source, header, bench, object; /* object: the kernels of the JIT, empty without LLVM */
};

/* What the JIT would run, as an object. */
static bool add_object(struct pc_cli *cli, const struct pc_module *module, const struct pc_kernel_options *options,
                       struct pc_text *object) {
    struct pc_kernel_options kernel = {.prefix = jit_prefix, .plan = options->plan};
    pc_target_plan_native(&kernel.plan);
    const struct pc_codegen_options codegen = {.cpu = "native"};
    return !pc_llvm_is_there() || pc_codegen(module, &kernel, &codegen, PC_CODE_OBJECT, object, &cli->diags);
}

/* Writes the texts and the first half of the report. */
static bool make_program(struct pc_cli *cli, const struct pc_layer *layer, struct program *program,
                         struct pc_bench_report *report) {
    struct pc_arena arena = {.out_of_memory = cli->arena.out_of_memory};
    struct pc_layer copy = *layer;
    const struct pc_module module = {.name = base_name, .layers = &copy, .count = 1};
    const struct pc_frame_options options = {
        .spec_name = base_name,
        .base_name = base_name,
        .kernel = {.prefix = "bench", .plan = cli->plan},
        .targets = pc_options_targets_or_native(&cli->options),
    };
    struct pc_text calls = pc_cli_text(cli), subjects = pc_cli_text(cli), constants = pc_cli_text(cli);
    bool good = true;
    add_constants(layer, &constants);
    pc_text_printf(&constants, "#define THREADS %d\n", cli->options.threads > 1 ? cli->options.threads : 1);
    for (int kind = 0; good && kind < PC_KERNEL_COUNT; kind++) {
        if (!pc_layer_has_kernel(layer, (enum pc_kernel_kind)kind))
            continue;
        const struct pc_kernel *kernel =
            pc_kernel_build(layer, (enum pc_kernel_kind)kind, &options.kernel, &arena, &cli->diags);
        good = kernel != NULL;
        if (!good)
            break;
        report->lines[report->count++] =
            (struct pc_bench_line){.kind = kernel->kind, .bytes = kernel->cost.bytes_in + kernel->cost.bytes_out};
        add_subject(kernel, cli->options.threads, &arena, &calls, &subjects);
    }
    const struct pc_template_value values[] = {
        {"VERSION", POOLC_VERSION},
        {"BASE", base_name},
        {"REAL", layer->desc.dtype == POOL_F32 ? "float" : "double"},
        {"F", layer->desc.dtype == POOL_F32 ? "f" : ""},
        {"STATE", ir_elements[pc_state_element(layer)].c_type},
        {"INDEX", ir_elements[pc_index_element(layer)].c_type},
        {"CONSTANTS", pc_text_string(&constants)},
        {"CALLS", pc_text_string(&calls)},
        {"SUBJECTS", pc_text_string(&subjects)},
        {NULL, NULL},
    };
    const struct pc_frame_texts texts = {.source = &program->source, .header = &program->header};
    good = good && pc_frame_write(&module, &options, &texts, &cli->diags) &&
           add_object(cli, &module, &options.kernel, &program->object);
    if (good)
        pc_template_fill(pc_template_bench_c, values, &program->bench);
    pc_text_release(&calls);
    pc_text_release(&subjects);
    pc_text_release(&constants);
    pc_arena_release(&arena);
    return good;
}

/* ---- compiling and running it ---- */

enum { FILE_SOURCE, FILE_HEADER, FILE_BENCH, FILE_OBJECT, FILE_PROGRAM, FILE_RESULTS, FILE_COUNT };
static const char *const file_names[FILE_COUNT] = {"layer.c", "layer.h", "bench.c", "jit.o", "bench", "results"};

enum { ERRORS_MAX = 2000 }; /* bytes of a program's messages that are shown */
enum { NOT_FOUND = 127 };   /* how a shell says that there is no such program */

struct workshop {
    struct pc_cli *cli;
    char *folder;
    const char *paths[FILE_COUNT];
};

static bool write_file(struct workshop *w, int file, const struct pc_text *text) {
    FILE *stream = fopen(w->paths[file], "we");
    bool good = stream && fwrite(pc_text_string(text), 1, text->size, stream) == text->size;
    if (stream && fclose(stream) != 0)
        good = false;
    if (!good)
        pc_cli_fail(w->cli, PC_EXIT_FAILURE, "%s: cannot be written: %s", w->paths[file], strerror(errno));
    return good;
}

/* The shell splits $CC and the flags of the target; everything else is passed on as it is. */
static bool compile(struct workshop *w, const struct pc_signals *signals) {
    const struct pc_targets targets = pc_options_targets_or_native(&w->cli->options);
    const char *const arguments[] = {"/bin/sh",
                                     "-c",
                                     pc_arena_printf(&w->cli->arena, "exec ${CC:-cc} %s \"$@\"", pc_targets_flags(&targets)),
                                     "sh",
                                     "-O3",
                                     "-march=native",
                                     "-ffp-contract=off",
                                     "-o",
                                     w->paths[FILE_PROGRAM],
                                     w->paths[FILE_BENCH],
                                     w->paths[FILE_SOURCE],
                                     "-lm",
                                     "-pthread",
                                     pc_llvm_is_there() ? w->paths[FILE_OBJECT] : NULL,
                                     NULL};
    const char *plain[sizeof arguments / sizeof *arguments]; /* without -march=native, which not every compiler knows */
    int count = 0;
    for (const char *const *argument = arguments; *argument; argument++)
        if (strcmp(*argument, "-march=native") != 0)
            plain[count++] = *argument;
    plain[count] = NULL;
    char errors[ERRORS_MAX];
    struct pc_process_end end = pc_process_run(arguments, signals, errors, sizeof errors);
    if (end.started && !end.stopped && end.status != 0)
        end = pc_process_run(plain, signals, errors, sizeof errors);
    const char *name = getenv("CC");
    if (end.started && end.status == NOT_FOUND)
        pc_cli_fail(w->cli, PC_EXIT_FAILURE, "cannot run the C compiler '%s'; set CC to another one", name ? name : "cc");
    else if (!end.started || end.status != 0)
        pc_cli_fail(w->cli, PC_EXIT_FAILURE, "the C compiler cannot compile the measuring program:%s%s",
                    end.started && *errors ? "\n" : " ",
                    !end.started ? strerror(end.status)
                    : *errors    ? errors
                                 : "it said nothing; set CC to another one");
    return end.started && end.status == 0;
}

static bool run_program(struct workshop *w, const struct pc_signals *signals) {
    const char *const arguments[] = {w->paths[FILE_PROGRAM], w->paths[FILE_RESULTS], NULL};
    char errors[ERRORS_MAX];
    const struct pc_process_end end = pc_process_run(arguments, signals, errors, sizeof errors);
    if (!end.started || end.status != 0)
        pc_cli_fail(w->cli, PC_EXIT_FAILURE, "the measuring program failed: %s",
                    !end.started ? strerror(end.status)
                    : *errors    ? errors
                                 : pc_arena_printf(&w->cli->arena, "status %d", end.status));
    return end.started && end.status == 0;
}

static bool read_results(struct workshop *w, struct pc_bench_report *report) {
    FILE *stream = fopen(w->paths[FILE_RESULTS], "re");
    bool good = stream != NULL;
    for (int i = 0; good && i < report->count; i++) {
        struct pc_bench_line *line = &report->lines[i];
        char name[32];
        int same = 0;
        good = fscanf(stream, "%31s %lf %lf %lf %lf %d %d", name, &line->kernel, &line->nest, &line->limit, &line->jit,
                      &line->samples, &same) == 7 &&
               strcmp(name, pc_kernel_suffix[line->kind]) == 0;
        line->same = same == 1;
    }
    if (stream)
        fclose(stream);
    if (!good)
        pc_cli_fail(w->cli, PC_EXIT_FAILURE, "the measuring program left no results");
    return good;
}

/* Everything that happens while the folder exists; signals that end the program wait for the end of it, and end the
 * programs that it runs. */
static bool work(struct workshop *w, const struct program *program, struct pc_bench_report *report) {
    struct pc_signals signals;
    pc_signals_hold(&signals);
    bool good = mkdtemp(w->folder) != NULL;
    if (!good) {
        pc_cli_fail(w->cli, PC_EXIT_FAILURE, "%s: cannot be made: %s", w->folder, strerror(errno));
        pc_signals_release(&signals);
        return false;
    }
    for (int i = 0; i < FILE_COUNT; i++)
        w->paths[i] = pc_arena_printf(&w->cli->arena, "%s/%s", w->folder, file_names[i]);
    good = write_file(w, FILE_SOURCE, &program->source) && write_file(w, FILE_HEADER, &program->header) &&
           write_file(w, FILE_BENCH, &program->bench) && write_file(w, FILE_OBJECT, &program->object) &&
           compile(w, &signals) && run_program(w, &signals) && read_results(w, report);
    for (int i = 0; i < FILE_COUNT; i++)
        unlink(w->paths[i]);
    rmdir(w->folder);
    pc_signals_release(&signals);
    return good;
}

/* All tensors of the program: x thrice, y and its likes eight times at most as wide as int64_t. */
static bool fits(struct pc_cli *cli, const struct pc_layer *layer) {
    const int64_t element = layer->desc.dtype == POOL_F32 ? 4 : 8;
    return pc_memory_suffices(cli, layer, 4 * element * layer->x_count + 8 * (int64_t)sizeof(int64_t) * layer->y_count);
}

static bool can_run(struct pc_cli *cli) {
    const struct pc_targets targets = pc_options_targets_or_native(&cli->options);
    if (pc_targets_here(&targets) == PC_TARGET_COUNT) {
        pc_cli_fail(cli, PC_EXIT_FAILURE, "this machine cannot run code for %s", pc_targets_text(&targets, &cli->arena));
        return false;
    }
    return true;
}

bool pc_bench_layer(struct pc_cli *cli, const struct pc_layer *layer, struct pc_bench_report *report) {
    struct program program = {pc_cli_text(cli), pc_cli_text(cli), pc_cli_text(cli), pc_cli_text(cli)};
    struct workshop w = {.cli = cli, .folder = pc_arena_printf(&cli->arena, "%s", pc_temporary_pattern(&cli->arena))};
    *report = (struct pc_bench_report){0};
    const bool good = can_run(cli) && fits(cli, layer) && make_program(cli, layer, &program, report) &&
                      work(&w, &program, report);
    pc_text_release(&program.source);
    pc_text_release(&program.header);
    pc_text_release(&program.bench);
    pc_text_release(&program.object);
    return good;
}
