/* help.c - the help texts and the manual page, from the rows of options.def. */
#include "cli/options.h"

#include "poolc_version.h"

#include <ctype.h>
#include <string.h>

enum { WIDTH = 79, COLUMN = 28 }; /* of a terminal that nobody widened; where the texts of a table begin */

/* What an exit status means; the enumerators of cli.h in order. */
static const char *const statuses[] = {
    "success",
    "the input has errors, or a check failed",
    "the command line is wrong",
    "something that is not of the input's making: a file that could not be written, no C compiler, no machine for the "
    "target, an internal error",
};
enum { STATUS_COUNT = sizeof statuses / sizeof *statuses };

static const char *const variables[][2] = {
    {"CC", "the C compiler of the backend cc, of bench and of tune, and its flags; default: cc"},
    {"TMPDIR", "the folder for the private temporary folders of run, check, bench and tune; default: the system's"},
};
enum { VARIABLE_COUNT = sizeof variables / sizeof *variables };

static const char *const examples[][2] = {
    {"poolc build resnet50.pool -o generated", "resnet50.c and resnet50.h in the folder generated"},
    {"poolc build resnet50.pool --emit obj --triple aarch64-linux-gnu", "resnet50.o for another machine, and resnet50.h"},
    {"poolc run lesson.pool max2 -i x=lesson/nine.npy", "one layer on one picture"},
    {"poolc check resnet50.pool", "whether all of it is right, on this machine"},
};
enum { EXAMPLE_COUNT = sizeof examples / sizeof *examples };

/* The text of an option with its words filled in. */
static const char *option_text(enum pc_option option, struct pc_arena *arena) {
    const char *text = pc_option_rows[option].text, *mark = strstr(text, "%s"), *words = pc_option_words(option, arena);
    return mark ? pc_arena_printf(arena, "%.*s%s%s", (int)(mark - text), text, words ? words : "", mark + 2) : text;
}

static const char *command_text(enum pc_command command, struct pc_arena *arena) {
    const char *text = pc_command_rows[command].text, *mark = strstr(text, "%s");
    return mark ? pc_arena_printf(arena, "%.*s%s%s", (int)(mark - text), text, pc_listing_words(arena), mark + 2) : text;
}

static bool known_to(int option, enum pc_command command) {
    return pc_option_rows[option].commands >> command & 1;
}

/* ---- help ---- */

/* Words of `words` from column `at` on, broken at WIDTH, further lines indented by `indent`. */
static void add_wrapped(struct pc_text *text, const char *words, size_t at, size_t indent) {
    for (bool first = true; *words; first = false) {
        const size_t length = strcspn(words, " ");
        if (!first && at + 1 + length > WIDTH) {
            pc_text_printf(text, "\n%*s", (int)indent, "");
            at = indent;
        } else if (!first) {
            pc_text_add_char(text, ' ');
            at++;
        }
        pc_text_add_bytes(text, words, length);
        at += length;
        words += length;
        words += strspn(words, " ");
    }
    pc_text_add_char(text, '\n');
}

/* A row of a table; a long left side has its text on the next line. */
static void add_row(struct pc_text *text, const char *left, const char *right) {
    pc_text_printf(text, "  %s", left);
    size_t at = 2 + strlen(left);
    if (at + 2 > COLUMN) {
        pc_text_add_char(text, '\n');
        at = 0;
    }
    pc_text_printf(text, "%*s", (int)(COLUMN - at), "");
    add_wrapped(text, right, COLUMN, COLUMN);
}

static void add_options(enum pc_command command, struct pc_arena *arena, struct pc_text *text) {
    pc_text_add(text, "\nOptions:\n");
    for (int i = 0; i < PC_OPTION_COUNT; i++) {
        const struct pc_option_row *row = &pc_option_rows[i];
        if (!known_to(i, command))
            continue;
        const char *letter = row->letter ? pc_arena_printf(arena, "-%c, ", row->letter) : "    ";
        const char *left = pc_arena_printf(arena, "%s--%s%s%s", letter, row->name, row->argument ? " " : "",
                                           row->argument ? row->argument : "");
        add_row(text, left, option_text((enum pc_option)i, arena));
    }
}

void pc_help_print(enum pc_command command, struct pc_arena *arena, struct pc_text *text) {
    const struct pc_command_row *row = &pc_command_rows[command];
    if (command == PC_COMMAND_NONE) {
        pc_text_add(text, "poolc " POOLC_VERSION_FULL
                          ", the pooling compiler\n\nUsage: poolc COMMAND [OPTION ...]\n\nCommands:\n");
        for (int i = 1; i < PC_COMMAND_COUNT; i++)
            add_row(text, pc_arena_printf(arena, "%s %s", pc_command_rows[i].name, pc_command_rows[i].arguments),
                    pc_command_rows[i].line);
        pc_text_add(text, "\nFILE.pool is a spec, - standard input. 'poolc COMMAND --help' tells more.\n");
    } else {
        pc_text_printf(text, "Usage: poolc %s %s [OPTION ...]\n\n", row->name, row->arguments);
        add_wrapped(text, command_text(command, arena), 0, 0);
    }
    add_options(command, arena, text);
    pc_text_add(text, "\nExit status:\n");
    for (int i = 0; i < STATUS_COUNT; i++)
        add_row(text, pc_arena_printf(arena, "%d", i), statuses[i]);
}

/* ---- the manual page ---- */

/* Text without anything that roff would take for its own: backslashes, hyphens that are minus signs, control lines. */
static void add_roff(struct pc_text *text, const char *string) {
    for (const char *c = string; *c; c++) {
        if (*c == '\\')
            pc_text_add(text, "\\e");
        else if (*c == '-')
            pc_text_add(text, "\\-");
        else if (c == string && (*c == '.' || *c == '\''))
            pc_text_printf(text, "\\&%c", *c);
        else
            pc_text_add_char(text, *c);
    }
}

/* A paragraph with a tag: the tag in bold, what follows it in italics. */
static void add_tagged(struct pc_text *text, const char *tag, const char *argument, const char *string) {
    pc_text_add(text, ".TP\n\\fB");
    add_roff(text, tag);
    pc_text_add(text, "\\fR");
    if (argument) {
        pc_text_add(text, " \\fI");
        add_roff(text, argument);
        pc_text_add(text, "\\fR");
    }
    pc_text_add_char(text, '\n');
    add_roff(text, string);
    pc_text_add_char(text, '\n');
}

static void add_manual_options(enum pc_command command, struct pc_arena *arena, struct pc_text *text) {
    for (int i = 0; i < PC_OPTION_COUNT; i++) {
        const struct pc_option_row *row = &pc_option_rows[i];
        if (!known_to(i, command) || (command != PC_COMMAND_NONE && i == PC_OPTION_HELP))
            continue;
        const char *letter = row->letter ? pc_arena_printf(arena, "-%c, ", row->letter) : "";
        add_tagged(text, pc_arena_printf(arena, "%s--%s", letter, row->name), row->argument,
                   option_text((enum pc_option)i, arena));
    }
}

void pc_manual_print(struct pc_arena *arena, struct pc_text *text) {
    pc_text_add(text, ".TH POOLC 1 \"\" \"poolc " POOLC_VERSION_FULL
                      "\"\n.SH NAME\npoolc \\- the pooling compiler\n.SH SYNOPSIS\n");
    for (int i = 1; i < PC_COMMAND_COUNT; i++) {
        pc_text_printf(text, "%s\\fBpoolc %s\\fR \\fI", i > 1 ? ".br\n" : "", pc_command_rows[i].name);
        add_roff(text, pc_command_rows[i].arguments);
        pc_text_add(text, "\\fR [\\fIOPTION\\fR ...]\n");
    }
    pc_text_add(text, ".SH DESCRIPTION\n");
    add_roff(text,
             "poolc reads a spec, which says what each pooling layer of a network computes, and writes C functions that "
             "compute exactly that, forward and backward, for exactly its shape. FILE.pool is the spec, or - for standard "
             "input; a spec with one layer needs no LAYER.");
    pc_text_add(text, "\n");
    add_manual_options(PC_COMMAND_NONE, arena, text);
    pc_text_add(text, ".SH COMMANDS\n");
    for (int i = 1; i < PC_COMMAND_COUNT; i++) {
        pc_text_printf(text, ".SS \"poolc %s ", pc_command_rows[i].name);
        add_roff(text, pc_command_rows[i].arguments);
        pc_text_add(text, "\"\n");
        add_roff(text, command_text((enum pc_command)i, arena));
        pc_text_add_char(text, '\n');
        add_manual_options((enum pc_command)i, arena, text);
    }
    pc_text_add(text, ".SH EXIT STATUS\n");
    for (int i = 0; i < STATUS_COUNT; i++)
        add_tagged(text, pc_arena_printf(arena, "%d", i), NULL, statuses[i]);
    pc_text_add(text, ".SH ENVIRONMENT\n");
    for (int i = 0; i < VARIABLE_COUNT; i++)
        add_tagged(text, variables[i][0], NULL, variables[i][1]);
    pc_text_add(text, ".SH EXAMPLES\n");
    for (int i = 0; i < EXAMPLE_COUNT; i++)
        add_tagged(text, examples[i][0], NULL, examples[i][1]);
}
