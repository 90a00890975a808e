/* A small init: pid 1 that reaps orphans and passes signals on.  */
#ifndef TS_INIT_H
#define TS_INIT_H

#include <sys/types.h>

/* Names this process as Docker names its init, in front of the words of the program: cloned from
   the shim, it would be shown as that.  Needs CAP_SYS_RESOURCE; without it nothing happens.  */
void init_name (char *const *argv);

/* All signals are blocked.  Ends with the exit code of MAIN.  */
_Noreturn void init_run (pid_t main_pid);

/* The same as a program of its own, which starts the one that ARGV names.  */
_Noreturn void init_exec (char **argv, char **envp);

#endif
