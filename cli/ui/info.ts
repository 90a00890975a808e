/** What an engine says of itself, in docker's words and order. */
import type { SystemInfo } from '../../engine/api/index.ts';
import { binarySize } from './go-text.ts';
import { compileTemplate } from './template/evaluate.ts';
import { toJson } from './template/values.ts';

export interface InfoRequest {
  readonly client: { readonly version: string; readonly address: string };
  readonly format: string;
}

export function renderInfo(info: SystemInfo, { client, format }: InfoRequest): string {
  if (format === '') return `${[...clientLines(client), '', ...serverLines(info)].join('\n')}\n`;
  const value = {
    ...info,
    ClientInfo: { Debug: false, Version: client.version, Address: client.address, Warnings: null },
  };
  if (format === 'json') return `${toJson(value, { escapesHtml: true })}\n`;
  return `${compileTemplate(format).run(value)}\n`;
}

function clientLines({ version, address }: InfoRequest['client']): string[] {
  return ['Client: tscompose', ` Version:    ${version}`, ` Address:    ${address}`];
}

function serverLines(info: SystemInfo): string[] {
  return [
    'Server:',
    ` Containers: ${info.Containers}`,
    `  Running: ${info.ContainersRunning}`,
    `  Paused: ${info.ContainersPaused}`,
    `  Stopped: ${info.ContainersStopped}`,
    ` Images: ${info.Images}`,
    ` Server Version: ${info.ServerVersion}`,
    ` Storage Driver: ${info.Driver}`,
    ...info.DriverStatus.map(([name, value]) => `  ${name}: ${value}`),
    ` Logging Driver: ${info.LoggingDriver}`,
    ` Cgroup Driver: ${info.CgroupDriver}`,
    ` Cgroup Version: ${info.CgroupVersion}`,
    ...pluginLines(info),
    ...listLines('CDI spec directories', info.CDISpecDirs),
    ` Swarm: ${info.Swarm.LocalNodeState}`,
    ...runtimeLines(info),
    ...securityLines(info.SecurityOptions),
    ` Kernel Version: ${info.KernelVersion}`,
    ` Operating System: ${info.OperatingSystem}`,
    ` OSType: ${info.OSType}`,
    ` Architecture: ${info.Architecture}`,
    ` CPUs: ${info.NCPU}`,
    ` Total Memory: ${binarySize(info.MemTotal)}`,
    ` Name: ${info.Name}`,
    ` ID: ${info.ID}`,
    ` Docker Root Dir: ${info.DockerRootDir}`,
    ` Debug Mode: ${String(info.Debug ?? false)}`,
    ...proxyLines(info),
    ...listLines('Labels', info.Labels),
    ` Experimental: ${String(info.ExperimentalBuild ?? false)}`,
    ...listLines('Insecure Registries', info.RegistryConfig?.InsecureRegistryCIDRs),
    ...listLines('Registry Mirrors', info.RegistryConfig?.Mirrors),
    ` Live Restore Enabled: ${String(info.LiveRestoreEnabled)}`,
    ...warningLines(info.Warnings),
  ];
}

function pluginLines({ Plugins }: SystemInfo): string[] {
  if (Plugins === undefined) return [];
  const kinds = ['Volume', 'Network', 'Authorization', 'Log'].flatMap((kind) => {
    const names = Plugins[kind];
    if (names === null || names === undefined) return [];
    return [`  ${kind}: ${names.join(' ')}`];
  });
  return [' Plugins:', ...kinds];
}

function runtimeLines(info: SystemInfo): string[] {
  const { Runtimes, DefaultRuntime, InitBinary, ContainerdCommit, RuncCommit, InitCommit } = info;
  return [
    ...(Runtimes === undefined ? [] : [` Runtimes: ${Object.keys(Runtimes).join(' ')}`]),
    ...(DefaultRuntime === undefined ? [] : [` Default Runtime: ${DefaultRuntime}`]),
    ...(InitBinary === undefined ? [] : [` Init Binary: ${InitBinary}`]),
    ...commitLine('containerd', ContainerdCommit),
    ...commitLine('runc', RuncCommit),
    ...commitLine('init', InitCommit),
  ];
}

/** Engines that have no such part name none. */
function commitLine(name: string, commit: { readonly ID: string } | undefined): string[] {
  return commit === undefined || commit.ID === '' ? [] : [` ${name} version: ${commit.ID}`];
}

/** `name=seccomp,profile=builtin`. */
function securityLines(options: readonly string[]): string[] {
  if (options.length === 0) return [];
  const lines = options.flatMap((option) => {
    const pairs = option.split(',').map((pair) => pair.split('='));
    const name = pairs.find(([key]) => key === 'name')?.[1] ?? option;
    const rest = pairs.filter(([key]) => key !== 'name');
    return [`  ${name}`, ...rest.map(([key = '', value = '']) => `   ${titled(key)}: ${value}`)];
  });
  return [' Security Options:', ...lines];
}

function titled(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

function proxyLines({ HttpProxy, HttpsProxy, NoProxy }: SystemInfo): string[] {
  const named = [
    ['HTTP Proxy', HttpProxy],
    ['HTTPS Proxy', HttpsProxy],
    ['No Proxy', NoProxy],
  ] as const;
  return named.flatMap(([name, value]) =>
    (value ?? '') === '' ? [] : [` ${name}: ${value ?? ''}`],
  );
}

function listLines(name: string, values: readonly string[] | null | undefined): string[] {
  if (values === null || values === undefined || values.length === 0) return [];
  return [` ${name}:`, ...values.map((value) => `  ${value}`)];
}

function warningLines(warnings: readonly string[] | null): string[] {
  return (warnings ?? []).length === 0 ? [] : ['', ...(warnings ?? [])];
}
