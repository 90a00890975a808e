/* Unix sockets and the descriptors that travel over them.  */
#define _GNU_SOURCE
#include "functions.h"
#include "util.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

enum
{
  /* SCM_MAX_FD of the kernel (unix(7)).  */
  MAX_FDS = 253
};

/* sun_path holds 107 bytes.  A longer path is reached through a descriptor of its directory, which
   stays open in
   `*dir` while the address is used.  */
static int make_address (const char *path, struct sockaddr_un *address, int *dir)
{
  const char *slash = strrchr (path, '/');
  int length;

  memset (address, 0, sizeof *address);
  address->sun_family = AF_UNIX;
  if (path[0] != '\0' && strlen (path) < sizeof address->sun_path)
    {
      strcpy (address->sun_path, path);
      return 0;
    }
  if (slash == NULL)
    {
      errno = path[0] == '\0' ? ENOENT : ENAMETOOLONG;
      return -1;
    }
  auto_free char *folder = strndup (path, (size_t)(slash - path) + 1);
  if (folder == NULL)
    return -1;
  *dir = open (folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (*dir < 0)
    return -1;
  length = snprintf (address->sun_path, sizeof address->sun_path, "/proc/self/fd/%d/%s", *dir,
                     slash + 1);
  if (length < 0 || (size_t)length >= sizeof address->sun_path)
    {
      errno = ENAMETOOLONG;
      return -1;
    }
  return 0;
}

static int unix_socket (int type)
{
  return socket (AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

static napi_value connect_unix (napi_env env, napi_callback_info info, int type)
{
  struct args args;
  struct sockaddr_un address;
  auto_fd fd = -1, dir = -1;

  args_read (&args, env, info, 1);
  auto_free char *path = arg_text (&args, 0);
  if (args.failed)
    return NULL;
  if (make_address (path, &address, &dir) < 0)
    return fail (env, "open", errno);
  fd = unix_socket (type);
  if (fd < 0)
    return fail (env, "socket", errno);
  /* Never waits: a full backlog is EAGAIN.  */
  if (connect (fd, (struct sockaddr *)&address, sizeof address) < 0)
    return fail (env, "connect", errno);
  return make_int (env, take_fd (&fd));
}

napi_value addon_connectUnix (napi_env env, napi_callback_info info)
{
  return connect_unix (env, info, SOCK_STREAM);
}

napi_value addon_connectUnixDatagram (napi_env env, napi_callback_info info)
{
  return connect_unix (env, info, SOCK_DGRAM);
}

napi_value addon_listenUnix (napi_env env, napi_callback_info info)
{
  struct args args;
  struct sockaddr_un address;
  auto_fd fd = -1, dir = -1;
  int backlog;

  args_read (&args, env, info, 2);
  auto_free char *path = arg_text (&args, 0);
  backlog = arg_int (&args, 1);
  if (args.failed)
    return NULL;
  if (make_address (path, &address, &dir) < 0)
    return fail (env, "open", errno);
  fd = unix_socket (SOCK_STREAM);
  if (fd < 0)
    return fail (env, "socket", errno);
  /* The socket's own mode is what bind gives the file, so nobody can connect before it is
   * restricted.  */
  if (fchmod (fd, 0600) < 0)
    return fail (env, "fchmod", errno);
  if (bind (fd, (struct sockaddr *)&address, sizeof address) < 0)
    return fail (env, "bind", errno);
  if (listen (fd, backlog) < 0)
    return fail (env, "listen", errno);
  return make_int (env, take_fd (&fd));
}

napi_value addon_send (napi_env env, napi_callback_info info)
{
  struct args args;
  struct bytes bytes;
  struct iovec buffer;
  struct msghdr message = { .msg_iov = &buffer, .msg_iovlen = 1 };
  union
  {
    char bytes[CMSG_SPACE (MAX_FDS * sizeof (int))];
    struct cmsghdr align;
  } control = { { 0 } };
  size_t count;
  ssize_t sent;
  int fd;

  args_read (&args, env, info, 3);
  fd = arg_fd (&args, 0);
  bytes = arg_bytes (&args, 1);
  auto_free int *fds = arg_ints (&args, 2, &count);
  if (args.failed)
    return NULL;
  /* Descriptors travel with bytes: without any they would be dropped in silence.  */
  if (count > MAX_FDS || (count > 0 && bytes.length == 0))
    return fail (env, "sendmsg", EINVAL);
  buffer = (struct iovec){ (void *)(uintptr_t)bytes.data, bytes.length };
  if (count > 0)
    {
      struct cmsghdr *header;

      message.msg_control = control.bytes;
      message.msg_controllen = CMSG_SPACE (count * sizeof (int));
      header = CMSG_FIRSTHDR (&message);
      header->cmsg_level = SOL_SOCKET;
      header->cmsg_type = SCM_RIGHTS;
      header->cmsg_len = CMSG_LEN (count * sizeof (int));
      memcpy (CMSG_DATA (header), fds, count * sizeof (int));
    }
  sent = (ssize_t)RETRY_EINTR (sendmsg (fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT));
  if (sent < 0 && errno != EAGAIN)
    return fail (env, "sendmsg", errno);
  return make_int (env, sent < 0 ? 0 : sent);
}

static napi_value take_descriptors (napi_env env, struct msghdr *message)
{
  napi_value list = NULL;
  uint32_t total = 0;

  napi_create_array (env, &list);
  for (struct cmsghdr *header = CMSG_FIRSTHDR (message); header != NULL;
       header = CMSG_NXTHDR (message, header))
    {
      size_t count = (header->cmsg_len - CMSG_LEN (0)) / sizeof (int);

      if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
        continue;
      for (size_t i = 0; i < count; i++)
        {
          int fd;

          memcpy (&fd, CMSG_DATA (header) + i * sizeof fd, sizeof fd);
          napi_set_element (env, list, total++, make_int (env, fd));
        }
    }
  return list;
}

napi_value addon_receive (napi_env env, napi_callback_info info)
{
  struct args args;
  struct iovec buffer;
  union
  {
    char bytes[CMSG_SPACE (MAX_FDS * sizeof (int))];
    struct cmsghdr align;
  } control;
  struct msghdr message = { .msg_iov = &buffer,
                            .msg_iovlen = 1,
                            .msg_control = control.bytes,
                            .msg_controllen = sizeof control.bytes };
  napi_value fds;
  ssize_t count;
  size_t size;
  int fd;

  args_read (&args, env, info, 2);
  fd = arg_fd (&args, 0);
  size = (size_t)arg_int64 (&args, 1, 1, INT32_MAX);
  if (args.failed)
    return NULL;
  auto_free char *bytes = malloc (size);
  if (bytes == NULL)
    return fail (env, "malloc", ENOMEM);
  buffer = (struct iovec){ bytes, size };
  count = (ssize_t)RETRY_EINTR (recvmsg (fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC));
  if (count < 0)
    return errno == EAGAIN ? make_null (env) : fail (env, "recvmsg", errno);
  fds = take_descriptors (env, &message);
  return make_pair (env, make_buffer (env, bytes, (size_t)count), fds);
}
