import { describe, expect, test } from 'vitest';
import { allocateIpam } from '../../../../network/ipam/allocator.ts';
import type { Occupied } from '../../../../network/ipam/allocator.ts';
import { occupiedSubnets } from '../../../../network/ipam/occupied.ts';
import { requireAddress } from '../../../../network/ipam/address.ts';
import type { Address, Family } from '../../../../network/ipam/address.ts';
import { parseSubnet, requireSubnet } from '../../../../network/ipam/subnet.ts';
import type { Ipam, IpamRequest, Network } from '../../../../network/index.ts';

function taken(text: string, isConnected = true): Occupied {
  const subnet = parseSubnet(text);
  if (subnet === null) throw new Error(text);
  return { subnet, by: `interface "eth0"`, isConnected };
}

function allocate(
  requests: readonly IpamRequest[],
  occupied: readonly Occupied[],
  families: readonly Family[] = [4],
): readonly Ipam[] {
  return allocateIpam({
    requests,
    occupied,
    families,
    unique: requireSubnet('fd12:3456:789a::/48'),
  });
}

function chosen(occupied: readonly Occupied[]): string {
  return allocate([], occupied)[0]?.subnet ?? '';
}

describe('without a wish', () => {
  test.each([
    { name: 'nothing is taken', occupied: [], expected: '172.18.0.0/16' },
    { name: 'the first is taken', occupied: [taken('172.18.0.0/16')], expected: '172.19.0.0/16' },
    {
      name: 'a part of the first is taken',
      occupied: [taken('172.18.255.0/30')],
      expected: '172.19.0.0/16',
    },
    {
      name: 'a route covers several',
      occupied: [taken('172.16.0.0/13', false)],
      expected: '172.24.0.0/16',
    },
    { name: 'all of 172 is taken', occupied: [taken('172.16.0.0/12')], expected: '192.168.0.0/20' },
    {
      name: 'a VPN takes over the default route',
      occupied: [taken('0.0.0.0/1', false), taken('128.0.0.0/1', false)],
      expected: '172.18.0.0/16',
    },
  ])('$name: $expected', ({ occupied, expected }) => {
    expect(chosen(occupied)).toBe(expected);
  });

  test('must say so when every default subnet is taken, and give each only once before', () => {
    const occupied: Occupied[] = [];
    const subnets = new Set<string>();
    for (let count = 0; count < 30; count++) {
      const subnet = chosen(occupied);
      subnets.add(subnet);
      occupied.push(taken(subnet));
    }
    expect(subnets.size).toBe(30);
    expect([...subnets].slice(12, 16)).toEqual([
      '172.30.0.0/16',
      '172.31.0.0/16',
      '192.168.0.0/20',
      '192.168.16.0/20',
    ]);
    expect(() => chosen(occupied)).toThrow('all 30 default subnets are in use');
  });
});

describe('with a wish', () => {
  test('must be completed', () => {
    expect(allocate([{ subnet: '10.1.0.0/24' }], [])).toEqual([
      { subnet: '10.1.0.0/24', gateway: '10.1.0.1', range: null, reserved: {} },
    ]);
    expect(
      allocate(
        [
          {
            subnet: '10.1.0.0/24',
            gateway: '10.1.0.254',
            range: '10.1.0.128/25',
            reserved: { dns: '10.1.0.5' },
          },
        ],
        [taken('10.0.0.0/8', false)],
      ),
    ).toEqual([
      {
        subnet: '10.1.0.0/24',
        gateway: '10.1.0.254',
        range: '10.1.0.128/25',
        reserved: { dns: '10.1.0.5' },
      },
    ]);
  });

  test.each([
    [{ subnet: 'fd00::/64' }, 'the network has no IPv6, and is given subnet fd00::/64 of it'],
    [{ subnet: 'all' }, 'subnet "all" is not an IP subnet'],
    [{ subnet: '10.1.0.5/24' }, 'subnet "10.1.0.5/24" has host bits set, 10.1.0.0/24 has none'],
    [{ subnet: '10.0.0.0/7' }, 'subnet "10.0.0.0/7" must have a prefix length from 8 to 30'],
    [{ subnet: '10.0.0.0/31' }, 'subnet "10.0.0.0/31" must have a prefix length from 8 to 30'],
    [
      { subnet: '10.1.0.0/24', gateway: '10.2.0.1' },
      'gateway 10.2.0.1 is not a host address of subnet 10.1.0.0/24',
    ],
    [
      { subnet: '10.1.0.0/24', gateway: '10.1.0.255' },
      'gateway 10.1.0.255 is not a host address of subnet 10.1.0.0/24',
    ],
    [{ subnet: '10.1.0.0/24', gateway: 'router' }, 'gateway "router" is not an IP address'],
    [
      { subnet: '10.1.0.0/24', range: '10.1.0.0/16' },
      'address range "10.1.0.0/16" is not part of subnet 10.1.0.0/24',
    ],
    [{ subnet: '10.1.0.0/24', range: 'all' }, 'address range "all" is not an IP subnet'],
    [
      { subnet: '10.1.0.0/24', reserved: { dns: '10.9.0.1' } },
      'reserved address "dns" 10.9.0.1 is not a host address of subnet 10.1.0.0/24',
    ],
  ])('%j must be refused', (request, message) => {
    expect(() => allocate([request], [])).toThrow(message);
  });

  test('that overlaps must be refused with who has it', () => {
    expect(() => allocate([{ subnet: '10.1.0.0/16' }], [taken('10.1.2.0/24')])).toThrow(
      'subnet 10.1.0.0/16 overlaps with 10.1.2.0/24 of interface "eth0"',
    );
  });

  test('for several subnets must have them all, and none twice', () => {
    const two = allocate([{ subnet: '10.1.0.0/24' }, { subnet: '10.2.0.0/24' }], []);
    expect(two.map(({ subnet }) => subnet)).toEqual(['10.1.0.0/24', '10.2.0.0/24']);
    expect(() => allocate([{ subnet: '10.1.0.0/16' }, { subnet: '10.1.2.0/24' }], [])).toThrow(
      'subnet 10.1.2.0/24 overlaps with 10.1.0.0/16 of the same network',
    );
  });
});

describe('of IPv6', () => {
  test('a network must get the first free /64 of the engine’s own /48', () => {
    const subnetsOf = (ipam: readonly Ipam[]): readonly string[] =>
      ipam.map(({ subnet }) => subnet);
    expect(allocate([], [], [4, 6])).toEqual([
      { subnet: '172.18.0.0/16', gateway: '172.18.0.1', range: null, reserved: {} },
      {
        ...{ subnet: 'fd12:3456:789a::/64', gateway: 'fd12:3456:789a::1' },
        ...{ range: null, reserved: {} },
      },
    ]);
    const occupied = [taken('fd12:3456:789a::/64'), taken('fd12:3456:789a:2::/63', false)];
    expect(subnetsOf(allocate([], occupied, [6]))).toEqual(['fd12:3456:789a:1::/64']);
    const more = [...occupied, taken('fd12:3456:789a:1::5/128')];
    expect(subnetsOf(allocate([], more, [6]))).toEqual(['fd12:3456:789a:4::/64']);
    const vpn = [taken('2000::/3', false), taken('fc00::/7', false)];
    expect(subnetsOf(allocate([], vpn, [6]))).toEqual(['fd12:3456:789a::/64']);
  });

  test('a taken /48 must be told as exhausted, without counting through it', () => {
    expect(() => allocate([], [taken('fd12::/16')], [6])).toThrow(
      'all 65536 default subnets are in use',
    );
  });

  test.each([
    [
      {
        subnet: '2001:DB8:0::/64',
        range: '2001:db8::1:0/112',
        reserved: { router: '2001:db8::0:9' },
      },
      {
        ...{ subnet: '2001:db8::/64', gateway: '2001:db8::1' },
        ...{ range: '2001:db8::1:0/112', reserved: { router: '2001:db8::9' } },
      },
    ],
    [
      { gateway: 'fd12:3456:789a::fe' },
      {
        ...{ subnet: 'fd12:3456:789a::/64', gateway: 'fd12:3456:789a::fe' },
        ...{ range: null, reserved: {} },
      },
    ],
  ])('%j must be completed', (request, expected) => {
    expect(allocate([request], [], [6])).toEqual([expected]);
  });

  test.each([
    [{ subnet: 'fd00::/127' }, 'subnet "fd00::/127" must have a prefix length from 8 to 126'],
    [{ subnet: 'fd00::1/64' }, 'subnet "fd00::1/64" has host bits set, fd00::/64 has none'],
    [
      { subnet: 'fd00::/64', gateway: 'fd00::' },
      'gateway fd00:: is not a host address of subnet fd00::/64',
    ],
    [{ subnet: '10.0.0.0/24' }, 'the network has no IPv4, and is given subnet 10.0.0.0/24 of it'],
  ])('%j must be refused', (request, message) => {
    expect(() => allocate([request], [], [6])).toThrow(message);
  });
});

test('what is taken must be told by network, interface and route, without our own bridges', () => {
  const number = (text: string): Address => requireAddress(text);
  const link = (
    index: number,
    name: string,
  ): { index: number; name: string; flags: number; change: number } => ({
    index,
    name,
    flags: 0,
    change: 0,
  });
  const network = {
    name: 'shop',
    ipam: [{ subnet: '172.18.0.0/16', gateway: '172.18.0.1', range: null, reserved: {} }],
  } as unknown as Network;
  const route = { table: 254, scope: 253, type: 1 };
  const found = occupiedSubnets(
    [network],
    {
      links: [link(2, 'eth0'), link(3, 'tsc0')],
      addresses: [
        { index: 2, prefixLength: 24, local: number('10.0.0.5'), peer: number('10.0.0.5') },
        { index: 3, prefixLength: 16, local: number('172.18.0.1'), peer: number('172.18.0.1') },
      ],
      routes: [
        {
          ...route,
          destination: number('0.0.0.0'),
          prefixLength: 0,
          gateway: number('10.0.0.1'),
          outputIndex: 2,
        },
        { ...route, destination: number('10.0.0.0'), prefixLength: 24, outputIndex: 2 },
        { ...route, destination: number('172.18.0.0'), prefixLength: 16, outputIndex: 3 },
        {
          ...route,
          scope: 0,
          destination: number('10.8.0.0'),
          prefixLength: 16,
          gateway: number('10.0.0.9'),
          outputIndex: 2,
        },
        { ...route, type: 2, destination: number('10.0.0.5'), prefixLength: 32, outputIndex: 2 },
      ],
    },
    ({ name }) => name === 'tsc0',
  );
  const subnet = (text: string): unknown => parseSubnet(text);
  expect(found).toEqual([
    {
      ...{ subnet: subnet('172.18.0.0/16'), by: 'network "shop"' },
      ...{ isConnected: true, network: 'shop' },
    },
    { subnet: subnet('10.0.0.0/24'), by: 'interface "eth0"', isConnected: true },
    { subnet: subnet('10.0.0.0/24'), by: 'interface "eth0"', isConnected: true },
    { subnet: subnet('10.8.0.0/16'), by: 'the route 10.8.0.0/16', isConnected: false },
  ]);
});
