/* test_tuned.c - files of measured plans: what is found in them, what a second measurement changes, what is refused and
 * where, and that the planner does as they say. */
#include "front/diag.h"
#include "front/parse.h"
#include "middle/kernel.h"
#include "middle/lane_plan.h"
#include "middle/tuned.h"

#include <criterion/criterion.h>
#include <string.h>

static const char version[] = "poolc-tuned 1\n";

struct file {
    struct pc_arena arena;
    struct pc_diags diags;
    struct pc_source *source;
    struct pc_tuned *tuned;
};

static void open_bytes(struct file *file, const char *text, size_t size) {
    *file = (struct file){0};
    pc_diags_init(&file->diags, &file->arena);
    file->source = pc_source_from_string("t.tuned", text, size, &file->arena);
    file->tuned = pc_tuned_parse(file->source, &file->arena, &file->diags);
}

static void open_file(struct file *file, const char *text) {
    open_bytes(file, text, strlen(text));
}

static void open_good(struct file *file, const char *text) {
    open_file(file, text);
    cr_assert_eq(pc_diags_error_count(&file->diags), 0, "%s", file->diags.first ? file->diags.first->text : "");
}

static void close_file(struct file *file) {
    pc_arena_release(&file->arena);
}

/* In the file's arena. */
static const struct pc_layer *layer_of(struct file *file, const char *attributes) {
    const char *text = pc_arena_printf(&file->arena, "pool p { %s }\n", attributes);
    const struct pc_source *source = pc_source_from_string("p.pool", text, strlen(text), &file->arena);
    const struct pc_module *module =
        pc_layers_build(pc_parse(source, &file->arena, &file->diags), source, &file->arena, &file->diags);
    cr_assert_eq(pc_diags_error_count(&file->diags), 0, "%s", attributes);
    return &module->layers[0];
}

static const struct pc_tuned_kernel *find(struct file *file, const char *attributes, enum pc_kernel_kind kind,
                                          const char *target) {
    return pc_tuned_find(file->tuned, layer_of(file, attributes), kind, target);
}

static void expect_text(struct file *file, const char *expected) {
    struct pc_text text = {0};
    pc_tuned_print(file->tuned, &text);
    cr_assert_str_eq(pc_text_string(&text), expected);
    pc_text_release(&text);
}

Test(tuned, finds_what_computes_the_same) {
    struct file file;
    open_good(&file, "poolc-tuned 1\n"
                     "forward avx2 whole-4 36.25us: mode max; shape 56 x 56; kernel 2 x 2\n"
                     "backward avx2 axes 1us:kernel 2;shape 56x56;mode max\n"); /* no canonical form is asked for */
    const char *words = "shape 56 x (50 + 6); stride 2; kernel 2; mode max; passes forward; dialect torch";
    const struct pc_tuned_kernel *kernel = find(&file, words, PC_KERNEL_FORWARD, "avx2");
    cr_assert_not_null(kernel);
    cr_assert_eq(kernel->choice, PC_PLAN_WHOLE_4);
    cr_assert_eq(kernel->microseconds, 36.25);
    kernel = find(&file, "mode max; shape 56 x 56; kernel 2", PC_KERNEL_BACKWARD, "avx2");
    cr_assert(kernel && kernel->choice == PC_PLAN_AXES);
    cr_assert_null(find(&file, words, PC_KERNEL_TRAIN, "avx2"), "another kernel");
    cr_assert_null(find(&file, words, PC_KERNEL_FORWARD, "avx512"), "another target");
    close_file(&file);
}

/* Whatever changes a layer must change what is looked up. */
Test(tuned, finds_nothing_else) {
    static const char *const others[] = {
        "mode min; channels 4; shape 9 x 9; kernel 3; stride 2",
        "mode max; channels 3; shape 9 x 9; kernel 3; stride 2",
        "mode max; channels 4; shape 9 x 8; kernel 3; stride 2",
        "mode max; channels 4; shape 9 x 9; kernel 3 x 2; stride 2",
        "mode max; channels 4; shape 9 x 9; kernel 3; stride 1",
        "mode max; channels 4; shape 9 x 9; kernel 3; stride 2; padding 1",
        "mode max; channels 4; shape 9 x 9; kernel 3; stride 2; dilation 2",
        "mode max; channels 4; shape 9 x 9; kernel 3; stride 2; batch 2",
        "mode max; channels 4; shape 9 x 9; kernel 3; stride 2; dtype f64",
        "mode max; channels 4; shape 9 x 9; kernel 3; stride 2; layout nhwc",
        "mode max; channels 4; shape 9 x 9; kernel 3; stride 2; nan ignore",
        "mode max; channels 4; shape 9 x 9; kernel 3; stride 2; indices window",
        "mode max; channels 4; shape 9 x 9; kernel 3; stride 2; ceil_mode true",
        "mode max; channels 4; shape 9 x 9; output 4",
    };
    struct file file;
    open_good(&file, "poolc-tuned 1\nforward sse2 whole 1us: mode max; channels 4; shape 9 x 9; kernel 3; stride 2\n");
    cr_assert_not_null(find(&file, "mode max; channels 4; shape 9 x 9; kernel 3; stride 2", PC_KERNEL_FORWARD, "sse2"));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        cr_assert_null(find(&file, others[i], PC_KERNEL_FORWARD, "sse2"), "%s", others[i]);
    close_file(&file);
}

Test(tuned, keeps_other_lines) {
    struct file file;
    open_good(&file, "poolc-tuned 1\n"
                     "# by hand\n"
                     "\n"
                     "forward avx2 whole-4 36us:shape 8;mode max; kernel 2\n"
                     "backward avx2 of-tomorrow 3us: mode max; shape 8; kernel 2"); /* no line break at the end */
    pc_tuned_set(file.tuned, layer_of(&file, "mode max; shape 8; kernel 2"), PC_KERNEL_FORWARD, "neon",
                 (struct pc_tuned_kernel){PC_PLAN_WHOLE, 2});
    expect_text(&file, "poolc-tuned 1\n"
                       "# by hand\n"
                       "\n"
                       "forward avx2 whole-4 36us:shape 8;mode max; kernel 2\n"
                       "backward avx2 of-tomorrow 3us: mode max; shape 8; kernel 2\n"
                       "forward neon whole 2.000us: mode max; shape 8; kernel 2\n");
    pc_tuned_set(file.tuned, layer_of(&file, "mode max; shape 8; kernel 2"), PC_KERNEL_FORWARD, "avx2",
                 (struct pc_tuned_kernel){PC_PLAN_AXES_1, 0.5});
    pc_tuned_set(file.tuned, layer_of(&file, "mode max; shape 8; kernel 2"), PC_KERNEL_BACKWARD, "avx2",
                 (struct pc_tuned_kernel){PC_PLAN_WHOLE_1, 1234.5678});
    const char *expected = "poolc-tuned 1\n"
                           "# by hand\n"
                           "\n"
                           "forward avx2 axes-1 0.500us: mode max; shape 8; kernel 2\n"
                           "backward avx2 whole-1 1234.568us: mode max; shape 8; kernel 2\n"
                           "forward neon whole 2.000us: mode max; shape 8; kernel 2\n";
    expect_text(&file, expected);
    close_file(&file);
    open_good(&file, expected);
    cr_assert_eq(find(&file, "mode max; shape 8; kernel 2", PC_KERNEL_BACKWARD, "avx2")->microseconds, 1234.568);
    expect_text(&file, expected);
    close_file(&file);
}

Test(tuned, an_empty_file) {
    struct file file;
    open_good(&file, version);
    expect_text(&file, version);
    close_file(&file);
}

Test(tuned, a_newer_plan_is_ignored) {
    struct file file;
    open_good(&file, "poolc-tuned 1\n"
                     "forward avx2 of-tomorrow 36us: mode max; shape 8; kernel 2\n"
                     "forward avx9 whole 36us: mode max; shape 8; kernel 2\n");
    cr_assert_eq(file.diags.warnings, 2);
    cr_assert(strstr(file.diags.first->text, "no plan 'of-tomorrow'"), "%s", file.diags.first->text);
    cr_assert(strstr(file.diags.last->text, "no target 'avx9'"), "%s", file.diags.last->text);
    cr_assert_eq(pc_source_place(file.source, file.diags.last->span.begin).line, 3);
    cr_assert_null(find(&file, "mode max; shape 8; kernel 2", PC_KERNEL_FORWARD, "avx2"));
    close_file(&file);
}

/* ---- what is refused ---- */

static void expect_error(const char *text, size_t size, unsigned line, const char *words) {
    struct file file;
    open_bytes(&file, text, size);
    const struct pc_diag *first = file.diags.first;
    cr_assert_not_null(first, "no error in: %s", text);
    cr_assert_eq(first->id, PC_DIAG_TUNED_LINE);
    cr_assert(strstr(first->text, words), "'%s' for: %s", first->text, text);
    cr_assert_eq(pc_source_place(file.source, first->span.begin).line, line, "%s", text);
    close_file(&file);
}

Test(tuned, the_first_line) {
    static const char *const wrong[] = {"",
                                        "\n",
                                        "poolc-tuned 2\n",
                                        "poolc-tuned 1 \n",
                                        "poolc-tuned 1\r\r\n",
                                        "pool p {}\n",
                                        "\n poolc-tuned 1",
                                        " poolc-tuned 1\n"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        expect_error(wrong[i], strlen(wrong[i]), 1, "the first line");
}

/* As an editor of Windows leaves them. */
Test(tuned, lines_end_with_crlf) {
    struct file file;
    open_good(&file, "poolc-tuned 1\r\n# words\r\nforward sse2 whole 1us: mode max; shape 9 x 9; kernel 3\r\n");
    cr_assert(find(&file, "mode max; shape 9 x 9; kernel 3", PC_KERNEL_FORWARD, "sse2"));
    expect_text(&file, "poolc-tuned 1\n"
                       "# words\n"
                       "forward sse2 whole 1us: mode max; shape 9 x 9; kernel 3\n");
    close_file(&file);
}

Test(tuned, wrong_lines) {
    static const struct {
        const char *line, *words;
    } rows[] = {
        {"forward", "a line is KERNEL"},
        {" ", "a line is KERNEL"},
        {"forward avx2 whole 36us mode max; shape 8; kernel 2", "a line is KERNEL"},
        {"forward avx2 whole: mode max; shape 8; kernel 2", "a line is KERNEL"},
        {"forward  avx2 whole 1us: mode max; shape 8; kernel 2", "a line is KERNEL"},
        {"forward avx2 whole-whole-whole-whole-whole 1us: mode max; shape 8; kernel 2", "a line is KERNEL"},
        {"sideways avx2 whole 1us: mode max; shape 8; kernel 2", "begins with a kernel"},
        {"forward avx\0332 whole 1us: mode max; shape 8; kernel 2", "begins with a kernel"},
        {"forward avx2 who/le 1us: mode max; shape 8; kernel 2", "begins with a kernel"},
        {"forward avx2 whole 1: mode max; shape 8; kernel 2", "the time"},
        {"forward avx2 whole 1ms: mode max; shape 8; kernel 2", "the time"},
        {"forward avx2 whole -1us: mode max; shape 8; kernel 2", "the time"},
        {"forward avx2 whole 0us: mode max; shape 8; kernel 2", "the time"},
        {"forward avx2 whole .us: mode max; shape 8; kernel 2", "the time"},
        {"forward avx2 whole 1.2.3us: mode max; shape 8; kernel 2", "the time"},
        {"forward avx2 whole nanus: mode max; shape 8; kernel 2", "the time"},
        {"forward avx2 whole infus: mode max; shape 8; kernel 2", "the time"},
        {"forward avx2 whole 1us:", "not a layer"},
        {"forward avx2 whole 1us: mode max; shape 8; kernel 9", "not a layer"},
        {"forward avx2 whole 1us: mode max; shape 8; kernel 2; colour red", "not a layer"},
        {"forward avx2 whole 1us: mode max; shape 8; kernel 2 } pool q { mode max; shape 8; kernel 2", "not a layer"},
        {"forward avx2 whole 1us: mode max; shape 8; kernel 2 }", "not a layer"},
        {"forward avx2 whole 1us: mode max; shape 8; kernel \xff", "not a layer"},
        {"forward avx2 whole 1us: kernel 2; shape 9223372036854775808; mode max", "not a layer"},
        {"forward avx2 axes 3us: kernel 3; shape 8; mode max", "the same kernel"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct pc_arena arena = {0};
        const char *text = pc_arena_printf(&arena, "%sforward avx2 whole 1us: mode max; shape 8; kernel 3\n# c\n%s\n",
                                           version, rows[i].line);
        expect_error(text, strlen(text), 4, rows[i].words);
        pc_arena_release(&arena);
    }
}

Test(tuned, nul_bytes) {
    static const char comment[] = "poolc-tuned 1\n# a\0b\n";
    static const char line[] = "poolc-tuned 1\nforward avx2 whole 1us: mode max\0; s\n";
    expect_error(comment, sizeof comment - 1, 2, "NUL");
    expect_error(line, sizeof line - 1, 2, "NUL");
}

/* ---- the planner ---- */

static const struct pc_plan *plan_of(struct file *file, const char *attributes, struct pc_plan_options options) {
    options.vector_bytes = 32;
    options.target = "avx2";
    const struct pc_plan *plan =
        pc_plan_build(layer_of(file, attributes), PC_KERNEL_FORWARD, &options, &file->arena, &file->diags);
    cr_assert_not_null(plan);
    cr_assert_not_null(plan->lanes);
    return plan;
}

static bool says(const struct pc_plan *plan, const char *words) {
    for (int i = 0; i < plan->reason_count; i++)
        if (strstr(plan->reasons[i], words))
            return true;
    return false;
}

static bool fits(const struct pc_plan *plan, enum pc_plan_choice choice) {
    for (int i = 0; i < plan->candidate_count; i++)
        if (plan->candidates[i].choice == choice)
            return true;
    return false;
}

/* Of each way that fits in turn: the plan is taken, comes first, and the others follow with the least work first. */
Test(tuned, every_choice_is_taken) {
    const char *layer = "mode max; channels 4; shape 28 x 28; kernel 3; stride 1; padding 1";
    int taken = 0;
    for (int choice = 0; choice < PC_PLAN_COUNT; choice++) {
        struct file file;
        open_good(&file, version);
        const struct pc_tuned_kernel measured = {(enum pc_plan_choice)choice, 7.5};
        pc_tuned_set(file.tuned, layer_of(&file, layer), PC_KERNEL_FORWARD, "avx2", measured);
        const struct pc_plan *tuned = plan_of(&file, layer, (struct pc_plan_options){.tuned = file.tuned});
        const struct pc_plan *forced =
            plan_of(&file, layer, (struct pc_plan_options){.forced = true, .choice = (enum pc_plan_choice)choice});
        const struct pc_plan *least = plan_of(&file, layer, (struct pc_plan_options){0});
        const bool only_asked = choice == PC_PLAN_LOOKUP; /* these windows are of few kinds */
        cr_assert_eq(tuned->misfit == NULL, only_asked || fits(least, (enum pc_plan_choice)choice));
        cr_assert_eq(forced->misfit == NULL, only_asked || fits(least, (enum pc_plan_choice)choice));
        cr_assert_eq(tuned->candidate_count, least->candidate_count + only_asked);
        if (tuned->misfit) {
            close_file(&file);
            continue;
        }
        taken++;
        cr_assert_eq(tuned->candidates[0].choice, (enum pc_plan_choice)choice);
        cr_assert_eq(forced->candidates[0].choice, (enum pc_plan_choice)choice);
        cr_assert_eq(tuned->lanes->work, tuned->candidates[0].work);
        cr_assert(says(tuned, "measured: ") && !says(forced, "measured: ") && says(forced, "was asked for"));
        cr_assert(!says(least, "measured: ") && !says(least, "asked for"));
        for (int i = 1; i < least->candidate_count; i++) {
            cr_assert_leq(least->candidates[i - 1].work, least->candidates[i].work);
            cr_assert(i < 2 || tuned->candidates[i - 1].work <= tuned->candidates[i].work);
        }
        close_file(&file);
    }
    cr_assert_geq(taken, 6, "%d", taken);
}

Test(tuned, a_plan_that_does_not_fit) {
    const char *layer = "mode max; channels 16; shape 28 x 28; kernel 3; stride 1; layout nhwc";
    struct file file;
    open_good(&file, "poolc-tuned 1\nforward avx2 whole 1us: mode max; channels 16; shape 28 x 28; kernel 3; stride 1; "
                     "layout nhwc\n");
    const struct pc_plan *tuned = plan_of(&file, layer, (struct pc_plan_options){.tuned = file.tuned});
    const struct pc_plan *forced = plan_of(&file, layer, (struct pc_plan_options){.forced = true, .choice = PC_PLAN_AXES});
    const struct pc_plan *least = plan_of(&file, layer, (struct pc_plan_options){0});
    cr_assert_not_null(tuned->misfit);
    cr_assert_not_null(forced->misfit);
    cr_assert_null(least->misfit);
    cr_assert_eq(tuned->candidates[0].choice, least->candidates[0].choice);
    cr_assert_eq(forced->candidates[0].choice, least->candidates[0].choice);
    cr_assert(says(tuned, "whole, as was measured to be best, does not fit: channels-last"));
    cr_assert(says(forced, "axes, as was asked for, does not fit: channels-last"));
    close_file(&file);
}
