/* check_keys.c - reads the attributes of a pool, each for itself: is the key one, is its value of the right form and in
 * its range? What the values mean together is check_rules.c's. */
#include "front/check.h"

#include <math.h>

static void note_suggestion(struct pc_draft *draft, struct pc_diag *diag, struct pc_words list, const char *word) {
    int index = pc_words_suggest(list, word);
    if (index >= 0)
        pc_diag_note(draft->scope->diags, diag, (struct pc_span){0, 0}, "did you mean '%s'?", list.words[index]);
}

static void mark_bad(struct pc_draft *draft, enum pc_key key) {
    draft->bad[key] = true;
    draft->failed = true;
}

/* The word that a value is, or NULL. */
static const char *word_of(const struct pc_ast_value *value) {
    const struct pc_expr *expr = value->sizes->begin;
    bool word = value->count == 1 && !value->sizes->end && expr->kind == PC_EXPR_NAME && !expr->parenthesised;
    return word ? expr->name : NULL;
}

/* The index of a word in `list`; -1 and the key is bad where it is none. */
static int read_word(struct pc_draft *draft, enum pc_key key, const struct pc_ast_value *value, struct pc_words list) {
    const char *key_name = pc_key_row(key)->name, *word = word_of(value);
    int index = word ? pc_words_find(list, word) : -1;
    if (index >= 0)
        return index;
    const char *all = pc_words_join(list, draft->scope->arena);
    if (word) {
        struct pc_diag *diag = PC_DRAFT_ERROR(draft, PC_DIAG_UNKNOWN_VALUE, value->span, "'%s' is no value of %s; write %s",
                                              word, key_name, all);
        note_suggestion(draft, diag, list, word);
    } else {
        PC_DRAFT_ERROR(draft, PC_DIAG_BAD_VALUE, value->span, "%s takes a word; write %s", key_name, all);
    }
    mark_bad(draft, key);
    return -1;
}

/* Behind the value of a key there is nothing more; what looks like a key is probably one. */
static void check_no_more(struct pc_draft *draft, enum pc_key key, const struct pc_ast_value *more) {
    if (!more)
        return;
    for (const struct pc_ast_value *value = more; value; value = value->next) {
        int index = word_of(value) ? pc_words_find(pc_words_key, word_of(value)) : -1;
        if (index >= 0)
            draft->bad[index] = true; /* else its absence would be reported too */
    }
    const char *word = word_of(more);
    enum pc_key_form form = pc_key_row(key)->form;
    if (word && pc_words_find(pc_words_key, word) >= 0)
        PC_DRAFT_ERROR(draft, PC_DIAG_EXTRA_VALUE, more->span,
                       "'%s' begins another attribute; write ';' or a line break before it", word);
    else if (form == PC_VALUE_SIZES || form == PC_VALUE_KERNEL || form == PC_VALUE_PADDING)
        PC_DRAFT_ERROR(draft, PC_DIAG_EXTRA_VALUE, more->span,
                       "sizes are separated by 'x'; write 'x' before this or remove it");
    else
        PC_DRAFT_ERROR(draft, PC_DIAG_EXTRA_VALUE, more->span, "the value of %s ends before this; remove it",
                       pc_key_row(key)->name);
}

bool pc_draft_check_exponent(struct pc_draft *draft, double p, struct pc_span span) {
    if (p >= 1 && p <= POOL_EXPONENT_MAX)
        return true;
    PC_DRAFT_ERROR(draft, PC_DIAG_BAD_EXPONENT, span, "the exponent of lp must be a number from 1 to 1e30");
    return false;
}

/* The first name of an expression, as in `lp - 2`. */
static const char *leading_name(const struct pc_expr *expr) {
    while (expr->left && expr->kind != PC_EXPR_NEG)
        expr = expr->left;
    return expr->kind == PC_EXPR_NAME ? expr->name : NULL;
}

static void read_mode(struct pc_draft *draft, const struct pc_ast_value *value) {
    if (!word_of(value)) {
        const char *name = leading_name(value->sizes->begin);
        int index = name ? pc_words_find(pc_words_mode, name) : -1;
        if (index >= 0 && pc_mode_of((enum pool_mode)index)->keys & PC_MODE_EXPONENT) {
            PC_DRAFT_ERROR(draft, PC_DIAG_BAD_VALUE, value->span,
                           "the exponent is one number of at least 1; put an expression in parentheses: '%s (N + 1)'", name);
            mark_bad(draft, PC_KEY_MODE);
            return;
        }
    }
    int index = read_word(draft, PC_KEY_MODE, value, pc_words_mode);
    if (index < 0)
        return;
    draft->desc.mode = (enum pool_mode)index;
    const struct pc_mode *mode = pc_mode_of(draft->desc.mode);
    const struct pc_ast_value *exponent = value->next;
    if (!(mode->keys & PC_MODE_EXPONENT)) {
        check_no_more(draft, PC_KEY_MODE, exponent);
        return;
    }
    if (!exponent) {
        PC_DRAFT_ERROR(draft, PC_DIAG_BAD_EXPONENT, value->span, "%s needs an exponent; write '%s 2'", mode->name,
                       mode->name);
        return;
    }
    check_no_more(draft, PC_KEY_MODE, exponent->next);
    if (exponent->count != 1 || exponent->sizes->end) {
        PC_DRAFT_ERROR(draft, PC_DIAG_BAD_VALUE, exponent->span, "the exponent is one number; write '%s 2'", mode->name);
        return;
    }
    if (!pc_expr_eval_real(draft->scope, exponent->sizes->begin, &draft->desc.p))
        draft->failed = true;
    else
        pc_draft_check_exponent(draft, draft->desc.p, exponent->span);
}

/* One integer; false and the key is bad where it is none. */
static bool read_integer(struct pc_draft *draft, enum pc_key key, const struct pc_ast_value *value, int64_t *integer) {
    check_no_more(draft, key, value->next);
    if (value->count != 1 || value->sizes->end)
        PC_DRAFT_ERROR(draft, PC_DIAG_BAD_VALUE, value->span, "%s takes one number; write '%s 1'", pc_key_row(key)->name,
                       pc_key_row(key)->name);
    else if (pc_expr_eval(draft->scope, value->sizes->begin, integer))
        return true;
    mark_bad(draft, key);
    return false;
}

void pc_draft_check_divisor(struct pc_draft *draft, int64_t divisor, struct pc_span span) {
    const int64_t limit = (int64_t)1 << PC_DIVISOR_BITS;
    if (divisor == 0)
        PC_DRAFT_ERROR(draft, PC_DIAG_BAD_DIVISOR, span, "divisor_override must not be 0");
    else if (divisor > limit || divisor < -limit)
        PC_DRAFT_ERROR(draft, PC_DIAG_BAD_DIVISOR, span, "divisor_override must lie between -2^%d and 2^%d", PC_DIVISOR_BITS,
                       PC_DIVISOR_BITS);
}

bool pc_draft_check_size(struct pc_draft *draft, enum pc_key key, int64_t value, struct pc_span span) {
    const struct pc_key_row *row = pc_key_row(key);
    const int least = key == PC_KEY_PADDING ? 0 : 1;
    const bool counts = key == PC_KEY_BATCH || key == PC_KEY_CHANNELS;
    const int64_t most = key == PC_KEY_OUTPUT ? PC_ADAPTIVE_MAX : counts ? PC_ELEMENTS_MAX : PC_AXIS_MAX;
    if (value < least)
        PC_DRAFT_ERROR(draft, (enum pc_diag_id)row->bad, span, "%s must be at least %d", row->name, least);
    else if (value > most)
        PC_DRAFT_ERROR(draft, key == PC_KEY_OUTPUT ? PC_DIAG_BAD_OUTPUT : PC_DIAG_SIZE_TOO_LARGE, span,
                       "%s must be at most %lld", row->name, (long long)most);
    return value >= least && value <= most;
}

static void read_number(struct pc_draft *draft, enum pc_key key, const struct pc_ast_value *value) {
    struct pool_desc *desc = &draft->desc;
    int64_t *number = key == PC_KEY_DIVISOR_OVERRIDE ? &desc->divisor_override
                      : key == PC_KEY_BATCH          ? &desc->batch
                                                     : &desc->channels;
    if (!read_integer(draft, key, value, number))
        return;
    if (key == PC_KEY_DIVISOR_OVERRIDE)
        pc_draft_check_divisor(draft, *number, value->span);
    else if (!pc_draft_check_size(draft, key, *number, value->span))
        mark_bad(draft, key);
}

static void read_sizes(struct pc_draft *draft, enum pc_key key, const struct pc_ast_value *value) {
    struct pc_sizes *sizes = &draft->sizes[key];
    check_no_more(draft, key, value->next);
    if (value->next)
        mark_bad(draft, key); /* what was meant is not known */
    if (value->count > POOL_MAX_RANK) {
        PC_DRAFT_ERROR(draft, PC_DIAG_WRONG_RANK, value->span, "%s has %d sizes; write one for each of at most %d axes",
                       pc_key_row(key)->name, value->count, POOL_MAX_RANK);
        mark_bad(draft, key);
        return;
    }
    for (const struct pc_ast_size *size = value->sizes; size; size = size->next) {
        int at = sizes->count++;
        sizes->span[at] = size->span;
        bool good = pc_expr_eval(draft->scope, size->begin, &sizes->begin[at]) &&
                    pc_draft_check_size(draft, key, sizes->begin[at], size->begin->span);
        sizes->end[at] = sizes->begin[at];
        if (size->end && key != PC_KEY_PADDING) {
            PC_DRAFT_ERROR(draft, PC_DIAG_BAD_VALUE, size->span, "only padding has two sides; write one size for each axis");
            good = false;
        } else if (size->end) {
            good &= pc_expr_eval(draft->scope, size->end, &sizes->end[at]) &&
                    pc_draft_check_size(draft, key, sizes->end[at], size->end->span);
        }
        if (!good)
            mark_bad(draft, key);
    }
}

/* A word or sizes. A word that is neither is a misspelt one only if no integer has this name. */
static void read_word_or_sizes(struct pc_draft *draft, enum pc_key key, const struct pc_ast_value *value,
                               struct pc_words list) {
    const char *word = word_of(value);
    bool is_word = word && pc_words_find(list, word) >= 0;
    bool misspelt = word && !is_word && !pc_names_find(&draft->scope->names, word) && pc_words_suggest(list, word) >= 0;
    if (!is_word && !misspelt) {
        read_sizes(draft, key, value);
        return;
    }
    check_no_more(draft, key, value->next);
    draft->word[key] = read_word(draft, key, value, list);
}

static void read_passes(struct pc_draft *draft, const struct pc_ast_value *value) {
    draft->forward = draft->backward = false;
    for (; value; value = value->next) {
        const char *word = word_of(value);
        if (word && pc_words_find(pc_words_key, word) >= 0) {
            check_no_more(draft, PC_KEY_PASSES, value);
            return;
        }
        int index = read_word(draft, PC_KEY_PASSES, value, pc_words_passes);
        if (index < 0)
            continue;
        bool *pass = index == 0 ? &draft->forward : &draft->backward;
        if (*pass)
            PC_DRAFT_ERROR(draft, PC_DIAG_EXTRA_VALUE, value->span, "'%s' is given twice; remove one", word);
        *pass = true;
    }
}

static void read_key(struct pc_draft *draft, enum pc_key key, const struct pc_ast_value *value) {
    static const struct pc_words *const lists[PC_KEY_COUNT] = {
        [PC_KEY_KERNEL] = &pc_words_kernel,
        [PC_KEY_PADDING] = &pc_words_padding,
        [PC_KEY_CEIL_MODE] = &pc_words_bool,
        [PC_KEY_COUNT_INCLUDE_PAD] = &pc_words_bool,
        [PC_KEY_DIVISOR] = &pc_words_divisor,
        [PC_KEY_DTYPE] = &pc_words_dtype,
        [PC_KEY_LAYOUT] = &pc_words_layout,
        [PC_KEY_NAN] = &pc_words_nan,
        [PC_KEY_INDICES] = &pc_words_indices,
        [PC_KEY_DIALECT] = &pc_words_dialect,
        [PC_KEY_UNROLL] = &pc_words_unroll,
    };
    switch (pc_key_row(key)->form) {
    case PC_VALUE_MODE:
        read_mode(draft, value);
        return;
    case PC_VALUE_WORD:
        check_no_more(draft, key, value->next);
        draft->word[key] = read_word(draft, key, value, *lists[key]);
        return;
    case PC_VALUE_WORDS:
        read_passes(draft, value);
        return;
    case PC_VALUE_INTEGER:
        read_number(draft, key, value);
        return;
    case PC_VALUE_SIZES:
        read_sizes(draft, key, value);
        return;
    case PC_VALUE_KERNEL:
    case PC_VALUE_PADDING:
        read_word_or_sizes(draft, key, value, *lists[key]);
        return;
    }
}

static void report_unknown_key(struct pc_draft *draft, const struct pc_ast_attribute *attribute) {
    struct pc_diag *diag = PC_DRAFT_ERROR(draft, PC_DIAG_UNKNOWN_KEY, attribute->key_span,
                                          "no key is called '%s'; correct it or remove the attribute", attribute->key);
    int index = pc_words_suggest(pc_words_key, attribute->key);
    if (index < 0)
        return;
    pc_diag_note(draft->scope->diags, diag, (struct pc_span){0, 0}, "did you mean '%s'?", pc_words_key.words[index]);
    draft->bad[index] = true; /* else its absence would be reported too */
}

void pc_draft_read(struct pc_draft *draft, const struct pc_ast_pool *pool) {
    for (const struct pc_ast_attribute *attribute = pool->attributes; attribute; attribute = attribute->next) {
        int index = pc_words_find(pc_words_key, attribute->key);
        if (index < 0) {
            report_unknown_key(draft, attribute);
            continue;
        }
        enum pc_key key = (enum pc_key)index;
        if (draft->given[key]) {
            struct pc_diag *diag = PC_DRAFT_ERROR(draft, PC_DIAG_DUPLICATE_KEY, attribute->key_span,
                                                  "%s is given twice; remove one", attribute->key);
            pc_diag_note(draft->scope->diags, diag, draft->key_span[key], "first given here");
            continue;
        }
        draft->given[key] = true;
        draft->key_span[key] = attribute->key_span;
        draft->value_span[key] = attribute->values->span;
        read_key(draft, key, attribute->values);
    }
}
