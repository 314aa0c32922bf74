/* test_axis.c - windows, segments and cells of an axis against windows enumerated one tap at a time.
 *
 * The enumeration below counts positions instead of dividing, so it shares no formula with the compiler.  A grid of all
 * small axes is compared completely; large axes are compared with closed forms, and must not take time that grows with
 * their size. */
#include "front/axis.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- the definition ---- */

enum { IN_MAX = 32, OUT_MAX = 64, TAPS_MAX = 32 };

struct windows {
    int64_t in, out, kernel, pad_begin, pad_end;
    enum pc_axis_status status;
    int64_t empty;                       /* the first window without a tap inside */
    int64_t position[OUT_MAX][TAPS_MAX]; /* input position of each tap, maybe outside */
    int64_t taps[OUT_MAX];               /* that the window has, inside or not */
    int64_t divisor[OUT_MAX];
};

static bool inside(const struct windows *w, int64_t position) {
    return position >= 0 && position < w->in;
}

static int64_t taps_inside(const struct windows *w, int64_t j) {
    int64_t count = 0;
    for (int64_t t = 0; t < w->taps[j]; t++)
        count += inside(w, w->position[j][t]);
    return count;
}

static void place_ordinary(struct windows *w, const struct pool_desc *desc) {
    for (int64_t j = 0, start = -w->pad_begin; j < w->out; j++, start += desc->stride[0]) {
        w->taps[j] = w->kernel;
        for (int64_t t = 0, at = start; t < w->kernel; t++, at += desc->dilation[0])
            w->position[j][t] = at;
    }
}

/* Positions of the padded input, counted from the begin of the padding. */
static void count_explicit(struct windows *w, const struct pool_desc *desc) {
    const int64_t stride = desc->stride[0], padded = w->pad_begin + w->in + w->pad_end;
    const int64_t reach = (w->kernel - 1) * desc->dilation[0]; /* from the first tap to the last */
    while (w->out * stride + reach < padded) /* the next window ends inside */
        w->out++;
    const int64_t left = padded - ((w->out - 1) * stride + reach + 1); /* behind the last window, or missing for window 0 */
    if (!desc->ceil_mode)
        return;
    if (w->out == 0)
        w->out += reach + 1 - padded < stride; /* a part of a stride is missing: rounded up it is there */
    else if (left > 0)
        w->out++;
    if (w->out > 0 && (w->out - 1) * stride >= w->pad_begin + w->in)
        w->out--;
}

/* As many windows as strides begin inside the input, and the least padding with which the last one ends inside. */
static void count_same(struct windows *w, const struct pool_desc *desc) {
    for (int64_t at = 0; at < w->in; at += desc->stride[0])
        w->out++;
    int64_t total = 0;
    while ((w->out - 1) * desc->stride[0] + (w->kernel - 1) * desc->dilation[0] >= w->in + total)
        total++;
    for (; total > 0; total--) { /* dealt out in turn; the end (SAME) or the begin (SAME_LOWER) is first */
        const bool end = desc->padding == POOL_PAD_SAME ? w->pad_end <= w->pad_begin : w->pad_end < w->pad_begin;
        ++*(end ? &w->pad_end : &w->pad_begin);
    }
}

/* Position i belongs to window j where the intervals i/in .. (i+1)/in and j/out .. (j+1)/out overlap. */
static void place_adaptive(struct windows *w, const struct pool_desc *desc) {
    w->out = desc->adaptive_out[0];
    for (int64_t j = 0; j < w->out; j++) {
        for (int64_t i = 0; i < w->in; i++)
            if ((i + 1) * w->out > j * w->in && i * w->out < (j + 1) * w->in)
                w->position[j][w->taps[j]++] = i;
        if (w->taps[j] > w->kernel)
            w->kernel = w->taps[j];
    }
}

static int64_t divisor_of(const struct windows *w, const struct pool_desc *desc, int64_t j) {
    const enum pool_divisor divisor = desc->adaptive ? POOL_DIVISOR_TAPS : desc->divisor;
    int64_t padded = 0;
    for (int64_t t = 0; t < w->taps[j]; t++)
        padded += w->position[j][t] >= -w->pad_begin && w->position[j][t] < w->in + w->pad_end;
    if (desc->mode != POOL_AVG)
        return 1;
    switch (divisor) {
    case POOL_DIVISOR_TAPS: return taps_inside(w, j);
    case POOL_DIVISOR_PADDED: return padded;
    case POOL_DIVISOR_WINDOW: return w->kernel;
    case POOL_DIVISOR_OVERRIDE: return 1;
    }
    abort();
}

static void enumerate(const struct pool_desc *desc, struct windows *w) {
    memset(w, 0, sizeof *w);
    w->in = desc->in[0];
    if (desc->adaptive) {
        place_adaptive(w, desc);
    } else {
        w->kernel = desc->kernel[0];
        if (desc->padding == POOL_PAD_EXPLICIT) {
            w->pad_begin = desc->pad_begin[0];
            w->pad_end = desc->pad_end[0];
            count_explicit(w, desc);
        } else {
            count_same(w, desc);
        }
        place_ordinary(w, desc);
    }
    w->status = w->out == 0 ? PC_AXIS_NO_OUTPUT : PC_AXIS_OK;
    for (int64_t j = w->out; j-- > 0;) {
        w->divisor[j] = divisor_of(w, desc, j);
        if (taps_inside(w, j) == 0) {
            w->status = PC_AXIS_EMPTY_WINDOW;
            w->empty = j;
        }
    }
}

/* ---- comparisons: NULL, or what differs ---- */

static const char *compare_windows(const struct windows *w, const struct pc_axis *axis) {
    for (int64_t j = 0; j < w->out; j++) {
        const struct pc_window window = pc_axis_window(axis, j);
        int64_t first = 0;
        while (!inside(w, w->position[j][first]))
            first++;
        if (window.start != w->position[j][0])
            return "the start of a window";
        if (window.tap_begin != first || window.tap_end - window.tap_begin != taps_inside(w, j))
            return "the taps of a window";
        if (pc_axis_count(axis, j) != w->divisor[j])
            return "pc_axis_count";
    }
    return NULL;
}

static const char *compare_segments(const struct windows *w, const struct pc_axis *axis, struct pc_arena *arena) {
    int count;
    const struct pc_segment *segments = pc_axis_segments(axis, arena, &count);
    int64_t j = 0;
    if (!segments)
        return "no segments";
    for (const struct pc_segment *s = segments; s < segments + count; s++) {
        if (s->out != j || s->count < 1)
            return "segments do not partition the outputs";
        for (int64_t k = 0; k < s->count; k++, j++) {
            if (j >= w->out)
                return "segments beyond the outputs";
            if (s->taps != taps_inside(w, j) || s->divisor != w->divisor[j])
                return "taps or divisor of a segment";
            for (int64_t t = 0; t < s->taps; t++) {
                const int64_t position = w->position[j][s->tap + t];
                if (!inside(w, position) || position != s->in + k * s->in_step + t * axis->dilation)
                    return "the place of a segment's tap";
            }
        }
        if (s > segments && !axis->adaptive && s->tap == s[-1].tap && s->taps == s[-1].taps && s->divisor == s[-1].divisor)
            return "equal neighbours are two segments";
    }
    return j == w->out ? NULL : "segments miss outputs";
}

/* The (window, tap) pairs of input position i, by the covers of a phase, against all pairs there are. */
static const char *compare_covers(const struct windows *w, const struct pc_phase *phase, int64_t i, int64_t tap_offset,
                                  int64_t out_offset) {
    int64_t j = 0; /* windows before it have been found or do not see i */
    for (int n = 0; n < phase->cover_count; n++) {
        const struct pc_cover *c = &phase->covers[n];
        for (int64_t q = 0; q < c->count; q++, j++) {
            const int64_t out = c->out + q * c->out_step + out_offset, tap = c->tap + q * c->tap_step + tap_offset;
            for (; j < out; j++)
                for (int64_t t = 0; j < w->out && t < w->taps[j]; t++)
                    if (w->position[j][t] == i)
                        return "a window is missing in the covers, or they do not ascend";
            if (j != out || out >= w->out)
                return "covers do not ascend, or name a window that does not exist";
            if (tap < 0 || tap >= w->taps[j] || w->position[j][tap] != i)
                return "the tap of a cover";
            if (c->divisor != w->divisor[j])
                return "the divisor of a cover";
        }
    }
    for (; j < w->out; j++)
        for (int64_t t = 0; t < w->taps[j]; t++)
            if (w->position[j][t] == i)
                return "the covers miss a window at their end";
    return NULL;
}

/* Whether two phases a step apart could have been one: loops over phases depend on there being few. */
static bool could_be_one(const struct pc_phase *a, const struct pc_phase *b) {
    bool same = b->in == a->in + a->count * a->step && a->cover_count == b->cover_count;
    for (int n = 0; same && n < a->cover_count; n++)
        same = a->covers[n].out == b->covers[n].out && a->covers[n].count == b->covers[n].count &&
               a->covers[n].out_step == b->covers[n].out_step && a->covers[n].divisor == b->covers[n].divisor;
    return same;
}

/* One cell, which begins at input position `begin`: each position belongs to one phase. */
static const char *compare_cell(const struct windows *w, const struct pc_axis *axis, const struct pc_cell *cell,
                                int64_t begin, int64_t out_offset) {
    bool found[IN_MAX] = {false};
    int64_t positions = 0;
    for (int n = 0; n < cell->phase_count; n++) {
        const struct pc_phase *phase = &cell->phases[n];
        if (phase->count < 1 || phase->step != axis->dilation)
            return "the size or the step of a phase";
        if (n > 0 && could_be_one(phase - 1, phase))
            return "equal neighbours are two phases";
        for (int64_t f = 0; f < phase->count; f++, positions++) {
            const int64_t in = phase->in + f * phase->step;
            if (in < 0 || in >= cell->length || found[in])
                return "phases do not partition their cell";
            found[in] = true;
            const char *problem = compare_covers(w, phase, begin + in, f, out_offset);
            if (problem)
                return problem;
        }
    }
    return positions == cell->length ? NULL : "phases miss positions of their cell";
}

static const char *compare_cells(const struct windows *w, const struct pc_axis *axis, struct pc_arena *arena) {
    int count;
    const struct pc_cell *cells = pc_axis_cells(axis, arena, &count);
    int64_t i = 0;
    if (!cells)
        return "no cells";
    for (const struct pc_cell *cell = cells; cell < cells + count; cell++) {
        for (int64_t k = 0; k < cell->count; k++, i += cell->length) {
            if (cell->in + k * cell->in_step != i || cell->length < 1 || i + cell->length > w->in)
                return "cells do not partition the inputs";
            const char *problem = compare_cell(w, axis, cell, i, k * cell->out_step);
            if (problem)
                return problem;
        }
    }
    return i == w->in ? NULL : "cells miss inputs";
}

/* Every pair of window and tap inside the input, once, in ascending order. */
static const char *compare_table(const struct windows *w, const struct pc_axis *axis, bool transposed,
                                 struct pc_arena *arena) {
    const struct pc_axis_table *table = pc_axis_table_of(axis, transposed, arena);
    int64_t pairs = 0, most = 0, least = INT64_MAX;
    if (table->rows != (transposed ? w->in : w->out) || table->first[0] != 0)
        return "not as many rows";
    for (int64_t r = 0; r < table->rows; r++) {
        const int64_t count = table->first[r + 1] - table->first[r];
        most = count > most ? count : most;
        least = count < least ? count : least;
        for (int64_t e = table->first[r]; e < table->first[r + 1]; e++, pairs++) {
            const int64_t out = transposed ? table->at[e] : r, in = transposed ? r : table->at[e];
            if (out < 0 || out >= w->out || table->tap[e] < 0 || table->tap[e] >= w->taps[out] || !inside(w, in) ||
                w->position[out][table->tap[e]] != in || table->count[e] != w->divisor[out])
                return "an entry of a table";
            if (e > table->first[r] && table->at[e] <= table->at[e - 1])
                return "entries that do not ascend";
        }
    }
    for (int64_t j = 0; j < w->out; j++)
        pairs -= taps_inside(w, j);
    if (pairs != 0 || table->entries != table->first[table->rows])
        return "as many entries";
    if (table->most != most || table->is_even != (most == least))
        return "the longest row";
    return NULL;
}

static const char *compare(const struct pool_desc *desc) {
    struct windows w;
    struct pc_axis axis;
    struct pc_arena arena = {0};
    int64_t position;
    enumerate(desc, &w);
    const enum pc_axis_status status = pc_axis_resolve(desc, 0, &axis, &position);
    if (status != w.status)
        return "the status";
    if (status == PC_AXIS_EMPTY_WINDOW && position != w.empty)
        return "the position of the empty window";
    if (status == PC_AXIS_NO_OUTPUT || status == PC_AXIS_TOO_LARGE)
        return NULL;
    if (axis.in != w.in || axis.out != w.out || axis.kernel != w.kernel || axis.pad_begin != w.pad_begin ||
        axis.pad_end != w.pad_end)
        return "sizes or pads";
    if (status != PC_AXIS_OK)
        return NULL;
    const char *problem = compare_windows(&w, &axis);
    if (!problem)
        problem = compare_segments(&w, &axis, &arena);
    if (!problem)
        problem = compare_cells(&w, &axis, &arena);
    for (int transposed = 0; !problem && transposed < 2; transposed++)
        problem = compare_table(&w, &axis, transposed, &arena);
    pc_arena_release(&arena);
    return problem;
}

/* One assertion for each axis would take longer than the comparison, so only failures are told to Criterion. */
static void check(const struct pool_desc *desc) {
    const char *problem = compare(desc);
    if (problem)
        cr_assert_fail("%s: in %" PRId64 " kernel %" PRId64 " stride %" PRId64 " dilation %" PRId64
                       " padding %d (%" PRId64 ":%" PRId64 ") ceil %d adaptive %" PRId64 " divisor %d",
                       problem, desc->in[0], desc->kernel[0], desc->stride[0], desc->dilation[0], (int)desc->padding,
                       desc->pad_begin[0], desc->pad_end[0], desc->ceil_mode, desc->adaptive_out[0], (int)desc->divisor);
}

/* ---- the grid ---- */

static struct pool_desc average(int64_t in, int64_t kernel, int64_t stride, int64_t dilation) {
    return (struct pool_desc){.mode = POOL_AVG, .rank = 1, .batch = 1, .channels = 1, .in = {in}, .kernel = {kernel},
                              .stride = {stride}, .dilation = {dilation}};
}

/* Calls check() for every kind of divisor. */
static int check_divisors(struct pool_desc desc) {
    for (int divisor = POOL_DIVISOR_TAPS; divisor <= POOL_DIVISOR_OVERRIDE; divisor++) {
        desc.divisor = (enum pool_divisor)divisor;
        check(&desc);
    }
    return POOL_DIVISOR_OVERRIDE + 1;
}

static int check_pads(struct pool_desc desc) {
    int checked = 0;
    for (desc.pad_begin[0] = 0; desc.pad_begin[0] <= 4; desc.pad_begin[0]++)
        for (desc.pad_end[0] = 0; desc.pad_end[0] <= 4; desc.pad_end[0]++)
            for (int ceil = 0; ceil < 2; ceil++) {
                desc.ceil_mode = ceil;
                checked += check_divisors(desc);
            }
    return checked;
}

static int check_same(struct pool_desc desc) {
    desc.padding = POOL_PAD_SAME;
    int checked = check_divisors(desc);
    desc.padding = POOL_PAD_SAME_LOWER;
    desc.pad_begin[0] = desc.pad_end[0] = 3; /* not read */
    checked += check_divisors(desc);
    desc.mode = POOL_MAX; /* divides by nothing, whatever `divisor` says */
    return checked + check_divisors(desc);
}

static int check_strides(int64_t in, int64_t kernel, int (*each)(struct pool_desc)) {
    int checked = 0;
    for (int64_t stride = 1; stride <= 5; stride++)
        for (int64_t dilation = 1; dilation <= 3; dilation++)
            checked += each(average(in, kernel, stride, dilation));
    return checked;
}

Test(axis, explicit_padding) {
    int checked = 0;
    for (int64_t in = 1; in <= 12; in++)
        for (int64_t kernel = 1; kernel <= 6; kernel++)
            checked += check_strides(in, kernel, check_pads);
    cr_assert_eq(checked, 12 * 6 * 15 * 25 * 2 * 4);
}

Test(axis, same_padding) {
    int checked = 0;
    for (int64_t in = 1; in <= 24; in++)
        for (int64_t kernel = 1; kernel <= 6; kernel++)
            checked += check_strides(in, kernel, check_same);
    cr_assert_eq(checked, 24 * 6 * 15 * 3 * 4);
}

/* Strides and dilations without a common divisor and with one, whose phases the grid is too small for. */
Test(axis, wide_dilation) {
    for (int64_t in = 20; in <= IN_MAX; in += 3)
        for (int64_t kernel = 2; kernel <= 6; kernel++)
            for (int64_t stride = 1; stride <= 12; stride++)
                for (int64_t dilation = 1; dilation <= 10; dilation++) {
                    struct pool_desc desc = average(in, kernel, stride, dilation);
                    check_divisors(desc);
                    desc.pad_begin[0] = dilation + 1;
                    desc.pad_end[0] = dilation * (kernel - 1) / 2;
                    check_divisors(desc);
                }
}

Test(axis, adaptive) {
    for (int64_t in = 1; in <= IN_MAX; in++)
        for (int64_t out = 1; out <= OUT_MAX; out++) {
            struct pool_desc desc = average(in, 0, 0, 0);
            desc.adaptive = true;
            desc.adaptive_out[0] = out;
            check(&desc);
            desc.mode = POOL_MAX; /* divides by nothing */
            check(&desc);
        }
}

Test(axis, adaptive_and_divisible_is_ordinary) {
    struct pool_desc desc = average(12, 0, 0, 0);
    struct pc_axis axis;
    int64_t position;
    desc.adaptive = true;
    desc.adaptive_out[0] = 4;
    cr_assert_eq(pc_axis_resolve(&desc, 0, &axis, &position), PC_AXIS_OK);
    cr_assert(!axis.adaptive && axis.kernel == 3 && axis.stride == 3 && axis.dilation == 1);
    desc.adaptive_out[0] = 5;
    cr_assert_eq(pc_axis_resolve(&desc, 0, &axis, &position), PC_AXIS_OK);
    cr_assert(axis.adaptive && axis.kernel == 4);
}

/* Each axis of a desc is its own. */
Test(axis, the_index_selects_the_axis) {
    struct pool_desc desc = average(5, 2, 1, 1);
    struct pc_axis axis;
    int64_t position;
    desc.rank = 3;
    desc.in[1] = 9, desc.kernel[1] = 3, desc.stride[1] = 2, desc.dilation[1] = 2, desc.pad_begin[1] = 1, desc.pad_end[1] = 2;
    desc.in[2] = 2, desc.kernel[2] = 3, desc.stride[2] = 1, desc.dilation[2] = 1;
    cr_assert_eq(pc_axis_resolve(&desc, 1, &axis, &position), PC_AXIS_OK);
    cr_assert(axis.in == 9 && axis.out == 4 && axis.kernel == 3 && axis.pad_begin == 1 && axis.pad_end == 2);
    cr_assert_eq(pc_axis_resolve(&desc, 2, &axis, &position), PC_AXIS_NO_OUTPUT);
}

Test(axis, unit) {
    struct pc_arena arena = {0};
    const struct pc_axis unit = pc_axis_unit();
    int count;
    const struct pc_segment *segment = pc_axis_segments(&unit, &arena, &count);
    cr_assert(count == 1 && segment->count == 1 && segment->taps == 1 && segment->tap == 0 && segment->divisor == 1);
    const struct pc_cell *cell = pc_axis_cells(&unit, &arena, &count);
    cr_assert(count == 1 && cell->count == 1 && cell->length == 1 && cell->phases[0].cover_count == 1);
    pc_arena_release(&arena);
}

/* ---- sizes near the limits ---- */

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static enum pc_axis_status resolve(const struct pool_desc *desc, struct pc_axis *axis, int64_t *position) {
    return pc_axis_resolve(desc, 0, axis, position);
}

/* Sums over segments and cells that any right answer has, without a loop over the axis: outputs, inputs, and the pairs of
 * window and tap, which both sides must count alike. */
static void check_sums(const struct pc_axis *axis, int most_segments, int most_cells) {
    struct pc_arena arena = {0};
    int count;
    int64_t outputs = 0, inputs = 0, forward = 0, backward = 0;
    const struct pc_segment *segments = pc_axis_segments(axis, &arena, &count);
    cr_assert(segments && count <= most_segments, "%d segments", count);
    for (int i = 0; i < count; i++) {
        cr_assert_eq(segments[i].out, outputs);
        outputs += segments[i].count;
        forward += segments[i].count * segments[i].taps;
    }
    cr_assert_eq(outputs, axis->out);
    const struct pc_cell *cells = pc_axis_cells(axis, &arena, &count);
    cr_assert(cells && count <= most_cells, "%d cells", count);
    for (int i = 0; i < count; i++) {
        cr_assert_eq(cells[i].in, inputs);
        inputs += cells[i].count * cells[i].length;
        for (const struct pc_phase *p = cells[i].phases; p < cells[i].phases + cells[i].phase_count; p++)
            for (int c = 0; c < p->cover_count; c++)
                backward += cells[i].count * p->count * p->covers[c].count;
    }
    cr_assert_eq(inputs, axis->in);
    cr_assert_eq(forward, backward);
    pc_arena_release(&arena);
}

Test(axis, large_sizes_are_fast) {
    enum { LARGE = 1 << 24, HALF = 1 << 23 };
    static const struct {
        int64_t kernel, stride, dilation, pad;
        int segments, cells; /* at most */
    } cases[] = {
        {3, 2, 1, 1, 3, 5},
        {3, 1, 1, 1, 3, 5},
        {2, 2, 1, 0, 1, 2},
        {1, 1 << 20, 1, 0, 1, 2},
        {5, 3, 7, 14, 11, 40},
        {HALF, HALF, 1, 0, 1, 2},
        {HALF, HALF / 2, 1, 0, 1, 7},
        {HALF, HALF / 256, 1, HALF / 2, 257, 770},
        {LARGE, LARGE, 1, 0, 1, 2},
        {2, 1, 1000, 0, 1, 2001},
    };
    const double begin = seconds();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pool_desc desc = average(LARGE, cases[i].kernel, cases[i].stride, cases[i].dilation);
        struct pc_axis axis;
        int64_t position;
        desc.pad_begin[0] = desc.pad_end[0] = cases[i].pad;
        cr_assert_eq(resolve(&desc, &axis, &position), PC_AXIS_OK, "case %zu", i);
        check_sums(&axis, cases[i].segments, cases[i].cells);
    }
    cr_assert_lt(seconds() - begin, 5); /* a walk over every position of every case would take minutes under sanitizers */
}

Test(axis, too_many_kinds_of_windows) {
    enum { LARGE = 1 << 24, HALF = 1 << 23 };
    struct pc_arena arena = {0};
    struct pc_axis axis;
    int64_t position;
    int count = 0;
    const double begin = seconds();

    /* Every input is covered by other windows. */
    struct pool_desc desc = average(LARGE, HALF, 1, 1);
    cr_assert_eq(resolve(&desc, &axis, &position), PC_AXIS_OK);
    cr_assert_not_null(pc_axis_segments(&axis, &arena, &count));
    cr_assert_eq(count, 1);
    cr_assert_null(pc_axis_cells(&axis, &arena, &count));

    /* As many kinds as are allowed, then one more: the interior, and a window for each position that hangs over. */
    desc = average(HALF, PC_SEGMENTS_MAX, 1, 1);
    desc.pad_begin[0] = PC_SEGMENTS_MAX - 1;
    cr_assert_eq(resolve(&desc, &axis, &position), PC_AXIS_OK);
    cr_assert_not_null(pc_axis_segments(&axis, &arena, &count));
    cr_assert_eq(count, PC_SEGMENTS_MAX);
    desc.pad_end[0] = 1;
    cr_assert_eq(resolve(&desc, &axis, &position), PC_AXIS_OK);
    cr_assert_null(pc_axis_segments(&axis, &arena, &count));

    /* More borders than are looked at one by one. */
    desc = average(LARGE, HALF, 1, 1);
    desc.pad_begin[0] = HALF / 2;
    desc.pad_end[0] = HALF / 2 - 1;
    cr_assert_eq(resolve(&desc, &axis, &position), PC_AXIS_OK);
    cr_assert_null(pc_axis_segments(&axis, &arena, &count));
    cr_assert_null(pc_axis_cells(&axis, &arena, &count));

    desc = average(10000019, 0, 0, 0); /* a prime: windows of 153 and 154 inputs, in no short pattern */
    desc.adaptive = true;
    desc.adaptive_out[0] = PC_ADAPTIVE_MAX - 1;
    cr_assert_eq(resolve(&desc, &axis, &position), PC_AXIS_OK);
    cr_assert_null(pc_axis_segments(&axis, &arena, &count));
    cr_assert_null(pc_axis_cells(&axis, &arena, &count));
    cr_assert_lt(seconds() - begin, 5);
    pc_arena_release(&arena);
}

Test(axis, limits_of_the_status) {
    struct pc_axis axis;
    int64_t position;

    struct pool_desc desc = average(PC_AXIS_MAX, 2, 1, 1); /* one output more than inputs */
    desc.pad_begin[0] = desc.pad_end[0] = 1;
    cr_assert_eq(resolve(&desc, &axis, &position), PC_AXIS_TOO_LARGE);
    desc.pad_end[0] = 0;
    cr_assert_eq(resolve(&desc, &axis, &position), PC_AXIS_OK);
    cr_assert_eq(axis.out, PC_AXIS_MAX);

    desc = average(PC_AXIS_MAX, PC_AXIS_MAX, 1, PC_AXIS_MAX); /* the largest window there is: 2^48 positions */
    cr_assert_eq(resolve(&desc, &axis, &position), PC_AXIS_NO_OUTPUT);
    desc.ceil_mode = true;
    cr_assert_eq(resolve(&desc, &axis, &position), PC_AXIS_NO_OUTPUT);
    desc.padding = POOL_PAD_SAME; /* begins 2^47 positions before the input: only some taps are inside, or none */
    const enum pc_axis_status status = resolve(&desc, &axis, &position);
    cr_assert(status == PC_AXIS_OK || status == PC_AXIS_EMPTY_WINDOW || status == PC_AXIS_TOO_LARGE);

    desc = average(PC_ADAPTIVE_MAX, 0, 0, 0);
    desc.adaptive = true;
    desc.adaptive_out[0] = PC_ADAPTIVE_MAX;
    cr_assert_eq(resolve(&desc, &axis, &position), PC_AXIS_OK);
    desc.adaptive_out[0]++;
    cr_assert_eq(resolve(&desc, &axis, &position), PC_AXIS_TOO_LARGE);
}

/* The first empty window, also where there are too many borders to look at each. */
Test(axis, the_first_empty_window) {
    enum { MANY = 1 << 20 };
    struct pc_axis axis;
    int64_t position;

    struct pool_desc desc = average(10, 3, 2, 1);
    desc.pad_end[0] = MANY;
    cr_assert_eq(resolve(&desc, &axis, &position), PC_AXIS_EMPTY_WINDOW);
    cr_assert_eq(position, 5);
    desc.pad_begin[0] = 2;
    cr_assert_eq(resolve(&desc, &axis, &position), PC_AXIS_EMPTY_WINDOW);
    cr_assert_eq(position, 6);
    desc.pad_begin[0] = 3;
    cr_assert_eq(resolve(&desc, &axis, &position), PC_AXIS_EMPTY_WINDOW);
    cr_assert_eq(position, 0);

    desc = average(MANY, 2, 1, MANY / 4); /* every window but the interior ones has one tap inside */
    cr_assert_eq(resolve(&desc, &axis, &position), PC_AXIS_OK);
    desc.pad_begin[0] = desc.pad_end[0] = MANY / 8; /* dilation and more borders than are looked at: refused */
    cr_assert_eq(resolve(&desc, &axis, &position), PC_AXIS_TOO_LARGE);
}
