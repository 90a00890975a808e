#define _GNU_SOURCE
#include "foreign.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "files.h"
#include "mounts.h"
#include "process.h"
#include "program.h"
#include "sys.h"
#include "terminal.h"
#include "util.h"
#include "vectors.h"

/* Of `delete`, which nobody else could end.  */
#define DELETE_MS 20000

struct command
{
  char **argv;
  char **envp;
  const int *streams; /* three; NULL: /dev/null, which 0, 1 and 2 are */
};

int foreign_enters_unified (const struct ts_spec *spec)
{
  return spec_foreign (spec) == NULL || spec->cgroups.count > 1;
}

_Noreturn void foreign_hide (const char *path, char **words, char **envp)
{
  if (unshare (CLONE_NEWNS) == 0 && sys_mount (NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) == 0
      && (sys_umount (path, MNT_DETACH) == 0 || errno == EINVAL)) /* It is no mount point.  */
    execve (words[0], words, envp);
  _exit (127);
}

static int path_below (char *path, const struct ts_spec *spec, const char *name)
{
  size_t length = 0;

  if (append_text (path, PATH_MAX, &length, spec_text (spec, spec_foreign (spec)->directory)) < 0
      || append_text (path, PATH_MAX, &length, "/") < 0)
    return -1;
  return append_text (path, PATH_MAX, &length, name);
}

static _Noreturn void execute (const struct command *command)
{
  sigset_t none;

  sigemptyset (&none);
  for (int i = 0; command->streams != NULL && i < 3; i++)
    if (command->streams[i] >= 0 && dup2 (command->streams[i], i) < 0)
      _exit (127);
  umask (022);
  /* A command is not to go on without whoever wants its result.  */
  if (prctl (PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0
      && sigprocmask (SIG_SETMASK, &none, NULL) == 0)
    execve (command->argv[0], command->argv, command->envp);
  _exit (127);
}

/* Runs it to its end, which it has TIMEOUT_MS for, or without limit.  0 when it succeeded.  */
static int run (const struct command *command, int timeout_ms)
{
  cleanup_close int pidfd = -1;
  struct ts_clone_args args
      = { .flags = CLONE_PIDFD, .pidfd = (uintptr_t)&pidfd, .exit_signal = SIGCHLD };
  siginfo_t info = { 0 };

  if (command->argv == NULL)
    return -1;
  int pid = sys_clone3 (&args);
  if (pid == 0)
    execute (command);
  if (pid < 0)
    return -1;
  struct pollfd ended = { .fd = pidfd, .events = POLLIN };
  if (timeout_ms >= 0 && poll (&ended, 1, timeout_ms) == 0)
    (void)sys_pidfd_send_signal (pidfd, SIGKILL);
  if (waitid (P_PID, (id_t)pid, &info, WEXITED) < 0)
    return -1;
  if (info.si_code == CLD_EXITED && info.si_status == 0)
    return 0;
  errno = info.si_code == CLD_EXITED && info.si_status == 127 ? ENOEXEC : ECANCELED;
  return -1;
}

/* Of the file that `create` and `exec` write.  0 when it says nothing.  */
static pid_t read_pid (const struct ts_spec *spec)
{
  char path[PATH_MAX], text[TS_NUMBER_MAX + 1];
  const char *at = text;

  if (path_below (path, spec, "pid") < 0 || read_text_at (AT_FDCWD, path, text, sizeof text) <= 0)
    return 0;
  return (pid_t)scan_number (&at);
}

/* Where the runtime sends the master of the terminal that it makes.  A socket, or -1 with errno. */
static int listen_for_terminal (const struct ts_spec *spec)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  cleanup_close int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  char path[PATH_MAX];

  if (fd < 0 || path_below (path, spec, "tty") < 0)
    return -1;
  size_t length = strlen (path);
  if (length >= sizeof address.sun_path)
    {
      errno = ENAMETOOLONG;
      return -1;
    }
  memcpy (address.sun_path, path, length);
  (void)unlink (path); /* Of an attempt before this one.  */
  if (bind (fd, (const struct sockaddr *)&address, sizeof address) < 0 || listen (fd, 1) < 0)
    return -1;
  return take_fd (&fd);
}

/* The command has ended, so what it had to send is there.  A descriptor, or -1 with errno.  */
static int receive_master (int listening)
{
  union
  {
    char bytes[CMSG_SPACE (sizeof (int))];
    struct cmsghdr align;
  } control;
  char text[PATH_MAX];
  struct iovec part = { .iov_base = text, .iov_len = sizeof text };
  struct msghdr message = { .msg_iov = &part,
                            .msg_iovlen = 1,
                            .msg_control = control.bytes,
                            .msg_controllen = sizeof control.bytes };
  cleanup_close int peer = accept4 (listening, NULL, NULL, SOCK_CLOEXEC);
  int master;

  if (peer < 0 || recvmsg (peer, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) < 0)
    return -1;
  const struct cmsghdr *header = CMSG_FIRSTHDR (&message);
  if (header == NULL || header->cmsg_type != SCM_RIGHTS
      || header->cmsg_len != CMSG_LEN (sizeof master))
    {
      errno = EPROTO;
      return -1;
    }
  memcpy (&master, CMSG_DATA (header), sizeof master);
  return master;
}

static int pass_terminal (const struct sandbox *sandbox, int listening, struct terminal_size size)
{
  struct terminal terminal;
  cleanup_close int master = receive_master (listening);

  if (master < 0 || terminal_open (&terminal, master, size) < 0)
    return -1;
  cleanup_close int slave = terminal.slave;
  (void)slave;
  return terminal_send (sandbox->report_fd, &terminal);
}

struct start
{
  int has_terminal;
  struct terminal_size size;
  enum ts_stage stage;
};

/* The command that leaves a process behind: `create` or `exec`.  */
static int run_and_leave (const struct sandbox *sandbox, const struct start *start)
{
  const int streams[] = { sandbox->stdin_fd, sandbox->stdout_fd, sandbox->stderr_fd };
  const struct command command = { .argv = sandbox->argv,
                                   .envp = sandbox->envp,
                                   .streams = start->has_terminal ? NULL : streams };
  cleanup_close int listening = start->has_terminal ? listen_for_terminal (sandbox->spec) : -1;

  if (start->has_terminal && listening < 0)
    return sandbox_fail (sandbox, TS_STAGE_TERMINAL, "");
  int result = run (&command, -1);
  /* Also of one that failed: it may have left something.  */
  sandbox->report->pid = (uint32_t)read_pid (sandbox->spec);
  if (result < 0 || sandbox->report->pid == 0)
    return sandbox_fail (sandbox, TS_STAGE_RUNTIME, sandbox->argv[0]);
  if (start->has_terminal && pass_terminal (sandbox, listening, start->size) < 0)
    return sandbox_fail (sandbox, TS_STAGE_TERMINAL, "");
  return 0;
}

static int attach_at (const struct ts_spec *spec, const char *name, int mount)
{
  char path[PATH_MAX];

  if (mount < 0 || path_below (path, spec, name) < 0)
    return -1;
  cleanup_close int target = open (path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  return target < 0 ? -1 : mount_attach (mount, target);
}

/* At the name that its target is, for binds of the bundle.  */
static int mount_files (const struct sandbox *sandbox, const char *scratch)
{
  const struct ts_spec *spec = sandbox->spec;
  const struct ts_mount *mounts = spec_items (spec, spec->mounts);

  umask (0); /* For directories above files; commands have their own.  */
  for (uint32_t i = 1; i < spec->mounts.count; i++)
    {
      if (mounts[i].kind != TS_MOUNT_FILES)
        continue;
      cleanup_close int fd = files_make (spec, i, scratch);
      if (attach_at (spec, spec_text (spec, mounts[i].target) + 1, fd) < 0)
        return sandbox_fail (sandbox, TS_STAGE_MOUNT, spec_text (spec, mounts[i].target));
    }
  return 0;
}

/* In a mount namespace that only the runtime's commands see: nothing is to be unmounted later.  */
static int mount_sources (const struct sandbox *sandbox)
{
  const struct ts_spec *spec = sandbox->spec;
  const struct ts_mount *root = spec_items (spec, spec->mounts);
  char scratch[PATH_MAX];

  if (sys_mount (NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
    return sandbox_fail (sandbox, TS_STAGE_PROPAGATION, "/");
  if (path_below (scratch, spec, "rootfs") < 0)
    return sandbox_fail (sandbox, TS_STAGE_ROOT, "");
  cleanup_close int fd = root->kind == TS_MOUNT_BIND ? mount_clone_source (spec, root)
                                                     : mount_make (spec, root, scratch);
  if (attach_at (spec, "rootfs", fd) < 0)
    return sandbox_fail (sandbox, TS_STAGE_ROOT, scratch);
  if (sandbox->joined_source >= 0 && attach_at (spec, "shm", sandbox->joined_source) < 0)
    return sandbox_fail (sandbox, TS_STAGE_MOUNT, "of another container");
  return mount_files (sandbox, scratch);
}

static int drive (struct sandbox *sandbox)
{
  const struct ts_spec *spec = sandbox->spec;
  const struct start how = { .has_terminal = (spec->flags & TS_FLAG_TERMINAL) != 0,
                             .size = { .rows = spec->rows, .columns = spec->columns } };
  struct command start
      = { .argv = vector_make (spec, spec_foreign (spec)->start), .envp = sandbox->envp };

  if (mount_sources (sandbox) < 0 || run_and_leave (sandbox, &how) < 0
      || program_wait (sandbox, TS_READY) < 0)
    return -1;
  if (run (&start, -1) < 0)
    return sandbox_fail (sandbox, TS_STAGE_RUNTIME, sandbox->argv[0]);
  sandbox->report->progress = TS_EXECUTING;
  return 0;
}

_Noreturn void foreign_drive (struct sandbox *sandbox) { _exit (drive (sandbox) < 0 ? 127 : 0); }

_Noreturn void foreign_exec (struct exec_child *child)
{
  struct sandbox *sandbox = &child->sandbox;
  const struct start how = { .has_terminal = child->has_terminal, .size = child->size };

  if (prctl (PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
    sandbox_fail (sandbox, TS_STAGE_USER, "");
  else if (run_and_leave (sandbox, &how) == 0)
    sandbox->report->progress = TS_EXECUTING;
  _exit (0);
}

int foreign_learn (struct shim *shim)
{
  pid_t pid = (pid_t)shim->report->pid;

  if (shim->pid > 0 || pid <= 0)
    return 0;
  /* A child that was not waited for, so the number is its own.  */
  int pidfd = sys_pidfd_open (pid);
  if (pidfd < 0)
    return -1;
  close (shim->pidfd); /* The driver's.  */
  shim->pidfd = pidfd;
  shim->pid = pid;
  shim->status.container_pid = (uint32_t)pid;
  shim->status.container_start_time = process_start_time (pid);
  /* One that has ended has none, and nothing that could be unmounted late.  */
  int mounts = process_open (pid, "ns/mnt", O_RDONLY);
  if (mounts >= 0)
    {
      cleanup_close_fd (&shim->mount_namespace);
      shim->mount_namespace = mounts;
    }
  return 0;
}

void foreign_delete (const struct shim *shim)
{
  const struct ts_spec *spec = shim->spec;
  char **environment = vector_make (spec, spec->env);
  struct command command
      = { .argv = vector_make (spec, spec_foreign (spec)->delete), .envp = environment };

  if (environment != NULL)
    (void)run (&command, DELETE_MS); /* What it leaves, the engine's next start finds.  */
}
