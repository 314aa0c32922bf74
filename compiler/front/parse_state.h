/* parse_state.h - what the scanner and the parser share while one spec is read; private to grammar/ and parse.c.
 *
 * The scanner has more to do than to recognise words: line breaks end attributes, but not inside parentheses; an `x`
 * separates sizes, also in `3x3` and `C x2`, but `x` and `x2` are names where a name belongs; and `pool` at the beginning of
 * a line closes a pool whose brace was forgotten. All of this depends only on the tokens before, not on the parser. */
#ifndef PC_PARSE_STATE_H
#define PC_PARSE_STATE_H

#include "front/ast.h"
#include "front/diag.h"

struct pc_parser {
    const struct pc_source *source;
    struct pc_arena *arena;
    struct pc_diags *diags;
    struct pc_ast_file *file;
    void *scanner; /* yyscan_t */

    /* scanner */
    uint32_t offset;     /* of the next byte */
    bool statement;      /* at the beginning of a `let`, pool or attribute */
    bool line;           /* at the beginning of a line */
    bool operand;        /* an expression may end here: `x` separates and `-` subtracts */
    bool separates;      /* sizes may stand here: `x` in front of a word separates */
    int braces, parens;  /* open ones */
    int signs;           /* unary minus signs of this statement */
    uint32_t paren;      /* where the outermost open parenthesis is */
    bool unclosed;       /* the last statement ended inside it */

    /* parser */
    bool damaged; /* the pool that is being read had a syntax error */
    uint32_t nesting_reported; /* end of the expression that was last found too deep */
};

/* Stack of the parser. Each open parenthesis keeps at most 7 symbols (`key values sizes x a : b + c * (`), each sign one. */
enum { PC_PARENS_MAX = 64, PC_SIGNS_MAX = 64, PC_PARSER_STACK = 7 * PC_PARENS_MAX + PC_SIGNS_MAX + 32 };

/* Constructors, called by the grammar's actions. */
const struct pc_expr *pc_ast_integer(struct pc_parser *parser, struct pc_span span, int64_t value);
const struct pc_expr *pc_ast_real(struct pc_parser *parser, struct pc_span span, double value);
const struct pc_expr *pc_ast_name(struct pc_parser *parser, struct pc_span span, const char *name);
const struct pc_expr *pc_ast_operator(struct pc_parser *parser, struct pc_span span, enum pc_expr_kind kind,
                                      const struct pc_expr *left, const struct pc_expr *right);
const struct pc_expr *pc_ast_parenthesised(struct pc_parser *parser, struct pc_span span, const struct pc_expr *expr);
struct pc_ast_size *pc_ast_size(struct pc_parser *parser, struct pc_span span, const struct pc_expr *begin,
                                const struct pc_expr *end);
void pc_ast_add_let(struct pc_parser *parser, const char *name, struct pc_span span, const struct pc_expr *value);
void pc_ast_add_pool(struct pc_parser *parser, const char *name, struct pc_span name_span, struct pc_span span,
                     const struct pc_ast_attribute *attributes, bool closed);

/* Scanner to token; grammar/pool.l. Reports its own errors and then returns the error token. */
union PC_YYSTYPE;
int pc_scan(union PC_YYSTYPE *value, struct pc_span *place, void *scanner);

#endif
