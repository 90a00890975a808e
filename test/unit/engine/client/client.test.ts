import { once } from 'node:events';
import type { Socket } from 'node:net';

import { describe, expect, test } from 'vitest';

import { EngineError, statusOf } from '../../../../engine/api/index.ts';
import { EngineClient } from '../../../../engine/client/index.ts';
import { eventually } from '../../../lib/eventually.ts';
import { cut, random } from '../../../lib/random.ts';
import { chunked, reply, withServer, writePieces } from '../../../lib/client-server.ts';

describe('exchange', () => {
  test('a request must carry method, version, query and body', async () => {
    await withServer(
      (socket) => socket.write(reply(201, '{"Id":"x","Warnings":[]}')),
      async (client, server) => {
        await client.containers.create({ Image: 'a', Cmd: ['é'] }, { name: 'we b' });
        expect(server.requests).toEqual([
          'POST /v1.51/containers/create?name=we%20b HTTP/1.1\r\n' +
            'Host: api.moby.localhost\r\n' +
            'Content-Type: application/json\r\n' +
            'Content-Length: 26\r\n\r\n' +
            Buffer.from('{"Image":"a","Cmd":["é"]}').toString('latin1'),
        ]);
      },
    );
  });

  test('connections must be used again, one per exchange at a time', async () => {
    await withServer(
      (socket) => socket.write(reply(200, '[]')),
      async (client, server) => {
        for (let round = 0; round < 5; round++) await client.containers.list();
        expect(server.connections()).toBe(1);
        await Promise.all(Array.from({ length: 3 }, () => client.containers.list()));
        expect(server.connections()).toBe(3);
        await Promise.all(Array.from({ length: 3 }, () => client.containers.list()));
        expect(server.connections()).toBe(3);
      },
    );
  });

  test.each([
    [
      'Content-Length',
      (body: Buffer) =>
        Buffer.concat([Buffer.from(`Content-Length: ${body.length}\r\n\r\n`), body]),
      1,
    ],
    [
      'chunks',
      (body: Buffer) =>
        Buffer.concat([
          Buffer.from('Transfer-Encoding: chunked\r\n\r\n'),
          chunked(body, random(5)),
        ]),
      1,
    ],
    ['the end of the connection', (body: Buffer) => Buffer.concat([Buffer.from('\r\n'), body]), 2],
    [
      'Connection: close',
      (body: Buffer) =>
        Buffer.concat([
          Buffer.from(`Connection: close\r\nContent-Length: ${body.length}\r\n\r\n`),
          body,
        ]),
      2,
    ],
  ])(
    'a body bounded by %s must be read, however the bytes are cut',
    async (name, encode, connections) => {
      const next = random(name.length);
      const body = Buffer.from(JSON.stringify({ ID: 'é'.repeat(2000), Name: 'n' }));
      const answer = Buffer.concat([
        Buffer.from('HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n'),
        encode(body),
      ]);
      await withServer(
        async (socket) => {
          await writePieces(socket, cut(answer, next));
          if (name.startsWith('the end')) socket.end();
        },
        async (client, server) => {
          for (let round = 0; round < 2; round++) {
            expect(await client.info()).toEqual(JSON.parse(body.toString()));
          }
          expect(server.connections()).toBe(connections);
        },
      );
    },
  );

  test.each([
    ['no HTTP', 'SSH-2.0-OpenSSH\r\n\r\n', 'does not begin with an HTTP status line'],
    ['a header without a name', 'HTTP/1.1 200 OK\r\nrubbish\r\n\r\n', 'a header has no name'],
    [
      'a length that is no number',
      'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n',
      'its length is no number',
    ],
    [
      'a chunk without a size',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n',
      'a chunk has no size',
    ],
    [
      'a chunk beyond its size',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n',
      'a chunk is longer than its size',
    ],
    ['an end within the head', 'HTTP/1.1 200', 'closed the connection within its answer'],
    [
      'an end within the body',
      'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab',
      'closed the connection within its answer',
    ],
    ['an end without an answer', '', 'closed the connection without an answer'],
    ['broken JSON', reply(200, '{'), 'answered GET /info with broken JSON'],
  ])('an answer that is %s must be an EngineError', async (_name, bytes, message) => {
    await withServer(
      (socket) => socket.end(bytes),
      async (client) => {
        const failure: unknown = await client.info().catch((error: unknown) => error);
        expect(failure).toBeInstanceOf(EngineError);
        expect((failure as EngineError).message).toContain(message);
      },
    );
  });

  test('no bytes must make it fail otherwise than with EngineError, nor hang', async () => {
    const next = random(23);
    const alphabet = [
      'HTTP/1.1 200 OK',
      '\r\n',
      ': ',
      'Content-Length: 3',
      'Transfer-Encoding: chunked',
      '3',
      'abc',
      '0',
      '\0',
      ' ',
    ];
    await withServer(
      (socket) => {
        const text = Array.from({ length: next(12) }, () => alphabet[next(alphabet.length)]).join(
          '',
        );
        socket.end(`${next(2) === 0 ? 'HTTP/1.1 200 OK\r\n' : ''}${text}`);
      },
      async (client) => {
        for (let round = 0; round < 300; round++) {
          const failure: unknown = await client.info().then(
            () => null,
            (error: unknown) => error,
          );
          if (failure !== null) expect(failure).toBeInstanceOf(EngineError);
        }
      },
    );
  });

  test('a read must be asked again when the engine closed the idle connection, a write must not', async () => {
    let serve: (socket: Socket) => void = (socket) => socket.write(reply(200, '[]'));
    await withServer(
      (socket) => {
        serve(socket);
      },
      async (client, server) => {
        await client.containers.list();
        // Closes at the next request instead of answering: the connection was idle, as far as the client knew.
        serve = (socket) => {
          serve = (fresh) => fresh.write(reply(200, '[]'));
          socket.destroy();
        };
        expect(await client.containers.list()).toEqual([]);
        expect(server.connections()).toBe(2);
        serve = (socket) => socket.destroy();
        await expect(client.containers.start('web')).rejects.toThrow('without an answer');
        expect(server.connections()).toBe(2);
      },
    );
  });
});

describe('errors', () => {
  test.each(Object.entries(statusOf))(
    'kind %s must come back from status %i',
    async (kind, status) => {
      const body = { message: 'what', hint: 'do', details: { port: '80' } };
      // 304 has no body (RFC 9110 §15.4.5).
      const text = status === 304 ? 'HTTP/1.1 304 X\r\n\r\n' : reply(status, JSON.stringify(body));
      await withServer(
        (socket) => socket.write(text),
        async (client) => {
          const error: unknown = await client.info().catch((reason: unknown) => reason);
          expect(error).toBeInstanceOf(EngineError);
          expect(error).toMatchObject(status === 304 ? { kind } : { kind, ...body });
        },
      );
    },
  );

  test('not modified must be a success of start and stop', async () => {
    await withServer(
      (socket) => socket.write('HTTP/1.1 304 Not Modified\r\n\r\n'),
      async (client, server) => {
        await client.containers.start('web');
        await client.containers.stop('web', { timeoutSeconds: 0, stopSignal: 'INT' });
        expect(server.requests[1]).toContain(
          'POST /v1.51/containers/web/stop?t=0&signal=INT HTTP/1.1\r\n',
        );
        expect(server.connections()).toBe(1);
      },
    );
  });

  test('an answer that is not the engine’s must be shown as it is', async () => {
    await withServer(
      (socket) => socket.write(reply(502, '<h1>bad gateway</h1>')),
      async (client) => {
        await expect(client.info()).rejects.toThrow('status 502: <h1>bad gateway</h1>');
      },
    );
  });

  test('an engine that is not there must be unavailable, with the errno', async () => {
    const failure: unknown = await new EngineClient({ address: 'unix:///nowhere/x.sock' })
      .ping()
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({
      kind: 'unavailable',
      message: 'cannot connect to the engine at unix:///nowhere/x.sock: there is no such socket',
      details: { errno: 'ENOENT' },
      cause: { code: 'ENOENT' },
    });
  });
});

describe('version', () => {
  test.each([
    ['1.51', '1.51'],
    ['1.60', '1.51'],
    ['1.44', '1.44'],
  ])('an engine of API %s must be spoken to in %s', async (theirs, spoken) => {
    await withServer(
      (socket) =>
        socket.write(
          reply(200, '', `Api-Version: ${theirs}\r\n`).replace(
            /Content-Length.*\r\n/,
            'Content-Length: 2\r\n',
          ),
        ),
      async (client, server) => {
        expect((await client.negotiate()).apiVersion).toBe(theirs);
        expect(client.apiVersion).toBe(spoken);
        expect(server.requests[0]).toMatch(/^HEAD \/_ping HTTP/);
      },
    );
  });

  test('an engine that is too old must be refused', async () => {
    await withServer(
      (socket) => socket.write('HTTP/1.1 200 OK\r\nApi-Version: 1.18\r\n\r\n'),
      async (client) => {
        await expect(client.negotiate()).rejects.toThrow('speaks API 1.18, and 1.24 is needed');
      },
    );
  });
});

describe('abort', () => {
  test('an aborted call must fail with the reason and end its connection', async () => {
    let closed: Promise<unknown> = Promise.resolve();
    await withServer(
      (socket) => {
        closed = once(socket, 'close');
      },
      async (client, server) => {
        const controller = new AbortController();
        const call = client.info({ signal: controller.signal });
        await eventually(() => {
          expect(server.requests.length).toBe(1);
        });
        controller.abort(new Error('enough'));
        await expect(call).rejects.toThrow('enough');
        await closed;
        await expect(client.info({ signal: controller.signal })).rejects.toThrow('enough');
        expect(server.connections()).toBe(1);
      },
    );
  });

  test('an aborted stream must fail within the iteration', async () => {
    await withServer(
      (socket) =>
        socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n{"a":1}\n\r\n'),
      async (client) => {
        const controller = new AbortController();
        const seen: unknown[] = [];
        const iteration = (async () => {
          for await (const event of client.events({ signal: controller.signal })) {
            seen.push(event);
            controller.abort(new Error('enough'));
          }
        })();
        await expect(iteration).rejects.toThrow('enough');
        expect(seen).toEqual([{ a: 1 }]);
      },
    );
  });

  test('leaving a stream early must close its connection', async () => {
    let closed: Promise<unknown> = Promise.resolve();
    await withServer(
      (socket) => {
        closed = once(socket, 'close');
        socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n{"a":1}\n\r\n');
      },
      async (client) => {
        const events = client.events();
        await events.opened;
        for await (const event of events) {
          expect(event).toEqual({ a: 1 });
          break;
        }
        await closed;
      },
    );
  });
});
