/* Fixtures and temporary directories for the shim's tests, which run in test/native.  */
#pragma once

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The content of test/fixtures/shim/NAME in memory of exactly that size, so that the sanitizer sees
   each byte read beyond it.  */
static inline void *load (const char *name, size_t *size)
{
  char path[256];
  struct stat st;

  snprintf (path, sizeof path, "../fixtures/shim/%s", name);
  int fd = open (path, O_RDONLY);
  if (fd < 0 || fstat (fd, &st) < 0)
    {
      perror (path);
      exit (1);
    }
  *size = (size_t)st.st_size;
  void *bytes = malloc (*size);
  if (read (fd, bytes, *size) != (ssize_t)*size)
    exit (1);
  close (fd);
  return bytes;
}

static inline char *make_directory (char *template)
{
  strcpy (template, "/tmp/tsc-test-XXXXXX");
  if (mkdtemp (template) == NULL)
    exit (1);
  return template;
}
