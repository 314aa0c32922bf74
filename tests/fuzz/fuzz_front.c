/* fuzz_front.c - any bytes through scanner, parser, checks and printers, and through the reader of measured plans.
 *
 * With -fsanitize=fuzzer this is a libFuzzer target; compiled with -DPOOL_FUZZ_MAIN it is a program that runs each file
 * named on its command line once. Every layer that comes out must survive its own canonical form, and what has no layer
 * must have an error. */
#include "front/layer.h"
#include "front/parse.h"
#include "middle/tuned.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition, const char *what) {
    if (condition)
        return;
    fprintf(stderr, "fuzz_front: %s\n", what);
    abort();
}

struct run {
    struct pc_arena arena;
    struct pc_diags diags;
    struct pc_source *source;
    struct pc_ast_file *file;
    struct pc_module *module;
};

static void start(struct run *run, const char *text, size_t size) {
    *run = (struct run){0};
    pc_diags_init(&run->diags, &run->arena);
    run->source = pc_source_from_string("fuzz.pool", text, size, &run->arena);
    run->file = pc_parse(run->source, &run->arena, &run->diags);
    run->module = pc_layers_build(run->file, run->source, &run->arena, &run->diags);
}

static void check_spans(const struct run *run) {
    const size_t size = run->source->size;
    for (const struct pc_diag *diag = run->diags.first; diag; diag = diag->next)
        require(diag->span.begin <= diag->span.end && diag->span.end <= size, "a span lies outside of the text");
}

/* parse(print(layer)) is the same layer and prints the same text. */
static void check_round_trip(const struct pc_layer *layer) {
    struct pc_text canonical = {0}, dump = {0}, again = {0}, dump_again = {0};
    struct run run;
    pc_layer_print(layer, &canonical);
    pc_layer_dump(layer, &dump);
    start(&run, canonical.bytes, canonical.size);
    require(pc_diags_error_count(&run.diags) == 0 && run.module->count == 1, "the canonical form has errors");
    pc_layer_print(&run.module->layers[0], &again);
    pc_layer_dump(&run.module->layers[0], &dump_again);
    require(strcmp(pc_text_string(&canonical), pc_text_string(&again)) == 0, "the canonical form is not canonical");
    require(strcmp(pc_text_string(&dump), pc_text_string(&dump_again)) == 0, "the canonical form is another layer");
    pc_text_release(&canonical);
    pc_text_release(&dump);
    pc_text_release(&again);
    pc_text_release(&dump_again);
    pc_arena_release(&run.arena);
}

/* Measured plans that are accepted are written as they were read, and then accepted again. */
static void check_tuned(const char *text, size_t size) {
    struct pc_arena arena = {0};
    struct pc_diags diags;
    struct pc_text written = {0}, again = {0};
    pc_diags_init(&diags, &arena);
    const struct pc_source *source = pc_source_from_string("fuzz.tuned", text, size, &arena);
    const struct pc_tuned *tuned = pc_tuned_parse(source, &arena, &diags);
    pc_diags_render(&diags, source, &written);
    pc_text_clear(&written);
    if (pc_diags_error_count(&diags) == 0) {
        pc_tuned_print(tuned, &written);
        source = pc_source_from_string("fuzz.tuned", written.bytes, written.size, &arena);
        pc_tuned_print(pc_tuned_parse(source, &arena, &diags), &again);
        require(pc_diags_error_count(&diags) == 0, "measured plans that were written have errors");
        require(strcmp(pc_text_string(&written), pc_text_string(&again)) == 0, "measured plans are written differently");
    }
    pc_text_release(&written);
    pc_text_release(&again);
    pc_arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct run run;
    check_tuned((const char *)data, size);
    struct pc_text text = {0};
    start(&run, (const char *)data, size);
    check_spans(&run);
    require(run.module->count <= run.file->pool_count, "more layers than pools");
    if (pc_diags_error_count(&run.diags) == 0)
        require(run.module->count == run.file->pool_count, "a pool vanished without an error");
    pc_ast_print(run.file, &text);
    pc_diags_render(&run.diags, run.source, &text);
    pc_diags_render(&run.diags, NULL, &text);
    for (size_t i = 0; i < run.module->count; i++)
        check_round_trip(&run.module->layers[i]);
    pc_text_release(&text);
    pc_arena_release(&run.arena);
    return 0;
}

#ifdef POOL_FUZZ_MAIN
int main(int argc, char **argv) {
    int done = 0;
    for (int i = 1; i < argc; i++) {
        struct pc_arena arena = {0};
        const char *problem = NULL;
        const struct pc_source *source = pc_source_read(argv[i], &arena, &problem);
        if (source)
            done += LLVMFuzzerTestOneInput((const uint8_t *)source->text, source->size) == 0;
        else
            fprintf(stderr, "%s %s\n", argv[i], problem);
        pc_arena_release(&arena);
    }
    printf("fuzz_front: %d of %d files\n", done, argc - 1);
    return done != argc - 1;
}
#endif
