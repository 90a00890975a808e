/** Logs under strain: readers that stall or leave, lines of every shape, very many of them. */
import { execFileSync, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import { appEngine, type AppEngine } from '../lib/app-engine.ts';
import { eventually } from '../lib/eventually.ts';
import { missing } from '../lib/requires.ts';

const absent = missing('root', 'overlayfs', 'nftables', 'docker', 'busybox');

describe.skipIf(absent.length > 0)(
  `logs under strain (missing: ${absent.join() || 'nothing'})`,
  () => {
    let app: AppEngine;

    beforeAll(async () => {
      app = await appEngine('sh cat sleep seq echo printf head'.split(' '));
    });
    afterAll(async () => {
      await app[Symbol.asyncDispose]();
    });
    afterEach(async () => {
      await app.clear();
    });

    const run = ['run', '-d', '--network', 'none', '--stop-signal', 'KILL'];

    async function ran(script: string, ...given: readonly string[]): Promise<string> {
      const id = await app.docker.ok(...run, ...given, 'app', 'sh', '-c', script);
      await app.docker.ok('wait', id);
      return id;
    }

    /** The real client, with what it writes as bytes. */
    function reader(...args: readonly string[]) {
      const child = spawn('docker', args, {
        stdio: ['ignore', 'pipe', 'ignore'],
        env: {
          ...process.env,
          ...{
            DOCKER_HOST: `unix://${app.engine.socket}`,
            DOCKER_CONFIG: `${app.engine.root}/docker`,
          },
        },
      });
      const hash = createHash('sha256');
      const seen = { bytes: 0, lines: 0 };
      child.stdout.on('data', (chunk: Buffer) => {
        hash.update(chunk);
        seen.bytes += chunk.length;
        for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) seen.lines++;
      });
      const ended = once(child, 'close').then(() => hash.digest('hex'));
      return { child, seen, ended };
    }

    const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

    test('a reader that is stopped must hold nobody up, and miss nothing', async () => {
      const id = await app.docker.ok(
        ...[...run, 'app', 'sh', '-c', 'while [ ! -e /go ]; do sleep 0.05; done; seq 1 1000000'],
      );
      const follower = reader('logs', '-f', id);
      follower.child.kill('SIGSTOP');
      await app.docker.ok('exec', id, 'sh', '-c', ': > /go');
      expect(await app.docker.ok('wait', id)).toBe('0');
      follower.child.kill('SIGCONT');
      const expected = execFileSync('seq', ['1', '1000000'], { maxBuffer: 64 << 20 });
      expect(await follower.ended).toBe(sha256(expected));
    });

    test('every byte must come back as it was printed', async () => {
      const file = join(app.engine.root, 'bytes');
      // Lines of all lengths, one far longer than 16 KiB, carriage returns, NUL, no line feed at the end.
      const bytes = Buffer.concat([
        Buffer.from(Array.from({ length: 256 }, (_, i) => i)),
        randomBytes(400_000),
        Buffer.from(`\r\n\n\n${'long'.repeat(50_000)}\nend without one`),
      ]);
      writeFileSync(file, bytes);
      const id = await ran('cat /bytes', '-v', `${file}:/bytes:ro`);
      expect(await reader('logs', id).ended).toBe(sha256(bytes));
      const attached = reader(
        'run',
        '--rm',
        '--network',
        'none',
        '-v',
        `${file}:/bytes:ro`,
        'app',
        'cat',
        '/bytes',
      );
      expect(await attached.ended).toBe(sha256(bytes));
    });

    test('a million lines must all be there, with their times, from any place', async () => {
      const id = await ran('seq 1 1000000');
      const stamped = reader('logs', '-t', id);
      await stamped.ended;
      expect(stamped.seen).toEqual({ bytes: 6_888_896 + 31 * 1_000_000, lines: 1_000_000 });
      const tail = (await app.docker.ok('logs', '--tail', '100001', id)).split('\n');
      expect([tail.length, tail[0], tail.at(-1)]).toEqual([100_001, '900000', '1000000']);
    });

    test('clients that leave must leave nothing behind in the engine or the shim', async () => {
      const id = await app.docker.ok(...run, '-i', 'app', 'sh', '-c', 'echo up; cat');
      const pid = await app.engine.pid();
      const shim = Number(
        /^PPid:\t(\d+)$/m.exec(
          readFileSync(
            `/proc/${await app.docker.ok('inspect', '-f', '{{.State.Pid}}', id)}/status`,
            'utf8',
          ),
        )?.[1],
      );
      const count = (of: number): number => readdirSync(`/proc/${of}/fd`).length;
      await leave(id, 50);
      await eventually(() => {
        expect(count(pid)).toBeLessThan(200);
      });
      const before = [count(pid), count(shim)];
      await leave(id, 600);
      await eventually(() => {
        expect(
          [count(pid) - (before[0] ?? 0), count(shim) - (before[1] ?? 0)].every(
            (more) => more <= 3,
          ),
        ).toBe(true);
      });
      expect(await app.docker.ok('logs', id)).toBe('up');
    });

    /** Attaches, follows the log and attaches by WebSocket, and goes without a word. */
    async function leave(id: string, times: number): Promise<void> {
      const upgrade = 'Connection: Upgrade\r\nUpgrade: tcp\r\n';
      const webSocket =
        'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n';
      const heads = [
        `POST /containers/${id}/attach?stream=1&stdin=1&stdout=1 HTTP/1.1\r\nHost: x\r\n${upgrade}\r\n`,
        `GET /containers/${id}/logs?stdout=1&follow=1 HTTP/1.1\r\nHost: x\r\n\r\n`,
        `GET /containers/${id}/attach/ws?stream=1&stdin=1&stdout=1 HTTP/1.1\r\nHost: x\r\n${webSocket}\r\n`,
      ];
      for (let begun = 0; begun < times; begun += 50) {
        await Promise.all(
          Array.from({ length: 50 }, async (_, index) => {
            const socket = connect(app.engine.socket);
            socket.write(heads[index % heads.length] ?? '');
            await once(socket, 'data');
            socket.destroy();
          }),
        );
      }
    }
  },
);
