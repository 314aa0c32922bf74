/* tuned.h - which way to make a kernel was the fastest on a machine, kept in a text file:
 *
 *     poolc-tuned 1
 *     forward avx512 whole-4 36.2us: mode max; channels 64; shape 112 x 112; kernel 3 x 3; stride 2 x 2; padding 1 x 1
 *
 * A line a kernel: which of a layer's kernels, the target, the plan, how long it took, and the layer as a .pool file says
 * it, without a name, so that a line serves every spec that has such a layer.  Empty lines, and lines that begin with #, are
 * kept. */
#ifndef PC_TUNED_H
#define PC_TUNED_H

#include "front/names.h"
#include "middle/plan.h"

struct pc_source;

struct pc_tuned_kernel {
    enum pc_plan_choice choice;
    double microseconds;
};

/* A line of the file. */
struct pc_tuned_line {
    const char *text;              /* without its line break */
    struct pc_tuned_kernel kernel; /* choice PC_PLAN_COUNT: a plan that this poolc does not know; or no kernel, a comment */
};

/* In an arena; pc_tuned_new() is an empty one. */
struct pc_tuned {
    struct pc_arena *arena;
    struct pc_tuned_line **lines; /* in the order of the file */
    size_t count, capacity;
    struct pc_names kernels; /* lines of kernels */
};

struct pc_tuned *pc_tuned_new(struct pc_arena *arena);

/* Reads a file. Errors in diags have places in `source`, and then the result is not to be used; a plan or a target that this
 * poolc does not know is a warning, and its line is kept. */
struct pc_tuned *pc_tuned_parse(const struct pc_source *source, struct pc_arena *arena, struct pc_diags *diags);

/* What was measured for a kernel; NULL: nothing, or a plan that this poolc does not know. */
const struct pc_tuned_kernel *pc_tuned_find(const struct pc_tuned *tuned, const struct pc_layer *layer,
                                            enum pc_kernel_kind kind, const char *target);

/* Adds a kernel, or takes the place of what was known about it. */
void pc_tuned_set(struct pc_tuned *tuned, const struct pc_layer *layer, enum pc_kernel_kind kind, const char *target,
                  struct pc_tuned_kernel kernel);

/* The file, version and all. */
void pc_tuned_print(const struct pc_tuned *tuned, struct pc_text *text);

#endif
