/* DNS over TCP: every message after its length (RFC 1035 §4.2.2).  One query of a connection is
   worked on at a time; the next is read when its answer has been taken.  */
#define _GNU_SOURCE
#include "resolver.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

struct connection
{
  struct source source;
  struct sandbox *sandbox;
  struct connection *previous, *next;
  struct timer idle;
  struct forward *forward;
  /* Length and message being read. */
  uint8_t head[2];
  size_t head_length;
  uint8_t *message;
  size_t message_length;
  size_t size;
  /* What could not be sent at once.  */
  uint8_t *unsent;
  size_t unsent_length;
  size_t sent;
};

static void destroy (struct source *source)
{
  struct connection *connection = (struct connection *)source;

  free (connection->message);
  free (connection->unsent);
  free (connection);
}

static void close_connection (struct resolver *resolver, struct connection *connection)
{
  struct sandbox *sandbox = connection->sandbox;

  if (connection->source.fd < 0)
    return;
  if (connection->forward != NULL)
    forward_cancel (resolver, connection->forward);
  connection->forward = NULL;
  timer_stop (&connection->idle);
  if (connection->previous != NULL)
    connection->previous->next = connection->next;
  else
    sandbox->connections = connection->next;
  if (connection->next != NULL)
    connection->next->previous = connection->previous;
  sandbox->connection_count--;
  resolver->connection_count--;
  source_remove (&resolver->loop, &connection->source);
}

void stream_close_all (struct resolver *resolver, struct sandbox *sandbox)
{
  while (sandbox->connections != NULL)
    close_connection (resolver, sandbox->connections);
}

void stream_idle (struct loop *loop, void *connection)
{
  close_connection (resolver_of (loop), connection);
}

void stream_expect (struct connection *connection, struct forward *forward)
{
  connection->forward = forward;
}

/* Reads into `bytes`; 1 when there are `wanted` of them, 0 when more must come, -1 at the end.  */
static int read_more (int fd, uint8_t *bytes, size_t *length, size_t wanted)
{
  while (*length < wanted)
    {
      ssize_t count = recv (fd, bytes + *length, wanted - *length, MSG_DONTWAIT);

      if (count < 0 && errno == EINTR)
        continue;
      if (count < 0 && errno == EAGAIN)
        return 0;
      if (count <= 0)
        return -1;
      *length += (size_t)count;
    }
  return 1;
}

/* 1: a whole message is there.  */
static int read_message (struct connection *connection)
{
  int result = read_more (connection->source.fd, connection->head, &connection->head_length, 2);

  if (result <= 0)
    return result;
  if (connection->message == NULL)
    {
      connection->size = read_u16 (connection->head);
      connection->message_length = 0;
      connection->message = malloc (connection->size + 1);
      if (connection->message == NULL)
        return -1;
    }
  return read_more (connection->source.fd, connection->message, &connection->message_length,
                    connection->size);
}

static bool is_busy (const struct connection *connection)
{
  return connection->forward != NULL || connection->unsent != NULL;
}

/* While an answer is due nothing is read, so a client that only sends fills its own window and
 * nothing of ours.  */
static void choose_events (struct resolver *resolver, struct connection *connection)
{
  if (connection->source.fd >= 0)
    source_change (&resolver->loop, &connection->source,
                   connection->unsent != NULL ? EPOLLOUT
                   : is_busy (connection)     ? 0
                                              : EPOLLIN);
}

static void read_queries (struct resolver *resolver, struct connection *connection)
{
  while (connection->source.fd >= 0 && !is_busy (connection))
    {
      struct asker asker = { .connection = connection };
      int result = read_message (connection);
      uint8_t *message;

      if (result < 0)
        close_connection (resolver, connection);
      if (result <= 0)
        return;
      message = connection->message;
      connection->message = NULL;
      connection->head_length = 0;
      timer_start (&resolver->loop, &resolver->idle, &connection->idle, connection);
      sandbox_query (resolver, connection->sandbox, message, connection->message_length, &asker);
      free (message);
    }
}

static void send_rest (struct resolver *resolver, struct connection *connection)
{
  while (connection->sent < connection->unsent_length)
    {
      ssize_t count
          = send (connection->source.fd, connection->unsent + connection->sent,
                  connection->unsent_length - connection->sent, MSG_DONTWAIT | MSG_NOSIGNAL);

      if (count < 0 && errno == EINTR)
        continue;
      if (count < 0 && errno == EAGAIN)
        return;
      if (count < 0)
        {
          close_connection (resolver, connection);
          return;
        }
      connection->sent += (size_t)count;
    }
  free (connection->unsent);
  connection->unsent = NULL;
}

static void connection_ready (struct loop *loop, struct source *source, uint32_t events)
{
  struct resolver *resolver = resolver_of (loop);
  struct connection *connection = (struct connection *)source;

  if ((events & EPOLLERR) != 0 || ((events & EPOLLHUP) != 0 && (events & EPOLLIN) == 0))
    {
      close_connection (resolver, connection);
      return;
    }
  if (connection->unsent != NULL)
    send_rest (resolver, connection);
  read_queries (resolver, connection);
  choose_events (resolver, connection);
}

void stream_reply (struct resolver *resolver, struct connection *connection, const uint8_t *bytes,
                   size_t length)
{
  uint8_t *unsent;

  connection->forward = NULL;
  if (connection->source.fd < 0)
    return;
  unsent = bytes != NULL ? malloc (length + 2) : NULL;
  if (unsent == NULL)
    {
      close_connection (resolver, connection);
      return;
    }
  write_u16 (unsent, (uint16_t)length);
  memcpy (unsent + 2, bytes, length);
  connection->unsent = unsent;
  connection->unsent_length = length + 2;
  connection->sent = 0;
  send_rest (resolver, connection);
  /* What the client has sent meanwhile raises no new event of its own until this one is asked for
   * again.  */
  choose_events (resolver, connection);
}

void stream_accept (struct resolver *resolver, struct sandbox *sandbox)
{
  int fd = accept4 (sandbox->tcp->source.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  struct connection *connection;

  if (fd < 0)
    return;
  connection = resolver->connection_count < MAX_CONNECTIONS
                       && sandbox->connection_count < MAX_SANDBOX_CONNECTIONS
                   ? calloc (1, sizeof *connection)
                   : NULL;
  if (connection == NULL)
    {
      close (fd);
      return;
    }
  connection->source = (struct source){ .fd = fd, .ready = connection_ready, .destroy = destroy };
  connection->sandbox = sandbox;
  if (!source_add (&resolver->loop, &connection->source, EPOLLIN))
    {
      close (fd);
      free (connection);
      return;
    }
  connection->next = sandbox->connections;
  if (connection->next != NULL)
    connection->next->previous = connection;
  sandbox->connections = connection;
  sandbox->connection_count++;
  resolver->connection_count++;
  timer_start (&resolver->loop, &resolver->idle, &connection->idle, connection);
}
