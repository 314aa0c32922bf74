/* tables.c - see tables.h. Everything here is expanded from the .def files beside the stages. */
#include "front/tables.h"

#include "front/diag.h"
#include "front/layer.h"

#include <limits.h>
#include <string.h>

enum { EDIT_MAX = 32 /* longer words are not compared: no word of the language is half as long */, SHORT_WORD = 3 };

#define COUNT(array) ((int)(sizeof(array) / sizeof(array)[0]))

static const struct pc_mode modes[] = {
#define MODE(id, name, lift, combine, finish, gradient, idempotent, keys, text)                                             \
    {name, PC_LIFT_##lift, PC_COMBINE_##combine, PC_FINISH_##finish, PC_GRADIENT_##gradient, idempotent, keys, text},
#include "modes.def"
#undef MODE
};

static const struct pc_dtype dtypes[] = {
#define DTYPE(id, name, bytes, c_type, text) {name, bytes, c_type, text},
#include "dtypes.def"
#undef DTYPE
};

/* The rows stand in the order of the public enumerators. */
enum {
#define MODE(id, ...) MODE_##id,
#include "modes.def"
#undef MODE
#define DTYPE(id, ...) DTYPE_##id,
#include "dtypes.def"
#undef DTYPE
};
enum { FIRST_DTYPE = COUNT(modes) };
#define MODE(id, ...) _Static_assert((int)MODE_##id == (int)POOL_##id, "modes.def and enum pool_mode differ");
#include "modes.def"
#undef MODE
#define DTYPE(id, ...) _Static_assert((int)DTYPE_##id - FIRST_DTYPE == (int)POOL_##id, "dtypes.def and pool_dtype differ");
#include "dtypes.def"
#undef DTYPE

static const struct pc_key_row keys[] = {
#define KEY(id, name, form, diag, text) {name, PC_VALUE_##form, PC_DIAG_##diag, text},
#include "keys.def"
#undef KEY
};

static const struct pc_dialect dialects[] = {
#define STRIDE_IS_KERNEL false
#define STRIDE_IS_ONE true
#define DIALECT(id, name, stride, include, layout, nan, lp, text)                                                           \
    {name, STRIDE_IS_##stride, include, POOL_##layout, POOL_NAN_##nan, lp, text},
#include "dialects.def"
#undef DIALECT
};

static const struct pc_layout layouts[] = {
#define LAYOUT(name, rank, order) {name, rank, POOL_##order},
#include "layouts.def"
#undef LAYOUT
};

static const char *const mode_words[] = {
#define MODE(id, name, ...) name,
#include "modes.def"
#undef MODE
};
static const char *const dtype_words[] = {
#define DTYPE(id, name, ...) name,
#include "dtypes.def"
#undef DTYPE
};
static const char *const key_words[] = {
#define KEY(id, name, ...) name,
#include "keys.def"
#undef KEY
};
static const char *const dialect_words[] = {
#define DIALECT(id, name, ...) name,
#include "dialects.def"
#undef DIALECT
};
static const char *const layout_words[] = {
#define LAYOUT(name, ...) name,
#include "layouts.def"
#undef LAYOUT
};
static const char *const bool_words[] = {"false", "true"};
static const char *const nan_words[] = {[POOL_NAN_PROPAGATE] = "propagate", [POOL_NAN_IGNORE] = "ignore"};
static const char *const indices_words[] = {
    [POOL_INDICES_NONE] = "none",
    [POOL_INDICES_WINDOW] = "window",
    [POOL_INDICES_PLANE] = "plane",
    [POOL_INDICES_TENSOR] = "tensor",
};
static const char *const unroll_words[] = {
    [PC_UNROLL_AUTO] = "auto",
    [PC_UNROLL_WINDOW] = "window",
    [PC_UNROLL_FULL] = "full",
};
static const char *const passes_words[] = {"forward", "backward"};
static const char *const padding_words[] = {
    [PC_PADDING_VALID] = "valid",
    [PC_PADDING_SAME] = "same",
    [PC_PADDING_SAME_LOWER] = "same_lower",
};
static const char *const kernel_words[] = {"global"};
static const char *const divisor_words[] = {"window"};

const struct pc_words pc_words_mode = {mode_words, COUNT(mode_words)};
const struct pc_words pc_words_dtype = {dtype_words, COUNT(dtype_words)};
const struct pc_words pc_words_key = {key_words, COUNT(key_words)};
const struct pc_words pc_words_dialect = {dialect_words, COUNT(dialect_words)};
const struct pc_words pc_words_layout = {layout_words, COUNT(layout_words)};
const struct pc_words pc_words_bool = {bool_words, COUNT(bool_words)};
const struct pc_words pc_words_nan = {nan_words, COUNT(nan_words)};
const struct pc_words pc_words_indices = {indices_words, COUNT(indices_words)};
const struct pc_words pc_words_unroll = {unroll_words, COUNT(unroll_words)};
const struct pc_words pc_words_passes = {passes_words, COUNT(passes_words)};
const struct pc_words pc_words_padding = {padding_words, COUNT(padding_words)};
const struct pc_words pc_words_kernel = {kernel_words, COUNT(kernel_words)};
const struct pc_words pc_words_divisor = {divisor_words, COUNT(divisor_words)};

const struct pc_mode *pc_mode_of(enum pool_mode mode) {
    return &modes[mode];
}

const struct pc_dtype *pc_dtype_row(enum pool_dtype dtype) {
    return &dtypes[dtype];
}

const struct pc_key_row *pc_key_row(enum pc_key key) {
    return &keys[key];
}

const struct pc_dialect *pc_dialect_row(int index) {
    return &dialects[index];
}

const struct pc_layout *pc_layout_row(int index) {
    return &layouts[index];
}

int pc_words_find(struct pc_words list, const char *word) {
    for (int i = 0; i < list.count; i++)
        if (list.words[i][0] && strcmp(list.words[i], word) == 0)
            return i;
    return -1;
}

/* Insertions, deletions, substitutions and swaps of neighbours that turn one word into the other. Words of at most EDIT_MAX
 * bytes. */
static int edit_distance(const char *left, size_t left_length, const char *right, size_t right_length) {
    int table[EDIT_MAX + 1][EDIT_MAX + 1];
    for (size_t i = 0; i <= left_length; i++) {
        for (size_t j = 0; j <= right_length; j++) {
            int best = (int)(i ? j ? INT_MAX : i : j);
            if (i && j) {
                best = table[i - 1][j - 1] + (left[i - 1] != right[j - 1]);
                best = table[i - 1][j] + 1 < best ? table[i - 1][j] + 1 : best;
                best = table[i][j - 1] + 1 < best ? table[i][j - 1] + 1 : best;
            }
            bool swapped = i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1];
            if (swapped && table[i - 2][j - 2] + 1 < best)
                best = table[i - 2][j - 2] + 1;
            table[i][j] = best;
        }
    }
    return table[left_length][right_length];
}

int pc_word_unlikeness(const char *left, const char *right) {
    size_t left_length = strlen(left), right_length = strlen(right);
    size_t longer = left_length > right_length ? left_length : right_length;
    size_t shorter = left_length > right_length ? right_length : left_length, apart = longer - shorter;
    int limit = shorter <= SHORT_WORD ? 1 : 2;
    if (longer > EDIT_MAX || longer < 2 || apart > (size_t)limit)
        return INT_MAX;
    int distance = edit_distance(left, left_length, right, right_length);
    return distance > limit ? INT_MAX : 2 * distance + (apart > 0); /* letters in the wrong place are the commonest slip */
}

int pc_words_suggest(struct pc_words list, const char *word) {
    int nearest = -1, best = INT_MAX;
    for (int i = 0; i < list.count; i++) {
        int now = pc_word_unlikeness(list.words[i], word);
        if (now < best) {
            nearest = i;
            best = now;
        }
    }
    return nearest;
}

const char *pc_words_join(struct pc_words list, struct pc_arena *arena) {
    const char *text = "";
    int named = 0, left = 0;
    for (int i = 0; i < list.count; i++)
        left += list.words[i][0] != '\0';
    for (int i = 0; i < list.count; i++) {
        if (!list.words[i][0])
            continue;
        left--;
        text = pc_arena_printf(arena, "%s%s%s", text, named == 0 ? "" : left ? ", " : " or ", list.words[i]);
        named++;
    }
    return text;
}
