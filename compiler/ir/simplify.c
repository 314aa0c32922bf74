/* simplify.c - see simplify.h. One forward walk rewrites, one backward walk removes what is not used. */
#include "ir/simplify.h"

#include "ir/ir_build.h"

#include <math.h>
#include <string.h>

struct simplifier {
    struct ir_function *f;
    ir_ref *replacement; /* per node: what stands for it, 0 is itself */
    bool *used;
};

static ir_ref final(const struct simplifier *s, ir_ref ref) {
    while (s->replacement[ref])
        ref = s->replacement[ref];
    return ref;
}

static bool is_real_constant(const struct ir_node *node, double *value) {
    *value = node->u.real;
    return node->op == IR_CONST && ir_elements[node->type.element].real;
}

/* All lanes of a constant mask equal: 0 or 1; -1 otherwise. */
static int constant_mask(const struct ir_node *node) {
    if (node->op != IR_CONST || node->type.element != IR_MASK)
        return -1;
    const uint64_t all = node->type.lanes == 64 ? UINT64_MAX : (UINT64_C(1) << node->type.lanes) - 1;
    const uint64_t bits = (uint64_t)node->u.integer & all;
    return bits == 0 ? 0 : bits == all ? 1 : -1;
}

/* 2^k whose inverse is representable too, so that x / 2^k == x * 2^-k for every x, subnormal or not. */
static bool inverse_is_exact(const struct ir_node *node, double value) {
    int exponent;
    const double fraction = frexp(fabs(value), &exponent);
    const int limit = node->type.element == IR_F32 ? 126 : 1022;
    return fraction == 0.5 && exponent > -limit && exponent < limit;
}

/* The node that `ref` can be replaced by, or 0. May change the node itself to a cheaper one. */
static ir_ref rewrite(struct simplifier *s, ir_ref ref) {
    struct ir_node *n = &s->f->nodes[ref];
    const struct ir_node *a = ir_at(s->f, n->operand[0]), *b = ir_at(s->f, n->operand[1]);
    double value;
    if ((n->op == IR_DIV || n->op == IR_MUL) && is_real_constant(b, &value)) {
        if (value == 1.0)
            return n->operand[0];
        if (n->op == IR_DIV && inverse_is_exact(b, value)) {
            struct ir_node inverse = *b;
            inverse.u.real = 1.0 / value;
            PC_GROW(s->f->arena, s->f->nodes, s->f->node_count, s->f->node_capacity);
            s->f->nodes[s->f->node_count] = inverse;
            s->f->nodes[ref].op = IR_MUL;
            s->f->nodes[ref].operand[1] = (ir_ref)s->f->node_count++;
        }
    } else if (n->op == IR_SELECT) {
        if (n->operand[1] == n->operand[2])
            return n->operand[1];
        const int mask = constant_mask(a);
        if (mask >= 0)
            return n->operand[mask ? 1 : 2];
    } else if (n->op == IR_OR || n->op == IR_AND) {
        const int neutral = n->op == IR_AND;
        if (constant_mask(a) == neutral)
            return n->operand[1];
        if (constant_mask(b) == neutral)
            return n->operand[0];
    }
    return 0;
}

static void rewrite_block(struct simplifier *s, const struct ir_block *block) {
    for (size_t i = 0; i < block->count; i++) {
        const ir_ref ref = block->items[i];
        struct ir_node *n = &s->f->nodes[ref];
        if (n->op == IR_FOR) {
            struct ir_loop *loop = &s->f->loops[n->aux];
            for (size_t k = 0; k < loop->carried_count; k++)
                loop->carried[k].initial = final(s, loop->carried[k].initial);
            rewrite_block(s, &loop->body);
            for (size_t k = 0; k < loop->carried_count; k++)
                loop->carried[k].next = final(s, loop->carried[k].next);
            continue;
        }
        for (int k = 0; k < IR_OPERANDS_MAX; k++)
            n->operand[k] = final(s, n->operand[k]);
        const ir_ref other = rewrite(s, ref);
        if (other) {
            s->replacement[ref] = other;
            s->f->nodes[ref].op = IR_NONE;
        }
    }
}

static bool stores(const struct simplifier *s, const struct ir_block *block) {
    for (size_t i = 0; i < block->count; i++) {
        const struct ir_node *n = &s->f->nodes[block->items[i]];
        if (n->op == IR_STORE || n->op == IR_ADD_AT || (n->op == IR_FOR && stores(s, &s->f->loops[n->aux].body)))
            return true;
    }
    return false;
}

/* Marks what a block needs, last node first. A loop is kept for its stores or for a result that somebody uses; otherwise
 * nothing inside it may mark anything, or what only it used would stay. */
static void mark_used(struct simplifier *s, struct ir_block *block) {
    for (size_t i = block->count; i-- > 0;) {
        struct ir_node *n = &s->f->nodes[block->items[i]];
        if (n->op == IR_FOR) {
            struct ir_loop *loop = &s->f->loops[n->aux];
            bool wanted = stores(s, &loop->body);
            for (size_t k = 0; k < loop->carried_count; k++)
                wanted |= s->used[loop->carried[k].result];
            if (!wanted) {
                n->op = IR_NONE;
                continue;
            }
            for (size_t k = 0; k < loop->carried_count; k++)
                s->used[loop->carried[k].next] = true; /* one carried value may feed another */
            mark_used(s, &loop->body);
            for (size_t k = 0; k < loop->carried_count; k++)
                s->used[loop->carried[k].initial] = true;
            continue;
        }
        if (ir_ops[n->op].kind != IR_KIND_STATEMENT && !s->used[block->items[i]])
            n->op = IR_NONE;
        if (n->op == IR_NONE)
            continue;
        for (int k = 0; k < IR_OPERANDS_MAX; k++)
            s->used[n->operand[k]] = true;
    }
    size_t kept = 0;
    for (size_t i = 0; i < block->count; i++)
        if (s->f->nodes[block->items[i]].op != IR_NONE)
            block->items[kept++] = block->items[i];
    block->count = kept;
}

void pc_simplify(struct ir_function *function) {
    struct simplifier s = {.f = function};
    s.replacement = PC_NEW_ARRAY(function->arena, function->node_count, ir_ref);
    rewrite_block(&s, &function->body);
    s.used = PC_NEW_ARRAY(function->arena, function->node_count, bool);
    mark_used(&s, &function->body);
}
