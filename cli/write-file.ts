/** Output into a file that somebody may read at the same time: it is there whole or not at all. */
import { randomBytes } from 'node:crypto';
import { realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CliError } from './cli-error.ts';

export function writeFileWhole(path: string, text: string): void {
  try {
    write(path, text);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (typeof code !== 'string') throw error;
    throw new CliError(`cannot write "${path}": ${reasons[code] ?? message}`, { cause: error });
  }
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EISDIR: 'it is a directory',
  ENOENT: 'its directory does not exist',
  ENOSPC: 'no space left',
  ENOTDIR: 'what should be its directory is a file',
  EROFS: 'the file system is read-only',
};

function write(path: string, text: string): void {
  const existing = statSync(path, { throwIfNoEntry: false });
  // A pipe or a terminal cannot be replaced, and a directory must be refused by name.
  if (existing !== undefined && !existing.isFile()) {
    writeFileSync(path, text);
    return;
  }
  // What a link leads to is replaced, not the link.
  const target = existing === undefined ? path : realpathSync(path);
  const temporary = join(dirname(target), `.tscompose-${randomBytes(6).toString('hex')}`);
  try {
    const mode = existing === undefined ? {} : { mode: existing.mode & 0o777 };
    writeFileSync(temporary, text, { flag: 'wx', ...mode });
    renameSync(temporary, target);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}
