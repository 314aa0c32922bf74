/* geometry.c - see geometry.h.
 *
 * Sizes are counted by the rule that defines them rather than by a closed formula: windows are added while the rule holds.
 * POOL_EXTENT_MAX keeps both the time and every product small, so that only tensor sizes need overflow checks. */
#include "geometry.h"

#include <math.h>
#include <stdlib.h>

static int64_t smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* *product *= factor, both at least 1; false where the result would be above `limit`. */
static bool multiply(int64_t *product, int64_t factor, int64_t limit) {
    if (*product > limit / factor)
        return false;
    *product *= factor;
    return true;
}

static enum pool_status check_size(int64_t size, int64_t least, enum pool_status otherwise) {
    return size < least ? otherwise : size > POOL_EXTENT_MAX ? POOL_TOO_LARGE : POOL_OK;
}

static enum pool_status check_axis(const struct pool_desc *desc, int axis) {
    const struct {
        int64_t size, least;
        enum pool_status otherwise;
        bool read;
    } checks[] = {
        {desc->in[axis], 1, POOL_BAD_SIZE, true},
        {desc->adaptive_out[axis], 1, POOL_BAD_SIZE, desc->adaptive},
        {desc->kernel[axis], 1, POOL_BAD_KERNEL, !desc->adaptive},
        {desc->stride[axis], 1, POOL_BAD_STRIDE, !desc->adaptive},
        {desc->dilation[axis], 1, POOL_BAD_DILATION, !desc->adaptive},
        {desc->pad_begin[axis], 0, POOL_BAD_PADDING, !desc->adaptive && desc->padding == POOL_PAD_EXPLICIT},
        {desc->pad_end[axis], 0, POOL_BAD_PADDING, !desc->adaptive && desc->padding == POOL_PAD_EXPLICIT},
    };
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        enum pool_status status =
            checks[i].read ? check_size(checks[i].size, checks[i].least, checks[i].otherwise) : POOL_OK;
        if (status != POOL_OK)
            return status;
    }
    return POOL_OK;
}

/* Everything that is not about one axis. */
static enum pool_status check_desc(const struct pool_desc *desc) {
    bool selects = desc->mode == POOL_MAX || desc->mode == POOL_MIN;
    if ((unsigned)desc->mode > POOL_LP || (unsigned)desc->dtype > POOL_F64 || (unsigned)desc->layout > POOL_CHANNELS_LAST ||
        (unsigned)desc->indices > POOL_INDICES_TENSOR || (selects && (unsigned)desc->nan > POOL_NAN_IGNORE) ||
        (desc->mode == POOL_AVG && (unsigned)desc->divisor > POOL_DIVISOR_OVERRIDE) ||
        (!desc->adaptive && (unsigned)desc->padding > POOL_PAD_SAME_LOWER))
        return POOL_BAD_CHOICE;
    if (desc->rank < 1 || desc->rank > POOL_MAX_RANK)
        return POOL_BAD_RANK;
    if (desc->batch < 1 || desc->channels < 1)
        return POOL_BAD_SIZE;
    if (desc->mode == POOL_LP && !(desc->p >= 1 && desc->p <= POOL_EXPONENT_MAX))
        return POOL_BAD_EXPONENT;
    if (desc->mode == POOL_AVG && desc->divisor == POOL_DIVISOR_OVERRIDE && desc->divisor_override == 0)
        return POOL_BAD_DIVISOR;
    if (desc->mode == POOL_AVG && desc->adaptive && desc->divisor != POOL_DIVISOR_TAPS)
        return POOL_BAD_DIVISOR;
    if (!selects && desc->indices != POOL_INDICES_NONE)
        return POOL_BAD_INDICES;
    return POOL_OK;
}

/* The first input position of window `out`; negative inside the begin padding. */
static int64_t window_start(const struct pool_axis *axis, int64_t out) {
    return axis->adaptive ? out * axis->in / axis->out : out * axis->stride - axis->pad_begin;
}

/* The number of taps of window `out`, wherever they lie. */
static int64_t window_size(const struct pool_axis *axis, int64_t out) {
    if (!axis->adaptive)
        return axis->kernel;
    int64_t end = ((out + 1) * axis->in + axis->out - 1) / axis->out;
    return end - window_start(axis, out);
}

/* How many taps of window `out` lie before position `limit`. */
static int64_t taps_before(const struct pool_axis *axis, int64_t out, int64_t limit) {
    int64_t distance = limit - window_start(axis, out);
    if (distance <= 0)
        return 0;
    return smaller(window_size(axis, out), (distance + axis->dilation - 1) / axis->dilation);
}

static enum pool_status count_windows(const struct pool_desc *desc, struct pool_axis *axis) {
    int64_t extent = axis->dilation * (axis->kernel - 1) + 1;
    if (desc->padding != POOL_PAD_EXPLICIT) {
        axis->out = (axis->in + axis->stride - 1) / axis->stride;
        int64_t total = (axis->out - 1) * axis->stride + extent - axis->in;
        if (total < 0)
            total = 0;
        axis->pad_begin = desc->padding == POOL_PAD_SAME ? total / 2 : total - total / 2;
        axis->pad_end = total - axis->pad_begin;
        return POOL_OK;
    }
    int64_t padded = axis->pad_begin + axis->in + axis->pad_end;
    axis->out = 0;
    if (!desc->ceil_mode) { /* every window that fits */
        while (axis->out * axis->stride + extent <= padded)
            axis->out++;
    } else { /* a window for every stride begun, the last of which may hang over, but not start behind the input */
        while (axis->out * axis->stride + extent < padded + axis->stride)
            axis->out++;
        if ((axis->out - 1) * axis->stride >= axis->pad_begin + axis->in)
            axis->out--;
    }
    return axis->out < 1 ? POOL_NO_OUTPUT : POOL_OK;
}

static enum pool_status make_axis(const struct pool_desc *desc, int index, struct pool_axis *axis) {
    if (desc->adaptive) {
        *axis = (struct pool_axis){.in = desc->in[index], .out = desc->adaptive_out[index], .adaptive = true, .dilation = 1};
        for (int64_t out = 0; out < axis->out; out++) {
            int64_t size = window_size(axis, out);
            if (size > axis->kernel)
                axis->kernel = size;
        }
        return POOL_OK;
    }
    *axis = (struct pool_axis){.in = desc->in[index],
                               .kernel = desc->kernel[index],
                               .stride = desc->stride[index],
                               .dilation = desc->dilation[index]};
    if (desc->padding == POOL_PAD_EXPLICIT) {
        axis->pad_begin = desc->pad_begin[index];
        axis->pad_end = desc->pad_end[index];
    }
    return count_windows(desc, axis);
}

/* The first output position whose window has no tap inside the input, or -1. */
static int64_t find_empty(const struct pool_axis *axis) {
    for (int64_t out = 0; out < axis->out; out++)
        if (taps_before(axis, out, axis->in) <= taps_before(axis, out, 0))
            return out;
    return -1;
}

enum pool_status pool_geometry_make(const struct pool_desc *desc, struct pool_geometry *geometry, struct pool_shape *shape) {
    *geometry = (struct pool_geometry){.planes = 1, .in_plane = 1, .out_plane = 1};
    *shape = (struct pool_shape){.out = {1, 1, 1}, .kernel = {1, 1, 1}, .error_axis = -1, .error_at = -1};
    enum pool_status status = check_desc(desc);
    if (status != POOL_OK)
        return status;
    geometry->channels = desc->channels;
    geometry->channels_last = desc->layout == POOL_CHANNELS_LAST;
    geometry->average = desc->mode == POOL_AVG;
    geometry->divisor = desc->divisor;
    geometry->divisor_override = desc->divisor_override;

    const struct pool_axis unit = {.in = 1, .out = 1, .kernel = 1, .stride = 1, .dilation = 1};
    int missing = POOL_MAX_RANK - desc->rank;
    for (int i = 0; i < missing; i++)
        geometry->axis[i] = unit;
    for (int i = 0; i < desc->rank; i++) {
        struct pool_axis *axis = &geometry->axis[missing + i];
        status = check_axis(desc, i);
        if (status == POOL_OK)
            status = make_axis(desc, i, axis);
        if (status != POOL_OK) {
            shape->error_axis = i;
            return status;
        }
        shape->out[i] = axis->out;
        shape->kernel[i] = axis->kernel;
        shape->pad_begin[i] = axis->pad_begin;
        shape->pad_end[i] = axis->pad_end;
    }
    for (int i = 0; i < desc->rank; i++) {
        shape->error_at = find_empty(&geometry->axis[missing + i]);
        if (shape->error_at >= 0) {
            shape->error_axis = i;
            return POOL_EMPTY_WINDOW;
        }
    }

    const int64_t limit = INT64_MAX / (int64_t)pool_dtype_size(POOL_F64); /* bytes are counted, and indices take 8 */
    bool fits = multiply(&geometry->planes, desc->batch, limit) && multiply(&geometry->planes, desc->channels, limit);
    for (int i = 0; i < POOL_MAX_RANK; i++)
        fits = fits && multiply(&geometry->in_plane, geometry->axis[i].in, limit) &&
               multiply(&geometry->out_plane, geometry->axis[i].out, limit);
    int64_t box = 1; /* tap numbers count the whole box */
    for (int i = 0; i < POOL_MAX_RANK; i++)
        fits = fits && multiply(&box, geometry->axis[i].kernel, limit);
    int64_t x_count = geometry->in_plane, y_count = geometry->out_plane;
    if (!fits || !multiply(&x_count, geometry->planes, limit) || !multiply(&y_count, geometry->planes, limit))
        return POOL_TOO_LARGE;
    shape->x_count = x_count;
    shape->y_count = y_count;
    return POOL_OK;
}

bool pool_window_allocate(const struct pool_geometry *geometry, struct pool_window *window) {
    int64_t most = 1; /* at most in_plane, which was checked */
    for (int i = 0; i < POOL_MAX_RANK; i++)
        most *= smaller(geometry->axis[i].kernel, geometry->axis[i].in);
    *window = (struct pool_window){.divisor = 1};
    if ((uint64_t)most <= PTRDIFF_MAX / sizeof *window->taps)
        window->taps = malloc((size_t)most * sizeof *window->taps);
    return window->taps != NULL;
}

void pool_window_free(struct pool_window *window) {
    free(window->taps);
    window->taps = NULL;
}

static int64_t window_divisor(const struct pool_geometry *geometry, const int64_t out[POOL_MAX_RANK], int64_t inside) {
    if (!geometry->average)
        return 1;
    int64_t padded = 1, box = 1;
    for (int i = 0; i < POOL_MAX_RANK; i++) {
        const struct pool_axis *axis = &geometry->axis[i];
        padded *= taps_before(axis, out[i], axis->in + axis->pad_end); /* none lies before the begin padding */
        box *= axis->kernel;
    }
    switch (geometry->divisor) {
    case POOL_DIVISOR_TAPS:
        return inside;
    case POOL_DIVISOR_PADDED:
        return padded;
    case POOL_DIVISOR_WINDOW:
        return box;
    case POOL_DIVISOR_OVERRIDE:
        return geometry->divisor_override;
    }
    return inside;
}

void pool_window_find(const struct pool_geometry *geometry, int64_t out, struct pool_window *window) {
    const struct pool_axis *depth = &geometry->axis[0], *height = &geometry->axis[1], *width = &geometry->axis[2];
    const int64_t at[POOL_MAX_RANK] = {out / width->out / height->out, out / width->out % height->out, out % width->out};
    int64_t start[POOL_MAX_RANK], first[POOL_MAX_RANK], end[POOL_MAX_RANK];
    for (int i = 0; i < POOL_MAX_RANK; i++) {
        const struct pool_axis *axis = &geometry->axis[i];
        start[i] = window_start(axis, at[i]);
        first[i] = taps_before(axis, at[i], 0);
        end[i] = taps_before(axis, at[i], axis->in);
    }
    window->count = 0;
    for (int64_t d = first[0]; d < end[0]; d++)
        for (int64_t h = first[1]; h < end[1]; h++)
            for (int64_t w = first[2]; w < end[2]; w++) {
                int64_t z = start[0] + d * depth->dilation, y = start[1] + h * height->dilation,
                        x = start[2] + w * width->dilation;
                window->taps[window->count++] = (struct pool_tap){
                    .at = (z * height->in + y) * width->in + x,
                    .number = (d * height->kernel + h) * width->kernel + w,
                };
            }
    window->divisor = window_divisor(geometry, at, window->count);
}

static int64_t place(const struct pool_geometry *geometry, int64_t plane, int64_t at, int64_t plane_size) {
    int64_t image = plane / geometry->channels, channel = plane % geometry->channels;
    if (geometry->channels_last)
        return (image * plane_size + at) * geometry->channels + channel;
    return plane * plane_size + at;
}

int64_t pool_geometry_x(const struct pool_geometry *geometry, int64_t plane, int64_t at) {
    return place(geometry, plane, at, geometry->in_plane);
}

int64_t pool_geometry_y(const struct pool_geometry *geometry, int64_t plane, int64_t at) {
    return place(geometry, plane, at, geometry->out_plane);
}
