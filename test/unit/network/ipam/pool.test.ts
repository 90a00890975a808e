import { describe, expect, test } from 'vitest';
import { AddressPool } from '../../../../network/ipam/pool.ts';
import type { Ipam } from '../../../../network/index.ts';
import { Random, rounds } from '../random.ts';

function pool(ipam: Partial<Ipam> = {}): AddressPool {
  return new AddressPool({
    subnet: '10.0.0.0/29',
    gateway: '10.0.0.1',
    range: null,
    reserved: {},
    ...ipam,
  });
}

function leaseAll(addresses: AddressPool): (string | null)[] {
  const leased: (string | null)[] = [];
  do leased.push(addresses.lease());
  while (leased.at(-1) !== null);
  return leased;
}

describe('a pool of addresses', () => {
  test('must lease each host address once, in order, and then none', () => {
    expect(leaseAll(pool())).toEqual([
      '10.0.0.2',
      '10.0.0.3',
      '10.0.0.4',
      '10.0.0.5',
      '10.0.0.6',
      null,
    ]);
  });

  test('must lease an address that was given back last of all', () => {
    const addresses = pool();
    expect(addresses.lease()).toBe('10.0.0.2');
    addresses.release('10.0.0.2');
    expect(leaseAll(addresses)).toEqual([
      '10.0.0.3',
      '10.0.0.4',
      '10.0.0.5',
      '10.0.0.6',
      '10.0.0.2',
      null,
    ]);
  });

  test('must be exhausted exactly when nothing can be leased, however it came to be', () => {
    const addresses = pool({
      subnet: '10.0.0.0/24',
      range: '10.0.0.0/30',
      reserved: { a: '10.0.0.9' },
    });
    addresses.leaseFixed('10.0.0.200');
    expect(addresses.isExhausted).toBe(false);
    addresses.leaseFixed('10.0.0.3');
    expect(addresses.isExhausted).toBe(false);
    expect(addresses.lease()).toBe('10.0.0.2');
    expect(addresses.isExhausted).toBe(true);
    expect(addresses.lease()).toBe(null);
    addresses.release('10.0.0.200');
    addresses.release('10.0.0.1');
    expect(addresses.isExhausted).toBe(true);
    addresses.release('10.0.0.3');
    addresses.release('10.0.0.3');
    expect(addresses.isExhausted).toBe(false);
    expect(addresses.lease()).toBe('10.0.0.3');
    expect(addresses.isExhausted).toBe(true);
  });

  test('must keep to its range, and fixed addresses need not', () => {
    const addresses = pool({ subnet: '10.0.0.0/24', range: '10.0.0.128/30' });
    expect(leaseAll(addresses)).toEqual([
      '10.0.0.128',
      '10.0.0.129',
      '10.0.0.130',
      '10.0.0.131',
      null,
    ]);
    addresses.leaseFixed('10.0.0.9');
    expect(() => {
      addresses.leaseFixed('10.0.0.9');
    }).toThrow('address 10.0.0.9 is already in use');
  });

  test('must never lease what is reserved, even if it is given back', () => {
    const addresses = pool({ reserved: { router: '10.0.0.3', printer: '10.0.0.4' } });
    for (const address of ['10.0.0.0', '10.0.0.1', '10.0.0.3', '10.0.0.7'])
      addresses.release(address);
    expect(leaseAll(addresses)).toEqual(['10.0.0.2', '10.0.0.5', '10.0.0.6', null]);
  });

  test.each(['10.0.1.2', 'nonsense', '10.0.0.2.3', ''])(
    'must refuse the fixed address %j',
    (address) => {
      expect(() => {
        pool().leaseFixed(address);
      }).toThrow(`address "${address}" is not in subnet 10.0.0.0/29`);
    },
  );

  test.each(['10.0.0.0', '10.0.0.1', '10.0.0.7'])(
    'must refuse %s, which is no host’s',
    (address) => {
      expect(() => {
        pool().leaseFixed(address);
      }).toThrow(`address ${address} is already in use`);
    },
  );

  test('must ignore what is given back and was never its own', () => {
    const addresses = pool();
    addresses.release('10.9.9.9');
    addresses.release('nonsense');
    expect(addresses.lease()).toBe('10.0.0.2');
  });

  test('of 2^64 addresses must lease like a small one, and have no broadcast address', () => {
    const addresses = pool({ subnet: 'fd00::/64', gateway: 'fd00::1' });
    expect([addresses.lease(), addresses.lease()]).toEqual(['fd00::2', 'fd00::3']);
    addresses.leaseFixed('fd00::ffff:ffff:ffff:ffff');
    expect(() => {
      addresses.leaseFixed('FD00:0::3');
    }).toThrow('address FD00:0::3 is already in use');
    expect(addresses.isExhausted).toBe(false);
    const small = pool({ subnet: 'fd00::/126', gateway: 'fd00::1' });
    expect(leaseAll(small)).toEqual(['fd00::2', 'fd00::3', null]);
    expect(small.isExhausted).toBe(true);
  });

  test('must never lease one address twice, for any order of leases and releases', () => {
    for (let seed = 1; seed <= rounds; seed++) {
      const random = new Random(seed);
      const subnet = random.pick(['10.0.0.0/28', 'fd00::/124', 'fd00::/64']);
      const gateway = subnet.startsWith('10') ? '10.0.0.1' : 'fd00::1';
      const addresses = pool({ subnet, gateway });
      const held = new Set<string>();
      for (let step = 0; step < 40; step++) {
        const [oldest] = held;
        if (random.below(3) === 0 && oldest !== undefined) {
          addresses.release(oldest);
          held.delete(oldest);
          continue;
        }
        const address = addresses.lease();
        if (address === null) {
          expect(addresses.isExhausted, `seed ${seed}`).toBe(true);
          continue;
        }
        expect(held.has(address) || address === gateway, `seed ${seed}: ${address}`).toBe(false);
        expect(addresses.has(address), `seed ${seed}: ${address}`).toBe(true);
        held.add(address);
      }
    }
  });
});
