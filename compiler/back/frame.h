/* frame.h - the files around the kernels: source, header and self-test, from the templates in templates/.
 *
 * This is where a generated file says what it is: the layers in canonical .pool syntax, each kernel's plan and cost.  The
 * text depends on the spec and the options only: no date, no path, no host. */
#ifndef PC_FRAME_H
#define PC_FRAME_H

#include "back/target.h"
#include "middle/kernel.h"

struct pc_frame_options {
    const char *spec_name; /* file name of the spec, without folders: "net.pool" */
    const char *base_name; /* of the generated files: "net" for net.c, net.h, net_selftest.c */
    struct pc_kernel_options kernel;
    bool openmp; /* functions run their parts by OpenMP, where the C compiler has that */
    struct pc_targets targets; /* free of pc_targets_problem(); what the plan must know of them comes from here */
};

/* The texts of the generated files. A caller that does not want one passes NULL. false, with errors in diags, when a kernel
 * could not be built; the texts are then not to be used. */
struct pc_frame_texts {
    struct pc_text *source, *header, *selftest;
};
bool pc_frame_write(const struct pc_module *module, const struct pc_frame_options *options,
                    const struct pc_frame_texts *texts, struct pc_diags *diags);

/* Whether `name` can begin a C identifier that user code may have: a letter, then letters, digits, underscores. */
bool pc_frame_is_prefix(const char *name);

/* A prefix made from a file name: other characters become '_'; "k_" first if it would not begin with a letter. */
const char *pc_frame_prefix_from(const char *base_name, struct pc_arena *arena);

#endif
