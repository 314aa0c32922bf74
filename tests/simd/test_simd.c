/* test_simd.c - generated C with vectors against the interpreter, bit for bit: for each target the functions of cases.c and
 * random ones, compiled by gcc and clang, without and with optimization, as C and as C++, and run between unreadable pages.
 *
 * neon is compiled by a cross compiler and run by an emulator.  What this machine cannot run is compiled. */
#include "test_simd.h"

#include "ir_random.h"

#include "run/process.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef POOLC_SOURCE_DIR
#error "the tests' CMakeLists.txt says where the sources are"
#endif

enum { RANDOM_FUNCTIONS = 60, WORDS_MAX = 40, NODES_MIN = 2000 };

struct folder {
    struct pc_arena arena;
    char path[64];
};

static const char *in(struct folder *folder, const char *name) {
    return pc_arena_printf(&folder->arena, "%s/%s", folder->path, name);
}

static FILE *open_file(struct folder *folder, const char *name) {
    FILE *file = fopen(in(folder, name), "wb");
    cr_assert_not_null(file);
    return file;
}

/* Runs a command, given as words separated by spaces; no path of ours has one. */
static struct pc_process_end run(struct folder *folder, const char *command, char *errors, size_t size) {
    const char *words[WORDS_MAX];
    struct pc_signals signals;
    int count = 0;
    char *copy = pc_arena_printf(&folder->arena, "%s", command);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " ")) {
        cr_assert_lt(count, WORDS_MAX - 1);
        words[count++] = word;
    }
    words[count] = NULL;
    pc_signals_hold(&signals);
    const struct pc_process_end end = pc_process_run(words, &signals, errors, size);
    pc_signals_release(&signals);
    return end;
}

static void must(struct folder *folder, const char *command) {
    static char errors[4000];
    const struct pc_process_end end = run(folder, command, errors, sizeof errors);
    cr_assert(end.started && end.status == 0, "%s: %d\n%s", command, end.status, errors);
}

/* The IR of the function that a message of the harness begins with. */
static const char *dump_of(struct batch *batch, const char *message, struct pc_arena *arena) {
    const char *name = pc_arena_printf(arena, " %.*s(", (int)strcspn(message, ":"), message);
    const char *at = strstr(pc_text_string(&batch->dump), name);
    const char *end = at ? strstr(at, "\n}") : NULL;
    return end ? pc_arena_strndup(arena, at, (size_t)(end - at)) : "";
}

/* By an emulator, where it is another machine's. */
static bool can_run(enum pc_target target, const char *emulator) {
    return *emulator || pc_target_is_here(target);
}

static void make_batch(struct folder *folder, struct batch *batch, enum pc_target target) {
    static struct maker m;
    static struct inputs inputs;
    const struct pc_target_row *row = pc_target_row(target);
    FILE *data = open_file(folder, "data");
    batch_begin(batch, target, data);
    batch_cases(batch);
    batch_relax(batch);
    for (uint64_t seed = 1; seed <= RANDOM_FUNCTIONS; seed++) {
        make(&m, seed, (const int[LANES_USED]){1, row->most, row->half});
        make_inputs(&m, seed, &inputs);
        batch_add(batch, &m.k, "random", (const void *const[]){inputs.x, inputs.d, inputs.n});
        close_kit(&m.k);
    }
    cr_assert_eq(fclose(data), 0);
    FILE *code = open_file(folder, "cases.c");
    batch_write(batch, code);
    cr_assert_eq(fclose(code), 0);
    cr_assert_geq(batch->nodes, NODES_MIN);
    for (int op = 1; op < IR_OP_COUNT; op++)
        cr_assert(batch->seen[op] || (op == IR_LANES && row->most == 1), "no function of this test has %s", ir_ops[op].name);
}

#define WARNINGS "-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror"
#define C99 "-std=c99 " WARNINGS
#define CXX "-x c++ -std=c++11 " WARNINGS

static void check_target(enum pc_target target, const char *const *compilers, const char *linker, const char *emulator) {
    struct folder folder = {.path = "/tmp/poolc-simd-XXXXXX"};
    struct batch batch;
    char errors[2000];
    cr_assert_not_null(mkdtemp(folder.path));
    make_batch(&folder, &batch, target);
    const char *keep = getenv("POOLC_TEST_KEEP"); /* leaves the generated file for a look at it */
    must(&folder, pc_arena_printf(&folder.arena, "%s -std=c11 -D_GNU_SOURCE -O1 -I%s/compiler -I%s/tests/simd -c -o %s/harness.o %s/tests/simd/harness.c",
                                  linker, POOLC_SOURCE_DIR, POOLC_SOURCE_DIR, folder.path, POOLC_SOURCE_DIR));
    must(&folder, pc_arena_printf(&folder.arena, "%s -std=c11 -D_GNU_SOURCE -O1 -I%s/compiler -c -o %s/guarded.o %s/compiler/run/guarded.c",
                                  linker, POOLC_SOURCE_DIR, folder.path, POOLC_SOURCE_DIR));
    for (; *compilers; compilers++) {
        must(&folder, pc_arena_printf(&folder.arena, "%s %s -ffp-contract=off -I%s/tests/simd -c -o %s/cases.o %s/cases.c",
                                      *compilers, pc_target_row(target)->flags, POOLC_SOURCE_DIR, folder.path, folder.path));
        must(&folder, pc_arena_printf(&folder.arena, "%s %s -o %s/program %s/harness.o %s/guarded.o %s/cases.o -lm", linker,
                                      *emulator ? "-static" : "", folder.path, folder.path, folder.path, folder.path));
        if (!can_run(target, emulator))
            continue;
        const struct pc_process_end end = run(&folder, pc_arena_printf(&folder.arena, "%s %s/program %s/data", emulator,
                                                                       folder.path, folder.path), errors, sizeof errors);
        cr_assert(end.started && end.status == 0, "%s: %s: %d\n%s%s", *compilers, pc_target_row(target)->name, end.status,
                  errors, dump_of(&batch, errors, &folder.arena));
    }
    batch_end(&batch);
    static const char *const files[] = {"data", "cases.c", "cases.o", "harness.o", "guarded.o", "program"};
    for (size_t i = 0; i < sizeof files / sizeof *files && !keep; i++)
        unlink(in(&folder, files[i]));
    rmdir(folder.path);
    pc_arena_release(&folder.arena);
}

static const char *const here[] = {"gcc " C99 " -O0",   "gcc " C99 " -O2",   "gcc " C99 " -O2 -march=native",
                                   "clang " C99 " -O0", "clang " C99 " -O2", "g++ " CXX " -O0",
                                   NULL};
static const char *const aarch64[] = {"aarch64-linux-gnu-gcc " C99 " -O0", "aarch64-linux-gnu-gcc " C99 " -O2", NULL};

Test(simd, c99) {
    check_target(PC_TARGET_C99, here, "gcc", "");
}

#if defined(__x86_64__)
Test(simd, sse2) {
    check_target(PC_TARGET_SSE2, here, "gcc", "");
}

Test(simd, avx2) {
    check_target(PC_TARGET_AVX2, here, "gcc", "");
}

Test(simd, avx512) {
    check_target(PC_TARGET_AVX512, here, "gcc", "");
}
#endif

Test(simd, neon) {
    check_target(PC_TARGET_NEON, aarch64, "aarch64-linux-gnu-gcc", "qemu-aarch64");
}
