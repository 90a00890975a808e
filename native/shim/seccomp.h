#ifndef TS_SECCOMP_H
#define TS_SECCOMP_H

#include "sandbox.h"

/* Loads the filter that the engine compiled; does nothing when there is none.  */
int seccomp_apply (const struct sandbox *sandbox);

#endif
