#define _GNU_SOURCE
#include "credentials.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

struct capability_sets
{
  uint64_t effective, permitted, inheritable;
};

static int set_capabilities (struct capability_sets sets)
{
  struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
  struct __user_cap_data_struct data[2];

  for (int i = 0; i < 2; i++)
    {
      data[i].effective = (uint32_t)(sets.effective >> (32 * i));
      data[i].permitted = (uint32_t)(sets.permitted >> (32 * i));
      data[i].inheritable = (uint32_t)(sets.inheritable >> (32 * i));
    }
  return (int)syscall (SYS_capset, &header, data);
}

static int set_limits (const struct sandbox *sandbox)
{
  const struct ts_spec *spec = sandbox->spec;
  const struct ts_rlimit *limits = spec_items (spec, spec->rlimits);

  for (uint32_t i = 0; i < spec->rlimits.count; i++)
    {
      struct rlimit limit = { .rlim_cur = limits[i].soft, .rlim_max = limits[i].hard };
      if (prlimit (0, (int)limits[i].resource, &limit, NULL) < 0)
        return sandbox_fail (sandbox, TS_STAGE_RLIMIT, "");
    }
  return 0;
}

static int join_keyring (const struct sandbox *sandbox)
{
  /* A keyring of its own, or the container would possess the engine's (keyctl(2)).  ENOSYS: a
     kernel without keys; EPERM: this engine itself runs under a filter that forbids keyctl, and
     then nobody inside can use it either.  */
  if (syscall (SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 && errno != ENOSYS
      && errno != EPERM)
    return sandbox_fail (sandbox, TS_STAGE_SESSION_KEYRING, "");
  return 0;
}

static int drop_bounding (const struct sandbox *sandbox)
{
  for (int cap = 0; cap < 64; cap++)
    {
      if ((sandbox->spec->bounding >> cap & 1) != 0)
        continue;
      if (prctl (PR_CAPBSET_DROP, cap, 0, 0, 0) == 0)
        continue;
      if (errno == EINVAL) /* Behind the last one that this kernel knows.  */
        break;
      return sandbox_fail (sandbox, TS_STAGE_CAPABILITIES, "bounding");
    }
  return 0;
}

static int set_user (const struct sandbox *sandbox)
{
  const struct ts_spec *spec = sandbox->spec;

  /* setresuid away from 0 would clear the permitted set (capabilities(7)), of which a part is still
   * needed.  */
  if (prctl (PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
    return sandbox_fail (sandbox, TS_STAGE_USER, "");
  /* Groups before the user: afterwards they may no longer be changed.  The system calls themselves,
     because libc's wrappers signal other threads, of which there are none.  */
  if (syscall (SYS_setgroups, (size_t)spec->groups.count, spec_items (spec, spec->groups)) < 0
      || syscall (SYS_setresgid, spec->gid, spec->gid, spec->gid) < 0
      || syscall (SYS_setresuid, spec->uid, spec->uid, spec->uid) < 0)
    return sandbox_fail (sandbox, TS_STAGE_USER, "");
  return 0;
}

/* Without no_new_privs only CAP_SYS_ADMIN may load a filter (seccomp(2)).  */
static uint64_t needed_for_filter (const struct ts_spec *spec)
{
  int needs = spec->seccomp.count > 0 && (spec->flags & TS_FLAG_NO_NEW_PRIVILEGES) == 0;

  return needs ? UINT64_C (1) << CAP_SYS_ADMIN : 0;
}

static int raise_ambient (const struct sandbox *sandbox)
{
  for (int cap = 0; cap < 64; cap++)
    if ((sandbox->spec->ambient >> cap & 1) != 0
        && prctl (PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) < 0)
      return sandbox_fail (sandbox, TS_STAGE_CAPABILITIES, "ambient");
  return 0;
}

int credentials_apply (const struct sandbox *sandbox)
{
  const struct ts_spec *spec = sandbox->spec;
  uint64_t extra = needed_for_filter (spec);

  if (set_limits (sandbox) < 0 || join_keyring (sandbox) < 0)
    return -1;
  /* Bounding before the user changes: it needs CAP_SETPCAP.  */
  if (drop_bounding (sandbox) < 0 || set_user (sandbox) < 0)
    return -1;
  if (set_capabilities ((struct capability_sets){ .effective = spec->effective | extra,
                                                  .permitted = spec->permitted | extra,
                                                  .inheritable = spec->inheritable })
      < 0)
    return sandbox_fail (sandbox, TS_STAGE_CAPABILITIES, "");
  if (raise_ambient (sandbox) < 0)
    return -1;
  if ((spec->flags & TS_FLAG_NO_NEW_PRIVILEGES) != 0 && prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
    return sandbox_fail (sandbox, TS_STAGE_NO_NEW_PRIVILEGES, "");
  return 0;
}

int credentials_finish (const struct sandbox *sandbox)
{
  const struct ts_spec *spec = sandbox->spec;

  if (set_capabilities ((struct capability_sets){ .effective = spec->effective,
                                                  .permitted = spec->permitted,
                                                  .inheritable = spec->inheritable })
      < 0)
    return sandbox_fail (sandbox, TS_STAGE_CAPABILITIES, "");
  return 0;
}
