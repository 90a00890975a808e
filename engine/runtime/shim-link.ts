/**
 * The stream to one shim, cut into messages. A shim that lives may break it off, as it does with an engine that has not
 * read for a while: then the stream is made again, for as long as somebody listens at the shim's control socket.
 */
import {
  closeFd,
  connectUnix,
  isSyscallError,
  receive,
  sendWithFds,
  SyscallError,
  watchReadable,
} from '../../native/index.ts';
import type { Fd, Watch } from '../../native/index.ts';
import { FrameDecoder } from './protocol.ts';
import type { ShimMessage } from './protocol.ts';
import { ProtocolError } from './protocol-frame.ts';

export interface LinkListener {
  readonly message: (message: ShimMessage) => void;
  /** Nobody listens at the other end any more, or somebody who is no shim of ours. */
  readonly over: () => void;
}

const firstRetryMs = 5;
const lastRetryMs = 1_000;

export class ShimLink {
  readonly #controlPath: string;
  readonly #listener: LinkListener;
  #decoder = new FrameDecoder();
  #socket: Fd | null = null;
  #watch: Watch | null = null;
  #retry: NodeJS.Timeout | null = null;
  #retryMs = firstRetryMs;
  #isClosed = false;
  #count = 0;

  /** Takes the socket; null: it is yet to be made. */
  constructor(socket: Fd | null, controlPath: string, listener: LinkListener) {
    this.#controlPath = controlPath;
    this.#listener = listener;
    if (socket === null) this.#connectLater();
    else this.#open(socket);
  }

  /** Of streams until now: what was said over an earlier one may not have been heard. */
  get count(): number {
    return this.#count;
  }

  /** Returns how many bytes were taken, 0 when the shim does not read. Throws EPIPE between two streams and at the end. */
  send(bytes: Uint8Array, fds: readonly Fd[]): number {
    if (this.#socket !== null) return sendWithFds(this.#socket, bytes, fds);
    throw new SyscallError({ call: 'send', errno: 'EPIPE', purpose: 'send a message to the shim' });
  }

  /** What was said and not read yet. */
  read(): void {
    const socket = this.#socket;
    while (this.#socket !== null && this.#socket === socket) {
      const received = receiveOrEnd(this.#socket);
      if (received === null) return;
      if (received.length === 0) this.#breakOff();
      else this.#decode(received);
    }
  }

  /** Nothing is heard from it afterwards. */
  close(): void {
    this.#isClosed = true;
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#retry = null;
    this.#closeSocket();
  }

  #open(socket: Fd): void {
    this.#socket = socket;
    this.#count++;
    this.#decoder = new FrameDecoder();
    this.#watch = watchReadable(socket, () => {
      this.read();
    });
  }

  #decode(bytes: Uint8Array): void {
    try {
      for (const message of this.#decoder.push(bytes)) {
        this.#retryMs = firstRetryMs;
        this.#listener.message(message);
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#end();
    }
  }

  /** One that is killed closes this stream a moment before the socket that it listens at: so the next try decides. */
  #breakOff(): void {
    this.#closeSocket();
    this.#connectLater();
  }

  #connectLater(): void {
    this.#retry = setTimeout(() => {
      this.#retry = null;
      this.#connect();
    }, this.#retryMs);
    this.#retryMs = Math.min(2 * this.#retryMs, lastRetryMs);
  }

  #connect(): void {
    try {
      this.#open(connectUnix(this.#controlPath));
    } catch (error) {
      if (isSyscallError(error, 'ENOENT', 'ECONNREFUSED')) this.#end();
      // As many wait to be heard as the kernel keeps, or this process has no descriptor left: that passes.
      else this.#connectLater();
    }
  }

  #end(): void {
    if (this.#isClosed) return;
    this.close();
    this.#listener.over();
  }

  #closeSocket(): void {
    if (this.#socket === null) return;
    this.#watch?.close();
    closeFd(this.#socket);
    this.#socket = null;
  }
}

function receiveOrEnd(socket: Fd): Uint8Array | null {
  try {
    return receive(socket)?.bytes ?? null;
  } catch (error) {
    // The shim ended with a message of ours unread (unix(7)).
    if (isSyscallError(error, 'ECONNRESET')) return new Uint8Array(0);
    throw error;
  }
}
