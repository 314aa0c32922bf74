/* options.c - see options.h. Long options as --name VALUE or --name=VALUE, short ones as -n VALUE or -nVALUE; options and
 * arguments in any order, `--` ends the options. The last of several wins, so that scripts can append. */
#include "cli/options.h"

#include "front/tables.h"
#include "llvm/codegen.h"
#include "run/runner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const struct pc_command_row pc_command_rows[PC_COMMAND_COUNT] = {
    {"", "COMMAND", "the pooling compiler", ""},
#define COMMAND(id, name, arguments, line, text) {name, arguments, line, text},
#include "cli/options.def"
};

#define FOR(command) (1u << PC_COMMAND_##command)
const struct pc_option_row pc_option_rows[PC_OPTION_COUNT] = {
#define OPTION(id, letter, name, argument, commands, text) {letter, name, argument, commands, text},
#include "cli/options.def"
};

/* ---- words ---- */

#define WORDS(list) ((struct pc_words){list, (int)(sizeof list / sizeof *list)})

static const char *const target_names[] = {
#define TARGET(id, name, line) name,
#include "targets.def"
#undef TARGET
    "native", /* at PC_TARGET_COUNT */
};
static const char *const emit_names[] = {
#define EMIT(id, name, extension, line) name,
#include "cli/options.def"
};
static const char *const plan_names[] = {
#define PLAN(id, name, ...) name,
#include "plans.def"
#undef PLAN
};
static const char *const backend_names[] = {
#define BACKEND(id, name, meaning) name,
#include "run/backends.def"
#undef BACKEND
};
static const char *const listing_names[] = {
#define LISTING(id, name, line) name,
#include "cli/options.def"
};

/* The words of an option; none for one that takes anything. */
static struct pc_words words_of(enum pc_option option) {
    switch (option) {
    case PC_OPTION_TARGET:
        return WORDS(target_names);
    case PC_OPTION_EMIT:
        return WORDS(emit_names);
    case PC_OPTION_PLAN:
        return WORDS(plan_names);
    case PC_OPTION_BACKEND:
    case PC_OPTION_BACKENDS:
        return WORDS(backend_names);
    case PC_OPTION_DIRECTORY:
    case PC_OPTION_PREFIX:
    case PC_OPTION_TRIPLE:
    case PC_OPTION_CPU:
    case PC_OPTION_SELFTEST:
    case PC_OPTION_OPENMP:
    case PC_OPTION_DEPFILE:
    case PC_OPTION_INPUT:
    case PC_OPTION_RESULT:
    case PC_OPTION_BACKWARD:
    case PC_OPTION_SEED:
    case PC_OPTION_THREADS:
    case PC_OPTION_GENERATE:
    case PC_OPTION_COMPILE:
    case PC_OPTION_REPEAT:
    case PC_OPTION_UNROLL_BUDGET:
    case PC_OPTION_TUNED:
    case PC_OPTION_TUNED_FILE:
    case PC_OPTION_ALL:
    case PC_OPTION_JSON:
    case PC_OPTION_QUIET:
    case PC_OPTION_HELP:
    case PC_OPTION_VERSION:
    case PC_OPTION_MAN:
    case PC_OPTION_COUNT:
        break;
    }
    return (struct pc_words){NULL, 0};
}

const char *pc_option_words(enum pc_option option, struct pc_arena *arena) {
    const struct pc_words words = words_of(option);
    return words.count ? pc_words_join(words, arena) : NULL;
}

const char *pc_listing_words(struct pc_arena *arena) {
    return pc_words_join(WORDS(listing_names), arena);
}

const char *pc_suggestion(const char *const *names, int count, const char *word) {
    const int nearest = pc_words_suggest((struct pc_words){names, count}, word);
    return nearest < 0 ? NULL : names[nearest];
}

/* ---- parsing ---- */

struct parser {
    struct pc_options *options;
    struct pc_arena *arena;
    const char *problem;
};

/* "; did you mean '--emit'?" */
static const char *did_you_mean(struct parser *p, const char *before, const char *nearest) {
    return nearest ? pc_arena_printf(p->arena, "; did you mean '%s%s'?", before, nearest) : "";
}

/* Keeps what is wrong. Always false, as what a parsing function returns then. */
static bool set_problem(struct parser *p, const char *problem) {
    p->problem = problem;
    return false;
}
#define FAIL(p, ...) set_problem(p, pc_arena_printf((p)->arena, __VA_ARGS__))

static bool known_to(enum pc_option option, enum pc_command command) {
    return pc_option_rows[option].commands >> command & 1;
}

/* The index of a word, or -1 with a problem. */
static int word_index(struct parser *p, const char *what, struct pc_words words, const char *word) {
    const int found = pc_words_find(words, word);
    if (found >= 0)
        return found;
    const int nearest = pc_words_suggest(words, word);
    if (nearest >= 0)
        FAIL(p, "%s '%s' is not known; did you mean '%s'?", what, word, words.words[nearest]);
    else
        FAIL(p, "%s '%s' is not known; there is %s", what, word, pc_words_join(words, p->arena));
    return -1;
}

/* Calls for each word of a list that is separated by commas: bit 1 << index of the words, and their order. */
static bool read_words(struct parser *p, enum pc_option option, const char *value, int *order, int *count) {
    const struct pc_words words = words_of(option);
    unsigned seen = 0;
    *count = 0;
    for (const char *at = value;; at++) {
        const size_t length = strcspn(at, ",");
        const char *word = pc_arena_strndup(p->arena, at, length);
        const int index = word_index(p, pc_arena_printf(p->arena, "--%s", pc_option_rows[option].name), words, word);
        if (index < 0)
            return false;
        const bool again = seen >> index & 1;
        if (again && option == PC_OPTION_TARGET) /* where the order matters, it is a mistake */
            return FAIL(p, "--target %s: %s stands there twice", value, word);
        if (!again)
            order[(*count)++] = index;
        seen |= 1u << index;
        at += length;
        if (!*at)
            return true;
    }
}

/* The words of --target, `count` of them, none twice. */
static bool set_targets(struct parser *p, const char *value, const int *order, int count) {
    struct pc_targets *list = &p->options->targets;
    list->count = count < PC_TARGET_COUNT ? count : PC_TARGET_COUNT; /* what is left out is behind a mistake */
    for (int i = 0; i < list->count; i++) {
        const bool native = order[i] == PC_TARGET_COUNT;
        list->items[i] = native ? pc_target_native() : (enum pc_target)order[i];
        list->native |= native;
    }
    const char *problem = pc_targets_problem(list, p->arena);
    return !problem || FAIL(p, "--target %s: %s", value, problem);
}

/* A decimal integer from low to high. */
static bool read_integer(struct parser *p, enum pc_option option, const char *value, uint64_t low, uint64_t high,
                         uint64_t *result) {
    char *end;
    errno = 0;
    const unsigned long long number = strtoull(value, &end, 10);
    if (value[0] < '0' || value[0] > '9' || *end || errno == ERANGE || number < low || number > high)
        return FAIL(p, "--%s takes an integer from %llu to %llu, not '%s'", pc_option_rows[option].name,
                    (unsigned long long)low, (unsigned long long)high, value);
    *result = number;
    return true;
}

static void add_tensor_file(struct parser *p, struct pc_tensor_file **list, const char *value) {
    struct pc_tensor_file *file = PC_NEW(p->arena, struct pc_tensor_file);
    const size_t length = strcspn(value, "=/"); /* a path may hold '=' behind its first '/' */
    file->path = value;
    if (value[length] == '=') {
        file->tensor = pc_arena_strndup(p->arena, value, length);
        file->path = value + length + 1;
    }
    while (*list)
        list = &(*list)->next;
    *list = file;
}

enum { REPEAT_MAX = 1000000 }; /* so that a slip ends some day */

enum { THREADS_MAX = 256 }; /* more than most machines have, and few enough to be had */

static bool apply(struct parser *p, enum pc_option option, const char *value) {
    struct pc_options *o = p->options;
    uint64_t number = 0;
    int order[32], count = 0; /* more than any list of words has */
    if (value && !*value)
        return FAIL(p, "--%s needs a value that is not empty", pc_option_rows[option].name);
    switch (option) {
    case PC_OPTION_DIRECTORY:
        o->directory = value;
        return true;
    case PC_OPTION_PREFIX:
        o->prefix = value;
        return true;
    case PC_OPTION_TARGET:
        return read_words(p, option, value, order, &count) && set_targets(p, value, order, count);
    case PC_OPTION_EMIT:
        if (!read_words(p, option, value, order, &o->emit_count))
            return false;
        for (int i = 0; i < o->emit_count; i++)
            o->emit[i] = (enum pc_emit)order[i];
        return true;
    case PC_OPTION_TRIPLE:
        o->triple = value;
        return true;
    case PC_OPTION_CPU:
        o->cpu = value;
        return true;
    case PC_OPTION_SELFTEST:
        return o->selftest = true;
    case PC_OPTION_OPENMP:
        return o->openmp = true;
    case PC_OPTION_DEPFILE:
        o->depfile = value;
        return true;
    case PC_OPTION_INPUT:
        add_tensor_file(p, &o->inputs, value);
        return true;
    case PC_OPTION_RESULT:
        add_tensor_file(p, &o->outputs, value);
        return true;
    case PC_OPTION_BACKWARD:
        return o->backward = true;
    case PC_OPTION_BACKEND:
    case PC_OPTION_BACKENDS:
        if (!read_words(p, option, value, order, &count))
            return false;
        if (option == PC_OPTION_BACKEND && count > 1)
            return FAIL(p, "--backend takes one backend here");
        o->backends = 0;
        for (int i = 0; i < count; i++)
            o->backends |= 1u << order[i];
        return true;
    case PC_OPTION_SEED:
        return read_integer(p, option, value, 0, UINT64_MAX, &o->seed);
    case PC_OPTION_THREADS:
        if (!read_integer(p, option, value, 1, THREADS_MAX, &number))
            return false;
        o->threads = (int)number;
        return true;
    case PC_OPTION_GENERATE:
        return o->generate = true;
    case PC_OPTION_COMPILE:
        return o->compile = true;
    case PC_OPTION_REPEAT:
        if (!read_integer(p, option, value, 1, REPEAT_MAX, &number))
            return false;
        o->repeat = (int64_t)number;
        return true;
    case PC_OPTION_UNROLL_BUDGET:
        if (!read_integer(p, option, value, 1, PC_UNROLL_BUDGET_MOST, &number))
            return false;
        o->unroll_budget = (int64_t)number;
        return true;
    case PC_OPTION_PLAN: {
        const int plan = word_index(p, "--plan", words_of(option), value);
        o->plan_given = true;
        o->plan = plan < 0 ? o->plan : (enum pc_plan_choice)plan;
        return plan >= 0;
    }
    case PC_OPTION_TUNED:
    case PC_OPTION_TUNED_FILE:
        o->tuned = value;
        return true;
    case PC_OPTION_ALL:
        return o->all = true;
    case PC_OPTION_JSON:
        return o->json = true;
    case PC_OPTION_QUIET:
        return o->quiet = true;
    case PC_OPTION_HELP:
        return o->help = true;
    case PC_OPTION_VERSION:
        return o->version = true;
    case PC_OPTION_MAN:
        return o->man = true;
    case PC_OPTION_COUNT:
        break;
    }
    abort();
}

/* The option of this name for the command; PC_OPTION_COUNT, with a problem, where there is none. */
static enum pc_option find_long(struct parser *p, const char *name) {
    const enum pc_command command = p->options->command;
    const char *names[PC_OPTION_COUNT];
    int count = 0;
    bool elsewhere = false;
    for (int i = 0; i < PC_OPTION_COUNT; i++) {
        const bool same = strcmp(pc_option_rows[i].name, name) == 0;
        if (same && known_to((enum pc_option)i, command))
            return (enum pc_option)i;
        elsewhere |= same;
        if (known_to((enum pc_option)i, command))
            names[count++] = pc_option_rows[i].name;
    }
    if (elsewhere && command != PC_COMMAND_NONE)
        FAIL(p, "'%s' has no option '--%s'", pc_command_rows[command].name, name);
    else if (elsewhere)
        FAIL(p, "option '--%s' stands behind a command", name);
    else
        FAIL(p, "unknown option '--%s'%s", name, did_you_mean(p, "--", pc_suggestion(names, count, name)));
    return PC_OPTION_COUNT;
}

static enum pc_option find_short(struct parser *p, char letter) {
    for (int i = 0; i < PC_OPTION_COUNT; i++)
        if (pc_option_rows[i].letter == letter && known_to((enum pc_option)i, p->options->command))
            return (enum pc_option)i;
    FAIL(p, "unknown option '-%c'", letter);
    return PC_OPTION_COUNT;
}

/* An option at argv[*at]; moves *at to the last argument that belongs to it. */
static bool read_option(struct parser *p, int argc, char **argv, int *at) {
    const char *argument = argv[*at], *value = NULL;
    enum pc_option option;
    if (argument[1] == '-') {
        const size_t length = strcspn(argument, "=");
        value = argument[length] ? argument + length + 1 : NULL;
        option = find_long(p, pc_arena_strndup(p->arena, argument + 2, length - 2));
    } else {
        value = argument[2] ? argument + 2 : NULL;
        option = find_short(p, argument[1]);
    }
    if (option == PC_OPTION_COUNT)
        return false;
    if (!pc_option_rows[option].argument)
        return value ? FAIL(p, "option '%s' takes no value", argument) : apply(p, option, NULL);
    if (!value && *at + 1 >= argc)
        return FAIL(p, "option '%s' needs a value: %s", argument, pc_option_rows[option].argument);
    return apply(p, option, value ? value : argv[++*at]);
}

static bool read_command(struct parser *p, const char *word) {
    const char *names[PC_COMMAND_COUNT];
    for (int i = 1; i < PC_COMMAND_COUNT; i++) {
        names[i - 1] = pc_command_rows[i].name;
        if (strcmp(word, pc_command_rows[i].name) == 0) {
            p->options->command = (enum pc_command)i;
            return true;
        }
    }
    const char *nearest = pc_suggestion(names, PC_COMMAND_COUNT - 1, word);
    if (nearest)
        return FAIL(p, "unknown command '%s'; did you mean '%s'?", word, nearest);
    return FAIL(p, "unknown command '%s'; there is %s", word,
                pc_words_join((struct pc_words){names, PC_COMMAND_COUNT - 1}, p->arena));
}

static bool read_argument(struct parser *p, const char *argument) {
    struct pc_options *o = p->options;
    if (o->command == PC_COMMAND_NONE)
        return read_command(p, argument);
    const bool takes_layer = o->command != PC_COMMAND_BUILD && o->command != PC_COMMAND_LIST;
    if (!o->file)
        o->file = argument;
    else if (!o->layer && takes_layer)
        o->layer = argument;
    else
        return FAIL(p, "'%s' is one argument too many", argument);
    return true;
}

struct pc_targets pc_options_targets_or_native(const struct pc_options *options) {
    return options->targets.count ? options->targets
                                  : (struct pc_targets){.items = {pc_target_native()}, .count = 1, .native = true};
}

bool pc_options_emit(const struct pc_options *options, enum pc_emit emit) {
    for (int i = 0; i < options->emit_count; i++)
        if (options->emit[i] == emit)
            return true;
    return false;
}

/* What LLVM is needed for: whether it is there, and used where something is said about it. */
static bool check_llvm(struct parser *p) {
    const struct pc_options *o = p->options;
    static const enum pc_emit needing[] = {PC_EMIT_OBJ, PC_EMIT_ASM, PC_EMIT_LLVM};
    static const char without[] = "this poolc was built without LLVM; build it with -DPOOLC_LLVM=ON, or use";
    bool used = false;
    for (size_t i = 0; i < sizeof needing / sizeof *needing; i++) {
        const bool asked = pc_options_emit(o, needing[i]);
        if (asked && !pc_llvm_is_there())
            return FAIL(p, "--emit %s: %s the C code", emit_names[needing[i]], without);
        used |= asked;
    }
    if (used && o->targets.count > 1)
        return FAIL(p, "--target takes one target for --emit obj, asm and llvm: only C asks which processor it runs on");
    if (!used && (o->triple || o->cpu))
        return FAIL(p, "--%s goes with --emit obj, asm or llvm", o->triple ? "triple" : "cpu");
    if (o->compile && !pc_llvm_is_there())
        return FAIL(p, "--compile measures LLVM: %s --generate", without);
    for (int b = 0; b < PC_BACKEND_COUNT; b++)
        if (o->backends >> b & 1 && !pc_backend_is_there((enum pc_backend)b))
            return FAIL(p, "--backend %s: %s another backend", backend_names[b], without);
    return true;
}

/* Tensors are in files that have names: one that is written is put in place at the end. */
static bool check_files(struct parser *p, const struct pc_tensor_file *files, char letter) {
    for (; files; files = files->next)
        if (!*files->path || strcmp(files->path, "-") == 0)
            return FAIL(p, "-%c %s needs the name of a .npy file", letter,
                        files->tensor ? pc_arena_printf(p->arena, "%s=%s", files->tensor, files->path) : files->path);
    return true;
}

/* What belongs together. */
static bool check(struct parser *p) {
    struct pc_options *o = p->options;
    if (o->help || o->version || o->man)
        return true;
    if (o->command == PC_COMMAND_NONE)
        return FAIL(p, "a command is missing");
    if (!o->file || !*o->file)
        return FAIL(p, "'%s' needs %s", pc_command_rows[o->command].name, pc_command_rows[o->command].arguments);
    if (o->command == PC_COMMAND_LIST) {
        const int topic = word_index(p, "the topic", WORDS(listing_names), o->file);
        o->listing = (enum pc_listing)topic;
        return topic >= 0;
    }
    if (!check_files(p, o->inputs, 'i') || !check_files(p, o->outputs, 'o'))
        return false;
    if (o->command == PC_COMMAND_CHECK && o->backends == 1u << PC_BACKEND_REF)
        return FAIL(p, "--backend ref is what check compares with; name another one");
    if (o->plan_given && o->tuned)
        return FAIL(p, "--plan and --tuned both say which plan to take; give one of them");
    if (o->generate && o->layer)
        return FAIL(p, "--generate measures the whole spec; leave out '%s'", o->layer);
    if (o->generate && o->compile)
        return FAIL(p, "--generate and --compile measure different things; give one of them");
    if (o->threads && (o->generate || o->compile))
        return FAIL(p, "--threads goes with measuring kernels; leave out --%s", o->generate ? "generate" : "compile");
    if (o->threads && (o->backends >> PC_BACKEND_EVAL & 1 || o->backends >> PC_BACKEND_REF & 1))
        return FAIL(p, "--threads needs --backend jit or cc: the others have one thread");
    if (o->openmp && !pc_options_emit(o, PC_EMIT_C))
        return FAIL(p, "--openmp goes with --emit c: it is about the C code");
    if (o->repeat && !o->generate && !o->compile)
        return FAIL(p, "--repeat goes with --generate or --compile");
    return check_llvm(p);
}

bool pc_options_parse(int argc, char **argv, struct pc_options *options, struct pc_arena *arena, const char **problem) {
    struct parser p = {.options = options, .arena = arena};
    *options = (struct pc_options){.emit = {PC_EMIT_C}, .emit_count = 1};
    bool ended = false, good = true;
    for (int i = 1; good && i < argc; i++) {
        if (!ended && strcmp(argv[i], "--") == 0)
            ended = true;
        else if (!ended && argv[i][0] == '-' && argv[i][1])
            good = read_option(&p, argc, argv, &i);
        else
            good = read_argument(&p, argv[i]);
    }
    good = good && check(&p);
    *problem = p.problem;
    return good;
}
