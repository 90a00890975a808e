/**
 * Every decision about one sandbox, already made. `encode.ts` writes it as the flat bytes that the shim maps;
 * native/shim/spec.h mirrors the layout. Nothing in it is parsed from text by C.
 */
export interface SandboxSpec {
  /** Container id, 64 hexadecimal digits. */
  readonly id: string;
  readonly hostname: string;
  readonly domainname: string;
  /** CLONE_NEW* flags of the namespaces the shim creates; `network` is joined, never created, by the shim. */
  readonly namespaces: number;
  /** Path of the bind-mounted network namespace to join; null keeps the host's. */
  readonly networkNamespace: string | null;
  /** Namespaces of other containers. */
  readonly joins: readonly SandboxJoin[];
  /** Directories of the cgroups to join, one per hierarchy; the first is the cgroup2 one where `cgroup2` is true. */
  readonly cgroups: readonly string[];
  readonly hasCgroup2: boolean;
  /** Executed in order inside the new mount namespace. The first one is the root file system itself (target "/"). */
  readonly mounts: readonly SandboxMount[];
  readonly devices: readonly SandboxDevice[];
  /** Symbolic links below the root, made after the mounts: [path, target]. What the image has at a path stays. */
  readonly links: readonly (readonly [path: string, target: string])[];
  readonly maskedPaths: readonly string[];
  readonly readonlyPaths: readonly string[];
  readonly isRootReadonly: boolean;
  /** Namespaced sysctls as [path below /proc/sys, value]. */
  readonly sysctls: readonly (readonly [path: string, value: string])[];
  readonly process: SandboxProcess;
  readonly log: SandboxLog;
  /** Host paths that the shim itself uses; all below engine directories of mode 0700. */
  readonly paths: SandboxPaths;
  /** The container becomes its creator's: there is no log, no input and no shim that stays. */
  readonly handover?: SandboxHandover;
}

export interface SandboxJoin {
  /** Of a mount namespace only the source of the mount with `isJoined` is taken. */
  readonly kind: 'network' | 'pid' | 'ipc' | 'mount' | 'uts' | 'cgroup' | 'time';
  /** In the shim; behind everything that it is to hold. */
  readonly fd: number;
}

export interface SandboxMount {
  readonly kind:
    | 'overlay'
    | 'bind'
    | 'tmpfs'
    | 'proc'
    | 'sysfs'
    | 'mqueue'
    | 'devpts'
    | 'cgroup'
    | 'other'
    | 'files';
  /** Of the kind `files`, a tmpfs of the container's own: what is in it; with `create: file` the one that is mounted. */
  readonly files?: readonly SandboxFile[];
  /** Absolute path inside the container; resolved below the new root, never through a link that leaves it. */
  readonly target: string;
  /** Where the source of a bind is: in the mount namespace among the joins, not on the host. */
  readonly isJoined?: boolean;
  /** Host path of a bind. Empty for the other kinds. */
  readonly source: string;
  /** Relative path below the source, or below the root of an overlay, that is mounted instead of all of it. */
  readonly subpath?: string;
  /** RDONLY is not for the mounts below a bind. */
  readonly isReadonlyTop?: boolean;
  /** Of a bind: the user namespace in whose ids its files are seen (MOUNT_ATTR_IDMAP of mount_setattr(2)). */
  readonly owners?: SandboxOwners;
  /** Layers of an overlay on the host, topmost first. */
  readonly lowerDirs: readonly string[];
  readonly upperDir: string;
  readonly workDir: string;
  /** MS_* bits of mount(2): RDONLY, NOSUID, NODEV, NOEXEC, access times; with REC they hold for all below a bind. */
  readonly flags: number;
  /** Of those bits, the ones that a bind is not to have from its source. */
  readonly clear?: number;
  /** With a handover `flags` and `clear` are for the mount itself, and these also for all below it. */
  readonly recursive?: { readonly set: number; readonly clear: number };
  /** With a handover: the file system of the kind `other`. */
  readonly type?: string;
  /** With a handover: a tmpfs begins with what it covers. */
  readonly copiesUp?: boolean;
  /** MS_PRIVATE, MS_SLAVE or MS_SHARED, with or without MS_REC; 0 leaves it private. */
  readonly propagation: number;
  /** File system options as text: "mode=755,size=65536k". For `cgroup` the controllers of a v1 hierarchy; empty is v2. */
  readonly data: string;
  /** What all its files are labelled (mount(8), `context=`); absent: their own labels count. */
  readonly label?: string;
  /** What to create below the root when the target is missing. */
  readonly create: 'directory' | 'file' | 'nothing';
}

/** A file that exists only in the container. */
export interface SandboxFile {
  /** Absolute, below the mount's own root. */
  readonly path: string;
  readonly uid: number;
  readonly gid: number;
  /** Permission bits, at most 0777. */
  readonly mode: number;
  readonly content: Uint8Array;
}

export interface SandboxOwners {
  /** In the shim; behind everything that it is to hold. */
  readonly fd: number;
  /** What is mounted below is on a file system that cannot do this. */
  readonly isTopOnly: boolean;
}

export interface SandboxDevice {
  readonly path: string;
  readonly type: 'char' | 'block' | 'fifo';
  readonly major: number;
  readonly minor: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

export interface SandboxProcess {
  readonly args: readonly string[];
  /** "KEY=value" */
  readonly env: readonly string[];
  readonly cwd: string;
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  /** Bit n is capability n of capability.h. */
  readonly capabilities: {
    readonly bounding: bigint;
    readonly effective: bigint;
    readonly permitted: bigint;
    readonly inheritable: bigint;
    readonly ambient: bigint;
  };
  readonly hasNoNewPrivileges: boolean;
  /** Written below /proc/PID before the program is executed: [path, value]. */
  readonly attributes?: readonly (readonly [path: string, value: string])[];
  /** The same for the init, which is no program that is executed. */
  readonly initAttribute?: readonly [path: string, value: string];
  /** Shares a core's hardware threads with the container's other programs and nobody else's (PR_SCHED_CORE of prctl(2)). */
  readonly hasCoreScheduling?: boolean;
  readonly umask: number;
  /** RLIMIT_* number, soft, hard. */
  readonly rlimits: readonly (readonly [resource: number, soft: bigint, hard: bigint])[];
  /** struct sock_filter[]; empty means unconfined. */
  readonly seccomp: Uint8Array;
  /** null leaves it as inherited. */
  readonly oomScoreAdj: number | null;
  /** Run as pid 2 below a small reaper that is pid 1 (`init: true`). */
  readonly hasInit: boolean;
  /** Input and output are a terminal of the container, which is then one stream; null: pipes. */
  readonly terminal: TerminalSize | null;
  /** Input comes from clients, and stays open between them; else it is /dev/null. */
  readonly hasInput: boolean;
}

/** In characters; zeros leave it as the kernel makes it. */
export interface TerminalSize {
  readonly rows: number;
  readonly columns: number;
}

export interface SandboxLog {
  /** Chunk-framed log file, see native/PROTOCOL.md; empty path logs nothing. */
  readonly path: string;
  /** Rotate when a file has this many bytes; 0 never. */
  readonly maxBytes: bigint;
  readonly maxFiles: number;
}

export interface SandboxPaths {
  /** Unix socket that shim and engines talk through. Its directory is also where the root is mounted for a moment. */
  readonly control: string;
  /** Written with fsync when the container has ended. */
  readonly exit: string;
}

/** For whoever becomes the parent of the container's first process: native/PROTOCOL.md, "Handing over". */
export interface SandboxHandover {
  readonly descriptors: readonly SandboxDescriptor[];
  /** Wait for a first word before `createContainer` and pivot_root. */
  readonly holds: boolean;
  readonly hooks: readonly SandboxHook[];
  /** Lines for /proc/PID/timens_offsets; empty: clocks are the host's. */
  readonly timeOffsets: string;
  /** personality(2); null leaves it. */
  readonly personality: number | null;
  /** struct sched_attr; empty leaves it. */
  readonly scheduler: Uint8Array;
  /** ioprio_set(2); 0 leaves it. */
  readonly ioPriority: number;
  /** SECCOMP_FILTER_FLAG_* */
  readonly seccompFlags: number;
}

export interface SandboxDescriptor {
  /** The number in the program; a socket that is sent the terminal's master; or of an exec whom it joins. */
  readonly target: number | 'console' | 'container';
  /** In the shim; behind everything that it is to hold. */
  readonly fd: number;
}

export interface SandboxHook {
  readonly stage: 'createContainer' | 'startContainer';
  readonly path: string;
  readonly args: readonly string[];
  readonly env: readonly string[];
  /** 0: none. */
  readonly timeoutSeconds: number;
  /** JSON before and after the hook's own process id. */
  readonly state: readonly [before: string, after: string];
}

/** Commands of another OCI runtime, which makes the sandbox instead of the shim: words, the first one a path. */
export interface ForeignCommands {
  /** Of the host: the root is mounted on "rootfs" in it, "pid" is what `create` writes, "tty" where it connects. */
  readonly directory: string;
  readonly create: readonly string[];
  readonly start: readonly string[];
  /** Also of what is only half made, and of what still runs. */
  readonly delete: readonly string[];
}

export interface ForeignExec {
  readonly directory: string;
  readonly command: readonly string[];
}
