/* The resolver answers DNS for every sandbox of one engine and outlives it.  It is started with one
   descriptor, number 3, a unix socket that listens for engines, and with the user and group to
   become as arguments.  */
#define _GNU_SOURCE
#include "resolver.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum
{
  CONTROL_FD = 3
};

/* sysexits.h */
enum
{
  EXIT_USAGE = 64,
  EXIT_SYSTEM = 71
};

static struct resolver resolver;

static void end_unused (struct loop *loop, void *owner)
{
  (void)owner;
  loop->has_ended = true;
}

static bool parse_id (const char *text, unsigned int *id)
{
  char *end;
  unsigned long value = strtoul (text, &end, 10);

  *id = (unsigned int)value;
  return *text != '\0' && *end == '\0' && value < UINT32_MAX;
}

static bool start (unsigned int owner)
{
  struct rlimit descriptors;

  if (!loop_open (&resolver.loop))
    return false;
  resolver.attempts = (struct timers){ .delay_ms = ATTEMPT_MS, .expired = forward_expired };
  resolver.idle = (struct timers){ .delay_ms = CONNECTION_IDLE_MS, .expired = stream_idle };
  resolver.unused = (struct timers){ .delay_ms = UNUSED_MS, .expired = end_unused };
  timers_add (&resolver.loop, &resolver.attempts);
  timers_add (&resolver.loop, &resolver.idle);
  resolver.relayed = (struct timers){ .delay_ms = RELAYED_IDLE_MS, .expired = relay_expired };
  timers_add (&resolver.loop, &resolver.relayed);
  resolver.unanswered
      = (struct timers){ .delay_ms = RELAYED_UNANSWERED_MS, .expired = relay_expired };
  timers_add (&resolver.loop, &resolver.unanswered);
  resolver.paused = (struct timers){ .delay_ms = RELAY_PAUSE_MS, .expired = relay_resume };
  timers_add (&resolver.loop, &resolver.paused);
  timers_add (&resolver.loop, &resolver.unused);
  resolver_check_use (&resolver);
  if (getrlimit (RLIMIT_NOFILE, &descriptors) < 0)
    return false;
  /* All that confine() lets it have; the other half is for ports themselves, and for names.  */
  resolver.max_relayed_fds = descriptors.rlim_max / 2;
  return control_listen (&resolver, CONTROL_FD, owner);
}

int main (int argc, char **argv)
{
  unsigned int uid, gid, owner = getuid ();

  if (argc != 3 || !parse_id (argv[1], &uid) || !parse_id (argv[2], &gid))
    return EXIT_USAGE;
  signal (SIGPIPE, SIG_IGN);
  /* The filter allows nothing that is needed only to start.  */
  if (!start (owner) || !confine (uid, gid))
    return EXIT_SYSTEM;
  return loop_run (&resolver.loop) ? EXIT_SUCCESS : EXIT_SYSTEM;
}
