/* Whatever the bytes are, spec_check refuses them or every text and item lies inside them
 * (CVE-2021-43784).  */
#define _GNU_SOURCE
#include "check.h"
#include "files.h"
#include "spec.h"

#include <linux/filter.h>

static volatile unsigned char sink;
static uint32_t state = 20261120;

/* Numerical Recipes' generator: the same run every time.  */
static uint32_t random_below (uint32_t limit)
{
  state = state * 1664525 + 1013904223;
  return (uint32_t)(((uint64_t)state * limit) >> 32);
}

static void touch (const void *bytes, size_t size)
{
  for (size_t i = 0; i < size; i++)
    sink ^= ((const unsigned char *)bytes)[i];
}

static void touch_text (const struct ts_spec *spec, struct ts_ref ref)
{
  const char *text = spec_text (spec, ref);

  if (strlen (text) != ref.length)
    abort ();
  touch (text, ref.length + 1);
}

static void touch_texts (const struct ts_spec *spec, struct ts_list list)
{
  const struct ts_ref *refs = spec_items (spec, list);

  for (uint32_t i = 0; i < list.count; i++)
    touch_text (spec, refs[i]);
}

static void touch_pairs (const struct ts_spec *spec, struct ts_list list)
{
  const struct ts_pair *pairs = spec_items (spec, list);

  for (uint32_t i = 0; i < list.count; i++)
    {
      touch_text (spec, pairs[i].key);
      if (pairs[i].value.offset != 0)
        touch_text (spec, pairs[i].value);
    }
}

static void walk_handover (const struct ts_spec *spec)
{
  const struct ts_handover *handover = spec_handover (spec);
  const struct ts_mount *mounts = spec_items (spec, spec->mounts);

  if (handover == NULL)
    return;
  const struct ts_hook *hooks = spec_items (spec, handover->hooks);
  touch_text (spec, handover->time_offsets);
  touch (spec_items (spec, handover->scheduler), handover->scheduler.count);
  touch (spec_items (spec, handover->descriptors),
         handover->descriptors.count * sizeof (struct ts_descriptor));
  for (uint32_t i = 0; i < handover->hooks.count; i++)
    {
      touch_text (spec, hooks[i].path);
      touch_texts (spec, hooks[i].args);
      touch_texts (spec, hooks[i].env);
      touch_text (spec, hooks[i].state.key);
      touch_text (spec, hooks[i].state.value);
    }
  for (uint32_t i = 0; (spec->flags & TS_FLAG_EXEC) == 0 && i < spec->mounts.count; i++)
    if (spec_extra (spec, &mounts[i]) != NULL)
      touch_text (spec, spec_extra (spec, &mounts[i])->type);
}

static void walk_more (const struct ts_spec *spec)
{
  const struct ts_more *more = spec_more (spec);

  if (more == NULL)
    return;
  touch_pairs (spec, more->attributes);
  const struct ts_file *files = spec_items (spec, more->files);
  for (uint32_t i = 0; (spec->flags & TS_FLAG_EXEC) == 0 && i < more->files.count; i++)
    {
      const struct ts_mount *mounts = spec_items (spec, spec->mounts);
      touch (&mounts[files[i].mount], sizeof *mounts);
      touch_text (spec, files[i].path);
      touch (spec_items (spec, files[i].content), files[i].content.count);
    }
}

/* Reads everything that the shim would.  */
static void walk (const struct ts_spec *spec)
{
  const struct ts_mount *mounts = spec_items (spec, spec->mounts);
  const struct ts_device *devices = spec_items (spec, spec->devices);
  const struct ts_ref single[]
      = { spec->id,  spec->hostname, spec->domainname,   spec->network_namespace,
          spec->cwd, spec->log_path, spec->control_path, spec->exit_path };
  const struct ts_list texts[]
      = { spec->cgroups, spec->masked, spec->readonly, spec->args, spec->env };

  walk_handover (spec);
  walk_more (spec);
  const struct ts_foreign *foreign = spec_foreign (spec);
  if (foreign != NULL)
    {
      touch_text (spec, foreign->directory);
      touch_texts (spec, foreign->start);
      touch_texts (spec, foreign->delete);
    }
  touch (spec_items (spec, spec->groups), spec->groups.count * sizeof (uint32_t));
  touch (spec_items (spec, spec->rlimits), spec->rlimits.count * sizeof (struct ts_rlimit));
  touch (spec_items (spec, spec->seccomp), spec->seccomp.count * sizeof (struct sock_filter));
  if ((spec->flags & TS_FLAG_EXEC) != 0)
    {
      /* Only the process counts.  */
      touch_text (spec, spec->cwd);
      touch_texts (spec, spec->args);
      touch_texts (spec, spec->env);
      if (spec_handover (spec) != NULL)
        touch_texts (spec, spec->cgroups);
      return;
    }
  touch (spec_items (spec, spec->joins), spec->joins.count * sizeof (struct ts_join));
  for (size_t i = 0; i < sizeof single / sizeof *single; i++)
    touch_text (spec, single[i]);
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    touch_texts (spec, texts[i]);
  for (uint32_t i = 0; i < spec->mounts.count; i++)
    {
      touch_text (spec, mounts[i].source);
      touch_text (spec, mounts[i].target);
      touch_text (spec, mounts[i].upper);
      touch_text (spec, mounts[i].work);
      touch_text (spec, mounts[i].subpath);
      touch_texts (spec, mounts[i].lower);
      touch_pairs (spec, mounts[i].options);
    }
  for (uint32_t i = 0; i < spec->devices.count; i++)
    touch_text (spec, devices[i].path);
  touch_pairs (spec, spec->links);
  touch_pairs (spec, spec->sysctls);
}

static const uint32_t odd_numbers[]
    = { 0,   1,      7,       8,          263,        264,        255,
        256, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xfffffff8, 0xffffffff };

static void mutate (unsigned char *bytes, size_t size)
{
  for (uint32_t n = 1 + random_below (4); n > 0; n--)
    {
      uint32_t at = random_below ((uint32_t)size);
      switch (random_below (4))
        {
        case 0:
          bytes[at] ^= (unsigned char)(1u << random_below (8));
          break;
        case 1:
          bytes[at] = (unsigned char)random_below (256);
          break;
        case 2:
          at &= ~3u;
          if (at + 4 <= size)
            memcpy (bytes + at, &odd_numbers[random_below (14)], 4);
          break;
        default:
          at &= ~3u;
          if (at + 4 <= size)
            {
              uint32_t inside = random_below ((uint32_t)size + 16);
              memcpy (bytes + at, &inside, 4);
            }
        }
    }
}

static void test_mutations (const unsigned char *valid, size_t size)
{
  unsigned int accepted = 0;

  TEST ("mutated specifications are refused or wholly inside");
  for (int round = 0; round < 200000; round++)
    {
      size_t length = random_below (8) == 0 ? random_below ((uint32_t)size) : size;
      unsigned char *bytes = malloc (length + 1);
      memcpy (bytes, valid, length);
      if (length > 0)
        mutate (bytes, length);
      /* A length that says the truth, or the other checks would not be reached.  */
      if (length >= 12)
        memcpy (bytes + 8, &(uint32_t){ (uint32_t)length }, 4);
      bytes = realloc (bytes, length > 0 ? length : 1);
      if (spec_check (bytes, length) == NULL)
        {
          accepted++;
          walk ((const void *)bytes);
        }
      free (bytes);
    }
  CHECK (accepted > 1000);
}

struct change
{
  const char *name;
  size_t offset;
  uint32_t value;
  const char *wrong;
};

static void test_refusals (const unsigned char *valid, size_t size)
{
#define AT(field) offsetof (struct ts_spec, field)
  const struct change changes[] = {
    { "another magic number", AT (magic), 1, "magic number" },
    { "another size", AT (total_size), (uint32_t)size - 1, "size" },
    { "an unknown flag", AT (flags), 1u << 20, "flags" },
    { "a network namespace to make", AT (namespaces), 0x40020000, "namespaces" },
    { "no mount namespace", AT (namespaces), 0x20000000, "namespaces" },
    { "a text beyond the end", AT (id.length), 0xffffffff, "names" },
    { "a text in the header", AT (id.offset), 0, "names" },
    { "a list beyond the end", AT (mounts.count), 0x10000000, "mounts" },
    { "a list that is not aligned", AT (args.offset), 257, "arguments" },
    { "no argument", AT (args.count), 0, "arguments" },
    { "no root", AT (mounts.count), 0, "number of mounts" },
    { "joins beyond the end", AT (joins.count), 7, "joins" },
    { "a wild umask", AT (umask), 01000, "umask" },
  };

  for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
    {
      unsigned char *bytes = malloc (size);
      memcpy (bytes, valid, size);
      memcpy (bytes + changes[i].offset, &changes[i].value, 4);
      TEST (changes[i].name);
      const char *wrong = spec_check (bytes, size);
      CHECK (wrong != NULL && strcmp (wrong, changes[i].wrong) == 0);
      free (bytes);
    }
}

static void test_handover_refusals (const unsigned char *valid, size_t size)
{
#define BEHIND(field) (sizeof (struct ts_spec) + offsetof (struct ts_handover, field))
  const struct change changes[] = {
    { "no second part", AT (flags), 0, "version" },
    { "unknown flags of what is handed over", BEHIND (flags), 4, "flags of what is handed over" },
    { "half a scheduler", BEHIND (scheduler.count), 47, "scheduling" },
    { "descriptors beyond the end", BEHIND (descriptors.count), 0x10000000, "descriptors" },
    { "hooks beyond the end", BEHIND (hooks.count), 0x10000000, "hooks" },
    { "more about some mounts only", BEHIND (extras.count), 2, "number of mounts" },
    { "a file system without a name", BEHIND (extras.count), 0, "a mount" },
    { "one that starts by itself", AT (flags), TS_FLAG_HANDOVER | TS_FLAG_START_AT_ONCE,
      "flags of what is handed over" },
  };

  for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
    {
      unsigned char *bytes = malloc (size);
      memcpy (bytes, valid, size);
      memcpy (bytes + changes[i].offset, &changes[i].value, 4);
      TEST (changes[i].name);
      const char *wrong = spec_check (bytes, size);
      CHECK (wrong != NULL && strcmp (wrong, changes[i].wrong) == 0);
      free (bytes);
    }
}

static void test_paths (const unsigned char *valid, size_t size)
{
  const char *const bad[] = { "/..", "/a/..", "/../a", "relative", "/ab/../cd" };
  const struct ts_spec *spec = (const void *)valid;

  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    {
      unsigned char *bytes = malloc (size);
      memcpy (bytes, valid, size);
      TEST (bad[i]);
      /* cwd is "/work/dir", which has room for each of them.  */
      uint32_t length = (uint32_t)strlen (bad[i]);
      memcpy (bytes + spec->cwd.offset, bad[i], length + 1);
      memcpy (bytes + AT (cwd.length), &length, 4);
      CHECK (spec_check (bytes, size) != NULL);
      free (bytes);
    }
}

struct mount_change
{
  const char *name;
  uint32_t mount; /* 0 is the root, 1 the bind with owners and a subpath, 2 a tmpfs */
  size_t offset;
  uint32_t value;
};

static void test_mounts (const unsigned char *valid, size_t size)
{
#define IN_MOUNT(field) offsetof (struct ts_mount, field)
  const struct change_of_path
  {
    const char *path;
    int is_refused;
  } paths[] = { { "../", 1 }, { "..", 1 }, { "/a", 1 }, { "..b", 0 }, { "b..", 0 } };
  const struct mount_change changes[] = {
    { "an unknown flag of a mount", 1, IN_MOUNT (flags), 16 },
    { "owners in a descriptor of the shim's own", 1, IN_MOUNT (owners_fd), 5 },
    { "owners in a descriptor that is none", 1, IN_MOUNT (owners_fd), 0x80000000 },
    { "owners of a mount of another container", 1, IN_MOUNT (flags), TS_MOUNT_JOINED },
    { "owners of a tmpfs", 2, IN_MOUNT (owners_fd), 9 },
    { "owners of the root", 0, IN_MOUNT (owners_fd), 9 },
    { "a field that is not used", 1, IN_MOUNT (zero), 1 },
    { "a subpath beyond the end", 1, IN_MOUNT (subpath.offset), (uint32_t)size },
    { "a subpath of a tmpfs", 1, IN_MOUNT (kind), TS_MOUNT_TMPFS },
  };
  const struct ts_spec *spec = (const void *)valid;
  const struct ts_mount *bind = (const struct ts_mount *)spec_items (spec, spec->mounts) + 1;

  for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
    {
      unsigned char *bytes = malloc (size);
      memcpy (bytes, valid, size);
      memcpy (bytes + spec->mounts.offset + changes[i].mount * sizeof (struct ts_mount)
                  + changes[i].offset,
              &changes[i].value, 4);
      TEST (changes[i].name);
      const char *wrong = spec_check (bytes, size);
      CHECK (wrong != NULL && (strstr (wrong, "mount") != NULL || strstr (wrong, "root") != NULL));
      free (bytes);
    }
  for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
    {
      unsigned char *bytes = malloc (size);
      memcpy (bytes, valid, size);
      TEST (paths[i].path);
      /* It is "a/b", which has room for each of them.  */
      uint32_t length = (uint32_t)strlen (paths[i].path);
      memcpy (bytes + bind->subpath.offset, paths[i].path, length + 1);
      memcpy (bytes + ((const unsigned char *)&bind->subpath.length - valid), &length, 4);
      CHECK ((spec_check (bytes, size) != NULL) == paths[i].is_refused);
      free (bytes);
    }
}

/* The commands of another runtime: each begins with a path, and all are there.  */
static void test_foreign (const unsigned char *valid, size_t size)
{
#define FOREIGN(field) (sizeof (struct ts_spec) + offsetof (struct ts_foreign, field))
  const struct change changes[] = {
    { "no command to start with", FOREIGN (start.count), 0, "commands of the runtime" },
    { "no command to delete with", FOREIGN (delete.count), 0, "commands of the runtime" },
    { "commands beyond the end", FOREIGN (delete.count), 0x10000000, "commands of the runtime" },
    { "a directory in the header", FOREIGN (directory.offset), 8, "directory of the runtime" },
    { "a header without its second part", AT (flags), TS_FLAG_START_AT_ONCE, "version" },
  };

  for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
    {
      unsigned char *bytes = malloc (size);
      memcpy (bytes, valid, size);
      memcpy (bytes + changes[i].offset, &changes[i].value, 4);
      TEST (changes[i].name);
      const char *wrong = spec_check (bytes, size);
      CHECK (wrong != NULL && strcmp (wrong, changes[i].wrong) == 0);
      free (bytes);
    }
}

/* Files have a mount of their kind, a place below it, and permission bits.  */
static void test_more (const unsigned char *valid, size_t size)
{
#define MORE(field) (sizeof (struct ts_spec) + offsetof (struct ts_more, field))
  const struct ts_more *more = spec_more ((const void *)valid);
#define IN_FILE(field) (more->files.offset + offsetof (struct ts_file, field))
  const struct change changes[] = {
    { "a header without its last part", AT (flags), TS_FLAG_START_AT_ONCE, "version" },
    { "unknown further flags", MORE (flags), 4, "further flags" },
    { "an init's attribute without an init", AT (flags), TS_FLAG_START_AT_ONCE | TS_FLAG_MORE,
      "attribute of the init" },
    { "an init's attribute that is not there", MORE (attributes.count), 0,
      "attribute of the init" },
    { "files beyond the end", MORE (files.count), 0x10000000, "files" },
    { "attributes beyond the end", MORE (attributes.count), 7, "attributes of the process" },
    { "a file of a mount that is none", IN_FILE (mount), 9, "a file" },
    { "a file of a mount of another kind", IN_FILE (mount), 1, "a file" },
    { "two files of a mount that is one", IN_FILE (mount), 3, "a mount of files" },
    { "a file that is more than permissions", IN_FILE (mode), 04755, "a file" },
    { "content beyond the end", IN_FILE (content.count), (uint32_t)size, "a file" },
    { "a file without a name", IN_FILE (path.length), 0, "a file" },
  };

  for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
    {
      unsigned char *bytes = malloc (size);
      memcpy (bytes, valid, size);
      memcpy (bytes + changes[i].offset, &changes[i].value, 4);
      TEST (changes[i].name);
      const char *wrong = spec_check (bytes, size);
      CHECK (wrong != NULL && strcmp (wrong, changes[i].wrong) == 0);
      free (bytes);
    }
}

int main (void)
{
  size_t size;
  unsigned char *valid = load ("spec.bin", &size);

  test_refusals (valid, size);
  test_mounts (valid, size);
  test_paths (valid, size);
  test_mutations (valid, size);
  free (valid);
  valid = load ("handover.bin", &size);
  test_handover_refusals (valid, size);
  test_mutations (valid, size);
  free (valid);
  valid = load ("spec-foreign.bin", &size);
  test_foreign (valid, size);
  test_mutations (valid, size);
  free (valid);
  valid = load ("spec-more.bin", &size);
  test_more (valid, size);
  test_mutations (valid, size);
  free (valid);
  return REPORT ();
}
