/* Files of a specification: written into a tmpfs that is the container's own, before it is attached
   anywhere.  */
#ifndef TS_FILES_H
#define TS_FILES_H

#include "spec.h"

/* A detached mount with the files of the specification's mount INDEX, or -1 with errno.  What is to
   be mounted as a file is read-only already; a directory is not, as mount points may be made in it.
   SCRATCH as for mount_make.  */
int files_make (const struct ts_spec *spec, uint32_t index, const char *scratch);

#endif
