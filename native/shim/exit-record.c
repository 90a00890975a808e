#define _GNU_SOURCE
#include "exit-record.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "util.h"

static int open_temporary (const char *path)
{
  return open (path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
}

static int temporary_path (char *temporary, size_t size, const char *path)
{
  size_t length = 0;

  if (append_text (temporary, size, &length, path) < 0)
    return -1;
  return append_text (temporary, size, &length, ".tmp");
}

static int write_temporary (const struct ts_exit *record, const char *path)
{
  cleanup_close int fd = open_temporary (path);

  if (fd < 0)
    return -1;
  return write_all (fd, record, exit_record_size (record)) < 0 ? -1 : 0;
}

void exit_record_prepare (const char *path)
{
  char temporary[PATH_MAX];

  if (temporary_path (temporary, sizeof temporary, path) == 0)
    {
      int fd = open_temporary (temporary);
      cleanup_close_fd (&fd);
    }
}

static void sync_path (const char *path, int flags)
{
  cleanup_close int fd = open (path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | flags);

  if (fd >= 0)
    (void)fsync (fd);
}

void exit_record_sync (const char *path)
{
  char directory[PATH_MAX];
  size_t length = (size_t)(strrchr (path, '/') - path);

  memcpy (directory, path, length == 0 ? 1 : length);
  directory[length == 0 ? 1 : length] = 0;
  sync_path (path, 0);
  sync_path (directory, O_DIRECTORY);
}

int exit_record_write (const struct ts_exit *record, const char *path)
{
  char temporary[PATH_MAX];

  if (temporary_path (temporary, sizeof temporary, path) < 0)
    return -1;
  if (write_temporary (record, temporary) < 0 || rename (temporary, path) < 0)
    {
      int saved = errno;
      (void)unlink (temporary); /* The next attempt would overwrite it.  */
      errno = saved;
      return -1;
    }
  return 0;
}
