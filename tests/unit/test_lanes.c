/* test_lanes.c - groups of elements as lanes: against the maps that they were made from, one by one; and kernels made of
 * them against the reference. */
#include "front/diag.h"
#include "middle/kernel.h"
#include "middle/lane_plan.h"
#include "middle/lower.h"
#include "pool/compare.h"
#include "pool/random.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LAYERS = 1500 };

static const struct pc_layer *random_layer(uint64_t number, struct pc_arena *arena, struct pc_diags *diags) {
    struct pool_random random = pool_random_start(number, "layer");
    struct pool_desc desc;
    pool_random_desc(&random, &desc);
    return pc_layer_from_desc("layer", &desc, arena, diags);
}

static uint32_t bit(int lane) {
    return (uint32_t)1 << lane;
}

/* ---- which element feeds which lane ---- */

struct groups {
    const struct pc_lane_shape *shape;
    int64_t to[POOL_MAX_RANK], from_count, repeated, ones;
    uint8_t *seen;
};

/* The element that slot `slot` brings to destination `out`, by the maps; -1: none. */
static int64_t expected_element(const struct groups *g, int64_t out, const int *slot, int64_t *number) {
    const int64_t at[] = {out / g->to[2] / g->to[1], out / g->to[2] % g->to[1], out % g->to[2]};
    int64_t element = 0;
    *number = 0;
    for (int a = 0; a < POOL_MAX_RANK; a++) {
        const struct pc_lane_slot *s = &g->shape->map[a]->slot[at[a] * g->shape->map[a]->slots + slot[a]];
        if (s->at < 0)
            return -1;
        element = element * g->shape->from[a] + s->at;
        *number += s->tap * g->shape->tap_stride[a];
    }
    return element;
}

static void check_tap(const struct groups *g, const struct pc_lane_group *group, const struct pc_lane_tap *tap, int64_t in,
                      int64_t out) {
    for (int i = 0; i < tap->load_count; i++)
        for (int lane = 0; lane < g->shape->lanes; lane++)
            if (tap->loads[i].mask & bit(lane)) {
                const int64_t at = tap->loads[i].at + in + lane;
                cr_assert(at >= 0 && at < g->from_count, "a load outside the source");
            }
    for (int lane = 0; lane < g->shape->lanes; lane++) {
        if (!(group->valid & bit(lane)))
            continue;
        int64_t number;
        const int64_t expected = expected_element(g, group->out + out + lane * g->shape->phases, tap->slot, &number);
        cr_assert_eq((tap->active & bit(lane)) != 0, expected >= 0, "lane %d", lane);
        if (expected < 0)
            continue;
        const struct pc_lane_load *load = &tap->loads[tap->load[lane]];
        cr_assert_eq(load->at + in + tap->lane[lane], expected);
        cr_assert(load->mask & bit(tap->lane[lane]), "an element is needed and not loaded");
        cr_assert_eq(tap->number[lane], number);
    }
}

/* What the maps say of the index of an element's window. */
static int64_t expected_index(const struct groups *g, int64_t out) {
    const int64_t at[] = {out / g->to[2] / g->to[1], out / g->to[2] % g->to[1], out % g->to[2]};
    int64_t index = 0;
    for (int a = 0; a < POOL_MAX_RANK; a++)
        index += g->shape->map[a]->index ? g->shape->map[a]->index[at[a]] : 0;
    return index;
}

/* Every slot that some lane has is there. */
static void check_complete(const struct groups *g, const struct pc_lane_group *group, int64_t out) {
    int slot[POOL_MAX_RANK], wanted = 0;
    for (slot[0] = 0; slot[0] < g->shape->map[0]->slots; slot[0]++)
        for (slot[1] = 0; slot[1] < g->shape->map[1]->slots; slot[1]++)
            for (slot[2] = 0; slot[2] < g->shape->map[2]->slots; slot[2]++) {
                bool active = false;
                int64_t number;
                for (int lane = 0; lane < g->shape->lanes; lane++)
                    active |= (group->valid & bit(lane)) &&
                              expected_element(g, group->out + out + lane * g->shape->phases, slot, &number) >= 0;
                wanted += active;
            }
    cr_assert_eq(group->tap_count, wanted);
}

static void check_node(struct groups *g, const struct pc_lane_node *node, struct pc_lane_steps at) {
    g->repeated += node->count > 1;
    for (int t = 0; node->group && t < node->group->tap_count; t++)
        for (int i = 0; i < node->group->taps[t].load_count; i++)
            g->ones += pc_lane_is_one(&node->group->taps[t], i);
    for (int64_t i = 0; i < node->count; i++) {
        for (size_t c = 0; c < node->child_count; c++)
            check_node(g, &node->children[c], at);
        for (int t = 0; node->group && t < node->group->tap_count; t++)
            check_tap(g, node->group, &node->group->taps[t], at.in, at.out);
        for (int lane = 0; node->group && lane < g->shape->lanes; lane++) {
            const int64_t out = node->group->out + at.out + lane * g->shape->phases;
            if (!(node->group->valid & bit(lane)))
                continue;
            g->seen[out]++;
            cr_assert_eq(node->group->index[lane] + at.index, expected_index(g, out));
        }
        if (node->group)
            check_complete(g, node->group, at.out);
        at = (struct pc_lane_steps){at.in + node->step.in, at.out + node->step.out, at.index + node->step.index};
    }
}

Test(lanes, every_lane_has_its_slots) {
    int planes = 0, apart = 0, unrolled = 0;
    int64_t repeated = 0, ones = 0;
    for (uint64_t number = 0; number < LAYERS; number++) {
        struct pc_arena arena = {0};
        struct pc_diags diags;
        pc_diags_init(&diags, &arena);
        const struct pc_layer *layer = random_layer(number, &arena, &diags);
        const bool backward = number % 2;
        struct pc_lane_shape shape = {.lanes = number % 7 ? 4 << number % 3 : 1, .rows = 2, .align = 1, .code_max = 1 << 16};
        shape.one_more = shape.lanes > 1 && number % 5 < 2;
        shape.phases =
            layer && shape.lanes > 1 && backward && number % 3 == 0 && !layer->axis[2].adaptive ? layer->axis[2].stride : 1;
        shape.unrolled = shape.lanes > 1 && shape.phases == 1 && number % 8 < 2;
        struct groups g = {.shape = &shape, .from_count = 1};
        int64_t to_count = 1;
        for (int a = 0; layer && a < POOL_MAX_RANK; a++) {
            const struct pc_axis *axis = &layer->axis[a];
            shape.map[a] =
                (backward ? pc_lane_map_backward : pc_lane_map_forward)(axis, 0, backward ? axis->in : axis->out, 0, &arena);
            if (!backward && number % 4 == 0) /* as where indices are wanted */
                shape.map[a] = pc_lane_map_indexing(shape.map[a], shape.map[a], a == 2 ? 1 : 1009 * (2 - a), &arena);
            shape.from[a] = backward ? axis->out : axis->in;
            shape.tap_stride[a] = 1 + 100 * a;
            shape.period[a] = backward && !axis->adaptive ? axis->stride : 1;
            g.to[a] = shape.map[a]->to;
            g.from_count *= shape.from[a];
            to_count *= g.to[a];
        }
        const struct pc_lane_node *root = layer ? pc_lanes_build(&shape, &arena) : NULL;
        if (root) {
            g.seen = calloc((size_t)to_count, 1);
            check_node(&g, root, (struct pc_lane_steps){0});
            for (int64_t i = 0; i < to_count; i++)
                cr_assert_eq(g.seen[i], 1, "layer %d: element %d in %d lanes", (int)number, (int)i, g.seen[i]);
            free(g.seen);
            planes++;
            repeated += g.repeated > 0;
            ones += shape.one_more ? g.ones : 0;
            apart += shape.phases > 1;
            unrolled += shape.unrolled;
            cr_assert(!shape.unrolled || g.repeated == 0, "layer %d: a loop", (int)number);
        }
        pc_arena_release(&arena);
    }
    cr_assert_gt(planes, LAYERS / 4, "%d", planes);
    cr_assert_gt(repeated, LAYERS / 10, "%d", (int)repeated);
    cr_assert_gt(ones, LAYERS / 10, "%d", (int)ones);
    cr_assert_gt(apart, LAYERS / 20, "%d", apart);
    cr_assert_gt(unrolled, LAYERS / 20, "%d", unrolled);
}

/* ---- the kernels ---- */

struct tensors {
    void *x, *y, *state, *indices, *dy, *dx;
};

struct kernels {
    int lanes, transposed, in_registers, lines_in_place;
};

/* Each way with each of them, whatever the number of ways. */
static int vector_bytes_of(uint64_t number) {
    return 16 << number / (2 * PC_PLAN_COUNT) % 3;
}

/* Each way to make a kernel in turn, for plain and for hard inputs. */
static enum pc_plan_choice choice_of(uint64_t number) {
    return (enum pc_plan_choice)(number / 2 % PC_PLAN_COUNT);
}

static bool is_forced(uint64_t number) {
    return number % 5 != 0;
}

static struct ir_function *build(const struct pc_layer *layer, enum pc_kernel_kind kind, uint64_t number,
                                 struct kernels *built, struct pc_arena *arena, struct pc_diags *diags) {
    const struct pc_kernel_options options = {
        .prefix = "k",
        .plan = {.vector_bytes = vector_bytes_of(number), .fetch_bytes = 1, .forced = is_forced(number), .choice = choice_of(number)},
        .verify = true};
    const struct pc_kernel *kernel = pc_kernel_build(layer, kind, &options, arena, diags);
    cr_assert(kernel || diags->first, "a failure without an error");
    const bool lanes = kernel && kernel->plan->form == PC_FORM_LANES;
    built->lanes += lanes;
    built->transposed += lanes && kernel->plan->lanes->transposed;
    built->in_registers += lanes && kernel->plan->lanes->in_registers;
    built->lines_in_place += lanes && kernel->plan->lanes->lines_in_place;
    return kernel ? kernel->ir : NULL;
}

/* What may lie on the stack before a kernel's locals do: numbers that are no tap's, and that kernels therefore give to lanes
 * without one, or a NaN. */
static void *new_local(const struct ir_buffer *buffer, int64_t taps) {
    const size_t bytes = (size_t)ir_elements[buffer->element].bytes;
    char *memory = malloc((size_t)buffer->count * bytes);
    for (int64_t i = 0; i < buffer->count; i++) {
        char *at = memory + (size_t)i * bytes;
        if (ir_elements[buffer->element].real)
            memcpy(at, bytes == sizeof(float) ? (void *)&(float){NAN} : &(double){NAN}, bytes);
        else
            memcpy(at, &taps, bytes); /* the low bytes come first where tests run */
    }
    return memory;
}

static void run(const struct ir_function *f, const struct tensors *t, int64_t taps) {
    enum { BUFFERS_MOST = 16 };
    void *buffers[BUFFERS_MOST];
    cr_assert_leq(f->buffer_count, BUFFERS_MOST);
    for (size_t i = 0; i < f->buffer_count; i++) {
        const char *name = f->buffers[i].name;
        if (f->buffers[i].role == IR_LOCAL) {
            buffers[i] = new_local(&f->buffers[i], taps);
            continue;
        }
        buffers[i] = strcmp(name, "x") == 0         ? t->x
                     : strcmp(name, "y") == 0       ? t->y
                     : strcmp(name, "state") == 0   ? t->state
                     : strcmp(name, "indices") == 0 ? t->indices
                     : strcmp(name, "dy") == 0      ? t->dy
                     : strcmp(name, "dx") == 0      ? t->dx
                                                    : NULL;
    }
    cr_assert(ir_eval(f, buffers));
    for (size_t i = 0; i < f->buffer_count; i++)
        if (f->buffers[i].role == IR_LOCAL)
            free(buffers[i]);
}

/* The state or the indices that a kernel left. */
static void check_taps(const struct pc_layer *layer, const struct ir_function *f, const struct tensors *t, uint64_t number) {
    struct pool_comparison result;
    int64_t *taps = malloc((size_t)layer->y_count * sizeof *taps);
    for (size_t i = 0; i < f->buffer_count; i++) {
        const bool is_state = strcmp(f->buffers[i].name, "state") == 0;
        const void *from = is_state ? t->state : t->indices;
        if (!is_state && strcmp(f->buffers[i].name, "indices") != 0)
            continue;
        for (int64_t k = 0; k < layer->y_count; k++)
            taps[k] = f->buffers[i].element == IR_U8    ? ((const uint8_t *)from)[k]
                      : f->buffers[i].element == IR_U16 ? ((const uint16_t *)from)[k]
                      : f->buffers[i].element == IR_I32 ? ((const int32_t *)from)[k]
                                                        : ((const int64_t *)from)[k];
        const enum pool_indices which = is_state ? POOL_INDICES_WINDOW : layer->desc.indices;
        cr_assert_eq(pool_compare_indices(&layer->desc, t->x, which, taps, &result), POOL_OK);
        cr_assert_eq(result.mismatches, 0, "layer %d, %s: element %d is %g, but should be %g", (int)number,
                     f->buffers[i].name, (int)result.at, result.actual, result.expected);
    }
    free(taps);
}

static void check_kernels(const struct pc_layer *layer, uint64_t number, struct kernels *built, struct pc_arena *arena,
                          struct pc_diags *diags) {
    const struct pool_desc *desc = &layer->desc;
    const size_t real = desc->dtype == POOL_F64 ? sizeof(double) : sizeof(float);
    const size_t x_bytes = (size_t)layer->x_count * real, y_bytes = (size_t)layer->y_count * real;
    struct tensors t = {malloc(x_bytes),
                        calloc(1, y_bytes),
                        calloc((size_t)layer->y_count, sizeof(int64_t)),
                        calloc((size_t)layer->y_count, sizeof(int64_t)),
                        malloc(y_bytes),
                        calloc(1, x_bytes)};
    struct pool_comparison result;
    if (number % 2) {
        pool_random_hard(number, "x", (enum pool_hard)(number / 2 % POOL_HARD_COUNT), desc->dtype, layer->x_count, t.x);
    } else {
        pool_random_fill(number, "x", desc->dtype, layer->x_count, t.x);
    }
    pool_random_fill(number, "dy", desc->dtype, layer->y_count, t.dy);
    for (int kind = 0; kind < PC_KERNEL_COUNT; kind++) {
        if (!pc_layer_has_kernel(layer, (enum pc_kernel_kind)kind))
            continue;
        const struct ir_function *f = build(layer, (enum pc_kernel_kind)kind, number, built, arena, diags);
        cr_assert_eq(pc_diags_error_count(diags), 0, "layer %d: %s", (int)number, diags->first ? diags->first->text : "");
        run(f, &t, desc->kernel[0] * (desc->rank > 1 ? desc->kernel[1] : 1) * (desc->rank > 2 ? desc->kernel[2] : 1));
        if (kind == PC_KERNEL_BACKWARD)
            cr_assert_eq(pool_compare_backward(desc, t.x, t.y, t.dy, t.dx, &result), POOL_OK);
        else
            cr_assert_eq(pool_compare_forward(desc, t.x, t.y, &result), POOL_OK);
        if (kind != PC_KERNEL_BACKWARD)
            check_taps(layer, f, &t, number);
        struct pc_text text = {0};
        pc_layer_print(layer, &text);
        cr_assert_eq(result.mismatches, 0, "layer %d, %s: element %d is %g, but should be %g\n%s", (int)number,
                     pc_kernel_suffix[kind], (int)result.at, result.actual, result.expected, pc_text_string(&text));
        pc_text_release(&text);
    }
    void *all[] = {t.x, t.y, t.state, t.indices, t.dy, t.dx};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
}

Test(lanes, kernels_agree_with_the_reference) {
    struct kernels built = {0};
    for (uint64_t number = 0; number < LAYERS; number++) {
        struct pc_arena arena = {0};
        struct pc_diags diags;
        pc_diags_init(&diags, &arena);
        const struct pc_layer *layer = random_layer(number, &arena, &diags);
        /* Only where a gradient is not for a state that no forward pass left. */
        if (layer && layer->x_count < 5000 &&
            (layer->forward || pc_mode_of(layer->desc.mode)->gradient == PC_GRADIENT_WEIGHT))
            check_kernels(layer, number, &built, &arena, &diags);
        pc_arena_release(&arena);
    }
    cr_assert_gt(built.lanes, LAYERS / 3, "%d", built.lanes);
    cr_assert_gt(built.transposed, LAYERS / 20, "%d", built.transposed);
    cr_assert_gt(built.in_registers, LAYERS / 50, "%d", built.in_registers);
}

/* Zeros of both signs among smaller numbers: the first of them is the maximum, whichever lane it is in. */
Test(lanes, the_first_of_equal_zeros_is_the_maximum_of_a_plane) {
    enum { PLANES = 40, LENGTH = 54 };
    for (int bytes = 16; bytes <= 64; bytes *= 2) {
        uint64_t number = 0;
        while (choice_of(number) != PC_PLAN_HALVES || vector_bytes_of(number) != bytes || !is_forced(number))
            number++;
        struct pc_arena arena = {0};
        struct pc_diags diags;
        struct pool_random random = pool_random_start(number, "zeros");
        float x[PLANES * LENGTH], y[PLANES];
        struct kernels built = {0};
        const struct pool_desc desc = {.mode = POOL_MAX,
                                       .rank = 1,
                                       .batch = 1,
                                       .channels = PLANES,
                                       .in = {LENGTH},
                                       .kernel = {LENGTH},
                                       .stride = {1},
                                       .dilation = {1}};
        pc_diags_init(&diags, &arena);
        const struct pc_layer *layer = pc_layer_from_desc("zeros", &desc, &arena, &diags);
        for (int k = 0; k < PLANES * LENGTH; k++)
            x[k] = pool_random_chance(&random, 7, 8) ? -1.0f : pool_random_chance(&random, 1, 2) ? -0.0f : 0.0f;
        const struct ir_function *f = build(layer, PC_KERNEL_FORWARD, number, &built, &arena, &diags);
        cr_assert(f && built.lanes);
        run(f, &(struct tensors){.x = x, .y = y}, LENGTH);
        for (int k = 0; k < PLANES; k++) {
            int first = k * LENGTH;
            while (x[first] < 0 && first < (k + 1) * LENGTH - 1)
                first++;
            cr_assert(y[k] == x[first] && !signbit(y[k]) == !signbit(x[first]), "plane %d", k);
        }
        pc_arena_release(&arena);
    }
}

/* Lines of transposed planes take their own place, unless they are cut, or not as long as what comes of them. */
Test(lanes, lines_take_their_own_place) {
    static const struct {
        int64_t height, width, kernel, padding;
        bool in_place;
    } rows[] = {
        {13, 13, 9, 4, true}, {20, 20, 13, 6, true}, {19, 19, 5, 2, true}, {34, 9, 9, 4, false}, {20, 20, 13, 5, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct pool_desc desc = {.mode = POOL_MAX,
                                       .rank = 2,
                                       .batch = 1,
                                       .channels = 31,
                                       .in = {rows[i].height, rows[i].width},
                                       .kernel = {rows[i].kernel, rows[i].kernel},
                                       .stride = {1, 1},
                                       .dilation = {1, 1},
                                       .pad_begin = {rows[i].padding, rows[i].padding},
                                       .pad_end = {rows[i].padding, rows[i].padding}};
        struct kernels built = {0};
        for (uint64_t number = 0; built.transposed < 8 && number < 1000; number++) {
            struct pc_arena arena = {0};
            struct pc_diags diags;
            pc_diags_init(&diags, &arena);
            if (choice_of(number) == PC_PLAN_LINES && vector_bytes_of(number) == 64 && is_forced(number))
                check_kernels(pc_layer_from_desc("lines", &desc, &arena, &diags), number, &built, &arena, &diags);
            pc_arena_release(&arena);
        }
        cr_assert_geq(built.transposed, 8, "row %d", (int)i);
        cr_assert_eq(built.lines_in_place, rows[i].in_place ? built.transposed : 0, "row %d", (int)i);
    }
}
