/* dispatch.c - see dispatch.h. */
#include "back/dispatch.h"

#include "back/emit_c.h"

#include <ctype.h>
#include <string.h>

void pc_dispatch_includes(const struct pc_targets *targets, bool vectors, struct pc_text *text) {
    const char *machine = pc_target_row(targets->items[0])->machine;
    pc_text_printf(text,
                   "\n#if !(defined(__GNUC__) && defined(__%s__))\n"
                   "#error \"this file is for gcc and clang on %s\"\n#endif\n",
                   machine, machine);
    if (!vectors)
        return;
    pc_text_add(text, "\n");
    for (int i = 0; i < targets->count; i++) {
        const char *header = pc_target_row(targets->items[i])->header;
        bool again = !*header;
        for (int k = 0; k < i; k++)
            again |= strcmp(pc_target_row(targets->items[k])->header, header) == 0;
        if (!again)
            pc_text_printf(text, "#include %s\n", header);
    }
    pc_text_add(text, "#include <string.h>\n");
}

/* "-mavx512f -mavx512bw" as "avx512f,avx512bw". */
static void add_features(const char *flags, struct pc_text *text) {
    static const char mark[] = "-m";
    for (const char *at = flags; *at;) {
        const size_t length = strcspn(at, " ");
        pc_text_add(text, at == flags ? "" : ",");
        pc_text_add_bytes(text, at + strlen(mark), length - strlen(mark));
        at += length + (at[length] == ' ');
    }
}

void pc_dispatch_open(enum pc_target target, struct pc_text *text) {
    const struct pc_target_row *row = pc_target_row(target);
    pc_text_printf(text, "\n/* ---- %s ---- */\n", row->name);
    if (!*row->flags)
        return;
    pc_text_add(text, "\n#if defined(__clang__)\n#pragma clang attribute push(__attribute__((target(\"");
    add_features(row->flags, text);
    pc_text_add(text, "\"))), apply_to = function)\n#else\n#pragma GCC push_options\n#pragma GCC target(\"");
    add_features(row->flags, text);
    pc_text_add(text, "\")\n#endif\n");
}

void pc_dispatch_close(enum pc_target target, struct pc_text *text) {
    if (*pc_target_row(target)->flags)
        pc_text_add(text, "\n#if defined(__clang__)\n#pragma clang attribute pop\n#else\n#pragma GCC pop_options\n#endif\n");
}

const char *pc_dispatch_suffix(enum pc_target target, struct pc_arena *arena) {
    return pc_arena_printf(arena, "_%s", pc_target_row(target)->name);
}

/* PREFIX_HAS_AVX2 */
static const char *macro(enum pc_target target, const char *prefix, struct pc_arena *arena) {
    char *name = pc_arena_printf(arena, "%s_HAS_%s", prefix, pc_target_row(target)->name);
    for (char *c = name; *c; c++)
        *c = (char)toupper((unsigned char)*c);
    return name;
}

/* The condition, each of its parts on a line of a macro. */
static void add_lines(const char *condition, struct pc_text *text) {
    static const char mark[] = " && ";
    for (const char *end = strstr(condition, mark); end; end = strstr(condition, mark)) {
        pc_text_add_bytes(text, condition, (size_t)(end - condition));
        pc_text_add(text, " && \\\n     ");
        condition = end + strlen(mark);
    }
    pc_text_add(text, condition);
}

void pc_dispatch_tests(const struct pc_targets *targets, const char *prefix, struct pc_arena *arena, struct pc_text *text) {
    pc_text_add(text, "\n/* ---- the first of these targets that the processor has ---- */\n\n");
    for (int i = 0; i < targets->count - 1; i++) {
        pc_text_printf(text, "#define %s \\\n    (", macro(targets->items[i], prefix, arena));
        add_lines(pc_target_row(targets->items[i])->test, text);
        pc_text_add(text, ")\n");
    }
}

void pc_dispatch_part(const struct ir_function *function, const struct pc_targets *targets, const char *prefix,
                      const char *restrict_word, struct pc_arena *arena, struct pc_text *text) {
    const char *arguments = "";
    for (size_t i = 0; i < function->buffer_count; i++)
        if (function->buffers[i].role != IR_LOCAL)
            arguments = pc_arena_printf(arena, "%s%s, ", arguments, function->buffers[i].name);
    pc_text_add(text, "\n");
    pc_emit_c_part_signature(function, restrict_word, text);
    pc_text_add(text, " {\n");
    for (int i = 0; i < targets->count; i++) {
        if (i < targets->count - 1)
            pc_text_printf(text, "    %sif (%s)\n", i ? "else " : "", macro(targets->items[i], prefix, arena));
        else
            pc_text_add(text, "    else\n");
        pc_text_printf(text, "        %s%s(%spart, parts);\n", function->name, pc_dispatch_suffix(targets->items[i], arena),
                       arguments);
    }
    pc_text_add(text, "}\n");
}
