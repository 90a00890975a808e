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
  char *name;
  char *value;
};

static int fail_labelling (struct labelling *labelling, const char *call)
{
  task_fail (&labelling->task, call, errno);
  return -1;
}

/* A file system without labels, as that of processes, has nothing to set.  */
static int label_one (struct labelling *labelling, int fd)
{
  char path[SELF_PATH_BYTES];

  if (setxattr (self_path (fd, path), labelling->name, labelling->value, strlen (labelling->value),
                0)
          == 0
      || errno == EOPNOTSUPP)
    return 0;
  return fail_labelling (labelling, "setxattr");
}

static bool has_label (struct labelling *labelling, int fd)
{
  size_t length = 0;
  auto_free char *value = xattr_value (fd, labelling->name, &length);

  /* The kernel gives it with the NUL that ends it.  */
  return value != NULL && strnlen (value, length) == strlen (labelling->value)
         && memcmp (value, labelling->value, strlen (labelling->value)) == 0;
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
  if (S_ISDIR (status.st_mode) && label_below (labelling, fd, depth + 1) < 0)
    return -1;
  return label_one (labelling, fd);
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
  for (const struct entry *entry = listing_next (&listing, NULL); entry != NULL;
       entry = listing_next (&listing, entry))
    if (label_entry (labelling, readable, entry->name, depth) < 0)
      return -1;
  return 0;
}

/* The top comes last, and when it has the label, all is done: so what was broken off begins anew.
 */
static void run_labelling (struct task *task)
{
  struct labelling *labelling = (struct labelling *)task;
  struct stat status;

  if (has_label (labelling, labelling->top))
    return;
  if (fstat (labelling->top, &status) < 0)
    {
      fail_labelling (labelling, "fstat");
      return;
    }
  if (!S_ISDIR (status.st_mode) || label_below (labelling, labelling->top, 0) == 0)
    label_one (labelling, labelling->top);
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
  args_read (&args, env, info, 3);
  top = arg_fd (&args, 0);
  labelling->name = arg_text (&args, 1);
  labelling->value = arg_text (&args, 2);
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
