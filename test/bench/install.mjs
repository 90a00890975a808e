// What the benchmarks look with, from Debian's packages: unpacked below /var/cache and not installed, so that the machine
// stays as it is. `npm run bench` runs this first, where there is still a network.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { benchTools } from './tools.mjs';

const packages = ['iperf3', 'libiperf0', 'libsctp1'];

if (!existsSync(join(benchTools, 'usr/bin/iperf3'))) unpack();

function unpack() {
  const directory = mkdtempSync(join(tmpdir(), 'tsc-bench-'));
  try {
    const [downloaded, tree] = ['packages', 'tree'].map((name) => join(directory, name));
    for (const path of [downloaded, tree]) mkdirSync(path);
    const isThere = run(
      ['apt-get', 'download', '-qq', '-o', 'APT::Sandbox::User=root', ...packages],
      downloaded,
    );
    if (!isThere) return process.stdout.write(`not measured: what needs ${packages.join(', ')}\n`);
    for (const file of readdirSync(downloaded))
      run(['dpkg-deb', '-x', join(downloaded, file), tree]);
    cpSync(tree, benchTools, { recursive: true, verbatimSymlinks: true });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function run([file, ...args], cwd) {
  return spawnSync(file, args, { cwd, stdio: ['ignore', 'ignore', 'inherit'] }).status === 0;
}
