// What the tests look with and look at, from Debian's packages. `npm test` runs this first: it installs what is missing
// where that is possible, and otherwise names it; tests that need it are then skipped by name.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Program → package of Debian that has it. */
const packageOf = {
  ip: 'iproute2',
  ss: 'iproute2',
  nft: 'nftables',
  iptables: 'iptables',
  conntrack: 'conntrack',
  nsenter: 'util-linux',
  unshare: 'util-linux',
  setpriv: 'util-linux',
  ps: 'procps',
  'redis-server': 'redis-server',
  strace: 'strace',
  xz: 'xz-utils',
  bzip2: 'bzip2',
  zstd: 'zstd',
  rsyslogd: 'rsyslog',
  dig: 'bind9-dnsutils',
  curl: 'curl',
  busybox: 'busybox-static',
  // Their completion is checked.
  zsh: 'zsh',
  fish: 'fish',
  setfattr: 'attr',
  python3: 'python3',
  '/usr/lib/python3/dist-packages/msgpack': 'python3-msgpack',
  'clang-format': 'clang-format',
  git: 'git',
  'docker-registry': 'docker-registry',
  // A stack on top of our own runtime.
  podman: 'podman',
  conmon: 'conmon',
  // Runtimes to compare with, and to hand sandboxes to.
  crun: 'crun',
  runc: 'runc',
  // The real client; its daemon is not started.
  docker: 'docker.io',
  // A machine with cgroup v2 alone, test/microvm.
  'qemu-system-x86_64': 'qemu-system-x86',
  mke2fs: 'e2fsprogs',
};
const policyFile = '/usr/sbin/policy-rc.d';

const missing = Object.keys(packageOf).filter((program) => !has(program));
if (missing.length > 0) install(missing);
/** As test/lib/requires.ts names it. */
const kernel = '/var/cache/tscompose-test-kernel';
if (!existsSync(join(kernel, 'vmlinuz'))) unpackKernel();

function has(program) {
  // A module of another language has no program.
  if (program.startsWith('/')) return existsSync(program);
  return (
    spawnSync('sh', ['-c', 'command -v "$1"', 'sh', program], { stdio: 'ignore' }).status === 0
  );
}

function install(programs) {
  const packages = [...new Set(programs.map((program) => packageOf[program]))];
  if (process.geteuid() !== 0 || !has('apt-get')) {
    process.stdout.write(
      `Missing: ${programs.join(', ')}. Tests that need them are skipped; Debian has them in ${packages.join(' ')}.\n`,
    );
    return;
  }
  process.stdout.write(`Installing what the tests need: ${packages.join(' ')}\n`);
  // Packages must not start their services here: invoke-rc.d(8) asks this file, 101 means not allowed.
  const isPolicyOurs = !existsSync(policyFile);
  if (isPolicyOurs) writeFileSync(policyFile, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    apt(['update', '-qq']);
    apt(['install', '-y', '-qq', '--no-install-recommends', ...packages]);
  } finally {
    if (isPolicyOurs) rmSync(policyFile, { force: true });
  }
}

/** Debian's kernel for clouds, unpacked and not installed: this machine keeps its own. */
function unpackKernel() {
  if (process.geteuid() !== 0 || process.arch !== 'x64' || !has('apt-get')) return noKernel();
  apt(['update', '-qq']);
  // The package without a version depends on the newest one that has a kernel in it.
  const newest = output('apt-cache', ['depends', 'linux-image-cloud-amd64']);
  const [name] = /linux-image-\d\S+/.exec(newest) ?? [];
  if (name === undefined) return noKernel();
  const directory = mkdtempSync(join(tmpdir(), 'tscompose-kernel-'));
  try {
    output('apt-get', ['download', '-qq', '-o', 'APT::Sandbox::User=root', name], directory);
    const [file] = readdirSync(directory);
    output('dpkg-deb', ['-x', file, '.'], directory);
    const version = name.replace('linux-image-', '');
    output('busybox', ['depmod', '-b', '.', version], directory);
    rmSync(kernel, { recursive: true, force: true });
    output('mkdir', ['-p', kernel]);
    output('cp', ['-r', join(directory, 'lib'), kernel]);
    // Last: with this file the kernel counts as there.
    output('cp', [join(directory, `boot/vmlinuz-${version}`), join(kernel, 'vmlinuz')]);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function noKernel() {
  process.stdout.write(
    `Missing: a kernel in ${kernel}, Debian's linux-image-cloud-amd64. Tests in the microvm are skipped.\n`,
  );
}

function output(file, args, cwd) {
  const { status, stdout, stderr } = spawnSync(file, args, { cwd, encoding: 'utf8' });
  if (status === 0) return stdout;
  process.stderr.write(`${file} ${args.join(' ')} ended with ${status}\n${stderr}`);
  process.exit(1);
}

function apt(args) {
  const { status } = spawnSync('apt-get', args, {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
  if (status === 0) return;
  process.stderr.write(`apt-get ${args.join(' ')} ended with ${status}\n`);
  process.exit(1);
}
