// Runs a command in a network namespace of its own, with loopback up:
// `node test/lib/in-netns.mjs [--own-tmp] COMMAND [ARGUMENT…]`.
// The namespace has no name and no mount, so the kernel removes it with the last process in it. Mounts are its own too,
// and shared among themselves, as systemd makes those of a host: what is mounted on one then shows up below others. With
// --own-tmp it has an empty /tmp, so that two runs side by side do not find each other's files.
// What the command leaves goes with it. A run that is killed cannot clean up: the next one does, see run-record.mjs.
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import process from 'node:process';

import { beginRun, endRun, sweepDeadRuns, sweepRun } from './run-record.mjs';

const given = process.argv.slice(2);
const hasOwnTmp = given[0] === '--own-tmp';
const [command, ...args] = hasOwnTmp ? given.slice(1) : given;
if (command === undefined) {
  process.stderr.write('usage: in-netns.mjs [--own-tmp] COMMAND [ARGUMENT…]\n');
  process.exit(2);
}

const tmp = hasOwnTmp ? mkdtempSync('/var/tmp/tscompose-tests-') : null;
if (tmp !== null) chmodSync(tmp, 0o1777);
const bind = tmp === null ? '' : `mount --bind ${tmp} /tmp && `;
const script = `mount --make-rshared / && ${bind}ip link set lo up && exec "$@"`;

for (const line of await sweepDeadRuns())
  process.stderr.write(`left by a run that was killed, and removed: ${line}\n`);
const run = beginRun({ tmp });
process.on('exit', () => {
  endRun(run);
});
const child = spawn(
  'unshare',
  [
    ...['--net', '--mount', '--propagation', 'private', '--'],
    ...['sh', '-c', script, 'in-netns', command, ...args],
  ],
  { stdio: 'inherit', env: { ...process.env, ...run.env } },
);
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('error', (error) => {
  process.stderr.write(`cannot run unshare: ${error.message}\n`);
  process.exit(127);
});
child.on('exit', async (code, signal) => {
  for (const line of await sweepRun(run))
    process.stderr.write(`left by the command, and removed: ${line}\n`);
  if (tmp !== null) rmSync(tmp, { recursive: true, force: true });
  process.exit(signal === null ? code : 1);
});
