/* The files of a container as a tree of their own, for a copy into or out of it: its overlay (or a
   clone of what a running container has mounted) with its binds and volumes, in a mount namespace
   that no process is in.  A thread made for the purpose builds it and ends; the namespace lives for
   as long as its descriptor is open, so nothing can stay mounted, whatever happens to the engine.
   Nothing is looked up by a path that a container could change, except below the tree's own root.
 */
#define _GNU_SOURCE
#include "functions.h"
#include "kernel.h"
#include "path.h"
#include "task.h"
#include "util.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

enum
{
  THREAD_STACK_BYTES = 256 * 1024,
  /* Of fsconfig(2).  */
  LONGEST_OPTION = 255,
  MOST_PARTS = 4096
};

/* What native/roots.ts writes for each part: seven numbers, and texts beginning with the target. */
enum kind
{
  KIND_OVERLAY,  /* upper, work (both empty: none), layers from the top, options as key and value */
  KIND_BIND,     /* source, path below it */
  KIND_INHERITED /* what the namespace has at the target */
};

enum
{
  NUMBER_KIND,
  NUMBER_ATTRIBUTES,
  NUMBER_CREATE,
  NUMBER_REACH,
  NUMBER_LAYERS,
  NUMBER_OPTIONS,
  NUMBER_OWNERS, /* descriptor of a user namespace, or 0 */
  NUMBERS
};

/* What holds for the mounts below as well.  */
enum reach
{
  REACH_RECURSIVE = 1, /* they come along */
  REACH_READONLY_TOP = 2,
  REACH_OWNERS_TOP = 4
};

struct part
{
  const int *numbers;
  char **texts;
  int tree;
};

struct builder
{
  struct task task;
  char **texts;
  int *numbers;
  struct part *parts;
  size_t count;
  /* The namespace to inherit from, or -1.  */
  int inherited;
  int proc;
  int root;
  int space;
};

/* Whoever reads the tree never opens a device that a container has made, nor runs anything in it.
 */
static const uint64_t attributes_always = ATTR_NODEV | ATTR_NOSUID | 0x8 /* MOUNT_ATTR_NOEXEC */;

static int fail_build (struct builder *builder, const char *call)
{
  task_fail (&builder->task, call, errno);
  return -1;
}

static uint64_t attributes_of (const struct part *part)
{
  return attributes_always | (uint64_t)(unsigned int)part->numbers[NUMBER_ATTRIBUTES];
}

/* MS_PRIVATE: what is mounted here next must not appear in the namespace it was cloned from.  */
static int set_attributes (int tree, uint64_t attributes, bool is_recursive)
{
  struct mount_attr_v0 change = { .attr_set = attributes, .propagation = MS_PRIVATE };

  return (int)syscall (NR_MOUNT_SETATTR, tree, "",
                       AT_EMPTY_PATH | (is_recursive ? AT_RECURSIVE : 0), &change, sizeof change);
}

static int clone_tree (int dir, const char *path, bool is_recursive)
{
  return (int)syscall (NR_OPEN_TREE, dir, path,
                       TREE_CLONE | O_CLOEXEC | AT_EMPTY_PATH | (is_recursive ? AT_RECURSIVE : 0));
}

static int set_owners (int tree, int space, bool is_recursive)
{
  struct mount_attr_v0 change = { .attr_set = ATTR_IDMAP, .userns_fd = (uint64_t)space };

  if (space == 0)
    return 0;
  return (int)syscall (NR_MOUNT_SETATTR, tree, "",
                       AT_EMPTY_PATH | (is_recursive ? AT_RECURSIVE : 0), &change, sizeof change);
}

static int clone_part (struct builder *builder, struct part *part, int dir, const char *path)
{
  int reach = part->numbers[NUMBER_REACH];
  bool is_recursive = (reach & REACH_RECURSIVE) != 0;
  /* The root is made read-only when all mount points are in it.  */
  uint64_t wanted = part == builder->parts ? attributes_always : attributes_of (part);
  uint64_t top = (reach & REACH_READONLY_TOP) != 0 ? wanted & ATTR_RDONLY : 0;

  part->tree = clone_tree (dir, path, is_recursive);
  if (part->tree < 0)
    return fail_build (builder, "open_tree");
  if (set_attributes (part->tree, wanted & ~top, is_recursive) < 0
      || (top != 0 && set_attributes (part->tree, top, false) < 0)
      || set_owners (part->tree, part->numbers[NUMBER_OWNERS],
                     is_recursive && (reach & REACH_OWNERS_TOP) == 0)
             < 0)
    return fail_build (builder, "mount_setattr");
  return 0;
}

/* What is below the source is looked up once, and what that led to is cloned (CVE-2023-0778).  */
static int clone_source (struct builder *builder, struct part *part)
{
  const char *source = part->texts[1], *below = part->texts[2];
  auto_fd base = -1, inner = -1;

  if (below[0] == '\0')
    return clone_part (builder, part, AT_FDCWD, source);
  base = open (source, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (base < 0)
    return fail_build (builder, "open");
  inner = path_open_inside (base, below);
  if (inner < 0)
    return fail_build (builder, "openat2");
  return clone_part (builder, part, inner, "");
}

/* In the container's namespace.  Its paths are the container's, so they are resolved in its root.
 */
static int clone_inherited (struct builder *builder)
{
  auto_fd root = open ("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

  if (root < 0)
    return fail_build (builder, "open");
  for (size_t i = 0; i < builder->count; i++)
    {
      struct part *part = &builder->parts[i];
      auto_fd place = -1;

      if (part->numbers[NUMBER_KIND] != KIND_INHERITED)
        continue;
      place = path_open (root, part->texts[0], O_PATH, 0);
      if (place < 0)
        return fail_build (builder, "openat2");
      if (clone_part (builder, part, place, "") < 0)
        return -1;
    }
  return 0;
}

/* A path that is too long, or in which overlay would take a backslash for an escape, goes by
   descriptor.  */
static int set_layer (int context, const char *key, const char *path)
{
  char by_fd[SELF_PATH_BYTES];
  auto_fd dir = -1;

  if (strlen (path) <= LONGEST_OPTION && strchr (path, '\\') == NULL)
    return (int)syscall (NR_FSCONFIG, context, FS_SET_STRING, key, path, 0);
  dir = open (path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (dir < 0)
    return -1;
  return (int)syscall (NR_FSCONFIG, context, FS_SET_STRING, key, self_path (dir, by_fd), 0);
}

static void put_escaped (FILE *out, const char *key, const char *path)
{
  fputs (key, out);
  for (const char *at = path; *at != '\0'; at++)
    {
      if (strchr (":,\\", *at) != NULL)
        fputc ('\\', out);
      fputc (*at, out);
    }
}

/* Before Linux 6.7 there is no "lowerdir+": one page of options for mount(2), which mounts by path.
   /proc is this thread's own by now.  */
static int make_classic (const struct part *part)
{
  auto_free char *page = NULL;
  size_t length = 0;
  char **layers = part->texts + 3, **options = layers + part->numbers[NUMBER_LAYERS];
  FILE *out = open_memstream (&page, &length);
  int tree;

  if (out == NULL)
    return -1;
  for (int i = 0; i < part->numbers[NUMBER_LAYERS]; i++)
    put_escaped (out, i == 0 ? "lowerdir=" : ":", layers[i]);
  put_escaped (out, ",upperdir=", part->texts[1]);
  put_escaped (out, ",workdir=", part->texts[2]);
  for (int i = 0; i < part->numbers[NUMBER_OPTIONS]; i++)
    fprintf (out, ",%s=%s", options[2 * i], options[2 * i + 1]);
  if (fclose (out) != 0)
    return -1;
  if (length >= (size_t)sysconf (_SC_PAGESIZE))
    {
      errno = E2BIG;
      return -1;
    }
  if (mount ("overlay", "/proc", "overlay", 0, page) < 0)
    return -1;
  tree = clone_tree (AT_FDCWD, "/proc", false);
  umount2 ("/proc", MNT_DETACH);
  return tree;
}

static bool is_writable (const struct part *part) { return part->texts[1][0] != '\0'; }

static int configure (int context, const struct part *part)
{
  char **layers = part->texts + 3, **options = layers + part->numbers[NUMBER_LAYERS];

  for (int i = 0; i < part->numbers[NUMBER_LAYERS]; i++)
    if (set_layer (context, "lowerdir+", layers[i]) < 0)
      return -1;
  if (is_writable (part)
      && (set_layer (context, "upperdir", part->texts[1]) < 0
          || set_layer (context, "workdir", part->texts[2]) < 0))
    return -1;
  for (int i = 0; i < part->numbers[NUMBER_OPTIONS]; i++)
    if (syscall (NR_FSCONFIG, context, FS_SET_STRING, options[2 * i], options[2 * i + 1], 0) < 0)
      return -1;
  return (int)syscall (NR_FSCONFIG, context, FS_CREATE, NULL, NULL, 0);
}

/* A kernel that cannot make one without mounting it somewhere fails where MAY_MOUNT is not set.  */
static int make_overlay (struct builder *builder, struct part *part, bool may_mount)
{
  uint64_t attributes = part == builder->parts ? attributes_always : attributes_of (part);
  auto_fd context = (int)syscall (NR_FSOPEN, "overlay", FS_CLOEXEC);

  if (context < 0)
    return fail_build (builder, "fsopen");
  if (configure (context, part) == 0)
    part->tree = (int)syscall (NR_FSMOUNT, context, FS_CLOEXEC, attributes_always);
  else if (errno == EINVAL && may_mount)
    part->tree = make_classic (part);
  if (part->tree < 0)
    return fail_build (builder, "fsconfig");
  return set_attributes (part->tree, attributes, false) < 0 ? fail_build (builder, "mount_setattr")
                                                            : 0;
}

/* In the engine's own namespace, where their paths mean what the engine means.  */
static int clone_sources (struct builder *builder)
{
  for (size_t i = 0; i < builder->count; i++)
    {
      struct part *part = &builder->parts[i];

      if (part->numbers[NUMBER_KIND] == KIND_BIND && clone_source (builder, part) < 0)
        return -1;
      if (part->numbers[NUMBER_KIND] == KIND_OVERLAY && !is_writable (part)
          && make_overlay (builder, part, false) < 0)
        return -1;
    }
  return 0;
}

/* The target is looked up once, and what it led to is mounted on: whoever exchanges it for a link
   meanwhile changes nothing (CVE-2026-42306).  */
static int attach_part (struct builder *builder, struct part *part)
{
  auto_fd target = -1;

  target = path_make (builder->root, part->texts[0], (enum create)part->numbers[NUMBER_CREATE]);
  if (target < 0)
    return fail_build (builder, "openat2");
  if (syscall (NR_MOVE_MOUNT, part->tree, "", target, "",
               MOVE_F_EMPTY_PATH | 0x40 /* T_EMPTY_PATH */)
      < 0)
    return fail_build (builder, "move_mount");
  return 0;
}

static int attach_all (struct builder *builder)
{
  struct part *root = &builder->parts[0];

  if (syscall (NR_MOVE_MOUNT, root->tree, "", AT_FDCWD, "/", MOVE_F_EMPTY_PATH) < 0)
    return fail_build (builder, "move_mount");
  builder->root = take_fd (&root->tree);
  for (size_t i = 1; i < builder->count; i++)
    if (attach_part (builder, &builder->parts[i]) < 0)
      return -1;
  if ((attributes_of (root) & ATTR_RDONLY) != 0
      && set_attributes (builder->root, ATTR_RDONLY, false) < 0)
    return fail_build (builder, "mount_setattr");
  return 0;
}

/* setns(2) wants a thread that shares its root and working directory with no other.  */
static int inherit (struct builder *builder)
{
  if (builder->inherited < 0)
    return 0;
  if (unshare (CLONE_FS) < 0)
    return fail_build (builder, "unshare");
  if (setns (builder->inherited, CLONE_NEWNS) < 0)
    return fail_build (builder, "setns");
  return clone_inherited (builder);
}

static int build (struct builder *builder)
{
  /* Of the host: what lies on /proc in the container proves nothing.  */
  builder->proc = open ("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (builder->proc < 0)
    return fail_build (builder, "open");
  if (clone_sources (builder) < 0 || inherit (builder) < 0)
    return -1;
  if (unshare (CLONE_NEWNS) < 0)
    return fail_build (builder, "unshare");
  /* Slave: the host's unmounts still reach this copy of its mounts, so that none is kept busy.  */
  if (mount (NULL, "/", NULL, MS_REC | (builder->inherited < 0 ? MS_SLAVE : MS_PRIVATE), NULL) < 0)
    return fail_build (builder, "mount");
  builder->space = openat (builder->proc, "thread-self/ns/mnt", O_RDONLY | O_CLOEXEC);
  if (builder->space < 0)
    return fail_build (builder, "openat");
  for (size_t i = 0; i < builder->count; i++)
    if (builder->parts[i].numbers[NUMBER_KIND] == KIND_OVERLAY && is_writable (&builder->parts[i])
        && make_overlay (builder, &builder->parts[i], true) < 0)
      return -1;
  return attach_all (builder);
}

static void *thread_main (void *data)
{
  build (data);
  return NULL;
}

static void run_build (struct task *task)
{
  pthread_attr_t attributes;
  pthread_t thread;
  int err;

  pthread_attr_init (&attributes);
  pthread_attr_setstacksize (&attributes, THREAD_STACK_BYTES);
  err = pthread_create (&thread, &attributes, thread_main, task);
  pthread_attr_destroy (&attributes);
  if (err != 0)
    task_fail (task, "pthread_create", err);
  else
    pthread_join (thread, NULL);
}

static void release_build (struct task *task)
{
  struct builder *builder = (struct builder *)task;

  for (size_t i = 0; i < builder->count; i++)
    cleanup_fd (&builder->parts[i].tree);
  cleanup_fd (&builder->root);
  cleanup_fd (&builder->space);
  cleanup_fd (&builder->proc);
  cleanup_fd (&builder->inherited);
  cleanup_list (&builder->texts);
  free (builder->numbers);
  free (builder->parts);
}

static napi_value finish_build (napi_env env, struct task *task)
{
  struct builder *builder = (struct builder *)task;

  return make_pair (env, make_int (env, take_fd (&builder->root)),
                    make_int (env, take_fd (&builder->space)));
}

static size_t texts_of (const int *numbers)
{
  switch (numbers[NUMBER_KIND])
    {
    case KIND_OVERLAY:
      return 3 + (size_t)numbers[NUMBER_LAYERS] + 2 * (size_t)numbers[NUMBER_OPTIONS];
    case KIND_BIND:
      return 3;
    case KIND_INHERITED:
      return 1;
    default:
      return 0;
    }
}

/* False when numbers and texts do not belong together.  */
static bool split_parts (struct builder *builder, size_t number_count)
{
  size_t used = 0, available = 0;

  while (builder->texts[available] != NULL)
    available++;
  if (number_count == 0 || number_count % NUMBERS != 0 || number_count / NUMBERS > MOST_PARTS)
    return false;
  builder->parts = calloc (number_count / NUMBERS, sizeof *builder->parts);
  if (builder->parts == NULL)
    return false;
  for (; builder->count < number_count / NUMBERS; builder->count++)
    {
      const int *numbers = builder->numbers + builder->count * NUMBERS;

      for (int i = 0; i < NUMBERS; i++)
        if (numbers[i] < 0 || numbers[i] > INT_MAX / 4)
          return false;
      if (texts_of (numbers) == 0 || texts_of (numbers) > available - used)
        return false;
      builder->parts[builder->count]
          = (struct part){ .numbers = numbers, .texts = builder->texts + used, .tree = -1 };
      used += texts_of (numbers);
    }
  return used == available;
}

napi_value addon_openContainerRoot (napi_env env, napi_callback_info info)
{
  struct builder *builder = calloc (1, sizeof *builder);
  struct args args;
  size_t number_count = 0;
  int inherited;

  if (builder == NULL)
    return fail (env, "malloc", ENOMEM);
  builder->task.run = run_build;
  builder->task.finish = finish_build;
  builder->task.release = release_build;
  builder->inherited = builder->proc = builder->root = builder->space = -1;
  args_read (&args, env, info, 3);
  builder->texts = arg_texts (&args, 0);
  builder->numbers = arg_ints (&args, 1, &number_count);
  inherited = arg_int (&args, 2);
  if (!args.failed && !split_parts (builder, number_count))
    {
      args.failed = true;
      napi_throw_type_error (env, NULL, "the parts of a root do not fit together");
    }
  if (!args.failed && inherited >= 0
      && (builder->inherited = fcntl (inherited, F_DUPFD_CLOEXEC, 3)) < 0)
    {
      args.failed = true;
      fail (env, "fcntl", errno);
    }
  if (!args.failed)
    return task_start (env, &builder->task);
  release_build (&builder->task);
  free (builder);
  return NULL;
}
