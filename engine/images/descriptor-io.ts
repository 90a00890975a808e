/** Bytes through descriptors that somebody else opened: no path is ever resolved here. */
import { ftruncateSync, read, readSync, write, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import type { Fd } from '../../native/index.ts';
import type { Piece } from '../lib/index.ts';

const writeAsync = promisify(write);
const readAsync = promisify(read);

/** Below this a write into the page cache takes less time than a trip through the thread pool. */
const smallBytes = 32 * 1024;

export async function writePiece(fd: Fd, { offset, bytes }: Piece): Promise<void> {
  if (bytes.length <= smallBytes) {
    writeAll(fd, bytes, offset);
    return;
  }
  for (let done = 0; done < bytes.length;) {
    const result = await writeAsync(fd, bytes, done, bytes.length - done, offset + done);
    done += result.bytesWritten;
  }
}

function writeAll(fd: Fd, bytes: Buffer, offset: number): void {
  for (let done = 0; done < bytes.length;)
    done += writeSync(fd, bytes, done, bytes.length - done, offset + done);
}

/** Gives a file with a hole at its end its size. */
export function setSize(fd: Fd, bytes: number): void {
  ftruncateSync(fd, bytes);
}

/** At most `mostBytes` from the beginning; longer files come back cut off at that length plus one. */
export function readStart(fd: Fd, mostBytes: number): Buffer {
  const buffer = Buffer.alloc(mostBytes + 1);
  let length = 0;
  while (length < buffer.length) {
    const got = readSync(fd, buffer, length, buffer.length - length, length);
    if (got === 0) break;
    length += got;
  }
  return buffer.subarray(0, length);
}

/** The content of an open file in chunks. The descriptor stays the caller's. */
export async function* readChunks(fd: Fd, chunkBytes: number = 1 << 18): AsyncGenerator<Buffer> {
  for (let position = 0; ;) {
    const buffer = Buffer.allocUnsafe(chunkBytes);
    const { bytesRead } = await readAsync(fd, buffer, 0, chunkBytes, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}
