/**
 * The receiving half of HTTP/1.1 (RFC 9112) for one response. Every command is a cold process, in which node:http
 * took 45 ms of CPU for 100 creations over 16 connections and this takes 25 (Node 20.20, two busy cores, mostly the
 * connections then); and no module of it has to be loaded.
 */
import { EngineError } from '../api/index.ts';

export interface ResponseHead {
  readonly status: number;
  /** Names in lower case; of a repeated one, the last. */
  readonly headers: ReadonlyMap<string, string>;
}

export interface ParserEvents {
  head(head: ResponseHead): void;
  data(chunk: Uint8Array): void;
  /** The connection may carry the next exchange, if it stays open after this one. */
  end(options: { readonly isReusable: boolean }): void;
}

/** Go's limit of a head, and more than any engine sends. */
const maxHeadBytes = 1 << 20;
const maxChunkLine = 1024;
const headEnd = Buffer.from('\r\n\r\n');

type State =
  | { readonly name: 'head' }
  | { readonly name: 'body'; remaining: number }
  | { readonly name: 'until-close' }
  | { readonly name: 'chunk-size' }
  | { readonly name: 'chunk-data'; remaining: number }
  | { readonly name: 'chunk-end' }
  | { readonly name: 'trailers' }
  | { readonly name: 'done' };

export class ResponseParser {
  readonly #events: ParserEvents;
  readonly #hasNoBody: boolean;
  #state: State = { name: 'head' };
  #pending: Buffer = Buffer.alloc(0);
  #isReusable = true;

  /** `isHead`: the answer to HEAD, whose length is that of a body that does not come. */
  constructor(events: ParserEvents, { isHead }: { readonly isHead: boolean }) {
    this.#events = events;
    this.#hasNoBody = isHead;
  }

  /** Throws EngineError when the bytes are no HTTP response; the connection is then of no use. */
  push(chunk: Buffer): void {
    let bytes = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    for (;;) {
      const used = this.#step(bytes);
      if (used === null) break;
      bytes = bytes.subarray(used);
    }
    // Bytes after the end belong to nobody: such a connection is out of step.
    if (this.#state.name === 'done' && bytes.length > 0) this.#isReusable = false;
    this.#pending = bytes;
  }

  /** The peer has closed. Throws unless the response is complete. */
  close(): void {
    if (this.#state.name === 'until-close') {
      this.#finish();
      return;
    }
    if (this.#state.name === 'done') return;
    throw new EngineError('unavailable', 'the engine closed the connection within its answer');
  }

  /** Some byte of the answer has arrived. */
  get hasBegun(): boolean {
    return this.#state.name !== 'head' || this.#pending.length > 0;
  }

  get isDone(): boolean {
    return this.#state.name === 'done';
  }

  /** False when bytes came after the end as well. */
  get isReusable(): boolean {
    return this.#isReusable;
  }

  /** Number of bytes used, null when more are needed. Zero is progress too: the state has changed. */
  #step(bytes: Buffer): number | null {
    const state = this.#state;
    switch (state.name) {
      case 'head':
        return this.#readHead(bytes);
      case 'body':
      case 'chunk-data':
        return this.#readSized(bytes, state);
      case 'until-close':
        if (bytes.length === 0) return null;
        this.#events.data(bytes);
        return bytes.length;
      case 'chunk-size':
        return this.#readChunkSize(bytes);
      case 'chunk-end':
        return this.#readLine(bytes, (line) => {
          if (line !== '') throw malformed('a chunk is longer than its size');
          this.#state = { name: 'chunk-size' };
        });
      case 'trailers':
        return this.#readLine(bytes, (line) => {
          if (line === '') this.#finish();
        });
      case 'done':
        return null;
    }
  }

  #readHead(bytes: Buffer): number | null {
    const end = bytes.indexOf(headEnd);
    if (end < 0) {
      if (bytes.length > maxHeadBytes) throw malformed('its head is over 1 MiB');
      return null;
    }
    const head = parseHead(bytes.toString('latin1', 0, end));
    // 100 and 103 precede the answer itself (RFC 9110 §15.2).
    if (head.status < 200) return end + headEnd.length;
    this.#isReusable = head.keepsAlive;
    this.#events.head(head);
    this.#chooseBody(head);
    return end + headEnd.length;
  }

  /** RFC 9112 §6.3, in its order. */
  #chooseBody({ status, headers }: ResponseHead): void {
    if (this.#hasNoBody || status === 204 || status === 304) {
      this.#finish();
    } else if (headers.get('transfer-encoding')?.toLowerCase() === 'chunked') {
      this.#state = { name: 'chunk-size' };
    } else if (headers.has('content-length')) {
      const length = headers.get('content-length') ?? '';
      if (!/^\d{1,15}$/.test(length)) throw malformed('its length is no number');
      this.#startSized('body', Number(length));
    } else {
      this.#isReusable = false;
      this.#state = { name: 'until-close' };
    }
  }

  #startSized(name: 'body' | 'chunk-data', remaining: number): void {
    this.#state = { name, remaining };
    if (remaining === 0) this.#finish();
  }

  #readSized(bytes: Buffer, state: Extract<State, { remaining: number }>): number | null {
    if (bytes.length === 0) return null;
    const part = bytes.subarray(0, state.remaining);
    state.remaining -= part.length;
    this.#events.data(part);
    if (state.remaining === 0) {
      if (state.name === 'body') this.#finish();
      else this.#state = { name: 'chunk-end' };
    }
    return part.length;
  }

  #readChunkSize(bytes: Buffer): number | null {
    return this.#readLine(bytes, (line) => {
      const size = /^([0-9a-fA-F]{1,8})[ \t]*(?:;|$)/.exec(line)?.[1];
      if (size === undefined) throw malformed('a chunk has no size');
      const remaining = Number.parseInt(size, 16);
      this.#state = remaining === 0 ? { name: 'trailers' } : { name: 'chunk-data', remaining };
    });
  }

  #readLine(bytes: Buffer, accept: (line: string) => void): number | null {
    const end = bytes.indexOf('\r\n');
    if (end > maxChunkLine || (end < 0 && bytes.length > maxChunkLine)) {
      throw malformed('a line between chunks is over 1 KiB');
    }
    if (end < 0) return null;
    accept(bytes.toString('latin1', 0, end));
    return end + 2;
  }

  #finish(): void {
    this.#state = { name: 'done' };
    this.#events.end({ isReusable: this.#isReusable });
  }
}

function parseHead(text: string): ResponseHead & { readonly keepsAlive: boolean } {
  const [statusLine = '', ...lines] = text.split('\r\n');
  const match = /^HTTP\/1\.([01]) (\d{3})(?: |$)/.exec(statusLine);
  if (match === null) throw malformed('it does not begin with an HTTP status line');
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon <= 0) throw malformed('a header has no name');
    headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  const keepsAlive = match[1] === '1' && headers.get('connection')?.toLowerCase() !== 'close';
  return { status: Number(match[2]), headers, keepsAlive };
}

function malformed(why: string): EngineError {
  return new EngineError('unavailable', `the engine's answer is not HTTP: ${why}`);
}
