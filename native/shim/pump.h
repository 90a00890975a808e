/* Bytes from one non-blocking descriptor to another, with a small buffer between: whoever is slow
   on one side makes only the other side wait, and never the shim.  */
#ifndef TS_PUMP_H
#define TS_PUMP_H

#include <stdint.h>

#define PUMP_BYTES 4096

enum pump_result
{
  PUMP_GOES_ON = 0,
  PUMP_ENDED,  /* everything that will ever come was passed on */
  PUMP_BROKEN, /* the other side takes no more */
};

struct pump
{
  int from;
  int to;
  uint32_t start;
  uint32_t end;
  char bytes[PUMP_BYTES];
};

/* What poll(2) is to watch: one descriptor and one event.  */
struct pump_wait
{
  int fd;
  short events;
};
struct pump_wait pump_waits_for (const struct pump *pump);

enum pump_result pump_run (struct pump *pump);

#endif
