#define _GNU_SOURCE
#include "process.h"

#include <fcntl.h>
#include <string.h>

#include "util.h"

#define PATH_SIZE 64

static int path_of (char *path, pid_t pid, const char *name)
{
  char number[TS_NUMBER_MAX];
  size_t length = 0;

  format_number (number, (uint64_t)pid);
  return append_text (path, PATH_SIZE, &length, "/proc/") < 0
                 || append_text (path, PATH_SIZE, &length, number) < 0
                 || append_text (path, PATH_SIZE, &length, "/") < 0
                 || append_text (path, PATH_SIZE, &length, name) < 0
             ? -1
             : 0;
}

/* The second field, the name, may hold anything but ends with ')'.  */
uint64_t process_start_time (pid_t pid)
{
  char path[PATH_SIZE], text[1024];

  if (path_of (path, pid, "stat") < 0 || read_text_at (AT_FDCWD, path, text, sizeof text) < 0)
    return 0;
  const char *at = strrchr (text, ')');
  for (int field = 2; at != NULL && field < 22; field++)
    at = strchr (at + 1, ' ');
  if (at == NULL)
    return 0;
  at++;
  return scan_number (&at);
}

int process_open (pid_t pid, const char *name, int flags)
{
  char path[PATH_SIZE];

  return path_of (path, pid, name) < 0 ? -1 : open (path, flags | O_CLOEXEC);
}

int process_set_oom_score (pid_t pid, int32_t score)
{
  char value[TS_NUMBER_MAX + 1];

  value[0] = '-';
  format_number (value + 1, (uint64_t)(score < 0 ? -(int64_t)score : score));
  cleanup_close int fd = process_open (pid, "oom_score_adj", O_WRONLY);
  const char *text = score < 0 ? value : value + 1;
  return fd < 0 ? -1 : write_all (fd, text, strlen (text));
}
