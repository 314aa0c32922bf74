/* test_ir.c - the kernel IR: building (value numbering), printing, counting, simplifying. Running is tested by
 * test_ir_eval.c, what the verifier says no to by test_ir_verify.c. */
#include "ir_kit.h"
#include "ir/simplify.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

enum { LANES = 16 };

static const struct ir_type f32 = {IR_F32, 1}, i32 = {IR_I32, 1}, i64 = {IR_I64, 1}, f32x4 = {IR_F32, 4};

static void run(struct kit *k, void *const *buffers) {
    verify(k);
    cr_assert(ir_eval(k->f, buffers));
}

static const char *printed(struct kit *k) {
    struct pc_text text = {0};
    ir_print(k->f, &text);
    const char *copy = pc_arena_strndup(&k->arena, pc_text_string(&text), text.size);
    pc_text_release(&text);
    return copy;
}

static int count_ops(const struct ir_function *f, const struct ir_block *block, enum ir_op op) {
    int count = 0;
    for (size_t i = 0; i < block->count; i++) {
        const struct ir_node *n = ir_at(f, block->items[i]);
        count += n->op == op;
        if (n->op == IR_FOR)
            count += count_ops(f, &f->loops[n->aux].body, op);
    }
    return count;
}

static int ops(const struct kit *k, enum ir_op op) {
    return count_ops(k->f, &k->f->body, op);
}

/* x 16 numbers, y 16 results. */
static void open_pair(struct kit *k) {
    open_kit(k);
    ir_buffer_add(k->f, "x", IR_F32, LANES, IR_INPUT);
    ir_buffer_add(k->f, "y", IR_F32, LANES, IR_OUTPUT);
}

/* ---- printing ---- */

Test(ir_print, exact_text) {
    static const uint8_t list[] = {3, 4, 0, 7};
    struct kit k;
    open_kit(&k);
    ir_buffer_add(k.f, "x", IR_F32, 64, IR_INPUT);
    ir_buffer_add(k.f, "y", IR_F32, 16, IR_OUTPUT);
    ir_buffer_add(k.f, "n", IR_I64, 8, IR_LOCAL);
    ir_comment(&k.b, "rows");
    const ir_ref first = load(&k, f32, 0, 0);
    const uint32_t i = ir_loop_begin(&k.b, "i", 4);
    const ir_ref sum = ir_loop_carry(&k.b, i, ir_real(&k.b, f32, -0.0)), last = ir_loop_carry(&k.b, i, first);
    const uint32_t j = ir_loop_begin(&k.b, "j", 4);
    const struct ir_affine from = {.buffer = 0, .count = 2, .term = {{i, 16}, {j, 1}}};
    const struct ir_affine to = {.buffer = 1, .count = 2, .term = {{i, 4}, {j, 1}}};
    const struct ir_affine plain = {.buffer = -1, .count = 1, .term = {{i, -3}}};
    const ir_ref a = ir_load(&k.b, f32x4, &from, 3, 0), odd = ir_mask(&k.b, 4, 10);
    const ir_ref masked = ir_load(&k.b, f32x4, &from, -1, odd);
    const ir_ref mixed = ir_shuffle(&k.b, a, masked, 4, list);
    const ir_ref mask = ir_op2(&k.b, IR_UNORDERED, mixed, a);
    const ir_ref picked = ir_select(&k.b, mask, ir_real(&k.b, f32x4, 0.1), mixed);
    ir_store(&k.b, &to, 0, ir_reduce(&k.b, IR_REDUCE_GT, picked), 0);
    ir_loop_end(&k.b, j);
    ir_loop_next(&k.b, i, 0, last);
    ir_loop_next(&k.b, i, 1, ir_op1(&k.b, IR_NEG, sum));
    const struct ir_affine place = moving(2, i, 2);
    ir_store(&k.b, &place, 0, ir_affine(&k.b, i64, &plain, 9), 0);
    ir_loop_end(&k.b, i);
    const uint32_t block = ir_loop_begin(&k.b, "part", 1);
    const struct ir_affine local = {.buffer = 2};
    ir_store(&k.b, &local, 4, ir_integer(&k.b, (struct ir_type){IR_I64, 4}, -5), ir_mask(&k.b, 4, 2));
    ir_loop_end(&k.b, block);
    verify(&k);
    cr_assert_str_eq(printed(&k), "function f\n"
                                  "  input x f32[64], output y f32[16], local n i64[8]\n"
                                  "  # rows\n"
                                  "  v2 = load f32 x[0]\n"
                                  "  for i 4 carry v5 = -0, v7 = v2:\n"
                                  "    for j 4:\n"
                                  "      v10 = load f32x4 x[16*i + j + 3]\n"
                                  "      v12 = load f32x4 x[16*i + j - 1] mask 0xa\n"
                                  "      v13 = shuffle f32x4 v10, v12 [3 4 0 7]\n"
                                  "      v14 = unordered maskx4 v13, v10\n"
                                  "      v16 = select f32x4 v14, 0.100000001, v13\n"
                                  "      v17 = reduce_gt f32 v16\n"
                                  "      store y[4*i + j] v17\n"
                                  "    v19 = neg f32 v5\n"
                                  "    v20 = affine i64 -3*i + 9\n"
                                  "    store n[2*i] v20\n"
                                  "    next v5 = v7 then v6\n"
                                  "    next v7 = v19 then v8\n"
                                  "  block:\n"
                                  "    store n[4] -5 mask 0x2\n");
    close_kit(&k);
}

/* ---- costs ---- */

Test(ir_cost, exact_on_nested_loops) {
    struct kit k;
    open_kit(&k);
    ir_buffer_add(k.f, "x", IR_F32, 96, IR_INPUT);
    ir_buffer_add(k.f, "n", IR_U8, 12, IR_INPUT);
    ir_buffer_add(k.f, "y", IR_F64, 24, IR_OUTPUT);
    ir_buffer_add(k.f, "l", IR_F32, 1000, IR_LOCAL); /* moves nothing in or out */
    const ir_ref zero = ir_real(&k.b, (struct ir_type){IR_F64, 8}, 0);
    const uint32_t i = ir_loop_begin(&k.b, "i", 3);
    const struct ir_affine to = moving(2, i, 8), byte = moving(1, i, 4), plain = moving(-1, i, 1);
    ir_store(&k.b, &to, 0, zero, 0);
    ir_load(&k.b, (struct ir_type){IR_U8, 1}, &byte, 0, 0);
    ir_affine(&k.b, i32, &plain, 5); /* addresses are free */
    ir_comment(&k.b, "so are words");
    const uint32_t j = ir_loop_begin(&k.b, "j", 8);
    const ir_ref sum = ir_loop_carry(&k.b, j, ir_real(&k.b, f32x4, 0));
    const struct ir_affine from = {.buffer = 0, .count = 2, .term = {{i, 32}, {j, 4}}};
    const ir_ref v = ir_load(&k.b, f32x4, &from, 0, 0);
    ir_loop_next(&k.b, j, 0, ir_op2(&k.b, IR_MUL, v, ir_op2(&k.b, IR_ADD, sum, v)));
    ir_loop_end(&k.b, j);
    const struct ir_affine local = {.buffer = 3};
    ir_store(&k.b, &local, 0, ir_reduce(&k.b, IR_REDUCE_ADD, ir_loop_result(&k.b, j, 0)), 0);
    ir_loop_end(&k.b, i);
    verify(&k);
    const struct ir_cost cost = ir_cost_of(k.f);
    cr_assert_eq(cost.operations, 3 * (8 * 2 + 1));
    cr_assert_eq(cost.loads, 3 * (1 + 8));
    cr_assert_eq(cost.bytes_loaded, 3 * (1 + 8 * 16));
    cr_assert_eq(cost.stores, 3 * 2);
    cr_assert_eq(cost.bytes_stored, 3 * (64 + 4));
    cr_assert_eq(cost.bytes_in, 96 * 4 + 12);
    cr_assert_eq(cost.bytes_out, 24 * 8);
    cr_assert_eq(cost.code, 10); /* i: store load affine j reduce store; j: load add mul; and i itself */
    close_kit(&k);
}

/* ---- value numbering ---- */

Test(ir_build, equal_values_are_one) {
    struct kit k;
    open_pair(&k);
    const ir_ref a = load(&k, f32, 0, 0), b = load(&k, f32, 0, 1);
    cr_assert_eq(load(&k, f32, 0, 0), a);
    cr_assert_neq(a, b);
    cr_assert_neq(load(&k, f32x4, 0, 0), a, "another type");
    cr_assert_eq(ir_op2(&k.b, IR_ADD, a, b), ir_op2(&k.b, IR_ADD, a, b));
    cr_assert_neq(ir_op2(&k.b, IR_PICK_GT, a, b), ir_op2(&k.b, IR_PICK_GT, b, a), "NaN and -0 tell them apart");
    cr_assert_neq(ir_op2(&k.b, IR_ADD, a, b), ir_op2(&k.b, IR_SUB, a, b));
    cr_assert_eq(ir_real(&k.b, f32, 0.1), ir_real(&k.b, f32, (double)0.1f));
    cr_assert_neq(ir_real(&k.b, f32, 0.0), ir_real(&k.b, f32, -0.0));
    cr_assert_neq(ir_real(&k.b, f32, 0.0), ir_real(&k.b, f32x4, 0.0));
    cr_assert_neq(ir_integer(&k.b, i32, 1), ir_integer(&k.b, i64, 1));
    const struct ir_affine x = {.buffer = 0};
    cr_assert_eq(ir_load(&k.b, f32x4, &x, 0, ir_mask(&k.b, 4, 3)), ir_load(&k.b, f32x4, &x, 0, ir_mask(&k.b, 4, 3)));
    cr_assert_neq(ir_load(&k.b, f32x4, &x, 0, ir_mask(&k.b, 4, 3)), ir_load(&k.b, f32x4, &x, 0, ir_mask(&k.b, 4, 1)));
    const ir_ref four = ir_load(&k.b, f32x4, &x, 0, 0);
    const uint8_t turned[] = {1, 2, 3, 0}, again[] = {1, 2, 3, 0}, other[] = {1, 2, 3, 4};
    cr_assert_eq(ir_shuffle(&k.b, four, four, 4, turned), ir_shuffle(&k.b, four, four, 4, again));
    cr_assert_neq(ir_shuffle(&k.b, four, four, 4, turned), ir_shuffle(&k.b, four, four, 4, other));
    cr_assert_neq(ir_shuffle(&k.b, four, four, 4, turned), ir_shuffle(&k.b, four, four, 2, turned), "fewer lanes");
    const size_t before = k.f->body.count;
    ir_op2(&k.b, IR_ADD, a, b);
    cr_assert_eq(k.f->body.count, before, "what is there already is not written again");
    close_kit(&k);
}

/* Of a local array until something is stored there, and no further than a loop begins or ends. */
Test(ir_build, what_changes_is_loaded_again) {
    struct kit k;
    open_pair(&k);
    const int local = ir_buffer_add(k.f, "l", IR_F32, 4, IR_LOCAL), other = ir_buffer_add(k.f, "m", IR_F32, 4, IR_LOCAL);
    const struct ir_affine here = {.buffer = local}, there = {.buffer = other};
    const ir_ref zero = ir_integer(&k.b, i32, 0), a = load(&k, f32, local, 0), b = load(&k, f32, local, 1);
    ir_store(&k.b, &there, 0, a, 0);
    cr_assert_eq(load(&k, f32, local, 0), a, "another array changed");
    ir_store(&k.b, &here, 1, a, 0);
    const ir_ref c = load(&k, f32, local, 0), d = load(&k, f32, local, 1);
    cr_assert(c != a && d != b, "stored");
    ir_add_at(&k.b, &here, 0, zero, a);
    const ir_ref e = load(&k, f32, local, 0);
    cr_assert_neq(e, c, "added to");
    const uint32_t i = ir_loop_begin(&k.b, "i", 4);
    const ir_ref inside = load(&k, f32, local, 0);
    cr_assert_neq(inside, e, "the iteration before may have changed it");
    cr_assert_eq(load(&k, f32, local, 0), inside);
    ir_loop_end(&k.b, i);
    cr_assert_neq(load(&k, f32, local, 0), e, "the loop may have changed it");
    cr_assert_neq(load(&k, f32, local, 0), inside);
    close_kit(&k);
}

/* Blocks share constants only: a value of a loop is not there behind it, and one before it is not looked for inside. */
Test(ir_build, each_block_has_its_own_values) {
    struct kit k;
    open_pair(&k);
    const ir_ref outside = load(&k, f32, 0, 0), one = ir_real(&k.b, f32, 1);
    const uint32_t i = ir_loop_begin(&k.b, "i", 4);
    const struct ir_affine place = moving(0, i, 1), still = moving(0, i, 0);
    const ir_ref inside = load(&k, f32, 0, 0), moved = ir_load(&k.b, f32, &place, 0, 0);
    cr_assert(inside != outside && moved != inside);
    cr_assert_eq(ir_load(&k.b, f32, &still, 0, 0), inside, "a term of stride 0 is none");
    cr_assert_eq(ir_load(&k.b, f32, &place, 0, 0), moved);
    cr_assert_eq(ir_real(&k.b, f32, 1), one);
    ir_loop_end(&k.b, i);
    cr_assert_eq(load(&k, f32, 0, 0), outside);
    const uint32_t j = ir_loop_begin(&k.b, "j", 4);
    cr_assert_neq(load(&k, f32, 0, 0), inside);
    ir_loop_end(&k.b, j);
    close_kit(&k);
}

/* Thousands of values, so that the table grows several times and its chains hold values that differ in one place only. */
Test(ir_build, numbering_survives_growth) {
    enum { MANY = 20000 };
    static ir_ref refs[MANY];
    struct kit k;
    open_kit(&k);
    ir_buffer_add(k.f, "x", IR_F32, MANY + 3, IR_INPUT);
    for (int i = 0; i < MANY; i++)
        refs[i] = load(&k, f32, 0, i);
    for (int i = 0; i < MANY; i++) {
        if (load(&k, f32, 0, i) != refs[i])
            cr_assert_fail("value %d was lost", i);
        const struct ir_node left = *ir_at(k.f, ir_op2(&k.b, IR_ADD, refs[i], refs[7]));
        const struct ir_node right = *ir_at(k.f, ir_op2(&k.b, IR_ADD, refs[7], refs[i]));
        const struct ir_node wide = *ir_at(k.f, load(&k, f32x4, 0, i));
        const struct ir_node other = *ir_at(k.f, ir_op2(&k.b, IR_SUB, refs[7], refs[i]));
        if (left.operand[0] != refs[i] || left.operand[1] != refs[7] || right.operand[0] != refs[7] ||
            right.operand[1] != refs[i] || wide.type.lanes != 4 || other.op != IR_SUB)
            cr_assert_fail("value %d was taken for another", i);
    }
    cr_assert_eq(k.f->body.count, 5 * MANY - 1, "refs[7] + refs[7] is two of them");
    close_kit(&k);
}

/* What is known while building needs no node. */
Test(ir_build, folds_what_is_known) {
    struct kit k;
    open_pair(&k);
    const struct ir_affine none = {.buffer = -1};
    const ir_ref a = load(&k, f32, 0, 0), seven = ir_affine(&k.b, i32, &none, 7);
    cr_assert_eq(seven, ir_integer(&k.b, i32, 7));
    cr_assert_eq(ir_convert(&k.b, IR_I64, seven), ir_integer(&k.b, i64, 7));
    cr_assert_eq(ir_convert(&k.b, IR_I32, seven), seven);
    cr_assert_eq(ir_select(&k.b, ir_op2(&k.b, IR_GT, a, a), a, a), a);
    const uint32_t once = ir_loop_begin(&k.b, "once", 1);
    const struct ir_affine plain = moving(-1, once, 100);
    cr_assert_eq(ir_affine(&k.b, i32, &plain, 7), seven, "the variable of a block is 0");
    ir_loop_end(&k.b, once);
    close_kit(&k);
}

/* What is added in some lanes only is added and then chosen, from whichever side, by a mask that is constant or not. */
Test(ir_build, adds_in_some_lanes) {
    enum { SUMS = 5 };
    const struct ir_type type = {IR_F32, LANES};
    const float inputs[2 * LANES] = {1,      -2,     0.0f,  -0.0f, NAN,  INFINITY, 1e-45f, -3e-45f, 3,     -0.0f,    0.0f,
                                     7,      0.0f,   -0.0f, 5,     1,    0.5f,     2,      -0.0f,   -0.0f, INFINITY, NAN,
                                     1e-45f, 3e-45f, 4,     0.0f,  0.0f, 7,        -0.0f,  0.0f,    5,     1};
    float sums[SUMS * LANES];
    struct kit k;
    open_kit(&k);
    ir_buffer_add(k.f, "x", IR_F32, 2 * LANES, IR_INPUT);
    ir_buffer_add(k.f, "y", IR_F32, SUMS * LANES, IR_OUTPUT);
    const ir_ref a = load(&k, type, 0, 0), b = load(&k, type, 0, LANES);
    const ir_ref some = ir_mask(&k.b, LANES, 0x0ff5), less = ir_op2(&k.b, IR_LT, a, b);
    const ir_ref identity = ir_real(&k.b, type, -0.0), zero = ir_real(&k.b, type, 0);
    const ir_ref results[SUMS] = {
        ir_op2(&k.b, IR_ADD, a, ir_select(&k.b, some, b, identity)),
        ir_op2(&k.b, IR_ADD, ir_select(&k.b, some, b, identity), a),
        ir_op2(&k.b, IR_ADD, a, ir_select(&k.b, less, b, identity)),
        ir_op2(&k.b, IR_ADD, a, ir_select(&k.b, some, b, zero)),     /* 0 is not the identity: -0 + 0 is 0 */
        ir_op2(&k.b, IR_ADD, a, ir_select(&k.b, some, identity, b)), /* nor is what stands where the mask is set */
    };
    for (int i = 0; i < SUMS; i++) {
        cr_assert_eq(ir_at(k.f, results[i])->op, i < 3 ? IR_SELECT : IR_ADD, "sum %d", i);
        store(&k, 1, i * LANES, results[i]);
    }
    run(&k, (void *const[]){(void *)(uintptr_t)inputs, sums});
    for (int l = 0; l < LANES; l++) {
        const float x = inputs[l], y = inputs[LANES + l];
        const bool in = 0x0ff5 >> l & 1;
        const float expected[SUMS] = {x + (in ? y : -0.0f), x + (in ? y : -0.0f), x + (x < y ? y : -0.0f),
                                      x + (in ? y : 0.0f), x + (in ? -0.0f : y)};
        for (int i = 0; i < SUMS; i++)
            cr_assert(same_number(sums[i * LANES + l], expected[i]), "sum %d, lane %d", i, l);
    }
    close_kit(&k);
}

/* ---- simplifying ---- */

/* Everything that pc_simplify rewrites, in 16 lanes: nine results, one through a loop. */
enum { RESULTS = 9 };
static void build_reducible(struct kit *k) {
    const struct ir_type type = {IR_F32, LANES};
    open_kit(k);
    ir_buffer_add(k->f, "x", IR_F32, LANES, IR_INPUT);
    ir_buffer_add(k->f, "y", IR_F32, RESULTS * LANES, IR_OUTPUT);
    const ir_ref x = load(k, type, 0, 0), one = ir_real(&k->b, type, 1);
    const ir_ref all = ir_mask(&k->b, LANES, 0xffff), none = ir_mask(&k->b, LANES, 0);
    const ir_ref positive = ir_op2(&k->b, IR_GT, x, ir_real(&k->b, type, 0));
    const ir_ref twice = ir_select(&k->b, positive, x, ir_op2(&k->b, IR_MUL, x, one)); /* both sides become x */
    const ir_ref results[RESULTS - 1] = {
        ir_op2(&k->b, IR_DIV, x, ir_real(&k->b, type, 4)),
        ir_op2(&k->b, IR_DIV, ir_op2(&k->b, IR_MUL, x, one), one),
        twice,
        ir_select(&k->b, all, x, one),
        ir_select(&k->b, none, x, ir_op2(&k->b, IR_DIV, x, ir_real(&k->b, type, -0.5))),
        ir_select(&k->b, ir_op2(&k->b, IR_OR, none, ir_op2(&k->b, IR_AND, positive, all)), x, one),
        ir_select(&k->b, ir_op2(&k->b, IR_AND, all, ir_op2(&k->b, IR_OR, positive, none)), one, x),
        ir_select(&k->b, ir_mask(&k->b, LANES, 0x5555), x, one), /* decides nothing: half of the lanes */
    };
    for (int i = 0; i < RESULTS - 1; i++)
        store(k, 1, i * LANES, results[i]);
    /* A replaced value as the start of a carried one, as its next value, and as operand inside. */
    const uint32_t i = ir_loop_begin(&k->b, "i", 3);
    const ir_ref sum = ir_loop_carry(&k->b, i, twice);
    const ir_ref halved = ir_op2(&k->b, IR_DIV, ir_op2(&k->b, IR_MUL, sum, one), ir_real(&k->b, type, 2));
    ir_loop_next(&k->b, i, 0, ir_op2(&k->b, IR_DIV, halved, one));
    ir_loop_end(&k->b, i);
    store(k, 1, (RESULTS - 1) * LANES, ir_loop_result(&k->b, i, 0));
}

Test(simplify, keeps_every_bit) {
    /* Subnormal and largest numbers: halving the one rounds, and so does its product with 1/2. */
    const float inputs[LANES] = {1, -2, 0.0f, -0.0f, NAN, INFINITY, -INFINITY, 1e-45f, -3e-45f, 1.1754944e-38f,
                                 3.4028235e38f, -3.4028235e38f, 0.1f, 7, 1e-38f, -5};
    float before[RESULTS * LANES], after[RESULTS * LANES];
    struct kit k;
    build_reducible(&k);
    run(&k, (void *const[]){(void *)(uintptr_t)inputs, before});
    pc_simplify(k.f);
    run(&k, (void *const[]){(void *)(uintptr_t)inputs, after});
    for (int i = 0; i < RESULTS * LANES; i++)
        cr_assert(same_number(before[i], after[i]), "%d: %g became %g", i, before[i], after[i]);
    cr_assert_eq(ops(&k, IR_DIV), 0);
    cr_assert_eq(ops(&k, IR_AND) + ops(&k, IR_OR), 0);
    cr_assert_eq(ops(&k, IR_SELECT), 3, "two by `positive`, one by half of the lanes");
    cr_assert_eq(ops(&k, IR_MUL), 3, "x / 4, x / -0.5 and the half in the loop");
    cr_assert_eq(ops(&k, IR_STORE), RESULTS);
    close_kit(&k);
}

/* Divisions that are not a product in every bit stay. */
Test(simplify, keeps_other_divisions) {
    static const double divisors[] = {3, 0, -0.0, 10, INFINITY, 0x1p-127, 0x1p127, 1.5};
    for (size_t i = 0; i < sizeof divisors / sizeof *divisors; i++) {
        struct kit k;
        open_kit(&k);
        ir_buffer_add(k.f, "x", IR_F32, 1, IR_INPUT);
        ir_buffer_add(k.f, "y", IR_F32, 1, IR_OUTPUT);
        store(&k, 1, 0, ir_op2(&k.b, IR_DIV, load(&k, f32, 0, 0), ir_real(&k.b, f32, divisors[i])));
        pc_simplify(k.f);
        verify(&k);
        cr_assert_eq(ops(&k, IR_DIV), 1, "x / %g", divisors[i]);
        close_kit(&k);
    }
}

Test(simplify, removes_what_nobody_uses) {
    struct kit k;
    open_kit(&k);
    ir_buffer_add(k.f, "x", IR_F32, 64, IR_INPUT);
    ir_buffer_add(k.f, "y", IR_F32, 1, IR_OUTPUT);
    const int local = ir_buffer_add(k.f, "l", IR_F32, 4, IR_LOCAL);
    const ir_ref used = load(&k, f32, 0, 0);
    ir_op1(&k.b, IR_SQRT, ir_op1(&k.b, IR_EXP, load(&k, f32, 0, 3))); /* a chain */
    const ir_ref only_dead = load(&k, f32, 0, 1); /* wanted by a loop that goes itself */
    const ir_ref start = load(&k, f32, 0, 2);
    const uint32_t dead = ir_loop_begin(&k.b, "dead", 5); /* a loop whose result is not wanted */
    const ir_ref sum = ir_op2(&k.b, IR_ADD, ir_loop_carry(&k.b, dead, start), only_dead);
    const uint32_t inner = ir_loop_begin(&k.b, "inner", 5); /* its result is wanted only there */
    const ir_ref product = ir_loop_carry(&k.b, inner, sum);
    ir_loop_next(&k.b, inner, 0, ir_op2(&k.b, IR_MUL, product, product));
    ir_loop_end(&k.b, inner);
    ir_loop_next(&k.b, dead, 0, ir_loop_result(&k.b, inner, 0));
    ir_loop_end(&k.b, dead);
    const uint32_t alive = ir_loop_begin(&k.b, "alive", 4); /* stores, also without a result; the comment stays with it */
    const struct ir_affine place = moving(local, alive, 1);
    ir_comment(&k.b, "kept");
    ir_load(&k.b, f32, &place, 0, 0);
    ir_store(&k.b, &place, 0, used, 0);
    ir_loop_end(&k.b, alive);
    store(&k, 1, 0, used);
    pc_simplify(k.f);
    verify(&k);
    cr_assert_str_eq(printed(&k), "function f\n"
                                  "  input x f32[64], output y f32[1], local l f32[4]\n"
                                  "  v1 = load f32 x[0]\n"
                                  "  for alive 4:\n"
                                  "    # kept\n"
                                  "    store l[alive] v1\n"
                                  "  store y[0] v1\n");
    close_kit(&k);
}

/* One carried value that only feeds another which is wanted stays, and so does what it starts with. */
Test(simplify, keeps_carried_values_that_feed_others) {
    struct kit k;
    int64_t y, first = 1;
    open_kit(&k);
    ir_buffer_add(k.f, "y", IR_I64, 1, IR_OUTPUT);
    ir_buffer_add(k.f, "n", IR_I64, 1, IR_INPUT);
    const ir_ref start = load(&k, i64, 1, 0);
    const uint32_t i = ir_loop_begin(&k.b, "i", 10);
    const ir_ref a = ir_loop_carry(&k.b, i, ir_integer(&k.b, i64, 0)), b = ir_loop_carry(&k.b, i, start);
    ir_loop_next(&k.b, i, 0, b);
    ir_loop_next(&k.b, i, 1, ir_op2(&k.b, IR_ADD, a, b));
    ir_loop_end(&k.b, i);
    store(&k, 0, 0, ir_loop_result(&k.b, i, 0));
    pc_simplify(k.f);
    run(&k, (void *const[]){&y, &first});
    cr_assert_eq(y, 55);
    close_kit(&k);
}
