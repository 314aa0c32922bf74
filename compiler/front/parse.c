/* parse.c - text to tree: checks that the text is text, runs the generated parser, and builds the nodes for it. */
#include "front/parse.h"

#include "front/parse_state.h"

#include "pool.tab.h"

#include "pool.lex.h"

#include <string.h>

static const struct pc_expr *new_expr(struct pc_parser *parser, struct pc_expr expr) {
    struct pc_expr *node = PC_NEW(parser->arena, struct pc_expr);
    *node = expr;
    return node;
}

const struct pc_expr *pc_ast_integer(struct pc_parser *parser, struct pc_span span, int64_t value) {
    return new_expr(parser, (struct pc_expr){.kind = PC_EXPR_INTEGER, .span = span, .integer = value});
}

const struct pc_expr *pc_ast_real(struct pc_parser *parser, struct pc_span span, double value) {
    return new_expr(parser, (struct pc_expr){.kind = PC_EXPR_REAL, .span = span, .real = value});
}

const struct pc_expr *pc_ast_name(struct pc_parser *parser, struct pc_span span, const char *name) {
    return new_expr(parser, (struct pc_expr){.kind = PC_EXPR_NAME, .span = span, .name = name});
}

const struct pc_expr *pc_ast_operator(struct pc_parser *parser, struct pc_span span, enum pc_expr_kind kind,
                                      const struct pc_expr *left, const struct pc_expr *right) {
    int depth = 1 + (right && right->depth > left->depth ? right->depth : left->depth);
    if (depth > PC_EXPR_DEPTH_MAX) {
        /* A long chain exceeds the limit again with each operator; one message tells enough. The node is replaced by a
         * leaf, and the pool counts as damaged through the error. */
        if (span.begin >= parser->nesting_reported)
            pc_diag_add(parser->diags, PC_DIAG_NESTING, span,
                        "more than %d operators in one expression; name parts of it with 'let'", PC_EXPR_DEPTH_MAX);
        parser->nesting_reported = span.end;
        parser->damaged = true;
        return pc_ast_integer(parser, span, 1);
    }
    return new_expr(parser, (struct pc_expr){.kind = kind, .depth = depth, .span = span, .left = left, .right = right});
}

const struct pc_expr *pc_ast_parenthesised(struct pc_parser *parser, struct pc_span span, const struct pc_expr *expr) {
    struct pc_expr copy = *expr;
    copy.parenthesised = true;
    copy.span = span;
    return new_expr(parser, copy);
}

struct pc_ast_size *pc_ast_size(struct pc_parser *parser, struct pc_span span, const struct pc_expr *begin,
                                const struct pc_expr *end) {
    struct pc_ast_size *size = PC_NEW(parser->arena, struct pc_ast_size);
    *size = (struct pc_ast_size){.span = span, .begin = begin, .end = end};
    return size;
}

void pc_ast_add_let(struct pc_parser *parser, const char *name, struct pc_span span, const struct pc_expr *value) {
    struct pc_ast_file *file = parser->file;
    if (file->let_count++ >= PC_LETS_MAX) {
        if (file->let_count == PC_LETS_MAX + 1)
            pc_diag_add(parser->diags, PC_DIAG_TOO_MANY_LETS, span, "more than %d named integers; split the file",
                        PC_LETS_MAX);
        file->damaged = true;
        return;
    }
    struct pc_ast_let *let = PC_NEW(parser->arena, struct pc_ast_let);
    *let = (struct pc_ast_let){.name = name, .name_span = span, .value = value};
    if (file->last_let)
        file->last_let->next = let;
    else
        file->lets = let;
    file->last_let = let;
}

void pc_ast_add_pool(struct pc_parser *parser, const char *name, struct pc_span name_span, struct pc_span span,
                     const struct pc_ast_attribute *attributes, bool closed) {
    struct pc_ast_file *file = parser->file;
    if (!closed) {
        struct pc_diag *diag = pc_diag_add(parser->diags, PC_DIAG_UNCLOSED_POOL, (struct pc_span){span.end, span.end},
                                           "the pool '%s' is not closed; write '}' before this", name);
        pc_diag_note(parser->diags, diag, name_span, "it begins here");
    }
    if (file->pool_count++ >= PC_POOLS_MAX) {
        if (file->pool_count == PC_POOLS_MAX + 1)
            pc_diag_add(parser->diags, PC_DIAG_TOO_MANY_POOLS, name_span, "more than %d pools; split the file",
                        PC_POOLS_MAX);
        return;
    }
    struct pc_ast_pool *pool = PC_NEW(parser->arena, struct pc_ast_pool);
    *pool = (struct pc_ast_pool){
        .name = name,
        .name_span = name_span,
        .span = span,
        .attributes = attributes,
        .damaged = parser->damaged || !closed,
    };
    if (file->last_pool)
        file->last_pool->next = pool;
    else
        file->pools = pool;
    file->last_pool = pool;
}

/* The scanner only has to deal with text. One message: where one byte is not text, most are not. */
static bool check_text(const struct pc_source *source, struct pc_diags *diags) {
    if (source->size > PC_SOURCE_MAX) {
        pc_diag_add(diags, PC_DIAG_SOURCE_TOO_LARGE, (struct pc_span){0, 0},
                    "the spec is larger than %d MiB; split it into several", PC_SOURCE_MAX / (1024 * 1024));
        return false;
    }
    for (size_t at = 0; at < source->size;) {
        size_t length = pc_utf8_length(source->text + at, source->size - at);
        unsigned char byte = (unsigned char)source->text[at];
        struct pc_span span = {(uint32_t)at, (uint32_t)at + 1};
        if (length == 0) {
            pc_diag_add(diags, PC_DIAG_NOT_TEXT, span, "byte 0x%02x is not valid UTF-8; save the file as UTF-8 text", byte);
            return false;
        }
        bool line_break = byte == '\n' || (byte == '\r' && at + 1 < source->size && source->text[at + 1] == '\n');
        if ((byte < ' ' && byte != '\t' && !line_break) || byte == 0x7f) {
            pc_diag_add(diags, PC_DIAG_NOT_TEXT, span, "control character 0x%02x; save the file as plain text", byte);
            return false;
        }
        at += length;
    }
    return true;
}

struct pc_ast_file *pc_parse(const struct pc_source *source, struct pc_arena *arena, struct pc_diags *diags) {
    static const char byte_order_mark[] = "\xef\xbb\xbf";
    struct pc_ast_file *file = PC_NEW(arena, struct pc_ast_file);
    if (!check_text(source, diags)) {
        file->damaged = true;
        return file;
    }
    struct pc_parser parser = {
        .source = source,
        .arena = arena,
        .diags = diags,
        .file = file,
        .statement = true,
        .line = true,
    };
    const size_t mark = sizeof byte_order_mark - 1;
    if (source->size >= mark && memcmp(source->text, byte_order_mark, mark) == 0)
        parser.offset = (uint32_t)mark;
    /* The arena never returns NULL, and the size is below PC_SOURCE_MAX: neither call fails. */
    pc_yylex_init_extra(&parser, &parser.scanner);
    pc_yy_scan_bytes(source->text + parser.offset, (int)(source->size - parser.offset), parser.scanner);
    pc_yyparse(&parser);
    pc_yylex_destroy(parser.scanner);
    return file;
}
