#define _GNU_SOURCE
#include "terminal.h"

#include <errno.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

#include "sys.h"
#include "util.h"

#ifndef TIOCGPTPEER
#define TIOCGPTPEER 0x5441
#endif
#ifndef TIOCSPTLCK
#define TIOCSPTLCK 0x40045431
#endif
#ifndef DEVPTS_SUPER_MAGIC
#define DEVPTS_SUPER_MAGIC 0x1cd1
#endif

int terminal_find_ptmx (int dir, const char *path)
{
  struct stat st;
  struct statfs fs;
  /* Opening a multiplexer makes a terminal, and opening anything else could do anything: so what it
     is comes before.  */
  cleanup_close int found = sys_openat2 (dir, path, O_PATH, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);

  if (found < 0 || fstat (found, &st) < 0 || fstatfs (found, &fs) < 0)
    return -1;
  if (!S_ISCHR (st.st_mode) || st.st_rdev != makedev (5, 2) || fs.f_type != DEVPTS_SUPER_MAGIC)
    {
      errno = ENODEV;
      return -1;
    }
  int ptmx = sys_openat2 (dir, path, O_RDWR | O_NOCTTY, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
  if (ptmx < 0)
    return -1;
  /* Swapped in between: then this is no multiplexer.  */
  if (fstat (ptmx, &st) < 0 || fstatfs (ptmx, &fs) < 0 || st.st_rdev != makedev (5, 2)
      || fs.f_type != DEVPTS_SUPER_MAGIC)
    {
      close (ptmx); /* Nothing was written.  */
      errno = ENODEV;
      return -1;
    }
  return ptmx;
}

void terminal_close (const struct terminal *terminal)
{
  close (terminal->master); /* Whoever needs them has them open.  */
  close (terminal->slave);
}

int terminal_resize (int master, struct terminal_size size)
{
  struct winsize window = { .ws_row = size.rows, .ws_col = size.columns };

  return ioctl (master, TIOCSWINSZ, &window);
}

int terminal_open (struct terminal *terminal, int ptmx, struct terminal_size size)
{
  int unlock = 0;

  if (ioctl (ptmx, TIOCSPTLCK, &unlock) < 0)
    return -1;
  /* By the master and not by its name, where the container could have put something else
     (CVE-2025-52565).  Linux 4.13.  */
  int slave = ioctl (ptmx, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (slave < 0)
    return -1;
  *terminal = (struct terminal){ .master = ptmx, .slave = slave };
  /* Before the program runs: many ask once, at their start.  */
  return size.rows == 0 && size.columns == 0 ? 0 : terminal_resize (ptmx, size);
}

int terminal_send (int socket, const struct terminal *terminal)
{
  union
  {
    char bytes[CMSG_SPACE (2 * sizeof (int))];
    struct cmsghdr align;
  } control = { { 0 } };
  char byte = 0;
  struct iovec part = { .iov_base = &byte, .iov_len = 1 };
  struct msghdr message = { .msg_iov = &part,
                            .msg_iovlen = 1,
                            .msg_control = control.bytes,
                            .msg_controllen = sizeof control.bytes };
  struct cmsghdr *header = CMSG_FIRSTHDR (&message);
  const int fds[] = { terminal->master, terminal->slave };

  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN (sizeof fds);
  memcpy (CMSG_DATA (header), fds, sizeof fds);
  return sendmsg (socket, &message, MSG_NOSIGNAL) == 1 ? 0 : -1;
}
