/** One veth pair between a sandbox and a network: what the user asked for becomes addresses and names. Pure. */
import { NetworkError } from './errors.ts';
import { formatMac, macOfAddress, parseMac } from './mac.ts';
import { interfacePrefixOf } from './drivers/bridge-options.ts';
import { isParented, isWithoutNeighbours } from './drivers/parent-options.ts';
import { normalAddress, parseAddress } from './ipam/address.ts';
import type { Family } from './ipam/address.ts';
import { containsAddress, requireSubnet } from './ipam/subnet.ts';
import type { FamilyPool, Lease } from './ipam/family-pool.ts';
import { isLinkName, vethName } from './names.ts';
import type {
  Endpoint,
  EndpointAddress,
  EndpointRequest,
  Network,
  SandboxRequest,
} from './model.ts';

export interface NetworkPools {
  /** null on a network without that family. */
  readonly ipv4: FamilyPool | null;
  readonly ipv6: FamilyPool | null;
}

export interface AttachedNetwork {
  readonly network: Network;
  readonly pools: NetworkPools;
}

/** Checks everything that needs no lease, so that nothing is taken for a request that cannot be met. */
export function validateEndpoints(
  request: SandboxRequest,
  networks: readonly AttachedNetwork[],
): void {
  const seen = new Set<string>();
  request.endpoints.forEach((endpoint, index) => {
    const attached = networks[index];
    if (attached === undefined) throw new TypeError('an endpoint has no network');
    const { network, pools } = attached;
    if (seen.has(network.id)) throw invalid(`joins network "${network.name}" twice`, request.name);
    seen.add(network.id);
    if (endpoint.macAddress !== undefined) parseMac(endpoint.macAddress);
    checkFixed(endpoint.ipv4Address, { network, pool: pools.ipv4, family: 4 });
    checkFixed(endpoint.ipv6Address, { network, pool: pools.ipv6, family: 6 });
    checkInterface(endpoint, request);
  });
}

function checkInterface(
  { interfaceName, linkLocalAddresses = [] }: EndpointRequest,
  { name, endpoints }: SandboxRequest,
): void {
  const wrong = linkLocalAddresses.find((text) => !isLinkLocal(text));
  if (wrong !== undefined) throw invalid(`wants "${wrong}", which is no link-local address`, name);
  if (interfaceName === undefined) return;
  if (!isLinkName(interfaceName) || interfaceName === 'lo')
    throw invalid(`wants an interface "${interfaceName}", which is no name of one`, name);
  if (endpoints.filter((one) => one.interfaceName === interfaceName).length > 1)
    throw invalid(`wants two interfaces "${interfaceName}"`, name);
}

const linkLocal = [requireSubnet('169.254.0.0/16'), requireSubnet('fe80::/10')];

function isLinkLocal(text: string): boolean {
  const address = parseAddress(text);
  return address !== null && linkLocal.some((subnet) => containsAddress(subnet, address));
}

interface FixedPlace {
  readonly network: Network;
  readonly pool: FamilyPool | null;
  readonly family: Family;
}

function checkFixed(address: string | undefined, { network, pool, family }: FixedPlace): void {
  if (address === undefined || pool?.has(address) === true) return;
  const fields = { address, network: network.name };
  if (pool === null) {
    throw new NetworkError({
      code: 'invalid-argument',
      message: `address "${address}" cannot be had on network "${network.name}", which has no IPv${family}`,
      hint: `leave it out, or create the network with enable_ipv${family}: true`,
      fields,
    });
  }
  throw new NetworkError({
    code: 'address-not-in-subnet',
    message: `address "${address}" is not in subnet ${pool.subnets} of network "${network.name}"`,
    hint: 'choose an address of that subnet, or leave it out',
    fields: { ...fields, subnet: pool.subnets },
  });
}

export interface EndpointPlan {
  readonly request: SandboxRequest;
  readonly index: number;
  readonly network: Network;
  readonly leases: Leases;
  /** Names of the sandbox's other interfaces, and of those to come that are named. */
  readonly taken: readonly string[];
}

/** What an endpoint has of each family. */
export interface Leases {
  readonly ipv4: Lease | null;
  readonly ipv6: Lease | null;
}

/** Which way out it is, is for all endpoints of the sandbox together to say. */
export function planEndpoint(plan: EndpointPlan): Endpoint {
  const { request, index, network, leases, taken } = plan;
  const wanted = request.endpoints[index] as EndpointRequest;
  const first = (leases.ipv4 ?? leases.ipv6)?.address;
  if (first === undefined) throw new TypeError(`network "${network.name}" has no addresses`);
  return {
    networkId: network.id,
    interfaceName: wanted.interfaceName ?? freeName(interfacePrefixOf(network), taken),
    hostInterface: isParented(network.driver) ? '' : vethName(request.id, network.id),
    macAddress:
      wanted.macAddress === undefined
        ? macOfAddress(first)
        : formatMac(parseMac(wanted.macAddress)),
    ipv4: endpointAddress(leases.ipv4, network),
    ipv6: endpointAddress(leases.ipv6, network),
    gatewayPriority: wanted.gatewayPriority ?? 0,
    ...(wanted.linkLocalAddresses !== undefined && {
      linkLocalAddresses: wanted.linkLocalAddresses.map(normalAddress),
    }),
    ...(wanted.sysctls !== undefined && { sysctls: wanted.sysctls }),
    names: namesOf(request, wanted),
  };
}

/** The smallest number that none has. */
function freeName(prefix: string, taken: readonly string[]): string {
  let number = 0;
  while (taken.includes(`${prefix}${number}`)) number += 1;
  return `${prefix}${number}`;
}

function endpointAddress(lease: Lease | null, network: Network): EndpointAddress | null {
  if (lease === null) return null;
  const gateway = isWithoutNeighbours(network) ? null : lease.gateway;
  return { ...lease, gateway, isDefault: false };
}

/** Docker's names of an endpoint: the container's, its short id, its hostname, and the aliases on this network. */
function namesOf(request: SandboxRequest, { aliases = [] }: EndpointRequest): readonly string[] {
  const names = [request.name, ...aliases, request.id.slice(0, 12), request.hostname];
  return [...new Set(names.filter((name) => name !== '').map((name) => name.toLowerCase()))];
}

function invalid(problem: string, name: string): NetworkError {
  return new NetworkError({
    code: 'invalid-argument',
    message: `container "${name}" ${problem}`,
    fields: { container: name },
  });
}
