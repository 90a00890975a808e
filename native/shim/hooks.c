#define _GNU_SOURCE
#include "hooks.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "sys.h"
#include "util.h"
#include "vectors.h"

#ifndef MFD_CLOEXEC
#define MFD_CLOEXEC 1
#endif

/* A file and not a pipe, so that a hook which does not read blocks nobody.  The pid is the one that
   the container itself sees (runtime-spec runtime.md, "State").  */
static int make_state (const struct ts_spec *spec, const struct ts_hook *hook)
{
  char number[TS_NUMBER_MAX];
  size_t digits = format_number (number, (uint64_t)getpid ());
  cleanup_close int fd = (int)syscall (SYS_memfd_create, "state", MFD_CLOEXEC);

  if (fd < 0 || write_all (fd, spec_text (spec, hook->state.key), hook->state.key.length) < 0
      || write_all (fd, number, digits) < 0
      || write_all (fd, spec_text (spec, hook->state.value), hook->state.value.length) < 0
      || lseek (fd, 0, SEEK_SET) < 0)
    return -1;
  return take_fd (&fd);
}

static char **make_vectors (const struct ts_spec *spec, const struct ts_hook *hook, size_t *size)
{
  *size = ((size_t)hook->args.count + hook->env.count + 2) * sizeof (char *);
  char **pointers = memory_map (*size, MAP_PRIVATE);

  if (pointers != NULL)
    vectors_point (spec, hook->env, vectors_point (spec, hook->args, pointers));
  return pointers;
}

static _Noreturn void become_hook (const struct ts_spec *spec, const struct ts_hook *hook,
                                   char **vectors, int state)
{
  sigset_t none;
  int null = open ("/dev/null", O_RDWR | O_CLOEXEC);

  sigemptyset (&none);
  if (null >= 0 && dup2 (state, 0) == 0 && dup2 (null, 1) == 1 && dup2 (null, 2) == 2
      && sys_close_range (3, ~0u, CLOSE_RANGE_CLOEXEC) == 0
      && sigprocmask (SIG_SETMASK, &none, NULL) == 0)
    execve (spec_text (spec, hook->path), vectors, vectors + hook->args.count + 1);
  _exit (127);
}

/* 0, or -1 with errno: ETIMEDOUT, or ECANCELED when it said that it failed.  */
static int wait_for (pid_t pid, uint32_t timeout_seconds)
{
  siginfo_t info = { 0 };
  cleanup_close int pidfd = (int)syscall (SYS_pidfd_open, pid, 0);
  struct pollfd end = { .fd = pidfd, .events = POLLIN };
  int timeout = timeout_seconds == 0 ? -1 : (int)timeout_seconds * 1000;
  int ready = pidfd < 0 ? -1 : poll (&end, 1, timeout);
  int error = pidfd < 0 ? errno : 0;

  if (ready <= 0)
    (void)kill (pid, SIGKILL); /* A child that was not waited for.  */
  if (waitid (P_PID, (id_t)pid, &info, WEXITED) < 0)
    return -1;
  if (ready > 0 && info.si_code == CLD_EXITED && info.si_status == 0)
    return 0;
  errno = ready > 0 ? ECANCELED : error != 0 ? error : ETIMEDOUT;
  return -1;
}

static int run_one (const struct ts_spec *spec, const struct ts_hook *hook)
{
  size_t size;
  char **vectors = make_vectors (spec, hook, &size);
  cleanup_close int state = vectors == NULL ? -1 : make_state (spec, hook);

  if (state < 0)
    return -1;
  pid_t pid = fork ();
  if (pid == 0)
    become_hook (spec, hook, vectors, state);
  int result = pid < 0 ? -1 : wait_for (pid, hook->timeout_seconds);
  int saved = errno;
  munmap (vectors, size);
  errno = saved;
  return result;
}

int hooks_run (const struct sandbox *sandbox, enum ts_hook_stage stage)
{
  const struct ts_spec *spec = sandbox->spec;
  const struct ts_handover *handover = spec_handover (spec);
  const struct ts_hook *hooks = handover == NULL ? NULL : spec_items (spec, handover->hooks);

  for (uint32_t i = 0; handover != NULL && i < handover->hooks.count; i++)
    if (hooks[i].stage == stage && run_one (spec, &hooks[i]) < 0)
      return sandbox_fail (sandbox, TS_STAGE_HOOK, spec_text (spec, hooks[i].path));
  return 0;
}
