/* Asks an upstream what is not known here.  Every attempt has a socket of its own, so the kernel
   picks a new source port and drops what comes from anybody else; with the random id and the
   question that makes a reply ours (RFC 5452 §9.1).  */
#define _GNU_SOURCE
#include "resolver.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <unistd.h>

enum
{
  /* At ATTEMPT_MS each they end before the five seconds after which glibc and musl ask again
     (resolv.conf(5)).  */
  ATTEMPTS = 3
};

struct attempt
{
  struct source source;
  /* NULL when it does not matter any more.  */
  struct forward *forward;
};

struct forward
{
  struct forward *previous, *next;
  struct sandbox *sandbox;
  struct asker asker;
  struct timer timer;
  struct attempt *attempt;
  unsigned int attempts;
  unsigned int limit;
  /* Upstream of the first attempt.  */
  size_t first;
  uint16_t id;
  struct query query;
  /* The query with its length before it, as TCP wants it, and with the id of this attempt.  */
  uint8_t *bytes;
  size_t length;
  size_t sent;
  /* A reply over TCP, with its length.  */
  uint8_t *reply;
  size_t reply_length;
  /* A failure that an upstream has answered with, should no other do better.  */
  uint8_t *refusal;
  size_t refusal_length;
};

static void next_attempt (struct resolver *resolver, struct forward *forward);

static void destroy_attempt (struct source *source) { free (source); }

static void end_attempt (struct resolver *resolver, struct forward *forward)
{
  timer_stop (&forward->timer);
  free (forward->reply);
  forward->reply = NULL;
  forward->reply_length = 0;
  forward->sent = 0;
  if (forward->attempt == NULL)
    return;
  forward->attempt->forward = NULL;
  source_remove (&resolver->loop, &forward->attempt->source);
  forward->attempt = NULL;
}

void forward_cancel (struct resolver *resolver, struct forward *forward)
{
  struct sandbox *sandbox = forward->sandbox;

  end_attempt (resolver, forward);
  if (forward->previous != NULL)
    forward->previous->next = forward->next;
  else
    sandbox->forwards = forward->next;
  if (forward->next != NULL)
    forward->next->previous = forward->previous;
  sandbox->forward_count--;
  resolver->forward_count--;
  free (forward->bytes);
  free (forward->refusal);
  free (forward);
}

void forward_cancel_all (struct resolver *resolver, struct sandbox *sandbox)
{
  while (sandbox->forwards != NULL)
    {
      struct forward *forward = sandbox->forwards;

      if (forward->asker.connection != NULL)
        stream_expect (forward->asker.connection, NULL);
      forward_cancel (resolver, forward);
    }
}

static void finish (struct resolver *resolver, struct forward *forward, const uint8_t *bytes,
                    size_t length)
{
  struct sandbox *sandbox = forward->sandbox;
  struct asker asker = forward->asker;

  /* `bytes` may belong to the forward, so the reply goes first.  */
  if (asker.connection != NULL)
    stream_expect (asker.connection, NULL);
  sandbox_reply (resolver, sandbox, &asker, bytes, length);
  forward_cancel (resolver, forward);
}

static void finish_code (struct resolver *resolver, struct forward *forward, enum dns_rcode rcode)
{
  struct reply reply;

  answer_code (&forward->query, rcode, &reply, resolver->out, DNS_UDP_BYTES);
  finish (resolver, forward, reply.bytes, reply.length);
}

/* The asker's id goes back in.  What is longer than he can take over UDP goes without its records
   but with TC, which makes him ask over TCP.  */
static void finish_reply (struct resolver *resolver, struct forward *forward, uint8_t *bytes,
                          size_t length)
{
  struct reply reply;

  if (forward->asker.connection == NULL && length > query_udp_limit (&forward->query))
    {
      reply_begin (&reply, &forward->query, resolver->out, DNS_UDP_BYTES);
      reply.is_truncated = true;
      reply_end (&reply, &forward->query, reply_rcode (bytes));
      finish (resolver, forward, reply.bytes, reply.length);
      return;
    }
  write_u16 (bytes, forward->query.id);
  finish (resolver, forward, bytes, length);
}

static void keep_refusal (struct forward *forward, const uint8_t *bytes, size_t length)
{
  free (forward->refusal);
  forward->refusal = malloc (length);
  forward->refusal_length = forward->refusal != NULL ? length : 0;
  if (forward->refusal != NULL)
    memcpy (forward->refusal, bytes, length);
}

static void take_reply (struct resolver *resolver, struct forward *forward, uint8_t *bytes,
                        size_t length)
{
  enum dns_rcode rcode = reply_rcode (bytes);

  /* These say something about the server and not about the name: another one may know.  */
  if (rcode == DNS_SERVFAIL || rcode == DNS_REFUSED || rcode == DNS_NOTIMP)
    {
      keep_refusal (forward, bytes, length);
      if (forward->attempts < forward->sandbox->upstream_count)
        {
          next_attempt (resolver, forward);
          return;
        }
    }
  cache_store (&resolver->cache, &forward->query, forward->sandbox->upstream_key,
               resolver->loop.now_ms, bytes, length);
  finish_reply (resolver, forward, bytes, length);
}

static void udp_ready (struct loop *loop, struct source *source, uint32_t events)
{
  struct resolver *resolver = resolver_of (loop);
  struct forward *forward = ((struct attempt *)source)->forward;
  ssize_t length;

  (void)events;
  if (forward == NULL)
    return;
  length = recv (source->fd, resolver->in, sizeof resolver->in, MSG_DONTWAIT);
  if (length < 0 && (errno == EAGAIN || errno == EINTR))
    return;
  /* ECONNREFUSED: nobody listens there, so waiting is pointless.  */
  if (length < 0)
    next_attempt (resolver, forward);
  else if (reply_matches (&forward->query, forward->id, resolver->in, (size_t)length))
    take_reply (resolver, forward, resolver->in, (size_t)length);
}

/* 1: a whole reply is there; 0: more must come; -1: no use.  */
static int read_stream (struct forward *forward, int fd)
{
  for (;;)
    {
      size_t wanted = forward->reply_length < 2 ? 2 : (size_t)2 + read_u16 (forward->reply);
      ssize_t count;

      if (forward->reply_length == wanted && wanted > 2)
        return 1;
      if (forward->reply_length == wanted)
        return -1;
      if (forward->reply == NULL && (forward->reply = malloc (2 + DNS_MESSAGE_BYTES)) == NULL)
        return -1;
      count = recv (fd, forward->reply + forward->reply_length, wanted - forward->reply_length,
                    MSG_DONTWAIT);
      if (count < 0 && errno == EINTR)
        continue;
      if (count <= 0)
        return count < 0 && errno == EAGAIN ? 0 : -1;
      forward->reply_length += (size_t)count;
      if (forward->reply_length == 2 && read_u16 (forward->reply) == 0)
        return -1;
    }
}

static int write_stream (struct forward *forward, int fd)
{
  while (forward->sent < forward->length)
    {
      ssize_t count = send (fd, forward->bytes + forward->sent, forward->length - forward->sent,
                            MSG_DONTWAIT | MSG_NOSIGNAL);

      if (count < 0 && errno == EINTR)
        continue;
      if (count < 0)
        return errno == EAGAIN ? 0 : -1;
      forward->sent += (size_t)count;
    }
  return 1;
}

static void tcp_ready (struct loop *loop, struct source *source, uint32_t events)
{
  struct resolver *resolver = resolver_of (loop);
  struct forward *forward = ((struct attempt *)source)->forward;
  int result;

  if (forward == NULL)
    return;
  if (forward->sent < forward->length)
    {
      result = (events & (EPOLLERR | EPOLLHUP)) != 0 ? -1 : write_stream (forward, source->fd);
      if (result < 0)
        next_attempt (resolver, forward);
      else if (result > 0)
        source_change (loop, source, EPOLLIN);
      return;
    }
  result = read_stream (forward, source->fd);
  if (result == 0)
    return;
  if (result > 0
      && reply_matches (&forward->query, forward->id, forward->reply + 2,
                        forward->reply_length - 2))
    {
      uint8_t *reply = forward->reply;
      size_t length = forward->reply_length - 2;

      /* Outlives the attempt.  */
      forward->reply = NULL;
      take_reply (resolver, forward, reply + 2, length);
      free (reply);
    }
  else
    next_attempt (resolver, forward);
}

static bool open_attempt (struct resolver *resolver, struct forward *forward,
                          const struct upstream *upstream)
{
  bool is_stream = forward->asker.connection != NULL;
  struct attempt *attempt = calloc (1, sizeof *attempt);
  int fd = socket (upstream->address.any.sa_family,
                   (is_stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

  if (attempt == NULL || fd < 0)
    goto failed;
  attempt->source = (struct source){ .fd = fd,
                                     .ready = is_stream ? tcp_ready : udp_ready,
                                     .destroy = destroy_attempt };
  attempt->forward = forward;
  if (getrandom (&forward->id, sizeof forward->id, 0) != sizeof forward->id)
    goto failed;
  write_u16 (forward->bytes + 2, forward->id);
  if (connect (fd, &upstream->address.any, upstream->length) < 0
      && !(is_stream && errno == EINPROGRESS))
    goto failed;
  if (!is_stream
      && send (fd, forward->bytes + 2, forward->length - 2, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
    goto failed;
  if (!source_add (&resolver->loop, &attempt->source, is_stream ? EPOLLOUT : EPOLLIN))
    goto failed;
  forward->attempt = attempt;
  timer_start (&resolver->loop, &resolver->attempts, &forward->timer, forward);
  return true;

failed:
  if (fd >= 0)
    close (fd);
  free (attempt);
  return false;
}

/* One after the other, from the first again when there are few.  */
static bool try_upstreams (struct resolver *resolver, struct forward *forward)
{
  const struct sandbox *sandbox = forward->sandbox;

  while (forward->attempts < forward->limit && sandbox->upstream_count > 0)
    {
      size_t which = (forward->first + forward->attempts++) % sandbox->upstream_count;

      if (open_attempt (resolver, forward, &sandbox->upstreams[which]))
        return true;
    }
  return false;
}

static void next_attempt (struct resolver *resolver, struct forward *forward)
{
  end_attempt (resolver, forward);
  if (try_upstreams (resolver, forward))
    return;
  if (forward->refusal != NULL)
    finish_reply (resolver, forward, forward->refusal, forward->refusal_length);
  else
    finish_code (resolver, forward, DNS_SERVFAIL);
}

void forward_expired (struct loop *loop, void *owner)
{
  struct forward *forward = owner;
  struct sandbox *sandbox = forward->sandbox;

  /* Those who ask next begin with the other one.  */
  if (forward->attempts == 1 && forward->first == sandbox->preferred && sandbox->upstream_count > 0)
    sandbox->preferred = (sandbox->preferred + 1) % sandbox->upstream_count;
  next_attempt (resolver_of (loop), forward);
}

static struct forward *make_forward (struct resolver *resolver, struct sandbox *sandbox,
                                     const struct query *query, const struct asker *asker)
{
  struct forward *forward = calloc (1, sizeof *forward);

  if (forward == NULL || (forward->bytes = malloc (query->length + 2)) == NULL)
    {
      free (forward);
      return NULL;
    }
  write_u16 (forward->bytes, (uint16_t)query->length);
  memcpy (forward->bytes + 2, query->bytes, query->length);
  forward->length = query->length + 2;
  forward->query = *query;
  forward->query.bytes = forward->bytes + 2;
  forward->asker = *asker;
  forward->sandbox = sandbox;
  forward->first = sandbox->preferred;
  forward->limit
      = sandbox->upstream_count > ATTEMPTS ? (unsigned int)sandbox->upstream_count : ATTEMPTS;
  forward->next = sandbox->forwards;
  if (forward->next != NULL)
    forward->next->previous = forward;
  sandbox->forwards = forward;
  sandbox->forward_count++;
  resolver->forward_count++;
  return forward;
}

static void reply_cached (struct resolver *resolver, struct sandbox *sandbox,
                          const struct query *query, const struct asker *asker, size_t length)
{
  struct reply reply = { .bytes = resolver->out, .length = length };
  enum dns_rcode rcode = reply_rcode (resolver->out);

  if (asker->connection == NULL && length > query_udp_limit (query))
    {
      reply_begin (&reply, query, resolver->out, DNS_UDP_BYTES);
      reply.is_truncated = true;
      reply_end (&reply, query, rcode);
    }
  sandbox_reply (resolver, sandbox, asker, reply.bytes, reply.length);
}

bool forward_start (struct resolver *resolver, struct sandbox *sandbox, const struct query *query,
                    const struct asker *asker, enum dns_rcode *rcode)
{
  struct forward *forward;
  size_t length;

  *rcode = DNS_NXDOMAIN;
  if (sandbox->upstream_count == 0)
    return false;
  length = cache_find (&resolver->cache, query, sandbox->upstream_key, resolver->loop.now_ms,
                       resolver->out);
  if (length > 0)
    {
      reply_cached (resolver, sandbox, query, asker, length);
      return true;
    }
  *rcode = DNS_SERVFAIL;
  if (resolver->forward_count >= MAX_FORWARDS || sandbox->forward_count >= MAX_SANDBOX_FORWARDS)
    return false;
  forward = make_forward (resolver, sandbox, query, asker);
  if (forward == NULL)
    return false;
  if (!try_upstreams (resolver, forward))
    {
      forward_cancel (resolver, forward);
      return false;
    }
  if (asker->connection != NULL)
    stream_expect (asker->connection, forward);
  return true;
}
