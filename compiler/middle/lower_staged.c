/* lower_staged.c - a backward kernel without borders.
 *
 * note [staging]
 * Near a border an input is covered by fewer windows, and the combinations of borders along the axes multiply, as in the
 * forward pass.  Here dy is first copied into a local array with zeros around it, one for each window that would exist if
 * the output went on; then every input is covered by all windows, and one piece of code serves them all.  The added zeros
 * change no bit: a gradient starts from +0 and x + 0 = x.  What depends on the window alone - its divisor, y^(1 - p) - is
 * worked out once in the copy and not once for each input that the window covers.  Tap numbers are widened in the copy to
 * the width of the values, so that a C compiler can compare and add in vectors of one length. */
#include "middle/lower_fold.h"

/* ---- copying ---- */

static void copy_element(struct nest *nest, int64_t divisor) {
    struct ir_builder *b = &nest->b;
    ir_ref dy = nest_load(nest, nest->buffer.dy, nest->real, &nest->at.narrow, 0, 0);
    if (nest->buffer.y >= 0)
        dy = backward_weigh(nest, dy, nest_load(nest, nest->buffer.y, nest->real, &nest->at.narrow, 0, 0));
    if (nest->mode->finish == PC_FINISH_DIVIDE) {
        const int64_t by = divisor * fold_divisor_factor(nest);
        dy = ir_op2(b, IR_DIV, dy, ir_real(b, nest->real, (double)by));
    }
    nest_store(nest, nest_local(nest, "dy_stage", nest->plan->real, 0), &nest->at.wide, 0, dy, 0);
    if (nest->buffer.state >= 0) {
        const struct ir_type stored = {(uint8_t)nest->plan->state, 1};
        const ir_ref state = nest_load(nest, nest->buffer.state, stored, &nest->at.narrow, 0, 0);
        nest_store(nest, nest_local(nest, "state_stage", nest->plan->track, 0), &nest->at.wide, 0,
                   ir_convert(b, nest->plan->track, state), 0);
    }
}

/* Copies what lies along `axis` and inside it; at.narrow is in dy, at.wide in the local array. */
static void copy_axis(struct nest *nest, int axis, const int64_t *local, int64_t channels, int64_t divisor) {
    if (axis == POOL_MAX_RANK) {
        const uint32_t loop = nest_open_turns(nest, "c", channels, (struct steps){.wide = 1, .narrow = 1});
        copy_element(nest, divisor);
        nest_close(nest, loop);
        return;
    }
    const struct pc_axis *facts = &nest->layer->axis[axis];
    const struct steps step = {.wide = local[axis], .narrow = nest->stride[axis].narrow};
    const struct places before = nest->at;
    for (int64_t out = 0, count; out < facts->out; out += count) {
        /* Neighbours with one divisor are copied by one loop. */
        const int64_t here = pc_layer_divides_by_window(nest->layer) ? pc_axis_count(facts, out) : 1;
        count = 1;
        while (out + count < facts->out &&
               (!pc_layer_divides_by_window(nest->layer) || pc_axis_count(facts, out + count) == here))
            count++;
        const uint32_t loop = nest_open_turns(nest, nest_out_names[axis], count, step);
        copy_axis(nest, axis + 1, local, channels, divisor * here);
        nest_close(nest, loop);
        nest_move(nest, step, count);
    }
    nest->at = before;
}

/* ---- gathering ---- */

static void block_body(struct nest *nest, int64_t channels) {
    const struct pc_plan *whole = nest->plan;
    struct pc_plan plan = *whole; /* its cells are those of the staged axes */
    int64_t size[POOL_MAX_RANK], local[POOL_MAX_RANK];
    int64_t added[POOL_MAX_RANK]; /* windows in front */
    for (int a = 0; a < POOL_MAX_RANK; a++)
        size[a] = pc_axis_extended(&nest->layer->axis[a], &added[a]).out;
    nest_local_strides(size, whole->block, local);
    const struct nest before = *nest;

    nest->at.wide = nest_local_place(&nest->at.wide);
    for (int a = 0; a < POOL_MAX_RANK; a++)
        nest->at.wide.constant += added[a] * local[a];
    ir_comment(&nest->b, "dy into the middle of the stage");
    copy_axis(nest, 0, local, channels, 1);
    ir_comment(&nest->b, "every input gathers from all windows that cover it");

    nest->at = before.at;
    nest->at.narrow = nest_local_place(&nest->at.narrow);
    plan.state = plan.track;
    nest->plan = &plan;
    nest->weighted = true;
    nest->buffer.dy = nest_local(nest, "dy_stage", whole->real, 0);
    if (nest->buffer.state >= 0)
        nest->buffer.state = nest_local(nest, "state_stage", whole->track, 0);
    nest->level_count = 0;
    for (int a = 0; a < POOL_MAX_RANK; a++) {
        nest->stride[a].narrow = local[a];
        nest->level[nest->level_count++] = (struct level){.kind = LEVEL_AXIS, .axis = a};
    }
    if (whole->layer->desc.layout == POOL_CHANNELS_LAST)
        nest->level[nest->level_count++] =
            (struct level){.kind = LEVEL_PLAIN, .name = "c", .trip = channels, .steps = {.wide = 1, .narrow = 1}};
    lower_backward(nest);

    const struct ir_builder builder = nest->b;
    *nest = before;
    nest->b = builder;
}

static void clear(struct nest *nest, const char *name, struct ir_type type, int64_t count, ir_ref zero) {
    const int buffer = nest_local(nest, name, (enum ir_element)type.element, count);
    struct place place = {.affine = {.buffer = buffer}};
    const uint32_t loop = ir_loop_begin(&nest->b, "i", count);
    place.affine.term[place.affine.count++] = (struct ir_term){loop, 1};
    nest_store(nest, buffer, &place, 0, zero, 0);
    ir_loop_end(&nest->b, loop);
}

void lower_backward_staged(struct nest *nest) {
    int64_t count = nest->plan->block;
    for (int a = 0; a < POOL_MAX_RANK; a++)
        count *= pc_axis_extended(&nest->layer->axis[a], NULL).out;
    /* Once: the copies overwrite the same middle for every plane and leave the zeros around it. */
    clear(nest, "dy_stage", nest->real, count, ir_real(&nest->b, nest->real, 0));
    if (nest->buffer.state >= 0)
        clear(nest, "state_stage", nest->track, count, ir_integer(&nest->b, nest->track, 0));
    nest_each_block(nest, block_body);
}
