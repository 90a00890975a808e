/* Work off the event loop: a struct that begins with a `struct task` runs on a thread of libuv's
   pool and settles a promise.  */
#pragma once

#include "args.h"

struct task
{
  /* On the pool's thread; sets `call` and `err` when it fails.  Must not touch JavaScript.  */
  void (*run) (struct task *task);
  /* On the event loop after success: what the promise becomes.  NULL means undefined.  */
  napi_value (*finish) (napi_env env, struct task *task);
  /* Frees what the struct owns; the struct itself is freed after it.  May be NULL.  */
  void (*release) (struct task *task);
  const char *call;
  int err;
  napi_async_work work;
  napi_deferred deferred;
};

/* Takes `task` over, which was allocated by malloc, and returns the promise.  */
napi_value task_start (napi_env env, struct task *task);

/* Takes `task` over, runs it at once and returns its result or throws.  */
napi_value task_run (napi_env env, struct task *task);

static inline void task_fail (struct task *task, const char *call, int err)
{
  task->call = call;
  task->err = err;
}
