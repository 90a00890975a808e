#define _GNU_SOURCE
#include "program.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "cgroup.h"
#include "confine.h"
#include "console.h"
#include "credentials.h"
#include "handover.h"
#include "hooks.h"
#include "init.h"
#include "joins.h"
#include "paths.h"
#include "rootfs.h"
#include "seccomp.h"
#include "sys.h"
#include "util.h"

int sandbox_fail (const struct sandbox *sandbox, enum ts_stage stage, const char *path)
{
  struct ts_report *report = sandbox->report;
  int saved = errno;

  if (report->progress != TS_FAILED)
    {
      size_t length = strnlen (path, TS_EXIT_PATH_MAX);
      memcpy (report->path, path, length);
      report->path[length] = 0;
      report->stage = stage;
      report->error = (uint32_t)saved;
      report->progress = TS_FAILED;
    }
  errno = saved;
  return -1;
}

static int join_network (const struct sandbox *sandbox)
{
  const struct ts_spec *spec = sandbox->spec;
  const char *path = spec_text (spec, spec->network_namespace);

  if (spec->network_namespace.length == 0)
    return 0;
  /* Before sysfs is mounted, which shows the network devices of the namespace that mounts it.  */
  cleanup_close int fd = open (path, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || setns (fd, CLONE_NEWNET) < 0)
    return sandbox_fail (sandbox, TS_STAGE_NETWORK_NAMESPACE, path);
  return 0;
}

static int set_names (const struct sandbox *sandbox)
{
  const struct ts_spec *spec = sandbox->spec;

  if ((spec->namespaces & CLONE_NEWUTS) == 0)
    return 0;
  if (sethostname (spec_text (spec, spec->hostname), spec->hostname.length) < 0)
    return sandbox_fail (sandbox, TS_STAGE_HOSTNAME, spec_text (spec, spec->hostname));
  if (setdomainname (spec_text (spec, spec->domainname), spec->domainname.length) < 0)
    return sandbox_fail (sandbox, TS_STAGE_HOSTNAME, spec_text (spec, spec->domainname));
  return 0;
}

/* A stream of whoever takes the container over may be any file of the host: only a pipe or what was
   made here changes hands.  */
int program_own_stream (const struct sandbox *sandbox, int number)
{
  struct stat st;
  const struct ts_spec *spec = sandbox->spec;

  if (spec->uid == 0)
    return 0;
  if (spec_handover (spec) != NULL && (spec->flags & TS_FLAG_TERMINAL) == 0
      && (fstat (number, &st) < 0 || !S_ISFIFO (st.st_mode)))
    return 0;
  if (fchown (number, spec->uid, (gid_t)-1) < 0)
    return sandbox_fail (sandbox, TS_STAGE_STDIO, "");
  return 0;
}

/* Input is the container's own /dev/null unless there is one, so that no descriptor leads to a file
   of the host.  Pipes and terminals get the program's user as owner: /dev/stdout is opened again by
   path in many images, and that asks for permission.  */
static int set_stdio (const struct sandbox *sandbox)
{
  cleanup_close int null
      = sandbox->dev < 0 ? -1 : openat (sandbox->dev, "null", O_RDWR | O_NOFOLLOW | O_CLOEXEC);
  const int given[] = { sandbox->stdin_fd, sandbox->stdout_fd, sandbox->stderr_fd };

  for (int i = 0; i < 3; i++)
    {
      int from = given[i] >= 0 ? given[i] : i == 0 ? null : -1;
      if (from < 0)
        continue; /* The shim's own /dev/null stays.  */
      if (dup2 (from, i) < 0)
        return sandbox_fail (sandbox, TS_STAGE_STDIO, "");
      if (given[i] >= 0 && program_own_stream (sandbox, i) < 0)
        return -1;
    }
  return 0;
}

int program_enter_directory (const struct sandbox *sandbox)
{
  const char *path = spec_text (sandbox->spec, sandbox->spec->cwd);
  char now[PATH_MAX];
  cleanup_close int dir = open_below (AT_FDCWD, path, O_PATH | O_DIRECTORY);

  if (dir < 0 || fchdir (dir) < 0)
    return sandbox_fail (sandbox, TS_STAGE_WORKING_DIRECTORY, path);
  /* The kernel writes "(unreachable)" for a directory outside of the root (getcwd(2));
   * CVE-2024-21626.  */
  if (syscall (SYS_getcwd, now, sizeof now) < 0)
    return sandbox_fail (sandbox, TS_STAGE_WORKING_DIRECTORY, path);
  if (now[0] != '/')
    {
      errno = EXDEV;
      return sandbox_fail (sandbox, TS_STAGE_WORKING_DIRECTORY, path);
    }
  return 0;
}

static const char *search_path (char *const *env)
{
  for (; *env != NULL; env++)
    if (strncmp (*env, "PATH=", 5) == 0)
      return *env + 5;
  return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}

static int is_passing_failure (int error)
{
  return error == ENOENT || error == ENOTDIR || error == EACCES || error == ESTALE
         || error == ENAMETOOLONG;
}

/* An empty directory is the working directory (environ(7)).  */
static int join_path (char *path, const char *directory, size_t length, const char *name)
{
  size_t used = length;

  if (length >= PATH_MAX)
    {
      errno = ENAMETOOLONG;
      return -1;
    }
  memcpy (path, directory, length);
  path[length] = 0;
  if (length > 0 && append_text (path, PATH_MAX, &used, "/") < 0)
    return -1;
  return append_text (path, PATH_MAX, &used, name);
}

/* Returns only when PATH is not to be the program, with errno; 0 when FINDS is set and it is.  */
static int try_path (const struct sandbox *sandbox, const char *path, int finds)
{
  struct stat st;

  if (!finds)
    return execve (path, sandbox->argv, sandbox->envp);
  if (stat (path, &st) < 0)
    return -1;
  if (S_ISREG (st.st_mode) && (st.st_mode & 0111) != 0)
    return 0;
  errno = EACCES;
  return -1;
}

/* As execvpe(3), but without its fall-back to a shell for a file that is no program.  */
static int search_program (const struct sandbox *sandbox, int finds)
{
  const char *name = sandbox->argv[0];
  char path[PATH_MAX];
  int denied = 0;

  if (name[0] == 0)
    {
      errno = ENOENT;
      return -1;
    }
  if (strchr (name, '/') != NULL)
    return try_path (sandbox, name, finds);
  for (const char *at = search_path (sandbox->envp); at != NULL;)
    {
      size_t length = strcspn (at, ":");
      if (join_path (path, at, length, name) == 0 && try_path (sandbox, path, finds) == 0)
        return 0;
      denied |= errno == EACCES;
      if (!is_passing_failure (errno))
        return -1;
      at = at[length] == ':' ? at + length + 1 : NULL;
    }
  errno = denied ? EACCES : ENOENT;
  return -1;
}

void program_execute (const struct sandbox *sandbox) { (void)search_program (sandbox, 0); }

/* Who starts the container later than he creates it is told at once that there is no program.  */
static int find_program (const struct sandbox *sandbox)
{
  if (spec_handover (sandbox->spec) == NULL || search_program (sandbox, 1) == 0)
    return 0;
  return sandbox_fail (sandbox, TS_STAGE_EXEC, sandbox->argv[0]);
}

/* Says how far the sandbox is, and waits for the word to go on.  */
int program_wait (const struct sandbox *sandbox, enum ts_progress progress)
{
  char byte;
  ssize_t n;

  if ((sandbox->spec->flags & TS_FLAG_START_AT_ONCE) == 0)
    {
      sandbox->report->progress = progress;
      if (write_all (sandbox->report_fd, "", 1) < 0)
        return sandbox_fail (sandbox, TS_STAGE_START, "");
    }
  do
    n = read (sandbox->go_fd, &byte, 1);
  while (n < 0 && errno == EINTR);
  if (n == 1)
    return 0;
  errno = ECANCELED;
  return sandbox_fail (sandbox, TS_STAGE_START, "");
}

/* The first process stays as init and starts the program as its child.  Returns in the child only.
 */
static int split_init (const struct sandbox *sandbox)
{
  pid_t pid = fork ();

  if (pid < 0)
    return sandbox_fail (sandbox, TS_STAGE_CLONE, "");
  if (pid == 0)
    {
      if (setsid () < 0)
        return sandbox_fail (sandbox, TS_STAGE_CLONE, "");
      return 0;
    }
  /* It does not exec, so nothing closes by itself: neither the program's streams, whose end must
     mean that the program is gone, nor descriptors of the host.  */
  int null = sandbox->dev < 0 ? open ("/dev/null", O_RDWR | O_CLOEXEC)
                              : openat (sandbox->dev, "null", O_RDWR | O_NOFOLLOW | O_CLOEXEC);
  if (null < 0 || dup2 (null, 0) < 0 || dup2 (null, 1) < 0 || dup2 (null, 2) < 0)
    _exit (128);
  int kept = confine_open_init (sandbox, 3);
  if (kept < 0 || sys_close_range (3 + (unsigned int)kept, ~0u, 0) < 0)
    _exit (128);
  /* The same filter as the program's, or a program with CAP_SYS_PTRACE could act through this
   * process.  */
  if (seccomp_apply (sandbox) < 0 || confine_init (sandbox, 3) < 0
      || credentials_finish (sandbox) < 0)
    _exit (128);
  init_run (pid);
}

static int enter_namespaces (const struct sandbox *sandbox)
{
  if (cgroup_join (sandbox) < 0 || join_network (sandbox) < 0 || join_enter (sandbox) < 0
      || handover_raise_loopback (sandbox) < 0)
    return -1;
  return set_names (sandbox);
}

static int take_terminal (const struct sandbox *sandbox)
{
  /* By the leader of a new session, which with an init is not the first process.  */
  if (sandbox->slave >= 0 && ioctl (0, TIOCSCTTY, 0) < 0)
    return sandbox_fail (sandbox, TS_STAGE_TERMINAL, "");
  return 0;
}

static int become_program (struct sandbox *sandbox)
{
  sigset_t none;

  umask (0);
  if (confine_attributes (sandbox) < 0 || confine_core (sandbox, 0) < 0)
    return -1;
  if (enter_namespaces (sandbox) < 0 || rootfs_enter (sandbox) < 0)
    return -1;
  /* Where the user has mounted a /dev there is no devpts of ours, but perhaps one in that.  */
  if ((sandbox->spec->flags & TS_FLAG_TERMINAL) != 0 && sandbox->slave < 0
      && console_open (sandbox, AT_FDCWD, "/dev/pts/ptmx") < 0)
    return -1;
  if (set_stdio (sandbox) < 0)
    return -1;
  if (program_enter_directory (sandbox) < 0 || find_program (sandbox) < 0
      || program_wait (sandbox, TS_READY) < 0)
    return -1;
  /* From here on the process looks to others like the container's user: nobody may trace it, or
     read a descriptor of the host out of it, before exec makes it a program of the image
     (CVE-2016-9962).  */
  if (prctl (PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
    return sandbox_fail (sandbox, TS_STAGE_USER, "");
  if ((sandbox->spec->flags & TS_FLAG_INIT) != 0)
    init_name (sandbox->argv);
  if (handover_set_attributes (sandbox) < 0 || credentials_apply (sandbox) < 0
      || hooks_run (sandbox, TS_HOOK_START_CONTAINER) < 0)
    return -1;
  /* Without its shim nobody would drain the program's output or record its end.  After the
     credentials, whose change clears this; the shim has one thread, so that its end is the
     process's end (prctl(2), PR_SET_PDEATHSIG).  */
  if (spec_handover (sandbox->spec) == NULL && prctl (PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
    return sandbox_fail (sandbox, TS_STAGE_USER, "");
  if ((sandbox->spec->flags & TS_FLAG_INIT) != 0 && split_init (sandbox) < 0)
    return -1;
  if (take_terminal (sandbox) < 0)
    return -1;
  umask (sandbox->spec->umask);
  int end = handover_place_descriptors (sandbox);
  if (end < 0)
    return -1;
  if (sys_close_range ((unsigned int)end, ~0u, CLOSE_RANGE_CLOEXEC) < 0)
    return sandbox_fail (sandbox, TS_STAGE_STDIO, "");
  sandbox->report->progress = TS_EXECUTING;
  sigemptyset (&none);
  if (sigprocmask (SIG_SETMASK, &none, NULL) < 0)
    return sandbox_fail (sandbox, TS_STAGE_EXEC, "");
  /* The filter comes last: it may forbid everything but execve.  The capability that it was loaded
     with ends with exec, which computes the sets anew from the bounding and ambient ones
     (capabilities(7)).  */
  if (seccomp_apply (sandbox) < 0)
    return -1;
  program_execute (sandbox);
  return sandbox_fail (sandbox, TS_STAGE_EXEC, sandbox->argv[0]);
}

_Noreturn void program_run (struct sandbox *sandbox)
{
  become_program (sandbox);
  _exit (127);
}
