import { describe, expect, test } from 'vitest';
import {
  readForwardingRecord,
  readNetworkRecord,
  readSandboxRecord,
} from '../../../network/index.ts';

const network = {
  ...{ id: 'n', name: 'net', driver: 'bridge', createdAt: '2026-11-20T00:00:00Z' },
  ...{ isInternal: false, ipamDriver: 'default', ipamOptions: {}, options: {}, labels: {} },
  ipam: [{ subnet: '172.18.0.0/16', gateway: '172.18.0.1', range: null, reserved: {} }],
};
const sandbox = {
  ...{ id: 's', name: 'web', ports: [], upstreams: [] },
  endpoints: [{ networkId: 'n', hostInterface: 'v', macAddress: 'aa', ipv4Address: '172.18.0.2' }],
};

describe('a record of network/', () => {
  test('as it was written must be read', () => {
    expect(readNetworkRecord(network)).toBe(network);
    expect(readSandboxRecord(sandbox)).toBe(sandbox);
    expect(readForwardingRecord({ uplinks: [] })).toEqual({ uplinks: [] });
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
