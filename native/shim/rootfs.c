#define _GNU_SOURCE
#include "rootfs.h"

#include <errno.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

#include "console.h"
#include "files.h"
#include "hooks.h"
#include "mounts.h"
#include "paths.h"
#include "program.h"
#include "sys.h"
#include "tree-copy.h"
#include "util.h"

struct sources
{
  int fds[TS_SPEC_MAX_MOUNTS];
};

/* Sources are cloned while this namespace's mounts still are peers of the host's, so that a bind
   with shared propagation can pass mounts both ways (mount_namespaces(7)).  */
static int open_sources (const struct sandbox *sandbox, struct sources *sources)
{
  const struct ts_spec *spec = sandbox->spec;
  const struct ts_mount *mounts = spec_items (spec, spec->mounts);

  for (uint32_t i = 0; i < spec->mounts.count; i++)
    {
      sources->fds[i] = -1;
      if (mounts[i].kind != TS_MOUNT_BIND)
        continue;
      sources->fds[i] = (mounts[i].flags & TS_MOUNT_JOINED) != 0
                            ? dup (sandbox->joined_source)
                            : mount_clone_source (spec, &mounts[i]);
      if (sources->fds[i] < 0)
        return sandbox_fail (sandbox, TS_STAGE_MOUNT, spec_text (spec, mounts[i].source));
    }
  return 0;
}

/* A tmpfs of ours with one empty directory and one empty file, to cover paths with.  It must be
   attached somewhere to be cloned (before Linux 6.15).  That is HOST_DIR, below the root that is
   mounted there next, so that the umount after pivot_root takes it away with the rest of the host.
   It is labelled as the root, or the program could not even see that nothing is there.  */
static int make_mask (const struct sandbox *sandbox, int host_dir)
{
  const uint64_t attributes
      = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
  const struct ts_mount *root = spec_items (sandbox->spec, sandbox->spec->mounts);
  cleanup_close int fd = mount_make_empty (mount_label (sandbox->spec, root));

  if (fd < 0 || mkdirat (fd, "directory", 0555) < 0 || mknodat (fd, "file", S_IFREG | 0444, 0) < 0)
    return -1;
  if (mount_attach (fd, host_dir) < 0 || mount_set (fd, attributes, 0, 0) < 0)
    return -1;
  return take_fd (&fd);
}

static int make_root (struct sandbox *sandbox, int source)
{
  const struct ts_spec *spec = sandbox->spec;
  const struct ts_mount *root = spec_items (spec, spec->mounts);
  cleanup_close int host_dir = -1;

  sandbox->root = source >= 0 ? source : mount_make (spec, root, sandbox->host_dir);
  if (sandbox->root < 0)
    return sandbox_fail (
        sandbox, TS_STAGE_ROOT,
        spec_text (spec, root->kind == TS_MOUNT_BIND ? root->source : root->upper));
  /* While it is built, what is mounted on it would appear in the host's tree as well.  */
  if (root->propagation == MS_SHARED && mount_set (sandbox->root, 0, MS_PRIVATE, 1) < 0)
    return sandbox_fail (sandbox, TS_STAGE_PROPAGATION, "/");
  host_dir = open (sandbox->host_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (host_dir < 0)
    return sandbox_fail (sandbox, TS_STAGE_ROOT, sandbox->host_dir);
  if (spec->masked.count > 0 && (sandbox->mask = make_mask (sandbox, host_dir)) < 0)
    return sandbox_fail (sandbox, TS_STAGE_MASKED_PATH, "");
  if (mount_attach (sandbox->root, host_dir) < 0)
    return sandbox_fail (sandbox, TS_STAGE_ROOT, sandbox->host_dir);
  return 0;
}

/* "/dev/snd/seq" as "/snd/seq", or NULL when the path is not below /dev.  */
static const char *below_dev (const char *path)
{
  return strncmp (path, "/dev/", 5) == 0 ? path + 4 : NULL;
}

/* Whether NAME is already what was wanted: an image may bring its own nodes along.  */
static int is_same_node (int parent, const char *name, const struct ts_device *device)
{
  struct stat st;

  return fstatat (parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0
         && (st.st_mode & S_IFMT) == (device->mode & S_IFMT)
         && st.st_rdev == makedev (device->major, device->minor);
}

static int make_device (int base, const char *path, const struct ts_device *device)
{
  const char *name;
  cleanup_close int parent = make_parent_below (base, path, &name);

  if (parent < 0)
    return -1;
  if (mknodat (parent, name, device->mode, makedev (device->major, device->minor)) < 0)
    return errno == EEXIST && is_same_node (parent, name, device) ? 0 : -1;
  if (device->uid == 0 && device->gid == 0)
    return 0;
  return fchownat (parent, name, device->uid, device->gid, AT_SYMLINK_NOFOLLOW);
}

/* Without one, the image's own /dev is all there is.  */
static int has_dev_mount (const struct ts_spec *spec)
{
  const struct ts_mount *mounts = spec_items (spec, spec->mounts);

  for (uint32_t i = 1; i < spec->mounts.count; i++)
    if (strcmp (spec_text (spec, mounts[i].target), "/dev") == 0)
      return 1;
  return 0;
}

/* Devices below /dev are made through the descriptor of the tmpfs that was just mounted there and
   that nothing else is in yet; never through a path of the image, which could lead elsewhere
   (CVE-2026-41579, CVE-2026-47766).  */
static int make_devices (const struct sandbox *sandbox, int is_dev)
{
  const struct ts_spec *spec = sandbox->spec;
  const struct ts_device *devices = spec_items (spec, spec->devices);
  int has_mount = has_dev_mount (spec);

  for (uint32_t i = 0; i < spec->devices.count; i++)
    {
      const char *path = spec_text (spec, devices[i].path);
      const char *inner = has_mount ? below_dev (path) : NULL;
      if ((inner != NULL) != is_dev)
        continue;
      if (make_device (is_dev ? sandbox->dev : sandbox->root, is_dev ? inner : path, &devices[i])
          < 0)
        return sandbox_fail (sandbox, TS_STAGE_DEVICE, path);
    }
  return 0;
}

static int make_links (const struct sandbox *sandbox)
{
  const struct ts_spec *spec = sandbox->spec;
  const struct ts_pair *links = spec_items (spec, spec->links);

  for (uint32_t i = 0; i < spec->links.count; i++)
    {
      const char *path = spec_text (spec, links[i].key);
      const char *inner = sandbox->dev >= 0 ? below_dev (path) : NULL;
      const char *name;
      cleanup_close int parent = inner == NULL ? make_parent_below (sandbox->root, path, &name)
                                               : make_parent_below (sandbox->dev, inner, &name);
      /* The image's own file goes before a link of ours.  */
      if (parent < 0
          || (symlinkat (spec_text (spec, links[i].value), parent, name) < 0 && errno != EEXIST))
        return sandbox_fail (sandbox, TS_STAGE_LINK, path);
    }
  return 0;
}

/* Only makes it.  It is opened when everything is mounted: a descriptor from now would lead below a
 * mask.  */
static int make_working_directory (const struct sandbox *sandbox)
{
  const char *cwd = spec_text (sandbox->spec, sandbox->spec->cwd);
  cleanup_close int made = make_below (sandbox->root, cwd, TS_CREATE_DIRECTORY);

  return made < 0 ? sandbox_fail (sandbox, TS_STAGE_WORKING_DIRECTORY, cwd) : 0;
}

static int has_option (const struct ts_spec *spec, const struct ts_mount *mount, const char *name)
{
  const struct ts_pair *options = spec_items (spec, mount->options);

  for (uint32_t i = 0; i < mount->options.count; i++)
    if (strcmp (spec_text (spec, options[i].key), name) == 0)
      return 1;
  return 0;
}

static int copy_up (const struct sandbox *sandbox, const struct ts_mount *mount, int target, int fd)
{
  const struct ts_mount_extra *extra = spec_extra (sandbox->spec, mount);

  if (extra == NULL || (extra->flags & TS_EXTRA_COPY_UP) == 0)
    return 0;
  if (tree_copy (target, fd, !has_option (sandbox->spec, mount, "mode")) < 0)
    return -1;
  return mount_set (fd, mount->attr_set, 0, 0);
}

static int attach (struct sandbox *sandbox, const struct ts_mount *mount, int fd)
{
  const char *path = spec_text (sandbox->spec, mount->target);
  cleanup_close int target = make_below (sandbox->root, path, (enum ts_create)mount->create);

  if (target < 0 || copy_up (sandbox, mount, target, fd) < 0 || mount_attach (fd, target) < 0)
    return -1;
  if (mount->kind == TS_MOUNT_PROC && sandbox->proc < 0)
    sandbox->proc = dup (fd);
  if (mount->kind == TS_MOUNT_DEVPTS && sandbox->pts < 0)
    sandbox->pts = dup (fd);
  if (mount->kind == TS_MOUNT_TMPFS && sandbox->dev < 0 && strcmp (path, "/dev") == 0)
    {
      sandbox->dev = dup (fd);
      return sandbox->dev < 0 ? -1 : make_devices (sandbox, 1);
    }
  return 0;
}

static int make_source (const struct sandbox *sandbox, uint32_t index)
{
  const struct ts_spec *spec = sandbox->spec;
  const struct ts_mount *mount = (const struct ts_mount *)spec_items (spec, spec->mounts) + index;

  return mount->kind == TS_MOUNT_FILES ? files_make (spec, index, sandbox->host_dir)
                                       : mount_make (spec, mount, sandbox->host_dir);
}

/* Directories of files, once nothing more is to be mounted in them.  */
static int seal_files (const struct sandbox *sandbox, struct sources *sources)
{
  const struct ts_spec *spec = sandbox->spec;
  const struct ts_mount *mounts = spec_items (spec, spec->mounts);

  for (uint32_t i = 1; i < spec->mounts.count; i++)
    {
      cleanup_close int fd = mounts[i].kind == TS_MOUNT_FILES ? sources->fds[i] : -1;
      if (fd >= 0 && mount_set (fd, mounts[i].attr_set, 0, 0) < 0)
        return sandbox_fail (sandbox, TS_STAGE_MOUNT, spec_text (spec, mounts[i].target));
    }
  return 0;
}

static int make_mounts (struct sandbox *sandbox, struct sources *sources)
{
  const struct ts_spec *spec = sandbox->spec;
  const struct ts_mount *mounts = spec_items (spec, spec->mounts);

  for (uint32_t i = 1; i < spec->mounts.count; i++)
    {
      cleanup_close int fd = sources->fds[i] >= 0 ? sources->fds[i] : make_source (sandbox, i);
      if (fd < 0 || attach (sandbox, &mounts[i], fd) < 0)
        return sandbox_fail (sandbox, TS_STAGE_MOUNT, spec_text (spec, mounts[i].target));
      if (mounts[i].kind == TS_MOUNT_FILES)
        sources->fds[i] = take_fd (&fd);
    }
  return seal_files (sandbox, sources);
}

/* Writes go to the procfs that we mounted ourselves and not to whatever is at /proc
   (CVE-2019-16884, CVE-2025-52881).  */
static int write_sysctl (int proc, const char *name, const char *value)
{
  struct statfs fs;
  cleanup_close int sys = sys_openat2 (proc, "sys", O_PATH | O_DIRECTORY,
                                       RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
  cleanup_close int fd
      = sys < 0 ? -1
                : sys_openat2 (sys, name, O_WRONLY,
                               RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);

  if (fd < 0 || fstatfs (fd, &fs) < 0)
    return -1;
  if (fs.f_type != PROC_SUPER_MAGIC)
    {
      errno = EXDEV;
      return -1;
    }
  return write_all (fd, value, strlen (value));
}

static int write_sysctls (struct sandbox *sandbox)
{
  const struct ts_mount detached = { .kind = TS_MOUNT_PROC };
  const struct ts_spec *spec = sandbox->spec;
  const struct ts_pair *sysctls = spec_items (spec, spec->sysctls);

  if ((spec->sysctls.count > 0 || spec_has_init_attribute (spec)) && sandbox->proc < 0)
    sandbox->proc = mount_make (spec, &detached, sandbox->host_dir);
  for (uint32_t i = 0; i < spec->sysctls.count; i++)
    {
      const char *name = spec_text (spec, sysctls[i].key);
      if (write_sysctl (sandbox->proc, name, spec_text (spec, sysctls[i].value)) < 0)
        return sandbox_fail (sandbox, TS_STAGE_SYSCTL, name);
    }
  return 0;
}

/* Only through what was just mounted.  */
static int make_console (struct sandbox *sandbox)
{
  if ((sandbox->spec->flags & TS_FLAG_TERMINAL) == 0 || sandbox->pts < 0)
    return 0;
  if (console_open (sandbox, sandbox->pts, "ptmx") < 0)
    return -1;
  return sandbox->dev < 0 ? 0 : console_bind (sandbox);
}

static int is_absent (int error) { return error == ENOENT || error == ENOTDIR; }

/* Never a bind of the container's /dev/null, which the image may have replaced (CVE-2025-31133). */
static int mask_path (int mask, int target)
{
  struct stat st;

  if (fstat (target, &st) < 0)
    return -1;
  cleanup_close int cover = sys_open_tree (mask, S_ISDIR (st.st_mode) ? "directory" : "file",
                                           OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  return cover < 0 ? -1 : mount_attach (cover, target);
}

static int mask_paths (const struct sandbox *sandbox)
{
  const struct ts_spec *spec = sandbox->spec;
  const struct ts_ref *masked = spec_items (spec, spec->masked);

  for (uint32_t i = 0; i < spec->masked.count; i++)
    {
      const char *path = spec_text (spec, masked[i]);
      cleanup_close int target = open_below (sandbox->root, path, O_PATH);
      if (target < 0 && is_absent (errno))
        continue;
      if (target < 0 || mask_path (sandbox->mask, target) < 0)
        return sandbox_fail (sandbox, TS_STAGE_MASKED_PATH, path);
    }
  return 0;
}

static int make_readonly (int target)
{
  cleanup_close int copy = sys_open_tree (
      target, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_EMPTY_PATH);

  if (copy < 0 || mount_set (copy, MOUNT_ATTR_RDONLY, 0, 1) < 0)
    return -1;
  return mount_attach (copy, target);
}

static int make_paths_readonly (const struct sandbox *sandbox)
{
  const struct ts_spec *spec = sandbox->spec;
  const struct ts_ref *paths = spec_items (spec, spec->readonly);

  for (uint32_t i = 0; i < spec->readonly.count; i++)
    {
      const char *path = spec_text (spec, paths[i]);
      cleanup_close int target = open_below (sandbox->root, path, O_PATH);
      if (target < 0 && is_absent (errno))
        continue;
      if (target < 0 || make_readonly (target) < 0)
        return sandbox_fail (sandbox, TS_STAGE_READONLY_PATH, path);
    }
  return 0;
}

/* With both arguments "." the old root is left mounted on top of the new one, where "." finds and
   detaches it (pivot_root(2), "pivot_root(".", ".")").  The host's files are then out of reach.  */
static int pivot (const struct sandbox *sandbox)
{
  struct stat root, above;

  if (fchdir (sandbox->root) < 0 || sys_pivot_root (".", ".") < 0
      || sys_umount (".", MNT_DETACH) < 0 || chdir ("/") < 0 || fstat (sandbox->root, &root) < 0
      || stat ("..", &above) < 0)
    return sandbox_fail (sandbox, TS_STAGE_PIVOT_ROOT, "/");
  /* Had the umount found another mount than the host's root, that would still lie above, and ".."
   * lead to it.  */
  if (root.st_dev != above.st_dev || root.st_ino != above.st_ino)
    {
      errno = EXDEV;
      return sandbox_fail (sandbox, TS_STAGE_PIVOT_ROOT, "..");
    }
  return 0;
}

/* Not before pivot_root, which takes no shared mount.  */
static int share_root (const struct sandbox *sandbox)
{
  const struct ts_mount *root = spec_items (sandbox->spec, sandbox->spec->mounts);

  if (root->propagation != MS_SHARED || mount_set (sandbox->root, 0, MS_SHARED, 0) == 0)
    return 0;
  return sandbox_fail (sandbox, TS_STAGE_PROPAGATION, "/");
}

/* First those that run outside, by whoever holds us, then those that run here.  */
static int call_hooks (const struct sandbox *sandbox)
{
  const struct ts_handover *handover = spec_handover (sandbox->spec);

  if (handover != NULL && (handover->flags & TS_HANDOVER_HOLD) != 0
      && program_wait (sandbox, TS_HOLDING) < 0)
    return -1;
  return hooks_run (sandbox, TS_HOOK_CREATE_CONTAINER);
}

int rootfs_enter (struct sandbox *sandbox)
{
  struct sources sources;

  if (open_sources (sandbox, &sources) < 0)
    return -1;
  /* From here on no mount made here reaches the host, but the host's unmounts reach us until
     pivot_root, so that we do not keep its file systems busy.  */
  if (sys_mount (NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
    return sandbox_fail (sandbox, TS_STAGE_PROPAGATION, "/");
  if (make_root (sandbox, sources.fds[0]) < 0 || make_devices (sandbox, 0) < 0
      || make_mounts (sandbox, &sources) < 0 || make_console (sandbox) < 0)
    return -1;
  if (make_links (sandbox) < 0 || make_working_directory (sandbox) < 0
      || write_sysctls (sandbox) < 0)
    return -1;
  if (mask_paths (sandbox) < 0 || make_paths_readonly (sandbox) < 0)
    return -1;
  /* Only now: until here, mount points were made in it.  */
  if ((sandbox->spec->flags & TS_FLAG_ROOT_READONLY) != 0
      && mount_set (sandbox->root, MOUNT_ATTR_RDONLY, 0, 0) < 0)
    return sandbox_fail (sandbox, TS_STAGE_ROOT, "/");
  return call_hooks (sandbox) < 0 || pivot (sandbox) < 0 ? -1 : share_root (sandbox);
}
