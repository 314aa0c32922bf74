/* test_plan.c - what is chosen for a kernel, and that whatever is chosen becomes good IR.
 *
 * The first tests fix decisions that users rely on: what becomes a straight line, what `unroll` does, what is refused.  The
 * last one takes random layers through every form of kernel, by budgets too small for the better ones. */
#include "back/emit_c.h"
#include "back/target.h"
#include "middle/lane_plan.h"
#include "middle/lanes.h"
#include "planned.h"
#include "pool/random.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Beyond any estimate: a budget that is never exceeded. */
static const int64_t PLENTY = INT64_C(1) << 40;

static int loops_in(const struct ir_function *f, const struct ir_block *block) {
    int count = 0;
    for (size_t i = 0; i < block->count; i++) {
        const struct ir_node *n = ir_at(f, block->items[i]);
        if (n->op == IR_FOR)
            count += (f->loops[n->aux].trip > 1) + loops_in(f, &f->loops[n->aux].body);
    }
    return count;
}

/* Loops that really repeat something. */
static int loops_of(const struct pc_kernel *kernel) {
    return loops_in(kernel->ir, &kernel->ir->body);
}

static int64_t local_bytes_of(const struct ir_function *f) {
    int64_t bytes = 0;
    for (size_t i = 0; i < f->buffer_count; i++)
        if (f->buffers[i].role == IR_LOCAL)
            bytes += f->buffers[i].count * ir_elements[f->buffers[i].element].bytes;
    return bytes;
}

static bool has_reason(const struct pc_plan *plan, const char *words) {
    for (int i = 0; i < plan->reason_count; i++)
        if (strstr(plan->reasons[i], words))
            return true;
    return false;
}

static void check_reasons(const struct pc_plan *plan) {
    cr_assert(plan->reason_count > 0 && plan->reason_count <= PC_REASONS_MAX);
    for (int i = 0; i < plan->reason_count; i++) {
        const char *reason = plan->reasons[i];
        if (!reason || strlen(reason) < 10 || strchr(reason, '\n'))
            cr_assert_fail("reason %d of %s is '%s'", i, pc_kernel_suffix[plan->kind], reason ? reason : "(none)");
    }
}

/* The kernel as C, or, where the C of no target has its vectors, as it is. */
static const char *text_of(const struct pc_kernel *kernel, struct pc_arena *arena) {
    static const struct pc_c_words words = {.restrict_word = "restrict", .part = "static", .aligned = ""};
    struct pc_text text = {0};
    if (kernel->plan->lanes)
        ir_print(kernel->ir, &text);
    else
        pc_emit_c_function(kernel->ir, NULL, &words, &text);
    const char *copy = pc_arena_strndup(arena, pc_text_string(&text), text.size);
    pc_text_release(&text);
    return copy;
}

/* ---- straight lines ---- */

Test(plan, small_layers_are_straight_lines) {
    static const char *const shapes[] = {
        "channels 6; shape 28 x 28; kernel 2",   /* LeNet's two */
        "channels 16; shape 10 x 10; kernel 2",
        "channels 8; shape 8 x 8; kernel 2",
        "shape 8 x 8 x 8; kernel 2",
        "channels 8; shape 8 x 8; kernel 3; stride 1; padding 1",
    };
    static const char *const modes[] = {"max", "min", "avg", "sum", "lp 2"};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (size_t m = 0; m < sizeof modes / sizeof *modes; m++)
            for (int kind = 0; kind < PC_KERNEL_COUNT; kind++) {
                struct front front;
                char text[128];
                snprintf(text, sizeof text, "mode %s; %s", modes[m], shapes[s]);
                open_text(&front, text);
                if (pc_layer_has_kernel(front.layer, (enum pc_kernel_kind)kind)) {
                    const struct pc_kernel *k = must_build(&front, (enum pc_kernel_kind)kind, (struct pc_plan_options){0});
                    cr_assert_eq(k->plan->form, PC_FORM_STRAIGHT, "%s: %s", text, pc_kernel_suffix[kind]);
                    cr_assert_eq(loops_of(k), 0, "%s: %s", text, pc_kernel_suffix[kind]);
                    cr_assert_leq(k->plan->estimate, (double)PC_UNROLL_BUDGET);
                    cr_assert_eq(local_bytes_of(k->ir), 0);
                    check_reasons(k->plan);
                }
                close_front(&front);
            }
}

/* The budget decides, and the estimate that is compared with it is near what comes out. */
Test(plan, the_unroll_budget_decides) {
    struct front front;
    open_text(&front, "mode max; channels 3; shape 12 x 12; kernel 3; stride 2");
    struct pc_plan_options budget = {.unroll_budget = PLENTY};
    const struct pc_kernel *straight = must_build(&front, PC_KERNEL_FORWARD, budget);
    cr_assert_eq(straight->plan->form, PC_FORM_STRAIGHT);
    const double estimate = straight->plan->estimate, code = (double)straight->cost.code;
    cr_assert(estimate > code / 3 && estimate < code * 3, "%.0f nodes were estimated, %.0f came", estimate, code);
    budget.unroll_budget = (int64_t)estimate + 1;
    cr_assert_eq(must_build(&front, PC_KERNEL_FORWARD, budget)->plan->form, PC_FORM_STRAIGHT);
    budget.unroll_budget = (int64_t)estimate - 1;
    const struct pc_kernel *loops = must_build(&front, PC_KERNEL_FORWARD, budget);
    cr_assert_neq(loops->plan->form, PC_FORM_STRAIGHT);
    cr_assert_gt(loops_of(loops), 0);
    cr_assert_lt(loops->cost.code, straight->cost.code);
    close_front(&front);
}

Test(plan, budgets_have_defaults) {
    struct front front;
    open_text(&front, "mode max; shape 4; kernel 2");
    struct pc_plan *plan = pc_plan_build(front.layer, PC_KERNEL_FORWARD, NULL, &front.arena, &front.diags);
    cr_assert_eq(plan->options.unroll_budget, PC_UNROLL_BUDGET);
    cr_assert_eq(plan->options.loop_budget, PC_LOOP_BUDGET);
    cr_assert_eq(plan->options.whole_budget, PC_WHOLE_BUDGET);
    cr_assert_eq(plan->options.kinds_budget, PC_KINDS_BUDGET);
    cr_assert_eq(plan->options.line_budget, PC_LINE_BUDGET);
    cr_assert_eq(plan->options.fetch_bytes, PC_FETCH_BYTES);
    cr_assert_eq(plan->options.caches.near_bytes, PC_NEAR_BYTES);
    cr_assert_eq(plan->options.caches.first_ways, PC_FIRST_WAYS);
    const struct pc_plan_options own = {
        .unroll_budget = 7, .loop_budget = 8, .whole_budget = 9, .kinds_budget = 10, .line_budget = 11, .fetch_bytes = 12,
        .caches = {.near_bytes = 13, .first_ways = 14}};
    plan = pc_plan_build(front.layer, PC_KERNEL_FORWARD, &own, &front.arena, &front.diags);
    cr_assert_eq(memcmp(&plan->options, &own, sizeof own), 0);
    close_front(&front);
}

/* ---- what `unroll` says ---- */

/* The number behind the first `words` of a text. */
static int64_t number_after(const char *text, const char *words) {
    const char *at = strstr(text, words);
    cr_assert_not_null(at, "no '%s' in '%s'", words, text);
    return strtoll(at + strlen(words), NULL, 10);
}

Test(plan, unroll_full_beyond_the_budget_names_the_size) {
    for (int kind = 0; kind < PC_KERNEL_COUNT; kind++) {
        struct front front;
        open_text(&front, "mode max; channels 64; shape 112 x 112; kernel 2; unroll full");
        cr_assert_null(build(&front, (enum pc_kernel_kind)kind, (struct pc_plan_options){0}));
        cr_assert_eq(pc_diags_error_count(&front.diags), 1);
        const struct pc_diag *diag = front.diags.first;
        cr_assert_eq(diag->id, PC_DIAG_UNROLL_TOO_LARGE);
        cr_assert_not_null(strstr(diag->text, "pool 'p'"));
        cr_assert_not_null(strstr(diag->text, pc_kernel_suffix[kind]));
        cr_assert_lt(diag->span.begin, diag->span.end, "the key is where the error is");
        cr_assert_eq(number_after(diag->text, "the budget is "), PC_UNROLL_BUDGET);
        cr_assert_gt(number_after(diag->text, "about "), 64 * 112 * 112, "each input is looked at");
        close_front(&front);
    }
}

/* The size that the message names is the budget with which it goes. */
Test(plan, unroll_full_goes_with_the_budget_it_names) {
    struct front front;
    open_text(&front, "mode avg; shape 9 x 9; kernel 3; stride 1; unroll full");
    cr_assert_null(build(&front, PC_KERNEL_FORWARD, (struct pc_plan_options){.unroll_budget = 100}));
    const int64_t size = number_after(front.diags.last->text, "about ");
    cr_assert_eq(number_after(front.diags.last->text, "the budget is "), 100);
    cr_assert_null(build(&front, PC_KERNEL_FORWARD, (struct pc_plan_options){.unroll_budget = size - 1}));
    const struct pc_kernel *k = must_build(&front, PC_KERNEL_FORWARD, (struct pc_plan_options){.unroll_budget = size});
    cr_assert_eq(k->plan->form, PC_FORM_STRAIGHT);
    close_front(&front);
}

/* Loops around whole windows, however small the layer and whatever else would be chosen. */
Test(plan, unroll_window_gives_loops) {
    static const char *const texts[] = {
        "mode max; shape 8 x 8; kernel 2; unroll window",
        "mode avg; channels 5; shape 9 x 9; kernel 3; stride 1; unroll window; layout nhwc",
        "mode max; channels 3; shape 20 x 20; kernel 5; stride 1; padding 2; unroll window",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        for (int kind = 0; kind < PC_KERNEL_COUNT; kind++) {
            struct front front;
            open_text(&front, texts[i]);
            if (pc_layer_has_kernel(front.layer, (enum pc_kernel_kind)kind)) {
                /* not even a loop budget of one node brings loops over taps */
                const struct pc_kernel *k = must_build(&front, (enum pc_kernel_kind)kind, (struct pc_plan_options)BUDGET(0, 1, 1, 0));
                cr_assert_eq(k->plan->form, PC_FORM_LOOPS);
                cr_assert_gt(loops_of(k), 0);
                cr_assert(has_reason(k->plan, "unroll window"));
                for (int a = 0; a < POOL_MAX_RANK; a++)
                    cr_assert(!k->plan->axis[a].roll && !k->plan->axis[a].roll_phases);
            }
            close_front(&front);
        }
}

/* ---- what is refused ---- */

static void check_too_large(const char *attributes, enum pc_kernel_kind kind, const char *words) {
    struct front front;
    const clock_t begin = clock();
    open_text(&front, attributes);
    cr_assert_null(build(&front, kind, (struct pc_plan_options){0}), "%s", attributes);
    cr_assert_eq(front.diags.last->id, PC_DIAG_LAYER_TOO_LARGE);
    cr_assert_not_null(strstr(front.diags.last->text, words), "%s", front.diags.last->text);
    cr_assert_not_null(strstr(front.diags.last->text, "pool 'p'"));
    cr_assert_lt((double)(clock() - begin) / CLOCKS_PER_SEC, 5, "refused before anything long is made");
    close_front(&front);
}

Test(plan, layers_that_are_too_large) {
    /* Adaptive windows that hardly repeat, along three axes: their products, where each kind of them is asked for. */
    check_too_large("mode avg; shape 199 x 199 x 199; output 150; unroll window", PC_KERNEL_FORWARD, "operations of code");
    check_too_large("mode avg; shape 97 x 97 x 97; output 89; unroll window", PC_KERNEL_BACKWARD, "operations of code");
    /* More kinds of windows along one axis than are kept. */
    check_too_large("mode max; shape 20000; kernel 19999; stride 1; padding 9000", PC_KERNEL_FORWARD, "more than 4096 kinds");
    check_too_large("mode max; shape 20000; kernel 19999; stride 1; padding 9000", PC_KERNEL_BACKWARD, "more than 4096 kinds");
}

/* ---- every form ---- */

struct wanted {
    const char *attributes;
    enum pc_kernel_kind kind;
    struct pc_plan_options budget;
    enum pc_form form;
    const char *reason; /* words of one of the reasons */
};

static const struct wanted forms[] = {
    /* Nothing to share, and short: whole windows in loops. */
    {"mode max; channels 4; shape 32 x 32; kernel 2", PC_KERNEL_FORWARD, BUDGET(1, 0, 0, 0), PC_FORM_LOOPS,
     "loops over equal windows"},
    {"mode avg; channels 4; shape 32 x 32; kernel 2", PC_KERNEL_BACKWARD, BUDGET(1, 0, 0, 0), PC_FORM_LOOPS,
     "loops over equal windows"},
    {"mode max; shape 64; kernel 3; stride 1", PC_KERNEL_FORWARD, BUDGET(1, 0, 1, 0), PC_FORM_LOOPS, "loops over equal windows"},
    /* Overlap along two axes. */
    {"mode max; shape 32 x 32; kernel 3; stride 2", PC_KERNEL_FORWARD, BUDGET(1, 0, 0, 0), PC_FORM_PASSES, "share the results"},
    {"mode avg; channels 7; shape 16 x 16; kernel 7; stride 1; layout nhwc", PC_KERNEL_FORWARD, BUDGET(1, 0, 0, 0), PC_FORM_PASSES,
     "share the results"},
    /* Too long as whole windows, by budget. */
    {"mode sum; shape 32 x 32; kernel 4", PC_KERNEL_FORWARD, BUDGET(1, 0, 1, 0), PC_FORM_PASSES, "one axis at a time"},
    {"mode max; shape 32 x 32; kernel 4; indices plane", PC_KERNEL_TRAIN, BUDGET(1, 0, 1, 0), PC_FORM_PASSES, "one axis at a time"},
    {"mode avg; shape 13 x 13; output 5", PC_KERNEL_FORWARD, BUDGET(1, 0, 1, 0), PC_FORM_PASSES, "one axis at a time"},
    {"mode avg; channels 20; shape 16 x 16; kernel 3; stride 2; padding 1; layout nhwc", PC_KERNEL_BACKWARD, BUDGET(1, 0, 1, 0),
     PC_FORM_STAGED, "dy is copied"},
    /* Vectors, where the machine has them and the layer is one that they are for. */
    {"mode max; shape 14 x 14; kernel 2", PC_KERNEL_TRAIN, BUDGET(0, 0, 0, 64), PC_FORM_LANES, "16 outputs at a time"},
    {"mode min; shape 14 x 14; kernel 3; stride 1; padding 1", PC_KERNEL_FORWARD, BUDGET(0, 0, 0, 16), PC_FORM_LANES,
     "4 outputs at a time"},
    {"mode max; shape 14 x 14; kernel 2; unroll full", PC_KERNEL_FORWARD, BUDGET(0, 0, 0, 64), PC_FORM_STRAIGHT, "straight line"},
    {"mode max; channels 3; shape 14 x 14; kernel 2; layout nhwc", PC_KERNEL_FORWARD, BUDGET(1, 0, 0, 64), PC_FORM_LANES,
     "16 outputs at a time, in the order of memory"},
    {"mode max; channels 8; shape 14 x 14; kernel 2; layout nhwc", PC_KERNEL_FORWARD, BUDGET(1, 0, 0, 32), PC_FORM_LANES,
     "8 channels at a time"},
    {"mode max; channels 512; shape 14 x 14; kernel 2; layout nhwc", PC_KERNEL_BACKWARD, BUDGET(0, 0, 0, 64), PC_FORM_LANES,
     "16 vectors of a pixel side by side"},
    {"mode max; channels 832; shape 8 x 7 x 7; kernel 3; stride 1; padding 1; layout ndhwc", PC_KERNEL_FORWARD,
     BUDGET(0, 0, 0, 64), PC_FORM_LANES, "slices as whole windows"},
    {"mode max; channels 480; shape 16 x 14 x 14; kernel 3; stride 1; padding 1; layout ndhwc", PC_KERNEL_FORWARD,
     BUDGET(0, 0, 0, 64), PC_FORM_LANES, "whole windows, in tiles"}, /* which is read straight on: 6 MB */
    {"mode max; channels 64; shape 56 x 56; kernel 56", PC_KERNEL_FORWARD, BUDGET(0, 0, 0, 64), PC_FORM_LANES,
     "whole planes, or slices"},
    {"mode max; channels 2; shape 1000 x 1000; kernel 1000", PC_KERNEL_FORWARD, BUDGET(0, 0, 0, 64), PC_FORM_PASSES,
     "one axis at a time"}, /* more passes of lanes than there are */
    {"mode max; channels 3; shape 3 x 2; kernel 2; layout nhwc", PC_KERNEL_FORWARD, BUDGET(1, 0, 0, 64), PC_FORM_LOOPS,
     "loops over equal windows"},
    {"mode max; channels 2; shape 60 x 45; kernel 2; indices plane", PC_KERNEL_FORWARD, BUDGET(0, 0, 0, 64), PC_FORM_LANES,
     "16 outputs at a time"},
    {"mode max; batch 40000; channels 100; shape 24 x 24; kernel 2; indices tensor", PC_KERNEL_FORWARD, BUDGET(0, 0, 0, 64),
     PC_FORM_LOOPS, "loops over equal windows"}, /* indices of 64 bits beside values of 32 */
    {"mode max; channels 512; shape 16 x 16; kernel 9; stride 1; padding 4", PC_KERNEL_FORWARD, BUDGET(0, 0, 0, 64), PC_FORM_LANES,
     "rows of local arrays are as long as vectors"},
    {"mode max; channels 512; shape 13 x 13; kernel 9; stride 1; padding 4", PC_KERNEL_TRAIN, BUDGET(0, 0, 0, 64), PC_FORM_LANES,
     "16 planes at a time, transposed: one axis at a time"},
    {"mode max; channels 100; shape 54; kernel 54", PC_KERNEL_TRAIN, BUDGET(0, 0, 0, 32), PC_FORM_LANES,
     "8 planes at a time, transposed: whole windows"},
    {"mode max; channels 3; shape 54; kernel 54", PC_KERNEL_TRAIN, BUDGET(1, 0, 0, 32), PC_FORM_LANES,
     "whole planes, or slices"},
    {"mode max; channels 3; shape 5400; kernel 5400", PC_KERNEL_TRAIN, BUDGET(1, 0, 0, 32), PC_FORM_LOOPS,
     "loops over equal windows"}, /* numbers of all taps would be constants */
    {"mode max; channels 100; shape 54; kernel 54; indices plane", PC_KERNEL_TRAIN, BUDGET(1, 0, 0, 32), PC_FORM_LOOPS,
     "loops over equal windows"}, /* which transposed planes do not know */
    {"mode max; channels 192; shape 150 x 150; kernel 3; stride 2", PC_KERNEL_FORWARD, BUDGET(0, 0, 0, 64), PC_FORM_LANES,
     "one axis at a time, row by row"}, /* in bands of a page, for planes come from memory */
    {"mode max; channels 192; shape 150 x 150; kernel 3; stride 2", PC_KERNEL_BACKWARD, BUDGET(0, 0, 0, 64), PC_FORM_LANES,
     "whole windows, row by row"},
    {"mode max; channels 192; shape 150 x 150; kernel 3; stride 2", PC_KERNEL_BACKWARD, BUDGET(0, 0, 0, 64), PC_FORM_LANES,
     "planes come from memory"},
    {"mode max; channels 48; shape 150 x 150; kernel 3; stride 2", PC_KERNEL_FORWARD, BUDGET(0, 0, 0, 64), PC_FORM_LANES,
     "whole windows, in tiles"},
    {"mode avg; channels 1024; shape 32 x 64; kernel 16 x 32; stride 16 x 32; layout nhwc", PC_KERNEL_FORWARD,
     BUDGET(0, 0, 0, 64), PC_FORM_LANES, "windows pixel by pixel"},
    {"mode max; channels 512; shape 14 x 14; kernel 14; layout nhwc", PC_KERNEL_BACKWARD, BUDGET(0, 0, 0, 64), PC_FORM_LANES,
     "windows pixel by pixel"},
    {"mode max; channels 512; shape 14 x 14; kernel 14; layout nhwc; indices tensor", PC_KERNEL_TRAIN, BUDGET(0, 0, 0, 64),
     PC_FORM_LANES, "windows pixel by pixel"},
    {"mode avg; channels 24; shape 4 x 28 x 28; kernel 1 x 28 x 28", PC_KERNEL_FORWARD, BUDGET(0, 0, 0, 64), PC_FORM_LANES,
     "whole planes, or slices"}, /* slices are planes */
    {"mode max; channels 24; shape 4 x 28 x 28; kernel 1 x 28 x 28; indices plane", PC_KERNEL_FORWARD, BUDGET(1, 0, 0, 64),
     PC_FORM_PASSES, "one axis at a time"}, /* unless somebody asks where in the volume */
    /* Tap numbers compared side by side. */
    {"mode max; shape 32 x 32; kernel 3; stride 2; padding 1", PC_KERNEL_BACKWARD, BUDGET(1, 0, 0, 0), PC_FORM_STAGED,
     "dy is copied"},
    /* Staging knows ordinary windows only, and local arrays have a limit. */
    {"mode avg; shape 13 x 13; output 5", PC_KERNEL_BACKWARD, BUDGET(1, 0, 1, 0), PC_FORM_LOOPS, "loops over equal windows"},
    {"mode max; shape 400 x 400; kernel 3; stride 1", PC_KERNEL_FORWARD, BUDGET(1, 0, 1, 0), PC_FORM_LOOPS,
     "loops over equal windows"},
    /* Taps, windows and phases by loops, in each form that has loops. */
    {"mode max; shape 64; kernel 9", PC_KERNEL_FORWARD, BUDGET(1, 1, 0, 0), PC_FORM_LOOPS, "taps along W by a loop"},
    {"mode avg; shape 64; kernel 9; stride 4", PC_KERNEL_BACKWARD, BUDGET(1, 1, 0, 0), PC_FORM_LOOPS,
     "windows and phases along W by a loop"},
    {"mode max; shape 32 x 32; kernel 3; stride 2", PC_KERNEL_FORWARD, BUDGET(1, 1, 0, 0), PC_FORM_PASSES, "taps along H by a loop"},
    {"mode max; shape 32 x 32; kernel 3; stride 2", PC_KERNEL_BACKWARD, BUDGET(1, 1, 0, 0), PC_FORM_STAGED,
     "windows and phases along H"},
    /* Tiles, schemes and the wide state. */
    {"mode max; channels 9; shape 40; kernel 4; stride 1; layout nwc", PC_KERNEL_FORWARD, BUDGET(1, 0, 0, 0), PC_FORM_LOOPS,
     "tiles of 2 outputs along W"},
    {"mode sum; channels 9; shape 64; kernel 16; layout nwc", PC_KERNEL_FORWARD, BUDGET(1, 0, 0, 0), PC_FORM_LOOPS, "dyadic blocks"},
    {"mode max; shape 64; kernel 16; stride 1", PC_KERNEL_FORWARD, BUDGET(0, 0, 0, 0), PC_FORM_STRAIGHT, "combinations"},
    {"mode max; shape 32 x 32; kernel 2", PC_KERNEL_TRAIN, BUDGET(1, 0, 0, 0), PC_FORM_LOOPS, "tap numbers become bytes"},
};

Test(plan, every_form_when_the_budgets_say_so) {
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        const struct wanted *w = &forms[i];
        struct front front;
        open_text(&front, w->attributes);
        const struct pc_kernel *k = must_build(&front, w->kind, w->budget);
        const struct pc_plan *plan = k->plan;
        cr_assert_eq(plan->form, w->form, "%s, %s: %s", w->attributes, pc_kernel_suffix[w->kind], pc_form_names[plan->form]);
        cr_assert(has_reason(plan, w->reason), "%s, %s: no '%s'", w->attributes, pc_kernel_suffix[w->kind], w->reason);
        check_reasons(plan);
        bool rolled = false, tiled = false;
        for (int a = 0; a < POOL_MAX_RANK; a++) {
            rolled |= plan->axis[a].roll;
            tiled |= plan->axis[a].tile > 1;
        }
        cr_assert_eq(tiled, has_reason(plan, "tiles of 2 outputs"), "%s", w->attributes);
        cr_assert_eq(rolled, has_reason(plan, "by a loop"), "%s", w->attributes);
        const bool local = plan->form == PC_FORM_PASSES || plan->form == PC_FORM_STAGED || plan->wide_state ||
                           (plan->lanes && plan->lanes->local_bytes > 0);
        cr_assert_eq(local_bytes_of(k->ir) > 0, local, "%s", w->attributes);
        close_front(&front);
    }
}

/* Channels-last, as many channels at a time as the local arrays have room for. */
Test(plan, blocks_of_channels_fit_the_stack) {
    static const struct {
        const char *attributes;
        int64_t least, most;
    } cases[] = {
        {"mode max; channels 64; shape 16 x 16; kernel 7; stride 1; layout nhwc", 16, 16},
        {"mode max; channels 64; shape 40 x 40; kernel 7; stride 1; layout nhwc", 4, 15},
        {"mode max; channels 3; shape 16 x 16; kernel 7; stride 1; layout nhwc", 3, 3},
        {"mode max; channels 64; shape 16 x 16; kernel 7; stride 1", 1, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct front front;
        open_text(&front, cases[i].attributes);
        const struct pc_plan *plan = must_build(&front, PC_KERNEL_FORWARD, (struct pc_plan_options)BUDGET(1, 0, 0, 0))->plan;
        cr_assert_eq(plan->form, PC_FORM_PASSES, "%s", cases[i].attributes);
        cr_assert(plan->block >= cases[i].least && plan->block <= cases[i].most, "%s: %lld", cases[i].attributes,
                  (long long)plan->block);
        cr_assert_leq(plan->local_bytes, PC_LOCAL_MOST);
        close_front(&front);
    }
}

/* The stride of a single window means nothing. */
Test(plan, one_window_needs_no_stride) {
    struct front front;
    open_text(&front, "mode avg; shape 4317; kernel 4317; stride 1");
    must_build(&front, PC_KERNEL_BACKWARD, (struct pc_plan_options){0});
    close_front(&front);
}

/* Code stays short where taps are looped: without, as many nodes as the window has taps. */
Test(plan, rolled_taps_make_short_code) {
    static const enum pc_kernel_kind kinds[] = {PC_KERNEL_FORWARD, PC_KERNEL_TRAIN, PC_KERNEL_BACKWARD};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct front front;
        open_text(&front, "mode max; shape 200; kernel 50; stride 25");
        const struct pc_kernel *whole = must_build(&front, kinds[i], (struct pc_plan_options)BUDGET(1, PLENTY, PLENTY, 0));
        const struct pc_kernel *rolled = must_build(&front, kinds[i], (struct pc_plan_options)BUDGET(1, 20, PLENTY, 0));
        cr_assert(rolled->plan->axis[POOL_MAX_RANK - 1].roll && !whole->plan->axis[POOL_MAX_RANK - 1].roll);
        cr_assert_lt(rolled->cost.code, whole->cost.code / 2, "%s", pc_kernel_suffix[kinds[i]]);
        close_front(&front);
    }
}

/* ---- small facts ---- */

Test(plan, kernels_of_a_layer) {
    static const struct {
        const char *attributes;
        bool has[PC_KERNEL_COUNT];
    } cases[] = {
        {"mode max; shape 4; kernel 2", {true, true, true}},
        {"mode avg; shape 4; kernel 2", {true, false, true}},
        {"mode lp 2; shape 4; kernel 2", {true, false, true}},
        {"mode min; shape 4; kernel 2; passes forward", {true, false, false}},
        {"mode min; shape 4; kernel 2; passes backward", {false, false, true}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct front front;
        open_text(&front, cases[i].attributes);
        for (int kind = 0; kind < PC_KERNEL_COUNT; kind++)
            cr_assert_eq(pc_layer_has_kernel(front.layer, (enum pc_kernel_kind)kind), cases[i].has[kind], "%s: %s",
                         cases[i].attributes, pc_kernel_suffix[kind]);
        close_front(&front);
    }
}

/* The narrowest type that holds every tap number, and every index. */
Test(plan, types_of_state_and_indices) {
    static const struct {
        const char *attributes;
        enum ir_element state, index;
    } cases[] = {
        {"mode max; shape 256; kernel 256; indices window", IR_U8, IR_I32},
        {"mode max; shape 257; kernel 257; indices plane", IR_U16, IR_I32},
        {"mode max; shape 256 x 256; kernel 256; indices plane", IR_U16, IR_I32},
        {"mode max; shape 65537; kernel 65537; indices plane", IR_I32, IR_I32},
        {"mode max; shape 32768 x 65536; kernel 2; indices plane", IR_U8, IR_I32},
        {"mode max; shape 32769 x 65536; kernel 2; indices plane", IR_U8, IR_I64},
        {"mode max; channels 2; shape 32768 x 65536; kernel 2; indices plane", IR_U8, IR_I32},
        {"mode max; channels 2; shape 32768 x 65536; kernel 2; indices tensor", IR_U8, IR_I64},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct front front;
        open_text(&front, cases[i].attributes);
        cr_assert_eq(pc_state_element(front.layer), cases[i].state, "%s", cases[i].attributes);
        cr_assert_eq(pc_index_element(front.layer), cases[i].index, "%s", cases[i].attributes);
        close_front(&front);
    }
}

Test(plan, schemes_split_in_two_parts) {
    for (int64_t at = 0; at < 40; at++)
        for (int64_t taps = 2; taps < 40; taps++) {
            const int64_t blocks = pc_scheme_split(PC_SCHEME_BLOCKS, at, taps);
            const int64_t half = pc_scheme_split(PC_SCHEME_DOUBLING, at, taps);
            cr_assert_eq(pc_scheme_split(PC_SCHEME_DIRECT, at, taps), taps - 1);
            cr_assert(blocks >= 1 && blocks < taps);
            cr_assert(half >= 1 && half < taps && 2 * half >= taps && (half & (half - 1)) == 0);
            /* Windows of one length share: the boundary stays where it is until the window has passed it. */
            const int64_t next = at + 1 + pc_scheme_split(PC_SCHEME_BLOCKS, at + 1, taps);
            cr_assert(next >= at + blocks, "boundaries never go back");
        }
}

/* Kinds of windows for which no code is made: too many of it, of any axis, or channels-last more work than to look them up;
 * but not where a place in an image is no number of 32 bits. */
Test(plan, windows_of_many_kinds_are_looked_up) {
    static const struct {
        const char *attributes;
        enum pc_kernel_kind kind;
        int vector_bytes;
        bool looks_up;
    } rows[] = {
        {"mode avg; shape 199 x 199 x 199; output 150", PC_KERNEL_FORWARD, 0, true},
        {"mode avg; shape 97 x 97 x 97; output 89", PC_KERNEL_BACKWARD, 64, true},
        {"mode lp 2; channels 8; shape 97 x 97; output 36 x 35; layout nhwc", PC_KERNEL_BACKWARD, 0, true},
        {"mode max; shape 60000; output 23999", PC_KERNEL_FORWARD, 0, true}, /* kinds of windows that are not even counted */
        {"mode max; channels 64; shape 97 x 97; output 36 x 35; layout nhwc", PC_KERNEL_FORWARD, 64, true},
        {"mode max; channels 64; shape 97 x 97; output 36 x 35; layout nhwc", PC_KERNEL_BACKWARD, 64, true},
        {"mode max; channels 64; shape 97 x 97; output 36 x 35", PC_KERNEL_FORWARD, 64, false},
        {"mode max; channels 64; shape 14 x 14; output 7; layout nhwc", PC_KERNEL_FORWARD, 64, false},
        {"mode max; channels 262144; shape 97 x 97; output 36 x 35; layout nhwc", PC_KERNEL_FORWARD, 64, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct front front;
        open_text(&front, rows[i].attributes);
        const struct pc_kernel *k =
            must_build(&front, rows[i].kind, (struct pc_plan_options){.vector_bytes = rows[i].vector_bytes});
        cr_assert_eq(k->plan->form == PC_FORM_LOOKUP, rows[i].looks_up, "%s", rows[i].attributes);
        cr_assert(!rows[i].looks_up || k->cost.code < 200, "%s: %d nodes", rows[i].attributes, (int)k->cost.code);
        close_front(&front);
    }
}

/* ---- random layers in every form ---- */

/* From the best that there is to the least: straight lines, whole windows, apart, by loops. */
static const struct pc_plan_options budgets[] = {
    BUDGET(0, 0, 0, 0),  BUDGET(1500, 0, 0, 0),   BUDGET(1, PLENTY, PLENTY, 0), BUDGET(1, 0, 0, 0),  BUDGET(1, 0, 1, 0),
    BUDGET(1, 60, 1, 0), BUDGET(1, 1, PLENTY, 0), BUDGET(1, 1, 1, 0),           BUDGET(0, 0, 0, 16), BUDGET(0, 0, 0, 64),
    {.unroll_budget = 1, .kinds_budget = 1},
    {.vector_bytes = 32, .forced = true, .choice = PC_PLAN_LOOKUP},
};
enum { BUDGETS = sizeof budgets / sizeof *budgets, LAYERS = 300, FORMS = PC_FORM_LOOKUP + 1 };

struct tally {
    int kernels, forms[FORMS], rolled[FORMS], wide_states, refused;
};

static void check_kernel(const struct pc_kernel *k, struct tally *tally) {
    const struct pc_plan *plan = k->plan;
    const char *problem = ir_verify(k->ir, IR_LANES_MAX);
    bool rolled = false;
    if (problem)
        cr_assert_fail("%s", problem);
    check_reasons(plan);
    for (int a = 0; a < POOL_MAX_RANK; a++)
        rolled |= plan->axis[a].roll;
    if (plan->form == PC_FORM_STRAIGHT && (loops_of(k) > 0 || rolled))
        cr_assert_fail("a straight line with loops");
    /* What the plan says is there. Passes say what three axes would need, also where fewer are reduced. */
    const int64_t local = local_bytes_of(k->ir);
    if (local > plan->local_bytes || plan->local_bytes > PC_LOCAL_MOST ||
        (local != plan->local_bytes && plan->form != PC_FORM_PASSES))
        cr_assert_fail("%s, %s: %lld bytes of local arrays, the plan says %lld", k->ir->name, pc_form_names[plan->form],
                       (long long)local, (long long)plan->local_bytes);
    for (size_t i = 0; i < k->ir->buffer_count; i++) /* dx is the one output of a gradient, so it is what is stored once */
        if (k->kind == PC_KERNEL_BACKWARD && k->ir->buffers[i].role == IR_OUTPUT)
            if (strcmp(k->ir->buffers[i].name, "dx") != 0 || k->ir->buffers[i].count != k->layer->x_count)
                cr_assert_fail("%s is not dx", k->ir->buffers[i].name);
    tally->kernels++;
    tally->forms[plan->form]++;
    tally->rolled[plan->form] += rolled;
    tally->wide_states += plan->wide_state;
}

/* Two builds that know nothing of each other give the same text. */
static void check_same_c(const struct pool_desc *desc, enum pc_unroll unroll, enum pc_kernel_kind kind,
                         struct pc_plan_options budget, const char *expected) {
    struct front again = {0};
    pc_diags_init(&again.diags, &again.arena);
    again.layer = pc_layer_from_desc("p", desc, &again.arena, &again.diags);
    again.layer->unroll = unroll;
    const char *c = text_of(must_build(&again, kind, budget), &again.arena);
    if (strlen(c) < 20 || strcmp(c, expected) != 0)
        cr_assert_fail("two runs differ, or print nothing:\n%s\n%s", expected, c);
    close_front(&again);
}

static void check_layer(const struct pool_desc *desc, enum pc_unroll unroll, int budget, struct tally *tally) {
    for (int kind = 0; kind < PC_KERNEL_COUNT; kind++) {
        struct front front = {0};
        pc_diags_init(&front.diags, &front.arena);
        front.layer = pc_layer_from_desc("p", desc, &front.arena, &front.diags);
        front.layer->unroll = unroll;
        if (pc_layer_has_kernel(front.layer, (enum pc_kernel_kind)kind)) {
            const struct pc_kernel *k = build(&front, (enum pc_kernel_kind)kind, budgets[budget]);
            if (k) {
                check_kernel(k, tally);
                check_same_c(desc, unroll, (enum pc_kernel_kind)kind, budgets[budget], text_of(k, &front.arena));
            } else {
                tally->refused++;
                cr_assert_eq(front.diags.last->id, PC_DIAG_LAYER_TOO_LARGE, "%s", front.diags.last->text);
            }
        }
        close_front(&front);
    }
}

Test(plan, random_layers_in_every_form) {
    struct pool_random random = pool_random_start(3, "plans");
    struct tally tally = {0};
    for (int i = 0; i < LAYERS; i++) {
        struct pool_desc desc;
        pool_random_desc(&random, &desc);
        const enum pc_unroll unroll = pool_random_chance(&random, 1, 6) ? PC_UNROLL_WINDOW : PC_UNROLL_AUTO;
        for (int b = 0; b < BUDGETS; b++)
            check_layer(&desc, unroll, b, &tally);
    }
    for (int form = 0; form < FORMS; form++) {
        /* Lanes are for two of the budgets only, scattering for large windows. */
        const int least = tally.kernels / (form == PC_FORM_LANES || form == PC_FORM_SCATTER ? 200 : 50);
        cr_assert_gt(tally.forms[form], least, "%s: %d", pc_form_names[form], tally.forms[form]);
        if (form == PC_FORM_LOOPS || form == PC_FORM_PASSES || form == PC_FORM_STAGED)
            cr_assert_gt(tally.rolled[form], tally.kernels / 200, "%s: %d by loops", pc_form_names[form],
                         tally.rolled[form]);
    }
    cr_assert_gt(tally.wide_states, tally.kernels / 200);
    cr_assert_lt(tally.refused, tally.kernels / 100);
}

/* Zen 4, Granite Rapids, a desktop, and nobody knows. */
Test(plan, what_caches_have_near) {
    static const struct {
        int64_t second, third, near;
    } rows[] = {
        {1 << 20, 32 << 20, 0}, {2 << 20, 480 << 20, 2 << 20}, {2 << 20, 36 << 20, 0}, {1 << 20, 96 << 20, 0}, {0, 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_assert_eq(pc_target_near_of(rows[i].second, rows[i].third), rows[i].near, "%d", (int)i);
}

/* A page to a way: Zen's, Granite Rapids', none, and one of 64 KiB in 4 ways. */
Test(plan, which_ways_the_first_level_has) {
    static const struct {
        int64_t first, ways, known;
    } rows[] = {{32 << 10, 8, 0}, {48 << 10, 12, 12}, {0, 0, 0}, {64 << 10, 4, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_assert_eq(pc_target_ways_of(rows[i].first, rows[i].ways), rows[i].known, "%d", (int)i);
}
