/* How a child that becomes a program tells of itself: a byte when its sandbox stands, a byte with
   both ends of its terminal, and the end when it runs or has failed.  */
#ifndef TS_REPORT_H
#define TS_REPORT_H

#include "sandbox.h"

enum report
{
  REPORT_NOTHING = 0,
  REPORT_READY,
  REPORT_TERMINAL,
  REPORT_ENDED,
};

/* Reads one of these from the shim's end, without waiting; the terminal's master and slave are in
   FDS.  What is neither is nothing, and leaves no descriptor open.  */
enum report report_read (int socket, int fds[2]);

struct report_failure
{
  enum ts_stage stage;
  uint32_t error;
  char path[TS_EXIT_PATH_MAX + 1];
};

/* Takes a copy once, of which everything is what an engine can read.  */
void report_take_failure (const struct ts_report *report, struct report_failure *failure);

#endif
