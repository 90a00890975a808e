import {
  apiVersion,
  compareApiVersions,
  EngineError,
  minApiVersion,
  parseApiVersion,
  type BuildCachePruned,
  type DiskUsage,
  type PingResult,
  type SystemInfo,
  type VersionInfo,
} from '../api/index.ts';
import { formatAddress, parseAddress, type EngineAddress } from './address.ts';
import { Archives } from './archives.ts';
import { Containers } from './containers.ts';
import type { CallOptions } from './exchange.ts';
import { Execs } from './execs.ts';
import type { Filters } from './filters.ts';
import { Images } from './images.ts';
import { Networks } from './networks.ts';
import { Requester } from './request.ts';
import {
  getDiskUsage,
  getInfo,
  getVersion,
  openEvents,
  pruneBuildCache,
  type EventsOptions,
  type EventStream,
} from './system.ts';
import { createTransport } from './transport.ts';
import { Volumes } from './volumes.ts';

export interface EngineClientOptions {
  /** As text: `unix:///run/tscompose/engine.sock`. */
  readonly address: EngineAddress | string;
}

/** A client of one engine. Nothing is sent before the first call; idle connections do not keep the process alive. */
export class EngineClient implements Disposable {
  readonly address: EngineAddress;
  readonly archives: Archives;
  readonly containers: Containers;
  readonly execs: Execs;
  readonly images: Images;
  readonly networks: Networks;
  readonly volumes: Volumes;
  readonly #requester: Requester;
  #version: string = apiVersion;
  #server = '';

  constructor({ address }: EngineClientOptions) {
    this.address = typeof address === 'string' ? parseAddress(address) : address;
    this.#requester = new Requester({
      transport: createTransport(this.address),
      addressText: formatAddress(this.address),
      prefix: () => `/v${this.#version}`,
    });
    this.archives = new Archives(this.#requester);
    this.containers = new Containers(this.#requester);
    this.execs = new Execs(this.#requester);
    this.images = new Images(this.#requester);
    this.networks = new Networks(this.#requester);
    this.volumes = new Volumes(this.#requester);
  }

  /** Pings and settles on a version that both speak. Until then the client speaks its own, which our engine does. */
  static async connect({
    address,
    signal,
  }: EngineClientOptions & CallOptions): Promise<EngineClient> {
    const client = new EngineClient({ address });
    try {
      await client.negotiate({ signal });
      return client;
    } catch (error) {
      client.close();
      throw error;
    }
  }

  /** Of the API, as `major.minor`. */
  get apiVersion(): string {
    return this.#version;
  }

  /** What the engine calls itself, `Docker/28.2.2 (linux)`; empty before it was asked. */
  get server(): string {
    return this.#server;
  }

  async negotiate(options: CallOptions = {}): Promise<PingResult> {
    const ping = await this.ping(options);
    this.#version = chooseVersion(ping.apiVersion, formatAddress(this.address));
    this.#server = ping.server;
    return ping;
  }

  /** Says which API the engine speaks. It works with every version. */
  async ping({ signal }: CallOptions = {}): Promise<PingResult> {
    const { status, headers } = await this.#requester.raw(
      { method: 'HEAD', path: '/_ping', signal },
      '',
    );
    if (status !== 200) {
      const message = `the engine at ${formatAddress(this.address)} answered its ping with status ${status}`;
      throw new EngineError('unavailable', message);
    }
    return {
      // An engine that does not say is from before the header existed (Docker 1.12).
      apiVersion: headers.get('api-version') ?? minApiVersion,
      osType: headers.get('ostype') ?? 'linux',
      server: headers.get('server') ?? '',
    };
  }

  version(options: CallOptions = {}): Promise<VersionInfo> {
    return getVersion(this.#requester, options);
  }

  info(options: CallOptions = {}): Promise<SystemInfo> {
    return getInfo(this.#requester, options);
  }

  diskUsage(options: CallOptions = {}): Promise<DiskUsage> {
    return getDiskUsage(this.#requester, options);
  }

  pruneBuildCache(
    options: CallOptions & { readonly all?: boolean; readonly filters?: Filters } = {},
  ): Promise<BuildCachePruned> {
    return pruneBuildCache(this.#requester, options);
  }

  events(options: EventsOptions = {}): EventStream {
    return openEvents(this.#requester, options);
  }

  /** Idle connections end now, busy ones with their exchange. */
  close(): void {
    this.#requester.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function chooseVersion(theirs: string, address: string): string {
  const their = parseApiVersion(theirs);
  const ours = parseApiVersion(apiVersion);
  const lowest = parseApiVersion(minApiVersion);
  if (their === null || ours === null || lowest === null) {
    throw new EngineError(
      'unavailable',
      `the engine at ${address} names no API version: "${theirs}"`,
    );
  }
  if (compareApiVersions(their, lowest) < 0) {
    throw new EngineError(
      'unavailable',
      `the engine at ${address} speaks API ${theirs}, and ${minApiVersion} is needed`,
      { hint: 'upgrade that engine' },
    );
  }
  return compareApiVersions(their, ours) < 0 ? theirs : apiVersion;
}
