/* What the addon needs of the kernel and older libc headers lack.  glibc before 2.36 and musl have
   no wrappers for these calls, and <linux/mount.h> cannot be included beside <sys/mount.h>, so
   numbers and layouts are written here. System calls from 424 on have one number on every
   architecture.  */
#pragma once

#include <stdint.h>
#include <sys/syscall.h>

enum
{
  NR_PIDFD_SEND_SIGNAL = 424,
  NR_OPEN_TREE = 428,
  NR_MOVE_MOUNT = 429,
  NR_FSOPEN = 430,
  NR_FSCONFIG = 431,
  NR_FSMOUNT = 432,
  NR_PIDFD_OPEN = 434,
  NR_CLOSE_RANGE = 436,
  NR_OPENAT2 = 437,
  NR_MOUNT_SETATTR = 442
};

/* struct open_how of linux/openat2.h, Linux 5.6.  */
struct open_how_v0
{
  uint64_t flags;
  uint64_t mode;
  uint64_t resolve;
};

enum
{
  RESOLVE_XDEV = 0x01,       /* RESOLVE_NO_XDEV */
  RESOLVE_MAGICLINKS = 0x02, /* RESOLVE_NO_MAGICLINKS */
  RESOLVE_SYMLINKS = 0x04,   /* RESOLVE_NO_SYMLINKS */
  RESOLVE_INSIDE = 0x08,     /* RESOLVE_BENEATH */
  RESOLVE_ROOT = 0x10        /* RESOLVE_IN_ROOT */
};

/* struct mount_attr of linux/mount.h, Linux 5.12.  */
struct mount_attr_v0
{
  uint64_t attr_set;
  uint64_t attr_clr;
  uint64_t propagation;
  uint64_t userns_fd;
};

enum
{
  FS_CLOEXEC = 0x1,  /* FSOPEN_CLOEXEC, FSMOUNT_CLOEXEC */
  FS_SET_STRING = 1, /* FSCONFIG_SET_STRING */
  FS_CREATE = 6,     /* FSCONFIG_CMD_CREATE */
  ATTR_RDONLY = 0x1, /* MOUNT_ATTR_RDONLY */
  ATTR_NOSUID = 0x2,
  ATTR_NODEV = 0x4,
  ATTR_IDMAP = 0x100000,
  MOVE_F_EMPTY_PATH = 0x4, /* MOVE_MOUNT_F_EMPTY_PATH */
  TREE_CLONE = 0x1         /* OPEN_TREE_CLONE */
};

/* P_PIDFD of waitid(2), Linux 5.4.  */
enum
{
  WAIT_PIDFD = 3
};
