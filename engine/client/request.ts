import { EngineError, kindOf, type ErrorBody } from '../api/index.ts';
import { Connection, ConnectionLostError, type WireRequest } from './connection.ts';
import type { Exchange, ExchangeRequest, ExchangeResponse, Query } from './exchange.ts';
import type { Transport } from './transport.ts';
import { upgradeConnection, type UpgradedConnection } from './upgrade.ts';

export interface RequesterOptions {
  readonly transport: Transport;
  /** What an error names. */
  readonly addressText: string;
  /** `/v1.51`, or nothing before the version is known. */
  readonly prefix: () => string;
}

/** One HTTP exchange per call, over connections that are kept for the next one. */
export class Requester implements Exchange {
  readonly #options: RequesterOptions;
  readonly #idle: Connection[] = [];
  #isClosed = false;

  constructor(options: RequesterOptions) {
    this.#options = options;
  }

  async send(request: ExchangeRequest): Promise<ExchangeResponse> {
    const response = await this.raw(request, this.#options.prefix());
    if (response.status >= 300) throw await toEngineError(response);
    return response;
  }

  async json<T>(request: ExchangeRequest): Promise<T> {
    const text = await readText((await this.send(request)).body);
    try {
      return (text === '' ? null : JSON.parse(text)) as T;
    } catch (cause) {
      const what = `the engine answered ${request.method} ${request.path} with broken JSON`;
      throw new EngineError('internal', what, { cause });
    }
  }

  async upgrade(request: ExchangeRequest): Promise<UpgradedConnection> {
    request.signal?.throwIfAborted();
    return await upgradeConnection(await this.#options.transport(request.signal), {
      target: this.#options.prefix() + request.path + formatQuery(request.query ?? {}),
      json: request.json === undefined ? null : JSON.stringify(request.json),
      signal: request.signal,
    });
  }

  async done(request: ExchangeRequest): Promise<void> {
    try {
      await readText((await this.send(request)).body);
    } catch (error) {
      if (!(error instanceof EngineError && error.kind === 'not-modified')) throw error;
    }
  }

  /** Whatever the status; `prefix` is the version's. */
  async raw(request: ExchangeRequest, prefix: string): Promise<ExchangeResponse> {
    request.signal?.throwIfAborted();
    const wire: WireRequest = {
      method: request.method,
      target: prefix + request.path + formatQuery(request.query ?? {}),
      // What dockerd's own clients send; a socket has no host.
      host: 'api.moby.localhost',
      json: request.json === undefined ? null : JSON.stringify(request.json),
      stream: request.stream ?? null,
      signal: request.signal,
    };
    for (;;) {
      const kept = this.#idle.pop();
      if (kept?.isOpen === false) continue;
      try {
        return await (kept ?? (await this.#connect(request.signal))).run(wire);
      } catch (error) {
        if (!(error instanceof ConnectionLostError)) throw error;
        // An engine that restarted has closed what was idle. What only reads may be asked again on a new connection.
        const isSafe = request.method === 'GET' || request.method === 'HEAD';
        if (kept === undefined || !isSafe) throw this.#lost(error);
      }
    }
  }

  /** Ends every idle connection, and busy ones once they are idle. */
  close(): void {
    this.#isClosed = true;
    for (const connection of this.#idle.splice(0)) connection.close();
  }

  async #connect(signal: AbortSignal | undefined): Promise<Connection> {
    return new Connection(await this.#options.transport(signal), (connection) => {
      connection.unref();
      if (this.#isClosed) connection.close();
      else this.#idle.push(connection);
    });
  }

  #lost(cause: ConnectionLostError): EngineError {
    const message = `the engine at ${this.#options.addressText} closed the connection without an answer`;
    return new EngineError('unavailable', message, { cause: cause.cause ?? cause });
  }
}

async function toEngineError(response: ExchangeResponse): Promise<EngineError> {
  const text = await readText(response.body);
  const { message, hint, details } = parseErrorBody(text);
  return new EngineError(kindOf(response.status), message ?? `status ${response.status}: ${text}`, {
    ...(hint !== undefined && { hint }),
    ...(details !== undefined && { details }),
  });
}

function parseErrorBody(text: string): Partial<ErrorBody> {
  try {
    const body: unknown = JSON.parse(text);
    return typeof body === 'object' && body !== null ? body : {};
  } catch {
    // A proxy in between may answer in HTML: the caller shows the text as it is.
    return {};
  }
}

async function readText(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

function formatQuery(query: Query): string {
  const pairs: string[] = [];
  for (const [key, value] of Object.entries(query)) {
    const values = Array.isArray(value) ? (value as readonly string[]) : [value];
    for (const item of values) {
      if (item !== undefined) pairs.push(`${key}=${encodeURIComponent(String(item))}`);
    }
  }
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
}
