/* test_llvm.c - machine code of LLVM against the interpreter, bit for bit: each operation of ops.def with each element that
 * it takes and lane counts of every kind, on numbers that are hard.
 *
 * Compiling is what takes time, so there is one function for each element and lane count, made of pieces that each store
 * their results behind those of the last.  Every second function is made of pieces (ir_is_in_pieces). */
#include "ir_jit.h"

#include <float.h>
#include <stdio.h>

/* Powers of two, their neighbours, and what needs several registers or half of one. */
static const int lane_counts[] = {1, 2, 3, 4, 5, 7, 8, 12, 15, 16, 17, 31, 32, 33, 63, 64};
enum { LANE_COUNTS = sizeof lane_counts / sizeof *lane_counts };

/* Elements of a section: the operands of one operation. A prime, so that every lane count but 1 leaves some over. */
enum { SECTION = 401 };

/* What inputs a and b hold: a section for each operation, whose results fit; numbers whose sums fit; and, of reals, many
 * different numbers above zero. */
enum { TAME = IR_OP_COUNT, POSITIVE, SECTIONS };

/* [operation][element][lanes] of nodes that ran; the element and lanes of operands where the result has another type. */
static bool seen[IR_OP_COUNT][IR_ELEMENT_COUNT][IR_LANES_MAX + 1];
static int functions_of_pieces;

static void note(const struct ir_function *f) {
    for (size_t i = 1; i < f->node_count; i++) {
        const struct ir_node *n = &f->nodes[i];
        const bool by_operand = ir_ops[n->op].kind == IR_KIND_COMPARE || n->op == IR_CONVERT || n->op == IR_REDUCE_ADD ||
                                n->op == IR_REDUCE_GT || n->op == IR_REDUCE_LT;
        const struct ir_type type = by_operand ? ir_at(f, n->operand[0])->type : n->type;
        seen[n->op][type.element][type.lanes] = true;
    }
    functions_of_pieces += ir_is_in_pieces(f);
}

/* ---- numbers ---- */

union number {
    double real;
    int64_t integer;
};

static const double floats[] = {NAN,      -NAN,     INFINITY, -INFINITY,     0.0,            -0.0,
                                1,        -1,       0.1f,     FLT_MAX,       -FLT_MAX,       FLT_MIN,
                                FLT_TRUE_MIN, -FLT_TRUE_MIN, 3e-40f, 1 + FLT_EPSILON, 16777216, 2.5, -7, 1e-30f};
static const double doubles[] = {NAN,      -NAN,     INFINITY, -INFINITY,     0.0,            -0.0,
                                 1,        -1,       0.1,      DBL_MAX,       -DBL_MAX,       DBL_MIN,
                                 DBL_TRUE_MIN, -DBL_TRUE_MIN, 3e-310, 1 + DBL_EPSILON, 9007199254740992, 2.5, -7, 1e-300};
/* Elements of the local array that additions reach. */
enum { ADDITIONS = 46 };

enum { REALS = sizeof floats / sizeof *floats, INTEGERS = 16 };

static void limits(enum ir_element element, int64_t *low, int64_t *high) {
    *low = element == IR_I32 ? INT32_MIN : element == IR_I64 ? INT64_MIN : 0;
    *high = element == IR_U8 ? UINT8_MAX : element == IR_U16 ? UINT16_MAX : element == IR_I32 ? INT32_MAX : INT64_MAX;
}

static int64_t hard_integer(enum ir_element element, int which) {
    int64_t low, high;
    limits(element, &low, &high);
    const int64_t list[INTEGERS] = {low, low + 1, 0,    1,           2,        3,           7,        100,
                                    high, high - 1, high / 2, high / 2 + 1, high / 3, low / 2, low / 3, low < 0 ? -1 : 10};
    return list[which];
}

/* Whether op(a, b) is an integer of the element; otherwise the IR gives it no value. */
static bool fits(enum ir_op op, enum ir_element element, int64_t a, int64_t b) {
    int64_t low, high, value = 0;
    limits(element, &low, &high);
    if (op == IR_ADD && __builtin_add_overflow(a, b, &value))
        return false;
    if ((op == IR_SUB && __builtin_sub_overflow(a, b, &value)) || (op == IR_MUL && __builtin_mul_overflow(a, b, &value)))
        return false;
    if ((op == IR_NEG || op == IR_ABS) && __builtin_sub_overflow((int64_t)0, a, &value))
        return false;
    if (op == IR_ABS && a >= 0)
        value = a;
    if (op == IR_DIV)
        return b != 0 && !(a == low && b == -1);
    return value >= low && value <= high;
}

static void put(enum ir_element element, void *to, int64_t at, union number number) {
    switch (element) {
    case IR_F32: ((float *)to)[at] = (float)number.real; break;
    case IR_F64: ((double *)to)[at] = number.real; break;
    case IR_U8: ((uint8_t *)to)[at] = (uint8_t)number.integer; break;
    case IR_U16: ((uint16_t *)to)[at] = (uint16_t)number.integer; break;
    case IR_I32: ((int32_t *)to)[at] = (int32_t)number.integer; break;
    case IR_I64: ((int64_t *)to)[at] = number.integer; break;
    case IR_MASK: case IR_ELEMENT_COUNT: abort();
    }
}

/* A number that 64 of can be added, in an order that shows. */
static union number tame(enum ir_element element, int i) {
    static const double reals[] = {1e8, 1, -1e8, 0.1, -0.0, 3, 16777217, -2.5, 1e-8};
    static const int64_t steps[IR_ELEMENT_COUNT] = {
        [IR_U8] = 1, [IR_U16] = 300, [IR_I32] = 10000000, [IR_I64] = INT64_C(40000000000000000)};
    if (ir_elements[element].real)
        return (union number){.real = reals[i % 9]};
    const bool negative = (element == IR_I32 || element == IR_I64) && i % 5 == 0;
    return (union number){.integer = (negative ? -1 : 1) * (i * 7 % 4) * steps[element]};
}

static void fill_section(enum ir_element element, int section, void *a, void *b) {
    const bool real = ir_elements[element].real;
    const int count = real ? REALS : INTEGERS;
    for (int i = 0, pair = 0; i < SECTION; pair++) {
        const int first = pair / count % count, second = pair % count;
        union number x, y;
        if (section == TAME || (section == POSITIVE && !real)) {
            x = tame(element, pair);
            y = tame(element, 3 * pair + 1);
        } else if (section == POSITIVE) {
            x.real = 0.0137 * (pair + 1);
            y.real = 1 / x.real;
        } else if (real) {
            x.real = (element == IR_F32 ? floats : doubles)[first];
            y.real = (element == IR_F32 ? floats : doubles)[second];
        } else {
            x.integer = hard_integer(element, first);
            y.integer = hard_integer(element, second);
            if (!fits((enum ir_op)section, element, x.integer, y.integer))
                continue;
        }
        put(element, a, section * SECTION + i, x);
        put(element, b, section * SECTION + i++, y);
    }
}

/* ---- one function ---- */

struct bench {
    struct kit k;
    struct ir_type type;
    int64_t used; /* elements of the output that have a store */
    int a, b, z, local;
    double known; /* of known_powers() */
};

static struct ir_type one_lane(const struct bench *t) {
    return (struct ir_type){t->type.element, 1};
}

static ir_ref number(struct bench *t, struct ir_type type, int value) {
    return ir_elements[type.element].real ? ir_real(&t->k.b, type, value) : ir_integer(&t->k.b, type, value);
}

static void append(struct bench *t, ir_ref value) {
    const struct ir_affine place = {.buffer = t->z};
    ir_fetch(&t->k.b, &place, t->used);
    store(&t->k, t->z, t->used, value);
    t->used += ir_at(t->k.f, value)->type.lanes;
}

typedef ir_ref compute_function(struct bench *t, enum ir_op op, ir_ref a, ir_ref b, ir_ref mask);

/* What `compute` makes of a whole section: a loop, and masked memory for the lanes left over. */
static void over_section(struct bench *t, int section, enum ir_op op, compute_function *compute) {
    struct ir_builder *b = &t->k.b;
    const int lanes = t->type.lanes, whole = SECTION / lanes, rest = SECTION % lanes;
    const uint32_t i = ir_loop_begin(b, "i", whole);
    const struct ir_affine at_a = moving(t->a, i, lanes), at_b = moving(t->b, i, lanes), at_z = moving(t->z, i, lanes);
    const int64_t from = (int64_t)section * SECTION, done = (int64_t)whole * lanes;
    const ir_ref x = ir_load(b, t->type, &at_a, from, 0), y = ir_load(b, t->type, &at_b, from, 0);
    ir_store(b, &at_z, t->used, compute(t, op, x, y, 0), 0);
    ir_loop_end(b, i);
    if (rest) {
        const struct ir_affine after_a = {.buffer = t->a}, after_b = {.buffer = t->b}, after_z = {.buffer = t->z};
        const ir_ref mask = ir_mask(b, lanes, all_lanes(rest));
        const ir_ref u = ir_load(b, t->type, &after_a, from + done, mask);
        const ir_ref v = ir_load(b, t->type, &after_b, from + done, mask);
        ir_store(b, &after_z, t->used + done, compute(t, op, u, v, mask), mask);
    }
    t->used += SECTION;
}

/* Lanes that are off hold 0, by which no integer is divided. */
static ir_ref arithmetic(struct bench *t, enum ir_op op, ir_ref a, ir_ref b, ir_ref mask) {
    if (op == IR_DIV && mask && !ir_elements[t->type.element].real)
        b = ir_select(&t->k.b, mask, b, number(t, t->type, 1));
    return apply(&t->k, op, a, b);
}

static ir_ref comparison(struct bench *t, enum ir_op op, ir_ref a, ir_ref b, ir_ref mask) {
    (void)mask;
    return ir_select(&t->k.b, ir_op2(&t->k.b, op, a, b), number(t, t->type, 1), number(t, t->type, 0));
}

static ir_ref logic(struct bench *t, enum ir_op op, ir_ref a, ir_ref b, ir_ref mask) {
    struct ir_builder *k = &t->k.b;
    const ir_ref first = ir_op2(k, IR_GT, a, b), second = ir_op2(k, IR_EQ, b, number(t, t->type, 1));
    (void)mask;
    return ir_select(k, apply(&t->k, op, first, second), a, b);
}

/* By a mask of every other lane, by one that is chosen itself, and by a number in every lane. */
static ir_ref selects(struct bench *t, enum ir_op op, ir_ref a, ir_ref b, ir_ref mask) {
    struct ir_builder *k = &t->k.b;
    const ir_ref odd = ir_mask(k, t->type.lanes, UINT64_C(0xAAAAAAAAAAAAAAAA) & all_lanes(t->type.lanes));
    const ir_ref masks = ir_select(k, odd, ir_op2(k, IR_LT, a, b), ir_op2(k, IR_EQ, a, b));
    (void)op, (void)mask;
    return ir_select(k, masks, ir_select(k, odd, a, b), number(t, t->type, 2));
}

static void every_arithmetic(struct bench *t) {
    const bool real = ir_elements[t->type.element].real;
    for (int op = 1; op < IR_OP_COUNT; op++)
        if (ir_ops[op].kind == IR_KIND_ARITH || (ir_ops[op].kind == IR_KIND_REAL && real))
            over_section(t, op, (enum ir_op)op, arithmetic);
}

static void every_comparison(struct bench *t) {
    for (int op = 1; op < IR_OP_COUNT; op++)
        if (ir_ops[op].kind == IR_KIND_COMPARE)
            over_section(t, op, (enum ir_op)op, comparison);
}

static void every_logic(struct bench *t) {
    for (int op = 1; op < IR_OP_COUNT; op++)
        if (ir_ops[op].kind == IR_KIND_LOGIC)
            over_section(t, op, (enum ir_op)op, logic);
    over_section(t, IR_SELECT, IR_SELECT, selects);
}

static void constants(struct bench *t) {
    const enum ir_element element = (enum ir_element)t->type.element;
    const bool real = ir_elements[element].real;
    for (int i = 0; i < (real ? REALS : INTEGERS); i++)
        append(t, real ? ir_real(&t->k.b, t->type, (element == IR_F32 ? floats : doubles)[i])
                       : ir_integer(&t->k.b, t->type, hard_integer(element, i)));
}

/* Powers that a compiler knows how to compute otherwise, with another last bit once in a while: many numbers, few lanes. */
static ir_ref power_of(struct bench *t, enum ir_op op, ir_ref a, ir_ref b, ir_ref mask) {
    (void)b, (void)mask;
    return ir_op2(&t->k.b, op, ir_real(&t->k.b, t->type, t->known), a);
}

static ir_ref power_to(struct bench *t, enum ir_op op, ir_ref a, ir_ref b, ir_ref mask) {
    (void)b, (void)mask;
    return ir_op2(&t->k.b, op, a, ir_real(&t->k.b, t->type, t->known));
}

static ir_ref exponential_of_logarithm(struct bench *t, enum ir_op op, ir_ref a, ir_ref b, ir_ref mask) {
    (void)b, (void)mask;
    return ir_op1(&t->k.b, op, ir_op1(&t->k.b, IR_LOG, a));
}

static void known_powers(struct bench *t) {
    static const double known[] = {0, 1, 2, 3, 4, 0.5, -0.5, -1, 0.25, 1.5, 1.0 / 3, 10};
    if (!ir_elements[t->type.element].real || t->type.lanes > 4)
        return;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        t->known = known[i];
        over_section(t, POSITIVE, IR_POW, power_of);
        over_section(t, POSITIVE, IR_POW, power_to);
    }
    over_section(t, POSITIVE, IR_EXP, exponential_of_logarithm);
}

/* Constant masks: each element of the output is stored by one of two, and lanes that are off lie outside the input. */
static void constant_masks(struct bench *t) {
    struct ir_builder *b = &t->k.b;
    const int lanes = t->type.lanes;
    const uint64_t all = all_lanes(lanes), masks[] = {0, all, all / 3, all & UINT64_C(0x9E3779B97F4A7C15), all >> lanes / 2};
    const struct ir_affine a = {.buffer = t->a}, z = {.buffer = t->z};
    for (size_t i = 0; i < sizeof masks / sizeof *masks; i++) {
        int off = 0; /* lanes above the highest that is on */
        while (off < lanes && !(masks[i] >> (lanes - 1 - off) & 1))
            off++;
        const int64_t end = (int64_t)SECTIONS * SECTION - lanes + off;
        const ir_ref mask = ir_mask(b, lanes, masks[i]), others = ir_mask(b, lanes, all & ~masks[i]);
        ir_store(b, &z, t->used, ir_load(b, t->type, &a, end, mask), mask);
        ir_store(b, &z, t->used, load(&t->k, t->type, t->a, 3), others);
        t->used += lanes;
        append(t, ir_load(b, t->type, &a, end, mask)); /* 0 in the lanes that are off */
    }
    const int before = lanes / 2; /* lanes that lie before the input */
    append(t, ir_load(b, t->type, &a, -before, ir_mask(b, lanes, all & ~all_lanes(before))));
}

/* Masks that are computed: of loads from an input, and of stores to a local array. */
static void computed_masks(struct bench *t) {
    struct ir_builder *b = &t->k.b;
    const int lanes = t->type.lanes, trip = 5;
    const uint32_t i = ir_loop_begin(b, "i", trip);
    const struct ir_affine at_a = moving(t->a, i, lanes), at_b = moving(t->b, i, lanes), local = {.buffer = t->local};
    const struct ir_affine at_z = moving(t->z, i, 2 * lanes);
    const int64_t from = (int64_t)IR_PICK_GT * SECTION;
    const ir_ref x = ir_load(b, t->type, &at_a, from, 0), y = ir_load(b, t->type, &at_b, from, 0);
    const ir_ref mask = ir_op2(b, IR_LT, y, x);
    ir_store(b, &local, 1, y, 0);
    ir_store(b, &local, 1, x, mask);
    ir_store(b, &at_z, t->used, ir_load(b, t->type, &local, 1, 0), 0);
    ir_store(b, &local, 1, ir_load(b, t->type, &at_a, from, ir_op1(b, IR_NOT, mask)), 0);
    ir_store(b, &at_z, t->used + lanes, ir_load(b, t->type, &local, 1, mask), 0);
    ir_loop_end(b, i);
    t->used += 2 * lanes * trip;
}

/* Writes a local array, for the next piece to read; among pieces they are two functions. */
static void local_out(struct bench *t) {
    append(t, load(&t->k, t->type, t->a, 17));
    store(&t->k, t->local, 2, load(&t->k, t->type, t->b, (int64_t)IR_GT * SECTION + 30));
}

static void local_in(struct bench *t) {
    append(t, load(&t->k, t->type, t->local, 2));
}

static void splats(struct bench *t) {
    struct ir_builder *b = &t->k.b;
    const int trip = 40;
    const uint32_t i = ir_loop_begin(b, "i", trip);
    const struct ir_affine at_a = moving(t->a, i, 3), at_b = moving(t->b, i, 3), at_z = moving(t->z, i, t->type.lanes);
    const int64_t from = (int64_t)IR_PICK_GT * SECTION;
    const ir_ref x = ir_load(b, one_lane(t), &at_a, from, 0), y = ir_load(b, one_lane(t), &at_b, from, 0);
    const ir_ref mask = ir_splat(b, t->type.lanes, ir_op2(b, IR_GT, x, y));
    ir_store(b, &at_z, t->used, ir_select(b, mask, ir_splat(b, t->type.lanes, x), number(t, t->type, 3)), 0);
    ir_loop_end(b, i);
    t->used += (int64_t)trip * t->type.lanes;
}

static void lane_constants(struct bench *t) {
    int64_t values[IR_LANES_MAX];
    for (int l = 0; l < IR_LANES_MAX; l++)
        values[l] = t->type.element == IR_U8 || t->type.element == IR_U16 ? 255 - 4 * l : 1000003 * (l - 7);
    append(t, ir_lanes(&t->k.b, t->type, values));
}

/* From few lanes to many, from many to few, numbers and masks; the lists jump over all lanes of both operands. */
static void shuffles(struct bench *t) {
    static const int from[] = {1, 2, 3, 5, 8, 16, 33, 64};
    struct ir_builder *b = &t->k.b;
    for (size_t n = 0; n < sizeof from / sizeof *from; n++) {
        const struct ir_type type = {t->type.element, (uint8_t)from[n]};
        const int64_t place = (int64_t)IR_GT * SECTION + 7 * (int64_t)n;
        const ir_ref x = load(&t->k, type, t->a, place), y = load(&t->k, type, t->b, place);
        uint8_t list[IR_LANES_MAX], reverse[IR_LANES_MAX];
        for (int i = 0; i < t->type.lanes; i++) {
            list[i] = (uint8_t)((i * 29 + (int)n + i / 5) % (2 * from[n]));
            reverse[i] = (uint8_t)(2 * from[n] - 1 - i % (2 * from[n]));
        }
        append(t, ir_shuffle(b, x, y, t->type.lanes, list));
        append(t, ir_shuffle(b, x, x, t->type.lanes, reverse));
        const ir_ref greater = ir_op2(b, IR_GT, x, y), equal = ir_op2(b, IR_EQ, x, y);
        append(t, ir_select(b, ir_shuffle(b, greater, equal, t->type.lanes, list), number(t, t->type, 1),
                            number(t, t->type, 0)));
    }
}

static void reductions(struct bench *t) {
    static const struct {
        enum ir_op op;
        int section;
    } rows[] = {{IR_REDUCE_ADD, TAME}, {IR_REDUCE_GT, TAME},    {IR_REDUCE_LT, TAME},
                {IR_REDUCE_ADD, IR_GT}, {IR_REDUCE_GT, IR_GT}, {IR_REDUCE_LT, IR_GT}};
    struct ir_builder *b = &t->k.b;
    const int trip = SECTION / t->type.lanes;
    for (size_t n = 0; n < sizeof rows / sizeof *rows; n++) {
        if (rows[n].op == IR_REDUCE_ADD && rows[n].section != TAME && !ir_elements[t->type.element].real)
            continue; /* does not fit */
        const uint32_t i = ir_loop_begin(b, "i", trip);
        const struct ir_affine at_a = moving(t->a, i, t->type.lanes), at_z = moving(t->z, i, 1);
        const ir_ref x = ir_load(b, t->type, &at_a, (int64_t)rows[n].section * SECTION, 0);
        ir_store(b, &at_z, t->used, ir_reduce(b, rows[n].op, x), 0);
        ir_loop_end(b, i);
        t->used += trip;
    }
}

static void affine_values(struct bench *t) {
    if (ir_elements[t->type.element].real)
        return;
    const bool negative = t->type.element == IR_I32 || t->type.element == IR_I64;
    const int64_t wide = t->type.element == IR_I64 ? INT64_C(1) << 40 : 100;
    struct ir_builder *b = &t->k.b;
    const uint32_t i = ir_loop_begin(b, "i", 3), once = ir_loop_begin(b, "once", 1), j = ir_loop_begin(b, "j", 2);
    const struct ir_affine plain = {.buffer = -1, .count = 3, .term = {{i, negative ? -20 : 20}, {once, 5}, {j, wide}}};
    const struct ir_affine place = {.buffer = t->z, .count = 2, .term = {{i, 2 * t->type.lanes}, {j, t->type.lanes}}};
    ir_comment(b, "does nothing");
    ir_store(b, &place, t->used, ir_affine(b, t->type, &plain, negative ? -3 : 3), 0);
    ir_loop_end(b, j);
    ir_loop_end(b, once);
    ir_loop_end(b, i);
    t->used += 6 * t->type.lanes;
}

/* Numbers in lists that are shorter than what is looked up, as long, and longer. */
static void lookups_of(struct bench *t, int64_t least, int64_t most) {
    static const int64_t counts[] = {1, 2, 20, 256, 300};
    const int section[] = {TAME, IR_GT};
    int64_t numbers[300];
    for (int n = 0; n < 300; n++)
        numbers[n] = least + (n * 37 + 11) * INT64_C(7919) % (most - least + 1);
    for (size_t n = 0; n < 2 * sizeof counts / sizeof *counts; n++) {
        const uint32_t i = ir_loop_begin(&t->k.b, "i", SECTION);
        const struct ir_affine at_a = moving(t->a, i, 1), at_z = moving(t->z, i, 1);
        const ir_ref x = ir_load(&t->k.b, t->type, &at_a, (int64_t)section[n % 2] * SECTION, 0);
        ir_store(&t->k.b, &at_z, t->used,
                 ir_lookup(&t->k.b, (enum ir_element)t->type.element, x, numbers + n % 2, counts[n / 2] - n % 2 * (n > 1)), 0);
        ir_loop_end(&t->k.b, i);
        t->used += SECTION;
    }
}

/* Lists of bytes, of two bytes and of four are kept as such. */
static void lookups(struct bench *t) {
    const int bytes = ir_elements[t->type.element].bytes;
    if (ir_elements[t->type.element].real || t->type.lanes > 1)
        return;
    lookups_of(t, 0, UINT8_MAX);
    if (bytes > 1)
        lookups_of(t, 0, UINT16_MAX);
    if (bytes > 2)
        lookups_of(t, -70000, 70000);
}

/* From places that lists say, by a number of each integer element; all lanes, those of a constant mask and of a computed one. */
static void loads_at(struct bench *t) {
    static const enum ir_element indices[] = {IR_I32, IR_I64, IR_U8, IR_U16};
    static const int64_t list[] = {7, 0, 3, 100, 2}, more[] = {5, 1};
    struct ir_builder *b = &t->k.b;
    for (int n = 0; n < 4; n++) {
        const uint32_t i = ir_loop_begin(b, "i", 5);
        const struct ir_affine turn = {.buffer = -1, .count = 1, .term = {{i, 1}}};
        const struct ir_affine at_a = moving(t->a, i, 2), at_z = moving(t->z, i, 3 * t->type.lanes);
        const struct ir_type index = {(uint8_t)indices[n], 1};
        const ir_ref number = ir_affine(b, index, &turn, 0);
        const ir_ref at = ir_op2(b, IR_ADD, ir_lookup(b, indices[n], number, list, 5), ir_lookup(b, indices[n], number, more, 2));
        const int64_t from = (int64_t)IR_GT * SECTION;
        const ir_ref x = ir_load_at(b, t->type, &at_a, from, at, 0);
        const ir_ref greater = ir_op2(b, IR_GT, x, ir_load_at(b, t->type, &at_a, from + 1, number, 0));
        ir_store(b, &at_z, t->used, x, 0);
        ir_store(b, &at_z, t->used + t->type.lanes,
                 ir_load_at(b, t->type, &at_a, from, at, ir_mask(b, t->type.lanes, all_lanes(t->type.lanes) / 3)), 0);
        ir_store(b, &at_z, t->used + 2 * t->type.lanes, ir_load_at(b, t->type, &at_a, from, at, greater), 0);
        ir_loop_end(b, i);
        t->used += 5 * 3 * (int64_t)t->type.lanes;
    }
}

/* Sums in a local array: one of every addition of the loop, and one addition each. */
static void additions(struct bench *t) {
    static const enum ir_element indices[] = {IR_I32, IR_I64, IR_U8, IR_U16};
    const struct ir_type type = one_lane(t);
    if (!ir_elements[type.element].real || t->type.lanes > 1)
        return;
    for (int n = 0; n < 4; n++) {
        for (int k = 20; k < 24; k++)
            store(&t->k, t->local, k, number(t, type, 0));
        const uint32_t i = ir_loop_begin(&t->k.b, "i", 12);
        const struct ir_affine at_a = moving(t->a, i, 1), one = moving(t->local, i, -2), each = moving(t->local, i, -1);
        const struct ir_affine plain = {.buffer = -1, .count = 1, .term = {{i, 2}}};
        const ir_ref index = ir_affine(&t->k.b, (struct ir_type){(uint8_t)indices[n], 1}, &plain, 0); /* i in all */
        ir_add_at(&t->k.b, &one, 23, index, ir_load(&t->k.b, type, &at_a, (int64_t)TAME * SECTION, 0));
        ir_add_at(&t->k.b, &each, 11 + n, index, ir_load(&t->k.b, type, &at_a, (int64_t)IR_GT * SECTION, 0));
        ir_loop_end(&t->k.b, i);
        for (int k = 20; k < 24; k++)
            append(t, load(&t->k, type, t->local, k));
    }
}

/* Values and masks that change places, become each other, and go through an inner loop of one, two or five iterations. */
static void carried_values(struct bench *t, int64_t trip) {
    struct ir_builder *k = &t->k.b;
    const int64_t from = (int64_t)IR_PICK_GT * SECTION;
    const ir_ref x = load(&t->k, t->type, t->a, from), y = load(&t->k, t->type, t->b, from);
    const ir_ref greater = ir_op2(k, IR_GT, x, y);
    const uint32_t i = ir_loop_begin(k, "i", 3);
    const ir_ref p = ir_loop_carry(k, i, x), q = ir_loop_carry(k, i, y), m = ir_loop_carry(k, i, greater);
    const struct ir_affine at = moving(t->b, i, t->type.lanes), to = moving(t->z, i, t->type.lanes);
    const uint32_t j = ir_loop_begin(k, "j", trip);
    const ir_ref a = ir_loop_carry(k, j, p), b = ir_loop_carry(k, j, q), c = ir_loop_carry(k, j, number(t, t->type, 1));
    const ir_ref n = ir_loop_carry(k, j, m);
    const ir_ref o = ir_loop_carry(k, j, ir_mask(k, t->type.lanes, 5 & all_lanes(t->type.lanes)));
    ir_loop_next(k, j, 0, b);
    ir_loop_next(k, j, 1, ir_select(k, n, c, a));
    ir_loop_next(k, j, 2, ir_op2(k, IR_PICK_GT, a, b));
    ir_loop_next(k, j, 3, o);
    ir_loop_next(k, j, 4, ir_op1(k, IR_NOT, n));
    ir_loop_end(k, j);
    const ir_ref chosen = ir_select(k, ir_loop_result(k, j, 3), ir_loop_result(k, j, 0), ir_loop_result(k, j, 1));
    ir_store(k, &to, t->used, chosen, 0);
    ir_loop_next(k, i, 0, ir_op2(k, IR_PICK_LT, ir_load(k, t->type, &at, from, 0), ir_loop_result(k, j, 2)));
    ir_loop_next(k, i, 1, p); /* the value before this iteration */
    ir_loop_next(k, i, 2, ir_loop_result(k, j, 4));
    ir_loop_end(k, i);
    t->used += 3 * t->type.lanes;
    append(t, ir_loop_result(k, i, 0));
    append(t, ir_loop_result(k, i, 1));
    append(t, ir_select(k, ir_loop_result(k, i, 2), x, y));
}

/* One carried value: the sum, the greatest, the smallest, or the sum of products (NONE) of `trip` elements. */
static void sum_by_loop(struct bench *t, enum ir_op op, int section, int64_t trip) {
    struct ir_builder *k = &t->k.b;
    const struct ir_type type = one_lane(t);
    const int64_t from = (int64_t)section * SECTION + trip;
    const uint32_t i = ir_loop_begin(k, "i", trip);
    const struct ir_affine at_a = moving(t->a, i, 1), at_b = moving(t->b, i, 1);
    const ir_ref carried = ir_loop_carry(k, i, number(t, type, 0)), x = ir_load(k, type, &at_a, from, 0);
    if (op == IR_NONE)
        ir_loop_next(k, i, 0, ir_op2(k, IR_ADD, ir_op2(k, IR_MUL, x, ir_load(k, type, &at_b, from, 0)), carried));
    else
        ir_loop_next(k, i, 0, ir_op2(k, op, carried, x));
    ir_loop_end(k, i);
    append(t, ir_loop_result(k, i, 0));
}

/* The sum in memory, which a compiler keeps in a register: the same loop again. */
static void sum_in_memory(struct bench *t, int64_t trip) {
    struct ir_builder *k = &t->k.b;
    const struct ir_type type = one_lane(t);
    store(&t->k, t->local, 0, number(t, type, 0));
    const uint32_t i = ir_loop_begin(k, "i", trip);
    const struct ir_affine at_a = moving(t->a, i, 1);
    const ir_ref x = ir_load(k, type, &at_a, TAME * SECTION, 0);
    store(&t->k, t->local, 0, ir_op2(k, IR_ADD, load(&t->k, type, t->local, 0), x));
    ir_loop_end(k, i);
    append(t, load(&t->k, type, t->local, 0));
}

/* Loops in which the order of additions, NaN and the signs of zeros show: what a compiler that makes vectors of them must
 * not change. Trip counts lie around those from which it does, or is told to. */
static void sums_by_loops(struct bench *t) {
    static const int64_t trips[] = {2, 3, 4, 6, 8, 15, 16, 17, 64};
    const bool real = ir_elements[t->type.element].real;
    for (size_t n = 0; t->type.lanes == 1 && n < sizeof trips / sizeof *trips; n++) {
        sum_by_loop(t, IR_ADD, TAME, trips[n]);
        sum_in_memory(t, trips[n]);
        sum_by_loop(t, IR_PICK_GT, IR_GT, trips[n]);
        sum_by_loop(t, IR_PICK_LT, IR_GT, trips[n]);
        if (!real)
            continue;
        sum_by_loop(t, IR_NONE, TAME, trips[n]);
        sum_by_loop(t, IR_MUL, TAME, trips[n]);
        sum_by_loop(t, IR_ADD, IR_GT, trips[n]);
    }
}

static void carried_once(struct bench *t) {
    carried_values(t, 1);
}
static void carried_twice(struct bench *t) {
    carried_values(t, 2);
}
static void carried_often(struct bench *t) {
    carried_values(t, 5);
}

static void check_element(struct pc_jit *jit, enum ir_element element, int lanes, bool apart, const void *a, const void *b) {
    static void (*const pieces[])(struct bench *) = {
        every_arithmetic, every_comparison, every_logic,   constants,     known_powers, constant_masks,
        computed_masks,   local_out,        local_in,      splats,        shuffles,     reductions,
        lane_constants,   affine_values,    sums_by_loops, carried_once,  carried_twice, carried_often,
        lookups,          additions,        loads_at};
    struct bench t = {.type = {(uint8_t)element, (uint8_t)lanes}};
    char who[40];
    open_kit(&t.k);
    t.a = ir_buffer_add(t.k.f, "a", element, SECTIONS * SECTION, IR_INPUT);
    t.local = ir_buffer_add(t.k.f, "l", element, lanes + ADDITIONS, IR_LOCAL);
    t.b = ir_buffer_add(t.k.f, "b", element, SECTIONS * SECTION, IR_INPUT);
    t.z = ir_buffer_add(t.k.f, "z", element, 1, IR_OUTPUT);
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        const uint32_t piece = apart ? ir_loop_begin(&t.k.b, "piece", 1) : 0;
        pieces[i](&t);
        if (apart)
            ir_loop_end(&t.k.b, piece);
    }
    t.k.f->buffers[t.z].count = t.used;
    snprintf(who, sizeof who, "%s x %d", ir_elements[element].name, lanes);
    note(t.k.f);
    run_both(jit, &t.k, (const void *const[]){a, NULL, b, NULL}, who);
    close_kit(&t.k);
}

/* ---- integers of one width to those of another, and to reals ---- */

static void check_conversions(struct pc_jit *jit, enum ir_element from, int lanes) {
    static const enum ir_element targets[] = {IR_U8, IR_U16, IR_I32, IR_I64, IR_F32, IR_F64}; /* reals: of one lane */
    enum { TARGETS = sizeof targets / sizeof *targets };
    int64_t x[TARGETS * SECTION]; /* as large as any element */
    struct kit k;
    char who[40];
    open_kit(&k);
    ir_buffer_add(k.f, "x", from, TARGETS * SECTION, IR_INPUT);
    for (int n = 0; n < TARGETS; n++) {
        const bool real = ir_elements[targets[n]].real;
        int64_t low, high;
        limits(real ? from : targets[n], &low, &high);
        for (int i = 0, which = 0; i < SECTION; which++) {
            const int64_t value = hard_integer(which / INTEGERS % 2 && !real ? targets[n] : from, which % INTEGERS);
            int64_t source_low, source_high;
            limits(from, &source_low, &source_high);
            if (value >= low && value <= high && value >= source_low && value <= source_high)
                put(from, x, n * SECTION + i++, (union number){.integer = value});
        }
        if (targets[n] == from || (real && lanes > 1))
            continue;
        const int z = ir_buffer_add(k.f, ir_elements[targets[n]].name, targets[n], SECTION / lanes * lanes, IR_OUTPUT);
        const uint32_t i = ir_loop_begin(&k.b, "i", SECTION / lanes);
        const struct ir_affine at_x = moving(0, i, lanes), at_z = moving(z, i, lanes);
        const ir_ref value = ir_load(&k.b, (struct ir_type){(uint8_t)from, (uint8_t)lanes}, &at_x, n * SECTION, 0);
        ir_store(&k.b, &at_z, 0, ir_convert(&k.b, targets[n], value), 0);
        ir_loop_end(&k.b, i);
    }
    snprintf(who, sizeof who, "from %s x %d", ir_elements[from].name, lanes);
    note(k.f);
    run_both(jit, &k, (const void *const[]){x, NULL, NULL, NULL}, who);
    close_kit(&k);
}

/* ---- everything ---- */

/* Whether nodes of this operation can have this element and as many lanes: what note() counts. */
static bool is_legal(enum ir_op op, enum ir_element element, int lanes) {
    const bool mask = element == IR_MASK, real = ir_elements[element].real;
    switch (op) {
    case IR_CONST: case IR_SELECT: case IR_SPLAT: case IR_SHUFFLE: case IR_CARRIED: case IR_RESULT:
        return true;
    case IR_AFFINE: case IR_CONVERT:
        return !mask && !real;
    case IR_FMSUB: case IR_FNMADD: case IR_POW: case IR_SQRT: case IR_EXP: case IR_LOG:
        return real;
    case IR_AND: case IR_OR: case IR_NOT:
        return mask;
    case IR_LOAD: case IR_LOAD_AT: case IR_ADD: case IR_SUB: case IR_MUL: case IR_DIV: case IR_NEG: case IR_ABS: case IR_PICK_GT:
    case IR_PICK_LT: case IR_NAN_OR: case IR_GT: case IR_LT: case IR_LE: case IR_GE: case IR_EQ: case IR_UNORDERED: case IR_REDUCE_ADD:
    case IR_REDUCE_GT:
    case IR_REDUCE_LT: case IR_STORE:
        return !mask;
    case IR_LANES:
        return !mask && lanes > 1;
    case IR_LOOKUP:
        return !mask && !real && lanes == 1;
    case IR_FETCH:
        return !mask && lanes == 1;
    case IR_ADD_AT:
        return real && lanes == 1;
    case IR_NONE: case IR_FOR: case IR_COMMENT: case IR_OP_COUNT:
        return false;
    }
    abort();
}

static void check_coverage(void) {
    cr_assert(seen[IR_FOR][0][0] && seen[IR_COMMENT][0][0]);
    cr_assert_gt(functions_of_pieces, 0);
    for (int op = 1; op < IR_OP_COUNT; op++)
        for (int element = 0; element < IR_ELEMENT_COUNT; element++)
            for (int i = 0; i < LANE_COUNTS; i++)
                cr_assert(!is_legal((enum ir_op)op, (enum ir_element)element, lane_counts[i]) || seen[op][element][lane_counts[i]],
                          "no function of this test has %s of %s x %d", ir_ops[op].name, ir_elements[element].name,
                          lane_counts[i]);
}

Test(llvm, every_operation_element_and_lane_count) {
    static double a[SECTIONS * SECTION], b[SECTIONS * SECTION]; /* as large as any element */
    struct pc_arena arena = {0};
    struct pc_diags diags;
    pc_diags_init(&diags, &arena);
    struct pc_jit *jit = pc_jit_open(&diags);
    cr_assert_not_null(jit);
    const struct silence silence = silence_begin();
    for (int element = 0; element < IR_MASK; element++) {
        for (int section = 0; section < SECTIONS; section++)
            fill_section((enum ir_element)element, section, a, b);
        for (int i = 0; i < LANE_COUNTS; i++) {
            check_element(jit, (enum ir_element)element, lane_counts[i], (element + i) % 2, a, b);
            if (!ir_elements[element].real)
                check_conversions(jit, (enum ir_element)element, lane_counts[i]);
        }
    }
    pc_jit_close(jit);
    silence_end(silence);
    check_coverage();
    pc_arena_release(&arena);
}
