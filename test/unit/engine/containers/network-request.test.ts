import { describe, expect, test } from 'vitest';
import type { HostConfig } from '../../../../engine/api/index.ts';
import {
  findNetwork,
  networkFacts,
  portRequests,
  sandboxRequest,
} from '../../../../engine/containers/network-request.ts';
import type { Network } from '../../../../network/index.ts';
import { containerId, recordOf } from './records.ts';

function network(id: string, name: string): Network {
  const ids = { id: id.padEnd(64, '0'), name, driver: 'bridge', createdAt: '', isInternal: false };
  return {
    ...ids,
    ipam: [],
    ipamDriver: 'default',
    ipamOptions: {},
    options: {},
    labels: {},
  } as unknown as Network;
}

const lab = network('aa1', 'lab');
const web = network('aa2', 'web');
const bridge = network('bb1', 'bridge');
const networks = [lab, web, bridge, network('cc1', 'aa1')];

describe('a network', () => {
  test.each([
    ['its id', lab.id, 'lab'],
    ['its name', 'web', 'web'],
    ['its prefix', 'bb', 'bridge'],
    ['a name that is a prefix of another’s id', 'aa1', 'aa1'],
  ])('must be found by %s', (_name, ref, expected) => {
    expect(findNetwork(networks, ref).name).toBe(expected);
  });

  test.each([
    ['nowhere', 'not-found', 'network nowhere not found'],
    ['aa', 'invalid-argument', 'network aa is ambiguous (2 matches found on name)'],
    ['', 'not-found', 'network  not found'],
  ])('%j must be refused', (ref, kind, message) => {
    expect(() => findNetwork(networks, ref)).toThrow(expect.objectContaining({ kind, message }));
  });
});

describe('port bindings', () => {
  const of = (key: string, HostPort = '80', HostIp = ''): HostConfig => ({
    PortBindings: { [key]: [{ HostIp, HostPort }] },
  });
  test.each<[string, HostConfig, string]>([
    ['a port', of('8080/tcp'), 'tcp :80 8080'],
    ['a bare port', of('8080'), 'tcp :80 8080'],
    ['a datagram port of an address', of('53/udp', '5353', '127.0.0.1'), 'udp 127.0.0.1:5353 53'],
    ['any free port', of('80/tcp', ''), 'tcp :0 80'],
    ['0 as any free port', of('80/tcp', '0'), 'tcp :0 80'],
    ['nothing bound', { PortBindings: { '80/tcp': null } }, ''],
    ['an empty list', { PortBindings: { '80/tcp': [] } }, ''],
    ['all that is exposed', { PublishAllPorts: true }, 'tcp :0 9000'],
    [
      'all that is exposed, one by hand',
      { ...of('9000/tcp'), PublishAllPorts: true },
      'tcp :80 9000',
    ],
  ])('%s', (_name, host, expected) => {
    const found = portRequests(host, { ExposedPorts: { '9000/tcp': {} } });
    expect(
      found
        .map(
          ({ protocol, hostIp, published, target }) =>
            `${protocol} ${hostIp}:${published} ${target}`,
        )
        .join(),
    ).toBe(expected);
  });

  test.each([
    ['80-90', { published: 80, lastPublished: 90 }],
    ['80-80', { published: 80 }],
    ['00080', { published: 80 }],
    ['0', { published: 0 }],
  ])('host port %s must be read as it is meant', (text, expected) => {
    expect(portRequests(of('7/sctp', text), {})).toEqual([
      { protocol: 'sctp', hostIp: '', target: 7, ...expected },
    ]);
  });

  test.each<[HostConfig, string]>([
    [of('0/tcp'), 'invalid port specification: "0/tcp"'],
    [of('65536/tcp'), 'invalid port specification: "65536/tcp"'],
    [of('http/tcp'), 'invalid port specification: "http/tcp"'],
    [of('/tcp'), 'invalid port specification: "/tcp"'],
    [of('80/icmp'), 'invalid protocol of port "80/icmp"'],
    [of('80/tcp', '65536'), 'invalid port number in bindings: "65536"'],
    [of('80/tcp', '-1'), 'invalid port number in bindings: "-1"'],
    [of('80/tcp', '90-80'), 'invalid port number in bindings: "90-80"'],
    [of('80/tcp', '0-80'), 'invalid port number in bindings: "0-80"'],
    [of('80/tcp', '80-65536'), 'invalid port number in bindings: "80-65536"'],
    [of('80/tcp', '80-'), 'invalid port number in bindings: "80-"'],
    [of('80/tcp', '80-81-82'), 'invalid port number in bindings: "80-81-82"'],
  ])('%j must be refused', (host, message) => {
    expect(() => portRequests(host, {})).toThrow(message);
  });
});

describe('a sandbox request', () => {
  test('must begin with the network of NetworkMode, and give names on all but the default bridge', () => {
    const record = recordOf({
      hostConfig: { NetworkMode: 'web' },
      endpoints: {
        bridge: { Aliases: ['unused'] },
        lab: { Aliases: ['db'], IPAMConfig: { IPv4Address: '10.1.0.5' } },
        web: {},
      },
    });
    const short = containerId.slice(0, 12);
    expect(sandboxRequest(record, networks)?.endpoints).toEqual([
      { networkId: web.id, aliases: [short] },
      { networkId: bridge.id, aliases: [] },
      { networkId: lab.id, aliases: ['db', short], ipv4Address: '10.1.0.5' },
    ]);
  });

  test.each([
    ['host', undefined, null],
    ['none', undefined, 0],
    ['lab', true, 0],
    ['lab', false, 1],
  ])('of mode %s, disabled %s, must have %s endpoints', (NetworkMode, NetworkDisabled, count) => {
    const record = recordOf({
      config: NetworkDisabled === undefined ? {} : { NetworkDisabled },
      hostConfig: { NetworkMode, PortBindings: { '80/tcp': [{ HostPort: '80' }] } },
      endpoints: { [NetworkMode]: {} },
    });
    const request = sandboxRequest(record, networks);
    expect(request?.endpoints.length ?? null).toBe(count);
    expect(request?.ports.length ?? null).toBe(count);
  });

  test('of a network that has gone must be not-found', () => {
    const record = recordOf({ hostConfig: { NetworkMode: 'gone' }, endpoints: { gone: {} } });
    expect(() => sandboxRequest(record, networks)).toThrow('network gone not found');
  });
});

test('the facts of a run must be by network name, with exposed ports that are not published', () => {
  const record = recordOf({ config: { ExposedPorts: { '80/tcp': {}, '90/tcp': {} } } });
  const facts = networkFacts(record, networks, {
    path: '/run/netns/x',
    endpoints: [
      {
        networkId: lab.id,
        interfaceName: 'eth0',
        macAddress: '02:00:00:00:00:01',
        ipv4: { address: '10.1.0.2', prefixLength: 24, gateway: '10.1.0.1', isDefault: true },
        ipv6: { address: 'fd00::2', prefixLength: 64, gateway: 'fd00::1', isDefault: true },
        names: ['web'],
      } as never,
    ],
    ports: [
      { protocol: 'tcp', hostIp: '0.0.0.0', published: 8080, target: 80 } as never,
      { protocol: 'tcp', hostIp: '127.0.0.1', published: 8081, target: 80 } as never,
    ],
  });
  expect(facts).toEqual({
    sandboxKey: '/run/netns/x',
    endpoints: {
      lab: {
        NetworkID: lab.id,
        EndpointID: containerId.slice(0, 32) + lab.id.slice(0, 32),
        MacAddress: '02:00:00:00:00:01',
        IPAddress: '10.1.0.2',
        IPPrefixLen: 24,
        Gateway: '10.1.0.1',
        GlobalIPv6Address: 'fd00::2',
        GlobalIPv6PrefixLen: 64,
        IPv6Gateway: 'fd00::1',
        DNSNames: ['web'],
      },
    },
    ports: {
      '80/tcp': [
        { HostIp: '0.0.0.0', HostPort: '8080' },
        { HostIp: '127.0.0.1', HostPort: '8081' },
      ],
      '90/tcp': null,
    },
  });
});
