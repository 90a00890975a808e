#define _GNU_SOURCE
#include "answer.h"
#include "build.h"
#include "check.h"

#include <stdlib.h>

static struct networks networks;
static uint8_t bytes[DNS_MESSAGE_BYTES], out[DNS_MESSAGE_BYTES];
static struct query query;
static struct reply reply;

struct given
{
  const char *name;
  uint8_t count;
  uint8_t last[4];
};

/* Addresses are 10.0.0.LAST.  */
static bool set (const char *id, const struct given *given, size_t count)
{
  struct name_entry *entries = calloc (count + 1, sizeof *entries);

  for (size_t i = 0; i < count; i++)
    {
      entries[i].name = strdup (given[i].name);
      entries[i].count = given[i].count;
      entries[i].addresses = calloc (given[i].count + 1U, sizeof *entries[i].addresses);
      for (uint8_t at = 0; at < given[i].count; at++)
        entries[i].addresses[at]
            = (struct address){ .length = 4, .bytes = { 10, 0, 0, given[i].last[at] } };
    }
  return network_set (&networks, id, entries, count);
}

static enum verdict ask (struct network *const *joined, size_t count, const char *name,
                         uint16_t type)
{
  size_t length = build_query (bytes, name, type, 0);

  return answer (joined, count, &query, bytes, length, &reply, out, 512);
}

/* Last byte of the N-th address in the reply.  */
static unsigned int last_of (unsigned int index)
{
  return out[query.question_end + 16 * index + 15];
}

static void test_names (struct network *const *joined)
{
  TEST ("a known name must give its address");
  CHECK (ask (joined, 1, "DB", DNS_A) == VERDICT_REPLY && reply.answers == 1 && last_of (0) == 3);

  TEST ("several addresses must take turns");
  CHECK (ask (joined, 1, "web", DNS_A) == VERDICT_REPLY && reply.answers == 2 && last_of (0) == 1);
  CHECK (ask (joined, 1, "web", DNS_A) == VERDICT_REPLY && reply.answers == 2 && last_of (0) == 2);
  CHECK (ask (joined, 1, "web", DNS_A) == VERDICT_REPLY && reply.answers == 2 && last_of (0) == 1);

  TEST ("another type of a known name must be no data and no error");
  CHECK (ask (joined, 1, "web", DNS_AAAA) == VERDICT_REPLY && reply.answers == 0
         && (out[3] & 0x0f) == DNS_NOERROR);

  TEST ("an unknown name must be forwarded");
  CHECK (ask (joined, 1, "example.com", DNS_A) == VERDICT_FORWARD);
  CHECK (ask (joined, 1, "we", DNS_A) == VERDICT_FORWARD
         && ask (joined, 1, "webb", DNS_A) == VERDICT_FORWARD);
  CHECK (ask (joined, 1, "", DNS_A) == VERDICT_FORWARD);

  TEST ("names of a network must not be known outside of it");
  CHECK (ask (joined + 1, 1, "db", DNS_A) == VERDICT_FORWARD);
  CHECK (ask (joined, 0, "db", DNS_A) == VERDICT_FORWARD);

  TEST ("the first network that knows a name must win");
  CHECK (ask (joined, 2, "web", DNS_A) == VERDICT_REPLY && reply.answers == 2);
  CHECK (ask (joined + 1, 1, "web", DNS_A) == VERDICT_REPLY && reply.answers == 1
         && last_of (0) == 9);

  TEST ("a reverse query must give the first name of an address");
  CHECK (ask (joined, 1, "3.0.0.10.in-addr.arpa", DNS_PTR) == VERDICT_REPLY);
  CHECK (memcmp (out + query.question_end + 12, "\11project-1\0", 11) == 0);
  CHECK (ask (joined, 1, "7.0.0.10.in-addr.arpa", DNS_PTR) == VERDICT_FORWARD);
}

int main (void)
{
  static const struct given first[] = { { "web", 2, { 1, 2 } },
                                        { "project-1", 1, { 3 } },
                                        { "db", 1, { 3 } },
                                        { "alias.with.dots", 1, { 4 } } };
  static const struct given second[] = { { "web", 1, { 9 } } };
  struct network *joined[2] = { network_join (&networks, "one"), network_join (&networks, "two") };
  char id[16];

  set ("one", first, 4);
  set ("two", second, 1);
  test_names (joined);

  TEST ("setting a network again must replace its names");
  CHECK (set ("one", second, 1));
  CHECK (ask (joined, 1, "db", DNS_A) == VERDICT_FORWARD
         && ask (joined, 1, "web", DNS_A) == VERDICT_REPLY);

  TEST ("a network that is unset must know nothing but stay joined");
  network_unset (&networks, "one");
  CHECK (ask (joined, 1, "web", DNS_A) == VERDICT_FORWARD && networks.count == 2);
  network_leave (&networks, joined[0]);
  CHECK (networks.count == 1);
  network_unset (&networks, "nowhere");
  network_leave (&networks, joined[1]);
  CHECK (networks.count == 1);
  network_unset (&networks, "two");
  CHECK (networks.count == 0 && networks.first == NULL);

  TEST ("more networks than the table holds must be refused");
  for (int i = 0; i < MAX_NETWORKS; i++)
    {
      snprintf (id, sizeof id, "n%d", i);
      network_join (&networks, id);
    }
  CHECK (network_join (&networks, "one more") == NULL && !set ("one more", second, 1));
  while (networks.first != NULL)
    network_leave (&networks, networks.first);
  return REPORT ();
}
