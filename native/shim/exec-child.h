/* From the shim's clone to the program of an exec.  */
#ifndef TS_EXEC_CHILD_H
#define TS_EXEC_CHILD_H

#include <sys/types.h>

#include "sandbox.h"
#include "terminal.h"

struct exec_child
{
  struct sandbox sandbox;          /* its specification is the exec's */
  const struct ts_spec *container; /* whose namespaces and groups are joined */
  int container_pidfd;
  pid_t container_pid; /* 0: not known */
  int has_terminal;
  struct terminal_size size;
};

_Noreturn void exec_child_run (struct exec_child *child);

#endif
