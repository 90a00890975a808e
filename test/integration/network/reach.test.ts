import { writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { closeFd } from '../../../native/index.ts';
import type { Endpoint } from '../../../network/index.ts';
import { eventually } from '../../lib/eventually.ts';
import {
  ask,
  askUdp,
  inventory,
  Lab,
  neighbour,
  run,
  runIn,
  openSandbox,
  sandboxRequest,
  serve,
  startIn,
  tcp,
} from './lab.ts';

interface Addressed {
  readonly endpoints: readonly Pick<Endpoint, 'ipv4'>[];
}

function addressOf(handle: Addressed, index = 0): string {
  return handle.endpoints[index]?.ipv4?.address ?? '';
}

function gatewayOf(handle: Addressed): string {
  return handle.endpoints[0]?.ipv4?.gateway ?? '';
}

const udpListener = `require('dgram').createSocket('udp4').on('message', (m, r) => console.log(r.address))
  .bind(+process.argv[1], () => console.log('ready'));`;
const steadyUdpClient = `const s = require('dgram').createSocket('udp4');
  s.on('message', (m) => console.log(String(m))).on('error', () => {}).bind(40000, () => {
    setInterval(() => s.send('x', +process.argv[2], process.argv[1]), 20); console.log('started'); });`;

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

describe('networks', () => {
  test('sandboxes of one network must reach each other, those of another must not', async () => {
    const [network, elsewhere] = [await lab.network(), await lab.network()];
    const one = await lab.sandbox([network]);
    const other = await lab.sandbox([network]);
    const stranger = await lab.sandbox([elsewhere]);
    await serve(lab, other, { port: 80, answer: 'other' });
    expect(await ask(one, addressOf(other), 80)).toBe(`other ${addressOf(one)}`);
    expect(await ask(stranger, addressOf(other), 80)).toBe('timeout');
    await serve(lab, stranger, { port: 80, answer: 'stranger' });
    expect(await ask(other, addressOf(stranger), 80)).toBe('timeout');
    expect(await ask('host', addressOf(other), 80)).toBe(`other ${gatewayOf(other)}`);
  });

  test('a sandbox of two networks must reach both and join neither', async () => {
    const networks = [await lab.network(), await lab.network()];
    const both = await lab.sandbox(networks);
    const [first, second] = [
      await lab.sandbox([networks[0] ?? '']),
      await lab.sandbox([networks[1] ?? '']),
    ];
    await serve(lab, first, { port: 80, answer: 'first' });
    await serve(lab, second, { port: 80, answer: 'second' });
    expect(await ask(both, addressOf(first), 80)).toBe(`first ${addressOf(both, 0)}`);
    expect(await ask(both, addressOf(second), 80)).toBe(`second ${addressOf(both, 1)}`);
    expect(await ask(first, addressOf(second), 80)).toBe('timeout');
    expect(await runIn(both, 'ip', 'route', 'show', 'default')).toBe(
      `default via ${gatewayOf(both)} dev eth0 \n`,
    );
  });

  test('what leaves for the outside must have the address of the host', async () => {
    const outside = await neighbour(lab, {
      link: 'lan0',
      hostAddress: '10.9.0.1',
      address: '10.9.0.2',
    });
    await serve(lab, outside, { port: 80, answer: 'outside' });
    const box = await lab.sandbox([await lab.network()]);
    expect(await ask(box, '10.9.0.2', 80)).toBe('outside 10.9.0.1');
  });

  test('one that is not masqueraded must leave with its own address', async () => {
    const outside = await neighbour(lab, {
      link: 'lan0',
      hostAddress: '10.9.0.1',
      address: '10.9.0.2',
    });
    await serve(lab, outside, { port: 80, answer: 'outside' });
    const options = { 'com.docker.network.bridge.enable_ip_masquerade': 'false' };
    const box = await lab.sandbox([await lab.network({ options })]);
    const heard = startIn(lab, outside, process.execPath, '-e', udpListener, '90');
    const lines: string[] = [];
    heard.stdout?.on('data', (data: Buffer) => lines.push(...data.toString().trim().split('\n')));
    await eventually(() => {
      expect(lines).toEqual(['ready']);
    });
    expect(await askUdp(box, '10.9.0.2', 90)).toBe('timeout');
    expect(lines).toEqual(['ready', addressOf(box)]);
    // Answers to its own address are direct routing: without a gateway mode that has it, they stay outside.
    await runIn(outside, 'ip', 'route', 'add', 'default', 'via', '10.9.0.1');
    expect(await ask(box, '10.9.0.2', 80)).toBe('timeout');
  });

  test.each([
    // A frame whose destination is translated on the bridge goes from port to port, which is what is closed.
    { name: 'routed', nf: '0', ownPort: 'other 172.18.0.1' },
    { name: 'translated on the bridge', nf: '1', ownPort: 'timeout' },
  ])(
    'one without traffic within must reach the outside, not itself: $name',
    async ({ nf, ownPort }) => {
      await writeFile('/proc/sys/net/bridge/bridge-nf-call-iptables', nf);
      const outside = await neighbour(lab, {
        link: 'lan0',
        hostAddress: '10.9.0.1',
        address: '10.9.0.2',
      });
      await serve(lab, outside, { port: 80, answer: 'outside' });
      const network = await lab.network({
        options: { 'com.docker.network.bridge.enable_icc': 'false' },
      });
      const one = await lab.sandbox([network]);
      const other = await lab.sandbox([network], { ports: [tcp(8080, 80)] });
      await serve(lab, other, { port: 80, answer: 'other' });
      expect(await ask(one, addressOf(other), 80)).toMatch(/^(?:timeout|EHOSTUNREACH)$/);
      expect(await ask(one, '10.9.0.2', 80)).toBe('outside 10.9.0.1');
      expect(await ask(one, '10.9.0.1', 8080)).toBe(ownPort);
      expect(await ask(outside, '10.9.0.1', 8080)).toBe('other 10.9.0.2');
      expect(await ask('host', addressOf(other), 80)).toBe(`other ${gatewayOf(other)}`);
      // Nor by way of the host, to which every frame may go.
      await runIn(one, 'ip', 'route', 'add', addressOf(other), 'via', gatewayOf(one));
      expect(await ask(one, addressOf(other), 80)).toBe('timeout');
      // A bridge that somebody has deleted comes back as it was.
      await run('ip', 'link', 'delete', lab.controller.inspect(network).bridge ?? '');
      await lab.sandbox([network]);
      await runIn(one, 'ip', 'route', 'delete', addressOf(other));
      expect(await ask('host', addressOf(other), 80)).toBe(`other ${gatewayOf(other)}`);
      expect(await ask(one, addressOf(other), 80)).toMatch(/^(?:timeout|EHOSTUNREACH)$/);
    },
  );

  test('an internal network must reach itself and nothing else', async () => {
    const outside = await neighbour(lab, {
      link: 'lan0',
      hostAddress: '10.9.0.1',
      address: '10.9.0.2',
    });
    await serve(lab, outside, { port: 80, answer: 'outside' });
    const network = await lab.network({ isInternal: true });
    const one = await lab.sandbox([network]);
    const other = await lab.sandbox([network], { ports: [tcp(8080, 80)] });
    const open = await lab.sandbox([await lab.network()]);
    await serve(lab, other, { port: 80, answer: 'other' });
    expect(await ask(one, addressOf(other), 80)).toBe(`other ${addressOf(one)}`);
    expect(await ask(one, '10.9.0.2', 80)).toBe('ENETUNREACH');
    expect(await runIn(one, 'ip', 'route', 'show', 'default')).toBe('');
    // Even with a route of its own making it does not get out, and nobody gets in.
    await runIn(one, 'ip', 'route', 'add', 'default', 'via', gatewayOf(one));
    expect(await ask(one, '10.9.0.2', 80)).toBe('timeout');
    expect(await ask(open, addressOf(other), 80)).toBe('timeout');
    expect(await ask(outside, '10.9.0.1', 8080)).toBe('ECONNREFUSED');
  });

  test('IPv6 must be off on the interfaces of a network without it, and on for loopback', async () => {
    const box = await lab.sandbox([await lab.network()]);
    const addresses = await runIn(box, 'ip', '-6', '-br', 'address');
    expect(addresses.replace(/\s+/g, ' ')).toBe('lo UNKNOWN ::1/128 ');
  });

  test('fixed addresses, hardware addresses and the MTU must be as asked for', async () => {
    const network = await lab.network({
      ipam: {
        pools: [{ subnet: '10.77.0.0/24', gateway: '10.77.0.254', range: '10.77.0.128/25' }],
      },
      options: { 'com.docker.network.driver.mtu': '1400' },
    });
    const fixed = await lab.sandbox([], {
      endpoints: [
        { networkId: network, ipv4Address: '10.77.0.9', macAddress: '02:00:00:00:00:09' },
      ],
    });
    const link = await runIn(fixed, 'ip', '-o', 'link', 'show', 'eth0');
    expect(link).toMatch(/mtu 1400 .* link\/ether 02:00:00:00:00:09 /);
    expect(fixed.endpoints[0]).toMatchObject({
      ipv4: { address: '10.77.0.9', gateway: '10.77.0.254' },
    });
    expect(addressOf(await lab.sandbox([network]))).toBe('10.77.0.128');
    await expect(
      lab.sandbox([], { endpoints: [{ networkId: network, ipv4Address: '10.77.0.9' }] }),
    ).rejects.toMatchObject({
      code: 'address-in-use',
      hint: expect.stringMatching(
        /^container "box-.*" has it; stop it or choose another address$/,
      ) as string,
    });
  });
});

describe('published ports', () => {
  test.each([
    { name: 'routed', nf: '0' },
    { name: 'translated on the bridge', nf: '1' },
  ])('must answer outside, on the host, on loopback, and to sandboxes: $name', async ({ nf }) => {
    await writeFile('/proc/sys/net/bridge/bridge-nf-call-iptables', nf);
    const outside = await neighbour(lab, {
      link: 'lan0',
      hostAddress: '10.9.0.1',
      address: '10.9.0.2',
    });
    const network = await lab.network();
    const box = await lab.sandbox([network], { ports: [tcp(8080, 80)] });
    const sibling = await lab.sandbox([network]);
    const stranger = await lab.sandbox([await lab.network()]);
    await serve(lab, box, { port: 80, answer: 'box' });
    expect(await ask(outside, '10.9.0.1', 8080)).toBe('box 10.9.0.2');
    expect(await ask('host', '10.9.0.1', 8080)).toBe('box 10.9.0.1');
    expect(await ask('host', '127.0.0.1', 8080)).toBe(`box ${gatewayOf(box)}`);
    // Hairpin: the answer must come back the way the question went.
    const seen = nf === '0' ? gatewayOf(box) : addressOf(sibling);
    expect(await ask(sibling, '10.9.0.1', 8080)).toBe(`box ${seen}`);
    expect(await ask(sibling, gatewayOf(box), 8080)).toBe(`box ${seen}`);
    expect(await ask(box, '10.9.0.1', 8080)).toBe(`box ${gatewayOf(box)}`);
    expect(await ask(stranger, '10.9.0.1', 8080)).toBe(`box ${addressOf(stranger)}`);
    await lab.controller.closeSandbox(box.id);
    expect(await ask(outside, '10.9.0.1', 8080)).toBe('ECONNREFUSED');
  });

  test('of UDP must answer outside and on loopback', async () => {
    const outside = await neighbour(lab, {
      link: 'lan0',
      hostAddress: '10.9.0.1',
      address: '10.9.0.2',
    });
    const box = await lab.sandbox([await lab.network()], {
      ports: [{ protocol: 'udp', hostIp: '', published: 5300, target: 53 }],
    });
    await serve(lab, box, { port: 53, answer: 'box', protocol: 'udp' });
    expect(await askUdp(outside, '10.9.0.1', 5300)).toBe('box 10.9.0.2');
    expect(await askUdp('host', '127.0.0.1', 5300)).toBe(`box ${gatewayOf(box)}`);
  });

  test('of UDP must lead to the new container although a client goes on sending', async () => {
    const outside = await neighbour(lab, {
      link: 'lan0',
      hostAddress: '10.9.0.1',
      address: '10.9.0.2',
    });
    const network = await lab.network();
    const ports = [{ protocol: 'udp', hostIp: '', published: 5300, target: 53 } as const];
    // One socket all the time: one flow, which began before there was anything to lead to.
    const client = startIn(
      lab,
      outside,
      process.execPath,
      '-e',
      steadyUdpClient,
      '10.9.0.1',
      '5300',
    );
    const heard: string[] = [];
    client.stdout?.on('data', (data: Buffer) => heard.push(...data.toString().trim().split('\n')));
    await eventually(() => {
      expect(heard).toContain('started');
    });
    const request = sandboxRequest([network], { ports });
    const old = await openSandbox(lab.controller, request);
    await serve(lab, old, { port: 53, answer: 'old', protocol: 'udp' });
    await eventually(() => {
      expect(heard).toContain('old 10.9.0.2');
    });
    await lab.controller.closeSandbox(request.id);
    for (const fd of old.held) closeFd(fd);
    const next = await lab.sandbox([network], { ports });
    expect(next.endpoints[0]?.ipv4?.address).not.toBe(addressOf(old));
    await serve(lab, next, { port: 53, answer: 'new', protocol: 'udp' });
    await eventually(() => {
      expect(heard).toContain('new 10.9.0.2');
    });
  });

  test('ports that are not published must not be reached by a direct route', async () => {
    const outside = await neighbour(lab, {
      link: 'lan0',
      hostAddress: '10.9.0.1',
      address: '10.9.0.2',
    });
    const box = await lab.sandbox([await lab.network()], { ports: [tcp(8080, 80)] });
    await serve(lab, box, { port: 80, answer: 'published' });
    await serve(lab, box, { port: 81, answer: 'private' });
    await runIn(outside, 'ip', 'route', 'add', '172.16.0.0/12', 'via', '10.9.0.1');
    expect(await ask(outside, addressOf(box), 81)).toBe('timeout');
    expect(await ask(outside, addressOf(box), 80)).toBe('timeout');
    expect(await ask(outside, '10.9.0.1', 8080)).toBe('published 10.9.0.2');
  });

  test('on one address of the host must not answer on another', async () => {
    const outside = await neighbour(lab, {
      link: 'lan0',
      hostAddress: '10.9.0.1',
      address: '10.9.0.2',
    });
    await run('ip', 'address', 'add', '10.9.0.7/24', 'dev', 'lan0');
    const network = await lab.network();
    const bound = await lab.sandbox([network], { ports: [tcp(8080, 80, '10.9.0.7')] });
    const other = await lab.sandbox([network], { ports: [tcp(8080, 80, '10.9.0.1')] });
    await serve(lab, bound, { port: 80, answer: 'bound' });
    await serve(lab, other, { port: 80, answer: 'other' });
    expect(await ask(outside, '10.9.0.7', 8080)).toBe('bound 10.9.0.2');
    expect(await ask(outside, '10.9.0.1', 8080)).toBe('other 10.9.0.2');
    expect(await ask('host', '127.0.0.1', 8080)).toBe('ECONNREFUSED');
  });

  test('without an address of the host must have the one of their network', async () => {
    const options = { 'com.docker.network.bridge.host_binding_ipv4': '127.0.0.1' };
    const box = await lab.sandbox([await lab.network({ options })], {
      ports: [{ ...tcp(8080, 80), hostIp: '' }],
    });
    await serve(lab, box, { port: 80, answer: 'box' });
    const outside = await neighbour(lab, {
      link: 'lan0',
      hostAddress: '10.9.0.1',
      address: '10.9.0.2',
    });
    expect(box.ports).toMatchObject([{ hostIp: '127.0.0.1', published: 8080 }]);
    expect(await ask('host', '127.0.0.1', 8080)).toBe(`box ${gatewayOf(box)}`);
    expect(await ask(outside, '10.9.0.1', 8080)).toBe('ECONNREFUSED');
  });

  test('on 127.0.0.1 must not be reached by a neighbour that forges its destination', async () => {
    const outside = await neighbour(lab, {
      link: 'lan0',
      hostAddress: '10.9.0.1',
      address: '10.9.0.2',
    });
    const box = await lab.sandbox([await lab.network()], { ports: [tcp(8080, 80, '127.0.0.1')] });
    await serve(lab, box, { port: 80, answer: 'box' });
    expect(await ask('host', '127.0.0.1', 8080)).toBe(`box ${gatewayOf(box)}`);
    expect(await ask(outside, '10.9.0.1', 8080)).toBe('ECONNREFUSED');
    // 127.0.0.1 by way of our hardware address, answers taken back in.
    await runIn(outside, 'sh', '-c', 'echo 1 >/proc/sys/net/ipv4/conf/all/route_localnet');
    await runIn(outside, 'ip', 'address', 'del', '127.0.0.1/8', 'dev', 'lo');
    await runIn(
      outside,
      'ip',
      'route',
      'add',
      '127.0.0.1/32',
      'via',
      '10.9.0.1',
      'dev',
      'eth0',
      'src',
      '10.9.0.2',
    );
    expect(await ask(outside, '127.0.0.1', 8080)).toBe('timeout');
  });

  test('a sandbox must not reach what listens on 127.0.0.1 of the host', async () => {
    const box = await lab.sandbox([await lab.network()]);
    await serve(lab, 'host', { address: '127.0.0.1', port: 9999, answer: 'secret' });
    await runIn(box, 'sh', '-c', 'echo 1 >/proc/sys/net/ipv4/conf/all/route_localnet');
    await runIn(box, 'ip', 'address', 'del', '127.0.0.1/8', 'dev', 'lo');
    await runIn(
      box,
      'ip',
      'route',
      'add',
      '127.0.0.1/32',
      'via',
      gatewayOf(box),
      'dev',
      'eth0',
      'src',
      addressOf(box),
    );
    expect(await ask(box, '127.0.0.1', 9999)).toBe('timeout');
  });

  test('an ephemeral port must be free and answer', async () => {
    const box = await lab.sandbox([await lab.network()], { ports: [tcp(0, 80), tcp(0, 80)] });
    await serve(lab, box, { port: 80, answer: 'box' });
    const [first, second] = box.ports.map(({ published }) => published);
    expect(first).not.toBe(second);
    expect(await ask('host', '127.0.0.1', first ?? 0)).toBe(`box ${gatewayOf(box)}`);
  });
});
