#define _GNU_SOURCE
#include "loop.h"

#include <errno.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum
{
  EVENTS = 64
};

static uint64_t clock_ms (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

bool loop_open (struct loop *loop)
{
  *loop = (struct loop){ .now_ms = clock_ms () };
  loop->epoll = epoll_create1 (EPOLL_CLOEXEC);
  return loop->epoll >= 0;
}

static int next_delay (const struct loop *loop)
{
  uint64_t earliest = UINT64_MAX;

  for (const struct timers *queue = loop->timers; queue != NULL; queue = queue->next)
    if (queue->first != NULL && queue->first->deadline_ms < earliest)
      earliest = queue->first->deadline_ms;
  if (earliest == UINT64_MAX)
    return -1;
  return earliest <= loop->now_ms ? 0 : (int)(earliest - loop->now_ms);
}

static void expire (struct loop *loop)
{
  for (struct timers *queue = loop->timers; queue != NULL; queue = queue->next)
    while (queue->first != NULL && queue->first->deadline_ms <= loop->now_ms)
      {
        struct timer *timer = queue->first;

        timer_stop (timer);
        queue->expired (loop, timer->owner);
      }
}

static void bury (struct loop *loop)
{
  while (loop->dead != NULL)
    {
      struct source *source = loop->dead;

      loop->dead = source->next_dead;
      source->destroy (source);
    }
}

bool loop_run (struct loop *loop)
{
  struct epoll_event events[EVENTS];

  while (!loop->has_ended)
    {
      int count = epoll_wait (loop->epoll, events, EVENTS, next_delay (loop));

      if (count < 0 && errno != EINTR)
        return false;
      loop->now_ms = clock_ms ();
      for (int i = 0; i < count; i++)
        {
          struct source *source = events[i].data.ptr;

          /* Removed by an event before it in this round.  */
          if (source->fd >= 0)
            source->ready (loop, source, events[i].events);
        }
      expire (loop);
      bury (loop);
    }
  return true;
}

bool source_add (struct loop *loop, struct source *source, uint32_t events)
{
  struct epoll_event event = { .events = events, .data.ptr = source };

  return epoll_ctl (loop->epoll, EPOLL_CTL_ADD, source->fd, &event) == 0;
}

void source_change (struct loop *loop, struct source *source, uint32_t events)
{
  struct epoll_event event = { .events = events, .data.ptr = source };

  /* Fails only for a descriptor that was never added.  */
  epoll_ctl (loop->epoll, EPOLL_CTL_MOD, source->fd, &event);
}

void source_remove (struct loop *loop, struct source *source)
{
  if (source->fd >= 0)
    {
      /* A sandbox's socket may be open in the engine as well, and then closing our copy would not
         end its events (epoll(7), question 6).  */
      epoll_ctl (loop->epoll, EPOLL_CTL_DEL, source->fd, NULL);
      close (source->fd);
    }
  source->fd = -1;
  source->next_dead = loop->dead;
  loop->dead = source;
}

void timers_add (struct loop *loop, struct timers *timers)
{
  timers->next = loop->timers;
  loop->timers = timers;
}

void timer_stop (struct timer *timer)
{
  struct timers *queue = timer->queue;

  if (queue == NULL)
    return;
  if (timer->previous != NULL)
    timer->previous->next = timer->next;
  else
    queue->first = timer->next;
  if (timer->next != NULL)
    timer->next->previous = timer->previous;
  else
    queue->last = timer->previous;
  timer->previous = timer->next = NULL;
  timer->queue = NULL;
}

void timer_start (struct loop *loop, struct timers *timers, struct timer *timer, void *owner)
{
  timer_stop (timer);
  timer->queue = timers;
  timer->owner = owner;
  timer->deadline_ms = loop->now_ms + timers->delay_ms;
  timer->previous = timers->last;
  if (timers->last != NULL)
    timers->last->next = timer;
  else
    timers->first = timer;
  timers->last = timer;
}
