/* ir_kit.h - what the tests of the kernel IR share: a function under construction, and short words for common nodes. */
#ifndef IR_KIT_H
#define IR_KIT_H

#include "ir/ir_build.h"

#include <criterion/criterion.h>
#include <math.h>

struct kit {
    struct pc_arena arena;
    struct ir_function *f;
    struct ir_builder b;
};

static inline void open_kit(struct kit *k) {
    *k = (struct kit){0};
    k->f = ir_function_new(&k->arena, "f");
    ir_builder_init(&k->b, k->f);
}

static inline void close_kit(struct kit *k) {
    pc_arena_release(&k->arena);
}

static inline void verify(const struct kit *k) {
    const char *problem = ir_verify(k->f, IR_LANES_MAX);
    cr_assert_null(problem, "%s", problem ? problem : "");
}

static inline ir_ref load(struct kit *k, struct ir_type type, int buffer, int64_t constant) {
    const struct ir_affine place = {.buffer = buffer};
    return ir_load(&k->b, type, &place, constant, 0);
}

static inline void store(struct kit *k, int buffer, int64_t constant, ir_ref value) {
    const struct ir_affine place = {.buffer = buffer};
    ir_store(&k->b, &place, constant, value, 0);
}

static inline struct ir_affine moving(int buffer, uint32_t loop, int64_t stride) {
    return (struct ir_affine){.buffer = buffer, .count = 1, .term = {{loop, stride}}};
}

/* op of as many operands as it has; the third is the first again. */
static inline ir_ref apply(struct kit *k, enum ir_op op, ir_ref x, ir_ref y) {
    switch (ir_ops[op].operands) {
    case 1: return ir_op1(&k->b, op, x);
    case 2: return ir_op2(&k->b, op, x, y);
    default: return ir_op3(&k->b, op, x, y, x);
    }
}

/* A constant mask of all lanes. */
static inline uint64_t all_lanes(int lanes) {
    return lanes == 64 ? UINT64_MAX : (UINT64_C(1) << lanes) - 1;
}

static inline bool same_number(double a, double b) {
    return (isnan(a) && isnan(b)) || (a == b && signbit(a) == signbit(b));
}

#endif
