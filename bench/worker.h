/* worker.h - one library under measurement, in a process of its own.
 *
 * bench.py starts a worker for each library and number of threads. All map the same file: input, results and gradients of
 * the layer lie there, so that everyone reads and writes the same pages. A worker takes commands from standard input, one to
 * a line, and answers each with one line (note [commands] in worker.c). What a library needs to be told about a layer is
 * done by prepare(), outside of any time that is taken; run() is one call.
 *
 * A library is an adapter, and bench_worker() is the whole of its main(). */
#ifndef BENCH_WORKER_H
#define BENCH_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum bench_pass { BENCH_FORWARD, BENCH_TRAIN, BENCH_BACKWARD, BENCH_PASS_COUNT };

enum { BENCH_AXES = 3 };

/* A maximum or an average of f32. Axes outermost first; those that a layer lacks come first and are 1 wide. pad_end is what
 * makes the sizes come out, not what was asked for: negative where the last positions are in no window. */
struct bench_layer {
    bool average, count_pad, channels_last;
    int rank;
    int64_t batch, channels;
    int64_t in[BENCH_AXES], out[BENCH_AXES], kernel[BENCH_AXES], stride[BENCH_AXES], dilation[BENCH_AXES];
    int64_t pad[BENCH_AXES], pad_end[BENCH_AXES];
    int64_t state_bytes; /* of one element of the state of poolc's kernels */
    const char *object;  /* the shared object of poolc's kernels */
};

/* x, y, state, dy and dx lie in this order and are aligned for any vector. */
struct bench_buffers {
    float *x, *y, *dy, *dx;
    void *state;
    float *want_y, *want_dx; /* what poolc computed */
    int64_t x_count, y_count;
};

struct bench_adapter {
    /* Once; NULL, or why the library cannot be used. */
    const char *(*open)(int threads);
    /* Name and version, of what was really loaded. */
    const char *(*version)(void);
    /* Makes run() the given pass of the layer: NULL, or why the library cannot. For the backward pass it has also computed
     * the forward pass with all that the gradient needs. What an earlier prepare() made is released. */
    const char *(*prepare)(const struct bench_layer *layer, enum bench_pass pass, const struct bench_buffers *buffers);
    void (*run)(void);
    /* Makes run() the cheapest call that goes the same way; NULL where a call costs nothing but itself. Released by
     * prepare(). */
    const char *(*prepare_empty)(void);
};

int bench_worker(const struct bench_adapter *adapter, int argc, char **argv);

/* ---- for adapters ---- */

/* The windows cover the whole input, once: a global pool. */
bool bench_is_global(const struct bench_layer *layer);

/* Calls work(argument, part, parts) for every part on as many threads, this one among them, and waits for all. Between two
 * calls in a row the others spin; bench_team_rest() puts them to sleep. */
bool bench_team_open(int threads);
void bench_team_run(void (*work)(const void *argument, int part, int parts), const void *argument);
void bench_team_rest(void);

#ifdef __cplusplus
}
#endif

#endif
