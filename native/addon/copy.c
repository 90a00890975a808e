/* Copies a tree, or only measures it.  Source and destination are walked by descriptor, one name at
   a time, without following links or crossing mounts: neither tree can lead out of itself.  */
#define _GNU_SOURCE
#include "directory.h"
#include "inodes.h"
#include "kernel.h"
#include "path.h"
#include "task.h"
#include "util.h"
#include "xattr.h"
#include "functions.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum
{
  /* Each level holds two descriptors.  A path of PATH_MAX bytes has at most 2048 levels.  */
  MAX_DEPTH = 1024,
  CHUNK_BYTES = 64 * 1024
};

struct walk
{
  struct task task;
  int from;
  /* -1: only measure.  */
  int to;
  dev_t device;
  struct inodes seen;
  /* Path of the current directory below the root, with "/" at its end.  */
  char *path;
  size_t path_length;
  int64_t bytes;
  int64_t files;
};

static int fail_walk (struct walk *walk, const char *call)
{
  if (walk->task.err == 0)
    task_fail (&walk->task, call, errno != 0 ? errno : EIO);
  return -1;
}

static int copy_bytes (int from, int to, off_t length)
{
  auto_free char *buffer = NULL;

  while (length > 0)
    {
      /* Shares blocks where the file system can.  */
      ssize_t count
          = (ssize_t)RETRY_EINTR (copy_file_range (from, NULL, to, NULL, (size_t)length, 0));

      if (count < 0 && errno != EXDEV && errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP)
        return -1;
      if (count < 0)
        break;
      if (count == 0)
        return 0;
      length -= count;
    }
  if (length > 0 && (buffer = malloc (CHUNK_BYTES)) == NULL)
    return -1;
  while (length > 0)
    {
      ssize_t count = (ssize_t)RETRY_EINTR (
          read (from, buffer, length < CHUNK_BYTES ? (size_t)length : CHUNK_BYTES));

      if (count <= 0)
        return (int)count;
      for (ssize_t done = 0; done < count;)
        {
          ssize_t written
              = (ssize_t)RETRY_EINTR (write (to, buffer + done, (size_t)(count - done)));

          if (written < 0)
            return -1;
          done += written;
        }
      length -= count;
    }
  return 0;
}

/* Holes stay holes.  */
static int copy_content (int from, int to, off_t size)
{
  off_t data = 0;

  while (data < size && (data = lseek (from, data, SEEK_DATA)) >= 0)
    {
      off_t hole = lseek (from, data, SEEK_HOLE);

      if (hole < 0 || lseek (from, data, SEEK_SET) < 0 || lseek (to, data, SEEK_SET) < 0
          || copy_bytes (from, to, hole - data) < 0)
        return -1;
      data = hole;
    }
  /* ENXIO: no data behind this offset.  */
  if (data < 0 && errno != ENXIO)
    return -1;
  return ftruncate (to, size);
}

/* Owner first, because chown(2) clears set-id bits and file capabilities; times last, because all
   else changes them.  */
static int copy_metadata (struct walk *walk, int from, int to, const struct stat *status)
{
  char path[SELF_PATH_BYTES];
  struct timespec times[2] = { status->st_atim, status->st_mtim };

  self_path (to, path);
  if (fchownat (to, "", status->st_uid, status->st_gid, AT_EMPTY_PATH) < 0)
    return fail_walk (walk, "fchownat");
  if (xattr_copy (from, to) < 0)
    return fail_walk (walk, "setxattr");
  if (!S_ISLNK (status->st_mode) && chmod (path, status->st_mode & 07777) < 0)
    return fail_walk (walk, "chmod");
  if (utimensat (AT_FDCWD, path, times, 0) < 0)
    return fail_walk (walk, "utimensat");
  return 0;
}

static int enter (struct walk *walk, const char *name)
{
  size_t length = strlen (name);
  char *grown = realloc (walk->path, walk->path_length + length + 2);

  if (grown == NULL)
    return fail_walk (walk, "malloc");
  walk->path = grown;
  memcpy (walk->path + walk->path_length, name, length);
  memcpy (walk->path + walk->path_length + length, "/", 2);
  walk->path_length += length + 1;
  return 0;
}

static void leave (struct walk *walk, size_t length)
{
  walk->path_length = length;
  walk->path[length] = '\0';
}

/* 1: the file has another name already, which was linked (or counted).  0: it is new.  */
static int link_known (struct walk *walk, int to, const char *name, const struct stat *status)
{
  auto_parent parent = { .fd = -1 };
  struct inode *known;
  bool is_new;

  if (status->st_nlink < 2)
    return 0;
  known = inodes_find (&walk->seen, status, &is_new);
  if (known == NULL)
    return fail_walk (walk, "malloc");
  if (!is_new)
    {
      if (walk->to < 0)
        return 1;
      if (parent_open (&parent, walk->to, known->path) < 0)
        return fail_walk (walk, "openat2");
      return linkat (parent.fd, parent.name, to, name, 0) < 0 ? fail_walk (walk, "linkat") : 1;
    }
  if (walk->to >= 0
      && asprintf (&known->path, "%s%s", walk->path != NULL ? walk->path : "", name) < 0)
    {
      known->path = NULL;
      return fail_walk (walk, "malloc");
    }
  return 0;
}

static int make_regular (struct walk *walk, int source, int to, const char *name,
                         const struct stat *status)
{
  char path[SELF_PATH_BYTES];
  auto_fd from = open (self_path (source, path), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  auto_fd made = -1;

  if (from < 0)
    return fail_walk (walk, "open");
  made = openat (to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (made < 0)
    return fail_walk (walk, "openat");
  if (copy_content (from, made, status->st_size) < 0)
    return fail_walk (walk, "write");
  return 0;
}

static int make_symlink (struct walk *walk, int source, int to, const char *name)
{
  char target[PATH_MAX];
  ssize_t length = readlinkat (source, "", target, sizeof target - 1);

  if (length < 0)
    return fail_walk (walk, "readlinkat");
  target[length] = '\0';
  return symlinkat (target, to, name) < 0 ? fail_walk (walk, "symlinkat") : 0;
}

static int copy_file (struct walk *walk, int source, int to, const char *name,
                      const struct stat *status)
{
  auto_fd made = -1;
  int result;

  if (S_ISREG (status->st_mode))
    result = make_regular (walk, source, to, name, status);
  else if (S_ISLNK (status->st_mode))
    result = make_symlink (walk, source, to, name);
  else
    result = mknodat (to, name, status->st_mode & (S_IFMT | 0600), status->st_rdev) < 0
                 ? fail_walk (walk, "mknodat")
                 : 0;
  if (result < 0)
    return -1;
  made = openat (to, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (made < 0)
    return fail_walk (walk, "openat");
  return copy_metadata (walk, source, made, status);
}

static int walk_directory (struct walk *walk, int from, int to, int depth);

static int visit_directory (struct walk *walk, int source, int to, const char *name,
                            const struct stat *status, int depth)
{
  char path[SELF_PATH_BYTES];
  size_t length = walk->path_length;
  auto_fd made = -1, from = -1;

  if (to >= 0)
    {
      if (mkdirat (to, name, 0700) < 0)
        return fail_walk (walk, "mkdirat");
      made = openat (to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
      if (made < 0)
        return fail_walk (walk, "openat");
    }
  /* A mount point covers what belongs to another tree.  */
  if (status->st_dev == walk->device)
    {
      from = open (self_path (source, path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
      if (from < 0)
        return fail_walk (walk, "open");
      if (enter (walk, name) < 0 || walk_directory (walk, from, made, depth + 1) < 0)
        return -1;
      leave (walk, length);
    }
  return to >= 0 ? copy_metadata (walk, source, made, status) : 0;
}

static int visit (struct walk *walk, int from, int to, const char *name, int depth)
{
  auto_fd source = openat (from, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  struct stat status;
  int known;

  if (source < 0)
    return errno == ENOENT ? 0 : fail_walk (walk, "openat");
  if (fstat (source, &status) < 0)
    return fail_walk (walk, "fstat");
  if (S_ISDIR (status.st_mode))
    {
      walk->files++;
      return visit_directory (walk, source, to, name, &status, depth);
    }
  known = link_known (walk, to, name, &status);
  if (known != 0)
    return known < 0 ? -1 : 0;
  walk->files++;
  if (to < 0 || S_ISREG (status.st_mode))
    walk->bytes += status.st_size;
  return to >= 0 ? copy_file (walk, source, to, name, &status) : 0;
}

static int walk_directory (struct walk *walk, int from, int to, int depth)
{
  auto_listing listing = { NULL, 0 };

  if (depth > MAX_DEPTH)
    {
      errno = ENAMETOOLONG;
      return fail_walk (walk, "openat");
    }
  if (listing_read (&listing, from) < 0)
    return fail_walk (walk, "getdents64");
  for (const struct entry *entry = listing_next (&listing, NULL); entry != NULL;
       entry = listing_next (&listing, entry))
    if (visit (walk, from, to, entry->name, depth) < 0)
      return -1;
  return 0;
}

static void run_walk (struct task *task)
{
  struct walk *walk = (struct walk *)task;
  struct stat status;

  if (fstat (walk->from, &status) < 0)
    {
      fail_walk (walk, "fstat");
      return;
    }
  walk->device = status.st_dev;
  if (walk_directory (walk, walk->from, walk->to, 0) == 0 && walk->to >= 0)
    copy_metadata (walk, walk->from, walk->to, &status);
}

static napi_value finish_walk (napi_env env, struct task *task)
{
  struct walk *walk = (struct walk *)task;

  return make_pair (env, make_int (env, walk->bytes), make_int (env, walk->files));
}

static void release_walk (struct task *task)
{
  struct walk *walk = (struct walk *)task;

  cleanup_fd (&walk->from);
  cleanup_fd (&walk->to);
  inodes_release (&walk->seen);
  free (walk->path);
}

static int copy_descriptor (struct args *args, size_t index)
{
  int fd = arg_fd (args, index), copy = -1;

  if (!args->failed && (copy = fcntl (fd, F_DUPFD_CLOEXEC, 3)) < 0)
    {
      args->failed = true;
      fail (args->env, "fcntl", errno);
    }
  return copy;
}

static napi_value start_walk (napi_env env, napi_callback_info info, size_t descriptors)
{
  struct args args;
  struct walk *walk = calloc (1, sizeof *walk);

  if (walk == NULL)
    return fail (env, "malloc", ENOMEM);
  walk->task.run = run_walk;
  walk->task.finish = finish_walk;
  walk->task.release = release_walk;
  args_read (&args, env, info, descriptors);
  /* Copies, so that the caller may close his at once.  */
  walk->from = copy_descriptor (&args, 0);
  walk->to = descriptors > 1 ? copy_descriptor (&args, 1) : -1;
  if (!args.failed)
    return task_start (env, &walk->task);
  release_walk (&walk->task);
  free (walk);
  return NULL;
}

napi_value addon_copyTree (napi_env env, napi_callback_info info)
{
  return start_walk (env, info, 2);
}

napi_value addon_diskUsage (napi_env env, napi_callback_info info)
{
  return start_walk (env, info, 1);
}
