/** A registry on loopback that answers as a test says. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import {
  defaultRetry,
  RegistryClient,
  type RegistryClientOptions,
} from '../../../engine/registry/index.ts';

export interface FakeRegistry extends AsyncDisposable {
  /** `127.0.0.1:PORT` */
  readonly domain: string;
  /** `GET /v2/…` with the authorization that came with it, in order. */
  readonly requests: {
    readonly line: string;
    readonly authorization: string | undefined;
    readonly range: string | undefined;
  }[];
}

export type Handler = (request: IncomingMessage, response: ServerResponse) => unknown;

export async function fakeRegistry(handler: Handler): Promise<FakeRegistry> {
  const requests: FakeRegistry['requests'] = [];
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    const { authorization, range } = request.headers;
    requests.push({ line: `${request.method ?? ''} ${request.url ?? ''}`, authorization, range });
    handler(request, response);
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    domain: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** A client that is as patient as a test can be. */
export function impatientClient(options: RegistryClientOptions = {}): RegistryClient {
  return new RegistryClient({
    timeouts: { headMs: 400, idleMs: 300 },
    retry: { ...defaultRetry, attempts: 3, sleep: () => Promise.resolve() },
    ...options,
  });
}

export function sendJson(
  response: ServerResponse,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(200, { 'Content-Type': 'application/json', ...headers });
  response.end(typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body));
}
