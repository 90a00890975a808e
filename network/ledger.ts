/** Who is on which network with which address, as far as this engine knows it. In memory; records and kernel follow. */
import { planEndpoint, validateEndpoints } from './endpoint.ts';
import type { AttachedNetwork } from './endpoint.ts';
import { NetworkError } from './errors.ts';
import { checkNameservers, parseExtraHosts } from './files/sandbox-files.ts';
import { AddressPool } from './ipam/pool.ts';
import type { Endpoint, Network, Sandbox, SandboxRequest } from './model.ts';
import { exhausted } from './refusals.ts';

export interface NetworkState {
  readonly network: Network;
  /** null for drivers without endpoints. */
  readonly pool: AddressPool | null;
}

export class Ledger {
  readonly networks: Map<string, NetworkState> = new Map();
  /** From the first lease to the last: also those that are being made or removed. */
  readonly sandboxes: Map<string, Sandbox> = new Map();

  addNetwork(network: Network): void {
    const [ipam] = network.ipam;
    const pool = ipam === undefined ? null : new AddressPool(ipam);
    this.networks.set(network.id, { network, pool });
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
    for (const { networkId, ipv4Address } of sandbox.endpoints)
      this.networks.get(networkId)?.pool?.leaseFixed(ipv4Address);
  }

  /** The networks of the request's endpoints, in their order. Throws NetworkError for what cannot be, before any lease. */
  attached(request: SandboxRequest): readonly AttachedNetwork[] {
    parseExtraHosts(request);
    checkNameservers(request);
    const attached = request.endpoints.map(({ networkId }) => {
      const { network, pool } = this.require(networkId);
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
  lease(request: SandboxRequest, attached: readonly AttachedNetwork[]): readonly Endpoint[] {
    const defaultIndex = attached.findIndex(({ network }) => !network.isInternal);
    const leased: { readonly pool: AddressPool; readonly address: string }[] = [];
    try {
      return attached.map((one, index) => {
        const ipv4Address = this.leaseOne(one, request.endpoints[index]?.ipv4Address);
        leased.push({ pool: one.pool, address: ipv4Address });
        const isDefault = index === defaultIndex;
        return planEndpoint({ request, index, attached: one, ipv4Address, isDefault });
      });
    } catch (error) {
      for (const { pool, address } of leased) pool.release(address);
      throw error;
    }
  }

  leaseOne({ network, pool }: AttachedNetwork, wanted: string | undefined): string {
    if (wanted === undefined) {
      const address = pool.lease();
      if (address === null) throw exhausted(network);
      return address;
    }
    const holder = this.sandboxesOf(network.id).find((one) => hasAddress(one, network.id, wanted));
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

  release({ networkId, ipv4Address }: Endpoint): void {
    this.networks.get(networkId)?.pool?.release(ipv4Address);
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
    return endpoints.flatMap(({ networkId, ipv4Address }) => {
      const holders = this.sandboxesOf(networkId);
      if (ipv4Address === undefined)
        return this.networks.get(networkId)?.pool?.isExhausted === true ? holders : [];
      return holders.filter((sandbox) => hasAddress(sandbox, networkId, ipv4Address));
    });
  }
}

function hasAddress({ endpoints }: Sandbox, networkId: string, address: string): boolean {
  return endpoints.some((one) => one.networkId === networkId && one.ipv4Address === address);
}
