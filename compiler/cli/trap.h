/* trap.h - runs a kernel so that touching memory it must not touch is an answer and not the end of the program. */
#ifndef PC_TRAP_H
#define PC_TRAP_H

#include <stdbool.h>

enum pc_trap { PC_TRAP_NONE, PC_TRAP_MEMORY };

/* Calls function(argument). PC_TRAP_MEMORY when it was ended by an access to memory that is not there; *address is then what
 * it accessed. What the function held is lost. Not reentrant, and for one thread only. */
enum pc_trap pc_trap_run(void (*function)(void *argument), void *argument, const void **address);

#endif
