/* plan_schemes.c - see plan_schemes.h. */
#include "middle/plan_schemes.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

/* Combinations that `tile` neighbouring windows of `taps` taps, `step` tap positions apart, need along one axis. Windows
 * are at most a few dozen taps here, so the counting below may be plain. */
static int64_t direct_combinations(int64_t taps, int64_t tile) {
    return tile * (taps - 1);
}

static int64_t block_split(int64_t at, int64_t taps) {
    return pc_scheme_split(PC_SCHEME_BLOCKS, at, taps);
}

/* The blocks inside one window are its own unless the window before it holds them too. */
static int64_t block_combinations(int64_t at, int64_t taps, int64_t shared_end, bool first) {
    if (taps < 2 || (!first && at + taps <= shared_end))
        return 0;
    const int64_t left = block_split(at, taps);
    return 1 + block_combinations(at, left, shared_end, first) +
           block_combinations(at + left, taps - left, shared_end, first);
}

/* How the taps of windows that follow each other, `tile` of them, take the fewest combinations, *least. */
static enum pc_scheme best_scheme(const struct pc_axis *axis, int64_t tile, bool idempotent, int64_t *least) {
    enum pc_scheme scheme = PC_SCHEME_DIRECT;
    const int64_t direct = *least = direct_combinations(axis->kernel, tile);
    if (tile == 1 || axis->stride != axis->dilation) /* nothing is shared; a tree is shallow and rounds less */
        return axis->kernel >= 8 ? PC_SCHEME_BLOCKS : PC_SCHEME_DIRECT;
    int64_t blocks = block_combinations(0, axis->kernel, 0, true);
    for (int64_t j = 1; j < tile && blocks < direct; j++)
        blocks += block_combinations(j, axis->kernel, j - 1 + axis->kernel, false);
    if (blocks < *least) {
        *least = blocks;
        scheme = PC_SCHEME_BLOCKS;
    }
    const int64_t rounds = (int64_t)ceil(log2((double)axis->kernel)), doubling = rounds * (tile + axis->kernel);
    if (idempotent && doubling < *least) {
        *least = doubling;
        scheme = PC_SCHEME_DOUBLING;
    }
    return scheme;
}

void pc_plan_choose_schemes(struct pc_plan *plan, struct pc_arena *arena) {
    static const char *const words[] = {
        [PC_SCHEME_DIRECT] = "", [PC_SCHEME_BLOCKS] = "dyadic blocks", [PC_SCHEME_DOUBLING] = "overlapping halves"};
    const bool idempotent = pc_mode_of(plan->layer->desc.mode)->idempotent;
    if (plan->lanes || plan->kind == PC_KERNEL_BACKWARD || pc_plan_tracks(plan))
        return;
    for (int a = 0; a < POOL_MAX_RANK; a++) {
        const struct pc_axis *facts = &plan->layer->axis[a];
        struct pc_plan_axis *axis = &plan->axis[a];
        const int64_t tile = plan->form == PC_FORM_STRAIGHT ? facts->out : axis->tile;
        int64_t least;
        if (axis->roll || facts->kernel < 2 || facts->adaptive)
            continue;
        axis->scheme = best_scheme(facts, tile, idempotent, &least);
        if (axis->scheme != PC_SCHEME_DIRECT)
            pc_plan_explain(plan, pc_arena_printf(arena,
                                          "taps along %c in %s: %" PRId64 " combinations for %" PRId64
                                          " output%s, one after the other %" PRId64,
                                          pc_axis_names[a], words[axis->scheme], least, tile, tile == 1 ? "" : "s",
                                          direct_combinations(facts->kernel, tile)));
    }
}

int64_t pc_scheme_split(enum pc_scheme scheme, int64_t at, int64_t taps) {
    const int64_t last = at + taps - 2; /* boundaries lie after positions at .. last */
    int64_t power = 1;
    switch (scheme) {
    case PC_SCHEME_DIRECT:
        return taps - 1;
    case PC_SCHEME_BLOCKS:
        /* The boundary whose distance from position 1 is divisible by the highest power of two: windows that start at even
         * and at odd positions then agree on the blocks between. */
        while (2 * power <= last + 2 && last - last % (2 * power) >= at)
            power *= 2;
        return last - last % power + 1 - at;
    case PC_SCHEME_DOUBLING:
        while (power * 2 < taps)
            power *= 2;
        return power;
    }
    abort();
}
