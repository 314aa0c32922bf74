/* target.h - the rows of targets.def: what a generated file may use. Data for the planner (lanes, masks, permutes) and for
 * the printer (header, flags, guard). */
#ifndef PC_TARGET_H
#define PC_TARGET_H

#include "middle/ir.h"

enum pc_target {
#define TARGET_ROW(id, ...) PC_TARGET_##id,
#include "targets.def"
#undef TARGET_ROW
    PC_TARGET_COUNT
};

struct pc_target_row {
    const char *name;
    bool offered;        /* by the command line */
    int bytes;           /* of a vector register; 0: no vectors */
    int most, half;      /* lanes of its vectors, for every element; 1 where there are none */
    bool masks;          /* masked loads and stores of 4 and 8 byte elements are one instruction */
    bool permutes;       /* and so is any order of the lanes of a register */
    const char *header;  /* with its brackets; "" for none, as below */
    const char *flags;   /* of gcc and clang, separated by spaces */
    const char *guard;   /* a condition of the preprocessor */
    const char *line;
};
const struct pc_target_row *pc_target_row(enum pc_target target);

/* Whether values of this type can be printed for the target: one lane always. */
bool pc_target_has(enum pc_target target, struct ir_type type);

#endif
