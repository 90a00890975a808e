/* Programs that decide for a cgroup of version 2.  bpf(2); the kernel's verifier judges the
   instructions, so nothing is checked here.  */
#define _GNU_SOURCE
#include "functions.h"
#include "util.h"

#include <linux/bpf.h>
#include <string.h>
#include <sys/syscall.h>

#ifndef PTR_TO_U64
#define PTR_TO_U64(pointer) ((uint64_t)(uintptr_t)(pointer))
#endif

static int bpf (int command, union bpf_attr *attributes)
{
  return (int)syscall (SYS_bpf, command, attributes, sizeof *attributes);
}

/* Bytes of instructions in, a descriptor of the loaded program out.  */
napi_value addon_loadDeviceProgram (napi_env env, napi_callback_info info)
{
  struct args args;
  struct bytes code;
  union bpf_attr attributes;
  int program;

  args_read (&args, env, info, 1);
  code = arg_bytes (&args, 0);
  if (args.failed)
    return NULL;
  if (code.length % sizeof (struct bpf_insn) != 0)
    return fail (env, "bpf", EINVAL);
  /* What of the union is not set must be zero, padding as well.  */
  memset (&attributes, 0, sizeof attributes);
  attributes.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  attributes.insn_cnt = (uint32_t)(code.length / sizeof (struct bpf_insn));
  attributes.insns = PTR_TO_U64 (code.data);
  attributes.license = PTR_TO_U64 ("");
  program = bpf (BPF_PROG_LOAD, &attributes);
  if (program < 0)
    return fail (env, "bpf", errno);
  return make_int (env, program);
}

/* The program stays with the cgroup until that is removed, beside those of its parents.  */
napi_value addon_attachDeviceProgram (napi_env env, napi_callback_info info)
{
  struct args args;
  union bpf_attr attributes;
  int cgroup;
  int program;

  args_read (&args, env, info, 2);
  cgroup = arg_fd (&args, 0);
  program = arg_fd (&args, 1);
  if (args.failed)
    return NULL;
  memset (&attributes, 0, sizeof attributes);
  attributes.target_fd = (uint32_t)cgroup;
  attributes.attach_bpf_fd = (uint32_t)program;
  attributes.attach_type = BPF_CGROUP_DEVICE;
  attributes.attach_flags = BPF_F_ALLOW_MULTI;
  if (bpf (BPF_PROG_ATTACH, &attributes) < 0)
    return fail (env, "bpf", errno);
  return make_undefined (env);
}
