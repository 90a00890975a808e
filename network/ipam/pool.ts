/**
 * The addresses of one subnet and who may have them. Leases go round: an address just given back is the last to be
 * taken again, so that what neighbours and connection tracking remember of it has time to fade.
 */
import { NetworkError } from '../errors.ts';
import type { Ipam } from '../model.ts';
import { formatAddress, parseAddress } from './address.ts';
import type { Family } from './address.ts';
import {
  addressAt,
  containsAddress,
  formatSubnet,
  lastOf,
  requireSubnet,
  sizeOf,
} from './subnet.ts';
import type { Subnet } from './subnet.ts';

export class AddressPool {
  readonly subnet: Subnet;
  /** null where the network has none. */
  readonly gateway: string | null;
  /** Offsets in the subnet. There are no more than a network has endpoints, however large the subnet is. */
  readonly #leased = new Set<bigint>();
  readonly #reserved: ReadonlySet<bigint>;
  /** First and one behind the last offset that is leased without being asked for. */
  readonly #first: bigint;
  readonly #end: bigint;
  /** Leased or reserved ones from first to end. */
  #takenInRange: number;
  #next: bigint;

  constructor({ subnet, gateway, range, reserved }: Ipam) {
    this.subnet = requireSubnet(subnet);
    this.gateway = gateway === '' ? null : gateway;
    const part = range === null ? this.subnet : requireSubnet(range);
    this.#first = part.base - this.subnet.base;
    this.#end = this.#first + sizeOf(part);
    this.#next = this.#first;
    this.#reserved = reservedOffsets(this.subnet, [gateway, ...Object.values(reserved)]);
    this.#takenInRange = [...this.#reserved].filter((offset) => this.#isInRange(offset)).length;
  }

  get family(): Family {
    return this.subnet.family;
  }

  has(address: string): boolean {
    return this.#offsetOf(address) !== null;
  }

  /** Only fixed addresses outside the range can still be had. */
  get isExhausted(): boolean {
    return BigInt(this.#takenInRange) === this.#end - this.#first;
  }

  /** The next free address, or null if there is none. */
  lease(): string | null {
    const offset =
      this.#firstFree(this.#next, this.#end) ?? this.#firstFree(this.#first, this.#next);
    if (offset === null) return null;
    this.#take(offset);
    this.#next = offset + 1n === this.#end ? this.#first : offset + 1n;
    return formatAddress(addressAt(this.subnet, offset));
  }

  /** That very address, which may lie outside the range. */
  leaseFixed(address: string): void {
    const offset = this.#offsetOf(address);
    if (offset === null) {
      throw new NetworkError({
        code: 'address-not-in-subnet',
        message: `address "${address}" is not in subnet ${formatSubnet(this.subnet)}`,
        fields: { address, subnet: formatSubnet(this.subnet) },
      });
    }
    if (this.#isTaken(offset)) {
      throw new NetworkError({
        code: 'address-in-use',
        message: `address ${address} is already in use`,
        fields: { address },
      });
    }
    this.#take(offset);
  }

  release(address: string): void {
    const offset = this.#offsetOf(address);
    if (offset === null || !this.#leased.delete(offset)) return;
    if (this.#isInRange(offset)) this.#takenInRange--;
  }

  /** One that is free. */
  #take(offset: bigint): void {
    this.#leased.add(offset);
    if (this.#isInRange(offset)) this.#takenInRange++;
  }

  #isInRange(offset: bigint): boolean {
    return offset >= this.#first && offset < this.#end;
  }

  #offsetOf(text: string): bigint | null {
    const address = parseAddress(text);
    if (address === null || !containsAddress(this.subnet, address)) return null;
    return address.value - this.subnet.base;
  }

  #isTaken(offset: bigint): boolean {
    return this.#leased.has(offset) || this.#reserved.has(offset);
  }

  /** From `start` up to and not with `end`. */
  #firstFree(start: bigint, end: bigint): bigint | null {
    for (let offset = start; offset < end; offset++) {
      if (!this.#isTaken(offset)) return offset;
    }
    return null;
  }
}

/** Network and broadcast address, the gateway, and what the user set apart. */
function reservedOffsets(subnet: Subnet, addresses: readonly string[]): ReadonlySet<bigint> {
  const offsets = new Set(edgesOf(subnet));
  for (const text of addresses) {
    const address = parseAddress(text);
    if (address !== null && containsAddress(subnet, address))
      offsets.add(address.value - subnet.base);
  }
  return offsets;
}

/** Addresses at the edges that are no host's. */
function edgesOf(subnet: Subnet): readonly bigint[] {
  // RFC 3021 and RFC 6164: the two addresses of a /31 or a /127 are both hosts.
  if (sizeOf(subnet) <= 2n) return [];
  // RFC 4291, 2.6.1: the first one of IPv6 is every router's; there is no broadcast.
  return subnet.family === 4 ? [0n, lastOf(subnet).value - subnet.base] : [0n];
}
