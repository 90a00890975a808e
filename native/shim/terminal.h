/* A pseudo terminal of the container's own devpts.  */
#ifndef TS_TERMINAL_H
#define TS_TERMINAL_H

#include <stdint.h>

struct terminal_size
{
  uint16_t rows; /* 0: leave it */
  uint16_t columns;
};

struct terminal
{
  int master;
  int slave;
};

/* Opens a new pair through PTMX, a descriptor for a multiplexer, which stays the caller's and
   becomes the master.  0, or -1 with errno.  */
int terminal_open (struct terminal *terminal, int ptmx, struct terminal_size size);

/* A multiplexer at PATH, below a root the container controls: it is one of a devpts, or the call
   fails.  A descriptor, or -1 with errno.  */
int terminal_find_ptmx (int dir, const char *path);

void terminal_close (const struct terminal *terminal);

int terminal_resize (int master, struct terminal_size size);

/* Both ends over SOCKET, to whoever keeps the master.  */
int terminal_send (int socket, const struct terminal *terminal);

#endif
