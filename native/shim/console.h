/* The terminal that a container's first program runs on.  */
#ifndef TS_CONSOLE_H
#define TS_CONSOLE_H

#include "sandbox.h"
#include "terminal.h"

/* Both ends to the shim, or the master to whoever keeps it instead.  0, or -1 with errno.  */
int console_send (const struct sandbox *sandbox, const struct terminal *terminal);

/* Opens one through the multiplexer PATH below DIR, hands both ends to the shim, and makes it the
   program's streams.  0, or -1 with the report filled in.  */
int console_open (struct sandbox *sandbox, int dir, const char *path);

/* Shows it as /dev/console in the fresh /dev.  */
int console_bind (const struct sandbox *sandbox);

#endif
