/* batch.h - functions of the kernel IR with inputs, as one C file for a target and one file of data: inputs, and what the
 * interpreter stores. */
#ifndef BATCH_H
#define BATCH_H

#include "ir_kit.h"

#include "back/target.h"

#include <stdio.h>

struct batch {
    enum pc_target target;
    struct pc_arena arena;
    struct pc_simd *simd;
    struct pc_text code, table, dump; /* dump: the IR of all, for messages */
    FILE *data;
    int count;
    size_t nodes;
    bool seen[IR_OP_COUNT];
};

/* data: opened for writing, and the caller's. */
void batch_begin(struct batch *batch, enum pc_target target, FILE *data);

/* Adds the function, which is verified for the target's lanes and simplified, under the name and a number; contents[i] are
 * the elements of input number i. */
void batch_add(struct batch *batch, struct kit *kit, const char *name, const void *const *contents);

/* Functions from here on may draw warnings that say how odd they are: a loop value that nobody reads, x != x of integers. */
void batch_relax(struct batch *batch);

/* The whole C file. */
void batch_write(struct batch *batch, FILE *file);
void batch_end(struct batch *batch);

#endif
