import type {
  ContainerCreated,
  ContainerCreateRequest,
  ContainerInspect,
  ContainersPruned,
  ContainerStats,
  ContainerSummary,
  ContainerUpdateRequest,
  ContainerTop,
  ContainerWaitResult,
  WaitCondition,
} from '../api/index.ts';
import { segment, type CallOptions, type Exchange } from './exchange.ts';
import type { WindowSize } from './execs.ts';
import { filtersQuery, type Filters } from './filters.ts';
import { jsonLines } from './json-lines.ts';
import { openLogs, type LogsOptions, type LogStream } from './logs.ts';
import { openStream, type OpenedStream } from './opened-stream.ts';
import type { UpgradedConnection } from './upgrade.ts';

export interface CreateContainerOptions extends CallOptions {
  readonly name?: string;
  readonly platform?: string;
}
export interface StopContainerOptions extends CallOptions {
  readonly timeoutSeconds?: number;
  /** Instead of the container's own: `SIGTERM`, `TERM` or `15`. */
  readonly stopSignal?: string;
}
export interface KillContainerOptions extends CallOptions {
  /** SIGKILL when absent. */
  readonly killSignal?: string;
}
export interface RemoveContainerOptions extends CallOptions {
  readonly force?: boolean;
  /** Anonymous volumes go as well. */
  readonly volumes?: boolean;
}
export interface ListContainersOptions extends CallOptions {
  /** Stopped ones as well. */
  readonly all?: boolean;
  readonly limit?: number;
  readonly size?: boolean;
  readonly filters?: Filters;
}
export interface WaitContainerOptions extends CallOptions {
  readonly condition?: WaitCondition;
}
export interface AttachContainerOptions extends CallOptions {
  readonly stdin?: boolean;
  readonly stdout?: boolean;
  readonly stderr?: boolean;
  /** What was printed before comes first. */
  readonly logs?: boolean;
  readonly detachKeys?: string;
}
/** Made once the engine has answered that it watches the container. */
export interface ContainerWait {
  readonly exited: Promise<ContainerWaitResult>;
}

export class Containers {
  readonly #exchange: Exchange;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  create(
    request: ContainerCreateRequest,
    { name, platform, signal }: CreateContainerOptions = {},
  ): Promise<ContainerCreated> {
    return this.#exchange.json({
      method: 'POST',
      path: '/containers/create',
      query: { name, platform },
      json: request,
      signal,
    });
  }

  /** Starting a running container is no failure. */
  async start(ref: string, { signal }: CallOptions = {}): Promise<void> {
    const path = `/containers/${segment(ref)}/start`;
    await this.#exchange.done({ method: 'POST', path, signal });
  }

  /** Stopping a stopped container is no failure. */
  async stop(
    ref: string,
    { timeoutSeconds, stopSignal, signal }: StopContainerOptions = {},
  ): Promise<void> {
    const path = `/containers/${segment(ref)}/stop`;
    const query = { t: timeoutSeconds, signal: stopSignal };
    await this.#exchange.done({ method: 'POST', path, query, signal });
  }

  async restart(
    ref: string,
    { timeoutSeconds, stopSignal, signal }: StopContainerOptions = {},
  ): Promise<void> {
    const path = `/containers/${segment(ref)}/restart`;
    const query = { t: timeoutSeconds, signal: stopSignal };
    await this.#exchange.done({ method: 'POST', path, query, signal });
  }

  async kill(ref: string, { killSignal, signal }: KillContainerOptions = {}): Promise<void> {
    const path = `/containers/${segment(ref)}/kill`;
    await this.#exchange.done({ method: 'POST', path, query: { signal: killSignal }, signal });
  }

  /** Pausing a paused container is a failure. */
  async pause(ref: string, { signal }: CallOptions = {}): Promise<void> {
    const path = `/containers/${segment(ref)}/pause`;
    await this.#exchange.done({ method: 'POST', path, signal });
  }

  async unpause(ref: string, { signal }: CallOptions = {}): Promise<void> {
    const path = `/containers/${segment(ref)}/unpause`;
    await this.#exchange.done({ method: 'POST', path, signal });
  }

  /** Its processes, in ps(1)'s full format. */
  top(ref: string, { signal }: CallOptions = {}): Promise<ContainerTop> {
    const path = `/containers/${segment(ref)}/top`;
    return this.#exchange.json({ method: 'GET', path, signal });
  }

  /** A sample a second while it runs; with `once` a single one, after the two that a percentage takes. */
  stats(
    ref: string,
    { once, signal }: CallOptions & { readonly once?: boolean } = {},
  ): OpenedStream<ContainerStats> {
    const path = `/containers/${segment(ref)}/stats`;
    const query = { stream: once !== true };
    const response = this.#exchange.send({ method: 'GET', path, query, signal });
    return openStream(response, ({ body }) => jsonLines<ContainerStats>(body));
  }

  prune({
    filters,
    signal,
  }: CallOptions & { readonly filters?: Filters } = {}): Promise<ContainersPruned> {
    const query = filtersQuery(filters);
    return this.#exchange.json({ method: 'POST', path: '/containers/prune', query, signal });
  }

  async rename(ref: string, name: string, { signal }: CallOptions = {}): Promise<void> {
    const path = `/containers/${segment(ref)}/rename`;
    await this.#exchange.done({ method: 'POST', path, query: { name }, signal });
  }

  /** Returns warnings. What is left out stays as it is. */
  async update(
    ref: string,
    request: ContainerUpdateRequest,
    { signal }: CallOptions = {},
  ): Promise<readonly string[]> {
    const path = `/containers/${segment(ref)}/update`;
    const answer = await this.#exchange.json<{ readonly Warnings?: readonly string[] | null }>({
      ...{ method: 'POST', path, body: request, signal },
    });
    return answer.Warnings ?? [];
  }

  /** Resolves when the condition has come true. */
  async wait(ref: string, options: WaitContainerOptions = {}): Promise<ContainerWaitResult> {
    const { exited } = await this.watchExit(ref, options);
    return exited;
  }

  /** Resolves as soon as the engine watches the container, so that a start that follows cannot be missed. */
  async watchExit(
    ref: string,
    { condition, signal }: WaitContainerOptions = {},
  ): Promise<ContainerWait> {
    const path = `/containers/${segment(ref)}/wait`;
    const response = await this.#exchange.send({
      method: 'POST',
      path,
      query: { condition },
      signal,
    });
    const exited = readJson<ContainerWaitResult>(response.body);
    // Whoever drops the handle has no use for its failure; whoever awaits it still gets it.
    exited.catch(() => undefined);
    return { exited };
  }

  async remove(
    ref: string,
    { force, volumes, signal }: RemoveContainerOptions = {},
  ): Promise<void> {
    const path = `/containers/${segment(ref)}`;
    await this.#exchange.done({ method: 'DELETE', path, query: { force, v: volumes }, signal });
  }

  inspect(
    ref: string,
    { size, signal }: CallOptions & { readonly size?: boolean } = {},
  ): Promise<ContainerInspect> {
    const path = `/containers/${segment(ref)}/json`;
    return this.#exchange.json({ method: 'GET', path, query: { size }, signal });
  }

  list({ all, limit, size, filters, signal }: ListContainersOptions = {}): Promise<
    readonly ContainerSummary[]
  > {
    return this.#exchange.json({
      method: 'GET',
      path: '/containers/json',
      query: { all, limit, size, ...filtersQuery(filters) },
      signal,
    });
  }

  /** Resolves when nothing that is printed from now on is missed. */
  attach(
    ref: string,
    { signal, ...query }: AttachContainerOptions = {},
  ): Promise<UpgradedConnection> {
    const path = `/containers/${segment(ref)}/attach`;
    const both = { stream: true, stdout: true, stderr: true };
    return this.#exchange.upgrade({ method: 'POST', path, query: { ...both, ...query }, signal });
  }

  /** Of its terminal. */
  async resize(
    ref: string,
    { rows, columns }: WindowSize,
    { signal }: CallOptions = {},
  ): Promise<void> {
    const path = `/containers/${segment(ref)}/resize`;
    await this.#exchange.done({ method: 'POST', path, query: { h: rows, w: columns }, signal });
  }

  /** The request is sent at once; lines come in the order the container wrote them. */
  logs(ref: string, options: LogsOptions = {}): LogStream {
    return openLogs(this.#exchange, `/containers/${segment(ref)}/logs`, options);
  }
}

async function readJson<T>(body: AsyncIterable<Uint8Array>): Promise<T> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString()) as T;
}
