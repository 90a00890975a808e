import { readFile, writeFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { nativeKernel } from '../../../network/context.ts';
import type { Kernel } from '../../../network/context.ts';
import { printRuleset } from '../../../network/firewall/print.ts';
import { buildRuleset } from '../../../network/firewall/ruleset.ts';
import { ask, inventory, Lab, neighbour, run, runIn, serve, tcp } from './lab.ts';

let lab: Lab;
let before: Record<string, string>;

beforeEach(async () => {
  lab = await Lab.open();
  before = await inventory(lab);
});

afterEach(async () => {
  await lab[Symbol.asyncDispose]();
  expect(await inventory(lab)).toEqual(before);
  await run('nft', 'flush', 'ruleset');
});

/** Elements in an order of their own: the kernel's is that of a hash. */
function sortElements(text: string): string {
  return text.replace(/elements = \{ ([^}]*) \}/g, (_, elements: string) => {
    const sorted = elements.split(/,\s*/).sort();
    return `elements = { ${sorted.join(', ')} }`;
  });
}

describe('the rules in the kernel', () => {
  test('must be those that are printed', async () => {
    const [network, internal] = [await lab.network(), await lab.network({ isInternal: true })];
    const box = await lab.sandbox([network, internal], {
      ports: [
        tcp(8080, 80),
        tcp(8081, 81, '127.0.0.1'),
        { protocol: 'udp', hostIp: '', published: 5300, target: 53 },
      ],
    });
    const target = (port: number): { address: string; port: number } => ({
      address: box.endpoints[0]?.ipv4?.address ?? '',
      port,
    });
    const ruleset = buildRuleset(lab.instance, {
      networks: [
        {
          bridge: lab.controller.inspect(network).bridge ?? '',
          isInternal: false,
          isOpenWithin: true,
          isMasqueraded: true,
        },
        {
          bridge: lab.controller.inspect(internal).bridge ?? '',
          isInternal: true,
          isOpenWithin: true,
          isMasqueraded: true,
        },
      ],
      ports: [
        { protocol: 'tcp', hostIp: '0.0.0.0', published: 8080, target: target(80) },
        { protocol: 'tcp', hostIp: '127.0.0.1', published: 8081, target: target(81) },
        { protocol: 'udp', hostIp: '0.0.0.0', published: 5300, target: target(53) },
      ],
      uplinks: [],
      uplinks6: [],
    });
    const listed = await run('nft', 'list', 'table', 'inet', ruleset.table);
    // Since Linux 6.9 the table has an owner.
    const unowned = listed.replace(/ # progname .*\n\tflags .*\n\n/, '\n');
    expect(sortElements(unowned)).toBe(sortElements(printRuleset(ruleset)));
  });

  test('inside a sandbox must lead DNS to the resolver, and nothing else', async () => {
    const box = await lab.sandbox([await lab.network()]);
    expect(await runIn(box, 'nft', 'list', 'ruleset')).toBe(
      [
        'table ip tscompose_dns {',
        '\tchain output {',
        '\t\ttype nat hook output priority -100; policy accept;',
        '\t\tip daddr 127.0.0.11 udp dport 53 dnat to 127.0.0.11:63053',
        '\t\tip daddr 127.0.0.11 tcp dport 53 dnat to 127.0.0.11:63053',
        '\t}',
        '}',
        '',
      ].join('\n'),
    );
  });
});

describe('beside the rules of others', () => {
  test.each([
    {
      name: 'Docker',
      rules: [
        ['-P', 'FORWARD', 'DROP'],
        ['-N', 'DOCKER-USER'],
        ['-A', 'FORWARD', '-j', 'DOCKER-USER'],
        ['-A', 'DOCKER-USER', '-j', 'RETURN'],
      ],
      chain: 'DOCKER-USER',
      expected: [
        '-N DOCKER-USER',
        '-A DOCKER-USER -o tsc+ -j ACCEPT',
        '-A DOCKER-USER -i tsc+ -j ACCEPT',
        '-A DOCKER-USER -j RETURN',
      ],
    },
    {
      name: 'a FORWARD chain that drops, as of ufw',
      rules: [['-P', 'FORWARD', 'DROP']],
      chain: 'FORWARD',
      expected: ['-P FORWARD DROP', '-A FORWARD -o tsc+ -j ACCEPT', '-A FORWARD -i tsc+ -j ACCEPT'],
    },
  ])('$name: traffic must pass, isolation must hold, and the rules must go', async (row) => {
    await writeFile('/proc/sys/net/bridge/bridge-nf-call-iptables', '1');
    for (const rule of row.rules) await run('iptables-nft', ...rule);
    const found = await run('iptables-nft', '-S');
    const outside = await neighbour(lab, {
      link: 'lan0',
      hostAddress: '10.9.0.1',
      address: '10.9.0.2',
    });
    await serve(lab, outside, { port: 80, answer: 'outside' });
    const network = await lab.network();
    const box = await lab.sandbox([network], { ports: [tcp(8080, 80)] });
    const sibling = await lab.sandbox([network]);
    const stranger = await lab.sandbox([await lab.network()]);
    await serve(lab, box, { port: 80, answer: 'box' });
    const address = box.endpoints[0]?.ipv4?.address ?? '';
    expect(await ask(box, '10.9.0.2', 80)).toBe('outside 10.9.0.1');
    expect(await ask(outside, '10.9.0.1', 8080)).toBe('box 10.9.0.2');
    expect(await ask(sibling, address, 80)).toBe(
      `box ${sibling.endpoints[0]?.ipv4?.address ?? ''}`,
    );
    expect(await ask(stranger, address, 80)).toBe('timeout');
    const listed = await run('iptables-nft', '-S', row.chain);
    expect(listed.trim().split('\n')).toEqual(row.expected);
    // Two of each would be one too many.
    await lab.restart([box.id, sibling.id, stranger.id]);
    expect(await run('iptables-nft', '-S', row.chain)).toBe(listed);
    for (const { id } of [box, sibling, stranger]) await lab.controller.closeSandbox(id);
    for (const { id } of lab.controller.list()) await lab.controller.removeNetwork(id);
    expect(await run('iptables-nft', '-S')).toBe(found);
    before = await inventory(lab);
    before = { ...before, links: before['links']?.replace(/^lan0.*\n/m, '') ?? '', routes: '' };
  });
});

describe('forwarding', () => {
  const file = '/proc/sys/net/ipv4/ip_forward';

  test('must be on while a network is set up, and not between the interfaces of a host that did not forward', async () => {
    await writeFile(file, '0');
    const left = await neighbour(lab, {
      link: 'lan0',
      hostAddress: '10.9.0.1',
      address: '10.9.0.2',
    });
    const right = await neighbour(lab, {
      link: 'lan1',
      hostAddress: '10.8.0.1',
      address: '10.8.0.2',
    });
    await runIn(left, 'ip', 'route', 'add', 'default', 'via', '10.9.0.1');
    await runIn(right, 'ip', 'route', 'add', 'default', 'via', '10.8.0.1');
    await serve(lab, right, { port: 80, answer: 'right' });
    const network = await lab.network();
    expect(await readFile(file, 'utf8')).toBe('0\n');
    const box = await lab.sandbox([network]);
    expect(await readFile(file, 'utf8')).toBe('1\n');
    expect(await ask(left, '10.8.0.2', 80)).toBe('timeout');
    expect(await ask(box, '10.8.0.2', 80)).toBe('right 10.8.0.1');
    await lab.controller.closeSandbox(box.id);
    await lab.controller.removeNetwork(network);
    expect(await readFile(file, 'utf8')).toBe('0\n');
  });

  test('must be on after one network went while another came', async () => {
    await writeFile(file, '0');
    let turnedOff: () => void = () => undefined;
    const isTurnedOff = new Promise<void>((resolve) => (turnedOff = resolve));
    const kernel: Kernel = {
      ...nativeKernel,
      writeSysctl: async (setting) => {
        if (setting.name === 'net/ipv4/ip_forward' && setting.value === '0') {
          turnedOff();
          // Long enough for a network to be set up beside.
          await setTimeout(1000);
        }
        await nativeKernel.writeSysctl(setting);
      },
    };
    await lab.restart([], kernel);
    const [network, other] = [await lab.network(), await lab.network()];
    const last = await lab.sandbox([network]);
    await lab.controller.closeSandbox(last.id);
    const removing = lab.controller.removeNetwork(network);
    await isTurnedOff;
    const box = await lab.sandbox([other]);
    await removing;
    expect(await readFile(file, 'utf8')).toBe('1\n');
    await lab.controller.closeSandbox(box.id);
    await lab.controller.removeNetwork(other);
    expect(await readFile(file, 'utf8')).toBe('0\n');
  });

  test('must be left alone on a host that forwards already', async () => {
    await writeFile(file, '1');
    const left = await neighbour(lab, {
      link: 'lan0',
      hostAddress: '10.9.0.1',
      address: '10.9.0.2',
    });
    const right = await neighbour(lab, {
      link: 'lan1',
      hostAddress: '10.8.0.1',
      address: '10.8.0.2',
    });
    await runIn(left, 'ip', 'route', 'add', 'default', 'via', '10.9.0.1');
    await runIn(right, 'ip', 'route', 'add', 'default', 'via', '10.8.0.1');
    await serve(lab, right, { port: 80, answer: 'right' });
    const network = await lab.network();
    const box = await lab.sandbox([network]);
    expect(await ask(left, '10.8.0.2', 80)).toBe('right 10.9.0.2');
    await lab.controller.closeSandbox(box.id);
    await lab.controller.removeNetwork(network);
    expect(await readFile(file, 'utf8')).toBe('1\n');
    await writeFile(file, '0');
  });
});

describe('subnets', () => {
  test('of the host must be avoided, and asking for one must be refused by name', async () => {
    await neighbour(lab, { link: 'lan0', hostAddress: '172.18.5.1', address: '172.18.5.2' });
    await run('ip', 'route', 'add', '172.19.0.0/17', 'via', '172.18.5.2');
    await run('ip', 'route', 'add', '128.0.0.0/1', 'via', '172.18.5.2');
    const first = await lab.network();
    const second = await lab.network();
    expect(lab.controller.inspect(first).ipam[0]?.subnet).toBe('172.20.0.0/16');
    expect(lab.controller.inspect(second).ipam[0]?.subnet).toBe('172.21.0.0/16');
    await expect(
      lab.network({ ipam: { pools: [{ subnet: '172.18.0.0/16' }] } }),
    ).rejects.toMatchObject({
      code: 'subnet-overlap',
      message: 'subnet 172.18.0.0/16 overlaps with 172.18.5.0/24 of interface "lan0"',
    });
    await expect(
      lab.network({ name: 'third', ipam: { pools: [{ subnet: '172.20.128.0/24' }] } }),
    ).rejects.toMatchObject({
      code: 'subnet-overlap',
      message: `subnet 172.20.128.0/24 overlaps with 172.20.0.0/16 of network "${lab.controller.inspect(first).name}"`,
    });
    await run('ip', 'route', 'del', '128.0.0.0/1');
    await run('ip', 'route', 'del', '172.19.0.0/17');
  });
});
