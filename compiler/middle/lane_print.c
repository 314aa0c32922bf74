/* lane_print.c - a plan for vectors as text: what it does in words, its bands, passes and loops of groups, and, for who wants
 * to see why the code is what it is, what each lane takes. */
#include "middle/lane_plan.h"
#include "middle/plan_schemes.h"

#include <inttypes.h>

/* ---- in words ---- */

static bool has_bands(const struct pc_lane_plan *plan) {
    return plan->band_count > 1 || (plan->band_count == 1 && pc_lane_band_count(&plan->bands[0]) > 1);
}

/* ", in bands, 16 planes" */
static const char *words_of_block(const struct pc_plan *plan, struct pc_arena *arena) {
    const struct pc_lane_plan *lanes = plan->lanes;
    const char *unit = plan->layer->desc.layout == POOL_CHANNELS_LAST ? "channel" : "plane";
    const char *bands = has_bands(lanes) ? ", in bands" : "";
    return lanes->is_flat ? bands
                          : pc_arena_printf(arena, "%s, %" PRId64 " %s%s", bands, plan->block, unit,
                                            plan->block == 1 ? "" : "s");
}

void pc_lane_plan_explain(struct pc_plan *plan, struct pc_arena *arena) {
    const struct pc_lane_plan *lanes = plan->lanes;
    const bool channels = plan->layer->desc.layout == POOL_CHANNELS_LAST && !lanes->is_flat;
    const char *what = channels                           ? "channels at a time"
                       : lanes->transposed                ? "planes at a time, transposed"
                       : plan->kind == PC_KERNEL_BACKWARD ? "inputs at a time, in the order of memory"
                                                          : "outputs at a time, in the order of memory";
    const char *work = pc_arena_printf(arena, "about %.3g operations for each %s", lanes->work, lanes->unit);
    pc_plan_explain(plan, lanes->scatters || lanes->looks_up
                              ? pc_arena_printf(arena, "%s: %s", lanes->why, work)
                              : pc_arena_printf(arena, "%d %s: %s, %s", lanes->lanes, what, lanes->why, work));
    if (lanes->abreast > 1)
        pc_plan_explain(plan, pc_arena_printf(arena, "%" PRId64 " vectors of a pixel side by side", lanes->abreast));
    if (plan->local_bytes)
        pc_plan_explain(plan, pc_arena_printf(arena, "%" PRId64 " bytes of local arrays%s", plan->local_bytes,
                                              words_of_block(plan, arena)));
    if (lanes->bands && lanes->bands[0].pass[0].phases > 1)
        pc_plan_explain(plan, "neighbouring lanes are a stride apart, so that they are of neighbouring windows");
    if (pc_lane_comes_from_memory(plan))
        pc_plan_explain(plan, "planes come from memory, whose rows had better be read one after the other");
    if (lanes->fetches)
        pc_plan_explain(plan, "cache lines are fetched before results are stored");
    if (lanes->is_padded)
        pc_plan_explain(plan, "rows of local arrays are as long as vectors");
}

/* ---- groups ---- */

struct printer {
    struct pc_text *text;
    const struct pc_lane_plan *plan;
    bool slots; /* of each group, what its lanes take */
};

static const char *plural(int64_t count) {
    return count == 1 ? "" : "s";
}

/* Of each lane, which element of load i it takes: 0 to f, `.` for none. */
static void print_choice(const struct printer *p, const struct pc_lane_tap *tap, int i) {
    pc_text_printf(p->text, "  %" PRId64, tap->loads[i].at);
    if (pc_lane_is_one(tap, i))
        pc_text_add(p->text, " alone");
    pc_text_add(p->text, " ");
    for (int l = 0; l < p->plan->lanes; l++)
        if ((tap->active >> l & 1) && tap->load[l] == i)
            pc_text_printf(p->text, "%x", tap->lane[l]);
        else
            pc_text_add(p->text, ".");
}

/* A slot, D H W, and from where its elements are loaded, with the lanes that take them; of a pixel its place is all. */
static void print_slots(const struct printer *p, const struct pc_lane_group *group, bool pixel, int indent) {
    for (int t = 0; t < group->tap_count; t++) {
        const struct pc_lane_tap *tap = &group->taps[t];
        pc_text_printf(p->text, "%*sslot %d %d %d:", indent, "", tap->slot[0], tap->slot[1], tap->slot[2]);
        if (pixel)
            pc_text_printf(p->text, "  %" PRId64, tap->loads[0].at);
        for (int i = 0; i < tap->load_count && !pixel; i++)
            print_choice(p, tap, i);
        pc_text_add(p->text, "\n");
    }
}

/* Groups that follow each other, in a straight line. */
static void print_line(const struct printer *p, const struct pc_lane_node *nodes, size_t count, bool pixels, int indent) {
    int64_t taps = 0;
    for (size_t i = 0; i < count; i++)
        taps += nodes[i].group->tap_count;
    if (!p->slots)
        pc_text_printf(p->text, "%*s%zu %s%s, %" PRId64 " slot%s\n", indent, "", count, pixels ? "pixel" : "group",
                       plural((int64_t)count), taps, plural(taps));
    for (size_t i = 0; i < count && p->slots; i++) {
        pc_text_printf(p->text, "%*s%s at %" PRId64 ":\n", indent, "", pixels ? "pixel" : "group", nodes[i].group->out);
        print_slots(p, nodes[i].group, pixels, indent + 2);
    }
}

static void print_children(const struct printer *p, const struct pc_lane_node *node, bool pixels, int indent);

static void print_node(const struct printer *p, const struct pc_lane_node *node, bool pixels, int indent) {
    if (node->count > 1) {
        pc_text_printf(p->text, "%*s%" PRId64 " times, source +%" PRId64 ", destination +%" PRId64 ":\n", indent, "",
                       node->count, node->step.in, node->step.out);
        indent += 2;
    }
    if (node->group)
        print_line(p, node, 1, pixels, indent);
    else
        print_children(p, node, pixels, indent);
}

static void print_children(const struct printer *p, const struct pc_lane_node *node, bool pixels, int indent) {
    for (size_t i = 0; i < node->child_count;) {
        size_t line = i;
        while (line < node->child_count && node->children[line].group && node->children[line].count == 1)
            line++;
        if (line > i)
            print_line(p, &node->children[i], line - i, pixels, indent);
        else
            print_node(p, &node->children[line++], pixels, indent);
        i = line;
    }
}

/* ---- bands ---- */

static void print_band(const struct printer *p, const struct pc_lane_band *band, bool pixels) {
    pc_text_printf(p->text, "  band at %" PRId64, band->out);
    for (int a = 0; a < POOL_MAX_RANK; a++)
        if (band->turns[a].count > 1)
            pc_text_printf(p->text, ", %" PRId64 " along %c, source +%" PRId64 ", destination +%" PRId64, band->turns[a].count,
                           pc_axis_names[a], band->turns[a].in, band->turns[a].out);
    pc_text_add(p->text, ":\n");
    for (int i = 0; i < band->pass_count; i++) {
        const struct pc_lane_pass *pass = &band->pass[i];
        pc_text_printf(p->text, "    %s, %" PRId64 " %s%s:\n", pass->words, pass->to_count, pixels ? "pixel" : "element",
                       plural(pass->to_count));
        print_node(p, pass->groups, pixels, 6);
    }
}

void pc_lane_plan_print(const struct pc_plan *plan, bool slots, struct pc_text *text) {
    const struct printer p = {text, plan->lanes, slots};
    const bool last = plan->lanes->transposed || (plan->layer->desc.layout == POOL_CHANNELS_LAST && !plan->lanes->is_flat);
    for (size_t b = 0; b < plan->lanes->band_count; b++)
        print_band(&p, &plan->lanes->bands[b], last);
}
