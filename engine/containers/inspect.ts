/** A container as the API shows it: the whole for inspect, a summary for lists. */
import { posix } from 'node:path';
import type {
  ContainerInspect,
  ContainerPort,
  ContainerState,
  ContainerSummary,
  EndpointSettings,
  MountPoint,
  NetworkSettings,
  PortMap,
} from '../api/index.ts';
import { argumentsOf } from './config.ts';
import type { Container, ContainerRecord, MountRecord } from './container.ts';
import type { ContainerContext } from './context.ts';
import { shapeHealth } from './health-state.ts';
import type { Health } from './health-state.ts';
import { hasLogPath } from './log-options.ts';
import { whyUnresponsive } from './responsive.ts';
import { describeDuration, formatTime, nowNs } from './time.ts';

/** Facts that only the engine knows beside the container itself. */
export interface InspectFacts {
  /** Operating system and processor: "linux/amd64". */
  readonly platform: string;
  readonly storageDriver: string;
  /** Of those that have not ended. */
  readonly execIdsOf: (container: Container) => readonly string[];
}

export function inspectContainer(
  ctx: Pick<ContainerContext, 'containers' | 'layout'>,
  ref: string,
  facts: InspectFacts,
): ContainerInspect {
  const container = ctx.containers.find(ref);
  const { record } = container;
  const paths = ctx.layout.container(container.id);
  const [path = '', ...args] = argumentsOf(record.config);
  return {
    Id: record.id,
    Created: formatTime(BigInt(record.createdNs)),
    Path: path,
    Args: args,
    State: stateOf(container),
    Image: record.imageId,
    ResolvConfPath: paths.resolvConf,
    HostnamePath: paths.hostname,
    HostsPath: paths.hosts,
    LogPath: hasLogPath(record.hostConfig) ? paths.log : '',
    Name: `/${record.name}`,
    RestartCount: record.run.restartCount,
    Driver: facts.storageDriver,
    Platform: facts.platform.split('/')[0] ?? '',
    MountLabel: record.labels?.mount ?? '',
    ProcessLabel: record.labels?.process ?? '',
    AppArmorProfile: record.run.appArmorProfile ?? '',
    ExecIDs: nullIfEmpty(facts.execIdsOf(container)),
    HostConfig: record.hostConfig,
    GraphDriver: { Name: facts.storageDriver, Data: null },
    Mounts: shownMounts(record),
    Config: record.config,
    NetworkSettings: networkSettings(container),
  };
}

function nullIfEmpty<T>(items: readonly T[]): readonly T[] | null {
  return items.length === 0 ? null : items;
}

function stateOf(container: Container): ContainerState {
  const { run } = container.record;
  const { status } = container;
  return {
    Status: status,
    Running: status === 'running' || status === 'paused' || status === 'restarting',
    Paused: status === 'paused',
    Restarting: status === 'restarting',
    OOMKilled: run.isOomKilled,
    Dead: status === 'dead',
    Pid: container.process?.containerPid ?? 0,
    ExitCode: run.exitCode,
    Error: whyUnresponsive(container) ?? run.error,
    StartedAt: formatTime(BigInt(run.startedNs)),
    FinishedAt: formatTime(BigInt(run.finishedNs)),
    ...(container.health !== null && { Health: shapeHealth(container.health, formatTime) }),
  };
}

/** Docker does not count those of `HostConfig.Tmpfs` among them. */
function shownMounts({ mounts, hostConfig }: ContainerRecord): readonly MountPoint[] {
  const short = new Set(Object.keys(hostConfig.Tmpfs ?? {}).map((path) => posix.normalize(path)));
  const isShort = ({ request: { kind, target } }: MountRecord): boolean =>
    kind === 'tmpfs' && (short.has(target) || short.has(`${target}/`));
  return mounts.filter((mount) => !isShort(mount)).map(({ point }) => point);
}

function networkSettings(container: Container): NetworkSettings {
  const { network } = container;
  const endpoints = endpointsOf(container);
  const onDefaultBridge = endpoints['bridge'];
  return {
    Bridge: '',
    SandboxID: network === null ? '' : container.id,
    SandboxKey: network?.sandboxKey ?? '',
    Ports: network?.ports ?? {},
    HairpinMode: false,
    EndpointID: onDefaultBridge?.EndpointID ?? '',
    Gateway: onDefaultBridge?.Gateway ?? '',
    IPAddress: onDefaultBridge?.IPAddress ?? '',
    IPPrefixLen: onDefaultBridge?.IPPrefixLen ?? 0,
    IPv6Gateway: onDefaultBridge?.IPv6Gateway ?? '',
    GlobalIPv6Address: onDefaultBridge?.GlobalIPv6Address ?? '',
    GlobalIPv6PrefixLen: onDefaultBridge?.GlobalIPv6PrefixLen ?? 0,
    MacAddress: onDefaultBridge?.MacAddress ?? '',
    Networks: endpoints,
  };
}

const noEndpoint: EndpointSettings = {
  IPAMConfig: null,
  Links: null,
  Aliases: null,
  MacAddress: '',
  DriverOpts: null,
  GwPriority: 0,
  NetworkID: '',
  EndpointID: '',
  Gateway: '',
  IPAddress: '',
  IPPrefixLen: 0,
  IPv6Gateway: '',
  GlobalIPv6Address: '',
  GlobalIPv6PrefixLen: 0,
  DNSNames: null,
};

/** As asked for, with the facts of the run under way. */
function endpointsOf(container: Container): Readonly<Record<string, EndpointSettings>> {
  const asked = Object.entries(container.record.endpoints);
  return Object.fromEntries(
    asked.map(([name, endpoint]) => [
      name,
      { ...noEndpoint, ...endpoint, ...container.network?.endpoints[name] },
    ]),
  );
}

/** As dockerd shows it: an argument with a space in quotes, whatever else is in it. */
function shownCommand([path = '', ...args]: readonly string[]): string {
  return [path, ...args.map((text) => (text.includes(' ') ? `'${text}'` : text))].join(' ');
}

export function summarize(container: Container): ContainerSummary {
  const { record } = container;
  return {
    Id: record.id,
    Names: [`/${record.name}`],
    Image: record.config.Image ?? '',
    ImageID: record.imageId,
    Command: shownCommand(argumentsOf(record.config)),
    Created: Number(BigInt(record.createdNs) / 1_000_000_000n),
    Ports: listPorts(container.network?.ports ?? exposedOnly(container)),
    Labels: record.config.Labels ?? {},
    State: container.status,
    Status: describeStatus(container, nowNs()),
    HostConfig: { NetworkMode: record.hostConfig.NetworkMode ?? 'bridge' },
    NetworkSettings: { Networks: endpointsOf(container) },
    Mounts: shownMounts(record),
  };
}

/** Stopped containers show no ports, as in Docker. */
function exposedOnly(container: Container): PortMap {
  if (container.process === null) return {};
  return Object.fromEntries(
    Object.keys(container.record.config.ExposedPorts ?? {}).map((port) => [port, null]),
  );
}

function listPorts(ports: PortMap): readonly ContainerPort[] {
  return Object.entries(ports).flatMap(([key, bindings]): readonly ContainerPort[] => {
    const [port, protocol = 'tcp'] = key.split('/');
    const target = { PrivatePort: Number(port), Type: protocol };
    if (bindings === null || bindings.length === 0) return [target];
    return bindings.map(({ HostIp = '', HostPort = '' }) => ({
      ...target,
      IP: HostIp,
      PublicPort: Number(HostPort),
    }));
  });
}

function healthText(health: Health | null): string {
  if (health === null) return '';
  return health.status === 'starting' ? ' (health: starting)' : ` (${health.status})`;
}

function runningText(container: Container): string {
  return whyUnresponsive(container) === null ? healthText(container.health) : ' (unresponsive)';
}

/** The STATUS column of `docker ps`. */
export function describeStatus(container: Container, now: bigint): string {
  const { run } = container.record;
  const since = (ns: string): string =>
    describeDuration(Number((now - BigInt(ns)) / 1_000_000_000n));
  switch (container.status) {
    case 'created':
      return 'Created';
    case 'running':
      return `Up ${since(run.startedNs)}${runningText(container)}`;
    case 'paused':
      return `Up ${since(run.startedNs)} (Paused)`;
    case 'restarting':
      return `Restarting (${run.exitCode}) ${since(run.finishedNs)} ago`;
    case 'exited':
      return `Exited (${run.exitCode}) ${since(run.finishedNs)} ago`;
    case 'removing':
      return 'Removal In Progress';
    case 'dead':
      return 'Dead';
  }
}
