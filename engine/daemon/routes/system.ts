import { arch, cpus, hostname, release, totalmem } from 'node:os';
import { readFileSync } from 'node:fs';

import { apiVersion, minApiVersion, type EventMessage, type VersionInfo } from '../../api/index.ts';
import { json, stream, type Filters, type Reply, type Route } from '../server/index.ts';
import { eventFilterKeys, matchesEvent } from './event-filters.ts';
import type { EngineInfo, SystemBackend } from './system-backend.ts';

export function systemRoutes(system: SystemBackend): readonly Route[] {
  return [
    { method: 'HEAD', path: '/_ping', handle: () => ping('') },
    { method: 'GET', path: '/_ping', handle: () => ping('OK') },
    { method: 'GET', path: '/version', handle: () => json(describeVersion(system)) },
    {
      method: 'GET',
      path: '/info',
      handle: async () => json(shapeInfo(await system.info(), system.version().version)),
    },
    {
      method: 'GET',
      path: '/events',
      handle: ({ query, abort }) => {
        const filters = query.filters(eventFilterKeys);
        const range = { sinceNs: query.time('since'), untilNs: query.time('until') };
        return stream('application/json', eventLines(system.events(range, abort), filters));
      },
    },
  ];
}

function ping(body: string): Reply {
  const headers = {
    'Builder-Version': '1',
    'Cache-Control': 'no-cache, no-store, must-revalidate',
    Pragma: 'no-cache',
    Swarm: 'inactive',
  };
  return { kind: 'text', status: 200, body, headers };
}

async function* eventLines(
  events: AsyncIterable<EventMessage>,
  filters: Filters,
): AsyncGenerator<string> {
  for await (const event of events) {
    if (matchesEvent(event, filters)) yield `${JSON.stringify(event)}\n`;
  }
}

function describeVersion(system: SystemBackend): VersionInfo {
  const { version, gitCommit, buildTime } = system.version();
  return {
    Platform: { Name: 'tscompose' },
    Components: [
      {
        Name: 'Engine',
        Version: version,
        Details: {
          ApiVersion: apiVersion,
          Arch: goArch(),
          BuildTime: buildTime,
          GitCommit: gitCommit,
          KernelVersion: release(),
          MinAPIVersion: minApiVersion,
          NodeVersion: process.version,
          Os: 'linux',
        },
      },
    ],
    Version: version,
    ApiVersion: apiVersion,
    MinAPIVersion: minApiVersion,
    GitCommit: gitCommit,
    // Clients print the key; what the engine runs on is told among the components.
    GoVersion: '',
    Os: 'linux',
    Arch: goArch(),
    KernelVersion: release(),
    BuildTime: buildTime,
  };
}

/** Every key dockerd has, as Go clients print them without looking. */
function shapeInfo(info: EngineInfo, version: string): object {
  const { running, paused, stopped } = info.containers;
  return {
    ...staticInfo,
    ...info.limits,
    ID: info.id,
    Containers: running + paused + stopped,
    ContainersRunning: running,
    ContainersPaused: paused,
    ContainersStopped: stopped,
    Images: info.images,
    Driver: info.storageDriver,
    DriverStatus: info.storageStatus,
    Plugins: {
      Volume: info.volumeDrivers,
      Network: info.networkDrivers,
      Authorization: null,
      Log: ['fluentd', 'json-file', 'local', 'syslog'],
    },
    NFd: 0,
    NGoroutines: 0,
    NEventsListener: info.eventSubscribers,
    SystemTime: new Date().toISOString(),
    CgroupVersion: String(info.cgroupVersion),
    KernelVersion: release(),
    ...operatingSystem(),
    Architecture: unixArch(),
    NCPU: cpus().length,
    MemTotal: totalmem(),
    DockerRootDir: info.stateRoot,
    Name: hostname(),
    ServerVersion: version,
    Runtimes: shapeRuntimes(info),
    SecurityOptions: info.securityOptions,
    Warnings: info.warnings.length === 0 ? null : info.warnings,
  };
}

function shapeRuntimes({ runtimes }: EngineInfo): object {
  const others = runtimes.map(({ name, path, args }): [string, object] => [
    name,
    { path, ...(args.length > 0 && { runtimeArgs: args }) },
  ]);
  return { ...Object.fromEntries(others), tscompose: { path: 'tscompose-shim' } };
}

const staticInfo = {
  KernelMemoryTCP: false,
  IPv4Forwarding: true,
  Debug: false,
  LoggingDriver: 'json-file',
  CgroupDriver: 'cgroupfs',
  OSType: 'linux',
  IndexServerAddress: 'https://index.docker.io/v1/',
  RegistryConfig: { IndexConfigs: {}, InsecureRegistryCIDRs: [], Mirrors: null },
  GenericResources: null,
  HttpProxy: '',
  HttpsProxy: '',
  NoProxy: '',
  Labels: [],
  ExperimentalBuild: false,
  DefaultRuntime: 'tscompose',
  // Compose takes "" for an active swarm.
  Swarm: {
    NodeID: '',
    NodeAddr: '',
    LocalNodeState: 'inactive',
    ControlAvailable: false,
    Error: '',
    RemoteManagers: null,
  },
  LiveRestoreEnabled: true,
  Isolation: '',
  InitBinary: 'tscompose-shim',
  ContainerdCommit: { ID: '' },
  RuncCommit: { ID: '' },
  InitCommit: { ID: '' },
  FirewallBackend: { Driver: 'nftables' },
  CDISpecDirs: [],
};

/** os-release(5): the names people know their distribution by. */
function operatingSystem(): { readonly OperatingSystem: string; readonly OSVersion: string } {
  const values = new Map<string, string>();
  try {
    for (const [, key = '', value = ''] of readFileSync('/etc/os-release', 'utf8').matchAll(
      /^(\w+)="?([^"\n]*)"?$/gm,
    )) {
      values.set(key, value);
    }
  } catch (error) {
    // Optional by its own definition.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return {
    OperatingSystem: values.get('PRETTY_NAME') ?? 'Linux',
    OSVersion: values.get('VERSION_ID') ?? '',
  };
}

/** As Go names them, in /version. */
function goArch(): string {
  const names: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386' };
  return names[arch()] ?? arch();
}

/** As uname(2) names them, in /info. */
function unixArch(): string {
  const names: Readonly<Record<string, string>> = { x64: 'x86_64', arm64: 'aarch64' };
  return names[arch()] ?? arch();
}
