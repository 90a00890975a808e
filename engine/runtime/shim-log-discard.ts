/** Forgets what a log says, of a container that does not run. */
import { rename, rm, writeFile } from 'node:fs/promises';
import { encodeHeader } from './shim-log-frames.ts';
import { compressedPath, listSequences, rotatedPath } from './shim-log-files.ts';

/** The number goes on, so that who stands somewhere in the old log finds its place before the next line. */
export async function discardLog(path: string): Promise<void> {
  const sequences = await listSequences(path);
  const last = sequences.at(-1);
  if (last === undefined) return;
  const next = `${path}.next`;
  await writeFile(next, encodeHeader(last + 1n), { mode: 0o600 });
  await rename(next, path);
  for (const sequence of sequences) {
    await rm(rotatedPath(path, sequence), { force: true });
    await rm(compressedPath(path, sequence), { force: true });
  }
}
