/* Directory entries as the kernel gives them.  */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* struct linux_dirent64 of getdents64(2).  */
struct entry
{
  uint64_t inode;
  int64_t offset;
  uint16_t length;
  uint8_t type;
  char name[];
};

/* Every entry of a directory, read at once, so that what happens to the directory meanwhile does
 * not matter.  */
struct listing
{
  char *bytes;
  size_t length;
};

/* 0, or -1 with errno.  */
int listing_read (struct listing *listing, int fd);
void listing_release (struct listing *listing);
/* The entry after `entry`, NULL for the first one, without "." and "..".  */
const struct entry *listing_next (const struct listing *listing, const struct entry *entry);

#define auto_listing __attribute__ ((cleanup (listing_release))) struct listing
