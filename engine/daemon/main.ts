/** The engine as a process: roots, lock, socket, signals, exit code. Importing it does nothing. */
import { closeSync, writeSync } from 'node:fs';

import { apiVersion, EngineError, minApiVersion } from '../api/index.ts';
import { makePath } from '../lib/index.ts';
import { createConfig, type Config, type DaemonRequest } from './config.ts';
import { createEngine } from './engine.ts';
import { acquireLock, type EngineLock } from './lock.ts';
import { createLog, type Log } from './log.ts';
import { writePidFile } from './pid-file.ts';
import { createRoutes } from './routes/index.ts';
import { createHttpServer, createRouter, listenUnix } from './server/index.ts';
import { shutDown, type Running } from './shutdown.ts';
import { engineVersion } from './version.ts';

export type { DaemonRequest } from './config.ts';

export const exitCodes = {
  done: 0,
  failed: 1,
  /** sysexits.h EX_SOFTWARE: a bug of ours ended it. */
  crashed: 70,
  /** sysexits.h EX_TEMPFAIL: another engine serves from this run root. */
  isServed: 75,
} as const;

/** Another engine starts within less, or stops within less. */
const lockTimeoutMs = 20_000;

/** Long enough for what ends by itself after the last promise. */
const lingerMs = 250;

/** Runs until SIGTERM, SIGINT or SIGHUP; resolves to the exit code. Never rejects, and ends the process soon after. */
export async function runDaemon(request: DaemonRequest): Promise<number> {
  const log = createLog();
  endOnCrash(log);
  const code = await run(request, log);
  // A start that failed half-way may leave handles that nobody owns any more, and whoever started us waits.
  const timer = setTimeout(() => {
    log.warn('something held the process after its end', {
      resources: process.getActiveResourcesInfo(),
    });
    process.exit(code);
  }, lingerMs);
  timer.unref();
  return code;
}

async function run(request: DaemonRequest, log: Log): Promise<number> {
  const stop = stopSignal(log);
  try {
    const config = createConfig(request);
    // Programs in containers inherit it, and Docker's have 022.
    process.umask(0o022);
    await makePath(config.runRoot, 0o700);
    const lock = await acquireLock(config.layout, lockTimeoutMs);
    if (lock === null) {
      log.info('another engine serves from this run root', { runRoot: config.runRoot });
      return exitCodes.isServed;
    }
    return await serve(config, { log, lock, stop });
  } catch (error) {
    logFailure(log, error);
    return exitCodes.failed;
  }
}

interface Process {
  readonly log: Log;
  readonly lock: EngineLock;
  /** Fires when the process is asked to end. */
  readonly stop: AbortSignal;
}

async function serve(config: Config, { log, lock, stop }: Process): Promise<number> {
  const { engineSocket, enginePid } = config.layout;
  const stopping = new AbortController();
  let running: Running = { log, lock, pidPath: enginePid, engine: null, server: null, stopping };
  // Half an engine has nothing to end in order, and must not go on working without its lock. Whatever it leaves, the
  // next start repairs.
  const giveUp = (): void => {
    process.exit(exitCodes.done);
  };
  stop.addEventListener('abort', giveUp);
  try {
    const engine = await createEngine(config, log);
    running = { ...running, engine };
    stop.removeEventListener('abort', giveUp);
    const http = createHttpServer({
      router: createRouter(createRoutes(engine.backends)),
      versions: { lowest: minApiVersion, highest: apiVersion },
      headers: commonHeaders,
      stopping: stopping.signal,
      onInternalError: (what, error) => {
        log.error(`${what} failed`, { error });
      },
    });
    await writePidFile(enginePid, engineVersion.version);
    await listenUnix(http, engineSocket);
    running = { ...running, server: { http, socketPath: engineSocket } };
    log.info('serving', { socket: engineSocket, pid: process.pid });
    reportReady(config.readyFd);
    await aborted(stop);
    return exitCodes.done;
  } finally {
    await shutDown(running);
    log.info('ended');
  }
}

const commonHeaders = {
  'Api-Version': apiVersion,
  'Docker-Experimental': 'false',
  Ostype: 'linux',
  Server: `tscompose/${engineVersion.version} (linux)`,
};

function reportReady(readyFd: number | null): void {
  if (readyFd === null) return;
  writeSync(readyFd, '\n');
  closeSync(readyFd);
}

/** The second signal ends the process at once: everything is built to survive that. */
function stopSignal(log: Log): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(exitCodes.failed);
      log.info(`ending on ${name}`);
      controller.abort();
    });
  }
  return controller.signal;
}

/** State after an unexpected failure is not to be trusted, and starting again is cheap. */
function endOnCrash(log: Log): void {
  process.on('uncaughtException', (error) => {
    log.error('internal error, the engine ends', { error });
    process.exit(exitCodes.crashed);
  });
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else {
      signal.addEventListener(
        'abort',
        () => {
          resolve();
        },
        { once: true },
      );
    }
  });
}

/** The CLI shows message and hint of the last error record. */
function logFailure(log: Log, error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  const hint = error instanceof EngineError ? error.hint : undefined;
  log.error(message, { ...(hint !== undefined && { hint }), error });
}
