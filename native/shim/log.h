/* The chunk-framed log file (native/PROTOCOL.md): append, rotate, sync.  A full disk never stops
   the container: what cannot be written is counted, and the count is written as soon as there is
   room.  */
#ifndef TS_LOG_H
#define TS_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "protocol.h"
#include "spec.h"

struct log
{
  const char *path; /* NULL: nothing is logged */
  int fd;
  int is_dirty;
  uint32_t max_files;
  uint64_t max_bytes;
  uint64_t size;
  uint64_t sequence;
  struct ts_log_lost lost; /* not yet written down */
  uint64_t lost_bytes;     /* in all */
};

/* Opens or creates the file and cuts off what a crash left half written.  0, or -1 with errno.  */
int log_open (struct log *log, const struct ts_spec *spec);

void log_write (struct log *log, enum ts_log_stream stream, const void *bytes, uint32_t length);

/* To disk.  Does nothing when nothing was written since.  */
void log_sync (struct log *log);

#endif
