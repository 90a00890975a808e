/* What is known: networks, and the names and addresses in each.  A network exists while it has been
   set or a sandbox is joined to it, so the order in which the engine tells of them does not matter.
 */
#pragma once

#include "message.h"

enum
{
  MAX_ID_BYTES = 64,
  MAX_NETWORKS = 4096,
  MAX_NAMES = 8192,
  MAX_ADDRESSES = 64
};

struct name_entry
{
  char *name;
  struct address *addresses;
  uint8_t count;
  /* Where the next answer starts.  */
  uint8_t turn;
};

struct network
{
  struct network *next;
  char id[MAX_ID_BYTES + 1];
  unsigned int sandboxes;
  bool is_set;
  /* In the order given: the first name of an address is its canonical one.  */
  struct name_entry *entries;
  size_t count;
  /* Indices of `entries` by name.  */
  uint16_t *order;
};

struct networks
{
  struct network *first;
  size_t count;
};

/* Finds or makes a network and counts one more sandbox in it; NULL: too many, or no memory.  */
struct network *network_join (struct networks *networks, const char *id);
void network_leave (struct networks *networks, struct network *network);

/* Takes `entries` over, also when it fails.  Two entries of one name are one name with both
 * addresses.  */
bool network_set (struct networks *networks, const char *id, struct name_entry *entries,
                  size_t count);
/* Not there is no error.  */
void network_unset (struct networks *networks, const char *id);
void names_release (struct name_entry *entries, size_t count);

/* Appends every address of the name in the networks to `reply`; false when no network knows it.
   `type` chooses the family; any other type finds the name and appends nothing.  */
bool names_answer (struct network *const *networks, size_t count, const struct query *query,
                   struct reply *reply, uint32_t ttl);
/* The canonical name of an address, or NULL.  */
const char *names_of_address (struct network *const *networks, size_t count,
                              const struct address *address);
