/* sanitize.c - kernels under the address and undefined-behaviour sanitizers, in a program of their own.
 *
 *     sanitize [--layers N] [--seed S] [--compiler cc]
 *
 * Writes kernels of random layers and a main program that calls each of them on arrays allocated to the element, compiles
 * both with the sanitizers and runs them.  Run a second time with arrays one element too short, the program must fail: that
 * shows that the sanitizers look. */
#include "batch.h"

#include "back/frame.h"
#include "front/diag.h"
#include "run/process.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ERRORS_MAX = 8000, PATH_LENGTH = 4096, BATCH = 40 };

/* ---- the program ---- */

static const char beginning[] =
    "#include \"kernels.h\"\n"
    "#include <math.h>\n"
    "#include <stdlib.h>\n"
    "#include <string.h>\n"
    "\n"
    "static size_t missing; /* elements that arrays are too short */\n"
    "static uint64_t random_state = 1;\n"
    "\n"
    "static uint64_t next(void) {\n"
    "    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);\n"
    "    return random_state >> 33;\n"
    "}\n"
    "static double number(void) {\n"
    "    static const double rare[] = {0.0, -0.0, 1.0, 1e-40, 3e38, -3e38};\n"
    "    const uint64_t which = next() % 64;\n"
    "    if (which == 63)\n"
    "        return (double)NAN;\n"
    "    if (which > 60)\n"
    "        return which == 62 ? (double)INFINITY : -(double)INFINITY;\n"
    "    return which < 6 ? rare[which] : (double)next() / 1073741824.0 - 1.0;\n"
    "}\n"
    "static void *array(size_t count, size_t size) {\n"
    "    void *memory = malloc((count - missing) * size + (count == missing));\n"
    "    if (!memory)\n"
    "        exit(3);\n"
    "    return memory;\n"
    "}\n"
    "static void fill_float(float *to, size_t count) {\n"
    "    for (size_t i = 0; i + missing < count; i++)\n"
    "        to[i] = (float)number();\n"
    "}\n"
    "static void fill_double(double *to, size_t count) {\n"
    "    for (size_t i = 0; i + missing < count; i++)\n"
    "        to[i] = number();\n"
    "}\n";

static void add_array(const struct pc_layer *layer, enum pc_tensor tensor, enum ir_element element, struct pc_text *text) {
    const char *type = ir_elements[element].c_type, *name = tensor_names[tensor];
    const int64_t count = tensor == PC_TENSOR_X || tensor == PC_TENSOR_DX ? layer->x_count : layer->y_count;
    pc_text_printf(text, "    %s *%s = (%s *)array(%" PRId64 ", sizeof(%s));\n", type, name, type, count, type);
    if (tensor == PC_TENSOR_X || tensor == PC_TENSOR_DY)
        pc_text_printf(text, "    fill_%s(%s, %" PRId64 ");\n", type, name, count);
}

static void add_call(const struct pc_layer *layer, enum pc_kernel_kind kind, struct pc_arena *arena, struct pc_text *text) {
    const struct pc_parameters parameters = pc_parameters_of(layer, kind);
    pc_text_printf(text, "    %s(", pc_kernel_name("k", layer, kind, arena));
    for (int i = 0; i < parameters.count; i++)
        pc_text_printf(text, "%s%s", i ? ", " : "", tensor_names[parameters.items[i].tensor]);
    pc_text_add(text, ");\n");
}

static void add_layer(const struct pc_layer *layer, struct pc_arena *arena, struct pc_text *text) {
    const enum ir_element real = layer->desc.dtype == POOL_F64 ? IR_F64 : IR_F32;
    bool used[PC_TENSOR_COUNT] = {false};
    pc_text_printf(text, "\nstatic void run_%s(void) {\n", layer->name);
    for (int kind = 0; kind < PC_KERNEL_COUNT; kind++) {
        if (!pc_layer_has_kernel(layer, (enum pc_kernel_kind)kind))
            continue;
        const struct pc_parameters parameters = pc_parameters_of(layer, (enum pc_kernel_kind)kind);
        for (int i = 0; i < parameters.count; i++)
            used[parameters.items[i].tensor] = true;
    }
    for (int i = 0; i < PC_TENSOR_COUNT; i++)
        if (used[i])
            add_array(layer, (enum pc_tensor)i,
                      i == PC_TENSOR_INDICES ? pc_index_element(layer)
                      : i == PC_TENSOR_STATE ? pc_state_element(layer)
                                             : real,
                      text);
    for (int kind = 0; kind < PC_KERNEL_COUNT; kind++)
        if (pc_layer_has_kernel(layer, (enum pc_kernel_kind)kind))
            add_call(layer, (enum pc_kernel_kind)kind, arena, text);
    for (int i = 0; i < PC_TENSOR_COUNT; i++)
        if (used[i])
            pc_text_printf(text, "    free(%s);\n", tensor_names[i]);
    pc_text_add(text, "}\n");
}

static void add_main(const struct pc_module *module, struct pc_arena *arena, struct pc_text *text) {
    pc_text_add(text, beginning);
    for (size_t i = 0; i < module->count; i++)
        add_layer(&module->layers[i], arena, text);
    pc_text_add(text, "\nint main(int argc, char **argv) {\n    missing = argc > 1 && strcmp(argv[1], \"short\") == 0;\n");
    for (size_t i = 0; i < module->count; i++)
        pc_text_printf(text, "    run_%s();\n", module->layers[i].name);
    pc_text_add(text, "    return 0;\n}\n");
}

/* ---- running it ---- */

struct folder {
    char name[PATH_LENGTH - 32]; /* what is inside has shorter names */
    char header[PATH_LENGTH], kernels[PATH_LENGTH], main[PATH_LENGTH], program[PATH_LENGTH];
};

static bool folder_open(struct folder *folder) {
    const char *base = getenv("TMPDIR");
    snprintf(folder->name, sizeof folder->name, "%s/poolc-test-XXXXXX", base && *base ? base : P_tmpdir);
    if (!mkdtemp(folder->name)) {
        perror(folder->name);
        return false;
    }
    snprintf(folder->header, sizeof folder->header, "%s/kernels.h", folder->name);
    snprintf(folder->kernels, sizeof folder->kernels, "%s/kernels.c", folder->name);
    snprintf(folder->main, sizeof folder->main, "%s/main.c", folder->name);
    snprintf(folder->program, sizeof folder->program, "%s/program", folder->name);
    return true;
}

static void folder_close(const struct folder *folder) {
    unlink(folder->header);
    unlink(folder->kernels);
    unlink(folder->main);
    unlink(folder->program);
    rmdir(folder->name);
}

static bool write_text(const char *path, const struct pc_text *text) {
    FILE *file = fopen(path, "wb");
    if (!file)
        return false;
    const bool good = fwrite(pc_text_string(text), 1, text->size, file) == text->size;
    return fclose(file) == 0 && good;
}

/* 0 where the program ends well. */
static int run(const char *const *arguments, bool quiet) {
    static char errors[ERRORS_MAX];
    struct pc_signals signals;
    pc_signals_hold(&signals);
    const struct pc_process_end end = pc_process_run(arguments, &signals, errors, sizeof errors);
    pc_signals_release(&signals);
    if (end.started && end.status == 0)
        return 0;
    if (!quiet)
        printf("%s: %s\n%s\n", arguments[0], end.started ? "failed" : strerror(end.status), errors);
    return 1;
}

static bool run_folder(const struct folder *folder, const char *compiler) {
    const char *const compile[] = {compiler,
                                   "-std=c99",
                                   "-g",
                                   "-O1",
                                   "-fsanitize=address,undefined",
                                   "-fno-sanitize-recover=all",
                                   "-ffp-contract=off",
                                   "-o",
                                   folder->program,
                                   folder->kernels,
                                   folder->main,
                                   "-lm",
                                   NULL};
    const char *const program[] = {folder->program, NULL}, *const short_program[] = {folder->program, "short", NULL};
    if (run(compile, false) != 0 || run(program, false) != 0)
        return false;
    if (run(short_program, true) != 0)
        return true;
    printf("arrays one element too short went unnoticed: the sanitizers do not look\n");
    return false;
}

static bool run_batch(const struct batch *batch, const char *compiler) {
    struct pc_arena arena = {0};
    struct pc_diags diags;
    struct pc_text header = {0}, source = {0}, program = {0};
    struct folder folder;
    const struct pc_module module = {.name = "random", .layers = batch->layers, .count = batch->count};
    /* A file for several targets needs no flags of theirs. */
    const struct pc_targets several = {.items = {batch->target, PC_TARGET_C99}, .count = 2}, none = {.count = 0};
    const struct pc_frame_options options = {.spec_name = "kernels.pool",
                                             .base_name = "kernels",
                                             .kernel = {.prefix = "k", .plan = batch->plan},
                                             .targets = batch->target == PC_TARGET_C99 ? none : several};
    bool good = false;
    pc_diags_init(&diags, &arena);
    if (pc_frame_write(&module, &options, &(struct pc_frame_texts){.header = &header, .source = &source}, &diags) &&
        folder_open(&folder)) {
        add_main(&module, &arena, &program);
        good = write_text(folder.header, &header) && write_text(folder.kernels, &source) &&
               write_text(folder.main, &program) && run_folder(&folder, compiler);
        folder_close(&folder);
    }
    pc_text_release(&header);
    pc_text_release(&source);
    pc_text_release(&program);
    pc_arena_release(&arena);
    return good;
}

int main(int argc, char **argv) {
    long layers = 200;
    uint64_t seed = 1;
    const char *compiler = "cc";
    for (int i = 1; i < argc; i += 2) {
        if (i + 1 < argc && strcmp(argv[i], "--layers") == 0)
            layers = atol(argv[i + 1]);
        else if (i + 1 < argc && strcmp(argv[i], "--seed") == 0)
            seed = strtoull(argv[i + 1], NULL, 0);
        else if (i + 1 < argc && strcmp(argv[i], "--compiler") == 0)
            compiler = argv[i + 1];
        else {
            fprintf(stderr, "usage: sanitize [--layers N] [--seed S] [--compiler cc]\n");
            return 2;
        }
    }
    bool good = true;
    long done = 0;
    for (long number = 0; good && number * BATCH < layers; number++) {
        const long left = layers - number * BATCH, count = left < BATCH ? left : BATCH;
        const bool vectors = number % 5 == 1; /* which take long to compile */
        struct batch *batch = batch_random(seed, number, (size_t)(vectors ? (count + 2) / 3 : count),
                                           vectors ? pc_target_native() : PC_TARGET_C99);
        good = run_batch(batch, compiler);
        done += (long)batch->count;
        if (!good)
            printf("in batch %ld of --seed %llu\n", number, (unsigned long long)seed);
        batch_free(batch);
    }
    printf("%ld layers under the sanitizers of %s: %s\n", done, compiler, good ? "ok" : "FAILED");
    return !good;
}
