/* The container's first process, from clone to exec.  */
#ifndef TS_PROGRAM_H
#define TS_PROGRAM_H

#include "sandbox.h"

/* Builds the sandbox around the calling process and becomes the program.  Failures are in the
 * report.  */
_Noreturn void program_run (struct sandbox *sandbox);

/* Steps of it: one that building the root takes as well, and two of an exec.  */
int program_wait (const struct sandbox *sandbox, enum ts_progress progress);
int program_enter_directory (const struct sandbox *sandbox);
void program_execute (const struct sandbox *sandbox);

/* The program's user may open stream NUMBER again by its path, as many images do.  */
int program_own_stream (const struct sandbox *sandbox, int number);

#endif
