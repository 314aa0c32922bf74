/* worker_openvino.c - OpenVINO through its C API: a model of one node, compiled for the processor, on the shared buffers.
 *
 * The model is written as the text of its intermediate representation. OpenVINO's pools are channels first and have no
 * gradients; for training there is the operator that also gives indices. */
#include "worker.h"

#include <openvino/c/openvino.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT = 16384 };

static struct {
    ov_core_t *core;
    ov_model_t *model;
    ov_compiled_model_t *compiled;
    ov_infer_request_t *request;
    ov_tensor_t *x, *y, *indices;
    int64_t *index_memory;
    char threads[16];
    const char *error;
} vino;

static bool good(ov_status_e status, const char *what) {
    if (status != OK && !vino.error)
        vino.error = what;
    return status == OK;
}

static const char *open_openvino(int threads) {
    snprintf(vino.threads, sizeof vino.threads, "%d", threads);
    good(ov_core_create(&vino.core), "cannot start OpenVINO");
    return vino.error;
}

static const char *version(void) {
    static char text[128];
    ov_version_t v;
    if (ov_get_openvino_version(&v) != OK)
        return "OpenVINO";
    snprintf(text, sizeof text, "OpenVINO %.*s", (int)strcspn(v.buildNumber, "-"), v.buildNumber);
    ov_version_free(&v);
    return text;
}

/* ---- the model ---- */

struct model {
    char text[TEXT];
    size_t size;
};

static void add(struct model *m, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(struct model *m, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const int size = vsnprintf(m->text + m->size, TEXT - m->size, format, arguments);
    va_end(arguments);
    m->size += (size_t)size < TEXT - m->size ? (size_t)size : TEXT - m->size - 1;
}

static void add_port(struct model *m, int id, const char *type, const struct bench_layer *layer, const int64_t *sizes) {
    add(m, "<port id=\"%d\" precision=\"%s\"><dim>%lld</dim><dim>%lld</dim>", id, type, (long long)layer->batch,
        (long long)layer->channels);
    for (int a = BENCH_AXES - layer->rank; a < BENCH_AXES; a++)
        add(m, "<dim>%lld</dim>", (long long)sizes[a]);
    add(m, "</port>");
}

static void add_list(struct model *m, const char *name, const struct bench_layer *layer, const int64_t *values) {
    add(m, " %s=\"", name);
    for (int a = BENCH_AXES - layer->rank; a < BENCH_AXES; a++)
        add(m, "%s%lld", a > BENCH_AXES - layer->rank ? "," : "", (long long)(values[a] > 0 ? values[a] : 0));
    add(m, "\"");
}

static void add_result(struct model *m, int id, const char *name, const char *type, const struct bench_layer *layer) {
    add(m, "<layer id=\"%d\" name=\"%s\" type=\"Result\" version=\"opset1\"><input>", id, name);
    add_port(m, 0, type, layer, layer->out);
    add(m, "</input></layer>");
}

/* Of one pool; with indices for training. */
static void write_model(struct model *m, const struct bench_layer *layer, bool training) {
    const char *operator= layer->average ? "AvgPool\" version=\"opset1"
    : training                           ? "MaxPool\" version=\"opset8"
                                         : "MaxPool\" version=\"opset1";
    add(m, "<?xml version=\"1.0\"?><net name=\"pool\" version=\"11\"><layers><layer id=\"0\" name=\"x\" type=\"Parameter\" "
           "version=\"opset1\"><data");
    add(m, " shape=\"%lld,%lld", (long long)layer->batch, (long long)layer->channels);
    for (int a = BENCH_AXES - layer->rank; a < BENCH_AXES; a++)
        add(m, ",%lld", (long long)layer->in[a]);
    add(m, "\" element_type=\"f32\"/><output>");
    add_port(m, 0, "FP32", layer, layer->in);
    add(m, "</output></layer><layer id=\"1\" name=\"pool\" type=\"%s\"><data", operator);
    add_list(m, "kernel", layer, layer->kernel);
    add_list(m, "strides", layer, layer->stride);
    add_list(m, "pads_begin", layer, layer->pad);
    add_list(m, "pads_end", layer, layer->pad_end);
    if (layer->average)
        add(m, " exclude-pad=\"%s\"", layer->count_pad ? "false" : "true");
    if (!layer->average && training) {
        add_list(m, "dilations", layer, layer->dilation);
        add(m, " index_element_type=\"i64\" axis=\"0\"");
    }
    add(m, " rounding_type=\"floor\" auto_pad=\"explicit\"/><input>");
    add_port(m, 0, "FP32", layer, layer->in);
    add(m, "</input><output>");
    add_port(m, 1, "FP32", layer, layer->out);
    if (training)
        add_port(m, 2, "I64", layer, layer->out);
    add(m, "</output></layer>");
    add_result(m, 2, "y", "FP32", layer);
    if (training)
        add_result(m, 3, "indices", "I64", layer);
    add(m,
        "</layers><edges><edge from-layer=\"0\" from-port=\"0\" to-layer=\"1\" to-port=\"0\"/>"
        "<edge from-layer=\"1\" from-port=\"1\" to-layer=\"2\" to-port=\"0\"/>%s</edges></net>",
        training ? "<edge from-layer=\"1\" from-port=\"2\" to-layer=\"3\" to-port=\"0\"/>" : "");
}

/* ---- the request ---- */

static ov_tensor_t *tensor_of(const struct bench_layer *layer, const int64_t *sizes, ov_element_type_e type, void *data) {
    int64_t dims[2 + BENCH_AXES] = {layer->batch, layer->channels};
    ov_shape_t shape = {0};
    ov_tensor_t *tensor = NULL;
    for (int a = 0; a < layer->rank; a++)
        dims[2 + a] = sizes[BENCH_AXES - layer->rank + a];
    if (good(ov_shape_create(2 + layer->rank, dims, &shape), "no shape")) {
        good(ov_tensor_create_from_host_ptr(type, shape, data, &tensor), "no tensor");
        ov_shape_free(&shape);
    }
    return tensor;
}

static void release(void) {
    ov_tensor_free(vino.x);
    ov_tensor_free(vino.y);
    ov_tensor_free(vino.indices);
    ov_infer_request_free(vino.request);
    ov_compiled_model_free(vino.compiled);
    ov_model_free(vino.model);
    free(vino.index_memory);
    vino.x = vino.y = vino.indices = NULL;
    vino.request = NULL;
    vino.compiled = NULL;
    vino.model = NULL;
    vino.index_memory = NULL;
    vino.error = NULL;
}

static void run(void) {
    ov_infer_request_infer(vino.request);
}

/* Each step only where those before went well: good() keeps the first error. */
static const char *prepare(const struct bench_layer *layer, enum bench_pass pass, const struct bench_buffers *buffers) {
    static struct model m;
    const bool training = pass == BENCH_TRAIN;
    release();
    if (pass == BENCH_BACKWARD)
        return "has no gradients";
    if (layer->channels_last)
        return "is channels first";
    m.size = 0;
    write_model(&m, layer, training);
    if (!good(ov_core_read_model_from_memory_buffer(vino.core, m.text, m.size, NULL, &vino.model), "refuses the model") ||
        !good(ov_core_compile_model(vino.core, vino.model, "CPU", 6, &vino.compiled, ov_property_key_num_streams, "1",
                                    ov_property_key_inference_num_threads, vino.threads,
                                    ov_property_key_hint_inference_precision, "f32"),
              "cannot compile the model") ||
        !good(ov_compiled_model_create_infer_request(vino.compiled, &vino.request), "gives no request"))
        return vino.error;
    vino.x = tensor_of(layer, layer->in, F32, buffers->x);
    vino.y = tensor_of(layer, layer->out, F32, buffers->y);
    if (training) {
        vino.index_memory = malloc((size_t)buffers->y_count * sizeof *vino.index_memory);
        vino.indices = tensor_of(layer, layer->out, I64, vino.index_memory);
    }
    if (!vino.error) {
        good(ov_infer_request_set_input_tensor_by_index(vino.request, 0, vino.x), "takes no input");
        good(ov_infer_request_set_output_tensor_by_index(vino.request, 0, vino.y), "takes no output");
        if (training)
            good(ov_infer_request_set_output_tensor_by_index(vino.request, 1, vino.indices), "takes no indices");
    }
    if (!vino.error)
        good(ov_infer_request_infer(vino.request), "cannot compute the model");
    return vino.error;
}

/* A window of one element. */
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
    const struct bench_buffers buffers = {.x = from, .y = to, .x_count = 1, .y_count = 1};
    return prepare(&one, BENCH_FORWARD, &buffers);
}

int main(int argc, char **argv) {
    static const struct bench_adapter adapter = {
        .open = open_openvino, .version = version, .prepare = prepare, .run = run, .prepare_empty = prepare_empty};
    return bench_worker(&adapter, argc, argv);
}
