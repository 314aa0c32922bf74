/* process.c - see process.h. */
#include "run/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { POLL_MILLISECONDS = 100 }; /* how long a signal may wait for its effect */

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
    for (int i = 0; i < PC_ENDING_SIGNALS; i++)
        if (sigismember(&pending, pc_ending_signals[i]) == 1 && sigismember(&saved, pc_ending_signals[i]) == 0)
            return true;
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

/* Reads until the program closes its standard error; what does not fit is thrown away. */
static bool collect(int input, pid_t child, const struct pc_signals *signals, char *errors, size_t size) {
    size_t kept = 0;
    bool stopped = false;
    for (;;) {
        struct pollfd ready = {.fd = input, .events = POLLIN};
        const int count = poll(&ready, 1, POLL_MILLISECONDS);
        if (!stopped && asked_to_end(signals)) {
            kill(child, SIGTERM);
            stopped = true;
        }
        if (count < 0 && errno != EINTR)
            break;
        if (count <= 0)
            continue;
        char rest[512];
        const bool full = kept + 1 >= size;
        const ssize_t got = read(input, full ? rest : errors + kept, full ? sizeof rest : size - 1 - kept);
        if (got == 0 || (got < 0 && errno != EINTR))
            break;
        if (got > 0 && !full)
            kept += (size_t)got;
    }
    errors[kept] = '\0';
    return stopped;
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
    if (end.status == 0) {
        end.started = true;
        end.stopped = collect(ends[0], child, signals, errors, size);
        int status = 0;
        while (waitpid(child, &status, 0) < 0 && errno == EINTR)
            ;
        end.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    close(ends[0]);
    return end;
}
