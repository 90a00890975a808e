#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "exec-table.h"
#include "foreign.h"
#include "report.h"
#include "vectors.h"
#include "util.h"

static void tell (struct shim *shim, struct exec *exec)
{
  control_broadcast (&shim->control, TS_EXEC_STATUS, &exec->status, exec_status_size (exec));
}

static void fail (struct exec *exec, const struct report_failure *failure)
{
  struct ts_exec_status *status = &exec->status;

  status->state = TS_EXEC_FAILED;
  status->stage = failure->stage;
  status->error = failure->error;
  status->path_length = (uint32_t)strlen (failure->path);
  memcpy (status->path, failure->path, status->path_length);
}

/* Its end is known and told; what a terminal still holds is passed on meanwhile.  */
static void finish (struct shim *shim, struct exec *exec)
{
  exec->phase = EXEC_ENDED;
  if (exec->status.finished_ns == 0)
    exec->status.finished_ns = realtime_ns ();
  for (int i = 0; i < 2; i++)
    exec_close_fd (&exec->outputs[i]);
  exec_close_fd (&exec->engine);
  if (exec->status.state == TS_EXEC_FAILED)
    exec_close_terminal (exec);
  tell (shim, exec);
}

/* Both ends of the report are known: the program runs, or never will.  */
static void end_start (struct shim *shim, struct exec *exec)
{
  struct ts_report *report = exec->report;
  uint32_t progress = report->progress;
  /* Killed before it got anywhere.  */
  struct report_failure failure = { .stage = TS_STAGE_START, .error = ECHILD };

  exec_close_fd (&exec->report_fd);
  exec->status.pid = report->pid;
  if (progress == TS_FAILED)
    report_take_failure (report, &failure);
  if (progress == TS_EXECUTING)
    exec->phase = EXEC_RUNNING;
  else
    fail (exec, &failure);
  int never_ran = exec->phase != EXEC_RUNNING;
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
    exec->phase = EXEC_RUNNING; /* Until its process was waited for.  */
}

/* The one that the helper sends is the first, and there is no second: whatever else comes is no
   terminal that was made here.  */
static void keep_terminal (struct exec *exec, const int *fds)
{
  const struct terminal given = { .master = fds[0], .slave = fds[1] };

  if (exec->client < 0 || exec->master >= 0)
    {
      terminal_close (&given);
      return;
    }
  exec->master = given.master;
  close (given.slave); /* The program has it.  */
  exec->pumps = memory_map (2 * sizeof *exec->pumps, MAP_PRIVATE);
  if (exec->pumps == NULL || fcntl (exec->master, F_SETFL, O_RDWR | O_NONBLOCK) < 0)
    {
      exec_close_terminal (exec); /* A program without its terminal gets SIGHUP.  */
      return;
    }
  exec->pumps[0] = (struct pump){ .from = exec->client, .to = exec->master };
  exec->pumps[1] = (struct pump){ .from = exec->master, .to = exec->client };
}

enum report exec_read_report (struct shim *shim, struct exec *exec)
{
  int fds[2];
  enum report result = report_read (exec->report_fd, fds);

  if (result == REPORT_TERMINAL)
    keep_terminal (exec, fds);
  else if (result == REPORT_ENDED)
    end_start (shim, exec);
  return result;
}

/* Its program has ended, and has said what it had to say.  Others may have taken its end of the
   report, and are not waited for.  But what another runtime was asked for is told by the helper. */
static void end_report (struct shim *shim, struct exec *exec)
{
  if (spec_foreign (shim->spec) != NULL)
    return;
  if (exec->client >= 0 && exec->master < 0)
    (void)exec_read_report (shim, exec);
  if (exec->report_fd >= 0)
    end_start (shim, exec);
}

static void note_program_end (struct shim *shim, struct exec *exec, const siginfo_t *info)
{
  int by_signal = info->si_code != CLD_EXITED;

  exec->is_reaped = 1;
  exec->status.finished_ns = realtime_ns ();
  if (exec->status.state != TS_EXEC_FAILED)
    {
      exec->status.state = TS_EXEC_ENDED;
      exec->status.signal = by_signal ? (uint32_t)info->si_status : 0;
      exec->status.code = (uint32_t)info->si_status + (by_signal ? 128 : 0);
    }
  if (exec->report_fd < 0)
    finish (shim, exec);
  else
    end_report (shim, exec);
}

int exec_note_end (struct shim *shim, const siginfo_t *info)
{
  for (int i = 0; i < execs_used; i++)
    {
      struct exec *exec = &execs[i];
      if (exec->phase == EXEC_FREE || exec->phase == EXEC_ENDED)
        {
          if (exec->phase == EXEC_ENDED && exec->helper == info->si_pid)
            {
              exec->helper = 0;
              exec_free_if_over (exec);
              return 1;
            }
          continue;
        }
      if (exec->helper == info->si_pid)
        {
          exec->helper = 0;
          return 1;
        }
      if (exec_program (exec) != info->si_pid || exec->is_reaped)
        continue;
      note_program_end (shim, exec, info);
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
          pid_t pid = k == 0 ? exec->helper : exec->is_reaped ? 0 : exec_program (exec);
          if (exec->phase == EXEC_FREE || pid <= 0)
            continue;
          if (waitid (P_PID, (id_t)pid, &info, WEXITED | WNOHANG) == 0 && info.si_pid > 0)
            (void)exec_note_end (shim, &info);
        }
      is_starting |= exec->phase != EXEC_FREE && exec->helper > 0;
    }
  return is_starting;
}

void exec_end_all (struct shim *shim)
{
  siginfo_t info;

  for (int i = 0; i < execs_used; i++)
    {
      struct exec *exec = &execs[i];
      if (exec->phase != EXEC_STARTING && exec->phase != EXEC_RUNNING)
        continue;
      /* Its namespaces are gone, so all that is left is a helper that has nowhere to go.  */
      if (exec->helper > 0 && kill (exec->helper, SIGKILL) == 0)
        (void)waitid (P_PID, (id_t)exec->helper, &info, WEXITED);
      exec->helper = 0;
      if (exec->report_fd >= 0)
        end_start (shim, exec);
      if (exec->phase == EXEC_RUNNING)
        finish (shim, exec);
    }
}
