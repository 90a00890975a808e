import { describe, expect, test } from 'vitest';

import { encodeFrames } from '../../../../engine/api/index.ts';
import type { LogLine } from '../../../../engine/client/index.ts';
import { chunked, collect, reply, withServer, writePieces } from '../../../lib/client-server.ts';
import { cut, random } from '../../../lib/random.ts';

describe('streams', () => {
  const framed =
    'HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.multiplexed-stream\r\nTransfer-Encoding: chunked\r\n\r\n';
  const raw = framed.replace('multiplexed', 'raw');

  async function readLogs(
    bytes: Buffer,
    seed: number,
    { head = framed, timestamps = false }: { head?: string; timestamps?: boolean } = {},
  ): Promise<LogLine[]> {
    const next = random(seed);
    let lines: LogLine[] = [];
    await withServer(
      (socket) =>
        writePieces(socket, cut(Buffer.concat([Buffer.from(head), chunked(bytes, next)]), next)),
      async (client) => {
        lines = await collect(client.containers.logs('web', { timestamps }));
      },
    );
    return lines;
  }
  const line = (
    stream: 'stdout' | 'stderr',
    text: string,
    timestamp: string | null = null,
  ): LogLine => ({
    stream,
    timestamp,
    text,
  });

  test.each([1, 2, 3, 4, 5, 6, 7, 8])(
    'log lines must be whole, however frames and bytes are cut (%i)',
    async (seed) => {
      const bytes = Buffer.concat([
        encodeFrames('stdout', Buffer.from('héllo\npart')),
        encodeFrames('stderr', Buffer.from('warn\n')),
        encodeFrames('stdout', Buffer.from('ial\n\n')),
        encodeFrames('stderr', Buffer.from('no end')),
      ]);
      const lines = await readLogs(bytes, seed);
      const of = (stream: string): LogLine[] => lines.filter((entry) => entry.stream === stream);
      expect(of('stdout')).toEqual([
        line('stdout', 'héllo'),
        line('stdout', 'partial'),
        line('stdout', ''),
      ]);
      const rest = { ...line('stderr', 'no end'), isUnfinished: true };
      expect(of('stderr')).toEqual([line('stderr', 'warn'), rest]);
    },
  );

  test('timestamps must be taken off, those before the pieces of a long line as well', async () => {
    const stamp = '2026-01-02T03:04:05.000000006Z';
    const bytes = Buffer.concat([
      encodeFrames('stdout', Buffer.from(`${stamp} a\n`)),
      encodeFrames('stdout', Buffer.from(`${stamp} ${'x'.repeat(16384)}`)),
      encodeFrames('stdout', Buffer.from(`${stamp} y\n`)),
    ]);
    for (const seed of [1, 2, 4, 5]) {
      const lines = await readLogs(bytes, seed, { timestamps: true });
      expect(lines[0]).toEqual(line('stdout', 'a', stamp));
      expect(lines[1]?.text.length).toBe(16385);
    }
  });

  test('a terminal’s output must be read without frames', async () => {
    const lines = await readLogs(Buffer.from('one\r\ntwo'), 2, { head: raw });
    const rest = { ...line('stdout', 'two'), isUnfinished: true };
    expect(lines).toEqual([line('stdout', 'one\r'), rest]);
  });

  test('an upload must be sent in chunks with back-pressure, and its answer be read', async () => {
    const total = 3 << 20;
    async function* archive(): AsyncGenerator<Uint8Array> {
      for (let sent = 0; sent < total; sent += 1 << 16)
        yield await Promise.resolve(Buffer.alloc(1 << 16, 97));
    }
    await withServer(
      (socket) => {
        socket.on('data', (chunk) => {
          if (chunk.subarray(-5).toString() !== '0\r\n\r\n') return;
          socket.write(
            reply(
              200,
              '{"stream":"Loaded image: a:1\\n"}\r\n{"stream":"Loaded image ID: sha256:2\\n"}',
            ),
          );
        });
      },
      async (client, server) => {
        expect(await client.images.load(archive())).toEqual(['a:1', 'sha256:2']);
        expect(server.requests.join('').length).toBeGreaterThan(total);
        expect(server.requests[0]?.split('\r\n', 5)).toEqual([
          'POST /v1.51/images/load?quiet=true HTTP/1.1',
          'Host: api.moby.localhost',
          'Content-Type: application/x-tar',
          'Transfer-Encoding: chunked',
          '',
        ]);
      },
    );
  });

  test('an upload that is refused half-way must report why, and its connection must not be used again', async () => {
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) yield await Promise.resolve(Buffer.alloc(1 << 16));
    }
    await withServer(
      (socket, request) => {
        socket.write(
          request.startsWith('POST') ? reply(400, '{"message":"no tar"}') : reply(200, '[]'),
        );
      },
      async (client, server) => {
        await expect(client.images.load(endless())).rejects.toThrow('no tar');
        await client.containers.list();
        expect(server.connections()).toBe(2);
      },
    );
  });

  test('a failure within a progress stream must be a failure of the call', async () => {
    await withServer(
      (socket) =>
        socket.write(
          reply(
            200,
            '{"status":"Pulling"}\r\n{"errorDetail":{"message":"gone"},"error":"gone"}\r\n',
          ),
        ),
      async (client) => {
        const seen: unknown[] = [];
        const pull = client.images.pull('a/b:1', { onProgress: (message) => seen.push(message) });
        await expect(pull).rejects.toThrow('gone');
        expect(seen).toEqual([{ status: 'Pulling' }]);
      },
    );
  });

  test('wait must resolve its first part with the head, its second with the body', async () => {
    let finish: () => void = () => undefined;
    await withServer(
      (socket) => {
        socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
        finish = () => socket.write('11\r\n{"StatusCode": 3}\r\n0\r\n\r\n');
      },
      async (client) => {
        const { exited } = await client.containers.watchExit('web', { condition: 'next-exit' });
        finish();
        expect(await exited).toEqual({ StatusCode: 3 });
      },
    );
  });
});
