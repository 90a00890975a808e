/* Kills a process before one of its state-changing system calls, or lists them.

     kill-point PID                        lists every such call on stdout, one per line, until it ends
     kill-point PID OCCURRENCE CALL        SIGKILL before the OCCURRENCE-th call that is listed as CALL
     kill-point -c PID OCCURRENCE CALL     the same, and its children die with it

   "ready" is printed when every thread is traced; children are not.  A call is listed with what it is
   about, less ids and numbers, so that the same work gives the same lines whatever the order of threads.
   A system call that is in neither list below is printed as "unclassified".  */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/ptrace.h>

enum
{
  TEXT = 512,
  CALLS = 4096,
  ARGS = 6,
};

enum what
{
  AT,     /* descriptor of a directory in argument 0, path in 1 */
  PATH,   /* path in argument 0 */
  SECOND, /* path in argument 1 */
  FD,     /* descriptor in argument 0 */
  OPEN,   /* AT or PATH, and only with a flag that makes or empties a file */
  CLONE,  /* only what is no thread */
  IOCTL,
  ANY,
};

struct call
{
  long number;
  const char *name;
  enum what what;
};

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
  SYS_pidfd_open, SYS_pidfd_getfd, SYS_waitid, SYS_wait4, SYS_tgkill, SYS_capget, SYS_fadvise64,
#ifdef SYS_open
  SYS_stat, SYS_lstat, SYS_access, SYS_readlink, SYS_poll, SYS_epoll_wait, SYS_epoll_create, SYS_pipe,
  SYS_dup2, SYS_arch_prctl, SYS_getrlimit, SYS_eventfd, SYS_time, SYS_select,
#endif
};

struct thread_call
{
  pid_t thread;
  long number;
  uint64_t args[ARGS];
};

static pid_t target;
static int with_children;
static long wanted;
static const char *wanted_call;

static const struct call *find_changing (long number)
{
  for (size_t i = 0; i < sizeof changing / sizeof *changing; i++)
    if (changing[i].number == number)
      return &changing[i];
  return NULL;
}

static int is_harmless (long number)
{
  for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++)
    if (harmless[i] == number)
      return 1;
  return 0;
}

static ssize_t read_memory (pid_t thread, uint64_t address, void *to, size_t size)
{
  struct iovec local = { .iov_base = to, .iov_len = size };
  struct iovec remote = { .iov_base = (void *)(uintptr_t)address, .iov_len = size };

  return process_vm_readv (thread, &local, 1, &remote, 1, 0);
}

static void read_text (pid_t thread, uint64_t address, char *text)
{
  size_t done = 0;

  /* Not beyond the page: the next one may not be there.  */
  while (done < TEXT - 1)
    {
      size_t step = 4096 - (size_t)((address + done) & 4095);
      if (step > TEXT - 1 - done)
        step = TEXT - 1 - done;
      ssize_t n = read_memory (thread, address + done, text + done, step);
      if (n <= 0)
        break;
      if (memchr (text + done, 0, (size_t)n) != NULL)
        return;
      done += (size_t)n;
    }
  text[done] = 0;
}

static void link_of (int fd, char *text)
{
  char path[64];
  ssize_t n;

  text[0] = 0;
  if (fd == AT_FDCWD)
    return;
  snprintf (path, sizeof path, "/proc/%d/fd/%d", target, fd);
  n = readlink (path, text, TEXT - 1);
  text[n < 0 ? 0 : n] = 0;
}

/* A word with many digits is an id, a short one of a counter; neither is the same twice.  */
static void add_component (char *line, const char *word, size_t length)
{
  size_t digits = 0;

  for (size_t i = 0; i < length; i++)
    digits += isxdigit ((unsigned char)word[i]) != 0;
  size_t at = strlen (line);
  if (digits >= 12)
    snprintf (line + at, TEXT - at, "/ID");
  else if (length == 16 && strncmp (word, "tscompose-", 10) == 0)
    snprintf (line + at, TEXT - at, "/INSTANCE");
  else if (length > 9 && word[8] == '-' && strcspn (word, "-") == 8 && word[0] == 'm')
    snprintf (line + at, TEXT - at, "/SET%s", word[length - 1] == '~' ? "~" : "");
  else if (length > 5 && strncmp (word + length - 5, ".tmp~", 5) == 0)
    snprintf (line + at, TEXT - at, "/*.tmp~");
  else if (length <= 2)
    snprintf (line + at, TEXT - at, "/*");
  else
    snprintf (line + at, TEXT - at, "/%.*s", (int)length, word);
}

/* The last components of a path.  */
static void add_path (char *line, const char *path)
{
  const char *from = path + strlen (path);
  int components = 0;

  while (from > path && components < 3)
    if (*--from == '/')
      components++;
  for (const char *at = from; *at != 0;)
    {
      at += strspn (at, "/");
      size_t length = strcspn (at, "/");
      if (length > 0)
        add_component (line, at, length);
      at += length;
    }
}

/* "socket:[123]" → "socket", with its family and protocol.  */
static void add_descriptor (char *line, int fd)
{
  char text[TEXT];
  size_t at;

  link_of (fd, text);
  if (text[0] == '/' && strncmp (text, "/memfd:", 7) != 0)
    {
      add_path (line, text);
      return;
    }
  text[strcspn (text, "[")] = 0;
  at = strlen (line);
  snprintf (line + at, TEXT - at, " %s", text);
  if (strncmp (text, "socket", 6) != 0)
    return;
  int pidfd = (int)syscall (SYS_pidfd_open, target, 0);
  int copy = (int)syscall (SYS_pidfd_getfd, pidfd, fd, 0);
  int domain = 0, protocol = 0;
  socklen_t size = sizeof domain;
  getsockopt (copy, SOL_SOCKET, SO_DOMAIN, &domain, &size);
  getsockopt (copy, SOL_SOCKET, SO_PROTOCOL, &protocol, &size);
  close (copy);
  close (pidfd);
  at = strlen (line);
  snprintf (line + at, TEXT - at, "family %d protocol %d", domain, protocol);
}

static void add_at (char *line, pid_t thread, uint64_t directory, uint64_t address)
{
  char path[2 * TEXT], name[TEXT];

  read_text (thread, address, name);
  if (name[0] == '/')
    add_path (line, name);
  else
    {
      link_of ((int)directory, path);
      size_t at = strlen (path);
      snprintf (path + at, sizeof path - at, "/%s", name);
      add_path (line, path);
    }
}

static int makes_file (const struct call *call, const struct thread_call *made)
{
  struct open_how how = { 0 };
  uint64_t flags = made->args[2];

  if (call->number == SYS_openat2)
    {
      read_memory (made->thread, made->args[2], &how, sizeof how);
      flags = how.flags;
    }
#ifdef SYS_open
  else if (call->number == SYS_open)
    flags = made->args[1];
#endif
  return (flags & (O_CREAT | O_TRUNC)) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
}

static int makes_thread (const struct call *call, const struct thread_call *made)
{
  uint64_t flags = made->args[0];

  if (call->number == SYS_clone3)
    read_memory (made->thread, made->args[0], &flags, sizeof flags);
  return (flags & CLONE_THREAD) != 0;
}

/* Those of Node and libuv that only set up descriptors of their own.  */
static int is_own_setting (uint64_t request)
{
  return request == FIONBIO || request == FIOCLEX || request == FIONCLEX || request == FIONREAD
         || request == 0x5401 /* TCGETS */ || request == TIOCGWINSZ
         || request == 0xb702 /* NS_GET_PARENT */ || request == 0xb701 || request == 0xb703;
}

/* What the call is about, into LINE; 0 when it does not count.  */
static int describe (const struct call *call, const struct thread_call *made, char *line)
{
  char text[TEXT];
  const uint64_t *args = made->args;

  snprintf (line, TEXT, "%s", call->name);
  switch (call->what)
    {
    case OPEN:
      if (!makes_file (call, made))
        return 0;
#ifdef SYS_open
      if (call->number == SYS_open)
        {
          add_at (line, made->thread, (uint64_t)AT_FDCWD, args[0]);
          return 1;
        }
#endif
      add_at (line, made->thread, args[0], args[1]);
      return 1;
    case AT:
      add_at (line, made->thread, args[0], args[1]);
      return 1;
    case PATH:
    case SECOND:
      add_at (line, made->thread, (uint64_t)AT_FDCWD, args[call->what == PATH ? 0 : 1]);
      return 1;
    case FD:
      link_of ((int)args[0], text);
      /* Wake-ups of the process's own threads: nobody else sees an eventfd, and libuv's pipes are one.  */
      if (strstr (text, "[eventfd]") != NULL)
        return 0;
      add_descriptor (line, (int)args[0]);
      return 1;
    case CLONE:
      return !makes_thread (call, made);
    case IOCTL:
      if (is_own_setting (args[1]))
        return 0;
      size_t at = strlen (line);
      snprintf (line + at, TEXT - at, " %llx", (unsigned long long)args[1]);
      return 1;
    case ANY:
      return 1;
    }
  return 0;
}

static void kill_children (void)
{
  char path[512], text[4096];
  pid_t children[256];
  int count = 0;

  snprintf (path, sizeof path, "/proc/%d/task", target);
  DIR *tasks = opendir (path);
  for (struct dirent *entry; tasks != NULL && (entry = readdir (tasks)) != NULL;)
    {
      snprintf (path, sizeof path, "/proc/%d/task/%s/children", target, entry->d_name);
      int fd = open (path, O_RDONLY | O_CLOEXEC);
      ssize_t n = fd < 0 ? -1 : read (fd, text, sizeof text - 1);
      if (fd >= 0)
        close (fd);
      if (n <= 0)
        continue;
      text[n] = 0;
      for (char *at = text, *end; count < 256; at = end)
        {
          long pid = strtol (at, &end, 10);
          if (end == at)
            break;
          children[count++] = (pid_t)pid;
        }
    }
  if (tasks != NULL)
    closedir (tasks);
  kill (target, SIGKILL);
  for (int i = 0; i < count; i++)
    kill (children[i], SIGKILL);
}

static void say (const char *line)
{
  char text[TEXT + 1];
  int length = snprintf (text, sizeof text, "%s\n", line);

  if (write (STDOUT_FILENO, text, (size_t)length) < 0)
    exit (1);
}

static void note (const struct thread_call *made)
{
  char line[TEXT];
  const struct call *call = find_changing (made->number);

  if (call == NULL && is_harmless (made->number))
    return;
  if (call == NULL)
    snprintf (line, sizeof line, "unclassified %ld", made->number);
  else if (!describe (call, made, line))
    return;
  if (wanted_call == NULL)
    {
      say (line);
      return;
    }
  if (strcmp (line, wanted_call) != 0 || --wanted != 0)
    return;
  if (with_children)
    kill_children ();
  kill (target, SIGKILL);
  say ("killed");
  exit (0);
}

static void seize_all (void)
{
  char path[64];
  long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE;

  snprintf (path, sizeof path, "/proc/%d/task", target);
  DIR *tasks = opendir (path);
  if (tasks == NULL)
    {
      perror (path);
      exit (1);
    }
  for (struct dirent *entry; (entry = readdir (tasks)) != NULL;)
    {
      pid_t thread = (pid_t)atoi (entry->d_name);
      if (thread <= 0)
        continue;
      /* EPERM: made meanwhile by one that is traced, and so is traced itself.  */
      if (ptrace (PTRACE_SEIZE, thread, NULL, options) < 0 && errno != EPERM && errno != ESRCH)
        {
          perror ("PTRACE_SEIZE");
          exit (1);
        }
      ptrace (PTRACE_INTERRUPT, thread, NULL, NULL);
    }
  closedir (tasks);
}

static int all_are_traced (void)
{
  char path[512], text[4096];
  int all = 1;

  snprintf (path, sizeof path, "/proc/%d/task", target);
  DIR *tasks = opendir (path);
  for (struct dirent *entry; tasks != NULL && (entry = readdir (tasks)) != NULL;)
    {
      if (atoi (entry->d_name) <= 0)
        continue;
      snprintf (path, sizeof path, "/proc/%d/task/%s/status", target, entry->d_name);
      int fd = open (path, O_RDONLY | O_CLOEXEC);
      ssize_t n = fd < 0 ? -1 : read (fd, text, sizeof text - 1);
      if (fd >= 0)
        close (fd);
      if (n <= 0)
        continue;
      text[n] = 0;
      all &= strstr (text, "TracerPid:\t0\n") == NULL;
    }
  if (tasks != NULL)
    closedir (tasks);
  return all;
}

static void serve (pid_t thread, int status)
{
  struct ptrace_syscall_info info;
  int signal = 0;

  if (status >> 8 == (SIGTRAP | (PTRACE_EVENT_STOP << 8)) || status >> 16 == PTRACE_EVENT_STOP)
    signal = 0;
  else if (WSTOPSIG (status) == (SIGTRAP | 0x80))
    {
      if (ptrace (PTRACE_GET_SYSCALL_INFO, thread, (void *)sizeof info, &info) > 0
          && info.op == PTRACE_SYSCALL_INFO_ENTRY)
        {
          struct thread_call made = { .thread = thread, .number = (long)info.entry.nr };
          for (int i = 0; i < ARGS; i++)
            made.args[i] = info.entry.args[i];
          note (&made);
        }
    }
  else if (status >> 16 == 0)
    signal = WSTOPSIG (status);
  ptrace (PTRACE_SYSCALL, thread, NULL, (void *)(long)signal);
}

int main (int argc, char **argv)
{
  int is_ready = 0;

  if (argc > 1 && strcmp (argv[1], "-c") == 0)
    {
      with_children = 1;
      argv++;
      argc--;
    }
  if (argc != 2 && argc != 4)
    {
      fprintf (stderr, "usage: kill-point [-c] PID [OCCURRENCE CALL]\n");
      return 2;
    }
  target = (pid_t)atoi (argv[1]);
  if (argc == 4)
    {
      wanted = atol (argv[2]);
      wanted_call = argv[3];
    }
  seize_all ();
  for (;;)
    {
      int status;
      pid_t thread = waitpid (-1, &status, __WALL | (is_ready ? 0 : WNOHANG));
      if (thread < 0)
        return errno == ECHILD ? 0 : 1;
      if (thread > 0 && WIFSTOPPED (status))
        serve (thread, status);
      if (thread == 0)
        {
          /* Every thread has stopped once, and goes on traced.  */
          is_ready = all_are_traced ();
          if (is_ready)
            say ("ready");
        }
    }
}
