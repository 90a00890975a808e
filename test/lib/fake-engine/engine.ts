/** Backends in memory, for tests of the HTTP side: containers that are records with a status, and nothing runs. */
import { createHash } from 'node:crypto';

import {
  EngineError,
  type ContainerInspect,
  type EventMessage,
  type ImageInspect,
  type NetworkInspect,
  type Volume,
} from '../../../engine/api/index.ts';
import type {
  Backends,
  ContainerBackend,
  ContainerExit,
  ImageBackend,
  LogRecord,
  NetworkBackend,
  SystemBackend,
  VolumeBackend,
} from '../../../engine/daemon/routes/index.ts';

import { createContainers } from './containers.ts';
import { createImages, createNetworks, createSystem, createVolumes } from './resources.ts';

export interface FakeContainer {
  inspect: ContainerInspect;
  readonly createdNs: bigint;
  readonly exit: PromiseWithResolvers<ContainerExit>;
  readonly removed: PromiseWithResolvers<ContainerExit>;
  readonly logs: LogRecord[];
  /** Resolves, and is replaced, at each log record. */
  logged: PromiseWithResolvers<undefined>;
}

export interface PromiseWithResolvers<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
}

export interface FakeLine {
  readonly stream: 'stdout' | 'stderr';
  readonly line: string;
  readonly timeNs?: bigint;
}

export class FakeEngine implements Backends {
  readonly byId = new Map<string, FakeContainer>();
  readonly imagesById = new Map<string, ImageInspect>();
  readonly networksById = new Map<string, NetworkInspect>();
  readonly volumesByName = new Map<string, Volume>();
  /** Every call, as `containers.start web`. */
  readonly calls: string[] = [];
  readonly #listeners = new Set<(event: EventMessage) => void>();
  #sequence = 0;

  readonly containers: ContainerBackend = createContainers(this);
  readonly images: ImageBackend = createImages(this);
  readonly networks: NetworkBackend = createNetworks(this);
  readonly volumes: VolumeBackend = createVolumes(this);
  readonly system: SystemBackend = createSystem(this);
  readonly resources: Backends['resources'] = unserved('resources');
  readonly files: Backends['files'] = unserved('files');
  readonly prune: Backends['prune'] = unserved('prune');
  readonly interaction: Backends['interaction'] = unserved('interaction');

  newId(): string {
    this.#sequence += 1;
    return createHash('sha256').update(String(this.#sequence)).digest('hex');
  }

  get sequence(): number {
    return this.#sequence;
  }

  find(ref: string): FakeContainer {
    const name = `/${ref.replace(/^\//, '')}`;
    const all = [...this.byId.values()];
    const found =
      this.byId.get(ref) ??
      all.find(({ inspect }) => inspect.Name === name) ??
      all.find(({ inspect }) => inspect.Id.startsWith(ref));
    if (found === undefined) throw new EngineError('not-found', `No such container: ${ref}`);
    return found;
  }

  setStatus(container: FakeContainer, status: 'running' | 'exited', exitCode = 0): void {
    const now = new Date().toISOString();
    const isRunning = status === 'running';
    container.inspect = {
      ...container.inspect,
      State: {
        ...container.inspect.State,
        Status: status,
        Running: isRunning,
        Pid: isRunning ? 4711 : 0,
        ExitCode: exitCode,
        ...(isRunning ? { StartedAt: now } : { FinishedAt: now }),
      },
    };
    this.publish('container', isRunning ? 'start' : 'die', container);
    if (!isRunning) {
      container.exit.resolve({ exitCode });
      container.logged.resolve(undefined);
    }
  }

  writeLog(ref: string, { stream, line, timeNs = 0n }: FakeLine): void {
    const container = this.find(ref);
    const source = Buffer.from(line);
    container.logs.push({ stream, timeNs, source, start: 0, end: source.length });
    container.logged.resolve(undefined);
    container.logged = withResolvers();
  }

  publish(type: 'container', action: string, { inspect }: FakeContainer): void {
    const event: EventMessage = {
      Type: type,
      Action: action,
      Actor: {
        ID: inspect.Id,
        Attributes: {
          ...inspect.Config.Labels,
          image: inspect.Config.Image ?? '',
          name: inspect.Name.slice(1),
        },
      },
      scope: 'local',
      time: Math.floor(Date.now() / 1000),
      timeNano: Date.now() * 1e6,
      status: action,
      id: inspect.Id,
      from: inspect.Config.Image ?? '',
    };
    for (const listener of this.#listeners) listener(event);
  }

  get subscribers(): number {
    return this.#listeners.size;
  }

  subscribe(listener: (event: EventMessage) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

export function withResolvers<T>(): PromiseWithResolvers<T> {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

/** A backend that no test of this engine calls: a call names itself. */
function unserved(name: string): never {
  return new Proxy(
    {},
    {
      get: (_target, method) => () => {
        throw new Error(`nobody serves ${name}.${String(method)} here`);
      },
    },
  ) as never;
}
