/**
 * A file tree as a tar stream. The tree may change while it is read, and whoever changes it may mean harm: every step
 * is one name below a directory that is held open, links are never followed, nothing but regular files is opened, and
 * a file's header says what was found in the file that is then read.
 */
import { fstatSync, readSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  closeFd,
  getXattrsAt,
  isSyscallError,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_RDONLY,
  openAt,
  readDirectory,
  readLinkBytesAt,
  statAt,
  type Bytes,
  type DirectoryEntry,
  type Fd,
  type FileStat,
} from '../../../native/index.ts';
import { isOverlayAttribute, readChunks } from '../../images/index.ts';
import { encodeTarHeader, paddingOf, tarEnd, TarError } from '../../lib/index.ts';
import type { ByteString, TarEntryType, TarHeader } from '../../lib/index.ts';

/** Directories below each other; each holds a descriptor. A path of PATH_MAX bytes has at most 2048. */
const mostDepth = 1024;

/** Files with several names that are remembered, to be links in the archive; beyond it they are copies. */
const mostLinked = 1 << 18;

const chunkBytes = 1 << 18;

/** Below this a read from the page cache takes less time than a trip through the thread pool. */
const smallBytes = 64 * 1024;

/** Time for which the event loop may be kept from everybody else. */
const sliceMs = 5;

/** What to pack: `name` in `directory`, or with an empty name the directory itself. */
export interface PackSource {
  readonly directory: Fd;
  readonly name: Bytes;
  /** In the archive; of a directory the name before those of its entries, empty for none at all. */
  readonly as: ByteString;
}

export interface PackOptions {
  /** False leaves an entry out with all below it. */
  readonly accept?: (entry: FoundEntry) => boolean;
  /** What to write instead of an entry that means something else than itself. */
  readonly replace?: (entry: FoundEntry) => TarHeader | null;
  /** An entry to write behind a directory's own. */
  readonly mark?: (directory: FoundEntry) => TarHeader | null;
}

export interface FoundEntry {
  readonly directory: Fd;
  readonly bytes: Bytes;
  readonly name: ByteString;
  readonly stat: FileStat;
}

/** The descriptors stay the caller's. */
export async function* packTree(
  sources: readonly PackSource[],
  options: PackOptions = {},
): AsyncGenerator<Buffer> {
  const packer = new Packer(options);
  for (const source of sources) yield* packer.pack(source);
  yield* packer.end();
}

interface Level {
  readonly fd: Fd;
  readonly prefix: ByteString;
  readonly entries: readonly DirectoryEntry[];
  next: number;
}

class Packer {
  readonly #options: PackOptions;
  readonly #linked = new Map<string, ByteString>();
  /** Blocks that have not gone out yet: one write for many small files. */
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #turn = performance.now();

  constructor(options: PackOptions) {
    this.#options = options;
  }

  async *pack({ directory, name, as }: PackSource): AsyncGenerator<Buffer> {
    const levels: Level[] = [];
    try {
      if (name.length === 0) this.#begin(levels, directory, as);
      else yield* this.#visit(levels, { directory, bytes: name, name: as });
      for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
        const entry = level.entries[level.next];
        level.next += 1;
        if (entry === undefined) {
          levels.pop();
          closeFd(level.fd);
          continue;
        }
        const bytes = entry.raw ?? entry.name;
        const found = { directory: level.fd, bytes, name: level.prefix + byteString(bytes) };
        yield* this.#visit(levels, found);
        yield* this.#flush(chunkBytes);
      }
    } finally {
      for (const { fd } of levels) closeFd(fd);
    }
  }

  async *end(): AsyncGenerator<Buffer> {
    this.#put(tarEnd);
    yield* this.#flush(0);
  }

  async *#visit(levels: Level[], found: Omit<FoundEntry, 'stat'>): AsyncGenerator<Buffer> {
    const stat = statIfThere(found.directory, found.bytes);
    if (stat === null) return;
    if (this.#options.accept?.({ ...found, stat }) === false) return;
    const replaced = this.#options.replace?.({ ...found, stat }) ?? null;
    if (replaced !== null) this.#put(encodeTarHeader(replaced));
    else if (stat.type === 'directory') this.#visitDirectory(levels, found, stat);
    else if (stat.type === 'file') yield* this.#file(found, stat);
    else this.#special(found, stat);
  }

  #begin(levels: Level[], directory: Fd, as: ByteString): void {
    const found = { directory, bytes: '', name: as };
    if (as !== '')
      this.#put(encodeTarHeader(headerOf(found, statAt(directory, ''), { type: 'directory' })));
    this.#enter(levels, openDirectory(directory, ''), as);
  }

  #visitDirectory(levels: Level[], found: Omit<FoundEntry, 'stat'>, stat: FileStat): void {
    const fd = openIfThere(() => openDirectory(found.directory, found.bytes));
    if (fd === null) return;
    this.#put(encodeTarHeader(headerOf(found, stat, { type: 'directory' })));
    const mark = this.#options.mark?.({ ...found, stat }) ?? null;
    if (mark !== null) this.#put(encodeTarHeader(mark));
    this.#enter(levels, fd, found.name);
  }

  /** Takes the descriptor. */
  #enter(levels: Level[], fd: Fd, name: ByteString): void {
    const prefix = name === '' || name.endsWith('/') ? name : `${name}/`;
    try {
      if (levels.length >= mostDepth)
        throw new TarError(`"${name.slice(0, 60)}…" is deeper than ${mostDepth} directories`);
      levels.push({ fd, prefix, entries: sorted(readDirectory(fd)), next: 0 });
    } catch (error) {
      closeFd(fd);
      throw error;
    }
  }

  async *#file(found: Omit<FoundEntry, 'stat'>, stat: FileStat): AsyncGenerator<Buffer> {
    if (this.#putLink(found, stat)) return;
    // What was a file a moment ago may be a FIFO now, which must not be waited for, or a link.
    const flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;
    const fd = openIfThere(() => openAt(found.directory, found.bytes, { flags }));
    if (fd === null) return;
    try {
      const status = fstatSync(fd, { bigint: true });
      if (!status.isFile()) return;
      const sizeBytes = Number(status.size);
      const opened = {
        ...{ mode: Number(status.mode), uid: Number(status.uid), gid: Number(status.gid) },
        modifyNs: status.mtimeNs,
      };
      this.#put(encodeTarHeader(headerOf(found, opened, { type: 'file', sizeBytes })));
      yield* this.#content(fd, sizeBytes);
      this.#put(Buffer.alloc(paddingOf(sizeBytes)));
    } finally {
      closeFd(fd);
    }
  }

  /** Exactly `size` bytes: one that grows is cut off, one that shrinks is filled up with zeros, as by GNU tar. */
  async *#content(fd: Fd, size: number): AsyncGenerator<Buffer> {
    let left = size;
    if (size <= smallBytes) {
      const buffer = Buffer.alloc(size);
      let got = 0;
      for (let count = -1; got < size && count !== 0; got += count)
        count = readSync(fd, buffer, got, size - got, got);
      this.#put(buffer);
      return;
    }
    for await (const chunk of readChunks(fd, chunkBytes)) {
      this.#put(chunk.subarray(0, left));
      left -= Math.min(left, chunk.length);
      yield* this.#flush(chunkBytes);
      if (left === 0) return;
    }
    for (; left > 0; left -= Math.min(left, chunkBytes)) {
      this.#put(Buffer.alloc(Math.min(left, chunkBytes)));
      yield* this.#flush(chunkBytes);
    }
  }

  #special(found: Omit<FoundEntry, 'stat'>, stat: FileStat): void {
    // A socket is nothing without the program that made it; tar has no entry for it.
    if (stat.type === 'socket' || stat.type === 'file' || stat.type === 'directory') return;
    if (stat.type !== 'symlink') {
      if (this.#putLink(found, stat)) return;
      const { major, minor } = stat;
      this.#put(encodeTarHeader(headerOf(found, stat, { type: stat.type, major, minor })));
      return;
    }
    const target = openIfThere(() => readLinkBytesAt(found.directory, found.bytes));
    if (target === null) return;
    const linkName = target.toString('latin1');
    this.#put(encodeTarHeader(headerOf(found, stat, { type: 'symlink', linkName })));
  }

  /** True for a file that is in the archive already under another name. */
  #putLink(found: Omit<FoundEntry, 'stat'>, stat: FileStat): boolean {
    if (stat.links < 2) return false;
    const key = `${stat.device}:${stat.inode}`;
    const first = this.#linked.get(key);
    if (first === undefined) {
      if (this.#linked.size < mostLinked) this.#linked.set(key, found.name);
      return false;
    }
    this.#put(encodeTarHeader(headerOf(found, stat, { type: 'link', linkName: first })));
    return true;
  }

  #put(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
  }

  /** Hands out what there is once it is more than `least` bytes, and lets others have the event loop. */
  async *#flush(least: number): AsyncGenerator<Buffer> {
    if (this.#pendingBytes > least || (least === 0 && this.#pendingBytes > 0)) {
      const bytes = Buffer.concat(this.#pending, this.#pendingBytes);
      this.#pending = [];
      this.#pendingBytes = 0;
      yield bytes;
    }
    if (performance.now() - this.#turn <= sliceMs) return;
    await nextTurn();
    this.#turn = performance.now();
  }
}

/** For archives that are compared, and for people. */
function sorted(entries: DirectoryEntry[]): readonly DirectoryEntry[] {
  return entries.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

export function byteString(bytes: Bytes): ByteString {
  return Buffer.from(bytes as Uint8Array).toString('latin1');
}

function openDirectory(directory: Fd, name: Bytes): Fd {
  return openAt(directory, name, { flags: O_RDONLY | O_DIRECTORY | O_NOFOLLOW });
}

type Attributes = Pick<FileStat, 'mode' | 'uid' | 'gid' | 'modifyNs'>;

function headerOf(
  { directory, bytes, name }: Omit<FoundEntry, 'stat'>,
  { mode, uid, gid, modifyNs }: Attributes,
  rest: Partial<TarHeader> & { readonly type: TarEntryType },
): TarHeader {
  return {
    ...{ name, mode: mode & 0o7777, uid, gid, mtimeNs: modifyNs },
    ...(rest.type !== 'link' && { xattrs: attributesOf(directory, bytes) }),
    ...rest,
  };
}

/** What means something elsewhere: capabilities and what users have set. Labels are this host's. */
export function attributesOf(directory: Fd, name: Bytes): ReadonlyMap<string, Uint8Array> {
  try {
    const all = [...getXattrsAt(directory, name)];
    return new Map(all.filter(([key]) => travels(key)));
  } catch (error) {
    if (isSyscallError(error, ...goneErrors)) return new Map();
    throw error;
  }
}

function travels(key: string): boolean {
  return (key === 'security.capability' || key.startsWith('user.')) && !isOverlayAttribute(key);
}

/** It was removed or replaced by something of another kind meanwhile, or is a device of the container's. */
const goneErrors = ['ENOENT', 'ENOTDIR', 'ELOOP', 'EACCES', 'ENXIO', 'ESTALE', 'EINVAL'] as const;

function openIfThere<T>(open: () => T): T | null {
  try {
    return open();
  } catch (error) {
    if (isSyscallError(error, ...goneErrors)) return null;
    throw error;
  }
}

function statIfThere(directory: Fd, name: Bytes): FileStat | null {
  return openIfThere(() => statAt(directory, name));
}
