/* pool/npy.h - NumPy's .npy files: one array in C order with its type and shape.
 *
 * Reads versions 1, 2 and 3 of either byte order, trusting nothing that the file says: the header is bounded, sizes are
 * checked for overflow, and memory grows with the data that is really there.  Writes version 1, byte for byte what NumPy
 * itself writes on the same machine. */
#ifndef POOL_NPY_H
#define POOL_NPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { POOL_NPY_MAX_RANK = 8 };

/* Floating point, unsigned and signed integers, by bytes; NumPy's own letters. */
enum pool_npy_type { POOL_NPY_F4, POOL_NPY_F8, POOL_NPY_U1, POOL_NPY_U2, POOL_NPY_I4, POOL_NPY_I8 };

struct pool_npy {
    enum pool_npy_type type;
    int rank; /* 0: a single number */
    int64_t shape[POOL_NPY_MAX_RANK];
    int64_t count; /* product of the shape; may be 0 */
    void *data;    /* in the machine's byte order, aligned for any type; never NULL after a successful read */
};

size_t pool_npy_size(enum pool_npy_type type);      /* bytes of one element */
const char *pool_npy_name(enum pool_npy_type type); /* "float32", ... */

/* Reads the whole file `path`. False: nothing is allocated, *npy is zeroed, and `message` (of `size` bytes; may be NULL with
 * 0) says why, beginning with the path. True: *npy is released with pool_npy_release(). */
bool pool_npy_read(const char *path, struct pool_npy *npy, char *message, size_t size);

/* Writes `data`, in the machine's byte order, beside `path` and renames it when all of it is on its way to the disk: a
 * reader sees the old file or the new one. False: no file is left behind, an old one is untouched, and `message` says why.
 * Refuses a path that exists and is no regular file. */
bool pool_npy_write(const char *path, enum pool_npy_type type, int rank, const int64_t *shape, const void *data,
                    char *message, size_t size);

/* Accepts a zeroed or an already released struct. */
void pool_npy_release(struct pool_npy *npy);

#ifdef __cplusplus
}
#endif
#endif
