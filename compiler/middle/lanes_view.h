/* lanes_view.h - what the files behind lanes.h share: lanes_group.c finds what the lanes of a group take, lanes_loops.c makes
 * loops of nodes that repeat, lanes.c divides the destination among them.  Internal to lanes*.c. */
#ifndef PC_LANES_VIEW_H
#define PC_LANES_VIEW_H

#include "middle/lanes.h"

/* A shape, and sizes that are worked out once. */
struct lanes_view {
    const struct pc_lane_shape *shape;
    int64_t row, plane, count;            /* elements of the destination: of a row, a plane, all */
    int64_t from;                         /* elements of the source */
    const int32_t *before[POOL_MAX_RANK]; /* [to][slots + 1]: how many slots of a position before this one have an element;
                                             NULL: nobody asks */
    struct pc_arena *arena;
};

/* lanes_group.c: for view->before, where the shape asks for it. */
void lanes_count_slots(struct lanes_view *v);

/* lanes_group.c: the group of the elements from `out` on, the shape's phases apart, before `end`: at most a vector of them.
 * NULL: a slot would need too many loads. */
const struct pc_lane_group *lanes_make_group(const struct lanes_view *v, int64_t out, int64_t end);

/* lanes_loops.c: adds the child behind the others; or one more turn to the last of them, and what was allocated for the
 * child, from the mark on, is released. */
void lanes_append(const struct lanes_view *v, struct pc_lane_node *parent, const struct pc_lane_node *child,
                  struct pc_arena_mark mark);

/* lanes_loops.c: one more turn of the parent's last child, so much further, without its being worked out; false: it would not
 * be the same. */
bool lanes_repeat_last(const struct lanes_view *v, struct pc_lane_node *parent, struct pc_lane_steps step);

#endif
