/* test_parts.c - which loops are split among parts, and which must not be: small functions; all that the planner makes
 * is in tests/exec. */
#include "ir_kit.h"

#include "ir/ir_parts.h"
#include "pool/random.h"

enum { N = 12 };
static const struct ir_type f32 = {IR_F32, 1};
enum { X, Y, L }; /* the buffers */

/* x and y of N x N, a local array of as many. */
static void open_three(struct kit *k) {
    open_kit(k);
    ir_buffer_add(k->f, "x", IR_F32, N * N, IR_INPUT);
    ir_buffer_add(k->f, "y", IR_F32, N * N, IR_OUTPUT);
    ir_buffer_add(k->f, "l", IR_F32, N * N, IR_LOCAL);
}

static ir_ref load_at(struct kit *k, int buffer, uint32_t loop, int64_t stride, int64_t constant) {
    const struct ir_affine place = moving(buffer, loop, stride);
    return ir_load(&k->b, f32, &place, constant, 0);
}

static void store_at(struct kit *k, int buffer, uint32_t loop, int64_t stride, int64_t constant, ir_ref value) {
    const struct ir_affine place = moving(buffer, loop, stride);
    ir_store(&k->b, &place, constant, value, 0);
}

/* The shares of the statements of a block, a letter for each: every, first, split, open; "" where nothing is split. */
static const char *shares_of(const struct kit *k, const struct ir_block *block, const struct ir_parts *parts) {
    static char text[32];
    size_t length = 0;
    for (size_t i = 0; parts->is_split && i < block->count && length < sizeof text - 1; i++) {
        const struct ir_node *n = ir_at(k->f, block->items[i]);
        if (n->op == IR_FOR || n->op == IR_STORE)
            text[length++] = "efso"[parts->share[block->items[i]]];
    }
    text[length] = '\0';
    return text;
}

static void expect(struct kit *k, const char *shares) {
    const struct ir_parts parts = ir_parts_of(k->f, &k->arena);
    const char *actual = shares_of(k, &k->f->body, &parts);
    cr_assert_str_eq(actual, shares, "shares are '%s' instead of '%s'", actual, shares);
    close_kit(k);
}

/* for i: y[i] = x[i] */
static void copy_rows(struct kit *k, int from, int to, int64_t trip, int64_t begin) {
    const uint32_t i = ir_loop_begin(&k->b, "i", trip);
    store_at(k, to, i, 1, begin, load_at(k, from, i, 1, begin));
    ir_loop_end(&k->b, i);
}

Test(parts, loops_are_split_and_lines_are_not) {
    struct kit k;
    open_three(&k);
    store(&k, Y, 100, load(&k, f32, X, 7));
    copy_rows(&k, X, Y, N, 0);
    store(&k, Y, 101, load(&k, f32, X, 8));
    expect(&k, "fsf");
    open_three(&k);
    store(&k, Y, 0, load(&k, f32, X, 0));
    expect(&k, "");
}

Test(parts, carried_values_are_not_split) {
    struct kit k;
    open_three(&k);
    const uint32_t i = ir_loop_begin(&k.b, "i", N);
    const ir_ref sum = ir_loop_carry(&k.b, i, ir_real(&k.b, f32, 0));
    const ir_ref next = ir_op2(&k.b, IR_ADD, sum, load_at(&k, X, i, 1, 0));
    store_at(&k, Y, i, 1, 0, next);
    ir_loop_next(&k.b, i, 0, next);
    ir_loop_end(&k.b, i);
    expect(&k, "");
}

Test(parts, what_fills_local_arrays_is_for_every_part) {
    struct kit k;
    open_three(&k);
    copy_rows(&k, X, L, N, 0);
    copy_rows(&k, L, Y, N, 0);
    expect(&k, "es");
}

/* for i: l[] = x[i]; y[i] = l[]: each iteration has what it needs. `late`: it reads first, what the one before left. */
static void private_array(struct kit *k, bool late) {
    const uint32_t i = ir_loop_begin(&k->b, "i", N);
    const ir_ref early = late ? load(k, f32, L, 3) : 0;
    store(k, L, 3, load_at(k, X, i, 1, 0));
    store_at(k, Y, i, 1, 0, late ? early : load(k, f32, L, 3));
    ir_loop_end(&k->b, i);
}

Test(parts, iterations_that_need_others_are_not_split) {
    struct kit k;
    open_three(&k);
    private_array(&k, false);
    expect(&k, "s");
    open_three(&k);
    private_array(&k, true);
    expect(&k, "");
}

/* A row is kept for the next iteration: l[i + 1] = x[i], y[i] = l[i]. */
Test(parts, a_ring_is_not_split) {
    struct kit k;
    open_three(&k);
    const uint32_t i = ir_loop_begin(&k.b, "i", N);
    store_at(&k, L, i, 1, 1, load_at(&k, X, i, 1, 0));
    store_at(&k, Y, i, 1, 0, load_at(&k, L, i, 1, 0));
    ir_loop_end(&k.b, i);
    expect(&k, "");
}

/* What a split loop leaves in a local array is not there in every part; what is stored again is. */
Test(parts, nothing_reads_what_a_split_loop_left) {
    for (int again = 0; again < 2; again++) {
        struct kit k;
        open_three(&k);
        private_array(&k, false);
        if (again)
            store(&k, L, 3, load(&k, f32, X, 50));
        store(&k, Y, 100, load(&k, f32, L, 3));
        expect(&k, again ? "sef" : "");
    }
}

Test(parts, short_loops_are_opened) {
    for (int64_t outer = 2; outer <= 4; outer++) {
        struct kit k;
        open_three(&k);
        const uint32_t n = ir_loop_begin(&k.b, "n", outer), i = ir_loop_begin(&k.b, "i", 8);
        const struct ir_affine from = {.buffer = X, .count = 2, .term = {{n, 8}, {i, 1}}};
        const struct ir_affine to = {.buffer = Y, .count = 2, .term = {{n, 8}, {i, 1}}};
        ir_store(&k.b, &to, 0, ir_load(&k.b, f32, &from, 0, 0), 0);
        ir_loop_end(&k.b, i);
        ir_loop_end(&k.b, n);
        const struct ir_parts parts = ir_parts_of(k.f, &k.arena);
        cr_assert(parts.is_split && parts.trip_count == 1);
        cr_assert_eq(parts.trips[0], outer > 3 ? outer : 8);
        expect(&k, outer > 3 ? "s" : "o");
    }
}

/* A value of the body that a split loop uses is for every part, one that only part 0 uses is not. */
Test(parts, values_go_with_their_users) {
    struct kit k;
    open_three(&k);
    const ir_ref common = load(&k, f32, X, 60), own = load(&k, f32, X, 61);
    store(&k, Y, 100, ir_op2(&k.b, IR_ADD, common, own));
    const uint32_t i = ir_loop_begin(&k.b, "i", N);
    store_at(&k, Y, i, 1, 0, common);
    ir_loop_end(&k.b, i);
    const struct ir_parts parts = ir_parts_of(k.f, &k.arena);
    cr_assert(parts.is_split && parts.share[common] == IR_EVERY && parts.share[own] == IR_FIRST);
    cr_assert_eq(ir_parts_stretch(k.f, &parts, &k.f->body, 0), k.f->body.count - 1);
    expect(&k, "fs");
}

Test(parts, shares_are_all_iterations_once) {
    struct pool_random random = pool_random_start(1, "parts");
    for (int i = 0; i < 2000; i++) {
        const int64_t trip = pool_random_between(&random, 1, i % 2 ? 20 : INT64_C(1) << 62);
        const uint64_t parts = (uint64_t)pool_random_between(&random, 1, 20);
        cr_assert(ir_parts_begin(trip, 0, parts) == 0 && ir_parts_begin(trip, parts, parts) == trip);
        for (uint64_t part = 0; part < parts; part++) {
            const int64_t share = ir_parts_begin(trip, part + 1, parts) - ir_parts_begin(trip, part, parts);
            cr_assert(share == trip / (int64_t)parts || share == trip / (int64_t)parts + 1);
        }
    }
    cr_assert_eq(ir_parts_begin(5, UINT64_MAX - 4, UINT64_MAX), 1);
    cr_assert_eq(ir_parts_begin(INT64_MAX, UINT64_MAX, UINT64_MAX), INT64_MAX);
}
