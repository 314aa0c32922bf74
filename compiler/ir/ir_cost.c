/* ir_cost.c - exact operation, load, store and byte counts, multiplied out over the loops. */
#include "ir/ir.h"

/* What compilers work out. */
static bool is_of_constants(const struct ir_function *f, const struct ir_node *node) {
    bool constant = ir_ops[node->op].operands > 0;
    for (int k = 0; k < ir_ops[node->op].operands; k++) {
        const enum ir_op op = (enum ir_op)ir_at(f, node->operand[k])->op;
        constant &= op == IR_CONST || op == IR_LANES;
    }
    return constant;
}

static void count_block(const struct ir_function *f, const struct ir_block *block, int64_t runs, struct ir_cost *cost) {
    for (size_t i = 0; i < block->count; i++) {
        const struct ir_node *node = ir_at(f, block->items[i]);
        const int64_t bytes = (int64_t)node->type.lanes * ir_elements[node->type.element].bytes * runs;
        if (node->op == IR_NONE || node->op == IR_COMMENT)
            continue;
        cost->code++;
        if (node->op == IR_FOR) {
            count_block(f, &f->loops[node->aux].body, runs * f->loops[node->aux].trip, cost);
        } else if (node->op == IR_LOAD || node->op == IR_LOAD_AT) {
            cost->loads += runs;
            cost->bytes_loaded += bytes;
        } else if (node->op == IR_STORE) {
            cost->stores += runs;
            cost->bytes_stored += bytes;
        } else if (node->op == IR_ADD_AT) {
            cost->operations += runs;
            cost->loads += runs;
            cost->stores += runs;
            cost->bytes_loaded += bytes;
            cost->bytes_stored += bytes;
        } else if (node->op != IR_FETCH && node->op != IR_AFFINE && node->op != IR_LANES && !is_of_constants(f, node)) {
            cost->operations += runs;
        }
    }
}

struct ir_cost ir_cost_of(const struct ir_function *function) {
    struct ir_cost cost = {0};
    count_block(function, &function->body, 1, &cost);
    for (size_t i = 0; i < function->buffer_count; i++) {
        const struct ir_buffer *buffer = &function->buffers[i];
        const int64_t bytes = buffer->count * ir_elements[buffer->element].bytes;
        if (buffer->role == IR_INPUT)
            cost.bytes_in += bytes;
        else if (buffer->role == IR_OUTPUT)
            cost.bytes_out += bytes;
    }
    return cost;
}
