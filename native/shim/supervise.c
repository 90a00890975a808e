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
#include "exit-record.h"
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

static void kill_container (struct shim *shim)
{
  if (shim->pid > 0)
    (void)sys_pidfd_send_signal (shim->pidfd, SIGKILL); /* ESRCH: it has just ended.  */
}

void shim_go (struct shim *shim)
{
  if (shim->go_fd < 0)
    return;
  (void)write_all (shim->go_fd, "", 1); /* EPIPE: it has ended, which SIGCHLD tells.  */
  close (shim->go_fd);
  shim->go_fd = -1;
}

static void set_state (struct shim *shim, enum ts_state state)
{
  shim->status.state = state;
  control_broadcast (&shim->control, TS_STATUS, &shim->status, sizeof shim->status);
}

/* The child's end of the report pipe: a byte when the sandbox stands, closed by exec or by its end.
 */
static void read_report (struct shim *shim)
{
  char byte;
  ssize_t n = read (shim->report_fd, &byte, 1);

  if (n < 0 && (errno == EINTR || errno == EAGAIN))
    return;
  if (n == 1)
    {
      set_state (shim, TS_CREATED);
      return;
    }
  close (shim->report_fd); /* Only read from.  */
  shim->report_fd = -1;
  if (shim->report->progress == TS_EXECUTING)
    set_state (shim, TS_RUNNING);
  else if (shim->report->progress == TS_FAILED)
    shim_note_failure (shim, (enum ts_stage)shim->report->stage, (int)shim->report->error,
                       shim->report->path);
  else /* Killed before it got there.  */
    shim_note_failure (shim, TS_STAGE_START, ECHILD, "");
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
static void reap (struct shim *shim)
{
  for (;;)
    {
      siginfo_t info = { 0 };
      if (waitid (P_ALL, 0, &info, WEXITED | WNOHANG) < 0 || info.si_pid == 0)
        return;
      if (info.si_pid == shim->pid)
        note_end (shim, &info);
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
  if (shim->pid == 0)
    return ESRCH;
  /* Until exec the process is still ours, and only its end means something to it.  */
  if (shim->status.state != TS_RUNNING && request->signal != SIGKILL)
    return EAGAIN;
  if ((request->flags & TS_SIGNAL_ALL) != 0 && shim->status.state == TS_RUNNING)
    return cgroup_signal_all (shim->spec, (int)request->signal);
  return sys_pidfd_send_signal (shim->pidfd, (int)request->signal) < 0 ? errno : 0;
}

static void handle (struct shim *shim, struct connection *connection, const struct message *message)
{
  if (message->type == TS_START)
    {
      shim_go (shim);
      return;
    }
  struct ts_reply reply = { .request = message->signal.request,
                            .error = (uint32_t)send_signal (shim, &message->signal) };
  connection_send (connection, TS_REPLY, &reply, sizeof reply);
}

static void read_connection (struct shim *shim, struct connection *connection)
{
  struct message message;
  int result = connection_read (connection, &message);

  if (result > 0)
    handle (shim, connection, &message);
  /* The engine that ordered this sandbox is gone, and nobody else knows that it waits.  */
  if (result < 0 && connection == shim->control.connections && shim->go_fd >= 0)
    {
      shim_note_failure (shim, TS_STAGE_START, ECONNRESET, "");
      kill_container (shim);
    }
}

static void accept_connection (struct shim *shim)
{
  struct connection *connection = control_accept (&shim->control);

  if (connection != NULL)
    connection_send (connection, TS_STATUS, &shim->status, sizeof shim->status);
}

enum
{
  POLL_SIGNAL,
  POLL_REPORT,
  POLL_STDOUT,
  POLL_STDERR,
  POLL_LISTEN,
  POLL_CONNECTIONS,
  POLL_COUNT = POLL_CONNECTIONS + CONTROL_MAX,
};

/* Waits for something to happen, at most TIMEOUT_MS, and does what it asks for.  */
static void serve (struct shim *shim, int timeout_ms)
{
  struct pollfd fds[POLL_COUNT];
  struct connection *connections = shim->control.connections;

  /* poll(2) skips negative descriptors, so closed ones need no care.  */
  fds[POLL_SIGNAL].fd = shim->signal_fd;
  fds[POLL_REPORT].fd = shim->report_fd;
  fds[POLL_STDOUT].fd = shim->stdio.outputs[0].read_fd;
  fds[POLL_STDERR].fd = shim->stdio.outputs[1].read_fd;
  fds[POLL_LISTEN].fd = shim->control.listen_fd;
  for (int i = 0; i < CONTROL_MAX; i++)
    fds[POLL_CONNECTIONS + i].fd = connections[i].fd;
  for (int i = 0; i < POLL_COUNT; i++)
    {
      fds[i].events = POLLIN;
      fds[i].revents = 0;
    }
  if (poll (fds, POLL_COUNT, timeout_ms) < 0)
    return; /* EINTR cannot be: every signal is blocked.  ENOMEM passes.  */
  for (int i = 0; i < 2; i++)
    if (fds[POLL_STDOUT + i].revents != 0)
      stdio_pump (&shim->stdio.outputs[i], &shim->log);
  /* The report before the signals: it tells whether a process that has ended was the program.  */
  if (fds[POLL_REPORT].revents != 0)
    read_report (shim);
  if (fds[POLL_SIGNAL].revents != 0)
    read_signals (shim);
  for (int i = 0; i < CONTROL_MAX; i++)
    if (fds[POLL_CONNECTIONS + i].revents != 0)
      read_connection (shim, &connections[i]);
  if (fds[POLL_LISTEN].revents != 0)
    accept_connection (shim);
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
      shim->exit.code = (uint32_t)exit_code_of_failure (&shim->exit);
      shim->exit.signal = 0;
    }
  shim->exit.lost_log_bytes = shim->log.lost_bytes;
  while (exit_record_write (&shim->exit, path) < 0 && may_pass (errno))
    serve (shim, 1000);
}

void supervise (struct shim *shim)
{
  while (shim->pid > 0)
    serve (shim, -1);
  if (shim->report_fd >= 0)
    read_report (shim); /* Its end and the process's end come together, in either order.  */
  if ((shim->spec->namespaces & CLONE_NEWPID) == 0)
    kill_descendants ();
  stdio_drain (&shim->stdio, &shim->log);
  log_sync (&shim->log);
  record_end (shim);
  /* Whoever hears of the end may take the ports again at once.  */
  if (shim->end_held_fd > shim->first_held_fd)
    (void)sys_close_range ((unsigned int)shim->first_held_fd, (unsigned int)shim->end_held_fd - 1,
                           0);
  control_broadcast (&shim->control, TS_ENDED, &shim->exit, exit_record_size (&shim->exit));
  control_unlink (&shim->control);
}
