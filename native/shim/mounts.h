/* One mount of the specification each: made detached, then moved to its place by descriptor.  */
#ifndef TS_MOUNTS_H
#define TS_MOUNTS_H

#include "sandbox.h"

/* A detached copy of the bind's source with its propagation, attributes and owners; -1 with errno.
 */
int mount_clone_source (const struct ts_spec *spec, const struct ts_mount *mount);

/* A detached new file system of the mount's kind; -1 with errno.  For an overlay on a kernel
   without "lowerdir+", or of which a part is wanted, SCRATCH is a directory of the host where it is
   mounted for a moment.  */
int mount_make (const struct ts_spec *spec, const struct ts_mount *mount, const char *scratch);

/* A detached tmpfs; LABEL is one of SELinux, or NULL.  */
int mount_make_empty (const char *label);

/* The label of SELinux that all files of MOUNT have, or NULL.  */
const char *mount_label (const struct ts_spec *spec, const struct ts_mount *mount);

/* A detached copy of the part SUBPATH of the detached mount WHOLE, which is mounted on SCRATCH for
   a moment.  */
int mount_narrow (int whole, const char *subpath, const char *scratch);

/* Puts a detached mount on what TARGET refers to.  */
int mount_attach (int mount, int target);

/* Sets attributes and propagation; either may be 0.  */
int mount_set (int mount, uint64_t attributes, uint64_t propagation, int is_recursive);

#endif
