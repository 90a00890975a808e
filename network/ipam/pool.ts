/**
 * The addresses of one network and who may have them. Leases go round: an address just given back is the last to be
 * taken again, so that what neighbours and connection tracking remember of it has time to fade.
 */
import { NetworkError } from '../errors.ts';
import type { Ipam } from '../model.ts';
import { Bitset } from './bitset.ts';
import {
  containsAddress,
  formatAddress,
  formatSubnet,
  lastOf,
  parseAddress,
  parseSubnet,
  sizeOf,
} from './subnet.ts';
import type { Subnet } from './subnet.ts';

export class AddressPool {
  readonly subnet: Subnet;
  readonly gateway: string;
  readonly #leased: Bitset;
  readonly #reserved: ReadonlySet<number>;
  /** First and one behind the last offset that is leased without being asked for. */
  readonly #first: number;
  readonly #end: number;
  #next: number;

  constructor(ipam: Ipam) {
    this.subnet = requireSubnet(ipam.subnet);
    this.gateway = ipam.gateway;
    this.#leased = new Bitset(sizeOf(this.subnet));
    const range = ipam.range === null ? this.subnet : requireSubnet(ipam.range);
    this.#first = range.base - this.subnet.base;
    this.#end = this.#first + sizeOf(range);
    this.#next = this.#first;
    this.#reserved = reservedOffsets(this.subnet, [ipam.gateway, ...Object.values(ipam.reserved)]);
    for (const offset of this.#reserved) this.#leased.add(offset);
  }

  has(address: string): boolean {
    const number = parseAddress(address);
    return number !== null && containsAddress(this.subnet, number);
  }

  /** Only fixed addresses outside the range can still be had. */
  get isExhausted(): boolean {
    return this.#leased.firstMissing(this.#first, this.#end) === null;
  }

  /** The next free address, or null if there is none. */
  lease(): string | null {
    const offset =
      this.#leased.firstMissing(this.#next, this.#end) ??
      this.#leased.firstMissing(this.#first, this.#next);
    if (offset === null) return null;
    this.#leased.add(offset);
    this.#next = offset + 1 === this.#end ? this.#first : offset + 1;
    return formatAddress(this.subnet.base + offset);
  }

  /** That very address, which may lie outside the range. */
  leaseFixed(address: string): void {
    const number = parseAddress(address);
    if (number === null || !containsAddress(this.subnet, number)) {
      throw new NetworkError({
        code: 'address-not-in-subnet',
        message: `address "${address}" is not in subnet ${formatSubnet(this.subnet)}`,
        fields: { address, subnet: formatSubnet(this.subnet) },
      });
    }
    const offset = number - this.subnet.base;
    if (this.#leased.has(offset)) {
      throw new NetworkError({
        code: 'address-in-use',
        message: `address ${address} is already in use`,
        fields: { address },
      });
    }
    this.#leased.add(offset);
  }

  release(address: string): void {
    const number = parseAddress(address);
    if (number === null || !containsAddress(this.subnet, number)) return;
    const offset = number - this.subnet.base;
    if (!this.#reserved.has(offset)) this.#leased.delete(offset);
  }
}

/** Network and broadcast address, the gateway, and what the user set apart. */
function reservedOffsets(subnet: Subnet, addresses: readonly string[]): ReadonlySet<number> {
  const offsets = new Set<number>();
  // RFC 3021: the two addresses of a /31 are both hosts.
  if (subnet.prefixLength < 31) offsets.add(0).add(lastOf(subnet) - subnet.base);
  for (const text of addresses) {
    const address = parseAddress(text);
    if (address !== null && containsAddress(subnet, address)) offsets.add(address - subnet.base);
  }
  return offsets;
}

/** Subnets of records have been checked when they were made. */
function requireSubnet(text: string): Subnet {
  const subnet = parseSubnet(text);
  if (subnet === null) throw new TypeError(`"${text}" is not a subnet`);
  return subnet;
}
