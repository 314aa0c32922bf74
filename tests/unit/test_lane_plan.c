/* test_lane_plan.c - plans for vectors: what is taken together, what is refused or takes another way because it would be
 * long or take long. */
#include "middle/lane_plan.h"
#include "planned.h"

#include <stdlib.h>

/* All that such a block fills are local arrays, which every part would fill if it were shared out. */
Test(lane_plan, a_block_of_planes_that_is_no_loop_is_one_parts) {
    struct front front;
    open_text(&front, "mode max; channels 17; shape 20 x 20; kernel 13; stride 1; padding 6");
    const struct pc_kernel *k = must_build(&front, PC_KERNEL_TRAIN, (struct pc_plan_options)BUDGET(0, 0, 0, 64));
    cr_assert(k->plan->lanes->transposed && k->ir->body.count > 1);
    for (size_t i = 0; i < k->ir->body.count; i++) {
        const struct ir_node *n = ir_at(k->ir, k->ir->body.items[i]);
        cr_assert(n->op == IR_FOR && k->ir->loops[n->aux].trip == 1);
    }
    close_front(&front);
}

/* Rows and windows of any length are planned in no time: vectors look at each position and tap, of so many they do not. */
Test(lane_plan, long_axes_take_no_time, .timeout = 10) {
    static const char *const layers[] = {
        "mode avg; shape 1000000; kernel 1000; stride 1",
        "mode max; channels 4; shape 16777216 x 16384; kernel 3; stride 2",
        "mode max; shape 4096 x 101; kernel 4095 x 100; stride 7 x 101; passes forward",
        "mode max; shape 65521 x 3; layout nhwc; channels 1; kernel 32761 x 2; stride 32760 x 1; passes forward",
        "mode avg; shape 400000; layout nwc; channels 3; kernel 400001; stride 1; padding 0:1",
    };
    for (size_t i = 0; i < 2 * (sizeof layers / sizeof *layers); i++) {
        struct front front;
        const struct pc_plan_options options = {.vector_bytes = i % 2 ? 16 : 64};
        open_text(&front, layers[i / 2]);
        for (int kind = 0; kind < PC_KERNEL_COUNT; kind++)
            if (pc_layer_has_kernel(front.layer, (enum pc_kernel_kind)kind))
                cr_assert_not_null(
                    pc_plan_build(front.layer, (enum pc_kernel_kind)kind, &options, &front.arena, &front.diags));
        close_front(&front);
    }
}

/* A window that is alone, with an end that reaches beyond the plane: nothing looks for it from each input. */
Test(lane_plan, one_window_is_not_staged) {
    struct front front;
    open_text(&front, "mode avg; channels 64; shape 128 x 399; kernel 128 x 399; stride 1; padding 0:0 x 4:1; "
                      "count_include_pad true; passes backward");
    const struct pc_kernel *k = must_build(&front, PC_KERNEL_BACKWARD, (struct pc_plan_options){.vector_bytes = 32});
    cr_assert_lt(ir_cost_of(k->ir).operations, 1000000);
    close_front(&front);
}

/* Planes that do not fill a vector are side by side in them: as many as divide them all. */
Test(lane_plan, small_planes_are_taken_together) {
    static const struct {
        const char *layer;
        int64_t planes, stores; /* those for a vector of 16 */
    } rows[] = {
        {"mode max; channels 10; shape 6; kernel 2; passes forward", 10, 2},
        {"mode max; channels 16; shape 6; kernel 2; passes forward", 16, 3},
        {"mode avg; channels 500; shape 10; kernel 2; passes forward", 125, 4 * 40},
        {"mode min; batch 3; channels 7; shape 3 x 4; kernel 2; stride 1; passes forward", 21, 8},
        {"mode max; channels 509; shape 10; kernel 2; passes forward", 1, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct front front;
        open_text(&front, rows[i].layer);
        const struct pc_kernel *k = must_build(&front, PC_KERNEL_FORWARD, (struct pc_plan_options){.vector_bytes = 64});
        cr_assert_not_null(k->plan->lanes);
        cr_assert(rows[i].planes == 1 || k->plan->block == rows[i].planes, "%s", rows[i].layer);
        cr_assert(rows[i].planes == 1 || ir_cost_of(k->ir).stores == rows[i].stores, "%s", rows[i].layer);
        close_front(&front);
    }
}

/* Unequal windows would be as many loops: 40,000 nodes, for which compilers take minutes.  They are scattered, or, of a
 * small plane, one straight line. */
Test(lane_plan, gradients_of_many_kinds_of_windows_are_short) {
    for (int bytes = 0; bytes <= 64; bytes += 64) {
        struct front front;
        open_text(&front, "mode max; shape 100 x 100; output 33 x 33");
        const struct pc_kernel *k = must_build(&front, PC_KERNEL_BACKWARD, (struct pc_plan_options){.vector_bytes = bytes});
        cr_assert(bytes > 0 || k->plan->form == PC_FORM_SCATTER);
        cr_assert_lt(k->ir->node_count, 5000);
        close_front(&front);
        open_text(&front, "mode max; shape 32 x 32; output 7 x 7; channels 64; layout nhwc");
        k = must_build(&front, PC_KERNEL_BACKWARD, (struct pc_plan_options){.vector_bytes = bytes});
        cr_assert_neq(k->plan->form, PC_FORM_SCATTER);
        close_front(&front);
    }
}

/* Local arrays of two vectors are too large here, and the second of them is not whole. */
Test(lane_plan, blocks_of_part_of_a_vector_are_made_smaller, .timeout = 60) {
    static const int channels[] = {17, 20, 31, 33, 47};
    for (size_t i = 0; i < sizeof channels / sizeof *channels; i++) {
        struct front front;
        open_text(&front, "mode max; shape 32 x 32; kernel 9; stride 1; padding 4; layout nhwc; channels 1");
        front.layer->desc.channels = channels[i];
        front.layer->x_count = front.layer->y_count = 32 * 32 * channels[i];
        const struct pc_plan *plan =
            must_build(&front, PC_KERNEL_FORWARD, (struct pc_plan_options){.vector_bytes = 64})->plan;
        cr_assert_eq(plan->form, PC_FORM_LANES);
        cr_assert_leq(plan->local_bytes, PC_LOCAL_MOST);
        close_front(&front);
    }
}

/* Together, each vector of them has its own code, all taps of it: 68,000 nodes, and slower than a loop. */
Test(lane_plan, planes_of_long_windows_are_not_taken_together) {
    struct front front;
    open_text(&front, "mode min; channels 960; shape 1000 x 2; output 1 x 1; nan ignore; passes forward");
    const struct pc_kernel *k = must_build(&front, PC_KERNEL_FORWARD, (struct pc_plan_options){.vector_bytes = 64});
    cr_assert_lt(k->ir->node_count, 10000);
    close_front(&front);
    open_text(&front, "mode min; channels 960; shape 1000 x 2; output 1 x 1; nan ignore");
    k = must_build(&front, PC_KERNEL_TRAIN, (struct pc_plan_options){.vector_bytes = 64});
    cr_assert_lt(k->ir->node_count, 10000);
    close_front(&front);
}

/* Each vector of 16 planes is loaded once, where it lies in one cache line; neighbours share it. */
Test(lane_plan, whole_planes_are_summed_in_aligned_vectors) {
    static const struct {
        const char *layer;
        int64_t loads; /* for a block of planes */
    } rows[] = {
        {"mode avg; channels 64; shape 7 x 7; kernel 7; passes forward", 49},
        {"mode sum; channels 16; shape 9 x 5; kernel 9 x 5; passes forward", 45},
        {"mode avg; channels 32; shape 4 x 8; kernel 4 x 8; passes forward", 32},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct front front;
        open_text(&front, rows[i].layer);
        const struct pc_kernel *k = must_build(&front, PC_KERNEL_FORWARD, (struct pc_plan_options){.vector_bytes = 64});
        const int64_t blocks = front.layer->desc.channels / 16;
        cr_assert_eq(k->plan->block, 16);
        cr_assert_eq(ir_cost_of(k->ir).loads, rows[i].loads * blocks, "%s: %lld loads", rows[i].layer,
                     (long long)ir_cost_of(k->ir).loads);
        for (size_t n = 1; n < k->ir->node_count; n++)
            if (k->ir->nodes[n].op == IR_LOAD)
                cr_assert_eq(k->ir->nodes[n].u.integer % 16, 0, "%s", rows[i].layer);
        close_front(&front);
    }
}

static bool takes_whole_windows(const struct pc_kernel *k) {
    const enum pc_plan_choice choice = k->plan->candidates[0].choice;
    return choice == PC_PLAN_WHOLE_1 || choice == PC_PLAN_WHOLE_4 || choice == PC_PLAN_WHOLE_8;
}

/* Of lines a page apart a set of the first level has room for 8, or for 12: pixels of 8 KiB. */
Test(lane_plan, ways_of_the_first_level_decide) {
    struct front front;
    open_text(&front, "channels 2048; mode max; shape 8 x 8; kernel 3; stride 1; padding 1; layout channels_last");
    for (int64_t ways = 8; ways <= 12; ways += 4) {
        struct pc_plan_options options = {.vector_bytes = 64, .fused = true, .caches.first_ways = ways};
        const struct pc_kernel *k = must_build(&front, PC_KERNEL_FORWARD, options);
        cr_assert_eq(takes_whole_windows(k), ways == 12, "%s", pc_plan_name(k->plan->candidates[0].choice));
    }
    close_front(&front);
}

/* What comes from afar is walked through in long pieces, where that is not too much code. */
Test(lane_plan, pixels_from_afar_are_taken_in_long_pieces) {
    static const struct {
        const char *layer;
        int64_t channels; /* of a piece */
    } rows[] = {
        {"mode avg; channels 1024; shape 32 x 64; kernel 16 x 32; layout nhwc", 1024},
        {"mode max; channels 1040; shape 32 x 64; kernel 16 x 32; layout nhwc", 528},
        {"mode avg; channels 1024; shape 36 x 70; kernel 12 x 22; stride 5 x 11; padding 6 x 11; layout nhwc", 128},
        {"mode avg; channels 2048; shape 7 x 7; kernel global; layout nhwc", 128},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct front front;
        open_text(&front, rows[i].layer);
        const struct pc_plan_options options = {
            .vector_bytes = 64, .caches = {.near_bytes = 2 << 20}, .forced = true, .choice = PC_PLAN_PIXELS};
        const struct pc_plan *plan = must_build(&front, PC_KERNEL_FORWARD, options)->plan;
        cr_assert_null(plan->misfit, "%s", rows[i].layer);
        cr_assert_eq(plan->lanes->block, rows[i].channels, "%s", rows[i].layer);
        close_front(&front);
    }
}

/* Gradients pixel by pixel that leave the first level are stored so, too, and not a block of channels all through. */
Test(lane_plan, pixels_are_stored_as_a_whole) {
    static const struct {
        const char *layer;
        bool whole;
    } rows[] = {
        {"channels 512; mode max; shape 14 x 14; kernel 14; layout channels_last", true},
        {"channels 256; mode max; shape 4 x 4; kernel 4; layout channels_last", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct front front;
        open_text(&front, rows[i].layer);
        const struct pc_kernel *k = must_build(
            &front, PC_KERNEL_BACKWARD,
            (struct pc_plan_options){.vector_bytes = 64, .forced = true, .choice = PC_PLAN_PIXELS});
        cr_assert_null(k->plan->misfit);
        cr_assert_eq(k->plan->lanes->whole_pixels, rows[i].whole, "%s", rows[i].layer);
        cr_assert_str_eq(k->ir->loops[0].name, rows[i].whole ? "p" : "cb", "%s", rows[i].layer);
        close_front(&front);
    }
}

/* Windows of few outputs to a row: a row of sums is a vector, and the outputs of four rows are another. */
Test(lane_plan, rows_in_registers_are_vectors) {
    struct front front;
    open_text(&front, "channels 7; mode avg; shape 14 x 14; kernel 5; stride 3; passes forward");
    const struct pc_plan_options options = {.vector_bytes = 64, .fused = true};
    const struct pc_kernel *k = must_build(&front, PC_KERNEL_FORWARD, options);
    const struct ir_cost cost = ir_cost_of(k->ir);
    cr_assert_eq(k->plan->candidates[0].choice, PC_PLAN_UNROLLED);
    cr_assert_eq(cost.loads, 7 * 14);
    cr_assert_eq(cost.stores, 7);
    close_front(&front);
}

/* One axis at a time is fewer operations, but leaves room for half a pixel. */
Test(lane_plan, gradients_of_sums_are_not_stored_in_pieces) {
    struct front front;
    open_text(&front, "channels 256; mode avg; shape 28 x 28; kernel 3; stride 2; padding 1:0; layout channels_last");
    const struct pc_plan_options options = {.vector_bytes = 64, .fused = true};
    cr_assert(takes_whole_windows(must_build(&front, PC_KERNEL_BACKWARD, options)));
    close_front(&front);
}

/* What the caches do not have near is walked through straight on: planes row by row, pixels through all of their channels. */
Test(lane_plan, what_is_near_decides) {
    static const struct {
        const char *layer;
        enum pc_kernel_kind kind;
        bool straight_on; /* where 2 MiB are near */
    } rows[] = {
        {"channels 64; mode max; shape 111 x 111; kernel 3; stride 2", PC_KERNEL_BACKWARD, true},
        {"channels 64; mode max; shape 55 x 55; kernel 3; stride 2", PC_KERNEL_BACKWARD, false},
        {"channels 384; mode avg; shape 35 x 35; kernel 3; stride 1; layout channels_last", PC_KERNEL_FORWARD, true},
        {"channels 64; mode avg; shape 35 x 35; kernel 3; stride 1; layout channels_last", PC_KERNEL_FORWARD, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct front front;
        open_text(&front, rows[i].layer);
        struct pc_plan_options options = {.vector_bytes = 64, .fused = true};
        const struct pc_plan *usual = must_build(&front, rows[i].kind, options)->plan;
        options.caches.near_bytes = 2 << 20;
        const struct pc_plan *plan = must_build(&front, rows[i].kind, options)->plan;
        const bool same = plan->candidates[0].choice == usual->candidates[0].choice && plan->block == usual->block;
        cr_assert_eq(same, !rows[i].straight_on, "%s", rows[i].layer);
        if (rows[i].straight_on && front.layer->desc.layout == POOL_CHANNELS_LAST)
            cr_assert_eq(plan->block, front.layer->desc.channels, "%s", rows[i].layer);
        else if (rows[i].straight_on)
            cr_assert_eq(plan->candidates[0].choice, PC_PLAN_WHOLE_1, "%s", rows[i].layer);
        close_front(&front);
    }
}

/* A plane within a page is loaded in any order: volumes of 10 x 7 x 7, which are many more MiB than are near. */
Test(lane_plan, small_planes_have_no_order_of_memory) {
    struct front front;
    open_text(&front, "channels 8192; mode max; shape 10 x 7 x 7; kernel 3; stride 1; padding 1; passes forward");
    const struct pc_plan_options options = {.vector_bytes = 64};
    cr_assert_eq(must_build(&front, PC_KERNEL_FORWARD, options)->plan->candidates[0].choice, PC_PLAN_UNROLLED);
    close_front(&front);
}

/* ---- fetched lines ---- */

enum { LINE = 16, LOOPS_MOST = 64 }; /* elements of a cache line */

/* Marks what the accesses of an operation begin with, in an output that takes its turns. */
static void mark(const struct ir_function *f, const struct ir_block *block, enum ir_op op, int buffer, int64_t *variable,
                 bool *marks) {
    for (size_t i = 0; i < block->count; i++) {
        const struct ir_node *n = ir_at(f, block->items[i]);
        const struct ir_affine *affine = &f->affines[n->aux];
        if (n->op == IR_FOR) {
            cr_assert_lt(n->aux, LOOPS_MOST);
            for (variable[n->aux] = 0; variable[n->aux] < f->loops[n->aux].trip; variable[n->aux]++)
                mark(f, &f->loops[n->aux].body, op, buffer, variable, marks);
        } else if (n->op == op && affine->buffer == buffer) {
            int64_t at = n->u.integer;
            for (int k = 0; k < affine->count; k++)
                at += affine->term[k].stride * variable[affine->term[k].loop];
            marks[at] = true;
        }
    }
}

static int64_t longest_gap(const bool *marks, int64_t count) {
    int64_t gap = 0, longest = 0;
    for (int64_t i = 0; i < count; i++) {
        gap = marks[i] ? 0 : gap + 1;
        longest = gap > longest ? gap : longest;
    }
    return longest;
}

/* Gradients that write more than they read fetch each cache line of dx, wherever lines begin, by whatever vectors. */
Test(lane_plan, every_line_is_fetched) {
    static const struct {
        const char *layer;
        bool fetches;
    } rows[] = {
        {"mode max; channels 32; shape 27 x 27; kernel 3; stride 2", true},
        {"mode max; channels 64; shape 28 x 28; kernel 2; layout nhwc", true},
        {"mode max; channels 40; shape 20 x 20; kernel 3; stride 2; layout nhwc", true},
        {"mode max; channels 12; shape 40 x 40; kernel 3; stride 2; layout nhwc", true},
        {"mode max; channels 9; shape 40 x 40; kernel 2; layout nhwc", true},
        {"mode avg; channels 64; shape 14 x 14; kernel 14", true},
        {"mode max; channels 48; shape 17 x 17; kernel 3; stride 2", true},
        {"mode max; channels 64; shape 14 x 14; kernel 3; stride 1; padding 1", false}, /* reads as much */
        {"mode max; channels 4; shape 27 x 27; kernel 3; stride 2", false},             /* stays in the first level cache */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (int bytes = 16; bytes <= 64; bytes *= 2) {
            struct front front;
            open_text(&front, rows[i].layer);
            const struct pc_plan_options options = {.vector_bytes = bytes, .forced = true, .choice = PC_PLAN_WHOLE_4};
            const struct ir_function *f = must_build(&front, PC_KERNEL_BACKWARD, options)->ir;
            bool *marks = calloc((size_t)front.layer->x_count, sizeof *marks);
            int64_t variable[LOOPS_MOST] = {0};
            int dx = 0;
            while (strcmp(f->buffers[dx].name, "dx") != 0)
                dx++;
            mark(f, &f->body, IR_FETCH, dx, variable, marks);
            const int64_t gap = longest_gap(marks, front.layer->x_count);
            if (rows[i].fetches)
                cr_assert_lt(gap, LINE, "%s, vectors of %d bytes: %d elements", rows[i].layer, bytes, (int)gap);
            else
                cr_assert_eq(gap, front.layer->x_count, "%s", rows[i].layer);
            free(marks);
            close_front(&front);
        }
    }
}

/* Planes that are transposed back are many streams of stores: each line of each plane is fetched. */
Test(lane_plan, lines_of_transposed_planes_are_fetched) {
    struct front front;
    open_text(&front, "mode max; channels 64; shape 19 x 19; kernel 13; stride 1; padding 6; passes forward");
    const struct pc_kernel *k = must_build(&front, PC_KERNEL_FORWARD, (struct pc_plan_options){.vector_bytes = 64});
    bool *marks = calloc((size_t)front.layer->y_count, sizeof *marks);
    int64_t variable[LOOPS_MOST] = {0};
    int y = 0;
    cr_assert_not_null(k->plan->lanes->transposed);
    while (strcmp(k->ir->buffers[y].name, "y") != 0)
        y++;
    mark(k->ir, &k->ir->body, IR_FETCH, y, variable, marks);
    cr_assert_lt(longest_gap(marks, front.layer->y_count), LINE);
    free(marks);
    close_front(&front);
}

/* The most lines that are fetched with no store between them. */
static int64_t fetched_ahead(const struct ir_function *f, const struct ir_block *block, int64_t *ahead) {
    int64_t most = 0;
    for (size_t i = 0; i < block->count; i++) {
        const struct ir_node *n = ir_at(f, block->items[i]);
        if (n->op == IR_FOR) {
            const int64_t inside = fetched_ahead(f, &f->loops[n->aux].body, ahead);
            most = inside > most ? inside : most;
        } else if (n->op == IR_FETCH) {
            most = ++*ahead > most ? *ahead : most;
        } else if (n->op == IR_STORE) {
            *ahead = 0;
        }
    }
    return most;
}

/* Of a straight line longer than the first level cache, the lines of a page at a time. */
Test(lane_plan, lines_are_fetched_a_page_ahead) {
    struct front front;
    open_text(&front, "mode max; channels 1024; shape 15000; kernel global; passes backward");
    const struct pc_plan_options options = {.vector_bytes = 64, .forced = true, .choice = PC_PLAN_WHOLE};
    const struct ir_function *f = must_build(&front, PC_KERNEL_BACKWARD, options)->ir;
    int64_t ahead = 0;
    cr_assert_eq(fetched_ahead(f, &f->body, &ahead), 64);
    close_front(&front);
}

/* What was found by measuring every plan (Granite Rapids): without the rule, another plan has the least work. */
Test(lane_plan, the_plan_that_is_fastest_has_the_least_work) {
    static const struct {
        const char *layer;
        enum pc_kernel_kind kind;
        enum pc_plan_choice choice;
        int vector_bytes; /* 0: 64 */
        bool any_machine; /* whose caches nobody knows */
    } rows[] = {
        /* rows that no window reads are not waited for; what shares a set of the first level cache is counted once */
        {"mode max; channels 512; shape 128 x 240; kernel 1; stride 2", PC_KERNEL_FORWARD, PC_PLAN_WHOLE},
        {"mode max; channels 512; shape 16 x 16; kernel 5; stride 1; padding 2; layout nhwc", PC_KERNEL_BACKWARD,
         PC_PLAN_WHOLE_8, .any_machine = true},
        /* taps that begin with the same element are not the same taps */
        {"channels 1024; mode max; shape 4 x 4; kernel 3; stride 1; padding 1", PC_KERNEL_FORWARD, PC_PLAN_UNROLLED},
        /* slices of a page */
        {"channels 192; mode max; shape 32 x 28 x 28; kernel 3; stride 1; padding 1", PC_KERNEL_TRAIN, PC_PLAN_SLICES_4},
        {"channels 480; mode max; shape 32 x 28 x 28; kernel 3; stride 2; padding 0:1", PC_KERNEL_FORWARD, PC_PLAN_WHOLE_8},
        /* work is longer than waiting */
        {"channels 320; mode max; shape 75 x 128; kernel 3; stride 1; padding 1", PC_KERNEL_TRAIN, PC_PLAN_WHOLE_8},
        /* sums that do not fit into the first level, element by element */
        {"channels 192; mode max; shape 32 x 28 x 28; kernel 3; stride 1; padding 1", PC_KERNEL_BACKWARD, PC_PLAN_WHOLE_1},
        /* short lines, and what is stored between passes */
        {"channels 512; mode max; shape 20 x 20; kernel 5; stride 1; padding 2; layout nhwc", PC_KERNEL_FORWARD,
         PC_PLAN_AXES_4},
        {"channels 512; mode max; shape 20 x 20; kernel 9; stride 1; padding 4; layout nhwc", PC_KERNEL_FORWARD,
         PC_PLAN_LINES},
        {"channels 384; mode max; shape 20 x 20; kernel 5; stride 1; padding 2; layout nhwc", PC_KERNEL_FORWARD,
         PC_PLAN_WHOLE_8}, /* 25 pixels side by side */
        {"channels 128; mode avg; shape 32 x 32; kernel 3; stride 1; padding 1; layout nhwc", PC_KERNEL_FORWARD,
         PC_PLAN_WHOLE_4},
        /* choices that are loaded meanwhile; one line of windows two elements apart */
        {"channels 192; mode avg; shape 61 x 61; kernel 3; stride 1; padding 1", PC_KERNEL_BACKWARD, PC_PLAN_UNROLLED},
        {"channels 576; mode max; shape 7 x 7; kernel 3; stride 2; padding 1", PC_KERNEL_TRAIN, PC_PLAN_UNROLLED},
        {"channels 576; mode max; shape 7 x 7; kernel 3; stride 2; padding 1", PC_KERNEL_FORWARD, PC_PLAN_UNROLLED},
        /* windows that lie apart: rows that are no whole vectors, gradients that stay in the first level, or along D */
        {"channels 512; mode max; shape 14 x 14; kernel 2; stride 2", PC_KERNEL_FORWARD, PC_PLAN_UNROLLED},
        {"channels 512; mode max; shape 14 x 14; kernel 2; stride 2", PC_KERNEL_FORWARD, PC_PLAN_AXES, .vector_bytes = 32},
        {"channels 1024; mode max; shape 15 x 13; kernel 2; stride 2", PC_KERNEL_FORWARD, PC_PLAN_UNROLLED},
        {"channels 512; mode max; shape 14 x 14; kernel 2; stride 2", PC_KERNEL_TRAIN, PC_PLAN_WHOLE},
        {"channels 256; mode max; shape 32 x 32; kernel 2; stride 2", PC_KERNEL_FORWARD, PC_PLAN_WHOLE},
        {"channels 512; mode avg; shape 14 x 14; kernel 2; stride 2", PC_KERNEL_FORWARD, PC_PLAN_UNROLLED},
        {"channels 256; mode avg; shape 28 x 28; kernel 2; stride 2", PC_KERNEL_BACKWARD, PC_PLAN_WHOLE},
        {"channels 6; mode avg; shape 28 x 28; kernel 2; stride 2", PC_KERNEL_BACKWARD, PC_PLAN_UNROLLED},
        {"channels 1024; mode avg; shape 8 x 7 x 7; kernel 2 x 7 x 7; stride 1", PC_KERNEL_BACKWARD, PC_PLAN_UNROLLED},
        /* slices that are windows */
        {"channels 1024; mode avg; shape 8 x 7 x 7; kernel 2 x 7 x 7; stride 1; layout ndhwc", PC_KERNEL_FORWARD,
         PC_PLAN_SLICES_1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct front front;
        open_text(&front, rows[i].layer);
        const struct pc_caches granite_rapids = {.near_bytes = 2 << 20, .first_ways = 12};
        const struct pc_plan_options options = {.vector_bytes = rows[i].vector_bytes ? rows[i].vector_bytes : 64,
                                                .fused = true,
                                                .caches = rows[i].any_machine ? (struct pc_caches){0} : granite_rapids};
        const struct pc_plan *plan = must_build(&front, rows[i].kind, options)->plan;
        cr_assert_eq(plan->candidates[0].choice, rows[i].choice, "%s: %s", rows[i].layer,
                     pc_plan_name(plan->candidates[0].choice));
        close_front(&front);
    }
}
