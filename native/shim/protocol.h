/* Messages, exit record and log frames; drawn in native/PROTOCOL.md and mirrored by
   engine/runtime/protocol.ts and engine/runtime/shim-log-frames.ts.  All numbers are little-endian.
 */
#ifndef TS_PROTOCOL_H
#define TS_PROTOCOL_H

#include <stddef.h>
#include <stdint.h>

/* Of the conversation: a shim of another version goes on, and answers what it knows.  */
#define TS_PROTOCOL_VERSION 2
/* Of the exit file and the log, which outlive shims.  */
#define TS_RECORD_VERSION 1
#define TS_MAX_PAYLOAD 512

enum ts_message_type
{
  TS_STATUS = 1,
  TS_ENDED = 2,
  TS_REPLY = 3,
  TS_EXEC_STATUS = 4,
  TS_START = 64,
  TS_SIGNAL = 65,
  TS_EXEC = 66,
  TS_EXEC_SIGNAL = 67,
  TS_EXEC_FORGET = 68,
  TS_RESIZE = 69,
  TS_INPUT = 70,
  TS_INPUT_END = 71,
};

enum ts_state
{
  TS_STARTING = 0,
  TS_CREATED = 1,
  TS_RUNNING = 2,
  TS_HELD = 3, /* before the hooks of creation and pivot_root */
};

enum ts_stage
{
  TS_STAGE_NONE = 0,
  TS_STAGE_EXECUTABLE,
  TS_STAGE_SPECIFICATION,
  TS_STAGE_CONTROL_SOCKET,
  TS_STAGE_LOG,
  TS_STAGE_STDIO,
  TS_STAGE_CLONE,
  TS_STAGE_CGROUP,
  TS_STAGE_NETWORK_NAMESPACE,
  TS_STAGE_PROPAGATION,
  TS_STAGE_ROOT,
  TS_STAGE_MOUNT,
  TS_STAGE_DEVICE,
  TS_STAGE_LINK,
  TS_STAGE_SYSCTL,
  TS_STAGE_MASKED_PATH,
  TS_STAGE_READONLY_PATH,
  TS_STAGE_HOSTNAME,
  TS_STAGE_PIVOT_ROOT,
  TS_STAGE_RLIMIT,
  TS_STAGE_OOM_SCORE,
  TS_STAGE_SESSION_KEYRING,
  TS_STAGE_WORKING_DIRECTORY,
  TS_STAGE_USER,
  TS_STAGE_CAPABILITIES,
  TS_STAGE_NO_NEW_PRIVILEGES,
  TS_STAGE_SECCOMP,
  TS_STAGE_START,
  TS_STAGE_EXEC,
  TS_STAGE_TERMINAL,
  TS_STAGE_NAMESPACES,
  TS_STAGE_HOOK,
  TS_STAGE_SCHEDULING,
  TS_STAGE_RUNTIME,
  TS_STAGE_ATTRIBUTE,
  TS_STAGE_LAST = TS_STAGE_ATTRIBUTE,
};

struct ts_frame_header
{
  uint32_t length;
  uint16_t type;
  uint16_t zero;
};

struct ts_status
{
  uint32_t version;
  uint32_t state;
  uint32_t pid;
  uint32_t container_pid;
  uint64_t start_time;
  uint64_t container_start_time;
};

struct ts_reply
{
  uint32_t request;
  uint32_t error;
};

struct ts_signal
{
  uint32_t request;
  uint32_t signal;
  uint32_t flags;
};
#define TS_SIGNAL_ALL 1

#define TS_ID_SIZE 64

/* With it come descriptors, in this order: the specification; with TS_EXEC_TERMINAL one end of a
   socket pair; else the program's end of each stream that a flag names, followed for output by the
   other end, which the shim empties when nobody else does any more.  */
struct ts_exec_request
{
  uint32_t request;
  uint32_t flags;
  uint16_t rows;
  uint16_t columns;
  uint32_t zero;
  char id[TS_ID_SIZE];
};
#define TS_EXEC_TERMINAL 1u
#define TS_EXEC_STDIN 2u
#define TS_EXEC_STDOUT 4u
#define TS_EXEC_STDERR 8u
#define TS_EXEC_FLAGS_KNOWN 15u
#define TS_EXEC_MAX_FDS 6

/* TS_EXEC_SIGNAL; TS_EXEC_FORGET ignores the signal.  */
struct ts_exec_signal
{
  uint32_t request;
  uint32_t signal;
  char id[TS_ID_SIZE];
};

/* An id of zeros means the container's own terminal.  */
struct ts_resize
{
  uint32_t request;
  uint16_t rows;
  uint16_t columns;
  char id[TS_ID_SIZE];
};

/* TS_INPUT, with one end of a socket pair whose bytes go to the container's input, and
   TS_INPUT_END: when all of these have been read to their ends, the input is closed.  */
struct ts_input
{
  uint32_t request;
};

enum ts_exec_state
{
  TS_EXEC_RUNNING = 1,
  TS_EXEC_ENDED = 2,
  TS_EXEC_FAILED = 3,
};

/* This header and `path_length` bytes of path.  */
struct ts_exec_status
{
  char id[TS_ID_SIZE];
  uint32_t state;
  uint32_t pid;
  uint32_t code;
  uint32_t signal;
  uint64_t finished_ns;
  uint32_t stage;
  uint32_t error;
  uint32_t path_length;
  uint32_t zero;
  char path[256];
};
#define TS_EXEC_STATUS_HEADER offsetof (struct ts_exec_status, path)

#define TS_EXIT_MAGIC 0x54495845u /* "EXIT" */
#define TS_EXIT_OOM_KILLED 1
#define TS_EXIT_FAILED 2
#define TS_EXIT_PATH_MAX 255

/* The exit file and the payload of TS_ENDED: this header and `path_length` bytes of path.  */
struct ts_exit
{
  uint32_t magic;
  uint16_t version;
  uint16_t flags;
  uint32_t code;
  uint32_t signal;
  uint64_t finished_ns;
  uint64_t lost_log_bytes;
  uint32_t stage;
  uint32_t error;
  uint32_t path_length;
  uint32_t zero;
  char path[TS_EXIT_PATH_MAX + 1];
};
#define TS_EXIT_HEADER offsetof (struct ts_exit, path)

#define TS_LOG_MAGIC 0x31474f4c435354ffull /* ff "TSCLOG1" */
#define TS_LOG_FRAME_MAGIC 0x4d415246u     /* "FRAM" */
#define TS_LOG_TRAILER_MAGIC 0x444e4546u   /* "FEND" */
#define TS_LOG_CHUNK (64 * 1024)

enum ts_log_stream
{
  TS_LOG_STDOUT = 1,
  TS_LOG_STDERR = 2,
  TS_LOG_LOST = 3,
};

struct ts_log_header
{
  uint64_t magic;
  uint32_t version;
  uint32_t size;
  uint64_t sequence;
  uint64_t created_ns;
};

struct ts_log_frame
{
  uint32_t magic;
  uint32_t length;
  uint64_t time_ns;
  uint32_t stream;
  uint32_t zero;
};

/* Repeats the length, so that a reader can walk backwards.  */
struct ts_log_trailer
{
  uint32_t length;
  uint32_t magic;
};

struct ts_log_lost
{
  uint64_t bytes;
  uint64_t chunks;
  uint64_t since_ns;
};

_Static_assert(sizeof (struct ts_frame_header) == 8, "mirrored by protocol.ts");
_Static_assert(sizeof (struct ts_status) == 32, "mirrored by protocol.ts");
_Static_assert(sizeof (struct ts_exec_request) == 80, "mirrored by exec-protocol.ts");
_Static_assert(sizeof (struct ts_exec_signal) == 72, "mirrored by exec-protocol.ts");
_Static_assert(sizeof (struct ts_resize) == 72, "mirrored by exec-protocol.ts");
_Static_assert(TS_EXEC_STATUS_HEADER == 104, "mirrored by exec-protocol.ts");
_Static_assert(TS_EXIT_HEADER == 48, "mirrored by protocol.ts");
_Static_assert(sizeof (struct ts_log_header) == 32, "mirrored by shim-log-frames.ts");
_Static_assert(sizeof (struct ts_log_frame) == 24, "mirrored by shim-log-frames.ts");

#endif
