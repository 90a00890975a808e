/* The shim: one per container, started by the engine, outlives it.  Descriptors at start:
     0  sealed memory file with the specification (spec.h)
     1  /dev/null
     2  the engine's log or /dev/null
     3  one end of a socket pair: the first control connection (protocol.h)
     4  sealed memory file that this program was executed from
     5  the control socket, listening
     6… held open until the container has ended, such as reserved ports
   One that is started before it is known what for has 3 and 4 alone, and gets the others over 3.
   For an exec that is handed over, 3 ends with it and 5 is memory for its report.  */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "cgroup.h"
#include "exit-record.h"
#include "foreign.h"
#include "handover.h"
#include "init.h"
#include "joins.h"
#include "process.h"
#include "program.h"
#include "shim.h"
#include "sys.h"
#include "util.h"
#include "vectors.h"

enum
{
  SPEC_FD = 0,
  NULL_FD = 1,
  CONTROL_FD = 3,
  EXECUTABLE_FD = 4,
  LISTEN_FD = 5,
  FIRST_HELD_FD = 6,
  FDS_PER_MESSAGE = 253, /* SCM_MAX_FD of the kernel (unix(7)) */
};

static int fail (struct shim *shim, enum ts_stage stage, const char *path)
{
  /* A child that has failed and ended is why its files in /proc are gone; its own reason will be
   * read.  */
  if (shim->report == NULL || shim->report->progress != TS_FAILED)
    shim_note_failure (shim, stage, errno, path);
  return -1;
}

/* So it is with one that was killed, of which the end of its report tells.  */
static int fail_of_child (struct shim *shim, enum ts_stage stage, const char *path)
{
  return errno == ENOENT || errno == ESRCH ? -1 : fail (shim, stage, path);
}

/* The kernel gives those of one message the lowest free numbers, one after the other: NEXT and on.
   Returns the number of all that will come, 0 at the end of the connection, or -1.  */
static ssize_t receive_descriptors (int *next)
{
  union
  {
    struct cmsghdr header;
    char bytes[CMSG_SPACE (FDS_PER_MESSAGE * sizeof (int))];
  } control;
  uint32_t total = 0;
  struct iovec part = { .iov_base = &total, .iov_len = sizeof total };
  struct msghdr message = {
    .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control
  };
  ssize_t received = recvmsg (CONTROL_FD, &message, 0);

  if (received <= 0)
    return received;
  const struct cmsghdr *header = CMSG_FIRSTHDR (&message);
  if (received != sizeof total || (message.msg_flags & MSG_CTRUNC) != 0 || header == NULL
      || header->cmsg_type != SCM_RIGHTS)
    {
      errno = EPROTO;
      return -1;
    }
  *next += (int)((header->cmsg_len - CMSG_LEN (0)) / sizeof (int));
  return total;
}

/* What would be descriptors 5 and on, and behind them what would be 0.  */
static int take_descriptors (struct shim *shim)
{
  int next = LISTEN_FD;
  ssize_t total;

  do
    {
      total = receive_descriptors (&next);
      if (total == 0)
        _exit (0); /* Whoever has started it has changed his mind, or is gone.  */
      if (total < 0)
        return fail (shim, TS_STAGE_SPECIFICATION, "");
    }
  while (next < LISTEN_FD + total);
  if (dup2 (next - 1, SPEC_FD) < 0)
    return fail (shim, TS_STAGE_SPECIFICATION, "");
  close (next - 1);
  return 0;
}

/* The engine may go away with its session and directory; the shim keeps neither.  */
static int detach (struct shim *shim)
{
  sigset_t all, child;

  sigfillset (&all);
  sigemptyset (&child);
  sigaddset (&child, SIGCHLD);
  umask (077);
  if (sigprocmask (SIG_SETMASK, &all, NULL) < 0 || chdir ("/") < 0
      || prctl (PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0
      || sys_close_range (CONTROL_FD, ~0u, CLOSE_RANGE_CLOEXEC) < 0)
    return fail (shim, TS_STAGE_EXECUTABLE, "");
  /* Nothing was opened yet, so what is open is what the engine gave.  */
  shim->first_held_fd = shim->end_held_fd = FIRST_HELD_FD;
  while (fcntl (shim->end_held_fd, F_GETFD) >= 0)
    shim->end_held_fd++;
  shim->signal_fd = signalfd (-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
  return shim->signal_fd < 0 ? fail (shim, TS_STAGE_EXECUTABLE, "signalfd") : 0;
}

/* While the container's first process is not yet exec'ed, its /proc/self/exe is this program, and
   an image may even name that as its entrypoint.  Nothing can write to a sealed memory file, so no
   container can change what the next one is started with (CVE-2019-5736).  */
static int check_executable (struct shim *shim)
{
  struct stat given, running;
  int seals = fcntl (EXECUTABLE_FD, F_GET_SEALS);

  if (seals < 0 || fstat (EXECUTABLE_FD, &given) < 0 || stat ("/proc/self/exe", &running) < 0)
    return fail (shim, TS_STAGE_EXECUTABLE, "");
  if ((seals & F_SEAL_WRITE) == 0 || given.st_ino != running.st_ino
      || given.st_dev != running.st_dev)
    {
      errno = EPERM;
      return fail (shim, TS_STAGE_EXECUTABLE, "not sealed");
    }
  close (EXECUTABLE_FD); /* The kernel holds what it executes.  */
  return 0;
}

static int map_spec (struct shim *shim)
{
  const char *what = NULL;

  shim->spec = spec_map (SPEC_FD, TS_SPEC_AT_START, &what);
  if (shim->spec == NULL && what != NULL)
    errno = EINVAL;
  if (shim->spec == NULL)
    return fail (shim, TS_STAGE_SPECIFICATION, what == NULL ? "" : what);
  if ((shim->spec->flags & TS_FLAG_EXEC) != 0)
    return dup2 (NULL_FD, SPEC_FD) < 0 ? -1 : 0;
  const char *path = spec_text (shim->spec, shim->spec->control_path);
  if (control_listen (&shim->control, LISTEN_FD, path) < 0)
    return fail (shim, TS_STAGE_CONTROL_SOCKET, path);
  return dup2 (NULL_FD, SPEC_FD) < 0 ? fail (shim, TS_STAGE_STDIO, "") : 0;
}

/* The text before the last slash of PATH.  */
static const char *parent_path (const char *path, char *parent)
{
  size_t length = (size_t)(strrchr (path, '/') - path);

  if (length >= PATH_MAX)
    length = 0;
  memcpy (parent, path, length);
  parent[length] = 0;
  return length == 0 ? "/" : parent;
}

struct pipes
{
  int report[2]; /* a socket pair: the ends of a terminal come over it */
  int go[2];
};

/* The clone that becomes the container's first process; does not return in it.  */
static int start_child (struct shim *shim, const struct pipes *pipes, char **vectors)
{
  const struct ts_spec *spec = shim->spec;
  char host_dir[PATH_MAX];
  int is_foreign = spec_foreign (spec) != NULL;
  struct ts_clone_args args = { .exit_signal = SIGCHLD, .pidfd = (uintptr_t)&shim->pidfd };
  cleanup_close int cgroup = foreign_enters_unified (spec) ? cgroup_open_unified (spec) : -1;

  if (cgroup < 0 && foreign_enters_unified (spec) && errno != 0)
    return fail (shim, TS_STAGE_CGROUP, "");
  /* The cgroup namespace is made after joining the groups; see cgroup_join.  */
  args.flags = (spec->namespaces & ~(uint32_t)CLONE_NEWCGROUP) | CLONE_PIDFD;
  if (is_foreign)
    args.flags = CLONE_NEWNS | CLONE_PIDFD;
  else if (spec_handover (spec) != NULL)
    {
      args.flags |= CLONE_PARENT;
      args.exit_signal = 0; /* The same as our own (clone(2)).  */
    }
  if (handover_make_time (spec) < 0)
    return fail (shim, TS_STAGE_NAMESPACES, "time");
  if (cgroup >= 0)
    {
      args.flags |= CLONE_INTO_CGROUP;
      args.cgroup = (uint64_t)cgroup;
    }
  if (!is_foreign && join_pid_enter (spec) < 0)
    return fail (shim, TS_STAGE_NAMESPACES, "pid");
  int pid = sys_clone3 (&args);
  if (pid < 0)
    return fail (shim, TS_STAGE_CLONE, "");
  if (pid > 0)
    {
      *(is_foreign ? &shim->driver : &shim->pid) = pid;
      return 0;
    }
  /* Set again when the credentials are: until then this keeps a half made sandbox from outliving
   * its shim.  */
  if (spec_handover (spec) == NULL)
    (void)prctl (PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  close (pipes->go[1]); /* Or waiting for its end would wait for ourselves.  */
  /* In a joined pid namespace others see this process while it still holds the host.  */
  if (join_find (spec, CLONE_NEWPID) >= 0)
    (void)prctl (PR_SET_DUMPABLE, 0, 0, 0, 0);
  (void)setsid (); /* Cannot fail: a new process leads no group.  */
  struct sandbox sandbox
      = { .spec = spec,
          .report = shim->report,
          .argv = vectors,
          .envp = vectors + spec->args.count + 1,
          .report_fd = pipes->report[1],
          .go_fd = pipes->go[0],
          .joined_source = shim->joined_source,
          .stdin_fd = shim->stdio.input_fd,
          .stdout_fd = spec->log_path.length > 0 ? shim->stdio.write_fds[0] : -1,
          .stderr_fd = spec->log_path.length > 0 ? shim->stdio.write_fds[1] : -1,
          .root = -1,
          .dev = -1,
          .proc = -1,
          .mask = -1,
          .pts = -1,
          .slave = -1,
          .host_dir = parent_path (spec_text (spec, spec->control_path), host_dir) };
  if (spec_handover (spec) != NULL)
    handover_take_streams (&sandbox);
  if (is_foreign)
    foreign_drive (&sandbox);
  program_run (&sandbox);
}

static int start_container (struct shim *shim)
{
  const struct ts_spec *spec = shim->spec;
  struct pipes pipes;
  char **vectors = vectors_make (spec);

  shim->report = memory_map (sizeof *shim->report, MAP_SHARED);
  if (vectors == NULL || shim->report == NULL || stdio_open (&shim->stdio, spec) < 0
      || socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pipes.report) < 0
      || pipe2 (pipes.go, O_CLOEXEC) < 0)
    return fail (shim, TS_STAGE_STDIO, "");
  shim->joined_source = join_clone_source (spec);
  if (shim->joined_source < 0 && errno != 0)
    return fail (shim, TS_STAGE_MOUNT, "of another container");
  int started = start_child (shim, &pipes, vectors);
  vectors_free (spec, vectors); /* Only the child needs them.  */
  stdio_close_program_ends (&shim->stdio);
  close (pipes.report[1]);
  close (pipes.go[0]);
  shim->report_fd = pipes.report[0];
  shim->go_fd = pipes.go[1];
  shim->end_held_fd = join_close (spec, shim->end_held_fd);
  handover_close_descriptors (spec);
  cleanup_close_fd (&shim->joined_source);
  return started;
}

static int prepare_first_process (struct shim *shim)
{
  const struct ts_spec *spec = shim->spec;

  shim->status.container_pid = (uint32_t)shim->pid;
  shim->status.container_start_time = process_start_time (shim->pid);
  if (join_pid_leave (spec) < 0)
    return fail (shim, TS_STAGE_NAMESPACES, "pid");
  if ((spec->flags & TS_FLAG_OOM_SCORE) != 0
      && process_set_oom_score (shim->pid, spec->oom_score_adj) < 0)
    return fail_of_child (shim, TS_STAGE_OOM_SCORE, "");
  shim->mount_namespace = process_open (shim->pid, "ns/mnt", O_RDONLY);
  if (shim->mount_namespace < 0)
    return fail_of_child (shim, TS_STAGE_CLONE, "mount namespace");
  return 0;
}

/* What the shim does for itself while the child builds the sandbox on another CPU.  */
static int prepare_beside (struct shim *shim)
{
  const struct ts_spec *spec = shim->spec;

  shim->status.pid = (uint32_t)getpid ();
  shim->status.start_time = process_start_time (getpid ());
  if (spec_foreign (spec) == NULL && prepare_first_process (shim) < 0)
    return -1;
  if (log_open (&shim->log, spec) < 0)
    return fail (shim, TS_STAGE_LOG, spec_text (spec, spec->log_path));
  shim->oom_kills_before = cgroup_oom_kills (spec);
  return 0;
}

/* Nothing was cloned yet.  */
static int report_failure (struct shim *shim)
{
  shim->exit.code = 128;
  shim->exit.finished_ns = realtime_ns ();
  if (shim->spec != NULL)
    (void)exit_record_write (&shim->exit, spec_text (shim->spec, shim->spec->exit_path));
  control_broadcast (&shim->control, TS_ENDED, &shim->exit, exit_record_size (&shim->exit));
  control_unlink (&shim->control);
  return 1;
}

/* "tscompose-shim -- WORDS" is the init of containers that another runtime has made, and
   "tscompose-shim hide PATH WORDS" is how that one is run.  */
int main (int argc, char **argv, char **envp)
{
  if (argc > 2 && strcmp (argv[1], "--") == 0)
    init_exec (argv + 2, envp);
  if (argc > 3 && strcmp (argv[1], "hide") == 0)
    foreign_hide (argv[2], argv + 3, envp);

  struct shim shim = { .exit = { .magic = TS_EXIT_MAGIC, .version = TS_RECORD_VERSION },
                       .status = { .version = TS_PROTOCOL_VERSION },
                       .pidfd = -1,
                       .report_fd = -1,
                       .go_fd = -1,
                       .joined_source = -1,
                       .mount_namespace = -1 };

  (void)prctl (PR_SET_NAME, "tscompose-shim", 0, 0, 0);
  control_init (&shim.control);
  control_add (&shim.control, CONTROL_FD);
  if (fcntl (LISTEN_FD, F_GETFD) < 0 && take_descriptors (&shim) < 0)
    return report_failure (&shim);
  if (detach (&shim) < 0 || check_executable (&shim) < 0 || map_spec (&shim) < 0)
    return report_failure (&shim);
  if ((shim.spec->flags & TS_FLAG_EXEC) != 0)
    handover_exec (shim.spec, LISTEN_FD, CONTROL_FD);
  if (start_container (&shim) < 0)
    return report_failure (&shim);
  if (prepare_beside (&shim) < 0)
    (void)sys_pidfd_send_signal (shim.pidfd, SIGKILL); /* It waits for the word, so it is there.  */
  else if ((shim.spec->flags & TS_FLAG_START_AT_ONCE) != 0)
    shim_go (&shim);
  supervise (&shim);
  return 0;
}
