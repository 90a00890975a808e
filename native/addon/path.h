/* Paths below a directory descriptor, resolved as if that were "/".  */
#pragma once

#include <stdint.h>
#include <sys/types.h>

/* openat2(2) with RESOLVE_IN_ROOT and RESOLVE_NO_MAGICLINKS; "" is the directory itself, and with
   O_PATH whatever DIR is.  */
int path_open (int dir, const char *path, int flags, mode_t mode);

/* With O_PATH; what leads out of DIR, by a link that is absolute or too high, is EXDEV.  */
int path_open_inside (int dir, const char *path);

enum create
{
  CREATE_NOTHING,
  CREATE_DIRECTORY,
  CREATE_FILE
};

/* Opens PATH with O_PATH after making what is missing, as CREATE says at its end.  Each prefix is
   resolved from the root, so that links in it keep their meaning; a missing component is made in
   the directory that the prefix before it led to (GHSA-rg2x-37c3-w2rh).  */
int path_make (int root, const char *path, enum create create);

/* The directory that holds the last component of a path, and that component: never "", "." or "..".
 */
struct parent
{
  int fd;
  char *path;
  const char *name;
};

/* 0, or -1 with errno.  Release with parent_release in any case.  */
int parent_open (struct parent *parent, int dir, const char *path);
void parent_release (struct parent *parent);

#define auto_parent __attribute__ ((cleanup (parent_release))) struct parent

/* "/proc/self/fd/N", by which calls that know no AT_EMPTY_PATH reach a descriptor opened with
   O_PATH.  The kernel jumps to the file itself, also when it is a symbolic link, and follows
   nothing further.  */
enum
{
  SELF_PATH_BYTES = 32
};
const char *self_path (int fd, char buffer[SELF_PATH_BYTES]);
