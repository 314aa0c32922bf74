/* parts.c - see parts.h. */
#include "parts.h"

#include <stdlib.h>
#include <string.h>

enum { EMPTY = 0xA5 };

/* Bytes that a part stored go to `sum`. One that it stores with the value of an empty one is not seen, and does not matter:
 * false where both have stored. */
static bool merge(unsigned char *sum, const unsigned char *part, size_t bytes) {
    bool disjoint = true;
    for (size_t i = 0; i < bytes; i++) {
        if (part[i] == EMPTY)
            continue;
        disjoint &= sum[i] == EMPTY;
        sum[i] = part[i];
    }
    return disjoint;
}

const char *parts_run(struct pc_runner *runner, size_t layer, enum pc_kernel_kind kind, size_t parts,
                      const struct tensors *set, struct tensors *other, struct pc_diags *diags) {
    const struct pc_parameters parameters = pc_parameters_of(set->layer, kind);
    const struct pc_tensors tensors = tensors_between(set, other, kind);
    unsigned char *sums[PC_PARAMETERS_MAX] = {NULL};
    const char *problem = NULL;
    for (int i = 0; i < parameters.count && !problem; i++) {
        const size_t bytes = other->bytes[parameters.items[i].tensor];
        sums[i] = malloc(bytes);
        if (sums[i])
            memset(sums[i], EMPTY, bytes);
        else
            problem = "out of memory";
    }
    for (size_t part = parts; part-- > 0 && !problem;) {
        tensors_clear_outputs(other, EMPTY);
        if (!pc_runner_run_part(runner, layer, kind, &tensors, part, parts, diags))
            problem = "a part does not run";
        for (int i = 0; i < parameters.count && !problem; i++) {
            const enum pc_tensor tensor = parameters.items[i].tensor;
            if (parameters.items[i].output && !merge(sums[i], other->buffer[tensor].data, other->bytes[tensor]))
                problem = "two parts store the same element";
        }
    }
    for (int i = 0; i < parameters.count; i++) {
        const enum pc_tensor tensor = parameters.items[i].tensor;
        if (!problem && parameters.items[i].output)
            memcpy(other->buffer[tensor].data, sums[i], other->bytes[tensor]);
        free(sums[i]);
    }
    return problem;
}
