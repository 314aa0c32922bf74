/* ir_build.h - makes IR. Equal pure values of one block become one node (value numbering): neighbouring windows that load
 * the same element or combine the same taps share the result without anybody planning it.  What a local array holds is one
 * value until something is stored there. */
#ifndef PC_IR_BUILD_H
#define PC_IR_BUILD_H

#include "ir/ir.h"

struct ir_builder {
    struct ir_function *function;
    bool fused;     /* the machine has FMSUB and FNMADD: divisions of vectors by constants become products */
    uint32_t *open; /* loops around the current place, outermost first */
    size_t open_count, open_capacity;
    ir_ref *table; /* value numbering: open addressing, 0 is empty */
    uint32_t *table_scope;
    size_t table_size, table_used;
    uint32_t *changed; /* per buffer: the number of the last change of it */
    size_t changed_count, changed_capacity;
    uint32_t changes, boundary; /* so far; number of the last begin or end of a loop, which may change all */
};

struct ir_function *ir_function_new(struct pc_arena *arena, const char *name);
void ir_builder_init(struct ir_builder *builder, struct ir_function *function);

/* Index of a new buffer. */
int ir_buffer_add(struct ir_function *function, const char *name, enum ir_element element, int64_t count, enum ir_role role);

ir_ref ir_real(struct ir_builder *b, struct ir_type type, double value);
ir_ref ir_integer(struct ir_builder *b, struct ir_type type, int64_t value);
ir_ref ir_mask(struct ir_builder *b, int lanes, uint64_t bits);                    /* bit l is lane l */
ir_ref ir_lanes(struct ir_builder *b, struct ir_type type, const int64_t *values); /* values[l] in lane l */
ir_ref ir_affine(struct ir_builder *b, struct ir_type type, const struct ir_affine *affine, int64_t constant);
ir_ref ir_load(struct ir_builder *b, struct ir_type type, const struct ir_affine *place, int64_t constant, ir_ref mask);
ir_ref ir_load_at(struct ir_builder *b, struct ir_type type, const struct ir_affine *place, int64_t constant, ir_ref a,
                  ir_ref mask);
void ir_store(struct ir_builder *b, const struct ir_affine *place, int64_t constant, ir_ref value, ir_ref mask);
void ir_fetch(struct ir_builder *b, const struct ir_affine *place, int64_t constant);
void ir_add_at(struct ir_builder *b, const struct ir_affine *place, int64_t constant, ir_ref a, ir_ref value);

/* Operations of kinds ARITH, COMPARE and LOGIC; unused operands are 0. */
ir_ref ir_op1(struct ir_builder *b, enum ir_op op, ir_ref a);
ir_ref ir_op2(struct ir_builder *b, enum ir_op op, ir_ref x, ir_ref y);
ir_ref ir_op3(struct ir_builder *b, enum ir_op op, ir_ref x, ir_ref y, ir_ref z);
ir_ref ir_select(struct ir_builder *b, ir_ref mask, ir_ref yes, ir_ref no);
ir_ref ir_convert(struct ir_builder *b, enum ir_element element, ir_ref a);
ir_ref ir_lookup(struct ir_builder *b, enum ir_element element, ir_ref a, const int64_t *numbers, int64_t count);
ir_ref ir_splat(struct ir_builder *b, int lanes, ir_ref a);
ir_ref ir_shuffle(struct ir_builder *b, ir_ref x, ir_ref y, int lanes, const uint8_t *list);
ir_ref ir_reduce(struct ir_builder *b, enum ir_op op, ir_ref a);
/* reciprocal.c: s / divisors to the last bit, without a division, where they are constants that allow it; else 0. */
ir_ref ir_divide_by_products(struct ir_builder *b, ir_ref s, ir_ref divisors);
void ir_comment(struct ir_builder *b, const char *words);

/* A loop: begin, any number of ir_loop_carry (each gives the value at the start of an iteration), the body, for each
 * carried value in order ir_loop_next, then end; ir_loop_result gives the value afterwards. */
uint32_t ir_loop_begin(struct ir_builder *b, const char *name, int64_t trip);
ir_ref ir_loop_carry(struct ir_builder *b, uint32_t loop, ir_ref initial);
void ir_loop_next(struct ir_builder *b, uint32_t loop, size_t which, ir_ref value);
void ir_loop_end(struct ir_builder *b, uint32_t loop);
ir_ref ir_loop_result(struct ir_builder *b, uint32_t loop, size_t which);

#endif
