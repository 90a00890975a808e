import { describe, expect, test } from 'vitest';
import { planEndpoint, validateEndpoints } from '../../../network/endpoint.ts';
import type { AttachedNetwork } from '../../../network/endpoint.ts';
import { FamilyPool } from '../../../network/ipam/family-pool.ts';
import { macOfAddress, parseMac } from '../../../network/mac.ts';
import type { Network, SandboxRequest } from '../../../network/index.ts';
import { NameBook } from '../../../network/name-book.ts';
import { bridgeName, linkGroups, vethName } from '../../../network/names.ts';

const id = 'ab'.repeat(32);
const network: Network = {
  id: 'cd'.repeat(32),
  name: 'shop_default',
  driver: 'bridge',
  isInternal: false,
  hasIpv4: true,
  hasIpv6: false,
  ipam: [{ subnet: '172.18.0.0/16', gateway: '172.18.0.1', range: null, reserved: {} }],
  ipamDriver: 'default',
  ipamOptions: {},
  options: {},
  labels: {},
  createdAt: '2026-01-01T00:00:00.000Z',
};

function attached(): AttachedNetwork {
  return { network, pools: { ipv4: FamilyPool.of(network.ipam, 4), ipv6: null } };
}

function request(more: Partial<SandboxRequest> = {}): SandboxRequest {
  return {
    id,
    name: 'Shop-web-1',
    hostname: 'web',
    endpoints: [{ networkId: network.id, aliases: ['web', 'WWW'] }],
    ports: [],
    ...more,
  };
}

describe('names of links', () => {
  test('must fit the kernel and differ by id', () => {
    expect(bridgeName({ id, options: {} })).toBe('tscabababababab');
    const options = { 'com.docker.network.bridge.name': 'br-shop' };
    expect(bridgeName({ id, options })).toBe('br-shop');
    expect(vethName(id, network.id)).toMatch(/^tscv[0-9a-f]{11}$/);
    expect(vethName(id, network.id)).not.toBe(vethName(id, id));
    expect(vethName(id, network.id)).not.toBe(vethName(network.id, id));
  });

  test('groups must differ by engine and never be the default', () => {
    const one = linkGroups('tscompose');
    const other = linkGroups('tscompose-123456');
    expect(new Set([one.live, one.dying, other.live, other.dying, 0]).size).toBe(5);
    expect(Math.max(one.dying, other.dying)).toBeLessThan(2 ** 31);
  });
});

describe('hardware addresses', () => {
  test('must come from the address', () => {
    expect(macOfAddress('172.18.0.2')).toBe('02:42:ac:12:00:02');
    expect(macOfAddress('fd00::1:ab')).toMatch(/^02:42:/);
    // They end alike.
    expect(macOfAddress('fd00::1:0:ab')).not.toBe(macOfAddress('fd00::2:0:ab'));
    expect(macOfAddress('fd00::1:0:ab')).toBe(macOfAddress('fd00:0::1:0:ab'));
  });

  test.each([
    '',
    '02:42:ac:12:00',
    '02:42:ac:12:00:zz',
    '01:00:5e:00:00:01',
    '00:00:00:00:00:00',
    '02:42:ac:12:00:02:03',
  ])('must not be read from %j', (text) => {
    expect(() => parseMac(text)).toThrow(`hardware address "${text}"`);
  });
});

describe('an endpoint', () => {
  test('must have its names in lower case, each once', () => {
    const plan = {
      request: request(),
      index: 0,
      network,
      taken: ['eth1'],
      leases: {
        ipv4: { address: '172.18.0.2', prefixLength: 16, gateway: '172.18.0.1' },
        ipv6: { address: 'fd00::2', prefixLength: 64, gateway: 'fd00::1' },
      },
    };
    expect(planEndpoint(plan)).toEqual({
      networkId: network.id,
      interfaceName: 'eth0',
      hostInterface: vethName(id, network.id),
      macAddress: '02:42:ac:12:00:02',
      ipv4: { address: '172.18.0.2', prefixLength: 16, gateway: '172.18.0.1', isDefault: false },
      ipv6: { address: 'fd00::2', prefixLength: 64, gateway: 'fd00::1', isDefault: false },
      gatewayPriority: 0,
      names: ['shop-web-1', 'web', 'www', 'abababababab'],
    });
  });

  test('must have the first name that is free, or the one it is given', () => {
    const leases = { ipv4: { address: '172.18.0.2', prefixLength: 16, gateway: null }, ipv6: null };
    const nameOf = (taken: readonly string[], more: object = {}, options = {}): string => {
      const endpoints = [{ networkId: network.id, ...more }];
      const plan = { request: request({ endpoints }), index: 0, leases, taken };
      return planEndpoint({ ...plan, network: { ...network, options } }).interfaceName;
    };
    expect(nameOf([])).toBe('eth0');
    expect(nameOf(['eth0', 'eth2'])).toBe('eth1');
    expect(nameOf(['eth0'], { interfaceName: 'lan' })).toBe('lan');
    const options = { 'com.docker.network.container_iface_prefix': 'net' };
    expect(nameOf(['eth0', 'net0'], {}, options)).toBe('net1');
  });

  test.each([
    [
      { endpoints: [{ networkId: network.id, interfaceName: 'a/b' }] },
      'wants an interface "a/b", which is no name of one',
    ],
    [
      { endpoints: [{ networkId: network.id, interfaceName: 'sixteen-letters-' }] },
      'wants an interface "sixteen-letters-", which is no name of one',
    ],
    [
      { endpoints: [{ networkId: network.id, linkLocalAddresses: ['10.0.0.1'] }] },
      'wants "10.0.0.1", which is no link-local address',
    ],
    [
      { endpoints: [{ networkId: network.id, ipv4Address: '10.0.0.1' }] },
      'address "10.0.0.1" is not in subnet 172.18.0.0/16 of network "shop_default"',
    ],
    [
      { endpoints: [{ networkId: network.id, ipv6Address: 'fd00::9' }] },
      'address "fd00::9" cannot be had on network "shop_default", which has no IPv6',
    ],
    [
      { endpoints: [{ networkId: network.id, macAddress: 'x' }] },
      'hardware address "x" is not of the form',
    ],
    [
      { endpoints: [{ networkId: network.id }, { networkId: network.id }] },
      'container "Shop-web-1" joins network "shop_default" twice',
    ],
  ])('%j must be refused', (more, message) => {
    const wrong = request(more);
    expect(() => {
      validateEndpoints(wrong, wrong.endpoints.map(attached));
    }).toThrow(message);
  });
});

describe('the book of names', () => {
  test('must tell the resolver all names of a network at once, several changes as one', async () => {
    const told: [string, string][] = [];
    const book = new NameBook({
      setNames: (networkId, entries) => {
        told.push([
          networkId.slice(0, 2),
          entries.map(({ name, addresses }) => `${name}=${addresses.join('+')}`).join(' '),
        ]);
        return Promise.resolve();
      },
      removeNetwork: (networkId) => {
        told.push([networkId.slice(0, 2), 'removed']);
        return Promise.resolve();
      },
    });
    book.addNetwork(network.id, 'Net');
    const endpoint = {
      networkId: network.id,
      interfaceName: 'eth0',
      hostInterface: '',
      macAddress: '',
      gatewayPriority: 0,
      ipv6: null,
    };
    const place = { prefixLength: 16, gateway: '', isDefault: true };
    const sandbox = (name: string, address: string) => ({
      id: name,
      name,
      endpoints: [{ ...endpoint, names: [name, 'web'], ipv4: { ...place, address } }],
      ports: [],
      upstreams: [],
    });
    const [one, two] = [sandbox('one', '172.18.0.2'), sandbox('two', '172.18.0.3')];
    await Promise.all([book.add([one]), book.add([two])]);
    await book.remove([one]);
    await book.removeNetwork(network.id);
    await book.removeNetwork(network.id);
    expect(told).toEqual([
      [
        'cd',
        'one.net=172.18.0.2 one=172.18.0.2 web.net=172.18.0.2+172.18.0.3 web=172.18.0.2+172.18.0.3 two.net=172.18.0.3 two=172.18.0.3',
      ],
      ['cd', 'two.net=172.18.0.3 two=172.18.0.3 web.net=172.18.0.3 web=172.18.0.3'],
      ['cd', 'removed'],
    ]);
  });
});
