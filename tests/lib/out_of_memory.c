/* out_of_memory.c - libpoolc where memory ends at any place: each of its allocations fails once, in a run of its own.
 *
 * This program's malloc() stands in front of the C library's.  It refuses the n-th request that libpoolc itself makes
 * (LLVM's own are left alone: LLVM ends the process) and counts what is there.  However the run went: the failed call said
 * so, the same call works when it is made again, and in the end as many blocks are there as before. */
#include "pool/compiler.h"

#include <errno.h>
#include <link.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *block);

static struct {
    uintptr_t begin, end; /* libpoolc's code and data */
    long next, fail_at;   /* requests of libpoolc so far, and which one fails; 0: none */
    bool failed, always;  /* it did; and every one behind it fails, too */
    atomic_long blocks;   /* of everybody */
} memory;

static bool refused(const void *caller) {
    const uintptr_t at = (uintptr_t)caller;
    if (at < memory.begin || at >= memory.end || !memory.fail_at)
        return false;
    memory.next++;
    const bool now = memory.next == memory.fail_at || (memory.always && memory.next > memory.fail_at);
    memory.failed |= now;
    return now;
}

static void *counted(void *block) {
    if (block)
        atomic_fetch_add(&memory.blocks, 1);
    return block;
}

void *malloc(size_t size) {
    return refused(__builtin_return_address(0)) ? NULL : counted(__libc_malloc(size));
}

void *calloc(size_t count, size_t size) {
    return refused(__builtin_return_address(0)) ? NULL : counted(__libc_calloc(count, size));
}

void *realloc(void *block, size_t size) {
    if (refused(__builtin_return_address(0)))
        return NULL;
    void *moved = __libc_realloc(block, size);
    return block ? moved : counted(moved);
}

void *aligned_alloc(size_t alignment, size_t size) {
    return counted(__libc_memalign(alignment, size));
}

void *memalign(size_t alignment, size_t size) {
    return counted(__libc_memalign(alignment, size));
}

int posix_memalign(void **block, size_t alignment, size_t size) {
    *block = counted(__libc_memalign(alignment, size));
    return *block ? 0 : ENOMEM;
}

void free(void *block) {
    if (block)
        atomic_fetch_sub(&memory.blocks, 1);
    __libc_free(block);
}

static int find_library(struct dl_phdr_info *object, size_t size, void *context) {
    (void)size;
    const uintptr_t inside = (uintptr_t)context;
    uintptr_t begin = UINTPTR_MAX, end = 0;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[i];
        const uintptr_t from = object->dlpi_addr + part->p_vaddr, to = from + part->p_memsz;
        if (part->p_type != PT_LOAD)
            continue;
        begin = from < begin ? from : begin;
        end = to > end ? to : end;
    }
    if (inside < begin || inside >= end)
        return 0;
    memory.begin = begin;
    memory.end = end;
    return 1;
}

/* ---- what is done ---- */

static int wrong;

#define EXPECT(condition)                                                                                                   \
    do {                                                                                                                    \
        if (!(condition)) {                                                                                                 \
            fprintf(stderr, "out_of_memory: request %ld%s, line %d: not so: %s\n", memory.fail_at,                          \
                    memory.always ? " and all behind it" : "", __LINE__, #condition);                                       \
            wrong++;                                                                                                        \
        }                                                                                                                   \
    } while (0)

/* A call that gives nothing says why; made again with memory, it must give something. */
#define TWICE(result, call)                                                                                                 \
    do {                                                                                                                    \
        struct poolc_problems *problems = NULL;                                                                             \
        (result) = (call);                                                                                                  \
        if (!(result)) {                                                                                                    \
            EXPECT(memory.failed);                                                                                          \
            EXPECT(problems && problems->count > 0 && *poolc_problems_render(problems));                                    \
            EXPECT(strstr(poolc_problems_render(problems), "memory"));                                                      \
            if (!memory.failed)                                                                                             \
                fputs(poolc_problems_render(problems), stderr);                                                             \
            poolc_problems_free(problems);                                                                                  \
            memory.fail_at = 0;                                                                                             \
            (result) = (call);                                                                                              \
        }                                                                                                                   \
        EXPECT(result);                                                                                                     \
        poolc_problems_free(problems);                                                                                      \
    } while (0)

static const char text[] = "let size = 9\n"
                           "pool first { mode max; shape size x size; kernel 3 x 3; stride 2 x 2; indices plane }\n"
                           "pool second { mode lp 2; dialect torch; shape 30; kernel 2 }\n"; /* with a warning */

static void use(struct poolc *poolc) {
    struct poolc_module *module, *one;
    TWICE(module, poolc_compile_text(poolc, "net.pool", text, sizeof text - 1, &problems));
    for (size_t i = 0; i < 2; i++)
        for (int kind = POOLC_FORWARD; kind <= POOLC_BACKWARD; kind++) {
            const struct poolc_kernel *kernel = poolc_layer_kernel(poolc_layer_at(module, i), (enum poolc_kernel_kind)kind);
            poolc_function *function;
            if (kernel)
                TWICE(function, poolc_kernel_function(kernel, &problems));
        }
    TWICE(one, poolc_compile_desc(poolc, "one", poolc_layer_desc(poolc_layer_at(module, 0)), &problems));
    poolc_release(module);
    poolc_release(one);
    struct poolc_problems *problems;
    EXPECT(!poolc_compile_text(poolc, "net.pool", text, sizeof text - 4, &problems)); /* the brace is missing */
    EXPECT(problems);
    poolc_problems_free(problems);
}

static void run(void) {
    struct poolc *poolc;
    TWICE(poolc, poolc_open(NULL, &problems));
    use(poolc);
    poolc_close(poolc);
}

/* Whether the n-th request was reached. */
static bool run_failing(long n, bool always) {
    const long before = atomic_load(&memory.blocks);
    memory.next = 0;
    memory.fail_at = n;
    memory.always = always;
    memory.failed = false;
    run();
    memory.fail_at = n; /* for the message */
    const long left = atomic_load(&memory.blocks) - before;
    if (left > 0) {
        fprintf(stderr, "out_of_memory: request %ld%s: %ld blocks were not freed\n", n, always ? " and all behind it" : "",
                left);
        wrong++;
    }
    memory.fail_at = 0;
    return memory.failed;
}

int main(void) {
    poolc_function *inside = (poolc_function *)poolc_version;
    alarm(500); /* a lock that is left held */
    if (!dl_iterate_phdr(find_library, (void *)(uintptr_t)inside)) {
        fputs("out_of_memory: libpoolc is nowhere\n", stderr);
        return 2;
    }
    run(); /* what LLVM keeps for good */
    run();
    long requests = 0;
    while (run_failing(requests + 1, false))
        requests++;
    for (long n = 1; n <= requests; n++)
        run_failing(n, true);
    printf("out_of_memory: %ld requests of libpoolc refused, %d mistakes\n", requests, wrong);
    return wrong || requests < 20;
}
