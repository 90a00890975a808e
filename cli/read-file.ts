/** Reads what a compose file may name, and never waits for what is no file. */
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readFileSync,
  readSync,
  type Stats,
  statSync,
} from 'node:fs';
import type { FileRead } from '../compose/index.ts';
import { CliError } from './cli-error.ts';
import { decode } from './decode.ts';

/** No compose or env file comes near it; a log or an image named by mistake does. */
const maxBytes = 64 * 1024 * 1024;

/** What a descriptor gave: it can be read only once, and a project is loaded again when something was fetched for it. */
const descriptors = new Map<number, FileRead>();

export function readStdin(): string {
  const read = readDescriptor(0);
  if (read.kind === 'text') return read.text;
  const reason = read.kind === 'failed' ? read.reason : 'it is a directory';
  throw new CliError(`standard input cannot be read: ${reason}`);
}

export function readFile(path: string): FileRead {
  // An empty file by another name: the usual way to say "no env file".
  if (path === '/dev/null') return { kind: 'text', text: '' };
  const inherited = /^\/(?:dev|proc\/self)\/fd\/(\d+)$/u.exec(path)?.[1];
  // What a shell makes of `<(command)`; its writer is there, so that it ends.
  if (inherited !== undefined) return readDescriptor(Number(inherited));
  try {
    // Opening a device may already do something.
    return refusal(statSync(path)) ?? readRegular(path);
  } catch (error) {
    return failedRead(error as NodeJS.ErrnoException);
  }
}

function readRegular(path: string): FileRead {
  // It may have become a pipe since, whose other end nobody opens.
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  try {
    const refused = refusal(fstatSync(descriptor));
    return refused ?? { kind: 'text', text: decode(readFileSync(descriptor)) };
  } finally {
    closeSync(descriptor);
  }
}

function readDescriptor(descriptor: number): FileRead {
  const known = descriptors.get(descriptor);
  if (known !== undefined) return known;
  const read = readOnce(descriptor);
  descriptors.set(descriptor, read);
  return read;
}

function readOnce(descriptor: number): FileRead {
  try {
    const bytes = readUpTo(descriptor, maxBytes);
    if (bytes === null) return { kind: 'failed', reason: 'it goes on after 64 MiB' };
    return { kind: 'text', text: decode(bytes) };
  } catch (error) {
    return failedRead(error as NodeJS.ErrnoException);
  }
}

/** All that a descriptor gives, or null beyond `limit`: a pipe or a device may have no end. */
function readUpTo(descriptor: number, limit: number): Buffer | null {
  const parts: Buffer[] = [];
  for (let length = 0; length <= limit;) {
    const part = Buffer.allocUnsafe(1024 * 1024);
    const count = fill(part, descriptor);
    if (count > 0) parts.push(part.subarray(0, count));
    if (count < part.length) return Buffer.concat(parts);
    length += count;
  }
  return null;
}

/** A pipe gives less at a time than is asked for. */
function fill(part: Buffer, descriptor: number): number {
  let length = 0;
  while (length < part.length) {
    const count = readSync(descriptor, part, length, part.length - length, null);
    if (count === 0) break;
    length += count;
  }
  return length;
}

/** Why it is not read, or null for a file of a bearable size. */
function refusal(stats: Stats): FileRead | null {
  if (stats.isDirectory()) return { kind: 'directory' };
  if (!stats.isFile()) return { kind: 'failed', reason: `it is ${kindOf(stats)}, not a file` };
  if (stats.size <= maxBytes) return null;
  const size = Math.ceil(stats.size / 1024 / 1024);
  return { kind: 'failed', reason: `it has ${size} MiB, and more than 64 MiB is no compose file` };
}

function kindOf(stats: Stats): string {
  if (stats.isFIFO()) return 'a named pipe';
  if (stats.isSocket()) return 'a socket';
  return 'a device';
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  ELOOP: 'too many symbolic links',
  EMFILE: 'too many open files',
  EBADF: 'no such open file',
  ENXIO: 'no such device',
  ENAMETOOLONG: 'the name is too long',
};

function failedRead({ code, message }: NodeJS.ErrnoException): FileRead {
  if (code === 'ENOENT' || code === 'ENOTDIR') return { kind: 'absent' };
  if (code === 'EISDIR') return { kind: 'directory' };
  return { kind: 'failed', reason: reasons[code ?? ''] ?? message };
}
