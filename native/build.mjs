// Builds the addon and the static helpers: the "install" step of the package. Needs make and a C compiler, no node-gyp
// and no python. Says what is missing, and how to get it, before it starts.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';

const folder = import.meta.dirname;
const compiler = process.env.CC ?? (works('cc', ['--version']) ? 'cc' : 'gcc');

process.exitCode = main();

function main() {
  if (process.platform !== 'linux') return stop('tscompose runs on Linux only');
  const missing = findMissing();
  if (missing.length > 0) {
    return stop(
      `tscompose builds its kernel helpers from source and cannot find ${missing.join(' and ')}`,
      `install with: ${installCommand()}`,
    );
  }
  const { include_dir: headers } = createRequire(import.meta.url)('node-api-headers');
  const args = [
    '-C',
    folder,
    `-j${availableParallelism()}`,
    `CC=${compiler}`,
    `NODE_API_INCLUDE=${headers}`,
  ];
  // Variables and flags of an outer make (npm may run under one) are not meant for this one.
  const { MAKEFLAGS: _flags, MFLAGS: _old, MAKELEVEL: _level, ...env } = process.env;
  const built = spawnSync('make', args, { stdio: 'inherit', env });
  if (built.status === 0) return 0;
  return stop(`"make ${args.join(' ')}" failed; what the compiler said is above`);
}

function findMissing() {
  const missing = [];
  if (!works('make', ['--version'])) missing.push('make');
  if (!works(compiler, ['--version'])) missing.push(`a C compiler ("${compiler}")`);
  else missing.push(...findMissingLibraries());
  return missing;
}

/** The helpers are static, and some distributions ship the static C library, or any headers, apart. */
function findMissingLibraries() {
  const scratch = mkdtempSync(join(tmpdir(), 'tscompose-build-'));
  try {
    const source = join(scratch, 'probe.c');
    writeFileSync(
      source,
      '#include <stdio.h>\n#include <linux/netlink.h>\nint main(void) { return puts("") < 0; }\n',
    );
    const output = join(scratch, 'probe');
    if (!works(compiler, ['-o', output, source]))
      return ['the C library headers and the kernel headers'];
    if (!works(compiler, ['-static-pie', '-fPIE', '-o', output, source]))
      return ['the static C library'];
    return [];
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function installCommand() {
  const families = osFamilies();
  const known = [
    ['debian', 'apt-get install make gcc libc6-dev'],
    ['ubuntu', 'apt-get install make gcc libc6-dev'],
    ['fedora', 'dnf install make gcc glibc-devel glibc-static kernel-headers'],
    ['rhel', 'dnf install --enablerepo=crb make gcc glibc-devel glibc-static kernel-headers'],
    ['alpine', 'apk add make gcc musl-dev linux-headers'],
    ['arch', 'pacman -S --needed base-devel'],
    ['suse', 'zypper install make gcc glibc-devel glibc-devel-static linux-glibc-devel'],
  ];
  const found = families.map((family) => known.find(([name]) => family.startsWith(name)));
  return (
    found.find((entry) => entry !== undefined)?.[1] ??
    'your package manager: make, gcc, the static C library'
  );
}

/** ID and ID_LIKE of os-release(5), the closest first. */
function osFamilies() {
  if (!existsSync('/etc/os-release')) return [];
  const text = readFileSync('/etc/os-release', 'utf8');
  return ['ID', 'ID_LIKE'].flatMap((key) => {
    const value = new RegExp(`^${key}=(.*)$`, 'm').exec(text)?.[1] ?? '';
    return value.replace(/["']/g, '').split(' ').filter(Boolean);
  });
}

function works(command, args) {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

function stop(...lines) {
  process.stderr.write(`${lines.join('\n')}\n`);
  return 1;
}
