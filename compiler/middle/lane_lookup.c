/* lane_lookup.c - see lane_lookup.h. */
#include "middle/lane_lookup.h"

#include "middle/lane_candidate.h"

/* Vectors of a block, which share what is looked up; with more than one value of each in registers. */
static const int64_t VECTORS_MOST = 4;
/* Entries, or rows, of the lists of an axis: more are longer than any kernel. */
static const int64_t ENTRIES_MOST = 1 << 18;
/* Nodes of the loop nest, whatever the layer. */
static const double CODE = 40, CODE_OF_VECTOR = 15;

/* Operations for each tap, or window that covers an input: to look it up, and for each vector.  Found by measuring adaptive
 * windows of 97 x 97 to 36 x 35 and eight others, 20 to 2048 channels (Zen 4). */
static const struct weights {
    double entry, value;
} FORWARD = {2.6, 2.9}, TRACKED = {8, 6.5}, SELECTED = {14, 2}, WEIGHTED = {1, 10.6};

static struct weights weights_of(const struct pc_plan *plan) {
    if (plan->kind == PC_KERNEL_BACKWARD)
        return pc_layer_picks(plan->layer) ? SELECTED : WEIGHTED;
    return pc_plan_tracks(plan) ? TRACKED : FORWARD;
}

/* Whether windows along an axis lie at equal distances and are all alike, or, backward, are the inputs themselves. */
static bool is_regular(const struct pc_plan *plan, int a) {
    if (plan->kind == PC_KERNEL_BACKWARD)
        return !pc_axis_is_reduced(&plan->layer->axis[a]);
    return plan->axis[a].segments && plan->axis[a].count == 1;
}

/* Lists hold numbers of 32 bits, of places in a plane, or channels-last in an image. */
static bool has_long_places(const struct pc_layer *layer) {
    const int64_t channels = layer->desc.layout == POOL_CHANNELS_LAST ? layer->desc.channels : 1;
    return pc_layer_inputs(layer) > INT32_MAX / channels || pc_layer_outputs(layer) > INT32_MAX / channels;
}

const char *pc_lane_lookup_limit(const struct pc_plan *plan) {
    for (int a = 0; a < POOL_MAX_RANK; a++) {
        const struct pc_axis *axis = &plan->layer->axis[a];
        int64_t taps = 0;
        for (int64_t out = 0; out < axis->out && !is_regular(plan, a) && taps <= ENTRIES_MOST; out++)
            taps += pc_axis_window(axis, out).tap_end - pc_axis_window(axis, out).tap_begin;
        if (!is_regular(plan, a) && plan->kind == PC_KERNEL_BACKWARD && axis->in > ENTRIES_MOST)
            return "an axis has more than 2^18 inputs, each of which has windows of its own; reduce its size";
        if (taps > ENTRIES_MOST)
            return "its windows have more than 2^18 taps along one axis; reduce the kernel or the output size";
    }
    if (!has_long_places(plan->layer))
        return NULL;
    return plan->layer->desc.layout == POOL_CHANNELS_LAST
               ? "an image has more than 2^31 elements; reduce the channels or the sizes"
               : "a plane has more than 2^31 elements; reduce the sizes";
}

const char *pc_lane_lookup_misfit(const struct pc_plan *plan, int lanes) {
    const bool weighted = plan->kind == PC_KERNEL_BACKWARD && !pc_layer_picks(plan->layer);
    int kinds = 0, axes = 0;
    for (int a = 0; a < POOL_MAX_RANK; a++) {
        const struct pc_axis *axis = &plan->layer->axis[a];
        axes += pc_axis_is_reduced(axis);
        kinds += axis->adaptive && !is_regular(plan, a);
    }
    if (plan->options.forced && plan->options.choice == PC_PLAN_LOOKUP)
        return pc_lane_lookup_limit(plan);
    if (kinds == 0 || plan->layer->desc.layout != POOL_CHANNELS_LAST || lanes < 2)
        return "it is for adaptive windows, channels-last, and for what would take too much code otherwise";
    return axes > 2 || weighted ? "code for each kind of windows is faster" : pc_lane_lookup_limit(plan);
}

/* Neighbouring channels, or planes as many as divide all. */
static int64_t block_of(const struct pc_layer *layer, int64_t lanes) {
    const int64_t channels = layer->desc.channels, planes = layer->desc.batch * channels;
    int64_t block = VECTORS_MOST * lanes;
    if (layer->desc.layout == POOL_CHANNELS_LAST)
        return block < channels ? block : channels;
    while (planes % block)
        block /= 2;
    return block;
}

const struct pc_lane_plan *pc_lane_lookup_build(const struct pc_plan *plan, int lanes, const char *why,
                                                struct pc_arena *arena) {
    const struct pc_layer *layer = plan->layer;
    const bool backward = plan->kind == PC_KERNEL_BACKWARD, last = layer->desc.layout == POOL_CHANNELS_LAST;
    const bool fits = last && ir_elements[plan->track].bytes <= ir_elements[plan->real].bytes;
    struct pc_lane_plan *p = PC_NEW(arena, struct pc_lane_plan);
    *p = (struct pc_lane_plan){.lanes = fits ? lanes : 1, .abreast = 1, .looks_up = true, .why = why};
    p->block = block_of(layer, p->lanes);
    const double vectors = last ? (double)((p->block + p->lanes - 1) / p->lanes) : (double)p->block;
    double entries = 1;
    for (int a = 0; a < POOL_MAX_RANK; a++) {
        const struct pc_axis *axis = &layer->axis[a];
        if (is_regular(plan, a)) {
            entries *= backward ? (double)axis->in : (double)axis->out * (double)plan->axis[a].segments->taps;
            continue;
        }
        p->table[a] = pc_axis_table_of(axis, backward, arena);
        entries *= (double)p->table[a]->rows * (double)p->table[a]->most;
    }
    p->unit = last && p->lanes > 1 ? "vector of channels" : last ? "channel" : "plane";
    const struct weights w = weights_of(plan);
    p->work = entries * (w.entry / vectors + w.value);
    p->code = CODE + CODE_OF_VECTOR * vectors;
    return p;
}
