/* emit_c.c - see emit_c.h. A value that is used once, in its own block, is written where it is used as long as the line
 * stays short; every other value becomes a constant with a name. */
#include "back/emit_c.h"

#include "back/writer.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Nodes written as one expression; more make a line that nobody reads. */
enum { INLINE_MAX = 3 };

struct emitter {
    const struct ir_function *f;
    struct pc_writer w;
    const char *index_type; /* of loop variables, wide enough for every offset */
    uint32_t *uses;         /* per node */
    uint32_t *block;        /* per node: the block that defines it, 0 for constants */
    uint8_t *size;          /* per node: nodes of its expression; 0: it has a name */
};

static void print_value(struct emitter *e, ir_ref ref, bool operand);

static void add(struct emitter *e, const char *string) {
    pc_text_add(e->w.text, string);
}

/* ---- what to inline ---- */

static void count_uses(struct emitter *e, const struct ir_block *block, uint32_t number) {
    for (size_t i = 0; i < block->count; i++) {
        const struct ir_node *n = ir_at(e->f, block->items[i]);
        e->block[block->items[i]] = number;
        for (int k = 0; k < IR_OPERANDS_MAX; k++)
            e->uses[n->operand[k]]++;
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
 * expression, or one around it, becomes a branch, which compilers do not turn into vector code. */
static bool needs_name(enum ir_op user, int which) {
    return user == IR_PICK_GT || user == IR_PICK_LT || user == IR_UNORDERED || (user == IR_SELECT && which > 0);
}

static bool can_inline(const struct emitter *e, ir_ref ref, enum ir_op user, int which, uint32_t block) {
    const struct ir_node *n = ir_at(e->f, ref);
    if (n->op == IR_CARRIED || n->op == IR_RESULT || e->uses[ref] != 1 || e->block[ref] != block)
        return false;
    if (n->op == IR_SELECT && user != IR_STORE)
        return false;
    if (n->op == IR_LOAD && e->f->buffers[e->f->affines[n->aux].buffer].role != IR_INPUT)
        return false;
    return !needs_name(user, which);
}

static void choose_inline(struct emitter *e, const struct ir_block *block, uint32_t number) {
    for (size_t i = 0; i < block->count; i++) {
        const struct ir_node *n = ir_at(e->f, block->items[i]);
        if (n->op == IR_FOR)
            choose_inline(e, &e->f->loops[n->aux].body, n->aux + 2);
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

static void print_constant(struct emitter *e, const struct ir_node *n) {
    if (ir_elements[n->type.element].real)
        print_real(e, n);
    else if (n->type.element == IR_MASK)
        add(e, n->u.integer & 1 ? "1" : "0");
    else
        print_integer(e, n->u.integer);
}

static void print_affine(struct emitter *e, const struct ir_affine *affine, int64_t constant) {
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

static void print_place(struct emitter *e, const struct ir_node *n) {
    const struct ir_affine *affine = &e->f->affines[n->aux];
    add(e, e->f->buffers[affine->buffer].name);
    add(e, "[");
    print_affine(e, affine, n->u.integer);
    add(e, "]");
}

/* ---- expressions ---- */

static void print_infix(struct emitter *e, const struct ir_node *n, const char *sign) {
    print_value(e, n->operand[0], true);
    add(e, sign);
    print_value(e, n->operand[1], true);
}

static void print_call(struct emitter *e, const struct ir_node *n, const char *function) {
    add(e, function);
    add(e, n->type.element == IR_F32 ? "f(" : "(");
    print_value(e, n->operand[0], false);
    if (ir_ops[n->op].operands == 2) {
        add(e, ", ");
        print_value(e, n->operand[1], false);
    }
    add(e, ")");
}

/* a > b ? a : b */
static void print_pick(struct emitter *e, const struct ir_node *n, const char *sign) {
    print_infix(e, n, sign);
    add(e, " ? ");
    print_value(e, n->operand[0], true);
    add(e, " : ");
    print_value(e, n->operand[1], true);
}

static void print_self_comparison(struct emitter *e, ir_ref ref) {
    add(e, "(");
    print_value(e, ref, true);
    add(e, " != ");
    print_value(e, ref, true);
    add(e, ")");
}

static void print_absolute(struct emitter *e, const struct ir_node *n) {
    if (ir_elements[n->type.element].real) {
        print_call(e, n, "fabs");
        return;
    }
    print_value(e, n->operand[0], true);
    add(e, " < 0 ? -");
    print_value(e, n->operand[0], true);
    add(e, " : ");
    print_value(e, n->operand[0], true);
}

static void print_select(struct emitter *e, ir_ref mask, ir_ref yes, ir_ref no) {
    print_value(e, mask, true);
    add(e, " ? ");
    print_value(e, yes, true);
    add(e, " : ");
    print_value(e, no, true);
}

static void print_load(struct emitter *e, const struct ir_node *n) {
    if (n->operand[0]) {
        print_value(e, n->operand[0], true);
        add(e, " ? ");
    }
    print_place(e, n);
    if (n->operand[0])
        add(e, " : 0");
}

static void print_expression(struct emitter *e, const struct ir_node *n) {
    switch ((enum ir_op)n->op) {
    case IR_CONST: print_constant(e, n); return;
    case IR_AFFINE: print_affine(e, &e->f->affines[n->aux], n->u.integer); return;
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
    case IR_NEG: add(e, "-"); print_value(e, n->operand[0], true); return;
    case IR_NOT: add(e, "!"); print_value(e, n->operand[0], true); return;
    case IR_PICK_GT: print_pick(e, n, " > "); return;
    case IR_PICK_LT: print_pick(e, n, " < "); return;
    case IR_GT: print_infix(e, n, " > "); return;
    case IR_LT: print_infix(e, n, " < "); return;
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
        print_value(e, n->operand[0], true);
        return;
    case IR_SPLAT: case IR_REDUCE_ADD: case IR_REDUCE_GT: case IR_REDUCE_LT: /* of one lane: the lane */
        print_value(e, n->operand[0], false);
        return;
    case IR_SHUFFLE:
        print_value(e, n->operand[e->f->lists[n->aux][0]], false);
        return;
    case IR_NONE: case IR_CARRIED: case IR_RESULT: case IR_STORE: case IR_FOR: case IR_COMMENT: case IR_OP_COUNT:
        break;
    }
    abort();
}

/* A name, or the expression; in parentheses where it stands beside an operator and is more than a name. */
static void print_value(struct emitter *e, ir_ref ref, bool operand) {
    const struct ir_node *n = ir_at(e->f, ref);
    if (n->op == IR_CONST) {
        print_constant(e, n);
    } else if (n->op == IR_CARRIED || n->op == IR_RESULT) {
        add(e, "v");
        pc_text_add_int(e->w.text, e->f->loops[n->aux].carried[n->u.integer].param);
    } else if (!e->size[ref]) {
        add(e, "v");
        pc_text_add_int(e->w.text, ref);
    } else {
        const bool bare = !operand || (n->op == IR_LOAD && !n->operand[0]);
        add(e, bare ? "" : "(");
        print_expression(e, n);
        add(e, bare ? "" : ")");
    }
}

/* ---- statements ---- */

static const char *c_type(struct ir_type type) {
    return type.element == IR_MASK ? "int" : ir_elements[type.element].c_type;
}

static void print_declaration(struct emitter *e, ir_ref ref) {
    const struct ir_node *n = ir_at(e->f, ref);
    pc_writer_begin(&e->w);
    add(e, "const ");
    add(e, c_type(n->type));
    add(e, " v");
    pc_text_add_int(e->w.text, ref);
    add(e, " = ");
    /* Integers narrower than int become int in an expression; unconverted they would draw a warning. */
    const bool narrow = n->type.element == IR_U8 || n->type.element == IR_U16;
    const bool cast = narrow && n->op != IR_LOAD && n->op != IR_CONVERT;
    if (cast)
        pc_text_printf(e->w.text, "(%s)(", c_type(n->type));
    print_expression(e, n);
    pc_writer_end(&e->w, cast ? ");" : ";");
}

static void print_store(struct emitter *e, const struct ir_node *n) {
    pc_writer_begin(&e->w);
    if (n->operand[1]) {
        add(e, "if (");
        print_value(e, n->operand[1], false);
        add(e, ") ");
    }
    print_place(e, n);
    add(e, " = ");
    print_value(e, n->operand[0], false);
    pc_writer_end(&e->w, ";");
}

static void print_assignment(struct emitter *e, const char *declare, ir_ref to, const char *suffix, ir_ref from) {
    pc_writer_begin(&e->w);
    pc_text_printf(e->w.text, "%s%sv%" PRIu32 "%s = ", declare, *declare ? " " : "", to, suffix);
    print_value(e, from, false);
    pc_writer_end(&e->w, ";");
}

static void print_block(struct emitter *e, const struct ir_block *block);

static void print_loop(struct emitter *e, uint32_t number) {
    const struct ir_loop *loop = &e->f->loops[number];
    const struct ir_carried *carried = loop->carried;
    for (size_t i = 0; i < loop->carried_count; i++)
        print_assignment(e, c_type(ir_at(e->f, carried[i].param)->type), carried[i].param, "", carried[i].initial);
    pc_writer_begin(&e->w);
    if (loop->trip == 1)
        pc_text_add(e->w.text, "{\n");
    else
        pc_text_printf(e->w.text, "for (%s %s = 0; %s < %" PRId64 "; ++%s) {\n", e->index_type, loop->name, loop->name,
                       loop->trip, loop->name);
    e->w.depth++;
    print_block(e, &loop->body);
    /* All change at once: a value that is itself carried by this loop is kept aside before it is overwritten. */
    for (size_t i = 0; i < loop->carried_count; i++)
        if (ir_at(e->f, carried[i].next)->op == IR_CARRIED)
            print_assignment(e, c_type(ir_at(e->f, carried[i].param)->type), carried[i].param, "_next", carried[i].next);
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

static void print_block(struct emitter *e, const struct ir_block *block) {
    for (size_t i = 0; i < block->count; i++) {
        const ir_ref ref = block->items[i];
        const struct ir_node *n = ir_at(e->f, ref);
        if (n->op == IR_STORE) {
            print_store(e, n);
        } else if (n->op == IR_FOR) {
            print_loop(e, n->aux);
        } else if (n->op == IR_COMMENT) {
            pc_writer_begin(&e->w);
            pc_text_printf(e->w.text, "/* %s */\n", e->f->comments[n->aux]);
        } else if (n->op != IR_NONE && !e->size[ref]) {
            print_declaration(e, ref);
        }
    }
}

/* ---- the function ---- */

static void print_parameters(const struct ir_function *function, const char *restrict_word, struct pc_text *text) {
    const char *comma = "";
    for (size_t i = 0; i < function->buffer_count; i++) {
        const struct ir_buffer *buffer = &function->buffers[i];
        if (buffer->role == IR_LOCAL)
            continue;
        pc_text_printf(text, "%s%s%s *%s%s%s", comma, buffer->role == IR_INPUT ? "const " : "",
                       ir_elements[buffer->element].c_type, restrict_word, *restrict_word ? " " : "", buffer->name);
        comma = ", ";
    }
    pc_text_add(text, ")");
}

void pc_emit_c_signature(const struct ir_function *function, const char *restrict_word, struct pc_text *text) {
    pc_text_printf(text, "void %s(", function->name);
    print_parameters(function, restrict_word, text);
}

/* A part may do without some of the function's arrays: inputs that no window sees need no dy. */
static void print_unused(struct emitter *e, const struct ir_block *block) {
    for (size_t i = 0; i < e->f->buffer_count; i++) {
        if (e->f->buffers[i].role == IR_LOCAL || ir_uses_buffer(e->f, block, i))
            continue;
        pc_writer_begin(&e->w);
        pc_text_printf(e->w.text, "(void)%s", e->f->buffers[i].name);
        pc_writer_end(&e->w, ";");
    }
}

static void print_part(struct emitter *e, const struct pc_c_words *words, ir_ref ref) {
    pc_text_printf(e->w.text, "%s void %s_%" PRIu32 "(", words->part, e->f->name, ir_at(e->f, ref)->aux);
    print_parameters(e->f, words->restrict_word, e->w.text);
    pc_text_add(e->w.text, " {\n");
    e->w.depth++;
    print_unused(e, &e->f->loops[ir_at(e->f, ref)->aux].body);
    print_block(e, &e->f->loops[ir_at(e->f, ref)->aux].body);
    pc_writer_close(&e->w);
    pc_text_add(e->w.text, "\n");
}

static void print_part_call(struct emitter *e, ir_ref ref) {
    pc_writer_begin(&e->w);
    pc_text_printf(e->w.text, "%s_%" PRIu32 "(", e->f->name, ir_at(e->f, ref)->aux);
    for (size_t i = 0; i < e->f->buffer_count; i++)
        pc_text_printf(e->w.text, "%s%s", i ? ", " : "", e->f->buffers[i].name);
    pc_writer_end(&e->w, ");");
}

/* The statements of the function itself, blocks as calls where they are parts. */
static void print_body(struct emitter *e, bool parts) {
    if (!parts) {
        print_block(e, &e->f->body);
        return;
    }
    for (size_t i = 0; i < e->f->body.count; i++)
        print_part_call(e, e->f->body.items[i]);
}

void pc_emit_c_function(const struct ir_function *function, const struct pc_c_words *words, struct pc_text *text) {
    struct emitter e = {.f = function, .w = {.text = text}, .index_type = "int32_t"};
    struct pc_arena scratch = {.out_of_memory = function->arena->out_of_memory};
    e.uses = PC_NEW_ARRAY(&scratch, function->node_count, uint32_t);
    e.block = PC_NEW_ARRAY(&scratch, function->node_count, uint32_t);
    e.size = PC_NEW_ARRAY(&scratch, function->node_count, uint8_t);
    for (size_t i = 0; i < function->buffer_count; i++)
        if (function->buffers[i].count > INT32_MAX)
            e.index_type = "int64_t";
    count_uses(&e, &function->body, 1);
    choose_inline(&e, &function->body, 1);
    const bool parts = ir_has_parts(function);
    for (size_t i = 0; parts && i < function->body.count; i++)
        print_part(&e, words, function->body.items[i]);
    pc_emit_c_signature(function, words->restrict_word, text);
    pc_text_add(text, " {\n");
    e.w.depth++;
    for (size_t i = 0; i < function->buffer_count; i++) {
        const struct ir_buffer *buffer = &function->buffers[i];
        if (buffer->role == IR_LOCAL)
            pc_text_printf(text, "    %s %s[%" PRId64 "];\n", ir_elements[buffer->element].c_type, buffer->name,
                           buffer->count);
    }
    if (!parts)
        print_unused(&e, &function->body);
    print_body(&e, parts);
    pc_writer_close(&e.w);
    pc_arena_release(&scratch);
}

struct pc_c_needs pc_emit_c_needs(const struct ir_function *function) {
    struct pc_c_needs needs = {.integers = function->loop_count > 0, .parts = ir_has_parts(function)};
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
        needs.selects |= n->op == IR_SELECT;
        multiplies |= n->op == IR_MUL && real;
        adds |= (n->op == IR_ADD || n->op == IR_SUB) && real;
    }
    needs.contraction = multiplies && adds;
    return needs;
}
