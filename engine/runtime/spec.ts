/**
 * A request for a container's sandbox → every decision about it. Pure: what the machine can do comes in as facts, so
 * the whole result can be compared as text. Defaults are Docker's (reliability-security.md §2).
 */
import { appArmorAttribute, appArmorNow } from './apparmor.ts';
import { capabilityBit, chooseCapabilities, processCapabilities } from './capabilities.ts';
import { defaultMounts, fileMounts } from './default-mounts.ts';
import type { EtcFiles } from './default-mounts.ts';
import { defaultDevices, defaultLinks } from './devices.ts';
import type { HostFacts } from './host-facts.ts';
import { defaultMaskedPaths, defaultReadonlyPaths } from './masked-paths.ts';
import type { OciSeccomp } from './oci-config.ts';
import { builtinOciSeccomp, customOciSeccomp } from './oci-seccomp.ts';
import { MS_NODEV, MS_RDONLY } from './mount-flags.ts';
import { namespaceFlags } from './namespaces.ts';
import type { NamespaceOptions } from './namespaces.ts';
import { chooseRlimits } from './rlimits.ts';
import type { UlimitRequest } from './rlimits.ts';
import type {
  SandboxDevice,
  SandboxJoin,
  SandboxLog,
  SandboxMount,
  SandboxPaths,
  SandboxProcess,
  SandboxSpec,
  TerminalSize,
} from './sandbox-spec.ts';
import { seccompFilter } from './seccomp.ts';
import { customFilter } from './seccomp-custom.ts';
import { parseSecurityOptions } from './security-options.ts';
import { selinuxAttribute } from './selinux.ts';
import type { ContainerLabels } from './selinux.ts';
import type { SecurityOptions } from './security-options.ts';
import { chooseSysctls } from './sysctls.ts';
import type { SysctlScope } from './sysctls.ts';

export interface SandboxRequest {
  readonly id: string;
  readonly hostname: string;
  readonly domainname: string;
  readonly process: ProcessRequest;
  readonly namespaces: NamespaceOptions;
  /** Path of the container's own network namespace; null is the host's. */
  readonly networkNamespace: string | null;
  /** Namespaces of other containers that are joined instead. */
  readonly joins: readonly SandboxJoin[];
  readonly cgroup: CgroupPlacement;
  /** The root file system (target "/") first. */
  readonly rootMounts: readonly SandboxMount[];
  /** Volumes, binds and tmpfs. One that has the target of a default mount replaces it. */
  readonly mounts: readonly SandboxMount[];
  /** Host paths of what the engine wrote for /etc; null mounts nothing there. */
  readonly files: EtcFiles | null;
  readonly security: SecurityRequest;
  /** Beside the default ones; `readDevice` and `readHostDevices` make them. */
  readonly devices: readonly SandboxDevice[];
  readonly sysctls: Readonly<Record<string, string>>;
  readonly ulimits: readonly UlimitRequest[];
  /** 0 is Docker's default of 64 MiB. */
  readonly shmSizeBytes: number;
  readonly log: SandboxLog;
  readonly paths: SandboxPaths;
}

export interface ProcessRequest {
  readonly args: readonly string[];
  /** "KEY=value" */
  readonly env: readonly string[];
  /** Empty is "/". */
  readonly cwd: string;
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups. */
  readonly groups: readonly number[];
  readonly hasInit: boolean;
  /** null leaves it as inherited. */
  readonly oomScoreAdj: number | null;
  /** null: no terminal. */
  readonly terminal: TerminalSize | null;
  /** Input comes from clients. */
  readonly hasInput: boolean;
}

export interface SecurityRequest {
  readonly isPrivileged: boolean;
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
  /** `security_opt` words as the user wrote them. */
  readonly options: readonly string[];
  readonly isRootReadonly: boolean;
  readonly wantsCoreScheduling: boolean;
  /** Loaded; null: none. */
  readonly appArmorProfile: string | null;
  /** Of SELinux; null: none. */
  readonly labels: ContainerLabels | null;
  /** null is the default list. */
  readonly maskedPaths: readonly string[] | null;
  readonly readonlyPaths: readonly string[] | null;
}

/** What `Cgroups.create` returns. */
export interface CgroupPlacement {
  /** Directories to join, one per hierarchy; the cgroup2 one first where there is one. */
  readonly directories: readonly string[];
  readonly hasCgroup2: boolean;
  /** Whether opening a device is confined to the rules given; without, no node may exist that is not ours. */
  readonly hasDeviceControl: boolean;
  /** How the container sees its own cgroups; /sys/fs/cgroup is to be read-only. */
  readonly view: readonly SandboxMount[];
}

const defaultShmBytes = 64 << 20;

/** Throws EngineError `invalid-argument` for what the user must change. */
export function buildSandboxSpec(request: SandboxRequest, host: HostFacts): SandboxSpec {
  const { security } = request;
  return {
    id: request.id,
    hostname: request.hostname,
    domainname: request.domainname,
    namespaces: namespaceFlags(request.namespaces, host.hasTimeNamespace),
    networkNamespace: request.networkNamespace,
    joins: request.joins,
    cgroups: request.cgroup.directories,
    hasCgroup2: request.cgroup.hasCgroup2,
    mounts: withLabel(chooseMounts(request), security.labels),
    devices: hasOwnDev(request) ? mergeDevices(request.devices) : [],
    links: hasOwnDev(request) ? defaultLinks : [],
    maskedPaths: chooseMaskedPaths(security, host),
    readonlyPaths: chooseReadonlyPaths(request),
    isRootReadonly: security.isRootReadonly,
    sysctls: chooseSysctls(request.sysctls, {
      network: networkScope(request),
      hasOwnIpc: request.namespaces.ipc !== 'host',
    }),
    process: chooseProcess(request, host),
    log: request.log,
    paths: request.paths,
  };
}

/** A joined network has its defaults from whom it belongs to. */
function networkScope({ networkNamespace, joins }: SandboxRequest): SysctlScope['network'] {
  if (networkNamespace !== null) return 'own';
  return joins.some(({ kind }) => kind === 'network') ? 'joined' : 'host';
}

/** What a further program in a running sandbox may do: as much as its first one, or with `isPrivileged` all. */
export interface ExecProcessRequest {
  readonly process: ProcessRequest;
  /** The container's. */
  readonly security: SecurityRequest;
  readonly cgroup: Pick<CgroupPlacement, 'hasDeviceControl'>;
  readonly ulimits: readonly UlimitRequest[];
  readonly isPrivileged: boolean;
}

/** The filter stays the container's, as with Docker, whose privileged exec adds capabilities alone. */
export function buildExecProcess(request: ExecProcessRequest, host: HostFacts): SandboxProcess {
  const process = chooseProcess(request, host);
  if (!request.isPrivileged) return process;
  return {
    ...process,
    capabilities: processCapabilities(host.capabilities, request.process.uid),
  };
}

/** The same filter as rules, for another runtime; null is none. */
export function buildOciSeccomp(
  request: Pick<SandboxRequest, 'security' | 'cgroup'>,
  host: HostFacts,
): OciSeccomp | null {
  const { security } = request;
  const seccomp = privilegedSeccomp(security, parseSecurityOptions(security.options));
  if (seccomp === 'unconfined') return null;
  const options = { ...host, capabilities: heldCapabilities(request, host) };
  return seccomp === 'builtin'
    ? builtinOciSeccomp(options)
    : customOciSeccomp(seccomp.json, options);
}

type ProcessParts = Pick<SandboxRequest, 'process' | 'security' | 'ulimits'> & {
  readonly cgroup: Pick<CgroupPlacement, 'hasDeviceControl'>;
};

function chooseProcess(request: ProcessParts, host: HostFacts): SandboxProcess {
  const { process, security } = request;
  const options = parseSecurityOptions(security.options);
  const capabilities = heldCapabilities(request, host);
  return {
    args: process.args,
    env: process.env,
    cwd: process.cwd === '' ? '/' : process.cwd,
    uid: process.uid,
    gid: process.gid,
    groups: process.groups,
    capabilities: processCapabilities(capabilities, process.uid),
    hasNoNewPrivileges: options.hasNoNewPrivileges,
    ...attributesOf(security, process),
    ...(security.wantsCoreScheduling &&
      host.coreScheduling === 'available' && { hasCoreScheduling: true }),
    umask: 0o022,
    rlimits: chooseRlimits(request.ulimits, host.hardNofile),
    seccomp: chooseFilter(privilegedSeccomp(security, options), {
      ...host,
      capabilities,
    }),
    oomScoreAdj: process.oomScoreAdj,
    hasInit: process.hasInit,
    terminal: process.terminal,
    hasInput: process.hasInput,
  };
}

/**
 * The kernel has one of the two modules. With SELinux an init keeps the label of the engine, which policies allow nobody to
 * change without executing something; no program of the container can act through a process of another label.
 */
function attributesOf(
  { appArmorProfile: profile, labels }: SecurityRequest,
  { hasInit }: ProcessRequest,
): Pick<SandboxProcess, 'attributes' | 'initAttribute'> {
  if (profile !== null)
    return {
      attributes: [[appArmorAttribute, `exec ${profile}`]],
      ...(hasInit && { initAttribute: [appArmorNow, `changeprofile ${profile}`] as const }),
    };
  const label = labels?.process ?? '';
  return label === '' ? {} : { attributes: [[selinuxAttribute, label]] };
}

/** Files that are this container's alone; a bind's have labels of their own, and so have those of the kernel. */
const labelledKinds: ReadonlySet<SandboxMount['kind']> = new Set([
  ...(['overlay', 'tmpfs', 'files', 'devpts', 'mqueue'] as const),
]);

function withLabel(
  mounts: readonly SandboxMount[],
  labels: ContainerLabels | null,
): readonly SandboxMount[] {
  if (labels === null) return mounts;
  return mounts.map((mount) =>
    labelledKinds.has(mount.kind) ? { ...mount, label: labels.mount } : mount,
  );
}

function heldCapabilities(
  request: Pick<ProcessParts, 'security' | 'cgroup'>,
  host: HostFacts,
): bigint {
  const { security } = request;
  return chooseCapabilities({
    isPrivileged: security.isPrivileged,
    add: security.capAdd,
    drop: security.capDrop,
    // Where nothing confines the opening of devices, a node that the container made would be the host's disk.
    available: mayOpenAnyNode(request)
      ? host.capabilities
      : host.capabilities & ~capabilityBit('MKNOD'),
  });
}

/** A profile of the user's own holds with privileges as well (moby `daemon/seccomp_linux.go`). */
function privilegedSeccomp(
  { isPrivileged }: SecurityRequest,
  { seccomp }: SecurityOptions,
): SecurityOptions['seccomp'] {
  return isPrivileged && seccomp === 'builtin' ? 'unconfined' : seccomp;
}

function chooseFilter(
  seccomp: SecurityOptions['seccomp'],
  host: Pick<HostFacts, 'architecture' | 'capabilities' | 'kernel'>,
): Uint8Array {
  if (seccomp === 'unconfined') return new Uint8Array();
  return seccomp === 'builtin' ? seccompFilter(host) : customFilter(seccomp.json, host);
}

/** The root, then what every container has, then files of the engine, then what the user asked for, parents first. */
function chooseMounts(request: SandboxRequest): readonly SandboxMount[] {
  const { mounts, cgroup, security } = request;
  const targets = new Set(mounts.map(({ target }) => target));
  const own = defaultMounts({
    isPrivileged: security.isPrivileged,
    shmSizeBytes: request.shmSizeBytes === 0 ? defaultShmBytes : request.shmSizeBytes,
    ipc: request.namespaces.ipc,
    cgroupView: hasWritableCgroups(security) ? cgroup.view.map(writable) : cgroup.view,
  }).filter(
    ({ target }) => !targets.has(target) && (hasOwnDev(request) || !target.startsWith('/dev/')),
  );
  const files = (request.files === null ? [] : fileMounts(request.files)).filter(
    ({ target }) => !targets.has(target),
  );
  const all = [...request.rootMounts, ...own, ...files, ...[...mounts].sort(byDepth)];
  return mayOpenAnyNode(request) ? all : all.map(withoutDevices);
}

function hasWritableCgroups({ isPrivileged, options }: SecurityRequest): boolean {
  return isPrivileged || parseSecurityOptions(options).hasWritableCgroups;
}

function writable(mount: SandboxMount): SandboxMount {
  return { ...mount, flags: mount.flags & ~MS_RDONLY };
}

/** Nodes are either confined by the device cgroup, or all of them are meant to be open. */
function mayOpenAnyNode({ cgroup, security }: Pick<ProcessParts, 'cgroup' | 'security'>): boolean {
  return cgroup.hasDeviceControl || security.isPrivileged;
}

/** A /dev that the user mounts, perhaps the host's, is whole: no mount, node or link of ours goes into it. */
function hasOwnDev({ mounts }: SandboxRequest): boolean {
  return mounts.every(({ target }) => target !== '/dev');
}

/** A nested target must come after the one that would cover it; equal depth keeps the user's order. */
function byDepth(a: SandboxMount, b: SandboxMount): number {
  return depthOf(a.target) - depthOf(b.target);
}

function depthOf(path: string): number {
  return path.split('/').filter((part) => part !== '').length;
}

/** Nodes that an image or a volume brings along stay closed; those of our own /dev are made by us. */
function withoutDevices(mount: SandboxMount): SandboxMount {
  const isOurs = mount.target === '/dev' || mount.target === '/dev/pts';
  return isOurs ? mount : { ...mount, flags: mount.flags | MS_NODEV };
}

function mergeDevices(wanted: readonly SandboxDevice[]): readonly SandboxDevice[] {
  const byPath = new Map(defaultDevices.map((device) => [device.path, device]));
  for (const device of wanted) byPath.set(device.path, device);
  return [...byPath.values()];
}

function chooseMaskedPaths(security: SecurityRequest, host: HostFacts): readonly string[] {
  if (security.isPrivileged) return [];
  return security.maskedPaths ?? [...defaultMaskedPaths, ...host.thermalPaths];
}

function chooseReadonlyPaths({ security, cgroup }: SandboxRequest): readonly string[] {
  if (security.isPrivileged) return [];
  // The v1 view is a tmpfs with one directory per hierarchy, which cannot be read-only before they are made.
  const isCovered =
    !hasWritableCgroups(security) && cgroup.view.some(({ kind }) => kind === 'tmpfs');
  const view = isCovered ? ['/sys/fs/cgroup'] : [];
  return [...(security.readonlyPaths ?? defaultReadonlyPaths), ...view];
}
