/* stress.c - libpoolc under load:
 *   stress threads [--seconds N] [--threads N]   threads compile and run different and equal layers and check every number
 *   stress memory [--rounds N]                   layers that never come again: memory stays flat
 *   stress pages                                 while code is there, no page can be written and executed
 *   stress hits                                  how long a layer takes that was asked for before
 *
 * `cmake -DCMAKE_C_FLAGS=-fsanitize=thread` makes a build for `stress threads` under the thread sanitizer: it is silent
 * without suppressions, for LLVM, which is not instrumented, guards what threads share by mutexes that the sanitizer sees.
 */
#include "pool/compare.h"
#include "pool/compiler.h"
#include "pool/random.h"
#include "pool/reference.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static long seconds = 5, threads = 8, rounds = 2000;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* ---- threads ---- */

enum {
    LAYERS = 60, /* different ones; half are asked for by all threads, half by one each time */
    IDLE = 8,    /* fewer, so that code comes and goes */
};

struct case_ {
    struct pool_desc desc;
    struct pool_shape shape;
    void *x;
    void *y; /* what a kernel gave before any other thread ran: every later run must give the same bits */
};

static struct case_ cases[LAYERS];
static struct poolc *shared;
static atomic_long runs, mistakes;
static double deadline;

static size_t bytes_of(const struct pool_desc *desc, int64_t count) {
    return (size_t)count * pool_dtype_size(desc->dtype);
}

/* Runs the layer's forward kernel into *y, from malloc(). The compiler gets the layer as a description or as text. */
static bool run_case(struct poolc *poolc, const struct case_ *c, void **y) {
    struct poolc_module *module = poolc_compile_desc(poolc, NULL, &c->desc, NULL);
    const struct poolc_kernel *kernel = module ? poolc_layer_kernel(poolc_layer_at(module, 0), POOLC_FORWARD) : NULL;
    void *indices = kernel && kernel->parameter_count > 2 ? malloc((size_t)kernel->parameters[2].bytes) : NULL;
    *y = malloc(bytes_of(&c->desc, c->shape.y_count));
    const bool ok = kernel && poolc_call(kernel, (void *[]){c->x, *y, indices}, NULL);
    poolc_release(module);
    free(indices);
    return ok;
}

static bool make_cases(void) {
    struct pool_random random = pool_random_start(11, "cases");
    struct poolc *alone = poolc_open(NULL, NULL);
    for (int i = 0; i < LAYERS; i++) {
        struct case_ *c = &cases[i];
        struct pool_comparison comparison;
        pool_random_desc(&random, &c->desc);
        pool_reference_shape(&c->desc, &c->shape);
        c->x = malloc(bytes_of(&c->desc, c->shape.x_count));
        pool_random_fill((uint64_t)i, "x", c->desc.dtype, c->shape.x_count, c->x);
        if (!run_case(alone, c, &c->y) || pool_compare_forward(&c->desc, c->x, c->y, &comparison) != POOL_OK ||
            comparison.mismatches != 0) {
            fprintf(stderr, "stress: layer %d is wrong in one thread\n", i);
            return false;
        }
    }
    poolc_close(alone);
    return true;
}

static void free_cases(void) {
    for (int i = 0; i < LAYERS; i++) {
        free(cases[i].x);
        free(cases[i].y);
    }
}

static void *work(void *number) {
    struct pool_random random = pool_random_start((uint64_t)(uintptr_t)number, "threads");
    while (now() < deadline) {
        /* Mostly one of a few, so that threads meet in one layer; often one of all, so that layers go. */
        const bool common = pool_random_chance(&random, 1, 2);
        const struct case_ *c = &cases[pool_random_below(&random, common ? 3 : LAYERS)];
        void *y;
        if (!run_case(shared, c, &y) || !pool_equal_bits(c->desc.dtype, c->shape.y_count, c->y, y, NULL))
            atomic_fetch_add(&mistakes, 1);
        free(y);
        atomic_fetch_add(&runs, 1);
    }
    return NULL;
}

static int test_threads(void) {
    const struct poolc_options options = {.size = sizeof options, .idle_layers = IDLE};
    shared = poolc_open(&options, NULL);
    if (!shared || !make_cases())
        return 1;
    pthread_t all[64];
    deadline = now() + (double)seconds;
    for (long i = 0; i < threads; i++)
        pthread_create(&all[i], NULL, work, (void *)(uintptr_t)i);
    for (long i = 0; i < threads; i++)
        pthread_join(all[i], NULL);
    const struct poolc_statistics statistics = poolc_statistics(shared);
    poolc_close(shared);
    free_cases();
    printf("stress: %ld threads, %ld s: %ld runs, %" PRIu64 " kernels compiled, %" PRIu64 " layers evicted, %ld mistakes\n",
           threads, seconds, atomic_load(&runs), statistics.kernels, statistics.evicted, atomic_load(&mistakes));
    return atomic_load(&mistakes) || statistics.evicted == 0;
}

/* Equal kernels are compiled once, however many ask at the same time. */
static struct poolc_module *common_module;
static pthread_barrier_t start;

static void *ask(void *result) {
    pthread_barrier_wait(&start);
    *(poolc_function **)result =
        poolc_kernel_function(poolc_layer_kernel(poolc_layer_at(common_module, 0), POOLC_FORWARD), NULL);
    return NULL;
}

static int test_once(void) {
    static const char text[] = "pool a { mode avg; channels 8; shape 30 x 30; kernel 3 x 3; padding 1 x 1 }";
    struct poolc *poolc = poolc_open(NULL, NULL);
    common_module = poolc_compile_text(poolc, NULL, text, sizeof text - 1, NULL);
    pthread_t all[64];
    poolc_function *functions[64];
    pthread_barrier_init(&start, NULL, (unsigned)threads);
    for (long i = 0; i < threads; i++)
        pthread_create(&all[i], NULL, ask, &functions[i]);
    int wrong = 0;
    for (long i = 0; i < threads; i++) {
        pthread_join(all[i], NULL);
        wrong += !functions[i] || functions[i] != functions[0];
    }
    const uint64_t kernels = poolc_statistics(poolc).kernels;
    printf("stress: %ld threads asked for one kernel: compiled %" PRIu64 " times, %d wrong pointers\n", threads, kernels,
           wrong);
    poolc_release(common_module);
    poolc_close(poolc);
    pthread_barrier_destroy(&start);
    return wrong || kernels != 1;
}

/* ---- memory ---- */

static long resident_kib(void) {
    long total = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%ld %ld", &total, &resident) != 2)
        resident = 0;
    if (file)
        fclose(file);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

/* Small layers no two of which are equal; each is compiled, run and released. What remains in the cache has its full size
 * long before the first measurement, a fifth into the rounds. */
static int test_memory(void) {
    const struct poolc_options options = {.size = sizeof options, .idle_layers = 16};
    struct poolc *poolc = poolc_open(&options, NULL);
    struct pool_desc desc = {.rank = 1, .batch = 1, .stride = {2}, .dilation = {1}};
    static const float x[64];
    float y[64];
    long first = 0;
    const double begin = now();
    for (long i = 0; i < rounds; i++) {
        desc.mode = i % 2 ? POOL_AVG : POOL_LP;
        desc.p = 1 + (double)i / 1024;
        desc.divisor = POOL_DIVISOR_OVERRIDE;
        desc.divisor_override = i + 1;
        desc.channels = 1 + i % 3;
        desc.in[0] = 6 + i % 5;
        desc.kernel[0] = 2 + i % 2;
        struct poolc_module *module = poolc_compile_desc(poolc, NULL, &desc, NULL);
        if (!module || !poolc_call(poolc_layer_kernel(poolc_layer_at(module, 0), POOLC_FORWARD),
                                   (void *[]){(void *)(uintptr_t)x, y}, NULL)) {
            fprintf(stderr, "stress: round %ld failed\n", i);
            return 1;
        }
        poolc_release(module);
        if (i + 1 == rounds / 5)
            first = resident_kib();
    }
    const long last = resident_kib();
    const uint64_t kernels = poolc_statistics(poolc).kernels;
    poolc_close(poolc);
    printf("stress: %ld rounds (%.1f s), %" PRIu64 " kernels: %ld KiB after a fifth of them, %ld KiB in the end\n", rounds,
           now() - begin, kernels, first, last);
    /* The allocator's mood, not a leak: one kernel of 16 KiB kept in each round would be 25 MiB after 1,600 rounds. */
    return kernels != (uint64_t)rounds || last > first + 2048;
}

/* ---- pages ---- */

static int count_pages(bool *executable_is_ours, poolc_function *code) {
    FILE *file = fopen("/proc/self/maps", "r");
    char line[512], rights[8];
    uintptr_t begin, end;
    int both = 0;
    while (file && fgets(line, sizeof line, file)) {
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %7s", &begin, &end, rights) != 3)
            continue;
        both += strchr(rights, 'w') && strchr(rights, 'x');
        if ((uintptr_t)code >= begin && (uintptr_t)code < end)
            *executable_is_ours = strchr(rights, 'x') && !strchr(rights, 'w');
    }
    if (file)
        fclose(file);
    return file ? both : -1;
}

static int test_pages(void) {
    static const char text[] = "pool a { mode lp 3; channels 3; shape 20 x 20; kernel 3 x 3 }\n";
    struct poolc *poolc = poolc_open(NULL, NULL);
    struct poolc_module *module = poolc_compile_text(poolc, NULL, text, sizeof text - 1, NULL);
    poolc_function *code = poolc_kernel_function(poolc_layer_kernel(poolc_layer_at(module, 0), POOLC_FORWARD), NULL);
    bool found = false;
    const int both = count_pages(&found, code);
    printf("stress: %d pages can be written and executed; the kernel's can%s only be executed\n", both, found ? "" : "not");
    poolc_release(module);
    poolc_close(poolc);
    return both != 0 || !found;
}

/* ---- hits ---- */

enum { HITS = 20000 };

static int compare_times(const void *a, const void *b) {
    return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

/* Asking, getting the pointer, releasing. */
static double median_hit(struct poolc *poolc, const char *text, const struct pool_desc *desc) {
    static double times[HITS];
    for (int i = 0; i < HITS; i++) {
        const double begin = now();
        struct poolc_module *module = text ? poolc_compile_text(poolc, "net.pool", text, strlen(text), NULL)
                                           : poolc_compile_desc(poolc, NULL, desc, NULL);
        if (!poolc_kernel_function(poolc_layer_kernel(poolc_layer_at(module, 0), POOLC_FORWARD), NULL))
            return 1;
        poolc_release(module);
        times[i] = now() - begin;
    }
    qsort(times, HITS, sizeof *times, compare_times);
    return times[HITS / 2];
}

static int test_hits(void) {
    static const char text[] = "pool pool1 {\n    mode max\n    channels 64\n    shape 112 x 112\n    kernel 3 x 3\n"
                               "    stride 2 x 2\n    padding 1 x 1\n}\n";
    double begin = now();
    struct poolc *poolc = poolc_open(NULL, NULL);
    const double opened = now() - begin;
    begin = now();
    struct poolc_module *module = poolc_compile_text(poolc, NULL, text, sizeof text - 1, NULL);
    poolc_kernel_function(poolc_layer_kernel(poolc_layer_at(module, 0), POOLC_FORWARD), NULL);
    const double first = now() - begin;
    const struct pool_desc desc = *poolc_layer_desc(poolc_layer_at(module, 0));
    const double from_text = median_hit(poolc, text, NULL), from_desc = median_hit(poolc, NULL, &desc);
    poolc_release(module);
    poolc_close(poolc);
    printf("stress: opened in %.0f us, first kernel in %.0f us; again from text %.1f us, from a description %.1f us\n",
           opened * 1e6, first * 1e6, from_text * 1e6, from_desc * 1e6);
    return from_text > 1e-3 || from_desc > 1e-3; /* microseconds, with room for sanitizers and a busy machine */
}

/* ---- the program ---- */

int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "";
    for (int i = 2; i + 1 < argc; i += 2) {
        const long value = atol(argv[i + 1]);
        if (strcmp(argv[i], "--seconds") == 0)
            seconds = value;
        else if (strcmp(argv[i], "--threads") == 0 && value >= 1 && value <= 64)
            threads = value;
        else if (strcmp(argv[i], "--rounds") == 0 && value >= 5 && value <= 50000)
            rounds = value;
        else
            what = "";
    }
    if (strcmp(what, "threads") == 0)
        return test_once() | test_threads();
    if (strcmp(what, "memory") == 0)
        return test_memory();
    if (strcmp(what, "pages") == 0)
        return test_pages();
    if (strcmp(what, "hits") == 0)
        return test_hits();
    fprintf(stderr, "usage: stress threads|memory|pages|hits [--seconds N] [--threads N] [--rounds N]\n");
    return 2;
}
