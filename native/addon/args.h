/* JavaScript values in, JavaScript values out.  A wrong argument is a bug of the TypeScript side:
   it throws a TypeError and sets `failed`, so that a function reads all of its arguments and checks
   once.  */
#pragma once

#define NAPI_VERSION 8
#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAX_ARGS 8

struct args
{
  napi_env env;
  bool failed;
  napi_value values[MAX_ARGS];
};

/* Points into memory of JavaScript: valid until the function returns.  */
struct bytes
{
  const uint8_t *data;
  size_t length;
};

void args_read (struct args *args, napi_env env, napi_callback_info info, size_t expected);

int64_t arg_int64 (struct args *args, size_t index, int64_t min, int64_t max);
int arg_int (struct args *args, size_t index);
/* A descriptor, not negative.  */
int arg_fd (struct args *args, size_t index);
uint32_t arg_uint32 (struct args *args, size_t index);
bool arg_bool (struct args *args, size_t index);
/* A string or a Uint8Array without a NUL byte inside, as a C string for free.  */
char *arg_text (struct args *args, size_t index);
struct bytes arg_bytes (struct args *args, size_t index);
/* Exactly `count` elements of a BigInt64Array.  */
void arg_int64s (struct args *args, size_t index, int64_t *out, size_t count);
/* A list ended by NULL, for cleanup_list.  */
char **arg_texts (struct args *args, size_t index);
/* An array of numbers for free; its length goes to `count`.  */
int *arg_ints (struct args *args, size_t index, size_t *count);

/* Throws { call, errno }, which native/errors.ts turns into a SyscallError.  Returns NULL.  */
napi_value fail (napi_env env, const char *call, int err);
napi_value make_failure (napi_env env, const char *call, int err);

napi_value make_int (napi_env env, int64_t value);
napi_value make_undefined (napi_env env);
napi_value make_null (napi_env env);
napi_value make_buffer (napi_env env, const void *data, size_t length);
/* Takes `data` over, which free releases.  */
napi_value make_owned_buffer (napi_env env, void *data, size_t length);
napi_value make_pair (napi_env env, napi_value first, napi_value second);
