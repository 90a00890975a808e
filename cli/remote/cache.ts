/**
 * Where fetched compose files are kept: by what they are (commit, digest), never by where they came from, so that two
 * users of one cache cannot see half of a thing or the wrong one. Entries appear by a rename.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

export type CacheKind = 'git' | 'oci';

const temporaryPrefix = '.tmp-';
const staleMs = 24 * 60 * 60 * 1000;

/** `$XDG_CACHE_HOME/tscompose`; the specification ignores a relative one. */
export function cacheRoot(env: Readonly<Record<string, string | undefined>>): string {
  const base = env['XDG_CACHE_HOME'] ?? '';
  return isAbsolute(base)
    ? join(base, 'tscompose')
    : join(env['HOME'] ?? homedir(), '.cache', 'tscompose');
}

export class Cache {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  /** A directory that only we write to, for programs that look around themselves. */
  async directory(kind: CacheKind): Promise<string> {
    const directory = join(this.#root, kind);
    await mkdir(directory, { recursive: true, mode: 0o700 });
    return directory;
  }

  /** The entry's directory, or null when there is none. */
  async find(kind: CacheKind, key: string): Promise<string | null> {
    const directory = this.#entry(kind, key);
    return (await isDirectory(directory)) ? directory : null;
  }

  /**
   * Makes an entry: `fill` writes into a directory of its own, which then takes the entry's name at once. When somebody
   * else was faster, theirs is as good: it has the same name because it has the same content.
   */
  async add(
    kind: CacheKind,
    key: string,
    fill: (directory: string) => Promise<void>,
  ): Promise<string> {
    const target = this.#entry(kind, key);
    const work = await this.#workDirectory(kind);
    try {
      const content = join(work, 'content');
      await mkdir(content, { mode: 0o700 });
      await fill(content);
      try {
        await rename(content, target);
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
      }
      return target;
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  }

  /** Remembers what a name stood for, for when it cannot be asked. */
  async remember(kind: CacheKind, name: string, key: string): Promise<void> {
    const work = await this.#workDirectory(kind);
    try {
      const file = join(work, 'name');
      await writeFile(file, key, { mode: 0o600 });
      await rename(file, await this.#nameFile(kind, name));
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  }

  /** What the name stood for the last time, and when that was. */
  async recall(
    kind: CacheKind,
    name: string,
  ): Promise<{ readonly key: string; readonly at: Date } | null> {
    const file = await this.#nameFile(kind, name);
    try {
      const key = await readFile(file, 'utf8');
      const { mtime } = await stat(file);
      return /^[0-9a-f]{40,128}$/.test(key) ? { key, at: mtime } : null;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
  }

  #entry(kind: CacheKind, key: string): string {
    // It becomes a path.
    if (!/^[0-9a-f]{40,128}$/.test(key)) throw new TypeError(`"${key}" is no key of the cache`);
    return join(this.#root, kind, key);
  }

  async #nameFile(kind: CacheKind, name: string): Promise<string> {
    const directory = join(this.#root, kind, 'names');
    await mkdir(directory, { recursive: true, mode: 0o700 });
    return join(directory, createHash('sha256').update(name).digest('hex'));
  }

  /** Also the moment to remove what was left by processes that were killed. */
  async #workDirectory(kind: CacheKind): Promise<string> {
    const parent = await this.directory(kind);
    for (const name of await readdir(parent)) {
      if (!name.startsWith(temporaryPrefix)) continue;
      const path = join(parent, name);
      const age = await ageOf(path);
      if (age > staleMs) await rm(path, { recursive: true, force: true });
    }
    const work = join(parent, `${temporaryPrefix}${randomBytes(8).toString('hex')}`);
    await mkdir(work, { mode: 0o700 });
    return work;
  }
}

async function ageOf(path: string): Promise<number> {
  try {
    return Date.now() - (await stat(path)).mtimeMs;
  } catch (error) {
    // Its owner has just removed it.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
