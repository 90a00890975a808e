/* The commands of the control socket.  A command is read whole before anything is changed, so a
   malformed one changes nothing.  */
#include "control.h"
#include "relay.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum
{
  FLAG_SOCKETS = 1
};

struct reader
{
  const uint8_t *at, *end;
  bool failed;
};

static const uint8_t *take (struct reader *reader, size_t count)
{
  const uint8_t *bytes = reader->at;

  if (reader->failed || (size_t)(reader->end - reader->at) < count)
    {
      reader->failed = true;
      return NULL;
    }
  reader->at += count;
  return bytes;
}

static unsigned int take_u8 (struct reader *reader)
{
  const uint8_t *bytes = take (reader, 1);

  return bytes != NULL ? bytes[0] : 0;
}

static unsigned int take_u16 (struct reader *reader)
{
  const uint8_t *bytes = take (reader, 2);

  return bytes != NULL ? (unsigned int)(bytes[0] | bytes[1] << 8) : 0;
}

/* Text of 1 to `capacity` - 1 bytes without control characters, as a C string in `out`.  */
static void take_text (struct reader *reader, char *out, size_t capacity)
{
  size_t length = take_u8 (reader);
  const uint8_t *bytes = take (reader, length);

  out[0] = '\0';
  if (bytes == NULL || length == 0 || length >= capacity)
    {
      reader->failed = true;
      return;
    }
  for (size_t i = 0; i < length; i++)
    if (bytes[i] <= ' ' || bytes[i] >= 0x7f)
      reader->failed = true;
  memcpy (out, bytes, length);
  out[length] = '\0';
}

static bool at_end (const struct reader *reader)
{
  return !reader->failed && reader->at == reader->end;
}

static void take_address (struct reader *reader, struct address *address)
{
  unsigned int length = take_u8 (reader);
  const uint8_t *bytes = take (reader, length);

  memset (address, 0, sizeof *address);
  if (bytes == NULL || (length != 4 && length != 16))
    {
      reader->failed = true;
      return;
    }
  address->length = (uint8_t)length;
  memcpy (address->bytes, bytes, length);
}

static void take_upstream (struct reader *reader, struct upstream *upstream)
{
  struct address address;
  unsigned int port, scope;

  take_address (reader, &address);
  port = take_u16 (reader);
  scope = take_u16 (reader);
  scope |= take_u16 (reader) << 16;
  memset (upstream, 0, sizeof *upstream);
  if (address.length == 4)
    {
      upstream->length = sizeof upstream->address.v4;
      upstream->address.v4.sin_family = AF_INET;
      upstream->address.v4.sin_port = htons ((uint16_t)port);
      memcpy (&upstream->address.v4.sin_addr, address.bytes, 4);
      return;
    }
  upstream->length = sizeof upstream->address.v6;
  upstream->address.v6.sin6_family = AF_INET6;
  upstream->address.v6.sin6_port = htons ((uint16_t)port);
  upstream->address.v6.sin6_scope_id = scope;
  memcpy (&upstream->address.v6.sin6_addr, address.bytes, 16);
}

struct sandbox_request
{
  unsigned int flags;
  char id[MAX_ID_BYTES + 1];
  char networks[MAX_JOINED][MAX_ID_BYTES + 1];
  size_t network_count;
  struct upstream upstreams[MAX_UPSTREAMS];
  size_t upstream_count;
};

static bool read_sandbox (struct reader *reader, struct sandbox_request *request)
{
  request->flags = take_u8 (reader);
  take_text (reader, request->id, sizeof request->id);
  request->network_count = take_u8 (reader);
  if (request->network_count > MAX_JOINED)
    return false;
  for (size_t i = 0; i < request->network_count; i++)
    take_text (reader, request->networks[i], sizeof request->networks[i]);
  request->upstream_count = take_u8 (reader);
  if (request->upstream_count > MAX_UPSTREAMS)
    return false;
  for (size_t i = 0; i < request->upstream_count; i++)
    take_upstream (reader, &request->upstreams[i]);
  return at_end (reader);
}

/* The new ones are joined before the old ones are left, so that a network in both lives on.  */
static bool join_networks (struct resolver *resolver, struct sandbox *sandbox,
                           const struct sandbox_request *request)
{
  struct network *joined[MAX_JOINED];
  size_t count = 0;

  while (count < request->network_count
         && (joined[count] = network_join (&resolver->networks, request->networks[count])) != NULL)
    count++;
  if (count < request->network_count)
    {
      while (count > 0)
        network_leave (&resolver->networks, joined[--count]);
      return false;
    }
  sandbox_leave_networks (resolver, sandbox);
  memcpy (sandbox->networks, joined, count * sizeof *joined);
  sandbox->network_count = count;
  return true;
}

/* FNV-1a */
static uint64_t key_of_upstreams (const struct sandbox *sandbox)
{
  const uint8_t *bytes = (const uint8_t *)sandbox->upstreams;
  uint64_t key = 0xcbf29ce484222325u;

  for (size_t i = 0; i < sandbox->upstream_count * sizeof *sandbox->upstreams; i++)
    key = (key ^ bytes[i]) * 0x100000001b3u;
  return key;
}

static const char *apply_sandbox (struct resolver *resolver, struct frame *frame,
                                  struct reader *reader)
{
  struct sandbox_request request = { 0 };
  struct sandbox *sandbox;
  bool is_new, has_sockets;

  if (!read_sandbox (reader, &request))
    return "malformed";
  has_sockets = (request.flags & FLAG_SOCKETS) != 0;
  sandbox = sandbox_find (resolver, request.id);
  is_new = sandbox == NULL;
  if ((has_sockets && frame->fd_count < 2) || (is_new && !has_sockets))
    return "no-sockets";
  if (is_new)
    sandbox = sandbox_make (resolver, request.id);
  if (sandbox == NULL)
    return "too-many";
  if (!join_networks (resolver, sandbox, &request))
    {
      if (is_new)
        sandbox_remove (resolver, sandbox);
      return "too-many";
    }
  memcpy (sandbox->upstreams, request.upstreams, sizeof sandbox->upstreams);
  sandbox->upstream_count = request.upstream_count;
  sandbox->upstream_key = key_of_upstreams (sandbox);
  sandbox->preferred = 0;
  if (!has_sockets)
    return NULL;
  frame->fds_taken = 2;
  if (sandbox_listen (resolver, sandbox, frame->fds[0], frame->fds[1]))
    return NULL;
  sandbox_remove (resolver, sandbox);
  return "sockets-refused";
}

static const char *set_sandbox (struct resolver *resolver, struct frame *frame,
                                struct reader *reader)
{
  const char *problem = apply_sandbox (resolver, frame, reader);

  /* The sockets of a refused command must not become those of the next one.  */
  if (problem != NULL && frame->fds_taken == 0 && frame->length > 0
      && (frame->payload[0] & FLAG_SOCKETS) != 0)
    while (frame->fds_taken < 2 && frame->fds_taken < frame->fd_count)
      close (frame->fds[frame->fds_taken++]);
  return problem;
}

static const char *remove_sandbox (struct resolver *resolver, struct reader *reader)
{
  char id[MAX_ID_BYTES + 1];
  struct sandbox *sandbox;

  take_text (reader, id, sizeof id);
  if (!at_end (reader))
    return "malformed";
  sandbox = sandbox_find (resolver, id);
  if (sandbox != NULL)
    sandbox_remove (resolver, sandbox);
  return NULL;
}

static void read_entry (struct reader *reader, struct name_entry *entry)
{
  char name[DNS_NAME_BYTES + 1];

  take_text (reader, name, sizeof name);
  entry->count = (uint8_t)take_u8 (reader);
  if (reader->failed || !name_is_valid (name, strlen (name)) || entry->count > MAX_ADDRESSES)
    {
      reader->failed = true;
      return;
    }
  entry->name = malloc (strlen (name) + 1);
  entry->addresses = calloc ((size_t)entry->count + 1, sizeof *entry->addresses);
  if (entry->name == NULL || entry->addresses == NULL)
    {
      reader->failed = true;
      return;
    }
  strcpy (entry->name, name);
  for (uint8_t i = 0; i < entry->count; i++)
    take_address (reader, &entry->addresses[i]);
}

static const char *set_names (struct resolver *resolver, struct reader *reader)
{
  char id[MAX_ID_BYTES + 1];
  struct name_entry *entries;
  size_t count;

  take_text (reader, id, sizeof id);
  count = take_u16 (reader);
  if (reader->failed)
    return "malformed";
  if (count > MAX_NAMES)
    return "too-many";
  entries = calloc (count + 1, sizeof *entries);
  if (entries == NULL)
    return "too-many";
  for (size_t i = 0; i < count && !reader->failed; i++)
    read_entry (reader, &entries[i]);
  if (!at_end (reader))
    {
      names_release (entries, count);
      return "malformed";
    }
  return network_set (&resolver->networks, id, entries, count) ? NULL : "too-many";
}

static const char *remove_network (struct resolver *resolver, struct reader *reader)
{
  char id[MAX_ID_BYTES + 1];

  take_text (reader, id, sizeof id);
  if (!at_end (reader))
    return "malformed";
  network_unset (&resolver->networks, id);
  return NULL;
}

/* Protocols as in IP's header.  */
static bool read_relay (struct reader *reader, char *id, bool *is_stream, struct upstream *target)
{
  unsigned int protocol;

  take_text (reader, id, MAX_RELAY_ID_BYTES + 1);
  protocol = take_u8 (reader);
  *is_stream = protocol == IPPROTO_TCP;
  take_upstream (reader, target);
  return at_end (reader) && (protocol == IPPROTO_TCP || protocol == IPPROTO_UDP);
}

static const char *set_relay (struct resolver *resolver, struct frame *frame, struct reader *reader)
{
  char id[MAX_RELAY_ID_BYTES + 1];
  struct upstream target;
  bool has_socket = take_u8 (reader) == FLAG_SOCKETS, is_stream;
  bool is_whole = read_relay (reader, id, &is_stream, &target);
  struct relay *relay = is_whole ? relay_find (resolver, id) : NULL;

  if (has_socket && frame->fd_count < 1)
    return "no-sockets";
  frame->fds_taken = has_socket ? 1 : 0;
  if (!is_whole || (relay == NULL && !has_socket))
    {
      if (has_socket)
        close (frame->fds[0]);
      return is_whole ? "no-sockets" : "malformed";
    }
  if (has_socket)
    {
      if (relay != NULL)
        relay_remove (resolver, relay);
      relay = relay_make (resolver, id, is_stream, frame->fds[0]);
    }
  if (relay == NULL)
    return "too-many";
  relay_lead (resolver, relay, &target);
  return NULL;
}

static const char *remove_relay (struct resolver *resolver, struct reader *reader)
{
  char id[MAX_RELAY_ID_BYTES + 1];
  struct relay *relay;

  take_text (reader, id, sizeof id);
  if (!at_end (reader))
    return "malformed";
  relay = relay_find (resolver, id);
  if (relay != NULL)
    relay_remove (resolver, relay);
  return NULL;
}

/* Appends to the answer; false: no memory.  */
static bool put (struct answer_frame *reply, const void *bytes, size_t count)
{
  if (reply->capacity - reply->length < count)
    {
      size_t capacity = reply->capacity * 2 + count + 64;
      uint8_t *grown = realloc (reply->bytes, capacity);

      if (grown == NULL)
        return false;
      reply->bytes = grown;
      reply->capacity = capacity;
    }
  memcpy (reply->bytes + reply->length, bytes, count);
  reply->length += count;
  return true;
}

static bool put_text (struct answer_frame *reply, const char *text)
{
  uint8_t length = (uint8_t)strlen (text);

  return put (reply, &length, 1) && put (reply, text, length);
}

static bool put_u16 (struct answer_frame *reply, size_t value)
{
  uint8_t bytes[2] = { (uint8_t)value, (uint8_t)(value >> 8) };

  return put (reply, bytes, sizeof bytes);
}

static bool list (const struct resolver *resolver, struct answer_frame *reply)
{
  size_t set = 0;
  bool is_done = put_u16 (reply, resolver->sandbox_count);

  for (const struct sandbox *sandbox = resolver->sandboxes; sandbox != NULL;
       sandbox = sandbox->next)
    is_done = is_done && put_text (reply, sandbox->id);
  for (const struct network *network = resolver->networks.first; network != NULL;
       network = network->next)
    set += network->is_set ? 1 : 0;
  is_done = is_done && put_u16 (reply, set);
  for (const struct network *network = resolver->networks.first; network != NULL;
       network = network->next)
    if (network->is_set)
      is_done = is_done && put_text (reply, network->id);
  is_done = is_done && put_u16 (reply, resolver->relay_count);
  for (const struct relay *relay = resolver->relays; relay != NULL; relay = relay_next (relay))
    is_done = is_done && put_text (reply, relay_id (relay));
  return is_done;
}

static bool hello (struct answer_frame *reply)
{
  uint32_t pid = (uint32_t)getpid ();
  uint8_t bytes[4]
      = { (uint8_t)pid, (uint8_t)(pid >> 8), (uint8_t)(pid >> 16), (uint8_t)(pid >> 24) };

  return put (reply, bytes, sizeof bytes);
}

static const char *run (struct resolver *resolver, struct frame *frame, struct answer_frame *reply)
{
  struct reader reader = { frame->payload, frame->payload + frame->length, false };

  /* These two have one meaning in every version, so that an engine can tell and replace a resolver
   * of another one.  */
  if (frame->type == CONTROL_HELLO)
    return hello (reply) ? NULL : "no-memory";
  if (frame->type == CONTROL_STOP)
    {
      resolver->loop.has_ended = true;
      return NULL;
    }
  if (frame->version != CONTROL_VERSION)
    return "version";
  switch (frame->type)
    {
    case CONTROL_SET_SANDBOX:
      return set_sandbox (resolver, frame, &reader);
    case CONTROL_REMOVE_SANDBOX:
      return remove_sandbox (resolver, &reader);
    case CONTROL_SET_NAMES:
      return set_names (resolver, &reader);
    case CONTROL_REMOVE_NETWORK:
      return remove_network (resolver, &reader);
    case CONTROL_SET_RELAY:
      return set_relay (resolver, frame, &reader);
    case CONTROL_REMOVE_RELAY:
      return remove_relay (resolver, &reader);
    case CONTROL_LIST:
      return list (resolver, reply) ? NULL : "no-memory";
    default:
      return "unknown-command";
    }
}

bool command_run (struct resolver *resolver, struct frame *frame, struct answer_frame *reply)
{
  uint8_t header[CONTROL_HEADER_BYTES]
      = { 0, 0, 0, 0, CONTROL_VERSION, CONTROL_DONE, reply->tag[0], reply->tag[1] };
  const char *problem;
  size_t length;

  if (!put (reply, header, sizeof header))
    return false;
  problem = run (resolver, frame, reply);
  if (problem != NULL)
    {
      reply->length = sizeof header;
      reply->bytes[5] = CONTROL_FAILED;
      if (!put_text (reply, problem))
        return false;
    }
  length = reply->length - sizeof header;
  for (int i = 0; i < 4; i++)
    reply->bytes[i] = (uint8_t)(length >> (8 * i));
  return true;
}
