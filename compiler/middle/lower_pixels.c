/* lower_pixels.c - a window that is the whole image, channels-last, pixel by pixel.
 *
 * note [pixels]
 * Nothing is shared between windows where there is one, so that all that counts is to walk through memory straight on: a
 * loop over pixels, whose results stay in registers, a block of neighbouring channels at a time.  Where these are few, the
 * image is taken in parts side by side, since each combination waits for the one before it.  Parts are combined in their
 * order, so that of equal maxima the first is kept. */
#include "middle/lane_plan.h"
#include "middle/lower_fold.h"

#include <assert.h>

enum { RESULTS_MAX = 64 };

struct pixels {
    struct nest *nest;
    int64_t count, parts; /* of the image: pixels; parts of equal length, behind which a few pixels are left */
    int64_t vectors;      /* of the block */
    uint64_t tail;        /* channels of the last of them; 0: all lanes */
};

/* Of vector v; 0: all lanes. */
static ir_ref mask_of(const struct pixels *p, int64_t v) {
    struct nest *nest = p->nest;
    return p->tail && v == p->vectors - 1 ? ir_mask(&nest->b, nest->real.lanes, p->tail) : 0;
}

/* Vector v of a pixel. */
static struct fold load_pixel(struct pixels *p, int64_t pixel, int64_t v) {
    struct nest *nest = p->nest;
    const int64_t at = pixel * nest->layer->desc.channels + v * nest->real.lanes;
    const ir_ref x = nest_load(nest, nest->buffer.x, nest->real, &nest->at.wide, at, mask_of(p, v));
    return (struct fold){.value = fold_lift(nest, x), .raw = true};
}

/* The results of all parts, one behind the other: of part 0 those of each vector, and so on. */
static void walk(struct pixels *p, struct fold *results) {
    struct nest *nest = p->nest;
    const int64_t length = p->count / p->parts, count = p->parts * p->vectors;
    for (int64_t i = 0; i < count; i++) {
        const struct fold first = load_pixel(p, i / p->vectors * length, i % p->vectors);
        results[i] = (struct fold){.value = fold_without_nan(nest, &first)};
    }
    const uint32_t loop = nest_open(nest, "p", length - 1, (struct steps){.wide = nest->layer->desc.channels});
    for (int64_t i = 0; i < count; i++)
        results[i].value = ir_loop_carry(&nest->b, loop, results[i].value);
    for (int64_t i = 0; i < count; i++) {
        const struct fold next = load_pixel(p, i / p->vectors * length + 1, i % p->vectors);
        ir_loop_next(&nest->b, loop, (size_t)i, fold_append(nest, results[i], next).value);
    }
    nest_close(nest, loop);
    for (int64_t i = 0; i < count; i++)
        results[i].value = ir_loop_result(&nest->b, loop, (size_t)i);
}

static void store(struct pixels *p, int64_t v, ir_ref value) {
    struct nest *nest = p->nest;
    nest_store(nest, nest->buffer.y, &nest->at.narrow, v * nest->real.lanes, value, mask_of(p, v));
}

static void block_body(struct nest *nest, int64_t channels) {
    const int64_t lanes = nest->real.lanes;
    struct pixels p = {.nest = nest,
                       .count = pc_layer_inputs(nest->layer),
                       .parts = nest->plan->lanes->pixel_parts,
                       .vectors = (channels + lanes - 1) / lanes,
                       .tail = (UINT64_C(1) << channels % lanes) - 1};
    struct fold results[RESULTS_MAX];
    assert(p.parts * p.vectors <= RESULTS_MAX);
    walk(&p, results);
    for (int64_t v = 0; v < p.vectors; v++) {
        struct fold all = results[v];
        for (int64_t part = 1; part < p.parts; part++)
            all = fold_append(nest, all, results[part * p.vectors + v]);
        for (int64_t pixel = p.count / p.parts * p.parts; pixel < p.count; pixel++)
            all = fold_append(nest, all, load_pixel(&p, pixel, v));
        const bool divides = nest->mode->finish == PC_FINISH_DIVIDE;
        store(&p, v, divides ? ir_op2(&nest->b, IR_DIV, all.value, fold_divisor(nest)) : fold_finish(nest, &all));
    }
}

void lower_pixels(struct nest *nest) {
    nest->real.lanes = (uint8_t)nest->plan->lanes->lanes;
    nest_each_block(nest, block_body);
}
