/* The program's standard streams.  (Not stdio.h: on an include path that name would hide the one of
 * libc.)  */
#ifndef TS_STREAMS_H
#define TS_STREAMS_H

#include "log.h"
#include "poll-set.h"
#include "terminal.h"

struct output
{
  int read_fd; /* the shim's end, non-blocking; -1 after its end was seen */
  enum ts_log_stream stream;
};

struct stdio
{
  struct output outputs[2];
  int write_fds[2]; /* the program's ends, until it is started; -1 with a terminal */
  int input_fd;     /* the program's end of its input, until it is started; -1 without one */
  int input;        /* where the clients' bytes go; -1: nowhere */
  /* Both ends: as long as the slave is open somewhere, the master has no end but the container's.
   */
  struct terminal terminal;
  int ends_input; /* with the last client */
  struct pump *clients[INPUT_MAX];
};

int stdio_open (struct stdio *stdio, const struct ts_spec *spec);

/* The program has its own copies now.  */
void stdio_close_program_ends (struct stdio *stdio);

/* Takes both ends and returns 1; 0 when there is to be no terminal, or no second one.  */
int stdio_set_terminal (struct stdio *stdio, const struct ts_spec *spec,
                        const struct terminal *terminal);

/* Logs what one read gives.  0 when there is nothing more now, or ever.  */
int stdio_pump (struct stdio *stdio, int index, struct log *log);

/* Logs everything that is there, after the last writer is gone.  */
void stdio_drain (struct stdio *stdio, struct log *log);

/* Takes CLIENT, whose bytes become input.  0, or an errno.  */
int stdio_add_client (struct stdio *stdio, int client);

/* Closes the input when the clients that are there have said everything.  0, or an errno.  */
int stdio_end_input (struct stdio *stdio);

void stdio_collect (const struct stdio *stdio, struct poll_set *set);
void stdio_serve_client (struct stdio *stdio, int index);

#endif
