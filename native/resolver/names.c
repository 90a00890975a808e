#define _GNU_SOURCE
#include "names.h"

#include <stdlib.h>
#include <string.h>

static struct network *find_network (const struct networks *networks, const char *id)
{
  struct network *network = networks->first;

  while (network != NULL && strcmp (network->id, id) != 0)
    network = network->next;
  return network;
}

static struct network *find_or_make (struct networks *networks, const char *id)
{
  struct network *network = find_network (networks, id);

  if (network != NULL || networks->count >= MAX_NETWORKS || strlen (id) > MAX_ID_BYTES)
    return network;
  network = calloc (1, sizeof *network);
  if (network == NULL)
    return NULL;
  strcpy (network->id, id);
  network->next = networks->first;
  networks->first = network;
  networks->count++;
  return network;
}

void names_release (struct name_entry *entries, size_t count)
{
  for (size_t i = 0; entries != NULL && i < count; i++)
    {
      free (entries[i].name);
      free (entries[i].addresses);
    }
  free (entries);
}

static void clear (struct network *network)
{
  names_release (network->entries, network->count);
  free (network->order);
  network->entries = NULL;
  network->order = NULL;
  network->count = 0;
}

static void drop_if_unused (struct networks *networks, struct network *network)
{
  struct network **link = &networks->first;

  if (network->is_set || network->sandboxes > 0)
    return;
  while (*link != network)
    link = &(*link)->next;
  *link = network->next;
  networks->count--;
  clear (network);
  free (network);
}

struct network *network_join (struct networks *networks, const char *id)
{
  struct network *network = find_or_make (networks, id);

  if (network != NULL)
    network->sandboxes++;
  return network;
}

void network_leave (struct networks *networks, struct network *network)
{
  network->sandboxes--;
  drop_if_unused (networks, network);
}

static int compare_entries (const void *left, const void *right, void *context)
{
  const struct name_entry *entries = context;
  uint16_t a = *(const uint16_t *)left, b = *(const uint16_t *)right;
  int order = strcmp (entries[a].name, entries[b].name);

  return order != 0 ? order : (int)a - (int)b;
}

/* qsort_r would do, but musl has it since 1.2.3 only.  */
static void sift (uint16_t *order, size_t start, size_t end, struct name_entry *entries)
{
  for (size_t child; (child = start * 2 + 1) < end;)
    {
      uint16_t moved = order[start];

      if (child + 1 < end && compare_entries (&order[child], &order[child + 1], entries) < 0)
        child++;
      if (compare_entries (&order[start], &order[child], entries) >= 0)
        return;
      order[start] = order[child];
      order[child] = moved;
      start = child;
    }
}

static void sort_order (uint16_t *order, size_t count, struct name_entry *entries)
{
  for (size_t start = count / 2; start-- > 0;)
    sift (order, start, count, entries);
  for (size_t end = count; end-- > 1;)
    {
      uint16_t largest = order[0];

      order[0] = order[end];
      order[end] = largest;
      sift (order, 0, end, entries);
    }
}

bool network_set (struct networks *networks, const char *id, struct name_entry *entries,
                  size_t count)
{
  struct network *network = count <= MAX_NAMES ? find_or_make (networks, id) : NULL;
  uint16_t *order = calloc (count + 1, sizeof *order);

  if (network == NULL || order == NULL)
    {
      free (order);
      names_release (entries, count);
      if (network != NULL)
        drop_if_unused (networks, network);
      return false;
    }
  clear (network);
  for (size_t i = 0; i < count; i++)
    order[i] = (uint16_t)i;
  sort_order (order, count, entries);
  network->entries = entries;
  network->count = count;
  network->order = order;
  network->is_set = true;
  return true;
}

void network_unset (struct networks *networks, const char *id)
{
  struct network *network = find_network (networks, id);

  if (network == NULL)
    return;
  clear (network);
  network->is_set = false;
  drop_if_unused (networks, network);
}

/* The first place in `order` whose name is not less.  */
static size_t lower_bound (const struct network *network, const char *name)
{
  size_t low = 0, high = network->count;

  while (low < high)
    {
      size_t middle = low + (high - low) / 2;

      if (strcmp (network->entries[network->order[middle]].name, name) < 0)
        low = middle + 1;
      else
        high = middle;
    }
  return low;
}

static void answer_entry (struct name_entry *entry, uint16_t type, struct reply *reply,
                          uint32_t ttl)
{
  for (uint8_t i = 0; i < entry->count; i++)
    {
      const struct address *address = &entry->addresses[(entry->turn + i) % entry->count];

      if (type == DNS_ANY || type == (address->length == 4 ? DNS_A : DNS_AAAA))
        reply_address (reply, address, ttl);
    }
  if (entry->count > 0)
    entry->turn = (uint8_t)((entry->turn + 1) % entry->count);
}

bool names_answer (struct network *const *networks, size_t count, const struct query *query,
                   struct reply *reply, uint32_t ttl)
{
  bool is_known = false;

  for (size_t i = 0; i < count && !is_known; i++)
    for (size_t at = lower_bound (networks[i], query->name); at < networks[i]->count; at++)
      {
        struct name_entry *entry = &networks[i]->entries[networks[i]->order[at]];

        if (strcmp (entry->name, query->name) != 0)
          break;
        is_known = true;
        answer_entry (entry, query->type, reply, ttl);
      }
  return is_known;
}

const char *names_of_address (struct network *const *networks, size_t count,
                              const struct address *address)
{
  for (size_t i = 0; i < count; i++)
    for (size_t at = 0; at < networks[i]->count; at++)
      {
        const struct name_entry *entry = &networks[i]->entries[at];

        for (uint8_t which = 0; which < entry->count; which++)
          if (entry->addresses[which].length == address->length
              && memcmp (entry->addresses[which].bytes, address->bytes, address->length) == 0)
            return entry->name;
      }
  return NULL;
}
