/* emit_c.c - see emit_c.h. A value that is used once, in its own block, is written where it is used as long as the line
 * stays short; every other value becomes a constant with a name. */
#include "back/emit_c.h"

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
        if (e->f->lists[n->aux][i] / from == which)
            return true;
    return false;
}

static bool is_used(const struct emitter *e, ir_ref ref) {
    return e->uses[ref] > 0 || ir_ops[ir_at(e->f, ref)->op].kind == IR_KIND_STATEMENT;
}

/* Last node first, so that what only an unused value would need is unused too. */
static void count_uses(struct emitter *e, const struct ir_block *block, uint32_t number) {
    for (size_t i = block->count; i-- > 0;) {
        const struct ir_node *n = ir_at(e->f, block->items[i]);
        e->block[block->items[i]] = number;
        for (int k = 0; k < IR_OPERANDS_MAX && is_used(e, block->items[i]); k++)
            e->uses[n->operand[k]] += takes_operand(e, n, k);
        if (n->op != IR_FOR)
            continue;
        const struct ir_loop *loop = &e->f->loops[n->aux];
        for (size_t k = 0; k < loop->carried_count; k++) {
            e->uses[loop->carried[k].initial]++;
            e->uses[loop->carried[k].next] += 2; /* assigned at the end of the iteration: give it a name */
        }
        count_uses(e, &loop->body, n->aux + 2);
    }
}

/* Whether operand number `which` must have a name: a pick repeats what it compares, and a computation inside a conditional
 * expression, or one around it, becomes a branch, which compilers do not turn into vector code. With more lanes than one all
 * of these are calls. */
static bool needs_name(const struct ir_node *n, enum ir_op user, int which) {
    if (n->type.lanes > 1)
        return false;
    return user == IR_PICK_GT || user == IR_PICK_LT || user == IR_UNORDERED || (user == IR_SELECT && which > 0) ||
           (n->op == IR_SELECT && user != IR_STORE);
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

static void choose_inline(struct emitter *e, const struct ir_block *block, uint32_t number) {
    for (size_t i = 0; i < block->count; i++) {
        const struct ir_node *n = ir_at(e->f, block->items[i]);
        if (n->op == IR_FOR) {
            choose_inline(e, &e->f->loops[n->aux].body, n->aux + 2);
            name_carried(e, n->aux);
        }
        if (!is_used(e, block->items[i]))
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

/* Of a negative constant "-" would make "--". */
static void print_negation(struct emitter *e, const struct ir_node *n) {
    const bool constant = ir_at(e->f, n->operand[0])->op == IR_CONST;
    add(e, constant ? "-(" : "-");
    pc_print_value(e, n->operand[0], true);
    add(e, constant ? ")" : "");
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

static void print_load(struct emitter *e, const struct ir_node *n) {
    if (n->operand[0]) {
        pc_print_value(e, n->operand[0], true);
        add(e, " ? ");
    }
    pc_print_place(e, n);
    if (n->operand[0])
        add(e, " : 0");
}

static void print_expression(struct emitter *e, const struct ir_node *n) {
    if (pc_is_of_lanes(e, n)) {
        pc_print_lanes(e, n);
        return;
    }
    switch ((enum ir_op)n->op) {
    case IR_CONST: pc_print_constant(e, n); return;
    case IR_AFFINE: pc_print_affine(e, &e->f->affines[n->aux], n->u.integer); return;
    case IR_LOAD: print_load(e, n); return;
    case IR_ADD: print_infix(e, n, " + "); return;
    case IR_SUB: print_infix(e, n, " - "); return;
    case IR_MUL: print_infix(e, n, " * "); return;
    case IR_DIV: print_infix(e, n, " / "); return;
    case IR_POW: print_call(e, n, "pow"); return;
    case IR_SQRT: print_call(e, n, "sqrt"); return;
    case IR_EXP: print_call(e, n, "exp"); return;
    case IR_LOG: print_call(e, n, "log"); return;
    case IR_ABS: print_absolute(e, n); return;
    case IR_NEG: print_negation(e, n); return;
    case IR_NOT: add(e, "!"); pc_print_value(e, n->operand[0], true); return;
    case IR_PICK_GT: print_pick(e, n, " > "); return;
    case IR_PICK_LT: print_pick(e, n, " < "); return;
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
    case IR_SPLAT: case IR_REDUCE_ADD: case IR_REDUCE_GT: case IR_REDUCE_LT: /* of one lane: the lane */
        pc_print_value(e, n->operand[0], false);
        return;
    case IR_SHUFFLE:
        pc_print_value(e, n->operand[e->f->lists[n->aux][0]], false);
        return;
    case IR_NONE: case IR_CARRIED: case IR_RESULT: case IR_STORE: case IR_FOR: case IR_COMMENT: case IR_OP_COUNT:
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
        const bool bare = !operand || (n->op == IR_LOAD && !n->operand[0]) || pc_is_of_lanes(e, n);
        add(e, bare ? "" : "(");
        print_expression(e, n);
        add(e, bare ? "" : ")");
    }
}

/* Integers narrower than int become int in an expression; where such an expression is converted back without a word,
 * compilers warn. */
void pc_print_narrow(struct emitter *e, ir_ref ref) {
    const struct ir_node *n = ir_at(e->f, ref);
    const bool widens = e->size[ref] && pc_is_narrow(n->type) && n->type.lanes == 1 &&
                        (ir_ops[n->op].kind == IR_KIND_ARITH || n->op == IR_AFFINE);
    if (widens)
        pc_text_printf(e->w.text, "(%s)", ir_elements[n->type.element].c_type);
    pc_print_value(e, ref, widens);
}

/* ---- statements ---- */

static const char *c_type(struct emitter *e, struct ir_type type) {
    if (type.lanes > 1)
        return pc_simd_type(e->simd, type);
    return type.element == IR_MASK ? "int" : ir_elements[type.element].c_type;
}

static void print_declaration(struct emitter *e, ir_ref ref) {
    const struct ir_node *n = ir_at(e->f, ref);
    pc_writer_begin(&e->w);
    add(e, "const ");
    add(e, c_type(e, n->type));
    add(e, " v");
    pc_text_add_int(e->w.text, ref);
    add(e, " = ");
    /* Integers narrower than int become int in an expression; unconverted they would draw a warning. */
    const bool cast = pc_is_narrow(n->type) && n->op != IR_LOAD && n->op != IR_CONVERT;
    if (cast)
        pc_text_printf(e->w.text, "(%s)(", c_type(e, n->type));
    print_expression(e, n);
    pc_writer_end(&e->w, cast ? ");" : ";");
}

static void print_store(struct emitter *e, const struct ir_node *n) {
    pc_writer_begin(&e->w);
    if (n->type.lanes > 1) {
        pc_print_lanes(e, n);
        pc_writer_end(&e->w, ";");
        return;
    }
    if (n->operand[1]) {
        add(e, "if (");
        pc_print_value(e, n->operand[1], false);
        add(e, ") ");
    }
    pc_print_place(e, n);
    add(e, " = ");
    pc_print_narrow(e, n->operand[0]);
    pc_writer_end(&e->w, ";");
}

static void print_assignment(struct emitter *e, const char *declare, ir_ref to, const char *suffix, ir_ref from) {
    pc_writer_begin(&e->w);
    pc_text_printf(e->w.text, "%s%sv%" PRIu32 "%s = ", declare, *declare ? " " : "", to, suffix);
    pc_print_narrow(e, from);
    pc_writer_end(&e->w, ";");
}

static void print_block(struct emitter *e, const struct ir_block *block);
static void print_shared(struct emitter *e, const struct ir_block *block);

/* The name of where a part of the loops with this trip count begins or ends. */
static void print_bound(struct emitter *e, const char *word, int64_t trip) {
    pc_text_printf(e->w.text, "%s%" PRId64, word, trip);
}

static void print_loop_head(struct emitter *e, const struct ir_loop *loop, bool is_split) {
    pc_writer_begin(&e->w);
    if (loop->trip == 1) {
        pc_text_add(e->w.text, "{\n");
        return;
    }
    pc_text_printf(e->w.text, "for (%s %s = %s", e->index_type, loop->name, is_split ? "" : "0");
    if (is_split)
        print_bound(e, "from", loop->trip);
    pc_text_printf(e->w.text, "; %s < ", loop->name);
    print_bound(e, is_split ? "to" : "", loop->trip);
    pc_text_printf(e->w.text, "; ++%s) {\n", loop->name);
}

static void print_loop(struct emitter *e, uint32_t number, enum ir_share share) {
    const struct ir_loop *loop = &e->f->loops[number];
    const struct ir_carried *carried = loop->carried;
    for (size_t i = 0; i < loop->carried_count; i++)
        print_assignment(e, c_type(e, ir_at(e->f, carried[i].param)->type), carried[i].param, "", carried[i].initial);
    print_loop_head(e, loop, share == IR_SPLIT);
    e->w.depth++;
    (share == IR_OPEN ? print_shared : print_block)(e, &loop->body);
    /* All change at once: a value that is itself carried by this loop is kept aside before it is overwritten. */
    for (size_t i = 0; i < loop->carried_count; i++)
        if (ir_at(e->f, carried[i].next)->op == IR_CARRIED)
            print_assignment(e, c_type(e, ir_at(e->f, carried[i].param)->type), carried[i].param, "_next", carried[i].next);
    for (size_t i = 0; i < loop->carried_count; i++) {
        if (ir_at(e->f, carried[i].next)->op != IR_CARRIED) {
            print_assignment(e, "", carried[i].param, "", carried[i].next);
            continue;
        }
        pc_writer_begin(&e->w);
        pc_text_printf(e->w.text, "v%" PRIu32 " = v%" PRIu32 "_next", carried[i].param, carried[i].param);
        pc_writer_end(&e->w, ";");
    }
    pc_writer_close(&e->w);
}

static void print_item(struct emitter *e, ir_ref ref, enum ir_share share) {
    const struct ir_node *n = ir_at(e->f, ref);
    if (n->op == IR_STORE) {
        print_store(e, n);
    } else if (n->op == IR_FOR) {
        print_loop(e, n->aux, share);
    } else if (n->op == IR_COMMENT) {
        pc_writer_begin(&e->w);
        pc_text_printf(e->w.text, "/* %s */\n", e->f->comments[n->aux]);
    } else if (n->op != IR_NONE && !e->size[ref] && is_used(e, ref)) {
        print_declaration(e, ref);
    }
}

static void print_block(struct emitter *e, const struct ir_block *block) {
    for (size_t i = 0; i < block->count; i++)
        print_item(e, block->items[i], IR_EVERY);
}

/* A block that is shared out among parts: of each run, first what is for every part, then what is for part 0. */
static void print_shared(struct emitter *e, const struct ir_block *block) {
    for (size_t begin = 0, end; begin < block->count; begin = end) {
        bool first = false;
        end = ir_parts_run(e->f, e->parts, block, begin);
        for (size_t i = begin; i < end; i++) {
            const enum ir_share share = (enum ir_share)e->parts->share[block->items[i]];
            first |= share == IR_FIRST;
            if (share != IR_FIRST)
                print_item(e, block->items[i], share);
        }
        if (!first)
            continue;
        pc_writer_begin(&e->w);
        add(e, "if (part == 0) {\n");
        e->w.depth++;
        for (size_t i = begin; i < end; i++)
            if (e->parts->share[block->items[i]] == IR_FIRST)
                print_item(e, block->items[i], IR_FIRST);
        pc_writer_close(&e->w);
    }
}

/* ---- the function ---- */

/* `end`: what comes behind the last one. */
static void print_parameters(const struct ir_function *function, const char *restrict_word, const char *end,
                             struct pc_text *text) {
    const char *comma = "";
    for (size_t i = 0; i < function->buffer_count; i++) {
        const struct ir_buffer *buffer = &function->buffers[i];
        if (buffer->role == IR_LOCAL)
            continue;
        pc_text_printf(text, "%s%s%s *%s%s%s", comma, buffer->role == IR_INPUT ? "const " : "",
                       ir_elements[buffer->element].c_type, restrict_word, *restrict_word ? " " : "", buffer->name);
        comma = ", ";
    }
    pc_text_add(text, end);
}

static const char part_parameters[] = ", size_t part, size_t parts)";

void pc_emit_c_signature(const struct ir_function *function, const char *restrict_word, struct pc_text *text) {
    pc_text_printf(text, "void %s(", function->name);
    print_parameters(function, restrict_word, ")", text);
}

void pc_emit_c_part_signature(const struct ir_function *function, const char *restrict_word, struct pc_text *text) {
    pc_text_printf(text, "void %s_part(", function->name);
    print_parameters(function, restrict_word, part_parameters, text);
}

/* "name_part(x, y, 0, 1)" */
static void print_call_of(const struct ir_function *function, const char *suffix, const char *end, struct pc_text *text) {
    const char *comma = "";
    pc_text_printf(text, "%s%s(", function->name, suffix);
    for (size_t i = 0; i < function->buffer_count; i++) {
        if (function->buffers[i].role == IR_LOCAL)
            continue;
        pc_text_printf(text, "%s%s", comma, function->buffers[i].name);
        comma = ", ";
    }
    pc_text_printf(text, "%s;\n", end);
}

/* A piece may do without some of the function's arrays: inputs that no window sees need no dy. */
static void print_unused(struct emitter *e, const struct ir_block *block) {
    for (size_t i = 0; i < e->f->buffer_count; i++) {
        if (e->f->buffers[i].role == IR_LOCAL || ir_uses_buffer(e->f, block, i))
            continue;
        pc_writer_begin(&e->w);
        pc_text_printf(e->w.text, "(void)%s", e->f->buffers[i].name);
        pc_writer_end(&e->w, ";");
    }
}

/* Pieces of a straight line have no local arrays; with one, the function stays whole. */
static bool is_in_pieces(const struct ir_function *f) {
    for (size_t i = 0; i < f->buffer_count; i++)
        if (f->buffers[i].role == IR_LOCAL)
            return false;
    return ir_has_parts(f);
}

static void print_piece(struct emitter *e, const struct pc_c_words *words, ir_ref ref) {
    pc_text_printf(e->w.text, "%s void %s_%" PRIu32 "(", words->part, e->f->name, ir_at(e->f, ref)->aux);
    print_parameters(e->f, words->restrict_word, ")", e->w.text);
    pc_text_add(e->w.text, " {\n");
    e->w.depth++;
    print_unused(e, &e->f->loops[ir_at(e->f, ref)->aux].body);
    print_block(e, &e->f->loops[ir_at(e->f, ref)->aux].body);
    pc_writer_close(&e->w);
    pc_text_add(e->w.text, "\n");
}

static void print_piece_call(struct emitter *e, ir_ref ref) {
    char number[16];
    snprintf(number, sizeof number, "_%" PRIu32, ir_at(e->f, ref)->aux);
    pc_writer_begin(&e->w);
    print_call_of(e->f, number, ")", e->w.text);
}

/* Where the iterations of this part begin and end. */
static void print_bounds(struct emitter *e, const char *begin) {
    for (size_t i = 0; i < e->parts->trip_count; i++) {
        const int64_t trip = e->parts->trips[i];
        static const char *const words[] = {"from", "to"}, *const parts[] = {"part", "part + 1"};
        for (int k = 0; k < 2; k++) {
            pc_writer_begin(&e->w);
            pc_text_printf(e->w.text, "const %s ", e->index_type);
            print_bound(e, words[k], trip);
            pc_text_printf(e->w.text, " = (%s)%s(%" PRId64 ", %s, parts);\n", e->index_type, begin, trip, parts[k]);
        }
    }
}

/* Vectors that cross a cache line take twice as long. */
static void print_locals(struct emitter *e, const char *aligned) {
    bool vectors = false;
    for (size_t i = 1; i < e->f->node_count; i++)
        vectors |= e->f->nodes[i].type.lanes > 1;
    for (size_t i = 0; i < e->f->buffer_count; i++) {
        const struct ir_buffer *buffer = &e->f->buffers[i];
        if (buffer->role == IR_LOCAL)
            pc_text_printf(e->w.text, "    %s%s%s %s[%" PRId64 "];\n", vectors ? aligned : "", vectors ? " " : "",
                           ir_elements[buffer->element].c_type, buffer->name, buffer->count + e->front[i]);
    }
}

/* The statements of the function itself, blocks as calls where they are pieces. */
static void print_body(struct emitter *e, const struct pc_c_words *words, bool pieces) {
    e->w.depth++;
    if (words->is_static && !e->parts->is_split)
        pc_text_add(e->w.text, "    (void)parts;\n    if (part > 0)\n        return;\n");
    print_locals(e, words->aligned);
    print_bounds(e, words->begin);
    if (!pieces)
        print_unused(e, &e->f->body);
    if (e->parts->is_split)
        print_shared(e, &e->f->body);
    else if (!pieces)
        print_block(e, &e->f->body);
    for (size_t i = 0; pieces && i < e->f->body.count; i++)
        print_piece_call(e, e->f->body.items[i]);
    pc_writer_close(&e->w);
}

/* A masked access may begin before a local array, where C has no address: the array gets elements there. */
static void make_room(struct emitter *e) {
    for (size_t i = 1; i < e->f->node_count; i++) {
        const struct ir_node *n = &e->f->nodes[i];
        if (n->op != IR_LOAD && n->op != IR_STORE)
            continue;
        const struct ir_affine *affine = &e->f->affines[n->aux];
        int64_t first = n->u.integer;
        for (int k = 0; k < affine->count; k++)
            if (affine->term[k].stride < 0)
                first += affine->term[k].stride * (e->f->loops[affine->term[k].loop].trip - 1);
        if (e->f->buffers[affine->buffer].role == IR_LOCAL && -first > e->front[affine->buffer])
            e->front[affine->buffer] = -first;
    }
}

void pc_emit_c_whole(const struct ir_function *function, const struct pc_c_words *words, struct pc_text *text) {
    pc_emit_c_signature(function, words->restrict_word, text);
    pc_text_add(text, " {\n");
    if (words->openmp) {
        pc_text_add(text, "#if defined(_OPENMP)\n    const int parts = omp_get_max_threads();\n"
                          "#pragma omp parallel for schedule(static, 1)\n"
                          "    for (int part = 0; part < parts; ++part)\n        ");
        print_call_of(function, "_part", ", (size_t)part, (size_t)parts)", text);
        pc_text_add(text, "#else\n");
    }
    pc_text_add(text, "    ");
    print_call_of(function, "_part", ", 0, 1)", text);
    pc_text_add(text, words->openmp ? "#endif\n}\n" : "}\n");
}

/* The definition of name_part() as a call of name(). */
static void print_only_part(const struct ir_function *function, const struct pc_c_words *words, struct pc_text *text) {
    pc_emit_c_part_signature(function, words->restrict_word, text);
    pc_text_add(text, " {\n    (void)parts;\n    if (part == 0)\n        ");
    print_call_of(function, "", ")", text);
    pc_text_add(text, "}\n");
}

void pc_emit_c_begin(const char *name, struct pc_text *text) {
    pc_text_printf(text,
                   "\n/* Where part number `part` of a loop begins; what cannot be divided goes to the last parts. */\n"
                   "static inline int64_t %s(int64_t trip, size_t part, size_t parts) {\n"
                   "    if (parts == 1)\n"
                   "        return part == 0 ? 0 : trip;\n"
                   "    const uint64_t share = (uint64_t)trip / parts, small = parts - (uint64_t)trip %% parts;\n"
                   "    return (int64_t)(part * share + (part > small ? part - small : 0));\n"
                   "}\n",
                   name);
}

void pc_emit_c_function(const struct ir_function *function, const struct ir_parts *parts, const struct pc_c_words *words,
                        struct pc_text *text) {
    static const struct ir_parts whole = {0};
    struct emitter e = {.f = function, .parts = parts ? parts : &whole, .simd = words->simd, .w = {.text = text}};
    struct pc_arena scratch = {.out_of_memory = function->arena->out_of_memory};
    e.uses = PC_NEW_ARRAY(&scratch, function->node_count, uint32_t);
    e.block = PC_NEW_ARRAY(&scratch, function->node_count, uint32_t);
    e.size = PC_NEW_ARRAY(&scratch, function->node_count, uint8_t);
    e.front = PC_NEW_ARRAY(&scratch, function->buffer_count, int64_t);
    e.index_type = "int32_t";
    for (size_t i = 0; i < function->buffer_count; i++)
        if (function->buffers[i].count > INT32_MAX)
            e.index_type = "int64_t";
    make_room(&e);
    count_uses(&e, &function->body, 1);
    choose_inline(&e, &function->body, 1);
    const bool pieces = is_in_pieces(function);
    for (size_t i = 0; pieces && i < function->body.count; i++)
        print_piece(&e, words, function->body.items[i]);
    if (words->is_static) {
        pc_text_printf(text, "static void %s(", function->name);
        print_parameters(function, words->restrict_word, part_parameters, text);
    } else {
        (e.parts->is_split ? pc_emit_c_part_signature : pc_emit_c_signature)(function, words->restrict_word, text);
    }
    pc_text_add(text, " {\n");
    print_body(&e, words, pieces);
    pc_arena_release(&scratch);
    if (words->is_static || !parts)
        return;
    pc_text_add(text, "\n");
    (parts->is_split ? pc_emit_c_whole : print_only_part)(function, words, text);
}

struct pc_c_needs pc_emit_c_needs(const struct ir_function *function) {
    struct pc_c_needs needs = {.integers = function->loop_count > 0, .parts = is_in_pieces(function)};
    for (size_t i = 0; i < function->buffer_count; i++)
        needs.aligned |= function->buffers[i].role == IR_LOCAL;
    bool multiplies = false, adds = false;
    for (size_t i = 0; i < function->buffer_count; i++)
        needs.integers |= !ir_elements[function->buffers[i].element].real;
    for (size_t i = 1; i < function->node_count; i++) {
        const struct ir_node *n = &function->nodes[i];
        const bool real = ir_elements[n->type.element].real;
        if (n->op == IR_CONST && real)
            needs.math |= !isfinite(n->u.real);
        else if (n->op == IR_POW || n->op == IR_SQRT || n->op == IR_EXP || n->op == IR_LOG || n->op == IR_ABS)
            needs.math |= real;
        else if (!real && (n->op == IR_AFFINE || n->op == IR_CONVERT || n->op == IR_SELECT))
            needs.integers = true;
        needs.selects |= n->op == IR_SELECT && n->type.lanes == 1;
        multiplies |= n->op == IR_MUL && real;
        adds |= (n->op == IR_ADD || n->op == IR_SUB) && real;
    }
    needs.contraction = multiplies && adds;
    return needs;
}
