#define _GNU_SOURCE
#include "control.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "sys.h"
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
        control->connections[i].fd_count = 0;
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

int control_open_peer (const struct connection *connection)
{
  struct ucred peer;
  socklen_t size = sizeof peer;

  if (getsockopt (connection->fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || peer.pid <= 0)
    return -1;
  cleanup_close int pidfd = sys_pidfd_open (peer.pid);
  struct pollfd end = { .fd = connection->fd, .events = POLLRDHUP };
  /* Who has not hung up still has the number.  */
  if (pidfd < 0 || poll (&end, 1, 0) != 0)
    return -1;
  return take_fd (&pidfd);
}

static void close_fds (int *fds, uint32_t count)
{
  for (uint32_t i = 0; i < count; i++)
    if (fds[i] >= 0)
      close (fds[i]); /* Nobody has written to it.  */
}

void message_close (struct message *message)
{
  close_fds (message->fds, message->fd_count);
  message->fd_count = 0;
}

static int drop (struct connection *connection)
{
  close_fds (connection->fds, connection->fd_count);
  connection->fd_count = 0;
  close (connection->fd); /* Nothing more can be said on it.  */
  connection->fd = -1;
  return -1;
}

/* Of the payload; -1 when it is not one of ours.  */
static ssize_t payload_size (uint16_t type)
{
  switch (type)
    {
    case TS_START:
      return 0;
    case TS_SIGNAL:
      return sizeof (struct ts_signal);
    case TS_EXEC:
      return sizeof (struct ts_exec_request);
    case TS_EXEC_SIGNAL:
    case TS_EXEC_FORGET:
      return sizeof (struct ts_exec_signal);
    case TS_RESIZE:
      return sizeof (struct ts_resize);
    case TS_INPUT:
    case TS_INPUT_END:
      return sizeof (struct ts_input);
    default:
      return -1;
    }
}

/* Bytes that are still missing of the message; 0 when it is complete, -1 when it is not one of
 * ours.  */
static ssize_t missing_bytes (const struct connection *connection)
{
  struct ts_frame_header header;

  if (connection->used < sizeof header)
    return (ssize_t)(sizeof header - connection->used);
  memcpy (&header, connection->input, sizeof header);
  ssize_t size = payload_size (header.type);
  if (size < 0 || header.length != (size_t)size || header.zero != 0)
    return -1;
  return (ssize_t)(sizeof header + header.length - connection->used);
}

static void take_message (struct connection *connection, struct message *message)
{
  struct ts_frame_header header;

  memcpy (&header, connection->input, sizeof header);
  *message = (struct message){ .type = (enum ts_message_type)header.type,
                               .fd_count = connection->fd_count };
  memcpy (&message->request, connection->input + sizeof header, header.length);
  memcpy (message->fds, connection->fds, sizeof message->fds);
  connection->used = 0;
  connection->fd_count = 0;
}

/* Descriptors beyond the number that a message may have are closed, and the peer is none of ours.
 */
static int take_fds (struct connection *connection, struct msghdr *message)
{
  int is_full = (message->msg_flags & MSG_CTRUNC) != 0;

  for (struct cmsghdr *header = CMSG_FIRSTHDR (message); header != NULL;
       header = CMSG_NXTHDR (message, header))
    {
      if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
        continue;
      size_t count = (header->cmsg_len - CMSG_LEN (0)) / sizeof (int);
      for (size_t i = 0; i < count; i++)
        {
          int fd;
          memcpy (&fd, CMSG_DATA (header) + i * sizeof fd, sizeof fd);
          if (connection->fd_count < TS_EXEC_MAX_FDS)
            connection->fds[connection->fd_count++] = fd;
          else
            {
              close (fd); /* Not asked for.  */
              is_full = 1;
            }
        }
    }
  return is_full ? -1 : 0;
}

static ssize_t receive (struct connection *connection, size_t size)
{
  union
  {
    char bytes[CMSG_SPACE (TS_EXEC_MAX_FDS * sizeof (int))];
    struct cmsghdr align;
  } control;
  struct iovec part = { .iov_base = connection->input + connection->used, .iov_len = size };
  struct msghdr message = { .msg_iov = &part,
                            .msg_iovlen = 1,
                            .msg_control = control.bytes,
                            .msg_controllen = sizeof control.bytes };
  ssize_t n = recvmsg (connection->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

  if (n > 0 && take_fds (connection, &message) < 0)
    {
      errno = EPROTO;
      return -1;
    }
  return n;
}

int connection_read (struct connection *connection, struct message *message)
{
  for (;;)
    {
      ssize_t missing = missing_bytes (connection);
      if (missing < 0)
        return drop (connection);
      if (missing == 0)
        {
          take_message (connection, message);
          return 1;
        }
      ssize_t n = receive (connection, (size_t)missing);
      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0 && errno == EAGAIN)
        return 0;
      if (n <= 0)
        return drop (connection);
      connection->used += (uint32_t)n;
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
