/* ir_jit.h - one function of the kernel IR by the interpreter and by the JIT, on memory whose ends are unreadable pages. */
#ifndef IR_JIT_H
#define IR_JIT_H

#include "ir_kit.h"

#include "front/diag.h"
#include "run/guarded.h"
#include "llvm/jit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { JIT_BUFFERS_MAX = 16 };

/* Between begin and end nothing may be written to standard error: LLVM prints where nobody tells it not to. */
struct silence {
    int kept; /* what standard error was */
    FILE *file;
};

static inline struct silence silence_begin(void) {
    const struct silence silence = {.kept = dup(STDERR_FILENO), .file = tmpfile()};
    cr_assert(silence.kept >= 0 && silence.file);
    cr_assert(dup2(fileno(silence.file), STDERR_FILENO) >= 0);
    return silence;
}

static inline void silence_end(struct silence silence) {
    char words[400];
    fflush(stderr);
    dup2(silence.kept, STDERR_FILENO);
    close(silence.kept);
    rewind(silence.file);
    words[fread(words, 1, sizeof words - 1, silence.file)] = '\0';
    fclose(silence.file);
    cr_assert_str_empty(words, "on standard error: %s", words);
}

static inline size_t buffer_bytes(const struct ir_buffer *buffer) {
    return (size_t)buffer->count * (size_t)ir_elements[buffer->element].bytes;
}

static inline void open_memory(const struct ir_function *f, const void *const *contents, enum pc_guarded_end end,
                               struct pc_guarded *memory) {
    cr_assert_leq(f->buffer_count, JIT_BUFFERS_MAX);
    for (size_t i = 0; i < f->buffer_count; i++) {
        const size_t bytes = buffer_bytes(&f->buffers[i]);
        memory[i] = (struct pc_guarded){0};
        if (f->buffers[i].role == IR_LOCAL)
            continue;
        cr_assert(pc_guarded_open(&memory[i], bytes, end));
        if (f->buffers[i].role == IR_INPUT)
            memcpy(memory[i].data, contents[i], bytes);
    }
}

/* The first element in which the two differ, any NaN being any NaN; -1 where none does. */
static inline int64_t first_difference(const struct ir_buffer *buffer, const void *expected, const void *actual) {
    const size_t bytes = (size_t)ir_elements[buffer->element].bytes;
    for (int64_t i = 0; i < buffer->count; i++) {
        const char *e = (const char *)expected + (size_t)i * bytes, *a = (const char *)actual + (size_t)i * bytes;
        if (memcmp(e, a, bytes) == 0)
            continue;
        const bool both_nan = (buffer->element == IR_F32 && isnan(*(const float *)e) && isnan(*(const float *)a)) ||
                              (buffer->element == IR_F64 && isnan(*(const double *)e) && isnan(*(const double *)a));
        if (!both_nan)
            return i;
    }
    return -1;
}

static inline void fail_with_text(const struct ir_function *f, const char *who, const char *words, int64_t at) {
    struct pc_text text = {0};
    ir_print(f, &text);
    cr_assert_fail("%s: %s [%lld] of\n%s", who, words, (long long)at, pc_text_string(&text));
}

static inline struct pc_jit_code *compile(struct pc_jit *jit, const struct ir_function *f, const char *who) {
    struct pc_arena arena = {0};
    struct pc_diags diags;
    struct pc_text text = {0};
    pc_diags_init(&diags, &arena);
    struct pc_jit_code *code = pc_jit_compile(jit, f, &diags);
    pc_diags_render(&diags, NULL, &text);
    if (!code || pc_diags_error_count(&diags) > 0)
        fail_with_text(f, who, pc_text_string(&text), 0);
    pc_text_release(&text);
    pc_arena_release(&arena);
    return code;
}

static inline void run_code(const struct ir_function *f, const struct pc_jit_code *code, const struct pc_guarded *memory) {
    void *parameters[JIT_BUFFERS_MAX];
    int count = 0;
    for (size_t i = 0; i < f->buffer_count; i++)
        if (f->buffers[i].role != IR_LOCAL)
            parameters[count++] = memory[i].data;
    pc_jit_call(code, parameters);
}

/* Verifies the function, runs it by both and compares outputs, inputs and what lies around them, twice: with the beginnings
 * and with the ends of the buffers at unreadable pages. contents[i] are the elements of input number i. */
static inline void run_both(struct pc_jit *jit, const struct kit *k, const void *const *contents, const char *who) {
    const struct ir_function *f = k->f;
    verify(k);
    struct pc_jit_code *code = compile(jit, f, who);
    for (int end = PC_FLUSH_BEGIN; end <= PC_FLUSH_END; end++) {
        struct pc_guarded expected[JIT_BUFFERS_MAX], actual[JIT_BUFFERS_MAX];
        void *buffers[JIT_BUFFERS_MAX];
        open_memory(f, contents, (enum pc_guarded_end)end, expected);
        open_memory(f, contents, (enum pc_guarded_end)end, actual);
        for (size_t i = 0; i < f->buffer_count; i++)
            buffers[i] = expected[i].data;
        cr_assert(ir_eval(f, buffers));
        run_code(f, code, actual);
        for (size_t i = 0; i < f->buffer_count; i++) {
            const struct ir_buffer *buffer = &f->buffers[i];
            if (buffer->role == IR_LOCAL)
                continue;
            const int64_t at = first_difference(buffer, expected[i].data, actual[i].data);
            if (at >= 0)
                fail_with_text(f, who, buffer->name, at);
            if (!pc_guarded_intact(&actual[i], buffer_bytes(buffer)))
                fail_with_text(f, who, "a byte beside a buffer was changed", (int64_t)i);
            pc_guarded_close(&expected[i]);
            pc_guarded_close(&actual[i]);
        }
    }
    pc_jit_release(code);
}

#endif
