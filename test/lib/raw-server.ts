/** A server that answers with exactly the bytes a test gives it, cut as the test says. */
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';

import { tempDir } from './temp-dir.ts';

export interface RawServer extends AsyncDisposable {
  readonly address: string;
  /** Requests as received, head and body. */
  readonly requests: string[];
  /** Connections accepted so far. */
  readonly connections: () => number;
}

/** Called for each request head; the request's own body is not waited for. */
export type Answer = (socket: Socket, request: string) => unknown;

export async function rawServer(answer: Answer): Promise<RawServer> {
  const directory = await tempDir();
  const path = join(directory.path, 'raw.sock');
  const requests: string[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    sockets.add(socket);
    // A client that breaks off is part of some tests.
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (chunk) => {
      const text = chunk.toString('latin1');
      if (!/^[A-Z]+ \/\S* HTTP\/1\.1\r\n/.test(text)) {
        requests.push((requests.pop() ?? '') + text);
        return;
      }
      requests.push(text);
      answer(socket, text);
    });
  });
  server.listen(path);
  await once(server, 'listening');
  return {
    address: `unix://${path}`,
    requests,
    connections: () => connections,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await directory[Symbol.asyncDispose]();
    },
  };
}
