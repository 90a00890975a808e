/** The real HTTP server on a socket of its own, in front of whatever backends a test has. */
import { join } from 'node:path';

import { apiVersion, minApiVersion } from '../../engine/api/index.ts';
import { createRoutes, type Backends } from '../../engine/daemon/routes/index.ts';
import {
  createHttpServer,
  createRouter,
  listenUnix,
  stopListening,
} from '../../engine/daemon/server/index.ts';
import { tempDir } from './temp-dir.ts';

export interface HttpEngine extends AsyncDisposable {
  readonly socketPath: string;
  /** `unix://` and the path. */
  readonly address: string;
  /** Failures that the server took for its own. */
  readonly internalErrors: unknown[];
  stop(): Promise<void>;
}

export async function serveBackends(backends: Backends): Promise<HttpEngine> {
  const directory = await tempDir();
  const socketPath = join(directory.path, 'engine.sock');
  const stopping = new AbortController();
  const internalErrors: unknown[] = [];
  const server = createHttpServer({
    router: createRouter(createRoutes(backends)),
    versions: { lowest: minApiVersion, highest: apiVersion },
    headers: { 'Api-Version': apiVersion, Ostype: 'linux', Server: 'tscompose/9.8.7 (linux)' },
    stopping: stopping.signal,
    onInternalError: (_request, error) => internalErrors.push(error),
  });
  await listenUnix(server, socketPath);
  const stop = async (): Promise<void> => {
    stopping.abort();
    if (server.listening) await stopListening(server, socketPath);
  };
  return {
    socketPath,
    address: `unix://${socketPath}`,
    internalErrors,
    stop,
    [Symbol.asyncDispose]: async () => {
      await stop();
      await directory[Symbol.asyncDispose]();
    },
  };
}
