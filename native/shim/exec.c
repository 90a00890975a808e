#define _GNU_SOURCE
#include "exec.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>

#include "exec-table.h"
#include "util.h"

/* Not waited for, so the number is its own.  */
static int is_own_child (pid_t pid)
{
  siginfo_t info;

  return waitid (P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

int exec_signal (const struct ts_exec_signal *request)
{
  struct exec *exec = exec_find (request->id);

  if (exec == NULL || exec->phase == EXEC_ENDED)
    return ESRCH;
  if (request->signal < 1 || request->signal > 64)
    return EINVAL;
  pid_t program = exec->is_reaped ? 0 : exec_program (exec);
  pid_t pid = program > 0 ? program : exec->helper;
  if (pid <= 0 || !is_own_child (pid))
    return ESRCH;
  return kill (pid, (int)request->signal) < 0 ? errno : 0;
}

int exec_forget (const struct ts_exec_signal *request)
{
  struct exec *exec = exec_find (request->id);

  if (exec == NULL)
    return ESRCH;
  exec->is_forgotten = 1;
  exec_free_if_over (exec);
  return 0;
}

int exec_resize (const struct ts_resize *request)
{
  const struct exec *exec = exec_find (request->id);
  struct terminal_size size = { .rows = request->rows, .columns = request->columns };

  if (exec == NULL || exec->master < 0)
    return ESRCH;
  return terminal_resize (exec->master, size) < 0 ? errno : 0;
}

void exec_orphan (int owner, int has_hung_up)
{
  for (int i = 0; i < execs_used; i++)
    {
      if (execs[i].phase == EXEC_FREE || execs[i].owner != owner)
        continue;
      execs[i].owner = -1;
      if (has_hung_up)
        exec_close_fd (&execs[i].engine);
    }
}

void exec_greet (struct connection *connection)
{
  for (int i = 0; i < execs_used; i++)
    if (execs[i].phase == EXEC_RUNNING || (execs[i].phase == EXEC_ENDED && !execs[i].is_forgotten))
      connection_send (connection, TS_EXEC_STATUS, &execs[i].status, exec_status_size (&execs[i]));
}

/* An engine that was dropped because it was slow still has its end of the pipe, and connects again:
   what would be taken from it would be missing in the middle.  So its end is what counts.  */
static void collect_output (const struct exec *exec, int index, struct poll_set *set)
{
  if (exec->engine >= 0)
    {
      poll_add_input (set, POLL_EXEC_OUTPUT, index, exec->engine);
      return;
    }
  for (int k = 0; k < 2; k++)
    poll_add_input (set, POLL_EXEC_OUTPUT, index, exec->outputs[k]);
}

void exec_collect (const struct control *control, struct poll_set *set)
{
  for (int i = 0; i < execs_used; i++)
    {
      struct exec *exec = &execs[i];
      if (exec->phase == EXEC_FREE)
        continue;
      /* Also a connection that took no more messages is over.  */
      if (exec->owner >= 0 && control->connections[exec->owner].fd < 0)
        exec->owner = -1;
      poll_add_input (set, POLL_EXEC_REPORT, i, exec->report_fd);
      if (exec->owner < 0)
        collect_output (exec, i, set);
      for (int k = 0; k < 2 && exec->pumps != NULL; k++)
        poll_add (set, POLL_EXEC_TERMINAL, i, pump_waits_for (&exec->pumps[k]));
    }
}

/* Nobody reads it any more.  */
static void discard_output (struct exec *exec)
{
  char bytes[4096];

  /* Its engine has ended just now.  */
  if (exec->engine >= 0)
    {
      exec_close_fd (&exec->engine);
      return;
    }
  for (int i = 0; i < 2; i++)
    {
      if (exec->outputs[i] < 0)
        continue;
      ssize_t n = read (exec->outputs[i], bytes, sizeof bytes);
      if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        exec_close_fd (&exec->outputs[i]);
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
  exec_close_terminal (exec);
  exec_free_if_over (exec);
}

void exec_serve (struct shim *shim, enum poll_kind kind, int index)
{
  struct exec *exec = &execs[index];

  if (kind == POLL_EXEC_REPORT && exec->report_fd >= 0)
    (void)exec_read_report (shim, exec);
  else if (kind == POLL_EXEC_OUTPUT)
    discard_output (exec);
  else if (kind == POLL_EXEC_TERMINAL)
    serve_terminal (exec);
}

int exec_is_talking (void)
{
  for (int i = 0; i < execs_used; i++)
    if (execs[i].pumps != NULL)
      return 1;
  return 0;
}
