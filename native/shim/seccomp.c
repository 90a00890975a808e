#define _GNU_SOURCE
#include "seccomp.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SECCOMP_FILTER_FLAG_SPEC_ALLOW
#define SECCOMP_FILTER_FLAG_SPEC_ALLOW 4
#endif

int seccomp_apply (const struct sandbox *sandbox)
{
  const struct ts_spec *spec = sandbox->spec;
  const struct ts_handover *handover = spec_handover (spec);
  struct sock_fprog program;

  if (spec->seccomp.count == 0)
    return 0;
  program.len = (unsigned short)spec->seccomp.count;
  program.filter = (struct sock_filter *)spec_items (spec, spec->seccomp); /* Only read.  */
  /* Before Linux 5.16 a filter also switched off speculative store bypass, which costs programs
     much and containers gain nothing from; there the flag keeps it.  Linux 4.17 knows it.  */
  unsigned int flags = handover == NULL ? SECCOMP_FILTER_FLAG_SPEC_ALLOW : handover->seccomp_flags;
  if (syscall (SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program) < 0)
    return sandbox_fail (sandbox, TS_STAGE_SECCOMP, "");
  return 0;
}
