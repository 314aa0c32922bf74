/* pool/reference.h - every mode computed from its definition, one window at a time.
 *
 * Slow and obvious on purpose: this is what kernels are checked against.  It has its own shape arithmetic, accumulates in
 * long double, allocates only scratch, keeps no state, and shares nothing with the compiler but struct pool_desc. */
#ifndef POOL_REFERENCE_H
#define POOL_REFERENCE_H

#include <stddef.h>
#include <stdint.h>

#include "pool/desc.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The largest spatial size, kernel, stride, dilation, pad or adaptive output. Products of two of them, and sums of such
 * products, then stay far below INT64_MAX. */
enum { POOL_EXTENT_MAX = 1 << 24 };

enum pool_status {
    POOL_OK,
    POOL_BAD_CHOICE,    /* a field of an enumerated type holds none of its enumerators */
    POOL_BAD_RANK,      /* rank is not 1 to POOL_MAX_RANK */
    POOL_BAD_SIZE,      /* batch, channels, in or adaptive_out below 1 */
    POOL_BAD_KERNEL,    /* below 1 */
    POOL_BAD_STRIDE,    /* below 1 */
    POOL_BAD_DILATION,  /* below 1 */
    POOL_BAD_PADDING,   /* negative */
    POOL_BAD_EXPONENT,  /* Lp: p is not a number from 1 to POOL_EXPONENT_MAX */
    POOL_BAD_DIVISOR,   /* average: an override of 0, or anything but TAPS with adaptive windows */
    POOL_BAD_INDICES,   /* indices of a mode that selects no element, or no kind given where one is needed */
    POOL_TOO_LARGE,     /* a size above POOL_EXTENT_MAX, or a tensor whose bytes an int64_t cannot count */
    POOL_NO_OUTPUT,     /* the window is larger than the padded input */
    POOL_EMPTY_WINDOW,  /* a window has no tap inside the input */
    POOL_NULL_ARGUMENT, /* a tensor that is needed was not given */
    POOL_NO_MEMORY      /* scratch memory could not be allocated */
};

/* A short English phrase without a full stop, such as "stride is below 1". Static; never NULL. */
const char *pool_status_text(enum pool_status status);

/* Bytes of one element; 0 for something that is no dtype. */
size_t pool_dtype_size(enum pool_dtype dtype);

/* What follows from a desc. Arrays are indexed as in the desc; entries at and beyond `rank` are 1 (pads: 0). */
struct pool_shape {
    int64_t out[POOL_MAX_RANK];
    int64_t pad_begin[POOL_MAX_RANK], pad_end[POOL_MAX_RANK]; /* SAME and SAME_LOWER resolved; adaptive: 0 */
    int64_t kernel[POOL_MAX_RANK];                            /* adaptive: the largest window of the axis */
    int64_t x_count, y_count;                                 /* elements of x and dx, and of y, dy and indices */
    int error_axis;   /* the spatial axis that an error is about, or -1: none, or not an axis' */
    int64_t error_at; /* POOL_EMPTY_WINDOW: the first output position of that axis whose window is empty; otherwise -1 */
};

/* Checks `desc` completely and derives its shape. On an error the fields derived so far are left in *shape and the rest
 * are as for a missing axis; on POOL_EMPTY_WINDOW all are derived but the counts. */
enum pool_status pool_reference_shape(const struct pool_desc *desc, struct pool_shape *shape);

/* x to y, both of the desc's dtype and layout, without overlap. `indices` gets y_count numbers of the kind that the desc
 * names; it may be NULL and is not touched where the desc says NONE. After an error y and indices are untouched. */
enum pool_status pool_reference_forward(const struct pool_desc *desc, const void *x, void *y, int64_t *indices);

/* Max and min: the indices of another kind than the desc's; WINDOW gives what a kernel keeps as its state.
 * POOL_BAD_INDICES where `kind` is NONE. */
enum pool_status pool_reference_indices(const struct pool_desc *desc, const void *x, enum pool_indices kind,
                                        int64_t *indices);

/* dy to dx, the gradient of the sum of dy * y. `x` is read for max, min and Lp and may be NULL otherwise. Max and min: the
 * exact bits that kernels must produce, contributions added in the element type in ascending order of the output position,
 * from +0. Every element of dx is written; after an error none is. */
enum pool_status pool_reference_backward(const struct pool_desc *desc, const void *x, const void *dy, void *dx);

#ifdef __cplusplus
}
#endif
#endif
