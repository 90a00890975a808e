#define _GNU_SOURCE
#include "handover.h"

#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "exec-child.h"
#include "sys.h"
#include "util.h"
#include "vectors.h"

#define IOPRIO_WHO_PROCESS 1

static const struct ts_descriptor *descriptors_of (const struct ts_spec *spec, uint32_t *count)
{
  const struct ts_handover *handover = spec_handover (spec);

  *count = handover == NULL ? 0 : handover->descriptors.count;
  return handover == NULL ? NULL : spec_items (spec, handover->descriptors);
}

int handover_find (const struct ts_spec *spec, uint32_t target)
{
  uint32_t count;
  const struct ts_descriptor *all = descriptors_of (spec, &count);

  for (uint32_t i = 0; i < count; i++)
    if (all[i].target == target)
      return (int)all[i].fd;
  return -1;
}

void handover_take_streams (struct sandbox *sandbox)
{
  sandbox->stdin_fd = handover_find (sandbox->spec, 0);
  sandbox->stdout_fd = handover_find (sandbox->spec, 1);
  sandbox->stderr_fd = handover_find (sandbox->spec, 2);
}

void handover_close_descriptors (const struct ts_spec *spec)
{
  uint32_t count;
  const struct ts_descriptor *all = descriptors_of (spec, &count);

  for (uint32_t i = 0; i < count; i++)
    close ((int)all[i].fd); /* The child has copies.  */
}

/* Above BASE first, so that no dup2 closes one that is still needed.  */
int handover_place_descriptors (struct sandbox *sandbox)
{
  uint32_t count;
  const struct ts_descriptor *all = descriptors_of (sandbox->spec, &count);
  int base = 3;

  for (uint32_t i = 0; i < count; i++)
    if (all[i].target >= 3 && all[i].target <= TS_TARGET_KEPT_MAX)
      base = (int)all[i].target + 1;
  int report = fcntl (sandbox->report_fd, F_DUPFD_CLOEXEC, base + 1);
  if (report < 0)
    return sandbox_fail (sandbox, TS_STAGE_STDIO, "");
  int moved[TS_TARGET_KEPT_MAX + 1];
  for (uint32_t i = 0; i < count && base > 3; i++)
    {
      if (all[i].target < 3 || all[i].target > TS_TARGET_KEPT_MAX)
        continue;
      moved[all[i].target] = fcntl ((int)all[i].fd, F_DUPFD_CLOEXEC, base + 1);
      if (moved[all[i].target] < 0)
        return sandbox_fail (sandbox, TS_STAGE_STDIO, "");
    }
  for (uint32_t i = 0; i < count && base > 3; i++)
    if (all[i].target >= 3 && all[i].target <= TS_TARGET_KEPT_MAX
        && dup2 (moved[all[i].target], (int)all[i].target) < 0)
      return sandbox_fail (sandbox, TS_STAGE_STDIO, "");
  if (dup3 (report, base, O_CLOEXEC) < 0)
    return sandbox_fail (sandbox, TS_STAGE_STDIO, "");
  sandbox->report_fd = base;
  return base + 1;
}

/* The text says what it is (runc docs/terminals.md); receivers print it at most.  */
int handover_send_master (int socket, int master)
{
  union
  {
    char bytes[CMSG_SPACE (sizeof (int))];
    struct cmsghdr align;
  } control = { { 0 } };
  char name[] = "/dev/pts/ptmx";
  struct iovec part = { .iov_base = name, .iov_len = sizeof name - 1 };
  struct msghdr message = { .msg_iov = &part,
                            .msg_iovlen = 1,
                            .msg_control = control.bytes,
                            .msg_controllen = sizeof control.bytes };
  struct cmsghdr *header = CMSG_FIRSTHDR (&message);

  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN (sizeof master);
  memcpy (CMSG_DATA (header), &master, sizeof master);
  return sendmsg (socket, &message, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

int handover_make_time (const struct ts_spec *spec)
{
  const struct ts_handover *handover = spec_handover (spec);

  if (handover == NULL || handover->time_offsets.length == 0)
    return 0;
  if (unshare (CLONE_NEWTIME) < 0)
    return -1;
  cleanup_close int fd = open ("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
  return fd < 0 ? -1
                : write_all (fd, spec_text (spec, handover->time_offsets),
                             handover->time_offsets.length);
}

int handover_set_attributes (const struct sandbox *sandbox)
{
  const struct ts_spec *spec = sandbox->spec;
  const struct ts_handover *handover = spec_handover (spec);

  if (handover == NULL)
    return 0;
  if (handover->scheduler.count > 0
      && syscall (SYS_sched_setattr, 0, spec_items (spec, handover->scheduler), 0) < 0)
    return sandbox_fail (sandbox, TS_STAGE_SCHEDULING, "scheduler");
  if (handover->io_priority != 0
      && syscall (SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, handover->io_priority) < 0)
    return sandbox_fail (sandbox, TS_STAGE_SCHEDULING, "ioPriority");
  if ((handover->flags & TS_HANDOVER_PERSONALITY) != 0 && personality (handover->personality) < 0)
    return sandbox_fail (sandbox, TS_STAGE_SCHEDULING, "personality");
  return 0;
}

int handover_raise_loopback (const struct sandbox *sandbox)
{
  struct ifreq request = { .ifr_name = "lo" };

  if ((sandbox->spec->namespaces & CLONE_NEWNET) == 0)
    return 0;
  cleanup_close int fd = socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || ioctl (fd, SIOCGIFFLAGS, &request) < 0)
    return sandbox_fail (sandbox, TS_STAGE_NETWORK_NAMESPACE, "lo");
  request.ifr_flags |= IFF_UP;
  return ioctl (fd, SIOCSIFFLAGS, &request) < 0
             ? sandbox_fail (sandbox, TS_STAGE_NETWORK_NAMESPACE, "lo")
             : 0;
}

/* The first group is the unified one where there is one.  "tasks" is not there, so that every CPU
   is waited for, which an exec by command line can bear.  */
static int enter_unified (const struct sandbox *sandbox)
{
  const struct ts_spec *spec = sandbox->spec;
  const struct ts_ref *groups = spec_items (spec, spec->cgroups);

  if ((spec->flags & TS_FLAG_CGROUP2) == 0 || spec->cgroups.count == 0)
    return 0;
  const char *path = spec_text (spec, groups[0]);
  cleanup_close int dir = open (path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  cleanup_close int procs = dir < 0 ? -1 : openat (dir, "cgroup.procs", O_WRONLY | O_CLOEXEC);
  if (procs < 0 || write_all (procs, "0", 1) < 0)
    return sandbox_fail (sandbox, TS_STAGE_CGROUP, path);
  return 0;
}

_Noreturn void handover_exec (const struct ts_spec *spec, int report, int socket)
{
  char **vectors = vectors_make (spec);
  struct exec_child child = {
    .sandbox = { .spec = spec,
                 .report_fd = socket,
                 .argv = vectors,
                 .envp = vectors == NULL ? NULL : vectors + spec->args.count + 1 },
    .container = spec,
    .container_pidfd = handover_find (spec, TS_TARGET_CONTAINER),
    .has_terminal = (spec->flags & TS_FLAG_TERMINAL) != 0,
    .size = { .rows = spec->rows, .columns = spec->columns },
  };
  void *page
      = mmap (NULL, sizeof *child.sandbox.report, PROT_READ | PROT_WRITE, MAP_SHARED, report, 0);

  if (vectors == NULL || page == MAP_FAILED)
    _exit (128);
  close (report); /* Mapped.  */
  child.sandbox.report = page;
  handover_take_streams (&child.sandbox);
  if (enter_unified (&child.sandbox) < 0)
    _exit (127);
  exec_child_run (&child);
}
