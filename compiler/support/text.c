/* text.c - see text.h. Integers have their own path because generated C is mostly integers and printf is slow. */
#include "support/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void grow(struct pc_text *text, size_t more) {
    size_t capacity = text->capacity ? text->capacity : 4096;
    while (capacity - text->size <= more && capacity <= PTRDIFF_MAX / 2)
        capacity *= 2;
    char *bytes = capacity - text->size > more ? realloc(text->bytes, capacity) : NULL;
    if (!bytes) {
        if (text->out_of_memory)
            longjmp(*text->out_of_memory, 1);
        abort();
    }
    text->bytes = bytes;
    text->capacity = capacity;
}

static inline void reserve(struct pc_text *text, size_t more) {
    if (text->capacity - text->size <= more)
        grow(text, more);
}

void pc_text_release(struct pc_text *text) {
    free(text->bytes);
    text->bytes = NULL;
    text->size = text->capacity = 0;
}

void pc_text_clear(struct pc_text *text) {
    text->size = 0;
    if (text->bytes)
        text->bytes[0] = '\0';
}

void pc_text_add_bytes(struct pc_text *text, const char *bytes, size_t size) {
    reserve(text, size);
    if (size)
        memcpy(text->bytes + text->size, bytes, size);
    text->size += size;
    text->bytes[text->size] = '\0';
}

void pc_text_add(struct pc_text *text, const char *string) {
    pc_text_add_bytes(text, string, strlen(string));
}

void pc_text_add_char(struct pc_text *text, char c) {
    pc_text_add_bytes(text, &c, 1);
}

void pc_text_add_int(struct pc_text *text, int64_t value) {
    char digits[21], *first = digits + sizeof digits;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do
        *--first = (char)('0' + rest % 10);
    while (rest /= 10);
    if (value < 0)
        *--first = '-';
    pc_text_add_bytes(text, first, (size_t)(digits + sizeof digits - first));
}

void pc_text_printf(struct pc_text *text, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length < 0)
        abort(); /* only for an invalid format string */
    reserve(text, (size_t)length);
    va_start(args, format);
    vsnprintf(text->bytes + text->size, (size_t)length + 1, format, args);
    va_end(args);
    text->size += (size_t)length;
}

const char *pc_text_string(const struct pc_text *text) {
    return text->bytes ? text->bytes : "";
}
