/* test_compare.c - the comparison accepts what any correct kernel computes, and nothing beside it.
 *
 * The kernels here round every operation to the element type, as generated code does, and add in four different orders.  For
 * f32 an operation in double that is then rounded gives the bits of the operation in float. */
#include <criterion/criterion.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pool/compare.h"
#include "pool/random.h"

enum order { ASCENDING, DESCENDING, PAIRWISE, SHUFFLED, ORDERS };

struct tensors {
    struct pool_desc desc;
    struct pool_shape shape;
    double *x, *y, *dy, *dx; /* by pack() and unpack() in the element type */
};

static struct tensors tensors_of(const struct pool_desc *desc) {
    struct tensors t = {.desc = *desc};
    cr_assert_eq(pool_reference_shape(desc, &t.shape), POOL_OK);
    t.x = calloc((size_t)t.shape.x_count, sizeof *t.x);
    t.dx = calloc((size_t)t.shape.x_count, sizeof *t.dx);
    t.y = calloc((size_t)t.shape.y_count, sizeof *t.y);
    t.dy = calloc((size_t)t.shape.y_count, sizeof *t.dy);
    return t;
}

static void release(struct tensors *t) {
    free(t->x);
    free(t->dx);
    free(t->y);
    free(t->dy);
}

/* The numbers as a tensor of the element type; freed by the caller. */
static void *pack(enum pool_dtype dtype, const double *values, int64_t count) {
    void *data = malloc((size_t)count * pool_dtype_size(dtype));
    for (int64_t i = 0; i < count; i++)
        if (dtype == POOL_F32)
            ((float *)data)[i] = (float)values[i];
        else
            ((double *)data)[i] = values[i];
    return data;
}

static void unpack(enum pool_dtype dtype, const void *data, int64_t count, double *values) {
    for (int64_t i = 0; i < count; i++)
        values[i] = dtype == POOL_F32 ? (double)((const float *)data)[i] : ((const double *)data)[i];
}

static double in_type(enum pool_dtype dtype, double value) {
    return dtype == POOL_F32 ? (double)(float)value : value;
}

static double add_all(enum pool_dtype dtype, double *terms, int64_t count, enum order order, uint64_t seed) {
    if (count == 0)
        return 0;
    if (order == PAIRWISE && count > 1) {
        int64_t half = count / 2;
        return in_type(dtype,
                       add_all(dtype, terms, half, order, seed) + add_all(dtype, terms + half, count - half, order, seed));
    }
    struct pool_random random = pool_random_start(seed, "order");
    for (int64_t i = count - 1; order == SHUFFLED && i > 0; i--) {
        int64_t other = pool_random_between(&random, 0, i);
        double term = terms[i];
        terms[i] = terms[other];
        terms[other] = term;
    }
    double sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum = in_type(dtype, sum + terms[order == DESCENDING ? count - 1 - i : i]);
    return sum;
}

static double lift(const struct pool_desc *desc, double x) {
    enum pool_dtype dtype = desc->dtype;
    double size = fabs(x), square = in_type(dtype, size * size);
    if (desc->mode != POOL_LP)
        return x;
    if (desc->p == 1)
        return size;
    if (desc->p == 2)
        return square;
    if (desc->p == 3)
        return in_type(dtype, square * size);
    if (desc->p == 4)
        return in_type(dtype, square * square);
    return in_type(dtype, pow(size, in_type(dtype, desc->p)));
}

static double finish(const struct pool_desc *desc, double sum, double divisor) {
    enum pool_dtype dtype = desc->dtype;
    if (desc->mode == POOL_AVG)
        return in_type(dtype, sum / divisor);
    if (desc->mode != POOL_LP || desc->p == 1)
        return sum;
    if (desc->p == 2)
        return in_type(dtype, sqrt(sum));
    if (desc->p == 4)
        return in_type(dtype, sqrt(in_type(dtype, sqrt(sum))));
    return in_type(dtype, pow(sum, in_type(dtype, 1 / in_type(dtype, desc->p))));
}

/* One axis of one window: the inputs that it covers, and how many taps the average counts with padding. */
struct run {
    int64_t at[80], count, padded;
};

static struct run run_of(const struct tensors *t, int axis, int64_t out) {
    struct run run = {.count = 0};
    const struct pool_desc *d = &t->desc;
    if (axis < 0 || d->adaptive) {
        int64_t first = axis < 0 ? 0 : out * d->in[axis] / d->adaptive_out[axis];
        int64_t end = axis < 0 ? 1 : ((out + 1) * d->in[axis] + d->adaptive_out[axis] - 1) / d->adaptive_out[axis];
        for (; first < end; first++)
            run.at[run.count++] = first;
        run.padded = run.count;
        return run;
    }
    for (int64_t tap = 0; tap < d->kernel[axis]; tap++) {
        int64_t at = out * d->stride[axis] - t->shape.pad_begin[axis] + tap * d->dilation[axis];
        run.padded += at < d->in[axis] + t->shape.pad_end[axis];
        if (at >= 0 && at < d->in[axis])
            run.at[run.count++] = at;
    }
    return run;
}

enum { TAPS_MAX = 70 * 70 };

/* The offsets in its plane that a window covers, and its divisor. */
static int64_t window_of(const struct tensors *t, int64_t out, int64_t *at, double *divisor) {
    const struct pool_desc *d = &t->desc;
    int64_t position[3] = {0, 0, 0}, rest = out, count = 0, box = 1;
    for (int axis = d->rank - 1; axis >= 0; axis--) {
        position[3 - d->rank + axis] = rest % t->shape.out[axis];
        rest /= t->shape.out[axis];
        box *= t->shape.kernel[axis];
    }
    struct run run[3];
    int64_t in[3];
    for (int i = 0; i < 3; i++) {
        run[i] = run_of(t, i - (3 - d->rank), position[i]);
        in[i] = i < 3 - d->rank ? 1 : d->in[i - (3 - d->rank)];
    }
    for (int64_t a = 0; a < run[0].count; a++)
        for (int64_t b = 0; b < run[1].count; b++)
            for (int64_t c = 0; c < run[2].count; c++)
                at[count++] = (run[0].at[a] * in[1] + run[1].at[b]) * in[2] + run[2].at[c];
    *divisor = d->divisor == POOL_DIVISOR_TAPS     ? (double)count
               : d->divisor == POOL_DIVISOR_PADDED ? (double)(run[0].padded * run[1].padded * run[2].padded)
               : d->divisor == POOL_DIVISOR_WINDOW ? (double)box
                                                   : (double)d->divisor_override;
    return count;
}

static int64_t offset(const struct tensors *t, int64_t plane, int64_t at, int64_t size) {
    if (t->desc.layout == POOL_CHANNELS_FIRST)
        return plane * size + at;
    return (plane / t->desc.channels * size + at) * t->desc.channels + plane % t->desc.channels;
}

static void kernel_forward(struct tensors *t, enum order order) {
    int64_t planes = t->desc.batch * t->desc.channels, in = t->shape.x_count / planes, out = t->shape.y_count / planes;
    int64_t at[TAPS_MAX];
    double terms[TAPS_MAX], divisor;
    for (int64_t plane = 0; plane < planes; plane++)
        for (int64_t o = 0; o < out; o++) {
            int64_t count = window_of(t, o, at, &divisor);
            for (int64_t i = 0; i < count; i++)
                terms[i] = lift(&t->desc, t->x[offset(t, plane, at[i], in)]);
            double sum = add_all(t->desc.dtype, terms, count, order, (uint64_t)o);
            t->y[offset(t, plane, o, out)] = finish(&t->desc, sum, divisor);
        }
}

/* Averages: each term divided, or (grouped) the terms of equal divisor added before. */
static void kernel_backward(struct tensors *t, enum order order, bool grouped) {
    enum { OUTPUTS = POOL_RANDOM_OUTPUTS };
    const struct pool_desc *d = &t->desc;
    enum pool_dtype dtype = d->dtype;
    double p = in_type(dtype, d->p);
    int64_t planes = d->batch * d->channels, in = t->shape.x_count / planes, out = t->shape.y_count / planes;
    double *terms = malloc((size_t)in * OUTPUTS * sizeof *terms), *divisors = malloc((size_t)in * OUTPUTS * sizeof *terms);
    int64_t *counts = malloc((size_t)in * sizeof *counts), at[TAPS_MAX];
    for (int64_t plane = 0; plane < planes; plane++) {
        memset(counts, 0, (size_t)in * sizeof *counts);
        for (int64_t o = 0; o < out; o++) {
            double divisor, y = t->y[offset(t, plane, o, out)], term = t->dy[offset(t, plane, o, out)];
            int64_t count = window_of(t, o, at, &divisor);
            if (d->mode == POOL_LP && d->p == 2)
                term = y == 0 ? 0 : in_type(dtype, term / y);
            else if (d->mode == POOL_LP && d->p != 1)
                term = y == 0 ? 0 : in_type(dtype, term * in_type(dtype, pow(y, in_type(dtype, 1 - p))));
            else if (d->mode == POOL_LP)
                term = y == 0 ? 0 : term;
            else if (d->mode == POOL_AVG && !grouped)
                term = in_type(dtype, term / divisor);
            for (int64_t i = 0; i < count; i++) {
                int64_t slot = at[i] * OUTPUTS + counts[at[i]]++;
                terms[slot] = term;
                divisors[slot] = divisor;
            }
        }
        for (int64_t i = 0; i < in; i++) {
            double *mine = terms + i * OUTPUTS, *by = divisors + i * OUTPUTS, x = t->x[offset(t, plane, i, in)], sum = 0;
            if (d->mode == POOL_AVG && grouped) {
                double group[OUTPUTS], groups[OUTPUTS];
                int64_t group_count = 0;
                for (int64_t k = 0; k < counts[i]; k++) {
                    bool seen = false;
                    for (int64_t j = 0; j < k; j++)
                        seen = seen || by[j] == by[k];
                    if (seen)
                        continue;
                    int64_t members = 0;
                    for (int64_t j = k; j < counts[i]; j++)
                        if (by[j] == by[k])
                            group[members++] = mine[j];
                    groups[group_count++] = in_type(dtype, add_all(dtype, group, members, order, 7) / by[k]);
                }
                sum = add_all(dtype, groups, group_count, order, 8);
            } else {
                sum = add_all(dtype, mine, counts[i], order, 9);
            }
            if (d->mode == POOL_LP) {
                double sign = (x > 0) - (x < 0),
                       factor = d->p == 1 ? 1 : in_type(dtype, pow(fabs(x), in_type(dtype, p - 1)));
                sum = in_type(dtype, sign * factor * sum);
            }
            t->dx[offset(t, plane, i, in)] = sum;
        }
    }
    free(terms);
    free(divisors);
    free(counts);
}

/* Compares t->y, or with `backward` t->dx. */
static struct pool_comparison compare(const struct tensors *t, bool backward) {
    struct pool_comparison result;
    enum pool_dtype dtype = t->desc.dtype;
    void *x = pack(dtype, t->x, t->shape.x_count), *dx = pack(dtype, t->dx, t->shape.x_count);
    void *y = pack(dtype, t->y, t->shape.y_count), *dy = pack(dtype, t->dy, t->shape.y_count);
    enum pool_status status =
        backward ? pool_compare_backward(&t->desc, x, y, dy, dx, &result) : pool_compare_forward(&t->desc, x, y, &result);
    cr_assert_eq(status, POOL_OK, "%s", pool_status_text(status));
    free(x);
    free(y);
    free(dx);
    free(dy);
    return result;
}

static void expect_accepted(const struct tensors *t, bool backward, int64_t *unchecked, const char *what, int number) {
    struct pool_comparison result = compare(t, backward);
    cr_assert(result.mismatches == 0 && result.at == -1,
              "%s %s of layer %d, mode %d, p %g, dtype %d: element %lld is %.17g, not %.17g in [%.17g, %.17g]", what,
              backward ? "gradient" : "output", number, (int)t->desc.mode, t->desc.p, (int)t->desc.dtype,
              (long long)result.at, result.actual, result.expected, result.low, result.high);
    cr_assert_eq(result.count, backward ? t->shape.x_count : t->shape.y_count);
    *unchecked += result.unchecked;
}

static void fill(double *values, int64_t count, uint64_t seed, const char *stream, int set, enum pool_dtype dtype) {
    void *data = malloc((size_t)count * pool_dtype_size(dtype));
    if (set < 0)
        pool_random_fill(seed, stream, dtype, count, data);
    else
        pool_random_hard(seed, stream, (enum pool_hard)set, dtype, count, data);
    unpack(dtype, data, count, values);
    free(data);
}

/* Random smooth layers with all orders; adds to *unchecked and *elements. */
static void accept_layers(int layers, int set, int64_t *unchecked, int64_t *elements) {
    struct pool_random random = pool_random_start((uint64_t)(100 + set), "layers");
    for (int number = 0; number < layers;) {
        struct pool_desc desc;
        pool_random_desc(&random, &desc);
        if (desc.mode == POOL_MAX || desc.mode == POOL_MIN)
            continue;
        struct tensors t = tensors_of(&desc);
        if (t.shape.x_count / desc.batch / desc.channels <= 600) { /* kernel_backward() is greedy */
            fill(t.x, t.shape.x_count, (uint64_t)number, "x", set, desc.dtype);
            fill(t.dy, t.shape.y_count, (uint64_t)number, "dy", set, desc.dtype);
            for (int order = 0; order < ORDERS; order++) {
                kernel_forward(&t, (enum order)order);
                expect_accepted(&t, false, unchecked, "", number);
                kernel_backward(&t, (enum order)order, number % 2 == 0);
                expect_accepted(&t, true, unchecked, "", number);
                *elements += t.shape.x_count + t.shape.y_count;
            }
            number++;
        }
        release(&t);
    }
}

Test(compare, accepts_every_order_of_additions) {
    int64_t unchecked = 0, elements = 0;
    accept_layers(250, -1, &unchecked, &elements);
    cr_assert(elements > 100000 && unchecked * 1000 < elements, "%lld of %lld unchecked", (long long)unchecked,
              (long long)elements);
}

Test(compare, accepts_kernels_on_hard_inputs) {
    for (int set = 0; set < POOL_HARD_COUNT; set++) {
        int64_t unchecked = 0, elements = 0;
        accept_layers(60, set, &unchecked, &elements);
        /* sums of huge numbers overflow and Lp gradients meet infinities, the rest is checked */
        bool wild = set != POOL_HARD_TIES && set != POOL_HARD_ZEROS;
        cr_assert(wild || unchecked * 100 < elements, "set %d: %lld of %lld unchecked", set, (long long)unchecked,
                  (long long)elements);
        cr_assert(set == POOL_HARD_HUGE || unchecked * 2 < elements, "set %d: %lld of %lld unchecked", set,
                  (long long)unchecked, (long long)elements);
    }
}

static double neighbour(enum pool_dtype dtype, double value, double towards) {
    return dtype == POOL_F32 ? (double)nextafterf((float)value, (float)towards) : nextafter(value, towards);
}

/* The largest element-type number that is at most `bound`, or with `up` the smallest that is at least. */
static double inside(enum pool_dtype dtype, double bound, bool up) {
    double value = in_type(dtype, bound);
    if (up && value < bound)
        value = neighbour(dtype, value, INFINITY);
    if (!up && value > bound)
        value = neighbour(dtype, value, -INFINITY);
    return value;
}

/* For element `at` of y or dx: the ends of its interval are accepted, their neighbours beyond are not, and the interval is
 * at most `units` units of roundoff of `scale` wide. */
static void expect_sharp(struct tensors *t, bool backward, int64_t at, double units, double scale) {
    double *value = (backward ? t->dx : t->y) + at, right = *value;
    double unit = t->desc.dtype == POOL_F32 ? ldexp(1, -24) : ldexp(1, -53);
    *value = NAN;
    struct pool_comparison result = compare(t, backward);
    cr_assert(result.mismatches == 1 && result.at == at && isnan(result.actual));
    cr_assert(result.low <= right && right <= result.high);
    cr_assert(result.high - result.low <= 2 * units * unit * scale, "%g wide, %g units", result.high - result.low,
              (result.high - result.low) / (2 * unit * scale));
    const double low = inside(t->desc.dtype, result.low, true), high = inside(t->desc.dtype, result.high, false);
    const double tries[][2] = {{low, 0},
                               {high, 0},
                               {neighbour(t->desc.dtype, low, -INFINITY), 1},
                               {neighbour(t->desc.dtype, high, INFINITY), 1},
                               {INFINITY, 1},
                               {-INFINITY, 1}};
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
        *value = tries[i][0];
        result = compare(t, backward);
        cr_assert_eq((double)result.mismatches, tries[i][1], "try %zu: %.17g", i, tries[i][0]);
    }
    *value = right;
}

/* A 3 x 3 window of stride 2 over 7 x 7, all inputs between 1 and 2: sums are at most 18, Lp at most 2 * 9^(1/p). */
Test(compare, bounds_are_sharp) {
    static const double exponents[] = {1, 2, 3, 4, 1.7, 5};
    for (int dtype = POOL_F32; dtype <= POOL_F64; dtype++)
        for (int kind = 0; kind < 2 + 6; kind++) {
            struct pool_desc desc = {.mode = kind == 0   ? POOL_SUM
                                             : kind == 1 ? POOL_AVG
                                                         : POOL_LP,
                                     .rank = 2,
                                     .batch = 1,
                                     .channels = 1,
                                     .in = {7, 7},
                                     .kernel = {3, 3},
                                     .stride = {2, 2},
                                     .dilation = {1, 1},
                                     .dtype = (enum pool_dtype)dtype};
            desc.p = kind < 2 ? 0 : exponents[kind - 2];
            struct tensors t = tensors_of(&desc);
            fill(t.x, t.shape.x_count, 1, "x", -1, desc.dtype);
            for (int64_t i = 0; i < t.shape.x_count; i++)
                t.x[i] = 1.5 + t.x[i] / 2;
            for (int64_t i = 0; i < t.shape.y_count; i++)
                t.dy[i] = 1;
            kernel_forward(&t, ASCENDING);
            kernel_backward(&t, ASCENDING, true);
            /* 8 additions, and what p costs: pow() is allowed 8 units, and its exponents matter by their logarithms */
            double largest = kind == 0 ? 18 : kind == 1 ? 2 : 2 * pow(9, 1 / desc.p);
            bool power = kind >= 2 && desc.p != 1 && desc.p != 2 && desc.p != 4;
            expect_sharp(&t, false, 4, power ? 50 : 13, largest * 1.2);
            /* position (2, 2) is in four windows: 3 additions, a division, the product; where p costs more, pow() twice */
            double slope = fabs(t.dx[2 * 7 + 2]);
            expect_sharp(&t, true, 2 * 7 + 2, kind >= 4 ? 50 : 8, slope * 1.2);
            release(&t);
        }
}

/* One tap over 3 is one rounding; over a divisor that f32 does not hold it is two. */
Test(compare, division_is_one_rounding) {
    struct pool_desc desc = {.mode = POOL_AVG,
                             .rank = 1,
                             .batch = 1,
                             .channels = 1,
                             .in = {1},
                             .kernel = {1},
                             .stride = {1},
                             .dilation = {1},
                             .divisor = POOL_DIVISOR_OVERRIDE,
                             .divisor_override = 3};
    struct tensors t = tensors_of(&desc);
    t.x[0] = 1;
    t.y[0] = 1 / 3.0;
    expect_sharp(&t, false, 0, 1.01, 1 / 3.0);
    t.desc.divisor_override = (1 << 24) + 1;
    t.y[0] = 1 / (double)(1 << 24); /* as a kernel gets it */
    expect_sharp(&t, false, 0, 2.01, t.y[0]);
    t.dy[0] = 1;
    t.dx[0] = t.y[0];
    expect_sharp(&t, true, 0, 2.01, t.y[0]);
    release(&t);
}

/* A tap forgotten, a window shifted, another divisor: the mistakes that kernels make are far outside of the bounds. */
Test(compare, rejects_a_wrong_divisor_and_a_missing_tap) {
    struct pool_desc desc = {.mode = POOL_AVG,
                             .rank = 1,
                             .batch = 2,
                             .channels = 3,
                             .in = {6},
                             .kernel = {3},
                             .stride = {2},
                             .dilation = {1},
                             .pad_begin = {1},
                             .pad_end = {1},
                             .ceil_mode = true,
                             .divisor = POOL_DIVISOR_WINDOW,
                             .layout = POOL_CHANNELS_LAST};
    struct tensors t = tensors_of(&desc);
    fill(t.x, t.shape.x_count, 3, "x", -1, desc.dtype);
    fill(t.dy, t.shape.y_count, 3, "dy", -1, desc.dtype);
    kernel_forward(&t, ASCENDING);
    kernel_backward(&t, ASCENDING, true);
    cr_assert(compare(&t, false).mismatches == 0 && compare(&t, true).mismatches == 0);
    t.desc.divisor = POOL_DIVISOR_PADDED; /* differs where the last window hangs over: in every plane once */
    struct pool_comparison result = compare(&t, false);
    cr_assert(result.mismatches == 6 && result.at == 3 * 3, "%lld", (long long)result.mismatches);
    cr_assert(compare(&t, true).mismatches > 0);
    t.desc.divisor = POOL_DIVISOR_WINDOW;
    t.y[3] += 1; /* plane 0, visited before plane 1 */
    t.y[1] += 1;
    result = compare(&t, false);
    cr_assert(result.mismatches == 2 && result.at == 1, "%lld", (long long)result.at);
    t.dx[5] += 1e-3;
    result = compare(&t, true);
    cr_assert(result.mismatches == 1 && result.at == 5 && result.actual == (float)t.dx[5]);
    release(&t);
}

static struct pool_comparison compare_window(enum pool_mode mode, int64_t count, const float *x, float y) {
    struct pool_desc desc = {.mode = mode,
                             .p = 2,
                             .rank = 1,
                             .batch = 1,
                             .channels = 1,
                             .in = {count},
                             .kernel = {count},
                             .stride = {1},
                             .dilation = {1}};
    struct pool_comparison result;
    cr_assert_eq(pool_compare_forward(&desc, x, &y, &result), POOL_OK);
    return result;
}

Test(compare, nan_and_infinity_in_sums) {
    static const struct {
        float x[3], right, wrong;
        int modes; /* bit 0 sum, bit 1 average, bit 2 Lp */
    } cases[] = {
        {{1, NAN, INFINITY}, NAN, INFINITY, 7},
        {{INFINITY, 1, -INFINITY}, NAN, INFINITY, 3},
        {{INFINITY, 1, 2}, INFINITY, NAN, 7},
        {{-INFINITY, 1, 2}, -INFINITY, INFINITY, 3},
        {{1, 2, -3}, 0, NAN, 3},
        {{-INFINITY, 1, INFINITY}, INFINITY, NAN, 4},
        {{0, 0, -0.0f}, 0, 1e-45f, 7},
        {{1, 2, 2}, 3, 3.00001f, 4},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int k = 0; k < 3; k++) {
            static const enum pool_mode modes[] = {POOL_SUM, POOL_AVG, POOL_LP};
            if (!(cases[i].modes & 1 << k))
                continue;
            struct pool_comparison right = compare_window(modes[k], 3, cases[i].x, cases[i].right);
            struct pool_comparison wrong = compare_window(modes[k], 3, cases[i].x, cases[i].wrong);
            cr_assert(right.mismatches == 0 && right.unchecked == 0, "case %zu, mode %d", i, k);
            cr_assert(wrong.mismatches == 1, "case %zu, mode %d", i, k);
        }
}

Test(compare, overflow_is_unchecked_only_where_it_can_happen) {
    struct pool_comparison result = compare_window(POOL_SUM, 3, (const float[]){FLT_MAX, FLT_MAX, -FLT_MAX}, INFINITY);
    cr_assert(result.mismatches == 0 && result.unchecked == 1);
    result = compare_window(POOL_SUM, 3, (const float[]){FLT_MAX / 4, FLT_MAX / 4, FLT_MAX / 4}, INFINITY);
    cr_assert(result.mismatches == 1 && result.unchecked == 0);
    result = compare_window(POOL_SUM, 1, (const float[]){FLT_MAX}, FLT_MAX);
    cr_assert(result.mismatches == 0 && result.unchecked == 0);
    /* squares overflow although the norm would not: infinity for sure */
    result = compare_window(POOL_LP, 2, (const float[]){3e30f, 4e30f}, INFINITY);
    cr_assert(result.mismatches == 0 && result.unchecked == 0);
    result = compare_window(POOL_LP, 2, (const float[]){3e30f, 4e30f}, 5e30f);
    cr_assert(result.mismatches == 1);
    /* in between it depends on the roundings: anything from the lower bound on, and not counted as checked */
    const float middle = sqrtf(FLT_MAX / 2);
    result = compare_window(POOL_LP, 2, (const float[]){middle, middle}, INFINITY);
    cr_assert(result.mismatches == 0 && result.unchecked == 1);
    result = compare_window(POOL_LP, 2, (const float[]){middle, middle}, middle);
    cr_assert(result.mismatches == 1 && result.unchecked == 1);
    /* squares vanish: zero is allowed, as is what a kernel with more range would give only up to the rounding */
    result = compare_window(POOL_LP, 2, (const float[]){3e-30f, 4e-30f}, 0);
    cr_assert(result.mismatches == 0 && result.unchecked == 0);
    result = compare_window(POOL_LP, 2, (const float[]){3e-30f, 4e-30f}, 1e-20f);
    cr_assert(result.mismatches == 1);
}

Test(compare, selections_and_their_gradients_are_exact) {
    struct pool_desc desc = {.mode = POOL_MAX,
                             .rank = 1,
                             .batch = 1,
                             .channels = 2,
                             .in = {4},
                             .kernel = {2},
                             .stride = {1},
                             .dilation = {1},
                             .layout = POOL_CHANNELS_LAST};
    const float x[] = {1, -0.0f, 2, 0.0f, 2, NAN, 1, 3};
    float y[] = {2, -0.0f, 2, NAN, 2, NAN}, dy[] = {1, 1, 1, 1, 1, 1}, dx[] = {0, 1, 2, 0, 1, 2, 0, 0};
    int64_t plane[] = {1, 0, 1, 2, 2, 2}, taps[] = {1, 0, 0, 1, 0, 0};
    struct pool_comparison result;
    cr_assert(pool_compare_forward(&desc, x, y, &result) == POOL_OK && result.mismatches == 0 && result.count == 6);
    cr_assert(pool_compare_backward(&desc, x, NULL, dy, dx, &result) == POOL_OK && result.mismatches == 0);
    cr_assert(pool_compare_indices(&desc, x, POOL_INDICES_PLANE, plane, &result) == POOL_OK && result.mismatches == 0);
    cr_assert(pool_compare_indices(&desc, x, POOL_INDICES_WINDOW, taps, &result) == POOL_OK && result.mismatches == 0);
    y[1] = 0.0f;
    y[4] = nextafterf(2, 3);
    y[3] = -NAN;
    cr_assert(pool_compare_forward(&desc, x, y, &result) == POOL_OK && result.mismatches == 2 && result.at == 1);
    dx[0] = -0.0f; /* no window: +0 */
    dx[1] = nextafterf(1, 2);
    dx[2] = nextafterf(2, 1);
    cr_assert(pool_compare_backward(&desc, x, NULL, dy, dx, &result) == POOL_OK && result.mismatches == 3 && result.at == 0);
    plane[5] = 3;
    cr_assert(pool_compare_indices(&desc, x, POOL_INDICES_PLANE, plane, &result) == POOL_OK && result.mismatches == 1);
    cr_assert(result.at == 5 && result.expected == 2 && result.actual == 3);
    taps[0] = 0;
    cr_assert(pool_compare_indices(&desc, x, POOL_INDICES_WINDOW, taps, &result) == POOL_OK && result.at == 0);
}

/* 1, 2^-24 and 2^-24 again: from the front each is rounded away, from the back they are not. */
Test(compare, gradients_of_selections_are_added_in_ascending_order) {
    struct pool_desc desc = {.mode = POOL_MAX,
                             .rank = 1,
                             .batch = 1,
                             .channels = 1,
                             .in = {3},
                             .kernel = {3},
                             .stride = {1},
                             .dilation = {1},
                             .pad_begin = {1},
                             .pad_end = {1}};
    const float x[] = {0, 1, 0}, small = ldexpf(1, -24), dy[] = {1, small, small};
    float dx[] = {0, 1, 0};
    struct pool_comparison result;
    cr_assert(pool_compare_backward(&desc, x, NULL, dy, dx, &result) == POOL_OK && result.mismatches == 0);
    dx[1] = 1 + 2 * small;
    cr_assert(pool_compare_backward(&desc, x, NULL, dy, dx, &result) == POOL_OK && result.mismatches == 1 && result.at == 1);
}

Test(compare, gradient_of_a_norm_uses_the_stored_output) {
    struct pool_desc desc = {.mode = POOL_LP,
                             .p = 2,
                             .rank = 1,
                             .batch = 1,
                             .channels = 1,
                             .in = {2},
                             .kernel = {2},
                             .stride = {1},
                             .dilation = {1}};
    const float x[] = {3, 4}, dy[] = {10};
    float y[] = {5}, dx[] = {6, 8};
    struct pool_comparison result;
    cr_assert(pool_compare_backward(&desc, x, y, dy, dx, &result) == POOL_OK && result.mismatches == 0);
    y[0] = 6;
    cr_assert(pool_compare_backward(&desc, x, y, dy, dx, &result) == POOL_OK && result.mismatches == 2);
    y[0] = 0; /* as where all squares vanish: no gradient */
    cr_assert(pool_compare_backward(&desc, x, y, dy, dx, &result) == POOL_OK && result.mismatches == 2);
    y[0] = INFINITY;
    cr_assert(pool_compare_backward(&desc, x, y, dy, dx, &result) == POOL_OK && result.unchecked == 2);
}

/* Terms, products and powers beyond the range of the element type: nothing is claimed. */
Test(compare, gradient_of_a_norm_beyond_the_range) {
    static const struct {
        double p;
        float x, y, dy;
        int unchecked;
    } cases[] = {
        {2, 1, 1e-20f, 1e25f, 1}, {2, 1e30f, 1e10f, 1e25f, 1}, {2, 1e10f, 1e10f, 1e25f, 0}, {3, 1e25f, 1e25f, 1, 1},
        {3, 1, 1e20f, 1, 1},      {3, 1e15f, 1e15f, 1, 0},     {1, NAN, 1, 1, 1},           {1, 1, 1, INFINITY, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pool_desc desc = {.mode = POOL_LP,
                                 .p = cases[i].p,
                                 .rank = 1,
                                 .batch = 1,
                                 .channels = 1,
                                 .in = {1},
                                 .kernel = {1},
                                 .stride = {1},
                                 .dilation = {1}};
        const float dx = cases[i].unchecked ? INFINITY : cases[i].dy;
        struct pool_comparison result;
        cr_assert_eq(pool_compare_backward(&desc, &cases[i].x, &cases[i].y, &cases[i].dy, &dx, &result), POOL_OK);
        cr_assert(result.mismatches == 0 && result.unchecked == cases[i].unchecked, "case %zu", i);
    }
}

Test(compare, equal_bits) {
    const float a[] = {1, NAN, 0}, b[] = {1, -NAN, 0}, c[] = {1, 2, -0.0f};
    const double d[] = {1, NAN}, e[] = {1, 1 + DBL_EPSILON};
    int64_t at = 9;
    cr_assert(pool_equal_bits(POOL_F32, 3, a, b, &at) && at == -1);
    cr_assert(!pool_equal_bits(POOL_F32, 3, a, c, &at) && at == 1);
    cr_assert(!pool_equal_bits(POOL_F32, 1, a + 2, c + 2, NULL));
    cr_assert(!pool_equal_bits(POOL_F64, 2, d, e, &at) && at == 1);
    cr_assert(pool_equal_bits(POOL_F64, 1, d, e, &at) && pool_equal_bits(POOL_F64, 0, d, e, &at));
}

Test(compare, errors) {
    struct pool_desc desc = {.mode = POOL_LP,
                             .p = 2,
                             .rank = 1,
                             .batch = 1,
                             .channels = 1,
                             .in = {2},
                             .kernel = {2},
                             .stride = {1},
                             .dilation = {1}};
    const float x[2] = {0}, y[1] = {0};
    int64_t index = 0;
    struct pool_comparison result;
    cr_assert_eq(pool_compare_forward(&desc, x, NULL, &result), POOL_NULL_ARGUMENT);
    cr_assert_eq(pool_compare_backward(&desc, x, NULL, y, x, &result), POOL_NULL_ARGUMENT);
    cr_assert_eq(pool_compare_indices(&desc, x, POOL_INDICES_PLANE, &index, &result), POOL_BAD_INDICES);
    desc.mode = POOL_MAX;
    cr_assert_eq(pool_compare_backward(&desc, NULL, NULL, y, x, &result), POOL_NULL_ARGUMENT);
    cr_assert_eq(pool_compare_indices(&desc, x, POOL_INDICES_NONE, &index, &result), POOL_BAD_INDICES);
    desc.kernel[0] = 3;
    cr_assert_eq(pool_compare_forward(&desc, x, y, &result), POOL_NO_OUTPUT);
    cr_assert_eq(pool_compare_backward(&desc, x, y, y, x, &result), POOL_NO_OUTPUT);
    cr_assert(result.count == 0 && result.at == -1);
}
