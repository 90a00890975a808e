#define _GNU_SOURCE
#include "control.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "util.h"

void control_init (struct control *control)
{
  *control = (struct control){ .listen_fd = -1 };
  for (int i = 0; i < CONTROL_MAX; i++)
    control->connections[i].fd = -1;
}

int control_listen (struct control *control, int fd, const char *path)
{
  int is_listening = 0;
  socklen_t size = sizeof is_listening;

  if (getsockopt (fd, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &size) < 0)
    return -1;
  if (!is_listening)
    {
      errno = EINVAL;
      return -1;
    }
  control->listen_fd = fd;
  control->path = path;
  return 0;
}

struct connection *control_add (struct control *control, int fd)
{
  for (int i = 0; i < CONTROL_MAX; i++)
    if (control->connections[i].fd < 0)
      {
        control->connections[i].fd = fd;
        control->connections[i].used = 0;
        return &control->connections[i];
      }
  close (fd); /* Nothing was sent.  */
  return NULL;
}

struct connection *control_accept (struct control *control)
{
  struct ucred peer;
  socklen_t size = sizeof peer;
  cleanup_close int fd = accept4 (control->listen_fd, NULL, NULL, SOCK_CLOEXEC);

  if (fd < 0)
    return NULL;
  if (getsockopt (fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0
      || (peer.uid != 0 && peer.uid != geteuid ()))
    return NULL;
  return control_add (control, take_fd (&fd));
}

static int drop (struct connection *connection)
{
  close (connection->fd); /* Nothing more can be said on it.  */
  connection->fd = -1;
  return -1;
}

static size_t payload_size (uint16_t type)
{
  return type == TS_SIGNAL ? sizeof (struct ts_signal) : 0;
}

/* Bytes that are still missing of the message; 0 when the header is not one of ours.  */
static size_t missing_bytes (const struct connection *connection)
{
  struct ts_frame_header header;

  if (connection->used < sizeof header)
    return sizeof header - connection->used;
  memcpy (&header, connection->input, sizeof header);
  if ((header.type != TS_START && header.type != TS_SIGNAL)
      || header.length != payload_size (header.type))
    return 0;
  return sizeof header + header.length - connection->used;
}

static void take_message (struct connection *connection, struct message *message)
{
  struct ts_frame_header header;

  memcpy (&header, connection->input, sizeof header);
  message->type = (enum ts_message_type)header.type;
  memset (&message->signal, 0, sizeof message->signal);
  memcpy (&message->signal, connection->input + sizeof header, header.length);
  connection->used = 0;
}

int connection_read (struct connection *connection, struct message *message)
{
  for (;;)
    {
      size_t missing = missing_bytes (connection);
      if (missing == 0)
        return drop (connection);
      ssize_t n
          = recv (connection->fd, connection->input + connection->used, missing, MSG_DONTWAIT);
      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0 && errno == EAGAIN)
        return 0;
      if (n <= 0)
        return drop (connection);
      connection->used += (uint32_t)n;
      if (connection->used >= sizeof (struct ts_frame_header) && missing_bytes (connection) == 0)
        {
          struct ts_frame_header header;
          memcpy (&header, connection->input, sizeof header);
          if (connection->used != sizeof header + payload_size (header.type))
            return drop (connection);
          take_message (connection, message);
          return 1;
        }
    }
}

void connection_send (struct connection *connection, enum ts_message_type type, const void *payload,
                      size_t size)
{
  struct ts_frame_header header = { .length = (uint32_t)size, .type = (uint16_t)type };
  struct iovec parts[] = { { .iov_base = &header, .iov_len = sizeof header },
                           { .iov_base = (void *)payload, .iov_len = size } };
  struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };

  if (connection->fd < 0)
    return;
  if (sendmsg (connection->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL)
      != (ssize_t)(sizeof header + size))
    drop (connection);
}

void control_broadcast (struct control *control, enum ts_message_type type, const void *payload,
                        size_t size)
{
  for (int i = 0; i < CONTROL_MAX; i++)
    connection_send (&control->connections[i], type, payload, size);
}

void control_unlink (struct control *control)
{
  if (control->path != NULL)
    (void)unlink (control->path); /* Gone already: the engine removed the directory.  */
}
