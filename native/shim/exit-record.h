/* How the container ended: whole for every engine that comes, and after a power cut once it is
 * synced.  */
#ifndef TS_EXIT_RECORD_H
#define TS_EXIT_RECORD_H

#include "protocol.h"

/* 0, or -1 with errno.  */
int exit_record_write (const struct ts_exit *record, const char *path);

/* May take the disk tens of milliseconds.  A disk that fails has told so when it was written.  */
void exit_record_sync (const char *path);

static inline size_t exit_record_size (const struct ts_exit *record)
{
  return TS_EXIT_HEADER + record->path_length;
}

#endif
