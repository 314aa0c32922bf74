/* arena.c - see arena.h. Blocks double in size, so a large kernel costs few calls of malloc. */
#include "support/arena.h"

#include <stdarg.h>
#include <stdbool.h>
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

/* Keeps the block if it is the largest so far: a plan tries, and rewinds, hundreds of times. */
static void put_aside(struct pc_arena *arena, struct pc_arena_block *block) {
    struct pc_arena_block *smaller = block;
    if (!arena->spare || arena->spare->size < block->size) {
        smaller = arena->spare;
        arena->spare = block;
    }
    free(smaller);
}

void pc_arena_rewind(struct pc_arena *arena, struct pc_arena_mark mark) {
    for (struct pc_arena_block *older; arena->blocks != mark.block; arena->blocks = older) {
        older = arena->blocks->older;
        put_aside(arena, arena->blocks);
    }
    arena->next = mark.next;
    arena->end = mark.block ? mark.block->bytes + mark.block->size : NULL;
}

void pc_arena_release(struct pc_arena *arena) {
    free_blocks(arena->blocks);
    free(arena->spare);
    arena->blocks = arena->spare = NULL;
    arena->next = arena->end = NULL;
}

static size_t round_up(size_t size) {
    const size_t unit = _Alignof(max_align_t);
    return (size + unit - 1) / unit * unit;
}

/* A block of at least so many bytes, and more the more there are already. */
static struct pc_arena_block *new_block(struct pc_arena *arena, size_t size) {
    struct pc_arena_block *block = arena->spare;
    if (block && block->size >= size) {
        arena->spare = NULL;
        return block;
    }
    size_t want = arena->blocks ? arena->blocks->size * 2 : FIRST_BLOCK;
    if (want > LARGEST_STEP)
        want = LARGEST_STEP;
    if (want < size)
        want = size;
    block = malloc(sizeof *block + want);
    if (!block)
        fail(arena);
    block->size = want;
    return block;
}

void *pc_arena_alloc(struct pc_arena *arena, size_t size) {
    if (size > PTRDIFF_MAX - 2 * _Alignof(max_align_t))
        return fail(arena);
    size = round_up(size);
    if ((size_t)(arena->end - arena->next) < size) {
        struct pc_arena_block *block = new_block(arena, size);
        block->older = arena->blocks;
        arena->blocks = block;
        arena->next = block->bytes;
        arena->end = block->bytes + block->size;
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

/* What was allocated last grows where it is, if there is room behind it. */
static bool grow_in_place(struct pc_arena *arena, const void *array, size_t size, size_t larger) {
    const size_t more = round_up(larger) - round_up(size);
    if (!array || (const char *)array + round_up(size) != arena->next || (size_t)(arena->end - arena->next) < more)
        return false;
    memset(arena->next, 0, more);
    arena->next += more;
    return true;
}

void *pc_arena_grow(struct pc_arena *arena, void *array, size_t count, size_t *capacity, size_t element) {
    if (count < *capacity)
        return array;
    const size_t larger = *capacity ? *capacity * 2 : 8;
    if (larger <= PTRDIFF_MAX / element && grow_in_place(arena, array, *capacity * element, larger * element)) {
        *capacity = larger;
        return array;
    }
    void *copy = pc_arena_array(arena, larger, element);
    if (count)
        memcpy(copy, array, count * element);
    *capacity = larger;
    return copy;
}
