#define _GNU_SOURCE
#include "init.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "program.h"

static int exit_code (int status)
{
  return WIFSIGNALED (status) ? 128 + WTERMSIG (status) : WEXITSTATUS (status);
}

/* Ends this process, and with it the pid namespace, when MAIN has ended.  */
static void reap (pid_t main_pid)
{
  pid_t pid;
  int status;

  while ((pid = waitpid (-1, &status, WNOHANG)) > 0)
    if (pid == main_pid)
      _exit (exit_code (status));
}

_Noreturn void init_exec (char **argv, char **envp)
{
  const struct sandbox program = { .argv = argv, .envp = envp };
  sigset_t all, given;
  pid_t pid;

  sigfillset (&all);
  if (sigprocmask (SIG_SETMASK, &all, &given) < 0 || (pid = fork ()) < 0)
    _exit (126);
  if (pid > 0)
    init_run (pid);
  /* A group of its own in front of the terminal, if there is one: keys are for the program.  */
  if (setpgid (0, 0) == 0)
    (void)tcsetpgrp (0, getpid ());
  if (sigprocmask (SIG_SETMASK, &given, NULL) == 0)
    program_execute (&program);
  _exit (errno == ENOENT ? 127 : 126);
}

_Noreturn void init_run (pid_t main_pid)
{
  sigset_t all;

  sigfillset (&all);
  /* A blocked signal is queued even for pid 1, which otherwise gets none that it has no handler for
     (pid_namespaces(7)).  */
  for (;;)
    {
      int signal = sigwaitinfo (&all, NULL);
      if (signal == SIGCHLD)
        reap (main_pid);
      else if (signal > 0)
        kill (main_pid, signal); /* ESRCH: it has ended, and SIGCHLD is on its way.  */
    }
}
