/* parts.h - a kernel part by part: whether the parts together are the whole. */
#ifndef PARTS_H
#define PARTS_H

#include "run/runner.h"
#include "subject.h"

/* Runs the parts of a kernel one after the other, the last one first, each into outputs that nothing else was stored to, and
 * puts what they stored together in `other`, whose inputs are those of `set`. NULL, or what is wrong: an element that two
 * parts store, no memory, or an error in diags. */
const char *parts_run(struct pc_runner *runner, size_t layer, enum pc_kernel_kind kind, size_t parts,
                      const struct tensors *set, struct tensors *other, struct pc_diags *diags);

#endif
