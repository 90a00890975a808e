// What the tests look with and look at, from Debian's packages. `npm test` runs this first: it installs what is missing
// where that is possible, and otherwise names it; tests that need it are then skipped by name.
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

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
/** Of Debian's archive; others have it too. */
const keyringPackage = 'debian-archive-keyring';
const policyFile = '/usr/sbin/policy-rc.d';

const missing = Object.keys(packageOf).filter((program) => !has(program));
if (missing.length > 0) install(missing);
/** As test/lib/requires.ts names it. */
const kernel = '/var/cache/tscompose-test-kernel';
/** For its security modules: package of Debian → program in it. Unpacked and not installed as well. */
const programsOf = { apparmor: 'sbin/apparmor_parser', checkpolicy: 'usr/bin/checkpolicy' };
const isWhole = [
  join(kernel, 'vmlinuz'),
  ...Object.values(programsOf).map((program) => join(kernel, 'bin', basename(program))),
].every((path) => existsSync(path));
if (!isWhole) unpackKernel();
/** The same: files for a namespace of a test. Installed it would guard this machine. */
const ufw = '/var/cache/tscompose-test-ufw';
if (!existsSync(ufw)) unpackUfw();

function has(program) {
  // A module of another language has no program.
  if (program.startsWith('/')) return existsSync(program);
  return (
    spawnSync('sh', ['-c', 'command -v "$1"', 'sh', program], { stdio: 'ignore' }).status === 0
  );
}

function install(programs) {
  const packages = [...new Set(programs.map((program) => packageOf[program] ?? keyringPackage))];
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
  const directory = mkdtempSync(join(tmpdir(), 'tscompose-kernel-'));
  try {
    unpackKernelIn(directory, isDebian() ? [] : debianOptions(directory));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function isDebian() {
  return /^ID=debian$/m.test(readFileSync('/etc/os-release', 'utf8'));
}

/** The kernels of others have other modules. So apt is shown Debian's archive, beside and apart from the machine's own. */
function debianOptions(directory) {
  const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
  if (!existsSync(keyring)) install([keyring]);
  const sources = join(directory, 'sources.list');
  writeFileSync(
    sources,
    `deb [arch=amd64 signed-by=${keyring}] http://deb.debian.org/debian bookworm main\n`,
  );
  const places = {
    'Etc::SourceList': sources,
    'Etc::SourceParts': '/dev/null',
    'State::Lists': join(directory, 'lists'),
    Cache: join(directory, 'cache'),
  };
  for (const path of ['lists/partial', 'cache/archives/partial']) {
    mkdirSync(join(directory, path), { recursive: true });
  }
  const options = Object.entries(places).flatMap(([name, path]) => ['-o', `Dir::${name}=${path}`]);
  return [...options, '-o', 'APT::Sandbox::User=root'];
}

function unpackKernelIn(directory, options) {
  apt([...options, 'update', '-qq']);
  output('mkdir', ['-p', join(kernel, 'bin')]);
  for (const [name, program] of Object.entries(programsOf)) {
    const unpacked = unpackPackage(name, directory, options);
    output('cp', [join(unpacked, program), join(kernel, 'bin')]);
  }
  if (existsSync(join(kernel, 'vmlinuz'))) return;
  // The package without a version depends on the newest one that has a kernel in it.
  const newest = output('apt-cache', [...options, 'depends', 'linux-image-cloud-amd64']);
  const [name] = /linux-image-\d\S+/.exec(newest) ?? [];
  if (name === undefined) return noKernel();
  const unpacked = unpackPackage(name, directory, options);
  const version = name.replace('linux-image-', '');
  output('busybox', ['depmod', '-b', '.', version], unpacked);
  rmSync(join(kernel, 'lib'), { recursive: true, force: true });
  output('cp', ['-r', join(unpacked, 'lib'), kernel]);
  // Last: with this file the kernel counts as there.
  output('cp', [join(unpacked, `boot/vmlinuz-${version}`), join(kernel, 'vmlinuz')]);
}

function unpackPackage(name, directory, options) {
  const unpacked = join(directory, name);
  mkdirSync(unpacked);
  output(
    'apt-get',
    [...options, 'download', '-qq', '-o', 'APT::Sandbox::User=root', name],
    unpacked,
  );
  const [file] = readdirSync(unpacked);
  output('dpkg-deb', ['-x', file, '.'], unpacked);
  return unpacked;
}

/** As its postinst leaves it: /usr and /etc, to be laid over the machine's. */
function unpackUfw() {
  if (process.geteuid() !== 0 || !has('apt-get')) return noUfw();
  const directory = mkdtempSync(join(tmpdir(), 'tscompose-ufw-'));
  try {
    if (!downloadUfw(directory)) return noUfw();
    const [file] = readdirSync(directory);
    const root = join(directory, 'root');
    output('dpkg-deb', ['-x', file, 'root'], directory);
    if (existsSync(join(root, 'lib'))) {
      mkdirSync(join(root, 'usr/lib'), { recursive: true });
      // join() would take the dot away, with which the directory's content is meant.
      output('cp', ['-r', `${root}/lib/.`, join(root, 'usr/lib')]);
      rmSync(join(root, 'lib'), { recursive: true });
    }
    const share = join(root, 'usr/share/ufw');
    for (const name of readdirSync(share).filter((one) => /\.(rules|init|conf)$/.test(one)))
      output('cp', ['-L', join(share, name), join(root, 'etc/ufw')]);
    output('cp', ['-r', root, ufw]);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function downloadUfw(directory) {
  const download = ['download', '-qq', '-o', 'APT::Sandbox::User=root', 'ufw'];
  const isThere = () => spawnSync('apt-get', download, { cwd: directory }).status === 0;
  if (isThere()) return true;
  // A fresh machine has no lists yet.
  spawnSync('apt-get', ['update', '-qq']);
  return isThere();
}

function noUfw() {
  process.stdout.write(`Missing: ufw in ${ufw}. Tests beside it are skipped.\n`);
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
