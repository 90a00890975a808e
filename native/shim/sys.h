/* System calls that neither glibc 2.31 nor musl wraps, and constants that older headers lack.
   <sys/mount.h> is not used: with some versions of glibc it cannot stand beside <linux/mount.h>. */
#ifndef TS_SYS_H
#define TS_SYS_H

#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ull
#endif
#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif
#ifndef CLONE_NEWCGROUP
#define CLONE_NEWCGROUP 0x02000000
#endif
#ifndef CLONE_NEWNET
#define CLONE_NEWNET 0x40000000
#endif
#ifndef MOUNT_ATTR_IDMAP
#define MOUNT_ATTR_IDMAP 0x00100000
#endif
#ifndef MNT_DETACH
#define MNT_DETACH 2
#endif
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC 4
#endif
#ifndef P_PIDFD
#define P_PIDFD 3
#endif
#ifndef F_SETPIPE_SZ
#define F_SETPIPE_SZ 1031
#endif
#ifndef F_GET_SEALS
#define F_GET_SEALS 1034
#define F_SEAL_WRITE 8
#endif

/* The kernel's struct clone_args and struct mount_attr grow; these are the sizes that are used
   here, so that a header which is newer than the kernel does no harm.  */
struct ts_clone_args
{
  uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid,
      set_tid_size, cgroup;
};

struct ts_mount_attr
{
  uint64_t attr_set, attr_clr, propagation, userns_fd;
};

static inline int sys_clone3 (struct ts_clone_args *args)
{
  return (int)syscall (SYS_clone3, args, sizeof *args);
}

static inline int sys_openat2 (int dir, const char *path, uint64_t flags, uint64_t resolve)
{
  struct open_how how = { .flags = flags | O_CLOEXEC, .resolve = resolve };
  return (int)syscall (SYS_openat2, dir, path, &how, sizeof how);
}

static inline int sys_open_tree (int dir, const char *path, unsigned int flags)
{
  return (int)syscall (SYS_open_tree, dir, path, flags);
}

static inline int sys_move_mount (int from, const char *from_path, int to, const char *to_path,
                                  unsigned int flags)
{
  return (int)syscall (SYS_move_mount, from, from_path, to, to_path, flags);
}

static inline int sys_mount_setattr (int dir, unsigned int flags, struct ts_mount_attr *attr)
{
  return (int)syscall (SYS_mount_setattr, dir, "", flags | AT_EMPTY_PATH, attr, sizeof *attr);
}

static inline int sys_fsopen (const char *type)
{
  return (int)syscall (SYS_fsopen, type, FSOPEN_CLOEXEC);
}

static inline int sys_fsconfig (int fs, unsigned int command, const char *key, const char *value)
{
  return (int)syscall (SYS_fsconfig, fs, command, key, value, 0);
}

static inline int sys_fsmount (int fs, unsigned int attributes)
{
  return (int)syscall (SYS_fsmount, fs, FSMOUNT_CLOEXEC, attributes);
}

static inline int sys_mount (const char *source, const char *target, const char *type,
                             unsigned long flags, const void *data)
{
  return (int)syscall (SYS_mount, source, target, type, flags, data);
}

static inline int sys_umount (const char *target, int flags)
{
  return (int)syscall (SYS_umount2, target, flags);
}

static inline int sys_pivot_root (const char *root, const char *old)
{
  return (int)syscall (SYS_pivot_root, root, old);
}

static inline int sys_close_range (unsigned int first, unsigned int last, unsigned int flags)
{
  return (int)syscall (SYS_close_range, first, last, flags);
}

static inline int sys_pidfd_open (pid_t pid) { return (int)syscall (SYS_pidfd_open, pid, 0); }

static inline int sys_pidfd_send_signal (int pidfd, int signal)
{
  return (int)syscall (SYS_pidfd_send_signal, pidfd, signal, (siginfo_t *)NULL, 0);
}

#endif
