/* absent.c - codegen.h and jit.h where poolc is built without LLVM: everything says so. */
#include "front/diag.h"
#include "llvm/codegen.h"
#include "llvm/jit.h"

#include <stdlib.h>

static const char problem[] = "this poolc was built without LLVM; build it with -DPOOLC_LLVM=ON, or use the C code";

static void report(struct pc_diags *diags) {
    pc_diag_add(diags, PC_DIAG_BACKEND, (struct pc_span){0, 0}, "%s", problem);
}

bool pc_llvm_is_there(void) {
    return false;
}

const char *pc_machine_problem(const struct pc_codegen_options *options, struct pc_arena *arena) {
    (void)options, (void)arena;
    return problem;
}

bool pc_codegen(const struct pc_module *module, const struct pc_kernel_options *kernel,
                const struct pc_codegen_options *options, enum pc_code code, struct pc_text *text, struct pc_diags *diags) {
    (void)module, (void)kernel, (void)options, (void)code, (void)text;
    report(diags);
    return false;
}

bool pc_codegen_function(const struct ir_function *function, const struct pc_codegen_options *options, enum pc_code code,
                         struct pc_text *text, struct pc_diags *diags) {
    (void)function, (void)options, (void)code, (void)text;
    report(diags);
    return false;
}

struct pc_jit *pc_jit_open(struct pc_diags *diags) {
    report(diags);
    return NULL;
}

void pc_jit_close(struct pc_jit *jit) {
    (void)jit;
}

/* Nothing below can be reached without a pc_jit. */
struct pc_jit_code *pc_jit_compile(struct pc_jit *jit, const struct ir_function *function, struct pc_diags *diags) {
    (void)jit, (void)function;
    report(diags);
    return NULL;
}

pc_jit_function *pc_jit_address(const struct pc_jit_code *code) {
    (void)code;
    return NULL;
}

pc_jit_function *pc_jit_part_address(const struct pc_jit_code *code) {
    (void)code;
    return NULL;
}

void pc_jit_call_part(const struct pc_jit_code *code, void *const *buffers, size_t part, size_t parts) {
    (void)code, (void)buffers, (void)part, (void)parts;
    abort();
}

void pc_jit_call(const struct pc_jit_code *code, void *const *buffers) {
    (void)code, (void)buffers;
    abort();
}

void pc_jit_release(struct pc_jit_code *code) {
    (void)code;
}
