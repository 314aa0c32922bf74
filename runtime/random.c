/* random.c - see pool/random.h. Integers only until a value is stored, so that results cannot depend on the machine. */
#include "pool/random.h"

#include <math.h>
#include <string.h>

#include "element.h"
#include "pool/reference.h"

static const uint64_t STEP = UINT64_C(0x9e3779b97f4a7c15); /* 2^64 / golden ratio, odd: visits every state */

/* Of its own, so that loops over tensors need not call the public one for every element. */
static inline uint64_t next(struct pool_random *random) {
    uint64_t z = random->state += STEP;
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

uint64_t pool_random_next(struct pool_random *random) {
    return next(random);
}

struct pool_random pool_random_start(uint64_t seed, const char *stream) {
    struct pool_random random = {seed};
    for (const char *c = stream; *c; c++) /* the next state depends on all bits of the last one and on the character */
        random.state = pool_random_next(&random) ^ (unsigned char)*c;
    random.state = pool_random_next(&random);
    return random;
}

uint64_t pool_random_below(struct pool_random *random, uint64_t bound) {
    uint64_t excess = (UINT64_MAX - bound + 1) % bound; /* 2^64 mod bound: the first `excess` values would be too likely */
    uint64_t value;
    do
        value = pool_random_next(random);
    while (value < excess);
    return value % bound;
}

int64_t pool_random_between(struct pool_random *random, int64_t low, int64_t high) {
    uint64_t span = (uint64_t)high - (uint64_t)low; /* 2^64 - 1 at most; one more would not fit */
    uint64_t offset = span == UINT64_MAX ? pool_random_next(random) : pool_random_below(random, span + 1);
    uint64_t value = (uint64_t)low + offset;
    return value <= INT64_MAX ? (int64_t)value : -(int64_t)(UINT64_MAX - value) - 1;
}

bool pool_random_chance(struct pool_random *random, uint64_t times, uint64_t of) {
    return pool_random_below(random, of) < times;
}

static double uniform(struct pool_random *random) {
    return (double)(int32_t)(next(random) >> 40) / (1 << 23) - 1; /* 24 bits, which machines convert faster if signed */
}

void pool_random_fill_part(uint64_t seed, const char *stream, enum pool_dtype dtype, int64_t from, int64_t count,
                           void *out) {
    struct pool_random random = pool_random_start(seed, stream);
    float *const f32 = out;
    double *const f64 = out;
    random.state += (uint64_t)from * STEP;
    for (int64_t i = 0; i < count && dtype == POOL_F32; i++)
        f32[i] = (float)uniform(&random); /* exact */
    for (int64_t i = 0; i < count && dtype == POOL_F64; i++)
        f64[i] = uniform(&random);
}

void pool_random_fill(uint64_t seed, const char *stream, enum pool_dtype dtype, int64_t count, void *out) {
    pool_random_fill_part(seed, stream, dtype, 0, count, out);
}

/* How often each kind of value occurs, relative to the sum of a row. */
struct mix {
    uint64_t uniform, tie, zero, nan, infinity, denormal, huge;
};

static const struct mix mixes[POOL_HARD_COUNT] = {
    [POOL_HARD_TIES] = {.tie = 1},
    [POOL_HARD_ZEROS] = {.zero = 6, .tie = 1, .uniform = 1},
    [POOL_HARD_NANS] = {.nan = 1, .uniform = 5, .tie = 2},
    [POOL_HARD_MOSTLY_NAN] = {.nan = 5, .uniform = 1, .infinity = 1},
    [POOL_HARD_INFINITIES] = {.infinity = 1, .uniform = 6, .zero = 1},
    [POOL_HARD_LOWEST] = {.infinity = 7, .uniform = 1},
    [POOL_HARD_DENORMALS] = {.denormal = 5, .zero = 1},
    [POOL_HARD_HUGE] = {.huge = 3, .uniform = 1},
    [POOL_HARD_ALL] = {.uniform = 8, .tie = 4, .zero = 2, .nan = 1, .infinity = 1, .denormal = 2, .huge = 1},
};

/* True `times` times of what is left of `*rest`, which shrinks: the kinds of a mix, tried one after the other. */
static bool take(uint64_t *rest, uint64_t times) {
    if (*rest < times)
        return true;
    *rest -= times;
    return false;
}

static double hard_value(struct pool_random *random, const struct mix *mix, enum pool_dtype dtype, double infinity) {
    uint64_t all = mix->uniform + mix->tie + mix->zero + mix->nan + mix->infinity + mix->denormal + mix->huge;
    uint64_t rest = pool_random_below(random, all);
    struct pool_element element = pool_element_of(dtype);
    double sign = pool_random_chance(random, 1, 2) ? -1 : 1;
    if (take(&rest, mix->uniform))
        return uniform(random);
    if (take(&rest, mix->tie))
        return (double)pool_random_between(random, -2, 2) / 2;
    if (take(&rest, mix->zero))
        return copysign(0, sign);
    if (take(&rest, mix->nan))
        return copysign(NAN, sign);
    if (take(&rest, mix->infinity))
        return infinity != 0 ? infinity : sign * INFINITY;
    if (take(&rest, mix->denormal)) /* few, so that they tie; 1 is the smallest of all */
        return sign * (double)(element.smallest * (long double)pool_random_between(random, 1, 1000));
    return sign * (double)(element.largest - element.largest * element.unit * (long double)pool_random_below(random, 9));
}

/* A signaling NaN, which no double that is stored as a float can be. */
static void store_signaling_nan(enum pool_dtype dtype, void *out, int64_t i) {
    const uint32_t f32 = UINT32_C(0x7F800001);
    const uint64_t f64 = UINT64_C(0x7FF0000000000001);
    if (dtype == POOL_F32)
        memcpy((float *)out + i, &f32, sizeof f32);
    else
        memcpy((double *)out + i, &f64, sizeof f64);
}

void pool_random_hard(uint64_t seed, const char *stream, enum pool_hard set, enum pool_dtype dtype, int64_t count,
                      void *out) {
    struct pool_random random = pool_random_start(seed, stream);
    double infinity = set != POOL_HARD_LOWEST ? 0 : seed % 2 == 0 ? -INFINITY : INFINITY;
    for (int64_t i = 0; i < count; i++) {
        const double value = hard_value(&random, &mixes[set], dtype, infinity);
        if (isnan(value) && i % 3 == 0)
            store_signaling_nan(dtype, out, i);
        else
            pool_store(dtype, out, i, value);
    }
}

static void random_sizes(struct pool_random *random, struct pool_desc *desc) {
    static const int64_t largest[POOL_MAX_RANK] = {70, 20, 8};
    static const int64_t vectors[] = {7, 8, 9, 15, 16, 17, 31, 33}; /* around the lane counts */
    desc->rank = (int)pool_random_between(random, 1, POOL_MAX_RANK);
    for (int i = 0; i < desc->rank; i++)
        desc->in[i] = pool_random_chance(random, 1, 8) ? 1 : pool_random_between(random, 1, largest[desc->rank - 1]);
    desc->batch = pool_random_chance(random, 2, 3) ? 1 : pool_random_between(random, 2, 3);
    desc->channels = pool_random_chance(random, 2, 3) ? pool_random_between(random, 1, 5)
                                                      : vectors[pool_random_below(random, sizeof vectors / sizeof *vectors)];
}

static void random_windows(struct pool_random *random, struct pool_desc *desc) {
    bool adaptive = pool_random_chance(random, 1, 6), global = pool_random_chance(random, 1, 12);
    bool dilated = pool_random_chance(random, 1, 4), kernel_stride = pool_random_chance(random, 1, 3);
    bool padded = pool_random_chance(random, 2, 3), symmetric = pool_random_chance(random, 1, 2);
    desc->adaptive = adaptive;
    desc->ceil_mode = !adaptive && pool_random_chance(random, 1, 3);
    if (!adaptive && !global && pool_random_chance(random, 1, 5)) {
        desc->padding = pool_random_chance(random, 1, 2) ? POOL_PAD_SAME : POOL_PAD_SAME_LOWER;
        desc->ceil_mode = false;
        padded = false;
    }
    for (int i = 0; i < desc->rank; i++) {
        desc->kernel[i] = desc->stride[i] = desc->dilation[i] = 1;
        if (adaptive) {
            desc->adaptive_out[i] = pool_random_between(random, 1, desc->in[i] + 2);
            continue;
        }
        desc->kernel[i] = global                              ? desc->in[i]
                          : pool_random_chance(random, 1, 10) ? pool_random_between(random, 1, desc->in[i] + 4)
                                                              : pool_random_between(random, 1, 5);
        desc->stride[i] = kernel_stride ? desc->kernel[i] : pool_random_between(random, 1, 4);
        if (dilated && !global)
            desc->dilation[i] = pool_random_between(random, 1, 3);
        if (padded && !global) {
            int64_t extent = desc->dilation[i] * (desc->kernel[i] - 1) + 1;
            desc->pad_begin[i] = pool_random_between(random, 0, extent - 1);
            desc->pad_end[i] = symmetric ? desc->pad_begin[i] : pool_random_between(random, 0, extent);
        }
    }
}

static void random_mode(struct pool_random *random, struct pool_desc *desc) {
    static const double exponents[] = {1, 2, 2, 3, 4, 5, 1.5, 2.5, 1.7};
    desc->mode = (enum pool_mode)pool_random_below(random, POOL_LP + 1);
    desc->dtype = pool_random_chance(random, 1, 3) ? POOL_F64 : POOL_F32;
    desc->layout = pool_random_chance(random, 1, 2) ? POOL_CHANNELS_LAST : POOL_CHANNELS_FIRST;
    if (desc->mode == POOL_LP)
        desc->p = exponents[pool_random_below(random, sizeof exponents / sizeof *exponents)];
    if (desc->mode == POOL_MAX || desc->mode == POOL_MIN) {
        desc->nan = pool_random_chance(random, 1, 3) ? POOL_NAN_IGNORE : POOL_NAN_PROPAGATE;
        desc->indices = (enum pool_indices)pool_random_below(random, POOL_INDICES_TENSOR + 1);
    }
    if (desc->mode == POOL_AVG && !desc->adaptive)
        desc->divisor = (enum pool_divisor)pool_random_below(random, POOL_DIVISOR_OVERRIDE + 1);
    if (desc->divisor == POOL_DIVISOR_OVERRIDE)
        desc->divisor_override = pool_random_between(random, 1, 9) * (pool_random_chance(random, 1, 2) ? -1 : 1);
}

void pool_random_desc(struct pool_random *random, struct pool_desc *desc) {
    enum { WORK = 40000 }; /* taps of all windows: keeps slow checkers quick */
    struct pool_shape shape;
    int64_t taps = 0;
    do { /* most tries succeed */
        memset(desc, 0, sizeof *desc);
        random_sizes(random, desc);
        random_windows(random, desc);
        random_mode(random, desc);
        if (pool_reference_shape(desc, &shape) == POOL_OK)
            taps = shape.y_count * shape.kernel[0] * shape.kernel[1] * shape.kernel[2]; /* all small */
        else
            taps = WORK + 1;
    } while (taps > WORK || shape.y_count > POOL_RANDOM_OUTPUTS || shape.x_count > POOL_RANDOM_INPUTS);
}
