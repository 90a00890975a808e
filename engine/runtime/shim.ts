/**
 * One shim from the engine's side: start it, shake hands, reconnect after an engine restart. The shim outlives the
 * engine, so closing a `Shim` only ends the conversation.
 */
import { readFileSync, rmSync } from 'node:fs';
import {
  closeFd,
  connectUnix,
  createMemfd,
  errnoName,
  isSyscallError,
  listenUnix,
  onExit,
  openPidfd,
  receive,
  sendWithFds,
  shimPath,
  socketPair,
  spawnProcess,
  SyscallError,
  watchReadable,
} from '../../native/index.ts';
import type { Fd, Watch } from '../../native/index.ts';
import { encodeSpec } from './encode.ts';
import {
  decodeExit,
  encodeSignal,
  encodeStart,
  FrameDecoder,
  ProtocolError,
  protocolVersion,
} from './protocol.ts';
import type { ExitStatus, ShimFailure, ShimMessage, ShimStatus } from './protocol.ts';
import type { SandboxSpec } from './sandbox-spec.ts';

export type { ExitStatus, ShimFailure, ShimStage } from './protocol.ts';

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

export interface StartRequest {
  readonly spec: SandboxSpec;
  /** Stay open in the shim until it ends; the caller keeps and closes its own copies. */
  readonly held: readonly Fd[];
  /** Build the sandbox, but run the program only when `Shim.start()` is called. */
  readonly waitsForStart?: boolean;
}

export interface ShimAddress {
  readonly controlPath: string;
  readonly exitPath: string;
}

/** Resolves when the program has been exec'ed (or, with `waitsForStart`, when its sandbox is ready). */
export async function startShim(request: StartRequest): Promise<Shim> {
  const { paths } = request.spec;
  // A socket that a killed shim left behind.
  rmSync(paths.control, { force: true });
  const conversation = spawnShim(request);
  try {
    const status = await conversation.reaches(
      request.waitsForStart === true ? 'created' : 'running',
    );
    return new Shim(status, conversation);
  } catch (error) {
    await conversation.gone;
    rmSync(paths.control, { force: true });
    rmSync(paths.exit, { force: true });
    throw error;
  }
}

function spawnShim({ spec, held, waitsForStart }: StartRequest): Conversation {
  const [ours, theirs] = socketPair();
  const given: Fd[] = [theirs];
  const give = (fd: Fd): Fd => {
    given.push(fd);
    return fd;
  };
  try {
    const startsAtOnce = waitsForStart !== true;
    const specification = give(createMemfd('tscompose-spec', encodeSpec(spec, { startsAtOnce })));
    // Bound before the shim exists: an engine that is killed now and started again finds a socket that will be
    // answered, or one that refuses, and never a shim that is about to listen.
    const control = give(listenUnix(spec.paths.control));
    // The program's own file is descriptor 4: whatever happens to the others before exec, that path names it.
    const { pidfd } = spawnProcess({
      file: '/proc/self/fd/4',
      args: ['tscompose-shim', spec.id],
      env: [],
      fds: [specification, null, null, theirs, sealedExecutable(), control, ...held],
    });
    const conversation = new Conversation(ours, spec.paths.exit);
    conversation.watchProcess(pidfd);
    return conversation;
  } catch (error) {
    closeFd(ours);
    rmSync(spec.paths.control, { force: true });
    throw error;
  } finally {
    for (const fd of given) closeFd(fd);
  }
}

/** null: no shim answers there any more; the exit file tells how it ended. */
export async function connectShim({ controlPath, exitPath }: ShimAddress): Promise<Shim | null> {
  let socket: Fd;
  try {
    socket = connectUnix(controlPath);
  } catch (error) {
    if (isSyscallError(error, 'ENOENT', 'ECONNREFUSED')) return null;
    throw error;
  }
  const conversation = new Conversation(socket, exitPath);
  const status = await conversation.firstStatus;
  if (status === null) return null;
  try {
    conversation.watchProcess(openPidfd(status.pid));
  } catch (error) {
    if (!isSyscallError(error, 'ESRCH')) throw error;
    conversation.noteProcessGone();
  }
  return new Shim(status, conversation);
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

export class Shim {
  readonly pid: number;
  readonly startTime: bigint;
  readonly containerPid: number;
  readonly containerStartTime: bigint;
  /** Resolves, never rejects: when the program has ended, its output is in the log and its exit file is written. */
  readonly exited: Promise<ExitStatus>;
  /** The shim process is gone, and with it the container's mounts. */
  readonly gone: Promise<void>;
  readonly #conversation: Conversation;

  constructor(status: ShimStatus, conversation: Conversation) {
    this.pid = status.pid;
    this.startTime = status.startTime;
    this.containerPid = status.containerPid;
    this.containerStartTime = status.containerStartTime;
    this.exited = conversation.ended;
    this.gone = conversation.gone;
    this.#conversation = conversation;
  }

  /** Only after `waitsForStart`: resolves when the program has been exec'ed. */
  async start(): Promise<void> {
    this.#conversation.send(encodeStart());
    await this.#conversation.reaches('running');
  }

  /** A container that has ended is ESRCH. */
  async signal(signal: number, { all = false }: { readonly all?: boolean } = {}): Promise<void> {
    await this.#conversation.signal(signal, all);
  }

  /** Ends the conversation; shim and container go on, and `exited` stays unsettled. */
  close(): void {
    this.#conversation.close();
  }
}

type State = ShimStatus['state'];

interface Waiting<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (reason: Error) => void;
}

/** One control connection: cuts it into messages and settles who waits for them. */
class Conversation {
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

  async signal(signal: number, all: boolean): Promise<void> {
    const request = ++this.#requests;
    const purpose = `send signal ${signal} to the container`;
    const errno = await new Promise<number>((resolve, reject) => {
      this.#replies.set(request, { resolve, reject });
      try {
        this.send(encodeSignal({ request, signal, all }));
      } catch (error) {
        this.#replies.delete(request);
        // The shim has gone between two of our turns.
        if (isSyscallError(error, 'EPIPE', 'ECONNRESET')) resolve(esrch);
        else throw error;
      }
    });
    if (errno !== 0) throw new SyscallError({ call: 'kill', errno: errnoName(errno), purpose });
  }

  /** Small messages that the shim reads at once: a full buffer means that it does not. */
  send(bytes: Uint8Array): void {
    const sent = this.#socket === null ? 0 : sendWithFds(this.#socket, bytes);
    if (sent !== bytes.length) {
      const purpose = 'send a message to the shim';
      const errno = this.#socket === null ? 'EPIPE' : 'EAGAIN';
      throw new SyscallError({ call: 'send', errno, purpose });
    }
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
      case 'ended':
        this.#exit = message.status;
        this.#finish();
    }
  }

  #noteStatus(status: ShimStatus): void {
    if (status.version !== protocolVersion) {
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

let executable: Fd | null = null;

/**
 * The shim as a sealed memory file, one for all containers. Were it executed from its place on disk, a container could
 * write to that through /proc/PID/exe, at moments when nothing else executes it (CVE-2019-5736).
 */
function sealedExecutable(): Fd {
  executable ??= createMemfd('tscompose-shim', readFileSync(shimPath()), { isExecutable: true });
  return executable;
}
