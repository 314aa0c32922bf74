/* cases.h - the table of functions between a generated file and harness.c. */
#ifndef CASES_H
#define CASES_H

#ifdef __cplusplus
extern "C" {
#endif

struct case_buffer {
    const char *name;
    long bytes, count; /* of an element; elements */
    int is_real, is_output;
};

struct case_row {
    const char *name;
    void (*call)(void *const *buffers);
    const struct case_buffer *buffers;
    int count;
};

extern const struct case_row case_rows[];
extern const int case_count;

#ifdef __cplusplus
}
#endif
#endif
