/* Programs of the runtime specification's that run in the container's namespaces.  */
#ifndef TS_HOOKS_H
#define TS_HOOKS_H

#include "sandbox.h"

/* Runs those of STAGE one after the other, each with the state as its input and no output.  The
   first that fails ends it.  0, or -1 with the report filled in.  */
int hooks_run (const struct sandbox *sandbox, enum ts_hook_stage stage);

#endif
