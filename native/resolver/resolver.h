/* The state of the process and what its parts share.  */
#pragma once

#include "answer.h"
#include "cache.h"
#include "loop.h"

#include <netinet/in.h>
#include <sys/socket.h>

enum
{
  MAX_SANDBOXES = 8192,
  MAX_JOINED = 64,
  MAX_UPSTREAMS = 8,
  /* Queries on their way to an upstream, in all and of one sandbox, so that none takes the table
     for itself.  */
  MAX_FORWARDS = 2048,
  MAX_SANDBOX_FORWARDS = 256,
  MAX_CONNECTIONS = 1024,
  MAX_SANDBOX_CONNECTIONS = 64,
  MAX_RELAYS = 8192,
  MAX_RELAY_ID_BYTES = 64,
  /* Connections or senders of datagrams of one published port at a time.  */
  MAX_RELAYED = 1024,
  /* Since the last datagram of a sender or to it.  */
  RELAYED_IDLE_MS = 90 * 1000,
  /* The same until it was answered once.  */
  RELAYED_UNANSWERED_MS = 10 * 1000,
  /* How long a port accepts nothing after there was no descriptor for who came.  */
  RELAY_PAUSE_MS = 200,
  ATTEMPT_MS = 1500,
  CONNECTION_IDLE_MS = 10 * 1000,
  /* How long the process stays without an engine and without a sandbox.  */
  UNUSED_MS = 5 * 1000
};

struct forward;
struct connection;
struct relay;

struct upstream
{
  socklen_t length;
  union
  {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
  } address;
};

struct sandbox;

struct listener
{
  struct source source;
  /* NULL when the sandbox has gone.  */
  struct sandbox *sandbox;
};

struct sandbox
{
  struct sandbox *next;
  char id[MAX_ID_BYTES + 1];
  struct listener *udp;
  struct listener *tcp;
  struct network *networks[MAX_JOINED];
  size_t network_count;
  struct upstream upstreams[MAX_UPSTREAMS];
  size_t upstream_count;
  /* Tells them from others, for what is remembered of their answers.  */
  uint64_t upstream_key;
  /* Which is asked first: one that does not answer makes nobody wait twice.  */
  size_t preferred;
  struct forward *forwards;
  size_t forward_count;
  struct connection *connections;
  size_t connection_count;
};

struct resolver
{
  struct loop loop;
  struct networks networks;
  struct cache cache;
  struct sandbox *sandboxes;
  size_t sandbox_count;
  size_t forward_count;
  size_t connection_count;
  size_t client_count;
  struct relay *relays;
  size_t relay_count;
  struct timers attempts;
  struct timers idle;
  /* Descriptors of all that is led on, and how many they may be: the rest is for names.  */
  size_t relayed_fds;
  size_t max_relayed_fds;
  struct timers relayed;
  struct timers unanswered;
  struct timers paused;
  struct timers unused;
  struct timer unused_timer;
  /* One message at a time is read or built here.  */
  uint8_t in[DNS_MESSAGE_BYTES];
  uint8_t out[2 + DNS_MESSAGE_BYTES];
};

/* The loop is the first member.  */
static inline struct resolver *resolver_of (struct loop *loop) { return (struct resolver *)loop; }

/* Starts or stops the wait for the end, see UNUSED_MS.  */
void resolver_check_use (struct resolver *resolver);

/* Who asked: over UDP the address, over TCP the connection.  */
struct asker
{
  struct connection *connection;
  struct sockaddr_storage address;
  socklen_t address_length;
};

/* sandbox.c */
struct sandbox *sandbox_find (struct resolver *resolver, const char *id);
/* Makes an empty one; NULL: too many, or no memory.  */
struct sandbox *sandbox_make (struct resolver *resolver, const char *id);
/* Takes both descriptors over, and closes them when it fails.  */
bool sandbox_listen (struct resolver *resolver, struct sandbox *sandbox, int udp, int tcp);
void sandbox_leave_networks (struct resolver *resolver, struct sandbox *sandbox);
void sandbox_remove (struct resolver *resolver, struct sandbox *sandbox);
/* Answers or forwards one message.  */
void sandbox_query (struct resolver *resolver, struct sandbox *sandbox, const uint8_t *bytes,
                    size_t length, const struct asker *asker);
/* Sends a whole message to who asked; it may be gone or not reading, then the message is dropped.
 */
void sandbox_reply (struct resolver *resolver, struct sandbox *sandbox, const struct asker *asker,
                    const uint8_t *bytes, size_t length);

/* stream.c */
void stream_accept (struct resolver *resolver, struct sandbox *sandbox);
void stream_reply (struct resolver *resolver, struct connection *connection, const uint8_t *bytes,
                   size_t length);
/* The connection that a forward answers has been told; NULL forgets the forward.  */
void stream_expect (struct connection *connection, struct forward *forward);
void stream_close_all (struct resolver *resolver, struct sandbox *sandbox);
void stream_idle (struct loop *loop, void *connection);

/* forward.c */
/* false: nothing was sent, and `rcode` says what to answer.  */
bool forward_start (struct resolver *resolver, struct sandbox *sandbox, const struct query *query,
                    const struct asker *asker, enum dns_rcode *rcode);
void forward_cancel (struct resolver *resolver, struct forward *forward);
void forward_cancel_all (struct resolver *resolver, struct sandbox *sandbox);
void forward_expired (struct loop *loop, void *forward);

/* relay.c, see relay.h */
void relay_expired (struct loop *loop, void *session);
void relay_resume (struct loop *loop, void *relay);

/* control.c: native/resolver/PROTOCOL.md */
bool control_listen (struct resolver *resolver, int fd, unsigned int owner);

/* confine.c */
/* Gives up every right that the process does not need; false with errno, and then it must not go
 * on.  */
bool confine (unsigned int uid, unsigned int gid);
