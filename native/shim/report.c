#define _GNU_SOURCE
#include "report.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

enum report report_read (int socket, int fds[2])
{
  union
  {
    char bytes[CMSG_SPACE (2 * sizeof (int))];
    struct cmsghdr align;
  } control;
  char byte;
  struct iovec part = { .iov_base = &byte, .iov_len = 1 };
  struct msghdr message = { .msg_iov = &part,
                            .msg_iovlen = 1,
                            .msg_control = control.bytes,
                            .msg_controllen = sizeof control.bytes };
  ssize_t n = recvmsg (socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

  if (n < 0 && (errno == EINTR || errno == EAGAIN))
    return REPORT_NOTHING;
  if (n <= 0)
    return REPORT_ENDED;
  const struct cmsghdr *header = CMSG_FIRSTHDR (&message);
  if (header == NULL)
    return REPORT_READY;
  /* Only our own code writes here, and always two.  */
  memcpy (fds, CMSG_DATA (header), 2 * sizeof (int));
  return REPORT_TERMINAL;
}
