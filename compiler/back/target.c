/* target.c - see target.h. */
#include "back/target.h"

#include "front/tables.h"
#include "middle/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct pc_target_row rows[PC_TARGET_COUNT] = {
#define TARGET_ROW(id, name, bytes, most, half, fused, machine, header, flags, guard, test, line)                           \
    {name, bytes, most, half, fused, #machine, header, flags, guard, #test, line},
#include "targets.def"
#undef TARGET_ROW
};

const struct pc_target_row *pc_target_row(enum pc_target target) {
    return &rows[target];
}

bool pc_target_has(enum pc_target target, struct ir_type type) {
    return type.element < IR_ELEMENT_COUNT &&
           (type.lanes == 1 || type.lanes == rows[target].most || type.lanes == rows[target].half);
}

void pc_target_plan(enum pc_target target, struct pc_plan_options *options) {
    options->vector_bytes = rows[target].bytes;
    options->fused = rows[target].fused;
    options->target = rows[target].name;
}

/* ---- this processor ---- */

/* The tests of other machines are not C here. */
#define HERE_any(test) test
#if defined(__x86_64__)
#define HERE_x86_64(test) test
#else
#define HERE_x86_64(test) false
#endif
#if defined(__aarch64__)
#define HERE_aarch64(test) test
#else
#define HERE_aarch64(test) false
#endif

bool pc_target_is_here(enum pc_target target) {
    switch (target) {
#define TARGET_ROW(id, name, bytes, most, half, fused, machine, header, flags, guard, test, line)                           \
    case PC_TARGET_##id:                                                                                                    \
        return HERE_##machine(test);
#include "targets.def"
#undef TARGET_ROW
    case PC_TARGET_COUNT:
        break;
    }
    return false;
}

enum pc_target pc_target_native(void) {
    enum pc_target best = PC_TARGET_C99;
    for (int t = 0; t < PC_TARGET_COUNT; t++)
        if (rows[t].bytes > rows[best].bytes && pc_target_is_here((enum pc_target)t))
            best = (enum pc_target)t;
    return best;
}

/* note [near caches]
 * Where a few cores share a third level cache (Zen: 32 MiB for 8), their part of it is nearly as fast as the second.
 * Where a whole processor of many cores shares one (Granite Rapids: 480 MiB), each piece of it is as far as memory is: a
 * core waits for it as long, and what reads row by row or pixel by pixel is 1.3 to 1.6 times faster beyond the second
 * level.  Nobody tells which of the two it is but its size.
 *
 * Of lines a page apart the first level keeps as many as it has ways, 8 of most processors, 12 of this one: pixels of 1,024
 * channels and more are so far apart (3 x 3 averages of 17 x 17 x 1024 90 us one axis at a time, 63 as whole windows). */
static const int64_t THIRD_SHARED_BY_FEW = INT64_C(96) << 20;

int64_t pc_target_near_of(int64_t second, int64_t third) {
    return second > 0 && third > THIRD_SHARED_BY_FEW ? second : 0;
}

/* Lines a page apart share a set where a way is a page, which it is where addresses within a page find the set. */
int64_t pc_target_ways_of(int64_t first, int64_t ways) {
    static const int64_t PAGE = 4096;
    return first == ways * PAGE && ways != PC_FIRST_WAYS ? ways : 0;
}

/* What Linux tells of a cache; 0 where it does not. */
static int64_t cache_number(int index, const char *name) {
    char path[64];
    long long number = 0;
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/%s", index, name);
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    const bool is_number = fscanf(file, "%lld", &number) == 1;
    fclose(file);
    return is_number ? number : 0;
}

/* The first one of a level, which holds data; -1: Linux does not tell. */
static int cache_of_level(int64_t level) {
    enum { CACHES_MOST = 8 };
    for (int i = 0; i < CACHES_MOST; i++)
        if (cache_number(i, "level") == level)
            return i;
    return -1;
}

/* sysconf() adds up all third level caches of some machines, in some C libraries. */
static int64_t cache_bytes(int64_t level) {
    const int index = cache_of_level(level);
    return index < 0 ? 0 : 1024 * cache_number(index, "size"); /* it says "2048K" */
}

struct pc_caches pc_target_caches(void) {
    const int first = cache_of_level(1);
    const int64_t ways = first < 0 ? 0 : cache_number(first, "ways_of_associativity");
    return (struct pc_caches){.near_bytes = pc_target_near_of(cache_bytes(2), cache_bytes(3)),
                              .first_ways = pc_target_ways_of(cache_bytes(1), ways)};
}

void pc_target_plan_native(struct pc_plan_options *options) {
    pc_target_plan(pc_target_native(), options);
    options->caches = pc_target_caches();
}

/* ---- lists ---- */

struct pc_targets pc_targets_or_c99(const struct pc_targets *targets) {
    static const struct pc_targets c99 = {.items = {PC_TARGET_C99}, .count = 1};
    return targets->count ? *targets : c99;
}

static bool is_always_there(const struct pc_target_row *row) {
    return strcmp(row->test, "1") == 0;
}

static bool is_for_any(const struct pc_target_row *row) {
    return strcmp(row->machine, "any") == 0;
}

/* "sse2 or c99": what every processor of the machine has. */
static const char *always_there(const char *machine, struct pc_arena *arena) {
    const char *text = "";
    for (int t = PC_TARGET_COUNT; t-- > 0;)
        if (is_always_there(&rows[t]) && (is_for_any(&rows[t]) || strcmp(rows[t].machine, machine) == 0))
            text = pc_arena_printf(arena, "%s%s%s", text, *text ? " or " : "", rows[t].name);
    return text;
}

const char *pc_targets_problem(const struct pc_targets *targets, struct pc_arena *arena) {
    const struct pc_target_row *last = targets->count ? &rows[targets->items[targets->count - 1]] : NULL;
    for (int i = 0; i < targets->count; i++) {
        const struct pc_target_row *row = &rows[targets->items[i]], *before = i ? &rows[targets->items[i - 1]] : NULL;
        for (int k = 0; k < i; k++)
            if (targets->items[k] == targets->items[i])
                return pc_arena_printf(arena, "%s stands there twice", row->name);
        if (before && !is_for_any(before) && !is_for_any(row) && strcmp(before->machine, row->machine) != 0)
            return pc_arena_printf(arena, "%s is for %s and %s for %s, but a file is for one of them", before->name,
                                   before->machine, row->name, row->machine);
        if (before && is_always_there(before))
            return pc_arena_printf(arena, "%s would never be used, for every processor has the %s before it", row->name,
                                   before->name);
    }
    if (targets->count < 2 || is_always_there(last))
        return NULL;
    return pc_arena_printf(arena, "not every %s has %s; add %s at the end", last->machine, last->name,
                           always_there(last->machine, arena));
}

enum pc_target pc_targets_here(const struct pc_targets *targets) {
    for (int i = 0; i < targets->count; i++)
        if (pc_target_is_here(targets->items[i]))
            return targets->items[i];
    return targets->count ? PC_TARGET_COUNT : PC_TARGET_C99;
}

const char *pc_targets_flags(const struct pc_targets *targets) {
    return targets->count == 1 ? rows[targets->items[0]].flags : "";
}

const char *pc_targets_text(const struct pc_targets *targets, struct pc_arena *arena) {
    const struct pc_targets list = pc_targets_or_c99(targets);
    const char *names[PC_TARGET_COUNT];
    for (int i = 0; i < list.count; i++)
        names[i] = rows[list.items[i]].name;
    return pc_words_join((struct pc_words){names, list.count}, arena);
}
