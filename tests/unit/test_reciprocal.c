/* test_reciprocal.c - divisions by constants without dividing (note [reciprocals]) give every bit of those with. */
#include "ir_kit.h"

#include <criterion/criterion.h>
#include <float.h>
#include <stdlib.h>
#include <string.h>

enum { LANES = 16 };

/* ---- numerators ---- */

struct numerators {
    size_t count, capacity;
    double *at; /* of the element type */
};

static void add(struct numerators *n, double value) {
    if (n->count == n->capacity) {
        n->capacity = 2 * n->capacity + 1024;
        cr_assert_not_null(n->at = realloc(n->at, n->capacity * sizeof *n->at));
    }
    n->at[n->count++] = value;
}

/* What is hard for this divisor: quotients that are midpoints of two subnormal numbers, their neighbours, the largest and the
 * smallest, and many that are nothing of that kind. */
static struct numerators hard_numerators(enum ir_element element, int64_t divisor, unsigned seed) {
    static const double special[] = {0.0, -0.0, INFINITY, -INFINITY, NAN, 1, -1, 3};
    const bool narrow = element == IR_F32;
    const double least = narrow ? (double)FLT_TRUE_MIN : DBL_TRUE_MIN, most = narrow ? (double)FLT_MAX : DBL_MAX;
    const int digits = narrow ? FLT_MANT_DIG : DBL_MANT_DIG, low = narrow ? FLT_MIN_EXP : DBL_MIN_EXP;
    const int exponents = narrow ? FLT_MAX_EXP - FLT_MIN_EXP : DBL_MAX_EXP - DBL_MIN_EXP;
    struct numerators n = {0};
    srand(seed);
    for (size_t i = 0; i < sizeof special / sizeof *special; i++)
        add(&n, special[i]);
    add(&n, most);
    add(&n, -most);
    for (int i = 0; i < 20000; i++) {
        /* Numbers of up to as many digits, a few about each end of what is subnormal when it is divided. */
        const int bits = 1 + rand() % (digits - 1);
        const double quotient = floor(ldexp((double)rand() / RAND_MAX, bits)) + 0.5;
        const double near = floor(quotient * (double)divisor) + (rand() % 5 - 2);
        add(&n, (i % 2 ? -1 : 1) * near * least);
        const double fraction = ldexp(floor(ldexp(0.5 + 0.5 * rand() / RAND_MAX, digits)), -digits);
        add(&n, ldexp(fraction, low + rand() % exponents));
    }
    while (n.count % LANES)
        add(&n, 1);
    for (size_t i = 0; i < n.count; i++)
        n.at[i] = narrow ? (double)(float)n.at[i] : n.at[i];
    return n;
}

/* ---- dividing ---- */

/* What the interpreter makes of the quotients; false: they are divisions. */
static bool divide(enum ir_element element, const struct numerators *n, const int64_t *divisors, double *quotients) {
    const struct ir_type type = {(uint8_t)element, LANES};
    const size_t size = ir_elements[element].bytes;
    struct kit k;
    open_kit(&k);
    k.b.fused = true;
    const int x = ir_buffer_add(k.f, "x", element, (int64_t)n->count, IR_INPUT);
    const int y = ir_buffer_add(k.f, "y", element, (int64_t)n->count, IR_OUTPUT);
    const uint32_t i = ir_loop_begin(&k.b, "i", (int64_t)n->count / LANES);
    const struct ir_affine at_x = moving(x, i, LANES), at_y = moving(y, i, LANES);
    ir_store(&k.b, &at_y, 0, ir_op2(&k.b, IR_DIV, ir_load(&k.b, type, &at_x, 0, 0), ir_lanes(&k.b, type, divisors)), 0);
    ir_loop_end(&k.b, i);
    verify(&k);
    bool multiplies = false;
    for (size_t r = 1; r < k.f->node_count; r++)
        multiplies |= k.f->nodes[r].op == IR_FNMADD;
    char *in = malloc(n->count * size), *out = malloc(n->count * size);
    cr_assert(in && out);
    for (size_t e = 0; e < n->count; e++)
        if (element == IR_F32)
            ((float *)(void *)in)[e] = (float)n->at[e];
        else
            ((double *)(void *)in)[e] = n->at[e];
    cr_assert(ir_eval(k.f, (void *const[]){in, out}));
    for (size_t e = 0; e < n->count; e++)
        quotients[e] = element == IR_F32 ? (double)((float *)(void *)out)[e] : ((double *)(void *)out)[e];
    free(in);
    free(out);
    close_kit(&k);
    return multiplies;
}

static double divided(enum ir_element element, double s, int64_t d) {
    return element == IR_F32 ? (double)((float)s / (float)d) : s / (double)d;
}

static bool check(enum ir_element element, const int64_t *divisors) {
    struct numerators n = hard_numerators(element, divisors[0], (unsigned)divisors[LANES - 1]);
    double *quotients = malloc(n.count * sizeof *quotients);
    cr_assert_not_null(quotients);
    const bool multiplies = divide(element, &n, divisors, quotients);
    for (size_t i = 0; i < n.count; i++) {
        const double expected = divided(element, n.at[i], divisors[i % LANES]);
        cr_assert(same_number(quotients[i], expected), "%s: %a / %lld is %a, not %a", ir_elements[element].name, n.at[i],
                  (long long)divisors[i % LANES], quotients[i], expected);
    }
    free(n.at);
    free(quotients);
    return multiplies;
}

static bool check_both(const int64_t *divisors) {
    const bool single = check(IR_F32, divisors);
    return check(IR_F64, divisors) && single;
}

static const int64_t *all(int64_t divisor) {
    static int64_t divisors[LANES];
    for (int l = 0; l < LANES; l++)
        divisors[l] = divisor;
    return divisors;
}

Test(reciprocal, odd_divisors) {
    static const int64_t odd[] = {3, 5, 7, 9, 15, 25, 27, 35, 49, 81, 121, 125, 169, 343, 4097, 65535};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        cr_assert(check_both(all(odd[i])), "%lld has no reciprocal", (long long)odd[i]);
}

Test(reciprocal, even_divisors) {
    static const int64_t even[] = {6, 10, 12, 14, 18, 20, 24, 28, 30, 36, 40, 42, 48, 60, 72, 80, 90, 196};
    for (size_t i = 0; i < sizeof even / sizeof *even; i++)
        cr_assert(check_both(all(even[i])), "%lld has no reciprocal", (long long)even[i]);
}

/* Their odd parts have reciprocals that are too far off. */
Test(reciprocal, even_divisors_without) {
    static const int64_t single[] = {112, 224, 448, 480}, both[] = {49 * 64, 75 * 128, 77 * 128};
    for (size_t i = 0; i < sizeof single / sizeof *single; i++)
        cr_assert_not(check(IR_F32, all(single[i])), "%lld", (long long)single[i]);
    for (size_t i = 0; i < sizeof both / sizeof *both; i++)
        cr_assert_not(check(IR_F64, all(both[i])), "%lld", (long long)both[i]);
}

/* Windows at borders have fewer taps than others. */
Test(reciprocal, lanes_of_their_own) {
    static const int64_t borders[LANES] = {4, 6, 6, 4, 6, 9, 9, 6, 6, 9, 9, 6, 4, 6, 6, 4};
    static const int64_t odd[LANES] = {9, 9, 9, 1, 1, 3, 3, 3, 5, 5, 15, 25, 25, 15, 27, 1};
    cr_assert(check_both(borders) && check_both(odd));
}

/* Powers of two are simplify.c's, what is large or none of a window's is divided by. */
Test(reciprocal, others_are_divisions) {
    static const int64_t others[] = {1, 2, 64, 65536, 65537, -3, 1000003};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        cr_assert_not(check_both(all(others[i])), "%lld", (long long)others[i]);
}
