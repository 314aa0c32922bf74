/* cmd_bench.c - poolc bench: a line for each kernel. */
#include "cli/bench.h"
#include "cli/json.h"
#include "cli/tensor.h"
#include "llvm/codegen.h"

#include <math.h>

/* "212.3 us" */
static const char *time_text(double nanoseconds, struct pc_arena *arena) {
    static const char *const units[] = {"ns", "us", "ms", "s"};
    int unit = 0;
    for (; unit < 3 && nanoseconds >= 1000; unit++)
        nanoseconds /= 1000;
    return pc_arena_printf(arena, "%.4g %s", nanoseconds, units[unit]);
}

static void add_line(const struct pc_bench_line *line, struct pc_arena *arena, struct pc_text *text) {
    pc_text_printf(text, "  %-14s %10s %8.2f %11s %7.1fx %11s %6.0f %%", pc_kernel_suffix[line->kind],
                   time_text(line->kernel, arena), (double)line->bytes / line->kernel, time_text(line->nest, arena),
                   line->nest / line->kernel, time_text(line->limit, arena), 100 * line->limit / line->kernel);
    if (line->jit > 0)
        pc_text_printf(text, " %11s %7.2fx", time_text(line->jit, arena), line->kernel / line->jit);
    pc_text_add(text, line->same ? "\n" : "  results differ\n");
}

static void add_json(const struct pc_bench_line *line, struct pc_json *json) {
    pc_json_open(json, NULL, '{');
    pc_json_string(json, "kernel", pc_kernel_suffix[line->kind]);
    pc_json_real(json, "nanoseconds", line->kernel);
    pc_json_real(json, "nanoseconds_loop_nest", line->nest);
    pc_json_real(json, "nanoseconds_limit", line->limit);
    if (line->jit > 0)
        pc_json_real(json, "nanoseconds_jit", line->jit);
    pc_json_integer(json, "bytes", line->bytes);
    pc_json_real(json, "gigabytes_per_second", (double)line->bytes / line->kernel);
    pc_json_real(json, "speed_up", line->nest / line->kernel);
    pc_json_real(json, "fraction_of_limit", line->limit / line->kernel);
    pc_json_integer(json, "samples", line->samples);
    pc_json_bool(json, "same_results", line->same);
    pc_json_close(json, '}');
}

static void add_layer(struct pc_cli *cli, const struct pc_layer *layer, const struct pc_bench_report *report,
                      struct pc_text *text, struct pc_json *json) {
    struct pc_arena *arena = &cli->arena;
    const struct pc_tensor_facts x = pc_tensor_facts_of(layer, PC_T_X), y = pc_tensor_facts_of(layer, PC_T_Y);
    const struct pc_targets targets = pc_options_targets_or_native(&cli->options);
    if (cli->options.json) {
        pc_json_open(json, NULL, '{');
        pc_json_string(json, "name", layer->name);
        pc_json_open(json, "kernels", '[');
        for (int i = 0; i < report->count; i++)
            add_json(&report->lines[i], json);
        pc_json_close(json, ']');
        pc_json_close(json, '}');
        return;
    }
    const int threads = cli->options.threads;
    pc_text_printf(text, "pool %s: %s, x %s -> y %s, for %s%s\n", layer->name, pc_mode_of(layer->desc.mode)->name,
                   pc_tensor_describe(x.type, x.rank, x.shape, arena), pc_tensor_describe(y.type, y.rank, y.shape, arena),
                   pc_targets_text(&targets, arena),
                   threads > 1 ? pc_arena_printf(arena, ", %d threads", threads) : "");
    pc_text_printf(text, "  %-14s %10s %8s %11s %8s %11s %8s", "", "time", "GB/s", "loop nest", "speed-up", "limit",
                   "of limit");
    pc_text_printf(text, pc_llvm_is_there() ? " %11s %8s\n" : "\n", "by LLVM", "to C");
    for (int i = 0; i < report->count; i++)
        add_line(&report->lines[i], arena, text);
}

/* Geometric means over all kernels, and the least. */
struct means {
    double limit, jit, least; /* logarithms of the fraction of the limit and of JIT to C, summed; the least of the latter */
    const char *least_layer;
    enum pc_kernel_kind least_kind;
    int count;
};

static void add_to_means(struct means *means, const struct pc_layer *layer, const struct pc_bench_report *report) {
    for (int i = 0; i < report->count; i++) {
        const struct pc_bench_line *line = &report->lines[i];
        const double ratio = line->jit > 0 ? line->kernel / line->jit : 1;
        means->limit += log(line->limit / line->kernel);
        means->jit += log(ratio);
        if (means->count++ > 0 && ratio >= means->least)
            continue;
        means->least = ratio;
        means->least_layer = layer->name;
        means->least_kind = line->kind;
    }
}

static void add_means(const struct means *means, struct pc_text *text) {
    if (means->count < 2)
        return;
    pc_text_printf(text, "geometric mean of %d kernels: %.0f %% of the limit", means->count,
                   100 * exp(means->limit / means->count));
    if (pc_llvm_is_there())
        pc_text_printf(text, "; by LLVM %.2fx the speed of C, least %.2fx (%s %s)", exp(means->jit / means->count),
                       means->least, means->least_layer, pc_kernel_suffix[means->least_kind]);
    pc_text_add(text, "\n");
}

static void bench_layers(struct pc_cli *cli, const struct pc_module *module) {
    struct pc_text text = pc_cli_text(cli);
    struct pc_json json = {.text = &text};
    struct means means = {0};
    const struct pc_targets targets = pc_options_targets_or_native(&cli->options);
    if (cli->options.json) {
        pc_json_open(&json, NULL, '{');
        pc_json_string(&json, "spec", cli->source->name);
        pc_json_string(&json, "target", pc_targets_text(&targets, &cli->arena));
        pc_json_integer(&json, "threads", cli->options.threads ? cli->options.threads : 1);
        pc_json_open(&json, "layers", '[');
    }
    for (size_t i = 0; i < module->count; i++) {
        const struct pc_layer *layer = &module->layers[i];
        struct pc_bench_report report;
        pc_cli_progress(cli, i + 1, module->count, "%s", layer->name);
        const bool measured = pc_bench_layer(cli, layer, &report);
        pc_cli_report(cli);
        if (!measured)
            continue;
        add_layer(cli, layer, &report, &text, &json);
        add_to_means(&means, layer, &report);
        if (!cli->options.json)
            pc_cli_print(cli, &text);
        for (int k = 0; k < report.count; k++)
            if (!report.lines[k].same)
                pc_cli_fail(cli, PC_EXIT_INPUT,
                            "%s of pool '%s' computes something else than the loop nest: see 'poolc check'",
                            pc_kernel_suffix[report.lines[k].kind], layer->name);
    }
    if (cli->options.json) {
        pc_json_close(&json, ']');
        pc_json_close(&json, '}');
    } else {
        add_means(&means, &text);
    }
    pc_cli_print(cli, &text);
    pc_text_release(&text);
}

void pc_cmd_bench(struct pc_cli *cli) {
    struct pc_module *module = pc_cli_load(cli);
    const bool generate = cli->options.generate;
    const struct pc_targets targets =
        generate ? pc_targets_or_c99(&cli->options.targets) : pc_options_targets_or_native(&cli->options);
    module = module && !generate ? pc_cli_select(cli, module) : module;
    if (!module || !pc_cli_plan(cli, module, &targets))
        return;
    if (generate)
        pc_bench_generate(cli, module);
    else if (cli->options.compile)
        pc_bench_compile(cli, module);
    else
        bench_layers(cli, module);
}
