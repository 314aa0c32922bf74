/* lane_plan.h - how a kernel made of vectors goes about its layer: whole windows at once or one axis at a time, in which
 * bands, and which groups of lanes each pass has.
 *
 * Candidates are built and their work is counted; the one with the least is taken.  A pass reads the kernel's inputs or what
 * the pass before it left in local arrays.  Where those would not stay in the first level cache, the layer is taken in bands
 * along the outermost axis that is reduced, and channels-last such bands of three axes in bands along H. */
#ifndef PC_LANE_PLAN_H
#define PC_LANE_PLAN_H

#include "middle/lanes.h"
#include "middle/plan.h"

enum pc_lane_pass_kind {
    PC_LANE_REDUCE, /* forward: windows, or what the pass before left of them */
    PC_LANE_WEIGH,  /* backward: dy times what depends on the window alone, into a local array */
    PC_LANE_SUM,    /* backward: the sum over the windows that cover an input */
    PC_LANE_SELECT, /* backward of max and min: the sum over the windows that selected this input */
};

struct pc_lane_pass {
    enum pc_lane_pass_kind kind;
    const char *words; /* for the reader of the kernel */
    const struct pc_lane_node *groups;
    bool first, last;
    bool in_order;    /* a vector may reach beyond its own elements: what comes next overwrites it, or nobody reads it */
    int64_t to_count; /* elements of the destination: of the local array where the pass is not the last */
    int64_t phases;   /* SELECT: of its shape (lanes.h) */
    bool lines;       /* REDUCE, SUM: the windows of a tile are a line (lower_line.h) along `line_axis` */
    int line_axis;
    int64_t line_step, line_block, line_length; /* elements of the source between neighbours; slots; windows */
    int64_t tap_stride[POOL_MAX_RANK];          /* REDUCE: from slot to slot along an axis */
    bool lane_taps; /* tap numbers differ from lane to lane, which are elements of one window; else slots have them */
};

enum { PC_CACHE_LINE = 64 }; /* bytes */

/* Vectors that have their results side by side, pixel by pixel, at most. */
enum { PC_LANE_RESULTS_MAX = 64 };

/* Weighing dy and two for each axis; or halves of a plane, of 256 vectors of 16 lanes at most (VECTORS_UNROLLED). */
enum { PC_LANE_PASSES_MAX = 12 };

/* Groups of a gradient side by side, at most; of its phases. */
enum { PC_LANE_PHASES_MAX = 4 };

/* How often something is done along an axis, each time so many elements further on the side that the kernel reads and on
 * the one that it writes. */
struct pc_lane_turns {
    int64_t count, in, out;
};

/* A box of what is written, and others like it; the first begins at elements `in` and `out` of the two sides. */
struct pc_lane_band {
    int64_t in, out;
    struct pc_lane_turns turns[POOL_MAX_RANK];
    struct pc_lane_pass pass[PC_LANE_PASSES_MAX];
    int pass_count;
};

struct pc_lane_plan {
    int lanes;     /* of a vector */
    int64_t block; /* channels-last: channels at a time, a multiple of lanes or all of them; else planes, of all images */
    int64_t abreast; /* channels-last: vectors of a pixel that are side by side in code; 1: a loop over them */
    struct pc_lane_band *bands;
    size_t band_count, band_capacity;
    bool in_registers; /* what lies between passes: no local arrays, and each band is one straight line */
    bool is_padded; /* channels-first: rows of local arrays begin at multiples of the lanes */
    bool is_flat;   /* channels-last: pixels and channels are one row, as if its elements were those of a plane */
    const struct pc_layer *transposed; /* channels-first: the layer, channels-last, whose channels are planes of this one, as
                                          many as lanes (lower_transposed.c); NULL */
    bool in_place;                     /* transposed: what comes out takes the place of what went in */
    bool lines_in_place;               /* and so does what lies between passes: there are no other local arrays */
    bool fetches;                      /* cache lines are fetched before results are stored: note [fetched lines] */
    bool divides_last;                 /* backward: all windows have one divisor, which divides the sum */
    bool scatters;                     /* backward of max and min, window by window (lower_scatter.c): no bands */
    bool looks_up;                     /* windows of many kinds (lower_lookup.c): no bands */
    const struct pc_axis_table *table[POOL_MAX_RANK]; /* looks_up: of axes whose windows do not lie at equal distances */
    int64_t pixel_parts;    /* windows pixel by pixel (lower_pixels.c): parts that are side by side, at most; 0: not so */
    bool whole_pixels;      /* the same, gradients: all blocks of a pixel, then the next; else all pixels of a block */
    int64_t local_count[2]; /* elements of the local arrays: passes write the one and read the other, in turn */
    int64_t local_front;    /* elements before the sums of a scattered gradient, where no input's sum is */
    int64_t local_bytes;    /* of all of them, those of tap numbers included */
    double work;            /* operations for one unit */
    const char *unit;       /* what it is counted for: a plane, a vector of channels, or an image */
    double code;
    const char *why;
};

/* Channels-first: whether the planes together are so large that most of them comes from memory; see note [order of memory]
 * in lane_sizes.c. */
bool pc_lane_comes_from_memory(const struct pc_plan *plan);

/* Whether the two sides together are too large for the first level cache. */
bool pc_lane_leaves_first_level(const struct pc_plan *plan);

/* lane_print.c: says what was chosen, for pc_plan_print(); the bands, passes and loops as text, and with `slots` what each lane
 * takes. */
void pc_lane_plan_explain(struct pc_plan *plan, struct pc_arena *arena);
void pc_lane_plan_print(const struct pc_plan *plan, bool slots, struct pc_text *text);

/* How many bands there are like this one. */
int64_t pc_lane_band_count(const struct pc_lane_band *band);

/* The best plan for vectors of `lanes` values, or the one that plan->options forces if it fits; of one lane only a gradient
 * may have a plan, window by window.  NULL where there is none: indices of 64 bits, too much code, planes with fewer
 * elements than lanes.  Sets plan->candidates and plan->misfit. */
const struct pc_lane_plan *pc_lane_plan_build(struct pc_plan *plan, int lanes, struct pc_arena *arena);

#endif
