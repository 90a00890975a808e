/**
 * The row of files of one log: `PATH.1`, `PATH.2` …, each named by the number in its header once it is full, and
 * `PATH`, which is being written. The shim may rotate at any moment, so a file is believed by its header, not its name.
 */
import { constants } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
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
    .filter((name) => name.startsWith(prefix) && /^\d+$/.test(name.slice(prefix.length)))
    .map((name) => BigInt(name.slice(prefix.length)));
  if (current !== null) found.push(current);
  return [...new Set(found)].sort((a, b) => (a < b ? -1 : 1));
}

async function currentSequence(path: string): Promise<bigint | null> {
  await using file = await openLogFile(path);
  return file?.sequence ?? null;
}

/** The file with this number, under whichever name it has now; null when it is not there. */
export async function openSequence(path: string, sequence: bigint): Promise<LogFile | null> {
  // Twice: between the two looks it may have been renamed from the first place to the second.
  for (const candidate of [`${path}.${sequence}`, path, `${path}.${sequence}`]) {
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
  const sequence = await readSequence(handle);
  if (sequence === null) {
    await handle.close();
    return null;
  }
  return { handle, sequence, [Symbol.asyncDispose]: () => handle.close() };
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

export function directoryOf(path: string): string {
  return dirname(join(path));
}
