/* worker_limit.c - what the machine can do at best: loads every input once and stores every output once, in vectors, and
 * computes nothing worth the name.  poolc bench measures the same. With threads, each takes its share of both. */
#include "worker.h"

#include <string.h>

#if defined(__GNUC__)
typedef uint64_t wide __attribute__((vector_size(64), may_alias)); /* split where the machine's vectors are shorter */
#else
typedef uint64_t wide;
#endif

enum { WIDE = sizeof(wide), CHAINS = 4 };

/* Where more is stored than loaded, cache lines are fetched so many vectors ahead of their stores: a gradient of 1 MiB takes
 * 0.92 of the time (Granite Rapids).  Where less is, it makes no difference. */
enum { FETCH_AHEAD = 8 };

static inline void put(wide *to, wide value) {
#if defined(__GNUC__)
    __builtin_prefetch(to + FETCH_AHEAD, 1);
#endif
    *to = value;
}

static struct {
    const char *from;
    char *to;
    int64_t in, out; /* in units of `wide` */
} limit;

/* CHAINS stores at a time, so that no addition waits for the one before, each with `loads` vectors of its share. The number
 * is a constant where it is called, for a loop around a few loads would cost more than they do. */
static inline __attribute__((always_inline)) int64_t join(const wide *from, wide *to, int64_t out, int loads) {
    int64_t o = 0;
    for (; o + CHAINS <= out; o += CHAINS)
        for (int k = 0; k < CHAINS; k++) {
            wide sum = from[(o + k) * loads];
            for (int i = 1; i < loads; i++)
                sum ^= from[(o + k) * loads + i];
            to[o + k] = sum;
        }
    return o;
}

static inline wide reduce(const wide *from, int64_t count) {
    wide sum[CHAINS];
    int64_t i = 0;
    memset(sum, 0, sizeof sum);
    for (; i + CHAINS <= count; i += CHAINS)
        for (int k = 0; k < CHAINS; k++)
            sum[k] ^= from[i + k];
    for (; i < count; i++)
        sum[0] ^= from[i];
    return (sum[0] ^ sum[1]) ^ (sum[2] ^ sum[3]);
}

/* Each vector that is loaded is stored `stores` times. */
static inline __attribute__((always_inline)) int64_t spread(const wide *from, int64_t in, wide *to, int stores) {
    for (int64_t i = 0; i < in; i++)
        for (int k = 0; k < stores; k++)
            put(&to[i * stores + k], from[i]);
    return in * stores;
}

/* CASE(n) for the numbers that occur: rarely more than the taps of a 4 x 4 window. */
#define CASES                                                                                                               \
    CASE(1)                                                                                                                 \
    CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8) CASE(9) CASE(10) CASE(11) CASE(12) CASE(13) CASE(14) CASE(15)   \
        CASE(16)

static void move(const wide *from, int64_t in, wide *to, int64_t out) {
    if (in == 0 || out == 0)
        return;
    const int64_t loads = in / out, stores = out / in;
    int64_t i = 0, o = 0;
    if (loads >= 1) {
        switch (loads) {
#define CASE(n)                                                                                                             \
    case n: o = join(from, to, out, n); break;
            CASES
#undef CASE
        }
        for (i = o * loads; o < out; o++) /* the last ones, or all where there are many loads to a store */
            to[o] = reduce(from + i, loads), i += loads;
        to[out - 1] ^= reduce(from + i, in - i); /* what does not come out even */
        return;
    }
    switch (stores) {
#define CASE(n)                                                                                                             \
    case n: o = spread(from, in, to, n); break;
        CASES
#undef CASE
    default:
        for (; i < in; i++)
            for (int64_t k = 0; k < stores; k++)
                put(&to[o++], from[i]);
    }
    for (; o < out; o++)
        to[o] = from[0];
}

static void work(const void *argument, int part, int parts) {
    const int64_t in = limit.in * part / parts, in_end = limit.in * (part + 1) / parts;
    const int64_t out = limit.out * part / parts, out_end = limit.out * (part + 1) / parts;
    (void)argument;
    move((const wide *)limit.from + in, in_end - in, (wide *)limit.to + out, out_end - out);
}

static void run(void) {
    bench_team_run(work, NULL);
}

static int64_t wides(int64_t bytes) {
    return (bytes + WIDE - 1) / WIDE;
}

static const char *prepare(const struct bench_layer *layer, enum bench_pass pass, const struct bench_buffers *b) {
    const int64_t x_bytes = b->x_count * (int64_t)sizeof(float), y_bytes = b->y_count * (int64_t)sizeof(float);
    const int64_t state_bytes = layer->average ? 0 : b->y_count * layer->state_bytes;
    /* The state lies behind y and before dy; what is between two buffers is small. */
    if (pass == BENCH_BACKWARD) {
        limit.from = layer->average ? (const char *)b->dy : (const char *)b->state;
        limit.to = (char *)b->dx;
        limit.in = wides(y_bytes + state_bytes);
        limit.out = wides(x_bytes);
    } else {
        limit.from = (const char *)b->x;
        limit.to = (char *)b->y;
        limit.in = wides(x_bytes);
        limit.out = wides(y_bytes + (pass == BENCH_TRAIN ? state_bytes : 0));
    }
    return NULL;
}

static const char *version(void) {
    return "limit";
}

static const char *open_limit(int threads) {
    return bench_team_open(threads) ? NULL : "cannot start the threads";
}

int main(int argc, char **argv) {
    static const struct bench_adapter adapter = {.open = open_limit, .version = version, .prepare = prepare, .run = run};
    return bench_worker(&adapter, argc, argv);
}
