import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { eventually } from '../../lib/eventually.ts';
import { tempDir } from '../../lib/temp-dir.ts';
import { ask, inventory, Lab, neighbour, run, runIn, serve, startIn, tcp } from './lab.ts';
import type { Place } from './lab.ts';
import type { PortRequest } from '../../../network/index.ts';

let lab: Lab;
let before: Record<string, string>;

beforeEach(async () => {
  const directory = await tempDir();
  lab = await Lab.open(undefined, { runRoot: directory.path });
  lab.onEnd(() => directory[Symbol.asyncDispose]());
  lab.onEnd(() => lab.stopProxy());
  before = await inventory(lab);
});

afterEach(async () => {
  await lab[Symbol.asyncDispose]();
  expect(await inventory(lab)).toEqual(before);
});

function udp(published: number, target: number, hostIp = ''): PortRequest {
  return { protocol: 'udp', hostIp, published, target };
}

async function proxyPid(): Promise<string> {
  return /pid=(\d+)/.exec(await run('ss', '-Hlntp6', 'sport', '=', ':8080'))?.[1] ?? '';
}

/** Takes connections and says nothing. */
async function serveSilently(box: Place): Promise<void> {
  const script = `require('net').createServer((c) => c.on('error', () => {})).listen(80, () => console.log('ready'))`;
  const server = startIn(lab, box, process.execPath, '-e', script);
  await new Promise((resolve) => server.stdout?.once('data', resolve));
}

async function listeners(): Promise<string> {
  return await run('ss', '-Hln6', 'sport', '=', ':8080');
}

describe('a port that is published', () => {
  test('without an address must answer on [::1], on IPv6 addresses of the host, and on IPv4', async () => {
    const outside = await neighbour(lab, {
      link: 'lan0',
      hostAddress: '10.9.0.1',
      address: '10.9.0.2',
    });
    await run('ip', 'address', 'add', 'fd00:9::1/64', 'dev', 'lan0', 'nodad');
    await runIn(outside, 'ip', 'address', 'add', 'fd00:9::2/64', 'dev', 'eth0', 'nodad');
    const box = await lab.sandbox([await lab.network()], { ports: [tcp(8080, 80)] });
    await serve(lab, box, { port: 80, answer: 'box' });
    const gateway = box.endpoints[0]?.ipv4?.gateway ?? '';
    expect(box.ports.map(({ hostIp }) => hostIp)).toEqual(['0.0.0.0', '::']);
    expect(await ask('host', '::1', 8080)).toBe(`box ${gateway}`);
    expect(await ask('host', '127.0.0.1', 8080)).toBe(`box ${gateway}`);
    await eventually(async () => {
      expect(await ask(outside, 'fd00:9::1', 8080)).toBe(`box ${gateway}`);
    });
    expect(await ask(outside, '10.9.0.1', 8080)).toBe('box 10.9.0.2');
  });

  test('on [::1] must not be reached by another address', async () => {
    await run('ip', 'address', 'add', 'fd00:9::1/64', 'dev', 'lo', 'nodad');
    lab.onEnd(() => run('ip', 'address', 'del', 'fd00:9::1/64', 'dev', 'lo'));
    const box = await lab.sandbox([await lab.network()], { ports: [tcp(8080, 80, '[::1]')] });
    await serve(lab, box, { port: 80, answer: 'box' });
    expect(box.ports.map(({ hostIp }) => hostIp)).toEqual(['::1']);
    expect(await ask('host', '::1', 8080)).toMatch(/^box /);
    expect(await ask('host', 'fd00:9::1', 8080)).toBe('ECONNREFUSED');
    expect(await ask('host', '127.0.0.1', 8080)).toBe('ECONNREFUSED');
  });

  test('must be closed to networks that are internal, and open to others', async () => {
    const internal = await lab.network({ isInternal: true, hasIpv6: true });
    const [inside, elsewhere] = [
      await lab.sandbox([internal]),
      await lab.sandbox([await lab.network({ hasIpv6: true })]),
    ];
    await run('ip', 'address', 'add', 'fd00:9::1/64', 'dev', 'lo', 'nodad');
    lab.onEnd(() => run('ip', 'address', 'del', 'fd00:9::1/64', 'dev', 'lo'));
    const box = await lab.sandbox([await lab.network()], {
      ports: [tcp(8080, 80), tcp(8081, 80, 'fd00:9::1')],
    });
    await serve(lab, box, { port: 80, answer: 'box' });
    await serve(lab, 'host', { address: '::', port: 8082, answer: 'host' });
    const gateway = inside.endpoints[0]?.ipv6?.gateway ?? '';
    await runIn(inside, 'ip', '-6', 'route', 'add', 'default', 'via', gateway);
    const bridge = lab.controller.inspect(internal).bridge ?? '';
    const own = await run('ip', '-6', '-br', 'address', 'show', 'dev', bridge, 'scope', 'link');
    const link = `${/fe80[0-9a-f:]*/.exec(own)?.[0] ?? ''}%eth0`;
    // The way to the host itself is open.
    expect(await ask(inside, gateway, 8082)).toMatch(/^host /);
    expect(await ask(inside, link, 8082)).toMatch(/^host /);
    expect(await ask(inside, gateway, 8080)).toBe('timeout');
    expect(await ask(inside, link, 8080)).toBe('timeout');
    expect(await ask(inside, 'fd00:9::1', 8081)).toBe('timeout');
    expect(await ask(elsewhere, 'fd00:9::1', 8080)).toMatch(/^box /);
    expect(await ask(elsewhere, 'fd00:9::1', 8081)).toMatch(/^box /);
    await lab.controller.closeSandbox(box.id);
    expect(await ask(inside, gateway, 8080)).toBe('ECONNREFUSED');
  });

  test('must carry megabytes in both directions, and both ends of a stream', async () => {
    const box = await lab.sandbox([await lab.network()], { ports: [tcp(8080, 80)] });
    const echo = startIn(
      lab,
      box,
      process.execPath,
      '-e',
      `require('net').createServer({ allowHalfOpen: true }, (c) => c.pipe(c)).listen(80, () => console.log('ready'))`,
    );
    await new Promise((resolve) => echo.stdout?.once('data', resolve));
    const client = `const c = require('net').connect({ host: '::1', port: 8080, allowHalfOpen: true }); const crypto = require('crypto');
      const sent = crypto.createHash('sha256'), got = crypto.createHash('sha256'); let left = 400, bytes = 0;
      const more = () => { while (left-- > 0) { const b = crypto.randomBytes(65536); sent.update(b); if (!c.write(b)) { c.once('drain', more); return; } } c.end(); };
      c.on('data', (d) => { got.update(d); bytes += d.length; }).on('end', () => console.log(bytes, sent.digest('hex') === got.digest('hex'))); more();`;
    expect((await runIn('host', process.execPath, '-e', client)).trim()).toBe(
      `${400 * 65_536} true`,
    );
  });

  test('of UDP must answer every client on [::1]', async () => {
    const box = await lab.sandbox([await lab.network()], { ports: [udp(8080, 80)] });
    await serve(lab, box, { port: 80, answer: 'box', protocol: 'udp' });
    const client = `const d = require('dgram'); let left = 3;
      for (let i = 0; i < 3; i++) { const s = d.createSocket('udp6'); s.on('message', (m) => { s.close(); console.log(i, String(m)); }); s.send('x', 8080, '::1'); }
      setTimeout(() => process.exit(1), 5000).unref();`;
    const answers = await runIn('host', process.execPath, '-e', client);
    expect(
      answers
        .trim()
        .split('\n')
        .map((line) => line.slice(0, 5))
        .sort(),
    ).toEqual(['0 box', '1 box', '2 box']);
  });

  test('must notice clients that vanish', async () => {
    const box = await lab.sandbox([await lab.network()], { ports: [tcp(8080, 80)] });
    await serveSilently(box);
    startIn(lab, 'host', process.execPath, '-e', `require('net').connect(8080, '::1')`);
    await eventually(async () => {
      const accepted = await run('ss', '-Hno6', 'state', 'established', 'sport', '=', ':8080');
      expect(accepted).toContain('timer:(keepalive,');
    });
  });

  test('of UDP must be open to a client after any number of senders that nobody answers', async () => {
    const box = await lab.sandbox([await lab.network()], { ports: [udp(8080, 80)] });
    const server = `const s = require('dgram').createSocket('udp4'); s.on('message', (m, r) => String(m) === 'hello' && s.send('box', r.port, r.address)).bind(80, () => console.log('ready'));`;
    const child = startIn(lab, box, process.execPath, '-e', server);
    await new Promise((resolve) => child.stdout?.once('data', resolve));
    const client = `import socket, time
first = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); first.settimeout(2)
first.sendto(b'hello', ('::1', 8080)); print(first.recv(9).decode())
for i in range(1100):
  s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); s.sendto(b'x', ('::1', 8080)); s.close()
  if i % 32 == 0: time.sleep(0.01)
last = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); last.settimeout(2)
last.sendto(b'hello', ('::1', 8080)); print(last.recv(9).decode())`;
    expect(await runIn('host', 'python3', '-c', client)).toBe('box\nbox\n');
    const answered = await run('ss', '-Hnu', 'state', 'established', 'dport', '=', ':80');
    expect(answered.trim().split('\n')).toHaveLength(1024);
  });

  test('must be given back at the end, and be refused to a second', async () => {
    const network = await lab.network();
    const first = await lab.sandbox([network], { name: 'first', ports: [tcp(8080, 80, '::1')] });
    await expect(lab.sandbox([network], { ports: [tcp(8080, 80, '::')] })).rejects.toMatchObject({
      code: 'port-in-use',
      message: 'address [::]:8080 is already in use',
      fields: { container: 'first' },
    });
    await lab.controller.closeSandbox(first.id);
    expect(await listeners()).toBe('');
    await lab.sandbox([network], { ports: [tcp(8080, 80, '::')] });
  });

  test('that somebody else has on IPv6 must name him', async () => {
    const server = await serve(lab, 'host', { address: '::1', port: 8080, answer: 'host' });
    await expect(
      lab.sandbox([await lab.network()], { ports: [tcp(8080, 80)] }),
    ).rejects.toMatchObject({ code: 'port-in-use', fields: { address: '::', pid: server.pid } });
    expect(await listeners()).not.toContain('[::]:8080');
  });
});

describe('an engine that is killed', () => {
  test('must leave [::1] answering, and the next take it over', async () => {
    const box = await lab.sandbox([await lab.network()], { ports: [tcp(8080, 80)] });
    await serve(lab, box, { port: 80, answer: 'box' });
    lab.controller.close();
    expect(await ask('host', '::1', 8080)).toMatch(/^box /);
    await lab.restart([box.id]);
    expect(await ask('host', '::1', 8080)).toMatch(/^box /);
    await lab.restart([]);
    expect(await ask('host', '::1', 8080)).toBe('ECONNREFUSED');
  });

  test('together with the proxy must find the ports answering again', async () => {
    const box = await lab.sandbox([await lab.network()], { ports: [tcp(8080, 80)] });
    await serve(lab, box, { port: 80, answer: 'box' });
    lab.controller.close();
    await lab.stopProxy();
    expect(await ask('host', '::1', 8080)).toBe('ECONNREFUSED');
    await lab.restart([box.id]);
    expect(await ask('host', '::1', 8080)).toMatch(/^box /);
  });
});

test('the proxy must run without rights', async () => {
  await lab.sandbox([await lab.network()], { ports: [tcp(8080, 80)] });
  const pid = await proxyPid();
  const status = await run('cat', `/proc/${pid}/status`);
  expect(status).toMatch(/^Uid:\t65534\t65534\t65534\t65534$/m);
  expect(status).toMatch(/^CapBnd:\t0+$/m);
  expect(status).toMatch(/^NoNewPrivs:\t1$/m);
  expect(status).toMatch(/^Seccomp:\t2$/m);
});
