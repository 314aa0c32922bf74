/* test_llvm_sections.c - long blocks whose sections are functions (ir_sections_of): what these get of what is around them.
 */
#include "ir_jit.h"

enum { PLACES = 64, LONG_LINE = 500 };
enum { X, Y }; /* the buffers */
static const struct ir_type f32 = {IR_F32, 1};

static struct ir_affine at(int buffer, uint32_t outer, int64_t outer_stride, uint32_t inner, int64_t inner_stride) {
    return (struct ir_affine){
        .buffer = buffer, .count = inner_stride ? 2 : 1, .term = {{outer, outer_stride}, {inner, inner_stride}}};
}

/* A value that differs from place to place, behind many operations. */
static ir_ref line(struct kit *k, ir_ref value, int operations) {
    for (int i = 0; i < operations; i++)
        value = ir_op2(&k->b, IR_ADD, value, ir_real(&k->b, f32, 1 + i % 3));
    return value;
}

static void store_from(struct kit *k, struct ir_affine to, int64_t to_constant, struct ir_affine from, int64_t from_constant,
                       int operations) {
    ir_store(&k->b, &to, to_constant, line(k, ir_load(&k->b, f32, &from, from_constant, 0), operations), 0);
}

/* Runs inside of a loop, and behind them an address that the loop around it is the first to know. */
static void addresses(struct kit *k) {
    ir_buffer_add(k->f, "y", IR_F32, 50, IR_OUTPUT);
    const uint32_t outer = ir_loop_begin(&k->b, "o", 2);
    const struct ir_affine here = at(X, outer, 1, 0, 0);
    const ir_ref value = ir_load(&k->b, f32, &here, 0, 0);
    for (int part = 0; part < 2; part++) {
        const uint32_t inner = ir_loop_begin(&k->b, "i", 5);
        const struct ir_affine to = at(Y, outer, 25, inner, part ? 1 : 4);
        for (int i = 0; i < (part ? 0 : 3); i++)
            store_from(k, to, i, at(X, outer, 8, inner, 1), i, LONG_LINE);
        const struct ir_affine again = at(X, outer, 2, 0, 0);
        ir_store(&k->b, &to, part ? 20 : 3, ir_op2(&k->b, IR_ADD, ir_load(&k->b, f32, &again, 0, 0), value), 0);
        ir_loop_end(&k->b, inner);
    }
    ir_loop_end(&k->b, outer);
}

/* A loop that carries on what was computed before it. */
static void carried_from_outside(struct kit *k) {
    ir_buffer_add(k->f, "y", IR_F32, 4, IR_OUTPUT);
    const ir_ref value = line(k, load(k, f32, X, 0), LONG_LINE);
    store(k, Y, 0, value);
    const uint32_t loop = ir_loop_begin(&k->b, "l", 2);
    ir_loop_carry(&k->b, loop, ir_real(&k->b, f32, 1));
    ir_loop_next(&k->b, loop, 0, value);
    ir_loop_end(&k->b, loop);
    store(k, Y, 1, line(k, ir_loop_result(&k->b, loop, 0), LONG_LINE));
    for (int i = 2; i < 4; i++)
        store(k, Y, i, line(k, load(k, f32, X, i), LONG_LINE));
}

/* Loops that are shared out, each with something for part 0 only. */
static void for_part_0(struct kit *k) {
    enum { LOOPS = 3, TURNS = 2, EACH = 6 };
    ir_buffer_add(k->f, "y", IR_F32, LOOPS * TURNS * EACH, IR_OUTPUT);
    for (int n = 0; n < LOOPS; n++) {
        const uint32_t outer = ir_loop_begin(&k->b, "o", TURNS);
        store_from(k, at(Y, outer, EACH, 0, 0), n * TURNS * EACH, at(X, outer, 1, 0, 0), n, LONG_LINE);
        const uint32_t inner = ir_loop_begin(&k->b, "i", EACH - 1);
        store_from(k, at(Y, outer, EACH, inner, 1), n * TURNS * EACH + 1, at(X, outer, 1, inner, 1), 0, 20);
        ir_loop_end(&k->b, inner);
        ir_loop_end(&k->b, outer);
    }
}

static void check(void (*build)(struct kit *), const char *who) {
    float x[PLACES];
    const void *contents[] = {x, NULL};
    struct kit k;
    struct pc_diags diags;
    open_kit(&k);
    pc_diags_init(&diags, &k.arena);
    for (int i = 0; i < PLACES; i++)
        x[i] = (float)(i * i % 37) - 9;
    ir_buffer_add(k.f, "x", IR_F32, PLACES, IR_INPUT);
    build(&k);
    struct pc_jit *jit = pc_jit_open(&diags);
    cr_assert_not_null(jit);
    run_both(jit, &k, contents, who);
    pc_jit_close(jit);
    close_kit(&k);
}

Test(llvm_sections, addresses) {
    check(addresses, "addresses");
}

Test(llvm_sections, carried_from_outside) {
    check(carried_from_outside, "carried from outside");
}

Test(llvm_sections, for_part_0) {
    check(for_part_0, "for part 0");
}
