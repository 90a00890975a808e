/**
 * The first mount of an empty volume takes over what the image has at the target. The copy is made beside the
 * content and moved over when it is whole, so that after a crash the volume is empty or will be complete:
 *
 *   _copy (unfinished)  →  synced and renamed to _new  →  entry by entry into _data, then owner and mode  →  gone
 *
 * `_copy` found at start is thrown away, `_new` is finished. `_data` itself is never replaced: a container may have
 * it mounted already, and would be left with a directory that nobody else sees. A volume that is a mount itself has
 * nothing beside its content on the same file system, so there the two are hidden names in it.
 */
import {
  chmodAt,
  chownAt,
  closeFd,
  copyTreeAt,
  getXattrsAt,
  isSyscallError,
  makeDirectoryAt,
  openAt,
  readDirectory,
  removeTreeAt,
  renameAt,
  setTimesAt,
  setXattrAt,
  statAt,
  syncFileSystem,
  O_DIRECTORY,
  O_RDONLY,
  type DirectoryEntry,
  type Fd,
  type FileStat,
  type TreeSize,
} from '../native/index.ts';

export interface CopyUpSource {
  /** Root of the image's tree. */
  readonly root: Fd;
  /** Where the volume will be mounted: absolute, inside the image. */
  readonly path: string;
}

/** Names below the directory that a copy works in. */
export interface CopyPlaces {
  /** The content; empty is the directory itself. */
  readonly data: string;
  readonly unfinished: string;
  readonly finished: string;
}

export const besideData: CopyPlaces = { data: '_data', unfinished: '_copy', finished: '_new' };
export const insideData: CopyPlaces = {
  data: '',
  unfinished: '.tscompose-copy',
  finished: '.tscompose-new',
};

/** The caller holds the volume's lock. */
export async function copyUp(
  directory: Fd,
  places: CopyPlaces,
  { root, path }: CopyUpSource,
): Promise<TreeSize | null> {
  const { data, unfinished, finished } = places;
  const source = openDirectory(root, path);
  if (source === null) return null;
  try {
    const own = [unfinished, finished];
    const content = listDirectory(directory, data).filter(({ name }) => !own.includes(name));
    if (content.length > 0) return null;
    await removeTreeAt(directory, unfinished);
    makeDirectoryAt(directory, unfinished, 0o700);
    const size = await copyInto(directory, unfinished, source);
    renameAt(directory, { from: unfinished, to: finished });
    await finishCopyUp(directory, places);
    return size;
  } catch (error) {
    await removeTreeAt(directory, unfinished);
    throw error;
  } finally {
    closeFd(source);
  }
}

/** Whether there is anything to take over. */
export function hasDirectory({ root, path }: CopyUpSource): boolean {
  const found = openDirectory(root, path);
  if (found === null) return false;
  closeFd(found);
  return true;
}

/** Completes or undoes what a crash has interrupted. */
export async function finishCopyUp(directory: Fd, places: CopyPlaces): Promise<void> {
  const { unfinished, finished } = places;
  await removeTreeAt(directory, unfinished);
  if (!exists(directory, finished)) return;
  // Before the moves, which change its times.
  const attributes = statAt(directory, finished);
  for (const { name, raw } of listDirectory(directory, finished))
    moveOver(directory, places, raw ?? Buffer.from(name));
  takeAttributes(directory, places, attributes);
  // What is left was in the volume already, written by a container that was faster than the copy.
  await removeTreeAt(directory, finished);
}

async function copyInto(directory: Fd, unfinished: string, source: Fd): Promise<TreeSize> {
  const target = openAt(directory, unfinished, { flags: O_RDONLY | O_DIRECTORY });
  try {
    const size = await copyTreeAt({ from: source, to: target });
    await syncFileSystem(target);
    return size;
  } finally {
    closeFd(target);
  }
}

function moveOver(directory: Fd, { data, finished }: CopyPlaces, name: Uint8Array): void {
  const from = Buffer.concat([Buffer.from(`${finished}/`), name]);
  const to = Buffer.concat([Buffer.from(`${data}/`), name]);
  try {
    renameAt(directory, { from, to, existing: 'keep' });
  } catch (error) {
    if (!isSyscallError(error, 'EEXIST')) throw error;
  }
}

function takeAttributes(directory: Fd, { data, finished }: CopyPlaces, attributes: FileStat): void {
  const { uid, gid, mode, modifyNs, accessNs } = attributes;
  chownAt(directory, data, { uid, gid });
  chmodAt(directory, data, mode & 0o7777);
  for (const [name, value] of getXattrsAt(directory, finished))
    if (!name.startsWith('trusted.overlay.')) setXattrAt(directory, data, { name, value });
  setTimesAt(directory, data, { modifyNs, accessNs });
}

function listDirectory(directory: Fd, name: string): readonly DirectoryEntry[] {
  const content = openAt(directory, name, { flags: O_RDONLY | O_DIRECTORY });
  try {
    return readDirectory(content);
  } finally {
    closeFd(content);
  }
}

/** Null unless the image has a directory there; a mount on a file or on nothing takes nothing over. */
function openDirectory(root: Fd, path: string): Fd | null {
  try {
    return openAt(root, path, { flags: O_RDONLY | O_DIRECTORY });
  } catch (error) {
    if (isSyscallError(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) return null;
    throw error;
  }
}

function exists(directory: Fd, name: string): boolean {
  try {
    statAt(directory, name);
    return true;
  } catch (error) {
    if (isSyscallError(error, 'ENOENT')) return false;
    throw error;
  }
}
