/**
 * What the engine is killed in: one operation each of the Engine API, with what must be there before it. Each is the same
 * work every time, so that a call of a dry run comes again.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ContainerCreateRequest } from '../../../engine/api/index.ts';
import type { EngineClient } from '../../../engine/client/index.ts';
import { containerCommand, reservedPorts } from './light-audit.ts';

export interface Bench {
  readonly client: EngineClient;
  readonly stateRoot: string;
}

export interface Operation {
  readonly name: string;
  /** Returns what `run` needs to know. */
  prepare(bench: Bench): Promise<string>;
  run(bench: Bench, prepared: string): Promise<void>;
  /** Also killed together with every child, shims and resolver among them. */
  readonly isWithChildren?: boolean;
  /** Its shim is killed as well, see shim-kills.test.ts. */
  readonly startsShim?: boolean;
  /** `run` is the start of the next engine, which is traced from its first moments. */
  readonly isRecovery?: boolean;
}

const image = 'tscompose.local/host';
export const labNetwork = 'lab';

const plain: ContainerCreateRequest = {
  Image: image,
  Cmd: containerCommand.split(' '),
  StopSignal: 'SIGKILL',
};

/** With one of everything that is made for a container. */
const rich: ContainerCreateRequest = {
  ...plain,
  Volumes: { '/scratch': {}, '/etc/ld.so.conf.d': {} },
  ExposedPorts: { '80/tcp': {}, '53/udp': {} },
  HostConfig: {
    NetworkMode: labNetwork,
    Binds: ['data:/data'],
    PortBindings: {
      '80/tcp': [{ HostPort: String(reservedPorts[0]) }],
      '53/udp': [{ HostPort: String(reservedPorts[1]) }],
    },
    Memory: 64 << 20,
    Tmpfs: { '/cache': '' },
  },
  NetworkingConfig: { EndpointsConfig: { bridge: {}, [labNetwork]: {} } },
};

async function create({ client }: Bench, request: ContainerCreateRequest): Promise<string> {
  return (await client.containers.create(request, { name: 'subject' })).Id;
}

const file = { content: 'of a container', uid: 1, gid: 2, mode: 0o440 } as const;
const givenFiles = [
  { ...file, path: '/run/secrets/token', keeping: 'memory' },
  { ...file, path: '/etc/given', keeping: 'disk' },
] as const;

async function createWithFiles(bench: Bench): Promise<string> {
  const id = await create(bench, { ...plain, HostConfig: { NetworkMode: 'none' } });
  await bench.client.archives.writeFiles(id, givenFiles);
  return id;
}

async function start(bench: Bench, request: ContainerCreateRequest): Promise<string> {
  const id = await create(bench, request);
  await bench.client.containers.start(id);
  return id;
}

function nothing(): Promise<string> {
  return Promise.resolve('');
}

async function endOf({ client }: Bench, id: string): Promise<void> {
  const { State } = await client.containers.inspect(id);
  const ended = client.containers.wait(id);
  process.kill(State.Pid, 'SIGKILL');
  await ended;
}

const always = { RestartPolicy: { Name: 'always' } } as const;

const madeAhead = 'making directories ahead';

/** False: it comes at a time of its own, in whatever operation is under way then. */
export function isOf(operation: string, call: string): boolean {
  return operation === madeAhead || !call.includes('SET~');
}

export const operations: readonly Operation[] = [
  {
    name: 'create',
    prepare: nothing,
    run: async (bench) => {
      await create(bench, rich);
    },
  },
  {
    name: 'start',
    prepare: (bench) => create(bench, rich),
    run: ({ client }, id) => client.containers.start(id),
    isWithChildren: true,
    startsShim: true,
  },
  {
    name: 'start without a network',
    prepare: (bench) =>
      create(bench, { ...plain, HostConfig: { NetworkMode: 'none', Init: true } }),
    run: ({ client }, id) => client.containers.start(id),
    isWithChildren: true,
    startsShim: true,
  },
  {
    name: 'give files',
    prepare: (bench) => create(bench, { ...plain, HostConfig: { NetworkMode: 'none' } }),
    run: ({ client }, id) => client.archives.writeFiles(id, givenFiles),
  },
  {
    name: 'remove with given files',
    prepare: (bench) => createWithFiles(bench),
    run: ({ client }, id) => client.containers.remove(id),
  },
  {
    name: 'exec',
    prepare: (bench) => start(bench, { ...plain, HostConfig: { NetworkMode: 'none' } }),
    run: async ({ client }, id) => {
      await client.execs.run(id, { Cmd: ['echo', 'hello'] }, { onOutput: () => undefined });
    },
    isWithChildren: true,
  },
  {
    name: 'exec detached',
    prepare: (bench) => start(bench, { ...plain, HostConfig: { NetworkMode: 'none' } }),
    run: async ({ client }, id) => {
      const { Id } = await client.execs.create(id, { Cmd: ['true'], Tty: true });
      await client.execs.startDetached(Id);
      while ((await client.execs.inspect(Id)).Running) await delay(2);
    },
  },
  {
    name: 'stop',
    prepare: (bench) => start(bench, rich),
    run: ({ client }, id) => client.containers.stop(id, { timeoutSeconds: 0 }),
    isWithChildren: true,
  },
  {
    name: 'stop of one that would be restarted',
    prepare: (bench) => start(bench, { ...plain, HostConfig: always }),
    run: ({ client }, id) => client.containers.stop(id, { timeoutSeconds: 0 }),
  },
  {
    name: 'an end of its own',
    prepare: (bench) => start(bench, rich),
    run: endOf,
  },
  {
    name: 'an end of its own, removed by itself',
    prepare: (bench) =>
      start(bench, { ...plain, Volumes: { '/v': {} }, HostConfig: { AutoRemove: true } }),
    run: endOf,
  },
  {
    name: 'restart by policy',
    prepare: (bench) => start(bench, { ...plain, HostConfig: always }),
    run: async (bench, id) => {
      const before = (await bench.client.containers.inspect(id)).State.StartedAt;
      await endOf(bench, id);
      for (;;) {
        const { State } = await bench.client.containers.inspect(id);
        if (State.Status === 'running' && State.StartedAt !== before) return;
        await delay(10);
      }
    },
  },
  {
    name: 'restart',
    prepare: (bench) => start(bench, rich),
    run: ({ client }, id) => client.containers.restart(id, { timeoutSeconds: 0 }),
  },
  {
    name: 'pause',
    prepare: (bench) => start(bench, { ...plain, HostConfig: { NetworkMode: 'none' } }),
    run: async ({ client }, id) => {
      await client.containers.pause(id);
      await client.containers.unpause(id);
    },
  },
  {
    name: 'rename',
    prepare: (bench) => create(bench, plain),
    run: ({ client }, id) => client.containers.rename(id, 'another'),
  },
  {
    name: 'remove',
    prepare: async (bench) => {
      const id = await start(bench, rich);
      await bench.client.containers.stop(id, { timeoutSeconds: 0 });
      return id;
    },
    run: ({ client }, id) => client.containers.remove(id, { volumes: true }),
  },
  {
    name: 'remove by force',
    prepare: (bench) => start(bench, rich),
    run: ({ client }, id) => client.containers.remove(id, { force: true, volumes: true }),
    isWithChildren: true,
  },
  {
    name: madeAhead,
    prepare: async (bench) => {
      await bench.client.containers.remove(await create(bench, plain));
      return '';
    },
    // Whenever the engine has nothing else to do, see engine/images/snapshot-pool.ts.
    run: () => delay(600),
  },
  {
    name: 'recovery',
    prepare: async (bench) => {
      await start(bench, rich);
      const ended = { ...plain, Cmd: ['true'], HostConfig: { NetworkMode: labNetwork } };
      const { Id } = await bench.client.containers.create(ended, { name: 'ended' });
      const end = bench.client.containers.wait(Id, { condition: 'next-exit' });
      await bench.client.containers.start(Id);
      await end;
      await bench.client.volumes.create({ Name: 'unused' });
      return '';
    },
    run: () => Promise.resolve(),
    isRecovery: true,
  },
  {
    name: 'volume create',
    prepare: nothing,
    run: async ({ client }) => {
      await client.volumes.create({ Name: 'made' });
    },
  },
  {
    name: 'volume remove',
    prepare: async ({ client, stateRoot }) => {
      await client.volumes.create({ Name: 'filled' });
      for (const name of ['one', 'two'])
        await writeFile(join(stateRoot, 'volumes/filled/_data', name), name);
      return 'filled';
    },
    run: ({ client }, name) => client.volumes.remove(name),
  },
  {
    name: 'network create',
    prepare: nothing,
    run: async ({ client }) => {
      await client.networks.create({ Name: 'made' });
    },
  },
  {
    name: 'network remove',
    prepare: async ({ client }) => {
      await client.networks.create({ Name: 'used' });
      const { Id } = await client.containers.create({
        ...plain,
        HostConfig: { NetworkMode: 'used' },
      });
      await client.containers.start(Id);
      await client.containers.remove(Id, { force: true });
      return 'used';
    },
    run: ({ client }, name) => client.networks.remove(name),
  },
];
