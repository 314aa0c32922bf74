/* lower_block.h - what a kernel has in registers side by side: vectors of neighbouring channels of a pixel, or,
 * channels-first, the same element of several planes. Internal to lower*.c. */
#ifndef PC_LOWER_BLOCK_H
#define PC_LOWER_BLOCK_H

#include "middle/lane_plan.h"
#include "middle/lower_fold.h"

/* Vectors of a block, at most. */
enum { BLOCK_MAX = PC_LANE_RESULTS_MAX };

struct block {
    struct nest *nest;
    int64_t vectors;
    uint64_t tail;      /* lanes of the last of them; 0: all */
    struct steps apart; /* from vector to vector */
};

/* As nest_each_block() gives them: so many channels, or planes. */
struct block block_of(struct nest *nest, int64_t count);

/* The lanes of vector v; 0: all. */
ir_ref block_mask(const struct block *block, int64_t v);

/* Vector v of a buffer, `offset` elements behind the place; on the side of x, or of y. */
ir_ref block_load_wide(const struct block *block, int buffer, int64_t offset, int64_t v);
ir_ref block_load_narrow(const struct block *block, int buffer, int64_t v);

/* The same, converted to the buffer's element. */
void block_store_wide(const struct block *block, int buffer, int64_t v, ir_ref value);
void block_store_narrow(const struct block *block, int buffer, int64_t v, ir_ref value);

/* Stores y and what else the kernel gives of a window that is complete. */
void block_finish(const struct block *block, int64_t v, const struct fold *all, ir_ref y);

#endif
