/* Further programs in the container: started on an engine's word, kept until one has heard of their
   end.  */
#ifndef TS_EXEC_H
#define TS_EXEC_H

#include <signal.h>

#include "poll-set.h"
#include "terminal.h"

struct shim;

/* OWNER is the connection that asked: when it ends, nobody reads the output any more.  Takes the
   message's descriptors.  0, or an errno.  */
int exec_start (struct shim *shim, int owner, struct message *message);

/* 0, or an errno.  */
int exec_signal (const struct ts_exec_signal *request);
int exec_forget (const struct ts_exec_signal *request);
int exec_resize (const struct ts_resize *request);

/* The connection OWNER is over.  Who has hung up reads nothing any more; who was dropped may, as
   long as it lives.  */
void exec_orphan (int owner, int has_hung_up);

/* Whether the process that has ended and was waited for was one of these.  */
int exec_note_end (struct shim *shim, const siginfo_t *info);

/* Waits for those of them that have ended.  Whether one is being started, whose number nobody knows
 * yet.
 */
int exec_reap (struct shim *shim);

/* What a new connection needs to know.  */
void exec_greet (struct connection *connection);

void exec_collect (const struct control *control, struct poll_set *set);
void exec_serve (struct shim *shim, enum poll_kind kind, int index);

/* The container has ended: what was about to start is ended as well.  */
void exec_end_all (struct shim *shim);

/* A terminal still has something to say to its client.  */
int exec_is_talking (void);

#endif
