/* test_outline.c - where long blocks are cut into sections. */
#include "ir_kit.h"

#include <stdio.h>

enum { PLACES = 8, LONG_LINE = 500, SHORT_LINE = 20 };
enum { X, Y }; /* the buffers */
static const struct ir_type f32 = {IR_F32, 1};

static void open_two(struct kit *k) {
    open_kit(k);
    ir_buffer_add(k->f, "x", IR_F32, PLACES, IR_INPUT);
    ir_buffer_add(k->f, "y", IR_F32, PLACES, IR_OUTPUT);
}

/* `value`, with so many operations behind it. */
static ir_ref line(struct kit *k, ir_ref value, int operations) {
    for (int i = 0; i < operations; i++)
        value = ir_op1(&k->b, IR_SQRT, value);
    return value;
}

/* y[place] from x[place], by so many operations. */
static void long_line(struct kit *k, int64_t place, int operations) {
    store(k, Y, place, line(k, load(k, f32, X, place), operations));
}

/* "2+3": the sections of a block, items each; what is in none is left out. */
static const char *sections_of(struct kit *k, const struct ir_block *block) {
    static char text[64];
    const uint32_t *sections = ir_sections_of(k->f, &k->arena);
    size_t length = 0;
    text[0] = '\0';
    verify(k);
    for (size_t i = 0; i < block->count; i++)
        if (sections[block->items[i]])
            length += (size_t)snprintf(text + length, sizeof text - length, "%s%u", length ? "+" : "",
                                       (unsigned)sections[block->items[i]]);
    return text;
}

static void check_body(struct kit *k, const char *wanted) {
    const char *sections = sections_of(k, &k->f->body);
    cr_assert_str_eq(sections, wanted, "%s instead of %s", sections, wanted);
    close_kit(k);
}

Test(outline, short_blocks_are_not_cut) {
    struct kit k;
    open_two(&k);
    for (int i = 0; i < 2; i++)
        long_line(&k, i, LONG_LINE - 8);
    for (int i = 2; i < PLACES; i++)
        store(&k, Y, i, load(&k, f32, X, i));
    check_body(&k, "");
}

Test(outline, lines_that_share_nothing_are_runs) {
    struct kit k;
    open_two(&k);
    for (int i = 0; i < PLACES; i++)
        long_line(&k, i, i < 3 ? LONG_LINE : SHORT_LINE);
    check_body(&k, "502+502+502"); /* the short ones are too few to be one */
}

Test(outline, a_value_that_is_used_again_joins_lines) {
    struct kit k;
    open_two(&k);
    const ir_ref x = load(&k, f32, X, 0), one = line(&k, x, LONG_LINE);
    store(&k, Y, 0, one);
    store(&k, Y, 1, line(&k, one, LONG_LINE));
    for (int i = 2; i < PLACES; i++)
        long_line(&k, i, LONG_LINE);
    check_body(&k, "1003+502+502+502+502+502+502");
}

Test(outline, lines_inside_of_a_loop_are_cut_there) {
    struct kit k;
    open_two(&k);
    const uint32_t loop = ir_loop_begin(&k.b, "i", 2);
    for (int i = 0; i < PLACES / 2; i++) {
        const struct ir_affine from = moving(X, loop, PLACES / 2), to = moving(Y, loop, PLACES / 2);
        ir_store(&k.b, &to, i, line(&k, ir_load(&k.b, f32, &from, i, 0), LONG_LINE), 0);
    }
    ir_loop_end(&k.b, loop);
    const char *sections = sections_of(&k, &k.f->loops[loop].body);
    cr_assert_str_eq(sections, "502+502+502+502", "%s", sections);
    check_body(&k, ""); /* one item */
}

/* What a loop carries is known at its begin and wanted at its end, and what stands before it is outside. */
Test(outline, values_from_outside_stay_where_they_are) {
    struct kit k;
    open_two(&k);
    const ir_ref before = load(&k, f32, X, 0);
    const uint32_t loop = ir_loop_begin(&k.b, "i", 2);
    const ir_ref carried = ir_loop_carry(&k.b, loop, before);
    const struct ir_affine to = moving(Y, loop, 4);
    ir_store(&k.b, &to, 0, line(&k, carried, LONG_LINE), 0);
    ir_store(&k.b, &to, 1, line(&k, before, LONG_LINE + 1), 0);
    const ir_ref last = line(&k, ir_load(&k.b, f32, &(struct ir_affine){.buffer = X}, 1, 0), LONG_LINE);
    ir_store(&k.b, &to, 2, last, 0);
    ir_store(&k.b, &to, 3, line(&k, ir_load(&k.b, f32, &(struct ir_affine){.buffer = X}, 2, 0), LONG_LINE), 0);
    ir_loop_next(&k.b, loop, 0, last);
    ir_loop_end(&k.b, loop);
    const char *sections = sections_of(&k, &k.f->loops[loop].body);
    cr_assert_str_eq(sections, "", "%s", sections);
    k.f->loops[loop].carried[0].next = carried;
    sections = sections_of(&k, &k.f->loops[loop].body);
    cr_assert_str_eq(sections, "502+502", "%s", sections); /* now nobody wants what the last two compute */
    close_kit(&k);
}
