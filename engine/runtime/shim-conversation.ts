/** One control connection to a shim: cut into messages, and whoever waits for them is told. */
import { readFileSync } from 'node:fs';
import {
  closeFd,
  errnoName,
  isSyscallError,
  onExit,
  receive,
  sendWithFds,
  SyscallError,
  watchReadable,
} from '../../native/index.ts';
import type { Fd, Watch } from '../../native/index.ts';
import type { ExecStatus } from './exec-protocol.ts';
import { decodeExit, FrameDecoder, oldestProtocolVersion, protocolVersion } from './protocol.ts';
import type { ExitStatus, ShimMessage, ShimStatus } from './protocol.ts';
import { ProtocolError } from './protocol-frame.ts';
import type { ShimFailure } from './protocol-frame.ts';

/** The program could not be started. Nothing of the attempt is left. */
export class ShimError extends Error implements ShimFailure {
  override readonly name = 'ShimError';
  readonly stage: ShimFailure['stage'];
  readonly errno: string;
  readonly path: string;

  constructor({ stage, errno, path }: ShimFailure) {
    super(`sandbox failed at ${stage}${path === '' ? '' : ` "${path}"`}: ${errno}`);
    this.stage = stage;
    this.errno = errno;
    this.path = path;
  }
}

/** null: there is none. */
export function readExitFile(path: string): ExitStatus | null {
  try {
    return decodeExit(readFileSync(path));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

type State = ShimStatus['state'];

export interface RequestPurpose {
  /** The system call that an error names. */
  readonly call: string;
  readonly purpose: string;
  /** Travel with the message; the caller's copies stay open. */
  readonly fds?: readonly Fd[];
}

interface Waiting<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (reason: Error) => void;
}

/** One control connection: cuts it into messages and settles who waits for them. */
export class Conversation {
  readonly ended: Promise<ExitStatus>;
  readonly gone: Promise<void>;
  /** null: the shim ended without a word. */
  readonly firstStatus: Promise<ShimStatus | null>;
  readonly #exitPath: string;
  readonly #decoder = new FrameDecoder();
  readonly #states = new Map<State, Waiting<ShimStatus>[]>();
  readonly #replies = new Map<number, Waiting<number>>();
  #socket: Fd | null;
  #socketWatch: Watch;
  #pidfd: Fd | null = null;
  #processWatch: Watch | null = null;
  #last: ShimStatus | null = null;
  #exit: ExitStatus | null = null;
  #requests = 0;
  #onExec: ((status: ExecStatus) => void) | null = null;
  readonly #earlyExecs: ExecStatus[] = [];
  #settleEnded: (status: ExitStatus) => void = () => undefined;
  #settleGone: () => void = () => undefined;
  #settleFirst: (status: ShimStatus | null) => void = () => undefined;

  constructor(socket: Fd, exitPath: string) {
    this.#socket = socket;
    this.#exitPath = exitPath;
    this.ended = new Promise((resolve) => (this.#settleEnded = resolve));
    this.gone = new Promise((resolve) => (this.#settleGone = resolve));
    this.firstStatus = new Promise((resolve) => (this.#settleFirst = resolve));
    this.#socketWatch = watchReadable(socket, () => {
      this.#read();
    });
  }

  /** Takes the descriptor of the shim's process; a shim that is our child is reaped when it ends. */
  watchProcess(pidfd: Fd): void {
    this.#pidfd = pidfd;
    this.#processWatch = onExit(pidfd, () => {
      this.#closeProcess();
      // What it said last may still be unread.
      this.#read();
      this.#settleGone();
    });
  }

  /** What the shim tells of execs from now on, and has told before. */
  watchExecs(listener: (status: ExecStatus) => void): void {
    this.#onExec = listener;
    for (const status of this.#earlyExecs.splice(0)) listener(status);
  }

  /** Of the conversation; null before the first status. */
  get version(): number | null {
    return this.#last?.version ?? null;
  }

  /** Throws EOPNOTSUPP for a shim of an older engine: one that is sent what it does not know hangs up. */
  requireVersion(oldest: number, what: { readonly call: string; readonly purpose: string }): void {
    if ((this.version ?? 0) >= oldest) return;
    const purpose = `${what.purpose} of a container that an older engine has started`;
    throw new SyscallError({ call: what.call, errno: 'EOPNOTSUPP', purpose });
  }

  noteProcessGone(): void {
    this.#settleGone();
  }

  reaches(state: State): Promise<ShimStatus> {
    if (this.#last?.state === state) return Promise.resolve(this.#last);
    return new Promise((resolve, reject) => {
      if (this.#exit !== null) reject(errorOf(this.#exit));
      else this.#states.set(state, [...(this.#states.get(state) ?? []), { resolve, reject }]);
    });
  }

  /** Sends a message with a number, and the descriptors it needs; throws the errno of its answer. */
  async request(what: RequestPurpose, encode: (request: number) => Uint8Array): Promise<void> {
    const request = ++this.#requests;
    const errno = await new Promise<number>((resolve, reject) => {
      this.#replies.set(request, { resolve, reject });
      try {
        this.send(encode(request), what.fds);
      } catch (error) {
        this.#replies.delete(request);
        // The shim has gone between two of our turns.
        if (isSyscallError(error, 'EPIPE', 'ECONNRESET')) resolve(esrch);
        else reject(error instanceof Error ? error : new Error(String(error)));
      }
    });
    if (errno === 0) return;
    throw new SyscallError({ call: what.call, errno: errnoName(errno), purpose: what.purpose });
  }

  /** Small messages that the shim reads at once: a full buffer means that it does not. */
  send(bytes: Uint8Array, fds: readonly Fd[] = []): void {
    const sent = this.#socket === null ? 0 : sendWithFds(this.#socket, bytes, fds);
    if (sent !== bytes.length) {
      const purpose = 'send a message to the shim';
      const errno = this.#socket === null ? 'EPIPE' : 'EAGAIN';
      throw new SyscallError({ call: 'send', errno, purpose });
    }
  }

  /** The shim hears of it as of an engine that is gone; its own end is still seen. */
  hangUp(): void {
    this.#closeSocket();
  }

  close(): void {
    this.#closeSocket();
    // A shim that is about to end is still to be reaped.
    if (this.#exit === null) this.#closeProcess();
  }

  #read(): void {
    while (this.#socket !== null) {
      const received = receiveOrEnd(this.#socket);
      if (received === null) return;
      if (received.length === 0) {
        this.#finish();
        return;
      }
      this.#decode(received);
    }
  }

  /** A peer that breaks the protocol is no shim of ours, and is treated as one that is gone. */
  #decode(bytes: Uint8Array): void {
    try {
      for (const message of this.#decoder.push(bytes)) this.#handle(message);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#finish();
    }
  }

  #handle(message: ShimMessage): void {
    switch (message.type) {
      case 'status':
        this.#noteStatus(message.status);
        return;
      case 'reply':
        this.#replies.get(message.request)?.resolve(message.errno);
        this.#replies.delete(message.request);
        return;
      case 'exec':
        this.#onExec?.(message.status);
        if (this.#onExec === null) this.#earlyExecs.push(message.status);
        return;
      case 'ended':
        this.#exit = message.status;
        this.#finish();
    }
  }

  #noteStatus(status: ShimStatus): void {
    if (status.version < oldestProtocolVersion || status.version > protocolVersion) {
      throw new ProtocolError(`shim ${status.pid} speaks version ${status.version}`);
    }
    this.#last = status;
    this.#settleFirst(status);
    for (const { resolve } of this.#states.get(status.state) ?? []) resolve(status);
    this.#states.delete(status.state);
  }

  /** The connection is over: by the shim's last message, or without one. */
  #finish(): void {
    this.#closeSocket();
    const exit = this.#exit ?? readExitFile(this.#exitPath) ?? lostStatus();
    this.#exit = exit;
    for (const waiting of this.#states.values()) {
      for (const { reject } of waiting) reject(errorOf(exit));
    }
    this.#states.clear();
    for (const { resolve } of this.#replies.values()) resolve(esrch);
    this.#replies.clear();
    this.#settleFirst(null);
    this.#settleEnded(exit);
  }

  #closeSocket(): void {
    if (this.#socket === null) return;
    this.#socketWatch.close();
    closeFd(this.#socket);
    this.#socket = null;
  }

  #closeProcess(): void {
    if (this.#pidfd === null) return;
    this.#processWatch?.close();
    closeFd(this.#pidfd);
    this.#pidfd = null;
  }
}

const esrch = 3;

function receiveOrEnd(socket: Fd): Uint8Array | null {
  try {
    return receive(socket)?.bytes ?? null;
  } catch (error) {
    // The shim ended with a message of ours unread (unix(7)).
    if (isSyscallError(error, 'ECONNRESET')) return new Uint8Array(0);
    throw error;
  }
}

function errorOf(exit: ExitStatus): ShimError {
  return new ShimError(exit.failure ?? { stage: 'start', errno: 'ECHILD', path: '' });
}

/** A shim that is killed takes its container along by SIGKILL (PR_SET_PDEATHSIG in native/shim/program.c). */
function lostStatus(): ExitStatus {
  return {
    code: 137,
    signal: 9,
    isOomKilled: false,
    finishedAtNs: BigInt(Date.now()) * 1_000_000n,
    lostLogBytes: 0n,
    failure: null,
    isLost: true,
  };
}
