/* trap.c - see trap.h. */
#include "cli/trap.h"

#include <setjmp.h>
#include <signal.h>
#include <stddef.h>

/* Where the handler runs: the kernel's own stack may be what overflowed. */
static _Alignas(16) char handler_stack[64 * 1024];

static sigjmp_buf way_out;
static const void *volatile accessed;

static void escape(int signal_number, siginfo_t *info, void *context) {
    (void)signal_number;
    (void)context;
    accessed = info->si_addr;
    siglongjmp(way_out, 1);
}

enum pc_trap pc_trap_run(void (*function)(void *argument), void *argument, const void **address) {
    struct sigaction action = {.sa_sigaction = escape, .sa_flags = SA_SIGINFO | SA_ONSTACK}, old_segv, old_bus;
    const stack_t stack = {.ss_sp = handler_stack, .ss_size = sizeof handler_stack};
    stack_t old_stack;
    sigemptyset(&action.sa_mask);
    sigaltstack(&stack, &old_stack);
    sigaction(SIGSEGV, &action, &old_segv);
    sigaction(SIGBUS, &action, &old_bus);
    volatile enum pc_trap result = PC_TRAP_NONE;
    if (sigsetjmp(way_out, 1) == 0)
        function(argument);
    else
        result = PC_TRAP_MEMORY;
    sigaction(SIGSEGV, &old_segv, NULL);
    sigaction(SIGBUS, &old_bus, NULL);
    sigaltstack(&old_stack, NULL);
    *address = accessed;
    return result;
}
