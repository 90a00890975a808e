/** C-68, CVE-2025-9074: no container of any network finds the engine, or anything of it, on a socket it can reach. */
import { execFileSync } from 'node:child_process';
import { createServer, type Server } from 'node:net';
import { once } from 'node:events';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { absentForDocker, useDockerEngine } from '../lib/docker-engine.ts';
import { runIn } from '../integration/network/lab.ts';
import { createQuick, outputOf, shell } from './containers.ts';

const title = `C-68, CVE-2025-9074: the engine must not be there for containers (missing: ${absentForDocker.join() || 'nothing'})`;

/** Where engines, their dashboards and the metadata of clouds have been found. */
const ports = [80, 443, 2375, 2376, 2377, 3000, 4243, 5000, 7946, 8080, 9323];
const places = [
  '127.0.0.1',
  '127.0.0.11',
  '::1',
  '169.254.169.254',
  '192.168.65.7',
  'fd00:ec2::254',
];

/** Prints "ADDRESS PORT" of each that takes a connection. */
const scanner = `const net = require('net'); const [places, ports] = JSON.parse(process.argv[1]);
  const all = places.flatMap((host) => ports.map((port) => ({ host, port })));
  const next = () => { const one = all.pop(); if (!one) return;
    const c = net.connect(one); c.setTimeout(300, () => c.destroy(new Error('silent')));
    c.on('connect', () => { console.log(one.host, one.port); c.destroy(); }).on('error', () => {}).on('close', next); };
  for (let i = 0; i < 64; i++) next();`;

describe.skipIf(absentForDocker.length > 0)(title, () => {
  const tools = useDockerEngine();
  let witness: Server;

  beforeAll(async () => {
    for (const [name, ...options] of networks) {
      if (options.length > 0) await tools.docker.ok('network', 'create', ...options, name);
    }
    // What a scan must find where it is reached: one that finds nothing proves nothing.
    witness = createServer((socket) => socket.end()).listen(witnessPort, '0.0.0.0');
    await once(witness, 'listening');
  });
  afterAll(() => {
    witness.close();
  });

  const witnessPort = 4999;
  const networks: readonly (readonly [string, ...string[]])[] = [
    ['bridge'],
    ['own', '--driver', 'bridge'],
    ['inner', '--internal'],
    ['apart', '-o', 'com.docker.network.bridge.enable_icc=false'],
    ['both', '--ipv6'],
    ['none'],
  ];

  /** All that the host has, its link-local ones with the container's interface. */
  function hostAddresses(): readonly string[] {
    const text = execFileSync('ip', ['-j', 'address'], { encoding: 'utf8' });
    const links = JSON.parse(text) as { addr_info: { local: string; scope: string }[] }[];
    return links
      .flatMap(({ addr_info: found }) => found)
      .map(({ local, scope }) => (scope === 'link' ? `${local}%eth0` : local));
  }

  function listening(): readonly number[] {
    const text = execFileSync('ss', ['-Hlnt'], { encoding: 'utf8' });
    return [...text.matchAll(/:(\d+)\s+\S+\s*$/gm)].map(([, port]) => Number(port));
  }

  async function scan(network: string): Promise<readonly string[]> {
    const { client } = tools.engine;
    const HostConfig = { NetworkMode: network };
    const id = await createQuick(client, { Cmd: shell('sleep 60'), HostConfig });
    await client.containers.start(id);
    const { NetworkSettings } = await client.containers.inspect(id);
    const path = NetworkSettings.SandboxKey;
    const asked = [
      [...places, ...hostAddresses()],
      [...ports, ...listening()],
    ];
    const found = await runIn({ path }, process.execPath, '-e', scanner, JSON.stringify(asked));
    return found.split('\n').filter((line) => line !== '');
  }

  test.each(networks)('of network %s', async (network) => {
    const found = await scan(network);
    const isWitness = (line: string): boolean => line.endsWith(` ${witnessPort}`);
    expect(found.filter((line) => !isWitness(line))).toEqual([]);
    expect(found.some(isWitness)).toBe(network !== 'none');
  });

  test('of the host’s network: no socket but files that are not in it, and none that is abstract', async () => {
    const { client } = tools.engine;
    const script = `cat /proc/net/unix; ls ${tools.engine.runRoot} /run/tscompose /var/run/docker.sock`;
    const HostConfig = { NetworkMode: 'host' };
    const id = await createQuick(client, { Cmd: shell(script), HostConfig });
    const { exited } = await client.containers.watchExit(id, { condition: 'next-exit' });
    await client.containers.start(id);
    await exited;
    const output = await outputOf(client, id);
    expect(output).toContain(tools.engine.socket);
    expect(output.match(/No such file or directory/g)).toHaveLength(3);
    expect(output.split('\n').filter((line) => / @.*(tsc|shim|docker)/.test(line))).toEqual([]);
  });

  test('of any network: it listens on no port', async () => {
    const held = execFileSync('ss', ['-Hlntup'], { encoding: 'utf8' });
    expect(held).toContain(`:${witnessPort} `);
    expect(held).not.toContain(`pid=${await tools.engine.pid()},`);
  });
});
