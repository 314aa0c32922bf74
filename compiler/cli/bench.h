/* bench.h - measuring: the kernels of a layer, and the compiler itself. */
#ifndef PC_BENCH_H
#define PC_BENCH_H

#include "cli/cli.h"
#include "middle/kernel.h"

/* One kernel. Times in nanoseconds, medians. */
struct pc_bench_line {
    enum pc_kernel_kind kind;
    double kernel, nest, limit; /* the generated C; a plain loop nest; loading and storing alone */
    double jit;                 /* LLVM's code of the same kernel; 0 without LLVM */
    int64_t bytes;              /* of all inputs and outputs */
    int samples;
    bool same; /* kernels and loop nest computed the same */
};

struct pc_bench_report {
    struct pc_bench_line lines[PC_KERNEL_COUNT];
    int count;
};

/* Writes a program that measures the kernels of the layer, compiles it with $CC and runs it. False, reported, when that
 * failed. */
bool pc_bench_layer(struct pc_cli *cli, const struct pc_layer *layer, struct pc_bench_report *report);

/* poolc bench --compile: how long LLVM takes for each kernel, and a first layer in a fresh process. */
void pc_bench_compile(struct pc_cli *cli, const struct pc_module *module);

/* poolc bench --generate: time and memory from the text of the spec, whose module this is, to the text of the C files. */
void pc_bench_generate(struct pc_cli *cli, const struct pc_module *module);

#endif
