import { binding, type Bytes } from './binding.ts';
import { attempt, attemptAsync } from './errors.ts';
import type { Fd } from './fd.ts';
import { O_DIRECTORY, O_RDONLY } from './constants.ts';
import { parseDirectory, toFileStat, type DirectoryEntry, type FileStat } from './records.ts';

/**
 * Every `path` here is resolved below its directory descriptor as if that were "/" (openat2(2) RESOLVE_IN_ROOT and
 * RESOLVE_NO_MAGICLINKS): neither "..", an absolute link nor a concurrent rename leads out of it. A leading "/" is
 * allowed and means the same directory; "" and "." name the directory itself where that makes sense, and "" whatever
 * the descriptor is for those that read or set attributes. Functions that
 * create, remove or rename never follow a link in the last component.
 */

/** A directory whose content may belong to others; the path to it belongs to the engine. */
export function openRoot(path: string): Fd {
  return attempt(`open directory "${path}"`, () => binding().open(path, O_RDONLY | O_DIRECTORY, 0));
}

/** `mode` matters with O_CREAT; the umask does not apply to it. */
export function openAt(
  dir: Fd,
  path: Bytes,
  { flags, mode = 0o644 }: { flags: number; mode?: number },
): Fd {
  return attempt(`open ${quote(path)}`, () => binding().openAt(dir, path, flags, mode));
}

/** The mode is exact: the umask does not apply. */
export function makeDirectoryAt(dir: Fd, path: Bytes, mode = 0o755): void {
  attempt(`make directory ${quote(path)}`, () => {
    binding().mkdirAt(dir, path, mode);
  });
}

export function makeSymlinkAt(dir: Fd, path: Bytes, target: Bytes): void {
  attempt(`make symbolic link ${quote(path)}`, () => {
    binding().symlinkAt(target, dir, path);
  });
}

/** Makes the new name `path` for the existing file `target`; a symbolic link is linked itself, not what it names. */
export function makeLinkAt(dir: Fd, path: Bytes, target: Bytes): void {
  attempt(`link ${quote(path)} to ${quote(target)}`, () => {
    binding().linkAt(dir, target, dir, path);
  });
}

export interface NodeRequest {
  readonly path: Bytes;
  /** S_IFCHR, S_IFBLK, S_IFIFO, S_IFSOCK or S_IFREG with the permission bits; the umask does not apply. */
  readonly mode: number;
  readonly major?: number;
  readonly minor?: number;
}

export function makeNodeAt(dir: Fd, { path, mode, major = 0, minor = 0 }: NodeRequest): void {
  attempt(`make node ${quote(path)}`, () => {
    binding().mknodAt(dir, path, mode, major, minor);
  });
}

/** `isDirectory` removes an empty directory, otherwise anything but a directory. */
export function unlinkAt(
  dir: Fd,
  path: Bytes,
  { isDirectory = false }: { isDirectory?: boolean } = {},
): void {
  attempt(`remove ${quote(path)}`, () => {
    binding().unlinkAt(dir, path, isDirectory);
  });
}

/**
 * Removes a file or a whole tree; a missing one is no error. Stops with EBUSY or EXDEV at a mount point and never
 * goes into one.
 */
export function removeTreeAt(dir: Fd, path: Bytes): Promise<void> {
  return attemptAsync(`remove tree ${quote(path)}`, () => binding().removeTree(dir, path));
}

export interface RenameRequest {
  readonly from: Bytes;
  readonly to: Bytes;
  /** Where `to` is resolved; missing: in the directory of `from`. */
  readonly toDir?: Fd;
  /** An existing `to` is replaced (the default), or kept with EEXIST, or swapped with `from`. */
  readonly existing?: 'replace' | 'keep' | 'exchange';
}

export function renameAt(dir: Fd, request: RenameRequest): void {
  const { from, to, toDir = dir, existing = 'replace' } = request;
  attempt(`rename ${quote(from)} to ${quote(to)}`, () => {
    binding().renameAt(dir, from, toDir, to, renameFlags[existing]);
  });
}

// RENAME_NOREPLACE and RENAME_EXCHANGE of renameat2(2).
const renameFlags = { replace: 0, keep: 1, exchange: 2 } as const;

export function readLinkAt(dir: Fd, path: Bytes): string {
  return readLinkBytesAt(dir, path).toString();
}

/** A target is bytes, as every path is, and not all of them are UTF-8. */
export function readLinkBytesAt(dir: Fd, path: Bytes): Buffer {
  return attempt(`read link ${quote(path)}`, () => binding().readlinkAt(dir, path));
}

export function statAt(
  dir: Fd,
  path: Bytes,
  { followLast = false }: { followLast?: boolean } = {},
): FileStat {
  return toFileStat(attempt(`stat ${quote(path)}`, () => binding().statAt(dir, path, followLast)));
}

/** All entries but "." and "..", in the order of the file system. `fd` is a directory opened for reading. */
export function readDirectory(fd: Fd): DirectoryEntry[] {
  return parseDirectory(
    attempt(`read directory of descriptor ${fd}`, () => binding().readDirectory(fd)),
  );
}

/** Of a link itself, not of what it names. An id of -1 stays as it is. */
export function chownAt(dir: Fd, path: Bytes, owner: { uid: number; gid: number }): void {
  attempt(`change owner of ${quote(path)}`, () => {
    binding().chownAt(dir, path, owner.uid, owner.gid);
  });
}

/** Fails with EOPNOTSUPP on a symbolic link, which has no mode. */
export function chmodAt(dir: Fd, path: Bytes, mode: number): void {
  attempt(`change mode of ${quote(path)}`, () => {
    binding().chmodAt(dir, path, mode);
  });
}

/** Nanoseconds since 1970; of a link itself. */
export function setTimesAt(
  dir: Fd,
  path: Bytes,
  times: { accessNs: bigint; modifyNs: bigint },
): void {
  const pairs = [times.accessNs, times.modifyNs].flatMap((time) => {
    const nanoseconds = ((time % giga) + giga) % giga;
    return [(time - nanoseconds) / giga, nanoseconds];
  });
  attempt(`set times of ${quote(path)}`, () => {
    binding().utimesAt(dir, path, BigInt64Array.from(pairs));
  });
}

const giga = 1_000_000_000n;

export function setXattrAt(
  dir: Fd,
  path: Bytes,
  attribute: { name: string; value: Uint8Array },
): void {
  const { name, value } = attribute;
  attempt(`set attribute "${name}" of ${quote(path)}`, () => {
    binding().setXattrAt(dir, path, name, value);
  });
}

/** Extended attributes of a file or of a link itself; empty where the file system has none. */
export function getXattrsAt(dir: Fd, path: Bytes): ReadonlyMap<string, Uint8Array> {
  return new Map(
    attempt(`get attributes of ${quote(path)}`, () => binding().getXattrsAt(dir, path)),
  );
}

export interface TreeSize {
  readonly bytes: number;
  readonly files: number;
}

/**
 * Copies what is below `from` into `to`, and owner, mode and times of `from` itself, with owners, modes, times,
 * extended attributes, links, nodes and hard links. Names that exist in `to` are EEXIST. Mount points below `from`
 * are copied as the empty directory they cover.
 */
export async function copyTreeAt({ from, to }: { from: Fd; to: Fd }): Promise<TreeSize> {
  const [bytes, files] = await attemptAsync('copy tree', () => binding().copyTree(from, to));
  return { bytes, files };
}

/**
 * Gives `top` and all that is below it on the same file system this value of an extended attribute, links themselves and
 * not what they name; `top` comes last. Nothing happens on a file system that has no such attributes, and, where
 * `trustsTop`, when `top` has the value.
 */
export async function labelTree(
  top: Fd,
  label: { readonly name: string; readonly value: string; readonly trustsTop: boolean },
): Promise<void> {
  const { name, value, trustsTop } = label;
  await attemptAsync(`set attribute "${name}" of a tree`, () =>
    binding().labelTree(top, name, value, trustsTop),
  );
}

/** Sizes of what is below `fd`, as docker adds them up: links by what they name, directories not at all, inodes once. */
export async function diskUsage(fd: Fd): Promise<TreeSize> {
  const [bytes, files] = await attemptAsync('measure tree', () => binding().diskUsage(fd));
  return { bytes, files };
}

function quote(path: Bytes): string {
  return `"${typeof path === 'string' ? path : Buffer.from(path).toString()}"`;
}
