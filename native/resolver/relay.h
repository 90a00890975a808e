/* Published ports, led on by this process.  */
#pragma once

#include "resolver.h"

struct relay *relay_find (struct resolver *resolver, const char *id);
/* Takes the descriptor over, and closes it when it fails; leads nowhere yet.  NULL: too many, or no
   memory.  */
struct relay *relay_make (struct resolver *resolver, const char *id, bool is_stream, int fd);
/* What goes on already is broken off when the target is another.  */
void relay_lead (struct resolver *resolver, struct relay *relay, const struct upstream *target);
void relay_remove (struct resolver *resolver, struct relay *relay);
const char *relay_id (const struct relay *relay);
const struct relay *relay_next (const struct relay *relay);
