import type { Readable } from 'node:stream';

import type { ApiVersion } from '../../api/index.ts';
import type { Decoder } from './decode.ts';
import type { Query } from './query.ts';
import type { Reply } from './reply.ts';

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';

export interface RouteRequest {
  readonly version: ApiVersion;
  readonly query: Query;
  /** The path's variable parts, decoded. */
  readonly parameter: (name: string) => string;
  /** The body as JSON. */
  readonly json: <T>(decoder: Decoder<T>) => Promise<T>;
  /** Where the body may be missing. */
  readonly hasBody: boolean;
  /** The body as it comes. */
  readonly body: Readable;
  /** Fires when the client has gone, or when the daemon stops. */
  readonly abort: AbortSignal;
}

export interface Route {
  readonly method: Method;
  /** `/containers/{id}/json`; `{name+}` takes slashes as well. */
  readonly path: string;
  readonly handle: (request: RouteRequest) => Promise<Reply> | Reply;
  /** Its answer may take the connection. */
  readonly mayHijack?: boolean;
}

export interface RouteMatch {
  readonly route: Route;
  readonly parameters: Readonly<Record<string, string>>;
}

export interface Router {
  /** Null when no route has this path with this method. `path` is as sent, without prefix and query. */
  find(method: string, path: string): RouteMatch | null;
}

interface Compiled {
  readonly route: Route;
  readonly pattern: RegExp;
}

/** The first route of the table that matches wins. */
export function createRouter(routes: readonly Route[]): Router {
  const byKey = new Map<string, Compiled[]>();
  for (const route of routes) {
    const key = keyOf(route.method, route.path);
    const bucket = byKey.get(key) ?? [];
    bucket.push({ route, pattern: compile(route.path) });
    byKey.set(key, bucket);
  }
  return {
    find(method, path) {
      for (const { route, pattern } of byKey.get(keyOf(method, path)) ?? []) {
        const match = pattern.exec(path);
        if (match === null) continue;
        const parameters = decodeAll(match.groups ?? {});
        if (parameters !== null) return { route, parameters };
      }
      return null;
    },
  };
}

/** Few routes share a method and a first segment. */
function keyOf(method: string, path: string): string {
  const end = path.indexOf('/', 1);
  return `${method} ${end < 0 ? path : path.slice(0, end)}`;
}

function compile(path: string): RegExp {
  const source = path
    .split('/')
    .map((part) => {
      const variable = /^\{(\w+)(\+?)\}$/.exec(part);
      if (variable === null) return part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
      const [, name = '', isGreedy] = variable;
      return `(?<${name}>${isGreedy === '+' ? '.+' : '[^/]+'})`;
    })
    .join('/');
  return new RegExp(`^${source}$`);
}

/** Null when a part is not valid percent-encoding. */
function decodeAll(groups: Readonly<Record<string, string>>): Record<string, string> | null {
  try {
    return Object.fromEntries(
      Object.entries(groups).map(([name, value]) => [name, decodeURIComponent(value)]),
    );
  } catch {
    return null;
  }
}
