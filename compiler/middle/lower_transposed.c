/* lower_transposed.c - channels-first kernels that work on several planes at once.
 *
 * note [transposed planes]
 * Channels-first, neighbours along W are lanes of a vector, and each tap of a window there is a shuffle, of its tap number
 * too.  Channels-last they are vectors.  So where windows are long, as many planes as there are lanes are transposed into a
 * local array, in which they are the channels of a channels-last layer; the bands of that layer's plan work on local arrays;
 * and what they leave is transposed back. */
#include "middle/lane_plan.h"
#include "middle/lower_nest.h"

#include <string.h>

/* Between a buffer of the kernel, at.wide, and a local array, at.narrow. */
struct copy {
    struct nest *nest;
    int lanes;
    int memory, local;
    int64_t plane;  /* elements */
    int64_t planes; /* how many, at most as many as lanes */
};

/* Lane l gets lane l + by, counted around. */
static ir_ref rotate(struct ir_builder *b, ir_ref value, int lanes, int by) {
    uint8_t list[PC_LANES_MAX];
    for (int l = 0; l < lanes; l++)
        list[l] = (uint8_t)((l + by) % lanes);
    return ir_shuffle(b, value, value, lanes, list);
}

/* Lane i of row j changes places with lane j of row i.  Row r is rotated so that element c is in lane r + c: then column c
 * has each element in its own lane, r + c, and blends gather it; bit by bit, lane m of row i is taken from row i + m. */
static void transpose(struct ir_builder *b, int lanes, ir_ref *row) {
    ir_ref next[PC_LANES_MAX];
    for (int r = 0; r < lanes; r++)
        row[r] = rotate(b, row[r], lanes, lanes - r);
    for (int bit = 1; bit < lanes; bit *= 2) {
        uint64_t odd = 0;
        for (int l = 0; l < lanes; l++)
            odd |= (uint64_t)((l & bit) != 0) << l;
        for (int i = 0; i < lanes; i++)
            next[i] = ir_select(b, ir_mask(b, lanes, odd), row[(i + bit) % lanes], row[i]);
        memcpy(row, next, (size_t)lanes * sizeof *row);
    }
    for (int c = 0; c < lanes; c++)
        next[c] = rotate(b, row[(lanes - c) % lanes], lanes, c);
    memcpy(row, next, (size_t)lanes * sizeof *row);
}

static enum ir_element element_of(const struct copy *c, int buffer) {
    return c->nest->b.function->buffers[buffer].element;
}

/* The first `count` lanes. */
static ir_ref load(const struct copy *c, int buffer, const struct place *place, int64_t offset, int64_t count) {
    const struct ir_type type = {(uint8_t)element_of(c, buffer), (uint8_t)c->lanes};
    return nest_load(c->nest, buffer, type, place, offset, nest_first_lanes(c->nest, c->lanes, count));
}

static void store(const struct copy *c, int buffer, const struct place *place, int64_t offset, int64_t count, ir_ref value) {
    nest_store(c->nest, buffer, place, offset, ir_convert(&c->nest->b, element_of(c, buffer), value),
               nest_first_lanes(c->nest, c->lanes, count));
}

/* `count` positions of each plane; the lanes of planes that there are not hold the first one's. */
static void tile_in(const struct copy *c, int64_t count) {
    ir_ref row[PC_LANES_MAX];
    for (int p = 0; p < c->lanes; p++)
        row[p] = p < c->planes ? load(c, c->memory, &c->nest->at.wide, p * c->plane, count) : row[0];
    transpose(&c->nest->b, c->lanes, row);
    for (int i = 0; i < count; i++)
        store(c, c->local, &c->nest->at.narrow, i * c->lanes, c->lanes, row[i]);
}

/* The planes' cache lines are fetched first: note [fetched lines] in lower_lanes.c. */
static void tile_out(const struct copy *c, int64_t count) {
    ir_ref row[PC_LANES_MAX];
    for (int p = 0; p < c->planes && c->nest->plan->lanes->fetches; p++)
        nest_fetch(c->nest, c->memory, &c->nest->at.wide, p * c->plane);
    for (int i = 0; i < c->lanes; i++)
        row[i] = i < count ? load(c, c->local, &c->nest->at.narrow, i * c->lanes, c->lanes) : row[0];
    transpose(&c->nest->b, c->lanes, row);
    for (int p = 0; p < c->planes; p++)
        store(c, c->memory, &c->nest->at.wide, p * c->plane, count, row[p]);
}

/* As many positions as lanes at a time. */
static void each_tile(const struct copy *c, const struct place *memory, void (*tile)(const struct copy *, int64_t count)) {
    struct nest *nest = c->nest;
    const struct places before = nest->at;
    const int64_t tiles = c->plane / c->lanes, rest = c->plane % c->lanes;
    const struct steps steps = {.wide = c->lanes, .narrow = c->lanes * c->lanes};
    nest->at.wide = *memory;
    nest->at.narrow = nest_local_place(memory);
    if (tiles > 0) {
        const uint32_t loop = nest_open_turns(nest, "v", tiles, steps);
        tile(c, c->lanes);
        nest_close(nest, loop);
    }
    nest_move(nest, steps, tiles);
    if (rest > 0)
        tile(c, rest);
    nest->at = before;
}

static void transpose_block(struct nest *nest, int64_t planes) {
    const struct nest before = *nest;
    const struct pc_lane_plan *lanes = before.plan->lanes;
    const struct pc_layer *layer = before.layer;
    const struct buffers *memory = &before.buffer;
    const bool picks = memory->state >= 0 || memory->indices >= 0;
    struct copy copy = {.nest = nest, .lanes = lanes->lanes, .planes = planes, .memory = memory->x};
    struct pc_plan plan = *before.plan; /* of the layer whose channels the planes become */
    plan.layer = lanes->transposed;
    plan.state = plan.track;
    nest->plan = &plan;
    nest->layer = lanes->transposed;
    nest->buffer = (struct buffers){-1, -1, -1, -1, -1, -1};
    nest->buffer.x = copy.local = nest_local(nest, "x_planes", plan.real, lanes->transposed->x_count);
    nest->buffer.y = lanes->in_place ? nest->buffer.x : nest_local(nest, "y_planes", plan.real, lanes->transposed->y_count);
    if (picks)
        nest->buffer.state = nest_local(nest, "tap_planes", plan.track, lanes->transposed->y_count);

    copy.plane = pc_layer_inputs(layer);
    ir_comment(&nest->b, "planes side by side");
    each_tile(&copy, &before.at.wide, tile_in);

    nest->at.wide = nest_local_place(&before.at.wide);
    nest->at.narrow = nest_local_place(&before.at.narrow);
    lower_lane_bands(nest, lanes->lanes);

    copy.plane = pc_layer_outputs(layer);
    ir_comment(&nest->b, "and back");
    const int from[] = {nest->buffer.y, nest->buffer.state, nest->buffer.state};
    const int to[] = {memory->y, memory->state, memory->indices};
    for (size_t i = 0; i < sizeof to / sizeof *to; i++) {
        copy.local = from[i];
        copy.memory = to[i];
        if (to[i] >= 0)
            each_tile(&copy, &before.at.narrow, tile_out);
    }

    nest->plan = before.plan;
    nest->layer = before.layer;
    nest->buffer = before.buffer;
    nest->at = before.at;
}

/* A block that is no turn of a loop is one thread's: all that the others could do is to fill local arrays, too. */
void lower_transposed(struct nest *nest, int64_t planes) {
    const bool alone = nest->b.open_count == 0;
    const uint32_t loop = alone ? ir_loop_begin(&nest->b, "once", 1) : 0;
    transpose_block(nest, planes);
    if (alone)
        ir_loop_end(&nest->b, loop);
}
