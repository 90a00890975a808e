// Runs a command in a network namespace of its own, with loopback up: `node test/lib/in-netns.mjs COMMAND [ARGUMENT…]`.
// The namespace has no name and no mount, so the kernel removes it with the last process in it. Mounts are its own too,
// and shared among themselves, as systemd makes those of a host: what is mounted on one then shows up below others.
import { spawn } from 'node:child_process';

const [command, ...args] = process.argv.slice(2);
if (command === undefined) {
  process.stderr.write('usage: in-netns.mjs COMMAND [ARGUMENT…]\n');
  process.exit(2);
}

const child = spawn(
  'unshare',
  [
    ...['--net', '--mount', '--propagation', 'private', '--'],
    ...['sh', '-c', 'mount --make-rshared / && ip link set lo up && exec "$@"', 'in-netns'],
    ...[command, ...args],
  ],
  { stdio: 'inherit' },
);
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('error', (error) => {
  process.stderr.write(`cannot run unshare: ${error.message}\n`);
  process.exit(127);
});
child.on('exit', (code, signal) => process.exit(signal === null ? code : 1));
