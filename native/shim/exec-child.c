/* A program that joins a container must not be seen by it before it is as weak as the container's
   own: whoever has CAP_SYS_PTRACE there could take it over and act with what it still holds
   (CVE-2016-9962 and its kin).  So the helper stays in the shim's pid namespace, where nobody of
   the container can name it, while it holds anything; it gives up everything, loads the filter, and
   only then forks the program into the container's.  */
#define _GNU_SOURCE
#include "exec-child.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "cgroup.h"
#include "confine.h"
#include "console.h"
#include "credentials.h"
#include "handover.h"
#include "joins.h"
#include "process.h"
#include "program.h"
#include "seccomp.h"
#include "sys.h"
#include "util.h"

static int join_namespaces (const struct exec_child *child)
{
  const struct ts_spec *container = child->container;
  int flags = (int)(container->namespaces | join_kinds (container));

  if (container->network_namespace.length > 0)
    flags |= CLONE_NEWNET;
  /* By descriptor, so that it is this container's process or none (Linux 5.8).  Root and working
     directory become those of the mount namespace, whatever its processes have changed theirs to.
   */
  if (setns (child->container_pidfd, flags) < 0)
    return sandbox_fail (&child->sandbox, TS_STAGE_NAMESPACES, "");
  return 0;
}

/* The container's own, and nothing that it may have put in its place.  */
static int open_null (void)
{
  struct stat st;
  cleanup_close int fd
      = open ("/dev/null", O_RDWR | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

  if (fd < 0 || fstat (fd, &st) < 0)
    return -1;
  if (!S_ISCHR (st.st_mode) || st.st_rdev != makedev (1, 3))
    {
      errno = ENODEV;
      return -1;
    }
  return fcntl (fd, F_SETFL, O_RDWR) < 0 ? -1 : take_fd (&fd);
}

static int open_terminal (struct exec_child *child)
{
  struct sandbox *sandbox = &child->sandbox;
  struct terminal terminal;
  int ptmx = terminal_find_ptmx (AT_FDCWD, "/dev/pts/ptmx");

  if (ptmx < 0 || terminal_open (&terminal, ptmx, child->size) < 0
      || console_send (sandbox, &terminal) < 0)
    return sandbox_fail (sandbox, TS_STAGE_TERMINAL, "/dev/pts/ptmx");
  close (terminal.master); /* Somebody else has it.  */
  sandbox->stdin_fd = sandbox->stdout_fd = sandbox->stderr_fd = terminal.slave;
  return 0;
}

/* Afterwards only 0, 1, 2, the report and what is handed over are open.  */
static int set_descriptors (struct exec_child *child)
{
  struct sandbox *sandbox = &child->sandbox;
  const int given[] = { sandbox->stdin_fd, sandbox->stdout_fd, sandbox->stderr_fd };
  cleanup_close int null = -1;

  for (int i = 0; i < 3; i++)
    {
      if (given[i] < 0 && null < 0 && (null = open_null ()) < 0)
        return sandbox_fail (sandbox, TS_STAGE_STDIO, "/dev/null");
      if (dup2 (given[i] < 0 ? null : given[i], i) < 0)
        return sandbox_fail (sandbox, TS_STAGE_STDIO, "");
      if (given[i] >= 0 && program_own_stream (sandbox, i) < 0)
        return -1;
    }
  int end = handover_place_descriptors (sandbox);
  if (end < 0)
    return -1;
  (void)take_fd (&null); /* Closed with the rest.  */
  if (sys_close_range ((unsigned int)end, ~0u, 0) < 0)
    return sandbox_fail (sandbox, TS_STAGE_STDIO, "");
  return 0;
}

static _Noreturn void become_program (struct exec_child *child)
{
  struct sandbox *sandbox = &child->sandbox;
  sigset_t none;

  sigemptyset (&none);
  /* Who takes an exec over may end before it.  */
  int signal = spec_handover (sandbox->spec) == NULL ? SIGKILL : 0;
  if (prctl (PR_SET_PDEATHSIG, signal, 0, 0, 0) < 0 || setsid () < 0
      || (child->has_terminal && ioctl (0, TIOCSCTTY, 0) < 0))
    sandbox_fail (sandbox, TS_STAGE_TERMINAL, "");
  else if (sigprocmask (SIG_SETMASK, &none, NULL) < 0)
    sandbox_fail (sandbox, TS_STAGE_EXEC, "");
  else
    {
      sandbox->report->progress = TS_EXECUTING;
      program_execute (sandbox);
      sandbox_fail (sandbox, TS_STAGE_EXEC, sandbox->argv[0]);
    }
  _exit (127);
}

static int join_container (struct exec_child *child)
{
  struct sandbox *sandbox = &child->sandbox;
  const struct ts_spec *container = child->container;

  if (cgroup_enter (sandbox, container) < 0 || confine_attributes (sandbox) < 0
      || confine_core (sandbox, child->container_pid) < 0)
    return -1;
  if ((container->flags & TS_FLAG_OOM_SCORE) != 0
      && process_set_oom_score (getpid (), container->oom_score_adj) < 0)
    return sandbox_fail (sandbox, TS_STAGE_OOM_SCORE, "");
  if (join_namespaces (child) < 0)
    return -1;
  if (child->has_terminal && open_terminal (child) < 0)
    return -1;
  if (set_descriptors (child) < 0 || program_enter_directory (sandbox) < 0)
    return -1;
  return 0;
}

static int become_weak (struct exec_child *child)
{
  struct sandbox *sandbox = &child->sandbox;

  if (handover_set_attributes (sandbox) < 0 || credentials_apply (sandbox) < 0)
    return -1;
  umask (sandbox->spec->umask);
  if (seccomp_apply (sandbox) < 0)
    return -1;
  /* The capability that the filter was loaded with must not be seen in the container either.  */
  return credentials_finish (sandbox);
}

_Noreturn void exec_child_run (struct exec_child *child)
{
  struct sandbox *sandbox = &child->sandbox;

  /* The kernel writes the program's number into this process's memory, and the program has none of
     it.  */
  if (madvise ((void *)&sandbox->report->pid, sizeof sandbox->report->pid, MADV_DONTFORK) < 0
      || prctl (PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl (PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
    sandbox_fail (sandbox, TS_STAGE_USER, "");
  else if (join_container (child) == 0 && become_weak (child) == 0)
    {
      /* The program is the shim's child and not ours, so that the shim sees its end.  Its number is
         written before it runs, because it may have ended before we run again (clone(2)).  The old
         call, because filters hide the new one, whose flags they cannot see.  */
      long pid = syscall (SYS_clone, CLONE_PARENT | CLONE_PARENT_SETTID | SIGCHLD, NULL,
                          &sandbox->report->pid, NULL, NULL);
      if (pid == 0)
        become_program (child);
      if (pid > 0)
        _exit (0);
      sandbox_fail (sandbox, TS_STAGE_CLONE, "");
    }
  _exit (127);
}
