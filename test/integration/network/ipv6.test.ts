import { readFile, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { closeFd } from '../../../native/index.ts';
import { eventually } from '../../lib/eventually.ts';
import { openSandbox } from './lab.ts';
import {
  ask,
  inventory,
  Lab,
  neighbour,
  run,
  runIn,
  sandboxRequest,
  serve,
  startIn,
  tcp,
} from './lab.ts';
import type { Place } from './lab.ts';
import type { Endpoint } from '../../../network/index.ts';

interface Addressed {
  readonly endpoints: readonly Pick<Endpoint, 'ipv4' | 'ipv6'>[];
}

function ipv6Of({ endpoints }: Addressed, index = 0): string {
  return endpoints[index]?.ipv6?.address ?? '';
}

function ipv4Of({ endpoints }: Addressed, index = 0): string {
  return endpoints[index]?.ipv4?.address ?? '';
}

async function sysctl(name: string): Promise<string> {
  return (await readFile(`/proc/sys/net/ipv6/conf/${name}`, 'utf8')).trim();
}

/** A neighbour with an IPv6 address more, and a route back to our subnets. */
async function ipv6Neighbour(lab: Lab, link: string, subnet: string): Promise<{ pid: number }> {
  const place = await neighbour(lab, { link, hostAddress: '10.99.0.1', address: '10.99.0.2' });
  await run('ip', 'address', 'add', 'fd99::1/64', 'dev', link, 'nodad');
  await runIn(place, 'ip', 'address', 'add', 'fd99::2/64', 'dev', 'eth0', 'nodad');
  await runIn(place, 'ip', 'route', 'add', subnet, 'via', 'fd99::1');
  // The first solicitation of a link that is just up may be lost, and the next one takes a second.
  await eventually(async () => {
    if ((await ask(place, 'fd99::1', 9)) !== 'ECONNREFUSED') throw new Error('not yet');
  });
  return place;
}

let lab: Lab;
let before: Record<string, string>;

beforeEach(async () => {
  lab = await Lab.open();
  before = await inventory(lab);
});

afterEach(async () => {
  await lab[Symbol.asyncDispose]();
  expect(await inventory(lab)).toEqual(before);
});

describe('a network with IPv6', () => {
  test('must give both families, and let sandboxes reach each other and nobody else', async () => {
    const [network, elsewhere] = [
      await lab.network({ hasIpv6: true }),
      await lab.network({ hasIpv6: true }),
    ];
    const [one, other] = [await lab.sandbox([network]), await lab.sandbox([network])];
    const stranger = await lab.sandbox([elsewhere]);
    expect(one.endpoints[0]).toMatchObject({
      ipv4: { gateway: '172.18.0.1', prefixLength: 16, isDefault: true },
      ipv6: { address: 'fd00:0:7::2', prefixLength: 64, gateway: 'fd00:0:7::1', isDefault: true },
    });
    expect(ipv6Of(stranger)).toBe('fd00:0:7:1::2');
    await serve(lab, other, { address: '::', port: 80, answer: 'other' });
    expect(await ask(one, ipv6Of(other), 80)).toBe(`other ${ipv6Of(one)}`);
    expect(await ask(one, ipv4Of(other), 80)).toBe(`other ::ffff:${ipv4Of(one)}`);
    expect(await ask('host', ipv6Of(other), 80)).toBe('other fd00:0:7::1');
    expect(await ask(stranger, ipv6Of(other), 80)).toBe('timeout');
    expect(await runIn(one, 'ip', '-6', 'route', 'show', 'default')).toContain(
      'default via fd00:0:7::1 dev eth0',
    );
  });

  test('must be usable at once: no address may wait for being checked', async () => {
    const network = await lab.network({ hasIpv6: true });
    const box = await lab.sandbox([network]);
    const addresses = await runIn(box, 'ip', '-6', 'address', 'show', 'scope', 'global');
    expect(addresses).toContain('inet6 fd00:0:7::2/64');
    expect(addresses).not.toContain('tentative');
    const bridge = lab.controller.inspect(network).bridge ?? '';
    const ours = await run('ip', '-6', 'address', 'show', 'dev', bridge, 'scope', 'global');
    expect(ours).toContain('inet6 fd00:0:7::1/64');
    expect(ours).not.toContain('tentative');
  });

  test('alone must have no IPv4', async () => {
    const network = await lab.network({ hasIpv4: false, hasIpv6: true });
    const [one, other] = [await lab.sandbox([network]), await lab.sandbox([network])];
    expect(one.endpoints[0]?.ipv4).toBeNull();
    expect(await runIn(one, 'ip', '-4', '-br', 'address', 'show', 'dev', 'eth0')).toBe('');
    expect(await runIn(one, 'ip', 'route')).toBe('');
    await serve(lab, other, { address: '::', port: 80, answer: 'other' });
    expect(await ask(one, ipv6Of(other), 80)).toBe(`other ${ipv6Of(one)}`);
    expect(one.hosts).toContain(`${ipv6Of(one)}\tbox-`);
  });

  test('and neither family must be refused', async () => {
    await expect(lab.network({ hasIpv4: false })).rejects.toThrow('has neither IPv4 nor IPv6');
  });

  test('what leaves for the outside must have the address of the host, and nothing comes in', async () => {
    const network = await lab.network({ hasIpv6: true });
    const box = await lab.sandbox([network]);
    const outside = await ipv6Neighbour(lab, 'wan', 'fd00:0:7::/48');
    await serve(lab, outside, { address: '::', port: 80, answer: 'outside' });
    expect(await ask(box, 'fd99::2', 80)).toBe('outside fd99::1');
    await serve(lab, box, { address: '::', port: 80, answer: 'box' });
    expect(await ask(outside, ipv6Of(box), 80)).toBe('timeout');
  });

  test('that is internal must neither reach the outside nor be reached from it', async () => {
    const network = await lab.network({ hasIpv6: true, isInternal: true });
    const [box, other] = [await lab.sandbox([network]), await lab.sandbox([network])];
    const outside = await ipv6Neighbour(lab, 'wan', 'fd00:0:7::/48');
    await runIn(box, 'ip', '-6', 'route', 'add', 'default', 'via', 'fd00:0:7::1');
    await serve(lab, outside, { address: '::', port: 80, answer: 'outside' });
    await serve(lab, box, { address: '::', port: 80, answer: 'box' });
    expect(await ask(box, 'fd99::2', 80)).toBe('timeout');
    expect(await ask(outside, ipv6Of(box), 80)).toBe('timeout');
    expect(await ask(other, ipv6Of(box), 80)).toBe(`box ${ipv6Of(other)}`);
  });

  test('must give fixed addresses, whatever their spelling, each once', async () => {
    const pools = [{ subnet: 'fd77:1::/64', gateway: 'fd77:1::ff' }];
    const network = await lab.network({ hasIpv6: true, ipam: { pools } });
    const endpoints = [{ networkId: network, ipv6Address: 'FD77:1:0:0::9' }];
    const fixed = await lab.sandbox([], { endpoints });
    expect(fixed.endpoints[0]?.ipv6).toMatchObject({ address: 'fd77:1::9', gateway: 'fd77:1::ff' });
    await expect(lab.sandbox([], { endpoints })).rejects.toThrow(
      /address fd77:1::9 of network ".*" is already in use/,
    );
    const plain = await lab.network();
    await expect(
      lab.sandbox([], { endpoints: [{ networkId: plain, ipv6Address: 'fd77:1::9' }] }),
    ).rejects.toThrow('which has no IPv6');
  });

  test('must be known by name with both addresses', async () => {
    const network = await lab.network({ hasIpv6: true });
    const request = sandboxRequest([network], { hostname: 'db' });
    const box = await openSandbox(lab.controller, request);
    const { resolver } = lab as unknown as { resolver: { names: ReadonlyMap<string, unknown> } };
    expect(resolver.names.get(network)).toContainEqual({
      name: 'db',
      addresses: [ipv4Of(box), ipv6Of(box)],
    });
    await lab.controller.closeSandbox(request.id);
  });
});

describe('a published port', () => {
  test('must be open on both families, from the outside, the host, a sibling and itself', async () => {
    const network = await lab.network({ hasIpv6: true });
    const box = await lab.sandbox([network], { ports: [tcp(8080, 80)] });
    expect(box.ports).toEqual([
      { protocol: 'tcp', hostIp: '0.0.0.0', published: 8080, target: 80 },
      { protocol: 'tcp', hostIp: '::', published: 8080, target: 80 },
    ]);
    const [sibling, elsewhere] = [
      await lab.sandbox([network]),
      await lab.sandbox([await lab.network({ hasIpv6: true })]),
    ];
    const outside = await ipv6Neighbour(lab, 'wan', 'fd00:0:7::/48');
    await serve(lab, box, { address: '::', port: 80, answer: 'box' });
    expect(await ask(outside, 'fd99::1', 8080)).toBe('box fd99::2');
    expect(await ask('host', 'fd99::1', 8080)).toMatch(/^box fd/);
    // With its own address where bridged frames are translated, with the host's where they are not.
    expect(await ask(sibling, 'fd00:0:7::1', 8080)).toMatch(/^box fd00:0:7::[13]$/);
    expect(await ask(elsewhere, 'fd99::1', 8080)).toMatch(/^box fd00:0:7:1::/);
    expect(await ask(box, 'fd00:0:7::1', 8080)).toMatch(/^box fd/);
    expect(await ask(outside, '10.99.0.1', 8080)).toBe('box ::ffff:10.99.0.2');
    await lab.controller.closeSandbox(box.id);
    expect(await ask(outside, 'fd99::1', 8080)).not.toMatch(/^box/);
  });

  test('of one address must be open on that address alone', async () => {
    const network = await lab.network({ hasIpv6: true });
    const outside = await ipv6Neighbour(lab, 'wan', 'fd00:0:7::/48');
    await run('ip', 'address', 'add', 'fd99::3/64', 'dev', 'wan', 'nodad');
    const box = await lab.sandbox([network], { ports: [tcp(8080, 80, '[FD99:0::3]')] });
    expect(box.ports).toEqual([
      { protocol: 'tcp', hostIp: 'fd99::3', published: 8080, target: 80 },
    ]);
    await serve(lab, box, { address: '::', port: 80, answer: 'box' });
    expect(await ask(outside, 'fd99::3', 8080)).toBe('box fd99::2');
    expect(await ask(outside, 'fd99::1', 8080)).toBe('ECONNREFUSED');
    expect(await ask(outside, '10.99.0.1', 8080)).toBe('ECONNREFUSED');
  });

  test('of IPv6 must be refused where the sandbox has none, and taken from no other program', async () => {
    const [plain, dual] = [await lab.network(), await lab.network({ hasIpv6: true })];
    await expect(lab.sandbox([plain], { ports: [tcp(8080, 80, '::')] })).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining('no network by which it leaves has IPv6') as string,
    });
    const server = `require('net').createServer().listen({ host: '::', port: 8080, ipv6Only: true }, () => console.log('ready'))`;
    const child = startIn(lab, 'host', process.execPath, '-e', server);
    await new Promise((resolve) => child.stdout?.once('data', resolve));
    await expect(lab.sandbox([dual], { ports: [tcp(8080, 80)] })).rejects.toMatchObject({
      code: 'port-in-use',
      message: 'address [::]:8080 is already in use',
    });
    await lab.sandbox([plain], { ports: [tcp(8080, 80)] });
  });

  test('of UDP must lead a client that goes on sending to the next container', async () => {
    const network = await lab.network({ hasIpv6: true });
    const outside = await ipv6Neighbour(lab, 'wan', 'fd00:0:7::/48');
    const ports = [{ protocol: 'udp', hostIp: '', published: 5300, target: 53 }] as const;
    // One socket all the time: one flow.
    const script = `const s = require('dgram').createSocket('udp6'); s.on('message', (m) => console.log(String(m))).on('error', () => {});
      s.bind(0, () => setInterval(() => s.send('x', 5300, 'fd99::1', () => {}), 50));`;
    const client = startIn(lab, outside, process.execPath, '-e', script);
    let heard = '';
    client.stdout?.on('data', (data: Buffer) => (heard += data.toString()));
    const request = sandboxRequest([network], { ports });
    const old = await openSandbox(lab.controller, request);
    await serve(lab, old, { address: '::', port: 53, answer: 'old', protocol: 'udp' });
    await eventually(() => {
      expect(heard).toContain('old fd99::2');
    });
    await lab.controller.closeSandbox(request.id);
    for (const fd of old.held) closeFd(fd);
    const next = await lab.sandbox([network], { ports });
    expect(ipv6Of(next)).not.toBe(ipv6Of(old));
    await serve(lab, next, { address: '::', port: 53, answer: 'new', protocol: 'udp' });
    await eventually(() => {
      expect(heard).toContain('new fd99::2');
    });
  });

  test('of a network with IPv6 alone must be one element of its map', async () => {
    const network = await lab.network({ hasIpv4: false, hasIpv6: true });
    const ports = [{ protocol: 'udp', hostIp: '', published: 5300, target: 53 }] as const;
    const box = await lab.sandbox([network], { ports });
    expect(box.ports.map(({ hostIp }) => hostIp)).toEqual(['::']);
    const rules = await run(
      'nft',
      'list',
      'map',
      'inet',
      lab.instance.replace('-', '_'),
      'published6',
    );
    expect(rules).toContain('udp . 5300 : fd00:0:7::2 . 53');
  });
});

describe('a sandbox', () => {
  test('C-77: on a network without IPv6 must have none there, beside one that has', async () => {
    const networks = [await lab.network(), await lab.network({ hasIpv6: true })];
    const box = await lab.sandbox(networks);
    const shown = await runIn(box, 'ip', '-6', '-br', 'address');
    expect(shown).not.toContain('eth0');
    expect(shown).toContain(ipv6Of(box, 1));
    const disabled = (name: string): Promise<string> =>
      runIn(box, 'cat', `/proc/sys/net/ipv6/conf/${name}/disable_ipv6`);
    expect(await disabled('eth0')).toBe('1\n');
    expect(await disabled('eth1')).toBe('0\n');
    expect(box.endpoints.map(({ ipv4, ipv6 }) => [ipv4?.isDefault, ipv6?.isDefault])).toEqual([
      [true, undefined],
      [false, true],
    ]);
  });

  test('C-78: a rogue router advertisement must change routes of neither host nor neighbours', async () => {
    const network = await lab.network({ hasIpv6: true });
    const [rogue, victim] = [await lab.sandbox([network]), await lab.sandbox([network])];
    const bridge = lab.controller.inspect(network).bridge ?? '';
    expect(await sysctl(`${bridge}/accept_ra`)).toBe('0');
    expect(await runIn(victim, 'cat', '/proc/sys/net/ipv6/conf/eth0/accept_ra')).toBe('0\n');
    const routes = async (place: Place): Promise<string> =>
      (await runIn(place, 'ip', '-6', 'route')).replace(/ expires \d+sec/g, '');
    const [host, neighbourOf] = [await routes('host'), await routes(victim)];
    await advertise(rogue);
    expect(await routes('host')).toBe(host);
    expect(await routes(victim)).toBe(neighbourOf);
    const open = await lab.sandbox([network]);
    await writeAccept(open, '2');
    await advertise(rogue);
    // The advertisement is one that a listener believes.
    expect(await routes(open)).toContain('fd66:');
  });

  test('must join and leave networks with IPv6 while it runs, its way out along', async () => {
    const [plain, dual] = [await lab.network(), await lab.network({ hasIpv6: true })];
    const request = sandboxRequest([plain]);
    const handle = await openSandbox(lab.controller, request);
    const both = { ...request, endpoints: [...request.endpoints, { networkId: dual }] };
    const joined = await lab.controller.connect(both, dual);
    expect(await runIn(handle, 'ip', '-6', 'route', 'show', 'default')).toContain('dev eth1');
    expect(await runIn(handle, 'ip', 'route', 'show', 'default')).toContain('dev eth0');
    expect(joined.hosts.after).toContain(ipv6Of(joined, 1));
    const without = { ...request, endpoints: [{ networkId: dual }] };
    await lab.controller.disconnect(without, plain);
    expect(await runIn(handle, 'ip', 'route', 'show', 'default')).toContain('dev eth1');
    await lab.controller.disconnect({ ...request, endpoints: [] }, dual);
    expect(await runIn(handle, 'ip', '-6', 'route', 'show', 'default')).toBe('');
    await lab.controller.closeSandbox(request.id);
  });

  test('must leave by the network of the highest gateway priority, also by one that it joins', async () => {
    const [first, second] = [
      await lab.network({ hasIpv6: true }),
      await lab.network({ hasIpv6: true }),
    ];
    const request = sandboxRequest([first]);
    const handle = await openSandbox(lab.controller, request);
    const wanted = { networkId: second, gatewayPriority: 5 };
    const both = { ...request, endpoints: [...request.endpoints, wanted] };
    const joined = await lab.controller.connect(both, second);
    expect(joined.endpoints.map(({ ipv4, ipv6 }) => [ipv4?.isDefault, ipv6?.isDefault])).toEqual([
      [false, false],
      [true, true],
    ]);
    for (const family of ['-4', '-6']) {
      const routes = await runIn(handle, 'ip', family, 'route', 'show', 'default');
      expect(routes.trim().split('\n')).toHaveLength(1);
      expect(routes).toContain('dev eth1');
    }
    await lab.controller.disconnect(request, second);
    expect(await runIn(handle, 'ip', '-6', 'route', 'show', 'default')).toContain('dev eth0');
    await lab.controller.closeSandbox(request.id);
  });
});

describe('the host', () => {
  test('must go on following its router while it forwards because of us, and stop forwarding after', async () => {
    await writeFile('/proc/sys/net/ipv6/conf/all/forwarding', '0');
    await neighbour(lab, { link: 'wan', hostAddress: '10.99.0.1', address: '10.99.0.2' });
    expect([await sysctl('all/forwarding'), await sysctl('wan/accept_ra')]).toEqual(['0', '1']);
    // Also while networks go on that never had it.
    await lab.sandbox([await lab.network()]);
    const network = await lab.network({ hasIpv6: true });
    const box = await lab.sandbox([network]);
    expect([await sysctl('all/forwarding'), await sysctl('wan/accept_ra')]).toEqual(['1', '2']);
    await lab.controller.closeSandbox(box.id);
    await lab.controller.removeNetwork(network);
    expect([await sysctl('all/forwarding'), await sysctl('wan/accept_ra')]).toEqual(['0', '1']);
  });

  test('that did not forward must keep its other interfaces apart', async () => {
    await writeFile('/proc/sys/net/ipv6/conf/all/forwarding', '0');
    const one = await ipv6Neighbour(lab, 'lan', 'fd98::/64');
    const other = await neighbour(lab, {
      ...{ link: 'wan', hostAddress: '10.98.0.1', address: '10.98.0.2' },
    });
    await run('ip', 'address', 'add', 'fd98::1/64', 'dev', 'wan', 'nodad');
    await runIn(other, 'ip', 'address', 'add', 'fd98::2/64', 'dev', 'eth0', 'nodad');
    await runIn(other, 'ip', 'route', 'add', 'fd99::/64', 'via', 'fd98::1');
    await serve(lab, other, { address: '::', port: 80, answer: 'other' });
    const network = await lab.network({ hasIpv6: true });
    await lab.sandbox([network]);
    expect(await sysctl('all/forwarding')).toBe('1');
    expect(await ask(one, 'fd98::2', 80)).toBe('timeout');
    await writeFile('/proc/sys/net/ipv6/conf/all/forwarding', '1');
  });
});

describe('an engine that starts again', () => {
  test('must adopt addresses of both families, and lease none of them twice', async () => {
    const network = await lab.network({ hasIpv6: true });
    const box = await lab.sandbox([network]);
    await lab.restart([box.id]);
    const next = await lab.sandbox([network]);
    expect(ipv6Of(next)).toBe('fd00:0:7::3');
    await serve(lab, box, { address: '::', port: 80, answer: 'box' });
    expect(await ask(next, ipv6Of(box), 80)).toBe(`box ${ipv6Of(next)}`);
  });
});

async function writeAccept(place: Place, value: string): Promise<void> {
  const path = '/proc/sys/net/ipv6/conf/eth0/accept_ra';
  await runIn(place, 'sh', '-c', `echo ${value} > ${path}`);
}

/** RFC 4861, 4.2: a router for 30 minutes, and a prefix to take addresses from. */
const advertisement = `
import socket, struct, sys
s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b'eth0')
s.bind(('fe80::bad', 0, 0, socket.if_nametoindex('eth0')))
prefix = socket.inet_pton(socket.AF_INET6, 'fd66::')
option = struct.pack('!BBBBIII', 3, 4, 64, 0xc0, 1800, 1800, 0) + prefix
s.sendto(struct.pack('!BBHBBHII', 134, 0, 0, 64, 0, 1800, 0, 0) + option, ('ff02::1', 0, 0, socket.if_nametoindex('eth0')))
`;

async function advertise(rogue: Place): Promise<void> {
  const own = ['fe80::bad/64', 'dev', 'eth0', 'nodad'];
  await runIn(rogue, 'ip', 'address', 'replace', ...own);
  await runIn(rogue, 'python3', '-c', advertisement);
}
