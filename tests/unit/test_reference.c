/* test_reference.c - the reference against numbers that were worked out elsewhere: by hand, or by other libraries. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pool/random.h"
#include "pool/reference.h"

#define LENGTH(array) (sizeof(array) / sizeof *(array))

/* One image, one channel, f64, a window of 1 on every axis. */
static struct pool_desc layer(enum pool_mode mode, int rank, const int64_t *in) {
    struct pool_desc desc = {.mode = mode, .p = 2, .rank = rank, .batch = 1, .channels = 1, .dtype = POOL_F64};
    for (int i = 0; i < rank; i++) {
        desc.in[i] = in[i];
        desc.kernel[i] = desc.stride[i] = desc.dilation[i] = 1;
    }
    return desc;
}

static struct pool_desc line(enum pool_mode mode, int64_t in, int64_t kernel, int64_t stride, int64_t begin, int64_t end,
                             int64_t dilation, bool ceil_mode) {
    struct pool_desc desc = layer(mode, 1, &in);
    desc.kernel[0] = kernel;
    desc.stride[0] = stride;
    desc.pad_begin[0] = begin;
    desc.pad_end[0] = end;
    desc.dilation[0] = dilation;
    desc.ceil_mode = ceil_mode;
    return desc;
}

static struct pool_desc square(enum pool_mode mode, int64_t in, int64_t kernel, int64_t stride) {
    struct pool_desc desc = layer(mode, 2, (const int64_t[]){in, in});
    desc.kernel[0] = desc.kernel[1] = kernel;
    desc.stride[0] = desc.stride[1] = stride;
    return desc;
}

/* Forward of `x`, which must give exactly the `count` values of `y`, up to `error`. */
static void expect_close(const struct pool_desc *desc, const double *x, const double *y, size_t count, double error) {
    struct pool_shape shape;
    double actual[64];
    cr_assert_eq(pool_reference_shape(desc, &shape), POOL_OK);
    cr_assert_eq(shape.y_count, (int64_t)count, "%lld outputs instead of %zu", (long long)shape.y_count, count);
    cr_assert_eq(pool_reference_forward(desc, x, actual, NULL), POOL_OK);
    for (size_t i = 0; i < count; i++)
        cr_assert(fabs(actual[i] - y[i]) <= error, "output %zu: %.17g instead of %.17g", i, actual[i], y[i]);
}

static void fill_range(double *x, size_t count, double first) {
    for (size_t i = 0; i < count; i++)
        x[i] = first + (double)i;
}

Test(reference, output_sizes) {
    static const struct {
        int64_t in, kernel, stride, begin, end, dilation, floor, ceil;
    } cases[] = {
        {5, 3, 3, 1, 1, 1, 2, 2},
        {2, 1, 2, 0, 0, 1, 1, 1},
        {2, 3, 3, 1, 1, 1, 1, 1},
        {9, 7, 3, 3, 3, 1, 3, 4},
        {3, 2, 2, 0, 0, 1, 1, 2},
        {112, 3, 2, 1, 1, 1, 56, 57},
        {112, 3, 2, 0, 0, 1, 55, 56},
        {6, 3, 2, 1, 1, 1, 3, 4},
        {32, 5, 3, 0, 0, 2, 8, 9},
        {7, 2, 3, 0, 0, 1, 2, 3},
        {5, 2, 4, 1, 1, 1, 2, 2},
        {4, 5, 2, 0, 0, 1, 0, 1}, /* larger than the input by less than a stride: ceil_mode alone has an output */
        {4, 6, 2, 0, 0, 1, 0, 0},
    };
    for (size_t i = 0; i < LENGTH(cases); i++)
        for (int ceil_mode = 0; ceil_mode < 2; ceil_mode++) {
            struct pool_desc desc = line(POOL_MAX, cases[i].in, cases[i].kernel, cases[i].stride, cases[i].begin,
                                         cases[i].end, cases[i].dilation, ceil_mode != 0);
            struct pool_shape shape;
            enum pool_status status = pool_reference_shape(&desc, &shape);
            int64_t out = ceil_mode ? cases[i].ceil : cases[i].floor;
            cr_assert_eq(status, out ? POOL_OK : POOL_NO_OUTPUT, "case %zu: %s", i, pool_status_text(status));
            cr_assert(!out || shape.out[0] == out, "case %zu: %lld", i, (long long)shape.out[0]);
            cr_assert_eq(shape.error_axis, out ? -1 : 0);
        }
}

Test(reference, same_padding) {
    static const struct {
        int64_t in, kernel, stride, out, total;
    } cases[] = {{5, 3, 2, 3, 2}, {4, 3, 2, 2, 1}, {7, 2, 2, 4, 1}, {6, 1, 2, 3, 0}, {10, 5, 3, 4, 4}};
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct pool_desc desc = line(POOL_AVG, cases[i].in, cases[i].kernel, cases[i].stride, 99, -99, 1, false);
        struct pool_shape same, lower;
        desc.padding = POOL_PAD_SAME;
        cr_assert_eq(pool_reference_shape(&desc, &same), POOL_OK);
        desc.padding = POOL_PAD_SAME_LOWER;
        cr_assert_eq(pool_reference_shape(&desc, &lower), POOL_OK);
        cr_assert(same.out[0] == cases[i].out && lower.out[0] == cases[i].out, "case %zu", i);
        cr_assert(same.pad_begin[0] == cases[i].total / 2 && lower.pad_end[0] == cases[i].total / 2, "case %zu", i);
        cr_assert(same.pad_begin[0] + same.pad_end[0] == cases[i].total, "case %zu", i);
        cr_assert(lower.pad_begin[0] + lower.pad_end[0] == cases[i].total, "case %zu", i);
    }
}

Test(reference, average_with_ceil_mode) {
    static const struct {
        int64_t in, kernel, stride, pad;
        size_t out;
        double padded[4], window[4], taps[4];
    } cases[] = {
        {5, 2, 2, 0, 3, {1.5, 3.5, 5}, {1.5, 3.5, 2.5}, {1.5, 3.5, 5}},
        {6, 3, 2, 1, 4, {1, 3, 5, 3}, {1, 3, 5, 2}, {1.5, 3, 5, 6}},
        {3, 2, 2, 1, 2, {0.5, 2.5}, {0.5, 2.5}, {1, 2.5}},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        double x[8];
        fill_range(x, LENGTH(x), 1);
        struct pool_desc desc =
            line(POOL_AVG, cases[i].in, cases[i].kernel, cases[i].stride, cases[i].pad, cases[i].pad, 1, true);
        desc.divisor = POOL_DIVISOR_PADDED;
        expect_close(&desc, x, cases[i].padded, cases[i].out, 0);
        desc.divisor = POOL_DIVISOR_WINDOW;
        expect_close(&desc, x, cases[i].window, cases[i].out, 0);
        desc.divisor = POOL_DIVISOR_TAPS;
        expect_close(&desc, x, cases[i].taps, cases[i].out, 0);
    }
}

/* Results that users of PyTorch, ONNX Runtime and Core ML quoted in reports about the divisor. */
Test(reference, averages_quoted_from_frameworks) {
    const double x[] = {2.0903, 4.6493, 1.6320, -3.2051, 4.6975, 4.7296, 3.3653, -1.5815, -2.3832};
    struct pool_desc desc = line(POOL_AVG, 9, 7, 3, 3, 3, 1, true);
    desc.divisor = POOL_DIVISOR_PADDED;
    expect_close(&desc, x, (const double[]){.7381, 2.5656, .8032, -.0999}, 4, 5e-5);
    desc.divisor = POOL_DIVISOR_WINDOW;
    expect_close(&desc, x, (const double[]){.7381, 2.5656, .8032, -.0856}, 4, 5e-5);

    double grid[49];
    fill_range(grid, 49, 0);
    desc = square(POOL_AVG, 7, 2, 3);
    desc.ceil_mode = true;
    desc.divisor = POOL_DIVISOR_PADDED;
    expect_close(&desc, grid, (const double[]){4, 7, 9.5, 25, 28, 30.5, 42.5, 45.5, 48}, 9, 0);
    desc.divisor = POOL_DIVISOR_WINDOW;
    expect_close(&desc, grid, (const double[]){4, 7, 4.75, 25, 28, 15.25, 21.25, 22.75, 12}, 9, 0);

    const double ones[] = {1, 1, 1, 1};
    desc = square(POOL_AVG, 2, 2, 1);
    desc.pad_end[0] = desc.pad_end[1] = 1;
    desc.divisor = POOL_DIVISOR_PADDED;
    expect_close(&desc, ones, (const double[]){1, .5, .5, .25}, 4, 0);
    desc.divisor = POOL_DIVISOR_OVERRIDE;
    desc.divisor_override = -2;
    expect_close(&desc, ones, (const double[]){-2, -1, -1, -.5}, 4, 0);
}

/* Sums of different powers of two say exactly which taps a window has. */
static double run_of_powers(int begin, int end) {
    return ldexp(1, end) - ldexp(1, begin);
}

Test(reference, adaptive_windows) {
    static const struct {
        int64_t in, out, kernel;
        int windows[7][2];
    } cases[] = {
        {7, 3, 3, {{0, 3}, {2, 5}, {4, 7}}},
        {5, 3, 3, {{0, 2}, {1, 4}, {3, 5}}},
        {10, 7, 3, {{0, 2}, {1, 3}, {2, 5}, {4, 6}, {5, 8}, {7, 9}, {8, 10}}},
        {3, 5, 2, {{0, 1}, {0, 2}, {1, 2}, {1, 3}, {2, 3}}},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        double x[10], sums[7], averages[7];
        for (int k = 0; k < 10; k++)
            x[k] = ldexp(1, k);
        struct pool_desc desc = layer(POOL_SUM, 1, &cases[i].in);
        desc.kernel[0] = desc.stride[0] = desc.dilation[0] = -1; /* not read */
        desc.adaptive = true;
        desc.adaptive_out[0] = cases[i].out;
        for (int k = 0; k < cases[i].out; k++) {
            const int *window = cases[i].windows[k];
            sums[k] = run_of_powers(window[0], window[1]);
            averages[k] = sums[k] / (window[1] - window[0]);
        }
        expect_close(&desc, x, sums, (size_t)cases[i].out, 0);
        desc.mode = POOL_AVG;
        expect_close(&desc, x, averages, (size_t)cases[i].out, 0);
        struct pool_shape shape;
        cr_assert_eq(pool_reference_shape(&desc, &shape), POOL_OK);
        cr_assert_eq(shape.kernel[0], cases[i].kernel);
    }
}

Test(reference, windows_by_hand) {
    double x[16];
    fill_range(x, 16, 0);
    struct pool_desc desc = square(POOL_MAX, 3, 2, 1);
    expect_close(&desc, x, (const double[]){4, 5, 7, 8}, 4, 0);
    desc.mode = POOL_AVG;
    expect_close(&desc, x, (const double[]){2, 3, 5, 6}, 4, 0);
    desc.mode = POOL_MIN;
    expect_close(&desc, x, (const double[]){0, 1, 3, 4}, 4, 0);

    desc = square(POOL_MAX, 4, 3, 3);
    expect_close(&desc, x, (const double[]){10}, 1, 0);
    desc = square(POOL_MAX, 4, 3, 2);
    desc.pad_begin[0] = desc.pad_begin[1] = desc.pad_end[0] = desc.pad_end[1] = 1;
    expect_close(&desc, x, (const double[]){5, 7, 13, 15}, 4, 0);
    desc = square(POOL_MAX, 4, 2, 2);
    desc.kernel[1] = desc.stride[1] = 3;
    desc.pad_begin[1] = desc.pad_end[1] = 1;
    expect_close(&desc, x, (const double[]){5, 7, 13, 15}, 4, 0);

    /* dilation 2 over 0..5: taps 0 2, 1 3, 2 4, 3 5 */
    desc = line(POOL_SUM, 6, 2, 1, 0, 0, 2, false);
    expect_close(&desc, x, (const double[]){2, 4, 6, 8}, 4, 0);
    /* the same with one of padding: taps -1 1, 0 2 */
    desc.pad_begin[0] = 1;
    expect_close(&desc, x, (const double[]){1, 2, 4, 6, 8}, 5, 0);
    desc.mode = POOL_AVG;
    desc.divisor = POOL_DIVISOR_TAPS;
    expect_close(&desc, x, (const double[]){1, 1, 2, 3, 4}, 5, 0);
}

Test(reference, norms_by_hand) {
    const double x[] = {3, -4, 0, 0, 0, -1, -2, 2};
    struct pool_desc desc = line(POOL_LP, 8, 2, 2, 0, 0, 1, false);
    expect_close(&desc, x, (const double[]){5, 0, 1, sqrt(8)}, 4, 1e-15);
    desc.p = 1;
    expect_close(&desc, x, (const double[]){7, 0, 1, 4}, 4, 0);
    desc.p = 3;
    expect_close(&desc, x, (const double[]){cbrt(91), 0, 1, cbrt(16)}, 4, 1e-15);
    desc.p = 1.5;
    expect_close(&desc, x, (const double[]){pow(pow(3, 1.5) + 8, 1 / 1.5), 0, 1, pow(2 * pow(2, 1.5), 1 / 1.5)}, 4, 1e-14);
    desc.p = 2;
    const double huge[] = {3e300, 4e300, 3e-300, 4e-300, INFINITY, 1, -INFINITY, 2};
    double y[4];
    cr_assert_eq(pool_reference_forward(&desc, huge, y, NULL), POOL_OK);
    cr_assert(fabs(y[0] / 5e300 - 1) < 1e-15 && fabs(y[1] / 5e-300 - 1) < 1e-15 && isinf(y[2]) && isinf(y[3]));
    const double nan[] = {NAN, 0, NAN, INFINITY, 1, NAN, 0, NAN};
    cr_assert_eq(pool_reference_forward(&desc, nan, y, NULL), POOL_OK);
    cr_assert(isnan(y[0]) && isnan(y[1]) && isnan(y[2]) && isnan(y[3]));
}

/* One window over `x`: value and index of the chosen tap. */
static void expect_selected(enum pool_mode mode, enum pool_nan nan, const double *x, int64_t count, double value,
                            int64_t index) {
    struct pool_desc desc = layer(mode, 1, &count);
    desc.kernel[0] = desc.stride[0] = count;
    desc.nan = nan;
    desc.indices = POOL_INDICES_PLANE;
    double y;
    int64_t at;
    cr_assert_eq(pool_reference_forward(&desc, x, &y, &at), POOL_OK);
    cr_assert(isnan(value) ? isnan(y) : y == value && !signbit(y) == !signbit(value), "%g instead of %g", y, value);
    cr_assert_eq(at, index, "tap %lld instead of %lld", (long long)at, (long long)index);
}

Test(reference, nan_ties_and_zeros) {
    const enum pool_nan propagate = POOL_NAN_PROPAGATE, ignore = POOL_NAN_IGNORE;
    const double inf = INFINITY, nan = NAN;
    expect_selected(POOL_MAX, propagate, (const double[]){1, 3, 3, 2}, 4, 3, 1);
    expect_selected(POOL_MAX, propagate, (const double[]){-0.0, 0.0}, 2, -0.0, 0);
    expect_selected(POOL_MAX, propagate, (const double[]){0.0, -0.0}, 2, 0.0, 0);
    expect_selected(POOL_MAX, propagate, (const double[]){nan, 3, nan, 9}, 4, nan, 2);
    expect_selected(POOL_MAX, propagate, (const double[]){1, nan, inf}, 3, nan, 1);
    expect_selected(POOL_MAX, propagate, (const double[]){-inf, -inf}, 2, -inf, 0);
    expect_selected(POOL_MAX, ignore, (const double[]){nan, 3, nan, 9, 9}, 5, 9, 3);
    expect_selected(POOL_MAX, ignore, (const double[]){nan, nan}, 2, -inf, 0);
    expect_selected(POOL_MAX, ignore, (const double[]){nan, -inf}, 2, -inf, 0);
    expect_selected(POOL_MIN, propagate, (const double[]){3, 1, 1, 2}, 4, 1, 1);
    expect_selected(POOL_MIN, propagate, (const double[]){0.0, -0.0}, 2, 0.0, 0);
    expect_selected(POOL_MIN, propagate, (const double[]){nan, 3, nan, -9}, 4, nan, 2);
    expect_selected(POOL_MIN, ignore, (const double[]){nan, 3, nan}, 3, 3, 1);
    expect_selected(POOL_MIN, ignore, (const double[]){nan, nan}, 2, inf, 0);
    expect_selected(POOL_MIN, propagate, (const double[]){inf, inf}, 2, inf, 0);
}

Test(reference, only_nan_of_a_padded_window_takes_the_first_tap_inside) {
    struct pool_desc desc = line(POOL_MAX, 3, 3, 2, 2, 0, 1, false);
    desc.nan = POOL_NAN_IGNORE;
    const double x[] = {NAN, NAN, NAN};
    int64_t taps[2];
    cr_assert_eq(pool_reference_indices(&desc, x, POOL_INDICES_WINDOW, taps), POOL_OK);
    cr_assert(taps[0] == 2 && taps[1] == 0, "%lld %lld", (long long)taps[0], (long long)taps[1]);
}

/* Two images of two channels of 2 x 3, window 2 x 2 of stride 1 with one row of padding on top; the largest number of each
 * plane is at (1, 1). */
Test(reference, kinds_of_indices_and_layouts) {
    struct pool_desc desc = layer(POOL_MAX, 2, (const int64_t[]){2, 3});
    desc.batch = desc.channels = 2;
    desc.kernel[0] = desc.kernel[1] = 2;
    desc.pad_begin[0] = 1;
    double first[24] = {0}, last[24] = {0}, y[16];
    for (int n = 0; n < 2; n++)
        for (int c = 0; c < 2; c++) {
            first[(n * 2 + c) * 6 + 4] = 1 + n * 2 + c;
            last[(n * 6 + 4) * 2 + c] = 1 + n * 2 + c;
        }
    int64_t at[16];
    /* windows of a plane in row-major order: row 0 is padding and x row 0, row 1 is x rows 0 and 1 */
    static const int64_t window[4] = {2, 2, 3, 2}, plane[4] = {0, 1, 4, 4};
    for (int layout = 0; layout < 2; layout++) {
        desc.layout = (enum pool_layout)layout;
        for (int kind = POOL_INDICES_WINDOW; kind <= POOL_INDICES_TENSOR; kind++) {
            desc.indices = (enum pool_indices)kind;
            cr_assert_eq(pool_reference_forward(&desc, layout ? last : first, y, at), POOL_OK);
            for (int n = 0; n < 2; n++)
                for (int c = 0; c < 2; c++)
                    for (int o = 0; o < 4; o++) {
                        int i = layout ? (n * 4 + o) * 2 + c : (n * 2 + c) * 4 + o;
                        int64_t tensor = layout ? (n * 6 + plane[o]) * 2 + c : (n * 2 + c) * 6 + plane[o];
                        int64_t expected = kind == POOL_INDICES_WINDOW  ? window[o]
                                           : kind == POOL_INDICES_PLANE ? plane[o]
                                                                        : tensor;
                        cr_assert_eq(at[i], expected, "layout %d kind %d output %d: %lld", layout, kind, i,
                                     (long long)at[i]);
                        cr_assert_eq(y[i], o < 2 ? 0 : 1 + n * 2 + c);
                    }
        }
    }
}

Test(reference, gradients_by_hand) {
    const double x[] = {1, 5, 2, 3}, g = 8;
    double dx[9];
    struct pool_desc desc = square(POOL_MAX, 2, 2, 2);
    cr_assert_eq(pool_reference_backward(&desc, x, &g, dx), POOL_OK);
    cr_assert(dx[0] == 0 && dx[1] == 8 && dx[2] == 0 && dx[3] == 0);
    desc.mode = POOL_AVG;
    cr_assert_eq(pool_reference_backward(&desc, NULL, &g, dx), POOL_OK);
    cr_assert(dx[0] == 2 && dx[1] == 2 && dx[2] == 2 && dx[3] == 2);
    /* overlapping windows with one maximum in the middle: it gets all, in order, from +0 */
    const double grid[] = {0, 1, 2, 3, 9, 5, 6, 7, 8}, dy[] = {1, 2, 4, 8};
    desc = square(POOL_MAX, 3, 2, 1);
    cr_assert_eq(pool_reference_backward(&desc, grid, dy, dx), POOL_OK);
    for (int i = 0; i < 9; i++)
        cr_assert_eq(dx[i], i == 4 ? 15 : 0);
    /* a tie gives everything to the first */
    const double tie[] = {7, 7};
    desc = line(POOL_MAX, 2, 2, 2, 0, 0, 1, false);
    cr_assert_eq(pool_reference_backward(&desc, tie, &g, dx), POOL_OK);
    cr_assert(dx[0] == 8 && dx[1] == 0);
}

Test(reference, gradients_are_added_in_the_element_type_from_plus_zero) {
    /* three windows select the same input: (1e8 - 1e8) + 1 = 1 in ascending order; 1e8 + 1 would have lost the 1 in f32 */
    struct pool_desc desc = line(POOL_MAX, 3, 3, 1, 1, 1, 1, false);
    desc.dtype = POOL_F32;
    const float x[] = {0, 9, 0}, dy[] = {1, 1e8f, -1e8f}, reordered[] = {1e8f, -1e8f, 1}, zero[] = {-0.0f, -0.0f, -0.0f};
    float dx[3];
    cr_assert_eq(pool_reference_backward(&desc, x, dy, dx), POOL_OK);
    cr_assert_eq(dx[1], 0);
    cr_assert_eq(pool_reference_backward(&desc, x, reordered, dx), POOL_OK);
    cr_assert_eq(dx[1], 1);
    cr_assert_eq(pool_reference_backward(&desc, x, zero, dx), POOL_OK);
    cr_assert(dx[1] == 0 && !signbit(dx[1]) && !signbit(dx[0]));
}

Test(reference, gradient_of_a_norm_where_it_has_corners) {
    struct pool_desc desc = line(POOL_LP, 4, 2, 2, 0, 0, 1, false);
    const double x[] = {0, -3, 0, 0}, dy[] = {2, 5};
    double dx[4];
    for (desc.p = 1; desc.p <= 3; desc.p += 0.5) {
        cr_assert_eq(pool_reference_backward(&desc, x, dy, dx), POOL_OK);
        cr_assert(dx[0] == 0 && dx[1] == -2 && dx[2] == 0 && dx[3] == 0, "p %g: %g %g %g %g", desc.p, dx[0], dx[1], dx[2],
                  dx[3]);
    }
}

/* The derivative of sum(dy * y) by each input, measured. */
Test(reference, finite_differences) {
    enum { CASES = 150, INPUTS_MAX = 400 };
    struct pool_random random = pool_random_start(1, "layers");
    for (int done = 0; done < CASES;) {
        struct pool_desc desc;
        struct pool_shape shape;
        pool_random_desc(&random, &desc);
        pool_reference_shape(&desc, &shape);
        if (desc.mode == POOL_MAX || desc.mode == POOL_MIN || shape.x_count > INPUTS_MAX)
            continue;
        desc.dtype = POOL_F64;
        double *x = malloc((size_t)shape.x_count * sizeof *x), *dx = malloc((size_t)shape.x_count * sizeof *dx);
        double *y = malloc((size_t)shape.y_count * sizeof *y), *dy = malloc((size_t)shape.y_count * sizeof *dy);
        pool_random_fill((uint64_t)done, "x", POOL_F64, shape.x_count, x);
        pool_random_fill((uint64_t)done, "dy", POOL_F64, shape.y_count, dy);
        for (int64_t i = 0; i < shape.x_count; i++)
            x[i] += copysign(0.5, x[i]); /* Lp is smooth only away from zero */
        cr_assert_eq(pool_reference_backward(&desc, x, dy, dx), POOL_OK);
        for (int64_t i = 0; i < shape.x_count; i++) {
            const double at = x[i], step = 1e-5;
            long double change = 0;
            for (int side = -1; side <= 1; side += 2) {
                x[i] = at + side * step;
                cr_assert_eq(pool_reference_forward(&desc, x, y, NULL), POOL_OK);
                for (int64_t o = 0; o < shape.y_count; o++)
                    change += (long double)side * y[o] * dy[o];
            }
            x[i] = at;
            double slope = (double)(change / (2 * step));
            cr_assert(fabs(slope - dx[i]) < 1e-7, "case %d, input %lld: %.12g measured, %.12g computed", done, (long long)i,
                      slope, dx[i]);
        }
        free(x);
        free(dx);
        free(y);
        free(dy);
        done++;
    }
}

static void expect_error(const struct pool_desc *desc, enum pool_status expected, int axis, int64_t at) {
    struct pool_shape shape;
    enum pool_status status = pool_reference_shape(desc, &shape);
    cr_assert_eq(status, expected, "\"%s\" instead of \"%s\"", pool_status_text(status), pool_status_text(expected));
    cr_assert(shape.error_axis == axis && shape.error_at == at, "axis %d at %lld", shape.error_axis,
              (long long)shape.error_at);
    double x[36] = {0}, y[36] = {0}, dx[36]; /* room for the layer without an error */
    int64_t index = 0;
    cr_assert_eq(pool_reference_forward(desc, x, y, NULL), expected);
    cr_assert_eq(pool_reference_backward(desc, x, y, dx), expected);
    if (desc->mode == POOL_MAX)
        cr_assert_eq(pool_reference_indices(desc, x, POOL_INDICES_PLANE, &index), expected);
}

#define EXPECT_ERROR(status, axis, ...)                                                                                     \
    do {                                                                                                                    \
        struct pool_desc desc = square(POOL_AVG, 6, 2, 2);                                                                  \
        __VA_ARGS__;                                                                                                        \
        expect_error(&desc, status, axis, -1);                                                                              \
    } while (0)

Test(reference, errors_of_the_desc) {
    EXPECT_ERROR(POOL_OK, -1, (void)0);
    EXPECT_ERROR(POOL_BAD_CHOICE, -1, desc.mode = (enum pool_mode)(POOL_LP + 1));
    EXPECT_ERROR(POOL_BAD_CHOICE, -1, desc.dtype = (enum pool_dtype)9);
    EXPECT_ERROR(POOL_BAD_CHOICE, -1, desc.layout = (enum pool_layout)2);
    EXPECT_ERROR(POOL_BAD_CHOICE, -1, desc.padding = (enum pool_padding)3);
    EXPECT_ERROR(POOL_BAD_CHOICE, -1, desc.divisor = (enum pool_divisor)4);
    EXPECT_ERROR(POOL_BAD_CHOICE, -1, (desc.mode = POOL_MAX, desc.nan = (enum pool_nan)2));
    EXPECT_ERROR(POOL_BAD_RANK, -1, desc.rank = 0);
    EXPECT_ERROR(POOL_BAD_RANK, -1, desc.rank = 4);
    EXPECT_ERROR(POOL_BAD_SIZE, -1, desc.batch = 0);
    EXPECT_ERROR(POOL_BAD_SIZE, -1, desc.channels = -1);
    EXPECT_ERROR(POOL_BAD_SIZE, 1, desc.in[1] = 0);
    EXPECT_ERROR(POOL_BAD_SIZE, 0, desc.adaptive = true);
    EXPECT_ERROR(POOL_BAD_KERNEL, 0, desc.kernel[0] = 0);
    EXPECT_ERROR(POOL_BAD_STRIDE, 1, desc.stride[1] = 0);
    EXPECT_ERROR(POOL_BAD_DILATION, 1, desc.dilation[1] = 0);
    EXPECT_ERROR(POOL_BAD_PADDING, 0, desc.pad_begin[0] = -1);
    EXPECT_ERROR(POOL_BAD_PADDING, 1, desc.pad_end[1] = -1);
    EXPECT_ERROR(POOL_BAD_EXPONENT, -1, (desc.mode = POOL_LP, desc.p = 0.5));
    EXPECT_ERROR(POOL_BAD_EXPONENT, -1, (desc.mode = POOL_LP, desc.p = NAN));
    EXPECT_ERROR(POOL_BAD_EXPONENT, -1, (desc.mode = POOL_LP, desc.p = INFINITY));
    EXPECT_ERROR(POOL_BAD_DIVISOR, -1, desc.divisor = POOL_DIVISOR_OVERRIDE);
    EXPECT_ERROR(POOL_BAD_DIVISOR, -1, (desc.divisor = POOL_DIVISOR_WINDOW, desc.adaptive = true));
    EXPECT_ERROR(POOL_BAD_INDICES, -1, desc.indices = POOL_INDICES_PLANE);
    EXPECT_ERROR(POOL_NO_OUTPUT, 1, desc.kernel[1] = 7);
    EXPECT_ERROR(POOL_TOO_LARGE, 0, desc.in[0] = POOL_EXTENT_MAX + 1);
    EXPECT_ERROR(POOL_TOO_LARGE, 1, desc.pad_end[1] = INT64_MAX);
    EXPECT_ERROR(POOL_TOO_LARGE, -1, desc.batch = INT64_MAX);
    EXPECT_ERROR(POOL_TOO_LARGE, -1, desc.batch = desc.channels = INT64_C(1) << 32);
    EXPECT_ERROR(POOL_TOO_LARGE, -1, desc.batch = INT64_MAX / 8 / 36 + 1); /* one element too many for its bytes */
}

Test(reference, empty_windows) {
    struct pool_desc desc = line(POOL_MAX, 4, 2, 1, 2, 0, 1, false);
    expect_error(&desc, POOL_EMPTY_WINDOW, 0, 0);
    desc = line(POOL_MAX, 4, 2, 1, 1, 2, 1, false);
    expect_error(&desc, POOL_EMPTY_WINDOW, 0, 5);
    desc = line(POOL_MAX, 1, 2, 1, 1, 1, 2, false); /* taps -1 and 1 of a single element */
    expect_error(&desc, POOL_EMPTY_WINDOW, 0, 0);
    desc = line(POOL_MAX, 1, 2, 1, 2, 2, 3, false); /* taps -2 1, then -1 2 */
    expect_error(&desc, POOL_EMPTY_WINDOW, 0, 0);
    desc = line(POOL_MAX, 2, 1, 1, 0, 3, 1, true); /* ceil_mode drops one window that starts behind the input, not three */
    expect_error(&desc, POOL_EMPTY_WINDOW, 0, 2);
}

Test(reference, missing_tensors) {
    struct pool_desc desc = square(POOL_MAX, 2, 2, 2);
    double x[4] = {0}, y[1];
    int64_t index;
    cr_assert_eq(pool_reference_forward(&desc, NULL, y, NULL), POOL_NULL_ARGUMENT);
    cr_assert_eq(pool_reference_forward(&desc, x, NULL, NULL), POOL_NULL_ARGUMENT);
    cr_assert_eq(pool_reference_indices(&desc, x, POOL_INDICES_PLANE, NULL), POOL_NULL_ARGUMENT);
    cr_assert_eq(pool_reference_indices(&desc, x, POOL_INDICES_NONE, &index), POOL_BAD_INDICES);
    cr_assert_eq(pool_reference_backward(&desc, NULL, y, x), POOL_NULL_ARGUMENT);
    cr_assert_eq(pool_reference_backward(&desc, x, NULL, x), POOL_NULL_ARGUMENT);
    desc.mode = POOL_SUM;
    cr_assert_eq(pool_reference_indices(&desc, x, POOL_INDICES_PLANE, &index), POOL_BAD_INDICES);
}

Test(reference, every_status_has_its_text) {
    for (int a = POOL_OK; a <= POOL_NO_MEMORY; a++)
        for (int b = POOL_OK; b <= POOL_NO_MEMORY + 1; b++)
            cr_assert_eq(strcmp(pool_status_text((enum pool_status)a), pool_status_text((enum pool_status)b)) == 0, a == b);
    cr_assert(pool_dtype_size(POOL_F32) == 4 && pool_dtype_size(POOL_F64) == 8 && pool_dtype_size((enum pool_dtype)7) == 0);
}

/* A layer in f32 is the layer in f64, rounded once. */
Test(reference, both_element_types) {
    struct pool_random random = pool_random_start(2, "layers");
    for (int i = 0; i < 300; i++) {
        struct pool_desc desc;
        struct pool_shape shape;
        pool_random_desc(&random, &desc);
        pool_reference_shape(&desc, &shape);
        float *x = malloc((size_t)shape.x_count * sizeof *x), *y = malloc((size_t)shape.y_count * sizeof *y);
        double *wide_x = malloc((size_t)shape.x_count * sizeof *wide_x),
               *wide_y = malloc((size_t)shape.y_count * sizeof *y * 2);
        pool_random_fill((uint64_t)i, "x", POOL_F32, shape.x_count, x);
        pool_random_fill((uint64_t)i, "x", POOL_F64, shape.x_count, wide_x);
        desc.dtype = POOL_F32;
        cr_assert_eq(pool_reference_forward(&desc, x, y, NULL), POOL_OK);
        desc.dtype = POOL_F64;
        cr_assert_eq(pool_reference_forward(&desc, wide_x, wide_y, NULL), POOL_OK);
        for (int64_t k = 0; k < shape.y_count; k++)
            cr_assert(fabs(y[k] - wide_y[k]) <= ldexp(fabs(wide_y[k]), -24) * (1 + 1e-6));
        free(x);
        free(y);
        free(wide_x);
        free(wide_y);
    }
}
