/* batch.c - see batch.h. */
#include "batch.h"

#include "back/emit_c.h"
#include "ir/simplify.h"

#include <stdlib.h>
#include <string.h>

enum { BUFFERS_MAX = 16 };

void batch_begin(struct batch *batch, enum pc_target target, FILE *data) {
    *batch = (struct batch){.target = target, .data = data};
    batch->simd = pc_simd_new(&batch->arena, target, "");
}

static size_t bytes_of(const struct ir_buffer *buffer) {
    return (size_t)buffer->count * (size_t)ir_elements[buffer->element].bytes;
}

/* By the interpreter; inputs and outputs to the file of data. */
static void evaluate(struct batch *batch, const struct ir_function *f, const void *const *contents) {
    void *buffers[BUFFERS_MAX] = {NULL};
    cr_assert_leq(f->buffer_count, BUFFERS_MAX);
    for (size_t i = 0; i < f->buffer_count; i++) {
        if (f->buffers[i].role == IR_LOCAL)
            continue;
        cr_assert_not_null(buffers[i] = malloc(bytes_of(&f->buffers[i])));
        if (f->buffers[i].role == IR_INPUT)
            memcpy(buffers[i], contents[i], bytes_of(&f->buffers[i]));
    }
    cr_assert(ir_eval(f, buffers));
    for (size_t i = 0; i < f->buffer_count; i++) {
        if (f->buffers[i].role == IR_LOCAL)
            continue;
        cr_assert_eq(fwrite(buffers[i], 1, bytes_of(&f->buffers[i]), batch->data), bytes_of(&f->buffers[i]));
        free(buffers[i]);
    }
}

/* The row of the table, and the function behind it that takes an array of buffers. */
static void add_row(struct batch *batch, const struct ir_function *f) {
    struct pc_text *code = &batch->code;
    int count = 0;
    pc_text_printf(code, "static void %s_call(void *const *buffers) {\n    %s(", f->name, f->name);
    for (size_t i = 0; i < f->buffer_count; i++)
        if (f->buffers[i].role != IR_LOCAL) {
            pc_text_printf(code, "%s(%s%s *)buffers[%d]", count ? ", " : "", f->buffers[i].role == IR_INPUT ? "const " : "",
                           ir_elements[f->buffers[i].element].c_type, count);
            count++;
        }
    pc_text_printf(code, ");\n}\nstatic const struct case_buffer %s_buffers[] = {", f->name);
    for (size_t i = 0; i < f->buffer_count; i++)
        if (f->buffers[i].role != IR_LOCAL)
            pc_text_printf(code, "{\"%s\", %d, %lld, %d, %d}, ", f->buffers[i].name, ir_elements[f->buffers[i].element].bytes,
                           (long long)f->buffers[i].count, ir_elements[f->buffers[i].element].real,
                           f->buffers[i].role == IR_OUTPUT);
    pc_text_add(code, "};\n");
    pc_text_printf(&batch->table, "    {\"%s\", %s_call, %s_buffers, %d},\n", f->name, f->name, f->name, count);
}

void batch_add(struct batch *batch, struct kit *kit, const char *name, const void *const *contents) {
    struct ir_function *f = kit->f;
    const struct pc_c_words words = {
        .restrict_word = "RESTRICT", .part = "static", .aligned = "", .fetch = "FETCH", .simd = batch->simd};
    f->name = pc_arena_printf(&kit->arena, "%s_%d", name, batch->count++);
    pc_simplify(f);
    const char *problem = ir_verify(f, pc_target_row(batch->target)->most);
    cr_assert_null(problem, "%s", problem ? problem : "");
    for (size_t i = 1; i < f->node_count; i++)
        batch->seen[f->nodes[i].op] = true;
    batch->nodes += f->node_count;
    ir_print(f, &batch->dump);
    pc_text_add(&batch->code, "\n");
    pc_emit_c_signature(f, "RESTRICT", &batch->code);
    pc_text_add(&batch->code, ";\n");
    pc_emit_c_function(f, NULL, &words, &batch->code);
    add_row(batch, f);
    evaluate(batch, f, contents);
}

void batch_relax(struct batch *batch) {
    pc_text_add(&batch->code, "\n#pragma GCC diagnostic ignored \"-Wunused-but-set-variable\"\n"
                              "#pragma GCC diagnostic ignored \"-Wtautological-compare\"\n"
                              "#pragma GCC diagnostic ignored \"-Wtype-limits\"\n");
}

void batch_write(struct batch *batch, FILE *file) {
    struct pc_text vocabulary = {0};
    pc_simd_write(batch->simd, &vocabulary);
    fprintf(file,
            "#include \"cases.h\"\n#include <math.h>\n#include <stddef.h>\n#include <stdint.h>\n%s"
            "#if defined(__cplusplus)\n#define RESTRICT __restrict\n#else\n#define RESTRICT restrict\n#endif\n#define "
            "FETCH(place) __builtin_prefetch(place, 1)\n%s%s\n"
            "const struct case_row case_rows[] = {\n%s};\nconst int case_count = %d;\n",
            pc_simd_includes(batch->simd), pc_text_string(&vocabulary), pc_text_string(&batch->code),
            pc_text_string(&batch->table), batch->count);
    pc_text_release(&vocabulary);
}

void batch_end(struct batch *batch) {
    pc_text_release(&batch->code);
    pc_text_release(&batch->table);
    pc_text_release(&batch->dump);
    pc_arena_release(&batch->arena);
}
