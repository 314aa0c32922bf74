/* ir_parts.h - how a function is shared out among parts that run at the same time.
 *
 * A part is what one of the caller's threads does: part number `part` of `parts` runs the function with a share of the
 * iterations of its outer loops.  All parts together store what one run stores, each element once, whatever their order;
 * each has local arrays of its own.  Both back ends ask here, so C and LLVM cut the same kernel at the same places. */
#ifndef PC_IR_PARTS_H
#define PC_IR_PARTS_H

#include "ir/ir.h"

/* Who runs an item of a block. Of loops that are split or opened, and of items inside of items, nothing is said: they go
 * with their loop. */
enum ir_share {
    IR_EVERY, /* every part: values, and what fills local arrays */
    IR_FIRST, /* part 0 */
    IR_SPLIT, /* a loop: every part its share of the iterations */
    IR_OPEN   /* a loop of a few iterations, which all parts run; its body is shared out as the function's is */
};

struct ir_parts {
    bool is_split;        /* false: part 0 runs everything, `share` says nothing, and there are no trips */
    const uint8_t *share; /* per node: enum ir_share */
    const int64_t *trips; /* of the split loops, each number once */
    size_t trip_count;
};

/* The function must be verified; the answer is in the arena. note [parts of a run] in ir_parts.c says what is split. */
struct ir_parts ir_parts_of(const struct ir_function *function, struct pc_arena *arena);

/* The items `begin` .. result - 1 of a block that is shared out: either one item of IR_SPLIT or IR_OPEN, or a stretch of
 * items of the other two. In a stretch no item of IR_EVERY uses one of IR_FIRST, so those may follow together behind the
 * others. */
size_t ir_parts_stretch(const struct ir_function *function, const struct ir_parts *parts, const struct ir_block *block,
                        size_t begin);

/* The first iteration of part number `part` of a loop: 0 for part 0, trip for part number `parts`. Shares differ by one
 * iteration at most, and the larger ones are the last. Needs 0 <= part <= parts, 1 <= parts; cannot overflow. */
static inline int64_t ir_parts_begin(int64_t trip, uint64_t part, uint64_t parts) {
    const uint64_t share = (uint64_t)trip / parts, small = parts - (uint64_t)trip % parts; /* parts without one more */
    return (int64_t)(part * share + (part > small ? part - small : 0));
}

#endif
