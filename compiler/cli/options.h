/* options.h - what the user asked for.
 *
 * options.def is the one table of commands, options and words; it is parsed, explained (help.c) and listed from there. */
#ifndef PC_OPTIONS_H
#define PC_OPTIONS_H

#include "back/target.h"
#include "middle/plan.h"
#include "support/arena.h"
#include "support/text.h"

#include <stdbool.h>
#include <stdint.h>

enum pc_command {
    PC_COMMAND_NONE,
#define COMMAND(id, name, arguments, line, text) PC_COMMAND_##id,
#include "cli/options.def"
    PC_COMMAND_COUNT
};

enum pc_option {
#define OPTION(id, letter, name, argument, commands, text) PC_OPTION_##id,
#include "cli/options.def"
    PC_OPTION_COUNT
};

enum pc_emit {
#define EMIT(id, name, extension, line) PC_EMIT_##id,
#include "cli/options.def"
    PC_EMIT_COUNT
};

enum pc_listing {
#define LISTING(id, name, line) PC_LISTING_##id,
#include "cli/options.def"
    PC_LISTING_COUNT
};

struct pc_command_row {
    const char *name, *arguments, *line, *text;
};
extern const struct pc_command_row pc_command_rows[PC_COMMAND_COUNT]; /* [PC_COMMAND_NONE]: poolc itself */

struct pc_option_row {
    char letter;
    const char *name, *argument;
    unsigned commands; /* bit 1 << enum pc_command */
    const char *text;
};
extern const struct pc_option_row pc_option_rows[PC_OPTION_COUNT];

/* -i and -o of `run`: in the order of the command line. */
struct pc_tensor_file {
    const char *tensor; /* NULL: not named */
    const char *path;
    struct pc_tensor_file *next;
};

struct pc_options {
    enum pc_command command;
    const char *file, *layer; /* the arguments; NULL where there is none */
    enum pc_listing listing;

    const char *directory, *prefix, *depfile, *triple, *cpu;
    struct pc_targets targets; /* none: not given */
    enum pc_emit emit[PC_EMIT_COUNT]; /* each at most once */
    int emit_count;
    bool selftest, openmp;

    struct pc_tensor_file *inputs, *outputs;
    bool backward;
    unsigned backends; /* bit 1 << enum pc_backend; 0: not given */
    uint64_t seed;
    int threads; /* 0: not given */

    bool generate, compile;
    int64_t repeat, unroll_budget; /* 0: not given */
    bool plan_given;
    enum pc_plan_choice plan;
    const char *tuned; /* a file of measured plans; of tune, where they go; NULL: not given */
    bool all;
    bool json, quiet, help, version, man;
};

/* The targets that were given, else the one of this machine: for what runs here at once. */
struct pc_targets pc_options_targets_or_native(const struct pc_options *options);

/* Parses the arguments behind the program's name. False with *problem, a line without a full stop, when they are wrong;
 * options->command is then what was recognised. With help, version or man nothing else is required. */
bool pc_options_parse(int argc, char **argv, struct pc_options *options, struct pc_arena *arena, const char **problem);

/* Whether it is among what is to be written. */
bool pc_options_emit(const struct pc_options *options, enum pc_emit emit);

/* The words that an option takes, as "a, b or c"; NULL for one that takes anything. */
const char *pc_option_words(enum pc_option option, struct pc_arena *arena);

/* "a, b or c": the topics of `list`. */
const char *pc_listing_words(struct pc_arena *arena);

/* help.c: the help of poolc (PC_COMMAND_NONE) or of a command; the manual page in the man macros of roff. */
void pc_help_print(enum pc_command command, struct pc_arena *arena, struct pc_text *text);
void pc_manual_print(struct pc_arena *arena, struct pc_text *text);

/* Which name of `count` names is most like `word`; NULL: none. */
const char *pc_suggestion(const char *const *names, int count, const char *word);

#endif
