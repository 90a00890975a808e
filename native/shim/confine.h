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

/* The attribute of the init, which executes nothing and so changes at once: opened on the procfs of
   the container as descriptor TARGET while everything is allowed still, and written when the filter
   stands, as what it changes to may forbid to load one.  1: there is one.  */
int confine_open_init (const struct sandbox *sandbox, int target);
int confine_init (const struct sandbox *sandbox, int opened);

/* Gives this process and those that it forks the hardware threads of a core to themselves, or with
   a process ID those of that one.  */
int confine_core (const struct sandbox *sandbox, pid_t of);

#endif
