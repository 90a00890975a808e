/** Starts the embedded engine in the background and waits until it serves. */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, fstatSync, mkdirSync, openSync, readFileSync, watch } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { CliError } from './cli-error.ts';
import { daemonArguments } from './daemon-request.ts';

export interface StartRequest {
  readonly runRoot: string;
  readonly stateRoot: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
}

/** sysexits.h EX_TEMPFAIL: another engine holds the lock of these roots. */
const lockHeldExitCode = 75;

/** Beside this file in the bundle. */
const programFile = 'tscompose.cjs';

const readyTimeoutMs = 30_000;

export async function startEngine(request: StartRequest): Promise<void> {
  const { runRoot, signal } = request;
  if (process.geteuid?.() !== 0) {
    throw new CliError('the embedded engine needs root to make namespaces and networks', {
      hint: 'run with sudo, or name another engine with --host or DOCKER_HOST',
    });
  }
  const log = openLog(runRoot);
  const timeout = new AbortController();
  const deadline = AbortSignal.any([signal, timeout.signal]);
  const timer = setTimeout(() => {
    timeout.abort(
      new CliError(`the engine did not serve within ${readyTimeoutMs / 1000} seconds`, {
        hint: `see its log, ${log.path}`,
      }),
    );
    // Nobody would wait for it any more, and the next command starts another. It is made to survive this.
    child.kill('SIGKILL');
  }, readyTimeoutMs);
  const child = spawnDaemon(request, log.fd);
  closeSync(log.fd);
  try {
    const code = await readyOrExit(child, deadline);
    if (code === 'ready') return;
    // Two commands at once both start one; the loser's command is served by the winner's engine.
    if (code === lockHeldExitCode) {
      await waitForSocket(runRoot, deadline);
      return;
    }
    throw startFailure(code, log);
  } finally {
    clearTimeout(timer);
    child.unref();
  }
}

interface EngineLog {
  readonly fd: number;
  readonly path: string;
  /** Where this engine's own lines begin. */
  readonly offset: number;
}

function openLog(runRoot: string): EngineLog {
  const path = join(runRoot, 'engine.log');
  try {
    mkdirSync(runRoot, { recursive: true, mode: 0o700 });
    const fd = openSync(path, 'a', 0o600);
    return { fd, path, offset: fstatSync(fd).size };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new CliError(`cannot write the engine's log "${path}": ${code ?? String(error)}`, {
      hint: 'set TSCOMPOSE_RUN_ROOT to a directory that you may write to',
      cause: error,
    });
  }
}

/** What the engine may inherit: it outlives this shell, so nothing that belongs to a session or a project. */
const inheritedVariables =
  /^(PATH|HOME|LANG|LC_ALL|TZ|TMPDIR|TSCOMPOSE_\w+|(HTTPS?|NO|ALL)_PROXY|(https?|no|all)_proxy|SSL_CERT_(FILE|DIR))$/u;

function spawnDaemon({ runRoot, stateRoot, env }: StartRequest, logFd: number): ChildProcess {
  const args = daemonArguments({ stateRoot, runRoot, readyFd: 3 });
  return spawn(process.execPath, [join(__dirname, programFile), ...args], {
    // A session of its own: Ctrl-C in this terminal is not for the engine.
    detached: true,
    // It must not keep a file system busy that somebody wants to unmount.
    cwd: '/',
    env: Object.fromEntries(Object.entries(env).filter(([name]) => inheritedVariables.test(name))),
    stdio: ['ignore', logFd, logFd, 'pipe'],
  });
}

/** The first byte on descriptor 3 says that it serves; the end without one, that it will not. */
function readyOrExit(child: ChildProcess, signal: AbortSignal): Promise<'ready' | number> {
  const ready = child.stdio[3] as Readable;
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      signal.removeEventListener('abort', onAbort);
      ready.destroy();
    };
    const onAbort = (): void => {
      settle();
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    ready.once('data', () => {
      settle();
      resolve('ready');
    });
    child.once('error', (cause) => {
      settle();
      reject(new CliError(`cannot start the engine with ${process.execPath}`, { cause }));
    });
    child.once('exit', (code) => {
      settle();
      resolve(code ?? 1);
    });
  });
}

/** The daemon's own words: the last error it logged. */
function startFailure(code: number, { path, offset }: EngineLog): CliError {
  const lines = readFileSync(path).subarray(offset).toString('utf8').trimEnd().split('\n');
  const record = lines.map(parseRecord).findLast((found) => found?.level === 'error');
  if (record?.message !== undefined) {
    return new CliError(`the engine cannot start: ${record.message}`, {
      hint: record.hint ?? `its log is ${path}`,
    });
  }
  const last = lines.at(-1) ?? '';
  return new CliError(`the engine ended with exit code ${code} before it served`, {
    hint: `its log is ${path}`,
    ...(last !== '' && { cause: new Error(last) }),
  });
}

interface LogRecord {
  readonly level?: string;
  readonly message?: string;
  readonly hint?: string;
}

function parseRecord(line: string): LogRecord | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line) as LogRecord;
  } catch {
    // Node's own last words are no JSON.
    return undefined;
  }
}

/** Resolves when somebody accepts connections on the engine's socket. */
async function waitForSocket(runRoot: string, signal: AbortSignal): Promise<void> {
  const path = join(runRoot, 'engine.sock');
  // Watching begins before the first try: a socket that appears in between is seen.
  using watcher = watchDirectory(runRoot);
  for (;;) {
    const changed = watcher.next(signal);
    changed.catch(() => undefined);
    if (await accepts(path)) return;
    await changed;
  }
}

interface DirectoryWatcher extends Disposable {
  /** Resolves at the next change. */
  next(signal: AbortSignal): Promise<void>;
}

function watchDirectory(path: string): DirectoryWatcher {
  const watcher = watch(path);
  return {
    next: (signal) =>
      new Promise((resolve, reject) => {
        signal.throwIfAborted();
        const onAbort = (): void => {
          watcher.off('change', onChange);
          reject(signal.reason as Error);
        };
        const onChange = (): void => {
          signal.removeEventListener('abort', onAbort);
          resolve();
        };
        watcher.once('change', onChange);
        signal.addEventListener('abort', onAbort, { once: true });
      }),
    [Symbol.dispose]: () => {
      watcher.close();
    },
  };
}

function accepts(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => {
      resolve(false);
    });
  });
}
