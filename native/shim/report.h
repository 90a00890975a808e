/* How a child that becomes a program tells of itself: a byte when its sandbox stands, a byte with
   both ends of its terminal, and the end when it runs or has failed.  */
#ifndef TS_REPORT_H
#define TS_REPORT_H

enum report
{
  REPORT_NOTHING = 0,
  REPORT_READY,
  REPORT_TERMINAL,
  REPORT_ENDED,
};

/* Reads one of these from the shim's end, without waiting; the terminal's master and slave are in
   FDS.  */
enum report report_read (int socket, int fds[2]);

#endif
