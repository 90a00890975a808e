/* What kill-point.c looks for, and how it names what it finds.  */
#ifndef KILL_POINT_H
#define KILL_POINT_H

#include <stdint.h>
#include <sys/types.h>

enum
{
  TEXT = 512,
  ARGS = 6,
};

enum what
{
  AT,     /* descriptor of a directory in argument 0, path in 1 */
  PATH,   /* path in argument 0 */
  SECOND, /* path in argument 1 */
  FD,     /* descriptor in argument 0 */
  OPEN,   /* AT or PATH, and only with a flag that makes or empties a file */
  CLONE,  /* only what is no thread */
  IOCTL,
  ANY,
};

struct call
{
  long number;
  const char *name;
  enum what what;
};

struct thread_call
{
  pid_t process;
  pid_t thread;
  long number;
  uint64_t args[ARGS];
};

/* NULL: it is not one that changes anything.  */
const struct call *find_changing (long number);
int is_harmless (long number);

/* What the call is about, into LINE of TEXT bytes; 0 when it does not count.  */
int describe (const struct call *call, const struct thread_call *made, char *line);

#endif
