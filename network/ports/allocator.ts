/**
 * Ports of this host that are published. Each is reserved by a socket that is bound and never listens, so that no other
 * program takes it while the kernel translates what arrives for it.
 */
import type { Rollback } from '../../engine/lib/index.ts';
import { isSyscallError } from '../../native/index.ts';
import type { Fd } from '../../native/index.ts';
import type { Kernel } from '../context.ts';
import type { PortBinding, PortRequest } from '../model.ts';
import { parseAddress } from '../ipam/address.ts';
import { askedPorts, EphemeralPorts, ephemeralRange } from './candidates.ts';
import { exhausted, explainBind, heldByContainer, invalid, rangeInUse } from './refusals.ts';
import type { PortProxy } from './proxy.ts';
import type { Address, PortHolder } from './refusals.ts';

export interface Reservation {
  readonly bindings: readonly PortBinding[];
  /**
   * The sockets, in the order of the bindings. From here on the rollback leaves the ports taken until `socketsClosed` says
   * that these are: nobody could bind them before.
   */
  readonly handOver: () => readonly Fd[];
}

/** A request, and the addresses of the host on which it has one and the same port. */
export interface PlacedPort extends PortRequest {
  readonly hostIps: readonly string[];
}

/** Who holds the ports that it serves itself. */
type Proxy = Pick<PortProxy, 'serves' | 'listen' | 'forget'>;

/** Of one request. */
interface Held {
  readonly bindings: PortBinding[];
  readonly fds: Fd[];
}

/** Says who has the port, which takes a look at every process. */
type Refusal = () => Promise<unknown>;

const anyAddresses: readonly string[] = ['0.0.0.0', '::'];
const highestPort = 65_535;

export class PortAllocator {
  readonly #kernel: Pick<Kernel, 'openSocket' | 'closeFd'>;
  readonly #proxy: Proxy | null;
  /** "tcp 8080" → who has it on which addresses. */
  readonly #taken = new Map<string, { readonly hostIp: string; readonly holder: PortHolder }[]>();
  readonly #ephemeral = new EphemeralPorts();
  /** Given back by id of who has the sockets still. */
  readonly #awaited = new Map<string, PortBinding[]>();

  constructor(kernel: Pick<Kernel, 'openSocket' | 'closeFd'>, proxy: Proxy | null = null) {
    this.#kernel = kernel;
    this.#proxy = proxy;
  }

  /** Takes all of them or none; what was taken is given back by the rollback. */
  async reserve(
    requests: readonly PlacedPort[],
    holder: PortHolder,
    rollback: Rollback,
  ): Promise<Reservation> {
    requests.forEach(validatePort);
    const all: Held[] = [];
    let isHandedOver = false;
    const take = async (index: number): Promise<void> => {
      const request = requests[index];
      if (request === undefined) return;
      const held = await this.#reserveOne(request, holder);
      rollback.add(`port ${held.bindings[0]?.published ?? 0}`, () => {
        if (isHandedOver) this.#awaitSockets(held, holder);
        else this.#giveBack(held, holder);
      });
      all[index] = held;
    };
    const [exact, choosing] = byChoice(requests);
    // All at once: a socket takes some microseconds to bind, and as many as ten times that to come by alone.
    const taken = await Promise.allSettled(exact.map(take));
    const failed = taken.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    for (const index of choosing) await take(index);
    const handOver = (): readonly Fd[] => {
      isHandedOver = true;
      return all.flatMap(({ fds }) => fds);
    };
    return { bindings: all.flatMap(({ bindings }) => bindings), handOver };
  }

  /** Ports of a sandbox that outlived an engine: its shim still holds their sockets. */
  adopt(bindings: readonly PortBinding[], holder: PortHolder): void {
    for (const binding of bindings) this.#take(binding, holder);
  }

  release(bindings: readonly Address[], id: string): void {
    for (const binding of bindings) {
      const key = keyOf(binding);
      const others = (this.#taken.get(key) ?? []).filter(
        ({ hostIp, holder }) => hostIp !== binding.hostIp || holder.id !== id,
      );
      if (others.length === 0) this.#taken.delete(key);
      else this.#taken.set(key, others);
    }
  }

  async #reserveOne(request: PlacedPort, holder: PortHolder): Promise<Held> {
    if (request.published !== 0) return await this.#reserveAsked(request, holder);
    const range = await ephemeralRange();
    for (const port of this.#ephemeral.try(range)) {
      const held = await this.#tryPort(request, port, holder);
      if (!isRefusal(held)) return held;
    }
    throw exhausted(request.protocol, range);
  }

  async #reserveAsked(request: PlacedPort, holder: PortHolder): Promise<Held> {
    let first: Refusal | null = null;
    for (const port of askedPorts(request)) {
      const held = await this.#tryPort(request, port, holder);
      if (!isRefusal(held)) return held;
      first ??= held;
    }
    const reason = await first?.();
    throw request.lastPublished === undefined ? reason : rangeInUse(request, reason);
  }

  /** On all of its addresses or none. Throws for what another port would not mend. */
  async #tryPort(
    { protocol, hostIps, target }: PlacedPort,
    published: number,
    holder: PortHolder,
  ): Promise<Held | Refusal> {
    const held: Held = { bindings: [], fds: [] };
    for (const hostIp of hostIps) {
      const refusal = await this.#tryBinding({ protocol, hostIp, published, target }, holder, held);
      if (refusal === null) continue;
      this.#giveBack(held, holder);
      if (isRefusal(refusal)) return refusal;
      throw refusal.error;
    }
    return held;
  }

  /** Adds to `held`, or says why not: for good with an error, on this port alone without. */
  async #tryBinding(
    binding: PortBinding,
    holder: PortHolder,
    held: Held,
  ): Promise<Refusal | { readonly error: unknown } | null> {
    const other = this.#holderOf(binding);
    if (other !== null) return () => Promise.resolve(heldByContainer(binding, other));
    this.#take(binding, holder);
    try {
      if (this.#proxy?.serves(binding) === true) await this.#proxy.listen(binding);
      else held.fds.push(await this.#bind(binding));
      held.bindings.push(binding);
      return null;
    } catch (error) {
      this.release([binding], holder.id);
      if (isSyscallError(error, 'EADDRINUSE')) return () => explainBind(binding, error);
      return { error: await explainBind(binding, error) };
    }
  }

  #giveBack({ bindings, fds }: Held, holder: PortHolder): void {
    this.release(bindings, holder.id);
    for (const fd of fds) this.#kernel.closeFd(fd);
    for (const binding of bindings) this.#proxy?.forget(binding);
  }

  #awaitSockets({ bindings }: Held, { id }: PortHolder): void {
    this.#awaited.set(id, [...(this.#awaited.get(id) ?? []), ...bindings]);
  }

  /** Whoever was handed the sockets has closed them all, and does nothing with the ports any more. */
  socketsClosed(id: string): void {
    this.release(this.#awaited.get(id) ?? [], id);
    this.#awaited.delete(id);
  }

  #bind({ protocol, hostIp, published }: PortBinding): Promise<Fd> {
    return this.#kernel.openSocket({
      family: hostIp.includes(':') ? 'inet6' : 'inet',
      type: socketTypes[protocol],
      bind: { address: hostIp, port: published },
    });
  }

  #holderOf(binding: Address): PortHolder | null {
    const found = this.#taken
      .get(keyOf(binding))
      ?.find(({ hostIp }) => clash(hostIp, binding.hostIp));
    return found?.holder ?? null;
  }

  #take(binding: Address, holder: PortHolder): void {
    const key = keyOf(binding);
    const others = this.#taken.get(key) ?? [];
    this.#taken.set(key, [...others, { hostIp: binding.hostIp, holder }]);
  }
}

const socketTypes = { tcp: 'stream', udp: 'dgram', sctp: 'sctp' } as const;

/** Indexes of those that want one port, and of the others, of which those with the least choice come first. */
function byChoice(requests: readonly PortRequest[]): [exact: number[], choosing: number[]] {
  const indexes = [...requests.keys()].sort(
    (one, other) => choicesOf(requests[one]) - choicesOf(requests[other]),
  );
  const isExact = (index: number): boolean => choicesOf(requests[index]) === 0;
  return [indexes.filter(isExact), indexes.filter((index) => !isExact(index))];
}

function choicesOf(request: PortRequest | undefined): number {
  if (request === undefined || request.published === 0) return highestPort;
  return (request.lastPublished ?? request.published) - request.published;
}

/** What is bound for IPv6 takes nothing of IPv4. */
function clash(one: string, other: string): boolean {
  if (one === other) return true;
  const isSameFamily = one.includes(':') === other.includes(':');
  return isSameFamily && [one, other].some((address) => anyAddresses.includes(address));
}

function isRefusal(held: object): held is Refusal {
  return typeof held === 'function';
}

function keyOf({ protocol, published }: Address): string {
  return `${protocol} ${published}`;
}

function validatePort({ hostIps, published, lastPublished, target }: PlacedPort): void {
  const wrong = hostIps.find((hostIp) => parseAddress(hostIp) === null);
  if (wrong !== undefined) throw invalid(`"${wrong}" is not an IP address`, { address: wrong });
  if (!isPort(published, 0)) throw invalid(`${published} is not a port`, { port: published });
  if (!isPort(target, 1)) throw invalid(`${target} is not a port`, { port: target });
  if (lastPublished === undefined) return;
  if (published === 0 || !isPort(lastPublished, published))
    throw invalid(`${published}-${lastPublished} is not a range of ports`, { port: published });
}

function isPort(port: number, lowest: number): boolean {
  return Number.isInteger(port) && port >= lowest && port <= highestPort;
}
