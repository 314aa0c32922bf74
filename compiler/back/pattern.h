/* pattern.h - constant lists of lanes, and the patterns in them for which a processor has an instruction: what templates of
 * templates/simd/ name behind "shuffle:". */
#ifndef PC_PATTERN_H
#define PC_PATTERN_H

#include "ir/ir.h"

/* Lane i of the result is lane at[i] of operands a and b, which have `from` lanes each: a's, then b's. */
struct pc_lane_list {
    int from, count;
    uint8_t at[IR_LANES_MAX];
};

/* Whether the list has the pattern of this name; there must be one. */
bool pc_pattern_holds(const char *name, size_t length, const struct pc_lane_list *list);

#endif
