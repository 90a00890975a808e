import { EngineError } from '../../../engine/api/index.ts';
import type {
  ContainerBackend,
  ContainerListItem,
  LogRecord,
} from '../../../engine/daemon/routes/index.ts';
import { withResolvers, type FakeContainer, type FakeEngine } from './engine.ts';

export const never = '0001-01-01T00:00:00Z';

export function createContainers(engine: FakeEngine): ContainerBackend {
  const note = (call: string): void => {
    engine.calls.push(`containers.${call}`);
  };
  const stop = (ref: string, exitCode: number): void => {
    const container = engine.find(ref);
    if (!container.inspect.State.Running) throw new EngineError('not-modified', 'not running');
    engine.setStatus(container, 'exited', exitCode);
  };
  return {
    create: async (request, { name }) => {
      note(`create ${name ?? ''}`);
      const image = await engine.images.findId(request.Image ?? '');
      if (image === null) {
        throw new EngineError('not-found', `No such image: ${request.Image ?? ''}`);
      }
      const id = engine.newId();
      const fullName = `/${name ?? `fake${engine.sequence}`}`;
      const holder = [...engine.byId.values()].find(({ inspect }) => inspect.Name === fullName);
      if (holder !== undefined) {
        const message = `Conflict. The container name "${fullName}" is already in use by container "${holder.inspect.Id}". You have to remove (or rename) that container to be able to reuse that name.`;
        throw new EngineError('conflict', message);
      }
      const { HostConfig = {}, NetworkingConfig, ...config } = request;
      const endpoints = NetworkingConfig?.EndpointsConfig ?? { bridge: {} };
      engine.byId.set(id, {
        inspect: {
          Id: id,
          Created: new Date(0).toISOString(),
          Path: config.Cmd?.[0] ?? 'sh',
          Args: config.Cmd?.slice(1) ?? [],
          State: {
            Status: 'created',
            Running: false,
            Paused: false,
            Restarting: false,
            OOMKilled: false,
            Dead: false,
            Pid: 0,
            ExitCode: 0,
            Error: '',
            StartedAt: never,
            FinishedAt: never,
          },
          Image: image,
          ResolvConfPath: '',
          HostnamePath: '',
          HostsPath: '',
          LogPath: '',
          Name: fullName,
          RestartCount: 0,
          Driver: 'overlay2',
          Platform: 'linux',
          GraphDriver: { Name: 'overlay2', Data: null },
          HostConfig,
          Mounts: [],
          Config: config,
          NetworkSettings: { SandboxID: '', SandboxKey: '', Ports: {}, Networks: endpoints },
        },
        createdNs: BigInt(engine.sequence) * 1_000_000_000n,
        exit: withResolvers(),
        removed: withResolvers(),
        logs: [],
        logged: withResolvers(),
      });
      return { Id: id, Warnings: [] };
    },
    start: async (ref) => {
      note(`start ${ref}`);
      const container = engine.find(ref);
      if (container.inspect.State.Running) throw new EngineError('not-modified', 'running');
      engine.setStatus(container, 'running');
      await Promise.resolve();
    },
    stop: async (ref, options) => {
      note(`stop ${ref} t=${options.timeoutSeconds ?? 'default'} s=${options.signal ?? 'default'}`);
      stop(ref, 143);
      await Promise.resolve();
    },
    restart: async (ref) => {
      note(`restart ${ref}`);
      engine.setStatus(engine.find(ref), 'running');
      await Promise.resolve();
    },
    kill: async (ref, signal) => {
      note(`kill ${ref} ${signal ?? 'default'}`);
      const { inspect } = engine.find(ref);
      if (!inspect.State.Running) {
        throw new EngineError('conflict', `Container ${ref} is not running`);
      }
      stop(ref, 137);
      await Promise.resolve();
    },
    rename: async (ref, name) => {
      note(`rename ${ref} ${name}`);
      const container = engine.find(ref);
      container.inspect = { ...container.inspect, Name: `/${name}` };
      await Promise.resolve();
    },
    wait: async (ref, condition) => {
      note(`wait ${ref} ${condition}`);
      const { inspect, exit, removed } = engine.find(ref);
      const isOver = condition === 'not-running' && !inspect.State.Running;
      if (isOver) return { exited: Promise.resolve({ exitCode: inspect.State.ExitCode }) };
      return await Promise.resolve({
        exited: condition === 'removed' ? removed.promise : exit.promise,
      });
    },
    remove: async (ref, { force, volumes }) => {
      note(`remove ${ref} force=${force} volumes=${volumes}`);
      const container = engine.find(ref);
      if (container.inspect.State.Running) {
        if (!force) {
          const message = `cannot remove container "${container.inspect.Name}": container is running: stop the container before removing or force remove`;
          throw new EngineError('conflict', message);
        }
        engine.setStatus(container, 'exited', 137);
      }
      engine.byId.delete(container.inspect.Id);
      engine.publish('container', 'destroy', container);
      container.removed.resolve({ exitCode: container.inspect.State.ExitCode });
      await Promise.resolve();
    },
    inspect: async (ref) => {
      note(`inspect ${ref}`);
      return await Promise.resolve(engine.find(ref).inspect);
    },
    list: async () => {
      note('list');
      return await Promise.resolve([...engine.byId.values()].map(toListItem));
    },
    logs: async (ref, options, abort) => {
      note(`logs ${ref} follow=${options.follow} tail=${options.tail ?? 'all'}`);
      const container = engine.find(ref);
      const isTty = container.inspect.Config.Tty === true;
      return await Promise.resolve({
        isTty,
        details: '',
        records: readLogs(container, { ...options, abort }),
      });
    },
  };
}

async function* readLogs(
  container: FakeContainer,
  options: {
    readonly follow: boolean;
    readonly stdout: boolean;
    readonly stderr: boolean;
    readonly tail: number | null;
    readonly abort: AbortSignal;
  },
): AsyncGenerator<readonly LogRecord[]> {
  const wanted = (records: readonly LogRecord[]): readonly LogRecord[] =>
    records.filter(({ stream }) => options[stream]);
  let read = container.logs.length;
  const kept = wanted(container.logs);
  yield options.tail === null ? kept : kept.slice(Math.max(0, kept.length - options.tail));
  const aborted = new Promise<undefined>((resolve) => {
    options.abort.addEventListener('abort', () => {
      resolve(undefined);
    });
  });
  while (options.follow && container.inspect.State.Running && !options.abort.aborted) {
    await Promise.race([container.logged.promise, aborted]);
    yield wanted(container.logs.slice(read));
    read = container.logs.length;
  }
}

function toListItem({ inspect, createdNs }: FakeContainer): ContainerListItem {
  return {
    summary: {
      Id: inspect.Id,
      Names: [inspect.Name],
      Image: inspect.Config.Image ?? '',
      ImageID: inspect.Image,
      Command: [inspect.Path, ...inspect.Args].join(' '),
      Created: Number(createdNs / 1_000_000_000n),
      Ports: [],
      Labels: inspect.Config.Labels ?? {},
      State: inspect.State.Status,
      Status: inspect.State.Running ? 'Up 1 second' : 'Created',
      HostConfig: { NetworkMode: inspect.HostConfig.NetworkMode ?? 'bridge' },
      NetworkSettings: { Networks: inspect.NetworkSettings.Networks },
      Mounts: inspect.Mounts,
    },
    createdNs,
    exitCode: inspect.State.ExitCode,
    health: 'none',
    exposedPorts: Object.keys(inspect.Config.ExposedPorts ?? {}),
  };
}
