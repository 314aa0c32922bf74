/* lower_lanes.c - kernels made of vectors: the passes of a lane plan (lane_plan.h), group by group. */
#include "middle/lower_lanes.h"

#include <assert.h>
#include <stdlib.h>

/* ---- groups and loops ---- */

static void emit_group(struct lanes_nest *n, const struct pc_lane_group *group) {
    switch (n->pass->kind) {
    case PC_LANE_REDUCE: lanes_reduce(n, group); return;
    case PC_LANE_WEIGH: lanes_weigh(n, group); return;
    case PC_LANE_SUM: lanes_sum(n, group); return;
    case PC_LANE_SELECT: lanes_select(n, &(struct pc_lane_node){.count = 1, .group = group}, 1); return;
    }
    abort();
}

static struct steps steps_of(const struct lanes_nest *n, int64_t in, int64_t out, int64_t index) {
    const bool backward = n->nest->plan->kind == PC_KERNEL_BACKWARD;
    return backward ? (struct steps){.wide = out, .narrow = in} : (struct steps){.wide = in, .narrow = out, .plane = index};
}

/* So many neighbouring values further. */
static struct steps steps_along(const struct lanes_nest *n, int64_t values) {
    return steps_of(n, values, values, n->of_tensor ? values : 0);
}

/* Groups whose lines are fetched at once: where vectors are as long as lines, a page. */
enum { FETCHED_MOST = 64 };

/* note [fetched lines]
 * A store waits until the first level cache has its line, or both where it lies in two, and the stores behind it wait with
 * it.  So the lines of a straight line's results are fetched before these are worked out: gradients of 3 x 3 by 2 take two
 * thirds of the time where rows begin anywhere (256 x 27 x 27 channels-first 23.5 to 15.5 us, Granite Rapids), others that
 * write more than they read 0.75 to 1 of it.  What writes as much as it reads gains nothing.  Of a long straight line those of
 * a page at a time: the first of 15,000 elements would have left the first level before its store (3.5 ms, 2.4 so). */
static void fetch_lines(const struct lanes_nest *n, const struct pc_lane_node *nodes, size_t length) {
    const int64_t phases = n->pass->phases, line = PC_CACHE_LINE / ir_elements[n->nest->plan->real].bytes;
    if (!n->plan->fetches || !n->pass->last || n->plan->transposed) /* which write a local array */
        return;
    int64_t fetched = 0; /* the element whose line was asked for last */
    for (size_t i = 0; i < length; i += (size_t)phases) {
        const struct pc_lane_group *group = nodes[i].group;
        const int64_t first = phases > 1 ? 0 : __builtin_ctz(group->valid);
        int64_t count = 0; /* elements that are stored */
        for (int64_t k = 0; k < phases; k++)
            count += __builtin_popcount(lanes_spread(n, nodes[i + (size_t)k].group->valid));
        for (int64_t k = 0; k < count; k += n->lanes) {
            const int64_t at = (group->out + first) * n->write.scale + k, left = count - k < n->lanes ? count - k : n->lanes;
            if (i + (size_t)k > 0 && at >= fetched && at + left <= fetched + line)
                continue;
            nest_fetch(n->nest, n->write.values, n->write.place, at);
            fetched = at;
        }
    }
}

/* The groups that begin a sequence of nodes and are one straight line, side by side where that is worth while; returns how
 * many these are. */
static size_t emit_line(struct lanes_nest *n, const struct pc_lane_node *nodes, size_t count) {
    size_t length = 0;
    while (length < count && nodes[length].group && nodes[length].count == 1)
        length++;
    if (length > 0 && n->pass->lines)
        lanes_begin_line(n, nodes, length);
    const size_t most = PC_LANE_PHASES_MAX - PC_LANE_PHASES_MAX % (size_t)n->pass->phases;
    const size_t page = FETCHED_MOST / most * most;
    for (size_t i = 0, side; i < length; i += side) {
        assert(n->pass->phases <= PC_LANE_PHASES_MAX &&
               length % (size_t)n->pass->phases == 0); /* see list_forms and make_tiles */
        if (i % page == 0)
            fetch_lines(n, &nodes[i], length - i < page ? length - i : page);
        side = length - i < most ? length - i : most;
        if (n->pass->kind == PC_LANE_SELECT) {
            lanes_select(n, &nodes[i], (int)side);
        } else {
            emit_group(n, nodes[i].group);
            side = 1;
        }
    }
    return length;
}

static void emit_tile(struct lanes_nest *n, const struct pc_lane_node *tile) {
    emit_line(n, tile->children, tile->child_count);
}

/* The pixels of a tile, for `count` neighbouring values: channels, or pixels and channels as one. */
static void emit_vectors(struct lanes_nest *n, const struct pc_lane_node *tile, const char *name, int64_t count) {
    const int64_t vectors = count / n->lanes, abreast = vectors % n->plan->abreast ? 1 : n->plan->abreast;
    const struct steps steps = steps_along(n, n->lanes);
    const struct places before = n->nest->at;
    if (vectors > 0) {
        const uint32_t loop = nest_open_turns(n->nest, name, vectors / abreast, steps_along(n, n->lanes * abreast));
        for (int64_t i = 0; i < abreast; i++) {
            emit_tile(n, tile);
            nest_move(n->nest, steps, 1);
        }
        nest_close(n->nest, loop);
        n->nest->at = before;
    }
    n->tail = ((uint32_t)1 << count % n->lanes) - 1;
    if (n->tail) {
        nest_move(n->nest, steps, vectors);
        emit_tile(n, tile);
    }
    n->tail = 0;
    n->nest->at = before;
}

static bool is_tile(const struct lanes_nest *n, const struct pc_lane_node *node) {
    return n->channels_last && node->child_count > 0 && node->children[0].group;
}

/* Whether neighbouring pixels of a loop are neighbours in memory on both sides, and for indices. */
static bool is_flat(const struct lanes_nest *n, const struct pc_lane_node *node) {
    return is_tile(n, node) && node->count > 1 && node->step.in == 1 && node->step.out == 1 &&
           n->read.scale == n->channels && n->write.scale == n->channels &&
           node->step.index == (n->of_tensor ? n->channels : 0);
}

/* `depth`: of the tree, which is planes, rows, groups. */
static void emit_node(struct lanes_nest *n, const struct pc_lane_node *node, int depth) {
    static const char *const names[] = {"all", "p", "r", "v"};
    if (is_flat(n, node)) {
        emit_vectors(n, node, "i", node->count * n->channels);
        return;
    }
    const struct steps steps = steps_of(n, node->step.in * n->read.scale, node->step.out * n->write.scale, node->step.index);
    const uint32_t loop = nest_open_turns(n->nest, names[depth], node->count, steps);
    if (node->group) {
        fetch_lines(n, node, 1);
        emit_group(n, node->group);
    } else if (is_tile(n, node)) {
        emit_vectors(n, node, "c", n->channels);
    } else {
        for (size_t i = 0, length; i < node->child_count; i += length) {
            length = emit_line(n, &node->children[i], node->child_count - i);
            if (!length) {
                emit_node(n, &node->children[i], depth + 1);
                length = 1;
            }
        }
    }
    nest_close(n->nest, loop);
}

/* ---- passes ---- */

/* The local arrays between pass `number` and the next; channels-first, a vector of room before the first element.  Where
 * lines stay in place, they are those that the last pass leaves. */
static struct lanes_side local_side(struct lanes_nest *n, int number, struct place *place) {
    struct nest *nest = n->nest;
    *place = nest_local_place(place);
    place->constant = n->channels_last ? 0 : n->lanes;
    const int which = number % 2;
    const int64_t count = n->plan->local_count[which];
    struct lanes_side side = {.taps = -1, .scale = n->channels_last ? n->plan->block : 1, .place = place, .is_local = true};
    side.tap_element = nest->plan->track;
    if (n->plan->lines_in_place) {
        side.values = nest->buffer.y;
        side.taps = nest->buffer.state;
        return side;
    }
    side.values = nest_local(nest, pc_arena_printf(nest->arena, "value%d", which), nest->plan->real, count);
    if (lanes_have_tap_numbers(n))
        side.taps = nest_local(nest, pc_arena_printf(nest->arena, "tap%d", which), side.tap_element, count);
    return side;
}

/* Registers between pass `number` and the next. */
static struct lanes_side side_in_registers(struct lanes_nest *n, int number) {
    return (struct lanes_side){.values = 0,
                               .taps = lanes_have_tap_numbers(n) ? 1 : -1,
                               .tap_element = n->nest->plan->track,
                               .kept = n->kept[number],
                               .scale = 1};
}

static void begin_pass(struct lanes_nest *n, int number) {
    struct nest *nest = n->nest;
    const bool backward = nest->plan->kind == PC_KERNEL_BACKWARD;
    struct place *read = backward ? &nest->at.narrow : &nest->at.wide, *write = backward ? &nest->at.wide : &nest->at.narrow;
    const int64_t scale = n->channels_last ? n->pixel : 1;
    n->pass = &n->band->pass[number];
    if (n->pass->first) {
        n->read = (struct lanes_side){.values = backward ? nest->buffer.dy : nest->buffer.x,
                                      .taps = nest->buffer.state,
                                      .tap_element = nest->plan->state,
                                      .scale = scale,
                                      .place = read};
    } else {
        n->read = n->plan->in_registers ? side_in_registers(n, number - 1) : local_side(n, number - 1, read);
    }
    if (n->pass->last) {
        n->write = (struct lanes_side){.values = backward ? nest->buffer.dx : nest->buffer.y,
                                       .taps = backward ? -1 : nest->buffer.state,
                                       .tap_element = nest->plan->state,
                                       .scale = scale,
                                       .place = write};
    } else {
        n->write = n->plan->in_registers ? side_in_registers(n, number) : local_side(n, number, write);
    }
}

static void emit_pass(struct lanes_nest *n, int number) {
    const struct places before = n->nest->at;
    begin_pass(n, number);
    if (n->band->pass_count > 1 && !n->plan->in_registers)
        ir_comment(n->b, n->pass->words);
    emit_node(n, n->pass->groups, 0);
    n->nest->at = before;
}

const struct lanes_kept *lanes_kept_by(struct lanes_nest *n, int64_t index) {
    const struct lanes_nest now = *n;
    const int before = (int)(n->pass - n->band->pass) - 1;
    struct lanes_kept *kept = &n->kept[before][index];
    if (!kept->part[0]) { /* made when it is wanted first, so that little is in registers at a time */
        begin_pass(n, before);
        emit_group(n, n->pass->groups->children[index].group);
        n->pass = now.pass;
        n->read = now.read;
        n->write = now.write;
    }
    return kept;
}

/* In registers only the last pass is gone through: its groups ask for those of the others. */
static void emit_passes(struct lanes_nest *n, const struct pc_lane_band *band) {
    n->band = band;
    if (!n->plan->in_registers) {
        for (int i = 0; i < band->pass_count; i++)
            emit_pass(n, i);
        return;
    }
    for (int i = 0; i + 1 < band->pass_count; i++)
        n->kept[i] = PC_NEW_ARRAY(n->nest->arena, band->pass[i].groups->child_count, struct lanes_kept);
    emit_pass(n, band->pass_count - 1);
}

static void emit_band(struct lanes_nest *n, const struct pc_lane_band *band) {
    const struct places before = n->nest->at;
    const int64_t each = n->of_tensor ? n->pixel : 1;
    nest_move(n->nest, steps_of(n, band->in * n->pixel, band->out * n->pixel, band->in * each), 1);
    static const char *const names[] = {"band_d", "band_h", "band_w"};
    uint32_t loop[POOL_MAX_RANK];
    for (int a = 0; a < POOL_MAX_RANK; a++) {
        const struct pc_lane_turns *turns = &band->turns[a];
        const struct steps steps = steps_of(n, turns->in * n->pixel, turns->out * n->pixel, turns->in * each);
        loop[a] = nest_open_turns(n->nest, names[a], turns->count, steps);
    }
    emit_passes(n, band);
    for (int a = POOL_MAX_RANK - 1; a >= 0; a--)
        nest_close(n->nest, loop[a]);
    n->nest->at = before;
}

void lower_lane_bands(struct nest *nest, int64_t channels) {
    const struct pc_lane_plan *plan = nest->plan->lanes;
    struct lanes_nest n = {.nest = nest,
                           .b = &nest->b,
                           .plan = plan,
                           .lanes = plan->lanes,
                           .channels_last = nest->layer->desc.layout == POOL_CHANNELS_LAST && !plan->is_flat,
                           .pixel = nest->layer->desc.layout == POOL_CHANNELS_LAST ? nest->layer->desc.channels : 1,
                           .channels = channels,
                           .of_tensor = nest->layer->desc.indices == POOL_INDICES_TENSOR};
    if (n.of_tensor)
        nest->at.plane = nest->at.wide; /* as far as the block; local arrays will have no part in it */
    for (size_t b = 0; b < plan->band_count; b++)
        emit_band(&n, &plan->bands[b]);
}

void lower_lanes(struct nest *nest) {
    nest->real.lanes = (uint8_t)nest->plan->lanes->lanes;
    nest->track.lanes = (uint8_t)nest->plan->lanes->lanes;
    nest_each_block(nest, nest->plan->lanes->transposed ? lower_transposed : lower_lane_bands);
}
