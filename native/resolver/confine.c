/* The process that reads what containers and the network send keeps nothing worth taking over for:
   no user, no capability, no file, no new program.  */
#define _GNU_SOURCE
#include "resolver.h"

#include <errno.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCHITECTURE AUDIT_ARCH_RISCV64
#else
#error "the system call numbers of this architecture are not known to the filter"
#endif

#define LOAD(field) BPF_STMT (BPF_LD | BPF_W | BPF_ABS, offsetof (struct seccomp_data, field))
#define RETURN(value) BPF_STMT (BPF_RET | BPF_K, (value))
#define ALLOW(number)                                                                              \
  BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 1), RETURN (SECCOMP_RET_ALLOW)
/* The first argument must be one of two values; both halves of it are looked at by the kernel as an
   int, so the low one decides.  */
#define ARGUMENT_LOW                                                                               \
  (offsetof (struct seccomp_data, args[0])                                                         \
   + (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 0 : sizeof (uint32_t)))
#define ALLOW_IF_FIRST(number, one, other)                                                         \
  BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 5),                                            \
      BPF_STMT (BPF_LD | BPF_W | BPF_ABS, ARGUMENT_LOW),                                           \
      BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, (one), 1, 0),                                           \
      BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, (other), 0, 1), RETURN (SECCOMP_RET_ALLOW),             \
      RETURN (SECCOMP_RET_ERRNO | EPERM)

static const struct sock_filter filter[] = {
  LOAD (arch),
  BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0),
  RETURN (SECCOMP_RET_KILL_PROCESS),
  LOAD (nr),
#ifdef SYS_epoll_wait
  ALLOW (SYS_epoll_wait),
#endif
  ALLOW (SYS_epoll_pwait),
  ALLOW (SYS_epoll_ctl),
  ALLOW (SYS_recvfrom),
  ALLOW (SYS_recvmsg),
  ALLOW (SYS_sendto),
  ALLOW (SYS_sendmsg),
  ALLOW (SYS_accept4),
  ALLOW (SYS_connect),
  ALLOW (SYS_shutdown),
  ALLOW (SYS_close),
  ALLOW (SYS_getrandom),
  ALLOW (SYS_clock_gettime),
  ALLOW (SYS_getsockopt),
  ALLOW (SYS_getpid),
  /* Memory and the end of the process, as libc asks for them.  */
  ALLOW (SYS_brk),
  ALLOW (SYS_munmap),
  ALLOW (SYS_mremap),
  ALLOW (SYS_madvise),
  ALLOW (SYS_mmap),
  ALLOW (SYS_rt_sigreturn),
  ALLOW (SYS_restart_syscall),
  ALLOW (SYS_exit_group),
  ALLOW_IF_FIRST (SYS_socket, AF_INET, AF_INET6),
  RETURN (SECCOMP_RET_ERRNO | EPERM),
};

static bool set_filter (void)
{
  struct sock_fprog program
      = { .len = sizeof filter / sizeof *filter, .filter = (struct sock_filter *)filter };

  return syscall (SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0;
}

/* As an unprivileged user there is nothing to give up but what no_new_privs covers.  */
static bool drop_user (unsigned int uid, unsigned int gid)
{
  struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
  struct __user_cap_data_struct none[2] = { { 0 } };

  if (geteuid () == 0)
    {
      /* EINVAL is the first number the kernel does not know.  Before the user changes, because it
       * takes CAP_SETPCAP. */
      for (unsigned long capability = 0; prctl (PR_CAPBSET_DROP, capability, 0, 0, 0) == 0;
           capability++)
        continue;
      if (errno != EINVAL || setgroups (0, NULL) < 0 || setresgid (gid, gid, gid) < 0
          || setresuid (uid, uid, uid) < 0)
        return false;
    }
  return syscall (SYS_capset, &header, none) == 0;
}

bool confine (unsigned int uid, unsigned int gid)
{
  struct rlimit descriptors, none = { 0, 0 };

  if (chdir ("/") < 0 || getrlimit (RLIMIT_NOFILE, &descriptors) < 0)
    return false;
  descriptors.rlim_cur = descriptors.rlim_max;
  if (setrlimit (RLIMIT_NOFILE, &descriptors) < 0 || setrlimit (RLIMIT_CORE, &none) < 0)
    return false;
  if (!drop_user (uid, gid))
    return false;
  /* After the user changed, which makes a process dumpable again: no ptrace by others of that user.
   */
  if (prctl (PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
    return false;
  return set_filter ();
}
