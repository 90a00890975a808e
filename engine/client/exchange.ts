import type { UpgradedConnection } from './upgrade.ts';

/** Values that are absent or undefined are left out; an array repeats its key. */
export type Query = Readonly<
  Record<string, string | number | boolean | readonly string[] | undefined>
>;

export interface ExchangeRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  /** Without version prefix and query; segments already encoded. */
  readonly path: string;
  readonly query?: Query;
  /** A JSON body. */
  readonly json?: unknown;
  /** A body of any length, sent chunked and with back-pressure. */
  readonly stream?: AsyncIterable<Uint8Array>;
  readonly signal?: AbortSignal | undefined;
}

export interface ExchangeResponse {
  readonly status: number;
  /** Names in lower case; of a repeated one, the last. */
  readonly headers: ReadonlyMap<string, string>;
  /** Each chunk once; leaving the loop early closes the connection. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** What the resources are written against. */
export interface Exchange {
  /** Fails with EngineError on a status of 300 and more, its body read. */
  send(request: ExchangeRequest): Promise<ExchangeResponse>;
  /** The whole answer as JSON, null when it is empty. The caller states its type: the engine is trusted to keep it. */
  json<T>(request: ExchangeRequest): Promise<T>;
  /** The connection stops being HTTP and is the caller's. Fails as `send` does. */
  upgrade(request: ExchangeRequest): Promise<UpgradedConnection>;
  /** Only success matters. */
  done(request: ExchangeRequest): Promise<void>;
}

export interface CallOptions {
  /** Cancels the exchange: its connection is closed and the call fails with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

export function segment(text: string): string {
  return encodeURIComponent(text);
}

/** Image references keep their slashes: the engine's routes expect them so. */
export function imageSegment(reference: string): string {
  return encodeURIComponent(reference).replaceAll('%2F', '/').replaceAll('%3A', ':');
}
