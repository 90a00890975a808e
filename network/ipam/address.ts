/** IP addresses as numbers, and as people and the kernel write them. */
import { isIPv4, isIPv6 } from 'node:net';

export type Family = 4 | 6;

export interface Address {
  readonly family: Family;
  /** Of 32 or 128 bits. */
  readonly value: bigint;
}

export function bitsOf(family: Family): number {
  return family === 4 ? 32 : 128;
}

/** Strict: no leading zeros in a dotted quad, which some parsers read as octal, and no zone. null if it is none. */
export function parseAddress(text: string): Address | null {
  if (isIPv4(text)) return { family: 4, value: quad(text) };
  if (!isIPv6(text) || text.includes('%')) return null;
  const [head = '', tail] = withoutQuad(text).split('::');
  const left = groupsOf(head);
  const right = tail === undefined ? [] : groupsOf(tail);
  const zeros = Array<bigint>(8 - left.length - right.length).fill(0n);
  const groups = [...left, ...zeros, ...right];
  return { family: 6, value: groups.reduce((value, group) => (value << 16n) | group, 0n) };
}

/** For what has been checked before. */
export function requireAddress(text: string): Address {
  const address = parseAddress(text);
  if (address === null) throw new TypeError(`"${text}" is not an IP address`);
  return address;
}

/** As RFC 5952 has it, so that equal addresses are equal texts. */
export function formatAddress({ family, value }: Address): string {
  if (family === 4) return groupsOfValue(value, 8, 4).join('.');
  // RFC 4291, 2.5.5.2: an IPv4 address in IPv6.
  if (value >> 32n === 0xffffn)
    return `::ffff:${formatAddress({ family: 4, value: value & 0xffff_ffffn })}`;
  const groups = groupsOfValue(value, 16, 8);
  const zeros = longestZeros(groups);
  const hex = (some: readonly number[]): string => some.map((one) => one.toString(16)).join(':');
  if (zeros.length < 2) return hex(groups);
  return `${hex(groups.slice(0, zeros.start))}::${hex(groups.slice(zeros.start + zeros.length))}`;
}

/** The same address in its usual text. */
export function normalAddress(text: string): string {
  return formatAddress(requireAddress(text));
}

/** Four or sixteen, in network order. */
export function addressBytes({ family, value }: Address): Uint8Array {
  return Uint8Array.from(groupsOfValue(value, 8, bitsOf(family) / 8));
}

/** null for another number of bytes. */
export function addressOfBytes(bytes: Uint8Array): Address | null {
  if (bytes.length !== 4 && bytes.length !== 16) return null;
  const value = bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  return { family: bytes.length === 4 ? 4 : 6, value };
}

function quad(text: string): bigint {
  return text.split('.').reduce((value, octet) => (value << 8n) | BigInt(octet), 0n);
}

function groupsOf(text: string): bigint[] {
  return text === '' ? [] : text.split(':').map((group) => BigInt(`0x${group}`));
}

/** "::ffff:1.2.3.4" → "::ffff:102:304" */
function withoutQuad(text: string): string {
  const start = text.lastIndexOf(':') + 1;
  const last = text.slice(start);
  if (!isIPv4(last)) return text;
  const value = quad(last);
  return `${text.slice(0, start)}${(value >> 16n).toString(16)}:${(value & 0xffffn).toString(16)}`;
}

function groupsOfValue(value: bigint, width: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) =>
    Number(BigInt.asUintN(width, value >> BigInt(width * (count - 1 - index)))),
  );
}

/** The first of the longest runs. */
function longestZeros(groups: readonly number[]): { start: number; length: number } {
  let longest = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let end = start;
    while (groups[end] === 0) end++;
    if (end - start > longest.length) longest = { start, length: end - start };
  }
  return longest;
}
