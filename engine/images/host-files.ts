/**
 * What the built-in image takes from the host, and only by these functions: files that every local user may read,
 * below /etc and /usr. Nothing here follows a link to anywhere else.
 */
import {
  lstatSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  statSync,
} from 'node:fs';
import { join, posix } from 'node:path';

/** Larger files are not configuration. */
const mostBytes = 8 << 20;

/** Where a file may really lie; openSUSE keeps certificates below /var/lib. */
const publicPlaces = ['/etc/', '/usr/', '/var/lib/ca-certificates/'];

export class HostFiles {
  readonly #root: string;

  /** `root` is "/" but in tests. */
  constructor(root: string) {
    this.#root = root === '/' ? '' : root;
  }

  /** Of the host: what `path` is below its root. */
  pathOf(path: string): string {
    return join('/', this.#root, path);
  }

  /** Null unless it is a regular file that everybody may read and that holds no private key. */
  readPublic(path: string): Buffer | null {
    const real = this.#realPath(path);
    if (real === null || !publicPlaces.some((place) => real.startsWith(place))) return null;
    const stat = statSync(this.pathOf(real));
    if (!stat.isFile() || (stat.mode & 0o004) === 0 || stat.size > mostBytes) return null;
    const bytes = readFileSync(this.pathOf(real));
    return bytes.includes('PRIVATE KEY') ? null : bytes;
  }

  /** Null unless it is a symbolic link. */
  readLink(path: string): string | null {
    return orNull(() => readlinkSync(this.pathOf(path)));
  }

  /** Names in a directory, sorted; none if there is no such directory. */
  list(path: string): readonly string[] {
    return (orNull(() => readdirSync(this.pathOf(path))) ?? []).sort();
  }

  isDirectory(path: string): boolean {
    return orNull(() => lstatSync(this.pathOf(path)))?.isDirectory() ?? false;
  }

  exists(path: string): boolean {
    return orNull(() => lstatSync(this.pathOf(path))) !== null;
  }

  /** Changes whenever the file does: device, inode, size, and both times to the nanosecond. */
  stamp(path: string): string {
    const stat = orNull(() => lstatSync(this.pathOf(path), { bigint: true }));
    if (stat === null) return `${path}\n-`;
    return `${path}\n${[stat.dev, stat.ino, stat.size, stat.mtimeNs, stat.ctimeNs].join(' ')}`;
  }

  #realPath(path: string): string | null {
    const real = orNull(() => realpathSync(this.pathOf(path)));
    if (real === null || !real.startsWith(`${this.#root}/`)) return null;
    return real.slice(this.#root.length);
  }
}

/** Where a link leads by its text: no file is looked at. */
export function linkTarget(path: string, target: string): string {
  return posix.resolve(posix.dirname(path), target);
}

/** ENOENT and its relatives are an answer; everything else is a failure. */
function orNull<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== undefined && ['ENOENT', 'ENOTDIR', 'EINVAL', 'ELOOP', 'EACCES'].includes(code))
      return null;
    throw error;
  }
}
