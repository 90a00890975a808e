/* One path operation each, below a directory descriptor.  */
#define _GNU_SOURCE
#include "path.h"
#include "functions.h"
#include "kernel.h"
#include "util.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

enum
{
  /* openat2(2): EAGAIN when a rename elsewhere raced with ".."; the caller may try again.  */
  RACE_RETRIES = 128
};

int path_open (int dir, const char *path, int flags, mode_t mode)
{
  struct open_how_v0 how = { .flags = (uint64_t)(unsigned int)flags | O_CLOEXEC,
                             .resolve = RESOLVE_ROOT | RESOLVE_MAGICLINKS };
  int fd = -1;

  /* "." would have to be a directory.  */
  if (path[0] == '\0' && (flags & (O_PATH | O_DIRECTORY)) == O_PATH)
    return fcntl (dir, F_DUPFD_CLOEXEC, 3);
  /* A mode without O_CREAT is EINVAL.  */
  if ((flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE)
    how.mode = mode & 07777;
  for (int i = 0; i < RACE_RETRIES; i++)
    {
      fd = (int)RETRY_EINTR (
          syscall (NR_OPENAT2, dir, path[0] != '\0' ? path : ".", &how, sizeof how));
      if (fd >= 0 || errno != EAGAIN)
        break;
    }
  return fd;
}

int path_open_inside (int dir, const char *path)
{
  struct open_how_v0 how
      = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_INSIDE | RESOLVE_MAGICLINKS };
  int fd = -1;

  for (int i = 0; i < RACE_RETRIES; i++)
    {
      fd = (int)RETRY_EINTR (syscall (NR_OPENAT2, dir, path, &how, sizeof how));
      if (fd >= 0 || errno != EAGAIN)
        break;
    }
  return fd;
}

static int make_component (int parent, const char *name, enum create create)
{
  if (create == CREATE_FILE)
    {
      auto_fd made
          = openat (parent, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0644);

      if (made < 0)
        return -1;
    }
  else if (mkdirat (parent, name, 0755) < 0)
    return -1;
  return openat (parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
}

int path_make (int root, const char *path, enum create create)
{
  auto_free char *prefix = strdup (path);
  auto_fd parent = path_open (root, "/", O_PATH | O_DIRECTORY, 0);
  size_t end = 0;

  if (prefix == NULL || parent < 0)
    return -1;
  while (path[end] != '\0')
    {
      size_t start = end + strspn (path + end, "/");
      bool is_last;
      int fd;

      end = start + strcspn (path + start, "/");
      if (start == end)
        break;
      is_last = path[end + strspn (path + end, "/")] == '\0';
      memcpy (prefix, path, end);
      prefix[end] = '\0';
      fd = path_open (root, prefix, O_PATH, 0);
      if (fd < 0 && errno == ENOENT && create != CREATE_NOTHING)
        fd = make_component (parent, prefix + start, is_last ? create : CREATE_DIRECTORY);
      if (fd < 0)
        return -1;
      close (parent);
      parent = fd;
    }
  return take_fd (&parent);
}

int parent_open (struct parent *parent, int dir, const char *path)
{
  size_t length = strlen (path);
  char *slash;

  parent->fd = -1;
  parent->path = strdup (path);
  if (parent->path == NULL)
    return -1;
  while (length > 1 && parent->path[length - 1] == '/')
    parent->path[--length] = '\0';
  slash = strrchr (parent->path, '/');
  parent->name = slash != NULL ? slash + 1 : parent->path;
  if (parent->name[0] == '\0' || strcmp (parent->name, ".") == 0
      || strcmp (parent->name, "..") == 0)
    {
      errno = EINVAL;
      return -1;
    }
  if (slash != NULL)
    *slash = '\0';
  parent->fd = path_open (dir, slash != NULL ? parent->path : "", O_PATH | O_DIRECTORY, 0);
  return parent->fd < 0 ? -1 : 0;
}

void parent_release (struct parent *parent)
{
  cleanup_fd (&parent->fd);
  free (parent->path);
}

const char *self_path (int fd, char buffer[SELF_PATH_BYTES])
{
  snprintf (buffer, SELF_PATH_BYTES, "/proc/self/fd/%d", fd);
  return buffer;
}

/* The file that was just made gets its exact mode; if the name means another file by now, that one
   is not followed when it is a link, and is in the same tree anyway.  */
static int set_mode (struct parent *parent, mode_t mode)
{
  auto_fd fd = openat (parent->fd, parent->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  char buffer[SELF_PATH_BYTES];
  struct stat status;

  if (fd < 0 || fstat (fd, &status) < 0)
    return -1;
  if (S_ISLNK (status.st_mode) || (status.st_mode & 07777) == (mode & 07777))
    return 0;
  return chmod (self_path (fd, buffer), mode & 07777);
}

napi_value addon_openAt (napi_env env, napi_callback_info info)
{
  struct args args;
  auto_fd fd = -1;
  int dir, flags, mode;

  args_read (&args, env, info, 4);
  dir = arg_fd (&args, 0);
  auto_free char *path = arg_text (&args, 1);
  flags = arg_int (&args, 2);
  mode = arg_int (&args, 3);
  if (args.failed)
    return NULL;
  fd = path_open (dir, path, flags, (mode_t)mode);
  if (fd < 0)
    return fail (env, "openat2", errno);
  /* O_EXCL is the proof that the file is new; otherwise an existing mode must stay.  */
  if ((flags & O_CREAT) != 0 && (flags & O_EXCL) != 0 && fchmod (fd, (mode_t)mode & 07777) < 0)
    return fail (env, "fchmod", errno);
  return make_int (env, take_fd (&fd));
}

napi_value addon_mkdirAt (napi_env env, napi_callback_info info)
{
  struct args args;
  auto_parent parent = { .fd = -1 };
  int dir, mode;

  args_read (&args, env, info, 3);
  dir = arg_fd (&args, 0);
  auto_free char *path = arg_text (&args, 1);
  mode = arg_int (&args, 2);
  if (args.failed)
    return NULL;
  if (parent_open (&parent, dir, path) < 0)
    return fail (env, "openat2", errno);
  if (mkdirat (parent.fd, parent.name, (mode_t)mode & 07777) < 0)
    return fail (env, "mkdirat", errno);
  if (set_mode (&parent, (mode_t)mode) < 0)
    return fail (env, "chmod", errno);
  return make_undefined (env);
}

napi_value addon_symlinkAt (napi_env env, napi_callback_info info)
{
  struct args args;
  auto_parent parent = { .fd = -1 };
  int dir;

  args_read (&args, env, info, 3);
  auto_free char *target = arg_text (&args, 0);
  dir = arg_fd (&args, 1);
  auto_free char *path = arg_text (&args, 2);
  if (args.failed)
    return NULL;
  if (parent_open (&parent, dir, path) < 0)
    return fail (env, "openat2", errno);
  if (symlinkat (target, parent.fd, parent.name) < 0)
    return fail (env, "symlinkat", errno);
  return make_undefined (env);
}

napi_value addon_linkAt (napi_env env, napi_callback_info info)
{
  struct args args;
  auto_parent from = { .fd = -1 }, to = { .fd = -1 };
  int from_dir, to_dir;

  args_read (&args, env, info, 4);
  from_dir = arg_fd (&args, 0);
  auto_free char *old_path = arg_text (&args, 1);
  to_dir = arg_fd (&args, 2);
  auto_free char *new_path = arg_text (&args, 3);
  if (args.failed)
    return NULL;
  if (parent_open (&from, from_dir, old_path) < 0 || parent_open (&to, to_dir, new_path) < 0)
    return fail (env, "openat2", errno);
  /* Without AT_SYMLINK_FOLLOW a link in the last component is linked itself.  */
  if (linkat (from.fd, from.name, to.fd, to.name, 0) < 0)
    return fail (env, "linkat", errno);
  return make_undefined (env);
}

napi_value addon_mknodAt (napi_env env, napi_callback_info info)
{
  struct args args;
  auto_parent parent = { .fd = -1 };
  unsigned int major_number, minor_number;
  int dir, mode;

  args_read (&args, env, info, 5);
  dir = arg_fd (&args, 0);
  auto_free char *path = arg_text (&args, 1);
  mode = arg_int (&args, 2);
  major_number = arg_uint32 (&args, 3);
  minor_number = arg_uint32 (&args, 4);
  if (args.failed)
    return NULL;
  if (parent_open (&parent, dir, path) < 0)
    return fail (env, "openat2", errno);
  if (mknodat (parent.fd, parent.name, (mode_t)mode, makedev (major_number, minor_number)) < 0)
    return fail (env, "mknodat", errno);
  if (set_mode (&parent, (mode_t)mode) < 0)
    return fail (env, "chmod", errno);
  return make_undefined (env);
}

napi_value addon_unlinkAt (napi_env env, napi_callback_info info)
{
  struct args args;
  auto_parent parent = { .fd = -1 };
  bool is_directory;
  int dir;

  args_read (&args, env, info, 3);
  dir = arg_fd (&args, 0);
  auto_free char *path = arg_text (&args, 1);
  is_directory = arg_bool (&args, 2);
  if (args.failed)
    return NULL;
  if (parent_open (&parent, dir, path) < 0)
    return fail (env, "openat2", errno);
  if (unlinkat (parent.fd, parent.name, is_directory ? AT_REMOVEDIR : 0) < 0)
    return fail (env, "unlinkat", errno);
  return make_undefined (env);
}

napi_value addon_renameAt (napi_env env, napi_callback_info info)
{
  struct args args;
  auto_parent from = { .fd = -1 }, to = { .fd = -1 };
  int from_dir, to_dir;
  uint32_t flags;

  args_read (&args, env, info, 5);
  from_dir = arg_fd (&args, 0);
  auto_free char *old_path = arg_text (&args, 1);
  to_dir = arg_fd (&args, 2);
  auto_free char *new_path = arg_text (&args, 3);
  flags = arg_uint32 (&args, 4);
  if (args.failed)
    return NULL;
  if (parent_open (&from, from_dir, old_path) < 0 || parent_open (&to, to_dir, new_path) < 0)
    return fail (env, "openat2", errno);
  /* musl has no wrapper before 1.2.6.  */
  if (syscall (SYS_renameat2, from.fd, from.name, to.fd, to.name, flags) < 0)
    return fail (env, "renameat2", errno);
  return make_undefined (env);
}

/* An O_PATH descriptor of the path itself, a link included.  */
static int open_itself (struct args *args, size_t dir, size_t path)
{
  int root = arg_fd (args, dir);
  auto_free char *text = arg_text (args, path);
  int fd = -1;

  if (!args->failed && (fd = path_open (root, text, O_PATH | O_NOFOLLOW, 0)) < 0)
    {
      args->failed = true;
      fail (args->env, "openat2", errno);
    }
  return fd;
}

napi_value addon_readlinkAt (napi_env env, napi_callback_info info)
{
  struct args args;
  char target[PATH_MAX];
  ssize_t length;

  args_read (&args, env, info, 2);
  auto_fd fd = open_itself (&args, 0, 1);
  if (args.failed)
    return NULL;
  length = readlinkat (fd, "", target, sizeof target);
  /* readlinkat(2) with an empty path: ENOENT means that the descriptor is no link.  */
  if (length < 0)
    return fail (env, "readlinkat", errno == ENOENT ? EINVAL : errno);
  return make_buffer (env, target, (size_t)length);
}

/* The order of toFileStat in native/records.ts.  */
static napi_value make_stat (napi_env env, const struct stat *status)
{
  const int64_t fields[] = {
    status->st_mode,
    status->st_uid,
    status->st_gid,
    status->st_size,
    (int64_t)status->st_nlink,
    (int64_t)status->st_dev,
    (int64_t)status->st_ino,
    major (status->st_rdev),
    minor (status->st_rdev),
    status->st_mtim.tv_sec,
    status->st_mtim.tv_nsec,
    status->st_atim.tv_sec,
    status->st_atim.tv_nsec,
    status->st_ctim.tv_sec,
    status->st_ctim.tv_nsec,
    (int64_t)status->st_blocks * 512,
  };
  napi_value buffer = NULL, result = NULL;
  void *data = NULL;

  if (napi_create_arraybuffer (env, sizeof fields, &data, &buffer) != napi_ok)
    return NULL;
  memcpy (data, fields, sizeof fields);
  napi_create_typedarray (env, napi_bigint64_array, sizeof fields / sizeof *fields, buffer, 0,
                          &result);
  return result;
}

napi_value addon_statAt (napi_env env, napi_callback_info info)
{
  struct args args;
  struct stat status;
  bool follows;
  int dir;
  auto_fd fd = -1;

  args_read (&args, env, info, 3);
  dir = arg_fd (&args, 0);
  auto_free char *path = arg_text (&args, 1);
  follows = arg_bool (&args, 2);
  if (args.failed)
    return NULL;
  fd = path_open (dir, path, O_PATH | (follows ? 0 : O_NOFOLLOW), 0);
  if (fd < 0)
    return fail (env, "openat2", errno);
  if (fstat (fd, &status) < 0)
    return fail (env, "fstat", errno);
  return make_stat (env, &status);
}

napi_value addon_chownAt (napi_env env, napi_callback_info info)
{
  struct args args;
  uid_t uid;
  gid_t gid;

  args_read (&args, env, info, 4);
  auto_fd fd = open_itself (&args, 0, 1);
  uid = (uid_t)arg_int64 (&args, 2, -1, UINT32_MAX);
  gid = (gid_t)arg_int64 (&args, 3, -1, UINT32_MAX);
  if (args.failed)
    return NULL;
  if (fchownat (fd, "", uid, gid, AT_EMPTY_PATH) < 0)
    return fail (env, "fchownat", errno);
  return make_undefined (env);
}

napi_value addon_chmodAt (napi_env env, napi_callback_info info)
{
  struct args args;
  char buffer[SELF_PATH_BYTES];
  struct stat status;
  int mode;

  args_read (&args, env, info, 3);
  auto_fd fd = open_itself (&args, 0, 1);
  mode = arg_int (&args, 2);
  if (args.failed)
    return NULL;
  if (fstat (fd, &status) < 0)
    return fail (env, "fstat", errno);
  /* Before Linux 6.6 some file systems gave a link a mode.  */
  if (S_ISLNK (status.st_mode))
    return fail (env, "chmod", EOPNOTSUPP);
  if (chmod (self_path (fd, buffer), (mode_t)mode & 07777) < 0)
    return fail (env, "chmod", errno);
  return make_undefined (env);
}

napi_value addon_utimesAt (napi_env env, napi_callback_info info)
{
  struct args args;
  char buffer[SELF_PATH_BYTES];
  int64_t fields[4];

  args_read (&args, env, info, 3);
  auto_fd fd = open_itself (&args, 0, 1);
  arg_int64s (&args, 2, fields, 4);
  if (args.failed)
    return NULL;
  struct timespec times[2]
      = { { (time_t)fields[0], (long)fields[1] }, { (time_t)fields[2], (long)fields[3] } };
  if (utimensat (AT_FDCWD, self_path (fd, buffer), times, 0) < 0)
    return fail (env, "utimensat", errno);
  return make_undefined (env);
}
