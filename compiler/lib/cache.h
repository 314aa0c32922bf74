/* cache.h - the code of layers, shared by all that compute the same.
 *
 * An entry stands for what a layer computes: its canonical text without a name and without `passes`.  It is held by the
 * layers of modules; idle, it waits to be asked for again, or for its turn to go. */
#ifndef PC_CACHE_H
#define PC_CACHE_H

#include "front/layer.h"
#include "lib/task.h"
#include "middle/kernel.h"
#include "llvm/jit.h"

#include <pthread.h>
#include <stdatomic.h>

/* One kernel of an entry. */
struct pc_slot {
    _Atomic(struct pc_jit_code *) code; /* set once, under the lock; read without */
    pthread_mutex_t lock;               /* who compiles has it, and who wants the same kernel waits for it */
};

struct pc_entry {
    struct pc_slot slots[PC_KERNEL_COUNT];
    struct pc_entry *next;          /* in its bucket */
    struct pc_entry *newer, *older; /* while idle; alone: NULL both */
    size_t holders;
    size_t hash, key_size;
    char key[];
};

struct pc_cache {
    struct pc_jit *jit;
    struct pc_plan_options plan; /* of every kernel */
    atomic_uint_fast64_t compiled;

    pthread_mutex_t lock; /* of what follows, and of an entry's links and holders */
    struct pc_entry **buckets;
    size_t bucket_count; /* 0 or a power of two */
    size_t entries, idle, idle_max;
    struct pc_entry *newest, *oldest; /* idle */
    uint64_t evicted;
};

/* false with diagnostics in the task; to be closed also then. The cache is zeroed but for idle_max and plan. */
bool pc_cache_open(struct pc_cache *cache, struct pc_task *task);

/* Nothing is held any more. */
void pc_cache_close(struct pc_cache *cache);

/* Holds the entry of the layer; leaves the task without memory (arena.h) if there is none. */
struct pc_entry *pc_cache_hold(struct pc_cache *cache, const struct pc_layer *layer, struct pc_task *task);

/* Ends one hold. */
void pc_cache_drop(struct pc_cache *cache, struct pc_entry *entry);

/* Keeps at most `idle_max` idle entries from now on. */
void pc_cache_limit(struct pc_cache *cache, size_t idle_max);

struct poolc_statistics pc_cache_statistics(struct pc_cache *cache);

/* The code of a kernel if it is there; else NULL. */
struct pc_jit_code *pc_cache_ready(const struct pc_entry *entry, enum pc_kernel_kind kind);

/* The code of a kernel of the layer whose entry this is, compiled if need be. NULL with diagnostics in the task. */
struct pc_jit_code *pc_cache_code(struct pc_cache *cache, struct pc_entry *entry, const struct pc_layer *layer,
                                  enum pc_kernel_kind kind, struct pc_task *task);

#endif
