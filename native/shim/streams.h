/* The program's standard streams.  (Not stdio.h: on an include path that name would hide the one of
 * libc.)  */
#ifndef TS_STREAMS_H
#define TS_STREAMS_H

#include "log.h"

struct output
{
  int read_fd; /* the shim's end, non-blocking; -1 after its end was seen */
  enum ts_log_stream stream;
};

struct stdio
{
  struct output outputs[2];
  int write_fds[2]; /* the program's ends, until it is started */
};

int stdio_open (struct stdio *stdio);

/* The program has its own copies now.  */
void stdio_close_program_ends (struct stdio *stdio);

/* Logs what one read gives.  0 when there is nothing more now, or ever.  */
int stdio_pump (struct output *output, struct log *log);

/* Logs everything that is there, after the last writer is gone.  */
void stdio_drain (struct stdio *stdio, struct log *log);

#endif
