#define _GNU_SOURCE
#include "confine.h"

#include <errno.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/vfs.h>

#include "sys.h"
#include "util.h"

/* Linux 5.14.  */
#ifndef PR_SCHED_CORE
#define PR_SCHED_CORE 62
#define PR_SCHED_CORE_CREATE 1
#define PR_SCHED_CORE_SHARE_FROM 3
#endif

/* "self" is the only link on the way: what is found is of this process, on that very procfs
   (CVE-2019-16884, CVE-2019-19921, CVE-2025-52881).  */
static int open_attribute (int proc, const char *path)
{
  const uint64_t how = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS;
  struct statfs fs;
  cleanup_close int self = sys_openat2 (proc, "self", O_PATH | O_DIRECTORY, how);
  cleanup_close int fd
      = self < 0 ? -1 : sys_openat2 (self, path, O_WRONLY, how | RESOLVE_NO_SYMLINKS);

  if (fd < 0 || fstatfs (fd, &fs) < 0)
    return -1;
  if (fs.f_type == PROC_SUPER_MAGIC)
    return take_fd (&fd);
  errno = EXDEV;
  return -1;
}

static int write_attribute (int proc, const char *path, const char *value)
{
  cleanup_close int fd = open_attribute (proc, path);

  return fd < 0 ? -1 : write_all (fd, value, strlen (value));
}

/* How many of them the program has: the last one may be its init's.  */
static uint32_t count_of_program (const struct ts_spec *spec)
{
  return spec_more (spec)->attributes.count - (spec_has_init_attribute (spec) ? 1 : 0);
}

int confine_attributes (const struct sandbox *sandbox)
{
  const struct ts_more *more = spec_more (sandbox->spec);

  if (more == NULL || more->attributes.count == 0)
    return 0;
  const struct ts_pair *attributes = spec_items (sandbox->spec, more->attributes);
  cleanup_close int proc = open ("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
  for (uint32_t i = 0; i < count_of_program (sandbox->spec); i++)
    {
      const char *path = spec_text (sandbox->spec, attributes[i].key);
      const char *value = spec_text (sandbox->spec, attributes[i].value);
      if (proc < 0 || write_attribute (proc, path, value) < 0)
        return sandbox_fail (sandbox, TS_STAGE_ATTRIBUTE, path);
    }
  return 0;
}

static struct ts_pair init_attribute (const struct ts_spec *spec)
{
  const struct ts_pair *attributes = spec_items (spec, spec_more (spec)->attributes);

  return attributes[count_of_program (spec)];
}

int confine_open_init (const struct sandbox *sandbox, int target)
{
  if (!spec_has_init_attribute (sandbox->spec))
    return 0;
  const char *path = spec_text (sandbox->spec, init_attribute (sandbox->spec).key);
  cleanup_close int fd = open_attribute (sandbox->proc, path);
  if (fd == target)
    {
      take_fd (&fd);
      return 1;
    }
  if (fd < 0 || dup2 (fd, target) < 0)
    return sandbox_fail (sandbox, TS_STAGE_ATTRIBUTE, path);
  return 1;
}

int confine_init (const struct sandbox *sandbox, int opened)
{
  if (!spec_has_init_attribute (sandbox->spec))
    return 0;
  const char *value = spec_text (sandbox->spec, init_attribute (sandbox->spec).value);
  if (write_all (opened, value, strlen (value)) < 0)
    return -1;
  return close (opened);
}

int confine_core (const struct sandbox *sandbox, pid_t of)
{
  const struct ts_more *more = spec_more (sandbox->spec);
  unsigned long what = of == 0 ? PR_SCHED_CORE_CREATE : PR_SCHED_CORE_SHARE_FROM;

  if (more == NULL || (more->flags & TS_MORE_CORE_SCHEDULING) == 0)
    return 0;
  /* The last two are the scope of one thread, and no place for the cookie.  */
  if (prctl (PR_SCHED_CORE, what, (unsigned long)of, 0ul, 0ul) < 0)
    return sandbox_fail (sandbox, TS_STAGE_SCHEDULING, "core");
  return 0;
}
