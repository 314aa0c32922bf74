/* template.h - the files of templates/, embedded into the program, with @NAME@ replaced. */
#ifndef PC_TEMPLATE_H
#define PC_TEMPLATE_H

#include "support/text.h"

struct pc_template_value {
    const char *name; /* without the @ signs */
    const char *text;
};

/* Adds the template, its values replaced. Values end with {NULL, NULL}. An unknown @NAME@ is left as it is, which the tests
 * of generated files would see. */
void pc_template_fill(const char *template_text, const struct pc_template_value *values, struct pc_text *text);

extern const char pc_template_kernel_c[], pc_template_kernel_h[], pc_template_selftest_c[], pc_template_bench_c[];
extern const char pc_template_simd_common[], pc_template_simd_sse2[], pc_template_simd_avx2[], pc_template_simd_avx512[],
    pc_template_simd_neon[];

#endif
