#define _GNU_SOURCE
#include "xattr.h"
#include "functions.h"
#include "path.h"
#include "util.h"

#include <fcntl.h>
#include <string.h>
#include <sys/xattr.h>

/* The size may grow between asking for it and reading: ERANGE starts again.  */
static char *read_attribute (const char *path, const char *name, size_t *length)
{
  for (;;)
    {
      ssize_t size = name != NULL ? getxattr (path, name, NULL, 0) : listxattr (path, NULL, 0);
      auto_free char *buffer = NULL;

      if (size < 0)
        return NULL;
      buffer = malloc ((size_t)size + 1);
      if (buffer == NULL)
        return NULL;
      /* Zero would ask for the size again.  */
      if (size > 0)
        size = name != NULL ? getxattr (path, name, buffer, (size_t)size)
                            : listxattr (path, buffer, (size_t)size);
      if (size >= 0)
        {
          char *taken = buffer;

          buffer = NULL;
          *length = (size_t)size;
          return taken;
        }
      if (errno != ERANGE)
        return NULL;
    }
}

char *xattr_names (int fd, size_t *length)
{
  char path[SELF_PATH_BYTES];
  char *names = read_attribute (self_path (fd, path), NULL, length);

  if (names != NULL || errno != EOPNOTSUPP)
    return names;
  *length = 0;
  return calloc (1, 1);
}

char *xattr_value (int fd, const char *name, size_t *length)
{
  char path[SELF_PATH_BYTES];

  return read_attribute (self_path (fd, path), name, length);
}

int xattr_copy (int from, int to)
{
  char path[SELF_PATH_BYTES];
  size_t length = 0, size = 0;
  auto_free char *names = xattr_names (from, &length);

  if (names == NULL)
    return -1;
  self_path (to, path);
  for (const char *name = names; name < names + length; name += strlen (name) + 1)
    {
      auto_free char *value = xattr_value (from, name, &size);

      /* ENODATA: removed meanwhile.  */
      if (value == NULL && errno == ENODATA)
        continue;
      if (value == NULL || setxattr (path, name, value, size, 0) < 0)
        return -1;
    }
  return 0;
}

static int open_file (struct args *args)
{
  int dir = arg_fd (args, 0);
  auto_free char *path = arg_text (args, 1);
  int fd;

  if (args->failed)
    return -1;
  fd = path_open (dir, path, O_PATH | O_NOFOLLOW, 0);
  if (fd < 0)
    {
      args->failed = true;
      fail (args->env, "openat2", errno);
    }
  return fd;
}

napi_value addon_setXattrAt (napi_env env, napi_callback_info info)
{
  struct args args;
  struct bytes value;
  char path[SELF_PATH_BYTES];

  args_read (&args, env, info, 4);
  auto_fd fd = open_file (&args);
  auto_free char *name = arg_text (&args, 2);
  value = arg_bytes (&args, 3);
  if (args.failed)
    return NULL;
  if (setxattr (self_path (fd, path), name, value.data, value.length, 0) < 0)
    return fail (env, "setxattr", errno);
  return make_undefined (env);
}

napi_value addon_getXattrsAt (napi_env env, napi_callback_info info)
{
  struct args args;
  napi_value list = NULL;
  size_t length = 0, size = 0;
  uint32_t count = 0;

  args_read (&args, env, info, 2);
  auto_fd fd = open_file (&args);
  if (args.failed)
    return NULL;
  auto_free char *names = xattr_names (fd, &length);
  if (names == NULL)
    return fail (env, "listxattr", errno);
  napi_create_array (env, &list);
  for (const char *name = names; name < names + length; name += strlen (name) + 1)
    {
      napi_value key = NULL;
      auto_free char *value = xattr_value (fd, name, &size);

      if (value == NULL && errno == ENODATA)
        continue;
      if (value == NULL)
        return fail (env, "getxattr", errno);
      napi_create_string_utf8 (env, name, NAPI_AUTO_LENGTH, &key);
      napi_set_element (env, list, count++, make_pair (env, key, make_buffer (env, value, size)));
    }
  return list;
}
