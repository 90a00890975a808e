/* Asks for a socket of each family named, "64 FAMILY" by the call of 64-bit programs, "32 FAMILY"
   by that of 32-bit ones, and "multiplexed FAMILY" by their older socketcall(2); prints the request
   and errno or 0.  */
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum
{
  SOCKET_32 = 359,
  SOCKETCALL_32 = 102
};

#ifdef __x86_64__
/* The 32-bit entry works from 64-bit code as well, with registers cut to 32 bits.  */
static long call_32 (long number, long first, long second, long third)
{
  long result;

  __asm__ volatile("int $0x80"
                   : "=a"(result)
                   : "a"(number), "b"(first), "c"(second), "d"(third), "S"(0L), "D"(0L)
                   : "memory", "r8", "r9", "r10", "r11");
  return result;
}

static long multiplexed (int family, int type)
{
  uint32_t *arguments
      = mmap (NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

  if (arguments == MAP_FAILED)
    return -ENOMEM;
  arguments[0] = (uint32_t)family;
  arguments[1] = (uint32_t)type;
  arguments[2] = 0;
  return call_32 (SOCKETCALL_32, 1 /* SYS_SOCKET */, (long)(uintptr_t)arguments, 0);
}
#endif

static long ask (const char *how, int family)
{
  /* The one type that both families have.  */
  const int type = SOCK_SEQPACKET;

#ifdef __x86_64__
  if (strcmp (how, "32") == 0)
    return call_32 (SOCKET_32, family, type, 0);
  if (strcmp (how, "multiplexed") == 0)
    return multiplexed (family, type);
#endif
  return syscall (SYS_socket, family, type, 0) < 0 ? -errno : 0;
}

int main (int argc, char **argv)
{
  for (int i = 1; i + 1 < argc; i += 2)
    {
      long result = ask (argv[i], atoi (argv[i + 1]));
      printf ("%s %s %ld\n", argv[i], argv[i + 1], result < 0 ? -result : 0);
    }
  return 0;
}
