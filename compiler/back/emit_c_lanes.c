/* emit_c_lanes.c - operations on more lanes than one, as calls of the vocabulary: see emit_c.h and simd.h. */
#include "back/emit_c_print.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static struct ir_type type_of(const struct emitter *e, ir_ref ref) {
    return ir_at(e->f, ref)->type;
}

bool pc_is_of_lanes(const struct emitter *e, const struct ir_node *n) {
    return n->type.lanes > 1 ||
           (n->operand[0] && n->op != IR_LOAD && n->op != IR_FOR && type_of(e, n->operand[0]).lanes > 1);
}

static void begin_call(struct emitter *e, struct ir_type type, const char *word) {
    assert(e->simd);
    add(e, pc_simd_function(e->simd, type, word));
    add(e, "(");
}

/* word(operands ...), called after the type. */
static void print_call(struct emitter *e, const struct ir_node *n, struct ir_type type, const char *word) {
    begin_call(e, type, word);
    for (int i = 0; i < ir_ops[n->op].operands; i++) {
        add(e, i ? ", " : "");
        pc_print_narrow(e, n->operand[i]);
    }
    add(e, ")");
}

static uint64_t all_lanes(int lanes) {
    return lanes == 64 ? UINT64_MAX : (UINT64_C(1) << lanes) - 1;
}

static void print_bits(struct emitter *e, const struct ir_node *mask) {
    pc_text_printf(e->w.text, "0x%" PRIx64 "u", (uint64_t)mask->u.integer & all_lanes(mask->type.lanes));
}

static void print_constant(struct emitter *e, const struct ir_node *n) {
    begin_call(e, n->type, n->type.element == IR_MASK ? "from_bits" : "splat");
    if (n->type.element == IR_MASK)
        print_bits(e, n);
    else
        pc_print_constant(e, n);
    add(e, ")");
}

static void print_numbers(struct emitter *e, const struct ir_node *n) {
    begin_call(e, n->type, "lanes");
    for (int i = 0; i < n->type.lanes; i++)
        pc_text_printf(e->w.text, "%s%" PRId64, i ? ", " : "", e->f->numbers[n->aux].at[i]);
    add(e, ")");
}

static void print_affine(struct emitter *e, const struct ir_node *n) {
    begin_call(e, n->type, "splat");
    pc_text_printf(e->w.text, "(%s)(", ir_elements[n->type.element].c_type);
    pc_print_affine(e, &e->f->affines[n->aux], n->u.integer);
    add(e, "))");
}

/* A mask that is a constant goes into the call as bits, of which some targets make better code. */
static void print_access(struct emitter *e, const struct ir_node *n, ir_ref mask, const char *const words[3]) {
    const struct ir_node *m = ir_at(e->f, mask);
    const bool constant = mask && m->op == IR_CONST;
    const bool whole = !mask || (constant && !(~(uint64_t)m->u.integer & all_lanes(m->type.lanes)));
    begin_call(e, n->type, words[whole ? 0 : constant ? 1 : 2]);
    add(e, "&");
    pc_print_place(e, n);
    if (n->op == IR_STORE) {
        add(e, ", ");
        pc_print_value(e, n->operand[0], false);
    }
    if (!whole) {
        add(e, ", ");
        if (constant)
            print_bits(e, m);
        else
            pc_print_value(e, mask, false);
    }
    add(e, ")");
}

/* Several operations take what is loaded: each would load it again. */
static bool is_shared(const struct emitter *e, const struct ir_node *n) {
    return e->uses[n - e->f->nodes] > 1;
}

static void print_load(struct emitter *e, const struct ir_node *n, ir_ref mask) {
    static const char *const words[] = {"load", "load_bits", "load_masked"};
    if (is_shared(e, n))
        begin_call(e, n->type, "keep");
    print_access(e, n, mask, words);
    add(e, is_shared(e, n) ? ")" : "");
}

/* Two values of one lane: a constant mask says which stands where. */
static void print_mixed(struct emitter *e, const struct ir_node *n) {
    const uint8_t *list = e->f->lists[n->aux].at;
    uint64_t bits = 0;
    for (int i = 0; i < n->type.lanes; i++)
        bits |= (uint64_t)list[i] << i;
    const bool both = bits != 0 && bits != all_lanes(n->type.lanes);
    if (both) {
        begin_call(e, n->type, "select");
        add(e, pc_simd_function(e->simd, (struct ir_type){IR_MASK, n->type.lanes}, "from_bits"));
        pc_text_printf(e->w.text, "(0x%" PRIx64 "u), ", bits);
    }
    for (int which = 1; which >= 0; which--) {
        if (!both && (bits == 0) != (which == 0))
            continue;
        begin_call(e, n->type, "splat");
        pc_print_narrow(e, n->operand[which]);
        add(e, both && which ? "), " : ")");
    }
    add(e, both ? ")" : "");
}

static void print_shuffle(struct emitter *e, const struct ir_node *n) {
    const struct ir_type from = type_of(e, n->operand[0]);
    if (from.lanes == 1) {
        print_mixed(e, n);
        return;
    }
    const struct pc_simd_shuffle s = pc_simd_shuffle(e->simd, from, n->type.lanes, e->f->lists[n->aux].at);
    if (s.function) {
        add(e, s.function);
        add(e, "(");
    }
    for (int i = 0; i < s.arguments; i++) {
        add(e, i ? ", " : "");
        pc_print_value(e, n->operand[s.argument[i]], false);
    }
    add(e, s.function ? ")" : "");
}

static void print_conversion(struct emitter *e, const struct ir_node *n) {
    char word[16];
    snprintf(word, sizeof word, "from_%s", ir_elements[type_of(e, n->operand[0]).element].name);
    print_call(e, n, n->type, word);
}

void pc_print_lanes(struct emitter *e, const struct ir_node *n) {
    static const char *const stores[] = {"store", "store_bits", "store_masked"};
    const enum ir_op op = (enum ir_op)n->op;
    switch (op) {
    case IR_CONST: print_constant(e, n); return;
    case IR_LANES: print_numbers(e, n); return;
    case IR_AFFINE: print_affine(e, n); return;
    case IR_LOAD: print_load(e, n, n->operand[0]); return;
    case IR_LOAD_AT: print_load(e, n, n->operand[1]); return;
    case IR_STORE: print_access(e, n, n->operand[1], stores); return;
    case IR_SHUFFLE: print_shuffle(e, n); return;
    case IR_CONVERT: print_conversion(e, n); return;
    case IR_ADD:
    case IR_SUB:
    case IR_MUL:
    case IR_DIV:
    case IR_FMSUB:
    case IR_FNMADD:
    case IR_POW:
    case IR_NEG:
    case IR_ABS:
    case IR_SQRT:
    case IR_EXP:
    case IR_LOG:
    case IR_PICK_GT:
    case IR_PICK_LT:
    case IR_NAN_OR:
    case IR_AND:
    case IR_OR:
    case IR_NOT:
    case IR_SELECT:
    case IR_SPLAT: print_call(e, n, n->type, ir_ops[op].name); return;
    case IR_GT:
    case IR_LT:
    case IR_LE:
    case IR_GE:
    case IR_EQ:
    case IR_UNORDERED:
    case IR_REDUCE_ADD:
    case IR_REDUCE_GT:
    case IR_REDUCE_LT: print_call(e, n, type_of(e, n->operand[0]), ir_ops[op].name); return;
    case IR_NONE:
    case IR_LOOKUP:
    case IR_CARRIED:
    case IR_RESULT:
    case IR_FETCH:
    case IR_ADD_AT:
    case IR_FOR:
    case IR_COMMENT:
    case IR_OP_COUNT: break;
    }
    abort();
}
