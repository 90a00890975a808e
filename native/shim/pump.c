#define _GNU_SOURCE
#include "pump.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

/* Rounds before somebody else has a turn.  */
#define PUMP_ROUNDS 16

struct pump_wait pump_waits_for (const struct pump *pump)
{
  return pump->start < pump->end ? (struct pump_wait){ .fd = pump->to, .events = POLLOUT }
                                 : (struct pump_wait){ .fd = pump->from, .events = POLLIN };
}

static int is_passing (int error) { return error == EAGAIN || error == EINTR; }

enum pump_result pump_run (struct pump *pump)
{
  for (int round = 0; round < PUMP_ROUNDS; round++)
    {
      if (pump->start == pump->end)
        {
          ssize_t n = read (pump->from, pump->bytes, sizeof pump->bytes);
          if (n < 0 && is_passing (errno))
            return PUMP_GOES_ON;
          /* EIO is how a terminal says that nobody has it open any more (pty(7)).  */
          if (n <= 0)
            return PUMP_ENDED;
          pump->start = 0;
          pump->end = (uint32_t)n;
        }
      ssize_t n = write (pump->to, pump->bytes + pump->start, pump->end - pump->start);
      if (n < 0)
        return is_passing (errno) ? PUMP_GOES_ON : PUMP_BROKEN;
      pump->start += (uint32_t)n;
    }
  return PUMP_GOES_ON;
}
