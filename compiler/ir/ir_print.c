/* ir_print.c - the kernel IR as text: the form that golden tests and people read.
 *
 *   function net_pool_forward
 *     input x f32[64], output y f32[16]
 *     for oh 4:
 *       v3 = load f32 x[16*oh + 1]
 *       store y[4*oh] v3
 */
#include "ir/ir.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct printer {
    const struct ir_function *f;
    struct pc_text *text;
    int indent;
};

static void begin_line(const struct printer *p) {
    for (int i = 0; i < p->indent; i++)
        pc_text_add(p->text, "  ");
}

static void print_type(const struct printer *p, struct ir_type type) {
    pc_text_add(p->text, ir_elements[type.element].name);
    if (type.lanes != 1)
        pc_text_printf(p->text, "x%d", type.lanes);
}

static void print_affine(const struct printer *p, const struct ir_affine *affine, int64_t constant) {
    for (int i = 0; i < affine->count; i++) {
        if (i)
            pc_text_add(p->text, " + ");
        if (affine->term[i].stride != 1)
            pc_text_printf(p->text, "%" PRId64 "*", affine->term[i].stride);
        pc_text_add(p->text, p->f->loops[affine->term[i].loop].name);
    }
    if (affine->count == 0)
        pc_text_printf(p->text, "%" PRId64, constant);
    else if (constant != 0)
        pc_text_printf(p->text, " %c %" PRId64, constant < 0 ? '-' : '+', constant < 0 ? -constant : constant);
}

static void print_place(const struct printer *p, const struct ir_node *node) {
    const struct ir_affine *affine = &p->f->affines[node->aux];
    pc_text_printf(p->text, "%s[", p->f->buffers[affine->buffer].name);
    print_affine(p, affine, node->u.integer);
    pc_text_add(p->text, "]");
}

static void print_constant(const struct printer *p, const struct ir_node *node) {
    if (node->type.element == IR_MASK)
        pc_text_printf(p->text, "0x%" PRIx64, (uint64_t)node->u.integer);
    else if (ir_elements[node->type.element].real)
        pc_text_printf(p->text, node->type.element == IR_F32 ? "%.9g" : "%.17g", node->u.real);
    else
        pc_text_printf(p->text, "%" PRId64, node->u.integer);
}

static void print_ref(const struct printer *p, ir_ref ref) {
    const struct ir_node *node = ir_at(p->f, ref);
    if (node->op == IR_CONST)
        print_constant(p, node);
    else
        pc_text_printf(p->text, "v%" PRIu32, ref);
}

static void print_mask(const struct printer *p, ir_ref mask) {
    if (mask) {
        pc_text_add(p->text, " mask ");
        print_ref(p, mask);
    }
}

static void print_block(struct printer *p, const struct ir_block *block);

static void print_loop(struct printer *p, uint32_t number) {
    const struct ir_loop *loop = &p->f->loops[number];
    if (loop->trip == 1)
        pc_text_add(p->text, "block");
    else
        pc_text_printf(p->text, "for %s %" PRId64, loop->name, loop->trip);
    for (size_t i = 0; i < loop->carried_count; i++) {
        pc_text_printf(p->text, "%s v%" PRIu32 " = ", i ? "," : " carry", loop->carried[i].param);
        print_ref(p, loop->carried[i].initial);
    }
    pc_text_add(p->text, ":\n");
    p->indent++;
    print_block(p, &loop->body);
    for (size_t i = 0; i < loop->carried_count; i++) {
        begin_line(p);
        pc_text_printf(p->text, "next v%" PRIu32 " = ", loop->carried[i].param);
        print_ref(p, loop->carried[i].next);
        pc_text_printf(p->text, " then v%" PRIu32 "\n", loop->carried[i].result);
    }
    p->indent--;
}

static void print_value(const struct printer *p, ir_ref ref) {
    const struct ir_node *node = ir_at(p->f, ref);
    pc_text_printf(p->text, "v%" PRIu32 " = %s ", ref, ir_ops[node->op].name);
    print_type(p, node->type);
    pc_text_add_char(p->text, ' ');
    if (node->op == IR_LOAD || node->op == IR_LOAD_AT) {
        print_place(p, node);
        pc_text_add(p->text, node->op == IR_LOAD_AT ? " " : "");
    } else if (node->op == IR_AFFINE) {
        print_affine(p, &p->f->affines[node->aux], node->u.integer);
    }
    for (int i = 0; i < ir_ops[node->op].operands; i++) {
        if (i)
            pc_text_add(p->text, ", ");
        print_ref(p, node->operand[i]);
    }
    if (node->op == IR_LOAD || node->op == IR_LOAD_AT)
        print_mask(p, node->operand[ir_ops[node->op].operands]);
    if (node->op == IR_SHUFFLE || node->op == IR_LANES || node->op == IR_LOOKUP) {
        const int64_t count = node->op == IR_LOOKUP ? p->f->numbers[node->aux].count : node->type.lanes;
        pc_text_add(p->text, node->op == IR_LANES ? "[" : " [");
        for (int64_t i = 0; i < count; i++)
            pc_text_printf(p->text, "%s%" PRId64, i ? " " : "",
                           node->op == IR_SHUFFLE ? p->f->lists[node->aux].at[i] : p->f->numbers[node->aux].at[i]);
        pc_text_add(p->text, "]");
    }
    pc_text_add(p->text, "\n");
}

static void print_block(struct printer *p, const struct ir_block *block) {
    for (size_t i = 0; i < block->count; i++) {
        const struct ir_node *node = ir_at(p->f, block->items[i]);
        if (node->op == IR_NONE)
            continue;
        begin_line(p);
        if (node->op == IR_COMMENT) {
            pc_text_printf(p->text, "# %s\n", p->f->comments[node->aux]);
        } else if (node->op == IR_FOR) {
            print_loop(p, node->aux);
        } else if (node->op == IR_STORE) {
            pc_text_add(p->text, "store ");
            print_place(p, node);
            pc_text_add_char(p->text, ' ');
            print_ref(p, node->operand[0]);
            print_mask(p, node->operand[1]);
            pc_text_add(p->text, "\n");
        } else if (node->op == IR_FETCH) {
            pc_text_add(p->text, "fetch ");
            print_place(p, node);
            pc_text_add(p->text, "\n");
        } else if (node->op == IR_ADD_AT) {
            pc_text_add(p->text, "add_at ");
            print_place(p, node);
            pc_text_add_char(p->text, ' ');
            print_ref(p, node->operand[0]);
            pc_text_add(p->text, ", ");
            print_ref(p, node->operand[1]);
            pc_text_add(p->text, "\n");
        } else {
            print_value(p, block->items[i]);
        }
    }
}

void ir_print(const struct ir_function *function, struct pc_text *text) {
    static const char *const roles[] = {[IR_INPUT] = "input", [IR_OUTPUT] = "output", [IR_LOCAL] = "local"};
    struct printer p = {.f = function, .text = text, .indent = 1};
    pc_text_printf(text, "function %s\n  ", function->name);
    for (size_t i = 0; i < function->buffer_count; i++) {
        const struct ir_buffer *buffer = &function->buffers[i];
        pc_text_printf(text, "%s%s %s %s[%" PRId64 "]", i ? ", " : "", roles[buffer->role], buffer->name,
                       ir_elements[buffer->element].name, buffer->count);
    }
    pc_text_add(text, "\n");
    print_block(&p, &function->body);
}
