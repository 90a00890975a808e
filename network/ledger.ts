/** Who is on which network with which address, as far as this engine knows it. In memory; records and kernel follow. */
import { planEndpoint, validateEndpoints } from './endpoint.ts';
import type { AttachedNetwork, Leases, NetworkPools } from './endpoint.ts';
import { NetworkError } from './errors.ts';
import { checkNameservers, parseExtraHosts } from './files/sandbox-files.ts';
import { normalAddress } from './ipam/address.ts';
import { FamilyPool } from './ipam/family-pool.ts';
import type { Lease } from './ipam/family-pool.ts';
import type { Endpoint, EndpointRequest, Network, Sandbox, SandboxRequest } from './model.ts';
import { exhausted, full, mostPorts } from './refusals.ts';
import { addressesOf, withWayOut } from './way-out.ts';

export interface NetworkState {
  readonly network: Network;
  /** null for drivers without endpoints. */
  readonly pools: NetworkPools | null;
}

export class Ledger {
  readonly networks: Map<string, NetworkState> = new Map();
  /** From the first lease to the last: also those that are being made or removed. */
  readonly sandboxes: Map<string, Sandbox> = new Map();

  addNetwork(network: Network): void {
    const { id, ipam } = network;
    const pools = { ipv4: FamilyPool.of(ipam, 4), ipv6: FamilyPool.of(ipam, 6) };
    this.networks.set(id, { network, pools: ipam.length === 0 ? null : pools });
  }

  require(id: string): NetworkState {
    const state = this.networks.get(id);
    if (state !== undefined) return state;
    throw new NetworkError({
      code: 'network-not-found',
      message: `there is no network "${id}"`,
      fields: { network: id },
    });
  }

  sandboxesOf(networkId: string): readonly Sandbox[] {
    return [...this.sandboxes.values()].filter(({ endpoints }) =>
      endpoints.some((endpoint) => endpoint.networkId === networkId),
    );
  }

  /** One that an earlier engine has leased for. */
  adopt(sandbox: Sandbox): void {
    this.sandboxes.set(sandbox.id, sandbox);
    for (const endpoint of sandbox.endpoints) {
      for (const { address } of addressesOf(endpoint))
        this.#poolOf(endpoint.networkId, address)?.leaseFixed(address);
    }
  }

  /** The networks of the request's endpoints, in their order. Throws NetworkError for what cannot be, before any lease. */
  attached(request: SandboxRequest): readonly AttachedNetwork[] {
    parseExtraHosts(request);
    checkNameservers(request);
    const attached = request.endpoints.map(({ networkId }) => {
      const { network, pools } = this.require(networkId);
      if (pools !== null) {
        if (this.#isFull(request, network)) throw full(network);
        return { network, pools };
      }
      throw new NetworkError({
        code: 'unsupported',
        message: `container "${request.name}" cannot join network "${network.name}" of driver "${network.driver}"`,
        fields: { container: request.name, network: network.name, driver: network.driver },
      });
    });
    validateEndpoints(request, attached);
    return attached;
  }

  /** Of others than the one that asks, which may be there already. */
  #isFull({ id }: SandboxRequest, network: Network): boolean {
    if (network.driver !== 'bridge' || this.sandboxes.size < mostPorts) return false;
    return this.sandboxesOf(network.id).filter((one) => one.id !== id).length >= mostPorts;
  }

  /** All addresses or none. */
  lease(request: SandboxRequest, attached: readonly AttachedNetwork[]): readonly Endpoint[] {
    const leased: Endpoint[] = [];
    try {
      attached.forEach((one, index) => {
        const leases = this.leaseOne(one, request.endpoints[index]);
        const named = request.endpoints.flatMap(({ interfaceName = [] }) => interfaceName);
        const taken = [...named, ...leased.map(({ interfaceName }) => interfaceName)];
        leased.push(planEndpoint({ request, index, network: one.network, leases, taken }));
      });
      return this.withWayOut(leased);
    } catch (error) {
      for (const endpoint of leased) this.release(endpoint);
      throw error;
    }
  }

  /** Of both families or none. */
  leaseOne(
    { network, pools }: AttachedNetwork,
    wanted: Pick<EndpointRequest, 'ipv4Address' | 'ipv6Address'> = {},
  ): Leases {
    const ipv4 = pools.ipv4 === null ? null : this.#take(network, pools.ipv4, wanted.ipv4Address);
    try {
      const ipv6 = pools.ipv6 === null ? null : this.#take(network, pools.ipv6, wanted.ipv6Address);
      return { ipv4, ipv6 };
    } catch (error) {
      if (ipv4 !== null) pools.ipv4?.release(ipv4.address);
      throw error;
    }
  }

  #take(network: Network, pool: FamilyPool, wanted: string | undefined): Lease {
    if (wanted === undefined) {
      const lease = pool.lease();
      if (lease === null) throw exhausted(network, pool);
      return lease;
    }
    const address = normalAddress(wanted);
    const holder = this.sandboxesOf(network.id).find((one) => hasAddress(one, network.id, address));
    if (holder === undefined) return pool.leaseFixed(address);
    throw new NetworkError({
      code: 'address-in-use',
      message: `address ${address} of network "${network.name}" is already in use`,
      hint: `container "${holder.name}" has it; stop it or choose another address`,
      fields: { address, network: network.name, container: holder.name },
    });
  }

  withWayOut(endpoints: readonly Endpoint[]): readonly Endpoint[] {
    return withWayOut(
      endpoints,
      ({ networkId }) => this.networks.get(networkId)?.network.isInternal === false,
    );
  }

  release(endpoint: Endpoint): void {
    for (const { address } of addressesOf(endpoint))
      this.#poolOf(endpoint.networkId, address)?.release(address);
  }

  #poolOf(networkId: string, address: string): FamilyPool | undefined {
    const pools = this.networks.get(networkId)?.pools;
    return [pools?.ipv4, pools?.ipv6].find((pool) => pool?.has(address) === true) ?? undefined;
  }

  /** Gives back what a sandbox has leased. Once per sandbox: afterwards others may have it. */
  forget(id: string): Sandbox | undefined {
    const sandbox = this.sandboxes.get(id);
    this.sandboxes.delete(id);
    sandbox?.endpoints.forEach((endpoint) => {
      this.release(endpoint);
    });
    return sandbox;
  }

  /** Those that have an address which the request wants; all of a network that has none left. */
  holdersOf({ endpoints }: Pick<SandboxRequest, 'endpoints'>): readonly Sandbox[] {
    return endpoints.flatMap(({ networkId, ipv4Address, ipv6Address }) => {
      const holders = this.sandboxesOf(networkId);
      const pools = this.networks.get(networkId)?.pools;
      const isWanted = (pool: FamilyPool | null | undefined, wanted: string | undefined): boolean =>
        wanted === undefined && pool?.isExhausted === true;
      if (isWanted(pools?.ipv4, ipv4Address) || isWanted(pools?.ipv6, ipv6Address)) return holders;
      const wanted = [ipv4Address, ipv6Address].filter((one) => one !== undefined);
      return holders.filter((sandbox) =>
        wanted.some((address) => hasAddress(sandbox, networkId, normalAddress(address))),
      );
    });
  }
}

function hasAddress({ endpoints }: Sandbox, networkId: string, address: string): boolean {
  return endpoints.some(
    (one) =>
      one.networkId === networkId && addressesOf(one).some((other) => other.address === address),
  );
}
