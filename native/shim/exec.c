#define _GNU_SOURCE
#include "exec.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "cgroup.h"
#include "exec-child.h"
#include "foreign.h"
#include "report.h"
#include "shim.h"
#include "sys.h"
#include "util.h"
#include "vectors.h"

enum phase
{
  FREE = 0, /* static memory begins like this */
  STARTING,
  RUNNING,
  ENDED,
};

struct exec
{
  enum phase phase;
  int owner; /* a connection; -1 when it has ended */
  int is_forgotten;
  int is_reaped;
  pid_t helper;
  struct ts_report *report; /* until it has started */
  int report_fd;
  int outputs[2]; /* the readers' ends: without them a program whose engine is gone would get
                     SIGPIPE */
  int master;
  int client;
  struct pump *pumps; /* of a terminal: its input and its output */
  struct ts_exec_status status;
};

/* Untouched memory costs nothing, and most containers never see an exec.  */
static struct exec execs[EXEC_MAX];
static int execs_used; /* none is in use from here on */

static void close_fd (int *fd)
{
  cleanup_close_fd (fd);
  *fd = -1;
}

static void close_terminal (struct exec *exec)
{
  close_fd (&exec->master);
  close_fd (&exec->client);
  if (exec->pumps != NULL)
    munmap (exec->pumps, 2 * sizeof *exec->pumps);
  exec->pumps = NULL;
}

static void free_if_over (struct exec *exec)
{
  if (exec->phase != ENDED || !exec->is_forgotten || exec->master >= 0 || exec->helper > 0)
    return;
  exec->phase = FREE;
  while (execs_used > 0 && execs[execs_used - 1].phase == FREE)
    execs_used--;
}

static struct exec *find (const char *id)
{
  for (int i = 0; i < execs_used; i++)
    if (execs[i].phase != FREE && memcmp (execs[i].status.id, id, TS_ID_SIZE) == 0)
      return &execs[i];
  return NULL;
}

/* A free place, or that of one which has ended longest ago; NULL when all are at work.  */
static struct exec *find_place (void)
{
  struct exec *oldest = NULL;

  for (int i = 0; i < EXEC_MAX; i++)
    {
      struct exec *exec = &execs[i];
      if (exec->phase == FREE)
        {
          if (i >= execs_used)
            execs_used = i + 1;
          return exec;
        }
      if (exec->phase == ENDED && exec->master < 0 && exec->helper == 0
          && (oldest == NULL || exec->status.finished_ns < oldest->status.finished_ns))
        oldest = exec;
    }
  return oldest;
}

static size_t status_size (const struct exec *exec)
{
  return TS_EXEC_STATUS_HEADER + exec->status.path_length;
}

static void tell (struct shim *shim, struct exec *exec)
{
  control_broadcast (&shim->control, TS_EXEC_STATUS, &exec->status, status_size (exec));
}

static void fail (struct exec *exec, enum ts_stage stage, uint32_t error, const char *path)
{
  struct ts_exec_status *status = &exec->status;

  status->state = TS_EXEC_FAILED;
  status->stage = stage;
  status->error = error;
  status->path_length = (uint32_t)strnlen (path, TS_EXIT_PATH_MAX);
  memcpy (status->path, path, status->path_length);
}

/* Its end is known and told; what a terminal still holds is passed on meanwhile.  */
static void finish (struct shim *shim, struct exec *exec)
{
  exec->phase = ENDED;
  if (exec->status.finished_ns == 0)
    exec->status.finished_ns = realtime_ns ();
  for (int i = 0; i < 2; i++)
    close_fd (&exec->outputs[i]);
  if (exec->status.state == TS_EXEC_FAILED)
    close_terminal (exec);
  tell (shim, exec);
}

/* Both ends of the report are known: the program runs, or never will.  */
static void end_start (struct shim *shim, struct exec *exec)
{
  struct ts_report *report = exec->report;

  close_fd (&exec->report_fd);
  exec->status.pid = report->pid;
  if (report->progress == TS_EXECUTING)
    exec->phase = RUNNING;
  else if (report->progress == TS_FAILED)
    fail (exec, (enum ts_stage)report->stage, report->error, report->path);
  else /* Killed before it got there.  */
    fail (exec, TS_STAGE_START, ECHILD, "");
  int never_ran = exec->phase != RUNNING;
  int is_child = report->pid != 0;
  munmap (report, sizeof *report);
  exec->report = NULL;
  if (!never_ran)
    {
      uint32_t ended = exec->status.state;
      exec->status.state = TS_EXEC_RUNNING;
      tell (shim, exec);
      if (exec->is_reaped)
        {
          exec->status.state = ended;
          finish (shim, exec);
        }
      return;
    }
  if (!is_child || exec->is_reaped)
    finish (shim, exec);
  else
    exec->phase = RUNNING; /* Until its process was waited for.  */
}

static void keep_terminal (struct exec *exec, const int *fds)
{
  exec->master = fds[0];
  close (fds[1]); /* The program has it.  */
  exec->pumps = memory_map (2 * sizeof *exec->pumps, MAP_PRIVATE);
  if (exec->pumps == NULL || fcntl (exec->master, F_SETFL, O_RDWR | O_NONBLOCK) < 0)
    {
      close_terminal (exec); /* A program without its terminal gets SIGHUP.  */
      return;
    }
  exec->pumps[0] = (struct pump){ .from = exec->client, .to = exec->master };
  exec->pumps[1] = (struct pump){ .from = exec->master, .to = exec->client };
}

static void read_report (struct shim *shim, struct exec *exec)
{
  int fds[2];
  enum report result = report_read (exec->report_fd, fds);

  if (result == REPORT_TERMINAL)
    keep_terminal (exec, fds);
  else if (result == REPORT_ENDED)
    end_start (shim, exec);
}

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
    close_fd (&exec->outputs[i]);
  close_fd (&exec->report_fd);
  close_terminal (exec);
  if (exec->report != NULL)
    munmap (exec->report, sizeof *exec->report);
  exec->report = NULL;
  exec->phase = ENDED;
  exec->is_forgotten = 1;
  free_if_over (exec);
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
  if (find (request->id) != NULL)
    return EEXIST;
  struct exec *exec = find_place ();
  if (exec == NULL)
    return EAGAIN;
  *exec = (struct exec){ .phase = STARTING,
                         .owner = owner,
                         .report_fd = -1,
                         .outputs = { -1, -1 },
                         .master = -1,
                         .client = -1 };
  memcpy (exec->status.id, request->id, TS_ID_SIZE);
  int error = start_in (shim, exec, message);
  if (error != 0)
    give_up (exec);
  return error;
}

int exec_signal (const struct ts_exec_signal *request)
{
  struct exec *exec = find (request->id);

  if (exec == NULL || exec->phase == ENDED)
    return ESRCH;
  if (request->signal < 1 || request->signal > 64)
    return EINVAL;
  /* Children that were not waited for, so the numbers are theirs.  */
  pid_t pid = exec->phase == RUNNING ? (pid_t)exec->status.pid : exec->helper;
  if (pid <= 0 || (exec->phase == RUNNING && exec->is_reaped))
    return ESRCH;
  return kill (pid, (int)request->signal) < 0 ? errno : 0;
}

int exec_forget (const struct ts_exec_signal *request)
{
  struct exec *exec = find (request->id);

  if (exec == NULL)
    return ESRCH;
  exec->is_forgotten = 1;
  free_if_over (exec);
  return 0;
}

int exec_resize (const struct ts_resize *request)
{
  const struct exec *exec = find (request->id);
  struct terminal_size size = { .rows = request->rows, .columns = request->columns };

  if (exec == NULL || exec->master < 0)
    return ESRCH;
  return terminal_resize (exec->master, size) < 0 ? errno : 0;
}

void exec_orphan (int owner)
{
  for (int i = 0; i < execs_used; i++)
    if (execs[i].owner == owner)
      execs[i].owner = -1;
}

int exec_note_end (struct shim *shim, const siginfo_t *info)
{
  for (int i = 0; i < execs_used; i++)
    {
      struct exec *exec = &execs[i];
      if (exec->phase == FREE || exec->phase == ENDED)
        {
          if (exec->phase == ENDED && exec->helper == info->si_pid)
            {
              exec->helper = 0;
              free_if_over (exec);
              return 1;
            }
          continue;
        }
      if (exec->helper == info->si_pid)
        {
          exec->helper = 0;
          return 1;
        }
      uint32_t pid = exec->report != NULL ? exec->report->pid : exec->status.pid;
      if (pid == 0 || (pid_t)pid != info->si_pid || exec->is_reaped)
        continue;
      int by_signal = info->si_code != CLD_EXITED;
      exec->is_reaped = 1;
      exec->status.finished_ns = realtime_ns ();
      if (exec->status.state != TS_EXEC_FAILED)
        {
          exec->status.state = TS_EXEC_ENDED;
          exec->status.signal = by_signal ? (uint32_t)info->si_status : 0;
          exec->status.code = (uint32_t)info->si_status + (by_signal ? 128 : 0);
        }
      /* Else the end of the report is still on its way, and tells whether it was the program. */
      if (exec->report_fd < 0)
        finish (shim, exec);
      return 1;
    }
  return 0;
}

int exec_reap (struct shim *shim)
{
  int is_starting = 0;

  for (int i = 0; i < execs_used; i++)
    {
      const struct exec *exec = &execs[i];
      for (int k = 0; k < 2; k++)
        {
          siginfo_t info = { 0 };
          /* The helper first: it tells the program's number before it ends.  */
          pid_t program = (pid_t)(exec->report != NULL ? exec->report->pid : exec->status.pid);
          pid_t pid = k == 0 ? exec->helper : exec->is_reaped ? 0 : program;
          if (exec->phase == FREE || pid <= 0)
            continue;
          if (waitid (P_PID, (id_t)pid, &info, WEXITED | WNOHANG) == 0 && info.si_pid > 0)
            (void)exec_note_end (shim, &info);
        }
      is_starting |= exec->phase != FREE && exec->helper > 0;
    }
  return is_starting;
}

void exec_greet (struct connection *connection)
{
  for (int i = 0; i < execs_used; i++)
    if (execs[i].phase == RUNNING || (execs[i].phase == ENDED && !execs[i].is_forgotten))
      connection_send (connection, TS_EXEC_STATUS, &execs[i].status, status_size (&execs[i]));
}

void exec_collect (const struct control *control, struct poll_set *set)
{
  for (int i = 0; i < execs_used; i++)
    {
      struct exec *exec = &execs[i];
      if (exec->phase == FREE)
        continue;
      /* Also a connection that took no more messages is over.  */
      if (exec->owner >= 0 && control->connections[exec->owner].fd < 0)
        exec->owner = -1;
      poll_add_input (set, POLL_EXEC_REPORT, i, exec->report_fd);
      for (int k = 0; k < 2 && exec->owner < 0; k++)
        poll_add_input (set, POLL_EXEC_OUTPUT, i, exec->outputs[k]);
      for (int k = 0; k < 2 && exec->pumps != NULL; k++)
        poll_add (set, POLL_EXEC_TERMINAL, i, pump_waits_for (&exec->pumps[k]));
    }
}

/* Nobody reads it any more.  */
static void discard_output (struct exec *exec)
{
  char bytes[4096];

  for (int i = 0; i < 2; i++)
    {
      if (exec->outputs[i] < 0)
        continue;
      ssize_t n = read (exec->outputs[i], bytes, sizeof bytes);
      if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        close_fd (&exec->outputs[i]);
    }
}

/* A client that is gone takes its terminal along, which is a hang-up for the programs on it.  Input
   that ends means the same: engines that live only stop writing.  */
static void serve_terminal (struct exec *exec)
{
  if (exec->pumps == NULL)
    return;
  enum pump_result input = pump_run (&exec->pumps[0]);
  /* Nobody has the terminal open any more, but what was printed before is still to be told.  */
  if (input == PUMP_BROKEN)
    exec->pumps[0].start = exec->pumps[0].end;
  if (pump_run (&exec->pumps[1]) == PUMP_GOES_ON && input != PUMP_ENDED)
    return;
  close_terminal (exec);
  free_if_over (exec);
}

void exec_serve (struct shim *shim, enum poll_kind kind, int index)
{
  struct exec *exec = &execs[index];

  if (kind == POLL_EXEC_REPORT && exec->report_fd >= 0)
    read_report (shim, exec);
  else if (kind == POLL_EXEC_OUTPUT)
    discard_output (exec);
  else if (kind == POLL_EXEC_TERMINAL)
    serve_terminal (exec);
}

void exec_end_all (struct shim *shim)
{
  siginfo_t info;

  for (int i = 0; i < execs_used; i++)
    {
      struct exec *exec = &execs[i];
      if (exec->phase != STARTING && exec->phase != RUNNING)
        continue;
      /* Its namespaces are gone, so all that is left is a helper that has nowhere to go.  */
      if (exec->helper > 0 && kill (exec->helper, SIGKILL) == 0)
        (void)waitid (P_PID, (id_t)exec->helper, &info, WEXITED);
      exec->helper = 0;
      if (exec->report_fd >= 0)
        end_start (shim, exec);
      if (exec->phase == RUNNING)
        finish (shim, exec);
    }
}

int exec_is_talking (void)
{
  for (int i = 0; i < execs_used; i++)
    if (execs[i].pumps != NULL)
      return 1;
  return 0;
}
