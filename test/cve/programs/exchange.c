/* Exchanges two names until it is killed: the attacker of every race in this directory.  What it
   has done so far is in the first eight bytes of the file named third.  */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

int main (int argc, char **argv)
{
  if (argc != 4)
    return 2;
  int file = open (argv[3], O_RDWR | O_CREAT, 0644);
  if (file < 0 || ftruncate (file, sizeof (uint64_t)) < 0)
    return 1;
  volatile uint64_t *count
      = mmap (NULL, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (count == MAP_FAILED)
    return 1;
  for (;; ++*count)
    if (syscall (SYS_renameat2, AT_FDCWD, argv[1], AT_FDCWD, argv[2], 2 /* RENAME_EXCHANGE */) < 0)
      {
        perror ("renameat2");
        return 1;
      }
}
