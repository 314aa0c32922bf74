/* lower_lanes.h - what the files of kernels made of vectors share: the pass at hand, and a group's elements as vectors.
 *
 * lower_lanes.c walks through bands, passes and groups; lower_lane_values.c loads and stores a group's elements;
 * lower_lane_windows.c makes values of windows, lower_lane_gradients.c gradients.  Internal to lower_lane*.c.
 *
 * note [lanes without a slot]
 * Where a slot lies outside the source for some lanes only, these lanes get what changes nothing: the identity of the
 * combination, a tap number that no state holds.  Lanes that are no elements of the destination hold anything and are not
 * stored, except in local arrays that are written in order. */
#ifndef PC_LOWER_LANES_H
#define PC_LOWER_LANES_H

#include "middle/lane_plan.h"
#include "middle/lower_line.h"

/* What a group keeps for the next pass: a value, and the tap number beside it. */
struct lanes_kept {
    ir_ref part[2];
};

/* Where a pass reads or writes: values, and beside them tap numbers; elements are `scale` apart. */
struct lanes_side {
    int values, taps;        /* buffers, or parts of `kept`; -1: no tap numbers */
    struct lanes_kept *kept; /* in registers: of each group of the pass that writes; NULL: in memory */
    enum ir_element tap_element;
    int64_t scale;
    struct place *place;
    bool is_local;
};

struct lanes_nest {
    struct nest *nest;
    struct ir_builder *b;
    const struct pc_lane_plan *plan;
    const struct pc_lane_band *band;
    const struct pc_lane_pass *pass;
    struct lanes_kept *kept[PC_LANE_PASSES_MAX]; /* in registers: what each pass keeps */
    struct lanes_side read, write;
    int lanes;
    bool channels_last;                   /* lanes are channels */
    int64_t pixel;                        /* elements from one to the next */
    bool of_tensor;                       /* indices count elements of the tensor; else of the plane */
    int64_t channels;                     /* channels-last: of the block at hand */
    struct line *line;                    /* of a pass by lines: the one at hand */
    const struct pc_lane_tap **line_taps; /* what brings its elements */
    uint32_t tail;                        /* channels-last: channels of the last vector; 0: all lanes */
};

/* ---- lanes ---- */

uint32_t lanes_all(const struct lanes_nest *n);

/* Of these lanes; 0: all. */
ir_ref lanes_mask(struct lanes_nest *n, uint32_t lanes);

/* The lanes that a group's lanes stand for: channels-last its only one is all channels. */
uint32_t lanes_spread(const struct lanes_nest *n, uint32_t lanes);

/* `yes` in the lanes of the mask, else `no`; of the wanted lanes. */
ir_ref lanes_blend(struct lanes_nest *n, uint32_t lanes, uint32_t wanted, ir_ref yes, ir_ref no);

/* sum + value where the mask says so. */
ir_ref lanes_add_where(struct lanes_nest *n, ir_ref hit, ir_ref sum, ir_ref value);

/* values[l] in lane l of the wanted ones; the others repeat one of these. */
ir_ref lanes_constants(struct lanes_nest *n, const int64_t *values, uint32_t wanted, struct ir_type type);

/* What the sums of the group's windows are divided by. */
ir_ref lanes_divisors(struct lanes_nest *n, const struct pc_lane_group *group);

/* ---- memory ---- */

/* The slot's element in each active lane, of a buffer; of the values that the pass reads. */
ir_ref lanes_gather(struct lanes_nest *n, const struct pc_lane_tap *tap, int buffer);
ir_ref lanes_gather_values(struct lanes_nest *n, const struct pc_lane_tap *tap);

/* What group `index` of the pass before this one keeps in registers. */
const struct lanes_kept *lanes_kept_by(struct lanes_nest *n, int64_t index);

void lanes_store(struct lanes_nest *n, int buffer, const struct pc_lane_group *group, ir_ref value);

bool lanes_have_tap_numbers(const struct lanes_nest *n);

/* ---- what passes do ---- */

/* The windows of a tile are a line (lower_line.h); and the window of a group of it. */
void lanes_begin_line(struct lanes_nest *n, const struct pc_lane_node *tile, size_t count);
struct fold lanes_reduce_by_line(struct lanes_nest *n, const struct pc_lane_group *group);

void lanes_reduce(struct lanes_nest *n, const struct pc_lane_group *group);
void lanes_weigh(struct lanes_nest *n, const struct pc_lane_group *group);
void lanes_sum(struct lanes_nest *n, const struct pc_lane_group *group);

/* Of up to PC_LANE_PHASES_MAX groups side by side. */
void lanes_select(struct lanes_nest *n, const struct pc_lane_node *nodes, int count);

#endif
