/* main.c - poolc, the pooling compiler: a table of contents.
 *
 * - cli/options.c: what was asked (options.def)
 * - cli/cli.c: one call per command (cmd_build.c, cmd_run.c and so on)
 * - front/: text to layers (pc_parse(), pc_layers_build())
 * - middle/ and ir/: layers to loops (pc_kernel_build(): plan, lower, simplify, verify)
 * - back/: loops to C (pc_frame_write()); llvm/: loops to machine code (pc_codegen(), pc_jit_compile())
 * - run/: loops to numbers (pc_runner_open())
 *
 * Memory that cannot be had ends the run here, from wherever it was asked for. */
#include "cli/cli.h"

#include <stdio.h>

int main(int argc, char **argv) {
    jmp_buf out_of_memory;
    if (setjmp(out_of_memory)) {
        pc_cli_remove_temporaries();
        fputs("poolc: out of memory\n", stderr);
        return PC_EXIT_FAILURE;
    }
    return (int)pc_cli_main(argc, argv, &out_of_memory);
}
