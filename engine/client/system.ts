import type {
  BuildCachePruned,
  DiskUsage,
  EventMessage,
  SystemInfo,
  VersionInfo,
} from '../api/index.ts';
import type { CallOptions, Exchange } from './exchange.ts';
import { filtersQuery, type Filters } from './filters.ts';
import { jsonLines } from './json-lines.ts';
import { openStream, type OpenedStream } from './opened-stream.ts';

export interface EventsOptions extends CallOptions {
  /** Seconds since the epoch with a fraction, or RFC 3339. */
  readonly since?: string;
  /** The stream ends there; absent: never. */
  readonly until?: string;
  readonly filters?: Filters;
}
/** The request is sent at once; `opened` resolves when the engine is subscribed. */
export type EventStream = OpenedStream<EventMessage>;

export function getVersion(exchange: Exchange, { signal }: CallOptions = {}): Promise<VersionInfo> {
  return exchange.json({ method: 'GET', path: '/version', signal });
}

export function getInfo(exchange: Exchange, { signal }: CallOptions = {}): Promise<SystemInfo> {
  return exchange.json({ method: 'GET', path: '/info', signal });
}

export function getDiskUsage(exchange: Exchange, { signal }: CallOptions = {}): Promise<DiskUsage> {
  return exchange.json({ method: 'GET', path: '/system/df', signal });
}

/** Of an engine that builds; others answer not-found. */
export function pruneBuildCache(
  exchange: Exchange,
  { all, filters, signal }: CallOptions & { readonly all?: boolean; readonly filters?: Filters },
): Promise<BuildCachePruned> {
  const query = { all, ...filtersQuery(filters) };
  return exchange.json({ method: 'POST', path: '/build/prune', query, signal });
}

export function openEvents(
  exchange: Exchange,
  { since, until, filters, signal }: EventsOptions = {},
): EventStream {
  const query = { since, until, ...filtersQuery(filters) };
  const response = exchange.send({ method: 'GET', path: '/events', query, signal });
  return openStream(response, ({ body }) => jsonLines<EventMessage>(body));
}
