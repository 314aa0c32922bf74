/* ast_print.c - the tree as text (--emit ast): one line each statement, expressions as prefix forms, places in bytes. */
#include "front/ast.h"

#include "front/real.h"

static void print_span(struct pc_span span, struct pc_text *text) {
    pc_text_printf(text, " @%u-%u", span.begin, span.end);
}

static const char *operator_name(enum pc_expr_kind kind) {
    switch (kind) {
    case PC_EXPR_NEG:
        return "neg";
    case PC_EXPR_ADD:
        return "+";
    case PC_EXPR_SUB:
        return "-";
    case PC_EXPR_MUL:
        return "*";
    case PC_EXPR_DIV:
        return "/";
    case PC_EXPR_REM:
        return "%";
    case PC_EXPR_INTEGER:
    case PC_EXPR_REAL:
    case PC_EXPR_NAME:
        break;
    }
    return "";
}

static void print_expr(const struct pc_expr *expr, struct pc_text *text) {
    switch (expr->kind) {
    case PC_EXPR_INTEGER:
        pc_text_add_int(text, expr->integer);
        return;
    case PC_EXPR_REAL:
        pc_text_add(text, "real ");
        pc_real_print(expr->real, text);
        return;
    case PC_EXPR_NAME:
        pc_text_add(text, expr->name);
        return;
    case PC_EXPR_NEG:
    case PC_EXPR_ADD:
    case PC_EXPR_SUB:
    case PC_EXPR_MUL:
    case PC_EXPR_DIV:
    case PC_EXPR_REM:
        pc_text_printf(text, "(%s ", operator_name(expr->kind));
        print_expr(expr->left, text);
        if (expr->right) {
            pc_text_add_char(text, ' ');
            print_expr(expr->right, text);
        }
        pc_text_add_char(text, ')');
        return;
    }
}

static void print_value(const struct pc_ast_value *value, struct pc_text *text) {
    for (const struct pc_ast_size *size = value->sizes; size; size = size->next) {
        if (size != value->sizes)
            pc_text_add(text, " x ");
        print_expr(size->begin, text);
        if (size->end) {
            pc_text_add_char(text, ':');
            print_expr(size->end, text);
        }
    }
}

void pc_ast_print(const struct pc_ast_file *file, struct pc_text *text) {
    for (const struct pc_ast_let *let = file->lets; let; let = let->next) {
        pc_text_printf(text, "let %s", let->name);
        print_span(let->name_span, text);
        pc_text_add(text, " = ");
        print_expr(let->value, text);
        print_span(let->value->span, text);
        pc_text_add_char(text, '\n');
    }
    for (const struct pc_ast_pool *pool = file->pools; pool; pool = pool->next) {
        pc_text_printf(text, "pool %s", pool->name);
        print_span(pool->name_span, text);
        pc_text_add(text, pool->damaged ? " damaged\n" : "\n");
        for (const struct pc_ast_attribute *attribute = pool->attributes; attribute; attribute = attribute->next) {
            pc_text_printf(text, "  %s", attribute->key);
            print_span(attribute->key_span, text);
            for (const struct pc_ast_value *value = attribute->values; value; value = value->next) {
                pc_text_add(text, value == attribute->values ? ": " : ", ");
                print_value(value, text);
                print_span(value->span, text);
            }
            pc_text_add_char(text, '\n');
        }
    }
}
