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
const endsWithinMs = 20_000;

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
  try {
    const child = await start({ root, place, flags, directory });
    return {
      address: `unix://${socketIn(directory)}`,
      async close() {
        await stop(child);
        await rm(directory, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
}

function socketIn(directory) {
  return join(directory, 'docker.sock');
}

/** Resolves when it answers; a process that does not is gone when this rejects. */
async function start({ root, place, flags, directory }) {
  await mkdir(join(directory, 'data'));
  const log = join(directory, 'log');
  const output = await open(log, 'a');
  const [file, ...args] = [
    ...place.enter,
    ...['unshare', '--mount', '--propagation', 'private', 'bash', '-c', script],
    ...['dockerd', root, directory, ...flags],
  ];
  // A group of its own, so that what it started can be ended with it.
  const child = spawn(file, args, { stdio: ['ignore', output.fd, output.fd], detached: true });
  await output.close();
  try {
    await untilReady(child, socketIn(directory), log);
  } catch (error) {
    await stop(child);
    throw error;
  }
  return child;
}

/** It ends its containerd itself, when it is asked to. */
async function stop(child) {
  if (hasEnded(child)) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await Promise.race([ended, delay(endsWithinMs, undefined, { ref: false })]);
  if (hasEnded(child)) return;
  process.kill(-child.pid, 'SIGKILL');
  await ended;
}

function hasEnded({ exitCode, signalCode }) {
  return exitCode !== null || signalCode !== null;
}

async function untilReady(child, socket, log) {
  const deadline = performance.now() + startsWithinMs;
  while (!(await isAnswering(socket))) {
    if (hasEnded(child) || performance.now() > deadline)
      throw new Error(`dockerd does not answer:\n${await readFile(log, 'utf8')}`);
    await delay(100);
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
