/**
 * Content of files that clients give to containers, such as secrets, as it is kept for their next start: by container, as
 * a tree with the files' own owners and modes, beside a list of them. What must not reach a disk is on a tmpfs of the
 * engine's own, without swap where the kernel can do that; it is mounted while there is any such content, outlives the
 * engine, and ends with the machine. The rest is in the container's directory.
 */
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import {
  isSyscallError,
  MNT_DETACH,
  mount,
  MS_NODEV,
  MS_NOEXEC,
  MS_NOSUID,
  unmount,
} from '../../../native/index.ts';
import type { Layout } from '../../store/index.ts';

/** Where content may be. */
export type Keeping = 'memory' | 'disk';
export const keepings: readonly Keeping[] = ['memory', 'disk'];

export interface GivenFile {
  /** Absolute, in the container; without "." and "..". */
  readonly path: string;
  readonly uid: number;
  readonly gid: number;
  /** Permission bits, at most 0777. */
  readonly mode: number;
  readonly content: Uint8Array;
}

/** Where something else is mounted in a directory of files. */
export interface MountPoint {
  readonly path: string;
  readonly kind: 'directory' | 'file';
}

type Listed = Omit<GivenFile, 'content'>;

const listName = 'list.json';
const treeName = 'tree';

export class GivenStore {
  readonly #layout: Pick<Layout, 'container' | 'givenFiles'>;
  #isSwapless: boolean | null = null;

  constructor(layout: Pick<Layout, 'container' | 'givenFiles'>) {
    this.#layout = layout;
  }

  /** Whether a tmpfs can be kept out of swap; known once content was put or read. */
  get isSwapless(): boolean {
    return this.#isSwapless ?? false;
  }

  /** Replaces what was kept for the container in the same way. */
  put(
    id: string,
    keeping: Keeping,
    {
      files,
      mountPoints = [],
    }: { readonly files: readonly GivenFile[]; readonly mountPoints?: readonly MountPoint[] },
  ): void {
    if (keeping === 'memory') this.#mount();
    const directory = this.#directory(id, keeping);
    const unfinished = `${directory}~`;
    rmSync(unfinished, { recursive: true, force: true });
    mkdirSync(unfinished, { mode: 0o700 });
    for (const file of files) writeGiven(join(unfinished, treeName), file, keeping);
    for (const point of mountPoints) makePoint(join(unfinished, treeName, point.path), point.kind);
    const list = files.map(({ content: _content, ...listed }) => listed);
    writeSynced(join(unfinished, listName), Buffer.from(JSON.stringify(list)), keeping);
    rmSync(directory, { recursive: true, force: true });
    renameSync(unfinished, directory);
    if (keeping === 'disk') syncPath(dirname(directory));
  }

  /** Null: nothing was put, or it ended with the machine. */
  read(id: string, keeping: Keeping): readonly GivenFile[] | null {
    const list = this.#list(id, keeping);
    if (list === null) return null;
    if (keeping === 'memory') this.#mount();
    return list.map((file) => ({
      ...file,
      content: readFileSync(this.source(id, keeping, file.path)),
    }));
  }

  /** On the host, of a file or of a directory above files. */
  source(id: string, keeping: Keeping, path: string): string {
    return join(this.#directory(id, keeping), treeName, path);
  }

  has(id: string, keeping: Keeping): boolean {
    return existsSync(join(this.#directory(id, keeping), listName));
  }

  /** What is on a disk goes with the container's directory. */
  remove(id: string): void {
    rmSync(this.#directory(id, 'memory'), { recursive: true, force: true });
    this.#unmountEmpty();
  }

  /** Removes what belongs to no container. */
  sweep(known: ReadonlySet<string>): void {
    const { givenFiles } = this.#layout;
    for (const name of readdirSync(givenFiles))
      if (!known.has(name)) rmSync(join(givenFiles, name), { recursive: true, force: true });
    this.#unmountEmpty();
  }

  #directory(id: string, keeping: Keeping): string {
    const { givenFiles, container } = this.#layout;
    return keeping === 'memory' ? join(givenFiles, id) : container(id).givenFiles;
  }

  #list(id: string, keeping: Keeping): readonly Listed[] | null {
    try {
      const text = readFileSync(join(this.#directory(id, keeping), listName), 'utf8');
      return JSON.parse(text) as readonly Listed[];
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
  }

  get #isMounted(): boolean {
    const { givenFiles } = this.#layout;
    return statSync(givenFiles).dev !== statSync(dirname(givenFiles)).dev;
  }

  #mount(): void {
    if (this.#isSwapless !== null && this.#isMounted) return;
    const { givenFiles: target } = this.#layout;
    if (this.#isMounted) {
      this.#isSwapless = hasOption(target, 'noswap');
      return;
    }
    const flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    const request = { source: 'tscompose-files', target, type: 'tmpfs', flags };
    try {
      mount({ ...request, data: 'mode=0700,noswap' });
      this.#isSwapless = true;
    } catch (error) {
      // Before Linux 6.4, and for whoever is root of a user namespace only (tmpfs(5)).
      if (!isSyscallError(error, 'EINVAL')) throw error;
      mount({ ...request, data: 'mode=0700' });
      this.#isSwapless = false;
    }
  }

  #unmountEmpty(): void {
    const { givenFiles } = this.#layout;
    if (readdirSync(givenFiles).length === 0 && this.#isMounted) unmount(givenFiles, MNT_DETACH);
  }
}

/** Nobody but the engine gets to where it is, so that its owner may be a container's user already. */
function writeGiven(tree: string, file: GivenFile, keeping: Keeping): void {
  const path = join(tree, file.path);
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  writeSynced(path, file.content, keeping);
  chownSync(path, file.uid, file.gid);
  chmodSync(path, file.mode);
}

function makePoint(path: string, kind: MountPoint['kind']): void {
  mkdirSync(kind === 'file' ? dirname(path) : path, { recursive: true, mode: 0o755 });
  if (kind === 'file') writeFileSync(path, '', { mode: 0o444 });
}

function writeSynced(path: string, content: Uint8Array, keeping: Keeping): void {
  writeFileSync(path, content, { mode: 0o600, flag: 'wx' });
  if (keeping === 'disk') syncPath(path);
}

function syncPath(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Of the mount at a path, as proc_pid_mountinfo(5) has those of the file system, behind its " - ". */
function hasOption(target: string, option: string): boolean {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  const line = lines.findLast((entry) => entry.split(' ')[4] === target) ?? '';
  return (line.split(' - ')[1] ?? '').split(/[ ,]/).includes(option);
}
