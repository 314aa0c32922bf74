/* pool/compiler.h - the pooling compiler as a library: libpoolc.
 *
 * A spec, or a description built in code, becomes machine code for the processor that runs:
 *
 *     struct poolc *poolc = poolc_open(NULL, NULL);
 *     struct poolc_module *module = poolc_compile_desc(poolc, "pool1", &desc, NULL);
 *     const struct poolc_kernel *forward = poolc_layer_kernel(poolc_layer_at(module, 0), POOLC_FORWARD);
 *     poolc_call(forward, (void *[]){x, y}, NULL);
 *     poolc_release(module);
 *     poolc_close(poolc);
 *
 * Kernels are compiled one by one, when they are first asked for: who only wants the forward pass pays for one.  Equal
 * layers share their code, whatever they are called and whoever asked; see struct poolc_options.
 *
 * Any number of threads may use one compiler, one module and one kernel at the same time.  Nothing here prints, and nothing
 * ends the process but a fault in libpoolc itself and memory that LLVM does not get; memory that libpoolc does not get is a
 * problem like any other ("out-of-memory"), and what was asked for has then not happened. */
#ifndef POOL_COMPILER_H
#define POOL_COMPILER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pool/desc.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- what went wrong ---- */

enum poolc_severity { POOLC_ERROR, POOLC_WARNING };

/* Bytes begin .. end - 1 of the text, and where they begin: line and column count from 1, columns in characters. line 0: no
 * place, as in layers that were described in code. */
struct poolc_place {
    size_t begin, end;
    unsigned line, column;
};

struct poolc_note {
    const char *text;
    struct poolc_place place;
};

struct poolc_problem {
    const char *id; /* "bad-stride": stable, and listed by `poolc list diagnostics`; "out-of-memory" occurs only here */
    enum poolc_severity severity;
    const char *text;
    struct poolc_place place;
    size_t note_count;
    const struct poolc_note *notes;
};

/* At least one problem, in the order of the text. */
struct poolc_problems {
    size_t count;
    const struct poolc_problem *items;
    size_t omitted; /* further ones that were found and not kept */
};

/* Every function that can fail takes a `struct poolc_problems **problems`.  NULL: the caller does not want to know.  Else
 * *problems becomes NULL where there is nothing to say, and a list that the caller frees where there are errors, or only
 * warnings: whether it worked, the function's result tells. */

/* The problems as the command line prints them, with source lines and carets. Lives as long as the list. */
const char *poolc_problems_render(const struct poolc_problems *problems);

/* NULL is allowed. */
void poolc_problems_free(struct poolc_problems *problems);

/* ---- the compiler ---- */

struct poolc;

/* Code of layers that no module holds any more is kept, so that a layer that comes again costs microseconds. */
struct poolc_options {
    size_t size;           /* sizeof(struct poolc_options): later versions add fields */
    size_t idle_layers;    /* kept so at most; beyond it the one that was used longest ago goes. 0: none */
    int64_t unroll_budget; /* as `poolc build --unroll-budget`, 1 to 4194304; 0: the same default */
};

enum { POOLC_IDLE_LAYERS = 256 }; /* without options */

/* NULL on errors. `options` NULL: the defaults. */
struct poolc *poolc_open(const struct poolc_options *options, struct poolc_problems **problems);

/* Gives the compiler back: it compiles no further module. Modules that are still there stay whole, kernels not yet compiled
 * included, and the last one to be released takes the rest with it. NULL is allowed. */
void poolc_close(struct poolc *poolc);

/* "0.1.0": of the library, which may be newer than this header. */
const char *poolc_version(void);

struct poolc_statistics {
    size_t layers;    /* different ones that modules hold or that are kept, */
    size_t idle;      /* of them held by no module */
    uint64_t kernels; /* compiled so far */
    uint64_t evicted; /* idle layers that had to go so far */
};
struct poolc_statistics poolc_statistics(struct poolc *poolc);

/* ---- modules and layers ---- */

struct poolc_module; /* the layers of one text or description */
struct poolc_layer;  /* belongs to its module, as all below does */

/* Checks the `size` bytes of a .pool spec; NULL if there is an error. `name` stands for the file's name in messages; NULL:
 * "<text>". The text is not needed afterwards. */
struct poolc_module *poolc_compile_text(struct poolc *poolc, const char *name, const char *text, size_t size,
                                        struct poolc_problems **problems);

/* The same for one layer that was described in code. `name`: a letter, then letters, digits, underscores; NULL: "layer". */
struct poolc_module *poolc_compile_desc(struct poolc *poolc, const char *name, const struct pool_desc *desc,
                                        struct poolc_problems **problems);

/* Ends all that belongs to the module, pointers to its functions included; none may be running. The memory is given back, or
 * kept as struct poolc_options says. NULL is allowed. */
void poolc_release(struct poolc_module *module);

size_t poolc_layer_count(const struct poolc_module *module);
const struct poolc_layer *poolc_layer_at(const struct poolc_module *module, size_t number);       /* NULL beyond the last */
const struct poolc_layer *poolc_layer_named(const struct poolc_module *module, const char *name); /* NULL: there is none */

const char *poolc_layer_name(const struct poolc_layer *layer);

/* What the layer computes, with every default filled in; fields without a meaning for it are 0. */
const struct pool_desc *poolc_layer_desc(const struct poolc_layer *layer);

/* ---- kernels ---- */

/* FORWARD_TRAIN is FORWARD that also stores what BACKWARD needs (max and min). */
enum poolc_kernel_kind { POOLC_FORWARD, POOLC_FORWARD_TRAIN, POOLC_BACKWARD };

enum poolc_element { POOLC_F32, POOLC_F64, POOLC_U8, POOLC_U16, POOLC_I32, POOLC_I64 };

struct poolc_parameter {
    const char *name; /* "x", "y", "indices", "state", "dy" or "dx" */
    enum poolc_element element;
    bool written;  /* every element is written; else the kernel only reads */
    int64_t count; /* elements */
    int64_t bytes;
};

/* Made by the library only: later versions add fields. */
struct poolc_kernel {
    enum poolc_kernel_kind kind;
    int parameter_count;
    const struct poolc_parameter *parameters; /* in the order of the function's */
};

/* What a kernel takes; compiles nothing. NULL: the layer has no such kernel (`passes forward`, or FORWARD_TRAIN of a mode
 * whose gradient needs nothing stored). */
const struct poolc_kernel *poolc_layer_kernel(const struct poolc_layer *layer, enum poolc_kernel_kind kind);

/* A compiled kernel. Its type is that of the generated header, one pointer for each parameter, to which it is to be cast:
 *     void (*forward)(const float *x, float *y) = (void (*)(const float *, float *))poolc_kernel_function(kernel, NULL); */
typedef void poolc_function(void);

/* The kernel's function, valid until the module is released; compiled now if no equal layer's was before. Threads that ask
 * for one kernel at once compile it once and get the same pointer; different kernels are compiled at the same time. NULL on
 * errors, such as a layer that `unroll full` makes too long; asking again tries again. */
poolc_function *poolc_kernel_function(const struct poolc_kernel *kernel, struct poolc_problems **problems);

/* Calls the kernel, after compiling it if need be: false, without having called it, on errors. `buffers` are its parameters
 * in order; none is NULL, each is aligned for its elements, and what is written overlaps nothing else. A kernel has up to
 * 144 KiB of local arrays on the stack and needs no other memory. */
bool poolc_call(const struct poolc_kernel *kernel, void *const *buffers, struct poolc_problems **problems);

#ifdef __cplusplus
}
#endif
#endif
