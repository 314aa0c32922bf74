/* codegen.h - machine code for the kernels of a module, through LLVM: text, assembly or an object for any machine that this
 * LLVM knows.
 *
 * Every call makes and releases its own LLVM context, so any number of threads may generate at once. */
#ifndef PC_CODEGEN_H
#define PC_CODEGEN_H

#include "middle/kernel.h"

struct pc_diags;

/* Whether poolc was built with LLVM. Without it the functions below, and those of jit.h, report that it was not. */
bool pc_llvm_is_there(void);

enum pc_code { PC_CODE_LLVM, PC_CODE_ASSEMBLY, PC_CODE_OBJECT };

struct pc_machines; /* of llvm/machine.h: machines that wait to be used again */

struct pc_codegen_options {
    const char *triple; /* "aarch64-linux-gnu"; NULL: this machine */
    const char *cpu;    /* "cortex-a72", or "native": this processor; NULL: what every processor of the triple has */
    struct pc_machines *machines; /* all for this triple and processor; NULL: a machine is opened for the call */
};

/* What is wrong with the machine of the options, as one line; NULL: nothing. Only here is a processor's name looked at:
 * pc_codegen() would take one that LLVM does not know for that of the baseline, and LLVM would print so. Forks, so it is for
 * a process of one thread. */
const char *pc_machine_problem(const struct pc_codegen_options *options, struct pc_arena *arena);

/* Appends the code of all kernels of the module to `text`:
 *   PC_CODE_LLVM      LLVM IR as it was built, before LLVM's passes, with named values and blocks
 *   PC_CODE_ASSEMBLY  optimised assembly
 *   PC_CODE_OBJECT    a relocatable object, position independent; undefined in it are functions of the C library at most
 * Names are those of `kernel->prefix`, as in the generated header. false, with errors in diags, when a kernel could not be
 * built or LLVM does not know the triple or the processor. */
bool pc_codegen(const struct pc_module *module, const struct pc_kernel_options *kernel,
                const struct pc_codegen_options *options, enum pc_code code, struct pc_text *text, struct pc_diags *diags);

/* The same for one function of the IR, whoever built it. */
bool pc_codegen_function(const struct ir_function *function, const struct pc_codegen_options *options, enum pc_code code,
                         struct pc_text *text, struct pc_diags *diags);

#endif
