#define _GNU_SOURCE
#include "paths.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "sys.h"
#include "util.h"

static int resolve (int root, const char *path, int flags, uint64_t how)
{
  /* EAGAIN: something was renamed meanwhile, and the kernel could not prove that the path stayed
     inside (openat2(2)).  A container that shares a volume could do that for ever, so the number of
     tries is bounded.  */
  for (int tries = 0; tries < 128; tries++)
    {
      int fd = sys_openat2 (root, path, (uint64_t)flags, RESOLVE_NO_MAGICLINKS | how);
      if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
        return fd;
    }
  return -1;
}

int open_below (int root, const char *path, int flags)
{
  return resolve (root, path, flags, RESOLVE_IN_ROOT);
}

int open_beneath (int root, const char *path)
{
  return resolve (root, path, O_PATH, RESOLVE_BENEATH);
}

static int make_component (int parent, const char *name, enum ts_create create)
{
  if (create == TS_CREATE_DIRECTORY)
    {
      if (mkdirat (parent, name, 0755) < 0)
        return -1;
    }
  else
    {
      int file = openat (parent, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0644);
      if (file < 0)
        return -1;
      close (file); /* Nothing was written.  */
    }
  return openat (parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
}

/* Walks PATH component by component.  Each prefix is resolved from ROOT, so that links in it keep
   their meaning; a missing component is made in the directory that the prefix before it led to.  */
static int walk (int root, const char *path, enum ts_create create, uint64_t how)
{
  char prefix[PATH_MAX];
  cleanup_close int parent = resolve (root, "/", O_PATH | O_DIRECTORY, how);
  size_t end = 0;

  if (parent < 0)
    return -1;
  if (strlen (path) >= sizeof prefix)
    {
      errno = ENAMETOOLONG;
      return -1;
    }
  while (path[end] != 0)
    {
      size_t start = end + strspn (path + end, "/");
      end = start + strcspn (path + start, "/");
      if (start == end)
        break;
      int is_last = path[end + strspn (path + end, "/")] == 0;
      memcpy (prefix, path, end);
      prefix[end] = 0;
      int fd = resolve (root, prefix, O_PATH, how);
      if (fd < 0 && errno == ENOENT)
        fd = make_component (parent, prefix + start, is_last ? create : TS_CREATE_DIRECTORY);
      if (fd < 0)
        return -1;
      close (parent); /* Only a reference.  */
      parent = fd;
    }
  return take_fd (&parent);
}

int make_below (int root, const char *path, enum ts_create create)
{
  int fd = open_below (root, path, O_PATH);

  if (fd >= 0 || errno != ENOENT || create == TS_CREATE_NOTHING)
    return fd;
  return walk (root, path, create, RESOLVE_IN_ROOT);
}

int make_parent_below (int root, const char *path, const char **name)
{
  char parent[PATH_MAX];
  const char *slash = strrchr (path, '/');

  if (slash == NULL || slash[1] == 0)
    {
      errno = EINVAL;
      return -1;
    }
  size_t length = (size_t)(slash - path);
  if (length >= sizeof parent)
    {
      errno = ENAMETOOLONG;
      return -1;
    }
  memcpy (parent, path, length);
  parent[length] = 0;
  *name = slash + 1;
  return walk (root, length == 0 ? "/" : parent, TS_CREATE_DIRECTORY,
               RESOLVE_IN_ROOT | RESOLVE_NO_XDEV);
}
