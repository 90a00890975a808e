/* DNS messages (RFC 1035 §4, RFC 6891).  Nothing here allocates or keeps state, and every byte read
   is checked against the length first, because queries come from containers and replies from the
   network.  */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum
{
  DNS_HEADER_BYTES = 12,
  DNS_NAME_BYTES = 255, /* RFC 1035 §2.3.4 */
  DNS_MESSAGE_BYTES = 65535,
  /* Without EDNS (RFC 1035 §4.2.1).  */
  DNS_UDP_BYTES = 512,
  /* What we offer and accept with EDNS: fits an unfragmented IPv6 packet (DNS flag day 2020).  */
  DNS_EDNS_BYTES = 1232
};

enum dns_type
{
  DNS_A = 1,
  DNS_PTR = 12,
  DNS_AAAA = 28,
  DNS_OPT = 41,
  DNS_ANY = 255
};

enum dns_class
{
  DNS_IN = 1,
  DNS_ANY_CLASS = 255
};

enum dns_rcode
{
  DNS_NOERROR = 0,
  DNS_FORMERR = 1,
  DNS_SERVFAIL = 2,
  DNS_NXDOMAIN = 3,
  DNS_NOTIMP = 4,
  DNS_REFUSED = 5,
  DNS_BADVERS = 16
};

/* An address of either family; `length` is 4 or 16.  */
struct address
{
  uint8_t length;
  uint8_t bytes[16];
};

struct query
{
  const uint8_t *bytes;
  size_t length;
  uint16_t id;
  uint16_t flags;
  /* Lower case, with dots between labels and none at the end; "" is the root.  Empty with has_text
     false when a label contains a dot or a byte that text cannot show.  */
  char name[DNS_NAME_BYTES + 1];
  bool has_text;
  uint16_t type;
  uint16_t class;
  /* Where the question ends in `bytes`.  */
  size_t question_end;
  bool has_edns;
  bool wants_dnssec;
  /* Of EDNS, as a cookie or the client's subnet: the answer is for this client alone.  */
  bool has_options;
  uint8_t edns_version;
  uint16_t udp_bytes;
};

enum parse_result
{
  PARSE_OK,
  /* Nothing to answer: too short for a header, or a reply.  */
  PARSE_IGNORE,
  /* Answer with this and no question.  */
  PARSE_FORMERR,
  PARSE_NOTIMP
};

enum parse_result query_parse (struct query *query, const uint8_t *bytes, size_t length);

/* How many bytes a reply over UDP may have.  */
size_t query_udp_limit (const struct query *query);

/* The address that a reverse name stands for: "4.3.2.1.in-addr.arpa" or the nibbles of ip6.arpa. */
bool query_reverse (const struct query *query, struct address *address);

/* A reply under construction in `bytes`.  What does not fit sets TC.  */
struct reply
{
  uint8_t *bytes;
  size_t capacity;
  size_t length;
  uint16_t answers;
  bool is_truncated;
};

/* `query->question_end` 0 (not parsed that far) copies no question.  */
void reply_begin (struct reply *reply, const struct query *query, uint8_t *bytes, size_t capacity);
void reply_address (struct reply *reply, const struct address *address, uint32_t ttl);
/* `name` as text, which names_valid has accepted.  */
void reply_pointer (struct reply *reply, const char *name, uint32_t ttl);
void reply_end (struct reply *reply, const struct query *query, enum dns_rcode rcode);

/* Whether these bytes answer this query, sent with `id`: same question, a reply, nothing cut off
 * before its end.  */
bool reply_matches (const struct query *query, uint16_t id, const uint8_t *bytes, size_t length);
enum dns_rcode reply_rcode (const uint8_t *bytes);

uint16_t read_u16 (const uint8_t *bytes);
void write_u16 (uint8_t *bytes, uint16_t value);

/* Whether `name` can be put in a message: labels of 1 to 63 bytes, 253 in all, lower-case.  */
bool name_is_valid (const char *name, size_t length);
