/* One query in, one verdict out.  No descriptors, no clock.  */
#pragma once

#include "names.h"

enum verdict
{
  VERDICT_REPLY,
  VERDICT_IGNORE,
  /* Unknown here; `query` is well-formed and may be forwarded.  */
  VERDICT_FORWARD
};

/* `bytes` of the reply have room for `capacity` ≥ DNS_UDP_BYTES; over UDP less of it may be used.
 */
enum verdict answer (struct network *const *networks, size_t count, struct query *query,
                     const uint8_t *bytes, size_t length, struct reply *reply, uint8_t *out,
                     size_t capacity);

/* A reply without records.  */
void answer_code (const struct query *query, enum dns_rcode rcode, struct reply *reply,
                  uint8_t *out, size_t capacity);
