/* What the container's first process knows while it builds the sandbox around itself.  */
#ifndef TS_SANDBOX_H
#define TS_SANDBOX_H

#include <stddef.h>

#include "protocol.h"
#include "spec.h"

/* A multiple of every page size there is.  */
#define TS_REPORT_PAGE 65536

/* Memory that shim and child share until the program is exec'ed: how far the child is and why it
   failed.  The program of an exec can be taken over before it is one, by who has CAP_SYS_PTRACE in
   the container: so nothing in its page is believed (report.h), and what must be, the program's
   number, is in a page that it does not have.  */
struct ts_report
{
  volatile uint32_t progress; /* enum ts_progress */
  uint32_t zero;
  uint32_t stage;
  uint32_t error;
  char path[TS_EXIT_PATH_MAX + 1];
  char rest[TS_REPORT_PAGE - 4 * sizeof (uint32_t) - TS_EXIT_PATH_MAX - 1];
  volatile uint32_t pid; /* of an exec's program, set by the kernel before it runs */
};
_Static_assert(offsetof (struct ts_report, pid) == TS_REPORT_PAGE, "mirrored by shim-handover.ts");

enum ts_progress
{
  TS_SETTING_UP = 0,
  TS_HOLDING,
  TS_READY,
  TS_EXECUTING,
  TS_FAILED,
};

struct sandbox
{
  const struct ts_spec *spec;
  struct ts_report *report;
  char **argv;
  char **envp;
  /* End of the report pipe: a byte says that the sandbox is ready, its close that the program runs
   * or failed.  */
  int report_fd;
  /* A byte lets the program start; end of file means that nobody wants it any more.  */
  int go_fd;
  /* What is to be shared of another container's mounts; -1 without.  */
  int joined_source;
  int stdin_fd; /* -1: /dev/null; so with the others */
  int stdout_fd;
  int stderr_fd;
  /* In the new mount namespace; -1 until made.  */
  int root;  /* the root mount */
  int dev;   /* fresh tmpfs at /dev */
  int proc;  /* fresh procfs */
  int mask;  /* empty things to cover paths with */
  int pts;   /* fresh devpts at /dev/pts */
  int slave; /* the program's end of its terminal */
  /* The engine's directory for the control socket: exists, and is where the root is mounted before
   * pivot_root.  */
  const char *host_dir;
};

/* Records why, keeps errno, returns -1.  */
int sandbox_fail (const struct sandbox *sandbox, enum ts_stage stage, const char *path);

#endif
