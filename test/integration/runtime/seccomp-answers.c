/* Loads a filter (struct sock_filter[] in the file argv[1]) that allows nothing, as its allowing answers were replaced by
   an errno that no call gives, and so makes every call there is: lines "ABI NUMBER ARGUMENT" on standard input, ABI 64
   or 32; prints "ABI NUMBER ARGUMENT ERRNO" for each.  The child that makes them cannot even exit.  */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CALLS_MAX 65536

struct call
{
  int abi;
  long number;
  unsigned long argument;
  long result;
};

struct shared
{
  volatile int is_done; /* -1: the filter was not taken */
  int count;
  struct call calls[CALLS_MAX];
};

static struct sock_filter program[4096];

static inline long
enter (const struct call *call)
{
  long result;
#ifdef __x86_64__
  if (call->abi == 32)
    __asm__ volatile ("int $0x80"
                      : "=a"(result)
                      : "a"(call->number), "b"(call->argument), "c"(0L), "d"(0L), "S"(0L), "D"(0L)
                      : "memory", "r8", "r9", "r10", "r11");
  else
    {
      register long fourth __asm__ ("r10") = 0;
      __asm__ volatile ("syscall"
                        : "=a"(result)
                        : "a"(call->number), "D"(call->argument), "S"(0L), "d"(0L), "r"(fourth)
                        : "memory", "rcx", "r11");
    }
#elif defined __aarch64__
  register long number __asm__ ("x8") = call->number;
  register long first __asm__ ("x0") = (long) call->argument;
  register long second __asm__ ("x1") = 0;
  __asm__ volatile ("svc 0" : "+r"(first) : "r"(number), "r"(second) : "memory");
  result = first;
#endif
  return result;
}

static void
child (struct shared *shared, struct sock_fprog *filter)
{
  if (prctl (PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0
      || syscall (SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, filter) < 0)
    {
      shared->is_done = -1;
      _exit (1);
    }
  for (int i = 0; i < shared->count; i++)
    shared->calls[i].result = enter (&shared->calls[i]);
  shared->is_done = 1;
  for (;;)
    ;
}

int
main (int argc, char **argv)
{
  int fd = argc > 1 ? open (argv[1], O_RDONLY | O_CLOEXEC) : -1;
  ssize_t size = fd < 0 ? -1 : read (fd, program, sizeof program);
  struct shared *shared = mmap (NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  struct sock_fprog filter = { .filter = program };
  struct timespec pause = { .tv_nsec = 1000000 };
  int status;

  if (size <= 0 || shared == MAP_FAILED)
    return 2;
  filter.len = (unsigned short) ((size_t) size / sizeof program[0]);
  struct call *next = shared->calls;
  while (shared->count < CALLS_MAX && scanf ("%d %ld %lu", &next->abi, &next->number, &next->argument) == 3)
    next = &shared->calls[++shared->count];
  pid_t pid = fork ();
  if (pid == 0)
    child (shared, &filter);
  while (shared->is_done == 0 && waitpid (pid, &status, WNOHANG) == 0)
    nanosleep (&pause, NULL);
  kill (pid, SIGKILL);
  if (shared->is_done != 1)
    return 3;
  for (int i = 0; i < shared->count; i++)
    printf ("%d %ld %lu %ld\n", shared->calls[i].abi, shared->calls[i].number, shared->calls[i].argument,
            -shared->calls[i].result);
  return 0;
}
