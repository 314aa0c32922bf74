/* cache.c - see cache.h.
 *
 * Three kinds of locks, never one inside of another: the cache's, held for a few instructions and never across an allocation
 * that may longjmp; a slot's, held while its kernel is compiled; and those inside of jit.c. */
#include "lib/cache.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_BUCKETS = 64 };

/* ---- the table; under the lock ---- */

/* FNV-1a. */
static size_t hash_of(const char *bytes, size_t size) {
    uint64_t value = 14695981039346656037u;
    for (size_t i = 0; i < size; i++)
        value = (value ^ (unsigned char)bytes[i]) * 1099511628211u;
    return (size_t)(value ^ value >> 32);
}

static struct pc_entry **bucket_of(const struct pc_cache *cache, size_t hash) {
    return &cache->buckets[hash & (cache->bucket_count - 1)];
}

static struct pc_entry *find(const struct pc_cache *cache, size_t hash, const struct pc_text *key) {
    struct pc_entry *entry = cache->bucket_count ? *bucket_of(cache, hash) : NULL;
    while (entry && !(entry->hash == hash && entry->key_size == key->size && memcmp(entry->key, key->bytes, key->size) == 0))
        entry = entry->next;
    return entry;
}

/* Room for one more entry. A table that cannot grow is slow, not wrong; false only where there is none at all. */
static bool make_room(struct pc_cache *cache) {
    if (cache->entries < cache->bucket_count)
        return true;
    const size_t count = cache->bucket_count ? 2 * cache->bucket_count : FIRST_BUCKETS;
    struct pc_entry **old = cache->buckets, **buckets = calloc(count, sizeof *buckets);
    if (!buckets)
        return old != NULL;
    const size_t old_count = cache->bucket_count;
    cache->buckets = buckets;
    cache->bucket_count = count;
    for (size_t i = 0; i < old_count; i++) {
        for (struct pc_entry *entry = old[i], *next; entry; entry = next) {
            struct pc_entry **bucket = bucket_of(cache, entry->hash);
            next = entry->next;
            entry->next = *bucket;
            *bucket = entry;
        }
    }
    free(old);
    return true;
}

static void leave_table(struct pc_cache *cache, struct pc_entry *entry) {
    struct pc_entry **link = bucket_of(cache, entry->hash);
    while (*link != entry)
        link = &(*link)->next;
    *link = entry->next;
    cache->entries--;
}

static void leave_idle(struct pc_cache *cache, struct pc_entry *entry) {
    *(entry->newer ? &entry->newer->older : &cache->newest) = entry->older;
    *(entry->older ? &entry->older->newer : &cache->oldest) = entry->newer;
    entry->newer = entry->older = NULL;
    cache->idle--;
}

static void enter_idle(struct pc_cache *cache, struct pc_entry *entry) {
    entry->older = cache->newest;
    *(cache->newest ? &cache->newest->newer : &cache->oldest) = entry;
    cache->newest = entry;
    cache->idle++;
}

/* Takes out what is above the limit: a list by `next`, to be freed without the lock. */
static struct pc_entry *take_excess(struct pc_cache *cache) {
    struct pc_entry *excess = NULL;
    while (cache->idle > cache->idle_max) {
        struct pc_entry *entry = cache->oldest;
        leave_idle(cache, entry);
        leave_table(cache, entry);
        cache->evicted++;
        entry->next = excess;
        excess = entry;
    }
    return excess;
}

/* ---- entries ---- */

static struct pc_entry *new_entry(size_t hash, const struct pc_text *key) {
    struct pc_entry *entry = calloc(1, sizeof *entry + key->size);
    if (!entry)
        return NULL;
    for (int kind = 0; kind < PC_KERNEL_COUNT; kind++)
        pthread_mutex_init(&entry->slots[kind].lock, NULL);
    entry->hash = hash;
    entry->key_size = key->size;
    memcpy(entry->key, key->bytes, key->size);
    return entry;
}

static bool has_code(const struct pc_entry *entry) {
    bool has = false;
    for (int kind = 0; kind < PC_KERNEL_COUNT; kind++)
        has |= atomic_load(&entry->slots[kind].code) != NULL;
    return has;
}

static void free_entries(struct pc_entry *entry) {
    for (struct pc_entry *next; entry; entry = next) {
        next = entry->next;
        for (int kind = 0; kind < PC_KERNEL_COUNT; kind++) {
            pc_jit_release(atomic_load(&entry->slots[kind].code));
            pthread_mutex_destroy(&entry->slots[kind].lock);
        }
        free(entry);
    }
}

struct pc_entry *pc_cache_hold(struct pc_cache *cache, const struct pc_layer *layer, struct pc_task *task) {
    pc_text_clear(&task->text);
    pc_layer_print_key(layer, &task->text);
    const size_t hash = hash_of(task->text.bytes, task->text.size);
    pthread_mutex_lock(&cache->lock);
    struct pc_entry *entry = find(cache, hash, &task->text);
    if (entry) {
        if (entry->holders++ == 0)
            leave_idle(cache, entry);
    } else if (make_room(cache) && (entry = new_entry(hash, &task->text))) {
        entry->holders = 1;
        entry->next = *bucket_of(cache, hash);
        *bucket_of(cache, hash) = entry;
        cache->entries++;
    }
    pthread_mutex_unlock(&cache->lock);
    if (!entry)
        longjmp(task->out_of_memory, 1);
    return entry;
}

void pc_cache_drop(struct pc_cache *cache, struct pc_entry *entry) {
    struct pc_entry *excess = NULL;
    pthread_mutex_lock(&cache->lock);
    if (--entry->holders > 0) {
        /* Somebody else needs it. */
    } else if (has_code(entry)) {
        enter_idle(cache, entry);
        excess = take_excess(cache);
    } else { /* made again as fast as found */
        leave_table(cache, entry);
        entry->next = NULL;
        excess = entry;
    }
    pthread_mutex_unlock(&cache->lock);
    free_entries(excess);
}

void pc_cache_limit(struct pc_cache *cache, size_t idle_max) {
    pthread_mutex_lock(&cache->lock);
    cache->idle_max = idle_max;
    struct pc_entry *excess = take_excess(cache);
    pthread_mutex_unlock(&cache->lock);
    free_entries(excess);
}

static void start_jit(struct pc_task *task, void *context) {
    struct pc_cache *cache = context;
    cache->jit = pc_jit_open(&task->diags);
}

bool pc_cache_open(struct pc_cache *cache, struct pc_task *task) {
    pthread_mutex_init(&cache->lock, NULL);
    return pc_task_run(task, start_jit, cache) && cache->jit;
}

void pc_cache_close(struct pc_cache *cache) {
    pc_cache_limit(cache, 0);
    free(cache->buckets);
    pc_jit_close(cache->jit);
    pthread_mutex_destroy(&cache->lock);
}

struct poolc_statistics pc_cache_statistics(struct pc_cache *cache) {
    pthread_mutex_lock(&cache->lock);
    const struct poolc_statistics statistics = {
        .layers = cache->entries,
        .idle = cache->idle,
        .kernels = atomic_load(&cache->compiled),
        .evicted = cache->evicted,
    };
    pthread_mutex_unlock(&cache->lock);
    return statistics;
}

/* ---- code ---- */

struct job {
    struct pc_cache *cache;
    const struct pc_layer *layer;
    enum pc_kernel_kind kind;
    struct pc_jit_code *code;
};

static void compile(struct pc_task *task, void *context) {
    struct job *job = context;
    const struct pc_kernel_options options = {.prefix = "pool", .plan = job->cache->plan};
    const struct pc_kernel *kernel = pc_kernel_build(job->layer, job->kind, &options, &task->scratch, &task->diags);
    if (kernel)
        job->code = pc_jit_compile(job->cache->jit, kernel->ir, &task->diags);
}

struct pc_jit_code *pc_cache_ready(const struct pc_entry *entry, enum pc_kernel_kind kind) {
    return atomic_load(&entry->slots[kind].code);
}

struct pc_jit_code *pc_cache_code(struct pc_cache *cache, struct pc_entry *entry, const struct pc_layer *layer,
                                  enum pc_kernel_kind kind, struct pc_task *task) {
    struct pc_slot *slot = &entry->slots[kind];
    struct job job = {.cache = cache, .layer = layer, .kind = kind};
    pthread_mutex_lock(&slot->lock);
    job.code = atomic_load(&slot->code);
    if (!job.code && pc_task_run(task, compile, &job) && job.code) {
        atomic_fetch_add(&cache->compiled, 1);
        atomic_store(&slot->code, job.code);
    }
    pthread_mutex_unlock(&slot->lock);
    return job.code;
}
