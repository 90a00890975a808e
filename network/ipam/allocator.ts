/** Which subnets a network gets: those it asks for, checked, or the first default ones that are free. Pure. */
import { NetworkError } from '../errors.ts';
import type { Ipam, IpamRequest } from '../model.ts';
import { bitsOf, formatAddress, parseAddress } from './address.ts';
import type { Family } from './address.ts';
import {
  addressAt,
  containsAddress,
  containsSubnet,
  formatSubnet,
  lastOf,
  overlaps,
  parseSubnet,
  requireSubnet,
  sizeOf,
} from './subnet.ts';
import type { Subnet } from './subnet.ts';

/** A subnet that is taken, and by whom, as an error says it: `network "shop_default"`. */
export interface Occupied {
  readonly subnet: Subnet;
  readonly by: string;
  /** Directly connected or ours: two of these with one subnet cannot work. A mere route may be more general. */
  readonly isConnected: boolean;
  /** Name of the network of ours. */
  readonly network?: string;
}

/** Where subnets are from that nobody asked for: parts of that length. */
export interface DefaultPool {
  readonly from: Subnet;
  readonly prefixLength: number;
}

export interface IpamChoice {
  readonly requests: readonly IpamRequest[];
  /** Those the network has: each gets a subnet, asked for or not. */
  readonly families: readonly Family[];
  readonly occupied: readonly Occupied[];
  /** Where subnets of IPv6 are from: the engine's own /48; null if the network has no IPv6. */
  readonly unique: Subnet | null;
}

/**
 * The order of Docker's defaults, so that a stack gets the addresses its users are used to. 172.17.0.0/16 is left to
 * docker0, which may appear later.
 */
const defaultPools: readonly DefaultPool[] = [
  ...range(18, 31).map((second) => ({
    from: requireSubnet(`172.${second}.0.0/16`),
    prefixLength: 16,
  })),
  { from: requireSubnet('192.168.0.0/16'), prefixLength: 20 },
];

// Routes of a VPN that takes over the default route without replacing it (0.0.0.0/1 and 128.0.0.0/1, 2000::/3) say
// nothing about which addresses are in use.
const shortestMeaningfulPrefix = 8;

/** RFC 4291, 2.5.1: interface identifiers have 64 bits. */
const ipv6PrefixLength = 64;

export function allocateIpam(choice: IpamChoice): readonly Ipam[] {
  const { requests, families } = choice;
  const wanted = requests.map((request) => ({ request, family: familyOf(request) }));
  const unwanted = wanted.find(({ family }) => !families.includes(family));
  if (unwanted !== undefined) throw withoutFamily(unwanted.family, unwanted.request);
  const chosen: Ipam[] = [];
  for (const family of families) {
    const ofFamily = wanted.filter((one) => one.family === family).map(({ request }) => request);
    for (const request of ofFamily.length === 0 ? [{}] : ofFamily)
      chosen.push(chooseOne(request, family, { ...choice, occupied: withChosen(choice, chosen) }));
  }
  return chosen;
}

/** The subnets of one network must not overlap either. */
function withChosen({ occupied }: IpamChoice, chosen: readonly Ipam[]): readonly Occupied[] {
  const by = 'the same network';
  return [
    ...occupied,
    ...chosen.map(({ subnet }) => ({ subnet: requireSubnet(subnet), by, isConnected: true })),
  ];
}

function chooseOne(request: IpamRequest, family: Family, choice: IpamChoice): Ipam {
  const { occupied, unique } = choice;
  if (request.subnet !== undefined)
    return completeIpam(checkSubnet(request.subnet, occupied), request);
  const own = unique === null ? [] : [{ from: unique, prefixLength: ipv6PrefixLength }];
  const pools = family === 4 ? defaultPools : own;
  return completeIpam(chooseSubnet(pools, occupied), request);
}

/** Told by whatever the request says; what says nothing is for IPv4. */
function familyOf({ subnet, gateway, range, reserved = {} }: IpamRequest): Family {
  const texts = [subnet, gateway, range, ...Object.values(reserved)];
  return texts.some((text) => text?.includes(':') === true) ? 6 : 4;
}

function chooseSubnet(pools: readonly DefaultPool[], occupied: readonly Occupied[]): Subnet {
  const relevant = occupied.filter(
    ({ subnet, isConnected }) => isConnected || subnet.prefixLength >= shortestMeaningfulPrefix,
  );
  for (const pool of pools) {
    const found = firstFree(pool, relevant);
    if (found !== null) return found;
  }
  const count = pools.reduce((sum, pool) => sum + countOf(pool), 0n);
  throw new NetworkError({
    code: 'subnets-exhausted',
    message: `all ${count} default subnets are in use`,
    hint: 'remove networks that are not needed, or give the network a subnet of its own',
    fields: { subnets: Number(count) },
  });
}

function firstFree({ from, prefixLength }: DefaultPool, taken: readonly Occupied[]): Subnet | null {
  const { family } = from;
  const end = from.base + sizeOf(from);
  for (let base = from.base; base < end;) {
    const candidate: Subnet = { family, base, prefixLength };
    const clash = taken.find(({ subnet }) => overlaps(subnet, candidate));
    if (clash === undefined) return candidate;
    // Past the larger of the two: both are powers of two, so that one contains the other.
    const larger = clash.subnet.prefixLength < prefixLength ? clash.subnet : candidate;
    base = larger.base + sizeOf(larger);
  }
  return null;
}

function checkSubnet(text: string, occupied: readonly Occupied[]): Subnet {
  const subnet = parseSubnet(text);
  if (subnet === null) throw invalid('subnet', text, 'is not an IP subnet');
  checkLength(subnet, text);
  if (subnet.base !== parseAddress(text.slice(0, text.indexOf('/')))?.value)
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

/** A gateway and a host at least, beside the edges. */
function checkLength({ family, prefixLength }: Subnet, text: string): void {
  const longest = bitsOf(family) - 2;
  if (prefixLength >= 8 && prefixLength <= longest) return;
  throw invalid('subnet', text, `must have a prefix length from 8 to ${longest}`);
}

function completeIpam(subnet: Subnet, request: IpamRequest): Ipam {
  const { gateway: wanted } = request;
  const gateway =
    wanted === undefined
      ? formatAddress(addressAt(subnet, 1n))
      : checkInside(subnet, 'gateway', wanted);
  const reserved = Object.entries(request.reserved ?? {}).map(([name, address]) => [
    name,
    checkInside(subnet, `reserved address "${name}"`, address),
  ]);
  return {
    subnet: formatSubnet(subnet),
    gateway,
    range: checkRange(subnet, request),
    reserved: Object.fromEntries(reserved) as Record<string, string>,
  };
}

/** Returns its usual text. */
function checkInside(subnet: Subnet, what: string, text: string): string {
  const address = parseAddress(text);
  if (address === null) throw invalid(what, text, 'is not an IP address');
  const isEdge =
    address.value === subnet.base ||
    (subnet.family === 4 && address.value === lastOf(subnet).value);
  if (containsAddress(subnet, address) && !isEdge) return formatAddress(address);
  throw new NetworkError({
    code: 'address-not-in-subnet',
    message: `${what} ${text} is not a host address of subnet ${formatSubnet(subnet)}`,
    fields: { address: text, subnet: formatSubnet(subnet) },
  });
}

function checkRange(subnet: Subnet, { range: text }: IpamRequest): string | null {
  if (text === undefined) return null;
  const part = parseSubnet(text);
  if (part === null) throw invalid('address range', text, 'is not an IP subnet');
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

function withoutFamily(family: Family, { subnet = '' }: IpamRequest): NetworkError {
  return new NetworkError({
    code: 'invalid-argument',
    message: `the network has no IPv${family}, and is given ${subnet === '' ? 'addresses' : `subnet ${subnet}`} of it`,
    hint: `set enable_ipv${family}: true, or leave the subnet out`,
    fields: { subnet, family },
  });
}

function range(first: number, last: number): readonly number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

function countOf({ from, prefixLength }: DefaultPool): bigint {
  return sizeOf(from) / sizeOf({ ...from, prefixLength });
}
