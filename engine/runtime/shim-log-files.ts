/**
 * The row of files of one log: `PATH.1`, `PATH.2` …, each named by the number in its header once it is full, and
 * `PATH`, which is being written. The shim may rotate at any moment, so a file is believed by its header, not its name.
 * A full one may be compressed, with `.gz` behind its number; it is read as if it were not.
 */
import { constants } from 'node:fs';
import { open, readdir, rm, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { fileHeaderBytes, readSequence } from './shim-log-frames.ts';

export interface LogFile extends AsyncDisposable {
  readonly handle: FileHandle;
  readonly sequence: bigint;
}

/** Numbers of the files that are there, oldest first. */
export async function listSequences(path: string): Promise<bigint[]> {
  // Before the names: a file that is rotated between the two looks is seen twice, and the other way round it would be
  // seen not at all, with everything in it.
  const current = await currentSequence(path);
  const prefix = `${basename(path)}.`;
  const found = (await namesIn(dirname(path)))
    .filter((name) => name.startsWith(prefix))
    .flatMap((name) => /^(\d+)(\.gz)?$/.exec(name.slice(prefix.length))?.[1] ?? [])
    .map(BigInt);
  if (current !== null) found.push(current);
  return [...new Set(found)].sort((a, b) => (a < b ? -1 : 1));
}

async function currentSequence(path: string): Promise<bigint | null> {
  await using file = await openLogFile(path);
  return file?.sequence ?? null;
}

/** The file with this number, under whichever name it has now; null when it is not there. */
export async function openSequence(path: string, sequence: bigint): Promise<LogFile | null> {
  const rotated = rotatedPath(path, sequence);
  // Twice: between the two looks it may have been renamed from the first place to the second.
  for (const candidate of [rotated, path, rotated, compressedPath(path, sequence)]) {
    const file = await openLogFile(candidate);
    if (file?.sequence === sequence) return file;
    await file?.[Symbol.asyncDispose]();
  }
  return null;
}

/** Nothing will be written to this file any more. */
export async function isRotated(path: string, file: LogFile): Promise<boolean> {
  const own = await file.handle.stat();
  try {
    const current = await stat(path);
    // A file without a header is being created, and then the shim may still go back to the one before.
    return current.ino !== own.ino && current.size >= fileHeaderBytes;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

async function openLogFile(path: string): Promise<LogFile | null> {
  let handle: FileHandle;
  try {
    handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
  if (path.endsWith('.gz')) handle = await decompressed(path, handle);
  const sequence = await readSequence(handle);
  if (sequence === null) {
    await handle.close();
    return null;
  }
  return { handle, sequence, [Symbol.asyncDispose]: () => handle.close() };
}

/** A file without a name takes the place of the compressed one: readers go back and forth in it. */
async function decompressed(path: string, source: FileHandle): Promise<FileHandle> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    const target = await open(
      temporary,
      constants.O_RDWR | constants.O_CREAT | constants.O_EXCL,
      0o600,
    );
    try {
      await rm(temporary, { force: true });
      const packed = source.createReadStream({ autoClose: false });
      await pipeline(packed, createGunzip(), async (parts: AsyncIterable<Buffer>) => {
        for await (const part of parts) await target.write(part);
      });
      return target;
    } catch (error) {
      await target.close();
      throw error;
    }
  } finally {
    await source.close();
  }
}

/** What an engine that was killed has begun to compress, or to read. */
export async function sweepTemporary(path: string): Promise<void> {
  const prefix = `${basename(path)}.`;
  for (const name of await namesIn(dirname(path))) {
    if (name.startsWith(prefix) && /^\d+\.gz\..*tmp$/.test(name.slice(prefix.length)))
      await rm(join(dirname(path), name), { force: true });
  }
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

/** Of a file that is full. */
export function rotatedPath(path: string, sequence: bigint): string {
  return `${path}.${sequence}`;
}

export function compressedPath(path: string, sequence: bigint): string {
  return `${rotatedPath(path, sequence)}.gz`;
}

export function directoryOf(path: string): string {
  return dirname(join(path));
}
