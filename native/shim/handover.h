/* What a container has that becomes its creator's: descriptors of the creator's, attributes of its
   first process that only the runtime specification knows, and execs without a shim that stays.  */
#ifndef TS_HANDOVER_H
#define TS_HANDOVER_H

#include "sandbox.h"

/* The shim's descriptor for TARGET, or -1.  */
int handover_find (const struct ts_spec *spec, uint32_t target);

/* Where the program's streams come from.  */
void handover_take_streams (struct sandbox *sandbox);

/* Closes in the shim what only the first process needs.  */
void handover_close_descriptors (const struct ts_spec *spec);

/* Puts what the program is to have beyond its streams at 3 and up, and the report behind that.
   Returns the first number behind the report, or -1 with the report filled in.  */
int handover_place_descriptors (struct sandbox *sandbox);

/* Sends the terminal's master to whoever asked for it.  0, or -1 with errno.  */
int handover_send_master (int socket, int master);

/* For children of the calling process: clone3(2) would freeze the clocks of the namespace that it
   makes.  0, or -1 with errno.  */
int handover_make_time (const struct ts_spec *spec);

/* Scheduling and personality of the calling process.  0, or -1 with the report filled in.  */
int handover_set_attributes (const struct sandbox *sandbox);

/* "lo" of a new network namespace comes up, as every runtime has it.  */
int handover_raise_loopback (const struct sandbox *sandbox);

/* An exec: the calling process gives up everything and forks the program, whose parent is the
   caller's.  REPORT is shared with whoever started this, SOCKET ends with the exec.  */
_Noreturn void handover_exec (const struct ts_spec *spec, int report, int socket);

#endif
