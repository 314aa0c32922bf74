/* task.h - one call into libpoolc: its scratch memory, its diagnostics, and where it lands without memory.
 *
 * The compiler reports by struct pc_diags and runs out of memory by longjmp; the library's users get a list of their own. */
#ifndef PC_TASK_H
#define PC_TASK_H

#include "front/diag.h"
#include "pool/compiler.h"

struct pc_task {
    jmp_buf out_of_memory;
    struct pc_arena scratch; /* gone with the task */
    struct pc_arena report;  /* what diags says, which the caller's list takes over */
    struct pc_diags diags;
    struct pc_text text;            /* scratch, too */
    const struct pc_source *source; /* that the places are in, or NULL */
    bool without_memory;
};

void pc_task_begin(struct pc_task *task);

/* Runs `step`. false when memory ran out in it: then it was left somewhere, and what `context` holds must be seen to. */
bool pc_task_run(struct pc_task *task, void (*step)(struct pc_task *task, void *context), void *context);

/* Ends the task: *problems, unless NULL, becomes what was found; *problems NULL where that is nothing. */
void pc_task_end(struct pc_task *task, struct poolc_problems **problems);

#endif
