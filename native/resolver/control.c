/* What the engine says, see PROTOCOL.md.  Only the user who started the process may say anything,
   but every length is checked all the same.  */
#define _GNU_SOURCE
#include "resolver.h"
#include "control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

struct entrance
{
  struct source source;
  unsigned int owner;
};

struct client
{
  struct source source;
  uint8_t *buffer;
  size_t length, capacity;
  /* Descriptors that came and no frame has taken yet.  */
  int fds[CONTROL_MAX_FDS];
  size_t fd_count;
  uint8_t *unsent;
  size_t unsent_length, sent;
};

static void destroy_client (struct source *source)
{
  struct client *client = (struct client *)source;

  for (size_t i = 0; i < client->fd_count; i++)
    close (client->fds[i]);
  free (client->buffer);
  free (client->unsent);
  free (client);
}

static void close_client (struct resolver *resolver, struct client *client)
{
  if (client->source.fd < 0)
    return;
  source_remove (&resolver->loop, &client->source);
  resolver->client_count--;
  resolver_check_use (resolver);
}

static void keep_descriptors (struct client *client, struct msghdr *message)
{
  for (struct cmsghdr *header = CMSG_FIRSTHDR (message); header != NULL;
       header = CMSG_NXTHDR (message, header))
    {
      size_t count = (header->cmsg_len - CMSG_LEN (0)) / sizeof (int);

      if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
        continue;
      for (size_t i = 0; i < count; i++)
        {
          int fd;

          memcpy (&fd, CMSG_DATA (header) + i * sizeof fd, sizeof fd);
          if (client->fd_count < CONTROL_MAX_FDS)
            client->fds[client->fd_count++] = fd;
          else
            close (fd);
        }
    }
}

/* 1: something was read; 0: nothing is there; -1: the end.  */
static int receive (struct client *client)
{
  union
  {
    char bytes[CMSG_SPACE (CONTROL_MAX_FDS * sizeof (int))];
    struct cmsghdr align;
  } control;
  struct iovec buffer = { client->buffer + client->length, client->capacity - client->length };
  struct msghdr message = { .msg_iov = &buffer,
                            .msg_iovlen = 1,
                            .msg_control = control.bytes,
                            .msg_controllen = sizeof control.bytes };
  ssize_t count;

  do
    count = recvmsg (client->source.fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  while (count < 0 && errno == EINTR);
  if (count < 0)
    return errno == EAGAIN ? 0 : -1;
  keep_descriptors (client, &message);
  /* Descriptors were cut off: no frame can be trusted to have its own any more.  */
  if (count == 0 || (message.msg_flags & MSG_CTRUNC) != 0)
    return -1;
  client->length += (size_t)count;
  return 1;
}

static bool reserve (struct client *client, size_t capacity)
{
  uint8_t *grown;

  if (capacity <= client->capacity)
    return true;
  grown = realloc (client->buffer, capacity);
  if (grown == NULL)
    return false;
  client->buffer = grown;
  client->capacity = capacity;
  return true;
}

static uint32_t read_length (const uint8_t *bytes)
{
  return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16
         | (uint32_t)bytes[3] << 24;
}

static void send_rest (struct resolver *resolver, struct client *client)
{
  while (client->sent < client->unsent_length)
    {
      ssize_t count = send (client->source.fd, client->unsent + client->sent,
                            client->unsent_length - client->sent, MSG_DONTWAIT | MSG_NOSIGNAL);

      if (count < 0 && errno == EINTR)
        continue;
      if (count < 0 && errno == EAGAIN)
        return;
      if (count < 0)
        {
          close_client (resolver, client);
          return;
        }
      client->sent += (size_t)count;
    }
  free (client->unsent);
  client->unsent = NULL;
}

/* Handles the frame at the start of the buffer and takes it away; false: the connection cannot go
 * on.  */
static bool handle_frame (struct resolver *resolver, struct client *client, size_t length)
{
  struct frame frame = { .version = client->buffer[4],
                         .type = client->buffer[5],
                         .fds = client->fds,
                         .fd_count = client->fd_count,
                         .payload = client->buffer + CONTROL_HEADER_BYTES,
                         .length = length - CONTROL_HEADER_BYTES };
  struct answer_frame reply = { 0 };

  memcpy (reply.tag, client->buffer + 6, sizeof reply.tag);
  if (!command_run (resolver, &frame, &reply))
    {
      free (reply.bytes);
      return false;
    }
  client->fd_count -= frame.fds_taken;
  memmove (client->fds, client->fds + frame.fds_taken, client->fd_count * sizeof *client->fds);
  client->length -= length;
  memmove (client->buffer, client->buffer + length, client->length);
  client->unsent = reply.bytes;
  client->unsent_length = reply.length;
  client->sent = 0;
  return true;
}

/* 1: a frame was handled; 0: more must come; -1: the connection cannot go on.  */
static int next_frame (struct resolver *resolver, struct client *client)
{
  size_t length;

  if (client->length < CONTROL_HEADER_BYTES)
    return reserve (client, CONTROL_HEADER_BYTES) ? 0 : -1;
  length = (size_t)read_length (client->buffer) + CONTROL_HEADER_BYTES;
  if (length > CONTROL_MAX_BYTES || !reserve (client, length))
    return -1;
  if (client->length < length)
    return 0;
  return handle_frame (resolver, client, length) ? 1 : -1;
}

static void client_ready (struct loop *loop, struct source *source, uint32_t events)
{
  struct resolver *resolver = resolver_of (loop);
  struct client *client = (struct client *)source;

  (void)events;
  for (;;)
    {
      int result;

      if (client->unsent != NULL)
        send_rest (resolver, client);
      if (client->source.fd < 0 || client->unsent != NULL)
        break;
      result = next_frame (resolver, client);
      if (result == 0)
        result = receive (client);
      if (result < 0)
        close_client (resolver, client);
      if (result <= 0)
        break;
    }
  if (client->source.fd >= 0)
    source_change (loop, source, client->unsent != NULL ? EPOLLOUT : EPOLLIN);
}

/* The directory of the socket keeps others out; this also holds if somebody opens it wide.  */
static bool is_owner (int fd, unsigned int owner)
{
  struct ucred peer;
  socklen_t length = sizeof peer;

  return getsockopt (fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 && peer.uid == owner;
}

static void entrance_ready (struct loop *loop, struct source *source, uint32_t events)
{
  struct resolver *resolver = resolver_of (loop);
  int fd = accept4 (source->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  struct client *client;

  (void)events;
  if (fd < 0)
    return;
  client = resolver->client_count < CONTROL_MAX_CLIENTS
                   && is_owner (fd, ((struct entrance *)source)->owner)
               ? calloc (1, sizeof *client)
               : NULL;
  if (client == NULL)
    {
      close (fd);
      return;
    }
  client->source = (struct source){ .fd = fd, .ready = client_ready, .destroy = destroy_client };
  if (!source_add (loop, &client->source, EPOLLIN))
    {
      close (fd);
      free (client);
      return;
    }
  resolver->client_count++;
  resolver_check_use (resolver);
}

static void destroy_entrance (struct source *source) { free (source); }

bool control_listen (struct resolver *resolver, int fd, unsigned int owner)
{
  struct entrance *entrance = calloc (1, sizeof *entrance);

  if (entrance == NULL)
    return false;
  entrance->source
      = (struct source){ .fd = fd, .ready = entrance_ready, .destroy = destroy_entrance };
  entrance->owner = owner;
  if (source_add (&resolver->loop, &entrance->source, EPOLLIN))
    return true;
  free (entrance);
  return false;
}
