/* Cleanup attributes, whole reads and writes, numbers without stdio.  Nothing here allocates.  */
#ifndef TS_UTIL_H
#define TS_UTIL_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <unistd.h>

static inline void cleanup_close_fd (int *fd)
{
  int saved = errno;

  if (*fd >= 0)
    close (
        *fd); /* What was written through it is synced elsewhere, so close has nothing to report. */
  errno = saved;
}
#define cleanup_close __attribute__ ((cleanup (cleanup_close_fd)))

/* The descriptor now belongs to somebody else.  */
static inline int take_fd (int *fd)
{
  int taken = *fd;

  *fd = -1;
  return taken;
}

/* Both return 0, or -1 with errno; a file that ends too early is ENODATA.  */
int write_all (int fd, const void *bytes, size_t size);
int read_all_at (int fd, void *bytes, size_t size, off_t offset);

/* Reads a short kernel file below DIR into TEXT and terminates it.  Returns its length or -1.  */
ssize_t read_text_at (int dir, const char *path, char *text, size_t size);

/* Decimal digits of VALUE with a NUL; TEXT has TS_NUMBER_MAX bytes.  Returns the length.  */
#define TS_NUMBER_MAX 21
size_t format_number (char *text, uint64_t value);

/* Reads digits; moves *TEXT behind them.  */
uint64_t scan_number (const char **text);

/* Appends to a text of SIZE bytes that has *LENGTH; 0, or -1 with ENAMETOOLONG.  */
int append_text (char *text, size_t size, size_t *length, const char *more);

/* Writes "/proc/self/fd/N/NAME"; NAME may be NULL.  */
#define TS_FD_PATH_MAX 40
int format_fd_path (char *text, size_t size, int fd, const char *name);

uint64_t realtime_ns (void);

#endif
