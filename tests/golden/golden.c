/* golden.c - compares what a stage makes of FILE.pool with FILE.expect beside it.
 *
 *     golden KIND [--all-ids] FILE.pool...
 *
 * A kind is a row of `kinds`: a function from a source to text.  For targets one source has an expectation for each,
 * FILE.avx2.expect and so on, and all are looked at. UPDATE_EXPECT=1 in the environment rewrites the
 * expectations. With --all-ids (kind err) every row of diags.def must occur in some expectation. */
#include "back/frame.h"
#include "front/diag.h"
#include "front/layer.h"
#include "front/parse.h"
#include "llvm/codegen.h"
#include "middle/kernel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct unit {
    struct pc_source *source;
    struct pc_targets targets;
    struct pc_arena *arena;
    struct pc_diags diags;
};

static void make_ast(struct unit *unit, struct pc_text *text) {
    const struct pc_ast_file *file = pc_parse(unit->source, unit->arena, &unit->diags);
    pc_ast_print(file, text);
    pc_diags_render(&unit->diags, unit->source, text);
}

static const struct pc_module *build(struct unit *unit) {
    const struct pc_ast_file *file = pc_parse(unit->source, unit->arena, &unit->diags);
    return pc_layers_build(file, unit->source, unit->arena, &unit->diags);
}

static void make_layer(struct unit *unit, struct pc_text *text) {
    const struct pc_module *module = build(unit);
    for (size_t i = 0; i < module->count; i++) {
        pc_layer_print(&module->layers[i], text);
        pc_layer_dump(&module->layers[i], text);
    }
    pc_diags_render(&unit->diags, unit->source, text);
}

/* Shows every kernel of the file. */
static void each_kernel(struct unit *unit, struct pc_text *text,
                        void (*show)(const struct pc_kernel *kernel, struct pc_text *text)) {
    const struct pc_module *module = build(unit);
    struct pc_kernel_options options = {.prefix = "golden", .verify = true};
    if (unit->targets.count)
        pc_target_plan(unit->targets.items[0], &options.plan);
    for (size_t i = 0; i < module->count; i++)
        for (int kind = 0; kind < PC_KERNEL_COUNT; kind++) {
            if (!pc_layer_has_kernel(&module->layers[i], (enum pc_kernel_kind)kind))
                continue;
            const struct pc_kernel *kernel =
                pc_kernel_build(&module->layers[i], (enum pc_kernel_kind)kind, &options, unit->arena, &unit->diags);
            if (!kernel)
                break; /* the other kernels would repeat the error */
            show(kernel, text);
        }
    pc_diags_render(&unit->diags, unit->source, text);
}

static void show_plan(const struct pc_kernel *kernel, struct pc_text *text) {
    pc_plan_print(kernel->plan, false, text);
}

static void make_plan(struct unit *unit, struct pc_text *text) {
    each_kernel(unit, text, show_plan);
}

static void show_lanes(const struct pc_kernel *kernel, struct pc_text *text) {
    pc_plan_print(kernel->plan, true, text);
}

static void make_lanes(struct unit *unit, struct pc_text *text) {
    each_kernel(unit, text, show_lanes);
}

static void show_ir(const struct pc_kernel *kernel, struct pc_text *text) {
    ir_print(kernel->ir, text);
}

static void make_ir(struct unit *unit, struct pc_text *text) {
    each_kernel(unit, text, show_ir);
}

static void make_c(struct unit *unit, struct pc_text *text) {
    const struct pc_frame_options options = {.spec_name = "golden.pool",
                                             .base_name = "golden",
                                             .kernel = {.prefix = "golden", .verify = true},
                                             .targets = unit->targets};
    struct pc_text header = {0}, source = {0};
    pc_frame_write(build(unit), &options, &(struct pc_frame_texts){.source = &source, .header = &header}, &unit->diags);
    pc_text_add(text, pc_text_string(&header));
    pc_text_add(text, pc_text_string(&source));
    pc_diags_render(&unit->diags, unit->source, text);
    pc_text_release(&header);
    pc_text_release(&source);
}

/* For one machine, so that the text is the same on all. */
static void make_llvm(struct unit *unit, struct pc_text *text) {
    const struct pc_kernel_options kernel = {.prefix = "golden", .verify = true};
    const struct pc_codegen_options machine = {.triple = "x86_64-pc-linux-gnu"};
    pc_codegen(build(unit), &kernel, &machine, PC_CODE_LLVM, text, &unit->diags);
    pc_diags_render(&unit->diags, unit->source, text);
}

static void show_nothing(const struct pc_kernel *kernel, struct pc_text *text) {
    (void)kernel, (void)text;
}

static void make_err(struct unit *unit, struct pc_text *text) {
    each_kernel(unit, text, show_nothing);
}

struct kind {
    const char *name;
    void (*make)(struct unit *unit, struct pc_text *text);
    const char *variant; /* in the name of the expectation */
    struct pc_targets targets;
};

static const struct kind kinds[] = {
    {"ast", make_ast, "", {.count = 0}},
    {"layer", make_layer, "", {.count = 0}},
    {"plan", make_plan, "", {.count = 0}},
    {"lanes", make_lanes, "", {.items = {PC_TARGET_SSE2}, .count = 1}},
    {"ir", make_ir, "", {.count = 0}},
    {"c", make_c, "", {.count = 0}},
    {"llvm", make_llvm, "", {.count = 0}},
    {"err", make_err, "", {.count = 0}},
    {"target", make_c, ".sse2", {.items = {PC_TARGET_SSE2}, .count = 1}},
    {"target", make_c, ".avx2", {.items = {PC_TARGET_AVX2}, .count = 1}},
    {"target", make_c, ".avx512", {.items = {PC_TARGET_AVX512}, .count = 1}},
    {"target", make_c, ".neon", {.items = {PC_TARGET_NEON}, .count = 1}},
    {"targets", make_c, "", {.items = {PC_TARGET_AVX512, PC_TARGET_AVX2, PC_TARGET_SSE2}, .count = 3}},
};

/* Diagnostics that no small file reaches, and where they are tested instead. */
static const enum pc_diag_id untested[] = {
    PC_DIAG_SOURCE_TOO_LARGE, /* test_front.c: 16 MiB */
    PC_DIAG_TOO_MANY_POOLS,   /* test_front.c: 10,001 pools */
    PC_DIAG_TOO_MANY_LETS,    /* test_front.c: 10,001 names */
    PC_DIAG_BAD_DESC,         /* test_front.c: only for descriptions built in code */
    PC_DIAG_TUNED_LINE,       /* test_tuned.c: no part of a spec */
    PC_DIAG_TUNED_UNKNOWN,    /* test_tuned.c */
    PC_DIAG_BACKEND,          /* test_runner.c */
    PC_DIAG_INTERNAL,         /* no spec may lead to it */
};

static bool seen[PC_DIAG_COUNT];

static char *read_file(const char *path, struct pc_arena *arena, size_t *size) {
    FILE *file = fopen(path, "rb");
    if (!file)
        return NULL;
    fseek(file, 0, SEEK_END);
    long length = ftell(file);
    rewind(file);
    char *text = length < 0 ? NULL : pc_arena_alloc(arena, (size_t)length + 1);
    *size = text ? fread(text, 1, (size_t)length, file) : 0;
    fclose(file);
    return text;
}

static bool write_file(const char *path, const struct pc_text *text) {
    FILE *file = fopen(path, "wb");
    if (!file)
        return false;
    bool good = fwrite(pc_text_string(text), 1, text->size, file) == text->size;
    return fclose(file) == 0 && good;
}

static void print_lines(char mark, const char *begin, const char *end) {
    while (begin < end) {
        const char *line = memchr(begin, '\n', (size_t)(end - begin));
        const char *stop = line ? line : end;
        printf("%c%.*s\n", mark, (int)(stop - begin), begin);
        begin = line ? line + 1 : end;
    }
}

/* The lines between the common beginning and the common end. */
static void print_difference(const char *expected, size_t expected_size, const char *actual, size_t actual_size) {
    size_t same = 0, line = 0, number = 1;
    while (same < expected_size && same < actual_size && expected[same] == actual[same])
        if (expected[same++] == '\n') {
            line = same;
            number++;
        }
    size_t tail = 0;
    while (tail < expected_size - line && tail < actual_size - line &&
           expected[expected_size - 1 - tail] == actual[actual_size - 1 - tail])
        tail++;
    while (tail > 0 && !(expected[expected_size - tail - 1] == '\n' && expected_size - tail >= line))
        tail--; /* back to the beginning of a line */
    printf("@@ line %zu @@\n", number);
    print_lines('-', expected + line, expected + expected_size - tail);
    print_lines('+', actual + line, actual + actual_size - tail);
}

static void note_ids(const char *text) {
    for (int id = 0; id < PC_DIAG_COUNT; id++) {
        char tag[64];
        snprintf(tag, sizeof tag, " [%s]\n", pc_diag_row((enum pc_diag_id)id)->name);
        if (strstr(text, tag))
            seen[id] = true;
    }
}

/* err/bad-stride.pool and err/bad-stride_2.pool are about [bad-stride]. */
static bool is_about_its_name(const char *base, const char *text) {
    char tag[128];
    snprintf(tag, sizeof tag, "[%.*s]\n", (int)strcspn(base, "_."), base);
    return strstr(text, tag) != NULL;
}

static bool check(const struct kind *kind, const char *path) {
    struct pc_arena arena = {0};
    struct pc_text text = {0};
    struct unit unit = {.arena = &arena, .targets = kind->targets};
    const bool errors = kind->make == make_err;
    bool good = false;
    pc_diags_init(&unit.diags, &arena);
    const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    const char *expect = pc_arena_printf(&arena, "%.*s%s.expect", (int)(strrchr(path, '.') - path), path, kind->variant);
    size_t size = 0, expected_size = 0;
    const char *problem = NULL, *bytes = read_file(path, &arena, &size);
    if (bytes) {
        unit.source = pc_source_from_string(base, bytes, size, &arena);
        kind->make(&unit, &text);
        note_ids(pc_text_string(&text));
        if (errors && !is_about_its_name(base, pc_text_string(&text)))
            problem = "does not report the diagnostic that it is named after";
    } else {
        problem = "cannot be read";
    }
    if (!problem && getenv("UPDATE_EXPECT")) {
        good = write_file(expect, &text);
        problem = good ? NULL : "expectation cannot be written";
    } else if (!problem) {
        const char *expected = read_file(expect, &arena, &expected_size);
        good = expected && expected_size == text.size && memcmp(expected, pc_text_string(&text), text.size) == 0;
        if (!good) {
            printf("--- %s\n+++ actual\n", expect);
            print_difference(expected ? expected : "", expected_size, pc_text_string(&text), text.size);
        }
    }
    if (problem)
        printf("%s: %s\n%s", path, problem, pc_text_string(&text));
    pc_text_release(&text);
    pc_arena_release(&arena);
    return good;
}

static int count_missing_ids(void) {
    int missing = 0;
    for (int id = 0; id < PC_DIAG_COUNT; id++) {
        bool excused = false;
        for (size_t i = 0; i < sizeof untested / sizeof untested[0]; i++)
            excused |= (int)untested[i] == id;
        if (!seen[id] && !excused) {
            printf("no expectation has the diagnostic [%s]\n", pc_diag_row((enum pc_diag_id)id)->name);
            missing++;
        }
    }
    return missing;
}

int main(int argc, char **argv) {
    int first = 2, failed = 0, checked = 0;
    bool all_ids = argc > 2 && strcmp(argv[2], "--all-ids") == 0;
    first += all_ids;
    if (argc <= first) {
        printf("usage: golden KIND [--all-ids] FILE.pool...\n");
        return 2;
    }
    for (size_t kind = 0; kind < sizeof kinds / sizeof kinds[0]; kind++) {
        if (strcmp(argv[1], kinds[kind].name) != 0)
            continue;
        for (int i = first; i < argc; i++, checked++)
            failed += !check(&kinds[kind], argv[i]);
    }
    if (checked == 0) {
        printf("golden: unknown kind '%s'\n", argv[1]);
        return 2;
    }
    int missing = all_ids ? count_missing_ids() : 0;
    printf("%s: %d of %d files as expected\n", argv[1], checked - failed, checked);
    return failed || missing;
}
