/* worker_onednn.c - oneDNN through its C API, version 3: the primitive, its memory and its workspace are made once.
 *
 * The layer's own layout goes in and out, as everyone's does: nchw or nhwc. */
#include "worker.h"

#include <dnnl.h>
#include <dnnl_version.h>
#include <stdio.h>
#include <stdlib.h>

enum { MEMORIES = 3 };

static struct {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_primitive_t primitive;
    dnnl_memory_desc_t x_shape, y_shape;
    dnnl_memory_t x, y, dy, dx, workspace;
    dnnl_exec_arg_t arguments[MEMORIES];
    int count;
    const char *error;
} dnnl;

/* Keeps the first error. */
static bool good(dnnl_status_t status, const char *what) {
    if (status != dnnl_success && !dnnl.error)
        dnnl.error = what;
    return status == dnnl_success;
}

/* OMP_NUM_THREADS, which bench.py sets, and the processors that the process may run on decide how many threads there are. */
static const char *open_onednn(int threads) {
    (void)threads;
    if (good(dnnl_engine_create(&dnnl.engine, dnnl_cpu, 0), "there is no CPU engine"))
        good(dnnl_stream_create(&dnnl.stream, dnnl.engine, dnnl_stream_default_flags), "no stream");
    return dnnl.error;
}

static const char *version(void) {
    static char text[64];
    const dnnl_version_t *v = dnnl_version();
    const char *runtime = v->cpu_runtime == DNNL_RUNTIME_OMP    ? "OpenMP"
                          : v->cpu_runtime == DNNL_RUNTIME_TBB  ? "TBB"
                          : v->cpu_runtime == DNNL_RUNTIME_SYCL ? "SYCL"
                                                                : "other threads";
    snprintf(text, sizeof text, "oneDNN %d.%d.%d (%s)", v->major, v->minor, v->patch, runtime);
    return text;
}

/* ---- shapes ---- */

static dnnl_memory_desc_t shape_of(const struct bench_layer *layer, const int64_t *sizes) {
    static const dnnl_format_tag_t tags[2][BENCH_AXES] = {{dnnl_ncw, dnnl_nchw, dnnl_ncdhw},
                                                          {dnnl_nwc, dnnl_nhwc, dnnl_ndhwc}};
    dnnl_dims_t dims = {layer->batch, layer->channels};
    dnnl_memory_desc_t shape = NULL;
    for (int a = 0; a < layer->rank; a++)
        dims[2 + a] = sizes[BENCH_AXES - layer->rank + a];
    good(dnnl_memory_desc_create_with_tag(&shape, 2 + layer->rank, dims, dnnl_f32,
                                          tags[layer->channels_last][layer->rank - 1]),
         "no memory descriptor");
    return shape;
}

static dnnl_memory_t memory_of(const_dnnl_memory_desc_t shape, void *data) {
    dnnl_memory_t memory = NULL;
    good(dnnl_memory_create(&memory, shape, dnnl.engine, data), "no memory");
    return memory;
}

/* ---- primitives ---- */

struct windows {
    dnnl_dims_t kernel, stride, dilation, pad, pad_end;
    dnnl_alg_kind_t algorithm;
};

static struct windows windows_of(const struct bench_layer *layer) {
    struct windows w = {.algorithm = !layer->average    ? dnnl_pooling_max
                                     : layer->count_pad ? dnnl_pooling_avg_include_padding
                                                        : dnnl_pooling_avg_exclude_padding};
    for (int a = 0; a < layer->rank; a++) {
        const int from = BENCH_AXES - layer->rank + a;
        w.kernel[a] = layer->kernel[from];
        w.stride[a] = layer->stride[from];
        w.dilation[a] = layer->dilation[from] - 1;
        w.pad[a] = layer->pad[from];
        w.pad_end[a] = layer->pad_end[from] > 0 ? layer->pad_end[from] : 0;
    }
    return w;
}

static dnnl_primitive_desc_t forward_desc(const struct windows *w, bool training) {
    dnnl_primitive_desc_t desc = NULL;
    good(dnnl_pooling_forward_primitive_desc_create(
             &desc, dnnl.engine, training ? dnnl_forward_training : dnnl_forward_inference, w->algorithm, dnnl.x_shape,
             dnnl.y_shape, w->stride, w->kernel, w->dilation, w->pad, w->pad_end, NULL),
         "has no such forward primitive");
    return desc;
}

static dnnl_primitive_desc_t backward_desc(const struct windows *w, const_dnnl_primitive_desc_t forward) {
    dnnl_primitive_desc_t desc = NULL;
    good(dnnl_pooling_backward_primitive_desc_create(&desc, dnnl.engine, w->algorithm, dnnl.x_shape, dnnl.y_shape, w->stride,
                                                     w->kernel, w->dilation, w->pad, w->pad_end, forward, NULL),
         "has no such backward primitive");
    return desc;
}

static void argument(int kind, dnnl_memory_t memory) {
    if (memory)
        dnnl.arguments[dnnl.count++] = (dnnl_exec_arg_t){kind, memory};
}

static void release(void) {
    dnnl_memory_t *const memories[] = {&dnnl.x, &dnnl.y, &dnnl.dy, &dnnl.dx, &dnnl.workspace};
    for (size_t i = 0; i < sizeof memories / sizeof *memories; i++) {
        dnnl_memory_destroy(*memories[i]);
        *memories[i] = NULL;
    }
    dnnl_primitive_destroy(dnnl.primitive);
    dnnl_memory_desc_destroy(dnnl.x_shape);
    dnnl_memory_desc_destroy(dnnl.y_shape);
    dnnl.primitive = NULL;
    dnnl.x_shape = dnnl.y_shape = NULL;
    dnnl.count = 0;
    dnnl.error = NULL;
}

static void make_forward(dnnl_primitive_desc_t desc, bool training) {
    if (training) {
        const_dnnl_memory_desc_t shape = dnnl_primitive_desc_query_md(desc, dnnl_query_workspace_md, 0);
        if (shape && dnnl_memory_desc_get_size(shape) > 0)
            dnnl.workspace = memory_of(shape, DNNL_MEMORY_ALLOCATE);
    }
    good(dnnl_primitive_create(&dnnl.primitive, desc), "cannot make the forward primitive");
    dnnl.count = 0;
    argument(DNNL_ARG_SRC, dnnl.x);
    argument(DNNL_ARG_DST, dnnl.y);
    argument(DNNL_ARG_WORKSPACE, dnnl.workspace);
}

static void make_backward(dnnl_primitive_desc_t desc) {
    dnnl_primitive_destroy(dnnl.primitive);
    dnnl.primitive = NULL;
    good(dnnl_primitive_create(&dnnl.primitive, desc), "cannot make the backward primitive");
    dnnl.count = 0;
    argument(DNNL_ARG_DIFF_DST, dnnl.dy);
    argument(DNNL_ARG_DIFF_SRC, dnnl.dx);
    argument(DNNL_ARG_WORKSPACE, dnnl.workspace);
}

static void run(void) {
    dnnl_primitive_execute(dnnl.primitive, dnnl.stream, dnnl.count, dnnl.arguments);
    dnnl_stream_wait(dnnl.stream);
}

static const char *prepare(const struct bench_layer *layer, enum bench_pass pass, const struct bench_buffers *buffers) {
    release();
    const struct windows w = windows_of(layer);
    dnnl_primitive_desc_t forward = NULL, backward = NULL;
    dnnl.x_shape = shape_of(layer, layer->in);
    dnnl.y_shape = shape_of(layer, layer->out);
    if (!dnnl.error) {
        dnnl.x = memory_of(dnnl.x_shape, buffers->x);
        dnnl.y = memory_of(dnnl.y_shape, buffers->y);
        dnnl.dy = memory_of(dnnl.y_shape, buffers->dy);
        dnnl.dx = memory_of(dnnl.x_shape, buffers->dx);
        forward = forward_desc(&w, pass != BENCH_FORWARD);
    }
    if (!dnnl.error)
        make_forward(forward, pass != BENCH_FORWARD);
    if (!dnnl.error && pass == BENCH_BACKWARD) {
        run(); /* the workspace */
        backward = backward_desc(&w, forward);
        if (!dnnl.error)
            make_backward(backward);
    }
    dnnl_primitive_desc_destroy(forward);
    dnnl_primitive_desc_destroy(backward);
    return dnnl.error;
}

/* One element, copied. */
static const char *prepare_empty(void) {
    static float from[1], to[1];
    const struct bench_layer one = {.rank = 2,
                                    .batch = 1,
                                    .channels = 1,
                                    .in = {1, 1, 1},
                                    .out = {1, 1, 1},
                                    .kernel = {1, 1, 1},
                                    .stride = {1, 1, 1},
                                    .dilation = {1, 1, 1}};
    const struct bench_buffers buffers = {.x = from, .y = to, .dy = to, .dx = from};
    return prepare(&one, BENCH_FORWARD, &buffers);
}

int main(int argc, char **argv) {
    static const struct bench_adapter adapter = {
        .open = open_onednn, .version = version, .prepare = prepare, .run = run, .prepare_empty = prepare_empty};
    return bench_worker(&adapter, argc, argv);
}
