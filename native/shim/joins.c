#define _GNU_SOURCE
#include "joins.h"

#include <errno.h>
#include <sched.h>

#include "mounts.h"
#include "sys.h"
#include "util.h"

uint32_t join_kinds (const struct ts_spec *spec)
{
  const struct ts_join *joins = spec_items (spec, spec->joins);
  uint32_t kinds = 0;

  for (uint32_t i = 0; i < spec->joins.count; i++)
    kinds |= joins[i].kind;
  return kinds;
}

int join_find (const struct ts_spec *spec, uint32_t kind)
{
  const struct ts_join *joins = spec_items (spec, spec->joins);

  for (uint32_t i = 0; i < spec->joins.count; i++)
    if (joins[i].kind == kind)
      return (int)joins[i].fd;
  return -1;
}

int join_pid_enter (const struct ts_spec *spec)
{
  int fd = join_find (spec, CLONE_NEWPID);

  return fd < 0 ? 0 : setns (fd, CLONE_NEWPID);
}

/* A helper of an exec must not be born where the container's processes see it.  */
int join_pid_leave (const struct ts_spec *spec)
{
  if (join_find (spec, CLONE_NEWPID) < 0)
    return 0;
  cleanup_close int own = open ("/proc/thread-self/ns/pid", O_RDONLY | O_CLOEXEC);
  return own < 0 ? -1 : setns (own, CLONE_NEWPID);
}

int join_enter (const struct sandbox *sandbox)
{
  static const uint32_t kinds[]
      = { CLONE_NEWNET, CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWCGROUP, CLONE_NEWTIME };

  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    {
      int fd = join_find (sandbox->spec, kinds[i]);
      if (fd >= 0 && setns (fd, (int)kinds[i]) < 0)
        return sandbox_fail (sandbox, TS_STAGE_NAMESPACES, "");
    }
  return 0;
}

/* Only members of a mount namespace may clone from it (open_tree(2)).  The caller is not seen by
   anybody in there.  The way back leads to the root of our namespace, which need not have been
   ours.  */
static int clone_from (int theirs, const struct ts_spec *spec, const struct ts_mount *mount)
{
  cleanup_close int ours = open ("/proc/thread-self/ns/mnt", O_RDONLY | O_CLOEXEC);
  cleanup_close int root = open ("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

  if (ours < 0 || root < 0 || setns (theirs, CLONE_NEWNS) < 0)
    return -1;
  cleanup_close int fd = mount_clone_source (spec, mount);
  int saved = errno;
  if (setns (ours, CLONE_NEWNS) < 0 || fchdir (root) < 0 || chroot (".") < 0 || chdir ("/") < 0)
    return -1;
  errno = saved;
  return take_fd (&fd);
}

int join_clone_source (const struct ts_spec *spec)
{
  const struct ts_mount *mounts = spec_items (spec, spec->mounts);

  for (uint32_t i = 0; i < spec->mounts.count; i++)
    if ((mounts[i].flags & TS_MOUNT_JOINED) != 0)
      return clone_from (join_find (spec, CLONE_NEWNS), spec, &mounts[i]);
  errno = 0;
  return -1;
}

int join_close (const struct ts_spec *spec, int end)
{
  const struct ts_join *joins = spec_items (spec, spec->joins);
  const struct ts_mount *mounts = spec_items (spec, spec->mounts);
  int lowest = end;

  /* Several mounts may have the same owners; to close a descriptor again does nothing.  */
  for (uint32_t i = 0; i < spec->mounts.count; i++)
    if (mounts[i].owners_fd != 0)
      {
        if ((int)mounts[i].owners_fd < lowest)
          lowest = (int)mounts[i].owners_fd;
        close ((int)mounts[i].owners_fd);
      }

  for (uint32_t i = 0; i < spec->joins.count; i++)
    {
      if ((int)joins[i].fd < lowest)
        lowest = (int)joins[i].fd;
      close ((int)joins[i].fd);
    }
  return lowest;
}
