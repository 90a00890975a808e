/* Paths below a root that the container controls.  Resolution never leaves ROOT and never follows
   /proc links (CVE-2019-19921, CVE-2021-30465 and their kin all began with a path that was resolved
   twice).  */
#ifndef TS_PATHS_H
#define TS_PATHS_H

#include "spec.h"

/* Opens PATH as seen with ROOT as "/"; links are followed inside.  A descriptor, or -1 with errno.
 */
int open_below (int root, const char *path, int flags);

/* Opens PATH with O_PATH; one that leads out of ROOT, by a link that is absolute or too high, is
   EXDEV.  */
int open_beneath (int root, const char *path);

/* As open_below with O_PATH, after making what is missing: directories with mode 0755, and at the
 * end what CREATE says.  */
int make_below (int root, const char *path, enum ts_create create);

/* Opens the directory that PATH's last component is in, making what is missing; *NAME is that
   component.  ROOT's own file system is not left, so nothing is ever made in a bind mount of the
   host.  */
int make_parent_below (int root, const char *path, const char **name);

#endif
