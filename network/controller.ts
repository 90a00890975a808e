/**
 * Owns every network and sandbox of one engine: checks everything a request asks for, takes leases, writes the record,
 * and only then lets the kernel have it. What fails is undone in reverse.
 */
import { allOf } from './all-of.ts';
import { Batch, KeyedLock, Rollback } from '../engine/lib/index.ts';
import type { NetworkOptions } from './context.ts';
import { planEndpoint, validateEndpoints } from './endpoint.ts';
import type { AttachedNetwork } from './endpoint.ts';
import { NetworkError } from './errors.ts';
import { readHostResolvConf } from './files/resolv-conf.ts';
import {
  checkNameservers,
  parseExtraHosts,
  sandboxHosts,
  sandboxResolvConf,
  sandboxUpstreams,
} from './files/sandbox-files.ts';
import { allocateIpam } from './ipam/allocator.ts';
import { occupiedSubnets } from './ipam/occupied.ts';
import { AddressPool } from './ipam/pool.ts';
import type {
  DriverName,
  Endpoint,
  Ipam,
  Network,
  NetworkDetails,
  NetworkRequest,
  OpenedSandbox,
  Sandbox,
  SandboxHandle,
  SandboxOpening,
  SandboxRequest,
} from './model.ts';
import { LeavingSandboxes } from './leaving.ts';
import { bridgeName } from './names.ts';
import { beginOpening } from './opening.ts';
import { openParts } from './parts.ts';
import type { Parts } from './parts.ts';
import { PortAllocator } from './ports/allocator.ts';
import { exhausted, nameInUse, networkInUse } from './refusals.ts';
import { findBroken, repairBridges } from './repair.ts';
import { recoverSandboxes } from './recover.ts';
import {
  buildSandbox,
  namespacePath,
  restoreNames,
  teardownSandboxes,
  withdrawSandbox,
} from './sandboxes.ts';
import type { SandboxPlan } from './sandboxes.ts';

/** Call `recover` once before anything else. */
export class NetworkController {
  readonly #parts: Parts;
  readonly #networks = new Map<string, NetworkState>();
  /** From the first lease to the last: also those that are being made or removed. */
  readonly #sandboxes = new Map<string, Sandbox>();
  /** Those of which something may be left although they were never opened. */
  readonly #broken = new Set<string>();
  readonly #leaving = new LeavingSandboxes();
  readonly #ports: PortAllocator;
  readonly #locks = new KeyedLock();
  readonly #closing: Batch<Sandbox, null>;

  private constructor(parts: Parts) {
    this.#parts = parts;
    this.#ports = new PortAllocator(parts.kernel);
    this.#closing = new Batch((sandboxes) => this.#closeAll(sandboxes));
    for (const network of parts.records.networks.values())
      this.#networks.set(network.id, stateOf(network));
  }

  static async open(options: NetworkOptions): Promise<NetworkController> {
    return new NetworkController(await openParts(options));
  }

  /**
   * Makes records and kernel agree after any end of an earlier engine: adopts the sandboxes of `liveSandboxIds`,
   * removes what nobody owns, puts missing rules and names back.
   */
  async recover(liveSandboxIds: readonly string[]): Promise<void> {
    for (const sandbox of await recoverSandboxes(this.#parts, new Set(liveSandboxIds))) {
      this.#sandboxes.set(sandbox.id, sandbox);
      this.#ports.adopt(sandbox.ports, sandbox);
      for (const { networkId, ipv4Address } of sandbox.endpoints)
        this.#networks.get(networkId)?.pool?.leaseFixed(ipv4Address);
    }
  }

  async createNetwork(request: NetworkRequest, signal?: AbortSignal): Promise<Network> {
    // One at a time: two must not choose the same subnet.
    return await this.#locks.run(
      subnetLock,
      async () => {
        const driver = this.#driverOf(request);
        if (this.#networks.has(request.id)) throw new TypeError(`network ${request.id} exists`);
        if ([...this.#networks.values()].some(({ network }) => network.name === request.name))
          throw nameInUse(request.name);
        const hasSubnet = this.#parts.drivers[driver].hasEndpoints;
        const ipam = hasSubnet ? await this.#chooseIpam(request) : [];
        signal?.throwIfAborted();
        const network = networkOf(request, driver, ipam);
        await this.#parts.records.networks.put(network.id, network);
        this.#networks.set(network.id, stateOf(network));
        this.#parts.names.addNetwork(network.id, network.name);
        return network;
      },
      signal,
    );
  }

  async removeNetwork(id: string): Promise<void> {
    const state = this.#require(id);
    await this.#leaving.settled(this.#sandboxesOf(id));
    const users = this.#sandboxesOf(id);
    if (users.length > 0) throw networkInUse(state.network, users);
    // From here on no sandbox can join it.
    this.#networks.delete(id);
    try {
      await this.#parts.drivers[state.network.driver].teardown(state.network);
      await this.#parts.names.removeNetwork(id);
      await this.#parts.records.networks.delete(id);
    } catch (error) {
      this.#networks.set(id, state);
      throw error;
    }
  }

  list(): readonly Network[] {
    return Array.from(this.#networks.values(), ({ network }) => network);
  }

  inspect(id: string): NetworkDetails {
    const { network } = this.#require(id);
    return {
      ...network,
      bridge: network.driver === 'bridge' ? bridgeName(id) : null,
      sandboxes: this.#sandboxesOf(id)
        .filter((sandbox) => !this.#leaving.has(sandbox.id))
        .flatMap((sandbox) =>
          sandbox.endpoints
            .filter(({ networkId }) => networkId === id)
            .map((endpoint) => ({ id: sandbox.id, name: sandbox.name, endpoint })),
        ),
    };
  }

  /** A sandbox that is open, also one that an earlier engine opened; missing if there is none. */
  sandbox(id: string): OpenedSandbox | undefined {
    const sandbox = this.#sandboxes.get(id);
    if (sandbox === undefined) return undefined;
    const { endpoints, ports } = sandbox;
    return { path: namespacePath(this.#parts, id), endpoints, ports };
  }

  /** Everything a container needs of the network. Where one half fails, both do. */
  openSandbox(request: SandboxRequest, signal?: AbortSignal): SandboxOpening {
    return beginOpening((onNamed) =>
      this.#locks.run(
        request.id,
        async () => {
          const remains = this.#broken.has(request.id)
            ? this.#sandboxes.get(request.id)
            : undefined;
          if (remains !== undefined) await this.#closing.add(remains);
          await this.#leaving.settled(this.#holdersOf(request));
          return await Rollback.guard((rollback) =>
            this.#open(request, { rollback, signal, onNamed }),
          );
        },
        signal,
      ),
    );
  }

  /**
   * Resolves when nothing leads to the sandbox any more: its names are gone, and its ports are free for others. The kernel
   * takes tens of milliseconds for the links; `closeSandbox` sees to the rest.
   */
  async withdrawSandbox(id: string): Promise<void> {
    await this.#locks.run(id, async () => {
      const sandbox = this.#sandboxes.get(id);
      if (sandbox === undefined || this.#broken.has(id)) return;
      await withdrawSandbox(this.#parts, sandbox);
      this.#ports.release(sandbox.ports, id);
      // From here on the ports may be somebody else's, so the end of this sandbox must not take them down again.
      this.#sandboxes.set(id, { ...sandbox, ports: [] });
    });
  }

  /** Resolves when links, rules and leases are gone; a sandbox that is not there is no error. */
  async closeSandbox(id: string): Promise<void> {
    const closed = this.#locks.run(id, async () => {
      const sandbox = this.#sandboxes.get(id);
      if (sandbox !== undefined) await this.#closing.add(sandbox);
    });
    this.#leaving.track(id, closed);
    await closed;
  }

  /** Puts our firewall rules back if somebody has flushed them; true if that was necessary. */
  async reassert(): Promise<boolean> {
    return await this.#parts.drivers.bridge.reassert();
  }

  /** Tells a resolver that has lost everything what it must know: for when its process had to be started anew. */
  async restoreNames(): Promise<void> {
    const sandboxes = [...this.#sandboxes.values()].filter(({ endpoints }) => endpoints.length > 0);
    await allOf([
      this.#parts.names.add(sandboxes),
      ...sandboxes.map((sandbox) => restoreNames(this.#parts, sandbox)),
    ]);
  }

  /**
   * Takes down what networks without a sandbox have of the kernel, as an engine with nothing to run leaves its host. The
   * networks stay: the next sandbox sets them up again.
   */
  async dismantle(): Promise<void> {
    const idle = this.list().filter(({ id }) => this.#sandboxesOf(id).length === 0);
    await allOf(idle.map((network) => this.#parts.drivers[network.driver].teardown(network)));
  }

  /** Closes the engine's sockets; sandboxes go on. */
  close(): void {
    this.#parts.close();
  }

  async #open(
    request: SandboxRequest,
    { rollback, signal, onNamed }: Opening,
  ): Promise<{ readonly isRemade: boolean }> {
    const attached = this.#validate(request);
    const host = readHostResolvConf();
    signal?.throwIfAborted();
    const endpoints = this.#lease(request, attached);
    const upstreams = sandboxUpstreams(request, endpoints, host);
    const { id, name } = request;
    this.#sandboxes.set(id, { id, name, endpoints, ports: [], upstreams });
    rollback.add('leases', () => {
      if (!this.#broken.has(id)) this.#forget(id);
    });
    const reservation = await this.#ports.reserve(request.ports, request, rollback);
    const ports = reservation.bindings;
    const sandbox: Sandbox = { id, name, endpoints, ports, upstreams };
    this.#sandboxes.set(id, sandbox);
    rollback.add('sandbox', () => this.#abandon(sandbox));
    const networks = attached.map(({ network }) => network);
    const handOut = (): void => {
      onNamed({
        path: namespacePath(this.#parts, id),
        endpoints,
        ports,
        held: reservation.handOver(),
        hosts: sandboxHosts(request, endpoints),
        resolvConf: sandboxResolvConf(request, host),
      });
    };
    const isRemade = await this.#build({ sandbox, networks, onNamed: handOut }, signal);
    signal?.throwIfAborted();
    return { isRemade };
  }

  /** Whether it took two namespaces. */
  async #build(plan: SandboxPlan, signal: AbortSignal | undefined): Promise<boolean> {
    const parts = this.#parts;
    const { sandbox, networks } = plan;
    let isNamed = false;
    const onNamed = (): void => {
      if (!isNamed) plan.onNamed();
      isNamed = true;
    };
    await parts.records.sandboxes.put(sandbox.id, sandbox);
    await Promise.all(networks.map((one) => parts.drivers[one.driver].setup(one)));
    signal?.throwIfAborted();
    try {
      await buildSandbox(parts, { sandbox, networks, onNamed });
      return false;
    } catch (error) {
      // A kernel that does not answer this either has refused enough: the first refusal says why.
      const broken = await findBroken(parts, networks).catch(() => []);
      if (broken.length === 0) throw error;
      await teardownSandboxes(parts, [sandbox]);
      await repairBridges(parts, broken, [...this.#sandboxes.values()]);
      await parts.records.sandboxes.put(sandbox.id, sandbox);
      const wasNamed = isNamed;
      await buildSandbox(parts, { sandbox, networks, onNamed });
      return wasNamed;
    }
  }

  /** What cannot be removed keeps its leases: nobody else may have them while links of it may be there. */
  async #abandon(sandbox: Sandbox): Promise<void> {
    this.#broken.add(sandbox.id);
    await teardownSandboxes(this.#parts, [sandbox]);
    this.#broken.delete(sandbox.id);
  }

  #validate(request: SandboxRequest): readonly AttachedNetwork[] {
    if (this.#sandboxes.has(request.id)) {
      throw new NetworkError({
        code: 'sandbox-exists',
        message: `container "${request.name}" has a network sandbox already`,
        fields: { id: request.id, container: request.name },
      });
    }
    parseExtraHosts(request);
    checkNameservers(request);
    const attached = request.endpoints.map(({ networkId }) => {
      const { network, pool } = this.#require(networkId);
      if (pool !== null) return { network, pool };
      throw new NetworkError({
        code: 'unsupported',
        message: `container "${request.name}" cannot join network "${network.name}" of driver "${network.driver}"`,
        fields: { container: request.name, network: network.name, driver: network.driver },
      });
    });
    validateEndpoints(request, attached);
    return attached;
  }

  /** All addresses or none. */
  #lease(request: SandboxRequest, attached: readonly AttachedNetwork[]): readonly Endpoint[] {
    const defaultIndex = attached.findIndex(({ network }) => !network.isInternal);
    const leased: { readonly pool: AddressPool; readonly address: string }[] = [];
    try {
      return attached.map((one, index) => {
        const ipv4Address = this.#leaseOne(one, request.endpoints[index]?.ipv4Address);
        leased.push({ pool: one.pool, address: ipv4Address });
        return planEndpoint({ request, index, attached: one, ipv4Address, defaultIndex });
      });
    } catch (error) {
      for (const { pool, address } of leased) pool.release(address);
      throw error;
    }
  }

  #leaseOne({ network, pool }: AttachedNetwork, wanted: string | undefined): string {
    if (wanted === undefined) {
      const address = pool.lease();
      if (address === null) throw exhausted(network);
      return address;
    }
    const holder = this.#sandboxesOf(network.id).find((one) => hasAddress(one, network.id, wanted));
    if (holder !== undefined) {
      throw new NetworkError({
        code: 'address-in-use',
        message: `address ${wanted} of network "${network.name}" is already in use`,
        hint: `container "${holder.name}" has it; stop it or choose another address`,
        fields: { address: wanted, network: network.name, container: holder.name },
      });
    }
    pool.leaseFixed(wanted);
    return wanted;
  }

  async #closeAll(sandboxes: readonly Sandbox[]): Promise<readonly null[]> {
    await teardownSandboxes(this.#parts, sandboxes);
    for (const { id } of sandboxes) {
      this.#forget(id);
      this.#broken.delete(id);
    }
    return sandboxes.map(() => null);
  }

  /** Gives back what a sandbox has leased. Once per sandbox: afterwards others may have it. */
  #forget(id: string): void {
    const sandbox = this.#sandboxes.get(id);
    if (sandbox === undefined) return;
    this.#sandboxes.delete(id);
    this.#ports.release(sandbox.ports, id);
    for (const { networkId, ipv4Address } of sandbox.endpoints)
      this.#networks.get(networkId)?.pool?.release(ipv4Address);
  }

  /** Those that have an address which the request wants; all of a network that has none left. */
  #holdersOf({ endpoints }: SandboxRequest): readonly Sandbox[] {
    return endpoints.flatMap(({ networkId, ipv4Address }) => {
      const holders = this.#sandboxesOf(networkId);
      if (ipv4Address === undefined)
        return this.#networks.get(networkId)?.pool?.isExhausted === true ? holders : [];
      return holders.filter((sandbox) => hasAddress(sandbox, networkId, ipv4Address));
    });
  }

  #driverOf(request: NetworkRequest): DriverName {
    const { driver: wanted = 'bridge' } = request;
    if (!Object.hasOwn(this.#parts.drivers, wanted)) {
      throw new NetworkError({
        code: 'unsupported',
        message: `network driver "${wanted}" of network "${request.name}" is not supported`,
        hint: `use one of ${Object.keys(this.#parts.drivers).join(', ')}`,
        fields: { network: request.name, driver: wanted },
      });
    }
    const driver = wanted as DriverName;
    this.#parts.drivers[driver].validate(request);
    return driver;
  }

  async #chooseIpam(request: NetworkRequest): Promise<readonly Ipam[]> {
    const { links } = this.#parts;
    const [all, addresses, routes] = await Promise.all([
      links.list(),
      links.addresses(),
      links.routes(),
    ]);
    const tables = { links: all, addresses, routes };
    const occupied = occupiedSubnets(this.list(), tables, (link) => links.isOurs(link));
    return allocateIpam(request.ipam?.pools ?? [], occupied);
  }

  #sandboxesOf(networkId: string): readonly Sandbox[] {
    return [...this.#sandboxes.values()].filter(({ endpoints }) =>
      endpoints.some((endpoint) => endpoint.networkId === networkId),
    );
  }

  #require(id: string): NetworkState {
    const state = this.#networks.get(id);
    if (state !== undefined) return state;
    throw new NetworkError({
      code: 'network-not-found',
      message: `there is no network "${id}"`,
      fields: { network: id },
    });
  }
}

interface Opening {
  readonly rollback: Rollback;
  readonly signal: AbortSignal | undefined;
  readonly onNamed: (handle: SandboxHandle) => void;
}

interface NetworkState {
  readonly network: Network;
  /** null for drivers without endpoints. */
  readonly pool: AddressPool | null;
}

const subnetLock = 'subnets';

function hasAddress({ endpoints }: Sandbox, networkId: string, address: string): boolean {
  return endpoints.some((one) => one.networkId === networkId && one.ipv4Address === address);
}

function stateOf(network: Network): NetworkState {
  const [ipam] = network.ipam;
  return { network, pool: ipam === undefined ? null : new AddressPool(ipam) };
}

function networkOf(request: NetworkRequest, driver: DriverName, ipam: readonly Ipam[]): Network {
  return {
    id: request.id,
    name: request.name,
    driver,
    isInternal: request.isInternal ?? false,
    ipam,
    ipamDriver: request.ipam?.driver ?? 'default',
    ipamOptions: request.ipam?.options ?? {},
    options: request.options ?? {},
    labels: request.labels ?? {},
    createdAt: new Date().toISOString(),
  };
}
