#define _GNU_SOURCE
#include "directory.h"
#include "functions.h"
#include "util.h"

#include <string.h>
#include <sys/syscall.h>

enum
{
  STEP_BYTES = 32 * 1024
};

int listing_read (struct listing *listing, int fd)
{
  size_t capacity = 0;

  listing->bytes = NULL;
  listing->length = 0;
  if (lseek (fd, 0, SEEK_SET) < 0)
    return -1;
  for (;;)
    {
      long count;

      if (capacity - listing->length < STEP_BYTES)
        {
          char *grown = realloc (listing->bytes, capacity = capacity * 2 + STEP_BYTES);

          if (grown == NULL)
            return -1;
          listing->bytes = grown;
        }
      count = syscall (SYS_getdents64, fd, listing->bytes + listing->length,
                       capacity - listing->length);
      if (count <= 0)
        return (int)count;
      listing->length += (size_t)count;
    }
}

void listing_release (struct listing *listing) { free (listing->bytes); }

static bool is_dot (const char *name)
{
  return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

const struct entry *listing_next (const struct listing *listing, const struct entry *entry)
{
  const char *end = listing->bytes + listing->length;
  const char *next = entry == NULL ? listing->bytes : (const char *)entry + entry->length;

  /* The kernel aligns every record to eight bytes.  */
  while (next < end && is_dot (((const struct entry *)(const void *)next)->name))
    next += ((const struct entry *)(const void *)next)->length;
  return next < end ? (const struct entry *)(const void *)next : NULL;
}

napi_value addon_readDirectory (napi_env env, napi_callback_info info)
{
  struct args args;
  auto_listing listing = { NULL, 0 };
  napi_value result;
  int fd;

  args_read (&args, env, info, 1);
  fd = arg_fd (&args, 0);
  if (args.failed)
    return NULL;
  if (listing_read (&listing, fd) < 0)
    return fail (env, "getdents64", errno);
  result = make_owned_buffer (env, listing.bytes, listing.length);
  listing.bytes = NULL;
  return result;
}
