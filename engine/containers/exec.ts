/** One further program in a container, from its start to its end. Its shim runs it and survives this engine. */
import { Socket } from 'node:net';
import { once } from 'node:events';
import { EngineError } from '../api/index.ts';
import { createId } from '../lib/index.ts';
import { ShimError } from '../runtime/index.ts';
import type { AdoptedExec, ExecDescriptors, ExecOutcome, TerminalSize } from '../runtime/index.ts';
import { isSyscallError } from '../../native/index.ts';
import type { Fd } from '../../native/index.ts';
import type { Container } from './container.ts';
import type { RunningProcess } from './context.ts';
import {
  exitCodeOf,
  explainFailure,
  removeExecBundle,
  RuntimeFailure,
  writeExecBundle,
} from './foreign.ts';
import { execProcessOf } from './exec-process.ts';
import type { ExecCommand, ExecProcessContext } from './exec-process.ts';
import { requireResponsive } from './responsive.ts';

export type { ExecCommand } from './exec-process.ts';

type Stream = 'stdout' | 'stderr';

export interface ExecStart {
  /** New, unless one was promised to somebody. */
  readonly id?: string;
  readonly command: ExecCommand;
  readonly terminal: TerminalSize | null;
  readonly attached: {
    readonly stdin: boolean;
    readonly stdout: boolean;
    readonly stderr: boolean;
  };
}

export interface ExecEnd {
  /** 126 and 127 when there was nothing to run, 128 + n by signal n. */
  readonly exitCode: number;
  /** In Docker's words, when it could not be run. */
  readonly error?: string;
}

/** An exec that runs. Its streams are the engine's ends; ending them is the caller's part. */
export interface RunningExec {
  readonly pid: number;
  /** Null where it was not attached. With a terminal, the same socket for both directions. */
  readonly input: Socket | null;
  readonly output: readonly (readonly [Stream, Socket])[];
  /** Nobody forgets it by itself: until `forget`, an engine that comes after this one still learns of its end. */
  readonly ended: Promise<ExecEnd>;
  readonly forget: () => Promise<void>;
  readonly kill: (signal: number) => Promise<void>;
  readonly resize: (size: TerminalSize) => Promise<void>;
}

/** Rejects with EngineError when there is no container to run it in, and with ExecFailure when it cannot be run. */
export async function runExec(
  ctx: ExecProcessContext,
  container: Container,
  { id = createId(), command, terminal, attached }: ExecStart,
): Promise<RunningExec> {
  const running = requireProcess(container);
  const process = await execProcessOf(ctx, running, { command, terminal });
  const { execs } = running.process;
  const foreign = await writeExecBundle(ctx, container.record, { id, process });
  const started = await execs
    .start({ id, process, attached, foreign })
    .catch(async (error: unknown) => {
      await removeExecBundle(foreign);
      if (isSyscallError(error, 'EOPNOTSUPP')) throw tooOld(container, error);
      if (isSyscallError(error, 'EUSERS')) throw tooMany(container, error);
      throw isSyscallError(error, 'ESRCH') ? notRunning(container) : error;
    });
  const { input, output } = openSockets(started.descriptors);
  try {
    const pid = await started.started;
    return { ...{ pid, input, output }, ...controlsOf(running.process, id, started.ended) };
  } catch (error) {
    input?.destroy();
    for (const [, socket] of output) socket.destroy();
    await started.ended;
    await execs.forget(id);
    const explained = explainFailure(error, foreign?.directory ?? null);
    const isFailure = explained instanceof ShimError || explained instanceof RuntimeFailure;
    throw isFailure ? new ExecFailure(explained) : error;
  } finally {
    await removeExecBundle(foreign);
  }
}

/** One that an engine before this one has started: its streams went with that engine. */
export async function adoptExec(
  process: RunningProcess,
  id: string,
  adopted: AdoptedExec,
): Promise<RunningExec> {
  // A start that failed has an end as well, which says more.
  const pid = await adopted.started.catch(() => 0);
  return { pid, input: null, output: [], ...controlsOf(process, id, adopted.ended) };
}

function controlsOf(
  { execs }: RunningProcess,
  id: string,
  ended: Promise<ExecOutcome>,
): Pick<RunningExec, 'ended' | 'forget' | 'kill' | 'resize'> {
  return {
    ended: ended.then(endOf),
    forget: () => execs.forget(id),
    kill: (signal) => execs.signal(id, signal),
    resize: (size) => execs.resize(id, size),
  };
}

/** Docker's client takes exit codes from these words. */
export class ExecFailure extends Error {
  override readonly name = 'ExecFailure';
  readonly exitCode: number;

  constructor(cause: ShimError | RuntimeFailure) {
    const { exitCode, message } =
      cause instanceof RuntimeFailure ? describeWords(cause.message) : describeFailure(cause);
    super(message, { cause });
    this.exitCode = exitCode;
  }
}

function endOf(outcome: ExecOutcome): ExecEnd {
  if (outcome.state === 'ended') return { exitCode: outcome.code };
  const { exitCode, message } = describeFailure(outcome.failure);
  return { exitCode, error: message };
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  EACCES: 'permission denied',
  ENOEXEC: 'exec format error',
  ENOTDIR: 'not a directory',
  EISDIR: 'is a directory: permission denied',
  ESRCH: 'container is not running',
};

function describeWords(words: string): ReturnType<typeof describeFailure> {
  return { exitCode: exitCodeOf(words), message: `OCI runtime exec failed: ${words}: unknown` };
}

function describeFailure({ stage, errno, path }: Pick<ShimError, 'stage' | 'errno' | 'path'>): {
  readonly exitCode: number;
  readonly message: string;
} {
  const reason = reasons[errno] ?? errno;
  const prefix = 'OCI runtime exec failed: exec failed: unable to start container process: ';
  if (stage === 'exec') {
    const isLookedUp = errno === 'ENOENT' && !path.includes('/');
    const what = isLookedUp ? 'executable file not found in $PATH' : reason;
    const at = isLookedUp ? '' : `stat ${path}: `;
    return {
      exitCode: errno === 'ENOENT' ? 127 : 126,
      message: `${prefix}exec: "${path}": ${at}${what}: unknown`,
    };
  }
  if (stage === 'working-directory') {
    // moby takes any "no such file or directory" for a command that is not found.
    const exitCode = errno === 'ENOENT' ? 127 : 126;
    return {
      exitCode,
      message: `${prefix}chdir to cwd ("${path}") set in config.json failed: ${reason}: unknown`,
    };
  }
  const where = path === '' ? stage : `${stage} "${path}"`;
  return { exitCode: 126, message: `${prefix}${where}: ${reason}: unknown` };
}

export function requireProcess(
  container: Container,
): Container & { readonly process: RunningProcess } {
  const { process } = container;
  if (process === null) throw notRunning(container);
  requireResponsive(container);
  return container as Container & { readonly process: RunningProcess };
}

export function notRunning(container: Container): EngineError {
  return new EngineError('conflict', `container ${container.id} is not running`);
}

/** Its shim is of an earlier day, and stays until the container ends. */
export function tooOld({ id, name }: Container, cause?: unknown): EngineError {
  return new EngineError(
    'conflict',
    `container ${id} was started by an older engine, which could not do this`,
    { hint: `restart it: tscompose restart, or docker restart ${name}`, cause },
  );
}

/** As many as the shim keeps (native/shim/poll-set.h); also one that has ended, while others have its terminal open. */
const mostExecs = 256;

function tooMany({ id, name }: Container, cause: unknown): EngineError {
  const message = `container ${id} runs ${mostExecs} programs beside its own, and no more than that are kept`;
  const hint = `end some of them: docker top ${name} shows them, sessions that were detached from among them`;
  return new EngineError('conflict', message, { hint, cause });
}

function openSockets(descriptors: ExecDescriptors): Pick<RunningExec, 'input' | 'output'> {
  const { terminal, stdin, stdout, stderr } = descriptors;
  if (terminal !== null) {
    const socket = openSocket(terminal, { readable: true, writable: true });
    return { input: socket, output: [['stdout', socket]] };
  }
  const output: (readonly [Stream, Socket])[] = [];
  if (stdout !== null) output.push(['stdout', openSocket(stdout, { readable: true })]);
  if (stderr !== null) output.push(['stderr', openSocket(stderr, { readable: true })]);
  const input = stdin === null ? null : openSocket(stdin, { writable: true });
  return { input, output };
}

/** Takes the descriptor. Its failures are ends: whoever is on the other side has gone. */
export function openSocket(
  fd: Fd,
  {
    readable = false,
    writable = false,
  }: { readonly readable?: boolean; readonly writable?: boolean },
): Socket {
  const socket = new Socket({ fd, readable, writable, allowHalfOpen: true });
  socket.on('error', () => {
    socket.destroy();
  });
  return socket;
}

const defaultOutputBytes = 64 << 10;
const sigKill = 9;

export interface ExecResult extends ExecEnd {
  /** Both streams, as they came. */
  readonly output: Uint8Array;
  /** There was more than was asked for; it was read and dropped. */
  readonly isTruncated: boolean;
  readonly wasAborted: boolean;
}

export interface ExecInContainer extends ExecCommand {
  readonly maxOutputBytes?: number;
  /** Ends the program with SIGKILL; the result is still returned. */
  readonly signal?: AbortSignal;
  readonly onOutput?: (stream: Stream, bytes: Uint8Array) => void;
}

/** Runs it to its end without input, and announces nothing: for health checks and hooks. */
export async function execInContainer(
  ctx: ExecProcessContext,
  container: Container,
  { maxOutputBytes = defaultOutputBytes, signal, onOutput, ...command }: ExecInContainer,
): Promise<ExecResult> {
  const collected = new Collected(maxOutputBytes);
  let exec: RunningExec;
  try {
    const attached = { stdin: false, stdout: true, stderr: true };
    exec = await runExec(ctx, container, { command, terminal: null, attached });
  } catch (error) {
    if (!(error instanceof ExecFailure)) throw error;
    const { exitCode, message } = error;
    return { exitCode, error: message, ...collected.result(), wasAborted: false };
  }
  const abort = (): void => {
    exec.kill(sigKill).catch(() => undefined);
  };
  signal?.addEventListener('abort', abort, { once: true });
  if (signal?.aborted === true) abort();
  for (const [stream, socket] of exec.output) {
    socket.on('data', (bytes: Buffer) => {
      collected.add(bytes);
      onOutput?.(stream, bytes);
    });
  }
  const end = await exec.ended;
  await exec.forget();
  signal?.removeEventListener('abort', abort);
  await closedWithin(
    exec.output.map(([, socket]) => socket),
    lastWordsMs,
  );
  return { ...end, ...collected.result(), wasAborted: signal?.aborted === true };
}

/** What a program leaves in the background may hold its output open for ever (moby waits as long). */
export const lastWordsMs = 2_000;

/** Resolves when all have ended; those that have not after `ms` are closed. */
export async function closedWithin(sockets: readonly Socket[], ms: number): Promise<void> {
  const open = sockets.filter((socket) => !socket.readableEnded && !socket.destroyed);
  const ends = open.map((socket) =>
    Promise.race([once(socket, 'end'), once(socket, 'close')]).catch(() => undefined),
  );
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise((resolve) => (timer = setTimeout(resolve, ms)));
  await Promise.race([Promise.all(ends), timeout]);
  clearTimeout(timer);
  for (const socket of sockets) socket.destroy();
}

class Collected {
  readonly #chunks: Uint8Array[] = [];
  readonly #most: number;
  #length = 0;
  #isTruncated = false;

  constructor(most: number) {
    this.#most = most;
  }

  add(bytes: Uint8Array): void {
    const kept = bytes.subarray(0, this.#most - this.#length);
    if (kept.length < bytes.length) this.#isTruncated = true;
    if (kept.length === 0) return;
    this.#chunks.push(kept);
    this.#length += kept.length;
  }

  result(): Pick<ExecResult, 'output' | 'isTruncated'> {
    return { output: Buffer.concat(this.#chunks), isTruncated: this.#isTruncated };
  }
}
