/* Namespaces of other containers.  */
#ifndef TS_JOINS_H
#define TS_JOINS_H

#include "sandbox.h"

/* All CLONE_NEW* bits among the joins.  */
uint32_t join_kinds (const struct ts_spec *spec);

/* The descriptor of the namespace of KIND, or -1.  */
int join_find (const struct ts_spec *spec, uint32_t kind);

/* Children cloned from now on are in the joined pid namespace, until join_pid_leave.  Both do
   nothing without one.  0, or -1 with errno.  */
int join_pid_enter (const struct ts_spec *spec);
int join_pid_leave (const struct ts_spec *spec);

/* The calling process enters the joined ones that it can be moved to: network and ipc.  */
int join_enter (const struct sandbox *sandbox);

/* Clones the mount with TS_MOUNT_JOINED, of which there is one at most, out of the joined mount
   namespace.  -1 with errno 0: there is none.  */
int join_clone_source (const struct ts_spec *spec);

/* Closes them in the shim, and the user namespaces of owners: as long as it had them open, it would
   keep the other container's mounts and links.  Returns the lowest descriptor closed, or END where
   there are none.  */
int join_close (const struct ts_spec *spec, int end);

#endif
