/**
 * Containers do not notice that their engine is killed, again and again: not one restarts, no line is lost or doubled,
 * every exit code is the program's, and published ports and names are answered all the time.
 */
import { connect } from 'node:net';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ContainerCreateRequest } from '../../engine/api/index.ts';
import { expectNoLeaks, takeAudit } from '../lib/audit.ts';
import type { Audit } from '../lib/audit.ts';
import { TestEngine } from '../lib/engine.ts';
import { eventually } from '../lib/eventually.ts';
import { random } from '../lib/random.ts';
import { missing } from '../lib/requires.ts';

const counters = 50;
const kills = 20;
const seed = 11;
const port = 18_090;
const absent = missing('root', 'overlayfs', 'nftables');

/** Every fifth ends by itself, at some moment between the kills. */
function linesOf(index: number): number {
  return index % 5 === 0 ? 20 + 3 * index : 1_000_000;
}

/** Counts ten times a second, with what bash has built in. */
function counter(index: number): ContainerCreateRequest {
  const script = [
    `trap 'exit ${index}' TERM`,
    'mkfifo /tmp/never; exec 3<>/tmp/never; i=0',
    `while [ $i -lt ${linesOf(index)} ]; do echo line $i; i=$((i + 1)); read -t 0.1 -u 3; done`,
    `exit ${100 + index}`,
  ];
  return {
    Image: 'tscompose.local/host',
    Cmd: ['bash', '-c', script.join('\n')],
    HostConfig: { NetworkMode: 'none' },
  };
}

const server = `require('net').createServer((socket) => socket.end('here')).listen(80)`;

/** Looks the name up and connects, again and again; says only what goes wrong. */
const client = `
const net = require('net');
let done = 0;
const once = () => {
  let text = '';
  const again = (error) => {
    if (error || text !== 'here') console.log('FAILED', String(error), text);
    done += 1;
    if (done % 50 === 0) console.log('done', done);
    setTimeout(once, 20);
  };
  const socket = net.connect(80, 'server');
  socket.on('data', (bytes) => (text += bytes)).once('error', again).once('end', () => again());
};
once();`;

function node(script: string, more: ContainerCreateRequest): ContainerCreateRequest {
  return { Image: 'tscompose.local/host', Cmd: ['node', '-e', script], ...more };
}

function ask(): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect(port, '127.0.0.1');
    socket.setTimeout(5_000, () => socket.destroy(new Error('no answer within 5 s')));
    socket.on('data', (bytes) => (text += bytes.toString()));
    socket.once('error', reject);
    socket.once('end', () => {
      resolve(text);
    });
  });
}

/** What stdout has in a log file of the shim's, native/PROTOCOL.md. */
function textOf(file: Buffer): string {
  const header = 32;
  let text = '';
  for (let at = header; at < file.length;) {
    const length = file.readUInt32LE(at + 4);
    text += file.toString('utf8', at + 24, at + 24 + length);
    at += 24 + length + 8;
  }
  return text;
}

describe.skipIf(absent.length > 0)(
  `fifty containers whose engine is killed twenty times (missing: ${absent.join() || 'nothing'})`,
  () => {
    let engine: TestEngine;
    let before: Audit;
    let ids: readonly string[] = [];
    let startedAt: readonly string[] = [];
    let healthId = '';
    let clientId = '';
    const over = new AbortController();
    const failures: string[] = [];
    let asked = 0;
    const health: string[] = [];

    const start = async (request: ContainerCreateRequest, name?: string): Promise<string> => {
      const { containers } = engine.client;
      const { Id } = await containers.create(request, name === undefined ? {} : { name });
      await containers.start(Id);
      return Id;
    };

    async function askAllTheTime(): Promise<void> {
      while (!over.signal.aborted) {
        const answer = await ask().catch((error: unknown) => String(error));
        asked += 1;
        if (answer !== 'here') failures.push(answer);
        await delay(10);
      }
    }

    beforeAll(async () => {
      engine = await TestEngine.create();
      before = await takeAudit(engine.scope);
      await engine.start();
      const { client: api } = engine;
      await api.networks.create({ Name: 'lab' });
      const lab = { NetworkMode: 'lab' };
      const PortBindings = { '80/tcp': [{ HostPort: String(port) }] };
      await start(node(server, { HostConfig: { ...lab, PortBindings } }), 'server');
      await eventually(async () => {
        expect(await ask()).toBe('here');
      });
      clientId = await start(node(client, { HostConfig: lab }), 'client');
      healthId = await start({
        ...counter(0),
        Cmd: ['sleep', '1000'],
        Healthcheck: { Test: ['CMD', 'test', '!', '-e', '/sick'], Interval: 200e6, Retries: 1 },
      });
      ids = await Promise.all(
        Array.from({ length: counters }, (_unused, at) => start(counter(at))),
      );
      startedAt = await Promise.all(
        ids.map(async (id) => (await api.containers.inspect(id)).State.StartedAt),
      );
      await eventually(async () => {
        const { State } = await api.containers.inspect(healthId);
        expect(State.Health?.Status).toBe('healthy');
      });
      const asking = askAllTheTime();
      const next = random(seed);
      for (let kill = 0; kill < kills; kill += 1) {
        await delay(next(300));
        await engine.kill();
        await delay(next(200));
        await engine.start();
        const { State } = await engine.client.containers.inspect(healthId);
        health.push(State.Health?.Status ?? 'none');
      }
      over.abort();
      await asking;
    });
    afterAll(async () => {
      for (const { Id } of await engine.client.containers.list({ all: true }))
        await engine.client.containers.remove(Id, { force: true, volumes: true });
      await engine.client.networks.remove('lab');
      await engine.stop();
      await expectNoLeaks(before, { ...engine.scope, directories: [] });
      await engine[Symbol.asyncDispose]();
    });

    test('must have answered from outside on the published port at every moment', () => {
      expect(failures).toEqual([]);
      expect(asked).toBeGreaterThan(100);
    });

    test('must have answered by name inside the network at every moment', async () => {
      const lines: string[] = [];
      for await (const { text } of engine.client.containers.logs(clientId)) lines.push(text);
      expect(lines.filter((line) => line.startsWith('FAILED'))).toEqual([]);
      expect(lines.length).toBeGreaterThan(2);
    });

    test('must be as healthy for each engine as for the last, and fall ill under the last one', async () => {
      expect(new Set(health)).toEqual(new Set(['healthy']));
      const sick = { Cmd: ['touch', '/sick'] };
      await engine.client.execs.run(healthId, sick, { onOutput: () => undefined });
      await eventually(async () => {
        const { State } = await engine.client.containers.inspect(healthId);
        expect(State.Health?.Status).toBe('unhealthy');
      });
    });

    test('must still be attached to and execute programs', async () => {
      const index = 1;
      const id = ids[index] ?? '';
      const { socket } = await engine.client.containers.attach(id);
      const [first] = (await socket.take(1).toArray()) as Buffer[];
      socket.destroy();
      expect(first?.toString()).toMatch(/line \d+\n/);
      let output = '';
      const { exitCode } = await engine.client.execs.run(
        id,
        { Cmd: ['sh', '-c', 'echo hello; exit 3'] },
        { onOutput: (_stream, bytes) => (output += Buffer.from(bytes).toString()) },
      );
      expect([output, exitCode]).toEqual(['hello\n', 3]);
    });

    test('must each have run once, ended as they wanted, and lost or doubled no line', async () => {
      const { containers } = engine.client;
      const ending = ids.filter((_id, index) => index % 5 === 0);
      await Promise.all(ending.map((id) => containers.wait(id)));
      await Promise.all(ids.map((id) => containers.stop(id)));
      const found = await Promise.all(
        ids.map(async (id) => {
          const { RestartCount, State } = await containers.inspect(id);
          const lines: string[] = [];
          for await (const { text } of containers.logs(id)) lines.push(text);
          const file = await readFile(join(engine.stateRoot, 'containers', id, 'log'));
          return { RestartCount, ExitCode: State.ExitCode, at: State.StartedAt, lines, file };
        }),
      );
      found.forEach(({ RestartCount, ExitCode, at, lines, file }, index) => {
        const endsItself = index % 5 === 0;
        expect([RestartCount, at], `container ${index}`).toEqual([0, startedAt[index]]);
        expect(ExitCode, `container ${index}`).toBe(endsItself ? 100 + index : index);
        const expected = lines.map((_line, number) => `line ${number}`);
        expect(lines, `container ${index}`).toEqual(expected);
        if (endsItself) expect(lines).toHaveLength(linesOf(index));
        expect(textOf(file), `container ${index}`).toBe(`${expected.join('\n')}\n`);
      });
    });
  },
);
