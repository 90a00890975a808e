/**
 * Compresses the files of a log that nothing is written to any more: `PATH.1` becomes `PATH.1.gz`. At any moment one of the
 * two is whole: the compressed file gets its name when it is on the disk, and the other goes after that. The shim rotates,
 * and deletes the oldest, without knowing of it.
 */
import { constants } from 'node:fs';
import { open, rename, rm, unlink } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import {
  compressedPath,
  isMissing,
  listSequences,
  rotatedPath,
  sweepTemporary,
} from './shim-log-files.ts';
import { Wakeup } from './shim-log-wakeup.ts';

export interface LogCompression {
  readonly maxFiles: number;
  /** Nothing is rotated after it; what was is still compressed. */
  readonly ended: Promise<unknown>;
  /** Gives up at once, without an error. */
  readonly signal: AbortSignal;
  /** A file that cannot be compressed stays as it is until the next rotation. */
  readonly onTrouble: (error: unknown) => void;
}

/** Until the log has ended. Never rejects. */
export async function compressLog(path: string, compression: LogCompression): Promise<void> {
  const { ended, signal, onTrouble } = compression;
  try {
    using wakeup = new Wakeup(path, { ended, signal, ofNames: true });
    await sweepTemporary(path);
    for (;;) {
      const isLast = wakeup.hasEnded;
      await compressRotated(path, compression).catch((error: unknown) => {
        if (!signal.aborted) onTrouble(error);
      });
      if (isLast || signal.aborted) return;
      await wakeup.next();
    }
  } catch (error) {
    onTrouble(error);
  }
}

/** What is rotated now. The number of the file that is being written is the highest one. */
async function compressRotated(
  path: string,
  { maxFiles, signal }: Pick<LogCompression, 'maxFiles' | 'signal'>,
): Promise<void> {
  const sequences = await listSequences(path);
  const last = sequences.pop();
  if (last === undefined) return;
  for (const sequence of sequences) {
    // Of a shim of an older version, which leaves what is compressed.
    if (sequence <= last - BigInt(maxFiles))
      await rm(compressedPath(path, sequence), { force: true });
    else await compressOne(path, sequence, signal);
    if (signal.aborted) return;
  }
}

async function compressOne(path: string, sequence: bigint, signal: AbortSignal): Promise<void> {
  const from = rotatedPath(path, sequence);
  const to = compressedPath(path, sequence);
  const temporary = `${to}.tmp`;
  const source = await openIfThere(from);
  if (source === null) return;
  try {
    await using target = await open(temporary, 'w', 0o600);
    await pipeline(source.createReadStream({ autoClose: false }), createGzip(), sink(target), {
      signal,
    });
    await target.sync();
    await rename(temporary, to);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  } finally {
    await source.close();
  }
  try {
    await unlink(from);
  } catch (error) {
    if (!isMissing(error)) throw error;
    // The shim has deleted it meanwhile, as the oldest one.
    await rm(to, { force: true });
  }
}

function sink(target: FileHandle): (parts: AsyncIterable<Buffer>) => Promise<void> {
  return async (parts) => {
    for await (const part of parts) await target.write(part);
  };
}

async function openIfThere(path: string): Promise<FileHandle | null> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}
