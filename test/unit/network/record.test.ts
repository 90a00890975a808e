import { describe, expect, test } from 'vitest';
import {
  readForwardingRecord,
  readNetworkRecord,
  readSandboxRecord,
} from '../../../network/index.ts';

const network = {
  ...{ id: 'n', name: 'net', driver: 'bridge', createdAt: '2026-11-20T00:00:00Z' },
  ...{
    isInternal: false,
    hasIpv4: true,
    hasIpv6: false,
    ipamDriver: 'default',
    ipamOptions: {},
    options: {},
    labels: {},
  },
  ipam: [{ subnet: '172.18.0.0/16', gateway: '172.18.0.1', range: null, reserved: {} }],
};
const link = { networkId: 'n', hostInterface: 'v', macAddress: 'aa' };
const sandbox = {
  ...{ id: 's', name: 'web', ports: [], upstreams: [] },
  endpoints: [
    {
      ...link,
      ipv4: { address: '172.18.0.2', prefixLength: 16, gateway: '172.18.0.1', isDefault: true },
      ipv6: null,
      gatewayPriority: 0,
    },
  ],
};

describe('a record of network/', () => {
  test('as it was written must be read', () => {
    expect(readNetworkRecord(network)).toEqual(network);
    expect(readSandboxRecord(sandbox)).toEqual(sandbox);
    const forwarding = { family: 6, uplinks: ['eth0'], advertised: ['eth0'] };
    expect(readForwardingRecord(forwarding)).toEqual(forwarding);
  });

  test('of an engine that knew IPv4 alone must be read', () => {
    const { hasIpv4, hasIpv6, ...former } = network;
    expect([hasIpv4, hasIpv6]).toEqual([true, false]);
    expect(readNetworkRecord(former)).toEqual(network);
    const place = { prefixLength: 16, gateway: '172.18.0.1', isDefault: true };
    const before = [{ ...link, ipv4Address: '172.18.0.2', ...place }];
    expect(readSandboxRecord({ ...sandbox, endpoints: before })).toEqual(sandbox);
    expect(readForwardingRecord({ uplinks: ['eth0'] })).toEqual({
      family: 4,
      uplinks: ['eth0'],
      advertised: [],
    });
  });

  test.each([
    ['a network without ipam', readNetworkRecord({ ...network, ipam: undefined })],
    ['a network of an unknown driver', readNetworkRecord({ ...network, driver: 'odd' })],
    ['a subnet that is no text', readNetworkRecord({ ...network, ipam: [{ subnet: 1 }] })],
    ['a sandbox without endpoints', readSandboxRecord({ ...sandbox, endpoints: null })],
    ['an endpoint that is no object', readSandboxRecord({ ...sandbox, endpoints: ['x'] })],
    ['forwarding without uplinks', readForwardingRecord({})],
  ])('%s must be refused', (_name, read) => {
    expect(read).toBeNull();
  });
});
