#include "message.h"

#include <string.h>

enum
{
  FLAG_QR = 0x8000,
  FLAG_AA = 0x0400,
  FLAG_TC = 0x0200,
  FLAG_RD = 0x0100,
  FLAG_RA = 0x0080,
  FLAG_CD = 0x0010,
  OPCODE_MASK = 0x7800,
  RCODE_MASK = 0x000f,
  POINTER_MASK = 0xc0,
  LABEL_BYTES = 63,
  /* Owner as a pointer to the question, type, class, TTL, length of data (RFC 1035 §4.1.3, §4.1.4).
   */
  RECORD_BYTES = 12,
  /* An OPT record without options (RFC 6891 §6.1.2).  */
  OPT_BYTES = 11,
  OPT_DO = 0x8000
};

uint16_t read_u16 (const uint8_t *bytes) { return (uint16_t)(bytes[0] << 8 | bytes[1]); }

void write_u16 (uint8_t *bytes, uint16_t value)
{
  bytes[0] = (uint8_t)(value >> 8);
  bytes[1] = (uint8_t)value;
}

static uint8_t lower (uint8_t byte)
{
  return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + ('a' - 'A')) : byte;
}

/* The offset behind the name at `offset`; 0 when it is malformed.  A pointer ends a name and is not
 * followed.  */
static size_t skip_name (const uint8_t *bytes, size_t length, size_t offset)
{
  while (offset < length)
    {
      uint8_t label = bytes[offset];

      if (label == 0)
        return offset + 1;
      if ((label & POINTER_MASK) == POINTER_MASK)
        return offset + 2 <= length ? offset + 2 : 0;
      if (label > LABEL_BYTES)
        return 0;
      offset += (size_t)label + 1;
    }
  return 0;
}

/* Reads the name of the question into `query->name`.  There is nothing before it that a pointer
 * could name.  */
static size_t parse_name (struct query *query, size_t offset)
{
  size_t used = 0, start = offset;

  query->has_text = true;
  for (;;)
    {
      uint8_t label;

      if (offset >= query->length)
        return 0;
      label = query->bytes[offset++];
      if (label > LABEL_BYTES || offset - start + label > DNS_NAME_BYTES
          || query->length - offset < label)
        return 0;
      if (label == 0)
        break;
      if (used > 0)
        query->name[used++] = '.';
      for (size_t i = 0; i < label; i++)
        {
          uint8_t byte = lower (query->bytes[offset + i]);

          if (byte <= ' ' || byte == '.' || byte >= 0x7f)
            query->has_text = false;
          query->name[used++] = (char)byte;
        }
      offset += label;
    }
  query->name[query->has_text ? used : 0] = '\0';
  return offset;
}

/* Looks for OPT among the records behind the question.  false: a record is malformed, or there are
 * two OPT.  */
static bool parse_records (struct query *query, size_t offset, unsigned int count)
{
  for (unsigned int i = 0; i < count; i++)
    {
      size_t owner = offset, size;

      offset = skip_name (query->bytes, query->length, offset);
      if (offset == 0 || query->length - offset < 10)
        return false;
      size = read_u16 (query->bytes + offset + 8);
      if (query->length - offset - 10 < size)
        return false;
      if (read_u16 (query->bytes + offset) == DNS_OPT)
        {
          /* RFC 6891 §6.1.1: one OPT, owned by the root.  */
          if (query->has_edns || query->bytes[owner] != 0)
            return false;
          query->has_edns = true;
          query->has_options = size > 0;
          query->udp_bytes = read_u16 (query->bytes + offset + 2);
          query->edns_version = query->bytes[offset + 5];
          query->wants_dnssec = (read_u16 (query->bytes + offset + 6) & OPT_DO) != 0;
        }
      offset += 10 + size;
    }
  return true;
}

enum parse_result query_parse (struct query *query, const uint8_t *bytes, size_t length)
{
  unsigned int records;
  size_t offset;

  memset (query, 0, sizeof *query);
  query->bytes = bytes;
  query->length = length;
  if (length < DNS_HEADER_BYTES)
    return PARSE_IGNORE;
  query->id = read_u16 (bytes);
  query->flags = read_u16 (bytes + 2);
  if ((query->flags & FLAG_QR) != 0)
    return PARSE_IGNORE;
  if ((query->flags & OPCODE_MASK) != 0)
    return PARSE_NOTIMP;
  if (read_u16 (bytes + 4) != 1)
    return PARSE_FORMERR;
  offset = parse_name (query, DNS_HEADER_BYTES);
  if (offset == 0 || length - offset < 4)
    return PARSE_FORMERR;
  query->type = read_u16 (bytes + offset);
  query->class = read_u16 (bytes + offset + 2);
  records = (unsigned int)read_u16 (bytes + 6) + read_u16 (bytes + 8) + read_u16 (bytes + 10);
  if (!parse_records (query, offset + 4, records))
    {
      query->has_edns = false;
      return PARSE_FORMERR;
    }
  query->question_end = offset + 4;
  return PARSE_OK;
}

size_t query_udp_limit (const struct query *query)
{
  /* RFC 6891 §6.2.3: less than 512 means 512.  */
  return query->has_edns && query->udp_bytes > DNS_UDP_BYTES ? query->udp_bytes : DNS_UDP_BYTES;
}

/* One decimal byte without leading zeros, as reverse names are written.  */
static const char *parse_byte (const char *text, uint8_t *value)
{
  unsigned int number = 0;
  size_t digits = 0;

  while (digits < 3 && text[digits] >= '0' && text[digits] <= '9')
    number = number * 10 + (unsigned int)(text[digits++] - '0');
  if (digits == 0 || number > UINT8_MAX || (digits > 1 && text[0] == '0'))
    return NULL;
  *value = (uint8_t)number;
  return text + digits;
}

static int nibble (char digit)
{
  if (digit >= '0' && digit <= '9')
    return digit - '0';
  return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

static bool reverse_ipv6 (const char *name, struct address *address)
{
  memset (address, 0, sizeof *address);
  address->length = 16;
  for (int i = 31; i >= 0; i--, name += 2)
    {
      int value = nibble (name[0]);

      if (value < 0 || name[1] != '.')
        return false;
      address->bytes[i / 2] |= (uint8_t)(i % 2 == 0 ? value << 4 : value);
    }
  return strcmp (name, "ip6.arpa") == 0;
}

static bool reverse_ipv4 (const char *name, struct address *address)
{
  memset (address, 0, sizeof *address);
  address->length = 4;
  for (int i = 3; i >= 0; i--)
    {
      name = parse_byte (name, &address->bytes[i]);
      if (name == NULL || *name++ != '.')
        return false;
    }
  return strcmp (name, "in-addr.arpa") == 0;
}

bool query_reverse (const struct query *query, struct address *address)
{
  return query->has_text
         && (reverse_ipv4 (query->name, address) || reverse_ipv6 (query->name, address));
}

void reply_begin (struct reply *reply, const struct query *query, uint8_t *bytes, size_t capacity)
{
  size_t question = query->question_end > 0 ? query->question_end - DNS_HEADER_BYTES : 0;

  *reply = (struct reply){ .bytes = bytes, .capacity = capacity };
  memset (bytes, 0, DNS_HEADER_BYTES);
  write_u16 (bytes, query->id);
  write_u16 (bytes + 4, question > 0 ? 1 : 0);
  if (question > 0)
    memcpy (bytes + DNS_HEADER_BYTES, query->bytes + DNS_HEADER_BYTES, question);
  reply->length = DNS_HEADER_BYTES + question;
  /* Room for OPT is kept from the start: it must be there also when answers are cut off (RFC 6891
   * §7).  */
  if (query->has_edns)
    reply->capacity -= OPT_BYTES;
}

static uint8_t *add_record (struct reply *reply, enum dns_type type, uint32_t ttl, size_t size)
{
  uint8_t *record = reply->bytes + reply->length;

  if (reply->is_truncated || reply->capacity - reply->length < RECORD_BYTES + size)
    {
      reply->is_truncated = true;
      return NULL;
    }
  write_u16 (record, POINTER_MASK << 8 | DNS_HEADER_BYTES);
  write_u16 (record + 2, (uint16_t)type);
  write_u16 (record + 4, DNS_IN);
  write_u16 (record + 6, (uint16_t)(ttl >> 16));
  write_u16 (record + 8, (uint16_t)ttl);
  write_u16 (record + 10, (uint16_t)size);
  reply->length += RECORD_BYTES + size;
  reply->answers++;
  return record + RECORD_BYTES;
}

void reply_address (struct reply *reply, const struct address *address, uint32_t ttl)
{
  uint8_t *data = add_record (reply, address->length == 4 ? DNS_A : DNS_AAAA, ttl, address->length);

  if (data != NULL)
    memcpy (data, address->bytes, address->length);
}

void reply_pointer (struct reply *reply, const char *name, uint32_t ttl)
{
  /* Every dot becomes a length byte, and there is one more at the front and the root at the end. */
  uint8_t *data = add_record (reply, DNS_PTR, ttl, strlen (name) + 2);

  if (data == NULL)
    return;
  for (;;)
    {
      size_t label = strcspn (name, ".");

      *data = (uint8_t)label;
      memcpy (data + 1, name, label);
      data += label + 1;
      if (name[label] == '\0')
        break;
      name += label + 1;
    }
  *data = 0;
}

void reply_end (struct reply *reply, const struct query *query, enum dns_rcode rcode)
{
  uint16_t flags = (uint16_t)(FLAG_QR | FLAG_RA | (query->flags & (OPCODE_MASK | FLAG_RD | FLAG_CD))
                              | ((unsigned int)rcode & RCODE_MASK));

  if (rcode == DNS_NOERROR || rcode == DNS_NXDOMAIN)
    flags |= FLAG_AA;
  if (reply->is_truncated)
    flags |= FLAG_TC;
  write_u16 (reply->bytes + 2, flags);
  write_u16 (reply->bytes + 6, reply->answers);
  if (query->has_edns)
    {
      uint8_t *opt = reply->bytes + reply->length;

      memset (opt, 0, OPT_BYTES);
      write_u16 (opt + 1, DNS_OPT);
      write_u16 (opt + 3, DNS_EDNS_BYTES);
      opt[5] = (uint8_t)((unsigned int)rcode >> 4);
      write_u16 (opt + 7, query->wants_dnssec ? OPT_DO : 0);
      write_u16 (reply->bytes + 10, 1);
      reply->length += OPT_BYTES;
    }
}

bool reply_matches (const struct query *query, uint16_t id, const uint8_t *bytes, size_t length)
{
  if (length < query->question_end || read_u16 (bytes) != id)
    return false;
  if ((read_u16 (bytes + 2) & (FLAG_QR | OPCODE_MASK)) != FLAG_QR || read_u16 (bytes + 4) != 1)
    return false;
  /* Servers may change the case of the name.  */
  for (size_t i = DNS_HEADER_BYTES; i < query->question_end - 4; i++)
    if (lower (bytes[i]) != lower (query->bytes[i]))
      return false;
  return memcmp (bytes + query->question_end - 4, query->bytes + query->question_end - 4, 4) == 0;
}

enum dns_rcode reply_rcode (const uint8_t *bytes)
{
  return (enum dns_rcode) (bytes[3] & RCODE_MASK);
}

bool name_is_valid (const char *name, size_t length)
{
  size_t label = 0;

  if (length == 0 || length > DNS_NAME_BYTES - 2)
    return false;
  for (size_t i = 0; i < length; i++)
    {
      uint8_t byte = (uint8_t)name[i];

      if (byte == '.')
        {
          if (label == 0)
            return false;
          label = 0;
          continue;
        }
      if (byte <= ' ' || byte >= 0x7f || lower (byte) != byte || ++label > LABEL_BYTES)
        return false;
    }
  return label > 0;
}
