/* frameworks.c - the numbers of other frameworks (tests/frameworks) against the reference, the interpreter, C and the JIT.
 *
 *     frameworks FOLDER
 *
 * FOLDER holds manifest.csv and cases/.  All cases become one module, so C is compiled once.  A case of class `bits` has one
 * right answer; in one of class `sum` the order of additions is the framework's, and numbers are compared within the bound
 * of README.md: rounding errors in proportion to the sum of the absolute terms, which the reference computes from absolute
 * values. */
#include "subject.h"

#include "front/diag.h"
#include "front/parse.h"
#include "pool/npy.h"
#include "pool/reference.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Roundings beside those of the sum, of both sides: divisions; for Lp two calls of pow and what they amplify. */
enum { EXTRA_ROUNDINGS = 32, PATH_LENGTH = 4096 };

struct test_case {
    const char *name;
    bool bits; /* class */
};

struct suite {
    const char *folder;
    struct pc_arena arena;
    struct pc_diags diags;
    struct pc_module module; /* layer i is of case i */
    struct test_case *cases;
    size_t count, capacity, layer_capacity;
    int failures, compared;
};

static void fail(struct suite *suite, const struct test_case *test, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void fail(struct suite *suite, const struct test_case *test, const char *format, ...) {
    va_list args;
    va_start(args, format);
    printf("%s: ", test ? test->name : suite->folder);
    vprintf(format, args);
    printf("\n");
    va_end(args);
    suite->failures++;
}

/* ---- loading ---- */

static bool load_layer(struct suite *suite, const struct test_case *test) {
    const char *path = pc_arena_printf(&suite->arena, "%s/cases/%s.pool", suite->folder, test->name), *problem = NULL;
    const struct pc_source *source = pc_source_read(path, &suite->arena, &problem);
    if (!source) {
        fail(suite, test, "%s", problem);
        return false;
    }
    const struct pc_module *module =
        pc_layers_build(pc_parse(source, &suite->arena, &suite->diags), source, &suite->arena, &suite->diags);
    if (pc_diags_error_count(&suite->diags) > 0 || module->count != 1 || strcmp(module->layers[0].name, test->name) != 0) {
        struct pc_text text = {0};
        pc_diags_render(&suite->diags, source, &text);
        fail(suite, test, "not one pool of this name\n%s", pc_text_string(&text));
        pc_text_release(&text);
        return false;
    }
    PC_GROW(&suite->arena, suite->module.layers, suite->module.count, suite->layer_capacity);
    suite->module.layers[suite->module.count++] = module->layers[0];
    return true;
}

/* "case,framework,version,operator,tolerance"; the operator may hold commas, the first and the last column do not. */
static bool load_cases(struct suite *suite) {
    char line[1024];
    FILE *file = fopen(pc_arena_printf(&suite->arena, "%s/manifest.csv", suite->folder), "r");
    if (!file || !fgets(line, sizeof line, file) || strncmp(line, "case,", 5) != 0) {
        fail(suite, NULL, "no manifest.csv with its heading");
        if (file)
            fclose(file);
        return false;
    }
    bool good = true;
    while (good && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\r\n")] = '\0';
        const char *class = strrchr(line, ',');
        PC_GROW(&suite->arena, suite->cases, suite->count, suite->capacity);
        struct test_case *test = &suite->cases[suite->count++];
        test->name = pc_arena_strndup(&suite->arena, line, strcspn(line, ","));
        test->bits = class && strcmp(class, ",bits") == 0;
        if (!class || (!test->bits && strcmp(class, ",sum") != 0)) {
            fail(suite, test, "a line of manifest.csv without a class");
            good = false;
        }
        good = good && load_layer(suite, test);
    }
    fclose(file);
    return good;
}

/* The tensor of a case; false where the file does not exist. A file that is there must be right. */
static bool load_tensor(struct suite *suite, const struct test_case *test, const char *tensor, enum pool_npy_type type,
                        int64_t count, struct pool_npy *npy) {
    char path[PATH_LENGTH], message[PATH_LENGTH];
    snprintf(path, sizeof path, "%s/cases/%s.%s.npy", suite->folder, test->name, tensor);
    FILE *file = fopen(path, "rb");
    *npy = (struct pool_npy){0};
    if (!file)
        return false;
    fclose(file);
    if (!pool_npy_read(path, npy, message, sizeof message)) {
        fail(suite, test, "%s", message);
        return false;
    }
    if (npy->type == type && npy->count == count)
        return true;
    fail(suite, test, "%s has another type or shape", tensor);
    pool_npy_release(npy);
    return false;
}

/* ---- comparing ---- */

static double real_at(const struct pool_desc *desc, const void *memory, int64_t at) {
    return desc->dtype == POOL_F64 ? ((const double *)memory)[at] : (double)((const float *)memory)[at];
}

static void *absolutes(const struct pool_desc *desc, const void *memory, int64_t count) {
    const size_t size = pool_dtype_size(desc->dtype);
    void *copy = calloc((size_t)count, size);
    if (!copy)
        abort();
    for (int64_t i = 0; i < count; i++) {
        if (desc->dtype == POOL_F64)
            ((double *)copy)[i] = fabs(((const double *)memory)[i]);
        else
            ((float *)copy)[i] = fabsf(((const float *)memory)[i]);
    }
    return copy;
}

/* The sums of the absolute terms of y (dy NULL) or of dx. */
static void *magnitudes(const struct pc_layer *layer, const void *x, const void *dy) {
    const struct pool_desc *desc = &layer->desc;
    const int64_t count = dy ? layer->x_count : layer->y_count;
    void *result = calloc((size_t)count, pool_dtype_size(desc->dtype)), *a = absolutes(desc, x, layer->x_count);
    void *b = dy ? absolutes(desc, dy, layer->y_count) : NULL;
    const enum pool_status status =
        dy ? pool_reference_backward(desc, a, b, result) : pool_reference_forward(desc, a, result, NULL);
    if (!result || status != POOL_OK)
        abort();
    free(a);
    free(b);
    return result;
}

static bool close_enough(double expected, double actual, double bound) {
    if (isnan(expected) || isinf(expected))
        return isnan(expected) ? isnan(actual) : expected == actual;
    return fabs(expected - actual) <= bound;
}

static void compare_reals(struct suite *suite, size_t number, const char *who, const char *tensor, const void *expected,
                          const void *actual, const void *sizes, int64_t count) {
    const struct test_case *test = &suite->cases[number];
    const struct pc_layer *layer = &suite->module.layers[number];
    const double taps = (double)(layer->axis[0].kernel * layer->axis[1].kernel * layer->axis[2].kernel);
    const double epsilon = layer->desc.dtype == POOL_F64 ? DBL_EPSILON : (double)FLT_EPSILON;
    for (int64_t i = 0; i < count; i++) {
        const double e = real_at(&layer->desc, expected, i), a = real_at(&layer->desc, actual, i);
        const double bound = test->bits ? 0 : (taps + EXTRA_ROUNDINGS) * epsilon * fabs(real_at(&layer->desc, sizes, i));
        const bool same_sign = !test->bits || signbit(e) == signbit(a) || isnan(e);
        if (!close_enough(e, a, bound) || !same_sign) {
            fail(suite, test, "%s: %s[%lld] is %.17g, not %.17g (within %g)", who, tensor, (long long)i, a, e, bound);
            return;
        }
    }
    suite->compared++;
}

static void compare_indices(struct suite *suite, size_t number, const char *who, const int64_t *expected,
                            const void *actual) {
    const struct pc_layer *layer = &suite->module.layers[number];
    for (int64_t i = 0; i < layer->y_count; i++) {
        const int64_t a = pc_index_element(layer) == IR_I64 ? ((const int64_t *)actual)[i] : ((const int32_t *)actual)[i];
        if (a != expected[i]) {
            fail(suite, &suite->cases[number], "%s: indices[%lld] is %lld, not %lld", who, (long long)i, (long long)a,
                 (long long)expected[i]);
            return;
        }
    }
    suite->compared++;
}

/* ---- running ---- */

struct numbers {
    struct pool_npy x, y, indices, dy, dx;
    void *y_sizes, *dx_sizes;
};

static bool load_numbers(struct suite *suite, size_t number, struct numbers *n) {
    const struct test_case *test = &suite->cases[number];
    const struct pc_layer *layer = &suite->module.layers[number];
    const enum pool_npy_type real = layer->desc.dtype == POOL_F64 ? POOL_NPY_F8 : POOL_NPY_F4;
    const bool has_indices = layer->desc.indices != POOL_INDICES_NONE;
    *n = (struct numbers){0};
    const bool good = load_tensor(suite, test, "x", real, layer->x_count, &n->x) &&
                      load_tensor(suite, test, "y", real, layer->y_count, &n->y) &&
                      has_indices == load_tensor(suite, test, "indices", POOL_NPY_I8, layer->y_count, &n->indices) &&
                      load_tensor(suite, test, "dy", real, layer->y_count, &n->dy) ==
                          load_tensor(suite, test, "dx", real, layer->x_count, &n->dx);
    if (!good) {
        fail(suite, test, "a tensor is missing, or one too many");
        return false;
    }
    n->y_sizes = magnitudes(layer, n->x.data, NULL);
    n->dx_sizes = n->dy.data ? magnitudes(layer, n->x.data, n->dy.data) : NULL;
    return true;
}

static void release_numbers(struct numbers *n) {
    pool_npy_release(&n->x);
    pool_npy_release(&n->y);
    pool_npy_release(&n->indices);
    pool_npy_release(&n->dy);
    pool_npy_release(&n->dx);
    free(n->y_sizes);
    free(n->dx_sizes);
}

static bool run_kernels(struct suite *suite, size_t number, struct pc_runner *runner, const struct numbers *n,
                        struct tensors *t) {
    const struct pc_layer *layer = &suite->module.layers[number];
    memcpy(t->buffer[PC_TENSOR_X].data, n->x.data, t->bytes[PC_TENSOR_X]);
    tensors_clear_outputs(t, 0x5A);
    for (int kind = 0; kind < PC_KERNEL_COUNT; kind++) {
        const struct pc_tensors view = tensors_between(t, t, (enum pc_kernel_kind)kind);
        if (!pc_layer_has_kernel(layer, (enum pc_kernel_kind)kind) || (kind == PC_KERNEL_BACKWARD && !n->dy.data))
            continue;
        if (kind == PC_KERNEL_BACKWARD)
            memcpy(t->buffer[PC_TENSOR_DY].data, n->dy.data, t->bytes[PC_TENSOR_DY]);
        if (!pc_runner_run(runner, number, (enum pc_kernel_kind)kind, &view, &suite->diags))
            return false;
    }
    return true;
}

static void run_case(struct suite *suite, size_t number, const char *who, struct pc_runner *runner,
                     const struct numbers *n) {
    const struct pc_layer *layer = &suite->module.layers[number];
    struct tensors t;
    if (!tensors_open(&t, layer, number % 2 ? PC_FLUSH_BEGIN : PC_FLUSH_END))
        abort();
    if (run_kernels(suite, number, runner, n, &t)) {
        compare_reals(suite, number, who, "y", n->y.data, t.buffer[PC_TENSOR_Y].data, n->y_sizes, layer->y_count);
        if (n->indices.data)
            compare_indices(suite, number, who, n->indices.data, t.buffer[PC_TENSOR_INDICES].data);
        if (n->dx.data)
            compare_reals(suite, number, who, "dx", n->dx.data, t.buffer[PC_TENSOR_DX].data, n->dx_sizes, layer->x_count);
    } else {
        fail(suite, &suite->cases[number], "%s: a kernel does not run", who);
    }
    tensors_close(&t);
}

static bool run_backend(struct suite *suite, enum pc_backend backend, const char *who, struct pc_plan_options plan) {
    static const char *const flags[] = {"-std=c99", "-O1", NULL};
    const struct pc_runner_options options = {.plan = plan, .flags = flags};
    struct pc_runner *runner = pc_runner_open(backend, &suite->module, &options, &suite->diags);
    if (!runner) {
        struct pc_text text = {0};
        pc_diags_render(&suite->diags, NULL, &text);
        fail(suite, NULL, "%s: %s", who, pc_text_string(&text));
        pc_text_release(&text);
        return false;
    }
    for (size_t i = 0; i < suite->count; i++) {
        struct numbers n;
        if (load_numbers(suite, i, &n))
            run_case(suite, i, who, runner, &n);
        release_numbers(&n);
    }
    pc_runner_close(runner);
    return true;
}

int main(int argc, char **argv) {
    enum { CASES_MIN = 100 }; /* README.md has the number; far fewer would mean that the manifest was cut */
    if (argc != 2) {
        fprintf(stderr, "usage: frameworks FOLDER\n");
        return 2;
    }
    struct suite suite = {.folder = argv[1], .module = {.name = "frameworks"}};
    const struct pc_plan_options straight = {0}, loops = {.unroll_budget = 1}, small = {.unroll_budget = 1, .loop_budget = 1, .whole_budget = 1};
    pc_diags_init(&suite.diags, &suite.arena);
    if (load_cases(&suite)) {
        run_backend(&suite, PC_BACKEND_REF, "reference", straight);
        run_backend(&suite, PC_BACKEND_EVAL, "interpreter, straight lines", straight);
        run_backend(&suite, PC_BACKEND_EVAL, "interpreter, loops", loops);
        run_backend(&suite, PC_BACKEND_EVAL, "interpreter, as little code as possible", small);
        run_backend(&suite, PC_BACKEND_CC, "C", loops);
        if (pc_backend_is_there(PC_BACKEND_JIT)) {
            run_backend(&suite, PC_BACKEND_JIT, "JIT, straight lines", straight);
            run_backend(&suite, PC_BACKEND_JIT, "JIT, loops", loops);
        }
    }
    if (suite.count < CASES_MIN)
        fail(&suite, NULL, "only %zu cases", suite.count);
    printf("%zu cases, %d tensors as expected, %d failures\n", suite.count, suite.compared, suite.failures);
    pc_arena_release(&suite.arena);
    return suite.failures > 0;
}
