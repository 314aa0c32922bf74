/* harness.c - runs the functions of a file that test_simd.c generated and compares what they store with what the interpreter
 * stored: harness DATA, the file with inputs and expected outputs in the order of the table.
 *
 * Each function runs twice, with the beginnings and with the ends of its buffers at unreadable pages. */
#include "cases.h"

#include "run/guarded.h"

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BUFFERS_MAX = 16 };

static const char *running = "";

static void on_signal(int number) {
    static const char words[] = ": touches memory that is not its own\n";
    (void)!write(STDERR_FILENO, running, strlen(running));
    (void)!write(STDERR_FILENO, words, sizeof words - 1);
    _exit(128 + number);
}

static bool is_nan(const struct case_buffer *buffer, const unsigned char *at) {
    uint32_t half;
    uint64_t bits;
    memcpy(&half, at, sizeof half);
    if (buffer->bytes == 4)
        return (half & INT32_MAX) > UINT32_C(0x7f800000);
    memcpy(&bits, at, sizeof bits);
    return (bits & INT64_MAX) > UINT64_C(0x7ff0000000000000);
}

/* The first element that differs, any NaN being any NaN; -1: none. */
static long first_difference(const struct case_buffer *buffer, const unsigned char *expected, const unsigned char *actual) {
    for (long i = 0; i < buffer->count; i++, expected += buffer->bytes, actual += buffer->bytes)
        if (memcmp(expected, actual, (size_t)buffer->bytes) != 0 &&
            !(buffer->is_real && is_nan(buffer, expected) && is_nan(buffer, actual)))
            return i;
    return -1;
}

static void print_element(const struct case_buffer *buffer, const unsigned char *at) {
    uint64_t bits = 0;
    memcpy(&bits, at, (size_t)buffer->bytes);
    fprintf(stderr, " %llx", (unsigned long long)bits);
}

static bool check(const struct case_row *row, unsigned char *const *contents, enum pc_guarded_end end) {
    struct pc_guarded memory[BUFFERS_MAX];
    void *pointers[BUFFERS_MAX];
    bool ok = true;
    for (int i = 0; i < row->count; i++) {
        const size_t size = (size_t)(row->buffers[i].bytes * row->buffers[i].count);
        if (!pc_guarded_open(&memory[i], size, end))
            abort();
        pointers[i] = memory[i].data;
        if (!row->buffers[i].is_output)
            memcpy(memory[i].data, contents[i], size);
    }
    row->call(pointers);
    for (int i = 0; i < row->count; i++) {
        const struct case_buffer *buffer = &row->buffers[i];
        const unsigned char *expected = contents[i], *actual = memory[i].data;
        const long at = first_difference(buffer, expected, actual);
        if (ok && at >= 0) {
            fprintf(stderr, "%s: %s[%ld] (beginning or end at a page: %d), expected and found:", row->name, buffer->name, at,
                    (int)end);
            print_element(buffer, expected + at * buffer->bytes);
            print_element(buffer, actual + at * buffer->bytes);
            fprintf(stderr, "\n");
        }
        const bool intact = pc_guarded_intact(&memory[i], (size_t)(buffer->bytes * buffer->count));
        if (ok && !intact)
            fprintf(stderr, "%s: a byte beside %s was changed\n", row->name, buffer->name);
        ok = ok && at < 0 && intact;
        pc_guarded_close(&memory[i]);
    }
    return ok;
}

int main(int count, char **arguments) {
    FILE *data = count > 1 ? fopen(arguments[1], "rb") : NULL;
    bool ok = true;
    if (!data)
        return 2;
    signal(SIGSEGV, on_signal);
    signal(SIGBUS, on_signal);
    signal(SIGILL, on_signal);
    for (int k = 0; k < case_count && ok; k++) {
        unsigned char *contents[BUFFERS_MAX];
        running = case_rows[k].name;
        for (int i = 0; i < case_rows[k].count; i++) {
            const size_t size = (size_t)(case_rows[k].buffers[i].bytes * case_rows[k].buffers[i].count);
            contents[i] = malloc(size);
            if (!contents[i] || fread(contents[i], 1, size, data) != size)
                return 2;
        }
        for (int end = PC_FLUSH_BEGIN; end <= PC_FLUSH_END; end++)
            ok = ok && check(&case_rows[k], contents, (enum pc_guarded_end)end);
        for (int i = 0; i < case_rows[k].count; i++)
            free(contents[i]);
    }
    fclose(data);
    return ok ? 0 : 1;
}
