/** What a path in a container is, as `X-Docker-Container-Path-Stat` says it. */
import { posix } from 'node:path';
import type { PathStat } from '../../api/index.ts';
import {
  isSyscallError,
  readLinkAt,
  statAt,
  type Fd,
  type FileStat,
  type FileType,
} from '../../../native/index.ts';

/** Go's io/fs.FileMode: the permission bits are POSIX's, all others are not. */
const goTypes: Readonly<Record<FileType, number>> = {
  file: 0,
  directory: 2 ** 31,
  symlink: 2 ** 27,
  block: 2 ** 26,
  char: 2 ** 26 + 2 ** 21,
  fifo: 2 ** 25,
  socket: 2 ** 24,
};
const goBits: readonly (readonly [posix: number, go: number])[] = [
  [0o4000, 2 ** 23],
  [0o2000, 2 ** 22],
  [0o1000, 2 ** 20],
];

export function goFileMode({ type, mode }: Pick<FileStat, 'type' | 'mode'>): number {
  const special = goBits.filter(([bit]) => (mode & bit) !== 0);
  return special.reduce((sum, [, bit]) => sum + bit, goTypes[type] + (mode & 0o777));
}

/** `path` is absolute; a link in its last component is described itself unless a slash follows. */
export function readPathStat(root: Fd, path: string): PathStat {
  const stat = statAt(root, path);
  return {
    name: baseName(path),
    size: stat.size,
    mode: goFileMode(stat),
    mtime: formatTime(stat.modifyNs),
    linkTarget: stat.type === 'symlink' ? followLinks(root, path) : '',
  };
}

/** Go's filepath.Base: the last component, "/" of the root. */
export function baseName(path: string): string {
  const trimmed = path.replace(/\/+$/, '');
  return trimmed === '' ? '/' : trimmed.slice(trimmed.lastIndexOf('/') + 1);
}

const giga = 1_000_000_000n;

/** RFC 3339 with as many digits of the second as there are. */
function formatTime(ns: bigint): string {
  const fraction = ((ns % giga) + giga) % giga;
  const seconds = new Date(Number((ns - fraction) / giga) * 1000).toISOString().slice(0, 19);
  const digits = String(fraction).padStart(9, '0').replace(/0+$/, '');
  return `${seconds}${digits === '' ? '' : `.${digits}`}Z`;
}

/** As the kernel, which gives up at 40. */
const mostLinks = 40;

/** Where a path leads in the container, as far as it leads anywhere. Only to be shown: nothing is opened by it. */
export function followLinks(root: Fd, path: string): string {
  const rest = componentsOf(path);
  let resolved = '/';
  for (let links = 0, part = rest.shift(); part !== undefined; part = rest.shift()) {
    const next = posix.join(resolved, part);
    const target = part === '..' ? null : linkAt(root, next);
    if (target === null) {
      resolved = next;
      continue;
    }
    links += 1;
    if (links > mostLinks) return next;
    if (target.startsWith('/')) resolved = '/';
    rest.unshift(...componentsOf(target));
  }
  return resolved;
}

function componentsOf(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.');
}

/** Null for what is no link, or is not there. */
function linkAt(root: Fd, path: string): string | null {
  try {
    return readLinkAt(root, path);
  } catch (error) {
    if (isSyscallError(error, 'EINVAL', 'ENOENT', 'ENOTDIR', 'ELOOP')) return null;
    throw error;
  }
}
