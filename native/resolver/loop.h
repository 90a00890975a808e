/* Descriptors, deadlines and the order in which things may be freed.  */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct loop;

/* The first member of everything that waits for a descriptor.  */
struct source
{
  int fd;
  void (*ready) (struct loop *loop, struct source *source, uint32_t events);
  void (*destroy) (struct source *source);
  struct source *next_dead;
};

/* The first deadline of a queue is its earliest, because all of one queue have the same delay.  */
struct timer
{
  struct timer *previous, *next;
  struct timers *queue;
  uint64_t deadline_ms;
  void *owner;
};

struct timers
{
  struct timer *first, *last;
  uint64_t delay_ms;
  void (*expired) (struct loop *loop, void *owner);
  struct timers *next;
};

struct loop
{
  int epoll;
  bool has_ended;
  uint64_t now_ms;
  struct timers *timers;
  struct source *dead;
};

bool loop_open (struct loop *loop);
/* Runs until `has_ended`.  false: epoll failed.  */
bool loop_run (struct loop *loop);

bool source_add (struct loop *loop, struct source *source, uint32_t events);
void source_change (struct loop *loop, struct source *source, uint32_t events);
/* Closes the descriptor now and calls `destroy` when no event of this round can name the source any
 * more.  */
void source_remove (struct loop *loop, struct source *source);

void timers_add (struct loop *loop, struct timers *timers);
/* Starts anew when it runs already.  */
void timer_start (struct loop *loop, struct timers *timers, struct timer *timer, void *owner);
void timer_stop (struct timer *timer);
