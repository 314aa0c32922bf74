/* simd.h - the vector vocabulary of one generated file: types and functions of templates/simd/, of which only those that
 * the file uses are written into it, each once, in an order that depends on nothing but what is used.
 *
 * A type is called by element and lanes (f32x16, mask16), a function by its type and the operation (f32x16_add,
 * mask16_from_bits, f32x16_shuffle_02468acegikmoqsu: the lanes of a two operand shuffle as digits of base 36).  The
 * printer asks for names while it prints; the vocabulary is written afterwards. */
#ifndef PC_SIMD_H
#define PC_SIMD_H

#include "back/target.h"
#include "support/text.h"

struct pc_simd;

/* An empty vocabulary; it lives in the arena. The suffix stands behind each of its names: "_avx2" where a file has those of
 * several targets, else "". */
struct pc_simd *pc_simd_new(struct pc_arena *arena, enum pc_target target, const char *suffix);

/* The C name of a type of more than one lane; it is now in use. Asserts that the target has it. */
const char *pc_simd_type(struct pc_simd *simd, struct ir_type type);

/* The C name of the function for operation `word` on the type; it is now in use. */
const char *pc_simd_function(struct pc_simd *simd, struct ir_type type, const char *word);

/* How lanes chosen from two operands by a constant list of lanes of `from` are written: a function and its arguments.  An
 * operand of which no lane is taken is no argument: nobody may have written it. */
struct pc_simd_shuffle {
    const char *function; /* NULL: the argument itself */
    int argument[2];      /* operand 0 or 1 */
    int arguments;
};
struct pc_simd_shuffle pc_simd_shuffle(struct pc_simd *simd, struct ir_type from, int lanes, const uint8_t *list);

/* Whether nothing is in use. */
bool pc_simd_is_empty(const struct pc_simd *simd);

/* The lines that include what the vocabulary needs and check that the compiler allows it; "" where nothing is in use. */
const char *pc_simd_includes(const struct pc_simd *simd);

/* Adds the types and functions that are in use, and what these use. */
void pc_simd_write(const struct pc_simd *simd, struct pc_text *text);

#endif
