/* One conversation with the kernel.  The bytes are made and read in TypeScript.  */
#define _GNU_SOURCE
#include "task.h"
#include "util.h"
#include "functions.h"

#include <linux/netlink.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

enum
{
  FIRST_BYTES = 32 * 1024,
  /* The kernel answers while it handles sendmsg(2) or, in a dump, recvmsg(2).  This only bounds a
     bug.  */
  ANSWER_TIMEOUT_MS = 10 * 1000
};

struct exchange
{
  struct task task;
  int fd;
  uint32_t until;
  uint8_t *request;
  size_t request_length;
  uint8_t *answers;
  size_t length;
  size_t capacity;
  bool has_ended;
  bool has_error;
};

static int reserve (struct exchange *exchange, size_t room)
{
  size_t capacity = exchange->capacity > 0 ? exchange->capacity : FIRST_BYTES;
  uint8_t *grown;

  while (capacity - exchange->length < room)
    capacity *= 2;
  if (capacity == exchange->capacity)
    return 0;
  grown = realloc (exchange->answers, capacity);
  if (grown == NULL)
    return -1;
  exchange->answers = grown;
  exchange->capacity = capacity;
  return 0;
}

static void read_messages (struct exchange *exchange, size_t start)
{
  size_t offset = start;

  while (exchange->length - offset >= sizeof (struct nlmsghdr))
    {
      struct nlmsghdr header;
      int32_t error = 0;

      memcpy (&header, exchange->answers + offset, sizeof header);
      if (header.nlmsg_len < sizeof header || header.nlmsg_len > exchange->length - offset)
        return;
      if (header.nlmsg_type == NLMSG_ERROR && header.nlmsg_len >= sizeof header + sizeof error)
        {
          memcpy (&error, exchange->answers + offset + sizeof header, sizeof error);
          exchange->has_error = exchange->has_error || error != 0;
        }
      if (header.nlmsg_seq == exchange->until
          && (header.nlmsg_type == NLMSG_ERROR || header.nlmsg_type == NLMSG_DONE))
        exchange->has_ended = true;
      offset += NLMSG_ALIGN (header.nlmsg_len);
      if (offset > exchange->length)
        return;
    }
}

/* 1: read something.  0: nothing is there.  -1: errno.  */
static int receive_once (struct exchange *exchange)
{
  ssize_t size
      = (ssize_t)RETRY_EINTR (recv (exchange->fd, NULL, 0, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT));
  struct sockaddr_nl sender = { 0 };
  struct iovec buffer;
  struct msghdr message
      = { .msg_name = &sender, .msg_namelen = sizeof sender, .msg_iov = &buffer, .msg_iovlen = 1 };
  size_t aligned;

  if (size < 0)
    return errno == EAGAIN ? 0 : -1;
  /* Every datagram starts aligned in the result, as messages inside one do.  A dump's next part may
     be made larger when the buffer offered is larger, but the part peeked at is complete and has
     this size.  */
  aligned = NLMSG_ALIGN ((size_t)size);
  if (reserve (exchange, aligned > 0 ? aligned : 1) < 0)
    return -1;
  buffer.iov_base = exchange->answers + exchange->length;
  buffer.iov_len = exchange->capacity - exchange->length;
  size = (ssize_t)RETRY_EINTR (recvmsg (exchange->fd, &message, MSG_DONTWAIT));
  if (size < 0)
    return errno == EAGAIN ? 0 : -1;
  if ((message.msg_flags & MSG_TRUNC) != 0)
    {
      errno = EMSGSIZE;
      return -1;
    }
  /* Any process may send to a netlink socket's port; only the kernel is 0.  */
  if (sender.nl_pid == 0)
    {
      size_t start = exchange->length;

      aligned = NLMSG_ALIGN ((size_t)size);
      memset (exchange->answers + start + size, 0, aligned - (size_t)size);
      exchange->length += aligned;
      read_messages (exchange, start);
    }
  return 1;
}

static void receive_answers (struct exchange *exchange)
{
  while (!exchange->has_ended)
    {
      struct pollfd readable = { .fd = exchange->fd, .events = POLLIN };
      int received = receive_once (exchange);

      if (received < 0)
        {
          task_fail (&exchange->task, "recvmsg", errno);
          return;
        }
      if (received > 0)
        continue;
      /* Everything has been answered by now, and a refused batch is answered by its first message
         only (nfnetlink_rcv_batch).  */
      if (exchange->has_error)
        return;
      if (RETRY_EINTR (poll (&readable, 1, ANSWER_TIMEOUT_MS)) == 0)
        {
          task_fail (&exchange->task, "recvmsg", ETIMEDOUT);
          return;
        }
    }
}

static void run_exchange (struct task *task)
{
  struct exchange *exchange = (struct exchange *)task;
  struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

  for (;;)
    {
      ssize_t sent
          = (ssize_t)RETRY_EINTR (sendto (exchange->fd, exchange->request, exchange->request_length,
                                          0, (struct sockaddr *)&kernel, sizeof kernel));

      if (sent == (ssize_t)exchange->request_length)
        break;
      if (sent >= 0 || errno != EAGAIN)
        {
          task_fail (task, "sendmsg", sent >= 0 ? EMSGSIZE : errno);
          return;
        }
      struct pollfd writable = { .fd = exchange->fd, .events = POLLOUT };
      if (RETRY_EINTR (poll (&writable, 1, ANSWER_TIMEOUT_MS)) == 0)
        {
          task_fail (task, "sendmsg", ETIMEDOUT);
          return;
        }
    }
  receive_answers (exchange);
}

static napi_value finish_exchange (napi_env env, struct task *task)
{
  struct exchange *exchange = (struct exchange *)task;
  napi_value result = make_owned_buffer (env, exchange->answers, exchange->length);

  exchange->answers = NULL;
  return result;
}

static void release_exchange (struct task *task)
{
  struct exchange *exchange = (struct exchange *)task;

  free (exchange->request);
  free (exchange->answers);
}

static struct task *make_exchange (napi_env env, napi_callback_info info)
{
  struct args args;
  struct bytes request;
  struct exchange *exchange = calloc (1, sizeof *exchange);

  if (exchange == NULL)
    {
      fail (env, "malloc", ENOMEM);
      return NULL;
    }
  exchange->task.run = run_exchange;
  exchange->task.finish = finish_exchange;
  exchange->task.release = release_exchange;
  args_read (&args, env, info, 3);
  exchange->fd = arg_fd (&args, 0);
  request = arg_bytes (&args, 1);
  exchange->until = arg_uint32 (&args, 2);
  exchange->request = args.failed ? NULL : malloc (request.length + 1);
  if (exchange->request == NULL)
    {
      if (!args.failed)
        fail (env, "malloc", ENOMEM);
      free (exchange);
      return NULL;
    }
  memcpy (exchange->request, request.data, request.length);
  exchange->request_length = request.length;
  return &exchange->task;
}

napi_value addon_netlink (napi_env env, napi_callback_info info)
{
  struct task *task = make_exchange (env, info);

  return task != NULL ? task_start (env, task) : NULL;
}

napi_value addon_netlinkSync (napi_env env, napi_callback_info info)
{
  struct task *task = make_exchange (env, info);

  return task != NULL ? task_run (env, task) : NULL;
}
