/* differential.c - random layers, computed by the reference, the interpreter, C by several compilers and the JIT.
 *
 *     differential [--layers N] [--seed S] [--compilers gcc,clang,jit] [--jobs J] [--batch B] [--target T]
 *
 * Layers come in batches, one C file each; the compiler `jit` is LLVM in this process: quicker, and there by default where
 * poolc has it.  Each batch is for one target, a random one of those that its compilers can run, and all have its plan.
 * Reference and interpreter agree within pool/compare.h, interpreter and machine code bit for bit; inputs are plain and hard;
 * buffers touch unreadable pages.  The batches differ in unroll budget, flags and language (C99 and C++), and the run fails
 * when some kind of kernel never occurred in it.  A failing layer is made smaller as long as it fails, and printed as a
 * spec. */
#include "batch.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { JOBS_MAX = 64, FAILURES_MAX = 3, COMPLETE = 1000 /* layers after which every kind must have occurred */ };

struct options {
    long layers, jobs, batch;
    uint64_t seed;
    char *compilers[COMPILERS_MAX];
    int compiler_count;
    bool has_c;
    enum pc_target target; /* PC_TARGET_COUNT: by turns */
};

/* ---- batches ---- */

/* One that C can be run for; the JIT takes the plans of all. */
static enum pc_target random_target(const struct options *options, long number) {
    enum pc_target targets[PC_TARGET_COUNT];
    uint64_t count = 0;
    char stream[32];
    snprintf(stream, sizeof stream, "target %ld", number);
    struct pool_random random = pool_random_start(options->seed, stream);
    for (int t = 0; t < PC_TARGET_COUNT; t++)
        if (!options->has_c || pc_target_is_here((enum pc_target)t))
            targets[count++] = (enum pc_target)t;
    return targets[pool_random_below(&random, count)];
}

static struct batch *new_batch(const struct options *options, long number) {
    const long left = options->layers - number * options->batch;
    struct batch *batch = batch_random(options->seed, number, (size_t)(left < options->batch ? left : options->batch),
                                       options->target < PC_TARGET_COUNT ? options->target : random_target(options, number));
    for (int i = 0; i < options->compiler_count; i++)
        batch->compilers[batch->compiler_count++] = options->compilers[i];
    return batch;
}

/* ---- a failing layer made smaller ---- */

static struct batch *alone(const struct batch *from, const struct pool_desc *desc, enum pc_unroll unroll) {
    struct batch *batch = batch_new();
    batch->plan = from->plan;
    batch->target = from->target;
    batch->nodes_max = from->nodes_max;
    batch->variant = from->variant;
    batch->seed = from->seed;
    batch->compiler_count = from->compiler_count;
    memcpy(batch->compilers, from->compilers, sizeof batch->compilers);
    batch_add(batch, desc, unroll);
    return batch;
}

/* Change number `step` to a description; false when there are no more. */
static bool smaller(struct pool_desc *desc, int step) {
    int64_t *const fields[] = {&desc->batch,     &desc->channels, desc->in,       desc->kernel,      desc->stride,
                               desc->dilation, desc->pad_begin, desc->pad_end,  desc->adaptive_out};
    enum { FIELDS = sizeof fields / sizeof *fields, WAYS = 3 };
    const int field = step / WAYS / POOL_MAX_RANK, axis = step / WAYS % POOL_MAX_RANK, way = step % WAYS;
    if (field < FIELDS) {
        if (field > 1 || axis == 0) {
            int64_t *value = fields[field] + axis;
            *value = way == 0 ? *value > 1 : way == 1 ? *value / 2 : *value - (*value > 0);
        }
        return true;
    }
    switch (step - FIELDS * WAYS * POOL_MAX_RANK) {
    case 0: desc->indices = POOL_INDICES_NONE; return true;
    case 1: desc->layout = POOL_CHANNELS_FIRST; return true;
    case 2: desc->ceil_mode = false; return true;
    case 3: desc->nan = POOL_NAN_PROPAGATE; return true;
    case 4: desc->padding = POOL_PAD_EXPLICIT; return true;
    case 5: desc->divisor = POOL_DIVISOR_TAPS; return true;
    case 6: desc->dtype = POOL_F32; return true;
    default: return false;
    }
}

static void shrink(const struct batch *from, size_t layer) {
    enum { TRIES_MAX = 300 };
    struct pool_desc best = from->layers[layer].desc;
    const enum pc_unroll unroll = from->layers[layer].unroll;
    bool progress = true;
    for (int tries = 0; progress && tries < TRIES_MAX;) {
        progress = false;
        struct pool_desc desc = best;
        for (int step = 0; smaller(&desc, step) && tries < TRIES_MAX; step++, desc = best) {
            struct pool_shape shape;
            if (memcmp(&desc, &best, sizeof desc) == 0 || pool_reference_shape(&desc, &shape) != POOL_OK)
                continue;
            struct batch *batch = alone(from, &desc, unroll);
            batch->quiet = true;
            tries++;
            if (batch_run(batch) < batch->count) { /* never so for an empty batch */
                best = desc;
                progress = true;
            }
            batch_free(batch);
        }
    }
    struct batch *batch = alone(from, &best, unroll);
    printf("made smaller:\n");
    if (batch_run(batch) == batch->count)
        printf("(it fails only among the other layers of its batch)\n");
    batch_free(batch);
}

/* ---- jobs ---- */

/* Every `jobs`-th batch, the counts to `output`. */
static int work(const struct options *options, long first, int output) {
    struct counts counts = {0};
    int failures = 0;
    for (long number = first; number * options->batch < options->layers && failures < FAILURES_MAX;
         number += options->jobs) {
        struct batch *batch = new_batch(options, number);
        const size_t failed = batch_run(batch);
        if (failed < batch->count) {
            failures++;
            printf("in batch %ld of --seed %llu --batch %ld\n", number, (unsigned long long)options->seed, options->batch);
            shrink(batch, failed);
            fflush(stdout);
        }
        counts_add(&counts, &batch->counts);
        batch_free(batch);
    }
    const bool sent = write(output, &counts, sizeof counts) == (ssize_t)sizeof counts;
    return failures > 0 || !sent;
}

static bool start_jobs(const struct options *options, int inputs[], pid_t children[]) {
    for (long job = 0; job < options->jobs; job++) {
        int ends[2];
        fflush(stdout);
        if (pipe(ends) != 0 || (children[job] = fork()) < 0) {
            perror("differential");
            return false;
        }
        if (children[job] == 0) {
            close(ends[0]);
            const int status = work(options, job, ends[1]);
            fflush(stdout);
            _exit(status);
        }
        close(ends[1]);
        inputs[job] = ends[0];
    }
    return true;
}

static int run(const struct options *options) {
    int inputs[JOBS_MAX], failed = 0;
    pid_t children[JOBS_MAX];
    struct counts total = {0};
    if (!start_jobs(options, inputs, children))
        return 2;
    for (long job = 0; job < options->jobs; job++) {
        struct counts counts;
        int status;
        if (read(inputs[job], &counts, sizeof counts) == (ssize_t)sizeof counts)
            counts_add(&total, &counts);
        while (waitpid(children[job], &status, 0) < 0 && errno == EINTR)
            ;
        failed |= !WIFEXITED(status) || WEXITSTATUS(status) != 0;
        close(inputs[job]);
    }
    const int missing = counts_print(&total, options->has_c);
    if (missing > 0 && options->layers >= COMPLETE && options->target == PC_TARGET_COUNT) {
        printf("%d kinds of kernels never occurred: the test checks less than it says\n", missing);
        failed = 1;
    }
    return failed;
}

/* ---- options ---- */

static int usage(void) {
    fprintf(stderr, "usage: differential [--layers N] [--seed S] [--compilers gcc,clang,jit] [--jobs J] [--batch B]"
                    " [--target T]\n");
    return 2;
}

static bool target_of(const char *name, enum pc_target *target) {
    for (int t = 0; t < PC_TARGET_COUNT; t++)
        if (strcmp(pc_target_row((enum pc_target)t)->name, name) == 0)
            *target = (enum pc_target)t;
    return *target < PC_TARGET_COUNT;
}

int main(int argc, char **argv) {
    struct options options = {.layers = 200, .seed = 1, .jobs = 2, .batch = 50, .target = PC_TARGET_COUNT};
    char every[] = "gcc,clang," BATCH_JIT, without_llvm[] = "gcc,clang";
    char *list = pc_backend_is_there(PC_BACKEND_JIT) ? every : without_llvm;
    for (int i = 1; i < argc; i += 2) {
        if (i + 1 == argc)
            return usage();
        if (strcmp(argv[i], "--layers") == 0)
            options.layers = atol(argv[i + 1]);
        else if (strcmp(argv[i], "--seed") == 0)
            options.seed = strtoull(argv[i + 1], NULL, 0);
        else if (strcmp(argv[i], "--jobs") == 0)
            options.jobs = atol(argv[i + 1]);
        else if (strcmp(argv[i], "--batch") == 0)
            options.batch = atol(argv[i + 1]);
        else if (strcmp(argv[i], "--target") == 0 && target_of(argv[i + 1], &options.target))
            continue;
        else if (strcmp(argv[i], "--compilers") == 0)
            list = argv[i + 1];
        else
            return usage();
    }
    for (char *word = strtok(list, ","); word && options.compiler_count < COMPILERS_MAX; word = strtok(NULL, ",")) {
        options.has_c |= strcmp(word, BATCH_JIT) != 0;
        if (strcmp(word, BATCH_JIT) == 0 && !pc_backend_is_there(PC_BACKEND_JIT)) {
            fprintf(stderr, "differential: '%s' needs a poolc with LLVM\n", word);
            return 2;
        }
        options.compilers[options.compiler_count++] = word;
    }
    if (options.layers < 1 || options.batch < 1 || options.jobs < 1 || options.jobs > JOBS_MAX ||
        options.compiler_count == 0)
        return usage();
    batch_catch_crashes();
    return run(&options);
}
