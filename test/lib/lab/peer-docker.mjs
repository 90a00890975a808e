// A real Docker beside ours, to compare with: its own root file system (PEER_ROOT, made by ../shared/bench/peers), its own
// mounts, the network namespace of its place, and a data root that goes with it.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { command } from './surroundings.mjs';

const startsWithinMs = 30_000;

/** The peers' root file system, or null where the machine has none. */
export function findPeerRoot() {
  const root = process.env.PEER_ROOT ?? '/var/lib/peers';
  return existsSync(join(root, 'usr/sbin/dockerd')) ? root : null;
}

const script = `
set -e; root=$1; directory=$2; shift 2
mount --bind "$root" "$root"; cd "$root"; mkdir -p oldroot
mount -t proc proc proc; mount -t sysfs sysfs sys
mount --rbind /sys/fs/cgroup sys/fs/cgroup; mount --rbind /dev dev
mount -t tmpfs -o mode=755 tmpfs run; mkdir -p run/lock
mount -t tmpfs tmpfs mnt; mount --bind "$directory" mnt
pivot_root . oldroot; cd /; umount -l /oldroot
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
exec dockerd -H unix:///mnt/docker.sock --data-root /mnt/data --exec-root /run/docker -p /run/dockerd.pid "$@"`;

export async function startPeerDocker({ root, place = { enter: [] }, flags = [] }) {
  const directory = await mkdtemp(join(tmpdir(), 'tsc-test-'));
  await mkdir(join(directory, 'data'));
  const log = join(directory, 'log');
  const output = await open(log, 'a');
  const [file, ...args] = [
    ...place.enter,
    ...['unshare', '--mount', '--propagation', 'private', 'bash', '-c', script],
    ...['dockerd', root, directory, ...flags],
  ];
  const child = spawn(file, args, { stdio: ['ignore', output.fd, output.fd] });
  await output.close();
  const address = `unix://${join(directory, 'docker.sock')}`;
  await untilReady(child, join(directory, 'docker.sock'), log);
  return {
    address,
    async close() {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGTERM');
        await once(child, 'exit');
      }
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function untilReady(child, socket, log) {
  const deadline = performance.now() + startsWithinMs;
  while (!(await isAnswering(socket))) {
    if (child.exitCode === null && child.signalCode === null && performance.now() < deadline) {
      await delay(100);
      continue;
    }
    child.kill('SIGKILL');
    throw new Error(`dockerd does not answer:\n${await readFile(log, 'utf8')}`);
  }
}

async function isAnswering(socket) {
  try {
    await command({ enter: [] }, ['curl', '-sf', '--unix-socket', socket, 'http://docker/_ping']);
    return true;
  } catch {
    return false;
  }
}
