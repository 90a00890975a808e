/* The bytes that the TypeScript side was tested with mean the same here.  */
#define _GNU_SOURCE
#include "check.h"
#include "control.h"
#include "files.h"
#include "spec.h"

#include <linux/filter.h>
#include <sched.h>
#include <sys/socket.h>

static const struct ts_spec *spec;

static int is (struct ts_ref ref, const char *text)
{
  return strcmp (spec_text (spec, ref), text) == 0 && ref.length == strlen (text);
}

static int are (struct ts_list list, const char *const *texts, uint32_t count)
{
  const struct ts_ref *refs = spec_items (spec, list);

  if (list.count != count)
    return 0;
  for (uint32_t i = 0; i < count; i++)
    if (!is (refs[i], texts[i]))
      return 0;
  return 1;
}

#define ARE(list, ...)                                                                             \
  are (list, (const char *const[]){ __VA_ARGS__ },                                                 \
       sizeof ((const char *const[]){ __VA_ARGS__ }) / sizeof (char *))

static void test_header (void)
{
  TEST ("numbers of the specification are where TypeScript writes them");
  CHECK (spec->flags
         == (TS_FLAGS_KNOWN & ~(TS_FLAG_EXEC | TS_FLAG_HANDOVER | TS_FLAG_FOREIGN | TS_FLAG_MORE)));
  CHECK (spec_handover (spec) == NULL);
  CHECK (spec->rows == 24 && spec->columns == 80);
  CHECK (spec->namespaces == 0x2c020000);
  CHECK (spec->umask == 0027 && spec->uid == 1000 && spec->gid == 1001);
  CHECK (spec->oom_score_adj == -500);
  CHECK (spec->log_max_files == 3 && spec->log_max_bytes == 10000000000);
  CHECK (spec->bounding == 0xa80425fb && spec->effective == 2 && spec->permitted == 3);
  CHECK (spec->inheritable == 4 && spec->ambient == 0x1ffffffffff);

  TEST ("texts of the specification are where TypeScript writes them");
  CHECK (spec->id.length == 64);
  CHECK (is (spec->hostname, "h\xc3\xb6st") && is (spec->domainname, "example.org"));
  CHECK (is (spec->network_namespace, "/run/netns/x") && is (spec->cwd, "/work/dir"));
  CHECK (is (spec->log_path, "/state/log") && is (spec->control_path, "/run/shim.sock"));
  CHECK (is (spec->exit_path, "/state/exit"));

  TEST ("lists of texts are where TypeScript writes them");
  CHECK (ARE (spec->cgroups, "/sys/fs/cgroup/unified/x", "/sys/fs/cgroup/memory/x"));
  CHECK (ARE (spec->masked, "/proc/kcore"));
  CHECK (ARE (spec->readonly, "/proc/sys", "/proc/bus"));
  CHECK (ARE (spec->args, "sh", "-c", ""));
  CHECK (ARE (spec->env, "A=1", "B="));
}

static void test_mounts (void)
{
  const struct ts_mount *mounts = spec_items (spec, spec->mounts);
  const struct ts_pair *options = spec_items (spec, mounts[0].options);

  TEST ("an overlay has its layers and options");
  CHECK (spec->mounts.count == 3);
  CHECK (mounts[0].kind == TS_MOUNT_OVERLAY && mounts[0].create == TS_CREATE_DIRECTORY);
  CHECK (is (mounts[0].target, "/") && is (mounts[0].upper, "/upper"));
  CHECK (is (mounts[0].work, "/work") && ARE (mounts[0].lower, "/layers/2", "/layers/1"));
  CHECK (mounts[0].options.count == 2 && is (options[0].key, "index"));
  CHECK (is (options[0].value, "off") && is (options[1].key, "volatile"));
  CHECK (options[1].value.offset == 0);

  TEST ("a bind has its source, flags and propagation");
  CHECK (mounts[1].kind == TS_MOUNT_BIND && mounts[1].create == TS_CREATE_FILE);
  CHECK (is (mounts[1].source, "/host/hosts") && mounts[1].propagation == 0x80000);
  CHECK (mounts[1].flags == (TS_MOUNT_RECURSIVE | TS_MOUNT_READONLY_TOP | TS_MOUNT_OWNERS_TOP));
  CHECK (mounts[1].attr_set == 0x11 && mounts[1].attr_clear == 0x70);
  CHECK (is (mounts[1].subpath, "a/b") && mounts[1].owners_fd == 9);

  TEST ("a tmpfs has its attributes and stays private");
  CHECK (mounts[2].kind == TS_MOUNT_TMPFS && mounts[2].create == TS_CREATE_NOTHING);
  CHECK (mounts[2].attr_set == 0x2e && mounts[2].propagation == 0x40000);
  CHECK (mounts[2].flags == 0 && mounts[2].subpath.length == 0 && mounts[2].owners_fd == 0);
}

static void test_lists (void)
{
  const struct ts_device *devices = spec_items (spec, spec->devices);
  const struct ts_pair *links = spec_items (spec, spec->links);
  const struct ts_pair *sysctls = spec_items (spec, spec->sysctls);
  const struct ts_rlimit *limits = spec_items (spec, spec->rlimits);
  const struct sock_filter *filter = spec_items (spec, spec->seccomp);
  const uint32_t *groups = spec_items (spec, spec->groups);

  TEST ("devices, links, sysctls, limits, groups and filter are whole");
  CHECK (spec->devices.count == 2 && is (devices[1].path, "/dev/sda"));
  CHECK (devices[0].mode == (S_IFCHR | 0666) && devices[1].mode == (S_IFBLK | 0660));
  CHECK (devices[1].major == 8 && devices[1].minor == 300);
  CHECK (devices[1].uid == 6 && devices[1].gid == 7);
  CHECK (spec->links.count == 1 && is (links[0].key, "/dev/fd"));
  CHECK (is (links[0].value, "/proc/self/fd"));
  CHECK (spec->sysctls.count == 1 && is (sysctls[0].key, "net/ipv4/ip_forward"));
  CHECK (spec->rlimits.count == 1 && limits[0].resource == 7 && limits[0].soft == 1024);
  CHECK (limits[0].hard == UINT64_MAX);
  CHECK (spec->groups.count == 3 && groups[1] == 4000000000);
  const struct ts_join *joins = spec_items (spec, spec->joins);
  CHECK (spec->joins.count == 2 && joins[0].kind == CLONE_NEWNET && joins[0].fd == 7);
  CHECK (joins[1].kind == CLONE_NEWNS && joins[1].fd == 8);
  CHECK (spec->seccomp.count == 1 && filter[0].code == 6 && filter[0].k == 0x7fff0000);
}

static void test_messages (void)
{
  struct control control;
  struct message message;
  int pair[2];
  size_t size;
  char *bytes = load ("to-shim.bin", &size);

  socketpair (AF_UNIX, SOCK_STREAM, 0, pair);
  control_init (&control);
  struct connection *connection = control_add (&control, pair[0]);

  TEST ("messages of the engine arrive, also byte by byte");
  int seen = 0;
  for (size_t i = 0; i < size; i++)
    {
      CHECK (write (pair[1], bytes + i, 1) == 1);
      if (connection_read (connection, &message) <= 0)
        continue;
      if (seen++ == 0)
        CHECK (message.type == TS_START);
      else
        CHECK (message.type == TS_SIGNAL && message.request.signal.request == 7
               && message.request.signal.signal == 15
               && message.request.signal.flags == TS_SIGNAL_ALL);
    }
  CHECK (seen == 2 && connection->fd >= 0);

  TEST ("a message of another length ends the connection");
  CHECK (write (pair[1], "\x0d\0\0\0\x41\0\0\0", 8) == 8);
  CHECK (connection_read (connection, &message) == -1 && connection->fd < 0);
  close (pair[1]);
  free (bytes);
}

static void test_replies (void)
{
  struct ts_status status = { 1, TS_RUNNING, 4711, 4712, 123456, 0xffffffffff };
  struct ts_reply reply = { 3, 22 };
  struct ts_exit record = { .magic = TS_EXIT_MAGIC,
                            .version = TS_RECORD_VERSION,
                            .flags = TS_EXIT_OOM_KILLED,
                            .code = 137,
                            .signal = 9,
                            .finished_ns = 1700000000123456789,
                            .lost_log_bytes = 77 };
  struct control control;
  char got[256];
  int pair[2];
  size_t size;
  char *expected = load ("from-shim.bin", &size);

  TEST ("messages of the shim are the recorded ones");
  socketpair (AF_UNIX, SOCK_STREAM, 0, pair);
  control_init (&control);
  control_add (&control, pair[0]);
  control_broadcast (&control, TS_STATUS, &status, sizeof status);
  control_broadcast (&control, TS_REPLY, &reply, sizeof reply);
  control_broadcast (&control, TS_ENDED, &record, TS_EXIT_HEADER);
  CHECK (recv (pair[1], got, sizeof got, 0) == (ssize_t)size);
  CHECK (memcmp (got, expected, size) == 0);
  close (pair[0]);
  close (pair[1]);
  free (expected);
}

static void test_exit (void)
{
  struct ts_exit record;
  size_t size;
  char *bytes = load ("exit-failed.bin", &size);

  TEST ("a recorded failure has its fields where C has them");
  memcpy (&record, bytes, size);
  CHECK (record.magic == TS_EXIT_MAGIC && record.flags == TS_EXIT_FAILED && record.code == 127);
  CHECK (record.stage == TS_STAGE_EXEC && record.error == 2 && record.path_length == 10);
  CHECK (TS_EXIT_HEADER + record.path_length == size);
  free (bytes);
}

static void test_handover (void)
{
  const struct ts_handover *handover = spec_handover (spec);
  const struct ts_descriptor *descriptors = spec_items (spec, handover->descriptors);
  const struct ts_hook *hooks = spec_items (spec, handover->hooks);
  const struct ts_mount *mounts = spec_items (spec, spec->mounts);
  const unsigned char *scheduler = spec_items (spec, handover->scheduler);

  TEST ("what is handed over is where TypeScript writes it");
  CHECK (handover->flags == (TS_HANDOVER_PERSONALITY | TS_HANDOVER_HOLD));
  CHECK (handover->personality == 8 && handover->io_priority == 0x4003);
  CHECK (handover->seccomp_flags == 4 && is (handover->time_offsets, "monotonic 7 0\n"));
  CHECK (handover->scheduler.count == TS_SCHED_ATTR_SIZE && scheduler[47] == 47);
  CHECK (handover->descriptors.count == 3 && descriptors[0].target == 0 && descriptors[0].fd == 10);
  CHECK (descriptors[2].target == TS_TARGET_CONSOLE && descriptors[2].fd == 12);

  TEST ("a hook has its words, its variables and its state");
  CHECK (handover->hooks.count == 1 && hooks[0].stage == TS_HOOK_START_CONTAINER);
  CHECK (hooks[0].timeout_seconds == 5 && is (hooks[0].path, "/bin/hook"));
  CHECK (ARE (hooks[0].args, "hook", "one") && ARE (hooks[0].env, "A=1"));
  CHECK (is (hooks[0].state.key, "{\"pid\":") && is (hooks[0].state.value, "}"));

  TEST ("a mount has what its kind does not say");
  CHECK (handover->extras.count == 3 && spec_extra (spec, &mounts[0])->type.length == 0);
  CHECK (spec_extra (spec, &mounts[0])->flags == TS_EXTRA_TOP);
  CHECK (spec_extra (spec, &mounts[1])->flags == (TS_EXTRA_TOP | TS_EXTRA_COPY_UP));
  CHECK (spec_extra (spec, &mounts[1])->recursive_set == 2);
  CHECK (spec_extra (spec, &mounts[1])->recursive_clear == 4);
  CHECK (mounts[2].kind == TS_MOUNT_OTHER && mounts[2].attr_clear == 9);
  CHECK (is (spec_extra (spec, &mounts[2])->type, "ext4") && is (mounts[2].source, "/dev/vdb"));
}

static void test_foreign (void)
{
  const struct ts_foreign *foreign = spec_foreign (spec);
  const struct ts_ref *args = spec_items (spec, spec->args);
  const struct ts_ref *start = spec_items (spec, foreign->start);
  const struct ts_ref *delete = spec_items (spec, foreign->delete);

  TEST ("commands of another runtime");
  CHECK (strcmp (spec_text (spec, foreign->directory), "/run/b/x") == 0);
  CHECK (strcmp (spec_text (spec, args[1]), "create") == 0);
  CHECK (foreign->start.count == 2 && strcmp (spec_text (spec, start[1]), "start") == 0);
  CHECK (foreign->delete.count == 3 && strcmp (spec_text (spec, delete[1]), "delete") == 0);
  CHECK (spec->mounts.count == 1 && spec->devices.count == 0 && spec->seccomp.count == 0);
}

static void test_more (void)
{
  const struct ts_more *more = spec_more (spec);
  const struct ts_mount *mounts = spec_items (spec, spec->mounts);
  const struct ts_file *files = spec_items (spec, more->files);
  const struct ts_pair *attributes = spec_items (spec, more->attributes);
  const struct ts_pair *labelled = spec_items (spec, mounts[1].options);

  TEST ("files, attributes and further flags");
  CHECK (spec->mounts.count == 4 && mounts[3].kind == TS_MOUNT_FILES);
  CHECK (mounts[3].create == TS_CREATE_FILE && mounts[2].create == TS_CREATE_DIRECTORY);
  CHECK (more->files.count == 3 && more->flags == TS_MORE_FLAGS_KNOWN);
  CHECK (files[0].mount == 2 && files[1].mount == 2 && files[2].mount == 3);
  CHECK (is (files[0].path, "/token") && is (files[1].path, "/deep/er"));
  CHECK (files[0].uid == 7 && files[0].gid == 8 && files[0].mode == 0400);
  CHECK (files[0].content.count == 3
         && memcmp (spec_items (spec, files[0].content), "a\0b", 3) == 0);
  CHECK (files[1].content.count == 0);
  CHECK (more->attributes.count == 2 && is (attributes[0].key, "attr/apparmor/exec")
         && is (attributes[0].value, "exec a-profile"));
  CHECK (is (attributes[1].key, "attr/apparmor/current")
         && is (attributes[1].value, "changeprofile a-profile"));
  TEST ("a label with a comma is one value");
  CHECK (mounts[1].options.count == 2);
  CHECK (is (labelled[1].key, "context") && is (labelled[1].value, "u:r:t:s0:c1,c2"));
}

int main (void)
{
  size_t size;
  void *bytes = load ("spec.bin", &size);

  TEST ("the recorded specification is accepted");
  CHECK (spec_check (bytes, size) == NULL);
  spec = bytes;
  test_header ();
  test_mounts ();
  test_lists ();
  test_messages ();
  test_replies ();
  test_exit ();
  free (bytes);
  bytes = load ("handover.bin", &size);
  TEST ("the recorded specification of a handover is accepted");
  CHECK (spec_check (bytes, size) == NULL);
  spec = bytes;
  test_handover ();
  free (bytes);
  bytes = load ("spec-foreign.bin", &size);
  TEST ("the recorded specification for another runtime is accepted");
  CHECK (spec_check (bytes, size) == NULL);
  spec = bytes;
  test_foreign ();
  free (bytes);
  bytes = load ("spec-more.bin", &size);
  TEST ("the recorded specification with files is accepted");
  CHECK (spec_check (bytes, size) == NULL);
  spec = bytes;
  test_more ();
  free (bytes);
  return REPORT ();
}
