/* batch_random.c - random layers for a batch, and the budgets that make them take every form of kernel. */
#include "batch.h"

#include <stdio.h>

/* Budgets so small that little layers take every form. Nodes of a straight line: none, a few, as many as compile
 * quickly; of whole windows and of loops: the default, or hardly any; of a line that is not cut: the default, or few;
 * bytes from which on cache lines are fetched: the default, or one.  Every other batch has its vectors by one plan, also
 * where it is not the best. */
static struct pc_plan_options options_of(long batch) {
    static const int64_t unroll[] = {1, 250, 1, 1000, 60, 1, 4000}, loop[] = {0, 100, 0, 30, 400}, whole[] = {0, 1, 100000};
    return (struct pc_plan_options){
        .unroll_budget = unroll[batch % 7],
        .loop_budget = loop[batch % 5],
        .whole_budget = whole[batch % 3],
        .line_budget = batch % 4 < 2 ? 0 : 40,
        .fetch_bytes = batch % 3 ? 1 : 0,
        .forced = batch % 2 == 1,
        .choice = (enum pc_plan_choice)(batch / 2 % PC_PLAN_COUNT),
    };
}

/* Layers that fall short among the random ones: long windows, whose taps and phases are loops even when unrolling is
 * allowed; and windows that slide by one position, which share most of their taps. */
static void special(struct pool_random *random, struct pool_desc *desc) {
    const bool slides = pool_random_chance(random, 1, 2);
    const int rank = slides ? 1 : (int)pool_random_between(random, 1, 2);
    *desc = (struct pool_desc){.mode = (enum pool_mode)pool_random_below(random, POOL_LP + 1),
                               .rank = rank,
                               .batch = 1,
                               .channels = pool_random_between(random, 1, 2),
                               .dtype = pool_random_chance(random, 1, 2) ? POOL_F64 : POOL_F32,
                               .layout = pool_random_chance(random, 1, 2) ? POOL_CHANNELS_LAST : POOL_CHANNELS_FIRST};
    if (desc->mode == POOL_LP)
        desc->p = pool_random_chance(random, 1, 2) ? 2 : 3;
    if (desc->mode == POOL_AVG)
        desc->divisor = (enum pool_divisor)pool_random_below(random, POOL_DIVISOR_WINDOW + 1);
    if (desc->mode == POOL_MAX || desc->mode == POOL_MIN) {
        desc->nan = pool_random_chance(random, 1, 2) ? POOL_NAN_IGNORE : POOL_NAN_PROPAGATE;
        desc->indices = pool_random_chance(random, 1, 2)
                            ? POOL_INDICES_NONE
                            : (enum pool_indices)pool_random_below(random, POOL_INDICES_TENSOR + 1);
    }
    for (int a = 0; a < rank; a++) {
        desc->kernel[a] = slides      ? pool_random_between(random, 3, 20)
                          : rank == 1 ? pool_random_between(random, 1500, 6000)
                                      : pool_random_between(random, 24, 80);
        desc->stride[a] = slides ? 1 : pool_random_between(random, 1, desc->kernel[a]);
        desc->dilation[a] = slides || pool_random_chance(random, 7, 8) ? 1 : 2;
        desc->in[a] = (desc->kernel[a] - 1) * desc->dilation[a] + 1 +
                      (slides ? pool_random_between(random, 5, 50) : pool_random_between(random, 0, 2 * desc->stride[a]));
        desc->pad_begin[a] = desc->pad_end[a] = pool_random_chance(random, 1, 4) ? pool_random_between(random, 1, 2) : 0;
        desc->ceil_mode = pool_random_chance(random, 1, 2);
    }
}

/* Rows of more than one vector, planes of some, or that many channels: what a target's lanes are for, with something left
 * over nearly always. */
static void wide(struct pool_random *random, struct pool_desc *desc) {
    const bool last = pool_random_chance(random, 1, 2);
    *desc = (struct pool_desc){.mode = (enum pool_mode)pool_random_below(random, POOL_LP + 1),
                               .rank = (int)pool_random_between(random, 1, POOL_MAX_RANK),
                               .batch = pool_random_between(random, 1, 2),
                               .channels = pool_random_between(random, 1, last ? 70 : 5),
                               .dtype = pool_random_chance(random, 1, 4) ? POOL_F64 : POOL_F32,
                               .layout = last ? POOL_CHANNELS_LAST : POOL_CHANNELS_FIRST};
    if (desc->mode == POOL_LP)
        desc->p = 2;
    if (desc->mode == POOL_AVG)
        desc->divisor = (enum pool_divisor)pool_random_below(random, POOL_DIVISOR_WINDOW + 1);
    if (desc->mode == POOL_MAX || desc->mode == POOL_MIN) {
        desc->nan = pool_random_chance(random, 1, 3) ? POOL_NAN_IGNORE : POOL_NAN_PROPAGATE;
        if (pool_random_chance(random, 1, 4))
            desc->indices = (enum pool_indices)pool_random_below(random, POOL_INDICES_TENSOR + 1);
    }
    const bool global = pool_random_chance(random, 1, 8), padded = pool_random_chance(random, 1, 2);
    const bool slices = desc->rank == POOL_MAX_RANK && pool_random_chance(random, 1, 4); /* windows are whole ones */
    for (int a = 0; a < desc->rank; a++) {
        const int64_t longest = desc->rank == 1 ? 200 : desc->rank == 3 ? 10 : last ? 12 : 40;
        const bool whole = global || (slices && a > 0);
        desc->in[a] = pool_random_between(random, slices && a == 0 ? 1 : 5, longest);
        desc->kernel[a] = whole ? desc->in[a] : pool_random_between(random, 1, pool_random_chance(random, 3, 4) ? 3 : 6);
        desc->stride[a] = pool_random_between(random, 1, 4);
        desc->dilation[a] = 1;
        desc->pad_begin[a] = padded && !whole ? pool_random_between(random, 0, desc->kernel[a] / 2) : 0;
        desc->pad_end[a] = padded && !whole ? pool_random_between(random, 0, desc->kernel[a] / 2) : 0;
    }
    desc->ceil_mode = pool_random_chance(random, 1, 4);
}

static void random_desc(struct pool_random *random, struct pool_desc *desc) {
    struct pool_shape shape;
    do {
        if (pool_random_chance(random, 1, 15))
            special(random, desc);
        else if (pool_random_chance(random, 1, 5))
            wide(random, desc);
        else
            pool_random_desc(random, desc);
    } while (pool_reference_shape(desc, &shape) != POOL_OK);
}

struct batch *batch_random(uint64_t seed, long number, size_t count, enum pc_target target) {
    static const enum pc_unroll unrolls[] = {PC_UNROLL_AUTO, PC_UNROLL_AUTO, PC_UNROLL_WINDOW, PC_UNROLL_FULL};
    struct batch *batch = batch_new();
    char stream[32];
    snprintf(stream, sizeof stream, "batch %ld", number);
    struct pool_random random = pool_random_start(seed, stream);
    batch->plan = options_of(number);
    batch->target = target;
    pc_target_plan(target, &batch->plan);
    batch->nodes_max = number % 7 == 6 ? 5000 : 1200; /* most kernels short, so that many can be compiled */
    batch->variant = (int)(number % VARIANTS);
    batch->seed = seed + (uint64_t)number;
    while (batch->count < count) {
        struct pool_desc desc;
        random_desc(&random, &desc);
        batch_add(batch, &desc, unrolls[pool_random_below(&random, sizeof unrolls / sizeof *unrolls)]);
    }
    return batch;
}
