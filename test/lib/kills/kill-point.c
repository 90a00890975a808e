/* Kills a process before one of its state-changing system calls, or lists them.

     kill-point PID                        lists every such call on stdout, one per line, until it ends
     kill-point PID OCCURRENCE CALL        SIGKILL before the OCCURRENCE-th call that is listed as CALL
     kill-point -c PID OCCURRENCE CALL     the same, and its children die with it
     kill-point -s PID [OCCURRENCE CALL]   the calls of the shims that it starts, and of their first processes until
                                           those are programs; who makes the call is killed, and nobody else

   "ready" is printed when every thread is traced; without -s children are not.  A call is listed with what it is
   about, less ids and numbers, so that the same work gives the same lines whatever the order of threads.
   A system call that is in neither list of calls.c is printed as "unclassified".  */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/ptrace.h>

#include "kill-point.h"

static pid_t target;
static int with_children;
static int of_shims;

/* Only of the processes that -s follows; everybody else is the target.  */
enum role
{
  TARGET = 0,
  CHILD, /* about to be a shim, or something else */
  SHIM,
  FIRST,
  NOBODY,
};
static unsigned char roles[1 << 22];
static long wanted;
static const char *wanted_call;

static void kill_children (void)
{
  char path[512], text[4096];
  pid_t children[256];
  int count = 0;

  snprintf (path, sizeof path, "/proc/%d/task", target);
  DIR *tasks = opendir (path);
  for (struct dirent *entry; tasks != NULL && (entry = readdir (tasks)) != NULL;)
    {
      snprintf (path, sizeof path, "/proc/%d/task/%s/children", target, entry->d_name);
      int fd = open (path, O_RDONLY | O_CLOEXEC);
      ssize_t n = fd < 0 ? -1 : read (fd, text, sizeof text - 1);
      if (fd >= 0)
        close (fd);
      if (n <= 0)
        continue;
      text[n] = 0;
      for (char *at = text, *end; count < 256; at = end)
        {
          long pid = strtol (at, &end, 10);
          if (end == at)
            break;
          children[count++] = (pid_t)pid;
        }
    }
  if (tasks != NULL)
    closedir (tasks);
  kill (target, SIGKILL);
  for (int i = 0; i < count; i++)
    kill (children[i], SIGKILL);
}

static void say (const char *line)
{
  char text[TEXT + 1];
  int length = snprintf (text, sizeof text, "%s\n", line);

  if (write (STDOUT_FILENO, text, (size_t)length) < 0)
    exit (1);
}

static void note (const struct thread_call *made)
{
  char line[TEXT];
  const struct call *call = find_changing (made->number);

  if (call == NULL && is_harmless (made->number))
    return;
  if (call == NULL)
    snprintf (line, sizeof line, "unclassified %ld", made->number);
  else if (!describe (call, made, line))
    return;
  if (of_shims)
    {
      char copy[TEXT];
      memcpy (copy, line, sizeof copy);
      snprintf (line, sizeof line, "%s %.480s", roles[made->thread] == SHIM ? "shim" : "first", copy);
    }
  if (wanted_call == NULL)
    {
      say (line);
      return;
    }
  if (strcmp (line, wanted_call) != 0 || --wanted != 0)
    return;
  if (with_children)
    kill_children ();
  kill (made->process, SIGKILL);
  say ("killed");
  exit (0);
}

static void seize_all (void)
{
  char path[64];
  long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE;

  if (of_shims)
    options |= PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC;
  snprintf (path, sizeof path, "/proc/%d/task", target);
  DIR *tasks = opendir (path);
  if (tasks == NULL)
    {
      perror (path);
      exit (1);
    }
  for (struct dirent *entry; (entry = readdir (tasks)) != NULL;)
    {
      pid_t thread = (pid_t)atoi (entry->d_name);
      if (thread <= 0)
        continue;
      /* EPERM: made meanwhile by one that is traced, and so is traced itself.  */
      if (ptrace (PTRACE_SEIZE, thread, NULL, options) < 0 && errno != EPERM && errno != ESRCH)
        {
          perror ("PTRACE_SEIZE");
          exit (1);
        }
      ptrace (PTRACE_INTERRUPT, thread, NULL, NULL);
    }
  closedir (tasks);
}

static int all_are_traced (void)
{
  char path[512], text[4096];
  int all = 1;

  snprintf (path, sizeof path, "/proc/%d/task", target);
  DIR *tasks = opendir (path);
  for (struct dirent *entry; tasks != NULL && (entry = readdir (tasks)) != NULL;)
    {
      if (atoi (entry->d_name) <= 0)
        continue;
      snprintf (path, sizeof path, "/proc/%d/task/%s/status", target, entry->d_name);
      int fd = open (path, O_RDONLY | O_CLOEXEC);
      ssize_t n = fd < 0 ? -1 : read (fd, text, sizeof text - 1);
      if (fd >= 0)
        close (fd);
      if (n <= 0)
        continue;
      text[n] = 0;
      all &= strstr (text, "TracerPid:\t0\n") == NULL;
    }
  if (tasks != NULL)
    closedir (tasks);
  return all;
}

/* A field of /proc/PID/status.  */
static pid_t field_of (pid_t pid, const char *name)
{
  char path[64], line[256];
  size_t length = strlen (name);
  pid_t found = 0;

  snprintf (path, sizeof path, "/proc/%d/status", (int)pid);
  FILE *file = fopen (path, "re");
  while (file != NULL && fgets (line, sizeof line, file) != NULL)
    if (strncmp (line, name, length) == 0 && line[length] == ':')
      found = (pid_t)atoi (line + length + 1);
  if (file != NULL)
    fclose (file);
  return found;
}

static int is_shim (pid_t pid)
{
  char path[64], text[32] = "";

  snprintf (path, sizeof path, "/proc/%d/cmdline", (int)pid);
  int fd = open (path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return 0;
  ssize_t n = read (fd, text, sizeof text - 1);
  close (fd);
  return n > 0 && strcmp (text, "tscompose-shim") == 0;
}

/* Of one that has stopped for the first time.  */
static enum role find_role (pid_t thread)
{
  pid_t parent = field_of (thread, "PPid");

  if (!of_shims || field_of (thread, "Tgid") == target)
    return TARGET;
  if (parent == target)
    return CHILD;
  return roles[parent] == SHIM || roles[parent] == FIRST ? FIRST : NOBODY;
}

static int is_followed (pid_t thread)
{
  return of_shims ? roles[thread] == SHIM || roles[thread] == FIRST : 1;
}

static void note_entry (pid_t thread)
{
  struct ptrace_syscall_info info;

  if (ptrace (PTRACE_GET_SYSCALL_INFO, thread, (void *)sizeof info, &info) <= 0
      || info.op != PTRACE_SYSCALL_INFO_ENTRY)
    return;
  struct thread_call made = { .process = of_shims ? thread : target,
                              .thread = thread,
                              .number = (long)info.entry.nr };
  for (int i = 0; i < ARGS; i++)
    made.args[i] = info.entry.args[i];
  note (&made);
}

static void serve (pid_t thread, int status)
{
  int event = status >> 16, signal = 0;

  if (event == PTRACE_EVENT_STOP)
    roles[thread] = roles[thread] == TARGET ? find_role (thread) : roles[thread];
  else if (event == PTRACE_EVENT_EXEC)
    roles[thread] = roles[thread] == CHILD && is_shim (thread) ? SHIM : NOBODY;
  else if (WSTOPSIG (status) == (SIGTRAP | 0x80))
    note_entry (thread);
  else if (event == 0)
    signal = WSTOPSIG (status);
  if (roles[thread] == NOBODY)
    ptrace (PTRACE_DETACH, thread, NULL, (void *)(long)signal);
  else
    ptrace (is_followed (thread) ? PTRACE_SYSCALL : PTRACE_CONT, thread, NULL,
            (void *)(long)signal);
}

int main (int argc, char **argv)
{
  int is_ready = 0;

  if (argc > 1 && argv[1][0] == '-')
    {
      with_children = strcmp (argv[1], "-c") == 0;
      of_shims = strcmp (argv[1], "-s") == 0;
      argv++;
      argc--;
    }
  if (argc != 2 && argc != 4)
    {
      fprintf (stderr, "usage: kill-point [-c | -s] PID [OCCURRENCE CALL]\n");
      return 2;
    }
  target = (pid_t)atoi (argv[1]);
  if (argc == 4)
    {
      wanted = atol (argv[2]);
      wanted_call = argv[3];
    }
  seize_all ();
  for (;;)
    {
      int status;
      pid_t thread = waitpid (-1, &status, __WALL | (is_ready ? 0 : WNOHANG));
      if (thread < 0)
        return errno == ECHILD ? 0 : 1;
      if (thread > 0 && WIFSTOPPED (status))
        serve (thread, status);
      if (thread == 0)
        {
          /* Every thread has stopped once, and goes on traced.  */
          is_ready = all_are_traced ();
          if (is_ready)
            say ("ready");
        }
    }
}
