/**
 * The layers below the one that is being unpacked, read as overlayfs would merge them. A layer may hold `usr/bin/x`
 * without an entry for `usr`; in an overlay the directory made for it would replace owner and mode of the one below,
 * so it takes those over.
 */
import {
  closeFd,
  getXattrsAt,
  isSyscallError,
  openRoot,
  statAt,
  type Fd,
  type FileStat,
} from '../../native/index.ts';
import type { ByteString } from '../lib/index.ts';
import { parentOf } from './entry-name.ts';

/** overlayfs.rst, "Whiteouts and opaque directories". */
export const opaqueAttribute = 'trusted.overlay.opaque';

/** Path as the kernel takes it; ASCII, which nearly every name is, needs no copy. */
export function toBytes(path: ByteString): string | Buffer {
  return /^[\0-\x7f]*$/.test(path) ? path : Buffer.from(path, 'latin1');
}

export interface DirectoryAttributes {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeNs: bigint;
  readonly xattrs: ReadonlyMap<string, Uint8Array>;
}

/** One directory's merge: the layers that take part in it, topmost first. */
type Contributors = readonly Fd[];

export class LowerDirectories implements Disposable {
  readonly #roots: readonly Fd[];
  /** Of the directory asked for last and its parents: entries of one directory come together. */
  readonly #known = new Map<ByteString, Contributors>();

  /** `directories` are the layers' trees, topmost first. */
  constructor(directories: readonly string[]) {
    const opened: Fd[] = [];
    try {
      for (const directory of directories) opened.push(openRoot(directory));
    } catch (error) {
      opened.forEach(closeFd);
      throw error;
    }
    this.#roots = opened;
  }

  /** Of the directory that a container would see at `path`; null if it would see none. */
  attributesOf(path: ByteString): DirectoryAttributes | null {
    const top = this.#contributors(path)[0];
    if (top === undefined) return null;
    const { mode, uid, gid, modifyNs } = statAt(top, toBytes(path));
    const xattrs = new Map(getXattrsAt(top, toBytes(path)));
    for (const name of xattrs.keys()) if (isOverlayAttribute(name)) xattrs.delete(name);
    return { mode: mode & 0o7777, uid, gid, mtimeNs: modifyNs, xattrs };
  }

  [Symbol.dispose](): void {
    this.#roots.forEach(closeFd);
  }

  #contributors(path: ByteString): Contributors {
    if (path === '') return this.#roots;
    const known = this.#known.get(path);
    if (known !== undefined) return known;
    if (this.#known.size > 1024) this.#known.clear();
    const found = contributorsOf(path, this.#contributors(parentOf(path)));
    this.#known.set(path, found);
    return found;
  }
}

function contributorsOf(path: ByteString, parents: Contributors): Contributors {
  const found: Fd[] = [];
  for (const root of parents) {
    const stat = statOrNull(root, path);
    if (stat === null) continue;
    // A file or a whiteout hides whatever lies below it.
    if (stat.type !== 'directory') break;
    found.push(root);
    if (isOpaque(root, path)) break;
  }
  return found;
}

function isOpaque(root: Fd, path: ByteString): boolean {
  const value = getXattrsAt(root, toBytes(path)).get(opaqueAttribute);
  return value !== undefined && Buffer.from(value).toString('latin1') === 'y';
}

/** What overlayfs keeps for itself; in an archive it speaks of somebody else's mount. */
export function isOverlayAttribute(name: string): boolean {
  return name.startsWith('trusted.overlay.') || name.startsWith('user.overlay.');
}

export function statOrNull(root: Fd, path: ByteString): FileStat | null {
  try {
    return statAt(root, toBytes(path));
  } catch (error) {
    if (isSyscallError(error, 'ENOENT', 'ENOTDIR')) return null;
    throw error;
  }
}
