import { setMaxListeners } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

import { EngineError } from '../../api/index.ts';
import { hasBody, readJson } from './body.ts';
import { expectHijack, isUpgraded, serveUpgrades } from './hijack.ts';
import { Query } from './query.ts';
import { respond, respondError } from './respond.ts';
import type { RouteMatch, Router, RouteRequest } from './router.ts';
import { splitVersion, type VersionRange } from './version.ts';

export interface ServerOptions {
  readonly router: Router;
  readonly versions: VersionRange;
  /** Sent with every response. */
  readonly headers: Readonly<Record<string, string>>;
  /** Fires when the daemon stops: what streams is then ended. */
  readonly stopping: AbortSignal;
  /** Failures that are the engine's own fault. */
  readonly onInternalError: (request: string, error: unknown) => void;
}

/** Go's limit of a head; dockerode repeats a whole creation request in the query string. */
const maxHeaderSize = 1 << 20;

export function createHttpServer(options: ServerOptions): Server {
  // Every request listens until it ends, and there are as many as clients want.
  setMaxListeners(0, options.stopping);
  const server = createServer(
    {
      maxHeaderSize,
      // Uploads take as long as they take, and idle clients keep their connection: Go's and Python's would meet a
      // closed one in the middle of a POST.
      requestTimeout: 0,
      headersTimeout: 0,
      keepAliveTimeout: 0,
      connectionsCheckingInterval: 2 ** 31 - 1,
      // Host is empty from buildx, and never looked at.
      requireHostHeader: false,
    },
    (request, response) => {
      void handle(options, request, response);
    },
  );
  serveUpgrades(server, (request, response) => {
    void handle(options, request, response);
  });
  // Undocumented and stable: a client that has sent its request and half-closed still gets its answer.
  Object.assign(server, { httpAllowHalfOpen: true });
  return server;
}

async function handle(
  options: ServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  for (const [name, value] of Object.entries(options.headers)) response.setHeader(name, value);
  const gone = watchClient(request, response, options.stopping);
  try {
    const { match, ...parts } = resolve(options, request);
    if (match.route.mayHijack === true) expectHijack(request);
    const routeRequest: RouteRequest = {
      ...parts,
      parameter: (name) => match.parameters[name] ?? '',
      json: (decoder) => readJson(request, decoder),
      hasBody: hasBody(request),
      body: request,
      abort: gone,
    };
    await respond(response, await match.route.handle(routeRequest), options.stopping);
  } catch (error) {
    if (gone.aborted && response.destroyed) return;
    if (isOwnFault(error)) {
      options.onInternalError(`${request.method ?? ''} ${pathOf(request)}`, error);
    }
    respondError(response, error, closeIfUnread(request, response));
  }
}

function resolve(
  { router, versions }: ServerOptions,
  request: IncomingMessage,
): { readonly match: RouteMatch } & Pick<RouteRequest, 'version' | 'query'> {
  const { version, path } = splitVersion(pathOf(request), versions);
  const match = router.find(request.method ?? '', path);
  // A wrong method as well: 405 is not in the vocabulary of Docker's clients.
  if (match === null) throw new EngineError('not-found', 'page not found');
  const search = (request.url ?? '').slice(pathOf(request).length);
  return { match, version, query: new Query(search) };
}

function pathOf(request: IncomingMessage): string {
  const url = request.url ?? '';
  const end = url.indexOf('?');
  return end < 0 ? url : url.slice(0, end);
}

/**
 * With half-open connections Node tells of nothing when the client closes between requests and answer, so the end of
 * its direction counts as leaving, as in Go's server.
 */
function watchClient(
  request: IncomingMessage,
  response: ServerResponse,
  stopping: AbortSignal,
): AbortSignal {
  // The response lets go of the socket before it says that it is closed.
  const { socket } = request;
  const controller = new AbortController();
  const leave = (): void => {
    controller.abort();
  };
  socket.once('end', leave);
  stopping.addEventListener('abort', leave, { once: true });
  if (stopping.aborted) leave();
  response.once('close', () => {
    socket.removeListener('end', leave);
    stopping.removeEventListener('abort', leave);
    if (!response.writableFinished) leave();
    // An idle connection would hold the server open for as long as the client likes.
    if (stopping.aborted) socket.destroySoon();
  });
  return controller.signal;
}

function isOwnFault(error: unknown): boolean {
  return !(error instanceof EngineError) || error.kind === 'internal';
}

/**
 * A refused upload: what is still to come would be read as the next request. The answer goes out at once, and the
 * connection is closed behind it when the client has noticed: one that is closed under its hands sees a broken pipe
 * before it sees the answer.
 */
function closeIfUnread(request: IncomingMessage, response: ServerResponse): Promise<void> | null {
  if (isUpgraded(request) || request.complete || response.headersSent) return null;
  response.setHeader('Connection', 'close');
  return discard(request);
}

const mostDiscardedBytes = 64 << 20;
const mostDiscardingMs = 5000;

function discard(request: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    let bytes = 0;
    const timer = setTimeout(resolve, mostDiscardingMs);
    const settle = (): void => {
      clearTimeout(timer);
      resolve();
    };
    for (const event of ['end', 'close', 'error']) request.once(event, settle);
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > mostDiscardedBytes) settle();
    });
    if (request.destroyed) settle();
  });
}
