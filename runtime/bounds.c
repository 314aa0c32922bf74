/* bounds.c - see bounds.h.
 *
 * Bounds are computed in long double, whose own roundings count too: every rounding of the element type is charged with
 * `unit` plus two of long double's epsilons, which covers the operations that follow it in the computation of the bound.
 * Where long double is no wider than double the bounds are looser and still right. */
#include "bounds.h"

#include <math.h>

#include "pool/compare.h"

static long double charge(const struct pool_element *element) {
    return element->unit + 2 * LDBL_EPSILON;
}

/* The relative error of k roundings in a row; infinite where k units are no small number any more. */
static long double gamma_of(const struct pool_element *element, int64_t k) {
    long double units = (long double)k * charge(element);
    return units < 0.5L ? units / (1 - units) : INFINITY;
}

struct pool_interval pool_interval_round(const struct pool_element *element, struct pool_interval exact, long double units,
                                         long double absolute) {
    long double relative = units * charge(element);
    struct pool_interval rounded = {exact.low, exact.high};
    if (isfinite(exact.low))
        rounded.low = exact.low - fabsl(exact.low) * relative - absolute;
    if (isfinite(exact.high))
        rounded.high = exact.high + fabsl(exact.high) * relative + absolute;
    if (rounded.high > element->largest)
        rounded.high = INFINITY;
    if (rounded.low > element->largest)
        rounded.low = INFINITY;
    if (rounded.low < -element->largest)
        rounded.low = -INFINITY;
    if (rounded.high < -element->largest)
        rounded.high = -INFINITY;
    return rounded;
}

/* The smallest interval around four corners. */
static struct pool_interval around(long double a, long double b, long double c, long double d) {
    return (struct pool_interval){fminl(fminl(a, b), fminl(c, d)), fmaxl(fmaxl(a, b), fmaxl(c, d))};
}

struct pool_interval pool_interval_multiply(struct pool_interval a, struct pool_interval b) {
    return around(a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high);
}

struct pool_interval pool_interval_power(struct pool_interval base, struct pool_interval exponent) {
    return around(powl(base.low, exponent.low), powl(base.low, exponent.high), powl(base.high, exponent.low),
                  powl(base.high, exponent.high));
}

void pool_sum_add_interval(struct pool_sum *sum, long double value, struct pool_interval term) {
    sum->count++;
    sum->value += value;
    sum->range.low += term.low;
    sum->range.high += term.high;
    long double size = fmaxl(fabsl(term.low), fabsl(term.high));
    sum->size += size;
    sum->peak += size;
}

void pool_sum_add_quotient(struct pool_sum *sum, long double dividend, long double divisor) {
    long double term = dividend / divisor;
    if (isfinite(dividend)) {
        pool_sum_add_interval(sum, term, (struct pool_interval){term, term});
        sum->peak += fabsl(dividend) - fabsl(term);
        return;
    }
    sum->count++;
    if (isnan(term))
        sum->nan = true;
    else if (term > 0)
        sum->plus_infinity = true;
    else
        sum->minus_infinity = true;
}

void pool_sum_add(struct pool_sum *sum, long double term) {
    pool_sum_add_quotient(sum, term, 1);
}

struct pool_interval pool_sum_positive(const struct pool_element *element, const struct pool_sum *sum, int64_t roundings) {
    long double relative = gamma_of(element, roundings);
    struct pool_interval range = sum->range;
    if (isfinite(range.low))
        range.low = isfinite(relative) ? fmaxl(0, range.low - range.low * relative) : 0;
    if (isfinite(range.high))
        range.high = isfinite(relative) ? range.high + range.high * relative : INFINITY;
    return pool_interval_round(element, range, 0, 0);
}

struct pool_expectation pool_sum_expect(const struct pool_element *element, const struct pool_sum *sum, int64_t roundings,
                                        long double absolute) {
    const struct pool_expectation nan = {POOL_EXPECT_NAN, {0, 0}, NAN},
                                  anything = {POOL_EXPECT_ANYTHING, {0, 0}, sum->value};
    if (sum->unknown)
        return anything;
    if (sum->nan || (sum->plus_infinity && sum->minus_infinity))
        return nan;
    /* A partial sum is at most the sum of absolute values and all errors. Where that may overflow, infinities of either
     * sign may turn up, and NaN from both. One term alone is not added to anything. */
    long double relative = gamma_of(element, roundings);
    if (isinf(relative))
        return anything;
    long double error = sum->size * relative + absolute * (1 + relative) * (long double)roundings;
    if (sum->count > 1 && !(sum->peak * (1 + relative) + error < element->largest))
        return anything;
    if (sum->plus_infinity)
        return (struct pool_expectation){POOL_EXPECT_RANGE, {INFINITY, INFINITY}, INFINITY};
    if (sum->minus_infinity)
        return (struct pool_expectation){POOL_EXPECT_RANGE, {-INFINITY, -INFINITY}, -INFINITY};
    return (struct pool_expectation){POOL_EXPECT_RANGE, {sum->range.low - error, sum->range.high + error}, sum->value};
}

struct pool_expectation pool_divide_expect(const struct pool_element *element, struct pool_expectation sum,
                                           int64_t divisor) {
    if (sum.kind != POOL_EXPECT_RANGE)
        return sum;
    bool exact = divisor >= -((int64_t)1 << element->digits) && divisor <= (int64_t)1 << element->digits;
    long double by = (long double)divisor;
    struct pool_interval range = around(sum.range.low / by, sum.range.low / by, sum.range.high / by, sum.range.high / by);
    sum.range = pool_interval_round(element, range, exact ? 1 : 2, element->smallest / 2);
    sum.value /= by;
    return sum;
}

/* The largest error of pow(), apart from that of its arguments. */
static struct pool_interval pow_error(const struct pool_element *element, struct pool_interval exact) {
    /* an ulp is at most two units of the value */
    return pool_interval_round(element, exact, 2 * POOL_POW_ULPS, POOL_POW_ULPS * element->smallest);
}

static long double rounded(enum pool_dtype dtype, long double value) {
    return dtype == POOL_F32 ? (long double)(float)value : (long double)(double)value;
}

/* An exponent as a kernel may hold it: computed from p or from p rounded to the element type, then rounded itself. */
static struct pool_interval exponent(enum pool_dtype dtype, long double from_p, long double from_rounded_p) {
    struct pool_element element = pool_element_of(dtype);
    if (from_p == from_rounded_p && rounded(dtype, from_p) == from_p)
        return (struct pool_interval){from_p, from_p};
    /* twice: through double, then to the element type */
    return pool_interval_round(&element, around(from_p, from_p, from_rounded_p, from_rounded_p), 2, 0);
}

static struct pool_interval product(const struct pool_element *element, struct pool_interval a, struct pool_interval b) {
    struct pool_interval rounded_product =
        pool_interval_round(element, pool_interval_multiply(a, b), 1, element->smallest / 2);
    if (rounded_product.low < 0)
        rounded_product.low = 0; /* the factors are not negative */
    return rounded_product;
}

struct pool_interval pool_lp_lift(enum pool_dtype dtype, double p, long double x) {
    struct pool_element element = pool_element_of(dtype);
    struct pool_interval size = {x, x};
    if (p == 1 || x == 0)
        return size;
    if (p == 2 || p == 3 || p == 4) {
        struct pool_interval square = product(&element, size, size);
        if (p == 2)
            return square;
        struct pool_interval cube = product(&element, square, size);
        if (p == 3)
            return cube;
        struct pool_interval a = product(&element, square, square), b = product(&element, cube, size);
        return around(a.low, a.high, b.low, b.high);
    }
    struct pool_interval power = pow_error(&element, pool_interval_power(size, exponent(dtype, p, rounded(dtype, p))));
    if (power.low < 0)
        power.low = 0;
    return power;
}

struct pool_interval pool_lp_root(enum pool_dtype dtype, double p, struct pool_interval s) {
    struct pool_element element = pool_element_of(dtype);
    if (p == 1 || s.high == 0)
        return s;
    if (p == 2 || p == 4) {
        struct pool_interval root = s;
        for (double power = p; power > 1; power /= 2)
            root = pool_interval_round(&element, (struct pool_interval){sqrtl(root.low), sqrtl(root.high)}, 1, 0);
        return root;
    }
    struct pool_interval inverse = exponent(dtype, 1 / (long double)p, 1 / rounded(dtype, p));
    struct pool_interval root = pow_error(&element, pool_interval_power(s, inverse));
    if (root.low < 0)
        root.low = 0;
    return root;
}

bool pool_lp_window_factor(enum pool_dtype dtype, double p, long double y, struct pool_interval *factor) {
    struct pool_element element = pool_element_of(dtype);
    struct pool_interval power = exponent(dtype, 1 - (long double)p, 1 - rounded(dtype, p));
    *factor = pow_error(&element, pool_interval_power((struct pool_interval){y, y}, power));
    return factor->low >= element.normal && isfinite(factor->high) && 1 / factor->high >= element.normal &&
           1 / factor->low <= element.largest;
}

bool pool_lp_input_factor(enum pool_dtype dtype, double p, long double x, struct pool_interval *factor) {
    struct pool_element element = pool_element_of(dtype);
    *factor = (struct pool_interval){x, x};
    if (p == 2)
        return true;
    struct pool_interval power = exponent(dtype, (long double)p - 1, rounded(dtype, p) - 1);
    *factor = pow_error(&element, pool_interval_power(*factor, power));
    return isfinite(factor->high);
}
