import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CliError } from '../../../cli/cli-error.ts';
import { connectEngine } from '../../../cli/engine.ts';
import { tempDir } from '../../lib/temp-dir.ts';

const { signal } = new AbortController();
const pong = 'HTTP/1.1 200 OK\r\nApi-Version: 1.51\r\nContent-Length: 0\r\n\r\n';

/** Listens on a socket and meets the nth connection with the nth action. */
async function listen(
  path: string,
  actions: readonly ((socket: Socket) => void)[],
): Promise<AsyncDisposable> {
  let count = 0;
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => actions[count++]?.(socket));
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return {
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
      }),
  };
}

describe('connecting', () => {
  test('asks again when the engine ended between our connection and its answer', async () => {
    await using dir = await tempDir();
    const path = join(dir.path, 's');
    await using _server = await listen(path, [
      (socket) => socket.destroy(),
      (socket) => socket.end(pong),
    ]);
    const address = { isEmbedded: false, url: `unix://${path}`, reason: 'a test' };
    using client = await connectEngine({ address, env: {}, signal });
    expect(client.apiVersion).toBe('1.51');
  });

  test('to an engine that is not ours never starts one, and says why it was chosen', async () => {
    await using dir = await tempDir();
    const url = `unix://${dir.path}/none`;
    const address = { isEmbedded: false, url, reason: 'DOCKER_HOST is set' };
    const failure = await connectEngine({ address, env: {}, signal }).catch(
      (error: unknown) => error,
    );
    expect(failure).toBeInstanceOf(CliError);
    expect(failure).toMatchObject({
      message: `cannot connect to the engine at ${url}: there is no such socket`,
      hint: 'this engine was chosen because DOCKER_HOST is set; `tscompose --host embedded` uses its own',
    });
  });
});
