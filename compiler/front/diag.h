/* diag.h - diagnostics are data: an id, a place, a text and notes, collected while compiling and rendered by the caller.
 *
 * Nothing below main prints. A stage adds what it finds and goes on; whether a result is complete is a question of
 * pc_diags_error_count(). diags.def lists the ids. */
#ifndef PC_DIAG_H
#define PC_DIAG_H

#include "front/source.h"
#include "support/text.h"

#include <stdarg.h>

enum pc_diag_id {
#define DIAG(id, name, severity, text) PC_DIAG_##id,
#include "front/diags.def"
#undef DIAG
    PC_DIAG_COUNT
};

enum pc_severity { PC_SEVERITY_ERROR, PC_SEVERITY_WARNING };

/* A row of diags.def. */
struct pc_diag_row {
    const char *name; /* "bad-stride" */
    enum pc_severity severity;
    const char *text;
};
const struct pc_diag_row *pc_diag_row(enum pc_diag_id id);

struct pc_note {
    struct pc_span span;
    const char *text;
    struct pc_note *next;
};

struct pc_diag {
    enum pc_diag_id id;
    struct pc_span span; /* empty: no place */
    const char *text;
    struct pc_note *notes, *last_note;
    struct pc_diag *next;
};

enum { PC_DIAGS_MAX = 100 }; /* kept; who has more errors than this has one that causes the rest */

struct pc_diags {
    struct pc_arena *arena;
    struct pc_diag *first, *last; /* in the order in which they were found */
    size_t kept, errors, warnings; /* errors and warnings also count what was not kept */
    struct pc_diag overflow;      /* what pc_diag_add() returns when nothing more is kept */
};

/* An empty list; texts and notes are allocated from `arena`, which must outlive it. */
void pc_diags_init(struct pc_diags *diags, struct pc_arena *arena);

/* Adds a diagnostic; `format` is printf's, without a line break at the end. Never NULL: beyond PC_DIAGS_MAX the diagnostic
 * is counted, and the result is one that is not rendered. */
struct pc_diag *pc_diag_add(struct pc_diags *diags, enum pc_diag_id id, struct pc_span span, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

struct pc_diag *pc_diag_add_va(struct pc_diags *diags, enum pc_diag_id id, struct pc_span span, const char *format,
                               va_list args);

/* Adds a note to `diag`; an empty span stands for the place of `diag`. */
void pc_diag_note(struct pc_diags *diags, struct pc_diag *diag, struct pc_span span, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* True when further diagnostics are only counted, so that suggestions need not be looked for. */
bool pc_diags_full(const struct pc_diags *diags);

size_t pc_diags_error_count(const struct pc_diags *diags);

/* Writes all diagnostics in source order, each with its line and a caret range. Without a source (layers built in code)
 * only the texts are written. */
void pc_diags_render(const struct pc_diags *diags, const struct pc_source *source, struct pc_text *text);

#endif
