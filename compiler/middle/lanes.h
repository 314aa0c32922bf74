/* lanes.h - the destinations of one pass as lanes of vectors: which elements of the source each lane takes, slot by slot.
 *
 * Channels-first, the elements of a plane are taken in the order of memory, `lanes` at a time, whatever rows they are in.
 * For each slot (a tap of the window, a window that covers) such a group needs one element per lane: a few loads, a constant
 * choice among what they bring, and a constant mask of the lanes that have such an element.  Channels-last the lanes are
 * channels, and a group is one pixel.  Groups that differ only in where they stand become loops.  Nothing here knows what is
 * computed. */
#ifndef PC_LANES_H
#define PC_LANES_H

#include "middle/lane_map.h"

enum { PC_LANE_LOADS_MAX = 10 /* of a slot: windows 10 apart are few in a vector */, PC_LANES_MAX = 16 };

struct pc_lane_load {
    int64_t at;    /* element of the source: that of lane 0, possibly outside */
    uint32_t mask; /* elements to load, all inside: bit l is element at + l */
};

/* What one combination of slots brings to a group. */
struct pc_lane_tap {
    int slot[POOL_MAX_RANK];
    uint32_t active; /* lanes that have such an element */
    bool is_row;     /* the active lanes are neighbours in memory, as lanes are: `row` brings them all */
    struct pc_lane_load row;
    int load_count; /* the same by loads that begin at multiples of `align` */
    struct pc_lane_load loads[PC_LANE_LOADS_MAX];
    uint8_t load[PC_LANES_MAX], lane[PC_LANES_MAX]; /* where each active lane finds its element */
    int32_t number[PC_LANES_MAX];                   /* of the tap, row-major; -1 in lanes that are not active */
    int64_t divisor[PC_LANES_MAX];                  /* backward: the window's, where the shape asks; else 1 */
};

/* Whether load i of a tap is one element, for all lanes that take it: the one that was missing, or the last of the source. */
static inline bool pc_lane_is_one(const struct pc_lane_tap *tap, int i) {
    return i > 0 && tap->loads[i].mask == 1;
}

struct pc_lane_group {
    int64_t out;    /* element of the destination in lane 0; see `phases` for the others */
    uint32_t valid; /* lanes that are elements of it */
    int tap_count;  /* slots that are active in some lane, ascending along W, then H, then D */
    struct pc_lane_tap *taps;
    int64_t divisor[PC_LANES_MAX];
    int64_t index[PC_LANES_MAX]; /* of the first tap of the lane's window, where the shape asks; else 0 */
};

/* How much further a turn of a loop is: elements of the source and of the destination, and indices. */
struct pc_lane_steps {
    int64_t in, out, index;
};

/* A group, or a sequence of nodes; `count` times, each time so much further. */
struct pc_lane_node {
    int64_t count;
    struct pc_lane_steps step;
    const struct pc_lane_group *group; /* NULL: the children */
    struct pc_lane_node *children;
    size_t child_count, child_capacity;
};

struct pc_lane_shape {
    const struct pc_lane_map *map[POOL_MAX_RANK];
    int64_t from[POOL_MAX_RANK];       /* sizes of the source array, row-major */
    int64_t tap_stride[POOL_MAX_RANK]; /* tap number = sum of taps along the axes times these */
    int64_t period[POOL_MAX_RANK];     /* positions of the destination after which slots repeat */
    int lanes;                         /* 1: channels-last, a group is a pixel */
    int64_t rows;                      /* that are neighbours in code, to share what they load and the results of their rows;
                                          0, channels-first: as many as fill their vectors best, in the order of memory */
    bool unrolled;                     /* everything as one straight line, in the order of memory: no loops */
    int64_t phases;                    /* 1; or lanes are positions of the destination so far apart along W, and as many groups
                                          that follow each other are what lies side by side */
    int64_t align;                     /* loads begin at multiples of it, so that slots find each other's */
    bool one_more;                     /* a slot takes the loads of the one before it where they lack one element */
    bool repeats;                      /* an element may be combined twice */
    bool is_stacked;                   /* the maps are of all planes that are taken together already */
    bool divides;                      /* windows that cover a position have divisors that matter */
    int64_t slack;                     /* elements before and behind the source that may be loaded */
    int64_t code_max;                  /* taps in the code */
};

/* The groups of a pass; together they are the destination, each element once. NULL where a slot of some group would need too
 * many loads, or there would be too much code, or too much to look at. Lives in `arena`. */
const struct pc_lane_node *pc_lanes_build(const struct pc_lane_shape *shape, struct pc_arena *arena);

/* The divisor that a slot's windows have in all lanes; 0: they differ. */
int64_t pc_lane_divisor(const struct pc_lane_tap *tap);

/* What running a node takes: vectors loaded, chosen from, blended, elements combined; of the taps those that bring what no
 * other group beside them has. */
struct pc_lane_cost {
    double loads, shuffles, blends, taps, new_taps, groups, divisions; /* executed */
    double code;                                                       /* taps in the code */
};
struct pc_lane_cost pc_lanes_cost(const struct pc_lane_node *node, struct pc_arena *arena);

/* The taps in the code of a node, and one for each group: the cost's `code`. */
double pc_lanes_code(const struct pc_lane_node *node);

/* How many different constant choices among loads there are in the code. */
int64_t pc_lanes_choices(const struct pc_lane_node *node, struct pc_arena *arena);

#endif
