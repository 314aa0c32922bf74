/* check_layer.h - one layer against the reference, on every backend. */
#ifndef PC_CHECK_LAYER_H
#define PC_CHECK_LAYER_H

#include "cli/tensor.h"
#include "run/runner.h"

struct pc_check_report {
    bool good;                   /* everything ran and agreed */
    unsigned backends;           /* what ran: bit 1 << enum pc_backend */
    unsigned skipped;            /* what would have taken too long */
    bool no_compiler;            /* cc was left out, for there is no C compiler and nobody asked for it */
    int64_t work;                /* taps of one forward pass, which decided that */
    int inputs;                  /* how many sets of inputs */
    unsigned kernels;            /* bit 1 << enum pc_kernel_kind */
    int64_t compared, unchecked; /* elements; unchecked are those where any value would be right */
    const char *difference;      /* of the first wrong element: where, and both numbers; NULL */
};

/* Checks the layer and fills in the report; what could not be run is in cli->diags too. Texts are in `arena`. */
void pc_check_layer(struct pc_cli *cli, const struct pc_layer *layer, struct pc_check_report *report,
                    struct pc_arena *arena);

/* Whether there is a C compiler: cc, or what $CC names. */
bool pc_has_compiler(struct pc_arena *arena);

#endif
