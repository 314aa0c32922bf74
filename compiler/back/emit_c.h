/* emit_c.h - the kernel IR as C99.
 *
 * A printer: it knows the IR and nothing of layers, modes or plans.  For values of one lane, what C lacks (pick_gt, masks)
 * is written with its own operators; operations on more lanes are calls of the target's vocabulary (simd.h). */
#ifndef PC_EMIT_C_H
#define PC_EMIT_C_H

#include "back/simd.h"
#include "ir/ir_parts.h"

/* The function's prototype without the semicolon: "void name(const float *x, float *y)". `restrict_word` stands before each
 * parameter's name; "" in headers, where C++ has no restrict. */
void pc_emit_c_signature(const struct ir_function *function, const char *restrict_word, struct pc_text *text);

/* The same for the function that runs one part: "void name_part(const float *x, float *y, size_t part, size_t parts)". */
void pc_emit_c_part_signature(const struct ir_function *function, const char *restrict_word, struct pc_text *text);

/* Words that the file around the functions defines. */
struct pc_c_words {
    const char *restrict_word; /* before each parameter's name */
    const char *part;          /* before functions that hold a piece of a long straight line: static, not inlined */
    const char *begin;         /* the function that says where a part's iterations begin: pc_emit_c_begin() */
    struct pc_simd *simd;      /* the file's vectors; NULL: no function has values of more than one lane */
    bool is_static;            /* the function is one target's of several, and nobody's outside the file */
    const char *aligned;       /* before local arrays of vectors */
    const char *fetch;         /* a macro: fetches the cache line of an address that is written soon */
    bool openmp;               /* the whole function runs its parts by OpenMP, where the compiler has that */
};

/* The function's definition, after those of its pieces where it is a sequence of blocks, and that of name_part(): whichever
 * is the shorter calls the other.  A static function is only name(), with the parameters of name_part().  `parts` NULL:
 * name() alone. */
void pc_emit_c_function(const struct ir_function *function, const struct ir_parts *parts, const struct pc_c_words *words,
                        struct pc_text *text);

/* The definition of name() as a call of name_part(). */
void pc_emit_c_whole(const struct ir_function *function, const struct pc_c_words *words, struct pc_text *text);

/* The definition of `name`, which is ir_parts_begin() in C. */
void pc_emit_c_begin(const char *name, struct pc_text *text);

/* What the function needs from the C library and the compiler. */
struct pc_c_needs {
    bool math;        /* <math.h>: a function or NAN, INFINITY */
    bool integers;    /* <stdint.h> */
    bool parts;       /* the word for pieces */
    bool aligned;     /* the word for local arrays, if it has vectors */
    bool fetch;       /* the macro that fetches cache lines */
    bool contraction; /* a product feeds a sum, which must not be fused */
    bool selects;     /* conditional expressions, which must not become branches */
};
struct pc_c_needs pc_emit_c_needs(const struct ir_function *function);

#endif
