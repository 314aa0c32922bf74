/* machine.h - the machine that code is written for: LLVM's target, with what results need that are the same bits everywhere.
 *
 * Private to llvm/. */
#ifndef PC_MACHINE_H
#define PC_MACHINE_H

#include "llvm/codegen.h"

struct LLVMOpaqueTargetMachine; /* LLVMTargetMachineRef points to it */

struct pc_machine {
    struct LLVMOpaqueTargetMachine *target;
    char *triple; /* LLVM's string */
};

/* false with an error in diags. A processor that does not exist is not found here: see pc_machine_problem(). */
bool pc_machine_open(struct pc_machine *machine, const struct pc_codegen_options *options, struct pc_diags *diags);

void pc_machine_close(struct pc_machine *machine);

/* Whether the options ask for the processor that runs. */
bool pc_machine_is_native(const struct pc_codegen_options *options);

/* Whether code for the triple (as LLVM spells it) has been proven to give the bits that this machine gives, and which do. */
bool pc_machine_is_known(const char *triple);
#define PC_MACHINE_NAMES "x86_64, aarch64, riscv64 or arm"

#endif
