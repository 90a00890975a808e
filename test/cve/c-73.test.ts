import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { nativeKernel } from '../../network/index.ts';
import type { Kernel } from '../../network/index.ts';
import { concatBytes } from '../../network/netlink/bytes.ts';
import { decodeMessages, encodeMessages, NLMSG_ERROR } from '../../network/netlink/message.ts';
import { eventually } from '../lib/eventually.ts';
import {
  ask,
  inventory,
  Lab,
  neighbour,
  run,
  runIn,
  serve,
  startIn,
  tcp,
} from '../integration/network/lab.ts';
import type { Place } from '../integration/network/lab.ts';

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

/** Sends datagrams as fast as it can and prints nothing; counts what arrives where it listens. */
const sender = `import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.setblocking(False)
print('ready', flush=True)
while True:
    try: s.sendto(b'x', (sys.argv[1], 9))
    except OSError: pass`;
const counter = `import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('0.0.0.0', 9)); s.settimeout(0.2)
import signal
count = 0
def tell(*_): print(count, flush=True)
signal.signal(signal.SIGUSR1, tell)
print('ready', flush=True)
while True:
    try: s.recv(9); count += 1
    except OSError: pass`;

async function started(
  place: Place,
  ...command: readonly string[]
): Promise<ReturnType<typeof startIn>> {
  const child = startIn(lab, place, 'python3', '-c', ...command);
  await new Promise((resolve) => child.stdout?.once('data', resolve));
  return child;
}

/** How many datagrams from one place reach the other while `work` is done. */
async function arrivals(
  from: Place,
  to: Place,
  address: string,
  work: () => Promise<void>,
): Promise<number> {
  const listening = await started(to, counter);
  const sending = await started(from, sender, address);
  await work();
  sending.kill('SIGKILL');
  const told = new Promise<string>((resolve) => listening.stdout?.once('data', resolve));
  listening.kill('SIGUSR1');
  const count = Number(await told);
  listening.kill('SIGKILL');
  await once(listening, 'exit');
  return count;
}

async function table(): Promise<string> {
  return await run('nft', 'list', 'ruleset');
}

async function flushOften(times: number): Promise<void> {
  for (let count = 0; count < times; count++) await run('nft', 'flush', 'ruleset');
}

/** Each with a tenth of a second after it, in which they can come back. */
async function flushApart(times: number): Promise<void> {
  for (let count = 0; count < times; count++) {
    await flushOften(1);
    await delay(100);
  }
}

/** nf_tables before Linux 6.9 knows neither owners of tables nor their destruction. */
const DESTROYTABLE = (10 << 8) | 26;
const EINVAL = 22;
const oldKernel: Kernel = {
  ...nativeKernel,
  netlinkExchange: async (socket, request, until) => {
    const [first, ...messages] = decodeMessages(request);
    if (first === undefined || !messages.some(({ type }) => type === DESTROYTABLE))
      return await nativeKernel.netlinkExchange(socket, request, until);
    const errno = new Uint8Array(new Int32Array([-EINVAL]).buffer);
    const payload = concatBytes([errno, new Uint8Array(16)]);
    return encodeMessages([{ type: NLMSG_ERROR, flags: 0, sequence: first.sequence, payload }]);
  },
};

describe.each([
  { name: 'that lets tables be owned', kernel: nativeKernel, isOwned: true },
  { name: 'of an older release', kernel: oldKernel, isOwned: false },
])('on a kernel $name', ({ kernel, isOwned }) => {
  beforeEach(async () => {
    await lab.restart([], kernel);
  });

  test('C-73, rules that somebody flushes must be back within 2 s, and lead as before', async () => {
    const box = await lab.sandbox([await lab.network()], { ports: [tcp(8080, 80)] });
    const stranger = await lab.sandbox([await lab.network()]);
    await serve(lab, box, { port: 80, answer: 'box' });
    const rules = await table();
    const start = performance.now();
    await flushOften(200);
    const flushing = performance.now() - start;
    await eventually(async () => {
      expect(await table()).toBe(rules);
    });
    expect(performance.now() - start - flushing).toBeLessThan(2000);
    expect(await ask('host', '127.0.0.1', 8080)).toMatch(/^box /);
    expect(await ask(stranger, box.endpoints[0]?.ipv4?.address ?? '', 80)).toBe('timeout');
    expect(lab.warnings.includes('nft changed our firewall rules; they are back')).toBe(!isOwned);
  });

  test('C-73, an internal network must not reach the outside for a moment while rules are flushed', async () => {
    const place = { link: 'lan0', hostAddress: '10.9.0.1', address: '10.9.0.2' };
    const outside = await neighbour(lab, place);
    await runIn(outside, 'ip', 'route', 'add', 'default', 'via', '10.9.0.1');
    const box = await lab.sandbox([await lab.network({ isInternal: true })]);
    await runIn(box, 'ip', 'route', 'add', 'default', 'via', box.endpoints[0]?.ipv4?.gateway ?? '');
    const flushing = (): Promise<void> => flushOften(100);
    expect(await arrivals(box, outside, '10.9.0.2', flushing)).toBe(0);
    const open = await lab.sandbox([await lab.network()]);
    expect(await arrivals(open, outside, '10.9.0.2', flushing)).toBeGreaterThan(100);
  });

  test('C-73, another network must not be reached for a moment while rules are flushed', async (context) => {
    const [one, other] = [
      await lab.sandbox([await lab.network()]),
      await lab.sandbox([await lab.network()]),
    ];
    const address = other.endpoints[0]?.ipv4?.address ?? '';
    const flushing = (): Promise<void> => (isOwned ? flushOften(100) : flushApart(20));
    const count = await arrivals(one, other, address, flushing);
    const fromHost = await arrivals('host', other, address, flushing);
    await context.annotate(`${count} datagrams passed; of the host's, which may, ${fromHost}`);
    expect(fromHost).toBeGreaterThan(100);
    // Rules that nobody owns are gone until they are put back: less than half of the tenth of a second.
    expect(count).toBeLessThanOrEqual(isOwned ? 0 : fromHost / 2);
  });

  test('C-73, a rule that somebody adds to our table must go', async () => {
    await lab.sandbox([await lab.network()]);
    const rules = await table();
    const name = lab.instance.replaceAll('-', '_');
    const adding = run('nft', 'insert', 'rule', 'inet', name, 'forward', 'accept');
    if (isOwned) await expect(adding).rejects.toThrow('Operation not permitted');
    else await adding;
    await eventually(async () => {
      expect(await table()).toBe(rules);
    });
  });
});

describe('rules of others', () => {
  test('that come, go and are restored must not keep traffic from passing', async () => {
    const outside = await neighbour(lab, {
      link: 'lan0',
      hostAddress: '10.9.0.1',
      address: '10.9.0.2',
    });
    await serve(lab, outside, { port: 80, answer: 'outside' });
    const box = await lab.sandbox([await lab.network()]);
    const passes = async (): Promise<void> => {
      await eventually(async () => {
        expect(await ask(box, '10.9.0.2', 80)).toBe('outside 10.9.0.1');
      });
    };
    await passes();
    await run('iptables-nft', '-P', 'FORWARD', 'DROP');
    await passes();
    await run('iptables-nft', '-F', 'FORWARD');
    await passes();
    await run('sh', '-c', 'printf "*filter\\n:FORWARD DROP\\nCOMMIT\\n" | iptables-nft-restore');
    await passes();
    await run('nft', 'flush', 'ruleset');
    await passes();
    await run('iptables-nft', '-N', 'DOCKER-USER');
    await eventually(async () => {
      expect(await run('iptables-nft', '-S', 'DOCKER-USER')).toContain('-i tsc+ -j ACCEPT');
    });
    await run('nft', 'flush', 'ruleset');
  });
});

test('an engine that is killed must leave its rules, and the next must own them', async () => {
  const box = await lab.sandbox([await lab.network()]);
  const rules = await table();
  lab.controller.close();
  expect((await table()).replace('flags \n', '')).toContain('chain forward');
  await lab.restart([box.id]);
  expect(await table()).toBe(rules);
  expect(await readFile('/proc/sys/net/ipv4/ip_forward', 'utf8')).toBe('1\n');
});
