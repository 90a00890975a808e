import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { SandboxMount, SandboxSpec } from '../../../engine/runtime/sandbox-spec.ts';
import { readShimLog } from '../../../engine/runtime/shim-log.ts';
import { startShim, type ExitStatus, type Shim } from '../../../engine/runtime/shim.ts';

const CLONE_NEWNS = 0x20000;
const CLONE_NEWCGROUP = 0x2000000;
const CLONE_NEWUTS = 0x4000000;
const CLONE_NEWIPC = 0x8000000;
const CLONE_NEWPID = 0x20000000;

const MS_RDONLY = 1;
const MS_NOSUID = 2;
const MS_NODEV = 4;
const MS_NOEXEC = 8;
const MS_REC = 0x4000;
const MS_STRICTATIME = 0x1000000;

export const defaultNamespaces =
  CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWCGROUP;

/** Docker's default capabilities. */
export const dockerCapabilities = 0xa80425fbn;

export interface Box {
  readonly spec: SandboxSpec;
  readonly lower: string;
  readonly upper: string;
}

export type SpecChange = Partial<Omit<SandboxSpec, 'process' | 'log'>> & {
  readonly process?: Partial<SandboxSpec['process']>;
  readonly log?: Partial<SandboxSpec['log']>;
};

export function mount(
  kind: SandboxMount['kind'],
  target: string,
  more: Partial<SandboxMount> = {},
): SandboxMount {
  return {
    kind,
    target,
    source: '',
    lowerDirs: [],
    upperDir: '',
    workDir: '',
    flags: 0,
    propagation: 0,
    data: '',
    create: 'directory',
    ...more,
  };
}

const device = (path: string, major: number, minor: number): SandboxSpec['devices'][number] => ({
  path,
  type: 'char',
  major,
  minor,
  mode: 0o666,
  uid: 0,
  gid: 0,
});

/** A sandbox below `dir` with an overlay root that has the host's /usr and nothing else. */
export function makeBox(dir: string, args: readonly string[], change: SpecChange = {}): Box {
  const lower = join(dir, 'lower');
  const upper = join(dir, 'upper');
  for (const name of ['upper', 'work', 'run', 'lower/usr', 'lower/etc', 'lower/tmp']) {
    mkdirSync(join(dir, name), { recursive: true, mode: 0o755 });
  }
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) {
    try {
      symlinkSync(`usr/${name}`, join(lower, name));
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
  }
  const safe = MS_NOSUID | MS_NODEV | MS_NOEXEC;
  const spec: SandboxSpec = {
    id: '0123456789abcdef'.repeat(4),
    hostname: 'box',
    domainname: '',
    namespaces: defaultNamespaces,
    networkNamespace: null,
    joins: [],
    cgroups: [],
    hasCgroup2: false,
    mounts: [
      mount('overlay', '/', { lowerDirs: [lower], upperDir: upper, workDir: join(dir, 'work') }),
      mount('proc', '/proc', { flags: safe }),
      mount('tmpfs', '/dev', { flags: MS_NOSUID | MS_STRICTATIME, data: 'mode=755,size=65536k' }),
      mount('devpts', '/dev/pts', {
        flags: MS_NOSUID | MS_NOEXEC,
        data: 'newinstance,ptmxmode=0666,mode=0620,gid=5',
      }),
      mount('sysfs', '/sys', { flags: safe | MS_RDONLY }),
      mount('mqueue', '/dev/mqueue', { flags: safe }),
      mount('tmpfs', '/dev/shm', { flags: safe, data: 'mode=1777,size=67108864' }),
      mount('bind', '/usr', { source: '/usr', flags: MS_RDONLY | MS_REC }),
    ],
    devices: [
      device('/dev/null', 1, 3),
      device('/dev/zero', 1, 5),
      device('/dev/full', 1, 7),
      device('/dev/random', 1, 8),
      device('/dev/urandom', 1, 9),
      device('/dev/tty', 5, 0),
    ],
    links: [
      ['/dev/ptmx', 'pts/ptmx'],
      ['/dev/fd', '/proc/self/fd'],
      ['/dev/stdin', '/proc/self/fd/0'],
      ['/dev/stdout', '/proc/self/fd/1'],
      ['/dev/stderr', '/proc/self/fd/2'],
    ],
    maskedPaths: ['/proc/kcore', '/proc/keys', '/proc/timer_list', '/proc/acpi', '/sys/firmware'],
    readonlyPaths: ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
    isRootReadonly: false,
    sysctls: [],
    paths: { control: join(dir, 'run', 'shim.sock'), exit: join(dir, 'exit') },
    ...change,
    process: {
      args,
      env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
      cwd: '/',
      uid: 0,
      gid: 0,
      groups: [],
      capabilities: {
        bounding: dockerCapabilities,
        effective: dockerCapabilities,
        permitted: dockerCapabilities,
        inheritable: 0n,
        ambient: 0n,
      },
      hasNoNewPrivileges: false,
      umask: 0o022,
      rlimits: [],
      seccomp: new Uint8Array(0),
      oomScoreAdj: null,
      hasInit: false,
      terminal: null,
      hasInput: false,
      ...change.process,
    },
    log: { path: join(dir, 'log'), maxBytes: 0n, maxFiles: 1, ...change.log },
  };
  return { spec, lower, upper };
}

export interface Ran {
  readonly exit: ExitStatus;
  readonly stdout: string;
  readonly stderr: string;
}

export function start(spec: SandboxSpec): Promise<Shim> {
  return startShim({ spec, held: [] });
}

/** Runs it to its end, waits until the shim is gone, and reads what it printed. */
export async function run(spec: SandboxSpec): Promise<Ran> {
  const shim = await start(spec);
  const exit = await shim.exited;
  await shim.gone;
  return { exit, ...(await readOutput(spec.log.path)) };
}

export async function readOutput(path: string): Promise<{ stdout: string; stderr: string }> {
  const text = { stdout: '', stderr: '' };
  for await (const records of readShimLog(path)) {
    for (const { stream, source, start, end } of records)
      text[stream] += source.toString('utf8', start, end);
  }
  return text;
}
