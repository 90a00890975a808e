/**
 * A sandbox as decided for our shim → the config.json of a bundle, for another OCI runtime (config.md, config-linux.md of
 * the runtime specification). What a runtime does by itself is left out: the default devices and links of /dev.
 */
import { appArmorAttribute } from './apparmor.ts';
import { capabilitiesOf } from './capabilities.ts';
import { defaultDevices } from './devices.ts';
import type { DeviceRule } from './devices.ts';
import { bundleFilesName } from './encode.ts';
import {
  MS_BIND,
  MS_NOATIME,
  MS_NODEV,
  MS_NOEXEC,
  MS_NOSUID,
  MS_PRIVATE,
  MS_RDONLY,
  MS_REC,
  MS_RELATIME,
  MS_SHARED,
  MS_SLAVE,
  MS_STRICTATIME,
} from './mount-flags.ts';
import {
  CLONE_NEWCGROUP,
  CLONE_NEWIPC,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWUTS,
} from './namespaces.ts';
import type {
  OciConfig,
  OciDevice,
  OciDeviceRule,
  OciLinux,
  OciMount,
  OciNamespace,
  OciNamespaceType,
  OciProcess,
  OciSeccomp,
} from './oci-config.ts';
import { resourceName } from './rlimits.ts';
import { selinuxAttribute } from './selinux.ts';
import type { SandboxDevice, SandboxMount, SandboxProcess, SandboxSpec } from './sandbox-spec.ts';

/** What of a bundle is not in the specification of its sandbox. */
export interface BundleFacts {
  /** Where the root is mounted, and the /dev/shm of another container. */
  readonly rootPath: string;
  readonly joinedSource: string;
  /** The bundle: mounts of files are on directories in it, see encode.ts. */
  readonly directory: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly cgroupsPath: string;
  /** Targets of mounts that show the container its own cgroups; the runtime makes its own of them. */
  readonly cgroupTargets: ReadonlySet<string>;
  readonly deviceRules: readonly DeviceRule[];
  /** Paths of the namespaces that are joined. */
  readonly joinPaths: Readonly<Partial<Record<OciNamespaceType, string>>>;
  readonly seccomp: OciSeccomp | null;
  /** Host path of a program that can be pid 1, as Docker's init. */
  readonly initPath: string;
}

const initTarget = '/sbin/docker-init';

export function ociConfigOf(spec: SandboxSpec, facts: BundleFacts): OciConfig {
  const { process } = spec;
  const args = process.hasInit ? [initTarget, '--', ...process.args] : process.args;
  return {
    ociVersion: '1.0.2',
    process: ociProcessOf({ ...process, args }),
    root: { path: facts.rootPath, readonly: spec.isRootReadonly },
    ...((spec.namespaces & CLONE_NEWUTS) !== 0 && { hostname: spec.hostname }),
    mounts: mountsOf(spec, facts),
    annotations: facts.annotations,
    linux: linuxOf(spec, facts),
  };
}

/** A runtime writes the attribute itself. */
function confinementOf({
  attributes = [],
}: SandboxProcess): Pick<OciProcess, 'apparmorProfile' | 'selinuxLabel'> {
  const profile = attributes.find(([path]) => path === appArmorAttribute)?.[1];
  const label = attributes.find(([path]) => path === selinuxAttribute)?.[1];
  return {
    ...(profile !== undefined && { apparmorProfile: profile.replace(/^exec /, '') }),
    ...(label !== undefined && { selinuxLabel: label }),
  };
}

/** Also of an exec. */
export function ociProcessOf(process: SandboxProcess): OciProcess {
  const { terminal, capabilities } = process;
  const names = (set: bigint): readonly string[] =>
    capabilitiesOf(set).map((name) => `CAP_${name}`);
  return {
    terminal: terminal !== null,
    ...(terminal !== null &&
      terminal.rows > 0 && { consoleSize: { height: terminal.rows, width: terminal.columns } }),
    user: {
      uid: process.uid,
      gid: process.gid,
      umask: process.umask,
      additionalGids: process.groups,
    },
    args: process.args,
    env: process.env,
    cwd: process.cwd,
    ...confinementOf(process),
    capabilities: {
      bounding: names(capabilities.bounding),
      effective: names(capabilities.effective),
      permitted: names(capabilities.permitted),
      inheritable: names(capabilities.inheritable),
      ambient: names(capabilities.ambient),
    },
    rlimits: process.rlimits.map(([resource, soft, hard]) => ({
      type: `RLIMIT_${resourceName(resource).toUpperCase()}`,
      soft,
      hard,
    })),
    noNewPrivileges: process.hasNoNewPrivileges,
    ...(process.oomScoreAdj !== null && { oomScoreAdj: process.oomScoreAdj }),
  };
}

/** Numbers of 64 bits are written as such, which JSON.stringify refuses. No text of a configuration has a NUL. */
export function printOciJson(value: OciConfig | OciProcess): string {
  const marked = JSON.stringify(value, (_key, item: unknown) => {
    if (typeof item === 'string' && item.includes('\0')) throw new TypeError('a NUL in a text');
    return typeof item === 'bigint' ? `\0${item}` : item;
  });
  return marked.replace(/"\\u0000(\d+)"/g, '$1');
}

function linuxOf(spec: SandboxSpec, facts: BundleFacts): OciLinux {
  const own = new Set(defaultDevices.map(({ path }) => path));
  return {
    namespaces: namespacesOf(spec, facts),
    cgroupsPath: facts.cgroupsPath,
    resources: { devices: [everything, ...facts.deviceRules.map(ociRule)] },
    devices: spec.devices.filter(({ path }) => !own.has(path)).map(ociDevice),
    sysctl: sysctlsOf(spec),
    maskedPaths: spec.maskedPaths,
    // A read-only bind over the runtime's own view would be one of writable hierarchies with crun.
    readonlyPaths: spec.readonlyPaths.filter((path) => !facts.cgroupTargets.has(path)),
    ...(facts.seccomp !== null && { seccomp: facts.seccomp }),
    ...mountLabelOf(spec),
    ...(spec.mounts.some(({ propagation }) => (propagation & MS_SLAVE) !== 0) && {
      rootfsPropagation: 'rslave',
    }),
  };
}

/** Of what the runtime mounts; the root is mounted with it already. */
function mountLabelOf({ mounts: [root] }: SandboxSpec): Pick<OciLinux, 'mountLabel'> {
  return root?.label === undefined ? {} : { mountLabel: root.label };
}

function namespacesOf(
  { namespaces, networkNamespace }: SandboxSpec,
  { joinPaths }: BundleFacts,
): readonly OciNamespace[] {
  // Not "time": runc takes it from 1.2 on, and refuses what it does not know.
  const made = (
    [
      ['mount', CLONE_NEWNS],
      ['pid', CLONE_NEWPID],
      ['ipc', CLONE_NEWIPC],
      ['uts', CLONE_NEWUTS],
      ['cgroup', CLONE_NEWCGROUP],
    ] as const
  )
    .filter(([, flag]) => (namespaces & flag) !== 0)
    .map(([type]) => ({ type }));
  const joined = Object.entries(joinPaths).map(([type, path]) => ({
    type: type as OciNamespaceType,
    path,
  }));
  const network =
    networkNamespace === null ? [] : [{ type: 'network', path: networkNamespace } as const];
  return [...made, ...network, ...joined];
}

/** Dots and slashes the other way round: a name of an interface may have dots in it. */
function sysctlsOf({ sysctls, domainname, namespaces }: SandboxSpec): Record<string, string> {
  const named = sysctls.map(([path, value]): [string, string] => [
    path.replace(/[./]/g, (mark) => (mark === '/' ? '.' : '/')),
    value,
  ]);
  const hasDomain = domainname !== '' && (namespaces & CLONE_NEWUTS) !== 0;
  // Older runtimes do not know "domainname" (moby `daemon/oci_linux.go`).
  const domain: [string, string][] = hasDomain ? [['kernel.domainname', domainname]] : [];
  return Object.fromEntries([...named, ...domain]);
}

const everything: OciDeviceRule = { allow: false, access: 'rwm' };

function ociRule({ type, major, minor, access }: DeviceRule): OciDeviceRule {
  return {
    allow: true,
    type: { all: 'a', char: 'c', block: 'b' }[type],
    ...(major !== null && { major }),
    ...(minor !== null && { minor }),
    access,
  };
}

function ociDevice({ path, type, major, minor, mode, uid, gid }: SandboxDevice): OciDevice {
  const letter = { char: 'c', block: 'b', fifo: 'p' }[type];
  return { path, type: letter, major, minor, fileMode: mode, uid, gid };
}

function mountsOf(spec: SandboxSpec, facts: BundleFacts): readonly OciMount[] {
  const [, ...others] = spec.mounts;
  const view = others.filter(({ target }) => facts.cgroupTargets.has(target));
  const mounts = others.flatMap((mount): readonly OciMount[] => {
    if (mount.kind === 'files') return [filesMount(mount, others, facts)];
    if (!facts.cgroupTargets.has(mount.target)) return [ociMount(mount, facts)];
    return mount === view[0] ? [cgroupMount(view)] : [];
  });
  if (!spec.process.hasInit) return mounts;
  const options = ['bind', 'ro', 'nosuid', 'nodev'];
  return [...mounts, { destination: initTarget, type: 'bind', source: facts.initPath, options }];
}

/** The shim has made it where only the runtime sees it, and numbers them as encode.ts does. */
function filesMount(
  mount: SandboxMount,
  mounts: readonly SandboxMount[],
  { directory }: BundleFacts,
): OciMount {
  const index = mounts.filter(({ kind }) => kind === 'files').indexOf(mount);
  const inner = mount.create === 'file' ? (mount.files?.[0]?.path ?? '') : '';
  const source = `${directory}/${bundleFilesName(index)}${inner}`;
  return {
    ...{ destination: mount.target, type: 'bind', source },
    options: ['bind', ...optionsOf({ ...mount, data: '' })],
  };
}

function cgroupMount(view: readonly SandboxMount[]): OciMount {
  const isReadonly = view.some(({ flags }) => (flags & MS_RDONLY) !== 0);
  return {
    ...{ destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup' },
    options: ['nosuid', 'noexec', 'nodev', 'relatime', isReadonly ? 'ro' : 'rw'],
  };
}

function ociMount(mount: SandboxMount, { joinedSource }: BundleFacts): OciMount {
  const { kind, target } = mount;
  const options = optionsOf(mount);
  if (kind === 'bind') {
    const source = mount.isJoined === true ? joinedSource : mount.source;
    return { destination: target, type: 'bind', source, options };
  }
  return { destination: target, type: kind, source: kind, options };
}

const flagOptions: readonly (readonly [flag: number, option: string])[] = [
  [MS_NOSUID, 'nosuid'],
  [MS_NODEV, 'nodev'],
  [MS_NOEXEC, 'noexec'],
  [MS_NOATIME, 'noatime'],
  [MS_RELATIME, 'relatime'],
  [MS_STRICTATIME, 'strictatime'],
];
const propagations: readonly (readonly [flag: number, option: string])[] = [
  [MS_PRIVATE, 'private'],
  [MS_SLAVE, 'slave'],
  [MS_SHARED, 'shared'],
];

function optionsOf(mount: SandboxMount): readonly string[] {
  const { flags, propagation } = mount;
  const isBind = (flags & MS_BIND) !== 0 || mount.kind === 'bind';
  const isRecursive = (flags & MS_REC) !== 0;
  const isReadonly = (flags & MS_RDONLY) !== 0;
  const recursively = (propagation & MS_REC) !== 0 ? 'r' : '';
  // crun takes what is below for a directory, and nothing can be below a file.
  const hasBelow = isRecursive && mount.isReadonlyTop !== true && mount.create !== 'file';
  return [
    ...(isBind ? [isRecursive ? 'rbind' : 'bind'] : []),
    ...(isReadonly ? ['ro'] : []),
    // For what lies below as well; mount_setattr(2).
    ...(isReadonly && isBind && hasBelow ? ['rro'] : []),
    ...flagOptions.filter(([flag]) => (flags & flag) !== 0).map(([, option]) => option),
    ...propagations
      .filter(([flag]) => (propagation & flag) !== 0)
      .map(([, option]) => `${recursively}${option}`),
    ...layersOf(mount),
    ...mount.data.split(',').filter((option) => option !== ''),
  ];
}

/** As mount(2) takes it; paths of ours have nothing in them that it would take for a separator. */
function layersOf({ kind, lowerDirs, upperDir, workDir }: SandboxMount): readonly string[] {
  if (kind !== 'overlay') return [];
  const upper = upperDir === '' ? [] : [`upperdir=${upperDir}`, `workdir=${workDir}`];
  return [`lowerdir=${lowerDirs.join(':')}`, ...upper];
}
