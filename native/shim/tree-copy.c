#define _GNU_SOURCE
#include "tree-copy.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "sys.h"
#include "util.h"

/* One descriptor pair and one buffer a level.  */
#define DEEPEST 64

struct entry
{
  uint64_t inode;
  int64_t offset;
  uint16_t length;
  uint8_t type;
  char name[];
};

static int copy_attributes (int to, const char *name, const struct stat *st)
{
  const struct timespec times[] = { st->st_atim, st->st_mtim };

  if (fchownat (to, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
    return -1;
  if (!S_ISLNK (st->st_mode) && fchmodat (to, name, st->st_mode & 07777, 0) < 0)
    return -1;
  return utimensat (to, name, times, AT_SYMLINK_NOFOLLOW);
}

static int copy_file (int from, int to, const char *name)
{
  cleanup_close int in = sys_openat2 (from, name, O_RDONLY, RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
  cleanup_close int out
      = in < 0 ? -1 : openat (to, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  ssize_t n = out < 0 ? -1 : 1;

  while (n > 0)
    n = sendfile (out, in, NULL, 1 << 20);
  return (int)n;
}

static int copy_link (int from, int to, const char *name)
{
  char target[PATH_MAX];
  ssize_t length = readlinkat (from, name, target, sizeof target - 1);

  if (length < 0)
    return -1;
  target[length] = 0;
  return symlinkat (target, to, name);
}

static int copy_below (int from, int to, int depth);

static int copy_directory (int from, int to, const char *name, int depth)
{
  cleanup_close int in
      = sys_openat2 (from, name, O_RDONLY | O_DIRECTORY, RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);

  int error = in < 0 ? errno : 0;
  if (mkdirat (to, name, 0700) < 0)
    return -1;
  /* Another mount lies on it.  */
  if (error == EXDEV)
    return 0;
  if (error != 0)
    {
      errno = error;
      return -1;
    }
  cleanup_close int out = openat (to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  return out < 0 ? -1 : copy_below (in, out, depth + 1);
}

static int copy_entry (int from, int to, const char *name, int depth)
{
  struct stat st;
  int result;

  if (fstatat (from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
    return -1;
  if (S_ISDIR (st.st_mode))
    result = copy_directory (from, to, name, depth);
  else if (S_ISREG (st.st_mode))
    result = copy_file (from, to, name);
  else if (S_ISLNK (st.st_mode))
    result = copy_link (from, to, name);
  else
    result = mknodat (to, name, st.st_mode & S_IFMT, st.st_rdev);
  return result < 0 ? -1 : copy_attributes (to, name, &st);
}

static int is_dots (const char *name)
{
  return strcmp (name, ".") == 0 || strcmp (name, "..") == 0;
}

static int copy_below (int from, int to, int depth)
{
  _Alignas(8) char buffer[4096];
  ssize_t n;

  if (depth > DEEPEST)
    {
      errno = ELOOP;
      return -1;
    }
  while ((n = syscall (SYS_getdents64, from, buffer, sizeof buffer)) > 0)
    for (ssize_t at = 0; at < n;)
      {
        const struct entry *entry = (const void *)(buffer + at);
        if (!is_dots (entry->name) && copy_entry (from, to, entry->name, depth) < 0)
          return -1;
        at += entry->length;
      }
  return (int)n;
}

int tree_copy (int from, int to, int with_top)
{
  struct stat st;
  cleanup_close int in = openat (from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  cleanup_close int out = in < 0 ? -1 : openat (to, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  if (out < 0 || copy_below (in, out, 0) < 0 || fstat (in, &st) < 0)
    return -1;
  return with_top ? copy_attributes (out, ".", &st) : 0;
}
