/* compare.c - see pool/compare.h: walks the windows and asks bounds.c what each element may be. */
#include "pool/compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bounds.h"
#include "element.h"
#include "geometry.h"

static bool selects(const struct pool_desc *desc) {
    return desc->mode == POOL_MAX || desc->mode == POOL_MIN;
}

static void start(struct pool_comparison *result) {
    memset(result, 0, sizeof *result);
    result->at = -1;
}

/* A bound as a double, rounded inwards: the last f64 that is still accepted. */
static double bound(long double value, bool low) {
    double near = (double)value;
    if (low ? near < value : near > value)
        near = nextafter(near, low ? INFINITY : -INFINITY);
    return near;
}

/* Mismatches keep the lowest offset: planes of channels-last tensors are visited out of order. */
static void note(struct pool_comparison *result, int64_t at, bool matches, double expected, double actual,
                 struct pool_interval range) {
    result->count++;
    if (matches)
        return;
    result->mismatches++;
    if (result->at >= 0 && result->at < at)
        return;
    result->at = at;
    result->expected = expected;
    result->actual = actual;
    result->low = bound(range.low, true);
    result->high = bound(range.high, false);
}

static void check(struct pool_comparison *result, int64_t at, const struct pool_expectation *expected, double actual) {
    bool matches = true;
    switch (expected->kind) {
    case POOL_EXPECT_RANGE:
        matches = actual >= expected->range.low && actual <= expected->range.high; /* false for NaN */
        if (isinf(expected->range.high - expected->range.low))
            result->unchecked++; /* no bound on one side */
        break;
    case POOL_EXPECT_NAN:
        matches = isnan(actual);
        break;
    case POOL_EXPECT_ANYTHING:
        result->unchecked++;
        break;
    }
    struct pool_interval range = expected->range;
    if (expected->kind == POOL_EXPECT_NAN)
        range = (struct pool_interval){NAN, NAN};
    note(result, at, matches, (double)expected->value, actual, range);
}

static bool same_bits(enum pool_dtype dtype, const void *a, const void *b, int64_t at) {
    size_t size = pool_dtype_size(dtype);
    const char *left = (const char *)a + (size_t)at * size, *right = (const char *)b + (size_t)at * size;
    return memcmp(left, right, size) == 0 || (isnan(pool_load(dtype, a, at)) && isnan(pool_load(dtype, b, at)));
}

bool pool_equal_bits(enum pool_dtype dtype, int64_t count, const void *a, const void *b, int64_t *at) {
    for (int64_t i = 0; i < count; i++)
        if (!same_bits(dtype, a, b, i)) {
            if (at)
                *at = i;
            return false;
        }
    if (at)
        *at = -1;
    return true;
}

static void compare_bits(enum pool_dtype dtype, int64_t count, const void *expected, const void *actual,
                         struct pool_comparison *result) {
    for (int64_t i = 0; i < count; i++) {
        double value = pool_load(dtype, expected, i);
        note(result, i, same_bits(dtype, expected, actual, i), value, pool_load(dtype, actual, i),
             (struct pool_interval){value, value});
    }
}

static void *allocate(int64_t count, size_t size) {
    return (uint64_t)count <= PTRDIFF_MAX / size ? malloc((size_t)count * size) : NULL;
}

static struct pool_expectation expect_average(const struct pool_desc *desc, const struct pool_geometry *geometry,
                                              const struct pool_window *window, const void *x, int64_t plane) {
    struct pool_element element = pool_element_of(desc->dtype);
    struct pool_sum sum = {0};
    for (int64_t i = 0; i < window->count; i++)
        pool_sum_add(&sum, pool_load(desc->dtype, x, pool_geometry_x(geometry, plane, window->taps[i].at)));
    struct pool_expectation expected = pool_sum_expect(&element, &sum, window->count - 1, 0);
    return desc->mode == POOL_AVG ? pool_divide_expect(&element, expected, window->divisor) : expected;
}

static struct pool_expectation expect_norm(const struct pool_desc *desc, const struct pool_geometry *geometry,
                                           const struct pool_window *window, const void *x, int64_t plane, double value) {
    struct pool_element element = pool_element_of(desc->dtype);
    struct pool_sum sum = {0};
    bool infinite = false;
    for (int64_t i = 0; i < window->count; i++) {
        double size = fabs(pool_load(desc->dtype, x, pool_geometry_x(geometry, plane, window->taps[i].at)));
        if (isnan(size))
            return (struct pool_expectation){POOL_EXPECT_NAN, {0, 0}, NAN};
        infinite = infinite || isinf(size);
        if (!isinf(size))
            pool_sum_add_interval(&sum, size, pool_lp_lift(desc->dtype, desc->p, size));
    }
    if (infinite)
        return (struct pool_expectation){POOL_EXPECT_RANGE, {INFINITY, INFINITY}, INFINITY};
    struct pool_interval powers = pool_sum_positive(&element, &sum, window->count - 1);
    return (struct pool_expectation){POOL_EXPECT_RANGE, pool_lp_root(desc->dtype, desc->p, powers), value};
}

enum pool_status pool_compare_forward(const struct pool_desc *desc, const void *x, const void *y,
                                      struct pool_comparison *result) {
    struct pool_geometry geometry;
    struct pool_shape shape;
    start(result);
    enum pool_status status = pool_geometry_make(desc, &geometry, &shape);
    if (status != POOL_OK)
        return status;
    if (!x || !y)
        return POOL_NULL_ARGUMENT;
    void *reference = allocate(shape.y_count, pool_dtype_size(desc->dtype));
    if (!reference)
        return POOL_NO_MEMORY;
    struct pool_window window = {0};
    status = pool_reference_forward(desc, x, reference, NULL);
    if (status == POOL_OK && selects(desc)) {
        compare_bits(desc->dtype, shape.y_count, reference, y, result);
    } else if (status == POOL_OK && !pool_window_allocate(&geometry, &window)) {
        status = POOL_NO_MEMORY;
    } else if (status == POOL_OK) {
        for (int64_t plane = 0; plane < geometry.planes; plane++)
            for (int64_t out = 0; out < geometry.out_plane; out++) {
                pool_window_find(&geometry, out, &window);
                int64_t at = pool_geometry_y(&geometry, plane, out);
                struct pool_expectation expected =
                    desc->mode == POOL_LP
                        ? expect_norm(desc, &geometry, &window, x, plane, pool_load(desc->dtype, reference, at))
                        : expect_average(desc, &geometry, &window, x, plane);
                check(result, at, &expected, pool_load(desc->dtype, y, at));
            }
    }
    pool_window_free(&window);
    free(reference);
    return status;
}

enum pool_status pool_compare_indices(const struct pool_desc *desc, const void *x, enum pool_indices kind,
                                      const int64_t *indices, struct pool_comparison *result) {
    struct pool_shape shape;
    start(result);
    enum pool_status status = pool_reference_shape(desc, &shape);
    if (status != POOL_OK)
        return status;
    if (!x || !indices)
        return POOL_NULL_ARGUMENT;
    int64_t *reference = allocate(shape.y_count, sizeof *reference);
    if (!reference)
        return POOL_NO_MEMORY;
    status = pool_reference_indices(desc, x, kind, reference);
    for (int64_t i = 0; status == POOL_OK && i < shape.y_count; i++) {
        double expected = (double)reference[i];
        note(result, i, reference[i] == indices[i], expected, (double)indices[i],
             (struct pool_interval){expected, expected});
    }
    free(reference);
    return status;
}

/* One window's dy for the gradient of Lp, times y^(1-p), as a term of the sums of its inputs. */
static void add_norm_term(const struct pool_desc *desc, const struct pool_window *window, double y, double dy,
                          struct pool_sum *sums) {
    struct pool_element element = pool_element_of(desc->dtype);
    struct pool_interval term = {dy, dy}, factor = {0, 0};
    long double value = dy;
    if (y == 0)
        return;
    bool known = isfinite(dy) && isfinite(y) && y > 0;
    if (known && desc->p == 2) {
        value = dy / (long double)y;
        term = pool_interval_round(&element, (struct pool_interval){value, value}, 1, element.smallest / 2);
    } else if (known && desc->p != 1) {
        value = dy * powl(y, 1 - (long double)desc->p);
        known = pool_lp_window_factor(desc->dtype, desc->p, y, &factor);
        term = pool_interval_round(&element, pool_interval_multiply(term, factor), 1, element.smallest / 2);
    }
    known = known && isfinite(term.low) && isfinite(term.high);
    for (int64_t i = 0; i < window->count; i++) {
        struct pool_sum *sum = &sums[window->taps[i].at];
        if (known)
            pool_sum_add_interval(sum, value, term);
        else
            sum->unknown = true;
    }
}

/* sign(x) |x|^(p-1) times the sum. */
static struct pool_expectation expect_norm_gradient(const struct pool_desc *desc, double x, const struct pool_sum *sum) {
    struct pool_element element = pool_element_of(desc->dtype);
    struct pool_expectation expected = pool_sum_expect(&element, sum, sum->count > 0 ? sum->count - 1 : 0, 0);
    struct pool_interval factor = {1, 1};
    if (!isfinite(x) || (x != 0 && desc->p != 1 && !pool_lp_input_factor(desc->dtype, desc->p, fabs(x), &factor)))
        expected.kind = POOL_EXPECT_ANYTHING;
    if (expected.kind != POOL_EXPECT_RANGE)
        return expected;
    if (x == 0)
        return (struct pool_expectation){POOL_EXPECT_RANGE, {0, 0}, 0};
    if (desc->p != 1) {
        expected.range = pool_interval_multiply(expected.range, factor);
        expected.range = pool_interval_round(&element, expected.range, 1, element.smallest / 2);
        expected.value *= powl(fabs(x), (long double)desc->p - 1);
    }
    if (isinf(expected.range.low) || isinf(expected.range.high))
        expected.kind = POOL_EXPECT_ANYTHING;
    if (x < 0) {
        expected.range = (struct pool_interval){-expected.range.high, -expected.range.low};
        expected.value = -expected.value;
    }
    return expected;
}

/* Sums only add. Averages divide once on the way of each term; a divisor that the element type does not hold is rounded before. */
static struct pool_expectation expect_average_gradient(const struct pool_desc *desc, const struct pool_sum *sum,
                                                       int64_t largest_divisor) {
    struct pool_element element = pool_element_of(desc->dtype);
    if (desc->mode != POOL_AVG)
        return pool_sum_expect(&element, sum, sum->count > 0 ? sum->count - 1 : 0, 0);
    bool exact = largest_divisor <= (int64_t)1 << element.digits;
    return pool_sum_expect(&element, sum, sum->count + (exact ? 0 : 1), element.smallest / 2);
}

static void compare_sums(const struct pool_desc *desc, const struct pool_geometry *geometry, const void *x, const void *y,
                         const void *dy, const void *dx, struct pool_window *window, struct pool_sum *sums,
                         struct pool_comparison *result) {
    int64_t largest_divisor = 0;
    for (int64_t plane = 0; plane < geometry->planes; plane++) {
        memset(sums, 0, (size_t)geometry->in_plane * sizeof *sums);
        for (int64_t out = 0; out < geometry->out_plane; out++) {
            pool_window_find(geometry, out, window);
            int64_t at = pool_geometry_y(geometry, plane, out);
            double gradient = pool_load(desc->dtype, dy, at);
            int64_t size = window->divisor == INT64_MIN ? INT64_MAX
                           : window->divisor < 0        ? -window->divisor
                                                        : window->divisor;
            if (size > largest_divisor)
                largest_divisor = size;
            if (desc->mode == POOL_LP)
                add_norm_term(desc, window, pool_load(desc->dtype, y, at), gradient, sums);
            else
                for (int64_t i = 0; i < window->count; i++)
                    pool_sum_add_quotient(&sums[window->taps[i].at], gradient, (long double)window->divisor);
        }
        for (int64_t i = 0; i < geometry->in_plane; i++) {
            int64_t at = pool_geometry_x(geometry, plane, i);
            struct pool_expectation expected = desc->mode == POOL_LP
                                                   ? expect_norm_gradient(desc, pool_load(desc->dtype, x, at), &sums[i])
                                                   : expect_average_gradient(desc, &sums[i], largest_divisor);
            check(result, at, &expected, pool_load(desc->dtype, dx, at));
        }
    }
}

/* The gradient of max and min. */
static enum pool_status compare_selections(const struct pool_desc *desc, int64_t count, const void *x, const void *dy,
                                           const void *dx, struct pool_comparison *result) {
    void *reference = allocate(count, pool_dtype_size(desc->dtype));
    if (!reference)
        return POOL_NO_MEMORY;
    const enum pool_status status = pool_reference_backward(desc, x, dy, reference);
    if (status == POOL_OK)
        compare_bits(desc->dtype, count, reference, dx, result);
    free(reference);
    return status;
}

enum pool_status pool_compare_backward(const struct pool_desc *desc, const void *x, const void *y, const void *dy,
                                       const void *dx, struct pool_comparison *result) {
    struct pool_geometry geometry;
    struct pool_shape shape;
    start(result);
    enum pool_status status = pool_geometry_make(desc, &geometry, &shape);
    if (status != POOL_OK)
        return status;
    if (!dy || !dx || (desc->mode == POOL_LP && (!x || !y)) || (selects(desc) && !x))
        return POOL_NULL_ARGUMENT;
    if (selects(desc))
        return compare_selections(desc, shape.x_count, x, dy, dx, result);
    struct pool_window window = {0};
    struct pool_sum *sums = allocate(geometry.in_plane, sizeof *sums);
    if (sums && pool_window_allocate(&geometry, &window))
        compare_sums(desc, &geometry, x, y, dy, dx, &window, sums, result);
    else
        status = POOL_NO_MEMORY;
    pool_window_free(&window);
    free(sums);
    return status;
}
