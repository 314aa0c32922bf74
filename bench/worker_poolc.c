/* worker_poolc.c - poolc's kernels.
 *
 * bench.py has them generated and compiled, with a function for each pass behind them that takes its buffers as a struct,
 * and one more for the part of a thread where poolc writes such kernels. Both are found by name. */
#include "worker.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

typedef void whole(const struct bench_buffers *buffers);
typedef void portion(const struct bench_buffers *buffers, int part, int parts);

static struct {
    void *object;
    int threads;
    whole *all;
    portion *part;
    struct bench_buffers buffers;
} poolc;

static const char *open_poolc(int threads) {
    poolc.threads = threads;
    return bench_team_open(threads) ? NULL : "cannot start the threads";
}

static const char *version(void) {
    return "poolc";
}

/* A function's address comes as a data pointer; POSIX lets both have one representation. */
static bool find(const char *layout, enum bench_pass pass, const char *suffix, void *function) {
    static const char *const passes[BENCH_PASS_COUNT] = {"forward", "forward_train", "backward"};
    char name[64];
    snprintf(name, sizeof name, "call_%s_%s%s", layout, passes[pass], suffix);
    void *address = dlsym(poolc.object, name);
    memcpy(function, &address, sizeof address);
    return address != NULL;
}

static void work(const void *argument, int part, int parts) {
    poolc.part(argument, part, parts);
}

static void run(void) {
    if (poolc.threads > 1)
        bench_team_run(work, &poolc.buffers);
    else
        poolc.all(&poolc.buffers);
}

static const char *prepare(const struct bench_layer *layer, enum bench_pass pass, const struct bench_buffers *buffers) {
    const char *layout = layer->channels_last ? "last" : "first";
    if (poolc.object)
        dlclose(poolc.object);
    poolc.object = dlopen(layer->object, RTLD_NOW | RTLD_LOCAL);
    poolc.buffers = *buffers;
    if (!poolc.object)
        return dlerror();
    if (pass == BENCH_BACKWARD && find(layout, BENCH_TRAIN, "", &poolc.all))
        poolc.all(buffers); /* the state */
    if (!find(layout, pass, "", &poolc.all))
        return "there is no such kernel";
    return poolc.threads == 1 || find(layout, pass, "_part", &poolc.part) ? NULL : "its kernels do not come in parts";
}

int main(int argc, char **argv) {
    static const struct bench_adapter adapter = {.open = open_poolc, .version = version, .prepare = prepare, .run = run};
    return bench_worker(&adapter, argc, argv);
}
