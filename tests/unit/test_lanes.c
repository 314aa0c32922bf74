/* test_lanes.c - groups of outputs as lanes: against the windows of each output, one by one; and kernels made of them against
 * the kernels that take one output at a time, bit for bit. */
#include "front/diag.h"
#include "middle/kernel.h"
#include "middle/lanes.h"
#include "pool/random.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LAYERS = 1500 };

/* A random layer that may be taken by lanes: maxima of planes, channels-first. NULL: this one is none. */
static const struct pc_layer *random_layer(uint64_t number, struct pc_arena *arena, struct pc_diags *diags) {
    struct pool_random random = pool_random_start(number, "layer");
    struct pool_desc desc;
    pool_random_desc(&random, &desc);
    if (desc.rank > 2)
        return NULL;
    if (desc.mode != POOL_MAX && desc.mode != POOL_MIN) {
        desc.mode = number % 2 ? POOL_MAX : POOL_MIN;
        desc.divisor = POOL_DIVISOR_TAPS;
        desc.divisor_override = 0;
        desc.p = 0;
    }
    desc.layout = POOL_CHANNELS_FIRST;
    desc.indices = POOL_INDICES_NONE;
    return pc_layer_from_desc("layer", &desc, arena, diags);
}

static uint64_t bit(int lane) {
    return (uint64_t)1 << lane;
}

/* ---- which element feeds which lane ---- */

static void check_tap(const struct pc_layer *layer, const struct pc_lane_tap *tap, int64_t out, int lane, int64_t shift) {
    const struct pc_axis *height = &layer->axis[1], *width = &layer->axis[2];
    const struct pc_window h = pc_axis_window(height, out / width->out), w = pc_axis_window(width, out % width->out);
    const int64_t kh = tap->number / width->kernel, kw = tap->number % width->kernel;
    const bool inside = kh >= h.tap_begin && kh < h.tap_end && kw >= w.tap_begin && kw < w.tap_end;
    cr_assert_eq((tap->active & bit(lane)) != 0, inside, "lane %d", lane);
    if (!inside)
        return;
    const struct pc_lane_load *load = &tap->loads[tap->load[lane]];
    const int64_t expected = (h.start + kh * height->dilation) * width->in + w.start + kw * width->dilation;
    cr_assert_eq(load->at + shift + tap->lane[lane], expected);
    cr_assert(load->mask & bit(tap->lane[lane]), "an element is needed and not loaded");
}

/* Each load stays inside the plane, whichever group of its run it is in. */
static void check_loads(const struct pc_layer *layer, const struct pc_lane_tap *tap, int lanes, int64_t shift) {
    for (int i = 0; i < tap->load_count; i++)
        for (int lane = 0; lane < lanes; lane++) {
            const int64_t at = tap->loads[i].at + shift + lane;
            if (tap->loads[i].mask & bit(lane))
                cr_assert(at >= 0 && at < layer->axis[1].in * layer->axis[2].in, "a load outside the plane");
        }
}

static void check_group(const struct pc_layer *layer, const struct pc_lane_group *group, int lanes, int64_t out,
                        int64_t shift, uint8_t *seen) {
    uint64_t met = 0;
    for (int t = 0; t < group->tap_count; t++) {
        check_loads(layer, &group->taps[t], lanes, shift);
        cr_assert(t == 0 || group->taps[t - 1].number < group->taps[t].number, "taps out of order");
        met |= group->taps[t].active;
    }
    cr_assert_eq(met, group->valid, "a lane without a tap, or a tap of no output");
    for (int lane = 0; lane < lanes; lane++) {
        if (!(group->valid & bit(lane)))
            continue;
        cr_assert_eq(seen[out + lane]++, 0, "an output in two lanes");
        for (int t = 0; t < group->tap_count; t++)
            check_tap(layer, &group->taps[t], out + lane, lane, shift);
    }
}

static void check_plane(const struct pc_layer *layer, const struct pc_lanes *plane) {
    const int64_t outputs = layer->axis[1].out * layer->axis[2].out;
    uint8_t *seen = calloc((size_t)outputs, 1);
    for (int b = 0; b < plane->block_count; b++) {
        const struct pc_lane_block *block = &plane->blocks[b];
        for (int64_t i = 0; i < block->count; i++)
            for (int r = 0; r < block->run_count; r++)
                for (int64_t k = 0; k < block->runs[r].count; k++)
                    check_group(layer, &block->runs[r].group, plane->lanes,
                                block->runs[r].group.out + i * block->out_step + k * block->runs[r].out_step,
                                i * block->in_step + k * block->runs[r].in_step, seen);
    }
    for (int64_t i = 0; i < outputs; i++)
        cr_assert_eq(seen[i], 1, "an output in no lane");
    free(seen);
}

Test(lanes, every_lane_has_its_taps) {
    int planes = 0, repeated = 0;
    for (uint64_t number = 0; number < LAYERS; number++) {
        struct pc_arena arena = {0};
        struct pc_diags diags;
        pc_diags_init(&diags, &arena);
        const struct pc_layer *layer = random_layer(number, &arena, &diags);
        const struct pc_lanes *plane = layer ? pc_lanes_build(layer, 4 << number % 3, &arena) : NULL;
        if (plane) {
            check_plane(layer, plane);
            planes++;
            for (int b = 0; b < plane->block_count; b++)
                repeated += plane->blocks[b].count > 1 || plane->blocks[b].runs[0].count > 1;
        }
        pc_arena_release(&arena);
    }
    cr_assert_gt(planes, LAYERS / 4);
    cr_assert_gt(repeated, LAYERS / 20);
}

/* ---- the kernels ---- */

static struct ir_function *build(const struct pc_layer *layer, enum pc_kernel_kind kind, int vector_bytes, bool *lanes,
                                 struct pc_arena *arena, struct pc_diags *diags) {
    const struct pc_kernel_options options = {.prefix = "k", .plan = {.vector_bytes = vector_bytes}, .verify = true};
    const struct pc_kernel *kernel = pc_kernel_build(layer, kind, &options, arena, diags);
    if (!kernel)
        return NULL;
    *lanes = kernel->plan->form == PC_FORM_LANES;
    return kernel->ir;
}

static bool same_bits(const void *a, const void *b, int64_t count, bool is_double) {
    for (int64_t i = 0; i < count; i++) {
        const double x = is_double ? ((const double *)a)[i] : ((const float *)a)[i];
        const double y = is_double ? ((const double *)b)[i] : ((const float *)b)[i];
        if (!(isnan(x) && isnan(y)) && !(x == y && signbit(x) == signbit(y)))
            return false;
    }
    return true;
}

static void compare_kernels(const struct pc_layer *layer, enum pc_kernel_kind kind, uint64_t number, int *compared,
                            struct pc_arena *arena, struct pc_diags *diags) {
    const bool is_double = layer->desc.dtype == POOL_F64;
    const size_t real = is_double ? sizeof(double) : sizeof(float), states = (size_t)layer->y_count * sizeof(int64_t);
    const size_t x_bytes = (size_t)layer->x_count * real, y_bytes = (size_t)layer->y_count * real;
    bool plain = false, lanes = false;
    struct ir_function *one = build(layer, kind, 0, &plain, arena, diags);
    struct ir_function *many = build(layer, kind, 16 << number % 3, &lanes, arena, diags);
    cr_assert_eq(pc_diags_error_count(diags), 0, "layer %d: %s", (int)number, diags->first ? diags->first->text : "");
    cr_assert_not(plain);
    if (!lanes)
        return;
    void *x = malloc(x_bytes), *y[2] = {calloc(1, y_bytes), calloc(1, y_bytes)};
    void *state[2] = {calloc(1, states), calloc(1, states)};
    pool_random_hard(number, "x", (enum pool_hard)(number % POOL_HARD_COUNT), layer->desc.dtype, layer->x_count, x);
    cr_assert(ir_eval(one, (void *const[]){x, y[0], state[0]}));
    cr_assert(ir_eval(many, (void *const[]){x, y[1], state[1]}));
    cr_assert(same_bits(y[0], y[1], layer->y_count, is_double), "layer %d", (int)number);
    cr_assert_eq(memcmp(state[0], state[1], states), 0, "the tap numbers of layer %d", (int)number);
    ++*compared;
    free(x);
    for (int i = 0; i < 2; i++) {
        free(y[i]);
        free(state[i]);
    }
}

Test(lanes, kernels_give_the_same_bits) {
    int compared = 0;
    for (uint64_t number = 0; number < LAYERS; number++) {
        struct pc_arena arena = {0};
        struct pc_diags diags;
        pc_diags_init(&diags, &arena);
        const struct pc_layer *layer = random_layer(number, &arena, &diags);
        for (int kind = PC_KERNEL_FORWARD; layer && layer->x_count < 5000 && kind <= PC_KERNEL_TRAIN; kind++)
            if (pc_layer_has_kernel(layer, (enum pc_kernel_kind)kind))
                compare_kernels(layer, (enum pc_kernel_kind)kind, number, &compared, &arena, &diags);
        pc_arena_release(&arena);
    }
    cr_assert_gt(compared, LAYERS / 4, "%d", compared);
}
