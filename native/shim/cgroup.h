/* Control groups of both versions.  The engine made them; the shim joins the container's process
   and reads how often the kernel killed for memory.  */
#ifndef TS_CGROUP_H
#define TS_CGROUP_H

#include "sandbox.h"

/* The unified group to clone into, or -1 with errno 0 when there is none.  */
int cgroup_open_unified (const struct ts_spec *spec);

/* Moves the calling process, which has one thread, into the groups of version 1.  */
int cgroup_enter (const struct sandbox *sandbox, const struct ts_spec *spec);

/* Moves the calling process, which has one thread, into the groups of version 1 and hides what is
 * above them.  */
int cgroup_join (const struct sandbox *sandbox);

/* How many processes of the container's memory group the kernel has killed; 0 where it does not
 * tell.  */
uint64_t cgroup_oom_kills (const struct ts_spec *spec);

/* Kills what is in the container's groups; how many there were, or -1 with errno.  */
int cgroup_kill_members (const struct ts_spec *spec);

/* Signals every process in the container's groups.  0, or an errno.  */
int cgroup_signal_all (const struct ts_spec *spec, int signal);

#endif
