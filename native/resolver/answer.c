#include "answer.h"

enum
{
  /* Docker says 600.  An answer costs microseconds here, while a client that keeps one asks a
     container that has been replaced: nginx with a "resolver" line and the JVM both believe the
     TTL.  */
  TTL_SECONDS = 5
};

void answer_code (const struct query *query, enum dns_rcode rcode, struct reply *reply,
                  uint8_t *out, size_t capacity)
{
  reply_begin (reply, query, out, capacity);
  reply_end (reply, query, rcode);
}

static bool answer_reverse (struct network *const *networks, size_t count,
                            const struct query *query, struct reply *reply)
{
  struct address address;
  const char *name;

  if (query->type != DNS_PTR || !query_reverse (query, &address))
    return false;
  name = names_of_address (networks, count, &address);
  if (name == NULL)
    return false;
  reply_pointer (reply, name, TTL_SECONDS);
  return true;
}

enum verdict answer (struct network *const *networks, size_t count, struct query *query,
                     const uint8_t *bytes, size_t length, struct reply *reply, uint8_t *out,
                     size_t capacity)
{
  switch (query_parse (query, bytes, length))
    {
    case PARSE_IGNORE:
      return VERDICT_IGNORE;
    case PARSE_FORMERR:
      answer_code (query, DNS_FORMERR, reply, out, capacity);
      return VERDICT_REPLY;
    case PARSE_NOTIMP:
      answer_code (query, DNS_NOTIMP, reply, out, capacity);
      return VERDICT_REPLY;
    case PARSE_OK:
      break;
    }
  if (query->has_edns && query->edns_version > 0)
    {
      answer_code (query, DNS_BADVERS, reply, out, capacity);
      return VERDICT_REPLY;
    }
  /* CHAOS and the like ask about the server, and nobody but us is that.  */
  if (query->class != DNS_IN && query->class != DNS_ANY_CLASS)
    {
      answer_code (query, DNS_REFUSED, reply, out, capacity);
      return VERDICT_REPLY;
    }
  reply_begin (reply, query, out, capacity);
  if (answer_reverse (networks, count, query, reply)
      || (query->has_text && query->name[0] != '\0'
          && names_answer (networks, count, query, reply, TTL_SECONDS)))
    {
      /* A known name without such records exists all the same: NODATA, never NXDOMAIN (RFC 2308
         §2.2), or an asker of AAAA would give up before it asks for A.  */
      reply_end (reply, query, DNS_NOERROR);
      return VERDICT_REPLY;
    }
  return VERDICT_FORWARD;
}
