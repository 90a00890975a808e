/* Cleanup attributes and calls that go on after EINTR.  */
#pragma once

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* An EINTR of close(2) must not be retried: Linux has released the descriptor already.  */
static inline void cleanup_fd (int *fd)
{
  int saved = errno;

  if (*fd >= 0)
    close (*fd);
  errno = saved;
}

static inline void cleanup_memory (void *pointer) { free (*(void **)pointer); }

static inline void cleanup_list (char ***list)
{
  if (*list == NULL)
    return;
  for (char **item = *list; *item != NULL; item++)
    free (*item);
  free (*list);
}

#define auto_fd __attribute__ ((cleanup (cleanup_fd))) int
#define auto_free __attribute__ ((cleanup (cleanup_memory)))
#define auto_list __attribute__ ((cleanup (cleanup_list))) char **

static inline int take_fd (int *fd)
{
  int taken = *fd;

  *fd = -1;
  return taken;
}

#define RETRY_EINTR(expression)                                                                    \
  __extension__({                                                                                  \
    long result_;                                                                                  \
    do                                                                                             \
      result_ = (long)(expression);                                                                \
    while (result_ < 0 && errno == EINTR);                                                         \
    result_;                                                                                       \
  })
