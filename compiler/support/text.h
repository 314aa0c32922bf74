/* text.h - a growing text buffer. Every printer writes into one; files are written from it whole. */
#ifndef PC_TEXT_H
#define PC_TEXT_H

#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>

struct pc_text {
    char *bytes; /* NUL-terminated once anything was added; NULL before */
    size_t size, capacity;
    jmp_buf *out_of_memory; /* longjmp target, or NULL: abort */
};

/* A zeroed struct pc_text is empty. */
void pc_text_release(struct pc_text *text);
void pc_text_clear(struct pc_text *text);
void pc_text_add(struct pc_text *text, const char *string);
void pc_text_add_bytes(struct pc_text *text, const char *bytes, size_t size);
void pc_text_add_char(struct pc_text *text, char c);
void pc_text_add_int(struct pc_text *text, int64_t value);
void pc_text_printf(struct pc_text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
const char *pc_text_string(const struct pc_text *text); /* "" when empty */

#endif
