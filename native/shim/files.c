#define _GNU_SOURCE
#include "files.h"

#include <sys/stat.h>

#include "mounts.h"
#include "paths.h"
#include "sys.h"
#include "util.h"

/* The owner comes before the mode, as the change of an owner may clear bits (chown(2)).  */
static int write_file (int root, const struct ts_spec *spec, const struct ts_file *file)
{
  const char *name;
  cleanup_close int parent = make_parent_below (root, spec_text (spec, file->path), &name);
  cleanup_close int fd
      = parent < 0
            ? -1
            : openat (parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

  if (fd < 0 || write_all (fd, spec_items (spec, file->content), file->content.count) < 0)
    return -1;
  return fchown (fd, file->uid, file->gid) < 0 ? -1 : fchmod (fd, file->mode);
}

int files_make (const struct ts_spec *spec, uint32_t index, const char *scratch)
{
  const struct ts_more *more = spec_more (spec);
  const struct ts_mount *mount = (const struct ts_mount *)spec_items (spec, spec->mounts) + index;
  const struct ts_file *files = more == NULL ? NULL : spec_items (spec, more->files);
  const char *last = NULL;
  cleanup_close int whole = mount_make (spec, mount, scratch);

  if (whole < 0)
    return -1;
  for (uint32_t i = 0; more != NULL && i < more->files.count; i++)
    {
      if (files[i].mount != index)
        continue;
      last = spec_text (spec, files[i].path);
      if (write_file (whole, spec, &files[i]) < 0)
        return -1;
    }
  if (mount->create != TS_CREATE_FILE || last == NULL)
    return take_fd (&whole);
  cleanup_close int one = mount_narrow (whole, last + 1, scratch);
  if (one < 0 || mount_set (one, mount->attr_set, 0, 0) < 0)
    return -1;
  return take_fd (&one);
}
