/* team.c - the caller's own threads, for kernels that come in parts: see worker.h.
 *
 * A call is a number that grows; the threads wait for it and count themselves off when their part is done. During a sample
 * they spin, for a call takes microseconds; between samples they sleep, so that they disturb nobody else's. */
#include "worker.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

enum { THREADS_MAX = 64, SPINS = 4096 }; /* some 50 us before a thread offers its processor to others */

static struct {
    int threads;
    void (*work)(const void *argument, int part, int parts);
    const void *argument;
    _Atomic uint64_t call; /* the number of the call */
    _Atomic int busy;      /* threads that have not finished it */
    _Atomic bool asleep;
    pthread_mutex_t lock;
    pthread_cond_t wake;
} team = {.threads = 1, .lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER, .asleep = true};

static void sleep_until_woken(void) {
    pthread_mutex_lock(&team.lock);
    while (atomic_load(&team.asleep))
        pthread_cond_wait(&team.wake, &team.lock);
    pthread_mutex_unlock(&team.lock);
}

/* Where somebody else has the processor of a thread that is waited for, the waiting must not last for a time slice. */
static void relax(int *turns) {
    if (++*turns % SPINS == 0)
        sched_yield();
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

static void *member(void *number) {
    const int part = (int)(intptr_t)number;
    int turns = 0;
    for (uint64_t done = 0;;) {
        while (atomic_load_explicit(&team.call, memory_order_acquire) == done)
            if (atomic_load_explicit(&team.asleep, memory_order_relaxed))
                sleep_until_woken();
            else
                relax(&turns);
        done++;
        team.work(team.argument, part, team.threads);
        atomic_fetch_sub_explicit(&team.busy, 1, memory_order_release);
    }
    return NULL;
}

/* A thread that is woken may begin on the processor of the one that woke it, and stay there for milliseconds: each has one
 * of its own, of those that the process may use. */
static void bind_to_processor(pthread_t thread, int number) {
    cpu_set_t all, one;
    if (sched_getaffinity(0, sizeof all, &all) != 0 || CPU_COUNT(&all) <= number)
        return;
    int processor = 0;
    for (int left = number; !CPU_ISSET(processor, &all) || left-- > 0;)
        processor++;
    CPU_ZERO(&one);
    CPU_SET(processor, &one);
    pthread_setaffinity_np(thread, sizeof one, &one);
}

bool bench_team_open(int threads) {
    if (threads < 1 || threads > THREADS_MAX)
        return false;
    team.threads = threads;
    for (int i = 1; i < threads; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, member, (void *)(intptr_t)i) != 0)
            return false;
        bind_to_processor(thread, i);
        pthread_detach(thread);
    }
    if (threads > 1)
        bind_to_processor(pthread_self(), 0);
    return true;
}

void bench_team_run(void (*work)(const void *argument, int part, int parts), const void *argument) {
    if (team.threads > 1) {
        if (atomic_load_explicit(&team.asleep, memory_order_relaxed)) {
            pthread_mutex_lock(&team.lock);
            atomic_store(&team.asleep, false);
            pthread_cond_broadcast(&team.wake);
            pthread_mutex_unlock(&team.lock);
        }
        team.work = work;
        team.argument = argument;
        atomic_store_explicit(&team.busy, team.threads - 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&team.call, 1, memory_order_release);
    }
    work(argument, 0, team.threads);
    int turns = 0;
    while (atomic_load_explicit(&team.busy, memory_order_acquire) > 0)
        relax(&turns);
}

void bench_team_rest(void) {
    atomic_store(&team.asleep, true);
}
