/**
 * Every path below the state root (outlives a reboot) and the run root (kernel objects and what belongs to them).
 * Nothing else in the engine joins a path below either root.
 */
import { createHash } from 'node:crypto';
import { chmod, lstat, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { makePath } from '../lib/index.ts';
import { EngineError } from '../api/index.ts';

export const defaultStateRoot = '/var/lib/tscompose';
export const defaultRunRoot = '/run/tscompose';

export interface Roots {
  readonly stateRoot: string;
  readonly runRoot: string;
}

/** A container's own directory in the state root and what is in it. */
export interface ContainerPaths {
  readonly directory: string;
  /** Chunk-framed log, written by the shim; rotated files beside it end in .1, .2 … */
  readonly log: string;
  /** How much of the log was sent to a server. */
  readonly shipping: string;
  /** Written by the shim when the container has ended. */
  readonly exit: string;
  /** What the health check of a running container last said. */
  readonly health: string;
  /** Mounted into the container at /etc. */
  readonly hosts: string;
  readonly hostname: string;
  readonly resolvConf: string;
  /** Given files that may be on a disk. */
  readonly givenFiles: string;
}

/** What one running container has in the run root. Paths of sockets fit sun_path. */
export interface SandboxPathsOnHost {
  readonly shimSocket: string;
  readonly networkNamespace: string;
  /** What another runtime is given to make it from; nothing is here without one. */
  readonly bundle: string;
}

export interface Layout extends Roots {
  /** Names the kernel objects of this engine: two engines on one host never touch each other's. */
  readonly instance: string;
  readonly engineLock: string;
  readonly enginePid: string;
  readonly engineSocket: string;
  readonly engineLog: string;
  /** Directories of disk-durable records. */
  readonly records: Readonly<Record<'containers' | 'images' | 'volumes' | 'networks', string>>;
  /** Directories of records that are void after a reboot. */
  readonly bootRecords: Readonly<Record<'sandboxes' | 'forwarding' | 'execs', string>>;
  readonly containers: string;
  readonly images: string;
  readonly snapshots: string;
  readonly volumes: string;
  /** Unfinished downloads and unpacked trees; emptied at start. On the file system of the state root. */
  readonly temporary: string;
  readonly networkNamespaces: string;
  readonly shims: string;
  readonly resolver: string;
  /** Bundles and what belongs to execs, by id. */
  readonly bundles: string;
  /** Given files that must not be on a disk, by container; a tmpfs while there are any. */
  readonly givenFiles: string;
  /** Where other runtimes keep what they know. */
  readonly runtimes: string;
  /** The engine's configuration, if there is one. */
  readonly configFile: string;
  /** What this engine's own IPv6 subnets begin with. */
  readonly globalId: string;
  /** The one directory that every sandbox mounts its root on, in a mount namespace of its own. */
  readonly mountPoint: string;
  container(id: string): ContainerPaths;
  sandbox(id: string): SandboxPathsOnHost;
}

export function createLayout({ stateRoot, runRoot }: Roots): Layout {
  const state = (...parts: readonly string[]): string => join(stateRoot, ...parts);
  const run = (...parts: readonly string[]): string => join(runRoot, ...parts);
  return {
    stateRoot,
    runRoot,
    instance: instanceOf({ stateRoot, runRoot }),
    engineLock: run('engine.lock'),
    enginePid: run('engine.pid'),
    engineSocket: run('engine.sock'),
    engineLog: run('engine.log'),
    records: {
      containers: state('records', 'containers'),
      images: state('records', 'images'),
      volumes: state('records', 'volumes'),
      networks: state('records', 'networks'),
    },
    bootRecords: {
      sandboxes: run('records', 'sandboxes'),
      forwarding: run('records', 'forwarding'),
      execs: run('records', 'execs'),
    },
    containers: state('containers'),
    images: state('images'),
    snapshots: state('snapshots'),
    volumes: state('volumes'),
    temporary: state('tmp'),
    networkNamespaces: run('netns'),
    shims: run('s'),
    resolver: run('resolver'),
    bundles: run('b'),
    givenFiles: run('files'),
    runtimes: run('oci'),
    configFile: state('engine.json'),
    globalId: state('ipv6-global-id'),
    mountPoint: run('root'),
    container: (id) => containerPaths(state('containers', id)),
    sandbox: (id) => ({
      shimSocket: run('s', socketName(id)),
      networkNamespace: run('netns', id),
      bundle: run('b', socketName(id)),
    }),
  };
}

function containerPaths(directory: string): ContainerPaths {
  return {
    directory,
    log: join(directory, 'log'),
    shipping: join(directory, 'shipping.json'),
    exit: join(directory, 'exit'),
    health: join(directory, 'health'),
    hosts: join(directory, 'hosts'),
    hostname: join(directory, 'hostname'),
    resolvConf: join(directory, 'resolv.conf'),
    givenFiles: join(directory, 'files'),
  };
}

function instanceOf({ stateRoot, runRoot }: Roots): string {
  if (stateRoot === defaultStateRoot && runRoot === defaultRunRoot) return 'tscompose';
  return `tscompose-${createHash('sha256').update(stateRoot).digest('hex').slice(0, 6)}`;
}

/** 128 of an id's 256 bits: half the length still never collides, and leaves the run root room in sun_path. */
function socketName(id: string): string {
  return id.slice(0, 32);
}

/** sun_path has 108 bytes with its NUL, unix(7). */
const longestSocketPath = 107;

/** The longest run root whose sockets can be bound. */
export const longestRunRoot: number =
  longestSocketPath - join('/', 'b', socketName('0'.repeat(64)), 'tty').length;

/** Refuses roots that the kernel interfaces below them could not take. */
export function checkRoots({ stateRoot, runRoot }: Roots): void {
  checkRoot('state root', stateRoot);
  checkRoot('run root', runRoot);
  const length = Buffer.byteLength(runRoot);
  if (length > longestRunRoot)
    throw new EngineError(
      'invalid-argument',
      `run root "${runRoot}" has ${length} bytes, the sockets below it allow ${longestRunRoot}`,
      { hint: 'choose a shorter run root' },
    );
}

function checkRoot(name: string, path: string): void {
  const refuse = (what: string): never => {
    throw new EngineError('invalid-argument', `${name} ${JSON.stringify(path)} ${what}`);
  };
  if (!path.startsWith('/')) refuse('is not an absolute path');
  // Separators of overlay options, for which mount(2) knows no escape that every kernel honours.
  if (/[,:\\\n\0]/.test(path)) refuse('contains a comma, colon, backslash, line break or NUL');
}

/** Makes every directory, all 0700: images hold setuid programs that no local user may reach (CVE-2021-41091). */
export async function prepareLayout(layout: Layout): Promise<void> {
  for (const root of [layout.stateRoot, layout.runRoot]) {
    await makePath(root, 0o700);
    await claimRoot(root);
  }
  await Promise.all(
    directoriesOf(layout).map((path) => mkdir(path, { recursive: true, mode: 0o700 })),
  );
}

function directoriesOf(layout: Layout): readonly string[] {
  return [
    ...Object.values(layout.records),
    ...Object.values(layout.bootRecords),
    layout.containers,
    layout.images,
    layout.snapshots,
    layout.volumes,
    layout.temporary,
    layout.networkNamespaces,
    layout.shims,
    layout.resolver,
    layout.bundles,
    layout.givenFiles,
    layout.runtimes,
    layout.mountPoint,
  ];
}

/** A root that is a link or belongs to somebody else would let that somebody choose where the engine writes. */
async function claimRoot(root: string): Promise<void> {
  const stat = await lstat(root);
  if (!stat.isDirectory())
    throw new EngineError('invalid-argument', `"${root}" is not a directory`);
  const self = await lstat('/proc/self');
  if (stat.uid !== self.uid)
    throw new EngineError(
      'forbidden',
      `"${root}" belongs to user ${stat.uid}, but the engine runs as user ${self.uid}`,
    );
  if ((stat.mode & 0o777) !== 0o700) await chmod(root, 0o700);
}
