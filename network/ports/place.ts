/** On which addresses of the host a port is published. Pure. */
import { bindingAddressOf } from '../drivers/bridge-options.ts';
import type { AttachedNetwork } from '../endpoint.ts';
import { NetworkError } from '../errors.ts';
import { formatAddress, parseAddress } from '../ipam/address.ts';
import type { Endpoint, PortRequest, SandboxRequest } from '../model.ts';
import { wayOut } from '../way-out.ts';
import type { PlacedPort } from './allocator.ts';

export interface PublishingSandbox {
  readonly request: Pick<SandboxRequest, 'name'>;
  readonly attached: readonly Pick<AttachedNetwork, 'network'>[];
  readonly endpoints: readonly Endpoint[];
  /** Whether the proxy passes on what comes by IPv6, also to a sandbox that has none. */
  readonly isRelayed: boolean;
}

/**
 * Without an address of the host: on all of those of the families by which the sandbox leaves, or on the one that its
 * network is told to have. Throws a NetworkError for an address of IPv6 where it has none.
 */
export function placePort(port: PortRequest, sandbox: PublishingSandbox): PlacedPort {
  const { request, attached, endpoints } = sandbox;
  const [ipv4, ipv6] = [wayOut(endpoints, 4), wayOut(endpoints, 6)];
  // Published are ports of networks that are the host's own.
  if ([ipv4, ipv6].some((way) => way?.hostInterface === '')) return { ...port, hostIps: [] };
  const isRelayed = sandbox.isRelayed && port.protocol !== 'sctp' && (ipv4 ?? ipv6) !== undefined;
  if (port.hostIp !== '') {
    const address = parseAddress(port.hostIp.replace(/^\[(.*)\]$/, '$1'));
    // One that leaves by no network at all reaches nobody by its ports, of either family.
    if (address?.family === 6 && ipv6 === undefined && ipv4 !== undefined && !isRelayed)
      throw withoutIpv6(port, request);
    return { ...port, hostIps: [address === null ? port.hostIp : formatAddress(address)] };
  }
  const network = attached.find(({ network: { id } }) => id === ipv4?.networkId)?.network;
  const chosen = network === undefined ? '' : bindingAddressOf(network);
  const ofIpv4 = ipv4 !== undefined || ipv6 === undefined;
  return {
    ...port,
    hostIps: [
      ...(ofIpv4 ? [chosen === '' ? '0.0.0.0' : chosen] : []),
      // A network that is told an address of IPv4 is to be reached by that one alone.
      ...((ipv6 !== undefined || isRelayed) && chosen === '' ? ['::'] : []),
    ],
  };
}

function withoutIpv6(
  { hostIp, published }: PortRequest,
  { name }: Pick<SandboxRequest, 'name'>,
): NetworkError {
  return new NetworkError({
    code: 'unsupported',
    message: `port ${published} of container "${name}" cannot be published on ${hostIp}: no network by which it leaves has IPv6`,
    hint: 'set enable_ipv6: true on its network, or publish on an IPv4 address of this host',
    fields: { container: name, address: hostIp, port: published },
  });
}
