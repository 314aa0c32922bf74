/* expr.h - the values of expressions, and the scope that their names are looked up in. */
#ifndef PC_EXPR_H
#define PC_EXPR_H

#include "front/ast.h"
#include "front/diag.h"
#include "front/names.h"

/* The named integers of a file, and where messages go. */
struct pc_scope {
    struct pc_arena *arena;
    struct pc_diags *diags;
    struct pc_names names; /* of struct pc_binding */
    bool damaged;          /* a `let` may have been lost in a syntax error: unknown names are not reported */
    const struct pc_ast_pool *pool; /* what is being read, for the note; NULL outside of pools */
};

/* Evaluates the `let`s of a file in order and reports their errors; a name with an error has no value, and what uses it
 * fails without a message. */
void pc_scope_build(struct pc_scope *scope, const struct pc_ast_file *file);

/* pc_diag_add() with a note that names the pool. */
struct pc_diag *pc_scope_error(struct pc_scope *scope, enum pc_diag_id id, struct pc_span span, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void pc_scope_note_pool(struct pc_scope *scope, struct pc_diag *diag);

/* The value of an expression in int64_t arithmetic that is checked for overflow; `/` and `%` truncate as in C. False if
 * it has none: then that has been reported. */
bool pc_expr_eval(struct pc_scope *scope, const struct pc_expr *expr, int64_t *value);

/* As above, but a real number may stand alone. */
bool pc_expr_eval_real(struct pc_scope *scope, const struct pc_expr *expr, double *value);

#endif
