#define _GNU_SOURCE
#include "report.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Errors of system calls, as include/linux/err.h has them.  */
#define ERROR_MAX 4095

/* Whether exactly two came; any other number is closed.  */
static int take_pair (struct msghdr *message, int fds[2])
{
  int all[2], count = 0;

  for (struct cmsghdr *header = CMSG_FIRSTHDR (message); header != NULL;
       header = CMSG_NXTHDR (message, header))
    {
      if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
        continue;
      size_t size = header->cmsg_len - CMSG_LEN (0);
      for (size_t at = 0; at + sizeof (int) <= size && count < 2; at += sizeof (int))
        memcpy (&all[count++], CMSG_DATA (header) + at, sizeof (int));
    }
  if (count == 2 && (message->msg_flags & MSG_CTRUNC) == 0)
    {
      memcpy (fds, all, sizeof all);
      return 1;
    }
  while (count > 0)
    close (all[--count]); /* Not asked for.  */
  return 0;
}

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
  if (CMSG_FIRSTHDR (&message) == NULL && (message.msg_flags & MSG_CTRUNC) == 0)
    return REPORT_READY;
  return take_pair (&message, fds) ? REPORT_TERMINAL : REPORT_NOTHING;
}

void report_take_failure (const struct ts_report *report, struct report_failure *failure)
{
  uint32_t stage = *(const volatile uint32_t *)&report->stage;
  uint32_t error = *(const volatile uint32_t *)&report->error;

  failure->stage = stage <= TS_STAGE_LAST ? (enum ts_stage)stage : TS_STAGE_START;
  failure->error = error <= ERROR_MAX ? error : EPROTO;
  memcpy (failure->path, report->path, sizeof failure->path);
  failure->path[sizeof failure->path - 1] = 0;
}
