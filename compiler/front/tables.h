/* tables.h - the vocabulary: rows of modes.def, dtypes.def, keys.def, dialects.def and layouts.def, and lists of words.
 *
 * Words are resolved here and not by the scanner, so that none is reserved and a misspelt one can be answered with the
 * nearest. Row numbers are the enumerators of pool/desc.h. */
#ifndef PC_TABLES_H
#define PC_TABLES_H

#include "pool/desc.h"
#include "support/arena.h"

#include <stddef.h>

/* Words that may stand in one place; the index of a word is its meaning. */
struct pc_words {
    const char *const *words;
    int count;
};

/* The index of a word; -1 where the list has none. */
int pc_words_find(struct pc_words list, const char *word);

/* The index of the word that a misspelt one is most like; -1: none. */
int pc_words_suggest(struct pc_words list, const char *word);

/* How unlike two words are: the less, the liker. INT_MAX when no one would take one for the other: at most two letters may
 * be missing, added, exchanged or swapped with their neighbour, in a word of up to three letters one. */
int pc_word_unlikeness(const char *left, const char *right);

/* "a, b or c" */
const char *pc_words_join(struct pc_words list, struct pc_arena *arena);

extern const struct pc_words pc_words_mode, pc_words_dtype, pc_words_key, pc_words_dialect, pc_words_layout;
extern const struct pc_words pc_words_bool;    /* false, true */
extern const struct pc_words pc_words_nan;     /* enum pool_nan */
extern const struct pc_words pc_words_indices; /* enum pool_indices */
extern const struct pc_words pc_words_unroll;  /* enum pc_unroll */
extern const struct pc_words pc_words_passes;  /* forward, backward */
extern const struct pc_words pc_words_padding; /* enum pc_padding_word */
extern const struct pc_words pc_words_kernel;  /* global */
extern const struct pc_words pc_words_divisor; /* window */

enum pc_padding_word { PC_PADDING_VALID, PC_PADDING_SAME, PC_PADDING_SAME_LOWER };

/* modes.def */
enum pc_lift { PC_LIFT_NONE, PC_LIFT_ABS_POW };
enum pc_combine { PC_COMBINE_PICK_GT, PC_COMBINE_PICK_LT, PC_COMBINE_ADD };
enum pc_finish { PC_FINISH_NONE, PC_FINISH_DIVIDE, PC_FINISH_ROOT };
enum pc_gradient { PC_GRADIENT_SELECT, PC_GRADIENT_WEIGHT };
enum pc_mode_keys { PC_MODE_EXPONENT = 1, PC_MODE_PICKS = 2, PC_MODE_DIVIDES = 4 };

struct pc_mode {
    const char *name;
    enum pc_lift lift;
    enum pc_combine combine;
    enum pc_finish finish;
    enum pc_gradient gradient;
    bool idempotent;
    unsigned keys; /* enum pc_mode_keys, or-ed: which keys apply */
    const char *text;
};
const struct pc_mode *pc_mode_of(enum pool_mode mode);

/* dtypes.def */
struct pc_dtype {
    const char *name;
    int bytes;
    const char *c_type;
    const char *text;
};
const struct pc_dtype *pc_dtype_row(enum pool_dtype dtype);

/* keys.def */
enum pc_key {
#define KEY(id, name, form, diag, text) PC_KEY_##id,
#include "keys.def"
#undef KEY
    PC_KEY_COUNT
};

enum pc_key_form {
    PC_VALUE_MODE,
    PC_VALUE_WORD,
    PC_VALUE_WORDS,
    PC_VALUE_INTEGER,
    PC_VALUE_SIZES,
    PC_VALUE_KERNEL,
    PC_VALUE_PADDING,
};

struct pc_key_row {
    const char *name;
    enum pc_key_form form;
    int bad; /* enum pc_diag_id for a number out of range */
    const char *text;
};
const struct pc_key_row *pc_key_row(enum pc_key key);

/* dialects.def */
enum pc_dialect_id {
#define DIALECT(id, name, stride, include, layout, nan, lp, text) PC_DIALECT_##id,
#include "dialects.def"
#undef DIALECT
};

struct pc_dialect {
    const char *name;
    bool stride_is_one; /* else the kernel */
    bool count_include_pad;
    enum pool_layout layout;
    enum pool_nan nan;
    const char *lp_differs; /* how, or NULL */
    const char *text;
};
const struct pc_dialect *pc_dialect_row(int index);

/* layouts.def */
struct pc_layout {
    const char *name;
    int rank; /* spatial axes; 0: any */
    enum pool_layout order;
};
const struct pc_layout *pc_layout_row(int index);

#endif
