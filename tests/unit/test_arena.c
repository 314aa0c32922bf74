/* test_arena.c - what is allocated is zero, apart and stays; what is rewound is taken again, and nothing else is. */
#include <criterion/criterion.h>

#include <stdint.h>
#include <string.h>

#include "support/arena.h"

static struct pc_arena arena;

static void end_arena(void) {
    pc_arena_release(&arena);
}

TestSuite(arena, .fini = end_arena);

/* Fills `count` arrays of `size` bytes, each with its number, all in one list. */
static void fill(unsigned char **arrays, int count, size_t size) {
    for (int i = 0; i < count; i++) {
        arrays[i] = pc_arena_alloc(&arena, size);
        for (size_t k = 0; k < size; k++)
            cr_assert_eq(arrays[i][k], 0, "memory is zeroed, also where it was used before");
        memset(arrays[i], i + 1, size);
    }
}

static void expect_kept(unsigned char *const *arrays, int count, size_t size) {
    for (int i = 0; i < count; i++)
        for (size_t k = 0; k < size; k++)
            cr_assert_eq(arrays[i][k], i + 1);
}

Test(arena, arrays_do_not_overlap) {
    enum { COUNT = 100, SIZE = 1000 }; /* many blocks */
    unsigned char *arrays[COUNT];
    fill(arrays, COUNT, SIZE);
    expect_kept(arrays, COUNT, SIZE);
}

Test(arena, rewinding_keeps_what_came_before) {
    enum { COUNT = 60, SIZE = 777, ROUNDS = 5 };
    unsigned char *before[COUNT], *after[COUNT];
    fill(before, COUNT, SIZE);
    const struct pc_arena_mark mark = pc_arena_mark(&arena);
    for (int round = 0; round < ROUNDS; round++) {
        fill(after, COUNT, SIZE);
        expect_kept(after, COUNT, SIZE);
        pc_arena_rewind(&arena, mark);
    }
    fill(after, COUNT, SIZE);
    expect_kept(before, COUNT, SIZE);
    expect_kept(after, COUNT, SIZE);
}

Test(arena, rewinding_takes_the_same_memory_again) {
    pc_arena_alloc(&arena, 10);
    const struct pc_arena_mark mark = pc_arena_mark(&arena);
    void *const first = pc_arena_alloc(&arena, 100);
    pc_arena_rewind(&arena, mark);
    cr_assert_eq((uintptr_t)pc_arena_alloc(&arena, 100), (uintptr_t)first);
}

Test(arena, an_empty_arena_can_be_rewound) {
    const struct pc_arena_mark mark = pc_arena_mark(&arena);
    pc_arena_alloc(&arena, 100000);
    pc_arena_rewind(&arena, mark);
    cr_assert_null(arena.blocks);
    cr_assert_not_null(pc_arena_alloc(&arena, 1));
}

Test(arena, marks_nest) {
    unsigned char *outer[3], *inner[3];
    const struct pc_arena_mark first = pc_arena_mark(&arena);
    fill(outer, 3, 5000);
    const struct pc_arena_mark second = pc_arena_mark(&arena);
    fill(inner, 3, 50000);
    pc_arena_rewind(&arena, second);
    expect_kept(outer, 3, 5000);
    pc_arena_rewind(&arena, first);
    fill(outer, 3, 5000);
    expect_kept(outer, 3, 5000);
}

/* What is dirty is where arrays grow: a growing array is zero behind what it holds, wherever it grows. */
Test(arena, arrays_grow_zeroed_and_keep_what_they_hold) {
    enum { COUNT = 3000 };
    for (int apart = 0; apart < 2; apart++) { /* in place; or with something behind them, so that they move */
        const struct pc_arena_mark mark = pc_arena_mark(&arena);
        memset(pc_arena_alloc(&arena, 200000), 0xff, 200000);
        pc_arena_rewind(&arena, mark);
        int *numbers = NULL;
        size_t capacity = 0;
        for (int i = 0; i < COUNT; i++) {
            PC_GROW(&arena, numbers, (size_t)i, capacity);
            for (size_t k = (size_t)i; k < capacity; k++)
                cr_assert_eq(numbers[k], 0);
            numbers[i] = i + 1;
            if (apart)
                memset(pc_arena_alloc(&arena, 8), 0xff, 8);
        }
        for (int i = 0; i < COUNT; i++)
            cr_assert_eq(numbers[i], i + 1);
        pc_arena_rewind(&arena, mark);
    }
}

Test(arena, an_array_grows_where_it_is) {
    int *numbers = NULL, *first = NULL;
    size_t capacity = 0;
    pc_arena_alloc(&arena, 10000); /* a block with room */
    for (size_t i = 0; i < 100; i++) {
        PC_GROW(&arena, numbers, i, capacity);
        first = first ? first : numbers;
        cr_assert_eq((uintptr_t)numbers, (uintptr_t)first);
    }
}

/* What was tried takes the memory of what was tried before. */
Test(arena, a_rewind_keeps_a_block) {
    pc_arena_alloc(&arena, 100);
    const struct pc_arena_mark mark = pc_arena_mark(&arena);
    pc_arena_alloc(&arena, 100000);
    pc_arena_rewind(&arena, mark);
    const void *const kept = arena.spare;
    cr_assert_not_null(kept);
    pc_arena_alloc(&arena, 90000);
    cr_assert_eq((uintptr_t)arena.blocks, (uintptr_t)kept);
    cr_assert_null(arena.spare);
}
