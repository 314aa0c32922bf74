/* machine.c - see machine.h.
 *
 * LLVM's own baselines are older than what a triple means to a C compiler of today: riscv64-linux-gnu would be a machine
 * without floating point, whose objects do not link with anybody else's.  The table of families says what is added. */
#include "llvm/machine.h"

#include "front/diag.h"

#include <llvm-c/Core.h>
#include <llvm-c/Target.h>
#include <llvm-c/TargetMachine.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MACHINE_ERROR(diags, ...) ((void)pc_diag_add((diags), PC_DIAG_BACKEND, (struct pc_span){0, 0}, __VA_ARGS__))

/* ---- families ---- */

/* Machines whose arithmetic is that of the interpreter, bit for bit, as tests/cross proves.  Not among them are 32-bit x86,
 * whose registers keep more digits than a float has, and those that nobody has tried.
 *
 * NEON's vectors of a 32-bit arm have no denormals: LLVM is kept from them, and the scalar unit has everything. */
static const struct family {
    const char *begin;    /* of the triple */
    const char *end;      /* of the triple; "": any */
    const char *baseline; /* features that every processor has, where none is named */
    const char *always;   /* features in any case */
} families[] = {
    {"x86_64-", "", "", ""},
    {"aarch64-", "", "", ""},
    {"riscv64-", "", "+m,+a,+f,+d,+c", ""},
    {"arm-", "hf", "+v7,+vfp3d16", "+vfp2,-neon"}, /* as Debian's armhf */
    {"armv", "hf", "", "+vfp2,-neon"},
    {"arm-", "", "", "-neon"},
    {"armv", "", "", "-neon"},
};
enum { FAMILY_COUNT = sizeof families / sizeof *families };

/* NULL: a machine that the table does not know. */
static const struct family *family_of(const char *triple) {
    const size_t length = strlen(triple);
    for (int i = 0; i < FAMILY_COUNT; i++) {
        const size_t begin = strlen(families[i].begin), end = strlen(families[i].end);
        if (strncmp(triple, families[i].begin, begin) == 0 && length >= end &&
            strcmp(triple + length - end, families[i].end) == 0)
            return &families[i];
    }
    return NULL;
}

bool pc_machine_is_known(const char *triple) {
    return family_of(triple) != NULL;
}

/* ---- the machine ---- */

/* LLVM's list of targets is global and has no lock. */
static void register_targets(void) {
    LLVMInitializeAllTargetInfos();
    LLVMInitializeAllTargets();
    LLVMInitializeAllTargetMCs();
    LLVMInitializeAllAsmPrinters();
}

bool pc_machine_is_native(const struct pc_codegen_options *options) {
    return options->cpu && strcmp(options->cpu, "native") == 0;
}

static bool is_host(const char *triple) {
    char *host = LLVMGetDefaultTargetTriple();
    const bool same = strncmp(host, triple, strcspn(host, "-") + 1) == 0;
    LLVMDisposeMessage(host);
    return same;
}

/* "+a,+b,-c": what the family and this processor have, from malloc(); NULL without memory. */
static char *features_of(const char *triple, const struct pc_codegen_options *options) {
    const struct family *family = family_of(triple);
    const bool baseline = family && (!options->cpu || pc_machine_is_native(options));
    char *host = pc_machine_is_native(options) ? LLVMGetHostCPUFeatures() : LLVMCreateMessage("");
    const char *const parts[] = {baseline ? family->baseline : "", host, family ? family->always : ""};
    enum { PARTS = sizeof parts / sizeof *parts };
    char *features = malloc(strlen(parts[0]) + strlen(parts[1]) + strlen(parts[2]) + PARTS);
    char *end = features;
    for (int i = 0; features && i < PARTS; i++)
        end += sprintf(end, "%s%s", *parts[i] && end > features ? "," : "", parts[i]);
    LLVMDisposeMessage(host);
    return features;
}

enum { REASON_MAX = 300 };

bool pc_machine_open(struct pc_machine *machine, const struct pc_codegen_options *options, struct pc_diags *diags) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, register_targets);
    *machine = (struct pc_machine){.triple = options->triple ? LLVMNormalizeTargetTriple(options->triple)
                                                             : LLVMGetDefaultTargetTriple()};
    LLVMTargetRef target;
    char *problem = NULL, reason[REASON_MAX] = ""; /* reported behind the cleaning up: reporting may run out of memory */
    if (LLVMGetTargetFromTriple(machine->triple, &target, &problem)) {
        snprintf(reason, sizeof reason, "'%s' is no machine that LLVM can write code for", machine->triple);
        LLVMDisposeMessage(problem);
    } else if (pc_machine_is_native(options) && !is_host(machine->triple)) {
        snprintf(reason, sizeof reason, "the processor 'native' is that of this machine, not of '%s'", machine->triple);
    } else {
        const char *named = options->cpu ? options->cpu : "";
        char *cpu = pc_machine_is_native(options) ? LLVMGetHostCPUName() : LLVMCreateMessage(named);
        char *features = features_of(machine->triple, options);
        if (features)
            machine->target = LLVMCreateTargetMachine(target, machine->triple, cpu, features, LLVMCodeGenLevelLess,
                                                      LLVMRelocPIC, LLVMCodeModelDefault);
        if (!machine->target)
            snprintf(reason, sizeof reason, features ? "LLVM cannot write code for '%s'" : "out of memory", machine->triple);
        free(features);
        LLVMDisposeMessage(cpu);
    }
    const bool good = machine->target != NULL;
    if (!good) {
        pc_machine_close(machine);
        MACHINE_ERROR(diags, "%s", reason);
    }
    return good;
}

void pc_machine_close(struct pc_machine *machine) {
    if (machine->target)
        LLVMDisposeTargetMachine(machine->target);
    LLVMDisposeMessage(machine->triple);
}

/* Whether the machine's list of features, "+this,-that", has the word. */
static bool asks_for(const struct pc_machine *machine, const char *word) {
    char *features = LLVMGetTargetMachineFeatureString(machine->target);
    const size_t length = strlen(word);
    bool has = false;
    for (const char *at = features; at && !has; at = strchr(at, ',')) {
        at += *at == ',';
        has = strncmp(at, word, length) == 0 && (at[length] == ',' || at[length] == '\0');
    }
    LLVMDisposeMessage(features);
    return has;
}

bool pc_machine_has_avx512(const struct pc_machine *machine) {
    return asks_for(machine, "+avx512f");
}

bool pc_machine_has_fma(const struct pc_machine *machine) {
    static const char *const always[] = {"aarch64", "riscv64"};
    for (size_t i = 0; i < sizeof always / sizeof *always; i++)
        if (strncmp(machine->triple, always[i], strlen(always[i])) == 0)
            return true;
    return asks_for(machine, "+fma");
}

/* ---- machines that wait ---- */

bool pc_machines_take(struct pc_machines *machines, struct pc_machine *machine, const struct pc_codegen_options *options,
                      struct pc_diags *diags) {
    pthread_mutex_lock(&machines->lock);
    const bool found = machines->count > 0;
    if (found)
        *machine = machines->idle[--machines->count];
    pthread_mutex_unlock(&machines->lock);
    return found || pc_machine_open(machine, options, diags);
}

void pc_machines_give(struct pc_machines *machines, struct pc_machine *machine) {
    pthread_mutex_lock(&machines->lock);
    const bool kept = machines->count < PC_MACHINES_MAX;
    if (kept)
        machines->idle[machines->count++] = *machine;
    pthread_mutex_unlock(&machines->lock);
    if (!kept)
        pc_machine_close(machine);
}

void pc_machines_close(struct pc_machines *machines) {
    while (machines->count > 0)
        pc_machine_close(&machines->idle[--machines->count]);
    pthread_mutex_destroy(&machines->lock);
}
