/* Descriptors.  */
#define _GNU_SOURCE
#include "task.h"
#include "util.h"
#include "functions.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/statvfs.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#define MFD_EXEC 0x0010U
#endif

napi_value addon_close (napi_env env, napi_callback_info info)
{
  struct args args;
  int fd;

  args_read (&args, env, info, 1);
  fd = arg_fd (&args, 0);
  if (args.failed)
    return NULL;
  /* After EINTR the descriptor is gone all the same.  */
  if (close (fd) < 0 && errno != EINTR)
    return fail (env, "close", errno);
  return make_undefined (env);
}

napi_value addon_duplicate (napi_env env, napi_callback_info info)
{
  struct args args;
  int fd, copy;

  args_read (&args, env, info, 1);
  fd = arg_fd (&args, 0);
  if (args.failed)
    return NULL;
  copy = fcntl (fd, F_DUPFD_CLOEXEC, 3);
  return copy < 0 ? fail (env, "fcntl", errno) : make_int (env, copy);
}

napi_value addon_open (napi_env env, napi_callback_info info)
{
  struct args args;
  int fd, flags, mode;

  args_read (&args, env, info, 3);
  auto_free char *path = arg_text (&args, 0);
  flags = arg_int (&args, 1);
  mode = arg_int (&args, 2);
  if (args.failed)
    return NULL;
  fd = (int)RETRY_EINTR (open (path, flags | O_CLOEXEC, (mode_t)mode));
  return fd < 0 ? fail (env, "open", errno) : make_int (env, fd);
}

napi_value addon_socketPair (napi_env env, napi_callback_info info)
{
  int pair[2];

  (void)info;
  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
    return fail (env, "socketpair", errno);
  return make_pair (env, make_int (env, pair[0]), make_int (env, pair[1]));
}

napi_value addon_pipe (napi_env env, napi_callback_info info)
{
  int ends[2];

  (void)info;
  if (pipe2 (ends, O_CLOEXEC) < 0)
    return fail (env, "pipe2", errno);
  return make_pair (env, make_int (env, ends[0]), make_int (env, ends[1]));
}

static int write_whole (int fd, struct bytes bytes)
{
  for (size_t done = 0; done < bytes.length;)
    {
      ssize_t count = (ssize_t)RETRY_EINTR (write (fd, bytes.data + done, bytes.length - done));

      if (count < 0)
        return -1;
      done += (size_t)count;
    }
  return 0;
}

napi_value addon_memfd (napi_env env, napi_callback_info info)
{
  struct args args;
  struct bytes content;
  bool is_executable;
  auto_fd fd = -1;

  args_read (&args, env, info, 3);
  auto_free char *name = arg_text (&args, 0);
  content = arg_bytes (&args, 1);
  is_executable = arg_bool (&args, 2);
  if (args.failed)
    return NULL;
  fd = memfd_create (name, MFD_CLOEXEC | MFD_ALLOW_SEALING
                               | (is_executable ? MFD_EXEC : MFD_NOEXEC_SEAL));
  /* Both flags are Linux 6.3; before, every memory file is executable.  */
  if (fd < 0 && errno == EINVAL)
    fd = memfd_create (name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0)
    return fail (env, "memfd_create", errno);
  if (write_whole (fd, content) < 0)
    return fail (env, "write", errno);
  if (lseek (fd, 0, SEEK_SET) < 0)
    return fail (env, "lseek", errno);
  if (fcntl (fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
    return fail (env, "fcntl", errno);
  return make_int (env, take_fd (&fd));
}

napi_value addon_lock (napi_env env, napi_callback_info info)
{
  struct args args;
  napi_value result = NULL;
  int fd;
  bool is_held;

  args_read (&args, env, info, 1);
  fd = arg_fd (&args, 0);
  if (args.failed)
    return NULL;
  is_held = RETRY_EINTR (flock (fd, LOCK_EX | LOCK_NB)) == 0;
  if (!is_held && errno != EWOULDBLOCK)
    return fail (env, "flock", errno);
  napi_get_boolean (env, is_held, &result);
  return result;
}

struct sync
{
  struct task task;
  int fd;
};

static void run_sync (struct task *task)
{
  if (syncfs (((struct sync *)task)->fd) < 0)
    task_fail (task, "syncfs", errno);
}

static void release_sync (struct task *task) { cleanup_fd (&((struct sync *)task)->fd); }

napi_value addon_syncFs (napi_env env, napi_callback_info info)
{
  struct args args;
  struct sync *sync;
  auto_fd copy = -1;
  int fd;

  args_read (&args, env, info, 1);
  fd = arg_fd (&args, 0);
  if (args.failed)
    return NULL;
  /* A copy, so that the caller may close his at once.  */
  copy = fcntl (fd, F_DUPFD_CLOEXEC, 3);
  if (copy < 0)
    return fail (env, "fcntl", errno);
  sync = calloc (1, sizeof *sync);
  if (sync == NULL)
    return fail (env, "malloc", ENOMEM);
  sync->task.run = run_sync;
  sync->task.release = release_sync;
  sync->fd = take_fd (&copy);
  return task_start (env, &sync->task);
}

napi_value addon_isReadonly (napi_env env, napi_callback_info info)
{
  struct args args;
  struct statvfs status;
  napi_value result = NULL;
  int fd;

  args_read (&args, env, info, 1);
  fd = arg_fd (&args, 0);
  if (args.failed)
    return NULL;
  if (fstatvfs (fd, &status) < 0)
    return fail (env, "fstatvfs", errno);
  napi_get_boolean (env, (status.f_flag & ST_RDONLY) != 0, &result);
  return result;
}

struct closing
{
  struct task task;
  int *fds;
  size_t count;
};

static void run_closing (struct task *task)
{
  struct closing *closing = (struct closing *)task;

  for (size_t i = 0; i < closing->count; i++)
    close (closing->fds[i]);
}

static void release_closing (struct task *task) { free (((struct closing *)task)->fds); }

/* The last descriptor of an overlay unmounts it, which may wait for a disk.  */
napi_value addon_closeLater (napi_env env, napi_callback_info info)
{
  struct closing *closing = calloc (1, sizeof *closing);
  struct args args;

  if (closing == NULL)
    return fail (env, "malloc", ENOMEM);
  closing->task.run = run_closing;
  closing->task.release = release_closing;
  args_read (&args, env, info, 1);
  closing->fds = arg_ints (&args, 0, &closing->count);
  if (!args.failed)
    return task_start (env, &closing->task);
  release_closing (&closing->task);
  free (closing);
  return NULL;
}
