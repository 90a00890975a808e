/** Connections that stop being HTTP after the head: attach and exec. */
import type { Socket } from 'node:net';

import { EngineError, kindOf, type ErrorBody } from '../api/index.ts';
import { ResponseParser } from './response-parser.ts';

/** Both directions, raw; a half-close of either side reaches the program. The caller owns it. */
export interface UpgradedConnection {
  readonly socket: Socket;
  /** Output comes in frames, of stdout and stderr; otherwise it is a terminal's. */
  readonly isFramed: boolean;
}

export interface UpgradeRequest {
  /** Path and query. */
  readonly target: string;
  readonly json: string | null;
  readonly signal: AbortSignal | undefined;
}

const headEnd = Buffer.from('\r\n\r\n');
const multiplexed = 'application/vnd.docker.multiplexed-stream';

/** Takes the socket; it is destroyed when the engine refuses. */
export async function upgradeConnection(
  socket: Socket,
  { target, json, signal }: UpgradeRequest,
): Promise<UpgradedConnection> {
  const body = json ?? '';
  const type = json === null ? '' : 'Content-Type: application/json\r\n';
  socket.allowHalfOpen = true;
  socket.write(
    `POST ${target} HTTP/1.1\r\nHost: api.moby.localhost\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n` +
      `${type}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
  const abort = (): void => {
    socket.destroy();
  };
  signal?.addEventListener('abort', abort, { once: true });
  try {
    return await readAnswer(socket);
  } catch (error) {
    socket.destroy();
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

async function readAnswer(socket: Socket): Promise<UpgradedConnection> {
  let bytes: Buffer = Buffer.alloc(0);
  for (;;) {
    const end = bytes.indexOf(headEnd);
    if (end >= 0) {
      const head = bytes.toString('latin1', 0, end);
      if (!/^HTTP\/1\.1 (?:101|200) /.test(head)) return await refuse(socket, bytes);
      const rest = bytes.subarray(end + headEnd.length);
      if (rest.length > 0) socket.unshift(rest);
      return { socket, isFramed: head.toLowerCase().includes(`content-type: ${multiplexed}`) };
    }
    const chunk = await nextChunk(socket);
    if (chunk === null) {
      throw new EngineError('unavailable', 'the engine closed the connection without an answer');
    }
    bytes = Buffer.concat([bytes, chunk]);
  }
}

async function refuse(socket: Socket, first: Buffer): Promise<never> {
  let status = 500;
  const chunks: Uint8Array[] = [];
  const parser = new ResponseParser(
    {
      head: (head) => (status = head.status),
      data: (chunk) => chunks.push(chunk),
      end: () => undefined,
    },
    { isHead: false },
  );
  parser.push(first);
  while (!parser.isDone) {
    const chunk = await nextChunk(socket);
    if (chunk === null) break;
    parser.push(chunk);
  }
  const text = Buffer.concat(chunks).toString();
  const { message, hint } = parseBody(text);
  throw new EngineError(kindOf(status), message ?? `status ${status}: ${text}`, {
    ...(hint !== undefined && { hint }),
  });
}

function parseBody(text: string): Partial<ErrorBody> {
  try {
    const body: unknown = JSON.parse(text);
    return typeof body === 'object' && body !== null ? body : {};
  } catch {
    // A proxy in between may answer in HTML: the caller shows the text as it is.
    return {};
  }
}

/** Null at the end of the connection. */
function nextChunk(socket: Socket): Promise<Buffer | null> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      socket.pause();
      socket.removeListener('data', onData);
      socket.removeListener('end', onEnd);
      socket.removeListener('close', onEnd);
      socket.removeListener('error', onError);
    };
    const onData = (chunk: Buffer): void => {
      settle();
      resolve(chunk);
    };
    const onEnd = (): void => {
      settle();
      resolve(null);
    };
    const onError = (cause: Error): void => {
      settle();
      reject(new EngineError('unavailable', 'the connection to the engine broke', { cause }));
    };
    socket.on('data', onData);
    socket.on('end', onEnd);
    socket.on('close', onEnd);
    socket.on('error', onError);
    socket.resume();
  });
}
