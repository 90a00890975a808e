/**
 * State roots that engines have recorded, one directory of test/fixtures/state for each, and what the API showed of them
 * then: this engine must show the same. `RECORD_STATE=2 npx vitest …` records what this one writes as the second.
 */
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import type { EngineClient } from '../../../engine/client/index.ts';
import { TestEngine } from '../../lib/engine.ts';
import { dockerArchive } from '../../lib/image-archive.ts';
import { missing } from '../../lib/requires.ts';
import { tar } from '../../lib/tar-builder.ts';

const fixtures = new URL('../../fixtures/state/', import.meta.url).pathname;
const recordAs = process.env['RECORD_STATE'];
const recorded = existsSync(fixtures) ? readdirSync(fixtures) : [];
const absent = missing('root', 'overlayfs', 'nftables');
/** What of a state root is a record, and what records of images speak of. */
const kept = ['records', 'images'];

/** Everything that the API tells, with the root that it happens to be in taken out. */
async function shown(engine: TestEngine): Promise<unknown> {
  const { client } = engine;
  const [containers, networks, volumes] = await Promise.all([
    client.containers.list({ all: true }),
    client.networks.list(),
    client.volumes.list(),
  ]);
  const found = {
    containers: await Promise.all(
      containers
        .map(({ Id }) => Id)
        .sort()
        .map((id) => client.containers.inspect(id)),
    ),
    networks: await Promise.all(
      networks
        .map(({ Id }) => Id)
        .sort()
        .map((id) => client.networks.inspect(id)),
    ),
    volumes: [...volumes].sort((a, b) => (a.Name < b.Name ? -1 : 1)),
    image: await client.images.inspect('golden:1'),
  };
  // Mounts of volumes are recorded with the root that they were made in.
  const text = JSON.stringify(found).replaceAll(/"[^" ]*\/tsc-test-\w+\//g, '"/ROOT/');
  return JSON.parse(text) as unknown;
}

async function makeState(client: EngineClient): Promise<void> {
  const layer = tar({ name: 'none', data: 'no program' });
  const config = { Env: ['FROM=image'], Cmd: ['/none'], Labels: { of: 'image' } };
  const archive = dockerArchive({ layers: [layer], tags: ['golden:1'], config });
  await client.images.load(Readable.from([archive]));
  await client.networks.create({
    Name: 'lab',
    Labels: { of: 'network' },
    Internal: true,
    IPAM: { Config: [{ Subnet: '10.77.0.0/24', Gateway: '10.77.0.1' }] },
    Options: { 'com.docker.network.driver.mtu': '1400' },
  });
  await client.volumes.create({ Name: 'data', Labels: { of: 'volume' } });
  await client.containers.create(
    {
      Image: 'golden:1',
      Cmd: ['/none', 'a b'],
      Env: ['A=1'],
      User: '1000:1000',
      Hostname: 'box',
      WorkingDir: '/work',
      StopSignal: 'SIGUSR1',
      StopTimeout: 3,
      Labels: { of: 'container' },
      ExposedPorts: { '80/tcp': {} },
      Volumes: { '/anonymous': {} },
      Healthcheck: { Test: ['CMD', '/none'], Interval: 1_000_000_000, Retries: 2 },
      HostConfig: {
        Binds: ['data:/data:ro'],
        CapAdd: ['NET_ADMIN'],
        CapDrop: ['CHOWN'],
        Memory: 64 << 20,
        NanoCpus: 500_000_000,
        NetworkMode: 'lab',
        PortBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '18090' }] },
        ReadonlyRootfs: true,
        RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 4 },
        Tmpfs: { '/tmp': 'size=1m' },
        Ulimits: [{ Name: 'nofile', Soft: 100, Hard: 200 }],
      },
      NetworkingConfig: { EndpointsConfig: { lab: { Aliases: ['other'] } } },
    },
    { name: 'rich' },
  );
  const failed = await client.containers.create(
    { Image: 'golden:1', HostConfig: { NetworkMode: 'none' } },
    { name: 'failed' },
  );
  await expect(client.containers.start(failed.Id)).rejects.toThrow('exec');
  const ended = await client.containers.create(
    {
      Image: 'tscompose.local/host',
      Cmd: ['sh', '-c', 'exit 7'],
      HostConfig: { NetworkMode: 'none' },
    },
    { name: 'ended' },
  );
  const end = client.containers.wait(ended.Id, { condition: 'next-exit' });
  await client.containers.start(ended.Id);
  await end;
}

async function record(target: string): Promise<void> {
  await using engine = await TestEngine.create();
  await engine.start();
  await makeState(engine.client);
  const before = await shown(engine);
  await engine.stop();
  mkdirSync(target, { recursive: true });
  for (const name of kept) {
    cpSync(join(engine.stateRoot, name), join(target, name), {
      recursive: true,
      // The layer of the host image is made again; a file that is kept for the next record is none.
      filter: (path) => statSync(path).size < 64 << 10 && !path.endsWith('.tmp~'),
    });
  }
  writeFileSync(join(target, 'shown.json'), `${JSON.stringify(before, null, 2)}\n`);
}

describe.skipIf(absent.length > 0)(
  `a state root of an engine before this one (missing: ${absent.join() || 'nothing'})`,
  () => {
    if (recordAs !== undefined) test('is recorded', () => record(join(fixtures, recordAs)));

    test('must be there to be read', () => {
      expect(recorded).toContain('1');
    });

    test.each(recorded)('number %s must be shown as it was', async (name) => {
      const engine = await TestEngine.create();
      try {
        for (const part of kept) {
          await cp(join(fixtures, name, part), join(engine.stateRoot, part), { recursive: true });
        }
        const expected = JSON.parse(readFileSync(join(fixtures, name, 'shown.json'), 'utf8')) as {
          readonly volumes: readonly { readonly Name: string }[];
        };
        for (const { Name } of expected.volumes) {
          mkdirSync(join(engine.stateRoot, 'volumes', Name, '_data'), { recursive: true });
        }
        await engine.start();
        expect(await shown(engine)).toEqual(expected);
        expect(await engine.log()).not.toMatch(/moved aside|cannot read/i);
      } finally {
        await engine.stop();
        await rm(engine.root, { recursive: true, force: true });
      }
    });
  },
);
