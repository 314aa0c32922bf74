/* check_rules.c - what the keys of a pool mean together: which exclude each other, which the mode does not have, which are
 * missing, and what holds where nothing was written. */
#include "front/check.h"

/* Keys that cannot stand beside each other. */
struct conflict {
    enum pc_key first, second;
};
static const struct conflict conflicts[] = {
    {PC_KEY_OUTPUT, PC_KEY_KERNEL},
    {PC_KEY_OUTPUT, PC_KEY_STRIDE},
    {PC_KEY_OUTPUT, PC_KEY_DILATION},
    {PC_KEY_OUTPUT, PC_KEY_PADDING},
    {PC_KEY_OUTPUT, PC_KEY_CEIL_MODE},
    {PC_KEY_OUTPUT, PC_KEY_COUNT_INCLUDE_PAD},
    {PC_KEY_OUTPUT, PC_KEY_DIVISOR_OVERRIDE},
    {PC_KEY_OUTPUT, PC_KEY_DIVISOR},
    {PC_KEY_DIVISOR, PC_KEY_DIVISOR_OVERRIDE},
    {PC_KEY_DIVISOR, PC_KEY_COUNT_INCLUDE_PAD},
    {PC_KEY_DIVISOR_OVERRIDE, PC_KEY_COUNT_INCLUDE_PAD},
};
/* `kernel global` has one window, which starts at the first element. */
static const enum pc_key not_with_global[] = {PC_KEY_STRIDE, PC_KEY_DILATION, PC_KEY_PADDING, PC_KEY_CEIL_MODE};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* The modes to which the keys of `flag` apply, for messages. */
static const char *modes_with(struct pc_draft *draft, unsigned flag) {
    const char *names[8];
    struct pc_words list = {names, 0};
    for (int i = 0; i < pc_words_mode.count && list.count < (int)COUNT(names); i++)
        if (pc_mode_of((enum pool_mode)i)->keys & flag)
            names[list.count++] = pc_words_mode.words[i];
    return pc_words_join(list, draft->scope->arena);
}

/* Marks the keys that the mode does not have, so that they are not part of a conflict too. */
static void check_mode_keys(struct pc_draft *draft, bool *reported) {
    static const struct {
        enum pc_key key;
        unsigned flag;
    } rows[] = {
        {PC_KEY_NAN, PC_MODE_PICKS},
        {PC_KEY_INDICES, PC_MODE_PICKS},
        {PC_KEY_COUNT_INCLUDE_PAD, PC_MODE_DIVIDES},
        {PC_KEY_DIVISOR_OVERRIDE, PC_MODE_DIVIDES},
        {PC_KEY_DIVISOR, PC_MODE_DIVIDES},
    };
    if (!draft->given[PC_KEY_MODE] || draft->bad[PC_KEY_MODE])
        return;
    const struct pc_mode *mode = pc_mode_of(draft->desc.mode);
    for (size_t i = 0; i < COUNT(rows); i++) {
        enum pc_key key = rows[i].key;
        if (!draft->given[key] || mode->keys & rows[i].flag)
            continue;
        PC_DRAFT_ERROR(draft, PC_DIAG_KEY_UNUSED, draft->key_span[key], "%s is only for mode %s, not for %s; remove it",
                       pc_key_row(key)->name, modes_with(draft, rows[i].flag), mode->name);
        reported[key] = true;
    }
}

/* Reports at the key that was written later. */
static void report_conflict(struct pc_draft *draft, enum pc_key a, enum pc_key b, const char *a_text, const char *b_text) {
    bool swap = draft->key_span[a].begin > draft->key_span[b].begin;
    enum pc_key first = swap ? b : a, second = swap ? a : b;
    struct pc_diag *diag = PC_DRAFT_ERROR(draft, PC_DIAG_KEY_CONFLICT, draft->key_span[second],
                                          "%s cannot stand beside %s; remove one", swap ? a_text : b_text,
                                          swap ? b_text : a_text);
    pc_diag_note(draft->scope->diags, diag, draft->key_span[first], "%s is given here", swap ? b_text : a_text);
    draft->bad[a] = draft->bad[b] = true;
}

static void check_conflicts(struct pc_draft *draft, bool *reported) {
    for (size_t i = 0; i < COUNT(conflicts); i++) {
        enum pc_key a = conflicts[i].first, b = conflicts[i].second;
        if (draft->given[a] && draft->given[b] && !reported[a] && !reported[b])
            report_conflict(draft, a, b, pc_key_row(a)->name, pc_key_row(b)->name);
        reported[b] |= draft->given[a]; /* one conflict of a key is enough */
    }
    for (size_t i = 0; i < COUNT(not_with_global) && draft->word[PC_KEY_KERNEL] == 0; i++) {
        enum pc_key key = not_with_global[i];
        if (draft->given[key] && !draft->given[PC_KEY_OUTPUT])
            report_conflict(draft, PC_KEY_KERNEL, key, "kernel global", pc_key_row(key)->name);
    }
    /* The output size of `same` is rounded up anyway. `ceil_mode true` beside it would be harmless, but whoever writes it
     * expects padding that does not depend on the stride, and gets another. */
    if (draft->word[PC_KEY_PADDING] > PC_PADDING_VALID && draft->word[PC_KEY_CEIL_MODE] == 1 &&
        !draft->given[PC_KEY_OUTPUT] && draft->word[PC_KEY_KERNEL] != 0)
        report_conflict(draft, PC_KEY_PADDING, PC_KEY_CEIL_MODE, "padding same", "ceil_mode");
}

static void check_missing(struct pc_draft *draft) {
    static const enum pc_key required[] = {PC_KEY_MODE, PC_KEY_SHAPE, PC_KEY_KERNEL};
    static const char *const examples[] = {"mode max", "shape 112 x 112", "kernel 3 x 3"};
    for (size_t i = 0; i < COUNT(required) && !draft->damaged; i++) {
        enum pc_key key = required[i];
        bool adaptive = key == PC_KEY_KERNEL && (draft->given[PC_KEY_OUTPUT] || draft->bad[PC_KEY_OUTPUT]);
        if (draft->given[key] || draft->bad[key] || adaptive)
            continue;
        PC_DRAFT_ERROR(draft, PC_DIAG_MISSING_KEY, draft->name_span, "pool '%s' has no %s%s; add a line such as '%s'",
                       draft->name, pc_key_row(key)->name, key == PC_KEY_KERNEL ? " (and no output)" : "", examples[i]);
        draft->bad[key] = true;
    }
}

/* Spreads one size over all axes; more must be as many as the shape has. */
static void spread(struct pc_draft *draft, enum pc_key key, int64_t *begin, int64_t *end) {
    struct pc_sizes *sizes = &draft->sizes[key];
    const int rank = draft->desc.rank;
    if (!draft->given[key] || draft->bad[key] || sizes->count == 0)
        return;
    if (sizes->count != 1 && sizes->count != rank) {
        struct pc_diag *diag = PC_DRAFT_ERROR(draft, PC_DIAG_WRONG_RANK, draft->value_span[key],
                                              "%s has %d sizes, shape has %d; write one for each axis or one for all",
                                              pc_key_row(key)->name, sizes->count, rank);
        pc_diag_note(draft->scope->diags, diag, draft->value_span[PC_KEY_SHAPE], "shape is given here");
        draft->bad[key] = true;
        return;
    }
    for (int i = 0; i < rank; i++) {
        int from = sizes->count == 1 ? 0 : i;
        begin[i] = sizes->begin[from];
        if (end)
            end[i] = sizes->end[from];
    }
}

static void settle_window(struct pc_draft *draft, const struct pc_dialect *dialect) {
    struct pool_desc *desc = &draft->desc;
    const bool global = draft->word[PC_KEY_KERNEL] == 0;
    const bool stride = draft->given[PC_KEY_STRIDE] && !draft->bad[PC_KEY_STRIDE];
    spread(draft, PC_KEY_OUTPUT, desc->adaptive_out, NULL);
    spread(draft, PC_KEY_KERNEL, desc->kernel, NULL);
    spread(draft, PC_KEY_STRIDE, desc->stride, NULL);
    spread(draft, PC_KEY_DILATION, desc->dilation, NULL);
    spread(draft, PC_KEY_PADDING, desc->pad_begin, desc->pad_end);
    desc->adaptive = draft->given[PC_KEY_OUTPUT];
    for (int i = 0; i < desc->rank && !desc->adaptive; i++) {
        if (global)
            desc->kernel[i] = desc->in[i];
        /* A stride has no meaning for one window: that of the kernel keeps the canonical form short. */
        if (!stride)
            desc->stride[i] = dialect->stride_is_one && !global ? 1 : desc->kernel[i];
        if (!draft->given[PC_KEY_DILATION])
            desc->dilation[i] = 1;
    }
    desc->ceil_mode = draft->word[PC_KEY_CEIL_MODE] == 1;
    if (draft->word[PC_KEY_PADDING] > PC_PADDING_VALID)
        desc->padding = draft->word[PC_KEY_PADDING] == PC_PADDING_SAME ? POOL_PAD_SAME : POOL_PAD_SAME_LOWER;
}

static void settle_mode(struct pc_draft *draft, const struct pc_dialect *dialect) {
    struct pool_desc *desc = &draft->desc;
    const struct pc_mode *mode = pc_mode_of(desc->mode);
    const int nan = draft->word[PC_KEY_NAN], include = draft->word[PC_KEY_COUNT_INCLUDE_PAD];
    if (mode->keys & PC_MODE_PICKS) {
        desc->nan = nan < 0 ? dialect->nan : (enum pool_nan)nan;
        desc->indices = draft->word[PC_KEY_INDICES] < 0 ? POOL_INDICES_NONE : (enum pool_indices)draft->word[PC_KEY_INDICES];
    }
    if (mode->keys & PC_MODE_DIVIDES && !desc->adaptive) {
        bool padded = include < 0 ? dialect->count_include_pad : include == 1;
        desc->divisor = draft->given[PC_KEY_DIVISOR_OVERRIDE] ? POOL_DIVISOR_OVERRIDE
                        : draft->given[PC_KEY_DIVISOR]        ? POOL_DIVISOR_WINDOW
                        : padded                              ? POOL_DIVISOR_PADDED
                                                              : POOL_DIVISOR_TAPS;
    }
    if (mode->keys & PC_MODE_EXPONENT && dialect->lp_differs && draft->given[PC_KEY_MODE] && !draft->bad[PC_KEY_MODE]) {
        struct pc_diag *diag =
            pc_diag_add(draft->scope->diags, PC_DIAG_DIALECT_LP, draft->value_span[PC_KEY_MODE],
                        "this is the P-th root of the sum of |x|^P, other than in the library: %s", dialect->lp_differs);
        pc_scope_note_pool(draft->scope, diag);
    }
}

static void settle_layout(struct pc_draft *draft, const struct pc_dialect *dialect) {
    struct pool_desc *desc = &draft->desc;
    desc->layout = dialect->layout;
    if (draft->word[PC_KEY_LAYOUT] < 0)
        return;
    const struct pc_layout *layout = pc_layout_row(draft->word[PC_KEY_LAYOUT]);
    desc->layout = layout->order;
    if (layout->rank == 0 || desc->rank == 0 || layout->rank == desc->rank)
        return;
    const char *fitting = "";
    for (int i = 0; i < pc_words_layout.count; i++)
        if (pc_layout_row(i)->rank == desc->rank && pc_layout_row(i)->order == layout->order)
            fitting = pc_layout_row(i)->name;
    PC_DRAFT_ERROR(draft, PC_DIAG_LAYOUT_RANK, draft->value_span[PC_KEY_LAYOUT],
                   "layout %s has %d spatial %s, shape has %d; write %s", layout->name, layout->rank,
                   layout->rank == 1 ? "axis" : "axes", desc->rank, fitting);
}

void pc_draft_settle(struct pc_draft *draft) {
    struct pool_desc *desc = &draft->desc;
    const struct pc_sizes *shape = &draft->sizes[PC_KEY_SHAPE];
    bool reported[PC_KEY_COUNT] = {false};
    check_mode_keys(draft, reported);
    check_conflicts(draft, reported);
    check_missing(draft);

    const struct pc_dialect *dialect =
        pc_dialect_row(draft->word[PC_KEY_DIALECT] < 0 ? PC_DIALECT_NONE : draft->word[PC_KEY_DIALECT]);
    if (draft->given[PC_KEY_SHAPE] && !draft->bad[PC_KEY_SHAPE]) {
        desc->rank = shape->count;
        for (int i = 0; i < desc->rank; i++)
            desc->in[i] = shape->begin[i];
        settle_window(draft, dialect);
    }
    if (!draft->given[PC_KEY_BATCH])
        desc->batch = 1;
    if (!draft->given[PC_KEY_CHANNELS])
        desc->channels = 1;
    if (draft->word[PC_KEY_DTYPE] >= 0)
        desc->dtype = (enum pool_dtype)draft->word[PC_KEY_DTYPE];
    if (draft->word[PC_KEY_UNROLL] >= 0)
        draft->unroll = (enum pc_unroll)draft->word[PC_KEY_UNROLL];
    settle_mode(draft, dialect);
    settle_layout(draft, dialect);
}
