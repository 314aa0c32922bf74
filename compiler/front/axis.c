/* axis.c - see axis.h. Only the windows that touch an end of the input are looked at one by one; those wholly inside are
 * one segment by arithmetic, so the work is bounded by the borders and not by the size of the axis.
 *
 * Sizes are at most PC_AXIS_MAX = 2^24, so products of two of them fit easily into int64_t. */
#include "front/axis.h"

#include <stdlib.h>
#include <string.h>

/* Bounds on the facts of one axis; beyond them a kernel made from the facts would be absurdly long anyway. */
enum { BORDER_WINDOWS_MAX = 1 << 16, PHASES_MAX = 1 << 16, COVERS_MAX = 1 << 18 };

static int64_t floor_div(int64_t a, int64_t b) {
    return a >= 0 ? a / b : -((-a + b - 1) / b);
}

static int64_t ceil_div(int64_t a, int64_t b) {
    return -floor_div(-a, b);
}

static int64_t min64(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static int64_t max64(int64_t a, int64_t b) {
    return a > b ? a : b;
}

int64_t pc_axis_extent(const struct pc_axis *axis) {
    return axis->dilation * (axis->kernel - 1) + 1;
}

/* ---- sizes ---- */

const char pc_axis_names[POOL_MAX_RANK] = {'D', 'H', 'W'};

struct pc_axis pc_axis_unit(void) {
    return (struct pc_axis){
        .in = 1, .out = 1, .kernel = 1, .stride = 1, .dilation = 1, .divisor = POOL_DIVISOR_OVERRIDE};
}

/* The windows that lie wholly inside the input: *first .. *last, empty if *first > *last. */
static void interior_windows(const struct pc_axis *axis, int64_t *first, int64_t *last) {
    *first = ceil_div(axis->pad_begin, axis->stride);
    *last = min64(floor_div(axis->in + axis->pad_begin - pc_axis_extent(axis), axis->stride), axis->out - 1);
}

static bool window_is_empty(const struct pc_axis *axis, int64_t out) {
    const struct pc_window window = pc_axis_window(axis, out);
    return window.tap_begin >= window.tap_end;
}

static enum pc_axis_status find_empty_window(const struct pc_axis *axis, int64_t *position) {
    int64_t first, last;
    interior_windows(axis, &first, &last);
    if (first > last) /* no interior: everything is border */
        first = axis->out, last = axis->out - 1;
    if (axis->out - (last - first + 1) > BORDER_WINDOWS_MAX) {
        /* Too many to enumerate. Without dilation the ends decide: a window is empty only beyond one of them. */
        *position = 0;
        if (window_is_empty(axis, 0))
            return PC_AXIS_EMPTY_WINDOW;
        if (axis->dilation > 1)
            return PC_AXIS_TOO_LARGE;
        *position = ceil_div(axis->in + axis->pad_begin, axis->stride); /* the first that starts beyond the end */
        return *position < axis->out ? PC_AXIS_EMPTY_WINDOW : PC_AXIS_OK;
    }
    for (int64_t out = 0; out < axis->out; out++) {
        if (out == first)
            out = last + 1;
        if (out < axis->out && window_is_empty(axis, out)) {
            *position = out;
            return PC_AXIS_EMPTY_WINDOW;
        }
    }
    return PC_AXIS_OK;
}

static enum pc_axis_status resolve_adaptive(const struct pool_desc *desc, int index, struct pc_axis *axis) {
    const int64_t in = desc->in[index], out = desc->adaptive_out[index];
    if (out > PC_ADAPTIVE_MAX)
        return PC_AXIS_TOO_LARGE;
    *axis = (struct pc_axis){.in = in, .out = out, .dilation = 1};
    axis->divisor = desc->mode == POOL_AVG ? POOL_DIVISOR_TAPS : POOL_DIVISOR_OVERRIDE;
    if (in % out == 0) {
        axis->kernel = axis->stride = in / out;
        return PC_AXIS_OK;
    }
    axis->adaptive = true;
    for (int64_t j = 0; j < out; j++) {
        const struct pc_window window = pc_axis_window(axis, j);
        axis->kernel = max64(axis->kernel, window.tap_end);
    }
    return PC_AXIS_OK;
}

enum pc_axis_status pc_axis_resolve(const struct pool_desc *desc, int index, struct pc_axis *axis, int64_t *position) {
    *position = 0;
    if (desc->adaptive)
        return resolve_adaptive(desc, index, axis);
    *axis = (struct pc_axis){
        .in = desc->in[index],
        .kernel = desc->kernel[index],
        .stride = desc->stride[index],
        .dilation = desc->dilation[index],
        .divisor = desc->mode == POOL_AVG ? desc->divisor : POOL_DIVISOR_OVERRIDE,
    };
    const int64_t stride = axis->stride;
    if (desc->padding == POOL_PAD_EXPLICIT) {
        axis->pad_begin = desc->pad_begin[index];
        axis->pad_end = desc->pad_end[index];
        const int64_t slack = axis->in + axis->pad_begin + axis->pad_end - pc_axis_extent(axis);
        axis->out = floor_div(slack + (desc->ceil_mode ? stride - 1 : 0), stride) + 1;
        /* With ceil_mode the last window must start inside the input or the begin padding (PyTorch, ONNX opset 22). */
        if (desc->ceil_mode && (axis->out - 1) * stride >= axis->in + axis->pad_begin)
            axis->out--;
    } else {
        axis->out = ceil_div(axis->in, stride);
        const int64_t total = max64((axis->out - 1) * stride + pc_axis_extent(axis) - axis->in, 0);
        axis->pad_begin = (total + (desc->padding == POOL_PAD_SAME_LOWER)) / 2;
        axis->pad_end = total - axis->pad_begin;
    }
    if (axis->out < 1)
        return PC_AXIS_NO_OUTPUT;
    if (axis->out > PC_AXIS_MAX)
        return PC_AXIS_TOO_LARGE;
    if (axis->out == 1) /* whatever was written: one window has no neighbours that it could overlap */
        axis->stride = max64(axis->in + axis->pad_begin, pc_axis_extent(axis));
    return find_empty_window(axis, position);
}

/* ---- windows ---- */

struct pc_window pc_axis_window(const struct pc_axis *axis, int64_t out) {
    struct pc_window window;
    if (axis->adaptive) {
        window.start = out * axis->in / axis->out;
        window.tap_begin = 0;
        window.tap_end = ceil_div((out + 1) * axis->in, axis->out) - window.start;
        return window;
    }
    window.start = out * axis->stride - axis->pad_begin;
    window.tap_begin = max64(ceil_div(-window.start, axis->dilation), 0);
    window.tap_end = min64(floor_div(axis->in - 1 - window.start, axis->dilation) + 1, axis->kernel);
    return window;
}

int64_t pc_axis_count(const struct pc_axis *axis, int64_t out) {
    const struct pc_window window = pc_axis_window(axis, out);
    switch (axis->divisor) {
    case POOL_DIVISOR_TAPS:
        return window.tap_end - window.tap_begin;
    case POOL_DIVISOR_PADDED:
        return min64((axis->in + axis->pad_end - 1 - window.start) / axis->dilation + 1, axis->kernel);
    case POOL_DIVISOR_WINDOW:
        return axis->kernel;
    case POOL_DIVISOR_OVERRIDE:
        return 1;
    }
    abort();
}

bool pc_axis_is_reduced(const struct pc_axis *axis) {
    return axis->kernel > 1 || axis->in != axis->out;
}

bool pc_axis_is_whole(const struct pc_axis *axis) {
    const struct pc_window window = pc_axis_window(axis, 0);
    return axis->out == 1 && window.tap_end - window.tap_begin == axis->in;
}

bool pc_axis_is_unit(const struct pc_axis *axis) {
    return axis->in == 1 && !pc_axis_is_reduced(axis);
}

struct pc_axis pc_axis_extended(const struct pc_axis *axis, int64_t *before) {
    const int64_t extent = pc_axis_extent(axis);
    /* The first window that reaches input 0, rounded up, and the last that begins at or before the last input. */
    int64_t first = axis->pad_begin - extent + 1;
    first = first >= 0 ? (first + axis->stride - 1) / axis->stride : -(-first / axis->stride);
    const int64_t last = (axis->in - 1 + axis->pad_begin) / axis->stride;
    const int64_t added = first < 0 ? -first : 0;
    struct pc_axis extended = *axis;
    extended.out = added + (last >= axis->out ? last + 1 : axis->out);
    extended.pad_begin += added * axis->stride;
    if (before)
        *before = added;
    extended.divisor = POOL_DIVISOR_OVERRIDE;
    return extended;
}

/* ---- forward: segments ---- */

static struct pc_segment segment_of(const struct pc_axis *axis, int64_t out) {
    const struct pc_window window = pc_axis_window(axis, out);
    return (struct pc_segment){
        .out = out,
        .count = 1,
        .in = window.start + window.tap_begin * axis->dilation,
        .in_step = axis->stride,
        .tap = window.tap_begin,
        .taps = window.tap_end - window.tap_begin,
        .divisor = pc_axis_count(axis, out),
    };
}

/* Appends `next` to `last` if it continues it: same taps and divisor, and starts at constant distances. */
static bool join_segment(struct pc_segment *last, const struct pc_segment *next, bool adaptive) {
    if (last->tap != next->tap || last->taps != next->taps || last->divisor != next->divisor)
        return false;
    const int64_t step = next->in - (last->in + (last->count - 1) * last->in_step);
    if (adaptive && last->count == 1)
        last->in_step = step; /* adaptive windows have no stride: two neighbours define one */
    if (step != last->in_step)
        return false;
    last->count += next->count;
    return true;
}

const struct pc_segment *pc_axis_segments(const struct pc_axis *axis, struct pc_arena *arena, int *count) {
    struct pc_segment *segments = NULL;
    size_t capacity = 0;
    int n = 0;
    int64_t first = axis->out, last = axis->out - 1;
    if (!axis->adaptive)
        interior_windows(axis, &first, &last);
    for (int64_t out = 0; out < axis->out;) {
        struct pc_segment next = segment_of(axis, out);
        if (out == first && first <= last)
            next.count = last - first + 1;
        out += next.count;
        if (n > 0 && join_segment(&segments[n - 1], &next, axis->adaptive))
            continue;
        if (n == PC_SEGMENTS_MAX)
            return NULL;
        PC_GROW(arena, segments, (size_t)n, capacity);
        segments[n++] = next;
    }
    *count = n;
    return segments;
}

/* ---- tables ---- */

/* Where the rows begin, from the number of entries of each in first[r + 1]. */
static void begin_rows(struct pc_axis_table *table, int64_t *first) {
    int64_t least = INT64_MAX;
    for (int64_t r = 0; r < table->rows; r++) {
        table->most = max64(table->most, first[r + 1]);
        least = min64(least, first[r + 1]);
        first[r + 1] += first[r];
    }
    table->is_even = least == table->most;
}

const struct pc_axis_table *pc_axis_table_of(const struct pc_axis *axis, bool transposed, struct pc_arena *arena) {
    struct pc_axis_table *table = PC_NEW(arena, struct pc_axis_table);
    table->rows = transposed ? axis->in : axis->out;
    int64_t *first = PC_NEW_ARRAY(arena, (size_t)table->rows + 1, int64_t);
    for (int64_t out = 0; out < axis->out; out++) {
        const struct pc_window w = pc_axis_window(axis, out);
        table->entries += w.tap_end - w.tap_begin;
        for (int64_t tap = w.tap_begin; tap < w.tap_end; tap++)
            first[(transposed ? w.start + tap * axis->dilation : out) + 1]++;
    }
    begin_rows(table, first);
    int64_t *next = PC_NEW_ARRAY(arena, (size_t)table->rows, int64_t);
    int64_t *at = PC_NEW_ARRAY(arena, (size_t)table->entries, int64_t);
    int64_t *taps = PC_NEW_ARRAY(arena, (size_t)table->entries, int64_t);
    int64_t *counts = PC_NEW_ARRAY(arena, (size_t)table->entries, int64_t);
    memcpy(next, first, (size_t)table->rows * sizeof *next);
    for (int64_t out = 0; out < axis->out; out++) {
        const struct pc_window w = pc_axis_window(axis, out);
        for (int64_t tap = w.tap_begin; tap < w.tap_end; tap++) {
            const int64_t in = w.start + tap * axis->dilation, entry = next[transposed ? in : out]++;
            at[entry] = transposed ? out : in;
            taps[entry] = tap;
            counts[entry] = pc_axis_count(axis, out);
        }
    }
    table->first = first;
    table->at = at;
    table->tap = taps;
    table->count = counts;
    return table;
}

/* ---- backward: cells ---- */

/* Collects covers, with the bound on their number. */
struct cover_list {
    struct pc_arena *arena;
    struct pc_cover *items;
    size_t count, capacity;
};

static void add_cover(struct cover_list *list, struct pc_cover cover) {
    if (list->count >= COVERS_MAX)
        return; /* the caller sees the full list and gives up */
    if (list->count > 0) {
        struct pc_cover *last = &list->items[list->count - 1];
        const int64_t out_step = cover.out - (last->out + (last->count - 1) * last->out_step);
        const int64_t tap_step = cover.tap - (last->tap + (last->count - 1) * last->tap_step);
        if (last->divisor == cover.divisor &&
            (last->count == 1 || (last->out_step == out_step && last->tap_step == tap_step))) {
            last->count += cover.count;
            last->out_step = out_step;
            last->tap_step = tap_step;
            return;
        }
    }
    PC_GROW(list->arena, list->items, list->count, list->capacity);
    list->items[list->count++] = cover;
}

/* The inverse of a modulo m (coprime), by the extended Euclidean algorithm; 0 for m = 1. */
static int64_t inverse_modulo(int64_t a, int64_t m) {
    int64_t r0 = m, r1 = a % m, t0 = 0, t1 = 1;
    while (r1 != 0) {
        const int64_t q = r0 / r1, r2 = r0 - q * r1, t2 = t0 - q * t1;
        r0 = r1, r1 = r2, t0 = t1, t1 = t2;
    }
    return m == 1 ? 0 : (t0 % m + m) % m;
}

static int64_t greatest_common_divisor(int64_t a, int64_t b) {
    while (b != 0) {
        const int64_t r = a % b;
        a = b, b = r;
    }
    return a;
}

/* A cell of an ordinary axis: number m holds the input positions stride * m - pad_begin + phase, 0 <= phase < stride. The
 * window m - j sees phase f at distance f + stride * j from its start, for 0 <= j <= reach. */
struct cell_shape {
    int64_t phase_begin, phase_end; /* phases inside the input */
    int64_t near, far;              /* windows m - far .. m - near exist */
};

static struct cell_shape shape_of_cell(const struct pc_axis *axis, int64_t m) {
    const int64_t start = axis->stride * m - axis->pad_begin, reach = (pc_axis_extent(axis) - 1) / axis->stride;
    struct cell_shape shape = {
        .phase_begin = max64(-start, 0),
        .phase_end = min64(axis->in - start, axis->stride),
        .near = max64(m - axis->out + 1, 0),
        .far = min64(reach, m),
    };
    if (shape.near > shape.far) /* no window at all: one way to say so */
        shape.near = 0, shape.far = -1;
    return shape;
}

static bool same_cell(const struct pc_axis *axis, int64_t m, int64_t next) {
    const struct cell_shape a = shape_of_cell(axis, m), b = shape_of_cell(axis, next);
    if (a.phase_begin != b.phase_begin || a.phase_end != b.phase_end || a.near != b.near || a.far != b.far)
        return false;
    const bool counts_differ = axis->divisor == POOL_DIVISOR_TAPS || axis->divisor == POOL_DIVISOR_PADDED;
    for (int64_t j = a.near; counts_differ && j <= a.far; j++)
        if (pc_axis_count(axis, m - j) != pc_axis_count(axis, next - j))
            return false;
    return true;
}

/* Windows of cell m that see `phase`, ascending. */
static void cover_phase(const struct pc_axis *axis, int64_t m, const struct cell_shape *shape, int64_t phase,
                        struct cover_list *list) {
    const int64_t stride = axis->stride, dilation = axis->dilation;
    const int64_t common = greatest_common_divisor(stride, dilation);
    if (phase % common != 0)
        return;
    /* phase + stride * j must be a multiple of the dilation: j = -phase / stride modulo dilation / common. */
    const int64_t period = dilation / common;
    const int64_t root = period == 1 ? 0 : (period - phase / common % period) % period *
                                               inverse_modulo(stride / common, period) % period;
    const int64_t farthest = min64(shape->far, floor_div((axis->kernel - 1) * dilation - phase, stride));
    const int64_t far = farthest - ((farthest - root) % period + period) % period;
    for (int64_t j = far; j >= shape->near; j -= period) {
        add_cover(list, (struct pc_cover){.out = m - j,
                                          .count = 1,
                                          .tap = (phase + stride * j) / dilation,
                                          .divisor = pc_axis_count(axis, m - j)});
        if (list->count >= COVERS_MAX)
            return;
    }
}

static bool same_covers(const struct pc_cover *a, const struct pc_cover *b, int count, int64_t tap_offset) {
    for (int i = 0; i < count; i++)
        if (a[i].out != b[i].out || a[i].count != b[i].count || a[i].out_step != b[i].out_step ||
            a[i].tap + tap_offset != b[i].tap || a[i].tap_step != b[i].tap_step || a[i].divisor != b[i].divisor)
            return false;
    return true;
}

/* How many phases from f on, a dilation apart, the same windows see. Without dilation: up to where the farthest of them
 * ends; with it they are looked at one by one. */
static int64_t equal_phases(const struct pc_axis *axis, const struct cell_shape *shape, int64_t f) {
    if (axis->dilation > 1)
        return 1;
    const int64_t q = floor_div(axis->kernel - 1 - f, axis->stride);
    return min64(shape->phase_end, f < axis->kernel ? axis->kernel - axis->stride * q : axis->stride) - f;
}

/* The phases of cell m. false when the bounds are exceeded. */
static bool build_phases(const struct pc_axis *axis, int64_t m, struct pc_arena *arena, struct pc_cell *cell,
                         size_t *phase_total, size_t *cover_total) {
    const struct cell_shape shape = shape_of_cell(axis, m);
    const int64_t step = axis->dilation;
    struct pc_phase *phases = NULL;
    size_t capacity = 0;
    int n = 0;
    for (int64_t begin = shape.phase_begin; begin < min64(shape.phase_begin + step, shape.phase_end); begin++) {
        int first = n; /* phases of this residue modulo the dilation */
        for (int64_t f = begin; f < shape.phase_end;) {
            struct cover_list list = {.arena = arena};
            cover_phase(axis, m, &shape, f, &list);
            struct pc_phase phase = {.in = f - shape.phase_begin,
                                     .count = equal_phases(axis, &shape, f),
                                     .step = step,
                                     .covers = list.items,
                                     .cover_count = (int)list.count};
            f += phase.count * step;
            *cover_total += list.count;
            struct pc_phase *last = n > first ? &phases[n - 1] : NULL;
            if (last && last->cover_count == phase.cover_count &&
                same_covers(last->covers, phase.covers, phase.cover_count, last->count)) {
                last->count += phase.count;
                continue;
            }
            if (++*phase_total > PHASES_MAX || *cover_total > COVERS_MAX)
                return false;
            PC_GROW(arena, phases, (size_t)n, capacity);
            phases[n++] = phase;
        }
    }
    *cell = (struct pc_cell){
        .in = axis->stride * m - axis->pad_begin + shape.phase_begin,
        .count = 1,
        .in_step = axis->stride,
        .out_step = 1,
        .length = shape.phase_end - shape.phase_begin,
        .phases = phases,
        .phase_count = n,
    };
    return true;
}

static const struct pc_cell *ordinary_cells(const struct pc_axis *axis, struct pc_arena *arena, int *count) {
    struct pc_cell *cells = NULL;
    size_t capacity = 0, phase_total = 0, cover_total = 0;
    int n = 0;
    const int64_t reach = (pc_axis_extent(axis) - 1) / axis->stride;
    const int64_t end = floor_div(axis->in - 1 + axis->pad_begin, axis->stride) + 1;
    int64_t first, last; /* cells wholly inside the input that only interior windows see, all `reach` + 1 of them */
    interior_windows(axis, &first, &last);
    first = max64(first + reach, ceil_div(axis->pad_begin, axis->stride));
    last = min64(last, floor_div(axis->in + axis->pad_begin, axis->stride) - 1);
    for (int64_t m = axis->pad_begin / axis->stride; m < end;) {
        if (n == PC_SEGMENTS_MAX)
            return NULL;
        PC_GROW(arena, cells, (size_t)n, capacity);
        if (!build_phases(axis, m, arena, &cells[n], &phase_total, &cover_total))
            return NULL;
        const int64_t cell = m++;
        if (cell >= first && cell < last)
            m = last + 1;
        while (m < end && same_cell(axis, cell, m))
            m++;
        cells[n++].count = m - cell;
    }
    *count = n;
    return cells;
}

/* Adaptive: neighbouring positions seen by the same windows are one cell with one phase. */
static const struct pc_cell *adaptive_cells(const struct pc_axis *axis, struct pc_arena *arena, int *count) {
    struct pc_cell *cells = NULL;
    size_t capacity = 0, cover_total = 0;
    int n = 0;
    int64_t begin = 0, end = 0; /* windows that see position i */
    for (int64_t i = 0; i < axis->in;) {
        while (end < axis->out && pc_axis_window(axis, end).start <= i)
            end++;
        while (begin < end && pc_axis_window(axis, begin).start + pc_axis_window(axis, begin).tap_end <= i)
            begin++;
        /* The set changes where the first window ends or the next one starts. */
        int64_t next = pc_axis_window(axis, begin).start + pc_axis_window(axis, begin).tap_end;
        if (end < axis->out)
            next = min64(next, pc_axis_window(axis, end).start);
        struct cover_list list = {.arena = arena};
        for (int64_t out = begin; out < end; out++)
            add_cover(&list, (struct pc_cover){.out = out,
                                               .count = 1,
                                               .tap = i - pc_axis_window(axis, out).start,
                                               .divisor = pc_axis_count(axis, out)});
        cover_total += list.count;
        if (n == PC_SEGMENTS_MAX || cover_total > COVERS_MAX)
            return NULL;
        struct pc_phase *phase = PC_NEW(arena, struct pc_phase);
        *phase = (struct pc_phase){.count = next - i, .step = 1, .covers = list.items, .cover_count = (int)list.count};
        PC_GROW(arena, cells, (size_t)n, capacity);
        cells[n++] = (struct pc_cell){
            .in = i, .count = 1, .in_step = next - i, .out_step = 0, .length = next - i, .phases = phase, .phase_count = 1};
        i = next;
    }
    *count = n;
    return cells;
}

const struct pc_cell *pc_axis_cells(const struct pc_axis *axis, struct pc_arena *arena, int *count) {
    return axis->adaptive ? adaptive_cells(axis, arena, count) : ordinary_cells(axis, arena, count);
}
