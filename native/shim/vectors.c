#define _GNU_SOURCE
#include "vectors.h"

#include <sys/mman.h>

void *memory_map (size_t size, int flags)
{
  void *memory = mmap (NULL, size, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | flags, -1, 0);

  return memory == MAP_FAILED ? NULL : memory;
}

char **vectors_point (const struct ts_spec *spec, struct ts_list list, char **pointers)
{
  const struct ts_ref *refs = spec_items (spec, list);

  for (uint32_t i = 0; i < list.count; i++)
    pointers[i] = (char *)spec_text (spec, refs[i]); /* execve only reads.  */
  pointers[list.count] = NULL;
  return pointers + list.count + 1;
}

static size_t vectors_size (const struct ts_spec *spec)
{
  return ((size_t)spec->args.count + spec->env.count + 2) * sizeof (char *);
}

char **vectors_make (const struct ts_spec *spec)
{
  char **vectors = memory_map (vectors_size (spec), MAP_PRIVATE);

  if (vectors != NULL)
    vectors_point (spec, spec->env, vectors_point (spec, spec->args, vectors));
  return vectors;
}

char **vector_make (const struct ts_spec *spec, struct ts_list list)
{
  char **vector = memory_map (((size_t)list.count + 1) * sizeof (char *), MAP_PRIVATE);

  if (vector != NULL)
    (void)vectors_point (spec, list, vector);
  return vector;
}

void vectors_free (const struct ts_spec *spec, char **vectors)
{
  if (vectors != NULL)
    munmap (vectors, vectors_size (spec));
}
