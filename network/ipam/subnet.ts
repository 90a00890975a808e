/** IPv4 CIDR arithmetic on unsigned 32-bit numbers. */

export interface Subnet {
  /** First address; its host bits are 0. */
  readonly base: number;
  readonly prefixLength: number;
}

/** Strict dotted quad: no leading zeros, which some parsers read as octal. null if it is none. */
export function parseAddress(text: string): number | null {
  const parts = text.split('.');
  if (parts.length !== 4) return null;
  let address = 0;
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part)) return null;
    const octet = Number(part);
    if (octet > 255) return null;
    address = address * 256 + octet;
  }
  return address;
}

export function formatAddress(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join('.');
}

/** "172.18.0.0/16"; host bits are cleared. null if it is no subnet. */
export function parseSubnet(text: string): Subnet | null {
  const match = /^([\d.]+)\/(0|[1-9]\d?)$/.exec(text);
  if (match === null) return null;
  const address = parseAddress(match[1] ?? '');
  const prefixLength = Number(match[2]);
  return address === null || prefixLength > 32 ? null : subnetOf(address, prefixLength);
}

export function formatSubnet({ base, prefixLength }: Subnet): string {
  return `${formatAddress(base)}/${prefixLength}`;
}

/** The subnet of that size that `address` is in. */
export function subnetOf(address: number, prefixLength: number): Subnet {
  return { base: (address & maskOf(prefixLength)) >>> 0, prefixLength };
}

export function sizeOf({ prefixLength }: Subnet): number {
  return 2 ** (32 - prefixLength);
}

/** The last address: broadcast, except in subnets of one or two. */
export function lastOf(subnet: Subnet): number {
  return subnet.base + sizeOf(subnet) - 1;
}

export function containsAddress({ base, prefixLength }: Subnet, address: number): boolean {
  return subnetOf(address, prefixLength).base === base;
}

export function containsSubnet(outer: Subnet, inner: Subnet): boolean {
  return inner.prefixLength >= outer.prefixLength && containsAddress(outer, inner.base);
}

export function overlaps(one: Subnet, other: Subnet): boolean {
  return containsSubnet(one, other) || containsSubnet(other, one);
}

/** A shift by 32 is a shift by 0 in JavaScript. */
function maskOf(prefixLength: number): number {
  return prefixLength === 0 ? 0 : (0xffffffff << (32 - prefixLength)) >>> 0;
}
