#include "task.h"

#include <errno.h>
#include <stdlib.h>

static void destroy (struct task *task)
{
  if (task->release != NULL)
    task->release (task);
  free (task);
}

static napi_value result_of (napi_env env, struct task *task)
{
  return task->finish != NULL ? task->finish (env, task) : make_undefined (env);
}

static void execute (napi_env env, void *data)
{
  struct task *task = data;

  (void)env;
  task->run (task);
}

static void complete (napi_env env, napi_status status, void *data)
{
  struct task *task = data;

  if (status != napi_ok && task->err == 0)
    task_fail (task, "queue_work", ECANCELED);
  if (task->err != 0)
    napi_reject_deferred (env, task->deferred, make_failure (env, task->call, task->err));
  else
    napi_resolve_deferred (env, task->deferred, result_of (env, task));
  napi_delete_async_work (env, task->work);
  destroy (task);
}

napi_value task_start (napi_env env, struct task *task)
{
  napi_value promise = NULL, name = NULL;

  if (napi_create_string_utf8 (env, "tscompose", NAPI_AUTO_LENGTH, &name) != napi_ok
      || napi_create_promise (env, &task->deferred, &promise) != napi_ok
      || napi_create_async_work (env, NULL, name, execute, complete, task, &task->work) != napi_ok
      || napi_queue_async_work (env, task->work) != napi_ok)
    {
      destroy (task);
      return fail (env, "queue_work", ENOMEM);
    }
  return promise;
}

napi_value task_run (napi_env env, struct task *task)
{
  napi_value result;

  task->run (task);
  result = task->err != 0 ? fail (env, task->call, task->err) : result_of (env, task);
  destroy (task);
  return result;
}
