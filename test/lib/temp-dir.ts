import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A directory that is gone at the end of the block: `await using dir = await tempDir()`. */
export interface TempDir extends AsyncDisposable {
  readonly path: string;
}

/** The prefix lets the leak audit recognise what tests left behind. */
export const tempPrefix = 'tsc-test-';

export async function tempDir(): Promise<TempDir> {
  const path = await mkdtemp(join(tmpdir(), tempPrefix));
  return {
    path,
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
}
