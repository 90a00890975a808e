#define _GNU_SOURCE
#include "util.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>

int write_all (int fd, const void *bytes, size_t size)
{
  const char *at = bytes;

  while (size > 0)
    {
      ssize_t n = write (fd, at, size);
      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        return -1;
      at += n;
      size -= (size_t)n;
    }
  return 0;
}

int read_all_at (int fd, void *bytes, size_t size, off_t offset)
{
  char *at = bytes;

  while (size > 0)
    {
      ssize_t n = pread (fd, at, size, offset);
      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        return -1;
      if (n == 0)
        {
          errno = ENODATA;
          return -1;
        }
      at += n;
      offset += n;
      size -= (size_t)n;
    }
  return 0;
}

ssize_t read_text_at (int dir, const char *path, char *text, size_t size)
{
  cleanup_close int fd = openat (dir, path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return -1;

  size_t length = 0;
  while (length < size - 1)
    {
      ssize_t n = read (fd, text + length, size - 1 - length);
      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        return -1;
      if (n == 0)
        break;
      length += (size_t)n;
    }
  text[length] = 0;
  return (ssize_t)length;
}

size_t format_number (char *text, uint64_t value)
{
  char digits[TS_NUMBER_MAX];
  size_t n = 0;

  do
    digits[n++] = (char)('0' + value % 10);
  while ((value /= 10) > 0);
  for (size_t i = 0; i < n; i++)
    text[i] = digits[n - 1 - i];
  text[n] = 0;
  return n;
}

uint64_t scan_number (const char **text)
{
  uint64_t value = 0;

  while (**text >= '0' && **text <= '9')
    value = value * 10 + (uint64_t)(*(*text)++ - '0');
  return value;
}

int append_text (char *text, size_t size, size_t *length, const char *more)
{
  size_t n = strlen (more);

  if (n >= size - *length)
    {
      errno = ENAMETOOLONG;
      return -1;
    }
  memcpy (text + *length, more, n + 1);
  *length += n;
  return 0;
}

int format_fd_path (char *text, size_t size, int fd, const char *name)
{
  char number[TS_NUMBER_MAX];
  size_t length = 0;

  format_number (number, (uint64_t)fd);
  if (append_text (text, size, &length, "/proc/self/fd/") < 0
      || append_text (text, size, &length, number) < 0)
    return -1;
  if (name == NULL)
    return 0;
  return append_text (text, size, &length, "/") < 0 || append_text (text, size, &length, name) < 0
             ? -1
             : 0;
}

uint64_t realtime_ns (void)
{
  struct timespec now;

  clock_gettime (CLOCK_REALTIME, &now); /* Cannot fail for this clock.  */
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
