#define _GNU_SOURCE
#include "init.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "program.h"
#include "vectors.h"

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

void init_name (char *const *argv)
{
  static const char own[] = "/sbin/docker-init\0--";
  size_t size = sizeof own;

  for (char *const *word = argv; *word != NULL; word++)
    size += strlen (*word) + 1;
  char *text = memory_map (size, MAP_PRIVATE);
  if (text == NULL)
    return;
  memcpy (text, own, sizeof own);
  size_t length = sizeof own;
  for (char *const *word = argv; *word != NULL; word++)
    {
      size_t word_size = strlen (*word) + 1;
      memcpy (text + length, *word, word_size);
      length += word_size;
    }
  /* The end was behind the new start before: memory is mapped below the stack.  */
  if (prctl (PR_SET_MM, PR_SET_MM_ARG_START, text, 0, 0) == 0)
    (void)prctl (PR_SET_MM, PR_SET_MM_ARG_END, text + length, 0, 0);
  (void)prctl (PR_SET_NAME, "docker-init", 0, 0, 0);
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
