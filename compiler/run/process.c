/* process.c - see process.h. */
#include "run/process.h"

#include "support/arena.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum {
    POLL_MILLISECONDS = 100, /* how long a signal may wait for its effect, */
    END_MILLISECONDS = 1,    /* and the end of a program that has closed its standard error */
};

_Static_assert(sizeof(sigset_t) <= sizeof((struct pc_signals){{0}}.saved), "a set of signals has its place");

const int pc_ending_signals[PC_ENDING_SIGNALS] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGXCPU};

static sigset_t ending_signals(void) {
    sigset_t set;
    sigemptyset(&set);
    for (int i = 0; i < PC_ENDING_SIGNALS; i++)
        sigaddset(&set, pc_ending_signals[i]);
    return set;
}

void pc_signals_hold(struct pc_signals *signals) {
    const sigset_t ending = ending_signals();
    sigset_t saved;
    pthread_sigmask(SIG_BLOCK, &ending, &saved);
    memcpy(signals->saved, &saved, sizeof saved);
}

void pc_signals_release(const struct pc_signals *signals) {
    sigset_t saved;
    memcpy(&saved, signals->saved, sizeof saved);
    pthread_sigmask(SIG_SETMASK, &saved, NULL);
}

/* Whether a held signal is waiting that was not held before. */
static bool asked_to_end(const struct pc_signals *signals) {
    sigset_t pending, saved;
    memcpy(&saved, signals->saved, sizeof saved);
    sigpending(&pending);
    for (int i = 0; i < PC_ENDING_SIGNALS; i++) {
        struct sigaction action; /* what is held waits although it is ignored */
        if (sigismember(&pending, pc_ending_signals[i]) == 1 && sigismember(&saved, pc_ending_signals[i]) == 0 &&
            sigaction(pc_ending_signals[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
            return true;
    }
    return false;
}

/* Starts the program with `output` as its standard error. 0, or an errno. */
static int start(const char *const *arguments, const struct pc_signals *signals, int output, pid_t *child) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int status = posix_spawn_file_actions_init(&actions);
    if (status != 0)
        return status;
    status = posix_spawnattr_init(&attributes);
    if (status != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return status;
    }
    sigset_t saved;
    memcpy(&saved, signals->saved, sizeof saved);
    if ((status = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)) == 0 &&
        (status = posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0)) == 0 &&
        (status = posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO)) == 0 &&
        (status = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK)) == 0 &&
        (status = posix_spawnattr_setsigmask(&attributes, &saved)) == 0)
        /* The arguments are not changed; the parameter is not const for historical reasons. */
        status = posix_spawnp(child, arguments[0], &actions, &attributes, (char *const *)arguments, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return status;
}

/* Reads a piece of what the program has written; what does not fit is thrown away. False at the end of it. */
static bool read_some(int input, char *errors, size_t size, size_t *kept) {
    char rest[512];
    const bool full = *kept + 1 >= size;
    const ssize_t got = read(input, full ? rest : errors + *kept, full ? sizeof rest : size - 1 - *kept);
    if (got > 0 && !full)
        *kept += (size_t)got;
    return got > 0 || (got < 0 && errno == EINTR);
}

/* Waits for the program to end, and reads its standard error meanwhile; what it has started itself may keep that open for
 * longer, and is not waited for. */
static struct pc_process_end follow(int input, pid_t child, const struct pc_signals *signals, char *errors, size_t size) {
    struct pc_process_end end = {.started = true};
    struct pollfd ready = {.fd = input, .events = POLLIN};
    size_t kept = 0;
    int status = 0;
    for (bool ended = false; !ended;) {
        const int count = poll(&ready, 1, ready.fd < 0 ? END_MILLISECONDS : POLL_MILLISECONDS);
        if (count > 0 && !read_some(input, errors, size, &kept))
            ready.fd = -1; /* which poll() passes over */
        const pid_t found = waitpid(child, &status, WNOHANG);
        ended = found == child || (found < 0 && errno != EINTR); /* somebody else has seen its end */
        if (!ended && !end.stopped && asked_to_end(signals)) {
            kill(child, SIGTERM);
            end.stopped = true;
        }
    }
    while (ready.fd >= 0 && poll(&ready, 1, 0) > 0 && kept + 1 < size && read_some(input, errors, size, &kept))
        ;
    errors[kept] = '\0';
    end.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return end;
}

struct pc_process_end pc_process_run(const char *const *arguments, const struct pc_signals *signals, char *errors,
                                     size_t size) {
    struct pc_process_end end = {0};
    int ends[2];
    errors[0] = '\0';
    if (pipe2(ends, O_CLOEXEC) != 0) {
        end.status = errno;
        return end;
    }
    pid_t child;
    end.status = start(arguments, signals, ends[1], &child);
    close(ends[1]);
    if (end.status == 0)
        end = follow(ends[0], child, signals, errors, size);
    close(ends[0]);
    return end;
}

const char *pc_temporary_pattern(struct pc_arena *arena) {
    const char *base = getenv("TMPDIR");
    if (!base || !*base)
        base = P_tmpdir;
    return pc_arena_printf(arena, "%s%s/poolc-XXXXXX", *base == '-' ? "./" : "", base); /* no option of a compiler's */
}
