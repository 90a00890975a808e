/** From an image's configuration and a request to the configuration of one container, by Docker's rules of merging. */
import type {
  ContainerConfig,
  ContainerCreateRequest,
  Healthcheck,
  HostConfig,
} from '../api/index.ts';
import { shortId } from '../lib/index.ts';

const defaultPath = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const defaultShmBytes = 64 << 20;

/** What the container is made with. `HostConfig` and `NetworkingConfig` are kept apart. */
export function mergeConfig(
  image: ContainerConfig,
  request: ContainerCreateRequest,
  id: string,
): ContainerConfig {
  const { HostConfig: _h, NetworkingConfig: _n, Entrypoint: _e, Cmd: _c, ...wanted } = request;
  const command = mergeCommand(image, request);
  return {
    ...wanted,
    ...command,
    Hostname: nonEmpty(wanted.Hostname) ?? shortId(id),
    User: nonEmpty(wanted.User) ?? image.User ?? '',
    WorkingDir: nonEmpty(wanted.WorkingDir) ?? image.WorkingDir ?? '',
    Env: mergeEnvironment(image.Env ?? [], wanted.Env ?? []),
    Labels: { ...image.Labels, ...wanted.Labels },
    ExposedPorts: { ...image.ExposedPorts, ...wanted.ExposedPorts },
    Volumes: { ...image.Volumes, ...wanted.Volumes },
    ...optional('StopSignal', nonEmpty(wanted.StopSignal) ?? nonEmpty(image.StopSignal)),
    ...optional('Healthcheck', mergeHealthcheck(image.Healthcheck, wanted.Healthcheck)),
  };
}

/** An entrypoint in the request drops the image's command; `[""]` empties the entrypoint (moby `merge`). */
function mergeCommand(
  image: ContainerConfig,
  wanted: Pick<ContainerConfig, 'Cmd' | 'Entrypoint'>,
): Pick<ContainerConfig, 'Cmd' | 'Entrypoint'> {
  const { Entrypoint: entrypoint = [], Cmd: command = [] } = wanted;
  if (entrypoint.length === 0) {
    return {
      ...optional('Entrypoint', image.Entrypoint),
      ...optional('Cmd', command.length > 0 ? command : image.Cmd),
    };
  }
  const isEmptied = entrypoint.length === 1 && entrypoint[0] === '';
  return { ...optional('Entrypoint', isEmptied ? undefined : entrypoint), Cmd: command };
}

/** Zero and empty in the request are the image's (moby `merge`). */
function mergeHealthcheck(
  image: Healthcheck | undefined,
  wanted: Healthcheck | undefined,
): Healthcheck | undefined {
  if (image === undefined || wanted === undefined) return wanted ?? image;
  const isGiven = (value: unknown): boolean =>
    Array.isArray(value) ? value.length > 0 : value !== undefined && value !== 0;
  const given = Object.entries(wanted).filter(([, value]) => isGiven(value));
  return { ...image, ...Object.fromEntries(given) };
}

/** The program and its arguments. */
export function argumentsOf(config: ContainerConfig): readonly string[] {
  return [...(config.Entrypoint ?? []), ...(config.Cmd ?? [])];
}

/** Entries of `wanted` replace those of `base` by name; a name without a value removes it. PATH is always there. */
export function mergeEnvironment(
  base: readonly string[],
  wanted: readonly string[],
): readonly string[] {
  const byName = new Map<string, string>();
  for (const entry of [defaultPath, ...base]) byName.set(nameOf(entry), entry);
  for (const entry of wanted) {
    if (entry.includes('=')) byName.set(nameOf(entry), entry);
    else byName.delete(entry);
  }
  return [...byName.values()];
}

function nameOf(entry: string): string {
  const at = entry.indexOf('=');
  return at < 0 ? entry : entry.slice(0, at);
}

/** Docker's defaults of what nobody set, as inspect shows them. */
export function withHostDefaults(host: HostConfig, hasCgroup2: boolean): HostConfig {
  const { NetworkMode: mode } = host;
  return {
    ...host,
    NetworkMode: mode === undefined || mode === '' || mode === 'default' ? 'bridge' : mode,
    RestartPolicy: {
      ...host.RestartPolicy,
      Name: nonEmpty(host.RestartPolicy?.Name) ?? 'no',
      MaximumRetryCount: host.RestartPolicy?.MaximumRetryCount ?? 0,
    },
    LogConfig: {
      Type: nonEmpty(host.LogConfig?.Type) ?? 'json-file',
      Config: host.LogConfig?.Config ?? {},
    },
    IpcMode: nonEmpty(host.IpcMode) ?? 'private',
    CgroupnsMode: nonEmpty(host.CgroupnsMode) ?? (hasCgroup2 ? 'private' : 'host'),
    ...swapOf(host),
    ShmSize: host.ShmSize === undefined || host.ShmSize === 0 ? defaultShmBytes : host.ShmSize,
    Runtime: nonEmpty(host.Runtime) ?? 'tscompose',
  };
}

/** A limit on memory without one on swap allows as much of that (moby `adaptContainerSettings`). */
function swapOf({ Memory: memory = 0, MemorySwap: swap = 0 }: HostConfig): Partial<HostConfig> {
  return memory > 0 && swap === 0 ? { MemorySwap: memory * 2 } : {};
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === undefined || text === '' ? undefined : text;
}

/** `{}` for undefined: with exactOptionalPropertyTypes an absent key is not a key with undefined. */
function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: V });
}
