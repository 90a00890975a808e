/* Loads a filter (struct sock_filter[] in the file argv[1]) and makes each call whose number stands on standard
   input as "64 N" or "32 N", all arguments 0; prints "ABI N ERRNO" for each.  Only for calls that the filter
   refuses: one that is allowed really happens.  */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static struct sock_filter program[4096];

static long
call (int abi, long number)
{
#ifdef __x86_64__
  if (abi == 32)
    {
      /* The 32-bit entry works from 64-bit code as well, with registers cut to 32 bits.  */
      long result;
      __asm__ volatile ("int $0x80"
                        : "=a"(result)
                        : "a"(number), "b"(0L), "c"(0L), "d"(0L), "S"(0L), "D"(0L)
                        : "memory", "r8", "r9", "r10", "r11");
      return result;
    }
#endif
  return syscall (number, 0, 0, 0, 0, 0, 0) < 0 ? -errno : 0;
}

int
main (int argc, char **argv)
{
  int fd = argc > 1 ? open (argv[1], O_RDONLY | O_CLOEXEC) : -1;
  ssize_t size = fd < 0 ? -1 : read (fd, program, sizeof program);
  if (size <= 0)
    return 2;
  close (fd);
  struct sock_fprog filter = { .len = (unsigned short) ((size_t) size / sizeof program[0]), .filter = program };
  struct timespec before, after;
  if (prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
    return 3;
  clock_gettime (CLOCK_MONOTONIC, &before);
  if (syscall (SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, &filter) < 0)
    return 4;
  clock_gettime (CLOCK_MONOTONIC, &after);
  printf ("loaded %ld\n", (after.tv_sec - before.tv_sec) * 1000000L + (after.tv_nsec - before.tv_nsec) / 1000);
  int abi;
  long number;
  while (scanf ("%d %ld", &abi, &number) == 2)
    printf ("%d %ld %ld\n", abi, number, -call (abi, number));
  return 0;
}
