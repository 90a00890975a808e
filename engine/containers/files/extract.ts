/**
 * Puts an archive's entries into a container's tree, replacing what is there, as `docker cp` does: a directory is
 * merged, anything else removed first. Every name is resolved by the kernel below the container's root, in which its
 * programs may be moving things about; whatever they do leads nowhere else.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { EngineError } from '../../api/index.ts';
import {
  chmodAt,
  chownAt,
  closeFd,
  isSyscallError,
  makeDirectoryAt,
  makeLinkAt,
  makeNodeAt,
  makeSymlinkAt,
  O_CREAT,
  O_EXCL,
  O_NOFOLLOW,
  O_PATH,
  O_WRONLY,
  openAt,
  removeTreeAt,
  S_IFBLK,
  S_IFCHR,
  S_IFIFO,
  setTimesAt,
  setXattrAt,
  statAt,
  SyscallError,
  unlinkAt,
  type Bytes,
  type Fd,
} from '../../../native/index.ts';
import {
  isOverlayAttribute,
  joinPath,
  refuse,
  setSize,
  splitName,
  statOrNull,
  toBytes,
  writePiece,
} from '../../images/index.ts';
import { printable, TarError } from '../../lib/index.ts';
import type { ByteString, TarEntry } from '../../lib/index.ts';

export interface ExtractOptions {
  readonly root: Fd;
  /** Below the root, where it is a directory. */
  readonly destination: ByteString;
  /** A directory and something else never take each other's place. */
  readonly keepsKinds: boolean;
  /** Whose everything becomes; null: whose the archive says. */
  readonly owner: { readonly uid: number; readonly gid: number } | null;
  readonly limits: ExtractLimits;
  readonly signal: AbortSignal;
}

export interface ExtractLimits {
  readonly entries: number;
  readonly bytes: number;
  /** Components of one name. */
  readonly depth: number;
  /** Memory for the directories whose times are set at the end. */
  readonly trackedBytes: number;
}

export const defaultExtractLimits: ExtractLimits = {
  entries: 2_000_000,
  bytes: 256 * 2 ** 30,
  depth: 256,
  trackedBytes: 64 << 20,
};

/** Time for which the event loop may be kept from everybody else. */
const sliceMs = 5;

export async function extractTree(
  entries: AsyncIterable<TarEntry>,
  options: ExtractOptions,
): Promise<void> {
  const extractor = new Extractor(options);
  let turn = performance.now();
  for await (const entry of entries) {
    options.signal.throwIfAborted();
    await extractor.put(entry);
    if (performance.now() - turn <= sliceMs) continue;
    await nextTurn();
    turn = performance.now();
  }
  extractor.finish();
}

class Extractor {
  readonly #options: ExtractOptions;
  readonly #root: Fd;
  readonly #directoryTimes = new Map<ByteString, bigint>();
  #trackedBytes = 0;
  #entries = 0;
  #bytes = 0;

  constructor(options: ExtractOptions) {
    this.#options = options;
    this.#root = options.root;
  }

  async put(entry: TarEntry): Promise<void> {
    this.#count(entry);
    const inner = this.#innerName(entry.name);
    // The destination itself keeps what it is: "docker cp dir/. container:/there" means what is in it.
    if (inner === '' && entry.type === 'directory') return;
    if (inner === '') throw refuse(entry.name, 'would replace the directory to extract to');
    try {
      await this.#putAt(entry, this.#below(inner));
    } catch (error) {
      throw describe(error, entry);
    }
  }

  /** Every entry made in a directory changes its time, so those are set last. */
  finish(): void {
    for (const [path, mtimeNs] of this.#directoryTimes) {
      try {
        setTimesAt(this.#root, toBytes(path), { accessNs: mtimeNs, modifyNs: mtimeNs });
      } catch (error) {
        // The container has removed it meanwhile.
        if (!isSyscallError(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) throw error;
      }
    }
  }

  #count(entry: TarEntry): void {
    const { limits } = this.#options;
    this.#entries += 1;
    this.#bytes += entry.sizeBytes;
    if (this.#entries > limits.entries)
      throw new TarError(`the archive has more than ${limits.entries} entries`);
    if (this.#bytes > limits.bytes)
      throw refuse(entry.name, `makes the archive larger than ${limits.bytes} bytes`);
  }

  #innerName(name: ByteString): ByteString {
    return joinPath(splitName(name, this.#options.limits.depth));
  }

  #below(inner: ByteString): ByteString {
    return `${this.#options.destination}/${inner}`;
  }

  async #putAt(entry: TarEntry, path: ByteString): Promise<void> {
    const found = this.#statOrParents(path);
    const isDirectory = entry.type === 'directory';
    if (found !== null) {
      const wasDirectory = found.type === 'directory';
      if (this.#options.keepsKinds && wasDirectory !== isDirectory)
        throw new EngineError('invalid-argument', clash(entry, path, isDirectory));
      if (wasDirectory && !isDirectory) await removeTreeAt(this.#root, toBytes(path));
      else if (!wasDirectory) unlinkAt(this.#root, toBytes(path));
    }
    if (entry.type === 'link') {
      const target = toBytes(this.#below(this.#innerName(entry.linkName)));
      makeLinkAt(this.#root, toBytes(path), target);
      return;
    }
    if (entry.type === 'file') {
      await this.#putFile(entry, path);
      return;
    }
    if (!isDirectory) this.#make(entry, path);
    else if (found?.type !== 'directory') makeDirectoryAt(this.#root, toBytes(path), 0o700);
    this.#finishEntry(entry, path);
    if (isDirectory) this.#track(path, entry);
  }

  /** What has another type by now was put there by the container, and keeps what it is. */
  #finishEntry(entry: TarEntry, path: ByteString): void {
    const made = openAt(this.#root, toBytes(path), { flags: O_PATH | O_NOFOLLOW });
    try {
      if (statAt(made, '').type === entry.type) this.#setAttributes(entry, made);
    } finally {
      closeFd(made);
    }
  }

  /** Makes the directories above a name that has none yet, as extracting it needs them. */
  #statOrParents(path: ByteString): ReturnType<typeof statOrNull> {
    const found = statOrNull(this.#root, path);
    if (found !== null) return found;
    const parts = path.split('/').filter((part) => part !== '');
    for (let length = 1; length < parts.length; length++) {
      const parent = parts.slice(0, length).join('/');
      try {
        makeDirectoryAt(this.#root, toBytes(parent), 0o755);
        if (this.#options.owner !== null) chownAt(this.#root, toBytes(parent), this.#options.owner);
      } catch (error) {
        if (!isSyscallError(error, 'EEXIST', 'EROFS')) throw error;
      }
    }
    return null;
  }

  /** What could not be written to its end does not stay. */
  async #putFile(entry: TarEntry, path: ByteString): Promise<void> {
    const bytes = toBytes(path);
    const flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
    const fd = openAt(this.#root, bytes, { flags, mode: 0o600 });
    try {
      let end = 0;
      for await (const piece of entry.content()) {
        this.#options.signal.throwIfAborted();
        await writePiece(fd, piece);
        end = piece.offset + piece.bytes.length;
      }
      if (end < entry.sizeBytes) setSize(fd, entry.sizeBytes);
      this.#setAttributes(entry, fd);
    } catch (error) {
      removeUnfinished(this.#root, bytes);
      throw error;
    } finally {
      closeFd(fd);
    }
  }

  #make(entry: TarEntry, path: ByteString): void {
    const { major, minor, type, linkName } = entry;
    if (type === 'symlink') {
      if (linkName === '' || linkName.includes('\0') || linkName.length > 4095)
        throw refuse(entry.name, 'is a symbolic link with a target that no link can have');
      makeSymlinkAt(this.#root, toBytes(path), toBytes(linkName));
      return;
    }
    const kind = type === 'char' ? S_IFCHR : type === 'block' ? S_IFBLK : S_IFIFO;
    makeNodeAt(this.#root, { path: toBytes(path), mode: kind | 0o600, major, minor });
  }

  /**
   * By descriptor: what the name means now could be another file. In this order: a change of the owner takes away
   * set-id bits and security.capability (chown(2)).
   */
  #setAttributes(entry: TarEntry, made: Fd): void {
    const { uid, gid } = this.#options.owner ?? entry;
    chownAt(made, '', { uid, gid });
    if (entry.type !== 'symlink') chmodAt(made, '', entry.mode);
    for (const [name, value] of entry.xattrs) {
      if (isOverlayAttribute(name) || name.startsWith('security.selinux')) continue;
      try {
        setXattrAt(made, '', { name, value });
      } catch (error) {
        // A file system that has no such attributes, as tmpfs for "user.".
        if (!isSyscallError(error, 'EOPNOTSUPP', 'EPERM')) throw error;
      }
    }
    setTimesAt(made, '', { accessNs: entry.mtimeNs, modifyNs: entry.mtimeNs });
  }

  #track(path: ByteString, { name, mtimeNs }: TarEntry): void {
    if (!this.#directoryTimes.has(path)) this.#trackedBytes += path.length + 64;
    if (this.#trackedBytes > this.#options.limits.trackedBytes)
      throw refuse(name, 'is one directory too many');
    this.#directoryTimes.set(path, mtimeNs);
  }
}

function clash(entry: TarEntry, path: ByteString, isDirectory: boolean): string {
  const [old, fresh] = isDirectory
    ? ['non-directory', 'directory']
    : ['directory', 'non-directory'];
  return `cannot overwrite ${old} "${printable(`/${path.replace(/^\/+/, '')}`)}" with ${fresh} "${printable(entry.name)}"`;
}

function removeUnfinished(root: Fd, path: Bytes): void {
  try {
    unlinkAt(root, path);
  } catch (error) {
    if (!isSyscallError(error)) throw error;
  }
}

/** Reasons that lie in the entry or in the container; a broken disk is nobody's archive. */
function describe(error: unknown, entry: TarEntry): unknown {
  if (!(error instanceof SyscallError)) return error;
  if (['ENOSPC', 'EDQUOT', 'EIO', 'EMFILE', 'ENFILE', 'ENOMEM'].includes(error.errno)) return error;
  const what = `entry "${printable(entry.name)}" cannot be made`;
  if (error.errno === 'EROFS')
    return new EngineError('forbidden', `${what}: read-only file system`, { cause: error });
  if (error.errno === 'EBUSY' || error.errno === 'EXDEV')
    return new EngineError('conflict', `${what}: something is mounted in its place`, {
      cause: error,
    });
  return new TarError(`${what}: ${error.call}(2): ${error.errno}`, { cause: error });
}
