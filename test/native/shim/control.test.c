/* C-12, CVE-2021-43784: whatever a peer sends over the control socket, in whatever pieces and with
   whatever descriptors, is one of the known messages or the end of the connection, and leaves no
   descriptor behind.  */
#define _GNU_SOURCE
#include "check.h"
#include "control.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static const uint16_t known[] = { TS_START,       TS_SIGNAL, TS_EXEC,  TS_EXEC_SIGNAL,
                                  TS_EXEC_FORGET, TS_RESIZE, TS_INPUT, TS_INPUT_END };
static const uint32_t sizes[] = { 0,
                                  sizeof (struct ts_signal),
                                  sizeof (struct ts_exec_request),
                                  sizeof (struct ts_exec_signal),
                                  sizeof (struct ts_exec_signal),
                                  sizeof (struct ts_resize),
                                  sizeof (struct ts_input),
                                  sizeof (struct ts_input) };

enum
{
  KNOWN = sizeof known / sizeof *known,
  HEADER = sizeof (struct ts_frame_header),
  ROUNDS = 20000
};

static uint32_t state = 20261201;

static uint32_t random_below (uint32_t limit)
{
  state = state * 1664525 + 1013904223;
  return (uint32_t)(((uint64_t)state * limit) >> 32);
}

static int open_descriptors (void)
{
  DIR *directory = opendir ("/proc/self/fd");
  int count = 0;

  while (readdir (directory) != NULL)
    count++;
  closedir (directory);
  return count;
}

struct conversation
{
  struct control control;
  struct connection *connection;
  int peer;
};

static void begin (struct conversation *conversation)
{
  int ends[2];

  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
    abort ();
  control_init (&conversation->control);
  conversation->connection = control_add (&conversation->control, ends[0]);
  conversation->peer = ends[1];
}

/* The peer leaves, and the connection is to notice.  */
static void end (struct conversation *conversation)
{
  struct message message;

  close (conversation->peer);
  while (conversation->connection->fd >= 0)
    if (connection_read (conversation->connection, &message) > 0)
      message_close (&message);
}

static void say (int peer, const void *bytes, size_t size, int fd_count)
{
  union
  {
    char bytes[CMSG_SPACE (16 * sizeof (int))];
    struct cmsghdr align;
  } control = { { 0 } };
  struct iovec part = { .iov_base = (void *)bytes, .iov_len = size };
  struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

  if (fd_count > 0)
    {
      message.msg_control = control.bytes;
      message.msg_controllen = CMSG_SPACE ((size_t)fd_count * sizeof (int));
      struct cmsghdr *header = CMSG_FIRSTHDR (&message);
      header->cmsg_level = SOL_SOCKET;
      header->cmsg_type = SCM_RIGHTS;
      header->cmsg_len = CMSG_LEN ((size_t)fd_count * sizeof (int));
      for (int i = 0; i < fd_count; i++)
        memcpy (CMSG_DATA (header) + (size_t)i * sizeof (int), &(int){ 0 }, sizeof (int));
    }
  (void)!sendmsg (peer, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static size_t make_frame (unsigned char *bytes, uint16_t type, uint32_t length, uint32_t sent)
{
  const struct ts_frame_header header = { .length = length, .type = type };

  memcpy (bytes, &header, HEADER);
  memset (bytes + HEADER, 0x5a, sent);
  return HEADER + sent;
}

static void test_lengths (void)
{
  const uint32_t lengths[]
      = { 0,   1,   7,   8,      12,      79,         80,         81,         255,
          256, 512, 513, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xfffffff8, 0xffffffff };
  unsigned char bytes[HEADER + 600];

  TEST ("a length that is not that of its type ends the connection");
  for (uint16_t type = 0; type < 300; type++)
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
      {
        struct conversation conversation;
        struct message message;
        int is_right = 0;
        for (int k = 0; k < KNOWN; k++)
          is_right |= known[k] == type && sizes[k] == lengths[i];
        begin (&conversation);
        say (conversation.peer, bytes,
             make_frame (bytes, type, lengths[i], lengths[i] < 600 ? lengths[i] : 600), 0);
        int result = connection_read (conversation.connection, &message);
        CHECK (result == (is_right ? 1 : -1));
        CHECK (result != 1 || message.type == type);
        end (&conversation);
      }

  TEST ("a header with something in its last field ends the connection");
  for (int k = 0; k < KNOWN; k++)
    {
      struct conversation conversation;
      struct message message;
      begin (&conversation);
      size_t size = make_frame (bytes, known[k], sizes[k], sizes[k]);
      bytes[HEADER - 1] = 1;
      say (conversation.peer, bytes, size, 0);
      CHECK (connection_read (conversation.connection, &message) == -1);
      end (&conversation);
    }
}

static void test_pieces (void)
{
  unsigned char bytes[HEADER + 600];
  int before = open_descriptors ();

  TEST ("a message that comes byte by byte is whole in the end");
  for (int k = 0; k < KNOWN; k++)
    {
      struct conversation conversation;
      struct message message;
      begin (&conversation);
      size_t size = make_frame (bytes, known[k], sizes[k], sizes[k]);
      for (size_t at = 0; at + 1 < size; at++)
        {
          say (conversation.peer, bytes + at, 1, 0);
          CHECK (connection_read (conversation.connection, &message) == 0);
        }
      say (conversation.peer, bytes + size - 1, 1, 0);
      CHECK (connection_read (conversation.connection, &message) == 1);
      CHECK (message.type == known[k] && message.fd_count == 0);
      end (&conversation);
    }

  TEST ("a message that is cut off is none, and its descriptors are closed");
  for (int k = 0; k < KNOWN; k++)
    for (size_t cut = 1; cut < HEADER + sizes[k]; cut++)
      {
        struct conversation conversation;
        struct message message;
        begin (&conversation);
        make_frame (bytes, known[k], sizes[k], sizes[k]);
        say (conversation.peer, bytes, cut, 3);
        CHECK (connection_read (conversation.connection, &message) == 0);
        end (&conversation);
      }
  CHECK (open_descriptors () == before);
}

static void test_descriptors (void)
{
  unsigned char bytes[HEADER + 600];
  int before = open_descriptors ();

  TEST ("more descriptors than a message may have end the connection");
  for (int k = 0; k < KNOWN; k++)
    for (int count = 0; count <= 16; count++)
      {
        struct conversation conversation;
        struct message message = { 0 };
        begin (&conversation);
        say (conversation.peer, bytes, make_frame (bytes, known[k], sizes[k], sizes[k]), count);
        int result = connection_read (conversation.connection, &message);
        CHECK (result == (count <= TS_EXEC_MAX_FDS ? 1 : -1));
        CHECK (result != 1 || message.fd_count == (uint32_t)count);
        if (result == 1)
          message_close (&message);
        end (&conversation);
      }
  CHECK (open_descriptors () == before);

  TEST ("descriptors that come with the bytes of one message add up");
  for (int count = 1; count <= 8; count++)
    {
      struct conversation conversation;
      struct message message = { 0 };
      begin (&conversation);
      make_frame (bytes, TS_EXEC, sizes[2], sizes[2]);
      int result = 0;
      for (int i = 0; i < count && result == 0; i++)
        {
          say (conversation.peer, bytes + i, 1, 1);
          result = connection_read (conversation.connection, &message);
        }
      CHECK (result == (count <= TS_EXEC_MAX_FDS ? 0 : -1));
      end (&conversation);
    }
  CHECK (open_descriptors () == before);
}

/* Whole messages, pieces of them and noise, in any order and with any descriptors.  */
static void test_streams (void)
{
  unsigned char bytes[HEADER + 600];
  unsigned long messages = 0, drops = 0;
  int before = open_descriptors ();

  TEST ("no stream of bytes and descriptors breaks the reader, or leaves descriptors");
  for (int round = 0; round < ROUNDS; round++)
    {
      struct conversation conversation;
      begin (&conversation);
      for (uint32_t i = 1 + random_below (6); i > 0 && conversation.connection->fd >= 0; i--)
        {
          uint32_t k = random_below (KNOWN);
          uint32_t length = random_below (4) > 0 ? sizes[k] : random_below (600);
          size_t size
              = make_frame (bytes, known[k], random_below (8) > 0 ? sizes[k] : state, length);
          if (random_below (6) == 0)
            bytes[random_below ((uint32_t)size)] ^= (unsigned char)(1u << random_below (8));
          size_t at = random_below (8) == 0 ? random_below ((uint32_t)size) : 0;
          say (conversation.peer, bytes + at, size - at,
               random_below (3) == 0 ? (int)random_below (9) : 0);
          struct message message;
          int result;
          while ((result = connection_read (conversation.connection, &message)) > 0)
            {
              CHECK (message.fd_count <= TS_EXEC_MAX_FDS);
              messages++;
              message_close (&message);
            }
          drops += result < 0;
        }
      end (&conversation);
    }
  CHECK (messages > ROUNDS / 4 && drops > ROUNDS / 4);
  CHECK (open_descriptors () == before);
}

int main (void)
{
  test_lengths ();
  test_pieces ();
  test_descriptors ();
  test_streams ();
  return REPORT ();
}
