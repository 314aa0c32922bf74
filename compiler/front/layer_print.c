/* layer_print.c - layers as text: the canonical .pool form that parses back to an equal layer, and the stage's dump. */
#include "front/layer.h"

#include "front/real.h"
#include "front/tables.h"
#include "support/text.h"

static void key(struct pc_text *text, enum pc_key which) {
    pc_text_printf(text, "    %s ", pc_key_row(which)->name);
}

static void word(struct pc_text *text, enum pc_key which, const char *value) {
    key(text, which);
    pc_text_add(text, value);
    pc_text_add_char(text, '\n');
}

static void integer(struct pc_text *text, enum pc_key which, int64_t value) {
    key(text, which);
    pc_text_add_int(text, value);
    pc_text_add_char(text, '\n');
}

static void add_sizes(struct pc_text *text, const int64_t *begin, const int64_t *end, int rank) {
    for (int i = 0; i < rank; i++) {
        pc_text_add(text, i ? " x " : "");
        pc_text_add_int(text, begin[i]);
        if (end && end[i] != begin[i]) {
            pc_text_add_char(text, ':');
            pc_text_add_int(text, end[i]);
        }
    }
}

static void sizes(struct pc_text *text, enum pc_key which, const int64_t *begin, const int64_t *end, int rank) {
    key(text, which);
    add_sizes(text, begin, end, rank);
    pc_text_add_char(text, '\n');
}

static bool all_equal(const int64_t *sizes_of, int64_t value, int rank) {
    for (int i = 0; i < rank; i++)
        if (sizes_of[i] != value)
            return false;
    return true;
}

static bool same_sizes(const int64_t *a, const int64_t *b, int rank) {
    for (int i = 0; i < rank; i++)
        if (a[i] != b[i])
            return false;
    return true;
}

static void print_window(const struct pool_desc *desc, struct pc_text *text) {
    const int rank = desc->rank;
    if (desc->adaptive) {
        sizes(text, PC_KEY_OUTPUT, desc->adaptive_out, NULL, rank);
        return;
    }
    sizes(text, PC_KEY_KERNEL, desc->kernel, NULL, rank);
    if (!same_sizes(desc->stride, desc->kernel, rank))
        sizes(text, PC_KEY_STRIDE, desc->stride, NULL, rank);
    if (!all_equal(desc->dilation, 1, rank))
        sizes(text, PC_KEY_DILATION, desc->dilation, NULL, rank);
    switch (desc->padding) {
    case POOL_PAD_EXPLICIT:
        if (!all_equal(desc->pad_begin, 0, rank) || !all_equal(desc->pad_end, 0, rank))
            sizes(text, PC_KEY_PADDING, desc->pad_begin, desc->pad_end, rank);
        break;
    case POOL_PAD_SAME:
        word(text, PC_KEY_PADDING, pc_words_padding.words[PC_PADDING_SAME]);
        break;
    case POOL_PAD_SAME_LOWER:
        word(text, PC_KEY_PADDING, pc_words_padding.words[PC_PADDING_SAME_LOWER]);
        break;
    }
    if (desc->ceil_mode)
        word(text, PC_KEY_CEIL_MODE, "true");
}

static void print_divisor(const struct pool_desc *desc, struct pc_text *text) {
    switch (desc->divisor) {
    case POOL_DIVISOR_TAPS:
        return;
    case POOL_DIVISOR_PADDED:
        word(text, PC_KEY_COUNT_INCLUDE_PAD, "true");
        return;
    case POOL_DIVISOR_WINDOW:
        word(text, PC_KEY_DIVISOR, "window");
        return;
    case POOL_DIVISOR_OVERRIDE:
        integer(text, PC_KEY_DIVISOR_OVERRIDE, desc->divisor_override);
        return;
    }
}

static void add_mode(const struct pool_desc *desc, struct pc_text *text) {
    const struct pc_mode *mode = pc_mode_of(desc->mode);
    pc_text_add(text, mode->name);
    if (mode->keys & PC_MODE_EXPONENT) {
        pc_text_add_char(text, ' ');
        pc_real_print(desc->p, text);
    }
}

void pc_layer_print(const struct pc_layer *layer, struct pc_text *text) {
    const struct pool_desc *desc = &layer->desc;
    pc_text_printf(text, "pool %s {\n", layer->name);
    key(text, PC_KEY_MODE);
    add_mode(desc, text);
    pc_text_add_char(text, '\n');
    if (desc->batch != 1)
        integer(text, PC_KEY_BATCH, desc->batch);
    if (desc->channels != 1)
        integer(text, PC_KEY_CHANNELS, desc->channels);
    sizes(text, PC_KEY_SHAPE, desc->in, NULL, desc->rank);
    print_window(desc, text);
    print_divisor(desc, text);
    if (desc->dtype != POOL_F32)
        word(text, PC_KEY_DTYPE, pc_dtype_row(desc->dtype)->name);
    if (desc->layout != POOL_CHANNELS_FIRST)
        word(text, PC_KEY_LAYOUT, "channels_last");
    if (desc->nan != POOL_NAN_PROPAGATE)
        word(text, PC_KEY_NAN, pc_words_nan.words[desc->nan]);
    if (desc->indices != POOL_INDICES_NONE)
        word(text, PC_KEY_INDICES, pc_words_indices.words[desc->indices]);
    if (layer->unroll != PC_UNROLL_AUTO)
        word(text, PC_KEY_UNROLL, pc_words_unroll.words[layer->unroll]);
    if (!layer->forward || !layer->backward)
        word(text, PC_KEY_PASSES, layer->forward ? "forward" : "backward");
    pc_text_add(text, "}\n");
}

void pc_layer_print_key(const struct pc_layer *layer, struct pc_text *text) {
    struct pc_layer unnamed = *layer;
    unnamed.name = "";
    unnamed.forward = unnamed.backward = true;
    pc_layer_print(&unnamed, text);
}

static void dump_sizes(struct pc_text *text, const char *name, const int64_t *values, int rank) {
    pc_text_printf(text, "  %s ", name);
    add_sizes(text, values, NULL, rank);
    pc_text_add_char(text, '\n');
}

void pc_layer_dump(const struct pc_layer *layer, struct pc_text *text) {
    static const char *const paddings[] = {
        [POOL_PAD_EXPLICIT] = "explicit", [POOL_PAD_SAME] = "same", [POOL_PAD_SAME_LOWER] = "same_lower"};
    static const char *const divisors[] = {[POOL_DIVISOR_TAPS] = "taps",
                                           [POOL_DIVISOR_PADDED] = "padded",
                                           [POOL_DIVISOR_WINDOW] = "window",
                                           [POOL_DIVISOR_OVERRIDE] = "override"};
    static const char *const axes[POOL_MAX_RANK] = {"D", "H", "W"};
    const struct pool_desc *desc = &layer->desc;
    pc_text_printf(text, "layer %s\n  mode ", layer->name);
    add_mode(desc, text);
    pc_text_printf(text, "\n  rank %d\n  batch %lld\n  channels %lld\n", desc->rank, (long long)desc->batch,
                   (long long)desc->channels);
    dump_sizes(text, "in", desc->in, desc->rank);
    pc_text_printf(text, "  adaptive %s\n", desc->adaptive ? "true" : "false");
    dump_sizes(text, "adaptive_out", desc->adaptive_out, desc->rank);
    dump_sizes(text, "kernel", desc->kernel, desc->rank);
    dump_sizes(text, "stride", desc->stride, desc->rank);
    dump_sizes(text, "dilation", desc->dilation, desc->rank);
    pc_text_printf(text, "  padding %s\n", paddings[desc->padding]);
    dump_sizes(text, "pad_begin", desc->pad_begin, desc->rank);
    dump_sizes(text, "pad_end", desc->pad_end, desc->rank);
    pc_text_printf(text, "  ceil_mode %s\n  divisor %s\n  divisor_override %lld\n", desc->ceil_mode ? "true" : "false",
                   divisors[desc->divisor], (long long)desc->divisor_override);
    pc_text_printf(text, "  dtype %s\n  layout %s\n  nan %s\n  indices %s\n", pc_dtype_row(desc->dtype)->name,
                   desc->layout == POOL_CHANNELS_FIRST ? "channels_first" : "channels_last", pc_words_nan.words[desc->nan],
                   pc_words_indices.words[desc->indices]);
    pc_text_printf(text, "  unroll %s\n  forward %s\n  backward %s\n", pc_words_unroll.words[layer->unroll],
                   layer->forward ? "true" : "false", layer->backward ? "true" : "false");
    for (int i = 0; i < POOL_MAX_RANK; i++) {
        const struct pc_axis *axis = &layer->axis[i];
        pc_text_printf(text, "  axis %s: %lld -> %lld, window %lld, stride %lld, dilation %lld, pad %lld:%lld%s\n", axes[i],
                       (long long)axis->in, (long long)axis->out, (long long)axis->kernel, (long long)axis->stride,
                       (long long)axis->dilation, (long long)axis->pad_begin, (long long)axis->pad_end,
                       axis->adaptive ? ", adaptive" : "");
    }
    pc_text_printf(text, "  x_count %lld\n  y_count %lld\n", (long long)layer->x_count, (long long)layer->y_count);
}
