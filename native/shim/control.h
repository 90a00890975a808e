/* Connections to engines: a few at a time, each with whole small messages (native/PROTOCOL.md).  */
#ifndef TS_CONTROL_H
#define TS_CONTROL_H

#include <stddef.h>
#include <stdint.h>

#include "protocol.h"

#define CONTROL_MAX 9

union request
{
  struct ts_signal signal;
  struct ts_exec_request exec;
  struct ts_exec_signal exec_signal;
  struct ts_resize resize;
  struct ts_input input;
};

struct connection
{
  int fd; /* -1: free */
  uint32_t used;
  uint32_t fd_count;
  int fds[TS_EXEC_MAX_FDS]; /* came with the message that is being read */
  unsigned char input[sizeof (struct ts_frame_header) + sizeof (union request)];
};

struct control
{
  const char *path; /* NULL until it listens */
  int listen_fd;
  struct connection connections[CONTROL_MAX];
};

struct message
{
  enum ts_message_type type;
  union request request;
  uint32_t fd_count;
  int fds[TS_EXEC_MAX_FDS]; /* -1 where somebody took it */
};

/* Closes what nobody took.  */
void message_close (struct message *message);

void control_init (struct control *control);

/* FD was bound to PATH by the engine, before this process existed: so an engine that was killed and
   started again finds either a socket that will be answered, or none.  */
int control_listen (struct control *control, int fd, const char *path);

/* NULL when all places are taken.  Takes FD.  */
struct connection *control_add (struct control *control, int fd);

/* The new connection, or NULL when nobody was there or the peer is somebody else's process.  */
struct connection *control_accept (struct control *control);

/* A pidfd of who is at the other end, or -1.  */
int control_open_peer (const struct connection *connection);

/* Reads at most one message.  1: it is in MESSAGE; 0: not complete yet; -1: the connection is over
 * and closed.  */
int connection_read (struct connection *connection, struct message *message);

/* Never waits: a peer whose buffer is full with these few bytes is gone or hostile, and is dropped.
 */
void connection_send (struct connection *connection, enum ts_message_type type, const void *payload,
                      size_t size);
void control_broadcast (struct control *control, enum ts_message_type type, const void *payload,
                        size_t size);

/* Nobody can connect any more.  */
void control_unlink (struct control *control);

#endif
