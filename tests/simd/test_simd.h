/* test_simd.h - what test_simd.c and cases.c share. */
#ifndef TEST_SIMD_H
#define TEST_SIMD_H

#include "batch.h"

/* Adds functions that together have every operation on every type of more than one lane that the batch's target has. */
void batch_cases(struct batch *batch);

#endif
