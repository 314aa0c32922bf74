/* emit_c_values.c - values of one lane as expressions of C: see emit_c_print.h.  A value that is used once, in its own block,
 * is written where it is used as long as the line stays short; every other value becomes a constant with a name. */
#include "back/emit_c_print.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Nodes written as one expression; more make a line that nobody reads. */
enum { INLINE_MAX = 3 };

/* ---- what to inline ---- */

/* A shuffle need not take lanes of both operands. */
static bool takes_operand(const struct emitter *e, const struct ir_node *n, int which) {
    if (n->op != IR_SHUFFLE)
        return true;
    const int from = ir_at(e->f, n->operand[0])->type.lanes;
    for (int i = 0; i < n->type.lanes; i++)
        if (e->f->lists[n->aux].at[i] / from == which)
            return true;
    return false;
}

bool pc_is_used(const struct emitter *e, ir_ref ref) {
    return e->uses[ref] > 0 || ir_ops[ir_at(e->f, ref)->op].kind == IR_KIND_STATEMENT;
}

/* Last node first, so that what only an unused value would need is unused too. */
void pc_count_uses(struct emitter *e, const struct ir_block *block, uint32_t number) {
    for (size_t i = block->count; i-- > 0;) {
        const struct ir_node *n = ir_at(e->f, block->items[i]);
        e->block[block->items[i]] = number;
        for (int k = 0; k < IR_OPERANDS_MAX && pc_is_used(e, block->items[i]); k++)
            e->uses[n->operand[k]] += takes_operand(e, n, k);
        if (n->op != IR_FOR)
            continue;
        const struct ir_loop *loop = &e->f->loops[n->aux];
        for (size_t k = 0; k < loop->carried_count; k++) {
            e->uses[loop->carried[k].initial]++;
            e->uses[loop->carried[k].next] += 2; /* assigned at the end of the iteration: give it a name */
        }
        pc_count_uses(e, &loop->body, n->aux + 2);
    }
}

/* Whether operand number `which` must have a name: a pick repeats what it compares, and a computation inside a conditional
 * expression, or one around it, becomes a branch, which compilers do not turn into vector code. With more lanes than one all
 * of these are calls. */
static bool needs_name(const struct ir_node *n, enum ir_op user, int which) {
    if (n->type.lanes > 1)
        return false;
    if (pc_is_narrow(n->type) && ir_ops[n->op].kind == IR_KIND_ARITH)
        return true; /* it is an int until it is stored, and may have to wrap around */
    return user == IR_PICK_GT || user == IR_PICK_LT || user == IR_NAN_OR || user == IR_LOOKUP || user == IR_UNORDERED ||
           (user == IR_SELECT && which > 0) || (n->op == IR_SELECT && user != IR_STORE);
}

static bool is_local_load(const struct emitter *e, ir_ref ref) {
    const struct ir_node *n = ir_at(e->f, ref);
    return n->op == IR_LOAD && e->f->buffers[e->f->affines[n->aux].buffer].role != IR_INPUT;
}

static bool can_inline(const struct emitter *e, ir_ref ref, enum ir_op user, int which, uint32_t block) {
    const struct ir_node *n = ir_at(e->f, ref);
    if (n->op == IR_CARRIED || n->op == IR_RESULT || e->uses[ref] != 1 || e->block[ref] != block)
        return false;
    if (is_local_load(e, ref))
        return false;
    return !needs_name(n, user, which);
}

/* Whether the expression, as it is printed, has a carried value of the loop in it other than number `own`. */
static bool mentions_other(const struct emitter *e, ir_ref ref, uint32_t loop, size_t own) {
    const struct ir_node *n = ir_at(e->f, ref);
    if (n->op == IR_CARRIED && n->aux == loop)
        return (size_t)n->u.integer != own;
    for (int k = 0; k < IR_OPERANDS_MAX && e->size[ref]; k++)
        if (n->operand[k] && mentions_other(e, n->operand[k], loop, own))
            return true;
    return false;
}

/* Carried values are assigned one after the other before and after the body: what may have changed by then has a name. */
static void name_carried(struct emitter *e, uint32_t number) {
    const struct ir_loop *loop = &e->f->loops[number];
    for (size_t i = 0; i < loop->carried_count; i++) {
        const struct ir_carried *c = &loop->carried[i];
        if (is_local_load(e, c->initial))
            e->size[c->initial] = 0;
        if (e->block[c->next] != number + 2 || is_local_load(e, c->next) || mentions_other(e, c->next, number, i))
            e->size[c->next] = 0;
    }
}

void pc_choose_inline(struct emitter *e, const struct ir_block *block, uint32_t number) {
    for (size_t i = 0; i < block->count; i++) {
        const struct ir_node *n = ir_at(e->f, block->items[i]);
        if (n->op == IR_FOR) {
            pc_choose_inline(e, &e->f->loops[n->aux].body, n->aux + 2);
            name_carried(e, n->aux);
        }
        if (!pc_is_used(e, block->items[i]))
            continue;
        int size = 1;
        for (int k = 0; k < IR_OPERANDS_MAX; k++) {
            const ir_ref operand = n->operand[k];
            if (!operand || !e->size[operand])
                continue;
            if (can_inline(e, operand, (enum ir_op)n->op, k, number) && size + e->size[operand] <= INLINE_MAX)
                size += e->size[operand];
            else
                e->size[operand] = 0;
        }
        e->size[block->items[i]] = (uint8_t)size;
    }
}

/* ---- leaves ---- */

static void print_real(struct emitter *e, const struct ir_node *n) {
    const bool single = n->type.element == IR_F32;
    if (isnan(n->u.real)) {
        add(e, single ? "NAN" : "(double)NAN");
    } else if (isinf(n->u.real)) {
        add(e, n->u.real < 0 ? "-" : "");
        add(e, single ? "INFINITY" : "(double)INFINITY");
    } else if (fabs(n->u.real) < 1e6 && n->u.real == (double)(int)n->u.real && !signbit(n->u.real)) {
        pc_text_add_int(e->w.text, (int)n->u.real); /* nearly every constant is a small number, and printf is slow */
        add(e, single ? ".0f" : ".0");
    } else {
        char digits[40];
        snprintf(digits, sizeof digits, single ? "%.9g" : "%.17g", n->u.real);
        if (!strpbrk(digits, ".,eE"))
            strcat(digits, ".0");
        for (char *c = digits; *c; c++)
            if (*c == ',') /* the locale of the process that we are a library in */
                *c = '.';
        add(e, digits);
        add(e, single ? "f" : "");
    }
}

static void print_integer(struct emitter *e, int64_t value) {
    if (value > INT32_MAX || value <= INT32_MIN)
        pc_text_printf(e->w.text, "INT64_C(%" PRId64 ")", value);
    else
        pc_text_add_int(e->w.text, value);
}

/* Of one lane, which stands for all unless it is a mask. */
void pc_print_constant(struct emitter *e, const struct ir_node *n) {
    if (ir_elements[n->type.element].real)
        print_real(e, n);
    else if (n->type.element == IR_MASK)
        add(e, n->u.integer & 1 ? "1" : "0");
    else
        print_integer(e, n->u.integer);
}

void pc_print_affine(struct emitter *e, const struct ir_affine *affine, int64_t constant) {
    for (int i = 0; i < affine->count; i++) {
        if (i)
            add(e, " + ");
        if (affine->term[i].stride != 1) {
            print_integer(e, affine->term[i].stride);
            add(e, " * ");
        }
        add(e, e->f->loops[affine->term[i].loop].name);
    }
    if (affine->count == 0) {
        print_integer(e, constant);
    } else if (constant != 0) {
        add(e, constant < 0 ? " - " : " + ");
        print_integer(e, constant < 0 ? -constant : constant);
    }
}

void pc_print_place(struct emitter *e, const struct ir_node *n) {
    const struct ir_affine *affine = &e->f->affines[n->aux];
    add(e, e->f->buffers[affine->buffer].name);
    add(e, "[");
    pc_print_affine(e, affine, n->u.integer + e->front[affine->buffer]);
    if (n->op == IR_LOAD_AT) {
        add(e, " + ");
        pc_print_value(e, n->operand[0], true);
    }
    add(e, "]");
}

/* ---- expressions ---- */

static void print_infix(struct emitter *e, const struct ir_node *n, const char *sign) {
    pc_print_value(e, n->operand[0], true);
    add(e, sign);
    pc_print_value(e, n->operand[1], true);
}

static void print_call(struct emitter *e, const struct ir_node *n, const char *function) {
    add(e, function);
    add(e, n->type.element == IR_F32 ? "f(" : "(");
    pc_print_value(e, n->operand[0], false);
    if (ir_ops[n->op].operands == 2) {
        add(e, ", ");
        pc_print_value(e, n->operand[1], false);
    }
    add(e, ")");
}

/* Of a negative constant "-" would make "--". */
static void print_negation(struct emitter *e, ir_ref ref) {
    const bool constant = ir_at(e->f, ref)->op == IR_CONST;
    add(e, constant ? "-(" : "-");
    pc_print_value(e, ref, true);
    add(e, constant ? ")" : "");
}

/* fma(a, b, -c) or fma(-a, b, c). */
static void print_fused(struct emitter *e, const struct ir_node *n) {
    add(e, n->type.element == IR_F32 ? "fmaf(" : "fma(");
    if (n->op == IR_FNMADD)
        print_negation(e, n->operand[0]);
    else
        pc_print_value(e, n->operand[0], false);
    add(e, ", ");
    pc_print_value(e, n->operand[1], false);
    add(e, ", ");
    if (n->op == IR_FMSUB)
        print_negation(e, n->operand[2]);
    else
        pc_print_value(e, n->operand[2], false);
    add(e, ")");
}

/* a > b ? a : b */
static void print_pick(struct emitter *e, const struct ir_node *n, const char *sign) {
    print_infix(e, n, sign);
    add(e, " ? ");
    pc_print_value(e, n->operand[0], true);
    add(e, " : ");
    pc_print_value(e, n->operand[1], true);
}

static void print_self_comparison(struct emitter *e, ir_ref ref) {
    add(e, "(");
    pc_print_value(e, ref, true);
    add(e, " != ");
    pc_print_value(e, ref, true);
    add(e, ")");
}

static void print_absolute(struct emitter *e, const struct ir_node *n) {
    if (ir_elements[n->type.element].real) {
        print_call(e, n, "fabs");
        return;
    }
    if (pc_is_narrow(n->type)) { /* never negative, of which compilers would warn */
        pc_print_value(e, n->operand[0], false);
        return;
    }
    pc_print_value(e, n->operand[0], true);
    add(e, " < 0 ? -");
    pc_print_value(e, n->operand[0], true);
    add(e, " : ");
    pc_print_value(e, n->operand[0], true);
}

static void print_select(struct emitter *e, ir_ref mask, ir_ref yes, ir_ref no) {
    pc_print_value(e, mask, true);
    add(e, " ? ");
    pc_print_value(e, yes, true);
    add(e, " : ");
    pc_print_value(e, no, true);
}

static void print_load(struct emitter *e, const struct ir_node *n, ir_ref mask) {
    if (mask) {
        pc_print_value(e, mask, true);
        add(e, " ? ");
    }
    pc_print_place(e, n);
    if (mask)
        add(e, " : 0");
}

/* The comparison is with a constant, which decides nothing where the list has a number for every operand. */
static void print_lookup(struct emitter *e, const struct ir_node *n) {
    const int64_t count = ir_lookup_count(e->f, n);
    const enum ir_element from = (enum ir_element)ir_at(e->f, n->operand[0])->type.element;
    if (n->type.element != IR_I32)
        pc_text_printf(e->w.text, "(%s)", ir_elements[n->type.element].c_type);
    pc_text_printf(e->w.text, "numbers%" PRIu32 "[", n->aux);
    if (from == IR_U8 && count > UINT8_MAX) {
        pc_print_value(e, n->operand[0], false);
    } else {
        const char *type = from == IR_I64 ? "uint64_t" : "uint32_t";
        pc_text_printf(e->w.text, "(%s)", type);
        pc_print_value(e, n->operand[0], true);
        pc_text_printf(e->w.text, " < %" PRId64 " ? ", count - 1);
        pc_print_value(e, n->operand[0], true);
        pc_text_printf(e->w.text, " : %" PRId64, count - 1);
    }
    add(e, "]");
}

void pc_print_expression(struct emitter *e, const struct ir_node *n) {
    if (pc_is_of_lanes(e, n)) {
        pc_print_lanes(e, n);
        return;
    }
    switch ((enum ir_op)n->op) {
    case IR_CONST: pc_print_constant(e, n); return;
    case IR_AFFINE: pc_print_affine(e, &e->f->affines[n->aux], n->u.integer); return;
    case IR_LOAD: print_load(e, n, n->operand[0]); return;
    case IR_LOAD_AT: print_load(e, n, n->operand[1]); return;
    case IR_ADD: print_infix(e, n, " + "); return;
    case IR_SUB: print_infix(e, n, " - "); return;
    case IR_MUL: print_infix(e, n, " * "); return;
    case IR_DIV: print_infix(e, n, " / "); return;
    case IR_FMSUB: case IR_FNMADD: print_fused(e, n); return;
    case IR_POW: print_call(e, n, "pow"); return;
    case IR_SQRT: print_call(e, n, "sqrt"); return;
    case IR_EXP: print_call(e, n, "exp"); return;
    case IR_LOG: print_call(e, n, "log"); return;
    case IR_ABS: print_absolute(e, n); return;
    case IR_NEG: print_negation(e, n->operand[0]); return;
    case IR_NOT: add(e, "!"); pc_print_value(e, n->operand[0], true); return;
    case IR_PICK_GT: print_pick(e, n, " > "); return;
    case IR_PICK_LT: print_pick(e, n, " < "); return;
    case IR_NAN_OR:
        print_self_comparison(e, n->operand[0]);
        add(e, " ? ");
        pc_print_value(e, n->operand[0], true);
        add(e, " : ");
        pc_print_value(e, n->operand[1], true);
        return;
    case IR_GT: print_infix(e, n, " > "); return;
    case IR_LT: print_infix(e, n, " < "); return;
    case IR_LE: print_infix(e, n, " <= "); return;
    case IR_GE: print_infix(e, n, " >= "); return;
    case IR_EQ: print_infix(e, n, " == "); return;
    case IR_AND: print_infix(e, n, " & "); return;
    case IR_OR: print_infix(e, n, " | "); return;
    case IR_UNORDERED:
        print_self_comparison(e, n->operand[0]);
        if (n->operand[1] != n->operand[0]) {
            add(e, " | ");
            print_self_comparison(e, n->operand[1]);
        }
        return;
    case IR_SELECT: print_select(e, n->operand[0], n->operand[1], n->operand[2]); return;
    case IR_CONVERT:
        pc_text_printf(e->w.text, "(%s)", ir_elements[n->type.element].c_type);
        pc_print_value(e, n->operand[0], true);
        return;
    case IR_LOOKUP: print_lookup(e, n); return;
    case IR_SPLAT: case IR_REDUCE_ADD: case IR_REDUCE_GT: case IR_REDUCE_LT: /* of one lane: the lane */
        pc_print_value(e, n->operand[0], false);
        return;
    case IR_SHUFFLE:
        pc_print_value(e, n->operand[e->f->lists[n->aux].at[0]], false);
        return;
    case IR_NONE: case IR_LANES: case IR_CARRIED: case IR_RESULT: case IR_STORE: case IR_FETCH: case IR_ADD_AT: case IR_FOR:
    case IR_COMMENT: case IR_OP_COUNT:
        break;
    }
    abort();
}

/* A name, or the expression; in parentheses where it stands beside an operator and is more than a name. */
void pc_print_value(struct emitter *e, ir_ref ref, bool operand) {
    const struct ir_node *n = ir_at(e->f, ref);
    if (n->op == IR_CONST && n->type.lanes > 1) {
        pc_print_lanes(e, n);
    } else if (n->op == IR_CONST) {
        pc_print_constant(e, n);
    } else if (n->op == IR_CARRIED || n->op == IR_RESULT) {
        add(e, "v");
        pc_text_add_int(e->w.text, e->f->loops[n->aux].carried[n->u.integer].param);
    } else if (!e->size[ref]) {
        add(e, "v");
        pc_text_add_int(e->w.text, ref);
    } else {
        const bool loads = (n->op == IR_LOAD && !n->operand[0]) || (n->op == IR_LOAD_AT && !n->operand[1]);
        const bool bare = !operand || loads || pc_is_of_lanes(e, n);
        add(e, bare ? "" : "(");
        pc_print_expression(e, n);
        add(e, bare ? "" : ")");
    }
}

/* Integers narrower than int become int in an expression; where such an expression is converted back without a word,
 * compilers warn. */
void pc_print_narrow(struct emitter *e, ir_ref ref) {
    const struct ir_node *n = ir_at(e->f, ref);
    const bool widens = e->size[ref] && pc_is_narrow(n->type) && n->type.lanes == 1 && n->op == IR_AFFINE;
    if (widens)
        pc_text_printf(e->w.text, "(%s)", ir_elements[n->type.element].c_type);
    pc_print_value(e, ref, widens);
}
