/** Skips that name what is missing, and that `REQUIRE_ALL=1` turns into failures, so that coverage cannot leak away. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The kernel that the microvm boots, put there by test/install.mjs: `vmlinuz` and `lib/modules`. */
export const testKernel = '/var/cache/tscompose-test-kernel';

/** Programs for its security modules, from there as well: `apparmor_parser`, `checkpolicy`. */
export const testPrograms = `${testKernel}/bin`;

/** ufw's files as they are installed, to be laid over the machine's in a namespace: `usr` and `etc`. */
export const testUfw = '/var/cache/tscompose-test-ufw';

const present = {
  root: () => process.getuid?.() === 0,
  overlayfs: () => readFileSync('/proc/filesystems', 'utf8').includes('overlay'),
  nftables: () => hasProgram('nft'),
  docker: () => hasProgram('docker'),
  redis: () => hasProgram('redis-server'),
  strace: () => hasProgram('strace'),
  dig: () => hasProgram('dig'),
  curl: () => hasProgram('curl'),
  attr: () => hasProgram('setfattr'),
  cc: () => hasProgram('cc'),
  git: () => hasProgram('git'),
  history: () => hasHistory(),
  registry: () => hasProgram('docker-registry'),
  podman: () => hasProgram('podman') && hasProgram('conmon'),
  crun: () => hasProgram('crun'),
  runc: () => hasProgram('runc'),
  zsh: () => hasProgram('zsh'),
  fish: () => hasProgram('fish'),
  python: () => hasProgram('python3'),
  loop: () => existsSync('/dev/loop-control') && hasProgram('losetup') && hasProgram('mkfs.ext4'),
  busybox: () => existsSync('/bin/busybox'),
  rsyslog: () => hasProgram('rsyslogd'),
  msgpack: () => existsSync('/usr/lib/python3/dist-packages/msgpack'),
  qemu: () => hasProgram('qemu-system-x86_64'),
  mke2fs: () => hasProgram('mke2fs'),
  kernel: () => existsSync(`${testKernel}/vmlinuz`),
  ufw: () => existsSync(join(testUfw, 'usr/sbin/ufw')),
  labels: () =>
    ['apparmor_parser', 'checkpolicy'].every((name) => existsSync(join(testPrograms, name))),
} as const;

export type Requirement = keyof typeof present;

/** Names of what is missing. With REQUIRE_ALL=1 anything missing throws. */
export function missing(...requirements: readonly Requirement[]): readonly Requirement[] {
  const absent = requirements.filter((requirement) => !present[requirement]());
  if (absent.length > 0 && process.env['REQUIRE_ALL'] === '1') {
    throw new Error(`this run requires ${absent.join(', ')}, which this machine does not have`);
  }
  return absent;
}

/** Of this repository, as far back as tests go: a shallow clone has none. */
function hasHistory(): boolean {
  try {
    execFileSync('git', ['cat-file', '-e', '4ee1aaf^{commit}'], {
      cwd: import.meta.dirname,
      stdio: 'ignore',
    });
    return true;
  } catch {
    return false;
  }
}

function hasProgram(name: string): boolean {
  try {
    execFileSync('sh', ['-c', 'command -v "$1"', 'sh', name], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
