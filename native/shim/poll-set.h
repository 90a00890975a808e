/* What the shim waits for, collected anew for every poll(2).  */
#ifndef TS_POLL_SET_H
#define TS_POLL_SET_H

#include <poll.h>
#include <stdint.h>

#include "control.h"
#include "pump.h"

#define INPUT_MAX 8
/* As many as an index has numbers for.  */
#define EXEC_MAX 256

/* In the order in which they are served.  Output before the end that it belongs to; reports before
   signals, because they tell whether a process that has ended was the program; connections last,
   because what they ask for may take the place of something that has just been served.  */
enum poll_kind
{
  POLL_OUTPUT,
  POLL_REPORT,
  POLL_EXEC_REPORT,
  POLL_SIGNAL,
  POLL_EXEC_OUTPUT,
  POLL_EXEC_TERMINAL,
  POLL_INPUT,
  POLL_CONNECTION,
  POLL_LISTEN,
};

#define POLL_MAX (2 + 1 + 1 + 1 + CONTROL_MAX + INPUT_MAX + 5 * EXEC_MAX)

struct poll_set
{
  int count;
  struct pollfd fds[POLL_MAX];
  struct
  {
    uint8_t kind; /* enum poll_kind */
    uint8_t index;
  } tags[POLL_MAX];
};

/* Nothing for a descriptor that is closed.  */
static inline void poll_add (struct poll_set *set, enum poll_kind kind, int index,
                             struct pump_wait wait)
{
  if (wait.fd < 0)
    return;
  set->fds[set->count] = (struct pollfd){ .fd = wait.fd, .events = wait.events };
  set->tags[set->count].kind = (uint8_t)kind;
  set->tags[set->count].index = (uint8_t)index;
  set->count++;
}

static inline void poll_add_input (struct poll_set *set, enum poll_kind kind, int index, int fd)
{
  poll_add (set, kind, index, (struct pump_wait){ .fd = fd, .events = POLLIN });
}

#endif
