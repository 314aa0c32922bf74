/* test_compiler.c - libpoolc as its users see it: what compiles, what is reported, what is shared, what may be released
 * when. */
#include "pool/compare.h"
#include "pool/compiler.h"
#include "pool/random.h"
#include "pool/reference.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const struct pool_desc halve = {
    .mode = POOL_MAX,
    .rank = 1,
    .batch = 1,
    .channels = 1,
    .in = {4},
    .kernel = {2},
    .stride = {2},
    .dilation = {1},
};

static struct poolc *open_compiler(size_t idle_layers) {
    const struct poolc_options options = {.size = sizeof options, .idle_layers = idle_layers};
    struct poolc_problems *problems;
    struct poolc *poolc = poolc_open(&options, &problems);
    cr_assert(poolc && !problems);
    return poolc;
}

/* A spec without a problem. */
static struct poolc_module *compile(struct poolc *poolc, const char *text) {
    struct poolc_problems *problems;
    struct poolc_module *module = poolc_compile_text(poolc, "t.pool", text, strlen(text), &problems);
    cr_assert(module && !problems, "%s", problems ? poolc_problems_render(problems) : "");
    return module;
}

static const struct poolc_kernel *kernel_of(const struct poolc_module *module, size_t layer, enum poolc_kernel_kind kind) {
    const struct poolc_kernel *kernel = poolc_layer_kernel(poolc_layer_at(module, layer), kind);
    cr_assert_not_null(kernel);
    return kernel;
}

static poolc_function *forward_of(const struct poolc_module *module) {
    struct poolc_problems *problems;
    poolc_function *function = poolc_kernel_function(kernel_of(module, 0, POOLC_FORWARD), &problems);
    cr_assert(function && !problems);
    return function;
}

/* ---- what compiles ---- */

Test(compiler, text_to_numbers) {
    struct poolc *poolc = open_compiler(8);
    struct poolc_module *module = compile(poolc, "pool a { mode max; shape 4; kernel 2; indices plane }\n"
                                                 "pool b { mode avg; shape 4; kernel 2; passes forward; dtype f64 }\n");
    cr_assert_eq(poolc_layer_count(module), 2);
    cr_assert_str_eq(poolc_layer_name(poolc_layer_at(module, 1)), "b");
    cr_assert_eq(poolc_layer_named(module, "b"), poolc_layer_at(module, 1));
    cr_assert_null(poolc_layer_named(module, "c"));
    cr_assert_null(poolc_layer_at(module, 2));
    cr_assert_eq(poolc_layer_desc(poolc_layer_at(module, 1))->dtype, POOL_F64);

    float x[4] = {1, 3, 5, 2}, y[2], dy[2] = {10, 20}, dx[4];
    int32_t indices[2];
    uint8_t state[2];
    cr_assert(poolc_call(kernel_of(module, 0, POOLC_FORWARD), (void *[]){x, y, indices}, NULL));
    cr_assert(y[0] == 3 && y[1] == 5 && indices[0] == 1 && indices[1] == 2);
    cr_assert(poolc_call(kernel_of(module, 0, POOLC_FORWARD_TRAIN), (void *[]){x, y, indices, state}, NULL));
    cr_assert(poolc_call(kernel_of(module, 0, POOLC_BACKWARD), (void *[]){dy, state, dx}, NULL));
    cr_assert(dx[0] == 0 && dx[1] == 10 && dx[2] == 20 && dx[3] == 0);

    const double numbers[4] = {1, 2, 3, 5};
    double means[2];
    void (*mean)(const double *, double *) =
        (void (*)(const double *, double *))poolc_kernel_function(kernel_of(module, 1, POOLC_FORWARD), NULL);
    mean(numbers, means);
    cr_assert(means[0] == 1.5 && means[1] == 4);
    poolc_release(module);
    poolc_close(poolc);
}

Test(compiler, parameters_are_those_of_the_generated_header) {
    struct poolc *poolc = open_compiler(8);
    struct poolc_module *module = compile(poolc, "pool a { mode max; shape 40; kernel 2; indices tensor }\n"
                                                 "pool b { mode avg; shape 4; kernel 2; passes forward }\n"
                                                 "pool c { mode min; shape 3000; kernel 300; dtype f64 }\n"
                                                 "pool d { mode lp 2; shape 4; kernel 2; passes backward }\n");
    static const struct {
        size_t layer;
        enum poolc_kernel_kind kind;
        int count; /* 0: there is none */
        struct poolc_parameter parameters[4];
    } rows[] = {
        {0,
         POOLC_FORWARD,
         3,
         {{"x", POOLC_F32, false, 40, 160}, {"y", POOLC_F32, true, 20, 80}, {"indices", POOLC_I32, true, 20, 80}}},
        {0,
         POOLC_FORWARD_TRAIN,
         4,
         {{"x", POOLC_F32, false, 40, 160},
          {"y", POOLC_F32, true, 20, 80},
          {"indices", POOLC_I32, true, 20, 80},
          {"state", POOLC_U8, true, 20, 20}}},
        {0,
         POOLC_BACKWARD,
         3,
         {{"dy", POOLC_F32, false, 20, 80}, {"state", POOLC_U8, false, 20, 20}, {"dx", POOLC_F32, true, 40, 160}}},
        {1, POOLC_FORWARD, 2, {{"x", POOLC_F32, false, 4, 16}, {"y", POOLC_F32, true, 2, 8}}},
        {1, POOLC_FORWARD_TRAIN, 0, {{0}}},
        {1, POOLC_BACKWARD, 0, {{0}}},
        {2,
         POOLC_BACKWARD,
         3,
         {{"dy", POOLC_F64, false, 10, 80}, {"state", POOLC_U16, false, 10, 20}, {"dx", POOLC_F64, true, 3000, 24000}}},
        {3, POOLC_FORWARD, 0, {{0}}},
        {3, POOLC_FORWARD_TRAIN, 0, {{0}}},
        {3,
         POOLC_BACKWARD,
         4,
         {{"dy", POOLC_F32, false, 2, 8},
          {"x", POOLC_F32, false, 4, 16},
          {"y", POOLC_F32, false, 2, 8},
          {"dx", POOLC_F32, true, 4, 16}}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct poolc_kernel *kernel = poolc_layer_kernel(poolc_layer_at(module, rows[i].layer), rows[i].kind);
        cr_assert_eq(kernel ? kernel->parameter_count : 0, rows[i].count, "row %zu", i);
        for (int j = 0; j < rows[i].count; j++) {
            const struct poolc_parameter *is = &kernel->parameters[j], *wanted = &rows[i].parameters[j];
            cr_assert_str_eq(is->name, wanted->name);
            cr_assert(is->element == wanted->element && is->written == wanted->written && is->count == wanted->count &&
                          is->bytes == wanted->bytes,
                      "row %zu, %s", i, is->name);
        }
    }
    cr_assert_null(poolc_layer_kernel(poolc_layer_at(module, 0), (enum poolc_kernel_kind)3));
    cr_assert_eq(poolc_statistics(poolc).kernels, 0); /* facts compile nothing */
    poolc_release(module);
    poolc_close(poolc);
}

/* Every element of a random layer, by its description and by the reference. */
Test(compiler, random_layers_agree_with_the_reference, .timeout = 120) {
    struct poolc *poolc = open_compiler(8);
    struct pool_random random = pool_random_start(7, "layers");
    for (int i = 0; i < 100; i++) {
        struct pool_desc desc;
        struct pool_shape shape;
        pool_random_desc(&random, &desc);
        cr_assert_eq(pool_reference_shape(&desc, &shape), POOL_OK);
        struct poolc_module *module = poolc_compile_desc(poolc, NULL, &desc, NULL);
        const struct poolc_kernel *kernel = kernel_of(module, 0, POOLC_FORWARD);
        void *x = malloc((size_t)kernel->parameters[0].bytes), *y = malloc((size_t)kernel->parameters[1].bytes);
        void *indices = kernel->parameter_count > 2 ? malloc((size_t)kernel->parameters[2].bytes) : NULL;
        cr_assert(kernel->parameters[0].count == shape.x_count && kernel->parameters[1].count == shape.y_count);
        pool_random_fill((uint64_t)i, "x", desc.dtype, shape.x_count, x);
        cr_assert(poolc_call(kernel, (void *[]){x, y, indices}, NULL));
        struct pool_comparison comparison;
        cr_assert_eq(pool_compare_forward(&desc, x, y, &comparison), POOL_OK);
        cr_assert_eq(comparison.mismatches, 0, "layer %d", i);
        free(x);
        free(y);
        free(indices);
        poolc_release(module);
    }
    poolc_close(poolc);
}

/* ---- what is reported ---- */

/* One error with an id in a place of the text. */
static void reports(const char *text, size_t size, const char *id, size_t begin, size_t end, unsigned line,
                    unsigned column) {
    struct poolc *poolc = open_compiler(8);
    struct poolc_problems *problems;
    cr_assert_null(poolc_compile_text(poolc, "t.pool", text, size, &problems), "%s", text);
    cr_assert(problems && problems->count == 1 && problems->omitted == 0, "%s", text);
    const struct poolc_problem *problem = problems->items;
    cr_assert_str_eq(problem->id, id);
    cr_assert(problem->severity == POOLC_ERROR && *problem->text);
    cr_assert(problem->place.begin == begin && problem->place.end == end && problem->place.line == line &&
                  problem->place.column == column,
              "%s: %zu-%zu, %u:%u", id, problem->place.begin, problem->place.end, problem->place.line,
              problem->place.column);
    poolc_problems_free(problems);
    cr_assert_null(poolc_compile_text(poolc, "t.pool", text, size, NULL)); /* who does not want to know */
    cr_assert_eq(poolc_statistics(poolc).layers, 0);
    poolc_close(poolc);
}

Test(problems, have_a_place) {
#define REPORTS(text, ...) reports(text, sizeof text - 1, __VA_ARGS__)
    REPORTS("pool a { mode max; shape 4; kernel 2; stride 0 }", "bad-stride", 45, 46, 1, 46);
    REPORTS("# \xc3\xa4\xc3\xb6\npool a { mode max; shape 4; kernle 2 }", "unknown-key", 35, 41, 2, 29);
    REPORTS("pool a { mode max; shape 4 kernel 2 }", "extra-value", 27, 33, 1, 28);
    REPORTS("let n = 1 / 0\n", "division-by-zero", 12, 13, 1, 13);
    REPORTS("pool a { mode max; shape 4; kernel 9 }", "no-output", 35, 36, 1, 36);
    REPORTS("pool a { mode max; \0 }", "not-text", 19, 20, 1, 20);
    REPORTS("pool a { mode max; shape 16777216 x 16777216 x 16777216; kernel 2 x 2 x 2 }", "tensor-too-large", 25, 55, 1,
            26);
}

Test(problems, too_much_text) {
    const size_t size = 16 * 1024 * 1024 + 1;
    char *text = malloc(size);
    memset(text, ' ', size);
    reports(text, size, "source-too-large", 0, 0, 0, 0);
    free(text);
}

Test(problems, come_in_the_order_of_the_text_with_notes_and_as_the_command_line_shows_them) {
    static const char text[] = "pool b { mode max; shape n; kernel 2 }\n"
                               "pool b { mode avg; shape 4; kernel 0; stride 0 }\n"
                               "let last = 1 / 0\n"; /* found first */
    struct poolc *poolc = open_compiler(8);
    struct poolc_problems *problems;
    cr_assert_null(poolc_compile_text(poolc, "folder/net.pool", text, sizeof text - 1, &problems));
    static const char *const ids[] = {"unknown-name", "duplicate-pool", "bad-kernel", "bad-stride", "division-by-zero"};
    cr_assert_eq(problems->count, 5);
    for (size_t i = 0; i < 5; i++)
        cr_assert_str_eq(problems->items[i].id, ids[i]);
    const struct poolc_problem *twice = &problems->items[1];
    cr_assert(twice->place.line == 2 && twice->place.column == 6);
    cr_assert_geq(twice->note_count, 1);
    cr_assert(twice->notes[0].place.line == 1 && twice->notes[0].place.begin == 5);
    cr_assert_str_eq(twice->notes[0].text, "first defined here");
    const char *shown = poolc_problems_render(problems);
    cr_assert_eq(strstr(shown, "folder/net.pool:1:26: error: "), shown, "%s", shown);
    cr_assert(strstr(shown, "    2 | pool b { mode avg; shape 4; kernel 0; stride 0 }\n"
                            "      |      ^\n"
                            "folder/net.pool:1:6: note: first defined here\n"),
              "%s", shown);
    poolc_problems_free(problems);
    poolc_problems_free(NULL);
    poolc_close(poolc);
}

Test(problems, beyond_a_hundred_are_counted) {
    char text[16 * 200 + 1] = "";
    for (int i = 0; i < 120; i++)
        strcat(text, "let a = 1 / 0\n");
    struct poolc *poolc = open_compiler(8);
    struct poolc_problems *problems;
    cr_assert_null(poolc_compile_text(poolc, NULL, text, strlen(text), &problems));
    cr_assert_eq(problems->count, 100);
    cr_assert_gt(problems->omitted, 0);
    cr_assert(strstr(poolc_problems_render(problems), "<text>:2:5: error: "));
    poolc_problems_free(problems);
    poolc_close(poolc);
}

Test(problems, warnings_come_with_a_module) {
    static const char text[] = "pool a { mode lp 2; dialect torch; shape 4; kernel 2 }";
    struct poolc *poolc = open_compiler(8);
    struct poolc_problems *problems;
    struct poolc_module *module = poolc_compile_text(poolc, NULL, text, sizeof text - 1, &problems);
    cr_assert(module && problems && problems->count == 1);
    cr_assert_str_eq(problems->items[0].id, "dialect-lp");
    cr_assert_eq(problems->items[0].severity, POOLC_WARNING);
    poolc_problems_free(problems);
    poolc_release(module);
    poolc_close(poolc);
}

Test(problems, of_descriptions_have_no_place) {
    struct poolc *poolc = open_compiler(8);
    struct poolc_problems *problems;
    struct pool_desc desc = halve;
    desc.stride[0] = 0;
    cr_assert_null(poolc_compile_desc(poolc, "a", &desc, &problems));
    cr_assert_str_eq(problems->items[0].id, "bad-stride");
    cr_assert(problems->items[0].place.line == 0 && problems->items[0].place.end == 0);
    poolc_problems_free(problems);
    desc.mode = (enum pool_mode)77;
    cr_assert_null(poolc_compile_desc(poolc, "a", &desc, &problems));
    cr_assert_str_eq(problems->items[0].id, "bad-desc");
    poolc_problems_free(problems);
    cr_assert_null(poolc_compile_desc(poolc, "no name", &halve, &problems));
    cr_assert_str_eq(problems->items[0].id, "bad-name");
    poolc_problems_free(problems);
    poolc_close(poolc);
}

/* What only the plan finds is reported when the kernel is asked for, in its place of the text, and every time. */
Test(problems, of_kernels_come_when_they_are_asked_for) {
    struct poolc *poolc = open_compiler(8);
    struct poolc_module *module = compile(poolc, "pool fits { mode max; shape 9; kernel 3 }\n"
                                                 "pool long { mode max; shape 900 x 900; kernel 3 x 3; unroll full }\n");
    for (int round = 0; round < 2; round++) {
        struct poolc_problems *problems;
        cr_assert_null(poolc_kernel_function(kernel_of(module, 1, POOLC_FORWARD), &problems));
        cr_assert_str_eq(problems->items[0].id, "unroll-too-large");
        cr_assert_eq(problems->items[0].place.line, 2);
        cr_assert(strstr(poolc_problems_render(problems), "t.pool:2:"));
        cr_assert(strstr(poolc_problems_render(problems), "    2 | pool long { "));
        poolc_problems_free(problems);
        cr_assert_not(poolc_call(kernel_of(module, 1, POOLC_BACKWARD), NULL, &problems));
        cr_assert_str_eq(problems->items[0].id, "unroll-too-large");
        poolc_problems_free(problems);
    }
    cr_assert_not_null(poolc_kernel_function(kernel_of(module, 0, POOLC_FORWARD), NULL));
    poolc_release(module);
    poolc_close(poolc);
}

Test(problems, options_change_what_fits) {
    const struct poolc_options tight = {.size = sizeof tight, .unroll_budget = 10};
    struct poolc *poolc = poolc_open(&tight, NULL);
    struct poolc_module *module = compile(poolc, "pool a { mode max; shape 90; kernel 3; unroll full }\n");
    cr_assert_null(poolc_kernel_function(kernel_of(module, 0, POOLC_FORWARD), NULL));
    poolc_release(module);
    poolc_close(poolc);
    /* Options of a version that knew only their size. */
    poolc = poolc_open(&(struct poolc_options){.size = sizeof(size_t), .unroll_budget = 10}, NULL);
    module = compile(poolc, "pool a { mode max; shape 90; kernel 3; unroll full }\n");
    forward_of(module);
    poolc_release(module);
    cr_assert_eq(poolc_statistics(poolc).idle, 1);
    poolc_close(poolc);
}

Test(problems, budgets_out_of_range) {
    static const int64_t budgets[] = {-1, INT64_C(4194304) + 1, INT64_MIN};
    for (size_t i = 0; i < sizeof budgets / sizeof *budgets; i++) {
        struct poolc_problems *problems;
        cr_assert_null(poolc_open(&(struct poolc_options){.size = sizeof(struct poolc_options), .unroll_budget = budgets[i]},
                                  &problems));
        cr_assert_str_eq(problems->items[0].id, "bad-value");
        poolc_problems_free(problems);
    }
}

/* ---- what is shared ---- */

Test(cache, equal_layers_share_their_code) {
    struct poolc *poolc = open_compiler(8);
    struct poolc_module *text =
        compile(poolc, "pool a { mode max; shape 4; kernel 2 }\n"
                       "let two = 2\n"
                       "pool b { stride two; mode max; kernel two; shape two * 2; padding 0; passes forward }\n"
                       "pool c { mode max; shape 4; kernel 2; nan ignore }\n"
                       "pool d { mode max; shape 4; kernel 2; unroll window }\n");
    struct poolc_module *desc = poolc_compile_desc(poolc, "other", &halve, NULL);
    poolc_function *code[4];
    for (size_t i = 0; i < 4; i++)
        code[i] = poolc_kernel_function(kernel_of(text, i, POOLC_FORWARD), NULL);
    cr_assert(code[0] && code[0] == code[1]);
    cr_assert(code[2] && code[3] && code[0] != code[2] && code[0] != code[3] && code[2] != code[3]);
    cr_assert_eq(forward_of(desc), code[0]);
    cr_assert_eq(
        memcmp(poolc_layer_desc(poolc_layer_at(desc, 0)), poolc_layer_desc(poolc_layer_at(text, 0)), sizeof(double)), 0);
    struct poolc_statistics statistics = poolc_statistics(poolc);
    cr_assert(statistics.layers == 3 && statistics.idle == 0 && statistics.kernels == 3);
    poolc_release(text);
    float x[4] = {1, 3, 5, 2}, y[2];
    ((void (*)(const float *, float *))code[0])(x, y); /* still held by desc */
    cr_assert(y[0] == 3 && y[1] == 5);
    cr_assert_eq(forward_of(desc), code[0]);
    poolc_release(desc);
    desc = poolc_compile_desc(poolc, "again", &halve, NULL);
    cr_assert_eq(forward_of(desc), code[0]);
    cr_assert_eq(poolc_statistics(poolc).kernels, 3);
    poolc_release(desc);
    poolc_close(poolc);
}

static void use_layer(struct poolc *poolc, int64_t size, bool compiles) {
    const struct poolc_statistics before = poolc_statistics(poolc);
    struct pool_desc desc = halve;
    desc.in[0] = size;
    struct poolc_module *module = poolc_compile_desc(poolc, "a", &desc, NULL);
    forward_of(module);
    poolc_release(module);
    cr_assert_eq(poolc_statistics(poolc).kernels - before.kernels, compiles, "size %d", (int)size);
}

Test(cache, the_layer_used_longest_ago_goes_first) {
    struct poolc *poolc = open_compiler(2);
    use_layer(poolc, 10, true);
    use_layer(poolc, 20, true);
    use_layer(poolc, 10, false);
    use_layer(poolc, 30, true); /* 20 goes */
    cr_assert(poolc_statistics(poolc).idle == 2 && poolc_statistics(poolc).evicted == 1);
    use_layer(poolc, 10, false);
    use_layer(poolc, 30, false);
    use_layer(poolc, 20, true); /* 10 goes */
    use_layer(poolc, 30, false);
    use_layer(poolc, 10, true);
    poolc_close(poolc);
}

Test(cache, of_no_capacity_keeps_nothing) {
    struct poolc *poolc = open_compiler(0);
    use_layer(poolc, 10, true);
    cr_assert_eq(poolc_statistics(poolc).layers, 0);
    use_layer(poolc, 10, true);
    struct poolc_module *one = compile(poolc, "pool a { mode max; shape 4; kernel 2 }"),
                        *two = poolc_compile_desc(poolc, "b", &halve, NULL);
    cr_assert_eq(forward_of(one), forward_of(two)); /* but what is held is shared */
    poolc_release(one);
    forward_of(two);
    cr_assert_eq(poolc_statistics(poolc).kernels, 3);
    poolc_release(two);
    poolc_close(poolc);
}

Test(cache, layers_without_code_take_no_place) {
    struct poolc *poolc = open_compiler(1);
    use_layer(poolc, 10, true);
    poolc_release(compile(poolc, "pool a { mode max; shape 8; kernel 2 } pool b { mode max; shape 12; kernel 2 }"));
    cr_assert(poolc_statistics(poolc).layers == 1 && poolc_statistics(poolc).evicted == 0);
    use_layer(poolc, 10, false);
    poolc_close(poolc);
}

Test(cache, holds_thousands_of_layers, .timeout = 60) {
    struct poolc *poolc = open_compiler(8);
    enum { COUNT = 5000 };
    static struct poolc_module *modules[COUNT];
    struct pool_desc desc = halve;
    for (int i = 0; i < COUNT; i++) {
        desc.in[0] = 4 + i;
        modules[i] = poolc_compile_desc(poolc, "a", &desc, NULL);
        cr_assert_not_null(modules[i]);
    }
    cr_assert_eq(poolc_statistics(poolc).layers, COUNT);
    for (int i = 0; i < COUNT; i++)
        poolc_release(modules[i]);
    cr_assert_eq(poolc_statistics(poolc).layers, 0);
    poolc_close(poolc);
}

/* ---- what may be released when ---- */

Test(release, in_any_order) {
    struct poolc *poolc = open_compiler(8);
    struct poolc_module *one = compile(poolc, "pool a { mode max; shape 4; kernel 2 }");
    struct poolc_module *two =
        compile(poolc, "pool a { mode max; shape 4; kernel 2 } pool b { mode sum; shape 4; kernel 2 }");
    poolc_function *code = forward_of(one);
    poolc_close(poolc); /* first */
    poolc_release(one);
    cr_assert_eq(forward_of(two), code);
    float x[4] = {1, 3, 5, 2}, y[2];
    cr_assert(poolc_call(kernel_of(two, 1, POOLC_FORWARD), (void *[]){x, y}, NULL)); /* compiled now */
    cr_assert(y[0] == 4 && y[1] == 7);
    poolc_release(two);
    poolc_release(NULL);
    poolc_close(NULL);
}

Test(release, of_nothing) {
    struct poolc *poolc = poolc_open(NULL, NULL);
    struct poolc_module *module = compile(poolc, "# no pool\n");
    cr_assert_eq(poolc_layer_count(module), 0);
    cr_assert_null(poolc_layer_at(module, 0));
    poolc_release(module);
    poolc_release(poolc_compile_text(poolc, NULL, NULL, 0, NULL));
    poolc_close(poolc);
    cr_assert_eq(strncmp(poolc_version(), "0.", 2), 0);
}
