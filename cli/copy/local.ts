/**
 * Files of this machine as an archive, and an archive as files of this machine. An archive that comes out of a
 * container is the container's word: no entry leads out of the directory it is extracted to, a link that the archive
 * brought is never followed, and what it makes belongs to the user and gives nobody another identity.
 */
import { createReadStream, type Stats } from 'node:fs';
import {
  chmod,
  link,
  lstat,
  mkdir,
  open,
  opendir,
  readlink,
  realpath,
  rm,
  symlink,
  utimes,
  lutimes,
} from 'node:fs/promises';
import { join } from 'node:path';
import {
  encodeTarHeader,
  paddingOf,
  printable,
  readTar,
  tarEnd,
  TarError,
  type ByteString,
  type TarEntry,
} from '../../engine/client/index.ts';
import type { CopyTarget } from './paths.ts';

/** `as`: what the first entry is called. */
export async function* packLocal(path: string, as: string): AsyncGenerator<Uint8Array> {
  yield* packEntry(path, Buffer.from(as).toString('latin1'), new Map());
  yield tarEnd;
}

async function* packEntry(
  path: string,
  name: ByteString,
  linked: Map<string, ByteString>,
): AsyncGenerator<Uint8Array> {
  const stat = await lstat(path);
  const attributes = {
    ...{ name, mode: stat.mode & 0o7777, uid: stat.uid, gid: stat.gid },
    mtimeNs: BigInt(Math.round(stat.mtimeMs * 1000)) * 1000n,
  };
  if (stat.isSymbolicLink()) {
    const linkName = (await readlink(path, { encoding: 'buffer' })).toString('latin1');
    yield encodeTarHeader({ ...attributes, type: 'symlink', linkName });
  } else if (stat.isDirectory()) {
    yield encodeTarHeader({ ...attributes, type: 'directory' });
    for await (const { name: entry } of await opendir(path)) {
      const inner = `${name}/${Buffer.from(entry).toString('latin1')}`;
      yield* packEntry(join(path, entry), inner, linked);
    }
  } else if (stat.isFIFO()) {
    yield encodeTarHeader({ ...attributes, type: 'fifo' });
  } else if (stat.isFile()) {
    const first = rememberLink(linked, stat, name);
    if (first !== null) yield encodeTarHeader({ ...attributes, type: 'link', linkName: first });
    else yield* packFile(path, attributes);
  }
}

function rememberLink(
  linked: Map<string, ByteString>,
  { dev, ino, nlink }: Stats,
  name: ByteString,
): ByteString | null {
  if (nlink < 2) return null;
  const key = `${dev}:${ino}`;
  const first = linked.get(key) ?? null;
  if (first === null) linked.set(key, name);
  return first;
}

/** Exactly as many bytes as its header says, whatever happens to the file meanwhile. */
async function* packFile(
  path: string,
  attributes: Omit<Parameters<typeof encodeTarHeader>[0], 'type'>,
): AsyncGenerator<Uint8Array> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    yield encodeTarHeader({ ...attributes, type: 'file', sizeBytes: size });
    let sent = 0;
    const source = { fd: file.fd, autoClose: false, start: 0, highWaterMark: 1 << 18 };
    const chunks = size === 0 ? [] : createReadStream('', { ...source, end: size - 1 });
    for await (const chunk of chunks as AsyncIterable<Buffer>) {
      sent += chunk.length;
      yield chunk;
    }
    if (sent < size) throw new TarError(`${path} has become shorter while it was read`);
    yield Buffer.alloc(paddingOf(size));
  } finally {
    await file.close();
  }
}

export interface ExtractRequest {
  readonly target: CopyTarget;
  /** What the archive calls the thing that was asked for. */
  readonly sourceName: string;
  readonly warn: (message: string) => void;
}

export async function extractLocal(
  archive: AsyncIterable<Uint8Array>,
  { target, sourceName, warn }: ExtractRequest,
): Promise<void> {
  const root = await realpath(target.directory);
  const extractor = new LocalExtractor(root, warn);
  for await (const entry of readTar(archive)) {
    const rename = (name: ByteString): ByteString => renamed(name, sourceName, target.name);
    await extractor.put(entry, rename);
  }
  await extractor.finish();
}

/** "dir/x" → "new/x". Of the root's archive every name begins with a slash. */
function renamed(name: ByteString, from: string, to: string | null): ByteString {
  if (to === null) return name;
  const old = from === '/' ? '' : Buffer.from(from).toString('latin1');
  return name.startsWith(old) ? Buffer.from(to).toString('latin1') + name.slice(old.length) : name;
}

class LocalExtractor {
  readonly #root: string;
  readonly #warn: (message: string) => void;
  readonly #directories: { path: Buffer; entry: TarEntry }[] = [];

  constructor(root: string, warn: (message: string) => void) {
    this.#root = root;
    this.#warn = warn;
  }

  async put(entry: TarEntry, rename: (name: ByteString) => ByteString): Promise<void> {
    const parts = splitName(rename(entry.name));
    if (parts.length === 0) return;
    const path = await this.#makeWay(parts, entry);
    switch (entry.type) {
      case 'directory':
        this.#directories.push({ path, entry });
        await mkdir(path, { recursive: true });
        return;
      case 'file':
        await writeFile(path, entry);
        return;
      case 'symlink':
        await symlink(Buffer.from(entry.linkName, 'latin1'), path);
        await lutimes(path, seconds(entry), seconds(entry));
        return;
      case 'link': {
        const target = splitName(rename(entry.linkName));
        await this.#requireWay(target.slice(0, -1), entry);
        await link(this.#pathOf(target), path);
        return;
      }
      default:
        this.#warn(`${printable(entry.name)} is a ${entry.type} node, which is not copied`);
    }
  }

  /** Each change in a directory changes its time, and a mode may forbid changes: both come last, inner ones first. */
  async finish(): Promise<void> {
    for (const { path, entry } of this.#directories.reverse()) {
      await chmod(path, entry.mode & 0o1777);
      await utimes(path, seconds(entry), seconds(entry));
    }
  }

  #pathOf(parts: readonly ByteString[]): Buffer {
    return Buffer.concat([
      Buffer.from(this.#root),
      ...parts.map((part) => Buffer.from(`/${part}`, 'latin1')),
    ]);
  }

  /** Makes directories above, and room in the place itself. */
  async #makeWay(parts: readonly ByteString[], entry: TarEntry): Promise<Buffer> {
    for (let length = 1; length < parts.length; length++) {
      const parent = this.#pathOf(parts.slice(0, length));
      if ((await lstatIfThere(parent)) === null) await mkdir(parent);
    }
    await this.#requireWay(parts.slice(0, -1), entry);
    const path = this.#pathOf(parts);
    const found = await lstatIfThere(path);
    if (found === null) return path;
    const isDirectory = entry.type === 'directory';
    if (found.isDirectory() !== isDirectory) {
      const [old, fresh] = isDirectory
        ? ['non-directory', 'directory']
        : ['directory', 'non-directory'];
      throw new TarError(`cannot overwrite ${old} "${path.toString()}" with ${fresh}`);
    }
    if (!isDirectory) await rm(path);
    return path;
  }

  /** A link on the way may have come with the archive, and lead anywhere. */
  async #requireWay(parts: readonly ByteString[], { name }: TarEntry): Promise<void> {
    for (let length = 1; length <= parts.length; length++) {
      const found = await lstatIfThere(this.#pathOf(parts.slice(0, length)));
      if (found?.isDirectory() !== true)
        throw new TarError(`entry "${printable(name)}" lies below something that is no directory`);
    }
  }
}

function splitName(name: ByteString): readonly ByteString[] {
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..') || name.includes('\0'))
    throw new TarError(`entry "${printable(name)}" leads out of the archive`);
  return parts;
}

async function lstatIfThere(path: Buffer): Promise<Stats | null> {
  return await lstat(path).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  });
}

/** Without set-id bits: whoever put them there is not who copies. */
async function writeFile(path: Buffer, entry: TarEntry): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    for await (const { offset, bytes } of entry.content())
      for (let done = 0; done < bytes.length;)
        done += (await file.write(bytes, done, bytes.length - done, offset + done)).bytesWritten;
    await file.truncate(entry.sizeBytes);
    await file.chmod(entry.mode & 0o777);
    await file.utimes(seconds(entry), seconds(entry));
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  } finally {
    await file.close();
  }
}

function seconds({ mtimeNs }: TarEntry): number {
  return Number(mtimeNs) / 1e9;
}
