/* plan.c - see plan.h. Decisions are taken in the order of their weight: vectors, where a way fits (lane_plan.h), then
 * straight line or loops, then how far windows are unrolled and what is a tile (plan_loops.h), then how taps are associated
 * (plan_schemes.h).  All but the first rest on estimates of the code's size in IR nodes. */
#include "middle/plan.h"

#include "front/diag.h"
#include "middle/lane_lookup.h"
#include "middle/lane_plan.h"
#include "middle/plan_loops.h"
#include "middle/plan_schemes.h"
#include "middle/tuned.h"

#include <inttypes.h>
#include <stdlib.h>

const char *const pc_form_names[] = {"straight line", "loops", "passes", "lanes", "staged", "scatter", "lookup"};
const char *const pc_kernel_suffix[PC_KERNEL_COUNT] = {"forward", "forward_train", "backward"};

/* No kernel is longer: beyond it the C compiler takes minutes. */
static const double CODE_MAX = 1 << 18;

/* ---- facts that several decisions need ---- */

bool pc_layer_has_kernel(const struct pc_layer *layer, enum pc_kernel_kind kind) {
    const bool selects = pc_layer_picks(layer);
    switch (kind) {
    case PC_KERNEL_FORWARD:
        return layer->forward;
    case PC_KERNEL_TRAIN:
        return layer->forward && layer->backward && selects;
    case PC_KERNEL_BACKWARD:
        return layer->backward;
    case PC_KERNEL_COUNT:
        break;
    }
    abort();
}

enum ir_element pc_state_element(const struct pc_layer *layer) {
    const int64_t taps = pc_layer_taps(layer);
    return taps <= UINT8_MAX + 1 ? IR_U8 : taps <= UINT16_MAX + 1 ? IR_U16 : IR_I32;
}

enum ir_element pc_index_element(const struct pc_layer *layer) {
    int64_t largest = pc_layer_taps(layer) - 1;
    if (layer->desc.indices == POOL_INDICES_PLANE)
        largest = pc_layer_inputs(layer) - 1;
    else if (layer->desc.indices == POOL_INDICES_TENSOR)
        largest = layer->x_count - 1;
    return largest <= INT32_MAX ? IR_I32 : IR_I64;
}

void pc_plan_explain(struct pc_plan *plan, const char *reason) {
    if (plan->reason_count < PC_REASONS_MAX)
        plan->reasons[plan->reason_count++] = reason;
}

/* ---- windows ---- */

bool pc_plan_tracks(const struct pc_plan *plan) {
    return plan->kind == PC_KERNEL_TRAIN || plan->layer->desc.indices != POOL_INDICES_NONE;
}

static bool find_windows(struct pc_plan *plan, struct pc_arena *arena) {
    for (int a = 0; a < POOL_MAX_RANK; a++) {
        struct pc_plan_axis *axis = &plan->axis[a];
        axis->tile = 1;
        if (plan->kind == PC_KERNEL_BACKWARD)
            axis->cells = pc_axis_cells(&plan->layer->axis[a], arena, &axis->count);
        else
            axis->segments = pc_axis_segments(&plan->layer->axis[a], arena, &axis->count);
        if (!axis->cells && !axis->segments)
            return false;
    }
    return true;
}

/* ---- lanes ---- */

/* Without vectors: windows that cover an input whose gradient takes as long if it looks at each of them. Adaptive windows
 * are few, but may be of too many kinds. */
static const int64_t TAPS_OF_LOOPS = 16;

/* Whether that is so, and nobody asked for whole windows. */
static bool scattering_pays(const struct pc_plan *plan) {
    int64_t taps = plan->layer->unroll == PC_UNROLL_WINDOW ? 0 : 1;
    for (int a = 0; a < POOL_MAX_RANK && taps < TAPS_OF_LOOPS; a++) {
        const struct pc_axis *axis = &plan->layer->axis[a];
        taps *= axis->adaptive ? 1 : (axis->kernel + axis->stride - 1) / axis->stride;
    }
    return taps >= TAPS_OF_LOOPS || (taps > 0 && pc_plan_code_of_loops(plan) > PC_LOOP_BUDGET);
}

/* Of a vector; 1: the target has none. */
static int lanes_of_target(const struct pc_plan *plan) {
    const int lanes = plan->options.vector_bytes / ir_elements[plan->real].bytes;
    return lanes < 2 ? 1 : lanes;
}

static void use_lanes(struct pc_plan *plan, struct pc_arena *arena) {
    const struct pc_lane_plan *lanes = plan->lanes;
    plan->form = lanes->scatters ? PC_FORM_SCATTER : lanes->looks_up ? PC_FORM_LOOKUP : PC_FORM_LANES;
    plan->block = lanes->block;
    plan->estimate = lanes->code;
    plan->local_bytes = lanes->local_bytes;
    pc_lane_plan_explain(plan, arena);
}

static bool choose_lanes(struct pc_plan *plan, struct pc_arena *arena) {
    const int lanes = lanes_of_target(plan);
    if (plan->layer->unroll == PC_UNROLL_FULL) {
        plan->misfit = plan->options.forced ? "'unroll full' asks for one straight line" : NULL;
        return false;
    }
    const bool asked = plan->options.choice == PC_PLAN_SCATTER || plan->options.choice == PC_PLAN_LOOKUP;
    if (lanes == 1 && !(plan->options.forced && asked) && !scattering_pays(plan)) {
        plan->misfit = plan->options.forced ? "the target has no vectors" : NULL;
        return false;
    }
    plan->lanes = pc_lane_plan_build(plan, lanes, arena);
    if (plan->lanes)
        use_lanes(plan, arena);
    return plan->lanes;
}

/* Windows of so many kinds that code for each of them would be long: one loop nest for all. */
static bool choose_lookup(struct pc_plan *plan, struct pc_arena *arena) {
    if (plan->layer->unroll != PC_UNROLL_AUTO || pc_lane_lookup_limit(plan))
        return false;
    /* What was decided so far was about the code that is too long. */
    plan->lanes = pc_lane_lookup_build(plan, lanes_of_target(plan), pc_plan_line(PC_PLAN_LOOKUP), arena);
    plan->reason_count = 0;
    plan->wide_state = false;
    for (int a = 0; a < POOL_MAX_RANK; a++) {
        plan->axis[a].roll = plan->axis[a].roll_phases = false;
        plan->axis[a].tile = 1;
    }
    use_lanes(plan, arena);
    return true;
}

/* ---- the plan ---- */

/* The layer, or, channels-first where W is one element, the same with its other axes further in, so that rows are what
 * neighbours in memory are: nothing else knows of an axis of one element. */
static const struct pc_layer *layer_of_rows(const struct pc_layer *layer, struct pc_arena *arena) {
    const int last = POOL_MAX_RANK - 1;
    if (layer->desc.layout == POOL_CHANNELS_LAST || !pc_axis_is_unit(&layer->axis[last]))
        return layer;
    struct pc_layer *rows = PC_NEW(arena, struct pc_layer);
    *rows = *layer;
    for (int turns = 0; turns < last && pc_axis_is_unit(&rows->axis[last]); turns++) {
        for (int a = last; a > 0; a--)
            rows->axis[a] = rows->axis[a - 1];
        rows->axis[0] = pc_axis_unit();
    }
    return rows;
}

/* The layer, or, channels-first where windows do not reach along D, one whose planes are its slices: the same in memory, and
 * nobody asks for a place in the whole plane. */
static const struct pc_layer *layer_of_slices(const struct pc_layer *layer, struct pc_arena *arena) {
    const struct pc_axis *depth = &layer->axis[0];
    if (layer->desc.layout == POOL_CHANNELS_LAST || depth->in == 1 || pc_axis_is_reduced(depth) ||
        layer->desc.indices == POOL_INDICES_PLANE)
        return layer;
    struct pc_layer *slices = PC_NEW(arena, struct pc_layer);
    *slices = *layer;
    slices->desc.channels *= depth->in;
    slices->axis[0] = pc_axis_unit();
    return slices;
}

/* What was measured counts as forced, for this kernel. */
static const struct pc_tuned_kernel *force_measured(struct pc_plan *plan, const struct pc_plan_options *options) {
    const struct pc_tuned_kernel *measured =
        options->tuned && options->target && !options->forced
            ? pc_tuned_find(options->tuned, plan->layer, plan->kind, options->target)
            : NULL;
    if (measured) {
        plan->options.forced = true;
        plan->options.choice = measured->choice;
    }
    return measured;
}

static void explain_wish(struct pc_plan *plan, const struct pc_tuned_kernel *measured, struct pc_arena *arena) {
    const char *name = pc_plan_name(plan->options.choice);
    if (plan->misfit)
        pc_plan_explain(plan, pc_arena_printf(arena, "%s, as was %s, does not fit: %s", name,
                                      measured ? "measured to be best" : "asked for", plan->misfit));
    else if (measured)
        pc_plan_explain(plan, pc_arena_printf(arena, "measured: %s is the fastest, %g us", name, measured->microseconds));
    else if (plan->options.forced)
        pc_plan_explain(plan, pc_arena_printf(arena, "%s was asked for", name));
}

/* Why windows of many kinds are not looked up. */
static void note_lookup(struct pc_plan *plan, struct pc_diags *diags, struct pc_diag *diag) {
    const char *limit = pc_lane_lookup_limit(plan);
    if (limit)
        pc_diag_note(diags, diag, (struct pc_span){0, 0}, "there is no loop nest for all of them: %s", limit);
    else
        pc_diag_note(diags, diag, plan->layer->unroll_span,
                     "'unroll window' asks for code for each kind of windows; without it one loop nest is for all of them");
}

static bool too_large(struct pc_plan *plan, struct pc_diags *diags, double size) {
    struct pc_diag *diag =
        pc_diag_add(diags, PC_DIAG_LAYER_TOO_LARGE, plan->layer->name_span,
                    "%s of pool '%s' would need about %.3g operations of code; at most %.0f are generated",
                    pc_kernel_suffix[plan->kind], plan->layer->name, size, CODE_MAX);
    note_lookup(plan, diags, diag);
    return false;
}

static void too_many_kinds(struct pc_plan *plan, struct pc_diags *diags) {
    const char *what = plan->kind == PC_KERNEL_BACKWARD ? "inputs, by the windows that cover them," : "windows";
    struct pc_diag *diag = pc_diag_add(diags, PC_DIAG_LAYER_TOO_LARGE, plan->layer->name_span,
                                       "%s of pool '%s' are of more than %d kinds along one axis, for %s", what,
                                       plan->layer->name, PC_SEGMENTS_MAX, pc_kernel_suffix[plan->kind]);
    note_lookup(plan, diags, diag);
}

static bool choose_form(struct pc_plan *plan, struct pc_arena *arena, struct pc_diags *diags) {
    const struct pc_layer *layer = plan->layer;
    const int64_t budget = plan->options.unroll_budget;
    const double size = pc_plan_code_of_line(plan);
    if (layer->unroll == PC_UNROLL_FULL && size > (double)budget) {
        pc_diag_add(diags, PC_DIAG_UNROLL_TOO_LARGE, layer->unroll_span,
                    "'unroll full' would make %s of pool '%s' about %.0f operations long; the budget is %" PRId64
                    " (use 'unroll auto' or raise --unroll-budget)",
                    pc_kernel_suffix[plan->kind], layer->name, size, budget);
        return false;
    }
    if (choose_lanes(plan, arena))
        return true;
    plan->form = layer->unroll != PC_UNROLL_WINDOW && size <= (double)budget ? PC_FORM_STRAIGHT : PC_FORM_LOOPS;
    if (plan->form == PC_FORM_STRAIGHT) {
        plan->estimate = size;
        pc_plan_explain(plan,
                pc_arena_printf(arena, "one straight line: the whole layer takes about %.0f nodes, the budget is %" PRId64,
                                size, budget));
        return true;
    }
    pc_plan_explain(plan, layer->unroll == PC_UNROLL_WINDOW
                      ? "loops over equal windows, because the spec says 'unroll window'"
                      : pc_arena_printf(arena,
                                        "loops over equal windows: one straight line would take about %.3g nodes, the "
                                        "budget is %" PRId64,
                                        size, budget));
    pc_plan_choose_loops(plan, arena);
    if (plan->estimate > (double)plan->options.kinds_budget && choose_lookup(plan, arena))
        return true;
    return plan->estimate <= CODE_MAX || too_large(plan, diags, plan->estimate);
}

static int64_t or_default(int64_t wish, int64_t by_default) {
    return wish ? wish : by_default;
}

static struct pc_plan_options with_defaults(struct pc_plan_options options) {
    options.unroll_budget = or_default(options.unroll_budget, PC_UNROLL_BUDGET);
    options.loop_budget = or_default(options.loop_budget, PC_LOOP_BUDGET);
    options.whole_budget = or_default(options.whole_budget, PC_WHOLE_BUDGET);
    options.kinds_budget = or_default(options.kinds_budget, PC_KINDS_BUDGET);
    options.line_budget = or_default(options.line_budget, PC_LINE_BUDGET);
    options.fetch_bytes = or_default(options.fetch_bytes, PC_FETCH_BYTES);
    options.caches.near_bytes = or_default(options.caches.near_bytes, PC_NEAR_BYTES);
    options.caches.first_ways = or_default(options.caches.first_ways, PC_FIRST_WAYS);
    return options;
}

struct pc_plan *pc_plan_build(const struct pc_layer *layer, enum pc_kernel_kind kind, const struct pc_plan_options *options,
                              struct pc_arena *arena, struct pc_diags *diags) {
    struct pc_plan *plan = PC_NEW(arena, struct pc_plan);
    plan->layer = layer;
    plan->kind = kind;
    plan->block = 1;
    plan->options = with_defaults(options ? *options : (struct pc_plan_options){0});
    const struct pc_tuned_kernel *measured = options ? force_measured(plan, options) : NULL;
    plan->layer = layer_of_slices(layer_of_rows(layer, arena), arena);
    plan->real = layer->desc.dtype == POOL_F32 ? IR_F32 : IR_F64;
    /* Tap numbers are tracked in integers as wide as the values, which is what vectors can select side by side. */
    plan->track = plan->real == IR_F64 || pc_index_element(layer) == IR_I64 ? IR_I64 : IR_I32;
    plan->state = pc_state_element(layer);
    plan->index = pc_index_element(layer);
    if (!find_windows(plan, arena)) {
        const bool other = plan->options.forced && plan->options.choice != PC_PLAN_LOOKUP;
        plan->misfit = other ? "an axis has too many kinds of windows" : NULL;
        if (choose_lookup(plan, arena)) {
            explain_wish(plan, measured, arena);
            return plan;
        }
        too_many_kinds(plan, diags);
        return NULL;
    }
    if (!choose_form(plan, arena, diags))
        return NULL;
    explain_wish(plan, measured, arena);
    pc_plan_choose_schemes(plan, arena);
    return plan;
}
