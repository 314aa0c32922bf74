/* emit_c_print.h - what emit_c.c (statements), emit_c_values.c (values of one lane) and emit_c_lanes.c (values of more)
 * share; private to them. */
#ifndef PC_EMIT_C_PRINT_H
#define PC_EMIT_C_PRINT_H

#include "back/simd.h"
#include "back/writer.h"
#include "ir/ir_parts.h"

struct emitter {
    const struct ir_function *f;
    const struct ir_parts *parts;
    struct pc_simd *simd;
    const char *fetch; /* of pc_c_words */
    struct pc_writer w;
    const char *index_type; /* of loop variables, wide enough for every offset */
    uint32_t *uses;         /* per node */
    uint32_t *block;        /* per node: the block that defines it, 0 for constants */
    uint8_t *size;          /* per node: nodes of its expression; 0: it has a name */
    int64_t *front;         /* per buffer: elements that the C array has more, before its first */
};

static inline void add(struct emitter *e, const char *string) {
    pc_text_add(e->w.text, string);
}

static inline bool pc_is_narrow(struct ir_type type) {
    return type.element == IR_U8 || type.element == IR_U16;
}

/* emit_c_values.c: counts in e->uses and e->block, and then sets e->size, for a block and those inside; `number` is that of
 * the block, 1 for the function's body. */
void pc_count_uses(struct emitter *e, const struct ir_block *block, uint32_t number);
void pc_choose_inline(struct emitter *e, const struct ir_block *block, uint32_t number);
bool pc_is_used(const struct emitter *e, ir_ref ref);

/* The operation itself, whether its value has a name or not. */
void pc_print_expression(struct emitter *e, const struct ir_node *n);

/* A name or an expression (`operand`: in parentheses where it is more than a name and no call); the same where
 * it is converted to the type of the value; leaves. */
void pc_print_value(struct emitter *e, ir_ref ref, bool operand);
void pc_print_narrow(struct emitter *e, ir_ref ref);
void pc_print_constant(struct emitter *e, const struct ir_node *n);
void pc_print_affine(struct emitter *e, const struct ir_affine *affine, int64_t constant);
void pc_print_place(struct emitter *e, const struct ir_node *n);

/* emit_c_lanes.c: whether the node has or takes values of more than one lane; its call. */
bool pc_is_of_lanes(const struct emitter *e, const struct ir_node *n);
void pc_print_lanes(struct emitter *e, const struct ir_node *n);

#endif
