/* Asks 127.0.0.11 for the address of a name, over one socket: dns-load NAME COUNT IN-FLIGHT. Prints
   JSON: look-ups a second, the median and the slowest of a hundred in microseconds, and how many
   failed.  */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum
{
  HEADER_BYTES = 12,
  MOST_IN_FLIGHT = 1024,
  TIMEOUT_MS = 2000
};

static double microseconds (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static size_t build (uint8_t *out, const char *name)
{
  static const uint8_t header[HEADER_BYTES] = { 0, 0, 1, 0, 0, 1 };
  static const uint8_t question[] = { 0, 0, 1, 0, 1 };
  size_t length = sizeof header;

  memcpy (out, header, sizeof header);
  while (*name != '\0')
    {
      size_t label = strcspn (name, ".");

      out[length++] = (uint8_t)label;
      memcpy (out + length, name, label);
      length += label;
      name += label + (name[label] == '.' ? 1 : 0);
    }
  memcpy (out + length, question, sizeof question);
  return length + sizeof question;
}

static int compare (const void *left, const void *right)
{
  double a = *(const double *)left, b = *(const double *)right;

  return a < b ? -1 : a > b;
}

int main (int argc, char **argv)
{
  struct sockaddr_in server = { .sin_family = AF_INET, .sin_port = htons (53) };
  static double sent_at[65536];
  uint8_t query[512], reply[2048];
  size_t length, count, in_flight, sent = 0, got = 0, failed = 0;
  double *times, start, end;
  int fd = socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

  if (argc != 4 || fd < 0)
    return 64;
  count = strtoul (argv[2], NULL, 10);
  in_flight = strtoul (argv[3], NULL, 10);
  times = calloc (count, sizeof *times);
  inet_pton (AF_INET, "127.0.0.11", &server.sin_addr);
  if (times == NULL || in_flight > MOST_IN_FLIGHT
      || connect (fd, (struct sockaddr *)&server, sizeof server) < 0)
    return 71;
  length = build (query, argv[1]);
  start = microseconds ();
  while (got + failed < count)
    {
      struct pollfd readable = { .fd = fd, .events = POLLIN };
      ssize_t size;

      for (; sent < count && sent - got - failed < in_flight; sent++)
        {
          query[0] = (uint8_t)(sent >> 8);
          query[1] = (uint8_t)sent;
          sent_at[sent & 0xffff] = microseconds ();
          if (send (fd, query, length, 0) < 0)
            return 71;
        }
      size = recv (fd, reply, sizeof reply, MSG_DONTWAIT);
      if (size < 0 && poll (&readable, 1, TIMEOUT_MS) > 0)
        size = recv (fd, reply, sizeof reply, 0);
      if (size < HEADER_BYTES)
        {
          /* Whoever is missing will not come any more.  */
          failed += sent - got - failed;
          continue;
        }
      times[got++] = microseconds () - sent_at[reply[0] << 8 | reply[1]];
      if ((reply[3] & 15) != 0 || (reply[6] == 0 && reply[7] == 0))
        return 65;
    }
  end = microseconds ();
  qsort (times, got, sizeof *times, compare);
  printf ("{\"rate\":%.0f,\"p50\":%.1f,\"p99\":%.1f,\"failed\":%zu}\n",
          (double)got / (end - start) * 1e6, got > 0 ? times[got / 2] : 0,
          got > 0 ? times[got * 99 / 100] : 0, failed);
  return 0;
}
