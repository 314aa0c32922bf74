/* jit.c - see jit.h. LLJIT links objects that codegen.c wrote; it compiles nothing itself, so that compiling needs no lock.
 */
#include "llvm/jit.h"

#include "front/diag.h"
#include "llvm/codegen.h"
#include "llvm/machine.h"

#include <llvm-c/Core.h>
#include <llvm-c/Error.h>
#include <llvm-c/LLJIT.h>
#include <llvm-c/Orc.h>
#include <llvm-c/Target.h>
#include <llvm-c/TargetMachine.h>

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JIT_ERROR(diags, ...) ((void)pc_diag_add((diags), PC_DIAG_BACKEND, (struct pc_span){0, 0}, __VA_ARGS__))

enum { PARAMETERS_MAX = 6, NAME_MAX_LENGTH = 40 /* of kernelN_part */ };

struct pc_jit {
    LLVMOrcLLJITRef lljit;
    struct pc_machines machines; /* that wrote the functions so far */
    atomic_uint_fast64_t next;   /* number of the next function, which is its name */
    pthread_mutex_t lock;        /* of the line below */
    char problem[400];           /* what the session reported last: some errors of linking come only there */
};

struct pc_jit_code {
    struct pc_jit *jit;
    LLVMOrcResourceTrackerRef tracker; /* the code's memory */
    pc_jit_function *function, *part;
    int parameters;
};

/* ---- errors ---- */

static void add_error(struct pc_jit *jit, LLVMErrorRef error, const char *what, struct pc_diags *diags) {
    char *message = LLVMGetErrorMessage(error); /* which ends the error */
    char problem[sizeof jit->problem] = "";
    if (jit) {
        pthread_mutex_lock(&jit->lock);
        memcpy(problem, jit->problem, sizeof problem);
        jit->problem[0] = '\0';
        pthread_mutex_unlock(&jit->lock);
    }
    JIT_ERROR(diags, "%s: %s%s%s", what, message, *problem ? "; " : "", problem);
    LLVMDisposeErrorMessage(message);
}

/* Called by ORC, which would otherwise print. */
static void keep_error(void *context, LLVMErrorRef error) {
    struct pc_jit *jit = context;
    char *message = LLVMGetErrorMessage(error);
    pthread_mutex_lock(&jit->lock);
    strncpy(jit->problem, message, sizeof jit->problem - 1);
    pthread_mutex_unlock(&jit->lock);
    LLVMDisposeErrorMessage(message);
}

/* ---- opening ---- */

/* What generated code may call: the functions of ops.def that are the C library's, and those that LLVM makes loops into. */
static LLVMErrorRef define_library(LLVMOrcLLJITRef lljit) {
    static const struct {
        const char *name;
        void (*function)(void);
    } rows[] = {
#define LIBRARY(name) {#name, (void (*)(void))(name)}
        LIBRARY(pow),  LIBRARY(powf), LIBRARY(exp),  LIBRARY(expf),   LIBRARY(log),     LIBRARY(logf),
        LIBRARY(fma),  LIBRARY(fmaf), LIBRARY(memcpy), LIBRARY(memmove), LIBRARY(memset),
#undef LIBRARY
    };
    enum { ROWS = sizeof rows / sizeof *rows };
    LLVMOrcCSymbolMapPair pairs[ROWS];
    for (int i = 0; i < ROWS; i++)
        pairs[i] = (LLVMOrcCSymbolMapPair){
            .Name = LLVMOrcLLJITMangleAndIntern(lljit, rows[i].name), /* goes to the definition below */
            .Sym = {.Address = (LLVMOrcExecutorAddress)(uintptr_t)rows[i].function,
                    .Flags = {LLVMJITSymbolGenericFlagsExported | LLVMJITSymbolGenericFlagsCallable, 0}},
        };
    const LLVMOrcMaterializationUnitRef unit = LLVMOrcAbsoluteSymbols(pairs, ROWS);
    const LLVMErrorRef error = LLVMOrcJITDylibDefine(LLVMOrcLLJITGetMainJITDylib(lljit), unit);
    if (error)
        LLVMOrcDisposeMaterializationUnit(unit); /* not taken over */
    return error;
}

static void register_host(void) {
    LLVMInitializeNativeTarget();
    LLVMInitializeNativeAsmPrinter();
}

struct pc_jit *pc_jit_open(struct pc_diags *diags) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, register_host);
    struct pc_jit *jit = calloc(1, sizeof *jit);
    if (!jit) {
        JIT_ERROR(diags, "out of memory");
        return NULL;
    }
    pthread_mutex_init(&jit->lock, NULL);
    pthread_mutex_init(&jit->machines.lock, NULL);
    LLVMErrorRef error = LLVMOrcCreateLLJIT(&jit->lljit, NULL);
    if (!error) {
        LLVMOrcExecutionSessionSetErrorReporter(LLVMOrcLLJITGetExecutionSession(jit->lljit), keep_error, jit);
        error = define_library(jit->lljit);
    }
    if (error) {
        add_error(NULL, error, "LLVM's JIT cannot be started", diags);
        pc_jit_close(jit);
        return NULL;
    }
    return jit;
}

void pc_jit_close(struct pc_jit *jit) {
    if (!jit)
        return;
    if (jit->lljit)
        LLVMConsumeError(LLVMOrcDisposeLLJIT(jit->lljit));
    pc_machines_close(&jit->machines);
    pthread_mutex_destroy(&jit->lock);
    free(jit);
}

/* ---- compiling ---- */

static int count_parameters(const struct ir_function *function) {
    int count = 0;
    for (size_t i = 0; i < function->buffer_count; i++)
        count += function->buffers[i].role != IR_LOCAL;
    return count;
}

static LLVMErrorRef find_function(LLVMOrcLLJITRef lljit, const char *name, pc_jit_function **function) {
    LLVMOrcExecutorAddress address = 0;
    const LLVMErrorRef error = LLVMOrcLLJITLookup(lljit, &address, name);
    const uintptr_t place = (uintptr_t)address;
    memcpy(function, &place, sizeof place);
    return error;
}

static LLVMErrorRef link_object(struct pc_jit_code *code, const char *name, const struct pc_text *object) {
    const LLVMOrcLLJITRef lljit = code->jit->lljit;
    const LLVMOrcJITDylibRef dylib = LLVMOrcLLJITGetMainJITDylib(lljit);
    const LLVMMemoryBufferRef buffer = LLVMCreateMemoryBufferWithMemoryRangeCopy(object->bytes, object->size, name);
    code->tracker = LLVMOrcJITDylibCreateResourceTracker(dylib);
    LLVMErrorRef error = LLVMOrcLLJITAddObjectFileWithRT(lljit, code->tracker, buffer); /* takes the buffer, also on error */
    char part[NAME_MAX_LENGTH];
    snprintf(part, sizeof part, "%s_part", name);
    if (!error) /* linking happens at the first lookup, and so do its errors */
        error = find_function(lljit, name, &code->function);
    return error ? error : find_function(lljit, part, &code->part);
}

struct pc_jit_code *pc_jit_compile(struct pc_jit *jit, const struct ir_function *function, struct pc_diags *diags) {
    struct ir_function renamed = *function;
    renamed.name = pc_arena_printf(function->arena, "kernel%llu", (unsigned long long)atomic_fetch_add(&jit->next, 1));
    struct pc_text object = {.out_of_memory = diags->arena->out_of_memory};
    struct pc_jit_code *code = NULL;
    const struct pc_codegen_options options = {.cpu = "native", .machines = &jit->machines};
    if (!pc_codegen_function(&renamed, &options, PC_CODE_OBJECT, &object, diags))
        goto done;
    code = calloc(1, sizeof *code);
    if (!code) {
        pc_text_release(&object); /* first: where there is no memory to say it either, the line below does not return */
        JIT_ERROR(diags, "out of memory");
        return NULL;
    }
    *code = (struct pc_jit_code){.jit = jit, .parameters = count_parameters(function)};
    const LLVMErrorRef error = link_object(code, renamed.name, &object);
    if (error) {
        add_error(jit, error, "the compiled kernel cannot be linked", diags);
        pc_jit_release(code);
        code = NULL;
    }
done:
    pc_text_release(&object);
    return code;
}

pc_jit_function *pc_jit_address(const struct pc_jit_code *code) {
    return code->function;
}

pc_jit_function *pc_jit_part_address(const struct pc_jit_code *code) {
    return code->part;
}

void pc_jit_call(const struct pc_jit_code *code, void *const *b) {
    union {
        pc_jit_function *any;
        void (*of1)(void *);
        void (*of2)(void *, void *);
        void (*of3)(void *, void *, void *);
        void (*of4)(void *, void *, void *, void *);
        void (*of5)(void *, void *, void *, void *, void *);
        void (*of6)(void *, void *, void *, void *, void *, void *);
    } call = {.any = code->function};
    switch (code->parameters) {
    case 1: call.of1(b[0]); return;
    case 2: call.of2(b[0], b[1]); return;
    case 3: call.of3(b[0], b[1], b[2]); return;
    case 4: call.of4(b[0], b[1], b[2], b[3]); return;
    case 5: call.of5(b[0], b[1], b[2], b[3], b[4]); return;
    case PARAMETERS_MAX: call.of6(b[0], b[1], b[2], b[3], b[4], b[5]); return;
    default: abort();
    }
}

void pc_jit_call_part(const struct pc_jit_code *code, void *const *b, size_t part, size_t parts) {
    union {
        pc_jit_function *any;
        void (*of1)(void *, size_t, size_t);
        void (*of2)(void *, void *, size_t, size_t);
        void (*of3)(void *, void *, void *, size_t, size_t);
        void (*of4)(void *, void *, void *, void *, size_t, size_t);
        void (*of5)(void *, void *, void *, void *, void *, size_t, size_t);
        void (*of6)(void *, void *, void *, void *, void *, void *, size_t, size_t);
    } call = {.any = code->part};
    switch (code->parameters) {
    case 1: call.of1(b[0], part, parts); return;
    case 2: call.of2(b[0], b[1], part, parts); return;
    case 3: call.of3(b[0], b[1], b[2], part, parts); return;
    case 4: call.of4(b[0], b[1], b[2], b[3], part, parts); return;
    case 5: call.of5(b[0], b[1], b[2], b[3], b[4], part, parts); return;
    case PARAMETERS_MAX: call.of6(b[0], b[1], b[2], b[3], b[4], b[5], part, parts); return;
    default: abort();
    }
}

void pc_jit_release(struct pc_jit_code *code) {
    if (!code)
        return;
    const LLVMOrcExecutionSessionRef session = LLVMOrcLLJITGetExecutionSession(code->jit->lljit);
    if (code->tracker) {
        LLVMConsumeError(LLVMOrcResourceTrackerRemove(code->tracker));
        LLVMOrcReleaseResourceTracker(code->tracker);
    }
    LLVMOrcSymbolStringPoolClearDeadEntries(LLVMOrcExecutionSessionGetSymbolStringPool(session)); /* the name */
    free(code);
}
