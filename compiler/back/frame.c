/* frame.c - see frame.h. */
#include "back/frame.h"

#include "back/dispatch.h"
#include "back/emit_c.h"
#include "back/selftest.h"
#include "back/template.h"
#include "front/diag.h"
#include "poolc_version.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

bool pc_frame_is_prefix(const char *name) {
    if (!isalpha((unsigned char)name[0]))
        return false;
    for (const char *c = name; *c; c++)
        if (!isalnum((unsigned char)*c) && *c != '_')
            return false;
    return true;
}

const char *pc_frame_prefix_from(const char *base_name, struct pc_arena *arena) {
    char *prefix = pc_arena_printf(arena, "%s%s", isalpha((unsigned char)base_name[0]) ? "" : "k_", base_name);
    for (char *c = prefix; *c; c++)
        if (!isalnum((unsigned char)*c))
            *c = '_';
    return prefix;
}

static const char *upper(const char *name, struct pc_arena *arena) {
    char *copy = pc_arena_strndup(arena, name, strlen(name));
    for (char *c = copy; *c; c++)
        *c = (char)toupper((unsigned char)*c);
    return copy;
}

/* ---- what a file says about its layers ---- */

static void add_shape(const struct pc_layer *layer, bool output, struct pc_text *text) {
    const struct pool_desc *desc = &layer->desc;
    pc_text_printf(text, "%s[%" PRId64, desc->dtype == POOL_F32 ? "f32" : "f64", desc->batch);
    if (desc->layout == POOL_CHANNELS_FIRST)
        pc_text_printf(text, ",%" PRId64, desc->channels);
    for (int a = POOL_MAX_RANK - desc->rank; a < POOL_MAX_RANK; a++)
        pc_text_printf(text, ",%" PRId64, output ? layer->axis[a].out : layer->axis[a].in);
    if (desc->layout == POOL_CHANNELS_LAST)
        pc_text_printf(text, ",%" PRId64, desc->channels);
    pc_text_add(text, "]");
}

/* "stem: max 3 x 3, stride 2 x 2, padding 1:1 x 1:1. x f32[...] -> y f32[...]" */
static void add_summary(const struct pc_layer *layer, struct pc_text *text) {
    const struct pool_desc *desc = &layer->desc;
    const struct pc_axis *axis = &layer->axis[POOL_MAX_RANK - desc->rank];
    pc_text_printf(text, "%s: %s", layer->name, pc_mode_of(desc->mode)->name);
    if (desc->mode == POOL_LP)
        pc_text_printf(text, " %g", desc->p);
    if (desc->adaptive) {
        pc_text_add(text, ", adaptive");
    } else {
        bool padded = false;
        for (int a = 0; a < desc->rank; a++)
            pc_text_printf(text, "%s%" PRId64, a ? " x " : " ", axis[a].kernel);
        pc_text_add(text, ", stride");
        for (int a = 0; a < desc->rank; a++) {
            pc_text_printf(text, "%s%" PRId64, a ? " x " : " ", desc->stride[a]);
            padded |= axis[a].pad_begin || axis[a].pad_end;
        }
        pc_text_add(text, padded ? ", padding" : "");
        for (int a = 0; padded && a < desc->rank; a++)
            pc_text_printf(text, "%s%" PRId64 ":%" PRId64, a ? " x " : " ", axis[a].pad_begin, axis[a].pad_end);
    }
    pc_text_add(text, ".  x ");
    add_shape(layer, false, text);
    pc_text_add(text, " -> y ");
    add_shape(layer, true, text);
}

/* The canonical spec as comment lines. */
static void add_spec(const struct pc_module *module, struct pc_text *text) {
    struct pc_text spec = {.out_of_memory = text->out_of_memory};
    for (size_t i = 0; i < module->count; i++) {
        if (i)
            pc_text_add(&spec, "\n");
        pc_layer_print(&module->layers[i], &spec);
    }
    for (const char *line = pc_text_string(&spec); *line;) {
        const size_t length = strcspn(line, "\n");
        pc_text_add(text, length ? " *     " : " *");
        pc_text_add_bytes(text, line, length);
        pc_text_add(text, "\n");
        line += length + (line[length] == '\n');
    }
    pc_text_release(&spec);
}

static void add_kernel_comment(const struct pc_kernel *kernel, struct pc_text *text) {
    const struct ir_cost *cost = &kernel->cost;
    pc_text_add(text, "/* ");
    add_summary(kernel->layer, text);
    pc_text_printf(text, "\n * %s: %s", pc_kernel_suffix[kernel->kind], pc_form_names[kernel->plan->form]);
    for (int i = 0; i < kernel->plan->reason_count; i++)
        pc_text_printf(text, "\n *   - %s", kernel->plan->reasons[i]);
    pc_text_printf(text,
                   "\n * %" PRId64 " operations, %" PRId64 " loads, %" PRId64 " stores; %" PRId64
                   " bytes loaded and %" PRId64 " stored, at least %" PRId64 " and %" PRId64 ". */\n",
                   cost->operations, cost->loads, cost->stores, cost->bytes_loaded, cost->bytes_stored, cost->bytes_in,
                   cost->bytes_out);
}

/* ---- the header ---- */

static void add_interface(const struct pc_layer *layer, const struct pc_frame_options *options, struct pc_arena *arena,
                          struct pc_text *text) {
    const char *name = upper(pc_arena_printf(arena, "%s_%s", options->kernel.prefix, layer->name), arena);
    const bool state = pc_layer_has_kernel(layer, PC_KERNEL_TRAIN);
    const int64_t bytes = layer->y_count * ir_elements[pc_state_element(layer)].bytes;
    pc_text_add(text, "/* ");
    add_summary(layer, text);
    if (layer->desc.indices != POOL_INDICES_NONE)
        pc_text_printf(text, "\n * indices: %s.",
                       layer->desc.indices == POOL_INDICES_WINDOW  ? "the tap's number in its window, row-major"
                       : layer->desc.indices == POOL_INDICES_PLANE ? "the offset in the input plane"
                                                                   : "the offset in x");
    if (state)
        pc_text_printf(text, "\n * state: what forward_train leaves for backward, one %s for each element of y.",
                       ir_elements[pc_state_element(layer)].c_type);
    pc_text_add(text, " */\n");
    /* An enumerator must fit int; larger layers get macros. */
    const bool fits = layer->x_count <= INT32_MAX && layer->y_count <= INT32_MAX && bytes <= INT32_MAX;
    const char *format = fits ? "%s%s_%s = %" PRId64 : "%s#define %s_%s INT64_C(%" PRId64 ")\n";
    pc_text_add(text, fits ? "enum { " : "");
    pc_text_printf(text, format, "", name, "X_COUNT", layer->x_count);
    pc_text_printf(text, format, fits ? ", " : "", name, "Y_COUNT", layer->y_count);
    if (state)
        pc_text_printf(text, format, fits ? ", " : "", name, "STATE_BYTES", bytes);
    pc_text_add(text, fits ? " };\n" : "");
}

/* ---- writing ---- */

/* The texts of a file, made in one pass over the kernels for each target. */
struct bodies {
    const struct pc_frame_options *options;
    struct pc_targets targets;
    const char *guard; /* what macros of the file begin with */
    const char *begin; /* the function that says where a part begins */
    struct pc_arena *arena, *scratch; /* of the file, and of one kernel at a time */
    struct pc_text interface, source, dispatch;
    struct pc_c_needs needs;
    bool is_split; /* some kernel */
};

/* The kernels for one target. */
struct section {
    const char *suffix; /* of their names, where there are several targets */
    bool first;         /* what all targets share is written with the first */
    struct pc_kernel_options kernel;
    struct pc_c_words words;
    struct pc_text code;
};

static void add_kernel(const struct pc_kernel *kernel, struct section *section, struct bodies *bodies) {
    const struct pc_c_needs needs = pc_emit_c_needs(kernel->ir);
    const struct ir_parts parts = ir_parts_of(kernel->ir, bodies->scratch);
    bodies->needs.math |= needs.math;
    bodies->needs.integers |= needs.integers;
    bodies->needs.contraction |= needs.contraction;
    bodies->needs.parts |= needs.parts;
    bodies->needs.aligned |= needs.aligned;
    bodies->needs.fetch |= needs.fetch;
    bodies->needs.selects |= needs.selects;
    bodies->is_split |= parts.is_split;
    struct ir_function named = *kernel->ir;
    named.name = pc_arena_printf(bodies->scratch, "%s%s", named.name, section->suffix);
    pc_text_add(&section->code, "\n");
    add_kernel_comment(kernel, &section->code);
    pc_emit_c_function(&named, &parts, &section->words, &section->code);
    if (!section->first)
        return;
    pc_emit_c_signature(kernel->ir, "", &bodies->interface);
    pc_text_add(&bodies->interface, ";\n");
    pc_emit_c_part_signature(kernel->ir, "", &bodies->interface);
    pc_text_add(&bodies->interface, ";\n");
    if (bodies->targets.count == 1)
        return;
    pc_dispatch_part(kernel->ir, &bodies->targets, bodies->guard, section->words.restrict_word, bodies->scratch,
                     &bodies->dispatch);
    pc_text_add(&bodies->dispatch, "\n");
    pc_emit_c_whole(kernel->ir, &section->words, &bodies->dispatch);
}

static bool add_kernels(const struct pc_layer *layer, struct section *section, struct bodies *bodies,
                        struct pc_diags *diags) {
    bool ok = true;
    for (int kind = 0; kind < PC_KERNEL_COUNT && ok; kind++) { /* after an error the others would repeat it */
        if (!pc_layer_has_kernel(layer, (enum pc_kernel_kind)kind))
            continue;
        const struct pc_kernel *kernel =
            pc_kernel_build(layer, (enum pc_kernel_kind)kind, &section->kernel, bodies->scratch, diags);
        if (kernel)
            add_kernel(kernel, section, bodies);
        ok &= kernel != NULL;
        pc_arena_reset(bodies->scratch);
    }
    return ok;
}

/* Adds the kernels of all layers for one target to the source, its vectors before them; the vocabulary, or NULL after an
 * error. */
static struct pc_simd *add_section(const struct pc_module *module, int number, struct bodies *bodies,
                                   struct pc_diags *diags) {
    const enum pc_target target = bodies->targets.items[number];
    const bool several = bodies->targets.count > 1;
    struct section section = {.suffix = several ? pc_dispatch_suffix(target, bodies->arena) : "",
                              .first = number == 0,
                              .kernel = bodies->options->kernel,
                              .code = {.out_of_memory = bodies->arena->out_of_memory}};
    section.words = (struct pc_c_words){.restrict_word = pc_arena_printf(bodies->arena, "%s_RESTRICT", bodies->guard),
                                        .part = pc_arena_printf(bodies->arena, "%s_PART", bodies->guard),
                                        .aligned = pc_arena_printf(bodies->arena, "%s_ALIGNED", bodies->guard),
                                        .fetch = pc_arena_printf(bodies->arena, "%s_FETCH", bodies->guard),
                                        .begin = bodies->begin,
                                        .simd = pc_simd_new(bodies->arena, target, section.suffix),
                                        .is_static = several,
                                        .openmp = bodies->options->openmp};
    pc_target_plan(target, &section.kernel.plan);
    bool ok = true;
    for (size_t i = 0; i < module->count; i++) {
        if (section.first) {
            pc_text_add(&bodies->interface, "\n");
            add_interface(&module->layers[i], bodies->options, bodies->arena, &bodies->interface);
        }
        ok &= add_kernels(&module->layers[i], &section, bodies, diags);
    }
    if (several)
        pc_dispatch_open(target, &bodies->source);
    if (ok)
        pc_simd_write(section.words.simd, &bodies->source);
    pc_text_add_bytes(&bodies->source, pc_text_string(&section.code), section.code.size);
    if (several)
        pc_dispatch_close(target, &bodies->source);
    pc_text_release(&section.code);
    return ok ? section.words.simd : NULL;
}

/* All sections, and behind several the public functions; `includes` is what they need. */
static bool add_sections(const struct pc_module *module, struct bodies *bodies, struct pc_text *includes,
                         struct pc_diags *diags) {
    const struct pc_simd *simd = NULL;
    bool vectors = false;
    for (int i = 0; i < bodies->targets.count; i++) {
        simd = add_section(module, i, bodies, diags);
        if (!simd)
            return false;
        vectors |= !pc_simd_is_empty(simd);
    }
    if (bodies->targets.count == 1) {
        pc_text_add(includes, pc_simd_includes(simd));
        return true;
    }
    pc_dispatch_includes(&bodies->targets, vectors, includes);
    pc_dispatch_tests(&bodies->targets, bodies->guard, bodies->arena, &bodies->source);
    pc_text_add_bytes(&bodies->source, pc_text_string(&bodies->dispatch), bodies->dispatch.size);
    return true;
}

/* A product that feeds a sum must stay two roundings, or the bits would depend on the compiler. */
static const char clang_contraction[] = "#if defined(__clang__)\n#pragma STDC FP_CONTRACT OFF\n#endif\n";
static const char gcc_contraction[] = "#pragma GCC optimize(\"fp-contract=off\")\n";
/* These two passes of gcc turn conditional expressions into branches, after which loops do not become vectors: a backward
 * kernel of ResNet's stem takes five times as long. */
static const char gcc_selects[] = "#pragma GCC optimize(\"no-tree-pre\", \"no-thread-jumps\")\n";

static const char *compiler_settings(const struct pc_c_needs *needs, struct pc_arena *arena) {
    if (!needs->contraction && !needs->selects)
        return "";
    return pc_arena_printf(arena, "\n%s#if defined(__GNUC__) && !defined(__clang__)\n%s%s#endif\n",
                           needs->contraction ? clang_contraction : "", needs->contraction ? gcc_contraction : "",
                           needs->selects ? gcc_selects : "");
}

/* Long straight lines come in pieces, because compilers are slow on one long block; inlining would join them again. */
static const char part_definition[] = "#if defined(__GNUC__)\n"
                                      "#define %s_PART static __attribute__((noinline))\n"
                                      "#else\n"
                                      "#define %s_PART static\n"
                                      "#endif\n";

/* 64: a cache line, and the longest vector. */
static const char aligned_definition[] = "#if defined(__GNUC__)\n"
                                         "#define %s_ALIGNED __attribute__((aligned(64)))\n"
                                         "#else\n"
                                         "#define %s_ALIGNED\n"
                                         "#endif\n";

static const char fetch_definition[] = "#if defined(__GNUC__)\n"
                                       "#define %s_FETCH(place) __builtin_prefetch(place, 1)\n"
                                       "#else\n"
                                       "#define %s_FETCH(place) ((void)0)\n"
                                       "#endif\n";

bool pc_frame_write(const struct pc_module *module, const struct pc_frame_options *options,
                    const struct pc_frame_texts *texts, struct pc_diags *diags) {
    struct pc_arena arena = {.out_of_memory = diags->arena->out_of_memory};
    struct pc_arena scratch = {.out_of_memory = arena.out_of_memory};
    const struct pc_text empty = {.out_of_memory = arena.out_of_memory};
    struct pc_text spec = empty, includes = empty, shared = empty;
    const char *guard = upper(pc_frame_prefix_from(options->base_name, &arena), &arena);
    struct bodies bodies = {.options = options,
                            .targets = pc_targets_or_c99(&options->targets),
                            .guard = guard,
                            .begin = pc_arena_printf(&arena, "%s_begin", options->kernel.prefix),
                            .arena = &arena,
                            .scratch = &scratch,
                            .interface = empty,
                            .source = empty,
                            .dispatch = empty};
    const bool ok = add_sections(module, &bodies, &includes, diags);
    const bool is_c99 = bodies.targets.count == 1 && bodies.targets.items[0] == PC_TARGET_C99;
    const char *math = bodies.needs.math ? "\n#include <math.h>\n" : "";
    const char *omp = options->openmp ? "\n#if defined(_OPENMP)\n#include <omp.h>\n#endif\n" : "";
    if (bodies.needs.parts)
        pc_text_printf(&shared, part_definition, guard, guard);
    if (bodies.needs.aligned && !is_c99)
        pc_text_printf(&shared, aligned_definition, guard, guard);
    if (bodies.needs.fetch)
        pc_text_printf(&shared, fetch_definition, guard, guard);
    if (bodies.is_split)
        pc_emit_c_begin(bodies.begin, &shared);
    add_spec(module, &spec);
    const struct pc_template_value values[] = {
        {"BASE", options->base_name},
        {"SPEC", options->spec_name},
        {"FOR", is_c99 ? "" : pc_arena_printf(&arena, " for %s", pc_targets_text(&bodies.targets, &arena))},
        {"VERSION", POOLC_VERSION},
        {"GUARD", pc_arena_printf(&arena, "%s_H", guard)},
        {"RESTRICT", pc_arena_printf(&arena, "%s_RESTRICT", guard)},
        {"SHARED", pc_text_string(&shared)},
        {"CANONICAL", pc_text_string(&spec)},
        {"MATH", pc_arena_printf(&arena, "%s%s%s", math, pc_text_string(&includes), omp)},
        {"SETTINGS", compiler_settings(&bodies.needs, &arena)},
        {"INTERFACE", pc_text_string(&bodies.interface)},
        {"KERNELS", pc_text_string(&bodies.source)},
        {NULL, NULL},
    };
    if (ok && texts->source)
        pc_template_fill(pc_template_kernel_c, values, texts->source);
    if (ok && texts->header)
        pc_template_fill(pc_template_kernel_h, values, texts->header);
    if (ok && texts->selftest)
        pc_selftest_write(module, options, values, texts->selftest);
    struct pc_text *const all[] = {&bodies.interface, &bodies.source, &bodies.dispatch, &spec, &includes, &shared};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        pc_text_release(all[i]);
    pc_arena_release(&scratch);
    pc_arena_release(&arena);
    return ok;
}
