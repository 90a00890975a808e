import { describe, expect, test } from 'vitest';
import {
  addressBytes,
  addressOfBytes,
  formatAddress,
  normalAddress,
  parseAddress,
  requireAddress,
} from '../../../../network/ipam/address.ts';
import type { Address } from '../../../../network/ipam/address.ts';
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
} from '../../../../network/ipam/subnet.ts';
import { uniqueLocal } from '../../../../network/ipam/unique-local.ts';
import { Random, rounds } from '../random.ts';

function someAddress(random: Random): Address {
  const length = random.pick([4, 16]);
  // Zeros in runs, as addresses have them.
  const bytes = Uint8Array.from({ length }, () => (random.below(2) === 0 ? 0 : random.below(256)));
  const address = addressOfBytes(bytes);
  if (address === null) throw new Error('no address');
  return address;
}

describe('an address', () => {
  test.each([
    ['0.0.0.0', 0n],
    ['10.0.0.1', 0x0a000001n],
    ['172.18.0.2', 0xac120002n],
    ['255.255.255.255', 0xffffffffn],
    ['::', 0n],
    ['::1', 1n],
    ['fd00::', 0xfdn << 120n],
    ['2001:db8::8:800:200c:417a', 0x20010db80000000000080800200c417an],
    ['2001:db8:0:1::1', 0x20010db8000000010000000000000001n],
    ['ff02::101', (0xff02n << 112n) | 0x101n],
    ['::ffff:10.0.0.1', 0xffff0a000001n],
    ['1:2:3:4:5:6:7:8', 0x00010002000300040005000600070008n],
  ])('%s must be a number and back', (text, number) => {
    expect(parseAddress(text)).toEqual({ family: text.includes(':') ? 6 : 4, value: number });
    expect(normalAddress(text)).toBe(text);
  });

  // RFC 5952, section 4.
  test.each([
    ['2001:0DB8:0000:0000:0000:0000:0000:0001', '2001:db8::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['::1.2.3.4', '::102:304'],
  ])('%s must have the usual text %s', (text, expected) => {
    expect(normalAddress(text)).toBe(expected);
  });

  test.each([
    '',
    '1',
    '1.2.3',
    '1.2.3.4.5',
    '256.0.0.1',
    '01.2.3.4',
    '1.2.3.-4',
    ' 1.2.3.4',
    '1.2.3.4 ',
    '1.2.3.x',
    '0x1.2.3.4',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    'fe80::1%eth0',
    '[::1]',
    '::12345',
  ])('must not be read from %j', (text) => {
    expect(parseAddress(text)).toBeNull();
    expect(() => requireAddress(text)).toThrow(`"${text}" is not an IP address`);
  });

  test('must survive its text and its bytes, for any address', () => {
    for (let seed = 1; seed <= rounds; seed++) {
      const address = someAddress(new Random(seed));
      const text = formatAddress(address);
      expect(parseAddress(text), `seed ${seed}`).toEqual(address);
      expect(addressOfBytes(addressBytes(address)), `seed ${seed}`).toEqual(address);
      if (address.family === 6 && !text.includes('.'))
        expect(new URL(`http://[${text}]`).hostname, `seed ${seed}`).toBe(`[${text}]`);
    }
  });
});

describe('a subnet', () => {
  test.each([
    ['0.0.0.0/0', '0.0.0.0', '255.255.255.255'],
    ['172.18.0.0/16', '172.18.0.0', '172.18.255.255'],
    ['172.18.3.4/16', '172.18.0.0', '172.18.255.255'],
    ['192.168.255.240/28', '192.168.255.240', '192.168.255.255'],
    ['255.255.255.255/32', '255.255.255.255', '255.255.255.255'],
    ['::/0', '::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
    ['fd00:1:2:3:4::5/64', 'fd00:1:2:3::', 'fd00:1:2:3:ffff:ffff:ffff:ffff'],
    ['fd00::1/128', 'fd00::1', 'fd00::1'],
  ])('%s must have its first and last address', (text, first, last) => {
    const subnet = requireSubnet(text);
    expect(formatAddress(addressAt(subnet, 0n))).toBe(first);
    expect(formatAddress(lastOf(subnet))).toBe(last);
  });

  test.each([
    '',
    '10.0.0.0',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0/8',
    '10.0.0.0/08',
    '10.0.0.0/8 ',
    'fd00::/129',
    'fd00::',
    '/64',
    'fd00::%1/64',
  ])('must not be read from %j', (text) => {
    expect(parseSubnet(text)).toBeNull();
  });

  test.each([
    ['10.0.0.0/8', '10.1.0.0/16', true],
    ['10.1.0.0/16', '10.0.0.0/8', true],
    ['10.0.0.0/16', '10.1.0.0/16', false],
    ['0.0.0.0/0', '255.0.0.0/8', true],
    ['128.0.0.0/1', '10.0.0.0/8', false],
    ['10.0.0.0/24', '10.0.0.0/24', true],
    ['fd00::/48', 'fd00:0:0:7::/64', true],
    ['fd00::/64', 'fd00:0:0:1::/64', false],
    ['::/0', '0.0.0.0/0', false],
  ])('%s and %s must overlap: %s', (one, other, expected) => {
    expect(overlaps(requireSubnet(one), requireSubnet(other))).toBe(expected);
  });

  test('must agree with counting, for any subnet and address', () => {
    for (let seed = 1; seed <= rounds; seed++) {
      const random = new Random(seed);
      const some = someAddress(random);
      const bits = some.family === 4 ? 32 : 128;
      const subnet = requireSubnet(`${formatAddress(some)}/${random.below(bits + 1)}`);
      expect(requireSubnet(formatSubnet(subnet))).toEqual(subnet);
      const address = someAddress(random);
      const isInside =
        address.family === subnet.family &&
        address.value >= subnet.base &&
        address.value < subnet.base + sizeOf(subnet);
      expect(containsAddress(subnet, address), `seed ${seed}`).toBe(isInside);
      const inner = requireSubnet(`${formatAddress(address)}/${address.family === 4 ? 32 : 128}`);
      expect(containsSubnet(subnet, inner)).toBe(isInside);
    }
  });
});

test('the subnet of a global id must be a /48 of fd00::/8', () => {
  expect(formatSubnet(uniqueLocal(Uint8Array.of(0x12, 0x34, 0x56, 0x78, 0x9a)))).toBe(
    'fd12:3456:789a::/48',
  );
  expect(() => uniqueLocal(new Uint8Array(4))).toThrow('a global id has 5 bytes, and not 4');
});
