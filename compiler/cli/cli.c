/* cli.c - see cli.h. */
#include "cli/cli.h"

#include "cli/output.h"
#include "front/parse.h"
#include "poolc_version.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- messages ---- */

static void raise_status(struct pc_cli *cli, enum pc_exit status) {
    if (status > cli->status)
        cli->status = status;
}

void pc_cli_progress_end(struct pc_cli *cli) {
    if (cli->progress_shown)
        fputs("\r\033[K", stderr); /* the line's beginning, and nothing from there on */
    cli->progress_shown = false;
}

void pc_cli_progress(struct pc_cli *cli, size_t step, size_t steps, const char *format, ...) {
    if (!cli->progress)
        return;
    pc_cli_progress_end(cli);
    va_list args;
    va_start(args, format);
    fprintf(stderr, "[%zu/%zu] ", step, steps);
    vfprintf(stderr, format, args);
    va_end(args);
    fflush(stderr);
    cli->progress_shown = true;
}

void pc_cli_fail(struct pc_cli *cli, enum pc_exit status, const char *format, ...) {
    pc_cli_progress_end(cli);
    va_list args;
    va_start(args, format);
    fputs("poolc: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    raise_status(cli, status);
}

/* What a diagnostic says about the exit status: most are about the spec, some about this machine or poolc itself. */
static enum pc_exit status_of(const struct pc_diag *diag) {
    if (pc_diag_row(diag->id)->severity == PC_SEVERITY_WARNING)
        return PC_EXIT_OK;
    return diag->id == PC_DIAG_INTERNAL || diag->id == PC_DIAG_BACKEND ? PC_EXIT_FAILURE : PC_EXIT_INPUT;
}

/* Prints diagnostics about a file; the exit status follows. */
static void report(struct pc_cli *cli, const struct pc_diags *diags, const struct pc_source *source) {
    if (!diags->first)
        return;
    struct pc_text text = pc_cli_text(cli);
    pc_diags_render(diags, source, &text);
    bool internal = false;
    for (const struct pc_diag *diag = diags->first; diag; diag = diag->next) {
        raise_status(cli, status_of(diag));
        internal |= diag->id == PC_DIAG_INTERNAL;
    }
    if (internal)
        pc_text_add(&text,
                    "poolc " POOLC_VERSION_FULL ": this is a bug in poolc; please report it together with the spec\n");
    pc_cli_progress_end(cli);
    fputs(pc_text_string(&text), stderr);
    pc_text_release(&text);
}

void pc_cli_report(struct pc_cli *cli) {
    report(cli, &cli->diags, cli->source);
    pc_diags_init(&cli->diags, &cli->arena);
}

struct pc_text pc_cli_text(struct pc_cli *cli) {
    return (struct pc_text){.out_of_memory = cli->arena.out_of_memory};
}

void pc_cli_print(struct pc_cli *cli, struct pc_text *text) {
    pc_cli_progress_end(cli);
    const bool written = fwrite(pc_text_string(text), 1, text->size, stdout) == text->size && fflush(stdout) == 0;
    if (!written)
        pc_cli_fail(cli, PC_EXIT_FAILURE, "standard output cannot be written: %s", strerror(errno));
    pc_text_clear(text);
}

/* ---- the spec ---- */

struct pc_module *pc_cli_load(struct pc_cli *cli) {
    const char *problem = NULL;
    cli->source = pc_source_read(cli->options.file, &cli->arena, &problem);
    if (!cli->source) {
        pc_cli_fail(cli, PC_EXIT_INPUT, "%s: %s", cli->options.file, problem);
        return NULL;
    }
    cli->tree = pc_parse(cli->source, &cli->arena, &cli->diags);
    struct pc_module *module = pc_layers_build(cli->tree, cli->source, &cli->arena, &cli->diags);
    const bool good = pc_diags_error_count(&cli->diags) == 0;
    pc_cli_report(cli);
    if (good && module->count == 0)
        pc_cli_fail(cli, PC_EXIT_INPUT, "%s: the spec holds no pool", cli->source->name);
    return good && module->count ? module : NULL;
}

enum { NAMES_SHOWN = 12 }; /* of the layers of a spec, in a message */

const char *pc_cli_layer_names(struct pc_cli *cli, const struct pc_module *module) {
    struct pc_text names = pc_cli_text(cli);
    for (size_t i = 0; i < module->count && i < NAMES_SHOWN; i++)
        pc_text_printf(&names, "%s%s", i ? ", " : "", module->layers[i].name);
    if (module->count > NAMES_SHOWN)
        pc_text_add(&names, ", ...");
    const char *copy = pc_arena_strndup(&cli->arena, pc_text_string(&names), names.size);
    pc_text_release(&names);
    return copy;
}

struct pc_module *pc_cli_select(struct pc_cli *cli, struct pc_module *module) {
    const char *wanted = cli->options.layer;
    const char *file = cli->source->name;
    if (!wanted)
        return module;
    const char **names = PC_NEW_ARRAY(&cli->arena, module->count, const char *);
    for (size_t i = 0; i < module->count; i++) {
        names[i] = module->layers[i].name;
        if (strcmp(names[i], wanted) != 0)
            continue;
        struct pc_module *one = PC_NEW(&cli->arena, struct pc_module);
        *one = (struct pc_module){.name = module->name, .layers = &module->layers[i], .count = 1};
        return one;
    }
    const char *nearest = pc_suggestion(names, (int)module->count, wanted);
    if (nearest)
        pc_cli_fail(cli, PC_EXIT_USAGE, "%s has no pool '%s'; did you mean '%s'?", file, wanted, nearest);
    else
        pc_cli_fail(cli, PC_EXIT_USAGE, "%s has no pool '%s'; there is %s", file, wanted, pc_cli_layer_names(cli, module));
    return NULL;
}

/* ---- plans ---- */

struct pc_tuned *pc_cli_tuned(struct pc_cli *cli, const char *path, bool warn) {
    const char *problem = NULL;
    const struct pc_source *source = pc_source_read(path, &cli->arena, &problem);
    if (!source) {
        pc_cli_fail(cli, PC_EXIT_INPUT, "%s: %s", path, problem);
        return NULL;
    }
    struct pc_diags diags;
    pc_diags_init(&diags, &cli->arena);
    struct pc_tuned *tuned = pc_tuned_parse(source, &cli->arena, &diags);
    const bool good = pc_diags_error_count(&diags) == 0;
    if (warn || !good)
        report(cli, &diags, source);
    return good ? tuned : NULL;
}

/* "forward of pool 'a' for neon: windows are too short", after the other reasons, unless it is one of them. */
static const char *add_reason(struct pc_cli *cli, const char *reasons, const struct pc_plan *plan, const char *target) {
    if (reasons && strstr(reasons, plan->misfit))
        return reasons;
    const char *reason = pc_arena_printf(&cli->arena, "%s of pool '%s' for %s: %s", pc_kernel_suffix[plan->kind],
                                         plan->layer->name, target, plan->misfit);
    return reasons ? pc_arena_printf(&cli->arena, "%s; %s", reasons, reason) : reason;
}

/* Why the plan that is forced fits no kernel, each reason with the first of its kernels; NULL: it fits one, or the planner has
 * an error to report, which it will again. */
static const char *misfit(struct pc_cli *cli, const struct pc_module *module, const struct pc_targets *targets) {
    const char *why = NULL;
    for (int t = 0; t < targets->count; t++) {
        struct pc_plan_options options = cli->plan;
        pc_target_plan(targets->items[t], &options);
        for (size_t i = 0; i < module->count; i++) {
            for (int kind = 0; kind < PC_KERNEL_COUNT; kind++) {
                const struct pc_layer *layer = &module->layers[i];
                if (!pc_layer_has_kernel(layer, (enum pc_kernel_kind)kind))
                    continue;
                struct pc_arena arena = {.out_of_memory = cli->arena.out_of_memory};
                struct pc_diags diags;
                pc_diags_init(&diags, &arena);
                const struct pc_plan *plan = pc_plan_build(layer, (enum pc_kernel_kind)kind, &options, &arena, &diags);
                const bool fits = !plan || !plan->misfit;
                if (!fits)
                    why = add_reason(cli, why, plan, pc_target_row(targets->items[t])->name);
                pc_arena_release(&arena);
                if (fits)
                    return NULL;
            }
        }
    }
    return why;
}

/* Whether a kernel of the spec has been measured for one of the targets. */
static bool is_measured(const struct pc_tuned *tuned, const struct pc_module *module, const struct pc_targets *targets) {
    bool found = false;
    for (int t = 0; t < targets->count; t++)
        for (size_t i = 0; i < module->count; i++)
            for (int kind = 0; kind < PC_KERNEL_COUNT; kind++)
                found |= pc_tuned_find(tuned, &module->layers[i], (enum pc_kernel_kind)kind,
                                       pc_target_row(targets->items[t])->name) != NULL;
    return found;
}

bool pc_cli_plan(struct pc_cli *cli, const struct pc_module *module, const struct pc_targets *targets) {
    const struct pc_options *options = &cli->options;
    cli->plan = (struct pc_plan_options){.unroll_budget = options->unroll_budget,
                                         .caches = targets->native ? pc_target_caches() : (struct pc_caches){0},
                                         .forced = options->plan_given,
                                         .choice = options->plan};
    if (options->tuned) {
        cli->plan.tuned = pc_cli_tuned(cli, options->tuned, true);
        if (cli->plan.tuned && !is_measured(cli->plan.tuned, module, targets))
            pc_cli_fail(cli, PC_EXIT_OK, "warning: %s says nothing of %s for %s; --target says what for", options->tuned,
                        cli->source->name, pc_targets_text(targets, &cli->arena));
        return cli->plan.tuned != NULL;
    }
    const char *why = options->plan_given ? misfit(cli, module, targets) : NULL;
    if (why)
        pc_cli_fail(cli, PC_EXIT_INPUT, "--plan %s fits no kernel of %s; %s", pc_plan_name(options->plan), cli->source->name,
                    why);
    return !why;
}

/* ---- the run ---- */

static void run_command(struct pc_cli *cli) {
    switch (cli->options.command) {
    case PC_COMMAND_BUILD:
        pc_cmd_build(cli);
        return;
    case PC_COMMAND_RUN:
        pc_cmd_run(cli);
        return;
    case PC_COMMAND_CHECK:
        pc_cmd_check(cli);
        return;
    case PC_COMMAND_EXPLAIN:
        pc_cmd_explain(cli);
        return;
    case PC_COMMAND_BENCH:
        pc_cmd_bench(cli);
        return;
    case PC_COMMAND_TUNE:
        pc_cmd_tune(cli);
        return;
    case PC_COMMAND_LIST:
        pc_cmd_list(cli);
        return;
    case PC_COMMAND_NONE:
    case PC_COMMAND_COUNT:
        break;
    }
    abort();
}

static void print_about(struct pc_cli *cli) {
    struct pc_text text = pc_cli_text(cli);
    if (cli->options.help)
        pc_help_print(cli->options.command, &cli->arena, &text);
    else if (cli->options.man)
        pc_manual_print(&cli->arena, &text);
    else
        pc_text_add(&text, "poolc " POOLC_VERSION_FULL "\n");
    pc_cli_print(cli, &text);
    pc_text_release(&text);
}

enum pc_exit pc_cli_main(int argc, char **argv, jmp_buf *out_of_memory) {
    struct pc_cli cli = {.arena = {.out_of_memory = out_of_memory}};
    const char *problem = NULL;
    pc_diags_init(&cli.diags, &cli.arena);
    pc_outputs_catch_signals();
    if (!pc_options_parse(argc, argv, &cli.options, &cli.arena, &problem)) {
        const enum pc_command command = cli.options.command;
        pc_cli_fail(&cli, PC_EXIT_USAGE, "%s\nTry 'poolc%s%s --help'.", problem, command ? " " : "",
                    pc_command_rows[command].name);
    } else if (cli.options.help || cli.options.version || cli.options.man) {
        print_about(&cli);
    } else {
        cli.progress = !cli.options.quiet && isatty(STDERR_FILENO);
        run_command(&cli);
        pc_cli_report(&cli);
    }
    pc_cli_progress_end(&cli);
    const enum pc_exit status = cli.status;
    pc_arena_release(&cli.arena);
    return status;
}
