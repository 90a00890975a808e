/**
 * Ports that are published on IPv6 addresses of the host. Rules cannot lead [::1] anywhere, nor IPv6 to a container that
 * has none of it: a process outside of the engine takes the connections there and passes them on. It has no privileges,
 * and outlives the engine. What rules lead on never comes to it.
 */
import { existsSync } from 'node:fs';
import type { Fd } from '../../native/index.ts';
import type { Kernel } from '../context.ts';
import type { Resolver } from '../dns/resolver.ts';
import type { PublishedPort } from '../firewall/ruleset.ts';
import type { PortBinding } from '../model.ts';

/** What passes connections on: `Resolver` is one. */
type RelayProcess = Pick<Resolver, 'setRelay' | 'removeRelay' | 'list' | 'stop' | 'close'>;

export interface ProxyOptions {
  /** null: none runs. */
  readonly adopt: () => Promise<RelayProcess | null>;
  readonly start: () => Promise<RelayProcess>;
}

type Listening = Pick<PortBinding, 'protocol' | 'hostIp' | 'published'>;

const backlog = 128;
/** Without a port. */
const idleMs = 1000;

export class PortProxy {
  readonly #kernel: Pick<Kernel, 'openSocket' | 'closeFd'>;
  readonly #options: ProxyOptions;
  /** Bound, and not yet told to the process: by id. */
  readonly #pending = new Map<string, Fd>();
  /** Told to the process: by id. */
  readonly #led = new Set<string>();
  #process: Promise<RelayProcess> | null = null;
  #stopping: Promise<void> = Promise.resolve();
  #idle: NodeJS.Timeout | null = null;

  constructor(kernel: Pick<Kernel, 'openSocket' | 'closeFd'>, options: ProxyOptions) {
    this.#kernel = kernel;
    this.#options = options;
  }

  /** Whether it is what answers at this address. */
  serves({ hostIp, protocol }: Pick<Listening, 'hostIp' | 'protocol'>): boolean {
    return hostIp.includes(':') && protocol !== 'sctp' && this.hasIpv6();
  }

  /** Of the host. */
  hasIpv6(): boolean {
    return existsSync('/proc/net/if_inet6');
  }

  /** From here on the port is ours: clients wait until it leads somewhere. */
  async listen(binding: Listening): Promise<void> {
    this.#pending.set(idOf(binding), await this.#open(binding));
  }

  /** Gives back a port that leads nowhere yet. */
  forget(binding: Listening): void {
    const id = idOf(binding);
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    if (pending !== undefined) this.#kernel.closeFd(pending);
  }

  /** Also to another target than before. */
  async lead(ports: readonly PublishedPort[]): Promise<void> {
    const served = ports.filter((port) => this.serves(port));
    if (served.length === 0) return;
    const process = await this.#started();
    await Promise.all(served.map((port) => this.#leadOne(process, port)));
  }

  async remove(bindings: readonly Listening[]): Promise<void> {
    const served = bindings.filter((binding) => this.serves(binding));
    for (const binding of served) this.forget(binding);
    if (served.length === 0 || this.#process === null) return;
    const process = await this.#process;
    await Promise.all(served.map((binding) => process.removeRelay(idOf(binding))));
    for (const binding of served) this.#led.delete(idOf(binding));
    this.#idle ??= setTimeout(() => {
      this.#idle = null;
      if (this.#led.size === 0 && this.#pending.size === 0) void this.stop();
    }, idleMs);
    this.#idle.unref();
  }

  /** After an earlier engine: `ports` are all there are to be. Returns what could not be led on again, and why. */
  async recover(ports: readonly PublishedPort[]): Promise<readonly string[]> {
    const running = await this.#options.adopt();
    if (running !== null) {
      this.#process ??= Promise.resolve(running);
      const wanted = new Set(ports.map(idOf));
      const { relayIds } = await running.list();
      await Promise.all(
        relayIds.filter((id) => !wanted.has(id)).map((id) => running.removeRelay(id)),
      );
    }
    // An engine that was killed may have started it for a port that came to nothing.
    if (ports.length === 0) await this.stop();
    const led = await Promise.allSettled(ports.map((port) => this.lead([port])));
    return led.flatMap((result, index) => {
      const port = ports[index];
      return result.status === 'fulfilled' || port === undefined
        ? []
        : [`${idOf(port)}: ${String(result.reason)}`];
    });
  }

  /** Ends the process, when nothing is published any more. */
  async stop(): Promise<void> {
    const process = this.#process;
    this.#process = null;
    const stop = async (): Promise<void> => {
      await (await process)?.stop();
    };
    // One that cannot be told ends by itself: it serves nothing.
    this.#stopping = stop().catch(() => undefined);
    await this.#stopping;
  }

  /** The process goes on as long as it serves a port. */
  close(): void {
    if (this.#idle !== null) clearTimeout(this.#idle);
    for (const fd of this.#pending.values()) this.#kernel.closeFd(fd);
    this.#pending.clear();
    this.#process?.then(
      (process) => {
        process.close();
      },
      // It never started, which has been reported.
      () => undefined,
    );
    this.#process = null;
  }

  async #leadOne(process: RelayProcess, port: PublishedPort): Promise<void> {
    const { protocol, target } = port;
    if (protocol === 'sctp') return;
    const id = idOf(port);
    this.#led.add(id);
    const relay = { id, protocol, target };
    const pending = this.#pending.get(id);
    if (pending === undefined && (await process.setRelay(relay))) return;
    // It was told before, by somebody who has ended: the port is bound anew.
    const socket = pending ?? (await this.#open(port));
    this.#pending.delete(id);
    try {
      await process.setRelay(relay, socket);
    } finally {
      this.#kernel.closeFd(socket);
    }
  }

  #open({ protocol, hostIp, published }: Listening): Promise<Fd> {
    return this.#kernel.openSocket({
      family: 'inet6',
      type: protocol === 'tcp' ? 'stream' : 'dgram',
      bind: { address: hostIp, port: published },
      // Connections that have ended do not keep the port; that it listens keeps others from it.
      ...(protocol === 'tcp' && { listen: backlog, reuseAddress: true }),
    });
  }

  #started(): Promise<RelayProcess> {
    this.#process ??= this.#stopping.then(() => this.#options.start());
    this.#process.catch(() => {
      this.#process = null;
    });
    return this.#process;
  }
}

function idOf({ protocol, hostIp, published }: Listening): string {
  return `${protocol}/[${hostIp}]:${published}`;
}
