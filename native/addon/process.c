/* Processes: started like vfork(2) does, watched and signalled by descriptor.  */
#define _GNU_SOURCE
#include "functions.h"
#include "kernel.h"
#include "task.h"
#include "util.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/* Linux 5.14.  */
#ifndef PR_SCHED_CORE
#define PR_SCHED_CORE 62
#define PR_SCHED_CORE_GET 0
#endif

enum
{
  STACK_BYTES = 64 * 1024,
  SIGNALS = 64
};

/* Shared with the child, which runs in our memory until it has called execve(2).  */
struct child
{
  const char *file;
  char **args;
  char **env;
  int *fds;
  int count;
  sigset_t old_mask;
  const char *call;
  int err;
};

/* Source descriptors first move above all targets, so that no dup2 closes one that is still needed.
   Runs in the child: its descriptor table is a copy.  */
static int place_descriptors (struct child *child)
{
  for (int i = 0; i < child->count; i++)
    {
      int source = child->fds[i];

      if (source < 0)
        source = open ("/dev/null", O_RDWR | O_CLOEXEC);
      child->fds[i] = source < 0 ? -1 : fcntl (source, F_DUPFD_CLOEXEC, child->count);
      if (child->fds[i] < 0)
        return -1;
    }
  for (int i = 0; i < child->count; i++)
    if (dup2 (child->fds[i], i) < 0)
      return -1;
  return (int)syscall (NR_CLOSE_RANGE, child->count, ~0U, 0);
}

static int run_child (void *data)
{
  struct child *child = data;
  struct sigaction fallback = { .sa_handler = SIG_DFL };
  sigset_t none;

  /* Handlers are ours and must not run in the child, and Node ignores SIGPIPE, which exec would
     hand on.  All signals are blocked until the handlers are gone.  Fails for SIGKILL, SIGSTOP and
     those libc reserves.  */
  for (int signal = 1; signal <= SIGNALS; signal++)
    sigaction (signal, &fallback, NULL);

  child->call = "setsid";
  if (setsid () < 0)
    goto failed;
  child->call = "dup2";
  if (place_descriptors (child) < 0)
    goto failed;
  child->call = "sigprocmask";
  sigemptyset (&none);
  if (sigprocmask (SIG_SETMASK, &none, NULL) < 0)
    goto failed;
  child->call = "execve";
  execve (child->file, child->args, child->env);

failed:
  child->err = errno;
  _exit (127);
}

static pid_t start_child (struct child *child, int *pidfd)
{
  sigset_t all;
  pid_t pid;
  int saved;
  char *stack = mmap (NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);

  child->call = "mmap";
  if (stack == MAP_FAILED)
    return -1;
  sigfillset (&all);
  pthread_sigmask (SIG_SETMASK, &all, &child->old_mask);
  child->call = "clone";
  pid = clone (run_child, stack + STACK_BYTES, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD,
               child, pidfd);
  saved = errno;
  pthread_sigmask (SIG_SETMASK, &child->old_mask, NULL);
  munmap (stack, STACK_BYTES);
  errno = saved;
  return pid;
}

struct spawn
{
  struct task task;
  struct child child;
  pid_t pid;
  int pidfd;
  char *file;
  char **args;
  char **env;
  int *fds;
};

static void run_spawn (struct task *task)
{
  struct spawn *spawn = (struct spawn *)task;
  siginfo_t ignored;

  spawn->pid = start_child (&spawn->child, &spawn->pidfd);
  if (spawn->pid < 0)
    task_fail (task, spawn->child.call, errno);
  else if (spawn->child.err != 0)
    {
      /* The child has called _exit already; this only removes the zombie.  */
      RETRY_EINTR (waitid ((idtype_t)WAIT_PIDFD, (id_t)spawn->pidfd, &ignored, WEXITED));
      task_fail (task, spawn->child.call, spawn->child.err);
    }
}

static napi_value finish_spawn (napi_env env, struct task *task)
{
  struct spawn *spawn = (struct spawn *)task;

  return make_pair (env, make_int (env, spawn->pid), make_int (env, take_fd (&spawn->pidfd)));
}

static void release_spawn (struct task *task)
{
  struct spawn *spawn = (struct spawn *)task;

  cleanup_fd (&spawn->pidfd);
  cleanup_list (&spawn->args);
  cleanup_list (&spawn->env);
  free (spawn->file);
  free (spawn->fds);
}

/* NULL: an exception is pending.  */
static struct task *read_spawn (napi_env env, napi_callback_info info)
{
  struct args args;
  size_t count;
  struct spawn *spawn = calloc (1, sizeof *spawn);

  if (spawn == NULL)
    {
      fail (env, "malloc", ENOMEM);
      return NULL;
    }
  spawn->task = (struct task){ .run = run_spawn, .finish = finish_spawn, .release = release_spawn };
  spawn->pidfd = -1;
  args_read (&args, env, info, 4);
  spawn->file = arg_text (&args, 0);
  spawn->args = arg_texts (&args, 1);
  spawn->env = arg_texts (&args, 2);
  auto_free int *given = arg_ints (&args, 3, &count);
  if (!args.failed && (spawn->fds = calloc (count + 3, sizeof *spawn->fds)) == NULL)
    fail (env, "malloc", ENOMEM);
  if (spawn->fds == NULL)
    {
      release_spawn (&spawn->task);
      free (spawn);
      return NULL;
    }
  for (size_t i = 0; i < count + 3; i++)
    spawn->fds[i] = i < count ? given[i] : -1;
  spawn->child = (struct child){ .file = spawn->file,
                                 .args = spawn->args,
                                 .env = spawn->env,
                                 .fds = spawn->fds,
                                 .count = count < 3 ? 3 : (int)count };
  return &spawn->task;
}

napi_value addon_spawn (napi_env env, napi_callback_info info)
{
  struct task *task = read_spawn (env, info);

  return task == NULL ? NULL : task_run (env, task);
}

/* The kernel keeps who starts a program waiting until it is loaded: here a thread of the pool.  */
napi_value addon_spawnLater (napi_env env, napi_callback_info info)
{
  struct task *task = read_spawn (env, info);

  return task == NULL ? NULL : task_start (env, task);
}

napi_value addon_pidfdOpen (napi_env env, napi_callback_info info)
{
  struct args args;
  int pid, fd;

  args_read (&args, env, info, 1);
  pid = arg_int (&args, 0);
  if (args.failed)
    return NULL;
  fd = (int)syscall (NR_PIDFD_OPEN, pid, 0);
  return fd < 0 ? fail (env, "pidfd_open", errno) : make_int (env, fd);
}

napi_value addon_pidfdSignal (napi_env env, napi_callback_info info)
{
  struct args args;
  int fd, signal;

  args_read (&args, env, info, 2);
  fd = arg_fd (&args, 0);
  signal = arg_int (&args, 1);
  if (args.failed)
    return NULL;
  if (syscall (NR_PIDFD_SEND_SIGNAL, fd, signal, NULL, 0) < 0)
    return fail (env, "pidfd_send_signal", errno);
  return make_undefined (env);
}

/* Of this thread; no more than whether the kernel knows such a thing.  */
napi_value addon_coreCookie (napi_env env, napi_callback_info info)
{
  uint64_t cookie = 0;

  (void)info;
  if (prctl (PR_SCHED_CORE, PR_SCHED_CORE_GET, 0ul, 0ul, (unsigned long)&cookie) < 0)
    return fail (env, "prctl", errno);
  return make_undefined (env);
}

/* null when the process is no child of ours: ECHILD, or nothing to wait for although the descriptor
 * is readable.  */
napi_value addon_pidfdReap (napi_env env, napi_callback_info info)
{
  struct args args;
  siginfo_t ended = { 0 };
  int fd;

  args_read (&args, env, info, 1);
  fd = arg_fd (&args, 0);
  if (args.failed)
    return NULL;
  if (RETRY_EINTR (waitid ((idtype_t)WAIT_PIDFD, (id_t)fd, &ended, WEXITED | WNOHANG)) < 0)
    return errno == ECHILD ? make_null (env) : fail (env, "waitid", errno);
  /* Zeros: it has ended, and somebody else traces it, who is told first (ptrace(2)).  */
  return make_pair (env, make_int (env, ended.si_code), make_int (env, ended.si_status));
}
