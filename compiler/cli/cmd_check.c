/* cmd_check.c - poolc check: every layer on every backend against the reference, a line for each. */
#include "cli/check_layer.h"
#include "cli/json.h"

#include <inttypes.h>

static const char *const backend_names[PC_BACKEND_COUNT] = {
#define BACKEND(id, name, line) name,
#include "run/backends.def"
#undef BACKEND
};

static void add_names(struct pc_text *text, unsigned set, const char *const *names, int count) {
    const char *separator = "";
    for (int i = 0; i < count; i++) {
        if (set >> i & 1) {
            pc_text_printf(text, "%s%s", separator, names[i]);
            separator = ", ";
        }
    }
}

/* "✓ stem: forward, forward_train, backward by cc, eval, ref on 10 inputs, 12000 numbers" */
static void add_line(const struct pc_layer *layer, const struct pc_check_report *report, struct pc_text *text) {
    pc_text_printf(text, "%s %s: ", report->good ? "✓" : "✗", layer->name);
    if (report->difference) {
        pc_text_printf(text, "%s\n", report->difference);
        return;
    }
    if (!report->good) {
        pc_text_add(text, "could not be checked\n");
        return;
    }
    add_names(text, report->kernels, pc_kernel_suffix, PC_KERNEL_COUNT);
    pc_text_add(text, " by ");
    add_names(text, report->backends, backend_names, PC_BACKEND_COUNT);
    pc_text_printf(text, " on %d inputs: %" PRId64 " numbers", report->inputs, report->compared);
    if (report->unchecked)
        pc_text_printf(text, ", %" PRId64 " of them too extreme for bounds on both sides", report->unchecked);
    if (report->skipped) {
        pc_text_add(text, "; not by ");
        add_names(text, report->skipped, backend_names, PC_BACKEND_COUNT);
        pc_text_printf(text, ", for a pass reads %" PRId64 " values (--backend asks for it all the same)", report->work);
    }
    if (report->no_compiler)
        pc_text_add(text, "; not by cc, for there is no C compiler ($CC, cc)");
    pc_text_add(text, "\n");
}

static void add_json_names(struct pc_json *json, const char *key, unsigned set, const char *const *names, int count) {
    pc_json_open(json, key, '[');
    for (int i = 0; i < count; i++)
        if (set >> i & 1)
            pc_json_string(json, NULL, names[i]);
    pc_json_close(json, ']');
}

/* `problem`: why it could not be checked; NULL: it was. */
static void add_json(const struct pc_layer *layer, const struct pc_check_report *report, const char *problem,
                     struct pc_json *json) {
    pc_json_open(json, NULL, '{');
    pc_json_string(json, "name", layer->name);
    pc_json_bool(json, "ok", report->good);
    add_json_names(json, "kernels", report->kernels, pc_kernel_suffix, PC_KERNEL_COUNT);
    add_json_names(json, "backends", report->backends, backend_names, PC_BACKEND_COUNT);
    add_json_names(json, "skipped", report->skipped | (report->no_compiler ? 1u << PC_BACKEND_CC : 0), backend_names,
                   PC_BACKEND_COUNT);
    pc_json_integer(json, "inputs", report->inputs);
    pc_json_integer(json, "compared", report->compared);
    pc_json_integer(json, "unchecked", report->unchecked);
    pc_json_string(json, "difference", report->difference);
    pc_json_string(json, "problem", problem);
    pc_json_close(json, '}');
}

void pc_cmd_check(struct pc_cli *cli) {
    struct pc_module *module = pc_cli_load(cli);
    const struct pc_targets targets = pc_targets_or_c99(&cli->options.targets);
    module = module ? pc_cli_select(cli, module) : NULL;
    if (!module || !pc_cli_plan(cli, module, &targets))
        return;
    struct pc_text text = pc_cli_text(cli);
    struct pc_json json = {.text = &text};
    bool good = true;
    if (cli->options.json) {
        pc_json_open(&json, NULL, '{');
        pc_json_string(&json, "spec", cli->source->name);
        pc_json_open(&json, "layers", '[');
    }
    for (size_t i = 0; i < module->count; i++) {
        struct pc_arena arena = {.out_of_memory = cli->arena.out_of_memory};
        struct pc_check_report report;
        pc_cli_progress(cli, i + 1, module->count, "%s", module->layers[i].name);
        pc_check_layer(cli, &module->layers[i], &report, &arena);
        good &= report.good;
        if (cli->options.json) {
            const bool checked = report.good || report.difference || !cli->diags.first;
            add_json(&module->layers[i], &report, checked ? NULL : cli->diags.first->text, &json);
        } else {
            add_line(&module->layers[i], &report, &text);
            pc_cli_print(cli, &text);
        }
        pc_cli_report(cli);
        pc_arena_release(&arena);
    }
    if (cli->options.json) {
        pc_json_close(&json, ']');
        pc_json_bool(&json, "ok", good);
        pc_json_close(&json, '}');
        pc_cli_print(cli, &text);
    }
    pc_text_release(&text);
    if (!good && cli->status == PC_EXIT_OK)
        cli->status = PC_EXIT_INPUT;
}
