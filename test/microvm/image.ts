/** What the microvm boots: a memory disk that finds the disk, and a disk with Node, the built program and busybox. */
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { testKernel, testPrograms } from '../lib/requires.ts';

const repository = new URL('../..', import.meta.url).pathname;
const guest = new URL('guest/', import.meta.url).pathname;

/** Modules of Debian's cloud kernel; it has the rest built in. */
const diskModules = ['virtio_mmio', 'virtio_blk'];
const systemModules = [
  ...['virtio_net', 'overlay', 'bridge', 'veth', 'bfq'],
  ...['nf_tables', 'nft_chain_nat', 'nft_masq', 'nft_ct', 'nft_fib_inet', 'nft_nat'],
];
/** Sparse; the engine's state is on it as well. */
const diskBytes = 1 << 30;

export interface MachineImage {
  readonly kernel: string;
  readonly ramdisk: string;
  readonly disk: string;
}

/** Makes the image in an empty directory. */
export function makeImage(directory: string): MachineImage {
  const image = {
    kernel: join(testKernel, 'vmlinuz'),
    ramdisk: join(directory, 'ramdisk'),
    disk: join(directory, 'disk'),
  };
  writeFileSync(image.ramdisk, packRamdisk(join(directory, 'ramdisk.d')));
  const system = join(directory, 'system.d');
  fillSystem(system);
  writeFileSync(image.disk, '');
  truncateSync(image.disk, diskBytes);
  const options = ['-q', '-t', 'ext4', '-O', '^has_journal', '-E', 'lazy_itable_init=1'];
  execFileSync('mke2fs', [...options, '-d', system, image.disk], { stdio: 'pipe' });
  return image;
}

function packRamdisk(top: string): Buffer {
  for (const name of ['bin', 'dev', 'root']) mkdirSync(join(top, name), { recursive: true });
  copyFileSync('/bin/busybox', join(top, 'bin/busybox'));
  for (const module of withDependencies(diskModules))
    copyFileSync(join(modules(), module), join(top, module.slice(module.lastIndexOf('/') + 1)));
  copyProgram(join(guest, 'ramdisk-init'), join(top, 'init'));
  const names = execFileSync('find', ['.'], { cwd: top });
  return execFileSync('busybox', ['cpio', '-o', '-H', 'newc'], {
    cwd: top,
    input: names,
    stdio: 'pipe',
    maxBuffer: 64 << 20,
  });
}

function fillSystem(top: string): void {
  const empty = ['dev', 'proc', 'sys', 'tmp', 'run', 'root', 'var/lib', 'bin', 'sbin', 'etc'];
  for (const name of empty) mkdirSync(join(top, name), { recursive: true });
  installBusybox(top);
  writeFileSync(join(top, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
  writeFileSync(join(top, 'etc/group'), 'root:x:0:\n');
  installPolicy(top);
  copyProgram(join(guest, 'init'), join(top, 'sbin/init'));
  const agent = new URL('agent.c', import.meta.url).pathname;
  execFileSync('cc', ['-static', '-O2', '-o', join(top, 'sbin/agent'), agent]);
  const program = join(top, 'opt/tscompose');
  for (const name of ['dist/bin', 'native/build', 'package.json']) {
    const isBuildOnly = /\/(addon|resolver|shim|test)$/;
    cpSync(join(repository, name), join(program, name), {
      recursive: true,
      filter: (path) => !isBuildOnly.test(path) || path.endsWith('native/build'),
    });
  }
  copyWithLibraries(process.execPath, join(top, 'usr/bin/node'), top);
  copyWithLibraries(join(testPrograms, 'apparmor_parser'), join(top, 'sbin/apparmor_parser'), top);
  // That of busybox makes no cgroup namespace.
  copyWithLibraries('/usr/bin/unshare', join(top, 'usr/bin/unshare'), top);
  const kept = join(top, 'lib/modules', kernelVersion());
  for (const path of [...withDependencies(systemModules), 'modules.dep', 'modules.alias']) {
    mkdirSync(dirname(join(kept, path)), { recursive: true });
    copyFileSync(join(modules(), path), join(kept, path));
  }
}

/** Where a distribution has its own, so that the engine finds out by itself which labels containers get. */
function installPolicy(top: string): void {
  const policy = join(top, 'etc/selinux/test');
  mkdirSync(join(policy, 'contexts'), { recursive: true });
  writeFileSync(join(top, 'etc/selinux/config'), 'SELINUX=enforcing\nSELINUXTYPE=test\n');
  writeFileSync(
    join(policy, 'contexts/lxc_contexts'),
    'process = "system_u:system_r:container_t:s0"\nfile = "system_u:object_r:container_file_t:s0"\n',
  );
  const categories = Array.from({ length: 1024 }, (_, index) => `category c${index};`).join('\n');
  const source = join(policy, 'policy.conf');
  const text = readFileSync(join(guest, 'policy.conf'), 'utf8');
  writeFileSync(source, text.replace(/^CATEGORIES$/m, categories));
  const options = ['-M', '-U', 'allow', '-c', '33', '-o', join(policy, 'policy'), source];
  execFileSync(join(testPrograms, 'checkpolicy'), options, { stdio: 'pipe' });
}

function installBusybox(top: string): void {
  copyFileSync('/bin/busybox', join(top, 'bin/busybox'));
  const names = execFileSync('busybox', ['--list'], { encoding: 'utf8' }).trim().split('\n');
  for (const name of names) if (name !== 'busybox') symlinkSync('busybox', join(top, 'bin', name));
  // Where the kernel looks for it.
  symlinkSync('/bin/modprobe', join(top, 'sbin/modprobe'));
}

function copyProgram(from: string, to: string): void {
  copyFileSync(from, to);
  chmodSync(to, 0o755);
}

function copyWithLibraries(program: string, to: string, top: string): void {
  mkdirSync(dirname(to), { recursive: true });
  copyProgram(program, to);
  const libraries = execFileSync('ldd', [program], { encoding: 'utf8' }).match(/\/\S+/g) ?? [];
  for (const path of libraries) {
    mkdirSync(dirname(join(top, path)), { recursive: true });
    copyFileSync(path, join(top, path));
  }
}

function kernelVersion(): string {
  const [version = ''] = readdirSync(join(testKernel, 'lib/modules'));
  return version;
}

function modules(): string {
  return join(testKernel, 'lib/modules', kernelVersion());
}

/** Paths below the directory of modules; modules.dep has a line `PATH: PATH PATH…` for each. */
function withDependencies(names: readonly string[]): readonly string[] {
  const lines = readFileSync(join(modules(), 'modules.dep'), 'utf8').split('\n');
  return names.flatMap((name) => {
    const line = lines.find((text) => text.split(':')[0]?.endsWith(`/${name}.ko`) === true);
    if (line === undefined) throw new Error(`the test kernel has no module ${name}`);
    return line.replace(':', '').split(' ');
  });
}
