/* lower_lane_gradients.c - gradients of a group of inputs: see lower_lanes.h. */
#include "middle/lower_lanes.h"

void lanes_weigh(struct lanes_nest *n, const struct pc_lane_group *group) {
    struct nest *nest = n->nest;
    ir_ref dy = lanes_gather_values(n, &group->taps[0]);
    if (nest->buffer.y >= 0)
        dy = backward_weigh(nest, dy, lanes_gather(n, &group->taps[0], nest->buffer.y));
    if (nest->mode->finish == PC_FINISH_DIVIDE)
        dy = ir_op2(n->b, IR_DIV, dy, lanes_divisors(n, group));
    lanes_store(n, n->write.values, group, dy);
}

/* An element of a kernel's input at the place that a group writes: x beside dx. */
static ir_ref load_beside(struct lanes_nest *n, int buffer, const struct pc_lane_group *group) {
    return nest_load(n->nest, buffer, n->nest->real, n->write.place, group->out * n->write.scale,
                     lanes_mask(n, lanes_spread(n, group->valid)));
}

/* The sum of the slots whose windows have this divisor (0: those where lanes differ, each divided by its own), and `sum`. */
static ir_ref add_slots(struct lanes_nest *n, const struct pc_lane_group *group, int64_t divisor, ir_ref sum) {
    struct nest *nest = n->nest;
    ir_ref part = 0;
    for (int t = 0; t < group->tap_count; t++) {
        const struct pc_lane_tap *tap = &group->taps[t];
        if (pc_lane_divisor(tap) != divisor)
            continue;
        ir_ref value = lanes_gather_values(n, tap);
        if (divisor == 0)
            value = ir_op2(n->b, IR_DIV, value, lanes_constants(n, tap->divisor, group->valid, nest->real));
        /* The gradient of an input that no window covers is +0. */
        value = lanes_blend(n, tap->active, group->valid, value,
                            part || sum ? fold_identity(nest) : ir_real(n->b, nest->real, 0));
        part = part ? ir_op2(n->b, IR_ADD, part, value) : value;
    }
    if (divisor > 1)
        part = ir_op2(n->b, IR_DIV, part, ir_real(n->b, nest->real, (double)divisor));
    return sum ? ir_op2(n->b, IR_ADD, sum, part) : part;
}

void lanes_sum(struct lanes_nest *n, const struct pc_lane_group *group) {
    struct nest *nest = n->nest;
    ir_ref sum = n->pass->lines ? lanes_reduce_by_line(n, group).value : 0;
    for (int t = 0; t < group->tap_count && !n->pass->lines; t++) { /* each divisor when it is met first */
        const int64_t divisor = pc_lane_divisor(&group->taps[t]);
        bool met = false;
        for (int i = 0; i < t; i++)
            met |= pc_lane_divisor(&group->taps[i]) == divisor;
        if (!met)
            sum = add_slots(n, group, divisor, sum);
    }
    if (!sum)
        sum = ir_real(n->b, nest->real, 0);
    if (n->pass->last && n->plan->divides_last)
        sum = ir_op2(n->b, IR_DIV, sum, fold_divisor(n->nest));
    if (n->pass->last && nest->buffer.x >= 0)
        sum = backward_times_lift_derivative(nest, sum, load_beside(n, nest->buffer.x, group));
    lanes_store(n, n->write.values, group, sum);
}

/* The slot's tap number in each lane, `none` where it has none. */
static ir_ref tap_numbers(struct lanes_nest *n, const struct pc_lane_group *group, const struct pc_lane_tap *tap,
                          struct ir_type type, int64_t none) {
    int64_t values[PC_LANES_MAX] = {0};
    if (n->channels_last)
        return ir_integer(n->b, type, tap->number[0]);
    for (int l = 0; l < n->lanes; l++)
        values[l] = tap->active >> l & 1 ? tap->number[l] : none;
    return lanes_constants(n, values, group->valid, type);
}

/* Whether the slot's window selected the element. Tap numbers are compared as they are stored, which needs no conversion,
 * and lanes that have no such slot ask for a number that is none. */
static ir_ref is_selected(struct lanes_nest *n, const struct pc_lane_group *group, const struct pc_lane_tap *tap) {
    const int64_t taps = pc_layer_taps(n->nest->layer);
    const struct ir_type type = {(uint8_t)n->read.tap_element, (uint8_t)n->lanes};
    const ir_ref state = lanes_gather(n, tap, n->read.taps);
    if (taps <= (type.element == IR_U8 ? UINT8_MAX : type.element == IR_U16 ? UINT16_MAX : INT32_MAX))
        return ir_op2(n->b, IR_EQ, state, tap_numbers(n, group, tap, type, taps));
    const ir_ref hit = ir_op2(n->b, IR_EQ, state, tap_numbers(n, group, tap, type, 0)); /* every number is some tap's */
    return ir_op2(n->b, IR_AND, hit, ir_mask(n->b, n->lanes, lanes_spread(n, tap->active)));
}

/* Vector `which` of what lies side by side, of the sums of its phases. */
static ir_ref interleave(struct lanes_nest *n, const ir_ref *sum, int phases, int which) {
    ir_ref value = sum[0];
    for (int phase = 1; phase < phases; phase++) {
        uint8_t list[PC_LANES_MAX];
        for (int l = 0; l < n->lanes; l++) {
            const int at = which * n->lanes + l;
            list[l] = (uint8_t)(at % phases == phase             ? n->lanes + at / phases
                                : phase == 1 && at % phases == 0 ? at / phases
                                                                 : l);
        }
        value = ir_shuffle(n->b, value, sum[phase], n->lanes, list);
    }
    return value;
}

/* The sums of as many groups as there are phases. */
static void store_phases(struct lanes_nest *n, const struct pc_lane_node *nodes, const ir_ref *sum, int phases) {
    int64_t count = 0;
    for (int i = 0; i < phases; i++)
        count += __builtin_popcount(nodes[i].group->valid);
    for (int which = 0; which * n->lanes < count; which++) {
        const int64_t left = count - which * n->lanes;
        const struct pc_lane_group part = {.out = nodes[0].group->out + which * n->lanes,
                                           .valid = left < n->lanes ? ((uint32_t)1 << left) - 1 : lanes_all(n)};
        lanes_store(n, n->write.values, &part, interleave(n, sum, phases, which));
    }
}

/* Sums of several groups, a tap of each in turn: an addition waits three cycles and more for the one before it, and a
 * processor that met one sum after the other would not look far enough ahead to work on several. */
void lanes_select(struct lanes_nest *n, const struct pc_lane_node *nodes, int count) {
    ir_ref sum[PC_LANE_PHASES_MAX];
    int most = 0;
    for (int i = 0; i < count; i++) {
        sum[i] = ir_real(n->b, n->nest->real, 0);
        most = nodes[i].group->tap_count > most ? nodes[i].group->tap_count : most;
    }
    for (int t = 0; t < most; t++)
        for (int i = 0; i < count; i++) {
            const struct pc_lane_group *group = nodes[i].group;
            if (t >= group->tap_count)
                continue;
            const ir_ref hit = is_selected(n, group, &group->taps[t]);
            sum[i] = lanes_add_where(n, hit, sum[i], lanes_gather_values(n, &group->taps[t]));
        }
    for (int i = 0; i < count; i += (int)n->pass->phases)
        store_phases(n, &nodes[i], &sum[i], (int)n->pass->phases);
}
