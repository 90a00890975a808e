/* Mounts in the engine's own mount namespace.  */
#define _GNU_SOURCE
#include "functions.h"
#include "kernel.h"
#include "task.h"
#include "util.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

napi_value addon_mount (napi_env env, napi_callback_info info)
{
  struct args args;
  unsigned long flags;

  args_read (&args, env, info, 5);
  auto_free char *source = arg_text (&args, 0);
  auto_free char *target = arg_text (&args, 1);
  auto_free char *type = arg_text (&args, 2);
  flags = arg_uint32 (&args, 3);
  auto_free char *data = arg_text (&args, 4);
  if (args.failed)
    return NULL;
  /* The kernel copies one page and drops the rest without an error.  */
  if (strlen (data) >= (size_t)sysconf (_SC_PAGESIZE))
    return fail (env, "mount", E2BIG);
  if (mount (source, target, type[0] != '\0' ? type : NULL, flags, data[0] != '\0' ? data : NULL)
      < 0)
    return fail (env, "mount", errno);
  return make_undefined (env);
}

/* Of a server or a disk that may take its time.  */
struct later
{
  struct task task;
  char *source, *target, *type, *data;
  unsigned long flags;
};

static void run_later (struct task *task)
{
  struct later *later = (struct later *)task;
  const char *data = later->data[0] != '\0' ? later->data : NULL;

  if (mount (later->source, later->target, later->type, later->flags, data) < 0)
    task_fail (task, "mount", errno);
}

static void release_later (struct task *task)
{
  struct later *later = (struct later *)task;

  free (later->source);
  free (later->target);
  free (later->type);
  free (later->data);
}

napi_value addon_mountLater (napi_env env, napi_callback_info info)
{
  struct later *later = calloc (1, sizeof *later);
  struct args args;
  bool is_too_long;

  if (later == NULL)
    return fail (env, "malloc", ENOMEM);
  later->task.run = run_later;
  later->task.release = release_later;
  args_read (&args, env, info, 5);
  later->source = arg_text (&args, 0);
  later->target = arg_text (&args, 1);
  later->type = arg_text (&args, 2);
  later->flags = arg_uint32 (&args, 3);
  later->data = arg_text (&args, 4);
  is_too_long = !args.failed && strlen (later->data) >= (size_t)sysconf (_SC_PAGESIZE);
  if (!args.failed && !is_too_long)
    return task_start (env, &later->task);
  release_later (&later->task);
  free (later);
  return is_too_long ? fail (env, "mount", E2BIG) : NULL;
}

napi_value addon_unmount (napi_env env, napi_callback_info info)
{
  struct args args;
  int flags;

  args_read (&args, env, info, 2);
  auto_free char *target = arg_text (&args, 0);
  flags = arg_int (&args, 1);
  if (args.failed)
    return NULL;
  if (umount2 (target, flags) < 0)
    return fail (env, "umount2", errno);
  return make_undefined (env);
}

struct view
{
  char **layers;
  const char *target;
  const char *call;
};

/* An overlay needs two layers when none is writable, so one layer alone is a clone of its mount. */
static int clone_single (struct view *view)
{
  struct mount_attr_v0 attributes = { .attr_set = ATTR_RDONLY | ATTR_NODEV | ATTR_NOSUID };
  int tree;

  view->call = "open_tree";
  tree = (int)syscall (NR_OPEN_TREE, AT_FDCWD, view->layers[0],
                       TREE_CLONE | O_CLOEXEC | AT_SYMLINK_NOFOLLOW);
  if (tree < 0)
    return -1;
  view->call = "mount_setattr";
  if (syscall (NR_MOUNT_SETATTR, tree, "", AT_EMPTY_PATH, &attributes, sizeof attributes) < 0)
    cleanup_fd (&tree), tree = -1;
  return tree;
}

/* "lowerdir+" names one layer a call (Linux 6.7), so neither the page limit of mount(2) nor a ":"
   in a path matters.  */
static int configure_layers (int context, char **layers)
{
  for (char **layer = layers; *layer != NULL; layer++)
    if (syscall (NR_FSCONFIG, context, FS_SET_STRING, "lowerdir+", *layer, 0) < 0)
      return -1;
  return (int)syscall (NR_FSCONFIG, context, FS_CREATE, NULL, NULL, 0);
}

static int make_overlay (struct view *view)
{
  auto_fd context = -1;
  int tree;

  view->call = "fsopen";
  context = (int)syscall (NR_FSOPEN, "overlay", FS_CLOEXEC);
  if (context < 0)
    return -1;
  view->call = "fsconfig";
  if (configure_layers (context, view->layers) < 0)
    return -1;
  view->call = "fsmount";
  tree = (int)syscall (NR_FSMOUNT, context, FS_CLOEXEC, ATTR_RDONLY | ATTR_NODEV | ATTR_NOSUID);
  return tree;
}

static int attach (struct view *view, int tree)
{
  view->call = "move_mount";
  return (int)syscall (NR_MOVE_MOUNT, tree, "", AT_FDCWD, view->target, MOVE_F_EMPTY_PATH);
}

/* Before Linux 6.7: all layers in one option, with "\" before what the option's grammar takes for
 * itself.  */
static int mount_classic (struct view *view)
{
  auto_free char *options = NULL;
  size_t length = 0;
  FILE *out = open_memstream (&options, &length);

  view->call = "mount";
  if (out == NULL)
    return -1;
  fputs ("lowerdir=", out);
  for (char **layer = view->layers; *layer != NULL; layer++)
    {
      if (layer != view->layers)
        fputc (':', out);
      for (const char *at = *layer; *at != '\0'; at++)
        {
          if (strchr (":,\\", *at) != NULL)
            fputc ('\\', out);
          fputc (*at, out);
        }
    }
  if (fclose (out) != 0)
    return -1;
  if (length >= (size_t)sysconf (_SC_PAGESIZE))
    {
      errno = E2BIG;
      return -1;
    }
  return mount ("overlay", view->target, "overlay", MS_RDONLY | MS_NODEV | MS_NOSUID, options);
}

/* A mount that is attached nowhere: it ends with its last descriptor.  */
static int make_view (struct view *view)
{
  if (view->layers[0] == NULL)
    {
      view->call = "mount";
      errno = EINVAL;
      return -1;
    }
  return view->layers[1] == NULL ? clone_single (view) : make_overlay (view);
}

napi_value addon_openOverlayView (napi_env env, napi_callback_info info)
{
  struct args args;
  struct view view = { 0 };
  int tree;

  args_read (&args, env, info, 1);
  auto_list layers = arg_texts (&args, 0);
  if (args.failed)
    return NULL;
  view.layers = layers;
  tree = make_view (&view);
  return tree < 0 ? fail (env, view.call, errno) : make_int (env, tree);
}

napi_value addon_overlayView (napi_env env, napi_callback_info info)
{
  struct args args;
  struct view view = { 0 };
  auto_fd tree = -1;
  int err;

  args_read (&args, env, info, 2);
  auto_list layers = arg_texts (&args, 0);
  auto_free char *target = arg_text (&args, 1);
  if (args.failed)
    return NULL;
  view.layers = layers;
  view.target = target;
  tree = make_view (&view);
  if (tree >= 0 && attach (&view, tree) == 0)
    return make_undefined (env);
  err = errno;
  /* ENOSYS: no such calls.  EINVAL of fsconfig: no such option.  */
  if (tree < 0 && layers[0] != NULL && layers[1] != NULL
      && (err == ENOSYS || (err == EINVAL && strcmp (view.call, "fsconfig") == 0)))
    return mount_classic (&view) == 0 ? make_undefined (env) : fail (env, view.call, errno);
  return fail (env, view.call, err);
}
