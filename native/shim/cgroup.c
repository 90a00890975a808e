#define _GNU_SOURCE
#include "cgroup.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <string.h>

#include "sys.h"
#include "util.h"

int cgroup_open_unified (const struct ts_spec *spec)
{
  const struct ts_ref *groups = spec_items (spec, spec->cgroups);

  errno = 0;
  if ((spec->flags & TS_FLAG_CGROUP2) == 0 || spec->cgroups.count == 0)
    return -1;
  return open (spec_text (spec, groups[0]), O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static int join_one (const char *path)
{
  cleanup_close int dir = open (path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  /* "tasks" moves this one thread, which is all there is; "cgroup.procs" would wait 12 ms for every
   * other CPU.  */
  cleanup_close int tasks = dir < 0 ? -1 : openat (dir, "tasks", O_WRONLY | O_CLOEXEC);

  return tasks < 0 ? -1 : write_all (tasks, "0", 1);
}

int cgroup_enter (const struct sandbox *sandbox, const struct ts_spec *spec)
{
  const struct ts_ref *groups = spec_items (spec, spec->cgroups);

  for (uint32_t i = (spec->flags & TS_FLAG_CGROUP2) != 0 ? 1 : 0; i < spec->cgroups.count; i++)
    if (join_one (spec_text (spec, groups[i])) < 0)
      return sandbox_fail (sandbox, TS_STAGE_CGROUP, spec_text (spec, groups[i]));
  return 0;
}

int cgroup_join (const struct sandbox *sandbox)
{
  const struct ts_spec *spec = sandbox->spec;

  if (cgroup_enter (sandbox, spec) < 0)
    return -1;
  /* After joining, so that the namespace begins at the container's groups (cgroup_namespaces(7)).
   */
  if ((spec->namespaces & CLONE_NEWCGROUP) != 0 && unshare (CLONE_NEWCGROUP) < 0)
    return sandbox_fail (sandbox, TS_STAGE_CGROUP, "");
  return 0;
}

/* The number behind "KEY " at the start of a line.  */
static int find_count (const char *text, const char *key, uint64_t *count)
{
  size_t length = strlen (key);

  for (const char *line = text; line != NULL; line = strchr (line, '\n'))
    {
      if (*line == '\n')
        line++;
      if (strncmp (line, key, length) == 0 && line[length] == ' ')
        {
          const char *number = line + length + 1;
          *count = scan_number (&number);
          return 1;
        }
    }
  return 0;
}

uint64_t cgroup_oom_kills (const struct ts_spec *spec)
{
  static const char *const files[] = { "memory.events", "memory.oom_control" };
  const struct ts_ref *groups = spec_items (spec, spec->cgroups);
  char text[512];
  uint64_t count = 0;

  for (uint32_t i = 0; i < spec->cgroups.count; i++)
    {
      cleanup_close int dir = open (spec_text (spec, groups[i]), O_PATH | O_DIRECTORY | O_CLOEXEC);
      for (int f = 0; dir >= 0 && f < 2; f++)
        if (read_text_at (dir, files[f], text, sizeof text) > 0
            && find_count (text, "oom_kill", &count))
          return count;
    }
  return 0;
}

/* Sends to each pid in "cgroup.procs".  A pid cannot be somebody else's meanwhile: processes of the
   container are reaped by its init or by this shim, and the shim is here.  */
static int signal_listed (int dir, int signal, int *count)
{
  char text[4096];
  cleanup_close int procs = openat (dir, "cgroup.procs", O_RDONLY | O_CLOEXEC);
  size_t kept = 0;
  ssize_t n;

  if (procs < 0)
    return errno;
  while ((n = read (procs, text + kept, sizeof text - 1 - kept)) > 0)
    {
      size_t length = kept + (size_t)n;
      text[length] = 0;
      const char *at = text;
      for (const char *end; (end = strchr (at, '\n')) != NULL; at = end + 1)
        {
          pid_t pid = (pid_t)scan_number (&at);
          /* 0 is a process outside of this pid namespace.  ESRCH: it has ended since.  */
          if (pid <= 0)
            continue;
          ++*count;
          if (kill (pid, signal) < 0 && errno != ESRCH)
            return errno;
        }
      kept = length - (size_t)(at - text);
      memmove (text, at, kept);
    }
  return n < 0 ? errno : 0;
}

int cgroup_signal_all (const struct ts_spec *spec, int signal)
{
  const struct ts_ref *groups = spec_items (spec, spec->cgroups);

  if (spec->cgroups.count == 0)
    return EOPNOTSUPP;
  cleanup_close int dir = open (spec_text (spec, groups[0]), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (dir < 0)
    return errno;
  if (signal == SIGKILL && (spec->flags & TS_FLAG_CGROUP2) != 0)
    {
      /* Linux 5.14: at once, and forks cannot outrun it.  */
      cleanup_close int all = openat (dir, "cgroup.kill", O_WRONLY | O_CLOEXEC);
      if (all >= 0)
        return write_all (all, "1", 1) < 0 ? errno : 0;
    }
  int count = 0;
  return signal_listed (dir, signal, &count);
}

int cgroup_kill_members (const struct ts_spec *spec)
{
  const struct ts_ref *groups = spec_items (spec, spec->cgroups);
  int count = 0;

  if (spec->cgroups.count == 0)
    return 0;
  cleanup_close int dir = open (spec_text (spec, groups[0]), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (dir < 0)
    return -1;
  errno = signal_listed (dir, SIGKILL, &count);
  return errno == 0 ? count : -1;
}
