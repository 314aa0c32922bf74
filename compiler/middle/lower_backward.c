/* lower_backward.c - gradients by gathering.
 *
 * note [polyphase gather]
 * An input position is covered by a constant list of (window, tap) pairs that repeats with the stride.  So the gradient of
 * an input is a sum over that list, computed where the input lies and stored once: nothing is cleared before, nothing is
 * scattered, and disjoint parts of the input can run in parallel.
 *
 * Max and min compare the stored tap number of each covering window with the constant tap this position has in it, and add
 * in ascending order of the windows starting from +0: the bits of a scatter in that order.  Averages and sums collect the
 * windows by divisor first, so that a position divides once for each different divisor and not once per window. */
#include "middle/lower_fold.h"

#include <inttypes.h>
#include <stdlib.h>

static const char *const phase_names[] = {"fd", "fh", "fw"};

/* The window under consideration: offsets from at.narrow and at.tap. */
struct window {
    int64_t narrow, tap;
};

/* The position whose gradient is gathered. */
struct gather {
    struct nest *nest;
    const struct position *position[POOL_MAX_RANK];
    int64_t wide;
};

static struct window window_of(const struct gather *g, int axis, const struct pc_cover *cover, int64_t which) {
    const struct position *p = g->position[axis];
    const struct steps *stride = &g->nest->stride[axis];
    return (struct window){
        .narrow = (cover->out + which * cover->out_step + p->out_offset) * stride->narrow,
        .tap = (cover->tap + which * cover->tap_step + p->tap_offset) * stride->tap,
    };
}

static struct window together(struct window a, struct window b) {
    return (struct window){a.narrow + b.narrow, a.tap + b.tap};
}

/* Whether the windows of a cover are visited by a loop. */
static bool rolled(const struct gather *g, int axis, const struct pc_cover *cover) {
    return g->nest->plan->axis[axis].roll && cover->count > 1;
}

static uint32_t open_cover(const struct gather *g, int axis, const struct pc_cover *cover) {
    const struct steps *stride = &g->nest->stride[axis];
    return nest_open(g->nest, nest_out_names[axis], cover->count,
                     (struct steps){.narrow = cover->out_step * stride->narrow, .tap = cover->tap_step * stride->tap});
}

/* ---- to the selected tap ---- */

static ir_ref add_if_selected(const struct gather *g, struct window w, ir_ref sum) {
    struct nest *nest = g->nest;
    struct ir_builder *b = &nest->b;
    const struct ir_type state_type = {(uint8_t)nest->plan->state, 1};
    const ir_ref state = nest_load(nest, nest->buffer.state, state_type, &nest->at.narrow, w.narrow, 0);
    const ir_ref dy = nest_load(nest, nest->buffer.dy, nest->real, &nest->at.narrow, w.narrow, 0);
    const ir_ref tap = ir_affine(b, nest->track, &nest->at.tap.affine, nest->at.tap.constant + w.tap);
    const ir_ref selected = ir_op2(b, IR_EQ, ir_convert(b, nest->plan->track, state), tap);
    return ir_op2(b, IR_ADD, sum, ir_select(b, selected, dy, ir_real(b, nest->real, 0)));
}

static ir_ref gather_selected(const struct gather *g, int axis, struct window outer, ir_ref sum) {
    if (axis == POOL_MAX_RANK)
        return add_if_selected(g, outer, sum);
    const struct pc_phase *phase = g->position[axis]->phase;
    for (int i = 0; i < phase->cover_count; i++) {
        const struct pc_cover *cover = &phase->covers[i];
        if (rolled(g, axis, cover)) {
            const uint32_t loop = open_cover(g, axis, cover);
            const ir_ref seen = ir_loop_carry(&g->nest->b, loop, sum);
            ir_loop_next(&g->nest->b, loop, 0,
                         gather_selected(g, axis + 1, together(outer, window_of(g, axis, cover, 0)), seen));
            nest_close(g->nest, loop);
            sum = ir_loop_result(&g->nest->b, loop, 0);
        } else {
            for (int64_t q = 0; q < cover->count; q++)
                sum = gather_selected(g, axis + 1, together(outer, window_of(g, axis, cover, q)), sum);
        }
    }
    return sum;
}

/* ---- weighted ---- */

/* Sums of dy by the divisor of their windows. */
struct group {
    int64_t divisor;
    ir_ref sum;
};
struct groups {
    struct group *items;
    size_t count, capacity;
};

static void add_group(struct nest *nest, struct groups *groups, int64_t divisor, ir_ref value) {
    for (size_t i = 0; i < groups->count; i++) {
        if (groups->items[i].divisor == divisor) {
            ir_ref *sum = &groups->items[i].sum;
            *sum = *sum ? ir_op2(&nest->b, IR_ADD, *sum, value) : value;
            return;
        }
    }
    PC_GROW(nest->arena, groups->items, groups->count, groups->capacity);
    groups->items[groups->count++] = (struct group){divisor, value};
}

/* The divisors that windows at `axis` and inside it can have; sums are 0. */
static void list_divisors(const struct gather *g, int axis, int64_t divisor, struct groups *groups) {
    if (axis == POOL_MAX_RANK) {
        for (size_t i = 0; i < groups->count; i++)
            if (groups->items[i].divisor == divisor)
                return;
        PC_GROW(g->nest->arena, groups->items, groups->count, groups->capacity);
        groups->items[groups->count++] = (struct group){divisor, 0};
        return;
    }
    const struct pc_phase *phase = g->position[axis]->phase;
    for (int i = 0; i < phase->cover_count; i++)
        list_divisors(g, axis + 1, divisor * phase->covers[i].divisor, groups);
}

ir_ref backward_weigh(struct nest *nest, ir_ref dy, ir_ref y) {
    struct ir_builder *b = &nest->b;
    const double p = nest->layer->desc.p;
    if (nest->mode->lift != PC_LIFT_ABS_POW)
        return dy;
    const ir_ref zero = ir_real(b, nest->real, 0);
    ir_ref weighted = dy;
    if (p == 2 || p == 3 || p == 4)
        weighted = ir_op2(b, IR_DIV, dy, nest_power(nest, y, p - 1));
    else if (p != 1)
        weighted = ir_op2(b, IR_MUL, dy, ir_op2(b, IR_POW, y, ir_real(b, nest->real, 1 - p)));
    return ir_select(b, ir_op2(b, IR_EQ, y, zero), zero, weighted);
}

static ir_ref weighted_dy(const struct gather *g, struct window w) {
    struct nest *nest = g->nest;
    const ir_ref dy = nest_load(nest, nest->buffer.dy, nest->real, &nest->at.narrow, w.narrow, 0);
    if (nest->weighted || nest->buffer.y < 0)
        return dy;
    return backward_weigh(nest, dy, nest_load(nest, nest->buffer.y, nest->real, &nest->at.narrow, w.narrow, 0));
}

/* Divisors inside are relative to the axes inside: rows of windows are the same sums for every position that they cover. */
static struct groups gather_weighted(const struct gather *g, int axis, struct window outer) {
    struct groups groups = {0};
    if (axis == POOL_MAX_RANK) {
        add_group(g->nest, &groups, 1, weighted_dy(g, outer));
        return groups;
    }
    struct nest *nest = g->nest;
    const struct pc_phase *phase = g->position[axis]->phase;
    for (int i = 0; i < phase->cover_count; i++) {
        const struct pc_cover *cover = &phase->covers[i];
        if (!rolled(g, axis, cover)) {
            for (int64_t q = 0; q < cover->count; q++) {
                const struct groups inner = gather_weighted(g, axis + 1, together(outer, window_of(g, axis, cover, q)));
                for (size_t k = 0; k < inner.count; k++)
                    add_group(nest, &groups, inner.items[k].divisor * cover->divisor, inner.items[k].sum);
            }
            continue;
        }
        struct groups carried = {0};
        list_divisors(g, axis + 1, 1, &carried);
        const uint32_t loop = open_cover(g, axis, cover);
        for (size_t k = 0; k < carried.count; k++)
            carried.items[k].sum = ir_loop_carry(&nest->b, loop, ir_real(&nest->b, nest->real, 0));
        const struct groups inner = gather_weighted(g, axis + 1, together(outer, window_of(g, axis, cover, 0)));
        for (size_t k = 0; k < inner.count; k++)
            add_group(nest, &carried, inner.items[k].divisor, inner.items[k].sum);
        for (size_t k = 0; k < carried.count; k++)
            ir_loop_next(&nest->b, loop, k, carried.items[k].sum);
        nest_close(nest, loop);
        for (size_t k = 0; k < carried.count; k++)
            add_group(nest, &groups, carried.items[k].divisor * cover->divisor, ir_loop_result(&nest->b, loop, k));
    }
    return groups;
}

/* The sum of the groups, each over its divisor. */
static ir_ref divide_groups(struct nest *nest, const struct groups *groups) {
    ir_ref sum = 0;
    for (size_t i = 0; i < groups->count; i++) {
        ir_ref part = groups->items[i].sum;
        if (nest->mode->finish == PC_FINISH_DIVIDE && !nest->weighted) {
            const int64_t divisor = groups->items[i].divisor * fold_divisor_factor(nest);
            part = ir_op2(&nest->b, IR_DIV, part, ir_real(&nest->b, nest->real, (double)divisor));
        }
        sum = sum ? ir_op2(&nest->b, IR_ADD, sum, part) : part;
    }
    return sum ? sum : ir_real(&nest->b, nest->real, 0);
}

ir_ref backward_times_lift_derivative(struct nest *nest, ir_ref sum, ir_ref x) {
    struct ir_builder *b = &nest->b;
    const double p = nest->layer->desc.p;
    const ir_ref zero = ir_real(b, nest->real, 0);
    if (p == 2 || p == 4)
        return ir_op2(b, IR_MUL, nest_power(nest, x, p - 1), sum);
    const ir_ref is_negative = ir_op2(b, IR_LT, x, zero);
    const ir_ref is_zero = ir_op2(b, IR_EQ, x, zero);
    const ir_ref is_signed = ir_select(b, is_zero, zero, ir_select(b, is_negative, ir_op1(b, IR_NEG, sum), sum));
    if (p == 1)
        return is_signed;
    return ir_op2(b, IR_MUL, is_signed, nest_power(nest, ir_op1(b, IR_ABS, x), p - 1));
}

/* ---- tiles ---- */

static void position_body(struct gather *g) {
    struct nest *nest = g->nest;
    nest_cut(nest);
    g->wide = 0;
    for (int a = 0; a < POOL_MAX_RANK; a++)
        g->wide += g->position[a]->in * nest->stride[a].wide;
    ir_ref gradient;
    if (nest->mode->gradient == PC_GRADIENT_SELECT) {
        gradient = gather_selected(g, 0, (struct window){0}, ir_real(&nest->b, nest->real, 0));
    } else {
        const struct groups groups = gather_weighted(g, 0, (struct window){0});
        gradient = divide_groups(nest, &groups);
        if (nest->mode->lift == PC_LIFT_ABS_POW)
            gradient = backward_times_lift_derivative(
                nest, gradient, nest_load(nest, nest->buffer.x, nest->real, &nest->at.wide, g->wide, 0));
    }
    nest_store(nest, nest->buffer.dx, &nest->at.wide, g->wide, gradient, 0);
}

static void tile_body(struct nest *nest) {
    struct gather g = {.nest = nest};
    for (int d = 0; d < nest->position_count[0]; d++)
        for (int h = 0; h < nest->position_count[1]; h++)
            for (int w = 0; w < nest->position_count[2]; w++) {
                g.position[0] = &nest->positions[0][d];
                g.position[1] = &nest->positions[1][h];
                g.position[2] = &nest->positions[2][w];
                position_body(&g);
            }
}

/* ---- cells ---- */

/* All positions of `cells` equal cells that follow each other. */
static void unroll_cells(struct nest *nest, int axis, const struct pc_cell *cell, int64_t cells) {
    struct position *positions = PC_NEW_ARRAY(nest->arena, (size_t)(cell->length * cells), struct position);
    int count = 0;
    for (int64_t c = 0; c < cells; c++)
        for (int p = 0; p < cell->phase_count; p++)
            for (int64_t f = 0; f < cell->phases[p].count; f++)
                positions[count++] =
                    (struct position){.in = c * cell->in_step + cell->phases[p].in + f * cell->phases[p].step,
                                      .phase = &cell->phases[p],
                                      .tap_offset = f,
                                      .out_offset = c * cell->out_step};
    nest->positions[axis] = positions;
    nest->position_count[axis] = count;
}

/* Phase by phase, the positions of each by a loop. */
static void roll_phases(struct nest *nest, int level, int axis, const struct pc_cell *cell) {
    const struct steps *stride = &nest->stride[axis];
    for (int p = 0; p < cell->phase_count; p++) {
        struct position position = {.in = cell->phases[p].in, .phase = &cell->phases[p]};
        nest->positions[axis] = &position;
        nest->position_count[axis] = 1;
        nest_repeat(nest, level + 1, phase_names[axis], cell->phases[p].count,
                    (struct steps){.wide = stride->wide * cell->phases[p].step, .tap = stride->tap});
    }
}

/* What the reader of a kernel sees above the code for one kind of input positions. */
static void describe(struct nest *nest, int axis, const struct pc_cell *cell) {
    const int64_t last = cell->in + (cell->count - 1) * cell->in_step + cell->length - 1;
    ir_comment(&nest->b, cell->in == last
                             ? pc_arena_printf(nest->arena, "%s %" PRId64, nest_in_names[axis], cell->in)
                             : pc_arena_printf(nest->arena, "%s %" PRId64 " .. %" PRId64 ", %" PRId64 " at a time",
                                               nest_in_names[axis], cell->in, last, cell->length));
}

/* Loops over equal cells; inside a cell, its phases. */
static void axis_level(struct nest *nest, int level, int axis) {
    const struct pc_plan_axis *plan = &nest->plan->axis[axis];
    const struct steps stride = nest->stride[axis];
    const struct places before = nest->at;
    for (int i = 0; i < plan->count; i++) {
        const struct pc_cell *cell = &plan->cells[i];
        const struct steps steps = {.wide = cell->in_step * stride.wide, .narrow = cell->out_step * stride.narrow};
        if (plan->count > 1 && nest->plan->form != PC_FORM_STRAIGHT)
            describe(nest, axis, cell);
        nest_move(nest, (struct steps){.wide = cell->in * stride.wide}, 1);
        if (plan->roll_phases) {
            const uint32_t loop = nest_open_turns(nest, nest_in_names[axis], cell->count, steps);
            roll_phases(nest, level, axis, cell);
            nest_close(nest, loop);
        } else if (nest->plan->form == PC_FORM_STRAIGHT) {
            unroll_cells(nest, axis, cell, cell->count);
            nest_descend(nest, level + 1);
        } else {
            unroll_cells(nest, axis, cell, 1);
            nest_repeat(nest, level + 1, nest_in_names[axis], cell->count, steps);
        }
        nest->at = before;
    }
}

void lower_backward(struct nest *nest) {
    nest->axis_level = axis_level;
    nest->tile_body = tile_body;
    nest_descend(nest, 0);
}
