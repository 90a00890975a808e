/* Which system calls count, and which do not.  One that is in neither list is found by a test.  */
#define _GNU_SOURCE
#include <stddef.h>
#include <sys/syscall.h>

#include "kill-point.h"

/* Whatever changes something that outlives the process, or tells somebody that something has changed.  */
static const struct call changing[] = {
#define CALL(name, what) { SYS_##name, #name, what }
#ifdef SYS_open
  CALL (open, OPEN),     CALL (creat, PATH),   CALL (mkdir, PATH),  CALL (rmdir, PATH),
  CALL (rename, PATH),   CALL (unlink, PATH),  CALL (link, SECOND), CALL (symlink, SECOND),
  CALL (mknod, PATH),    CALL (chmod, PATH),   CALL (chown, PATH),  CALL (lchown, PATH),
  CALL (fork, ANY),      CALL (vfork, ANY),
#endif
  CALL (openat, OPEN),   CALL (openat2, OPEN), CALL (mkdirat, AT),  CALL (unlinkat, AT),
#ifdef SYS_renameat
  CALL (renameat, AT),
#endif
  CALL (renameat2, AT),  CALL (linkat, AT),    CALL (symlinkat, SECOND),
  CALL (mknodat, AT),    CALL (fchmodat, AT),  CALL (fchownat, AT), CALL (utimensat, AT),
  CALL (truncate, PATH), CALL (setxattr, PATH), CALL (lsetxattr, PATH), CALL (removexattr, PATH),
  CALL (lremovexattr, PATH),
  CALL (mount, SECOND),  CALL (umount2, PATH), CALL (pivot_root, PATH), CALL (fsopen, PATH),
  CALL (fsconfig, FD),   CALL (fsmount, FD),   CALL (move_mount, AT),  CALL (open_tree, AT),
  CALL (mount_setattr, AT),
  CALL (write, FD),      CALL (pwrite64, FD),  CALL (writev, FD),   CALL (pwritev, FD),
  CALL (pwritev2, FD),   CALL (ftruncate, FD), CALL (fallocate, FD), CALL (fsync, FD),
  CALL (fdatasync, FD),  CALL (syncfs, FD),    CALL (fchmod, FD),   CALL (fchown, FD),
  CALL (fsetxattr, FD),  CALL (fremovexattr, FD), CALL (copy_file_range, ANY),
  CALL (sendfile, FD),   CALL (splice, ANY),   CALL (ioctl, IOCTL),
  CALL (sendto, FD),     CALL (sendmsg, FD),   CALL (sendmmsg, FD), CALL (connect, FD),
  CALL (bind, FD),       CALL (listen, FD),    CALL (shutdown, FD), CALL (accept4, FD),
  CALL (accept, FD),
  CALL (clone, CLONE),   CALL (clone3, CLONE), CALL (execve, PATH), CALL (execveat, AT),
  CALL (kill, ANY),      CALL (pidfd_send_signal, FD), CALL (setns, FD), CALL (unshare, ANY),
  CALL (bpf, ANY),       CALL (keyctl, ANY),   CALL (add_key, ANY), CALL (sethostname, ANY),
  CALL (setdomainname, ANY),
#undef CALL
};

/* What only reads, or changes only the process itself: that ends with it, so that to die before such a call is to
   die before the next one.  A close is among these, because a kill closes everything, and so is flock(2).  */
static const long harmless[] = {
  SYS_read, SYS_pread64, SYS_readv, SYS_preadv, SYS_preadv2, SYS_close, SYS_close_range, SYS_fstat,
  SYS_newfstatat, SYS_statx, SYS_lseek, SYS_getdents64, SYS_readlinkat, SYS_faccessat, SYS_faccessat2,
  SYS_statfs, SYS_fstatfs, SYS_getxattr, SYS_lgetxattr, SYS_fgetxattr, SYS_listxattr, SYS_llistxattr,
  SYS_flistxattr, SYS_mmap, SYS_munmap, SYS_mprotect, SYS_mremap, SYS_madvise, SYS_brk, SYS_mincore,
  SYS_msync, SYS_membarrier, SYS_pkey_alloc, SYS_pkey_free, SYS_pkey_mprotect, SYS_futex, SYS_sched_yield,
  SYS_sched_getaffinity, SYS_sched_setaffinity, SYS_getpriority, SYS_setpriority, SYS_prctl, SYS_rseq,
  SYS_set_robust_list, SYS_set_tid_address, SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn,
  SYS_sigaltstack, SYS_restart_syscall, SYS_exit, SYS_exit_group, SYS_getpid, SYS_gettid, SYS_getppid,
  SYS_getuid, SYS_geteuid, SYS_getgid, SYS_getegid, SYS_getrusage, SYS_getrandom, SYS_uname,
  SYS_sysinfo, SYS_getcpu, SYS_getcwd, SYS_chdir, SYS_fchdir, SYS_umask, SYS_prlimit64, SYS_times,
  SYS_clock_gettime, SYS_clock_getres, SYS_clock_nanosleep, SYS_nanosleep, SYS_gettimeofday,
  SYS_timerfd_create, SYS_timerfd_settime, SYS_ppoll, SYS_epoll_create1, SYS_epoll_ctl, SYS_epoll_pwait,
  SYS_eventfd2, SYS_signalfd4, SYS_inotify_init1, SYS_inotify_add_watch, SYS_inotify_rm_watch,
  SYS_pipe2, SYS_dup, SYS_dup3, SYS_fcntl, SYS_flock, SYS_socket, SYS_socketpair, SYS_setsockopt,
  SYS_getsockopt, SYS_getsockname, SYS_getpeername, SYS_recvfrom, SYS_recvmsg, SYS_memfd_create,
  SYS_setsid, SYS_setgroups, SYS_setresuid, SYS_setresgid, SYS_capset, SYS_seccomp, SYS_rt_sigtimedwait,
  SYS_pidfd_open, SYS_pidfd_getfd, SYS_waitid, SYS_wait4, SYS_tgkill, SYS_capget, SYS_fadvise64,
#ifdef SYS_open
  SYS_stat, SYS_lstat, SYS_access, SYS_readlink, SYS_poll, SYS_epoll_wait, SYS_epoll_create, SYS_pipe,
  SYS_dup2, SYS_arch_prctl, SYS_getrlimit, SYS_eventfd, SYS_time, SYS_select,
#endif
};

const struct call *find_changing (long number)
{
  for (size_t i = 0; i < sizeof changing / sizeof *changing; i++)
    if (changing[i].number == number)
      return &changing[i];
  return NULL;
}

int is_harmless (long number)
{
  for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++)
    if (harmless[i] == number)
      return 1;
  return 0;
}
