/* The execs of one shim, as the files that start, serve and end them share them.  */
#ifndef TS_EXEC_TABLE_H
#define TS_EXEC_TABLE_H

#include "exec.h"
#include "report.h"
#include "shim.h"

enum exec_phase
{
  EXEC_FREE = 0, /* static memory begins like this */
  EXEC_STARTING,
  EXEC_RUNNING,
  EXEC_ENDED,
};

struct exec
{
  enum exec_phase phase;
  int owner; /* a connection; -1 when it has ended */
  int is_forgotten;
  int is_reaped;
  pid_t helper;
  struct ts_report *report; /* until it has started */
  int report_fd;
  int outputs[2]; /* the readers' ends: without them a program whose engine is gone would get
                     SIGPIPE */
  int engine;     /* pidfd of who reads these outputs, as long as it may; -1 */
  int master;
  int client;
  struct pump *pumps; /* of a terminal: its input and its output */
  struct ts_exec_status status;
};

/* None is in use from `execs_used` on.  */
extern struct exec execs[EXEC_MAX];
extern int execs_used;

/* NULL: there is none.  */
struct exec *exec_find (const char *id);

/* A free place, or that of one which has ended longest ago; NULL when all are at work.  */
struct exec *exec_find_place (void);

/* Gives its place up when nobody needs it any more.  */
void exec_free_if_over (struct exec *exec);

void exec_close_fd (int *fd);
void exec_close_terminal (struct exec *exec);

/* What has come over the report; its end is the end of the start.  */
enum report exec_read_report (struct shim *shim, struct exec *exec);

/* Of the program, as the kernel said it; 0 while it does not.  */
pid_t exec_program (const struct exec *exec);

size_t exec_status_size (const struct exec *exec);

#endif
