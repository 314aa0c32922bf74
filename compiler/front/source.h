/* source.h - the text of one spec, kept in memory, and places in it.
 *
 * Places are byte offsets; line and column are worked out only when a message is printed. */
#ifndef PC_SOURCE_H
#define PC_SOURCE_H

#include "support/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes begin .. end - 1. begin == end == 0: no place. */
struct pc_span {
    uint32_t begin, end;
};

struct pc_source {
    const char *name; /* as the user gave it; "<stdin>" for standard input */
    const char *text; /* NUL-terminated */
    size_t size;
};

enum { PC_SOURCE_MAX = 16 * 1024 * 1024 }; /* bytes; a spec is written by hand or by a small script */

/* A copy of `text` as a source. */
struct pc_source *pc_source_from_string(const char *name, const char *text, size_t size, struct pc_arena *arena);

/* Reads a file ("-": standard input). NULL with *problem (in the arena) saying why: missing, a folder, unreadable, too
 * large. Text that is not text (NUL bytes, invalid UTF-8) is the parser's error, for it has a place. */
struct pc_source *pc_source_read(const char *path, struct pc_arena *arena, const char **problem);

/* 1-based line and column (columns count code points) of a byte offset. */
struct pc_place {
    unsigned line, column;
};
struct pc_place pc_source_place(const struct pc_source *source, uint32_t offset);

/* Bytes of the character at `text`: 1 to 4, or 0 where the next `left` bytes do not begin with valid UTF-8. A byte that is
 * not valid counts as one column. */
size_t pc_utf8_length(const char *text, size_t left);

#endif
