/* How the container ended, durably: temporary file, fsync, rename, fsync of the directory.  */
#ifndef TS_EXIT_RECORD_H
#define TS_EXIT_RECORD_H

#include "protocol.h"

/* 0, or -1 with errno.  */
int exit_record_write (const struct ts_exit *record, const char *path);

static inline size_t exit_record_size (const struct ts_exit *record)
{
  return TS_EXIT_HEADER + record->path_length;
}

#endif
