/* Removes a tree whose content, depth and names others have chosen, and may be changing.  Every
   step is one call relative to a descriptor that was opened without following links or crossing
   mounts, so no path is ever resolved twice.  */
#define _GNU_SOURCE
#include "directory.h"
#include "kernel.h"
#include "path.h"
#include "task.h"
#include "util.h"
#include "functions.h"

#include <fcntl.h>
#include <stdio.h>

enum
{
  /* Descriptors held at once.  A deeper directory is first moved up to the top, so any depth can be
     removed.  */
  MAX_DEPTH = 32,
  /* Attempts to empty a directory that somebody goes on filling.  One in which something was moved
     up does not count: it is why the next one is needed.  */
  MAX_PASSES = 64,
  NAME_BYTES = 48
};

struct removal
{
  struct task task;
  int dir;
  char *path;
  int top;
  unsigned long moved;
};

static int open_child (int dir, const char *name)
{
  struct open_how_v0 how = { .flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
                             .resolve = RESOLVE_SYMLINKS | RESOLVE_XDEV };

  return (int)RETRY_EINTR (syscall (NR_OPENAT2, dir, name, &how, sizeof how));
}

static int fail_removal (struct removal *removal, const char *call)
{
  task_fail (&removal->task, call, errno);
  return -1;
}

static int empty_directory (struct removal *removal, int fd, int depth);

/* The tree that is too deep becomes a child of the top, which is emptied again until nothing is
 * left in it.  */
static int move_up (struct removal *removal, int dir, const char *name)
{
  char fresh[NAME_BYTES];

  for (int i = 0; i < MAX_PASSES; i++)
    {
      snprintf (fresh, sizeof fresh, ".tscompose-removed-%lu", removal->moved++);
      if (renameat (dir, name, removal->top, fresh) == 0 || errno == ENOENT)
        return 0;
      if (errno != EEXIST && errno != ENOTEMPTY && errno != ENOTDIR)
        break;
    }
  return fail_removal (removal, "renameat");
}

static int remove_directory (struct removal *removal, int dir, const char *name, int depth)
{
  for (int i = 0; i < MAX_PASSES; i++)
    {
      unsigned long moved = removal->moved;
      auto_fd child = -1;

      if (unlinkat (dir, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
        return 0;
      if (errno != ENOTEMPTY && errno != EEXIST)
        return fail_removal (removal, "unlinkat");
      if (depth >= MAX_DEPTH)
        return move_up (removal, dir, name);
      child = open_child (dir, name);
      if (child < 0)
        return errno == ENOENT ? 0 : fail_removal (removal, "openat2");
      if (empty_directory (removal, child, depth + 1) < 0)
        return -1;
      if (removal->moved != moved)
        i = -1;
    }
  errno = ENOTEMPTY;
  return fail_removal (removal, "unlinkat");
}

static int remove_entry (struct removal *removal, int dir, const char *name, int depth)
{
  if (unlinkat (dir, name, 0) == 0 || errno == ENOENT)
    return 0;
  /* Linux says EISDIR for a directory, POSIX allows EPERM.  */
  if (errno != EISDIR && errno != EPERM)
    return fail_removal (removal, "unlinkat");
  return remove_directory (removal, dir, name, depth);
}

static int empty_directory (struct removal *removal, int fd, int depth)
{
  auto_listing listing = { NULL, 0 };

  if (listing_read (&listing, fd) < 0)
    return fail_removal (removal, "getdents64");
  for (const struct entry *entry = listing_next (&listing, NULL); entry != NULL;
       entry = listing_next (&listing, entry))
    if (remove_entry (removal, fd, entry->name, depth) < 0)
      return -1;
  return 0;
}

static void run_removal (struct task *task)
{
  struct removal *removal = (struct removal *)task;
  auto_parent parent = { .fd = -1 };

  if (parent_open (&parent, removal->dir, removal->path) < 0)
    {
      if (errno != ENOENT)
        fail_removal (removal, "openat2");
      return;
    }
  if (unlinkat (parent.fd, parent.name, 0) == 0 || errno == ENOENT)
    return;
  if (errno != EISDIR && errno != EPERM)
    {
      fail_removal (removal, "unlinkat");
      return;
    }
  /* The top is held open, so that what is moved up always lands in it.  */
  removal->top = open_child (parent.fd, parent.name);
  if (removal->top < 0)
    {
      if (errno != ENOENT)
        fail_removal (removal, "openat2");
      return;
    }
  remove_directory (removal, parent.fd, parent.name, 0);
}

static void release_removal (struct task *task)
{
  struct removal *removal = (struct removal *)task;

  cleanup_fd (&removal->dir);
  cleanup_fd (&removal->top);
  free (removal->path);
}

napi_value addon_removeTree (napi_env env, napi_callback_info info)
{
  struct args args;
  struct removal *removal = calloc (1, sizeof *removal);

  if (removal == NULL)
    return fail (env, "malloc", ENOMEM);
  removal->task.run = run_removal;
  removal->task.release = release_removal;
  removal->dir = removal->top = -1;
  args_read (&args, env, info, 2);
  int dir = arg_fd (&args, 0);
  removal->path = arg_text (&args, 1);
  /* A copy, so that the caller may close his at once.  */
  if (!args.failed && (removal->dir = fcntl (dir, F_DUPFD_CLOEXEC, 3)) < 0)
    {
      args.failed = true;
      fail (env, "fcntl", errno);
    }
  if (!args.failed)
    return task_start (env, &removal->task);
  release_removal (&removal->task);
  free (removal);
  return NULL;
}
