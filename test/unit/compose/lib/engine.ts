import type {
  ContainerCreateRequest,
  ContainerInspect,
  ContainerSummary,
  EventMessage,
  ImageSummary,
  NetworkInspect,
  Volume,
} from '../../../../engine/api/index.ts';
import { EngineError } from '../../../../engine/api/index.ts';
import type { EnginePort, EventStream } from '../../../../compose/index.ts';

interface FakeContainer {
  readonly id: string;
  name: string;
  state: ContainerSummary['State'];
  status: string;
  body: ContainerCreateRequest;
}

/** An engine in memory: enough of one to plan against and to execute on. Every call is noted. */
export class FakeEngine implements EnginePort {
  readonly calls: string[] = [];
  readonly #containers: FakeContainer[] = [];
  readonly #networks = new Map<string, NetworkInspect>();
  readonly #volumes = new Map<string, Volume>();
  readonly #images: string[];
  readonly #failures = new Map<string, Error>();
  readonly #listeners = new Set<(event: EventMessage) => void>();
  #clock = 0;
  #made = 0;
  /** What inspect says of health; null: the engine runs no healthchecks. */
  health: 'starting' | null = 'starting';
  warnings: readonly string[] = [];
  server = 'tscompose/1.0.0 (linux)';
  /** Runs at the end of every start, with the name. */
  onStart: (name: string) => void = () => undefined;

  constructor({
    images = ['nginx:latest', 'redis:latest'],
  }: { readonly images?: readonly string[] } = {}) {
    this.#images = [...images];
  }

  /** Makes the next such call fail: `start shop-web-1`. */
  fail(call: string, error: Error): void {
    this.#failures.set(call, error);
  }

  addNetwork(name: string, own: Readonly<Record<string, string>> = {}): void {
    this.#networks.set(name, network(name, own));
  }

  addVolume(name: string, own: Readonly<Record<string, string>> = {}): void {
    this.#volumes.set(name, volume(name, own));
  }

  names(): string[] {
    return [
      ...this.#containers.map(({ name, state }) => `${name} ${state}`),
      ...this.#networks.keys(),
      ...this.#volumes.keys(),
    ].sort();
  }

  get restartPolicies(): (readonly [name: string, policy: string])[] {
    return this.#containers.map(({ name, body }) => [
      name,
      body.HostConfig?.RestartPolicy?.Name ?? '',
    ]);
  }

  exit(name: string, code: number): void {
    const container = this.#find(name);
    container.state = 'exited';
    container.status = `Exited (${code}) 1 second ago`;
    this.emit(name, 'die', { exitCode: String(code) });
  }

  becomeHealthy(name: string): void {
    this.#find(name).status = 'Up 1 second (healthy)';
    this.emit(name, 'health_status: healthy');
  }

  emit(name: string, action: string, attributes: Readonly<Record<string, string>> = {}): void {
    const { id } = this.#find(name);
    this.#clock += 1;
    const event: EventMessage = {
      Type: 'container',
      Action: action,
      Actor: { ID: id, Attributes: { name, ...attributes } },
      scope: 'local',
      time: this.#clock,
      timeNano: this.#clock * 1e9,
    };
    for (const listener of this.#listeners) listener(event);
  }

  readonly containers: EnginePort['containers'] = {
    list: () => Promise.resolve(this.#containers.map((container) => this.#summary(container))),
    create: async (body, { name }) => {
      await this.#call(`create ${name}`);
      this.#made += 1;
      const id = String(this.#made).padStart(64, '0');
      this.#containers.push({ id, name, state: 'created', status: 'Created', body });
      return { Id: id, Warnings: this.warnings };
    },
    inspect: (ref) => {
      const { id, body, name } = this.#find(ref);
      const health = this.health === null ? {} : { Health: { Status: this.health } };
      return Promise.resolve({
        Id: id,
        Name: `/${name}`,
        Config: body,
        HostConfig: body.HostConfig ?? {},
        State: health,
      } as ContainerInspect);
    },
    start: async (ref) => {
      const container = this.#find(ref);
      await this.#call(`start ${container.name}`);
      container.state = 'running';
      container.status = 'Up 1 second';
      this.emit(container.name, 'start');
      this.onStart(container.name);
    },
    stop: async (ref, options = {}) => {
      const container = this.#find(ref);
      const grace = options.timeoutSeconds === undefined ? '' : ` ${options.timeoutSeconds}s`;
      await this.#call(`stop ${container.name}${grace}`);
      container.state = 'exited';
    },
    restart: async (ref, options = {}) => {
      const container = this.#find(ref);
      const grace = options.timeoutSeconds === undefined ? '' : ` ${options.timeoutSeconds}s`;
      await this.#call(`restart ${container.name}${grace}`);
      container.state = 'running';
    },
    kill: async (ref, { killSignal } = {}) => {
      const container = this.#find(ref);
      await this.#call(`kill ${container.name} ${killSignal ?? ''}`);
      container.state = 'exited';
    },
    pause: async (ref) => {
      const container = this.#find(ref);
      await this.#call(`pause ${container.name}`);
      container.state = 'paused';
    },
    unpause: async (ref) => {
      const container = this.#find(ref);
      await this.#call(`unpause ${container.name}`);
      container.state = 'running';
    },
    remove: async (ref, { force, volumes } = {}) => {
      const container = this.#find(ref);
      const flags = `${force === true ? ' force' : ''}${volumes === true ? ' volumes' : ''}`;
      await this.#call(`remove ${container.name}${flags}`);
      this.#containers.splice(this.#containers.indexOf(container), 1);
    },
    rename: async (ref, name) => {
      const container = this.#find(ref);
      await this.#call(`rename ${container.name} ${name}`);
      container.name = name;
    },
    update: async (ref, { RestartPolicy }) => {
      const container = this.#find(ref);
      await this.#call(`update ${container.name} ${RestartPolicy.Name ?? ''}`);
      const { body } = container;
      container.body = { ...body, HostConfig: { ...body.HostConfig, RestartPolicy } };
      return [];
    },
    wait: (ref) => {
      const { exitCode } = this.#initOf(ref);
      this.exit(this.#find(ref).name, exitCode);
      return Promise.resolve({ StatusCode: exitCode });
    },
    logs: async function* (this: FakeEngine, ref: string) {
      await this.#call(`logs ${this.#find(ref).name}`);
      for (const text of this.#initOf(ref).output.split('\n')) {
        if (text !== '') yield { stream: 'stdout' as const, text };
      }
    }.bind(this),
  };

  /** What an init container prints and leaves with, by the first word of its command. */
  #initOf(ref: string): { readonly output: string; readonly exitCode: number } {
    const { body } = this.#find(ref);
    return this.hooks.get(body.Cmd?.[0] ?? '') ?? { output: '', exitCode: 0 };
  }

  readonly archives: EnginePort['archives'] = {
    writeFiles: async (ref, files) => {
      const texts = files.map(
        ({ path, content, uid, gid, mode, keeping }) =>
          `${path}=${Buffer.from(content).toString()} ${uid}:${gid} ${mode.toString(8)} in ${keeping}`,
      );
      await this.#call(`write ${this.#find(ref).name} ${texts.join(', ')}`);
    },
  };

  /** What the next exec prints and leaves with, by its first words. */
  readonly hooks = new Map<string, { readonly output: string; readonly exitCode: number }>();

  readonly execs: EnginePort['execs'] = {
    run: async (ref, { Cmd, User, WorkingDir, Env, Privileged }, { onOutput }) => {
      const options = [User, WorkingDir, ...(Env ?? []), Privileged === true ? 'privileged' : ''];
      const words = [...(Cmd ?? []), ...options.filter(Boolean)].join(' ');
      await this.#call(`exec ${this.#find(ref).name} ${words}`);
      const { output, exitCode } = this.hooks.get(Cmd?.[0] ?? '') ?? { output: '', exitCode: 0 };
      onOutput('stdout', new TextEncoder().encode(output));
      return { exitCode };
    },
  };

  readonly networks: EnginePort['networks'] = {
    list: () => Promise.resolve([...this.#networks.values()]),
    create: async (body) => {
      const name = body.Name ?? '';
      await this.#call(`create network ${name}`);
      this.addNetwork(name, body.Labels);
      return { Id: name, Warning: '' };
    },
    remove: async (name) => {
      await this.#call(`remove network ${name}`);
      this.#networks.delete(name);
    },
  };

  readonly volumes: EnginePort['volumes'] = {
    list: () => Promise.resolve([...this.#volumes.values()]),
    create: async (body) => {
      const name = body.Name ?? '';
      await this.#call(`create volume ${name}`);
      const made = volume(name, body.Labels ?? {});
      this.#volumes.set(name, made);
      return made;
    },
    remove: async (name) => {
      await this.#call(`remove volume ${name}`);
      this.#volumes.delete(name);
    },
  };

  readonly images: EnginePort['images'] = {
    list: () =>
      Promise.resolve(
        this.#images.map(
          (name, index) =>
            ({
              Id: `sha256:${String(index + 1).repeat(64)}`,
              RepoTags: [name],
              RepoDigests: [],
            }) as unknown as ImageSummary,
        ),
      ),
    remove: async (name) => {
      await this.#call(`remove image ${name}`);
      this.#images.splice(this.#images.indexOf(name), 1);
    },
  };

  events({ signal }: Parameters<EnginePort['events']>[0] = {}): EventStream {
    this.calls.push('events');
    const queue: EventMessage[] = [];
    let wake = (): void => undefined;
    const listener = (event: EventMessage): void => {
      queue.push(event);
      wake();
    };
    this.#listeners.add(listener);
    signal?.addEventListener('abort', () => {
      this.#listeners.delete(listener);
      wake();
    });
    return {
      opened: Promise.resolve(),
      async *[Symbol.asyncIterator]() {
        while (signal?.aborted !== true) {
          const event = queue.shift();
          if (event !== undefined) yield event;
          else
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
        }
      },
    };
  }

  async #call(call: string): Promise<void> {
    this.calls.push(call);
    await Promise.resolve();
    const failure = this.#failures.get(call);
    if (failure === undefined) return;
    this.#failures.delete(call);
    throw failure;
  }

  #find(ref: string): FakeContainer {
    const found = this.#containers.find(({ id, name }) => id === ref || name === ref);
    if (found === undefined) throw new EngineError('not-found', `no such container: ${ref}`);
    return found;
  }

  #summary({ id, name, state, status, body }: FakeContainer): ContainerSummary {
    const networks = Object.keys(body.NetworkingConfig?.EndpointsConfig ?? {});
    const volumes = (body.HostConfig?.Binds ?? []).flatMap((bind) => {
      const [source = '', target = ''] = bind.split(':');
      return source.startsWith('/') ? [] : [{ Type: 'volume', Name: source, Destination: target }];
    });
    const anonymous = (body.HostConfig?.Mounts ?? [])
      .filter(({ Type, Source }) => Type === 'volume' && Source === undefined)
      .map(({ Target }) => ({ Type: 'volume', Name: id, Destination: Target }));
    return {
      Id: id,
      Names: [`/${name}`],
      ImageID: '',
      State: state,
      Status: status,
      Labels: body.Labels ?? {},
      NetworkSettings: { Networks: Object.fromEntries(networks.map((key) => [key, {}])) },
      Mounts: [...volumes, ...anonymous],
    } as unknown as ContainerSummary;
  }
}

function network(name: string, own: Readonly<Record<string, string>>): NetworkInspect {
  return { Name: name, Id: name, Labels: own } as unknown as NetworkInspect;
}

function volume(name: string, own: Readonly<Record<string, string>>): Volume {
  return { Name: name, Labels: own } as unknown as Volume;
}
