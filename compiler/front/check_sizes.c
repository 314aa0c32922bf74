/* check_sizes.c - the sizes that follow from a settled draft: axes, window, tensors. The same for layers from text and from
 * code; only places differ. */
#include "front/check.h"

/* Keys on which the axes depend; nothing is measured while one of them is wrong. */
static bool axes_are_known(const struct pc_draft *draft) {
    static const enum pc_key keys[] = {PC_KEY_SHAPE,   PC_KEY_OUTPUT,  PC_KEY_KERNEL,    PC_KEY_STRIDE,
                                       PC_KEY_DILATION, PC_KEY_PADDING, PC_KEY_CEIL_MODE, PC_KEY_DIALECT};
    if (draft->desc.rank == 0 || draft->damaged) /* what was lost may have been any of them */
        return false;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (draft->bad[keys[i]])
            return false;
    return true;
}

/* Where a size of one axis was written; the name of the pool where it was not. */
static struct pc_span span_of(const struct pc_draft *draft, enum pc_key key, int axis) {
    const struct pc_sizes *sizes = &draft->sizes[key];
    if (!draft->given[key])
        return draft->name_span;
    return sizes->count > 1 ? sizes->span[axis] : draft->value_span[key];
}

static const char *axis_name(int rank, int axis) {
    static const char *const names[POOL_MAX_RANK] = {"D", "H", "W"};
    return names[POOL_MAX_RANK - rank + axis];
}

static void report_axis(struct pc_draft *draft, int index, enum pc_axis_status status, int64_t position) {
    const struct pool_desc *desc = &draft->desc;
    const char *name = axis_name(desc->rank, index);
    switch (status) {
    case PC_AXIS_OK:
        return;
    case PC_AXIS_NO_OUTPUT: {
        /* Sizes and pads are at most PC_AXIS_MAX, so nothing here exceeds 2^49. */
        int64_t extent = desc->dilation[index] * (desc->kernel[index] - 1) + 1;
        int64_t padded = desc->in[index] + desc->pad_begin[index] + desc->pad_end[index];
        PC_DRAFT_ERROR(draft, PC_DIAG_NO_OUTPUT, span_of(draft, PC_KEY_KERNEL, index),
                       "no output along %s: the window spans %lld, the padded input %lld; make the kernel smaller or pad "
                       "more",
                       name, (long long)extent, (long long)padded);
        return;
    }
    case PC_AXIS_EMPTY_WINDOW:
        PC_DRAFT_ERROR(draft, PC_DIAG_EMPTY_WINDOW,
                       span_of(draft, draft->given[PC_KEY_PADDING] ? PC_KEY_PADDING : PC_KEY_KERNEL, index),
                       "the window at output position %lld along %s has no tap inside the input; pad less or make the "
                       "kernel larger",
                       (long long)position, name);
        return;
    case PC_AXIS_TOO_LARGE:
        PC_DRAFT_ERROR(draft, PC_DIAG_SIZE_TOO_LARGE, span_of(draft, PC_KEY_SHAPE, index),
                       "axis %s is too large: at most %d output positions, and fewer where taps are spread wider than the "
                       "input; make it smaller or the stride larger",
                       name, PC_AXIS_MAX);
        return;
    }
}

/* Multiplies; false above `limit`. Factors are positive. */
static bool product(int64_t *total, int64_t factor, int64_t limit) {
    return !__builtin_mul_overflow(*total, factor, total) && *total <= limit;
}

static bool measure_axes(struct pc_draft *draft, struct pc_layer *layer) {
    const int rank = draft->desc.rank;
    bool good = true;
    for (int i = 0; i < POOL_MAX_RANK; i++)
        layer->axis[i] = pc_axis_unit();
    for (int i = 0; i < rank; i++) {
        int64_t position = 0;
        enum pc_axis_status status =
            pc_axis_resolve(&draft->desc, i, &layer->axis[POOL_MAX_RANK - rank + i], &position);
        report_axis(draft, i, status, position);
        good &= status == PC_AXIS_OK;
    }
    return good;
}

void pc_draft_measure(struct pc_draft *draft, struct pc_layer *layer) {
    const struct pool_desc *desc = &draft->desc;
    if (!axes_are_known(draft) || !measure_axes(draft, layer))
        return;

    int64_t taps = 1;
    bool fits = true;
    for (int i = 0; i < POOL_MAX_RANK; i++)
        fits = fits && product(&taps, layer->axis[i].kernel, INT32_MAX);
    if (!fits)
        PC_DRAFT_ERROR(draft, PC_DIAG_WINDOW_TOO_LARGE,
                       draft->value_span[desc->adaptive ? PC_KEY_OUTPUT : PC_KEY_KERNEL],
                       "a window has more than %d taps; pool in two steps with smaller windows", INT32_MAX);

    if (draft->bad[PC_KEY_BATCH] || draft->bad[PC_KEY_CHANNELS])
        return;
    layer->x_count = layer->y_count = 1;
    bool x_fits = product(&layer->x_count, desc->batch, PC_ELEMENTS_MAX) &&
                  product(&layer->x_count, desc->channels, PC_ELEMENTS_MAX);
    bool y_fits = x_fits;
    layer->y_count = layer->x_count;
    for (int i = 0; i < POOL_MAX_RANK; i++) {
        x_fits = x_fits && product(&layer->x_count, layer->axis[i].in, PC_ELEMENTS_MAX);
        y_fits = y_fits && product(&layer->y_count, layer->axis[i].out, PC_ELEMENTS_MAX);
    }
    if (!x_fits || !y_fits)
        PC_DRAFT_ERROR(draft, PC_DIAG_TENSOR_TOO_LARGE,
                       draft->value_span[x_fits && desc->adaptive ? PC_KEY_OUTPUT : PC_KEY_SHAPE],
                       "the %s has more than 2^40 elements; make the batch or the shape smaller",
                       x_fits ? "output" : "input");
}
