/* lower_scatter.c - gradients of maxima and minima, window by window.
 *
 * note [scatter]
 * Each window's dy is added to the input that it selected: as much work for a window of 13 x 13 as for one of 3 x 3, and in
 * ascending order of the windows by itself.  The sums are in a local array of the input's shape, which is cleared before and
 * stored after it.  Neighbouring windows often select one element, and an addition waits for the one before it; so several
 * planes, or the channels of a pixel, take turns.
 *
 * Adaptive windows do not begin at equal distances: where they begin along an axis is looked up, by their number.
 *
 * The array reaches as far as windows do, into the padding, and a number beyond the window's is taken for its last: whatever
 * stands in the state, a kernel writes nowhere else. */
#include "middle/lane_plan.h"
#include "middle/lower_nest.h"

/* Channels that one turn of a loop adds. */
enum { CHANNELS_TOGETHER = 8 };

struct scatter {
    struct nest *nest;
    int buffer;                   /* the local array */
    int64_t pitch[POOL_MAX_RANK]; /* its elements from position to position along an axis */
    int64_t plane;                /* elements of a plane */
    int64_t channels;             /* of a pixel, as many as the block has; channels-first 1 */
    int64_t count;                /* sums of the local array */
    const int64_t *offset;        /* of a tap from the first of its window */
    int64_t offset_count;
    ir_ref begin;                 /* elements before the window along adaptive axes; 0: there are none */
};

static bool is_last(const struct scatter *s) {
    return s->nest->layer->desc.layout == POOL_CHANNELS_LAST;
}

static struct place place_of_sums(const struct scatter *s) {
    struct place place = nest_local_place(&s->nest->at.narrow);
    place.constant += s->nest->plan->lanes->local_front;
    return place;
}

/* ---- where taps are ---- */

static void find_offsets(struct scatter *s) {
    const struct pc_axis *axis = s->nest->layer->axis;
    s->offset_count = pc_layer_taps(s->nest->layer);
    int64_t *offset = PC_NEW_ARRAY(s->nest->arena, (size_t)s->offset_count, int64_t);
    for (int64_t tap = 0; tap < s->offset_count; tap++) {
        int64_t rest = tap;
        for (int a = POOL_MAX_RANK - 1; a >= 0; a--) {
            offset[tap] += rest % axis[a].kernel * axis[a].dilation * s->pitch[a];
            rest /= axis[a].kernel;
        }
    }
    s->offset = offset;
}

/* ---- vectors ---- */

static struct ir_type vector_of(const struct scatter *s) {
    return (struct ir_type){(uint8_t)s->nest->plan->real, (uint8_t)s->nest->plan->lanes->lanes};
}

/* `count` neighbours of the local array to dx, the last of them by a mask. */
static void copy_row(struct scatter *s, const char *name, int64_t count) {
    struct nest *nest = s->nest;
    const int64_t lanes = vector_of(s).lanes, vectors = count / lanes, rest = count % lanes;
    const struct steps step = {.wide = lanes, .narrow = lanes}; /* narrow: the local array */
    const struct places before = nest->at;
    const uint32_t loop = nest_open_turns(nest, name, vectors, step);
    if (vectors > 0)
        nest_store(nest, nest->buffer.dx, &nest->at.wide, 0,
                   nest_load(nest, s->buffer, vector_of(s), &nest->at.narrow, 0, 0), 0);
    nest_close(nest, loop);
    nest->at = before;
    if (!rest)
        return;
    nest_move(nest, step, vectors);
    const ir_ref mask = nest_first_lanes(nest, (int)lanes, rest);
    nest_store(nest, nest->buffer.dx, &nest->at.wide, 0,
               nest_load(nest, s->buffer, vector_of(s), &nest->at.narrow, 0, mask), mask);
    nest->at = before;
}

static void clear(struct scatter *s) {
    struct nest *nest = s->nest;
    const struct places before = nest->at;
    const int64_t lanes = vector_of(s).lanes, vectors = (s->count + lanes - 1) / lanes;
    nest->at.narrow = place_of_sums(s);
    const uint32_t loop = nest_open_turns(nest, "z", vectors, (struct steps){.narrow = lanes});
    nest_store(nest, s->buffer, &nest->at.narrow, 0, ir_real(&nest->b, vector_of(s), 0), 0);
    nest_close(nest, loop);
    nest->at = before;
}

static void copy(struct scatter *s) {
    struct nest *nest = s->nest;
    const struct places before = nest->at;
    nest->at.narrow = place_of_sums(s);
    if (!is_last(s)) { /* planes follow each other on both sides */
        copy_row(s, "i", s->count);
    } else {
        const struct steps step = {.wide = nest->stride[POOL_MAX_RANK - 1].wide, .narrow = s->pitch[POOL_MAX_RANK - 1]};
        const uint32_t loop = nest_open_turns(nest, "i", s->plane, step);
        copy_row(s, "c", s->channels);
        nest_close(nest, loop);
    }
    nest->at = before;
}

/* ---- windows ---- */

/* The window so many elements further; at.wide is in the local array. */
static void add_window(struct scatter *s, int64_t narrow, int64_t wide) {
    struct nest *nest = s->nest;
    struct ir_affine place = nest->at.wide.affine;
    place.buffer = s->buffer;
    const ir_ref tap =
        nest_load(nest, nest->buffer.state, (struct ir_type){(uint8_t)nest->plan->state, 1}, &nest->at.narrow, narrow, 0);
    ir_ref offset = ir_lookup(&nest->b, IR_I32, tap, s->offset, s->offset_count);
    if (s->begin)
        offset = ir_op2(&nest->b, IR_ADD, offset, s->begin);
    const ir_ref dy =
        nest_load(nest, nest->buffer.dy, (struct ir_type){(uint8_t)nest->plan->real, 1}, &nest->at.narrow, narrow, 0);
    ir_add_at(&nest->b, &place, nest->at.wide.constant + wide, offset, dy);
}

static void add_channels(struct scatter *s) {
    struct nest *nest = s->nest;
    const struct places before = nest->at;
    const struct steps step = {.wide = CHANNELS_TOGETHER, .narrow = CHANNELS_TOGETHER};
    const int64_t turns = s->channels / CHANNELS_TOGETHER;
    const uint32_t loop = nest_open_turns(nest, "c", turns, step);
    for (int64_t c = 0; turns > 0 && c < CHANNELS_TOGETHER; c++)
        add_window(s, c, c);
    nest_close(nest, loop);
    nest->at = before;
    for (int64_t c = turns * CHANNELS_TOGETHER; c < s->channels; c++)
        add_window(s, c, c);
}

/* Elements before the window that the loop has come to, along its axis and those outside. */
static ir_ref begin_along(struct scatter *s, int a, uint32_t loop) {
    struct ir_builder *b = &s->nest->b;
    const struct pc_axis *axis = &s->nest->layer->axis[a];
    const struct ir_affine turn = {.buffer = -1, .count = 1, .term = {{loop, 1}}};
    int64_t *begins = PC_NEW_ARRAY(s->nest->arena, (size_t)axis->out, int64_t);
    for (int64_t out = 0; out < axis->out; out++)
        begins[out] = pc_axis_window(axis, out).start * s->pitch[a];
    const struct ir_type number = {IR_I32, 1};
    const ir_ref begin = ir_lookup(b, IR_I32, ir_affine(b, number, &turn, 0), begins, axis->out);
    return s->begin ? ir_op2(b, IR_ADD, s->begin, begin) : begin;
}

static void add_axis(struct scatter *s, int a) {
    struct nest *nest = s->nest;
    if (a == POOL_MAX_RANK) {
        const int64_t outputs = pc_layer_outputs(nest->layer);
        if (is_last(s))
            add_channels(s);
        else
            for (int64_t p = 0; p < nest->plan->block; p++)
                add_window(s, p * outputs, p * s->plane);
        return;
    }
    const struct pc_axis *axis = &nest->layer->axis[a];
    const ir_ref begin = s->begin;
    const struct steps step = {.wide = axis->adaptive ? 0 : axis->stride * s->pitch[a], .narrow = nest->stride[a].narrow};
    const uint32_t loop = nest_open_turns(nest, nest_out_names[a], axis->out, step);
    if (axis->adaptive && loop != NEST_NO_LOOP) /* one window begins where the axis does */
        s->begin = begin_along(s, a, loop);
    add_axis(s, a + 1);
    nest_close(nest, loop);
    s->begin = begin;
}

static void block_body(struct nest *nest, int64_t channels) {
    const struct pc_layer *layer = nest->layer;
    const int64_t size[POOL_MAX_RANK] = {layer->axis[0].in, layer->axis[1].in, layer->axis[2].in};
    const bool last = layer->desc.layout == POOL_CHANNELS_LAST;
    const int64_t block = nest->plan->block;
    struct scatter s = {.nest = nest, .plane = nest_local_count(size, 1), .channels = last ? channels : 1};
    nest_local_strides(size, last ? block : 1, s.pitch);
    s.count = s.plane * block;
    s.buffer = nest_local(nest, "sum", nest->plan->real, nest->plan->lanes->local_count[0]);
    find_offsets(&s);
    const struct places before = nest->at;
    clear(&s);
    nest->at.wide = place_of_sums(&s);
    for (int a = 0; a < POOL_MAX_RANK; a++)
        nest->at.wide.constant -= layer->axis[a].pad_begin * s.pitch[a];
    add_axis(&s, 0);
    nest->at = before;
    copy(&s);
}

void lower_scatter(struct nest *nest) {
    nest_each_block(nest, block_body);
}
