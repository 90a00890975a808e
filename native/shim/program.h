/* The container's first process, from clone to exec.  */
#ifndef TS_PROGRAM_H
#define TS_PROGRAM_H

#include "sandbox.h"

/* Builds the sandbox around the calling process and becomes the program.  Failures are in the
 * report.  */
_Noreturn void program_run (struct sandbox *sandbox);

#endif
