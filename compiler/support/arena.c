/* arena.c - see arena.h. Blocks double in size, so a large kernel costs few calls of malloc. */
#include "support/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pc_arena_block {
    struct pc_arena_block *older;
    size_t size;
    _Alignas(max_align_t) char bytes[];
};

enum { FIRST_BLOCK = 16 * 1024, LARGEST_STEP = 4 * 1024 * 1024 };

static void *fail(struct pc_arena *arena) {
    if (arena->out_of_memory)
        longjmp(*arena->out_of_memory, 1);
    abort();
}

static void free_blocks(struct pc_arena_block *block) {
    for (struct pc_arena_block *older; block; block = older) {
        older = block->older;
        free(block);
    }
}

void pc_arena_reset(struct pc_arena *arena) {
    if (!arena->blocks)
        return;
    free_blocks(arena->blocks->older);
    arena->blocks->older = NULL;
    arena->next = arena->blocks->bytes;
}

struct pc_arena_mark pc_arena_mark(const struct pc_arena *arena) {
    return (struct pc_arena_mark){arena->blocks, arena->next};
}

void pc_arena_rewind(struct pc_arena *arena, struct pc_arena_mark mark) {
    for (struct pc_arena_block *older; arena->blocks != mark.block; arena->blocks = older) {
        older = arena->blocks->older;
        free(arena->blocks);
    }
    arena->next = mark.next;
    arena->end = mark.block ? mark.block->bytes + mark.block->size : NULL;
}

void pc_arena_release(struct pc_arena *arena) {
    free_blocks(arena->blocks);
    arena->blocks = NULL;
    arena->next = arena->end = NULL;
}

void *pc_arena_alloc(struct pc_arena *arena, size_t size) {
    const size_t unit = _Alignof(max_align_t);
    if (size > PTRDIFF_MAX - 2 * unit)
        return fail(arena);
    size = (size + unit - 1) / unit * unit;
    if ((size_t)(arena->end - arena->next) < size) {
        size_t want = arena->blocks ? arena->blocks->size * 2 : FIRST_BLOCK;
        if (want > LARGEST_STEP)
            want = LARGEST_STEP;
        if (want < size)
            want = size;
        struct pc_arena_block *block = malloc(sizeof *block + want);
        if (!block)
            return fail(arena);
        *block = (struct pc_arena_block){.older = arena->blocks, .size = want};
        arena->blocks = block;
        arena->next = block->bytes;
        arena->end = block->bytes + want;
    }
    void *result = arena->next;
    arena->next += size;
    return memset(result, 0, size);
}

void *pc_arena_array(struct pc_arena *arena, size_t count, size_t size) {
    if (size && count > PTRDIFF_MAX / size)
        return fail(arena);
    return pc_arena_alloc(arena, count * size);
}

char *pc_arena_strndup(struct pc_arena *arena, const char *text, size_t length) {
    char *copy = pc_arena_alloc(arena, length + 1);
    if (length)
        memcpy(copy, text, length);
    return copy;
}

char *pc_arena_printf(struct pc_arena *arena, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length < 0)
        return fail(arena);
    char *text = pc_arena_alloc(arena, (size_t)length + 1);
    va_start(args, format);
    vsnprintf(text, (size_t)length + 1, format, args);
    va_end(args);
    return text;
}

void *pc_arena_grow(struct pc_arena *arena, void *array, size_t count, size_t *capacity, size_t element) {
    if (count < *capacity)
        return array;
    size_t larger = *capacity ? *capacity * 2 : 8;
    void *copy = pc_arena_array(arena, larger, element);
    if (count)
        memcpy(copy, array, count * element);
    *capacity = larger;
    return copy;
}
