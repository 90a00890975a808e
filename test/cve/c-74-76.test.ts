/** What neighbours on the host's own networks can reach (C-74), and what leaves a network that is internal (C-76). */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { Resolver } from '../../network/index.ts';
import {
  ask,
  askUdp,
  inventory,
  Lab,
  neighbour,
  runIn,
  serve,
  tcp,
} from '../integration/network/lab.ts';
import { missing } from '../lib/requires.ts';
import { tempDir, type TempDir } from '../lib/temp-dir.ts';

const absent = missing('root', 'nftables');
const within = `(missing: ${absent.join() || 'nothing'})`;

let directory: TempDir;
let resolver: Resolver;
let lab: Lab;
let before: Record<string, string>;

beforeEach(async () => {
  directory = await tempDir();
  resolver = await Resolver.start({ runRoot: directory.path });
  lab = await Lab.open(resolver);
  before = await inventory(lab);
});

afterEach(async () => {
  await lab[Symbol.asyncDispose]();
  expect(await inventory(lab)).toEqual(before);
  await resolver.stop();
  await directory[Symbol.asyncDispose]();
});

describe.skipIf(absent.length > 0)(
  `C-74, moby#45610, moby#41872: 127.0.0.1 of the host must stay there ${within}`,
  () => {
    const [host, theirs] = ['10.9.0.1', '10.9.0.2'];
    let lan: { readonly pid: number };
    let address: string;

    beforeEach(async () => {
      lan = await neighbour(lab, { link: 'lan0', hostAddress: host, address: theirs });
      const udp = { protocol: 'udp', hostIp: '127.0.0.1', published: 8081, target: 81 } as const;
      const ports = [tcp(8080, 80, '127.0.0.1'), udp];
      const box = await lab.sandbox([await lab.network()], { ports });
      address = box.endpoints[0]?.ipv4?.address ?? '';
      await serve(lab, box, { port: 80, answer: 'box' });
      await serve(lab, box, { port: 81, answer: 'box', protocol: 'udp' });
      expect(await ask('host', '127.0.0.1', 8080)).toMatch(/^box /);
      expect(await askUdp('host', '127.0.0.1', 8081)).toMatch(/^box /);
    });

    async function expectSilence(to: string, [tcpPort, udpPort]: readonly [number, number]) {
      expect(await ask(lan, to, tcpPort)).toMatch(/^(timeout|ECONNREFUSED|EHOSTUNREACH)$/);
      expect(await askUdp(lan, to, udpPort)).toMatch(/^(timeout|ECONNREFUSED|EHOSTUNREACH)$/);
    }

    test('for who asks the host by its own address', async () => {
      await expectSilence(host, [8080, 8081]);
    });

    test('for who routes 127.0.0.1 to the host', async () => {
      await runIn(lan, 'sh', '-c', 'echo 1 >/proc/sys/net/ipv4/conf/all/route_localnet');
      await runIn(lan, 'ip', 'address', 'del', '127.0.0.1/8', 'dev', 'lo');
      const route = ['127.0.0.1/32', 'via', host, 'dev', 'eth0', 'src', theirs];
      await runIn(lan, 'ip', 'route', 'add', ...route);
      await expectSilence('127.0.0.1', [8080, 8081]);
    });

    test('for who routes the container’s address to the host', async () => {
      await runIn(lan, 'ip', 'route', 'add', `${address}/32`, 'via', host);
      await expectSilence(address, [80, 81]);
    });

    test('for who takes the container’s address for its neighbour’s, with the host’s hardware address', async () => {
      const [link] = JSON.parse(await runIn('host', 'ip', '-j', 'link', 'show', 'lan0')) as [
        { address: string },
      ];
      await runIn(lan, 'ip', 'route', 'add', `${address}/32`, 'dev', 'eth0', 'scope', 'link');
      const entry = [address, 'lladdr', link.address, 'dev', 'eth0'];
      await runIn(lan, 'ip', 'neighbour', 'add', ...entry);
      await expectSilence(address, [80, 81]);
    });
  },
);

/** DNS, RFC 1035: one question of class IN. */
function question(name: string, type: number): Buffer {
  const labels = name
    .split('.')
    .map((label) => Buffer.concat([Buffer.of(label.length), Buffer.from(label)]));
  const head = Buffer.from([0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  return Buffer.concat([head, ...labels, Buffer.of(0, 0, type, 0, 1)]);
}

/** Sends each as it is given, over UDP and TCP, and prints the response codes, or "none". */
const asker = `const [to, ...questions] = JSON.parse(process.argv[1]); const out = [];
  const code = (m) => 'code ' + (m[3] & 15);
  const udp = (q) => new Promise((done) => { const s = require('dgram').createSocket('udp4');
    const end = (t) => { s.close(); done(t); }; const timer = setTimeout(end, 700, 'none');
    s.on('message', (m) => { clearTimeout(timer); end(code(m)); }).on('error', () => { clearTimeout(timer); end('none'); });
    s.send(q, 53, to); });
  const tcp = (q) => new Promise((done) => { const c = require('net').connect(53, to);
    c.setTimeout(700, () => { c.destroy(); done('none'); }); c.on('error', () => done('none'));
    c.on('connect', () => c.write(Buffer.concat([Buffer.of(q.length >> 8, q.length & 255), q])));
    c.on('data', (m) => { c.destroy(); done(m.length > 5 ? code(m.subarray(2)) : 'none'); }).on('end', () => done('none')); });
  (async () => { for (const q of questions.map((t) => Buffer.from(t, 'hex'))) out.push(await udp(q), await tcp(q));
    console.log(JSON.stringify(out)); process.exit(); })();`;

describe.skipIf(absent.length > 0)(
  `C-76, CVE-2024-29018: nothing must leave an internal network by its resolver ${within}`,
  () => {
    const upstream = '10.9.0.1';
    const names = [
      'example.org',
      `${'secret'.repeat(10)}.attacker.example`,
      '1.2.0.192.in-addr.arpa',
    ];
    const questions = names.flatMap((name) => [1, 28, 16, 255].map((type) => question(name, type)));
    let seen: number;

    beforeEach(async () => {
      // On an address of the host that is no loopback: what a host's own name server looks like.
      await neighbour(lab, { link: 'lan0', hostAddress: upstream, address: '10.9.0.2' });
      seen = 0;
      const udp = createSocket('udp4').on('message', () => seen++);
      const server = createServer((socket) => {
        seen++;
        socket.on('error', () => undefined).end();
      });
      udp.bind(53, upstream);
      server.listen(53, upstream);
      await Promise.all([once(udp, 'listening'), once(server, 'listening')]);
      lab.onEnd(() => {
        udp.close();
        server.close();
      });
    });

    async function askFrom(
      networks: readonly string[],
      to: string,
      some: readonly Buffer[] = questions,
    ): Promise<readonly string[]> {
      const box = await lab.sandbox(networks, { dns: { nameservers: [upstream] } });
      const given = JSON.stringify([to, ...some.map((one) => one.toString('hex'))]);
      return JSON.parse(await runIn(box, process.execPath, '-e', asker, given)) as string[];
    }

    test('a network that is not internal is asked for elsewhere, as this test would see', async () => {
      await askFrom([await lab.network()], '127.0.0.11', questions.slice(0, 3));
      expect(seen).toBeGreaterThanOrEqual(3);
    });

    test('names of elsewhere do not exist, whatever is asked for', async () => {
      const codes = await askFrom([await lab.network({ isInternal: true })], '127.0.0.11');
      expect(new Set(codes)).toEqual(new Set(['code 3']));
      expect(seen).toBe(0);
    });

    test('nor on two that are internal', async () => {
      const networks = [
        await lab.network({ isInternal: true }),
        await lab.network({ isInternal: true }),
      ];
      const codes = await askFrom(networks, '127.0.0.11');
      expect(new Set(codes)).toEqual(new Set(['code 3']));
      expect(seen).toBe(0);
    });

    test('a name server elsewhere is not reached around the resolver', async () => {
      const internal = await lab.network({ isInternal: true });
      const codes = await askFrom([internal], '10.9.0.2', questions.slice(0, 3));
      expect(new Set(codes)).toEqual(new Set(['none']));
    });
  },
);
