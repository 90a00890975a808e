/**
 * Owns every network and sandbox of one engine: checks everything a request asks for, takes leases, writes the record,
 * and only then lets the kernel have it. What fails is undone in reverse.
 */
import { allOf } from './all-of.ts';
import { Batch, KeyedLock, Rollback } from '../engine/lib/index.ts';
import type { NetworkOptions } from './context.ts';
import { planEndpoint } from './endpoint.ts';
import { NetworkError } from './errors.ts';
import { readHostResolvConf } from './files/resolv-conf.ts';
import { sandboxHosts, sandboxResolvConf, sandboxUpstreams } from './files/sandbox-files.ts';
import type {
  ConnectedSandbox,
  DriverName,
  Endpoint,
  Network,
  NetworkDetails,
  NetworkRequest,
  OpenedSandbox,
  Sandbox,
  SandboxHandle,
  SandboxOpening,
  SandboxRequest,
} from './model.ts';
import { checkBridgeName } from './drivers/bridge-options.ts';
import { checkParent, isParented } from './drivers/parent-options.ts';
import { LeavingSandboxes } from './leaving.ts';
import { Ledger } from './ledger.ts';
import { joinNetwork, leaveNetwork } from './membership.ts';
import { bridgeName } from './names.ts';
import { beginOpening } from './opening.ts';
import { chooseIpam, networkOf } from './network-request.ts';
import { openParts } from './parts.ts';
import type { Parts } from './parts.ts';
import { placePort } from './ports/place.ts';
import { PortAllocator } from './ports/allocator.ts';
import { nameInUse, networkInUse, noSandbox, sandboxExists } from './refusals.ts';
import type { RulesetWatch } from './firewall/watch.ts';
import { findBroken, guardRules, repairBridges } from './repair.ts';
import { recoverSandboxes } from './recover.ts';
import {
  buildSandbox,
  namespacePath,
  relayedPorts,
  restoreNames,
  teardownSandboxes,
  withdrawSandbox,
} from './sandboxes.ts';
import type { SandboxPlan } from './sandboxes.ts';

/** Call `recover` once before anything else. */
export class NetworkController {
  readonly #parts: Parts;
  readonly #ledger = new Ledger();
  /** Those of which something may be left although they were never opened. */
  readonly #broken = new Set<string>();
  readonly #leaving = new LeavingSandboxes();
  readonly #ports: PortAllocator;
  readonly #locks = new KeyedLock();
  readonly #closing: Batch<Sandbox, null>;
  #watch: RulesetWatch | null = null;

  private constructor(parts: Parts) {
    this.#parts = parts;
    this.#ports = new PortAllocator(parts.kernel, parts.proxy);
    this.#closing = new Batch((sandboxes) => this.#closeAll(sandboxes));
    for (const network of parts.records.networks.values()) this.#ledger.addNetwork(network);
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
      this.#ledger.adopt(sandbox);
      this.#ports.adopt(sandbox.ports, sandbox);
    }
    this.#watch ??= await guardRules(this.#parts);
  }

  async createNetwork(request: NetworkRequest, signal?: AbortSignal): Promise<Network> {
    // One at a time: two must not choose the same subnet.
    return await this.#locks.run(
      subnetLock,
      async () => {
        const driver = this.#driverOf(request);
        if (this.#ledger.networks.has(request.id))
          throw new TypeError(`network ${request.id} exists`);
        if (this.list().some(({ name }) => name === request.name)) throw nameInUse(request.name);
        if (driver === 'bridge') checkBridgeName(request, this.list());
        if (isParented(driver)) checkParent(request, this.list());
        const hasSubnet = this.#parts.drivers[driver].hasEndpoints;
        const ipam = hasSubnet ? await chooseIpam(this.#parts, this.list(), request) : [];
        signal?.throwIfAborted();
        const network = networkOf(request, driver, ipam);
        await this.#parts.records.networks.put(network.id, network);
        this.#ledger.addNetwork(network);
        this.#parts.names.addNetwork(network.id, network.name);
        return network;
      },
      signal,
    );
  }

  async removeNetwork(id: string): Promise<void> {
    const state = this.#ledger.require(id);
    await this.#leaving.settled(this.#ledger.sandboxesOf(id));
    const users = this.#ledger.sandboxesOf(id);
    if (users.length > 0) throw networkInUse(state.network, users);
    // From here on no sandbox can join it.
    this.#ledger.networks.delete(id);
    try {
      await this.#parts.drivers[state.network.driver].teardown(state.network);
      await this.#parts.names.removeNetwork(id);
      await this.#parts.records.networks.delete(id);
    } catch (error) {
      this.#ledger.networks.set(id, state);
      throw error;
    }
  }

  list(): readonly Network[] {
    return Array.from(this.#ledger.networks.values(), ({ network }) => network);
  }

  inspect(id: string): NetworkDetails {
    const { network } = this.#ledger.require(id);
    return {
      ...network,
      bridge: network.driver === 'bridge' ? bridgeName(network) : null,
      sandboxes: this.#ledger
        .sandboxesOf(id)
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
    const sandbox = this.#ledger.sandboxes.get(id);
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
            ? this.#ledger.sandboxes.get(request.id)
            : undefined;
          if (remains !== undefined) await this.#closing.add(remains);
          await this.#leaving.settled(this.#ledger.holdersOf(request));
          return await Rollback.guard((rollback) =>
            this.#open(request, { rollback, signal, onNamed }),
          );
        },
        signal,
      ),
    );
  }

  /**
   * Joins a sandbox that is open to a network more. `request` is as for `openSandbox`, with the new endpoint in it.
   * Returns what the container is to be shown; what it was told at its start still holds.
   */
  async connect(request: SandboxRequest, networkId: string): Promise<ConnectedSandbox> {
    return await this.#changeMembership(request, async (sandbox, rollback) => {
      const attached = this.#ledger.attached(request);
      const index = attached.findIndex(({ network }) => network.id === networkId);
      const one = attached[index];
      if (one === undefined) throw new TypeError(`the request does not name network ${networkId}`);
      await this.#leaving.settled(
        this.#ledger.holdersOf({ endpoints: request.endpoints.slice(index, index + 1) }),
      );
      const leases = this.#ledger.leaseOne(one, request.endpoints[index]);
      const taken = sandbox.endpoints.map(({ interfaceName }) => interfaceName);
      const plan = { request, index, network: one.network, leases, taken };
      const endpoints = this.#ledger.withWayOut([...sandbox.endpoints, planEndpoint(plan)]);
      const joined = this.#withEndpoints(request, sandbox, endpoints);
      const endpoint = endpoints.at(-1) as Endpoint;
      // At once: a network that somebody joins must not be removed.
      this.#ledger.sandboxes.set(joined.id, joined);
      rollback.add('lease', () => {
        this.#ledger.sandboxes.set(sandbox.id, sandbox);
        this.#ledger.release(endpoint);
      });
      await this.#parts.drivers[one.network.driver].setup(one.network);
      rollback.add('network', () =>
        leaveNetwork(this.#parts, { sandbox: joined, endpoint }, sandbox),
      );
      await joinNetwork(this.#parts, { sandbox: joined, endpoint, network: one.network });
      // Not before: the next engine takes a link without an endpoint for what it is.
      await this.#parts.records.sandboxes.put(joined.id, joined);
      return joined;
    });
  }

  /** Takes a sandbox that is open from one of its networks. `request` is as for `openSandbox`, without that endpoint. */
  async disconnect(request: SandboxRequest, networkId: string): Promise<ConnectedSandbox> {
    return await this.#changeMembership(request, async (sandbox) => {
      const endpoint = sandbox.endpoints.find((one) => one.networkId === networkId);
      if (endpoint === undefined) return sandbox;
      const others = sandbox.endpoints.filter((one) => one !== endpoint);
      const endpoints = this.#ledger.withWayOut(others);
      const rest = this.#withEndpoints(request, sandbox, endpoints);
      await this.#parts.records.sandboxes.put(rest.id, rest);
      await leaveNetwork(this.#parts, { sandbox, endpoint }, rest);
      this.#ledger.release(endpoint);
      return rest;
    });
  }

  #withEndpoints(
    request: SandboxRequest,
    sandbox: Sandbox,
    endpoints: Sandbox['endpoints'],
  ): Sandbox {
    const upstreams = sandboxUpstreams(request, endpoints, readHostResolvConf());
    return { ...sandbox, endpoints, upstreams };
  }

  async #changeMembership(
    request: SandboxRequest,
    change: (sandbox: Sandbox, rollback: Rollback) => Promise<Sandbox>,
  ): Promise<ConnectedSandbox> {
    return await this.#locks.run(request.id, async () => {
      const sandbox = this.#ledger.sandboxes.get(request.id);
      if (sandbox === undefined || this.#broken.has(request.id)) throw noSandbox(request);
      const { id, endpoints, ports } = await Rollback.guard(async (rollback) => {
        const changed = await change(sandbox, rollback);
        this.#ledger.sandboxes.set(changed.id, changed);
        return changed;
      });
      const path = namespacePath(this.#parts, id);
      const before = sandboxHosts(request, sandbox.endpoints);
      return { path, endpoints, ports, hosts: { before, after: sandboxHosts(request, endpoints) } };
    });
  }

  /**
   * Resolves when nothing leads to the sandbox any more: its names are gone, and its ports are free for others. The kernel
   * takes tens of milliseconds for the links; `closeSandbox` sees to the rest.
   */
  async withdrawSandbox(id: string): Promise<void> {
    await this.#locks.run(id, async () => {
      const sandbox = this.#ledger.sandboxes.get(id);
      if (sandbox === undefined || this.#broken.has(id)) return;
      await withdrawSandbox(this.#parts, sandbox);
      this.#ports.release(sandbox.ports, id);
      // From here on the ports may be somebody else's, so the end of this sandbox must not take them down again.
      this.#ledger.sandboxes.set(id, { ...sandbox, ports: [] });
    });
  }

  /** Of a sandbox that could not be opened: `held` of its handle is closed, and others may have its ports. */
  heldClosed(id: string): void {
    this.#ports.socketsClosed(id);
  }

  /** Resolves when links, rules and leases are gone; a sandbox that is not there is no error. */
  async closeSandbox(id: string): Promise<void> {
    const closed = this.#locks.run(id, async () => {
      const sandbox = this.#ledger.sandboxes.get(id);
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
    const sandboxes = [...this.#ledger.sandboxes.values()].filter(
      ({ endpoints }) => endpoints.length > 0,
    );
    await allOf([
      this.#parts.names.add(sandboxes),
      ...sandboxes.map((sandbox) => restoreNames(this.#parts, sandbox)),
    ]);
  }

  /** Tells a proxy that had to be started anew where the published ports lead. */
  async restorePorts(): Promise<void> {
    await this.#parts.proxy?.lead([...this.#ledger.sandboxes.values()].flatMap(relayedPorts));
  }

  /**
   * Takes down what networks without a sandbox have of the kernel, as an engine with nothing to run leaves its host. The
   * networks stay: the next sandbox sets them up again.
   */
  async dismantle(): Promise<void> {
    const idle = this.list().filter(({ id }) => this.#ledger.sandboxesOf(id).length === 0);
    await allOf(idle.map((network) => this.#parts.drivers[network.driver].teardown(network)));
    if (this.#ledger.sandboxes.size === 0) await this.#parts.proxy?.stop();
  }

  /** Makes what the first sandbox would wait for. */
  async prepare(): Promise<void> {
    await this.#parts.spare?.renew();
  }

  /** Closes the engine's sockets; sandboxes go on. */
  close(): void {
    this.#watch?.close();
    this.#parts.close();
  }

  async #open(
    request: SandboxRequest,
    { rollback, signal, onNamed }: Opening,
  ): Promise<{ readonly isRemade: boolean }> {
    if (this.#ledger.sandboxes.has(request.id)) throw sandboxExists(request);
    const attached = this.#ledger.attached(request);
    const host = readHostResolvConf();
    signal?.throwIfAborted();
    const endpoints = this.#ledger.lease(request, attached);
    const upstreams = sandboxUpstreams(request, endpoints, host);
    const { id, name } = request;
    this.#ledger.sandboxes.set(id, { id, name, endpoints, ports: [], upstreams });
    rollback.add('leases', () => {
      if (!this.#broken.has(id)) this.#ledger.forget(id);
    });
    const isRelayed = this.#parts.proxy?.hasIpv6() === true;
    const place = { request, attached, endpoints, isRelayed };
    const asked = request.ports.map((port) => placePort(port, place));
    const reservation = await this.#ports.reserve(asked, request, rollback);
    const ports = reservation.bindings;
    const sandbox: Sandbox = { id, name, endpoints, ports, upstreams };
    this.#ledger.sandboxes.set(id, sandbox);
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
      await repairBridges(parts, broken, [...this.#ledger.sandboxes.values()]);
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

  async #closeAll(sandboxes: readonly Sandbox[]): Promise<readonly null[]> {
    await teardownSandboxes(this.#parts, sandboxes);
    for (const { id } of sandboxes) {
      this.#forget(id);
      this.#broken.delete(id);
    }
    return sandboxes.map(() => null);
  }

  /** Once per sandbox: afterwards others may have what it had. */
  #forget(id: string): void {
    const sandbox = this.#ledger.forget(id);
    if (sandbox !== undefined) this.#ports.release(sandbox.ports, id);
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
}

interface Opening {
  readonly rollback: Rollback;
  readonly signal: AbortSignal | undefined;
  readonly onNamed: (handle: SandboxHandle) => void;
}

const subnetLock = 'subnets';
