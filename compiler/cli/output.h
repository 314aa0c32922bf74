/* output.h - files that appear together, or not at all.
 *
 * Each file is written completely beside its final place, under a temporary name; pc_outputs_commit() then renames them one
 * after the other. POSIX cannot rename several files in one step: if a rename fails, those before it are undone from hard
 * links to the old files, and only a crash of the machine between two renames can leave some new and some old. Signals
 * that end the program wait for the end of the renames, and before them remove the temporary files. */
#ifndef PC_OUTPUT_H
#define PC_OUTPUT_H

#include "cli/cli.h"

struct pc_outputs {
    struct pc_cli *cli; /* where failures are reported, and the memory */
    struct pc_output *first, **end;
    bool failed;
};

/* No files. */
void pc_outputs_open(struct pc_outputs *outputs, struct pc_cli *cli);

/* A file with this text. Something that exists and is no regular file (a device, a pipe) is written in place, by
 * pc_outputs_commit(). */
void pc_outputs_add(struct pc_outputs *outputs, const char *path, const struct pc_text *text);

/* A file that the caller writes, or replaces, under the name returned; NULL, reported, if there cannot be one. */
const char *pc_outputs_reserve(struct pc_outputs *outputs, const char *path);

/* Whether two names mean one file, existing or not. */
bool pc_same_file(const char *left, const char *right);

/* False, reported, where an output of this name would take the place of the spec or of the file of measured plans. */
bool pc_output_is_apart(struct pc_cli *cli, const char *path);

/* Gives the files their names if nothing failed before and `good` is true; else removes them. False when nothing was
 * written. */
bool pc_outputs_commit(struct pc_outputs *outputs, bool good);

/* A file or an empty folder that is removed when a signal ends the program, until pc_temporary_forget(). `path` must stay
 * where it is. */
void pc_temporary_remember(const char *path);
void pc_temporary_forget(const char *path);

/* From now on signals that end the program remove first what is remembered, and a file that grows too large is an error
 * like a full disk. */
void pc_outputs_catch_signals(void);

#endif
