/* lane_scatter.c - the plan of a gradient that goes window by window: see lane_scatter.h. */
#include "middle/lane_scatter.h"

#include "middle/lane_candidate.h"
#include "middle/plan_loops.h"

/* Planes that take turns, channels of a pixel that do: more gain nothing, and their sums had better stay in the first level
 * cache, or in the second where a piece of a pixel would be short. */
static const int64_t PLANES_MOST = 8, CHANNELS_MOST = 64, FIRST_GOOD = 64 * 1024, SECOND_GOOD = 112 * 1024;

/* Adaptive windows along an axis, of which a list holds where they begin. */
static const int64_t BEGINS_MOST = 4096;

/* Places of a local array, and those that taps lead to, are nearer than this to each other: indices have 32 bits. */
static const int64_t REACH_MOST = 1 << 27;

/* How much work a window is, in operations of vectors, and what it takes to clear and store a vector of the sums; how much
 * longer that takes where pieces of pixels are short.  Found by measuring, as all weights (lane_work.c). */
static const double WINDOW = 8, VECTOR = 4, HALF_PIECE = 1.2, SHORT_PIECE = 2.2, SHORTEST_PIECE = 5;

/* Bytes of a pixel of which it matters that a piece is shorter than half a cache line: each is one of its own. */
static const int64_t PIXEL_LONG = 256;

/* Channels-first, operations in the time of a cache line of sums that do not fit into the first level cache: gradients of
 * 3 x 3 x 3 windows, 40 x 28 x 28 x 256, take 13 ms, as whole windows 10.2 (Granite Rapids). */
static const double LINE_BEYOND = 160;

/* Channels-first, operations that fit into the time that a cache line takes until what was added to it, element by element,
 * can be loaded as a vector; they are lost where there are not windows enough to go on with. */
static const double LINE_WAIT = 16;

/* The same for the last of a block, which nothing follows: gradients of 3 x 3 by 2, 30 x 8 x 4, take 1.4 us so, as whole windows
 * 0.07 (Zen 4). */
static const double LAST_WAIT = 120;

/* Nodes of the code, about: three short loops, whatever the layer. */
static const double CODE = 100;

static double waiting(const struct pc_plan *plan) {
    const int bytes = ir_elements[plan->real].bytes;
    const double wait = (double)(pc_layer_inputs(plan->layer) * bytes) / PC_CACHE_LINE * LINE_WAIT;
    const double windows = (double)pc_layer_outputs(plan->layer) * WINDOW;
    return plan->layer->desc.layout != POOL_CHANNELS_LAST && wait > windows ? wait - windows : 0;
}

/* Adaptive windows, of whose loops compilers make vectors (32 x 32 to 7 x 7, channels-last: 10 us, scattered 18), but not of
 * any number of kinds: 100 x 100 to 33 x 33 are 40,000 nodes in 5,000 loops, for which LLVM takes 500 s. */
static bool loops_are_better(const struct pc_plan *plan) {
    bool adaptive = false;
    for (int a = 0; a < POOL_MAX_RANK; a++)
        adaptive |= plan->layer->axis[a].adaptive;
    const bool asked = plan->options.forced && plan->options.choice == PC_PLAN_SCATTER;
    return adaptive && !asked && pc_plan_code_of_loops(plan) <= PC_LOOP_BUDGET;
}

/* How many elements the local array has, and how many of them are before the sums.  A window begins in the padding, and ends
 * there: whatever stands in the state, what a window can add to is inside of the array. */
static void find_extent(const struct pc_plan *plan, struct pc_lane_plan *p) {
    const struct pc_layer *layer = plan->layer;
    const bool last = layer->desc.layout == POOL_CHANNELS_LAST;
    const int64_t lanes = p->lanes, plane = pc_layer_inputs(layer);
    int64_t pitch = last ? p->block : 1, before = 0, farthest = last ? p->block - 1 : (p->block - 1) * plane;
    for (int a = POOL_MAX_RANK - 1; a >= 0; a--) {
        const struct pc_axis *axis = &layer->axis[a];
        before += axis->pad_begin * pitch;
        farthest += (pc_axis_window(axis, axis->out - 1).start + (axis->kernel - 1) * axis->dilation) * pitch;
        pitch *= axis->in;
    }
    const int64_t sums = (plane * p->block + lanes - 1) / lanes * lanes; /* stored as whole vectors */
    p->local_front = (before + lanes - 1) / lanes * lanes;
    p->local_count[0] = (p->local_front + (sums > farthest ? sums : farthest + 1) + lanes - 1) / lanes * lanes;
}

const char *pc_lane_scatter_misfit(const struct pc_plan *plan) {
    const struct pc_axis *axis = plan->layer->axis;
    const bool selects = plan->kind == PC_KERNEL_BACKWARD && pc_layer_picks(plan->layer);
    int64_t pitch = CHANNELS_MOST, reach = 0;
    if (!selects)
        return "it is for gradients of maxima and minima";
    if (plan->state != IR_U8 && plan->state != IR_U16)
        return "windows have more than 65536 taps";
    if (loops_are_better(plan))
        return "adaptive windows fall into few kinds, and loops over each of them are faster";
    for (int a = POOL_MAX_RANK - 1; a >= 0; a--) {
        if (axis[a].adaptive && axis[a].out > BEGINS_MOST)
            return "there are too many adaptive windows to list where they begin";
        int64_t along;
        if (__builtin_mul_overflow(2 * axis[a].pad_begin + 2 * axis[a].in + axis[a].kernel * axis[a].dilation, pitch,
                                   &along) ||
            (reach += along) > REACH_MOST)
            return "windows reach too far";
        pitch *= axis[a].in;
    }
    return NULL;
}

const struct pc_lane_plan *pc_lane_scatter_build(const struct pc_plan *plan, int lanes, const char *why,
                                                 struct pc_arena *arena) {
    const struct pc_layer *layer = plan->layer;
    const int64_t channels = layer->desc.channels, planes = layer->desc.batch * channels;
    const int64_t bytes = ir_elements[plan->real].bytes, inputs = pc_layer_inputs(layer);
    const bool last = layer->desc.layout == POOL_CHANNELS_LAST;
    struct pc_lane_plan *p = PC_NEW(arena, struct pc_lane_plan);
    *p = (struct pc_lane_plan){.lanes = lanes, .abreast = 1, .scatters = true, .why = why};
    for (int64_t most = last ? CHANNELS_MOST : PLANES_MOST; most > 0; most /= 2) {
        p->block = most < channels || !last ? most : channels;
        while (!last && planes % p->block)
            p->block /= 2;
        find_extent(plan, p);
        p->local_bytes = p->local_count[0] * bytes;
        if (inputs * most * bytes <= (last ? SECOND_GOOD : FIRST_GOOD) && p->local_bytes <= PC_LOCAL_MOST)
            break;
    }
    if (p->local_bytes > PC_LOCAL_MOST)
        return NULL;
    const bool vectors = last && channels >= lanes;
    p->unit = !last ? "plane" : vectors ? "vector of channels" : "image";
    const double times = !last ? 1 : vectors ? lanes : (double)channels;
    const bool shortest = p->block * 8 < CHANNELS_MOST && channels * bytes >= PIXEL_LONG;
    const double piece = !last || p->block >= CHANNELS_MOST / 2 || p->block == channels ? 1
                         : p->block >= CHANNELS_MOST / 4                                ? HALF_PIECE
                         : shortest                                                     ? SHORTEST_PIECE
                                                                                        : SHORT_PIECE;
    const bool beyond = !last && inputs * p->block * bytes > CANDIDATE_FIRST_LEVEL;
    p->work = times * piece * ((double)pc_layer_outputs(layer) * WINDOW + (double)inputs / lanes * VECTOR) + waiting(plan) +
              (last ? 0 : LAST_WAIT / (double)p->block) +
              (beyond ? (double)(inputs * bytes) / PC_CACHE_LINE * LINE_BEYOND : 0);
    candidate_wait_for_memory(plan, 1, &p->work);
    p->code = CODE;
    return p;
}
