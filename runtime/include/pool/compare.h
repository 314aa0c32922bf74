/* pool/compare.h - is this tensor a correct result?  The one place where tolerances come from, and they are derived.
 *
 * Max and min, their indices and their gradients, which are added in ascending order of the windows, have one right answer,
 * bit for bit (any NaN equals any NaN).  A sum of n terms depends on the order of its additions; every order errs by at most
 * (n-1)u/(1-(n-1)u) times the sum of the absolute values, u being the unit roundoff of the element type.  From that, and from
 * one such bound for every other rounding on the way, follows for each element the interval of all results that a kernel in
 * the element type can produce.  An element outside of its interval is wrong.  What a kernel may compute, and is given room for:
 *
 * - Forward average: the sum of the taps in any order, divided by the divisor (rounded to the element type).
 * - The gradient of an average: terms dy / divisor or (sum of dy with equal divisor) / divisor, added in any order and grouping.
 * - Lp: |x|^p by products for p = 1, 2, 3, 4 and else by pow(); sums in any order; then the root: nothing for p = 1, sqrt
 *   for 2, sqrt of sqrt for 4, else pow(s, 1/p). pow() may err by POOL_POW_ULPS, and p and 1/p may be rounded to the
 *   element type before. Powers and sums may overflow to infinity or vanish on the way.
 * - Lp gradient: sign(x) |x|^(p-1) * sum over windows of (y == 0 ? 0 : dy * y^(1-p)) with the y that the kernel itself
 *   stored; p = 2: x * sum of dy / y. The powers by products and one division, or by pow().
 * - A NaN among the terms of a sum, or infinities of both signs, must give NaN; infinities of one sign that infinity.
 *
 * Unchecked elements.  Where a partial sum may overflow in some order, where the gradient of Lp meets an infinity, a NaN or
 * a power outside of the normal range, and where a sum is so long that the bound says nothing, any value is accepted and
 * the element is counted as unchecked.  A test should insist that there are few. */
#ifndef POOL_COMPARE_H
#define POOL_COMPARE_H

#include <stdbool.h>
#include <stdint.h>

#include "pool/desc.h"
#include "pool/reference.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The error that pow() of the element type is allowed, in units of the last place. C libraries stay below 1. */
enum { POOL_POW_ULPS = 4 };

struct pool_comparison {
    int64_t count;           /* elements looked at */
    int64_t unchecked;       /* of them accepted whatever they were, or bounded on one side only */
    int64_t mismatches;      /* of them wrong */
    int64_t at;              /* the first wrong one as an offset in its tensor; -1: none */
    double expected, actual; /* of the first wrong one; all four are 0 where there is none */
    double low, high;        /* the least and the greatest that is accepted; equal to `expected` where one value is right */
};

/* Each returns an error of the desc, of a missing tensor or of memory, else POOL_OK with *result filled in: the tensor is
 * right if and only if result->mismatches is 0. Tensors are of the desc's dtype, layout and shape. */
enum pool_status pool_compare_forward(const struct pool_desc *desc, const void *x, const void *y,
                                      struct pool_comparison *result);

/* `y` is what the kernel's own forward pass stored; it is read for Lp only and may be NULL otherwise. `x` is read for max,
 * min and Lp and may be NULL otherwise. */
enum pool_status pool_compare_backward(const struct pool_desc *desc, const void *x, const void *y, const void *dy,
                                       const void *dx, struct pool_comparison *result);

/* Max and min. `kind` need not be the desc's: with WINDOW this checks the state that a kernel keeps. */
enum pool_status pool_compare_indices(const struct pool_desc *desc, const void *x, enum pool_indices kind,
                                      const int64_t *indices, struct pool_comparison *result);

/* Whether two tensors are bitwise equal, any NaN being equal to any NaN. *at, if not NULL, becomes the offset of the first
 * difference, or -1. */
bool pool_equal_bits(enum pool_dtype dtype, int64_t count, const void *a, const void *b, int64_t *at);

#ifdef __cplusplus
}
#endif
#endif
