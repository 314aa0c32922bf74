/* ast.h - what was written: pools, their attributes and expressions, each with its place.
 *
 * No defaults, no meaning: a key is a word that may not exist, and `max` is the same node as the name of an integer. The
 * parser builds it, layer.c reads it. Everything lives in one arena. */
#ifndef PC_AST_H
#define PC_AST_H

#include "front/source.h"
#include "support/text.h"

enum pc_expr_kind {
    PC_EXPR_INTEGER,
    PC_EXPR_REAL,
    PC_EXPR_NAME,
    PC_EXPR_NEG,
    PC_EXPR_ADD,
    PC_EXPR_SUB,
    PC_EXPR_MUL,
    PC_EXPR_DIV,
    PC_EXPR_REM,
};

struct pc_expr {
    enum pc_expr_kind kind;
    bool parenthesised; /* then a name is an integer's, never a word */
    int depth;          /* operators on the longest path, at most PC_EXPR_DEPTH_MAX: readers may recurse */
    struct pc_span span; /* with its parentheses */
    int64_t integer;     /* PC_EXPR_INTEGER */
    double real;         /* PC_EXPR_REAL */
    const char *name;    /* PC_EXPR_NAME */
    const struct pc_expr *left, *right; /* PC_EXPR_NEG has only left */
};

/* Operators on one path from the root. Each takes a stack frame wherever a tree is walked. */
enum { PC_EXPR_DEPTH_MAX = 256 };

/* `a` or `a:b`. */
struct pc_ast_size {
    struct pc_span span;
    const struct pc_expr *begin;
    const struct pc_expr *end; /* NULL without a colon */
    const struct pc_ast_size *next;
};

/* `a x b x c`; a single word or number is a value with one size. */
struct pc_ast_value {
    struct pc_span span;
    const struct pc_ast_size *sizes;
    int count;
    const struct pc_ast_value *next;
};

/* `key value`; more than one value only after keys such as `mode lp 2` and `passes forward backward`. */
struct pc_ast_attribute {
    const char *key;
    struct pc_span key_span, span;
    const struct pc_ast_value *values;
    const struct pc_ast_attribute *next;
};

struct pc_ast_pool {
    const char *name;
    struct pc_span name_span, span;
    const struct pc_ast_attribute *attributes;
    bool damaged; /* had a syntax error: what is missing may have been lost in it */
    struct pc_ast_pool *next;
};

struct pc_ast_let {
    const char *name;
    struct pc_span name_span;
    const struct pc_expr *value;
    struct pc_ast_let *next;
};

struct pc_ast_file {
    struct pc_ast_let *lets, *last_let;
    struct pc_ast_pool *pools, *last_pool;
    size_t let_count, pool_count;
    bool damaged; /* had a syntax error: names that are missing may have been lost in it */
};

enum { PC_POOLS_MAX = 10000, PC_LETS_MAX = 10000, PC_NAME_MAX = 128 };

/* Writes the tree (--emit ast), one line each `let`, pool and attribute; places are byte offsets begin-end. */
void pc_ast_print(const struct pc_ast_file *file, struct pc_text *text);

#endif
