/** compose/'s Host port on the real file system and the real environment. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import type { Host } from '../compose/index.ts';
import { readFile, readStdin } from './read-file.ts';

export function createHost(env: Readonly<Record<string, string | undefined>>): Host {
  return {
    environment: env,
    ...callerOf(env),
    home: env['HOME'] ?? homedir(),
    readFile,
    list,
    fileDigest,
    fileBytes,
    readStdin,
  };
}

/**
 * sudo(8) tells root who called. Root alone is believed: whoever else sets the variables gets their own ids, and root who
 * sets them could change owners anyway.
 */
function callerOf(env: Readonly<Record<string, string | undefined>>): Pick<Host, 'caller'> {
  const [uid, gid] = [process.getuid?.(), process.getgid?.()];
  if (uid === undefined || gid === undefined) return {};
  const { SUDO_UID = '', SUDO_GID = '' } = env;
  const isNamed = [SUDO_UID, SUDO_GID].every((id) => /^\d{1,9}$/.test(id));
  if (uid !== 0 || !isNamed || Number(SUDO_UID) === 0)
    return { caller: { uid, gid, isThroughSudo: false } };
  return { caller: { uid: Number(SUDO_UID), gid: Number(SUDO_GID), isThroughSudo: true } };
}

function list(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    // It is asked for advice alone.
    if (typeof (error as NodeJS.ErrnoException).code === 'string') return [];
    throw error;
  }
}

function fileDigest(path: string): string | null {
  const bytes = regularFile(path, Infinity);
  return bytes === null ? null : createHash('sha256').update(bytes).digest('hex');
}

/** Docker's limit is half a megabyte for a secret, in a cluster. */
const mostBytes = 64 * 1024 * 1024;

function fileBytes(path: string): Uint8Array | null {
  return regularFile(path, mostBytes);
}

function regularFile(path: string, mostBytes: number): Buffer | null {
  try {
    const stats = statSync(path);
    // A pipe or a device would be waited for.
    return stats.isFile() && stats.size <= mostBytes ? readFileSync(path) : null;
  } catch (error) {
    // Whoever needs the content says why it cannot be read.
    if (typeof (error as NodeJS.ErrnoException).code === 'string') return null;
    throw error;
  }
}
