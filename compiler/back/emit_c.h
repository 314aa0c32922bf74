/* emit_c.h - the kernel IR as C99.
 *
 * A printer: it knows the IR and nothing of layers, modes or plans.  For values of one lane, what C lacks (pick_gt, masks) is
 * written with its own operators; operations on more lanes are calls of the target's vocabulary (simd.h). */
#ifndef PC_EMIT_C_H
#define PC_EMIT_C_H

#include "back/simd.h"

/* The function's prototype without the semicolon: "void name(const float *x, float *y)". `restrict_word` stands before each
 * parameter's name; "" in headers, where C++ has no restrict. */
void pc_emit_c_signature(const struct ir_function *function, const char *restrict_word, struct pc_text *text);

/* Words that the file around the functions defines. */
struct pc_c_words {
    const char *restrict_word; /* before each parameter's name */
    const char *part;          /* before functions that hold a part of a long one: static, not inlined */
    struct pc_simd *simd;      /* the file's vectors; NULL: no function has values of more than one lane */
    bool is_static;            /* the function is nobody's outside the file */
};

/* The function's definition, after those of its parts where it is a sequence of blocks. */
void pc_emit_c_function(const struct ir_function *function, const struct pc_c_words *words, struct pc_text *text);

/* What the function needs from the C library and the compiler. */
struct pc_c_needs {
    bool math;        /* <math.h>: a function or NAN, INFINITY */
    bool integers;    /* <stdint.h> */
    bool parts;       /* the word for parts */
    bool contraction; /* a product feeds a sum, which must not be fused */
    bool selects;     /* conditional expressions, which must not become branches */
};
struct pc_c_needs pc_emit_c_needs(const struct ir_function *function);

#endif
