/* test_llvm_random.c - random functions of the kernel IR, by the interpreter and by LLVM.  A failure names the seed and
 * prints the function. */
#include "ir_jit.h"
#include "ir_random.h"

#include <stdio.h>

enum { FUNCTIONS = 600, NODES_MIN = 30000 /* of all together */ };

static bool seen[IR_OP_COUNT];

static void check(struct pc_jit *jit, const struct maker *m, uint64_t seed) {
    static struct inputs inputs;
    char who[40];
    make_inputs(m, seed, &inputs);
    snprintf(who, sizeof who, "seed %llu", (unsigned long long)seed);
    run_both(jit, &m->k, (const void *const[BUFFERS]){inputs.x, inputs.d, inputs.n}, who);
}

Test(llvm, random_functions) {
    static struct maker m;
    struct pc_arena arena = {0};
    struct pc_diags diags;
    size_t nodes = 0;
    int pieces = 0;
    pc_diags_init(&diags, &arena);
    struct pc_jit *jit = pc_jit_open(&diags);
    cr_assert_not_null(jit);
    const struct silence silence = silence_begin();
    const char *word = getenv("POOLC_TEST_SEED"); /* first seed; for runs longer than that of every day */
    const uint64_t first = word ? strtoull(word, NULL, 0) : 1;
    for (uint64_t seed = first; seed < first + FUNCTIONS; seed++) {
        make(&m, seed, NULL);
        nodes += m.k.f->node_count;
        pieces += ir_is_in_pieces(m.k.f);
        for (size_t i = 1; i < m.k.f->node_count; i++)
            seen[m.k.f->nodes[i].op] = true;
        check(jit, &m, seed);
        close_kit(&m.k);
    }
    pc_jit_close(jit);
    silence_end(silence);
    cr_assert_geq(nodes, NODES_MIN);
    cr_assert_gt(pieces, 0);
    for (int op = 1; op < IR_OP_COUNT; op++)
        cr_assert(seen[op], "no function of this test has %s", ir_ops[op].name);
    pc_arena_release(&arena);
}
