/* From the shim's clone to the program of an exec.  */
#ifndef TS_EXEC_CHILD_H
#define TS_EXEC_CHILD_H

#include "sandbox.h"
#include "terminal.h"

struct exec_child
{
  struct sandbox sandbox;          /* its specification is the exec's */
  const struct ts_spec *container; /* whose namespaces and groups are joined */
  int container_pidfd;
  int has_terminal;
  struct terminal_size size;
};

_Noreturn void exec_child_run (struct exec_child *child);

#endif
