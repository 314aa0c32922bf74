/* test_random.c - random inputs are the same everywhere, and random layers leave no feature out. */
#include <criterion/criterion.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pool/random.h"
#include "pool/reference.h"

/* Published test vector of the generator for a state of 1234567: pins the numbers for good. */
Test(random, generator) {
    static const uint64_t expected[] = {UINT64_C(6457827717110365317), UINT64_C(3203168211198807973),
                                        UINT64_C(9817491932198370423), UINT64_C(4593380528125082431),
                                        UINT64_C(16408922859458223821)};
    struct pool_random random = {1234567};
    for (int i = 0; i < 5; i++)
        cr_assert_eq(pool_random_next(&random), expected[i]);
}

Test(random, streams_differ) {
    uint64_t first[5];
    const struct pool_random starts[] = {pool_random_start(1, "x"), pool_random_start(2, "x"), pool_random_start(1, "dy"),
                                         pool_random_start(1, ""), pool_random_start(1, "xx")};
    for (int i = 0; i < 5; i++) {
        struct pool_random random = starts[i];
        first[i] = pool_random_next(&random);
        for (int k = 0; k < i; k++)
            cr_assert_neq(first[i], first[k]);
    }
}

Test(random, bounded_integers) {
    struct pool_random random = pool_random_start(1, "test");
    int seen[7] = {0};
    for (int i = 0; i < 7000; i++) {
        int64_t value = pool_random_between(&random, -3, 3);
        cr_assert(value >= -3 && value <= 3);
        seen[value + 3]++;
    }
    for (int i = 0; i < 7; i++)
        cr_assert(seen[i] > 850 && seen[i] < 1150, "%d: %d of 7000", i - 3, seen[i]);
    for (int i = 0; i < 100; i++) {
        cr_assert_eq(pool_random_between(&random, 5, 5), 5);
        cr_assert(pool_random_between(&random, INT64_MIN, INT64_MIN + 1) <= INT64_MIN + 1);
        cr_assert(pool_random_between(&random, INT64_MAX - 1, INT64_MAX) >= INT64_MAX - 1);
        cr_assert(pool_random_below(&random, UINT64_C(3) << 62) < UINT64_C(3) << 62);
        cr_assert(!pool_random_chance(&random, 0, 3) && pool_random_chance(&random, 3, 3));
    }
    int low = 0; /* without rejection half of them would be in the lowest third */
    for (int i = 0; i < 3000; i++)
        low += pool_random_below(&random, UINT64_C(3) << 62) < UINT64_C(1) << 62;
    cr_assert(low > 850 && low < 1150, "%d of 3000", low);
    int64_t any = 0;
    for (int i = 0; i < 64; i++)
        any |= pool_random_between(&random, INT64_MIN, INT64_MAX);
    cr_assert_eq(any, -1);
}

Test(random, uniform_numbers) {
    enum { COUNT = 20000 };
    static float narrow[COUNT], again[COUNT];
    static double wide[COUNT];
    pool_random_fill(7, "x", POOL_F32, COUNT, narrow);
    pool_random_fill(7, "x", POOL_F32, COUNT, again);
    pool_random_fill(7, "x", POOL_F64, COUNT, wide);
    cr_assert_eq(memcmp(narrow, again, sizeof narrow), 0);
    double sum = 0;
    for (int i = 0; i < COUNT; i++) {
        cr_assert(narrow[i] >= -1 && narrow[i] < 1 && narrow[i] == wide[i]);
        sum += wide[i];
    }
    cr_assert(fabs(sum / COUNT) < 0.02, "mean %g", sum / COUNT);
    /* the numbers themselves, which every later version must give too */
    cr_assert_eq(wide[0], -2011003 / 8388608.0);
    cr_assert_eq(wide[1], -2251686 / 8388608.0);
}

Test(random, parts_are_the_whole) {
    enum { COUNT = 100 };
    float narrow[COUNT], narrow_part[COUNT];
    double wide[COUNT], wide_part[COUNT];
    pool_random_fill(7, "x", POOL_F32, COUNT, narrow);
    pool_random_fill(7, "x", POOL_F64, COUNT, wide);
    for (int cut = 0; cut <= COUNT; cut++) {
        pool_random_fill_part(7, "x", POOL_F32, 0, cut, narrow_part);
        pool_random_fill_part(7, "x", POOL_F32, cut, COUNT - cut, narrow_part + cut);
        pool_random_fill_part(7, "x", POOL_F64, cut, COUNT - cut, wide_part + cut);
        pool_random_fill_part(7, "x", POOL_F64, 0, cut, wide_part);
        cr_assert_eq(memcmp(narrow, narrow_part, sizeof narrow), 0, "cut at %d", cut);
        cr_assert_eq(memcmp(wide, wide_part, sizeof wide), 0, "cut at %d", cut);
    }
}

Test(random, hard_numbers) {
    enum { COUNT = 4000 };
    static float narrow[COUNT];
    static double wide[COUNT];
    for (int set = 0; set < POOL_HARD_COUNT; set++)
        for (uint64_t seed = 0; seed < 2; seed++) {
            int nan = 0, infinite[2] = {0}, zero[2] = {0}, denormal = 0, huge = 0, tie = 0;
            pool_random_hard(seed, "x", (enum pool_hard)set, POOL_F32, COUNT, narrow);
            pool_random_hard(seed, "x", (enum pool_hard)set, POOL_F64, COUNT, wide);
            for (int i = 0; i < COUNT; i++) {
                cr_assert_eq(fpclassify(narrow[i]), fpclassify(wide[i]));
                int negative = signbit(narrow[i]) != 0;
                nan += isnan(narrow[i]) != 0;
                infinite[negative] += isinf(narrow[i]) != 0;
                zero[negative] += narrow[i] == 0;
                denormal += fpclassify(narrow[i]) == FP_SUBNORMAL;
                huge += isfinite(narrow[i]) && fabsf(narrow[i]) > FLT_MAX * 0.99f;
                tie += fabsf(narrow[i]) == 0.5f || fabsf(narrow[i]) == 1 || narrow[i] == 0;
            }
            const int all = COUNT, few = COUNT / 40;
            switch ((enum pool_hard)set) {
            case POOL_HARD_TIES:
                cr_assert_eq(tie, all);
                break;
            case POOL_HARD_ZEROS:
                cr_assert(zero[0] > all / 4 && zero[1] > all / 4 && zero[0] + zero[1] < all);
                break;
            case POOL_HARD_NANS:
                cr_assert(nan > all / 10 && nan < all / 6);
                break;
            case POOL_HARD_MOSTLY_NAN:
                cr_assert(nan > all / 2 && nan < all);
                break;
            case POOL_HARD_INFINITIES:
                cr_assert(infinite[0] > few && infinite[1] > few && nan == 0);
                break;
            case POOL_HARD_LOWEST:
                cr_assert(infinite[seed == 0] > all / 2 && infinite[seed != 0] == 0);
                break;
            case POOL_HARD_DENORMALS:
                cr_assert(denormal > all / 2 && denormal + zero[0] + zero[1] == all);
                break;
            case POOL_HARD_HUGE:
                cr_assert(huge > all / 2 && infinite[0] + infinite[1] == 0);
                break;
            case POOL_HARD_ALL:
                cr_assert(nan > few && infinite[0] + infinite[1] > few && zero[0] > few && zero[1] > few);
                cr_assert(denormal > few && huge > few && tie > few);
                break;
            case POOL_HARD_COUNT:
                cr_assert_fail();
            }
        }
}

/* What the layers of a thousand draws have; each must occur, and none in all of them. */
enum feature {
    MODE,
    RANK = MODE + POOL_LP + 1,
    LAYOUT = RANK + 3,
    DTYPE = LAYOUT + 2,
    NAN_RULE = DTYPE + 2,
    INDICES = NAN_RULE + 2,
    PADDING = INDICES + 4,
    DIVISOR = PADDING + 3,
    ADAPTIVE = DIVISOR + 4,
    ADAPTIVE_UPSAMPLING,
    GLOBAL,
    DILATED,
    CEIL_MODE,
    CEIL_MODE_MATTERS,
    ASYMMETRIC,
    PAD_ABOVE_HALF,
    WINDOW_ABOVE_INPUT,
    GAPS,
    OVERLAP,
    ONE_ELEMENT_AXIS,
    NEGATIVE_DIVISOR,
    SEVERAL_IMAGES,
    MANY_CHANNELS,
    BROKEN_EXPONENT,
    FEATURES
};

static void count_features(const struct pool_desc *desc, const struct pool_shape *shape, int counts[FEATURES]) {
    bool selects = desc->mode == POOL_MAX || desc->mode == POOL_MIN;
    counts[MODE + desc->mode]++;
    counts[RANK + desc->rank - 1]++;
    counts[LAYOUT + desc->layout]++;
    counts[DTYPE + desc->dtype]++;
    counts[NAN_RULE + desc->nan] += selects;
    counts[INDICES + desc->indices] += selects;
    counts[PADDING + desc->padding] += !desc->adaptive;
    counts[DIVISOR + desc->divisor] += desc->mode == POOL_AVG;
    bool global = !desc->adaptive, gaps = false, overlap = false, one = false, dilated = false, asymmetric = false;
    bool above_half = false, above_input = false, upsampling = false;
    for (int i = 0; i < desc->rank; i++) {
        global = global && desc->kernel[i] == desc->in[i] && desc->in[i] > 1;
        gaps = gaps || (!desc->adaptive && desc->stride[i] > desc->kernel[i]);
        overlap = overlap || (!desc->adaptive && desc->stride[i] < desc->kernel[i]);
        one = one || desc->in[i] == 1;
        dilated = dilated || desc->dilation[i] > 1;
        asymmetric = asymmetric || desc->pad_begin[i] != desc->pad_end[i];
        above_half = above_half || desc->pad_begin[i] * 2 > desc->kernel[i];
        above_input = above_input || (!desc->adaptive && desc->kernel[i] > desc->in[i] + 1);
        upsampling = upsampling || (desc->adaptive && desc->adaptive_out[i] > desc->in[i]);
    }
    counts[ADAPTIVE] += desc->adaptive;
    counts[ADAPTIVE_UPSAMPLING] += upsampling;
    counts[GLOBAL] += global;
    counts[DILATED] += dilated;
    counts[CEIL_MODE] += desc->ceil_mode;
    struct pool_desc floored = *desc;
    struct pool_shape other;
    floored.ceil_mode = false;
    counts[CEIL_MODE_MATTERS] +=
        pool_reference_shape(&floored, &other) != POOL_OK || memcmp(other.out, shape->out, sizeof other.out) != 0;
    counts[ASYMMETRIC] += asymmetric;
    counts[PAD_ABOVE_HALF] += above_half;
    counts[WINDOW_ABOVE_INPUT] += above_input;
    counts[GAPS] += gaps;
    counts[OVERLAP] += overlap;
    counts[ONE_ELEMENT_AXIS] += one;
    counts[NEGATIVE_DIVISOR] += desc->divisor_override < 0;
    counts[SEVERAL_IMAGES] += desc->batch > 1;
    counts[MANY_CHANNELS] += desc->channels > 16;
    counts[BROKEN_EXPONENT] += desc->mode == POOL_LP && desc->p != floor(desc->p);
}

Test(random, layers) {
    enum { LAYERS = 2000 };
    int counts[FEATURES] = {0};
    int64_t outputs = 0;
    struct pool_random random = pool_random_start(1, "layers"), again = random;
    for (int i = 0; i < LAYERS; i++) {
        struct pool_desc desc, same;
        struct pool_shape shape;
        pool_random_desc(&random, &desc);
        pool_random_desc(&again, &same);
        cr_assert_eq(memcmp(&desc, &same, sizeof desc), 0);
        cr_assert_eq(pool_reference_shape(&desc, &shape), POOL_OK);
        cr_assert(shape.y_count <= POOL_RANDOM_OUTPUTS && shape.x_count <= POOL_RANDOM_INPUTS);
        outputs += shape.y_count;
        count_features(&desc, &shape, counts);
    }
    for (int i = 0; i < FEATURES; i++)
        cr_assert(counts[i] > LAYERS / 100 && counts[i] < LAYERS * 9 / 10, "feature %d: %d of %d layers", i, counts[i],
                  (int)LAYERS);
    cr_assert(outputs / LAYERS < 400, "%lld outputs on average", (long long)(outputs / LAYERS));
}
