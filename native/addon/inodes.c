#define _GNU_SOURCE
#include "inodes.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

enum
{
  FIRST_SLOTS = 64
};

/* No file has inode 0, so that marks a free slot.  */
static struct inode *probe (struct inode *slots, size_t capacity, dev_t device, ino_t number)
{
  uint64_t hash = ((uint64_t)number ^ ((uint64_t)device << 32)) * 0x9e3779b97f4a7c15u;
  size_t index = (size_t)(hash >> 20) & (capacity - 1);

  while (slots[index].number != 0
         && (slots[index].number != number || slots[index].device != device))
    index = (index + 1) & (capacity - 1);
  return &slots[index];
}

static bool grow (struct inodes *inodes)
{
  size_t capacity = inodes->capacity > 0 ? inodes->capacity * 2 : FIRST_SLOTS;
  struct inode *slots = calloc (capacity, sizeof *slots);

  if (slots == NULL)
    return false;
  for (size_t i = 0; i < inodes->capacity; i++)
    if (inodes->slots[i].number != 0)
      *probe (slots, capacity, inodes->slots[i].device, inodes->slots[i].number) = inodes->slots[i];
  free (inodes->slots);
  inodes->slots = slots;
  inodes->capacity = capacity;
  return true;
}

struct inode *inodes_find (struct inodes *inodes, const struct stat *status, _Bool *is_new)
{
  struct inode *slot;

  if (inodes->count * 2 >= inodes->capacity && !grow (inodes))
    return NULL;
  slot = probe (inodes->slots, inodes->capacity, status->st_dev, status->st_ino);
  *is_new = slot->number == 0;
  if (*is_new)
    {
      slot->device = status->st_dev;
      slot->number = status->st_ino;
      inodes->count++;
    }
  return slot;
}

void inodes_release (struct inodes *inodes)
{
  for (size_t i = 0; i < inodes->capacity; i++)
    free (inodes->slots[i].path);
  free (inodes->slots);
}
