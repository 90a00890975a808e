/** compose/'s Host port on the real file system and the real environment. */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import type { FileRead, Host } from '../compose/index.ts';
import { decode } from './decode.ts';

export function createHost(env: Readonly<Record<string, string | undefined>>): Host {
  return {
    environment: env,
    home: env['HOME'] ?? homedir(),
    readFile,
    readStdin: () => decode(readFileSync(0)),
  };
}

function readFile(path: string): FileRead {
  try {
    return { kind: 'text', text: decode(readFileSync(path)) };
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
