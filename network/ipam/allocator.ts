/** Which subnet a network gets: the one it asks for, checked, or the first default one that is free. Pure. */
import { NetworkError } from '../errors.ts';
import type { Ipam, IpamRequest } from '../model.ts';
import {
  containsAddress,
  containsSubnet,
  formatAddress,
  formatSubnet,
  lastOf,
  overlaps,
  parseAddress,
  parseSubnet,
  sizeOf,
  subnetOf,
} from './subnet.ts';
import type { Subnet } from './subnet.ts';

/** A subnet that is taken, and by whom, as an error says it: `network "shop_default"`. */
export interface Occupied {
  readonly subnet: Subnet;
  readonly by: string;
  /** Directly connected or ours: two of these with one subnet cannot work. A mere route may be more general. */
  readonly isConnected: boolean;
}

/**
 * The order of Docker's defaults, so that a stack gets the addresses its users are used to. 172.17.0.0/16 is left to
 * docker0, which may appear later.
 */
const defaultPools: readonly { readonly from: Subnet; readonly prefixLength: number }[] = [
  ...range(18, 31).map((second) => ({ from: cidr(`172.${second}.0.0/16`), prefixLength: 16 })),
  { from: cidr('192.168.0.0/16'), prefixLength: 20 },
];

// Routes of a VPN that takes over the default route without replacing it (0.0.0.0/1 and 128.0.0.0/1) say nothing about
// which addresses are in use.
const shortestMeaningfulPrefix = 8;

export function allocateIpam(
  requests: readonly IpamRequest[],
  occupied: readonly Occupied[],
): readonly Ipam[] {
  if (requests.length > 1) {
    throw new NetworkError({
      code: 'unsupported',
      message: 'a network with more than one subnet is not supported',
      hint: 'give the network one subnet',
    });
  }
  const request = requests[0] ?? {};
  const subnet =
    request.subnet === undefined ? chooseSubnet(occupied) : checkSubnet(request.subnet, occupied);
  return [completeIpam(subnet, request)];
}

function chooseSubnet(occupied: readonly Occupied[]): Subnet {
  const relevant = occupied.filter(
    ({ subnet, isConnected }) => isConnected || subnet.prefixLength >= shortestMeaningfulPrefix,
  );
  for (const { from, prefixLength } of defaultPools) {
    for (let base = from.base; base <= lastOf(from); base += 2 ** (32 - prefixLength)) {
      const candidate = { base, prefixLength };
      if (!relevant.some(({ subnet }) => overlaps(subnet, candidate))) return candidate;
    }
  }
  throw new NetworkError({
    code: 'subnets-exhausted',
    message: `all ${subnetCount} default subnets are in use`,
    hint: 'remove networks that are not needed, or give the network a subnet of its own',
    fields: { subnets: subnetCount },
  });
}

function checkSubnet(text: string, occupied: readonly Occupied[]): Subnet {
  const subnet = parseSubnet(text);
  if (subnet === null) throw invalid('subnet', text, 'is not an IPv4 subnet');
  if (subnet.prefixLength < 8 || subnet.prefixLength > 30)
    throw invalid('subnet', text, 'must have a prefix length from 8 to 30');
  if (subnet.base !== parseAddress(text.slice(0, text.indexOf('/'))))
    throw invalid('subnet', text, `has host bits set, ${formatSubnet(subnet)} has none`);
  const clash = occupied.find((other) => other.isConnected && overlaps(other.subnet, subnet));
  if (clash === undefined) return subnet;
  throw new NetworkError({
    code: 'subnet-overlap',
    message: `subnet ${text} overlaps with ${formatSubnet(clash.subnet)} of ${clash.by}`,
    hint: 'choose another subnet, or leave it out',
    fields: { subnet: text, other: formatSubnet(clash.subnet), by: clash.by },
  });
}

function completeIpam(subnet: Subnet, request: IpamRequest): Ipam {
  const gateway = request.gateway ?? formatAddress(subnet.base + 1);
  checkInside(subnet, 'gateway', gateway);
  const reserved = request.reserved ?? {};
  for (const [name, address] of Object.entries(reserved))
    checkInside(subnet, `reserved address "${name}"`, address);
  return { subnet: formatSubnet(subnet), gateway, range: checkRange(subnet, request), reserved };
}

function checkInside(subnet: Subnet, what: string, text: string): void {
  const address = parseAddress(text);
  if (address === null) throw invalid(what, text, 'is not an IPv4 address');
  if (containsAddress(subnet, address) && address !== subnet.base && address !== lastOf(subnet))
    return;
  throw new NetworkError({
    code: 'address-not-in-subnet',
    message: `${what} ${text} is not a host address of subnet ${formatSubnet(subnet)}`,
    fields: { address: text, subnet: formatSubnet(subnet) },
  });
}

function checkRange(subnet: Subnet, { range: text }: IpamRequest): string | null {
  if (text === undefined) return null;
  const part = parseSubnet(text);
  if (part === null) throw invalid('address range', text, 'is not an IPv4 subnet');
  if (!containsSubnet(subnet, part))
    throw invalid('address range', text, `is not part of subnet ${formatSubnet(subnet)}`);
  return formatSubnet(part);
}

function invalid(what: string, value: string, problem: string): NetworkError {
  return new NetworkError({
    code: 'invalid-argument',
    message: `${what} "${value}" ${problem}`,
    fields: { value },
  });
}

function cidr(text: string): Subnet {
  const subnet = parseSubnet(text);
  if (subnet === null) throw new TypeError(`"${text}" is not a subnet`);
  return subnet;
}

function range(first: number, last: number): readonly number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

const subnetCount = defaultPools.reduce(
  (count, { from, prefixLength }) => count + sizeOf(from) / sizeOf(subnetOf(0, prefixLength)),
  0,
);
