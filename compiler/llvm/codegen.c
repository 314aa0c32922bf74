/* codegen.c - see codegen.h.
 *
 * A context and a module live for one call, and so does a target machine unless the caller keeps them; whoever makes one
 * releases it in the same function. */
#include "llvm/codegen.h"

#include "front/diag.h"
#include "llvm/emit_llvm.h"
#include "llvm/loop_hints.h"
#include "llvm/machine.h"

#include <llvm-c/Analysis.h>
#include <llvm-c/Core.h>
#include <llvm-c/Error.h>
#include <llvm-c/Linker.h>
#include <llvm-c/Target.h>
#include <llvm-c/TargetMachine.h>
#include <llvm-c/Transforms/PassBuilder.h>

#include <stdio.h>

#define CODEGEN_ERROR(diags, ...) ((void)pc_diag_add((diags), PC_DIAG_BACKEND, (struct pc_span){0, 0}, __VA_ARGS__))

bool pc_llvm_is_there(void) {
    return true;
}

/* ---- modules ---- */

/* The module that becomes the code, and all that it needs. */
struct unit {
    struct pc_machine machine;
    struct pc_machines *machines; /* where it goes back; NULL: it is closed */
    LLVMContextRef context;
    LLVMModuleRef module;
    LLVMBuilderRef builder;
    LLVMMemoryBufferRef written; /* its code; NULL before */
    char problem[400];           /* the first error that LLVM reported by itself */
};

/* Without a handler LLVM prints, and exits after an error. What is no error - remarks, about loops say - is for nobody. An
 * error is put aside: adding it to the diagnostics here could run out of memory and jump across LLVM's frames. */
static void keep_error(LLVMDiagnosticInfoRef info, void *context) {
    struct unit *unit = context;
    if (LLVMGetDiagInfoSeverity(info) != LLVMDSError || *unit->problem)
        return;
    char *words = LLVMGetDiagInfoDescription(info);
    snprintf(unit->problem, sizeof unit->problem, "%s", words);
    LLVMDisposeMessage(words);
}

static LLVMModuleRef new_module(const struct unit *unit, const char *name) {
    const LLVMModuleRef module = LLVMModuleCreateWithNameInContext(name, unit->context);
    const LLVMTargetDataRef layout = LLVMCreateTargetDataLayout(unit->machine.target);
    LLVMSetTarget(module, unit->machine.triple);
    LLVMSetModuleDataLayout(module, layout); /* copies it */
    LLVMDisposeTargetData(layout);
    return module;
}

static bool unit_open(struct unit *unit, const char *name, const struct pc_codegen_options *options, enum pc_code code,
                      struct pc_diags *diags) {
    unit->machines = options->machines;
    if (!(unit->machines ? pc_machines_take(unit->machines, &unit->machine, options, diags)
                         : pc_machine_open(&unit->machine, options, diags)))
        return false;
    *unit->problem = '\0';
    unit->written = NULL;
    unit->context = LLVMContextCreate();
    LLVMContextSetDiagnosticHandler(unit->context, keep_error, unit);
    LLVMContextSetDiscardValueNames(unit->context, code != PC_CODE_LLVM);
    unit->module = new_module(unit, name);
    unit->builder = LLVMCreateBuilderInContext(unit->context);
    return true;
}

static void unit_close(struct unit *unit) {
    if (unit->written)
        LLVMDisposeMemoryBuffer(unit->written);
    LLVMDisposeBuilder(unit->builder);
    LLVMDisposeModule(unit->module);
    LLVMContextDispose(unit->context);
    if (unit->machines)
        pc_machines_give(unit->machines, &unit->machine);
    else
        pc_machine_close(&unit->machine);
}

/* ---- passes ---- */

static bool verify(LLVMModuleRef module, const char *when, struct pc_diags *diags) {
    char *problem = NULL;
    const bool broken = LLVMVerifyModule(module, LLVMReturnStatusAction, &problem);
    if (broken)
        pc_diag_add(diags, PC_DIAG_INTERNAL, (struct pc_span){0, 0}, "%s, LLVM finds: %s", when, problem);
    LLVMDisposeMessage(problem);
    return !broken;
}

/* note [what LLVM is asked for]
 * The IR comes simplified and numbered, with every loop in its final form, so most of what -O3 does finds nothing to do.
 * What is left: invariant values out of loops, vectors from loops, short loops unrolled, vectors from straight lines, and
 * the tidying that vectors call for. Where the plan has chosen lanes, there are no vectors to look for and nothing to tidy.
 * In straight lines they are not looked for where loops leave nothing to them, nor in long lines, for the time grows faster
 * than these do: a window of 13 x 13 took 0.15 s and gained nothing. */
static const char passes_with_lanes[] = "function(loop-mssa(licm),early-cse)";
#define PASSES_BEFORE "function(loop-mssa(licm),loop-vectorize,loop(loop-unroll-full),"
#define PASSES_AFTER  "instcombine<max-iterations=1;no-verify-fixpoint>,simplifycfg,early-cse)"
static const char passes_with_lines[] = PASSES_BEFORE "slp-vectorizer," PASSES_AFTER;
static const char passes_without[] = PASSES_BEFORE PASSES_AFTER;
enum { LINE_MAX_NODES = 500 };

static bool optimise(const struct unit *unit, LLVMModuleRef module, const struct ir_function *function,
                     struct pc_diags *diags) {
    const bool lanes = pc_has_lanes(function);
    const bool lines = pc_leaves_scalars(function) && ir_longest_line(function, &function->body) <= LINE_MAX_NODES;
    const LLVMPassBuilderOptionsRef options = LLVMCreatePassBuilderOptions();
    const LLVMErrorRef error = LLVMRunPasses(module,
                                             lanes   ? passes_with_lanes
                                             : lines ? passes_with_lines
                                                     : passes_without,
                                             unit->machine.target, options);
    LLVMDisposePassBuilderOptions(options);
    if (error) {
        char *problem = LLVMGetErrorMessage(error); /* which ends the error */
        pc_diag_add(diags, PC_DIAG_INTERNAL, (struct pc_span){0, 0}, "LLVM's passes: %s", problem);
        LLVMDisposeErrorMessage(problem);
        return false;
    }
    return verify(module, "after its passes", diags);
}

/* The function in a module, as good as it is wanted. */
static bool fill(const struct unit *unit, LLVMModuleRef module, const struct ir_function *function, enum pc_code code,
                 struct pc_diags *diags) {
    pc_emit_llvm(function, module, unit->builder, pc_machine_has_avx512(&unit->machine));
    return verify(module, "before its passes", diags) && (code == PC_CODE_LLVM || optimise(unit, module, function, diags));
}

/* A kernel is compiled in a module of its own, so that its code does not depend on its neighbours. */
static bool add_kernel(const struct unit *unit, const struct ir_function *function, enum pc_code code,
                       struct pc_diags *diags) {
    const LLVMModuleRef alone = new_module(unit, function->name);
    if (!fill(unit, alone, function, code, diags)) {
        LLVMDisposeModule(alone);
        return false;
    }
    return !LLVMLinkModules2(unit->module, alone); /* ends the second module; two modules of one machine always fit */
}

static bool add_kernels(const struct unit *unit, const struct pc_module *module, const struct pc_kernel_options *options,
                        enum pc_code code, struct pc_diags *diags) {
    struct pc_kernel_options own = *options; /* a target says how wide vectors are, not which instructions there are */
    own.plan.fused &= pc_machine_has_fma(&unit->machine);
    bool good = true;
    for (size_t i = 0; i < module->count; i++) {
        for (int kind = 0; kind < PC_KERNEL_COUNT; kind++) {
            if (!pc_layer_has_kernel(&module->layers[i], (enum pc_kernel_kind)kind))
                continue;
            struct pc_arena arena = {.out_of_memory = diags->arena->out_of_memory};
            const struct pc_kernel *kernel =
                pc_kernel_build(&module->layers[i], (enum pc_kernel_kind)kind, &own, &arena, diags);
            good &= kernel && add_kernel(unit, kernel->ir, code, diags);
            pc_arena_release(&arena);
        }
    }
    return good;
}

/* ---- the code ---- */

static bool write_machine_code(struct unit *unit, LLVMCodeGenFileType type, struct pc_text *text, struct pc_diags *diags) {
    char *problem = NULL;
    const bool written =
        !LLVMTargetMachineEmitToMemoryBuffer(unit->machine.target, unit->module, type, &problem, &unit->written);
    const bool good = written && !*unit->problem;
    if (good)
        pc_text_add_bytes(text, LLVMGetBufferStart(unit->written), LLVMGetBufferSize(unit->written));
    else
        CODEGEN_ERROR(diags, "LLVM cannot write code for '%s': %s", unit->machine.triple, written ? unit->problem : problem);
    LLVMDisposeMessage(problem);
    return good;
}

static void write_text(const struct unit *unit, struct pc_text *text) {
    char *printed = LLVMPrintModuleToString(unit->module);
    pc_text_add(text, printed);
    LLVMDisposeMessage(printed);
}

/* What LLVM reports while it generates code comes to keep_error(). */
static bool write_code(struct unit *unit, enum pc_code code, struct pc_text *text, struct pc_diags *diags) {
    const size_t errors = pc_diags_error_count(diags);
    if (code != PC_CODE_LLVM)
        return write_machine_code(unit, code == PC_CODE_OBJECT ? LLVMObjectFile : LLVMAssemblyFile, text, diags) &&
               pc_diags_error_count(diags) == errors;
    write_text(unit, text);
    return true;
}

bool pc_codegen(const struct pc_module *module, const struct pc_kernel_options *kernel,
                const struct pc_codegen_options *options, enum pc_code code, struct pc_text *text, struct pc_diags *diags) {
    struct unit unit;
    if (!unit_open(&unit, module->name, options, code, diags))
        return false;
    const bool good = add_kernels(&unit, module, kernel, code, diags) && write_code(&unit, code, text, diags);
    unit_close(&unit);
    return good;
}

static void set_landing(jmp_buf *landing, const struct ir_function *function, struct pc_text *text, struct pc_diags *diags) {
    function->arena->out_of_memory = diags->arena->out_of_memory = text->out_of_memory = landing;
}

/* LLVM's objects are in no arena: where memory ends while there are some, they and the text are released on the way out. */
static bool write_function(struct unit *unit, const struct ir_function *function, enum pc_code code, struct pc_text *text,
                           struct pc_diags *diags) {
    jmp_buf *const outer = diags->arena->out_of_memory, here;
    if (outer && setjmp(here)) {
        set_landing(outer, function, text, diags);
        unit_close(unit);
        pc_text_release(text);
        longjmp(*outer, 1);
    }
    set_landing(outer ? &here : NULL, function, text, diags);
    const bool good = fill(unit, unit->module, function, code, diags) && write_code(unit, code, text, diags);
    set_landing(outer, function, text, diags);
    return good;
}

bool pc_codegen_function(const struct ir_function *function, const struct pc_codegen_options *options, enum pc_code code,
                         struct pc_text *text, struct pc_diags *diags) {
    struct unit unit;
    if (!unit_open(&unit, function->name, options, code, diags))
        return false;
    const bool good = write_function(&unit, function, code, text, diags);
    unit_close(&unit);
    return good;
}
