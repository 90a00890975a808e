#define _GNU_SOURCE
#include "check.h"
#include "files.h"
#include "log.h"

static char directory[64];
static char path[128];

/* A specification with nothing but a log.  */
static struct ts_spec *make_spec (uint64_t max_bytes, uint32_t max_files)
{
  size_t length = strlen (path);
  struct ts_spec *spec = calloc (1, sizeof *spec + length + 1);

  memcpy (spec + 1, path, length + 1);
  spec->log_path = (struct ts_ref){ sizeof *spec, (uint32_t)length };
  spec->log_max_bytes = max_bytes;
  spec->log_max_files = max_files;
  return spec;
}

static off_t size_of (const char *suffix)
{
  char name[160];
  struct stat st;

  snprintf (name, sizeof name, "%s%s", path, suffix);
  return stat (name, &st) < 0 ? -1 : st.st_size;
}

static void append_garbage (const char *bytes, size_t size)
{
  int fd = open (path, O_WRONLY | O_APPEND);

  CHECK (write (fd, bytes, size) == (ssize_t)size);
  close (fd);
}

static off_t write_line (struct ts_spec *spec, const char *line)
{
  struct log log;

  CHECK (log_open (&log, spec) == 0);
  log_write (&log, TS_LOG_STDOUT, line, (uint32_t)strlen (line));
  log_sync (&log);
  CHECK (log.lost_bytes == 0);
  close (log.fd);
  return (off_t)log.size;
}

static void test_append (void)
{
  struct ts_spec *spec = make_spec (0, 1);

  TEST ("a log that is opened again goes on behind what it has");
  off_t first = write_line (spec, "one\n");
  CHECK (first == 32 + 32 + 4);
  CHECK (write_line (spec, "two\n") == first + 36 && size_of ("") == first + 36);

  TEST ("half a frame at the end is cut off");
  const char half[] = "FRAM\x10\0\0\0 and no more";
  append_garbage (half, sizeof half);
  CHECK (write_line (spec, "three\n") == first + 36 + 38 && size_of ("") == first + 36 + 38);

  TEST ("zeroes at the end, as a power cut leaves them, are cut off");
  static const char zeroes[5000];
  append_garbage (zeroes, sizeof zeroes);
  CHECK (write_line (spec, "x") == first + 36 + 38 + 33);

  TEST ("a file without a whole header is made anew");
  CHECK (truncate (path, 31) == 0 && write_line (spec, "one\n") == first);

  TEST ("a file that is no log is put aside");
  CHECK (truncate (path, 0) == 0);
  append_garbage (zeroes, 100);
  CHECK (write_line (spec, "one\n") == first && size_of (".damaged") == 100);
  unlink (path);
  free (spec);
}

/* As the engine does it, as far as the shim can see.  */
static int compress_file (const char *suffix)
{
  char from[160], to[160];

  snprintf (from, sizeof from, "%s%s", path, suffix);
  snprintf (to, sizeof to, "%s%s.gz", path, suffix);
  return rename (from, to);
}

static void test_rotation (void)
{
  struct ts_spec *spec = make_spec (200, 3);
  struct log log;
  char line[64];

  TEST ("full files get their number, and only the newest stay");
  CHECK (log_open (&log, spec) == 0);
  for (int i = 0; i < 50; i++)
    {
      int length = snprintf (line, sizeof line, "line number %04d\n", i);
      log_write (&log, TS_LOG_STDERR, line, (uint32_t)length);
    }
  close (log.fd);
  CHECK (log.sequence == 17);
  CHECK (size_of ("") > 32 && size_of (".16") <= 200 && size_of (".15") <= 200);
  CHECK (size_of (".14") < 0 && size_of (".1") < 0);

  TEST ("the number goes on when the current file is gone");
  CHECK (unlink (path) == 0 && log_open (&log, spec) == 0 && log.sequence == 17);
  close (log.fd);

  TEST ("compressed files count, and go when they are the oldest");
  CHECK (unlink (path) == 0 && compress_file (".16") == 0 && compress_file (".15") == 0);
  CHECK (log_open (&log, spec) == 0 && log.sequence == 17);
  for (int i = 0; i < 6; i++)
    log_write (&log, TS_LOG_STDERR, line, (uint32_t)strlen (line));
  close (log.fd);
  CHECK (log.sequence == 18 && size_of (".15.gz") < 0 && size_of (".16.gz") > 0);
  free (spec);
}

static void test_full_disk (void)
{
  struct ts_spec *spec = make_spec (0, 1);
  struct log log;

  TEST ("what a full disk refuses is counted, and the count is written when there is room");
  unlink (path);
  CHECK (log_open (&log, spec) == 0);
  int good = log.fd;
  uint64_t size = log.size;
  log.fd = open ("/dev/full", O_RDWR);
  log_write (&log, TS_LOG_STDOUT, "12345", 5);
  log_write (&log, TS_LOG_STDERR, "123", 3);
  CHECK (log.lost_bytes == 8 && log.lost.chunks == 2 && log.size == size);
  close (log.fd);
  log.fd = good;
  log_write (&log, TS_LOG_STDOUT, "after\n", 6);
  CHECK (log.lost.chunks == 0 && log.lost_bytes == 8);
  struct ts_log_frame frame;
  struct ts_log_lost lost;
  CHECK (pread (good, &frame, sizeof frame, 32) == sizeof frame);
  CHECK (frame.stream == TS_LOG_LOST && frame.length == sizeof lost);
  CHECK (pread (good, &lost, sizeof lost, 32 + sizeof frame) == sizeof lost);
  CHECK (lost.bytes == 8 && lost.chunks == 2 && lost.since_ns > 0);
  close (good);
  free (spec);
}

int main (void)
{
  char command[128];

  make_directory (directory);
  snprintf (path, sizeof path, "%s/log", directory);
  test_append ();
  test_rotation ();
  test_full_disk ();
  snprintf (command, sizeof command, "rm -r %s", directory);
  return system (command) != 0 || REPORT ();
}
