/* Checks and maps the flat specification.  After spec_check every text is terminated inside the
   mapping and every list lies inside it, so nobody else needs to look at lengths.  No text is
   parsed here.  */
#define _GNU_SOURCE
#include "spec.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf_common.h>
#include <linux/filter.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif
#ifndef F_GET_SEALS
#define F_GET_SEALS 1034
#define F_SEAL_SHRINK 2
#define F_SEAL_WRITE 8
#endif

struct view
{
  const unsigned char *bytes;
  size_t size;
};

static int check_ref (const struct view *view, struct ts_ref ref)
{
  /* 64-bit sums cannot wrap for two 32-bit numbers (CVE-2021-43784 was such a sum in 16 bits).  */
  uint64_t end = (uint64_t)ref.offset + ref.length;

  if (ref.offset < sizeof (struct ts_spec) || end >= view->size)
    return 0;
  return view->bytes[end] == 0 && memchr (view->bytes + ref.offset, 0, ref.length) == NULL;
}

static int check_list (const struct view *view, struct ts_list list, size_t item)
{
  uint64_t end = (uint64_t)list.offset + (uint64_t)list.count * item;

  return list.offset >= sizeof (struct ts_spec) && list.offset % 8 == 0 && end <= view->size;
}

static int check_refs (const struct view *view, struct ts_list list)
{
  if (!check_list (view, list, sizeof (struct ts_ref)))
    return 0;
  const struct ts_ref *refs = (const void *)(view->bytes + list.offset);
  for (uint32_t i = 0; i < list.count; i++)
    if (!check_ref (view, refs[i]))
      return 0;
  return 1;
}

static int check_pairs (const struct view *view, struct ts_list list, int may_lack_value)
{
  if (!check_list (view, list, sizeof (struct ts_pair)))
    return 0;
  const struct ts_pair *pairs = (const void *)(view->bytes + list.offset);
  for (uint32_t i = 0; i < list.count; i++)
    {
      if (!check_ref (view, pairs[i].key))
        return 0;
      if (may_lack_value && pairs[i].value.offset == 0)
        continue;
      if (!check_ref (view, pairs[i].value))
        return 0;
    }
  return 1;
}

static int is_above (const char *name)
{
  return name[0] == '.' && name[1] == '.' && (name[2] == '/' || name[2] == 0);
}

/* Absolute, and without a component "..", whose meaning would depend on links in the image.  */
static int is_inside_path (const struct view *view, struct ts_ref ref)
{
  const char *path = (const char *)view->bytes + ref.offset;

  if (ref.length == 0 || path[0] != '/')
    return 0;
  for (const char *at = path; at != NULL; at = strchr (at + 1, '/'))
    if (is_above (at + 1))
      return 0;
  return 1;
}

/* Relative and without "..", or empty.  */
static int is_below_path (const struct view *view, struct ts_ref ref)
{
  const char *path = (const char *)view->bytes + ref.offset;

  if (path[0] == '/' || is_above (path))
    return 0;
  for (const char *at = strchr (path, '/'); at != NULL; at = strchr (at + 1, '/'))
    if (is_above (at + 1))
      return 0;
  return 1;
}

static int are_inside_paths (const struct view *view, struct ts_list list)
{
  const struct ts_ref *refs = (const void *)(view->bytes + list.offset);

  for (uint32_t i = 0; i < list.count; i++)
    if (!is_inside_path (view, refs[i]))
      return 0;
  return 1;
}

/* What only a bind has, or only what has a tree of its own to look into.  */
static int check_mount_parts (const struct view *view, const struct ts_mount *mount)
{
  int is_bind = mount->kind == TS_MOUNT_BIND && (mount->flags & TS_MOUNT_JOINED) == 0;

  if (!check_ref (view, mount->subpath) || !is_below_path (view, mount->subpath))
    return 0;
  if (mount->subpath.length > 0 && !is_bind && mount->kind != TS_MOUNT_OVERLAY)
    return 0;
  if (mount->zero != 0 || (mount->owners_fd != 0 && !is_bind))
    return 0;
  return mount->owners_fd == 0 || (mount->owners_fd >= 6 && mount->owners_fd <= INT32_MAX);
}

static int check_mount (const struct view *view, const struct ts_mount *mount, int has_type)
{
  return check_mount_parts (view, mount) && mount->kind < TS_MOUNT_KINDS
         && mount->create < TS_CREATE_KINDS && (mount->flags & ~TS_MOUNT_FLAGS_KNOWN) == 0
         && check_ref (view, mount->source) && check_ref (view, mount->target)
         && check_ref (view, mount->upper) && check_ref (view, mount->work)
         && check_refs (view, mount->lower) && check_pairs (view, mount->options, 1)
         && is_inside_path (view, mount->target)
         && (mount->kind != TS_MOUNT_OVERLAY || mount->lower.count > 0)
         && (mount->kind != TS_MOUNT_OTHER || has_type);
}

static const char *check_mounts (const struct view *view, const struct ts_spec *spec)
{
  if (!check_list (view, spec->mounts, sizeof (struct ts_mount)))
    return "mounts";
  if (spec->mounts.count == 0 || spec->mounts.count > TS_SPEC_MAX_MOUNTS)
    return "number of mounts";
  const struct ts_mount *mounts = spec_items (spec, spec->mounts);
  for (uint32_t i = 0; i < spec->mounts.count; i++)
    {
      const struct ts_mount_extra *extra = spec_extra (spec, &mounts[i]);
      if (!check_mount (view, &mounts[i], extra != NULL && extra->type.length > 0))
        return "a mount";
    }
  if (mounts[0].kind != TS_MOUNT_OVERLAY && mounts[0].kind != TS_MOUNT_BIND)
    return "kind of the root";
  if (mounts[0].target.length != 1)
    return "target of the root";
  if (mounts[0].subpath.length > 0 || mounts[0].owners_fd != 0)
    return "source of the root";
  return NULL;
}

static const char *check_devices (const struct view *view, const struct ts_spec *spec)
{
  if (!check_list (view, spec->devices, sizeof (struct ts_device)))
    return "devices";
  const struct ts_device *devices = spec_items (spec, spec->devices);
  for (uint32_t i = 0; i < spec->devices.count; i++)
    {
      uint32_t type = devices[i].mode & S_IFMT;
      if (!check_ref (view, devices[i].path) || !is_inside_path (view, devices[i].path))
        return "path of a device";
      if (type != S_IFCHR && type != S_IFBLK && type != S_IFIFO)
        return "type of a device";
    }
  return NULL;
}

static const char *check_links (const struct view *view, const struct ts_spec *spec)
{
  if (!check_pairs (view, spec->links, 0))
    return "links";
  const struct ts_pair *links = spec_items (spec, spec->links);
  for (uint32_t i = 0; i < spec->links.count; i++)
    if (!is_inside_path (view, links[i].key))
      return "path of a link";
  return NULL;
}

/* One at most, a bind, and only with a mount namespace to take it from.  */
static const char *check_joined_mount (const struct ts_spec *spec, const struct ts_join *joins)
{
  const struct ts_mount *mounts = spec_items (spec, spec->mounts);
  uint32_t allowed = 0;

  for (uint32_t i = 0; i < spec->joins.count; i++)
    allowed += joins[i].kind == CLONE_NEWNS;
  for (uint32_t i = 0; i < spec->mounts.count; i++)
    if ((mounts[i].flags & TS_MOUNT_JOINED) != 0
        && (mounts[i].kind != TS_MOUNT_BIND || i == 0 || allowed-- == 0))
      return "mount of another container";
  return NULL;
}

static const char *check_joins (const struct view *view, const struct ts_spec *spec)
{
  const uint32_t kinds = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWUTS
                         | CLONE_NEWCGROUP | CLONE_NEWTIME;
  uint32_t seen = spec->namespaces & ~(uint32_t)CLONE_NEWNS;

  if (!check_list (view, spec->joins, sizeof (struct ts_join)) || spec->joins.count > TS_MAX_JOINS)
    return "joins";
  const struct ts_join *joins = spec_items (spec, spec->joins);
  for (uint32_t i = 0; i < spec->joins.count; i++)
    {
      uint32_t kind = joins[i].kind;
      /* One bit, and a namespace is either made, joined, or the host's.  */
      if (kind == 0 || (kind & (kind - 1)) != 0 || (kind & ~kinds) != 0 || (kind & seen) != 0)
        return "kind of a join";
      if (joins[i].fd < 6 || joins[i].fd > INT32_MAX)
        return "descriptor of a join";
      seen |= kind;
    }
  return check_joined_mount (spec, joins);
}

static const char *check_process (const struct view *view, const struct ts_spec *spec)
{
  if (!check_refs (view, spec->args) || spec->args.count == 0)
    return "arguments";
  if (!check_refs (view, spec->env))
    return "environment";
  if (!check_list (view, spec->groups, sizeof (uint32_t)) || spec->groups.count > 65536)
    return "groups";
  if (!check_list (view, spec->rlimits, sizeof (struct ts_rlimit)))
    return "resource limits";
  const struct ts_rlimit *limits = spec_items (spec, spec->rlimits);
  for (uint32_t i = 0; i < spec->rlimits.count; i++)
    if (limits[i].resource >= RLIM_NLIMITS || limits[i].soft > limits[i].hard)
      return "a resource limit";
  if (!check_list (view, spec->seccomp, sizeof (struct sock_filter))
      || spec->seccomp.count > BPF_MAXINSNS)
    return "seccomp filter";
  if (!check_ref (view, spec->cwd) || !is_inside_path (view, spec->cwd))
    return "working directory";
  if (spec->umask > 0777)
    return "umask";
  return NULL;
}

static const char *check_descriptors (const struct view *view, const struct ts_handover *handover)
{
  const struct ts_descriptor *all = (const void *)(view->bytes + handover->descriptors.offset);

  if (!check_list (view, handover->descriptors, sizeof *all))
    return "descriptors";
  for (uint32_t i = 0; i < handover->descriptors.count; i++)
    {
      uint32_t target = all[i].target;
      if (target > TS_TARGET_KEPT_MAX && target != TS_TARGET_CONSOLE
          && target != TS_TARGET_CONTAINER)
        return "target of a descriptor";
      if ((i > 0 && target <= all[i - 1].target) || all[i].fd < 6 || all[i].fd > INT32_MAX)
        return "order of the descriptors";
    }
  return NULL;
}

static const char *check_hooks (const struct view *view, const struct ts_handover *handover)
{
  const struct ts_hook *hooks = (const void *)(view->bytes + handover->hooks.offset);

  if (!check_list (view, handover->hooks, sizeof *hooks))
    return "hooks";
  for (uint32_t i = 0; i < handover->hooks.count; i++)
    {
      if (hooks[i].stage == 0 || hooks[i].stage >= TS_HOOK_STAGES
          || hooks[i].timeout_seconds > INT32_MAX / 1000)
        return "stage of a hook";
      if (!check_ref (view, hooks[i].path) || !check_refs (view, hooks[i].args)
          || !check_refs (view, hooks[i].env) || !check_ref (view, hooks[i].state.key)
          || !check_ref (view, hooks[i].state.value) || !is_inside_path (view, hooks[i].path))
        return "a hook";
    }
  return NULL;
}

static const char *check_extras (const struct view *view, const struct ts_spec *spec,
                                 const struct ts_handover *handover)
{
  const struct ts_mount_extra *extras = (const void *)(view->bytes + handover->extras.offset);
  uint32_t mounts = (spec->flags & TS_FLAG_EXEC) != 0 ? 0 : spec->mounts.count;

  if (!check_list (view, handover->extras, sizeof *extras)
      || (handover->extras.count != 0 && handover->extras.count != mounts))
    return "number of mounts";
  for (uint32_t i = 0; i < handover->extras.count; i++)
    if (!check_ref (view, extras[i].type) || (extras[i].flags & ~TS_EXTRA_FLAGS_KNOWN) != 0
        || extras[i].zero != 0)
      return "more about a mount";
  return NULL;
}

static const char *check_handover (const struct view *view, const struct ts_spec *spec)
{
  const struct ts_handover *handover = spec_handover (spec);
  const char *wrong;

  if (handover == NULL)
    return NULL;
  if ((handover->flags & ~TS_HANDOVER_FLAGS_KNOWN) != 0
      || (spec->flags & (TS_FLAG_START_AT_ONCE | TS_FLAG_INIT | TS_FLAG_STDIN)) != 0)
    return "flags of what is handed over";
  if (!check_ref (view, handover->time_offsets) || !check_list (view, handover->scheduler, 1)
      || (handover->scheduler.count != 0 && handover->scheduler.count != TS_SCHED_ATTR_SIZE))
    return "scheduling";
  if ((wrong = check_descriptors (view, handover)) != NULL
      || (wrong = check_hooks (view, handover)) != NULL)
    return wrong;
  return check_extras (view, spec, handover);
}

/* An exec that is handed over says itself what it joins.  */
static const char *check_exec (const struct view *view, const struct ts_spec *spec)
{
  if (spec_handover (spec) != NULL && (!check_refs (view, spec->cgroups) || spec->joins.count != 0))
    return "control groups";
  return check_process (view, spec);
}

/* Every command is a path and its arguments.  */
static int check_command (const struct view *view, struct ts_list list)
{
  const struct ts_ref *refs = (const void *)(view->bytes + list.offset);

  return list.count > 0 && is_inside_path (view, refs[0]);
}

static const char *check_foreign (const struct view *view, const struct ts_spec *spec)
{
  const struct ts_foreign *foreign = spec_foreign (spec);

  if (foreign == NULL)
    return NULL;
  if (!check_ref (view, foreign->directory) || !is_inside_path (view, foreign->directory))
    return "directory of the runtime";
  if (!check_refs (view, foreign->start) || !check_refs (view, foreign->delete)
      || !check_command (view, spec->args))
    return "commands of the runtime";
  if ((spec->flags & TS_FLAG_EXEC) == 0
      && (!check_command (view, foreign->start) || !check_command (view, foreign->delete)))
    return "commands of the runtime";
  return NULL;
}

static const char *check_texts (const struct view *view, const struct ts_spec *spec)
{
  if (!check_ref (view, spec->id) || !check_ref (view, spec->hostname)
      || !check_ref (view, spec->domainname))
    return "names";
  if (spec->hostname.length > 64 || spec->domainname.length > 64)
    return "length of the host name";
  if (!check_ref (view, spec->network_namespace) || !check_ref (view, spec->log_path)
      || !check_ref (view, spec->control_path) || !check_ref (view, spec->exit_path))
    return "host paths";
  if (!is_inside_path (view, spec->control_path) || !is_inside_path (view, spec->exit_path)
      || (spec->log_path.length > 0 && !is_inside_path (view, spec->log_path)))
    return "host paths that are not absolute";
  if (!check_refs (view, spec->cgroups))
    return "control groups";
  if (!check_refs (view, spec->masked) || !check_refs (view, spec->readonly)
      || !are_inside_paths (view, spec->masked) || !are_inside_paths (view, spec->readonly))
    return "masked or read-only paths";
  if (!check_pairs (view, spec->sysctls, 0))
    return "sysctls";
  return NULL;
}

static int check_file (const struct view *view, const struct ts_spec *spec,
                       const struct ts_file *file)
{
  const struct ts_mount *mounts = spec_items (spec, spec->mounts);
  const char *path = (const char *)view->bytes + file->path.offset;

  if (file->mount >= spec->mounts.count || mounts[file->mount].kind != TS_MOUNT_FILES
      || (file->mode & ~0777u) != 0)
    return 0;
  return check_ref (view, file->path) && is_inside_path (view, file->path)
         && path[file->path.length - 1] != '/' && check_list (view, file->content, 1);
}

/* What is mounted as a file is one of them.  */
static int check_file_mounts (const struct ts_spec *spec, const struct ts_file *files,
                              uint32_t count)
{
  const struct ts_mount *mounts = spec_items (spec, spec->mounts);

  for (uint32_t i = 0; i < spec->mounts.count; i++)
    {
      uint32_t own = 0;
      for (uint32_t k = 0; k < count; k++)
        own += files[k].mount == i;
      if (mounts[i].kind == TS_MOUNT_FILES && mounts[i].create == TS_CREATE_FILE && own != 1)
        return 0;
    }
  return 1;
}

static const char *check_files (const struct view *view, const struct ts_spec *spec)
{
  const struct ts_more *more = spec_more (spec);
  const struct ts_file *files = more == NULL ? NULL : spec_items (spec, more->files);
  uint32_t count = more == NULL ? 0 : more->files.count;

  if (count > TS_SPEC_MAX_FILES)
    return "number of files";
  for (uint32_t i = 0; i < count; i++)
    if (!check_file (view, spec, &files[i]))
      return "a file";
  return check_file_mounts (spec, files, count) ? NULL : "a mount of files";
}

static const char *check_more (const struct view *view, const struct ts_spec *spec)
{
  const struct ts_more *more = spec_more (spec);

  if (more == NULL)
    return NULL;
  if ((more->flags & ~TS_MORE_FLAGS_KNOWN) != 0 || more->zero != 0)
    return "further flags";
  if (!check_list (view, more->files, sizeof (struct ts_file)))
    return "files";
  if (!check_pairs (view, more->attributes, 0) || more->attributes.count > TS_MAX_ATTRIBUTES)
    return "attributes of the process";
  if ((more->flags & TS_MORE_INIT_ATTRIBUTE) != 0
      && (more->attributes.count == 0 || (spec->flags & TS_FLAG_INIT) == 0))
    return "attribute of the init";
  const struct ts_pair *attributes = spec_items (spec, more->attributes);
  for (uint32_t i = 0; i < more->attributes.count; i++)
    if (attributes[i].key.length == 0 || !is_below_path (view, attributes[i].key))
      return "an attribute of the process";
  return NULL;
}

/* Without its flag a header has no second part, so that shims from before it know all others.  */
static size_t header_size (const struct ts_spec *spec)
{
  return sizeof *spec + (spec_handover (spec) == NULL ? 0 : sizeof (struct ts_handover))
         + (spec_foreign (spec) == NULL ? 0 : sizeof (struct ts_foreign))
         + ((spec->flags & TS_FLAG_MORE) == 0 ? 0 : sizeof (struct ts_more));
}

/* Only who hands it over has the shim make a network namespace.  */
static uint32_t allowed_namespaces (const struct ts_spec *spec)
{
  uint32_t namespaces
      = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP | CLONE_NEWTIME;

  return namespaces | (spec_handover (spec) == NULL ? 0 : CLONE_NEWNET);
}

const char *spec_check (const void *bytes, size_t size)
{
  const struct ts_spec *spec = bytes;
  struct view view = { .bytes = bytes, .size = size };
  const char *wrong;

  if (size < sizeof *spec || spec->magic != TS_SPEC_MAGIC)
    return "magic number";
  if (spec->version != TS_SPEC_VERSION || spec->header_size != header_size (spec))
    return "version";
  if (spec->total_size != size || size > TS_SPEC_MAX_SIZE)
    return "size";
  if ((spec->flags & ~TS_FLAGS_KNOWN) != 0 || spec->zero != 0
      || (spec_handover (spec) != NULL && spec_foreign (spec) != NULL))
    return "flags";
  if (size < spec->header_size)
    return "size";
  if ((wrong = check_handover (&view, spec)) != NULL || (wrong = check_more (&view, spec)) != NULL)
    return wrong;
  if ((spec->flags & TS_FLAG_EXEC) != 0)
    return (wrong = check_exec (&view, spec)) != NULL ? wrong : check_foreign (&view, spec);
  /* Without a mount namespace of its own every mount would be one of the host.  */
  if ((spec->namespaces & ~allowed_namespaces (spec)) != 0 || (spec->namespaces & CLONE_NEWNS) == 0)
    return "namespaces";
  if ((wrong = check_texts (&view, spec)) != NULL)
    return wrong;
  if ((wrong = check_mounts (&view, spec)) != NULL || (wrong = check_files (&view, spec)) != NULL)
    return wrong;
  if ((wrong = check_devices (&view, spec)) != NULL)
    return wrong;
  if ((wrong = check_links (&view, spec)) != NULL)
    return wrong;
  if ((wrong = check_joins (&view, spec)) != NULL)
    return wrong;
  if ((wrong = check_process (&view, spec)) != NULL)
    return wrong;
  return check_foreign (&view, spec);
}

static int is_of_kind (const struct ts_spec *spec, enum ts_spec_kind kind)
{
  if ((spec->flags & TS_FLAG_EXEC) == 0)
    return kind != TS_SPEC_EXEC;
  return kind == (spec_handover (spec) == NULL ? TS_SPEC_EXEC : TS_SPEC_AT_START);
}

const struct ts_spec *spec_map (int fd, enum ts_spec_kind kind, const char **what)
{
  const int seals = F_SEAL_SHRINK | F_SEAL_WRITE;
  struct stat st;
  void *bytes;

  /* Unsealed, it could change after it was checked, or shrink and kill the shim by SIGBUS.  */
  int have = fcntl (fd, F_GET_SEALS);
  if (have < 0)
    return NULL;
  if ((have & seals) != seals)
    {
      *what = "not sealed";
      return NULL;
    }
  if (fstat (fd, &st) < 0)
    return NULL;
  if (st.st_size < (off_t)sizeof (struct ts_spec) || st.st_size > (off_t)TS_SPEC_MAX_SIZE)
    {
      *what = "size";
      return NULL;
    }
  bytes = mmap (NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (bytes == MAP_FAILED)
    return NULL;
  *what = spec_check (bytes, (size_t)st.st_size);
  const struct ts_spec *spec = bytes;
  if (*what == NULL && !is_of_kind (spec, kind))
    *what = "kind";
  if (*what == NULL)
    return spec;
  munmap (bytes, (size_t)st.st_size);
  return NULL;
}
