/* selftest.c - see selftest.h. What is written here is a table: the facts of each layer, and a function that calls its
 * kernels.  How they are checked stands in templates/selftest.c.in, which knows no modes, only what they are made of. */
#include "back/selftest.h"

#include "middle/kernel.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* sizeof(struct gradient) of the template: three doubles for each element of a plane. */
enum { GRADIENT_BYTES = 24 };

static bool selects(const struct pc_layer *layer) {
    return pc_mode_of(layer->desc.mode)->gradient == PC_GRADIENT_SELECT;
}

static void add_real(double value, struct pc_text *text) {
    char digits[40];
    snprintf(digits, sizeof digits, "%.17g", value);
    for (char *c = digits; *c; c++)
        if (*c == ',') /* the locale of the process that we are a library in */
            *c = '.';
    pc_text_add(text, digits);
    pc_text_add(text, strpbrk(digits, ".e") ? "" : ".0");
}

/* An integer constant: beyond 32 bits plain digits would be a long long in some places and not in others. */
static void add_integer(int64_t value, struct pc_text *text) {
    const bool small = value <= INT32_MAX && value > INT32_MIN;
    pc_text_printf(text, small ? "%" PRId64 : "INT64_C(%" PRId64 ")", value);
}

static void add_field(const char *name, int64_t value, struct pc_text *text) {
    pc_text_printf(text, ".%s = ", name);
    add_integer(value, text);
}

/* ---- the functions that call kernels ---- */

static const char *kernel_enumerator(enum pc_kernel_kind kind) {
    switch (kind) {
    case PC_KERNEL_FORWARD: return "FORWARD";
    case PC_KERNEL_TRAIN: return "FORWARD_TRAIN";
    case PC_KERNEL_BACKWARD: return "BACKWARD";
    case PC_KERNEL_COUNT: break;
    }
    return "";
}

/* In the order of lower.h, which is that of the generated interface. */
static const char *kernel_arguments(const struct pc_layer *layer, enum pc_kernel_kind kind) {
    const bool indices = layer->desc.indices != POOL_INDICES_NONE;
    switch (kind) {
    case PC_KERNEL_FORWARD: return indices ? "t->x, t->y, t->indices" : "t->x, t->y";
    case PC_KERNEL_TRAIN: return indices ? "t->x, t->y, t->indices, t->state" : "t->x, t->y, t->state";
    case PC_KERNEL_BACKWARD:
        if (selects(layer))
            return "t->dy, t->state, t->dx";
        return pc_mode_of(layer->desc.mode)->lift == PC_LIFT_ABS_POW ? "t->dy, t->x, t->y, t->dx" : "t->dy, t->dx";
    case PC_KERNEL_COUNT: break;
    }
    return "";
}

static void add_caller(const struct pc_layer *layer, size_t number, const char *prefix, struct pc_text *text) {
    pc_text_printf(text, "\nstatic void run_%zu(enum kernel kernel, const struct tensors *t)\n{\n", number);
    for (int kind = 0; kind < PC_KERNEL_COUNT; kind++)
        if (pc_layer_has_kernel(layer, (enum pc_kernel_kind)kind))
            pc_text_printf(text, "    if (kernel == %s)\n        %s_%s_%s(%s);\n",
                           kernel_enumerator((enum pc_kernel_kind)kind), prefix, layer->name, pc_kernel_suffix[kind],
                           kernel_arguments(layer, (enum pc_kernel_kind)kind));
    pc_text_add(text, "}\n");
}

/* ---- the table ---- */

static const char *combine_enumerator(enum pc_combine combine) {
    switch (combine) {
    case PC_COMBINE_PICK_GT: return "TAKE_LARGEST";
    case PC_COMBINE_PICK_LT: return "TAKE_SMALLEST";
    case PC_COMBINE_ADD: return "ADD";
    }
    return "";
}

static const char *divisor_enumerator(const struct pc_layer *layer) {
    if (pc_mode_of(layer->desc.mode)->finish != PC_FINISH_DIVIDE)
        return "DIVISOR_NONE";
    if (layer->desc.adaptive)
        return "DIVISOR_TAPS";
    switch (layer->desc.divisor) {
    case POOL_DIVISOR_TAPS: return "DIVISOR_TAPS";
    case POOL_DIVISOR_PADDED: return "DIVISOR_PADDED";
    case POOL_DIVISOR_WINDOW: return "DIVISOR_WINDOW";
    case POOL_DIVISOR_OVERRIDE: return "DIVISOR_OVERRIDE";
    }
    return "";
}

static const char *indices_enumerator(enum pool_indices indices) {
    switch (indices) {
    case POOL_INDICES_NONE: return "INDICES_NONE";
    case POOL_INDICES_WINDOW: return "INDICES_WINDOW";
    case POOL_INDICES_PLANE: return "INDICES_PLANE";
    case POOL_INDICES_TENSOR: return "INDICES_TENSOR";
    }
    return "";
}

/* "max 1x64x112x112 -> 1x64x56x56": batch and channels first, whatever the layout. */
static void add_what(const struct pc_layer *layer, struct pc_text *text) {
    const struct pool_desc *desc = &layer->desc;
    pc_text_printf(text, "\"%s", pc_mode_of(desc->mode)->name);
    for (int output = 0; output < 2; output++) {
        pc_text_printf(text, "%s%" PRId64 "x%" PRId64, output ? " -> " : " ", desc->batch, desc->channels);
        for (int a = POOL_MAX_RANK - desc->rank; a < POOL_MAX_RANK; a++)
            pc_text_printf(text, "x%" PRId64, output ? layer->axis[a].out : layer->axis[a].in);
    }
    pc_text_add(text, "\"");
}

static void add_axis(const struct pc_axis *axis, struct pc_text *text) {
    pc_text_add(text, "             {");
    add_field("in", axis->in, text);
    pc_text_add(text, ", ");
    add_field("out", axis->out, text);
    pc_text_printf(text, ", .adaptive = %d, ", axis->adaptive);
    add_field("kernel", axis->kernel, text);
    pc_text_add(text, ", ");
    add_field("stride", axis->adaptive ? 1 : axis->stride, text);
    pc_text_add(text, ",\n              ");
    add_field("dilation", axis->dilation, text);
    pc_text_add(text, ", ");
    add_field("pad_begin", axis->pad_begin, text);
    pc_text_add(text, ", ");
    add_field("pad_end", axis->pad_end, text);
    pc_text_add(text, "},\n");
}

static void add_row(const struct pc_layer *layer, size_t number, struct pc_text *text) {
    const struct pool_desc *desc = &layer->desc;
    const struct pc_mode *mode = pc_mode_of(desc->mode);
    pc_text_printf(text, "    {.name = \"%s\",\n     .what = ", layer->name);
    add_what(layer, text);
    pc_text_printf(text, ",\n     .run = run_%zu,\n     .has = {", number);
    for (int kind = 0; kind < PC_KERNEL_COUNT; kind++)
        pc_text_printf(text, "%s%d", kind ? ", " : "", pc_layer_has_kernel(layer, (enum pc_kernel_kind)kind));
    pc_text_printf(text, "},\n     .real_size = sizeof(%s), .state_size = sizeof(%s), .index_size = sizeof(%s),\n",
                   desc->dtype == POOL_F32 ? "float" : "double", ir_elements[pc_state_element(layer)].c_type,
                   ir_elements[pc_index_element(layer)].c_type);
    pc_text_printf(text, "     .combine = %s, .power = ", combine_enumerator(mode->combine));
    add_real(mode->lift == PC_LIFT_ABS_POW ? desc->p : 0, text);
    pc_text_printf(text, ", .divisor = %s, ", divisor_enumerator(layer));
    add_field("divisor_override", desc->divisor == POOL_DIVISOR_OVERRIDE ? desc->divisor_override : 1, text);
    pc_text_printf(text, ",\n     .ignores_nan = %d, .indices = %s, .layout = %s,\n     ", desc->nan == POOL_NAN_IGNORE,
                   indices_enumerator(desc->indices),
                   desc->layout == POOL_CHANNELS_FIRST ? "CHANNELS_FIRST" : "CHANNELS_LAST");
    add_field("batch", desc->batch, text);
    pc_text_add(text, ", ");
    add_field("channels", desc->channels, text);
    pc_text_add(text, ",\n     .axis = {\n");
    for (int a = 0; a < POOL_MAX_RANK; a++)
        add_axis(&layer->axis[a], text);
    pc_text_add(text, "     }},\n");
}

/* ---- memory ---- */

/* What the program allocates for a layer, without the few bytes around each buffer. Tensors are limited to 2^40 elements of
 * at most 8 bytes each, so the sum stays far below 2^63. */
static int64_t memory_of(const struct pc_layer *layer) {
    const int64_t real = layer->desc.dtype == POOL_F32 ? 4 : 8;
    const int64_t plane = pc_layer_inputs(layer);
    int64_t bytes = (layer->x_count + layer->y_count) * real;
    if (layer->desc.indices != POOL_INDICES_NONE)
        bytes += layer->y_count * ir_elements[pc_index_element(layer)].bytes;
    if (selects(layer))
        bytes += layer->y_count * ir_elements[pc_state_element(layer)].bytes;
    if (layer->backward)
        bytes += (layer->x_count + layer->y_count) * real + plane * GRADIENT_BYTES;
    return bytes;
}

void pc_selftest_write(const struct pc_module *module, const struct pc_frame_options *options,
                       const struct pc_template_value *values, struct pc_text *text) {
    struct pc_text layers = {.out_of_memory = text->out_of_memory}, memory = layers, program = layers;
    int64_t bytes = 0;
    for (size_t i = 0; i < module->count; i++) {
        add_caller(&module->layers[i], i, options->kernel.prefix, &layers);
        if (memory_of(&module->layers[i]) > bytes)
            bytes = memory_of(&module->layers[i]);
    }
    pc_text_add(&layers, "\nstatic const struct layer layers[] = {\n");
    for (size_t i = 0; i < module->count; i++)
        add_row(&module->layers[i], i, &layers);
    pc_text_add(&layers, "};\n");
    pc_text_add_int(&memory, bytes);
    const struct pc_template_value own[] = {
        {"LAYERS", pc_text_string(&layers)},
        {"MEMORY", pc_text_string(&memory)},
        {NULL, NULL},
    };
    /* Twice: what the first pass puts in holds no @NAME@, and what it does not know it leaves to the second. */
    pc_template_fill(pc_template_selftest_c, own, &program);
    pc_template_fill(pc_text_string(&program), values, text);
    pc_text_release(&layers);
    pc_text_release(&memory);
    pc_text_release(&program);
}
