/* Who the program is: limits, keyring, user, groups, capabilities, no_new_privs.  */
#ifndef TS_CREDENTIALS_H
#define TS_CREDENTIALS_H

#include "sandbox.h"

/* Everything but the last step below.  CAP_SYS_ADMIN is kept where the seccomp filter needs it.  */
int credentials_apply (const struct sandbox *sandbox);

/* Leaves exactly the specified capabilities.  After the seccomp filter, for a process that does not
 * exec.  */
int credentials_finish (const struct sandbox *sandbox);

#endif
