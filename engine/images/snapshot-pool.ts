/**
 * Sets of empty directories for containers to come. On ext4 a mkdir takes 20 µs, but a millisecond for a minute after
 * many files were deleted, because inodes freed within that time are skipped one by one (fs/ext4/ialloc.c,
 * recently_deleted); a rename always takes 20 µs. Complete sets only: each is made under another name first.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  chownAt,
  closeFd,
  makeDirectoryAt,
  openRoot,
  removeTreeAt,
  renameAt,
  type Fd,
} from '../../native/index.ts';

/** Which directories a snapshot consists of, and what the merged root of the container looks like. */
export interface SnapshotShape {
  readonly root: { readonly mode: number; readonly uid: number; readonly gid: number };
  /** Names of the overlays besides the root: "usr". */
  readonly parts: readonly string[];
}

/** Of each shape; as many containers start from renames alone. */
const setsKept = 64;

/** Sets are made when nothing has been taken for this long: never while containers start. */
const quietMs = 150;

export class SnapshotPool {
  readonly #path: string;
  readonly #root: Fd;
  readonly #shelves = new Map<string, Shelf>();
  #timer: NodeJS.Timeout | null = null;
  #sequence = 0;
  #isClosed = false;

  /** `path` belongs to the pool alone and lies on the file system of the snapshots. */
  constructor(path: string) {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    this.#path = path;
    this.#root = openRoot(path);
  }

  /** Puts a set in place, as `name` in `directory`. */
  place(shape: SnapshotShape, directory: Fd, name: string): void {
    const shelf = this.#shelfOf(shape);
    const ready = shelf.ready.pop();
    this.#refillWhenQuiet();
    if (ready === undefined) {
      makeSet(directory, `${name}~`, shape);
      renameAt(directory, { from: `${name}~`, to: name });
    } else renameAt(this.#root, { from: `${shelf.name}/${ready}`, to: name, toDir: directory });
  }

  /** Sets for a shape that will be asked for. */
  expect(shape: SnapshotShape): void {
    this.#shelfOf(shape);
    this.#refillWhenQuiet();
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#isClosed = true;
    closeFd(this.#root);
  }

  #shelfOf(shape: SnapshotShape): Shelf {
    const key = JSON.stringify([shape.root.mode, shape.root.uid, shape.root.gid, shape.parts]);
    const known = this.#shelves.get(key);
    if (known !== undefined) return known;
    const name = createHash('sha256').update(key).digest('hex').slice(0, 16);
    const directory = join(this.#path, name);
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    // Sets of the engine before this one, minus what it left unfinished.
    const names = readdirSync(directory);
    const shelf = { name, shape, ready: names.filter((entry) => !entry.endsWith('~')) };
    const unfinished = names.filter((entry) => entry.endsWith('~'));
    for (const entry of unfinished) void removeTreeAt(this.#root, `${name}/${entry}`).catch(ignore);
    this.#shelves.set(key, shelf);
    return shelf;
  }

  #refillWhenQuiet(): void {
    if (this.#timer !== null) this.#timer.refresh();
    else {
      this.#timer = setTimeout(() => {
        this.#timer = null;
        this.#refill();
      }, quietMs).unref();
    }
  }

  /** One set, then the event loop's turn again. */
  #refill(): void {
    const shelf = [...this.#shelves.values()].find(({ ready }) => ready.length < setsKept);
    if (shelf === undefined || this.#timer !== null || this.#isClosed) return;
    const name = `${Date.now().toString(36)}-${(this.#sequence += 1).toString(36)}`;
    const path = `${shelf.name}/${name}`;
    try {
      makeSet(this.#root, `${path}~`, shelf.shape);
      renameAt(this.#root, { from: `${path}~`, to: path });
    } catch {
      // A full disk, mostly: whoever needs a set makes it in place, and gets the error.
      return;
    }
    shelf.ready.push(name);
    setImmediate(() => {
      this.#refill();
    });
  }
}

interface Shelf {
  readonly name: string;
  readonly shape: SnapshotShape;
  readonly ready: string[];
}

function makeSet(directory: Fd, name: string, { root, parts }: SnapshotShape): void {
  makeDirectoryAt(directory, name, 0o700);
  // The upper directory is the one whose owner and mode the merged root shows.
  makeDirectoryAt(directory, `${name}/upper`, root.mode);
  if (root.uid !== 0 || root.gid !== 0)
    chownAt(directory, `${name}/upper`, { uid: root.uid, gid: root.gid });
  makeDirectoryAt(directory, `${name}/work`, 0o700);
  for (const part of parts) {
    makeDirectoryAt(directory, `${name}/${part}-upper`, 0o755);
    makeDirectoryAt(directory, `${name}/${part}-work`, 0o700);
  }
}

/** A leftover that cannot be deleted is empty directories. */
function ignore(): void {
  // Nothing depends on it.
}
