import { describe, expect, test } from 'vitest';
import {
  containsAddress,
  containsSubnet,
  formatAddress,
  formatSubnet,
  lastOf,
  overlaps,
  parseAddress,
  parseSubnet,
  sizeOf,
} from '../../../../network/ipam/subnet.ts';
import type { Subnet } from '../../../../network/ipam/subnet.ts';
import { Random, rounds } from '../random.ts';

function cidr(text: string): Subnet {
  const subnet = parseSubnet(text);
  if (subnet === null) throw new Error(text);
  return subnet;
}

describe('an address', () => {
  test.each([
    ['0.0.0.0', 0],
    ['10.0.0.1', 0x0a000001],
    ['172.18.0.2', 0xac120002],
    ['255.255.255.255', 0xffffffff],
  ])('%s must be a number and back', (text, number) => {
    expect(parseAddress(text)).toBe(number);
    expect(formatAddress(number)).toBe(text);
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
    '::1',
  ])('must not be read from %j', (text) => {
    expect(parseAddress(text)).toBeNull();
  });
});

describe('a subnet', () => {
  test.each([
    ['0.0.0.0/0', 0, 0xffffffff],
    ['172.18.0.0/16', 0xac120000, 0xac12ffff],
    ['172.18.3.4/16', 0xac120000, 0xac12ffff],
    ['192.168.255.240/28', 0xc0a8fff0, 0xc0a8ffff],
    ['255.255.255.255/32', 0xffffffff, 0xffffffff],
  ])('%s must have its first and last address', (text, first, last) => {
    expect(cidr(text).base).toBe(first);
    expect(lastOf(cidr(text))).toBe(last);
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
    'fd00::/64',
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
  ])('%s and %s must overlap: %s', (one, other, expected) => {
    expect(overlaps(cidr(one), cidr(other))).toBe(expected);
  });

  test('must agree with counting, for any subnet and address', () => {
    for (let seed = 1; seed <= rounds; seed++) {
      const random = new Random(seed);
      const subnet = cidr(`${formatAddress(random.below(2 ** 32))}/${random.below(33)}`);
      expect(cidr(formatSubnet(subnet))).toEqual(subnet);
      const address = random.below(2 ** 32);
      const isInside = address >= subnet.base && address < subnet.base + sizeOf(subnet);
      expect(containsAddress(subnet, address), `seed ${seed}`).toBe(isInside);
      const inner = cidr(`${formatAddress(address)}/32`);
      expect(containsSubnet(subnet, inner)).toBe(isInside);
    }
  });
});
