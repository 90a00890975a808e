/* How the container ended: whole for every engine that comes, and after a power cut once it is
 * synced.  */
#ifndef TS_EXIT_RECORD_H
#define TS_EXIT_RECORD_H

#include "protocol.h"

/* Makes the file that the record will be written to: finding an inode is most of the work (0.3 ms
   on an ext4 that has deleted much lately), and at the end others wait.  One that cannot be made is
   made then.  */
void exit_record_prepare (const char *path);

/* 0, or -1 with errno.  */
int exit_record_write (const struct ts_exit *record, const char *path);

/* May take the disk tens of milliseconds.  A disk that fails has told so when it was written.  */
void exit_record_sync (const char *path);

static inline size_t exit_record_size (const struct ts_exit *record)
{
  return TS_EXIT_HEADER + record->path_length;
}

#endif
