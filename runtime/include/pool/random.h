/* pool/random.h - reproducible random inputs: the same numbers for the same seed on every machine and backend.
 *
 * The generator is a 64-bit Weyl sequence with a bijective finalizer (splitmix64).  Tensors have streams of their own, named
 * by a string, so that x and dy of one seed are unrelated and adding a tensor changes no other. */
#ifndef POOL_RANDOM_H
#define POOL_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

#include "pool/desc.h"

#ifdef __cplusplus
extern "C" {
#endif

struct pool_random {
    uint64_t state;
};

struct pool_random pool_random_start(uint64_t seed, const char *stream);

uint64_t pool_random_next(struct pool_random *random);                  /* all 64 bits */
uint64_t pool_random_below(struct pool_random *random, uint64_t bound); /* 0 .. bound - 1, unbiased; bound >= 1 */
int64_t pool_random_between(struct pool_random *random, int64_t low, int64_t high); /* both included; low <= high */
bool pool_random_chance(struct pool_random *random, uint64_t times, uint64_t of);   /* true `times` times of `of` */

/* `count` elements of `dtype`, uniform in [-1, 1): multiples of 2^-23, so that f32 and f64 get the same numbers. */
void pool_random_fill(uint64_t seed, const char *stream, enum pool_dtype dtype, int64_t count, void *out);

/* `count` of those elements, from number `from` on; out[0] is that one. */
void pool_random_fill_part(uint64_t seed, const char *stream, enum pool_dtype dtype, int64_t from, int64_t count,
                           void *out);

/* Inputs that find faults, as sets of values and how often each occurs. */
enum pool_hard {
    POOL_HARD_TIES,       /* five small values: most windows have several largest ones */
    POOL_HARD_ZEROS,      /* mostly zeros of both signs, and a few numbers */
    POOL_HARD_NANS,       /* one NaN in eight, of both signs, quiet and signaling ones */
    POOL_HARD_MOSTLY_NAN, /* windows of nothing but NaN occur */
    POOL_HARD_INFINITIES, /* one in eight, of both signs */
    POOL_HARD_LOWEST,     /* mostly -Inf or mostly +Inf, as the value of `seed` is even or odd */
    POOL_HARD_DENORMALS,  /* subnormal numbers and zeros */
    POOL_HARD_HUGE,       /* close to the largest finite number: sums overflow */
    POOL_HARD_ALL,        /* a little of everything */
    POOL_HARD_COUNT
};
void pool_random_hard(uint64_t seed, const char *stream, enum pool_hard set, enum pool_dtype dtype, int64_t count,
                      void *out);

/* A random small layer that pool_reference_shape() accepts, of any mode, rank, layout, dtype and kind of window; at most
 * POOL_RANDOM_OUTPUTS outputs and POOL_RANDOM_INPUTS inputs, mostly far fewer. What does not go with its mode or its kind of
 * window is at its neutral value (0, or the first enumerator; kernel, stride and dilation of adaptive windows 1). */
enum { POOL_RANDOM_OUTPUTS = 1500, POOL_RANDOM_INPUTS = 6000 };
void pool_random_desc(struct pool_random *random, struct pool_desc *desc);

#ifdef __cplusplus
}
#endif
#endif
