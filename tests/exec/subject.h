/* subject.h - a layer under test: memory for its tensors, flush against unreadable pages, inputs that find faults, and
 * comparisons that say which element differs. Shared by the programs of tests/exec. */
#ifndef SUBJECT_H
#define SUBJECT_H

#include "middle/kernel.h"
#include "pool/random.h"
#include "run/backend.h"
#include "run/guarded.h"

extern const char *const tensor_names[PC_TENSOR_COUNT];

/* All tensors of a layer, whatever a kernel uses of them. */
struct tensors {
    const struct pc_layer *layer;
    struct pc_guarded buffer[PC_TENSOR_COUNT];
    size_t bytes[PC_TENSOR_COUNT];
};

/* false: no memory; nothing is left open. */
bool tensors_open(struct tensors *tensors, const struct pc_layer *layer, enum pc_guarded_end end);
void tensors_close(struct tensors *tensors);

/* Every byte of y, indices, state and dx becomes `byte`, so that an element that is not stored is seen. */
void tensors_clear_outputs(struct tensors *tensors, int byte);

/* What a runner takes: inputs from one set, outputs of the kernel from another. The state and the y that a backward kernel
 * reads are inputs. */
struct pc_tensors tensors_between(const struct tensors *inputs, const struct tensors *outputs, enum pc_kernel_kind kind);

/* The first tensor whose surroundings were written to, or NULL. */
const char *tensors_damaged(const struct tensors *tensors);

/* Inputs. Set -1 is plain; others are enum pool_hard. */
void tensors_fill(struct tensors *tensors, uint64_t seed, int set);

struct difference {
    const char *tensor;
    int64_t at;
    double expected, actual;
    double low, high; /* accepted; both NaN where only bits are */
};

/* Whether what a kernel of this kind stores is the same, bit for bit, any NaN being any NaN. */
bool tensors_equal(const struct tensors *expected, const struct tensors *actual, enum pc_kernel_kind kind,
                   struct difference *difference);

/* Whether what the kernel stored is a correct result, by the reference. `inputs` holds x, dy and the y that a backward
 * kernel read. Adds the elements looked at and those of them that any value would have passed for. */
bool tensors_correct(const struct tensors *inputs, const struct tensors *outputs, enum pc_kernel_kind kind,
                     struct difference *difference, int64_t counts[2]);

#endif
