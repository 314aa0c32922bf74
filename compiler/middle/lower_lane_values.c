/* lower_lane_values.c - a group's elements as vectors: see lower_lanes.h.  The elements of a slot are loads, put together by
 * constant shuffles. */
#include "middle/lower_lanes.h"

#include <assert.h>

uint32_t lanes_all(const struct lanes_nest *n) {
    return ((uint32_t)1 << n->lanes) - 1;
}

ir_ref lanes_mask(struct lanes_nest *n, uint32_t lanes) {
    return lanes == lanes_all(n) ? 0 : ir_mask(n->b, n->lanes, lanes);
}

uint32_t lanes_spread(const struct lanes_nest *n, uint32_t lanes) {
    return n->channels_last ? n->tail ? n->tail : lanes_all(n) : lanes;
}

ir_ref lanes_blend(struct lanes_nest *n, uint32_t lanes, uint32_t wanted, ir_ref yes, ir_ref no) {
    if ((lanes & wanted) == wanted)
        return yes;
    return ir_select(n->b, ir_mask(n->b, n->lanes, lanes), yes, no);
}

/* One instruction where instructions have masks; the bits of adding 0 elsewhere, since a sum that began with +0 is never -0.
 */
ir_ref lanes_add_where(struct lanes_nest *n, ir_ref hit, ir_ref sum, ir_ref value) {
    return ir_select(n->b, hit, ir_op2(n->b, IR_ADD, sum, value), sum);
}

/* ---- constants that differ from lane to lane ---- */

ir_ref lanes_constants(struct lanes_nest *n, const int64_t *values, uint32_t wanted, struct ir_type type) {
    int64_t all[PC_LANES_MAX];
    int first = 0;
    while (!(wanted >> first & 1))
        first++;
    for (int l = 0; l < n->lanes; l++)
        all[l] = values[wanted >> l & 1 ? l : first];
    return ir_lanes(n->b, type, all);
}

ir_ref lanes_divisors(struct lanes_nest *n, const struct pc_lane_group *group) {
    const int64_t factor = fold_divisor_factor(n->nest);
    if (n->channels_last || factor != 1)
        return ir_real(n->b, n->nest->real, (double)(group->divisor[0] * factor));
    return lanes_constants(n, group->divisor, group->valid, n->nest->real);
}

/* ---- memory ---- */

static ir_ref load(struct lanes_nest *n, int buffer, const struct pc_lane_load *l) {
    if (n->read.kept)
        return lanes_kept_by(n, l->at / n->lanes)->part[buffer];
    const struct ir_type type = {(uint8_t)n->b->function->buffers[buffer].element, (uint8_t)n->lanes};
    return nest_load(n->nest, buffer, type, n->read.place, l->at * n->read.scale, lanes_mask(n, lanes_spread(n, l->mask)));
}

/* One element, in every lane. */
static ir_ref load_one(struct lanes_nest *n, int buffer, const struct pc_lane_load *l) {
    assert(!n->read.kept); /* of registers there are whole vectors */
    const struct ir_type type = {(uint8_t)n->b->function->buffers[buffer].element, 1};
    return ir_splat(n->b, n->lanes, nest_load(n->nest, buffer, type, n->read.place, l->at * n->read.scale, 0));
}

/* Vectors of bytes rarely cross a cache line, and choosing from two of them takes three instructions on most processors. */
static bool is_short(const struct lanes_nest *n, int buffer) {
    return !n->read.kept && ir_elements[n->b->function->buffers[buffer].element].bytes < 4;
}

/* The lanes that take their element from load i. */
static uint32_t lanes_of_load(const struct lanes_nest *n, const struct pc_lane_tap *tap, int i) {
    uint32_t lanes = 0;
    for (int l = 0; l < n->lanes; l++)
        lanes |= (uint32_t)((tap->active >> l & 1) && tap->load[l] == i) << l;
    return lanes;
}

/* Whether the active lanes take their elements from one load, or from two that are neighbours in memory, all of them `step`
 * lanes further. */
static bool move_alike(const struct pc_lane_tap *tap, int lanes, int *step) {
    bool found = false;
    if (tap->load_count > 2 ||
        (tap->load_count == 2 && (pc_lane_is_one(tap, 1) || tap->loads[1].at != tap->loads[0].at + lanes)))
        return false;
    for (int l = 0; l < lanes; l++) {
        const int from = tap->load[l] * lanes + tap->lane[l];
        if (!(tap->active >> l & 1))
            continue;
        if (found && *step != from - l)
            return false;
        *step = from - l;
        found = true;
    }
    return found;
}

/* Where all lanes move alike: the list that moves the others too, as far as there is something to take.  There are few such
 * lists, so that registers keep them; and two vectors that are neighbours in memory need none on most processors. */
static bool list_alike(const struct lanes_nest *n, const struct pc_lane_tap *tap, uint8_t *list) {
    const int last = tap->load_count * n->lanes - 1;
    int step = 0;
    if (!move_alike(tap, n->lanes, &step))
        return false;
    for (int l = 0; l < n->lanes; l++)
        list[l] = (uint8_t)(l + step < 0 ? 0 : l + step > last ? last : l + step);
    return true;
}

/* The slot's element in each active lane: the loads, put together two by two. */
ir_ref lanes_gather(struct lanes_nest *n, const struct pc_lane_tap *tap, int buffer) {
    uint8_t list[PC_LANES_MAX];
    bool moved = false;
    if (n->channels_last || (tap->is_row && is_short(n, buffer)))
        return load(n, buffer, &tap->row);
    ir_ref value = load(n, buffer, &tap->loads[0]);
    for (int l = 0; l < n->lanes; l++) {
        list[l] = (tap->active >> l & 1) && tap->load[l] == 0 ? tap->lane[l] : (uint8_t)l;
        moved |= list[l] != l;
    }
    const bool alike = list_alike(n, tap, list);
    if (alike && tap->load_count == 2)
        return ir_shuffle(n->b, value, load(n, buffer, &tap->loads[1]), n->lanes, list);
    if (tap->load_count == 1)
        return moved ? ir_shuffle(n->b, value, value, n->lanes, list) : value;
    for (int i = 1; i < tap->load_count; i++) {
        if (pc_lane_is_one(tap, i)) {
            value = i == 1 && moved ? ir_shuffle(n->b, value, value, n->lanes, list) : value;
            value = ir_select(n->b, ir_mask(n->b, n->lanes, lanes_of_load(n, tap, i)), load_one(n, buffer, &tap->loads[i]),
                              value);
            continue;
        }
        for (int l = 0; l < n->lanes; l++) {
            if (i > 1 && tap->load[l] < i)
                list[l] = (uint8_t)l; /* in place since the last step */
            else if ((tap->active >> l & 1) && tap->load[l] == i)
                list[l] = (uint8_t)(n->lanes + tap->lane[l]);
        }
        value = ir_shuffle(n->b, value, load(n, buffer, &tap->loads[i]), n->lanes, list);
    }
    return value;
}

ir_ref lanes_gather_values(struct lanes_nest *n, const struct pc_lane_tap *tap) {
    return lanes_gather(n, tap, n->read.values);
}

void lanes_store(struct lanes_nest *n, int buffer, const struct pc_lane_group *group, ir_ref value) {
    if (n->write.kept) {
        n->write.kept[group->out / n->lanes].part[buffer] = value;
        return;
    }
    const ir_ref mask = n->write.is_local && n->pass->in_order ? 0 : lanes_mask(n, lanes_spread(n, group->valid));
    nest_store(n->nest, buffer, n->write.place, group->out * n->write.scale, value, mask);
}

bool lanes_have_tap_numbers(const struct lanes_nest *n) {
    return n->nest->buffer.state >= 0 || n->nest->buffer.indices >= 0;
}
