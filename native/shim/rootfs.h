/* The container's file tree: mounts, devices, links, masked and read-only paths, pivot_root.  */
#ifndef TS_ROOTFS_H
#define TS_ROOTFS_H

#include "sandbox.h"

/* Builds the tree around the calling process, which is alone in a mount namespace of its own.
   Afterwards "/" is the container's.  0, or -1 with the report filled in.  */
int rootfs_enter (struct sandbox *sandbox);

#endif
