/* batch.h - one batch of layers through all backends; see differential.c. */
#ifndef BATCH_H
#define BATCH_H

#include "pool/reference.h"
#include "subject.h"

enum { COMPILERS_MAX = 4, VARIANTS = 30 /* of flags and languages */ };

#define BATCH_JIT "jit" /* the name among compilers that stands for LLVM's */

/* What must occur in a long run: KIND(enumerator, "words"). */
#define KINDS(KIND)                                                                                                         \
    KIND(STRAIGHT, "straight lines")                                                                                        \
    KIND(LOOPS, "loops over windows")                                                                                       \
    KIND(PASSES, "one axis at a time")                                                                                      \
    KIND(PASSES_INDEX, "one axis at a time, with tap numbers or indices")                                                   \
    KIND(STAGED, "staged gradients")                                                                                        \
    KIND(STAGED_STATE, "staged gradients of max and min")                                                                   \
    KIND(STAGED_ROLLED, "staged gradients by loops")                                                                        \
    KIND(SCATTER, "gradients window by window")                                                                             \
    KIND(CHANNEL_BLOCKS, "channels in blocks, and some left over")                                                          \
    KIND(WIDE_STATE, "tap numbers through a plane of their own")                                                            \
    KIND(BOTH_SIDES, "borders on both sides of an interior")                                                                \
    KIND(TILE, "tiles of two outputs")                                                                                      \
    KIND(TILE_REST, "a tile left over")                                                                                     \
    KIND(BLOCKS, "dyadic blocks")                                                                                           \
    KIND(ROLLED_TAPS, "taps by a loop")                                                                                     \
    KIND(ROLLED_TAPS_INDEX, "taps by a loop, with indices")                                                                 \
    KIND(ROLLED_WINDOWS, "covering windows by a loop")                                                                      \
    KIND(ROLLED_PHASES, "phases by a loop")                                                                                 \
    KIND(GAPS, "inputs that no window sees")                                                                                \
    KIND(DILATED_BACKWARD, "gradients of dilated windows")                                                                  \
    KIND(ADAPTIVE, "adaptive windows")                                                                                      \
    KIND(FULL, "unroll full")                                                                                               \
    KIND(WINDOW, "unroll window")                                                                                           \
    KIND(STATE_8, "state of one byte")                                                                                      \
    KIND(STATE_16, "state of two bytes")                                                                                    \
    KIND(CHANNELS_LAST, "channels last")                                                                                    \
    KIND(VOLUME, "three spatial axes")                                                                                      \
    KIND(F64, "double precision")                                                                                           \
    KIND(POWER, "powers by the C library")                                                                                  \
    KIND(DIVISORS, "several divisors in one gradient")                                                                      \
    KIND(CPLUSPLUS, "kernels compiled as C++")                                                                              \
    KIND(NATIVE, "kernels compiled for this processor")                                                                     \
    KIND(SECTIONS, "long blocks cut into functions")                                                                        \
    KIND(SPLIT, "kernels that are split into parts")                                                                        \
    KIND(SPLIT_LOCAL, "kernels with local arrays that are split into parts")                                                \
    KIND(LANES, "vectors")                                                                                                  \
    KIND(FLAT, "vectors of pixels and channels as one row")                                                                 \
    KIND(IN_REGISTERS, "planes as one line, results between axes in registers")                                             \
    KIND(PIXELS, "windows pixel by pixel")                                                                                  \
    KIND(PIXELS_BACKWARD, "gradients pixel by pixel")                                                                       \
    KIND(LOOKUP, "windows whose taps are looked up")                                                                        \
    KIND(LOOKUP_BACKWARD, "gradients whose windows are looked up")

enum kind {
#define KIND(id, words) KIND_##id,
    KINDS(KIND)
#undef KIND
    KIND_COUNT
};

struct counts {
    int64_t kind[KIND_COUNT];
    int64_t mode[POOL_LP + 1], target[PC_TARGET_COUNT], layers, kernels, runs, jit_runs;
    int64_t checked[2], plain[2]; /* elements compared with the reference, and of them unchecked; with plain inputs */
};

void counts_add(struct counts *to, const struct counts *from);

/* Prints what occurred; the number of what did not, and 1 more if too many elements were not checked. `has_c`: some compiler
 * was one of C, and what is said of those must have occurred too; without, every target, also those of other machines. */
int counts_print(const struct counts *counts, bool has_c);

struct batch {
    struct pc_arena arena;
    struct pc_layer *layers;
    size_t count, capacity;
    struct pc_plan_options plan;
    enum pc_target target; /* which the plan is for: all kernels are, by whom they may be run */
    int64_t nodes_max; /* longer kernels would take long to compile */
    int variant;
    uint64_t seed; /* of the inputs */
    const char *compilers[COMPILERS_MAX];
    int compiler_count;
    bool quiet;
    struct counts counts;
};

struct batch *batch_new(void);

/* Batch `number` of the sequence that `seed` names: `count` random layers for a target, without compilers.
 * (batch_random.c) */
struct batch *batch_random(uint64_t seed, long number, size_t count, enum pc_target target);

/* Adds a layer, with less unrolling where it would be long to compile; false when it stays too long. */
bool batch_add(struct batch *batch, const struct pool_desc *desc, enum pc_unroll unroll);

/* The number of the first layer that failed, which is printed unless the batch is quiet; `count` when all is well. */
size_t batch_run(struct batch *batch);
void batch_free(struct batch *batch);

/* A kernel that touches an unreadable page ends the process with its layer on standard output. */
void batch_catch_crashes(void);

#endif
