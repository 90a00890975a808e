/** Bytes to a file or to standard output; a file is there when all of it is. */
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

export async function writeTo(output: Writable, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of chunks) if (!output.write(chunk)) await once(output, 'drain');
}

export async function writeWholeFile(
  path: string,
  chunks: AsyncIterable<Uint8Array>,
): Promise<void> {
  const unfinished = `${path}.tscompose-${process.pid}`;
  try {
    await pipeline(chunks, createWriteStream(unfinished, { flags: 'wx', mode: 0o600 }));
    await rename(unfinished, path);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
}
