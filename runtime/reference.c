/* reference.c - see pool/reference.h.
 *
 * Planes one after the other, in each the windows in row-major order, in each its taps in row-major order.  That order is
 * part of the definition for max and min (which tap wins, how gradients are added); for the smooth modes any order would
 * do, because long double leaves the rounding to the last store. */
#include "pool/reference.h"

#include <math.h>
#include <stdlib.h>

#include "element.h"
#include "geometry.h"

const char *pool_status_text(enum pool_status status) {
    switch (status) {
    case POOL_OK:
        return "no error";
    case POOL_BAD_CHOICE:
        return "mode, dtype, layout, nan, indices, padding or divisor has no such value";
    case POOL_BAD_RANK:
        return "the number of spatial axes is not 1, 2 or 3";
    case POOL_BAD_SIZE:
        return "a size is below 1";
    case POOL_BAD_KERNEL:
        return "kernel is below 1";
    case POOL_BAD_STRIDE:
        return "stride is below 1";
    case POOL_BAD_DILATION:
        return "dilation is below 1";
    case POOL_BAD_PADDING:
        return "padding is negative";
    case POOL_BAD_EXPONENT:
        return "the exponent is not a number from 1 to 1e30";
    case POOL_BAD_DIVISOR:
        return "the divisor is 0, or is not the number of taps although windows are adaptive";
    case POOL_BAD_INDICES:
        return "indices do not go with this mode, or their kind is missing";
    case POOL_TOO_LARGE:
        return "a size is too large";
    case POOL_NO_OUTPUT:
        return "the window is larger than the padded input";
    case POOL_EMPTY_WINDOW:
        return "a window has no tap inside the input";
    case POOL_NULL_ARGUMENT:
        return "a tensor that is needed was not given";
    case POOL_NO_MEMORY:
        return "out of memory";
    }
    return "unknown status";
}

size_t pool_dtype_size(enum pool_dtype dtype) {
    switch (dtype) {
    case POOL_F32:
        return sizeof(float);
    case POOL_F64:
        return sizeof(double);
    }
    return 0;
}

enum pool_status pool_reference_shape(const struct pool_desc *desc, struct pool_shape *shape) {
    struct pool_geometry geometry;
    return pool_geometry_make(desc, &geometry, shape);
}

/* Max and min: the value of a window, and which of its taps it came from. */
struct selection {
    double value;
    struct pool_tap tap;
};

static struct selection select_tap(const struct pool_desc *desc, const struct pool_geometry *geometry,
                                   const struct pool_window *window, const void *x, int64_t plane) {
    bool max = desc->mode == POOL_MAX;
    struct selection chosen = {max ? -INFINITY : INFINITY, window->taps[0]};
    for (int64_t i = 0; i < window->count; i++) {
        double value = pool_load(desc->dtype, x, pool_geometry_x(geometry, plane, window->taps[i].at));
        bool better = max ? value > chosen.value : value < chosen.value;
        if (better || (desc->nan == POOL_NAN_PROPAGATE && isnan(value)))
            chosen = (struct selection){value, window->taps[i]};
    }
    return chosen;
}

static int64_t index_of(enum pool_indices kind, const struct pool_geometry *geometry, int64_t plane, struct pool_tap tap) {
    switch (kind) {
    case POOL_INDICES_NONE:
        return 0;
    case POOL_INDICES_WINDOW:
        return tap.number;
    case POOL_INDICES_PLANE:
        return tap.at;
    case POOL_INDICES_TENSOR:
        return pool_geometry_x(geometry, plane, tap.at);
    }
    return 0;
}

/* (sum of |x|^p)^(1/p). Dividing by the largest |x| first keeps the powers in range and changes nothing else. */
static long double norm(const struct pool_desc *desc, const struct pool_geometry *geometry, const struct pool_window *window,
                        const void *x, int64_t plane) {
    long double largest = 0, sum = 0;
    for (int64_t i = 0; i < window->count; i++) {
        long double size = fabsl(pool_load(desc->dtype, x, pool_geometry_x(geometry, plane, window->taps[i].at)));
        if (isnan(size))
            return size;
        if (size > largest)
            largest = size;
    }
    if (largest == 0 || isinf(largest))
        return largest;
    for (int64_t i = 0; i < window->count; i++) {
        long double size = fabsl(pool_load(desc->dtype, x, pool_geometry_x(geometry, plane, window->taps[i].at)));
        sum += powl(size / largest, desc->p);
    }
    return largest * powl(sum, 1 / (long double)desc->p);
}

static long double window_sum(const struct pool_desc *desc, const struct pool_geometry *geometry,
                              const struct pool_window *window, const void *x, int64_t plane) {
    long double sum = 0;
    for (int64_t i = 0; i < window->count; i++)
        sum += pool_load(desc->dtype, x, pool_geometry_x(geometry, plane, window->taps[i].at));
    return sum;
}

/* `y` or `indices` may be NULL: not wanted. */
static enum pool_status forward(const struct pool_desc *desc, const void *x, void *y, enum pool_indices kind,
                                int64_t *indices) {
    struct pool_geometry geometry;
    struct pool_shape shape;
    enum pool_status status = pool_geometry_make(desc, &geometry, &shape);
    if (status != POOL_OK)
        return status;
    if (!x || (!y && !indices))
        return POOL_NULL_ARGUMENT;
    struct pool_window window;
    if (!pool_window_allocate(&geometry, &window))
        return POOL_NO_MEMORY;
    for (int64_t plane = 0; plane < geometry.planes; plane++)
        for (int64_t out = 0; out < geometry.out_plane; out++) {
            pool_window_find(&geometry, out, &window);
            int64_t at = pool_geometry_y(&geometry, plane, out);
            long double value = 0;
            switch (desc->mode) {
            case POOL_MAX:
            case POOL_MIN: {
                struct selection chosen = select_tap(desc, &geometry, &window, x, plane);
                value = chosen.value;
                if (indices)
                    indices[at] = index_of(kind, &geometry, plane, chosen.tap);
                break;
            }
            case POOL_AVG:
            case POOL_SUM:
                value = window_sum(desc, &geometry, &window, x, plane) / window.divisor;
                break;
            case POOL_LP:
                value = norm(desc, &geometry, &window, x, plane);
                break;
            }
            if (y)
                pool_store(desc->dtype, y, at, value);
        }
    pool_window_free(&window);
    return POOL_OK;
}

enum pool_status pool_reference_forward(const struct pool_desc *desc, const void *x, void *y, int64_t *indices) {
    if (!y) {
        struct pool_shape shape;
        enum pool_status status = pool_reference_shape(desc, &shape);
        return status == POOL_OK ? POOL_NULL_ARGUMENT : status;
    }
    return forward(desc, x, y, desc->indices, desc->indices == POOL_INDICES_NONE ? NULL : indices);
}

enum pool_status pool_reference_indices(const struct pool_desc *desc, const void *x, enum pool_indices kind,
                                        int64_t *indices) {
    struct pool_desc asked = *desc;
    asked.indices = kind; /* so that the shape's checks are about this kind */
    if (kind == POOL_INDICES_NONE)
        return POOL_BAD_INDICES;
    return forward(&asked, x, NULL, kind, indices);
}

/* The gradient of one window for its smooth modes, added to `sums`, one long double per element of the plane. */
static void spread(const struct pool_desc *desc, const struct pool_geometry *geometry, const struct pool_window *window,
                   const void *x, int64_t plane, long double gradient, long double *sums) {
    if (desc->mode != POOL_LP) {
        for (int64_t i = 0; i < window->count; i++)
            sums[window->taps[i].at] += gradient / window->divisor;
        return;
    }
    long double y = norm(desc, geometry, window, x, plane);
    for (int64_t i = 0; i < window->count; i++) {
        long double value = pool_load(desc->dtype, x, pool_geometry_x(geometry, plane, window->taps[i].at));
        if (value != 0) /* |x|^(p-1) y^(1-p), as one power of a ratio that cannot overflow; 0 by definition where y is 0 */
            sums[window->taps[i].at] += copysignl(powl(fabsl(value) / y, (long double)desc->p - 1), value) * gradient;
    }
}

/* One addition in the element type. f32 through double rounds to the same bits: 53 >= 2 * 24 + 2. */
static void add_element(enum pool_dtype dtype, void *data, int64_t at, double addend) {
    pool_store(dtype, data, at, (double)(pool_load(dtype, data, at) + addend));
}

enum pool_status pool_reference_backward(const struct pool_desc *desc, const void *x, const void *dy, void *dx) {
    struct pool_geometry geometry;
    struct pool_shape shape;
    enum pool_status status = pool_geometry_make(desc, &geometry, &shape);
    if (status != POOL_OK)
        return status;
    bool selects = desc->mode == POOL_MAX || desc->mode == POOL_MIN;
    if (!dy || !dx || (!x && (selects || desc->mode == POOL_LP)))
        return POOL_NULL_ARGUMENT;
    struct pool_window window;
    if (!pool_window_allocate(&geometry, &window))
        return POOL_NO_MEMORY;
    long double *sums = NULL;
    if (!selects) {
        if ((uint64_t)geometry.in_plane <= PTRDIFF_MAX / sizeof *sums)
            sums = malloc((size_t)geometry.in_plane * sizeof *sums);
        if (!sums) {
            pool_window_free(&window);
            return POOL_NO_MEMORY;
        }
    }
    for (int64_t plane = 0; plane < geometry.planes; plane++) {
        for (int64_t at = 0; at < geometry.in_plane; at++) {
            if (selects)
                pool_store(desc->dtype, dx, pool_geometry_x(&geometry, plane, at), 0);
            else
                sums[at] = 0;
        }
        for (int64_t out = 0; out < geometry.out_plane; out++) {
            pool_window_find(&geometry, out, &window);
            double gradient = pool_load(desc->dtype, dy, pool_geometry_y(&geometry, plane, out));
            if (selects) {
                struct selection chosen = select_tap(desc, &geometry, &window, x, plane);
                add_element(desc->dtype, dx, pool_geometry_x(&geometry, plane, chosen.tap.at), gradient);
            } else {
                spread(desc, &geometry, &window, x, plane, gradient, sums);
            }
        }
        for (int64_t at = 0; at < geometry.in_plane && !selects; at++)
            pool_store(desc->dtype, dx, pool_geometry_x(&geometry, plane, at), sums[at]);
    }
    free(sums);
    pool_window_free(&window);
    return POOL_OK;
}
