/* cmd_build.c - poolc build: from a spec to files.
 *
 * Everything that is to be written is made in memory first; files appear when all of it could be made. */
#include "back/frame.h"
#include "cli/output.h"
#include "llvm/codegen.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* What is written, in the order in which it was asked for. */
struct product {
    const char *path; /* NULL: standard output */
    struct pc_text text;
};

enum { PRODUCTS_MAX = PC_EMIT_COUNT + 3 }; /* a header, a self-test, a depfile */

struct build {
    struct pc_cli *cli;
    const struct pc_module *module;
    struct pc_frame_options options;
    struct product products[PRODUCTS_MAX];
    int count;
    bool framed; /* what the frame writes is among them */
};

static const char *const extensions[PC_EMIT_COUNT] = {
#define EMIT(id, name, extension, line) extension,
#include "cli/options.def"
};

/* ---- names ---- */

/* DIR/BASE<ending> */
static const char *path_of(struct build *b, const char *ending) {
    const char *folder = b->cli->options.directory;
    if (!folder)
        return pc_arena_printf(&b->cli->arena, "%s%s", b->options.base_name, ending);
    const bool ends = folder[strlen(folder) - 1] == '/';
    return pc_arena_printf(&b->cli->arena, "%s%s%s%s", folder, ends ? "" : "/", b->options.base_name, ending);
}

/* The base name stands between the quotes of an #include and in the depfile, whose line it must not end. */
static bool name_is_usable(struct build *b) {
    const char *base = b->options.base_name;
    bool good = *base != '\0';
    for (const char *c = base; *c; c++)
        good &= (unsigned char)*c >= ' ' && *c != 0x7f && *c != '"' && *c != '\\';
    if (!good)
        pc_cli_fail(b->cli, PC_EXIT_INPUT, "%s: the generated files cannot be named after this spec; rename it",
                    b->cli->source->name);
    return good;
}

/* Headers that generated files include, by way of others too: a folder with one of ours that is called so would be found
 * first by whoever has it among the folders of -I. */
static bool header_is_ours(struct build *b) {
    static const char *const taken[] = {"assert",  "complex", "ctype",   "errno",   "fenv",      "float",     "inttypes",
                                        "iso646",  "limits",  "locale",  "math",    "setjmp",    "signal",    "stdalign",
                                        "stdarg",  "stdbool", "stddef",  "stdint",  "stdio",     "stdlib",    "stdatomic",
                                        "string",  "tgmath",  "threads", "time",    "uchar",     "wchar",     "wctype",
                                        "features", "endian", "omp",     "immintrin", "emmintrin", "arm_neon", "alloca"};
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
        if (strcmp(b->options.base_name, taken[i]) == 0) {
            pc_cli_fail(b->cli, PC_EXIT_INPUT, "%s: %s.h would hide the C library's header of that name; rename the spec",
                        b->cli->source->name, taken[i]);
            return false;
        }
    }
    return true;
}

static bool set_names(struct build *b) {
    struct pc_cli *cli = b->cli;
    const char *slash = strrchr(cli->source->name, '/');
    b->options.base_name = b->module->name;
    b->options.spec_name = strcmp(cli->options.file, "-") == 0 ? "stdin" : slash ? slash + 1 : cli->source->name;
    b->options.kernel.plan = cli->plan;
    b->options.targets = pc_targets_or_c99(&cli->options.targets);
    pc_target_plan(b->options.targets.items[0], &b->options.kernel.plan); /* of what has one target only */
    b->options.kernel.prefix = cli->options.prefix;
    b->options.openmp = cli->options.openmp;
    if (!name_is_usable(b) || !header_is_ours(b))
        return false;
    if (!cli->options.prefix) {
        b->options.kernel.prefix = pc_frame_prefix_from(b->module->name, &cli->arena);
    } else if (!pc_frame_is_prefix(cli->options.prefix)) {
        pc_cli_fail(cli, PC_EXIT_USAGE,
                    "--prefix '%s' cannot begin a C identifier: a letter, then letters, digits and underscores",
                    cli->options.prefix);
        return false;
    }
    return true;
}

/* ---- products ---- */

static struct pc_text *add_product(struct build *b, const char *path) {
    struct product *product = &b->products[b->count++];
    *product = (struct product){.path = path, .text = pc_cli_text(b->cli)};
    return &product->text;
}

/* The file that an emission goes to; NULL: standard output. */
static const char *path_of_emission(struct build *b, enum pc_emit emit) {
    if (!b->cli->options.directory && emit != PC_EMIT_C && emit != PC_EMIT_OBJ)
        return NULL;
    return path_of(b, pc_arena_printf(&b->cli->arena, ".%s", extensions[emit]));
}

/* Plan or IR of every kernel for a target, each built in memory of its own. */
static void print_kernels_for(struct build *b, enum pc_target target, enum pc_emit emit, struct pc_text *text) {
    struct pc_kernel_options options = b->options.kernel;
    pc_target_plan(target, &options.plan);
    for (size_t i = 0; i < b->module->count; i++) {
        const struct pc_layer *layer = &b->module->layers[i];
        for (int kind = 0; kind < PC_KERNEL_COUNT; kind++) {
            if (!pc_layer_has_kernel(layer, (enum pc_kernel_kind)kind))
                continue;
            struct pc_arena arena = {.out_of_memory = b->cli->arena.out_of_memory};
            const struct pc_kernel *kernel =
                pc_kernel_build(layer, (enum pc_kernel_kind)kind, &options, &arena, &b->cli->diags);
            if (kernel && emit == PC_EMIT_IR)
                ir_print(kernel->ir, text);
            else if (kernel)
                pc_plan_print(kernel->plan, emit == PC_EMIT_LANES, text);
            pc_arena_release(&arena);
        }
    }
}

static void print_kernels(struct build *b, enum pc_emit emit) {
    struct pc_text *text = add_product(b, path_of_emission(b, emit));
    const struct pc_targets *targets = &b->options.targets;
    for (int i = 0; i < targets->count; i++) {
        if (targets->count > 1)
            pc_text_printf(text, "# %s\n", pc_target_row(targets->items[i])->name);
        print_kernels_for(b, targets->items[i], emit, text);
    }
}

/* Source, header and self-test, once: an object or assembly is used through the header, as the source is. */
static void make_frame(struct build *b) {
    const struct pc_options *options = &b->cli->options;
    const bool source = pc_options_emit(options, PC_EMIT_C);
    const bool header = source || pc_options_emit(options, PC_EMIT_OBJ) ||
                        (pc_options_emit(options, PC_EMIT_ASM) && path_of_emission(b, PC_EMIT_ASM));
    if (b->framed || (!header && !options->selftest))
        return;
    b->framed = true;
    const struct pc_frame_texts texts = {
        .source = source ? add_product(b, path_of(b, ".c")) : NULL,
        .header = header ? add_product(b, path_of(b, ".h")) : NULL,
        .selftest = options->selftest ? add_product(b, path_of(b, "_selftest.c")) : NULL,
    };
    pc_frame_write(b->module, &b->options, &texts, &b->cli->diags);
}

static void make_code(struct build *b, enum pc_emit emit, enum pc_code code) {
    const struct pc_codegen_options machine = {.triple = b->cli->options.triple, .cpu = b->cli->options.cpu};
    pc_codegen(b->module, &b->options.kernel, &machine, code, add_product(b, path_of_emission(b, emit)), &b->cli->diags);
}

static void make(struct build *b, enum pc_emit emit) {
    switch (emit) {
    case PC_EMIT_C:
        make_frame(b);
        return;
    case PC_EMIT_OBJ:
        make_code(b, emit, PC_CODE_OBJECT);
        make_frame(b);
        return;
    case PC_EMIT_ASM:
        make_code(b, emit, PC_CODE_ASSEMBLY);
        make_frame(b);
        return;
    case PC_EMIT_LLVM:
        make_code(b, emit, PC_CODE_LLVM);
        return;
    case PC_EMIT_IR:
    case PC_EMIT_PLAN:
    case PC_EMIT_LANES:
        print_kernels(b, emit);
        return;
    case PC_EMIT_AST:
        pc_ast_print(b->cli->tree, add_product(b, path_of_emission(b, emit)));
        return;
    case PC_EMIT_LAYER: {
        struct pc_text *text = add_product(b, path_of_emission(b, emit));
        for (size_t i = 0; i < b->module->count; i++)
            pc_layer_dump(&b->module->layers[i], text);
        return;
    }
    case PC_EMIT_COUNT:
        return;
    }
}

/* After an error nothing is written, and what comes next would only report it again. */
static void make_all(struct build *b) {
    const struct pc_options *options = &b->cli->options;
    for (int i = 0; i < options->emit_count && pc_diags_error_count(&b->cli->diags) == 0; i++)
        make(b, options->emit[i]);
    if (pc_diags_error_count(&b->cli->diags) == 0)
        make_frame(b); /* a self-test besides emissions that have no frame */
}

/* ---- the depfile ---- */

/* A name as make reads it: `\ ` for a space, `\#`, `$$`. Backslashes are doubled only where they stand before a space,
 * because only there make takes them for its own. */
static void add_name(struct pc_text *text, const char *name) {
    for (const char *c = name; *c; c++) {
        if (*c == ' ' || *c == '\t') {
            for (const char *before = c; before > name && before[-1] == '\\'; before--)
                pc_text_add_char(text, '\\');
            pc_text_add_char(text, '\\');
        } else if (*c == '#') {
            pc_text_add_char(text, '\\');
        } else if (*c == '$') {
            pc_text_add_char(text, '$');
        }
        pc_text_add_char(text, *c);
    }
}

static bool newline_in_names(const struct build *b) {
    const char *tuned = b->cli->options.tuned;
    bool found = strchr(b->cli->options.file, '\n') != NULL || (tuned && strchr(tuned, '\n'));
    for (int i = 0; i < b->count; i++)
        found |= b->products[i].path && strchr(b->products[i].path, '\n');
    return found;
}

static void make_depfile(struct build *b) {
    const int outputs = b->count;
    struct pc_text *text = add_product(b, b->cli->options.depfile);
    bool first = true;
    for (int i = 0; i < outputs; i++) {
        if (!b->products[i].path)
            continue;
        pc_text_add(text, first ? "" : " ");
        add_name(text, b->products[i].path);
        first = false;
    }
    if (first) {
        pc_cli_fail(b->cli, PC_EXIT_USAGE, "--depfile is about files, and there are none: give --output");
        return;
    }
    if (newline_in_names(b)) {
        pc_cli_fail(b->cli, PC_EXIT_USAGE, "a name with a line break cannot stand in a depfile");
        return;
    }
    pc_text_add(text, ":");
    const char *const sources[] = {b->cli->options.file, b->cli->options.tuned};
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        if (!sources[i] || strcmp(sources[i], "-") == 0)
            continue;
        pc_text_add(text, " ");
        add_name(text, sources[i]);
    }
    pc_text_add(text, "\n");
}

/* ---- writing ---- */

/* False, reported, when the names are such that one file would take the place of another. */
static bool names_differ(struct build *b) {
    for (int i = 0; i < b->count; i++) {
        if (!b->products[i].path)
            continue;
        if (!pc_output_is_apart(b->cli, b->products[i].path))
            return false;
        for (int j = 0; j < i; j++) {
            if (b->products[j].path && pc_same_file(b->products[i].path, b->products[j].path)) {
                pc_cli_fail(b->cli, PC_EXIT_USAGE, "%s: two outputs have this name", b->products[i].path);
                return false;
            }
        }
    }
    return true;
}

static void write_products(struct build *b) {
    struct pc_outputs outputs;
    if (!names_differ(b))
        return;
    pc_outputs_open(&outputs, b->cli);
    for (int i = 0; i < b->count; i++)
        if (b->products[i].path)
            pc_outputs_add(&outputs, b->products[i].path, &b->products[i].text);
    /* Standard output first: it cannot be taken back, but neither can the files be kept when it fails. */
    for (int i = 0; i < b->count && !outputs.failed; i++)
        if (!b->products[i].path)
            pc_cli_print(b->cli, &b->products[i].text);
    pc_outputs_commit(&outputs, b->cli->status < PC_EXIT_FAILURE);
}

/* False, reported, when there is no such folder: before minutes of work for nothing. */
static bool folder_is_there(struct pc_cli *cli) {
    struct stat status;
    const char *folder = cli->options.directory;
    const bool there = !folder || stat(folder, &status) == 0;
    if (!there)
        pc_cli_fail(cli, PC_EXIT_FAILURE, "%s: cannot be written: %s", folder, strerror(errno));
    return there;
}

/* False, reported, when the machine is none that code can be written for. */
static bool machine_is_good(struct pc_cli *cli) {
    const struct pc_codegen_options machine = {.triple = cli->options.triple, .cpu = cli->options.cpu};
    const char *problem = machine.triple || machine.cpu ? pc_machine_problem(&machine, &cli->arena) : NULL;
    if (problem)
        pc_cli_fail(cli, PC_EXIT_USAGE, "%s", problem);
    return !problem;
}

void pc_cmd_build(struct pc_cli *cli) {
    struct build b = {.cli = cli, .module = pc_cli_load(cli)};
    const struct pc_targets targets = pc_targets_or_c99(&cli->options.targets);
    if (!b.module || !pc_cli_plan(cli, b.module, &targets) || !set_names(&b) || !machine_is_good(cli) ||
        !folder_is_there(cli))
        return;
    make_all(&b);
    if (cli->options.depfile)
        make_depfile(&b);
    if (pc_diags_error_count(&cli->diags) == 0 && cli->status == PC_EXIT_OK)
        write_products(&b);
    for (int i = 0; i < b.count; i++)
        pc_text_release(&b.products[i].text);
}
