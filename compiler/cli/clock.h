/* clock.h - what the commands that measure inside this process share. */
#ifndef PC_CLOCK_H
#define PC_CLOCK_H

#include <stdint.h>

/* Milliseconds since some moment; never set back. */
double pc_clock(void);

/* The median of `count` >= 1 numbers, which are sorted. */
double pc_median(double *values, int64_t count);

#endif
