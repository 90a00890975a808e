#define _GNU_SOURCE
#include "mounts.h"

#include <errno.h>
#include <string.h>
#include <sys/xattr.h>

#include "paths.h"
#include "sys.h"
#include "util.h"

#define MOUNT_PAGE 4096
/* fsconfig(2) takes strings of up to 255 bytes.  */
#define FSCONFIG_MAX 255

int mount_attach (int mount, int target)
{
  return sys_move_mount (mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

static int set_attributes (int mount, struct ts_mount_attr attr, int is_recursive)
{
  return sys_mount_setattr (mount, is_recursive ? AT_RECURSIVE : 0, &attr);
}

int mount_set (int mount, uint64_t attributes, uint64_t propagation, int is_recursive)
{
  struct ts_mount_attr attr = { .attr_set = attributes, .propagation = propagation };

  return set_attributes (mount, attr, is_recursive);
}

static int is_top_only (const struct ts_spec *spec, const struct ts_mount *mount)
{
  const struct ts_mount_extra *extra = spec_extra (spec, mount);

  return extra != NULL && (extra->flags & TS_EXTRA_TOP) != 0;
}

/* What is for all mounts below, and their propagation where only the first one was set.  */
static int set_below (int fd, const struct ts_spec *spec, const struct ts_mount *mount)
{
  const struct ts_mount_extra *extra = spec_extra (spec, mount);

  if (extra == NULL)
    return 0;
  struct ts_mount_attr attr = { .attr_set = extra->recursive_set,
                                .attr_clr = extra->recursive_clear,
                                .propagation = mount->propagation };
  return set_attributes (fd, attr, 1);
}

/* What is below the source is looked up once, beneath a descriptor, and what that led to is cloned:
   whoever exchanges it for a link meanwhile changes nothing (CVE-2023-0778, CVE-2021-25741).  */
static int clone_tree (const struct ts_spec *spec, const struct ts_mount *mount)
{
  const char *source = spec_text (spec, mount->source);
  unsigned int flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
  cleanup_close int base = -1, inner = -1;

  if ((mount->flags & TS_MOUNT_RECURSIVE) != 0)
    flags |= AT_RECURSIVE;
  if (mount->subpath.length == 0)
    return sys_open_tree (AT_FDCWD, source, flags);
  base = open (source, O_PATH | O_DIRECTORY | O_CLOEXEC);
  inner = base < 0 ? -1 : open_beneath (base, spec_text (spec, mount->subpath));
  return inner < 0 ? -1 : sys_open_tree (inner, "", flags | AT_EMPTY_PATH);
}

static int map_owners (int fd, const struct ts_mount *mount)
{
  struct ts_mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP, .userns_fd = mount->owners_fd };
  int is_recursive = (mount->flags & TS_MOUNT_RECURSIVE) != 0;

  if (mount->owners_fd == 0)
    return 0;
  return set_attributes (fd, attr, is_recursive && (mount->flags & TS_MOUNT_OWNERS_TOP) == 0);
}

int mount_clone_source (const struct ts_spec *spec, const struct ts_mount *mount)
{
  int is_recursive = (mount->flags & TS_MOUNT_RECURSIVE) != 0;
  uint64_t top = (mount->flags & TS_MOUNT_READONLY_TOP) == 0 ? 0 : MOUNT_ATTR_RDONLY;
  cleanup_close int fd = clone_tree (spec, mount);
  if (fd < 0)
    return -1;

  struct ts_mount_attr attr = { .attr_set = mount->attr_set & ~top,
                                .attr_clr = mount->attr_clear,
                                .propagation = mount->propagation };
  if (set_attributes (fd, attr, is_recursive && !is_top_only (spec, mount)) < 0
      || set_below (fd, spec, mount) < 0)
    return -1;
  if ((mount->attr_set & top) != 0 && mount_set (fd, top, 0, 0) < 0)
    return -1;
  if (map_owners (fd, mount) < 0)
    return -1;
  return take_fd (&fd);
}

/* Passes PATH to the file system.  One that is too long for fsconfig, or that has a backslash,
   which overlay takes for an escape in some options and not in others, goes by descriptor.  */
static int set_layer (int fs, const char *key, const char *path)
{
  char by_fd[TS_FD_PATH_MAX];
  cleanup_close int dir = -1;

  if (strlen (path) <= FSCONFIG_MAX && strchr (path, '\\') == NULL)
    return sys_fsconfig (fs, FSCONFIG_SET_STRING, key, path);
  dir = open (path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (dir < 0 || format_fd_path (by_fd, sizeof by_fd, dir, NULL) < 0)
    return -1;
  return sys_fsconfig (fs, FSCONFIG_SET_STRING, key, by_fd);
}

const char *mount_label (const struct ts_spec *spec, const struct ts_mount *mount)
{
  const struct ts_pair *options = spec_items (spec, mount->options);

  for (uint32_t i = 0; i < mount->options.count; i++)
    if (strcmp (spec_text (spec, options[i].key), "context") == 0 && options[i].value.offset != 0)
      return spec_text (spec, options[i].value);
  return NULL;
}

/* The kernel makes the file system of queues together with their namespace and without a label, and
   takes no other later: it goes on the directory.  */
static int label_top (int mount, const char *label)
{
  cleanup_close int top = openat (mount, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  return top < 0 ? -1 : fsetxattr (top, "security.selinux", label, strlen (label), 0);
}

static int set_options (int fs, const struct ts_spec *spec, const struct ts_mount *mount)
{
  const struct ts_pair *options = spec_items (spec, mount->options);

  for (uint32_t i = 0; i < mount->options.count; i++)
    {
      const char *key = spec_text (spec, options[i].key);
      if (mount->kind == TS_MOUNT_MQUEUE && strcmp (key, "context") == 0)
        continue;
      int result = options[i].value.offset == 0 ? sys_fsconfig (fs, FSCONFIG_SET_FLAG, key, NULL)
                                                : sys_fsconfig (fs, FSCONFIG_SET_STRING, key,
                                                                spec_text (spec, options[i].value));
      if (result < 0)
        return -1;
    }
  return 0;
}

static int create_and_mount (int fs, const struct ts_spec *spec, const struct ts_mount *mount)
{
  const struct ts_mount_extra *extra = spec_extra (spec, mount);
  unsigned int attributes = (unsigned int)mount->attr_set;

  /* Until its content is there.  */
  if (mount->kind == TS_MOUNT_FILES || (extra != NULL && (extra->flags & TS_EXTRA_COPY_UP) != 0))
    attributes &= ~(unsigned int)MOUNT_ATTR_RDONLY;
  if (sys_fsconfig (fs, FSCONFIG_CMD_CREATE, NULL, NULL) < 0)
    return -1;
  int fd = sys_fsmount (fs, attributes);
  /* The mount is made private by nobody else, and private is how it comes.  */
  if (fd >= 0 && extra != NULL && mount->propagation != MS_PRIVATE
      && mount_set (fd, 0, mount->propagation, 0) < 0)
    {
      close (fd); /* Never attached.  */
      return -1;
    }
  return fd;
}

struct page
{
  char text[MOUNT_PAGE];
  size_t length;
};

/* Overlay takes ':' between layers and ',' between options, so both are escaped in paths, and '\\'
 * itself.  */
static int append_layer (struct page *page, const char *path)
{
  for (; *path != 0; path++)
    {
      char one[3] = { 0 };
      size_t n = 0;
      if (strchr (":,\\", *path) != NULL)
        one[n++] = '\\';
      one[n] = *path;
      if (append_text (page->text, sizeof page->text, &page->length, one) < 0)
        return -1;
    }
  return 0;
}

static int append (struct page *page, const char *text)
{
  return append_text (page->text, sizeof page->text, &page->length, text);
}

/* Labels of SELinux have commas in them (selinux_sb_eat_lsm_opts of the kernel takes the quotes).
 */
static int append_value (struct page *page, const char *value)
{
  const char *quote = strchr (value, ',') != NULL ? "\"" : "";

  return append (page, "=") < 0 || append (page, quote) < 0 || append (page, value) < 0
                 || append (page, quote) < 0
             ? -1
             : 0;
}

static int append_overlay (struct page *page, const struct ts_spec *spec,
                           const struct ts_mount *mount)
{
  const struct ts_ref *lower = spec_items (spec, mount->lower);
  const struct ts_pair *options = spec_items (spec, mount->options);

  if (append (page, "lowerdir=") < 0)
    return -1;
  for (uint32_t i = 0; i < mount->lower.count; i++)
    if ((i > 0 && append (page, ":") < 0) || append_layer (page, spec_text (spec, lower[i])) < 0)
      return -1;
  if (mount->upper.length > 0
      && (append (page, ",upperdir=") < 0 || append_layer (page, spec_text (spec, mount->upper)) < 0
          || append (page, ",workdir=") < 0
          || append_layer (page, spec_text (spec, mount->work)) < 0))
    return -1;
  for (uint32_t i = 0; i < mount->options.count; i++)
    {
      if (append (page, ",") < 0 || append (page, spec_text (spec, options[i].key)) < 0)
        return -1;
      if (options[i].value.offset != 0
          && append_value (page, spec_text (spec, options[i].value)) < 0)
        return -1;
    }
  return 0;
}

/* Before Linux 6.7 there is no "lowerdir+", and the joined layers rarely fit fsconfig's 255 bytes,
   so mount(2) with its page of options is used.  It only mounts by path: on SCRATCH, where the
   mount is cloned and taken away.  */
static int make_overlay_by_mount (const struct ts_spec *spec, const struct ts_mount *mount,
                                  const char *scratch)
{
  struct page page = { .length = 0 };

  if (append_overlay (&page, spec, mount) < 0)
    return -1;
  if (sys_mount ("overlay", scratch, "overlay", 0, page.text) < 0)
    return -1;
  cleanup_close int clone = sys_open_tree (AT_FDCWD, scratch, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  int saved = errno;
  if (sys_umount (scratch, MNT_DETACH) < 0)
    return -1;
  errno = saved;
  if (clone < 0 || mount_set (clone, mount->attr_set, 0, 0) < 0)
    return -1;
  return take_fd (&clone);
}

static int make_overlay_by_layers (const struct ts_spec *spec, const struct ts_mount *mount)
{
  const struct ts_ref *lower = spec_items (spec, mount->lower);
  cleanup_close int fs = sys_fsopen ("overlay");
  if (fs < 0)
    return -1;

  if (sys_fsconfig (fs, FSCONFIG_SET_STRING, "source", "overlay") < 0)
    return -1;
  for (uint32_t i = 0; i < mount->lower.count; i++)
    if (set_layer (fs, "lowerdir+", spec_text (spec, lower[i])) < 0)
      return -1;
  if (mount->upper.length > 0
      && (set_layer (fs, "upperdir", spec_text (spec, mount->upper)) < 0
          || set_layer (fs, "workdir", spec_text (spec, mount->work)) < 0))
    return -1;
  if (set_options (fs, spec, mount) < 0)
    return -1;
  return create_and_mount (fs, spec, mount);
}

/* Linux 6.5 and 6.6 refuse the option they do not know at once; before, overlay takes any, and
   refuses to be created.  */
static int make_overlay (const struct ts_spec *spec, const struct ts_mount *mount,
                         const char *scratch)
{
  int fd = make_overlay_by_layers (spec, mount);

  return fd < 0 && errno == EINVAL ? make_overlay_by_mount (spec, mount, scratch) : fd;
}

/* Only what is mounted somewhere can be cloned (before Linux 6.15): on SCRATCH, for a moment.  */
int mount_narrow (int whole, const char *subpath, const char *scratch)
{
  if (sys_move_mount (whole, "", AT_FDCWD, scratch, MOVE_MOUNT_F_EMPTY_PATH) < 0)
    return -1;
  cleanup_close int inner = open_beneath (whole, subpath);
  cleanup_close int clone
      = inner < 0 ? -1
                  : sys_open_tree (inner, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
  int saved = errno;
  if (sys_umount (scratch, MNT_DETACH) < 0)
    return -1;
  errno = saved;
  return take_fd (&clone);
}

static const char *type_name (const struct ts_spec *spec, const struct ts_mount *mount)
{
  switch ((enum ts_mount_kind)mount->kind)
    {
    case TS_MOUNT_TMPFS:
    case TS_MOUNT_FILES:
      return "tmpfs";
    case TS_MOUNT_PROC:
      return "proc";
    case TS_MOUNT_SYSFS:
      return "sysfs";
    case TS_MOUNT_MQUEUE:
      return "mqueue";
    case TS_MOUNT_DEVPTS:
      return "devpts";
    case TS_MOUNT_CGROUP:
      /* A hierarchy of version 1 is named by its options, the unified one has none.  */
      return mount->options.count > 0 ? "cgroup" : "cgroup2";
    case TS_MOUNT_OTHER:
      return spec_text (spec, spec_extra (spec, mount)->type);
    case TS_MOUNT_OVERLAY:
    case TS_MOUNT_BIND:
    case TS_MOUNT_KINDS:
      break;
    }
  return "none";
}

int mount_make (const struct ts_spec *spec, const struct ts_mount *mount, const char *scratch)
{
  const char *type = type_name (spec, mount);
  const char *source = mount->kind == TS_MOUNT_OTHER && mount->source.length > 0
                           ? spec_text (spec, mount->source)
                           : type;

  if (mount->kind == TS_MOUNT_OVERLAY && mount->subpath.length > 0)
    {
      cleanup_close int whole = make_overlay (spec, mount, scratch);
      return whole < 0 ? -1 : mount_narrow (whole, spec_text (spec, mount->subpath), scratch);
    }
  if (mount->kind == TS_MOUNT_OVERLAY)
    return make_overlay (spec, mount, scratch);
  cleanup_close int fs = sys_fsopen (type);
  if (fs < 0)
    return -1;
  if (sys_fsconfig (fs, FSCONFIG_SET_STRING, "source", source) < 0
      || set_options (fs, spec, mount) < 0)
    return -1;
  cleanup_close int made = create_and_mount (fs, spec, mount);
  const char *label = mount->kind == TS_MOUNT_MQUEUE ? mount_label (spec, mount) : NULL;
  if (made < 0 || (label != NULL && label_top (made, label) < 0))
    return -1;
  return take_fd (&made);
}

int mount_make_empty (const char *label)
{
  cleanup_close int fs = sys_fsopen ("tmpfs");

  if (fs < 0 || sys_fsconfig (fs, FSCONFIG_SET_STRING, "source", "tmpfs") < 0
      || (label != NULL && sys_fsconfig (fs, FSCONFIG_SET_STRING, "context", label) < 0)
      || sys_fsconfig (fs, FSCONFIG_CMD_CREATE, NULL, NULL) < 0)
    return -1;
  return sys_fsmount (fs, 0);
}
