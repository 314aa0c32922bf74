/* cmd_explain.c - poolc explain: the plan of each kernel, its reasons, and its cost beside the least possible. */
#include "cli/json.h"
#include "cli/tensor.h"
#include "middle/kernel.h"
#include "middle/lane_plan.h"

#include <inttypes.h>

/* What has to be loaded, stored and computed, and what is. */
struct cost_row {
    const char *name, *key;
    int64_t actual, least; /* least 0: not known */
};
enum { COST_ROWS = 6 };

static void cost_rows(const struct ir_cost *cost, struct cost_row rows[COST_ROWS]) {
    rows[0] = (struct cost_row){"operations", "operations", cost->operations, 0};
    rows[1] = (struct cost_row){"loads", "loads", cost->loads, 0};
    rows[2] = (struct cost_row){"stores", "stores", cost->stores, 0};
    rows[3] = (struct cost_row){"bytes loaded", "bytes_loaded", cost->bytes_loaded, cost->bytes_in};
    rows[4] = (struct cost_row){"bytes stored", "bytes_stored", cost->bytes_stored, cost->bytes_out};
    rows[5] = (struct cost_row){"nodes of code", "code", cost->code, 0};
}

/* The ways to make a kernel of vectors, and the work that was counted for each. */
static void add_candidates(const struct pc_plan *plan, struct pc_text *text) {
    if (plan->candidate_count == 0)
        return;
    pc_text_printf(text, "  plans that fit, with their operations for each %s:\n", plan->lanes->unit);
    for (int i = 0; i < plan->candidate_count; i++)
        pc_text_printf(text, "    %-12s %15.0f%s\n", pc_plan_name(plan->candidates[i].choice), plan->candidates[i].work,
                       i ? "" : "  taken");
}

static void add_text(const struct pc_kernel *kernel, struct pc_text *text) {
    struct cost_row rows[COST_ROWS];
    cost_rows(&kernel->cost, rows);
    pc_plan_print(kernel->plan, false, text);
    add_candidates(kernel->plan, text);
    pc_text_printf(text, "  %-14s %15s %15s %8s\n", "", "this kernel", "at least", "ratio");
    for (int i = 0; i < COST_ROWS; i++) {
        pc_text_printf(text, "  %-14s %15" PRId64, rows[i].name, rows[i].actual);
        if (rows[i].least)
            pc_text_printf(text, " %15" PRId64 " %8.2f", rows[i].least, (double)rows[i].actual / (double)rows[i].least);
        pc_text_add(text, "\n");
    }
}

static void add_json(const struct pc_kernel *kernel, struct pc_json *json) {
    struct cost_row rows[COST_ROWS];
    cost_rows(&kernel->cost, rows);
    pc_json_open(json, NULL, '{');
    pc_json_string(json, "kernel", pc_kernel_suffix[kernel->kind]);
    pc_json_string(json, "form", pc_form_names[kernel->plan->form]);
    pc_json_open(json, "reasons", '[');
    for (int i = 0; i < kernel->plan->reason_count; i++)
        pc_json_string(json, NULL, kernel->plan->reasons[i]);
    pc_json_close(json, ']');
    pc_json_open(json, "candidates", '[');
    for (int i = 0; i < kernel->plan->candidate_count; i++) {
        pc_json_open(json, NULL, '{');
        pc_json_string(json, "plan", pc_plan_name(kernel->plan->candidates[i].choice));
        pc_json_real(json, "operations", kernel->plan->candidates[i].work);
        pc_json_close(json, '}');
    }
    pc_json_close(json, ']');
    pc_json_open(json, "cost", '{');
    for (int i = 0; i < COST_ROWS; i++)
        pc_json_integer(json, rows[i].key, rows[i].actual);
    pc_json_close(json, '}');
    pc_json_open(json, "least", '{');
    for (int i = 0; i < COST_ROWS; i++)
        if (rows[i].least)
            pc_json_integer(json, rows[i].key, rows[i].least);
    pc_json_close(json, '}');
    pc_json_close(json, '}');
}

static const char *shape_text(const struct pc_layer *layer, enum pc_tensor_id tensor, struct pc_arena *arena) {
    const struct pc_tensor_facts facts = pc_tensor_facts_of(layer, tensor);
    return pc_tensor_describe(facts.type, facts.rank, facts.shape, arena);
}

/* One layer for one target, in its own memory. */
static void explain(struct pc_cli *cli, const struct pc_layer *layer, enum pc_target target, struct pc_text *text,
                    struct pc_json *json) {
    struct pc_arena arena = {.out_of_memory = cli->arena.out_of_memory};
    struct pc_kernel_options options = {.prefix = "explain", .plan = cli->plan};
    const char *name = pc_target_row(target)->name;
    const struct pc_caches *caches = &options.plan.caches;
    pc_target_plan(target, &options.plan);
    const char *mode = pc_mode_of(layer->desc.mode)->name;
    const char *x = shape_text(layer, PC_T_X, &arena), *y = shape_text(layer, PC_T_Y, &arena);
    if (cli->options.json) {
        pc_json_open(json, NULL, '{');
        pc_json_string(json, "name", layer->name);
        pc_json_string(json, "target", name);
        pc_json_integer(json, "near_bytes", caches->near_bytes ? caches->near_bytes : PC_NEAR_BYTES);
        pc_json_integer(json, "first_ways", caches->first_ways ? caches->first_ways : PC_FIRST_WAYS);
        pc_json_string(json, "mode", mode);
        pc_json_string(json, "x", x);
        pc_json_string(json, "y", y);
        pc_json_open(json, "kernels", '[');
    } else {
        pc_text_printf(text, "pool %s: %s, x %s -> y %s, for %s", layer->name, mode, x, y, name);
        if (caches->near_bytes)
            pc_text_printf(text, ", %" PRId64 " KiB of near caches", caches->near_bytes / 1024);
        if (caches->first_ways)
            pc_text_printf(text, ", a first level of %" PRId64 " ways", caches->first_ways);
        pc_text_add(text, "\n\n");
    }
    for (int kind = 0; kind < PC_KERNEL_COUNT; kind++) {
        if (!pc_layer_has_kernel(layer, (enum pc_kernel_kind)kind))
            continue;
        const struct pc_kernel *kernel = pc_kernel_build(layer, (enum pc_kernel_kind)kind, &options, &arena, &cli->diags);
        if (kernel && cli->options.json)
            add_json(kernel, json);
        else if (kernel)
            add_text(kernel, text);
        if (kernel && !cli->options.json)
            pc_text_add(text, "\n");
    }
    if (cli->options.json) {
        pc_json_close(json, ']');
        pc_json_close(json, '}');
    }
    pc_arena_release(&arena);
}

void pc_cmd_explain(struct pc_cli *cli) {
    struct pc_module *module = pc_cli_load(cli);
    module = module ? pc_cli_select(cli, module) : NULL;
    const struct pc_targets targets = pc_targets_or_c99(&cli->options.targets);
    if (!module || !pc_cli_plan(cli, module, &targets))
        return;
    struct pc_text text = pc_cli_text(cli);
    struct pc_json json = {.text = &text};
    if (cli->options.json) {
        pc_json_open(&json, NULL, '{');
        pc_json_string(&json, "spec", cli->source->name);
        pc_json_open(&json, "layers", '[');
    }
    for (size_t i = 0; i < module->count; i++) {
        pc_cli_progress(cli, i + 1, module->count, "%s", module->layers[i].name);
        for (int t = 0; t < targets.count; t++)
            explain(cli, &module->layers[i], targets.items[t], &text, &json);
    }
    if (cli->options.json) {
        pc_json_close(&json, ']');
        pc_json_close(&json, '}');
    }
    if (pc_diags_error_count(&cli->diags) == 0)
        pc_cli_print(cli, &text);
    pc_text_release(&text);
}
