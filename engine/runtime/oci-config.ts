/**
 * A bundle's config.json as the OCI runtime specification 1.2 has it (config.md, config-linux.md), as far as Linux is
 * concerned. Names are those of the file. `oci-read.ts` checks one, `oci.ts` makes a sandbox of it.
 */
export const ociVersion = '1.2.1';

export interface OciConfig {
  readonly ociVersion: string;
  readonly process?: OciProcess;
  readonly root?: OciRoot;
  readonly hostname?: string;
  readonly domainname?: string;
  readonly mounts?: readonly OciMount[];
  readonly hooks?: OciHooks;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly linux?: OciLinux;
}

export interface OciRoot {
  /** Absolute, or relative to the bundle. */
  readonly path: string;
  readonly readonly?: boolean;
}

export interface OciMount {
  readonly destination: string;
  readonly type?: string;
  readonly source?: string;
  readonly options?: readonly string[];
  readonly uidMappings?: readonly OciIdMapping[];
  readonly gidMappings?: readonly OciIdMapping[];
}

export interface OciProcess {
  readonly terminal?: boolean;
  readonly consoleSize?: OciConsoleSize;
  readonly user?: OciUser;
  readonly args?: readonly string[];
  readonly env?: readonly string[];
  readonly cwd: string;
  readonly capabilities?: OciCapabilities;
  readonly rlimits?: readonly OciRlimit[];
  readonly noNewPrivileges?: boolean;
  readonly apparmorProfile?: string;
  readonly selinuxLabel?: string;
  readonly oomScoreAdj?: number;
  readonly scheduler?: OciScheduler;
  readonly ioPriority?: OciIoPriority;
  readonly execCPUAffinity?: OciCpuAffinity;
}

export interface OciConsoleSize {
  readonly height: number;
  readonly width: number;
}

export interface OciUser {
  readonly uid: number;
  readonly gid: number;
  readonly umask?: number;
  readonly additionalGids?: readonly number[];
}

/** Names of capabilities(7) with "CAP_". */
export interface OciCapabilities {
  readonly bounding?: readonly string[];
  readonly effective?: readonly string[];
  readonly permitted?: readonly string[];
  readonly inheritable?: readonly string[];
  readonly ambient?: readonly string[];
}

export interface OciRlimit {
  /** "RLIMIT_NOFILE" */
  readonly type: string;
  /** Up to 2^64 - 1, which no number of JavaScript holds. */
  readonly soft: bigint;
  readonly hard: bigint;
}

export interface OciScheduler {
  /** "SCHED_BATCH" */
  readonly policy: string;
  readonly nice?: number;
  readonly priority?: number;
  /** "SCHED_FLAG_RESET_ON_FORK" */
  readonly flags?: readonly string[];
  readonly runtime?: number;
  readonly deadline?: number;
  readonly period?: number;
}

export interface OciIoPriority {
  /** "IOPRIO_CLASS_BE" */
  readonly class: string;
  readonly priority: number;
}

export interface OciCpuAffinity {
  readonly initial?: string;
  readonly final?: string;
}

export interface OciHooks {
  readonly prestart?: readonly OciHook[];
  readonly createRuntime?: readonly OciHook[];
  readonly createContainer?: readonly OciHook[];
  readonly startContainer?: readonly OciHook[];
  readonly poststart?: readonly OciHook[];
  readonly poststop?: readonly OciHook[];
}

export type OciHookName = keyof OciHooks;

export interface OciHook {
  readonly path: string;
  readonly args?: readonly string[];
  readonly env?: readonly string[];
  /** Seconds. */
  readonly timeout?: number;
}

export interface OciLinux {
  readonly uidMappings?: readonly OciIdMapping[];
  readonly gidMappings?: readonly OciIdMapping[];
  readonly sysctl?: Readonly<Record<string, string>>;
  readonly resources?: OciResources;
  readonly cgroupsPath?: string;
  readonly namespaces?: readonly OciNamespace[];
  readonly devices?: readonly OciDevice[];
  readonly seccomp?: OciSeccomp;
  readonly rootfsPropagation?: string;
  readonly maskedPaths?: readonly string[];
  readonly readonlyPaths?: readonly string[];
  readonly mountLabel?: string;
  readonly intelRdt?: Readonly<Record<string, unknown>>;
  readonly personality?: OciPersonality;
  readonly timeOffsets?: Readonly<Record<string, OciTimeOffset>>;
}

export interface OciIdMapping {
  readonly containerID: number;
  readonly hostID: number;
  readonly size: number;
}

export const ociNamespaceTypes = [
  'pid',
  'network',
  'ipc',
  'mount',
  'uts',
  'user',
  'cgroup',
  'time',
] as const;

export type OciNamespaceType = (typeof ociNamespaceTypes)[number];

export interface OciNamespace {
  readonly type: OciNamespaceType;
  /** Of one to join; without, a new one is made. */
  readonly path?: string;
}

export interface OciDevice {
  /** "c", "b", "u" or "p" */
  readonly type: string;
  readonly path: string;
  readonly major?: number;
  readonly minor?: number;
  readonly fileMode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

export interface OciPersonality {
  /** "LINUX" or "LINUX32" */
  readonly domain: string;
  readonly flags?: readonly string[];
}

export interface OciTimeOffset {
  readonly secs?: number;
  readonly nanosecs?: number;
}

export interface OciResources {
  readonly devices?: readonly OciDeviceRule[];
  readonly memory?: OciMemory;
  readonly cpu?: OciCpu;
  readonly pids?: { readonly limit?: number };
  readonly blockIO?: OciBlockIo;
  readonly hugepageLimits?: readonly { readonly pageSize: string; readonly limit: number }[];
  readonly network?: {
    readonly classID?: number;
    readonly priorities?: readonly { readonly name: string; readonly priority: number }[];
  };
  readonly rdma?: Readonly<
    Record<string, { readonly hcaHandles?: number; readonly hcaObjects?: number }>
  >;
  /** Files of cgroup v2 by their name. */
  readonly unified?: Readonly<Record<string, string>>;
}

export interface OciDeviceRule {
  readonly allow: boolean;
  /** "a", "c" or "b" */
  readonly type?: string;
  readonly major?: number;
  readonly minor?: number;
  /** Of "rwm". */
  readonly access?: string;
}

export interface OciMemory {
  readonly limit?: number;
  readonly reservation?: number;
  readonly swap?: number;
  readonly kernel?: number;
  readonly kernelTCP?: number;
  readonly swappiness?: number;
  readonly disableOOMKiller?: boolean;
  readonly useHierarchy?: boolean;
  readonly checkBeforeUpdate?: boolean;
}

export interface OciCpu {
  readonly shares?: number;
  readonly quota?: number;
  readonly burst?: number;
  readonly period?: number;
  readonly realtimeRuntime?: number;
  readonly realtimePeriod?: number;
  readonly cpus?: string;
  readonly mems?: string;
  readonly idle?: number;
}

export interface OciBlockIo {
  readonly weight?: number;
  readonly leafWeight?: number;
  readonly weightDevice?: readonly OciWeightDevice[];
  readonly throttleReadBpsDevice?: readonly OciThrottleDevice[];
  readonly throttleWriteBpsDevice?: readonly OciThrottleDevice[];
  readonly throttleReadIOPSDevice?: readonly OciThrottleDevice[];
  readonly throttleWriteIOPSDevice?: readonly OciThrottleDevice[];
}

export interface OciWeightDevice {
  readonly major: number;
  readonly minor: number;
  readonly weight?: number;
  readonly leafWeight?: number;
}

export interface OciThrottleDevice {
  readonly major: number;
  readonly minor: number;
  readonly rate: number;
}

export interface OciSeccomp {
  readonly defaultAction: string;
  readonly defaultErrnoRet?: number;
  readonly architectures?: readonly string[];
  readonly flags?: readonly string[];
  readonly listenerPath?: string;
  readonly listenerMetadata?: string;
  readonly syscalls?: readonly OciSyscall[];
}

export interface OciSyscall {
  readonly names: readonly string[];
  readonly action: string;
  readonly errnoRet?: number;
  readonly args?: readonly OciSyscallArgument[];
}

export interface OciSyscallArgument {
  readonly index: number;
  readonly value: bigint;
  readonly valueTwo?: bigint;
  /** "SCMP_CMP_EQ" */
  readonly op: string;
}

export type OciStatus = 'creating' | 'created' | 'running' | 'paused' | 'stopped';

/** What `state` prints and hooks read (runtime.md, "State"). */
export interface OciState {
  readonly ociVersion: string;
  readonly id: string;
  readonly status: OciStatus;
  readonly pid?: number;
  readonly bundle: string;
  readonly annotations?: Readonly<Record<string, string>>;
}
