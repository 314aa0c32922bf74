/* lower_fold.c - see lower_fold.h. */
#include "middle/lower_fold.h"

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

/* ---- combining ---- */

/* Value, tap number and index together; lanes that saw nothing before take what comes. */
static struct fold combine_tracked(struct nest *nest, const struct fold *a, const struct fold *b) {
    struct ir_builder *build = &nest->b;
    const ir_ref left = fold_without_nan(nest, a);
    struct fold r = {.missing = a->missing & b->missing};
    ir_ref later = ir_op2(build, nest->mode->combine == PC_COMBINE_PICK_GT ? IR_GT : IR_LT, b->value, left);
    if (fold_propagates_nan(nest))
        later = ir_op2(build, IR_OR, later, ir_op2(build, IR_UNORDERED, b->value, b->value));
    r.value = ir_select(build, later, b->value, left);
    const uint64_t first = a->missing & ~b->missing;
    const ir_ref moves = first ? ir_op2(build, IR_OR, later, ir_mask(build, nest->real.lanes, first)) : later;
    if (a->tap)
        r.tap = ir_select(build, moves, b->tap, a->tap);
    if (a->index)
        r.index = ir_select(build, moves, b->index, a->index);
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

/* ---- first and last ---- */

ir_ref fold_lift(struct nest *nest, ir_ref x) {
    if (nest->mode->lift != PC_LIFT_ABS_POW)
        return x;
    const double p = nest->layer->desc.p;
    /* An even product needs no absolute value. */
    return nest_power(nest, p == 2 || p == 4 ? x : ir_op1(&nest->b, IR_ABS, x), p);
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
    fold_settle(nest, fold);
    const ir_ref value = fold_without_nan(nest, fold);
    return fold->nan ? ir_select(&nest->b, fold->nan, ir_real(&nest->b, nest->real, NAN), value) : value;
}
