#define _GNU_SOURCE
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "cgroup.h"
#include "exec.h"
#include "exit-record.h"
#include "foreign.h"
#include "joins.h"
#include "report.h"
#include "sys.h"
#include "util.h"

void shim_note_failure (struct shim *shim, enum ts_stage stage, int error, const char *path)
{
  struct ts_exit *record = &shim->exit;

  if ((record->flags & TS_EXIT_FAILED) != 0)
    return; /* The first reason is the reason.  */
  record->flags |= TS_EXIT_FAILED;
  record->stage = stage;
  record->error = (uint32_t)error;
  record->path_length = (uint32_t)strnlen (path, TS_EXIT_PATH_MAX);
  memcpy (record->path, path, record->path_length);
}

/* Rounds of waiting at most a millisecond.  */
#define LAST_WORDS 200

static int is_handed_over (const struct shim *shim) { return spec_handover (shim->spec) != NULL; }

static void kill_container (struct shim *shim)
{
  if (shim->pid > 0 || shim->driver > 0)
    (void)sys_pidfd_send_signal (shim->pidfd, SIGKILL); /* ESRCH: it has just ended.  */
}

void shim_go (struct shim *shim)
{
  if (shim->go_fd < 0)
    return;
  (void)write_all (shim->go_fd, "", 1); /* EPIPE: it has ended, which SIGCHLD tells.  */
  if (shim->status.state == TS_HELD)
    {
      shim->status.state = TS_STARTING; /* A second word will follow.  */
      return;
    }
  close (shim->go_fd);
  shim->go_fd = -1;
}

static void set_state (struct shim *shim, enum ts_state state)
{
  shim->status.state = state;
  control_broadcast (&shim->control, TS_STATUS, &shim->status, sizeof shim->status);
}

/* Whose first process another runtime has made.  */
static void learn (struct shim *shim)
{
  if (spec_foreign (shim->spec) != NULL && foreign_learn (shim) < 0)
    shim_note_failure (shim, TS_STAGE_CLONE, errno, "");
}

/* The child's report: its sandbox stands, its terminal, and its end by exec or by its own.  */
static void read_report (struct shim *shim)
{
  struct report_failure failure;
  struct terminal terminal;
  int fds[2];

  switch (report_read (shim->report_fd, fds))
    {
    case REPORT_NOTHING:
      return;
    case REPORT_READY:
      learn (shim);
      set_state (shim, shim->report->progress == TS_HOLDING ? TS_HELD : TS_CREATED);
      return;
    case REPORT_TERMINAL:
      terminal = (struct terminal){ .master = fds[0], .slave = fds[1] };
      if (!stdio_set_terminal (&shim->stdio, shim->spec, &terminal))
        terminal_close (&terminal);
      return;
    case REPORT_ENDED:
      break;
    }
  close (shim->report_fd); /* Only read from.  */
  shim->report_fd = -1;
  learn (shim);
  if (shim->report->progress == TS_EXECUTING)
    {
      set_state (shim, TS_RUNNING);
      exit_record_prepare (spec_text (shim->spec, shim->spec->exit_path));
    }
  else if (shim->report->progress == TS_FAILED)
    {
      report_take_failure (shim->report, &failure);
      shim_note_failure (shim, failure.stage, (int)failure.error, failure.path);
    }
  else /* Killed before it got there.  */
    shim_note_failure (shim, TS_STAGE_START, ECHILD, "");
  /* Another runtime may have made a process that waits for a start that does not come.  */
  if (shim->report->progress != TS_EXECUTING && spec_foreign (shim->spec) != NULL)
    kill_container (shim);
}

static int exit_code_of_failure (const struct ts_exit *record)
{
  if (record->stage != TS_STAGE_EXEC)
    return 128;
  return record->error == ENOENT ? 127 : 126;
}

static void note_end (struct shim *shim, const siginfo_t *info)
{
  struct ts_exit *record = &shim->exit;
  int by_signal = info->si_code != CLD_EXITED;

  shim->pid = 0;
  record->finished_ns = realtime_ns ();
  record->signal = by_signal ? (uint32_t)info->si_status : 0;
  record->code = (uint32_t)info->si_status + (by_signal ? 128 : 0);
  if (cgroup_oom_kills (shim->spec) > shim->oom_kills_before)
    record->flags |= TS_EXIT_OOM_KILLED;
}

/* Reaps the container's first process and, as the subreaper, what it leaves without a pid namespace
 * of its own.  */
/* 1: PID has ended, and INFO tells how.  */
static int wait_for (pid_t pid, siginfo_t *info)
{
  *info = (siginfo_t){ 0 };
  return pid > 0 && waitid (P_PID, (id_t)pid, info, WEXITED | WNOHANG) == 0 && info->si_pid > 0;
}

/* Until who starts a process has told its number, that may have ended already and be among those
   that are not known.  So these wait.  */
static int reap_known (struct shim *shim)
{
  siginfo_t info;

  if (wait_for (shim->driver, &info))
    {
      shim->driver = 0;
      while (shim->report_fd >= 0) /* It was the last who could write there.  */
        read_report (shim);
    }
  int is_starting = exec_reap (shim) || shim->driver > 0;
  if (wait_for (shim->pid, &info))
    note_end (shim, &info);
  return is_starting;
}

static void reap (struct shim *shim)
{
  if (spec_foreign (shim->spec) != NULL && reap_known (shim))
    return;
  for (;;)
    {
      siginfo_t info = { 0 };
      if (waitid (P_ALL, 0, &info, WEXITED | WNOHANG) < 0 || info.si_pid == 0)
        return;
      if (info.si_pid == shim->pid)
        note_end (shim, &info);
      else
        (void)exec_note_end (shim, &info); /* Else an orphan of a shared pid namespace.  */
    }
}

static void read_signals (struct shim *shim)
{
  char siginfo[128]; /* struct signalfd_siginfo */

  /* All signals are blocked and only SIGCHLD is read: a shim ends when its container does, whatever
   * is sent to it.  */
  while (read (shim->signal_fd, siginfo, sizeof siginfo) > 0)
    ;
  reap (shim);
}

static int send_signal (struct shim *shim, const struct ts_signal *request)
{
  if (request->signal < 1 || request->signal > 64)
    return EINVAL;
  if (shim->pid == 0 && shim->driver == 0)
    return ESRCH;
  /* Until exec the process is still ours, and only its end means something to it.  */
  if (shim->status.state != TS_RUNNING && request->signal != SIGKILL)
    return EAGAIN;
  if ((request->flags & TS_SIGNAL_ALL) != 0 && shim->status.state == TS_RUNNING)
    return cgroup_signal_all (shim->spec, (int)request->signal);
  return sys_pidfd_send_signal (shim->pidfd, (int)request->signal) < 0 ? errno : 0;
}

static int resize (struct shim *shim, const struct ts_resize *request)
{
  static const char own[TS_ID_SIZE];
  const struct terminal_size size = { .rows = request->rows, .columns = request->columns };
  int master = shim->stdio.terminal.master;

  if (memcmp (request->id, own, sizeof own) != 0)
    return exec_resize (request);
  if (master < 0)
    return ENOTTY;
  return terminal_resize (master, size) < 0 ? errno : 0;
}

static int add_client (struct shim *shim, struct message *message)
{
  if (message->fd_count != 1)
    return EINVAL;
  return stdio_add_client (&shim->stdio, take_fd (&message->fds[0]));
}

/* 0, or an errno.  */
static int handle_request (struct shim *shim, int owner, struct message *message)
{
  switch (message->type)
    {
    case TS_SIGNAL:
      return send_signal (shim, &message->request.signal);
    case TS_EXEC:
      return exec_start (shim, owner, message);
    case TS_EXEC_SIGNAL:
      return exec_signal (&message->request.exec_signal);
    case TS_EXEC_FORGET:
      return exec_forget (&message->request.exec_signal);
    case TS_RESIZE:
      return resize (shim, &message->request.resize);
    case TS_INPUT:
      return add_client (shim, message);
    case TS_INPUT_END:
      return stdio_end_input (&shim->stdio);
    default:
      return EINVAL;
    }
}

static void handle (struct shim *shim, struct connection *connection, struct message *message)
{
  int owner = (int)(connection - shim->control.connections);

  if (message->type == TS_START)
    {
      shim_go (shim);
      return;
    }
  /* Every request begins with its number.  */
  struct ts_reply reply = { .request = message->request.input.request,
                            .error = (uint32_t)handle_request (shim, owner, message) };
  connection_send (connection, TS_REPLY, &reply, sizeof reply);
}

static void read_connection (struct shim *shim, int index)
{
  struct connection *connection = &shim->control.connections[index];
  struct message message;
  /* It may have been dropped while others were served.  */
  int result = connection->fd < 0 ? 0 : connection_read (connection, &message);

  if (result > 0)
    {
      handle (shim, connection, &message);
      message_close (&message);
    }
  if (connection->fd >= 0)
    return;
  exec_orphan (index, result < 0);
  /* Whoever ordered this sandbox is gone, and nobody else knows that it waits.  */
  if (index == 0 && shim->go_fd >= 0
      && !(is_handed_over (shim) && shim->status.state == TS_CREATED))
    {
      shim_note_failure (shim, TS_STAGE_START, ECONNRESET, "");
      kill_container (shim);
    }
}

static void accept_connection (struct shim *shim)
{
  struct connection *connection = control_accept (&shim->control);

  if (connection == NULL)
    return;
  exec_orphan ((int)(connection - shim->control.connections), 0); /* Of who had its place.  */
  connection_send (connection, TS_STATUS, &shim->status, sizeof shim->status);
  exec_greet (connection);
}

static void collect (struct shim *shim, struct poll_set *set)
{
  set->count = 0;
  /* What a runtime prints that fails is told otherwise, and is no output of the container's.  */
  for (int i = 0; i < 2 && shim->driver == 0; i++)
    poll_add_input (set, POLL_OUTPUT, i, shim->stdio.outputs[i].read_fd);
  poll_add_input (set, POLL_REPORT, 0, shim->report_fd);
  poll_add_input (set, POLL_SIGNAL, 0, shim->signal_fd);
  exec_collect (&shim->control, set);
  stdio_collect (&shim->stdio, set);
  for (int i = 0; i < CONTROL_MAX; i++)
    poll_add_input (set, POLL_CONNECTION, i, shim->control.connections[i].fd);
  poll_add_input (set, POLL_LISTEN, 0, shim->control.listen_fd);
}

static void serve_one (struct shim *shim, enum poll_kind kind, int index)
{
  switch (kind)
    {
    case POLL_OUTPUT:
      stdio_pump (&shim->stdio, index, &shim->log);
      return;
    case POLL_REPORT:
      read_report (shim);
      return;
    case POLL_SIGNAL:
      read_signals (shim);
      return;
    case POLL_EXEC_REPORT:
    case POLL_EXEC_OUTPUT:
    case POLL_EXEC_TERMINAL:
      exec_serve (shim, kind, index);
      return;
    case POLL_INPUT:
      stdio_serve_client (&shim->stdio, index);
      return;
    case POLL_CONNECTION:
      read_connection (shim, index);
      return;
    case POLL_LISTEN:
      accept_connection (shim);
      return;
    }
}

/* Waits for something to happen, at most TIMEOUT_MS, and does what it asks for.  */
static void serve (struct shim *shim, int timeout_ms)
{
  struct poll_set set;

  collect (shim, &set);
  if (poll (set.fds, (nfds_t)set.count, timeout_ms) < 0)
    return; /* EINTR cannot be: every signal is blocked.  ENOMEM passes.  */
  for (int i = 0; i < set.count; i++)
    if (set.fds[i].revents != 0)
      serve_one (shim, (enum poll_kind)set.tags[i].kind, set.tags[i].index);
}

/* Without a pid namespace the container's other processes outlive the first one.  As their
   subreaper the shim gets all of them as children sooner or later, and ends when it has none.  */
static void kill_descendants (void)
{
  char text[4096];
  siginfo_t info;

  while (read_text_at (AT_FDCWD, "/proc/thread-self/children", text, sizeof text) > 0)
    {
      const char *at = text;
      for (pid_t pid; (pid = (pid_t)scan_number (&at)) > 0; at += *at == ' ')
        kill (pid, SIGKILL); /* A child of ours that was not waited for, so the pid is its own.  */
      if (waitid (P_ALL, 0, &info, WEXITED) < 0)
        return;
    }
}

/* In another container's pid namespace its init gets them as children, so that only the groups tell
   who they are.  */
static void kill_members (struct shim *shim)
{
  while (cgroup_kill_members (shim->spec) > 0)
    serve (shim, 1);
}

/* While the disk is full the end is not recorded, so the shim stays, and tells it only when it is.
 */
static int may_pass (int error)
{
  return error == ENOSPC || error == EDQUOT || error == EROFS || error == EIO || error == ENOMEM;
}

static void record_end (struct shim *shim)
{
  const char *path = spec_text (shim->spec, shim->spec->exit_path);

  if ((shim->exit.flags & TS_EXIT_FAILED) != 0)
    {
      if (shim->exit.finished_ns == 0) /* There never was a first process.  */
        shim->exit.finished_ns = realtime_ns ();
      shim->exit.code = (uint32_t)exit_code_of_failure (&shim->exit);
      shim->exit.signal = 0;
    }
  shim->exit.lost_log_bytes = shim->log.lost_bytes;
  while (exit_record_write (&shim->exit, path) < 0 && may_pass (errno))
    serve (shim, 1000);
}

/* The first process is another's child, so all that is seen of it here is how its report ends.  */
static void hand_over (struct shim *shim)
{
  while (shim->report_fd >= 0)
    serve (shim, -1);
  if (shim->status.state != TS_RUNNING)
    {
      kill_container (shim);
      shim->exit.finished_ns = realtime_ns ();
      record_end (shim);
      control_broadcast (&shim->control, TS_ENDED, &shim->exit, exit_record_size (&shim->exit));
    }
  control_unlink (&shim->control);
}

void supervise (struct shim *shim)
{
  if (is_handed_over (shim))
    {
      hand_over (shim);
      return;
    }
  while (shim->pid > 0 || shim->driver > 0)
    serve (shim, -1);
  if (shim->report_fd >= 0)
    read_report (shim); /* Its end and the process's end come together, in either order.  */
  exec_end_all (shim);
  if (spec_foreign (shim->spec) != NULL)
    foreign_delete (shim);
  if (join_find (shim->spec, CLONE_NEWPID) >= 0)
    kill_members (shim);
  else if ((shim->spec->namespaces & CLONE_NEWPID) == 0 || spec_foreign (shim->spec) != NULL)
    kill_descendants ();
  if (shim->status.container_pid != 0)
    stdio_drain (&shim->stdio, &shim->log);
  record_end (shim);
  /* Whoever hears of the end may take the ports again at once.  */
  if (shim->end_held_fd > shim->first_held_fd)
    (void)sys_close_range ((unsigned int)shim->first_held_fd, (unsigned int)shim->end_held_fd - 1,
                           0);
  control_broadcast (&shim->control, TS_ENDED, &shim->exit, exit_record_size (&shim->exit));
  control_unlink (&shim->control);
  /* What an exec has printed on its terminal before the end is still on its way to a client, who
     may be slow, but may not keep the mounts.  */
  for (int i = 0; i < LAST_WORDS && exec_is_talking (); i++)
    serve (shim, 1);
  /* Nobody has to wait for the disk: a killed engine finds both in memory, and a power cut ends
     more than this container.  */
  log_sync (&shim->log);
  exit_record_sync (spec_text (shim->spec, shim->spec->exit_path));
}
