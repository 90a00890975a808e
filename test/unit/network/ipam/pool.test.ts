import { describe, expect, test } from 'vitest';
import { AddressPool } from '../../../../network/ipam/pool.ts';
import type { Ipam } from '../../../../network/index.ts';

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
});
