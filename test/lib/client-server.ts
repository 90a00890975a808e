/** A client in front of a server that answers with the bytes a test gives it. */
import type { Socket } from 'node:net';

import { EngineClient } from '../../engine/client/index.ts';
import { cut } from './random.ts';
import { rawServer, type Answer, type RawServer } from './raw-server.ts';

export function reply(status: number, body: string, headers = ''): string {
  return `HTTP/1.1 ${status} X\r\n${headers}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

export function chunked(body: Buffer, next: (limit: number) => number): Buffer {
  const pieces = cut(body, next).map((piece) =>
    Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')]),
  );
  return Buffer.concat([...pieces, Buffer.from('0\r\n\r\n')]);
}

/** Each piece in a packet of its own, as far as the kernel lets that be seen. */
export async function writePieces(socket: Socket, pieces: readonly Uint8Array[]): Promise<void> {
  for (const piece of pieces) {
    socket.write(piece);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

export async function withServer(
  answer: Answer,
  use: (client: EngineClient, server: RawServer) => Promise<void>,
): Promise<void> {
  await using server = await rawServer(answer);
  using client = new EngineClient({ address: server.address });
  await use(client, server);
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
