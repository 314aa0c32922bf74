/* backend.h - what the backends share; private to run/. */
#ifndef PC_BACKEND_H
#define PC_BACKEND_H

#include "run/runner.h"

#include "front/diag.h"

/* The tensors of a kernel, in the order of its parameters. */
enum pc_tensor { PC_TENSOR_X, PC_TENSOR_Y, PC_TENSOR_INDICES, PC_TENSOR_STATE, PC_TENSOR_DY, PC_TENSOR_DX, PC_TENSOR_COUNT };

enum { PC_PARAMETERS_MAX = 4 };

struct pc_parameters {
    int count;
    struct pc_parameter {
        enum pc_tensor tensor;
        enum ir_element element;
        int64_t elements;
        bool output;
    } items[PC_PARAMETERS_MAX];
};

/* The parameters of the generated function, as docs/language.md gives them. */
struct pc_parameters pc_parameters_of(const struct pc_layer *layer, enum pc_kernel_kind kind);

/* The memory of a tensor; constness is the kernel's promise. */
void *pc_tensor_memory(const struct pc_tensors *tensors, enum pc_tensor tensor);

/* An error of a backend. */
#define PC_BACKEND_ERROR(diags, ...) ((void)pc_diag_add((diags), PC_DIAG_BACKEND, (struct pc_span){0, 0}, __VA_ARGS__))

/* ---- cc.c: a shared object ---- */

struct pc_cc;

/* Compiles all kernels of the module. NULL with errors in diags. */
struct pc_cc *pc_cc_open(const struct pc_module *module, const struct pc_runner_options *options, struct pc_diags *diags);

/* Calls a kernel, or one part of it; `buffers` are its parameters in order. */
void pc_cc_call(const struct pc_cc *cc, size_t layer, enum pc_kernel_kind kind, void *const *buffers);
void pc_cc_call_part(const struct pc_cc *cc, size_t layer, enum pc_kernel_kind kind, void *const *buffers, size_t part,
                     size_t parts);

void pc_cc_close(struct pc_cc *cc);

/* ---- runner.c: the interpreter ---- */

/* Interprets a kernel, whoever built it. false with an error in diags. */
bool pc_interpret(const struct pc_kernel *kernel, const struct pc_tensors *tensors, struct pc_diags *diags);

/* ---- runner_ref.c ---- */

/* Runs a kernel by the reference. */
bool pc_reference_run(const struct pc_layer *layer, enum pc_kernel_kind kind, const struct pc_tensors *tensors,
                      struct pc_diags *diags);

#endif
