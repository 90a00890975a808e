import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Makes a directory and what is missing above it. Unlike mkdir(recursive) of Node 20, which then never returns, it
 * fails where the parent exists and nothing can be made in it, as in /proc.
 */
export async function makePath(path: string, mode = 0o777): Promise<void> {
  if (await tryMake(path, mode)) return;
  await makePath(dirname(path), mode);
  await mkdir(path, { mode });
}

/** False when the parent is missing; a parent that is there and still gives ENOENT is an error. */
async function tryMake(path: string, mode: number): Promise<boolean> {
  try {
    await mkdir(path, { mode });
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return true;
    if (code === 'ENOENT' && dirname(path) !== path) return false;
    throw error;
  }
}
