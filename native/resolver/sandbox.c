/* The sandboxes, and their UDP sockets.  */
#define _GNU_SOURCE
#include "resolver.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum
{
  /* Datagrams of one sandbox before others get their turn.  */
  BURST = 32
};

void resolver_check_use (struct resolver *self)
{
  if (self->client_count == 0 && self->sandbox_count == 0 && self->relay_count == 0)
    timer_start (&self->loop, &self->unused, &self->unused_timer, self);
  else
    timer_stop (&self->unused_timer);
}

struct sandbox *sandbox_find (struct resolver *resolver, const char *id)
{
  struct sandbox *sandbox = resolver->sandboxes;

  while (sandbox != NULL && strcmp (sandbox->id, id) != 0)
    sandbox = sandbox->next;
  return sandbox;
}

struct sandbox *sandbox_make (struct resolver *resolver, const char *id)
{
  struct sandbox *sandbox;

  if (resolver->sandbox_count >= MAX_SANDBOXES || strlen (id) > MAX_ID_BYTES)
    return NULL;
  sandbox = calloc (1, sizeof *sandbox);
  if (sandbox == NULL)
    return NULL;
  strcpy (sandbox->id, id);
  sandbox->next = resolver->sandboxes;
  resolver->sandboxes = sandbox;
  resolver->sandbox_count++;
  resolver_check_use (resolver);
  return sandbox;
}

static void destroy_listener (struct source *source) { free (source); }

static void close_listener (struct resolver *resolver, struct listener **listener)
{
  if (*listener == NULL)
    return;
  (*listener)->sandbox = NULL;
  source_remove (&resolver->loop, &(*listener)->source);
  *listener = NULL;
}

static void close_sockets (struct resolver *resolver, struct sandbox *sandbox)
{
  forward_cancel_all (resolver, sandbox);
  stream_close_all (resolver, sandbox);
  close_listener (resolver, &sandbox->udp);
  close_listener (resolver, &sandbox->tcp);
}

static void udp_ready (struct loop *loop, struct source *source, uint32_t events)
{
  struct resolver *resolver = resolver_of (loop);
  struct listener *listener = (struct listener *)source;

  (void)events;
  for (int i = 0; i < BURST && listener->sandbox != NULL; i++)
    {
      struct asker asker = { .address_length = sizeof asker.address };
      ssize_t length = recvfrom (source->fd, resolver->in, sizeof resolver->in, MSG_DONTWAIT,
                                 (struct sockaddr *)&asker.address, &asker.address_length);

      /* Any error but "nothing there" is one that a reply of ours has met (ICMP), and reading it
       * clears it.  */
      if (length < 0 && (errno == EAGAIN || errno == EBADF))
        return;
      if (length >= 0)
        sandbox_query (resolver, listener->sandbox, resolver->in, (size_t)length, &asker);
    }
}

static void tcp_ready (struct loop *loop, struct source *source, uint32_t events)
{
  struct listener *listener = (struct listener *)source;

  (void)events;
  if (listener->sandbox != NULL)
    stream_accept (resolver_of (loop), listener->sandbox);
}

static struct listener *open_listener (struct resolver *resolver, struct sandbox *sandbox, int fd,
                                       void (*ready) (struct loop *, struct source *, uint32_t))
{
  struct listener *listener = calloc (1, sizeof *listener);

  if (listener != NULL)
    {
      listener->source = (struct source){ .fd = fd, .ready = ready, .destroy = destroy_listener };
      listener->sandbox = sandbox;
      if (source_add (&resolver->loop, &listener->source, EPOLLIN))
        return listener;
    }
  free (listener);
  close (fd);
  return NULL;
}

bool sandbox_listen (struct resolver *resolver, struct sandbox *sandbox, int udp, int tcp)
{
  close_sockets (resolver, sandbox);
  sandbox->udp = open_listener (resolver, sandbox, udp, udp_ready);
  sandbox->tcp = open_listener (resolver, sandbox, tcp, tcp_ready);
  return sandbox->udp != NULL && sandbox->tcp != NULL;
}

void sandbox_leave_networks (struct resolver *resolver, struct sandbox *sandbox)
{
  while (sandbox->network_count > 0)
    network_leave (&resolver->networks, sandbox->networks[--sandbox->network_count]);
}

void sandbox_remove (struct resolver *resolver, struct sandbox *sandbox)
{
  struct sandbox **link = &resolver->sandboxes;

  close_sockets (resolver, sandbox);
  sandbox_leave_networks (resolver, sandbox);
  while (*link != sandbox)
    link = &(*link)->next;
  *link = sandbox->next;
  resolver->sandbox_count--;
  free (sandbox);
  resolver_check_use (resolver);
}

void sandbox_reply (struct resolver *resolver, struct sandbox *sandbox, const struct asker *asker,
                    const uint8_t *bytes, size_t length)
{
  if (asker->connection != NULL)
    stream_reply (resolver, asker->connection, bytes, length);
  else if (sandbox->udp != NULL)
    /* Datagrams may be lost, and the asker asks again.  */
    (void)sendto (sandbox->udp->source.fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL,
                  (const struct sockaddr *)&asker->address, asker->address_length);
}

void sandbox_query (struct resolver *resolver, struct sandbox *sandbox, const uint8_t *bytes,
                    size_t length, const struct asker *asker)
{
  struct query query;
  struct reply reply;
  enum dns_rcode rcode;
  /* How much a reply may have is known after parsing only; DNS_EDNS_BYTES is what we ever send over
   * UDP ourselves.  */
  size_t capacity = asker->connection != NULL ? DNS_MESSAGE_BYTES : DNS_UDP_BYTES;

  if (asker->connection == NULL && query_parse (&query, bytes, length) == PARSE_OK)
    capacity
        = query_udp_limit (&query) < DNS_EDNS_BYTES ? query_udp_limit (&query) : DNS_EDNS_BYTES;
  switch (answer (sandbox->networks, sandbox->network_count, &query, bytes, length, &reply,
                  resolver->out, capacity))
    {
    case VERDICT_IGNORE:
      /* On a stream there is nobody to wait for an answer that never comes.  */
      if (asker->connection != NULL)
        stream_reply (resolver, asker->connection, NULL, 0);
      return;
    case VERDICT_REPLY:
      break;
    case VERDICT_FORWARD:
      if (forward_start (resolver, sandbox, &query, asker, &rcode))
        return;
      answer_code (&query, rcode, &reply, resolver->out, capacity);
      break;
    }
  sandbox_reply (resolver, sandbox, asker, reply.bytes, reply.length);
}
