/* test_ir_eval.c - the interpreter: each operation of ops.def, of one lane and of many, against what C says of the numbers.
 *
 * Every function that is run is verified first, so a test cannot pass on IR that no kernel may have. */
#include "ir_kit.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

enum { LANES = 16 };

static const struct ir_type f32 = {IR_F32, 1}, i64 = {IR_I64, 1}, f32x4 = {IR_F32, 4};

static bool seen[IR_OP_COUNT]; /* operations that some function of this test had */

static void run(struct kit *k, void *const *buffers) {
    verify(k);
    for (size_t i = 1; i < k->f->node_count; i++)
        seen[k->f->nodes[i].op] = true;
    cr_assert(ir_eval(k->f, buffers));
}

/* ---- running: one operation on two arrays ---- */

/* Numbers of one array; integers are exact in it. */
static void write_numbers(enum ir_element element, const double *from, void *to) {
    for (int i = 0; i < LANES; i++)
        switch (element) {
        case IR_F32: ((float *)to)[i] = (float)from[i]; break;
        case IR_F64: ((double *)to)[i] = from[i]; break;
        case IR_U8: ((uint8_t *)to)[i] = (uint8_t)from[i]; break;
        case IR_U16: ((uint16_t *)to)[i] = (uint16_t)from[i]; break;
        case IR_I32: ((int32_t *)to)[i] = (int32_t)from[i]; break;
        case IR_I64: ((int64_t *)to)[i] = (int64_t)from[i]; break;
        case IR_MASK: case IR_ELEMENT_COUNT: abort();
        }
}

static double read_number(enum ir_element element, const void *from, int i) {
    switch (element) {
    case IR_F32: return ((const float *)from)[i];
    case IR_F64: return ((const double *)from)[i];
    case IR_U8: return ((const uint8_t *)from)[i];
    case IR_U16: return ((const uint16_t *)from)[i];
    case IR_I32: return ((const int32_t *)from)[i];
    case IR_I64: return (double)((const int64_t *)from)[i];
    case IR_MASK: case IR_ELEMENT_COUNT: break;
    }
    abort();
}

/* out[i] = op(a[i], b[i]) for 16 elements, `lanes` at a time in a loop; masks are stored as 1 and 0. */
static void run_operation(enum ir_op op, enum ir_element element, int lanes, const double *a, const double *b, double *out) {
    const struct ir_type type = {(uint8_t)element, (uint8_t)lanes};
    double x[LANES], y[LANES], z[LANES]; /* as large as any element */
    struct kit k;
    open_kit(&k);
    const int input_a = ir_buffer_add(k.f, "a", element, LANES, IR_INPUT);
    const int input_b = ir_buffer_add(k.f, "b", element, LANES, IR_INPUT);
    const int output = ir_buffer_add(k.f, "z", element, LANES, IR_OUTPUT);
    const uint32_t i = ir_loop_begin(&k.b, "i", LANES / lanes);
    const struct ir_affine at_a = moving(input_a, i, lanes), at_b = moving(input_b, i, lanes);
    const struct ir_affine at_z = moving(output, i, lanes);
    const ir_ref va = ir_load(&k.b, type, &at_a, 0, 0), vb = ir_load(&k.b, type, &at_b, 0, 0);
    ir_ref value = apply(&k, op, va, vb);
    if (ir_ops[op].kind == IR_KIND_COMPARE) {
        const bool real = ir_elements[element].real;
        const ir_ref one = real ? ir_real(&k.b, type, 1) : ir_integer(&k.b, type, 1);
        value = ir_select(&k.b, value, one, real ? ir_real(&k.b, type, 0) : ir_integer(&k.b, type, 0));
    }
    ir_store(&k.b, &at_z, 0, value, 0);
    ir_loop_end(&k.b, i);
    write_numbers(element, a, x);
    write_numbers(element, b, y);
    run(&k, (void *const[]){x, y, z});
    for (int n = 0; n < LANES; n++)
        out[n] = read_number(element, z, n);
    close_kit(&k);
}

/* For an f32 operation on doubles: rounded after the operation, which for + - * / and sqrt is the f32 result. */
static double round_to(enum ir_element element, double value) {
    return element == IR_F32 ? (double)(float)value : value;
}

static double expected_real(enum ir_op op, enum ir_element element, double a, double b) {
    const bool narrow = element == IR_F32;
    if (op == IR_ADD) return round_to(element, a + b);
    if (op == IR_SUB) return round_to(element, a - b);
    if (op == IR_MUL) return round_to(element, a * b);
    if (op == IR_DIV) return round_to(element, a / b);
    if (op == IR_FMSUB) return narrow ? (double)fmaf((float)a, (float)b, -(float)a) : fma(a, b, -a);
    if (op == IR_FNMADD) return narrow ? (double)fmaf(-(float)a, (float)b, (float)a) : fma(-a, b, a);
    if (op == IR_SQRT) return round_to(element, sqrt(a));
    if (op == IR_POW) return narrow ? (double)powf((float)a, (float)b) : pow(a, b);
    if (op == IR_EXP) return narrow ? (double)expf((float)a) : exp(a);
    if (op == IR_LOG) return narrow ? (double)logf((float)a) : log(a);
    if (op == IR_NEG) return copysign(a, signbit(a) ? 1 : -1);
    if (op == IR_ABS) return copysign(a, 1);
    if (op == IR_PICK_GT) return isgreater(a, b) ? a : b;
    if (op == IR_PICK_LT) return isless(a, b) ? a : b;
    if (op == IR_NAN_OR) return isnan(a) ? a : b;
    if (op == IR_GT) return isgreater(a, b);
    if (op == IR_LT) return isless(a, b);
    if (op == IR_LE) return islessequal(a, b);
    if (op == IR_GE) return isgreaterequal(a, b);
    if (op == IR_EQ) return !isunordered(a, b) && !islessgreater(a, b);
    cr_assert_eq(op, IR_UNORDERED, "%s has no case here", ir_ops[op].name);
    return isunordered(a, b);
}

static void check_real_operation(enum ir_op op, enum ir_element element) {
    /* Each meets the value below it; -0 and +0, NaN and Inf stand on both sides. 0.1f is what f32 makes of 0.1. */
    static const double a[LANES] = {1, -2.5, 0.0, -0.0, NAN, 3, NAN, INFINITY,
                                    -INFINITY, 4, 0.1f, 1e30f, -7, 2, 0.0, 1e-30f};
    static const double b[LANES] = {2, -2.5, -0.0, 0.0, 1, NAN, NAN, 2,
                                    INFINITY, 0.0, 3, 1e30f, 0.5, -3, 0.0, 1e-30f};
    for (int lanes = 1; lanes <= LANES; lanes *= 4) {
        double out[LANES];
        run_operation(op, element, lanes, a, b, out);
        for (int i = 0; i < LANES; i++) {
            const double expected = expected_real(op, element, a[i], b[i]);
            cr_assert(same_number(out[i], expected), "%s %sx%d of %g, %g: %g, not %g", ir_ops[op].name,
                      ir_elements[element].name, lanes, a[i], b[i], out[i], expected);
        }
    }
}

static double expected_integer(enum ir_op op, int64_t a, int64_t b) {
    if (op == IR_ADD) return (double)(a + b);
    if (op == IR_SUB) return (double)(a - b);
    if (op == IR_MUL) return (double)(a * b);
    if (op == IR_DIV) return (double)(a / b);
    if (op == IR_NEG) return (double)(0 - a);
    if (op == IR_ABS) return (double)llabs(a);
    if (op == IR_PICK_GT) return (double)(a > b ? a : b);
    if (op == IR_PICK_LT) return (double)(a < b ? a : b);
    if (op == IR_NAN_OR) return (double)b; /* no integer is NaN */
    if (op == IR_GT) return a > b;
    if (op == IR_LT) return a < b;
    if (op == IR_LE) return a <= b;
    if (op == IR_GE) return a >= b;
    if (op == IR_EQ) return a == b;
    cr_assert_eq(op, IR_UNORDERED, "%s has no case here", ir_ops[op].name);
    return 0;
}

static void check_integer_operation(enum ir_op op, enum ir_element element) {
    static const double unsigned_a[LANES] = {1, 9, 12, 15, 5, 200, 7, 7, 11, 30, 14, 15, 16, 255, 1, 3};
    static const double unsigned_b[LANES] = {1, 2, 12, 15, 1, 1, 7, 6, 4, 2, 3, 15, 14, 1, 2, 1};
    double a[LANES], b[LANES], out[LANES];
    const bool is_signed = element == IR_I32 || element == IR_I64;
    for (int i = 0; i < LANES; i++) {
        a[i] = unsigned_a[i] * (is_signed && i % 3 == 0 ? -1 : 1);
        b[i] = unsigned_b[i] * (is_signed && i % 2 == 0 ? -1 : 1);
    }
    for (int lanes = 1; lanes <= LANES; lanes *= 4) {
        run_operation(op, element, lanes, a, b, out);
        for (int i = 0; i < LANES; i++) {
            double expected = expected_integer(op, (int64_t)a[i], (int64_t)b[i]);
            if (!is_signed && expected < 0) /* narrow integers wrap around */
                expected += element == IR_U8 ? 0x100 : 0x10000;
            if (element == IR_U8 && expected > UINT8_MAX)
                expected -= 0x100;
            cr_assert_eq(out[i], expected, "%s %sx%d of %g, %g: %g, not %g", ir_ops[op].name, ir_elements[element].name, lanes,
                         a[i], b[i], out[i], expected);
        }
    }
}

static void check_arithmetic_and_comparisons(void) {
    static const enum ir_element integers[] = {IR_U8, IR_U16, IR_I32, IR_I64};
    for (int op = 1; op < IR_OP_COUNT; op++) {
        const bool of_reals = ir_ops[op].kind == IR_KIND_REAL;
        if (!of_reals && ir_ops[op].kind != IR_KIND_ARITH && ir_ops[op].kind != IR_KIND_COMPARE)
            continue;
        check_real_operation((enum ir_op)op, IR_F32);
        check_real_operation((enum ir_op)op, IR_F64);
        for (size_t i = 0; !of_reals && i < sizeof integers / sizeof *integers; i++)
            check_integer_operation((enum ir_op)op, integers[i]);
    }
}

/* ---- running: masks ---- */

/* x 16 numbers, y 16 results. */
static void open_pair(struct kit *k) {
    open_kit(k);
    ir_buffer_add(k->f, "x", IR_F32, LANES, IR_INPUT);
    ir_buffer_add(k->f, "y", IR_F32, LANES, IR_OUTPUT);
}

static void check_pair(struct kit *k, const float *x, const float *expected) {
    float y[LANES];
    for (int i = 0; i < LANES; i++)
        y[i] = -99;
    run(k, (void *const[]){(void *)(uintptr_t)x, y, NULL}); /* there may be a local */
    for (int i = 0; i < LANES; i++)
        cr_assert(same_number(y[i], expected[i]), "y[%d] is %g, not %g", i, y[i], expected[i]);
    close_kit(k);
}

static const float counting[LANES] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

static void check_logic(void) {
    /* 16 lanes: above 3, below 12, and a constant mask of the even lanes. */
    const struct ir_type type = {IR_F32, LANES};
    for (int which = 0; which < 4; which++) {
        struct kit k;
        float expected[LANES];
        open_pair(&k);
        const ir_ref x = load(&k, type, 0, 0);
        const ir_ref above = ir_op2(&k.b, IR_GT, x, ir_real(&k.b, type, 3));
        const ir_ref below = ir_op2(&k.b, IR_LT, x, ir_real(&k.b, type, 12));
        const ir_ref even = ir_mask(&k.b, LANES, 0x5555);
        const ir_ref masks[] = {ir_op2(&k.b, IR_AND, above, below), ir_op2(&k.b, IR_OR, ir_op1(&k.b, IR_NOT, above), even),
                                ir_op2(&k.b, IR_AND, even, below), even};
        store(&k, 1, 0, ir_select(&k.b, masks[which], x, ir_real(&k.b, type, -1)));
        for (int i = 0; i < LANES; i++) {
            const bool picked[] = {i > 3 && i < 12, i <= 3 || i % 2 == 0, i < 12 && i % 2 == 0, i % 2 == 0};
            expected[i] = picked[which] ? (float)i : -1;
        }
        check_pair(&k, counting, expected);
    }
}

static float from_one[LANES] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

static void check_masked_memory(void) {
    static const float expected[LANES] = {15, 16, 0, 0, 0, 0, 0, 1, 0, 0, 11, 12, -1, 2, 7, 4};
    struct kit k;
    open_pair(&k);
    const int local = ir_buffer_add(k.f, "l", IR_F32, 4, IR_LOCAL);
    const struct ir_affine x = {.buffer = 0}, y = {.buffer = 1}, l = {.buffer = local};
    /* Lanes outside x are not touched, and 0. */
    store(&k, 1, 0, ir_load(&k.b, f32x4, &x, 14, ir_mask(&k.b, 4, 3)));
    store(&k, 1, 4, ir_load(&k.b, f32x4, &x, -3, ir_mask(&k.b, 4, 8)));
    /* A computed mask, of lanes 2 and 3: of a load, and of a store over four -1. */
    const ir_ref mask = ir_op2(&k.b, IR_GT, load(&k, f32x4, 0, 0), ir_real(&k.b, f32x4, 2));
    store(&k, 1, 8, ir_load(&k.b, f32x4, &x, 8, mask));
    store(&k, local, 0, ir_real(&k.b, f32x4, -1));
    ir_store(&k.b, &l, 0, load(&k, f32x4, 0, 4), mask);
    /* Stores of some lanes: y[12] and y[14] = -1 and 7; y[13] and y[15] = 2 and 4, the last lane hangs over the end. */
    ir_store(&k.b, &y, 12, load(&k, f32x4, local, 0), ir_mask(&k.b, 4, 5));
    ir_store(&k.b, &y, 13, load(&k, f32x4, 0, 1), ir_mask(&k.b, 4, 5));
    check_pair(&k, from_one, expected);
}

/* ---- running: lanes ---- */

static void check_shuffles(void) {
    static const float expected[LANES] = {1, 5, 2, 6, 8, 7, 6, 5, 4, 3, 2, 1, 7, 7, 10, 136};
    static const uint8_t interleave[] = {0, 4, 1, 5}, reverse[] = {7, 6, 5, 4, 3, 2, 1, 0}, seventh[] = {6}, second[] = {1};
    struct kit k;
    open_pair(&k);
    const ir_ref a = load(&k, f32x4, 0, 0), b = load(&k, f32x4, 0, 4);
    store(&k, 1, 0, ir_shuffle(&k.b, a, b, 4, interleave));
    store(&k, 1, 4, ir_shuffle(&k.b, a, b, 8, reverse));
    store(&k, 1, 12, ir_splat(&k.b, 2, ir_shuffle(&k.b, a, b, 1, seventh)));
    store(&k, 1, 14, ir_shuffle(&k.b, load(&k, f32, 0, 2), load(&k, f32, 0, 9), 1, second));
    store(&k, 1, 15, ir_reduce(&k.b, IR_REDUCE_ADD, load(&k, (struct ir_type){IR_F32, LANES}, 0, 0)));
    check_pair(&k, from_one, expected);
}

static void check_splat_to_all(void) {
    struct kit k;
    float expected[LANES];
    open_pair(&k);
    const ir_ref one = load(&k, f32, 0, 3);
    load(&k, (struct ir_type){IR_F32, LANES}, 0, 0); /* what lies behind the lane is not what is splat */
    store(&k, 1, 0, ir_splat(&k.b, LANES, one));
    for (int i = 0; i < LANES; i++)
        expected[i] = 4;
    check_pair(&k, from_one, expected);
}

static void check_lane_constants(void) {
    struct kit k;
    float expected[LANES];
    int64_t numbers[LANES];
    open_pair(&k);
    for (int i = 0; i < LANES; i++)
        expected[i] = (float)(numbers[i] = 3 - 5 * i);
    store(&k, 1, 0, ir_lanes(&k.b, (struct ir_type){IR_F32, LANES}, numbers));
    check_pair(&k, from_one, expected);
}

/* The order of a reduction shows where sums round, where NaN comes in, and in the sign of zeros. */
static void check_reductions(void) {
    static const struct {
        double lanes[4], add, gt, lt;
    } cases[] = {
        {{1e8, 1, -1e8, 1}, 1, 1e8, -1e8}, /* f32: 1e8 + 1 is 1e8 */
        {{NAN, 1, 3, 0}, NAN, NAN, NAN},   /* nothing is greater than NaN */
        {{1, NAN, 3, -2}, NAN, 3, -2},     /* NaN is greater than nothing */
        {{-0.0, 0.0, -0.0, 0.0}, 0.0, -0.0, -0.0},
        {{0.0, -0.0, -0.0, -0.0}, 0.0, 0.0, 0.0},
        {{-0.0, -0.0, -0.0, -0.0}, -0.0, -0.0, -0.0},
        {{-INFINITY, 2, 7, -1}, -INFINITY, 7, -INFINITY},
    };
    static const enum ir_op reductions[] = {IR_REDUCE_ADD, IR_REDUCE_GT, IR_REDUCE_LT};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        struct kit k;
        float x[4], y[3];
        open_kit(&k);
        ir_buffer_add(k.f, "x", IR_F32, 4, IR_INPUT);
        ir_buffer_add(k.f, "y", IR_F32, 3, IR_OUTPUT);
        for (int i = 0; i < 3; i++)
            store(&k, 1, i, ir_reduce(&k.b, reductions[i], load(&k, f32x4, 0, 0)));
        for (int i = 0; i < 4; i++)
            x[i] = (float)cases[c].lanes[i];
        run(&k, (void *const[]){x, y});
        const double expected[] = {cases[c].add, cases[c].gt, cases[c].lt};
        for (int i = 0; i < 3; i++)
            cr_assert(same_number(y[i], expected[i]), "case %zu: %s is %g, not %g", c, ir_ops[reductions[i]].name, y[i],
                      expected[i]);
        close_kit(&k);
    }
}

static void check_integer_lanes(void) {
    const struct ir_type u8x16 = {IR_U8, LANES};
    uint8_t x[LANES], bytes[3];
    int64_t wide[LANES];
    double f64[2] = {0.1, 0.2}, sum;
    struct kit k;
    open_kit(&k);
    ir_buffer_add(k.f, "x", IR_U8, LANES, IR_INPUT);
    ir_buffer_add(k.f, "r", IR_F64, 2, IR_INPUT);
    ir_buffer_add(k.f, "bytes", IR_U8, 3, IR_OUTPUT);
    ir_buffer_add(k.f, "wide", IR_I64, LANES, IR_OUTPUT);
    ir_buffer_add(k.f, "sum", IR_F64, 1, IR_OUTPUT);
    const ir_ref all = load(&k, u8x16, 0, 0);
    store(&k, 2, 0, ir_reduce(&k.b, IR_REDUCE_ADD, all));
    store(&k, 2, 1, ir_reduce(&k.b, IR_REDUCE_GT, all));
    store(&k, 2, 2, ir_reduce(&k.b, IR_REDUCE_LT, all));
    /* There and back through every width, and 2^33 times as much in i64. */
    const ir_ref words = ir_convert(&k.b, IR_I32, ir_convert(&k.b, IR_U16, all));
    const ir_ref narrow = ir_convert(&k.b, IR_U8, ir_convert(&k.b, IR_I64, words));
    store(&k, 3, 0, ir_op2(&k.b, IR_MUL, ir_convert(&k.b, IR_I64, narrow),
                           ir_integer(&k.b, (struct ir_type){IR_I64, LANES}, INT64_C(1) << 33)));
    store(&k, 4, 0, ir_reduce(&k.b, IR_REDUCE_ADD, load(&k, (struct ir_type){IR_F64, 2}, 1, 0)));
    for (int i = 0; i < LANES; i++)
        x[i] = (uint8_t)(3 + (i * 7) % LANES);
    run(&k, (void *const[]){x, f64, bytes, wide, &sum});
    cr_assert(bytes[0] == 16 * 3 + 120 && bytes[1] == 18 && bytes[2] == 3, "%d %d %d", bytes[0], bytes[1], bytes[2]);
    for (int i = 0; i < LANES; i++)
        cr_assert_eq(wide[i], x[i] * (INT64_C(1) << 33));
    cr_assert_eq(sum, 0.1 + 0.2);
    close_kit(&k);
}

/* ---- running: loops ---- */

static void check_affine_values(void) {
    int32_t y[24];
    struct kit k;
    open_kit(&k);
    ir_buffer_add(k.f, "y", IR_I32, 24, IR_OUTPUT);
    const uint32_t i = ir_loop_begin(&k.b, "i", 3), j = ir_loop_begin(&k.b, "j", 2);
    const struct ir_affine plain = {.buffer = -1, .count = 2, .term = {{i, -10}, {j, 100}}};
    const struct ir_affine place = {.buffer = 0, .count = 2, .term = {{i, 8}, {j, 4}}};
    ir_store(&k.b, &place, 0, ir_affine(&k.b, (struct ir_type){IR_I32, 4}, &plain, 7), 0);
    ir_comment(&k.b, "does nothing");
    ir_loop_end(&k.b, j);
    ir_loop_end(&k.b, i);
    run(&k, (void *const[]){y});
    for (int n = 0; n < 24; n++)
        cr_assert_eq(y[n], 7 - 10 * (n / 8) + 100 * (n / 4 % 2), "y[%d] is %d", n, y[n]);
    close_kit(&k);
}

/* Two carried values that change places in each iteration, and their sums in a loop around it. */
static void check_carried_values(int64_t trip, const int64_t *expected) {
    int64_t y[4];
    struct kit k;
    open_kit(&k);
    ir_buffer_add(k.f, "y", IR_I64, 4, IR_OUTPUT);
    const uint32_t i = ir_loop_begin(&k.b, "i", 3);
    const ir_ref total = ir_loop_carry(&k.b, i, ir_integer(&k.b, i64, 1000));
    const uint32_t j = ir_loop_begin(&k.b, "j", trip);
    const ir_ref a = ir_loop_carry(&k.b, j, ir_integer(&k.b, i64, 2)), b = ir_loop_carry(&k.b, j, total);
    ir_loop_carry(&k.b, j, ir_integer(&k.b, i64, 77)); /* stays as it is */
    ir_loop_next(&k.b, j, 0, b);
    ir_loop_next(&k.b, j, 1, a);
    ir_loop_end(&k.b, j);
    const ir_ref results[] = {ir_loop_result(&k.b, j, 0), ir_loop_result(&k.b, j, 1), ir_loop_result(&k.b, j, 2)};
    ir_loop_next(&k.b, i, 0, ir_op2(&k.b, IR_ADD, results[0], ir_integer(&k.b, i64, 1)));
    const ir_ref second = ir_loop_carry(&k.b, i, ir_integer(&k.b, i64, 0));
    ir_loop_next(&k.b, i, 1, ir_op2(&k.b, IR_ADD, second, results[1]));
    const ir_ref third = ir_loop_carry(&k.b, i, ir_integer(&k.b, i64, 0));
    ir_loop_next(&k.b, i, 2, ir_op2(&k.b, IR_ADD, third, results[2]));
    ir_loop_end(&k.b, i);
    for (size_t n = 0; n < 3; n++)
        store(&k, 0, (int64_t)n, ir_loop_result(&k.b, i, n));
    store(&k, 0, 3, ir_integer(&k.b, i64, INT64_MIN));
    run(&k, (void *const[]){y});
    for (int n = 0; n < 3; n++)
        cr_assert_eq(y[n], expected[n], "y[%d] is %" PRId64, n, y[n]);
    cr_assert_eq(y[3], INT64_MIN);
    close_kit(&k);
}

/* Fibonacci numbers: one carried value becomes the other, which needs both. */
static void check_carried_vectors(void) {
    static const float expected[LANES] = {34, 68, 102, 136, 55, 110, 165, 220, 0, 0, 0, 0, 0, 0, 0, 0};
    struct kit k;
    open_pair(&k);
    const ir_ref first = load(&k, f32x4, 0, 0);
    const uint32_t i = ir_loop_begin(&k.b, "i", 9);
    const ir_ref a = ir_loop_carry(&k.b, i, ir_real(&k.b, f32x4, 0)), b = ir_loop_carry(&k.b, i, first);
    ir_loop_next(&k.b, i, 0, b);
    ir_loop_next(&k.b, i, 1, ir_op2(&k.b, IR_ADD, a, b));
    ir_loop_end(&k.b, i);
    store(&k, 1, 0, ir_loop_result(&k.b, i, 0));
    store(&k, 1, 4, ir_loop_result(&k.b, i, 1));
    store(&k, 1, 8, ir_real(&k.b, (struct ir_type){IR_F32, 8}, 0));
    check_pair(&k, from_one, expected);
}

/* Elements of the list of five, and what is behind it; the first and the sixteenth element of the array are added to. */
static void check_lookup_and_additions(void) {
    static const float places[LANES] = {1, 4, 6, 0};
    static const int64_t list[] = {-1, 3, 8, 14, 2};
    float expected[LANES] = {0};
    struct kit k;
    open_pair(&k);
    const int local = ir_buffer_add(k.f, "l", IR_F32, LANES, IR_LOCAL);
    store(&k, local, 0, ir_real(&k.b, (struct ir_type){IR_F32, LANES}, 0));
    for (int i = 0; i < 7; i++) { /* numbers 3, 2, 2; and -1, 3, -1, 14 */
        static const int64_t at[] = {1, 4, 77, 0, 1, 0, 3};
        const ir_ref found = ir_lookup(&k.b, IR_I32, ir_integer(&k.b, (struct ir_type){IR_I32, 1}, at[i]), list, 5);
        const struct ir_affine place = {.buffer = local};
        ir_add_at(&k.b, &place, 1, found, load(&k, (struct ir_type){IR_F32, 1}, 0, i % 4));
    }
    ir_fetch(&k.b, &(struct ir_affine){.buffer = 1}, LANES - 1); /* which changes nothing */
    store(&k, 1, 0, load(&k, (struct ir_type){IR_F32, LANES}, local, 0));
    expected[4] = 1 + 1;  /* 3 twice, of which the second is x[0] again */
    expected[3] = 4 + 6;  /* 2 twice: what is behind the list is its last */
    expected[0] = 0 + 4;
    expected[15] = 6;
    check_pair(&k, places, expected);
}

/* Four elements from where lists say; two of them by a mask; and integers that become real, rounded once: by way of a
 * double, `large` would be 2^54. */
static void check_loads_at(void) {
    float from[LANES];
    const float expected[LANES] = {5, 6, 7, 8, 1, 2, 3, 4, 0, 6, 0, 8, 16777216, -2, 0x1p54f + 0x1p31f, 0x1p54f + 0x1p31f};
    const int64_t large = (INT64_C(1) << 54) + (INT64_C(1) << 30) + 1;
    static const int64_t list[] = {3, 0}, whole[] = {16777217, -2};
    const struct ir_type number = {IR_I32, 1}, wide = {IR_I64, 1}, vector = {IR_F32, 4};
    struct kit k;
    for (int i = 0; i < LANES; i++)
        from[i] = (float)(i + 1);
    open_pair(&k);
    const struct ir_affine place = {.buffer = 0};
    for (int i = 0; i < 2; i++) {
        const ir_ref at = ir_lookup(&k.b, IR_I32, ir_integer(&k.b, number, i), list, 2);
        const ir_ref more = ir_op2(&k.b, IR_ADD, at, ir_integer(&k.b, number, 1 - i));
        store(&k, 1, 4 * i, ir_load_at(&k.b, vector, &place, 0, more, 0));
        if (i == 0)
            store(&k, 1, 8, ir_load_at(&k.b, vector, &place, 1, at, ir_mask(&k.b, 4, 10)));
        store(&k, 1, 12 + i, ir_convert(&k.b, IR_F32, ir_lookup(&k.b, IR_I32, ir_integer(&k.b, number, i), whole, 2)));
    }
    store(&k, 1, 14,
          ir_convert(&k.b, IR_F32, ir_op2(&k.b, IR_ADD, ir_integer(&k.b, wide, large - 1), ir_integer(&k.b, wide, 1))));
    store(&k, 1, 15, ir_convert(&k.b, IR_F32, ir_integer(&k.b, wide, large)));
    check_pair(&k, from, expected);
}

Test(ir_eval, every_operation) {
    check_arithmetic_and_comparisons();
    check_logic();
    check_masked_memory();
    check_shuffles();
    check_splat_to_all();
    check_lane_constants();
    check_lookup_and_additions();
    check_loads_at();
    check_reductions();
    check_integer_lanes();
    check_affine_values();
    check_carried_values(1, (const int64_t[]){1003, 6, 231});  /* swapped once: a was b, which is the total */
    check_carried_values(2, (const int64_t[]){3, 1006, 231});  /* swapped twice: a is 2 again, b the total: 1000, 3, 3 */
    check_carried_vectors();
    for (int op = 1; op < IR_OP_COUNT; op++)
        cr_assert(seen[op], "no function of this test has %s", ir_ops[op].name);
}
