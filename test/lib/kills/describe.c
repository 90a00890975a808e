/* A call in words: less ids and numbers, so that the same work gives the same lines whatever the order of threads.  */
#define _GNU_SOURCE
#include <ctype.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "kill-point.h"

static ssize_t read_memory (pid_t thread, uint64_t address, void *to, size_t size)
{
  struct iovec local = { .iov_base = to, .iov_len = size };
  struct iovec remote = { .iov_base = (void *)(uintptr_t)address, .iov_len = size };

  return process_vm_readv (thread, &local, 1, &remote, 1, 0);
}

static void read_text (pid_t thread, uint64_t address, char *text)
{
  size_t done = 0;

  /* Not beyond the page: the next one may not be there.  */
  while (done < TEXT - 1)
    {
      size_t step = 4096 - (size_t)((address + done) & 4095);
      if (step > TEXT - 1 - done)
        step = TEXT - 1 - done;
      ssize_t n = read_memory (thread, address + done, text + done, step);
      if (n <= 0)
        break;
      if (memchr (text + done, 0, (size_t)n) != NULL)
        return;
      done += (size_t)n;
    }
  text[done] = 0;
}

static void link_of (pid_t process, int fd, char *text)
{
  char path[64];
  ssize_t n;

  text[0] = 0;
  if (fd == AT_FDCWD)
    return;
  snprintf (path, sizeof path, "/proc/%d/fd/%d", process, fd);
  n = readlink (path, text, TEXT - 1);
  text[n < 0 ? 0 : n] = 0;
}

/* A word with many digits is an id, a short one of a counter; neither is the same twice.  */
static void add_component (char *line, const char *word, size_t length)
{
  size_t digits = 0;

  for (size_t i = 0; i < length; i++)
    digits += isxdigit ((unsigned char)word[i]) != 0;
  size_t at = strlen (line);
  if (digits >= 12)
    snprintf (line + at, TEXT - at, "/ID");
  else if (length == 16 && strncmp (word, "tscompose-", 10) == 0)
    snprintf (line + at, TEXT - at, "/INSTANCE");
  else if (length > 9 && word[8] == '-' && strcspn (word, "-") == 8 && word[0] == 'm')
    snprintf (line + at, TEXT - at, "/SET%s", word[length - 1] == '~' ? "~" : "");
  else if (length > 5 && strncmp (word + length - 5, ".tmp~", 5) == 0)
    snprintf (line + at, TEXT - at, "/*.tmp~");
  else if (length <= 2)
    snprintf (line + at, TEXT - at, "/*");
  else
    snprintf (line + at, TEXT - at, "/%.*s", (int)length, word);
}

/* The last components of a path.  */
static void add_path (char *line, const char *path)
{
  const char *from = path + strlen (path);
  int components = 0;

  while (from > path && components < 3)
    if (*--from == '/')
      components++;
  for (const char *at = from; *at != 0;)
    {
      at += strspn (at, "/");
      size_t length = strcspn (at, "/");
      if (length > 0)
        add_component (line, at, length);
      at += length;
    }
}

/* "socket:[123]" → "socket", with its family and protocol.  */
static void add_descriptor (char *line, pid_t process, int fd)
{
  char text[TEXT];
  size_t at;

  link_of (process, fd, text);
  if (text[0] == '/' && strncmp (text, "/memfd:", 7) != 0)
    {
      add_path (line, text);
      return;
    }
  text[strcspn (text, "[")] = 0;
  at = strlen (line);
  snprintf (line + at, TEXT - at, " %s", text);
  if (strncmp (text, "socket", 6) != 0)
    return;
  int pidfd = (int)syscall (SYS_pidfd_open, process, 0);
  int copy = (int)syscall (SYS_pidfd_getfd, pidfd, fd, 0);
  int domain = 0, protocol = 0;
  socklen_t size = sizeof domain;
  getsockopt (copy, SOL_SOCKET, SO_DOMAIN, &domain, &size);
  getsockopt (copy, SOL_SOCKET, SO_PROTOCOL, &protocol, &size);
  close (copy);
  close (pidfd);
  at = strlen (line);
  snprintf (line + at, TEXT - at, "family %d protocol %d", domain, protocol);
}

static void add_at (char *line, const struct thread_call *made, uint64_t directory, uint64_t address)
{
  char path[2 * TEXT], name[TEXT];

  read_text (made->thread, address, name);
  if (name[0] == '/')
    add_path (line, name);
  else
    {
      link_of (made->process, (int)directory, path);
      size_t at = strlen (path);
      snprintf (path + at, sizeof path - at, "/%s", name);
      add_path (line, path);
    }
}

static int makes_file (const struct call *call, const struct thread_call *made)
{
  struct open_how how = { 0 };
  uint64_t flags = made->args[2];

  if (call->number == SYS_openat2)
    {
      read_memory (made->thread, made->args[2], &how, sizeof how);
      flags = how.flags;
    }
#ifdef SYS_open
  else if (call->number == SYS_open)
    flags = made->args[1];
#endif
  return (flags & (O_CREAT | O_TRUNC)) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
}

static int makes_thread (const struct call *call, const struct thread_call *made)
{
  uint64_t flags = made->args[0];

  if (call->number == SYS_clone3)
    read_memory (made->thread, made->args[0], &flags, sizeof flags);
  return (flags & CLONE_THREAD) != 0;
}

/* Those of Node and libuv that only set up descriptors of their own.  */
static int is_own_setting (uint64_t request)
{
  return request == FIONBIO || request == FIOCLEX || request == FIONCLEX || request == FIONREAD
         || request == 0x5401 /* TCGETS */ || request == TIOCGWINSZ
         || request == 0xb702 /* NS_GET_PARENT */ || request == 0xb701 || request == 0xb703;
}

int describe (const struct call *call, const struct thread_call *made, char *line)
{
  char text[TEXT];
  const uint64_t *args = made->args;

  snprintf (line, TEXT, "%s", call->name);
  switch (call->what)
    {
    case OPEN:
      if (!makes_file (call, made))
        return 0;
#ifdef SYS_open
      if (call->number == SYS_open)
        {
          add_at (line, made, (uint64_t)AT_FDCWD, args[0]);
          return 1;
        }
#endif
      add_at (line, made, args[0], args[1]);
      return 1;
    case AT:
      add_at (line, made, args[0], args[1]);
      return 1;
    case PATH:
    case SECOND:
      add_at (line, made, (uint64_t)AT_FDCWD, args[call->what == PATH ? 0 : 1]);
      return 1;
    case FD:
      link_of (made->process, (int)args[0], text);
      /* Wake-ups of the process's own threads: nobody else sees an eventfd, and libuv's pipes are one.  */
      if (strstr (text, "[eventfd]") != NULL)
        return 0;
      add_descriptor (line, made->process, (int)args[0]);
      return 1;
    case CLONE:
      return !makes_thread (call, made);
    case IOCTL:
      if (is_own_setting (args[1]))
        return 0;
      size_t at = strlen (line);
      snprintf (line + at, TEXT - at, " %llx", (unsigned long long)args[1]);
      return 1;
    case ANY:
      return 1;
    }
  return 0;
}
