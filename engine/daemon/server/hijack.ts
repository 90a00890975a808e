/**
 * Connections that stop being HTTP (attach, exec): after the head both directions are raw bytes. With `Upgrade` Node
 * hands the socket over; without, as older clients and dockerode do it, it is taken from Node's parser.
 */
import { once } from 'node:events';
import { ServerResponse, type IncomingMessage, type Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

import { EngineError } from '../../api/index.ts';
import { isSyscallError, sendWithFds, type Fd } from '../../../native/index.ts';
import type { Hijack, WebSocketReply } from './reply.ts';
import { webSocketHead, WebSocketStream } from './websocket.ts';

/** What has arrived behind the head of an upgraded request, before anybody read it. */
const upgraded = new WeakMap<IncomingMessage, Buffer>();
/** Bytes behind a request that is about to be taken, which Node's parser took for a broken request. */
const early = new WeakMap<Duplex, Buffer[]>();

/** Makes every upgrade an ordinary request, of which the route decides what becomes. */
export function serveUpgrades(
  server: Server,
  handle: (request: IncomingMessage, response: ServerResponse) => void,
): void {
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    upgraded.set(request, head);
    // Node has let go of it: nobody else listens, and a client that breaks it off would end the engine.
    socket.on('error', () => {
      socket.destroy();
    });
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(socket);
    // An answer that is none of ours ends the connection: Node has let go of it.
    response.on('finish', () => {
      if (response.socket !== null) socket.destroySoon();
    });
    handle(request, response);
  });
  server.on(
    'clientError',
    (error: Error & { rawPacket?: Buffer; bytesParsed?: number }, socket) => {
      const kept = early.get(socket);
      if (kept === undefined) {
        if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n');
        else socket.destroy();
        return;
      }
      kept.push((error.rawPacket ?? Buffer.alloc(0)).subarray(error.bytesParsed ?? 0));
    },
  );
}

export function isUpgraded(request: IncomingMessage): boolean {
  return upgraded.has(request);
}

/** Call before the body of a request that may be hijacked is read. */
export function expectHijack(request: IncomingMessage): void {
  if (!isUpgraded(request)) early.set(request.socket, []);
}

const mostBodyBytes = 8 << 20;

/**
 * The body of an upgraded request, which Node leaves in the raw bytes: as long as its length says. Chunked ones are
 * read to their last chunk where a body is wanted; docker-modem sends an empty one where none is.
 */
export async function readUpgradedBody(request: IncomingMessage): Promise<Buffer> {
  const { socket, headers } = request;
  const isChunked = headers['transfer-encoding']?.toLowerCase() === 'chunked';
  const length = Number(headers['content-length'] ?? '0');
  let bytes = upgraded.get(request) ?? Buffer.alloc(0);
  const isWhole = (): boolean =>
    isChunked ? decodeChunks(bytes) !== null : bytes.length >= length;
  while (!isWhole()) {
    const more = await nextChunk(socket);
    bytes = Buffer.concat([bytes, more]);
    if (bytes.length > mostBodyBytes) {
      throw new EngineError('invalid-argument', 'the request body is over 8 MiB');
    }
  }
  const { body, used } = (isChunked ? decodeChunks(bytes) : null) ?? {
    body: bytes.subarray(0, length),
    used: length,
  };
  upgraded.set(request, bytes.subarray(used));
  return body;
}

async function nextChunk(socket: Socket): Promise<Buffer> {
  const chunk = await new Promise<Buffer | null>((resolve) => {
    const settle = (bytes: Buffer | null): void => {
      socket.pause();
      socket.removeListener('data', settle);
      socket.removeListener('end', end);
      socket.removeListener('close', end);
      resolve(bytes);
    };
    const end = (): void => {
      settle(null);
    };
    socket.on('data', settle);
    socket.on('end', end);
    socket.on('close', end);
    socket.resume();
  });
  if (chunk !== null) return chunk;
  throw new EngineError('invalid-argument', 'invalid JSON: got EOF while reading request body');
}

/** Null: there is more to come. */
function decodeChunks(bytes: Buffer): { readonly body: Buffer; readonly used: number } | null {
  const parts: Buffer[] = [];
  let at = 0;
  for (;;) {
    const end = bytes.indexOf('\r\n', at);
    if (end < 0) return null;
    const size = Number.parseInt(bytes.toString('latin1', at, end), 16);
    if (!Number.isSafeInteger(size) || size < 0) {
      throw new EngineError('invalid-argument', 'a chunk of the request body has no size');
    }
    const next = end + 2 + size + 2;
    if (next > bytes.length) return null;
    if (size === 0) return { body: Buffer.concat(parts), used: next };
    parts.push(bytes.subarray(end + 2, end + 2 + size));
    at = next;
  }
}

const lastChunk = Buffer.from('0\r\n\r\n');

/** Sends the head and gives the raw connection to the reply; resolves when that is over. */
export async function hijack(
  response: ServerResponse,
  reply: Hijack | WebSocketReply,
  stopping: AbortSignal,
): Promise<void> {
  const request = response.req;
  const { socket } = request;
  const headOfAnswer = headOf(request, reply);
  const head = upgraded.get(request);
  const isUpgrade = head !== undefined;
  const rest = isUpgrade ? head : takeFromParser(socket);
  response.detachSocket(socket);
  socket.write(headOfAnswer);
  // docker-modem ends its empty body where the raw bytes begin.
  const isEmptyBody = isUpgrade && request.headers['transfer-encoding'] !== undefined;
  const first =
    isEmptyBody && rest.subarray(0, lastChunk.length).equals(lastChunk)
      ? rest.subarray(lastChunk.length)
      : rest;
  if (first.length > 0) socket.unshift(first);
  socket.on('error', () => {
    socket.destroy();
  });
  destroyWhenGone(socket);
  const end = (): void => {
    socket.destroy();
  };
  stopping.addEventListener('abort', end, { once: true });
  try {
    if (reply.kind === 'websocket') await runWebSocket(socket, reply);
    else await reply.run(socket);
  } finally {
    stopping.removeEventListener('abort', end);
    socket.destroySoon();
    // Nobody else tells those who watch the answer that it is over.
    response.emit('close');
  }
}

const goneCheckMs = 1000;
const noBytes = new Uint8Array(0);

/**
 * A client that has closed its side may still read, or may have gone altogether, which reading does not tell. To send
 * nothing does: EPIPE, once nobody is at the other end of a unix socket (unix(7)).
 */
function destroyWhenGone(socket: Socket): void {
  const check = (): void => {
    const fd = (socket as { readonly _handle?: { readonly fd?: number } | null })._handle?.fd;
    if (fd === undefined || fd < 0) return;
    try {
      sendWithFds(fd as Fd, noBytes);
    } catch (error) {
      if (!isSyscallError(error, 'EPIPE')) throw error;
      socket.destroy();
    }
  };
  socket.once('end', () => {
    check();
    const checking = setInterval(check, goneCheckMs);
    socket.once('close', () => {
      clearInterval(checking);
    });
  });
}

async function runWebSocket(socket: Socket, reply: WebSocketReply): Promise<void> {
  const connection = new WebSocketStream(socket, reply.messages);
  connection.on('error', () => {
    connection.destroy();
  });
  await reply.run(connection);
  if (connection.destroyed) return;
  // What was written goes out first, and the word that this is the end.
  const closed = once(connection, 'close');
  await Promise.race([new Promise<void>((resolve) => connection.end(resolve)), closed]);
}

function headOf(request: IncomingMessage, reply: Hijack | WebSocketReply): string {
  if (reply.kind === 'websocket') return webSocketHead(request);
  const type = reply.contentType(isUpgraded(request));
  return isUpgraded(request)
    ? `HTTP/1.1 101 UPGRADED\r\nContent-Type: ${type}\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n`
    : `HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\n\r\n`;
}

/** Node's parser reads from the handle itself until somebody listens for data. */
function takeFromParser(socket: Socket): Buffer {
  const kept = early.get(socket) ?? [];
  early.delete(socket);
  for (const event of ['data', 'end', 'close', 'drain', 'error', 'timeout'] as const) {
    socket.removeAllListeners(event);
  }
  // Adding a listener for data is what makes Node let go of the handle.
  const nothing = (): void => undefined;
  socket.on('data', nothing);
  socket.pause();
  socket.removeListener('data', nothing);
  return Buffer.concat(kept);
}
