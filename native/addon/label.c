/* Gives a tree one value of an extended attribute.  Each file is opened by its name in a directory
   that is held, without following links, and the attribute is set on what was opened: a name that
   is exchanged meanwhile leads nowhere else.  */
#define _GNU_SOURCE
#include "directory.h"
#include "path.h"
#include "task.h"
#include "util.h"
#include "xattr.h"
#include "functions.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

enum
{
  /* Each level holds two descriptors.  */
  MAX_DEPTH = 1024
};

struct labelling
{
  struct task task;
  int top;
  /* What is mounted from elsewhere keeps its own.  */
  dev_t device;
  bool trusts_top;
  /* The file system has no labels: there is nothing more to do.  */
  bool is_over;
  char *name;
  char *value;
};

static int fail_labelling (struct labelling *labelling, const char *call)
{
  task_fail (&labelling->task, call, errno);
  return -1;
}

static bool has_label (struct labelling *labelling, int fd)
{
  size_t length = 0;
  auto_free char *value = xattr_value (fd, labelling->name, &length);

  /* The kernel gives it with the NUL that ends it.  */
  return value != NULL && strnlen (value, length) == strlen (labelling->value)
         && memcmp (value, labelling->value, strlen (labelling->value)) == 0;
}

/* Some file systems take none of links and nodes, but do of files.  */
static int label_one (struct labelling *labelling, int fd, mode_t mode)
{
  char path[SELF_PATH_BYTES];

  if (has_label (labelling, fd)
      || setxattr (self_path (fd, path), labelling->name, labelling->value,
                   strlen (labelling->value), 0)
             == 0)
    return 0;
  if (errno != EOPNOTSUPP)
    return fail_labelling (labelling, "setxattr");
  labelling->is_over = S_ISREG (mode) || S_ISDIR (mode);
  return 0;
}

static int label_below (struct labelling *labelling, int dir, int depth);

static int label_entry (struct labelling *labelling, int dir, const char *name, int depth)
{
  auto_fd fd = openat (dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  struct stat status;

  if (fd < 0)
    return errno == ENOENT ? 0 : fail_labelling (labelling, "openat");
  if (fstat (fd, &status) < 0)
    return fail_labelling (labelling, "fstat");
  if (status.st_dev != labelling->device)
    return 0;
  if (S_ISDIR (status.st_mode) && label_below (labelling, fd, depth + 1) < 0)
    return -1;
  return labelling->is_over ? 0 : label_one (labelling, fd, status.st_mode);
}

static int label_below (struct labelling *labelling, int dir, int depth)
{
  auto_listing listing = { NULL, 0 };
  auto_fd readable = -1;

  if (depth > MAX_DEPTH)
    {
      errno = ENAMETOOLONG;
      return fail_labelling (labelling, "openat");
    }
  readable = openat (dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (readable < 0 || listing_read (&listing, readable) < 0)
    return fail_labelling (labelling, "getdents64");
  for (const struct entry *entry = listing_next (&listing, NULL);
       entry != NULL && !labelling->is_over; entry = listing_next (&listing, entry))
    if (label_entry (labelling, readable, entry->name, depth) < 0)
      return -1;
  return 0;
}

/* The top comes last: what was broken off is not taken for done.  */
static void run_labelling (struct task *task)
{
  struct labelling *labelling = (struct labelling *)task;
  struct stat status;

  if (labelling->trusts_top && has_label (labelling, labelling->top))
    return;
  if (fstat (labelling->top, &status) < 0)
    {
      fail_labelling (labelling, "fstat");
      return;
    }
  labelling->device = status.st_dev;
  if (S_ISDIR (status.st_mode) && label_below (labelling, labelling->top, 0) < 0)
    return;
  if (!labelling->is_over)
    label_one (labelling, labelling->top, status.st_mode);
}

static void release_labelling (struct task *task)
{
  struct labelling *labelling = (struct labelling *)task;

  cleanup_fd (&labelling->top);
  free (labelling->name);
  free (labelling->value);
}

napi_value addon_labelTree (napi_env env, napi_callback_info info)
{
  struct args args;
  struct labelling *labelling = calloc (1, sizeof *labelling);
  int top;

  if (labelling == NULL)
    return fail (env, "malloc", ENOMEM);
  labelling->task.run = run_labelling;
  labelling->task.release = release_labelling;
  labelling->top = -1;
  args_read (&args, env, info, 4);
  top = arg_fd (&args, 0);
  labelling->name = arg_text (&args, 1);
  labelling->value = arg_text (&args, 2);
  labelling->trusts_top = arg_bool (&args, 3);
  /* A copy, so that the caller may close his at once.  */
  if (!args.failed && (labelling->top = fcntl (top, F_DUPFD_CLOEXEC, 3)) < 0)
    {
      args.failed = true;
      fail (env, "fcntl", errno);
    }
  if (!args.failed)
    return task_start (env, &labelling->task);
  release_labelling (&labelling->task);
  free (labelling);
  return NULL;
}
