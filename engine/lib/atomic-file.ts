/**
 * Files that a reader sees whole or not at all, whenever the writer dies: temporary file, rename.
 * `disk` also outlives a power cut (fsync of the file before the rename, of the directory after it; without the
 * first an ext4 or xfs may keep the name and lose the bytes). `boot` outlives the process only: it is meant for
 * records of kernel objects, which a power cut takes away as well.
 */
import { closeSync, fsync, openSync, renameSync, rmSync, unlinkSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { Batch } from './batch.ts';

export type Durability = 'disk' | 'boot';

export interface WriteOptions {
  readonly durability: Durability;
  /** Permission bits; 0600 unless told. */
  readonly mode?: number;
}

/** Ends the name of every unfinished file; whoever owns the directory may delete such files when it starts. */
export const tempSuffix = '.tmp~';

// Only fsync(2) waits for a disk and leaves the event loop. All else happens in the page cache and takes less time
// than one round trip through the thread pool, of which a record would need eight.
export const syncFile: (fd: number) => Promise<void> = promisify(fsync);

/** Writes `path` as a whole. The directory must exist. On failure the old content stays and nothing is left over. */
export async function writeFileAtomic(
  path: string,
  content: string | Uint8Array,
  { durability, mode = 0o600 }: WriteOptions,
): Promise<void> {
  const temporary = temporaryName(path);
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  try {
    const fd = openSync(temporary, 'w', mode);
    try {
      writeWhole(fd, bytes);
      if (durability === 'disk') await syncFile(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  if (durability === 'disk') await syncDirectory(dirname(path));
}

/** Removes `path`; a missing file is a success, because a repeated removal must be one. */
export async function removeFile(path: string, durability: Durability): Promise<void> {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  if (durability === 'disk') await syncDirectory(dirname(path));
}

let sequence = 0;

/** Two writers of one path never share a temporary file: the rename of one would take it from the other. */
function temporaryName(path: string): string {
  sequence += 1;
  return `${path}.${sequence.toString(36)}${tempSuffix}`;
}

/** write(2) may take fewer bytes than it was given, on a full disk for one. */
export function writeWhole(fd: number, bytes: Uint8Array): void {
  for (let offset = 0; offset < bytes.length;) offset += writeSync(fd, bytes, offset);
}

const directorySyncs = new Map<string, Batch<null, null>>();

/** Makes the names in it durable. A sync that begins after a rename covers it, so those who wait share the next one. */
export async function syncDirectory(directory: string): Promise<void> {
  let batch = directorySyncs.get(directory);
  if (batch === undefined) {
    batch = new Batch(async (callers) => {
      await syncDirectoryNow(directory);
      return callers;
    });
    directorySyncs.set(directory, batch);
  }
  try {
    await batch.add(null);
  } finally {
    if (batch.isIdle) directorySyncs.delete(directory);
  }
}

async function syncDirectoryNow(directory: string): Promise<void> {
  const fd = openSync(directory, 'r');
  try {
    await syncFile(fd);
  } finally {
    closeSync(fd);
  }
}
