import { readFileSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ContainerCreateRequest } from '../../../engine/api/index.ts';
import { decodeRecord, encodeRecord } from '../../../engine/store/record-file.ts';
import { eventually } from '../../lib/eventually.ts';
import { absent, actions, create, failure, run, useEngine } from './support.ts';

const sleeping = ['sleep', '1000'];
const serving = ['python3', '-m', 'http.server', '80'];

type Endpoints = Readonly<Record<string, unknown>>;

describe.skipIf(absent.length > 0)(
  `networks of a container that runs (missing: ${absent.join() || 'nothing'})`,
  () => {
    const subject = useEngine();

    async function network(name: string, isInternal = false): Promise<string> {
      await subject().client.networks.create({ Name: name, Internal: isInternal });
      return name;
    }

    const on = (name: string, more: ContainerCreateRequest = {}): ContainerCreateRequest => ({
      ...more,
      HostConfig: { NetworkMode: name, ...more.HostConfig },
    });

    async function ask(id: string, script: string): Promise<string> {
      const chunks: Uint8Array[] = [];
      const { exitCode } = await subject().client.execs.run(
        id,
        { Cmd: ['sh', '-c', script] },
        { onOutput: (_stream, bytes) => chunks.push(bytes) },
      );
      return `${exitCode} ${Buffer.concat(chunks).toString().trim()}`.trim();
    }

    async function addressOn(id: string, name: string): Promise<string> {
      const { NetworkSettings } = await subject().client.containers.inspect(id);
      return NetworkSettings.Networks[name]?.IPAddress ?? 'none';
    }

    function connect(name: string, id: string, aliases: readonly string[] = []): Promise<void> {
      const EndpointConfig = { Aliases: aliases };
      return subject().client.networks.connect(name, { Container: id, EndpointConfig });
    }

    async function networkActions(id: string): Promise<readonly string[]> {
      return (await actions(subject(), id)).filter((action) => action.endsWith('connect'));
    }

    const disconnect = (name: string, id: string): Promise<void> =>
      subject().client.networks.disconnect(name, { Container: id });

    test('one that joins must be reached by its names, also from the next engine on, until it leaves', async () => {
      const [front, back] = [await network('front'), await network('back')];
      const db = await run(subject(), sleeping, { ...on(back), Hostname: 'db' });
      const web = await run(subject(), sleeping, on(front));
      expect(await ask(web, 'getent hosts store')).toBe('2');
      await connect(back, web, ['shop']);
      await connect(front, db, ['store']);
      const address = await addressOn(db, front);
      expect(await ask(web, 'getent hosts store')).toContain(address);
      expect(await ask(db, 'getent hosts shop')).toContain(await addressOn(web, back));
      expect(await ask(db, 'ip -o -4 address show dev eth1')).toContain(`${address}/`);
      expect(await ask(db, 'cat /etc/hosts')).toContain(`${address}\tdb`);
      await subject().engine.kill();
      await subject().engine.start();
      expect(await ask(web, 'getent hosts store')).toContain(address);
      await disconnect(front, db);
      expect(await addressOn(db, front)).toBe('none');
      expect(await ask(web, 'getent hosts store')).toBe('2');
      expect(await ask(db, 'ip -o link show dev eth1 2>/dev/null')).toBe('1');
      expect(await ask(db, 'cat /etc/hosts')).not.toContain(address);
      expect(await networkActions(db)).toEqual(['disconnect']);
      const { Containers } = await subject().client.networks.inspect(front);
      expect(Object.keys(Containers)).toEqual([web]);
    });

    /** What an engine that is killed between a record and what it announces leaves. */
    async function rewrite(id: string, change: (names: Endpoints) => Endpoints): Promise<void> {
      await subject().engine.kill();
      const path = join(subject().engine.stateRoot, 'records', 'containers', `${id}.json`);
      const decoded = decodeRecord(readFileSync(path, 'utf8'));
      if (!decoded.isOk) throw new Error(decoded.reason);
      const { endpoints } = decoded.envelope.body as { endpoints: Endpoints };
      const body = { ...decoded.envelope.body, endpoints: change(endpoints) };
      writeFileSync(path, encodeRecord({ ...decoded.envelope, body }));
      await subject().engine.start();
    }

    test('a join that is only on record after a kill must be made by the next engine', async () => {
      const [front, back] = [await network('front'), await network('back')];
      const id = await run(subject(), sleeping, on(front));
      await rewrite(id, (endpoints) => ({ ...endpoints, [back]: {} }));
      const address = await addressOn(id, back);
      expect(address).toMatch(/^\d+\./);
      expect(await ask(id, 'ip -o -4 address show dev eth1')).toContain(`${address}/`);
      expect(await ask(id, 'cat /etc/hosts')).toContain(`${address}\t`);
      await disconnect(back, id);
      expect(await addressOn(id, back)).toBe('none');
    });

    test('a leave that is only on record after a kill must be made by the next engine', async () => {
      const [front, back] = [await network('front'), await network('back')];
      const id = await run(subject(), sleeping, on(front));
      await connect(back, id);
      expect(await ask(id, 'ls /sys/class/net')).toContain('eth1');
      await rewrite(id, ({ [back]: _left, ...endpoints }) => endpoints);
      expect(await addressOn(id, back)).toBe('none');
      expect(await ask(id, 'ls /sys/class/net')).not.toContain('eth1');
      expect(await addressOn(id, front)).toMatch(/^\d+\./);
    });

    test('published ports and the way out must follow to the network that is left', async () => {
      const [first, second] = [await network('first'), await network('second')];
      const ports = { PortBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '18099' }] } };
      const id = await run(subject(), serving, on(first, { HostConfig: ports }));
      await eventually(async () => {
        expect(await statusOf(18_099)).toBe(200);
      });
      await connect(second, id);
      expect(await ask(id, 'ip -4 route show default')).toContain('dev eth0');
      await disconnect(first, id);
      expect(await ask(id, 'ip -4 route show default')).toContain('dev eth1');
      expect(await statusOf(18_099)).toBe(200);
      await disconnect(second, id);
      await expect(statusOf(18_099)).rejects.toThrow();
      expect(await ask(id, 'ip -o link show | wc -l')).toBe('0 1');
      await connect(first, id);
      expect(await statusOf(18_099)).toBe(200);
      expect(await ask(id, 'getent hosts $(hostname)')).toContain(await addressOn(id, first));
    });

    test('an internal network must not become the way out', async () => {
      const [outer, inner] = [await network('outer'), await network('inner', true)];
      const id = await run(subject(), sleeping, on(inner));
      expect(await ask(id, 'ip -4 route show default')).toBe('0');
      await connect(outer, id);
      expect(await ask(id, 'ip -4 route show default')).toContain('dev eth1');
      await disconnect(outer, id);
      expect(await ask(id, 'ip -4 route show default')).toBe('0');
      expect(await networkActions(id)).toEqual(['connect', 'connect', 'disconnect']);
    });

    test('one that is stopped must be there at its next start', async () => {
      const [first, second] = [await network('first'), await network('second')];
      const id = await create(subject(), sleeping, on(first));
      await connect(second, id);
      await disconnect(first, id);
      await subject().client.containers.start(id);
      expect(await ask(id, 'ip -o -4 address show dev eth0')).toContain(
        await addressOn(id, second),
      );
      expect(await addressOn(id, first)).toBe('none');
    });

    test('what cannot be must be refused in Docker’s words, and change nothing', async () => {
      const { client } = subject();
      const [mine, full] = [await network('mine'), 'full'];
      await client.networks.create({
        Name: full,
        IPAM: { Config: [{ Subnet: '10.91.0.0/30' }] },
      });
      const id = await run(subject(), sleeping, { ...on(mine), Hostname: 'one' });
      const host = await run(subject(), sleeping, on('host'));
      const apart = await run(subject(), sleeping, on('none'));
      const shared = await run(subject(), sleeping, on(`container:${id}`));
      await run(subject(), sleeping, on(full));
      const cases = [
        [connect(mine, id), 'forbidden', /already exists in network mine/],
        [connect('nowhere', id), 'not-found', /network nowhere not found/],
        [connect(mine, 'nobody'), 'not-found', /No such container: nobody/],
        [connect(mine, host), 'invalid-argument', /connected to host network/],
        [connect('host', id), 'invalid-argument', /connected to host network/],
        [connect(mine, apart), 'invalid-argument', /private \(none\) mode/],
        [connect(mine, shared), 'invalid-argument', /sharing network namespace/],
        [
          connect('bridge', id, ['x']),
          'invalid-argument',
          /only supported for user-defined networks/,
        ],
        [connect(full, id), 'forbidden', /no free address/],
        [disconnect(full, id), 'forbidden', /is not connected to network full/],
      ] as const;
      for (const [work, kind, message] of cases) {
        const error = await failure(work);
        expect(error.message).toMatch(message);
        expect(error.kind, error.message).toBe(kind);
      }
      const { NetworkSettings } = await client.containers.inspect(id);
      expect(Object.keys(NetworkSettings.Networks)).toEqual([mine]);
      expect(await ask(id, 'ip -o link show | wc -l')).toBe('0 2');
    });
  },
);

function statusOf(port: number): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const request = get({ host: '127.0.0.1', port, timeout: 3000, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    request.on('error', reject);
    request.on('timeout', () => request.destroy(new Error('no answer')));
  });
}
