/* bench_compile.c - poolc bench --compile: how long it takes from a layer to machine code in this process, kernel by kernel,
 * and from the text of a spec to a first result in a fresh process. */
#include "cli/bench.h"

#include "cli/clock.h"
#include "cli/json.h"
#include "llvm/jit.h"
#include "run/process.h"

#include <inttypes.h>
#include <string.h>

enum { REPEAT_DEFAULT = 5 };

struct times {
    double middle, llvm; /* milliseconds, medians: plan, lower and simplify; translate, optimise, generate, link */
    int64_t operations;  /* of the code */
    size_t line;         /* operations in the longest straight line */
};

/* ---- one kernel ---- */

static bool compile_once(struct pc_cli *cli, struct pc_jit *jit, const struct pc_layer *layer, enum pc_kernel_kind kind,
                         struct times *times) {
    struct pc_arena arena = {.out_of_memory = cli->arena.out_of_memory};
    struct pc_kernel_options options = {.prefix = "bench", .plan = cli->plan};
    const struct pc_targets *targets = &cli->options.targets;
    pc_target_plan(targets->count ? targets->items[0] : pc_target_native(), &options.plan);
    const double begin = pc_clock();
    const struct pc_kernel *kernel = pc_kernel_build(layer, kind, &options, &arena, &cli->diags);
    const double middle = pc_clock();
    struct pc_jit_code *code = kernel ? pc_jit_compile(jit, kernel->ir, &cli->diags) : NULL;
    *times = (struct times){.middle = middle - begin, .llvm = pc_clock() - middle};
    if (kernel) {
        times->operations = kernel->cost.code;
        times->line = ir_longest_line(kernel->ir, &kernel->ir->body);
    }
    const bool good = code != NULL;
    pc_jit_release(code);
    pc_arena_release(&arena);
    return good;
}

static bool measure(struct pc_cli *cli, struct pc_jit *jit, const struct pc_layer *layer, enum pc_kernel_kind kind,
                    int64_t repeat, struct times *times) {
    double *middle = PC_NEW_ARRAY(&cli->arena, (size_t)repeat, double);
    double *llvm = PC_NEW_ARRAY(&cli->arena, (size_t)repeat, double);
    for (int64_t i = 0; i < repeat; i++) {
        if (!compile_once(cli, jit, layer, kind, times))
            return false;
        middle[i] = times->middle;
        llvm[i] = times->llvm;
    }
    times->middle = pc_median(middle, repeat);
    times->llvm = pc_median(llvm, repeat);
    return true;
}

/* ---- a fresh process ---- */

/* The time of `poolc run SPEC LAYER`, from its start to its end; 0 where it cannot be run, as for standard input. */
static double fresh_process(struct pc_cli *cli, const char *layer, int64_t repeat) {
    const char *const arguments[] = {"/proc/self/exe", "run", "--quiet", "--backend", "jit", cli->options.file, layer, NULL};
    double *times = PC_NEW_ARRAY(&cli->arena, (size_t)repeat, double);
    if (strcmp(cli->options.file, "-") == 0)
        return 0;
    for (int64_t i = 0; i < repeat; i++) {
        char errors[1];
        struct pc_signals signals;
        pc_signals_hold(&signals);
        const double begin = pc_clock();
        const struct pc_process_end end = pc_process_run(arguments, &signals, errors, sizeof errors);
        times[i] = pc_clock() - begin;
        pc_signals_release(&signals);
        if (!end.started || end.status != 0)
            return 0;
    }
    return pc_median(times, repeat);
}

/* ---- the report ---- */

struct sums {
    double llvm, greatest;
    const char *greatest_layer;
    enum pc_kernel_kind greatest_kind;
    int count;
};

static void add_kernel(struct pc_cli *cli, const struct pc_layer *layer, enum pc_kernel_kind kind, const struct times *times,
                       struct sums *sums, struct pc_text *text, struct pc_json *json) {
    sums->llvm += times->llvm;
    sums->count++;
    if (times->llvm > sums->greatest) {
        sums->greatest = times->llvm;
        sums->greatest_layer = layer->name;
        sums->greatest_kind = kind;
    }
    if (!cli->options.json) {
        pc_text_printf(text, "%-24s %-14s %8.2f ms %8.2f ms %10" PRId64 " %8zu\n", layer->name, pc_kernel_suffix[kind],
                       times->middle, times->llvm, times->operations, times->line);
        pc_cli_print(cli, text);
        return;
    }
    pc_json_open(json, NULL, '{');
    pc_json_string(json, "layer", layer->name);
    pc_json_string(json, "kernel", pc_kernel_suffix[kind]);
    pc_json_real(json, "milliseconds_plan_and_lower", times->middle);
    pc_json_real(json, "milliseconds_llvm", times->llvm);
    pc_json_integer(json, "operations", times->operations);
    pc_json_integer(json, "longest_line", (int64_t)times->line);
    pc_json_close(json, '}');
}

static void begin_report(struct pc_cli *cli, struct pc_text *text, struct pc_json *json) {
    if (!cli->options.json) {
        pc_text_printf(text, "%-24s %-14s %11s %11s %10s %8s\n", "", "", "plan, lower", "LLVM", "operations", "longest");
        return;
    }
    pc_json_open(json, NULL, '{');
    pc_json_string(json, "spec", cli->source->name);
    pc_json_open(json, "kernels", '[');
}

static void end_report(struct pc_cli *cli, const struct sums *sums, const char *first, double fresh, struct pc_text *text,
                       struct pc_json *json) {
    if (cli->options.json) {
        pc_json_close(json, ']');
        if (fresh > 0)
            pc_json_real(json, "milliseconds_fresh_process", fresh);
        pc_json_close(json, '}');
    } else {
        pc_text_printf(text, "LLVM: mean of %d kernels %.2f ms, most %.2f ms (%s %s)\n", sums->count,
                       sums->llvm / sums->count, sums->greatest, sums->greatest_layer,
                       pc_kernel_suffix[sums->greatest_kind]);
        if (fresh > 0)
            pc_text_printf(text, "a fresh process, from the text to the result of %s: %.1f ms\n", first, fresh);
    }
    pc_cli_print(cli, text);
}

void pc_bench_compile(struct pc_cli *cli, const struct pc_module *module) {
    const int64_t repeat = cli->options.repeat ? cli->options.repeat : REPEAT_DEFAULT;
    struct pc_jit *jit = pc_jit_open(&cli->diags);
    if (!jit)
        return;
    struct pc_text text = pc_cli_text(cli);
    struct pc_json json = {.text = &text};
    struct sums sums = {0};
    bool good = true;
    begin_report(cli, &text, &json);
    for (size_t i = 0; good && i < module->count; i++) {
        const struct pc_layer *layer = &module->layers[i];
        pc_cli_progress(cli, i + 1, module->count, "%s", layer->name);
        for (int kind = 0; good && kind < PC_KERNEL_COUNT; kind++) {
            struct times times = {0};
            if (!pc_layer_has_kernel(layer, (enum pc_kernel_kind)kind))
                continue;
            good = measure(cli, jit, layer, (enum pc_kernel_kind)kind, repeat, &times);
            if (good)
                add_kernel(cli, layer, (enum pc_kernel_kind)kind, &times, &sums, &text, &json);
        }
    }
    if (good)
        end_report(cli, &sums, module->layers[0].name, fresh_process(cli, module->layers[0].name, repeat), &text, &json);
    pc_text_release(&text);
    pc_jit_close(jit);
}
