/* target.h - the rows of targets.def: what a generated file may use, and lists of them: what a file is for.
 *
 * A row is data for the planner (pc_target_plan) and for the printer (lanes, header, guard, ...).  A file for several
 * targets holds every kernel once for each, and takes the first that the processor has (dispatch.h). */
#ifndef PC_TARGET_H
#define PC_TARGET_H

#include "ir/ir.h"

struct pc_plan_options;

enum pc_target {
#define TARGET_ROW(id, ...) PC_TARGET_##id,
#include "targets.def"
#undef TARGET_ROW
    PC_TARGET_COUNT
};

struct pc_target_row {
    const char *name;
    int bytes;           /* of a vector register; 0: no vectors */
    int most, half;      /* lanes of its vectors, for every element; 1 where there are none */
    bool fused;          /* its vectors multiply and add with one rounding */
    const char *machine; /* "x86_64", "aarch64"; "any" */
    const char *header;  /* with its brackets; "" for none, as below */
    const char *flags;   /* of gcc and clang, separated by spaces: -mNAME */
    const char *guard;   /* a condition of the preprocessor */
    const char *test;    /* a condition of C, when the program runs; "1": every processor of the machine */
    const char *line;
};
const struct pc_target_row *pc_target_row(enum pc_target target);

/* Whether values of this type can be printed for the target: one lane always. */
bool pc_target_has(enum pc_target target, struct ir_type type);

/* Sets what the planner needs to know of the target. */
void pc_target_plan(enum pc_target target, struct pc_plan_options *options);

/* Whether the processor that runs this has it; the one with the widest vectors of those. */
bool pc_target_is_here(enum pc_target target);
enum pc_target pc_target_native(void);

/* For pc_plan_options: what caches of these sizes, in bytes, have near; and the ways of a first level of that size. 0 where it
 * is not known to differ from the default, or to be so simple.  The same for the caches of this processor. */
int64_t pc_target_near_of(int64_t second, int64_t third);
int64_t pc_target_ways_of(int64_t first, int64_t ways);
struct pc_caches pc_target_caches(void);

/* pc_target_plan() for this processor, its caches included. */
void pc_target_plan_native(struct pc_plan_options *options);

/* Targets in the order of preference, each once. */
struct pc_targets {
    enum pc_target items[PC_TARGET_COUNT];
    int count;   /* 0: c99 */
    bool native; /* it is for this machine, whose caches plans are made for */
};

/* The targets of a list; one at least. */
struct pc_targets pc_targets_or_c99(const struct pc_targets *targets);

/* What is wrong with a list, as a line; NULL: nothing.  Each target must be of use, one for every processor at the end. */
const char *pc_targets_problem(const struct pc_targets *targets, struct pc_arena *arena);

/* The first of the list that the processor has which runs this; PC_TARGET_COUNT: none. */
enum pc_target pc_targets_here(const struct pc_targets *targets);

/* The C compiler's flags for a file, separated by spaces: a file for several targets needs none. */
const char *pc_targets_flags(const struct pc_targets *targets);

/* "avx512, avx2 or sse2" */
const char *pc_targets_text(const struct pc_targets *targets, struct pc_arena *arena);

#endif
