/** From a container's record and what was made for its start to what the runtime decides from. */
import {
  consoleRule,
  defaultDeviceRules,
  everyDeviceRule,
  parseDeviceRule,
  readDevice,
  readHostDevices,
} from '../runtime/index.ts';
import type {
  CgroupPlacement,
  DeviceRule,
  EtcFiles,
  HostFacts,
  SandboxDevice,
  SandboxMount,
  SandboxPaths,
  SandboxRequest,
  TerminalSize,
} from '../runtime/index.ts';
import { wantsCoreScheduling } from './annotations.ts';
import { argumentsOf, mergeEnvironment } from './config.ts';
import type { ContainerRecord } from './container.ts';
import { logLimitsOf } from './log-options.ts';
import { labelsOf } from './selinux.ts';
import type { ResolvedUser } from './user.ts';

/** The nodes below /dev beside the default ones, and what the container may open. */
export function devicesOf({ config, hostConfig }: ContainerRecord): {
  readonly devices: readonly SandboxDevice[];
  readonly rules: readonly DeviceRule[];
} {
  if (hostConfig.Privileged === true) {
    return { devices: readHostDevices(), rules: [everyDeviceRule] };
  }
  const asked = (hostConfig.Devices ?? []).flatMap(
    ({ PathOnHost = '', PathInContainer = '', CgroupPermissions = '' }) =>
      readDevice({
        hostPath: PathOnHost,
        containerPath: PathInContainer === '' ? PathOnHost : PathInContainer,
        permissions: CgroupPermissions,
      }),
  );
  return {
    devices: asked.map(({ device }) => device),
    rules: [
      ...defaultDeviceRules,
      ...asked.map(({ rule }) => rule),
      ...(hostConfig.DeviceCgroupRules ?? []).map(parseDeviceRule),
      ...(config.Tty === true ? [consoleRule] : []),
    ],
  };
}

/** What was found or made for this start. */
export interface StartFacts {
  readonly user: ResolvedUser;
  readonly cgroup: CgroupPlacement;
  readonly devices: readonly SandboxDevice[];
  readonly rootMounts: readonly SandboxMount[];
  readonly mounts: readonly SandboxMount[];
  readonly networkNamespace: string | null;
  readonly joins: SandboxRequest['joins'];
  readonly files: EtcFiles;
  /** Path of the log. */
  readonly log: string;
  readonly paths: SandboxPaths;
}

export function sandboxRequestOf(
  record: ContainerRecord,
  facts: StartFacts,
  host: Pick<HostFacts, 'hasSelinux' | 'containerLabels'>,
): SandboxRequest {
  const { config, hostConfig } = record;
  return {
    id: record.id,
    hostname: config.Hostname ?? '',
    domainname: config.Domainname ?? '',
    process: processOf(record, facts.user),
    namespaces: {
      pid: sharing(hostConfig.PidMode),
      ipc: hostConfig.IpcMode === 'none' ? 'none' : sharing(hostConfig.IpcMode),
      uts: hostConfig.UTSMode === 'host' ? 'host' : 'private',
      cgroup: hostConfig.CgroupnsMode === 'private' ? 'private' : 'host',
    },
    networkNamespace: facts.networkNamespace,
    joins: facts.joins,
    cgroup: facts.cgroup,
    rootMounts: facts.rootMounts,
    mounts: facts.mounts,
    files: facts.files,
    security: securityOf(record, host),
    devices: facts.devices,
    sysctls: hostConfig.Sysctls ?? {},
    ulimits: ulimitsOf(record),
    shmSizeBytes: hostConfig.ShmSize ?? 0,
    log: logOf(record, facts.log),
    paths: facts.paths,
  };
}

function sharing(mode = ''): 'private' | 'host' | 'joined' {
  if (mode === 'host') return 'host';
  return mode.startsWith('container:') ? 'joined' : 'private';
}

export function ulimitsOf({ hostConfig }: ContainerRecord): SandboxRequest['ulimits'] {
  return (hostConfig.Ulimits ?? []).map(({ Name = '', Soft = 0, Hard = 0 }) => ({
    name: Name,
    soft: Soft,
    hard: Hard,
  }));
}

/** In the order of moby's `CreateDaemonEnvironment`: each entry replaces those before it. */
export function environmentOf(
  { config }: ContainerRecord,
  program: {
    readonly home: string;
    readonly hasTerminal: boolean;
    readonly extra: readonly string[];
  },
): readonly string[] {
  const own = [`HOSTNAME=${config.Hostname ?? ''}`, `HOME=${program.home}`];
  if (program.hasTerminal) own.push('TERM=xterm');
  return mergeEnvironment(mergeEnvironment(own, config.Env ?? []), program.extra);
}

function processOf(record: ContainerRecord, user: ResolvedUser): SandboxRequest['process'] {
  const { config, hostConfig } = record;
  return {
    args: argumentsOf(config),
    env: environmentOf(record, { home: user.home, hasTerminal: config.Tty === true, extra: [] }),
    cwd: config.WorkingDir ?? '',
    uid: user.uid,
    gid: user.gid,
    groups: user.groups,
    hasInit: hostConfig.Init === true,
    oomScoreAdj: hostConfig.OomScoreAdj ?? null,
    terminal: config.Tty === true ? consoleSizeOf(record) : null,
    hasInput: config.OpenStdin === true,
  };
}

/** Of the client's window at creation, as [height, width]. */
function consoleSizeOf({ hostConfig }: ContainerRecord): TerminalSize {
  const [rows = 0, columns = 0] = hostConfig.ConsoleSize ?? [];
  return { rows, columns };
}

export function securityOf(
  record: ContainerRecord,
  host: Pick<HostFacts, 'hasSelinux' | 'containerLabels'>,
): SandboxRequest['security'] {
  const { hostConfig, run } = record;
  return {
    isPrivileged: hostConfig.Privileged === true,
    capAdd: hostConfig.CapAdd ?? [],
    capDrop: hostConfig.CapDrop ?? [],
    options: hostConfig.SecurityOpt ?? [],
    isRootReadonly: hostConfig.ReadonlyRootfs === true,
    wantsCoreScheduling: wantsCoreScheduling(hostConfig),
    appArmorProfile: run.appArmorProfile ?? null,
    labels: labelsOf(record, host),
    maskedPaths: hostConfig.MaskedPaths ?? null,
    readonlyPaths: hostConfig.ReadonlyPaths ?? null,
  };
}

function logOf({ hostConfig }: ContainerRecord, path: string): SandboxRequest['log'] {
  const { maxBytes, maxFiles } = logLimitsOf(hostConfig);
  return { path, maxBytes: BigInt(maxBytes), maxFiles };
}
