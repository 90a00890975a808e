/**
 * What is left behind by programs that come and go. C-80: descriptors, after execs, attaches and logs. C-82, as
 * CVE-2025-64329: whatever keeps a client that has left.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';

import { beforeAll, describe, expect, test } from 'vitest';

import type { EngineClient } from '../../engine/client/index.ts';
import { absentForDocker, useDockerEngine } from '../lib/docker-engine.ts';
import { eventually } from '../lib/eventually.ts';
import { createQuick, execOnce, outputOf, shell, together } from './containers.ts';
import { enginePid } from './traced.ts';

const title = `coming and going (missing: ${absentForDocker.join() || 'nothing'})`;
/** That a client is gone, and has not only said its last, shows when there is something to tell it. */
const ticking = 'while :; do echo tick; sleep 0.2; done';
/** In CI; a nightly run takes as many as it likes. */
const cycles = Number(process.env['CVE_CYCLES'] ?? '500');

describe.skipIf(absentForDocker.length > 0)(title, () => {
  // The engine's: left alone, a heap grows for as long as there is memory, and hides what is kept.
  beforeAll(() => {
    process.env['NODE_OPTIONS'] = '--max-old-space-size=60';
    return () => {
      delete process.env['NODE_OPTIONS'];
    };
  });
  const tools = useDockerEngine();
  let engine = 0;

  beforeAll(() => {
    engine = enginePid(tools.engine);
  });

  async function started(
    script = 'echo hello; exec sleep 1000',
  ): Promise<{ readonly id: string; readonly shim: number }> {
    const { client } = tools.engine;
    const id = await createQuick(client, {
      Cmd: shell(script),
      OpenStdin: true,
    });
    await client.containers.start(id);
    const { State } = await client.containers.inspect(id);
    client.close();
    const status = readFileSync(`/proc/${State.Pid}/status`, 'utf8');
    return { id, shim: Number(/^PPid:\s*(\d+)$/m.exec(status)?.[1]) };
  }

  /** How many of each kind, so that a leak says what has leaked. */
  function descriptors(pid: number): Readonly<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const fd of readdirSync(`/proc/${pid}/fd`)) {
      let target: string;
      try {
        target = readlinkSync(`/proc/${pid}/fd/${fd}`);
      } catch {
        // The one with which the directory was read, or that was closed meanwhile.
        continue;
      }
      const kind = target.replace(/:\[\d+\]$/, '');
      counts[kind] = (counts[kind] ?? 0) + 1;
    }
    return counts;
  }

  type Counts = Readonly<Record<string, number>>;

  /** What there is more of than before. */
  function increases(before: Counts, after: Counts): readonly string[] {
    return Object.entries(after)
      .filter(([kind, count]) => count > (before[kind] ?? 0))
      .map(([kind, count]) => `${kind}: ${before[kind] ?? 0} → ${count}`);
  }

  /** Of the engine and of the container's shim, when what ends later has ended. */
  async function expectNoIncrease(shim: number, work: () => Promise<void>): Promise<void> {
    const before = [descriptors(engine), descriptors(shim)] as const;
    await work();
    await eventually(() => {
      expect(increases(before[0], descriptors(engine))).toEqual([]);
      expect(increases(before[1], descriptors(shim))).toEqual([]);
    });
  }

  /** A request that is begun, and left at a moment that the sequence chooses. */
  async function leave(request: string, sequence: number): Promise<void> {
    const socket: Socket = createConnection(tools.engine.socket);
    await new Promise<void>((resolve) => {
      socket.on('error', () => undefined);
      socket.once('close', () => {
        resolve();
      });
      socket.once('connect', () => {
        socket.write(request.slice(0, sequence % 5 === 0 ? sequence % request.length : undefined));
        if (sequence % 3 === 0) socket.destroy();
      });
      socket.once('data', () => socket.destroy());
      if (sequence % 5 === 0) socket.once('connect', () => socket.end());
    });
  }

  const post = (path: string, body = ''): string =>
    `POST ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

  describe('C-80: descriptors must be as many afterwards as before', () => {
    async function expectNoMore(
      work: (id: string, client: EngineClient) => Promise<void>,
      script?: string,
    ): Promise<void> {
      const { id, shim } = await started(script);
      await expectNoIncrease(shim, async () => {
        // Its connections are kept for the next request, and end with it.
        const client = tools.engine.client;
        await together(Array.from({ length: cycles }), () => work(id, client));
        client.close();
      });
    }

    test('of execs', async () => {
      await expectNoMore(async (id, client) => {
        const seen = await execOnce(client, id, { Cmd: ['/bin/busybox', 'true'] });
        expect(seen.code).toBe(0);
      });
    });

    test('of execs with a terminal that is left at once', async () => {
      await expectNoMore(async (id, client) => {
        const { Id } = await client.execs.create(id, {
          ...{ Cmd: ['/bin/busybox', 'echo', 'unheard'], Tty: true },
          ...{ AttachStdin: true, AttachStdout: true },
        });
        const { socket } = await client.execs.start(Id, { isTty: true });
        socket.destroy();
      });
    });

    test('of attaches', async () => {
      let sequence = 0;
      await expectNoMore(async (id) => {
        const path = `/containers/${id}/attach?stream=1&logs=1&stdin=1&stdout=1`;
        await leave(post(path), (sequence += 1));
      }, ticking);
    });

    test('of logs', async () => {
      await expectNoMore(async (id, client) => {
        expect(await outputOf(client, id)).toBe('hello\n');
      });
    });
  });

  describe('C-82: a client that has left must be forgotten', () => {
    const rss = (): number =>
      Number(/^RssAnon:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${engine}/status`, 'utf8'))?.[1]) /
      1024;

    test.each([
      ['attach', (id: string) => post(`/containers/${id}/attach?stream=1&stdin=1&stdout=1`)],
      [
        'follow',
        (id: string) => `GET /containers/${id}/logs?follow=1&stdout=1 HTTP/1.1\r\nHost: x\r\n\r\n`,
      ],
      ['wait', (id: string) => post(`/containers/${id}/wait`)],
      ['events', () => 'GET /events HTTP/1.1\r\nHost: x\r\n\r\n'],
    ])('of %s', async (_, request) => {
      const { id, shim } = await started(ticking);
      const text = request(id);
      let sequence = 0;
      const round = (): Promise<void> =>
        together(Array.from({ length: cycles }), () => leave(text, (sequence += 1)));
      const sizes: number[] = [];
      const rounds = async (): Promise<void> => {
        for (let number = 0; number < 3; number += 1) {
          await round();
          sizes.push(rss());
        }
      };
      // What a heap takes once it keeps.
      await rounds();
      await expectNoIncrease(shim, rounds);
      // Two kilobytes for each would be seen; a collection of garbage may be due.
      const before = Math.max(...sizes.slice(0, 3));
      expect(Math.min(...sizes.slice(3)) - before, sizes.join()).toBeLessThan(5);
    });
  });
});
