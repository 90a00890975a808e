/* Owners of files as a mount shows them: a user namespace holds the map (mount_setattr(2),
   MOUNT_ATTR_IDMAP, Linux 5.12), and nothing ever runs in it.  */
#define _GNU_SOURCE
#include "functions.h"
#include "kernel.h"
#include "path.h"
#include "util.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

enum
{
  PROC_PATH_BYTES = 64
};

/* A copy of this process that only waits for its end: no call of libc is safe in it.  */
static pid_t start_holder (void)
{
  sigset_t all, before;
  pid_t pid;

  sigfillset (&all);
  pthread_sigmask (SIG_SETMASK, &all, &before);
  /* Without a signal at its end, which libuv would look for a process of its own after.  */
  pid = (pid_t)syscall (SYS_clone, CLONE_NEWUSER, NULL, NULL, NULL, NULL);
  while (pid == 0)
    syscall (SYS_ppoll, NULL, 0, NULL, NULL, 0);
  int saved = errno;
  pthread_sigmask (SIG_SETMASK, &before, NULL);
  errno = saved;
  return pid;
}

static void end_holder (pid_t pid)
{
  int saved = errno;

  kill (pid, SIGKILL);
  RETRY_EINTR (waitpid (pid, NULL, __WALL));
  errno = saved;
}

static int open_of (pid_t pid, const char *file, int flags)
{
  char path[PROC_PATH_BYTES];

  snprintf (path, sizeof path, "/proc/%d/%s", pid, file);
  return open (path, flags | O_CLOEXEC);
}

/* The kernel takes a map in one write only.  */
static int write_map (pid_t pid, const char *file, const char *map)
{
  auto_fd fd = open_of (pid, file, O_WRONLY);

  if (fd < 0)
    return -1;
  return write (fd, map, strlen (map)) == (ssize_t)strlen (map) ? 0 : -1;
}

napi_value addon_createUserNamespace (napi_env env, napi_callback_info info)
{
  struct args args;
  const char *call = "clone";
  int fd = -1;
  pid_t pid;

  args_read (&args, env, info, 2);
  auto_free char *users = arg_text (&args, 0);
  auto_free char *groups = arg_text (&args, 1);
  if (args.failed)
    return NULL;
  pid = start_holder ();
  if (pid < 0)
    return fail (env, call, errno);
  call = "write";
  if (write_map (pid, "uid_map", users) == 0 && write_map (pid, "gid_map", groups) == 0)
    {
      call = "open";
      fd = open_of (pid, "ns/user", O_RDONLY);
    }
  end_holder (pid);
  return fd < 0 ? fail (env, call, errno) : make_int (env, fd);
}

/* As native/shim/mounts.c does it, on a copy that is thrown away.  */
static int try_owners (int source, int space, bool is_recursive)
{
  struct mount_attr_v0 change = { .attr_set = ATTR_IDMAP, .userns_fd = (uint64_t)space };
  unsigned int below = is_recursive ? AT_RECURSIVE : 0;
  auto_fd tree
      = (int)syscall (NR_OPEN_TREE, source, "", TREE_CLONE | O_CLOEXEC | AT_EMPTY_PATH | below);

  if (tree < 0)
    return -1;
  return (int)syscall (NR_MOUNT_SETATTR, tree, "", AT_EMPTY_PATH | below, &change, sizeof change);
}

/* 2: with all that is mounted below; 1: the mount alone; 0: not at all.  */
napi_value addon_reachOfOwners (napi_env env, napi_callback_info info)
{
  struct args args;
  bool is_recursive;
  int space;

  args_read (&args, env, info, 3);
  auto_free char *path = arg_text (&args, 0);
  space = arg_fd (&args, 1);
  is_recursive = arg_bool (&args, 2);
  if (args.failed)
    return NULL;
  auto_fd source = open (path, O_PATH | O_CLOEXEC);
  if (source < 0)
    return fail (env, "open", errno);
  if (try_owners (source, space, is_recursive) == 0)
    return make_int (env, 2);
  return make_int (env, is_recursive && try_owners (source, space, false) == 0 ? 1 : 0);
}
