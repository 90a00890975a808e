/* Files with several names, by device and inode.  */
#pragma once

#include <stddef.h>
#include <sys/stat.h>

struct inode
{
  dev_t device;
  ino_t number;
  /* Where the first name was put; NULL when only counting.  */
  char *path;
};

struct inodes
{
  struct inode *slots;
  size_t capacity;
  size_t count;
};

/* The slot of a file: `path` is NULL and `is_new` true when it was not there.  NULL: out of memory.
 */
struct inode *inodes_find (struct inodes *inodes, const struct stat *status, _Bool *is_new);
void inodes_release (struct inodes *inodes);
