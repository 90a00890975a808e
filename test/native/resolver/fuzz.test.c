/* Random and mutated bytes for what reads from containers, from the network and from the control
   socket.  The sanitizers judge; buffers have their exact size on the heap, so that one byte too
   far is seen.  The run is short and always the same; FUZZ_SECONDS=600 FUZZ_SEED=7 makes it longer
   and another one.  */
#define _GNU_SOURCE
#include "build.h"
#include "check.h"
#include "control.h"

#include <stdlib.h>
#include <time.h>

enum
{
  SEEDS = 8,
  MAX_BYTES = 700
};

static uint64_t state = 88172645463325252u;

static uint32_t random_number (uint32_t below)
{
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (uint32_t)(state >> 32) % below;
}

static void mutate (uint8_t *bytes, size_t *length)
{
  for (uint32_t i = random_number (6); i > 0 && *length > 0; i--)
    switch (random_number (5))
      {
      case 0:
        bytes[random_number ((uint32_t)*length)] ^= (uint8_t)(1U << random_number (8));
        break;
      case 1:
        bytes[random_number ((uint32_t)*length)] = (uint8_t)random_number (256);
        break;
      case 2:
        *length = random_number ((uint32_t)*length + 1);
        break;
      case 3:
        while (*length < MAX_BYTES && random_number (20) > 0)
          bytes[(*length)++] = (uint8_t)random_number (256);
        break;
      default:
        bytes[random_number ((uint32_t)*length)]
            = (uint8_t[]){ 0, 1, 0x3f, 0x40, 0xc0, 0xff }[random_number (6)];
        break;
      }
}

static size_t make_message (uint8_t *bytes)
{
  static const char *const names[SEEDS]
      = { "web",
          "db",
          "4.0.0.10.in-addr.arpa",
          "a.b.c.d.e",
          "",
          "x",
          "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
          "web.project_default" };
  static const uint16_t types[] = { DNS_A, DNS_AAAA, DNS_PTR, DNS_ANY, 33 };
  size_t length = build_query (bytes, names[random_number (SEEDS)], types[random_number (5)],
                               random_number (2) ? (uint16_t)random_number (65536) : 0);

  if (random_number (16) == 0)
    for (length = 0; length < MAX_BYTES && random_number (64) > 0;)
      bytes[length++] = (uint8_t)random_number (256);
  mutate (bytes, &length);
  return length;
}

static void fuzz_message (struct network *const *joined)
{
  uint8_t scratch[MAX_BYTES];
  size_t length = make_message (scratch), capacity = 512 + random_number (800);
  uint8_t *bytes = malloc (length + 1), *out = malloc (capacity);
  struct query query;
  struct reply reply;
  struct address address;

  memcpy (bytes, scratch, length);
  /* No byte behind the message may be read.  */
  bytes = realloc (bytes, length > 0 ? length : 1);
  switch (answer (joined, 1, &query, bytes, length, &reply, out, capacity))
    {
    case VERDICT_REPLY:
      CHECK (reply.length >= DNS_HEADER_BYTES && reply.length <= capacity);
      CHECK (query_parse (&query, reply.bytes, reply.length) == PARSE_IGNORE);
      break;
    case VERDICT_FORWARD:
      CHECK (query.question_end <= length);
      query_reverse (&query, &address);
      answer_code (&query, DNS_SERVFAIL, &reply, out, capacity);
      CHECK (reply.length <= capacity && reply_matches (&query, query.id, out, reply.length));
      mutate (scratch, &length);
      reply_matches (&query, query.id, scratch, length);
      break;
    case VERDICT_IGNORE:
      break;
    }
  free (bytes);
  free (out);
}

/* A reply as of an upstream: the question, and records of every length and kind.  */
static size_t make_reply (uint8_t *bytes, const struct query *query)
{
  size_t length = query->question_end;
  unsigned int records = random_number (6);

  memcpy (bytes, query->bytes, length);
  bytes[2] |= 0x80;
  bytes[3] = random_number (8) > 0 ? 0 : (uint8_t)random_number (16);
  memset (bytes + 6, 0, 6);
  bytes[7] = (uint8_t)records;
  for (; records > 0 && length < MAX_BYTES - 64; records--)
    {
      uint16_t size = (uint16_t)random_number (20);

      write_u16 (bytes + length, 0xc00c);
      write_u16 (bytes + length + 2, random_number (8) > 0 ? DNS_A : DNS_OPT);
      write_u16 (bytes + length + 4, DNS_IN);
      write_u16 (bytes + length + 6, (uint16_t)(random_number (8) > 0 ? 0 : random_number (65536)));
      write_u16 (bytes + length + 8, (uint16_t)random_number (100));
      write_u16 (bytes + length + 10, size);
      memset (bytes + length + 12, 7, size);
      length += 12U + size;
    }
  mutate (bytes, &length);
  return length;
}

static void fuzz_cache (struct cache *cache)
{
  static uint64_t now_ms;
  uint8_t scratch[MAX_BYTES], *bytes, *out = malloc (CACHE_REPLY_BYTES);
  size_t length = make_message (scratch), found;
  struct query query;

  if (query_parse (&query, scratch, length) == PARSE_OK)
    {
      uint8_t made[MAX_BYTES + 64];
      size_t size = make_reply (made, &query);

      bytes = malloc (size > 0 ? size : 1);
      memcpy (bytes, made, size);
      now_ms += random_number (3000);
      if (size >= query.question_end && reply_matches (&query, query.id, bytes, size))
        cache_store (cache, &query, random_number (2), now_ms, bytes, size);
      found = cache_find (cache, &query, random_number (2), now_ms + random_number (3000), out);
      CHECK (found == 0 || reply_matches (&query, query.id, out, found));
      free (bytes);
    }
  free (out);
}

static void fuzz_command (struct resolver *resolver)
{
  static const uint8_t names[] = "\3one\2\0\3web\1\4\12\0\0\1\2db\2\4\12\0\0\2\4\12\0\0\3";
  static const uint8_t sandbox[] = "\0\1s\2\3one\3two\1\4\12\0\0\1\65\0\0\0\0\0";
  uint8_t scratch[MAX_BYTES];
  static const uint8_t relay[] = "\0\3tcp\6\4\12\0\0\1\120\0\0\0\0\0";
  static const struct
  {
    const uint8_t *bytes;
    size_t length;
    uint8_t type;
  } seeds[] = { { names, sizeof names - 1, CONTROL_SET_NAMES },
                { sandbox, sizeof sandbox - 1, CONTROL_SET_SANDBOX },
                { relay, sizeof relay - 1, CONTROL_SET_RELAY } };
  uint32_t seed = random_number (3);
  size_t length = seeds[seed].length;
  struct frame frame = { .version = CONTROL_VERSION };
  struct answer_frame reply = { 0 };
  uint8_t *payload;

  memcpy (scratch, seeds[seed].bytes, length);
  mutate (scratch, &length);
  payload = malloc (length > 0 ? length : 1);
  memcpy (payload, scratch, length);
  frame.type = random_number (4) > 0 ? seeds[seed].type : (uint8_t)random_number (10);
  frame.payload = payload;
  frame.length = length;
  CHECK (command_run (resolver, &frame, &reply));
  CHECK (reply.length >= CONTROL_HEADER_BYTES);
  CHECK (frame.fds_taken == 0);
  free (reply.bytes);
  free (payload);
}

static double now (void)
{
  struct timespec time;

  clock_gettime (CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int main (void)
{
  static struct resolver resolver;
  const char *seconds = getenv ("FUZZ_SECONDS"), *seed = getenv ("FUZZ_SEED");
  double end = now () + (seconds != NULL ? atof (seconds) : 2);
  struct network *joined[1] = { network_join (&resolver.networks, "one") };
  static const uint8_t names[] = "\3one\2\0\3web\1\4\12\0\0\1\2db\2\4\12\0\0\2\4\12\0\0\3";
  struct frame frame = { .version = CONTROL_VERSION,
                         .type = CONTROL_SET_NAMES,
                         .payload = names,
                         .length = sizeof names - 1 };
  struct answer_frame reply = { 0 };
  unsigned long runs = 0;

  if (seed != NULL)
    state ^= strtoull (seed, NULL, 10) * 0x9e3779b97f4a7c15u;
  TEST ("no message and no command may break the resolver");
  CHECK (command_run (&resolver, &frame, &reply) && reply.bytes[5] == CONTROL_DONE);
  free (reply.bytes);
  CHECK (sandbox_make (&resolver, "s") != NULL);
  for (; now () < end && !check_has_failed; runs++)
    for (int i = 0; i < 100; i++)
      {
        fuzz_message (joined);
        fuzz_cache (&resolver.cache);
        fuzz_command (&resolver);
      }
  CHECK (runs > 10);
  for (size_t i = 0; i < CACHE_ENTRIES; i++)
    free (resolver.cache.entries[i]);
  network_leave (&resolver.networks, joined[0]);
  while (resolver.sandboxes != NULL)
    sandbox_remove (&resolver, resolver.sandboxes);
  while (resolver.networks.first != NULL)
    network_unset (&resolver.networks, resolver.networks.first->id);
  printf ("%lu messages, replies and commands each\n", runs * 100);
  return REPORT ();
}
