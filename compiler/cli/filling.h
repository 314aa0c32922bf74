/* filling.h - memory for the tensors of a run, filled by a second thread while this one compiles.
 *
 * A new process spends as long on random numbers and on pages of memory, which the system clears when they are first stored
 * to, as on a kernel: for layers of 100 MB longer than LLVM. */
#ifndef PC_FILLING_H
#define PC_FILLING_H

#include "cli/tensor.h"

/* A tensor to fill: its random numbers, or, where it has no stream, one store into each page. */
struct pc_filled {
    void *data; /* `bytes` bytes, of pc_tensor_new(); NULL: nothing to do */
    int64_t bytes;
    const char *stream; /* as pool_random_fill() takes it; NULL: what the tensor holds does not matter */
};

struct pc_filling;

/* Begins to fill `count` tensors of element type `dtype`, which are copied and have to stay until pc_filling_end(). NULL where
 * there is no memory. A longjmp past the end leaves the thread at work and its memory to the end of the process. */
struct pc_filling *pc_filling_begin(const struct pc_filled *tensors, int count, uint64_t seed, enum pool_dtype dtype);

/* Helps with what is left, and returns when all is filled; releases `filling`, which may be NULL. */
void pc_filling_end(struct pc_filling *filling);

#endif
