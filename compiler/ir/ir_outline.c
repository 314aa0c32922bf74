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

/* ---- sections ----
 *
 * A block may be cut between two items where none behind the place uses what one before it computes, the end of the loop
 * around it included, which wants what it carries on. Items that use what is computed around the block, as what a loop
 * carries, are no part of a section.  A piece of a straight line, as lower.c makes them, is one. */

struct sections {
    const struct ir_function *f;
    struct pc_arena *arena;
    uint32_t *section;      /* per node, as ir_sections_of() says */
    uint32_t *depth, *item; /* per value: loops around its block, number of the item in it */
    uint32_t *size;         /* per item: its nodes, with those inside */
    uint32_t *first;        /* per item: of those in its block the first whose value it uses; itself where there is none */
    bool *outside;          /* per item: it uses what is computed around its block */
    ir_ref *path;           /* per depth: the item at hand */
    int64_t most, least;    /* nodes: of a block that is not cut; of a section */
};

/* Carried values come from outside of the body, and go there. */
static uint32_t place_values(struct sections *r, const struct ir_block *block, uint32_t depth) {
    uint32_t nodes = 0;
    for (size_t i = 0; i < block->count; i++) {
        const ir_ref ref = block->items[i];
        r->depth[ref] = depth;
        r->item[ref] = r->first[ref] = (uint32_t)i;
        r->size[ref] = 1;
        if (ir_at(r->f, ref)->op == IR_FOR) {
            const struct ir_loop *loop = &r->f->loops[ir_at(r->f, ref)->aux];
            for (size_t k = 0; k < loop->carried_count; k++) {
                r->depth[loop->carried[k].param] = r->depth[loop->carried[k].result] = depth;
                r->item[loop->carried[k].param] = r->item[loop->carried[k].result] = (uint32_t)i;
            }
            r->size[ref] += place_values(r, &loop->body, depth + 1);
        }
        nodes += r->size[ref];
    }
    return nodes;
}

static void use_value(struct sections *r, ir_ref value, uint32_t depth) {
    const enum ir_op op = (enum ir_op)ir_at(r->f, value)->op;
    if (op == IR_NONE || op == IR_CONST)
        return;
    const ir_ref user = r->path[r->depth[value]];
    r->first[user] = r->item[value] < r->first[user] ? r->item[value] : r->first[user];
    for (uint32_t d = r->depth[value] + 1; d <= depth; d++)
        r->outside[r->path[d]] = true;
}

static void use_values(struct sections *r, const struct ir_block *block, uint32_t depth) {
    for (size_t i = 0; i < block->count; i++) {
        const struct ir_node *n = ir_at(r->f, r->path[depth] = block->items[i]);
        for (int k = 0; k < IR_OPERANDS_MAX; k++)
            use_value(r, n->operand[k], depth);
        if (n->op != IR_FOR)
            continue;
        const struct ir_loop *loop = &r->f->loops[n->aux];
        for (size_t k = 0; k < loop->carried_count; k++) {
            use_value(r, loop->carried[k].initial, depth);
            if (r->depth[loop->carried[k].next] <= depth) /* not of the body */
                use_value(r, loop->carried[k].next, depth);
        }
        use_values(r, &loop->body, depth + 1);
    }
}

/* Items begin .. end - 1 are a section, unless they need what is around them, or are few. */
static void add_section(struct sections *r, const struct ir_block *block, size_t begin, size_t end) {
    uint32_t nodes = 0;
    bool outside = false;
    for (size_t i = begin; i < end; i++) {
        nodes += r->size[block->items[i]];
        outside |= r->outside[block->items[i]];
    }
    if (nodes >= r->least && !outside)
        r->section[block->items[begin]] = (uint32_t)(end - begin);
}

/* `around`: the loop whose body the block is; NULL: the function's. */
static void cut_block(struct sections *r, const struct ir_block *block, const struct ir_loop *around, uint32_t depth) {
    uint32_t *first = PC_NEW_ARRAY(r->arena, block->count + 1, uint32_t); /* the least of this item and those behind it */
    uint32_t nodes = 0;
    first[block->count] = (uint32_t)block->count;
    for (size_t k = 0; around && k < around->carried_count; k++) {
        const ir_ref next = around->carried[k].next;
        if (ir_at(r->f, next)->op != IR_CONST && r->depth[next] == depth && r->item[next] < first[block->count])
            first[block->count] = r->item[next];
    }
    for (size_t i = block->count; i-- > 0;) {
        const ir_ref ref = block->items[i];
        first[i] = r->first[ref] < first[i + 1] ? r->first[ref] : first[i + 1];
        nodes += r->size[ref];
        if (ir_at(r->f, ref)->op == IR_FOR)
            cut_block(r, &r->f->loops[ir_at(r->f, ref)->aux].body, &r->f->loops[ir_at(r->f, ref)->aux], depth + 1);
    }
    size_t begin = 0;
    uint32_t size = 0;
    for (size_t i = 0; nodes > r->most && i < block->count; i++) {
        if (size >= r->least && first[i] >= i) {
            add_section(r, block, begin, i);
            begin = i;
            size = 0;
        }
        size += r->size[block->items[i]];
    }
    if (begin > 0 && first[block->count] == block->count) /* else its end is wanted by the loop */
        add_section(r, block, begin, block->count);
}

const uint32_t *ir_sections_of(const struct ir_function *f, struct pc_arena *arena) {
    const int64_t most = f->line_most ? f->line_most : IR_LINE_MOST;
    struct sections r = {.f = f,
                         .arena = arena,
                         .most = most,
                         .least = ir_line_least(most),
                         .section = PC_NEW_ARRAY(arena, f->node_count, uint32_t),
                         .depth = PC_NEW_ARRAY(arena, f->node_count, uint32_t),
                         .item = PC_NEW_ARRAY(arena, f->node_count, uint32_t),
                         .size = PC_NEW_ARRAY(arena, f->node_count, uint32_t),
                         .first = PC_NEW_ARRAY(arena, f->node_count, uint32_t),
                         .outside = PC_NEW_ARRAY(arena, f->node_count, bool),
                         .path = PC_NEW_ARRAY(arena, f->loop_count + 1, ir_ref)};
    place_values(&r, &f->body, 0);
    use_values(&r, &f->body, 0);
    cut_block(&r, &f->body, NULL, 0);
    return r.section;
}

int64_t ir_lookup_count(const struct ir_function *f, const struct ir_node *lookup) {
    const int64_t count = f->numbers[lookup->aux].count;
    return count <= UINT8_MAX && ir_at(f, lookup->operand[0])->type.element == IR_U8 ? UINT8_MAX + 1 : count;
}

enum ir_element ir_numbers_element(const struct ir_numbers *numbers) {
    int64_t least = 0, most = 0;
    for (int64_t i = 0; i < numbers->count; i++) {
        least = numbers->at[i] < least ? numbers->at[i] : least;
        most = numbers->at[i] > most ? numbers->at[i] : most;
    }
    return least < 0 || most > UINT16_MAX ? IR_I32 : most > UINT8_MAX ? IR_U16 : IR_U8;
}
