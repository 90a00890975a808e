import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { closeFd, openSocket, socketPort } from '../../../native/index.ts';
import { eventually } from '../../lib/eventually.ts';
import { startBench } from './support.ts';

/** What comes first; "" when it ends before. */
async function hear(client: Socket): Promise<string> {
  const heard = new Promise<string>((resolve) => {
    client.on('data', (data) => {
      resolve(String(data));
    });
    client.on('close', () => {
      resolve('');
    });
  });
  const text = await heard;
  client.destroy();
  return text;
}

/** Of the CPU that a process has had, a hundred a second. */
function ticksOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return Number(fields[11]) + Number(fields[12]);
}

test('connections for which there is no descriptor must wait without work, and be served later', async () => {
  // Whose limits may be changed from here.
  await using bench = await startBench({ user: { uid: 0, gid: 0 } });
  const { pid } = bench.resolver;
  const server = createServer((socket) => socket.on('error', () => undefined).write('served'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const bind = { address: '::1', port: 0 };
  const socket = await openSocket({ family: 'inet6', bind, listen: 128 });
  const published = socketPort(socket);
  const target = { address: '127.0.0.1', port };
  await bench.resolver.setRelay({ id: 'one', protocol: 'tcp', target }, socket);
  closeFd(socket);
  execFileSync('prlimit', ['--pid', String(pid), '--nofile=25:25']);
  const open = () => connect(published, '::1').on('error', () => undefined);
  const crowd = Array.from({ length: 40 }, open);
  await sleep(300);
  const before = ticksOf(pid);
  await sleep(1000);
  expect(ticksOf(pid) - before).toBeLessThan(20);
  for (const client of crowd) client.destroy();
  // Who comes while the others end may be turned away.
  await eventually(async () => {
    expect(await hear(open())).toBe('served');
  });
  server.close();
});
