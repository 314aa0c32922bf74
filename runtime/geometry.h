/* geometry.h - the runtime's own shape arithmetic: which inputs each window reads and what it divides by.
 *
 * Axes are always D, H, W here; a missing outer axis is one of size 1.  A plane is one channel of one image. */
#ifndef POOL_RUNTIME_GEOMETRY_H
#define POOL_RUNTIME_GEOMETRY_H

#include "pool/reference.h"

struct pool_axis {
    int64_t in, out;
    bool adaptive;
    int64_t kernel, stride, dilation; /* adaptive: the largest window; stride is not used */
    int64_t pad_begin, pad_end;
};

struct pool_geometry {
    struct pool_axis axis[POOL_MAX_RANK];
    int64_t planes, channels;    /* planes = batch * channels */
    int64_t in_plane, out_plane; /* elements of one plane */
    bool channels_last;
    bool average;
    enum pool_divisor divisor;
    int64_t divisor_override;
};

/* A tap inside the input: its offset in the plane, and its row-major number in the window's box. */
struct pool_tap {
    int64_t at, number;
};

struct pool_window {
    struct pool_tap *taps; /* row-major */
    int64_t count;         /* at least 1 */
    int64_t divisor;       /* what the average divides by; 1 for other modes */
};

/* As pool_reference_shape(), with the geometry beside it (valid only with POOL_OK). `shape` is not NULL. */
enum pool_status pool_geometry_make(const struct pool_desc *desc, struct pool_geometry *geometry, struct pool_shape *shape);

/* Room for the largest window; false: no memory. pool_window_free() releases it and accepts a zeroed window. */
bool pool_window_allocate(const struct pool_geometry *geometry, struct pool_window *window);
void pool_window_free(struct pool_window *window);

/* The window of output number `out` of a plane, 0 to out_plane - 1. */
void pool_window_find(const struct pool_geometry *geometry, int64_t out, struct pool_window *window);

/* The offset in the whole tensor of element `at` of a plane. */
int64_t pool_geometry_x(const struct pool_geometry *geometry, int64_t plane, int64_t at);
int64_t pool_geometry_y(const struct pool_geometry *geometry, int64_t plane, int64_t at);

#endif
