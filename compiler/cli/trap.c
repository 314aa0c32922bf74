/* trap.c - see trap.h. */
#include "cli/trap.h"

#include <setjmp.h>
#include <signal.h>
#include <stddef.h>

static sigjmp_buf way_out;
static const void *volatile accessed;

static void escape(int signal_number, siginfo_t *info, void *context) {
    (void)signal_number;
    (void)context;
    accessed = info->si_addr;
    siglongjmp(way_out, 1);
}

enum pc_trap pc_trap_run(void (*function)(void *argument), void *argument, const void **address) {
    struct sigaction action = {.sa_sigaction = escape, .sa_flags = SA_SIGINFO}, old_segv, old_bus;
    sigemptyset(&action.sa_mask);
    sigaction(SIGSEGV, &action, &old_segv);
    sigaction(SIGBUS, &action, &old_bus);
    volatile enum pc_trap result = PC_TRAP_NONE;
    if (sigsetjmp(way_out, 1) == 0)
        function(argument);
    else
        result = PC_TRAP_MEMORY;
    sigaction(SIGSEGV, &old_segv, NULL);
    sigaction(SIGBUS, &old_bus, NULL);
    *address = accessed;
    return result;
}
