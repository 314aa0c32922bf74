/* team.h - the parts of one piece of work, each in a thread of its own; private to run/.
 *
 * Threads live for one call: a run of a kernel that is worth several takes much longer than to start them. */
#ifndef PC_TEAM_H
#define PC_TEAM_H

#include <stddef.h>

/* Calls work(context, part, parts) for every part < parts, part 0 in the caller's thread, and returns when all have. A part
 * for which no thread can be had is run by the caller too. */
typedef void pc_team_work(const void *context, size_t part, size_t parts);
void pc_team_run(pc_team_work *work, const void *context, size_t parts);

#endif
