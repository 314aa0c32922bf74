/* ir_random.h - random functions of the kernel IR, from a seed.
 *
 * What a function may not do - read what was never written, give an integer a value that does not fit, leave an output
 * undefined - is kept from happening while it is made: integers carry the interval that they lie in, stores to outputs go to
 * fresh places, local arrays are filled first. */
#ifndef IR_RANDOM_H
#define IR_RANDOM_H

#include "ir_kit.h"

#include "pool/random.h"

#include <float.h>

enum { NODES_MAX = 4096, VALUES_MAX = 4096, DEPTH_MAX = 3 };
enum { INPUT_COUNT = 200, LOCAL_COUNT = 90, LANES_USED = 3, TRIP_MAX = 5 };

enum { IN_F32, IN_F64, IN_INTEGER, OUT_F32, OUT_F64, OUT_I64, LOCAL_F32, LOCAL_INTEGER, BUFFERS };

struct range {
    int64_t low, high;
};

struct maker {
    struct kit k;
    struct pool_random random;
    enum ir_element integer;  /* of the integer input */
    struct range input, kept; /* of its elements, and of those of the local array */
    int lanes[LANES_USED];
    ir_ref values[VALUES_MAX]; /* that can be used here */
    int value_count;
    struct range range[NODES_MAX]; /* of integers */
    uint32_t open[DEPTH_MAX + 1];
    int depth;
    int64_t used[BUFFERS]; /* elements of outputs that have a store */
    int limit;             /* nodes */
};

/* ---- choices ---- */

static int below(struct maker *m, int bound) {
    return (int)pool_random_below(&m->random, (uint64_t)bound);
}

static bool chance(struct maker *m, int times, int of) {
    return pool_random_chance(&m->random, (uint64_t)times, (uint64_t)of);
}

static int some_lanes(struct maker *m) {
    return m->lanes[below(m, LANES_USED)];
}

static enum ir_element some_number(struct maker *m) {
    const enum ir_element elements[] = {IR_F32, IR_F32, IR_F64, m->integer, m->integer, IR_I64, IR_I32, IR_U8};
    return elements[below(m, sizeof elements / sizeof *elements)];
}

static struct ir_type some_type(struct maker *m) {
    const enum ir_element element = chance(m, 1, 5) ? IR_MASK : some_number(m);
    return (struct ir_type){(uint8_t)element, (uint8_t)some_lanes(m)};
}

static bool is_integer(enum ir_element element) {
    return element != IR_MASK && !ir_elements[element].real;
}

/* ---- ranges ---- */

static struct range range_of_element(enum ir_element element) {
    return (struct range){element == IR_I32   ? INT32_MIN
                          : element == IR_I64 ? INT64_MIN
                                              : 0,
                          element == IR_U8    ? UINT8_MAX
                          : element == IR_U16 ? UINT16_MAX
                          : element == IR_I32 ? INT32_MAX
                                              : INT64_MAX};
}

static bool is_inside(struct range inner, struct range outer) {
    return inner.low >= outer.low && inner.high <= outer.high;
}

static struct range both_ranges(struct range a, struct range b) {
    return (struct range){a.low < b.low ? a.low : b.low, a.high > b.high ? a.high : b.high};
}

static struct ir_type type_of(const struct maker *m, ir_ref ref) {
    return ir_at(m->k.f, ref)->type;
}

/* Notes a value and where its integers lie; the range of a reference is written once, value numbering or not. */
static ir_ref keep(struct maker *m, ir_ref ref, struct range range) {
    cr_assert(ref < NODES_MAX && m->value_count < VALUES_MAX);
    m->range[ref] = range;
    m->values[m->value_count++] = ref;
    return ref;
}

static const struct range no_range = {0, 0};

/* The interval of an operation; false where a value might not fit. */
static bool integer_range(enum ir_op op, enum ir_element element, struct range a, struct range b, struct range *out) {
    const int64_t x[] = {a.low, a.high}, y[] = {b.low, b.high};
    const struct range all = range_of_element(element);
    *out = (struct range){INT64_MAX, INT64_MIN};
    if (op == IR_DIV && b.low <= 0 && b.high >= 0)
        return false;
    for (int i = 0; i < 4; i++) {
        const int64_t p = x[i / 2], q = y[i % 2];
        int64_t value = 0;
        if ((op == IR_ADD && __builtin_add_overflow(p, q, &value)) ||
            (op == IR_SUB && __builtin_sub_overflow(p, q, &value)) ||
            (op == IR_MUL && __builtin_mul_overflow(p, q, &value)) ||
            ((op == IR_NEG || op == IR_ABS) && __builtin_sub_overflow((int64_t)0, p, &value)) ||
            (op == IR_DIV && p == INT64_MIN && q == -1))
            return false;
        if (op == IR_DIV)
            value = p / q;
        else if (op == IR_ABS)
            value = p < 0 ? value : p;
        else if (op == IR_PICK_GT || op == IR_PICK_LT)
            value = (p > q) == (op == IR_PICK_GT) ? p : q;
        *out = both_ranges(*out, (struct range){value, value});
    }
    if (op == IR_ABS && a.low < 0 && a.high > 0)
        out->low = 0;
    return is_inside(*out, all);
}

/* ---- places ---- */

/* A place in a buffer where lanes 0 .. `last` lie inside for all values of the loop variables. */
static struct ir_affine some_place(struct maker *m, int buffer, int last, int64_t *constant) {
    struct ir_affine place = {.buffer = buffer};
    int64_t low = 0, high = last;
    for (int i = 0; i < m->depth; i++) {
        const int64_t stride = below(m, 7) - 3, reach = stride * (m->k.f->loops[m->open[i]].trip - 1);
        place.term[place.count++] = (struct ir_term){m->open[i], stride};
        *(reach < 0 ? &low : &high) += reach;
    }
    const int64_t room = m->k.f->buffers[buffer].count - (high - low + 1); /* buffers are larger than any reach */
    cr_assert_geq(room, 0);
    *constant = below(m, (int)room + 1) - low;
    return place;
}

static uint64_t some_bits(struct maker *m, int lanes) {
    const uint64_t all = all_lanes(lanes);
    return chance(m, 1, 8) ? all : chance(m, 1, 8) ? 0 : pool_random_next(&m->random) & all;
}

static ir_ref pick(struct maker *m, struct ir_type type);

/* A load from an input or a local array; masks are computed, or constant with the upper lanes behind the end. */
static ir_ref some_load(struct maker *m, struct ir_type type, int buffer) {
    int64_t constant;
    int last = type.lanes - 1;
    ir_ref mask = 0;
    if (chance(m, 1, 3)) {
        uint64_t bits = some_bits(m, type.lanes);
        if (chance(m, 1, 2)) {
            mask = pick(m, (struct ir_type){IR_MASK, type.lanes});
            bits = ir_at(m->k.f, mask)->op == IR_CONST ? (uint64_t)ir_at(m->k.f, mask)->u.integer : UINT64_MAX;
        } else {
            mask = ir_mask(&m->k.b, type.lanes, bits);
        }
        while (last > 0 && !(bits >> last & 1))
            last--;
    }
    const struct ir_affine place = some_place(m, buffer, last, &constant);
    struct range range = buffer == LOCAL_INTEGER ? m->kept : m->input;
    if (mask)
        range = both_ranges(range, no_range);
    return keep(m, ir_load(&m->k.b, type, &place, constant, mask), range);
}

/* ---- values ---- */

static ir_ref integer_constant(struct maker *m, struct ir_type type, int64_t value) {
    return keep(m, ir_integer(&m->k.b, type, value), (struct range){value, value});
}

static ir_ref lane_constants(struct maker *m, struct ir_type type) {
    int64_t numbers[IR_LANES_MAX];
    struct range range = {0, 11};
    for (int i = 0; i < type.lanes; i++)
        numbers[i] = below(m, (int)range.high + 1);
    return keep(m, ir_lanes(&m->k.b, type, numbers), ir_elements[type.element].real ? no_range : range);
}

static ir_ref leaf(struct maker *m, struct ir_type type) {
    static const double reals[] = {0.0, -0.0, 1, -1, 0.5, 3, -2.5, NAN, INFINITY, -INFINITY, FLT_MAX, FLT_TRUE_MIN, 1e-3};
    const enum ir_element element = (enum ir_element)type.element;
    if (element == IR_MASK)
        return keep(m, ir_mask(&m->k.b, type.lanes, some_bits(m, type.lanes)), no_range);
    if (type.lanes > 1 && chance(m, 1, 8))
        return lane_constants(m, type);
    if (element == IR_F32 && chance(m, 2, 3))
        return some_load(m, type, chance(m, 1, 3) ? LOCAL_F32 : IN_F32);
    if (element == IR_F64 && chance(m, 2, 3))
        return some_load(m, type, IN_F64);
    if (ir_elements[element].real)
        return keep(m, ir_real(&m->k.b, type, reals[below(m, sizeof reals / sizeof *reals)]), no_range);
    if (element == m->integer && chance(m, 2, 3))
        return some_load(m, type, chance(m, 1, 3) ? LOCAL_INTEGER : IN_INTEGER);
    if (m->depth > 0 && chance(m, 1, 2)) {
        const uint32_t loop = m->open[below(m, m->depth)];
        const int64_t stride = below(m, 9) + 1, last = stride * (m->k.f->loops[loop].trip - 1);
        const struct ir_affine plain = {.buffer = -1, .count = 1, .term = {{loop, stride}}};
        return keep(m, ir_affine(&m->k.b, type, &plain, 2), (struct range){2, 2 + last});
    }
    return integer_constant(m, type, chance(m, 1, 5) ? range_of_element(element).high : below(m, 12));
}

/* A value of this type: mostly one that is there. */
static ir_ref pick(struct maker *m, struct ir_type type) {
    int count = 0;
    ir_ref chosen = 0;
    for (int i = 0; i < m->value_count; i++)
        if (ir_same_type(type_of(m, m->values[i]), type) && below(m, ++count) == 0)
            chosen = m->values[i];
    return chosen && !chance(m, 1, 6) ? chosen : leaf(m, type);
}

static ir_ref clamp(struct maker *m, ir_ref ref, struct range to) {
    const struct ir_type type = type_of(m, ref);
    if (!is_integer((enum ir_element)type.element) || is_inside(m->range[ref], to))
        return ref;
    const ir_ref low = ir_op2(&m->k.b, IR_PICK_GT, ref, ir_integer(&m->k.b, type, to.low));
    return keep(m, ir_op2(&m->k.b, IR_PICK_LT, low, ir_integer(&m->k.b, type, to.high)), to);
}

static void real_operation(struct maker *m, struct ir_type type) {
    static const enum ir_op ops[] = {IR_ADD,  IR_ADD, IR_SUB, IR_MUL,     IR_MUL,     IR_DIV,     IR_POW,     IR_NEG,   IR_ABS,
                                     IR_SQRT, IR_EXP, IR_LOG, IR_FMSUB,   IR_FNMADD,
                                     IR_PICK_GT, IR_PICK_LT, IR_PICK_GT, IR_PICK_LT, IR_NAN_OR};
    const enum ir_op op = ops[below(m, sizeof ops / sizeof *ops)];
    const ir_ref a = pick(m, type), b = pick(m, type);
    keep(m, apply(&m->k, op, a, b), no_range);
}

static void integer_operation(struct maker *m, struct ir_type type) {
    static const enum ir_op ops[] = {IR_ADD, IR_SUB, IR_MUL, IR_DIV, IR_NEG, IR_ABS, IR_PICK_GT, IR_PICK_LT};
    const enum ir_op op = ops[below(m, sizeof ops / sizeof *ops)];
    struct range range;
    ir_ref a = pick(m, type), b = pick(m, type);
    if (op == IR_DIV && chance(m, 2, 3))
        b = clamp(m, b, (struct range){1, 9});
    if (chance(m, 1, 2) && !integer_range(op, (enum ir_element)type.element, m->range[a], m->range[b], &range)) {
        a = clamp(m, a, (struct range){4, 11});
        b = clamp(m, b, (struct range){1, 4});
    }
    if (integer_range(op, (enum ir_element)type.element, m->range[a], m->range[b], &range))
        keep(m, apply(&m->k, op, a, b), range);
}

/* What lies as far behind a place as a list says. */
static void load_found(struct maker *m, ir_ref found, int64_t most) {
    const enum ir_element elements[] = {IR_F32, IR_F64, m->integer};
    const int which = below(m, 3);
    const struct ir_type type = {(uint8_t)elements[which], (uint8_t)some_lanes(m)};
    const ir_ref mask = chance(m, 1, 3) ? pick(m, (struct ir_type){IR_MASK, type.lanes}) : 0;
    int64_t constant;
    const struct ir_affine place =
        some_place(m, (const int[]){IN_F32, IN_F64, IN_INTEGER}[which], type.lanes - 1 + (int)most, &constant);
    keep(m, ir_load_at(&m->k.b, type, &place, constant, found, mask), mask ? both_ranges(m->input, no_range) : m->input);
}

/* A number of a list, and a load that is found so, or an addition to an element of the local array. */
static void addressed(struct maker *m) {
    int64_t numbers[20], constant;
    const ir_ref at = pick(m, (struct ir_type){(uint8_t)m->integer, 1});
    const int count = 1 + below(m, 20);
    for (int i = 0; i < count; i++)
        numbers[i] = below(m, 41);
    const ir_ref found = keep(m, ir_lookup(&m->k.b, m->integer, at, numbers, count), (struct range){0, 40});
    if (chance(m, 1, 3))
        load_found(m, found, 40);
    if (chance(m, 1, 2))
        return;
    const struct ir_affine place = some_place(m, LOCAL_F32, 40, &constant);
    ir_add_at(&m->k.b, &place, constant, found, pick(m, (struct ir_type){IR_F32, 1}));
}

static void mask_operation(struct maker *m, struct ir_type type) {
    static const enum ir_op ops[] = {IR_GT, IR_LT, IR_LE, IR_GE, IR_EQ, IR_UNORDERED, IR_AND, IR_OR, IR_NOT};
    const enum ir_op op = ops[below(m, sizeof ops / sizeof *ops)];
    if (ir_ops[op].kind == IR_KIND_COMPARE)
        type.element = (uint8_t)some_number(m);
    const ir_ref a = pick(m, type), b = pick(m, type);
    keep(m, apply(&m->k, op, a, b), no_range);
}

static void lane_operation(struct maker *m, struct ir_type type) {
    struct ir_type from = {type.element, (uint8_t)some_lanes(m)};
    uint8_t list[IR_LANES_MAX];
    if (chance(m, 1, 4)) {
        from.lanes = 1;
        const ir_ref a = pick(m, from);
        keep(m, ir_splat(&m->k.b, type.lanes, a), m->range[a]);
        return;
    }
    const ir_ref a = pick(m, from), b = pick(m, from);
    for (int i = 0; i < type.lanes; i++)
        list[i] = (uint8_t)below(m, 2 * from.lanes);
    keep(m, ir_shuffle(&m->k.b, a, b, type.lanes, list), both_ranges(m->range[a], m->range[b]));
}

static void reduction(struct maker *m, struct ir_type type) {
    static const enum ir_op ops[] = {IR_REDUCE_ADD, IR_REDUCE_GT, IR_REDUCE_LT};
    const enum ir_op op = ops[below(m, 3)];
    if (type.element == IR_MASK)
        return;
    ir_ref a = pick(m, type);
    if (op == IR_REDUCE_ADD)
        a = clamp(m, a, (struct range){0, UINT8_MAX / IR_LANES_MAX});
    const int64_t times = op == IR_REDUCE_ADD ? type.lanes : 1;
    const struct range range = is_integer((enum ir_element)type.element)
                                   ? (struct range){m->range[a].low * times, m->range[a].high * times}
                                   : no_range;
    keep(m, ir_reduce(&m->k.b, op, a), range);
}

static void conversion(struct maker *m, struct ir_type type) {
    static const enum ir_element targets[] = {IR_U8, IR_U16, IR_I32, IR_I64};
    const enum ir_element target = targets[below(m, 4)];
    if (!is_integer((enum ir_element)type.element))
        return;
    ir_ref a = pick(m, type);
    if (type.lanes == 1 && chance(m, 1, 4)) {
        keep(m, ir_convert(&m->k.b, chance(m, 1, 2) ? IR_F32 : IR_F64, a), no_range);
        return;
    }
    if (!is_inside(m->range[a], range_of_element(target)))
        a = clamp(m, a, (struct range){0, chance(m, 1, 2) ? UINT8_MAX : 100});
    keep(m, ir_convert(&m->k.b, target, a), m->range[a]);
}

static void selection(struct maker *m, struct ir_type type) {
    const ir_ref mask = pick(m, (struct ir_type){IR_MASK, type.lanes}), a = pick(m, type), b = pick(m, type);
    keep(m, ir_select(&m->k.b, mask, a, b), both_ranges(m->range[a], m->range[b]));
}

/* ---- statements ---- */

/* To a fresh place of an output, in each iteration of the loops around it another one. */
static void to_output(struct maker *m, ir_ref value) {
    const struct ir_type type = type_of(m, value);
    const enum ir_element element = (enum ir_element)type.element;
    if (element == IR_MASK) {
        const struct ir_type i64 = {IR_I64, type.lanes};
        value = ir_select(&m->k.b, value, ir_integer(&m->k.b, i64, 1), ir_integer(&m->k.b, i64, 0));
    } else if (is_integer(element)) {
        value = ir_convert(&m->k.b, IR_I64, value);
    }
    const int buffer = element == IR_F32 ? OUT_F32 : element == IR_F64 ? OUT_F64 : OUT_I64;
    struct ir_affine place = {.buffer = buffer};
    int64_t size = type.lanes;
    for (int i = m->depth; i-- > 0;) {
        place.term[place.count++] = (struct ir_term){m->open[i], size};
        size *= m->k.f->loops[m->open[i]].trip;
    }
    if (m->used[buffer] % 4 == 0)
        ir_fetch(&m->k.b, &place, m->used[buffer]);
    if (chance(m, 1, 3)) {
        const uint64_t bits = some_bits(m, type.lanes);
        ir_store(&m->k.b, &place, m->used[buffer], value, ir_mask(&m->k.b, type.lanes, bits));
        ir_store(&m->k.b, &place, m->used[buffer], value, ir_mask(&m->k.b, type.lanes, all_lanes(type.lanes) & ~bits));
    } else {
        ir_store(&m->k.b, &place, m->used[buffer], value, 0);
    }
    m->used[buffer] += size;
}

static void to_local(struct maker *m, int lanes) {
    const bool real = chance(m, 1, 2);
    const struct ir_type type = {(uint8_t)(real ? IR_F32 : m->integer), (uint8_t)lanes};
    int64_t constant;
    const ir_ref value = clamp(m, pick(m, type), m->kept);
    const ir_ref mask = chance(m, 1, 2) ? pick(m, (struct ir_type){IR_MASK, type.lanes}) : 0;
    const struct ir_affine place = some_place(m, real ? LOCAL_F32 : LOCAL_INTEGER, lanes - 1, &constant);
    ir_store(&m->k.b, &place, constant, value, mask);
}

static void statements(struct maker *m, int count);

/* What was made inside is out of reach afterwards, except through carried values. */
static void some_loop(struct maker *m, bool plain) {
    enum { CARRIED_MAX = 4 };
    const int carried = plain ? 0 : below(m, CARRIED_MAX + 1);
    struct range range[CARRIED_MAX];
    ir_ref initial[CARRIED_MAX], param[CARRIED_MAX];
    for (int i = 0; i < carried; i++) {
        initial[i] = pick(m, i > 0 && chance(m, 1, 2) ? type_of(m, initial[0]) : some_type(m));
        range[i] = both_ranges(m->range[initial[i]], (struct range){0, 50});
    }
    const int before = m->value_count;
    static const char *const names[DEPTH_MAX + 1] = {"a", "b", "c", "f"};
    const uint32_t loop = ir_loop_begin(&m->k.b, names[m->depth], plain || chance(m, 1, 4) ? 1 : 2 + below(m, TRIP_MAX - 1));
    m->open[m->depth++] = loop;
    for (int i = 0; i < carried; i++)
        param[i] = keep(m, ir_loop_carry(&m->k.b, loop, initial[i]), range[i]);
    statements(m, 4 + below(m, 8));
    for (int i = 0; i < carried; i++) {
        ir_ref next = pick(m, type_of(m, param[i]));
        for (int k = 0; k < carried; k++) /* often two change places */
            if (k != i && ir_same_type(type_of(m, param[k]), type_of(m, param[i])) && chance(m, 1, 2))
                next = param[k];
        ir_loop_next(&m->k.b, loop, (size_t)i, clamp(m, next, range[i]));
    }
    ir_loop_end(&m->k.b, loop);
    m->depth--;
    m->value_count = before;
    for (int i = 0; i < carried; i++)
        keep(m, ir_loop_result(&m->k.b, loop, (size_t)i), range[i]);
}

static void statement(struct maker *m) {
    const struct ir_type type = some_type(m);
    const int which = below(m, 20);
    if (which < 3 && m->depth < DEPTH_MAX)
        some_loop(m, false);
    else if (which == 3)
        to_local(m, type.lanes);
    else if (which == 4)
        selection(m, type);
    else if (which < 7)
        lane_operation(m, type);
    else if (which == 7)
        reduction(m, type);
    else if (which == 8)
        conversion(m, (struct ir_type){(uint8_t)m->integer, type.lanes});
    else if (which == 9 && m->value_count > 0)
        to_output(m, m->values[below(m, m->value_count)]);
    else if (which == 11)
        addressed(m);
    else if (which == 10 && chance(m, 1, 4))
        ir_comment(&m->k.b, "words");
    else if (type.element == IR_MASK)
        mask_operation(m, type);
    else if (ir_elements[type.element].real)
        real_operation(m, type);
    else
        integer_operation(m, type);
}

static void statements(struct maker *m, int count) {
    enum { LAST = 4 /* values that are stored, so that LLVM finds a use of them */ };
    const int before = m->value_count;
    for (int i = 0; i < count && m->k.f->node_count < (size_t)m->limit; i++)
        statement(m);
    for (int i = 0; i < LAST && m->value_count > before; i++)
        to_output(m, m->values[before + below(m, m->value_count - before)]);
}

/* ---- a function ---- */

static void fill_locals(struct maker *m) {
    const uint32_t i = ir_loop_begin(&m->k.b, "fill", LOCAL_COUNT);
    const struct ir_affine real = moving(LOCAL_F32, i, 1), integer = moving(LOCAL_INTEGER, i, 1);
    ir_store(&m->k.b, &real, 0, ir_real(&m->k.b, (struct ir_type){IR_F32, 1}, 1.5), 0);
    ir_store(&m->k.b, &integer, 0, ir_integer(&m->k.b, (struct ir_type){(uint8_t)m->integer, 1}, m->kept.high), 0);
    ir_loop_end(&m->k.b, i);
}

/* As one body, or as parts that share nothing but local arrays. */
static void make_body(struct maker *m) {
    const bool parts = chance(m, 1, 4);
    uint32_t part = parts ? ir_loop_begin(&m->k.b, "part", 1) : 0;
    fill_locals(m);
    if (!parts) {
        statements(m, m->limit);
        return;
    }
    ir_loop_end(&m->k.b, part);
    for (int i = 0; i < 3; i++)
        some_loop(m, true);
}

/* A function of its own for each seed. lanes: the three counts that its values have, NULL: one, and any two. */
static inline void make(struct maker *m, uint64_t seed, const int *lanes) {
    static const enum ir_element integers[] = {IR_U8, IR_U16, IR_I32, IR_I64};
    static const struct {
        enum ir_element element;
        const char *name;
        int64_t count;
        enum ir_role role;
    } rows[BUFFERS] = {
        [IN_F32] = {IR_F32, "x", INPUT_COUNT, IR_INPUT},
        [IN_F64] = {IR_F64, "d", INPUT_COUNT, IR_INPUT},
        [IN_INTEGER] = {IR_MASK, "n", INPUT_COUNT, IR_INPUT},
        [OUT_F32] = {IR_F32, "y", 1, IR_OUTPUT},
        [OUT_F64] = {IR_F64, "e", 1, IR_OUTPUT},
        [OUT_I64] = {IR_I64, "k", 1, IR_OUTPUT},
        [LOCAL_F32] = {IR_F32, "l", LOCAL_COUNT, IR_LOCAL},
        [LOCAL_INTEGER] = {IR_MASK, "m", LOCAL_COUNT, IR_LOCAL},
    };
    *m = (struct maker){.random = pool_random_start(seed, "ir")};
    m->integer = integers[below(m, 4)];
    m->input = chance(m, 1, 3) ? range_of_element(m->integer) : (struct range){0, 11};
    m->kept = (struct range){0, 40};
    m->limit = 30 + below(m, 120);
    m->lanes[0] = 1;
    for (int i = 0; i < LANES_USED; i++)
        if (lanes || i > 0)
            m->lanes[i] = lanes ? lanes[i] : 1 + below(m, chance(m, 1, 3) ? IR_LANES_MAX : 17);
    open_kit(&m->k);
    for (int i = 0; i < BUFFERS; i++) /* IR_MASK: the function's integer */
        ir_buffer_add(m->k.f, rows[i].name, rows[i].element == IR_MASK ? m->integer : rows[i].element, rows[i].count,
                      rows[i].role);
    make_body(m);
    for (int i = OUT_F32; i <= OUT_I64; i++) { /* one more element, so that no output is empty */
        m->k.f->buffers[i].count = m->used[i] + 1;
        const struct ir_type type = {(uint8_t)m->k.f->buffers[i].element, 1};
        const uint32_t last = ir_loop_begin(&m->k.b, "last", 1);
        const bool real = ir_elements[type.element].real;
        store(&m->k, i, m->used[i], real ? ir_real(&m->k.b, type, 1) : ir_integer(&m->k.b, type, 1));
        ir_loop_end(&m->k.b, last);
    }
}

/* Elements of the inputs: hard ones, and integers in the function's interval, at both its ends too. */
struct inputs {
    float x[INPUT_COUNT];
    double d[INPUT_COUNT];
    int64_t n[INPUT_COUNT]; /* memory for as many of any integer */
};

static inline void make_inputs(const struct maker *m, uint64_t seed, struct inputs *inputs) {
    struct pool_random random = pool_random_start(seed, "inputs");
    void *n = inputs->n;
    pool_random_hard(seed, "x", POOL_HARD_ALL, POOL_F32, INPUT_COUNT, inputs->x);
    pool_random_hard(seed, "d", POOL_HARD_ALL, POOL_F64, INPUT_COUNT, inputs->d);
    for (int i = 0; i < INPUT_COUNT; i++) {
        int64_t value = pool_random_between(&random, m->input.low, m->input.high);
        if (pool_random_chance(&random, 1, 4))
            value = pool_random_chance(&random, 1, 2) ? m->input.low : m->input.high;
        switch (ir_elements[m->integer].bytes) {
        case 1: ((uint8_t *)n)[i] = (uint8_t)value; break;
        case 2: ((uint16_t *)n)[i] = (uint16_t)value; break;
        case 4: ((int32_t *)n)[i] = (int32_t)value; break;
        default: ((int64_t *)n)[i] = value; break;
        }
    }
}

#endif
