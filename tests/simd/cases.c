/* cases.c - see batch_cases() in test_simd.h: every operation on every element and lane count, lanes in every order that pooling
 * needs and in some that it does not, masks at both ends of a buffer. */
#include "test_simd.h"

#include "pool/random.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

enum { PLACES = 12 /* vectors of an input */, LISTS_MAX = 64 };

/* A function under construction: two inputs and an output of the element, an output for masks. */
struct subject {
    struct kit k;
    struct ir_type type;
    int64_t used; /* elements of the output that have a store */
    struct pool_random random;
};

enum { X, W, Y, BUFFERS };

static void begin(struct subject *s, struct ir_type type, enum ir_element output, uint64_t seed) {
    *s = (struct subject){.type = type, .random = pool_random_start(seed, "simd")};
    open_kit(&s->k);
    ir_buffer_add(s->k.f, "x", (enum ir_element)type.element, PLACES * type.lanes, IR_INPUT);
    ir_buffer_add(s->k.f, "w", (enum ir_element)type.element, PLACES * type.lanes, IR_INPUT);
    ir_buffer_add(s->k.f, "y", output, 0, IR_OUTPUT);
}

/* Real numbers: all pairs of the special ones first. Integers: from low to high, at both ends too. */
static void end(struct subject *s, struct batch *batch, const char *name, const int64_t range[2][2]) {
    static const double special[] = {0.0, -0.0, 1, -1, NAN, INFINITY, -INFINITY, FLT_MAX, -FLT_TRUE_MIN, 3, -2.5};
    enum { SPECIAL = sizeof special / sizeof *special };
    const int64_t count = s->k.f->buffers[X].count;
    void *contents[2];
    for (int which = 0; which < 2; which++) {
        cr_assert_not_null(contents[which] = malloc((size_t)count * sizeof(double)));
        for (int64_t i = 0; i < count; i++) {
            const double real = i < SPECIAL * SPECIAL ? special[which ? i % SPECIAL : i / SPECIAL]
                                                      : (double)pool_random_between(&s->random, -40000, 40000) / 7;
            int64_t value = pool_random_between(&s->random, range[which][0], range[which][1]);
            if (i % 5 < 2)
                value = range[which][i % 5];
            switch ((enum ir_element)s->type.element) {
            case IR_F32: ((float *)contents[which])[i] = (float)real; break;
            case IR_F64: ((double *)contents[which])[i] = real; break;
            case IR_U8: ((uint8_t *)contents[which])[i] = (uint8_t)value; break;
            case IR_U16: ((uint16_t *)contents[which])[i] = (uint16_t)value; break;
            case IR_I32: ((int32_t *)contents[which])[i] = (int32_t)value; break;
            case IR_I64: ((int64_t *)contents[which])[i] = value; break;
            case IR_MASK: case IR_ELEMENT_COUNT: abort();
            }
        }
    }
    s->k.f->buffers[Y].count = s->used;
    batch_add(batch, &s->k, name, (const void *const[]){contents[0], contents[1]});
    close_kit(&s->k);
    free(contents[0]);
    free(contents[1]);
}

static void out(struct subject *s, ir_ref value) {
    store(&s->k, Y, s->used, value);
    s->used += ir_at(s->k.f, value)->type.lanes;
}

static void out_mask(struct subject *s, ir_ref mask) {
    const struct ir_type type = {IR_I32, ir_at(s->k.f, mask)->type.lanes};
    out(s, ir_select(&s->k.b, mask, ir_integer(&s->k.b, type, 1), ir_integer(&s->k.b, type, 0)));
}

/* ---- element by element ---- */

static bool is_for(enum ir_op op, enum ir_element element) {
    return ir_ops[op].kind == IR_KIND_ARITH || (ir_ops[op].kind == IR_KIND_REAL && ir_elements[element].real);
}

static void arithmetic(struct batch *batch, struct ir_type type, const int64_t range[2][2], bool wide) {
    struct subject s;
    begin(&s, type, (enum ir_element)type.element, 1);
    for (int place = 0; place < PLACES; place++) {
        const ir_ref a = load(&s.k, type, X, place * type.lanes), b = load(&s.k, type, W, place * type.lanes);
        for (int op = 1; op < IR_OP_COUNT; op++) {
            const bool pick = op == IR_PICK_GT || op == IR_PICK_LT;
            if (!is_for((enum ir_op)op, (enum ir_element)type.element) || (wide && !pick))
                continue;
            out(&s, apply(&s.k, (enum ir_op)op, a, b));
        }
        for (int op = IR_GT; op <= IR_GE; op++)
            out(&s, ir_select(&s.k.b, ir_op2(&s.k.b, (enum ir_op)op, a, b), b, a));
    }
    end(&s, batch, wide ? "wide" : "arithmetic", range);
}

static void comparisons(struct batch *batch, struct ir_type type, const int64_t range[2][2]) {
    struct subject s;
    begin(&s, type, IR_I32, 2);
    for (int place = 0; place < PLACES; place++) {
        const ir_ref a = load(&s.k, type, X, place * type.lanes), b = load(&s.k, type, W, place * type.lanes);
        const ir_ref gt = ir_op2(&s.k.b, IR_GT, a, b), lt = ir_op2(&s.k.b, IR_LT, a, b), eq = ir_op2(&s.k.b, IR_EQ, a, b);
        const ir_ref le = ir_op2(&s.k.b, IR_LE, a, b), ge = ir_op2(&s.k.b, IR_GE, a, b);
        const ir_ref unordered = ir_op2(&s.k.b, IR_UNORDERED, a, b), either = ir_op2(&s.k.b, IR_OR, gt, unordered);
        /* Narrow integers wrap around below zero, which a store alone would not tell; wider ones must not. */
        const bool narrow = type.element == IR_U8 || type.element == IR_U16;
        const ir_ref wrapped = narrow ? ir_op2(&s.k.b, IR_LT, ir_op2(&s.k.b, IR_SUB, a, b), b) : lt;
        const ir_ref some = ir_mask(&s.k.b, type.lanes, pool_random_next(&s.random) & all_lanes(type.lanes));
        const ir_ref results[] = {gt, lt, le, ge, eq, wrapped, unordered, either, ir_op2(&s.k.b, IR_AND, lt, some),
                                  ir_op1(&s.k.b, IR_NOT, eq), ir_select(&s.k.b, lt, some, unordered)};
        for (size_t i = 0; i < sizeof results / sizeof *results; i++)
            out_mask(&s, results[i]);
    }
    end(&s, batch, "comparisons", range);
}

static void reductions(struct batch *batch, struct ir_type type, const int64_t range[2][2]) {
    struct subject s;
    begin(&s, type, (enum ir_element)type.element, 3);
    for (int place = 0; place < PLACES; place++) {
        const ir_ref a = load(&s.k, type, place % 2 ? X : W, place * type.lanes);
        for (int op = IR_REDUCE_ADD; op <= IR_REDUCE_LT; op++)
            out(&s, ir_reduce(&s.k.b, (enum ir_op)op, a));
    }
    /* Numbers of one size, so that the order shows. */
    ir_ref sum = load(&s.k, type, X, (PLACES - 1) * type.lanes);
    sum = ir_op2(&s.k.b, IR_ADD, sum, load(&s.k, type, W, (PLACES - 2) * type.lanes));
    out(&s, ir_reduce(&s.k.b, IR_REDUCE_ADD, sum));
    end(&s, batch, "reductions", range);
}

static void conversions(struct batch *batch, struct ir_type from, enum ir_element to, const int64_t range[2][2]) {
    struct subject s;
    begin(&s, from, to, 4);
    for (int place = 0; place < PLACES; place++)
        out(&s, ir_convert(&s.k.b, to, load(&s.k, from, place % 2 ? X : W, place * from.lanes)));
    end(&s, batch, "conversions", range);
}

/* ---- lanes ---- */

static void lane_orders(struct batch *batch, struct ir_type type, const int64_t range[2][2], int other, bool masks) {
    const int n = type.lanes;
    struct subject s;
    begin(&s, type, masks ? IR_I32 : (enum ir_element)type.element, 5);
    const ir_ref first = load(&s.k, type, X, 3 * n), second = load(&s.k, type, W, 4 * n);
    const ir_ref a = masks ? ir_op2(&s.k.b, IR_LT, first, second) : first;
    const ir_ref b = masks ? ir_op2(&s.k.b, IR_GT, load(&s.k, type, X, 5 * n), second) : second;
    uint8_t lists[LISTS_MAX][IR_LANES_MAX];
    int count = 0, wanted = n;
    for (; count < 24; count++)
        for (int i = 0; i < IR_LANES_MAX; i++) {
            const uint64_t any = pool_random_next(&s.random);
            const int orders[] = {
                2 * i,           2 * i + 1,       3 * i,           4 * i,           i + 1,           i + n - 1,
                i + n / 2,       n - 1 - i,       n + n - 1 - i,   i / 2,           i / 2 + n / 2,   0,
                n - 1,           i / 2 + i % 2 * n, n / 2 + i / 2 + i % 2 * n, i + (int)(any % 2) * n, (i + 1) % n + i % 2 * n,
                (int)(any % (uint64_t)n), (int)(any % (uint64_t)n) + n, i < n / 2 ? n - 1 : n + i % 2, 3 * i + 1,
                (i + n / 2 + 1) % n,
            };
            const int orders_count = sizeof orders / sizeof *orders;
            lists[count][i] = (uint8_t)((count < orders_count ? orders[count] : (int)(any >> 8)) & (2 * n - 1));
        }
    for (int i = 0; i < count + 4; i++) {
        if (i == count)
            wanted = other;
        const ir_ref value = ir_shuffle(&s.k.b, a, b, wanted, lists[i < count ? i : 4 * (i - count)]);
        masks ? out_mask(&s, value) : out(&s, value);
    }
    int64_t numbers[IR_LANES_MAX];
    for (int i = 0; i < n; i++)
        numbers[i] = type.element == IR_U8 || type.element == IR_U16 ? 255 - 3 * i : 1000003 * (i - 5);
    if (!masks)
        out(&s, ir_lanes(&s.k.b, type, numbers));
    for (int i = 0; i < 2; i++) { /* one lane, and back */
        const uint8_t last = (uint8_t)(i ? n - 1 : n), mixed[IR_LANES_MAX] = {0, 1, 1, 0, 1};
        const ir_ref lane = ir_shuffle(&s.k.b, a, b, 1, &last), zero = ir_shuffle(&s.k.b, a, b, 1, mixed);
        const ir_ref values[] = {lane, ir_splat(&s.k.b, n, lane), ir_shuffle(&s.k.b, lane, zero, n, mixed)};
        for (size_t k = 0; k < sizeof values / sizeof *values; k++)
            masks ? out_mask(&s, values[k]) : out(&s, values[k]);
    }
    end(&s, batch, masks ? "masks" : "lanes", range);
}

/* ---- memory ---- */

/* Loads of the last `valid` lanes before the beginning of x and of the first of them before its end; stores that do the same
 * with y; masks with holes, constant and computed. */
static void memory(struct batch *batch, struct ir_type type, const int64_t range[2][2], int valid) {
    const int n = type.lanes;
    struct subject s;
    begin(&s, type, (enum ir_element)type.element, 6 + (uint64_t)valid);
    ir_buffer_add(s.k.f, "l", (enum ir_element)type.element, n, IR_LOCAL);
    const struct ir_affine x = {.buffer = X}, y = {.buffer = Y}, local = {.buffer = BUFFERS};
    const uint64_t low = all_lanes(n) >> (n - valid) & (valid ? UINT64_MAX : 0), high = low << (n - valid);
    const uint64_t holes = pool_random_next(&s.random) & all_lanes(n);
    const ir_ref head = ir_load(&s.k.b, type, &x, valid - n, ir_mask(&s.k.b, n, high));
    const ir_ref tail = ir_load(&s.k.b, type, &x, PLACES * n - valid, ir_mask(&s.k.b, n, low));
    const ir_ref some = ir_load(&s.k.b, type, &x, n + 1, ir_mask(&s.k.b, n, holes));
    const ir_ref mask = ir_op2(&s.k.b, IR_GT, load(&s.k, type, X, 3 * n), load(&s.k, type, W, 4 * n));
    const ir_ref computed = ir_load(&s.k.b, type, &x, n + valid, mask);
    ir_store(&s.k.b, &y, valid - n, head, ir_mask(&s.k.b, n, high));
    ir_store(&s.k.b, &y, valid, some, ir_mask(&s.k.b, n, holes));
    ir_store(&s.k.b, &y, valid, tail, ir_mask(&s.k.b, n, ~holes & all_lanes(n)));
    ir_store(&s.k.b, &local, 0, head, 0);
    ir_store(&s.k.b, &local, 0, computed, mask);
    s.used = valid + n;
    out(&s, ir_load(&s.k.b, type, &local, 0, 0));
    out(&s, computed);
    ir_store(&s.k.b, &y, s.used, tail, ir_mask(&s.k.b, n, low));
    s.used += valid ? valid : 0;
    end(&s, batch, "memory", range);
}

/* ---- all of them ---- */

/* Integers whose sums and products fit; the second range is for divisors. */
static const int64_t small[2][2] = {{0, 11}, {1, 9}}, negative[2][2] = {{-11, 11}, {-9, -1}};

void batch_cases(struct batch *batch) {
    static const enum ir_element elements[] = {IR_F32, IR_F64, IR_U8, IR_U16, IR_I32, IR_I64};
    static const int64_t whole[][2] = {
        [IR_U8] = {0, UINT8_MAX}, [IR_U16] = {0, UINT16_MAX}, [IR_I32] = {INT32_MIN, INT32_MAX}, [IR_I64] = {INT64_MIN, INT64_MAX}};
    const struct pc_target_row *row = pc_target_row(batch->target);
    const int lanes[] = {row->most, row->half};
    for (size_t i = 0; i < (row->most > 1 ? 2 * sizeof elements / sizeof *elements : 0); i++) {
        const struct ir_type type = {(uint8_t)elements[i / 2], (uint8_t)lanes[i % 2]};
        const bool real = ir_elements[type.element].real, is_signed = type.element == IR_I32 || type.element == IR_I64;
        const int64_t(*fits)[2] = is_signed ? negative : small;
        int64_t wide[2][2] = {{0, 1}, {0, 1}};
        if (!real)
            memcpy(wide[0], whole[type.element], sizeof *wide), memcpy(wide[1], whole[type.element], sizeof *wide);
        arithmetic(batch, type, fits, false);
        if (!real)
            arithmetic(batch, type, (const int64_t(*)[2])wide, true);
        comparisons(batch, type, (const int64_t(*)[2])wide);
        reductions(batch, type, fits);
        lane_orders(batch, type, (const int64_t(*)[2])wide, lanes[1 - i % 2], false);
        if (type.element == IR_F32)
            lane_orders(batch, type, fits, lanes[1 - i % 2], true);
        for (int valid = 0; valid <= type.lanes; valid += type.lanes > 8 && valid > 2 && valid < 12 ? 3 : 1)
            memory(batch, type, (const int64_t(*)[2])wide, valid);
        for (int to = IR_U8; to <= IR_I64 && !real; to++) {
            int64_t both[2][2];
            for (int k = 0; k < 2; k++) {
                both[k][0] = whole[to][0] > wide[k][0] ? whole[to][0] : wide[k][0];
                both[k][1] = whole[to][1] < wide[k][1] ? whole[to][1] : wide[k][1];
            }
            if (to != type.element)
                conversions(batch, type, (enum ir_element)to, (const int64_t(*)[2])both);
        }
    }
}
