/* Published ports that no rule of the kernel leads on: what arrives at a socket of the host goes to
   a container, and back.  This process reads nothing of it.  */
#define _GNU_SOURCE
#include "relay.h"

#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum
{
  FLOW_BYTES = 32 * 1024,
  /* Datagrams or connections of one port before others get their turn.  */
  BURST = 32,
  PAIR_FDS = 2
};

/* What was read at one end and not yet written at the other.  */
struct flow
{
  size_t start, length;
  bool has_ended, is_shut;
  uint8_t bytes[FLOW_BYTES];
};

struct end
{
  struct source source;
  struct pair *pair;
};

/* A connection: end 0 is the client's, end 1 the container's; flow i is what end i has sent.  */
struct pair
{
  struct relay *relay;
  struct pair *previous, *next;
  struct end ends[2];
  bool is_connecting;
  unsigned int open_ends;
  struct flow flows[2];
};

/* Who has sent datagrams, and the socket by which the container answers.  */
struct session
{
  struct source source;
  struct relay *relay;
  struct session *previous, *next;
  struct timer timer;
  bool is_answered;
  struct sockaddr_storage client;
  socklen_t client_length;
  /* Which of the host's addresses the client has asked, and must be answered from.  */
  struct in6_pktinfo asked;
};

struct relay
{
  /* Bound, and listening where it is a stream.  */
  struct source source;
  struct relay *next;
  char id[MAX_RELAY_ID_BYTES + 1];
  /* Without one (length 0) whoever comes is turned away.  */
  struct upstream target;
  struct pair *pairs;
  /* Who was heard of last is first.  */
  struct session *sessions;
  size_t count;
  /* Where nothing more could be accepted for want of descriptors.  */
  struct timer pause;
};

static void destroy_end (struct source *source)
{
  struct pair *pair = ((struct end *)source)->pair;

  if (--pair->open_ends == 0)
    free (pair);
}

static void close_pair (struct resolver *resolver, struct pair *pair)
{
  struct relay *relay = pair->relay;

  if (relay == NULL)
    return;
  pair->relay = NULL;
  if (pair->previous != NULL)
    pair->previous->next = pair->next;
  else
    relay->pairs = pair->next;
  if (pair->next != NULL)
    pair->next->previous = pair->previous;
  relay->count--;
  resolver->relayed_fds -= PAIR_FDS;
  for (int i = 0; i < 2; i++)
    source_remove (&resolver->loop, &pair->ends[i].source);
}

/* false: the other end is gone.  */
static bool write_flow (struct flow *flow, int fd)
{
  while (flow->length > 0)
    {
      ssize_t count
          = send (fd, flow->bytes + flow->start, flow->length, MSG_DONTWAIT | MSG_NOSIGNAL);

      if (count < 0 && errno == EINTR)
        continue;
      if (count < 0)
        return errno == EAGAIN;
      flow->start += (size_t)count;
      flow->length -= (size_t)count;
    }
  if (flow->has_ended && !flow->is_shut)
    {
      flow->is_shut = true;
      return shutdown (fd, SHUT_WR) == 0;
    }
  return true;
}

/* false: this end is gone.  */
static bool read_flow (struct flow *flow, int fd)
{
  ssize_t count;

  if (flow->length > 0 || flow->has_ended)
    return true;
  do
    count = recv (fd, flow->bytes, sizeof flow->bytes, MSG_DONTWAIT);
  while (count < 0 && errno == EINTR);
  if (count < 0)
    return errno == EAGAIN;
  flow->start = 0;
  flow->length = (size_t)count;
  flow->has_ended = count == 0;
  return true;
}

/* An end that nothing is expected of would report its hang-up again and again but for EPOLLET.  */
static void choose_events (struct loop *loop, struct pair *pair)
{
  for (int i = 0; i < 2; i++)
    {
      bool reads = !pair->is_connecting && pair->flows[i].length == 0 && !pair->flows[i].has_ended;
      bool writes = i == 1 && pair->is_connecting ? true : pair->flows[1 - i].length > 0;

      source_change (loop, &pair->ends[i].source,
                     (reads ? EPOLLIN : 0) | (writes ? EPOLLOUT : 0)
                         | (!reads && !writes ? EPOLLET : 0));
    }
}

static bool is_connected (struct pair *pair, uint32_t events)
{
  int problem = 0;
  socklen_t length = sizeof problem;

  if ((events & EPOLLOUT) == 0
      || getsockopt (pair->ends[1].source.fd, SOL_SOCKET, SO_ERROR, &problem, &length) < 0)
    return false;
  pair->is_connecting = false;
  return problem == 0;
}

static void end_ready (struct loop *loop, struct source *source, uint32_t events)
{
  struct pair *pair = ((struct end *)source)->pair;
  bool is_alive = (events & EPOLLERR) == 0;

  if (pair->relay == NULL)
    return;
  if (is_alive && pair->is_connecting)
    is_alive
        = source == &pair->ends[1].source ? is_connected (pair, events) : (events & EPOLLHUP) == 0;
  if (is_alive && !pair->is_connecting)
    for (int i = 0; i < 2 && is_alive; i++)
      is_alive = read_flow (&pair->flows[i], pair->ends[i].source.fd)
                 && write_flow (&pair->flows[i], pair->ends[1 - i].source.fd);
  if (!is_alive || (pair->flows[0].is_shut && pair->flows[1].is_shut))
    close_pair (resolver_of (loop), pair);
  else
    choose_events (loop, pair);
}

static bool has_room (const struct resolver *resolver, const struct relay *relay, size_t fds)
{
  return relay->count < MAX_RELAYED && resolver->relayed_fds + fds <= resolver->max_relayed_fds
         && relay->target.length > 0;
}

/* Takes `client` over.  */
static void open_pair (struct resolver *resolver, struct relay *relay, int client)
{
  const struct upstream *target = &relay->target;
  struct pair *pair = has_room (resolver, relay, PAIR_FDS) ? malloc (sizeof *pair) : NULL;
  int fd = pair != NULL ? socket (target->address.any.sa_family,
                                  SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)
                        : -1;

  if (fd < 0 || (connect (fd, &target->address.any, target->length) < 0 && errno != EINPROGRESS))
    goto failed;
  memset (pair, 0, offsetof (struct pair, flows));
  for (int i = 0; i < 2; i++)
    memset (&pair->flows[i], 0, offsetof (struct flow, bytes));
  pair->is_connecting = true;
  pair->open_ends = 2;
  for (int i = 0; i < 2; i++)
    pair->ends[i]
        = (struct end){ { .fd = i == 0 ? client : fd, .ready = end_ready, .destroy = destroy_end },
                        pair };
  if (!source_add (&resolver->loop, &pair->ends[0].source, EPOLLET)
      || !source_add (&resolver->loop, &pair->ends[1].source, EPOLLOUT))
    goto failed;
  pair->relay = relay;
  pair->next = relay->pairs;
  if (pair->next != NULL)
    pair->next->previous = pair;
  relay->pairs = pair;
  relay->count++;
  resolver->relayed_fds += PAIR_FDS;
  return;

failed:
  if (fd >= 0)
    close (fd);
  close (client);
  free (pair);
}

void relay_resume (struct loop *loop, void *relay)
{
  source_change (loop, &((struct relay *)relay)->source, EPOLLIN);
}

/* Who waits would be reported again and again.  */
static void pause_listening (struct loop *loop, struct relay *relay)
{
  source_change (loop, &relay->source, 0);
  timer_start (loop, &resolver_of (loop)->paused, &relay->pause, relay);
}

static void stream_ready (struct loop *loop, struct source *source, uint32_t events)
{
  (void)events;
  for (int i = 0; i < BURST && source->fd >= 0; i++)
    {
      int client = accept4 (source->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

      if (client < 0)
        {
          if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
            pause_listening (loop, (struct relay *)source);
          return;
        }
      open_pair (resolver_of (loop), (struct relay *)source, client);
    }
}

static void destroy_session (struct source *source) { free (source); }

static void put_first (struct relay *relay, struct session *session)
{
  session->previous = NULL;
  session->next = relay->sessions;
  if (session->next != NULL)
    session->next->previous = session;
  relay->sessions = session;
}

static void take_out (struct relay *relay, struct session *session)
{
  if (session->previous != NULL)
    session->previous->next = session->next;
  else
    relay->sessions = session->next;
  if (session->next != NULL)
    session->next->previous = session->previous;
}

/* It was heard of.  Who is not answered may be a sender that does not exist.  */
static void keep_session (struct resolver *resolver, struct session *session)
{
  struct timers *timers = session->is_answered ? &resolver->relayed : &resolver->unanswered;

  take_out (session->relay, session);
  put_first (session->relay, session);
  timer_start (&resolver->loop, timers, &session->timer, session);
}

static void close_session (struct resolver *resolver, struct session *session)
{
  struct relay *relay = session->relay;

  if (relay == NULL)
    return;
  take_out (relay, session);
  session->relay = NULL;
  timer_stop (&session->timer);
  relay->count--;
  resolver->relayed_fds--;
  source_remove (&resolver->loop, &session->source);
}

void relay_expired (struct loop *loop, void *session)
{
  close_session (resolver_of (loop), session);
}

static void send_back (const struct session *session, void *bytes, size_t length)
{
  union
  {
    struct cmsghdr header;
    char bytes[CMSG_SPACE (sizeof session->asked)];
  } control = { 0 };
  struct sockaddr_storage client = session->client;
  struct iovec part = { .iov_base = bytes, .iov_len = length };
  struct msghdr message = {
    .msg_name = &client, .msg_namelen = session->client_length, .msg_iov = &part, .msg_iovlen = 1
  };

  if (client.ss_family == AF_INET6)
    {
      message.msg_control = &control;
      message.msg_controllen = sizeof control.bytes;
      control.header.cmsg_level = IPPROTO_IPV6;
      control.header.cmsg_type = IPV6_PKTINFO;
      control.header.cmsg_len = CMSG_LEN (sizeof session->asked);
      memcpy (CMSG_DATA (&control.header), &session->asked, sizeof session->asked);
    }
  /* A datagram that does not leave is lost, as any may be.  */
  (void)sendmsg (session->relay->source.fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void session_ready (struct loop *loop, struct source *source, uint32_t events)
{
  struct resolver *resolver = resolver_of (loop);
  struct session *session = (struct session *)source;

  (void)events;
  for (int i = 0; i < BURST && session->relay != NULL; i++)
    {
      ssize_t length = recv (source->fd, resolver->in, sizeof resolver->in, MSG_DONTWAIT);

      if (length < 0)
        {
          /* The container has refused: the client learns of it by silence, as with any datagram. */
          if (errno != EAGAIN && errno != EINTR)
            close_session (resolver, session);
          return;
        }
      session->is_answered = true;
      keep_session (resolver, session);
      send_back (session, resolver->in, (size_t)length);
    }
}

/* Where a datagram comes from, and whom it asks.  */
struct sender
{
  struct sockaddr_storage client;
  socklen_t length;
  struct in6_pktinfo asked;
};

/* The length of the datagram in `resolver->in`, or -1 with errno.  */
static ssize_t receive (struct resolver *resolver, int fd, struct sender *sender)
{
  union
  {
    struct cmsghdr header;
    char bytes[CMSG_SPACE (sizeof sender->asked)];
  } control;
  struct iovec part = { .iov_base = resolver->in, .iov_len = sizeof resolver->in };
  struct msghdr message = { .msg_name = &sender->client,
                            .msg_namelen = sizeof sender->client,
                            .msg_iov = &part,
                            .msg_iovlen = 1,
                            .msg_control = &control,
                            .msg_controllen = sizeof control.bytes };
  ssize_t length;

  memset (sender, 0, sizeof *sender);
  length = recvmsg (fd, &message, MSG_DONTWAIT);
  if (length < 0)
    return length;
  sender->length = message.msg_namelen;
  for (struct cmsghdr *one = CMSG_FIRSTHDR (&message); one != NULL;
       one = CMSG_NXTHDR (&message, one))
    if (one->cmsg_level == IPPROTO_IPV6 && one->cmsg_type == IPV6_PKTINFO)
      memcpy (&sender->asked, CMSG_DATA (one), sizeof sender->asked);
  /* The way back is the routes' to choose, but for an address that is one of the link alone.  */
  if (!IN6_IS_ADDR_LINKLOCAL (&sender->asked.ipi6_addr))
    sender->asked.ipi6_ifindex = 0;
  return length;
}

static bool is_of (const struct session *session, const struct sender *sender)
{
  return session->client_length == sender->length
         && memcmp (&session->client, &sender->client, sender->length) == 0
         && memcmp (&session->asked, &sender->asked, sizeof sender->asked) == 0;
}

/* The one heard of longest ago, of those that the container has not answered where there are any.
   There is one.  */
static struct session *least_wanted (struct relay *relay)
{
  struct session *last = NULL, *unanswered = NULL;

  for (struct session *session = relay->sessions; session != NULL; session = session->next)
    {
      last = session;
      if (!session->is_answered)
        unanswered = session;
    }
  return unanswered != NULL ? unanswered : last;
}

static struct session *open_session (struct resolver *resolver, struct relay *relay,
                                     const struct sender *sender)
{
  const struct upstream *target = &relay->target;
  struct session *session = NULL;
  int fd;

  if (!has_room (resolver, relay, 1) && relay->sessions != NULL)
    close_session (resolver, least_wanted (relay));
  if (has_room (resolver, relay, 1))
    session = calloc (1, sizeof *session);
  fd = session != NULL
           ? socket (target->address.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)
           : -1;
  if (fd < 0)
    {
      free (session);
      return NULL;
    }
  session->source = (struct source){ .fd = fd, .ready = session_ready, .destroy = destroy_session };
  if (connect (fd, &target->address.any, target->length) < 0
      || !source_add (&resolver->loop, &session->source, EPOLLIN))
    {
      close (fd);
      free (session);
      return NULL;
    }
  session->relay = relay;
  session->client = sender->client;
  session->client_length = sender->length;
  session->asked = sender->asked;
  put_first (relay, session);
  relay->count++;
  resolver->relayed_fds++;
  return session;
}

static void datagram_ready (struct loop *loop, struct source *source, uint32_t events)
{
  struct resolver *resolver = resolver_of (loop);
  struct relay *relay = (struct relay *)source;

  (void)events;
  for (int i = 0; i < BURST && source->fd >= 0; i++)
    {
      struct sender sender;
      ssize_t length = receive (resolver, source->fd, &sender);
      struct session *session = relay->sessions;

      if (length < 0 && (errno == EAGAIN || errno == EBADF))
        return;
      if (length < 0)
        continue;
      while (session != NULL && !is_of (session, &sender))
        session = session->next;
      if (session == NULL)
        session = open_session (resolver, relay, &sender);
      if (session == NULL)
        continue;
      keep_session (resolver, session);
      (void)send (session->source.fd, resolver->in, (size_t)length, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
}

static void destroy_relay (struct source *source) { free (source); }

struct relay *relay_find (struct resolver *resolver, const char *id)
{
  struct relay *relay = resolver->relays;

  while (relay != NULL && strcmp (relay->id, id) != 0)
    relay = relay->next;
  return relay;
}

const char *relay_id (const struct relay *relay) { return relay->id; }

const struct relay *relay_next (const struct relay *relay) { return relay->next; }

static void turn_away (struct resolver *resolver, struct relay *relay)
{
  while (relay->pairs != NULL)
    close_pair (resolver, relay->pairs);
  while (relay->sessions != NULL)
    close_session (resolver, relay->sessions);
}

void relay_lead (struct resolver *resolver, struct relay *relay, const struct upstream *target)
{
  bool is_same = relay->target.length == target->length
                 && memcmp (&relay->target.address, &target->address, target->length) == 0;

  if (is_same)
    return;
  turn_away (resolver, relay);
  relay->target = *target;
}

struct relay *relay_make (struct resolver *resolver, const char *id, bool is_stream, int fd)
{
  struct relay *relay = resolver->relay_count < MAX_RELAYS ? calloc (1, sizeof *relay) : NULL;

  if (relay == NULL)
    {
      close (fd);
      return NULL;
    }
  relay->source = (struct source){ .fd = fd,
                                   .ready = is_stream ? stream_ready : datagram_ready,
                                   .destroy = destroy_relay };
  strcpy (relay->id, id);
  if (!source_add (&resolver->loop, &relay->source, EPOLLIN))
    {
      close (fd);
      free (relay);
      return NULL;
    }
  relay->next = resolver->relays;
  resolver->relays = relay;
  resolver->relay_count++;
  resolver_check_use (resolver);
  return relay;
}

void relay_remove (struct resolver *resolver, struct relay *relay)
{
  struct relay **link = &resolver->relays;

  turn_away (resolver, relay);
  timer_stop (&relay->pause);
  while (*link != relay)
    link = &(*link)->next;
  *link = relay->next;
  resolver->relay_count--;
  source_remove (&resolver->loop, &relay->source);
  resolver_check_use (resolver);
}
