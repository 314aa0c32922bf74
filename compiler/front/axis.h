/* axis.h - the windows along one spatial axis, as facts.
 *
 * Everything that depends on sizes is decided here with integers: the output size, which taps of which window lie inside
 * the input, what each window counts for an average, and which windows cover an input position.  Equal neighbours become
 * segments, so that inside a segment no bound has to be tested at run time. */
#ifndef PC_AXIS_H
#define PC_AXIS_H

#include "pool/desc.h"
#include "support/arena.h"

/* Limits that keep hostile specs cheap: the largest size of one axis, the largest adaptive output, and the most segments
 * that one axis may fall into. */
enum { PC_AXIS_MAX = 1 << 24, PC_ADAPTIVE_MAX = 1 << 16, PC_SEGMENTS_MAX = 4096 };

struct pc_axis {
    int64_t in, out;
    bool adaptive;      /* windows floor(j*in/out) .. ceil((j+1)*in/out); kernel is the largest of them */
    int64_t kernel;     /* taps of a window */
    int64_t stride;     /* input positions from window to window; of one window as many as it could reach */
    int64_t dilation;   /* input positions from tap to tap */
    int64_t pad_begin, pad_end;
    enum pool_divisor divisor; /* what pc_axis_count() counts */
};

enum pc_axis_status {
    PC_AXIS_OK,
    PC_AXIS_NO_OUTPUT,    /* the window is larger than the padded input */
    PC_AXIS_EMPTY_WINDOW, /* a window has no tap inside the input */
    PC_AXIS_TOO_LARGE,    /* the output is above PC_AXIS_MAX (adaptive: PC_ADAPTIVE_MAX), or more than 65536 dilated windows
                             touch an end of the input */
};

/* Resolves axis `index` of a desc whose fields are already checked for sign (sizes >= 1, pads >= 0, and all at most
 * PC_AXIS_MAX). An adaptive axis with in divisible by out becomes an ordinary one. On PC_AXIS_EMPTY_WINDOW *position is
 * the first output position whose window is empty. */
enum pc_axis_status pc_axis_resolve(const struct pool_desc *desc, int index, struct pc_axis *axis, int64_t *position);

/* The axis that stands for a missing one: 1 -> 1, window 1; whether the axis is such a one. */
struct pc_axis pc_axis_unit(void);
bool pc_axis_is_unit(const struct pc_axis *axis);

/* 'D', 'H', 'W' */
extern const char pc_axis_names[POOL_MAX_RANK];

/* Input positions from a window's first tap to its last. */
int64_t pc_axis_extent(const struct pc_axis *axis);

/* Where window `out` starts (may be negative), and its taps inside the input: first and last + 1. */
struct pc_window {
    int64_t start, tap_begin, tap_end;
};
struct pc_window pc_axis_window(const struct pc_axis *axis, int64_t out);

/* This axis' factor of the average's divisor for window `out`, as pool_divisor says (OVERRIDE counts 1). */
int64_t pc_axis_count(const struct pc_axis *axis, int64_t out);

/* Whether windows along the axis are anything but the positions themselves. */
bool pc_axis_is_reduced(const struct pc_axis *axis);

/* Whether there is one window along the axis, and every position is in it. */
bool pc_axis_is_whole(const struct pc_axis *axis);

/* Backward: the axis as if its output went on, on both sides, as far as any window covers an input, so that no input has
 * a border; *before, unless NULL, is how many windows are added in front of the first. Divisors count 1. */
struct pc_axis pc_axis_extended(const struct pc_axis *axis, int64_t *before);

/* Forward: windows out .. out + count - 1 have the same taps and the same divisor factor, and window j starts `in_step`
 * input positions after window j - 1. */
struct pc_segment {
    int64_t out, count;
    int64_t in;      /* input position of the first tap inside the input of window `out` */
    int64_t in_step; /* input positions from window to window */
    int64_t tap;     /* number of that tap */
    int64_t taps;    /* taps inside the input, each `dilation` input positions after the last */
    int64_t divisor; /* pc_axis_count() of each of them */
};

/* Windows that cover one input position: `count` windows out, out + out_step, ...; in window number q of them the position
 * is tap + q * tap_step. All have the same divisor factor. */
struct pc_cover {
    int64_t out, count, out_step;
    int64_t tap, tap_step;
    int64_t divisor;
};

/* Input positions in, in + step, ... (relative to the cell) covered by the same windows; position number f has tap numbers
 * `f` larger. The step is the dilation: positions between belong to other taps. Covers ascend in `out` and do not
 * interleave. */
struct pc_phase {
    int64_t in, count, step;
    const struct pc_cover *covers;
    int cover_count;
};

/* Backward: a cell is a run of neighbouring input positions; `count` equal cells follow each other, each `in_step` input
 * positions and `out_step` windows after the last. For ordinary windows a cell is one stride long (the phases of the
 * polyphase form). Positions of the phases and of the covers are those of the first cell. */
struct pc_cell {
    int64_t in, count, in_step, out_step;
    int64_t length; /* input positions of one cell */
    const struct pc_phase *phases;
    int phase_count;
};

/* Which positions of the input are in which windows along an axis, one by one: a sparse matrix by rows. A row is a window
 * and lists its positions, or is a position and lists its windows, in ascending order. */
struct pc_axis_table {
    int64_t rows, entries;
    int64_t most;         /* entries of a row, at most */
    bool is_even;         /* whether all have as many */
    const int64_t *first; /* [rows + 1]: the entry that row r begins with; [rows] is the number of all */
    const int64_t *at;    /* [entries]: the position, or the window */
    const int64_t *tap;   /* [entries]: number of the tap that the position is in the window */
    const int64_t *count; /* [entries]: pc_axis_count() of the window */
};

/* The table whose rows are windows, or, transposed, input positions: memory and time for each of its entries. */
const struct pc_axis_table *pc_axis_table_of(const struct pc_axis *axis, bool transposed, struct pc_arena *arena);

/* The segments of an axis in ascending order; they partition 0 .. out - 1. *count is their number; NULL when there are
 * more than PC_SEGMENTS_MAX. */
const struct pc_segment *pc_axis_segments(const struct pc_axis *axis, struct pc_arena *arena, int *count);

/* The cells of an axis in ascending order; they partition 0 .. in - 1. NULL as above. */
const struct pc_cell *pc_axis_cells(const struct pc_axis *axis, struct pc_arena *arena, int *count);

#endif
