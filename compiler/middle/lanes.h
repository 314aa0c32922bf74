/* lanes.h - outputs of one plane as lanes of vectors: which elements of the input each lane takes, tap by tap.
 *
 * Channels-first, the outputs of a plane are taken in the order of memory, `lanes` at a time, whatever rows they are in.  For
 * each tap such a group needs one input per lane: a few loads, a constant choice among their elements, and a constant mask of
 * the lanes whose tap lies inside the input.  Groups that differ only in where they stand become loops.  Nothing here knows
 * what is computed. */
#ifndef PC_LANES_H
#define PC_LANES_H

#include "front/layer.h"

enum { PC_LANE_LOADS_MAX = 4, PC_LANES_MAX = 64 };

struct pc_lane_load {
    int64_t at;    /* element of the plane: that of lane 0, possibly outside */
    uint64_t mask; /* elements to load, all inside the plane: bit l is element at + l */
};

/* One tap of a group. */
struct pc_lane_tap {
    int64_t number;  /* of the tap, row-major */
    uint64_t active; /* lanes whose tap lies inside the input */
    int load_count;
    struct pc_lane_load loads[PC_LANE_LOADS_MAX];
    uint8_t load[PC_LANES_MAX], lane[PC_LANES_MAX]; /* where each active lane finds its element */
};

struct pc_lane_group {
    int64_t out;    /* output of lane 0, in the plane */
    uint64_t valid; /* lanes that are outputs */
    int tap_count;  /* taps that are active in some lane, in order */
    struct pc_lane_tap *taps;
};

/* `count` equal groups, each in_step elements of the input and out_step outputs after the last. */
struct pc_lane_run {
    struct pc_lane_group group;
    int64_t count, in_step, out_step;
};

/* `count` equal blocks of rows. */
struct pc_lane_block {
    struct pc_lane_run *runs;
    int run_count;
    int64_t count, in_step, out_step;
};

struct pc_lanes {
    int lanes; /* of a vector */
    struct pc_lane_block *blocks;
    int block_count;
    int64_t operations; /* of the code: taps, their loads and choices */
};

/* The groups of a plane of the layer, in ascending order of their outputs; they partition it. NULL where a tap of some group
 * would need too many loads, a plane has a third axis, or is too large to look at lane by lane. Lives in `arena`. */
const struct pc_lanes *pc_lanes_build(const struct pc_layer *layer, int lanes, struct pc_arena *arena);

#endif
