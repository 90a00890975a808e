/* The container's first process, from clone to exec.  */
#ifndef TS_PROGRAM_H
#define TS_PROGRAM_H

#include "sandbox.h"

/* Builds the sandbox around the calling process and becomes the program.  Failures are in the
 * report.  */
_Noreturn void program_run (struct sandbox *sandbox);

/* Both are steps of it that an exec takes as well.  */
int program_enter_directory (const struct sandbox *sandbox);
void program_execute (const struct sandbox *sandbox);

#endif
