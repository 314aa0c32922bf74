/* source.c - see source.h. */
#include "front/source.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { READ_STEP = 64 * 1024 };

struct pc_source *pc_source_from_string(const char *name, const char *text, size_t size, struct pc_arena *arena) {
    struct pc_source *source = PC_NEW(arena, struct pc_source);
    source->name = pc_arena_strndup(arena, name, strlen(name));
    source->text = pc_arena_strndup(arena, text, size);
    source->size = size;
    return source;
}

/* Everything up to the end of `file`; NULL with *problem. Pipes have no size to ask for, so the buffer grows. */
static char *read_all(FILE *file, struct pc_arena *arena, size_t *size, const char **problem) {
    char *bytes = NULL;
    size_t capacity = 0, used = 0;
    for (;;) {
        if (capacity - used < READ_STEP) {
            size_t larger = capacity ? capacity * 2 : READ_STEP * 2;
            char *copy = pc_arena_alloc(arena, larger + 1);
            if (used)
                memcpy(copy, bytes, used);
            bytes = copy;
            capacity = larger;
        }
        size_t got = fread(bytes + used, 1, capacity - used, file);
        used += got;
        if (used > PC_SOURCE_MAX) {
            *problem = pc_arena_printf(arena, "larger than %d MiB; make several files of it", PC_SOURCE_MAX / (1024 * 1024));
            return NULL;
        }
        if (got == 0)
            break;
    }
    if (ferror(file)) {
        *problem = pc_arena_printf(arena, "cannot be read: %s", strerror(errno));
        return NULL;
    }
    bytes[used] = '\0';
    *size = used;
    return bytes;
}

struct pc_source *pc_source_read(const char *path, struct pc_arena *arena, const char **problem) {
    const bool standard_input = strcmp(path, "-") == 0;
    *problem = NULL;
    FILE *file = standard_input ? stdin : fopen(path, "rb");
    if (!file) {
        *problem = pc_arena_printf(arena, "cannot be opened: %s", strerror(errno));
        return NULL;
    }
    struct stat status;
    char *text = NULL;
    size_t size = 0;
    if (fstat(fileno(file), &status) == 0 && S_ISDIR(status.st_mode))
        *problem = pc_arena_printf(arena, "is a folder");
    else
        text = read_all(file, arena, &size, problem);
    if (!standard_input)
        fclose(file);
    if (!text)
        return NULL;
    struct pc_source *source = PC_NEW(arena, struct pc_source);
    source->name = standard_input ? "<stdin>" : pc_arena_strndup(arena, path, strlen(path));
    source->text = text;
    source->size = size;
    return source;
}

size_t pc_utf8_length(const char *text, size_t left) {
    const unsigned char *byte = (const unsigned char *)text;
    if (left == 0)
        return 0;
    if (byte[0] < 0x80)
        return 1;
    /* The ranges of the second byte exclude overlong forms, surrogates and everything above U+10FFFF. */
    size_t length = byte[0] >= 0xf0 ? 4 : byte[0] >= 0xe0 ? 3 : 2;
    unsigned char low = byte[0] == 0xe0 ? 0xa0 : byte[0] == 0xf0 ? 0x90 : 0x80;
    unsigned char high = byte[0] == 0xed ? 0x9f : byte[0] == 0xf4 ? 0x8f : 0xbf;
    if (byte[0] < 0xc2 || byte[0] > 0xf4 || left < length || byte[1] < low || byte[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if (byte[i] < 0x80 || byte[i] > 0xbf)
            return 0;
    return length;
}

struct pc_place pc_source_place(const struct pc_source *source, uint32_t offset) {
    const char *line = source->text;
    const char *at = source->text + (offset < source->size ? offset : source->size);
    struct pc_place place = {1, 1};
    for (const char *end; line < at && (end = memchr(line, '\n', (size_t)(at - line))); line = end + 1)
        place.line++;
    while (line < at) {
        size_t length = pc_utf8_length(line, (size_t)(source->text + source->size - line));
        line += length ? length : 1;
        place.column++;
    }
    return place;
}
