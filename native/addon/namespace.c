/* Network namespaces.  setns and unshare happen only on a thread that is made for the purpose and
   ends with it: the event loop and libuv's workers must stay where they are (setns(2) changes the
   calling thread alone).  */
#define _GNU_SOURCE
#include "task.h"
#include "kernel.h"
#include "util.h"
#include "functions.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>

#ifndef NSIO
#define NSIO 0xb7
#endif
#ifndef NS_GET_NSTYPE
#define NS_GET_NSTYPE _IO (NSIO, 0x3)
#endif

enum
{
  THREAD_STACK_BYTES = 128 * 1024,
  TEXT_BYTES = 4096,
  NETLINK_BUFFER_BYTES = 4 * 1024 * 1024
};

struct job
{
  struct task task;
  /* Runs on the thread, inside the namespace; sets call and err of the task.  */
  void (*inside) (struct job *job);
  int netns;
  int fd;
  char *text;
  char *value;
  int domain, type, protocol, port, backlog;
  bool reuse_address;
  size_t length;
};

static void *thread_main (void *data)
{
  struct job *job = data;

  if (job->netns >= 0 && setns (job->netns, CLONE_NEWNET) < 0)
    task_fail (&job->task, "setns", errno);
  else
    job->inside (job);
  return NULL;
}

static void run_on_thread (struct task *task)
{
  struct job *job = (struct job *)task;
  pthread_attr_t attributes;
  pthread_t thread;
  int err;

  pthread_attr_init (&attributes);
  pthread_attr_setstacksize (&attributes, THREAD_STACK_BYTES);
  err = pthread_create (&thread, &attributes, thread_main, job);
  pthread_attr_destroy (&attributes);
  if (err != 0)
    task_fail (task, "pthread_create", err);
  else
    pthread_join (thread, NULL);
}

static void run_here (struct task *task)
{
  struct job *job = (struct job *)task;

  job->inside (job);
}

static void release_job (struct task *task)
{
  struct job *job = (struct job *)task;

  cleanup_fd (&job->fd);
  cleanup_fd (&job->netns);
  free (job->text);
  free (job->value);
}

static napi_value finish_fd (napi_env env, struct task *task)
{
  struct job *job = (struct job *)task;

  return make_int (env, take_fd (&job->fd));
}

static struct job *make_job (napi_env env, void (*inside) (struct job *))
{
  struct job *job = calloc (1, sizeof *job);

  if (job == NULL)
    {
      fail (env, "malloc", ENOMEM);
      return NULL;
    }
  job->task.run = run_on_thread;
  job->task.release = release_job;
  job->inside = inside;
  job->netns = job->fd = -1;
  return job;
}

/* -1 means the caller's own namespace.  The job keeps a copy, so that the caller may close his at
 * once.  */
static void take_namespace (struct job *job, struct args *args, size_t index)
{
  int fd = arg_int (args, index);

  if (args->failed)
    return;
  if (fd < 0)
    {
      job->task.run = run_here;
      return;
    }
  job->netns = fcntl (fd, F_DUPFD_CLOEXEC, 3);
  if (job->netns < 0)
    {
      args->failed = true;
      fail (args->env, "fcntl", errno);
    }
}

static napi_value start_job (napi_env env, struct job *job, bool failed)
{
  if (!failed)
    return task_start (env, &job->task);
  release_job (&job->task);
  free (job);
  return NULL;
}

/* Gives the namespace behind SOURCE the name PATH; the call that failed, or NULL.  */
static const char *name_namespace (const char *source, const char *path)
{
  auto_fd mount_point = open (path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);

  if (mount_point < 0)
    return "open";
  if (mount (source, path, NULL, MS_BIND, NULL) == 0)
    return NULL;
  int saved = errno;
  unlink (path);
  errno = saved;
  return "mount";
}

static void create_inside (struct job *job)
{
  const char *own = "/proc/thread-self/ns/net";
  const char *call = "unshare";

  if (unshare (CLONE_NEWNET) == 0)
    {
      call = job->text[0] == '\0' ? NULL : name_namespace (own, job->text);
      if (call == NULL)
        job->fd = open (own, O_RDONLY | O_CLOEXEC);
      if (job->fd >= 0)
        return;
    }
  int saved = errno;
  if (call == NULL)
    {
      call = "open";
      /* Fails for one without a name.  */
      umount2 (job->text, MNT_DETACH);
      unlink (job->text);
    }
  task_fail (&job->task, call, saved);
}

napi_value addon_createNetns (napi_env env, napi_callback_info info)
{
  struct job *job = make_job (env, create_inside);
  struct args args;

  if (job == NULL)
    return NULL;
  args_read (&args, env, info, 1);
  job->text = arg_text (&args, 0);
  job->task.finish = finish_fd;
  return start_job (env, job, args.failed);
}

napi_value addon_openNetns (napi_env env, napi_callback_info info)
{
  struct args args;
  auto_fd fd = -1;
  int type;

  args_read (&args, env, info, 1);
  auto_free char *path = arg_text (&args, 0);
  if (args.failed)
    return NULL;
  /* O_NONBLOCK: a fifo put there must not stop us.  */
  fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0)
    return fail (env, "open", errno);
  /* A file whose mount is gone would otherwise be noticed by the first setns only.  */
  type = ioctl (fd, NS_GET_NSTYPE);
  if (type != CLONE_NEWNET)
    return fail (env, "ioctl", EINVAL);
  return make_int (env, take_fd (&fd));
}

napi_value addon_nameNetns (napi_env env, napi_callback_info info)
{
  char source[sizeof "/proc/self/fd/" + 3 * sizeof (int)];
  struct args args;
  const char *call;

  args_read (&args, env, info, 2);
  int fd = arg_int (&args, 0);
  auto_free char *path = arg_text (&args, 1);
  if (args.failed)
    return NULL;
  snprintf (source, sizeof source, "/proc/self/fd/%d", fd);
  call = name_namespace (source, path);
  return call == NULL ? make_undefined (env) : fail (env, call, errno);
}

napi_value addon_removeNetns (napi_env env, napi_callback_info info)
{
  struct args args;

  args_read (&args, env, info, 1);
  auto_free char *path = arg_text (&args, 0);
  if (args.failed)
    return NULL;
  /* EINVAL: a file that nothing is mounted on, as a creation that was interrupted leaves it.  */
  if (umount2 (path, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 && errno != EINVAL)
    return fail (env, "umount2", errno);
  if (unlink (path) < 0)
    return fail (env, "unlink", errno);
  return make_undefined (env);
}

static socklen_t fill_address (const struct job *job, struct sockaddr_storage *storage)
{
  memset (storage, 0, sizeof *storage);
  if (job->domain == AF_INET)
    {
      struct sockaddr_in *address = (struct sockaddr_in *)storage;

      address->sin_family = AF_INET;
      address->sin_port = htons ((uint16_t)job->port);
      return inet_pton (AF_INET, job->text, &address->sin_addr) == 1 ? sizeof *address : 0;
    }
  struct sockaddr_in6 *address = (struct sockaddr_in6 *)storage;

  address->sin6_family = AF_INET6;
  address->sin6_port = htons ((uint16_t)job->port);
  return inet_pton (AF_INET6, job->text, &address->sin6_addr) == 1 ? sizeof *address : 0;
}

/* Accepted connections have it from the socket that listens: a peer that vanished without a word is
   noticed after a minute and a half of silence.  */
static bool set_keepalive (int fd)
{
  static const int on = 1, idle_s = 60, interval_s = 10, probes = 3;

  return setsockopt (fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on) == 0
         && setsockopt (fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s) == 0
         && setsockopt (fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s) == 0
         && setsockopt (fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes) == 0;
}

/* Bind errors name the call, because EADDRINUSE of bind and of listen mean different owners.  */
static const char *prepare_inet (struct job *job, int fd)
{
  struct sockaddr_storage address;
  socklen_t length;
  int on = 1;

  if (job->reuse_address && setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0)
    return "setsockopt";
  /* The IPv4 and the IPv6 wildcard of one port are two bindings.  */
  if (job->domain == AF_INET6 && setsockopt (fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) < 0)
    return "setsockopt";
  /* Who answers datagrams at the IPv6 wildcard must do so from the address that was asked.  */
  if (job->domain == AF_INET6 && (job->type & SOCK_DGRAM) != 0
      && setsockopt (fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on) < 0)
    return "setsockopt";
  if (job->text[0] != '\0')
    {
      length = fill_address (job, &address);
      if (length == 0)
        {
          errno = EINVAL;
          return "inet_pton";
        }
      if (bind (fd, (struct sockaddr *)&address, length) < 0)
        return "bind";
    }
  if (job->backlog >= 0 && (job->type & SOCK_STREAM) != 0 && job->protocol == 0
      && !set_keepalive (fd))
    return "setsockopt";
  if (job->backlog >= 0 && listen (fd, job->backlog) < 0)
    return "listen";
  return NULL;
}

/* A batch and its acknowledgements must fit, or the kernel refuses the one and drops the others
   (netlink(7)). Without CAP_NET_ADMIN the forced sizes fail, and the limits of the host apply.  */
static const char *prepare_netlink (const struct job *job, int fd)
{
  /* A netlink socket has no port of its own to choose: the number is the mask of its groups.  */
  struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = (uint32_t)job->port };
  int bytes = NETLINK_BUFFER_BYTES, on = 1;

  setsockopt (fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes);
  setsockopt (fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
  /* Errors with the text and place of what is wrong, and without a copy of the whole request.  Both
     are Linux 4.12 or older, and their absence only costs detail.  */
  setsockopt (fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
  setsockopt (fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
  setsockopt (fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on);
  return bind (fd, (struct sockaddr *)&address, sizeof address) < 0 ? "bind" : NULL;
}

static void socket_inside (struct job *job)
{
  const char *failed;
  int err;

  job->fd = socket (job->domain, job->type | SOCK_CLOEXEC | SOCK_NONBLOCK, job->protocol);
  if (job->fd < 0)
    {
      task_fail (&job->task, "socket", errno);
      return;
    }
  failed = job->domain == AF_NETLINK ? prepare_netlink (job, job->fd) : prepare_inet (job, job->fd);
  err = errno;
  if (failed != NULL)
    task_fail (&job->task, failed, err);
}

napi_value addon_openSocket (napi_env env, napi_callback_info info)
{
  struct job *job = make_job (env, socket_inside);
  struct args args;

  if (job == NULL)
    return NULL;
  args_read (&args, env, info, 8);
  take_namespace (job, &args, 0);
  job->domain = arg_int (&args, 1);
  job->type = arg_int (&args, 2);
  job->protocol = arg_int (&args, 3);
  job->text = arg_text (&args, 4);
  job->port = (int)arg_int64 (&args, 5, 0, UINT16_MAX);
  job->backlog = arg_int (&args, 6);
  job->reuse_address = arg_bool (&args, 7);
  job->task.finish = finish_fd;
  return start_job (env, job, args.failed);
}

napi_value addon_socketPort (napi_env env, napi_callback_info info)
{
  struct sockaddr_storage address = { 0 };
  socklen_t length = sizeof address;
  struct args args;
  int fd;

  args_read (&args, env, info, 1);
  fd = arg_fd (&args, 0);
  if (args.failed)
    return NULL;
  if (getsockname (fd, (struct sockaddr *)&address, &length) < 0)
    return fail (env, "getsockname", errno);
  if (address.ss_family == AF_INET)
    return make_int (env, ntohs (((struct sockaddr_in *)&address)->sin_port));
  if (address.ss_family == AF_INET6)
    return make_int (env, ntohs (((struct sockaddr_in6 *)&address)->sin6_port));
  if (address.ss_family == AF_NETLINK)
    return make_int (env, ((struct sockaddr_nl *)&address)->nl_pid);
  return fail (env, "getsockname", EAFNOSUPPORT);
}

/* /proc/sys/net shows the namespace of the thread that opens it.  */
static int open_sysctl (struct job *job, int flags)
{
  struct open_how_v0 how
      = { .flags = (uint64_t)flags | O_CLOEXEC, .resolve = RESOLVE_SYMLINKS | RESOLVE_ROOT };
  auto_fd root = open ("/proc/sys", O_PATH | O_DIRECTORY | O_CLOEXEC);
  int fd = root < 0 ? -1 : (int)syscall (NR_OPENAT2, root, job->text, &how, sizeof how);

  if (fd < 0)
    task_fail (&job->task, "open", errno);
  return fd;
}

static void write_inside (struct job *job)
{
  auto_fd fd = open_sysctl (job, O_WRONLY);

  if (fd >= 0 && RETRY_EINTR (write (fd, job->value, strlen (job->value))) < 0)
    task_fail (&job->task, "write", errno);
}

static void read_inside (struct job *job)
{
  auto_fd fd = open_sysctl (job, O_RDONLY);
  ssize_t count;

  if (fd < 0)
    return;
  job->value = malloc (TEXT_BYTES);
  count = job->value == NULL ? -1 : (ssize_t)RETRY_EINTR (read (fd, job->value, TEXT_BYTES));
  if (count < 0)
    task_fail (&job->task, "read", errno);
  else
    job->length = (size_t)count;
}

static napi_value finish_text (napi_env env, struct task *task)
{
  struct job *job = (struct job *)task;

  return make_buffer (env, job->value, job->length);
}

napi_value addon_writeSysctl (napi_env env, napi_callback_info info)
{
  struct job *job = make_job (env, write_inside);
  struct args args;

  if (job == NULL)
    return NULL;
  args_read (&args, env, info, 3);
  take_namespace (job, &args, 0);
  job->text = arg_text (&args, 1);
  job->value = arg_text (&args, 2);
  return start_job (env, job, args.failed);
}

napi_value addon_readSysctl (napi_env env, napi_callback_info info)
{
  struct job *job = make_job (env, read_inside);
  struct args args;

  if (job == NULL)
    return NULL;
  args_read (&args, env, info, 2);
  take_namespace (job, &args, 0);
  job->text = arg_text (&args, 1);
  job->task.finish = finish_text;
  return start_job (env, job, args.failed);
}
