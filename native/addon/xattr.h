/* Extended attributes of whatever a descriptor opened with O_PATH names.  */
#pragma once

#include <stddef.h>

/* Names one after the other, each with its NUL, for free; `*length` is 0 where the file system has
   none.  NULL with errno on failure.  */
char *xattr_names (int fd, size_t *length);
/* One value for free.  NULL with errno on failure.  */
char *xattr_value (int fd, const char *name, size_t *length);
int xattr_copy (int from, int to);
