/**
 * One shim from the engine's side: start it, shake hands, reconnect after an engine restart. The shim outlives the
 * engine, so closing a `Shim` only ends the conversation.
 */
import { rmSync } from 'node:fs';
import {
  closeFd,
  connectUnix,
  createMemfd,
  isSyscallError,
  listenUnix,
  openPidfd,
  socketPair,
} from '../../native/index.ts';
import type { Fd } from '../../native/index.ts';
import { EarlyShim } from './early-shim.ts';
import { encodeSpec } from './encode.ts';
import { encodeInput, encodeInputEnd, encodeResize } from './exec-protocol.ts';
import { readProcess } from './process-facts.ts';
import { encodeSignal, encodeStart } from './protocol.ts';
import type { ExitStatus, ShimStatus } from './protocol.ts';
import type { ForeignCommands, SandboxSpec, TerminalSize } from './sandbox-spec.ts';
import { Conversation } from './shim-conversation.ts';
import type { ShimAddress } from './shim-conversation.ts';
import { firstVersionWithExecs, ShimExecs } from './shim-exec.ts';

export type { ExitStatus } from './protocol.ts';
export type { ShimFailure, ShimStage } from './protocol-frame.ts';
export { isShimFailure, readExitFile, ShimError } from './shim-conversation.ts';
export type { ShimAddress } from './shim-conversation.ts';

export interface StartRequest {
  readonly spec: SandboxSpec;
  /** Stay open in the shim until it ends; the caller keeps and closes its own copies. */
  readonly held: readonly Fd[];
  /** Build the sandbox, but run the program only when `Shim.start()` is called. */
  readonly waitsForStart?: boolean;
  /** Another runtime makes the sandbox. */
  readonly foreign?: ForeignCommands | null;
  /** Of the same container; the caller's to abandon as long as this is not settled. */
  readonly early?: EarlyShim;
}

/** Resolves when the program has been exec'ed (or, with `waitsForStart`, when its sandbox is ready). */
export async function startShim(request: StartRequest): Promise<Shim> {
  const { paths } = request.spec;
  // A socket that a killed shim left behind.
  rmSync(paths.control, { force: true });
  const conversation = await spawnShim(request);
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

/** How long a shim may take to end that is not wanted any more, in milliseconds. */
const abandonLimitMs = 5_000;

/** A shim that makes its sandbox and runs the program only when told. It ends with the engine that has not told it. */
export class WaitingShim {
  readonly #conversation: Conversation;
  readonly #paths: SandboxSpec['paths'];
  #isRunning = false;

  private constructor(conversation: Conversation, paths: SandboxSpec['paths']) {
    this.#conversation = conversation;
    this.#paths = paths;
  }

  /** Resolves when there is a shim, which then does its part by itself. */
  static async begin(request: Omit<StartRequest, 'waitsForStart'>): Promise<WaitingShim> {
    const { paths } = request.spec;
    rmSync(paths.control, { force: true });
    return new WaitingShim(await spawnShim({ ...request, waitsForStart: true }), paths);
  }

  /** Resolves when the program has been exec'ed; rejects with ShimError when nothing of the attempt is left. */
  async start(): Promise<Shim> {
    try {
      this.#conversation.sendIfThere(encodeStart());
      const status = await this.#conversation.reaches('running');
      this.#isRunning = true;
      return new Shim(status, this.#conversation);
    } catch (error) {
      await this.abandon();
      throw error;
    }
  }

  /** Resolves when nothing of it is left. A program that runs is not ended. */
  async abandon(): Promise<void> {
    if (this.#isRunning) return;
    this.#conversation.hangUp();
    // One that somebody has stopped does not hear it.
    const timer = setTimeout(() => {
      this.#conversation.killProcess();
    }, abandonLimitMs);
    await this.#conversation.gone;
    clearTimeout(timer);
    rmSync(this.#paths.control, { force: true });
    rmSync(this.#paths.exit, { force: true });
  }
}

export async function spawnShim(request: StartRequest): Promise<Conversation> {
  const { spec, held, waitsForStart, foreign = null } = request;
  const startsAtOnce = waitsForStart !== true;
  const specification = createMemfd('tscompose-spec', encodeSpec(spec, { startsAtOnce, foreign }));
  const given: Fd[] = [specification];
  let { early } = request;
  try {
    early ??= EarlyShim.spawn(spec.id);
    // Bound before the shim knows of it: an engine that is killed now and started again finds a socket that will be
    // answered, or one that refuses, and never a shim that is about to listen.
    const control = listenUnix(spec.paths.control);
    given.push(control);
    const { socket, pidfd } = await early.handOver([control, ...held, specification]);
    const conversation = new Conversation(socket, {
      controlPath: spec.paths.control,
      exitPath: spec.paths.exit,
    });
    conversation.watchProcess(pidfd);
    return conversation;
  } catch (error) {
    await early?.abandon();
    rmSync(spec.paths.control, { force: true });
    throw error;
  } finally {
    for (const fd of given) closeFd(fd);
  }
}

/** How long a shim that is there may take to say so, in milliseconds: one that lives needs less than one. */
const greetingLimitMs = 1_000;

/**
 * null: no shim listens there any more; the exit file tells how it ended. One that does not greet in time, because
 * somebody has stopped it, is there as well: `isResponsive` is false until it does.
 */
export async function connectShim(
  address: ShimAddress,
  { limitMs = greetingLimitMs }: { readonly limitMs?: number } = {},
): Promise<Shim | null> {
  let socket: Fd | null = null;
  try {
    socket = connectUnix(address.controlPath);
  } catch (error) {
    if (isSyscallError(error, 'ENOENT', 'ECONNREFUSED')) return null;
    if (!isSyscallError(error, 'EAGAIN')) throw error;
  }
  const conversation = new Conversation(socket, address);
  void conversation.firstStatus.then((status) => {
    watchProcessOf(conversation, status);
  });
  const status = await within(limitMs, conversation.firstStatus);
  return status === null ? null : new Shim(status ?? null, conversation);
}

function watchProcessOf(conversation: Conversation, status: ShimStatus | null): void {
  const pidfd = status === null ? null : openProcess(status);
  if (pidfd === null) conversation.noteProcessGone();
  else conversation.watchProcess(pidfd);
}

/** null: it has ended, and its number may be another's by now; or there is no descriptor to spare. */
function openProcess({ pid, startTime }: ShimStatus): Fd | null {
  let pidfd: Fd | null = null;
  try {
    pidfd = openPidfd(pid);
    if (readProcess(pid)?.startTime === String(startTime)) return pidfd;
  } catch {
    // ESRCH, or no descriptor to spare for one of the two.
  }
  if (pidfd !== null) closeFd(pidfd);
  return null;
}

/** undefined: the time was over first. */
async function within<T>(ms: number, promise: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => {
      resolve(undefined);
    }, ms);
  });
  try {
    return await Promise.race([promise, over]);
  } finally {
    clearTimeout(timer);
  }
}

export class Shim {
  /** Resolves, never rejects: when the program has ended, its output is in the log and its exit file is written. */
  readonly exited: Promise<ExitStatus>;
  /** The shim process is gone, and with it the container's mounts. */
  readonly gone: Promise<void>;
  /** Further programs in the container. */
  readonly execs: ShimExecs;
  /** Resolves when it is responsive; false: it never was, and has ended. */
  readonly answers: Promise<boolean>;
  readonly #conversation: Conversation;
  #status: ShimStatus | null;

  /** null: it has not said yet how it is. */
  constructor(status: ShimStatus | null, conversation: Conversation) {
    this.#status = status;
    this.exited = conversation.ended;
    this.gone = conversation.gone;
    this.execs = new ShimExecs(conversation);
    this.#conversation = conversation;
    this.answers = conversation.firstStatus.then((first) => {
      this.#status ??= first;
      return this.#status !== null;
    });
  }

  /** False: what is asked of it fails with `unavailable`, and its process and the container's are not known. */
  get isResponsive(): boolean {
    return this.#status !== null;
  }

  /** 0 while it is not responsive; so with the next. */
  get pid(): number {
    return this.#status?.pid ?? 0;
  }

  get containerPid(): number {
    return this.#status?.containerPid ?? 0;
  }

  get containerStartTime(): bigint {
    return this.#status?.containerStartTime ?? 0n;
  }

  /** When this conversation began. */
  get state(): ShimStatus['state'] {
    return this.#status?.state ?? 'starting';
  }

  /** Only after `waitsForStart`: resolves when the program has been exec'ed. */
  async start(): Promise<void> {
    this.#conversation.send(encodeStart());
    await this.#conversation.reaches('running');
  }

  /** A container that has ended is ESRCH. */
  async signal(signal: number, { all = false }: { readonly all?: boolean } = {}): Promise<void> {
    const purpose = `send signal ${signal} to the container`;
    // Others may mean something else the second time.
    const isRepeatable = signal === sigKill;
    await this.#conversation.request({ call: 'kill', purpose, isRepeatable }, (request) =>
      encodeSignal({ request, signal, all }),
    );
  }

  /** Of the container's own terminal; ENOTTY without one. */
  async resize(size: TerminalSize): Promise<void> {
    const what = { call: 'ioctl', purpose: 'resize the terminal', isRepeatable: true };
    this.#conversation.requireVersion(firstVersionWithExecs, what);
    await this.#conversation.request(what, (request) => encodeResize({ request, id: null, size }));
  }

  /**
   * A socket whose bytes become the container's input, after and beside those of others; the caller owns it. EPIPE: the
   * container has no input, or it was closed.
   */
  async openInput(): Promise<Fd> {
    const what = { call: 'write', purpose: 'open the input' };
    this.#conversation.requireVersion(firstVersionWithExecs, what);
    const [ours, theirs] = socketPair();
    try {
      await this.#conversation.request({ ...what, fds: [theirs] }, encodeInput);
      return ours;
    } catch (error) {
      closeFd(ours);
      throw error;
    } finally {
      closeFd(theirs);
    }
  }

  /** Closes the input when every socket of `openInput` was read to its end. A terminal's input stays open (EINVAL). */
  async endInput(): Promise<void> {
    const what = { call: 'close', purpose: 'close the input', isRepeatable: true };
    this.#conversation.requireVersion(firstVersionWithExecs, what);
    await this.#conversation.request(what, encodeInputEnd);
  }

  /** Ends the conversation; shim and container go on, and `exited` stays unsettled. */
  close(): void {
    this.#conversation.close();
  }
}

const sigKill = 9;
