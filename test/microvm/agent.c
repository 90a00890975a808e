/* The first process of the microvm: serves what the tests ask for over TCP and buries whoever dies.
 *   port 1  "LENGTH\n" and a script for sh(1): its output comes back, and as last line its exit
 * code port 2  a relay to the engine's socket Static and small, so that nothing of what is under
 * test is needed to look at it.  */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum
{
  SCRIPT_PORT = 1,
  ENGINE_PORT = 2,
  /* What execve(2) takes as one argument.  */
  LARGEST_SCRIPT = (128 << 10) - 1
};

static const char engine_socket[] = "/run/tscompose/engine.sock";

static int listen_on (uint16_t port)
{
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons (port) };
  int yes = 1;
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (bind (fd, (struct sockaddr *)&address, sizeof address) < 0 || listen (fd, 64) < 0)
    perror ("listen");
  return fd;
}

static void run_script (int client)
{
  static char script[LARGEST_SCRIPT + 1];
  size_t length = 0;
  char byte;

  while (read (client, &byte, 1) == 1 && byte >= '0' && byte <= '9')
    length = length * 10 + (size_t)(byte - '0');
  for (size_t have = 0; have < length && length <= LARGEST_SCRIPT;)
    {
      ssize_t n = read (client, script + have, length - have);
      if (n <= 0)
        _exit (1);
      have += (size_t)n;
    }
  signal (SIGCHLD, SIG_DFL);
  pid_t pid = fork ();
  if (pid == 0)
    {
      dup2 (client, 1);
      dup2 (client, 2);
      execl ("/bin/sh", "sh", "-c", script, NULL);
      _exit (127);
    }
  int status = 0;
  while (waitpid (pid, &status, 0) < 0 && errno == EINTR)
    ;
  dprintf (client, "\n%d", WIFEXITED (status) ? WEXITSTATUS (status) : 128 + WTERMSIG (status));
  /* What the script left running may hold the connection open.  */
  shutdown (client, SHUT_RDWR);
}

/* 0 when the direction has ended.  */
static int pass_on (int from, int to)
{
  char buffer[65536];
  ssize_t n = read (from, buffer, sizeof buffer);

  for (ssize_t done = 0, w; done < n; done += w)
    if ((w = write (to, buffer + done, (size_t)(n - done))) < 0)
      return 0;
  if (n <= 0)
    shutdown (to, SHUT_WR);
  return n > 0;
}

static void relay (int client)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int engine = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  strcpy (address.sun_path, engine_socket);
  if (connect (engine, (struct sockaddr *)&address, sizeof address) < 0)
    return;
  struct pollfd ends[] = { { .fd = client, .events = POLLIN }, { .fd = engine, .events = POLLIN } };
  while (ends[0].fd >= 0 || ends[1].fd >= 0)
    {
      poll (ends, 2, -1);
      if (ends[0].revents != 0 && !pass_on (client, engine))
        ends[0].fd = -1;
      /* A server that has ended is heard by no answer to what would still be sent.  */
      if (ends[1].revents != 0 && !pass_on (engine, client))
        return;
    }
}

int main (void)
{
  struct pollfd ports[] = { { .fd = listen_on (SCRIPT_PORT), .events = POLLIN },
                            { .fd = listen_on (ENGINE_PORT), .events = POLLIN } };

  signal (SIGCHLD, SIG_IGN);
  signal (SIGPIPE, SIG_IGN);
  puts ("microvm: ready");
  fflush (stdout);
  for (;;)
    {
      poll (ports, 2, -1);
      for (int i = 0; i < 2; i++)
        {
          if (ports[i].revents == 0)
            continue;
          int client = accept4 (ports[i].fd, NULL, NULL, SOCK_CLOEXEC);
          if (client >= 0 && fork () == 0)
            {
              (i == 0 ? run_script : relay) (client);
              _exit (0);
            }
          close (client);
        }
    }
}
