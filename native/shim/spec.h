/* The specification of one sandbox as flat bytes; mirrored by engine/runtime/encode.ts.  Offsets
   count from the start of the specification; every text ends with a NUL that its length does not
   count; lists are aligned to 8.  */
#ifndef TS_SPEC_H
#define TS_SPEC_H

#include <stddef.h>
#include <stdint.h>

#define TS_SPEC_MAGIC 0x43505354u /* "TSPC" */
#define TS_SPEC_VERSION 4
#define TS_SPEC_MAX_SIZE (16u * 1024 * 1024)
#define TS_SPEC_MAX_MOUNTS 512
#define TS_SPEC_MAX_FILES 1024
#define TS_MAX_ATTRIBUTES 8

struct ts_ref
{
  uint32_t offset;
  uint32_t length;
};

struct ts_list
{
  uint32_t offset;
  uint32_t count;
};

struct ts_pair
{
  struct ts_ref key;
  struct ts_ref value;
};

enum ts_mount_kind
{
  TS_MOUNT_OVERLAY = 0,
  TS_MOUNT_BIND,
  TS_MOUNT_TMPFS,
  TS_MOUNT_PROC,
  TS_MOUNT_SYSFS,
  TS_MOUNT_MQUEUE,
  TS_MOUNT_DEVPTS,
  TS_MOUNT_CGROUP,
  TS_MOUNT_OTHER, /* its ts_mount_extra says which */
  TS_MOUNT_FILES, /* a tmpfs with files of `ts_more`, or with TS_CREATE_FILE the one file in it */
  TS_MOUNT_KINDS,
};

enum ts_create
{
  TS_CREATE_NOTHING = 0,
  TS_CREATE_DIRECTORY,
  TS_CREATE_FILE,
  TS_CREATE_KINDS,
};

#define TS_MOUNT_RECURSIVE 1u
#define TS_MOUNT_JOINED 2u       /* a bind's source lies in the mount namespace among the joins */
#define TS_MOUNT_READONLY_TOP 4u /* MOUNT_ATTR_RDONLY is not for the mounts below */
#define TS_MOUNT_OWNERS_TOP 8u   /* nor are the owners mapped there */
#define TS_MOUNT_FLAGS_KNOWN 15u

struct ts_mount
{
  uint32_t kind;
  uint32_t create;
  uint32_t propagation; /* one MS_* bit */
  uint32_t flags;
  uint64_t attr_set; /* MOUNT_ATTR_* */
  uint64_t attr_clear;
  struct ts_ref source;
  struct ts_ref target;
  struct ts_ref upper;
  struct ts_ref work;
  struct ts_list lower;   /* ts_ref */
  struct ts_list options; /* ts_pair; a value with offset 0 is a flag without value */
  struct ts_ref subpath;  /* below the source or the overlay's root; empty is all of it */
  uint32_t owners_fd;     /* user namespace with the owners of a bind (MOUNT_ATTR_IDMAP), or 0 */
  uint32_t zero;
};

struct ts_device
{
  struct ts_ref path;
  uint32_t mode; /* with its S_IF* type */
  uint32_t major;
  uint32_t minor;
  uint32_t uid;
  uint32_t gid;
  uint32_t zero;
};

/* A namespace of another container: descriptor FD of the shim's, behind all that it is to hold.  Of
   a mount namespace only sources of binds are taken.  */
struct ts_join
{
  uint32_t kind; /* CLONE_NEW* */
  uint32_t fd;
};

#define TS_MAX_JOINS 8

struct ts_rlimit
{
  uint64_t resource;
  uint64_t soft;
  uint64_t hard;
};

#define TS_FLAG_START_AT_ONCE 1u
#define TS_FLAG_CGROUP2 2u
#define TS_FLAG_ROOT_READONLY 4u
#define TS_FLAG_NO_NEW_PRIVILEGES 8u
#define TS_FLAG_INIT 16u
#define TS_FLAG_OOM_SCORE 32u
#define TS_FLAG_TERMINAL 64u /* input and output are a terminal, and one stream */
#define TS_FLAG_STDIN 128u   /* input comes from clients; it is kept open between them */
#define TS_FLAG_EXEC 256u    /* not a sandbox but a further program in one: only `process` counts */
#define TS_FLAG_HANDOVER 1024u /* the container becomes the caller's; see struct ts_handover */
#define TS_FLAG_FOREIGN 512u   /* the sandbox is made by another runtime; see struct ts_foreign */
#define TS_FLAG_MORE 2048u     /* the header ends with a struct ts_more */
#define TS_FLAGS_KNOWN 4095u

struct ts_spec
{
  uint32_t magic;
  uint16_t version;
  uint16_t header_size;
  uint32_t total_size;
  uint32_t flags;
  uint32_t namespaces; /* CLONE_NEW* */
  uint32_t umask;
  uint32_t uid;
  uint32_t gid;
  int32_t oom_score_adj;
  uint32_t log_max_files;
  uint16_t rows; /* of the terminal; 0 leaves it as it comes */
  uint16_t columns;
  uint32_t zero;
  uint64_t log_max_bytes;
  uint64_t bounding;
  uint64_t effective;
  uint64_t permitted;
  uint64_t inheritable;
  uint64_t ambient;
  struct ts_ref id;
  struct ts_ref hostname;
  struct ts_ref domainname;
  struct ts_ref network_namespace;
  struct ts_ref cwd;
  struct ts_ref log_path;
  struct ts_ref control_path;
  struct ts_ref exit_path;
  struct ts_list cgroups;  /* ts_ref */
  struct ts_list mounts;   /* ts_mount */
  struct ts_list devices;  /* ts_device */
  struct ts_list links;    /* ts_pair: path, target */
  struct ts_list masked;   /* ts_ref */
  struct ts_list readonly; /* ts_ref */
  struct ts_list sysctls;  /* ts_pair: path below /proc/sys, value */
  struct ts_list args;     /* ts_ref */
  struct ts_list env;      /* ts_ref */
  struct ts_list groups;   /* uint32_t */
  struct ts_list rlimits;  /* ts_rlimit */
  struct ts_list seccomp;  /* struct sock_filter */
  struct ts_list joins;    /* ts_join */
};

/* A descriptor of the shim's that is for the program (its number there) or for one of the uses
   below.  Ascending, so that none comes twice.  */
struct ts_descriptor
{
  uint32_t target;
  uint32_t fd;
};

#define TS_TARGET_KEPT_MAX 1023u
#define TS_TARGET_CONSOLE 0x10000u   /* a socket that is sent the master of the terminal */
#define TS_TARGET_CONTAINER 0x10001u /* an exec's: pidfd of whom it joins */

/* A program that runs in the container's namespaces.  Its input is STATE with the program's own pid
   between key and value.  */
struct ts_hook
{
  uint32_t stage;           /* enum ts_hook_stage */
  uint32_t timeout_seconds; /* 0: none */
  struct ts_ref path;
  struct ts_list args; /* ts_ref */
  struct ts_list env;  /* ts_ref */
  struct ts_pair state;
};

enum ts_hook_stage
{
  TS_HOOK_CREATE_CONTAINER = 1, /* before pivot_root */
  TS_HOOK_START_CONTAINER,      /* as the program's user, just before it */
  TS_HOOK_STAGES,
};

/* What a mount may have beyond its ts_mount.  */
struct ts_mount_extra
{
  struct ts_ref type;     /* of any file system; empty: the mount's kind says it */
  uint64_t recursive_set; /* MOUNT_ATTR_*, for all that is mounted below as well */
  uint64_t recursive_clear;
  uint32_t flags;
  uint32_t zero;
};
#define TS_EXTRA_COPY_UP 1u /* a tmpfs begins with what it covers */
#define TS_EXTRA_TOP 2u     /* the ts_mount's attributes are not for mounts below */
#define TS_EXTRA_FLAGS_KNOWN 3u

/* Behind the header with TS_FLAG_HANDOVER.  Whoever started the shim becomes the parent of the
   container's first process (or of an exec's), gives it its streams, and the shim ends when the
   program runs.  */
struct ts_handover
{
  uint32_t flags;
  uint32_t personality;
  uint32_t io_priority; /* ioprio_set(2); 0 leaves it */
  uint32_t seccomp_flags;
  struct ts_ref time_offsets; /* lines for /proc/self/timens_offsets; empty: none */
  struct ts_list scheduler;   /* bytes of a struct sched_attr; none leaves it */
  struct ts_list descriptors; /* ts_descriptor */
  struct ts_list hooks;       /* ts_hook */
  struct ts_list extras;      /* ts_mount_extra: none, or one for every mount */
};
#define TS_HANDOVER_PERSONALITY 1u
#define TS_HANDOVER_HOLD 2u /* waits for a first word before pivot_root */
#define TS_HANDOVER_FLAGS_KNOWN 3u

#define TS_SCHED_ATTR_SIZE 48u

_Static_assert(sizeof (struct ts_handover) == 56, "mirrored by encode-handover.ts");
_Static_assert(sizeof (struct ts_hook) == 48, "mirrored by encode-handover.ts");
_Static_assert(sizeof (struct ts_mount_extra) == 32, "mirrored by encode-handover.ts");
/* Behind the header with TS_FLAG_FOREIGN, where `args` are the words that make a container or start
   an exec: commands of an OCI runtime.  Their first word is a path.  */
struct ts_foreign
{
  struct ts_ref directory; /* of the host: "rootfs" and "shm" to mount on, "pid", "tty" */
  struct ts_list start;    /* ts_ref; both empty for an exec */
  struct ts_list delete;   /* ts_ref */
};

/* A file of a mount of the kind TS_MOUNT_FILES, whose content the host has in memory only.  */
struct ts_file
{
  uint32_t mount; /* index */
  uint32_t uid;
  uint32_t gid;
  uint32_t mode;
  struct ts_ref path; /* below the mount's own root */
  struct ts_list content;
};

/* The last part of the header with TS_FLAG_MORE: what few specifications have.  */
struct ts_more
{
  struct ts_list files;      /* ts_file */
  struct ts_list attributes; /* ts_pair: path below /proc/PID, what to write there before exec */
  uint32_t flags;
  uint32_t zero;
};
#define TS_MORE_CORE_SCHEDULING 1u /* PR_SCHED_CORE_CREATE, for the program and what it starts */
#define TS_MORE_INIT_ATTRIBUTE 2u  /* the last attribute is for the init, which executes nothing */
#define TS_MORE_FLAGS_KNOWN 3u

_Static_assert(sizeof (struct ts_file) == 32, "mirrored by encode-more.ts");
_Static_assert(sizeof (struct ts_more) == 24, "mirrored by encode-more.ts");
_Static_assert(sizeof (struct ts_foreign) == 24, "mirrored by encode.ts");
_Static_assert(sizeof (struct ts_mount) == 96, "mirrored by encode.ts");
_Static_assert(sizeof (struct ts_device) == 32, "mirrored by encode.ts");
_Static_assert(sizeof (struct ts_spec) == 264, "mirrored by encode.ts");

/* Checks everything that the other functions rely on.  Returns NULL, or what is wrong.  BYTES is
 * aligned to 8.  */
const char *spec_check (const void *bytes, size_t size);

enum ts_spec_kind
{
  TS_SPEC_SANDBOX,
  TS_SPEC_EXEC,
  TS_SPEC_AT_START, /* a sandbox, or an exec that is handed over */
};

/* Maps the sealed memory file FD.  Returns NULL with errno, or with *WHAT set when the content is
 * refused.  */
const struct ts_spec *spec_map (int fd, enum ts_spec_kind kind, const char **what);

static inline const char *spec_text (const struct ts_spec *spec, struct ts_ref ref)
{
  return (const char *)spec + ref.offset;
}

static inline const struct ts_foreign *spec_foreign (const struct ts_spec *spec)
{
  return (spec->flags & TS_FLAG_FOREIGN) == 0 ? NULL : (const void *)(spec + 1);
}

static inline const void *spec_items (const struct ts_spec *spec, struct ts_list list)
{
  return (const char *)spec + list.offset;
}

static inline const struct ts_more *spec_more (const struct ts_spec *spec)
{
  if ((spec->flags & TS_FLAG_MORE) == 0)
    return NULL;
  return (const void *)((const char *)spec + spec->header_size - sizeof (struct ts_more));
}

/* Whether the last of the attributes is for the init.  */
static inline int spec_has_init_attribute (const struct ts_spec *spec)
{
  const struct ts_more *more = spec_more (spec);

  return more != NULL && (more->flags & TS_MORE_INIT_ATTRIBUTE) != 0;
}

/* NULL: the container stays the shim's.  */
static inline const struct ts_handover *spec_handover (const struct ts_spec *spec)
{
  return (spec->flags & TS_FLAG_HANDOVER) == 0 ? NULL : (const void *)(spec + 1);
}

/* NULL: there is none, or MOUNT is not of the specification's list.  */
static inline const struct ts_mount_extra *spec_extra (const struct ts_spec *spec,
                                                       const struct ts_mount *mount)
{
  const struct ts_handover *handover = spec_handover (spec);
  const struct ts_mount *first = spec_items (spec, spec->mounts);

  if (handover == NULL || handover->extras.count == 0 || mount < first
      || mount >= first + spec->mounts.count)
    return NULL;
  return (const struct ts_mount_extra *)spec_items (spec, handover->extras) + (mount - first);
}

#endif
