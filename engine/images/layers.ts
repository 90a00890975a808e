/**
 * Applies one layer to an empty directory, in the form that overlayfs mounts: image-spec layer.md#applying-changesets.
 * Everything is done through native below the directory's descriptor, so neither a name nor a link made earlier leads
 * out of it. The first entry that cannot be applied as it is fails the layer.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  O_CREAT,
  O_EXCL,
  O_NOFOLLOW,
  O_WRONLY,
  S_IFBLK,
  S_IFCHR,
  S_IFIFO,
  SyscallError,
  chmodAt,
  chownAt,
  closeFd,
  isSyscallError,
  makeDirectoryAt,
  makeLinkAt,
  makeNodeAt,
  makeSymlinkAt,
  openAt,
  removeTreeAt,
  setTimesAt,
  setXattrAt,
  statAt,
  unlinkAt,
  type Fd,
  type FileStat,
} from '../../native/index.ts';
import { TarError, type ByteString, type TarEntry } from '../lib/index.ts';
import { setSize, writePiece } from './descriptor-io.ts';
import { joinPath, meaningOf, parentOf, refuse, splitName, type EntryPath } from './entry-name.ts';
import {
  isOverlayAttribute,
  opaqueAttribute,
  statOrNull,
  toBytes,
  type DirectoryAttributes,
  type LowerDirectories,
} from './lower.ts';
import type { ArchiveLimits } from './model.ts';

export interface ApplyOptions {
  /** An empty directory that nobody else can reach. */
  readonly root: Fd;
  readonly below: LowerDirectories;
  readonly limits: Pick<ArchiveLimits, 'entries' | 'layerBytes' | 'depth' | 'trackedBytes'>;
  readonly signal?: AbortSignal | undefined;
}

export interface AppliedLayer {
  /** Of all regular files. */
  readonly bytes: number;
  readonly entries: number;
  /** The directory itself, which an overlay's upper directory has to repeat. */
  readonly root: { readonly mode: number; readonly uid: number; readonly gid: number };
  /**
   * The root is opaque. overlayfs does not look at the attribute there (fs/overlayfs/super.c merges all roots), so
   * the layers below must be left out of the mount.
   */
  readonly hidesBelow: boolean;
}

export async function applyLayer(
  entries: AsyncIterable<TarEntry>,
  options: ApplyOptions,
): Promise<AppliedLayer> {
  const writer = new LayerWriter(options);
  let turn = performance.now();
  for await (const entry of entries) {
    options.signal?.throwIfAborted();
    await writer.apply(entry);
    // One chunk of the archive may hold hundreds of small files, and an engine that unpacks still has to answer.
    if (performance.now() - turn > sliceMs) {
      await nextTurn();
      turn = performance.now();
    }
  }
  return writer.finish();
}

/** Time for which the event loop may be kept from everybody else. */
const sliceMs = 5;

const defaultDirectory: DirectoryAttributes = {
  mode: 0o755,
  uid: 0,
  gid: 0,
  mtimeNs: 0n,
  xattrs: new Map(),
};

class LayerWriter {
  readonly #root: Fd;
  readonly #below: LowerDirectories;
  readonly #limits: ApplyOptions['limits'];
  /** Times of directories, set at the end: every entry made in a directory changes its own. */
  readonly #directoryTimes = new Map<ByteString, bigint>();
  #trackedBytes = 0;
  #entries = 0;
  #bytes = 0;
  #isRootSet = false;
  #hidesBelow = false;

  constructor({ root, below, limits }: ApplyOptions) {
    this.#root = root;
    this.#below = below;
    this.#limits = limits;
  }

  async apply(entry: TarEntry): Promise<void> {
    this.#countEntry(entry);
    const path = splitName(entry.name, this.#limits.depth);
    const meaning = meaningOf(entry.name, path);
    try {
      if (meaning.kind === 'plain') await this.#applyPlain(entry, path);
      else if (meaning.kind === 'whiteout') await this.#hide(meaning.path);
      else if (meaning.kind === 'opaque') this.#makeOpaque(meaning.path);
    } catch (error) {
      throw describe(error, entry);
    }
  }

  finish(): AppliedLayer {
    if (!this.#isRootSet) this.#setDirectory('', this.#below.attributesOf('') ?? defaultDirectory);
    for (const [path, mtimeNs] of this.#directoryTimes) this.#setDirectoryTime(path, mtimeNs);
    const { mode, uid, gid } = statAt(this.#root, '');
    return {
      bytes: this.#bytes,
      entries: this.#entries,
      root: { mode: mode & 0o7777, uid, gid },
      hidesBelow: this.#hidesBelow,
    };
  }

  #countEntry(entry: TarEntry): void {
    this.#entries += 1;
    if (this.#entries > this.#limits.entries)
      throw new TarError(`the layer has more than ${this.#limits.entries} entries`);
    // A link takes what it names, as lstat(2) and dockerd count it.
    this.#bytes += entry.type === 'symlink' ? entry.linkName.length : entry.sizeBytes;
    if (this.#bytes > this.#limits.layerBytes)
      throw refuse(entry.name, `makes the layer larger than ${this.#limits.layerBytes} bytes`);
  }

  async #applyPlain(entry: TarEntry, path: EntryPath): Promise<void> {
    const name = joinPath(path);
    if (name === '' && entry.type !== 'directory')
      throw refuse(entry.name, 'would replace the root');
    switch (entry.type) {
      case 'directory': {
        await this.#makeDirectory(entry, name);
        return;
      }
      case 'file': {
        await this.#makeFile(entry, name);
        return;
      }
      case 'link': {
        await this.#makeHardLink(entry, name);
        return;
      }
      case 'symlink': {
        await this.#makeSymlink(entry, name);
        return;
      }
      case 'char':
      case 'block':
      case 'fifo': {
        await this.#makeNode(entry, name);
        return;
      }
    }
  }

  async #makeDirectory(entry: TarEntry, name: ByteString): Promise<void> {
    if (name === '') {
      this.#isRootSet = true;
    } else if (statOrNull(this.#root, name)?.type !== 'directory') {
      const hidLower = await this.#clear(name);
      await this.#place(name, () => {
        makeDirectoryAt(this.#root, toBytes(name), 0o700);
      });
      // What was here hid the directory of a layer below; the new one must not bring its content back.
      if (hidLower) this.#setOpaque(name);
    }
    this.#setDirectory(name, entry);
  }

  async #makeFile(entry: TarEntry, name: ByteString): Promise<void> {
    const flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
    const fd = await this.#place(name, () =>
      openAt(this.#root, toBytes(name), { flags, mode: 0o600 }),
    );
    try {
      let end = 0;
      for await (const piece of entry.content()) {
        await writePiece(fd, piece);
        end = piece.offset + piece.bytes.length;
      }
      if (end < entry.sizeBytes) setSize(fd, entry.sizeBytes);
    } finally {
      closeFd(fd);
    }
    this.#setAttributes(entry, name);
  }

  async #makeSymlink(entry: TarEntry, name: ByteString): Promise<void> {
    const target = entry.linkName;
    if (target === '' || target.includes('\0') || target.length > 4095)
      throw refuse(entry.name, 'is a symbolic link with a target that no link can have');
    await this.#place(name, () => {
      makeSymlinkAt(this.#root, toBytes(name), toBytes(target));
    });
    this.#setAttributes(entry, name);
  }

  async #makeHardLink(entry: TarEntry, name: ByteString): Promise<void> {
    const target = splitName(entry.linkName, this.#limits.depth);
    const targetName = joinPath(target);
    if (meaningOf(entry.linkName, target).kind !== 'plain')
      throw refuse(entry.name, 'is a link to a whiteout');
    if (targetName === name) throw refuse(entry.name, 'is a link to itself');
    const found = statOrNull(this.#root, targetName);
    if (found === null || isWhiteout(found))
      throw refuse(entry.name, 'is a link to a file that the layer does not have');
    if (found.type === 'directory') throw refuse(entry.name, 'is a link to a directory');
    await this.#place(name, () => {
      makeLinkAt(this.#root, toBytes(name), toBytes(targetName));
    });
  }

  async #makeNode(entry: TarEntry, name: ByteString): Promise<void> {
    const { major, minor } = entry;
    if (entry.type === 'char' && major === 0 && minor === 0)
      throw refuse(entry.name, 'is the device 0:0, which is a whiteout to overlayfs');
    const kind = entry.type === 'char' ? S_IFCHR : entry.type === 'block' ? S_IFBLK : S_IFIFO;
    await this.#place(name, () => {
      makeNodeAt(this.#root, { path: toBytes(name), mode: kind | 0o600, major, minor });
    });
    this.#setAttributes(entry, name);
  }

  /** Takes `name` of the layers below away; what this layer has itself stays, in whichever order they come. */
  async #hide(name: ByteString): Promise<void> {
    const own = statOrNull(this.#root, name);
    if (own?.type === 'directory') this.#setOpaque(name);
    if (own !== null) return;
    await this.#place(name, () => {
      makeNodeAt(this.#root, { path: toBytes(name), mode: S_IFCHR });
    });
  }

  #makeOpaque(name: ByteString): void {
    if (name === '') {
      this.#hidesBelow = true;
      return;
    }
    this.#makeParents(`${name}/.`);
    this.#setOpaque(name);
  }

  #setOpaque(name: ByteString): void {
    const attribute = { name: opaqueAttribute, value: Buffer.from('y') };
    setXattrAt(this.#root, toBytes(name), attribute);
  }

  /** Runs `create`, making the parents it lacks and removing what is in its place. */
  async #place<T>(name: ByteString, create: () => T): Promise<T> {
    try {
      return create();
    } catch (error) {
      if (isSyscallError(error, 'ENOENT', 'ENOTDIR')) this.#makeParents(name);
      else if (isSyscallError(error, 'EEXIST')) await this.#clear(name);
      else throw error;
    }
    return create();
  }

  /** Removes what is at `name`; true if it was something that hid the same name of the layers below. */
  async #clear(name: ByteString): Promise<boolean> {
    const found = statOrNull(this.#root, name);
    if (found === null) return false;
    if (found.type === 'directory') await removeTreeAt(this.#root, toBytes(name));
    else unlinkAt(this.#root, toBytes(name));
    return found.type !== 'directory';
  }

  #makeParents(name: ByteString): void {
    const parents: ByteString[] = [];
    for (let at = parentOf(name); at !== ''; at = parentOf(at)) parents.unshift(at);
    for (const parent of parents) this.#makeParent(parent);
  }

  #makeParent(name: ByteString): void {
    const found = statOrNull(this.#root, name);
    if (found?.type === 'directory') return;
    if (found?.type === 'symlink') {
      this.#checkLink(name);
    } else if (found === null) {
      makeDirectoryAt(this.#root, toBytes(name), 0o700);
      this.#setDirectory(name, this.#below.attributesOf(name) ?? defaultDirectory);
    } else if (isWhiteout(found)) {
      unlinkAt(this.#root, toBytes(name));
      makeDirectoryAt(this.#root, toBytes(name), 0o700);
      this.#setDirectory(name, defaultDirectory);
      this.#setOpaque(name);
    } else throw refuse(name, 'is not a directory, but another entry lies below it');
  }

  #checkLink(name: ByteString): void {
    try {
      const target = statAt(this.#root, toBytes(name), { followLast: true });
      if (target.type === 'directory') return;
    } catch (error) {
      if (!isSyscallError(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) throw error;
    }
    throw refuse(name, 'is a link to no directory of the layer, but another entry lies below it');
  }

  #setDirectory(name: ByteString, attributes: DirectoryAttributes): void {
    this.#setOwnerAndMode(attributes, name);
    this.#setXattrs(attributes, name);
    if (!this.#directoryTimes.has(name)) this.#trackedBytes += name.length + 64;
    if (this.#trackedBytes > this.#limits.trackedBytes)
      throw refuse(name, 'is one directory too many');
    this.#directoryTimes.set(name, attributes.mtimeNs);
  }

  /** A directory that was replaced later has nothing to set any more. */
  #setDirectoryTime(name: ByteString, mtimeNs: bigint): void {
    if (statOrNull(this.#root, name)?.type === 'directory') this.#setTimes(name, mtimeNs);
  }

  #setAttributes(entry: TarEntry, name: ByteString): void {
    this.#setOwnerAndMode(entry, name);
    this.#setXattrs(entry, name);
    this.#setTimes(name, entry.mtimeNs);
  }

  /** In this order: a change of the owner takes away setuid and security.capability (chown(2)). */
  #setOwnerAndMode(entry: DirectoryAttributes & { type?: string }, name: ByteString): void {
    chownAt(this.#root, toBytes(name), { uid: entry.uid, gid: entry.gid });
    if (entry.type !== 'symlink') chmodAt(this.#root, toBytes(name), entry.mode);
  }

  #setXattrs({ xattrs }: Pick<DirectoryAttributes, 'xattrs'>, path: ByteString): void {
    for (const [name, value] of xattrs) {
      if (isOverlayAttribute(name)) continue;
      try {
        setXattrAt(this.#root, toBytes(path), { name, value });
      } catch (error) {
        // A label of a security module that this host does not run means nothing here.
        if (!name.startsWith('security.selinux') || !isSyscallError(error, 'EOPNOTSUPP'))
          throw error;
      }
    }
  }

  #setTimes(name: ByteString, mtimeNs: bigint): void {
    setTimesAt(this.#root, toBytes(name), { accessNs: mtimeNs, modifyNs: mtimeNs });
  }
}

function isWhiteout({ type, major, minor }: FileStat): boolean {
  return type === 'char' && major === 0 && minor === 0;
}

/** Errors that speak of one path get the name of the entry; others already have it. */
function describe(error: unknown, entry: TarEntry): unknown {
  if (!(error instanceof SyscallError)) return error;
  if (!isOwnFault(error)) return error;
  const cause = new TarError(
    refuse(entry.name, `cannot be made: ${error.call}(2): ${error.errno}`).message,
    { cause: error },
  );
  return cause;
}

/** Reasons that lie in the entry; a full disk or a broken one is nobody's archive. */
function isOwnFault({ errno }: SyscallError): boolean {
  return !['ENOSPC', 'EDQUOT', 'EIO', 'EROFS', 'EMFILE', 'ENFILE', 'ENOMEM'].includes(errno);
}
