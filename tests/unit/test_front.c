/* test_front.c - from text to layers: places, expressions, every key, defaults of dialects, recovery, limits, and the
 * canonical form. What messages look like is tested by tests/golden/err. */
#include "front/layer.h"
#include "front/parse.h"
#include "front/real.h"
#include "front/tables.h"

#include <criterion/criterion.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

struct front {
    struct pc_arena arena;
    struct pc_diags diags;
    struct pc_source *source;
    struct pc_ast_file *file;
    struct pc_module *module;
};

static void run_bytes(struct front *front, const char *text, size_t size) {
    *front = (struct front){0};
    pc_diags_init(&front->diags, &front->arena);
    front->source = pc_source_from_string("net.pool", text, size, &front->arena);
    front->file = pc_parse(front->source, &front->arena, &front->diags);
    front->module = pc_layers_build(front->file, front->source, &front->arena, &front->diags);
}

static void run(struct front *front, const char *text) {
    run_bytes(front, text, strlen(text));
}

static void release(struct front *front) {
    pc_arena_release(&front->arena);
}

static const char *rendered(struct front *front) {
    struct pc_text text = {0};
    pc_diags_render(&front->diags, front->source, &text);
    const char *copy = pc_arena_strndup(&front->arena, pc_text_string(&text), text.size);
    pc_text_release(&text);
    return copy;
}

/* The ids in source order, separated by blanks. */
static const char *ids(struct front *front) {
    const char *text = rendered(front);
    char *list = pc_arena_alloc(&front->arena, strlen(text) + 1);
    for (const char *at = text; (at = strchr(at, '\n')); at++) {
        const char *open = at;
        if (open == text || open[-1] != ']')
            continue;
        while (*open != '[')
            open--;
        strcat(list, *list ? " " : "");
        strncat(list, open + 1, (size_t)(at - open) - 2);
    }
    return list;
}

/* A pool with a mode, a shape and a kernel, and what else is given. */
static const struct pc_layer *layer_with(struct front *front, const char *mode, const char *shape, const char *more) {
    char text[1024];
    snprintf(text, sizeof text, "pool p {\n mode %s\n shape %s\n %s\n}\n", mode, shape, more);
    run(front, text);
    cr_assert_eq(front->module->count, 1, "%s%s", text, rendered(front));
    return &front->module->layers[0];
}

Test(front, places_count_lines_and_code_points) {
    struct pc_arena arena = {0};
    const char *text = "ab\n\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80x\r\n\ty\xff\xc3";
    const struct pc_source *source = pc_source_from_string("s", text, strlen(text), &arena);
    const struct {
        uint32_t offset;
        unsigned line, column;
    } rows[] = {{0, 1, 1}, {1, 1, 2}, {2, 1, 3}, {3, 2, 1}, {5, 2, 2}, {8, 2, 3}, {12, 2, 4}, {15, 3, 1},
                {16, 3, 2}, {17, 3, 3}, {18, 3, 4}, {19, 3, 5}, {1000, 3, 5}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct pc_place place = pc_source_place(source, rows[i].offset);
        cr_expect(place.line == rows[i].line && place.column == rows[i].column, "offset %u: %u:%u", rows[i].offset,
                  place.line, place.column);
    }
    pc_arena_release(&arena);
}

Test(front, utf8_follows_the_standard) {
    const struct {
        const char *bytes;
        size_t length;
    } rows[] = {{"a", 1},
                {"\x7f", 1},
                {"\x80", 0},
                {"\xc1\xbf", 0}, /* overlong */
                {"\xc2\x80", 2},
                {"\xe0\x9f\xbf", 0}, /* overlong */
                {"\xe0\xa0\x80", 3},
                {"\xed\x9f\xbf", 3},
                {"\xed\xa0\x80", 0}, /* surrogate */
                {"\xf0\x8f\xbf\xbf", 0},
                {"\xf0\x90\x80\x80", 4},
                {"\xf4\x8f\xbf\xbf", 4},
                {"\xf4\x90\x80\x80", 0}, /* above U+10FFFF */
                {"\xf5\x80\x80\x80", 0},
                {"\xe2\x82", 0},
                {"\xe2\x82\x41", 0}};
    for (size_t i = 0; i < COUNT(rows); i++)
        cr_expect_eq(pc_utf8_length(rows[i].bytes, strlen(rows[i].bytes)), rows[i].length, "row %zu", i);
    cr_expect_eq(pc_utf8_length("", 0), 0);
}

Test(front, message_has_the_documented_form) {
    struct front front;
    run(&front, "# resnet50.pool\n\npool stem {\n    mode     max\n    shape 8 x 8\n    kernel 2\n    stride   0 x 2\n}\n");
    cr_expect_str_eq(rendered(&front), "net.pool:7:14: error: stride must be at least 1 [bad-stride]\n"
                                       "    7 |     stride   0 x 2\n"
                                       "      |              ^\n"
                                       "net.pool:3:6: note: in pool 'stem'\n");
    release(&front);
}

Test(front, expressions) {
    const struct {
        const char *text;
        int64_t value;
    } rows[] = {{"7", 7},
                {"1 + 2 * 3", 7},
                {"(1 + 2) * 3", 9},
                {"20 - 5 - 3", 12},
                {"100 / 5 / 2", 10},
                {"100 / (5 / 2)", 50},
                {"17 % 5", 2},
                {"0 - -17 % 5", 2},
                {"0 - (-17) / 5", 3},
                {"- -4", 4},
                {"-2 * -3", 6},
                {"A * B + x", 15},
                {"(A\n + \n # comment\n B)", 7},
                {"2*3", 6},
                {"x2 + max", 105},
                {"1099511627776", INT64_C(1) << 40}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[512];
        snprintf(text, sizeof text,
                 "let A = 3\nlet B = A + 1\nlet x = 3\nlet x2 = 99\nlet max = 6\n"
                 "pool p { mode max; shape 1; kernel 1; channels %s }",
                 rows[i].text);
        struct front front;
        run(&front, text);
        cr_assert_eq(front.module->count, 1, "%s", rendered(&front));
        cr_expect_eq(front.module->layers[0].desc.channels, rows[i].value, "%s", rows[i].text);
        release(&front);
    }
}

Test(front, sizes_with_and_without_spaces) {
    const struct {
        const char *text;
        int64_t kernel[3];
    } rows[] = {{"3x4x5", {3, 4, 5}},       {"3 x 4 x 5", {3, 4, 5}}, {"3 x4 x5", {3, 4, 5}},   {"3x 4x 5", {3, 4, 5}},
                {"C x 4 x C", {2, 4, 2}},   {"C x4 xC", {2, 4, 2}},   {"(C)x4x(5)", {2, 4, 5}}, {"x x x x x", {6, 6, 6}},
                {"3xC x x", {3, 2, 6}},     {"3xxxx", {3, 7, 7}},     {"C+1x(3)x 5", {3, 3, 5}},
                {"x*2 x 1+1 x x", {12, 2, 6}},
                {"7", {7, 7, 7}},           {"x", {6, 6, 6}},         {"x2", {5, 5, 5}},        {"x2 x x2 x x2", {5, 5, 5}},
                {"-1+3 x - -1 x 1", {2, 1, 1}}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[512];
        snprintf(text, sizeof text,
                 "let C = 2\nlet x = 6\nlet x2 = 5\nlet xxx = 7\nlet xx = 7\n"
                 "pool p { mode max; shape 20x20x20; kernel %s\n}",
                 rows[i].text);
        struct front front;
        run(&front, text);
        if (strcmp(rows[i].text, "3xxxx") == 0) { /* `3 x xxx`: two sizes for three axes */
            cr_expect_str_eq(ids(&front), "wrong-rank");
        } else {
            cr_assert_eq(front.module->count, 1, "%s: %s", rows[i].text, rendered(&front));
            for (int axis = 0; axis < 3; axis++)
                cr_expect_eq(front.module->layers[0].desc.kernel[axis], rows[i].kernel[axis], "%s", rows[i].text);
        }
        release(&front);
    }
}

Test(front, padding_has_two_sides) {
    struct front front;
    const struct pool_desc *desc = &layer_with(&front, "max", "9 x 9", "kernel 5\n padding 0:1 x 2")->desc;
    cr_expect(desc->pad_begin[0] == 0 && desc->pad_end[0] == 1 && desc->pad_begin[1] == 2 && desc->pad_end[1] == 2);
    cr_expect_eq(desc->padding, POOL_PAD_EXPLICIT);
    release(&front);
    desc = &layer_with(&front, "max", "9 x 9", "kernel 5\n padding 1 : 2")->desc;
    cr_expect(desc->pad_begin[0] == 1 && desc->pad_end[0] == 2 && desc->pad_begin[1] == 1 && desc->pad_end[1] == 2);
    release(&front);
    cr_expect_eq(layer_with(&front, "max", "9", "kernel 5; padding same")->desc.padding, POOL_PAD_SAME);
    release(&front);
    cr_expect_eq(layer_with(&front, "max", "9", "kernel 5; padding same_lower")->desc.padding, POOL_PAD_SAME_LOWER);
    release(&front);
    desc = &layer_with(&front, "max", "9", "kernel 5; padding valid")->desc;
    cr_expect(desc->padding == POOL_PAD_EXPLICIT && desc->pad_begin[0] == 0 && desc->pad_end[0] == 0);
    release(&front);
}

Test(front, defaults) {
    struct front front;
    const struct pc_layer *layer = layer_with(&front, "avg", "12 x 10", "kernel 3 x 2");
    const struct pool_desc *desc = &layer->desc;
    cr_expect(desc->batch == 1 && desc->channels == 1 && desc->rank == 2 && !desc->adaptive);
    cr_expect(desc->stride[0] == 3 && desc->stride[1] == 2 && desc->dilation[0] == 1 && desc->dilation[1] == 1);
    cr_expect(desc->padding == POOL_PAD_EXPLICIT && desc->pad_begin[0] == 0 && desc->pad_end[1] == 0 && !desc->ceil_mode);
    cr_expect(desc->divisor == POOL_DIVISOR_TAPS && desc->dtype == POOL_F32 && desc->layout == POOL_CHANNELS_FIRST);
    cr_expect(desc->nan == POOL_NAN_PROPAGATE && desc->indices == POOL_INDICES_NONE && layer->unroll == PC_UNROLL_AUTO);
    cr_expect(layer->forward && layer->backward && layer->x_count == 120 && layer->y_count == 20);
    cr_expect(layer->axis[0].in == 1 && layer->axis[1].out == 4 && layer->axis[2].out == 5);
    release(&front);
}

Test(front, dialects_set_defaults_and_explicit_keys_win) {
    const struct {
        const char *dialect;
        int64_t stride;
        enum pool_divisor divisor;
        enum pool_layout layout;
        enum pool_nan nan;
    } rows[] = {{"torch", 3, POOL_DIVISOR_PADDED, POOL_CHANNELS_FIRST, POOL_NAN_PROPAGATE},
                {"onnx", 1, POOL_DIVISOR_TAPS, POOL_CHANNELS_FIRST, POOL_NAN_PROPAGATE},
                {"tflite", 3, POOL_DIVISOR_TAPS, POOL_CHANNELS_LAST, POOL_NAN_IGNORE},
                {"onednn", 3, POOL_DIVISOR_TAPS, POOL_CHANNELS_FIRST, POOL_NAN_IGNORE},
                {"keras", 3, POOL_DIVISOR_TAPS, POOL_CHANNELS_LAST, POOL_NAN_PROPAGATE}};
    cr_assert_eq((int)COUNT(rows) + 1, pc_words_dialect.count); /* and "none" */
    for (size_t i = 0; i < COUNT(rows); i++) {
        char more[256];
        struct front front;
        snprintf(more, sizeof more, "kernel 3; dialect %s", rows[i].dialect);
        const struct pool_desc *desc = &layer_with(&front, "avg", "9 x 9", more)->desc;
        cr_expect(desc->stride[0] == rows[i].stride && desc->divisor == rows[i].divisor && desc->layout == rows[i].layout &&
                      desc->nan == POOL_NAN_PROPAGATE,
                  "%s", rows[i].dialect);
        release(&front);
        desc = &layer_with(&front, "max", "9 x 9", more)->desc;
        cr_expect(desc->nan == rows[i].nan && desc->divisor == POOL_DIVISOR_TAPS, "%s", rows[i].dialect);
        release(&front);
        snprintf(more, sizeof more, "kernel 3; stride 2; layout nhwc; count_include_pad false; dialect %s", rows[i].dialect);
        desc = &layer_with(&front, "avg", "9 x 9", more)->desc;
        cr_expect(desc->stride[1] == 2 && desc->layout == POOL_CHANNELS_LAST && desc->divisor == POOL_DIVISOR_TAPS);
        release(&front);
        snprintf(more, sizeof more, "dialect %s; kernel 3; layout channels_first; nan propagate", rows[i].dialect);
        desc = &layer_with(&front, "min", "9 x 9", more)->desc;
        cr_expect(desc->layout == POOL_CHANNELS_FIRST && desc->nan == POOL_NAN_PROPAGATE);
        release(&front);
    }
}

Test(front, divisor_keys) {
    struct front front;
    cr_expect_eq(layer_with(&front, "avg", "9", "kernel 3; count_include_pad true")->desc.divisor, POOL_DIVISOR_PADDED);
    release(&front);
    cr_expect_eq(layer_with(&front, "avg", "9", "kernel 3; divisor window; dialect torch")->desc.divisor,
                 POOL_DIVISOR_WINDOW);
    release(&front);
    const struct pool_desc *desc = &layer_with(&front, "avg", "9", "kernel 3; divisor_override -7; dialect torch")->desc;
    cr_expect(desc->divisor == POOL_DIVISOR_OVERRIDE && desc->divisor_override == -7);
    release(&front);
    cr_expect_eq(layer_with(&front, "avg", "9", "output 3; dialect torch")->desc.divisor, POOL_DIVISOR_TAPS);
    release(&front);
}

Test(front, every_layout_word_belongs_to_its_rank) {
    static const char *const shapes[] = {"", "8", "8 x 8", "8 x 8 x 8"};
    for (int word = 0; word < pc_words_layout.count; word++) {
        const struct pc_layout *layout = pc_layout_row(word);
        for (int rank = 1; rank <= POOL_MAX_RANK; rank++) {
            char text[256];
            struct front front;
            snprintf(text, sizeof text, "pool p { mode max; shape %s; kernel 2; layout %s }", shapes[rank], layout->name);
            run(&front, text);
            if (layout->rank == 0 || layout->rank == rank) {
                cr_assert_eq(front.module->count, 1, "%s", text);
                cr_expect_eq(front.module->layers[0].desc.layout, layout->order, "%s", text);
            } else {
                cr_expect_str_eq(ids(&front), "layout-rank", "%s", text);
                cr_expect_eq(front.module->count, 0);
            }
            release(&front);
        }
    }
}

Test(front, modes_passes_unroll_and_indices) {
    struct front front;
    for (int mode = 0; mode < pc_words_mode.count; mode++) {
        char word[32];
        bool exponent = pc_mode_of((enum pool_mode)mode)->keys & PC_MODE_EXPONENT;
        snprintf(word, sizeof word, "%s%s", pc_words_mode.words[mode], exponent ? " 2.5" : "");
        const struct pool_desc *desc = &layer_with(&front, word, "9", "kernel 3")->desc;
        cr_expect_eq((int)desc->mode, mode);
        cr_expect(desc->p == (exponent ? 2.5 : 0));
        release(&front);
    }
    cr_expect(layer_with(&front, "lp (3 - 1)", "9", "kernel 3")->desc.p == 2);
    release(&front);
    run(&front,
        "let x2 = 4; let x = 3\npool a { mode lp x2; shape 9; kernel 2 }\npool b { mode lp x; shape 9; kernel 2 }\n");
    cr_assert_eq(front.module->count, 2, "%s", rendered(&front));
    cr_expect(front.module->layers[0].desc.p == 4 && front.module->layers[1].desc.p == 3);
    release(&front);
    const struct pc_layer *layer = layer_with(&front, "max", "9", "kernel 3; passes backward; unroll full; indices plane");
    cr_expect(!layer->forward && layer->backward && layer->unroll == PC_UNROLL_FULL);
    cr_expect_eq(layer->desc.indices, POOL_INDICES_PLANE);
    cr_expect_eq(layer->unroll_span.end - layer->unroll_span.begin, strlen("full"));
    release(&front);
    layer = layer_with(&front, "max", "9", "kernel global; passes backward forward; dialect onnx");
    cr_expect(layer->forward && layer->backward && layer->desc.kernel[0] == 9 && layer->desc.stride[0] == 9);
    release(&front);
}

Test(front, names_are_not_reserved) {
    struct front front;
    run(&front, "let let = 2; let pool = 3; let x = 4; let mode = 5\n"
                "pool pool { mode max; shape let x pool x x; kernel 1; channels mode }\n"
                "pool let { mode max; shape 8; kernel 2 }\npool x { mode max; shape 8; kernel 2 }\npool int\n\n{ mode max; "
                "shape 8; kernel 2 }\n");
    cr_assert_eq(front.module->count, 4, "%s", rendered(&front));
    const struct pc_layer *layer = &front.module->layers[0];
    cr_expect(layer->desc.in[0] == 2 && layer->desc.in[1] == 3 && layer->desc.in[2] == 4 && layer->desc.channels == 5);
    cr_expect_str_eq(front.module->layers[3].name, "int");
    cr_expect_str_eq(front.module->name, "net");
    release(&front);
}

/* Several mistakes in a file: all independent ones, and nothing that only follows from another. */
Test(front, independent_errors_without_consequences) {
    const struct {
        const char *text, *ids;
    } rows[] = {
        {"pool p { mode max; shape 8 x 8; kernel 0; stride 0; padding -1; dilation 0 }",
         "bad-kernel bad-stride bad-padding bad-dilation"},
        {"pool p { mode max; shape 0; kernel 9 x 9; stride 1 x 1 }", "bad-shape"},
        {"pool p { mode maxx; shape 8; kernel 2; indices plane; divisor window }", "unknown-value"},
        {"let C = D\npool p { mode max; shape C; kernel 20; channels C + 1 }", "unknown-name"},
        {"pool p { mode max; shape 8; kernal 2 }", "unknown-key"},
        {"pool p { mode max; shape 8; kernel 2; kernel 3; stride 0 }", "duplicate-key bad-stride"},
        {"pool p { mode max; shape 8; output 2; kernel 20 }", "key-conflict"},
        {"pool p { mode max; shape 8; kernel 20; dialect what }", "unknown-value"},
        {"pool p { mode max; shape 4; kernel global; dilation 2 }", "key-conflict"},
        {"pool p { mode max; shape 8\n kernel ) \n stride 0 }", "syntax bad-stride"},
        {"pool p { mode max\n shape \n padding ) }\npool q { mode max; shape 8 }", "syntax syntax missing-key"},
        {"pool p { mode max shape 8; kernel 2 }", "extra-value"},
        {"pool p { mode lp 0; shape 2; kernel 3 }", "bad-exponent no-output"},
        {"let A = 1 / 0\nlet B = A * A\nlet C = B % 0\n", "division-by-zero division-by-zero"},
        {"let = 3\npool p { mode max; shape C; kernel 2; stride 0 }", "syntax bad-stride"},
        {"pool p { mode max; shape 8; kernel global 3; ceil_mode true }", "extra-value key-conflict"},
        {"pool p { mode avg; shape 4 x 4; kernel 5 x 6 }", "no-output no-output"},
        {"pool p { mode avg; shape 4; kernel 2; nan ignore; divisor what }", "key-unused unknown-value"},
        {"let C 3\nlet D = 4 4\npool p { mode = max }", "syntax syntax syntax"},
        {"pool p { mode max; shape 8; kernel 2 }\npool p { mode min; shape 8; kernel 3 }\n}", "duplicate-pool syntax"},
        {"", ""},
        {"pool p {}", "missing-key missing-key missing-key"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct front front;
        run(&front, rows[i].text);
        cr_expect_str_eq(ids(&front), rows[i].ids, "%s\n%s", rows[i].text, rendered(&front));
        release(&front);
    }
}

Test(front, a_broken_pool_hides_no_other) {
    static const char *const broken[] = {
        "pool a { mode max; shape 8; kernel (2 }",
        "pool a { mode max; shape 8; kernel 2",
        "pool a { mode max\n shape (8\n kernel 2\n",
        "pool a { mode { max }; shape 8; kernel 2 }",
        "pool a { mode { max ; shape 8; kernel 2 }\n",
        "pool a { { mode max } shape 8 }\n",
        "pool 7 { mode max; shape 8; kernel 2 }",
        "pool { mode max; shape 8; kernel 2 }",
        "pool a b { mode max; shape 8; kernel 2 }",
        "pool a }",
        "pool a { ; ; = ; ) ; : }",
        "wool a { mode max\n shape 8\n kernel \x7e 2 }",
        "let x = (((\n",
        "let x = (3 +\nlet y = 3",
        "}}}}",
        "{{{{}}}}",
        "pool a { mode 99999999999999999999; shape 1.5e }",
    };
    for (size_t i = 0; i < COUNT(broken); i++) {
        char text[512];
        struct front front;
        snprintf(text, sizeof text,
                 "pool before { mode max; shape 8; kernel 2 }\n%s\npool after { mode max; shape 8; kernel 2 }\n", broken[i]);
        run(&front, text);
        cr_expect(pc_diags_error_count(&front.diags) > 0, "%s", text);
        cr_assert_eq(front.module->count, 2, "%s%s", text, rendered(&front));
        cr_expect_str_eq(front.module->layers[1].name, "after");
        release(&front);
    }
}

Test(front, duplicates_show_both_places) {
    struct front front;
    run(&front, "pool p { mode max; shape 8; kernel 2 }\npool p { mode min; shape 8; kernel 2 }\n");
    cr_expect_eq(front.module->count, 1);
    cr_expect_eq(front.module->layers[0].desc.mode, POOL_MAX);
    cr_expect_not_null(strstr(rendered(&front), "net.pool:2:6: error"));
    cr_expect_not_null(strstr(rendered(&front), "net.pool:1:6: note"));
    release(&front);
    run(&front, "pool p {\n  mode max\n  shape 8\n  kernel 2\n  mode min\n}\n");
    cr_expect_not_null(strstr(rendered(&front), "net.pool:5:3: error"));
    cr_expect_not_null(strstr(rendered(&front), "net.pool:2:3: note"));
    release(&front);
}

static void print_and_dump(const struct pc_layer *layer, struct pc_text *canonical, struct pc_text *dump) {
    pc_text_clear(canonical);
    pc_text_clear(dump);
    pc_layer_print(layer, canonical);
    pc_layer_dump(layer, dump);
}

/* parse(print(layer)) is the same layer and prints the same text. */
static bool round_trip(const struct pool_desc *desc, struct pc_text *texts) {
    struct pc_arena arena = {0};
    struct pc_diags diags;
    pc_diags_init(&diags, &arena);
    const struct pc_layer *layer = pc_layer_from_desc("p", desc, &arena, &diags);
    if (layer) {
        struct front front;
        print_and_dump(layer, &texts[0], &texts[1]);
        run(&front, pc_text_string(&texts[0]));
        cr_assert_eq(front.module->count, 1, "%s%s", pc_text_string(&texts[0]), rendered(&front));
        print_and_dump(&front.module->layers[0], &texts[2], &texts[3]);
        cr_assert_str_eq(pc_text_string(&texts[0]), pc_text_string(&texts[2]));
        cr_assert_str_eq(pc_text_string(&texts[1]), pc_text_string(&texts[3]));
        for (int i = 0; i < POOL_MAX_RANK; i++) /* the one field that the dump leaves to the desc */
            cr_assert_eq(layer->axis[i].divisor, front.module->layers[0].axis[i].divisor);
        release(&front);
    } else {
        cr_assert(pc_diags_error_count(&diags) > 0);
    }
    pc_arena_release(&arena);
    return layer != NULL;
}

Test(front, canonical_form_round_trips_over_a_grid) {
    struct pc_text texts[4] = {{0}};
    size_t layers = 0, refused = 0;
    unsigned seed = 1; /* what the nested loops do not enumerate varies with it */
    for (int mode = 0; mode < pc_words_mode.count; mode++)
        for (int rank = 1; rank <= POOL_MAX_RANK; rank++)
            for (int padding = 0; padding <= POOL_PAD_SAME_LOWER; padding++)
                for (int divisor = 0; divisor <= POOL_DIVISOR_OVERRIDE; divisor++)
                    for (int indices = 0; indices <= POOL_INDICES_TENSOR; indices++)
                        for (int variant = 0; variant < 24; variant++) {
                            struct pool_desc desc = {.mode = (enum pool_mode)mode, .rank = rank};
                            desc.padding = (enum pool_padding)padding;
                            desc.divisor = (enum pool_divisor)divisor;
                            desc.indices = (enum pool_indices)indices;
                            desc.p = (const double[]){1, 2, 2.5, 1.1, 1e300, 3.0000000000000004}[variant % 6];
                            desc.divisor_override = variant % 2 ? -5 : (int64_t)1 << 53;
                            desc.adaptive = variant % 5 == 4;
                            desc.ceil_mode = variant % 3 == 2;
                            desc.dtype = variant % 4 == 3 ? POOL_F64 : POOL_F32;
                            desc.layout = variant % 7 > 3 ? POOL_CHANNELS_LAST : POOL_CHANNELS_FIRST;
                            desc.nan = variant % 8 > 3 ? POOL_NAN_IGNORE : POOL_NAN_PROPAGATE;
                            desc.batch = 1 + variant % 2;
                            desc.channels = 1 + variant % 3;
                            for (int i = 0; i < rank; i++) {
                                seed = seed * 1103515245u + 12345u;
                                unsigned bits = seed >> 8;
                                desc.in[i] = 3 + bits % 9;
                                desc.adaptive_out[i] = 1 + bits / 16 % 6;
                                desc.kernel[i] = 1 + bits / 128 % 4;
                                desc.stride[i] = bits / 512 % 2 ? desc.kernel[i] : 1 + bits / 1024 % 3;
                                desc.dilation[i] = 1 + (bits / 4096 % 4 == 3);
                                desc.pad_begin[i] = bits / 16384 % 3;
                                desc.pad_end[i] = bits / 65536 % 2;
                            }
                            bool made = round_trip(&desc, texts);
                            layers += made;
                            refused += !made;
                        }
    cr_expect(layers > 4000 && refused > 100, "%zu layers, %zu refused", layers, refused);
    for (size_t i = 0; i < COUNT(texts); i++)
        pc_text_release(&texts[i]);
}

static struct pool_desc good_desc(void) {
    struct pool_desc desc = {.mode = POOL_AVG, .rank = 2, .batch = 1, .channels = 1};
    for (int i = 0; i < 2; i++) {
        desc.in[i] = 8;
        desc.kernel[i] = desc.stride[i] = 2;
        desc.dilation[i] = 1;
    }
    return desc;
}

Test(front, layers_from_code_are_checked) {
    struct {
        const char *name;
        struct pool_desc desc;
        enum pc_diag_id id;
    } rows[24];
    size_t count = 0;
#define ROW(row_name, row_id, change)                                                                                       \
    do {                                                                                                                    \
        struct pool_desc desc = good_desc();                                                                                \
        change;                                                                                                             \
        rows[count].name = row_name;                                                                                        \
        rows[count].desc = desc;                                                                                            \
        rows[count++].id = PC_DIAG_##row_id;                                                                                \
    } while (0)
    ROW("1p", BAD_NAME, desc.batch = 1);
    ROW("_p", BAD_NAME, desc.batch = 1);
    ROW("", BAD_NAME, desc.batch = 1);
    ROW("a-b", BAD_NAME, desc.batch = 1);
    ROW("p", BAD_DESC, desc.mode = (enum pool_mode)99);
    ROW("p", BAD_DESC, desc.rank = 0);
    ROW("p", BAD_DESC, desc.rank = 4);
    ROW("p", BAD_DESC, desc.dtype = (enum pool_dtype)9);
    ROW("p", BAD_DESC, desc.indices = POOL_INDICES_PLANE);
    ROW("p", BAD_DESC, desc.padding = POOL_PAD_SAME; desc.ceil_mode = true);
    ROW("p", BAD_BATCH, desc.batch = 0);
    ROW("p", BAD_CHANNELS, desc.channels = -1);
    ROW("p", BAD_SHAPE, desc.in[1] = 0);
    ROW("p", BAD_KERNEL, desc.kernel[0] = 0);
    ROW("p", BAD_STRIDE, desc.stride[0] = 0);
    ROW("p", BAD_DILATION, desc.dilation[0] = 0);
    ROW("p", BAD_PADDING, desc.pad_end[1] = -1);
    ROW("p", BAD_DIVISOR, desc.divisor = POOL_DIVISOR_OVERRIDE);
    ROW("p", BAD_EXPONENT, desc.mode = POOL_LP; desc.p = 0.5);
    ROW("p", BAD_EXPONENT, desc.mode = POOL_LP; desc.p = 0.0 / 0.0);
    ROW("p", SIZE_TOO_LARGE, desc.stride[0] = (int64_t)PC_AXIS_MAX + 1);
    ROW("p", TENSOR_TOO_LARGE, desc.batch = (int64_t)1 << 40);
    ROW("p", NO_OUTPUT, desc.kernel[0] = 9);
    ROW("p", EMPTY_WINDOW, desc.pad_begin[0] = 5);
#undef ROW
    for (size_t i = 0; i < count; i++) {
        struct pc_arena arena = {0};
        struct pc_diags diags;
        pc_diags_init(&diags, &arena);
        cr_expect_null(pc_layer_from_desc(rows[i].name, &rows[i].desc, &arena, &diags), "row %zu", i);
        cr_expect_eq(pc_diags_error_count(&diags), 1, "row %zu", i);
        cr_expect_eq(diags.first->id, rows[i].id, "row %zu: %s", i, diags.first->text);
        struct pc_text text = {0};
        pc_diags_render(&diags, NULL, &text);
        cr_expect_eq(strncmp(pc_text_string(&text), "error: ", 7), 0);
        pc_text_release(&text);
        pc_arena_release(&arena);
    }
}

/* `head`, then `count` copies of `piece` with a running number in place of #, then `tail`. */
static void run_many(struct front *front, const char *head, const char *piece, size_t count, const char *tail) {
    struct pc_text text = {0};
    pc_text_add(&text, head);
    for (size_t i = 0; i < count; i++)
        for (const char *at = piece; *at; at++)
            if (*at == '#')
                pc_text_add_int(&text, (int64_t)i);
            else
                pc_text_add_char(&text, *at);
    pc_text_add(&text, tail);
    run_bytes(front, pc_text_string(&text), text.size);
    pc_text_release(&text);
}

Test(front, limits_are_errors_with_a_place) {
    struct front front;
    run_many(&front, "", "pool p# { mode max; shape 8; kernel 2 }\n", PC_POOLS_MAX, "");
    cr_expect_eq(front.module->count, PC_POOLS_MAX, "%s", rendered(&front));
    release(&front);
    run_many(&front, "", "pool p# { mode max; shape 8; kernel 2 }\n", PC_POOLS_MAX + 5, "");
    cr_expect_str_eq(ids(&front), "too-many-pools");
    release(&front);
    run_many(&front, "", "let a# = #\n", PC_LETS_MAX, "");
    cr_expect_str_eq(ids(&front), "");
    release(&front);
    run_many(&front, "", "let a# = #\n", PC_LETS_MAX + 5, "");
    cr_expect_str_eq(ids(&front), "too-many-lets");
    release(&front);
    run_many(&front, "# ", "................", PC_SOURCE_MAX / 16, "");
    cr_expect_str_eq(ids(&front), "source-too-large");
    release(&front);
    run_many(&front, "", "................", 0, "let A = ");
    cr_expect_str_eq(ids(&front), "syntax");
    release(&front);

    /* Deep and long inputs must neither exhaust a stack nor take long. */
    static const char *const pieces[] = {"(", "-", "- ", "1+", "(-", "{", "}", "x ", "1 x ", "a ", "1:", "pool a {", "let ",
                                         "pool p {\n", "let a = (\n", "((((1 x ", "@", "\xc3\xa9 ", "1e9 ", "1a "};
    static const char *const heads[] = {"", "let A = ", "pool p { kernel ", "pool p { mode "};
    for (size_t i = 0; i < COUNT(pieces); i++)
        for (size_t j = 0; j < COUNT(heads); j++) {
            run_many(&front, heads[j], pieces[i], 20000, "\n");
            const char *text = rendered(&front);
            cr_expect(pc_diags_error_count(&front.diags) > 0, "%s%s...", heads[j], pieces[i]);
            cr_expect_null(strstr(text, "memory exhausted"), "%s%s...", heads[j], pieces[i]);
            release(&front);
        }
}

Test(front, at_most_a_hundred_diagnostics_are_kept) {
    struct front front;
    run_many(&front, "", "pool p# { mode maxx; shape 8; kernel 2 }\n", 5000, "");
    cr_expect_eq(pc_diags_error_count(&front.diags), 5000);
    cr_expect_eq(front.diags.kept, PC_DIAGS_MAX);
    cr_expect_not_null(strstr(rendered(&front), "4900 more are not shown"));
    cr_expect_eq(front.module->count, 0);
    release(&front);
}

Test(front, text_must_be_text) {
    static const struct {
        const char *bytes;
        size_t size, place;
    } rows[] = {{"pool\0", 5, 4}, {"# \xff\n", 4, 2}, {"a\x01", 2, 1}, {"a\rb", 3, 1}, {"# \x7f", 3, 2}, {"\xef\xbb", 2, 0}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct front front;
        run_bytes(&front, rows[i].bytes, rows[i].size);
        cr_expect_str_eq(ids(&front), "not-text", "row %zu", i);
        cr_expect_eq(front.diags.first->span.begin, rows[i].place, "row %zu", i);
        release(&front);
    }
    struct front front; /* a byte order mark, CRLF and foreign letters in comments are fine */
    run(&front, "\xef\xbb\xbfpool p { # \xc3\xa9\r\n mode max\r\n\tshape 8\r\n kernel 2\r\n}\r\n");
    cr_expect_eq(front.module->count, 1, "%s", rendered(&front));
    release(&front);
}

Test(front, files_are_read_or_refused) {
    struct pc_arena arena = {0};
    const char *problem = NULL;
    cr_expect_null(pc_source_read("there/is/no/such/file.pool", &arena, &problem));
    cr_expect_not_null(strstr(problem, "cannot be opened"));
    cr_expect_null(pc_source_read(".", &arena, &problem));
    cr_expect_str_eq(problem, "is a folder");
    char name[] = "pool_front_XXXXXX";
    int handle = mkstemp(name);
    FILE *file = fdopen(handle, "wb");
    fputs("pool p {}\n", file);
    fclose(file);
    const struct pc_source *source = pc_source_read(name, &arena, &problem);
    cr_assert_not_null(source);
    cr_expect(source->size == 10 && strcmp(source->text, "pool p {}\n") == 0 && strcmp(source->name, name) == 0);
    cr_assert_eq(truncate(name, (off_t)PC_SOURCE_MAX + 1), 0);
    cr_expect_null(pc_source_read(name, &arena, &problem));
    cr_expect_str_eq(problem, "larger than 16 MiB; make several files of it");
    remove(name);
    pc_arena_release(&arena);
}

Test(front, real_numbers_do_not_depend_on_the_locale) {
    static const char *const locales[] = {"C", "de_DE.UTF-8", "de_DE", "fr_FR.UTF-8"};
    static const double values[] = {2.5, 1, 0.1, 1e300, 1.0 / 3, 3.0000000000000004};
    for (size_t i = 0; i < COUNT(locales); i++) {
        if (!setlocale(LC_ALL, locales[i]))
            continue; /* not installed */
        for (size_t j = 0; j < COUNT(values); j++) {
            struct pc_text text = {0};
            pc_real_print(values[j], &text);
            cr_expect_null(strchr(pc_text_string(&text), ','));
            cr_expect(pc_real_parse(pc_text_string(&text)) == values[j], "%s", pc_text_string(&text));
            pc_text_release(&text);
        }
    }
    setlocale(LC_ALL, "C");
}

Test(front, suggestions_are_near) {
    cr_expect_eq(pc_words_suggest(pc_words_key, "kernal"), PC_KEY_KERNEL);
    cr_expect_eq(pc_words_suggest(pc_words_key, "strdie"), PC_KEY_STRIDE);
    cr_expect_eq(pc_words_suggest(pc_words_key, "ceilmode"), PC_KEY_CEIL_MODE);
    cr_expect_eq(pc_words_suggest(pc_words_key, "colour"), -1);
    cr_expect_str_eq(pc_words_layout.words[pc_words_suggest(pc_words_layout, "nhcw")], "nchw");
    cr_expect_eq(pc_words_suggest(pc_words_mode, "a"), -1);
    cr_expect_eq(pc_words_suggest(pc_words_mode, ""), -1);
    cr_expect_eq(pc_words_suggest(pc_words_dtype, "f16"), -1);
    cr_expect_eq(pc_words_find(pc_words_dialect, ""), -1); /* the row without a name is no word */
}

Test(front, diagnostic_ids_are_unique) {
    for (int a = 0; a < PC_DIAG_COUNT; a++)
        for (int b = 0; b < a; b++)
            cr_expect_str_neq(pc_diag_row((enum pc_diag_id)a)->name, pc_diag_row((enum pc_diag_id)b)->name);
}
