#define _GNU_SOURCE
#include "streams.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "sys.h"
#include "util.h"
#include "vectors.h"

/* Room for what a program prints while the shim waits for its turn on the CPU.  It is only
 * allocated as it fills.  */
#define PIPE_BYTES (1024 * 1024)

static int open_output (struct stdio *stdio, int index)
{
  int ends[2];

  if (pipe2 (ends, O_CLOEXEC) < 0)
    return -1;
  /* EPERM above /proc/sys/fs/pipe-max-size or the user's quota: the default size also works. */
  (void)fcntl (ends[1], F_SETPIPE_SZ, PIPE_BYTES);
  stdio->outputs[index].read_fd = ends[0];
  stdio->write_fds[index] = ends[1];
  /* Only the shim's end: the flag belongs to the open file, and programs expect to block.  */
  return fcntl (ends[0], F_SETFL, O_NONBLOCK);
}

static int open_input (struct stdio *stdio)
{
  int ends[2];

  if (pipe2 (ends, O_CLOEXEC) < 0)
    return -1;
  stdio->input_fd = ends[0];
  stdio->input = ends[1];
  return fcntl (ends[1], F_SETFL, O_WRONLY | O_NONBLOCK);
}

int stdio_open (struct stdio *stdio, const struct ts_spec *spec)
{
  *stdio = (struct stdio){ .outputs = { { .read_fd = -1, .stream = TS_LOG_STDOUT },
                                        { .read_fd = -1, .stream = TS_LOG_STDERR } },
                           .write_fds = { -1, -1 },
                           .input_fd = -1,
                           .input = -1,
                           .terminal = { .master = -1, .slave = -1 } };
  if ((spec->flags & TS_FLAG_TERMINAL) != 0 || spec_handover (spec) != NULL)
    return 0; /* Its ends come from the child, which makes it where the container can see it.  */
  if ((spec->flags & TS_FLAG_STDIN) != 0 && open_input (stdio) < 0)
    return -1;
  return open_output (stdio, 0) < 0 || open_output (stdio, 1) < 0 ? -1 : 0;
}

static void close_fd (int *fd)
{
  cleanup_close_fd (fd);
  *fd = -1;
}

void stdio_close_program_ends (struct stdio *stdio)
{
  close_fd (&stdio->input_fd);
  close_fd (&stdio->write_fds[0]);
  close_fd (&stdio->write_fds[1]);
}

int stdio_set_terminal (struct stdio *stdio, const struct ts_spec *spec,
                        const struct terminal *terminal)
{
  if ((spec->flags & TS_FLAG_TERMINAL) == 0 || stdio->terminal.master >= 0)
    return 0;
  (void)fcntl (terminal->master, F_SETFL, O_RDWR | O_NONBLOCK); /* Cannot fail for these flags.  */
  stdio->terminal = *terminal;
  stdio->outputs[0].read_fd = terminal->master;
  if ((spec->flags & TS_FLAG_STDIN) != 0)
    stdio->input = terminal->master;
  return 1;
}

int stdio_pump (struct stdio *stdio, int index, struct log *log)
{
  /* On the stack, so that a shim whose program prints little never touches most of it.  */
  char chunk[TS_LOG_CHUNK];
  struct output *output = &stdio->outputs[index];
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
  if (output->read_fd != stdio->terminal.master)
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
    for (size_t left = 2 * PIPE_BYTES / 4096; left > 0 && stdio_pump (stdio, i, log);)
      left--;
}

int stdio_add_client (struct stdio *stdio, int client)
{
  cleanup_close int fd = client;

  if (stdio->input < 0)
    return EPIPE;
  for (int i = 0; i < INPUT_MAX; i++)
    {
      if (stdio->clients[i] != NULL)
        continue;
      if (fcntl (fd, F_SETFL, O_RDWR | O_NONBLOCK) < 0
          || (stdio->clients[i] = memory_map (sizeof *stdio->clients[i], MAP_PRIVATE)) == NULL)
        return errno;
      *stdio->clients[i] = (struct pump){ .from = take_fd (&fd), .to = stdio->input };
      return 0;
    }
  return EAGAIN;
}

static void close_if_ended (struct stdio *stdio)
{
  for (int i = 0; i < INPUT_MAX; i++)
    if (stdio->clients[i] != NULL)
      return;
  if (stdio->ends_input && stdio->input >= 0)
    close_fd (&stdio->input);
}

int stdio_end_input (struct stdio *stdio)
{
  /* A terminal's end of input is a character.  */
  if (stdio->terminal.master >= 0)
    return EINVAL;
  stdio->ends_input = 1;
  close_if_ended (stdio);
  return 0;
}

void stdio_collect (const struct stdio *stdio, struct poll_set *set)
{
  for (int i = 0; i < INPUT_MAX; i++)
    if (stdio->clients[i] != NULL)
      poll_add (set, POLL_INPUT, i, pump_waits_for (stdio->clients[i]));
}

void stdio_serve_client (struct stdio *stdio, int index)
{
  struct pump *pump = stdio->clients[index];

  if (pump_run (pump) == PUMP_GOES_ON)
    return;
  close (pump->from); /* Only read from.  */
  munmap (pump, sizeof *pump);
  stdio->clients[index] = NULL;
  close_if_ended (stdio);
}
