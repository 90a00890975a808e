import {
  closeFd,
  connectUnix,
  isSyscallError,
  receive,
  sendWithFds,
  watchReadable,
} from '../../native/index.ts';
import type { Fd, Watch } from '../../native/index.ts';
import { decodeAnswer, encodeFrame, type Answer, type Command } from './protocol.ts';

/** The resolver ended, before or while it was told something. */
export class ConnectionLostError extends Error {
  constructor() {
    super('the resolver has ended');
    this.name = 'ConnectionLostError';
  }
}

interface Waiting {
  readonly settle: (answer: Answer) => void;
  readonly fail: (error: Error) => void;
}

/** One connection to the resolver; answers come in the order of the commands. */
export class ResolverConnection {
  readonly #socket: Fd;
  readonly #watch: Watch;
  readonly #waiting: Waiting[] = [];
  #unread: Buffer = Buffer.alloc(0);
  #last: Promise<unknown> = Promise.resolve();
  #tag = 0;
  #isClosed = false;

  /** Called when the resolver ends the connection, not after `close`. */
  onLost: (() => void) | undefined;

  constructor(path: string) {
    this.#socket = connectUnix(path);
    this.#watch = watchReadable(this.#socket, () => {
      this.#read();
    });
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** The descriptors stay the caller's. One command at a time, so that theirs is the next frame for certain. */
  send(type: Command, payload: Uint8Array, fds: readonly Fd[] = []): Promise<Answer> {
    const answer = this.#last.then(() => this.#exchange(type, payload, fds));
    this.#last = answer.catch(() => undefined);
    return answer;
  }

  close(): void {
    this.#end(new Error('the connection to the resolver was closed'));
  }

  async #exchange(type: Command, payload: Uint8Array, fds: readonly Fd[]): Promise<Answer> {
    if (this.#isClosed) throw new ConnectionLostError();
    this.#tag = (this.#tag + 1) & 0xffff;
    const tag = this.#tag;
    const frame = encodeFrame(type, tag, payload);
    const answer = new Promise<Answer>((settle, fail) => this.#waiting.push({ settle, fail }));
    // A rejection that arrives while the rest is still being sent is thrown by the last await.
    answer.catch(() => undefined);
    await this.#write(frame, fds);
    const received = await answer;
    if (received.tag !== tag) throw new Error('the resolver answered another command');
    return received;
  }

  async #write(frame: Buffer, fds: readonly Fd[]): Promise<void> {
    for (let sent = 0; sent < frame.length;) {
      if (this.#isClosed) return;
      const count = this.#sendSome(frame.subarray(sent), sent === 0 ? fds : []);
      sent += count;
      // The resolver reads all the time; only a frame larger than the socket's buffer has to wait for it.
      if (count === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** A resolver that has just ended is noticed here first when the event loop has not told of it yet. */
  #sendSome(bytes: Uint8Array, fds: readonly Fd[]): number {
    try {
      return sendWithFds(this.#socket, bytes, fds);
    } catch (error) {
      if (!isSyscallError(error, 'EPIPE', 'ECONNRESET')) throw error;
      const lost = new ConnectionLostError();
      this.#lose(lost);
      throw lost;
    }
  }

  #read(): void {
    try {
      for (let isOpen = true; isOpen && !this.#isClosed;) isOpen = this.#readSome();
    } catch (error) {
      const isGone = isSyscallError(error, 'ECONNRESET', 'EPIPE');
      if (isGone) this.#lose(new ConnectionLostError());
      else this.#lose(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** False when nothing more is there. */
  #readSome(): boolean {
    const received = receive(this.#socket);
    if (received === null) return false;
    received.fds.forEach(closeFd);
    if (received.bytes.length === 0) {
      this.#lose(new ConnectionLostError());
      return false;
    }
    this.#unread = Buffer.concat([this.#unread, received.bytes]);
    for (let next = decodeAnswer(this.#unread); next !== null; next = decodeAnswer(this.#unread)) {
      this.#unread = this.#unread.subarray(next.length);
      this.#waiting.shift()?.settle(next.answer);
    }
    return true;
  }

  #lose(error: Error): void {
    if (this.#isClosed) return;
    this.#end(error);
    this.onLost?.();
  }

  #end(error: Error): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#watch.close();
    closeFd(this.#socket);
    for (const { fail } of this.#waiting.splice(0)) fail(error);
  }
}
