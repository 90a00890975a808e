/** What an engine and one shim say to each other, over one stream after the other: whoever waits for a word is told. */
import { readFileSync } from 'node:fs';
import { EngineError } from '../api/index.ts';
import {
  closeFd,
  errnoName,
  isSyscallError,
  onExit,
  sendSignal,
  SyscallError,
} from '../../native/index.ts';
import type { Fd, Watch } from '../../native/index.ts';
import type { ExecStatus } from './exec-protocol.ts';
import { decodeExit, oldestProtocolVersion, protocolVersion } from './protocol.ts';
import type { ExitStatus, ShimMessage, ShimStatus } from './protocol.ts';
import { ProtocolError } from './protocol-frame.ts';
import type { ShimFailure } from './protocol-frame.ts';
import { ShimLink } from './shim-link.ts';

/** The program could not be started. Nothing of the attempt is left. */
export class ShimError extends Error implements ShimFailure {
  override readonly name = 'ShimError';
  readonly stage: ShimFailure['stage'];
  readonly errno: string;
  readonly path: string;

  /** Somebody has killed who was to start it, and not the program itself or its files are to blame. */
  readonly isKilled: boolean;

  constructor(
    failure: ShimFailure,
    { isShimKilled = false }: { readonly isShimKilled?: boolean } = {},
  ) {
    const { stage, errno, path } = failure;
    const isKilled = stage === 'start' && errno === 'ECHILD';
    const who = isShimKilled ? 'the shim' : 'the first process';
    super(
      isKilled
        ? `${who} was killed while it made the sandbox`
        : `sandbox failed at ${stage}${path === '' ? '' : ` "${path}"`}: ${errno}`,
    );
    this.isKilled = isKilled;
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

/** How long the answer to a request may take, in milliseconds: on a busy machine it takes tens. */
const answerLimitMs = 10_000;

export interface RequestPurpose {
  /** The system call that an error names. */
  readonly call: string;
  readonly purpose: string;
  /** Travel with the message; the caller's copies stay open. */
  readonly fds?: readonly Fd[];
  /** What is done twice when the shim had heard it, and its answer was lost with the stream, and does no harm. */
  readonly isRepeatable?: boolean;
}

interface Waiting<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (reason: Error) => void;
}

interface Request extends Waiting<number> {
  readonly what: RequestPurpose;
  readonly bytes: Uint8Array;
  /** How often it was sent. */
  sent: number;
}

export interface ShimAddress {
  readonly controlPath: string;
  readonly exitPath: string;
}

export class Conversation {
  readonly ended: Promise<ExitStatus>;
  readonly gone: Promise<void>;
  /** null: the shim ended without a word. */
  readonly firstStatus: Promise<ShimStatus | null>;
  readonly #exitPath: string;
  readonly #link: ShimLink;
  readonly #states = new Map<State, Waiting<ShimStatus>[]>();
  readonly #requests = new Map<number, Request>();
  /** The stream over which the shim has greeted last, as the link counts them. */
  #greetedOver = 0;
  #pidfd: Fd | null = null;
  #processWatch: Watch | null = null;
  #last: ShimStatus | null = null;
  #exit: ExitStatus | null = null;
  #count = 0;
  #onExec: ((status: ExecStatus) => void) | null = null;
  readonly #earlyExecs: ExecStatus[] = [];
  #settleEnded: (status: ExitStatus) => void = () => undefined;
  #settleGone: () => void = () => undefined;
  #settleFirst: (status: ShimStatus | null) => void = () => undefined;

  /** Takes the socket; null: it is yet to be connected. */
  constructor(socket: Fd | null, { controlPath, exitPath }: ShimAddress) {
    this.#exitPath = exitPath;
    this.ended = new Promise((resolve) => (this.#settleEnded = resolve));
    this.gone = new Promise((resolve) => (this.#settleGone = resolve));
    this.firstStatus = new Promise((resolve) => (this.#settleFirst = resolve));
    this.#link = new ShimLink(socket, controlPath, {
      message: (message) => {
        this.#handle(message);
      },
      over: () => {
        this.#finish();
      },
    });
  }

  /** Takes the descriptor of the shim's process; a shim that is our child is reaped when it ends. */
  watchProcess(pidfd: Fd): void {
    this.#pidfd = pidfd;
    this.#processWatch = onExit(pidfd, () => {
      this.#closeProcess();
      // What it said last may still be unread.
      this.#link.read();
      this.#finish();
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

  /**
   * Throws EOPNOTSUPP for a shim of an older engine: one that is sent what it does not know hangs up; and `unavailable`
   * for one that has not said yet what it is.
   */
  requireVersion(oldest: number, what: { readonly call: string; readonly purpose: string }): void {
    this.#requireGreeting(what);
    if ((this.version ?? 0) >= oldest) return;
    const purpose = `${what.purpose} of a container that an older engine has started`;
    throw new SyscallError({ call: what.call, errno: 'EOPNOTSUPP', purpose });
  }

  #requireGreeting({ purpose }: { readonly purpose: string }): void {
    if (this.#last === null && this.#exit === null) throw unanswered(purpose);
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

  /**
   * Sends a message with a number, and the descriptors it needs; throws the errno of its answer. `unavailable`: the shim
   * does not read, has not answered within ten seconds, or has broken the stream off before, and nobody knows whether it
   * has heard.
   */
  async request(what: RequestPurpose, encode: (request: number) => Uint8Array): Promise<void> {
    this.#requireGreeting(what);
    const number = ++this.#count;
    const timer = setTimeout(() => {
      this.#giveUp(number);
    }, answerLimitMs);
    const answer = new Promise<number>((resolve, reject) => {
      if (this.#exit !== null) {
        resolve(esrch);
        return;
      }
      const request = { what, bytes: encode(number), sent: 0, resolve, reject };
      this.#requests.set(number, request);
      this.#post(number, request);
    });
    const errno = await answer.finally(() => {
      clearTimeout(timer);
    });
    if (errno === 0) return;
    throw new SyscallError({ call: what.call, errno: errnoName(errno), purpose: what.purpose });
  }

  /** Somebody keeps the shim stopped, who may let it hear the message later. */
  #giveUp(number: number): void {
    const request = this.#requests.get(number);
    this.#requests.delete(number);
    request?.reject(unanswered(request.what.purpose));
  }

  /** Between two streams it waits for the next greeting. */
  #post(number: number, request: Request): void {
    if (this.#greetedOver !== this.#link.count) return;
    try {
      this.send(request.bytes, request.what.fds);
      request.sent++;
    } catch (error) {
      // The shim has hung up or gone between two of our turns, which the end of the stream will tell.
      if (isSyscallError(error, 'EPIPE', 'ECONNRESET')) return;
      this.#requests.delete(number);
      request.reject(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** Over a new stream: what has no answer yet has none to come. */
  #postAgain(): void {
    for (const [number, request] of this.#requests) {
      if (request.sent === 0 || request.what.isRepeatable === true) this.#post(number, request);
      else {
        this.#requests.delete(number);
        request.reject(unanswered(request.what.purpose));
      }
    }
  }

  /** Small messages that the shim reads at once: a full buffer means that it does not. */
  send(bytes: Uint8Array, fds: readonly Fd[] = []): void {
    if (this.#link.send(bytes, fds) === bytes.length) return;
    throw unanswered('send a message');
  }

  /** To a shim that may have ended: why is what `reaches` rejects with. */
  sendIfThere(bytes: Uint8Array): void {
    try {
      this.send(bytes);
    } catch (error) {
      if (!isSyscallError(error, 'EPIPE', 'ECONNRESET')) throw error;
    }
  }

  /** The shim hears of it as of an engine that is gone; its own end is still seen. */
  hangUp(): void {
    this.#link.close();
  }

  /** With it go the sandbox and what runs in it. */
  killProcess(): void {
    if (this.#pidfd !== null) sendSignal(this.#pidfd, sigKill);
  }

  close(): void {
    this.#link.close();
    // A shim that is about to end is still to be reaped.
    if (this.#exit === null) this.#closeProcess();
  }

  #handle(message: ShimMessage): void {
    switch (message.type) {
      case 'status':
        this.#noteStatus(message.status);
        return;
      case 'reply':
        this.#noteReply(message.request, message.errno);
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
    if (this.#greetedOver !== this.#link.count) {
      this.#greetedOver = this.#link.count;
      this.#postAgain();
    }
    for (const { resolve } of this.#states.get(status.state) ?? []) resolve(status);
    this.#states.delete(status.state);
  }

  #noteReply(number: number, errno: number): void {
    const request = this.#requests.get(number);
    this.#requests.delete(number);
    // What it had heard the first time.
    const isDone = errno === eexist && (request?.sent ?? 0) > 1;
    request?.resolve(isDone ? 0 : errno);
  }

  /** The conversation is over: by the shim's last message, or without one. */
  #finish(): void {
    this.#link.close();
    const exit = this.#exit ?? tryReadExitFile(this.#exitPath) ?? lostStatus();
    this.#exit = exit;
    for (const waiting of this.#states.values()) {
      for (const { reject } of waiting) reject(errorOf(exit));
    }
    this.#states.clear();
    for (const { resolve } of this.#requests.values()) resolve(esrch);
    this.#requests.clear();
    this.#settleFirst(null);
    this.#settleEnded(exit);
  }

  #closeProcess(): void {
    if (this.#pidfd === null) return;
    this.#processWatch?.close();
    closeFd(this.#pidfd);
    this.#pidfd = null;
  }
}

/** null: there is none, or none that can be read, which is as if the shim had been killed. */
function tryReadExitFile(path: string): ExitStatus | null {
  try {
    return readExitFile(path);
  } catch {
    return null;
  }
}

const sigKill = 9;
const esrch = 3;
const eexist = 17;

function unanswered(purpose: string): EngineError {
  return new EngineError('unavailable', `${purpose}: the shim of the container does not answer`, {
    hint: 'if somebody has stopped it (ps shows tscompose-shim ID), let it go on with kill -CONT, and try again',
  });
}

/** Nothing can be asked of the shim, whatever it was. */
export function isShimFailure(error: unknown): boolean {
  return isSyscallError(error) || (error instanceof EngineError && error.kind === 'unavailable');
}

function errorOf(exit: ExitStatus): ShimError {
  return new ShimError(exit.failure ?? { stage: 'start', errno: 'ECHILD', path: '' }, {
    isShimKilled: exit.isLost,
  });
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
