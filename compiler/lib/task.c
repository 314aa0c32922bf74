/* task.c - see task.h, and the list of problems that comes out of it.
 *
 * A list lives in the arena that its texts were written to. That there is no memory can always be said: by a constant. */
#include "lib/task.h"

#include <string.h>

struct list {
    struct poolc_problems problems; /* what the caller sees */
    const char *rendered;
    struct pc_arena arena; /* the list itself, too */
};

static const struct list no_memory = {
    .problems = {.count = 1,
                 .items = &(const struct poolc_problem){.id = "out-of-memory",
                                                        .severity = POOLC_ERROR,
                                                        .text = "there is not enough memory"}},
    .rendered = "error: there is not enough memory [out-of-memory]\n",
};

/* ---- the list ---- */

static struct poolc_place place_of(const struct pc_source *source, struct pc_span span) {
    if (!source || (!span.begin && !span.end))
        return (struct poolc_place){0};
    const struct pc_place place = pc_source_place(source, span.begin);
    return (struct poolc_place){.begin = span.begin, .end = span.end, .line = place.line, .column = place.column};
}

static struct poolc_problem problem_of(const struct pc_diag *diag, const struct pc_source *source, struct pc_arena *arena) {
    size_t count = 0;
    for (const struct pc_note *note = diag->notes; note; note = note->next)
        count++;
    struct poolc_note *notes = PC_NEW_ARRAY(arena, count, struct poolc_note);
    struct poolc_note *next = notes;
    for (const struct pc_note *note = diag->notes; note; note = note->next)
        *next++ = (struct poolc_note){.text = note->text, .place = place_of(source, note->span)};
    const struct pc_diag_row *row = pc_diag_row(diag->id);
    return (struct poolc_problem){
        .id = row->name,
        .severity = row->severity == PC_SEVERITY_ERROR ? POOLC_ERROR : POOLC_WARNING,
        .text = diag->text,
        .place = place_of(source, diag->span),
        .note_count = count,
        .notes = notes,
    };
}

/* Behind those that begin before it or in the same place, as pc_diags_render() has them. */
static void insert(struct poolc_problem *items, size_t count, struct poolc_problem problem) {
    for (; count && items[count - 1].place.begin > problem.place.begin; count--)
        items[count] = items[count - 1];
    items[count] = problem;
}

static void make_list(struct pc_task *task, void *context) {
    const struct pc_diags *diags = &task->diags;
    struct list *list = PC_NEW(&task->report, struct list), **result = context;
    struct poolc_problem *items = PC_NEW_ARRAY(&task->report, diags->kept, struct poolc_problem);
    for (const struct pc_diag *diag = diags->first; diag; diag = diag->next)
        insert(items, list->problems.count++, problem_of(diag, task->source, &task->report));
    list->problems.items = items;
    list->problems.omitted = diags->errors + diags->warnings - diags->kept;
    pc_text_clear(&task->text);
    pc_diags_render(diags, task->source, &task->text);
    list->rendered = pc_arena_strndup(&task->report, pc_text_string(&task->text), task->text.size);
    *result = list;
}

const char *poolc_problems_render(const struct poolc_problems *problems) {
    return ((const struct list *)problems)->rendered;
}

void poolc_problems_free(struct poolc_problems *problems) {
    if (!problems || problems == &no_memory.problems)
        return;
    struct pc_arena arena = ((struct list *)problems)->arena; /* which lies in it */
    pc_arena_release(&arena);
}

/* ---- the task ---- */

void pc_task_begin(struct pc_task *task) {
    memset(task, 0, sizeof *task);
    task->scratch.out_of_memory = task->report.out_of_memory = task->text.out_of_memory = &task->out_of_memory;
    pc_diags_init(&task->diags, &task->report);
}

bool pc_task_run(struct pc_task *task, void (*step)(struct pc_task *task, void *context), void *context) {
    if (setjmp(task->out_of_memory)) {
        task->without_memory = true;
        return false;
    }
    step(task, context);
    return true;
}

void pc_task_end(struct pc_task *task, struct poolc_problems **problems) {
    struct list *list = NULL;
    if (problems && task->diags.first && !task->without_memory && pc_task_run(task, make_list, &list)) {
        list->arena = task->report;
        list->arena.out_of_memory = NULL;
        task->report = (struct pc_arena){0};
    }
    if (problems)
        *problems = task->without_memory ? (struct poolc_problems *)(uintptr_t)&no_memory : list ? &list->problems : NULL;
    pc_text_release(&task->text);
    pc_arena_release(&task->scratch);
    pc_arena_release(&task->report);
}
