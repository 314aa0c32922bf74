/* diag.c - see diag.h. Rendering follows docs/language.md: a line with place and text, the source line, a caret range,
 * notes. */
#include "front/diag.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LINE_MAX_COLUMNS = 110, /* longer source lines are clipped, so that with the gutter a message fits a wide terminal */
    LINE_LEAD_COLUMNS = 40, /* what a clipped line shows in front of the caret */
};

const struct pc_diag_row *pc_diag_row(enum pc_diag_id id) {
    static const struct pc_diag_row rows[] = {
#define DIAG(row, name, severity, text) {name, PC_SEVERITY_##severity, text},
#include "front/diags.def"
#undef DIAG
    };
    return &rows[id];
}

void pc_diags_init(struct pc_diags *diags, struct pc_arena *arena) {
    *diags = (struct pc_diags){.arena = arena};
}

bool pc_diags_full(const struct pc_diags *diags) {
    return diags->kept >= PC_DIAGS_MAX;
}

size_t pc_diags_error_count(const struct pc_diags *diags) {
    return diags->errors;
}

static const char *format_text(struct pc_arena *arena, const char *format, va_list args) {
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    char *text = pc_arena_alloc(arena, length < 0 ? 1 : (size_t)length + 1);
    if (length > 0)
        vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}

struct pc_diag *pc_diag_add(struct pc_diags *diags, enum pc_diag_id id, struct pc_span span, const char *format, ...) {
    va_list args;
    va_start(args, format);
    struct pc_diag *diag = pc_diag_add_va(diags, id, span, format, args);
    va_end(args);
    return diag;
}

struct pc_diag *pc_diag_add_va(struct pc_diags *diags, enum pc_diag_id id, struct pc_span span, const char *format,
                               va_list args) {
    if (pc_diag_row(id)->severity == PC_SEVERITY_ERROR)
        diags->errors++;
    else
        diags->warnings++;
    if (pc_diags_full(diags)) {
        diags->overflow = (struct pc_diag){.id = PC_DIAG_TOO_MANY_ERRORS, .text = ""};
        return &diags->overflow;
    }
    diags->kept++;
    struct pc_diag *diag = PC_NEW(diags->arena, struct pc_diag);
    diag->id = id;
    diag->span = span;
    diag->text = format_text(diags->arena, format, args);
    if (diags->last)
        diags->last->next = diag;
    else
        diags->first = diag;
    diags->last = diag;
    return diag;
}

void pc_diag_note(struct pc_diags *diags, struct pc_diag *diag, struct pc_span span, const char *format, ...) {
    if (diag == &diags->overflow)
        return;
    struct pc_note *note = PC_NEW(diags->arena, struct pc_note);
    note->span = span;
    va_list args;
    va_start(args, format);
    note->text = format_text(diags->arena, format, args);
    va_end(args);
    if (diag->last_note)
        diag->last_note->next = note;
    else
        diag->notes = note;
    diag->last_note = note;
}

static bool has_place(struct pc_span span) {
    return span.begin || span.end;
}

static void render_place(const struct pc_source *source, struct pc_span span, struct pc_text *text) {
    if (!source)
        return;
    pc_text_add(text, source->name);
    if (has_place(span)) {
        struct pc_place place = pc_source_place(source, span.begin);
        pc_text_printf(text, ":%u:%u", place.line, place.column);
    }
    pc_text_add(text, ": ");
}

/* One character of a line: bytes that a terminal should not see become '?'. Returns the bytes taken. */
static size_t render_character(const char *at, size_t left, struct pc_text *text) {
    size_t length = pc_utf8_length(at, left);
    unsigned char byte = (unsigned char)*at;
    if (length == 0 || (byte < ' ' && byte != '\t') || byte == 0x7f)
        pc_text_add_char(text, '?');
    else
        pc_text_add_bytes(text, at, length);
    return length ? length : 1;
}

static size_t next_character(const char *at, size_t left) {
    size_t length = pc_utf8_length(at, left);
    return length ? length : 1;
}

/* The line of span.begin with its number, and below it a caret range that ends with the span or with the line. */
static void render_line(const struct pc_source *source, struct pc_span span, struct pc_text *text) {
    size_t at = span.begin < source->size ? span.begin : source->size;
    size_t begin = at, end = at;
    while (begin > 0 && source->text[begin - 1] != '\n')
        begin--;
    while (end < source->size && source->text[end] != '\n')
        end++;
    if (end > begin && end > at && source->text[end - 1] == '\r')
        end--;

    size_t caret = 0, columns = 0;
    for (size_t i = begin; i < end; i += next_character(source->text + i, end - i)) {
        caret += i < at;
        columns++;
    }
    size_t shown = 0, stop = columns; /* columns shown .. stop - 1 */
    if (columns > LINE_MAX_COLUMNS) {
        shown = caret > LINE_LEAD_COLUMNS ? caret - LINE_LEAD_COLUMNS : 0;
        stop = columns - shown > LINE_MAX_COLUMNS ? shown + LINE_MAX_COLUMNS : columns;
    }

    pc_text_printf(text, "%5u | %s", pc_source_place(source, span.begin).line, shown ? "..." : "");
    char carets[LINE_MAX_COLUMNS + 2]; /* one byte for each column shown, one for a caret behind the line, the end */
    size_t column = 0, used = 0, marks = 0;
    for (size_t i = begin; i < end && column < stop; column++) {
        size_t length = next_character(source->text + i, end - i);
        if (column >= shown) {
            render_character(source->text + i, end - i, text);
            if (i < at)
                carets[used++] = source->text[i] == '\t' ? '\t' : ' ';
            else if (i < span.end)
                carets[used++] = marks++ ? '~' : '^';
        }
        i += length;
    }
    if (!marks)
        carets[used++] = '^';
    carets[used] = '\0';
    pc_text_printf(text, "%s\n      | %s%s\n", stop < columns ? "..." : "", shown ? "   " : "", carets);
}

static void render_diag(const struct pc_diag *diag, const struct pc_source *source, struct pc_text *text) {
    const struct pc_diag_row *row = pc_diag_row(diag->id);
    render_place(source, diag->span, text);
    pc_text_add(text, row->severity == PC_SEVERITY_ERROR ? "error: " : "warning: ");
    pc_text_add(text, diag->text);
    pc_text_add(text, " [");
    pc_text_add(text, row->name);
    pc_text_add(text, "]\n");
    if (source && has_place(diag->span))
        render_line(source, diag->span, text);
    for (const struct pc_note *note = diag->notes; note; note = note->next) {
        render_place(source, has_place(note->span) ? note->span : diag->span, text);
        pc_text_add(text, "note: ");
        pc_text_add(text, note->text);
        pc_text_add_char(text, '\n');
    }
}

struct entry {
    const struct pc_diag *diag;
    size_t order; /* qsort is not stable */
};

static int compare(const void *left, const void *right) {
    const struct entry *a = left, *b = right;
    if (a->diag->span.begin != b->diag->span.begin)
        return a->diag->span.begin < b->diag->span.begin ? -1 : 1;
    return a->order < b->order ? -1 : 1;
}

void pc_diags_render(const struct pc_diags *diags, const struct pc_source *source, struct pc_text *text) {
    struct entry entries[PC_DIAGS_MAX];
    size_t count = 0;
    for (const struct pc_diag *diag = diags->first; diag; diag = diag->next, count++)
        entries[count] = (struct entry){diag, count};
    if (count)
        qsort(entries, count, sizeof entries[0], compare);
    for (size_t i = 0; i < count; i++)
        render_diag(entries[i].diag, source, text);
    size_t hidden = diags->errors + diags->warnings - diags->kept;
    if (hidden) {
        render_place(source, (struct pc_span){0, 0}, text);
        pc_text_printf(text, "error: too many errors: %zu more are not shown; correct the first ones [%s]\n", hidden,
                       pc_diag_row(PC_DIAG_TOO_MANY_ERRORS)->name);
    }
}
