/** Who reaches whom, by which name, from where. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { expect } from 'vitest';
import { eventually } from '../../lib/eventually.ts';
import { command } from '../../lib/engine.ts';
import type { Scenario, Stage } from '../../lib/stage.ts';

export const networkScenarios: readonly Scenario[] = [
  { name: 'services meet only on a network they share', project: 'segments', play: segments },
  { name: 'chosen subnets, addresses, names', project: 'addresses', play: addresses },
  { name: 'network_mode none and host', project: 'modes', play: modes },
  { name: 'published ports', project: 'ports', play: ports },
  { name: 'extra_hosts, dns_search, dns_opt', project: 'names', play: names },
  { name: 'replicas share a name', project: 'replicas', play: replicas },
];

/** Refused is reached: nobody listens there. */
const reach = (address: string): string =>
  `node -e '
    const socket = require("net").connect({ host: "${address}", port: 1, timeout: 500 });
    const say = (word) => { console.log(word); socket.destroy(); };
    socket.on("error", ({ code }) => say(code === "ECONNREFUSED" ? "yes" : "no"));
    socket.on("timeout", () => say("no"));'`;

const lookUp = (name: string): string => `getent hosts ${name} | cut -d' ' -f1 || true`;

async function addressOn(stage: Stage, service: string, network: string): Promise<string> {
  const { NetworkSettings } = await stage.inspect(service);
  return NetworkSettings.Networks[network]?.IPAddress ?? '';
}

async function segments(stage: Stage): Promise<void> {
  await stage.compose('up', '-d');
  const front = await addressOn(stage, 'proxy', 'segments_front');
  const back = await addressOn(stage, 'proxy', 'segments_back');
  const db = await addressOn(stage, 'db', 'segments_back');
  for (const name of ['proxy', 'www', 'shop.example', 'segments-proxy-1']) {
    expect(await stage.inside('web', lookUp(name)), name).toBe(front);
  }
  for (const name of ['db', 'sql', 'segments-db-1']) {
    expect(await stage.inside('proxy', lookUp(name)), name).toBe(db);
    expect(await stage.inside('web', lookUp(name)), name).toBe('');
  }
  expect(await stage.inside('db', lookUp('proxy'))).toBe(back);
  expect(await stage.inside('db', lookUp('www'))).toBe('');

  expect(await stage.inside('proxy', reach(db))).toBe('yes');
  expect(await stage.inside('web', reach(front))).toBe('yes');
  expect(await stage.inside('web', reach(db)), 'another network').toBe('no');
  expect(await stage.inside('db', 'ip route | grep -c default || true'), 'internal').toBe('0');
  expect(await stage.inside('web', 'ip route | grep -c default')).toBe('1');
}

async function addresses(stage: Stage): Promise<void> {
  await stage.compose('up', '-d');
  const show = `ip -o -4 address show eth0 | awk '{print $4}'; cat /sys/class/net/eth0/address; ip route show default | cut -d' ' -f3`;
  expect(await stage.inside('fixed', show)).toBe('10.123.45.67/24\n02:00:00:00:00:67\n10.123.45.1');
  const [address, mac] = (await stage.inside('dynamic', show)).split('\n');
  expect(address).toMatch(/^10\.123\.45\.(12[89]|1[3-9]\d|2\d\d)\/24$/);
  expect(mac).toBe('02:00:00:00:00:68');
  const found = await stage.engine.client.networks.list();
  const names = found.map(({ Name }) => Name).filter((name) => !/^(bridge|host|none)$/.test(name));
  expect([...names].sort()).toEqual(['addresses_default', 'laboratory']);
}

async function modes(stage: Stage): Promise<void> {
  await stage.compose('up', '-d');
  const links = "ip -o link | cut -d: -f2 | tr -d ' \\n'";
  expect(await stage.inside('alone', links)).toBe('lo');
  const { stdout } = await command('readlink', ['/proc/self/ns/net']);
  expect(await stage.inside('shared', 'readlink /proc/self/ns/net')).toBe(stdout.trim());
}

async function ports(stage: Stage): Promise<void> {
  await stage.compose('up', '-d');
  const listed = JSON.parse(await stage.compose('ps', '--format', 'json')) as {
    Publishers: readonly {
      URL: string;
      TargetPort: number;
      PublishedPort: number;
      Protocol: string;
    }[];
  };
  const published = listed.Publishers.map(
    ({ URL, TargetPort, PublishedPort, Protocol }) =>
      `${URL} ${PublishedPort > 32_000 ? 'any' : PublishedPort} ${TargetPort}/${Protocol}`,
  );
  expect([...published].sort()).toEqual([
    ' 0 9000/tcp',
    ' 0 9001/udp',
    ' 0 9002/udp',
    '0.0.0.0 18091 53/udp',
    '0.0.0.0 18092 80/tcp',
    '0.0.0.0 any 80/tcp',
    '127.0.0.1 18090 80/tcp',
    ':: 18091 53/udp',
    ':: 18092 80/tcp',
    ':: any 80/tcp',
  ]);
  const any = listed.Publishers.find(({ PublishedPort }) => PublishedPort > 32_000)?.PublishedPort;
  const ask = async (address: string): Promise<string> => {
    const response = await fetch(`http://${address}/`, { signal: AbortSignal.timeout(2000) });
    return await response.text();
  };
  expect(await eventually(() => ask('127.0.0.1:18090'))).toBe('tcp');
  expect(await ask('127.0.0.1:18092')).toBe('tcp');
  expect(await ask('[::1]:18092')).toBe('tcp');
  expect(await ask(`127.0.0.1:${any ?? 0}`)).toBe('tcp');
  const gateway =
    (await stage.inspect('web')).NetworkSettings.Networks['ports_default']?.Gateway ?? '';
  expect(await ask(`${gateway}:18092`), 'on every address').toBe('tcp');
  await expect(ask(`${gateway}:18090`), 'on 127.0.0.1 only').rejects.toThrow();

  const socket = createSocket('udp4');
  const answer = once(socket, 'message', { signal: AbortSignal.timeout(5000) });
  socket.send('hello', 18_091, '127.0.0.1');
  const [text] = (await answer) as [Buffer];
  socket.close();
  expect(text.toString()).toBe('udp hello');
}

async function names(stage: Stage): Promise<void> {
  await stage.compose('up', '-d');
  const gateway = (await stage.inspect('told')).NetworkSettings.Networks['names_default']?.Gateway;
  expect(await stage.inside('told', lookUp('one.example'))).toBe('10.9.8.7');
  expect(await stage.inside('told', lookUp('two.example'))).toBe('10.9.8.6');
  expect(await stage.inside('told', lookUp('gateway'))).toBe(gateway);
  expect(await stage.inside('told', 'cat /etc/resolv.conf')).toBe(
    'nameserver 127.0.0.11\nsearch corp.example example\noptions ndots:3',
  );
}

async function replicas(stage: Stage): Promise<void> {
  await stage.compose('up', '-d');
  const every = `node -e 'require("dns").promises.resolve4("worker").then(found => console.log(found.length))'`;
  expect(await stage.inside('client', every)).toBe('3');
  const first = `node -e 'require("dns").promises.resolve4("worker").then(found => console.log(found[0]))'`;
  const seen = new Set<string>();
  for (let turn = 0; turn < 12; turn += 1) seen.add(await stage.inside('client', first));
  expect(seen.size, 'each is the first at some time').toBe(3);

  await eventually(async () => {
    const lines = (await stage.compose('logs', 'worker')).split('\n').filter(Boolean);
    expect([...lines].sort()).toEqual(['worker-1  | here', 'worker-2  | here', 'worker-3  | here']);
  });
  await stage.compose('up', '-d', '--scale', 'worker=1');
  expect(await stage.states()).toEqual(['replicas-client-1 running', 'replicas-worker-1 running']);
  expect(await stage.inside('client', every)).toBe('1');
}
