#define _GNU_SOURCE
#include "console.h"

#include "handover.h"
#include "mounts.h"
#include "paths.h"
#include "sys.h"
#include "terminal.h"
#include "util.h"

int console_send (const struct sandbox *sandbox, const struct terminal *terminal)
{
  int socket = handover_find (sandbox->spec, TS_TARGET_CONSOLE);

  return socket < 0 ? terminal_send (sandbox->report_fd, terminal)
                    : handover_send_master (socket, terminal->master);
}

int console_open (struct sandbox *sandbox, int dir, const char *path)
{
  const struct ts_spec *spec = sandbox->spec;
  const struct terminal_size size = { .rows = spec->rows, .columns = spec->columns };
  struct terminal terminal;
  int ptmx = terminal_find_ptmx (dir, path);

  if (ptmx < 0 || terminal_open (&terminal, ptmx, size) < 0
      || console_send (sandbox, &terminal) < 0)
    return sandbox_fail (sandbox, TS_STAGE_TERMINAL, path);
  close (terminal.master); /* Somebody else has it.  */
  sandbox->slave = terminal.slave;
  sandbox->stdin_fd = sandbox->stdout_fd = sandbox->stderr_fd = terminal.slave;
  return 0;
}

/* A bind of the very file that is open, onto a file that was just made in a /dev that nobody else
   can reach yet (CVE-2025-52565).  */
int console_bind (const struct sandbox *sandbox)
{
  cleanup_close int target = make_below (sandbox->dev, "/console", TS_CREATE_FILE);
  cleanup_close int copy
      = target < 0 ? -1
                   : sys_open_tree (sandbox->slave, "",
                                    OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);

  if (copy < 0 || mount_attach (copy, target) < 0)
    return sandbox_fail (sandbox, TS_STAGE_TERMINAL, "/dev/console");
  return 0;
}
