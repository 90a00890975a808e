/* Frames of the control socket; PROTOCOL.md draws them, network/dns/protocol.ts is the other end.
 */
#pragma once

#include "resolver.h"

enum
{
  CONTROL_VERSION = 2,
  CONTROL_HEADER_BYTES = 8,
  CONTROL_MAX_BYTES = 2 * 1024 * 1024,
  CONTROL_MAX_FDS = 32,
  CONTROL_MAX_CLIENTS = 16
};

enum control_type
{
  CONTROL_HELLO = 0,
  CONTROL_SET_SANDBOX = 1,
  CONTROL_REMOVE_SANDBOX = 2,
  CONTROL_SET_NAMES = 3,
  CONTROL_REMOVE_NETWORK = 4,
  CONTROL_LIST = 5,
  CONTROL_STOP = 6,
  CONTROL_SET_RELAY = 7,
  CONTROL_REMOVE_RELAY = 8,
  CONTROL_DONE = 0x80,
  CONTROL_FAILED = 0x81
};

struct frame
{
  uint8_t version;
  uint8_t type;
  const int *fds;
  size_t fd_count;
  /* How many of `fds` have got a new owner.  */
  size_t fds_taken;
  const uint8_t *payload;
  size_t length;
};

/* A whole frame, for free.  */
struct answer_frame
{
  uint8_t tag[2];
  uint8_t *bytes;
  size_t length;
  size_t capacity;
};

/* Obeys one frame and writes what to answer; false: no memory for the answer.  */
bool command_run (struct resolver *resolver, struct frame *frame, struct answer_frame *reply);
