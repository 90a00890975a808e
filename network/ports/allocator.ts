/**
 * Ports of this host that are published. Each is reserved by a socket that is bound and never listens, so that no other
 * program takes it while the kernel translates what arrives for it.
 */
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import type { Rollback } from '../../engine/lib/index.ts';
import { isSyscallError } from '../../native/index.ts';
import type { Fd } from '../../native/index.ts';
import type { Kernel } from '../context.ts';
import { NetworkError } from '../errors.ts';
import type { PortBinding, PortRequest } from '../model.ts';
import { parseAddress } from '../ipam/subnet.ts';
import { findPortOwner } from './owner.ts';

export interface PortHolder {
  readonly id: string;
  /** What errors call it: the container's name. */
  readonly name: string;
}

export interface Reservation {
  readonly bindings: readonly PortBinding[];
  /** The sockets, in the order of the bindings. From here on the rollback gives back the ports without them. */
  readonly handOver: () => readonly Fd[];
}

type Address = Omit<PortBinding, 'target'>;

const anyAddress = '0.0.0.0';
const mostAttempts = 512;
/** proc_sys_net(5), net.ipv4.ip_local_port_range: its default. */
const defaultRange = { first: 32_768, last: 60_999 } as const;

export class PortAllocator {
  readonly #kernel: Pick<Kernel, 'openSocket' | 'closeFd'>;
  /** "tcp 8080" → who has it on which addresses. */
  readonly #taken = new Map<string, { readonly hostIp: string; readonly holder: PortHolder }[]>();
  #nextEphemeral: number | null = null;

  constructor(kernel: Pick<Kernel, 'openSocket' | 'closeFd'>) {
    this.#kernel = kernel;
  }

  /** Takes all of them or none; what was taken is given back by the rollback. */
  async reserve(
    requests: readonly PortRequest[],
    holder: PortHolder,
    rollback: Rollback,
  ): Promise<Reservation> {
    requests.forEach(validatePort);
    const bindings: PortBinding[] = [];
    const held: Fd[] = [];
    let isHandedOver = false;
    // Ports the user chose go first, so that no ephemeral one takes them.
    const order = [...requests.keys()].sort(
      (one, other) =>
        Number(requests[one]?.published === 0) - Number(requests[other]?.published === 0),
    );
    for (const index of order) {
      const request = requests[index];
      if (request === undefined) continue;
      const { binding, fd } = await this.#reserveOne(request, holder);
      rollback.add(`port ${binding.published}`, () => {
        this.release([binding], holder.id);
        if (!isHandedOver) this.#kernel.closeFd(fd);
      });
      bindings[index] = binding;
      held[index] = fd;
    }
    const handOver = (): readonly Fd[] => {
      isHandedOver = true;
      return held;
    };
    return { bindings, handOver };
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

  async #reserveOne(
    request: PortRequest,
    holder: PortHolder,
  ): Promise<{ binding: PortBinding; fd: Fd }> {
    const hostIp = request.hostIp === '' ? anyAddress : request.hostIp;
    if (request.published === 0)
      return await this.#reserveEphemeral({ ...request, hostIp }, holder);
    const binding: PortBinding = { ...request, hostIp };
    const other = this.#holderOf(binding);
    if (other !== null) throw heldByContainer(binding, other);
    this.#take(binding, holder);
    try {
      return { binding, fd: await this.#bind(binding) };
    } catch (error) {
      this.release([binding], holder.id);
      throw await explainBind(binding, error);
    }
  }

  async #reserveEphemeral(
    request: PortRequest,
    holder: PortHolder,
  ): Promise<{ binding: PortBinding; fd: Fd }> {
    const range = await ephemeralRange();
    for (let attempt = 0; attempt < mostAttempts; attempt++) {
      const binding = { ...request, published: this.#nextPort(range) };
      if (this.#holderOf(binding) !== null) continue;
      this.#take(binding, holder);
      try {
        return { binding, fd: await this.#bind(binding) };
      } catch (error) {
        this.release([binding], holder.id);
        if (!isSyscallError(error, 'EADDRINUSE')) throw await explainBind(binding, error);
      }
    }
    throw new NetworkError({
      code: 'ports-exhausted',
      message: `no free ${request.protocol} port found between ${range.first} and ${range.last}`,
      hint: 'stop what holds the ports of net.ipv4.ip_local_port_range, or publish a fixed port',
    });
  }

  /** Starts anywhere, so that an engine that was just restarted does not first ask for every port it gave before. */
  #nextPort({ first, last }: PortRange): number {
    const size = last - first + 1;
    const current = this.#nextEphemeral ?? first + Math.floor(Math.random() * size);
    const port = first + ((current - first + size) % size);
    this.#nextEphemeral = port + 1;
    return port;
  }

  #bind({ protocol, hostIp, published }: PortBinding): Promise<Fd> {
    return this.#kernel.openSocket({
      family: 'inet',
      type: protocol === 'tcp' ? 'stream' : 'dgram',
      bind: { address: hostIp, port: published },
    });
  }

  #holderOf(binding: Address): PortHolder | null {
    const clash = this.#taken
      .get(keyOf(binding))
      ?.find(
        ({ hostIp }) => [hostIp, binding.hostIp].includes(anyAddress) || hostIp === binding.hostIp,
      );
    return clash?.holder ?? null;
  }

  #take(binding: Address, holder: PortHolder): void {
    const key = keyOf(binding);
    const others = this.#taken.get(key) ?? [];
    this.#taken.set(key, [...others, { hostIp: binding.hostIp, holder }]);
  }
}

function keyOf({ protocol, published }: Address): string {
  return `${protocol} ${published}`;
}

function validatePort({ hostIp, published, target }: PortRequest): void {
  if (hostIp !== '' && parseAddress(hostIp) === null) {
    if (isIP(hostIp.replace(/^\[(.*)\]$/, '$1')) === 6) {
      throw new NetworkError({
        code: 'unsupported',
        message: `publishing on IPv6 address "${hostIp}" is not supported`,
        hint: 'publish on an IPv4 address of this host',
        fields: { address: hostIp },
      });
    }
    throw invalid(`"${hostIp}" is not an IPv4 address`, { address: hostIp });
  }
  if (!isPort(published, 0)) throw invalid(`${published} is not a port`, { port: published });
  if (!isPort(target, 1)) throw invalid(`${target} is not a port`, { port: target });
}

function isPort(port: number, lowest: number): boolean {
  return Number.isInteger(port) && port >= lowest && port <= 65_535;
}

function invalid(message: string, fields: Record<string, string | number>): NetworkError {
  return new NetworkError({ code: 'invalid-argument', message, fields });
}

function inUse(binding: Address): string {
  return `address ${binding.hostIp}:${binding.published} is already in use`;
}

function heldByContainer(binding: Address, holder: PortHolder): NetworkError {
  return new NetworkError({
    code: 'port-in-use',
    message: inUse(binding),
    hint: `container "${holder.name}" holds it; stop it or publish another port`,
    fields: {
      protocol: binding.protocol,
      address: binding.hostIp,
      port: binding.published,
      container: holder.name,
      containerId: holder.id,
    },
  });
}

async function explainBind(binding: PortBinding, cause: unknown): Promise<unknown> {
  const { protocol, hostIp, published } = binding;
  const fields = { protocol, address: hostIp, port: published };
  if (isSyscallError(cause, 'EADDRNOTAVAIL')) {
    const message = `address ${hostIp} is not an address of this host`;
    return new NetworkError({ code: 'invalid-argument', message, fields, cause });
  }
  if (isSyscallError(cause, 'EACCES', 'EPERM')) {
    const message = `no permission to publish ${protocol} port ${published}`;
    const hint = 'publish a port from 1024 on, or run the engine as root';
    return new NetworkError({ code: 'kernel', message, hint, fields, cause });
  }
  if (!isSyscallError(cause, 'EADDRINUSE')) return cause;
  const owner = await findPortOwner(protocol, hostIp, published);
  const who = owner === null ? 'another program' : `process ${owner.pid} (${owner.program})`;
  return new NetworkError({
    code: 'port-in-use',
    message: inUse(binding),
    hint: `${who} holds it; stop it or publish another port`,
    fields: { ...fields, ...(owner ?? {}) },
    cause,
  });
}

interface PortRange {
  readonly first: number;
  readonly last: number;
}

async function ephemeralRange(): Promise<PortRange> {
  const text = await readFile('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').catch(() => '');
  const [first, last] = text.trim().split(/\s+/).map(Number);
  if (first === undefined || last === undefined || !(first < last)) return defaultRange;
  return { first, last };
}
