/* layer.c - see layer.h: from the tree, or from a description built in code, to layers. The checks are check_*.c. */
#include "front/layer.h"

#include "front/check.h"

#include <string.h>

struct pc_draft pc_draft_new(struct pc_scope *scope, const char *name, struct pc_span name_span) {
    struct pc_draft draft = {.scope = scope, .name = name, .name_span = name_span, .forward = true, .backward = true};
    for (int key = 0; key < PC_KEY_COUNT; key++)
        draft.word[key] = -1;
    return draft;
}

static void take(struct pc_layer *layer, const struct pc_draft *draft) {
    layer->name = draft->name;
    layer->name_span = draft->name_span;
    layer->desc = draft->desc;
    layer->unroll = draft->unroll;
    layer->unroll_span = draft->value_span[PC_KEY_UNROLL];
    layer->forward = draft->forward;
    layer->backward = draft->backward;
}

/* "net" of "folder/net.pool". */
static const char *module_name(const struct pc_source *source, struct pc_arena *arena) {
    if (strcmp(source->name, "<stdin>") == 0)
        return "stdin";
    const char *slash = strrchr(source->name, '/');
    const char *base = slash ? slash + 1 : source->name;
    const char *dot = strrchr(base, '.');
    return pc_arena_strndup(arena, base, dot && dot != base ? (size_t)(dot - base) : strlen(base));
}

/* Generated constants are in capitals, so names that differ only in case would clash there. */
static const char *in_lower_case(const char *name, struct pc_arena *arena) {
    char *copy = pc_arena_strndup(arena, name, strlen(name));
    for (char *c = copy; *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
    return copy;
}

struct pc_module *pc_layers_build(const struct pc_ast_file *file, const struct pc_source *source, struct pc_arena *arena,
                                  struct pc_diags *diags) {
    struct pc_module *module = PC_NEW(arena, struct pc_module);
    module->name = module_name(source, arena);
    module->layers = PC_NEW_ARRAY(arena, file->pool_count, struct pc_layer);
    struct pc_scope scope = {.arena = arena, .diags = diags, .names = {.arena = arena}, .damaged = file->damaged};
    pc_scope_build(&scope, file);
    struct pc_names pools = {.arena = arena};
    for (struct pc_ast_pool *pool = file->pools; pool; pool = pool->next) {
        const char *key = in_lower_case(pool->name, arena);
        const struct pc_ast_pool *first = pc_names_find(&pools, key);
        bool failed = pool->damaged || first;
        scope.pool = NULL;
        if (first) {
            struct pc_diag *diag = pc_scope_error(&scope, PC_DIAG_DUPLICATE_POOL, pool->name_span,
                                                  strcmp(first->name, pool->name) == 0
                                                      ? "a pool called '%s' exists already; rename one of the two"
                                                      : "the name '%s' exists already in other letters, and generated "
                                                        "constants are in capitals; rename one of the two",
                                                  pool->name);
            pc_diag_note(diags, diag, first->name_span, "first defined here");
        } else {
            pc_names_add(&pools, key, pool);
        }
        if (pool->name[0] == '_') {
            pc_scope_error(&scope, PC_DIAG_BAD_NAME, pool->name_span,
                           "the name of a pool must not begin with an underscore; begin it with a letter");
            failed = true;
        }
        scope.pool = pool;
        struct pc_draft draft = pc_draft_new(&scope, pool->name, pool->name_span);
        draft.damaged = pool->damaged;
        struct pc_layer *layer = &module->layers[module->count];
        *layer = (struct pc_layer){0};
        pc_draft_read(&draft, pool);
        pc_draft_settle(&draft);
        pc_draft_measure(&draft, layer);
        take(layer, &draft);
        if (!failed && !draft.failed)
            module->count++;
    }
    return module;
}

static bool is_identifier(const char *name) {
    if (!((*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z')))
        return false;
    return strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == strlen(name) &&
           strlen(name) <= PC_NAME_MAX;
}

/* Enumerators in their range, and nothing set that the mode does not have. */
static bool check_desc(struct pc_draft *draft, const struct pool_desc *desc) {
    const char *problem = NULL;
    if ((unsigned)desc->mode >= (unsigned)pc_words_mode.count)
        problem = "mode is no enumerator";
    else if (desc->rank < 1 || desc->rank > POOL_MAX_RANK)
        problem = "rank must be 1 to 3";
    else if ((unsigned)desc->dtype >= (unsigned)pc_words_dtype.count)
        problem = "dtype is no enumerator";
    else if ((unsigned)desc->layout > POOL_CHANNELS_LAST || (unsigned)desc->nan > POOL_NAN_IGNORE ||
             (unsigned)desc->indices > POOL_INDICES_TENSOR || (unsigned)desc->padding > POOL_PAD_SAME_LOWER ||
             (unsigned)desc->divisor > POOL_DIVISOR_OVERRIDE)
        problem = "layout, nan, indices, padding or divisor is no enumerator";
    else if (desc->indices != POOL_INDICES_NONE && !(pc_mode_of(desc->mode)->keys & PC_MODE_PICKS))
        problem = "only max and min have indices";
    else if (!desc->adaptive && desc->padding != POOL_PAD_EXPLICIT && desc->ceil_mode)
        problem = "ceil_mode does not go with padding same";
    else if (desc->mode == POOL_AVG && desc->adaptive && desc->divisor != POOL_DIVISOR_TAPS)
        problem = "adaptive windows divide by their taps";
    if (problem)
        PC_DRAFT_ERROR(draft, PC_DIAG_BAD_DESC, (struct pc_span){0, 0}, "layer '%s': %s", draft->name, problem);
    return !problem;
}

/* Copies what is read; fields without a meaning here become zero, so that equal layers are equal in every field. */
static void copy_desc(struct pc_draft *draft, const struct pool_desc *desc) {
    const struct pc_mode *mode = pc_mode_of(desc->mode);
    struct pool_desc *to = &draft->desc;
    *to = (struct pool_desc){
        .mode = desc->mode,
        .p = mode->keys & PC_MODE_EXPONENT ? desc->p : 0,
        .rank = desc->rank,
        .batch = desc->batch,
        .channels = desc->channels,
        .adaptive = desc->adaptive,
        .dtype = desc->dtype,
        .layout = desc->layout,
        .nan = mode->keys & PC_MODE_PICKS ? desc->nan : POOL_NAN_PROPAGATE,
        .indices = desc->indices,
    };
    for (int i = 0; i < desc->rank; i++) {
        to->in[i] = desc->in[i];
        if (desc->adaptive) {
            to->adaptive_out[i] = desc->adaptive_out[i];
            continue;
        }
        to->kernel[i] = desc->kernel[i];
        to->stride[i] = desc->stride[i];
        to->dilation[i] = desc->dilation[i];
        to->pad_begin[i] = desc->padding == POOL_PAD_EXPLICIT ? desc->pad_begin[i] : 0;
        to->pad_end[i] = desc->padding == POOL_PAD_EXPLICIT ? desc->pad_end[i] : 0;
    }
    if (desc->adaptive)
        return;
    to->padding = desc->padding;
    to->ceil_mode = desc->ceil_mode;
    if (mode->keys & PC_MODE_DIVIDES) {
        to->divisor = desc->divisor;
        to->divisor_override = desc->divisor == POOL_DIVISOR_OVERRIDE ? desc->divisor_override : 0;
    }
}

static void check_numbers(struct pc_draft *draft) {
    const struct pool_desc *desc = &draft->desc;
    const struct pc_span none = {0, 0};
    const struct {
        enum pc_key key;
        const int64_t *sizes;
        bool read;
    } rows[] = {
        {PC_KEY_SHAPE, desc->in, true},
        {PC_KEY_OUTPUT, desc->adaptive_out, desc->adaptive},
        {PC_KEY_KERNEL, desc->kernel, !desc->adaptive},
        {PC_KEY_STRIDE, desc->stride, !desc->adaptive},
        {PC_KEY_DILATION, desc->dilation, !desc->adaptive},
        {PC_KEY_PADDING, desc->pad_begin, !desc->adaptive},
        {PC_KEY_PADDING, desc->pad_end, !desc->adaptive},
    };
    for (size_t row = 0; row < sizeof rows / sizeof rows[0]; row++)
        for (int i = 0; i < desc->rank && rows[row].read; i++)
            if (!pc_draft_check_size(draft, rows[row].key, rows[row].sizes[i], none))
                draft->bad[rows[row].key] = true;
    if (!pc_draft_check_size(draft, PC_KEY_BATCH, desc->batch, none))
        draft->bad[PC_KEY_BATCH] = true;
    if (!pc_draft_check_size(draft, PC_KEY_CHANNELS, desc->channels, none))
        draft->bad[PC_KEY_CHANNELS] = true;
    if (pc_mode_of(desc->mode)->keys & PC_MODE_EXPONENT)
        pc_draft_check_exponent(draft, desc->p, none);
    if (desc->divisor == POOL_DIVISOR_OVERRIDE)
        pc_draft_check_divisor(draft, desc->divisor_override, none);
}

struct pc_layer *pc_layer_from_desc(const char *name, const struct pool_desc *desc, struct pc_arena *arena,
                                    struct pc_diags *diags) {
    struct pc_scope scope = {.arena = arena, .diags = diags, .names = {.arena = arena}};
    struct pc_draft draft = pc_draft_new(&scope, pc_arena_strndup(arena, name, strlen(name)), (struct pc_span){0, 0});
    struct pc_layer *layer = PC_NEW(arena, struct pc_layer);
    if (!is_identifier(name))
        PC_DRAFT_ERROR(&draft, PC_DIAG_BAD_NAME, (struct pc_span){0, 0},
                       "layer '%.*s': a name is at most %d letters, digits and underscores, a letter first", PC_NAME_MAX,
                       name, PC_NAME_MAX);
    if (!check_desc(&draft, desc))
        return NULL;
    copy_desc(&draft, desc);
    check_numbers(&draft);
    pc_draft_measure(&draft, layer);
    take(layer, &draft);
    return draft.failed ? NULL : layer;
}

/* ---- facts ---- */

int64_t pc_layer_inputs(const struct pc_layer *layer) {
    return layer->axis[0].in * layer->axis[1].in * layer->axis[2].in;
}

int64_t pc_layer_outputs(const struct pc_layer *layer) {
    return layer->axis[0].out * layer->axis[1].out * layer->axis[2].out;
}

int64_t pc_layer_taps(const struct pc_layer *layer) {
    return layer->axis[0].kernel * layer->axis[1].kernel * layer->axis[2].kernel;
}

bool pc_layer_picks(const struct pc_layer *layer) {
    return pc_mode_of(layer->desc.mode)->gradient == PC_GRADIENT_SELECT;
}

bool pc_layer_divides_by_window(const struct pc_layer *layer) {
    return pc_mode_of(layer->desc.mode)->finish == PC_FINISH_DIVIDE && layer->desc.divisor != POOL_DIVISOR_OVERRIDE;
}
