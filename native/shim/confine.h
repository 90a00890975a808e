/* What a process takes on before it becomes a program of the container, and what the programs it
   executes keep.  */
#ifndef TS_CONFINE_H
#define TS_CONFINE_H

#include <sys/types.h>

#include "sandbox.h"

/* Writes the attributes of the specification, for the next exec of this process or of one that it
   forks.  While /proc still is the host's: nobody in the container has a say in what is written to.
 */
int confine_attributes (const struct sandbox *sandbox);

/* Gives this process and those that it forks the hardware threads of a core to themselves, or with
   a process ID those of that one.  */
int confine_core (const struct sandbox *sandbox, pid_t of);

#endif
