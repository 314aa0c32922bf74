/* cli.h - what the commands share: options, memory, messages, and how a run ends.
 *
 * A command does its work and reports through the functions below; it returns nothing, for the exit status is the worst of
 * what was reported. Memory comes from one arena; running out of it ends the run in main(). */
#ifndef PC_CLI_H
#define PC_CLI_H

#include "cli/options.h"
#include "front/ast.h"
#include "front/diag.h"
#include "front/layer.h"
#include "middle/tuned.h"

enum pc_exit { PC_EXIT_OK, PC_EXIT_INPUT, PC_EXIT_USAGE, PC_EXIT_FAILURE };

struct pc_cli {
    struct pc_options options;
    struct pc_arena arena;
    struct pc_diags diags;
    struct pc_source *source; /* once a spec was loaded */
    struct pc_ast_file *tree;
    struct pc_plan_options plan; /* what the command line says of plans: pc_cli_plan() */
    bool progress;       /* standard error is a terminal that wants to see it */
    bool progress_shown; /* a line of it stands there */
    enum pc_exit status; /* the worst so far */
};

/* The commands. */
void pc_cmd_build(struct pc_cli *cli);
void pc_cmd_run(struct pc_cli *cli);
void pc_cmd_check(struct pc_cli *cli);
void pc_cmd_explain(struct pc_cli *cli);
void pc_cmd_bench(struct pc_cli *cli);
void pc_cmd_list(struct pc_cli *cli);
void pc_cmd_tune(struct pc_cli *cli);

/* Parses the command line, runs the command and reports. */
enum pc_exit pc_cli_main(int argc, char **argv, jmp_buf *out_of_memory);

/* Removes what an interrupted run would leave; for out of memory and signals. Safe in a signal handler. */
void pc_cli_remove_temporaries(void);

/* Prints "poolc: ..." and makes the exit status at least `status`. */
void pc_cli_fail(struct pc_cli *cli, enum pc_exit status, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Prints the diagnostics so far and forgets them; the exit status follows. */
void pc_cli_report(struct pc_cli *cli);

/* An empty text that runs out of memory as the arena does. */
struct pc_text pc_cli_text(struct pc_cli *cli);

/* Writes the text to standard output, clears it, and reports if that failed. */
void pc_cli_print(struct pc_cli *cli, struct pc_text *text);

/* Shows "[2/7] stem: compiling" on a terminal; replaced by whatever is printed next. */
void pc_cli_progress(struct pc_cli *cli, size_t step, size_t steps, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void pc_cli_progress_end(struct pc_cli *cli);

/* Reads, parses and checks the spec of the command line and reports what is wrong with it. NULL after an error. */
struct pc_module *pc_cli_load(struct pc_cli *cli);

/* The layers that the command line means: LAYER, or all. NULL, reported, when there is no such layer. */
struct pc_module *pc_cli_select(struct pc_cli *cli, struct pc_module *module);

/* Reads a file of measured plans. NULL, reported, when it is none; warnings are reported if `warn`. */
struct pc_tuned *pc_cli_tuned(struct pc_cli *cli, const char *path, bool warn);

/* Sets cli->plan from --unroll-budget, --plan and --tuned. False, reported, when --tuned cannot be read, or --plan fits no
 * kernel of the module for any of the targets. */
bool pc_cli_plan(struct pc_cli *cli, const struct pc_module *module, const struct pc_targets *targets);

/* "stem, head, ...": for messages. */
const char *pc_cli_layer_names(struct pc_cli *cli, const struct pc_module *module);

#endif
