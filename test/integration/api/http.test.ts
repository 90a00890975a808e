/** What a client may do on the wire, beyond what a well-behaved one does. */
import { once } from 'node:events';
import { readdir, stat } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { dirname } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { EngineClient } from '../../../engine/client/index.ts';
import { eventually } from '../../lib/eventually.ts';
import { FakeEngine } from '../../lib/fake-engine/engine.ts';
import { serveBackends, type HttpEngine } from '../../lib/http-engine.ts';

describe('http server', () => {
  let backends: FakeEngine;
  let engine: HttpEngine;
  let client: EngineClient;

  beforeEach(async () => {
    backends = new FakeEngine();
    engine = await serveBackends(backends);
    client = new EngineClient({ address: engine.address });
  });
  afterEach(async () => {
    client.close();
    await engine[Symbol.asyncDispose]();
  });

  async function open(): Promise<Socket> {
    const socket = connect({ path: engine.socketPath, allowHalfOpen: true });
    await once(socket, 'connect');
    return socket;
  }

  async function exchange(request: string, { halfClose = false } = {}): Promise<string> {
    const socket = await open();
    if (halfClose) socket.end(request);
    else socket.write(request);
    let answer = '';
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      answer += chunk.toString();
      if (!halfClose && answer.includes('\r\n\r\n')) break;
    }
    socket.destroy();
    return answer;
  }

  async function createWeb(): Promise<void> {
    async function* archive(): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(Buffer.from('layer'));
    }
    await client.images.import(archive(), { reference: 'app' });
    await client.containers.create({ Image: 'app' }, { name: 'web' });
  }

  test('every answer must carry the version headers', async () => {
    for (const path of ['/_ping', '/v1.30/_ping', '/v1.99/info', '/nowhere']) {
      const answer = await exchange(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
      expect(answer).toMatch(
        /\r\nApi-Version: 1\.51\r\nOstype: linux\r\nServer: tscompose\/\S+ \(linux\)\r\n/,
      );
    }
  });

  test('HEAD and GET of _ping must be for everybody, with and without a version', async () => {
    expect(await exchange('HEAD /_ping HTTP/1.1\r\nHost:\r\n\r\n')).toMatch(
      /^HTTP\/1\.1 200 OK\r\n/,
    );
    const answer = await exchange('GET /v1.24/_ping HTTP/1.1\r\n\r\n', { halfClose: true });
    expect(answer).toContain('\r\nSwarm: inactive\r\n');
    expect(answer).toMatch(/\r\n\r\nOK$/);
  });

  test.each([
    ['GET /nowhere', 404, '{"message":"page not found"}'],
    ['PUT /containers/json', 404, '{"message":"page not found"}'],
    [
      'GET /v1.99/info',
      400,
      '{"message":"client version 1.99 is too new. Maximum supported API version is 1.51"}',
    ],
    ['GET /containers/ghost/json', 404, '{"message":"No such container: ghost"}'],
    [
      'POST /containers/create',
      400,
      '{"message":"invalid JSON: got EOF while reading request body"}',
    ],
    [
      'POST /containers/ghost/wait?condition=never',
      400,
      '{"message":"invalid condition: \\"never\\""}',
    ],
    [
      'GET /containers/ghost/logs',
      400,
      '{"message":"Bad parameters: you must choose at least one stream"}',
    ],
    [
      'POST /images/x/tag?repo=Bad',
      400,
      '{"message":"invalid reference \\"Bad\\": the repository name must be lower case"}',
    ],
    ['POST /images/create', 400, '{"message":"neither fromImage nor fromSrc names a source"}'],
  ])('%s must be %i %s', async (line, status, body) => {
    const answer = await exchange(`${line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`, {
      halfClose: true,
    });
    const [head = '', text = ''] = answer.split('\r\n\r\n');
    expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(head).toContain('\r\nContent-Type: application/json\r\n');
    expect(text.trimEnd()).toBe(body);
  });

  test('a body that is no JSON by its type must be refused', async () => {
    const answer = await exchange(
      'POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}',
      { halfClose: true },
    );
    expect(answer).toContain(
      "unsupported Content-Type header (text/plain): must be 'application/json'",
    );
  });

  test('a body without end must be refused, and its connection closed', async () => {
    const socket = await open();
    const failed = new Promise<string>((resolve) => {
      socket.once('error', (error: NodeJS.ErrnoException) => {
        resolve(error.code ?? '');
      });
    });
    let answer = '';
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
    socket.write(
      'POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n',
    );
    const piece = `10000\r\n${' '.repeat(0x10000)}\r\n`;
    const pump = (): void => {
      while (socket.writable && socket.write(piece)) continue;
    };
    socket.on('drain', pump);
    pump();
    expect(await failed).toMatch(/^(EPIPE|ECONNRESET)$/);
    expect(answer).toContain('the request body is over 8 MiB');
  });

  test('a head of a megabyte must be read: dockerode repeats the creation request in the query', async () => {
    const query = `filler=${'x'.repeat(500_000)}`;
    expect(await exchange(`GET /_ping?${query} HTTP/1.1\r\nHost: x\r\n\r\n`)).toMatch(
      /^HTTP\/1\.1 200/,
    );
  });

  test('the text of an internal failure must stay in the engine', async () => {
    backends.containers.list = () => Promise.reject(new TypeError('secret path /root/x'));
    const answer = await exchange('GET /containers/json HTTP/1.1\r\nHost: x\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1\.1 500 /);
    expect(answer).not.toContain('secret');
    expect(engine.internalErrors).toEqual([new TypeError('secret path /root/x')]);
  });

  test('the head of wait must come before the container ends', async () => {
    await createWeb();
    await client.containers.start('web');
    const { exited } = await client.containers.watchExit('web', { condition: 'next-exit' });
    await client.containers.kill('web');
    expect(await exited).toEqual({ StatusCode: 137 });
  });

  test('a client that closes must end what streams to it', async () => {
    const controller = new AbortController();
    const events = client.events({ signal: controller.signal });
    await events.opened;
    expect(backends.subscribers).toBe(1);
    controller.abort();
    await eventually(() => {
      expect(backends.subscribers).toBe(0);
    });
    const socket = await open();
    socket.write('GET /events HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(socket, 'data');
    socket.end();
    await eventually(() => {
      expect(backends.subscribers).toBe(0);
    });
    socket.destroy();
  });

  test('a slow reader must hold the log back, not be dropped', async () => {
    await createWeb();
    const line = `${'x'.repeat(1000)}\n`;
    for (let count = 0; count < 5000; count++) backends.writeLog('web', { stream: 'stdout', line });
    const socket = await open();
    socket.write(
      'GET /containers/web/logs?stdout=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    );
    let bytes = 0;
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(bytes).toBeGreaterThan(5000 * 1009);
  });

  test('logs must come through the client line by line, from both streams', async () => {
    await createWeb();
    for (let count = 0; count < 1000; count++) {
      backends.writeLog('web', {
        stream: count % 2 === 0 ? 'stdout' : 'stderr',
        line: `${count}\n`,
      });
    }
    const seen: string[] = [];
    for await (const { stream, text } of client.containers.logs('web'))
      seen.push(`${stream} ${text}`);
    expect(seen).toEqual(
      Array.from(
        { length: 1000 },
        (_, count) => `${count % 2 === 0 ? 'stdout' : 'stderr'} ${count}`,
      ),
    );
  });

  test('the socket must be its owner’s alone, and be replaced in one step', async () => {
    const before = await stat(engine.socketPath);
    expect(before.mode & 0o777).toBe(0o600);
    expect(await readdir(dirname(engine.socketPath))).toEqual(['engine.sock']);
  });

  test('stopping must end streams and take the socket away', async () => {
    const events = client.events();
    await events.opened;
    const { containers } = client;
    await engine.stop();
    await expect(
      (async () => {
        for await (const event of events) expect(event).toBeUndefined();
      })(),
    ).resolves.toBeUndefined();
    await expect(containers.list()).rejects.toThrow('there is no such socket');
  });
});
