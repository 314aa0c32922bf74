/* process.h - runs a program and waits for it; private to run/ and the tests.
 *
 * No shell is involved, so nothing needs quoting.  A signal that asks this process to end ends the program first, so that
 * the caller can still remove what it made. */
#ifndef PC_PROCESS_H
#define PC_PROCESS_H

#include <stdbool.h>
#include <stddef.h>

/* What became of a program. */
struct pc_process_end {
    bool started; /* false: `status` is the errno that says why not */
    int status;   /* exit status; 128 + signal where one ended it */
    bool stopped; /* a signal to this process ended it early; the signal is delivered when pc_signals_release() is called */
};

/* What ends a program from outside. */
enum { PC_ENDING_SIGNALS = 6 };
extern const int pc_ending_signals[PC_ENDING_SIGNALS];

/* These wait between the two calls, for the calling thread. */
struct pc_signals {
    _Alignas(16) unsigned char saved[128]; /* a sigset_t */
};
void pc_signals_hold(struct pc_signals *signals);
void pc_signals_release(const struct pc_signals *signals);

/* Runs arguments[0], looked up in $PATH, with the arguments up to NULL. Its standard input is empty, its standard output is
 * thrown away, and the beginning of its standard error is stored in `errors`, NUL-terminated (`size` >= 1 bytes). */
struct pc_process_end pc_process_run(const char *const *arguments, const struct pc_signals *signals, char *errors,
                                     size_t size);

/* The folder for temporary folders, $TMPDIR or the system's, and what mkdtemp() makes a name in it of. */
struct pc_arena;
const char *pc_temporary_pattern(struct pc_arena *arena);

#endif
