// Throughput and requests a second between containers and through published ports: ours and Docker's, each in a host
// namespace of its own with the same surroundings (test/lib/lab), measured in turns in one run. Clients and servers are the
// machine's programs in the containers' namespaces, so that both engines differ in nothing but what they made of the network.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { EngineClient } from '../../dist/engine/client/index.js';
import { findPeerRoot, startPeerDocker } from '../lib/lab/peer-docker.mjs';
import { addresses, command, makeNamespace, makeSurroundings } from '../lib/lab/surroundings.mjs';
import { image, startOurs } from './candidates.mjs';
import { run, statistics } from './measure.mjs';
import { findIperf3 } from './tools.mjs';

const seconds = 1;
const ports = { iperf: 5201, redis: 6379 };
const network = 'tsc-bench';

/** How much of a peer's figure ours must be at least, by the names of the rows. */
export const networkRatios = Object.fromEntries(
  [
    'iperf3, container → container',
    'iperf3, host → published port',
    'iperf3, outside → published port',
    'redis, host → published port',
    'redis, outside → published port',
    'redis, a connection each, host → published port',
    'redis, a connection each, outside → published port',
  ].map((row) => [row, 0.97]),
);

/** Our p99 beside the peer's p50. */
const slowest = 'dns, 1 of 100 of ours : half of theirs';
export const networkMost = { [slowest]: 1 };
Object.assign(networkRatios, { 'dns, one at a time': 3, 'dns, 32 in flight': 3 });

/** `rows` is a part of the names of rows to measure, `rounds` how often. */
export async function networkRows(rootfs, { rows, rounds, record, directory }) {
  const iperf = findIperf3();
  if (iperf === null) return process.stderr.write('not measured: network, as iperf3 is missing\n');
  const labs = [];
  try {
    labs.push(await makeLab(rootfs, startOurEngine));
    if (findPeerRoot() === null) process.stderr.write('not measured: Docker below PEER_ROOT\n');
    else labs.push(await makeLab(rootfs, startDocker));
    for (const [row, measureOnce] of rowsOf(iperf, await compileDnsClient(directory))) {
      if (row.includes(rows))
        await inTurns(labs, row, { rounds: Number(rounds), measureOnce, record });
    }
  } finally {
    for (const lab of labs.reverse()) await lab.close();
  }
}

/** Each measures once, in the places of one laboratory. */
function rowsOf(iperf, askDns) {
  const gigabits = (from, to) => async (lab) => {
    const words = [...iperf, '-c', to(lab), '-p', String(ports.iperf), '-t', String(seconds), '-J'];
    const { end } = JSON.parse(await command(lab.places[from], words));
    return end.sum_received.bits_per_second / 1e9;
  };
  const requests =
    (from, to, { count, options = [] }) =>
    async (lab) => {
      const words = [
        'redis-benchmark',
        '-h',
        to(lab),
        '-p',
        String(ports.redis),
        '-n',
        String(count),
      ];
      const csv = await command(lab.places[from], [
        ...words,
        '-t',
        'ping_mbulk',
        '--csv',
        ...options,
      ]);
      const [, rate] = /^"PING_MBULK","([\d.]+)"/m.exec(csv) ?? [];
      return Number(rate);
    };
  const lookUps = (inFlight, figureOf) => async (lab) => {
    const words = [askDns, 'server', '4000', String(inFlight)];
    const { failed, ...figures } = JSON.parse(await command(lab.places.client, words));
    if (failed > 0) throw new Error(`${failed} look-ups of ${lab.name} failed`);
    return figureOf(figures, lab);
  };
  const host = () => addresses.host;
  const anew = { count: 1_000, options: ['-c', '4', '-k', '0'] };
  const kept = { count: 10_000, options: ['-c', '20'] };
  return Object.entries({
    'iperf3, container → container': gigabits('client', ({ server }) => server),
    'iperf3, host → published port': gigabits('host', host),
    'iperf3, outside → published port': gigabits('outside', host),
    'redis, host → published port': requests('host', host, kept),
    'redis, outside → published port': requests('outside', host, kept),
    'redis, a connection each, host → published port': requests('host', host, anew),
    'redis, a connection each, outside → published port': requests('outside', host, anew),
    'dns, one at a time': lookUps(1, ({ rate }) => rate),
    'dns, 32 in flight': lookUps(32, ({ rate }) => rate),
    [slowest]: lookUps(1, ({ p50, p99 }, { name }) => (name === 'docker' ? p50 : p99)),
  });
}

async function inTurns(labs, row, { rounds, measureOnce, record }) {
  const found = labs.map(() => []);
  for (let round = -1; round < rounds; round++) {
    for (const [index, lab] of labs.entries()) {
      const value = await measureOnce(lab);
      if (round >= 0) found[index].push(value);
    }
  }
  const [own] = found;
  for (const [index, lab] of labs.entries()) {
    // Of neighbouring runs, which have had the same machine.
    const ratios = own.map((value, round) => value / found[index][round]);
    const unit = row.startsWith('iperf3') ? 'Gbit/s' : row === slowest ? 'µs' : 'requests/s';
    record(row, lab, { ...statistics(found[index]), ratio: statistics(ratios).p50 }, unit);
  }
}

async function makeLab(rootfs, startEngine) {
  const ends = [];
  const close = async () => {
    for (const end of ends.reverse()) await end();
  };
  try {
    const host = await makeNamespace();
    ends.push(() => host.close());
    const surroundings = await makeSurroundings({ host });
    ends.push(() => surroundings.close());
    const { name, client, stop } = await startEngine(host, rootfs);
    ends.push(stop);
    const { Id } = await client.networks.create({ Name: network });
    ends.push(() => client.networks.remove(Id));
    const server = await startContainer(client, Object.values(ports), ['server']);
    ends.push(server.remove);
    const other = await startContainer(client, [], []);
    ends.push(other.remove);
    ends.push(await serve(server, [...findIperf3(), '-s', '-p', String(ports.iperf)]));
    ends.push(await serve(server, redisServer));
    return {
      name,
      server: server.address,
      places: { ...surroundings.places, client: other },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

const redisServer = [
  ...['redis-server', '--port', String(ports.redis), '--bind', '0.0.0.0', '--save', ''],
  ...['--protected-mode', 'no', '--loglevel', 'warning'],
];

async function startOurEngine(host, rootfs) {
  return await startOurs(rootfs, host);
}

async function startDocker(host, rootfs) {
  const docker = await startPeerDocker({ root: findPeerRoot(), place: host });
  const client = new EngineClient({ address: docker.address });
  await client.ping();
  await client.images.import(createReadStream(rootfs), { reference: image });
  const stop = async () => {
    client.close();
    await docker.close();
  };
  return { name: 'docker', client, stop };
}

/** Clients of scripting languages are slower than what they are to measure. */
async function compileDnsClient(directory) {
  const program = join(directory, 'dns-load');
  const source = new URL('dns-load.c', import.meta.url).pathname;
  await run(['cc', '-O2', '-o', program, source]);
  return program;
}

async function startContainer(client, published, aliases) {
  const keys = published.map((port) => `${port}/tcp`);
  const bindings = published.map((port) => [`${port}/tcp`, [{ HostPort: String(port) }]]);
  const { Id } = await client.containers.create({
    Image: image,
    Cmd: ['sleep', '100000'],
    ExposedPorts: Object.fromEntries(keys.map((key) => [key, {}])),
    NetworkingConfig: { EndpointsConfig: { [network]: { Aliases: aliases } } },
    HostConfig: { NetworkMode: network, PortBindings: Object.fromEntries(bindings) },
  });
  await client.containers.start(Id);
  const { State, NetworkSettings } = await client.containers.inspect(Id);
  return {
    enter: ['nsenter', `--net=/proc/${State.Pid}/ns/net`],
    address: NetworkSettings.Networks[network].IPAddress,
    remove: () => client.containers.remove(Id, { force: true }),
  };
}

/** Resolves, once it listens, to what ends it. */
async function serve({ enter }, words) {
  const [file, ...args] = [...enter, ...words];
  const child = spawn(file, args, { stdio: ['ignore', 'ignore', 'inherit'], cwd: '/tmp' });
  const port = words.includes('redis-server') ? ports.redis : ports.iperf;
  for (let tries = 0; ; tries++) {
    const listening = await command({ enter }, ['ss', '-Hltn', `sport = :${port}`]);
    if (listening !== '') break;
    if (tries > 100 || child.exitCode !== null)
      throw new Error(`${words.join(' ')} does not listen`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return async () => {
    if (!child.kill('SIGKILL')) return;
    await once(child, 'exit');
  };
}
