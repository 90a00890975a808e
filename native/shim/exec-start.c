#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "cgroup.h"
#include "exec-child.h"
#include "exec-table.h"
#include "foreign.h"
#include "sys.h"
#include "util.h"
#include "vectors.h"

/* The order is drawn at struct ts_exec_request.  -1 when the number is another.  */
static int take_streams (struct exec *exec, struct sandbox *sandbox,
                         const struct ts_exec_request *request, struct message *message)
{
  uint32_t at = 1;
  uint32_t flags = request->flags;
  const uint32_t wanted = 1 + ((flags & TS_EXEC_TERMINAL) != 0) + ((flags & TS_EXEC_STDIN) != 0)
                          + 2 * ((flags & TS_EXEC_STDOUT) != 0)
                          + 2 * ((flags & TS_EXEC_STDERR) != 0);
  int has_streams = (flags & (TS_EXEC_STDIN | TS_EXEC_STDOUT | TS_EXEC_STDERR)) != 0;

  if ((flags & ~TS_EXEC_FLAGS_KNOWN) != 0 || message->fd_count != wanted
      || ((flags & TS_EXEC_TERMINAL) != 0 && has_streams))
    return -1;
  if ((flags & TS_EXEC_TERMINAL) != 0)
    exec->client = take_fd (&message->fds[at++]);
  if ((flags & TS_EXEC_STDIN) != 0)
    sandbox->stdin_fd = message->fds[at++];
  if ((flags & TS_EXEC_STDOUT) != 0)
    {
      sandbox->stdout_fd = message->fds[at++];
      exec->outputs[0] = take_fd (&message->fds[at++]);
    }
  if ((flags & TS_EXEC_STDERR) != 0)
    {
      sandbox->stderr_fd = message->fds[at++];
      exec->outputs[1] = take_fd (&message->fds[at++]);
    }
  return 0;
}

static int set_non_blocking (const struct exec *exec)
{
  const int fds[] = { exec->outputs[0], exec->outputs[1], exec->client };

  for (int i = 0; i < 3; i++)
    if (fds[i] >= 0 && fcntl (fds[i], F_SETFL, (i == 2 ? O_RDWR : O_RDONLY) | O_NONBLOCK) < 0)
      return -1;
  return 0;
}

/* The clone; does not return in the child.  0, or -1 with errno.  */
static int start_child (struct exec *exec, struct exec_child *child)
{
  struct ts_clone_args args = { .exit_signal = SIGCHLD };
  int enters = foreign_enters_unified (child->container);
  cleanup_close int cgroup = enters ? cgroup_open_unified (child->container) : -1;

  if (enters && cgroup < 0 && errno != 0)
    return -1;
  if (cgroup >= 0)
    {
      args.flags |= CLONE_INTO_CGROUP;
      args.cgroup = (uint64_t)cgroup;
    }
  int pid = sys_clone3 (&args);
  if (pid == 0 && spec_foreign (child->container) != NULL)
    foreign_exec (child);
  if (pid == 0)
    exec_child_run (child);
  if (pid > 0)
    exec->helper = pid;
  return pid < 0 ? -1 : 0;
}

/* 0, or -1 with errno.  */
static int launch (struct shim *shim, struct exec *exec, struct exec_child *child)
{
  struct sandbox *sandbox = &child->sandbox;
  int ends[2];

  exec->report = memory_map (sizeof *exec->report, MAP_SHARED);
  if (exec->report == NULL || socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
    return -1;
  char **vectors = vectors_make (sandbox->spec);
  exec->report_fd = ends[0];
  sandbox->report = exec->report;
  sandbox->report_fd = ends[1];
  sandbox->argv = vectors;
  sandbox->envp = vectors == NULL ? NULL : vectors + sandbox->spec->args.count + 1;
  child->container = shim->spec;
  child->container_pidfd = shim->pidfd;
  child->container_pid = shim->pid;
  int started = vectors == NULL ? -1 : start_child (exec, child);
  int saved = errno;
  vectors_free (sandbox->spec, vectors);
  close (ends[1]); /* Only written to by the child.  */
  errno = saved;
  return started;
}

static void give_up (struct exec *exec)
{
  for (int i = 0; i < 2; i++)
    exec_close_fd (&exec->outputs[i]);
  exec_close_fd (&exec->engine);
  exec_close_fd (&exec->report_fd);
  exec_close_terminal (exec);
  if (exec->report != NULL)
    munmap (exec->report, sizeof *exec->report);
  exec->report = NULL;
  exec->phase = EXEC_ENDED;
  exec->is_forgotten = 1;
  exec_free_if_over (exec);
}

static int start_in (struct shim *shim, struct exec *exec, struct message *message)
{
  const struct ts_exec_request *request = &message->request.exec;
  struct exec_child child = { .sandbox = { .stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1 },
                              .has_terminal = (request->flags & TS_EXEC_TERMINAL) != 0,
                              .size = { .rows = request->rows, .columns = request->columns } };
  const char *what = NULL;

  if (take_streams (exec, &child.sandbox, request, message) < 0)
    return EINVAL;
  const struct ts_spec *spec = spec_map (message->fds[0], TS_SPEC_EXEC, &what);
  if (spec == NULL)
    return what != NULL ? EINVAL : errno;
  uint32_t size = spec->total_size;
  child.sandbox.spec = spec;
  if ((spec_foreign (spec) == NULL) != (spec_foreign (shim->spec) == NULL))
    {
      munmap ((void *)spec, size);
      return EINVAL;
    }
  int started = set_non_blocking (exec) < 0 ? -1 : launch (shim, exec, &child);
  int saved = errno;
  munmap ((void *)spec, size);
  return started < 0 ? saved : 0;
}

int exec_start (struct shim *shim, int owner, struct message *message)
{
  const struct ts_exec_request *request = &message->request.exec;

  if (shim->pid == 0 || shim->status.state != TS_RUNNING)
    return ESRCH;
  if (exec_find (request->id) != NULL)
    return EEXIST;
  struct exec *exec = exec_find_place ();
  if (exec == NULL)
    return EUSERS;
  *exec = (struct exec){ .phase = EXEC_STARTING,
                         .owner = owner,
                         .report_fd = -1,
                         .outputs = { -1, -1 },
                         .engine = -1,
                         .master = -1,
                         .client = -1 };
  memcpy (exec->status.id, request->id, TS_ID_SIZE);
  int error = start_in (shim, exec, message);
  if (error != 0)
    give_up (exec);
  else if (exec->outputs[0] >= 0 || exec->outputs[1] >= 0)
    exec->engine = control_open_peer (&shim->control.connections[owner]);
  return error;
}
