/* reciprocal.c - divisions of vectors by constants, without dividing; where the machine has FMA.
 *
 * note [reciprocals]
 * A division of 16 f32 takes 10 cycles on Granite Rapids and 6 on Zen 4, a product half a cycle and one.  For an odd d, with
 * r = 1 / d rounded,
 *
 *     q = s * r;  e = d * q - s;  result = q - e * r,     the last two rounded once each,
 *
 * is s / d, rounded to nearest, for every finite s.  In f32 (f64: 53 for 24, and so on), let u be the distance of q's
 * neighbours, the smaller one if q is a power of two.
 *   - q is off by 2 u at most: u / 2, or u below a power of two, of its own rounding, and s * |r - 1 / d| <= s / d * 2^-24,
 *     which is u at most.
 *   - e has no rounding: it is a multiple of u, since s and q are, and at most 2 d u, which for d < 2^16 has digits enough.
 *   - So q - e * r, before it is rounded, is off by |e| * |r - 1 / d| <= 2 u * 2^-24.  s / d itself is u / 2d away from any
 *     midpoint M of two numbers at least, for M d is no multiple of u if M is an odd multiple of u / 2, and s is.  Both
 *     round to the same number, subnormal ones too.
 *   - For s = 0 the signs are right: e is +0, and q - (+0) is q.
 *   - s of infinity would make e NaN, which the choice `e < largest ? e : largest` makes the largest number; infinity less
 *     that is infinity.  e itself is far below: 2 d u < 2^17 * 2^104 in f32, 2^17 * 2^971 in f64.  NaN stays NaN.
 *
 * An even d = 2^k o has midpoints M with M d = s, in the one case that s / d is subnormal.  These q must round as a division
 * does, and e * r must be too small to change it: q = (s * (1 / o)) * 2^-k, and r is a little less than 1 / d.
 *   - s / o = m 2^(k - 1) u is a number then, m odd, and m < 2^24 / o, or s had more digits than it has.  s * r', for
 *     r' = 1 / o rounded, is off by s / o * |o r' - 1| <= s / o * 2^-24.  That is less than u / 2 where 2^k < o; and where
 *     |o r' - 1| <= 2^-25 it is at most half the distance of neighbours, whatever s / o is, and half only at a power of two,
 *     to which a tie goes.  In these cases s * r' is rounded to s / o, and q is that over 2^k, rounded.  In others (112 is
 *     one) there is a division.
 *   - |e| is half of d u, and r < 1 / d: q - e * r is less than u / 2 away from q.
 * Where s / d is no midpoint it is u / 2d away from any, as above; q is off by 3 u at most, for it may be rounded twice, and
 * |r - 1 / d| <= 2^-21 / d, which for d < 2^16 leaves room again.  Lanes with odd divisors, 1 and powers of two go the same
 * way beside lanes with even ones: what is said of u / 2d holds for them, and the quotient of a power of two is q. */
#include "ir/ir_build.h"

#include <float.h>
#include <math.h>

enum { DIVISOR_MOST = 65535 };

/* Divisors as products, lane by lane. */
struct factors {
    int64_t divisor[IR_LANES_MAX], odd[IR_LANES_MAX], power[IR_LANES_MAX];
    bool even;  /* one of them is */
    bool other; /* one of them is no power of two */
};

/* The number in a lane of a constant; 0: it is none that can be a divisor here. */
static int64_t number_in(const struct ir_function *f, const struct ir_node *node, int lane) {
    const double value = node->op == IR_LANES ? (double)f->numbers[node->aux].at[lane] : node->u.real;
    return value >= 1 && value <= DIVISOR_MOST && value == floor(value) ? (int64_t)value : 0;
}

/* |o / o rounded - 1| <= 2^-25: see above.  One multiplication and addition show it without a rounding of theirs. */
static bool is_close(enum ir_element element, int64_t odd) {
    if (element == IR_F32)
        return fabsf(fmaf((float)odd, 1.0F / (float)odd, -1.0F)) <= FLT_EPSILON / 4;
    return fabs(fma((double)odd, 1.0 / (double)odd, -1.0)) <= DBL_EPSILON / 4;
}

static bool factorize(const struct ir_function *f, const struct ir_node *divisors, struct factors *out) {
    out->even = out->other = false;
    for (int l = 0; l < divisors->type.lanes; l++) {
        const int64_t d = out->divisor[l] = number_in(f, divisors, l);
        if (d == 0)
            return false;
        out->power[l] = d & -d;
        out->odd[l] = d / out->power[l];
        out->even |= out->power[l] > 1;
        out->other |= out->odd[l] > 1;
        const bool may_be_off = out->odd[l] > 1 && out->power[l] > out->odd[l];
        if (may_be_off && !is_close((enum ir_element)divisors->type.element, out->odd[l]))
            return false;
    }
    return true;
}

/* numerator / number, in each lane; compilers work out what is constant. */
static ir_ref quotients(struct ir_builder *b, struct ir_type type, double numerator, const int64_t *numbers) {
    const ir_ref by = ir_lanes(b, type, numbers);
    if (ir_at(b->function, by)->op == IR_LANES)
        return ir_op2(b, IR_DIV, ir_real(b, type, numerator), by);
    const double exact = (double)numbers[0];
    return ir_real(b, type, type.element == IR_F32 ? (double)((float)numerator / (float)exact) : numerator / exact);
}

ir_ref ir_divide_by_products(struct ir_builder *b, ir_ref s, ir_ref divisors) {
    const struct ir_node by = *ir_at(b->function, divisors);
    const struct ir_type type = by.type;
    const bool narrow = type.element == IR_F32;
    struct factors factors;
    if (type.lanes == 1 || !ir_elements[type.element].real || (by.op != IR_CONST && by.op != IR_LANES) ||
        ir_at(b->function, s)->op == IR_CONST || !factorize(b->function, &by, &factors))
        return 0;
    if (!factors.other) /* a single power is simplify.c's, also for targets without FMA */
        return by.op == IR_CONST ? 0 : ir_op2(b, IR_MUL, s, quotients(b, type, 1, factors.power));
    const double below_one = 1 - 2 * (narrow ? (double)FLT_EPSILON : DBL_EPSILON); /* so far that rounding does not matter */
    const ir_ref reciprocal = quotients(b, type, 1, factors.odd);
    ir_ref q = ir_op2(b, IR_MUL, s, reciprocal);
    if (factors.even)
        q = ir_op2(b, IR_MUL, q, quotients(b, type, 1, factors.power));
    const ir_ref e = ir_op3(b, IR_FMSUB, divisors, q, s);
    const ir_ref finite = ir_op2(b, IR_PICK_LT, e, ir_real(b, type, narrow ? (double)FLT_MAX : DBL_MAX));
    return ir_op3(b, IR_FNMADD, finite, factors.even ? quotients(b, type, below_one, factors.divisor) : reciprocal, q);
}
