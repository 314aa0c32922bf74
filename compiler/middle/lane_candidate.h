/* lane_candidate.h - one way to make a kernel of vectors, while it is worked out: what is known of it, and its steps.
 *
 * lane_bands.c makes passes and bands of it, lane_sizes.c finds how large blocks, bands and local arrays are, lane_work.c
 * counts what it takes, lane_plan.c compares it with others.  Internal to lane_*.c. */
#ifndef PC_LANE_CANDIDATE_H
#define PC_LANE_CANDIDATE_H

#include "middle/lane_plan.h"

enum {
    CANDIDATE_PAGE = 4096,
    CANDIDATE_FIRST_LEVEL = 32 * 1024,
    CANDIDATE_SECOND_LEVEL = 1024 * 1024,
    CANDIDATE_THIRD_LEVEL = 8 * CANDIDATE_SECOND_LEVEL, /* pieces of pixels come from there; also where it is far */
    /* Channels-last, vectors of a pixel that are taken together although local arrays leave the first level cache for it:
     * pixels may be a multiple of a page apart, and then every piece of a cache line that is stored waits for the second
     * level, 2.2 ns each on Zen 5; of four lines it is 0.5. */
    CANDIDATE_PIECE_GOOD = 4,
    CANDIDATE_PIECE_LONG = 8, /* vectors of a piece that may as well come from the third level */
};

/* What is tried of a way (plans.def). */
struct lane_form {
    bool aligned;   /* loads begin at multiples of the lanes, which slots share; rows of other lengths differ in them */
    bool one_more;  /* channels-first, not aligned: see note [one element more] in lanes_group.c */
    bool padded;    /* channels-first: rows of local arrays begin at multiples of the lanes */
    bool flat;      /* channels-last: pixels and channels are one row, and lanes are what is next to each other */
    bool boxes;     /* channels-last: bands are low along H too, and local arrays have room for neighbours along D */
    bool unrolled;  /* as one straight line, and results between passes stay in registers */
    int64_t planes; /* channels-first: that are taken as one, of two spatial axes; when listed, 0: 1 */
    int64_t phases; /* channels-first, gradients: of the shape of their groups; 1: none; when listed, 0: 1 */
};

struct candidate {
    const struct pc_plan *plan;
    const struct pc_layer *layer;
    struct pc_arena *arena;
    struct pc_lane_plan *result;
    struct lane_form form;
    bool backward, picks, tracked;
    bool apart;     /* one axis at a time */
    bool slices;    /* apart, but H and W together */
    bool lines;     /* apart, and long windows along an axis share their parts */
    bool halves;    /* the plane is one row, which is one window */
    bool weighs;    /* dy is weighted first */
    int outer;      /* the outermost axis that is reduced */
    int64_t vectors_most;        /* channels-last: vectors of a block, at most */
    int64_t rows[POOL_MAX_RANK]; /* of a band, along each axis */
    int64_t tile_rows;
};

/* ---- what is known ---- */

/* Bytes between the places in a page where pixels begin, channels-last: caches find their sets by these. */
int64_t candidate_places_apart(const struct candidate *c);

/* The same of rows of so many pixels. */
int64_t candidate_rows_apart(const struct candidate *c, int64_t pixels);

/* Whether lanes are channels. */
bool candidate_lanes_are_channels(const struct candidate *c);

/* Bytes from pixel to pixel, channels-last. */
int64_t candidate_pitch_of(const struct candidate *c);

/* Sizes of the side that the kernel reads, and of the one that it writes. */
int64_t candidate_size_read(const struct candidate *c, int a);
int64_t candidate_size_written(const struct candidate *c, int a);

/* Positions along an axis that so many neighbours of the side that is written are made of, about; borders aside. */
double candidate_reads_for(const struct candidate *c, int a, double written);

/* How long rows of local arrays are that are padded. */
int64_t candidate_padded(const struct candidate *c, int64_t length);

/* What becomes a number first where windows are whole planes or slices (c->halves): a plane is one slice if they are all of
 * D, else as many as D has positions. */
int64_t candidate_slices_of(const struct pc_layer *layer);

/* Of adaptive windows about. */
int64_t candidate_stride_of(const struct pc_axis *axis);

/* Whether windows along an axis may have elements of others. */
bool candidate_windows_overlap(const struct pc_axis *axis);

/* Bytes of the larger of the two sides, of one image. */
double candidate_bytes_of_larger_side(const struct candidate *c);

/* Whether a side is more than half of what the caches have near: then to walk straight on through whole pixels is worth more
 * than to find what neighbours have read in the first level (480 x 16 x 14 x 14, gradients of 3 x 3 x 3 windows: 3.1 to 1.8
 * ms, where a block was 8 of 30 vectors; forward 1.8 to 1.0 ms, for training 2.1 to 1.2, which were slices; Zen 4). */
bool candidate_comes_from_afar(const struct candidate *c);

/* The work of a plane where it waits for memory, in an order that takes `times` as long as one cache line after the other:
 * most of the operations are done meanwhile. Unchanged where it does not come from there. */
void candidate_wait_for_memory(const struct pc_plan *plan, double times, double *work);

/* Positions of the side that is written after which slots repeat. */
int64_t candidate_period_of(const struct candidate *c, int a);

/* Whether a part of the outermost reduced axis is one piece of memory. */
bool candidate_can_band(const struct candidate *c);

/* Whether the windows along an axis are long and close enough for lines; those along D would be lines of planes. */
bool candidate_has_lines(const struct candidate *c, int a);

/* Combinations for each window of a line of so many (lower_line.h): prefixes, suffixes, and the two that it is made of;
 * lines begin with a block of suffixes. */
double candidate_line_work(const struct candidate *c, int a, int64_t length);

/* How many of `windows` neighbours along an axis are a line, whose results are stored so many elements apart. */
int64_t candidate_line_length(const struct candidate *c, int64_t windows, int64_t apart);

/* Which axis the passes begin with. */
bool candidate_is_outermost_first(const struct candidate *c);

/* The axes that each pass reduces, axis a as bit a, in the order of the passes; returns how many passes there are. Long
 * windows may be two passes each. */
int candidate_list_passes(const struct candidate *c, unsigned axes[POOL_MAX_RANK]);

/* How much longer boxes take whose blocks are so many channels. */
double candidate_box_penalty(const struct candidate *c, int64_t block);

/* ---- steps ---- */

/* Chooses result->block and c->rows. */
void candidate_choose_sizes(struct candidate *c);

/* Chooses result->abreast, for that block. */
void candidate_choose_abreast(struct candidate *c);

/* The bands of the result; whole planes (c->halves) have one. False: it takes too much code, or cannot be so. */
bool candidate_build_bands(struct candidate *c);
bool candidate_build_halves(struct candidate *c);

/* Adds up result->work and result->code. */
void candidate_count_work(struct candidate *c);

/* Sets result->local_count and result->local_bytes. */
void candidate_count_locals(struct candidate *c);

#endif
