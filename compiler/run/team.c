/* team.c - see team.h. */
#include "run/team.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

struct member {
    pc_team_work *work;
    const void *context;
    size_t part, parts;
    pthread_t thread;
    bool started;
};

static void *begin(void *argument) {
    const struct member *member = argument;
    member->work(member->context, member->part, member->parts);
    return NULL;
}

void pc_team_run(pc_team_work *work, const void *context, size_t parts) {
    struct member *members = parts > 1 ? calloc(parts, sizeof *members) : NULL;
    for (size_t i = 1; members && i < parts; i++) {
        members[i] = (struct member){.work = work, .context = context, .part = i, .parts = parts};
        members[i].started = pthread_create(&members[i].thread, NULL, begin, &members[i]) == 0;
    }
    work(context, 0, parts);
    for (size_t i = 1; i < parts; i++) {
        if (members && members[i].started)
            pthread_join(members[i].thread, NULL);
        else
            work(context, i, parts);
    }
    free(members);
}
