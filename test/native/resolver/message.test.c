#include "build.h"
#include "check.h"

static uint8_t bytes[DNS_MESSAGE_BYTES];
static struct query query;

static enum parse_result parse_name (const char *name, uint16_t type, uint16_t edns)
{
  return query_parse (&query, bytes, build_query (bytes, name, type, edns));
}

static void test_parsing (void)
{
  size_t length;

  TEST ("a name must be lower-cased");
  CHECK (parse_name ("ReDis.Project", DNS_A, 0) == PARSE_OK);
  CHECK (strcmp (query.name, "redis.project") == 0 && query.has_text);
  CHECK (query.type == DNS_A && query.class == DNS_IN && query.id == 0x1234);

  TEST ("the root must be a name without labels");
  CHECK (parse_name ("", DNS_A, 0) == PARSE_OK);
  CHECK (query.name[0] == '\0' && query.has_text);

  TEST ("a label with a dot in it must not pass as two labels");
  length = build_query (bytes, "a-b", DNS_A, 0);
  bytes[DNS_HEADER_BYTES + 2] = '.';
  CHECK (query_parse (&query, bytes, length) == PARSE_OK);
  CHECK (!query.has_text && query.name[0] == '\0');

  TEST ("a query cut off anywhere must not be accepted");
  length = build_query (bytes, "redis.project", DNS_A, 1232);
  for (size_t cut = 0; cut < length; cut++)
    CHECK (query_parse (&query, bytes, cut) != PARSE_OK);

  TEST ("a compression pointer in the question must be refused");
  length = build_query (bytes, "redis", DNS_A, 0);
  bytes[DNS_HEADER_BYTES] = 0xc0;
  CHECK (query_parse (&query, bytes, length) == PARSE_FORMERR);

  TEST ("a name of more than 255 bytes must be refused");
  memset (bytes, 0, sizeof bytes);
  bytes[5] = 1;
  for (size_t at = DNS_HEADER_BYTES; at < 400; at += 4)
    memcpy (bytes + at, "\3abc", 4);
  CHECK (query_parse (&query, bytes, 500) == PARSE_FORMERR);

  TEST ("a reply must be ignored");
  length = build_query (bytes, "redis", DNS_A, 0);
  bytes[2] |= 0x80;
  CHECK (query_parse (&query, bytes, length) == PARSE_IGNORE);

  TEST ("two questions must be refused");
  length = build_query (bytes, "redis", DNS_A, 0);
  bytes[5] = 2;
  CHECK (query_parse (&query, bytes, length) == PARSE_FORMERR);

  TEST ("another operation than a query must be refused");
  length = build_query (bytes, "redis", DNS_A, 0);
  bytes[2] |= 5 << 3;
  CHECK (query_parse (&query, bytes, length) == PARSE_NOTIMP);
}

static void test_edns (void)
{
  size_t length;

  TEST ("the size of EDNS must be the limit, and never be less than 512");
  CHECK (parse_name ("redis", DNS_A, 1232) == PARSE_OK && query.has_edns);
  CHECK (query_udp_limit (&query) == 1232);
  CHECK (parse_name ("redis", DNS_A, 100) == PARSE_OK);
  CHECK (query_udp_limit (&query) == 512);
  CHECK (parse_name ("redis", DNS_A, 0) == PARSE_OK && !query.has_edns);
  CHECK (query_udp_limit (&query) == 512);

  TEST ("a second OPT must be refused");
  length = build_query (bytes, "redis", DNS_A, 1232);
  memcpy (bytes + length, bytes + length - 11, 11);
  bytes[11] = 2;
  CHECK (query_parse (&query, bytes, length + 11) == PARSE_FORMERR);

  TEST ("an OPT whose options reach over the end must be refused");
  length = build_query (bytes, "redis", DNS_A, 1232);
  bytes[length - 1] = 1;
  CHECK (query_parse (&query, bytes, length) == PARSE_FORMERR);
}

static void test_reverse (void)
{
  struct address address;

  TEST ("a reverse name of IPv4 must give its address");
  CHECK (parse_name ("4.3.20.10.in-addr.arpa", DNS_PTR, 0) == PARSE_OK);
  CHECK (query_reverse (&query, &address) && address.length == 4);
  CHECK (memcmp (address.bytes, "\12\24\3\4", 4) == 0);

  TEST ("a reverse name of IPv6 must give its address");
  CHECK (parse_name ("1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
                     DNS_PTR, 0)
         == PARSE_OK);
  CHECK (query_reverse (&query, &address) && address.length == 16);
  CHECK (address.bytes[0] == 0x20 && address.bytes[1] == 0x01 && address.bytes[2] == 0x0d
         && address.bytes[3] == 0xb8 && address.bytes[15] == 1);

  TEST ("what only looks like a reverse name must not be one");
  for (const char *const *name
       = (const char *const[]){ "3.2.1.in-addr.arpa", "256.3.2.1.in-addr.arpa",
                                "04.3.2.1.in-addr.arpa", "4.3.2.1.in-addr.arpa.x", "redis",
                                "4.3.2.1", "1.0.ip6.arpa", NULL };
       *name != NULL; name++)
    {
      CHECK (parse_name (*name, DNS_PTR, 0) == PARSE_OK);
      CHECK (!query_reverse (&query, &address));
    }
}

static void test_replies (void)
{
  static uint8_t out[DNS_MESSAGE_BYTES];
  struct address address = { .length = 4, .bytes = { 10, 0, 0, 1 } };
  struct reply reply;

  TEST ("a reply must have the question, the records and OPT");
  parse_name ("redis", DNS_A, 1232);
  reply_begin (&reply, &query, out, 512);
  reply_address (&reply, &address, 5);
  reply_end (&reply, &query, DNS_NOERROR);
  CHECK (reply.length == query.question_end + 16 + 11);
  CHECK (memcmp (out, "\x12\x34\x85\x80\0\1\0\1\0\0\0\1", 12) == 0);
  CHECK (memcmp (out + query.question_end, "\xc0\x0c\0\1\0\1\0\0\0\5\0\4\12\0\0\1", 16) == 0);

  TEST ("what does not fit must be left out and set TC");
  reply_begin (&reply, &query, out, 512);
  for (int i = 0; i < 64; i++)
    reply_address (&reply, &address, 5);
  reply_end (&reply, &query, DNS_NOERROR);
  CHECK (reply.length <= 512 && reply.is_truncated && (out[2] & 0x02) != 0);
  CHECK (read_u16 (out + 6) == (512 - 11 - query.question_end) / 16);

  TEST ("a pointer must be written as labels");
  reply_begin (&reply, &query, out, 512);
  reply_pointer (&reply, "db.net", 5);
  reply_end (&reply, &query, DNS_NOERROR);
  CHECK (memcmp (out + query.question_end + 10, "\0\10\2db\3net\0", 10) == 0);

  TEST ("BADVERS must be split between header and OPT");
  reply_begin (&reply, &query, out, 512);
  reply_end (&reply, &query, DNS_BADVERS);
  CHECK ((out[3] & 0x0f) == 0 && out[reply.length - 11 + 5] == 1);
}

static void test_matching (void)
{
  static uint8_t out[DNS_MESSAGE_BYTES];
  struct reply reply;

  parse_name ("redis.io", DNS_A, 0);
  reply_begin (&reply, &query, out, 512);
  reply_end (&reply, &query, DNS_NOERROR);

  TEST ("a reply to this query must match, whatever the case of its name");
  CHECK (reply_matches (&query, 0x1234, out, reply.length));
  out[DNS_HEADER_BYTES + 1] = 'R';
  CHECK (reply_matches (&query, 0x1234, out, reply.length));

  TEST ("another id, name, type or class, or a query, must not match");
  CHECK (!reply_matches (&query, 0x1235, out, reply.length));
  for (size_t at = 2; at < reply.length; at++)
    {
      /* Flags beside QR and opcode, and the counts of records, are the server's.  */
      if (at == 3 || (at >= 6 && at < DNS_HEADER_BYTES))
        continue;
      out[at] ^= 0x80;
      CHECK (!reply_matches (&query, 0x1234, out, reply.length));
      out[at] ^= 0x80;
    }
  CHECK (!reply_matches (&query, 0x1234, out, reply.length - 1));
}

static void test_names (void)
{
  TEST ("names that a message cannot hold must be refused");
  CHECK (name_is_valid ("web", 3) && name_is_valid ("a.b-c_d", 7));
  for (const char *const *name
       = (const char *const[]){ "", ".", "a..b", "a.", ".a", "A", "a b", "a\tb", NULL };
       *name != NULL; name++)
    CHECK (!name_is_valid (*name, strlen (*name)));
  memset (bytes, 'a', 300);
  CHECK (name_is_valid ((const char *)bytes, 63) && !name_is_valid ((const char *)bytes, 64));
  for (size_t at = 63; at < 300; at += 64)
    bytes[at] = '.';
  CHECK (name_is_valid ((const char *)bytes, 253) && !name_is_valid ((const char *)bytes, 254));
}

int main (void)
{
  test_parsing ();
  test_edns ();
  test_reverse ();
  test_replies ();
  test_matching ();
  test_names ();
  return REPORT ();
}
