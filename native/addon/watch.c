/* Readiness of a descriptor on Node's own event loop.

   uv.h is not part of node-api-headers.  libuv keeps the ABI of its 1.x line, and every Node to
   date has that line, so the few declarations needed are written here; the size of a handle is
   asked for at run time.  */
#include "functions.h"
#include "util.h"

typedef struct uv_loop_s uv_loop_t;
typedef struct uv_poll_s uv_poll_t;

enum
{
  UV_POLL_TYPE = 8, /* UV_POLL of uv_handle_type */
  UV_READABLE_EVENT = 1
};

extern size_t uv_handle_size (int type);
extern int uv_poll_init (uv_loop_t *loop, uv_poll_t *handle, int fd);
extern int uv_poll_start (uv_poll_t *handle, int events, void (*callback) (uv_poll_t *, int, int));
extern int uv_poll_stop (uv_poll_t *handle);
extern void uv_close (uv_poll_t *handle, void (*callback) (uv_poll_t *));
extern void *uv_handle_get_data (const uv_poll_t *handle);
extern void uv_handle_set_data (uv_poll_t *handle, void *data);

struct watch
{
  napi_env env;
  uv_poll_t *poll;
  napi_ref callback;
  napi_async_context context;
  napi_async_cleanup_hook_handle hook;
  bool is_closing;
  /* One for JavaScript's reference, one for the open libuv handle.  */
  int owners;
};

static void release (struct watch *watch)
{
  if (--watch->owners > 0)
    return;
  free (watch->poll);
  free (watch);
}

static void on_closed (uv_poll_t *poll)
{
  struct watch *watch = uv_handle_get_data (poll);

  napi_remove_async_cleanup_hook (watch->hook);
  release (watch);
}

static void close_watch (struct watch *watch)
{
  if (watch->is_closing)
    return;
  watch->is_closing = true;
  uv_poll_stop (watch->poll);
  napi_delete_reference (watch->env, watch->callback);
  napi_async_destroy (watch->env, watch->context);
  uv_close (watch->poll, on_closed);
}

/* A worker thread that ends must not leave an open handle in its loop.  */
static void on_exit_of_environment (napi_async_cleanup_hook_handle hook, void *data)
{
  (void)hook;
  close_watch (data);
}

static void on_ready (uv_poll_t *poll, int status, int events)
{
  struct watch *watch = uv_handle_get_data (poll);
  napi_env env = watch->env;
  napi_handle_scope scope;
  napi_value callback = NULL, receiver = NULL, error = NULL;

  /* Errors are seen by whoever reads the descriptor next.  */
  (void)status;
  (void)events;
  if (napi_open_handle_scope (env, &scope) != napi_ok)
    return;
  napi_get_reference_value (env, watch->callback, &callback);
  napi_get_global (env, &receiver);
  if (napi_make_callback (env, watch->context, receiver, callback, 0, NULL, NULL)
          == napi_pending_exception
      && napi_get_and_clear_last_exception (env, &error) == napi_ok)
    napi_fatal_exception (env, error);
  napi_close_handle_scope (env, scope);
}

static void on_collected (napi_env env, void *data, void *hint)
{
  (void)env;
  (void)hint;
  release (data);
}

static int start (struct watch *watch, int fd)
{
  uv_loop_t *loop = NULL;
  int result;

  if (napi_get_uv_event_loop (watch->env, (struct uv_loop_s **)&loop) != napi_ok)
    return ENOSYS;
  watch->poll = calloc (1, uv_handle_size (UV_POLL_TYPE));
  if (watch->poll == NULL)
    return ENOMEM;
  result = uv_poll_init (loop, watch->poll, fd);
  if (result < 0)
    return -result;
  uv_handle_set_data (watch->poll, watch);
  watch->owners++;
  napi_add_async_cleanup_hook (watch->env, on_exit_of_environment, watch, &watch->hook);
  result = uv_poll_start (watch->poll, UV_READABLE_EVENT, on_ready);
  if (result < 0)
    close_watch (watch);
  return result < 0 ? -result : 0;
}

napi_value addon_watch (napi_env env, napi_callback_info info)
{
  struct args args;
  struct watch *watch;
  napi_value handle = NULL, name = NULL;
  int fd, err;

  args_read (&args, env, info, 2);
  fd = arg_fd (&args, 0);
  if (args.failed)
    return NULL;
  watch = calloc (1, sizeof *watch);
  if (watch == NULL)
    return fail (env, "malloc", ENOMEM);
  watch->env = env;
  watch->owners = 1;
  napi_create_string_utf8 (env, "tscompose watch", NAPI_AUTO_LENGTH, &name);
  if (napi_create_reference (env, args.values[1], 1, &watch->callback) != napi_ok
      || napi_async_init (env, NULL, name, &watch->context) != napi_ok
      || napi_create_external (env, watch, on_collected, NULL, &handle) != napi_ok)
    {
      free (watch);
      return fail (env, "napi_create_reference", EINVAL);
    }
  err = start (watch, fd);
  return err != 0 ? fail (env, "uv_poll_start", err) : handle;
}

napi_value addon_unwatch (napi_env env, napi_callback_info info)
{
  struct args args;
  void *watch = NULL;

  args_read (&args, env, info, 1);
  if (args.failed)
    return NULL;
  if (napi_get_value_external (env, args.values[0], &watch) != napi_ok)
    napi_throw_type_error (env, NULL, "expected a watch");
  else
    close_watch (watch);
  return make_undefined (env);
}
