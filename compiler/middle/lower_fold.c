/* lower_fold.c - see lower_fold.h. */
#include "middle/lower_fold.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

bool fold_picks(const struct nest *nest) {
    return nest->mode->combine != PC_COMBINE_ADD;
}

bool fold_propagates_nan(const struct nest *nest) {
    return nest->layer->desc.nan == POOL_NAN_PROPAGATE;
}

ir_ref fold_identity(struct nest *nest) {
    switch (nest->mode->combine) {
    case PC_COMBINE_PICK_GT:
        return ir_real(&nest->b, nest->real, -INFINITY);
    case PC_COMBINE_PICK_LT:
        return ir_real(&nest->b, nest->real, INFINITY);
    case PC_COMBINE_ADD:
        return ir_real(&nest->b, nest->real, -0.0);
    }
    abort();
}

static enum ir_op pick(const struct nest *nest) {
    return nest->mode->combine == PC_COMBINE_PICK_GT ? IR_PICK_GT : IR_PICK_LT;
}

ir_ref fold_without_nan(struct nest *nest, const struct fold *fold) {
    if (!fold->raw || fold_propagates_nan(nest))
        return fold->value;
    return ir_op2(&nest->b, pick(nest), fold->value, fold_identity(nest));
}

/* ---- NaN apart from the value ---- */

static void look_at(struct nest *nest, struct fold *fold, ir_ref value) {
    if (!value)
        return;
    if (!fold->pending) {
        fold->pending = value;
        return;
    }
    const ir_ref either = ir_op2(&nest->b, IR_UNORDERED, fold->pending, value);
    fold->nan = fold->nan ? ir_op2(&nest->b, IR_OR, fold->nan, either) : either;
    fold->pending = 0;
}

static void combine_nan(struct nest *nest, struct fold *r, const struct fold *a, const struct fold *b) {
    r->nan = a->nan && b->nan ? ir_op2(&nest->b, IR_OR, a->nan, b->nan) : a->nan ? a->nan : b->nan;
    r->pending = a->pending;
    look_at(nest, r, b->pending);
    look_at(nest, r, b->value);
}

void fold_settle(struct nest *nest, struct fold *fold) {
    if (fold->pending)
        look_at(nest, fold, fold->pending);
}

void fold_put_nan(struct nest *nest, struct fold *fold) {
    if (fold->pending && !fold->nan && nest->real.lanes > 1) {
        fold->value = ir_op2(&nest->b, IR_NAN_OR, fold->pending, fold->value);
        fold->pending = 0;
        return;
    }
    fold_settle(nest, fold);
    if (fold->nan)
        fold->value = ir_select(&nest->b, fold->nan, ir_real(&nest->b, nest->real, NAN), fold->value);
    fold->nan = 0;
}

/* ---- combining ---- */

/* Whether the mask of compare_tracked is that of lanes that keep what they have; else of those that take what comes. */
static bool compares_what_stays(const struct nest *nest) {
    return fold_propagates_nan(nest) && nest->real.lanes > 1;
}

/* See note [a later NaN in the same comparison].  Of one lane it would be a branch, which C compilers do not turn into
 * vectors. */
static ir_ref compare_tracked(struct nest *nest, ir_ref a, ir_ref b) {
    struct ir_builder *build = &nest->b;
    const bool largest = nest->mode->combine == PC_COMBINE_PICK_GT;
    if (compares_what_stays(nest)) {
        const ir_ref best = ir_real(build, nest->real, largest ? INFINITY : -INFINITY);
        return ir_op2(build, largest ? IR_LE : IR_GE, b, ir_op2(build, largest ? IR_PICK_LT : IR_PICK_GT, a, best));
    }
    const ir_ref beats = ir_op2(build, largest ? IR_GT : IR_LT, b, a);
    return fold_propagates_nan(nest) ? ir_op2(build, IR_OR, beats, ir_op2(build, IR_UNORDERED, b, b)) : beats;
}

static ir_ref choose(struct nest *nest, ir_ref mask, ir_ref a, ir_ref b) {
    return compares_what_stays(nest) ? ir_select(&nest->b, mask, a, b) : ir_select(&nest->b, mask, b, a);
}

/* Value, tap number and index together; lanes that saw nothing before take what comes. */
static struct fold combine_tracked(struct nest *nest, const struct fold *a, const struct fold *b) {
    struct ir_builder *build = &nest->b;
    const ir_ref left = fold_without_nan(nest, a);
    struct fold r = {.missing = a->missing & b->missing};
    ir_ref mask = compare_tracked(nest, left, b->value);
    r.value = choose(nest, mask, left, b->value);
    const uint64_t first = a->missing & ~b->missing, all = UINT64_MAX >> (64 - nest->real.lanes);
    if (first && compares_what_stays(nest))
        mask = ir_op2(build, IR_AND, mask, ir_mask(build, nest->real.lanes, all & ~first));
    else if (first)
        mask = ir_op2(build, IR_OR, mask, ir_mask(build, nest->real.lanes, first));
    if (a->tap)
        r.tap = choose(nest, mask, a->tap, b->tap);
    if (a->index)
        r.index = choose(nest, mask, a->index, b->index);
    return r;
}

struct fold fold_combine(struct nest *nest, const struct fold *a, const struct fold *b) {
    struct fold r = {.missing = a->missing & b->missing};
    if (!fold_picks(nest)) {
        r.value = ir_op2(&nest->b, IR_ADD, a->value, b->value);
        return r;
    }
    if (a->tap || a->index)
        return combine_tracked(nest, a, b);
    r.value = ir_op2(&nest->b, pick(nest), b->value, fold_without_nan(nest, a));
    if (fold_propagates_nan(nest))
        combine_nan(nest, &r, a, b);
    return r;
}

struct fold fold_append(struct nest *nest, struct fold a, struct fold b) {
    struct fold fold = fold_combine(nest, &a, &b);
    fold_put_nan(nest, &fold);
    return fold;
}

/* ---- first and last ---- */

ir_ref fold_lift(struct nest *nest, ir_ref x) {
    if (nest->mode->lift != PC_LIFT_ABS_POW)
        return x;
    const double p = nest->layer->desc.p;
    /* An even product needs no absolute value. */
    return nest_power(nest, p == 2 || p == 4 ? x : ir_op1(&nest->b, IR_ABS, x), p);
}

int64_t fold_divisor_factor(const struct nest *nest) {
    const struct pool_desc *desc = &nest->layer->desc;
    return desc->divisor == POOL_DIVISOR_OVERRIDE ? desc->divisor_override : 1;
}

ir_ref fold_divisor(struct nest *nest) {
    int64_t divisor = fold_divisor_factor(nest);
    for (int a = 0; a < POOL_MAX_RANK; a++)
        divisor *= pc_axis_count(&nest->layer->axis[a], 0);
    return ir_real(&nest->b, nest->real, (double)divisor);
}

ir_ref fold_divide(struct nest *nest, ir_ref sum) {
    int64_t divisor = fold_divisor_factor(nest);
    for (int a = 0; a < POOL_MAX_RANK; a++)
        divisor *= nest->segment[a]->divisor;
    return ir_op2(&nest->b, IR_DIV, sum, ir_real(&nest->b, nest->real, (double)divisor));
}

static ir_ref root(struct nest *nest, ir_ref sum) {
    const double p = nest->layer->desc.p;
    if (p == 1)
        return sum;
    if (p != 2 && p != 4)
        return ir_op2(&nest->b, IR_POW, sum, ir_real(&nest->b, nest->real, 1 / p));
    const ir_ref square_root = ir_op1(&nest->b, IR_SQRT, sum);
    return p == 2 ? square_root : ir_op1(&nest->b, IR_SQRT, square_root);
}

ir_ref fold_finish(struct nest *nest, struct fold *fold) {
    if (nest->mode->finish == PC_FINISH_ROOT)
        return root(nest, fold->value);
    if (!fold_picks(nest))
        return fold->value;
    fold_put_nan(nest, fold);
    return fold_without_nan(nest, fold);
}

/* ---- through loops ---- */

void carry(struct carried *carried, ir_ref *value) {
    if (!*value)
        return;
    assert(carried->count < CARRIED_MAX);
    carried->at[carried->count++] = value;
}

void carry_fold(struct carried *carried, struct fold *fold) {
    carry(carried, &fold->value);
    carry(carried, &fold->tap);
    carry(carried, &fold->index);
    carry(carried, &fold->nan);
}

void begin_carrying(struct nest *nest, const struct carried *carried, uint32_t loop) {
    for (size_t i = 0; loop != NEST_NO_LOOP && i < carried->count; i++)
        *carried->at[i] = ir_loop_carry(&nest->b, loop, *carried->at[i]);
}

void end_carrying(struct nest *nest, const struct carried *carried, uint32_t loop) {
    for (size_t i = 0; loop != NEST_NO_LOOP && i < carried->count; i++)
        ir_loop_next(&nest->b, loop, i, *carried->at[i]);
    nest_close(nest, loop);
    for (size_t i = 0; loop != NEST_NO_LOOP && i < carried->count; i++)
        *carried->at[i] = ir_loop_result(&nest->b, loop, i);
}
