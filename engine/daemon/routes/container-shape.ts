/** The keys dockerd shows in inspect for what nobody set, with its values: clients read them without looking. */
import { defaultMaskedPaths, defaultReadonlyPaths } from '../../runtime/index.ts';
import type { ContainerConfig, ContainerInspect, HostConfig } from '../../api/index.ts';

/** Every key of the wire type, and the ones that only other platforms use. */
type Complete<T> = { readonly [Key in keyof T]-?: T[Key] | null };

/** Left out unless set, as dockerd does: clients take their presence for a choice. */
type OptionalHostKey = 'Annotations' | 'StorageOpt' | 'Tmpfs' | 'Sysctls' | 'Mounts' | 'Init';
type OptionalConfigKey =
  | 'ExposedPorts'
  | 'Healthcheck'
  | 'ArgsEscaped'
  | 'NetworkDisabled'
  | 'MacAddress'
  | 'StopSignal'
  | 'StopTimeout'
  | 'Shell';

const hostDefaults: Complete<Omit<HostConfig, OptionalHostKey>> = {
  Binds: null,
  ContainerIDFile: '',
  LogConfig: { Type: 'json-file', Config: {} },
  NetworkMode: 'bridge',
  PortBindings: {},
  RestartPolicy: { Name: 'no', MaximumRetryCount: 0 },
  AutoRemove: false,
  VolumeDriver: '',
  VolumesFrom: null,
  ConsoleSize: [0, 0],
  CapAdd: null,
  CapDrop: null,
  CgroupnsMode: 'private',
  Dns: [],
  DnsOptions: [],
  DnsSearch: [],
  ExtraHosts: null,
  GroupAdd: null,
  IpcMode: 'private',
  Cgroup: '',
  Links: null,
  OomScoreAdj: 0,
  PidMode: '',
  Privileged: false,
  PublishAllPorts: false,
  ReadonlyRootfs: false,
  SecurityOpt: null,
  UTSMode: '',
  UsernsMode: '',
  ShmSize: 64 << 20,
  Runtime: 'tscompose',
  Isolation: '',
  CpuShares: 0,
  Memory: 0,
  NanoCpus: 0,
  CgroupParent: '',
  BlkioWeight: 0,
  BlkioWeightDevice: [],
  BlkioDeviceReadBps: [],
  BlkioDeviceWriteBps: [],
  BlkioDeviceReadIOps: [],
  BlkioDeviceWriteIOps: [],
  CpuPeriod: 0,
  CpuQuota: 0,
  CpuRealtimePeriod: 0,
  CpuRealtimeRuntime: 0,
  CpusetCpus: '',
  CpusetMems: '',
  Devices: [],
  DeviceCgroupRules: null,
  DeviceRequests: null,
  MemoryReservation: 0,
  MemorySwap: 0,
  MemorySwappiness: null,
  OomKillDisable: false,
  PidsLimit: null,
  Ulimits: [],
  MaskedPaths: defaultMaskedPaths,
  ReadonlyPaths: defaultReadonlyPaths,
};

/** Windows only, and still read by Go clients that print whole objects. */
const foreignHostKeys = { CpuCount: 0, CpuPercent: 0, IOMaximumIOps: 0, IOMaximumBandwidth: 0 };

const configDefaults: Complete<Omit<ContainerConfig, OptionalConfigKey>> = {
  Hostname: '',
  Domainname: '',
  User: '',
  AttachStdin: false,
  AttachStdout: false,
  AttachStderr: false,
  Tty: false,
  OpenStdin: false,
  StdinOnce: false,
  Env: [],
  Cmd: null,
  Image: '',
  Volumes: null,
  WorkingDir: '',
  Entrypoint: null,
  OnBuild: null,
  Labels: {},
};

/** As it goes out. What was set wins; an empty text of a mode or policy means its default. */
export function shapeInspect(container: ContainerInspect): object {
  const host = container.HostConfig;
  return {
    MountLabel: '',
    ProcessLabel: '',
    AppArmorProfile: '',
    ExecIDs: null,
    ...container,
    HostConfig: {
      ...hostDefaults,
      ...foreignHostKeys,
      ...host,
      ...withoutLimit(host),
      ...(host.Privileged === true && { MaskedPaths: [], ReadonlyPaths: [] }),
      NetworkMode: namedMode(host.NetworkMode),
      IpcMode: given(host.IpcMode) ?? hostDefaults.IpcMode,
      CgroupnsMode: given(host.CgroupnsMode) ?? hostDefaults.CgroupnsMode,
      Runtime: given(host.Runtime) ?? hostDefaults.Runtime,
      RestartPolicy: {
        ...host.RestartPolicy,
        Name: given(host.RestartPolicy?.Name) ?? 'no',
        MaximumRetryCount: host.RestartPolicy?.MaximumRetryCount ?? 0,
      },
      LogConfig: {
        Type: given(host.LogConfig?.Type) ?? 'json-file',
        Config: host.LogConfig?.Config ?? {},
      },
      ShmSize: host.ShmSize === 0 ? hostDefaults.ShmSize : (host.ShmSize ?? hostDefaults.ShmSize),
    },
    Config: { ...configDefaults, ...container.Config, ...withoutEmpty(container.Config) },
    NetworkSettings: {
      Bridge: '',
      HairpinMode: false,
      LinkLocalIPv6Address: '',
      LinkLocalIPv6PrefixLen: 0,
      SecondaryIPAddresses: null,
      SecondaryIPv6Addresses: null,
      EndpointID: '',
      Gateway: '',
      GlobalIPv6Address: '',
      GlobalIPv6PrefixLen: 0,
      IPAddress: '',
      IPPrefixLen: 0,
      IPv6Gateway: '',
      MacAddress: '',
      ...container.NetworkSettings,
    },
  };
}

/** What the CLI sends for "none" is nothing. */
function withoutLimit({
  PidsLimit: pids = 0,
  MemorySwappiness: swappiness = -1,
}: HostConfig): object {
  return {
    PidsLimit: pids > 0 ? pids : null,
    MemorySwappiness: swappiness >= 0 ? swappiness : null,
  };
}

function withoutEmpty({ ExposedPorts, Volumes }: ContainerConfig): object {
  const isEmpty = (map: object | null | undefined): boolean => Object.keys(map ?? {}).length === 0;
  return {
    ...(isEmpty(ExposedPorts) && { ExposedPorts: undefined }),
    ...(isEmpty(Volumes) && { Volumes: null }),
  };
}

/** The CLI sends `default`, everybody else nothing. */
function namedMode(mode: string | undefined): string {
  const name = given(mode);
  return name === null || name === 'default' ? 'bridge' : name;
}

function given(text: string | undefined): string | null {
  return text === undefined || text === '' ? null : text;
}
