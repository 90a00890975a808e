import { describe, expect, test } from 'vitest';

import type {
  ContainerSummary,
  EventMessage,
  ImageSummary,
  NetworkInspect,
} from '../../../../engine/api/index.ts';
import {
  containerFilterKeys,
  selectContainers,
} from '../../../../engine/daemon/routes/container-filters.ts';
import { eventFilterKeys, matchesEvent } from '../../../../engine/daemon/routes/event-filters.ts';
import type { ContainerListItem } from '../../../../engine/daemon/routes/index.ts';
import {
  globPattern,
  imageFilterKeys,
  selectImages,
} from '../../../../engine/daemon/routes/image-filters.ts';
import { selectNetworks } from '../../../../engine/daemon/routes/networks.ts';
import { selectVolumes } from '../../../../engine/daemon/routes/volumes.ts';
import { parseFilters } from '../../../../engine/daemon/server/index.ts';

type FilterObject = Readonly<Record<string, readonly string[]>>;

function container(
  name: string,
  summary: Partial<ContainerSummary>,
  item: Partial<ContainerListItem> = {},
): ContainerListItem {
  return {
    summary: {
      Id: `${name}0123456789`,
      Names: [`/${name}`],
      Image: 'app',
      ImageID: 'sha256:1',
      Command: '',
      Created: 0,
      Ports: [],
      Labels: {},
      State: 'running',
      Status: '',
      HostConfig: { NetworkMode: 'bridge' },
      NetworkSettings: { Networks: {} },
      Mounts: [],
      ...summary,
    },
    createdNs: 0n,
    exitCode: 0,
    health: 'none',
    exposedPorts: [],
    ...item,
  };
}

const mount = { Type: 'volume', Source: '', Mode: '', RW: true, Propagation: '' };
const items = [
  container(
    'aa',
    {
      Labels: { tier: 'front', x: '' },
      Ports: [
        { PrivatePort: 80, PublicPort: 8080, Type: 'tcp', IP: '0.0.0.0' },
        { PrivatePort: 53, Type: 'udp' },
      ],
      NetworkSettings: { Networks: { shop_default: { NetworkID: 'f00d' } } },
    },
    { createdNs: 1n, exposedPorts: ['80/tcp', '53/udp'], health: 'healthy' },
  ),
  container(
    'ab',
    {
      Image: 'redis:7',
      ImageID: 'sha256:2',
      Labels: { tier: 'back' },
      Mounts: [{ ...mount, Name: 'data', Destination: '/data' }],
    },
    { createdNs: 2n },
  ),
  container(
    'ac',
    { State: 'exited', Labels: { tier: 'back', x: '1' } },
    { createdNs: 3n, exitCode: 3 },
  ),
  container('ad', { State: 'created' }, { createdNs: 4n }),
  container('ae', { State: 'paused' }, { createdNs: 5n }),
];

function select(
  filters: FilterObject,
  { all = true, limit = null }: { all?: boolean; limit?: number | null } = {},
): string {
  const selected = selectContainers(items, {
    all,
    limit,
    filters: parseFilters(JSON.stringify(filters), containerFilterKeys),
    ancestors: new Map([['redis', 'sha256:2']]),
  });
  return selected.map(({ summary }) => summary.Names[0]?.slice(1)).join(' ');
}

describe('container list', () => {
  test('it must be newest first, running ones only unless asked', () => {
    expect(select({})).toBe('ae ad ac ab aa');
    expect(select({}, { all: false })).toBe('ae ab aa');
    expect(select({}, { all: false, limit: 2 })).toBe('ae ad');
    expect(select({ label: ['tier'] }, { limit: 1 })).toBe('ac');
    expect(select({ status: ['exited'] }, { all: false })).toBe('ac');
  });

  test.each<[FilterObject, string]>([
    [{ id: ['aa'] }, 'aa'],
    [{ id: ['a'] }, 'ae ad ac ab aa'],
    [{ name: ['a[bc]'] }, 'ac ab'],
    [{ name: ['^/ab$'] }, 'ab'],
    [{ name: ['^ab$', '^ac$'] }, 'ac ab'],
    [{ name: ['['] }, ''],
    [{ label: ['tier=back'] }, 'ac ab'],
    [{ label: ['tier=back', 'x'] }, 'ac'],
    [{ label: ['x='] }, 'aa'],
    [{ label: ['toString'] }, ''],
    [{ status: ['exited', 'created'] }, 'ad ac'],
    [{ status: ['paused'], name: ['aa'] }, ''],
    [{ health: ['healthy'] }, 'aa'],
    [{ exited: ['3'] }, 'ac'],
    [{ exited: ['0'] }, ''],
    [{ ancestor: ['redis'] }, 'ab'],
    [{ ancestor: ['redis:7'] }, 'ab'],
    [{ ancestor: ['ghost'] }, ''],
    [{ volume: ['data'] }, 'ab'],
    [{ volume: ['/data'] }, 'ab'],
    [{ network: ['shop_default'] }, 'aa'],
    [{ network: ['f00d'] }, 'aa'],
    [{ network: ['f0'] }, 'aa'],
    [{ network: [''] }, ''],
    [{ publish: ['80'] }, 'aa'],
    [{ publish: ['79-81/tcp'] }, 'aa'],
    [{ publish: ['53/udp'] }, ''],
    [{ expose: ['53/udp'] }, 'aa'],
    [{ expose: ['53'] }, ''],
    [{ before: ['ab'] }, 'aa'],
    [{ since: ['ac'] }, 'ae ad'],
    [{ since: ['aa'], before: ['/ad'] }, 'ac ab'],
    [{ 'is-task': ['true'] }, ''],
    [{ 'is-task': ['false'] }, 'ae ad ac ab aa'],
    [{ isolation: ['default'] }, 'ae ad ac ab aa'],
  ])('%j must select "%s"', (filters, expected) => {
    expect(select(filters)).toBe(expected);
  });

  test.each<[FilterObject, string]>([
    [{ status: ['sleeping'] }, "invalid filter 'status=sleeping'"],
    [{ health: ['fine'] }, "invalid filter 'health=fine'"],
    [{ exited: ['x'] }, "invalid filter 'exited=x'"],
    [{ publish: ['x'] }, 'invalid port in filter: x'],
    [{ expose: ['9-8'] }, 'invalid port in filter: 9-8'],
    [{ 'is-task': ['maybe'] }, "invalid filter 'is-task=[maybe]'"],
    [{ before: ['ghost'] }, 'No such container: ghost'],
    [{ colour: ['red'] }, "invalid filter 'colour'"],
  ])('%j must be refused: %s', (filters, message) => {
    expect(() => select(filters)).toThrow(message);
  });
});

describe('network list', () => {
  const network = (Name: string, rest: Partial<NetworkInspect>): NetworkInspect => ({
    Name,
    Id: `id-${Name}`,
    Created: '',
    Scope: 'local',
    Driver: 'bridge',
    EnableIPv4: true,
    EnableIPv6: false,
    IPAM: {},
    Internal: false,
    Attachable: false,
    Ingress: false,
    ConfigFrom: { Network: '' },
    ConfigOnly: false,
    Containers: {},
    Options: {},
    Labels: {},
    ...rest,
  });
  const attached = {
    c: { Name: '', EndpointID: '', MacAddress: '', IPv4Address: '', IPv6Address: '' },
  };
  const networks = [
    network('bridge', {}),
    network('host', { Driver: 'host' }),
    network('shop_default', { Labels: { a: 'b' }, Containers: attached }),
    network('old', {}),
  ];

  test.each<[FilterObject, string]>([
    [{}, 'bridge host shop_default old'],
    [{ name: ['shop'] }, 'shop_default'],
    [{ id: ['id-o'] }, 'old'],
    [{ driver: ['host'] }, 'host'],
    [{ scope: ['swarm'] }, ''],
    [{ type: ['custom'] }, 'shop_default old'],
    [{ type: ['builtin'] }, 'bridge host'],
    [{ label: ['a=b'] }, 'shop_default'],
    [{ dangling: ['true'] }, 'old'],
    [{ dangling: ['0'] }, 'bridge host shop_default'],
  ])('%j must select "%s"', (filters, expected) => {
    const keys = new Set(Object.keys(filters));
    const selected = selectNetworks(networks, parseFilters(JSON.stringify(filters), keys));
    expect(selected.map(({ Name }) => Name).join(' ')).toBe(expected);
  });

  test('an unknown type must be refused', () => {
    const filters = parseFilters('{"type":["odd"]}', new Set(['type']));
    expect(() => selectNetworks(networks, filters)).toThrow("invalid filter 'type=odd'");
  });
});

describe('volume list', () => {
  const volume = (Name: string, isUsed: boolean): Parameters<typeof selectVolumes>[0][number] => ({
    volume: {
      Name,
      Driver: 'local',
      Mountpoint: '',
      CreatedAt: '',
      Labels: Name === 'shop_data' ? { a: 'b' } : null,
      Options: null,
      Scope: 'local',
    },
    isUsed,
  });
  const volumes = [volume('shop_data', true), volume('left', false)];

  test.each<[FilterObject, string]>([
    [{}, 'shop_data left'],
    [{ name: ['data'] }, 'shop_data'],
    [{ driver: ['nfs'] }, ''],
    [{ label: ['a'] }, 'shop_data'],
    [{ dangling: ['true'] }, 'left'],
    [{ dangling: ['false'] }, 'shop_data'],
    [{ dangling: ['true', 'false'] }, 'shop_data left'],
  ])('%j must select "%s"', (filters, expected) => {
    const keys = new Set(Object.keys(filters));
    const selected = selectVolumes(volumes, parseFilters(JSON.stringify(filters), keys));
    expect(selected.map((item) => item.volume.Name).join(' ')).toBe(expected);
  });
});

describe('image list', () => {
  const image = (Id: string, RepoTags: readonly string[], Created: number): ImageSummary => ({
    Id,
    ParentId: '',
    RepoTags,
    RepoDigests: [],
    Created,
    Size: 0,
    SharedSize: -1,
    Containers: -1,
    Labels: {},
  });
  const images = [
    image('1', ['redis:7', 'redis:latest'], 100),
    image('2', ['registry.example/team/app:1'], 300),
    image('3', [], 200),
  ];
  const findId = (ref: string): Promise<string | null> =>
    Promise.resolve(images.find(({ RepoTags }) => RepoTags.includes(ref))?.Id ?? null);

  test.each<[FilterObject, string]>([
    [{}, '2 3 1'],
    [{ dangling: ['true'] }, '3'],
    [{ dangling: ['false'] }, '2 1'],
    [{ reference: ['redis'] }, '1'],
    [{ reference: ['redis:7'] }, '1'],
    [{ reference: ['red*'] }, '1'],
    [{ reference: ['*'] }, '1'],
    [{ reference: ['*/*/*'] }, '2'],
    [{ reference: ['*/*/app:?'] }, '2'],
    [{ before: ['registry.example/team/app:1'] }, '3 1'],
    [{ since: ['redis:7'] }, '2 3'],
    [{ until: ['200'] }, '1'],
  ])('%j must select "%s"', async (filters, expected) => {
    const parsed = parseFilters(JSON.stringify(filters), imageFilterKeys);
    const selected = await selectImages(images, parsed, findId);
    expect(selected.map(({ Id }) => Id).join(' ')).toBe(expected);
  });

  test.each([
    ['a[b-d]e', 'ace', true],
    ['a[^b]e', 'abe', false],
    ['a.c', 'abc', false],
    ['a*c', 'a/c', false],
    ['a+(b)', 'a+(b)', true],
    ['[', '[', true],
  ])('pattern %s on %s must be %s', (pattern, value, expected) => {
    expect(globPattern(pattern)(value)).toBe(expected);
  });

  test('a class that is none must be refused', () => {
    expect(() => globPattern('[z-a]')).toThrow("invalid filter 'reference=[z-a]'");
  });
});

describe('event filter', () => {
  const event = (
    Type: EventMessage['Type'],
    Action: string,
    Attributes: Readonly<Record<string, string>>,
  ): EventMessage => ({
    Type,
    Action,
    Actor: { ID: 'c0ffee', Attributes },
    scope: 'local',
    time: 0,
    timeNano: 0,
  });
  const start = event('container', 'start', { name: 'shop-web-1', image: 'app:1', tier: 'front' });
  const probe = event('container', 'health_status: healthy', {
    name: 'shop-web-1',
    image: 'app:1',
  });
  const connect = event('network', 'connect', { name: 'shop_default', container: 'c0ffee' });
  const tag = event('image', 'tag', { name: 'app:1' });
  const events = { start, probe, connect, tag };

  test.each<[FilterObject, string]>([
    [{}, 'start probe connect tag'],
    [{ type: ['container'] }, 'start probe'],
    [{ type: ['container', 'network'] }, 'start probe connect'],
    [{ event: ['start'] }, 'start'],
    [{ event: ['health_status'] }, 'probe'],
    [{ event: ['health_status: healthy'] }, 'probe'],
    [{ event: ['sta'] }, ''],
    [{ container: ['shop-web-1'] }, 'start probe'],
    [{ container: ['c0f'] }, 'start probe'],
    [{ container: ['shop-web-1'], type: ['network'] }, ''],
    [{ network: ['shop_default'] }, 'connect'],
    [{ image: ['app'] }, 'start probe tag'],
    [{ image: ['app:1'], type: ['image'] }, 'tag'],
    [{ label: ['tier=front'] }, 'start'],
    [{ scope: ['swarm'] }, ''],
  ])('%j must let through "%s"', (filters, expected) => {
    const parsed = parseFilters(JSON.stringify(filters), eventFilterKeys);
    const passed = Object.entries(events).filter(([, message]) => matchesEvent(message, parsed));
    expect(passed.map(([name]) => name).join(' ')).toBe(expected);
  });
});
