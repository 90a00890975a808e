#define _GNU_SOURCE
#include "exec-table.h"

#include <string.h>
#include <sys/mman.h>

#include "util.h"

/* Untouched memory costs nothing, and most containers never see an exec.  */
struct exec execs[EXEC_MAX];
int execs_used;

void exec_close_fd (int *fd)
{
  cleanup_close_fd (fd);
  *fd = -1;
}

void exec_close_terminal (struct exec *exec)
{
  exec_close_fd (&exec->master);
  exec_close_fd (&exec->client);
  if (exec->pumps != NULL)
    munmap (exec->pumps, 2 * sizeof *exec->pumps);
  exec->pumps = NULL;
}

void exec_free_if_over (struct exec *exec)
{
  if (exec->phase != EXEC_ENDED || !exec->is_forgotten || exec->master >= 0 || exec->helper > 0)
    return;
  exec->phase = EXEC_FREE;
  while (execs_used > 0 && execs[execs_used - 1].phase == EXEC_FREE)
    execs_used--;
}

struct exec *exec_find (const char *id)
{
  for (int i = 0; i < execs_used; i++)
    if (execs[i].phase != EXEC_FREE && memcmp (execs[i].status.id, id, TS_ID_SIZE) == 0)
      return &execs[i];
  return NULL;
}

struct exec *exec_find_place (void)
{
  struct exec *oldest = NULL;

  for (int i = 0; i < EXEC_MAX; i++)
    {
      struct exec *exec = &execs[i];
      if (exec->phase == EXEC_FREE)
        {
          if (i >= execs_used)
            execs_used = i + 1;
          return exec;
        }
      if (exec->phase == EXEC_ENDED && exec->master < 0 && exec->helper == 0
          && (oldest == NULL || exec->status.finished_ns < oldest->status.finished_ns))
        oldest = exec;
    }
  return oldest;
}

size_t exec_status_size (const struct exec *exec)
{
  return TS_EXEC_STATUS_HEADER + exec->status.path_length;
}

pid_t exec_program (const struct exec *exec)
{
  return (pid_t)(exec->report != NULL ? exec->report->pid : exec->status.pid);
}
