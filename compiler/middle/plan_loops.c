/* plan_loops.c - kernels of single elements: how long their code would be, and what of it is loops, tiles and local arrays; see
 * plan_loops.h. */
#include "middle/plan_loops.h"

#include "middle/plan_schemes.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

/* Bytes of local arrays of kernels of single elements, which stay in the second level cache with what streams through. */
static const int64_t LOCAL_MAX = 64 * 1024;
/* Taps of a window that a compiler keeps in registers with its neighbour's: measured between 3 x 3 and 5 x 5. */
static const int64_t SMALL_WINDOW = 16;
/* Channels that passes and staging take at a time, channels-last: as many as fit, at most a few vectors, at least one. */
static const int64_t CHANNELS_MOST = 16, CHANNELS_LEAST = 4;
/* ---- estimates ---- */

/* Nodes per tap or per covering window, from the lowering: load, combine, and what NaN and tap numbers take. */
static double nodes_per_tap(const struct pc_plan *plan) {
    const struct pool_desc *desc = &plan->layer->desc;
    const bool picks = pc_layer_picks(plan->layer);
    switch (plan->kind) {
    case PC_KERNEL_FORWARD:
        if (picks && desc->indices != POOL_INDICES_NONE)
            return 6; /* load, compare, unordered, or, two selects */
        return picks ? 2.8 : desc->mode == POOL_LP ? 4 : 2;
    case PC_KERNEL_TRAIN:
        return desc->indices > POOL_INDICES_WINDOW ? 7 : 6;
    case PC_KERNEL_BACKWARD:
        return picks ? 4 : desc->mode == POOL_LP ? 6 : 2; /* of lp two weights: of dy, and of the input */
    case PC_KERNEL_COUNT:
        break;
    }
    abort();
}

/* Taps along one axis, over all outputs (forward) or input positions (backward). */
static double taps_in_all(const struct pc_plan_axis *axis, bool backward) {
    double taps = 0;
    for (int i = 0; i < axis->count; i++) {
        if (!backward) {
            taps += (double)axis->segments[i].count * (double)axis->segments[i].taps;
            continue;
        }
        const struct pc_cell *cell = &axis->cells[i];
        for (int p = 0; p < cell->phase_count; p++) {
            double windows = 0;
            for (int c = 0; c < cell->phases[p].cover_count; c++)
                windows += (double)cell->phases[p].covers[c].count;
            taps += (double)cell->count * (double)cell->phases[p].count * fmax(windows, 1);
        }
    }
    return taps;
}

/* Tiles of `tile` and one remainder: how many of `count` equal things stand in the code. */
static double in_code(int64_t count, int64_t tile) {
    return (double)(count <= tile ? count : tile + count % tile);
}

/* Taps along one axis that stand in the code when it loops. */
static double taps_in_code(const struct pc_plan_axis *axis, bool backward) {
    double taps = 0;
    for (int i = 0; i < axis->count; i++) {
        if (!backward) {
            taps += in_code(axis->segments[i].count, axis->tile) * (axis->roll ? 1 : (double)axis->segments[i].taps);
            continue;
        }
        const struct pc_cell *cell = &axis->cells[i];
        for (int p = 0; p < cell->phase_count; p++) {
            double windows = 0;
            for (int c = 0; c < cell->phases[p].cover_count; c++)
                windows += axis->roll ? 1 : (double)cell->phases[p].covers[c].count;
            taps += in_code(cell->count, axis->tile) * (axis->roll_phases ? 1 : (double)cell->phases[p].count) *
                    fmax(windows, 1);
        }
    }
    return taps;
}

double pc_plan_code_of_line(const struct pc_plan *plan) {
    double taps = (double)plan->layer->desc.batch * (double)plan->layer->desc.channels;
    for (int a = 0; a < POOL_MAX_RANK; a++)
        taps *= taps_in_all(&plan->axis[a], plan->kind == PC_KERNEL_BACKWARD);
    return taps * nodes_per_tap(plan);
}

double pc_plan_code_of_loops(const struct pc_plan *plan) {
    double taps = nodes_per_tap(plan);
    for (int a = 0; a < POOL_MAX_RANK; a++)
        taps *= taps_in_code(&plan->axis[a], plan->kind == PC_KERNEL_BACKWARD);
    return taps;
}

/* ---- decisions ---- */

/* The axis along which a C compiler finds vectors: channels-last the channels, channels-first the width. Tiles go across it,
 * where neighbouring windows overlap. */
static int lane_axis(const struct pc_layer *layer) {
    return layer->desc.layout == POOL_CHANNELS_LAST ? POOL_MAX_RANK : POOL_MAX_RANK - 1;
}

static void choose_tiles(struct pc_plan *plan, struct pc_arena *arena) {
    if (plan->kind == PC_KERNEL_BACKWARD || pc_plan_tracks(plan))
        return; /* neighbours would share only loads, which stay in the cache */
    for (int a = lane_axis(plan->layer) - 1; a >= 0; a--) {
        const struct pc_axis *facts = &plan->layer->axis[a];
        const bool overlaps = !facts->adaptive && facts->stride < facts->kernel && facts->stride % facts->dilation == 0;
        if (!overlaps || facts->out < 2 || facts->kernel > 5)
            continue; /* larger windows would not leave registers for a second output */
        plan->axis[a].tile = 2;
        if (pc_plan_code_of_loops(plan) > (double)plan->options.loop_budget) {
            plan->axis[a].tile = 1;
            continue;
        }
        pc_plan_explain(plan, pc_arena_printf(arena,
                                      "tiles of 2 outputs along %c: their windows overlap in %" PRId64
                                      " of %" PRId64 " taps, which are loaded and combined once",
                                      pc_axis_names[a], facts->kernel - facts->stride / facts->dilation, facts->kernel));
        return; /* one axis: tiles along two need more registers than they save loads */
    }
}

/* Along one axis, whole windows are one pass already. */
static bool can_pass(const struct pc_plan *plan) {
    int reduced = 0;
    for (int a = 0; a < POOL_MAX_RANK; a++)
        reduced += pc_axis_is_reduced(&plan->layer->axis[a]);
    return reduced >= 2;
}

/* Windows that are equally far apart, and several along each axis: one that is alone would be looked for from each input. */
static bool can_stage(const struct pc_plan *plan) {
    for (int a = 0; a < POOL_MAX_RANK; a++) {
        const struct pc_axis *facts = &plan->layer->axis[a];
        if (facts->adaptive || (facts->out == 1 && facts->kernel > 1))
            return false;
    }
    return true;
}

/* From here on the kernel gathers from windows that cover every input: a kind of cell or two are left along each axis. */
static bool use_staged_cells(struct pc_plan *plan, struct pc_arena *arena) {
    for (int a = 0; a < POOL_MAX_RANK; a++) {
        const struct pc_axis staged = pc_axis_extended(&plan->layer->axis[a], NULL);
        int count;
        const struct pc_cell *cells = pc_axis_cells(&staged, arena, &count);
        if (!cells)
            return false;
        plan->axis[a].cells = cells;
        plan->axis[a].count = count;
    }
    return true;
}

/* Bytes of local arrays for a channel: forward what each pass but the last leaves, backward the copies of dy and state. */
static double local_bytes(const struct pc_plan *plan) {
    const struct pc_layer *layer = plan->layer;
    const int real = ir_elements[plan->real].bytes, track = ir_elements[plan->track].bytes;
    double bytes = 0, size = 1;
    if (plan->kind == PC_KERNEL_BACKWARD) {
        for (int a = 0; a < POOL_MAX_RANK; a++)
            size *= (double)pc_axis_extended(&layer->axis[a], NULL).out;
        return size * (real + (pc_layer_picks(layer) ? track : 0));
    }
    const bool tap = plan->kind == PC_KERNEL_TRAIN || layer->desc.indices == POOL_INDICES_WINDOW;
    const bool index = layer->desc.indices > POOL_INDICES_WINDOW;
    int outermost = 0; /* the last axis that is reduced writes y */
    while (outermost < POOL_MAX_RANK - 1 && !pc_axis_is_reduced(&layer->axis[outermost]))
        outermost++;
    for (int a = POOL_MAX_RANK - 1; a > outermost; a--) {
        if (!pc_axis_is_reduced(&layer->axis[a]))
            continue;
        size = 1;
        for (int k = 0; k < POOL_MAX_RANK; k++)
            size *= (double)(k < a ? layer->axis[k].in : layer->axis[k].out);
        bytes += size * (real + (tap ? track : 0) + (index ? track : 0));
    }
    return bytes;
}

/* Windows along an axis with different divisors, of which the last pass has to know. */
static int divisor_kinds(const struct pc_plan *plan, int a) {
    int kinds = 1;
    for (int i = 1; i < plan->axis[a].count; i++)
        kinds += plan->axis[a].segments[i].divisor != plan->axis[a].segments[i - 1].divisor;
    return kinds;
}

/* Code of a kernel that treats each axis apart. */
static double estimate_apart(const struct pc_plan *plan) {
    double taps = 0, kinds = 1;
    for (int a = POOL_MAX_RANK - 1; a >= 0; a--) {
        taps += taps_in_code(&plan->axis[a], false) * kinds;
        kinds *= divisor_kinds(plan, a);
    }
    return taps * nodes_per_tap(plan);
}

/* Windows that overlap along two axes have partial results to share between rows. */
static bool shares_rows(const struct pc_plan *plan) {
    int axes = 0;
    for (int a = 0; a < POOL_MAX_RANK; a++) {
        const struct pc_axis *facts = &plan->layer->axis[a];
        axes += !facts->adaptive && facts->stride < facts->kernel && facts->out > 1;
    }
    /* Channels-last, a row of results goes through memory channel by channel, which pays from a few dozen taps on. */
    const bool pays = plan->layer->desc.layout == POOL_CHANNELS_FIRST || pc_layer_taps(plan->layer) > SMALL_WINDOW;
    return axes >= 2 && pays && plan->kind == PC_KERNEL_FORWARD && !pc_plan_tracks(plan);
}

/* Channels-first, a C compiler cannot make vectors of bytes of state and words of dy side by side in short rows. */
static bool compares_states(const struct pc_plan *plan) {
    return plan->layer->desc.layout == POOL_CHANNELS_FIRST && pc_layer_picks(plan->layer);
}

static void choose_wide_state(struct pc_plan *plan, struct pc_arena *arena) {
    const struct pc_axis *axis = plan->layer->axis;
    const double bytes = (double)axis[0].out * (double)axis[1].out * (double)axis[2].out * ir_elements[plan->track].bytes;
    if (plan->kind != PC_KERNEL_TRAIN || !compares_states(plan) || bytes > (double)LOCAL_MAX ||
        bytes <= ir_elements[plan->track].bytes)
        return;
    plan->wide_state = true;
    plan->local_bytes = (int64_t)bytes;
    pc_plan_explain(plan, pc_arena_printf(arena,
                                  "tap numbers become bytes in a loop of their own, so that rows are vectors of one width "
                                  "(%" PRId64 " bytes of local arrays)",
                                  plan->local_bytes));
}

/* Passes (forward) or staging (backward), where whole windows would make too much code or work and the local arrays fit. */
static bool choose_local_arrays(struct pc_plan *plan, struct pc_arena *arena) {
    const bool backward = plan->kind == PC_KERNEL_BACKWARD;
    const bool shares = shares_rows(plan) || (backward && compares_states(plan));
    const bool is_short = pc_plan_code_of_loops(plan) <= (double)plan->options.whole_budget;
    if (plan->layer->unroll == PC_UNROLL_WINDOW || (is_short && !shares) ||
        !(backward ? can_stage(plan) : can_pass(plan)))
        return false;
    const bool last = plan->layer->desc.layout == POOL_CHANNELS_LAST;
    int64_t block = last ? CHANNELS_MOST : 1;
    while (block > CHANNELS_LEAST && local_bytes(plan) * (double)block > (double)LOCAL_MAX)
        block /= 2;
    if (last && block > plan->layer->desc.channels)
        block = plan->layer->desc.channels;
    const double bytes = local_bytes(plan) * (double)block;
    if (bytes > (double)LOCAL_MAX || (backward && !use_staged_cells(plan, arena)))
        return false;
    plan->block = block;
    plan->local_bytes = (int64_t)bytes;
    plan->form = backward ? PC_FORM_STAGED : PC_FORM_PASSES;
    const char *what = backward ? "dy is copied with zeros around it, so that inputs at borders are like the rest"
                       : shares ? "one axis at a time: overlapping windows share the results of their rows"
                                : "one axis at a time: the borders of the axes add up instead of multiplying";
    pc_plan_explain(plan, pc_arena_printf(arena, "%s (%" PRId64 " bytes of local arrays)", what, plan->local_bytes));
    return true;
}

/* Loops instead of unrolled taps, from the outermost axis inwards, until the code fits. */
static void choose_rolling(struct pc_plan *plan, double (*estimate)(const struct pc_plan *), struct pc_arena *arena) {
    if (plan->layer->unroll == PC_UNROLL_WINDOW)
        return;
    for (int a = 0; a < POOL_MAX_RANK && estimate(plan) > (double)plan->options.loop_budget; a++) {
        struct pc_plan_axis *axis = &plan->axis[a];
        if (pc_axis_is_unit(&plan->layer->axis[a]))
            continue;
        axis->roll = true;
        axis->roll_phases = plan->kind == PC_KERNEL_BACKWARD;
        const char *what = plan->kind == PC_KERNEL_BACKWARD ? "windows and phases" : "taps";
        pc_plan_explain(plan, pc_arena_printf(arena,
                                              "%s along %c by a loop: unrolled, the kernel would exceed %" PRId64 " nodes",
                                              what, pc_axis_names[a], plan->options.loop_budget));
    }
}

void pc_plan_choose_loops(struct pc_plan *plan, struct pc_arena *arena) {
    double (*estimate)(const struct pc_plan *) = pc_plan_code_of_loops;
    if (choose_local_arrays(plan, arena) && plan->form == PC_FORM_PASSES)
        estimate = estimate_apart;
    choose_rolling(plan, estimate, arena);
    if (plan->form == PC_FORM_LOOPS) {
        choose_tiles(plan, arena);
        choose_wide_state(plan, arena);
    }
    plan->estimate = estimate(plan);
}
