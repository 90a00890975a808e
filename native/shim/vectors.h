/* Memory without an allocator, and the vectors of execve(2) in it.  */
#ifndef TS_VECTORS_H
#define TS_VECTORS_H

#include "spec.h"

/* Anonymous memory of zeros, MAP_PRIVATE or MAP_SHARED; NULL with errno.  */
void *memory_map (size_t size, int flags);

/* The arguments, a NULL, the environment, a NULL: pointers into the specification.  */
char **vectors_make (const struct ts_spec *spec);
void vectors_free (const struct ts_spec *spec, char **vectors);

/* The texts of LIST and a NULL, for as long as the process lives; NULL with errno.  */
char **vector_make (const struct ts_spec *spec, struct ts_list list);

/* Writes pointers to the texts of LIST and a NULL; returns what comes behind.  */
char **vectors_point (const struct ts_spec *spec, struct ts_list list, char **pointers);

#endif
