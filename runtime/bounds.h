/* bounds.h - intervals that hold every result of a rounded computation.  pool/compare.h says what is computed. */
#ifndef POOL_RUNTIME_BOUNDS_H
#define POOL_RUNTIME_BOUNDS_H

#include <stdbool.h>
#include <stdint.h>

#include "element.h"

struct pool_interval {
    long double low, high; /* low may be -INFINITY, high INFINITY */
};

/* What one element has to be. */
enum pool_expect { POOL_EXPECT_RANGE, POOL_EXPECT_NAN, POOL_EXPECT_ANYTHING };
struct pool_expectation {
    enum pool_expect kind;
    struct pool_interval range;
    long double value; /* to show: the exact result where it is known */
};

/* A sum in the making: of terms that are exact or known to an interval. Start with {0}. */
struct pool_sum {
    int64_t count;
    long double value;          /* of the finite terms */
    struct pool_interval range; /* of the finite terms, added without error */
    long double size;           /* sum of the largest absolute values of the finite terms */
    long double peak;           /* the same before any division: no partial sum is larger, but for rounding */
    bool nan, plus_infinity, minus_infinity, unknown;
};

void pool_sum_add(struct pool_sum *sum, long double term);
void pool_sum_add_quotient(struct pool_sum *sum, long double dividend, long double divisor); /* |divisor| >= 1 */
void pool_sum_add_interval(struct pool_sum *sum, long double value, struct pool_interval term);

/* The sum after `roundings` roundings on the way of each term (count - 1 additions, and what else the caller knows of), each
 * of which may also err by `absolute`. Anything where a partial sum may overflow. */
struct pool_expectation pool_sum_expect(const struct pool_element *element, const struct pool_sum *sum, int64_t roundings,
                                        long double absolute);

/* The same for terms >= 0, which can only grow: where the sum may overflow, the interval reaches to infinity. */
struct pool_interval pool_sum_positive(const struct pool_element *element, const struct pool_sum *sum, int64_t roundings);

/* Widens by a relative and an absolute error; what exceeds the largest finite number may be, or is, infinite. */
struct pool_interval pool_interval_round(const struct pool_element *element, struct pool_interval exact, long double units,
                                         long double absolute);

/* All products, and all powers of a base >= 0. */
struct pool_interval pool_interval_multiply(struct pool_interval a, struct pool_interval b);
struct pool_interval pool_interval_power(struct pool_interval base, struct pool_interval exponent);

/* sum / divisor, rounded; the divisor is rounded to the element type before. */
struct pool_expectation pool_divide_expect(const struct pool_element *element, struct pool_expectation sum, int64_t divisor);

/* |x|^p of a finite x >= 0, and s^(1/p), as kernels compute them. */
struct pool_interval pool_lp_lift(enum pool_dtype dtype, double p, long double x);
struct pool_interval pool_lp_root(enum pool_dtype dtype, double p, struct pool_interval s);

/* The two factors of the Lp gradient, p > 1: y^(1-p) of a y > 0, false where a power on the way may leave the normal range;
 * and |x|^(p-1) of a finite x > 0, false where it may overflow. */
bool pool_lp_window_factor(enum pool_dtype dtype, double p, long double y, struct pool_interval *factor);
bool pool_lp_input_factor(enum pool_dtype dtype, double p, long double x, struct pool_interval *factor);

#endif
