/* filling.c - see filling.h. Both threads take chunks of the tensors, one after the other, until there is none. */
#include "cli/filling.h"

#include "pool/random.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

enum {
    CHUNK = 1 << 20, /* bytes: a millisecond of work or less, and enough that nobody waits for the counter */
    PAGE = 4096,     /* bytes: the smallest that memory comes in */
};

struct pc_filling {
    struct pc_filled tensors[PC_T_COUNT];
    int count;
    uint64_t seed;
    enum pool_dtype dtype;
    atomic_int_least64_t next; /* chunk, counted through all tensors */
    pthread_t thread;
    bool started;
};

static int64_t chunks_of(const struct pc_filled *tensor) {
    return tensor->data ? (tensor->bytes + CHUNK - 1) / CHUNK : 0;
}

static void fill_chunk(const struct pc_filling *filling, const struct pc_filled *tensor, int64_t chunk) {
    const int64_t begin = chunk * CHUNK, left = tensor->bytes - begin, bytes = left < CHUNK ? left : CHUNK;
    const int64_t element = filling->dtype == POOL_F32 ? (int64_t)sizeof(float) : (int64_t)sizeof(double);
    char *const data = (char *)tensor->data + begin;
    if (tensor->stream)
        pool_random_fill_part(filling->seed, tensor->stream, filling->dtype, begin / element, bytes / element, data);
    for (int64_t i = 0; i < bytes && !tensor->stream; i += PAGE)
        data[i] = 0;
}

/* False when all chunks are taken. */
static bool fill_next(struct pc_filling *filling) {
    int64_t chunk = atomic_fetch_add(&filling->next, 1);
    for (int i = 0; i < filling->count; i++) {
        const int64_t chunks = chunks_of(&filling->tensors[i]);
        if (chunk < chunks) {
            fill_chunk(filling, &filling->tensors[i], chunk);
            return true;
        }
        chunk -= chunks;
    }
    return false;
}

static void *fill_all(void *filling) {
    while (fill_next(filling))
        ;
    return NULL;
}

struct pc_filling *pc_filling_begin(const struct pc_filled *tensors, int count, uint64_t seed, enum pool_dtype dtype) {
    struct pc_filling *filling = calloc(1, sizeof *filling);
    int64_t chunks = 0;
    if (!filling)
        return NULL;
    *filling = (struct pc_filling){.count = count, .seed = seed, .dtype = dtype};
    for (int i = 0; i < count; i++) {
        filling->tensors[i] = tensors[i];
        chunks += chunks_of(&tensors[i]);
    }
    if (chunks <= count) /* nothing that a thread would be worth */
        return filling;
    sigset_t all, saved; /* signals are for the caller's thread, which holds them back where they would do harm */
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &saved);
    filling->started = pthread_create(&filling->thread, NULL, fill_all, filling) == 0;
    pthread_sigmask(SIG_SETMASK, &saved, NULL);
    return filling;
}

void pc_filling_end(struct pc_filling *filling) {
    if (!filling)
        return;
    fill_all(filling);
    if (filling->started)
        pthread_join(filling->thread, NULL);
    free(filling);
}
