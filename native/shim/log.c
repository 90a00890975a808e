#define _GNU_SOURCE
#include "log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "util.h"

#define LOG_OVERHEAD (sizeof (struct ts_log_frame) + sizeof (struct ts_log_trailer))

/* Behind the name of a file that the engine has compressed.  */
#define COMPRESSED ".gz"

/* "PATH.SEQUENCE" */
static int rotated_path (char *text, const char *path, uint64_t sequence)
{
  char number[TS_NUMBER_MAX];
  size_t length = 0;

  format_number (number, sequence);
  return append_text (text, PATH_MAX, &length, path) < 0
                 || append_text (text, PATH_MAX, &length, ".") < 0
                 || append_text (text, PATH_MAX, &length, number) < 0
             ? -1
             : 0;
}

/* Writes COUNT parts at the end of the file, or nothing.  */
static int append_parts (struct log *log, const struct iovec *parts, int count)
{
  size_t total = 0;
  ssize_t n;

  for (int i = 0; i < count; i++)
    total += parts[i].iov_len;
  do
    n = pwritev (log->fd, parts, count, (off_t)log->size);
  while (n < 0 && errno == EINTR);
  if (n == (ssize_t)total)
    {
      log->size += total;
      log->is_dirty = 1;
      return 0;
    }
  /* A regular file takes less than it was given only when the disk or a quota is full.  */
  if (n >= 0)
    errno = ENOSPC;
  int saved = errno;
  /* Readers take a frame that is cut off for one that is still being written, so a failure here
     only leaves what the next append at this offset overwrites.  */
  (void)!ftruncate (log->fd, (off_t)log->size);
  errno = saved;
  return -1;
}

static int append_frame (struct log *log, enum ts_log_stream stream, struct iovec payload)
{
  struct ts_log_frame frame = { .magic = TS_LOG_FRAME_MAGIC,
                                .length = (uint32_t)payload.iov_len,
                                .time_ns = realtime_ns (),
                                .stream = stream };
  struct ts_log_trailer trailer
      = { .length = (uint32_t)payload.iov_len, .magic = TS_LOG_TRAILER_MAGIC };
  const struct iovec parts[] = { { .iov_base = &frame, .iov_len = sizeof frame },
                                 payload,
                                 { .iov_base = &trailer, .iov_len = sizeof trailer } };

  return append_parts (log, parts, 3);
}

static int write_header (struct log *log, uint64_t sequence)
{
  struct ts_log_header header = { .magic = TS_LOG_MAGIC,
                                  .version = TS_RECORD_VERSION,
                                  .size = sizeof header,
                                  .sequence = sequence,
                                  .created_ns = realtime_ns () };
  const struct iovec part = { .iov_base = &header, .iov_len = sizeof header };

  log->size = 0;
  log->sequence = sequence;
  return append_parts (log, &part, 1);
}

static int create_file (struct log *log, uint64_t sequence)
{
  log->fd = open (log->path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  return log->fd < 0 ? -1 : write_header (log, sequence);
}

struct linux_dirent
{
  uint64_t inode;
  int64_t next;
  unsigned short length;
  unsigned char type;
  char name[];
};

/* The highest number in the names "BASE.NUMBER" of one buffer of getdents64(2); those of compressed
   files are among them.  */
static uint64_t highest_in (const char *entries, size_t size, const char *base, uint64_t highest)
{
  size_t length = strlen (base);

  for (size_t at = 0; at < size;)
    {
      const struct linux_dirent *entry = (const void *)(entries + at);
      at += entry->length;
      if (strncmp (entry->name, base, length) != 0 || entry->name[length] != '.')
        continue;
      const char *digits = entry->name + length + 1;
      const char *end = digits;
      uint64_t number = scan_number (&end);
      if (end > digits && (*end == 0 || strcmp (end, COMPRESSED) == 0) && number > highest)
        highest = number;
    }
  return highest;
}

/* Number of the last rotated file; 0 when there is none.  */
static uint64_t last_rotated (const char *path)
{
  char directory[PATH_MAX];
  _Alignas(8) char entries[2048];
  const char *slash = strrchr (path, '/');
  size_t length = slash == path ? 1 : (size_t)(slash - path);
  uint64_t highest = 0;
  long n;

  if (length >= sizeof directory)
    return 0;
  memcpy (directory, path, length);
  directory[length] = 0;
  cleanup_close int fd = open (directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  while (fd >= 0 && (n = syscall (SYS_getdents64, fd, entries, sizeof entries)) > 0)
    highest = highest_in (entries, (size_t)n, slash + 1, highest);
  return highest;
}

/* Offset behind the frame at AT, or 0 when there is no whole frame.  */
static uint64_t frame_end (int fd, uint64_t at, uint64_t size)
{
  struct ts_log_frame frame;
  struct ts_log_trailer trailer;

  if (size - at < LOG_OVERHEAD || read_all_at (fd, &frame, sizeof frame, (off_t)at) < 0)
    return 0;
  if (frame.magic != TS_LOG_FRAME_MAGIC || frame.length > size - at - LOG_OVERHEAD)
    return 0;
  uint64_t end = at + LOG_OVERHEAD + frame.length;
  if (read_all_at (fd, &trailer, sizeof trailer, (off_t)(end - sizeof trailer)) < 0)
    return 0;
  return trailer.magic == TS_LOG_TRAILER_MAGIC && trailer.length == frame.length ? end : 0;
}

/* Offset behind the last whole frame.  Normally the trailer at the very end leads there at once;
   after a crash the frames are walked from the start.  */
static uint64_t find_end (int fd, uint64_t size)
{
  struct ts_log_trailer trailer;
  uint64_t at = sizeof (struct ts_log_header);

  if (size >= at + LOG_OVERHEAD
      && read_all_at (fd, &trailer, sizeof trailer, (off_t)(size - sizeof trailer)) == 0
      && trailer.magic == TS_LOG_TRAILER_MAGIC && trailer.length <= size - at - LOG_OVERHEAD
      && frame_end (fd, size - LOG_OVERHEAD - trailer.length, size) == size)
    return size;
  for (uint64_t end; (end = frame_end (fd, at, size)) != 0;)
    at = end;
  return at;
}

/* Continues an existing file.  1, 0 when it is none of ours, -1 with errno.  */
static int continue_file (struct log *log, uint64_t size)
{
  struct ts_log_header header;

  if (size < sizeof header)
    return 0;
  if (read_all_at (log->fd, &header, sizeof header, 0) < 0)
    return -1;
  if (header.magic != TS_LOG_MAGIC || header.version != TS_RECORD_VERSION)
    return 0;
  log->sequence = header.sequence;
  log->size = find_end (log->fd, size);
  return log->size < size && ftruncate (log->fd, (off_t)log->size) < 0 ? -1 : 1;
}

/* A file that is not a log is put aside and not overwritten, and does not keep the container from
 * starting.  */
static int put_aside (const struct log *log)
{
  char aside[PATH_MAX];
  size_t length = 0;

  if (append_text (aside, sizeof aside, &length, log->path) < 0
      || append_text (aside, sizeof aside, &length, ".damaged") < 0)
    return -1;
  return rename (log->path, aside);
}

int log_open (struct log *log, const struct ts_spec *spec)
{
  struct stat st;

  *log = (struct log){ .fd = -1,
                       .max_bytes = spec->log_max_bytes,
                       .max_files = spec->log_max_files > 0 ? spec->log_max_files : 1 };
  if (spec->log_path.length == 0)
    return 0;
  log->path = spec_text (spec, spec->log_path);
  log->fd = open (log->path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
  if (log->fd < 0)
    return errno == ENOENT ? create_file (log, last_rotated (log->path) + 1) : -1;
  if (fstat (log->fd, &st) < 0)
    return -1;
  int found = continue_file (log, (uint64_t)st.st_size);
  if (found != 0)
    return found < 0 ? -1 : 0;
  /* Shorter than a header: a crash while it was created, and nothing is lost with it.  */
  if (st.st_size < (off_t)sizeof (struct ts_log_header) ? unlink (log->path) < 0
                                                        : put_aside (log) < 0)
    return -1;
  close (log->fd); /* Nothing was written.  */
  return create_file (log, last_rotated (log->path) + 1);
}

/* The engine compresses what was rotated, and may be about to.  */
static int delete_rotated (const struct log *log, uint64_t sequence)
{
  char path[PATH_MAX];
  size_t length;

  if (rotated_path (path, log->path, sequence) < 0)
    return -1;
  if (unlink (path) == 0)
    return 0;
  length = strlen (path);
  return append_text (path, sizeof path, &length, COMPRESSED) < 0 ? -1 : unlink (path);
}

/* The full file becomes PATH.SEQUENCE, so that a reader finds the successor of each by its number;
   the oldest go.  On any failure the current file goes on growing: a log that is too long is better
   than none.  */
static void rotate (struct log *log)
{
  char path[PATH_MAX];
  struct log next = *log;

  if (rotated_path (path, log->path, log->sequence) < 0 || rename (log->path, path) < 0)
    return;
  if (create_file (&next, log->sequence + 1) < 0)
    {
      if (next.fd >= 0 && next.fd != log->fd)
        close (next.fd); /* Its header could not be written.  */
      (void)rename (path, log->path);
      return;
    }
  /* Not synced: only the log's end is promised to be on disk when the exit is recorded.  */
  close (log->fd);
  *log = next;
  for (uint64_t keep = log->max_files; log->sequence >= keep; keep++)
    if (log->sequence == keep || delete_rotated (log, log->sequence - keep) < 0)
      break;
}

static int write_lost (struct log *log)
{
  struct iovec payload = { .iov_base = &log->lost, .iov_len = sizeof log->lost };

  if (log->lost.chunks == 0)
    return 0;
  if (append_frame (log, TS_LOG_LOST, payload) < 0)
    return -1;
  log->lost = (struct ts_log_lost){ 0 };
  return 0;
}

void log_write (struct log *log, enum ts_log_stream stream, const void *bytes, uint32_t length)
{
  struct iovec payload = { .iov_base = (void *)bytes, .iov_len = length };

  if (log->path == NULL || length == 0)
    return;
  if (log->max_bytes > 0 && log->size > sizeof (struct ts_log_header)
      && log->size + length + LOG_OVERHEAD > log->max_bytes)
    rotate (log);
  if (write_lost (log) == 0 && append_frame (log, stream, payload) == 0)
    return;
  if (log->lost.chunks++ == 0)
    log->lost.since_ns = realtime_ns ();
  log->lost.bytes += length;
  log->lost_bytes += length;
}

void log_sync (struct log *log)
{
  if (!log->is_dirty)
    return;
  /* A disk that cannot take the log must not keep the exit from being recorded.  */
  (void)fdatasync (log->fd);
  log->is_dirty = 0;
}
