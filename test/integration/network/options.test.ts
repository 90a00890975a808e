import { readFile, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  ask,
  inventory,
  Lab,
  neighbour,
  openSandbox,
  run,
  runIn,
  sandboxRequest,
  serve,
} from './lab.ts';
import type { Endpoint } from '../../../network/index.ts';

const bridgeOption = 'com.docker.network.bridge.name';

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

function addressOf({ endpoints }: { readonly endpoints: readonly Endpoint[] }, index = 0): string {
  return endpoints[index]?.ipv4?.address ?? '';
}

describe('a bridge with a name of the user’s', () => {
  const options = { [bridgeOption]: 'br-shop' };

  test('must be that bridge, isolated like any other, also for the next engine', async () => {
    const network = await lab.network({ options });
    const [one, other] = [await lab.sandbox([network]), await lab.sandbox([network])];
    const stranger = await lab.sandbox([await lab.network()]);
    expect(lab.controller.inspect(network).bridge).toBe('br-shop');
    await serve(lab, other, { port: 80, answer: 'other' });
    expect(await ask(one, addressOf(other), 80)).toBe(`other ${addressOf(one)}`);
    expect(await ask(stranger, addressOf(other), 80)).toBe('timeout');
    await lab.restart([one.id, other.id, stranger.id]);
    expect(await ask(one, addressOf(other), 80)).toBe(`other ${addressOf(one)}`);
    expect(await ask(stranger, addressOf(other), 80)).toBe('timeout');
  });

  test('must pass a FORWARD chain that drops, and leave no rule there', async () => {
    await run('nft', 'add', 'table', 'ip', 'filter');
    lab.onEnd(() => run('nft', 'delete', 'table', 'ip', 'filter'));
    const chain = '{ type filter hook forward priority 0; policy drop; }';
    await run('nft', 'add', 'chain', 'ip', 'filter', 'FORWARD', chain);
    const network = await lab.network({ options });
    const box = await lab.sandbox([network]);
    const forward = (): Promise<string> =>
      run('nft', '-s', 'list', 'chain', 'ip', 'filter', 'FORWARD');
    expect(await forward()).toContain('iifname "br-shop" counter accept');
    expect(await forward()).toContain('oifname "br-shop" counter accept');
    await lab.controller.closeSandbox(box.id);
    await lab.controller.removeNetwork(network);
    expect(await forward()).not.toContain('accept');
  });

  test('must not be shared by two networks, nor have a name that no link can have', async () => {
    await lab.network({ name: 'first', options });
    await expect(lab.network({ options })).rejects.toThrow(
      /^bridge "br-shop" of network ".*" is already that of network "first"$/,
    );
    for (const [name, problem] of [
      ['a b', 'which is no name of an interface'],
      ['sixteen-letters-', 'which is no name of an interface'],
      ['tscabc', 'are the engine'],
    ] as const)
      await expect(lab.network({ options: { [bridgeOption]: name } })).rejects.toThrow(problem);
  });

  test('that was there before must be used, and stay', async () => {
    await run('ip', 'link', 'add', 'br-own', 'type', 'bridge');
    lab.onEnd(() => run('ip', 'link', 'delete', 'br-own'));
    const network = await lab.network({ options: { [bridgeOption]: 'br-own' } });
    const box = await lab.sandbox([network]);
    expect(await run('ip', '-br', 'link', 'show', 'master', 'br-own')).toContain('tscv');
    await lab.controller.closeSandbox(box.id);
    await lab.controller.removeNetwork(network);
    expect(await run('ip', '-br', 'link', 'show', 'br-own')).toContain('br-own');
  });

  test('that was there before must keep its IPv6 and its settings, and nothing of ours', async () => {
    await run('ip', 'link', 'add', 'br-own', 'type', 'bridge');
    lab.onEnd(() => run('ip', 'link', 'delete', 'br-own'));
    await run('ip', 'link', 'set', 'br-own', 'up');
    await run('ip', 'address', 'add', 'fd99::1/64', 'dev', 'br-own', 'nodad');
    const addresses = (): Promise<string> => run('ip', '-br', 'address', 'show', 'br-own');
    const local = '/proc/sys/net/ipv4/conf/br-own/route_localnet';
    const found = await addresses();
    const options = { [bridgeOption]: 'br-own' };
    const network = await lab.network({ options, isInternal: true });
    const box = await lab.sandbox([network]);
    const gateway = lab.controller.inspect(network).ipam[0]?.gateway ?? 'none';
    expect(await addresses()).toContain('fd99::1/64');
    expect(await addresses()).toContain(gateway);
    expect(await readFile(local, 'utf8')).toBe('1\n');
    expect(await readFile('/proc/sys/net/ipv4/conf/br-own/forwarding', 'utf8')).toBe('1\n');
    await lab.controller.closeSandbox(box.id);
    await lab.controller.removeNetwork(network);
    const words = (text: string): string[] => text.trim().split(/\s+/).slice(2);
    expect(words(await addresses())).toEqual(words(found));
    expect(await readFile(local, 'utf8')).toBe('0\n');
  });

  test('that was there before must reach the other interfaces of a host that did not forward', async () => {
    const forward = '/proc/sys/net/ipv4/ip_forward';
    await run('ip', 'link', 'add', 'br-own', 'type', 'bridge');
    lab.onEnd(() => run('ip', 'link', 'delete', 'br-own'));
    await writeFile(forward, '0');
    const link = { link: 'lan0', hostAddress: '10.9.0.1', address: '10.9.0.2' };
    const outside = await neighbour(lab, link);
    await serve(lab, outside, { port: 80, answer: 'outside' });
    const network = await lab.network({ options: { [bridgeOption]: 'br-own' } });
    const box = await lab.sandbox([network]);
    expect(await ask(box, '10.9.0.2', 80)).toBe('outside 10.9.0.1');
    await lab.controller.closeSandbox(box.id);
    await lab.controller.removeNetwork(network);
    expect(await readFile(forward, 'utf8')).toBe('0\n');
  });

  test('that was there before must not be taken over by an engine that starts', async () => {
    await run('ip', 'link', 'add', 'br-own', 'type', 'bridge');
    lab.onEnd(() => run('ip', 'link', 'delete', 'br-own'));
    const network = await lab.network({ options: { [bridgeOption]: 'br-own' } });
    const shown = (): Promise<string> => run('ip', '-br', 'address', 'show', 'br-own');
    const local = '/proc/sys/net/ipv4/conf/br-own/route_localnet';
    const found = await shown();
    await lab.restart([]);
    expect(await shown()).toBe(found);
    const box = await lab.sandbox([network]);
    await lab.controller.closeSandbox(box.id);
    expect(await shown()).toContain('172.18.0.1/16');
    await lab.restart([]);
    expect(await shown()).not.toContain('172.18.0.1/16');
    expect(await readFile(local, 'utf8')).toBe('0\n');
    expect(await run('nft', 'list', 'ruleset')).not.toContain('br-own');
  });

  test('must not be another kind of link, which stays as it was', async () => {
    await run('ip', 'link', 'add', 'nic0', 'type', 'veth', 'peer', 'nic1');
    lab.onEnd(() => run('ip', 'link', 'delete', 'nic0'));
    await run('ip', 'link', 'set', 'nic0', 'up');
    await run('ip', 'address', 'add', 'fd99::1/64', 'dev', 'nic0', 'nodad');
    const found = await run('ip', 'address', 'show', 'nic0');
    const rules = await run('nft', 'list', 'ruleset');
    const network = await lab.network({ options: { [bridgeOption]: 'nic0' } });
    await expect(lab.sandbox([network])).rejects.toMatchObject({
      code: 'invalid-argument',
      message: 'existing interface nic0 is not a bridge',
    });
    expect(await run('ip', 'address', 'show', 'nic0')).toBe(found);
    expect(await run('nft', 'list', 'ruleset')).toBe(rules);
  });
});

describe('a network', () => {
  test('of several subnets must take addresses of the next when one has none left', async () => {
    const pools = [{ subnet: '10.71.0.0/30' }, { subnet: '10.72.0.0/24', gateway: '10.72.0.254' }];
    const network = await lab.network({ ipam: { pools } });
    const [one, other] = [await lab.sandbox([network]), await lab.sandbox([network])];
    expect([addressOf(one), addressOf(other)]).toEqual(['10.71.0.2', '10.72.0.1']);
    expect(other.endpoints[0]?.ipv4).toMatchObject({ prefixLength: 24, gateway: '10.72.0.254' });
    await serve(lab, other, { port: 80, answer: 'other' });
    expect(await ask('host', '10.72.0.1', 80)).toBe('other 10.72.0.254');
    expect(await ask(one, '10.72.0.1', 80)).toMatch(/^other 10\.7[12]\.0/);
  });

  test('whose IPv4 the host is kept out of must have no address of it there', async () => {
    const options = { 'com.docker.network.bridge.inhibit_ipv4': 'true' };
    const network = await lab.network({ options, hasIpv6: true });
    const box = await lab.sandbox([network]);
    const bridge = lab.controller.inspect(network).bridge ?? '';
    expect(await run('ip', '-4', '-br', 'address', 'show', bridge)).toBe('');
    expect(await run('ip', '-6', '-br', 'address', 'show', bridge)).toContain('fd00:0:7::1/64');
    expect(addressOf(box)).toBe('172.18.0.2');
  });

  test('must name the interfaces of its containers, and they themselves as well', async () => {
    const options = { 'com.docker.network.container_iface_prefix': 'lan' };
    const networks = [await lab.network({ options }), await lab.network(), await lab.network()];
    const endpoints = networks.map((networkId) => ({ networkId }));
    const [first = { networkId: '' }, second = { networkId: '' }, third = { networkId: '' }] =
      endpoints;
    const named = [first, second, { ...third, interfaceName: 'eth0' }];
    const box = await lab.sandbox([], { endpoints: named });
    expect(box.endpoints.map(({ interfaceName }) => interfaceName)).toEqual([
      'lan0',
      'eth1',
      'eth0',
    ]);
    expect((await runIn(box, 'ip', '-br', 'link')).match(/^\w+/gm)).toEqual([
      'lo',
      'lan0',
      'eth1',
      'eth0',
    ]);
  });

  test.each([
    [{ 'com.docker.network.bridge.inhibit_ipv4': 'perhaps' }, 'which is neither true nor false'],
    [{ 'com.docker.network.container_iface_prefix': 'thirteen-char' }, 'which is no beginning of'],
    [{ 'com.docker.network.bridge.gateway_mode_ipv6': 'routed' }, 'is not supported'],
    [{ 'com.docker.network.driver.mtu': '67' }, 'which is not a number from 68 to 65535'],
  ])('%j must be refused', async (options, message) => {
    await expect(lab.network({ options })).rejects.toThrow(message);
  });
});

describe('an endpoint', () => {
  test('must have its sysctls, and link-local addresses beside its own', async () => {
    const network = await lab.network();
    const linkLocalAddresses = ['169.254.8.8', 'fe80::8'];
    const sysctls = { 'ipv4/conf/IFNAME/log_martians': '1' };
    const endpoints = [{ networkId: network, linkLocalAddresses, sysctls }];
    const request = sandboxRequest([], { endpoints });
    const box = await openSandbox(lab.controller, request);
    const shown = await runIn(box, 'ip', '-br', 'address', 'show', 'eth0');
    for (const text of ['172.18.0.2/16', '169.254.8.8/16', 'fe80::8/64'])
      expect(shown).toContain(text);
    const log = await runIn(box, 'cat', '/proc/sys/net/ipv4/conf/eth0/log_martians');
    expect(log).toBe('1\n');
    await lab.controller.closeSandbox(request.id);
  });

  test('with a sysctl that does not exist must leave nothing', async () => {
    const network = await lab.network();
    const sysctls = { 'ipv4/conf/IFNAME/no_such': '1' };
    const wrong = lab.sandbox([], { endpoints: [{ networkId: network, sysctls }] });
    await expect(wrong).rejects.toThrow('no_such');
    expect(lab.controller.inspect(network).sandboxes).toEqual([]);
  });
});
