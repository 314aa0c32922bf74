/* parse.h - text to tree. */
#ifndef PC_PARSE_H
#define PC_PARSE_H

#include "front/ast.h"
#include "front/diag.h"

/* Parses a spec. Reports everything that is not text, not a token or not in its place, and goes on behind it, so that one
 * fault hides no other; the result is never NULL, but partial if an error was reported. It lives in `arena`, names
 * included, and does not refer to the source. */
struct pc_ast_file *pc_parse(const struct pc_source *source, struct pc_arena *arena, struct pc_diags *diags);

#endif
