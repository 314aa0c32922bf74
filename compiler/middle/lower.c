/* lower.c - the frame of every kernel: its buffers, and the loops around its tiles.
 *
 * note [places]
 * A kernel walks the input's shape and the output's shape together.  Four affine places move with every loop: where we are
 * in x (or dx), in y (or dy, state, indices), in the input plane, and which tap we are at.  Opening a loop adds a term to
 * each, closing it removes them; in a straight line the same steps change constants instead.  Nothing else in the lowering
 * knows whether there is a loop. */
#include "middle/lower.h"

#include "middle/lane_plan.h"
#include "middle/lower_nest.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

const char *const nest_out_names[POOL_MAX_RANK] = {"od", "oh", "ow"};
const char *const nest_in_names[POOL_MAX_RANK] = {"id", "ih", "iw"};
const char *const nest_tap_names[POOL_MAX_RANK] = {"kd", "kh", "kw"};

/* ---- places ---- */

static void add_term(struct place *place, uint32_t loop, int64_t stride) {
    assert(place->affine.count < IR_TERMS_MAX);
    place->affine.term[place->affine.count++] = (struct ir_term){loop, stride};
}

void nest_move(struct nest *nest, struct steps steps, int64_t times) {
    nest->at.wide.constant += steps.wide * times;
    nest->at.narrow.constant += steps.narrow * times;
    nest->at.plane.constant += steps.plane * times;
    nest->at.tap.constant += steps.tap * times;
}

uint32_t nest_open(struct nest *nest, const char *name, int64_t trip, struct steps steps) {
    const uint32_t loop = ir_loop_begin(&nest->b, name, trip);
    add_term(&nest->at.wide, loop, steps.wide);
    add_term(&nest->at.narrow, loop, steps.narrow);
    add_term(&nest->at.plane, loop, steps.plane);
    add_term(&nest->at.tap, loop, steps.tap);
    return loop;
}

uint32_t nest_open_turns(struct nest *nest, const char *name, int64_t trip, struct steps steps) {
    return trip > 1 ? nest_open(nest, name, trip, steps) : NEST_NO_LOOP;
}

void nest_close(struct nest *nest, uint32_t loop) {
    if (loop == NEST_NO_LOOP)
        return;
    ir_loop_end(&nest->b, loop);
    nest->at.wide.affine.count--;
    nest->at.narrow.affine.count--;
    nest->at.plane.affine.count--;
    nest->at.tap.affine.count--;
}

/* ---- pieces ----
 *
 * note [pieces]
 * C compilers take time that grows with the square of a basic block: a LeNet layer in one block takes gcc half a minute. So
 * a long straight line is cut into blocks (loops that run once) that share no values, which become functions: of C
 * as they are, of LLVM as all long blocks do (ir_outline.c). */

void nest_cut(struct nest *nest) {
    if (!nest->cut)
        return;
    const size_t nodes = nest->b.function->node_count;
    if (nest->piece_is_open && (int64_t)(nodes - nest->piece_begin) < ir_line_least(nest->plan->options.line_budget))
        return;
    if (nest->piece_is_open)
        ir_loop_end(&nest->b, nest->piece);
    nest->piece = ir_loop_begin(&nest->b, "piece", 1);
    nest->piece_is_open = true;
    nest->piece_begin = nodes;
}

/* ---- loops ---- */

/* Whether the loop over positions and the loop over channels inside it run through memory as one: windows of stride 1,
 * channels-last.  One long loop makes better vectors than many short ones, and gcc 12 has miscompiled the short ones (f64,
 * 5 channels, AVX-512). */
static bool is_one_loop(const struct nest *nest, int level, struct steps steps) {
    const struct level *inner = &nest->level[level];
    return level == nest->level_count - 1 && inner->kind == LEVEL_PLAIN && inner->trip > 1 &&
           steps.wide == inner->trip * inner->steps.wide && steps.narrow == inner->trip * inner->steps.narrow &&
           nest->layer->desc.indices != POOL_INDICES_PLANE; /* which does not move with the channel */
}

void nest_repeat(struct nest *nest, int level, const char *name, int64_t trip, struct steps steps) {
    if (trip == 1) {
        nest_descend(nest, level);
    } else if (nest->plan->form != PC_FORM_STRAIGHT && is_one_loop(nest, level, steps)) {
        const struct level *inner = &nest->level[level];
        const uint32_t loop = nest_open(nest, "i", trip * inner->trip, inner->steps);
        nest_descend(nest, level + 1);
        nest_close(nest, loop);
    } else if (nest->plan->form == PC_FORM_STRAIGHT) {
        for (int64_t i = 0; i < trip; i++) {
            nest_descend(nest, level);
            nest_move(nest, steps, 1);
        }
        nest_move(nest, steps, -trip);
    } else {
        const uint32_t loop = nest_open(nest, name, trip, steps);
        nest_descend(nest, level);
        nest_close(nest, loop);
    }
}

void nest_descend(struct nest *nest, int level) {
    if (level == nest->level_count) {
        nest->tile_body(nest);
        return;
    }
    const struct level *l = &nest->level[level];
    switch (l->kind) {
    case LEVEL_PLAIN:
        nest_repeat(nest, level + 1, l->name, l->trip, l->steps);
        return;
    case LEVEL_AXIS:
        nest->axis_level(nest, level, l->axis);
        return;
    }
    abort();
}

static void add_plain(struct nest *nest, const char *name, int64_t trip, int64_t wide, int64_t narrow) {
    nest->level[nest->level_count++] =
        (struct level){.kind = LEVEL_PLAIN, .name = name, .trip = trip, .steps = {.wide = wide, .narrow = narrow}};
}

/* The loops and places of the plan's layer; buffers are still to be added. */
static void init(struct nest *nest, const struct pc_plan *plan, struct ir_function *function) {
    const struct pc_layer *layer = plan->layer;
    const struct pool_desc *desc = &layer->desc;
    *nest = (struct nest){
        .plan = plan,
        .layer = layer,
        .mode = pc_mode_of(desc->mode),
        .arena = function->arena,
        .buffer = {-1, -1, -1, -1, -1, -1},
        .real = {(uint8_t)plan->real, 1},
        .track = {(uint8_t)plan->track, 1},
        .cut = plan->form == PC_FORM_STRAIGHT && plan->estimate > (double)plan->options.line_budget,
    };
    ir_builder_init(&nest->b, function);
    nest->b.fused = plan->options.fused;
    const bool last = desc->layout == POOL_CHANNELS_LAST;
    struct steps stride = {.wide = last ? desc->channels : 1, .narrow = last ? desc->channels : 1, .plane = 1, .tap = 1};
    for (int a = POOL_MAX_RANK - 1; a >= 0; a--) {
        nest->stride[a] = stride;
        stride.wide *= layer->axis[a].in;
        stride.narrow *= layer->axis[a].out;
        stride.plane *= layer->axis[a].in;
        stride.tap *= layer->axis[a].kernel;
    }
    /* Channels-first, the planes of all images follow each other: one loop. */
    if (last)
        add_plain(nest, "n", desc->batch, stride.wide, stride.narrow);
    else
        add_plain(nest, "c", desc->batch * desc->channels, stride.wide, stride.narrow);
    for (int a = 0; a < POOL_MAX_RANK; a++)
        nest->level[nest->level_count++] = (struct level){.kind = LEVEL_AXIS, .axis = a};
    if (last)
        add_plain(nest, "c", desc->channels, 1, 1);
}

/* ---- blocks of channels and local arrays ---- */

/* `count` planes or channels, each so much further, a block at a time, and what is left. */
static void each_block(struct nest *nest, const char *name, int64_t count, struct steps each,
                       void (*body)(struct nest *, int64_t channels)) {
    const int64_t block = nest->plan->block, blocks = count / block, rest = count % block;
    const struct steps steps = {.wide = each.wide * block, .narrow = each.narrow * block};
    const struct places before = nest->at;
    if (blocks > 0) {
        const uint32_t loop = nest_open_turns(nest, name, blocks, steps);
        body(nest, block);
        nest_close(nest, loop);
    }
    if (rest > 0) {
        nest_move(nest, steps, blocks);
        body(nest, rest);
    }
    nest->at = before;
}

void nest_each_block_of_channels(struct nest *nest, void (*body)(struct nest *, int64_t channels)) {
    each_block(nest, "cb", nest->layer->desc.channels, (struct steps){.wide = 1, .narrow = 1}, body);
}

void nest_each_block(struct nest *nest, void (*body)(struct nest *, int64_t channels)) {
    const struct pool_desc *desc = &nest->layer->desc;
    const struct level outer = nest->level[0]; /* planes or images: see init() */
    if (desc->layout != POOL_CHANNELS_LAST) {
        each_block(nest, outer.name, outer.trip, outer.steps, body);
        return;
    }
    const uint32_t loop = nest_open_turns(nest, outer.name, outer.trip, outer.steps);
    nest_each_block_of_channels(nest, body);
    nest_close(nest, loop);
}

int nest_local(struct nest *nest, const char *name, enum ir_element element, int64_t count) {
    const struct ir_function *f = nest->b.function;
    for (size_t i = 0; i < f->buffer_count; i++)
        if (strcmp(f->buffers[i].name, name) == 0)
            return (int)i;
    return ir_buffer_add(nest->b.function, name, element, count, IR_LOCAL);
}

void nest_local_strides(const int64_t *size, int64_t channels, int64_t *stride) {
    int64_t next = channels;
    for (int a = POOL_MAX_RANK - 1; a >= 0; a--) {
        stride[a] = next;
        next *= size[a];
    }
}

int64_t nest_local_count(const int64_t *size, int64_t channels) {
    return size[0] * size[1] * size[2] * channels;
}

struct place nest_local_place(const struct place *place) {
    struct place local = {.affine = place->affine};
    for (int i = 0; i < local.affine.count; i++)
        local.affine.term[i].stride = 0;
    return local;
}

/* ---- values ---- */

ir_ref nest_load(struct nest *nest, int buffer, struct ir_type type, const struct place *place, int64_t offset,
                 ir_ref mask) {
    struct ir_affine affine = place->affine;
    affine.buffer = buffer;
    return ir_load(&nest->b, type, &affine, place->constant + offset, mask);
}

void nest_store(struct nest *nest, int buffer, const struct place *place, int64_t offset, ir_ref value, ir_ref mask) {
    struct ir_affine affine = place->affine;
    affine.buffer = buffer;
    ir_store(&nest->b, &affine, place->constant + offset, value, mask);
}

void nest_fetch(struct nest *nest, int buffer, const struct place *place, int64_t offset) {
    struct ir_affine affine = place->affine;
    affine.buffer = buffer;
    ir_fetch(&nest->b, &affine, place->constant + offset);
}

ir_ref nest_first_lanes(struct nest *nest, int lanes, int64_t count) {
    return count < lanes ? ir_mask(&nest->b, lanes, (UINT64_C(1) << count) - 1) : 0;
}

ir_ref nest_power(struct nest *nest, ir_ref base, double exponent) {
    struct ir_builder *b = &nest->b;
    if (exponent == 0)
        return ir_real(b, nest->real, 1);
    if (exponent != 1 && exponent != 2 && exponent != 3 && exponent != 4)
        return ir_op2(b, IR_POW, base, ir_real(b, nest->real, exponent));
    const ir_ref square = exponent == 1 ? base : ir_op2(b, IR_MUL, base, base);
    if (exponent <= 2)
        return square;
    return ir_op2(b, IR_MUL, square, exponent == 3 ? base : square);
}

/* ---- the function ---- */

static void add_buffers(struct nest *nest, struct ir_function *f) {
    const struct pc_layer *layer = nest->layer;
    const enum ir_element real = nest->plan->real;
    struct buffers *buffer = &nest->buffer;
    if (nest->plan->kind == PC_KERNEL_BACKWARD) {
        buffer->dy = ir_buffer_add(f, "dy", real, layer->y_count, IR_INPUT);
        if (nest->mode->gradient == PC_GRADIENT_SELECT)
            buffer->state = ir_buffer_add(f, "state", nest->plan->state, layer->y_count, IR_INPUT);
        if (nest->mode->lift == PC_LIFT_ABS_POW) { /* the gradient depends on the values */
            buffer->x = ir_buffer_add(f, "x", real, layer->x_count, IR_INPUT);
            buffer->y = ir_buffer_add(f, "y", real, layer->y_count, IR_INPUT);
        }
        buffer->dx = ir_buffer_add(f, "dx", real, layer->x_count, IR_OUTPUT);
        return;
    }
    buffer->x = ir_buffer_add(f, "x", real, layer->x_count, IR_INPUT);
    buffer->y = ir_buffer_add(f, "y", real, layer->y_count, IR_OUTPUT);
    if (layer->desc.indices != POOL_INDICES_NONE)
        buffer->indices = ir_buffer_add(f, "indices", nest->plan->index, layer->y_count, IR_OUTPUT);
    if (nest->plan->kind == PC_KERNEL_TRAIN)
        buffer->state = ir_buffer_add(f, "state", nest->plan->state, layer->y_count, IR_OUTPUT);
}

struct ir_function *pc_lower(const struct pc_plan *plan, const char *name, struct pc_arena *arena) {
    struct ir_function *function = ir_function_new(arena, name);
    struct nest nest;
    function->line_most = plan->options.line_budget;
    init(&nest, plan, function);
    add_buffers(&nest, function);
    switch (plan->form) {
    case PC_FORM_STRAIGHT:
    case PC_FORM_LOOPS:
        (plan->kind == PC_KERNEL_BACKWARD ? lower_backward : lower_forward)(&nest);
        break;
    case PC_FORM_PASSES:
        lower_forward_passes(&nest);
        break;
    case PC_FORM_LANES:
        (plan->lanes->pixel_parts ? lower_pixels : lower_lanes)(&nest);
        break;
    case PC_FORM_SCATTER:
        lower_scatter(&nest);
        break;
    case PC_FORM_LOOKUP:
        lower_lookup(&nest);
        break;
    case PC_FORM_STAGED:
        lower_backward_staged(&nest);
        break;
    }
    if (nest.piece_is_open)
        ir_loop_end(&nest.b, nest.piece);
    return function;
}
