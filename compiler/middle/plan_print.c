/* plan_print.c - a plan as text: see plan.h. */
#include "middle/lane_plan.h"

#include <inttypes.h>

static void print_looked_up(const struct pc_plan *plan, int a, struct pc_text *text) {
    const bool backward = plan->kind == PC_KERNEL_BACKWARD;
    const struct pc_axis_table *table = plan->lanes->table[a];
    if (table)
        pc_text_printf(text, "  %c: %" PRId64 " row%s looked up, at most %" PRId64 " %s each\n", pc_axis_names[a], table->rows,
                       table->rows == 1 ? "" : "s", table->most, backward ? "windows" : "taps");
    else
        pc_text_printf(text, "  %c: %s\n", pc_axis_names[a],
                       backward ? "each input is a window" : "equal windows, taps looped");
}

static void print_kinds(const struct pc_plan *plan, int a, struct pc_text *text) {
    static const char *const schemes[] = {"direct", "blocks", "doubling"};
    const struct pc_plan_axis *axis = &plan->axis[a];
    const char *s = axis->count == 1 ? "" : "s";
    if (plan->kind == PC_KERNEL_BACKWARD)
        pc_text_printf(text, "  %c: %d kind%s of cells, %s%s\n", pc_axis_names[a], axis->count, s,
                       axis->roll ? "windows looped" : "windows unrolled", axis->roll_phases ? ", phases looped" : "");
    else
        pc_text_printf(text, "  %c: %d kind%s of windows, tile %" PRId64 ", taps %s, %s\n", pc_axis_names[a], axis->count, s,
                       axis->tile, axis->roll ? "looped" : "unrolled", schemes[axis->scheme]);
}

/* What is known along each axis is for loops over one element at a time, and for pixels; bands of vectors do not use it. */
static void print_axes(const struct pc_plan *plan, struct pc_text *text) {
    for (int a = 0; a < POOL_MAX_RANK; a++)
        if (!pc_axis_is_unit(&plan->layer->axis[a]))
            (plan->form == PC_FORM_LOOKUP ? print_looked_up : print_kinds)(plan, a, text);
}

void pc_plan_print(const struct pc_plan *plan, bool slots, struct pc_text *text) {
    pc_text_printf(text, "%s %s: %s\n", plan->layer->name, pc_kernel_suffix[plan->kind], pc_form_names[plan->form]);
    if (plan->lanes && plan->lanes->band_count)
        pc_lane_plan_print(plan, slots, text);
    else if (plan->form != PC_FORM_SCATTER)
        print_axes(plan, text);
    for (int i = 0; i < plan->reason_count; i++)
        pc_text_printf(text, "  - %s\n", plan->reasons[i]);
}
