/* expr.c - see expr.h. */
#include "front/expr.h"

#include "front/tables.h"

#include <limits.h>
#include <string.h>

/* A name and what is known of it. */
struct pc_binding {
    const struct pc_ast_let *let;
    enum { NOT_YET, HAS_VALUE, FAILED } state;
    int64_t value;
};

void pc_scope_note_pool(struct pc_scope *scope, struct pc_diag *diag) {
    if (scope->pool && diag->span.begin != scope->pool->name_span.begin) /* else it says the name itself */
        pc_diag_note(scope->diags, diag, scope->pool->name_span, "in pool '%s'", scope->pool->name);
}

struct pc_diag *pc_scope_error(struct pc_scope *scope, enum pc_diag_id id, struct pc_span span, const char *format, ...) {
    va_list args;
    va_start(args, format);
    struct pc_diag *diag = pc_diag_add_va(scope->diags, id, span, format, args);
    va_end(args);
    pc_scope_note_pool(scope, diag);
    return diag;
}

void pc_scope_build(struct pc_scope *scope, const struct pc_ast_file *file) {
    for (const struct pc_ast_let *let = file->lets; let; let = let->next) {
        struct pc_binding *first = pc_names_find(&scope->names, let->name);
        if (first) {
            struct pc_diag *diag = pc_scope_error(scope, PC_DIAG_DUPLICATE_LET, let->name_span,
                                                  "'%s' is already defined; rename one of the two", let->name);
            pc_diag_note(scope->diags, diag, first->let->name_span, "first defined here");
            continue;
        }
        struct pc_binding *binding = PC_NEW(scope->arena, struct pc_binding);
        binding->let = let;
        pc_names_add(&scope->names, let->name, binding);
    }
    for (const struct pc_ast_let *let = file->lets; let; let = let->next) {
        struct pc_binding *binding = pc_names_find(&scope->names, let->name);
        int64_t value = 0;
        bool found = pc_expr_eval(scope, let->value, &value);
        if (binding->let != let)
            continue; /* a second definition, reported above */
        binding->state = found ? HAS_VALUE : FAILED;
        binding->value = value;
    }
}

/* `Cx2`, where C is a name: the scanner cannot know, but here it can be guessed. */
static void note_missing_spaces(struct pc_scope *scope, struct pc_diag *diag, const char *name) {
    for (const char *x = strchr(name + 1, 'x'); x; x = strchr(x + 1, 'x')) {
        const char *head = pc_arena_strndup(scope->arena, name, (size_t)(x - name));
        if (x[1] && pc_names_find(&scope->names, head)) {
            pc_diag_note(scope->diags, diag, (struct pc_span){0, 0}, "for two sizes write spaces: '%s x %s'", head, x + 1);
            return;
        }
    }
}

static void report_unknown_name(struct pc_scope *scope, const struct pc_expr *expr) {
    const bool silent = pc_diags_full(scope->diags);
    struct pc_diag *diag = pc_scope_error(scope, PC_DIAG_UNKNOWN_NAME, expr->span,
                                          "unknown name '%s'; define it above with 'let %s = ...'", expr->name, expr->name);
    if (silent)
        return;
    const char *nearest = NULL;
    int best = INT_MAX;
    for (size_t i = 0; i < scope->names.capacity; i++) {
        const char *name = scope->names.slots[i].name;
        int now = name ? pc_word_unlikeness(name, expr->name) : INT_MAX;
        /* Of equally near names the first in the alphabet, whatever the order in the table. */
        if (now < best || (nearest && now == best && name && strcmp(name, nearest) < 0)) {
            nearest = name;
            best = now;
        }
    }
    if (nearest)
        pc_diag_note(scope->diags, diag, (struct pc_span){0, 0}, "did you mean '%s'?", nearest);
    note_missing_spaces(scope, diag, expr->name);
}

static bool eval_name(struct pc_scope *scope, const struct pc_expr *expr, int64_t *value) {
    const struct pc_binding *binding = pc_names_find(&scope->names, expr->name);
    if (!binding) {
        if (!scope->damaged)
            report_unknown_name(scope, expr);
        return false;
    }
    if (binding->state == NOT_YET || binding->let->name_span.begin >= expr->span.begin) {
        struct pc_diag *diag = pc_scope_error(scope, PC_DIAG_NAME_ORDER, expr->span,
                                              "'%s' is used above its definition; move the 'let' up", expr->name);
        pc_diag_note(scope->diags, diag, binding->let->name_span, "defined here");
        return false;
    }
    *value = binding->value;
    return binding->state == HAS_VALUE;
}

static bool eval_operator(struct pc_scope *scope, const struct pc_expr *expr, int64_t *value) {
    int64_t left = 0, right = 0;
    bool left_found = pc_expr_eval(scope, expr->left, &left);
    bool right_found = !expr->right || pc_expr_eval(scope, expr->right, &right); /* both sides: errors are independent */
    if (right_found && right == 0 && (expr->kind == PC_EXPR_DIV || expr->kind == PC_EXPR_REM)) {
        pc_scope_error(scope, PC_DIAG_DIVISION_BY_ZERO, expr->right->span, "division by zero; the divisor must not be 0");
        return false;
    }
    if (!left_found || !right_found)
        return false;
    bool overflow = false;
    switch (expr->kind) {
    case PC_EXPR_NEG:
        overflow = __builtin_sub_overflow((int64_t)0, left, value);
        break;
    case PC_EXPR_ADD:
        overflow = __builtin_add_overflow(left, right, value);
        break;
    case PC_EXPR_SUB:
        overflow = __builtin_sub_overflow(left, right, value);
        break;
    case PC_EXPR_MUL:
        overflow = __builtin_mul_overflow(left, right, value);
        break;
    case PC_EXPR_DIV:
        overflow = right == -1 && left == INT64_MIN;
        *value = overflow ? 0 : left / right;
        break;
    case PC_EXPR_REM:
        *value = right == -1 ? 0 : left % right; /* which C does not define for the least number */
        break;
    case PC_EXPR_INTEGER:
    case PC_EXPR_REAL:
    case PC_EXPR_NAME:
        return false; /* pc_expr_eval() deals with leaves */
    }
    if (overflow)
        pc_scope_error(scope, PC_DIAG_OVERFLOW, expr->span, "the value does not fit 64 bits; use smaller numbers");
    return !overflow;
}

bool pc_expr_eval(struct pc_scope *scope, const struct pc_expr *expr, int64_t *value) {
    switch (expr->kind) {
    case PC_EXPR_INTEGER:
        *value = expr->integer;
        return true;
    case PC_EXPR_REAL:
        pc_scope_error(scope, PC_DIAG_NOT_INTEGER, expr->span,
                       "an integer is needed here; real numbers stand only alone, as the exponent of 'mode lp'");
        return false;
    case PC_EXPR_NAME:
        return eval_name(scope, expr, value);
    case PC_EXPR_NEG:
    case PC_EXPR_ADD:
    case PC_EXPR_SUB:
    case PC_EXPR_MUL:
    case PC_EXPR_DIV:
    case PC_EXPR_REM:
        return eval_operator(scope, expr, value);
    }
    return false;
}

bool pc_expr_eval_real(struct pc_scope *scope, const struct pc_expr *expr, double *value) {
    if (expr->kind == PC_EXPR_REAL) {
        *value = expr->real;
        return true;
    }
    if (expr->kind == PC_EXPR_NEG && expr->left->kind == PC_EXPR_REAL) {
        *value = -expr->left->real;
        return true;
    }
    int64_t integer = 0;
    bool found = pc_expr_eval(scope, expr, &integer);
    *value = (double)integer;
    return found;
}
