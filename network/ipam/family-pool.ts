/** The subnets that a network has of one family. Addresses come from the first that has one left. */
import type { Ipam } from '../model.ts';
import { normalAddress } from './address.ts';
import type { Family } from './address.ts';
import { AddressPool } from './pool.ts';
import { formatSubnet } from './subnet.ts';

/** An address that is taken, and where it is. */
export interface Lease {
  readonly address: string;
  readonly prefixLength: number;
  readonly gateway: string | null;
}

export class FamilyPool {
  readonly family: Family;
  readonly #pools: readonly AddressPool[];

  private constructor(family: Family, pools: readonly AddressPool[]) {
    this.family = family;
    this.#pools = pools;
  }

  /** null for a network without that family. */
  static of(ipam: readonly Ipam[], family: Family): FamilyPool | null {
    const pools = ipam.map((one) => new AddressPool(one)).filter((pool) => pool.family === family);
    return pools.length === 0 ? null : new FamilyPool(family, pools);
  }

  /** "10.1.0.0/24", or several with commas between them. */
  get subnets(): string {
    return this.#pools.map(({ subnet }) => formatSubnet(subnet)).join(', ');
  }

  get isExhausted(): boolean {
    return this.#pools.every((pool) => pool.isExhausted);
  }

  has(address: string): boolean {
    return this.#poolOf(address) !== undefined;
  }

  /** null if there is none left. */
  lease(): Lease | null {
    for (const pool of this.#pools) {
      const address = pool.lease();
      if (address !== null) return leaseOf(pool, address);
    }
    return null;
  }

  /** Throws a NetworkError if it is taken or no address of ours. */
  leaseFixed(address: string): Lease {
    const pool = this.#poolOf(address) ?? this.#pools[0];
    if (pool === undefined) throw new TypeError('a pool has no subnet');
    pool.leaseFixed(address);
    return leaseOf(pool, normalAddress(address));
  }

  release(address: string): void {
    this.#poolOf(address)?.release(address);
  }

  #poolOf(address: string): AddressPool | undefined {
    return this.#pools.find((pool) => pool.has(address));
  }
}

function leaseOf({ subnet, gateway }: AddressPool, address: string): Lease {
  return { address, prefixLength: subnet.prefixLength, gateway };
}
