import type { Socket } from 'node:net';

import { EngineError } from '../api/index.ts';
import { BodyQueue } from './body-queue.ts';
import type { ExchangeResponse } from './exchange.ts';
import { ResponseParser, type ResponseHead } from './response-parser.ts';

export interface WireRequest {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly host: string;
  readonly json: string | null;
  readonly stream: AsyncIterable<Uint8Array> | null;
  readonly signal: AbortSignal | undefined;
}

/** The connection broke before any byte of the answer, so the request may never have been read. */
export class ConnectionLostError extends Error {
  override readonly name = 'ConnectionLostError';
}

interface RunningExchange {
  readonly parser: ResponseParser;
  readonly fail: (error: unknown) => void;
}

/** One socket, which carries one exchange at a time. */
export class Connection {
  readonly #socket: Socket;
  readonly #onIdle: (connection: Connection) => void;
  #running: RunningExchange | null = null;
  #isWriting = false;

  /** `onIdle`: the exchange is over and the connection may carry another. */
  constructor(socket: Socket, onIdle: (connection: Connection) => void) {
    this.#socket = socket;
    this.#onIdle = onIdle;
    socket.on('data', (chunk: Buffer) => {
      this.#receive(chunk);
    });
    socket.on('end', () => {
      this.#closed(null);
    });
    socket.on('error', (error) => {
      this.#closed(error);
    });
    socket.on('close', () => {
      this.#closed(null);
    });
  }

  get isOpen(): boolean {
    return !this.#socket.destroyed && this.#socket.writable;
  }

  close(): void {
    this.#socket.destroy();
  }

  /** An idle connection does not keep the process alive. */
  unref(): void {
    this.#socket.unref();
  }

  /** Resolves when the head has arrived. */
  run(request: WireRequest): Promise<ExchangeResponse> {
    const socket = this.#socket;
    socket.ref();
    return new Promise((resolve, reject) => {
      const queue = new BodyQueue({
        pause: () => socket.pause(),
        resume: () => socket.resume(),
        abandon: () => socket.destroy(),
      });
      const onAbort = (): void => {
        this.#running?.fail(request.signal?.reason);
      };
      const parser = new ResponseParser(
        {
          head: (head: ResponseHead) => {
            resolve({ ...head, body: queue });
          },
          data: (chunk) => {
            queue.push(chunk);
          },
          end: () => {
            request.signal?.removeEventListener('abort', onAbort);
            queue.end();
          },
        },
        { isHead: request.method === 'HEAD' },
      );
      const fail = (error: unknown): void => {
        request.signal?.removeEventListener('abort', onAbort);
        this.#running = null;
        socket.destroy();
        // A signal's reason comes out as it went in, whatever its type.
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
        reject(error);
        queue.fail(error);
      };
      this.#running = { parser, fail };
      request.signal?.addEventListener('abort', onAbort, { once: true });
      this.#write(request).catch((error: unknown) => {
        this.#running?.fail(error);
      });
    });
  }

  async #write({ method, target, host, json, stream }: WireRequest): Promise<void> {
    let head = `${method} ${target} HTTP/1.1\r\nHost: ${host}\r\n`;
    if (stream !== null) {
      head += 'Content-Type: application/x-tar\r\nTransfer-Encoding: chunked\r\n';
    } else if (json !== null) {
      const length = Buffer.byteLength(json);
      head += `Content-Type: application/json\r\nContent-Length: ${length}\r\n`;
    } else if (method === 'POST' || method === 'PUT') {
      head += 'Content-Length: 0\r\n';
    }
    this.#socket.write(`${head}\r\n${json ?? ''}`);
    if (stream === null) return;
    this.#isWriting = true;
    await this.#writeChunked(stream);
    this.#isWriting = false;
  }

  async #writeChunked(stream: AsyncIterable<Uint8Array>): Promise<void> {
    const socket = this.#socket;
    for await (const chunk of stream) {
      // The engine has answered early, with an error as a rule: the rest is of no interest to it.
      if (this.#running?.parser.isDone !== false || !socket.writable) return;
      if (chunk.length === 0) continue;
      socket.cork();
      socket.write(`${chunk.length.toString(16)}\r\n`);
      socket.write(chunk);
      const hasRoom = socket.write('\r\n');
      socket.uncork();
      if (!hasRoom) await drained(socket);
    }
    if (socket.writable) socket.write('0\r\n\r\n');
  }

  #receive(chunk: Buffer): void {
    const running = this.#running;
    if (running === null) {
      // Nobody asked: an answer out of step, or one that its caller has left.
      this.#socket.destroy();
      return;
    }
    try {
      running.parser.push(chunk);
    } catch (error) {
      running.fail(error);
      return;
    }
    if (!running.parser.isDone) return;
    this.#running = null;
    // An answer that came before the end of the request leaves a half-sent body behind.
    const isClean = running.parser.isReusable && !this.#isWriting;
    if (isClean && this.isOpen) this.#onIdle(this);
    else this.#socket.destroy();
  }

  #closed(cause: Error | null): void {
    const running = this.#running;
    if (running === null) {
      this.#socket.destroy();
      return;
    }
    try {
      if (cause === null) running.parser.close();
      else throw cause;
      this.#running = null;
      this.#socket.destroy();
    } catch (error) {
      running.fail(running.parser.hasBegun ? lost(error) : new ConnectionLostError('', { cause }));
    }
  }
}

function lost(error: unknown): EngineError {
  if (error instanceof EngineError) return error;
  return new EngineError('unavailable', 'the connection to the engine broke', { cause: error });
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      socket.removeListener('drain', settle);
      socket.removeListener('close', settle);
      resolve();
    };
    socket.on('drain', settle);
    socket.on('close', settle);
  });
}
