import {
  createDemultiplexer,
  type ExecCreated,
  type ExecCreateRequest,
  type ExecInspect,
} from '../api/index.ts';
import { segment, type CallOptions, type Exchange } from './exchange.ts';
import type { UpgradedConnection } from './upgrade.ts';

export interface WindowSize {
  readonly rows: number;
  readonly columns: number;
}

export class Execs {
  readonly #exchange: Exchange;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  create(
    container: string,
    request: ExecCreateRequest,
    { signal }: CallOptions = {},
  ): Promise<ExecCreated> {
    const path = `/containers/${segment(container)}/exec`;
    return this.#exchange.json({ method: 'POST', path, json: request, signal });
  }

  /** To its end; its input has ended before it begins. */
  async run(
    container: string,
    request: ExecCreateRequest,
    {
      onOutput,
      signal,
    }: CallOptions & {
      readonly onOutput: (stream: 'stdout' | 'stderr', bytes: Uint8Array) => void;
    },
  ): Promise<{ readonly exitCode: number }> {
    const attached = { ...request, AttachStdin: false, AttachStdout: true, AttachStderr: true };
    const { Id } = await this.create(container, attached, { signal });
    const { socket } = await this.start(Id, { isTty: false, signal });
    const abort = (): void => {
      socket.destroy();
    };
    signal?.addEventListener('abort', abort, { once: true });
    try {
      const demultiplexer = createDemultiplexer();
      for await (const chunk of socket as AsyncIterable<Buffer>) {
        for (const { stream, payload } of demultiplexer.push(chunk)) onOutput(stream, payload);
      }
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    } finally {
      signal?.removeEventListener('abort', abort);
      socket.destroy();
    }
    const { ExitCode } = await this.inspect(Id, { signal });
    return { exitCode: ExitCode ?? 0 };
  }

  /** Resolves when the program's streams are this connection. */
  start(
    id: string,
    { size, isTty, signal }: CallOptions & { readonly isTty: boolean; readonly size?: WindowSize },
  ): Promise<UpgradedConnection> {
    const path = `/exec/${segment(id)}/start`;
    const json = {
      Detach: false,
      Tty: isTty,
      ...(size !== undefined && { ConsoleSize: [size.rows, size.columns] }),
    };
    return this.#exchange.upgrade({ method: 'POST', path, json, signal });
  }

  async startDetached(id: string, { signal }: CallOptions = {}): Promise<void> {
    const path = `/exec/${segment(id)}/start`;
    await this.#exchange.done({ method: 'POST', path, json: { Detach: true }, signal });
  }

  inspect(id: string, { signal }: CallOptions = {}): Promise<ExecInspect> {
    return this.#exchange.json({ method: 'GET', path: `/exec/${segment(id)}/json`, signal });
  }

  async resize(
    id: string,
    { rows, columns }: WindowSize,
    options: CallOptions = {},
  ): Promise<void> {
    const path = `/exec/${segment(id)}/resize`;
    const query = { h: rows, w: columns };
    await this.#exchange.done({ method: 'POST', path, query, signal: options.signal });
  }
}
