/* lower_block.c - see lower_block.h. */
#include "middle/lower_block.h"

struct block block_of(struct nest *nest, int64_t count) {
    const int64_t lanes = nest->real.lanes;
    if (nest->layer->desc.layout != POOL_CHANNELS_LAST)
        return (struct block){.nest = nest, .vectors = count, .apart = nest->level[0].steps};
    return (struct block){.nest = nest,
                          .vectors = (count + lanes - 1) / lanes,
                          .tail = (UINT64_C(1) << count % lanes) - 1,
                          .apart = {.wide = lanes, .narrow = lanes}};
}

ir_ref block_mask(const struct block *block, int64_t v) {
    struct nest *nest = block->nest;
    return block->tail && v == block->vectors - 1 ? ir_mask(&nest->b, nest->real.lanes, block->tail) : 0;
}

static ir_ref load(const struct block *block, int buffer, const struct place *place, int64_t offset, int64_t v) {
    struct nest *nest = block->nest;
    const struct ir_type type = {(uint8_t)nest->b.function->buffers[buffer].element, nest->real.lanes};
    return nest_load(nest, buffer, type, place, offset, block_mask(block, v));
}

ir_ref block_load_wide(const struct block *block, int buffer, int64_t offset, int64_t v) {
    return load(block, buffer, &block->nest->at.wide, offset + v * block->apart.wide, v);
}

ir_ref block_load_narrow(const struct block *block, int buffer, int64_t v) {
    return load(block, buffer, &block->nest->at.narrow, v * block->apart.narrow, v);
}

static void store(const struct block *block, int buffer, const struct place *place, int64_t offset, int64_t v,
                  ir_ref value) {
    struct nest *nest = block->nest;
    const enum ir_element element = nest->b.function->buffers[buffer].element;
    if (ir_at(nest->b.function, value)->type.element != element)
        value = ir_convert(&nest->b, element, value);
    nest_store(nest, buffer, place, offset, value, block_mask(block, v));
}

void block_store_wide(const struct block *block, int buffer, int64_t v, ir_ref value) {
    store(block, buffer, &block->nest->at.wide, v * block->apart.wide, v, value);
}

void block_store_narrow(const struct block *block, int buffer, int64_t v, ir_ref value) {
    store(block, buffer, &block->nest->at.narrow, v * block->apart.narrow, v, value);
}

/* The place in the tensor of the channel that each lane is. */
static ir_ref add_channels(const struct block *block, int64_t v, ir_ref index) {
    struct nest *nest = block->nest;
    int64_t channel[IR_LANES_MAX];
    if (nest->layer->desc.indices != POOL_INDICES_TENSOR)
        return index;
    for (int64_t l = 0; l < nest->real.lanes; l++)
        channel[l] = v * block->apart.wide + l;
    return ir_op2(&nest->b, IR_ADD, index, ir_lanes(&nest->b, nest->track, channel));
}

void block_finish(const struct block *block, int64_t v, const struct fold *all, ir_ref y) {
    const struct buffers *buffer = &block->nest->buffer;
    block_store_narrow(block, buffer->y, v, y);
    if (buffer->state >= 0)
        block_store_narrow(block, buffer->state, v, all->tap);
    if (buffer->indices >= 0)
        block_store_narrow(block, buffer->indices, v, all->index ? add_channels(block, v, all->index) : all->tap);
}
