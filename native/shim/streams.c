#define _GNU_SOURCE
#include "streams.h"

#include <errno.h>
#include <fcntl.h>

#include "sys.h"
#include "util.h"

/* Room for what a program prints while the shim waits for its turn on the CPU.  It is only
 * allocated as it fills.  */
#define PIPE_BYTES (1024 * 1024)

int stdio_open (struct stdio *stdio)
{
  for (int i = 0; i < 2; i++)
    {
      int ends[2];
      if (pipe2 (ends, O_CLOEXEC) < 0)
        return -1;
      /* EPERM above /proc/sys/fs/pipe-max-size or the user's quota: the default size also works. */
      (void)fcntl (ends[1], F_SETPIPE_SZ, PIPE_BYTES);
      /* Only the shim's end: the flag belongs to the open file, and programs expect to block.  */
      if (fcntl (ends[0], F_SETFL, O_NONBLOCK) < 0)
        return -1;
      stdio->outputs[i]
          = (struct output){ .read_fd = ends[0], .stream = i == 0 ? TS_LOG_STDOUT : TS_LOG_STDERR };
      stdio->write_fds[i] = ends[1];
    }
  return 0;
}

void stdio_close_program_ends (struct stdio *stdio)
{
  for (int i = 0; i < 2; i++)
    {
      close (stdio->write_fds[i]); /* Never written to.  */
      stdio->write_fds[i] = -1;
    }
}

int stdio_pump (struct output *output, struct log *log)
{
  /* On the stack, so that a shim whose program prints little never touches most of it.  */
  char chunk[TS_LOG_CHUNK];
  ssize_t n;

  if (output->read_fd < 0)
    return 0;
  do
    n = read (output->read_fd, chunk, sizeof chunk);
  while (n < 0 && errno == EINTR);
  if (n > 0)
    {
      log_write (log, output->stream, chunk, (uint32_t)n);
      return 1;
    }
  if (n < 0 && errno == EAGAIN)
    return 0;
  close (output->read_fd); /* Only read from.  */
  output->read_fd = -1;
  return 0;
}

void stdio_drain (struct stdio *stdio, struct log *log)
{
  /* Somebody outside of the container may hold the pipe open for ever, if it was passed through a
     socket.  What can still be in it is what was there when the container ended: not more than the
     pipes hold.  */
  for (int i = 0; i < 2; i++)
    for (size_t left = 2 * PIPE_BYTES / 4096; left > 0 && stdio_pump (&stdio->outputs[i], log);)
      left--;
}
