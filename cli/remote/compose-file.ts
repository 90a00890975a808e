/** The compose file in a directory that was fetched. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { staysBelow } from './remotes.ts';

const names = ['compose.yaml', 'compose.yml', 'docker-compose.yml', 'docker-compose.yaml'];

export type FoundFile =
  | { readonly kind: 'file'; readonly file: string }
  | { readonly kind: 'failed'; readonly reason: string; readonly hint?: string };

/** `subdir` may name the file itself. */
export async function composeFileIn(root: string, subdir: string | null): Promise<FoundFile> {
  const start = subdir === null ? root : join(root, subdir);
  const shown = subdir === null ? 'the repository' : `"${subdir}" of the repository`;
  if (!staysBelow(start, root)) {
    return { kind: 'failed', reason: `${shown} is a symbolic link that leads out of it` };
  }
  const kind = await kindOf(start);
  if (kind === 'file') return { kind: 'file', file: start };
  if (kind === null)
    return { kind: 'failed', reason: `there is no "${subdir ?? ''}" in the repository` };
  for (const name of names) {
    const file = join(start, name);
    if (staysBelow(file, root) && (await kindOf(file)) === 'file') return { kind: 'file', file };
  }
  return {
    kind: 'failed',
    reason: `${shown} has no compose file`,
    hint: 'name its directory after the branch: `…#main:path/to/directory`',
  };
}

async function kindOf(path: string): Promise<'file' | 'directory' | null> {
  try {
    const found = await stat(path);
    return found.isDirectory() ? 'directory' : found.isFile() ? 'file' : null;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP') return null;
    throw error;
  }
}
