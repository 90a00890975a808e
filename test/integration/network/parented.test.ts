import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isNetworkError } from '../../../network/index.ts';
import type { Endpoint } from '../../../network/index.ts';
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
  tcp,
} from './lab.ts';

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

/** A LAN with the host at 10.99.0.1 and a router at 10.99.0.2, whose subnet the network has. */
async function lan(driver = 'macvlan'): Promise<{ network: string; router: { pid: number } }> {
  const router = await neighbour(lab, {
    ...{ link: 'lan', hostAddress: '10.99.0.1', address: '10.99.0.2' },
  });
  const pools = [{ subnet: '10.99.0.0/24', gateway: '10.99.0.2', range: '10.99.0.64/26' }];
  const network = await lab.network({ driver, options: { parent: 'lan' }, ipam: { pools } });
  return { network, router };
}

/** Whether this kernel makes such links. */
async function has(kind: string): Promise<boolean> {
  try {
    await run('ip', 'link', 'add', 'probe', 'type', kind);
    await run('ip', 'link', 'delete', 'probe');
    return true;
  } catch {
    return false;
  }
}

describe('a macvlan network', () => {
  test('must put sandboxes on the LAN, with addresses of their own there', async () => {
    const { network, router } = await lan();
    const [one, other] = [
      await lab.sandbox([network], { ports: [tcp(8080, 80)] }),
      await lab.sandbox([network]),
    ];
    expect([addressOf(one), addressOf(other)]).toEqual(['10.99.0.64', '10.99.0.65']);
    await serve(lab, router, { port: 80, answer: 'router' });
    await serve(lab, one, { port: 80, answer: 'one' });
    expect(await ask(one, '10.99.0.2', 80)).toBe('router 10.99.0.64');
    expect(await ask(router, '10.99.0.64', 80)).toBe('one 10.99.0.2');
    expect(await ask(other, '10.99.0.64', 80)).toBe('one 10.99.0.65');
    expect(await runIn(one, 'ip', 'route', 'show', 'default')).toBe(
      'default via 10.99.0.2 dev eth0 \n',
    );
    // Nothing is published: the LAN reaches it without the host.
    expect(one.ports).toEqual([]);
    expect(await run('nft', 'list', 'ruleset')).toBe('');
    expect(await runIn(one, 'ip', '-br', 'link', 'show', 'eth0')).toContain('02:42:0a:63:00:40');
  });

  test('must be adopted by the next engine, and given back', async () => {
    const { network, router } = await lan();
    const box = await lab.sandbox([network]);
    await serve(lab, box, { port: 80, answer: 'box' });
    await lab.restart([box.id]);
    expect(await ask(router, addressOf(box), 80)).toBe('box 10.99.0.2');
    expect(addressOf(await lab.sandbox([network]))).toBe('10.99.0.65');
    await lab.restart([]);
    expect(lab.controller.inspect(network).sandboxes).toEqual([]);
  });

  test('must be joined and left by a sandbox that runs, which then leaves by its bridge', async () => {
    const { network, router } = await lan();
    const bridge = await lab.network();
    const request = sandboxRequest([bridge], { ports: [tcp(8080, 80)] });
    const box = await openSandbox(lab.controller, request);
    const wanted = { networkId: network, gatewayPriority: 1 };
    const both = { ...request, endpoints: [...request.endpoints, wanted] };
    const joined = await lab.controller.connect(both, network);
    await serve(lab, box, { port: 80, answer: 'box' });
    expect(await ask(router, addressOf(joined, 1), 80)).toBe('box 10.99.0.2');
    expect(await runIn(box, 'ip', 'route', 'show', 'default')).toContain('via 10.99.0.2 dev eth1');
    await lab.controller.disconnect(request, network);
    expect(await runIn(box, 'ip', '-br', 'link')).not.toContain('eth1');
    expect(await runIn(box, 'ip', 'route', 'show', 'default')).toContain('via 172.18.0.1 dev eth0');
    expect(await ask(router, '10.99.0.1', 8080)).toBe('box 10.99.0.2');
    await lab.controller.closeSandbox(request.id);
  });

  test('that is private must keep its sandboxes apart', async () => {
    await neighbour(lab, { link: 'lan', hostAddress: '10.99.0.1', address: '10.99.0.2' });
    const options = { parent: 'lan', macvlan_mode: 'private' };
    const pools = [{ subnet: '10.99.0.0/24', gateway: '10.99.0.2', range: '10.99.0.64/26' }];
    const network = await lab.network({ driver: 'macvlan', options, ipam: { pools } });
    const [one, other] = [await lab.sandbox([network]), await lab.sandbox([network])];
    await serve(lab, other, { port: 80, answer: 'other' });
    expect(await ask(one, addressOf(other), 80)).toMatch(/^(timeout|EHOSTUNREACH)$/);
  });

  test('on an interface that is not there must say so when a container starts', async () => {
    const network = await lab.network({ driver: 'macvlan', options: { parent: 'nowhere' } });
    await expect(lab.sandbox([network])).rejects.toThrow(
      'is to be on interface "nowhere", which this host does not have',
    );
    expect(lab.controller.inspect(network).sandboxes).toEqual([]);
  });

  test('without a parent must be for its sandboxes alone, or say which module is missing', async () => {
    const network = await lab.network({ driver: 'macvlan', name: 'alone' });
    expect(lab.controller.inspect(network).isInternal).toBe(true);
    if (await has('dummy')) {
      const [one, other] = [await lab.sandbox([network]), await lab.sandbox([network])];
      await serve(lab, other, { port: 80, answer: 'other' });
      expect(await ask(one, addressOf(other), 80)).toBe(`other ${addressOf(one)}`);
    } else
      await expect(lab.sandbox([network])).rejects.toThrow(
        'macvlan network "alone" needs the kernel\'s module "dummy", which is not there',
      );
  });

  test('on a VLAN of an interface must make it, or say which module is missing', async () => {
    await neighbour(lab, { link: 'lan', hostAddress: '10.99.0.1', address: '10.99.0.2' });
    const network = await lab.network({ driver: 'macvlan', options: { parent: 'lan.10' } });
    const attempt = lab.sandbox([network]);
    const error = await attempt.then(
      () => null,
      (reason: unknown) => reason,
    );
    if (error === null) {
      expect(await run('ip', '-d', 'link', 'show', 'lan.10')).toContain(
        'vlan protocol 802.1Q id 10',
      );
      const box = lab.controller.inspect(network).sandboxes[0]?.id ?? '';
      await lab.controller.closeSandbox(box);
      await lab.controller.removeNetwork(network);
      expect(await run('ip', '-br', 'link')).not.toContain('lan.10');
    } else {
      expect(isNetworkError(error, 'unsupported')).toBe(true);
      const missing = expect.stringContaining('needs the kernel\'s module "8021q"') as string;
      expect(error).toHaveProperty('message', missing);
    }
  });

  test('must not share its interface with another', async () => {
    await lab.network({ driver: 'macvlan', name: 'first', options: { parent: 'lan' } });
    await expect(
      lab.network({ driver: 'ipvlan', name: 'second', options: { parent: 'lan' } }),
    ).rejects.toThrow('network "second" cannot be on interface "lan": network "first" is');
  });

  test.each([
    ['macvlan', { macvlan_mode: 'l3' }, 'which is none of bridge, private, vepa, passthru'],
    ['ipvlan', { ipvlan_mode: 'bridge' }, 'which is none of l2, l3, l3s'],
    ['macvlan', { ipvlan_mode: 'l2' }, 'and there is no such option'],
    ['macvlan', { parent: 'lo' }, 'which no network can be a part of'],
    ['macvlan', { parent: 'eth0.4095' }, 'and the number of a VLAN is from 1 to 4094'],
    ['macvlan', { 'com.docker.network.bridge.name': 'x' }, 'and there is no such option'],
  ])('of driver %s with %j must be refused', async (driver, options, message) => {
    await expect(lab.network({ driver, options })).rejects.toThrow(message);
  });
});

describe('an ipvlan network', () => {
  test('must put sandboxes on the LAN, or say which module is missing', async () => {
    const { network, router } = await lan('ipvlan');
    const error = await lab.sandbox([network]).then(
      () => null,
      (reason: unknown) => reason,
    );
    if (error === null) {
      await serve(lab, router, { port: 80, answer: 'router' });
      const box = await lab.sandbox([network]);
      expect(await ask(box, '10.99.0.2', 80)).toBe(`router ${addressOf(box)}`);
    } else
      expect(error).toHaveProperty('message', expect.stringContaining('this kernel has no ipvlan'));
  });
});
