/** compose/'s Host port on the real file system and the real environment. */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import type { FileRead, Host } from '../compose/index.ts';

export function createHost(env: Readonly<Record<string, string | undefined>>): Host {
  return {
    environment: env,
    home: env['HOME'] ?? homedir(),
    readFile,
    readStdin: () => readFileSync(0, 'utf8'),
  };
}

function readFile(path: string): FileRead {
  try {
    return { kind: 'text', text: readFileSync(path, 'utf8') };
  } catch (error) {
    return failedRead(error as NodeJS.ErrnoException);
  }
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  ELOOP: 'too many symbolic links',
  EMFILE: 'too many open files',
};

function failedRead({ code, message }: NodeJS.ErrnoException): FileRead {
  if (code === 'ENOENT' || code === 'ENOTDIR') return { kind: 'absent' };
  if (code === 'EISDIR') return { kind: 'directory' };
  return { kind: 'failed', reason: reasons[code ?? ''] ?? message };
}
