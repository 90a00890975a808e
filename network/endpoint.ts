/** One veth pair between a sandbox and a network: what the user asked for becomes addresses and names. Pure. */
import { NetworkError } from './errors.ts';
import { formatMac, macOfAddress, parseMac } from './mac.ts';
import type { AddressPool } from './ipam/pool.ts';
import { vethName } from './names.ts';
import type { Endpoint, EndpointRequest, Network, SandboxRequest } from './model.ts';

export interface AttachedNetwork {
  readonly network: Network;
  readonly pool: AddressPool;
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
    const { network, pool } = attached;
    if (seen.has(network.id)) throw invalid(`joins network "${network.name}" twice`, request.name);
    seen.add(network.id);
    if (endpoint.macAddress !== undefined) parseMac(endpoint.macAddress);
    if (endpoint.ipv4Address !== undefined && !pool.has(endpoint.ipv4Address)) {
      const subnet = network.ipam[0]?.subnet ?? '';
      throw new NetworkError({
        code: 'address-not-in-subnet',
        message: `address "${endpoint.ipv4Address}" is not in subnet ${subnet} of network "${network.name}"`,
        hint: 'choose an address of that subnet, or leave it out',
        fields: { address: endpoint.ipv4Address, network: network.name, subnet },
      });
    }
  });
}

export interface EndpointPlan {
  readonly request: SandboxRequest;
  readonly index: number;
  readonly attached: AttachedNetwork;
  readonly ipv4Address: string;
  readonly isDefault: boolean;
  /** Of the interface's name; the index unless told. */
  readonly interfaceNumber?: number;
}

export function planEndpoint(plan: EndpointPlan): Endpoint {
  const { request, index, attached, ipv4Address, isDefault, interfaceNumber = index } = plan;
  const { network, pool } = attached;
  const wanted = request.endpoints[index] as EndpointRequest;
  return {
    networkId: network.id,
    interfaceName: `eth${interfaceNumber}`,
    hostInterface: vethName(request.id, network.id),
    macAddress:
      wanted.macAddress === undefined
        ? macOfAddress(ipv4Address)
        : formatMac(parseMac(wanted.macAddress)),
    ipv4Address,
    prefixLength: pool.subnet.prefixLength,
    gateway: pool.gateway,
    names: namesOf(request, wanted),
    isDefault,
  };
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
