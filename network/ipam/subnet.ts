/** CIDR arithmetic. */
import { bitsOf, formatAddress, parseAddress } from './address.ts';
import type { Address, Family } from './address.ts';

export interface Subnet {
  readonly family: Family;
  /** First address; its host bits are 0. */
  readonly base: bigint;
  readonly prefixLength: number;
}

/** "172.18.0.0/16", "fd00:1::/64"; host bits are cleared. null if it is no subnet. */
export function parseSubnet(text: string): Subnet | null {
  const match = /^([^/]+)\/(0|[1-9]\d{0,2})$/.exec(text);
  const address = parseAddress(match?.[1] ?? '');
  if (address === null) return null;
  const prefixLength = Number(match?.[2]);
  return prefixLength > bitsOf(address.family) ? null : subnetOf(address, prefixLength);
}

/** For what has been checked before. */
export function requireSubnet(text: string): Subnet {
  const subnet = parseSubnet(text);
  if (subnet === null) throw new TypeError(`"${text}" is not a subnet`);
  return subnet;
}

export function formatSubnet(subnet: Subnet): string {
  return `${formatAddress(addressAt(subnet, 0n))}/${subnet.prefixLength}`;
}

/** The subnet of that size that `address` is in. */
export function subnetOf({ family, value }: Address, prefixLength: number): Subnet {
  const hostBits = BigInt(bitsOf(family) - prefixLength);
  return { family, base: (value >> hostBits) << hostBits, prefixLength };
}

export function sizeOf({ family, prefixLength }: Subnet): bigint {
  return 1n << BigInt(bitsOf(family) - prefixLength);
}

/** Address number `offset` of it. */
export function addressAt({ family, base }: Subnet, offset: bigint): Address {
  return { family, value: base + offset };
}

/** The last address: of IPv4 broadcast, except in subnets of one or two. */
export function lastOf(subnet: Subnet): Address {
  return addressAt(subnet, sizeOf(subnet) - 1n);
}

export function containsAddress({ family, base, prefixLength }: Subnet, address: Address): boolean {
  return address.family === family && subnetOf(address, prefixLength).base === base;
}

export function containsSubnet(outer: Subnet, inner: Subnet): boolean {
  return inner.prefixLength >= outer.prefixLength && containsAddress(outer, addressAt(inner, 0n));
}

export function overlaps(one: Subnet, other: Subnet): boolean {
  return containsSubnet(one, other) || containsSubnet(other, one);
}
