/**
 * Bundles and the runtime under test: ours, or with RUNTIME=crun or RUNTIME=runc one that is known to be right. Every
 * case is written from the runtime specification; where another runtime does otherwise `differences.ts` says why.
 */
import { execFileSync, spawn } from 'node:child_process';
import {
  closeSync,
  copyFileSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { OciConfig } from '../../../engine/runtime/oci-config.ts';
import { expectNoLeaks, takeAudit, type Audit } from '../../lib/audit.ts';
import { missing } from '../../lib/requires.ts';
import { tempPrefix } from '../../lib/temp-dir.ts';
import { differences } from './differences.ts';
import type { Difference, Family } from './differences.ts';

export type RuntimeName = 'tscompose' | 'crun' | 'runc';

export const runtime = (process.env['RUNTIME'] ?? 'tscompose') as RuntimeName;
const ours = new URL('../../../dist/bin/tscompose-oci.cjs', import.meta.url).pathname;
const program = runtime === 'tscompose' ? ours : runtime;

/** A configuration of any shape, for those that are wrong on purpose too. */
export type Config = Record<string, unknown>;

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const applets = `cat chmod cut date dd dirname domainname env false grep head hostname id ifconfig ionice kill ln ls
  mkdir mknod mount nice pwd readlink rm rmdir sed sh sleep sort stat stty tail test touch tr true tty ulimit umount uname wc`;

export const group = 'tscompose-oci';

let directory = '';
let count = 0;

/** Of this file's root file system, as the host sees it. */
export const rootfs = (): string => join(directory, 'rootfs');
export const scratch = (name: string): string => join(directory, name);

/** Of the family whose cases are being named, and those that no case was found for yet. */
let known: Readonly<Record<string, Difference>> = {};
let unused = new Set<string>();

/** All cases of a family: in a directory of their own, and nothing of them is left. */
export function family(name: Family, cases: () => void): void {
  const absent = missing('root', 'busybox');
  const without = absent.length === 0 ? '' : ` (needs ${absent.join(', ')})`;
  describe.skipIf(absent.length > 0)(`${runtime}: ${name}${without}`, () => {
    let before: Audit;
    const scope = { instance: group, directories: [] };
    beforeAll(async () => {
      before = await takeAudit(scope);
      directory = await mkdtemp(join(tmpdir(), tempPrefix));
      makeRootfs(rootfs());
    });
    afterAll(async () => {
      rmSync(directory, { recursive: true, force: true });
      // What others leave is theirs to answer for.
      if (runtime === 'tscompose') await expectNoLeaks(before, scope);
      else removeGroups();
    });
    known = differences[name] ?? {};
    unused = new Set(Object.keys(known));
    cases();
    const left = [...unused];
    test('every difference is of a case', () => {
      expect(left).toEqual([]);
    });
  });
}

/** Others keep the directory above their containers' groups. */
function removeGroups(): void {
  for (const path of execFileSync('find', [
    '/sys/fs/cgroup',
    '-depth',
    '-type',
    'd',
    '-path',
    `*/${group}*`,
  ])
    .toString()
    .split('\n')
    .filter((line) => line !== '')) {
    rmdirSync(path);
  }
}

/** A case by its name; one that another runtime is known to fail is run and must fail. */
export function obligation(name: string, check: () => Promise<void> | void): void {
  unused.delete(name);
  const why = runtime === 'tscompose' ? undefined : known[name]?.[runtime];
  if (why === undefined) test(name, check);
  else test.fails(`${name} [${why}]`, check);
}

/**
 * A case that this kernel has nothing for. It is run all the same and must fail: where it succeeds, the reason was none,
 * and somebody would have been told of a case that nobody looks at.
 */
export function unless(reason: string | null, name: string, check: () => Promise<void>): void {
  if (reason === null) {
    obligation(name, check);
    return;
  }
  unused.delete(name);
  test(`${name}: cannot be, ${reason}`, async () => {
    await expect(check(), `there is a reason to skip it: ${reason}`).rejects.toThrow();
  });
}

function makeRootfs(path: string): void {
  for (const name of ['bin', 'proc', 'sys', 'dev', 'tmp', 'etc', 'mnt', 'data/deep']) {
    mkdirSync(join(path, name), { recursive: true, mode: 0o755 });
  }
  copyFileSync('/bin/busybox', join(path, 'bin/busybox'));
  for (const applet of applets.split(/\s+/)) symlinkSync('busybox', join(path, 'bin', applet));
  writeFileSync(join(path, 'data/file'), 'of the root\n');
  writeFileSync(join(path, 'etc/passwd'), 'root:x:0:0:root:/:/bin/sh\n');
}

export const someCapabilities = ['CAP_CHOWN', 'CAP_KILL', 'CAP_NET_BIND_SERVICE'];

/** What most containers have; `change` replaces parts at its depth of two. */
export function makeConfig(args: readonly string[], change: Config = {}): Config {
  const base = {
    ociVersion: '1.0.2',
    process: {
      cwd: '/',
      args,
      env: ['PATH=/bin'],
      user: { uid: 0, gid: 0 },
      capabilities: {
        bounding: someCapabilities,
        effective: someCapabilities,
        permitted: someCapabilities,
      },
    },
    root: { path: rootfs() },
    hostname: 'box',
    mounts: defaultMounts,
    linux: {
      cgroupsPath: `/${group}/${nextId(0)}`,
      namespaces: ['pid', 'network', 'ipc', 'uts', 'mount'].map((type) => ({ type })),
    },
  };
  const merged: Config = { ...base, ...change };
  for (const part of ['process', 'root', 'linux'] as const) {
    if (change[part] !== null && typeof change[part] === 'object') {
      merged[part] = { ...base[part], ...change[part] };
    }
  }
  return merged;
}

export const defaultMounts: OciConfig['mounts'] = [
  { destination: '/proc', type: 'proc', source: 'proc' },
  {
    destination: '/dev',
    type: 'tmpfs',
    source: 'tmpfs',
    options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
  },
  {
    destination: '/dev/pts',
    type: 'devpts',
    source: 'devpts',
    options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620'],
  },
  {
    destination: '/sys',
    type: 'sysfs',
    source: 'sysfs',
    options: ['nosuid', 'noexec', 'nodev', 'ro'],
  },
];

function nextId(step: number): string {
  count += step;
  return `case-${process.pid}-${count}`;
}

export interface Bundle {
  readonly id: string;
  readonly path: string;
}

/** `config` as text is written as it is. */
export function makeBundle(config: Config | string): Bundle {
  const id = nextId(0);
  nextId(1);
  const path = join(directory, id);
  mkdirSync(path);
  const text = typeof config === 'string' ? config : JSON.stringify(config);
  writeFileSync(join(path, 'config.json'), text);
  return { id, path };
}

/** Its streams are files: a program that was left behind would keep a pipe open. */
export async function invoke(
  args: readonly string[],
  { input = null, fds = [] }: { input?: string | null; fds?: readonly number[] } = {},
): Promise<Outcome> {
  const files = ['stdout', 'stderr'].map((name) => join(directory, `${nextId(1)}.${name}`));
  const opened = files.map((path) => openSync(path, 'w'));
  try {
    const child = spawn(program, ['--root', join(directory, 'root'), ...args], {
      stdio: [input === null ? 'ignore' : 'pipe', ...opened, ...fds],
    });
    child.stdin?.end(input ?? '');
    const code = await new Promise<number>((resolve, reject) => {
      child.on('error', reject);
      child.on('exit', (status) => {
        resolve(status ?? -1);
      });
    });
    const [stdout = '', stderr = ''] = files.map((path) => readFileSync(path, 'utf8'));
    return { code, stdout, stderr };
  } finally {
    for (const fd of opened) closeSync(fd);
  }
}

/** The container of a bundle from its start to its end. */
export async function runBundle(
  config: Config | string,
  { input = null, fds = [] }: { input?: string | null; fds?: readonly number[] } = {},
): Promise<Outcome> {
  const { id, path } = makeBundle(config);
  const kept = fds.length === 0 ? [] : ['--preserve-fds', String(fds.length)];
  return await invoke(['run', '--bundle', path, ...kept, id], { input, fds });
}

/** A script in a container; what it prints. A failure throws what was said. */
export async function probe(script: string, change: Config = {}): Promise<string> {
  const { code, stdout, stderr } = await runBundle(makeConfig(['sh', '-c', script], change));
  if (code !== 0) throw new Error(`ended with ${code}: ${stdout}${stderr}`);
  return stdout;
}

/** A container of one's own, which is gone at the end of the block. */
export interface Container extends AsyncDisposable {
  readonly id: string;
  readonly bundle: string;
  readonly created: Outcome;
  readonly call: (command: string, ...args: readonly string[]) => Promise<Outcome>;
  readonly state: () => Promise<State>;
}

export interface State {
  readonly ociVersion: string;
  readonly id: string;
  readonly status: string;
  readonly pid?: number;
  readonly bundle: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

export async function createContainer(
  config: Config,
  options: readonly string[] = [],
): Promise<Container> {
  const { id, path } = makeBundle(config);
  const created = await invoke(['create', '--bundle', path, ...options, id]);
  const call: Container['call'] = async (command, ...args) =>
    // Options before the container, words behind it.
    await invoke([
      command,
      ...args.filter((word) => word.startsWith('--')),
      id,
      ...args.filter((word) => !word.startsWith('--')),
    ]);
  return {
    id,
    bundle: path,
    created,
    call,
    state: async () => {
      const { code, stdout, stderr } = await call('state');
      if (code !== 0) throw new Error(stderr);
      return JSON.parse(stdout) as State;
    },
    [Symbol.asyncDispose]: async () => {
      await invoke(['delete', '--force', id]);
    },
  };
}

/** One that runs. */
export async function startContainer(config: Config): Promise<Container> {
  const container = await createContainer(config);
  const started = await container.call('start');
  if (container.created.code !== 0 || started.code !== 0) {
    await container[Symbol.asyncDispose]();
    throw new Error(container.created.stderr + started.stderr);
  }
  return container;
}

/** Values behind names, "name=value" a line. */
export function parsePairs(text: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    text
      .split('\n')
      .filter((line) => line.includes('='))
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
}
