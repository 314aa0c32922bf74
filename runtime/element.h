/* element.h - the element types inside the runtime: loads and stores by dtype, and the limits that error bounds need.
 *
 * A double holds every f32 and f64 exactly, so tensors are read and written through it. */
#ifndef POOL_RUNTIME_ELEMENT_H
#define POOL_RUNTIME_ELEMENT_H

#include <float.h>

#include "pool/desc.h"

static inline double pool_load(enum pool_dtype dtype, const void *data, int64_t at) {
    return dtype == POOL_F32 ? (double)((const float *)data)[at] : ((const double *)data)[at];
}

/* Rounds once, to nearest, from the precision of the argument. */
static inline void pool_store(enum pool_dtype dtype, void *data, int64_t at, long double value) {
    if (dtype == POOL_F32)
        ((float *)data)[at] = (float)value;
    else
        ((double *)data)[at] = (double)value;
}

struct pool_element {
    long double unit;     /* largest relative error of one rounding to nearest */
    long double smallest; /* smallest subnormal: roundings below the normal range err by at most half of it */
    long double normal;   /* smallest normal number */
    long double largest;  /* largest finite number */
    int digits;           /* integers up to 2^digits are exact */
};

static inline struct pool_element pool_element_of(enum pool_dtype dtype) {
    if (dtype == POOL_F32)
        return (struct pool_element){FLT_EPSILON / 2.0L, FLT_TRUE_MIN, FLT_MIN, FLT_MAX, FLT_MANT_DIG};
    return (struct pool_element){DBL_EPSILON / 2.0L, DBL_TRUE_MIN, DBL_MIN, DBL_MAX, DBL_MANT_DIG};
}

#endif
