/* tuned.c - see tuned.h. The layer of a line goes through the front end as the only pool of a spec, so whatever can be
 * written in a .pool file may stand there; what is looked up is its canonical form. */
#include "middle/tuned.h"

#include "front/diag.h"
#include "front/parse.h"
#include "front/real.h"

#include <math.h>
#include <string.h>

static const char version_line[] = "poolc-tuned 1";
static const char unit[] = "us";
enum { WORD_MAX = 24, COUNT_WORDS = 4 }; /* characters, all names of ours are shorter; words in front of the colon */

static const char *const target_names[] = {
#define TARGET(id, name, line) name,
#include "targets.def"
#undef TARGET
};

/* ---- keys ---- */

/* "forward avx512" and the canonical attributes of the layer, joined. */
static void write_key(const struct pc_layer *layer, enum pc_kernel_kind kind, const char *target, struct pc_text *text) {
    struct pc_text lines = {.out_of_memory = text->out_of_memory};
    pc_layer_print_key(layer, &lines);
    pc_text_printf(text, "%s %s", pc_kernel_suffix[kind], target);
    const char *separator = " ";
    for (const char *line = strchr(pc_text_string(&lines), '\n') + 1; *line == ' '; line += strcspn(line, "\n") + 1) {
        line += strspn(line, " ");
        pc_text_add(text, separator);
        pc_text_add_bytes(text, line, strcspn(line, "\n"));
        separator = "; ";
    }
    pc_text_release(&lines);
}

static struct pc_tuned_line *find_line(const struct pc_tuned *tuned, const char *key) {
    return pc_names_find(&tuned->kernels, key);
}

static struct pc_tuned_line *add_line(struct pc_tuned *tuned, const char *text, size_t size) {
    struct pc_tuned_line *line = PC_NEW(tuned->arena, struct pc_tuned_line);
    line->text = pc_arena_strndup(tuned->arena, text, size);
    line->kernel.choice = PC_PLAN_COUNT;
    PC_GROW(tuned->arena, tuned->lines, tuned->count, tuned->capacity);
    tuned->lines[tuned->count++] = line;
    return line;
}

struct pc_tuned *pc_tuned_new(struct pc_arena *arena) {
    struct pc_tuned *tuned = PC_NEW(arena, struct pc_tuned);
    tuned->arena = tuned->kernels.arena = arena;
    return tuned;
}

/* ---- reading ---- */

struct reader {
    struct pc_tuned *tuned;
    struct pc_diags *diags;
    struct pc_arena scratch; /* of one line */
    struct pc_span span;     /* of the line */
};

static bool fail(struct reader *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool fail(struct reader *r, const char *format, ...) {
    va_list args;
    va_start(args, format);
    pc_diag_add_va(r->diags, PC_DIAG_TUNED_LINE, r->span, format, args);
    va_end(args);
    return false;
}

static int index_of(const char *const *names, int count, const char *word) {
    return pc_words_find((struct pc_words){names, count}, word);
}

static enum pc_plan_choice choice_of(const char *word) {
    int choice = 0;
    while (choice < PC_PLAN_COUNT && strcmp(pc_plan_name((enum pc_plan_choice)choice), word) != 0)
        choice++;
    return (enum pc_plan_choice)choice;
}

/* A decimal number and its unit. */
static bool read_time(const char *word, double *microseconds) {
    const size_t length = strspn(word, "0123456789.");
    if (length == 0 || word[0] == '.' || strcmp(word + length, unit) != 0)
        return false;
    const char *point = memchr(word, '.', length);
    if (point && memchr(point + 1, '.', (size_t)(word + length - point - 1)))
        return false;
    char number[WORD_MAX + 1] = {0};
    memcpy(number, word, length);
    *microseconds = pc_real_parse(number);
    return *microseconds > 0 && isfinite(*microseconds);
}

/* The words in front of the colon; what is behind it at *rest. */
static bool read_words(struct reader *r, const char *text, size_t size, char words[COUNT_WORDS][WORD_MAX + 1],
                       size_t *rest) {
    size_t at = 0;
    for (int i = 0; i < COUNT_WORDS; i++) {
        const char end = i + 1 < COUNT_WORDS ? ' ' : ':';
        size_t length = 0;
        while (at + length < size && length < WORD_MAX && text[at + length] != end)
            length++;
        if (length == 0 || at + length >= size || text[at + length] != end)
            return fail(r, "a line is KERNEL TARGET PLAN TIME: LAYER, such as \"forward avx2 whole-4 36.2us: mode max; "
                           "shape 56 x 56; kernel 2 x 2\"");
        memcpy(words[i], text + at, length);
        words[i][length] = '\0';
        at += length + 1;
    }
    *rest = at;
    return true;
}

/* The layer of a line; NULL, reported, where it is none. */
static const struct pc_layer *read_layer(struct reader *r, const char *text, size_t size) {
    struct pc_text spec = {.out_of_memory = r->scratch.out_of_memory};
    struct pc_diags diags;
    pc_text_add(&spec, "pool line {\n"); /* as it is called in messages */
    pc_text_add_bytes(&spec, text, size);
    pc_text_add(&spec, "\n}\n");
    pc_diags_init(&diags, &r->scratch);
    const struct pc_source *source = pc_source_from_string("", spec.bytes, spec.size, &r->scratch);
    pc_text_release(&spec);
    const struct pc_module *module =
        pc_layers_build(pc_parse(source, &r->scratch, &diags), source, &r->scratch, &diags);
    const struct pc_diag *error = diags.first;
    while (error && pc_diag_row(error->id)->severity != PC_SEVERITY_ERROR)
        error = error->next;
    if (!error && module->count == 1)
        return &module->layers[0];
    fail(r, "not a layer: %s", error ? error->text : "the attributes of one pool stand here, as in a .pool file");
    return NULL;
}

/* A name that a newer poolc may know. */
static void warn(struct reader *r, const char *what, const char *word) {
    pc_diag_add(r->diags, PC_DIAG_TUNED_UNKNOWN, r->span, "this poolc knows no %s '%s'; the line is ignored", what, word);
}

static bool is_name(const char *word) {
    return word[strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789_-")] == '\0';
}

static bool read_kernel(struct reader *r, const char *text, size_t size, struct pc_tuned_line *line) {
    char words[COUNT_WORDS][WORD_MAX + 1];
    size_t rest = 0;
    double microseconds;
    if (!read_words(r, text, size, words, &rest))
        return false;
    const int kind = index_of(pc_kernel_suffix, PC_KERNEL_COUNT, words[0]);
    if (kind < 0 || !is_name(words[1]) || !is_name(words[2]))
        return fail(r, "a line begins with a kernel (%s), a target and a plan",
                    pc_words_join((struct pc_words){pc_kernel_suffix, PC_KERNEL_COUNT}, &r->scratch));
    if (!read_time(words[3], &microseconds))
        return fail(r, "the time is a positive number of microseconds, such as 36.2us");
    const struct pc_layer *layer = read_layer(r, text + rest, size - rest);
    if (!layer)
        return false;
    struct pc_text key = {.out_of_memory = r->scratch.out_of_memory};
    write_key(layer, (enum pc_kernel_kind)kind, words[1], &key);
    const bool again = find_line(r->tuned, pc_text_string(&key)) != NULL;
    if (!again)
        pc_names_add(&r->tuned->kernels, pc_arena_strndup(r->tuned->arena, key.bytes, key.size), line);
    pc_text_release(&key);
    if (again)
        return fail(r, "a line above is about the same kernel; delete one of them");
    line->kernel = (struct pc_tuned_kernel){choice_of(words[2]), microseconds};
    if (index_of(target_names, sizeof target_names / sizeof *target_names, words[1]) < 0)
        warn(r, "target", words[1]);
    else if (line->kernel.choice == PC_PLAN_COUNT)
        warn(r, "plan", words[2]);
    return true;
}

static bool is_version(struct reader *r, const char *text, size_t size) {
    const size_t length = sizeof version_line - 1;
    return (size == length && memcmp(text, version_line, length) == 0) ||
           fail(r, "the first line of a file of measured plans is '%s', as poolc tune writes it", version_line);
}

struct pc_tuned *pc_tuned_parse(const struct pc_source *source, struct pc_arena *arena, struct pc_diags *diags) {
    struct reader r = {.tuned = pc_tuned_new(arena), .diags = diags, .scratch = {.out_of_memory = arena->out_of_memory}};
    bool first = true;
    for (size_t at = 0; first || at < source->size;) {
        const char *text = source->text + at;
        const char *end = memchr(text, '\n', source->size - at);
        const size_t length = end ? (size_t)(end - text) : source->size - at;
        const bool crlf = length > 0 && text[length - 1] == '\r';
        const size_t size = length - crlf;
        r.span = (struct pc_span){(uint32_t)at, (uint32_t)(at + size)};
        if (first && !is_version(&r, text, size))
            break; /* what follows is anything */
        if (!first) {
            struct pc_tuned_line *line = add_line(r.tuned, text, size);
            if (memchr(text, '\0', size)) /* a comment with one could not be kept */
                fail(&r, "the line holds a NUL byte");
            else if (size > 0 && text[0] != '#')
                read_kernel(&r, text, size, line);
            pc_arena_reset(&r.scratch);
        }
        first = false;
        at += length + 1;
    }
    pc_arena_release(&r.scratch);
    return r.tuned;
}

/* ---- using and writing ---- */

const struct pc_tuned_kernel *pc_tuned_find(const struct pc_tuned *tuned, const struct pc_layer *layer,
                                            enum pc_kernel_kind kind, const char *target) {
    struct pc_text key = {.out_of_memory = tuned->arena->out_of_memory};
    write_key(layer, kind, target, &key);
    const struct pc_tuned_line *line = find_line(tuned, pc_text_string(&key));
    pc_text_release(&key);
    return line && line->kernel.choice < PC_PLAN_COUNT ? &line->kernel : NULL;
}

void pc_tuned_set(struct pc_tuned *tuned, const struct pc_layer *layer, enum pc_kernel_kind kind, const char *target,
                  struct pc_tuned_kernel kernel) {
    struct pc_text key = {.out_of_memory = tuned->arena->out_of_memory};
    write_key(layer, kind, target, &key);
    struct pc_tuned_line *line = find_line(tuned, pc_text_string(&key));
    if (!line) {
        line = add_line(tuned, "", 0);
        pc_names_add(&tuned->kernels, pc_arena_strndup(tuned->arena, key.bytes, key.size), line);
    }
    /* the key is "KERNEL TARGET LAYER" */
    const size_t front = strlen(pc_kernel_suffix[kind]) + 1 + strlen(target);
    line->text = pc_arena_printf(tuned->arena, "%.*s %s %.3f%s: %s", (int)front, key.bytes, pc_plan_name(kernel.choice),
                                 kernel.microseconds, unit, key.bytes + front + 1);
    line->kernel = kernel;
    pc_text_release(&key);
}

void pc_tuned_print(const struct pc_tuned *tuned, struct pc_text *text) {
    pc_text_printf(text, "%s\n", version_line);
    for (size_t i = 0; i < tuned->count; i++)
        pc_text_printf(text, "%s\n", tuned->lines[i]->text);
}
