/* test_ir_verify.c - the verifier says no to IR that is broken on purpose, and says what is wrong.
 *
 * Each case builds a function that differs from a good one in one place, so that no other rule can be what it violates.
 * Cases that the builder would not make change nodes behind its back.
 *
 * Two messages of ir_verify.c no function can bring about, because other rules come first; they guard the verifier itself:
 *   "an operation of another kind"         every operation of kind SPECIAL has its own case in that switch
 *   "a statement where a value belongs"    deleted nodes, loops, stores and comments never get to check_value() */
#include "ir/ir_build.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static const struct ir_type f32 = {IR_F32, 1}, f64 = {IR_F64, 1}, i32 = {IR_I32, 1}, f32x4 = {IR_F32, 4};
enum { X, N, Y, L, BUFFERS, LANES_MAX = 16, SIZE = 16 };

struct kit {
    struct pc_arena arena;
    struct ir_function *f;
    struct ir_builder b;
};

/* x f32[16] and n i32[16] are inputs, y f32[16] the output, l f32[16] local. */
static void open_kit(struct kit *k) {
    *k = (struct kit){0};
    k->f = ir_function_new(&k->arena, "f");
    ir_builder_init(&k->b, k->f);
    ir_buffer_add(k->f, "x", IR_F32, SIZE, IR_INPUT);
    ir_buffer_add(k->f, "n", IR_I32, SIZE, IR_INPUT);
    ir_buffer_add(k->f, "y", IR_F32, SIZE, IR_OUTPUT);
    ir_buffer_add(k->f, "l", IR_F32, SIZE, IR_LOCAL);
}

static void close_kit(struct kit *k) {
    pc_arena_release(&k->arena);
}

static struct ir_affine at(int buffer) {
    return (struct ir_affine){.buffer = buffer};
}

static struct ir_affine moving(int buffer, uint32_t loop, int64_t stride) {
    return (struct ir_affine){.buffer = buffer, .count = 1, .term = {{loop, stride}}};
}

static ir_ref load(struct kit *k, struct ir_type type, int buffer, int64_t constant) {
    const struct ir_affine place = at(buffer);
    return ir_load(&k->b, type, &place, constant, 0);
}

static void store(struct kit *k, int buffer, int64_t constant, ir_ref value, ir_ref mask) {
    const struct ir_affine place = at(buffer);
    ir_store(&k->b, &place, constant, value, mask);
}

static struct ir_node *node(struct kit *k, ir_ref ref) {
    return &k->f->nodes[ref];
}

static struct ir_node *last_node(struct kit *k) {
    return node(k, (ir_ref)k->f->node_count - 1);
}

/* Stores zeros to y[from ..]: what is left of the output when a case is done. */
static void fill(struct kit *k, int64_t from) {
    const struct ir_affine place = at(Y);
    const ir_ref zero = ir_real(&k->b, f32, 0);
    for (int64_t i = from; i < SIZE; i++)
        ir_store(&k->b, &place, i, zero, 0);
}

static void append_to(struct kit *k, ir_ref ref) {
    struct ir_block *block = &k->f->body;
    PC_GROW(&k->arena, block->items, block->count, block->capacity);
    block->items[block->count++] = ref;
}

/* ---- good functions: every rule is silent where it has nothing to say ---- */

static void good_vectors(struct kit *k) {
    static const uint8_t list[] = {7, 0, 4, 3};
    const ir_ref a = load(k, f32x4, X, 0), b = load(k, f32x4, X, SIZE - 4);
    const ir_ref mask = ir_op2(&k->b, IR_OR, ir_op2(&k->b, IR_GT, a, b), ir_mask(&k->b, 4, 5));
    const ir_ref picked = ir_select(&k->b, mask, a, ir_shuffle(&k->b, a, b, 4, list));
    store(k, L, 0, picked, mask); /* a computed mask is fine where the buffer is no output */
    store(k, Y, 0, ir_splat(&k->b, 4, ir_reduce(&k->b, IR_REDUCE_ADD, picked)), 0);
    store(k, Y, 1, load(k, f32x4, L, 0), ir_mask(&k->b, 4, 8)); /* y[4] only */
    const struct ir_affine edge = at(X);
    const ir_ref part = ir_load(&k->b, f32x4, &edge, SIZE - 2, ir_mask(&k->b, 4, 3)); /* the lanes outside are not touched */
    const ir_ref before = ir_load(&k->b, f32x4, &edge, -3, ir_mask(&k->b, 4, 8));
    const ir_ref none = ir_load(&k->b, f32x4, &edge, 1000, ir_mask(&k->b, 4, 0));
    store(k, Y, 5, ir_op2(&k->b, IR_ADD, ir_op2(&k->b, IR_ADD, part, before), none), 0);
    fill(k, 9);
}

static void good_loops(struct kit *k) {
    const uint32_t i = ir_loop_begin(&k->b, "i", 4);
    const ir_ref sum = ir_loop_carry(&k->b, i, ir_real(&k->b, f32, 0));
    const uint32_t j = ir_loop_begin(&k->b, "j", 4);
    const struct ir_affine from = {.buffer = X, .count = 2, .term = {{i, -4}, {j, 1}}};
    struct ir_affine to = from;
    to.buffer = Y;
    const ir_ref value = ir_load(&k->b, f32, &from, 12, 0);
    ir_store(&k->b, &to, 12, value, 0);
    ir_loop_end(&k->b, j);
    ir_loop_next(&k->b, i, 0, ir_op2(&k->b, IR_ADD, sum, sum));
    ir_loop_end(&k->b, i);
    store(k, L, 0, ir_loop_result(&k->b, i, 0), 0);
}

static void good_integers(struct kit *k) {
    const uint32_t i = ir_loop_begin(&k->b, "i", SIZE);
    const struct ir_affine plain = moving(-1, i, 3), to = moving(Y, i, 1);
    const ir_ref number = ir_affine(&k->b, i32, &plain, -7);
    const ir_ref wide = ir_convert(&k->b, IR_I64, number);
    const ir_ref found = ir_lookup(&k->b, IR_I32, number, (const int64_t[]){2, SIZE + 1, 3}, 3);
    const struct ir_affine local = at(L);
    ir_add_at(&k->b, &local, -2, found, ir_real(&k->b, f32, 1));
    const ir_ref positive = ir_op2(&k->b, IR_GT, wide, ir_integer(&k->b, (struct ir_type){IR_I64, 1}, 0));
    ir_comment(&k->b, "words");
    ir_store(&k->b, &to, 0, ir_select(&k->b, positive, ir_real(&k->b, f32, 1), ir_real(&k->b, f32, -1)), 0);
    ir_loop_end(&k->b, i);
}

/* Up to the last element: by lists, by sums of them and of a loop, and by lanes of which a mask touches the first. */
static void good_loads_at(struct kit *k) {
    const struct ir_affine place = at(X);
    const uint32_t i = ir_loop_begin(&k->b, "i", 2);
    const struct ir_affine turning = moving(X, i, 3), plain = moving(-1, i, 4), to = moving(Y, i, 1);
    const ir_ref two = ir_lookup(&k->b, IR_I32, load(k, i32, N, 0), (const int64_t[]){SIZE - 8, 0}, 2);
    const ir_ref sum = ir_op2(&k->b, IR_ADD, ir_affine(&k->b, i32, &plain, 0), two);
    ir_store(&k->b, &to, 0, ir_load_at(&k->b, f32, &turning, 0, sum, 0), 0);
    ir_loop_end(&k->b, i);
    const ir_ref last = ir_lookup(&k->b, IR_I32, load(k, i32, N, 0), (const int64_t[]){SIZE - 1, 5}, 2);
    const ir_ref first = ir_load_at(&k->b, f32x4, &place, 0, last, ir_mask(&k->b, 4, 1));
    store(k, Y, 2, first, 0);
    store(k, Y, 6, ir_convert(&k->b, IR_F32, last), 0);
    fill(k, 7);
}

Test(ir_verify, accepts_what_is_good) {
    void (*const good[])(struct kit *) = {good_vectors, good_loops, good_integers, good_loads_at};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct kit k;
        open_kit(&k);
        good[i](&k);
        const char *problem = ir_verify(k.f, LANES_MAX);
        cr_assert_null(problem, "function %zu: %s", i, problem ? problem : "");
        close_kit(&k);
    }
}

/* ---- places ---- */

static void no_affine(struct kit *k) {
    node(k, load(k, f32, X, 0))->aux = 99;
}
static void variable_outside(struct kit *k) {
    const uint32_t i = ir_loop_begin(&k->b, "i", 2);
    ir_loop_end(&k->b, i);
    const struct ir_affine place = moving(X, i, 1);
    ir_load(&k->b, f32, &place, 0, 0);
}
static void variable_of_no_loop(struct kit *k) {
    const uint32_t i = ir_loop_begin(&k->b, "i", 2);
    const struct ir_affine place = moving(X, i, 1);
    ir_load(&k->b, f32, &place, 0, 0);
    k->f->affines[last_node(k)->aux].term[0].loop = 7;
    ir_loop_end(&k->b, i);
}
static void overflow(struct kit *k, int64_t stride, int64_t constant) {
    const uint32_t i = ir_loop_begin(&k->b, "i", 3);
    const struct ir_affine plain = moving(-1, i, stride);
    ir_affine(&k->b, (struct ir_type){IR_I64, 1}, &plain, constant);
    ir_loop_end(&k->b, i);
}
static void product_overflows(struct kit *k) {
    overflow(k, INT64_MAX / 2 + 1, 0);
}
static void sum_overflows(struct kit *k) {
    overflow(k, INT64_MAX / 2, 2);
}
static void sum_underflows(struct kit *k) {
    overflow(k, -(INT64_MAX / 2), -3);
}
static void load_without_buffer(struct kit *k) {
    load(k, f32, X, 0);
    k->f->affines[last_node(k)->aux].buffer = -1;
}
static void store_beyond_the_buffers(struct kit *k) {
    store(k, Y, 0, ir_real(&k->b, f32, 0), 0);
    k->f->affines[last_node(k)->aux].buffer = BUFFERS;
}
static void load_of_another_element(struct kit *k) {
    load(k, f64, X, 0);
}
static void store_of_another_element(struct kit *k) {
    store(k, L, 0, load(k, i32, N, 0), 0);
}
static void mask_of_other_lanes(struct kit *k) {
    const struct ir_affine place = at(X);
    ir_load(&k->b, f32x4, &place, 0, ir_mask(&k->b, 8, 0xff));
}
static void mask_that_is_a_number(struct kit *k) {
    store(k, L, 0, ir_real(&k->b, f32x4, 1), load(k, f32x4, X, 0));
}
static void mask_defined_later(struct kit *k) {
    const ir_ref a = load(k, f32x4, X, 0);
    const ir_ref early = load(k, f32x4, X, 4);
    node(k, early)->operand[0] = ir_op2(&k->b, IR_GT, a, a);
}
static void load_behind_the_end(struct kit *k) {
    load(k, f32, X, SIZE);
}
static void load_before_the_begin(struct kit *k) {
    load(k, f32, X, -1);
}
static void last_lane_outside(struct kit *k) {
    load(k, f32x4, X, SIZE - 3);
}
static void last_iteration_outside(struct kit *k) {
    const uint32_t i = ir_loop_begin(&k->b, "i", 4);
    const struct ir_affine place = moving(X, i, 5);
    ir_load(&k->b, f32, &place, 1, 0); /* 1, 6, 11, 16 */
    ir_loop_end(&k->b, i);
}
static void last_iteration_before_the_begin(struct kit *k) {
    const uint32_t i = ir_loop_begin(&k->b, "i", 4);
    const struct ir_affine place = moving(L, i, -5);
    ir_store(&k->b, &place, 14, ir_real(&k->b, f32, 0), 0); /* 14, 9, 4, -1 */
    ir_loop_end(&k->b, i);
}
static void masked_lane_outside(struct kit *k) {
    const struct ir_affine place = at(X);
    ir_load(&k->b, f32x4, &place, SIZE - 2, ir_mask(&k->b, 4, 5)); /* lane 2 is element 16 */
}
static void masked_lane_before_the_begin(struct kit *k) {
    const struct ir_affine place = at(X);
    ir_load(&k->b, f32x4, &place, -2, ir_mask(&k->b, 4, 10)); /* lane 1 is element -1 */
}
static void computed_mask_outside(struct kit *k) { /* any lane may be enabled */
    const ir_ref a = load(k, f32x4, X, 0);
    const struct ir_affine place = at(X);
    ir_load(&k->b, f32x4, &place, SIZE - 3, ir_op2(&k->b, IR_GT, a, a));
}
static void store_to_input(struct kit *k) {
    store(k, X, 0, ir_real(&k->b, f32, 0), 0);
}
static void load_from_output(struct kit *k) {
    load(k, f32, Y, 0);
}
static void computed_mask_on_output(struct kit *k) {
    const ir_ref a = load(k, f32x4, X, 0);
    store(k, Y, 0, a, ir_op2(&k->b, IR_GT, a, a));
}

/* ---- values ---- */

static void select_by_number(struct kit *k) {
    const ir_ref a = load(k, f32, X, 0);
    ir_select(&k->b, a, a, load(k, f32, X, 1));
}
static void select_by_other_lanes(struct kit *k) {
    ir_select(&k->b, ir_mask(&k->b, 1, 1), load(k, f32x4, X, 0), load(k, f32x4, X, 4));
}
static void select_of_two_types(struct kit *k) {
    ir_select(&k->b, ir_mask(&k->b, 1, 1), load(k, f32, X, 0), load(k, i32, N, 0));
}
static void convert_from_real(struct kit *k) {
    ir_convert(&k->b, IR_I32, load(k, f32, X, 0));
}
static void convert_to_reals(struct kit *k) {
    ir_convert(&k->b, IR_F32, load(k, (struct ir_type){IR_I32, 4}, N, 0));
}
static void convert_to_mask(struct kit *k) {
    ir_convert(&k->b, IR_MASK, load(k, i32, N, 0));
}
static void convert_from_mask(struct kit *k) {
    ir_convert(&k->b, IR_I32, ir_op2(&k->b, IR_GT, load(k, f32, X, 0), load(k, f32, X, 1)));
}
static const int64_t four_numbers[] = {1, 2, 3, 4};
static void convert_to_other_lanes(struct kit *k) {
    node(k, ir_convert(&k->b, IR_I64, load(k, i32, N, 0)))->type.lanes = 4;
}
static void lookup_of_a_real(struct kit *k) {
    ir_lookup(&k->b, IR_I32, load(k, f32, X, 0), four_numbers, 4);
}
static void lookup_of_lanes(struct kit *k) {
    ir_lookup(&k->b, IR_I32, load(k, (struct ir_type){IR_I32, 4}, N, 0), four_numbers, 4);
}
static void lookup_to_a_real(struct kit *k) {
    ir_lookup(&k->b, IR_F32, load(k, i32, N, 0), four_numbers, 4);
}
static void lookup_in_no_list(struct kit *k) {
    node(k, ir_lookup(&k->b, IR_I32, load(k, i32, N, 0), four_numbers, 4))->aux = 1;
}
/* Number n[0] of a list of `low` and `high`. */
static ir_ref one_of(struct kit *k, int64_t low, int64_t high) {
    return ir_lookup(&k->b, IR_I32, load(k, i32, N, 0), (const int64_t[]){low, high}, 2);
}
static ir_ref load_at(struct kit *k, int buffer, ir_ref a) {
    const struct ir_affine place = at(buffer);
    return ir_load_at(&k->b, f32, &place, 0, a, 0);
}
static void load_at_of_a_local(struct kit *k) {
    load_at(k, L, one_of(k, 0, 3));
}
static void load_at_a_real(struct kit *k) {
    load_at(k, X, load(k, f32, X, 0));
}
static void load_at_lanes(struct kit *k) {
    load_at(k, X, load(k, (struct ir_type){IR_I32, 4}, N, 0));
}
static void load_at_a_number_of_an_input(struct kit *k) {
    load_at(k, X, load(k, i32, N, 0));
}
static void load_at_a_sum_with_one(struct kit *k) {
    load_at(k, X, ir_op2(&k->b, IR_ADD, one_of(k, 0, 3), load(k, i32, N, 0)));
}
static void load_at_a_sum_that_wraps(struct kit *k) {
    const struct ir_type u8 = {IR_U8, 1};
    const ir_ref found = ir_lookup(&k->b, IR_U8, load(k, i32, N, 0), (const int64_t[]){250, 0}, 2);
    load_at(k, X, ir_op2(&k->b, IR_ADD, found, ir_integer(&k->b, u8, 6)));
}
static void load_at_a_number_that_wraps(struct kit *k) {
    load_at(k, X, ir_lookup(&k->b, IR_U8, load(k, i32, N, 0), (const int64_t[]){256, 0}, 2));
}
static void load_at_beyond(struct kit *k) {
    load_at(k, X, one_of(k, SIZE, 0));
}
static void load_at_before(struct kit *k) {
    load_at(k, X, one_of(k, 0, -1));
}
static void load_at_beyond_together(struct kit *k) {
    load_at(k, X, ir_op2(&k->b, IR_ADD, one_of(k, 0, SIZE / 2), one_of(k, SIZE / 2, 1)));
}
static void load_at_beyond_at_last(struct kit *k) {
    const uint32_t i = ir_loop_begin(&k->b, "i", 2);
    const struct ir_affine place = moving(X, i, 1), plain = moving(-1, i, SIZE - 2);
    ir_load_at(&k->b, f32, &place, 0, ir_op2(&k->b, IR_ADD, ir_affine(&k->b, i32, &plain, 0), one_of(k, 0, 1)), 0);
    ir_loop_end(&k->b, i);
}
static void load_at_beyond_by_lanes(struct kit *k) {
    const struct ir_affine place = at(X);
    ir_load_at(&k->b, f32x4, &place, 0, one_of(k, 0, SIZE - 3), 0);
}
static void fetch_of_an_input(struct kit *k) {
    const struct ir_affine place = at(X);
    ir_fetch(&k->b, &place, 0);
}
static void fetch_of_a_local(struct kit *k) {
    const struct ir_affine place = at(L);
    ir_fetch(&k->b, &place, 0);
}
static void fetch_beyond(struct kit *k) {
    const struct ir_affine place = at(Y);
    ir_fetch(&k->b, &place, SIZE);
}
static void add(struct kit *k, int buffer, ir_ref a, ir_ref value) {
    const struct ir_affine place = at(buffer);
    ir_add_at(&k->b, &place, 0, a, value);
}
static void addition_to_an_output(struct kit *k) {
    add(k, Y, one_of(k, 0, 1), load(k, f32, X, 0));
}
static void addition_to_an_input(struct kit *k) {
    add(k, X, one_of(k, 0, 1), load(k, f32, X, 0));
}
static void addition_of_lanes(struct kit *k) {
    add(k, L, one_of(k, 0, 1), load(k, f32x4, X, 0));
}
static void addition_of_another_element(struct kit *k) {
    add(k, L, one_of(k, 0, 1), load(k, i32, N, 0));
}
static void addition_of_nothing(struct kit *k) {
    add(k, L, one_of(k, 0, 1), 0);
}
static void addition_at_a_real(struct kit *k) {
    add(k, L, load(k, f32, X, 0), load(k, f32, X, 0));
}
static void addition_at_lanes(struct kit *k) {
    add(k, L, load(k, (struct ir_type){IR_I32, 4}, N, 0), load(k, f32, X, 0));
}
static void addition_at_a_number_of_an_input(struct kit *k) {
    add(k, L, load(k, i32, N, 0), load(k, f32, X, 0));
}
static void addition_beyond(struct kit *k) {
    add(k, L, one_of(k, SIZE, 0), load(k, f32, X, 0));
}
static void addition_before(struct kit *k) {
    add(k, L, one_of(k, 0, -1), load(k, f32, X, 0));
}
static void splat_of_lanes(struct kit *k) {
    ir_splat(&k->b, 8, load(k, f32x4, X, 0));
}
static void splat_of_another_element(struct kit *k) {
    node(k, ir_splat(&k->b, 8, load(k, f32, X, 0)))->type.element = IR_F64;
}
static void lanes_without_numbers(struct kit *k) {
    node(k, ir_lanes(&k->b, f32x4, (const int64_t[]){1, 2, 3, 4}))->aux = 1;
}
static void one_of_lanes(struct kit *k) {
    node(k, ir_lanes(&k->b, f32x4, (const int64_t[]){1, 2, 3, 4}))->type.lanes = 1;
}
static const uint8_t four_lanes[] = {0, 1, 2, 3}, lane_eight[] = {0, 1, 2, 8};
static void shuffle_of_two_types(struct kit *k) {
    ir_shuffle(&k->b, load(k, f32x4, X, 0), load(k, f32, X, 0), 4, four_lanes);
}
static void shuffle_to_another_element(struct kit *k) {
    node(k, ir_shuffle(&k->b, load(k, f32x4, X, 0), load(k, f32x4, X, 4), 4, four_lanes))->type.element = IR_I32;
}
static void shuffle_of_no_lane(struct kit *k) {
    ir_shuffle(&k->b, load(k, f32x4, X, 0), load(k, f32x4, X, 4), 4, lane_eight);
}
static void shuffle_by_a_short_list(struct kit *k) {
    node(k, ir_shuffle(&k->b, load(k, f32x4, X, 0), load(k, f32x4, X, 4), 2, four_lanes))->type.lanes = 4;
}
static void reduce_to_lanes(struct kit *k) {
    node(k, ir_reduce(&k->b, IR_REDUCE_GT, load(k, f32x4, X, 0)))->type.lanes = 2;
}
static void reduce_to_another_element(struct kit *k) {
    node(k, ir_reduce(&k->b, IR_REDUCE_ADD, load(k, f32x4, X, 0)))->type.element = IR_F64;
}
static void reduce_of_mask(struct kit *k) {
    const ir_ref a = load(k, f32x4, X, 0);
    ir_reduce(&k->b, IR_REDUCE_LT, ir_op2(&k->b, IR_GT, a, a));
}
static void carried_in_a_block(struct kit *k) {
    const uint32_t i = ir_loop_begin(&k->b, "i", 2);
    const ir_ref sum = ir_loop_carry(&k->b, i, ir_real(&k->b, f32, 0));
    ir_loop_end(&k->b, i);
    append_to(k, sum);
}
static void result_in_a_block(struct kit *k) {
    const uint32_t i = ir_loop_begin(&k->b, "i", 2);
    ir_loop_carry(&k->b, i, ir_real(&k->b, f32, 0));
    ir_loop_end(&k->b, i);
    append_to(k, (ir_ref)k->f->node_count); /* a RESULT that belongs to no loop */
    PC_GROW(&k->arena, k->f->nodes, k->f->node_count, k->f->node_capacity);
    k->f->nodes[k->f->node_count++] = (struct ir_node){.op = IR_RESULT, .type = f32};
}
static void too_many_lanes(struct kit *k) {
    k->f->buffers[X].count = 64;
    load(k, (struct ir_type){IR_F32, 2 * LANES_MAX}, X, 0);
}
static void no_lanes(struct kit *k) {
    load(k, (struct ir_type){IR_F32, 0}, X, 0);
}
static void no_element(struct kit *k) {
    node(k, load(k, f32, X, 0))->type.element = IR_ELEMENT_COUNT;
}
static void used_too_early(struct kit *k) {
    const ir_ref a = load(k, f32, X, 0), sum = ir_op2(&k->b, IR_ADD, a, a);
    node(k, sum)->operand[1] = load(k, f32, X, 1);
}
static void operand_missing(struct kit *k) {
    node(k, ir_op2(&k->b, IR_ADD, load(k, f32, X, 0), load(k, f32, X, 1)))->operand[1] = 0;
}
static void operand_beyond_the_nodes(struct kit *k) {
    node(k, ir_op1(&k->b, IR_NEG, load(k, f32, X, 0)))->operand[0] = 4000;
}
static void constant_of_too_many_lanes(struct kit *k) {
    ir_reduce(&k->b, IR_REDUCE_ADD, ir_real(&k->b, (struct ir_type){IR_F32, 2 * LANES_MAX}, 1));
}
static void used_after_its_loop(struct kit *k) {
    const uint32_t i = ir_loop_begin(&k->b, "i", 2);
    const ir_ref inner = load(k, f32, X, 0);
    ir_loop_end(&k->b, i);
    ir_op1(&k->b, IR_NEG, inner);
}
static void parameter_used_after_its_loop(struct kit *k) {
    const uint32_t i = ir_loop_begin(&k->b, "i", 2);
    const ir_ref sum = ir_loop_carry(&k->b, i, ir_real(&k->b, f32, 0));
    ir_loop_end(&k->b, i);
    ir_op1(&k->b, IR_NEG, sum);
}
static void result_used_in_its_loop(struct kit *k) {
    const uint32_t i = ir_loop_begin(&k->b, "i", 2);
    ir_loop_carry(&k->b, i, ir_real(&k->b, f32, 0));
    ir_op1(&k->b, IR_NEG, ir_loop_result(&k->b, i, 0));
    ir_loop_end(&k->b, i);
}
static void inner_result_used_after_the_outer_loop(struct kit *k) {
    const uint32_t i = ir_loop_begin(&k->b, "i", 2);
    const uint32_t j = ir_loop_begin(&k->b, "j", 2);
    ir_loop_carry(&k->b, j, ir_real(&k->b, f32, 0));
    ir_loop_end(&k->b, j);
    ir_loop_end(&k->b, i);
    ir_op1(&k->b, IR_NEG, ir_loop_result(&k->b, j, 0));
}
static void constant_in_a_block(struct kit *k) {
    append_to(k, ir_real(&k->b, f32, 1));
}
static void affine_number(struct kit *k, struct ir_type type) {
    const uint32_t i = ir_loop_begin(&k->b, "i", 2);
    const struct ir_affine plain = moving(-1, i, 1);
    ir_affine(&k->b, type, &plain, 0);
    ir_loop_end(&k->b, i);
}
static void real_affine(struct kit *k) {
    affine_number(k, f32);
}
static void mask_affine(struct kit *k) {
    affine_number(k, (struct ir_type){IR_MASK, 1});
}
static void sum_of_two_types(struct kit *k) {
    ir_op2(&k->b, IR_ADD, load(k, f32, X, 0), load(k, i32, N, 0));
}
static void sum_of_another_type(struct kit *k) {
    node(k, ir_op1(&k->b, IR_NEG, load(k, f32, X, 0)))->type = f32x4;
}
static void sum_of_masks(struct kit *k) {
    const ir_ref a = load(k, f32, X, 0), mask = ir_op2(&k->b, IR_GT, a, a);
    ir_op2(&k->b, IR_ADD, mask, mask);
}
static void logic_on_numbers(struct kit *k) {
    ir_op1(&k->b, IR_NOT, load(k, i32, N, 0));
}
static void root_of_integers(struct kit *k) {
    ir_op1(&k->b, IR_SQRT, load(k, i32, N, 0));
}
static void comparison_of_two_types(struct kit *k) {
    ir_op2(&k->b, IR_LT, load(k, f32, X, 0), load(k, i32, N, 0));
}
static void comparison_to_a_number(struct kit *k) {
    node(k, ir_op2(&k->b, IR_EQ, load(k, i32, N, 0), load(k, i32, N, 1)))->type = i32;
}
static void comparison_of_masks(struct kit *k) {
    const ir_ref a = load(k, f32, X, 0), mask = ir_op2(&k->b, IR_GT, a, a);
    ir_op2(&k->b, IR_EQ, mask, mask);
}

/* ---- statements ---- */

static void no_loop(struct kit *k) {
    ir_loop_end(&k->b, ir_loop_begin(&k->b, "i", 2));
    last_node(k)->aux = 5;
}
static void loop_in_itself(struct kit *k) {
    const uint32_t i = ir_loop_begin(&k->b, "i", 2), j = ir_loop_begin(&k->b, "j", 2);
    last_node(k)->aux = i;
    ir_loop_end(&k->b, j);
    ir_loop_end(&k->b, i);
}
static void loop_in_one_of_its_name(struct kit *k) {
    const uint32_t outer = ir_loop_begin(&k->b, "i", 2), inner = ir_loop_begin(&k->b, "i", 3);
    ir_loop_end(&k->b, inner);
    ir_loop_end(&k->b, outer);
}
static void loop_that_never_runs(struct kit *k) {
    ir_loop_end(&k->b, ir_loop_begin(&k->b, "i", 0));
}
static struct ir_carried *carry(struct kit *k) {
    const uint32_t i = ir_loop_begin(&k->b, "i", 2);
    ir_loop_carry(&k->b, i, ir_real(&k->b, f32, 0));
    ir_loop_end(&k->b, i);
    return &k->f->loops[i].carried[0];
}
static void carried_from_nothing(struct kit *k) {
    carry(k)->initial = 0;
}
static void carried_from_later(struct kit *k) {
    struct ir_carried *carried = carry(k);
    carried->initial = load(k, f32, X, 0);
}
static void carried_parameter_of_another_type(struct kit *k) {
    node(k, carry(k)->param)->type = f64;
}
static void carried_result_of_another_type(struct kit *k) {
    node(k, carry(k)->result)->type = f32x4;
}
static void carried_to_nothing(struct kit *k) {
    carry(k)->next = 0;
}
static void carried_to_another_type(struct kit *k) {
    carry(k)->next = ir_integer(&k->b, i32, 3);
}
static void store_of_nothing(struct kit *k) {
    store(k, L, 0, ir_real(&k->b, f32, 1), 0);
    last_node(k)->operand[0] = 0;
}
static void store_of_another_type(struct kit *k) {
    store(k, L, 0, ir_real(&k->b, f32, 1), 0);
    last_node(k)->type = f32x4;
}
static void defined_twice(struct kit *k) {
    append_to(k, load(k, f32, X, 0));
}
static void stored_twice(struct kit *k) {
    store(k, Y, 3, ir_real(&k->b, f32, 1), 0);
}
static void lane_stored_twice(struct kit *k) { /* y[2 .. 5], of which the mask leaves y[3] */
    store(k, Y, 2, ir_real(&k->b, f32x4, 1), ir_mask(&k->b, 4, 2));
}
static void one_missing(struct kit *k) {
    for (int64_t i = 0; i < SIZE; i++)
        if (i != 7)
            store(k, Y, i, ir_real(&k->b, f32, 1), 0);
}
static void stored_in_each_iteration(struct kit *k) {
    const uint32_t i = ir_loop_begin(&k->b, "i", 4);
    const struct ir_affine plain = moving(X, i, 1), place = at(Y);
    const ir_ref value = ir_load(&k->b, f32, &plain, 0, 0);
    ir_store(&k->b, &place, 3, value, 0);
    ir_loop_end(&k->b, i);
}

struct rejected {
    void (*build)(struct kit *);
    const char *name, *message;
    int fill_from; /* outputs before it are the case's own */
};
#define REJECTED(build, message) {build, #build, message, 0}

static const struct rejected cases[] = {
    REJECTED(no_affine, "no such affine"),
    REJECTED(variable_outside, "an affine uses a loop variable outside its loop"),
    REJECTED(variable_of_no_loop, "an affine uses a loop variable outside its loop"),
    REJECTED(product_overflows, "an affine overflows"),
    REJECTED(sum_overflows, "an affine overflows"),
    REJECTED(sum_underflows, "an affine overflows"),
    REJECTED(load_without_buffer, "a load or store without a buffer"),
    REJECTED(store_beyond_the_buffers, "a load or store without a buffer"),
    REJECTED(load_of_another_element, "the element type is not the buffer's"),
    REJECTED(store_of_another_element, "the element type is not the buffer's"),
    REJECTED(mask_of_other_lanes, "a load or store mask is not a mask of as many lanes"),
    REJECTED(mask_that_is_a_number, "a load or store mask is not a mask of as many lanes"),
    REJECTED(mask_defined_later, "a load or store mask is not a mask of as many lanes"),
    REJECTED(load_behind_the_end, "an access outside its buffer"),
    REJECTED(load_before_the_begin, "an access outside its buffer"),
    REJECTED(last_lane_outside, "an access outside its buffer"),
    REJECTED(last_iteration_outside, "an access outside its buffer"),
    REJECTED(last_iteration_before_the_begin, "an access outside its buffer"),
    REJECTED(masked_lane_outside, "an access outside its buffer"),
    REJECTED(masked_lane_before_the_begin, "an access outside its buffer"),
    REJECTED(computed_mask_outside, "an access outside its buffer"),
    REJECTED(store_to_input, "a store to an input"),
    REJECTED(load_from_output, "a load from an output"),
    REJECTED(computed_mask_on_output, "a store to an output with a computed mask"),
    REJECTED(select_by_number, "select needs a mask of as many lanes"),
    REJECTED(select_by_other_lanes, "select needs a mask of as many lanes"),
    REJECTED(select_of_two_types, "select's values are not of its type"),
    REJECTED(convert_from_real, "convert is from integer to integer, or of one lane to real"),
    REJECTED(convert_to_reals, "convert is from integer to integer, or of one lane to real"),
    REJECTED(convert_to_mask, "convert is from integer to integer, or of one lane to real"),
    REJECTED(convert_from_mask, "convert is from integer to integer, or of one lane to real"),
    REJECTED(convert_to_other_lanes, "convert is from integer to integer, or of one lane to real"),
    REJECTED(lanes_without_numbers, "lanes are several numbers"),
    REJECTED(one_of_lanes, "lanes are several numbers"),
    REJECTED(splat_of_lanes, "splat needs one lane of its element"),
    REJECTED(splat_of_another_element, "splat needs one lane of its element"),
    REJECTED(shuffle_of_two_types, "shuffle needs two values of one type"),
    REJECTED(shuffle_to_another_element, "shuffle needs two values of one type"),
    REJECTED(shuffle_of_no_lane, "a shuffled lane does not exist"),
    REJECTED(shuffle_by_a_short_list, "shuffle's list is not as long as it has lanes"),
    REJECTED(reduce_to_lanes, "reduce gives one lane of its operand's element"),
    REJECTED(reduce_to_another_element, "reduce gives one lane of its operand's element"),
    REJECTED(reduce_of_mask, "reduce gives one lane of its operand's element"),
    REJECTED(carried_in_a_block, "a carried value stands in a block"),
    REJECTED(result_in_a_block, "a carried value stands in a block"),
    REJECTED(too_many_lanes, "lanes or element that the target does not have"),
    REJECTED(no_lanes, "lanes or element that the target does not have"),
    REJECTED(no_element, "lanes or element that the target does not have"),
    REJECTED(used_too_early, "an operand is used before its definition"),
    REJECTED(operand_missing, "an operand is used before its definition"),
    REJECTED(operand_beyond_the_nodes, "an operand is used before its definition"),
    REJECTED(constant_of_too_many_lanes, "an operand is used before its definition"),
    REJECTED(used_after_its_loop, "an operand is used before its definition"),
    REJECTED(parameter_used_after_its_loop, "an operand is used before its definition"),
    REJECTED(result_used_in_its_loop, "an operand is used before its definition"),
    REJECTED(inner_result_used_after_the_outer_loop, "an operand is used before its definition"),
    REJECTED(constant_in_a_block, "a constant stands in a block"),
    REJECTED(real_affine, "an affine is an integer"),
    REJECTED(mask_affine, "an affine is an integer"),
    REJECTED(sum_of_two_types, "an operand is not of the operation's type"),
    REJECTED(sum_of_another_type, "an operand is not of the operation's type"),
    REJECTED(sum_of_masks, "arithmetic on masks, or logic on numbers"),
    REJECTED(lookup_of_a_real, "lookup is from an integer to an integer"),
    REJECTED(lookup_of_lanes, "lookup is from an integer to an integer"),
    REJECTED(lookup_to_a_real, "lookup is from an integer to an integer"),
    REJECTED(lookup_in_no_list, "lookup is from an integer to an integer"),
    REJECTED(load_at_of_a_local, "a load at a place of something else than an input"),
    REJECTED(load_at_a_real, "a load at no integer"),
    REJECTED(load_at_lanes, "a load at no integer"),
    REJECTED(load_at_a_number_of_an_input, "a place of which nobody knows where it may be"),
    REJECTED(load_at_a_sum_with_one, "a place of which nobody knows where it may be"),
    REJECTED(load_at_a_sum_that_wraps, "a place of which nobody knows where it may be"),
    REJECTED(load_at_a_number_that_wraps, "a place of which nobody knows where it may be"),
    REJECTED(load_at_beyond, "an access outside its buffer"),
    REJECTED(load_at_before, "an access outside its buffer"),
    REJECTED(load_at_beyond_together, "an access outside its buffer"),
    REJECTED(load_at_beyond_at_last, "an access outside its buffer"),
    REJECTED(load_at_beyond_by_lanes, "an access outside its buffer"),
    REJECTED(fetch_of_an_input, "a fetch of something else than an output"),
    REJECTED(fetch_of_a_local, "a fetch of something else than an output"),
    REJECTED(fetch_beyond, "an access outside its buffer"),
    REJECTED(addition_to_an_output, "an addition to something else than a real element of a local array"),
    REJECTED(addition_to_an_input, "an addition to something else than a real element of a local array"),
    REJECTED(addition_of_lanes, "an addition to something else than a real element of a local array"),
    REJECTED(addition_of_another_element, "the element type is not the buffer's"),
    REJECTED(addition_of_nothing, "an addition of something undefined or of another type"),
    REJECTED(addition_at_a_real, "an addition at something that is no integer"),
    REJECTED(addition_at_lanes, "an addition at something that is no integer"),
    REJECTED(addition_at_a_number_of_an_input, "a place of which nobody knows where it may be"),
    REJECTED(addition_beyond, "an access outside its buffer"),
    REJECTED(addition_before, "an access outside its buffer"),
    REJECTED(logic_on_numbers, "arithmetic on masks, or logic on numbers"),
    REJECTED(root_of_integers, "an operation of real numbers on integers"),
    REJECTED(comparison_of_two_types, "a comparison of two types, or one that is no mask"),
    REJECTED(comparison_to_a_number, "a comparison of two types, or one that is no mask"),
    REJECTED(comparison_of_masks, "a comparison of two types, or one that is no mask"),
    REJECTED(no_loop, "no such loop, or one inside itself"),
    REJECTED(loop_in_itself, "no such loop, or one inside itself"),
    REJECTED(loop_that_never_runs, "a loop that never runs"),
    REJECTED(loop_in_one_of_its_name, "a loop inside another of the same name"),
    REJECTED(carried_from_nothing, "a carried value starts with something undefined"),
    REJECTED(carried_from_later, "a carried value starts with something undefined"),
    REJECTED(carried_parameter_of_another_type, "a carried value changes its type"),
    REJECTED(carried_result_of_another_type, "a carried value changes its type"),
    REJECTED(carried_to_nothing, "a carried value ends an iteration undefined or with another type"),
    REJECTED(carried_to_another_type, "a carried value ends an iteration undefined or with another type"),
    REJECTED(store_of_nothing, "a store of something undefined or of another type"),
    REJECTED(store_of_another_type, "a store of something undefined or of another type"),
    REJECTED(defined_twice, "a value is defined twice"),
    REJECTED(stored_twice, "an output element is stored twice"),
    REJECTED(lane_stored_twice, "an output element is stored twice"),
    REJECTED(stored_in_each_iteration, "an output element is stored twice"),
    {one_missing, "one_missing", "an output element is never stored", SIZE},
};

/* All messages but those that cannot be reached: the table must not lose one when cases are added or removed. */
enum { REACHABLE = 46 };

Test(ir_verify, rejects_what_is_broken) {
    size_t messages = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct rejected *c = &cases[i];
        struct kit k;
        open_kit(&k);
        c->build(&k);
        fill(&k, c->fill_from);
        const char *problem = ir_verify(k.f, LANES_MAX);
        cr_assert_not_null(problem, "%s: accepted", c->name);
        cr_assert_eq(strncmp(problem, "f: v", 4), 0, "%s: %s", c->name, problem);
        cr_assert_str_eq(strchr(problem + 3, ':') + 2, c->message, "%s: %s", c->name, problem);
        close_kit(&k);
        size_t before = 0;
        while (strcmp(cases[before].message, c->message) != 0)
            before++;
        messages += before == i;
    }
    cr_assert_eq(messages, REACHABLE);
}

/* The message names the node, and the node is the one that is wrong. */
Test(ir_verify, names_the_node) {
    struct kit k;
    char expected[64];
    open_kit(&k);
    load(&k, f32, X, 3);
    const ir_ref wrong = load(&k, f32, X, SIZE);
    fill(&k, 0);
    snprintf(expected, sizeof expected, "f: v%u: an access outside its buffer", (unsigned)wrong);
    cr_assert_str_eq(ir_verify(k.f, LANES_MAX), expected);
    close_kit(&k);
}
