import {
  compareApiVersions,
  EngineError,
  waitConditions,
  type ApiVersion,
  type ContainerWaitResult,
  type WaitCondition,
} from '../../api/index.ts';
import {
  json,
  noContent,
  stream,
  type Query,
  type Reply,
  type Route,
  type RouteRequest,
} from '../server/index.ts';
import { containerCreateRequest } from './container-decoder.ts';
import { containerFilterKeys, selectContainers } from './container-filters.ts';
import { shapeInspect } from './container-shape.ts';
import type {
  ContainerBackend,
  ContainerExit,
  LogOptions,
  StopOptions,
} from './containers-backend.ts';
import type { ImageBackend } from './images-backend.ts';
import { formatLogs } from './log-frames.ts';

export interface ContainerRouteBackends {
  readonly containers: ContainerBackend;
  readonly images: Pick<ImageBackend, 'findId'>;
}

export function containerRoutes({ containers, images }: ContainerRouteBackends): readonly Route[] {
  const at = (method: Route['method'], path: string, handle: Route['handle']): Route => ({
    method,
    path: `/containers/${path}`,
    handle,
  });
  return [
    at('POST', 'create', (request) => createContainer(containers, request)),
    at('GET', 'json', (request) => listContainers({ containers, images }, request)),
    at('GET', '{id}/json', (request) => inspectContainer(containers, request)),
    at('GET', '{id}/logs', (request) => streamLogs(containers, request)),
    at('POST', '{id}/wait', (request) => waitContainer(containers, request)),
    at('POST', '{id}/start', async (request) => {
      await containers.start(request.parameter('id'), request.abort);
      return noContent();
    }),
    at('POST', '{id}/stop', async ({ parameter, query, abort }) => {
      await containers.stop(parameter('id'), readStop(query), abort);
      return noContent();
    }),
    at('POST', '{id}/restart', async ({ parameter, query, abort }) => {
      await containers.restart(parameter('id'), readStop(query), abort);
      return noContent();
    }),
    at('POST', '{id}/kill', async ({ parameter, query }) => {
      await containers.kill(parameter('id'), query.text('signal'));
      return noContent();
    }),
    at('POST', '{id}/rename', async ({ parameter, query }) => {
      const name = query.text('name');
      if (name === null) {
        throw new EngineError('invalid-argument', 'New name for the container cannot be empty');
      }
      await containers.rename(parameter('id'), unslashed(name));
      return noContent();
    }),
    at('DELETE', '{id}', async ({ parameter, query }) => {
      if (query.flag('link')) {
        throw new EngineError('not-implemented', 'this engine has no container links to remove');
      }
      const options = { force: query.flag('force'), volumes: query.flag('v') };
      await containers.remove(parameter('id'), options);
      return noContent();
    }),
  ];
}

async function createContainer(
  containers: ContainerBackend,
  { json: readBody, query, abort }: RouteRequest,
): Promise<Reply> {
  const name = query.text('name');
  const options = {
    name: name === null ? null : unslashed(name),
    platform: query.text('platform'),
  };
  const request = await readBody(containerCreateRequest);
  return json(await containers.create(request, options, abort), 201);
}

async function listContainers(
  { containers, images }: ContainerRouteBackends,
  { query }: RouteRequest,
): Promise<Reply> {
  const filters = query.filters(containerFilterKeys);
  const limit = query.integer('limit');
  const ancestors = new Map<string, string>();
  for (const ancestor of filters.get('ancestor') ?? []) {
    const id = await images.findId(ancestor);
    if (id !== null) ancestors.set(ancestor, id);
  }
  const items = await containers.list({ size: query.flag('size') });
  const selected = selectContainers(items, {
    all: query.flag('all'),
    // 0 and -1 are how clients spell "no limit".
    limit: limit === null || limit <= 0 ? null : limit,
    filters,
    ancestors,
  });
  return json(selected.map(({ summary }) => summary));
}

async function inspectContainer(
  containers: ContainerBackend,
  { parameter, query }: RouteRequest,
): Promise<Reply> {
  const options = { size: query.flag('size') };
  return json(shapeInspect(await containers.inspect(parameter('id'), options)));
}

async function waitContainer(
  containers: ContainerBackend,
  { parameter, query, abort }: RouteRequest,
): Promise<Reply> {
  const condition = readCondition(query.text('condition'));
  const { exited } = await containers.wait(parameter('id'), condition, abort);
  return stream('application/json', waitResult(exited, abort));
}

async function* waitResult(
  exited: Promise<ContainerExit>,
  abort: AbortSignal,
): AsyncGenerator<string> {
  const exit = await raceAbort(exited, abort);
  if (exit === null) throw new EngineError('unavailable', 'the engine stopped waiting');
  const result: ContainerWaitResult = {
    StatusCode: exit.exitCode,
    ...(exit.error !== undefined && { Error: { Message: exit.error } }),
  };
  yield `${JSON.stringify(result)}\n`;
}

/** Null when the abort comes first. */
function raceAbort<T>(promise: Promise<T>, abort: AbortSignal): Promise<T | null> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      resolve(null);
    };
    if (abort.aborted) onAbort();
    abort.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => {
      abort.removeEventListener('abort', onAbort);
    });
  });
}

async function streamLogs(
  containers: ContainerBackend,
  { parameter, query, version, abort }: RouteRequest,
): Promise<Reply> {
  const options = readLogOptions(query);
  const { isTty, details, records } = await containers.logs(parameter('id'), options, abort);
  const chunks = formatLogs(records, {
    isFramed: !isTty,
    hasTimestamps: query.flag('timestamps'),
    details: query.flag('details') ? details : null,
  });
  return stream(logContentType(version, isTty), chunks);
}

function readLogOptions(query: Query): LogOptions {
  const options = {
    stdout: query.flag('stdout'),
    stderr: query.flag('stderr'),
    follow: query.flag('follow'),
    sinceNs: zeroIsNone(query.time('since')),
    untilNs: zeroIsNone(query.time('until')),
    tail: readTail(query.text('tail')),
  };
  if (!options.stdout && !options.stderr) {
    const message = 'Bad parameters: you must choose at least one stream';
    throw new EngineError('invalid-argument', message);
  }
  return options;
}

/** Anything but a count means all of it, as in dockerd. */
function readTail(text: string | null): number | null {
  return text !== null && /^\d{1,9}$/.test(text) ? Number(text) : null;
}

/** docker-py and others send 0 for "not given". */
function zeroIsNone(time: bigint | null): bigint | null {
  return time === 0n ? null : time;
}

/** Clients decide by it whether to demultiplex, from 1.42 on; before, they knew from inspect. */
function logContentType(version: ApiVersion, isTty: boolean): string {
  const tellsFrames = compareApiVersions(version, { major: 1, minor: 42 }) >= 0;
  return isTty || !tellsFrames
    ? 'application/vnd.docker.raw-stream'
    : 'application/vnd.docker.multiplexed-stream';
}

function readStop(query: Query): StopOptions {
  return { timeoutSeconds: query.integer('t'), signal: query.text('signal') };
}

function readCondition(text: string | null): WaitCondition {
  if (text === null) return 'not-running';
  const condition = waitConditions.find((known) => known === text);
  if (condition === undefined) {
    throw new EngineError('invalid-argument', `invalid condition: "${text}"`);
  }
  return condition;
}

function unslashed(name: string): string {
  return name.replace(/^\//, '');
}
