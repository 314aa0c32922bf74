/* runner.h - runs the kernels of a module, whatever executes them: the reference, the interpreter, the C compiler or LLVM.
 *
 * A runner is opened once for a module and then runs any of its kernels on the caller's memory, from one thread at a time.
 * `run`, `check`, `bench` and the tests are its users. */
#ifndef PC_RUNNER_H
#define PC_RUNNER_H

#include "back/target.h"
#include "front/layer.h"
#include "middle/kernel.h"

struct pc_diags;

/* backends.def: BACKEND(ENUM, "name", "one line"). */
enum pc_backend {
#define BACKEND(id, name, meaning) PC_BACKEND_##id,
#include "run/backends.def"
#undef BACKEND
    PC_BACKEND_COUNT
};

/* Whether this poolc was built with what the backend needs, and the one to take where the user names none. */
bool pc_backend_is_there(enum pc_backend backend);
enum pc_backend pc_backend_default(void);

struct pc_runner_options {
    struct pc_plan_options plan;
    struct pc_targets targets; /* what kernels are written for; cc takes the whole list, as `build` does, the others the
                                * plan of the first that is here.  None: c99, for jit the vectors of this machine */
    const char *compiler;      /* cc: the program; NULL: $CC, else "cc" */
    const char *const *flags;  /* cc: its flags, NULL-terminated; NULL: -O3 -march=native where it is understood */
    int threads;               /* that a kernel is shared out among; 0: one.  The interpreter and the reference use one */
};

/* The memory of one run. Elements, counts and order are those of the generated interface; what a kernel does not use may
 * be NULL. indices have the type pc_index_element() says, state that of pc_state_element(). */
struct pc_tensors {
    const void *x;  /* forward, forward_train; backward of lp */
    void *y;        /* forward, forward_train: out; backward of lp: in */
    void *indices;  /* out */
    void *state;    /* forward_train: out; backward of max and min: in */
    const void *dy; /* backward */
    void *dx;       /* backward: out */
};

struct pc_runner;

/* Prepares all kernels of the module (cc: one source, one compilation, in a private temporary folder that is removed at
 * once; jit: nothing, a kernel is compiled when it first runs). NULL with errors in diags. The module must outlive the
 * runner. */
struct pc_runner *pc_runner_open(enum pc_backend backend, const struct pc_module *module,
                                 const struct pc_runner_options *options, struct pc_diags *diags);

/* Runs one kernel. false with an error in diags (out of memory, a kernel that the layer does not have). The reference needs
 * x for the backward pass of max and min too, and computes from it what state says. */
bool pc_runner_run(struct pc_runner *runner, size_t layer, enum pc_kernel_kind kind, const struct pc_tensors *tensors,
                   struct pc_diags *diags);

/* Runs one part of a kernel (0 <= part < parts), in the thread of the caller; all parts together do what pc_runner_run()
 * does. Of the interpreter and the reference part 0 does everything. */
bool pc_runner_run_part(struct pc_runner *runner, size_t layer, enum pc_kernel_kind kind, const struct pc_tensors *tensors,
                        size_t part, size_t parts, struct pc_diags *diags);

void pc_runner_close(struct pc_runner *runner);

#endif
