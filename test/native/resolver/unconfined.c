/* Takes the place of confine.c in the resolver that is built with sanitizers: their runtime needs
   calls that the filter refuses.  What is open at the end is known to the kernel's epoll only and
   would be called a leak.  */
#include "resolver.h"

const char *__asan_default_options (void);

const char *__asan_default_options (void) { return "log_path=" SANITIZER_LOG ":detect_leaks=0"; }

bool confine (unsigned int uid, unsigned int gid)
{
  (void)uid;
  (void)gid;
  return true;
}
