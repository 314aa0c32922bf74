/* cmd_bench.c - poolc bench: a line for each kernel. */
#include "cli/bench.h"
#include "cli/json.h"
#include "cli/tensor.h"

/* "212.3 us" */
static const char *time_text(double nanoseconds, struct pc_arena *arena) {
    static const char *const units[] = {"ns", "us", "ms", "s"};
    int unit = 0;
    for (; unit < 3 && nanoseconds >= 1000; unit++)
        nanoseconds /= 1000;
    return pc_arena_printf(arena, "%.4g %s", nanoseconds, units[unit]);
}

static void add_line(const struct pc_bench_line *line, struct pc_arena *arena, struct pc_text *text) {
    pc_text_printf(text, "  %-14s %10s %8.2f %11s %7.1fx %11s %6.0f %%%s\n", pc_kernel_suffix[line->kind],
                   time_text(line->kernel, arena), (double)line->bytes / line->kernel, time_text(line->nest, arena),
                   line->nest / line->kernel, time_text(line->limit, arena), 100 * line->limit / line->kernel,
                   line->same ? "" : "  results differ");
}

static void add_json(const struct pc_bench_line *line, struct pc_json *json) {
    pc_json_open(json, NULL, '{');
    pc_json_string(json, "kernel", pc_kernel_suffix[line->kind]);
    pc_json_real(json, "nanoseconds", line->kernel);
    pc_json_real(json, "nanoseconds_loop_nest", line->nest);
    pc_json_real(json, "nanoseconds_limit", line->limit);
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
    pc_text_printf(text, "pool %s: %s, x %s -> y %s\n", layer->name, pc_mode_of(layer->desc.mode)->name,
                   pc_tensor_describe(x.type, x.rank, x.shape, arena), pc_tensor_describe(y.type, y.rank, y.shape, arena));
    pc_text_printf(text, "  %-14s %10s %8s %11s %8s %11s %8s\n", "", "time", "GB/s", "loop nest", "speed-up", "limit",
                   "of limit");
    for (int i = 0; i < report->count; i++)
        add_line(&report->lines[i], arena, text);
}

static void bench_layers(struct pc_cli *cli, const struct pc_module *module) {
    struct pc_text text = pc_cli_text(cli);
    struct pc_json json = {.text = &text};
    if (cli->options.json) {
        pc_json_open(&json, NULL, '{');
        pc_json_string(&json, "spec", cli->source->name);
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
        pc_cli_print(cli, &text);
    }
    pc_text_release(&text);
}

void pc_cmd_bench(struct pc_cli *cli) {
    struct pc_module *module = pc_cli_load(cli);
    if (module && cli->options.generate) {
        pc_bench_generate(cli, module);
        return;
    }
    module = module ? pc_cli_select(cli, module) : NULL;
    if (module)
        bench_layers(cli, module);
}
