#include "args.h"

#include <stdlib.h>
#include <string.h>

static void reject (struct args *args, size_t index, const char *wanted)
{
  static const char *const messages[] = { "argument 0", "argument 1", "argument 2", "argument 3",
                                          "argument 4", "argument 5", "argument 6", "argument 7" };

  if (!args->failed)
    napi_throw_type_error (args->env, messages[index % MAX_ARGS], wanted);
  args->failed = true;
}

void args_read (struct args *args, napi_env env, napi_callback_info info, size_t expected)
{
  size_t count = expected;

  args->env = env;
  args->failed = false;
  if (napi_get_cb_info (env, info, &count, args->values, NULL, NULL) != napi_ok || count < expected)
    reject (args, count, "argument is missing");
}

int64_t arg_int64 (struct args *args, size_t index, int64_t min, int64_t max)
{
  int64_t value = 0;

  if (args->failed)
    return min;
  if (napi_get_value_int64 (args->env, args->values[index], &value) != napi_ok || value < min
      || value > max)
    {
      reject (args, index, "expected an integer in range");
      return min;
    }
  return value;
}

int arg_int (struct args *args, size_t index)
{
  return (int)arg_int64 (args, index, INT32_MIN, INT32_MAX);
}

int arg_fd (struct args *args, size_t index) { return (int)arg_int64 (args, index, 0, INT32_MAX); }

uint32_t arg_uint32 (struct args *args, size_t index)
{
  return (uint32_t)arg_int64 (args, index, 0, UINT32_MAX);
}

bool arg_bool (struct args *args, size_t index)
{
  bool value = false;

  if (!args->failed && napi_get_value_bool (args->env, args->values[index], &value) != napi_ok)
    reject (args, index, "expected a boolean");
  return value;
}

struct bytes arg_bytes (struct args *args, size_t index)
{
  struct bytes bytes = { NULL, 0 };
  napi_typedarray_type type;
  void *data = NULL;
  bool is_array = false;

  if (args->failed)
    return bytes;
  if (napi_is_typedarray (args->env, args->values[index], &is_array) != napi_ok || !is_array
      || napi_get_typedarray_info (args->env, args->values[index], &type, &bytes.length, &data,
                                   NULL, NULL)
             != napi_ok
      || type != napi_uint8_array)
    {
      reject (args, index, "expected a Uint8Array");
      return (struct bytes){ NULL, 0 };
    }
  bytes.data = data;
  return bytes;
}

void arg_int64s (struct args *args, size_t index, int64_t *out, size_t count)
{
  napi_typedarray_type type;
  void *data = NULL;
  size_t length = 0;
  bool is_array = false;

  memset (out, 0, count * sizeof *out);
  if (args->failed)
    return;
  if (napi_is_typedarray (args->env, args->values[index], &is_array) != napi_ok || !is_array
      || napi_get_typedarray_info (args->env, args->values[index], &type, &length, &data, NULL,
                                   NULL)
             != napi_ok
      || type != napi_bigint64_array || length != count)
    reject (args, index, "expected a BigInt64Array of the right length");
  else
    memcpy (out, data, count * sizeof *out);
}

/* Returns NULL without having thrown when `value` is no string.  */
static char *copy_string (napi_env env, napi_value value, size_t *length)
{
  char *text;

  if (napi_get_value_string_utf8 (env, value, NULL, 0, length) != napi_ok)
    return NULL;
  text = malloc (*length + 1);
  if (text != NULL && napi_get_value_string_utf8 (env, value, text, *length + 1, length) != napi_ok)
    {
      free (text);
      return NULL;
    }
  return text;
}

char *arg_text (struct args *args, size_t index)
{
  napi_valuetype type = napi_undefined;
  struct bytes bytes;
  size_t length = 0;
  char *text;

  if (args->failed)
    return NULL;
  napi_typeof (args->env, args->values[index], &type);
  if (type == napi_string)
    text = copy_string (args->env, args->values[index], &length);
  else
    {
      bytes = arg_bytes (args, index);
      if (args->failed)
        return NULL;
      length = bytes.length;
      text = malloc (length + 1);
      if (text != NULL)
        {
          if (length > 0)
            memcpy (text, bytes.data, length);
          text[length] = '\0';
        }
    }
  if (text == NULL)
    {
      reject (args, index, "expected text");
      return NULL;
    }
  /* The kernel would stop at the NUL byte and act on another path than the one that was checked. */
  if (memchr (text, '\0', length) != NULL)
    {
      reject (args, index, "text contains a NUL byte");
      free (text);
      return NULL;
    }
  return text;
}

static bool array_length (struct args *args, size_t index, uint32_t *length)
{
  bool is_array = false;

  if (args->failed)
    return false;
  if (napi_is_array (args->env, args->values[index], &is_array) != napi_ok || !is_array
      || napi_get_array_length (args->env, args->values[index], length) != napi_ok)
    {
      reject (args, index, "expected an array");
      return false;
    }
  return true;
}

char **arg_texts (struct args *args, size_t index)
{
  uint32_t length = 0;
  size_t size = 0;
  char **texts;

  if (!array_length (args, index, &length))
    return NULL;
  texts = calloc ((size_t)length + 1, sizeof *texts);
  for (uint32_t i = 0; texts != NULL && i < length; i++)
    {
      napi_value element;

      if (napi_get_element (args->env, args->values[index], i, &element) == napi_ok)
        texts[i] = copy_string (args->env, element, &size);
      if (texts[i] == NULL || memchr (texts[i], '\0', size) != NULL)
        {
          reject (args, index, "expected texts without NUL bytes");
          break;
        }
    }
  if (texts == NULL)
    reject (args, index, "out of memory");
  return texts;
}

int *arg_ints (struct args *args, size_t index, size_t *count)
{
  uint32_t length = 0;
  int *numbers;

  *count = 0;
  if (!array_length (args, index, &length))
    return NULL;
  numbers = calloc ((size_t)length + 1, sizeof *numbers);
  for (uint32_t i = 0; numbers != NULL && i < length; i++)
    {
      napi_value element;

      if (napi_get_element (args->env, args->values[index], i, &element) != napi_ok
          || napi_get_value_int32 (args->env, element, &numbers[i]) != napi_ok)
        {
          reject (args, index, "expected numbers");
          break;
        }
    }
  if (numbers == NULL)
    reject (args, index, "out of memory");
  *count = length;
  return numbers;
}

napi_value make_failure (napi_env env, const char *call, int err)
{
  napi_value failure = NULL, name = NULL;

  napi_create_object (env, &failure);
  napi_create_string_utf8 (env, call, NAPI_AUTO_LENGTH, &name);
  napi_set_named_property (env, failure, "call", name);
  napi_set_named_property (env, failure, "errno", make_int (env, err));
  return failure;
}

napi_value fail (napi_env env, const char *call, int err)
{
  napi_throw (env, make_failure (env, call, err));
  return NULL;
}

napi_value make_int (napi_env env, int64_t value)
{
  napi_value result = NULL;

  napi_create_int64 (env, value, &result);
  return result;
}

napi_value make_undefined (napi_env env)
{
  napi_value result = NULL;

  napi_get_undefined (env, &result);
  return result;
}

napi_value make_null (napi_env env)
{
  napi_value result = NULL;

  napi_get_null (env, &result);
  return result;
}

napi_value make_buffer (napi_env env, const void *data, size_t length)
{
  napi_value result = NULL;

  napi_create_buffer_copy (env, length, data, NULL, &result);
  return result;
}

static void release_buffer (napi_env env, void *data, void *hint)
{
  (void)env;
  (void)hint;
  free (data);
}

napi_value make_owned_buffer (napi_env env, void *data, size_t length)
{
  napi_value result = NULL;

  /* Small ones are cheaper copied, an empty one has no memory to own, and an engine without
     external memory (Electron) refuses.  */
  if (length >= 4096
      && napi_create_external_buffer (env, length, data, release_buffer, NULL, &result) == napi_ok)
    return result;
  result = make_buffer (env, data, length);
  free (data);
  return result;
}

napi_value make_pair (napi_env env, napi_value first, napi_value second)
{
  napi_value pair = NULL;

  napi_create_array_with_length (env, 2, &pair);
  napi_set_element (env, pair, 0, first);
  napi_set_element (env, pair, 1, second);
  return pair;
}
