/* lane_map.h - which positions of a source feed each position of a destination, along one axis.
 *
 * A forward pass feeds an output with the taps of its window, a backward pass an input with the windows that cover it; both
 * are lists of source positions in ascending order, written out here once.  What reads them (lanes.h) needs no formula, so
 * strides, dilations, paddings and adaptive windows are all the same to it. */
#ifndef PC_LANE_MAP_H
#define PC_LANE_MAP_H

#include "front/axis.h"

struct pc_lane_slot {
    int32_t at;      /* position of the source; -1: outside of it */
    int32_t tap;     /* number of the tap along the axis */
    int32_t divisor; /* backward: this axis' factor of the window's */
};

struct pc_lane_map {
    int64_t to;                      /* positions of the destination */
    int64_t used;                    /* of them: behind these a row is only longer, and holds anything */
    int slots;                       /* of each of them */
    const struct pc_lane_slot *slot; /* [to][slots] */
    const int64_t *divisor;          /* [to]: this axis' factor; NULL: 1 everywhere */
    const int64_t *start;            /* [to], forward: position of the source where the window begins, possibly outside */
    const int64_t *index;            /* [to]: this axis' part of the index of the window's first tap; NULL: 0 everywhere */
};

/* Each of `count` positions feeds itself. */
const struct pc_lane_map *pc_lane_map_identity(int64_t count, struct pc_arena *arena);

/* Outputs begin .. begin + count - 1 from the input, whose position `origin` is position 0 of the source: slot t is tap t.
 */
const struct pc_lane_map *pc_lane_map_forward(const struct pc_axis *axis, int64_t begin, int64_t count, int64_t origin,
                                              struct pc_arena *arena);

/* Input positions begin .. begin + count - 1 from the windows that cover them, in ascending order; window `origin` is
 * position 0 of the source. */
const struct pc_lane_map *pc_lane_map_backward(const struct pc_axis *axis, int64_t begin, int64_t count, int64_t origin,
                                               struct pc_arena *arena);

/* The map of `times` planes below each other, whose sources are `from` positions apart, their indices `index`. */
const struct pc_lane_map *pc_lane_map_stack(const struct pc_lane_map *map, int64_t times, int64_t from, int64_t index,
                                            struct pc_arena *arena);

/* The map where each position, of the source too, is `times` neighbours, which do not meet: pixels of so many channels,
 * whose indices are `index` apart. */
const struct pc_lane_map *pc_lane_map_spread(const struct pc_lane_map *map, int64_t times, int64_t index,
                                             struct pc_arena *arena);

/* The map with so many unused positions behind it that there are a multiple of `multiple`. */
const struct pc_lane_map *pc_lane_map_pad(const struct pc_lane_map *map, int64_t multiple, struct pc_arena *arena);

/* The map with those of its slots that are in the middle, so many of them. */
const struct pc_lane_map *pc_lane_map_middle(const struct pc_lane_map *map, int slots, struct pc_arena *arena);

/* The same map with the divisors of windows begin .. begin + to - 1 of the axis. */
const struct pc_lane_map *pc_lane_map_dividing(const struct pc_lane_map *map, const struct pc_axis *axis, int64_t begin,
                                               struct pc_arena *arena);

/* The same map with the indices of those windows, of which a step along the axis adds `stride`. */
const struct pc_lane_map *pc_lane_map_indexing(const struct pc_lane_map *map, const struct pc_lane_map *windows,
                                               int64_t stride, struct pc_arena *arena);

/* A map whose positions take intervals of neighbours in two steps, for modes that may combine an element twice: inner[q]
 * takes the `length` elements from q on, outer the fewest of these that cover each interval, the last of which overlap.
 * `from` is the size of the source. False where some interval is shorter than that, or is none. */
bool pc_lane_map_split(const struct pc_lane_map *map, int64_t from, int length, const struct pc_lane_map **inner,
                       const struct pc_lane_map **outer, struct pc_arena *arena);

/* Whether positions begin .. begin + count - 1 do what the `count` before them do, *shift >= 0 positions of the source and
 * *index of the indices further. */
bool pc_lane_map_repeats(const struct pc_lane_map *map, int64_t begin, int64_t count, int64_t *shift, int64_t *index);

/* The first and the last position of the source that the map needs; 0 and -1 where it needs none. */
void pc_lane_map_extent(const struct pc_lane_map *map, int64_t *first, int64_t *last);

#endif
