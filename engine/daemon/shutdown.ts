/**
 * How the engine ends, in this order. Containers, their names, ports and logs go on without it.
 *
 * 1. Requests: what streams ends, what works is told that its client is gone, and no new connection is taken.
 * 2. Subsystems: connections to shims and the resolver, watches, timers.
 * 3. The pid file, then the lock: from here on a successor may start, and the change tells one that waits.
 */
import type { Server } from 'node:http';

import type { Engine } from './engine.ts';
import type { EngineLock } from './lock.ts';
import type { Log } from './log.ts';
import { removePidFile } from './pid-file.ts';
import { stopListening } from './server/index.ts';

export interface Running {
  readonly log: Log;
  readonly lock: EngineLock;
  readonly pidPath: string;
  readonly engine: Engine | null;
  readonly server: { readonly http: Server; readonly socketPath: string } | null;
  readonly stopping: AbortController;
}

/** A request that ignores its abort does not hold the end up for longer. */
const requestsTimeoutMs = 5_000;

/** Goes on past failures, and logs them: whatever is left undone, the next start repairs. */
export async function shutDown(running: Running): Promise<void> {
  const { log, server, engine } = running;
  running.stopping.abort();
  await attempt(log, 'stop serving', async () => {
    if (server !== null) await endRequests(server);
  });
  await attempt(log, 'close the engine', async () => {
    await engine?.close();
  });
  await attempt(log, 'release the lock', () => {
    running.lock.release();
    // A waiting successor watches the directory, where closing a descriptor changes nothing.
    removePidFile(running.pidPath);
    return Promise.resolve();
  });
}

async function endRequests({ http, socketPath }: NonNullable<Running['server']>): Promise<void> {
  const timer = setTimeout(() => {
    http.closeAllConnections();
  }, requestsTimeoutMs);
  try {
    await stopListening(http, socketPath);
  } finally {
    clearTimeout(timer);
  }
}

async function attempt(log: Log, what: string, step: () => Promise<void>): Promise<void> {
  try {
    await step();
  } catch (error) {
    log.error(`cannot ${what}`, { error });
  }
}
