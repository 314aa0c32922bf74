/* lower_pixels.c - windows channels-last, pixel by pixel.
 *
 * note [pixels]
 * Where windows share nothing, or little of the many taps that they have, all that counts is to walk through memory straight
 * on: a window's pixels one after the other, a block of neighbouring channels at a time, whose results stay in registers, or,
 * where pixels come from afar, in the first level cache.  Where results are few, the window is taken in parts side by side,
 * since each combination waits for the one before it.  Parts are combined in their order, so that of equal maxima the first
 * is kept.
 *
 * Gradients of maxima go the same way where no input is in two windows: every pixel of the window takes dy where the tap
 * number is its own.  dy and the numbers of a block stay in registers, or, where dx and dy leave the first level cache, are
 * loaded for each pixel, so that pixels are stored as a whole: pieces may be a multiple of a page apart (512 x 14 x 14 10.9
 * us, whole pixels 7.5; 1024 x 1 x 15000 14 and 6.4 ms; Granite Rapids). */
#include "middle/lane_plan.h"
#include "middle/lower_block.h"

#include <assert.h>

/* Taps of the outermost progression that make it worth a part. */
enum { PART_LEAST = 4 };

/* Taps at equal distances. */
struct progression {
    int64_t count;
    struct steps steps;
};

struct pixels {
    struct nest *nest;
    struct progression
        progressions[POOL_MAX_RANK]; /* of the window, the outermost first; what is one piece of memory is one progression */
    int progression_count;
    bool is_covered; /* backward: by a window */
    int64_t parts;   /* of the outermost progression, of equal length, behind which a few taps are left */
    struct block block;
    ir_ref tap[BLOCK_MAX], dy[BLOCK_MAX]; /* backward, of the block's vectors */
};

static bool tracks(const struct nest *nest) {
    return forward_tracks_tap(nest) || forward_tracks_index(nest) || nest->plan->kind == PC_KERNEL_BACKWARD;
}

/* ---- progressions ---- */

/* Puts a progression around those that are there. */
static void add_run(struct pixels *p, int64_t count, struct steps steps) {
    if (count == 1)
        return;
    struct progression *outer = &p->progressions[0];
    if (!tracks(p->nest))
        steps.tap = steps.plane = 0; /* nobody asks for them */
    if (p->progression_count > 0 && steps.wide == outer->count * outer->steps.wide &&
        steps.tap == outer->count * outer->steps.tap && steps.plane == outer->count * outer->steps.plane) {
        outer->count *= count;
        return;
    }
    for (int i = p->progression_count++; i > 0; i--)
        p->progressions[i] = p->progressions[i - 1];
    *outer = (struct progression){count, steps};
}

static struct steps steps_of_taps(const struct nest *nest, int a) {
    const int64_t apart = nest->layer->axis[a].dilation;
    return (struct steps){
        .wide = apart * nest->stride[a].wide, .plane = apart * nest->stride[a].plane, .tap = nest->stride[a].tap};
}

static const char *name_of_progression(const struct pixels *p, int level) {
    return level == p->progression_count - 1 ? "p" : level == 0 ? "pd" : "ph";
}

/* ---- forward ---- */

/* Where a tap is, `steps` further, as far as the kernel wants to know it: the same for all channels. */
static void set_place(struct nest *nest, struct fold *fold, struct steps steps) {
    struct ir_builder *b = &nest->b;
    const bool tensor = nest->layer->desc.indices == POOL_INDICES_TENSOR;
    const struct place *place = tensor ? &nest->at.wide : &nest->at.plane;
    if (forward_tracks_tap(nest))
        fold->tap = ir_affine(b, nest->track, &nest->at.tap.affine, nest->at.tap.constant + steps.tap);
    if (forward_tracks_index(nest))
        fold->index = ir_affine(b, nest->track, &place->affine, place->constant + (tensor ? steps.wide : steps.plane));
}

static struct steps times(struct steps steps, int64_t count) {
    return (struct steps){
        .wide = steps.wide * count, .narrow = steps.narrow * count, .plane = steps.plane * count, .tap = steps.tap * count};
}

/* From a part to the next. */
static struct steps steps_of_part(const struct pixels *p) {
    return p->parts > 1 ? times(p->progressions[0].steps, p->progressions[0].count / p->parts) : (struct steps){0};
}

/* Runs `level` and inside, for `parts` of them, whose results are added to: those of part 0, of each vector, and so on. */
static void walk(struct pixels *p, int level, int64_t parts, struct fold *results) {
    struct nest *nest = p->nest;
    const int64_t count = parts * p->block.vectors;
    if (level == p->progression_count) {
        for (int64_t i = 0; i < count; i++) {
            const struct steps part = times(steps_of_part(p), i / p->block.vectors);
            struct fold tap = {.raw = true};
            tap.value = fold_lift(nest, block_load_wide(&p->block, nest->buffer.x, part.wide, i % p->block.vectors));
            set_place(nest, &tap, part);
            results[i] = fold_append(nest, results[i], tap);
        }
        return;
    }
    const struct progression *here = &p->progressions[level];
    const int64_t length = level == 0 ? here->count / p->parts : here->count;
    if (length == 1) {
        walk(p, level + 1, parts, results);
        return;
    }
    struct carried carried = {.count = 0};
    for (int64_t i = 0; i < count; i++)
        carry_fold(&carried, &results[i]);
    const uint32_t loop = nest_open(nest, name_of_progression(p, level), length, here->steps);
    begin_carrying(nest, &carried, loop);
    walk(p, level + 1, parts, results);
    end_carrying(nest, &carried, loop);
}

/* The taps of the outermost progression that are left behind its parts, each with all that is inside. */
static void walk_rest(struct pixels *p, struct fold *results) {
    struct nest *nest = p->nest;
    const int64_t done = p->progression_count ? p->progressions[0].count / p->parts * p->parts : 0;
    const struct places before = nest->at;
    for (int64_t i = done; p->progression_count && i < p->progressions[0].count; i++) {
        nest_move(nest, p->progressions[0].steps, i);
        walk(p, 1, 1, results);
        nest->at = before;
    }
}

/* The results of the block; no tap yet: what the first one would have to beat. */
static void begin(struct pixels *p, struct fold *results) {
    for (int64_t i = 0; i < p->parts * p->block.vectors; i++) {
        results[i] = (struct fold){.value = fold_identity(p->nest)};
        set_place(p->nest, &results[i], times(steps_of_part(p), i / p->block.vectors));
    }
}

static void forward_block(struct nest *nest, int64_t channels) {
    struct pixels p = {.nest = nest, .parts = 1, .block = block_of(nest, channels)};
    struct fold results[BLOCK_MAX];
    for (int a = POOL_MAX_RANK - 1; a >= 0; a--)
        add_run(&p, nest->segment[a]->taps, steps_of_taps(nest, a));
    while (p.progression_count && p.parts < nest->plan->lanes->pixel_parts &&
           (p.parts + 1) * PART_LEAST <= p.progressions[0].count)
        p.parts++;
    assert(p.parts * p.block.vectors <= BLOCK_MAX);
    begin(&p, results);
    walk(&p, 0, p.parts, results);
    for (int64_t i = p.block.vectors; i < p.parts * p.block.vectors; i++)
        results[i % p.block.vectors] = fold_append(nest, results[i % p.block.vectors], results[i]);
    walk_rest(&p, results);
    for (int64_t v = 0; v < p.block.vectors; v++)
        block_finish(&p.block, v, &results[v],
                     nest->mode->finish == PC_FINISH_DIVIDE ? fold_divide(nest, results[v].value)
                                                            : fold_finish(nest, &results[v]));
}

/* Windows that have the same taps along axis `a` and inside. */
static void forward_axis(struct nest *nest, int a) {
    if (a == POOL_MAX_RANK) {
        nest_each_block_of_channels(nest, forward_block);
        return;
    }
    const struct steps *stride = &nest->stride[a];
    const struct places before = nest->at;
    for (int i = 0; i < nest->plan->axis[a].count; i++) {
        const struct pc_segment *s = &nest->plan->axis[a].segments[i];
        const struct steps first = {.wide = s->in * stride->wide,
                                    .narrow = s->out * stride->narrow,
                                    .plane = s->in * stride->plane,
                                    .tap = s->tap * stride->tap};
        nest->segment[a] = s;
        nest_move(nest, first, 1);
        const uint32_t loop = nest_open_turns(nest, nest_out_names[a], s->count,
                                              (struct steps){.wide = s->in_step * stride->wide,
                                                             .narrow = stride->narrow,
                                                             .plane = s->in_step * stride->plane});
        forward_axis(nest, a + 1);
        nest_close(nest, loop);
        nest->at = before;
    }
}

/* ---- backward ---- */

/* An input of each vector of channels: dy where the tap number is its own, 0 where no window covers it. */
static void store_input(struct pixels *p) {
    struct nest *nest = p->nest;
    struct ir_builder *b = &nest->b;
    const ir_ref zero = ir_real(b, nest->real, 0);
    const ir_ref number = ir_affine(b, nest->track, &nest->at.tap.affine, nest->at.tap.constant);
    for (int64_t v = 0; v < p->block.vectors; v++)
        block_store_wide(&p->block, nest->buffer.dx, v,
                         p->is_covered ? ir_select(b, ir_op2(b, IR_EQ, p->tap[v], number), p->dy[v], zero) : zero);
}

/* Runs `body` for every pixel of the window. */
static void each_input(struct pixels *p, void (*body)(struct pixels *p)) {
    uint32_t loops[POOL_MAX_RANK];
    for (int level = 0; level < p->progression_count; level++) {
        const struct progression *here = &p->progressions[level];
        loops[level] = nest_open(p->nest, name_of_progression(p, level), here->count, here->steps);
    }
    body(p);
    for (int level = p->progression_count - 1; level >= 0; level--)
        nest_close(p->nest, loops[level]);
}

static bool is_covered(const struct nest *nest) {
    bool covered = true;
    for (int a = 0; a < POOL_MAX_RANK; a++)
        covered &= nest->phase[a]->cover_count > 0;
    return covered;
}

static struct pixels inputs_of(struct nest *nest) {
    struct pixels p = {.nest = nest, .is_covered = is_covered(nest)};
    for (int a = POOL_MAX_RANK - 1; a >= 0; a--) {
        const struct pc_phase *phase = nest->phase[a];
        struct steps steps = times(nest->stride[a], phase->step);
        steps.narrow = 0;
        steps.tap = nest->stride[a].tap;
        add_run(&p, phase->count, steps);
    }
    return p;
}

/* dy and the tap numbers of a block of channels. */
static void load_block(struct pixels *p, int64_t channels) {
    struct nest *nest = p->nest;
    p->block = block_of(nest, channels);
    assert(p->block.vectors <= BLOCK_MAX);
    for (int64_t v = 0; p->is_covered && v < p->block.vectors; v++) {
        p->tap[v] = ir_convert(&nest->b, nest->plan->track, block_load_narrow(&p->block, nest->buffer.state, v));
        /* A sum that begins with +0, as of all gradients. */
        p->dy[v] =
            ir_op2(&nest->b, IR_ADD, ir_real(&nest->b, nest->real, 0), block_load_narrow(&p->block, nest->buffer.dy, v));
    }
}

static void spread_block(struct nest *nest, int64_t channels) {
    struct pixels p = inputs_of(nest);
    load_block(&p, channels);
    each_input(&p, store_input);
}

static void store_block(struct nest *nest, int64_t channels) {
    struct pixels p = {.nest = nest, .is_covered = is_covered(nest)};
    load_block(&p, channels);
    store_input(&p);
}

static void store_pixel(struct pixels *p) {
    nest_each_block_of_channels(p->nest, store_block);
}

static void backward_window(struct nest *nest) {
    struct pixels p = inputs_of(nest);
    if (nest->plan->lanes->whole_pixels)
        each_input(&p, store_pixel);
    else
        nest_each_block_of_channels(nest, spread_block);
}

/* Inputs that are in the same windows along axis `a` and inside. */
static void backward_axis(struct nest *nest, int a) {
    if (a == POOL_MAX_RANK) {
        backward_window(nest);
        return;
    }
    const struct steps *stride = &nest->stride[a];
    const struct places before = nest->at;
    for (int i = 0; i < nest->plan->axis[a].count; i++) {
        const struct pc_cell *cell = &nest->plan->axis[a].cells[i];
        const uint32_t loop =
            nest_open_turns(nest, nest_in_names[a], cell->count,
                            (struct steps){.wide = cell->in_step * stride->wide, .narrow = cell->out_step * stride->narrow});
        const struct places first = nest->at;
        for (int k = 0; k < cell->phase_count; k++) {
            const struct pc_phase *phase = nest->phase[a] = &cell->phases[k];
            nest_move(nest, (struct steps){.wide = (cell->in + phase->in) * stride->wide}, 1);
            if (phase->cover_count > 0)
                nest_move(nest,
                          (struct steps){.narrow = phase->covers[0].out * stride->narrow,
                                         .tap = phase->covers[0].tap * stride->tap},
                          1);
            backward_axis(nest, a + 1);
            nest->at = first;
        }
        nest_close(nest, loop);
        nest->at = before;
    }
}

void lower_pixels(struct nest *nest) {
    nest->real.lanes = (uint8_t)nest->plan->lanes->lanes;
    nest->track.lanes = (uint8_t)nest->plan->lanes->lanes;
    const struct level images = nest->level[0];
    const uint32_t loop = nest_open_turns(nest, images.name, images.trip, images.steps);
    (nest->plan->kind == PC_KERNEL_BACKWARD ? backward_axis : forward_axis)(nest, 0);
    nest_close(nest, loop);
}
