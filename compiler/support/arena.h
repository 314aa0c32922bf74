/* arena.h - memory by lifetime: everything allocated from an arena is released at once.
 *
 * Passes allocate and never free. Allocation failure has one path: the arena's `out_of_memory` jump buffer, set by the
 * entry point of the library (or abort() where none is set, as in tests). */
#ifndef PC_ARENA_H
#define PC_ARENA_H

#include <setjmp.h>
#include <stddef.h>

struct pc_arena {
    struct pc_arena_block *blocks; /* newest first */
    struct pc_arena_block *spare;  /* the largest that a rewind left, for what comes next; NULL: none */
    char *next, *end;              /* free space of the newest block */
    jmp_buf *out_of_memory;        /* longjmp target, or NULL: abort */
};

/* A zeroed struct pc_arena is an empty arena. */
void pc_arena_release(struct pc_arena *arena);

/* Releases what was allocated but keeps the newest block for what comes next: cheaper than asking for memory again. */
void pc_arena_reset(struct pc_arena *arena);

/* What is allocated from a mark on can be released alone, by a rewind to it: what was tried and not taken. Marks are
 * rewound in the opposite order, and a reset or release ends them. */
struct pc_arena_mark {
    struct pc_arena_block *block;
    char *next;
};
struct pc_arena_mark pc_arena_mark(const struct pc_arena *arena);
void pc_arena_rewind(struct pc_arena *arena, struct pc_arena_mark mark);

/* `size` zeroed bytes, aligned for any type; never NULL. */
void *pc_arena_alloc(struct pc_arena *arena, size_t size);

/* `count` zeroed elements of `size` bytes; the product is checked. */
void *pc_arena_array(struct pc_arena *arena, size_t count, size_t size);

/* A NUL-terminated copy of `length` bytes. */
char *pc_arena_strndup(struct pc_arena *arena, const char *text, size_t length);

/* printf into the arena. */
char *pc_arena_printf(struct pc_arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define PC_NEW(arena, type)              ((type *)pc_arena_alloc((arena), sizeof(type)))
#define PC_NEW_ARRAY(arena, count, type) ((type *)pc_arena_array((arena), (count), sizeof(type)))

/* Makes room for one more element in an arena array that grows by doubling: `array` and `capacity` are updated. */
#define PC_GROW(arena, array, count, capacity)                                                                              \
    ((array) = pc_arena_grow((arena), (array), (count), &(capacity), sizeof *(array)))
void *pc_arena_grow(struct pc_arena *arena, void *array, size_t count, size_t *capacity, size_t element);

#endif
