/* machine.h - the machine that code is written for: LLVM's target, with what results need that are the same bits everywhere.
 *
 * Private to llvm/. */
#ifndef PC_MACHINE_H
#define PC_MACHINE_H

#include "llvm/codegen.h"

#include <pthread.h>

struct LLVMOpaqueTargetMachine; /* LLVMTargetMachineRef points to it */

struct pc_machine {
    struct LLVMOpaqueTargetMachine *target;
    char *triple; /* LLVM's string */
};

/* false with an error in diags. A processor that does not exist is not found here: see pc_machine_problem(). */
bool pc_machine_open(struct pc_machine *machine, const struct pc_codegen_options *options, struct pc_diags *diags);

void pc_machine_close(struct pc_machine *machine);

enum { PC_MACHINES_MAX = 8 };

/* Machines for the same options that nobody uses: a machine serves one thread at a time, and opening one takes a seventh of
 * what a small kernel takes.  Zeroed, with its lock initialised, it is empty. */
struct pc_machines {
    pthread_mutex_t lock;
    struct pc_machine idle[PC_MACHINES_MAX];
    int count;
};

/* One that waits, else a new one; false with an error in diags. pc_machines_give() takes it back, and closes what is too
 * many. */
bool pc_machines_take(struct pc_machines *machines, struct pc_machine *machine, const struct pc_codegen_options *options,
                      struct pc_diags *diags);
void pc_machines_give(struct pc_machines *machines, struct pc_machine *machine);
void pc_machines_close(struct pc_machines *machines); /* when none is taken */

/* Whether AVX-512 F was asked for by its name, as it is for a native processor that has it. */
bool pc_machine_has_avx512(const struct pc_machine *machine);

/* Whether it multiplies and adds with one rounding, as far as its name or the features that were asked for by name tell. */
bool pc_machine_has_fma(const struct pc_machine *machine);

/* Whether the options ask for the processor that runs. */
bool pc_machine_is_native(const struct pc_codegen_options *options);

/* Whether code for the triple (as LLVM spells it) has been proven to give the bits that this machine gives, and which do. */
bool pc_machine_is_known(const char *triple);
#define PC_MACHINE_NAMES "x86_64, aarch64, riscv64 or arm"

#endif
