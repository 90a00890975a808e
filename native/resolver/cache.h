/* What upstreams have answered lately.  No descriptors, no clock.  */
#pragma once

#include "message.h"

enum
{
  CACHE_ENTRIES = 512,
  /* Longer replies are asked for anew: few are, and they would take the memory of many.  */
  CACHE_REPLY_BYTES = DNS_EDNS_BYTES,
  /* However long a name is good for: the network of this machine may change at any moment.  */
  CACHE_LONGEST_S = 60
};

struct cached
{
  /* Of whom it was asked; others may know something else by this name.  */
  uint64_t upstreams;
  uint64_t stored_ms;
  uint32_t ttl_s;
  uint16_t flags;
  uint16_t type, class;
  char name[DNS_NAME_BYTES + 1];
  uint16_t length;
  uint8_t reply[CACHE_REPLY_BYTES];
};

struct cache
{
  struct cached *entries[CACHE_ENTRIES];
};

/* The reply to this query, with its id and its question, in `out`; 0: nothing is known.  */
size_t cache_find (const struct cache *cache, const struct query *query, uint64_t upstreams,
                   uint64_t now_ms, uint8_t *out);
/* Keeps a reply that may be kept; what cannot be, or finds no memory, is just not there.  */
void cache_store (struct cache *cache, const struct query *query, uint64_t upstreams,
                  uint64_t now_ms, const uint8_t *reply, size_t length);
