/**
 * What a container has changed, read from the upper directories of its overlays: new and changed files are there,
 * a removed one is a device 0:0, a directory that hides what is below it has an attribute (overlayfs.rst, "Whiteouts
 * and opaque directories").
 */
import {
  closeFd,
  getXattrsAt,
  isSyscallError,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_RDONLY,
  openAt,
  openRoot,
  readDirectory,
  statAt,
  type Bytes,
  type Fd,
  type FileStat,
} from '../../../native/index.ts';
import type { SnapshotMount } from '../../images/index.ts';

const opaqueAttribute = 'trusted.overlay.opaque';

export interface Upper {
  /** Where it belongs, without a slash before it; empty for the root. */
  readonly target: string;
  readonly directory: Fd;
}

/** The caller closes them. */
export function openUppers(mounts: readonly SnapshotMount[]): readonly Upper[] {
  const opened: Upper[] = [];
  try {
    for (const { kind, target, upperDir } of mounts) {
      if (kind !== 'overlay') continue;
      opened.push({ target: target.replace(/^\/+/, ''), directory: openRoot(upperDir) });
    }
  } catch (error) {
    closeUppers(opened);
    throw error;
  }
  return opened;
}

export function closeUppers(uppers: readonly Upper[]): void {
  for (const { directory } of uppers) closeFd(directory);
}

export function isWhiteout({ type, major, minor }: FileStat): boolean {
  return type === 'char' && major === 0 && minor === 0;
}

export function isOpaque(directory: Fd, name: Bytes): boolean {
  const value = getXattrsAt(directory, name).get(opaqueAttribute);
  return value !== undefined && Buffer.from(value).toString('latin1') === 'y';
}

/** Null for what is not there any more, or not a directory. */
export function openBelow(directory: Fd, name: Bytes): Fd | null {
  try {
    return openAt(directory, name, { flags: O_RDONLY | O_DIRECTORY | O_NOFOLLOW });
  } catch (error) {
    if (isSyscallError(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) return null;
    throw error;
  }
}

const mountDirectories: ReadonlySet<string> = new Set(['dev', 'proc', 'sys']);
const mountFiles: ReadonlySet<string> = new Set(['etc/hosts', 'etc/hostname', 'etc/resolv.conf']);

/**
 * What the engine made so that something could be mounted there, and nobody has put anything into: neither a change of
 * the container's nor a part of an image made from it. dockerd keeps these in a layer of their own (moby
 * `daemon/initlayer`). `path` is below the root, without a slash before it.
 */
export function isMountPoint(path: string, directory: Fd, name: Bytes): boolean {
  if (path === 'etc') return isDirectoryOf(directory, name, isOnlyMountFile);
  if (mountDirectories.has(path)) return isDirectoryOf(directory, name, () => false);
  if (!mountFiles.has(path)) return false;
  const stat = statAt(directory, name);
  return stat.type === 'file' && stat.size === 0;
}

function isOnlyMountFile(parent: Fd, name: Bytes): boolean {
  return isMountPoint(`etc/${Buffer.from(name as Uint8Array).toString()}`, parent, name);
}

/** A directory in which there is nothing that `isAllowed` does not allow. */
function isDirectoryOf(
  directory: Fd,
  name: Bytes,
  isAllowed: (parent: Fd, name: Bytes) => boolean,
): boolean {
  const fd = openBelow(directory, name);
  if (fd === null) return false;
  try {
    return readDirectory(fd).every((entry) => isAllowed(fd, entry.raw ?? entry.name));
  } finally {
    closeFd(fd);
  }
}
