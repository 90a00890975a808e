/* One container's keeper.  */
#ifndef TS_SHIM_H
#define TS_SHIM_H

#include <sys/types.h>

#include "control.h"
#include "log.h"
#include "sandbox.h"
#include "streams.h"

struct shim
{
  const struct ts_spec *spec;
  struct ts_report *report;
  struct control control;
  struct stdio stdio;
  struct log log;
  struct ts_status status;
  struct ts_exit exit;
  uint64_t oom_kills_before;
  pid_t pid;    /* the container's first process; 0 before and after */
  pid_t driver; /* who has another runtime make the container; 0 before and after */
  int pidfd;
  int report_fd; /* the shim's end, -1 when it was closed by the other */
  int go_fd;     /* -1 when the word was given */
  int signal_fd;
  int joined_source; /* until the child has it */
  int first_held_fd; /* the engine's descriptors, such as reserved ports, up to the next field,
                        without it */
  int end_held_fd;
  /* Keeps the container's mounts alive until the exit is told: unmounting an overlay writes back
     the whole upper file system, and would delay the end of the container's first process by that.
   */
  int mount_namespace;
};

/* Runs until the container has ended and its end is recorded.  */
void supervise (struct shim *shim);

/* Notes why the program could not be started.  */
void shim_note_failure (struct shim *shim, enum ts_stage stage, int error, const char *path);

/* Lets the program start.  */
void shim_go (struct shim *shim);

#endif
