/* pool.y - the grammar of .pool files.
 *
 * Actions only build nodes. The scanner ends every statement with a NEWLINE or ';' token, also in front of a brace and at
 * the end of the file, and drops empty statements, so the rules do not have to. Nothing allocates outside the arena: the
 * parser's stack has its full size from the start (the scanner bounds what can be nested). */
%define api.pure full
%define api.prefix {pc_yy}
%define api.token.prefix {PC_TOKEN_}
%define api.location.type {struct pc_span}
%define parse.error custom
%define parse.lac full
%locations
%expect 0
%parse-param {struct pc_parser *parser}
%lex-param {struct pc_parser *parser}

%code requires {
#include "front/parse_state.h"

#include <limits.h>
#include <string.h>

struct pc_attribute_list {
    struct pc_ast_attribute *first, *last;
};
struct pc_value_list {
    struct pc_ast_value *first, *last;
};
struct pc_size_list {
    struct pc_ast_size *first, *last;
    int count;
};
}

%code {
#define YYLLOC_DEFAULT(current, rhs, n)                                                                                     \
    ((current) = (n) ? (struct pc_span){YYRHSLOC(rhs, 1).begin, YYRHSLOC(rhs, n).end}                                       \
                     : (struct pc_span){YYRHSLOC(rhs, 0).end, YYRHSLOC(rhs, 0).end})
#define YYINITDEPTH PC_PARSER_STACK
#define YYMAXDEPTH PC_PARSER_STACK

static int pc_yylex(union PC_YYSTYPE *value, struct pc_span *place, struct pc_parser *parser);
static void pc_yyerror(const struct pc_span *place, struct pc_parser *parser, const char *message);
}

%initial-action {
    @$ = (struct pc_span){0, 0};
}

%union {
    int64_t integer;
    double real;
    const char *name;
    bool flag;
    const struct pc_expr *expr;
    struct pc_ast_size *size;
    struct pc_size_list sizes;
    struct pc_value_list values;
    struct pc_ast_attribute *attribute;
    struct pc_attribute_list attributes;
}

%token LET POOL NEWLINE UNCLOSED
%token <integer> INTEGER
%token <real> REAL
%token <name> NAME
%token X
%token PLUS "+" MINUS "-" TIMES "*" DIVIDE "/" MODULO "%" EQUALS "=" COLON ":" SEMICOLON ";"
%token OPEN_PAREN "(" CLOSE_PAREN ")" OPEN_BRACE "{" CLOSE_BRACE "}"

%type <flag> close
%type <expr> expr
%type <size> size
%type <sizes> sizes
%type <values> values value
%type <attribute> attribute
%type <attributes> attributes

/* A value goes on as long as it can: `lp - 2` is one value, not two side by side. */
%precedence END_OF_VALUE
%left "+" "-"
%left "*" "/" "%"
%precedence SIGN

%%

file
    : %empty
    | file let
    | file pool
    | file error "{" attributes close { parser->file->damaged = true; }
    | file error "}"                  { parser->file->damaged = true; }
    | file error end                  { parser->file->damaged = true; }
    ;

let
    : LET NAME "=" expr end { pc_ast_add_let(parser, $NAME, @NAME, $expr); }
    ;

pool
    : POOL NAME line "{" { parser->damaged = false; } attributes close
        { pc_ast_add_pool(parser, $NAME, @NAME, @$, $attributes.first, $close); }
    ;

line
    : %empty
    | NEWLINE
    ;

end
    : NEWLINE
    | ";"
    ;

close
    : "}"      { $$ = true; }
    | UNCLOSED { $$ = false; }
    ;

attributes
    : %empty { $$ = (struct pc_attribute_list){NULL, NULL}; }
    | attributes[list] attribute end
        {
            $$ = $list;
            if ($$.last)
                $$.last->next = $attribute;
            else
                $$.first = $attribute;
            $$.last = $attribute;
        }
    | attributes[list] LET NAME "=" expr end
        {
            $$ = $list;
            pc_diag_add(parser->diags, PC_DIAG_MISPLACED_LET, @LET, "'let' stands inside a pool; move it above the pool");
            pc_ast_add_let(parser, $NAME, @NAME, $expr);
        }
    | attributes[list] error end
        {
            $$ = $list;
            parser->damaged = true;
            yyerrok;
        }
    ;

attribute
    : NAME values
        {
            $$ = PC_NEW(parser->arena, struct pc_ast_attribute);
            *$$ = (struct pc_ast_attribute){.key = $NAME, .key_span = @NAME, .span = @$, .values = $values.first};
        }
    ;

values
    : value { $$ = $value; }
    | values[list] value
        {
            $$ = $list;
            $$.last->next = $value.first;
            $$.last = $value.last;
        }
    ;

value
    : sizes
        {
            struct pc_ast_value *value = PC_NEW(parser->arena, struct pc_ast_value);
            *value = (struct pc_ast_value){.span = @$, .sizes = $sizes.first, .count = $sizes.count};
            $$ = (struct pc_value_list){value, value};
        }
    ;

sizes
    : size { $$ = (struct pc_size_list){$size, $size, 1}; }
    | sizes[list] X size
        {
            $$ = $list;
            $$.last->next = $size;
            $$.last = $size;
            if ($$.count < INT_MAX)
                $$.count++;
        }
    ;

size
    : expr %prec END_OF_VALUE                     { $$ = pc_ast_size(parser, @$, $expr, NULL); }
    | expr[begin] ":" expr[end] %prec END_OF_VALUE { $$ = pc_ast_size(parser, @$, $begin, $end); }
    ;

expr
    : INTEGER                    { $$ = pc_ast_integer(parser, @$, $1); }
    | REAL                       { $$ = pc_ast_real(parser, @$, $1); }
    | NAME                       { $$ = pc_ast_name(parser, @$, $1); }
    | "(" expr[inner] ")"        { $$ = pc_ast_parenthesised(parser, @$, $inner); }
    | "-" expr[inner] %prec SIGN { $$ = pc_ast_operator(parser, @$, PC_EXPR_NEG, $inner, NULL); }
    | expr[a] "+" expr[b]        { $$ = pc_ast_operator(parser, @$, PC_EXPR_ADD, $a, $b); }
    | expr[a] "-" expr[b]        { $$ = pc_ast_operator(parser, @$, PC_EXPR_SUB, $a, $b); }
    | expr[a] "*" expr[b]        { $$ = pc_ast_operator(parser, @$, PC_EXPR_MUL, $a, $b); }
    | expr[a] "/" expr[b]        { $$ = pc_ast_operator(parser, @$, PC_EXPR_DIV, $a, $b); }
    | expr[a] "%" expr[b]        { $$ = pc_ast_operator(parser, @$, PC_EXPR_REM, $a, $b); }
    ;

%%

static int pc_yylex(union PC_YYSTYPE *value, struct pc_span *place, struct pc_parser *parser) {
    return pc_scan(value, place, parser->scanner);
}

/* Only called when the parser's stack is exhausted, which the scanner's limits do not let happen. */
static void pc_yyerror(const struct pc_span *place, struct pc_parser *parser, const char *message) {
    parser->file->damaged = true;
    pc_diag_add(parser->diags, PC_DIAG_NESTING, *place, "%s: nested too deeply; name parts with 'let'", message);
}

enum { SHOWN_MAX = 40 /* bytes of an unexpected token in a message */ };

static const char *describe_unexpected(struct pc_parser *parser, struct pc_span place) {
    const struct pc_source *source = parser->source;
    if (place.begin >= source->size)
        return "end of file";
    char first = source->text[place.begin];
    if (first == '\n' || first == '\r')
        return "end of line";
    size_t length = place.end - place.begin;
    if (length == 0) /* the end of a statement in front of a brace or of `pool` */
        length = first == 'p' ? strlen("pool") : 1;
    bool whole = length <= SHOWN_MAX;
    return pc_arena_printf(parser->arena, "'%.*s%s'", (int)(whole ? length : SHOWN_MAX), source->text + place.begin,
                           whole ? "" : "...");
}

/* What may stand here, in words: all that begins a value is "a value", all operators are "an operator". */
static const char *describe_expected(const yypcontext_t *context, struct pc_arena *arena) {
    bool expected[YYNTOKENS] = {false};
    yysymbol_kind_t tokens[YYNTOKENS];
    int count = yypcontext_expected_tokens(context, tokens, YYNTOKENS);
    for (int i = 0; i < count; i++)
        expected[tokens[i]] = true;

    /* Behind a value the grammar allows a further one, but few keys take one: there an operator is what was meant. */
    const bool in_expr = expected[YYSYMBOL_TIMES], value = expected[YYSYMBOL_INTEGER];
    const struct {
        bool expected;
        const char *text;
    } parts[] = {
        {expected[YYSYMBOL_POOL], "'let' or 'pool'"},
        {value && !in_expr, "a value"},
        {expected[YYSYMBOL_NAME] && !value && expected[YYSYMBOL_LET], "a key such as 'kernel'"},
        {expected[YYSYMBOL_NAME] && !value && !expected[YYSYMBOL_LET], "a name"},
        {expected[YYSYMBOL_EQUALS], "'='"},
        {in_expr, "an operator"},
        {expected[YYSYMBOL_X], "'x'"},
        {expected[YYSYMBOL_CLOSE_PAREN], "')'"},
        {expected[YYSYMBOL_OPEN_BRACE], "'{'"},
        {expected[YYSYMBOL_CLOSE_BRACE], "'}'"},
        {expected[YYSYMBOL_SEMICOLON], "the end of the line"},
    };
    const size_t all = sizeof parts / sizeof parts[0];
    size_t left = 0;
    for (size_t i = 0; i < all; i++)
        left += parts[i].expected;
    const char *text = "";
    for (size_t i = 0; i < all; i++) {
        if (!parts[i].expected)
            continue;
        left--;
        text = pc_arena_printf(arena, "%s%s%s", text, !text[0] ? "" : left ? ", " : " or ", parts[i].text);
    }
    return text;
}

static int yyreport_syntax_error(const yypcontext_t *context, struct pc_parser *parser) {
    struct pc_span place = *yypcontext_location(context);
    struct pc_diag *diag = pc_diag_add(parser->diags, PC_DIAG_SYNTAX, place, "unexpected %s; expected %s",
                                       describe_unexpected(parser, place), describe_expected(context, parser->arena));
    yysymbol_kind_t token = yypcontext_token(context);
    bool ended = parser->unclosed && (token == YYSYMBOL_NEWLINE || token == YYSYMBOL_SEMICOLON);
    if (parser->parens > 0 || ended)
        pc_diag_note(parser->diags, diag, (struct pc_span){parser->paren, parser->paren + 1}, "'(' was opened here");
    /* The rest of the statement is skipped; a line break ends it even if a parenthesis was left open. */
    parser->parens = 0;
    return 0;
}
