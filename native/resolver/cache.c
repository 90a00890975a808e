#include "cache.h"

#include <stdlib.h>
#include <string.h>

enum
{
  FLAG_TRUNCATED = 0x0200,
  /* RD and CD.  */
  FLAGS_ASKED = 0x0110,
  FLAG_EDNS = 0x0001,
  FLAG_DNSSEC = 0x0002,
  RECORD_BYTES = 10
};

/* What of a query beside its question an answer depends on.  */
static uint16_t flags_of (const struct query *query)
{
  return (uint16_t)((query->flags & FLAGS_ASKED) | (query->has_edns ? FLAG_EDNS : 0)
                    | (query->wants_dnssec ? FLAG_DNSSEC : 0));
}

static bool is_for_all (const struct query *query)
{
  return query->has_text && !query->has_options;
}

/* FNV-1a */
static size_t place_of (const struct query *query, uint64_t upstreams)
{
  uint64_t hash = 0xcbf29ce484222325u ^ upstreams ^ query->type;

  for (const char *at = query->name; *at != '\0'; at++)
    hash = (hash ^ (uint8_t)*at) * 0x100000001b3u;
  return (size_t)(hash % CACHE_ENTRIES);
}

/* Behind a name that may end in a pointer; 0: it does not end within the message.  */
static size_t skip_name (const uint8_t *bytes, size_t length, size_t at)
{
  while (at < length)
    {
      if ((bytes[at] & 0xc0) == 0xc0)
        return at + 2 <= length ? at + 2 : 0;
      if (bytes[at] == 0)
        return at + 1;
      at += (size_t)bytes[at] + 1;
    }
  return 0;
}

static uint32_t read_u32 (const uint8_t *bytes)
{
  return (uint32_t)read_u16 (bytes) << 16 | read_u16 (bytes + 2);
}

static void write_u32 (uint8_t *bytes, uint32_t value)
{
  write_u16 (bytes, (uint16_t)(value >> 16));
  write_u16 (bytes + 2, (uint16_t)value);
}

/* Behind the record at `at`, whose TTL is at `*ttl`, or 0 where it has none (OPT).  0: cut off.  */
static size_t next_record (const uint8_t *bytes, size_t length, size_t at, size_t *ttl)
{
  size_t fields = skip_name (bytes, length, at), end;

  if (fields == 0 || length - fields < RECORD_BYTES)
    return 0;
  end = fields + RECORD_BYTES + read_u16 (bytes + fields + 8);
  *ttl = read_u16 (bytes + fields) == DNS_OPT ? 0 : fields + 4;
  return end <= length ? end : 0;
}

static size_t count_records (const uint8_t *bytes)
{
  return (size_t)read_u16 (bytes + 6) + read_u16 (bytes + 8) + read_u16 (bytes + 10);
}

/* How long the reply holds: as long as its shortest record.  An empty one does not say.  */
static uint32_t shortest_ttl (const uint8_t *bytes, size_t length, size_t at)
{
  uint32_t shortest = UINT32_MAX;
  size_t ttl;

  for (size_t left = count_records (bytes); left > 0; left--)
    {
      at = next_record (bytes, length, at, &ttl);
      if (at == 0)
        return 0;
      if (ttl != 0 && read_u32 (bytes + ttl) < shortest)
        shortest = read_u32 (bytes + ttl);
    }
  if (shortest == UINT32_MAX || shortest > INT32_MAX)
    return 0;
  return shortest < CACHE_LONGEST_S ? shortest : CACHE_LONGEST_S;
}

static void grow_older (uint8_t *bytes, size_t length, size_t at, uint32_t seconds)
{
  size_t ttl;

  for (size_t left = count_records (bytes); left > 0 && at != 0; left--)
    {
      at = next_record (bytes, length, at, &ttl);
      if (at != 0 && ttl != 0)
        {
          uint32_t value = read_u32 (bytes + ttl);

          write_u32 (bytes + ttl, value > seconds ? value - seconds : 0);
        }
    }
}

static bool is_of (const struct cached *entry, const struct query *query, uint64_t upstreams)
{
  return entry->upstreams == upstreams && entry->flags == flags_of (query)
         && entry->type == query->type
         && entry->class == query->class && strcmp (entry->name, query->name) == 0;
}

size_t cache_find (const struct cache *cache, const struct query *query, uint64_t upstreams,
                   uint64_t now_ms, uint8_t *out)
{
  const struct cached *entry
      = is_for_all (query) ? cache->entries[place_of (query, upstreams)] : NULL;
  uint64_t age_s;

  if (entry == NULL || !is_of (entry, query, upstreams))
    return 0;
  age_s = (now_ms - entry->stored_ms) / 1000;
  if (age_s >= entry->ttl_s || entry->length < query->question_end)
    return 0;
  memcpy (out, entry->reply, entry->length);
  write_u16 (out, query->id);
  /* As it was asked: some compare the case of every letter (draft-vixie-dnsext-dns0x20).  */
  memcpy (out + DNS_HEADER_BYTES, query->bytes + DNS_HEADER_BYTES,
          query->question_end - DNS_HEADER_BYTES);
  grow_older (out, entry->length, query->question_end, (uint32_t)age_s);
  return entry->length;
}

void cache_store (struct cache *cache, const struct query *query, uint64_t upstreams,
                  uint64_t now_ms, const uint8_t *reply, size_t length)
{
  enum dns_rcode rcode = reply_rcode (reply);
  struct cached **entry;
  uint32_t ttl_s;

  if (!is_for_all (query) || length > CACHE_REPLY_BYTES || length < query->question_end
      || (read_u16 (reply + 2) & FLAG_TRUNCATED) != 0
      || (rcode != DNS_NOERROR && rcode != DNS_NXDOMAIN))
    return;
  ttl_s = shortest_ttl (reply, length, query->question_end);
  if (ttl_s == 0)
    return;
  entry = &cache->entries[place_of (query, upstreams)];
  if (*entry == NULL && (*entry = malloc (sizeof **entry)) == NULL)
    return;
  (*entry)->upstreams = upstreams;
  (*entry)->stored_ms = now_ms;
  (*entry)->ttl_s = ttl_s;
  (*entry)->flags = flags_of (query);
  (*entry)->type = query->type;
  (*entry)->class = query->class;
  strcpy ((*entry)->name, query->name);
  (*entry)->length = (uint16_t)length;
  memcpy ((*entry)->reply, reply, length);
}
