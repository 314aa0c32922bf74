/* test_llvm_jit.c - the memory of compiled code, and errors: nothing is writable and executable at once, released code is
 * gone, and whatever goes wrong is a diagnostic and no output.
 *
 * That a symbol is missing is not provoked: whatever the IR says, code calls no functions but those that jit.c defines. */
#include "ir_jit.h"

#include "llvm/codegen.h"

#include <inttypes.h>

struct fixture {
    struct kit k;
    struct pc_diags diags;
    struct pc_jit *jit;
};

/* y = -x and, so that code has constants and calls too, pow(x, 0.3) of four lanes. */
static void setup(struct fixture *t) {
    const struct ir_type f64x4 = {IR_F64, 4};
    open_kit(&t->k);
    pc_diags_init(&t->diags, &t->k.arena);
    ir_buffer_add(t->k.f, "x", IR_F64, 4, IR_INPUT);
    ir_buffer_add(t->k.f, "y", IR_F64, 8, IR_OUTPUT);
    const ir_ref x = load(&t->k, f64x4, 0, 0);
    store(&t->k, 1, 0, ir_op1(&t->k.b, IR_NEG, x));
    store(&t->k, 1, 4, ir_op2(&t->k.b, IR_POW, x, ir_real(&t->k.b, f64x4, 0.3)));
    t->jit = pc_jit_open(&t->diags);
    cr_assert_not_null(t->jit);
}

static void teardown(struct fixture *t) {
    pc_jit_close(t->jit);
    close_kit(&t->k);
}

static struct pc_jit_code *compile_and_run(struct fixture *t) {
    double x[4] = {1, 2, 3, 4}, y[8];
    struct pc_jit_code *code = pc_jit_compile(t->jit, t->k.f, &t->diags);
    cr_assert_not_null(code);
    pc_jit_call(code, (void *const[]){x, y});
    for (int i = 0; i < 4; i++)
        cr_assert(y[i] == -x[i] && y[4 + i] == pow(x[i], 0.3));
    return code;
}

/* ---- memory ---- */

struct mappings {
    int executable, writable_too;
    bool holds; /* whether an executable one holds the address */
};

static struct mappings read_mappings(uintptr_t address) {
    struct mappings m = {0};
    char line[1024];
    FILE *file = fopen("/proc/self/maps", "r");
    cr_assert_not_null(file);
    while (fgets(line, sizeof line, file)) {
        uintptr_t from, to;
        char rights[5];
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s", &from, &to, rights) != 3 || !strchr(rights, 'x'))
            continue;
        m.executable++;
        m.writable_too += strchr(rights, 'w') != NULL;
        m.holds |= address >= from && address < to;
    }
    fclose(file);
    cr_assert_gt(m.executable, 0);
    return m;
}

static uintptr_t address_of(const struct pc_jit_code *code) {
    uintptr_t address;
    pc_jit_function *function = pc_jit_address(code);
    memcpy(&address, &function, sizeof address);
    return address;
}

Test(llvm_jit, no_memory_is_writable_and_executable) {
    struct fixture t;
    setup(&t);
    struct pc_jit_code *first = compile_and_run(&t), *second = compile_and_run(&t);
    const uintptr_t address = address_of(first);
    struct mappings m = read_mappings(address);
    cr_assert(m.holds && m.writable_too == 0);
    cr_assert_neq(address, address_of(second));
    pc_jit_release(first);
    m = read_mappings(address);
    cr_assert(!m.holds && m.writable_too == 0);
    cr_assert(read_mappings(address_of(second)).holds);
    pc_jit_release(second);
    pc_jit_release(NULL);
    teardown(&t);
    cr_assert_eq(read_mappings(address).writable_too, 0);
}

Test(llvm_jit, released_code_returns_its_memory) {
    enum { TIMES = 100 };
    struct fixture t;
    setup(&t);
    pc_jit_release(compile_and_run(&t)); /* what LLVM keeps for itself is there after the first */
    const int before = read_mappings(0).executable;
    for (int i = 0; i < TIMES; i++)
        pc_jit_release(compile_and_run(&t));
    cr_assert_eq(read_mappings(0).executable, before);
    teardown(&t);
}

Test(llvm_jit, several_at_once) {
    struct fixture a, b;
    setup(&a);
    setup(&b);
    struct pc_jit_code *first = compile_and_run(&a), *second = compile_and_run(&b);
    pc_jit_release(first);
    teardown(&a);
    pc_jit_release(second);
    pc_jit_release(compile_and_run(&b));
    teardown(&b);
    pc_jit_close(NULL);
}

/* ---- errors ---- */

static void assert_error(const struct fixture *t, enum pc_diag_id id, const char *words) {
    struct pc_text text = {0};
    cr_assert_eq(pc_diags_error_count(&t->diags), 1);
    cr_assert_eq(t->diags.first->id, id);
    pc_diags_render(&t->diags, NULL, &text);
    cr_assert(strstr(pc_text_string(&text), words), "'%s' is not in:\n%s", words, pc_text_string(&text));
    pc_text_release(&text);
}

/* A value of one part used in another, each so long that it is a function: no IR that ir_verify() lets through, and LLVM's
 * verifier is what notices. */
Test(llvm_jit, broken_functions_are_errors) {
    const struct ir_type f32 = {IR_F32, 1};
    struct fixture t;
    setup(&t);
    struct kit broken;
    open_kit(&broken);
    ir_buffer_add(broken.f, "x", IR_F32, 1, IR_INPUT);
    ir_buffer_add(broken.f, "y", IR_F32, 1, IR_OUTPUT);
    const uint32_t first = ir_loop_begin(&broken.b, "part", 1);
    ir_ref x = load(&broken, f32, 0, 0);
    for (int i = 0; i < 600; i++)
        x = ir_op1(&broken.b, IR_SQRT, x);
    ir_loop_end(&broken.b, first);
    const uint32_t second = ir_loop_begin(&broken.b, "part", 1);
    ir_ref y = x;
    for (int i = 0; i < 600; i++)
        y = ir_op1(&broken.b, IR_SQRT, y);
    store(&broken, 1, 0, y);
    ir_loop_end(&broken.b, second);
    cr_assert_not_null(ir_verify(broken.f, IR_LANES_MAX));
    const struct silence silence = silence_begin();
    struct pc_jit_code *code = pc_jit_compile(t.jit, broken.f, &t.diags);
    silence_end(silence);
    cr_assert_null(code);
    assert_error(&t, PC_DIAG_INTERNAL, "LLVM finds: ");
    pc_diags_init(&t.diags, &t.k.arena);
    pc_jit_release(compile_and_run(&t)); /* the JIT is as good as before */
    close_kit(&broken);
    teardown(&t);
}

static void codegen_fails(const struct pc_codegen_options *options, const char *words) {
    struct fixture t;
    struct pc_text text = {0};
    setup(&t);
    const struct silence silence = silence_begin();
    const bool good = pc_codegen_function(t.k.f, options, PC_CODE_ASSEMBLY, &text, &t.diags);
    silence_end(silence);
    cr_assert_not(good);
    cr_assert_eq(text.size, 0);
    assert_error(&t, PC_DIAG_BACKEND, words);
    pc_text_release(&text);
    teardown(&t);
}

Test(llvm_jit, machines_that_llvm_does_not_know) {
    codegen_fails(&(struct pc_codegen_options){.triple = "nonsense-unknown-linux"}, "'nonsense-unknown-linux'");
#if defined(__x86_64__)
    codegen_fails(&(struct pc_codegen_options){.triple = "aarch64-linux-gnu", .cpu = "native"}, "'native'");
#else
    codegen_fails(&(struct pc_codegen_options){.triple = "x86_64-pc-linux-gnu", .cpu = "native"}, "'native'");
#endif
}
