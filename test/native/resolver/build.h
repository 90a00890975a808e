/* Queries as bytes.  */
#pragma once

#include "message.h"

#include <string.h>

/* Writes a query for a name in text form and returns its length; `edns` 0 leaves OPT out.  */
static inline size_t build_query (uint8_t *out, const char *name, uint16_t type, uint16_t edns)
{
  static const uint8_t header[DNS_HEADER_BYTES]
      = { 0x12, 0x34, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0 };
  size_t length = sizeof header;

  memcpy (out, header, sizeof header);
  while (*name != '\0')
    {
      size_t label = strcspn (name, ".");

      out[length++] = (uint8_t)label;
      memcpy (out + length, name, label);
      length += label;
      name += label + (name[label] == '.' ? 1 : 0);
    }
  out[length++] = 0;
  write_u16 (out + length, type);
  write_u16 (out + length + 2, DNS_IN);
  length += 4;
  if (edns > 0)
    {
      static const uint8_t opt[11] = { 0, 0, DNS_OPT };

      memcpy (out + length, opt, sizeof opt);
      write_u16 (out + length + 3, edns);
      out[11] = 1;
      length += sizeof opt;
    }
  return length;
}
