/* ir_outline.c - what a back end asks about the outline of a function before it writes it. */
#include "ir/ir.h"

static bool is_piece(const struct ir_function *f, ir_ref ref) {
    const struct ir_node *n = ir_at(f, ref);
    return n->op == IR_FOR && f->loops[n->aux].trip == 1 && f->loops[n->aux].carried_count == 0;
}

bool ir_is_in_pieces(const struct ir_function *f) {
    for (size_t i = 0; i < f->body.count; i++)
        if (!is_piece(f, f->body.items[i]))
            return false;
    return f->body.count > 1;
}

bool ir_uses_buffer(const struct ir_function *f, const struct ir_block *block, size_t buffer) {
    for (size_t i = 0; i < block->count; i++) {
        const struct ir_node *n = ir_at(f, block->items[i]);
        if ((n->op == IR_LOAD || n->op == IR_STORE || n->op == IR_ADD_AT) && (size_t)f->affines[n->aux].buffer == buffer)
            return true;
        if (n->op == IR_FOR && ir_uses_buffer(f, &f->loops[n->aux].body, buffer))
            return true;
    }
    return false;
}

/* Loops that run once are lines of their own: they share no values with their neighbours where it matters. */
size_t ir_longest_line(const struct ir_function *f, const struct ir_block *block) {
    size_t longest = 0, line = 0;
    for (size_t i = 0; i < block->count; i++) {
        const struct ir_node *n = ir_at(f, block->items[i]);
        const size_t inner = n->op == IR_FOR ? ir_longest_line(f, &f->loops[n->aux].body) : 0;
        line = n->op == IR_FOR ? 0 : line + 1;
        longest = inner > longest ? inner : line > longest ? line : longest;
    }
    return longest;
}

int64_t ir_lookup_count(const struct ir_function *f, const struct ir_node *lookup) {
    const int64_t count = f->numbers[lookup->aux].count;
    return count <= UINT8_MAX && ir_at(f, lookup->operand[0])->type.element == IR_U8 ? UINT8_MAX + 1 : count;
}
