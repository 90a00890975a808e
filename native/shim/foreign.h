/* Sandboxes that another OCI runtime makes, by its commands: `create`, `start`, `exec` and
   `delete`.  What they make is the shim's all the same: their container's first process and their
   execs become its children, as it is the subreaper of whoever runs the commands.  */
#ifndef TS_FOREIGN_H
#define TS_FOREIGN_H

#include "exec-child.h"
#include "sandbox.h"
#include "shim.h"

/* Whether processes are cloned into the group of version 2.  Runtimes enter it themselves, but on a
   host with both versions, where not all of them can, they are shown the first alone.  */
int foreign_enters_unified (const struct ts_spec *spec);

/* Executes WORDS, the first one a path, where the mount at PATH cannot be seen.  */
_Noreturn void foreign_hide (const char *path, char **words, char **envp);

/* Mounts the root, has the container created and, at the word, started.  The number of its first
   process is in the report from when it is created.  */
_Noreturn void foreign_drive (struct sandbox *sandbox);

/* Has one program started in the container; its number is in the report.  */
_Noreturn void foreign_exec (struct exec_child *child);

/* In the shim: the driver has told the number of the container's first process.  0, or -1 with
 * errno.  */
int foreign_learn (struct shim *shim);

/* Takes away what is left of the container, its processes included.  */
void foreign_delete (const struct shim *shim);

#endif
