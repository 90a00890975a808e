/** `docker diff`: which paths a container has added, changed and removed. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { changeKinds, EngineError } from '../../api/index.ts';
import type { ChangeKind, FilesystemChange } from '../../api/index.ts';
import { statOrNull } from '../../images/index.ts';
import {
  closeFd,
  readDirectory,
  type DirectoryEntry,
  type Fd,
  type FileStat,
} from '../../../native/index.ts';
import type { Container } from '../container.ts';
import type { ContainerContext } from '../context.ts';
import { withContainer } from '../locked.ts';
import { closeUppers, isMountPoint, isOpaque, isWhiteout, openBelow, openUppers } from './upper.ts';
import type { Upper } from './upper.ts';

type Context = Pick<ContainerContext, 'containers' | 'locks' | 'images' | 'snapshots'>;

/** In the order of the tree, each directory before what is in it. */
export async function readChanges(
  ctx: Context,
  ref: string,
  signal: AbortSignal,
): Promise<readonly FilesystemChange[]> {
  const work = (container: Container): Promise<readonly FilesystemChange[]> =>
    changesOf(ctx, container, signal);
  return await withContainer(ctx, ref, { work, signal });
}

async function changesOf(
  ctx: Context,
  { record }: Container,
  signal: AbortSignal,
): Promise<readonly FilesystemChange[]> {
  const image = ctx.images.resolve(record.imageId);
  if (image === null)
    throw new EngineError('not-found', `No such image: ${record.config.Image ?? record.imageId}`);
  const { mounts } = await ctx.snapshots.prepare(record.id, image);
  const uppers = openUppers(mounts);
  try {
    return await ctx.snapshots.view(image, async (below) => {
      const walk = new ChangeWalk(below, signal);
      for (const upper of uppers) await walk.add(upper);
      return walk.changes;
    });
  } finally {
    closeUppers(uppers);
  }
}

/** A path is text here: JSON has no bytes. */
interface Place {
  readonly directory: Fd;
  readonly path: string;
  /** Nothing of it is in the image. */
  readonly isNew: boolean;
}

const mostDepth = 1024;
const sliceMs = 5;

class ChangeWalk {
  readonly changes: FilesystemChange[] = [];
  readonly #below: Fd;
  readonly #signal: AbortSignal;
  #turn = performance.now();

  constructor(below: Fd, signal: AbortSignal) {
    this.#below = below;
    this.#signal = signal;
  }

  async add({ target, directory }: Upper): Promise<void> {
    if (target === '') await this.#walk({ directory, path: target, isNew: false }, 0);
    else await this.#within(target, () => this.#walk({ directory, path: target, isNew: false }, 0));
  }

  /** A directory is told of before what has changed in it, and not at all if nothing has. */
  async #within(path: string, walk: () => Promise<void>, hasChanged = false): Promise<void> {
    const before = this.changes.length;
    this.#push(path, changeKinds.modified);
    await walk();
    if (!hasChanged && this.changes.length === before + 1) this.changes.pop();
  }

  async #walk({ directory, path, isNew }: Place, depth: number): Promise<void> {
    if (depth > mostDepth)
      throw new EngineError('invalid-argument', `a path is deeper than ${mostDepth} directories`);
    for (const entry of sorted(readDirectory(directory))) {
      await this.#giveWay();
      const inner = path === '' ? entry.name : `${path}/${entry.name}`;
      await this.#visit({ directory, path: inner, isNew }, entry, depth);
    }
  }

  async #visit(place: Place, entry: DirectoryEntry, depth: number): Promise<void> {
    const { directory, path, isNew } = place;
    const name = entry.raw ?? entry.name;
    const stat = statOrNull(directory, latin(name));
    if (stat === null || isMountPoint(path, directory, name)) return;
    const below = isNew ? null : this.#statBelow(path);
    if (isWhiteout(stat)) {
      if (below !== null) this.#push(path, changeKinds.deleted);
      return;
    }
    if (stat.type !== 'directory' || below?.type !== 'directory') {
      this.#push(path, below === null ? changeKinds.added : changeKinds.modified);
      if (stat.type === 'directory') await this.#enter({ ...place, isNew: true }, entry, depth);
      return;
    }
    const walk = async (): Promise<void> => {
      if (isOpaque(directory, name)) this.#pushHidden(place, entry);
      await this.#enter(place, entry, depth);
    };
    await this.#within(path, walk, hasChanged(stat, below));
  }

  async #enter(place: Place, entry: DirectoryEntry, depth: number): Promise<void> {
    const fd = openBelow(place.directory, entry.raw ?? entry.name);
    if (fd === null) return;
    try {
      await this.#walk({ ...place, directory: fd }, depth + 1);
    } finally {
      closeFd(fd);
    }
  }

  /** What was in a directory that has been removed and made again. */
  #pushHidden({ directory, path }: Place, entry: DirectoryEntry): void {
    const below = openBelow(this.#below, path);
    const own = openBelow(directory, entry.raw ?? entry.name);
    try {
      if (below === null || own === null) return;
      for (const { name, raw } of sorted(readDirectory(below)))
        if (statOrNull(own, latin(raw ?? name)) === null)
          this.#push(`${path}/${name}`, changeKinds.deleted);
    } finally {
      for (const fd of [below, own]) if (fd !== null) closeFd(fd);
    }
  }

  #statBelow(path: string): FileStat | null {
    return statOrNull(this.#below, latin(path));
  }

  #push(path: string, kind: ChangeKind): void {
    this.changes.push({ Path: `/${path}`, Kind: kind });
  }

  async #giveWay(): Promise<void> {
    this.#signal.throwIfAborted();
    if (performance.now() - this.#turn <= sliceMs) return;
    await nextTurn();
    this.#turn = performance.now();
  }
}

/** Its time changes with its entries, which are told by themselves. */
function hasChanged(stat: FileStat, below: FileStat): boolean {
  return stat.mode !== below.mode || stat.uid !== below.uid || stat.gid !== below.gid;
}

function latin(name: string | Uint8Array): string {
  return Buffer.from(name as Uint8Array).toString('latin1');
}

function sorted(entries: DirectoryEntry[]): readonly DirectoryEntry[] {
  return entries.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}
